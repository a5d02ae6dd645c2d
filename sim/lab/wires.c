/*
 * The character of wires: each interface of a node that has one gets a qdisc for what leaves there, or vclab-wire is
 * told where that carries the link (ns3_links.c). What was set last is kept here, so that a node that is powered on
 * again has it again.
 *
 * A tunnel's rate is a courtesy of kernels with tbf: a lab on a kernel without it says so (link/unshaped) and goes on,
 * because everything but the rate is as it should be. A wire's own character is what a scenario is about: there it is
 * an error.
 */
#include <errno.h>
#include <string.h>

#include "lab/private.h"
#include "net/offload.h"

static void init_wire(struct lab_node *node, const char *ifname, const struct vc_plan_iface *iface,
                      const struct vc_wire *planned, uint64_t seed)
{
    node->wires[node->wire_count++] = (struct lab_wire){.ifname = ifname,
                                                        .tunnel = !iface,
                                                        .link = iface ? iface->link : VC_NONE,
                                                        .end = iface ? iface->end : 0,
                                                        .planned = *planned,
                                                        .planned_seed = seed,
                                                        .wire = *planned,
                                                        .seed = seed};
}

void lab_wires_init(struct lab_node *node, struct vc_lab *lab)
{
    const struct vc_plan_node *plan = node->rt.plan;

    node->wires = talloc_zero_array(lab, struct lab_wire, (unsigned)(plan->iface_count + plan->gre_count));
    for (size_t i = 0; i < plan->iface_count; i++)
        init_wire(node, plan->ifaces[i].ifname, &plan->ifaces[i], &plan->ifaces[i].wire, plan->ifaces[i].wire_seed);
    for (size_t i = 0; i < plan->gre_count; i++)
        init_wire(node, plan->gres[i].ifname, NULL, &plan->gres[i].wire, plan->gres[i].wire_seed);
}

/* Queues what makes the kernel agree with the wire; false when there is nothing to do. */
static bool queue(struct lab_node *node, struct lab_wire *wire)
{
    bool netem = wire->installed.kind == VC_QDISC_NETEM;
    struct vc_qdisc wanted = vc_qdisc_of(&wire->wire, wire->seed, netem);

    if (wanted.kind == VC_QDISC_NONE && wire->installed.kind == VC_QDISC_NONE)
        return false;
    vc_qdisc_set(node->rtnl, wire->ifname, &wanted);
    wire->installed = wanted;
    return true;
}

static int commit(struct lab_node *node, vc_error **err)
{
    VC_AUTO_ERROR *failed = NULL;

    if (!vc_rtnl_commit(node->rtnl, &failed))
        return 0;
    if (failed->errnum == ENOENT || failed->errnum == EOPNOTSUPP)
        return vc_fail(err, VC_EXIT_HOST, 0,
                       "this kernel cannot shape packets so (ns-3 carries links with --wires ns3): %s",
                       failed->message);
    return vc_error_move(err, &failed);
}

int lab_wires_apply(struct vc_lab *lab, struct lab_node *node, vc_error **err)
{
    for (size_t i = 0; i < node->wire_count; i++) {
        struct lab_wire *wire = &node->wires[i];
        VC_AUTO_ERROR *failed = NULL;

        if (lab_ns3_carries(lab, wire->link))
            continue; /* it keeps its character, whatever becomes of its ends */
        wire->installed = (struct vc_qdisc){.kind = VC_QDISC_NONE}; /* the interface is new, or moved here bare */
        if (!queue(node, wire) || !commit(node, &failed))
            continue;
        wire->installed.kind = VC_QDISC_NONE;
        if (!wire->tunnel || failed->status != VC_EXIT_HOST)
            return vc_error_move(err, &failed);
        vc_event(lab->events, VC_LAYER_LINK, node->rt.plan->name, "unshaped", -1, "{s:s, s:s}", "ifname", wire->ifname,
                 "text", failed->message);
    }
    return 0;
}

static struct lab_wire *find(const struct vc_lab *lab, size_t node, const char *ifname)
{
    for (size_t i = 0; i < lab->nodes[node].wire_count; i++)
        if (!strcmp(lab->nodes[node].wires[i].ifname, ifname))
            return &lab->nodes[node].wires[i];
    abort(); /* names come from the plan */
}

bool vc_lab_wire_is_planned(const struct vc_lab *lab, size_t node, const char *ifname)
{
    return !find(lab, node, ifname)->changed;
}

static int set_ns3(struct vc_lab *lab, struct lab_wire *wire, vc_error **err)
{
    struct vc_wire before;

    return lab_ns3_read(lab, wire, &before, &wire->dropped, err) || lab_ns3_set(lab, wire, err) ? -1 : 0;
}

int vc_lab_wire_set(struct vc_lab *lab, size_t index, const char *ifname, const struct vc_wire *wire, uint64_t seed,
                    vc_error **err)
{
    struct lab_node *node = &lab->nodes[index];
    struct lab_wire *state = find(lab, index, ifname);

    state->changed = wire;
    state->wire = wire ? *wire : state->planned;
    state->seed = wire ? seed : state->planned_seed;
    if (lab_ns3_carries(lab, state->link))
        return set_ns3(lab, state, err) ? vc_wrap(err, "node %s", node->rt.plan->name) : 0;
    return node->on && queue(node, state) && commit(node, err) ? vc_wrap(err, "node %s", node->rt.plan->name) : 0;
}

static int read_ns3(struct vc_lab *lab, const struct lab_wire *wire, struct vc_lab_wire_state *state, vc_error **err)
{
    struct vc_wire now;

    if (lab_ns3_read(lab, wire, &now, &state->drops, err))
        return -1;
    state->ns3 = true;
    state->drops -= wire->dropped;
    state->as_set = !memcmp(&now, &wire->wire, sizeof now); /* numbers without gaps between them */
    return 0;
}

int vc_lab_wire_read(struct vc_lab *lab, size_t index, const char *ifname, struct vc_lab_wire_state *state,
                     vc_error **err)
{
    struct lab_node *node = &lab->nodes[index];
    const struct lab_wire *wire = find(lab, index, ifname);
    struct vc_qdisc qdisc;

    *state = (struct vc_lab_wire_state){.as_set = true};
    if (!node->on)
        return 0;
    if (lab_ns3_carries(lab, wire->link) ? read_ns3(lab, wire, state, err)
                                         : vc_qdisc_read(node->rtnl, ifname, &qdisc, err))
        return vc_wrap(err, "node %s", node->rt.plan->name);
    if (!state->ns3)
        *state = (struct vc_lab_wire_state){.as_set = vc_qdisc_same(&qdisc, &wire->installed), .drops = qdisc.drops};
    return 0;
}

int vc_lab_gather(struct vc_lab *lab, bool on, vc_error **err)
{
    for (size_t n = 0; n < lab->plan->node_count; n++) {
        const struct lab_node *node = &lab->nodes[n];

        for (size_t i = 0; node->on && i < node->wire_count; i++)
            if (vc_offload_set(node->rt.netns, node->wires[i].ifname, "rx-udp-gro-forwarding", on, err) < 0)
                return vc_wrap(err, "node %s", node->rt.plan->name);
    }
    return 0;
}
