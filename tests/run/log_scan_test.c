#include <criterion/criterion.h>
#include <string.h>

#include "run/log_scan.h"

static void note(void *arg, const char *text, const char *line)
{
    char **seen = arg;

    *seen = talloc_asprintf_append(*seen, "[%s: %s]", text, line);
}

static void feed(struct vc_log_scan *scan, const char *bytes)
{
    vc_log_scan_feed(scan, bytes, strlen(bytes));
}

Test(log_scan, tells_each_text_once_and_by_whole_lines)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *seen = talloc_strdup(ctx, "");
    struct vc_log_scan *scan = vc_log_scan_new(ctx, note, &seen);

    cr_assert(vc_log_scan_done(scan));
    vc_log_scan_add(scan, "no proposal");
    vc_log_scan_add(scan, "no proposal");
    vc_log_scan_add(scan, "two");
    feed(scan, "one\nfound no prop");
    cr_expect_str_eq(seen, "");
    feed(scan, "osal");
    cr_expect_str_eq(seen, "");
    feed(scan, "\t!\n");
    cr_expect_str_eq(seen, "[no proposal: found no proposal?!]");
    feed(scan, "no proposal again\n");
    cr_expect_str_eq(seen, "[no proposal: found no proposal?!]");
    cr_expect(!vc_log_scan_done(scan));
    feed(scan, "two two\n");
    cr_expect_str_eq(seen, "[no proposal: found no proposal?!][two: two two]");
    cr_expect(vc_log_scan_done(scan));
}

Test(log_scan, one_line_may_have_several)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *seen = talloc_strdup(ctx, "");
    struct vc_log_scan *scan = vc_log_scan_new(ctx, note, &seen);

    vc_log_scan_add(scan, "a");
    vc_log_scan_add(scan, "b");
    vc_log_scan_add(scan, "c");
    feed(scan, "c b a\n");
    cr_expect(vc_log_scan_done(scan));
    cr_expect_eq(strlen(seen), 3 * strlen("[a: c b a]"), "%s", seen);
}

Test(log_scan, half_a_line_of_another_file_is_forgotten)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *seen = talloc_strdup(ctx, "");
    struct vc_log_scan *scan = vc_log_scan_new(ctx, note, &seen);

    vc_log_scan_add(scan, "ab");
    feed(scan, "a");
    vc_log_scan_restart(scan);
    feed(scan, "b\n");
    cr_expect_str_eq(seen, "");
}

Test(log_scan, a_line_without_end_is_bounded)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *seen = talloc_strdup(ctx, "");
    struct vc_log_scan *scan = vc_log_scan_new(ctx, note, &seen);

    vc_log_scan_add(scan, "begin");
    vc_log_scan_add(scan, "end");
    feed(scan, "begin");
    for (int i = 0; i < 1000; i++)
        feed(scan, "0123456789");
    feed(scan, "end\n");
    cr_expect(strstr(seen, "[begin: begin0123") && !strstr(seen, "[end"));
    cr_expect_lt(strlen(seen), 2100);
    feed(scan, "the end\n");
    cr_expect(strstr(seen, "[end: the end]"));
}
