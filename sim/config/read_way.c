/* The way to Cisco: which interface leads out, routes, and packet filters on the way. */
#include <string.h>
#include <strings.h>

#include "config/read.h"
#include "config/words.h"

/* Is it the order's address for IPsec, as the CPE has it on its link? */
static bool is_ordered_wan(const struct vc_cpe_reader *r, struct in_addr address)
{
    for (size_t i = 0; i < r->ordered->interface_count; i++)
        if (r->ordered->interfaces[i].wan && r->ordered->interfaces[i].address.addr.s_addr == address.s_addr)
            return true;
    return false;
}

static bool is_physical(const struct vc_ios_section *s)
{
    return s->kind == VC_IOS_INTERFACE && strncasecmp(s->name, "Tunnel", 6) != 0 &&
           strncasecmp(s->name, "Loopback", 8) != 0 && strncasecmp(s->name, "Null", 4) != 0;
}

/* By DHCP or PPP: which address it is, and its gateway, is not in the configuration. */
static bool is_given(const struct vc_ios_section *s)
{
    return s->kind == VC_IOS_INTERFACE && (vc_ios_fact(s, "dhcp", NULL) || vc_ios_fact(s, "negotiated", NULL));
}

static bool is_private(struct in_addr address)
{
    static const char *const texts[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"};
    struct vc_prefix p;

    for (size_t i = 0; i < VC_COUNT(texts); i++)
        if (vc_prefix_parse(texts[i], &p) && vc_prefix_contains(p, address))
            return true;
    return false;
}

bool vc_cpe_leads_out(const struct vc_cpe_reader *r, const struct vc_ios_section *s)
{
    struct vc_prefix address;

    if (!is_physical(s))
        return false;
    bool has = vc_cpe_address(s, &address);
    if (r->wan_written)
        return has && is_ordered_wan(r, address.addr);
    return is_given(s) || vc_ios_fact(s, "map", NULL) || (has && !is_private(address.addr));
}

void vc_cpe_find_way(struct vc_cpe_reader *r)
{
    struct vc_prefix address;

    for (size_t i = 0; i < r->ios->section_count; i++)
        r->wan_written |= is_physical(&r->ios->sections[i]) && vc_cpe_address(&r->ios->sections[i], &address) &&
                          is_ordered_wan(r, address.addr);
}

static const struct vc_ios_fact *shut(const struct vc_ios_section *s)
{
    return vc_ios_fact(s, "shutdown", NULL);
}

/* DHCP brings a default route of its own, PPP one that was asked for. */
static bool has_given_default(const struct vc_cpe_reader *r, const char *vrf)
{
    for (size_t i = 0; i < r->ios->section_count; i++) {
        const struct vc_ios_section *s = &r->ios->sections[i];

        if (is_given(s) && !shut(s) && !strcmp(vc_cpe_vrf(s), vrf) && vc_cpe_leads_out(r, s) &&
            (vc_ios_fact(s, "dhcp", NULL) ? !vc_ios_fact(s, "no-dhcp-route", NULL)
                                          : vc_ios_fact(s, "ipcp-route", NULL) != NULL))
            return true;
    }
    return false;
}

/* ---- routes ---- */

/* The distance of a static route: a number behind the next hop that belongs to no other word. */
static unsigned distance_of(const struct vc_ios_fact *f, size_t from)
{
    static const char *const takes_one[] = {"name", "tag", "track"};

    for (size_t i = from; i < f->count; i++) {
        bool taken = false;

        for (size_t k = 0; k < VC_COUNT(takes_one); k++)
            taken |= !strcasecmp(f->args[i - 1], takes_one[k]);
        if (!taken && f->args[i][strspn(f->args[i], "0123456789")] == '\0')
            return vc_ios_number(f, i, 1);
    }
    return 1;
}

/* Is it a static route of that VRF to the address? *at: of its next hop. */
static bool is_route_to(const struct vc_ios_fact *f, struct in_addr address, const char *vrf, size_t *at,
                        unsigned *length, unsigned *distance)
{
    bool named = !strcmp(f->key, "route-vrf");
    struct vc_prefix p;

    if ((!named && strcmp(f->key, "route") != 0) || strcmp(vrf, named ? f->args[0] : "") != 0)
        return false;
    *at = named ? 3 : 2;
    if (!vc_addr_parse(f->args[*at - 2], &p.addr) || !vc_mask_parse(f->args[*at - 1], false, &p.len) ||
        !vc_prefix_contains(p, address))
        return false;
    *length = p.len;
    *distance = distance_of(f, *at + 1);
    return true;
}

struct search {
    struct vc_cpe_reader *r;
    size_t tunnel;
    const char *vrf;
    int *line; /* of what decides */
};
enum { HOPS_MAX = 4 };

static bool leads_to(const struct search *s, struct in_addr to, unsigned hops);

static bool by_interface(const struct search *s, const struct vc_ios_section *interface, struct in_addr to)
{
    struct vc_cpe_reader *r = s->r;
    const struct vc_cpe_tunnel *t = &r->cpe->tunnels[s->tunnel];

    if (shut(interface)) {
        *s->line = shut(interface)->line;
        return false;
    }
    if (interface == r->owner[s->tunnel] && to.s_addr != t->peer.s_addr && vc_ios_fact(interface, "ipsec", NULL))
        return true; /* into the IPsec that protects it */
    if (!strncasecmp(interface->name, "Tunnel", 6))
        vc_cpe_note(r->cpe, *s->line, "tunnel %s: the way to %s leads into %s, so the tunnel would carry itself",
                    t->name, vc_addr_text(to).s, interface->name);
    return vc_cpe_leads_out(r, interface);
}

/* A gateway: beside an interface's address, or found by another route. Which gateway the provider has is not the
 * order's. */
static bool by_gateway(const struct search *s, struct in_addr via, struct in_addr to, unsigned hops)
{
    const struct vc_ios *ios = s->r->ios;
    struct vc_prefix own;

    for (size_t i = 0; i < ios->section_count; i++)
        if (ios->sections[i].kind == VC_IOS_INTERFACE && !strcmp(vc_cpe_vrf(&ios->sections[i]), s->vrf) &&
            vc_cpe_address(&ios->sections[i], &own) && vc_prefix_contains(own, via))
            return by_interface(s, &ios->sections[i], to);
    for (size_t i = 0; i < ios->section_count; i++)
        if (is_given(&ios->sections[i]) && !shut(&ios->sections[i]) && vc_cpe_leads_out(s->r, &ios->sections[i]))
            return true;
    return hops < HOPS_MAX && leads_to(s, via, hops + 1);
}

static bool by_route(const struct search *s, const struct vc_ios_fact *route, size_t at, struct in_addr to,
                     unsigned hops)
{
    const struct vc_ios_section *interface;
    struct in_addr via;

    *s->line = route->line;
    if (vc_addr_parse(route->args[at], &via))
        return by_gateway(s, via, to, hops);
    if (!strcasecmp(route->args[at], "dhcp"))
        return has_given_default(s->r, s->vrf);
    interface = vc_cpe_interface(s->r, route->args[at]);
    return interface && by_interface(s, interface, to);
}

/* The longest static routes to the address, those of the least distance among them; else what DHCP brings. */
static bool leads_to(const struct search *s, struct in_addr to, unsigned hops)
{
    const struct vc_ios_section *top = &s->r->ios->sections[0];
    unsigned longest = 0, least = 0, length, distance;
    bool any = false, leads = false;
    size_t at;

    for (size_t i = 0; i < top->count; i++)
        if (is_route_to(&top->facts[i], to, s->vrf, &at, &length, &distance) && at < top->facts[i].count &&
            (!any || length > longest || (length == longest && distance < least))) {
            any = true;
            longest = length;
            least = distance;
        }
    for (size_t i = 0; i < top->count && any && !leads; i++)
        leads = is_route_to(&top->facts[i], to, s->vrf, &at, &length, &distance) && at < top->facts[i].count &&
                length == longest && distance == least && by_route(s, &top->facts[i], at, to, hops);
    return any ? leads : has_given_default(s->r, s->vrf);
}

static bool finds(struct vc_cpe_reader *r, size_t i, const char *vrf, struct in_addr found, struct in_addr ordered)
{
    const struct search s = {r, i, vrf, &r->cpe->tunnels[i].line[VC_CPE_UNDERLAY]};

    *s.line = 0;
    return leads_to(&s, found, 0) || (found.s_addr != ordered.s_addr && leads_to(&s, ordered, 0));
}

/* To what the configuration calls or, where that is wrong, to what it should. GRE in the wrong VRF is a finding of its
 * own. */
static void read_underlay(struct vc_cpe_reader *r, size_t i)
{
    struct vc_cpe_tunnel *t = &r->cpe->tunnels[i];
    const struct vc_cpe_tunnel *o = &r->ordered->tunnels[i];
    const struct vc_ios_fact *vrf = vc_ios_fact(r->gre[i], "tunnel-vrf", NULL);
    const char *of_gre = vrf ? vrf->args[0] : "", *of_ipsec = r->vrf[i] ? r->vrf[i] : of_gre;

    t->underlay = finds(r, i, of_ipsec, t->peer, o->peer) &&
                  (t->vrf || finds(r, i, of_gre, t->transport_remote, o->transport_remote));
}

bool vc_cpe_has_default(const struct vc_cpe_reader *r)
{
    const struct vc_ios_section *top = &r->ios->sections[0];

    for (size_t i = 0; i < top->count; i++)
        if (!strcmp(top->facts[i].key, "route") && !strcmp(top->facts[i].args[0], "0.0.0.0") &&
            !strcmp(top->facts[i].args[1], "0.0.0.0"))
            return true;
    return has_given_default(r, "");
}

/* ---- packet filters ---- */

static void check_filter(struct vc_cpe_reader *r, size_t i, const struct vc_ios_section *s,
                         const struct vc_ios_acl *acl)
{
    static const struct {
        const char *protocol, *what;
        unsigned port;
        bool plain, natted;
    } needed[] = {
        {"udp", "UDP 500", 500, true, true}, {"udp", "UDP 4500", 4500, false, true}, {"esp", "ESP", 0, true, false}};
    const struct vc_cpe_tunnel *t = &r->ordered->tunnels[i];
    bool nat = r->topology->tunnels[vc_topology_tunnel(r->topology, t->name)].ipsec_private.s_addr;
    struct vc_prefix own;

    if (!vc_cpe_address(s, &own))
        for (size_t k = 0; k < r->ordered->interface_count; k++)
            own = r->ordered->interfaces[k].wan ? r->ordered->interfaces[k].address : own;
    for (size_t k = 0; k < VC_COUNT(needed); k++) {
        const struct vc_ios_packet packet = {needed[k].protocol, t->peer, own.addr, needed[k].port, needed[k].port};
        const struct vc_ios_entry *by = NULL;
        enum vc_ios_answer answer =
            (nat ? needed[k].natted : needed[k].plain) ? vc_ios_acl_asks(acl, &packet, &by) : VC_IOS_PERMIT;

        if (answer == VC_IOS_UNKNOWN)
            vc_cpe_error(
                r->cpe, by->line,
                "tunnel %s: this entry of access list %s on %s is not read, so whether %s gets in cannot be told",
                t->name, acl->name, s->name, needed[k].what);
        else if (answer == VC_IOS_DENY)
            vc_cpe_error(r->cpe, by ? by->line : acl->line,
                         "tunnel %s: access list %s on %s drops %s from %s; a knob of the lab's node cannot: play it "
                         "with a fault of kind drop",
                         t->name, acl->name, s->name, needed[k].what, vc_addr_text(t->peer).s);
        if (answer != VC_IOS_PERMIT)
            return;
    }
}

static void check_interface(struct vc_cpe_reader *r, size_t i, const struct vc_ios_section *s)
{
    bool out = vc_cpe_leads_out(r, s);

    for (size_t f = 0; (out || s == r->gre[i]) && f < s->count; f++) {
        const struct vc_ios_fact *fact = &s->facts[f];

        if (!strcmp(fact->key, "zone"))
            vc_cpe_note(r->cpe, fact->line, "%s: zones are not read; the lab's node has no such firewall", s->name);
        else if (!strcmp(fact->key, "nat") && !out)
            vc_cpe_note(r->cpe, fact->line, "%s: NAT of what enters the tunnel is not read; the lab's node has none",
                        s->name);
        if (strcmp(fact->key, "filter") != 0)
            continue;
        const struct vc_ios_acl *acl = vc_ios_acl(r->scratch, r->ios, fact->args[0]);
        if (!out || strcasecmp(fact->args[1], "in") != 0)
            vc_cpe_note(r->cpe, fact->line, "%s: access list %s is not read; the lab's node has no such filter",
                        s->name, fact->args[0]);
        else if (acl)
            check_filter(r, i, s, acl);
    }
}

/* Without NAT-T nothing gets through a NAT. */
static void check_nat_t(struct vc_cpe_reader *r, size_t i)
{
    const struct vc_ios_fact *off = vc_ios_fact(&r->ios->sections[0], "no-nat-t", NULL);

    if (off && r->topology->tunnels[vc_topology_tunnel(r->topology, r->ordered->tunnels[i].name)].ipsec_private.s_addr)
        vc_cpe_error(r->cpe, off->line,
                     "tunnel %s: without NAT-T its ESP does not get through the order's NAT; no knob of the lab's node "
                     "does that",
                     r->ordered->tunnels[i].name);
}

void vc_cpe_read_way(struct vc_cpe_reader *r)
{
    for (size_t i = 0; i < r->ordered->tunnel_count; i++) {
        if (r->gre[i])
            read_underlay(r, i);
        check_nat_t(r, i);
        for (size_t s = 0; s < r->ios->section_count; s++)
            if (r->ios->sections[s].kind == VC_IOS_INTERFACE)
                check_interface(r, i, &r->ios->sections[s]);
    }
}
