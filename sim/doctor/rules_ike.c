/* Underlay and IKE: who reaches whom, who begins, and what the two must agree on (R19-R27). */
#include "doctor/private.h"

/* ---- underlay ---- */

static void look_at_power(struct doctor *d, const struct view *v, const char *node)
{
    const json_t *on = json_object_get(node_named(d, node), "on");

    if (json_is_false(on))
        found(d, "node-off", node, v, true, "%s is powered off", node);
}

static bool faces_the_internet(const json_t *link, const char *node)
{
    const json_t *nodes = json_object_get(link, "nodes"), *kinds = json_object_get(link, "kinds");

    for (size_t i = 0; i < 2; i++) {
        const char *own = json_string_value(json_array_get(nodes, i));
        const char *kind = json_string_value(json_array_get(kinds, !i));
        if (own && kind && !strcmp(own, node) && (!strcmp(kind, "isp") || !strcmp(kind, "nat")))
            return true;
    }
    return false;
}

/* A device of the tunnel, or the one by which an end is on the Internet. */
static void rule_node_off(struct doctor *d, const struct view *v)
{
    size_t i;
    json_t *link;

    for (enum end end = CPE; end < END_COUNT; end++)
        look_at_power(d, v, v->at[end].name);
    json_array_foreach(json_object_get(d->order, "links"), i, link)
    {
        const json_t *nodes = json_object_get(link, "nodes");
        for (enum end end = CPE; end <= HEADEND; end++)
            if (faces_the_internet(link, v->at[end].name))
                look_at_power(d, v, text_in(nodes, !strcmp(text_in(nodes, 0), v->at[end].name)));
    }
}

static const json_t *port_of(const struct doctor *d, const char *node, const char *name)
{
    return json_object_get(json_object_get(node_named(d, node), "interfaces"), name);
}

/* Shut is one end; a cable that is out, or another end that is shut or off, takes the carrier. */
static void look_at_port(struct doctor *d, const struct view *v, const json_t *link, size_t side)
{
    const json_t *nodes = json_object_get(link, "nodes");
    const char *name = text_at(link, "name"), *node = json_string_value(json_array_get(nodes, side));
    const json_t *port = port_of(d, node, name),
                 *far = port_of(d, json_string_value(json_array_get(nodes, !side)), name);

    if (port && !true_at(port, "up"))
        found(d, "wan-link-down", node, v, true, "interface %s of %s is shut", name, node);
    else if (port && !true_at(port, "carrier") && true_at(far, "up"))
        found(d, "wan-link-down", NULL, v, true, "interface %s of %s has no carrier", name, node);
}

static void rule_wan_link(struct doctor *d, const struct view *v)
{
    size_t i;
    json_t *link;

    json_array_foreach(json_object_get(d->order, "links"), i, link)
    {
        for (enum end end = CPE; end <= HEADEND; end++)
            if (v->at[end].there && faces_the_internet(link, v->at[end].name))
                for (size_t side = 0; side < 2; side++)
                    look_at_port(d, v, link, side);
    }
}

static void look_for_recursion(struct doctor *d, const struct view *v, const char *what, const char *address)
{
    const json_t *route = route_to(v->at[CPE].node, address);

    for (size_t i = 0; route && i < d->view_count; i++)
        if (is(route, "ifname", text_at(d->views[i].order, "ifname")))
            found(d, "recursive-routing", v->at[CPE].name, v, true, "%s goes to the %s %s by %s (%s, %s)",
                  v->at[CPE].name, what, address, text_at(route, "ifname"), text_at(route, "prefix"),
                  text_at(route, "protocol"));
}

/* What carries the tunnel is to go through a tunnel. It lasts until a hold timer takes the route away, and begins anew
 * when the session is back. */
static void rule_recursive(struct doctor *d, const struct view *v)
{
    look_for_recursion(d, v, "tunnel's destination", text_at(v->at[CPE].gre, "remote"));
    look_for_recursion(d, v, "IPsec peer", text_at(json_object_get(v->order, "ipsec"), "cisco"));
}

/* A node that itself has no way to the other one is where it is to be mended. */
static void look_for_way(struct doctor *d, const struct view *v, enum end end, const char *peer)
{
    const json_t *routes = json_object_get(v->at[end].node, "routes"), *way = route_to(v->at[end].node, peer);

    if (v->at[end].there && json_is_array(routes) && (!way || true_at(way, "blackhole")))
        found(d, "peer-unreachable", v->at[end].name, v, true, "%s has no route to %s", v->at[end].name, peer);
}

static void rule_unreachable(struct doctor *d, const struct view *v)
{
    const json_t *ipsec = json_object_get(v->order, "ipsec");

    if (v->layers[UNDERLAY] != FAILED || is_explained(d, v, UNDERLAY, OTHER))
        return;
    look_for_way(d, v, CPE, text_at(ipsec, "cisco"));
    look_for_way(d, v, HEADEND, text_at(ipsec, "cpe"));
    if (!is_explained(d, v, UNDERLAY, OTHER))
        found(d, "peer-unreachable", NULL, v, false, "%s gets no answer from %s: %lld of %lld pings",
              text_at(ipsec, "source"), text_at(ipsec, "cisco"), (long long)number_at(v->underlay, "received", 0),
              (long long)number_at(v->underlay, "sent", 0));
}

void rules_underlay(struct doctor *d, const struct view *v)
{
    rule_node_off(d, v);
    rule_wan_link(d, v);
    rule_recursive(d, v);
    rule_unreachable(d, v);
}

/* ---- IKE: what is configured ---- */

static void rule_daemon(struct doctor *d, const struct view *v)
{
    for (enum end end = CPE; end <= HEADEND; end++) {
        const char *daemon = text_at(json_object_get(v->at[end].node, "ike"), "daemon");
        const char *state = why_down(v->at[end].node, daemon);
        if (state)
            found(d, "ike-daemon-down", v->at[end].name, v, true, "%s of %s is %s", daemon, v->at[end].name, state);
    }
}

static void compare(struct doctor *d, const struct view *v, enum end end, const char *cause, const char *member,
                    const char *wanted)
{
    const char *own = text_at(v->at[end].ike, member);

    if (v->at[end].ike && *own && *wanted && strcmp(own, wanted) != 0 && strcmp(own, "%any") != 0)
        found(d, cause, v->at[end].name, v, true, "%s has %s %s; the order says %s", v->at[end].name, member, own,
              wanted);
}

static void rule_configured(struct doctor *d, const struct view *v, enum end end)
{
    const json_t *ipsec = json_object_get(v->order, "ipsec"), *ike = v->at[end].ike;
    const char *name = v->at[end].name, *own = text_at(ipsec, end == CPE ? "cpe" : "cisco");
    const char *other = text_at(ipsec, end == CPE ? "cisco" : "cpe");

    if (number_at(ike, "version", 2) != 2)
        found(d, "ike-version", name, v, true, "%s speaks IKEv%lld", name, (long long)number_at(ike, "version", 0));
    else /* version 1 has no AES-GCM: then the proposal says nothing of its own */
        compare(d, v, end, "ike-proposal", "ike", text_at(json_object_get(d->order, "settings"), "ike"));
    compare(d, v, end, "ike-identity", "local_id", own);
    compare(d, v, end, "ike-identity", "remote_id", other);
    compare(d, v, end, "ipsec-peer-address", "remote", other);
    if (ike && *text_at(ike, "psk") && !is(ike, "psk", "as ordered"))
        found(d, "ike-psk", name, v, true, "the pre-shared key of %s is %s", name,
              is(ike, "psk", "none") ? "missing" : "another than the order's");
}

/* Cisco's side only answers, too. */
static void rule_nobody(struct doctor *d, const struct view *v)
{
    const char *cisco = text_at(v->at[HEADEND].ike, "start");

    if (is(v->at[CPE].ike, "start", "none") && (!*cisco || !strcmp(cisco, "none")))
        found(d, "nobody-initiates", v->at[CPE].name, v, true, "%s only answers, and so does %s", v->at[CPE].name,
              v->at[HEADEND].name);
}

/* ---- IKE: what the logs tell ---- */

/* What a device says about the cause that its configuration shows. */
static void quote(struct doctor *d, const struct view *v, const char *cause, enum end owner)
{
    static const struct {
        const char *cause, *daemon, *contains;
    } words[] = {
        {"ike-proposal", "charon", "NO_PROPOSAL_CHOSEN"},
        {"ike-proposal", "charon", "proposals unacceptable"},
        {"ike-proposal", "charon", "INVALID_KE"},
        {"ike-proposal", "pluto", "NO_PROPOSAL_CHOSEN"},
        {"ike-psk", "charon", "AUTHENTICATION_FAILED"},
        {"ike-psk", "charon", "MAC mismatched"},
        {"ike-psk", "pluto", "AUTHENTICATION_FAILED"},
        {"ike-identity", "charon", "AUTHENTICATION_FAILED"},
        {"ike-identity", "charon", "no matching peer config"},
        {"ike-identity", "pluto", "AUTHENTICATION_FAILED"},
        {"ike-version", "charon", "no IKE config found"},
    };

    if (v->layers[IKE] == OK)
        return;
    for (size_t i = 0; i < VC_COUNT(words); i++)
        for (enum end end = CPE; end <= HEADEND; end++) {
            const char *line = strcmp(words[i].cause, cause)
                                   ? NULL
                                   : logged(d, v, end, words[i].daemon, words[i].contains, "established");
            if (line)
                found(d, cause, v->at[owner].name, v, true, "%s of %s: %s", words[i].daemon, v->at[end].name, line);
        }
}

static void quote_all(struct doctor *d, const struct view *v, enum end end)
{
    static const char *const causes[] = {"ike-proposal", "ike-psk", "ike-identity", "ike-version"};

    for (size_t i = 0; i < VC_COUNT(causes); i++) {
        size_t at;
        json_t *cause;
        json_array_foreach(d->causes, at, cause)
        {
            if (is(cause, "cause", causes[i]) && is(cause, "node", v->at[end].name) && is(cause, "tunnel", v->name))
                quote(d, v, causes[i], end);
        }
    }
}

/* An IKE daemon that repeats a message, in its own words. */
struct silence {
    const char *line;
    int count, id; /* how often (of pluto's, how many lines in a row), of which message */
};

/* "retransmit 3 of request with message ID 0"; "IKE_AUTH_I: retransmission; will wait 2 seconds for response" */
static bool read_silence(const char *line, struct silence *silence)
{
    const char *repeated = line ? strstr(line, "retransmit ") : NULL;
    const char *message = repeated ? strstr(repeated, "message ID ") : NULL;

    *silence = (struct silence){.line = line};
    if (!message) {
        silence->id = line && strstr(line, "IKE_AUTH");
        return line && strstr(line, "retransmission");
    }
    silence->count = atoi(repeated + strlen("retransmit "));
    silence->id = atoi(message + strlen("message ID "));
    return true;
}

/* That it gives up, and begins anew, is no answer. */
static bool is_answer(const char *line)
{
    static const char *const words[] = {"giving up", "initiating IKE_SA", "initiating IKEv2", "creating acquire job",
                                        "deleting IKE SA"};

    for (size_t i = 0; i < VC_COUNT(words); i++)
        if (strstr(line, words[i]))
            return false;
    return true;
}

/* The CPE's last word on the tunnel is that nobody answers, or that it tries again after that. A packet or two get lost
 * on a bad wire, whether it is up or begins. An answer to a repeated message makes no line: of an SA that is up, what
 * it asks now tells that there was none. */
static bool is_silent(const struct doctor *d, const struct view *v, const char *daemon, struct silence *silence)
{
    enum { TIMES = 3 };
    const json_t *lines = lines_of(v->at[CPE].node, daemon);
    int most = 0, in_a_row = 0;

    *silence = (struct silence){0};
    if (v->layers[IKE] == OK && !json_array_size(json_object_get(v->at[CPE].sa, "asks")))
        return false;
    for (size_t i = json_array_size(lines); i-- > 0;) {
        const char *line = text_in(lines, i);
        struct silence one;
        if (!is_of_tunnel(d, v, CPE, daemon, line))
            continue;
        if (!read_silence(line, &one)) {
            in_a_row = 0;
            if (v->layers[IKE] == OK || is_answer(line))
                break;
            continue;
        }
        in_a_row++;
        int count = one.count ? one.count : in_a_row;
        most = count > most ? count : most;
        if (!silence->line)
            *silence = one;
        if (v->layers[IKE] == OK && one.count)
            break;
    }
    return silence->line && most >= TIMES && (v->layers[IKE] != OK || silence->count >= TIMES);
}

/* Nobody answers, and it is not the peer's address: a firewall. Behind a NAT the second message moves to port 4500. */
static void rule_port_blocked(struct doctor *d, const struct view *v)
{
    const json_t *ipsec = json_object_get(v->order, "ipsec");
    const char *daemon = text_at(json_object_get(v->at[CPE].node, "ike"), "daemon");
    bool nat = strcmp(text_at(ipsec, "source"), text_at(ipsec, "cpe")) != 0;
    const json_t *headend = v->at[HEADEND].node;
    bool runs = is_running(headend, text_at(json_object_get(headend, "ike"), "daemon"));
    struct silence silence;

    /* what is not known to be as ordered may be the cause itself */
    if (!v->at[CPE].ike || !runs || v->layers[UNDERLAY] != OK || v->layers[IKE] == COMING ||
        is_explained(d, v, IKE, SILENCE) || !is_silent(d, v, daemon, &silence))
        return;
    const char *cause = nat && silence.id > 0 ? "udp-4500-blocked" : "udp-500-blocked";
    found(d, cause, NULL, v, false, "%s of %s: %s", daemon, v->at[CPE].name, silence.line);
    if (answered(v->underlay))
        found(d, cause, NULL, v, false, "%s answers a ping, and its IKE daemon runs", text_at(ipsec, "cisco"));
}

bool nobody_answers(const struct doctor *d, const struct view *v)
{
    struct silence silence;

    return is_silent(d, v, text_at(json_object_get(v->at[CPE].node, "ike"), "daemon"), &silence);
}

/* Packets of a port or protocol that an end's own firewall drops, from or to the other one or anybody. */
static void rule_own_firewall(struct doctor *d, const struct view *v, enum end end)
{
    const json_t *ipsec = json_object_get(v->order, "ipsec");
    const char *peer = text_at(ipsec, end == CPE ? "cisco" : "cpe"), *name = v->at[end].name;
    bool nat = strcmp(text_at(ipsec, "source"), text_at(ipsec, "cpe")) != 0;
    size_t i;
    json_t *rule;

    json_array_foreach(json_object_get(v->at[end].node, "firewall"), i, rule)
    {
        const char *from = text_at(rule, "saddr"), *to = text_at(rule, "daddr");
        json_int_t port = number_at(rule, "dport", number_at(rule, "sport", 0));
        bool esp = number_at(rule, "l4proto", number_at(rule, "protocol", 0)) == 50;
        bool here = (!*from || !strcmp(from, peer)) && (!*to || !strcmp(to, peer)) && !json_object_get(rule, "other");
        if (!here || !is(rule, "verdict", "drop"))
            continue;
        if (port == 500 || (port == 4500 && nat))
            found(d, port == 500 ? "udp-500-blocked" : "udp-4500-blocked", name, v, true,
                  "the firewall of %s drops UDP port %lld", name, (long long)port);
        if (esp && !nat)
            found(d, "esp-blocked", name, v, true, "the firewall of %s drops ESP, IP protocol 50", name);
    }
}

/* Everything is configured and nothing wants to be sent. */
static void rule_no_traffic(struct doctor *d, const struct view *v)
{
    const char *daemon = text_at(json_object_get(v->at[CPE].node, "ike"), "daemon");

    const json_t *node = v->at[CPE].node;
    bool known = v->at[CPE].ike && v->at[CPE].gre && json_is_array(json_object_get(node, "routes")) &&
                 json_is_object(json_object_get(node, "log")) &&
                 json_is_array(json_object_get(json_object_get(node, "ike"), "sas"));

    if (!known || v->layers[UNDERLAY] != OK || v->layers[IKE] != FAILED || is_explained(d, v, GRE, NO_TRY))
        return;
    if (v->at[CPE].woken && !triggers(v))
        found(d, "no-traffic-triggers", v->at[CPE].name, v, false,
              "%s had no SA, sends no keepalives, tries no BGP session, and brought one up as soon as the tunnel was "
              "pinged",
              v->at[CPE].name);
    if (v->at[CPE].sa || logged(d, v, CPE, daemon, "initiating", "established") ||
        logged(d, v, CPE, daemon, "retransm", "established"))
        return;
    found(d, "no-traffic-triggers", v->at[CPE].name, v, false, "the log of %s's %s has no try to start IKE",
          v->at[CPE].name, daemon);
}

void rules_ike(struct doctor *d, const struct view *v)
{
    rule_daemon(d, v);
    for (enum end end = CPE; end <= HEADEND; end++) {
        rule_configured(d, v, end);
        rule_own_firewall(d, v, end);
    }
    rule_nobody(d, v);
    for (enum end end = CPE; end <= HEADEND; end++)
        quote_all(d, v, end);
    rule_port_blocked(d, v);
    rule_no_traffic(d, v);
}
