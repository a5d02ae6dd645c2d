/* What is told and taken (R7, R37, R38), and the ways that come of it (R39-R41). */
#include "doctor/private.h"

/* ---- routes ---- */

static bool up(const struct view *v)
{
    return v->layers[BGP] == OK;
}

static void rule_default(struct doctor *d, const struct view *v)
{
    const json_t *told = json_object_get(v->at[CPE].neighbor, "told");

    if (v->at[CPE].bgp && !true_at(v->at[CPE].bgp, "default"))
        found(d, "default-missing", v->at[CPE].name, v, true,
              "%s is not configured to send 0.0.0.0/0 to this neighbour", v->at[CPE].name);
    else if (v->layers[ROUTES] == FAILED && json_is_array(told) && !has_text(told, "0.0.0.0/0") &&
             !has_text(json_object_get(v->at[ROUTER].neighbor, "accepted"), "0.0.0.0/0"))
        found(d, "default-missing", v->at[CPE].name, v, true, "%s sends no 0.0.0.0/0", v->at[CPE].name);
}

/* What one end tells beyond what is its own to tell, as the other end has it: refused, or taken. */
static void rule_leak(struct doctor *d, const struct view *v, enum end from, enum end to, const json_t *wanted)
{
    static const char *const members[] = {"accepted", "refused"};

    for (size_t i = 0; up(v) && i < VC_COUNT(members); i++) {
        VC_AUTO_TALLOC char *more = beyond(NULL, json_object_get(v->at[to].neighbor, members[i]), wanted);
        if (more)
            found(d, "prefix-leaked", v->at[from].name, v, true, "%s tells %s, which %s %s", v->at[from].name, more,
                  v->at[to].name, i ? "refuses" : "takes");
    }
}

static void rule_inbound(struct doctor *d, const struct view *v, enum end end)
{
    if (v->at[end].bgp && !true_at(v->at[end].bgp, "inbound_policy"))
        found(d, "no-inbound-policy", v->at[end].name, v, true, "%s has no filter for what this neighbour sends",
              v->at[end].name);
}

/* Cisco's own prefixes are not there, and the CPE did not refuse them. */
static void rule_prefix_missing(struct doctor *d, const struct view *v)
{
    const json_t *wanted = json_object_get(v->order, "from_cisco"), *n = v->at[CPE].neighbor;
    VC_AUTO_TALLOC char *missing = beyond(NULL, wanted, json_object_get(n, "accepted"));

    if (v->layers[ROUTES] != FAILED || !missing || !json_object_get(n, "accepted"))
        return;
    /* A CPE that keeps nothing of what it refuses is known by what Cisco's end tells it. */
    const json_t *refused = json_object_get(n, "refused"), *told = json_object_get(v->at[ROUTER].neighbor, "told");
    VC_AUTO_TALLOC char *not_refused = beyond(NULL, wanted, refused);
    VC_AUTO_TALLOC char *not_told = beyond(NULL, wanted, told);
    bool known = json_is_array(refused) || json_is_array(told),
         sent = json_is_array(refused) ? !not_refused : !not_told;
    found(d, "prefix-missing", known ? v->at[sent ? CPE : ROUTER].name : NULL, v, known,
          "%s does not have %s from this neighbour%s", v->at[CPE].name, missing,
          known && sent ? ", as it refuses it" : "");
}

static bool is_lan_router(const json_t *node)
{
    return is(node, "kind", "router") || is(node, "kind", "ospf-router");
}

/* A link that is up at both ends. */
static bool carries(const struct doctor *d, const json_t *link)
{
    for (size_t i = 0; i < 2; i++) {
        const json_t *node = node_named(d, text_in(json_object_get(link, "nodes"), i));
        const json_t *port = json_object_get(json_object_get(node, "interfaces"), text_at(link, "name"));
        if (!true_at(port, "up") || !true_at(port, "carrier"))
            return false;
    }
    return true;
}

/* Where OSPF brings the routes it runs, and has had the time of a few hellos. */
static bool is_settled(const json_t *node)
{
    enum { ADJACENT_S = 30 };
    const char *daemon = is(node, "kind", "ospf-router") ? "bird" : "ospfd";

    return !*text_at(json_object_get(node, "daemons"), daemon) ||
           (is_running(node, daemon) &&
            number_at(json_object_get(node, "daemon_age_s"), daemon, ADJACENT_S) >= ADJACENT_S);
}

static bool speak_by(const struct doctor *d, const struct view *v, const json_t *link)
{
    size_t i;
    json_t *order;

    json_array_foreach(json_object_get(d->order, "ibgp"), i, order)
    {
        const json_t *neighbors = json_object_get(json_object_get(v->at[CPE].node, "bgp"), "neighbors");
        if (is(order, "node", v->at[CPE].name) && is(order, "link", text_at(link, "name")) &&
            !is(json_object_get(neighbors, text_at(order, "neighbor")), "state", "Established"))
            return false;
    }
    return true;
}

static bool has_prefix(const json_t *node, const char *prefix)
{
    size_t i;
    json_t *route;

    json_array_foreach(json_object_get(node, "routes"), i, route)
    {
        if (is(route, "prefix", prefix))
            return true;
    }

    return false;
}

/* A CPE has Cisco's prefixes and the LAN's router beside it does not, though the way to it is open. */
static void rule_redistribution(struct doctor *d, const struct view *v)
{
    size_t i, p;
    json_t *link, *prefix;

    if (v->layers[ROUTES] != OK || layer_is_young(d, v, PATHS))
        return;
    json_array_foreach(json_object_get(d->order, "links"), i, link)
    {
        const json_t *nodes = json_object_get(link, "nodes");
        const char *a = text_in(nodes, 0), *b = text_in(nodes, 1);
        const char *lan = !strcmp(a, v->at[CPE].name) ? b : !strcmp(b, v->at[CPE].name) ? a : NULL;
        const json_t *router = lan ? node_named(d, lan) : NULL;
        if (!router || !is_lan_router(router) || !json_is_array(json_object_get(router, "routes")) ||
            !carries(d, link) || !is_settled(router) || !is_settled(v->at[CPE].node) || !speak_by(d, v, link))
            continue;
        json_array_foreach(json_object_get(v->order, "from_cisco"), p, prefix)
        {
            if (!has_prefix(router, json_is_string(prefix) ? json_string_value(prefix) : ""))
                found(d, "redistribution-missing", v->at[CPE].name, v, true,
                      "%s has %s from Cisco, the LAN's router %s does not", v->at[CPE].name, json_string_value(prefix),
                      lan);
        }
    }
}

/* The default is told whatever becomes of the LAN: behind it nobody is there. */
static void rule_dead_lan(struct doctor *d, const struct view *v)
{
    size_t i;
    json_t *link;
    unsigned ways = 0, dead = 0;

    json_array_foreach(json_object_get(d->order, "links"), i, link)
    {
        const json_t *port = json_object_get(json_object_get(v->at[CPE].node, "interfaces"), text_at(link, "name"));
        if (!true_at(link, "customer") || !has_text(json_object_get(link, "nodes"), v->at[CPE].name) || !port)
            continue;
        ways++;
        dead += !(true_at(port, "up") && true_at(port, "carrier"));
    }
    if (ways && dead == ways && true_at(v->at[CPE].bgp, "default"))
        found(d, "default-without-lan", v->at[CPE].name, v, true,
              "%s tells 0.0.0.0/0 whatever happens, and every one of its %u LAN links is down", v->at[CPE].name, ways);
}

void rules_routes(struct doctor *d, const struct view *v)
{
    VC_AUTO_JSON *only_default = json_pack("[s]", "0.0.0.0/0");

    rule_default(d, v);
    rule_leak(d, v, CPE, ROUTER, only_default);
    rule_leak(d, v, ROUTER, CPE, json_object_get(v->order, "from_cisco"));
    rule_inbound(d, v, CPE);
    rule_inbound(d, v, ROUTER);
    rule_prefix_missing(d, v);
    rule_redistribution(d, v);
    rule_dead_lan(d, v);
}

/* ---- paths ---- */

static bool is_cpe(const struct doctor *d, const char *node)
{
    for (size_t i = 0; i < d->view_count; i++)
        if (!strcmp(d->views[i].at[CPE].name, node))
            return true;
    return false;
}

struct pair {
    const char *node, *peer, *address, *state; /* state NULL: no such neighbour */
};

/* An iBGP session that the design has and that is not Established, of that node, while both ends could speak and have
 * had the time to. False when there is none at `i`. */
static bool missing_session(const struct doctor *d, size_t i, const char *node, struct pair *pair)
{
    const json_t *order = json_array_get(json_object_get(d->order, "ibgp"), i);
    const json_t *bgp = json_object_get(node_named(d, node), "bgp");

    *pair = (struct pair){node, text_at(order, "peer"), text_at(order, "neighbor"), NULL};
    const json_t *neighbor = json_object_get(json_object_get(bgp, "neighbors"), pair->address);
    if (neighbor)
        pair->state = text_at(neighbor, "state");
    /* a daemon that tells of no neighbour at all was not read */
    return is(order, "node", node) && speaks(d, node) && speaks(d, pair->peer) &&
           json_object_size(json_object_get(bgp, "neighbors")) &&
           (!neighbor || (strcmp(pair->state, "Established") != 0 &&
                          !session_is_young(node_named(d, node), neighbor, node_named(d, pair->peer))));
}

/* Without iBGP a CPE knows the other data centre by the /24 only, and sends its traffic into its own tunnel. */
static void rule_ibgp(struct doctor *d, const struct view *v)
{
    struct pair p;

    for (size_t i = 0; i < json_array_size(json_object_get(d->order, "ibgp")); i++) {
        if (missing_session(d, i, v->at[ROUTER].name, &p))
            found(d, "cisco-wan-down", NULL, v, true, "iBGP of %s with %s is %s", p.node, p.peer,
                  p.state ? p.state : "not configured");
        if (!missing_session(d, i, v->at[CPE].name, &p))
            continue;
        if (!is_cpe(d, p.peer))
            found(d, "lan-session-down", p.node, v, true, "iBGP of %s with %s (%s) is %s", p.node, p.peer, p.address,
                  p.state ? p.state : "not configured");
        else if (p.state)
            found(d, "ibgp-down", NULL, v, true, "iBGP of %s with %s (%s) is %s", p.node, p.peer, p.address, p.state);
        else
            found(d, "ibgp-missing", p.node, v, true, "%s has no neighbour %s (%s)", p.node, p.address, p.peer);
    }
}

static void rule_stateful(struct doctor *d, const struct view *v)
{
    size_t i;
    json_t *rule;

    json_array_foreach(json_object_get(v->at[CPE].node, "firewall"), i, rule)
    {
        if (is(rule, "chain", "stateful") && is(rule, "verdict", "drop") &&
            is(rule, "iifname", text_at(v->order, "ifname")))
            found(d, "stateful-firewall", v->at[CPE].name, v, true,
                  "the firewall of %s drops what comes in by %s and answers nothing that went out there",
                  v->at[CPE].name, text_at(v->order, "ifname"));
    }
}

static void rule_loop_guard(struct doctor *d, const struct view *v, enum end end)
{
    bool guarded = false;
    size_t i;
    json_t *rule;

    if (!v->at[end].there || !json_is_array(json_object_get(v->at[end].node, "firewall")))
        return;
    json_array_foreach(json_object_get(v->at[end].node, "firewall"), i, rule)
    {
        guarded |= is(rule, "chain", "turned");
    }

    if (!guarded)
        found(d, "no-loop-guard", v->at[end].name, v, true, "%s sends packets back by the interface they came from",
              v->at[end].name);
}

/* What is off and is none of the tunnels' devices may be why. */
static void quote_power(struct doctor *d, const struct view *v)
{
    const char *name;
    json_t *node;

    json_object_foreach((json_t *)json_object_get(d->evidence, "nodes"), name, node)
    {
        if (json_is_false(json_object_get(node, "on")))
            found(d, "service-unreachable", NULL, v, false, "%s is powered off", name);
    }
}

/* All that is known is right, and a host gets no answer. */
static void rule_no_path(struct doctor *d, const struct view *v)
{
    size_t i;
    json_t *probe;

    if (v->layers[PATHS] != FAILED || is_explained(d, v, PATHS, NO_PATH))
        return;
    json_array_foreach(json_object_get(d->evidence, "probes"), i, probe)
    {
        if (is(probe, "kind", "service") && is(probe, "dc", text_at(v->order, "dc")) && !answered(probe))
            found(d, "service-unreachable", NULL, v, false, "%s gets no answer from %s", text_at(probe, "from"),
                  text_at(probe, "to"));
    }
    quote_power(d, v);
}

void rules_paths(struct doctor *d, const struct view *v)
{
    rule_ibgp(d, v);
    rule_stateful(d, v);
    rule_loop_guard(d, v, CPE);
    rule_loop_guard(d, v, ROUTER);
    rule_no_path(d, v);
}
