/* A disk that is really full: a small tmpfs in a mount namespace of the test's own. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#include "report/report_private.h"

#define DISK "/mnt"

static bool disk_of(const char *options)
{
    if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("tmpfs", DISK, "tmpfs", 0, options) == 0)
        return true;
    if (getenv("VCLAB_MUST_WORK"))
        cr_assert_fail("this test needs root: %s", strerror(errno));
    cr_skip("needs root");
    return false;
}

Test(full_disk, is_reported_before_anything_starts)
{
    VC_AUTO_ERROR *err = NULL;

    if (!disk_of("size=512k"))
        return;
    cr_assert(!vc_result_create(NULL, DISK, "scene", &err));
    cr_assert_eq((int)err->status, VC_EXIT_HOST);
    cr_assert_eq(err->errnum, ENOSPC);
}

Test(full_disk, in_the_middle_of_a_run_is_reported_at_its_end)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *event =
        json_pack("{s:I, s:s}", "t_ns", (json_int_t)1, "text", "some forty characters of an event's text");

    if (!disk_of("size=1200k"))
        return;
    const char *path = vc_result_create(ctx, DISK, "scene", &err);
    cr_assert(path, "%s", err ? err->message : "");
    struct vc_result_writer *writer = vc_result_writer_new(ctx, path, NULL);
    for (size_t i = 0; i < (2 << 20) / 60; i++)
        vc_result_event(writer, event);
    cr_assert_eq(vc_result_writer_close(writer, &err), -1);
    cr_assert_eq(err->errnum, ENOSPC);
    cr_assert(!vc_result_finish(path, event, event, &err));
    cr_assert_eq(err->errnum, ENOSPC);
    cr_assert(strstr(err->message, "run.json"), "%s", err->message);
}
