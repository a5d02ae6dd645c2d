/*
 * BGP as the node has it: what is configured for each tunnel, as FRR runs it now or as BIRD's file has it, and each
 * neighbour as the daemon sees it now, with the prefixes accepted, refused and told. FRR answers in JSON; BIRD's tables
 * are read by net/bird.h. A password is never told, only whether it is the one of the order.
 */
#include <string.h>

#include "lab/evidence.h"
#include "net/bird.h"

/* ---- configuration ---- */

static bool is_tunnel(const void *lab, const char *name)
{
    return vc_topology_tunnel(((const struct vc_lab *)lab)->plan->topology, name) != VC_NONE;
}

static json_t *compare_passwords(const struct vc_lab *lab, json_t *tunnels)
{
    const char *name;
    json_t *tunnel;

    json_object_foreach(tunnels, name, tunnel)
    {
        VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
        const char *ordered = evidence_password(scratch, lab, vc_topology_tunnel(lab->plan->topology, name));
        const char *own = json_string_value(json_object_get(tunnel, "password"));
        json_object_set_new(tunnel, "password", json_string(evidence_secret(own, ordered)));
    }

    return tunnels;
}

/* As bgpd has it now; where it does not answer, as it was given at its start. */
static json_t *frr_configured(const struct lab_node *node, struct vc_vty *vty)
{
    const struct vc_lab *lab = node->daemons->lab;
    VC_AUTO_TALLOC char *running = vty ? vc_vty_command(vty, NULL, "show running-config", NULL) : NULL;
    VC_AUTO_TALLOC char *given = running ? NULL : evidence_file(NULL, node, "/etc/frr/bgpd.conf");
    char *text = running ? running : given;

    return text ? compare_passwords(lab, evidence_read_frr(text, is_tunnel, lab)) : json_object();
}

static json_t *bird_configured(const struct lab_node *node)
{
    const struct vc_lab *lab = node->daemons->lab;
    VC_AUTO_TALLOC char *text = evidence_file(NULL, node, "/etc/bird/bird.conf");

    return text ? compare_passwords(lab, evidence_read_bird(text, is_tunnel, lab)) : json_object();
}

/* ---- FRR's neighbours ---- */

static json_t *prefixes_of(const json_t *reply, const char *member)
{
    json_t *list = json_array(), *route;
    const char *prefix;

    json_object_foreach(json_object_get(reply, member), prefix, route)
    {
        json_array_append_new(list, json_string(prefix));
    }

    return list;
}

/* A default that is originated for one neighbour is none of the table's. */
static bool tells_default(const json_t *reply)
{
    return json_object_get(reply, "bgpOriginatingDefaultNetwork") != NULL;
}

static void ask_prefixes(struct vc_vty *vty, const char *address, json_t *neighbor)
{
    static const struct {
        const char *what, *command, *member;
    } questions[] = {{"accepted", "routes", "routes"},
                     {"refused", "filtered-routes", "receivedRoutes"},
                     {"told", "advertised-routes", "advertisedRoutes"}};

    for (size_t i = 0; i < VC_COUNT(questions); i++) {
        VC_AUTO_TALLOC char *command =
            talloc_asprintf(NULL, "show bgp ipv4 unicast neighbors %s %s json", address, questions[i].command);
        VC_AUTO_JSON *reply = vc_vty_json(vty, command, NULL);
        if (!reply)
            continue;
        json_t *list = prefixes_of(reply, questions[i].member);
        if (tells_default(reply))
            json_array_append_new(list, json_string("0.0.0.0/0"));
        json_object_set_new(neighbor, questions[i].what, list);
    }
}

static json_t *frr_neighbors(const struct vc_daemon *bgpd, struct vc_vty *vty)
{
    static const char *const members[][2] = {
        {"bgpState", "state"},
        {"remoteAs", "remote_as"},
        {"localAs", "local_as"},
        {"lastResetDueTo", "last_reset"},
        {"lastNotificationReason", "last_notification"},
        {"bgpTimerUpMsec", "up_ms"},
        {"connectionsEstablished", "established"},
        {"connectionsDropped", "dropped"},
        {"authenticationEnabled", "authentication"},
        {"adminShutDown", "shut"},
    };
    json_t *out = json_object(), *peer;
    const char *address;
    VC_AUTO_JSON *reply = vc_vty_json(vty, "show bgp neighbors json", NULL);
    json_object_foreach(reply, address, peer)
    {
        json_t *neighbor = json_object();
        const json_t *queues = json_object_get(peer, "messageStats");
        if (!json_is_object(peer))
            continue;
        for (size_t i = 0; i < VC_COUNT(members); i++)
            if (json_object_get(peer, members[i][0]))
                json_object_set(neighbor, members[i][1], json_object_get(peer, members[i][0]));
        if (json_object_get(queues, "depthOutq"))
            json_object_set(neighbor, "out_queue", json_object_get(queues, "depthOutq"));
        if (json_object_get(peer, "lastResetTimerMsecs"))
            json_object_set_new(neighbor, "reset_s",
                                json_integer(json_integer_value(json_object_get(peer, "lastResetTimerMsecs")) / 1000));
        const char *state = json_string_value(json_object_get(neighbor, "state"));
        /* What passes between the customer's own routers shows in their tables. */
        if (state && !strcmp(state, "Established") && lab_tunnel_of(bgpd->lab, bgpd->node->index, address))
            ask_prefixes(vty, address, neighbor);
        json_object_set_new(out, address, neighbor);
    }
    return out;
}

/* ---- BIRD's ---- */

static json_t *bird_ask(struct vc_bird *bird, const char *protocol, const char *question)
{
    VC_AUTO_TALLOC char *command = talloc_asprintf(NULL, "show route %s '%s'", question, protocol);
    VC_AUTO_TALLOC char *reply = vc_bird_command(bird, NULL, command, NULL);

    return reply ? vc_bird_prefixes(reply) : json_array();
}

static json_t *bird_neighbors(const struct vc_daemon *daemon)
{
    int fd = vc_node_connect(&daemon->node->rt, daemon->plan->ready, NULL);
    json_t *out = json_object(), *peer;
    const char *address;

    if (fd < 0)
        return out;
    VC_AUTO_TALLOC struct vc_bird *bird = vc_bird_new(NULL, fd);
    VC_AUTO_TALLOC char *reply = vc_bird_command(bird, NULL, VC_BIRD_PEERS, NULL);
    VC_AUTO_JSON *peers = reply ? vc_bird_peers(reply) : NULL;
    json_object_foreach(peers, address, peer)
    {
        const char *protocol = json_string_value(json_object_get(peer, "protocol"));
        const char *state = json_string_value(json_object_get(peer, "state"));
        json_t *neighbor = json_pack("{s:s, s:O?, s:O?}", "state", state, "remote_as",
                                     json_object_get(peer, "remoteAs"), "last_reset", json_object_get(peer, "reason"));
        if (!strcmp(state, "Down")) /* only what is disabled does not at least start */
            json_object_set_new(neighbor, "shut", json_true());
        if (!strcmp(state, "Established") && lab_tunnel_of(daemon->lab, daemon->node->index, address)) {
            json_object_set_new(neighbor, "accepted", bird_ask(bird, protocol, "protocol"));
            json_object_set_new(neighbor, "refused", bird_ask(bird, protocol, "filtered protocol"));
            json_object_set_new(neighbor, "told", bird_ask(bird, protocol, "export"));
        }
        json_object_set_new(out, address, neighbor);
    }
    return out;
}

/* ---- either ---- */

static const char *speaker(const struct lab_node *node)
{
    for (size_t i = 0; i < node->rt.plan->daemon_count; i++) {
        const char *name = node->daemons[i].plan->name;
        if (!strcmp(name, "bgpd") || !strcmp(name, "bird"))
            return name;
    }
    return NULL;
}

json_t *evidence_bgp(const struct lab_node *node)
{
    const char *name = speaker(node);
    const struct vc_daemon *daemon = name ? evidence_daemon(node, name) : NULL;

    if (!name)
        return NULL;
    bool frr = !strcmp(name, "bgpd");
    int fd = frr && daemon ? vc_node_connect(&node->rt, daemon->plan->ready, NULL) : -1;
    VC_AUTO_TALLOC struct vc_vty *vty = fd >= 0 ? vc_vty_new(NULL, fd) : NULL;
    json_t *neighbors = vty ? frr_neighbors(daemon, vty) : !frr && daemon ? bird_neighbors(daemon) : json_object();
    return json_pack("{s:s, s:o, s:o}", "daemon", name, "configured",
                     frr ? frr_configured(node, vty) : bird_configured(node), "neighbors", neighbors);
}

json_t *evidence_bfd(const struct lab_node *node)
{
    const struct vc_daemon *bfdd = evidence_daemon(node, "bfdd"), *bird = evidence_daemon(node, "bird");
    const struct vc_daemon *daemon = bfdd ? bfdd : bird;
    VC_AUTO_JSON *reply = NULL;
    json_t *out = json_object(), *session;
    size_t i;
    int fd = daemon ? vc_node_connect(&node->rt, daemon->plan->ready, NULL) : -1;

    if (fd < 0) {
        json_decref(out);
        return NULL;
    }
    if (bfdd) {
        VC_AUTO_TALLOC struct vc_vty *vty = vc_vty_new(NULL, fd);
        reply = vc_vty_json(vty, "show bfd peers json", NULL);
    } else {
        VC_AUTO_TALLOC struct vc_bird *control = vc_bird_new(NULL, fd);
        VC_AUTO_TALLOC char *text = vc_bird_command(control, NULL, VC_BIRD_BFD, NULL);
        reply = text ? vc_bird_bfd(text) : NULL;
    }
    json_array_foreach(reply, i, session)
    {
        const char *peer = json_string_value(json_object_get(session, "peer"));
        const char *status = json_string_value(json_object_get(session, "status"));
        if (peer && status)
            json_object_set_new(out, peer, json_string(status));
    }
    return out;
}
