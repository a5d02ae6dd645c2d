/* Chains from hand-made event lists: what took the time, and what had no part in it. Times are milliseconds. */
#include <criterion/criterion.h>
#include <string.h>

#include "run/convergence.h"
#include "run/verdict.h"

static const char plan[] =
    "{\"layer\": \"check\", \"what\": \"plan\", \"topology\": \"two-cpe\", \"tunnels\": ["
    "{\"name\": \"dc1\", \"cpe\": \"cpe1\", \"router\": \"dc1-router\", \"cpe_address\": \"100.64.0.2\","
    " \"cisco_address\": \"100.64.0.1\"},"
    "{\"name\": \"dc2\", \"cpe\": \"cpe2\", \"router\": \"dc2-router\", \"cpe_address\": \"100.64.0.6\","
    " \"cisco_address\": \"100.64.0.5\"}],"
    "\"accept\": ["
    "{\"node\": \"cpe1\", \"neighbor\": \"100.64.0.1\", \"prefixes\": [\"198.18.5.0/24\", \"198.18.5.0/25\"]},"
    "{\"node\": \"cpe2\", \"neighbor\": \"100.64.0.5\", \"prefixes\": [\"198.18.5.0/24\", \"198.18.5.128/25\"]},"
    "{\"node\": \"dc1-router\", \"neighbor\": \"100.64.0.2\", \"prefixes\": [\"0.0.0.0/0\"]},"
    "{\"node\": \"dc2-router\", \"neighbor\": \"100.64.0.6\", \"prefixes\": [\"0.0.0.0/0\"]}],"
    "\"flows\": ["
    "{\"name\": \"voice-dc1\", \"interval_ns\": 20000000, \"healthy\": [\"dc1\"]},"
    "{\"name\": \"voice-dc2\", \"interval_ns\": 20000000, \"healthy\": [\"dc2\"]}]}";

struct run {
    struct vc_convergence *convergence;
    json_t *events;
};

static void tell(struct run *run, int64_t ms, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    json_t *event = json_vpack_ex(NULL, 0, format, args);
    va_end(args);
    cr_assert(event, "%s", format);
    json_object_set_new(event, "t_ns", json_integer(ms * VC_NS_PER_MS));
    vc_convergence_event(run->convergence, event);
    json_array_append_new(run->events, event);
}

static void fault(struct run *run, int64_t ms, const char *what, const char *name, const char *kind)
{
    tell(run, ms, "{s:s, s:s, s:s, s:s, s:s, s:s}", "layer", "fault", "what", what, "name", name, "kind", kind, "node",
         "dc1-router", "evidence", "seen");
}

static void state(struct run *run, int64_t ms, const char *layer, const char *what, const char *node,
                  const char *tunnel, const char *value)
{
    tell(run, ms, "{s:s, s:s, s:s, s:s, s:s}", "layer", layer, "what", what, "node", node, "tunnel", tunnel, "state",
         value);
}

static void gre(struct run *run, int64_t ms, const char *node, bool up)
{
    tell(run, ms, "{s:s, s:s, s:s, s:s, s:b, s:s}", "layer", "gre", "what", "state", "node", node, "tunnel", "dc1",
         "up", up, "reason", "keepalive");
}

static void link_state(struct run *run, int64_t ms, const char *node, const char *ifname, bool up)
{
    tell(run, ms, "{s:s, s:s, s:s, s:s, s:b, s:b}", "layer", "link", "what", "state", "node", node, "ifname", ifname,
         "up", up, "carrier", up);
}

static const char *neighbor_of(const char *node)
{
    return strcmp(node, "cpe1") == 0 ? "100.64.0.1" : "100.64.0.2";
}

/* `what` is bfd or session; over tunnel dc1. */
static void peer(struct run *run, int64_t ms, const char *what, const char *node, const char *value, const char *reason,
                 int64_t resolution_ms)
{
    tell(run, ms, "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "layer", "bgp", "what", what, "node", node, "neighbor",
         neighbor_of(node), "tunnel", "dc1", "state", value, "reason", reason, "resolution_ns",
         (json_int_t)(resolution_ms * VC_NS_PER_MS));
}

static void route(struct run *run, int64_t ms, const char *node, const char *prefix, const char *ifname)
{
    tell(run, ms, "{s:s, s:s, s:s, s:s, s:b, s:s}", "layer", "fib", "what", "route", "node", node, "prefix", prefix,
         "present", *ifname != '\0', "ifname", ifname);
}

static void path(struct run *run, int64_t ms, const char *direction, const char *one, const char *two)
{
    tell(run, ms, "{s:s, s:s, s:s, s:s, s:[s, s*]}", "layer", "probe", "what", "path", "flow", "voice-dc1", "direction",
         direction, "path", one, two);
}

static void outage(struct run *run, int64_t ms, const char *direction)
{
    tell(run, ms, "{s:s, s:s, s:s, s:s}", "layer", "probe", "what", "outage-begin", "flow", "voice-dc1", "direction",
         direction);
}

static void gap(struct run *run, int64_t start_ms, int64_t end_ms, const char *direction)
{
    tell(run, end_ms, "{s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "layer", "probe", "what", "gap", "flow", "voice-dc1",
         "direction", direction, "start_ns", (json_int_t)(start_ms * VC_NS_PER_MS), "end_ns",
         (json_int_t)(end_ms * VC_NS_PER_MS), "resolution_ns", (json_int_t)(20 * VC_NS_PER_MS));
}

/* Everything up, as after a start: none of it belongs to a chain. */
static struct run begin(void)
{
    struct run run = {vc_convergence_new(NULL), json_array()};

    json_t *event = json_loads(plan, 0, NULL);
    cr_assert(event);
    json_object_set_new(event, "t_ns", json_integer(0));
    vc_convergence_event(run.convergence, event);
    json_array_append_new(run.events, event);
    for (int end = 0; end < 2; end++) {
        const char *node = end ? "dc1-router" : "cpe1";
        state(&run, 400, "ike", "sa", end ? "dc1-headend" : "cpe1", "dc1", "up");
        state(&run, 400, "ipsec", "sa", end ? "dc1-headend" : "cpe1", "dc1", "up");
        link_state(&run, 10, node, end ? "core-dc1" : "inet-cpe1", true);
        gre(&run, 410, node, true);
        peer(&run, 600, "session", node, "Established", "", 20);
        peer(&run, 620, "bfd", node, "up", "", 20);
        route(&run, 630, node, end ? "0.0.0.0/0" : "198.18.5.0/25", "gre-dc1");
        path(&run, 700, end ? "return" : "forward", "dc1", NULL);
    }
    return run;
}

static json_t *end(struct run *run)
{
    json_t *all = vc_convergence_json(run->convergence);

    talloc_free(run->convergence);
    json_decref(run->events);
    return all;
}

static double ms_of(const json_t *entry, const char *member)
{
    const json_t *value = json_object_get(entry, member);

    return json_is_integer(value) ? (double)json_integer_value(value) / 1e6 : -1;
}

static const char *text(const json_t *entry, const char *member)
{
    const char *value = json_string_value(json_object_get(entry, member));

    return value ? value : "(none)";
}

static const json_t *stage(const json_t *entry, const char *name)
{
    size_t i;
    json_t *found;

    json_array_foreach(json_object_get(entry, "stages"), i,
                       found) if (strcmp(text(found, "stage"), name) == 0) return found;
    return NULL;
}

static bool causal(const json_t *entry, const char *name)
{
    return json_is_true(json_object_get(stage(entry, name), "causal"));
}

struct parts {
    double detection, withdrawal, fib, packets, full; /* ms; -1: null */
};

/* And: the parts add up, the stages are in order of time, what is causal adds up too. */
static void expect(const json_t *entry, const char *trigger, struct parts want, const char *cause, const char *dominant)
{
    double before = 0, sum = 0;
    size_t i;
    json_t *one;

    cr_assert(entry, "no entry for %s", trigger);
    cr_expect_str_eq(text(entry, "trigger"), trigger);
    cr_expect_eq(ms_of(entry, "detection_ns"), want.detection, "%s: %f", trigger, ms_of(entry, "detection_ns"));
    cr_expect_eq(ms_of(entry, "withdrawal_ns"), want.withdrawal, "%s: %f", trigger, ms_of(entry, "withdrawal_ns"));
    cr_expect_eq(ms_of(entry, "fib_ns"), want.fib, "%s: %f", trigger, ms_of(entry, "fib_ns"));
    cr_expect_eq(ms_of(entry, "packets_ns"), want.packets, "%s: %f", trigger, ms_of(entry, "packets_ns"));
    cr_expect_eq(ms_of(entry, "full_ns"), want.full, "%s: %f", trigger, ms_of(entry, "full_ns"));
    cr_expect_str_eq(text(entry, "cause"), cause);
    cr_expect_str_eq(text(entry, "dominant"), dominant);
    if (want.detection >= 0 && want.fib >= 0 && want.full >= 0)
        cr_expect_eq(want.detection + want.withdrawal + want.fib + want.packets, want.full);
    json_array_foreach(json_object_get(entry, "stages"), i, one)
    {
        cr_expect_geq(ms_of(one, "t_ns"), before);
        cr_expect_geq(ms_of(one, "resolution_ns"), 0);
        cr_expect_eq(json_is_integer(json_object_get(one, "since_ns")), causal(entry, text(one, "stage")));
        before = ms_of(one, "t_ns");
        sum += causal(entry, text(one, "stage")) ? ms_of(one, "since_ns") : 0;
    }
    if (want.full >= 0)
        cr_expect_eq(sum, want.full);
}

static void cut(struct run *run)
{
    fault(run, 3000, "applied", "cut", "drop");
    fault(run, 3010, "proved", "cut", "drop");
    outage(run, 3060, "forward");
    outage(run, 3060, "return");
}

/* cpe1's end: routes at cpe1, then at the router behind it. */
static void forward_moves(struct run *run, int64_t ms)
{
    route(run, ms, "cpe1", "198.18.5.0/25", "peer");
    route(run, ms + 50, "lan", "198.18.5.0/25", "lan2");
    path(run, ms + 60, "forward", "dc2", "wan");
    gap(run, 2990, ms + 60, "forward");
}

static void return_moves(struct run *run, int64_t ms)
{
    route(run, ms, "dc1-router", "0.0.0.0/0", "wan");
    path(run, ms + 10, "return", "wan", "dc2");
    gap(run, 2990, ms + 10, "return");
}

Test(convergence, silent_loss_with_bfd)
{
    struct run run = begin();

    cut(&run);
    peer(&run, 3900, "bfd", "dc1-router", "down", "", 20);
    peer(&run, 3904, "session", "dc1-router", "Idle", "BGP Notification send", 20);
    return_moves(&run, 3908);
    peer(&run, 3950, "bfd", "cpe1", "down", "", 20);
    peer(&run, 3955, "session", "cpe1", "Idle", "BGP Notification send", 20);
    forward_moves(&run, 3965);

    VC_AUTO_JSON *all = end(&run);
    const json_t *entry = json_array_get(all, 0);
    expect(entry, "cut", (struct parts){945, 10, 50, 10, 1015}, "BFD at cpe1", "bfd");
    cr_expect_eq(ms_of(entry, "at_ns"), 3010);
    cr_expect_eq(ms_of(stage(entry, "fault"), "resolution_ns"), 10, "applied 10 ms before the proof");
    cr_expect_eq(ms_of(stage(entry, "bfd"), "resolution_ns"), 20);
    cr_expect_eq(ms_of(stage(entry, "packets"), "t_ns"), 3918, "the first packet on a new path");
    cr_expect_not(causal(entry, "packets"), "is not what the end waited for");
    cr_expect_eq(ms_of(stage(entry, "full"), "resolution_ns"), 10, "the route is nearer than the packet before");
    cr_expect_eq(json_array_size(all), 1);
}

Test(convergence, the_hold_timer_of_the_slower_end)
{
    struct run run = begin();

    cut(&run);
    peer(&run, 31000, "session", "cpe1", "Idle", "BGP Notification send", 20);
    forward_moves(&run, 31005);
    peer(&run, 33110, "session", "dc1-router", "Idle", "BGP Notification send", 20);
    return_moves(&run, 33120);
    /* Long after the end. */
    route(&run, 90000, "dc1-router", "0.0.0.0/0", "core-dc1");

    VC_AUTO_JSON *all = end(&run);
    const json_t *entry = json_array_get(all, 0);
    expect(entry, "cut", (struct parts){30100, 10, 0, 10, 30120}, "BGP hold timer at dc1-router", "bgp");
    cr_expect_eq(stage(entry, "bfd"), NULL);
}

/* Both fell; the route that ended it is at cpe2. */
Test(convergence, the_session_of_the_router_whose_route_changed_last)
{
    struct run run = begin();

    cut(&run);
    gap(&run, 2990, 3500, "return");
    peer(&run, 3950, "session", "cpe2", "Idle", "BGP Notification received", 20);
    peer(&run, 3990, "session", "cpe1", "Idle", "Hold Timer Expired", 20);
    route(&run, 4000, "cpe2", "198.18.5.0/25", "");
    path(&run, 4010, "forward", "dc2", "wan");
    gap(&run, 2990, 4010, "forward");

    VC_AUTO_JSON *all = end(&run);
    expect(json_array_get(all, 0), "cut", (struct parts){940, 50, 0, 10, 1000}, "BGP, told by its neighbor at cpe2",
           "bgp");
}

/* bgpd is asked seldom while nothing happens: the route tells first, and the session fell before that. */
Test(convergence, a_session_seen_late_counts_from_its_effect)
{
    struct run run = begin();

    cut(&run);
    route(&run, 31000, "cpe1", "198.18.5.0/25", "peer");
    peer(&run, 31007, "session", "cpe1", "Idle", "BGP Notification send", 13000);
    route(&run, 31050, "lan", "198.18.5.0/25", "lan2");
    path(&run, 31060, "forward", "dc2", "wan");
    gap(&run, 2990, 31060, "forward");
    gap(&run, 2990, 31000, "return");

    VC_AUTO_JSON *all = end(&run);
    const json_t *entry = json_array_get(all, 0);
    expect(entry, "cut", (struct parts){27990, 0, 50, 10, 28050}, "BGP hold timer at cpe1", "bgp");
    cr_expect_eq(ms_of(stage(entry, "bgp"), "resolution_ns"), 12993, "from the look before to the effect");
}

Test(convergence, keepalive)
{
    struct run run = begin();

    cut(&run);
    gre(&run, 33000, "cpe1", false);
    peer(&run, 33040, "session", "cpe1", "Idle", "No path to specified Neighbor", 50);
    forward_moves(&run, 33050);
    gap(&run, 2990, 33000, "return");

    VC_AUTO_JSON *all = end(&run);
    expect(json_array_get(all, 0), "cut", (struct parts){30030, 10, 50, 10, 30100}, "GRE keepalive at cpe1", "gre");
}

/* The shut port is at the other end of the lab, and DPD is no news for BGP: the hold timer did it. */
Test(convergence, watchers_that_changed_nothing_are_told_aside)
{
    struct run run = begin();

    link_state(&run, 3000, "isp", "inet-dc1", true);
    fault(&run, 3000, "applied", "cut", "link-down");
    link_state(&run, 3001, "isp", "inet-dc1", false);
    fault(&run, 3002, "proved", "cut", "link-down");
    outage(&run, 3060, "forward");
    peer(&run, 5000, "bfd", "cpe1", "down", "", 20);
    state(&run, 20000, "ike", "sa", "cpe1", "dc1", "down");
    state(&run, 20000, "ipsec", "sa", "cpe1", "dc1", "down");
    peer(&run, 31001, "session", "cpe1", "Idle", "Hold Timer Expired", 20);
    forward_moves(&run, 31001);

    VC_AUTO_JSON *all = end(&run);
    const json_t *entry = json_array_get(all, 0);
    expect(entry, "cut", (struct parts){28000, 0, 50, 10, 28060}, "BGP hold timer at cpe1", "bgp");
    cr_expect(stage(entry, "link") && stage(entry, "ike") && stage(entry, "esp"));
    cr_expect_not(causal(entry, "link") || causal(entry, "ike") || causal(entry, "esp") || causal(entry, "bfd"));
}

Test(convergence, link_down_at_the_router_itself)
{
    struct run run = begin();

    fault(&run, 3000, "applied", "cut", "link-down");
    link_state(&run, 3002, "cpe1", "inet-cpe1", false);
    fault(&run, 3005, "proved", "cut", "link-down");
    peer(&run, 3010, "session", "cpe1", "Idle", "Interface down", 5);
    forward_moves(&run, 3014);

    VC_AUTO_JSON *all = end(&run);
    const json_t *entry = json_array_get(all, 0);
    /* Seen before it was proved: the sight is the proof. */
    cr_expect_eq(ms_of(entry, "at_ns"), 3002);
    expect(entry, "cut", (struct parts){8, 4, 50, 10, 72}, "link inet-cpe1 at cpe1", "fib");
}

Test(convergence, a_killed_daemon)
{
    struct run run = begin();

    fault(&run, 3000, "applied", "no-bgp", "daemon-kill");
    peer(&run, 3001, "session", "dc1-router", "Gone", "bgpd ended", 0);
    fault(&run, 3002, "proved", "no-bgp", "daemon-kill");
    return_moves(&run, 3003);
    peer(&run, 3005, "session", "cpe1", "Idle", "Peer closed the session", 4);
    forward_moves(&run, 3010);

    VC_AUTO_JSON *all = end(&run);
    expect(json_array_get(all, 0), "no-bgp", (struct parts){3, 5, 50, 10, 68}, "BGP, closed by its neighbor at cpe1",
           "fib");
}

Test(convergence, a_heal_names_what_had_to_come_up_first)
{
    struct run run = begin();

    cut(&run);
    state(&run, 4000, "ike", "sa", "cpe1", "dc1", "down");
    state(&run, 4000, "ipsec", "sa", "cpe1", "dc1", "down");
    peer(&run, 4000, "session", "cpe1", "Idle", "", 20);
    peer(&run, 4000, "bfd", "cpe1", "down", "", 20);
    forward_moves(&run, 4000);
    gap(&run, 2990, 4000, "return");
    fault(&run, 10000, "heal-applied", "cut", "drop");
    fault(&run, 10002, "healed", "cut", "drop");
    state(&run, 10802, "ike", "sa", "cpe1", "dc1", "up");
    state(&run, 10803, "ipsec", "sa", "cpe1", "dc1", "up");
    peer(&run, 11602, "bfd", "cpe1", "up", "", 20);
    peer(&run, 11902, "session", "cpe1", "Established", "Hold Timer Expired", 50);
    tell(&run, 11903, "{s:s, s:s, s:s, s:s, s:s, s:[s], s:I}", "layer", "rib", "what", "accepted", "node", "cpe1",
         "tunnel", "dc1", "neighbor", "100.64.0.1", "prefixes", "198.18.5.0/25", "resolution_ns",
         (json_int_t)(50 * VC_NS_PER_MS));
    route(&run, 11905, "cpe1", "198.18.5.0/25", "gre-dc1");
    path(&run, 11920, "forward", "dc1", NULL);

    VC_AUTO_JSON *all = end(&run);
    const json_t *entry = json_array_get(all, 1);
    cr_expect_eq(json_array_size(all), 2);
    expect(entry, "heal cut", (struct parts){1900, 1, 2, 15, 1918}, "BGP established at cpe1", "bgp");
    cr_expect(json_is_true(json_object_get(entry, "heal")));
    cr_expect(causal(entry, "ike") && causal(entry, "esp"));
    cr_expect(stage(entry, "bfd") && !causal(entry, "bfd"), "BFD runs beside BGP");
    cr_expect_eq(ms_of(stage(entry, "ike"), "since_ns"), 800);
    cr_expect_eq(ms_of(stage(entry, "bgp"), "since_ns"), 1099);
    cr_expect_str_eq(text(stage(entry, "rib"), "evidence"), "accepts 198.18.5.0/25 from 100.64.0.1");
}

Test(convergence, overlapping_faults_share_nothing)
{
    struct run run = begin();

    cut(&run);
    fault(&run, 3500, "applied", "other", "drop");
    fault(&run, 3510, "proved", "other", "drop");
    /* Proved late, when its chain is told already. */
    fault(&run, 3600, "proved", "cut", "drop");
    peer(&run, 4010, "session", "cpe1", "Idle", "Hold Timer Expired", 20);
    forward_moves(&run, 4020);
    gap(&run, 2990, 4000, "return");

    VC_AUTO_JSON *all = end(&run);
    const json_t *first = json_array_get(all, 0);
    expect(first, "cut", (struct parts){-1, -1, -1, -1, -1}, "(none)", "(none)");
    cr_expect_eq(json_array_size(json_object_get(first, "unsettled")), 2);
    cr_expect_eq(json_array_size(json_object_get(first, "stages")), 1);
    expect(json_array_get(all, 1), "other", (struct parts){500, 10, 50, 10, 570}, "BGP hold timer at cpe1", "bgp");
    cr_expect_eq(json_array_size(json_object_get(json_array_get(all, 1), "unsettled")), 0);
}

Test(convergence, flows_that_stay_out_leave_the_rest_of_the_chain)
{
    struct run run = begin();

    cut(&run);
    peer(&run, 3950, "bfd", "cpe1", "down", "", 20);
    peer(&run, 3955, "session", "cpe1", "Idle", "", 20);
    route(&run, 3965, "cpe1", "198.18.5.0/25", "peer");

    VC_AUTO_JSON *all = end(&run);
    const json_t *entry = json_array_get(all, 0);
    expect(entry, "cut", (struct parts){945, 10, 0, -1, -1}, "BFD at cpe1", "bfd");
    cr_expect_str_eq(json_string_value(json_array_get(json_object_get(entry, "unsettled"), 0)), "voice-dc1 forward");
    cr_expect_eq(stage(entry, "full"), NULL);
}

Test(convergence, missing_stages_are_null)
{
    struct run run = begin();

    /* Nothing at all; then packets alone; then routes without a session; then a session and no flow. */
    fault(&run, 3000, "applied", "nothing", "drop");
    fault(&run, 4000, "applied", "packets", "drop");
    fault(&run, 4000, "proved", "packets", "drop");
    outage(&run, 4100, "forward");
    gap(&run, 3990, 4500, "forward");
    fault(&run, 5000, "applied", "routes", "link-down");
    fault(&run, 5000, "proved", "routes", "link-down");
    link_state(&run, 5010, "cpe1", "inet-cpe1", false);
    route(&run, 5030, "lan", "198.18.5.0/25", "lan2");
    path(&run, 5040, "forward", "dc2", NULL);
    fault(&run, 6000, "applied", "session", "drop");
    fault(&run, 6000, "proved", "session", "drop");
    peer(&run, 7000, "session", "cpe1", "Idle", "", 20);
    route(&run, 7002, "cpe1", "198.18.5.0/24", "peer");

    VC_AUTO_JSON *all = end(&run);
    expect(json_array_get(all, 0), "nothing", (struct parts){-1, -1, -1, -1, -1}, "(none)", "(none)");
    cr_expect(json_is_false(json_object_get(json_array_get(all, 0), "proved")));
    expect(json_array_get(all, 1), "packets", (struct parts){-1, -1, -1, 500, 500}, "(none)", "full");
    expect(json_array_get(all, 2), "routes", (struct parts){10, 20, 0, 10, 40}, "link inet-cpe1 at cpe1", "rib");
    expect(json_array_get(all, 3), "session", (struct parts){1000, 2, 0, -1, -1}, "BGP at cpe1", "bgp");
}

Test(convergence, lost_packets_and_rekeys_are_no_change)
{
    struct run run = begin();

    cut(&run);
    gap(&run, 2990, 3100, "forward");
    gap(&run, 2990, 3100, "return");
    fault(&run, 4000, "applied", "loss", "impair");
    fault(&run, 4010, "proved", "loss", "impair");
    gap(&run, 4100, 4140, "forward");
    for (int k = 0; k < 2; k++)
        tell(&run, 4200 + k, "{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "layer", "ipsec", "what", "sa", "node", "cpe1",
             "tunnel", "dc1", "state", k ? "down" : "up", "spi_in", k ? "c1" : "c2", "rekeyed", !k);

    VC_AUTO_JSON *all = end(&run);
    const json_t *entry = json_array_get(all, 1);
    expect(entry, "loss", (struct parts){-1, -1, -1, -1, -1}, "(none)", "(none)");
    cr_expect_eq(json_array_size(json_object_get(entry, "unsettled")), 0);
    cr_expect_eq(json_array_size(json_object_get(entry, "stages")), 1);
}

/* A gap is told when the packet after it was read, a route when netlink was: maybe after the next fault. */
Test(convergence, what_was_over_before_the_fault_is_not_its_doing)
{
    struct run run = begin();

    cut(&run);
    fault(&run, 4000, "heal-applied", "cut", "drop");
    fault(&run, 4002, "healed", "cut", "drop");
    gap(&run, 2990, 3999, "forward");
    gap(&run, 2990, 3999, "return");
    route(&run, 3999, "cpe1", "198.18.5.0/25", "peer");

    VC_AUTO_JSON *all = end(&run);
    const json_t *entry = json_array_get(all, 1);
    expect(entry, "heal cut", (struct parts){-1, -1, -1, -1, -1}, "(none)", "(none)");
    cr_expect_eq(ms_of(entry, "at_ns"), 4002);
    cr_expect_eq(json_array_size(json_object_get(entry, "unsettled")), 0);
}

Test(convergence, a_node_that_was_off_comes_up_anew)
{
    struct run run = begin();

    fault(&run, 3000, "applied", "dark", "power-off");
    fault(&run, 3010, "proved", "dark", "power-off");
    outage(&run, 3060, "return");
    fault(&run, 9000, "heal-applied", "dark", "power-off");
    fault(&run, 9010, "healed", "dark", "power-off");
    gre(&run, 9100, "dc1-router", true);
    peer(&run, 9500, "session", "dc1-router", "Established", "", 20);
    route(&run, 9505, "dc1-router", "0.0.0.0/0", "gre-dc1");
    gap(&run, 2990, 9510, "return");

    VC_AUTO_JSON *all = end(&run);
    const json_t *entry = json_array_get(all, 1);
    expect(entry, "heal dark", (struct parts){490, 5, 0, 5, 500}, "BGP established at dc1-router", "bgp");
    cr_expect(causal(entry, "gre"));
}

/* Asking in the middle changes nothing, and the judge says the same from the same events. */
Test(convergence, the_same_events_give_the_same_chains)
{
    struct run run = begin();
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);
    size_t i;
    json_t *event;

    cut(&run);
    json_decref(vc_convergence_json(run.convergence));
    peer(&run, 3955, "session", "cpe1", "Idle", "", 20);
    forward_moves(&run, 3965);
    gap(&run, 2990, 3900, "return");
    fault(&run, 9000, "heal-applied", "cut", "drop");
    json_array_foreach(run.events, i, event) vc_judge_event(judge, event);

    VC_AUTO_JSON *judged = vc_judge_finish(judge);
    VC_AUTO_JSON *all = end(&run);
    cr_expect_eq(json_array_size(all), 2);
    cr_expect(json_equal(all, json_object_get(judged, "convergence")));
}

Test(convergence, events_without_sense_do_no_harm)
{
    static const char *const lines[] = {
        "{}",
        "{\"layer\": \"check\", \"what\": \"plan\", \"flows\": 3, \"tunnels\": [1], \"accept\": {}}",
        "{\"layer\": \"fault\", \"what\": \"healed\"}",
        "{\"layer\": \"fault\", \"what\": \"applied\", \"kind\": \"power-off\"}",
        "{\"layer\": \"fault\", \"what\": \"proved\", \"name\": 4}",
        "{\"layer\": \"probe\", \"what\": \"path\", \"flow\": \"x\", \"path\": [1, null]}",
        "{\"layer\": \"rib\", \"what\": \"accepted\", \"prefixes\": [1]}",
        "{\"layer\": \"bgp\", \"what\": \"session\", \"t_ns\": -5, \"resolution_ns\": \"x\"}",
        "{\"layer\": \"fib\", \"what\": \"route\", \"t_ns\": -9}",
    };
    struct vc_convergence *convergence = vc_convergence_new(NULL);

    for (size_t i = 0; i < VC_COUNT(lines); i++) {
        VC_AUTO_JSON *event = json_loads(lines[i], 0, NULL);
        cr_assert(event, "%s", lines[i]);
        vc_convergence_event(convergence, event);
    }
    VC_AUTO_JSON *all = vc_convergence_json(convergence);
    cr_expect_eq(json_array_size(all), 1);
    talloc_free(convergence);
}
