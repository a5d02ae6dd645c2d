#include "edit.h"

#include <criterion/parameterized.h>

#define TOPOLOGIES SHIPPED("topologies")
#define FAILOVER   SHIPPED("scenarios/failover/")
#define LOSS       FAILOVER "two-cpe-dc1-silent-loss-bfd.yaml"
#define FLAP       FAILOVER "one-cpe-flap-ten-times-only-bfd.yaml"

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static const struct vc_scenario *load(void *ctx, const char *file)
{
    VC_AUTO_ERROR *err = NULL;
    const struct vc_scenario *s = vc_scenario_load(ctx, file, TOPOLOGIES, KINDS, &err);

    cr_assert(s, "%s", err ? err->message : "");
    return s;
}

Test(scenario, steps_are_read_as_written)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_scenario *s = load(ctx, LOSS);
    static const enum vc_step_kind kinds[] = {VC_STEP_EXPECT, VC_STEP_HOLD, VC_STEP_FAULT,  VC_STEP_EXPECT,
                                              VC_STEP_HOLD,   VC_STEP_HEAL, VC_STEP_EXPECT, VC_STEP_HOLD};

    cr_assert_str_eq(s->name, "two-cpe-dc1-silent-loss-bfd");
    cr_assert_str_eq(s->topology->name, "two-cpe");
    cr_assert_str_eq(s->timers->name, "bfd");
    cr_assert_str_eq(s->requirements[0], "R1");
    cr_assert_eq(s->fault_of_count, 1);
    cr_assert_str_eq(s->fault_of[0], "R1");
    cr_assert_eq(s->flow_count, 2);
    cr_assert_str_eq(s->flows[1].name, "voice-dc2");
    cr_assert_eq(s->flows[1].to, vc_topology_node(s->topology, "dc2-srv"));
    cr_assert_eq(s->flows[1].interval_ms, 20);
    cr_assert_eq(s->step_count, VC_COUNT(kinds));
    for (size_t i = 0; i < VC_COUNT(kinds); i++)
        cr_assert_eq(s->steps[i].kind, kinds[i], "step %zu", i);
    cr_assert_eq(json_integer_value(json_object_get(s->steps[1].spec, "for_ns")), 2 * VC_NS_PER_S);
    cr_assert_str_eq(text_of(s->steps[5].spec, "name"), "cut");
    cr_assert_gt(s->steps[2].mark.line, 10);
}

Test(scenario, a_wait_needs_nothing_before_it)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_scenario *s = load(ctx, edit_file(ctx, LOSS, "steps:\n", "steps:\n  - wait: 1500ms\n")->file);
    VC_AUTO_TALLOC char *text = vc_step_text(NULL, &s->steps[0]);

    cr_assert_eq(s->steps[0].kind, VC_STEP_WAIT);
    cr_assert_eq(json_integer_value(json_object_get(s->steps[0].spec, "for_ns")), 1500 * VC_NS_PER_MS);
    cr_assert_str_eq(text, "wait 1.5 s");
}

Test(scenario, specs_are_what_the_verdict_reads)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_scenario *s = load(ctx, LOSS);
    VC_AUTO_JSON *path =
        json_pack("{s:s, s:s, s:s, s:[s, s], s:s, s:I}", "type", "path", "text", "voice-dc1 takes dc2+wan within 1.2 s",
                  "flow", "voice-dc1", "via", "dc2", "wan", "direction", "both", "within_ns", (json_int_t)1200000000);
    VC_AUTO_JSON *outage =
        json_pack("{s:s, s:s, s:s, s:I, s:s}", "type", "outage", "text", "voice-dc1 is silent for at most 1.2 s",
                  "flow", "voice-dc1", "at_most_ns", (json_int_t)1200000000, "direction", "both");
    VC_AUTO_JSON *lost = json_pack("{s:s, s:s, s:s, s:i, s:s}", "type", "lost", "text", "voice-dc2 loses no packet",
                                   "flow", "voice-dc2", "at_most", 0, "direction", "both");
    VC_AUTO_JSON *fault =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", "cut", "kind", "drop", "link", "inet-dc1", "select", "esp",
                  "direction", "both", "text", "drop esp on inet-dc1, both directions");

    cr_assert(json_equal(json_array_get(s->steps[3].spec, 0), path), "%s",
              json_dumps(json_array_get(s->steps[3].spec, 0), 0));
    cr_assert(json_equal(json_array_get(s->steps[3].spec, 2), outage), "%s",
              json_dumps(json_array_get(s->steps[3].spec, 2), 0));
    cr_assert(json_equal(json_array_get(s->steps[3].spec, 3), lost), "%s",
              json_dumps(json_array_get(s->steps[3].spec, 3), 0));
    cr_assert(json_equal(s->steps[2].spec, fault), "%s", json_dumps(s->steps[2].spec, 0));
}

Test(scenario, repeat_is_unrolled_and_names_carry_the_round)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_scenario *s = load(ctx, FLAP);

    cr_assert_eq(s->step_count, 2 + 10 * 6);
    cr_assert_str_eq(text_of(s->steps[2].spec, "name"), "cut");
    cr_assert_str_eq(text_of(s->steps[2 + 6].spec, "name"), "cut#2");
    cr_assert_str_eq(text_of(s->steps[2 + 9 * 6].spec, "name"), "cut#10");
    cr_assert_str_eq(text_of(s->steps[5 + 9 * 6].spec, "name"), "cut#10");
    cr_assert_eq(s->steps[5 + 9 * 6].kind, VC_STEP_HEAL);
}

Test(scenario, a_flow_may_be_quicker_near_a_rekey)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_scenario *s = load(ctx, SHIPPED("scenarios/baseline/two-cpe-rekey-24h-service.yaml"));

    cr_assert_eq(s->flows[0].interval_ms, 2000);
    cr_assert_eq(s->flows[0].rekey.interval_ms, 20);
    cr_assert_eq(s->flows[0].rekey.before_ms, 3000);
    cr_assert_eq(s->flows[0].rekey.after_ms, 3000);
    cr_assert_str_eq(s->capture, "control");
    cr_assert_eq(json_integer_value(json_object_get(s->steps[1].spec, "for_ns")), 24 * 3600 * VC_NS_PER_S);

    s = load(ctx,
             edit_file(ctx, LOSS, "to: dc1-srv}", "to: dc1-srv, interval: 1s, near: {rekey: {before: 500ms}}}")->file);
    cr_assert_eq(s->flows[0].rekey.interval_ms, 20, "the default");
    cr_assert_eq(s->flows[0].rekey.before_ms, 500);
    cr_assert_eq(s->flows[0].rekey.after_ms, 3000);
    cr_assert_eq(s->flows[1].rekey.interval_ms, 0, "none");
    cr_assert_str_eq(s->capture, "all");
}

Test(scenario, may_need_the_kernel_data_plane)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    cr_assert_str_eq(load(ctx, LOSS)->plane, "any");
    cr_assert_str_eq(load(ctx, edit_file(ctx, LOSS, "timers: bfd", "timers: bfd\nplane: kernel")->file)->plane,
                     "kernel");
}

Test(scenario, a_hold_may_look_across_the_start_of_a_round)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    load(ctx, edit_file(ctx, FLAP, "      steps:\n", "      steps:\n        - hold: 1s\n")->file);
}

/* The first expect step of LOSS. */
#define START "converged: {within: 60s}\n      - bfd: {tunnel: dc1, state: up, within: 60s}"

/* The texts of an expectation in every form that the tables have. */
static const struct {
    const char *expectation, *text;
} texts[] = {
    {"converged: {within: 5s}", "all BGP sessions are up and every flow runs on its healthy path within 5 s"},
    {"path: {flow: voice-dc1, via: none, within: 90s}", "voice-dc1 has no path within 90 s"},
    {"path: {flow: voice-dc1, via: [dc1], direction: return, within: 1ms}", "voice-dc1 (return) takes dc1 within 1 ms"},
    {"outage: {flow: voice-dc1, at_least: 1250ms}", "voice-dc1 is silent for at least 1.25 s"},
    {"outage: {flow: voice-dc1, at_least: 1s, at_most: 2m}", "voice-dc1 is silent for at least 1 s and at most 120 s"},
    {"lost: {flow: voice-dc1, at_most: 1}", "voice-dc1 loses at most 1 packet"},
    {"lost: {flow: voice-dc1, at_most: 3, direction: forward}", "voice-dc1 (forward) loses at most 3 packets"},
    {"route: {node: cpe1, prefix: 0.0.0.0/0, within: 1s}", "cpe1 has a route to 0.0.0.0/0 within 1 s"},
    {"route: {node: cpe1, prefix: 198.18.5.0/24, via: peer, present: false, within: 1s}",
     "cpe1 has no route to 198.18.5.0/24 via peer within 1 s"},
    {"session: {tunnel: dc1, state: down, within: 1s}", "BGP over tunnel dc1 is down within 1 s"},
    {"bfd: {tunnel: dc1, state: up, within: 1s}", "BFD over tunnel dc1 is up within 1 s"},
    {"sa: {tunnel: dc2, state: up, within: 1s}", "the SA of tunnel dc2 is up within 1 s"},
    {"interface: {node: dc1-router, name: gre-dc1, state: up, within: 1s}", "gre-dc1 on dc1-router is up within 1 s"},
    {"rekeyed: {tunnel: dc1, sa: child, at_least: 26}", "the CHILD SA of tunnel dc1 is rekeyed at least 26 times"},
    {"rekeyed: {tunnel: dc2, sa: ike, at_least: 1, at_most: 7}",
     "the IKE SA of tunnel dc2 is rekeyed at least 1 and at most 7 times"},
    {"rekeyed: {tunnel: dc2, sa: ike, at_most: 0}", "the IKE SA of tunnel dc2 is rekeyed at most 0 times"},
    {"log: {node: cpe1, daemon: charon, contains: \"giving up\", within: 1s}",
     "charon of cpe1 logs \"giving up\" within 1 s"},
    {"log: {node: dc1-router, daemon: bgpd, contains: x, present: false, within: 1s}",
     "bgpd of dc1-router does not log \"x\" within 1 s"},
    {"diagnosis: {cause: healthy, within: 1s}", "the doctor finds nothing wrong within 1 s"},
    {"diagnosis: {cause: ike-psk, node: cpe1, tunnel: dc1, within: 1s}",
     "the doctor names ike-psk at cpe1 in tunnel dc1 and nothing else within 1 s"},
    {"diagnosis: {cause: esp-blocked, first: true, others: true, within: 1s}",
     "the doctor names esp-blocked first within 1 s"},
};

Test(scenario, texts_read_as_sentences)
{
    for (size_t i = 0; i < VC_COUNT(texts); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct edit *edit = edit_file(ctx, LOSS, START, texts[i].expectation);
        size_t length;
        const char *text = edit_read(ctx, edit->file, &length);
        /* a hold needs a state before it, which not all of these are */
        edit = edit_file(ctx, edit->file, "  - hold: 2s\n", "");
        cr_assert(text);
        const struct vc_scenario *s = load(ctx, edit->file);
        cr_assert_str_eq(vc_step_text(ctx, &s->steps[0]), texts[i].text);
    }
}

static const struct {
    const char *fault, *text;
} fault_texts[] = {
    {"{name: cut, kind: drop, select: udp/500, link: inet-dc1, direction: isp}",
     "drop udp/500 on inet-dc1, towards isp"},
    {"{name: cut, kind: drop, select: bgp, tunnel: dc1, direction: cpe1}", "drop bgp in tunnel dc1, towards cpe1"},
    {"{name: cut, kind: link-down, link: inet-dc1}", "shut inet-dc1 at dc1-headend"},
    {"{name: cut, kind: link-down, link: inet-dc1, end: isp}", "shut inet-dc1 at isp"},
    {"{name: cut, kind: daemon-kill, node: dc1-headend, daemon: charon}", "kill charon on dc1-headend"},
    {"{name: cut, kind: daemon-pause, node: cpe1, daemon: bfdd}", "pause bfdd on cpe1"},
    {"{name: cut, kind: power-off, node: cpe2}", "power off cpe2"},
    {"{name: cut, kind: misconfigure, node: cpe1, configure: {psk: wrong, remote_as: 64999}}",
     "cpe1 starts anew with another psk, remote_as"},
    {"{name: cut, kind: wan-cut}", "cut the WAN between the DCs"},
    {"{name: cut, kind: wan-cut, link: wan}", "cut wan between two DCs"},
};

Test(scenario, fault_texts)
{
    for (size_t i = 0; i < VC_COUNT(fault_texts); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct vc_scenario *s = load(
            ctx,
            edit_file(ctx, LOSS, "{name: cut, kind: drop, select: esp, link: inet-dc1}", fault_texts[i].fault)->file);

        cr_assert_str_eq(vc_step_text(ctx, &s->steps[2]), fault_texts[i].text);
        cr_assert_str_eq(vc_step_text(ctx, &s->steps[5]), "heal cut");
    }
}

struct refusal {
    char from[120], to[200], message[200];
};

#define CUT  "{name: cut, kind: drop, select: esp, link: inet-dc1}"
#define HEAL "  - heal: cut\n"
static struct refusal refusals[] = {
    {"topology: two-cpe", "topology: two-cpee", "found unknown topology \"two-cpee\"; allowed: "},
    {"topology: two-cpe", "topology: two-cpee", "did you mean \"two-cpe\"?"},
    {"topology: two-cpe", "topology: ../nowhere.yaml", "found unknown topology"},
    {"timers: bfd", "timers: bdf",
     "found unknown timers profile \"bdf\"; allowed: service, keepalive, tuned, bfd, only-bfd; did you mean \"bfd\"?"},
    {"timers: bfd\n", "", "found a scenario without \"timers\""},
    {"scenario: two-cpe", "scenario: one-cpe", "allowed: the file's name"},
    {"requirements: [R1,", "requirements: [R0,", "found \"R0\"; allowed: R1 to R42, each once"},
    {"requirements: [R1,", "requirements: [R1, R1,", "found \"R1\"; allowed: R1 to R42, each once"},
    {"requirements: [R1,", "requirements: [R43,", "found \"R43\""},
    {"timers: bfd", "timers: bfd\nfault_of: R1", "found \"R1\" for fault_of; allowed: a list such as [R1, R40]"},
    {"fault_of: [", "fault_of: [R0, ", "found \"R0\"; allowed: R1 to R42, each once"},
    {"from: phone, to: dc1-srv", "from: phnoe, to: dc1-srv", "found unknown node \"phnoe\""},
    {"from: phone, to: dc1-srv", "from: phnoe, to: dc1-srv", "did you mean \"phone\"?"},
    {"from: phone, to: dc1-srv", "from: phone, to: phone", "found a flow from phone to itself"},
    {"to: dc1-srv}", "to: dc1-srv, interval: 1ms}", "allowed: a duration from 5 ms to 10 s"},
    {"to: dc1-srv}", "to: dc1-srv, near: {}}", "found near without rekey or change"},
    {"to: dc1-srv}", "to: dc1-srv, near: {reboot: {}}}",
     "found unknown key of near \"reboot\"; allowed: rekey, change"},
    {"to: dc1-srv}", "to: dc1-srv, near: {rekey: {pace: 1s}}}",
     "found unknown key of rekey \"pace\"; allowed: interval, before, after"},
    {"to: dc1-srv}", "to: dc1-srv, near: {rekey: {before: 11m}}}", "allowed: a duration from 0 s to 600 s"},
    {"to: dc1-srv}", "to: dc1-srv, near: {rekey: {interval: 40ms}}}",
     "found a longer interval near a rekey (40 ms) than elsewhere (20 ms)"},
    {"topology: two-cpe", "topology: two-cpe\ncapture: some", "found unknown capture \"some\"; allowed: all, control"},
    {"topology: two-cpe", "topology: two-cpe\nplane: user", "found unknown plane \"user\"; allowed: any, kernel"},
    {"  voice-dc2: {", "  voice-dc1: {", "found \"voice-dc1\" again"},
    {"steps:\n", "setps:\n", "did you mean \"steps\"?"},
    {"  - hold: 2s\n", "  - hodl: 2s\n",
     "found unknown step \"hodl\"; allowed: expect, hold, fault, heal, load, stop, wait, repeat; did you mean "
     "\"hold\"?"},
    {"  - hold: 2s\n", "  - hold: 2\n", "found \"2\" for hold; allowed: a duration such as 2s"},
    {"  - hold: 2s\n", "  - hold: 0s\n", "found \"0s\" for hold"},
    {"  - hold: 2s\n", "  - hold: 99999999h\n", "for hold; allowed"},
    {"  - hold: 2s\n", "  - wait: 2\n", "found \"2\" for wait; allowed: a duration such as 2s"},
    {"  - hold: 2s\n", "  - wait: 0s\n", "found \"0s\" for wait"},
    {"  - hold: 2s\n", "  - wait: [2s]\n", "for wait; allowed"},
    {"steps:\n", "steps:\n  - hold: 1s\n", "found hold without an expect step before it"},
    {START, "lost: {flow: voice-dc1, at_most: 0}", "found hold without an expect step before it that asks for a state"},
    {"  - hold: 2s\n", "    hold: 2s\n", "found 2 members in one step"},
    {START, "convreged: {within: 20s}", "found unknown expectation \"convreged\"; allowed: converged, path"},
    {START, "converged: {}", "found converged without \"within\""},
    {START, "converged:", "found converged without \"within\""},
    {START, "converged: {within: 20}", "found \"20\" for within; allowed: a duration"},
    {START, "converged: {within: 0s}", "allowed: a duration from 1 ms"},
    {START, "path: {flow: voice-dc3, via: [dc1], within: 1s}",
     "found unknown flow \"voice-dc3\"; allowed: voice-dc1, voice-dc2"},
    {START, "path: {flow: voice-dc1, via: [dc1, lan1], within: 1s}",
     "found unknown tunnel or WAN link \"lan1\"; allowed: dc1, dc2, wan"},
    {START, "path: {flow: voice-dc1, via: dc1, within: 1s}",
     "found \"dc1\" for via; allowed: a list of tunnels and WAN links"},
    {START, "path: {flow: voice-dc1, via: [], within: 1s}", "found an empty list for via"},
    {START, "path: {flow: voice-dc1, via: [dc1], direction: back, within: 1s}",
     "found unknown direction \"back\"; allowed: both, forward, return"},
    {START, "outage: {flow: voice-dc1}", "found outage without a limit"},
    {START, "outage: {flow: voice-dc1, at_least: 2s, at_most: 1s}", "found at_least above at_most"},
    {START, "outage: {flow: voice-dc1, at_most: 1s, within: 2s}", "found unknown key of outage \"within\""},
    {START, "lost: {flow: voice-dc1, at_most: -1}", "allowed: a number from 0"},
    {START, "rekeyed: {tunnel: dc1, sa: child}", "found rekeyed without a limit"},
    {START, "rekeyed: {tunnel: dc1, at_least: 1}", "found rekeyed without \"sa\""},
    {START, "rekeyed: {tunnel: dc1, sa: esp, at_least: 1}", "found unknown sa \"esp\"; allowed: child, ike"},
    {START, "rekeyed: {tunnel: dc1, sa: ike, at_least: 3, at_most: 2}", "found at_least above at_most"},
    {START, "rekeyed: {tunnel: dc1, sa: ike, at_least: 0}", "allowed: a number from 1"},
    {START, "route: {node: cpe3, prefix: 0.0.0.0/0, within: 1s}", "found unknown node \"cpe3\""},
    {START, "route: {node: cpe1, prefix: 10.0.0.1/8, within: 1s}", "no bits beyond the mask: 10.0.0.0/8"},
    {START, "route: {node: cpe1, prefix: 10.0.0.0/8, via: lan2, within: 1s}",
     "found unknown interface of cpe1 \"lan2\"; allowed: lan1, peer, inet-cpe1, gre-dc1; did you mean \"lan1\"?"},
    {START, "route: {node: cpe1, prefix: 10.0.0.0/8, present: no, within: 1s}", "allowed: true or false"},
    {START, "diagnosis: {cause: ike-pks, within: 1s}", "did you mean \"ike-psk\"?"},
    {START, "diagnosis: {within: 1s}", "found diagnosis without \"cause\""},
    {START, "session: {tunnel: dc9, state: up, within: 1s}", "found unknown tunnel \"dc9\""},
    {START, "sa: {tunnel: dc1, state: upp, within: 1s}", "found unknown state \"upp\"; allowed: up, down"},
    {START, "interface: {node: phone, name: gre-dc1, state: up, within: 1s}",
     "found unknown interface of phone \"gre-dc1\"; allowed: site"},
    {CUT, "{name: cut, kind: dorp, select: esp, link: inet-dc1}",
     "found unknown kind of fault \"dorp\"; allowed: link-down, drop"},
    {CUT, "{name: cut, select: esp, link: inet-dc1}", "found a fault without \"kind\""},
    {CUT, "{kind: drop, select: esp, link: inet-dc1}", "found a drop fault without \"name\""},
    {CUT, "{name: cut, kind: misconfigure, node: cpe1}", "found a misconfigure fault without \"configure\""},
    {CUT, "{name: cut, kind: misconfigure, node: cpe1, configure: {pks: x}}", "did you mean \"psk\"?"},
    {CUT, "{name: cut, kind: misconfigure, node: phone, configure: {psk: x}}",
     "found node phone, which ends no tunnel"},
    {CUT, "{name: cut, kind: misconfigure, node: cpe1, configure: psk}", "allowed: "},
    {CUT, "{name: cut, kind: drop, select: esp}", "found drop with neither link nor tunnel"},
    {CUT, "{name: cut, kind: drop, select: esp, link: inet-dc1, tunnel: dc1}", "found drop with link and tunnel"},
    {CUT, "{name: cut, kind: drop, select: epp, link: inet-dc1}", "found unknown selector \"epp\""},
    {CUT, "{name: cut, kind: drop, select: udp/0, link: inet-dc1}", "found unknown selector \"udp/0\""},
    {CUT, "{name: cut, kind: drop, select: tcp/65536, link: inet-dc1}", "found unknown selector \"tcp/65536\""},
    {CUT, "{name: cut, kind: drop, select: esp, link: inet-dc3}", "found unknown link \"inet-dc3\""},
    {CUT, "{name: cut, kind: drop, select: esp, link: inet-dc1, direction: cpe1}",
     "found unknown direction \"cpe1\"; allowed: dc1-headend, isp, both"},
    {CUT, "{name: cut, kind: link-down, link: inet-dc1, end: cpe1}",
     "found unknown end \"cpe1\"; allowed: dc1-headend, isp"},
    {CUT, "{name: cut, kind: daemon-kill, node: cpe1, daemon: bgp}",
     "found unknown daemon \"bgp\"; allowed: charon, pluto, zebra, bgpd, bfdd, ospfd, bird; did you mean \"bgpd\"?"},
    {CUT, "{name: cut, kind: daemon-kill, node: cpe1}", "found a daemon-kill fault without \"daemon\""},
    {CUT, "{name: cut, kind: wan-cut, link: peer}", "found unknown link between two DC routers \"peer\"; allowed: wan"},
    {CUT, "{name: cut, kind: wan-cut, at: wan}",
     "found unknown key of a wan-cut fault \"at\"; allowed: name, kind, link"},
    {CUT, "{name: cut, kind: daemon-restart, node: cpe1, daemon: bgpd}",
     "found unknown active fault \"cut\"; allowed: none here"},
    {HEAL, "  - heal: cup\n", "found unknown active fault \"cup\"; allowed: cut; did you mean \"cut\"?"},
    {HEAL, "  - heal: cut\n  - heal: cut\n", "found unknown active fault \"cut\""},
    {HEAL, "  - heal: [cut]\n", "found a list for heal"},
    {HEAL, "  - fault: " CUT "\n  - heal: cut\n", "found fault name \"cut\" again (first at line "},
    {HEAL,
     "  - fault: {name: one, kind: misconfigure, node: cpe1, configure: {psk: wrong}}\n"
     "  - fault: {name: two, kind: misconfigure, node: cpe1, configure: {mss: 0}}\n  - heal: one\n",
     "found unknown active fault \"one\"; allowed: cut, two"},
    {HEAL, "  - expect:\n      - diagnosis: {cause: healthy, throughout: always, within: 5s}\n",
     "found \"always\" for throughout; allowed: true or false"},
    {HEAL, "  - repeat: {times: 0, steps: [{heal: cut}]}\n", "allowed: a number from 1 to 1000"},
    {HEAL, "  - repeat: {times: 2, steps: [{heal: cut}]}\n", "found unknown active fault \"cut\""},
    {HEAL, "  - repeat: {times: 2, steps: []}\n", "found steps without a list"},
    {HEAL, "  - repeat: {times: 2, steps: [{repeat: {times: 2, steps: [{hold: 1s}]}}]}\n",
     "found repeat inside repeat"},
    {HEAL,
     "  - repeat: {times: 1000, steps: [{hold: 1s}, {hold: 1s}, {hold: 1s}, {hold: 1s}, {hold: 1s}, {hold: 1s}]}\n",
     "more than 5000 steps"},
};

ParameterizedTestParameters(scenario, refused)
{
    return cr_make_param_array(struct refusal, refusals, VC_COUNT(refusals));
}

ParameterizedTest(struct refusal *refusal, scenario, refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct edit *edit = edit_file(ctx, LOSS, refusal->from, refusal->to);

    cr_assert_null(vc_scenario_load(ctx, edit->file, TOPOLOGIES, KINDS, &err), "accepted: %s", refusal->to);
    cr_assert(err && err->status == VC_EXIT_USAGE);
    cr_assert(strstr(err->message, refusal->message), "wanted: %s\ngot: %s", refusal->message, err->message);
    for (const char *line = err->message; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        cr_assert_eq(strncmp(line, edit->file, strlen(edit->file)), 0, "a line without its place: %s", line);
}

Test(scenario, a_topology_beside_the_scenario_and_its_errors)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct edit *topology = edit_file(ctx, SHIPPED("topologies/two-cpe.yaml"), "kind: host", "kind: ips");
    char *line = talloc_asprintf(ctx, "topology: %s", topology->file);
    const struct edit *edit = edit_file(ctx, LOSS, "topology: two-cpe", line);

    cr_assert_null(vc_scenario_load(ctx, edit->file, TOPOLOGIES, KINDS, &err));
    cr_assert_eq(strncmp(err->message, topology->file, strlen(topology->file)), 0, "%s", err->message);
    cr_assert(strstr(err->message, "\"ips\""));
    edit = edit_file(ctx, edit->file, "requirements: [R1,", "requirements: [R99,");
    cr_assert_null(vc_scenario_load(ctx, edit->file, TOPOLOGIES, KINDS, &err));
    cr_assert(strstr(err->message, "\"R99\"") && strstr(err->message, "\"ips\""), "%s", err->message);
    line = talloc_asprintf(ctx, "topology: ../..%s", SHIPPED("topologies/two-cpe.yaml"));
    load(ctx, edit_file(ctx, LOSS, "topology: two-cpe", line)->file);
}

Test(scenario, an_error_is_said_once)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct edit *edit = edit_file(ctx, FLAP, "{name: cut, kind: drop, ", "{name: cut, name: cut, kind: drop, ");

    cr_assert_null(vc_scenario_load(ctx, edit->file, TOPOLOGIES, KINDS, &err));
    cr_assert_null(strchr(err->message, '\n'), "%s", err->message);
}

Test(scenario, every_shipped_document_is_good)
{
    static const char *const folders[] = {SHIPPED("scenarios/baseline"), SHIPPED("scenarios/failover")};
    size_t seen = 0;

    for (size_t i = 0; i < VC_COUNT(folders); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        struct vc_names names = vc_documents(ctx, folders[i]);

        for (size_t j = 0; j < names.count; j++, seen++) {
            const struct vc_scenario *s =
                load(ctx, talloc_asprintf(ctx, "%s/%s.yaml", folders[i], vc_names_at(names, j)));
            char *start = talloc_asprintf(ctx, "%s-", s->topology->name),
                 *end = talloc_asprintf(ctx, "-%s", s->timers->name);

            cr_assert_eq(strncmp(s->name, start, strlen(start)), 0, "%s", s->name);
            cr_assert_str_eq(s->name + strlen(s->name) - strlen(end), end);
            cr_assert(s->requirement_count && strlen(s->description) > 100, "%s", s->name);
        }
    }
    cr_assert_geq(seen, 23);
}

Test(fault, spec_of_the_command_line)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_topology *t = vc_topology_load(ctx, SHIPPED("topologies/one-cpe.yaml"), KINDS, NULL);
    VC_AUTO_JSON *good = json_pack("{s:s, s:s}", "kind", "link-down", "link", "inet-dc1");
    VC_AUTO_JSON *bad = json_pack("{s:s, s:s, s:i}", "kind", "link-down", "lnik", "inet-dc1", "name", 5);
    VC_AUTO_JSON *list = json_array();

    for (int i = 0; i < 2; i++) { /* a checked spec may be checked again */
        cr_assert_eq(vc_fault_spec_check(t, good, (struct vc_mark){0}, &err), 0, "%s", err ? err->message : "");
        cr_assert_str_eq(text_of(good, "end"), "dc1-headend");
        cr_assert_str_eq(text_of(good, "text"), "shut inet-dc1 at dc1-headend");
    }
    cr_assert_eq(vc_fault_spec_check(t, bad, (struct vc_mark){0}, &err), -1);
    cr_assert_eq(strncmp(err->message, "found ", 6), 0, "%s", err->message);
    cr_assert(strstr(err->message, "did you mean \"link\"?") && strstr(err->message, "found name name \"5\""), "%s",
              err->message);
    cr_assert_str_eq(text_of(bad, "kind"), "link-down");
    cr_assert_eq(vc_fault_spec_check(t, list, (struct vc_mark){0}, &err), -1);
    cr_assert_eq(vc_fault_spec_check(t, bad, (struct vc_mark){0}, NULL), -1);
}

Test(fault, catalogue_names_every_kind)
{
    VC_AUTO_JSON *catalogue = vc_fault_catalogue();
    const json_t *fault;
    size_t i;

    cr_assert_eq(json_array_size(catalogue), 9);
    json_array_foreach(catalogue, i, fault)
    {
        cr_assert(*text_of(fault, "kind") && *text_of(fault, "effect"));
        const json_t *member;
        size_t j;
        json_array_foreach(json_object_get(fault, "members"), j, member)
            cr_assert(*text_of(member, "name") && *text_of(member, "type"), "%s", text_of(fault, "kind"));
    }
}
