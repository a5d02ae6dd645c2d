/* The tunnel interface (R28-R33): its addresses, its VRF, keepalives, and what drops GRE on its way into and out of
 * IPsec. */
#include "doctor/private.h"

static void compare(struct doctor *d, const struct view *v, enum end end, const char *cause, const char *member,
                    const char *wanted)
{
    const char *own = text_at(v->at[end].gre, member);

    if (*own && *wanted && strcmp(own, wanted) != 0)
        found(d, cause, v->at[end].name, v, true, "tunnel interface %s of %s has %s %s; the order says %s",
              text_at(v->order, "ifname"), v->at[end].name, member, own, wanted);
}

static void rule_addresses(struct doctor *d, const struct view *v, enum end end)
{
    const json_t *transport = json_object_get(v->order, "transport"), *address = json_object_get(v->order, "address");
    const json_t *mode = v->at[CPE].ike;

    /* In transport mode the GRE ends are the IPsec addresses: the mode is the cause. */
    if (end == CPE && is(mode, "mode", "transport"))
        return;
    compare(d, v, end, "gre-source", "local", text_at(transport, end == CPE ? "cpe" : "cisco"));
    compare(d, v, end, "gre-destination", "remote", text_at(transport, end == CPE ? "cisco" : "cpe"));
    compare(d, v, end, "tunnel-address", "address", text_at(address, end == CPE ? "cpe" : "cisco"));
}

/* The way to the tunnel's destination is not where the tunnel looks. One that is gone, as with its interface, is gone
 * for the IPsec peer too. */
static void rule_vrf(struct doctor *d, const struct view *v)
{
    const char *remote = text_at(v->at[CPE].gre, "remote");

    if (v->at[CPE].there && *remote && is(v->at[CPE].ike, "mode", "tunnel") &&
        !strcmp(remote, text_at(json_object_get(v->order, "transport"), "cisco")) &&
        route_to(v->at[CPE].node, text_at(json_object_get(v->order, "ipsec"), "cisco")) &&
        !route_to(v->at[CPE].node, remote))
        found(d, "transport-vrf", v->at[CPE].name, v, true,
              "%s has no route to the tunnel's destination %s in the table in which "
              "GRE looks",
              v->at[CPE].name, remote);
}

/* The interface is down and no keepalives are the reason: those that stay unanswered take it down as well, on a device
 * only its line protocol. */
static void rule_shut(struct doctor *d, const struct view *v, enum end end)
{
    const char *ifname = text_at(v->order, "ifname");
    const json_t *before = json_object_get(json_object_get(v->at[end].before, "interfaces"), ifname);
    const json_t *gre = v->at[end].gre, *keepalive = json_object_get(gre, "keepalive");
    bool theirs = number_at(keepalive, "every_s", 0) && number_at(keepalive, "sent", 0) && !true_at(gre, "up");

    if (v->at[end].there && v->at[end].interface && gre && before && !true_at(v->at[end].interface, "up") &&
        !true_at(before, "up") && !theirs)
        found(d, "tunnel-shutdown", v->at[end].name, v, true, "tunnel interface %s of %s is administratively down",
              ifname, v->at[end].name);
}

/* How long no keepalive has been `what` (answered, returned), or the limit where none ever was. */
static json_int_t silent_s(const json_t *keepalive, const char *what, json_int_t limit_s)
{
    VC_AUTO_TALLOC char *age = talloc_asprintf(NULL, "%s_age_s", what);

    return number_at(keepalive, age, number_at(keepalive, what, 0) ? 0 : limit_s);
}

/* Of two numbers of the document, which may be a stranger's. */
static json_int_t product(json_int_t a, json_int_t b)
{
    json_int_t out;

    return __builtin_mul_overflow(a, b, &out) ? INT64_MAX : out;
}

/* For how long this end's keepalives have come back without three that did not. */
static json_int_t open_s(const struct view *v, enum end end, const json_t *keepalive)
{
    json_int_t every_s = number_at(keepalive, "every_s", 0);
    json_int_t since_start_s = product(number_at(keepalive, "returned", 0) - 1, every_s);

    return true_at(v->at[end].gre, "up") ? number_at(v->at[end].gre, "changed_s", since_start_s) : 0;
}

/* One end's keepalives come back, and have for longer than there is between two of the other's, so the way is open in
 * both directions; and it answers none of the other's. An end that sends none is known by the packets that come out of
 * its SA. */
static void rule_keepalives(struct doctor *d, const struct view *v)
{
    static const enum end others[END_COUNT] = {[CPE] = ROUTER, [ROUTER] = CPE};

    for (enum end end = CPE; end < END_COUNT; end++) {
        enum end other = others[end];
        const json_t *own = json_object_get(v->at[end].gre, "keepalive");
        const json_t *theirs = json_object_get(v->at[other].gre, "keepalive");
        json_int_t every_s = number_at(theirs, "every_s", 0);
        json_int_t limit_s = product(every_s, number_at(theirs, "retries", 3));
        json_int_t own_s = number_at(own, "every_s", 0);
        if (end == HEADEND || !own || !limit_s || number_at(theirs, "sent", 0) < number_at(theirs, "retries", 3) ||
            silent_s(theirs, "returned", limit_s) < limit_s || silent_s(own, "answered", limit_s) < limit_s)
            continue;
        bool open = own_s ? silent_s(own, "returned", 2 * own_s) < 2 * own_s && open_s(v, end, own) > every_s
                          : end == CPE && true_at(v->at[CPE].interface, "up") && sa_used(v, CPE, true);
        if (open)
            found(d, "keepalives-unanswered", v->at[end].name, v, own_s != 0,
                  "%s sent %lld keepalives and got none back from %s (%lld answered)%s", v->at[other].name,
                  (long long)number_at(theirs, "sent", 0), v->at[end].name, (long long)number_at(own, "answered", 0),
                  own_s ? ", whose own do come back" : "");
    }
}

/* A rule of the node's own that drops GRE for or from the other end of the tunnel. The rule against GRE in clear names
 * an interface and no address. */
static void rule_own_firewall(struct doctor *d, const struct view *v, enum end end)
{
    const json_t *transport = json_object_get(v->order, "transport");
    const char *remote = text_at(transport, end == CPE ? "cisco" : "cpe");
    size_t i;
    json_t *rule;

    json_array_foreach(json_object_get(v->at[end].node, "firewall"), i, rule)
    {
        if (number_at(rule, "l4proto", 0) != 47 || !is(rule, "verdict", "drop"))
            continue;
        if (is(rule, "saddr", remote))
            found(d, "gre-firewall-in", v->at[end].name, v, true, "the firewall of %s drops GRE from %s",
                  v->at[end].name, remote);
        if (is(rule, "daddr", remote))
            found(d, "gre-firewall-out", v->at[end].name, v, true, "the firewall of %s drops GRE to %s",
                  v->at[end].name, remote);
    }
}

static void rule_guard(struct doctor *d, const struct view *v, enum end end)
{
    bool guarded = false;
    size_t i;
    json_t *rule;

    if (!v->at[end].there || !json_is_array(json_object_get(v->at[end].node, "firewall")))
        return;
    json_array_foreach(json_object_get(v->at[end].node, "firewall"), i, rule)
    {
        guarded |= is(rule, "chain", "clear");
    }

    if (!guarded)
        found(d, "gre-in-clear", v->at[end].name, v, true,
              "nothing keeps %s from sending GRE in clear while there is no SA", v->at[end].name);
}

/* The link between Cisco's two tiers: shut, or GRE gets lost on it. */
static void rule_tiers(struct doctor *d, const struct view *v)
{
    size_t i;
    json_t *link;

    json_array_foreach(json_object_get(d->order, "links"), i, link)
    {
        const json_t *nodes = json_object_get(link, "nodes");
        if (!has_text(nodes, v->at[HEADEND].name) || !has_text(nodes, v->at[ROUTER].name) || !v->at[HEADEND].there ||
            !v->at[ROUTER].there)
            continue;
        for (enum end end = HEADEND; end <= ROUTER; end++) {
            const char *name = text_at(link, "name");
            const json_t *port = json_object_get(json_object_get(v->at[end].node, "interfaces"), name);
            if (v->at[end].there && port && !(true_at(port, "up") && true_at(port, "carrier")))
                found(d, "tier-cut", NULL, v, true, "interface %s of %s is down", name, v->at[end].name);
        }
    }
    const json_t *keepalive = json_object_get(v->at[ROUTER].gre, "keepalive");
    bool known = v->at[CPE].gre && keepalive && json_is_array(json_object_get(v->at[CPE].node, "firewall"));
    if (v->layers[GRE] == FAILED && known && !answered(v->ping) && !is_explained(d, v, GRE, GRE_LOSS) &&
        sa_used(v, HEADEND, true))
        found(
            d, "tier-cut", NULL, v, false,
            "%s takes packets out of the SA%s, and %s's tunnel answers nothing (keepalives: %lld sent, %lld returned)",
            v->at[HEADEND].name, sa_used(v, HEADEND, false) ? "" : " and has none to put into it", v->at[ROUTER].name,
            (long long)number_at(keepalive, "sent", 0), (long long)number_at(keepalive, "returned", 0));
}

/* Cisco's answer comes out of the SA and does not reach the tunnel interface. */
static void rule_lost_inside(struct doctor *d, const struct view *v)
{
    if (v->layers[GRE] == FAILED && !answered(v->ping) && !is_explained(d, v, GRE, GRE_LOSS) &&
        v->at[CPE].sa_moved.in > 0 && v->at[CPE].gre_moved.in == 0)
        found(d, "gre-firewall-in", v->at[CPE].name, v, false, "%lld packets came out of the SA, none arrived in %s",
              (long long)v->at[CPE].sa_moved.in, text_at(v->order, "ifname"));
}

void rules_gre(struct doctor *d, const struct view *v)
{
    for (enum end end = CPE; end < END_COUNT; end++) {
        rule_shut(d, v, end);
        rule_addresses(d, v, end);
        rule_own_firewall(d, v, end);
        if (end != ROUTER)
            rule_guard(d, v, end);
    }
    rule_vrf(d, v);
    rule_keepalives(d, v);
    rule_lost_inside(d, v);
    rule_tiers(d, v);
}
