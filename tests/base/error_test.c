#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"

Test(error, a_failure_carries_its_status_errno_and_one_line)
{
    VC_AUTO_ERROR *err = NULL;

    cr_assert_eq(vc_fail(&err, VC_EXIT_HOST, ENOENT, "open %s", "/x"), -1);
    cr_assert_eq(err->status, VC_EXIT_HOST);
    cr_assert_eq(err->errnum, ENOENT);
    cr_assert_str_eq(err->message, "open /x: No such file or directory");
    cr_assert_eq(vc_fail(&err, VC_EXIT_USAGE, 0, "100%%"), -1, "a later failure takes the place of the first");
    cr_assert_eq(err->status, VC_EXIT_USAGE);
    cr_assert_eq(err->errnum, 0);
    cr_assert_str_eq(err->message, "100%");
}

Test(error, wrapping_puts_the_context_in_front_and_keeps_the_rest)
{
    VC_AUTO_ERROR *err = NULL;

    vc_fail(&err, VC_EXIT_FAIL, EPERM, "setns");
    cr_assert_eq(vc_wrap(&err, "node %s", "cpe1"), -1);
    cr_assert_eq(vc_wrap(&err, "lab"), -1);
    cr_assert_str_eq(err->message, "lab: node cpe1: setns: Operation not permitted");
    cr_assert_eq(err->status, VC_EXIT_FAIL);
    cr_assert_eq(err->errnum, EPERM);
}

Test(error, whoever_does_not_care_passes_null)
{
    vc_error *none = NULL;

    cr_assert_eq(vc_fail(NULL, VC_EXIT_FAIL, 0, "x"), -1);
    cr_assert_eq(vc_wrap(NULL, "x"), -1);
    cr_assert_eq(vc_wrap(&none, "x"), -1);
    cr_assert_null(none);
    vc_error_free(NULL);
}

Test(error, moving_hands_over_and_replaces)
{
    VC_AUTO_ERROR *to = NULL;
    vc_error *from = NULL;

    vc_fail(&to, VC_EXIT_FAIL, 0, "old");
    vc_fail(&from, VC_EXIT_HOST, 0, "new");
    cr_assert_eq(vc_error_move(&to, &from), -1);
    cr_assert_null(from);
    cr_assert_str_eq(to->message, "new");
    vc_fail(&from, VC_EXIT_HOST, 0, "unwanted");
    cr_assert_eq(vc_error_move(NULL, &from), -1);
    cr_assert_null(from);
}
