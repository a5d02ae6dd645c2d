/*
 * Flows over real namespaces and veth pairs: a – r – b, r forwards. Waits are for events, with a limit that only a
 * broken program reaches; no assertion depends on how fast this host is.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "net/netns.h"
#include "net/nft.h"
#include "net/rtnl.h"
#include "net/tap.h"
#include "probe/flow.h"

enum { LIMIT_S = 20 };

struct lab {
    sd_event *loop;
    struct vc_events *events;
    struct vc_flows *flows;
    json_t *seen;
    int a, r, b;
    struct vc_rtnl *at_a;
    /* what the first tap saw of the flow */
    unsigned tapped, wrong;
};

static void need_root(void)
{
    if (geteuid() == 0)
        return;
    if (getenv("VCLAB_MUST_WORK"))
        cr_assert_fail("network namespaces need root");
    cr_skip("network namespaces need root");
}

#define MUST(call)                                                                                                     \
    do {                                                                                                               \
        vc_error *err_ = NULL, **err = &err_;                                                                          \
        cr_assert((call) >= 0, "%s", err_ ? err_->message : #call);                                                    \
    } while (0)

static void collect(void *arg, json_t *event)
{
    json_array_append(arg, event);
}

static struct in_addr addr(const char *text)
{
    struct in_addr out;

    cr_assert(vc_addr_parse(text, &out));
    return out;
}

static struct vc_prefix prefix(const char *text)
{
    struct vc_prefix out;

    cr_assert(vc_prefix_parse(text, &out));
    return out;
}

static int netns(void)
{
    vc_error *err = NULL;
    int fd = vc_netns_new(&err);

    cr_assert(fd >= 0, "%s", err ? err->message : "");
    return fd;
}

static struct vc_rtnl *rtnl(struct lab *lab, int ns)
{
    vc_error *err = NULL;
    struct vc_rtnl *out = vc_rtnl_open(lab, ns, &err);

    cr_assert(out, "%s", err ? err->message : "");
    return out;
}

static void wire(struct lab *lab, const char *name, int ns0, const char *address0, int ns1, const char *address1,
                 uint8_t number)
{
    struct vc_rtnl *ends[2] = {rtnl(lab, ns0), rtnl(lab, ns1)};
    const char *addresses[2] = {address0, address1};

    vc_rtnl_veth(ends[0], &(struct vc_rtnl_veth){.name = {name, name},
                                                 .netns = {ns0, ns1},
                                                 .mac = {{2, 0, 0, 0, number, 1}, {2, 0, 0, 0, number, 2}},
                                                 .mtu = 1500});
    MUST(vc_rtnl_commit(ends[0], err));
    for (int i = 0; i < 2; i++) {
        vc_rtnl_address(ends[i], name, prefix(addresses[i]));
        vc_rtnl_up(ends[i], name, true);
        MUST(vc_rtnl_commit(ends[i], err));
        talloc_free(ends[i]);
    }
}

static void route(struct lab *lab, int ns, const char *to, const char *via)
{
    struct vc_rtnl *r = rtnl(lab, ns);

    vc_rtnl_route(r, &(struct vc_rtnl_route){.prefix = prefix(to), .via = addr(via), .table = 254}, true);
    MUST(vc_rtnl_commit(r, err));
    talloc_free(r);
}

static void wire_b(struct lab *lab)
{
    wire(lab, "right", lab->r, "10.0.2.1/24", lab->b, "10.0.2.2/24", 2);
    route(lab, lab->b, "10.0.1.0/24", "10.0.2.1");
}

static struct lab *set_up(void)
{
    struct lab *lab = talloc_zero(NULL, struct lab);

    need_root();
    cr_assert(sd_event_new(&lab->loop) >= 0);
    lab->events = vc_events_new(lab);
    lab->seen = json_array();
    vc_events_subscribe(lab->events, collect, lab->seen);
    lab->flows = vc_flows_new(lab, lab->loop, lab->events);
    lab->a = netns();
    lab->r = netns();
    lab->b = netns();
    MUST(vc_netns_sysctl(lab->r, (const char *const[]){"net/ipv4/ip_forward=1", NULL}, err));
    wire(lab, "left", lab->a, "10.0.1.2/24", lab->r, "10.0.1.1/24", 1);
    route(lab, lab->a, "10.0.2.0/24", "10.0.1.1");
    wire_b(lab);
    lab->at_a = rtnl(lab, lab->a);
    return lab;
}

static void tear_down(struct lab *lab)
{
    talloc_free(lab->flows);
    talloc_free(lab->at_a);
    sd_event_unref(lab->loop);
    json_decref(lab->seen);
    close(lab->a);
    close(lab->r);
    close(lab->b);
    talloc_free(lab);
}

static struct vc_flow_config voice(const struct lab *lab)
{
    return (struct vc_flow_config){
        .name = "voice", .from = {lab->a, addr("10.0.1.2")}, .to = {lab->b, addr("10.0.2.2")}, .interval_ms = 20};
}

static void start(struct lab *lab)
{
    struct vc_flow_config config = voice(lab);

    MUST(vc_flows_add(lab->flows, &config, err));
}

/* The nth event `what` of a direction (NULL: any), or NULL. */
static const json_t *event(const struct lab *lab, const char *what, const char *direction, size_t nth)
{
    size_t i;
    json_t *entry;

    json_array_foreach(lab->seen, i, entry)
    {
        const char *d = json_string_value(json_object_get(entry, "direction"));

        if (strcmp(json_string_value(json_object_get(entry, "what")), what) == 0 &&
            (!direction || strcmp(d, direction) == 0) && nth-- == 0)
            return entry;
    }
    return NULL;
}

#define RUN_UNTIL(lab, condition)                                                                                      \
    do {                                                                                                               \
        int64_t limit_ = vc_events_now((lab)->events) + LIMIT_S * VC_NS_PER_S;                                         \
        while (!(condition)) {                                                                                         \
            cr_assert(vc_events_now((lab)->events) < limit_, "never: %s", #condition);                                 \
            cr_assert(sd_event_run((lab)->loop, 100000) >= 0);                                                         \
        }                                                                                                              \
    } while (0)

static json_int_t number(const json_t *object, const char *member)
{
    cr_assert(json_is_integer(json_object_get(object, member)), "%s", member);
    return json_integer_value(json_object_get(object, member));
}

/*
 * The first gap of a direction that lost packets and ended after `after_ns`, or NULL. A busy host may hold packets up
 * for longer than three intervals: that is a gap too, without loss, and none that these tests made.
 */
static const json_t *losing_gap(const struct lab *lab, const char *direction, int64_t after_ns)
{
    const json_t *gap;

    for (size_t i = 0; (gap = event(lab, "gap", direction, i)); i++)
        if (number(gap, "lost") > 0 && number(gap, "end_ns") > after_ns)
            return gap;
    return NULL;
}

/* While nothing arrives the only thing that can happen is the timer, so packets are sent, and ticks judged. */
static void run_a_while(struct lab *lab)
{
    for (int i = 0; i < 20; i++)
        cr_assert(sd_event_run(lab->loop, 100000) >= 0);
}

static json_int_t received(const struct lab *lab, const char *direction)
{
    VC_AUTO_JSON *status = vc_flows_status(lab->flows);

    return number(json_object_get(json_object_get(status, "voice"), direction), "pps");
}

Test(flow_live, both_ways_without_loss)
{
    struct lab *lab = set_up();

    cr_expect(vc_flows_all_running(lab->flows), "no flow is no stopped flow");
    start(lab);
    cr_expect_not(vc_flows_all_running(lab->flows), "nothing was received yet");
    RUN_UNTIL(lab, received(lab, "forward") >= 30 && received(lab, "return") >= 30);
    RUN_UNTIL(lab, vc_flows_all_running(lab->flows));
    vc_flows_stop(lab->flows);
    vc_flows_finish(lab->flows);
    for (int d = 0; d < 2; d++) {
        const json_t *summary = event(lab, "summary", d ? "return" : "forward", 0);

        cr_assert(summary);
        cr_expect_geq(number(summary, "sent"), 30);
        cr_expect_eq(number(summary, "sent"), number(summary, "received"));
        cr_expect_eq(number(summary, "lost"), 0);
        cr_expect_eq(number(summary, "resolution_ns"), 20000000);
        cr_expect_gt(json_number_value(json_object_get(json_object_get(summary, "owd_ms"), "min")), 0);
        cr_expect_eq(json_array_size(json_object_get(event(lab, "path", d ? "return" : "forward", 0), "path")), 0);
    }
    tear_down(lab);
}

/* Drops one direction at r and counts there: what the flow says it lost must be what nftables dropped. */
Test(flow_live, losses_are_exactly_what_was_dropped)
{
    struct lab *lab = set_up();
    vc_error *err_open = NULL;
    struct vc_nft *nft = vc_nft_open(lab, lab->r, &err_open);
    uint64_t dropped = 0;
    bool exists;

    cr_assert(nft, "%s", err_open ? err_open->message : "");
    start(lab);
    RUN_UNTIL(lab, event(lab, "path", "forward", 0) && event(lab, "path", "return", 0));
    MUST(vc_nft_run(nft,
                    "table ip cut {\n counter lost { }\n chain c {\n type filter hook prerouting priority 0;\n"
                    " ip daddr 10.0.2.2 counter name lost drop\n }\n}\n",
                    err));
    RUN_UNTIL(lab, event(lab, "outage-begin", "forward", 0));
    RUN_UNTIL(lab, vc_nft_counter(nft, "ip", "cut", "lost", &exists, &dropped, NULL) == 0 && dropped >= 10);
    MUST(vc_nft_run(nft, "flush chain ip cut c\n", err));
    RUN_UNTIL(lab, losing_gap(lab, "forward", 0));
    MUST(vc_nft_counter(nft, "ip", "cut", "lost", &exists, &dropped, err));
    vc_flows_finish(lab->flows);

    const json_t *gap = losing_gap(lab, "forward", 0), *summary = event(lab, "summary", "forward", 0);
    cr_expect_eq(number(gap, "lost"), (json_int_t)dropped);
    cr_expect_leq(number(gap, "start_ns"), number(gap, "first_lost_ns"));
    cr_expect_lt(number(gap, "first_lost_ns"), number(gap, "last_lost_ns"));
    cr_expect_leq(number(gap, "last_lost_ns"), number(gap, "end_ns"));
    cr_expect_eq(number(summary, "lost"), (json_int_t)dropped);
    cr_expect_eq(number(summary, "sent") - number(summary, "received"), (json_int_t)dropped);
    cr_expect_geq(number(summary, "longest_gap_ns"), number(gap, "end_ns") - number(gap, "start_ns"));
    cr_expect_null(losing_gap(lab, "forward", number(gap, "end_ns")));
    cr_expect_null(losing_gap(lab, "return", 0), "the other way was never cut");
    tear_down(lab);
}

/* With the interface shut, sending itself fails: that is loss, and the flow goes on. What comes the other way may wait
 * in the router until it knows its neighbour again, so there it is a gap, with or without loss. */
Test(flow_live, a_shut_interface_is_a_gap_both_ways)
{
    struct lab *lab = set_up();

    start(lab);
    RUN_UNTIL(lab, event(lab, "path", "forward", 0) && event(lab, "path", "return", 0));
    vc_rtnl_up(lab->at_a, "left", false);
    MUST(vc_rtnl_commit(lab->at_a, err));
    run_a_while(lab);
    RUN_UNTIL(lab, event(lab, "outage-begin", "forward", 0) && event(lab, "outage-begin", "return", 0));
    cr_expect_not(vc_flows_all_running(lab->flows));
    int64_t open_ns = vc_events_now(lab->events);
    vc_rtnl_up(lab->at_a, "left", true);
    vc_rtnl_route(lab->at_a,
                  &(struct vc_rtnl_route){.prefix = prefix("10.0.2.0/24"), .via = addr("10.0.1.1"), .table = 254},
                  true);
    MUST(vc_rtnl_commit(lab->at_a, err));
    RUN_UNTIL(lab, losing_gap(lab, "forward", open_ns) && event(lab, "gap", "return", 0));
    cr_expect_gt(number(event(lab, "gap", "return", 0), "end_ns"), open_ns);
    tear_down(lab);
}

struct point {
    struct lab *lab;
    int number;
};

static void on_packet(void *arg, const struct vc_tap_packet *packet)
{
    struct point *point = arg;
    const uint8_t *ip = packet->ip;

    vc_flows_observe(point->lab->flows, point->number, packet);
    if (point->number != 0)
        return;
    point->lab->tapped++;
    /* IPv4 of 200 bytes, DSCP EF, UDP, RTP version 2, PT 0 (PCMU). */
    if (!ip || packet->ip_captured < 30 || ip[0] != 0x45 || ip[1] != 0xb8 || ip[2] != 0 || ip[3] != 200 ||
        ip[9] != 17 || ip[28] != 0x80 || (ip[29] & 0x7f) != 0)
        point->lab->wrong++;
}

static struct vc_tap *add_point(struct lab *lab, struct point *point, const char *name, const char *ifname)
{
    vc_error *err_tap = NULL;
    struct vc_tap_config config = {
        .netns = lab->r, .ifname = ifname, .filter = vc_flow_filter, .fn = on_packet, .arg = point};
    struct vc_tap *tap = vc_tap_open(lab, &config, &err_tap);

    cr_assert(tap, "%s", err_tap ? err_tap->message : "");
    point->lab = lab;
    MUST(point->number = vc_flows_add_point(lab->flows, name, NULL, err));
    MUST(vc_flows_set_tap(lab->flows, point->number, tap, err));
    return tap;
}

static void expect_path(const struct lab *lab, const char *direction, const char *first, const char *second)
{
    VC_AUTO_JSON *path = json_pack("[s, s]", first, second);

    cr_expect(json_equal(json_object_get(event(lab, "path", direction, 0), "path"), path), "%s", direction);
}

Test(flow_live, paths_are_in_travel_order)
{
    struct lab *lab = set_up();
    struct point points[2];

    add_point(lab, &points[0], "dc1", "left");
    add_point(lab, &points[1], "wan", "right");
    start(lab);
    RUN_UNTIL(lab, received(lab, "forward") >= 10 && received(lab, "return") >= 10);
    expect_path(lab, "forward", "dc1", "wan");
    expect_path(lab, "return", "wan", "dc1");
    cr_expect_null(event(lab, "path", "forward", 1), "the path never changed");
    cr_expect_null(event(lab, "path", "return", 1));
    cr_expect_gt(lab->tapped, 10);
    cr_expect_eq(lab->wrong, 0);
    /* Without its tap a point is not on the path any more. */
    vc_flows_set_tap(lab->flows, points[0].number, NULL, NULL);
    RUN_UNTIL(lab, event(lab, "path", "forward", 1) && event(lab, "path", "return", 1));
    vc_flows_set_tap(lab->flows, 99, NULL, NULL);
    tear_down(lab);
}

/* Two customers with the same addresses: their flows are told apart by what is in the packets. */
Test(flow_live, equal_addresses_are_not_confused)
{
    struct lab *lab = set_up(), *twin = set_up();
    struct point points[2];
    vc_error *err_open = NULL;

    TALLOC_FREE(twin->flows);
    twin->flows = lab->flows;
    add_point(lab, &points[0], "here", "left");
    add_point(twin, &points[1], "there", "left");
    start(lab);
    struct vc_flow_config config = voice(twin);
    config.name = "twin";
    MUST(vc_flows_add(lab->flows, &config, err));
    RUN_UNTIL(lab, event(lab, "path", "forward", 1) && event(lab, "path", "return", 1));
    for (size_t i = 0; i < 2; i++) {
        const json_t *path = event(lab, "path", "forward", i);
        bool mine = !strcmp(json_string_value(json_object_get(path, "flow")), "voice");
        VC_AUTO_JSON *expected = json_pack("[s]", mine ? "here" : "there");
        cr_expect(json_equal(json_object_get(path, "path"), expected));
    }
    struct vc_nft *nft = vc_nft_open(lab, lab->r, &err_open);
    cr_assert(nft, "%s", err_open ? err_open->message : "");
    MUST(vc_nft_run(nft,
                    "table ip cut {\n chain c {\n type filter hook prerouting priority 0;\n"
                    " ip daddr 10.0.2.2 drop\n }\n}\n",
                    err));
    RUN_UNTIL(lab, event(lab, "outage-begin", "forward", 0));
    MUST(vc_nft_run(nft, "flush chain ip cut c\n", err));
    RUN_UNTIL(lab, losing_gap(lab, "forward", 0));
    vc_flows_finish(lab->flows);
    cr_expect_str_eq(json_string_value(json_object_get(losing_gap(lab, "forward", 0), "flow")), "voice");
    for (size_t i = 0; i < 2; i++) {
        const json_t *summary = event(lab, "summary", "forward", i);
        bool mine = !strcmp(json_string_value(json_object_get(summary, "flow")), "voice");
        cr_expect_eq(number(summary, "lost") > 0, mine);
    }
    twin->flows = NULL;
    tear_down(twin);
    tear_down(lab);
}

Test(flow_live, an_end_may_come_back_in_a_new_namespace)
{
    struct lab *lab = set_up();

    start(lab);
    RUN_UNTIL(lab, event(lab, "path", "forward", 0) && event(lab, "path", "return", 0));
    struct vc_rtnl *at_r = rtnl(lab, lab->r);
    vc_rtnl_delete_link(at_r, "right");
    MUST(vc_rtnl_commit(at_r, err));
    talloc_free(at_r);
    close(lab->b);
    int64_t gone_ns = vc_events_now(lab->events);
    run_a_while(lab);
    lab->b = netns();
    wire_b(lab);
    struct vc_flow_config config = voice(lab);
    MUST(vc_flows_reopen(lab->flows, &config, err));
    RUN_UNTIL(lab, losing_gap(lab, "forward", gone_ns) && losing_gap(lab, "return", gone_ns));
    vc_flows_finish(lab->flows);
    cr_expect_eq(number(event(lab, "summary", "forward", 0), "lost"),
                 number(losing_gap(lab, "forward", gone_ns), "lost"));
    cr_expect_eq(number(event(lab, "summary", "forward", 0), "duplicated"), 0);
    tear_down(lab);
}

Test(flow_live, the_pace_changes_at_once_and_loses_nothing)
{
    struct lab *lab = set_up();
    struct vc_flow_config config = voice(lab);

    config.interval_ms = 10000;
    MUST(vc_flows_add(lab->flows, &config, err));
    RUN_UNTIL(lab, event(lab, "path", "forward", 0) && event(lab, "path", "return", 0));
    int64_t before_ns = vc_events_now(lab->events);
    vc_flows_pace(lab->flows, "voice", 20);
    RUN_UNTIL(lab, received(lab, "forward") >= 30 && received(lab, "return") >= 30);
    cr_expect_lt(vc_events_now(lab->events) - before_ns, 10 * VC_NS_PER_S, "it did not wait for the slow packet");
    vc_flows_pace(lab->flows, "voice", 10000);
    RUN_UNTIL(lab, received(lab, "forward") == 0);
    cr_expect_null(event(lab, "outage-begin", NULL, 0));
    vc_flows_pace(lab->flows, "nobody", 20);
    vc_flows_stop(lab->flows);
    vc_flows_pace(lab->flows, "voice", 20); /* a flow that was stopped stays so */
    run_a_while(lab);
    cr_expect_eq(received(lab, "forward"), 0);
    vc_flows_finish(lab->flows);
    for (int d = 0; d < 2; d++) {
        const json_t *summary = event(lab, "summary", d ? "return" : "forward", 0);

        cr_assert(summary);
        cr_expect_geq(number(summary, "sent"), 30);
        cr_expect_eq(number(summary, "lost"), 0);
        cr_expect_eq(number(summary, "resolution_ns"), 10 * VC_NS_PER_S);
    }
    tear_down(lab);
}

static void expect_refusal(struct lab *lab, const struct vc_flow_config *config, bool again, const char *text)
{
    VC_AUTO_ERROR *err = NULL;
    int status = again ? vc_flows_reopen(lab->flows, config, &err) : vc_flows_add(lab->flows, config, &err);

    cr_assert_eq(status, -1);
    cr_expect(err && strstr(err->message, text), "\"%s\" has no \"%s\"", err ? err->message : "", text);
}

Test(flow_live, refusals)
{
    struct lab *lab = set_up();
    struct vc_flow_config config = voice(lab), bad = config;

    expect_refusal(lab, &config, true, "flow voice: never started");
    bad.to.address = addr("10.9.9.9");
    expect_refusal(lab, &bad, false, "flow voice: UDP socket on 10.9.9.9 port 20000: Cannot assign requested address");
    bad = config;
    bad.from.netns = -1;
    expect_refusal(lab, &bad, false, "flow voice: ");
    bad = config;
    bad.interval_ms = 0;
    expect_refusal(lab, &bad, false, "an interval of 0 ms");
    start(lab); /* a refused flow leaves nothing behind */
    expect_refusal(lab, &config, false, "flow voice: runs already");
    RUN_UNTIL(lab, vc_flows_all_running(lab->flows));
    tear_down(lab);
}
