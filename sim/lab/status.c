/* What is true now, asked of the kernel, charon and FRR at this moment: `vclab status`. */
#include <string.h>

#include "lab/private.h"
#include "net/bird.h"

static json_t *interfaces_status(struct lab_node *node)
{
    const struct vc_plan_node *plan = node->rt.plan;
    json_t *list = json_array();

    for (size_t i = 0; i < plan->iface_count + plan->gre_count; i++) {
        bool wire = i < plan->iface_count;
        const char *name = wire ? plan->ifaces[i].ifname : plan->gres[i - plan->iface_count].ifname;
        struct vc_prefix address = wire ? plan->ifaces[i].address : plan->gres[i - plan->iface_count].address;
        struct vc_rtnl_state state;
        if (vc_rtnl_state(node->rtnl, name, &state, NULL))
            continue;
        json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:b, s:I, s:I, s:I, s:I}", "name", name, "address",
                                              vc_prefix_text(address).s, "up", state.exists && state.up, "carrier",
                                              state.carrier, "rx_packets", (json_int_t)state.rx_packets, "tx_packets",
                                              (json_int_t)state.tx_packets, "rx_bytes", (json_int_t)state.rx_bytes,
                                              "tx_bytes", (json_int_t)state.tx_bytes));
    }
    return list;
}

static json_t *vici_status(const struct vc_daemon *daemon)
{
    VC_AUTO_ERROR *err = NULL;
    int fd = vc_node_connect(&daemon->node->rt, daemon->plan->ready, &err);

    if (fd < 0)
        return json_array();
    VC_AUTO_TALLOC struct vc_vici *vici = vc_vici_new(NULL, fd);
    VC_AUTO_JSON *reply = vc_vici_call(vici, "list-sas", NULL, "list-sa", &err);
    return reply ? json_incref(json_object_get(reply, "items")) : json_array();
}

static json_t *vty_status(const struct vc_daemon *daemon, const char *command)
{
    VC_AUTO_ERROR *err = NULL;
    int fd = vc_node_connect(&daemon->node->rt, daemon->plan->ready, &err);

    if (fd < 0)
        return json_null();
    VC_AUTO_TALLOC struct vc_vty *vty = vc_vty_new(NULL, fd);
    json_t *reply = vc_vty_json(vty, command, &err);
    return reply ? reply : json_null();
}

/* BIRD's answers in the form of FRR's, so that a reader need not know which of them it is. */
static json_t *bird_peers(const char *reply)
{
    return json_pack("{s:{s:o}}", "ipv4Unicast", "peers", vc_bird_peers(reply));
}

static json_t *bird_status(const struct vc_daemon *daemon, const char *command, json_t *(*read)(const char *reply))
{
    VC_AUTO_ERROR *err = NULL;
    int fd = vc_node_connect(&daemon->node->rt, daemon->plan->ready, &err);

    if (fd < 0)
        return json_null();
    VC_AUTO_TALLOC struct vc_bird *bird = vc_bird_new(NULL, fd);
    VC_AUTO_TALLOC char *reply = vc_bird_command(bird, NULL, command, &err);
    return reply ? read(reply) : json_null();
}

static const struct {
    const char *daemon, *member, *command; /* command NULL: charon over vici */
    json_t *(*read)(const char *reply);    /* of BIRD's answer; NULL: FRR's vty */
} daemon_questions[] = {
    {"charon", "sas", NULL, NULL},
    {"bgpd", "bgp", "show bgp ipv4 unicast summary json", NULL},
    {"bfdd", "bfd", "show bfd peers json", NULL},
    {"ospfd", "ospf", "show ip ospf neighbor json", NULL},
    {"bird", "bgp", VC_BIRD_PEERS, bird_peers},
    {"bird", "bfd", VC_BIRD_BFD, vc_bird_bfd},
};

static json_t *ask_daemon(const struct vc_daemon *daemon, size_t question)
{
    const char *command = daemon_questions[question].command;

    if (daemon_questions[question].read)
        return bird_status(daemon, command, daemon_questions[question].read);
    return command ? vty_status(daemon, command) : vici_status(daemon);
}

static const char *const state_names[] = {[VC_DAEMON_WAITING] = "waiting",
                                          [VC_DAEMON_STARTED] = "starting",
                                          [VC_DAEMON_READY] = "running",
                                          [VC_DAEMON_STOPPED] = "paused",
                                          [VC_DAEMON_GONE] = "gone"};

static json_t *node_status(struct lab_node *node)
{
    json_t *status =
        json_pack("{s:s, s:s, s:b}", "name", node->rt.plan->name, "kind", node->rt.plan->kind, "on", node->on);
    json_t *daemons = json_object();

    for (size_t i = 0; i < node->rt.plan->daemon_count; i++) {
        struct vc_daemon *daemon = &node->daemons[i];
        json_object_set_new(daemons, daemon->plan->name, json_string(state_names[daemon->state]));
        for (size_t q = 0; q < VC_COUNT(daemon_questions); q++)
            if (daemon->state == VC_DAEMON_READY && !strcmp(daemon_questions[q].daemon, daemon->plan->name))
                json_object_set_new(status, daemon_questions[q].member, ask_daemon(daemon, q));
    }
    json_object_set_new(status, "daemons", daemons);
    for (size_t i = 0; i < node->rt.plan->daemon_count; i++)
        if (node->daemons[i].sas)
            json_object_set_new(status, "sas", vc_xfrm_watch_status(node->daemons[i].sas));
    if (node->on) {
        json_t *routes = vc_rtnl_routes(node->rtnl, NULL);
        json_object_set_new(status, "interfaces", interfaces_status(node));
        json_object_set_new(status, "routes", routes ? routes : json_array());
    }
    return status;
}

/* In the kernel plane the packets pass the endpoint by: only the interface knows. */
static void gre_packets(const struct lab_gre *gre, uint64_t *rx, uint64_t *tx)
{
    struct vc_rtnl_state state;
    bool kernel = gre->lab->plan->options.plane == VC_PLANE_KERNEL && gre->node->on;

    *rx = gre->counters.rx_packets;
    *tx = gre->counters.tx_packets;
    if (!kernel || vc_rtnl_state(gre->node->rtnl, gre->plan->ifname, &state, NULL) || !state.exists)
        return;
    *rx = state.rx_packets;
    *tx = state.tx_packets;
}

static json_t *gre_status(const struct lab_gre *gre)
{
    uint64_t rx, tx;

    gre_packets(gre, &rx, &tx);
    return json_pack(
        "{s:s, s:s, s:b, s:b, s:I, s:I, s:I, s:I}", "tunnel", gre->lab->plan->topology->tunnels[gre->plan->tunnel].name,
        "node", gre->node->rt.plan->name, "running", gre->pid > 0, "up", gre->up, "keepalives_sent",
        (json_int_t)gre->counters.keepalives_sent, "keepalives_returned", (json_int_t)gre->counters.keepalives_returned,
        "rx_packets", (json_int_t)rx, "tx_packets", (json_int_t)tx);
}

json_t *vc_lab_status(struct vc_lab *lab)
{
    json_t *nodes = json_array();
    json_t *gres = json_array();
    uint64_t pss = 0;
    unsigned processes = 0;

    for (size_t i = 0; i < lab->plan->node_count; i++) {
        json_array_append_new(nodes, node_status(&lab->nodes[i]));
        for (size_t g = 0; g < lab->plan->nodes[i].gre_count; g++)
            json_array_append_new(gres, gre_status(&lab->nodes[i].gres[g]));
    }
    vc_lab_memory(lab, &pss, &processes, NULL);
    return json_pack("{s:s, s:s, s:s, s:s*, s:o, s:I, s:I, s:i, s:o, s:o}", "topology", lab->plan->topology->name,
                     "timers", lab->plan->options.timers->name, "plane",
                     lab->plan->options.plane == VC_PLANE_KERNEL ? "kernel" : "user", "wires", lab->options.links.name,
                     "ns3_links", lab_ns3_links(lab), "uptime_ns", (json_int_t)vc_events_now(lab->events), "pss_bytes",
                     (json_int_t)pss, "processes", (int)processes, "gre", gres, "nodes", nodes);
}
