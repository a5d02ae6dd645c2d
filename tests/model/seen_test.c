/* What may be expected of packets and tables, and which invariants a scenario may mean to break. */
#include "edit.h"

#define TOPOLOGIES SHIPPED("topologies")
#define LOSS       SHIPPED("scenarios/failover/two-cpe-dc1-silent-loss-bfd.yaml")
#define FIRST      "      - converged: {within: 60s}\n"

static struct vc_scenario *with(void *ctx, const char *expectation, vc_error **err)
{
    const char *both = talloc_asprintf(ctx, FIRST "      - %s\n", expectation);

    return vc_scenario_load(ctx, edit_file(ctx, LOSS, FIRST, both)->file, TOPOLOGIES, KINDS, err);
}

static const struct {
    const char *expectation, *text;
} texts[] = {
    {"seen: {at: core-dc1, select: keepalive, toward: dc1-headend, at_least: 3}",
     "on core-dc1 towards dc1-headend keepalives: at least 3"},
    {"seen: {at: gre-dc1, select: all, to: 198.18.5.128/25, at_most: 0}",
     "on gre-dc1 packets to 198.18.5.128/25: at most 0"},
    {"seen: {at: wan, select: bgp, at_least: 1, at_most: 9}", "on wan BGP packets: at least 1 and at most 9"},
    {"seen: {at: site, select: syn, mss_at_least: 1350, mss_at_most: 1350}",
     "on site TCP SYNs: an MSS of at least 1350 and at most 1350"},
    {"accepted: {node: cpe1, tunnel: dc1, prefixes: [198.18.5.0/24, 198.18.5.0/25], within: 1s}",
     "cpe1 accepts 198.18.5.0/24, 198.18.5.0/25 by tunnel dc1 and nothing else within 1 s"},
    {"accepted: {node: dc1-router, tunnel: dc1, prefixes: [], within: 1s}",
     "dc1-router accepts nothing by tunnel dc1 within 1 s"},
};

Test(seen, expectations_read_as_sentences)
{
    for (size_t i = 0; i < VC_COUNT(texts); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        const struct vc_scenario *s = with(ctx, texts[i].expectation, &err);

        cr_assert(s, "%s", err ? err->message : "");
        const char *text = json_string_value(json_object_get(json_array_get(s->steps[0].spec, 1), "text"));
        cr_expect_str_eq(text, texts[i].text);
    }
}

static const struct {
    const char *expectation, *message;
} refusals[] = {
    {"seen: {at: core-dcl, select: gre, at_least: 1}", "found unknown link or tunnel \"core-dcl\""},
    {"seen: {at: gre-dc3, select: gre, at_least: 1}", "gre-dc1, gre-dc2"},
    {"seen: {at: core-dc1, select: gree, at_least: 1}", "did you mean \"gre\"?"},
    {"seen: {at: core-dc1, select: gre, toward: cpe1, at_least: 1}",
     "found unknown toward \"cpe1\"; allowed: dc1-headend, dc1-router"},
    {"seen: {at: gre-dc1, select: all, toward: dc1-headend, at_least: 1}",
     "found unknown toward \"dc1-headend\"; allowed: cpe1, dc1-router"},
    {"seen: {at: core-dc1, select: gre}", "found seen with no limit"},
    {"seen: {at: core-dc1, select: syn, at_least: 1, mss_at_most: 1350}", "found seen with limits of two measures"},
    {"seen: {at: core-dc1, select: gre, at_least: 2, at_most: 1}", "found at_least above at_most"},
    {"seen: {at: core-dc1, select: gre, mss_at_most: 1350}", "found an MSS of gre; allowed: with select: syn"},
    {"accepted: {node: cpe2, tunnel: dc1, prefixes: [], within: 1s}",
     "found unknown node \"cpe2\"; allowed: cpe1, dc1-router"},
    {"accepted: {node: cpe1, tunnel: dc1, prefixes: 0.0.0.0/0, within: 1s}",
     "allowed: a list of prefixes, [] for none"},
    {"accepted: {node: cpe1, tunnel: dc1, prefixes: [10.0.0.1/8], within: 1s}", "found 10.0.0.1/8; allowed: an IPv4"},
    {"accepted: {node: cpe1, tunnel: dc1, prefixes: []}", "found accepted without \"within\""},
};

Test(seen, refusals_say_what_is_allowed)
{
    for (size_t i = 0; i < VC_COUNT(refusals); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;

        cr_assert_not(with(ctx, refusals[i].expectation, &err), "%s", refusals[i].expectation);
        cr_expect(strstr(err->message, refusals[i].message), "%s", err->message);
    }
}

Test(seen, a_scenario_may_mean_to_break_an_invariant)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_scenario *s =
        vc_scenario_load(ctx, edit_file(ctx, LOSS, "timers: bfd\n", "timers: bfd\nviolates: [no-loop]\n")->file,
                         TOPOLOGIES, KINDS, &err);

    cr_assert(s, "%s", err ? err->message : "");
    cr_assert_eq(s->violates_count, 1);
    cr_assert_str_eq(s->violates[0], "no-loop");
}

Test(seen, no_scenario_may_leave_faults_unproved)
{
    static const struct {
        const char *member, *message;
    } bad[] = {
        {"violates: [faults-proved]", "found unknown invariant \"faults-proved\"; allowed: clear-traffic, "},
        {"violates: no-loop", "found \"no-loop\" for violates; allowed: a list"},
    };

    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        const char *to = talloc_asprintf(ctx, "timers: bfd\n%s\n", bad[i].member);

        cr_assert_not(vc_scenario_load(ctx, edit_file(ctx, LOSS, "timers: bfd\n", to)->file, TOPOLOGIES, KINDS, &err));
        cr_expect(strstr(err->message, bad[i].message), "%s", err->message);
    }
}
