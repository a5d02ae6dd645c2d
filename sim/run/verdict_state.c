/* What is true now, from the events so far: sessions, routes, SAs, interfaces as keyed facts; flows by name. */
#include <stdarg.h>

#include "run/verdict_private.h"

const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

int64_t number_of(const json_t *object, const char *member, int64_t otherwise)
{
    const json_t *value = json_object_get(object, member);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static char *key_of(const char *format, va_list args)
{
    return talloc_vasprintf(NULL, format, args);
}

void fact_set(struct vc_judge *judge, int64_t t_ns, json_t *value, const char *format, ...)
{
    VC_AUTO_JSON *owned = value;
    VC_AUTO_TALLOC char *key = NULL;
    va_list args;

    va_start(args, format);
    key = key_of(format, args);
    va_end(args);

    json_t *fact = json_object_get(judge->facts, key);

    if (!fact || !json_equal(json_object_get(fact, "value"), owned))
        json_object_set_new(judge->facts, key, json_pack("{s:O, s:I}", "value", owned, "since_ns", (json_int_t)t_ns));
}

const json_t *fact_get(const struct vc_judge *judge, int64_t *since_ns, const char *format, ...)
{
    VC_AUTO_TALLOC char *key = NULL;
    va_list args;

    va_start(args, format);
    key = key_of(format, args);
    va_end(args);

    const json_t *fact = json_object_get(judge->facts, key);
    int64_t since = number_of(fact, "since_ns", 0);

    if (since_ns && since > *since_ns)
        *since_ns = since;
    return json_object_get(fact, "value");
}

struct judged_flow *flow_named(const struct vc_judge *judge, const char *name)
{
    for (size_t i = 0; i < judge->flow_count; i++)
        if (strcmp(judge->flows[i].name, name) == 0)
            return &judge->flows[i];
    return NULL;
}

bool session_is_up(const struct vc_judge *judge, const char *node, const char *neighbor, int64_t *since_ns)
{
    const char *state = json_string_value(fact_get(judge, since_ns, "session|%s|%s", node, neighbor));

    return state && strcmp(state, "Established") == 0;
}

bool bfd_is_up(const struct vc_judge *judge, const char *node, const char *neighbor, int64_t *since_ns)
{
    return json_is_true(fact_get(judge, since_ns, "bfd|%s|%s", node, neighbor));
}

bool direction_runs_on(const struct direction *direction, const json_t *path)
{
    return direction->seen && !direction->outage && json_equal(direction->path, path);
}

json_t *path_reversed(const json_t *path)
{
    json_t *reversed = json_array();

    for (size_t i = json_array_size(path); i-- > 0;)
        json_array_append(reversed, json_array_get(path, i));
    return reversed;
}

static int flow_destructor(struct judged_flow *flows)
{
    size_t count = talloc_array_length(flows);

    for (size_t i = 0; i < count; i++) {
        json_decref(flows[i].path_before);
        for (int d = 0; d < 2; d++) {
            json_decref(flows[i].healthy[d]);
            json_decref(flows[i].direction[d].path);
            json_decref(flows[i].direction[d].summary);
        }
    }
    return 0;
}

static bool crosses_tunnel(const struct vc_judge *judge, const json_t *path)
{
    size_t i, k;
    json_t *name, *tunnel;

    json_array_foreach(path, i, name)
    {
        json_array_foreach(json_object_get(judge->plan, "tunnels"), k,
                           tunnel) if (json_equal(json_object_get(tunnel, "name"), name)) return true;
    }
    return false;
}

void state_plan(struct vc_judge *judge, const json_t *event)
{
    if (judge->plan)
        return;
    judge->plan = json_deep_copy(event);

    const json_t *flows = json_object_get(judge->plan, "flows");
    size_t i;
    json_t *flow;

    judge->flow_count = json_array_size(flows);
    judge->flows = talloc_zero_array(judge, struct judged_flow, (unsigned)judge->flow_count);
    talloc_set_destructor(judge->flows, flow_destructor);
    json_array_foreach(flows, i, flow)
    {
        json_t *healthy = json_object_get(flow, "healthy");

        judge->flows[i] = (struct judged_flow){
            .name = text_of(flow, "name"),
            .from = text_of(flow, "from"),
            .to = text_of(flow, "to"),
            .healthy = {healthy ? json_incref(healthy) : json_array(), path_reversed(healthy)},
        };
        judge->flows[i].tunnelled = crosses_tunnel(judge, healthy);
        judge->flows[i].direction[0].blamed_ns = judge->flows[i].direction[1].blamed_ns = -1;
    }
}

bool sessions_are_up(const struct vc_judge *judge, const char *list, int64_t *since_ns)
{
    size_t i;
    json_t *session;

    json_array_foreach(json_object_get(judge->plan, list), i,
                       session) if (!session_is_up(judge, text_of(session, "node"), text_of(session, "neighbor"),
                                                   since_ns)) return false;
    return true;
}

/* Of an interface that was never told of, nothing is wrong. */
static bool interfaces_are_up(const struct vc_judge *judge)
{
    size_t i;
    json_t *interface;

    json_array_foreach(json_object_get(judge->plan, "inside"), i,
                       interface) if (json_is_false(fact_get(judge, NULL, "interface|%s|%s", text_of(interface, "node"),
                                                             text_of(interface, "ifname")))) return false;
    return true;
}

/* Those inside too, and their links, whose loss a session notices late: a CPE that has no way to the LAN gets its calls
 * through the other, with both tunnels up. */
static bool all_sessions_up(const struct vc_judge *judge)
{
    return json_array_size(json_object_get(judge->plan, "sessions")) > 0 && sessions_are_up(judge, "sessions", NULL) &&
           sessions_are_up(judge, "ibgp", NULL) && interfaces_are_up(judge);
}

void state_forget_node(struct vc_judge *judge, const char *node, int64_t t_ns)
{
    VC_AUTO_TALLOC char *part = talloc_asprintf(NULL, "|%s|", node);
    const char *key;
    void *next;
    json_t *fact;

    /* The value of what is gone: null, as for a route that was never there. */
    json_object_foreach_safe(judge->facts, next, key, fact)
    {
        const char *bar = strchr(key, '|');

        if (bar && strncmp(bar, part, strlen(part)) == 0)
            fact_set(judge, t_ns, json_null(), "%s", key);
    }
    judge->sessions_up = all_sessions_up(judge);
    judge->route_change_ns = t_ns;
}

static void on_session(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    fact_set(judge, t_ns, json_string(text_of(event, "state")), "session|%s|%s", text_of(event, "node"),
             text_of(event, "neighbor"));
    judge->sessions_up = all_sessions_up(judge);
    judge->route_change_ns = t_ns;
}

static void on_bfd(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    fact_set(judge, t_ns, json_boolean(strcmp(text_of(event, "state"), "up") == 0), "bfd|%s|%s", text_of(event, "node"),
             text_of(event, "neighbor"));
}

/* zebra may add the new route before it deletes the old one: a deletion of another next hop than the one in use changes
 * nothing. */
static void on_route(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    const char *node = text_of(event, "node"), *prefix = text_of(event, "prefix");
    json_t *hop = json_pack("{s:s, s:s}", "ifname", text_of(event, "ifname"), "via", text_of(event, "via"));

    judge->route_change_ns = t_ns;
    if (json_is_true(json_object_get(event, "present"))) {
        fact_set(judge, t_ns, hop, "route|%s|%s", node, prefix);
        return;
    }

    const json_t *current = fact_get(judge, NULL, "route|%s|%s", node, prefix);
    bool other = json_is_object(current) && *text_of(hop, "ifname") && !json_equal(current, hop);

    json_decref(hop);
    if (!other)
        fact_set(judge, t_ns, json_null(), "route|%s|%s", node, prefix);
}

/* Rekeys are counted at the tunnel's CPE, which begins them (R23); those of IKE where the plan says that it is told. */
static void count_rekey(struct vc_judge *judge, const json_t *event, int64_t t_ns, bool ike)
{
    size_t i;
    json_t *tunnel;

    if (!json_is_true(json_object_get(event, "rekeyed")))
        return;
    json_array_foreach(json_object_get(judge->plan, "tunnels"), i, tunnel)
    {
        const char *at = ike ? text_of(tunnel, "ike_at") : "";

        if (strcmp(text_of(tunnel, "name"), text_of(event, "tunnel")) != 0 ||
            strcmp(*at ? at : text_of(tunnel, "cpe"), text_of(event, "node")) != 0)
            continue;
        judge->rekeys = talloc_realloc(judge, judge->rekeys, struct rekeyed, (unsigned)judge->rekey_count + 1);
        judge->rekeys[judge->rekey_count++] = (struct rekeyed){t_ns, text_of(tunnel, "name"), ike};
    }
}

static void on_ike_sa(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    count_rekey(judge, event, t_ns, true);
}

/* At a rekey the new SA comes before the old one goes. */
static void on_sa(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    const char *node = text_of(event, "node"), *tunnel = text_of(event, "tunnel");
    json_t *spi = json_is_null(json_object_get(event, "spi_in")) ? NULL : json_object_get(event, "spi_in");
    const json_t *current = fact_get(judge, NULL, "sa|%s|%s", node, tunnel);

    count_rekey(judge, event, t_ns, false);
    if (strcmp(text_of(event, "state"), "up") == 0) {
        /* Up stays up: since when is not moved by a new SPI. */
        int64_t since = t_ns, before = 0;

        if (fact_get(judge, &before, "sa|%s|%s", node, tunnel) && !json_is_null(current))
            since = before;
        fact_set(judge, since, spi ? json_incref(spi) : json_true(), "sa|%s|%s", node, tunnel);
    } else if (!spi || !current || json_is_true(current) || json_equal(current, spi)) {
        fact_set(judge, t_ns, json_null(), "sa|%s|%s", node, tunnel);
    }
}

static void on_link(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    bool up = json_is_true(json_object_get(event, "up")) && json_is_true(json_object_get(event, "carrier"));

    fact_set(judge, t_ns, json_boolean(up), "interface|%s|%s", text_of(event, "node"), text_of(event, "ifname"));
    judge->sessions_up = all_sessions_up(judge);
    judge->route_change_ns = t_ns;
}

static struct direction *direction_of(struct vc_judge *judge, const json_t *event)
{
    struct judged_flow *flow = flow_named(judge, text_of(event, "flow"));

    return flow ? &flow->direction[strcmp(text_of(event, "direction"), "return") == 0] : NULL;
}

static void on_path(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    struct direction *direction = direction_of(judge, event);
    json_t *path = json_object_get(event, "path");

    if (!direction || !json_is_array(path))
        return;
    json_decref(direction->path);
    direction->path = json_incref(path);
    direction->seen = true;
    direction->changed_ns = t_ns;
}

static void on_outage_begin(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    struct direction *direction = direction_of(judge, event);

    if (!direction)
        return;
    direction->outage = true;
    direction->outage_since_ns = number_of(event, "since_ns", t_ns);
    direction->changed_ns = t_ns;
}

static void on_gap(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    struct direction *direction = direction_of(judge, event);
    int64_t lost = number_of(event, "lost", 0);
    struct gap gap = {
        .start_ns = number_of(event, "start_ns", t_ns),
        .end_ns = number_of(event, "end_ns", t_ns),
        .lost = lost > 0 ? lost : 0,
        .resolution_ns = number_of(event, "resolution_ns", 0),
    };
    /* Without the times of sending, the lost packets are taken to be spread evenly. */
    int64_t spacing = (gap.end_ns - gap.start_ns) / (gap.lost + 1);

    if (!direction)
        return;
    gap.first_lost_ns = number_of(event, "first_lost_ns", gap.start_ns + spacing);
    gap.last_lost_ns = number_of(event, "last_lost_ns", gap.end_ns - spacing);
    direction->gaps = talloc_realloc(judge, direction->gaps, struct gap, (unsigned)direction->gap_count + 1);
    direction->gaps[direction->gap_count++] = gap;
    if (direction->outage && !json_is_true(json_object_get(event, "open"))) {
        direction->outage = false;
        direction->changed_ns = gap.end_ns;
    }
}

static void on_summary(struct vc_judge *judge, const json_t *event, VC_UNUSED int64_t t_ns)
{
    struct direction *direction = direction_of(judge, event);

    if (!direction)
        return;
    json_decref(direction->summary);
    direction->summary = json_deep_copy(event);
}

static void on_load(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    size_t n = judge->load_count++;

    judge->loads = talloc_realloc(judge, judge->loads, struct load_part, (unsigned)n + 1);
    judge->loads[n] = (struct load_part){
        .load = talloc_strdup(judge, text_of(event, "load")),
        .start_ns = number_of(event, "start_ns", t_ns),
        .end_ns = number_of(event, "end_ns", t_ns),
        .sent = number_of(event, "sent", 0),
        .lost = number_of(event, "lost", 0),
        .mbit = json_number_value(json_object_get(event, "mbit")),
    };
}

static void on_seen(struct vc_judge *judge, const json_t *event, VC_UNUSED int64_t t_ns)
{
    if (!judge->seen)
        judge->seen = json_array();
    json_array_append_new(judge->seen, json_deep_copy(event));
}

static void on_accepted(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    json_t *prefixes = json_object_get(event, "prefixes");

    fact_set(judge, t_ns, prefixes ? json_deep_copy(prefixes) : json_array(), "accepted|%s|%s", text_of(event, "node"),
             text_of(event, "tunnel"));
}

void state_event(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    static const struct {
        const char *layer, *what;
        void (*fn)(struct vc_judge *judge, const json_t *event, int64_t t_ns);
    } handlers[] = {
        {"bgp", "session", on_session},
        {"bgp", "bfd", on_bfd},
        {"fib", "route", on_route},
        {"ike", "sa", on_ike_sa},
        {"ipsec", "sa", on_sa},
        {"link", "state", on_link},
        {"probe", "path", on_path},
        {"probe", "outage-begin", on_outage_begin},
        {"probe", "gap", on_gap},
        {"probe", "summary", on_summary},
        {"probe", "load", on_load},
        {"link", "seen", on_seen},
        {"rib", "accepted", on_accepted},
        {"check", "log", log_written},
        {"check", "evidence", diagnosis_evidence},
    };

    for (size_t i = 0; i < VC_COUNT(handlers); i++)
        if (strcmp(handlers[i].layer, text_of(event, "layer")) == 0 &&
            strcmp(handlers[i].what, text_of(event, "what")) == 0)
            handlers[i].fn(judge, event, t_ns);
}
