/*
 * Customers: who owns which node. A topology with one customer need not say so. With several, each has its own CPEs,
 * LAN and DC routers, and what they share is the Internet and the headends: so the only way from one to another leads
 * through nodes that know neither's routes.
 */
#include <string.h>

#include "model/read.h"

bool vc_topology_apart(const struct vc_topology *t, size_t node, size_t other)
{
    if (node >= t->node_count || other >= t->node_count)
        return false;
    size_t a = t->nodes[node].customer, b = t->nodes[other].customer;
    return a != VC_NONE && b != VC_NONE && a != b;
}

const struct vc_customer *vc_topology_customer_of(const struct vc_topology *t, size_t node)
{
    size_t customer = t->nodes[node].customer;

    return customer == VC_NONE ? NULL : &t->customers[customer];
}

void vc_topology_settle_customers(struct vc_topology *t, bool several)
{
    if (!several) {
        t->only.name = "";
        t->customers = &t->only;
        t->customer_count = 1;
    }
    for (size_t i = 0; !several && i < t->node_count; i++)
        t->nodes[i].customer = 0;
    for (size_t i = 0; i < t->dc_count; i++) {
        struct vc_dc *dc = &t->dcs[i];
        size_t customer = !several ? 0 : dc->router < t->node_count ? t->nodes[dc->router].customer : VC_NONE;

        if (!dc->service.addr.s_addr && customer != VC_NONE)
            dc->service = t->customers[customer].service;
    }
}

static bool is_headend(const struct vc_topology *t, size_t node)
{
    for (size_t i = 0; i < t->dc_count; i++)
        if (t->dcs[i].headend == node)
            return true;
    return false;
}

static void check_node(struct vc_reader *r, const struct vc_doc *doc, size_t node)
{
    const struct vc_topology *t = r->topology;
    const struct vc_node *n = &t->nodes[node];

    if (n->customer != VC_NONE || !n->kind || !strcmp(n->kind, "isp") || is_headend(t, node) ||
        vc_doc_member(vc_doc_member(vc_doc_member(doc, "nodes"), n->name), "customer"))
        return;
    vc_problem(r->problems, n->mark,
               "found %s without a customer; allowed: a customer for all but the Internet (kind isp) and headends",
               n->name);
}

static const char *customer_name(const struct vc_topology *t, size_t node)
{
    return vc_topology_customer_of(t, node)->name;
}

void vc_topology_check_customers(struct vc_reader *r, const struct vc_doc *doc)
{
    const struct vc_topology *t = r->topology;

    for (size_t i = 0; i < t->node_count; i++)
        check_node(r, doc, i);
    for (size_t i = 0; i < t->link_count; i++) {
        size_t a = t->links[i].end[0].node, b = t->links[i].end[1].node;

        if (vc_topology_apart(t, a, b))
            vc_problem(r->problems, t->links[i].mark,
                       "found a link between %s of customer %s and %s of customer %s; allowed: nodes of one customer, "
                       "or of all",
                       t->nodes[a].name, customer_name(t, a), t->nodes[b].name, customer_name(t, b));
    }
    for (size_t i = 0; i < t->tunnel_count; i++) {
        const struct vc_tunnel *tunnel = &t->tunnels[i];
        size_t router = tunnel->dc < t->dc_count ? t->dcs[tunnel->dc].router : VC_NONE;

        if (vc_topology_apart(t, tunnel->cpe, router))
            vc_problem(r->problems, tunnel->mark,
                       "found a tunnel from %s of customer %s to %s of customer %s; allowed: both of one customer",
                       t->nodes[tunnel->cpe].name, customer_name(t, tunnel->cpe), t->dcs[tunnel->dc].name,
                       customer_name(t, router));
    }
}
