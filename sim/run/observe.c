#include "run/observe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "net/pcapng.h"
#include "probe/bulk.h"
#include "probe/underlay.h"
#include "run/pace.h"

struct point {
    struct vc_observe *observe;
    const char *name; /* the link, or the tunnel's interface */
    const char *ifname;
    const char *description;
    size_t node;    /* where the tap sits */
    int flow_point; /* vc_flows' number, -1: not part of a path */
    struct vc_tap *tap;
    struct vc_pcapng *capture; /* of the run */
    struct {                   /* `vclab capture`: a tap of its own, because the run's may be filtered */
        struct vc_tap *tap;
        sd_event_source *source;
        struct vc_pcapng *file;
    } extra;
    struct vc_underlay_watch judge;
};

struct vc_observe {
    struct vc_observe_config config;
    struct vc_flows *flows;
    struct vc_pace *pace;
    struct point *points;
    size_t point_count;
    struct vc_tap_set *taps;
    sd_event_source *readable; /* some of them */
    bool control_only;         /* the run's captures leave out calls and ESP */
    bool *flow_started;
    struct {
        int netns; /* of nodes that are on, -1 otherwise */
    } * nodes;
};

static int observe_destroy(struct vc_observe *observe)
{
    sd_event_source_disable_unref(observe->readable);
    for (size_t i = 0; i < observe->point_count; i++)
        sd_event_source_disable_unref(observe->points[i].extra.source);
    return 0;
}

static bool is_kind(const struct vc_plan *plan, size_t node, const char *kind)
{
    return !strcmp(plan->nodes[node].kind, kind);
}

/* It passes on what is on the underlay and ends nothing of it. */
static bool carries_underlay(const struct vc_plan *plan, size_t node)
{
    return is_kind(plan, node, "isp") || is_kind(plan, node, "nat");
}

static bool is_router_of_dc(const struct vc_topology *topology, size_t node)
{
    for (size_t i = 0; i < topology->dc_count; i++)
        if (topology->dcs[i].router == node)
            return true;
    return false;
}

static void add_link_point(struct vc_observe *observe, const struct vc_link *link)
{
    const struct vc_plan *plan = observe->config.plan;
    struct point *point = &observe->points[observe->point_count++];
    bool passes[2] = {carries_underlay(plan, link->end[0].node), carries_underlay(plan, link->end[1].node)};
    bool underlay = passes[0] || passes[1];
    /* On the underlay never at an IPsec endpoint: xfrm hands what it decrypted to the same interface again, and a tap
     * there sees it in clear. */
    size_t at = underlay && !passes[0] ? link->end[1].node : link->end[0].node;
    bool wan = is_router_of_dc(plan->topology, link->end[0].node) && is_router_of_dc(plan->topology, link->end[1].node);

    *point = (struct point){
        .observe = observe,
        .name = link->name,
        .ifname = link->name,
        .description = talloc_asprintf(observe, "%s - %s, seen at %s", plan->nodes[link->end[0].node].name,
                                       plan->nodes[link->end[1].node].name, plan->nodes[at].name),
        .node = at,
        .flow_point = wan ? 0 : -1,
        .judge = {.events = observe->config.events, .link = link->name, .underlay = underlay},
    };
}

static void add_tunnel_point(struct vc_observe *observe, const struct vc_tunnel *tunnel)
{
    struct point *point = &observe->points[observe->point_count++];
    const char *ifname = talloc_asprintf(observe, "gre-%s", tunnel->name);

    *point = (struct point){
        .observe = observe,
        .name = ifname,
        .ifname = ifname,
        .description = talloc_asprintf(observe, "inside tunnel %s, seen at %s", tunnel->name,
                                       observe->config.plan->nodes[tunnel->cpe].name),
        .node = tunnel->cpe,
        .flow_point = 0,
        .judge = {.events = observe->config.events, .link = ifname},
    };
}

struct vc_observe *vc_observe_new(void *ctx, const struct vc_observe_config *config)
{
    struct vc_observe *observe = talloc_zero(ctx, struct vc_observe);
    const struct vc_topology *topology = config->plan->topology;

    observe->config = *config;
    observe->flows = vc_flows_new(observe, config->loop, config->events);
    observe->pace = vc_pace_new(observe, config->loop, config->events, observe->flows);
    observe->points = talloc_zero_array(observe, struct point, topology->link_count + topology->tunnel_count);
    observe->flow_started = talloc_zero_array(observe, bool, config->flow_count);
    observe->nodes = talloc_zero_size(observe, config->plan->node_count * sizeof *observe->nodes);
    for (size_t i = 0; i < config->plan->node_count; i++)
        observe->nodes[i].netns = -1;
    for (size_t i = 0; i < topology->tunnel_count; i++)
        add_tunnel_point(observe, &topology->tunnels[i]);
    for (size_t i = 0; i < topology->link_count; i++)
        add_link_point(observe, &topology->links[i]);
    /* Points of paths are registered with the flows once; their taps come and go with the nodes. */
    for (size_t i = 0; i < observe->point_count; i++)
        if (!observe->points[i].flow_point)
            observe->points[i].flow_point = vc_flows_add_point(
                observe->flows, i < topology->tunnel_count ? topology->tunnels[i].name : observe->points[i].name, NULL,
                NULL);
    talloc_set_destructor(observe, observe_destroy);
    return observe;
}

static void on_packet(void *arg, const struct vc_tap_packet *packet)
{
    struct point *point = arg;
    bool call = point->flow_point >= 0 && vc_flows_observe(point->observe->flows, point->flow_point, packet);

    vc_underlay_judge(&point->judge, packet);
    if (point->capture && !(call && point->observe->control_only))
        vc_pcapng_packet(point->capture, packet);
}

static void on_extra_packet(void *arg, const struct vc_tap_packet *packet)
{
    struct point *point = arg;

    vc_pcapng_packet(point->extra.file, packet);
}

static int on_extra_readable(sd_event_source *source VC_UNUSED, int fd VC_UNUSED, uint32_t revents VC_UNUSED, void *arg)
{
    struct point *point = arg;

    vc_tap_drain(point->extra.tap);
    return 0;
}

static int on_readable(sd_event_source *source VC_UNUSED, int fd VC_UNUSED, uint32_t revents VC_UNUSED, void *arg)
{
    struct vc_observe *observe = arg;

    vc_tap_set_drain(observe->taps);
    return 0;
}

static int open_capture(struct point *point, vc_error **err)
{
    VC_AUTO_FREE char *name = NULL;

    if (point->capture || point->observe->config.captures < 0)
        return 0;
    if (asprintf(&name, "%s.pcapng", point->name) < 0)
        abort();
    int fd = openat(point->observe->config.captures, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "creating the capture of %s", point->name);
    point->capture =
        vc_pcapng_new(point->observe, fd, vc_tap_linktype(point->tap), point->name, point->description, err);
    return point->capture ? 0 : -1;
}

/* ESP; behind a NAT it shares IKE's port, and IKE begins with four zero bytes there. */
#define ESP "ip proto 50 or (udp port 4500 and udp[8:4] != 0)"
/* A call inside GRE, between the tiers of a data centre: UDP behind two IPv4 headers and GRE's four bytes. */
#define CALL_IN_GRE "ip proto 47 and ip[33] = 17 and ip[44:2] >= 20000 and ip[44:2] <= 20127"
/* Loads by their port at one end (VC_BULK_PORT), alone and inside GRE. */
#define LOAD "(udp or tcp) and portrange 5001-5016"
#define LOAD_IN_GRE                                                                                                    \
    "ip proto 47 and ((ip[44:2] >= 5001 and ip[44:2] <= 5016) or (ip[46:2] >= 5001 and ip[46:2] <= 5016))"
_Static_assert(VC_BULK_PORT == 5001 && VC_BULK_PORTS == 16, "the filters name the ports of loads");

/* Without a capture a tap need only see what it judges: at line rate the rest would cost more than carrying it. */
static const char *filter_of(const struct point *point)
{
    bool captures = point->observe->config.captures >= 0, path = point->flow_point >= 0;

    if (captures && !point->observe->control_only)
        return NULL;
    if (captures && path)
        return "not (" LOAD ")";
    if (captures && point->judge.underlay)
        return "not (" ESP ")";
    if (captures)
        return talloc_asprintf(point->observe,
                               "not (%s) and not (" CALL_IN_GRE ") and not (" LOAD ") and not (" LOAD_IN_GRE ")",
                               vc_flow_filter);
    if (point->judge.underlay)
        return "not (ip proto 50 or udp port 500 or udp port 4500 or arp)";
    return path ? talloc_asprintf(point->observe, "icmp or (%s)", vc_flow_filter) : "icmp";
}

static int watch_taps(struct vc_observe *observe, vc_error **err)
{
    if (observe->taps)
        return 0;
    observe->taps = vc_tap_set_new(observe, err);
    if (!observe->taps)
        return -1;
    int r = sd_event_add_io(observe->config.loop, &observe->readable, vc_tap_set_fd(observe->taps), EPOLLIN,
                            on_readable, observe);
    return r < 0 ? vc_fail(err, VC_EXIT_FAIL, -r, "observing the links") : 0;
}

static int open_point(struct point *point, int netns, vc_error **err)
{
    struct vc_tap_config config = {
        .netns = netns, .ifname = point->ifname, .filter = filter_of(point), .fn = on_packet, .arg = point};

    point->tap = vc_tap_open(point->observe, &config, err);
    if (!point->tap || open_capture(point, err))
        return vc_wrap(err, "observing %s", point->name);
    if (watch_taps(point->observe, err) || vc_tap_set_add(point->observe->taps, point->tap, err))
        return vc_wrap(err, "observing %s", point->name);
    return point->flow_point < 0 ? 0 : vc_flows_set_tap(point->observe->flows, point->flow_point, point->tap, err);
}

int vc_observe_capture_control(struct vc_observe *observe, bool control_only, vc_error **err)
{
    observe->control_only = control_only;
    for (size_t i = 0; i < observe->point_count; i++) {
        struct point *point = &observe->points[i];
        if (point->tap && vc_tap_filter(point->tap, filter_of(point), err))
            return vc_wrap(err, "observing %s", point->name);
    }
    return 0;
}

static void report_drops(struct point *point)
{
    uint64_t dropped = point->tap ? vc_tap_dropped(point->tap) : 0;

    if (dropped)
        vc_event(point->observe->config.events, VC_LAYER_LINK, NULL, "capture-drops", -1, "{s:s, s:I}", "link",
                 point->name, "dropped", (json_int_t)dropped);
}

static void close_extra(struct point *point)
{
    point->extra.source = sd_event_source_disable_unref(point->extra.source);
    TALLOC_FREE(point->extra.tap);
    TALLOC_FREE(point->extra.file);
}

static void close_point(struct point *point)
{
    if (!point->tap)
        return;
    vc_tap_drain(point->tap);
    report_drops(point);
    if (point->flow_point >= 0)
        vc_flows_set_tap(point->observe->flows, point->flow_point, NULL, NULL);
    TALLOC_FREE(point->tap);
    close_extra(point);
}

static struct in_addr first_address(const struct vc_plan_node *node)
{
    return node->ifaces[0].address.addr;
}

/* Of the flows that end at `node`: opened once both ends are there, opened again when one comes back. */
static int start_flows(struct vc_observe *observe, size_t node, vc_error **err)
{
    for (size_t i = 0; i < observe->config.flow_count; i++) {
        const struct vc_flow_spec *spec = &observe->config.flows[i];
        if ((spec->from != node && spec->to != node) || observe->nodes[spec->from].netns < 0 ||
            observe->nodes[spec->to].netns < 0)
            continue;
        struct vc_flow_config flow = {
            .name = spec->name,
            .from = {observe->nodes[spec->from].netns, first_address(&observe->config.plan->nodes[spec->from])},
            .to = {observe->nodes[spec->to].netns, first_address(&observe->config.plan->nodes[spec->to])},
            .interval_ms = spec->interval_ms,
        };
        int failed = observe->flow_started[i] ? vc_flows_reopen(observe->flows, &flow, err)
                                              : vc_flows_add(observe->flows, &flow, err);
        if (failed || vc_pace_add(observe->pace, observe->config.plan, spec, err))
            return vc_wrap(err, "flow %s", spec->name);
        observe->flow_started[i] = true;
    }
    return 0;
}

int vc_observe_node(struct vc_observe *observe, const struct vc_node_rt *rt, size_t node, bool on, vc_error **err)
{
    observe->nodes[node].netns = on ? rt->netns : -1;
    for (size_t i = 0; i < observe->point_count; i++) {
        struct point *point = &observe->points[i];
        if (point->node != node)
            continue;
        if (!on)
            close_point(point);
        else if (open_point(point, rt->netns, err))
            return -1;
    }
    return on ? start_flows(observe, node, err) : 0;
}

int vc_observe_flows_start(struct vc_observe *observe, const struct vc_flow_spec *flows, size_t count, vc_error **err)
{
    observe->config.flows = flows;
    observe->config.flow_count = count;
    observe->flow_started = talloc_realloc(observe, observe->flow_started, bool, (unsigned)count);
    memset(observe->flow_started, 0, count * sizeof *observe->flow_started);
    for (size_t i = 0; i < count; i++)
        if (!observe->flow_started[i] && start_flows(observe, flows[i].from, err))
            return -1;
    return 0;
}

struct vc_flows *vc_observe_flows(const struct vc_observe *observe)
{
    return observe->flows;
}

void vc_observe_mark(struct vc_observe *observe, const char *text)
{
    for (size_t i = 0; i < observe->point_count; i++)
        if (observe->points[i].capture)
            vc_pcapng_comment(observe->points[i].capture, text);
}

static int open_extra(struct point *point, int fd, vc_error **err)
{
    struct vc_tap_config config = {.netns = point->observe->nodes[point->node].netns,
                                   .ifname = point->ifname,
                                   .fn = on_extra_packet,
                                   .arg = point};

    point->extra.tap = vc_tap_open(point->observe, &config, err);
    if (!point->extra.tap) {
        close(fd);
        return -1;
    }
    point->extra.file =
        vc_pcapng_new(point->observe, fd, vc_tap_linktype(point->extra.tap), point->name, point->description, err);
    int r = !point->extra.file ? -1
                               : sd_event_add_io(point->observe->config.loop, &point->extra.source,
                                                 vc_tap_fd(point->extra.tap), EPOLLIN, on_extra_readable, point);
    if (r < 0) {
        close_extra(point);
        return err && *err ? -1 : vc_fail(err, VC_EXIT_FAIL, -r, "capturing %s", point->name);
    }
    return 0;
}

/* The point called `link`, or NULL with an error that lists them. */
static struct point *point_named(struct vc_observe *observe, const char *link, vc_error **err)
{
    VC_AUTO_TALLOC char *names = talloc_strdup(NULL, "");

    for (size_t i = 0; i < observe->point_count; i++) {
        if (!strcmp(observe->points[i].name, link))
            return &observe->points[i];
        names = talloc_asprintf_append(names, " %s", observe->points[i].name);
    }
    vc_fail(err, VC_EXIT_USAGE, 0, "no link %s; there are:%s", link, names);
    return NULL;
}

int vc_observe_capture(struct vc_observe *observe, const char *link, int fd, vc_error **err)
{
    VC_AUTO_FD owned = fd;
    struct point *point = point_named(observe, link, err);

    if (!point)
        return -1;
    if (!point->tap)
        return vc_fail(err, VC_EXIT_FAIL, 0, "%s is powered off at the end where it is observed", link);
    if (point->extra.tap)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s is being captured already", link);
    return open_extra(point, VC_STEAL_FD(owned), err);
}

int vc_observe_capture_stop(struct vc_observe *observe, const char *link, vc_error **err)
{
    struct point *point = point_named(observe, link, err);

    if (!point || !point->extra.tap)
        return point ? vc_fail(err, VC_EXIT_USAGE, 0, "%s is not being captured", link) : -1;
    vc_tap_drain(point->extra.tap);
    int failed = vc_pcapng_flush(point->extra.file, err);
    close_extra(point);
    return failed;
}

int vc_observe_finish(struct vc_observe *observe, vc_error **err)
{
    int failed = 0;

    for (size_t i = 0; i < observe->point_count; i++) {
        struct point *point = &observe->points[i];
        if (point->tap)
            vc_tap_drain(point->tap);
        report_drops(point);
        if (point->capture && vc_pcapng_flush(point->capture, err))
            failed = -1;
    }
    return failed;
}
