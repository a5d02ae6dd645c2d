/* The acceptance report: its document, and the document as plain words. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "activation/rules.h"
#include "doctor/doctor.h"
#include "report/acceptance_private.h"

/* ---- a case ---- */

/* The expectations and invariants that were not met, in a sentence each. */
static json_t *unmet_of(const json_t *run)
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

static void copy_members(json_t *to, const json_t *from, const char *const *names)
{
    for (; *names; names++)
        if (json_object_get(from, *names))
            json_object_set(to, *names, json_object_get(from, *names));
}

static json_t *flows_of(const json_t *run)
{
    static const char *const members[] = {"name", "sent", "lost", "longest_outage_ms", "resolution_ms", "mos", NULL};
    json_t *out = json_array();
    const json_t *flow;
    size_t i;

    json_array_foreach(json_object_get(run, "flows"), i, flow)
    {
        json_t *row = json_object();

        copy_members(row, flow, members);
        json_array_append_new(out, row);
    }
    return out;
}

/* What the doctor says of the evidence that a run which did not pass leaves at its end; none without evidence. */
static void add_causes(json_t *row, const json_t *events)
{
    const json_t *evidence = NULL, *event;
    size_t i;

    json_array_foreach(events, i, event) if (!strcmp(vc_member_text(event, "what"), "evidence") &&
                                             json_object_get(event, "document")) evidence =
        json_object_get(event, "document");
    if (!evidence)
        return;
    VC_AUTO_JSON *diagnosis = vc_doctor_examine(evidence);
    json_object_set(row, "causes", json_object_get(diagnosis, "causes"));
}

/* With a fault of its own the doctor would name that. */
static bool is_undisturbed(const struct vc_acceptance_case *c)
{
    return !c->text || !strstr(c->text, "- fault: {");
}

static void read_events(json_t *row, const struct vc_acceptance_case *c, const char *result)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    bool ill = is_undisturbed(c) && strcmp(vc_member_text(row, "verdict"), "pass") != 0;
    char *truncated;
    VC_AUTO_JSON *events = ill || c->load_count ? vc_result_load_events(scratch, result, &truncated, NULL) : NULL;

    if (c->load_count)
        acceptance_judge_voice(row, c, events);
    if (ill)
        add_causes(row, events);
}

static void set_verdict(json_t *row, const char *verdict, const char *reason)
{
    json_object_set_new(row, "verdict", json_string(verdict));
    json_object_set_new(row, "reason", json_string(reason));
}

/* Without a run: why. */
static void set_unplayed(json_t *row, const struct vc_acceptance_case *c, const struct vc_acceptance_played *played)
{
    if (c->cannot)
        set_verdict(row, "fail", c->cannot);
    else if (played->skipped)
        set_verdict(row, "skipped", played->skipped);
    else
        set_verdict(row, "host", played->broken ? played->broken : "it left no result");
}

static const char *folder_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

json_t *vc_acceptance_row(const struct vc_acceptance_case *c, const struct vc_acceptance_played *played)
{
    static const char *const members[] = {"verdict",  "reason", "digest", "virtual_s", "wall_s",
                                          "versions", "seed",   "mode",   NULL};
    VC_AUTO_JSON *run = played->result && c->scenario ? vc_result_load_run(played->result, NULL) : NULL;
    json_t *row = json_pack("{s:s, s:s, s:s, s:s?, s:o, s:o}", "name", c->name, "title", c->title, "promise",
                            c->promise, "scenario", c->scenario, "unmet", unmet_of(run), "flows", flows_of(run));

    /* Beside the report, wherever both are taken. */
    if (played->result)
        json_object_set_new(row, "result", json_sprintf("../%s", folder_name(played->result)));
    copy_members(row, run, members);
    if (run) {
        read_events(row, c, played->result);
    } else if (played->verdict && !c->scenario) {
        set_verdict(row, played->verdict, played->broken ? played->broken : "");
        json_object_set_new(row, "elements", json_deep_copy(played->elements));
    } else {
        set_unplayed(row, c, played);
    }
    return row;
}

/* From harmless to grave; what is named otherwise is the last. */
static const struct acceptance_verdict verdicts[] = {
    {"pass", "as promised", "as promised", "pass", VC_EXIT_PASS},
    {"inconclusive", "not shown on this host", "not shown", "inconclusive", VC_EXIT_INCONCLUSIVE},
    {"skipped", "not tried", "not tried", "inconclusive", VC_EXIT_HOST},
    {"host", "not played: this host could not", "not played", "inconclusive", VC_EXIT_HOST},
    {NULL, "not as promised", "NOT AS PROMISED", "fail", VC_EXIT_FAIL},
};

const struct acceptance_verdict *acceptance_verdict_of(const json_t *row)
{
    const struct acceptance_verdict *verdict = verdicts;

    while (verdict->name && strcmp(verdict->name, vc_member_text(row, "verdict")) != 0)
        verdict++;
    return verdict;
}

const char *vc_acceptance_words(const json_t *row)
{
    return acceptance_verdict_of(row)->words;
}

bool acceptance_is_told(const json_t *row)
{
    return strcmp(vc_member_text(row, "verdict"), "skipped") != 0 || json_object_get(row, "elements");
}

/* ---- the document ---- */

/* What the planned calls need of one tunnel, which must be able to carry all of them. */
static json_t *plan_of(const json_t *order, const struct vc_acceptance *acceptance)
{
    json_int_t calls = vc_member_int(order, "calls");

    return json_pack("{s:I, s:f, s:f, s:I, s:I, s:b, s:s}", "calls", calls, "mbit", (double)calls * VC_CALL_KBIT / 1000,
                     "percent_of_a_tunnel", 100.0 * (double)calls / VC_CALLS_A_TUNNEL, "calls_a_tunnel",
                     (json_int_t)VC_CALLS_A_TUNNEL, "calls_a_tunnel_outside", (json_int_t)VC_CALLS_A_TUNNEL_OUTSIDE,
                     "beyond_outside", (int)(calls > VC_CALLS_A_TUNNEL_OUTSIDE), "played", acceptance->played);
}

/* The versions are the report's, not each case's. */
static json_t *take_versions(json_t *rows)
{
    json_t *versions = json_object(), *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        json_object_update(versions, json_object_get(row, "versions"));
        json_object_del(row, "versions");
    }
    return versions;
}

/* The report goes to others, and a line that nobody understands may hold a secret that nobody knows: its number does.
 */
static json_t *cpes_of(const json_t *imported)
{
    json_t *cpes = json_deep_copy(imported), *cpe, *line;
    size_t i, k;

    json_array_foreach(cpes, i, cpe) json_array_foreach(json_object_get(cpe, "unknown"), k, line)
        json_object_del(line, "text");
    return cpes;
}

static json_t *now_text(void)
{
    struct tm utc;
    char text[32];
    time_t now = time(NULL);

    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    return json_string(text);
}

json_t *vc_acceptance_document(json_t *order, const struct vc_acceptance *acceptance, json_t *rows, const json_t *cpes,
                               double wall_s)
{
    json_t *cases = json_deep_copy(rows), *versions = take_versions(cases);
    const json_t *row;
    size_t i, passed = 0;

    json_array_foreach(cases, i, row) passed += !strcmp(vc_member_text(row, "verdict"), "pass");
    json_t *document = json_pack(
        "{s:s, s:b, s:I, s:I, s:o, s:s, s:s, s:f, s:O, s:o, s:o, s:o}", "schema", "vclab.acceptance/1", "accepted",
        (int)(passed == acceptance->count), "passed", (json_int_t)passed, "total", (json_int_t)acceptance->count,
        "tried", now_text(), "timers", acceptance->timers, "recovery", acceptance->recovery, "wall_s", wall_s, "order",
        order, "plan", plan_of(order, acceptance), "cases", cases, "versions", versions);
    if (json_array_size(cpes))
        json_object_set_new(document, "cpes", cpes_of(cpes));
    return document;
}

int vc_acceptance_status(const json_t *document)
{
    const struct acceptance_verdict *worst = verdicts;
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(document, "cases"), i, row)
    {
        const struct acceptance_verdict *verdict = acceptance_verdict_of(row);

        worst = verdict > worst ? verdict : worst;
    }
    return worst->status;
}

/* ---- writing ---- */

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
