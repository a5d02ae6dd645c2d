/* vclab export: a CPE's configuration, for a router or for another lab. */
#include <getopt.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "cli/session.h"
#include "config/config.h"

static const char usage[] =
    "Usage: vclab export NODE --as ios-xe|strongswan|frr|bird|libreswan [--topology FILE] [--timers PROFILE]\n"
    "                    [--seed N] [--no-secrets] [--out FILE]\n"
    "\n"
    "Writes the configuration of a CPE: ios-xe as a router of that make takes it, the others as the lab's own node has "
    "them.\n"
    "  --topology FILE  a topology's file or name (default two-cpe)\n"
    "  --timers NAME    its timers (default tuned)\n"
    "  --seed N         of the keys that the topology does not name (default 1); Cisco has them only of a topology "
    "that\n"
    "                   names them (FORM-keys.yaml of vclab activate)\n"
    "  --no-secrets     <PSK-TUNNEL> and <BGP-PW-TUNNEL> stand for the keys; vclab puts them in again\n"
    "  --out FILE       instead of standard output; with keys in it, its owner's alone (mode 0600)\n";

struct export_options {
    const char *node, *form, *topology, *timers, *out;
    uint64_t seed;
    bool no_secrets;
};

static bool is_form(const char *form)
{
    for (size_t i = 0; vc_export_forms[i]; i++)
        if (!strcmp(vc_export_forms[i], form))
            return true;
    return false;
}

/* What no topology says is derived, which is good for a lab and no order's. */
static void tell_of_derived(const struct vc_topology *topology, size_t node, uint64_t seed)
{
    for (size_t i = 0; i < topology->tunnel_count; i++) {
        const struct vc_tunnel *t = &topology->tunnels[i];

        if (t->cpe == node && (!t->psk || !t->bgp_password))
            fprintf(stderr,
                    "vclab: topology %s names no %s of tunnel %s; what is exported is derived from seed %ju, for labs "
                    "only: Cisco does not have it (an order's keys are in its FORM-keys.yaml)\n",
                    topology->name,
                    t->psk            ? "BGP password"
                    : t->bgp_password ? "key"
                                      : "key and no BGP password",
                    t->name, (uintmax_t)seed);
    }
}

static int export(const struct export_options *options, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_topology *topology = session_topology(ctx, options->topology, err);

    if (!topology)
        return -1;
    const struct vc_plan_options plan = {VC_PLANE_KERNEL, vc_topology_timers(topology, options->timers), options->seed,
                                         session_folder(ctx, "nodes")};
    size_t node = vc_topology_node(topology, options->node);
    if (!plan.timers)
        return vc_fail(err, VC_EXIT_USAGE, 0, "no timers %s in topology %s", options->timers, topology->name);
    if (node == VC_NONE)
        return vc_fail(err, VC_EXIT_USAGE, 0, "no node %s in topology %s", options->node, topology->name);
    const char *text = vc_cpe_export(ctx, topology, &plan, node, options->form, !options->no_secrets, err);
    if (!text)
        return -1;
    if (!options->no_secrets && !topology->nodes[node].file_count)
        tell_of_derived(topology, node, options->seed);
    return output_write(options->out ? options->out : "-", text, options->no_secrets ? 0644 : 0600, err);
}

int vc_cmd_export(int argc, char **argv)
{
    enum { AS = 256, TOPOLOGY, TIMERS, SEED, NO_SECRETS, OUT };
    static const struct option longs[] = {{"as", required_argument, NULL, AS},
                                          {"topology", required_argument, NULL, TOPOLOGY},
                                          {"timers", required_argument, NULL, TIMERS},
                                          {"seed", required_argument, NULL, SEED},
                                          {"no-secrets", no_argument, NULL, NO_SECRETS},
                                          {"out", required_argument, NULL, OUT},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    struct export_options options = {.topology = "two-cpe", .timers = "tuned", .seed = 1};
    VC_AUTO_ERROR *err = NULL;

    for (int c; (c = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
        if (c == 'h' || c == '?') {
            fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : VC_EXIT_USAGE;
        }
        if (c == SEED && parse_number("export", "seed", optarg, 0, INT64_MAX, &options.seed))
            return VC_EXIT_USAGE;
        options.no_secrets |= c == NO_SECRETS;
        *(c == AS         ? &options.form
          : c == TOPOLOGY ? &options.topology
          : c == TIMERS   ? &options.timers
          : c == OUT      ? &options.out
                          : &(const char *){NULL}) = optarg;
    }
    if (optind + 1 != argc || !options.form || !is_form(options.form)) {
        fputs(usage, stderr);
        return VC_EXIT_USAGE;
    }
    options.node = argv[optind];
    return export(&options, &err) ? print_error(err) : VC_EXIT_PASS;
}
