/* A packet goes from node to node by what stands in their tables, until it arrives or is lost. */
#include <string.h>

#include "oracle/private.h"

/* A host's address is that of its interface. */
static struct in_addr host_address(const struct vc_topology *t, size_t host)
{
    for (size_t i = 0; i < t->link_count; i++)
        for (unsigned e = 0; e < 2; e++)
            if (t->links[i].end[e].node == host)
                return t->links[i].end[e].address.addr;
    return (struct in_addr){0};
}

/* The node with that address at the far end of the link. */
static size_t neighbour(const struct vc_topology *t, size_t link, size_t node, struct in_addr to)
{
    for (unsigned e = 0; e < 2; e++)
        if (t->links[link].end[e].node == node && t->links[link].end[!e].address.addr.s_addr == to.s_addr)
            return t->links[link].end[!e].node;
    return VC_NONE;
}

struct packet {
    const struct net *net;
    struct walk *walk;
    struct in_addr to;  /* an address, which two customers may both have */
    size_t at, came_by; /* node; the link it came by */
};

static void tell(const struct packet *packet, const char *format, ...) VC_PRINTF(2, 3);
static void tell(const struct packet *packet, const char *format, ...)
{
    char **story = &packet->walk->story;
    va_list ap;

    if (**story)
        *story = talloc_strdup_append(*story, "; ");
    va_start(ap, format);
    *story = talloc_vasprintf_append(*story, format, ap);
    va_end(ap);
}

static void crossed(void *ctx, struct vc_oracle_path *path, const char *name)
{
    for (size_t i = 0; i < path->count; i++)
        if (!strcmp(path->via[i], name))
            return;
    path->via = talloc_realloc(ctx, path->via, const char *, path->count + 1);
    path->via[path->count++] = name;
}

static void tell_route(const struct packet *packet, const struct route *route)
{
    const struct vc_topology *t = packet->net->oracle->topology;

    if (route->learned)
        tell(packet, "%s takes %s from %s%s", t->nodes[packet->at].name, vc_prefix_text(route->prefix).s,
             t->nodes[route->next].name, route->stale ? " (as it was when its routing daemon died)" : "");
}

/* One step. False: it is lost, and the story tells how. */
static bool step(void *ctx, struct packet *packet)
{
    const struct net *net = packet->net;
    const struct vc_topology *t = net->oracle->topology;
    const char *here = t->nodes[packet->at].name;
    const struct route *route = fib_find(&net->fibs[packet->at], packet->to);

    if (!route) {
        tell(packet, "%s has no route to %s", here, vc_addr_text(packet->to).s);
        return false;
    }
    tell_route(packet, route);
    if (route->tunnel != VC_NONE) {
        if (!tunnel_passes(net, route->tunnel, SELECT_PAYLOAD)) {
            tell(packet, "tunnel %s carries nothing", t->tunnels[route->tunnel].name);
            return false;
        }
        crossed(ctx, &packet->walk->path, t->tunnels[route->tunnel].name);
    } else if (route->link == VC_NONE) {
        tell(packet, "%s has nothing better than %s, which ends there", here, vc_prefix_text(route->prefix).s);
        return false;
    } else if (route->link == packet->came_by) {
        tell(packet, "%s would send it back to where it came from", here);
        return false;
    } else if (!link_passes(net, route->link, SELECT_PAYLOAD)) {
        tell(packet, "nothing passes %s", t->links[route->link].name);
        return false;
    } else if (is_wan(net->oracle, route->link)) {
        crossed(ctx, &packet->walk->path, t->links[route->link].name);
    }
    size_t next = route->next == VC_NONE ? neighbour(t, route->link, packet->at, packet->to) : route->next;
    if (next == VC_NONE) {
        tell(packet, "nobody on %s has %s", t->links[route->link].name, vc_addr_text(packet->to).s);
        return false;
    }
    packet->came_by = route->link;
    packet->at = next;
    return true;
}

struct walk net_walk(void *ctx, const struct net *net, size_t from, size_t to)
{
    const struct vc_topology *t = net->oracle->topology;
    struct walk walk = {.story = talloc_strdup(ctx, "")};
    struct packet packet = {net, &walk, host_address(t, to), from, VC_NONE};
    bool alive = !net->off[from] && !net->off[to];

    if (!alive)
        tell(&packet, "%s is off", t->nodes[net->off[from] ? from : to].name);
    for (size_t hops = 0; alive && packet.at != to; hops++) {
        if (packet.at != from && net->oracle->roles[packet.at]->is_host) {
            tell(&packet, "it is %s of %s that it gets to", vc_addr_text(packet.to).s, t->nodes[packet.at].name);
            alive = false;
        } else if (hops > 2 * t->node_count) {
            tell(&packet, "the packet goes round");
            alive = false;
        } else {
            alive = step(ctx, &packet);
        }
    }
    walk.path.reachable = alive;
    if (!alive) { /* a way that leads nowhere is none */
        TALLOC_FREE(walk.path.via);
        walk.path.count = 0;
    }
    return walk;
}
