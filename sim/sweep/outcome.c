/*
 * What a case's run said. The verdict is the run's own; where it is not pass, the events are read once more to tell
 * which packets were not where the oracle said.
 */
#include <errno.h>
#include <string.h>

#include "sweep/events.h"
#include "sweep/sweep.h"

const char *vc_sweep_verdict_name(enum vc_sweep_verdict verdict)
{
    static const char *const names[VC_SWEEP_VERDICTS] = {
        [VC_SWEEP_AGREES] = "agrees",
        [VC_SWEEP_MISMATCH] = "mismatch",
        [VC_SWEEP_UNPROVED] = "not-applicable",
        [VC_SWEEP_ERROR] = "error",
        [VC_SWEEP_INCONCLUSIVE] = "inconclusive",
        [VC_SWEEP_INTERRUPTED] = "interrupted",
        [VC_SWEEP_CONTAINED] = "contained",
    };

    return names[verdict];
}

enum { DIRECTIONS = 2 };

struct seen {
    json_t *path; /* in the order of its direction; borrowed from `events` */
    bool outage;
};

struct reading {
    const struct vc_sweep *sweep;
    const struct vc_schedule *schedule;
    struct vc_sweep_outcome *out;
    json_t *events;    /* those that were read, so that their members stay */
    struct seen *seen; /* flow * DIRECTIONS + direction */
    struct vc_oracle_step history[VC_SCHEDULE_STEPS];
    size_t history_count;
    size_t failed[VC_SCHEDULE_STEPS], failed_count;
    bool checking; /* paths were asked for since the last fault or heal */
};

/* ---- packets against the oracle ---- */

static bool same_path(const struct vc_oracle_path *path, const struct seen *seen)
{
    bool arrives = seen->path && !seen->outage;

    if (arrives != path->reachable)
        return false;
    if (!arrives)
        return true;
    if (json_array_size(seen->path) != path->count)
        return false;
    for (size_t i = 0; i < path->count; i++)
        if (strcmp(path->via[i], json_string_value(json_array_get(seen->path, i))) != 0)
            return false;
    return true;
}

static json_t *via_json(const struct vc_oracle_path *path)
{
    json_t *via = path->reachable ? json_array() : json_null();

    for (size_t i = 0; path->reachable && i < path->count; i++)
        json_array_append_new(via, json_string(path->via[i]));
    return via;
}

static json_t *failed_names(const struct reading *r)
{
    json_t *names = json_array();

    for (size_t i = 0; i < r->failed_count; i++)
        json_array_append_new(names, json_string(vc_oracle_element(r->sweep->oracle, r->failed[i])->name));
    return names;
}

static void compare_direction(struct reading *r, const struct vc_sweep_flow *flow, bool back, const struct seen *seen)
{
    const struct vc_sweep *s = r->sweep;
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    size_t from = back ? flow->to : flow->from, to = back ? flow->from : flow->to;
    struct vc_oracle_path path = s->ask(scratch, s->oracle, r->history, r->history_count, from, to);

    if (same_path(&path, seen))
        return;
    json_array_append_new(r->out->disagreements,
                          json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:s}", "flow", flow->name, "from",
                                    s->topology->nodes[from].name, "to", s->topology->nodes[to].name, "failed",
                                    failed_names(r), "oracle", via_json(&path), "packets",
                                    seen->path && !seen->outage ? json_deep_copy(seen->path) : json_null(), "why",
                                    vc_oracle_why_after(scratch, s->oracle, r->history, r->history_count, from, to)));
}

/* Only the first check that shows one: later ones may show what that left behind. */
static void compare(struct reading *r)
{
    if (!r->checking || json_array_size(r->out->disagreements))
        return;
    for (size_t i = 0; i < r->sweep->flow_count * DIRECTIONS; i++)
        compare_direction(r, &r->sweep->flows[i / DIRECTIONS], i % DIRECTIONS, &r->seen[i]);
}

/* ---- events ---- */

static struct seen *seen_of(struct reading *r, const json_t *event)
{
    for (size_t i = 0; i < r->sweep->flow_count; i++)
        if (!strcmp(r->sweep->flows[i].name, sweep_text(event, "flow")))
            return &r->seen[i * DIRECTIONS + !strcmp(sweep_text(event, "direction"), "return")];
    return NULL;
}

static void on_path(struct reading *r, json_t *event)
{
    struct seen *seen = seen_of(r, event);

    if (seen)
        *seen = (struct seen){.path = json_object_get(event, "path")};
}

static void on_outage(struct reading *r, json_t *event)
{
    struct seen *seen = seen_of(r, event);

    if (seen)
        seen->outage = true;
}

static void on_gap(struct reading *r, json_t *event)
{
    struct seen *seen = seen_of(r, event);

    if (seen && !json_is_true(json_object_get(event, "open")))
        seen->outage = false;
}

static void on_step(struct reading *r, json_t *event)
{
    const char *kind = sweep_text(event, "kind");

    if (strcmp(kind, "fault") != 0 && strcmp(kind, "heal") != 0)
        return;
    compare(r);
    r->checking = false;
}

static void on_expect(struct reading *r, json_t *event)
{
    r->checking = r->checking || !strcmp(sweep_text(event, "type"), "path");
}

static void on_steps_done(struct reading *r, json_t *event VC_UNUSED)
{
    compare(r);
}

static size_t element_named(const struct reading *r, const char *fault)
{
    size_t elements[VC_SCHEDULE_STEPS], count = vc_schedule_elements(r->schedule, elements);

    for (size_t i = 0; i < count; i++) {
        VC_AUTO_TALLOC char *name = vc_sweep_fault_name(NULL, r->sweep, elements[i], 0);
        if (!strcmp(name, fault))
            return elements[i];
    }
    return VC_NONE;
}

static void note_step(struct reading *r, size_t element, bool heal)
{
    if (element != VC_NONE && r->history_count < VC_COUNT(r->history))
        r->history[r->history_count++] = (struct vc_oracle_step){element, heal};
}

static void on_applied(struct reading *r, json_t *event)
{
    size_t element = element_named(r, sweep_text(event, "name"));

    note_step(r, element, false);
    if (element != VC_NONE && r->failed_count < VC_COUNT(r->failed))
        r->failed[r->failed_count++] = element;
}

static void on_heal_applied(struct reading *r, json_t *event)
{
    size_t element = element_named(r, sweep_text(event, "name"));

    note_step(r, element, true);
    for (size_t i = 0; i < r->failed_count; i++)
        if (r->failed[i] == element)
            r->failed[i--] = r->failed[--r->failed_count];
}

/* A drop that found nothing to drop is no disagreement; any other fault without an effect is an error. */
static void on_unproved(struct reading *r, json_t *event)
{
    size_t element = element_named(r, sweep_text(event, "name"));
    bool apply = !strcmp(sweep_text(event, "phase"), "apply");

    if (element == VC_NONE)
        return;
    enum vc_element_kind kind = vc_oracle_element(r->sweep->oracle, element)->kind;
    r->out->unproved = element;
    if (!apply || (kind != VC_ELEMENT_DROP && kind != VC_ELEMENT_LINK))
        return;
    r->out->verdict = VC_SWEEP_UNPROVED;
    r->out->reason = talloc_asprintf(r->out, "no packet came that %s could drop (%s)",
                                     vc_oracle_element(r->sweep->oracle, element)->name, sweep_text(event, "text"));
}

static void read_event(struct reading *r, json_t *event)
{
    static const struct {
        const char *layer, *what;
        void (*fn)(struct reading *r, json_t *event);
    } handlers[] = {
        {"probe", "path", on_path},
        {"probe", "outage-begin", on_outage},
        {"probe", "gap", on_gap},
        {"check", "step", on_step},
        {"check", "expect", on_expect},
        {"check", "steps-done", on_steps_done},
        {"fault", "applied", on_applied},
        {"fault", "unproved", on_unproved},
        {"fault", "heal-applied", on_heal_applied},
    };

    for (size_t i = 0; i < VC_COUNT(handlers); i++)
        if (!strcmp(handlers[i].layer, sweep_text(event, "layer")) &&
            !strcmp(handlers[i].what, sweep_text(event, "what")))
            handlers[i].fn(r, event);
}

static void read_events(struct reading *r)
{
    json_t *event;
    size_t i;

    json_array_foreach(r->events, i, event) read_event(r, event);
}

/* ---- the outcome ---- */

static enum vc_sweep_verdict verdict_of(const json_t *run)
{
    static const struct {
        const char *name;
        enum vc_sweep_verdict verdict;
    } verdicts[] = {{"pass", VC_SWEEP_AGREES}, {"fail", VC_SWEEP_MISMATCH}, {"inconclusive", VC_SWEEP_INCONCLUSIVE}};

    if (json_is_true(json_object_get(run, "interrupted")))
        return VC_SWEEP_INTERRUPTED;
    for (size_t i = 0; i < VC_COUNT(verdicts); i++)
        if (!strcmp(verdicts[i].name, sweep_text(run, "verdict")))
            return verdicts[i].verdict;
    return VC_SWEEP_ERROR;
}

static int outcome_destroy(struct vc_sweep_outcome *out)
{
    json_decref(out->disagreements);
    return 0;
}

struct vc_sweep_outcome *vc_sweep_outcome_read(void *ctx, const struct vc_sweep *sweep,
                                               const struct vc_schedule *schedule, const char *result)
{
    struct vc_sweep_outcome *out = talloc_zero(ctx, struct vc_sweep_outcome);
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/run.json", result ? result : "");
    VC_AUTO_JSON *run = result ? json_load_file(path, 0, NULL) : NULL;

    out->disagreements = json_array();
    talloc_set_destructor(out, outcome_destroy);
    out->unproved = VC_NONE;
    out->verdict = verdict_of(run);
    out->reason = talloc_strdup(out, run ? sweep_text(run, "reason") : "the run left no result");
    out->wall_s = json_number_value(json_object_get(run, "wall_s"));
    out->virtual_s = json_number_value(json_object_get(run, "virtual_s"));
    if (!run || out->verdict == VC_SWEEP_AGREES || out->verdict == VC_SWEEP_INTERRUPTED)
        return out;
    struct reading r = {
        .sweep = sweep,
        .schedule = schedule,
        .out = out,
        .events = sweep_events(result),
        .seen = talloc_zero_array(out, struct seen, (unsigned)(sweep->flow_count * DIRECTIONS)),
    };
    read_events(&r);
    json_decref(r.events);
    talloc_free(r.seen);
    return out;
}
