/* Tunnel interfaces and loopbacks: which is which of the order's tunnels, and what it has. */
#include <string.h>
#include <strings.h>

#include "config/read.h"
#include "config/words.h"

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

bool vc_cpe_address(const struct vc_ios_section *interface, struct vc_prefix *address)
{
    *address = address_fact(vc_ios_fact(interface, "address", NULL));
    return address->addr.s_addr;
}

bool vc_cpe_interface_address(const struct vc_cpe_reader *r, const char *name, struct vc_prefix *address)
{
    return vc_cpe_address(vc_cpe_interface(r, name), address);
}

const char *vc_cpe_tunnel_source(const struct vc_cpe_reader *r, const struct vc_ios_section *gre)
{
    const struct vc_ios_fact *fact = vc_ios_fact(gre, "source", NULL);

    return !fact             ? NULL
           : fact->count > 1 ? talloc_asprintf(r->scratch, "%s%s", fact->args[0], fact->args[1])
                             : fact->args[0];
}

static struct in_addr source_address(const struct vc_cpe_reader *r, const struct vc_ios_section *gre)
{
    const char *name = vc_cpe_tunnel_source(r, gre);
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

/* How much the interface with that source looks like that tunnel of the order. */
static int likeness(const struct vc_ios_section *gre, struct in_addr source, const struct vc_cpe_tunnel *t)
{
    struct vc_prefix address = address_fact(vc_ios_fact(gre, "address", NULL));
    int points = 0;

    points += destination(gre).s_addr == t->transport_remote.s_addr ? 8 : 0;
    points += address.addr.s_addr == t->address.addr.s_addr ? 6 : 0;
    points += address.addr.s_addr && vc_prefix_contains(t->address, address.addr) ? 3 : 0;
    points += source.s_addr == t->transport_local.s_addr ? 3 : 0;
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

    for (s = 0; s < sections; s++) {
        const struct vc_ios_section *gre = &r->ios->sections[s];
        struct in_addr source = is_gre(gre) ? source_address(r, gre) : (struct in_addr){0};

        for (t = 0; t < tunnels; t++)
            points[s * tunnels + t] = is_gre(gre) ? likeness(gre, source, &r->ordered->tunnels[t]) : -1;
    }
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

const char *vc_cpe_vrf(const struct vc_ios_section *interface)
{
    const struct vc_ios_fact *fact = vc_ios_fact(interface, "vrf", NULL);

    return fact ? fact->args[0] : "";
}

/* R29. Where GRE is looked for is the loopback's VRF, and that of the way out. */
static void read_vrf(struct vc_cpe_reader *r, const struct vc_ios_section *gre, struct vc_cpe_tunnel *t)
{
    const struct vc_ios_fact *fact = vc_ios_fact(gre, "tunnel-vrf", NULL);
    const char *name = vc_cpe_tunnel_source(r, gre), *vrf = fact ? fact->args[0] : "";
    const struct vc_ios_section *source = name ? vc_cpe_interface(r, name) : NULL;
    size_t digits = strlen(vrf);

    t->line[VC_CPE_VRF] = vc_ios_line(fact, gre->line);
    if (!source || !strcmp(vrf, vc_cpe_vrf(source)))
        return;
    while (digits && vrf[digits - 1] >= '0' && vrf[digits - 1] <= '9')
        digits--;
    t->vrf = (unsigned)strtoul(vrf + digits, NULL, 10);
    if (t->vrf < 1 || t->vrf > 200)
        t->vrf = 100; /* any other table than the one with the way out */
}

static bool is_loopback(const struct vc_ios_section *s)
{
    return !strncasecmp(s->name, "Loopback", 8);
}

static const struct vc_ios_fact *shut(const struct vc_ios_section *s)
{
    return vc_ios_fact(s, "shutdown", NULL);
}

/* An interface into the LAN: it has an address in the global table, and does not lead out. */
static bool leads_inside(const struct vc_cpe_reader *r, const struct vc_ios_section *s)
{
    struct vc_prefix address;

    return s->kind == VC_IOS_INTERFACE && strncasecmp(s->name, "Tunnel", 6) != 0 && !is_loopback(s) &&
           !vc_ios_fact(s, "vrf", NULL) && !shut(s) && !vc_ios_fact(s, "map", NULL) && vc_cpe_address(s, &address) &&
           !vc_cpe_leads_out(r, s);
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
    t->mss = vc_ios_number(fact, 0, 0);
    t->line[VC_CPE_MSS] = vc_ios_line(fact, gre->line);
}

/* What the order's GRE and the lab's node have not. */
static void check_tunnel(struct vc_cpe_reader *r, const struct vc_ios_section *gre, const struct vc_cpe_tunnel *t)
{
    const struct vc_ios_fact *key = vc_ios_fact(gre, "tunnel-key", NULL), *vrf = vc_ios_fact(gre, "vrf", NULL);

    if (!t->transport_local.s_addr)
        vc_cpe_error(r->cpe, t->line[VC_CPE_TRANSPORT_LOCAL], "tunnel %s: %s has no source with an address", t->name,
                     gre->name);
    if (!t->transport_remote.s_addr)
        vc_cpe_error(r->cpe, gre->line, "tunnel %s: %s has no destination", t->name, gre->name);
    if (!t->address.addr.s_addr)
        vc_cpe_error(r->cpe, gre->line, "tunnel %s: %s has no address", t->name, gre->name);
    if (key)
        vc_cpe_error(r->cpe, key->line, "tunnel %s: GRE with a key; the order's has none, and Cisco drops it", t->name);
    if (vrf)
        vc_cpe_error(r->cpe, vrf->line,
                     "tunnel %s: %s is in VRF %s; the lab's node has its tunnels and its LAN in one "
                     "table",
                     t->name, gre->name, vrf->args[0]);
}

static void read_tunnel(struct vc_cpe_reader *r, const struct vc_ios_section *gre, struct vc_cpe_tunnel *t)
{
    const struct vc_ios_fact *keepalive = vc_ios_fact(gre, "keepalive", NULL), *mtu = vc_ios_fact(gre, "mtu", NULL);
    const struct vc_ios_fact *address = vc_ios_fact(gre, "address", NULL), *shutdown = shut(gre);
    const char *name = vc_cpe_tunnel_source(r, gre);
    const struct vc_ios_section *source = name ? vc_cpe_interface(r, name) : NULL;
    const struct vc_ios_fact *pmtud = vc_ios_fact(gre, "pmtud", NULL);

    if (!shutdown && source && is_loopback(source))
        shutdown = shut(source); /* without its source a tunnel is as down */
    t->ifname = gre->name;
    t->line[VC_CPE_TUNNEL] = vc_ios_line(shutdown, gre->line);
    t->shutdown = shutdown != NULL;
    t->transport_local = source_address(r, gre);
    t->line[VC_CPE_TRANSPORT_LOCAL] = vc_ios_line(vc_ios_fact(gre, "source", NULL), gre->line);
    t->transport_remote = destination(gre);
    t->line[VC_CPE_TRANSPORT_REMOTE] = vc_ios_line(vc_ios_fact(gre, "destination", NULL), gre->line);
    t->address = address_fact(address);
    t->line[VC_CPE_ADDRESS] = vc_ios_line(address, gre->line);
    t->mtu = vc_ios_number(mtu, 0, 1476);
    t->line[VC_CPE_MTU] = vc_ios_line(mtu, gre->line);
    t->pmtud = pmtud != NULL;
    t->line[VC_CPE_PMTUD] = vc_ios_line(pmtud, gre->line);
    t->keepalive_s = keepalive ? vc_ios_number(keepalive, 0, 10) : 0;
    t->retries = keepalive ? vc_ios_number(keepalive, 1, 3) : 0;
    t->line[VC_CPE_KEEPALIVE] = vc_ios_line(keepalive, gre->line);
    read_mss(r, gre, t);
    read_vrf(r, gre, t);
    check_tunnel(r, gre, t);
}

static void miss_wan(struct vc_cpe_reader *r, struct in_addr wanted)
{
    struct vc_prefix address;

    for (size_t i = 0; i < r->ios->section_count; i++) {
        const struct vc_ios_section *s = &r->ios->sections[i];

        if (!vc_cpe_leads_out(r, s) || !vc_cpe_address(s, &address))
            continue;
        vc_cpe_error(r->cpe, vc_ios_line(vc_ios_fact(s, "address", NULL), s->line),
                     "%s has %s where the order has %s for IPsec; Cisco knows no other, and no knob of the lab's node "
                     "changes it",
                     s->name, vc_addr_text(address.addr).s, vc_addr_text(wanted).s);
        return;
    }
    vc_cpe_error(r->cpe, 0, "no interface has %s, the order's address for IPsec, and none seems to lead to Cisco",
                 vc_addr_text(wanted).s);
}

/* The order says which address Cisco knows; the lab's CPE has it on its link. */
static void check_wan(struct vc_cpe_reader *r)
{
    for (size_t i = 0; i < r->ordered->interface_count; i++) {
        const struct vc_cpe_interface *p = &r->ordered->interfaces[i];
        bool found = false, given = false;

        for (size_t s = 0; s < r->ios->section_count; s++) {
            struct vc_prefix address;

            given |=
                r->ios->sections[s].kind == VC_IOS_INTERFACE && (vc_ios_fact(&r->ios->sections[s], "dhcp", NULL) ||
                                                                 vc_ios_fact(&r->ios->sections[s], "negotiated", NULL));
            found |= r->ios->sections[s].kind == VC_IOS_INTERFACE && vc_cpe_address(&r->ios->sections[s], &address) &&
                     address.addr.s_addr == p->address.addr.s_addr;
        }
        if (found || (p->wan && given))
            continue;
        if (p->wan)
            miss_wan(r, p->address.addr);
        else
            vc_cpe_note(r->cpe, 0, "no interface has %s of the topology's link %s; the lab's node has it",
                        vc_prefix_text(p->address).s, p->description);
    }
}

/* The tunnel's address on a tunnel of IPsec: route-based VPNs are made so, and carry IP without GRE. */
static void look_for_vti(struct vc_cpe_reader *r, size_t tunnel)
{
    struct vc_cpe_tunnel *t = &r->cpe->tunnels[tunnel];

    for (size_t i = 0; i < r->ios->section_count; i++) {
        const struct vc_ios_section *s = &r->ios->sections[i];
        const struct vc_ios_fact *ipsec = s->kind == VC_IOS_INTERFACE ? vc_ios_fact(s, "ipsec", NULL) : NULL;
        struct vc_prefix address;

        if (!ipsec || !vc_cpe_address(s, &address) ||
            !vc_prefix_contains(r->ordered->tunnels[tunnel].address, address.addr))
            continue;
        t->line[VC_CPE_TUNNEL] = ipsec->line;
        vc_cpe_note(r->cpe, ipsec->line, "tunnel %s: %s is IPsec without GRE in it; Cisco's tunnels are GRE over IPsec",
                    t->name, s->name);
    }
}

void vc_cpe_read_gre(struct vc_cpe_reader *r)
{
    find_interfaces(r);
    check_wan(r);
    for (size_t i = 0; i < r->ordered->tunnel_count; i++) {
        r->cpe->tunnels[i].name = r->ordered->tunnels[i].name;
        r->cpe->tunnels[i].peer = r->ordered->tunnels[i].peer;
        if (r->gre[i])
            read_tunnel(r, r->gre[i], &r->cpe->tunnels[i]);
        else
            look_for_vti(r, i);
    }
}
