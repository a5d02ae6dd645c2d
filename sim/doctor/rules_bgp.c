/* The BGP session (R34-R36). */
#include "doctor/private.h"

/* As it is configured, and where that does not say, as the daemon tells of the session. */
static void compare_number(struct doctor *d, const struct view *v, enum end end, const char *cause, const char *member,
                           json_int_t wanted)
{
    json_int_t own = number_at(v->at[end].bgp, member, number_at(v->at[end].neighbor, member, 0));

    if (own && own != wanted)
        found(d, cause, v->at[end].name, v, true, "%s has %s %lld for this neighbour; the order says %lld",
              v->at[end].name, member, (long long)own, (long long)wanted);
}

static void rule_neighbor(struct doctor *d, const struct view *v, enum end end, const char *peer)
{
    const json_t *bgp = json_object_get(v->at[end].node, "bgp");
    const char *own = text_at(v->at[end].bgp, "neighbor"), *name = v->at[end].name;

    if (*own && strcmp(own, peer) != 0)
        found(d, "bgp-neighbor", name, v, true, "the BGP neighbour of %s is %s; the other end of the tunnel is %s",
              name, own, peer);
    else if (!*own && is_running(v->at[end].node, text_at(bgp, "daemon")) && !v->at[end].neighbor &&
             json_object_size(json_object_get(bgp, "neighbors")))
        found(d, "bgp-neighbor", name, v, true, "%s has no BGP neighbour %s", name, peer);
}

static void rule_configured(struct doctor *d, const struct view *v, enum end end)
{
    const json_t *bgp = v->at[end].bgp, *asn = json_object_get(v->order, "asn");
    const char *name = v->at[end].name, *password = text_at(bgp, "password");
    VC_AUTO_TALLOC char *peer =
        address_of(NULL, text_at(json_object_get(v->order, "address"), end == CPE ? "cisco" : "cpe"));

    if (true_at(bgp, "shut") || true_at(v->at[end].neighbor, "shut"))
        found(d, "bgp-shutdown", name, v, true, "the neighbour %s of %s is shut", peer, name);
    rule_neighbor(d, v, end, peer);
    compare_number(d, v, end, "bgp-remote-as", "remote_as", number_at(asn, end == CPE ? "cisco" : "cpe", 0));
    compare_number(d, v, end, "bgp-local-as", "local_as", number_at(asn, end == CPE ? "cpe" : "cisco", 0));
    if (!strcmp(password, "another"))
        found(d, "bgp-password", name, v, true, "the BGP password of %s is another than the order's", name);
    if (!strcmp(password, "none"))
        found(d, "bgp-password-missing", name, v, true, "%s has no BGP password for this neighbour; the order has one",
              name);
}

static void rule_daemon(struct doctor *d, const struct view *v, enum end end)
{
    const char *daemon = text_at(json_object_get(v->at[end].node, "bgp"), "daemon");
    const char *daemons[] = {daemon, strcmp(daemon, "bgpd") ? "" : "zebra"};

    for (size_t i = 0; i < VC_COUNT(daemons); i++) {
        const char *state = why_down(v->at[end].node, daemons[i]);
        if (state)
            found(d, "bgp-daemon-down", v->at[end].name, v, true, "%s of %s is %s", daemons[i], v->at[end].name, state);
    }
}

static void rule_own_firewall(struct doctor *d, const struct view *v, enum end end)
{
    size_t i;
    json_t *rule;

    json_array_foreach(json_object_get(v->at[end].node, "firewall"), i, rule)
    {
        const char *ifname = text_at(v->order, "ifname");
        bool here = is(rule, "iifname", ifname) || is(rule, "oifname", ifname);
        if (here && is(rule, "verdict", "drop") &&
            (number_at(rule, "dport", 0) == 179 || number_at(rule, "sport", 0) == 179))
            found(d, "tcp-179-blocked", v->at[end].name, v, true, "the firewall of %s drops TCP port 179 in %s",
                  v->at[end].name, ifname);
    }
}

/* A wrong password makes no line in any log: the kernel counts, and nobody answers. */
static void quote_counters(struct doctor *d, const struct view *v)
{
    static const char *const counters[] = {"TCPMD5Failure", "TCPMD5NotFound", "TCPMD5Unexpected"};
    static const char *const causes[] = {"bgp-password", "bgp-password-missing"};

    for (size_t c = 0; c < VC_COUNT(causes); c++) {
        size_t at;
        json_t *cause;
        json_array_foreach(d->causes, at, cause)
        {
            if (!is(cause, "cause", causes[c]) || !is(cause, "tunnel", v->name))
                continue;
            for (enum end end = CPE; end < END_COUNT; end++)
                for (size_t i = 0; i < VC_COUNT(counters); i++) {
                    json_int_t n = number_at(json_object_get(v->at[end].node, "counters"), counters[i], 0);
                    if (n)
                        found(d, causes[c], text_at(cause, "node"), v, true, "TcpExt%s of %s: %lld", counters[i],
                              v->at[end].name, (long long)n);
                }
        }
    }
}

/* What the daemon said of the other's AS since the session was up last. BIRD spells it otherwise. */
static const char *refused_as(const struct doctor *d, const struct view *v, enum end end)
{
    const char *daemon = text_at(json_object_get(v->at[end].node, "bgp"), "daemon");
    bool bird = !strcmp(daemon, "bird");
    const char *told = text_at(v->at[end].neighbor, "last_notification");
    const char *line =
        logged(d, v, end, daemon, bird ? "Bad peer AS" : "Bad Peer AS", bird ? "State changed to up" : " Up");

    return line ? line : strstr(told, "Bad Peer AS") ? told : NULL;
}

static void quote_notifications(struct doctor *d, const struct view *v)
{
    static const char *const causes[] = {"bgp-remote-as", "bgp-local-as"};

    for (size_t c = 0; v->layers[BGP] != OK && c < VC_COUNT(causes); c++) {
        size_t at;
        json_t *cause;
        json_array_foreach(d->causes, at, cause)
        {
            for (enum end end = CPE; end < END_COUNT; end++) {
                const char *line = refused_as(d, v, end);
                if (line && is(cause, "cause", causes[c]) && is(cause, "tunnel", v->name))
                    found(d, causes[c], text_at(cause, "node"), v, true, "%s of %s: %s",
                          text_at(json_object_get(v->at[end].node, "bgp"), "daemon"), v->at[end].name, line);
            }
        }
    }
}

static bool bfd_down(const struct view *v)
{
    const json_t *address = json_object_get(v->order, "address");
    VC_AUTO_TALLOC char *cisco = address_of(NULL, text_at(address, "cisco"));
    VC_AUTO_TALLOC char *cpe = address_of(NULL, text_at(address, "cpe"));
    const char *at_cpe = text_at(json_object_get(v->at[CPE].node, "bfd"), cisco);
    const char *at_router = text_at(json_object_get(v->at[ROUTER].node, "bfd"), cpe);

    /* one end alone has no session before BGP is up: that of the other says nothing of the way then */
    if (v->layers[BGP] != OK && !(*at_cpe && *at_router))
        return false;
    return (*at_cpe && strcmp(at_cpe, "up") != 0) || (*at_router && strcmp(at_router, "up") != 0);
}

/* ---- what no configuration shows ---- */

/* A node counts for all its sessions: what it refuses may be of another tunnel, whose cause is known. */
static bool refuses_another(const struct doctor *d, const struct view *v, enum end end)
{
    for (size_t i = 0; i < d->view_count; i++) {
        const struct view *other = &d->views[i];
        size_t at;
        json_t *cause;
        if (other == v || strcmp(other->at[end].name, v->at[end].name) != 0)
            continue;
        json_array_foreach(d->causes, at, cause)
        {
            if (is(cause, "tunnel", other->name) && !strncmp(text_at(cause, "cause"), "bgp-password", 12))
                return true;
        }
    }
    return false;
}

/* The kernel refuses segments now whose signature is wrong, missing or not wanted. What it refused earlier may be of
 * the session's last fall: whoever has closed resets without a signature. */
static bool rule_refused(struct doctor *d, const struct view *v)
{
    static const char *const counters[][2] = {{"TCPMD5Failure", "bgp-password"},
                                              {"TCPMD5NotFound", "bgp-password-missing"},
                                              {"TCPMD5Unexpected", "bgp-password-missing"}};
    bool refused = false;

    for (enum end end = CPE; end < END_COUNT; end++)
        for (size_t i = 0; i < VC_COUNT(counters); i++) {
            json_int_t moved = counted(v, end, counters[i][0]);
            if (moved <= 0 || refuses_another(d, v, end))
                continue;
            found(d, counters[i][1], NULL, v, false, "TcpExt%s of %s: %lld more while it was looked at", counters[i][0],
                  v->at[end].name, (long long)moved);
            refused = true;
        }
    return refused;
}

static bool rule_refused_as(struct doctor *d, const struct view *v)
{
    bool refused = false;

    for (enum end end = CPE; end < END_COUNT; end++) {
        const char *line = refused_as(d, v, end);
        if (line)
            found(d, "bgp-remote-as", NULL, v, false, "%s: %s", v->at[end].name, line);
        refused = refused || line;
    }
    return refused;
}

/* An end tries to connect, and no end has got as far as a connection. */
static bool gets_no_connection(const struct view *v)
{
    static const char *const tries[] = {"Connect", "Active"}, *const further[] = {"OpenSent", "OpenConfirm"};
    bool trying = false, connected = false;
    bool known = *text_at(v->at[CPE].neighbor, "state") && *text_at(v->at[ROUTER].neighbor, "state");

    for (enum end end = CPE; end < END_COUNT; end++)
        for (size_t i = 0; i < VC_COUNT(tries); i++) {
            trying = trying || is(v->at[end].neighbor, "state", tries[i]);
            connected = connected || is(v->at[end].neighbor, "state", further[i]);
        }
    return known && trying && !connected;
}

/* Both ends' configuration was read, and whether BFD is up where it is ordered: what was not may be the cause. */
static bool is_known(const struct doctor *d, const struct view *v)
{
    bool bfd = number_at(json_object_get(d->order, "timers"), "bfd_ms", 0);

    for (enum end end = CPE; end < END_COUNT; end++)
        if (end != HEADEND && (!v->at[end].bgp || (bfd && !json_is_object(json_object_get(v->at[end].node, "bfd")))))
            return false;
    return true;
}

/* A ping passes, everything is configured as ordered and has had its time, nothing is refused, and still there is no
 * connection: something drops it. */
static void rule_blocked(struct doctor *d, const struct view *v)
{
    bool bfd = number_at(json_object_get(d->order, "timers"), "bfd_ms", 0) && bfd_down(v);

    if (v->layers[BGP] == OK && bfd && v->layers[GRE] == OK && !layer_is_young(d, v, ROUTES))
        found(d, "bfd-blocked", NULL, v, false, "BGP is up and BFD is not: its UDP ports 3784 and 3785 do not pass");
    if (v->layers[BGP] != FAILED || is_explained(d, v, BGP, NO_SESSION))
        return;
    bool segments = !bfd && rule_refused(d, v), as = !bfd && rule_refused_as(d, v);
    if (!segments && !as && is_known(d, v) && (bfd || gets_no_connection(v)))
        found(d, bfd ? "bfd-blocked" : "tcp-179-blocked", NULL, v, false,
              "a ping passes the tunnel (%lld of %lld), BGP at %s is %s, at %s %s, and nothing is refused",
              (long long)number_at(v->ping, "received", 0), (long long)number_at(v->ping, "sent", 0), v->at[CPE].name,
              text_at(v->at[CPE].neighbor, "state"), v->at[ROUTER].name, text_at(v->at[ROUTER].neighbor, "state"));
}

void rules_bgp(struct doctor *d, const struct view *v)
{
    for (enum end end = CPE; end < END_COUNT; end++) {
        if (end == HEADEND)
            continue;
        rule_daemon(d, v, end);
        rule_configured(d, v, end);
        rule_own_firewall(d, v, end);
    }
    quote_counters(d, v);
    quote_notifications(d, v);
    rule_blocked(d, v);
}
