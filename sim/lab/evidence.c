/*
 * The evidence document (docs/doctor.md): what an engineer would read in every node at this moment. Nothing of it is of
 * the scenario, and nothing of the faults put in: the lab does not know them either. It opens sockets of its own, so
 * that it may run in a forked child beside the lab's own watchers.
 */
#include "lab/evidence.h"

#include <string.h>
#include <time.h>

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

/* Seconds since then; absent: never. */
void evidence_age(const struct vc_lab *lab, json_t *out, const char *member, int64_t since_ns)
{
    if (since_ns)
        json_object_set_new(out, member, json_integer((vc_events_now(lab->events) - since_ns) / VC_NS_PER_S));
}

/* Of what serves, since it does; of what does not yet, since its start. */
static json_t *daemon_ages(const struct lab_node *node)
{
    json_t *out = json_object();

    for (size_t i = 0; i < node->rt.plan->daemon_count; i++) {
        const struct vc_daemon *daemon = &node->daemons[i];
        if (daemon->state == VC_DAEMON_READY || daemon->state == VC_DAEMON_STARTED)
            evidence_age(daemon->lab, out, daemon->plan->name,
                         daemon->state == VC_DAEMON_READY ? daemon->ready_ns : daemon->started_ns);
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

/* Where tunnels end, or IPsec does. */
static bool counts(const struct lab_node *node)
{
    for (size_t i = 0; i < node->rt.plan->daemon_count; i++)
        if (!strcmp(node->rt.plan->daemons[i].name, "charon") || !strcmp(node->rt.plan->daemons[i].name, "pluto"))
            return true;
    return node->rt.plan->gre_count;
}

static json_t *node_evidence(const struct lab_node *node)
{
    json_t *out =
        json_pack("{s:s, s:b, s:o}", "kind", node->rt.plan->kind, "on", node->on, "daemons", daemons_of(node));
    VC_AUTO_TALLOC struct vc_rtnl *rtnl = node->on ? vc_rtnl_open(NULL, node->rt.netns, NULL) : NULL;

    if (!rtnl)
        return out;
    set(out, "daemon_age_s", daemon_ages(node));
    set(out, "interfaces", evidence_interfaces(node, rtnl));
    set(out, "routes", vc_rtnl_routes(rtnl, NULL));
    set(out, "ike", evidence_ike(node));
    set(out, "bgp", evidence_bgp(node));
    set(out, "bfd", evidence_bfd(node));
    if (node->rt.plan->gre_count) {
        set(out, "gre", evidence_gre(node, rtnl));
        set(out, "queues", queues(node, rtnl));
    }
    if (node->rt.plan->firewall)
        set(out, "firewall", evidence_firewall(node));
    if (counts(node))
        set(out, "counters", evidence_counters(node));
    set(out, "log", evidence_logs(node));
    return out;
}

/* What counts, before and after the pings: an engineer watches where packets get lost, and which counters move. */
static json_t *counting(const struct vc_lab *lab)
{
    json_t *out = json_object();

    for (size_t i = 0; i < lab->plan->node_count; i++) {
        const struct lab_node *node = &lab->nodes[i];
        VC_AUTO_TALLOC struct vc_rtnl *rtnl = node->on ? vc_rtnl_open(NULL, node->rt.netns, NULL) : NULL;

        if (!rtnl)
            continue;
        json_t *told =
            json_pack("{s:o, s:o*}", "interfaces", evidence_interfaces(node, rtnl), "sas", evidence_sas(node));
        if (counts(node))
            set(told, "counters", evidence_counters(node));
        if (node->rt.plan->gre_count)
            set(told, "queues", queues(node, rtnl));
        json_object_set_new(out, node->rt.plan->name, told);
    }
    return out;
}

/* ---- refused signatures ---- */

static json_int_t refused(const json_t *node)
{
    static const char *const names[] = {"TCPMD5Failure", "TCPMD5NotFound", "TCPMD5Unexpected"};
    json_int_t sum = 0;

    for (size_t i = 0; i < VC_COUNT(names); i++)
        sum += json_integer_value(json_object_get(json_object_get(node, "counters"), names[i]));
    return sum;
}

static const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

/* No end of the tunnel is known to have another password. */
static bool is_as_ordered(json_t *nodes, const char *tunnel)
{
    const char *name;
    json_t *node;

    json_object_foreach(nodes, name, node)
    {
        const json_t *configured = json_object_get(json_object_get(json_object_get(node, "bgp"), "configured"), tunnel);
        if (configured && strcmp(member(configured, "password"), "as ordered") != 0)
            return false;
    }

    return true;
}

/* It has a session of the order's that is not up, and no configuration tells why. */
static bool waits_for_peer(json_t *nodes, const json_t *node)
{
    const json_t *bgp = json_object_get(node, "bgp");
    const char *name;
    json_t *tunnel;

    json_object_foreach(json_object_get(bgp, "configured"), name, tunnel)
    {
        const json_t *neighbor = json_object_get(json_object_get(bgp, "neighbors"), member(tunnel, "neighbor"));
        if (neighbor && strcmp(member(neighbor, "state"), "Established") != 0 && is_as_ordered(nodes, name))
            return true;
    }

    return false;
}

/*
 * The kernel refused signatures at some time, and none while the lab was looked at: is it of a fault that is gone, or
 * has nobody tried meanwhile? A session is tried anew each second, and no event tells of a counter.
 */
static void await_try(const struct vc_lab *lab, const json_t *before, json_t *nodes, int64_t begun_ns)
{
    const struct timespec step = {.tv_nsec = 50 * VC_NS_PER_MS};
    const int64_t limit_ns = begun_ns + 1200 * VC_NS_PER_MS;

    for (size_t i = 0; i < lab->plan->node_count; i++) {
        json_t *node = json_object_get(nodes, lab->plan->nodes[i].name);
        const json_t *was = json_object_get(before, lab->plan->nodes[i].name);
        while (refused(was) && refused(was) == refused(node) && waits_for_peer(nodes, node) &&
               vc_events_now(lab->events) < limit_ns) {
            nanosleep(&step, NULL);
            set(node, "counters", evidence_counters(&lab->nodes[i]));
        }
    }
}

json_t *vc_lab_evidence(const struct vc_lab *lab)
{
    int64_t begun_ns = vc_events_now(lab->events);
    json_t *nodes = json_object();
    json_t *before = counting(lab);
    json_t *probes = evidence_probes(lab);

    for (size_t i = 0; i < lab->plan->node_count; i++)
        json_object_set_new(nodes, lab->plan->nodes[i].name, node_evidence(&lab->nodes[i]));
    await_try(lab, before, nodes, begun_ns);
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "schema", "vclab.evidence/1", "topology",
                     lab->plan->topology->name, "timers", lab->plan->options.timers->name, "plane",
                     lab->plan->options.plane == VC_PLANE_KERNEL ? "kernel" : "user", "t_ns",
                     (json_int_t)vc_events_now(lab->events), "order", evidence_order(lab), "before", before, "probes",
                     probes, "nodes", nodes);
}
