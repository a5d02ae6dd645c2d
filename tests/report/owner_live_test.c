/* Under sudo a result belongs to who called it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "report/report_private.h"

#define CALLER 54321

static void belongs_to_caller(const char *path, const char *name)
{
    VC_AUTO_TALLOC char *full = talloc_asprintf(NULL, "%s/%s", path, name);
    struct stat st;

    cr_assert(lstat(full, &st) == 0, "%s", full);
    cr_assert_eq(st.st_uid, CALLER, "%s belongs to %u", full, st.st_uid);
    cr_assert_eq(st.st_gid, CALLER, "%s has group %u", full, st.st_gid);
}

Test(owner, is_who_called_sudo)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *event = json_pack("{s:i}", "t_ns", 1);
    VC_AUTO_JSON *nothing = json_object();
    char top[] = "/tmp/vclab-owner-XXXXXX";

    if (geteuid() != 0) {
        if (getenv("VCLAB_MUST_WORK"))
            cr_assert_fail("this test needs root");
        cr_skip("needs root");
    }
    cr_assert(mkdtemp(top) != NULL);
    setenv("SUDO_UID", "54321", 1);
    setenv("SUDO_GID", "54321", 1);
    const char *results = talloc_asprintf(ctx, "%s/results", top);
    const char *path = vc_result_create(ctx, results, "scene", NULL);
    struct vc_result_writer *writer = vc_result_writer_new(ctx, path, NULL);
    vc_result_event(writer, event);
    cr_assert_eq(vc_result_writer_close(writer, NULL), 0);
    VC_AUTO_TALLOC char *capture = talloc_asprintf(NULL, "%s/captures/link", path);
    cr_assert(symlink("/etc/passwd", capture) == 0);
    VC_AUTO_JSON *run = vc_result_finish(path, nothing, nothing, NULL);
    cr_assert(run != NULL);

    static const char *const names[] = {"",         "events.jsonl",  "run.json", "junit.xml",
                                        "captures", "captures/link", "logs"};
    belongs_to_caller(results, "");
    for (size_t i = 0; i < VC_COUNT(names); i++)
        belongs_to_caller(path, names[i]);
    struct stat st;
    cr_assert(stat("/etc/passwd", &st) == 0 && st.st_uid == 0, "a link's target is not touched");

    pid_t pid = fork();
    if (pid == 0)
        execlp("rm", "rm", "-rf", top, (char *)NULL);
    waitpid(pid, NULL, 0);
}
