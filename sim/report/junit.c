/* junit.xml, as CI systems read it. */
#include "report/report_private.h"

#include <string.h>

/* XML 1.0 cannot hold most control characters in any form; jansson has made sure of UTF-8. */
static char *escaped(void *ctx, const char *text)
{
    static const char *const entities[256] = {['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;"};
    char *out = talloc_strdup(ctx, "");

    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (entities[*c])
            out = talloc_strdup_append_buffer(out, entities[*c]);
        else
            out = talloc_asprintf_append_buffer(out, "%c", *c < 0x20 ? ' ' : *c);
    }
    return out;
}

static char *quantity(void *ctx, const json_t *value, const char *unit)
{
    if (json_is_number(value))
        return talloc_asprintf(ctx, "%.6g%s%s", json_number_value(value), *unit ? " " : "", unit);
    if (json_is_string(value))
        return talloc_strdup(ctx, json_string_value(value));
    VC_AUTO_FREE char *text = json_is_array(value) ? json_dumps(value, JSON_COMPACT) : NULL;
    return talloc_strdup(ctx, text ? text : "nothing");
}

struct counts {
    int tests, failures, errors, skipped;
};

/* A verdict that is neither pass nor fail is an error: nothing was shown either way. What was never to be played here
 * is skipped. */
static char *append_case(char *out, const char *suite, const char *name, const char *verdict, const char *message,
                         struct counts *counts)
{
    bool failed = strcmp(verdict, "fail") == 0;

    counts->tests++;
    out = talloc_asprintf_append(out, "    <testcase classname=\"%s\" name=\"%s\"", suite, escaped(out, name));
    if (strcmp(verdict, "pass") == 0)
        return talloc_strdup_append(out, "/>\n");
    if (strcmp(verdict, "skipped") == 0) {
        counts->skipped++;
        return talloc_asprintf_append(out, "><skipped message=\"%s\"/></testcase>\n", escaped(out, message));
    }
    *(failed ? &counts->failures : &counts->errors) += 1;
    return talloc_asprintf_append(out, "><%s type=\"%s\" message=\"%s\"/></testcase>\n", failed ? "failure" : "error",
                                  escaped(out, verdict), escaped(out, message));
}

static char *suite_of(void *ctx, const json_t *run)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *suite = escaped(scratch, vc_member_text(run, "scenario"));
    char *cases = talloc_strdup(scratch, "");
    struct counts counts = {0};
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(run, "expectations"), i, item)
    {
        const char *unit = vc_member_text(item, "unit");
        char *message = talloc_asprintf(scratch, "measured %s, limit %s",
                                        quantity(scratch, json_object_get(item, "measured"), unit),
                                        quantity(scratch, json_object_get(item, "limit"), unit));
        char *name = talloc_asprintf(scratch, "%zu %s", i + 1, vc_member_text(item, "text"));
        cases = append_case(cases, suite, name, vc_member_text(item, "verdict"), message, &counts);
    }
    json_array_foreach(json_object_get(run, "invariants"), i, item)
    {
        const json_t *evidence = json_object_get(item, "evidence");
        VC_AUTO_FREE char *list = json_is_string(evidence) ? NULL : json_dumps(evidence, JSON_ENCODE_ANY);
        cases = append_case(cases, suite, vc_member_text(item, "name"), vc_member_text(item, "verdict"),
                            json_is_string(evidence) ? json_string_value(evidence) : (list ? list : ""), &counts);
    }
    cases =
        append_case(cases, suite, "verdict", vc_member_text(run, "verdict"), vc_member_text(run, "reason"), &counts);

    if (json_object_get(run, "again"))
        cases = append_case(cases, suite, "the same twice", json_object_get(run, "difference") ? "fail" : "pass",
                            vc_member_text(run, "difference"), &counts);

    const char *skipped = counts.skipped ? talloc_asprintf(scratch, " skipped=\"%d\"", counts.skipped) : "";
    return talloc_asprintf(ctx,
                           "  <testsuite name=\"%s\" tests=\"%d\" failures=\"%d\" errors=\"%d\"%s time=\"%.3f\">\n"
                           "%s  </testsuite>\n",
                           suite, counts.tests, counts.failures, counts.errors, skipped,
                           json_number_value(json_object_get(run, "wall_s")), cases);
}

static char *document_of(void *ctx, const char *suites)
{
    return talloc_asprintf(ctx, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n%s</testsuites>\n", suites);
}

char *vc_junit_text(void *ctx, const json_t *run)
{
    VC_AUTO_TALLOC char *suite = suite_of(NULL, run);

    return document_of(ctx, suite);
}

char *vc_junit_merged(void *ctx, const json_t *runs)
{
    VC_AUTO_TALLOC char *suites = talloc_strdup(NULL, "");
    const json_t *run;
    size_t i;

    json_array_foreach(runs, i, run)
    {
        VC_AUTO_TALLOC char *suite = suite_of(NULL, run);
        suites = talloc_strdup_append_buffer(suites, suite);
    }
    return document_of(ctx, suites);
}
