/* A node's context: facts of the topology turned round so that everything is seen from that node. */
#include "plan/context.h"

#include <string.h>

#include "base/secret.h"
#include "plan/configured.h"
#include "plan/key.h"

/* What kernel-libipsec's TUN device (1400, fixed) leaves for the packet in GRE (24 bytes of headers). */
#define LIBIPSEC_GRE_MTU 1376

static json_t *addr_json(struct in_addr addr)
{
    return json_string(vc_addr_text(addr).s);
}

static json_t *prefix_json(struct vc_prefix prefix)
{
    return json_string(vc_prefix_text(prefix).s);
}

unsigned vc_gre_mtu(const struct vc_topology *topology, enum vc_plane plane)
{
    unsigned mtu = topology->settings.gre_mtu;

    return plane == VC_PLANE_USER && mtu > LIBIPSEC_GRE_MTU ? LIBIPSEC_GRE_MTU : mtu;
}

bool vc_link_is_ibgp(const struct vc_topology *topology, const struct vc_link *link)
{
    uint32_t asn = topology->nodes[link->end[0].node].asn;

    return asn && asn == topology->nodes[link->end[1].node].asn && !vc_configured_without_ibgp(topology, link);
}

enum vc_role vc_tunnel_role(const struct vc_topology *topology, const struct vc_tunnel *tunnel, size_t node)
{
    const struct vc_dc *dc = &topology->dcs[tunnel->dc];

    return node == tunnel->cpe   ? VC_ROLE_CPE
           : node == dc->headend ? VC_ROLE_HEADEND
           : node == dc->router  ? VC_ROLE_ROUTER
                                 : VC_ROLE_NONE;
}

size_t vc_link_between(const struct vc_topology *topology, size_t node, size_t peer, unsigned *end)
{
    for (size_t i = 0; i < topology->link_count; i++)
        for (*end = 0; *end < 2; ++*end)
            if (topology->links[i].end[*end].node == node && topology->links[i].end[!*end].node == peer)
                return i;
    return VC_NONE;
}

/* The node's end of a link: {"ifname", "via"}, where via is the other end's address. */
static json_t *next_hop(const struct vc_link *link, unsigned end)
{
    return json_pack("{s:s, s:o}", "ifname", link->name, "via", addr_json(link->end[!end].address.addr));
}

static json_t *next_hop_to(const struct vc_topology *topology, size_t node, size_t peer)
{
    unsigned end;
    size_t link = vc_link_between(topology, node, peer, &end);

    return link == VC_NONE ? json_null() : next_hop(&topology->links[link], end);
}

/* Where the node's IPsec address lives: the way to the other IPsec endpoint. Else the first link. */
static json_t *next_hop_of_address(const struct vc_topology *topology, size_t node, struct in_addr address)
{
    json_t *first = NULL;

    for (size_t i = 0; i < topology->link_count; i++)
        for (unsigned end = 0; end < 2; end++) {
            const struct vc_link *link = &topology->links[i];

            if (link->end[end].node != node)
                continue;
            if (link->end[end].address.addr.s_addr == address.s_addr) {
                json_decref(first);
                return next_hop(link, end);
            }
            if (!first)
                first = next_hop(link, end);
        }
    return first ? first : json_null();
}

static json_t *interface_json(const struct vc_topology *topology, const struct vc_link *link, unsigned end)
{
    const struct vc_link_end *own = &link->end[end], *peer = &link->end[!end];
    const struct vc_node *peer_node = &topology->nodes[peer->node];

    const struct vc_customer *customer = vc_topology_customer_of(topology, own->node);

    return json_pack("{s:s, s:o, s:o, s:o, s:b, s:{s:s, s:s, s:o}}", "ifname", link->name, "address",
                     prefix_json(own->address), "ip", addr_json(own->address.addr), "prefix",
                     prefix_json(vc_prefix_network(own->address)), "customer",
                     customer && vc_prefix_covers(customer->network, own->address), "peer", "node", peer_node->name,
                     "kind", peer_node->kind, "address", addr_json(peer->address.addr));
}

/* Routers of two ASes at a link's ends peer over it, too. The tunnels' sessions are over no link. */
static bool is_ebgp(const struct vc_topology *topology, const struct vc_link *link)
{
    uint32_t here = topology->nodes[link->end[0].node].asn, there = topology->nodes[link->end[1].node].asn;

    return here && there && here != there;
}

static json_t *neighbor_json(const struct vc_topology *topology, const struct vc_link *link, unsigned end)
{
    const struct vc_node *peer = &topology->nodes[link->end[!end].node];

    return json_pack("{s:s, s:s, s:o, s:o, s:I, s:b}", "node", peer->name, "ifname", link->name, "local",
                     addr_json(link->end[end].address.addr), "address", addr_json(link->end[!end].address.addr),
                     "remote_asn", (json_int_t)peer->asn, "cpe", vc_topology_is_cpe(topology, link->end[!end].node));
}

/* "interfaces", "to" (the same by the neighbour's kind), "ibgp" and "ebgp". */
static void add_interfaces(json_t *context, const struct vc_topology *topology, size_t node)
{
    json_t *all = json_array(), *by_kind = json_object(), *ibgp = json_array(), *ebgp = json_array();

    for (size_t i = 0; i < topology->link_count; i++)
        for (unsigned end = 0; end < 2; end++) {
            const struct vc_link *link = &topology->links[i];
            const struct vc_node *peer = &topology->nodes[link->end[!end].node];

            if (link->end[end].node != node)
                continue;
            json_t *interface = interface_json(topology, link, end);
            json_array_append_new(all, interface);
            if (!json_object_get(by_kind, peer->kind))
                json_object_set_new(by_kind, peer->kind, json_array());
            json_array_append(json_object_get(by_kind, peer->kind), interface);
            if (vc_link_is_ibgp(topology, link))
                json_array_append_new(ibgp, neighbor_json(topology, link, end));
            if (is_ebgp(topology, link))
                json_array_append_new(ebgp, neighbor_json(topology, link, end));
        }
    json_object_set_new(context, "interfaces", all);
    json_object_set_new(context, "to", by_kind);
    json_object_set_new(context, "ibgp", ibgp);
    json_object_set_new(context, "ebgp", ebgp);
}

static json_t *tunnel_json(const struct vc_topology *topology, const struct vc_tunnel *t, size_t node, uint64_t seed)
{
    const struct vc_dc *dc = &topology->dcs[t->dc];
    enum vc_role role = vc_tunnel_role(topology, t, node);
    bool cpe = role == VC_ROLE_CPE;
    /* Where IKE leaves the node: the address that the other end knows it by, unless a NAT puts that on. */
    struct in_addr source = !cpe ? t->ipsec_cisco : t->ipsec_private.s_addr ? t->ipsec_private : t->ipsec_cpe;
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    size_t index = (size_t)(t - topology->tunnels);
    const struct vc_own_tunnel own = vc_configured_tunnel(topology, node, index);
    const char *psk = own.psk ? vc_key_meant(scratch, topology, own.psk, seed)
                              : vc_key_of(scratch, topology, index, VC_KEY_PSK, seed);
    const char *password = own.bgp_password ? vc_key_meant(scratch, topology, own.bgp_password, seed)
                                            : vc_key_of(scratch, topology, index, VC_KEY_BGP, seed);

    return json_pack(
        "{s:s, s:o, s:s, s:{s:b, s:b, s:b}, s:{s:o, s:o, s:o}, s:{s:o, s:o}, s:{s:o, s:o}, s:s, s:o, s:I, s:I, "
        "s:o, s:o, s:o, s:o}",
        "name", t->name, "ifname", json_sprintf("gre-%s", t->name), "dc", dc->name,               /* */
        "role", "cpe", cpe, "headend", role == VC_ROLE_HEADEND, "router", role == VC_ROLE_ROUTER, /* */
        "ipsec", "local", addr_json(cpe ? t->ipsec_cpe : t->ipsec_cisco), "remote",
        addr_json(cpe ? t->ipsec_cisco : t->ipsec_cpe), "source", addr_json(source), /* */
        "transport", "local", addr_json(cpe ? t->transport_cpe : t->transport_cisco), "remote",
        addr_json(cpe ? t->transport_cisco : t->transport_cpe),                                 /* */
        "address", "local", addr_json(own.address.addr), "remote", addr_json(own.peer_address), /* */
        "psk", psk, "bgp_password", *password ? json_string(password) : json_false(), "local_asn",
        (json_int_t)topology->nodes[node].asn, "remote_asn", (json_int_t)topology->nodes[cpe ? dc->router : t->cpe].asn,
        "dc_prefix", prefix_json(dc->prefix), "service", prefix_json(dc->service), "underlay",
        role == VC_ROLE_ROUTER ? next_hop_to(topology, node, dc->headend) : next_hop_of_address(topology, node, source),
        "core", role == VC_ROLE_HEADEND ? next_hop_to(topology, node, dc->router) : json_null());
}

/* `own_mss`: the node is configured to clamp to that, however little of it fits (R42). */
static json_t *settings_json(const struct vc_settings *s, unsigned mtu, bool own_mss)
{
    unsigned mss = s->mss > mtu - 40 && !own_mss ? mtu - 40 : s->mss;
    /* A probe after dpd_delay of silence, repeated every second: dead just before dpd_delay × dpd_retries. A lost first
     * message of a new SA is repeated as fast, which a retransmission time of dpd_delay would not do. */
    unsigned delay_s = s->dpd_delay_s ? s->dpd_delay_s : 10; /* never asked: retransmissions as by default */
    int retransmits = (int)(delay_s * (s->dpd_retries > 1 ? s->dpd_retries - 1 : 1)) - 2;

    return json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:o}", "ike_proposal", s->ike_proposal,
                     "esp_proposal", s->esp_proposal, "ike_rekey_s", (int)(s->ike_lifetime_s - s->ike_lifetime_s / 10),
                     "ike_over_s", (int)(s->ike_lifetime_s / 10), "child_lifetime_s", (int)s->child_lifetime_s,
                     "child_rekey_s", (int)(s->child_lifetime_s - s->child_lifetime_s / 10), "dpd_delay_s",
                     (int)s->dpd_delay_s, "retransmits", retransmits > 1 ? retransmits : 1, "replay_window",
                     (int)s->replay_window, "gre_mtu", (int)mtu, "mss", mss ? json_integer(mss) : json_false());
}

static void add_tunnels(json_t *context, const struct vc_topology *topology, const struct vc_plan_options *options,
                        size_t node)
{
    json_t *tunnels = json_array(), *router_id = NULL;

    for (size_t i = 0; i < topology->tunnel_count; i++) {
        const struct vc_tunnel *t = &topology->tunnels[i];
        enum vc_role role = vc_tunnel_role(topology, t, node);

        if (role == VC_ROLE_NONE)
            continue;
        json_t *tunnel = tunnel_json(topology, t, node, options->seed);
        vc_configured_context(topology, node, i, options->timers, tunnel);
        if (vc_configured_apart(topology, node, i)) { /* hides the node's inside this tunnel's section */
            struct vc_settings own = vc_configured_settings(topology, node, i);
            json_object_set_new(
                tunnel, "settings",
                settings_json(&own, vc_gre_mtu(topology, options->plane), vc_configured(topology, node, i, "mss")));
        }
        json_array_append_new(tunnels, tunnel);
        if (!router_id && role != VC_ROLE_HEADEND)
            router_id = addr_json(role == VC_ROLE_CPE ? t->transport_cpe : t->transport_cisco);
    }
    json_object_set_new(context, "tunnels", tunnels);
    if (!router_id)
        router_id = json_incref(json_object_get(json_array_get(json_object_get(context, "interfaces"), 0), "ip"));
    json_object_set_new(context, "router_id", router_id ? router_id : json_null());
}

static json_t *timers_json(const struct vc_timers *t)
{
    json_t *bfd = t->bfd_interval_ms
                      ? json_pack("{s:i, s:i}", "interval_ms", t->bfd_interval_ms, "multiplier", t->bfd_multiplier)
                      : json_false();
    json_t *gre = t->gre_keepalive_s
                      ? json_pack("{s:i, s:i}", "keepalive_s", t->gre_keepalive_s, "retries", t->gre_retries)
                      : json_false();

    return json_pack("{s:s, s:{s:i, s:i}, s:o, s:o}", "name", t->name, "bgp", "keepalive_s", t->bgp_keepalive_s,
                     "hold_s", t->bgp_hold_s, "bfd", bfd, "gre", gre);
}

/* The data centre that the node belongs to, or NULL. A headend that customers share belongs to none of theirs. */
static const struct vc_dc *dc_of(const struct vc_topology *topology, size_t node)
{
    const struct vc_dc *found = NULL;

    for (size_t i = 0; i < topology->dc_count; i++)
        if (topology->dcs[i].headend == node || topology->dcs[i].router == node) {
            if (found)
                return NULL;
            found = &topology->dcs[i];
        }
    return found;
}

/* The shared /24 that the node has to do with: its DC's, that of the first tunnel it ends, its customer's; NULL: none.
 */
static const struct vc_prefix *service_of(const struct vc_topology *topology, size_t node)
{
    const struct vc_dc *dc = dc_of(topology, node);
    const struct vc_customer *customer = vc_topology_customer_of(topology, node);

    for (size_t i = 0; i < topology->tunnel_count && !dc; i++)
        if (topology->tunnels[i].cpe == node)
            dc = &topology->dcs[topology->tunnels[i].dc];
    return dc ? &dc->service : customer ? &customer->service : NULL;
}

/* "dc", "service" and "customer": null where there is none. */
static void add_owner(json_t *context, const struct vc_topology *topology, size_t node)
{
    const struct vc_dc *dc = dc_of(topology, node);
    const struct vc_prefix *service = service_of(topology, node);
    const struct vc_customer *customer = vc_topology_customer_of(topology, node);

    json_object_set_new(
        context, "dc", dc ? json_pack("{s:s, s:o}", "name", dc->name, "prefix", prefix_json(dc->prefix)) : json_null());
    json_object_set_new(context, "service", service ? prefix_json(*service) : json_null());
    json_object_set_new(context, "customer", customer ? prefix_json(customer->network) : json_null());
}

json_t *vc_context(const struct vc_topology *topology, const struct vc_plan_options *options, size_t node)
{
    const struct vc_node *n = &topology->nodes[node];
    const struct vc_settings settings = vc_configured_settings(topology, node, VC_NONE);
    json_t *context = json_pack(
        "{s:s, s:s, s:I, s:{s:b, s:b}, s:o, s:o}", "name", n->name, "kind", n->kind, "asn", (json_int_t)n->asn, "plane",
        "user", options->plane == VC_PLANE_USER, "kernel", options->plane == VC_PLANE_KERNEL, "settings",
        settings_json(&settings, vc_gre_mtu(topology, options->plane), vc_configured(topology, node, VC_NONE, "mss")),
        "timers", timers_json(options->timers));

    if (!context)
        abort(); /* json_pack refused its format: a bug here */
    add_owner(context, topology, node);
    add_interfaces(context, topology, node);
    add_tunnels(context, topology, options, node);
    vc_configured_guards(topology, node, context);
    vc_configured_redistribution(topology, node, context);
    return context;
}
