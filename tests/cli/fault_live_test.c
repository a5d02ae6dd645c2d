/* Every kind of fault is put into a lab, is proved, is healed, and the lab is as before. */
#include <string.h>

#include "lab.h"

TestSuite(fault, .init = host_open, .fini = host_close);

#define BACK_MS 60000

static bool is_active(const char *name)
{
    VC_AUTO_JSON *status = lab_status(RESULTS);
    json_t *fault;
    size_t i;

    json_array_foreach(json_object_get(status, "faults"), i, fault)
    {
        if (!strcmp(json_string_value(json_object_get(fault, "name")), name))
            return true;
    }
    return false;
}

/* A restart is over once it is proved; every other kind is active until it is healed. */
static bool lasts(const char *kind)
{
    return strcmp(kind, "daemon-restart") != 0;
}

static void apply(const char *kind, const char *const *members)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *argv[10] = {VCLAB_BINARY, "fault", "--results", RESULTS, kind, "name=it"};

    for (size_t i = 0; i < 3 && members[i]; i++)
        argv[6 + i] = members[i];
    struct command *fault = command_run(ctx, argv);
    EXITS(fault, 0);
    cr_assert(is_active("it") == lasts(kind), "%s is %sactive", kind, lasts(kind) ? "not " : "");
}

static void heal(void)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    EXITS(VCLAB(ctx, "heal", "--results", RESULTS, "it"), 0);
    cr_assert(!is_active("it"), "it is still active");
}

struct fault_case {
    const char *kind, *members[3];
    bool felt; /* BGP or a flow must have noticed before it is healed */
};

static void each(const struct fault_case *cases, size_t count)
{
    lab_up(RESULTS);
    lab_await_converged(RESULTS, BACK_MS);
    for (size_t i = 0; i < count; i++) {
        fprintf(stderr, "fault: %s %s %s\n", cases[i].kind, cases[i].members[0] ? cases[i].members[0] : "",
                cases[i].members[1] ? cases[i].members[1] : "");
        apply(cases[i].kind, cases[i].members);
        if (cases[i].felt)
            lab_await_harmed(RESULTS, BACK_MS);
        if (lasts(cases[i].kind))
            heal();
        lab_await_converged(RESULTS, BACK_MS);
    }
    lab_down(RESULTS);
}

Test(fault, of_links_is_healed)
{
    static const struct fault_case cases[] = {{"link-down", {"link=inet-dc1"}, .felt = true},
                                              {"link-down", {"link=lan1", "end=lan"}},
                                              {"wan-cut", {NULL}, .felt = true}};

    each(cases, VC_COUNT(cases));
}

Test(fault, of_packets_is_healed)
{
    static const struct fault_case cases[] = {{"drop", {"link=inet-dc1", "select=esp"}, .felt = true},
                                              {"drop", {"link=inet-dc1", "select=esp", "direction=isp"}},
                                              {"drop", {"link=core-dc1", "select=gre"}},
                                              {"drop", {"tunnel=dc1", "select=bgp"}},
                                              {"drop", {"tunnel=dc2", "select=all"}}};

    each(cases, VC_COUNT(cases));
}

Test(fault, of_icmp_is_proved_by_a_ping)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    static const char *const members[3] = {"link=inet-dc1", "select=icmp"};

    lab_up(RESULTS);
    struct command *ping = VCLAB_START(ctx, "exec", "--results", RESULTS, "cpe1", "--", "ping", "-n", "-i", "0.2", "-w",
                                       "30", "203.0.113.1");
    apply("drop", members);
    heal();
    talloc_free(ping);
    ping = VCLAB(ctx, "exec", "--results", RESULTS, "cpe1", "--", "ping", "-n", "-c", "1", "-w", "5", "203.0.113.1");
    EXITS(ping, 0);
    lab_down(RESULTS);
}

Test(fault, of_daemons_is_healed)
{
    static const struct fault_case cases[] = {
        {"daemon-kill", {"node=cpe1", "daemon=bgpd"}},          {"daemon-pause", {"node=cpe1", "daemon=bgpd"}},
        {"daemon-restart", {"node=cpe1", "daemon=bgpd"}},       {"daemon-pause", {"node=dc1-headend", "daemon=charon"}},
        {"daemon-kill", {"node=dc1-headend", "daemon=charon"}}, {"daemon-restart", {"node=cpe2", "daemon=charon"}}};

    each(cases, VC_COUNT(cases));
}

Test(fault, of_power_is_healed)
{
    static const struct fault_case cases[] = {{"power-off", {"node=cpe2"}, .felt = true},
                                              {"power-off", {"node=dc1-router"}, .felt = true}};

    each(cases, VC_COUNT(cases));
}

/* The node comes back without the fault's rules: healing the fault must not stumble over that. */
Test(fault, is_healed_after_its_node_was_powered_off)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    static const char *const members[3] = {"link=core-dc1", "select=gre"};
    static const char *const daemon[3] = {"node=dc1-router", "daemon=bgpd"};

    lab_up(RESULTS);
    apply("drop", members);
    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "power-off", "node=dc1-router"), 0);
    EXITS(VCLAB(ctx, "heal", "--results", RESULTS, "power-off"), 0);
    heal();
    lab_await_converged(RESULTS, BACK_MS);
    apply("daemon-kill", daemon);
    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "power-off", "node=dc1-router"), 0);
    EXITS(VCLAB(ctx, "heal", "--results", RESULTS, "power-off"), 0);
    heal();
    lab_await_converged(RESULTS, BACK_MS);
    lab_down(RESULTS);
}

/* Nothing uses port 9, so no packet ever proves the fault: in a lab of `up` it is refused and taken back, in a run it
 * is an error. Both wait for the same limit side by side. */
Test(fault, without_a_proof_is_taken_back)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *scenario = scenario_write(ctx, "unproved",
                                          "  - expect:\n      - converged: {within: 20s}\n  - fault: {name: silent, "
                                          "kind: drop, select: udp/9, link: wan}\n"
                                          "  - expect:\n      - converged: {within: 20s}\n");

    lab_up(RESULTS);
    const char *before = lab_nftables(ctx, "dc1-router");
    struct command *run = VCLAB_START(ctx, "run", "--live", scenario, "--results", "/tmp/run");
    struct command *fault = VCLAB(ctx, "fault", "--results", RESULTS, "drop", "link=wan", "select=udp/9");
    EXITS(fault, 1);
    SAYS(fault, "no effect was seen within");
    SAYS(fault, "taken back");
    cr_assert(!is_active("drop"));
    command_end(run, 40000);
    EXITS(run, 1);
    VC_AUTO_JSON *document = result_json(result_in(ctx, "/tmp/run"), "run.json");
    cr_assert_str_eq(json_string_value(json_object_get(document, "verdict")), "error");
    cr_assert(strstr(json_string_value(json_object_get(document, "reason")), "silent"));
    cr_assert_str_eq(lab_nftables(ctx, "dc1-router"), before);
    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "wan-cut", "name=drop"), 0);
    EXITS(VCLAB(ctx, "heal", "--results", RESULTS, "drop"), 0);
    lab_await_converged(RESULTS, BACK_MS);
    lab_down(RESULTS);
}

Test(fault, that_makes_no_sense_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    lab_up(RESULTS);
    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "earthquake"), 2);
    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "drop", "link=inet-dc9", "select=esp"), 2);
    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "drop", "select=esp"), 2);
    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "daemon-kill", "node=phone", "daemon=bgpd"), 2);
    EXITS(VCLAB(ctx, "heal", "--results", RESULTS, "nothing"), 2);
    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "wan-cut"), 0);
    struct command *again = VCLAB(ctx, "fault", "--results", RESULTS, "wan-cut");
    EXITS(again, 2);
    SAYS(again, "already active");
    lab_down(RESULTS);
}
