/*
 * OSPF in the enterprise (R7): who is whose neighbour, what the CPEs redistribute, and what then stands in the tables
 * of those that speak it.
 *
 * One area, point-to-point links, one cost for all: the nearest is that of the fewest links (RFC 2328, 16.1). CPEs say
 * what their own tunnels brought as external routes of type 1, so of two with the same prefix the nearer wins (16.4),
 * and of two as near the higher router id, as BIRD has it. A CPE uses no external route itself.
 *
 * OSPF outlives zebra: ospfd goes on saying what it redistributed when it last heard of zebra.
 */
#include "oracle/private.h"

struct reach {
    size_t links;      /* how many; VC_NONE: there is no way */
    size_t link, next; /* the first of them, and the node behind it */
};

static bool speaks(const struct net *net, size_t node)
{
    unsigned ospf = net->oracle->roles[node]->ospf;

    return ospf && (net->daemons[node] & ospf);
}

/* Neighbours are lost with their hellos: BFD is for tunnels. */
static bool are_neighbours(const struct net *net, size_t link)
{
    const struct vc_link_end *end = net->oracle->topology->links[link].end;

    return speaks(net, end[0].node) && speaks(net, end[1].node) && link_passes(net, link, SELECT_ALL);
}

/* The fewest links from `node` to each other one. */
static struct reach *find_reach(void *ctx, const struct net *net, size_t node)
{
    const struct vc_topology *t = net->oracle->topology;
    struct reach *reach = talloc_array(ctx, struct reach, t->node_count);
    VC_AUTO_TALLOC size_t *queue = talloc_array(NULL, size_t, t->node_count);
    size_t head = 0, tail = 0;

    for (size_t i = 0; i < t->node_count; i++)
        reach[i] = (struct reach){VC_NONE, VC_NONE, VC_NONE};
    reach[node].links = 0;
    queue[tail++] = node;
    while (head < tail) {
        size_t at = queue[head++];
        for (size_t i = 0; i < t->link_count; i++) {
            size_t next = other_end(&t->links[i], at);
            if (next == VC_NONE || reach[next].links != VC_NONE || !are_neighbours(net, i))
                continue;
            reach[next] = at == node ? (struct reach){1, i, next}
                                     : (struct reach){reach[at].links + 1, reach[at].link, reach[at].next};
            queue[tail++] = next;
        }
    }
    return reach;
}

static void add(struct fib *fib, void *ctx, struct vc_prefix prefix, const struct reach *by)
{
    fib->routes = talloc_realloc(ctx, fib->routes, struct route, fib->count + 1);
    fib->routes[fib->count++] = (struct route){prefix, by->link, VC_NONE, by->next, .learned = true};
}

/* The networks of the enterprise's routers. What a CPE has beside the LAN is none of OSPF's. */
static void add_networks(struct fib *fib, void *ctx, const struct net *net, size_t node, const struct reach *reach)
{
    const struct vc_topology *t = net->oracle->topology;

    for (size_t i = 0; i < t->link_count; i++)
        for (unsigned e = 0; e < 2; e++) {
            const struct vc_link_end *end = &t->links[i].end[e];
            const struct role *role = net->oracle->roles[end->node];
            if (role->ospf && !role->is_cpe && end->node != node && reach[end->node].links != VC_NONE &&
                net->links[i].carrier)
                add(fib, ctx, vc_prefix_network(end->address), &reach[end->node]);
        }
}

/* A CPE is known by the transport address of its tunnel. */
static uint32_t router_id(const struct vc_topology *t, size_t cpe)
{
    for (size_t i = 0; i < t->tunnel_count; i++)
        if (t->tunnels[i].cpe == cpe)
            return ntohl(t->tunnels[i].transport_cpe.s_addr);
    return 0;
}

static size_t nearest_with(const struct net *net, size_t prefix, const struct reach *reach)
{
    const struct vc_oracle *oracle = net->oracle;
    const struct vc_topology *t = oracle->topology;
    size_t best = VC_NONE;

    for (size_t i = 0; i < t->node_count; i++) {
        if (!net->redistributed[i * oracle->prefix_count + prefix] || reach[i].links == VC_NONE)
            continue;
        if (best == VC_NONE || reach[i].links < reach[best].links ||
            (reach[i].links == reach[best].links && router_id(t, i) > router_id(t, best)))
            best = i;
    }
    return best;
}

struct fib ospf_routes(void *ctx, const struct net *net, size_t node)
{
    const struct vc_oracle *oracle = net->oracle;
    struct fib fib = {0};

    if (!speaks(net, node))
        return fib;
    VC_AUTO_TALLOC struct reach *reach = find_reach(NULL, net, node);
    add_networks(&fib, ctx, net, node, reach);
    for (size_t p = 0; p < oracle->prefix_count && !oracle->roles[node]->is_cpe; p++) {
        size_t from = nearest_with(net, p, reach);
        if (from != VC_NONE)
            add(&fib, ctx, oracle->prefixes[p], &reach[from]);
    }
    return fib;
}

void ospf_redistribute(struct net *net, const struct net *before, size_t node, size_t prefix, bool brought)
{
    const struct vc_oracle *oracle = net->oracle;
    size_t i = node * oracle->prefix_count + prefix;

    if (!oracle->roles[node]->is_cpe || !speaks(net, node))
        net->redistributed[i] = false;
    else if (daemon_alive(net, node, oracle->roles[node]->fib))
        net->redistributed[i] = brought;
    else
        net->redistributed[i] = before && before->redistributed[i];
}

int64_t ospf_missed_ns(const struct vc_oracle *oracle)
{
    enum { DEAD_S = 40, DEAD_BFD_S = 4 };

    for (size_t i = 0; i < oracle->topology->node_count; i++)
        if (oracle->roles[i]->ospf)
            return (oracle->timers->bfd_interval_ms ? DEAD_BFD_S : DEAD_S) * VC_NS_PER_S;
    return 0;
}
