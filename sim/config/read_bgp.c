/* BGP: the session in each tunnel, what it lets in and out, and what the LAN is told. */
#include <string.h>
#include <strings.h>

#include "config/policy.h"
#include "config/read.h"
#include "config/words.h"

/* Of the neighbour, or of what it is a member of, which may be a member itself. */
static const struct vc_ios_fact *fact_of(const struct vc_ios_section *bgp, const char *key, const char *name,
                                         unsigned depth)
{
    enum { DEPTH_MAX = 4, GROUPS_MAX = 8 };
    const struct vc_ios_fact *found = vc_ios_fact(bgp, key, name);
    unsigned groups = 0;

    for (size_t i = 0; i < bgp->count && !found && depth < DEPTH_MAX && groups < GROUPS_MAX; i++)
        if (!strcmp(bgp->facts[i].key, "member") && bgp->facts[i].count > 1 && !strcmp(bgp->facts[i].args[0], name)) {
            found = fact_of(bgp, key, bgp->facts[i].args[1], depth + 1);
            groups++;
        }
    return found;
}

const struct vc_ios_fact *vc_cpe_session_fact(const struct vc_ios_section *bgp, const char *key, const char *neighbor)
{
    return fact_of(bgp, key, neighbor, 0);
}

static size_t find_sessions(const struct vc_ios_section *bgp, struct vc_cpe_session *out)
{
    size_t count = 0;

    for (size_t i = 0; bgp && i < bgp->count; i++) {
        const struct vc_ios_fact *f = &bgp->facts[i];
        struct vc_cpe_session s = {.name = f->count ? f->args[0] : "", .fact = f};

        if ((strcmp(f->key, "remote-as") != 0 && strcmp(f->key, "member") != 0) || !vc_addr_parse(s.name, &s.address))
            continue;
        s.asn = vc_ios_number(vc_cpe_session_fact(bgp, "remote-as", s.name), 1, 0);
        bool known = false;
        for (size_t k = 0; k < count; k++)
            known |= out[k].address.s_addr == s.address.s_addr;
        if (!known)
            out[count++] = s;
    }
    return count;
}

/* ---- policies ---- */

/* What the neighbour's filters of one direction say; *line: of the one that decides. */
bool vc_cpe_session_permits(struct vc_cpe_reader *r, const struct vc_ios_section *bgp, const char *neighbor, bool in,
                            struct vc_prefix prefix, int *line)
{
    const struct vc_ios_fact *list = vc_cpe_session_fact(bgp, in ? "prefixes-in" : "prefixes-out", neighbor);
    const struct vc_ios_fact *map = vc_cpe_session_fact(bgp, in ? "map-in" : "map-out", neighbor);

    *line = list ? list->line : map ? map->line : 0;
    if (list && !vc_ios_prefix_list_permits(r->ios, list->args[1], prefix))
        return false;
    if (!map)
        return true;
    enum vc_ios_answer answer = vc_ios_route_map_permits(r->ios, map->args[1], prefix);
    if (answer == VC_IOS_UNKNOWN) {
        VC_AUTO_TALLOC char *text = talloc_asprintf(NULL,
                                                    "route-map %s matches by more than prefix lists, which is not "
                                                    "read",
                                                    map->args[1]);
        bool told = false;
        for (size_t i = 0; i < r->cpe->error_count; i++)
            told |= strstr(r->cpe->errors[i], text) != NULL;
        if (!told)
            vc_cpe_error(r->cpe, map->line, "%s", text);
    }
    return answer == VC_IOS_PERMIT;
}

static bool has_filter(const struct vc_ios_section *bgp, const char *neighbor, bool in)
{
    return vc_cpe_session_fact(bgp, in ? "prefixes-in" : "prefixes-out", neighbor) ||
           vc_cpe_session_fact(bgp, in ? "map-in" : "map-out", neighbor);
}

/* Lets in whatever comes: a prefix that nobody has, too. */
static bool permits_all(struct vc_cpe_reader *r, const struct vc_ios_section *bgp, const char *neighbor, bool in)
{
    static const char *const samples[] = {"0.0.0.0/0", "192.88.99.0/24", "10.255.254.0/23", "172.30.254.1/32"};
    int line;

    for (size_t i = 0; i < VC_COUNT(samples); i++) {
        struct vc_prefix p = {0};

        vc_prefix_parse(samples[i], &p);
        if (!vc_cpe_session_permits(r, bgp, neighbor, in, p, &line))
            return false;
    }
    return true;
}

static void read_inbound(struct vc_cpe_reader *r, const struct vc_ios_section *bgp, const char *neighbor, size_t i)
{
    struct vc_cpe_tunnel *t = &r->cpe->tunnels[i];
    const struct vc_cpe_prefixes *ordered = &r->ordered->tunnels[i].accept;
    const struct vc_topology *topology = r->topology;
    int line = 0;

    t->filters_in = has_filter(bgp, neighbor, true) && !permits_all(r, bgp, neighbor, true);
    for (size_t k = 0; k < ordered->count; k++)
        if (vc_cpe_session_permits(r, bgp, neighbor, true, ordered->items[k], &line))
            vc_cpe_prefix_add(r->cpe, &t->accept, ordered->items[k]);
    for (size_t k = 0; k < topology->dc_count; k++)
        if (!vc_cpe_prefix_has(ordered, topology->dcs[k].prefix) &&
            !vc_topology_apart(topology, topology->dcs[k].router, r->node) &&
            vc_cpe_session_permits(r, bgp, neighbor, true, topology->dcs[k].prefix, &line))
            vc_cpe_prefix_add(r->cpe, &t->accept, topology->dcs[k].prefix);
    if (vc_cpe_session_permits(r, bgp, neighbor, true, (struct vc_prefix){{0}, 0}, &line))
        vc_cpe_prefix_add(r->cpe, &t->accept, (struct vc_prefix){{0}, 0});
    t->line[VC_CPE_ACCEPT] = line ? line : t->line[VC_CPE_NEIGHBOR];
}

/* The next of `network` and `aggregate-address`. Without a mask it is the class's. */
static const struct vc_ios_fact *network(const struct vc_ios_section *bgp, size_t *from, struct vc_prefix *prefix)
{
    for (; *from < bgp->count; ++*from) {
        const struct vc_ios_fact *f = &bgp->facts[*from];

        if ((strcmp(f->key, "network") != 0 && strcmp(f->key, "aggregate") != 0) ||
            !vc_addr_parse(f->args[0], &prefix->addr))
            continue;
        uint32_t a = ntohl(prefix->addr.s_addr);
        prefix->len = !a ? 0 : a >> 31 == 0 ? 8 : a >> 30 == 2 ? 16 : 24;
        if (f->count > 1 && !vc_mask_parse(f->args[1], false, &prefix->len))
            continue;
        ++*from;
        return f;
    }
    return NULL;
}

static void leak(struct vc_cpe_reader *r, const struct vc_ios_section *bgp, const char *neighbor,
                 struct vc_cpe_tunnel *t, struct vc_prefix prefix, int line)
{
    int filter = 0;

    prefix = vc_prefix_network(prefix);
    if (!prefix.len || vc_cpe_prefix_has(&t->leak, prefix) ||
        !vc_cpe_session_permits(r, bgp, neighbor, false, prefix, &filter))
        return;
    vc_cpe_prefix_add(r->cpe, &t->leak, prefix);
    t->line[VC_CPE_LEAK] = line ? line : filter ? filter : t->line[VC_CPE_NEIGHBOR];
}

/* What the LAN's routers tell of: the sites' networks. */
static bool is_site(const struct vc_topology *t, size_t link, size_t node)
{
    const struct vc_customer *customer = vc_topology_customer_of(t, node);
    const struct vc_link_end *end = t->links[link].end;

    return customer && !vc_topology_apart(t, end[0].node, node) &&
           vc_prefix_covers(customer->network, end[0].address) &&
           (!strcmp(t->nodes[end[0].node].kind, "host") || !strcmp(t->nodes[end[1].node].kind, "host"));
}

/* `redistribute … route-map M` is asked before the neighbour's filters. */
static bool map_of_redistribute_permits(const struct vc_cpe_reader *r, const struct vc_ios_fact *f,
                                        struct vc_prefix prefix)
{
    for (size_t i = 0; i + 1 < f->count; i++)
        if (!strcasecmp(f->args[i], "route-map"))
            return vc_ios_route_map_permits(r->ios, f->args[i + 1], prefix) != VC_IOS_DENY;
    return true;
}

/* A map of default-originate says while which routes are there the default is sent: they are taken to be. */
static bool originates(struct vc_cpe_reader *r, const struct vc_ios_fact *originate)
{
    if (!originate || originate->count < 2)
        return originate;
    bool sends = vc_ios_route_map_has_permit(r->ios, originate->args[1]);
    if (sends)
        vc_cpe_note(r->cpe, originate->line,
                    "the default is sent while route-map %s finds its routes; the lab's node always sends it",
                    originate->args[1]);
    return sends;
}

static void read_outbound(struct vc_cpe_reader *r, const struct vc_ios_section *bgp, const char *neighbor, size_t i)
{
    const struct vc_ios_fact *originate = vc_cpe_session_fact(bgp, "default", neighbor), *f;
    const struct vc_ios_fact *statics = vc_ios_fact(bgp, "redistribute-static", NULL),
                             *connected = vc_ios_fact(bgp, "redistribute-connected", NULL);
    const struct vc_ios_fact *information = vc_ios_fact(bgp, "default-information", NULL);
    struct vc_cpe_tunnel *t = &r->cpe->tunnels[i];
    struct vc_prefix prefix, none = {{0}, 0};
    bool route = vc_cpe_has_default(r);
    int line = 0;

    t->sends_default = originates(r, originate);
    t->line[VC_CPE_DEFAULT] = originate ? originate->line : t->line[VC_CPE_NEIGHBOR];
    if (statics && information && route && map_of_redistribute_permits(r, statics, none) &&
        vc_cpe_session_permits(r, bgp, neighbor, false, none, &line))
        t->sends_default = true;
    for (size_t k = 0; (f = network(bgp, &k, &prefix));) {
        if (!prefix.len && route && vc_cpe_session_permits(r, bgp, neighbor, false, none, &line))
            t->sends_default = true;
        leak(r, bgp, neighbor, t, prefix, f->line);
    }
    for (size_t k = 0; k < r->ordered->interface_count; k++)
        if (connected && map_of_redistribute_permits(r, connected, r->ordered->interfaces[k].address))
            leak(r, bgp, neighbor, t, r->ordered->interfaces[k].address, 0);
    for (size_t k = 0; k < r->topology->link_count; k++)
        if (is_site(r->topology, k, r->node))
            leak(r, bgp, neighbor, t, r->topology->links[k].end[0].address, 0);
}

/* ---- sessions ---- */

static void read_password(struct vc_cpe_reader *r, const struct vc_ios_fact *fact, struct vc_cpe_key *key)
{
    bool kind = fact->count > 2 && strlen(fact->args[1]) == 1;
    const char *text = fact->args[kind ? 2 : 1];

    if (kind && fact->args[1][0] == '7')
        key->text = vc_type7(r->cpe, text);
    else if ((!kind || fact->args[1][0] == '0') && *text != '<')
        key->text = talloc_strdup(r->cpe, text);
    key->hidden = !key->text;
}

bool vc_cpe_session_active(const struct vc_ios_section *bgp, const char *neighbor)
{
    const struct vc_ios_fact *on = vc_cpe_session_fact(bgp, "active", neighbor),
                             *off = vc_cpe_session_fact(bgp, "inactive", neighbor);

    if (on && off)
        return on->line > off->line;
    return on || (!off && !vc_ios_fact(bgp, "no-ipv4", NULL));
}

/* Cisco's neighbour is the tunnel's own address. */
static void check_source(struct vc_cpe_reader *r, const struct vc_ios_fact *source, size_t i)
{
    VC_AUTO_TALLOC char *name = !source             ? NULL
                                : source->count > 2 ? talloc_asprintf(NULL, "%s%s", source->args[1], source->args[2])
                                                    : talloc_strdup(NULL, source->args[1]);
    struct vc_prefix address;

    if (source && strcasecmp(name, r->gre[i]->name) != 0 &&
        (!vc_cpe_interface_address(r, name, &address) || address.addr.s_addr != r->cpe->tunnels[i].address.addr.s_addr))
        vc_cpe_error(
            r->cpe, source->line,
            "tunnel %s: its BGP session leaves from %s, where Cisco's neighbour is the tunnel's own address; no "
            "knob of the lab's node does that",
            r->cpe->tunnels[i].name, name);
}

static void read_session(struct vc_cpe_reader *r, const struct vc_ios_section *bgp, const struct vc_cpe_session *s,
                         size_t i)
{
    struct vc_cpe_tunnel *t = &r->cpe->tunnels[i];
    const struct vc_ios_fact *local = vc_cpe_session_fact(bgp, "local-as", s->name),
                             *password = vc_cpe_session_fact(bgp, "password", s->name);
    const struct vc_ios_fact *timers = vc_cpe_session_fact(bgp, "neighbor-timers", s->name),
                             *global = vc_ios_fact(bgp, "timers", NULL);
    const struct vc_ios_fact *down = vc_cpe_session_fact(bgp, "shutdown", s->name),
                             *remote = vc_cpe_session_fact(bgp, "remote-as", s->name);
    const struct vc_ios_fact *other = vc_cpe_session_fact(bgp, "other-filter", s->name);

    t->bgp = !down && vc_cpe_session_active(bgp, s->name);
    t->line[VC_CPE_BGP] = down ? down->line : s->fact->line;
    t->neighbor = s->address;
    t->line[VC_CPE_NEIGHBOR] = s->fact->line;
    t->remote_as = s->asn;
    t->line[VC_CPE_REMOTE_AS] = remote ? remote->line : s->fact->line;
    t->local_as = vc_ios_number(local, 1, r->cpe->asn);
    t->line[VC_CPE_LOCAL_AS] = local ? local->line : bgp->line;
    t->line[VC_CPE_PASSWORD] = password ? password->line : s->fact->line;
    if (password)
        read_password(r, password, &t->password);
    t->bgp_keepalive_s = timers ? vc_ios_number(timers, 1, 60) : vc_ios_number(global, 0, 60);
    t->bgp_hold_s = timers ? vc_ios_number(timers, 2, 180) : vc_ios_number(global, 1, 180);
    t->line[VC_CPE_TIMERS] = timers ? timers->line : global ? global->line : s->fact->line;
    check_source(r, vc_cpe_session_fact(bgp, "update-source", s->name), i);
    if (other)
        vc_cpe_error(r->cpe, other->line, "tunnel %s: distribute-list and filter-list are not read", t->name);
    read_inbound(r, bgp, s->name, i);
    read_outbound(r, bgp, s->name, i);
}

static int likeness(const struct vc_cpe_reader *r, const struct vc_cpe_session *s, size_t i)
{
    const struct vc_cpe_tunnel *ordered = &r->ordered->tunnels[i], *t = &r->cpe->tunnels[i];
    int points = s->address.s_addr == ordered->neighbor.s_addr ? 8 : 0;

    if (!r->gre[i])
        return -1;
    for (size_t k = 0; k < r->ordered->neighbor_count; k++)
        if (r->ordered->neighbors[k].address.s_addr == s->address.s_addr)
            return -1; /* the LAN's, whatever its AS */
    points += vc_prefix_contains(t->address, s->address) || vc_prefix_contains(ordered->address, s->address) ? 5 : 0;
    points += s->asn == ordered->remote_as ? 2 : 0;
    return !points || (points < 5 && s->asn == r->cpe->asn) ? -1 : points;
}

void vc_cpe_read_bgp(struct vc_cpe_reader *r)
{
    const struct vc_ios_section *bgp = vc_ios_section(r->ios, VC_IOS_BGP, NULL);
    size_t tunnels = r->ordered->tunnel_count, s, t;

    r->cpe->redistribute = r->ordered->redistribute;
    if (!bgp) {
        vc_cpe_note(r->cpe, 0, "there is no router bgp");
        r->cpe->redistribute = "none";
        return;
    }
    struct vc_cpe_session *sessions = talloc_zero_array(r->scratch, struct vc_cpe_session, bgp->count + 1);
    size_t count = find_sessions(bgp, sessions);
    r->cpe->asn = (uint32_t)strtoul(bgp->name, NULL, 10);
    int *points = talloc_array(r->scratch, int, count *tunnels + 1);
    for (s = 0; s < count; s++)
        for (t = 0; t < tunnels; t++)
            points[s * tunnels + t] = likeness(r, &sessions[s], t);
    while (vc_cpe_best_pair(points, count, tunnels, 2, &s, &t)) {
        read_session(r, bgp, &sessions[s], t);
        sessions[s].fact = NULL;
    }
    for (s = 0; s < count; s++) {
        bool lan = sessions[s].asn == r->cpe->asn;

        if (sessions[s].fact && !lan)
            vc_cpe_note(r->cpe, sessions[s].fact->line, "neighbor %s is of none of the order's tunnels; it is left out",
                        sessions[s].name);
    }
    vc_cpe_read_lan(r, bgp, sessions, count);
}
