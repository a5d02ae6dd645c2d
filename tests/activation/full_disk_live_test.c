/* Disks that are really full or read-only, and users that may not: a small tmpfs in a mount namespace of the test's
 * own. Each is one line, and what was told as allocated stays. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "fixture.h"

#define DISK "/mnt"

TestSuite(full_disk, .init = folder_open, .fini = folder_close, .timeout = 120);

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

static struct vc_ledger *disk_ledger(void *ctx, vc_error **err)
{
    return vc_ledger_open(ctx, DISK "/ledger", VC_LEDGER_WRITE, err);
}

static bool one_line(const vc_error *err, const char *text)
{
    return err && !strchr(err->message, '\n') && strstr(err->message, text);
}

/* Allocates until the disk is full: the order that failed is not there, those before it are, and room makes it go on.
 */
Test(full_disk, takes_back_what_it_cannot_keep)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    unsigned n = 1;

    if (!disk_of("size=200k"))
        return;
    struct vc_ledger *ledger = disk_ledger(ctx, &err);
    cr_assert(ledger, "%s", err ? err->message : "");
    while (vc_allocate(ctx, ledger, make_form(ctx, talloc_asprintf(ctx, "c%u", n), "eu", n), NULL, &err))
        n++;
    cr_assert(one_line(err, "the disk is full; make room and try again, nothing was changed"), "%s", err->message);
    cr_assert_eq((int)err->status, VC_EXIT_HOST);
    cr_assert_gt(n, 5, "%u orders", n);
    cr_assert(!mount(NULL, DISK, NULL, MS_REMOUNT, "size=4m"));
    ledger_has(ledger, n - 1);
    cr_assert(vc_allocate(ctx, ledger, make_form(ctx, talloc_asprintf(ctx, "c%u", n), "eu", n), NULL, NULL));
    ledger_has(ledger, n);
}

Test(full_disk, cannot_make_a_ledger)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    if (!disk_of("size=8k"))
        return;
    cr_assert(!disk_ledger(ctx, &err));
    cr_assert(one_line(err, "the disk is full"), "%s", err->message);
}

/* The ledger has room, the folder for the files has not: the order stays In-Progress, and goes on elsewhere. */
Test(full_disk, leaves_the_order_in_progress_when_its_files_have_no_room)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    const char *form = put_form(ctx, "acme", 1, ""), *out = in_top(ctx, "out");
    struct vc_activation_options options = {.out = DISK "/out"};
    VC_AUTO_ERROR *err = NULL;

    if (!disk_of("size=4k,nr_inodes=4"))
        return;
    cr_assert(!vc_activate(ctx, ledger, form, &options, &err));
    cr_assert(one_line(err, "order o1 stays In-Progress, and the same form again goes on with it: cannot write " DISK),
              "%s", err->message);
    cr_assert_eq(err->errnum, ENOSPC);
    struct vc_order *half = vc_ledger_order(ctx, ledger, "o1", NULL);
    cr_assert_str_eq(half->status, VC_ORDER_IN_PROGRESS);
    options.out = out;
    const struct vc_order *order = vc_activate(ctx, ledger, form, &options, &err);
    cr_assert(order, "%s", err->message);
    cr_assert_str_eq(order->status, VC_ORDER_ACTIVATED);
    cr_assert_str_eq(order->allocation.tunnels[0].psk, half->allocation.tunnels[0].psk);
    ledger_has(ledger, 1);
}

Test(full_disk, or_one_that_cannot_be_written_can_still_be_read)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    if (!disk_of("size=4m"))
        return;
    VC_AUTO_TALLOC struct vc_ledger *before = disk_ledger(NULL, &err);
    cr_assert(before, "%s", err ? err->message : "");
    allocate(ctx, before, make_form(ctx, "acme", "eu", 1));
    talloc_free(VC_STEAL_PTR(before));
    cr_assert(!mount(NULL, DISK, NULL, MS_REMOUNT | MS_RDONLY, NULL));
    struct vc_ledger *ledger = disk_ledger(ctx, &err);
    cr_assert(ledger && vc_ledger_order(ctx, ledger, "o1", &err), "%s", err ? err->message : "");
    cr_assert(!vc_allocate(ctx, ledger, make_form(ctx, "acme", "us", 2), NULL, &err));
    cr_assert(one_line(err, "it cannot be written"), "%s", err->message);
    ledger_has(ledger, 1);
}

/* Another user's ledger. */
Test(full_disk, no_right_to_read_or_write_is_told)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    if (!disk_of("size=4m,mode=0755"))
        return;
    cr_assert(disk_ledger(ctx, &err));
    cr_assert(!setegid(65534) && !seteuid(65534));
    cr_assert(!disk_ledger(ctx, &err));
    cr_assert(one_line(err, "cannot be opened; give yourself the right"), "%s", err->message);
    cr_assert(!vc_ledger_open(ctx, DISK "/mine", VC_LEDGER_WRITE, &err));
    cr_assert(one_line(err, "cannot make the ledger " DISK "/mine (choose another with --ledger): Permission denied"),
              "%s", err->message);
    cr_assert(!seteuid(0) && !setegid(0)); /* who removes the test's folder */
}
