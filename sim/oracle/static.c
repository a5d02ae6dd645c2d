/* What a topology fixes, whatever fails: the ways of the underlay (static routes), who is whose BGP neighbour, which
 * prefixes there are. */
#include <string.h>

#include "oracle/private.h"

size_t other_end(const struct vc_link *link, size_t node)
{
    if (link->end[0].node == node)
        return link->end[1].node;
    return link->end[1].node == node ? link->end[0].node : VC_NONE;
}

bool is_wan(const struct vc_oracle *oracle, size_t link)
{
    const struct vc_link_end *end = oracle->topology->links[link].end;

    return oracle->roles[end[0].node]->is_dc_router && oracle->roles[end[1].node]->is_dc_router;
}

/* Has `node` `address` on the link? */
static bool end_has(const struct vc_link *link, size_t node, struct in_addr address)
{
    for (unsigned e = 0; e < 2; e++)
        if (link->end[e].node == node && link->end[e].address.addr.s_addr == address.s_addr)
            return true;
    return false;
}

struct search {
    const struct vc_oracle *oracle;
    size_t from, to;
    struct in_addr source, target; /* link addresses that the first and last link must have; 0: any */
};

static bool may_enter(const struct search *search, size_t link, size_t node)
{
    const struct vc_link *l = &search->oracle->topology->links[link];
    size_t next = other_end(l, node);

    if (next == VC_NONE || (next != search->to && !search->oracle->roles[next]->underlay))
        return false;
    if (node == search->from && search->source.s_addr && !end_has(l, node, search->source))
        return false;
    return next != search->to || !search->target.s_addr || end_has(l, next, search->target);
}

/* The fewest links through nodes that pass the underlay's packets. */
static struct way find_way(void *ctx, const struct search *search)
{
    const struct vc_topology *t = search->oracle->topology;
    VC_AUTO_TALLOC size_t *queue = talloc_array(NULL, size_t, t->node_count);
    VC_AUTO_TALLOC size_t *by = talloc_array(NULL, size_t, t->node_count); /* the link a node was reached by */
    struct way way = {0};
    size_t head = 0, tail = 0;

    for (size_t i = 0; i < t->node_count; i++)
        by[i] = VC_NONE;
    queue[tail++] = search->from;
    while (head < tail && by[search->to] == VC_NONE) {
        size_t node = queue[head++];
        for (size_t i = 0; i < t->link_count; i++) {
            size_t next = other_end(&t->links[i], node);
            if (next == search->from || !may_enter(search, i, node) || by[next] != VC_NONE)
                continue;
            by[next] = i;
            queue[tail++] = next;
        }
    }
    if (by[search->to] == VC_NONE)
        return way;
    for (size_t node = search->to; node != search->from; node = other_end(&t->links[by[node]], node))
        way.count++;
    way.links = talloc_array(ctx, size_t, way.count);
    size_t at = way.count;
    for (size_t node = search->to; node != search->from; node = other_end(&t->links[by[node]], node))
        way.links[--at] = by[node];
    return way;
}

static void find_tunnels(struct vc_oracle *oracle)
{
    const struct vc_topology *t = oracle->topology;

    oracle->tunnels = talloc_zero_array(oracle, struct tunnel, t->tunnel_count);
    for (size_t i = 0; i < t->tunnel_count; i++) {
        const struct vc_tunnel *spec = &t->tunnels[i];
        const struct vc_dc *dc = &t->dcs[spec->dc];
        struct tunnel *tunnel = &oracle->tunnels[i];

        struct in_addr source = spec->ipsec_private.s_addr ? spec->ipsec_private : spec->ipsec_cpe;

        tunnel->underlay = find_way(
            oracle, &(struct search){oracle, spec->cpe, dc->headend, .source = source, .target = spec->ipsec_cisco});
        tunnel->core = find_way(oracle, &(struct search){oracle, dc->headend, dc->router, {0}, {0}});
        for (size_t j = 0; j < tunnel->underlay.count; j++)
            for (unsigned e = 0; e < 2; e++)
                tunnel->translated |= oracle->roles[t->links[tunnel->underlay.links[j]].end[e].node]->translates;
    }
}

static bool speaks(const struct vc_oracle *oracle, size_t node)
{
    return oracle->roles[node]->speaker != DAEMON_COUNT && oracle->topology->nodes[node].asn;
}

static void add_session(struct vc_oracle *oracle, size_t tunnel, size_t link, size_t a, size_t b)
{
    const struct vc_node *nodes = oracle->topology->nodes;
    bool external = nodes[a].asn != nodes[b].asn;

    if (tunnel == VC_NONE && external && !(oracle->roles[a]->speaks_ebgp && oracle->roles[b]->speaks_ebgp))
        return;
    oracle->sessions[oracle->session_count++] = (struct session){tunnel, link, {a, b}, external};
    if (tunnel == VC_NONE && external)
        oracle->passes_on[a] = oracle->passes_on[b] = true;
}

/* One over each tunnel, one over each link between two that speak BGP. */
static void find_sessions(struct vc_oracle *oracle)
{
    const struct vc_topology *t = oracle->topology;

    oracle->sessions = talloc_array(oracle, struct session, t->tunnel_count + t->link_count);
    oracle->passes_on = talloc_zero_array(oracle, bool, t->node_count);
    for (size_t i = 0; i < t->tunnel_count; i++)
        add_session(oracle, i, VC_NONE, t->tunnels[i].cpe, t->dcs[t->tunnels[i].dc].router);
    for (size_t i = 0; i < t->link_count; i++) {
        size_t a = t->links[i].end[0].node, b = t->links[i].end[1].node;

        if (speaks(oracle, a) && speaks(oracle, b))
            add_session(oracle, VC_NONE, i, a, b);
    }
}

static void add_prefix(struct vc_oracle *oracle, struct vc_prefix prefix)
{
    for (size_t i = 0; i < oracle->prefix_count; i++)
        if (vc_prefix_equal(oracle->prefixes[i], prefix))
            return;
    oracle->prefixes[oracle->prefix_count++] = prefix;
}

/* The DCs' /25s, the shared /24s, the customers' default (R37, R38) and the networks of the LAN routers (R7). */
static void find_prefixes(struct vc_oracle *oracle)
{
    const struct vc_topology *t = oracle->topology;

    oracle->prefixes = talloc_array(oracle, struct vc_prefix, 2 * t->dc_count + 1 + 2 * t->link_count);
    for (size_t i = 0; i < t->dc_count; i++)
        add_prefix(oracle, t->dcs[i].prefix);
    for (size_t i = 0; i < t->dc_count; i++)
        add_prefix(oracle, t->dcs[i].service);
    add_prefix(oracle, (struct vc_prefix){0});
    for (size_t i = 0; i < t->link_count; i++)
        for (unsigned e = 0; e < 2; e++)
            if (oracle->roles[t->links[i].end[e].node]->is_lan_router)
                add_prefix(oracle, vc_prefix_network(t->links[i].end[e].address));
}

int oracle_static(struct vc_oracle *oracle, vc_error **err)
{
    const struct vc_topology *t = oracle->topology;

    oracle->roles = talloc_array(oracle, const struct role *, t->node_count);
    for (size_t i = 0; i < t->node_count; i++) {
        oracle->roles[i] = role_find(t->nodes[i].kind);
        if (!oracle->roles[i])
            return vc_fail(err, VC_EXIT_USAGE, 0,
                           "%s:%d:%d: node %s is of kind \"%s\", of which the oracle has no model; see docs/oracle.md",
                           t->nodes[i].mark.file, t->nodes[i].mark.line, t->nodes[i].mark.column, t->nodes[i].name,
                           t->nodes[i].kind);
    }
    find_tunnels(oracle);
    find_sessions(oracle);
    find_prefixes(oracle);
    return 0;
}
