/*
 * Bring-up: nodes first (file systems and namespaces), then all links in one netlink batch, then each node's addresses,
 * rules and routes, its GRE endpoints, and last its daemons, whose readiness arrives as events. zebra starts only when
 * every interface and address exists (findings.md §2).
 */
#include "lab/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lab/private.h"
#include "lab/sandbox.h"
#include "lab/zygote.h"
#include "net/netns.h"

#define LABROOT_MOUNT VC_SANDBOX_DIR "/.labroot"
/* Decrypted bursts wait here for the GRE endpoint, as measured at 250 Mbit/s (findings.md §1). */
#define TUN_QUEUE 5000

static int lab_destroy(struct vc_lab *lab)
{
    for (size_t i = 0; i < lab->plan->node_count; i++) {
        struct lab_node *node = &lab->nodes[i];
        lab_daemons_kill(node);
        lab_gres_kill(node);
        if (node->limbo >= 0)
            close(node->limbo);
        vc_node_destroy(&node->rt);
    }
    return 0;
}

/* The lab root may lie below VC_SANDBOX_DIR on the host, which the sandbox's tmpfs now covers: it is mounted again from
 * its descriptor. */
static int mount_labroot(struct vc_lab *lab, vc_error **err)
{
    VC_AUTO_FREE char *from = NULL;

    if (asprintf(&from, "/proc/self/fd/%d", lab->options.labroot) < 0)
        abort();
    if (mkdir(LABROOT_MOUNT, 0755) || mount(from, LABROOT_MOUNT, NULL, MS_BIND, NULL))
        return vc_fail(err, VC_EXIT_HOST, errno, "mounting the lab root");
    return 0;
}

struct vc_lab *vc_lab_new(void *ctx, sd_event *loop, struct vc_events *events, const struct vc_plan *plan,
                          const struct vc_lab_options *options, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_lab *lab = talloc_zero(ctx, struct vc_lab);

    *lab = (struct vc_lab){.loop = loop,
                           .events = events,
                           .plan = plan,
                           .options = *options,
                           .store = {.labroot = LABROOT_MOUNT, .logs = options->logs}};
    lab->nodes = talloc_zero_array(lab, struct lab_node, plan->node_count);
    for (size_t i = 0; i < plan->node_count; i++) {
        struct lab_node *node = &lab->nodes[i];
        *node = (struct lab_node){
            .index = i, .limbo = -1, .rt = {.plan = &plan->nodes[i], .netns = -1, .mntns = -1, .utsns = -1}};
        lab_daemons_init(node, lab);
        lab_gres_init(node, lab);
        lab_wires_init(node, lab);
    }
    talloc_set_destructor(lab, lab_destroy);
    lab->reaper = vc_reaper_new(lab, loop, err);
    if (!lab->reaper || mount_labroot(lab, err))
        return NULL;
    lab->zygotes = lab_zygotes_new(lab);
    if (options->watch)
        vc_events_subscribe(events, lab_stir_by_event, lab);
    if (options->watch && options->links.ns3)
        vc_events_subscribe(events, lab_ns3_by_event, lab);
    return VC_STEAL_PTR(lab);
}

static int create_nodes(struct vc_lab *lab, vc_error **err)
{
    for (size_t i = 0; i < lab->plan->node_count; i++)
        if (vc_node_create(lab, &lab->nodes[i].rt, &lab->plan->nodes[i], &lab->store, err))
            return -1;
    return 0;
}

const struct vc_plan_iface *lab_iface_of(const struct vc_lab *lab, size_t link, unsigned end)
{
    const struct vc_plan_node *node = &lab->plan->nodes[lab->plan->topology->links[link].end[end].node];

    for (size_t i = 0; i < node->iface_count; i++)
        if (node->ifaces[i].link == link && node->ifaces[i].end == end)
            return &node->ifaces[i];
    abort(); /* the plan gives every link end an interface */
}

static int create_links(struct vc_lab *lab, vc_error **err)
{
    VC_AUTO_FD here = vc_netns_current(err);
    VC_AUTO_TALLOC struct vc_rtnl *rtnl = here < 0 ? NULL : vc_rtnl_open(NULL, here, err);

    if (!rtnl)
        return -1;
    for (size_t i = 0; i < lab->plan->topology->link_count; i++) {
        const struct vc_link *link = &lab->plan->topology->links[i];
        struct vc_rtnl_veth veth = {.name = {link->name, link->name}};
        if (lab_ns3_carries(lab, i))
            continue;
        for (unsigned end = 0; end < 2; end++) {
            const struct vc_plan_iface *iface = lab_iface_of(lab, i, end);
            veth.netns[end] = lab->nodes[link->end[end].node].rt.netns;
            memcpy(veth.mac[end], iface->mac, sizeof iface->mac);
            veth.mtu = iface->mtu;
        }
        vc_rtnl_veth(rtnl, &veth);
    }
    return vc_rtnl_commit(rtnl, err) ? -1 : lab_ns3_start(lab, err);
}

static void add_route(struct vc_rtnl *rtnl, const struct vc_plan_route *route, bool replace)
{
    struct vc_rtnl_route request = {.prefix = route->prefix,
                                    .blackhole = route->blackhole,
                                    .via = route->via,
                                    .ifname = route->ifname,
                                    .table = route->table,
                                    .metric = route->metric,
                                    .replace = replace};

    vc_rtnl_route(rtnl, &request, true);
}

static int configure_firewall(struct lab_node *node, vc_error **err)
{
    if (!node->rt.plan->firewall)
        return 0;
    /* Not kept: a context holds about half a megabyte, and most nodes never need theirs again. */
    VC_AUTO_TALLOC struct vc_nft *nft = vc_nft_open(NULL, node->rt.netns, err);
    return nft ? vc_nft_run(nft, node->rt.plan->firewall, err) : -1;
}

/* Addresses, rules and routes of a node whose links are in place. */
static int configure(struct lab_node *node, vc_error **err)
{
    const struct vc_plan_node *plan = node->rt.plan;

    if (vc_netns_sysctl(node->rt.netns, plan->sysctls, err))
        return -1;
    if (configure_firewall(node, err))
        return -1;
    for (size_t i = 0; i < plan->iface_count; i++) {
        vc_rtnl_address(node->rtnl, plan->ifaces[i].ifname, plan->ifaces[i].address);
        vc_rtnl_up(node->rtnl, plan->ifaces[i].ifname, true);
    }
    for (size_t i = 0; i < plan->route_count; i++)
        add_route(node->rtnl, &plan->routes[i], false);
    for (size_t i = 0; i < plan->gre_count; i++) {
        const struct vc_plan_gre *gre = &plan->gres[i];
        vc_rtnl_address(node->rtnl, gre->ifname, gre->address);
        vc_rtnl_txqueue(node->rtnl, gre->ifname, TUN_QUEUE);
        vc_rtnl_up(node->rtnl, gre->ifname, !gre->shut);
    }
    return vc_rtnl_commit(node->rtnl, err);
}

/*
 * lo with the transports, then the GRE endpoints. In this order: in a namespace without any address a raw socket bound
 * to a transport would not keep it as its source (the kernel takes every address for a broadcast until the local table
 * exists).
 */
static int create_gres(struct vc_lab *lab, struct lab_node *node, vc_error **err)
{
    const struct vc_plan_node *plan = node->rt.plan;

    node->rtnl = vc_rtnl_open(node->gres, node->rt.netns, err);
    if (!node->rtnl)
        return -1;
    vc_rtnl_up(node->rtnl, "lo", true);
    for (size_t i = 0; i < plan->loopback_count; i++)
        vc_rtnl_address(node->rtnl, "lo", (struct vc_prefix){plan->loopbacks[i], 32});
    for (size_t i = 0; lab->plan->options.plane == VC_PLANE_KERNEL && i < plan->gre_count; i++)
        vc_rtnl_gre(node->rtnl, plan->gres[i].ifname, plan->gres[i].local, plan->gres[i].remote, plan->gres[i].mtu, 64);
    return vc_rtnl_commit(node->rtnl, err) ? -1 : lab_gres_start(node, err);
}

static int configure_node(struct vc_lab *lab, struct lab_node *node, vc_error **err)
{
    if (lab_gres_wait_open(node, err) || configure(node, err) || lab_wires_apply(lab, node, err) ||
        lab_ns3_node(lab, node, true, err))
        return vc_wrap(err, "node %s", node->rt.plan->name);
    node->on = true;
    return 0;
}

/* Observers and daemons of a node that is configured. */
static int launch_node(struct vc_lab *lab, struct lab_node *node, vc_error **err)
{
    if (lab->options.node_changed && lab->options.node_changed(lab->options.node_arg, node->index, true, err))
        return -1;
    if (lab->options.watch) {
        node->watch =
            vc_watch_start(node->gres, lab->loop, lab->events, node->rt.plan->name, node->rt.netns, NULL, NULL, err);
        if (!node->watch)
            return -1;
    }
    return lab_daemons_start(node, err);
}

int lab_node_start(struct vc_lab *lab, struct lab_node *node, vc_error **err)
{
    return create_gres(lab, node, err) || configure_node(lab, node, err) || launch_node(lab, node, err) ? -1 : 0;
}

int vc_lab_start(struct vc_lab *lab, vc_lab_ready_fn *ready, void *arg, vc_error **err)
{
    lab->ready = ready;
    lab->ready_arg = arg;
    lab_zygotes_start(lab->zygotes);
    if (create_nodes(lab, err) || create_links(lab, err))
        return -1;
    for (size_t i = 0; i < lab->plan->node_count; i++)
        if (create_gres(lab, &lab->nodes[i], err))
            return -1;
    for (size_t i = 0; i < lab->plan->node_count; i++)
        if (configure_node(lab, &lab->nodes[i], err))
            return -1;
    /* Only now may anything send: a neighbour asked for before it is there is asked for again a second later. */
    lab->launching = true;
    for (size_t i = 0; i < lab->plan->node_count; i++)
        if (launch_node(lab, &lab->nodes[i], err))
            return -1;
    lab->launching = false;
    lab_daemons_advance(lab);
    lab_progress(lab);
    return 0;
}

static bool all_ready(const struct vc_lab *lab)
{
    for (size_t i = 0; i < lab->plan->node_count; i++)
        if (!vc_lab_node_ready(lab, i))
            return false;
    return true;
}

void lab_progress(struct vc_lab *lab)
{
    if (lab->launching)
        return;
    lab_gres_release(lab);
    if (!lab->ready || !all_ready(lab))
        return;
    vc_lab_ready_fn *ready = lab->ready;
    lab->ready = NULL;
    malloc_trim(0); /* what bring-up needed and a running lab does not */
    ready(lab->ready_arg, NULL);
}

void lab_failed(struct vc_lab *lab, vc_error *err)
{
    vc_lab_ready_fn *ready = lab->ready;

    if (ready) {
        lab->ready = NULL;
        ready(lab->ready_arg, err);
    } else {
        vc_event(lab->events, VC_LAYER_CHECK, NULL, "error", -1, "{s:s}", "text", err->message);
    }
}

const char *lab_tunnel_of(const struct vc_lab *lab, size_t node, const char *neighbor)
{
    const struct vc_plan_node *plan = &lab->plan->nodes[node];

    for (size_t i = 0; i < plan->gre_count; i++)
        if (!strcmp(vc_addr_text(plan->gres[i].peer_address).s, neighbor))
            return lab->plan->topology->tunnels[plan->gres[i].tunnel].name;
    return NULL;
}

/* A shut interface loses its routes in the kernel; a router's static routes come back with the port, so ours do. */
static bool route_uses(const struct vc_plan_route *route, const struct vc_plan_iface *iface)
{
    if (route->blackhole)
        return false;
    return route->ifname ? !strcmp(route->ifname, iface->ifname) : vc_prefix_contains(iface->address, route->via);
}

int vc_lab_link_set(struct vc_lab *lab, size_t link, unsigned end, bool up, vc_error **err)
{
    struct lab_node *node = &lab->nodes[lab->plan->topology->links[link].end[end].node];
    const struct vc_plan_iface *iface = lab_iface_of(lab, link, end);

    if (!node->on)
        return 0; /* power-on brings it up */
    if (!up && lab_ns3_end(lab, link, end, false, err))
        return -1;
    vc_rtnl_up(node->rtnl, iface->ifname, up);
    for (size_t i = 0; up && i < node->rt.plan->route_count; i++)
        if (route_uses(&node->rt.plan->routes[i], iface))
            add_route(node->rtnl, &node->rt.plan->routes[i], true);
    return vc_rtnl_commit(node->rtnl, err) || (up && lab_ns3_end(lab, link, end, true, err)) ? -1 : 0;
}

const struct vc_plan *vc_lab_plan(const struct vc_lab *lab)
{
    return lab->plan;
}

sd_event *vc_lab_loop(const struct vc_lab *lab)
{
    return lab->loop;
}

struct vc_events *vc_lab_events(const struct vc_lab *lab)
{
    return lab->events;
}

const struct vc_node_rt *vc_lab_node(const struct vc_lab *lab, size_t node)
{
    return &lab->nodes[node].rt;
}

struct vc_rtnl *vc_lab_rtnl(struct vc_lab *lab, size_t node)
{
    return lab->nodes[node].on ? lab->nodes[node].rtnl : NULL;
}

struct vc_nft *vc_lab_nft(struct vc_lab *lab, size_t node, vc_error **err)
{
    struct lab_node *n = &lab->nodes[node];

    if (!n->on) {
        vc_fail(err, VC_EXIT_FAIL, 0, "node %s is powered off", n->rt.plan->name);
        return NULL;
    }
    if (!n->nft)
        n->nft = vc_nft_open(n->gres, n->rt.netns, err);
    return n->nft;
}
