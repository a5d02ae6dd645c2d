/* Which rekeys are near, from the events of SAs, on a clock of the test's own; and the timer that follows them. */
#include <criterion/criterion.h>

#include "run/pace.h"

#define S       VC_NS_PER_S
#define BEFORE  (3 * S)
#define AFTER   (2 * S)
#define NEVER   INT64_MAX
#define NOTHING (-1)

/* An event of the CPE's charon. rekey_s NOTHING: none foreseen. */
static void sa(struct vc_rekeys *rekeys, const char *layer, const char *tunnel, int t_s, const char *state,
               bool rekeyed, int rekey_s)
{
    VC_AUTO_JSON *event = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "t_ns", (json_int_t)(t_s * S), "layer", layer,
                                    "node", "cpe1", "what", "sa", "tunnel", tunnel, "state", state);

    if (rekeyed)
        json_object_set_new(event, "rekeyed", json_true());
    if (rekey_s != NOTHING)
        json_object_set_new(event, "rekey_ns", json_integer(rekey_s * S));
    cr_expect(vc_rekeys_event(rekeys, event));
}

static void expect_at(const struct vc_rekeys *rekeys, const char *tunnel, int64_t now_ns, bool near, int64_t next_ns)
{
    VC_AUTO_JSON *tunnels = tunnel ? json_pack("[s]", tunnel) : json_array();
    int64_t next = 0;

    cr_expect_eq(vc_rekeys_near(rekeys, tunnels, BEFORE, AFTER, now_ns, &next), near, "at %.3f s",
                 (double)now_ns / 1e9);
    cr_expect_eq(next, next_ns, "at %.3f s: next %.3f s", (double)now_ns / 1e9, (double)next / 1e9);
}

Test(pace, near_from_before_the_foreseen_time_until_after_the_rekey)
{
    struct vc_rekeys *rekeys = vc_rekeys_new(NULL);

    expect_at(rekeys, "dc1", 0, false, NEVER);
    sa(rekeys, "ipsec", "dc1", 1, "up", false, 100);
    expect_at(rekeys, "dc1", 1 * S, false, 97 * S);
    expect_at(rekeys, "dc1", 97 * S - 1, false, 97 * S);
    expect_at(rekeys, "dc1", 97 * S, true, NEVER);
    expect_at(rekeys, "dc1", 130 * S, true, NEVER); /* overdue: it may come any moment */
    sa(rekeys, "ipsec", "dc1", 131, "up", true, 231);
    expect_at(rekeys, "dc1", 131 * S, true, 133 * S);
    expect_at(rekeys, "dc1", 133 * S, false, 228 * S);
    talloc_free(rekeys);
}

Test(pace, each_flow_follows_its_own_tunnels)
{
    struct vc_rekeys *rekeys = vc_rekeys_new(NULL);

    sa(rekeys, "ipsec", "dc1", 1, "up", false, 100);
    sa(rekeys, "ipsec", "dc2", 1, "up", false, 50);
    expect_at(rekeys, "dc1", 60 * S, false, 97 * S);
    expect_at(rekeys, "dc2", 60 * S, true, NEVER);
    expect_at(rekeys, NULL, 10 * S, false, 47 * S);
    expect_at(rekeys, NULL, 60 * S, true, NEVER);
    talloc_free(rekeys);
}

Test(pace, ike_and_child_are_rekeyed_apart)
{
    struct vc_rekeys *rekeys = vc_rekeys_new(NULL);

    sa(rekeys, "ike", "dc1", 1, "up", false, 400);
    sa(rekeys, "ipsec", "dc1", 1, "up", false, 100);
    sa(rekeys, "ipsec", "dc1", 100, "up", true, 200);
    expect_at(rekeys, "dc1", 103 * S, false, 197 * S);
    sa(rekeys, "ipsec", "dc1", 200, "up", true, 500);
    expect_at(rekeys, "dc1", 203 * S, false, 397 * S);
    sa(rekeys, "ike", "dc1", 401, "up", true, 800);
    expect_at(rekeys, "dc1", 402 * S, true, 403 * S);
    expect_at(rekeys, "dc1", 403 * S, false, 497 * S);
    talloc_free(rekeys);
}

Test(pace, an_sa_that_went_is_not_awaited)
{
    struct vc_rekeys *rekeys = vc_rekeys_new(NULL);

    sa(rekeys, "ipsec", "dc1", 1, "up", false, 100);
    sa(rekeys, "ipsec", "dc1", 50, "down", false, NOTHING);
    expect_at(rekeys, "dc1", 50 * S, false, NEVER);
    expect_at(rekeys, "dc1", 99 * S, false, NEVER);
    sa(rekeys, "ipsec", "dc1", 120, "up", false, 200);
    expect_at(rekeys, "dc1", 198 * S, true, NEVER);
    /* One that goes when it should have been replaced is a rekey that failed: what follows is of interest too. */
    sa(rekeys, "ipsec", "dc1", 201, "down", false, NOTHING);
    expect_at(rekeys, "dc1", 202 * S, true, 203 * S);
    expect_at(rekeys, "dc1", 203 * S, false, NEVER);
    talloc_free(rekeys);
}

Test(pace, other_events_are_none_of_its_business)
{
    static const char *const others[] = {
        "{\"layer\": \"bgp\", \"what\": \"session\"}",
        "{\"layer\": \"ipsec\", \"what\": \"kernel-sa\", \"rekey_ns\": 5}",
        "{\"layer\": \"gre\", \"what\": \"sa\", \"rekey_ns\": 5}",
        "{}",
    };
    struct vc_rekeys *rekeys = vc_rekeys_new(NULL);

    for (size_t i = 0; i < VC_COUNT(others); i++) {
        VC_AUTO_JSON *event = json_loads(others[i], 0, NULL);
        cr_expect_not(vc_rekeys_event(rekeys, event), "%s", others[i]);
    }
    expect_at(rekeys, NULL, 10 * S, false, NEVER);
    talloc_free(rekeys);
}

static bool waits(const char *layer, const char *what, const char *kind, bool before)
{
    VC_AUTO_JSON *event = json_pack("{s:s, s:s, s:s}", "layer", layer, "what", what, "kind", kind);

    return vc_pace_waits(event, before);
}

Test(pace, only_a_step_ends_a_wait)
{
    cr_expect(waits("check", "step", "wait", false));
    cr_expect(waits("check", "step", "wait", true));
    cr_expect_not(waits("check", "step", "expect", true));
    cr_expect_not(waits("check", "step", "fault", true));
    cr_expect(waits("bgp", "session", "wait", true));
    cr_expect_not(waits("fault", "applied", "wait", false));
}

static bool quickens(const char *layer, const char *what, const char *state, bool waiting)
{
    VC_AUTO_JSON *event = json_pack("{s:s, s:s, s:s}", "layer", layer, "what", what, "state", state);

    return vc_pace_quickens(event, waiting);
}

Test(pace, in_a_wait_only_a_session_that_comes_up_quickens_flows)
{
    cr_expect(quickens("bgp", "session", "Established", true));
    cr_expect(quickens("bgp", "session", "Established", false));
    cr_expect_not(quickens("bgp", "session", "Idle", true));
    cr_expect(quickens("bgp", "session", "Idle", false));
    cr_expect_not(quickens("fib", "route", "", true));
    cr_expect(quickens("fib", "route", "", false));
    cr_expect_not(quickens("check", "step", "", true));
    cr_expect_not(quickens("ipsec", "sa", "Established", false));
}
