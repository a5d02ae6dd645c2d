/* No two parts of a topology may claim the same addresses, unless one lies inside the other by design, or they are of
 * two customers: each may use the same private addresses, as neither ever sees the other's. */
#include <string.h>

#include "model/read.h"

enum owner { SERVICE, CUSTOMER, DC, LINK, TUNNEL, TRANSPORT_CPE, TRANSPORT_CISCO, OWNERS };

struct claim {
    enum owner owner;
    const char *what, *name;
    struct vc_prefix prefix; /* len 0: could not be read */
    struct vc_mark mark;
    size_t customer; /* who alone sees it; VC_NONE: all */
    size_t nat;      /* the NAT behind which alone it is; VC_NONE: none */
};

/* nests[outer][inner]: a DC's /25 is part of the service's /24, a LAN link of the customer's network, … */
static const bool nests[OWNERS][OWNERS] = {
    [SERVICE] = {[DC] = true, [LINK] = true},
    [CUSTOMER] = {[LINK] = true, [TRANSPORT_CPE] = true},
    [DC] = {[LINK] = true},
};

static bool may_share(const struct claim *a, const struct claim *b)
{
    return (nests[a->owner][b->owner] && vc_prefix_covers(a->prefix, b->prefix)) ||
           (nests[b->owner][a->owner] && vc_prefix_covers(b->prefix, a->prefix));
}

static bool is_transport(const struct claim *claim)
{
    return claim->owner == TRANSPORT_CPE || claim->owner == TRANSPORT_CISCO;
}

/* Every home router has 192.168.1.1: what is behind one NAT is never seen from behind another. A headend that customers
 * share tells their tunnels by the transports. */
static bool apart(const struct claim *a, const struct claim *b)
{
    if (a->nat != VC_NONE && b->nat != VC_NONE && a->nat != b->nat)
        return true;
    return a->customer != VC_NONE && b->customer != VC_NONE && a->customer != b->customer &&
           !(is_transport(a) && is_transport(b));
}

static struct claim claim(enum owner owner, const char *what, const char *name, struct vc_prefix prefix,
                          struct vc_mark mark)
{
    return (struct claim){owner, what, name, vc_prefix_network(prefix), mark, VC_NONE, VC_NONE};
}

/* The service of each customer, and those that its DCs name instead (one a region, R14). These addresses are public: no
 * two customers have the same. */
static size_t claim_services(struct claim *out, const struct vc_topology *t, const struct vc_doc *doc)
{
    size_t n = 0;

    for (size_t i = 0; i < t->customer_count; i++) {
        const struct vc_customer *c = &t->customers[i];
        bool only = c == &t->only;
        const char *const named[] = {"customers", c->name, "service", NULL}, *const alone[] = {"service", NULL};

        out[n++] = claim(SERVICE, only ? "the service" : "the service of customer", c->name, c->service,
                         vc_doc_mark(doc, only ? alone : named));
    }
    for (size_t i = 0; i < t->dc_count; i++) {
        const struct vc_dc *dc = &t->dcs[i];
        bool known = dc->router < t->node_count && t->nodes[dc->router].customer != VC_NONE &&
                     vc_prefix_equal(dc->service, vc_topology_customer_of(t, dc->router)->service);

        for (size_t j = 0; j < i; j++)
            known = known || (vc_prefix_equal(dc->service, t->dcs[j].service) &&
                              !vc_topology_apart(t, dc->router, t->dcs[j].router));
        if (!known)
            out[n++] = claim(SERVICE, "the service of DC", dc->name, dc->service,
                             vc_doc_mark(doc, (const char *[]){"dcs", dc->name, "service", NULL}));
    }
    return n;
}

static size_t claim_networks(struct claim *out, const struct vc_topology *t, const struct vc_doc *doc)
{
    for (size_t i = 0; i < t->customer_count; i++) {
        const struct vc_customer *c = &t->customers[i];
        bool only = c == &t->only;
        const char *const named[] = {"customers", c->name, "network", NULL}, *const alone[] = {"customer", NULL};

        out[i] = claim(CUSTOMER, only ? "the customer" : "customer", c->name, c->network,
                       vc_doc_mark(doc, only ? alone : named));
        out[i].customer = i;
    }
    return t->customer_count;
}

static struct claim claim_link(const struct vc_topology *t, const struct vc_link *link)
{
    struct claim out = claim(LINK, "link", link->name, link->end[0].address, link->mark);
    size_t a = link->end[0].node, b = link->end[1].node;

    if (a < t->node_count && b < t->node_count && t->nodes[a].customer == t->nodes[b].customer)
        out.customer = t->nodes[a].customer;
    for (size_t i = 0; i < t->tunnel_count; i++)
        for (int e = 0; e < 2; e++)
            if (t->tunnels[i].ipsec_private.s_addr && link->end[e].node == t->tunnels[i].cpe &&
                link->end[e].address.addr.s_addr == t->tunnels[i].ipsec_private.s_addr)
                out.nat = link->end[!e].node;
    return out;
}

static size_t claim_tunnel(struct claim *out, const struct vc_topology *t, const struct vc_doc *doc,
                           const struct vc_tunnel *tunnel)
{
    const char *const address[] = {"tunnels", tunnel->name, "address", "cpe", NULL};
    const char *const cpe[] = {"tunnels", tunnel->name, "transport", "cpe", NULL};
    const char *const cisco[] = {"tunnels", tunnel->name, "transport", "cisco", NULL};
    struct vc_prefix from = {tunnel->transport_cpe, 32}, to = {tunnel->transport_cisco, 32};

    out[0] = claim(TUNNEL, "tunnel", tunnel->name, tunnel->address_cpe, vc_doc_mark(doc, address));
    out[1] = claim(TRANSPORT_CPE, "the CPE's transport of tunnel", tunnel->name, from, vc_doc_mark(doc, cpe));
    out[2] = claim(TRANSPORT_CISCO, "Cisco's transport of tunnel", tunnel->name, to, vc_doc_mark(doc, cisco));
    for (size_t i = 0; i < 3 && tunnel->cpe < t->node_count; i++)
        out[i].customer = t->nodes[tunnel->cpe].customer;
    return 3;
}

static struct claim *collect(void *ctx, const struct vc_topology *t, const struct vc_doc *doc, size_t *count)
{
    struct claim *claims =
        talloc_array(ctx, struct claim, 2 * t->customer_count + 2 * t->dc_count + t->link_count + 3 * t->tunnel_count);
    size_t n = claim_services(claims, t, doc);

    n += claim_networks(claims + n, t, doc);
    for (size_t i = 0; i < t->dc_count; i++)
        claims[n++] = claim(DC, "DC", t->dcs[i].name, t->dcs[i].prefix,
                            vc_doc_mark(doc, (const char *[]){"dcs", t->dcs[i].name, "prefix", NULL}));
    for (size_t i = 0; i < t->link_count; i++)
        claims[n++] = claim_link(t, &t->links[i]);
    for (size_t i = 0; i < t->tunnel_count; i++)
        n += claim_tunnel(claims + n, t, doc, &t->tunnels[i]);
    *count = n;
    return claims;
}

void vc_topology_check_overlaps(struct vc_reader *reader, const struct vc_doc *doc)
{
    size_t count;
    VC_AUTO_TALLOC struct claim *claims = collect(NULL, reader->topology, doc, &count);

    for (size_t i = 1; i < count; i++)
        for (size_t j = 0; j < i; j++) {
            const struct claim *a = &claims[j], *b = &claims[i];

            if (!a->prefix.addr.s_addr || !b->prefix.addr.s_addr || !vc_prefix_overlaps(a->prefix, b->prefix) ||
                apart(a, b) || may_share(a, b))
                continue;
            bool elsewhere = strcmp(a->mark.file, b->mark.file) != 0; /* one of them is in a base */
            vc_problem(reader->problems, b->mark,
                       "found %s of %s%s%s, which overlaps %s of %s%s%s (%s%sline %d); allowed: addresses of its own",
                       vc_prefix_text(b->prefix).s, b->what, *b->name ? " " : "", b->name, vc_prefix_text(a->prefix).s,
                       a->what, *a->name ? " " : "", a->name, elsewhere ? a->mark.file : "", elsewhere ? ", " : "",
                       a->mark.line);
        }
}
