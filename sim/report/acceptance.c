#include "report/acceptance.h"

#include <string.h>

#include "activation/rules.h"
#include "report/report_private.h"

/* ---- the document ---- */

/* The expectations and invariants that were not met, in a sentence each. */
static json_t *unmet(const json_t *run)
{
    static const struct {
        const char *list, *text;
    } lists[] = {{"expectations", "text"}, {"invariants", "name"}};
    json_t *out = json_array();
    const json_t *item;
    size_t i;

    for (size_t k = 0; k < VC_COUNT(lists); k++)
        json_array_foreach(json_object_get(run, lists[k].list), i,
                           item) if (strcmp(vc_member_text(item, "verdict"), "pass") != 0)
            json_array_append_new(out, json_string(vc_member_text(item, lists[k].text)));
    return out;
}

static json_t *flow_row(const json_t *flow)
{
    static const char *const members[] = {"name", "sent", "lost", "longest_outage_ms", "resolution_ms", "mos"};
    json_t *out = json_object();

    for (size_t i = 0; i < VC_COUNT(members); i++)
        if (json_object_get(flow, members[i]))
            json_object_set(out, members[i], json_object_get(flow, members[i]));
    return out;
}

static json_t *case_row(const struct vc_acceptance_case *c, const char *result, const char *skipped)
{
    static const char *const members[] = {"verdict", "reason", "digest", "virtual_s", "wall_s", "seed", "mode"};
    VC_AUTO_JSON *run = result ? vc_result_load_run(result, NULL) : NULL;
    json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:o}", "name", c->name, "title", c->title, "promise",
                            c->promise, "scenario", c->scenario, "result", result, "unmet", unmet(run));
    json_t *flows = json_array(), *flow;
    size_t i;

    for (i = 0; i < VC_COUNT(members); i++)
        if (json_object_get(run, members[i]))
            json_object_set(out, members[i], json_object_get(run, members[i]));
    if (!run) {
        json_object_set_new(out, "verdict", json_string(skipped ? "skipped" : "error"));
        json_object_set_new(out, "reason", json_string(skipped ? skipped : "it left no result"));
    }
    json_array_foreach(json_object_get(run, "flows"), i, flow) json_array_append_new(flows, flow_row(flow));
    json_object_set_new(out, "flows", flows);
    return out;
}

/* What the planned calls need of one tunnel, which must be able to carry all of them. */
static json_t *plan_of(const json_t *order)
{
    json_int_t calls = vc_member_int(order, "calls");

    return json_pack("{s:I, s:f, s:f, s:I}", "calls", calls, "mbit", (double)calls * VC_CALL_KBIT / 1000,
                     "percent_of_a_tunnel", 100.0 * (double)calls / VC_CALLS_A_TUNNEL, "calls_a_tunnel",
                     (json_int_t)VC_CALLS_A_TUNNEL);
}

json_t *vc_acceptance_document(const json_t *order, const struct vc_acceptance *acceptance, const char *const *results,
                               const char *const *skipped, double wall_s)
{
    json_t *cases = json_array(), *versions = NULL;
    size_t passed = 0;

    for (size_t i = 0; i < acceptance->count; i++) {
        json_t *row = case_row(&acceptance->cases[i], results[i], skipped[i]);
        VC_AUTO_JSON *run = results[i] ? vc_result_load_run(results[i], NULL) : NULL;

        passed += !strcmp(vc_member_text(row, "verdict"), "pass");
        if (!versions && json_object_get(run, "versions"))
            versions = json_incref(json_object_get(run, "versions"));
        json_array_append_new(cases, row);
    }
    return json_pack("{s:s, s:b, s:I, s:I, s:s, s:f, s:O, s:o, s:o, s:o}", "schema", "vclab.acceptance/1", "accepted",
                     (int)(passed == acceptance->count), "passed", (json_int_t)passed, "total",
                     (json_int_t)acceptance->count, "timers", acceptance->timers, "wall_s", wall_s, "order", order,
                     "plan", plan_of(order), "cases", cases, "versions", versions ? versions : json_object());
}

/* From harmless to grave. */
static const struct verdict {
    const char *name, *words, *colour;
    int status;
} verdicts[] = {
    {"pass", "as promised", "pass", VC_EXIT_PASS},
    {"inconclusive", "not shown: this host was too slow", "inconclusive", VC_EXIT_INCONCLUSIVE},
    {"skipped", "not tried", "inconclusive", VC_EXIT_HOST},
    {NULL, "not as promised", "fail", VC_EXIT_FAIL},
};

static const struct verdict *verdict_of(const json_t *row)
{
    const struct verdict *verdict = verdicts;

    while (verdict->name && strcmp(verdict->name, vc_member_text(row, "verdict")) != 0)
        verdict++;
    return verdict;
}

int vc_acceptance_status(const json_t *document)
{
    const struct verdict *worst = verdicts;
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(document, "cases"), i, row)
    {
        const struct verdict *verdict = verdict_of(row);

        worst = verdict > worst ? verdict : worst;
    }
    return worst->status;
}

/* ---- words ---- */

#define ADD(text, ...) ((text) = talloc_asprintf_append_buffer(text, __VA_ARGS__))

static const char *headline(const json_t *document)
{
    return json_is_true(json_object_get(document, "accepted")) ? "ACCEPTED" : "NOT ACCEPTED";
}

static double number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

/* "voice-dc1: gone for 33.21 s at most (±20 ms), 1660 of 4000 packets lost, MOS 2.31" */
static char *flow_words(void *ctx, const json_t *flow)
{
    char *text = talloc_asprintf(ctx, "%s: ", vc_member_text(flow, "name"));
    double outage = number(flow, "longest_outage_ms");

    if (!vc_member_int(flow, "lost"))
        ADD(text, "no packet lost");
    else
        ADD(text, "gone for %.2f s at most (±%.0f ms), %lld of %lld packets lost", outage / 1000,
            number(flow, "resolution_ms"), (long long)vc_member_int(flow, "lost"),
            (long long)vc_member_int(flow, "sent"));
    if (json_is_number(json_object_get(flow, "mos")))
        ADD(text, ", MOS %.2f", number(flow, "mos"));
    return text;
}

/* Half a sentence as a sentence. */
static char *sentence(void *ctx, const char *half)
{
    return talloc_asprintf(ctx, "%s.", half);
}

/* "1500 calls at the busiest time are 120.0 Mbit/s each way, 48 % of what one tunnel carries (3125 calls)." */
static char *plan_words(void *ctx, const json_t *document)
{
    const json_t *plan = json_object_get(document, "plan");

    return talloc_asprintf(ctx,
                           "Plan: %lld calls at the busiest time are %.1f Mbit/s each way, %.0f %% of what one tunnel "
                           "carries (%lld calls).",
                           (long long)vc_member_int(plan, "calls"), number(plan, "mbit"),
                           number(plan, "percent_of_a_tunnel"), (long long)vc_member_int(plan, "calls_a_tunnel"));
}

static char *add_case(char *text, const json_t *row, size_t i)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const json_t *item;
    size_t k;

    ADD(text, "\n%zu. %s\n   %s\n   %s", i + 1, sentence(ctx, vc_member_text(row, "title")),
        sentence(ctx, vc_member_text(row, "promise")), verdict_of(row)->words);
    if (strcmp(vc_member_text(row, "verdict"), "pass") != 0)
        ADD(text, ": %s", vc_member_text(row, "reason"));
    ADD(text, "\n");
    json_array_foreach(json_object_get(row, "unmet"), k, item) ADD(text, "   - not met: %s\n", json_string_value(item));
    json_array_foreach(json_object_get(row, "flows"), k, item) ADD(text, "   - %s\n", flow_words(ctx, item));
    if (*vc_member_text(row, "result"))
        ADD(text, "   evidence: %s\n", vc_member_text(row, "result"));
    return text;
}

char *vc_acceptance_text(void *ctx, const json_t *document)
{
    const json_t *order = json_object_get(document, "order"), *row;
    VC_AUTO_TALLOC char *view = vc_activation_text(NULL, order);
    char *text = talloc_asprintf(ctx, "%s: %lld of %lld cases are as promised, with %s timers.\n%s\n",
                                 headline(document), (long long)vc_member_int(document, "passed"),
                                 (long long)vc_member_int(document, "total"), vc_member_text(document, "timers"), view);
    size_t i;

    ADD(text, "%s\n\n", plan_words(view, document));
    ADD(text, "What was tried, in a lab of this order's own topology (a simulation, not the customer's network):\n");
    json_array_foreach(json_object_get(document, "cases"), i, row) text = add_case(text, row, i);
    return text;
}

/* ---- the page ---- */

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1c2733}"
    "h1{font-size:1.6rem}h2{font-size:1.1rem;margin:1.6rem 0 .2rem}.big{font-size:1.3rem;font-weight:600;padding:.6rem "
    "1rem;"
    "border-radius:.4rem;color:#fff}.pass{background:#1b7f4b}.fail{background:#b3261e}.inconclusive{background:#8a6100}"
    ".tag{font-size:.8rem;padding:.1rem .5rem;border-radius:.3rem;color:#fff}table{border-collapse:collapse;width:100%}"
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

    if (!json_array_size(json_object_get(row, "flows")))
        return text;
    ADD(text, "<table><tr><th>calls</th><th>longest gap</th><th>packets lost</th><th>MOS</th></tr>\n");
    json_array_foreach(json_object_get(row, "flows"), i, flow)
    {
        ADD(text, "<tr><td>%s</td><td>%.2f s (±%.0f ms)</td><td>%lld of %lld</td><td>",
            escaped(ctx, vc_member_text(flow, "name")), number(flow, "longest_outage_ms") / 1000,
            number(flow, "resolution_ms"), (long long)vc_member_int(flow, "lost"),
            (long long)vc_member_int(flow, "sent"));
        if (json_is_number(json_object_get(flow, "mos")))
            ADD(text, "%.2f", number(flow, "mos"));
        ADD(text, "</td></tr>\n");
    }
    return ADD(text, "</table>\n");
}

static char *add_html_case(char *text, const json_t *row, size_t i)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const json_t *item;
    size_t k;

    ADD(text, "<h2>%zu. %s <span class=\"tag %s\">%s</span></h2>\n<p class=\"promise\">%s</p>\n", i + 1,
        escaped(ctx, vc_member_text(row, "title")), verdict_of(row)->colour, verdict_of(row)->words,
        escaped(ctx, sentence(ctx, vc_member_text(row, "promise"))));
    if (strcmp(vc_member_text(row, "verdict"), "pass") != 0)
        ADD(text, "<p><strong>%s</strong></p>\n", escaped(ctx, vc_member_text(row, "reason")));
    json_array_foreach(json_object_get(row, "unmet"), k, item)
        ADD(text, "<p>not met: %s</p>\n", escaped(ctx, json_string_value(item)));
    text = add_html_flows(text, row);
    if (*vc_member_text(row, "digest"))
        ADD(text, "<p><small>%s, %.0f s of the lab's time, seed %lld, digest %s</small></p>\n",
            escaped(ctx, vc_member_text(row, "scenario")), number(row, "virtual_s"),
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
        headline(document), (long long)vc_member_int(document, "passed"), (long long)vc_member_int(document, "total"));
    ADD(text,
        "<p>Tried in a lab of this order's own topology with %s timers: a simulation, not the customer's "
        "network.</p>\n",
        escaped(scratch, vc_member_text(document, "timers")));
    ADD(text, "<p>%s</p>\n", plan_words(scratch, document));
    json_array_foreach(json_object_get(document, "cases"), i, row) text = add_html_case(text, row, i);
    ADD(text, "<h2>The order</h2>\n<pre>%s</pre>\n", escaped(scratch, vc_activation_text(scratch, order)));
    text = add_html_versions(text, json_object_get(document, "versions"));
    return ADD(text, "</body></html>\n");
}

char *vc_acceptance_write(void *ctx, const char *results_dir, const json_t *document, vc_error **err)
{
    static const char *const unused[] = {"captures", "logs"};
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *name =
        talloc_asprintf(scratch, "%s-acceptance", vc_member_text(json_object_get(document, "order"), "form"));
    char *folder = vc_result_create(scratch, results_dir, name, err);
    const char *text = vc_acceptance_text(scratch, document), *html = vc_acceptance_html(scratch, document);
    VC_AUTO_FREE char *json = json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(15));

    /* No run of its own is in it. */
    for (size_t k = 0; folder && k < VC_COUNT(unused); k++)
        rmdir(talloc_asprintf(scratch, "%s/%s", folder, unused[k]));
    if (!folder || vc_result_replace(folder, "acceptance.json", json, strlen(json), err) ||
        vc_result_replace(folder, "acceptance.txt", text, strlen(text), err) ||
        vc_result_replace(folder, "acceptance.html", html, strlen(html), err))
        return NULL;
    vc_result_give(folder);
    return talloc_steal(ctx, folder);
}
