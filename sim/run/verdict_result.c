/* The judge's last word: what goes into run.json. */
#include <math.h>

#include "run/verdict_private.h"

/* What decides, collected while the parts are written. */
struct tally {
    unsigned failed, inconclusive, pending;
    char *first_failed, *first_inconclusive; /* one line each */
    bool unsafe;                             /* a violated invariant that lag cannot excuse */
};

static void VC_PRINTF(3, 4) note(unsigned *count, char **first, const char *format, ...)
{
    va_list args;

    if ((*count)++)
        return;
    va_start(args, format);
    *first = talloc_vasprintf(NULL, format, args);
    va_end(args);
}

static void tally_entry(struct tally *tally, const json_t *entry, enum vc_verdict verdict)
{
    const char *text = text_of(entry, "text"), *unit = text_of(entry, "unit");
    const json_t *measured = json_object_get(entry, "measured");
    double limit = json_number_value(json_object_get(entry, "limit"));
    VC_AUTO_TALLOC char *line = NULL;

    if (verdict == VC_PENDING)
        tally->pending++;
    if (verdict != VC_FAIL && verdict != VC_INCONCLUSIVE)
        return;
    if (json_is_true(json_object_get(entry, "broken")))
        line = talloc_strdup(NULL, text);
    else if (strcmp(text_of(entry, "type"), "hold") == 0)
        line = talloc_asprintf(NULL, "%s (after %.0f ms)", text, json_number_value(measured));
    else if (json_is_number(measured))
        line = talloc_asprintf(NULL, "%s: measured %.15g %s, limit %.15g %s", text,
                               round(json_number_value(measured) * 10) / 10, unit, limit, unit);
    else
        line = talloc_asprintf(NULL, "%s: not within %.15g %s", text, limit, unit);
    if (verdict == VC_FAIL)
        note(&tally->failed, &tally->first_failed, "%s", line);
    else
        note(&tally->inconclusive, &tally->first_inconclusive, "%s", line);
}

static json_t *expectations_json(const struct vc_judge *judge, struct tally *tally)
{
    json_t *array = json_array();
    enum vc_verdict verdict;

    for (size_t i = 0; i < judge->expectation_count; i++) {
        json_array_append_new(array, expect_json(judge, &judge->expectations[i], &verdict));
        tally_entry(tally, json_array_get(array, json_array_size(array) - 1), verdict);
    }
    for (size_t i = 0; i < judge->hold_count; i++) {
        json_array_append_new(array, hold_json(judge, &judge->holds[i], &verdict));
        tally_entry(tally, json_array_get(array, json_array_size(array) - 1), verdict);
    }
    return array;
}

/* The scenario is about this invariant being broken (`violates`). */
static bool is_to_break(const struct vc_judge *judge, int id)
{
    size_t i;
    json_t *name;

    json_array_foreach(json_object_get(judge->plan, "violates"), i, name)
    {
        if (strcmp(json_string_value(name) ? json_string_value(name) : "", invariant_names[id]) == 0)
            return true;
    }
    return false;
}

static json_t *invariants_json(const struct vc_judge *judge, struct tally *tally)
{
    static const bool safety[INVARIANT_COUNT] = {[CLEAR_TRAFFIC] = true, [ROUTE_POLICY] = true, [NO_LOOP] = true};
    json_t *array = json_array();

    for (int i = 0; i < INVARIANT_COUNT; i++) {
        VC_AUTO_TALLOC char *evidence = invariant_evidence(judge, NULL, (enum invariant_id)i);
        bool violated = judge->invariants[i].violations > 0, wanted = is_to_break(judge, i);
        VC_AUTO_TALLOC char *shown =
            talloc_asprintf(NULL, "%s%s", violated && wanted ? "broken, as it was to be: " : "", evidence);

        json_array_append_new(array, json_pack("{s:s, s:s, s:b, s:s}", "name", invariant_names[i], "verdict",
                                               vc_verdict_name(violated == wanted ? VC_PASS : VC_FAIL), "held",
                                               !violated, "evidence", shown));
        if (violated == wanted)
            continue;
        if (wanted) {
            note(&tally->failed, &tally->first_failed, "%s: was to be seen broken here, but was kept: %s",
                 invariant_names[i], evidence);
            continue;
        }
        /* What must never happen is the better reason than an expectation that was missed because of it. */
        if (safety[i] && !tally->unsafe) {
            talloc_free(tally->first_failed);
            tally->first_failed = talloc_asprintf(NULL, "%s: %s", invariant_names[i], evidence);
            tally->failed++;
            tally->unsafe = true;
        } else {
            note(&tally->failed, &tally->first_failed, "%s: %s", invariant_names[i], evidence);
        }
    }
    return array;
}

static json_t *time_or_null(int64_t t_ns)
{
    return t_ns < 0 ? json_null() : json_integer(t_ns);
}

static json_t *faults_json(const struct vc_judge *judge)
{
    json_t *array = json_array();

    for (size_t i = 0; i < judge->fault_count; i++) {
        const struct fault *f = &judge->faults[i];

        json_array_append_new(array, json_pack("{s:s, s:s, s:I, s:o, s:o}", "name", f->name, "kind", f->kind, "t_ns",
                                               (json_int_t)f->applied_ns, "proved_t_ns", time_or_null(f->proved_ns),
                                               "healed_t_ns", time_or_null(f->healed_ns)));
    }
    return array;
}

static void add_summary(const json_t *summary, int64_t *sent, int64_t *lost, json_t **worst_mos)
{
    json_t *mos = json_object_get(summary, "mos");

    *sent += number_of(summary, "sent", 0);
    *lost += number_of(summary, "lost", 0);
    if (json_is_number(mos) && (!*worst_mos || json_number_value(mos) < json_number_value(*worst_mos)))
        *worst_mos = mos;
}

static int64_t longest_of(const struct direction *direction)
{
    int64_t longest = number_of(direction->summary, "longest_gap_ns", 0);

    for (size_t i = 0; i < direction->gap_count; i++)
        if (direction->gaps[i].end_ns - direction->gaps[i].start_ns > longest)
            longest = direction->gaps[i].end_ns - direction->gaps[i].start_ns;
    return longest;
}

/* Both directions together: packets are added, the worse of outage and MOS counts. Paths are the forward ones. */
static json_t *flow_json(const struct vc_judge *judge, const struct judged_flow *flow)
{
    const struct direction *forward = &flow->direction[0];
    int64_t sent = 0, lost = 0, longest = 0, resolution = 0;
    json_t *mos = NULL, *after, *before;

    for (int d = 0; d < 2; d++) {
        int64_t gap = longest_of(&flow->direction[d]), r = number_of(flow->direction[d].summary, "resolution_ns", 0);

        add_summary(flow->direction[d].summary, &sent, &lost, &mos);
        longest = gap > longest ? gap : longest;
        resolution = r > resolution ? r : resolution;
    }
    after = forward->seen && !forward->outage ? json_deep_copy(forward->path) : json_array();
    before = judge->fault_count && flow->path_before ? json_deep_copy(flow->path_before)
             : judge->fault_count                    ? json_array()
                                                     : json_deep_copy(after);
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:f, s:o, s:o, s:o}", "name", flow->name, "from", flow->from, "to",
                     flow->to, "sent", (json_int_t)sent, "lost", (json_int_t)lost, "longest_outage_ms",
                     (double)longest / 1e6, "resolution_ms", (double)resolution / 1e6, "mos",
                     mos ? json_incref(mos) : json_null(), "path_before", before, "path_after", after);
}

static json_t *flows_json(const struct vc_judge *judge)
{
    json_t *array = json_array();

    for (size_t i = 0; i < judge->flow_count; i++)
        json_array_append_new(array, flow_json(judge, &judge->flows[i]));
    return array;
}

static void settle(struct vc_judge *judge)
{
    struct window *last = &judge->windows[judge->window_count - 1];

    invariant_advance(judge, judge->now_ns);
    if (!judge->plan && !judge->error)
        judge->error = talloc_strdup(judge, "the event stream has no check/plan");
    if (!judge->ended) {
        if (!judge->error)
            judge->error = talloc_asprintf(judge, "the event stream stops at %.3f s without check/end",
                                           (double)judge->now_ns / 1e9);
        return;
    }
    if (last->end_ns == INT64_MAX)
        last->end_ns = judge->now_ns;
    expect_close(judge);
    for (size_t i = 0; i < judge->fault_count && !judge->interrupted; i++) {
        const struct fault *f = &judge->faults[i];
        bool heal = f->heal_applied_ns >= 0 && f->healed_ns < 0;

        if (f->proved_ns >= 0 && !heal)
            continue;
        violate(judge, FAULTS_PROVED, f->applied_ns, "%s%s was never proved", heal ? "the heal of " : "", f->name);
        if (!judge->error)
            judge->error = talloc_asprintf(judge, "%s%s was never proved", heal ? "the heal of " : "", f->name);
    }
}

static enum vc_verdict decide(const struct vc_judge *judge, const struct tally *tally, int64_t lag_limit_ns,
                              char **reason)
{
    bool lagged = judge->max_lag_ns > lag_limit_ns;

    *reason = NULL;
    if (judge->error) {
        *reason = talloc_strdup(NULL, judge->error);
        return VC_ERROR;
    }
    if (lagged && !tally->unsafe) {
        *reason = talloc_asprintf(NULL,
                                  "this host scheduled %s up to %.0f ms late, %.0f ms more than the %.0f ms that "
                                  "the timers under test allow",
                                  judge->late, (double)judge->max_lag_ns / 1e6,
                                  (double)(judge->max_lag_ns - lag_limit_ns) / 1e6, (double)lag_limit_ns / 1e6);
        return VC_INCONCLUSIVE;
    }
    if (judge->wire_drops && !tally->unsafe) {
        *reason = talloc_asprintf(NULL, "vclab-wire dropped %lld packets of its own: this host is too slow for so many",
                                  (long long)judge->wire_drops);
        return VC_INCONCLUSIVE;
    }
    if (tally->failed) {
        *reason = tally->failed > 1 ? talloc_asprintf(NULL, "%s (and %u more)", tally->first_failed, tally->failed - 1)
                                    : talloc_strdup(NULL, tally->first_failed);
        return VC_FAIL;
    }
    if (tally->inconclusive) {
        *reason = talloc_asprintf(NULL, "%s; the host's own lag of up to %.0f ms may be the cause",
                                  tally->first_inconclusive, (double)judge->max_lag_ns / 1e6);
        return VC_INCONCLUSIVE;
    }
    return VC_PASS;
}

json_t *vc_judge_finish(struct vc_judge *judge)
{
    struct tally tally = {0};
    json_t *expectations, *invariants, *result;
    char *reason;

    settle(judge);

    int64_t lag_limit_ns = number_of(judge->plan, "lag_limit_ns", INT64_MAX);

    expectations = expectations_json(judge, &tally);
    invariants = invariants_json(judge, &tally);
    result = json_pack("{s:s, s:b, s:o, s:o, s:o, s:o}", "verdict",
                       vc_verdict_name(decide(judge, &tally, lag_limit_ns, &reason)), "interrupted", judge->interrupted,
                       "expectations", expectations, "invariants", invariants, "flows", flows_json(judge), "faults",
                       faults_json(judge));
    json_object_set_new(result, "convergence", vc_convergence_json(judge->convergence));
    json_object_set_new(result, "reason", json_string(reason ? reason : ""));
    json_object_set_new(result, "lag",
                        json_pack("{s:I, s:o}", "max_ns", (json_int_t)judge->max_lag_ns, "limit_ns",
                                  lag_limit_ns == INT64_MAX ? json_null() : json_integer(lag_limit_ns)));
    talloc_free(reason);
    talloc_free(tally.first_failed);
    talloc_free(tally.first_inconclusive);
    return result;
}

bool vc_judge_would_pass(struct vc_judge *judge)
{
    judge->ended = true;
    VC_AUTO_JSON *result = vc_judge_finish(judge);
    return strcmp(text_of(result, "verdict"), vc_verdict_name(VC_PASS)) == 0;
}
