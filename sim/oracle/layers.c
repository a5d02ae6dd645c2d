/*
 * What is up once everything has settled: wires, IPsec, GRE, BGP sessions. Each layer needs the one below; the first
 * that fails is told in `why`.
 *
 * IPsec: charon's dead peer detection takes away SAs whose IKE gets no answer, however well ESP passes; so an SA needs
 * IKE, and ESP is asked for apart from it. With BFD, bgpd keeps no session whose BFD session is down.
 */
#include "oracle/private.h"

/* ---- links and daemons ---- */

bool link_passes(const struct net *net, size_t link, enum select select)
{
    const struct link_state *state = &net->links[link];

    return state->carrier && !(state->dropped & (BIT(SELECT_ALL) | BIT(select)));
}

bool daemon_alive(const struct net *net, size_t node, enum daemon daemon)
{
    return net->daemons[node] & BIT(daemon);
}

static void settle_links(struct net *net)
{
    const struct vc_topology *t = net->oracle->topology;

    for (size_t i = 0; i < t->link_count; i++) {
        struct link_state *link = &net->links[i];

        link->carrier = !link->shut[0] && !link->shut[1];
        for (unsigned e = 0; e < 2; e++)
            link->carrier = link->carrier && !net->off[t->links[i].end[e].node];
    }
}

/* ---- tunnels ---- */

/* The first link of the way on which packets of that kind get lost; VC_NONE: they pass. */
static size_t broken_at(const struct net *net, const struct way *way, enum select select)
{
    for (size_t i = 0; i < way->count; i++)
        if (!link_passes(net, way->links[i], select))
            return way->links[i];
    return VC_NONE;
}

static const char *way_why(struct net *net, const struct way *way, enum select select, const char *what)
{
    const struct vc_topology *t = net->oracle->topology;
    size_t broken = broken_at(net, way, select);

    if (!way->count)
        return talloc_asprintf(net, "no way for %s", what);
    return broken == VC_NONE ? NULL : talloc_asprintf(net, "no %s on %s", what, t->links[broken].name);
}

static const char *ike_why(struct net *net, size_t node)
{
    const char *name = net->oracle->topology->nodes[node].name;
    enum daemon ike = role_ike(net->oracle->roles[node]);

    if (net->off[node])
        return talloc_asprintf(net, "%s is off", name);
    return daemon_alive(net, node, ike) ? NULL : talloc_asprintf(net, "no %s at %s", daemon_names[ike], name);
}

/* strongSwan asks whether the other end lives even while ESP flows, Libreswan only when nothing came in. So an SA
 * outlives a headend's charon, until a new pluto flushes it. */
static bool outlives_charon(const struct net *net, size_t i, const struct net *before)
{
    const struct vc_topology *t = net->oracle->topology;
    size_t cpe = t->tunnels[i].cpe, headend = t->dcs[t->tunnels[i].dc].headend;
    const struct tunnel *tunnel = &net->oracle->tunnels[i];
    enum select select = tunnel->translated ? SELECT_IKE : SELECT_ESP;
    bool pluto = daemon_alive(net, cpe, DAEMON_PLUTO), had_pluto = !before || daemon_alive(before, cpe, DAEMON_PLUTO);

    return role_ike(net->oracle->roles[cpe]) == DAEMON_PLUTO && !net->off[cpe] && !net->off[headend] &&
           !daemon_alive(net, headend, DAEMON_CHARON) && (!before || before->tunnels[i].sa) && (had_pluto || !pluto) &&
           broken_at(net, &tunnel->underlay, select) == VC_NONE;
}

static void settle_tunnel(struct net *net, size_t i, const struct net *before)
{
    const struct vc_topology *t = net->oracle->topology;
    const struct tunnel *tunnel = &net->oracle->tunnels[i];
    const struct vc_dc *dc = &t->dcs[t->tunnels[i].dc];
    struct tunnel_state *state = &net->tunnels[i];
    bool outlives = outlives_charon(net, i, before);
    const char *why = outlives ? NULL : ike_why(net, t->tunnels[i].cpe);

    if (!why && !outlives)
        why = ike_why(net, dc->headend);
    if (!why && !outlives)
        why = way_why(net, &tunnel->underlay, SELECT_IKE, "IKE");
    state->sa = !why;
    if (!why && !tunnel->translated)
        why = way_why(net, &tunnel->underlay, SELECT_ESP, "ESP");
    if (!why)
        why = way_why(net, &tunnel->core, SELECT_GRE, "GRE");
    state->gre = !why;
    state->why = why;
}

bool tunnel_passes(const struct net *net, size_t tunnel, enum select select)
{
    const struct tunnel_state *state = &net->tunnels[tunnel];

    return state->gre && !(state->dropped & (BIT(SELECT_ALL) | BIT(select)));
}

bool tunnel_shut(const struct net *net, size_t tunnel)
{
    return net->oracle->timers->gre_keepalive_s && !net->tunnels[tunnel].gre;
}

/* ---- sessions ---- */

static const char *speaker_why(struct net *net, size_t node)
{
    enum daemon speaker = net->oracle->roles[node]->speaker;
    const char *name = net->oracle->topology->nodes[node].name;

    if (net->off[node])
        return talloc_asprintf(net, "%s is off", name);
    return daemon_alive(net, node, speaker) ? NULL : talloc_asprintf(net, "no %s at %s", daemon_names[speaker], name);
}

/* FRR has a daemon for BFD, other speakers do it themselves. */
static enum daemon bfd_daemon(const struct net *net, size_t node)
{
    const struct role *role = net->oracle->roles[node];

    return role->daemons & BIT(DAEMON_BFDD) ? DAEMON_BFDD : role->speaker;
}

/* bfdd tells bgpd by way of zebra. Without one of the two bgpd goes on with what it knew: that its own bfdd is gone is
 * no news of BFD. BIRD ends a session whose BFD falls, but opens one whose BFD is down: it refuses none for long. */
static bool knows_bfd_down(const struct net *net, const struct session *session, unsigned end, bool knew)
{
    size_t node = session->node[end], other = session->node[!end];

    if (bfd_daemon(net, node) == DAEMON_BIRD)
        return false;
    if (!daemon_alive(net, node, DAEMON_ZEBRA) || !daemon_alive(net, node, DAEMON_BFDD))
        return knew;
    return !daemon_alive(net, other, bfd_daemon(net, other)) || !tunnel_passes(net, session->tunnel, SELECT_BFD);
}

static const char *bfd_why(struct net *net, const struct session *session)
{
    const struct vc_topology *t = net->oracle->topology;

    for (unsigned e = 0; e < 2; e++)
        if (!daemon_alive(net, session->node[e], bfd_daemon(net, session->node[e])))
            return talloc_asprintf(net, "no %s at %s", daemon_names[bfd_daemon(net, session->node[e])],
                                   t->nodes[session->node[e]].name);
    return talloc_asprintf(net, "no BFD in tunnel %s", t->tunnels[session->tunnel].name);
}

static void settle_bfd(struct net *net, const struct session *session, struct session_state *state,
                       const struct session_state *before)
{
    if (session->tunnel == VC_NONE || !net->oracle->timers->bfd_interval_ms)
        return;
    for (unsigned e = 0; e < 2; e++)
        state->bfd_down[e] = knows_bfd_down(net, session, e, before && before->bfd_down[e]);
}

/* bgpd opens no session to an address that it cannot resolve, and zebra tells it what it can. Without zebra it goes on
 * with what it knew. */
static void settle_way(struct net *net, const struct session *session, struct session_state *state,
                       const struct session_state *before)
{
    bool out = session->tunnel != VC_NONE ? tunnel_shut(net, session->tunnel) : !net->links[session->link].carrier;

    for (unsigned e = 0; e < 2; e++) {
        size_t node = session->node[e];
        bool dead = net->oracle->roles[node]->fib == DAEMON_ZEBRA && !daemon_alive(net, node, DAEMON_ZEBRA);
        state->no_way[e] = dead ? before && before->no_way[e] : out;
    }
}

static const char *way_unknown_why(struct net *net, const struct session *session, const struct session_state *state)
{
    for (unsigned e = 0; e < 2; e++)
        if (state->no_way[e])
            return talloc_asprintf(net, "bgpd at %s knows no way to its neighbour, as its zebra died without one",
                                   net->oracle->topology->nodes[session->node[e]].name);
    return NULL;
}

static const char *session_why(struct net *net, const struct session *session, const struct session_state *state)
{
    const struct vc_topology *t = net->oracle->topology;
    bool over_tunnel = session->tunnel != VC_NONE;
    const char *why = over_tunnel ? net->tunnels[session->tunnel].why : NULL;

    for (unsigned e = 0; e < 2 && !why; e++)
        why = speaker_why(net, session->node[e]);
    if (why)
        return why;
    if (over_tunnel && !tunnel_passes(net, session->tunnel, SELECT_BGP))
        return talloc_asprintf(net, "no BGP in tunnel %s", t->tunnels[session->tunnel].name);
    if (!over_tunnel && !link_passes(net, session->link, SELECT_BGP))
        return talloc_asprintf(net, "no BGP on %s", t->links[session->link].name);
    return state->bfd_down[0] || state->bfd_down[1] ? bfd_why(net, session) : way_unknown_why(net, session, state);
}

static void settle_session(struct net *net, size_t i, const struct net *before)
{
    const struct session *session = &net->oracle->sessions[i];
    struct session_state *state = &net->sessions[i];

    settle_bfd(net, session, state, before ? &before->sessions[i] : NULL);
    settle_way(net, session, state, before ? &before->sessions[i] : NULL);
    state->why = session_why(net, session, state);
    state->up = !state->why;
}

/* ---- the whole ---- */

static void settle(struct net *net, const struct net *before)
{
    const struct vc_oracle *oracle = net->oracle;

    settle_links(net);
    for (size_t i = 0; i < oracle->topology->tunnel_count; i++)
        settle_tunnel(net, i, before);
    for (size_t i = 0; i < oracle->session_count; i++)
        settle_session(net, i, before);
    net_route(net, before);
}

static struct net *net_new(void *ctx, const struct vc_oracle *oracle)
{
    const struct vc_topology *t = oracle->topology;
    struct net *net = talloc_zero(ctx, struct net);

    net->oracle = oracle;
    net->off = talloc_zero_array(net, bool, t->node_count);
    net->daemons = talloc_zero_array(net, unsigned, t->node_count);
    net->links = talloc_zero_array(net, struct link_state, t->link_count);
    net->tunnels = talloc_zero_array(net, struct tunnel_state, t->tunnel_count);
    net->sessions = talloc_zero_array(net, struct session_state, oracle->session_count);
    net->fibs = talloc_zero_array(net, struct fib, t->node_count);
    net->redistributed = talloc_zero_array(net, bool, t->node_count * oracle->prefix_count);
    return net;
}

static void fail_node(struct net *net, const struct element *element)
{
    net->off[element->node] = true;
    net->daemons[element->node] = 0;
}

static void fail_daemon(struct net *net, const struct element *element)
{
    net->daemons[element->node] &= ~BIT(element->daemon);
}

static void fail_end(struct net *net, const struct element *element)
{
    net->links[element->link].shut[element->end] = true;
}

static void fail_packets(struct net *net, const struct element *element)
{
    if (element->link != VC_NONE)
        net->links[element->link].dropped |= BIT(element->select);
    else
        net->tunnels[element->tunnel].dropped |= BIT(element->select);
}

static void (*const fail[VC_ELEMENT_KINDS])(struct net *, const struct element *) = {
    [VC_ELEMENT_LINK] = fail_packets, [VC_ELEMENT_END] = fail_end,      [VC_ELEMENT_DAEMON] = fail_daemon,
    [VC_ELEMENT_NODE] = fail_node,    [VC_ELEMENT_DROP] = fail_packets,
};

struct net *net_settled(void *ctx, const struct vc_oracle *oracle, const bool *failed, const struct net *before)
{
    struct net *net = net_new(ctx, oracle);

    for (size_t i = 0; i < oracle->topology->node_count; i++)
        net->daemons[i] = oracle->roles[i]->daemons;
    for (size_t i = 0; i < oracle->element_count; i++)
        if (failed[i])
            fail[oracle->elements[i].shown.kind](net, &oracle->elements[i]);
    settle(net, before);
    return net;
}
