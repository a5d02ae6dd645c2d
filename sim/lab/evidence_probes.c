/*
 * What a person would try: a ping from IPsec address to IPsec address (R27), from tunnel address to tunnel address
 * (R24), the same with the largest packet that may not be fragmented (R42), and from the customer's hosts to the
 * service's. All at once: only a lab in which something does not answer is waited for.
 */
#include <string.h>

#include "lab/evidence.h"
#include "probe/echo.h"

enum { TRIES = 8, GAP_MS = 40, LIMIT_MS = 300, SMALL = 84 };

struct probes {
    const struct vc_lab *lab;
    json_t *told; /* one object for each echo, in their order */
    struct vc_echo *echoes;
    size_t count;
};

static void add(struct probes *p, json_t *what, size_t node, struct vc_echo echo)
{
    if (!p->lab->nodes[node].on) {
        json_decref(what);
        return;
    }
    echo.netns = p->lab->nodes[node].rt.netns;
    p->echoes = talloc_realloc(NULL, p->echoes, struct vc_echo, (unsigned)p->count + 1);
    p->echoes[p->count++] = echo;
    json_array_append_new(p->told, what);
}

static json_t *of_tunnel(const char *kind, const struct vc_tunnel *tunnel)
{
    return json_pack("{s:s, s:s}", "kind", kind, "tunnel", tunnel->name);
}

/* Addresses are those of the order, and for the tunnel's own end what the node has: a ping needs one of its own. */
static void add_tunnel(struct probes *p, const struct vc_tunnel *t)
{
    struct in_addr source = t->ipsec_private.s_addr ? t->ipsec_private : t->ipsec_cpe;
    unsigned mtu = p->lab->plan->topology->settings.gre_mtu;
    const struct vc_plan_node *cpe = p->lab->nodes[t->cpe].rt.plan;

    add(p, of_tunnel("underlay", t), t->cpe, (struct vc_echo){.from = source, .to = t->ipsec_cisco, .ip_bytes = SMALL});
    add(p, of_tunnel("tunnel", t), t->cpe,
        (struct vc_echo){.from = t->address_cpe.addr, .to = t->address_cisco.addr, .ip_bytes = SMALL});
    for (size_t i = 0; i < cpe->gre_count; i++)
        if (!strcmp(p->lab->plan->topology->tunnels[cpe->gres[i].tunnel].name, t->name))
            mtu = cpe->gres[i].mtu;
    add(p, of_tunnel("tunnel-mtu", t), t->cpe,
        (struct vc_echo){.from = t->address_cpe.addr, .to = t->address_cisco.addr, .ip_bytes = mtu, .whole = true});
}

/* From each of a customer's hosts to each host of his data centres. */
static void add_paths(struct probes *p)
{
    const struct vc_topology *t = p->lab->plan->topology;

    for (size_t from = 0; from < t->node_count; from++)
        for (size_t to = 0; to < t->node_count; to++) {
            const struct vc_plan_node *a = &p->lab->plan->nodes[from], *b = &p->lab->plan->nodes[to];
            if (strcmp(a->kind, "host") != 0 || strcmp(b->kind, "host") != 0 || vc_topology_apart(t, from, to))
                continue;
            const struct vc_customer *customer = vc_topology_customer_of(t, from);
            size_t dc = VC_NONE;
            for (size_t d = 0; d < t->dc_count; d++)
                if (vc_prefix_contains(t->dcs[d].prefix, b->ifaces[0].address.addr))
                    dc = d;
            if (dc == VC_NONE || !customer || !vc_prefix_contains(customer->network, a->ifaces[0].address.addr))
                continue;
            add(p,
                json_pack("{s:s, s:s, s:s, s:s}", "kind", "service", "from", a->name, "to", b->name, "dc",
                          t->dcs[dc].name),
                from,
                (struct vc_echo){
                    .from = a->ifaces[0].address.addr, .to = b->ifaces[0].address.addr, .ip_bytes = SMALL});
        }
}

json_t *evidence_probes(const struct vc_lab *lab)
{
    struct probes p = {.lab = lab, .told = json_array()};
    VC_AUTO_ERROR *err = NULL;

    for (size_t i = 0; i < lab->plan->topology->tunnel_count; i++)
        add_tunnel(&p, &lab->plan->topology->tunnels[i]);
    add_paths(&p);
    if (vc_echo_run(p.echoes, p.count, TRIES, GAP_MS, LIMIT_MS, &err)) {
        talloc_free(p.echoes);
        json_decref(p.told);
        return json_array();
    }
    for (size_t i = 0; i < p.count; i++) {
        json_t *told = json_array_get(p.told, i);
        json_object_set_new(told, "bytes", json_integer((json_int_t)p.echoes[i].ip_bytes));
        json_object_set_new(told, "sent", json_integer((json_int_t)p.echoes[i].sent));
        json_object_set_new(told, "received", json_integer((json_int_t)p.echoes[i].received));
        if (p.echoes[i].too_large)
            json_object_set_new(told, "too_large", json_true());
    }
    talloc_free(p.echoes);
    return p.told;
}
