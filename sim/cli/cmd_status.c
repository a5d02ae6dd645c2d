/* vclab status: what is true in a running lab now. */
#include <poll.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/labs.h"
#include "cli/session.h"

static const char usage[] = "Usage: vclab status [--lab ID] [--json]\n\nTunnels, SAs, sessions, routes, flows and "
                            "rates of a running lab, asked of it now.\n";

/* Rates come from two readings this far apart. */
#define RATE_MS 500

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "-";
}

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static json_t *named(const json_t *array, const char *name)
{
    json_t *item;
    size_t i;

    json_array_foreach(array, i, item) if (!strcmp(text(item, "name"), name)) return item;
    return NULL;
}

static double mbit(const json_t *before, const json_t *now, const char *key)
{
    return (double)(number(now, key) - number(before, key)) * 8 / (RATE_MS * 1000.0);
}

static void print_node(const json_t *node)
{
    const char *daemon;
    json_t *state;

    printf("  %-12s %-10s %s", text(node, "name"), text(node, "kind"),
           json_is_true(json_object_get(node, "on")) ? "" : "POWERED OFF");
    json_object_foreach(json_object_get(node, "daemons"), daemon, state)
        printf(" %s%s%s", daemon, strcmp(json_string_value(state), "running") ? ":" : "",
               strcmp(json_string_value(state), "running") ? json_string_value(state) : "");
    puts("");
}

/* An SA item of vici: {"<connection>": {"state", "child-sas": {"<name>-1": {"name", "state", "bytes-in", …}}}}. */
static void print_sas(const json_t *node)
{
    json_t *item, *sa, *child;
    const char *name, *child_name;
    size_t i;

    json_array_foreach(json_object_get(node, "sas"), i, item) json_object_foreach(item, name, sa)
    {
        printf("  %-12s %-8s IKE %s", text(node, "name"), name, text(sa, "state"));
        json_object_foreach(json_object_get(sa, "child-sas"), child_name, child)
            printf(", CHILD %s spi %s/%s bytes %s in %s out", text(child, "state"), text(child, "spi-in"),
                   text(child, "spi-out"), text(child, "bytes-in"), text(child, "bytes-out"));
        puts("");
    }
}

static void print_sessions(const json_t *node)
{
    json_t *bgp = json_object_get(node, "bgp");
    json_t *family = json_object_get(bgp, "ipv4Unicast");
    json_t *peers = json_object_get(family ? family : bgp, "peers");
    json_t *peer, *session;
    const char *address;
    size_t i;

    json_object_foreach(peers, address, peer)
        printf("  %-12s BGP %-15s %-12s %lld prefixes received, up %s\n", text(node, "name"), address,
               text(peer, "state"), (long long)number(peer, "pfxRcd"), text(peer, "peerUptime"));
    json_array_foreach(json_object_get(node, "bfd"), i, session)
        printf("  %-12s BFD %-15s %s\n", text(node, "name"), text(session, "peer"), text(session, "status"));
}

static void print_routes(const json_t *node)
{
    json_t *route;
    size_t i;

    json_array_foreach(json_object_get(node, "routes"), i, route)
    {
        const char *via = json_string_value(json_object_get(route, "via"));
        bool blackhole = json_is_true(json_object_get(route, "blackhole"));
        printf("  %-12s %-18s %s%s%s\n", text(node, "name"), text(route, "prefix"),
               blackhole ? "blackhole" : text(route, "ifname"), via ? " via " : "", via ? via : "");
    }
}

static void print_gre(const json_t *gre)
{
    printf("  %-8s at %-12s %s, keepalives %lld sent %lld answered\n", text(gre, "tunnel"), text(gre, "node"),
           json_is_true(json_object_get(gre, "up")) ? "up" : "DOWN", (long long)number(gre, "keepalives_sent"),
           (long long)number(gre, "keepalives_returned"));
}

static void print_rates(const json_t *before, const json_t *node)
{
    json_t *then = named(json_object_get(before, "nodes"), text(node, "name"));
    json_t *iface;
    size_t i;

    json_array_foreach(json_object_get(node, "interfaces"), i, iface)
    {
        json_t *old = named(json_object_get(then, "interfaces"), text(iface, "name"));
        printf("  %-12s %-11s %-19s %-10s rx %8.3f tx %8.3f Mbit/s\n", text(node, "name"), text(iface, "name"),
               text(iface, "address"),
               !json_is_true(json_object_get(iface, "up"))        ? "shut"
               : !json_is_true(json_object_get(iface, "carrier")) ? "no carrier"
                                                                  : "up",
               mbit(old, iface, "rx_bytes"), mbit(old, iface, "tx_bytes"));
    }
}

static void each_node(const char *title, const json_t *lab, void (*print)(const json_t *node))
{
    json_t *node;
    size_t i;

    puts(title);
    json_array_foreach(json_object_get(lab, "nodes"), i, node) print(node);
}

static void print_flows(json_t *flows)
{
    static const char *const directions[] = {"forward", "return"};
    const char *name;
    json_t *flow;

    puts("Flows");
    json_object_foreach(flows, name, flow) for (size_t d = 0; d < VC_COUNT(directions); d++)
    {
        json_t *direction = json_object_get(flow, directions[d]);
        VC_AUTO_FREE char *path = json_dumps(json_object_get(direction, "path"), JSON_COMPACT);
        printf("  %-16s %-8s path %s, %lld lost\n", name, directions[d], path ? path : "[]",
               (long long)number(direction, "lost"));
    }
}

static void print_status(const json_t *before, const json_t *answer)
{
    const json_t *lab = json_object_get(answer, "lab"), *then = json_object_get(before, "lab");
    VC_AUTO_FREE char *faults = json_dumps(json_object_get(answer, "faults"), JSON_COMPACT);
    json_t *item;
    size_t i;

    printf("%s, timers %s, %s data plane, %s wires, up %.1f s, %.1f MB in %lld processes, faults %s\n",
           text(lab, "topology"), text(lab, "timers"), text(lab, "plane"), text(lab, "wires"),
           (double)number(lab, "uptime_ns") / 1e9, (double)number(lab, "pss_bytes") / 1e6,
           (long long)number(lab, "processes"), faults);
    each_node("Nodes", lab, print_node);
    puts("GRE tunnels");
    json_array_foreach(json_object_get(lab, "gre"), i, item) print_gre(item);
    each_node("Security associations", lab, print_sas);
    each_node("BGP and BFD", lab, print_sessions);
    each_node("Routes", lab, print_routes);
    print_flows(json_object_get(answer, "flows"));
    puts("Interfaces");
    json_array_foreach(json_object_get(lab, "nodes"), i, item) print_rates(then, item);
}

int vc_cmd_status(int argc, char **argv)
{
    struct lab_options options = {0};
    VC_AUTO_ERROR *err = NULL;
    int parsed = lab_options_parse(argc, argv, usage, &options);

    if (parsed)
        return parsed > 0 ? 0 : VC_EXIT_USAGE;
    VC_AUTO_JSON *request = json_pack("{s:s}", "do", "status");
    VC_AUTO_JSON *before = lab_ask(&options, request, NULL, 0, NULL, &err);
    if (!before)
        return print_error(err);
    if (options.json) {
        json_dumpf(before, stdout, JSON_INDENT(2));
        puts("");
        return 0;
    }
    poll(NULL, 0, RATE_MS); /* the time over which rates are measured */
    VC_AUTO_JSON *answer = lab_ask(&options, request, NULL, 0, NULL, &err);
    if (!answer)
        return print_error(err);
    print_status(before, answer);
    return 0;
}
