/* Live labs whose wires ns-3 carries, by --wires: they carry, they have a character, their ends are a link's ends. */
#include <poll.h>
#include <string.h>

#include "lab.h"
#include "run/wires.h"

TestSuite(wires, .init = host_open, .fini = host_close);

static bool has_netem(void)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_wires_host *host = vc_wires_probe(ctx, &err);

    cr_assert(host, "%s", err ? err->message : "");
    return !host->why_not_netem;
}

struct played {
    struct command *run;
    const char *result;
    json_t *json, *plan; /* run.json, and the event */
};

/* The first event of that kind whose `member` is `value` (NULL: any); or NULL. New reference. */
static json_t *event_of(const char *result, const char *layer, const char *what, const char *member, const char *value)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/events.jsonl", result);
    VC_AUTO_FILE *file = fopen(path, "re");
    char line[65536];

    cr_assert(file, "%s", path);
    while (fgets(line, sizeof line, file)) {
        VC_AUTO_JSON *event = json_loads(line, 0, NULL);
        const char *found = member ? json_string_value(json_object_get(event, member)) : NULL;
        if (!strcmp(json_string_value(json_object_get(event, "layer")), layer) &&
            !strcmp(json_string_value(json_object_get(event, "what")), what) &&
            (!member || (found && !strcmp(found, value))))
            return json_incref(event);
    }
    return NULL;
}

/* To its verdict, which is `status`. A host that was too slow for a moment has shown nothing: once more. */
static struct played play(void *ctx, const char *wires, const char *scenario, int status)
{
    static const char *const folders[] = {RESULTS "/first", RESULTS "/second"};
    struct played played = {0};

    for (size_t i = 0; i < VC_COUNT(folders) && (!played.run || played.run->status == VC_EXIT_INCONCLUSIVE); i++) {
        played.run = VCLAB(ctx, "run", "--live", "--wires", wires, scenario, "--results", folders[i]);
        played.result = result_in(ctx, folders[i]);
    }
    EXITS(played.run, status);
    played.json = result_json(played.result, "run.json");
    played.plan = event_of(played.result, "check", "plan", NULL, NULL);
    return played;
}

static void forget(struct played *played)
{
    json_decref(played->json);
    json_decref(played->plan);
}

Test(wires, of_ns3_carry_a_lab)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *before = host_state(ctx);
    struct played played =
        play(ctx, "ns3", VCLAB_SOURCE_DIR "/scenarios/baseline/one-cpe-active-active-bfd.yaml", VC_EXIT_PASS);

    cr_assert(strstr(played.run->out, "ns3 wires"), "%s", played.run->out);
    cr_assert_str_eq(json_string_value(json_object_get(played.json, "wires")), "ns3");
    cr_assert_str_eq(json_string_value(json_object_get(played.plan, "wires")), "ns3");
    cr_assert_gt(json_array_size(json_object_get(played.plan, "ns3_links")), 5, "every link");
    cr_assert(host_quiet(2000));
    host_same(before, "after a run on ns-3's wires");
    forget(&played);
}

/* 10 s of packets each 20 ms: 5 % of 500 are 25, five standard deviations of that 25. */
static const char steps_impair[] = "  - expect:\n      - converged: {within: 30s}\n"
                                   "  - fault: {name: far, kind: impair, link: inet-dc1, delay: 80ms, loss: 5}\n"
                                   "  - wait: 10s\n"
                                   "  - expect:\n      - path: {flow: voice-dc1, via: [dc1], within: 1s}\n"
                                   "  - heal: far\n";

static double median_of(const char *result, const char *flow, json_int_t *lost)
{
    VC_AUTO_JSON *summary = event_of(result, "probe", "summary", "flow", flow);

    cr_assert(summary, "no summary of %s", flow);
    *lost = json_integer_value(json_object_get(summary, "lost"));
    return json_number_value(json_object_get(json_object_get(summary, "owd_ms"), "median"));
}

Test(wires, an_impaired_link_alone_is_ns3s_and_packets_meet_it)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct played played = play(ctx, "auto", scenario_write(ctx, "impair", steps_impair), VC_EXIT_PASS);
    json_t *links = json_object_get(played.plan, "ns3_links");
    json_int_t lost;

    VC_AUTO_JSON *proved = event_of(played.result, "fault", "proved", "name", "far");
    const char *evidence = json_string_value(json_object_get(proved, "evidence"));
    if (has_netem()) {
        cr_assert_null(links);
    } else {
        cr_assert_eq(json_array_size(links), 1);
        cr_assert_str_eq(json_string_value(json_array_get(links, 0)), "inet-dc1");
        cr_assert_str_eq(evidence, "vclab-wire has it so at 2 ends: 80 ms, 5 % lost");
    }
    double median = median_of(played.result, "voice-dc1", &lost);
    cr_assert(median >= 80 && median < 100, "%f ms", median);
    cr_assert(lost >= 1 && lost <= 50, "%lld lost", (long long)lost);
    cr_assert_lt(median_of(played.result, "voice-dc2", &lost), 80);
    forget(&played);
}

static const char steps_ends[] = "  - expect:\n      - converged: {within: 30s}\n"
                                 "  - fault: {name: shut, kind: link-down, link: inet-dc1, end: isp}\n"
                                 "  - heal: shut\n"
                                 "  - expect:\n      - path: {flow: voice-dc1, via: [dc1], within: 40s}\n"
                                 "  - fault: {name: off, kind: power-off, node: cpe2}\n"
                                 "  - heal: off\n"
                                 "  - expect:\n      - path: {flow: voice-dc2, via: [dc2], within: 60s}\n";

Test(wires, ends_that_go_and_come_back, .timeout = 250)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct played played = play(ctx, "ns3", scenario_write(ctx, "ends", steps_ends), VC_EXIT_PASS);
    static const char *const names[] = {"shut", "off"};

    for (size_t i = 0; i < VC_COUNT(names); i++) {
        VC_AUTO_JSON *proved = event_of(played.result, "fault", "proved", "name", names[i]);
        cr_assert(strstr(json_string_value(json_object_get(proved, "evidence")), "no carrier"));
        VC_AUTO_JSON *healed = event_of(played.result, "fault", "healed", "name", names[i]);
        cr_assert(healed, "%s is not healed", names[i]);
    }
    VC_AUTO_JSON *drops = event_of(played.result, "link", "wire-drops", NULL, NULL);
    cr_assert_null(drops, "what a link without carrier drops is nobody's");
    forget(&played);
}

Test(wires, that_end_end_the_run)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *scenario =
        scenario_write(ctx, "long", "  - expect:\n      - converged: {within: 30s}\n  - hold: 60s\n");
    struct command *run = VCLAB_START(ctx, "run", "--live", "--wires", "ns3", scenario, "--results", RESULTS);

    command_await(run, "hold: ", 40000);
    ino_t inside = namespace_of(child_of(run->pid), "pid");
    pid_t wire = process_in(inside, "vclab-wire", NULL);
    cr_assert_gt(wire, 0);
    cr_assert_eq(kill(wire, SIGKILL), 0);
    cr_assert_eq(command_end(run, 20000), VC_EXIT_FAIL);
    SAYS(run, "vclab-wire died: signal 9");
    VC_AUTO_JSON *json = result_json(result_in(ctx, RESULTS), "run.json");
    cr_assert_str_eq(json_string_value(json_object_get(json, "verdict")), "error");
    const char *reason = json_string_value(json_object_get(json, "reason"));
    cr_assert(strstr(reason, "vclab-wire died (status \"signal 9\")") && !strchr(reason, '\n'), "%s", reason);
    cr_assert(host_quiet(2000));
}

/* A process that is stopped for longer than the timers allow (a second), and goes on. */
Test(wires, that_are_late_have_shown_nothing)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *scenario = scenario_write(ctx, "late", "  - expect:\n      - converged: {within: 30s}\n  - hold: 5s\n");
    struct command *run = VCLAB_START(ctx, "run", "--live", "--wires", "ns3", scenario, "--results", RESULTS);

    command_await(run, "hold: ", 40000);
    pid_t wire = process_in(namespace_of(child_of(run->pid), "pid"), "vclab-wire", NULL);
    cr_assert_gt(wire, 0);
    cr_assert_eq(kill(wire, SIGSTOP), 0);
    poll(NULL, 0, 1500); /* the lateness itself */
    cr_assert_eq(kill(wire, SIGCONT), 0);
    cr_assert_eq(command_end(run, 30000), VC_EXIT_INCONCLUSIVE);
    VC_AUTO_JSON *json = result_json(result_in(ctx, RESULTS), "run.json");
    const char *reason = json_string_value(json_object_get(json, "reason"));
    cr_assert(strstr(reason, "this host scheduled vclab-wire up to "), "%s", reason);
    VC_AUTO_JSON *lag = event_of(result_in(ctx, RESULTS), "link", "wire-lag", NULL, NULL);
    cr_assert(lag, "no link/wire-lag");
}

Test(wires, leave_nothing_when_vclab_is_killed)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *scenario =
        scenario_write(ctx, "long", "  - expect:\n      - converged: {within: 30s}\n  - hold: 60s\n");
    const char *before = host_state(ctx);
    struct command *run = VCLAB_START(ctx, "run", "--live", "--wires", "ns3", scenario, "--results", RESULTS);

    command_await(run, "hold: ", 40000);
    ino_t inside = namespace_of(child_of(run->pid), "pid");
    cr_assert_gt(process_in(inside, "vclab-wire", NULL), 0);
    cr_assert_eq(kill(run->pid, SIGKILL), 0);
    command_end(run, 5000);
    cr_assert(host_quiet(2000));
    cr_assert(!process_in(inside, NULL, NULL), "something of the lab lives on");
    host_same(before, "after the kill");
}

Test(wires, that_this_host_or_the_option_has_not)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *scenario = scenario_write(ctx, "impair", steps_impair);
    struct command *plain = VCLAB(ctx, "run", "--live", "--wires", "veth", scenario, "--results", RESULTS);

    EXITS(plain, VC_EXIT_HOST);
    SAYS(plain, "fault far gives a wire a character, which --wires veth has not");
    if (!has_netem()) {
        struct command *netem = VCLAB(ctx, "run", "--live", "--wires", "netem", scenario, "--results", RESULTS);
        EXITS(netem, VC_EXIT_HOST);
        SAYS(netem, "sch_netem");
    }
    struct command *string = VCLAB(ctx, "up", "two-cpe", "--wires", "string", "--results", RESULTS);
    EXITS(string, VC_EXIT_USAGE);
    SAYS(string, "--wires string: auto, netem, ns3 or veth");
    struct command *sealed = VCLAB(ctx, "run", "--wires", "ns3", scenario, "--results", RESULTS);
    EXITS(sealed, VC_EXIT_USAGE);
    SAYS(sealed, "--wires is of live runs; add --live");
}

static bool carrier_of(const char *node, const char *ifname)
{
    VC_AUTO_JSON *status = lab_status(RESULTS);
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(lab_node(status, node), "interfaces"), i, item)
    {
        if (!strcmp(json_string_value(json_object_get(item, "name")), ifname))
            return json_is_true(json_object_get(item, "carrier"));
    }
    cr_assert_fail("%s has no %s", node, ifname);
    return false;
}

Test(wires, of_a_lab_to_work_in)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *up = VCLAB(ctx, "up", "two-cpe", "--wires", "ns3", "--results", RESULTS);

    EXITS(up, 0);
    struct command *status = VCLAB(ctx, "status", "--results", RESULTS);
    cr_assert(strstr(status->out, "ns3 wires"), "%s", status->out);
    struct command *fault =
        VCLAB(ctx, "fault", "--results", RESULTS, "impair", "name=far", "link=inet-dc1", "toward=isp", "delay=30ms");
    EXITS(fault, 0);
    EXITS(VCLAB(ctx, "heal", "--results", RESULTS, "far"), 0);
    /* Whoever shuts an interface: the other end sees it. */
    static const char *const states[] = {"down", "up"};
    for (size_t i = 0; i < VC_COUNT(states); i++) {
        EXITS(VCLAB(ctx, "exec", "--results", RESULTS, "isp", "--", "ip", "link", "set", "inet-dc1", states[i]), 0);
        for (int64_t end = host_now_ms() + 20000; carrier_of("dc1-headend", "inet-dc1") != (i == 1);)
            cr_assert(host_now_ms() < end, "inet-dc1 is %s at the ISP, and its headend does not see it", states[i]);
    }
    lab_down(RESULTS);
}
