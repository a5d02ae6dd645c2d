/* The acceptance report as a page. */
#include <string.h>

#include "report/acceptance_private.h"

#define ADD(text, ...) ((text) = talloc_asprintf_append_buffer(text, __VA_ARGS__))

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1c2733}"
    "h1{font-size:1.6rem}h2{font-size:1.1rem;margin:1.6rem 0 .2rem}.big{font-size:1.3rem;font-weight:600;padding:.6rem "
    "1rem;"
    "border-radius:.4rem;color:#fff}.pass{background:#1b7f4b}.fail{background:#b3261e}.inconclusive{background:#8a6100}"
    ".tag{white-space:nowrap;font-size:.8rem;padding:.1rem "
    ".5rem;border-radius:.3rem;color:#fff}table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #d6dde4;vertical-align:top}"
    "pre{background:#f3f5f7;padding:1rem;overflow-x:auto;font-size:.85rem}.promise{color:#44515e}"
    "@media print{body{margin:0}.big,.tag{print-color-adjust:exact}}";

static const char *escaped(void *ctx, const char *text)
{
    char *out = talloc_strdup(ctx, "");

    for (; *text; text++) {
        const char *entity = *text == '&'   ? "&amp;"
                             : *text == '<' ? "&lt;"
                             : *text == '>' ? "&gt;"
                             : *text == '"' ? "&quot;"
                                            : NULL;
        out = entity ? talloc_strdup_append_buffer(out, entity) : talloc_strndup_append_buffer(out, text, 1);
    }
    return out;
}

static char *add_html_flows(char *text, const json_t *row)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const json_t *flow;
    size_t i;

    json_array_foreach(json_object_get(row, "flows"), i, flow)
        ADD(text, "<p>%s: %s</p>\n", escaped(ctx, acceptance_flow_name(ctx, vc_member_text(flow, "name"))),
            acceptance_flow_words(ctx, flow));
    return text;
}

/* Each line of a list as a paragraph. */
static char *add_html_list(char *text, const json_t *row, const char *list, char *(*words)(void *, const json_t *),
                           const char *before)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(row, list), i, item)
        ADD(text, "<p>%s%s</p>\n", before, escaped(ctx, words(ctx, item)));
    return text;
}

static char *line_words(void *ctx, const json_t *line)
{
    return talloc_strdup(ctx, json_string_value(line));
}

static char *add_html_elements(char *text, const json_t *row)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const json_t *element;
    size_t i;

    if (!json_array_size(json_object_get(row, "elements")))
        return text;
    ADD(text, "<h2>Each single failure</h2>\n<p>%s</p>\n", acceptance_legend);
    ADD(text, "<table><tr><th>what fails</th><th>calls then</th><th>shown</th></tr>\n");
    json_array_foreach(json_object_get(row, "elements"), i, element)
    {
        const char *reason = vc_member_text(element, "reason");

        ADD(text, "<tr><td>%s</td><td>%s</td><td>%s%s%s</td></tr>\n", escaped(ctx, vc_member_text(element, "name")),
            escaped(ctx, acceptance_path_words(ctx, element)), acceptance_element_words(element), *reason ? ": " : "",
            escaped(ctx, reason));
    }
    return ADD(text, "</table>\n");
}

static char *add_html_cpe(char *text, const json_t *cpe)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const json_t *item;
    size_t i;

    ADD(text,
        "<h2>CPE %s as %s configures it</h2>\n<p>%zu of its settings are not the order's; %zu of its lines are not "
        "understood, and "
        "so not tried.</p>\n",
        escaped(ctx, vc_member_text(cpe, "node")), escaped(ctx, vc_member_text(cpe, "file")),
        json_array_size(json_object_get(cpe, "deviations")), json_array_size(json_object_get(cpe, "unknown")));
    json_array_foreach(json_object_get(cpe, "deviations"), i, item)
        ADD(text, "<p>%s</p>\n", escaped(ctx, acceptance_deviation_words(ctx, cpe, item)));
    return add_html_list(text, cpe, "notes", line_words, "");
}

/* What a reader looks for first: a row a case, and what is wrong; once when it is the same for several. */
static char *add_html_short(char *text, const json_t *document)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *reason = "";
    const json_t *row, *cause;
    size_t i, k;

    ADD(text, "<table>\n");
    json_array_foreach(json_object_get(document, "cases"), i, row)
    {
        const struct acceptance_verdict *verdict = acceptance_verdict_of(row);

        ADD(text, "<tr><td>%zu</td><td><span class=\"tag %s\">%s</span></td><td>%s", i + 1, verdict->colour,
            verdict->words, escaped(ctx, vc_member_text(row, "title")));
        if (verdict->status && strcmp(vc_member_text(row, "reason"), reason) != 0)
            ADD(text, "<br>%s", escaped(ctx, vc_member_text(row, "reason")));
        reason = verdict->status ? vc_member_text(row, "reason") : "";
        json_array_foreach(json_object_get(row, "causes"), k, cause)
            ADD(text, "<br><strong>cause: %s</strong>", escaped(ctx, acceptance_cause_words(ctx, cause)));
        ADD(text, "</td></tr>\n");
    }
    return ADD(text, "</table>\n");
}

static char *add_html_case(char *text, const json_t *row, size_t i)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    if (!acceptance_is_told(row))
        return text;
    ADD(text, "<h2>%zu. %s <span class=\"tag %s\">%s</span></h2>\n<p class=\"promise\">%s</p>\n", i + 1,
        escaped(ctx, vc_member_text(row, "title")), acceptance_verdict_of(row)->colour,
        acceptance_verdict_of(row)->words, escaped(ctx, talloc_asprintf(ctx, "%s.", vc_member_text(row, "promise"))));
    if (strcmp(vc_member_text(row, "verdict"), "pass") != 0)
        ADD(text, "<p><strong>%s</strong></p>\n", escaped(ctx, vc_member_text(row, "reason")));
    text = add_html_list(text, row, "unmet", line_words, "not met: ");
    text = add_html_flows(text, row);
    text = add_html_list(text, row, "loads", acceptance_load_words, "");
    text = add_html_list(text, row, "voice", acceptance_voice_words, "");
    if (json_array_size(json_object_get(row, "elements")))
        ADD(text, "<p>%s</p>\n", acceptance_elements_words(ctx, row));
    if (*vc_member_text(row, "digest"))
        ADD(text, "<p><small>%s, %.0f s of the lab's time, seed %lld, digest %s</small></p>\n",
            escaped(ctx, vc_member_text(row, "scenario")), acceptance_number(row, "virtual_s"),
            (long long)vc_member_int(row, "seed"), escaped(ctx, vc_member_text(row, "digest")));
    return text;
}

static char *add_html_versions(char *text, const json_t *versions)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *name;
    json_t *value;

    ADD(text, "<h2>What it was tried with</h2>\n<p><small>");
    json_object_foreach((json_t *)(uintptr_t)versions, name, value) if (json_is_string(value))
        ADD(text, "%s %s; ", escaped(ctx, name), escaped(ctx, json_string_value(value)));
    return ADD(text, "</small></p>\n");
}

char *vc_acceptance_html(void *ctx, const json_t *document)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const json_t *order = json_object_get(document, "order"), *row;
    bool accepted = json_is_true(json_object_get(document, "accepted"));
    const char *title = talloc_asprintf(scratch, "Virtual Connect: acceptance of order %s of %s",
                                        vc_member_text(order, "order"), vc_member_text(order, "customer"));
    char *text = talloc_asprintf(
        ctx,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<title>%s</title>\n<style>%s</style>"
        "</head><body>\n<h1>%s</h1>\n",
        escaped(scratch, title), style, escaped(scratch, title));
    size_t i;

    ADD(text, "<p class=\"big %s\">%s: %lld of %lld cases are as promised</p>\n", accepted ? "pass" : "fail",
        accepted ? "ACCEPTED" : "NOT ACCEPTED", (long long)vc_member_int(document, "passed"),
        (long long)vc_member_int(document, "total"));
    ADD(text, "<p>Tried %s. %s</p>\n<p>%s</p>\n<p>%s</p>\n", vc_member_text(document, "tried"),
        acceptance_meaning(scratch, document), escaped(scratch, acceptance_timers_words(scratch, document)),
        acceptance_plan_words(scratch, document));
    text = add_html_short(text, document);
    json_array_foreach(json_object_get(document, "cpes"), i, row) text = add_html_cpe(text, row);
    json_array_foreach(json_object_get(document, "cases"), i, row) text = add_html_case(text, row, i);
    json_array_foreach(json_object_get(document, "cases"), i, row) text = add_html_elements(text, row);
    ADD(text, "<h2>The order</h2>\n<pre>%s</pre>\n", escaped(scratch, vc_activation_text(scratch, order)));
    text = add_html_versions(text, json_object_get(document, "versions"));
    return ADD(text, "</body></html>\n");
}
