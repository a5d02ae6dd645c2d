/* The character of wires: in links, in a scenario's `wires`, in impair faults. */
#include "edit.h"

#define TOPOLOGIES SHIPPED("topologies")
#define TWO_CPE    SHIPPED("topologies/two-cpe.yaml")
#define LOSS       SHIPPED("scenarios/failover/two-cpe-dc1-silent-loss-bfd.yaml")
#define CUT        "{name: cut, kind: drop, select: esp, link: inet-dc1}"
#define INET       "isp: 198.51.100.9/29}"

static struct vc_topology *topology(void *ctx, const char *file, vc_error **err)
{
    return vc_topology_load(ctx, file, KINDS, err);
}

static struct vc_scenario *scenario(void *ctx, const char *file, vc_error **err)
{
    return vc_scenario_load(ctx, file, TOPOLOGIES, KINDS, err);
}

static void refused(const vc_error *err, const char *wanted)
{
    cr_assert(err && strstr(err->message, wanted), "\nwanted: %s\ngot: %s", wanted, err ? err->message : "no error");
}

Test(wire, a_link_has_a_character)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct edit *edit = edit_file(
        ctx, TWO_CPE, INET,
        "delay: 80ms, isp: 198.51.100.9/29, jitter: 30ms, loss: 1, burst: 4, corrupt: 0.0001, duplicate: 0.5, "
        "reorder: 100, rate: 10, limit: 7}");
    const struct vc_topology *t = topology(ctx, edit->file, &err);

    cr_assert(t, "%s", err ? err->message : "");
    const struct vc_link *link = &t->links[vc_topology_link(t, "inet-cpe1")];
    const struct vc_wire *w = &link->wire;
    cr_assert_eq(link->end[1].node, vc_topology_node(t, "isp"));
    cr_assert(w->delay_us == 80000 && w->jitter_us == 30000 && w->loss_ppm == 10000 && w->burst == 4 &&
              w->corrupt_ppm == 1 && w->duplicate_ppm == 5000 && w->reorder_ppm == 1000000 && w->rate_mbit == 10 &&
              w->limit == 7);
    cr_assert(vc_wire_is_perfect(&t->links[vc_topology_link(t, "inet-cpe2")].wire));
}

static const struct {
    const char *members, *message;
} bad_wires[] = {
    {"delya: 80ms}", "found a link with 3 ends"},
    {"delay: 80}", "found \"80\" for delay; allowed: a duration"},
    {"delay: 11s}", "allowed: a duration from 0 s to 10 s"},
    {"jitter: 30ms}", "found jitter 30ms; allowed: up to the delay"},
    {"loss: 101}", "found \"101\" for loss; allowed: percent from 0 to 100, four decimals at most"},
    {"loss: 1%}", "found \"1%\" for loss; allowed: percent"},
    {"loss: 0.00001}", "for loss; allowed: percent"},
    {"loss: .5}", "for loss; allowed: percent"},
    {"loss: 1.}", "for loss; allowed: percent"},
    {"loss: -1}", "for loss; allowed: percent"},
    {"burst: 4}", "found burst 4; allowed: with loss"},
    {"loss: 1, burst: 0}", "found \"0\" for burst; allowed: a number from 1"},
    {"loss: 90, burst: 4}", "found burst 4; allowed: longer bursts"},
    {"reorder: 1}", "found reorder 1; allowed: with a delay"},
    {"rate: 0}", "found \"0\" for rate; allowed: a number from 1"},
    {"loss: 1, loss: 2}", "found \"loss\" again"},
};

Test(wire, bad_characters_are_refused)
{
    for (size_t i = 0; i < VC_COUNT(bad_wires); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        const char *link = talloc_asprintf(ctx, "isp: 198.51.100.9/29, %s", bad_wires[i].members);

        cr_assert_null(topology(ctx, edit_file(ctx, TWO_CPE, INET, link)->file, &err));
        refused(err, bad_wires[i].message);
    }
}

Test(wire, a_tunnels_rate_may_be_off)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_topology *t = topology(ctx, TWO_CPE, &err);

    cr_assert_eq(t->settings.rate_mbit, 250);
    t = topology(ctx, edit_file(ctx, TWO_CPE, "nodes:\n", "settings: {rate: off}\nnodes:\n")->file, &err);
    cr_assert(t, "%s", err ? err->message : "");
    cr_assert_eq(t->settings.rate_mbit, 0);
    cr_assert_null(topology(ctx, edit_file(ctx, TWO_CPE, "nodes:\n", "settings: {rate: 0}\nnodes:\n")->file, &err));
    refused(err, "found \"0\" for rate; allowed: off, or Mbit/s from 1 to 10000");
}

Test(wire, a_scenario_changes_its_own_wires_only)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_scenario *s = scenario(
        ctx,
        edit_file(ctx, LOSS, "timers: bfd\n", "timers: bfd\nwires: {inet-dc1: {delay: 5ms, loss: 0.1}, wan: {}}\n")
            ->file,
        &err);

    cr_assert(s, "%s", err ? err->message : "");
    const struct vc_wire *wire = &s->topology->links[vc_topology_link(s->topology, "inet-dc1")].wire;
    cr_assert(wire->delay_us == 5000 && wire->loss_ppm == 1000 && !wire->jitter_us);
    cr_assert(vc_wire_is_perfect(&s->topology->links[vc_topology_link(s->topology, "inet-dc2")].wire));
}

static const struct {
    const char *from, *to, *message;
} bad_scenarios[] = {
    {"timers: bfd\n", "timers: bfd\nwires: {inet-dcl: {loss: 1}}\n", "found unknown link \"inet-dcl\""},
    {"timers: bfd\n", "timers: bfd\nwires: {wan: {los: 1}}\n", "found unknown key of a wire \"los\"; allowed: delay,"},
    {"timers: bfd\n", "timers: bfd\nwires: {wan: {jitter: 1ms}}\n", "found jitter 1ms; allowed: up to the delay"},
    {"timers: bfd\n", "timers: bfd\nwires: {}\n", "found an empty mapping for the wires"},
    {CUT, "{name: cut, kind: impair, link: wan}", "found impair without what is wrong with the wire"},
    {CUT, "{name: cut, kind: impair, loss: 1}", "found impair with neither link nor tunnel"},
    {CUT, "{name: cut, kind: impair, link: wan, tunnel: dc1, loss: 1}", "found impair with link and tunnel"},
    {CUT, "{name: cut, kind: impair, link: wan, toward: isp, loss: 1}",
     "found unknown toward \"isp\"; allowed: dc1-router, dc2-router"},
    {CUT, "{name: cut, kind: impair, tunnel: dc1, toward: dc1-headend, rate: 1}",
     "found unknown toward \"dc1-headend\"; allowed: cpe1, dc1-router"},
    {CUT, "{name: cut, kind: impair, link: wan, loss: 1000}", "found \"1000\" for loss"},
    {CUT, "{name: cut, kind: impair, link: wan, loss: [1]}", "found a list for loss"},
    {CUT, "{name: cut, kind: impair, link: wan, burst: 2}", "found burst 2; allowed: with loss"},
};

Test(wire, bad_scenarios_are_refused)
{
    for (size_t i = 0; i < VC_COUNT(bad_scenarios); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;

        cr_assert_null(scenario(ctx, edit_file(ctx, LOSS, bad_scenarios[i].from, bad_scenarios[i].to)->file, &err),
                       "%s", bad_scenarios[i].to);
        refused(err, bad_scenarios[i].message);
    }
}

static const struct {
    const char *fault, *text;
} texts[] = {
    {"{name: cut, kind: impair, link: wan, delay: 80ms, jitter: 30ms, loss: 1, burst: 4}",
     "wire wan has 80 ms ± 30 ms, 1 % lost in bursts of 4, both directions"},
    {"{name: cut, kind: impair, tunnel: dc1, rate: 10, toward: cpe1}", "tunnel dc1 has 10 Mbit/s, towards cpe1"},
};

Test(wire, impair_reads_as_a_sentence)
{
    for (size_t i = 0; i < VC_COUNT(texts); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        const struct vc_scenario *s = scenario(ctx, edit_file(ctx, LOSS, CUT, texts[i].fault)->file, &err);

        cr_assert(s, "%s", err ? err->message : "");
        cr_assert_str_eq(vc_step_text(ctx, &s->steps[2]), texts[i].text);
    }
}

Test(wire, an_impair_spec_keeps_its_character)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_topology *t = topology(ctx, TWO_CPE, &err);
    VC_AUTO_JSON *spec = json_pack("{s:s, s:s, s:s, s:s, s:i}", "kind", "impair", "link", "wan", "delay", "80ms",
                                   "loss", "0.25", "rate", 10);
    struct vc_wire wire;

    for (int i = 0; i < 2; i++) { /* a checked spec may be checked again */
        cr_assert_eq(vc_fault_spec_check(t, spec, (struct vc_mark){0}, &err), 0, "%s", err ? err->message : "");
        cr_assert(vc_wire_of_spec(spec, &wire));
        cr_assert(wire.delay_us == 80000 && wire.loss_ppm == 2500 && wire.rate_mbit == 10 && !wire.jitter_us);
    }
    json_object_set_new(spec, "loss", json_string("lots"));
    cr_assert_not(vc_wire_of_spec(spec, &wire));
}
