/*
 * Schedules as a scenario file. A flow sends a packet each ten seconds, and ten a second near a change, but not while a
 * step only waits: what an idle guest costs is packets. So a check first lets every timer run out and only then asks
 * for the paths: its own step quickens the flows, and the hold behind it would notice a path that is only remembered.
 */
#include <errno.h>
#include <string.h>

#include "sweep/sweep.h"

#define FLOW_PACE    "interval: 10s, near: {change: {interval: 100ms, after: 1s}}"
#define START_WITHIN "60s"
#define HOLD_NS      (2 * VC_NS_PER_S)
#define CHECK_MARGIN (10 * VC_NS_PER_S) /* after the timers, for the first packets of a check to be seen */
#define LOOK_NS      (500 * VC_NS_PER_MS)

/* ---- schedules ---- */

void vc_schedule_add(struct vc_schedule *schedule, enum vc_sweep_step_kind kind, size_t element, unsigned pause_ms)
{
    if (schedule->count == VC_SCHEDULE_STEPS)
        abort(); /* six elements, each with a fault, a heal, a check and a pause twice, fit */
    schedule->steps[schedule->count++] = (struct vc_sweep_step){kind, element, pause_ms};
}

/* One that failed before it, and so would be healed after it, has to be there first. */
static bool heal_later(const struct vc_sweep *sweep, const size_t *set, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (vc_sweep_starts_after(sweep, set[i], set[k]))
            return true;
    return false;
}

struct vc_schedule vc_schedule_of_set(const struct vc_sweep *sweep, const size_t *set, size_t count)
{
    struct vc_schedule schedule = {.count = 0};
    bool remembers = false;

    for (size_t i = 0; i < count; i++)
        remembers = remembers || vc_oracle_remembers(sweep->oracle, set[i]);
    for (size_t i = 0; i < count; i++) {
        if (i && remembers)
            vc_schedule_add(&schedule, VC_SWEEP_SETTLE, VC_NONE, 0);
        vc_schedule_add(&schedule, VC_SWEEP_FAULT, set[i], 0);
    }
    vc_schedule_add(&schedule, VC_SWEEP_CHECK, VC_NONE, 0);
    for (size_t i = count; i-- > 0;)
        if (!heal_later(sweep, set, i))
            vc_schedule_add(&schedule, VC_SWEEP_HEAL, set[i], 0);
    for (size_t i = count; i-- > 0;)
        if (heal_later(sweep, set, i))
            vc_schedule_add(&schedule, VC_SWEEP_HEAL, set[i], 0);
    vc_schedule_add(&schedule, VC_SWEEP_CHECK, VC_NONE, 0);
    return schedule;
}

size_t vc_schedule_elements(const struct vc_schedule *schedule, size_t *out)
{
    size_t count = 0;

    for (size_t i = 0; i < schedule->count; i++)
        if (schedule->steps[i].kind == VC_SWEEP_FAULT)
            out[count++] = schedule->steps[i].element;
    return count;
}

static bool acts(const struct vc_sweep_step *step)
{
    return step->kind == VC_SWEEP_FAULT || step->kind == VC_SWEEP_HEAL;
}

struct vc_schedule vc_schedule_without(const struct vc_schedule *schedule, size_t element)
{
    struct vc_schedule out = {.count = 0};
    bool unchecked = false, unsettled = false; /* something failed or healed since */

    for (size_t i = 0; i < schedule->count; i++) {
        const struct vc_sweep_step *step = &schedule->steps[i];
        bool settle = step->kind == VC_SWEEP_SETTLE;

        if (acts(step) ? step->element == element : !(settle ? unsettled : unchecked))
            continue;
        unchecked = acts(step) || (unchecked && step->kind != VC_SWEEP_CHECK);
        unsettled = acts(step) || (unsettled && step->kind == VC_SWEEP_PAUSE);
        vc_schedule_add(&out, step->kind, step->element, step->pause_ms);
    }
    return out;
}

/* ---- text ---- */

struct writing {
    const struct vc_sweep *sweep;
    char *text;
    size_t part;     /* of a chain, from 1; 0: a scenario of its own */
    int64_t clock;   /* how long the steps so far wait and hold, at least */
    int64_t trigger; /* the clock at the latest fault or heal, from which deadlines run */
    struct vc_oracle_step history[VC_SCHEDULE_STEPS];
    size_t history_count;
    struct {
        size_t element;
        int64_t since; /* the clock, at its failure or the latest heal of another */
    } failed[VC_SCHEDULE_STEPS];
    size_t failed_count;
    size_t healed[VC_SCHEDULE_STEPS], healed_count; /* since the last check */
};

static void VC_PRINTF(2, 3) put(struct writing *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    w->text = talloc_vasprintf_append_buffer(w->text, format, args);
    va_end(args);
}

static const char *name_of(const struct writing *w, size_t element)
{
    return vc_oracle_element(w->sweep->oracle, element)->name;
}

/* A YAML flow list of the names; reversed for an expectation of the return direction, which is told the forward way. */
static void put_via(struct writing *w, const struct vc_oracle_path *path, bool reversed)
{
    if (!path->reachable) {
        put(w, "none");
        return;
    }
    for (size_t i = 0; i < path->count; i++)
        put(w, "%s%s", i ? ", " : "[", path->via[reversed ? path->count - 1 - i : i]);
    put(w, "]");
}

static bool mirrored(const struct vc_oracle_path *there, const struct vc_oracle_path *back)
{
    if (there->reachable != back->reachable || there->count != back->count)
        return false;
    for (size_t i = 0; there->reachable && i < there->count; i++)
        if (strcmp(there->via[i], back->via[back->count - 1 - i]) != 0)
            return false;
    return true;
}

static void put_path(struct writing *w, const struct vc_sweep_flow *flow, const struct vc_oracle_path *path,
                     const char *direction, long long within_ms)
{
    if (path->reachable && !path->count) {
        put(w, "      # %s%s: by neither tunnel nor WAN link, which no expectation can say\n", flow->name, direction);
        return;
    }
    put(w, "      - path: {flow: %s, via: ", flow->name);
    put_via(w, path, strstr(direction, "return"));
    put(w, "%s, within: %lldms}\n", direction, within_ms);
}

static void put_flow_expectations(struct writing *w, long long within_ms)
{
    const struct vc_sweep *s = w->sweep;

    for (size_t i = 0; i < s->flow_count; i++) {
        VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
        const struct vc_sweep_flow *flow = &s->flows[i];
        struct vc_oracle_path there = s->ask(scratch, s->oracle, w->history, w->history_count, flow->from, flow->to);
        struct vc_oracle_path back = s->ask(scratch, s->oracle, w->history, w->history_count, flow->to, flow->from);

        if (w->failed_count)
            put(w, "      # %s\n",
                vc_oracle_why_after(scratch, s->oracle, w->history, w->history_count, flow->from, flow->to));
        if (mirrored(&there, &back)) {
            put_path(w, flow, &there, "", within_ms);
        } else {
            put_path(w, flow, &there, ", direction: forward", within_ms);
            put_path(w, flow, &back, ", direction: return", within_ms);
        }
    }
}

static void put_wait(struct writing *w, int64_t ns)
{
    put(w, "  - wait: %lldms\n", (long long)(ns / VC_NS_PER_MS));
    w->clock += ns;
}

/* What is left of the timers that failures have set off, and of those of heals. */
static int64_t left_ns(const struct writing *w)
{
    struct vc_oracle_failure failed[VC_SCHEDULE_STEPS];

    for (size_t i = 0; i < w->failed_count; i++)
        failed[i] = (struct vc_oracle_failure){w->failed[i].element, w->clock - w->failed[i].since};
    int64_t longest = w->failed_count ? vc_oracle_left_ns(w->sweep->oracle, failed, w->failed_count) : 0;
    int64_t healing = w->healed_count ? vc_oracle_settled_ns(w->sweep->oracle, w->healed, w->healed_count, true) : 0;

    return healing > longest ? healing : longest;
}

/*
 * After the last heal, all sessions being up again is the end of every timer: no need to wait any longer. Only, a
 * session may have died quietly while nobody looked (FRR is asked seldom when nothing happens), so the first look comes
 * first; and what an end has not noticed yet.
 */
static void put_settle(struct writing *w)
{
    int64_t unnoticed_ns = vc_oracle_unnoticed_ns(w->sweep->oracle, w->healed, w->healed_count);

    put(w, w->failed_count ? "  # every timer runs out\n" : "  # every daemon is asked again\n");
    put_wait(w, w->failed_count ? left_ns(w) : LOOK_NS + unnoticed_ns);
}

static void put_check(struct writing *w)
{
    int64_t left = left_ns(w);
    long long within_ms = (w->clock - w->trigger + left + CHECK_MARGIN) / VC_NS_PER_MS;

    put_settle(w);
    put(w, "  - expect:\n");
    if (!w->failed_count)
        put(w, "      - converged: {within: %lldms}\n", within_ms);
    put_flow_expectations(w, within_ms);
    put(w, "  - hold: %lldms\n", (long long)(HOLD_NS / VC_NS_PER_MS));
    w->clock += HOLD_NS;
    w->healed_count = 0;
}

/* A fault's members as the oracle has them. */
static void put_fault(struct writing *w, size_t element)
{
    VC_AUTO_TALLOC char *name = vc_sweep_fault_name(NULL, w->sweep, element, w->part);
    const char *key;
    json_t *value;

    put(w, "  - fault: {name: %s", name);
    json_object_foreach(vc_oracle_element(w->sweep->oracle, element)->fault, key, value)
    {
        VC_AUTO_FREE char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);

        if (strcmp(key, "text") != 0)
            put(w, ", %s: %s", key, text ? text : json_string_value(value));
    }
    put(w, "}\n");
    w->trigger = w->failed[w->failed_count].since = w->clock;
    w->failed[w->failed_count++].element = element;
    w->history[w->history_count++] = (struct vc_oracle_step){element, false};
}

/* What a heal brings back may have been what kept another failure's timers from running: they begin anew. */
static void put_heal(struct writing *w, size_t element)
{
    VC_AUTO_TALLOC char *name = vc_sweep_fault_name(NULL, w->sweep, element, w->part);

    put(w, "  - heal: %s\n", name);
    for (size_t i = 0; i < w->failed_count; i++)
        if (w->failed[i].element == element)
            w->failed[i--] = w->failed[--w->failed_count];
    w->trigger = w->clock;
    for (size_t i = 0; i < w->failed_count; i++)
        w->failed[i].since = w->clock;
    w->healed[w->healed_count++] = element;
    w->history[w->history_count++] = (struct vc_oracle_step){element, true};
}

static void put_elements(struct writing *w, const struct vc_schedule *schedule)
{
    size_t elements[VC_SCHEDULE_STEPS], count = vc_schedule_elements(schedule, elements);

    for (size_t i = 0; i < count; i++)
        put(w, "%s %s", i ? "," : "", name_of(w, elements[i]));
}

static void put_head(struct writing *w)
{
    const struct vc_sweep *s = w->sweep;

    put(w,
        ".\n  The expectations are what the oracle says of it.\ntopology: %s\ntimers: %s\ncapture: control\nflows:\n",
        s->topology_ref, s->timers->name);
    for (size_t i = 0; i < s->flow_count; i++)
        put(w, "  %s: {from: %s, to: %s, " FLOW_PACE "}\n", s->flows[i].name, s->topology->nodes[s->flows[i].from].name,
            s->topology->nodes[s->flows[i].to].name);
    put(w, "steps:\n  - expect:\n      - converged: {within: " START_WITHIN "}\n");
    for (size_t i = 0; s->timers->bfd_interval_ms && i < s->topology->tunnel_count; i++)
        put(w, "      - bfd: {tunnel: %s, state: up, within: " START_WITHIN "}\n", s->topology->tunnels[i].name);
}

static void put_step(struct writing *w, const struct vc_sweep_step *step)
{
    switch (step->kind) {
    case VC_SWEEP_FAULT:
        put_fault(w, step->element);
        break;
    case VC_SWEEP_HEAL:
        put_heal(w, step->element);
        break;
    case VC_SWEEP_CHECK:
        put_check(w);
        break;
    case VC_SWEEP_SETTLE:
        put_settle(w);
        break;
    case VC_SWEEP_PAUSE:
        put_wait(w, step->pause_ms * VC_NS_PER_MS);
        break;
    }
}

static void put_steps(struct writing *w, const struct vc_schedule *schedule)
{
    w->history_count = w->failed_count = w->healed_count = 0;
    for (size_t i = 0; i < schedule->count; i++)
        put_step(w, &schedule->steps[i]);
}

char *vc_schedule_text(void *ctx, const struct vc_sweep *sweep, const struct vc_schedule *schedule, const char *name)
{
    struct writing w = {.sweep = sweep, .text = talloc_strdup(ctx, "")};

    put(&w, "scenario: %s\ndescription: >\n  Written by vclab sweep: in topology %s fail", name, sweep->topology->name);
    put_elements(&w, schedule);
    put_head(&w);
    put_steps(&w, schedule);
    return w.text;
}

char *vc_chain_text(void *ctx, const struct vc_sweep *sweep, const struct vc_chain *chain, const char *name)
{
    struct writing w = {.sweep = sweep, .text = talloc_strdup(ctx, "")};

    put(&w, "scenario: %s\ndescription: >\n  Written by vclab sweep: %zu cases of topology %s one after the other",
        name, chain->count, sweep->topology->name);
    put_head(&w);
    for (w.part = 1; w.part <= chain->count; w.part++) {
        put(&w, "  # ---- %s\n", chain->names[w.part - 1]);
        put_steps(&w, chain->parts[w.part - 1]);
    }
    return w.text;
}

int64_t vc_schedule_waits_ns(const struct vc_sweep *sweep, const struct vc_schedule *schedule)
{
    struct writing w = {.sweep = sweep, .text = talloc_strdup(NULL, "")};

    put_steps(&w, schedule);
    talloc_free(w.text);
    return w.clock;
}

static char *write_text(void *ctx, const char *text, const char *folder, const char *name, vc_error **err)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(ctx, "%s/%s.yaml", folder, name);
    FILE *file = fopen(path, "we");
    bool failed = !file || fputs(text, file) == EOF;

    failed = (file && fclose(file) == EOF) || failed;
    if (!failed)
        return VC_STEAL_PTR(path);
    vc_fail(err, VC_EXIT_HOST, errno, "writing %s", path);
    return NULL;
}

char *vc_schedule_write(void *ctx, const struct vc_sweep *sweep, const struct vc_schedule *schedule, const char *folder,
                        const char *name, vc_error **err)
{
    VC_AUTO_TALLOC char *text = vc_schedule_text(NULL, sweep, schedule, name);

    return write_text(ctx, text, folder, name, err);
}

char *vc_chain_write(void *ctx, const struct vc_sweep *sweep, const struct vc_chain *chain, const char *folder,
                     const char *name, vc_error **err)
{
    VC_AUTO_TALLOC char *text = vc_chain_text(NULL, sweep, chain, name);

    return write_text(ctx, text, folder, name, err);
}
