/* What an engineer has on paper: the order's form, and the customer's own design (who peers with whom, where the LAN
 * is). Nothing of it is what a node was told otherwise. */
#include <string.h>

#include "lab/evidence.h"
#include "plan/key.h"

static const char *node_name(const struct vc_lab *lab, size_t node)
{
    return lab->plan->topology->nodes[node].name;
}

const char *evidence_psk(void *ctx, const struct vc_lab *lab, size_t tunnel)
{
    return vc_key_of(ctx, lab->plan->topology, tunnel, VC_KEY_PSK, lab->plan->options.seed);
}

const char *evidence_password(void *ctx, const struct vc_lab *lab, size_t tunnel)
{
    return vc_key_of(ctx, lab->plan->topology, tunnel, VC_KEY_BGP, lab->plan->options.seed);
}

const char *evidence_secret(const char *configured, const char *ordered)
{
    if (!configured || !*configured)
        return *ordered ? "none" : "as ordered";
    return strcmp(configured, ordered) ? "another" : "as ordered";
}

static json_t *addr(struct in_addr address)
{
    return json_string(vc_addr_text(address).s);
}

static json_t *tunnel_order(const struct vc_lab *lab, size_t index)
{
    const struct vc_topology *topology = lab->plan->topology;
    const struct vc_tunnel *t = &topology->tunnels[index];
    const struct vc_dc *dc = &topology->dcs[t->dc];
    struct in_addr source = t->ipsec_private.s_addr ? t->ipsec_private : t->ipsec_cpe;
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:{s:o, s:o, s:o}, s:{s:o, s:o}, s:{s:s, s:s}, s:{s:I, s:I}, "
                     "s:[s, s], s:b}",
                     "name", t->name, "dc", dc->name, "cpe", node_name(lab, t->cpe), "headend",
                     node_name(lab, dc->headend), "router", node_name(lab, dc->router), "ifname",
                     json_sprintf("gre-%s", t->name), "ipsec", "cpe", addr(t->ipsec_cpe), "source", addr(source),
                     "cisco", addr(t->ipsec_cisco), "transport", "cpe", addr(t->transport_cpe), "cisco",
                     addr(t->transport_cisco), "address", "cpe", vc_prefix_text(t->address_cpe).s, "cisco",
                     vc_prefix_text(t->address_cisco).s, "asn", "cpe", (json_int_t)topology->nodes[t->cpe].asn, "cisco",
                     (json_int_t)topology->nodes[dc->router].asn, "from_cisco", vc_prefix_text(dc->service).s,
                     vc_prefix_text(dc->prefix).s, "bgp_password", *evidence_password(scratch, lab, index) != 0);
}

/* Two BGP speakers of one AS at a link's ends: each is to have the other as a neighbour. */
static void add_ibgp(const struct vc_lab *lab, const struct vc_link *link, json_t *list)
{
    const struct vc_topology *topology = lab->plan->topology;
    const struct vc_node *ends[] = {&topology->nodes[link->end[0].node], &topology->nodes[link->end[1].node]};

    if (!ends[0]->asn || ends[0]->asn != ends[1]->asn)
        return;
    for (unsigned end = 0; end < 2; end++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "node", ends[end]->name, "peer", ends[!end]->name,
                                              "link", link->name, "neighbor", addr(link->end[!end].address.addr)));
}

static json_t *links_order(const struct vc_lab *lab)
{
    const struct vc_topology *topology = lab->plan->topology;
    json_t *list = json_array();

    for (size_t i = 0; i < topology->link_count; i++) {
        const struct vc_link *link = &topology->links[i];
        const struct vc_node *a = &topology->nodes[link->end[0].node], *b = &topology->nodes[link->end[1].node];
        const struct vc_customer *customer = vc_topology_customer_of(topology, link->end[0].node);

        json_array_append_new(list, json_pack("{s:s, s:[s, s], s:[s, s], s:b}", "name", link->name, "nodes", a->name,
                                              b->name, "kinds", a->kind, b->kind, "customer",
                                              customer && vc_prefix_covers(customer->network, link->end[0].address)));
    }
    return list;
}

json_t *evidence_order(const struct vc_lab *lab)
{
    const struct vc_topology *topology = lab->plan->topology;
    const struct vc_settings *s = &topology->settings;
    const struct vc_timers *t = lab->plan->options.timers;
    json_t *tunnels = json_array(), *ibgp = json_array();

    for (size_t i = 0; i < topology->tunnel_count; i++)
        json_array_append_new(tunnels, tunnel_order(lab, i));
    for (size_t i = 0; i < topology->link_count; i++)
        add_ibgp(lab, &topology->links[i], ibgp);
    return json_pack("{s:o, s:o, s:o, s:{s:s, s:s, s:i, s:i, s:i, s:i, s:i}, s:{s:i, s:i, s:i}}", "tunnels", tunnels,
                     "ibgp", ibgp, "links", links_order(lab), "settings", "ike", s->ike_proposal, "esp",
                     s->esp_proposal, "child_lifetime_s", (int)s->child_lifetime_s, "replay_window",
                     (int)s->replay_window, "mtu", (int)s->gre_mtu, "mss", (int)s->mss, "rate_mbit", (int)s->rate_mbit,
                     "timers", "bgp_hold_s", (int)t->bgp_hold_s, "bfd_ms", (int)t->bfd_interval_ms, "keepalive_s",
                     (int)t->gre_keepalive_s);
}
