/* Tunnel interfaces, loopbacks and routes: which interface is which of the order's tunnels, and what it has. */
#include <string.h>
#include <strings.h>

#include "config/policy.h"
#include "config/read.h"
#include "config/words.h"

static unsigned number(const struct vc_ios_fact *fact, size_t arg, unsigned otherwise)
{
    return fact && fact->count > arg ? (unsigned)strtoul(fact->args[arg], NULL, 10) : otherwise;
}

static int line_of(const struct vc_ios_fact *fact, const struct vc_ios_section *section)
{
    return fact ? fact->line : section->line;
}

static struct vc_prefix address_fact(const struct vc_ios_fact *fact)
{
    struct vc_prefix out = {0};

    if (fact && (!vc_addr_parse(fact->args[0], &out.addr) || !vc_mask_parse(fact->args[1], false, &out.len)))
        out = (struct vc_prefix){0};
    return out;
}

const struct vc_ios_section *vc_cpe_interface(const struct vc_cpe_reader *r, const char *name)
{
    return vc_ios_section(r->ios, VC_IOS_INTERFACE, name);
}

bool vc_cpe_interface_address(const struct vc_cpe_reader *r, const char *name, struct vc_prefix *address)
{
    *address = address_fact(vc_ios_fact(vc_cpe_interface(r, name), "address", NULL));
    return address->addr.s_addr;
}

/* `tunnel source`: an interface, in one word or two, or an address. */
static const char *source_name(const struct vc_cpe_reader *r, const struct vc_ios_section *gre)
{
    const struct vc_ios_fact *fact = vc_ios_fact(gre, "source", NULL);

    return !fact             ? NULL
           : fact->count > 1 ? talloc_asprintf(r->scratch, "%s%s", fact->args[0], fact->args[1])
                             : fact->args[0];
}

static struct in_addr source_address(const struct vc_cpe_reader *r, const struct vc_ios_section *gre)
{
    const char *name = source_name(r, gre);
    struct vc_prefix address = {0};

    if (name && !vc_addr_parse(name, &address.addr))
        vc_cpe_interface_address(r, name, &address);
    return address.addr;
}

static struct in_addr destination(const struct vc_ios_section *gre)
{
    const struct vc_ios_fact *fact = vc_ios_fact(gre, "destination", NULL);
    struct in_addr out = {0};

    if (fact)
        vc_addr_parse(fact->args[0], &out);
    return out;
}

bool vc_cpe_best_pair(int *points, size_t rows, size_t columns, int least, size_t *row, size_t *column)
{
    int best = least - 1;

    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < columns; k++)
            if (points[i * columns + k] > best) {
                best = points[i * columns + k];
                *row = i;
                *column = k;
            }
    if (best < least)
        return false;
    for (size_t i = 0; i < rows; i++)
        points[i * columns + *column] = -1;
    for (size_t k = 0; k < columns; k++)
        points[*row * columns + k] = -1;
    return true;
}

/* How much the interface looks like that tunnel of the order. */
static int likeness(const struct vc_cpe_reader *r, const struct vc_ios_section *gre, const struct vc_cpe_tunnel *t)
{
    struct vc_prefix address = address_fact(vc_ios_fact(gre, "address", NULL));
    int points = 0;

    points += destination(gre).s_addr == t->transport_remote.s_addr ? 8 : 0;
    points += address.addr.s_addr == t->address.addr.s_addr ? 6 : 0;
    points += address.addr.s_addr && vc_prefix_contains(t->address, address.addr) ? 3 : 0;
    points += source_address(r, gre).s_addr == t->transport_local.s_addr ? 3 : 0;
    return points;
}

static bool is_gre(const struct vc_ios_section *s)
{
    return s->kind == VC_IOS_INTERFACE && !strncasecmp(s->name, "Tunnel", 6) && !vc_ios_fact(s, "ipsec", NULL);
}

static void find_interfaces(struct vc_cpe_reader *r)
{
    size_t tunnels = r->ordered->tunnel_count, sections = r->ios->section_count, s, t;
    int *points = talloc_array(r->scratch, int, sections *tunnels + 1);

    for (s = 0; s < sections; s++)
        for (t = 0; t < tunnels; t++)
            points[s * tunnels + t] =
                is_gre(&r->ios->sections[s]) ? likeness(r, &r->ios->sections[s], &r->ordered->tunnels[t]) : -1;
    while (vc_cpe_best_pair(points, sections, tunnels, 3, &s, &t))
        r->gre[t] = &r->ios->sections[s];
    for (s = 0; s < sections; s++) {
        bool used = !is_gre(&r->ios->sections[s]);

        for (t = 0; t < tunnels; t++)
            used |= r->gre[t] == &r->ios->sections[s];
        if (!used)
            vc_cpe_note(r->cpe, r->ios->sections[s].line, "%s is none of the order's tunnels; it is left out",
                        r->ios->sections[s].name);
    }
}

/* "": the global table. */
static const char *vrf_of(const struct vc_ios_section *interface)
{
    const struct vc_ios_fact *fact = vc_ios_fact(interface, "vrf", NULL);

    return fact ? fact->args[0] : "";
}

/* R29. Where GRE is looked for is the loopback's VRF, and that of the way out. */
static void read_vrf(struct vc_cpe_reader *r, const struct vc_ios_section *gre, struct vc_cpe_tunnel *t)
{
    const struct vc_ios_fact *fact = vc_ios_fact(gre, "tunnel-vrf", NULL);
    const char *name = source_name(r, gre), *vrf = fact ? fact->args[0] : "";
    const struct vc_ios_section *source = name ? vc_cpe_interface(r, name) : NULL;
    size_t digits = strlen(vrf);

    t->line[VC_CPE_VRF] = line_of(fact, gre);
    if (!source || !strcasecmp(vrf, vrf_of(source)))
        return;
    while (digits && vrf[digits - 1] >= '0' && vrf[digits - 1] <= '9')
        digits--;
    t->vrf = (unsigned)strtoul(vrf + digits, NULL, 10);
    if (t->vrf < 1 || t->vrf > 200)
        t->vrf = 100; /* any other table than the one with the way out */
}

/* An interface into the LAN: it has an address in the global table, and is not the one to the Internet. */
static bool leads_inside(const struct vc_cpe_reader *r, const struct vc_ios_section *s)
{
    struct vc_prefix address;

    if (s->kind != VC_IOS_INTERFACE || !strncasecmp(s->name, "Tunnel", 6) || !strncasecmp(s->name, "Loopback", 8) ||
        vc_ios_fact(s, "vrf", NULL) || vc_ios_fact(s, "shutdown", NULL) || vc_ios_fact(s, "map", NULL) ||
        !vc_cpe_interface_address(r, s->name, &address))
        return false;
    for (size_t i = 0; i < r->ordered->interface_count; i++)
        if (r->ordered->interfaces[i].wan && r->ordered->interfaces[i].address.addr.s_addr == address.addr.s_addr)
            return false;
    return true;
}

/* Clamped on the tunnel, or on every interface into the LAN. */
static void read_mss(struct vc_cpe_reader *r, const struct vc_ios_section *gre, struct vc_cpe_tunnel *t)
{
    const struct vc_ios_fact *fact = vc_ios_fact(gre, "mss", NULL), *inside = NULL;
    bool all = true;

    for (size_t s = 0; !fact && s < r->ios->section_count; s++)
        if (leads_inside(r, &r->ios->sections[s])) {
            inside = vc_ios_fact(&r->ios->sections[s], "mss", NULL);
            all &= inside != NULL;
        }
    fact = all && inside ? inside : fact;
    t->mss = number(fact, 0, 0);
    t->line[VC_CPE_MSS] = line_of(fact, gre);
}

static void read_tunnel(struct vc_cpe_reader *r, const struct vc_ios_section *gre, struct vc_cpe_tunnel *t)
{
    const struct vc_ios_fact *keepalive = vc_ios_fact(gre, "keepalive", NULL), *mtu = vc_ios_fact(gre, "mtu", NULL);
    const struct vc_ios_fact *address = vc_ios_fact(gre, "address", NULL),
                             *shutdown = vc_ios_fact(gre, "shutdown", NULL);
    const struct vc_ios_fact *pmtud = vc_ios_fact(gre, "pmtud", NULL);

    t->ifname = gre->name;
    t->line[VC_CPE_TUNNEL] = line_of(shutdown, gre);
    t->shutdown = shutdown != NULL;
    t->transport_local = source_address(r, gre);
    t->line[VC_CPE_TRANSPORT_LOCAL] = line_of(vc_ios_fact(gre, "source", NULL), gre);
    t->transport_remote = destination(gre);
    t->line[VC_CPE_TRANSPORT_REMOTE] = line_of(vc_ios_fact(gre, "destination", NULL), gre);
    t->address = address_fact(address);
    t->line[VC_CPE_ADDRESS] = line_of(address, gre);
    t->mtu = number(mtu, 0, 1476);
    t->line[VC_CPE_MTU] = line_of(mtu, gre);
    t->pmtud = pmtud != NULL;
    t->line[VC_CPE_PMTUD] = line_of(pmtud, gre);
    t->keepalive_s = keepalive ? number(keepalive, 0, 10) : 0;
    t->retries = keepalive ? number(keepalive, 1, 3) : 0;
    t->line[VC_CPE_KEEPALIVE] = line_of(keepalive, gre);
    read_mss(r, gre, t);
    read_vrf(r, gre, t);
    if (!t->transport_local.s_addr)
        vc_cpe_error(r->cpe, t->line[VC_CPE_TRANSPORT_LOCAL], "tunnel %s: %s has no source with an address", t->name,
                     gre->name);
    if (!t->transport_remote.s_addr)
        vc_cpe_error(r->cpe, gre->line, "tunnel %s: %s has no destination", t->name, gre->name);
    if (!t->address.addr.s_addr)
        vc_cpe_error(r->cpe, gre->line, "tunnel %s: %s has no address", t->name, gre->name);
}

/* An address that the provider gives: which it is, and its gateway, is not in the configuration. */
static bool has_dhcp(const struct vc_cpe_reader *r)
{
    for (size_t i = 0; i < r->ios->section_count; i++)
        if (r->ios->sections[i].kind == VC_IOS_INTERFACE && vc_ios_fact(&r->ios->sections[i], "dhcp", NULL))
            return true;
    return false;
}

/* The longest static route to the address. */
static const struct vc_ios_fact *route_to(const struct vc_cpe_reader *r, struct in_addr address, const char *vrf)
{
    const struct vc_ios_section *top = &r->ios->sections[0];
    const struct vc_ios_fact *best = NULL;
    int longest = -1;

    for (size_t i = 0; i < top->count; i++) {
        const struct vc_ios_fact *f = &top->facts[i];
        size_t at = !strcmp(f->key, "route") ? 0 : 1;
        struct vc_prefix p;

        if ((strcmp(f->key, "route") != 0 && strcmp(f->key, "route-vrf") != 0) ||
            strcasecmp(vrf, at ? f->args[0] : "") != 0)
            continue;
        if (vc_addr_parse(f->args[at], &p.addr) && vc_mask_parse(f->args[at + 1], false, &p.len) &&
            vc_prefix_contains(p, address) && p.len > longest) {
            best = f;
            longest = p.len;
        }
    }
    return best;
}

/* A way to an address of Cisco's: by an interface, or by a gateway beside the address that the order has for IPsec.
 * Which gateway the provider has is not the order's. */
static bool leads_out(struct vc_cpe_reader *r, struct in_addr to, const char *vrf, int *line)
{
    const struct vc_ios_fact *route = route_to(r, to, vrf);
    struct vc_prefix own;
    struct in_addr via = {0};

    *line = route ? route->line : 0;
    if (!route)
        return false;
    for (size_t i = strcmp(route->key, "route") != 0 ? 3 : 2; i < route->count; i++)
        if (vc_addr_parse(route->args[i], &via))
            break;
        else if (i + 1 == route->count || vc_cpe_interface(r, route->args[i]))
            return strcasecmp(route->args[i], "Null0") != 0;
    for (size_t s = 0; s < r->ios->section_count; s++)
        if (r->ios->sections[s].kind == VC_IOS_INTERFACE &&
            vc_cpe_interface_address(r, r->ios->sections[s].name, &own) && vc_prefix_contains(own, via))
            for (size_t i = 0; i < r->ordered->interface_count; i++)
                if (r->ordered->interfaces[i].wan && r->ordered->interfaces[i].address.addr.s_addr == own.addr.s_addr)
                    return true;
    return has_dhcp(r);
}

/* To what the configuration calls or, where that is wrong, to what it should. */
static void read_underlay(struct vc_cpe_reader *r, size_t i)
{
    struct vc_cpe_tunnel *t = &r->cpe->tunnels[i];
    const struct vc_cpe_tunnel *o = &r->ordered->tunnels[i];
    const struct vc_ios_fact *vrf = vc_ios_fact(r->gre[i], "tunnel-vrf", NULL);
    const char *table = vrf && !t->vrf ? vrf->args[0] : "";
    int *line = &t->line[VC_CPE_UNDERLAY];

    t->underlay = (leads_out(r, t->peer, table, line) || leads_out(r, o->peer, table, line)) &&
                  (leads_out(r, t->transport_remote, table, line) || leads_out(r, o->transport_remote, table, line));
}

/* The order says which address Cisco knows; the lab's CPE has it on its link. */
static void check_wan(struct vc_cpe_reader *r)
{
    for (size_t i = 0; i < r->ordered->interface_count; i++) {
        const struct vc_cpe_interface *p = &r->ordered->interfaces[i];
        bool found = false;

        for (size_t s = 0; s < r->ios->section_count; s++) {
            struct vc_prefix address;

            found |= r->ios->sections[s].kind == VC_IOS_INTERFACE &&
                     vc_cpe_interface_address(r, r->ios->sections[s].name, &address) &&
                     address.addr.s_addr == p->address.addr.s_addr;
        }
        if (found || (p->wan && has_dhcp(r)))
            continue;
        if (p->wan)
            vc_cpe_error(r->cpe, 0,
                         "no interface has %s, the order's address for IPsec; Cisco knows no other, and no knob of the "
                         "lab's node changes it",
                         vc_addr_text(p->address.addr).s);
        else
            vc_cpe_note(r->cpe, 0, "no interface has %s of the topology's link %s; the lab's node has it",
                        vc_prefix_text(p->address).s, p->description);
    }
}

void vc_cpe_read_gre(struct vc_cpe_reader *r)
{
    find_interfaces(r);
    check_wan(r);
    for (size_t i = 0; i < r->ordered->tunnel_count; i++) {
        r->cpe->tunnels[i].name = r->ordered->tunnels[i].name;
        r->cpe->tunnels[i].peer = r->ordered->tunnels[i].peer;
        if (!r->gre[i])
            continue;
        read_tunnel(r, r->gre[i], &r->cpe->tunnels[i]);
    }
}

/* ---- packet filters ---- */

static void check_wan_filter(struct vc_cpe_reader *r, size_t i, const char *acl)
{
    static const struct {
        const char *protocol, *what;
        unsigned port;
    } needed[] = {{"udp", "UDP 500", 500}, {"udp", "UDP 4500", 4500}, {"esp", "ESP", 0}};
    const struct vc_cpe_tunnel *t = &r->ordered->tunnels[i];
    bool nat = r->topology->tunnels[vc_topology_tunnel(r->topology, t->name)].ipsec_private.s_addr;
    struct vc_prefix own;

    if (!vc_cpe_interface_address(r, r->wan[i]->name, &own))
        return;
    for (size_t k = 0; k < VC_COUNT(needed); k++) {
        int line = 0;

        if ((nat ? k == 2 : k == 1) ||
            vc_ios_acl_permits(r->ios, acl, needed[k].protocol, t->peer, own.addr, needed[k].port, &line))
            continue;
        vc_cpe_error(
            r->cpe, line,
            "tunnel %s: access list %s on %s drops %s from %s; a knob of the lab's node cannot: play it with a "
            "fault of kind drop",
            t->name, acl, r->wan[i]->name, needed[k].what, vc_addr_text(t->peer).s);
        return;
    }
}

void vc_cpe_read_way(struct vc_cpe_reader *r)
{
    for (size_t i = 0; i < r->ordered->tunnel_count; i++) {
        const struct vc_ios_section *const at[] = {r->wan[i], r->gre[i]};

        if (r->gre[i])
            read_underlay(r, i);

        for (size_t k = 0; k < VC_COUNT(at); k++)
            for (size_t f = 0; at[k] && f < at[k]->count; f++) {
                const struct vc_ios_fact *fact = &at[k]->facts[f];

                if (!strcmp(fact->key, "zone"))
                    vc_cpe_note(r->cpe, fact->line, "%s: zones are not read; the lab's node has no such firewall",
                                at[k]->name);
                else if (!strcmp(fact->key, "filter") && k == 0 && !strcasecmp(fact->args[1], "in"))
                    check_wan_filter(r, i, fact->args[0]);
                else if (!strcmp(fact->key, "filter"))
                    vc_cpe_note(r->cpe, fact->line, "%s: access list %s is not read; the lab's node has no such filter",
                                at[k]->name, fact->args[0]);
            }
    }
}
