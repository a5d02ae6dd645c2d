/* The plan: what follows from the topology alone is computed here (interfaces, addresses, GRE ends); what a kind
 * decides comes from node.c. */
#include "plan/plan.h"

#include <string.h>

#include "base/secret.h"
#include "plan/configured.h"
#include "plan/libreswan.h"
#include "plan/node.h"
#include "plan/own_files.h"

enum { LINK_MTU = 1500 };

/* Each direction of each wire has its own chances. */
static uint64_t wire_seed(const char *ifname, const char *node, uint64_t seed)
{
    VC_AUTO_TALLOC char *name = talloc_asprintf(NULL, "%s at %s", ifname, node);

    return vc_derived_seed("wire", name, seed);
}

static void plan_interfaces(void *ctx, const struct vc_topology *topology, const struct vc_plan_options *options,
                            size_t index, struct vc_plan_node *node)
{
    node->ifaces = talloc_zero_array(ctx, struct vc_plan_iface, topology->link_count);
    for (size_t i = 0; i < topology->link_count; i++)
        for (unsigned end = 0; end < 2; end++) {
            const struct vc_link *link = &topology->links[i];

            if (link->end[end].node != index)
                continue;
            node->ifaces[node->iface_count++] = (struct vc_plan_iface){
                .ifname = link->name,
                .link = i,
                .end = end,
                .mac = {0x02, 'v', 'c', (uint8_t)(i >> 8), (uint8_t)i, (uint8_t)end}, /* 02: locally administered */
                .address = link->end[end].address,
                .mtu = LINK_MTU,
                .wire = link->wire,
                .wire_seed = wire_seed(link->name, node->name, options->seed),
            };
        }
}

/* Libreswan takes no address that two interfaces have. In the user plane a GRE endpoint opens before there are any but
 * lo's, so there lo has it all the same. */
static bool on_interface(const struct vc_plan_node *node, struct in_addr address, enum vc_plane plane)
{
    for (size_t i = 0; plane == VC_PLANE_KERNEL && i < node->iface_count; i++)
        if (node->ifaces[i].address.addr.s_addr == address.s_addr)
            return true;
    return false;
}

static void plan_gre(void *ctx, const struct vc_topology *topology, const struct vc_plan_options *options, size_t index,
                     struct vc_plan_node *node)
{
    const struct vc_timers *timers = options->timers;

    node->gres = talloc_zero_array(ctx, struct vc_plan_gre, topology->tunnel_count);
    node->loopbacks = talloc_zero_array(ctx, struct in_addr, topology->tunnel_count);
    for (size_t i = 0; i < topology->tunnel_count; i++) {
        const struct vc_tunnel *t = &topology->tunnels[i];
        enum vc_role role = vc_tunnel_role(topology, t, index);
        const struct vc_own_tunnel own = vc_configured_tunnel(topology, index, i);
        unsigned keepalive_s = own.sends_no_keepalives || own.shut ? 0
                               : own.own_keepalives                ? own.keepalive_s
                                                                   : timers->gre_keepalive_s;
        size_t l = 0;

        if (role != VC_ROLE_CPE && role != VC_ROLE_ROUTER)
            continue;
        struct vc_plan_gre *gre = &node->gres[node->gre_count++];
        *gre = (struct vc_plan_gre){
            .ifname = talloc_asprintf(ctx, "gre-%s", t->name),
            .tunnel = i,
            .local = own.local,
            .remote = own.remote,
            .address = own.address,
            .peer_address = own.peer_address,
            .mtu = own.mtu ? own.mtu : vc_gre_mtu(topology, options->plane),
            .keepalive_s = keepalive_s,
            .retries = !keepalive_s         ? 0
                       : own.own_keepalives ? own.retries
                                            : timers->gre_retries,
            .ignores_keepalives = own.ignores_keepalives || own.shut,
            .shut = own.shut,
            .wire = {.rate_mbit = topology->settings.rate_mbit},
        };
        gre->wire_seed = wire_seed(gre->ifname, node->name, options->seed);
        while (l < node->loopback_count && node->loopbacks[l].s_addr != gre->local.s_addr)
            l++;
        if (l == node->loopback_count && !on_interface(node, gre->local, options->plane))
            node->loopbacks[node->loopback_count++] = gre->local;
    }
}

/* Kinds are read once each. `kinds` has a slot for every node. */
static const struct vc_kind *find_kind(void *ctx, struct vc_kind **kinds, const char *dir, const char *name,
                                       vc_error **err)
{
    size_t i = 0;

    while (kinds[i] && strcmp(kinds[i]->name, name) != 0)
        i++;
    if (!kinds[i])
        kinds[i] = vc_kind_load(ctx, dir, name, err);
    return kinds[i];
}

/* Of a daemon that needs things said in its own words. */
static int say_in_its_words(const struct vc_kind *kind, json_t *view, vc_error **err)
{
    for (size_t i = 0; i < kind->daemon_count; i++)
        if (!strcmp(kind->daemons[i].name, "pluto"))
            return vc_libreswan_context(view, err);
    return 0;
}

struct vc_plan *vc_plan_make(void *ctx, const struct vc_topology *topology, const struct vc_plan_options *options,
                             vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_kind **kinds = talloc_zero_array(scratch, struct vc_kind *, topology->node_count + 1);
    struct vc_plan *plan = talloc_zero(scratch, struct vc_plan);

    *plan = (struct vc_plan){.topology = topology,
                             .options = *options,
                             .nodes = talloc_zero_array(plan, struct vc_plan_node, topology->node_count),
                             .node_count = topology->node_count};
    plan->options.kinds_dir = talloc_strdup(plan, options->kinds_dir);
    for (size_t i = 0; i < topology->node_count; i++) {
        struct vc_plan_node *node = &plan->nodes[i];
        VC_AUTO_JSON *view = vc_context(topology, options, i);
        const struct vc_kind *kind = find_kind(scratch, kinds, options->kinds_dir, topology->nodes[i].kind, err);

        *node = (struct vc_plan_node){.name = topology->nodes[i].name, .kind = topology->nodes[i].kind};
        plan_interfaces(plan, topology, options, i, node);
        plan_gre(plan, topology, options, i, node);
        if (!kind || say_in_its_words(kind, view, err) ||
            vc_node_render(plan, node, kind, view, options->plane, err) < 0 ||
            vc_own_files_use(plan, topology, i, options->seed, node, err) < 0) {
            vc_wrap(err, "node %s", node->name);
            return NULL;
        }
    }
    return talloc_steal(ctx, plan);
}
