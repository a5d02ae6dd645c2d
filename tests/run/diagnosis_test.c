/* The expectation `diagnosis`: judged by evidence that comes after it was armed. */
#include <criterion/criterion.h>
#include <string.h>

#include "run/verdict.h"

static json_t *evidence(const char *name)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/tests/doctor/evidence/%s.json", VCLAB_SOURCE_DIR, name);
    json_t *document = json_load_file(path, 0, NULL);

    cr_assert(document, "%s", path);
    return document;
}

static void feed(struct vc_judge *judge, json_int_t t_ns, const char *what, json_t *members)
{
    VC_AUTO_JSON *event = members;

    json_object_set_new(event, "t_ns", json_integer(t_ns));
    json_object_set_new(event, "layer", json_string("check"));
    json_object_set_new(event, "what", json_string(what));
    vc_judge_event(judge, event);
}

/* Armed at 10, to be met until 20. */
static struct vc_judge *arm(const char *spec)
{
    struct vc_judge *judge = vc_judge_new(NULL);
    json_t *event = json_loads(spec, 0, NULL);

    cr_assert(event, "%s", spec);
    json_object_set_new(event, "type", json_string("diagnosis"));
    json_object_set_new(event, "id", json_integer(7));
    json_object_set_new(event, "trigger_ns", json_integer(10));
    json_object_set_new(event, "within_ns", json_integer(10));
    feed(judge, 10, "expect", event);
    return judge;
}

static void tell(struct vc_judge *judge, json_int_t t_ns, const char *name)
{
    feed(judge, t_ns, "evidence", json_pack("{s:o}", "document", evidence(name)));
}

#define SICK    "two-cpe-pair-esp-and-remote-as-tuned"
#define HEALTHY "two-cpe-healthy-tuned"

Test(diagnosis, asks_for_cause_node_tunnel_rank_and_others)
{
    static const struct {
        const char *spec, *evidence;
        enum vc_verdict verdict;
    } cases[] = {
        {"{\"cause\": \"healthy\"}", HEALTHY, VC_PASS},
        {"{\"cause\": \"healthy\"}", SICK, VC_PENDING},
        {"{\"cause\": \"esp-proposal\"}", HEALTHY, VC_PENDING},
        {"{\"cause\": \"esp-proposal\"}", SICK, VC_PENDING}, /* it is not the only one */
        {"{\"cause\": \"esp-proposal\", \"others\": true}", SICK, VC_PASS},
        {"{\"cause\": \"esp-proposal\", \"others\": true, \"first\": true}", SICK, VC_PASS},
        {"{\"cause\": \"bgp-remote-as\", \"others\": true, \"first\": true}", SICK, VC_PENDING},
        {"{\"cause\": \"bgp-remote-as\", \"others\": true, \"node\": \"cpe1\", \"tunnel\": \"dc1\"}", SICK, VC_PASS},
        {"{\"cause\": \"bgp-remote-as\", \"others\": true, \"node\": \"cpe2\"}", SICK, VC_PENDING},
        {"{\"cause\": \"bgp-remote-as\", \"others\": true, \"tunnel\": \"dc2\"}", SICK, VC_PENDING},
        {"{\"cause\": \"bgp-password\"}", "two-cpe-bgp-wrong-password-tuned", VC_PASS},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC struct vc_judge *judge = arm(cases[i].spec);
        tell(judge, 12, cases[i].evidence);
        cr_expect_eq(vc_judge_expectation(judge, 7), cases[i].verdict, "%s with %s", cases[i].spec, cases[i].evidence);
        vc_judge_advance(judge, 21);
        cr_expect_eq(vc_judge_expectation(judge, 7), cases[i].verdict == VC_PASS ? VC_PASS : VC_FAIL);
    }
}

Test(diagnosis, is_not_met_by_evidence_from_before)
{
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);

    tell(judge, 5, HEALTHY);
    feed(judge, 10, "expect",
         json_pack("{s:s, s:s, s:i, s:i, s:i}", "type", "diagnosis", "cause", "healthy", "id", 7, "trigger_ns", 10,
                   "within_ns", 10));
    cr_expect_eq(vc_judge_expectation(judge, 7), VC_PENDING);
    tell(judge, 13, HEALTHY); /* the same answer, but a new one */
    cr_expect_eq(vc_judge_expectation(judge, 7), VC_PASS);
}

Test(diagnosis, may_come_late_but_within_its_time)
{
    VC_AUTO_TALLOC struct vc_judge *judge = arm("{\"cause\": \"healthy\"}");

    tell(judge, 11, SICK);
    cr_expect_eq(vc_judge_expectation(judge, 7), VC_PENDING);
    tell(judge, 16, HEALTHY);
    cr_expect_eq(vc_judge_expectation(judge, 7), VC_PASS);
}

/* An answer is of the time when its examination began, not of when it came. */
static void tell_late(struct vc_judge *judge, json_int_t begun_ns, json_int_t t_ns, const char *name)
{
    feed(judge, t_ns, "evidence", json_pack("{s:I, s:o}", "begun_ns", begun_ns, "document", evidence(name)));
}

Test(diagnosis, is_not_met_by_an_examination_that_began_before)
{
    VC_AUTO_TALLOC struct vc_judge *judge = arm("{\"cause\": \"healthy\"}");

    tell_late(judge, 9, 12, HEALTHY);
    cr_expect_eq(vc_judge_expectation(judge, 7), VC_PENDING);
    tell_late(judge, 10, 13, HEALTHY);
    cr_expect_eq(vc_judge_expectation(judge, 7), VC_PASS);
}

/* ---- throughout ---- */

#define THROUGHOUT "{\"cause\": \"healthy\", \"throughout\": true}"

static void none(struct vc_judge *judge, json_int_t t_ns)
{
    feed(judge, t_ns, "evidence", json_pack("{s:I, s:s}", "begun_ns", t_ns, "error", "its child ended early"));
}

static json_t *expectation_of(struct vc_judge *judge, const char *verdict)
{
    feed(judge, 90, "end", json_object());
    VC_AUTO_JSON *result = vc_judge_finish(judge);
    json_t *entry = json_array_get(json_object_get(result, "expectations"), 0);

    cr_expect_str_eq(json_string_value(json_object_get(entry, "verdict")), verdict);
    return json_incref(entry);
}

Test(diagnosis, throughout_every_answer_counts)
{
    VC_AUTO_TALLOC struct vc_judge *judge = arm(THROUGHOUT);

    cr_expect(vc_judge_watches(judge, 7));
    tell_late(judge, 9, 11, SICK); /* of the time before */
    none(judge, 12);
    cr_expect_eq(vc_judge_expectation(judge, 7), VC_PENDING);
    tell(judge, 13, HEALTHY);
    cr_expect_eq(vc_judge_expectation(judge, 7), VC_PASS, "the timeline may go on");
    tell(judge, 40, HEALTHY);
    cr_expect(vc_judge_watches(judge, 7), "though its time is over");
    VC_AUTO_JSON *entry = expectation_of(judge, "pass");
    cr_expect_eq(json_integer_value(json_object_get(entry, "answers")), 2);
    cr_expect_not(vc_judge_watches(judge, 7));
}

Test(diagnosis, throughout_fails_by_one_answer_and_says_which)
{
    static const char *const courses[][3] = {{HEALTHY, SICK, HEALTHY}, {SICK, HEALTHY, HEALTHY}};

    for (size_t i = 0; i < VC_COUNT(courses); i++) {
        VC_AUTO_TALLOC struct vc_judge *judge = arm(THROUGHOUT);

        for (int n = 0; n < 3; n++)
            tell(judge, 12 + 10 * n, courses[i][n]);
        cr_expect_eq(vc_judge_expectation(judge, 7), VC_FAIL);
        VC_AUTO_JSON *entry = expectation_of(judge, "fail");
        const char *text = json_string_value(json_object_get(entry, "text"));
        cr_expect(strstr(text, "esp-proposal at ") && strstr(text, " was named at 0.000 s"), "%s", text);
    }
}

Test(diagnosis, throughout_is_until_the_next_fault_or_the_last_step)
{
    VC_AUTO_TALLOC struct vc_judge *faulty = arm(THROUGHOUT);
    VC_AUTO_TALLOC struct vc_judge *over = arm(THROUGHOUT);
    VC_AUTO_JSON *applied = json_pack("{s:I, s:s, s:s, s:s, s:s}", "t_ns", (json_int_t)14, "layer", "fault", "what",
                                      "applied", "name", "x", "kind", "drop");

    tell(faulty, 13, HEALTHY);
    vc_judge_event(faulty, applied);
    cr_expect_not(vc_judge_watches(faulty, 7));
    tell_late(faulty, 13, 15, SICK);
    cr_expect_eq(vc_judge_expectation(faulty, 7), VC_PASS);

    tell(over, 13, HEALTHY);
    feed(over, 14, "steps-done", json_object());
    cr_expect_not(vc_judge_watches(over, 7));
    tell(over, 15, SICK); /* of the end, for vclab doctor */
    cr_expect_eq(vc_judge_expectation(over, 7), VC_PASS);
}

Test(diagnosis, an_ordinary_one_is_met_once)
{
    VC_AUTO_TALLOC struct vc_judge *judge = arm("{\"cause\": \"healthy\", \"throughout\": false}");

    cr_expect_not(vc_judge_watches(judge, 7));
    tell(judge, 13, HEALTHY);
    tell(judge, 14, SICK);
    cr_expect_eq(vc_judge_expectation(judge, 7), VC_PASS);
}

Test(diagnosis, a_hold_is_broken_by_another_answer)
{
    VC_AUTO_TALLOC struct vc_judge *judge = arm("{\"cause\": \"healthy\"}");

    tell(judge, 13, HEALTHY);
    feed(judge, 14, "hold", json_pack("{s:i, s:i, s:[i]}", "id", 8, "for_ns", 9, "expects", 7));
    tell(judge, 16, HEALTHY);
    cr_expect(vc_judge_hold_true(judge, 8));
    tell(judge, 17, SICK);
    cr_expect_not(vc_judge_hold_true(judge, 8));
}

/* ---- the fault that starts a node anew ---- */

static void event(struct vc_judge *judge, json_int_t t_ns, const char *text)
{
    VC_AUTO_JSON *made = json_loads(text, 0, NULL);

    cr_assert(made, "%s", text);
    json_object_set_new(made, "t_ns", json_integer(t_ns));
    vc_judge_event(judge, made);
}

static void established(struct vc_judge *judge, json_int_t t_ns)
{
    event(judge, t_ns,
          "{\"layer\": \"bgp\", \"what\": \"session\", \"node\": \"cpe1\", \"neighbor\": \"100.64.0.1\", \"tunnel\": "
          "\"dc1\", "
          "\"state\": \"Established\"}");
}

static enum vc_verdict is_up(struct vc_judge *judge, json_int_t t_ns, int id)
{
    feed(judge, t_ns, "expect",
         json_pack("{s:s, s:s, s:s, s:i, s:I, s:i}", "type", "session", "tunnel", "dc1", "state", "up", "id", id,
                   "trigger_ns", t_ns, "within_ns", 1));
    return vc_judge_expectation(judge, id);
}

/* What its sessions were is not what they are, until they say so again: when it is misconfigured and when it is mended.
 */
Test(diagnosis, a_node_that_starts_anew_has_no_session_at_first)
{
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);

    event(judge, 0,
          "{\"layer\": \"check\", \"what\": \"plan\", \"tunnels\": [{\"name\": \"dc1\", \"cpe\": \"cpe1\"}], "
          "\"sessions\": "
          "[{\"node\": \"cpe1\", \"neighbor\": \"100.64.0.1\", \"tunnel\": \"dc1\"}], \"flows\": []}");
    established(judge, 1);
    cr_expect_eq(is_up(judge, 2, 1), VC_PASS);
    event(judge, 3,
          "{\"layer\": \"fault\", \"what\": \"applied\", \"node\": \"cpe1\", \"name\": \"x\", \"kind\": "
          "\"misconfigure\"}");
    cr_expect_eq(is_up(judge, 4, 2), VC_PENDING);
    established(judge, 6);
    cr_expect_eq(is_up(judge, 7, 3), VC_PASS);
    event(judge, 8,
          "{\"layer\": \"fault\", \"what\": \"heal-applied\", \"node\": \"cpe1\", \"name\": \"x\", \"kind\": "
          "\"misconfigure\"}");
    cr_expect_eq(is_up(judge, 9, 4), VC_PENDING);
}
