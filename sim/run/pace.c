#include "run/pace.h"

#include <string.h>

/* ---- which rekeys are near ---- */

/* One end of one tunnel, on one layer: there charon foresees a rekey, or has just made one. */
struct rekey {
    const char *layer, *node, *tunnel;
    int64_t due_ns;  /* INT64_MAX: none foreseen */
    int64_t done_ns; /* INT64_MIN: none yet */
};

struct vc_rekeys {
    struct rekey *list;
    size_t count;
};

struct vc_rekeys *vc_rekeys_new(void *ctx)
{
    return talloc_zero(ctx, struct vc_rekeys);
}

static const char *text(const json_t *event, const char *key)
{
    const char *value = json_string_value(json_object_get(event, key));

    return value ? value : "";
}

static struct rekey *rekey_of(struct vc_rekeys *rekeys, const json_t *event)
{
    const char *layer = text(event, "layer"), *node = text(event, "node"), *tunnel = text(event, "tunnel");

    for (size_t i = 0; i < rekeys->count; i++) {
        struct rekey *rekey = &rekeys->list[i];
        if (!strcmp(rekey->layer, layer) && !strcmp(rekey->node, node) && !strcmp(rekey->tunnel, tunnel))
            return rekey;
    }
    rekeys->list = talloc_realloc(rekeys, rekeys->list, struct rekey, (unsigned)rekeys->count + 1);
    rekeys->list[rekeys->count] = (struct rekey){.layer = talloc_strdup(rekeys, layer),
                                                 .node = talloc_strdup(rekeys, node),
                                                 .tunnel = talloc_strdup(rekeys, tunnel),
                                                 .due_ns = INT64_MAX,
                                                 .done_ns = INT64_MIN};
    return &rekeys->list[rekeys->count++];
}

bool vc_rekeys_event(struct vc_rekeys *rekeys, const json_t *event)
{
    const char *layer = text(event, "layer");
    bool up = !strcmp(text(event, "state"), "up");
    const json_t *foreseen = json_object_get(event, "rekey_ns");

    if (strcmp(text(event, "what"), "sa") != 0 || (strcmp(layer, "ike") != 0 && strcmp(layer, "ipsec") != 0))
        return false;
    struct rekey *rekey = rekey_of(rekeys, event);
    int64_t now_ns = json_integer_value(json_object_get(event, "t_ns"));

    /* An SA that goes when it should have been rekeyed is how a rekey fails. */
    if (json_is_true(json_object_get(event, "rekeyed")) || (!up && rekey->due_ns <= now_ns))
        rekey->done_ns = now_ns;
    rekey->due_ns = up && json_is_integer(foreseen) ? json_integer_value(foreseen) : INT64_MAX;
    return true;
}

static bool lists(const json_t *names, const char *name)
{
    size_t i;
    json_t *entry;

    json_array_foreach(names, i, entry)
    {
        if (!strcmp(json_string_value(entry), name))
            return true;
    }
    return json_array_size(names) == 0;
}

static void sooner(int64_t *next_ns, int64_t t_ns)
{
    if (t_ns < *next_ns)
        *next_ns = t_ns;
}

bool vc_rekeys_near(const struct vc_rekeys *rekeys, const json_t *tunnels, int64_t before_ns, int64_t after_ns,
                    int64_t now_ns, int64_t *next_ns)
{
    int64_t begins_ns = INT64_MAX, ends_ns = INT64_MIN;
    bool awaited = false;

    for (size_t i = 0; i < rekeys->count; i++) {
        const struct rekey *rekey = &rekeys->list[i];

        if (!lists(tunnels, rekey->tunnel))
            continue;
        if (rekey->due_ns != INT64_MAX && rekey->due_ns - before_ns <= now_ns)
            awaited = true;
        else if (rekey->due_ns != INT64_MAX)
            sooner(&begins_ns, rekey->due_ns - before_ns);
        if (rekey->done_ns != INT64_MIN && rekey->done_ns + after_ns > ends_ns)
            ends_ns = rekey->done_ns + after_ns;
    }
    bool near = awaited || ends_ns > now_ns;

    *next_ns = awaited ? INT64_MAX : near ? ends_ns : begins_ns;
    return near;
}

/* ---- changes ---- */

/* What may move packets to another way, or is about to. Packets and checks of them are no change: a flow would keep
 * itself awake. */
bool vc_pace_is_change(const json_t *event)
{
    static const struct {
        const char *layer, *what;
    } changes[] = {{"fault", NULL},  {"check", "step"},  {"link", "state"}, {"gre", "state"},
                   {"fib", "route"}, {"bgp", "session"}, {"bgp", "bfd"}};

    for (size_t i = 0; i < VC_COUNT(changes); i++)
        if (!strcmp(text(event, "layer"), changes[i].layer) &&
            (!changes[i].what || !strcmp(text(event, "what"), changes[i].what)))
            return true;
    return false;
}

bool vc_pace_waits(const json_t *event, bool before)
{
    if (strcmp(text(event, "layer"), "check") != 0 || strcmp(text(event, "what"), "step") != 0)
        return before;
    return !strcmp(text(event, "kind"), "wait");
}

/* Once every session is up again, packets must be on their healthy paths: where they are must be known then. */
bool vc_pace_quickens(const json_t *event, bool waiting)
{
    return vc_pace_is_change(event) && (!waiting || !strcmp(text(event, "state"), "Established"));
}

/* ---- flows that follow them ---- */

#define LONG_AGO_NS (INT64_MIN / 2)

struct paced {
    const struct vc_flow_spec *spec;
    json_t *tunnels; /* own reference */
};

struct vc_pace {
    sd_event *loop;
    struct vc_events *events;
    struct vc_flows *flows;
    struct vc_rekeys *rekeys;
    int64_t changed_ns; /* the latest change */
    bool waiting;       /* in a step that only waits: nobody asks where packets go */
    struct paced *paced;
    size_t count;
    sd_event_source *timer;
};

static int destroy(struct vc_pace *pace)
{
    sd_event_source_disable_unref(pace->timer);
    for (size_t i = 0; i < pace->count; i++)
        json_decref(pace->paced[i].tunnels);
    return 0;
}

/* The interval in force, and when that may be another. */
static unsigned interval_of(const struct vc_pace *pace, const struct paced *paced, int64_t now_ns, int64_t *next_ns)
{
    const struct vc_flow_spec *spec = paced->spec;
    int64_t quiet_ns = pace->changed_ns + spec->change.after_ms * VC_NS_PER_MS, rekey_ns = INT64_MAX;
    unsigned interval_ms = spec->interval_ms;

    if (spec->rekey.interval_ms && vc_rekeys_near(pace->rekeys, paced->tunnels, spec->rekey.before_ms * VC_NS_PER_MS,
                                                  spec->rekey.after_ms * VC_NS_PER_MS, now_ns, &rekey_ns))
        interval_ms = spec->rekey.interval_ms;
    sooner(next_ns, rekey_ns);
    if (spec->change.interval_ms && now_ns < quiet_ns) {
        sooner(next_ns, quiet_ns);
        interval_ms = spec->change.interval_ms < interval_ms ? spec->change.interval_ms : interval_ms;
    }
    return interval_ms;
}

static void follow(struct vc_pace *pace)
{
    int64_t now_ns = vc_events_now(pace->events), next_ns = INT64_MAX;

    for (size_t i = 0; i < pace->count; i++)
        vc_flows_pace(pace->flows, pace->paced[i].spec->name, interval_of(pace, &pace->paced[i], now_ns, &next_ns));
    if (next_ns == INT64_MAX) {
        sd_event_source_set_enabled(pace->timer, SD_EVENT_OFF);
        return;
    }
    sd_event_source_set_time_relative(pace->timer, (uint64_t)((next_ns - now_ns + VC_NS_PER_US - 1) / VC_NS_PER_US));
    sd_event_source_set_enabled(pace->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source VC_UNUSED, uint64_t usec VC_UNUSED, void *arg)
{
    follow(arg);
    return 0;
}

static void on_event(void *arg, json_t *event)
{
    struct vc_pace *pace = arg;
    bool waited = pace->waiting;

    pace->waiting = vc_pace_waits(event, waited);
    bool change = vc_pace_quickens(event, pace->waiting), calms = pace->waiting && !waited;
    if (change || calms)
        pace->changed_ns = calms ? LONG_AGO_NS : vc_events_now(pace->events);
    if ((vc_rekeys_event(pace->rekeys, event) || change || calms) && pace->count)
        follow(pace);
}

struct vc_pace *vc_pace_new(void *ctx, sd_event *loop, struct vc_events *events, struct vc_flows *flows)
{
    struct vc_pace *pace = talloc_zero(ctx, struct vc_pace);

    pace->loop = loop;
    pace->events = events;
    pace->flows = flows;
    pace->changed_ns = vc_events_now(events);
    pace->rekeys = vc_rekeys_new(pace);
    talloc_set_destructor(pace, destroy);
    vc_events_subscribe(events, on_event, pace);
    return pace;
}

/* Of the flow's healthy path those steps that are tunnels. */
static json_t *tunnels_of(const struct vc_plan *plan, const struct vc_flow_spec *spec)
{
    VC_AUTO_JSON *facts = vc_plan_facts(plan, spec, 1);
    const json_t *healthy = json_object_get(json_array_get(json_object_get(facts, "flows"), 0), "healthy");
    const struct vc_topology *topology = plan->topology;
    json_t *tunnels = json_array();

    for (size_t i = 0; i < topology->tunnel_count; i++)
        if (json_array_size(healthy) && lists(healthy, topology->tunnels[i].name))
            json_array_append_new(tunnels, json_string(topology->tunnels[i].name));
    return tunnels;
}

static bool is_paced(const struct vc_pace *pace, const struct vc_flow_spec *spec)
{
    for (size_t i = 0; i < pace->count; i++)
        if (pace->paced[i].spec == spec)
            return true;
    return false;
}

int vc_pace_add(struct vc_pace *pace, const struct vc_plan *plan, const struct vc_flow_spec *spec, vc_error **err)
{
    if ((!spec->rekey.interval_ms && !spec->change.interval_ms) || is_paced(pace, spec))
        return 0;
    if (!pace->timer) {
        int r = sd_event_add_time_relative(pace->loop, &pace->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, pace);
        if (r < 0)
            return vc_fail(err, VC_EXIT_FAIL, -r, "setting a timer");
    }
    pace->paced = talloc_realloc(pace, pace->paced, struct paced, (unsigned)pace->count + 1);
    pace->paced[pace->count++] = (struct paced){spec, tunnels_of(plan, spec)};
    follow(pace);
    return 0;
}
