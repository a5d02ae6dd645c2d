/* The six things that must always be true (docs/architecture.md), and what proved or broke them. */
#include <stdarg.h>

#include "run/verdict_private.h"

const char *const invariant_names[INVARIANT_COUNT] = {
    [CLEAR_TRAFFIC] = "clear-traffic", [ACTIVE_PATHS] = "active-active-paths",
    [ROUTE_POLICY] = "route-policy",   [NO_LOOP] = "no-loop",
    [FAULTS_PROVED] = "faults-proved", [OUTAGE_RESOLUTION] = "outage-resolution",
};

/* How long routes may take to follow a session before a flow on another path is wrong. */
static const int64_t settle_ns = VC_NS_PER_S;

void violate(struct vc_judge *judge, enum invariant_id id, int64_t t_ns, const char *format, ...)
{
    struct invariant *invariant = &judge->invariants[id];
    va_list args;

    if (invariant->violations++)
        return;
    va_start(args, format);
    invariant->evidence = talloc_vasprintf(judge, format, args);
    va_end(args);
    invariant->evidence = talloc_asprintf_append(invariant->evidence, " (at %.3f s)", (double)t_ns / 1e9);
}

static char *path_text(const json_t *path)
{
    char *text = talloc_strdup(NULL, "");
    size_t i;
    json_t *name;

    json_array_foreach(path, i, name) text =
        talloc_asprintf_append(text, "%s%s", i ? "+" : "", json_string_value(name) ? json_string_value(name) : "?");
    return *text ? text : talloc_asprintf_append(text, "no tunnel");
}

static void off_path(struct vc_judge *judge, const struct judged_flow *flow, int d, int64_t t_ns, const char *when)
{
    VC_AUTO_TALLOC char *took = path_text(flow->direction[d].path);
    VC_AUTO_TALLOC char *healthy = path_text(flow->healthy[d]);

    violate(judge, ACTIVE_PATHS, t_ns, "%s %s took %s instead of %s %s", flow->name, d ? "return" : "forward", took,
            healthy, when);
}

void invariant_advance(struct vc_judge *judge, int64_t t_ns)
{
    int64_t quiet_ns = judge->route_change_ns + settle_ns;

    if (!judge->sessions_up || judge->blinding)
        return;
    for (size_t i = 0; i < judge->flow_count; i++)
        for (int d = 0; d < 2; d++) {
            struct judged_flow *flow = &judge->flows[i];
            struct direction *direction = &flow->direction[d];
            int64_t from = direction->changed_ns > quiet_ns ? direction->changed_ns : quiet_ns;

            /* Without Cisco's WAN two data centres may reach each other through the customer: no call is on a wrong
             * path then (R39 is about the customer's). */
            if (!flow->tunnelled || !direction->seen || direction->outage ||
                json_equal(direction->path, flow->healthy[d]) || from >= t_ns ||
                direction->blamed_ns == direction->changed_ns)
                continue;
            direction->blamed_ns = direction->changed_ns;
            off_path(judge, flow, d, from, "while every session was up");
        }
}

/* Between convergence and the first fault not a single packet may take another path. */
static void on_path(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    struct judged_flow *flow = flow_named(judge, text_of(event, "flow"));
    int d = strcmp(text_of(event, "direction"), "return") == 0;

    if (!flow || judge->converged_ns < 0 || judge->fault_count || t_ns < judge->converged_ns ||
        json_equal(flow->direction[d].path, flow->healthy[d]))
        return;
    flow->direction[d].blamed_ns = flow->direction[d].changed_ns;
    off_path(judge, flow, d, t_ns, "before any fault");
}

static const json_t *accept_of(const struct vc_judge *judge, const char *node, const char *neighbor)
{
    size_t i;
    json_t *entry;

    json_array_foreach(json_object_get(judge->plan, "accept"), i,
                       entry) if (strcmp(text_of(entry, "node"), node) == 0 &&
                                  strcmp(text_of(entry, "neighbor"), neighbor) == 0) return json_object_get(entry,
                                                                                                            "prefixes");
    return NULL;
}

static bool lists(const json_t *array, const json_t *text)
{
    size_t i;
    json_t *entry;

    json_array_foreach(array, i, entry) if (json_equal(entry, text)) return true;
    return false;
}

static void on_accepted(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    const char *node = text_of(event, "node"), *neighbor = text_of(event, "neighbor");
    const json_t *allowed = accept_of(judge, node, neighbor);
    size_t i;
    json_t *prefix;

    json_array_foreach(json_object_get(event, "prefixes"), i, prefix) if (!lists(allowed, prefix))
        violate(judge, ROUTE_POLICY, t_ns, "%s accepted %s from %s", node,
                json_string_value(prefix) ? json_string_value(prefix) : "?", neighbor);
}

static void on_clear(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    const char *text = text_of(event, "text");

    violate(judge, CLEAR_TRAFFIC, t_ns, "%s", *text ? text : text_of(event, "protocol"));
}

static void on_ttl_exceeded(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    violate(judge, NO_LOOP, t_ns, "TTL exceeded on %s, told by %s to %s", text_of(event, "link"),
            text_of(event, "from"), text_of(event, "to"));
}

static void on_capture_drops(struct vc_judge *judge, const json_t *event, VC_UNUSED int64_t t_ns)
{
    judge->dropped += number_of(event, "dropped", 0);
}

/* Gaps and summaries say how exact they are; one that does not is no measurement. */
static void on_measurement(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    int64_t resolution = number_of(event, "resolution_ns", 0);

    if (resolution <= 0)
        violate(judge, OUTAGE_RESOLUTION, t_ns, "%s %s: a %s without its resolution", text_of(event, "flow"),
                text_of(event, "direction"), text_of(event, "what"));
    if (resolution > judge->resolution_ns)
        judge->resolution_ns = resolution;
}

void invariant_event(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    static const struct {
        const char *layer, *what;
        void (*fn)(struct vc_judge *judge, const json_t *event, int64_t t_ns);
    } handlers[] = {
        {"probe", "path", on_path},
        {"rib", "accepted", on_accepted},
        {"link", "clear", on_clear},
        {"link", "ttl-exceeded", on_ttl_exceeded},
        {"link", "capture-drops", on_capture_drops},
        {"probe", "gap", on_measurement},
        {"probe", "summary", on_measurement},
    };

    for (size_t i = 0; i < VC_COUNT(handlers); i++)
        if (strcmp(handlers[i].layer, text_of(event, "layer")) == 0 &&
            strcmp(handlers[i].what, text_of(event, "what")) == 0)
            handlers[i].fn(judge, event, t_ns);
}

char *invariant_evidence(const struct vc_judge *judge, void *ctx, enum invariant_id id)
{
    static const char *const kept[INVARIANT_COUNT] = {
        [CLEAR_TRAFFIC] = "only IKE, ESP and ICMP on the underlay",
        [ACTIVE_PATHS] = "every flow on its own tunnel while all sessions were up",
        [ROUTE_POLICY] = "no prefix accepted beyond the agreed ones",
        [NO_LOOP] = "no TTL exceeded",
        [FAULTS_PROVED] = "every fault and heal proved before its clock started",
        [OUTAGE_RESOLUTION] = "every outage stated with its resolution",
    };
    const struct invariant *invariant = &judge->invariants[id];
    bool packets = id == CLEAR_TRAFFIC || id == NO_LOOP;

    if (invariant->violations > 1)
        return talloc_asprintf(ctx, "%s, and %u more", invariant->evidence, invariant->violations - 1);
    if (invariant->violations)
        return talloc_strdup(ctx, invariant->evidence);
    if (packets && judge->dropped)
        return talloc_asprintf(ctx, "%s among the packets seen; the taps lost %" PRId64, kept[id], judge->dropped);
    if (id == OUTAGE_RESOLUTION && judge->resolution_ns)
        return talloc_asprintf(ctx, "%s (%.0f ms)", kept[id], (double)judge->resolution_ns / 1e6);
    return talloc_strdup(ctx, kept[id]);
}
