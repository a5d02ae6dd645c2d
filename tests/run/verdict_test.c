/* Recorded event streams and what they must be judged. The streams are in fixtures/, one event a line, as a run writes
 * them. */
#include <criterion/criterion.h>
#include <string.h>

#include "run/verdict.h"

#define FIXTURES VCLAB_SOURCE_DIR "/tests/run/fixtures/"

static void feed_stream(struct vc_judge *judge, const char *name, bool end)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, FIXTURES "%s.jsonl", name);
    VC_AUTO_FILE *file = fopen(path, "r");
    json_t *event;
    size_t count = 0;

    cr_assert(file, "%s", path);
    while ((event = json_loadf(file, JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY, NULL))) {
        const char *what = json_string_value(json_object_get(event, "what"));
        if (end || strcmp(what, "end") != 0)
            vc_judge_event(judge, event);
        json_decref(event);
        count++;
    }
    cr_assert(count > 0, "%s is empty", path);
}

static void feed_file(struct vc_judge *judge, const char *name)
{
    feed_stream(judge, name, true);
}

static json_t *judge_file(const char *name)
{
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);

    feed_file(judge, name);
    return vc_judge_finish(judge);
}

static const char *text(const json_t *object, const char *member)
{
    const char *value = json_string_value(json_object_get(object, member));

    return value ? value : "(absent)";
}

static const json_t *named(const json_t *array, const char *name)
{
    size_t i;
    json_t *entry;

    json_array_foreach(array, i, entry) if (strcmp(text(entry, "name"), name) == 0 ||
                                            strncmp(text(entry, "text"), name, strlen(name)) == 0) return entry;
    return NULL;
}

static double measured(const json_t *result, const char *expectation)
{
    const json_t *entry = named(json_object_get(result, "expectations"), expectation);

    cr_assert(entry, "no expectation \"%s\"", expectation);
    return json_number_value(json_object_get(entry, "measured"));
}

Test(verdict, recorded_streams)
{
    static const struct {
        const char *file, *verdict, *reason; /* the reason contains this */
        const char *broken;                  /* the one invariant that is violated, NULL: none */
    } cases[] = {
        {"healthy", "pass", "", NULL},
        {"failover", "pass", "", NULL},
        {"flap", "pass", "", NULL},
        {"never-back", "pass", "", NULL},
        {"power-off", "pass", "", NULL},
        {"window", "pass", "", NULL},
        {"outage-over-heal", "pass", "", NULL},
        {"daemon-kill", "pass", "", NULL},
        {"window-slow-fault", "fail", "voice-dc2 loses nothing: measured 2 packets", NULL},
        {"outage-too-long", "fail", "voice-dc1 is out for 1.2 s at most: measured 1480 ms, limit 1200 ms", NULL},
        {"path-wrong", "fail", "voice-dc1 takes dc2+wan within 1.2 s: not within 1200 ms", NULL},
        {"window-edge", "fail", "voice-dc2 loses nothing: measured 2 packets, limit 0 packets", NULL},
        {"hold-broken", "fail", "holds for 2 s: no longer true: voice-dc1 takes dc2+wan", NULL},
        {"clear-gre", "fail", "clear-traffic: gre in clear from 10.200.0.1 to 192.0.2.1 on inet-cpe1 (at 3.500 s)",
         "clear-traffic"},
        {"clear-gre-lag", "fail", "clear-traffic", "clear-traffic"},
        {"loop", "fail", "no-loop: TTL exceeded on peer, told by 10.10.0.9 to 10.10.10.10 (at 3.950 s), and 1 more",
         "no-loop"},
        {"route-leak", "fail", "route-policy: dc1-router accepted 10.10.10.0/24 from 100.64.0.2", "route-policy"},
        {"stuck-path", "fail",
         "active-active-paths: voice-dc1 forward took dc2+wan instead of dc1 while every session was up",
         "active-active-paths"},
        {"session-inside-lost", "pass", "", NULL},
        {"link-inside-lost", "pass", "", NULL},
        {"stray-before-fault", "fail",
         "active-active-paths: voice-dc2 forward took dc1+wan instead of dc2 before any fault", "active-active-paths"},
        {"talk-between-dcs", "pass", "", NULL},
        {"no-resolution", "fail", "outage-resolution: voice-dc2 forward: a gap without its resolution",
         "outage-resolution"},
        {"lag", "inconclusive", "up to 345 ms late, 45 ms more than the 300 ms", NULL},
        {"lag-explains", "inconclusive", "limit 1200 ms; the host's own lag of up to 40 ms may be the cause", NULL},
        {"wire-lag", "inconclusive", "scheduled vclab-wire up to 345 ms late, 45 ms more than the 300 ms", NULL},
        {"wire-lag-explains", "inconclusive", "limit 1200 ms; the host's own lag of up to 40 ms may be the cause",
         NULL},
        {"wire-lag-elsewhere", "fail", "limit 1200 ms", NULL},
        {"wire-drops", "inconclusive", "vclab-wire dropped 7 packets of its own", NULL},
        {"wire-died", "error", "vclab-wire died (status \"signal 9\"): it carried the lab's wires", NULL},
        {"hold-stalled", "inconclusive", "no longer true: voice-dc1 takes dc2+wan", NULL},
        {"lag-elsewhere", "fail", "limit 1200 ms", NULL},
        {"unproved", "error", "cut showed no effect: no packet was dropped in 2 s", "faults-proved"},
        {"heal-unproved", "error", "the heal of cut was never proved", "faults-proved"},
        {"daemon-died", "error",
         "bgpd of dc2-router died (status \"signal 11\"): BGP: Received signal 11 BGP: Backtrace", NULL},
        {"truncated", "error", "without check/end", NULL},
        {"interrupted", "error", "the run was interrupted", NULL},
        {"garbage", "error", "", "faults-proved"},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_JSON *result = judge_file(cases[i].file);
        size_t k;
        json_t *invariant;

        cr_expect_str_eq(text(result, "verdict"), cases[i].verdict, "%s: %s (%s)", cases[i].file,
                         text(result, "verdict"), text(result, "reason"));
        cr_expect(strstr(text(result, "reason"), cases[i].reason), "%s: reason \"%s\"", cases[i].file,
                  text(result, "reason"));
        cr_expect(!strchr(text(result, "reason"), '\n'));
        cr_expect_eq(json_is_true(json_object_get(result, "interrupted")), strcmp(cases[i].file, "interrupted") == 0);
        json_array_foreach(json_object_get(result, "invariants"), k, invariant)
        {
            bool broken = cases[i].broken && strcmp(cases[i].broken, text(invariant, "name")) == 0;

            cr_expect_str_eq(text(invariant, "verdict"), broken ? "fail" : "pass", "%s: %s: %s", cases[i].file,
                             text(invariant, "name"), text(invariant, "evidence"));
        }
        cr_expect_eq(json_array_size(json_object_get(result, "invariants")), 6);
    }
}

/* Every stream without its check/end: what the engine knows when it decides whether to look for evidence. */
Test(verdict, that_is_to_come_is_known_before_the_end)
{
    static const char *const files[] = {
        "healthy",    "failover",         "flap",        "window",        "daemon-kill", "outage-too-long",
        "path-wrong", "hold-broken",      "clear-gre",   "route-leak",    "loop",        "stuck-path",
        "lag",        "lag-explains",     "daemon-died", "heal-unproved", "interrupted", "no-resolution",
        "wire-died",  "link-inside-lost", "wire-drops",  "window-edge",   "power-off"};
    unsigned passes = 0;

    for (size_t i = 0; i < VC_COUNT(files); i++) {
        VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);
        VC_AUTO_JSON *wanted = judge_file(files[i]);
        bool pass = !strcmp(text(wanted, "verdict"), "pass");
        feed_stream(judge, files[i], false);
        cr_expect_eq(vc_judge_would_pass(judge), pass, "%s: %s", files[i], text(wanted, "verdict"));
        passes += pass;
    }
    cr_expect(passes >= 5 && passes <= VC_COUNT(files) - 10, "%u of %zu pass", passes, VC_COUNT(files));
}

Test(verdict, failover_is_measured_from_the_trigger)
{
    VC_AUTO_JSON *result = judge_file("failover");

    cr_expect_float_eq(measured(result, "everything converges within 5 s"), 701, 1e-6);
    /* Running again on the new path at 3.990 s, proved at 3.005 s. */
    cr_expect_float_eq(measured(result, "voice-dc1 takes dc2+wan"), 985, 1e-6);
    /* From the last packet before the fault to the first after it. */
    cr_expect_float_eq(measured(result, "voice-dc1 is out for 1.2 s at most"), 1000, 1e-6);
    cr_expect_float_eq(measured(result, "voice-dc2 loses nothing"), 0, 1e-9);
    cr_expect_float_eq(measured(result, "cpe1 reaches 198.18.5.0/25 by peer"), 905, 1e-6);
    cr_expect_float_eq(measured(result, "BGP over dc1 goes down"), 895, 1e-6);
    cr_expect_float_eq(measured(result, "voice-dc1 is out for 100 ms at most"), 0, 1e-9);
    cr_expect_float_eq(measured(result, "holds for 2 s"), 2000, 1e-6);
}

Test(verdict, flows_and_faults_are_told)
{
    VC_AUTO_JSON *result = judge_file("failover");
    VC_AUTO_JSON *cut = judge_file("never-back");
    const json_t *flow = named(json_object_get(result, "flows"), "voice-dc1");
    const json_t *fault = named(json_object_get(result, "faults"), "cut");
    VC_AUTO_JSON *dc1 = json_pack("[s]", "dc1");

    cr_assert(flow && fault);
    cr_expect(json_equal(json_object_get(flow, "path_before"), dc1));
    cr_expect(json_equal(json_object_get(flow, "path_after"), dc1));
    cr_expect_eq(json_integer_value(json_object_get(flow, "sent")), 1000);
    cr_expect_eq(json_integer_value(json_object_get(flow, "lost")), 98);
    cr_expect_float_eq(json_number_value(json_object_get(flow, "longest_outage_ms")), 1000, 1e-6);
    cr_expect_float_eq(json_number_value(json_object_get(flow, "resolution_ms")), 20, 1e-6);
    cr_expect_float_eq(json_number_value(json_object_get(flow, "mos")), 3.9, 1e-6);
    cr_expect_eq(json_integer_value(json_object_get(fault, "proved_t_ns")), 3005000000);
    cr_expect_eq(json_integer_value(json_object_get(fault, "healed_t_ns")), 7005000000);
    flow = named(json_object_get(cut, "flows"), "voice-dc1");
    cr_expect(json_equal(json_object_get(flow, "path_before"), dc1));
    cr_expect_eq(json_array_size(json_object_get(flow, "path_after")), 0, "it is out, so it has no path");
    fault = named(json_object_get(cut, "faults"), "cut");
    cr_expect(json_is_null(json_object_get(fault, "healed_t_ns")));
}

Test(verdict, every_window_counts_its_own)
{
    VC_AUTO_JSON *flap = judge_file("flap");
    VC_AUTO_JSON *window = judge_file("window");
    size_t i, outages = 0;
    json_t *entry;

    json_array_foreach(json_object_get(flap, "expectations"), i, entry) if (strcmp(text(entry, "type"), "outage") == 0)
    {
        bool heal = strstr(text(entry, "text"), "100 ms");

        outages++;
        cr_expect_float_eq(json_number_value(json_object_get(entry, "measured")), heal ? 0 : 1000, 1e-3, "%s: %f",
                           text(entry, "text"), json_number_value(json_object_get(entry, "measured")));
    }
    cr_expect_eq(outages, 20);
    cr_expect_float_eq(measured(window, "voice-dc2 loses nothing"), 0, 1e-9);
}

/* What the running timeline asks. */

static void feed(struct vc_judge *judge, double t, const char *format, ...)
{
    va_list args;
    json_t *event;

    va_start(args, format);
    event = json_vpack_ex(NULL, 0, format, args);
    va_end(args);
    cr_assert(event, "%s", format);
    json_object_set_new(event, "t_ns", json_integer((json_int_t)(t * 1e9)));
    vc_judge_event(judge, event);
    json_decref(event);
}

static void feed_wait_for_dc2(struct vc_judge *judge)
{
    feed(judge, 3.0, "{s:s, s:s, s:s}", "layer", "fault", "what", "applied", "name", "cut");
    feed(judge, 3.1, "{s:s, s:s, s:i, s:s, s:s, s:[s, s], s:I, s:I}", "layer", "check", "what", "expect", "id", 7,
         "type", "path", "flow", "voice-dc1", "via", "dc2", "wan", "trigger_ns", (json_int_t)3100000000, "within_ns",
         (json_int_t)1000000000);
}

static void feed_dc2(struct vc_judge *judge, double t, const char *direction)
{
    bool back = strcmp(direction, "return") == 0;

    feed(judge, t, "{s:s, s:s, s:s, s:s, s:[s, s]}", "layer", "probe", "what", "path", "flow", "voice-dc1", "direction",
         direction, "path", back ? "wan" : "dc2", back ? "dc2" : "wan");
}

Test(judge, deadlines_are_told_and_pass)
{
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);

    cr_expect_eq(vc_judge_next_deadline(judge), INT64_MAX);
    feed_file(judge, "healthy");
    feed_wait_for_dc2(judge);
    cr_expect_eq(vc_judge_next_deadline(judge), 4100000000);
    cr_expect_eq(vc_judge_expectation(judge, 7), VC_PENDING);
    feed_dc2(judge, 3.9, "forward");
    cr_expect_eq(vc_judge_expectation(judge, 7), VC_PENDING, "one direction is not both");
    vc_judge_advance(judge, 4099999999);
    cr_expect_eq(vc_judge_expectation(judge, 7), VC_PENDING);
    vc_judge_advance(judge, 4100000000);
    cr_expect_eq(vc_judge_expectation(judge, 7), VC_FAIL);
    cr_expect_eq(vc_judge_next_deadline(judge), INT64_MAX);
    cr_expect_eq(vc_judge_expectation(judge, 99), VC_ERROR);
}

Test(judge, a_packet_read_late_is_not_late)
{
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);

    feed_file(judge, "healthy");
    feed_wait_for_dc2(judge);
    feed_dc2(judge, 3.9, "forward");
    vc_judge_advance(judge, 4200000000);
    cr_expect_eq(vc_judge_expectation(judge, 7), VC_FAIL);
    feed_dc2(judge, 4.05, "return");
    cr_expect_eq(vc_judge_expectation(judge, 7), VC_PASS);
}

Test(judge, what_becomes_true_after_the_next_fault_does_not_count)
{
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);

    feed_file(judge, "healthy");
    feed_wait_for_dc2(judge);
    feed_dc2(judge, 3.4, "forward");
    feed(judge, 3.5, "{s:s, s:s, s:s}", "layer", "fault", "what", "heal-applied", "name", "cut");
    feed_dc2(judge, 3.6, "return");
    cr_expect_eq(vc_judge_expectation(judge, 7), VC_FAIL);
}

Test(judge, a_hold_breaks_once_and_for_all)
{
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);

    feed_file(judge, "healthy");
    feed_wait_for_dc2(judge);
    feed_dc2(judge, 3.9, "forward");
    feed_dc2(judge, 3.9, "return");
    feed(judge, 4.0, "{s:s, s:s, s:i, s:I, s:[i]}", "layer", "check", "what", "hold", "id", 8, "for_ns",
         (json_int_t)1000000000, "expects", 7);
    cr_expect(vc_judge_hold_true(judge, 8));
    feed(judge, 4.5, "{s:s, s:s, s:s, s:s, s:[s]}", "layer", "probe", "what", "path", "flow", "voice-dc1", "direction",
         "forward", "path", "dc1");
    cr_expect_not(vc_judge_hold_true(judge, 8));
    feed_dc2(judge, 4.6, "forward");
    cr_expect_not(vc_judge_hold_true(judge, 8));
    cr_expect_not(vc_judge_hold_true(judge, 12));
}

Test(judge, exit_status)
{
    cr_expect_eq(vc_verdict_exit(VC_PASS), 0);
    cr_expect_eq(vc_verdict_exit(VC_FAIL), 1);
    cr_expect_eq(vc_verdict_exit(VC_ERROR), 1);
    cr_expect_eq(vc_verdict_exit(VC_INCONCLUSIVE), 4);
}

/* ---- misconfigurations one after the other ---- */

static void fault_event(struct vc_judge *judge, json_int_t t_ns, const char *what, const char *name)
{
    VC_AUTO_JSON *event = json_pack("{s:I, s:s, s:s, s:s, s:s}", "t_ns", t_ns, "layer", "fault", "what", what, "name",
                                    name, "kind", "misconfigure");

    vc_judge_event(judge, event);
}

/* One took the other's place and was healed: nothing is wrong any more, and the paths are watched again. */
Test(verdict, a_replaced_misconfiguration_blinds_nobody)
{
    static const struct {
        const char *what, *name;
    } events[] = {{"applied", "one"}, {"proved", "one"},       {"replaced", "one"}, {"applied", "two"},
                  {"proved", "two"},  {"heal-applied", "two"}, {"healed", "two"}};
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);
    VC_AUTO_FILE *file = fopen(FIXTURES "stuck-path.jsonl", "re");
    json_t *event;
    bool told = false;

    cr_assert(file);
    while ((event = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL))) {
        json_int_t t_ns = json_integer_value(json_object_get(event, "t_ns"));
        for (size_t i = 0; !told && t_ns > 5 * VC_NS_PER_S && i < VC_COUNT(events); i++)
            fault_event(judge, 4200000000 + (json_int_t)i, events[i].what, events[i].name);
        told = told || t_ns > 5 * VC_NS_PER_S;
        vc_judge_event(judge, event);
        json_decref(event);
    }
    VC_AUTO_JSON *result = vc_judge_finish(judge);
    const json_t *paths = named(json_object_get(result, "invariants"), "active-active-paths");
    const json_t *one = named(json_object_get(result, "faults"), "one");
    cr_expect_str_eq(text(paths, "verdict"), "fail");
    cr_expect(json_is_integer(json_object_get(one, "healed_t_ns")), "it is over");
}
