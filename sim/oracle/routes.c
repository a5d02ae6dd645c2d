/*
 * Who learns which prefix from whom (RFC 4271, 9.1), and what then stands in each kernel's table.
 *
 * Best is what is one's own, then the shorter path of ASes, then what came from another AS. What came from the own AS
 * is not told to the own AS again, and nobody takes what has his AS in its path. Filters: R37 and R38. The network is
 * small enough to repeat the exchange until nobody changes his mind.
 *
 * The kernel's table is written by zebra or bird. When that daemon is gone the table stays as it was: nobody withdraws
 * from it, and only what the kernel itself forgets (routes through an interface that is shut) goes.
 */
#include "oracle/private.h"

#include <string.h>

enum origin { ORIGIN_NONE, ORIGIN_OWN, ORIGIN_EBGP, ORIGIN_IBGP };
enum { PATH_MAX_AS = 8 };

struct best {
    enum origin origin;
    size_t session, from; /* node it was learned from */
    uint32_t path[PATH_MAX_AS];
    size_t length; /* ASes in the path */
};

/* ---- what a speaker has of its own, and what it tells ---- */

/* The DC of which the node is the router; NULL: of none. */
static const struct vc_dc *dc_of(const struct vc_oracle *oracle, size_t node)
{
    const struct vc_topology *t = oracle->topology;

    for (size_t i = 0; i < t->dc_count; i++)
        if (t->dcs[i].router == node)
            return &t->dcs[i];
    return NULL;
}

static bool has_dc(const struct vc_oracle *oracle, size_t node, struct vc_prefix prefix)
{
    const struct vc_dc *dc = dc_of(oracle, node);

    return dc && vc_prefix_equal(dc->prefix, prefix);
}

/* The shared /24 of the node's own region and customer. */
static bool has_service(const struct vc_oracle *oracle, size_t node, struct vc_prefix prefix)
{
    const struct vc_dc *dc = dc_of(oracle, node);

    return dc && vc_prefix_equal(dc->service, prefix);
}

static bool in_enterprise(const struct vc_topology *t, size_t node, struct vc_prefix prefix)
{
    size_t customer = t->nodes[node].customer;

    return customer != VC_NONE && vc_prefix_covers(t->customers[customer].network, prefix);
}

/* A LAN router announces the networks of its interfaces that are up. */
static bool is_connected(const struct net *net, size_t node, struct vc_prefix prefix)
{
    const struct vc_topology *t = net->oracle->topology;

    for (size_t i = 0; i < t->link_count; i++)
        for (unsigned e = 0; e < 2; e++)
            if (t->links[i].end[e].node == node && net->links[i].carrier &&
                vc_prefix_equal(vc_prefix_network(t->links[i].end[e].address), prefix))
                return true;
    return false;
}

static bool is_default(struct vc_prefix prefix)
{
    return prefix.len == 0;
}

static bool is_own(const struct net *net, size_t node, struct vc_prefix prefix)
{
    const struct vc_oracle *oracle = net->oracle;

    if (!daemon_alive(net, node, oracle->roles[node]->speaker))
        return false;
    if (oracle->roles[node]->is_dc_router) /* `network` without import check: whatever its interfaces do */
        return has_dc(oracle, node, prefix) || has_service(oracle, node, prefix);
    return oracle->roles[node]->is_lan_router && in_enterprise(oracle->topology, node, prefix) &&
           is_connected(net, node, prefix);
}

/* R37, R38: what may pass a session from `from` to `to`, besides the rule of iBGP. */
static bool filters_pass(const struct vc_oracle *oracle, const struct session *session, size_t from, size_t to,
                         struct vc_prefix prefix)
{
    if (session->tunnel == VC_NONE) /* between DC routers: the own /25 and the customer's default (R40) */
        return !oracle->roles[from]->is_dc_router || has_dc(oracle, from, prefix) || is_default(prefix);
    if (oracle->roles[from]->is_cpe)
        return is_default(prefix);
    return has_dc(oracle, from, prefix) || (has_service(oracle, from, prefix) && oracle->roles[to]->is_cpe);
}

static bool tells(const struct net *net, const struct best *best, const struct session *session, size_t from)
{
    const struct vc_oracle *oracle = net->oracle;

    if (session->tunnel != VC_NONE && oracle->roles[from]->is_cpe)
        return true; /* its default goes out unconditionally */
    if (best->origin == ORIGIN_NONE)
        return false;
    if (oracle->roles[from]->is_lan_router && !oracle->passes_on[from])
        return best->origin == ORIGIN_OWN;
    return session->external || best->origin != ORIGIN_IBGP;
}

/* ---- choice ---- */

/* Equals stay as they are: the first in the order of the topology. */
static bool better(const struct best *a, const struct best *b)
{
    if (b->origin == ORIGIN_NONE)
        return true;
    return a->length != b->length ? a->length < b->length : a->origin < b->origin;
}

/* What `to` makes of it: false when it does not take it. */
static bool take(const struct net *net, const struct best *told, size_t s, size_t from, size_t to, struct best *offer)
{
    const struct vc_node *nodes = net->oracle->topology->nodes;
    bool external = net->oracle->sessions[s].external;

    *offer = (struct best){external ? ORIGIN_EBGP : ORIGIN_IBGP, s, from};
    if (external)
        offer->path[offer->length++] = nodes[from].asn;
    if (told->length + offer->length > PATH_MAX_AS)
        return false;
    memcpy(offer->path + offer->length, told->path, told->length * sizeof *told->path);
    offer->length += told->length;
    for (size_t i = 0; i < offer->length; i++)
        if (offer->path[i] == nodes[to].asn)
            return false;
    return true;
}

static struct best choose(const struct net *net, const struct best *bests, size_t node, size_t p)
{
    const struct vc_oracle *oracle = net->oracle;
    struct best best = {ORIGIN_NONE, VC_NONE, VC_NONE}, offer;

    if (is_own(net, node, oracle->prefixes[p]))
        return (struct best){ORIGIN_OWN, VC_NONE, node};
    for (size_t s = 0; s < oracle->session_count; s++) {
        const struct session *session = &oracle->sessions[s];
        if ((session->node[0] != node && session->node[1] != node) || !net->sessions[s].up)
            continue;
        size_t from = session->node[session->node[0] == node];
        const struct best *told = &bests[from * oracle->prefix_count + p];
        if (filters_pass(oracle, session, from, node, oracle->prefixes[p]) && tells(net, told, session, from) &&
            take(net, told, s, from, node, &offer) && better(&offer, &best))
            best = offer;
    }
    return best;
}

static struct best *exchange(void *ctx, const struct net *net)
{
    const struct vc_oracle *oracle = net->oracle;
    size_t nodes = oracle->topology->node_count, prefixes = oracle->prefix_count;
    struct best *bests = talloc_zero_array(ctx, struct best, nodes * prefixes);
    bool changed = true;

    for (size_t round = 0; changed && round <= nodes; round++) {
        changed = false;
        for (size_t i = 0; i < nodes * prefixes; i++) {
            struct best best = {ORIGIN_NONE, VC_NONE, VC_NONE};
            if (oracle->roles[i / prefixes]->speaker != DAEMON_COUNT)
                best = choose(net, bests, i / prefixes, i % prefixes);
            changed |= best.origin != bests[i].origin || best.from != bests[i].from || best.length != bests[i].length;
            bests[i] = best;
        }
    }
    return bests;
}

/* ---- the kernel's table ---- */

static void add(struct net *net, size_t node, struct route route)
{
    struct fib *fib = &net->fibs[node];

    fib->routes = talloc_realloc(net->fibs, fib->routes, struct route, fib->count + 1);
    fib->routes[fib->count++] = route;
}

/* A link without carrier keeps its route: the kernel sends into it, whatever the daemons think. */
static void add_interfaces(struct net *net, size_t node)
{
    const struct vc_topology *t = net->oracle->topology;

    for (size_t i = 0; i < t->link_count; i++)
        for (unsigned e = 0; e < 2; e++)
            if (t->links[i].end[e].node == node && !net->links[i].shut[e])
                add(net, node, (struct route){vc_prefix_network(t->links[i].end[e].address), i, VC_NONE, VC_NONE});
}

static void add_static(struct net *net, size_t node)
{
    const struct vc_topology *t = net->oracle->topology;
    const struct vc_dc *dc = dc_of(net->oracle, node);

    if (dc && net->oracle->roles[node]->is_dc_router)
        add(net, node, (struct route){dc->service, VC_NONE, VC_NONE, VC_NONE});
    for (size_t i = 0; net->oracle->roles[node]->is_host && i < t->link_count; i++)
        for (unsigned e = 0; e < 2; e++)
            if (t->links[i].end[e].node == node && !net->links[i].shut[e])
                add(net, node, (struct route){.link = i, .tunnel = VC_NONE, .next = t->links[i].end[!e].node});
}

static void add_learned(struct net *net, size_t node, const struct best *bests)
{
    const struct vc_oracle *oracle = net->oracle;

    for (size_t p = 0; p < oracle->prefix_count; p++) {
        const struct best *best = &bests[node * oracle->prefix_count + p];
        if (best->origin != ORIGIN_EBGP && best->origin != ORIGIN_IBGP)
            continue;
        const struct session *session = &oracle->sessions[best->session];
        add(net, node,
            (struct route){oracle->prefixes[p], session->link, session->tunnel, best->from, .learned = true});
    }
}

static void add_ospf(struct net *net, size_t node)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct fib learned = ospf_routes(scratch, net, node);

    for (size_t i = 0; i < learned.count; i++)
        add(net, node, learned.routes[i]);
}

static void redistribute(struct net *net, const struct net *before, const struct best *bests)
{
    const struct vc_oracle *oracle = net->oracle;

    for (size_t i = 0; i < oracle->topology->node_count; i++)
        for (size_t p = 0; p < oracle->prefix_count; p++) {
            const struct best *best = &bests[i * oracle->prefix_count + p];
            ospf_redistribute(net, before, i, p,
                              best->origin == ORIGIN_EBGP && oracle->sessions[best->session].tunnel != VC_NONE);
        }
}

static bool own_end_shut(const struct net *net, size_t link, size_t node)
{
    const struct vc_link *l = &net->oracle->topology->links[link];

    return net->links[link].shut[l->end[1].node == node];
}

static void keep_learned(struct net *net, size_t node, const struct fib *before)
{
    for (size_t i = 0; i < before->count; i++) {
        struct route route = before->routes[i];
        bool gone = route.tunnel != VC_NONE ? tunnel_shut(net, route.tunnel)
                                            : route.link != VC_NONE && own_end_shut(net, route.link, node);
        route.stale = true;
        if (route.learned && !gone)
            add(net, node, route);
    }
}

void net_route(struct net *net, const struct net *before)
{
    const struct vc_oracle *oracle = net->oracle;
    VC_AUTO_TALLOC struct best *bests = exchange(NULL, net);

    redistribute(net, before, bests);
    for (size_t i = 0; i < oracle->topology->node_count; i++) {
        enum daemon keeper = oracle->roles[i]->fib;
        if (net->off[i])
            continue;
        add_interfaces(net, i);
        add_static(net, i);
        if (keeper == DAEMON_COUNT)
            continue;
        if (daemon_alive(net, i, keeper)) {
            add_learned(net, i, bests);
            add_ospf(net, i);
        } else if (before) {
            keep_learned(net, i, &before->fibs[i]);
        }
    }
}

const struct route *fib_find(const struct fib *fib, struct in_addr to)
{
    const struct route *found = NULL;

    for (size_t i = 0; i < fib->count; i++)
        if (vc_prefix_contains(fib->routes[i].prefix, to) && (!found || fib->routes[i].prefix.len > found->prefix.len))
            found = &fib->routes[i];
    return found;
}
