/* What the verdict must know of the plan: the event check/plan of docs/events.md. */
#include <string.h>

#include "plan/context.h"

static json_t *addr_json(struct in_addr addr)
{
    return json_string(vc_addr_text(addr).s);
}

static const char *node_name(const struct vc_topology *topology, size_t node)
{
    return topology->nodes[node].name;
}

/* Where IKE is told of: at the CPE, unless its daemon tells nobody. */
static bool tells_of_ike(const struct vc_plan_node *node)
{
    for (size_t i = 0; i < node->daemon_count; i++)
        if (node->daemons[i].kernel_sas)
            return false;
    return true;
}

static json_t *tunnel_fact(const struct vc_plan *plan, const struct vc_tunnel *t)
{
    const struct vc_topology *topology = plan->topology;
    const struct vc_dc *dc = &topology->dcs[t->dc];
    json_t *fact = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "name", t->name, "dc", dc->name, "cpe",
                             node_name(topology, t->cpe), "router", node_name(topology, dc->router), "headend",
                             node_name(topology, dc->headend), "ifname", json_sprintf("gre-%s", t->name), "cpe_address",
                             addr_json(t->address_cpe.addr), "cisco_address", addr_json(t->address_cisco.addr));

    if (!tells_of_ike(&plan->nodes[t->cpe]))
        json_object_set_new(fact, "ike_at", json_string(node_name(topology, dc->headend)));
    return fact;
}

/* Two prefixes in the order of their texts. */
static json_t *sorted_pair(struct vc_prefix a, struct vc_prefix b)
{
    struct vc_ip_text ta = vc_prefix_text(a), tb = vc_prefix_text(b);
    bool swap = strcmp(ta.s, tb.s) > 0;

    return json_pack("[s, s]", swap ? tb.s : ta.s, swap ? ta.s : tb.s);
}

/* Both ends of a tunnel's eBGP session, and what each may accept there (R37, R38). */
static void add_session(const struct vc_topology *topology, const struct vc_tunnel *t, json_t *sessions, json_t *accept)
{
    const struct vc_dc *dc = &topology->dcs[t->dc];
    const struct {
        size_t node;
        struct in_addr neighbor;
        json_t *prefixes;
    } ends[] = {
        {t->cpe, t->address_cisco.addr, sorted_pair(dc->prefix, dc->service)},
        {dc->router, t->address_cpe.addr, json_pack("[s]", "0.0.0.0/0")},
    };

    for (size_t i = 0; i < VC_COUNT(ends); i++) {
        const char *node = node_name(topology, ends[i].node);

        json_array_append_new(sessions, json_pack("{s:s, s:o, s:s}", "node", node, "neighbor",
                                                  addr_json(ends[i].neighbor), "tunnel", t->name));
        json_array_append_new(accept, json_pack("{s:s, s:o, s:o}", "node", node, "neighbor",
                                                addr_json(ends[i].neighbor), "prefixes", ends[i].prefixes));
    }
}

static bool runs(const struct vc_plan_node *node, const char *daemon)
{
    for (size_t i = 0; i < node->daemon_count; i++)
        if (strcmp(node->daemons[i].name, daemon) == 0)
            return true;
    return false;
}

/* Its BGP sessions are told of: of the LAN's routers their neighbours tell as much. */
static bool is_watched(const struct vc_plan_node *node)
{
    return runs(node, "bgpd") || (runs(node, "bird") && node->gre_count);
}

/* Every iBGP session, at the ends that are watched. */
static json_t *ibgp_facts(const struct vc_plan *plan)
{
    const struct vc_topology *topology = plan->topology;
    json_t *out = json_array();

    for (size_t i = 0; i < topology->link_count; i++)
        for (unsigned end = 0; end < 2; end++) {
            const struct vc_link *link = &topology->links[i];

            if (vc_link_is_ibgp(topology, link) && is_watched(&plan->nodes[link->end[end].node]))
                json_array_append_new(out, json_pack("{s:s, s:o}", "node", node_name(topology, link->end[end].node),
                                                     "neighbor", addr_json(link->end[!end].address.addr)));
        }
    return out;
}

/* The interfaces of the customer's own links: without them calls may go another way before a session notices. */
static json_t *inside_facts(const struct vc_topology *topology)
{
    json_t *out = json_array();

    for (size_t i = 0; i < topology->link_count; i++)
        for (unsigned end = 0; end < 2; end++) {
            const struct vc_link_end *at = &topology->links[i].end[end];
            const struct vc_customer *customer = vc_topology_customer_of(topology, at->node);

            if (customer && vc_prefix_covers(customer->network, at->address))
                json_array_append_new(out, json_pack("{s:s, s:s}", "node", node_name(topology, at->node), "ifname",
                                                     topology->links[i].name));
        }
    return out;
}

/* The data centre whose prefix holds one of the node's addresses, or VC_NONE. */
static size_t dc_of(const struct vc_topology *topology, size_t node)
{
    for (size_t i = 0; i < topology->link_count; i++)
        for (unsigned end = 0; end < 2; end++)
            for (size_t d = 0; d < topology->dc_count && topology->links[i].end[end].node == node; d++)
                if (vc_prefix_contains(topology->dcs[d].prefix, topology->links[i].end[end].address.addr))
                    return d;
    return VC_NONE;
}

/* The tunnel of a data centre: of several the first in document order. */
static void add_tunnel_of(json_t *path, const struct vc_topology *topology, size_t dc)
{
    for (size_t i = 0; i < topology->tunnel_count; i++)
        if (topology->tunnels[i].dc == dc) {
            json_array_append_new(path, json_string(topology->tunnels[i].name));
            return;
        }
}

/* Between data centres of a region it is the link of their routers. Between regions there is none (R14): what is no
 * prefix of the own region goes to the customer, by the default route that he sends (R38), and he has the other
 * region's. */
static json_t *path_between_dcs(const struct vc_topology *topology, size_t from, size_t to)
{
    const struct vc_dc *a = &topology->dcs[from], *b = &topology->dcs[to];
    unsigned end;
    size_t link = vc_link_between(topology, a->router, b->router, &end);
    json_t *path = json_array();

    if (from != to && link != VC_NONE) {
        json_array_append_new(path, json_string(topology->links[link].name));
    } else if (!vc_prefix_equal(a->service, b->service) && !vc_topology_apart(topology, a->router, b->router)) {
        add_tunnel_of(path, topology, from);
        add_tunnel_of(path, topology, to);
    }
    return path;
}

/* Traffic of a data centre's prefix uses its own tunnel (invariant 2). */
static json_t *healthy_path(const struct vc_topology *topology, const struct vc_flow_spec *flow)
{
    size_t from = dc_of(topology, flow->from), to = dc_of(topology, flow->to);

    if (from != VC_NONE && to != VC_NONE)
        return path_between_dcs(topology, from, to);
    json_t *path = json_array();
    add_tunnel_of(path, topology, to != VC_NONE ? to : from);
    return path;
}

/* Scheduling later than this may itself look like a fault to the fastest timer. */
static json_int_t lag_limit(const struct vc_timers *timers)
{
    json_int_t hold = timers->bgp_hold_s * VC_NS_PER_S / 3;

    if (timers->bfd_interval_ms)
        return timers->bfd_interval_ms * VC_NS_PER_MS;
    return hold && hold < VC_NS_PER_S ? hold : VC_NS_PER_S;
}

json_t *vc_plan_facts(const struct vc_plan *plan, const struct vc_flow_spec *flows, size_t flow_count)
{
    const struct vc_topology *topology = plan->topology;
    json_t *tunnels = json_array(), *sessions = json_array(), *accept = json_array(), *flow_facts = json_array();

    for (size_t i = 0; i < topology->tunnel_count; i++) {
        json_array_append_new(tunnels, tunnel_fact(plan, &topology->tunnels[i]));
        add_session(topology, &topology->tunnels[i], sessions, accept);
    }
    for (size_t i = 0; i < flow_count; i++)
        json_array_append_new(flow_facts,
                              json_pack("{s:s, s:s, s:s, s:I, s:o}", "name", flows[i].name, "from",
                                        node_name(topology, flows[i].from), "to", node_name(topology, flows[i].to),
                                        "interval_ns", (json_int_t)(flows[i].interval_ms * VC_NS_PER_MS), "healthy",
                                        healthy_path(topology, &flows[i])));
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "topology", topology->name, "timers",
                     plan->options.timers->name, "plane", plan->options.plane == VC_PLANE_USER ? "user" : "kernel",
                     "seed", (json_int_t)plan->options.seed, "lag_limit_ns", lag_limit(plan->options.timers), "tunnels",
                     tunnels, "sessions", sessions, "ibgp", ibgp_facts(plan), "inside", inside_facts(topology),
                     "accept", accept, "flows", flow_facts);
}
