#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/commands.h"
#include "vm/guest.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"run", vc_cmd_run, "play scenarios and give their verdict"},
    {"list", vc_cmd_list, "scenarios, topologies and faults there are"},
    {"check", vc_cmd_check, "validate topology and scenario files"},
    {"sweep", vc_cmd_sweep, "every failure of a topology, or random ones, against the oracle"},
    {"activate", vc_cmd_activate, "an activation form: allocation, topology, status, settings"},
    {"onboard", vc_cmd_onboard, "activate an order and try it: one acceptance report"},
    {"up", vc_cmd_up, "start a lab to work in"},
    {"status", vc_cmd_status, "tunnels, SAs, sessions, routes, rates of a running lab"},
    {"exec", vc_cmd_exec, "run a command in a node"},
    {"shell", vc_cmd_shell, "a shell in a node, of a running lab or (--sealed) of a machine"},
    {"fault", vc_cmd_fault, "put a fault into a running lab"},
    {"heal", vc_cmd_heal, "take a fault away again"},
    {"capture", vc_cmd_capture, "capture a link or tunnel as pcapng"},
    {"doctor", vc_cmd_doctor, "what is wrong in a lab or a result, layer by layer, and the fix"},
    {"down", vc_cmd_down, "end a running lab"},
    {"export", vc_cmd_export, "a CPE's configuration, for IOS-XE and others"},
    {"import", vc_cmd_import, "a customer's own configuration as the node of a topology"},
    {"report", vc_cmd_report, "tell results again"},
    {"replay", vc_cmd_replay, "play the run of a bundle again and compare"},
    {"plan", vc_cmd_plan, "capacity and failover of thousands of hubs, simulated"},
    {"bench", vc_cmd_bench, "measure vclab on this machine"},
    {"preflight", vc_cmd_preflight, "what this host can do and what is missing"},
};

static void usage(FILE *out)
{
    fputs("Usage: vclab COMMAND [ARGUMENTS]\n\n", out);
    for (size_t i = 0; i < VC_COUNT(commands); i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("  test       run vclab's own tests (the launcher's)\n\n"
          "vclab COMMAND --help tells more. Exit status: 0 pass, 1 fail, 2 bad usage or bad file, 3 this host cannot, "
          "4 inconclusive, 130 interrupted.\n",
          out);
}

/* The nearest command, for a typo. */
static const char *like(const char *name)
{
    for (size_t i = 0; i < VC_COUNT(commands); i++)
        if (!strncmp(commands[i].name, name, 2))
            return commands[i].name;
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc > 0 && vc_guest_is_init(argv[0]))
        vc_guest_main();
    if (argc < 2) {
        usage(stderr);
        return VC_EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        usage(stdout);
        return 0;
    }
    if (!strcmp(argv[1], "--version")) {
        puts("vclab " VCLAB_VERSION);
        return 0;
    }
    for (size_t i = 0; i < VC_COUNT(commands); i++)
        if (!strcmp(commands[i].name, argv[1]))
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "vclab: no command %s%s%s; vclab --help lists them\n", argv[1],
            like(argv[1]) ? ", did you mean " : "", like(argv[1]) ? like(argv[1]) : "");
    return VC_EXIT_USAGE;
}
