/* The taps of a lab and its flows, which come and go with the nodes; captures are observe_capture.c's. */
#include <string.h>

#include "run/observe_private.h"

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

static int on_readable(sd_event_source *source VC_UNUSED, int fd VC_UNUSED, uint32_t revents VC_UNUSED, void *arg)
{
    struct vc_observe *observe = arg;

    vc_tap_set_drain(observe->taps);
    return 0;
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
        .netns = netns, .ifname = point->ifname, .filter = observe_filter(point), .fn = on_packet, .arg = point};

    point->tap = vc_tap_open(point->observe, &config, err);
    if (!point->tap || observe_capture_open(point, err))
        return vc_wrap(err, "observing %s", point->name);
    if (watch_taps(point->observe, err) || vc_tap_set_add(point->observe->taps, point->tap, err))
        return vc_wrap(err, "observing %s", point->name);
    return point->flow_point < 0 ? 0 : vc_flows_set_tap(point->observe->flows, point->flow_point, point->tap, err);
}

static void close_point(struct point *point)
{
    if (!point->tap)
        return;
    vc_tap_drain(point->tap);
    observe_report_drops(point);
    if (point->flow_point >= 0)
        vc_flows_set_tap(point->observe->flows, point->flow_point, NULL, NULL);
    TALLOC_FREE(point->tap);
    observe_extra_close(point);
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
