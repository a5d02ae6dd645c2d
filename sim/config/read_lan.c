/* iBGP and what the LAN is told of Cisco's prefixes (R7). */
#include <string.h>
#include <strings.h>

#include "config/policy.h"
#include "config/read.h"
#include "config/words.h"

static const struct vc_cpe_session *find_session(const struct vc_cpe_session *sessions, size_t count,
                                                 struct in_addr address)
{
    for (size_t i = 0; i < count; i++)
        if (sessions[i].fact && sessions[i].address.s_addr == address.s_addr)
            return &sessions[i];
    return NULL;
}

/* What the options say of a neighbour's node: of "ADDRESS=NODE" the address. */
static bool told_peer(const struct vc_cpe_reader *r, const char *node, struct in_addr *address)
{
    for (size_t i = 0; r->peers && r->peers[i]; i++) {
        const char *equals = strchr(r->peers[i], '=');
        VC_AUTO_TALLOC char *text = talloc_strndup(NULL, r->peers[i], equals ? (size_t)(equals - r->peers[i]) : 0);

        if (equals && !strcmp(equals + 1, node) && vc_addr_parse(text, address))
            return true;
    }
    return false;
}

/* An iBGP neighbour that nobody was found to be. */
static const struct vc_cpe_session *stranger(const struct vc_cpe_reader *r, const struct vc_cpe_session *sessions,
                                             size_t count, const struct vc_cpe_session *const *found)
{
    for (size_t i = 0; i < count; i++) {
        bool known = false;

        for (size_t k = 0; k < r->ordered->neighbor_count; k++)
            known |= found[k] == &sessions[i];
        if (!known && sessions[i].fact && sessions[i].asn == r->cpe->asn)
            return &sessions[i];
    }
    return NULL;
}

/* A customer's iBGP neighbours have addresses of his own. One that the topology does not have may stand for a router of
 * the LAN; whether it is another CPE must be said, as a missing session between CPEs hides behind it. */
static const struct vc_cpe_session *stand_in(struct vc_cpe_reader *r, const struct vc_cpe_session *s,
                                             const struct vc_cpe_neighbor *n, bool asks)
{
    if (!s)
        return NULL;
    if (asks) {
        vc_cpe_error(
            r->cpe, s->fact->line,
            "iBGP with %s, which the topology does not have: say whose it is, --peer %s=NODE (NODE is %s, say)",
            s->name, s->name, n->node);
        return NULL;
    }
    vc_cpe_note(r->cpe, s->fact->line, "iBGP with %s, which the topology does not have; in the lab it is %s", s->name,
                n->node);
    return s;
}

/* Is an interface into the topology's LAN there? Else how the LAN is told is not in this configuration. */
static bool has_lan(const struct vc_cpe_reader *r)
{
    for (size_t i = 0; i < r->ordered->interface_count; i++)
        for (size_t s = 0; r->ordered->interfaces[i].lan && s < r->ios->section_count; s++) {
            struct vc_prefix own;

            if (r->ios->sections[s].kind == VC_IOS_INTERFACE &&
                vc_cpe_interface_address(r, r->ios->sections[s].name, &own) &&
                own.addr.s_addr == r->ordered->interfaces[i].address.addr.s_addr)
                return true;
        }
    return false;
}

/* What a filter says of Cisco's prefixes: each tunnel's own ones, and the shared one. */
struct told {
    size_t own, missing;
    bool shared;
};

static const char *word_of(const struct told *told)
{
    return told->own && !told->missing && told->shared ? "all"
           : !told->own && told->shared                ? "summary"
           : !told->own                                ? "none"
                                                       : "part";
}

typedef bool asks_fn(struct vc_cpe_reader *r, const void *arg, struct vc_prefix prefix);

static const char *ask(struct vc_cpe_reader *r, asks_fn *permits, const void *arg)
{
    struct told told = {.shared = permits(r, arg, r->ordered->service)};

    for (size_t i = 0; i < r->ordered->tunnel_count; i++) {
        const struct vc_cpe_prefixes *accept = &r->ordered->tunnels[i].accept;

        for (size_t k = 0; k < accept->count; k++) {
            if (vc_prefix_equal(accept->items[k], r->ordered->service))
                continue;
            bool good = permits(r, arg, accept->items[k]);
            told.own += good;
            told.missing += !good;
        }
    }
    return word_of(&told);
}

static bool summarises(const struct vc_ios_section *bgp, struct vc_prefix service)
{
    for (size_t i = 0; i < bgp->count; i++) {
        const struct vc_ios_fact *f = &bgp->facts[i];
        struct vc_prefix p;

        for (size_t a = 2; !strcmp(f->key, "aggregate") && a < f->count; a++)
            if (!strcasecmp(f->args[a], "summary-only") && vc_addr_parse(f->args[0], &p.addr) &&
                vc_mask_parse(f->args[1], false, &p.len) && vc_prefix_equal(p, service))
                return true;
    }
    return false;
}

/* By next hop, too, or by a tag: of what the tunnels brought that says nothing against them. */
static bool map_permits(struct vc_cpe_reader *r, const void *map, struct vc_prefix prefix)
{
    return vc_ios_route_map_permits(r->ios, map, prefix) != VC_IOS_DENY;
}

/* By OSPF or its like: through a route map or as it is. */
static const char *read_igp(struct vc_cpe_reader *r, const struct vc_ios_fact *redistribute)
{
    for (size_t i = 0; i + 1 < redistribute->count; i++)
        if (!strcasecmp(redistribute->args[i], "route-map"))
            return ask(r, map_permits, redistribute->args[i + 1]);
    return "all";
}

struct session_filter {
    const struct vc_ios_section *bgp;
    const char *name;
    int *line;
};

static bool session_permits(struct vc_cpe_reader *r, const void *arg, struct vc_prefix prefix)
{
    const struct session_filter *f = arg;

    return vc_cpe_session_permits(r, f->bgp, f->name, false, prefix, f->line);
}

/* One more that tells the LAN. */
static void tells(struct vc_cpe_reader *r, const char *what, int line, bool *lan)
{
    if (*lan && strcmp(what, r->cpe->redistribute) != 0)
        vc_cpe_error(r->cpe, line,
                     "the LAN's routers are told differently of Cisco's prefixes; the lab's node tells all "
                     "of them the same");
    r->cpe->redistribute = what;
    r->cpe->redistribute_line = line;
    *lan = true;
}

static void read_neighbor(struct vc_cpe_reader *r, const struct vc_ios_section *bgp, const struct vc_cpe_session *s,
                          struct vc_cpe_neighbor n, bool *lan)
{
    int line = 0;
    const struct session_filter filter = {bgp, s->name, &line};

    n.line = s->fact->line;
    n.next_hop_self = vc_cpe_session_fact(bgp, "next-hop-self", s->name);
    r->cpe->neighbors[r->cpe->neighbor_count++] = n;
    if (n.cpe)
        return;
    const char *what = ask(r, session_permits, &filter);
    if (summarises(bgp, r->ordered->service) && (!strcmp(what, "all") || !strcmp(what, "part")))
        what = "summary";
    tells(r, what, line ? line : n.line, lan);
}

/* The order's iBGP neighbours: each by its address, by what the options say, or (the LAN's) by a stranger's. */
static void read_ibgp(struct vc_cpe_reader *r, const struct vc_ios_section *bgp, const struct vc_cpe_session *sessions,
                      size_t count, bool *lan)
{
    const struct vc_cpe_session **found =
        talloc_zero_array(r->scratch, const struct vc_cpe_session *, r->ordered->neighbor_count + 1);
    bool partner_missing = false;

    for (size_t i = 0; i < r->ordered->neighbor_count; i++) {
        const struct vc_cpe_neighbor *n = &r->ordered->neighbors[i];
        struct in_addr address = n->address;
        const struct vc_cpe_session *s = find_session(sessions, count, address);

        if (!s && told_peer(r, n->node, &address))
            s = find_session(sessions, count, address);
        found[i] = s;
        partner_missing |= n->cpe && !s;
    }
    for (size_t i = 0; i < r->ordered->neighbor_count; i++) {
        const struct vc_cpe_neighbor *n = &r->ordered->neighbors[i];
        const struct vc_cpe_session *s = found[i];

        if (!s)
            s = found[i] = stand_in(r, stranger(r, sessions, count, found), n, partner_missing);
        if (!s || s->asn != r->cpe->asn || vc_cpe_session_fact(bgp, "shutdown", s->name) ||
            !vc_cpe_session_active(bgp, s->name))
            continue;
        read_neighbor(r, bgp, s, *n, lan);
    }
}

void vc_cpe_read_lan(struct vc_cpe_reader *r, const struct vc_ios_section *bgp, const struct vc_cpe_session *sessions,
                     size_t count)
{
    const struct vc_ios_section *igp = NULL;
    bool lan = false;

    r->cpe->neighbors = talloc_zero_array(r->cpe, struct vc_cpe_neighbor, r->ordered->neighbor_count + 1);
    r->cpe->redistribute = "none";
    r->cpe->redistribute_line = bgp->line;
    read_ibgp(r, bgp, sessions, count, &lan);
    for (size_t i = 0; i < r->ios->section_count && !lan; i++) {
        const struct vc_ios_section *s = &r->ios->sections[i];
        const struct vc_ios_fact *redistribute = vc_ios_fact(s, "redistribute", NULL);

        if (s->kind != VC_IOS_IGP)
            continue;
        igp = s;
        r->cpe->redistribute_line = s->line;
        if (redistribute)
            tells(r, read_igp(r, redistribute), redistribute->line, &lan);
    }
    if (igp && !r->ordered->ospf)
        vc_cpe_note(r->cpe, igp->line, "the LAN is told by %s; the lab's LAN speaks iBGP and is told the same",
                    igp->name);
    if (!lan && !igp && !has_lan(r)) {
        r->cpe->redistribute = r->ordered->redistribute;
        vc_cpe_note(r->cpe, 0, "it has no interface into the topology's LAN; the lab's node has, and tells the LAN %s",
                    r->cpe->redistribute);
    }
    if (!strcmp(r->cpe->redistribute, "part"))
        vc_cpe_error(
            r->cpe, r->cpe->redistribute_line,
            "the LAN is told some of Cisco's prefixes and not all; a knob of the lab's node tells all, the /24 "
            "alone, or none");
}
