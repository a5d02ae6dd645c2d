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

/* Of a customer's iBGP neighbours the addresses are his own affair: one that the topology does not have stands for one
 * that it has, another CPE first. */
static const struct vc_cpe_session *stand_in(struct vc_cpe_reader *r, struct vc_cpe_session *sessions, size_t count,
                                             const char *node)
{
    for (size_t i = 0; i < count; i++) {
        bool known = false;

        for (size_t k = 0; k < r->ordered->neighbor_count; k++)
            known |= r->ordered->neighbors[k].address.s_addr == sessions[i].address.s_addr;
        if (known || !sessions[i].fact || sessions[i].asn != r->cpe->asn)
            continue;
        vc_cpe_note(r->cpe, sessions[i].fact->line,
                    "iBGP with %s, which the topology does not have; in the lab it is %s", sessions[i].name, node);
        sessions[i].asn = 0;
        return &sessions[i];
    }
    return NULL;
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

static const char *told(bool own, bool shared)
{
    return own && shared ? "all" : shared ? "summary" : own ? "own" : "none";
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

/* By OSPF: through a route map or as it is. */
static void read_ospf(struct vc_cpe_reader *r, const struct vc_ios_section *ospf, struct vc_prefix own)
{
    const struct vc_ios_fact *redistribute = vc_ios_fact(ospf, "redistribute", NULL);

    r->cpe->redistribute = redistribute ? "all" : "none";
    r->cpe->redistribute_line = redistribute ? redistribute->line : ospf->line;
    for (size_t i = 0; redistribute && i + 1 < redistribute->count; i++)
        if (!strcasecmp(redistribute->args[i], "route-map")) {
            /* by next hop, too, or by a tag: of what the tunnels brought that says nothing against them */
            bool whole = vc_ios_route_map_permits(r->ios, redistribute->args[i + 1], own) != VC_IOS_DENY;
            bool shared =
                vc_ios_route_map_permits(r->ios, redistribute->args[i + 1], r->ordered->service) != VC_IOS_DENY;
            r->cpe->redistribute = told(whole, shared);
        }
}

static void read_neighbor(struct vc_cpe_reader *r, const struct vc_ios_section *bgp, const struct vc_cpe_session *s,
                          struct vc_cpe_neighbor n, struct vc_prefix own)
{
    int line = 0;

    n.line = s->fact->line;
    n.next_hop_self = vc_cpe_session_fact(bgp, "next-hop-self", s->name);
    r->cpe->neighbors[r->cpe->neighbor_count++] = n;
    if (n.cpe)
        return;
    bool shared = vc_cpe_session_permits(r, bgp, s->name, false, r->ordered->service, &line);
    r->cpe->redistribute = told(vc_cpe_session_permits(r, bgp, s->name, false, own, &line), shared);
    r->cpe->redistribute_line = line ? line : n.line;
    if (summarises(bgp, r->ordered->service) && !strcmp(r->cpe->redistribute, "all"))
        r->cpe->redistribute = "summary";
}

void vc_cpe_read_lan(struct vc_cpe_reader *r, const struct vc_ios_section *bgp, struct vc_cpe_session *sessions,
                     size_t count)
{
    struct vc_prefix own = {0};
    const struct vc_ios_section *ospf = vc_ios_section(r->ios, VC_IOS_OSPF, NULL);
    bool lan = false;

    if (r->ordered->tunnels[0].accept.count)
        own = r->ordered->tunnels[0].accept.items[0];
    r->cpe->neighbors = talloc_zero_array(r->cpe, struct vc_cpe_neighbor, r->ordered->neighbor_count + 1);
    r->cpe->redistribute = "none";
    r->cpe->redistribute_line = bgp->line;
    for (int partners = 1; partners >= 0; partners--)
        for (size_t i = 0; i < r->ordered->neighbor_count; i++) {
            const struct vc_cpe_neighbor *n = &r->ordered->neighbors[i];
            const struct vc_cpe_session *s = n->cpe == partners ? find_session(sessions, count, n->address) : NULL;

            if (!s && n->cpe == partners)
                s = stand_in(r, sessions, count, n->node);
            else if (s && s->asn != r->cpe->asn)
                s = NULL;
            if (!s || vc_cpe_session_fact(bgp, "shutdown", s->name) || !vc_cpe_session_active(bgp, s->name))
                continue;
            read_neighbor(r, bgp, s, *n, own);
            lan |= !n->cpe;
        }
    if (!lan && ospf) {
        read_ospf(r, ospf, own);
        if (!r->ordered->ospf)
            vc_cpe_note(r->cpe, ospf->line, "the LAN is told by OSPF; the lab's LAN speaks iBGP and is told the same");
    } else if (!lan && !has_lan(r)) {
        r->cpe->redistribute = r->ordered->redistribute;
        vc_cpe_note(r->cpe, 0, "it has no interface into the topology's LAN; the lab's node has, and tells the LAN %s",
                    r->cpe->redistribute);
    }
    if (!strcmp(r->cpe->redistribute, "own"))
        vc_cpe_error(r->cpe, r->cpe->redistribute_line,
                     "the LAN is told the data centre's own prefix and not %s; no knob of the lab's node does that",
                     vc_prefix_text(r->ordered->service).s);
}
