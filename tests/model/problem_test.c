#include <criterion/criterion.h>
#include <string.h>

#include "model/schema.h"

static const char *nearest(const char *word)
{
    static const char *const names[] = {"cpe1", "dc1-headend", "phone", "a", "inet-dc1", "inet-dc2"};

    return vc_names_nearest(VC_NAMES(names, VC_COUNT(names)), word);
}

Test(problem, nearest_name_only_for_typos)
{
    cr_assert_str_eq(nearest("cpe2"), "cpe1");
    cr_assert_str_eq(nearest("dc1-haedend"), "dc1-headend"); /* a swap is one edit */
    cr_assert_str_eq(nearest("hpone"), "phone");
    cr_assert_str_eq(nearest("inet-dc3"), "inet-dc1"); /* a tie: the first */
    cr_assert_str_eq(nearest("inet-dc22"), "inet-dc2");
    cr_assert_null(nearest("router"));
    cr_assert_null(nearest(""));
    cr_assert_null(nearest("x"));
    cr_assert_null(nearest("this-is-a-very-long-word-that-is-no-name-at-all"));
}

Test(problem, quoted_text_stays_one_short_line)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    cr_assert_str_eq(vc_quoted(ctx, "a\nb\x1b[31m"), "\"a\\x0ab\\x1b[31m\"");
    cr_assert_str_eq(vc_quoted(ctx, "naïve"), "\"naïve\"");
    const char *long_text = vc_quoted(ctx, "ééééééééééééééééééééééééééééééééééééééééééééé");
    cr_assert_str_eq(long_text, "\"éééééééééééééééééééééééééééééé…\"");
    /* 59 bytes, then a letter of two: it must go as a whole */
    const char *cut = vc_quoted(ctx, "aéééééééééééééééééééééééééééééé");
    cr_assert_str_eq(cut, "\"aééééééééééééééééééééééééééééé…\"");
}

Test(problem, durations)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {{"0ms", 0}, {"1200ms", 1200000000}, {"5s", 5000000000}, {"3m", 180000000000}, {"4h", 14400000000000}};
    static const char *const bad[] = {"", "5", "s", "5 s", "-5s", "5.5s", "5us", "5ss", "9999999999s", "999999h", "٥s"};
    int64_t ns;

    for (size_t i = 0; i < VC_COUNT(good); i++) {
        cr_assert(vc_duration_parse(good[i].text, &ns), "%s", good[i].text);
        cr_assert_eq(ns, good[i].ns);
    }
    for (size_t i = 0; i < VC_COUNT(bad); i++)
        cr_assert_not(vc_duration_parse(bad[i], &ns), "%s", bad[i]);
}

Test(problem, durations_for_people)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    cr_assert_str_eq(vc_duration_text(ctx, 100000000), "100 ms");
    cr_assert_str_eq(vc_duration_text(ctx, 1200000000), "1.2 s");
    cr_assert_str_eq(vc_duration_text(ctx, 1250000000), "1.25 s");
    cr_assert_str_eq(vc_duration_text(ctx, 1001000000), "1.001 s");
    cr_assert_str_eq(vc_duration_text(ctx, 180000000000), "180 s");
    cr_assert_str_eq(vc_duration_text(ctx, 0), "0 s");
    cr_assert_str_eq(vc_duration_text(ctx, 1500), "1500 ns");
}

Test(problem, counts)
{
    int64_t n;

    cr_assert(vc_count_parse("0", 10, &n) && n == 0);
    cr_assert(vc_count_parse("4294967294", 4294967294, &n) && n == 4294967294);
    cr_assert_not(vc_count_parse("11", 10, &n));
    cr_assert_not(vc_count_parse("01", 10, &n));
    cr_assert_not(vc_count_parse("", 10, &n));
    cr_assert_not(vc_count_parse("-1", 10, &n));
    cr_assert_not(vc_count_parse("99999999999999999999", INT64_MAX, &n));
}
