/*
 * The evidence document (docs/doctor.md): what an engineer would read in every node at this moment. Nothing of it is of
 * the scenario, and nothing of the faults put in: the lab does not know them either. It opens sockets of its own, so
 * that it may run in a forked child beside the lab's own watchers.
 */
#include "lab/evidence.h"

#include <string.h>

static const char *const state_names[] = {[VC_DAEMON_WAITING] = "waiting",
                                          [VC_DAEMON_STARTED] = "starting",
                                          [VC_DAEMON_READY] = "running",
                                          [VC_DAEMON_STOPPED] = "paused",
                                          [VC_DAEMON_GONE] = "gone"};

static void set(json_t *out, const char *member, json_t *value)
{
    if (value)
        json_object_set_new(out, member, value);
}

static json_t *gre_end(const struct lab_gre *gre)
{
    const struct vc_plan_gre *plan = gre->plan;
    const struct vc_gre_report *c = &gre->counters;

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:{s:i, s:i, s:b, s:I, s:I, s:I}}", "ifname", plan->ifname,
                     "local", vc_addr_text(plan->local).s, "remote", vc_addr_text(plan->remote).s, "address",
                     vc_prefix_text(plan->address).s, "peer", vc_addr_text(plan->peer_address).s, "mtu", (int)plan->mtu,
                     "up", gre->up, "keepalive", "every_s", (int)plan->keepalive_s, "retries", (int)plan->retries,
                     "answers", !plan->ignores_keepalives, "sent", (json_int_t)c->keepalives_sent, "answered",
                     (json_int_t)c->keepalives_answered, "returned", (json_int_t)c->keepalives_returned);
}

static json_t *gre_ends(const struct lab_node *node)
{
    json_t *out = json_object();

    for (size_t i = 0; i < node->rt.plan->gre_count; i++)
        json_object_set_new(out, node->gres[i].lab->plan->topology->tunnels[node->gres[i].plan->tunnel].name,
                            gre_end(&node->gres[i]));
    return out;
}

static json_t *queues(const struct lab_node *node, struct vc_rtnl *rtnl)
{
    json_t *out = json_object();

    for (size_t i = 0; i < node->rt.plan->gre_count; i++) {
        const char *ifname = node->rt.plan->gres[i].ifname;
        struct vc_qdisc qdisc;

        if (!vc_qdisc_read(rtnl, ifname, &qdisc, NULL) && qdisc.kind != VC_QDISC_NONE)
            json_object_set_new(out, ifname,
                                json_pack("{s:I, s:I, s:i, s:I}", "packets", (json_int_t)qdisc.packets, "drops",
                                          (json_int_t)qdisc.drops, "backlog", (int)qdisc.backlog_packets, "bytes_s",
                                          (json_int_t)qdisc.rate));
    }
    return out;
}

static json_t *daemons_of(const struct lab_node *node)
{
    json_t *out = json_object();

    for (size_t i = 0; i < node->rt.plan->daemon_count; i++)
        json_object_set_new(out, node->daemons[i].plan->name, json_string(state_names[node->daemons[i].state]));
    return out;
}

static json_t *node_evidence(const struct lab_node *node)
{
    json_t *out =
        json_pack("{s:s, s:b, s:o}", "kind", node->rt.plan->kind, "on", node->on, "daemons", daemons_of(node));
    VC_AUTO_TALLOC struct vc_rtnl *rtnl = node->on ? vc_rtnl_open(NULL, node->rt.netns, NULL) : NULL;

    if (!rtnl)
        return out;
    set(out, "interfaces", evidence_interfaces(node, rtnl));
    set(out, "routes", vc_rtnl_routes(rtnl, NULL));
    set(out, "ike", evidence_ike(node));
    set(out, "bgp", evidence_bgp(node));
    set(out, "bfd", evidence_bfd(node));
    if (node->rt.plan->gre_count) {
        set(out, "gre", gre_ends(node));
        set(out, "queues", queues(node, rtnl));
    }
    if (node->rt.plan->firewall)
        set(out, "firewall", evidence_firewall(node));
    if (node->rt.plan->gre_count || json_object_get(out, "ike"))
        set(out, "counters", evidence_counters(node));
    set(out, "log", evidence_logs(node));
    return out;
}

/* What counts packets, before and after the pings: an engineer watches where they get lost. */
static json_t *counting(const struct vc_lab *lab)
{
    json_t *out = json_object();

    for (size_t i = 0; i < lab->plan->node_count; i++) {
        const struct lab_node *node = &lab->nodes[i];
        VC_AUTO_TALLOC struct vc_rtnl *rtnl = node->on ? vc_rtnl_open(NULL, node->rt.netns, NULL) : NULL;

        if (rtnl)
            json_object_set_new(
                out, node->rt.plan->name,
                json_pack("{s:o, s:o}", "interfaces", evidence_interfaces(node, rtnl), "sas", evidence_sas(node)));
    }
    return out;
}

json_t *vc_lab_evidence(const struct vc_lab *lab)
{
    json_t *nodes = json_object();
    json_t *before = counting(lab);
    json_t *probes = evidence_probes(lab);

    for (size_t i = 0; i < lab->plan->node_count; i++)
        json_object_set_new(nodes, lab->plan->nodes[i].name, node_evidence(&lab->nodes[i]));
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "schema", "vclab.evidence/1", "topology",
                     lab->plan->topology->name, "timers", lab->plan->options.timers->name, "plane",
                     lab->plan->options.plane == VC_PLANE_KERNEL ? "kernel" : "user", "t_ns",
                     (json_int_t)vc_events_now(lab->events), "order", evidence_order(lab), "before", before, "probes",
                     probes, "nodes", nodes);
}
