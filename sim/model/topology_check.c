/* What the values of a topology may be together: ranges and overlaps of addresses, ends of links, roles of nodes. */
#include <arpa/inet.h>
#include <string.h>

#include "model/read.h"

typedef struct vc_reader reader_t;

static struct vc_mark at(const struct vc_doc *doc, const char *a, const char *b, const char *c, const char *d)
{
    return vc_doc_mark(doc, (const char *[]){a, b, c, d, NULL});
}

static bool is_set(struct in_addr address)
{
    return address.s_addr != 0;
}

static struct vc_prefix prefix(const char *text)
{
    struct vc_prefix p = {0};

    vc_prefix_parse(text, &p);
    return p;
}

/* R8 */
static void check_public(reader_t *r, struct vc_mark mark, struct in_addr address)
{
    const char *range = vc_addr_not_public(address);

    if (range)
        vc_problem(r->problems, mark, "found %s, which is in %s; allowed: a public address (R8)",
                   vc_addr_text(address).s, range);
}

static void check_names(reader_t *r, const struct vc_doc *doc VC_UNUSED)
{
    static const char *const reserved[] = {"lo",      "all",    "default", "gre0", "gretap0",
                                           "erspan0", "ipsec0", "tunl0",   "sit0", "ip-vti0"};
    const struct vc_topology *t = r->topology;

    for (size_t i = 0; i < t->link_count; i++) {
        const char *name = t->links[i].name;

        if (!strncmp(name, "gre-", 4) || vc_names_find(VC_NAMES(reserved, VC_COUNT(reserved)), name) != VC_NONE)
            vc_problem(r->problems, t->links[i].mark,
                       "found link name \"%s\", which the system or a tunnel uses; allowed: another name", name);
        if (vc_link_is_wan(t, i) && vc_topology_tunnel(t, name) != VC_NONE)
            vc_problem(
                r->problems, t->links[i].mark,
                "found \"%s\" as the name of a WAN link and of a tunnel; allowed: two names, so that a path is clear",
                name);
    }
}

/* The built-in profiles stand first in the array, the document's own behind them. */
static void check_timers(reader_t *r, const struct vc_doc *doc)
{
    const struct vc_doc *own = vc_doc_member(doc, "timers");

    if (!own || own->type != VC_DOC_MAP)
        return;
    struct vc_names built_in = VC_NAMES(r->topology->timers, r->topology->timers_count - own->count);
    for (size_t i = 0; i < own->count; i++)
        if (vc_names_find(built_in, own->items[i]->key) != VC_NONE)
            vc_problem(r->problems, own->items[i]->key_mark,
                       "found \"%s\", which is built in; allowed: a name of its own", own->items[i]->key);
}

static void check_links(reader_t *r, const struct vc_doc *doc VC_UNUSED)
{
    const struct vc_topology *t = r->topology;

    for (size_t i = 0; i < t->link_count; i++) {
        const struct vc_link_end *a = &t->links[i].end[0], *b = &t->links[i].end[1];

        if (!is_set(a->address.addr) || !is_set(b->address.addr))
            continue;
        if (a->address.len != b->address.len || !vc_prefix_contains(a->address, b->address.addr))
            vc_problem(r->problems, b->mark,
                       "found %s and %s at the ends of link %s; allowed: two addresses of one subnet",
                       vc_prefix_text(a->address).s, vc_prefix_text(b->address).s, t->links[i].name);
        else if (a->address.addr.s_addr == b->address.addr.s_addr)
            vc_problem(r->problems, b->mark, "found %s at both ends of link %s; allowed: two addresses",
                       vc_addr_text(a->address.addr).s, t->links[i].name);
    }
}

static bool linked(const struct vc_topology *t, size_t a, size_t b)
{
    for (size_t i = 0; i < t->link_count; i++) {
        const struct vc_link_end *end = t->links[i].end;

        if ((end[0].node == a && end[1].node == b) || (end[0].node == b && end[1].node == a))
            return true;
    }
    return false;
}

static void check_dc_nodes(reader_t *r, const struct vc_dc *dc)
{
    const struct vc_topology *t = r->topology;

    if (dc->headend >= t->node_count || dc->router >= t->node_count)
        return; /* told already: the member is missing or names no node */
    if (dc->headend == dc->router)
        vc_problem(
            r->problems, dc->mark,
            "found %s as headend and router of %s; allowed: two nodes, IPsec ends on one and GRE on the other (R2)",
            t->nodes[dc->router].name, dc->name);
    else if (!linked(t, dc->headend, dc->router))
        vc_problem(r->problems, dc->mark,
                   "found no link between %s and %s; allowed: a headend and a router that share a link (R2)",
                   t->nodes[dc->headend].name, t->nodes[dc->router].name);
    if (!t->nodes[dc->router].asn)
        vc_problem(r->problems, t->nodes[dc->router].mark,
                   "found %s without an asn; allowed: an asn, as it is the router of %s", t->nodes[dc->router].name,
                   dc->name);
}

static void check_service(reader_t *r, struct vc_mark mark, struct vc_prefix service)
{
    if (!is_set(service.addr))
        return;
    check_public(r, mark, service.addr);
    if (service.len != 24)
        vc_problem(r->problems, mark, "found %s; allowed: a /24 (R12)", vc_prefix_text(service).s);
}

static void check_services(reader_t *r, const struct vc_doc *doc)
{
    const struct vc_topology *t = r->topology;

    if (t->customers == &t->only)
        check_service(r, at(doc, "service", NULL, NULL, NULL), t->only.service);
    else
        for (size_t i = 0; i < t->customer_count; i++)
            check_service(r, at(doc, "customers", t->customers[i].name, "service", NULL), t->customers[i].service);
    for (size_t i = 0; i < t->dc_count; i++)
        if (vc_doc_member(vc_doc_member(vc_doc_member(doc, "dcs"), t->dcs[i].name), "service"))
            check_service(r, at(doc, "dcs", t->dcs[i].name, "service", NULL), t->dcs[i].service);
}

/* The two tiers of a DC are its own, but for the headend, which customers may share. */
static bool shares_nodes(const struct vc_topology *t, const struct vc_dc *a, const struct vc_dc *b)
{
    return b->router != VC_NONE &&
           (b->router == a->router || (b->headend == a->headend && !vc_topology_apart(t, a->router, b->router)));
}

static void check_dcs(reader_t *r, const struct vc_doc *doc)
{
    const struct vc_topology *t = r->topology;

    check_services(r, doc);
    for (size_t i = 0; i < t->dc_count; i++) {
        const struct vc_dc *dc = &t->dcs[i];

        check_dc_nodes(r, dc);
        for (size_t j = 0; j < i; j++)
            if (shares_nodes(t, &t->dcs[j], dc))
                vc_problem(r->problems, dc->mark, "found a headend or router of %s in %s; allowed: nodes of its own",
                           t->dcs[j].name, dc->name);
        if (!is_set(dc->prefix.addr) || !is_set(dc->service.addr))
            continue;
        if (dc->prefix.len != 25 || !vc_prefix_covers(dc->service, dc->prefix))
            vc_problem(r->problems, at(doc, "dcs", dc->name, "prefix", NULL),
                       "found %s; allowed: a /25 inside the service's %s (R12)", vc_prefix_text(dc->prefix).s,
                       vc_prefix_text(dc->service).s);
    }
}

static bool owns(const struct vc_topology *t, size_t node, struct in_addr address)
{
    for (size_t i = 0; i < t->link_count; i++)
        for (int e = 0; e < 2; e++)
            if (t->links[i].end[e].node == node && t->links[i].end[e].address.addr.s_addr == address.s_addr)
                return true;
    return false;
}

static void check_ipsec_end(reader_t *r, struct vc_mark mark, size_t node, struct in_addr address)
{
    const struct vc_topology *t = r->topology;

    if (!is_set(address))
        return;
    check_public(r, mark, address);
    if (node < t->node_count && !owns(t, node, address))
        vc_problem(r->problems, mark,
                   "found %s, which no link gives to %s; allowed: an address of one of its own links",
                   vc_addr_text(address).s, t->nodes[node].name);
}

/* R9. Behind a NAT the CPE has a private address, and the public one is the NAT's at the other end of that link. */
static void check_behind_nat(reader_t *r, const struct vc_doc *doc, const struct vc_tunnel *tunnel)
{
    const struct vc_topology *t = r->topology;
    struct vc_mark mark = at(doc, "tunnels", tunnel->name, "ipsec", "private");

    if (tunnel->cpe >= t->node_count)
        return;
    for (size_t i = 0; i < t->link_count; i++)
        for (int e = 0; e < 2; e++) {
            const struct vc_link_end *end = t->links[i].end;
            size_t nat = end[!e].node;

            if (end[e].node != tunnel->cpe || end[e].address.addr.s_addr != tunnel->ipsec_private.s_addr)
                continue;
            if (nat < t->node_count && strcmp(t->nodes[nat].kind, "nat") != 0)
                vc_problem(r->problems, mark, "found %s, beyond which is %s, a node of kind %s; allowed: a kind nat",
                           vc_addr_text(tunnel->ipsec_private).s, t->nodes[nat].name, t->nodes[nat].kind);
            check_ipsec_end(r, at(doc, "tunnels", tunnel->name, "ipsec", "cpe"), nat, tunnel->ipsec_cpe);
            return;
        }
    vc_problem(r->problems, mark, "found %s, which no link gives to %s; allowed: an address of one of its own links",
               vc_addr_text(tunnel->ipsec_private).s, t->nodes[tunnel->cpe].name);
}

/* R11 */
static void check_tunnel_address(reader_t *r, const struct vc_doc *doc, const struct vc_tunnel *tunnel)
{
    static const char *const ends[] = {"cpe", "cisco"};
    const struct vc_prefix *address[] = {&tunnel->address_cpe, &tunnel->address_cisco};
    struct vc_prefix shared = prefix("100.64.0.0/10");

    for (int i = 0; i < 2; i++)
        if (is_set(address[i]->addr) && !vc_prefix_covers(shared, *address[i]))
            vc_problem(r->problems, at(doc, "tunnels", tunnel->name, "address", ends[i]),
                       "found %s; allowed: the shared address space 100.64.0.0/10 (R11)",
                       vc_prefix_text(*address[i]).s);
    if (!is_set(address[0]->addr) || !is_set(address[1]->addr))
        return;
    if (address[0]->len != address[1]->len || !vc_prefix_contains(*address[0], address[1]->addr) ||
        address[0]->addr.s_addr == address[1]->addr.s_addr)
        vc_problem(r->problems, at(doc, "tunnels", tunnel->name, "address", "cisco"),
                   "found %s and %s at the ends of tunnel %s; allowed: two addresses of one subnet (R30)",
                   vc_prefix_text(*address[0]).s, vc_prefix_text(*address[1]).s, tunnel->name);
}

/* R13. The range is the customer's; Cisco's own number is not the customer's to choose. */
static void check_asn(reader_t *r, const struct vc_doc *doc, const struct vc_tunnel *tunnel)
{
    const struct vc_topology *t = r->topology;

    if (tunnel->cpe >= t->node_count)
        return;
    const struct vc_node *cpe = &t->nodes[tunnel->cpe];
    struct vc_mark mark = at(doc, "nodes", cpe->name, "asn", NULL);
    if (cpe->asn < 64512 || cpe->asn > 65534)
        vc_problem(r->problems, mark,
                   "found asn %u for %s; allowed: 64512 to 65534 (R13), as it is the CPE of tunnel %s", cpe->asn,
                   cpe->name, tunnel->name);
    if (tunnel->dc >= t->dc_count || t->dcs[tunnel->dc].router >= t->node_count)
        return;
    const struct vc_node *router = &t->nodes[t->dcs[tunnel->dc].router];
    if (router == cpe)
        vc_problem(r->problems, tunnel->mark, "found %s at both ends of tunnel %s; allowed: a CPE and a DC", cpe->name,
                   tunnel->name);
    else if (router->asn == cpe->asn && cpe->asn)
        vc_problem(r->problems, mark,
                   "found asn %u at both ends of tunnel %s; allowed: two, as BGP over it is external (R34)", cpe->asn,
                   tunnel->name);
}

static void check_tunnels(reader_t *r, const struct vc_doc *doc)
{
    const struct vc_topology *t = r->topology;

    for (size_t i = 0; i < t->tunnel_count; i++) {
        const struct vc_tunnel *tunnel = &t->tunnels[i];

        if (is_set(tunnel->ipsec_private))
            check_behind_nat(r, doc, tunnel);
        else
            check_ipsec_end(r, at(doc, "tunnels", tunnel->name, "ipsec", "cpe"), tunnel->cpe, tunnel->ipsec_cpe);
        check_ipsec_end(r, at(doc, "tunnels", tunnel->name, "ipsec", "cisco"),
                        tunnel->dc >= t->dc_count ? VC_NONE : t->dcs[tunnel->dc].headend, tunnel->ipsec_cisco);
        check_tunnel_address(r, doc, tunnel);
        check_asn(r, doc, tunnel);
    }
}

static void check_settings(reader_t *r, const struct vc_doc *doc)
{
    const struct vc_settings *s = &r->topology->settings;

    if (s->mss && s->gre_mtu && s->mss + 40 > s->gre_mtu)
        vc_problem(
            r->problems, at(doc, "settings", "mss", NULL, NULL),
            "found mss %u with gre_mtu %u; allowed: at most gre_mtu - 40 (headers of IP and TCP), or 0 for none (R42)",
            s->mss, s->gre_mtu);
}

void vc_topology_check(struct vc_reader *reader, const struct vc_doc *doc)
{
    static void (*const checks[])(reader_t *, const struct vc_doc *) = {
        check_names,    check_timers,
        check_links,    check_dcs,
        check_tunnels,  vc_topology_check_customers,
        check_settings, vc_topology_check_overlaps,
    };

    for (size_t i = 0; i < VC_COUNT(checks); i++)
        checks[i](reader, doc);
}

bool vc_link_is_wan(const struct vc_topology *t, size_t link)
{
    bool router[2] = {false, false};

    for (size_t i = 0; i < t->dc_count; i++)
        for (int e = 0; e < 2; e++)
            router[e] |= t->dcs[i].router != VC_NONE && t->links[link].end[e].node == t->dcs[i].router;
    return router[0] && router[1];
}

struct vc_names vc_node_interfaces(void *ctx, const struct vc_topology *t, size_t node)
{
    const char **names = talloc_zero_array(ctx, const char *, t->link_count + t->tunnel_count + 1);
    struct vc_names view = VC_NAMES(names, 0);

    for (size_t i = 0; i < t->link_count; i++)
        if (t->links[i].end[0].node == node || t->links[i].end[1].node == node)
            names[view.count++] = t->links[i].name;
    for (size_t i = 0; i < t->tunnel_count; i++)
        if (t->tunnels[i].cpe == node || t->dcs[t->tunnels[i].dc].router == node)
            names[view.count++] = talloc_asprintf(names, "gre-%s", t->tunnels[i].name);
    return view;
}
