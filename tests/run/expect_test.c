/* Each kind of expectation, met and not met, against the state that fixtures/failover.jsonl has in its middle and at
 * its end. */
#include <criterion/criterion.h>
#include <string.h>

#include "run/verdict.h"

/* Feeds what happened before `until_ns`. */
static void feed_until(struct vc_judge *judge, int64_t until_ns)
{
    VC_AUTO_FILE *file = fopen(VCLAB_SOURCE_DIR "/tests/run/fixtures/failover.jsonl", "r");
    json_t *event;

    cr_assert(file);
    while ((event = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL))) {
        if (json_integer_value(json_object_get(event, "t_ns")) < until_ns)
            vc_judge_event(judge, event);
        json_decref(event);
    }
}

static enum vc_verdict ask(int64_t at_ns, const char *spec)
{
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);
    VC_AUTO_JSON *event = json_loads(spec, 0, NULL);
    VC_AUTO_JSON *head = json_pack("{s:I, s:s, s:s, s:i, s:I}", "t_ns", (json_int_t)at_ns, "layer", "check", "what",
                                   "expect", "id", 100, "trigger_ns", (json_int_t)at_ns);
    VC_AUTO_JSON *end =
        json_pack("{s:I, s:s, s:s}", "t_ns", (json_int_t)at_ns + 2, "layer", "check", "what", "window-end");

    cr_assert(event, "%s", spec);
    json_object_update(event, head);
    json_object_set_new(event, "within_ns", json_integer(1));
    feed_until(judge, at_ns);
    vc_judge_event(judge, event);
    vc_judge_event(judge, end);
    return vc_judge_expectation(judge, 100);
}

static const int64_t healthy = 2900000000, out = 3500000000, moved = 4500000000, back = 9700000000;

Test(expect, every_kind_holds_and_fails)
{
    static const struct {
        const int64_t *at;
        enum vc_verdict verdict;
        const char *spec;
    } cases[] = {
        {&healthy, VC_PASS, "{'type':'converged'}"},
        {&out, VC_FAIL, "{'type':'converged'}"},
        {&moved, VC_FAIL, "{'type':'converged'}"},
        {&back, VC_PASS, "{'type':'converged'}"},

        {&healthy, VC_PASS, "{'type':'path','flow':'voice-dc1','via':['dc1']}"},
        {&healthy, VC_FAIL, "{'type':'path','flow':'voice-dc1','via':['dc2','wan']}"},
        {&healthy, VC_FAIL, "{'type':'path','flow':'voice-dc1','via':[]}"},
        {&out, VC_PASS, "{'type':'path','flow':'voice-dc1','via':[]}"},
        {&out, VC_PASS, "{'type':'path','flow':'voice-dc1','via':'none'}"},
        {&out, VC_FAIL, "{'type':'path','flow':'voice-dc1','via':['dc1']}"},
        {&moved, VC_PASS, "{'type':'path','flow':'voice-dc1','via':['dc2','wan']}"},
        {&moved, VC_PASS, "{'type':'path','flow':'voice-dc1','via':['dc2','wan'],'direction':'return'}"},
        {&moved, VC_FAIL, "{'type':'path','flow':'voice-dc1','via':['wan','dc2'],'direction':'return'}"},
        {&moved, VC_FAIL, "{'type':'path','flow':'voice-dc1','via':['wan','dc2']}"},
        {&healthy, VC_FAIL, "{'type':'path','flow':'unknown','via':['dc1']}"},

        {&moved, VC_PASS, "{'type':'outage','flow':'voice-dc1','at_most_ns':1000000000}"},
        {&moved, VC_FAIL, "{'type':'outage','flow':'voice-dc1','at_most_ns':999999999}"},
        {&moved, VC_PASS, "{'type':'outage','flow':'voice-dc1','at_least_ns':1000000000}"},
        {&moved, VC_FAIL, "{'type':'outage','flow':'voice-dc1','at_least_ns':1000000001}"},
        {&moved, VC_PASS, "{'type':'outage','flow':'voice-dc2','at_most_ns':0}"},
        {&back, VC_PASS, "{'type':'outage','flow':'voice-dc1','at_most_ns':0}"},
        {&moved, VC_FAIL, "{'type':'outage','flow':'unknown','at_most_ns':1}"},

        {&moved, VC_PASS, "{'type':'lost','flow':'voice-dc1','at_most':98}"},
        {&moved, VC_FAIL, "{'type':'lost','flow':'voice-dc1','at_most':97}"},
        {&moved, VC_PASS, "{'type':'lost','flow':'voice-dc1','at_most':49,'direction':'forward'}"},
        {&moved, VC_FAIL, "{'type':'lost','flow':'voice-dc1','at_most':48,'direction':'forward'}"},
        {&moved, VC_PASS, "{'type':'lost','flow':'voice-dc2','at_most':0}"},
        {&back, VC_PASS, "{'type':'lost','flow':'voice-dc1','at_most':0}"},

        {&healthy, VC_PASS, "{'type':'route','node':'cpe1','prefix':'198.18.5.0/25','via':'gre-dc1'}"},
        {&healthy, VC_FAIL, "{'type':'route','node':'cpe1','prefix':'198.18.5.0/25','via':'peer'}"},
        {&moved, VC_PASS, "{'type':'route','node':'cpe1','prefix':'198.18.5.0/25','via':'peer'}"},
        {&moved, VC_PASS, "{'type':'route','node':'cpe1','prefix':'198.18.5.0/25'}"},
        {&moved, VC_PASS, "{'type':'route','node':'cpe1','prefix':'198.18.5.0/25','via':'gre-dc1','present':false}"},
        {&moved, VC_FAIL, "{'type':'route','node':'cpe1','prefix':'198.18.5.0/25','present':false}"},
        {&moved, VC_PASS, "{'type':'route','node':'cpe2','prefix':'198.18.5.0/25','present':false}"},
        {&moved, VC_FAIL, "{'type':'route','node':'cpe2','prefix':'198.18.5.0/25','present':true}"},

        {&healthy, VC_PASS, "{'type':'session','tunnel':'dc1','state':'up'}"},
        {&healthy, VC_FAIL, "{'type':'session','tunnel':'dc1','state':'down'}"},
        {&moved, VC_PASS, "{'type':'session','tunnel':'dc1','state':'down'}"},
        {&moved, VC_FAIL, "{'type':'session','tunnel':'dc1','state':'up'}"},
        {&moved, VC_PASS, "{'type':'session','tunnel':'dc2','state':'up'}"},
        {&moved, VC_FAIL, "{'type':'session','tunnel':'unknown','state':'down'}"},

        {&healthy, VC_PASS, "{'type':'sa','tunnel':'dc1','state':'up'}"},
        {&healthy, VC_FAIL, "{'type':'sa','tunnel':'dc1','state':'down'}"},
        {&healthy, VC_PASS, "{'type':'sa','tunnel':'unknown','state':'down'}"},
        {&healthy, VC_FAIL, "{'type':'sa','tunnel':'unknown','state':'up'}"},

        {&healthy, VC_PASS, "{'type':'interface','node':'cpe1','name':'inet-cpe1','state':'up'}"},
        {&healthy, VC_FAIL, "{'type':'interface','node':'cpe1','name':'inet-cpe1','state':'down'}"},
        {&healthy, VC_PASS, "{'type':'interface','node':'cpe1','name':'absent','state':'down'}"},
        {&healthy, VC_FAIL, "{'type':'interface','node':'cpe1','name':'absent','state':'up'}"},

        {&healthy, VC_ERROR, "{'type':'no such type'}"},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC char *spec = talloc_strdup(NULL, cases[i].spec);

        for (char *p = spec; *p; p++)
            if (*p == '\'')
                *p = '"';
        enum vc_verdict verdict = ask(*cases[i].at, spec);
        cr_expect_eq(verdict, cases[i].verdict, "%s at %.1f s: %s", spec, (double)*cases[i].at / 1e9,
                     vc_verdict_name(verdict));
    }
}

static void feed_text(struct vc_judge *judge, const char *text)
{
    VC_AUTO_JSON *event = json_loads(text, 0, NULL);

    cr_assert(event, "%s", text);
    vc_judge_event(judge, event);
}

Test(expect, converged_is_also_ibgp)
{
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);

    feed_until(judge, healthy);
    feed_text(
        judge,
        "{\"t_ns\":2900000000,\"layer\":\"bgp\",\"node\":\"cpe2\",\"what\":\"session\",\"neighbor\":\"10.10.0.9\","
        "\"state\":\"Active\"}");
    feed_text(judge, "{\"t_ns\":2910000000,\"layer\":\"check\",\"what\":\"expect\",\"id\":100,\"type\":\"converged\","
                     "\"trigger_ns\":2910000000,\"within_ns\":1000}");
    cr_expect_eq(vc_judge_expectation(judge, 100), VC_PENDING);
    feed_text(
        judge,
        "{\"t_ns\":2910000500,\"layer\":\"bgp\",\"node\":\"cpe2\",\"what\":\"session\",\"neighbor\":\"10.10.0.9\","
        "\"state\":\"Established\"}");
    cr_expect_eq(vc_judge_expectation(judge, 100), VC_PASS);
}

static void feed_bfd(struct vc_judge *judge, int64_t t_ns, const char *node, const char *neighbor, const char *state)
{
    VC_AUTO_JSON *event = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "t_ns", (json_int_t)t_ns, "layer", "bgp",
                                    "what", "bfd", "node", node, "neighbor", neighbor, "tunnel", "dc1", "state", state);

    vc_judge_event(judge, event);
}

Test(expect, bfd_is_up_at_both_ends_and_down_at_the_cpe)
{
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);

    feed_until(judge, healthy);
    feed_bfd(judge, 2900000000, "dc1-router", "100.64.0.2", "up");
    feed_text(judge, "{\"t_ns\":2910000000,\"layer\":\"check\",\"what\":\"expect\",\"id\":100,\"type\":\"bfd\","
                     "\"tunnel\":\"dc1\",\"state\":\"up\",\"trigger_ns\":2910000000,\"within_ns\":1000}");
    cr_expect_eq(vc_judge_expectation(judge, 100), VC_PENDING);
    feed_bfd(judge, 2910000500, "cpe1", "100.64.0.1", "up");
    cr_expect_eq(vc_judge_expectation(judge, 100), VC_PASS);
    feed_text(judge, "{\"t_ns\":2920000000,\"layer\":\"check\",\"what\":\"expect\",\"id\":101,\"type\":\"bfd\","
                     "\"tunnel\":\"dc1\",\"state\":\"down\",\"trigger_ns\":2920000000,\"within_ns\":1000}");
    cr_expect_eq(vc_judge_expectation(judge, 101), VC_PENDING);
    feed_bfd(judge, 2920000500, "cpe1", "100.64.0.1", "down");
    cr_expect_eq(vc_judge_expectation(judge, 101), VC_PASS);
}

Test(expect, an_sa_stays_up_over_a_rekey)
{
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);

    feed_until(judge, healthy);
    feed_text(
        judge,
        "{\"t_ns\":2910000000,\"layer\":\"check\",\"what\":\"expect\",\"id\":100,\"type\":\"sa\",\"tunnel\":\"dc1\","
        "\"state\":\"up\",\"trigger_ns\":2910000000,\"within_ns\":1}");
    feed_text(judge,
              "{\"t_ns\":2920000000,\"layer\":\"check\",\"what\":\"hold\",\"id\":101,\"for_ns\":1,\"expects\":[100]}");
    feed_text(judge, "{\"t_ns\":2930000000,\"layer\":\"ipsec\",\"node\":\"cpe1\",\"what\":\"sa\",\"tunnel\":\"dc1\","
                     "\"state\":\"up\","
                     "\"spi_in\":\"c1000002\"}");
    feed_text(judge, "{\"t_ns\":2940000000,\"layer\":\"ipsec\",\"node\":\"cpe1\",\"what\":\"sa\",\"tunnel\":\"dc1\","
                     "\"state\":\"down\","
                     "\"spi_in\":\"c1000001\"}");
    cr_expect_eq(vc_judge_expectation(judge, 100), VC_PASS);
    cr_expect(vc_judge_hold_true(judge, 101), "the old SA went, the new one is there");
    feed_text(judge, "{\"t_ns\":2950000000,\"layer\":\"ipsec\",\"node\":\"cpe1\",\"what\":\"sa\",\"tunnel\":\"dc1\","
                     "\"state\":\"down\","
                     "\"spi_in\":\"c1000002\"}");
    cr_expect_not(vc_judge_hold_true(judge, 101));
}

static void feed_sa(struct vc_judge *judge, int64_t t_ns, const char *layer, const char *node, const char *tunnel,
                    bool rekeyed)
{
    VC_AUTO_JSON *event = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:b}", "t_ns", (json_int_t)t_ns, "layer", layer,
                                    "node", node, "what", "sa", "tunnel", tunnel, "state", "up", "rekeyed", rekeyed);

    vc_judge_event(judge, event);
}

static void arm_rekeyed(struct vc_judge *judge, int id, int64_t t_ns, const char *sa, const char *limit, int count)
{
    VC_AUTO_JSON *event = json_pack("{s:I, s:s, s:s, s:i, s:s, s:s, s:s, s:I, s:i}", "t_ns", (json_int_t)t_ns, "layer",
                                    "check", "what", "expect", "id", id, "type", "rekeyed", "tunnel", "dc1", "sa", sa,
                                    "trigger_ns", (json_int_t)t_ns, limit, count);

    vc_judge_event(judge, event);
}

/* A CPE whose daemon tells nobody of IKE: the plan names the end that does. */
Test(expect, rekeys_of_ike_are_counted_where_they_are_told)
{
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);

    feed_text(judge,
              "{\"t_ns\":0,\"layer\":\"check\",\"what\":\"plan\",\"tunnels\":[{\"name\":\"dc1\",\"cpe\":\"cpe1\","
              "\"headend\":\"dc1-headend\",\"ike_at\":\"dc1-headend\"}],\"sessions\":[],\"ibgp\":[],"
              "\"accept\":[],\"flows\":[]}");
    arm_rekeyed(judge, 1, 1, "ike", "at_least", 1);
    arm_rekeyed(judge, 2, 1, "ike", "at_most", 1);
    arm_rekeyed(judge, 3, 1, "child", "at_most", 0);
    feed_sa(judge, 2, "ike", "dc1-headend", "dc1", true);
    feed_sa(judge, 3, "ike", "cpe1", "dc1", true);
    feed_sa(judge, 4, "ipsec", "dc1-headend", "dc1", true); /* those of ESP are the CPE's as ever */
    feed_text(judge, "{\"t_ns\":5,\"layer\":\"check\",\"what\":\"window-end\",\"trigger\":\"start\"}");
    for (int id = 1; id <= 3; id++)
        cr_expect_eq(vc_judge_expectation(judge, id), VC_PASS, "%d", id);
}

Test(expect, rekeys_are_counted_at_the_cpe_in_their_window)
{
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);
    int64_t t = healthy;

    feed_until(judge, healthy);
    arm_rekeyed(judge, 100, t, "child", "at_least", 2);
    arm_rekeyed(judge, 101, t, "child", "at_least", 3);
    arm_rekeyed(judge, 102, t, "child", "at_most", 2);
    arm_rekeyed(judge, 103, t, "child", "at_most", 1);
    arm_rekeyed(judge, 104, t, "ike", "at_least", 1);
    arm_rekeyed(judge, 105, t, "ike", "at_least", 2);
    feed_sa(judge, t + 1, "ipsec", "cpe1", "dc1", true);
    feed_sa(judge, t + 2, "ipsec", "dc1-headend", "dc1", true); /* the same one, seen from the other end */
    feed_sa(judge, t + 3, "ipsec", "cpe1", "dc1", false);       /* a new one, not a rekey */
    feed_sa(judge, t + 4, "ipsec", "cpe2", "dc2", true);        /* another tunnel's */
    feed_sa(judge, t + 5, "ike", "cpe1", "dc1", true);
    feed_sa(judge, t + 6, "ipsec", "cpe1", "dc1", true);
    cr_expect_eq(vc_judge_expectation(judge, 100), VC_PENDING, "more may come");
    feed_text(judge, "{\"t_ns\":3000000000,\"layer\":\"check\",\"what\":\"window-end\",\"trigger\":\"start\"}");
    feed_sa(judge, 3000000001, "ipsec", "cpe1", "dc1", true);
    static const enum vc_verdict expected[] = {VC_PASS, VC_FAIL, VC_PASS, VC_FAIL, VC_PASS, VC_FAIL};
    for (int i = 0; i < 6; i++)
        cr_expect_eq(vc_judge_expectation(judge, 100 + i), expected[i], "%d", 100 + i);
    feed_text(judge, "{\"t_ns\":3100000000,\"layer\":\"check\",\"what\":\"end\"}");
    VC_AUTO_JSON *result = vc_judge_finish(judge);
    const json_t *first = NULL, *entry;
    size_t i;
    json_array_foreach(json_object_get(result, "expectations"), i, entry)
    {
        if (!first && !strcmp(json_string_value(json_object_get(entry, "type")), "rekeyed"))
            first = entry;
    }
    cr_expect_str_eq(json_string_value(json_object_get(first, "unit")), "rekeys");
    cr_expect_eq(json_integer_value(json_object_get(first, "measured")), 2);
    cr_expect_eq(json_integer_value(json_object_get(first, "limit")), 2);
}

/* A load of two stretches and the flow's losses under it, in failover.jsonl's window from 3 s on. */
static enum vc_verdict ask_of_load(const char *spec)
{
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);
    const char *const parts[] = {
        "{'what':'load','load':'calls','start_ns':1000000000,'end_ns':3000000000,'sent':1000,'lost':0,'mbit':100.0}",
        "{'what':'load','load':'calls','start_ns':2990000000,'end_ns':4990000000,'sent':2000,'lost':500,'mbit':75.9}",
        "{'what':'load','load':'other','start_ns':4000000000,'end_ns':5000000000,'sent':10,'lost':10,'mbit':0.0}",
        "{'what':'expect','id':100,'trigger_ns':0}", "{'what':'window-end'}"};

    feed_until(judge, moved);
    for (size_t i = 0; i < VC_COUNT(parts); i++) {
        VC_AUTO_FREE char *text = strdup(parts[i]);
        for (char *p = text; *p; p++)
            *p = *p == '\'' ? '"' : *p;
        VC_AUTO_JSON *event = json_loads(text, 0, NULL);
        cr_assert(event, "%s", text);
        json_object_set_new(event, "t_ns", json_integer(moved + (int64_t)i * 600000000));
        json_object_set_new(event, "layer", json_string(i < 3 ? "probe" : "check"));
        VC_AUTO_JSON *limits = i == 3 ? json_loads(spec, 0, NULL) : NULL;
        json_object_update(event, limits);
        vc_judge_event(judge, event);
    }
    return vc_judge_expectation(judge, 100);
}

Test(expect, loads_and_quality)
{
    static const struct {
        enum vc_verdict verdict;
        const char *spec;
    } cases[] = {
        /* the first stretch was over, all but a little, before the fault */
        {VC_PASS, "{\"type\":\"load\",\"name\":\"calls\",\"lost_at_most_ppm\":250000}"},
        {VC_FAIL, "{\"type\":\"load\",\"name\":\"calls\",\"lost_at_most_ppm\":249999}"},
        {VC_PASS, "{\"type\":\"load\",\"name\":\"calls\",\"lost_at_least_ppm\":250000}"},
        {VC_FAIL, "{\"type\":\"load\",\"name\":\"calls\",\"lost_at_least_ppm\":250001}"},
        {VC_PASS, "{\"type\":\"load\",\"name\":\"calls\",\"mbit_at_least\":75}"},
        {VC_FAIL, "{\"type\":\"load\",\"name\":\"calls\",\"mbit_at_least\":76}"},
        {VC_FAIL, "{\"type\":\"load\",\"name\":\"nobody\",\"lost_at_most_ppm\":1000000}"},
        {VC_FAIL, "{\"type\":\"load\",\"name\":\"nobody\",\"lost_at_least_ppm\":0}"},
        /* 98 packets of both directions are lost from 3 s on; 2 s of 20 ms are 200 */
        {VC_PASS, "{\"type\":\"quality\",\"flow\":\"voice-dc1\",\"during\":\"calls\",\"loss_at_least_ppm\":480000}"},
        {VC_FAIL, "{\"type\":\"quality\",\"flow\":\"voice-dc1\",\"during\":\"calls\",\"loss_at_most_ppm\":480000}"},
        {VC_PASS, "{\"type\":\"quality\",\"flow\":\"voice-dc1\",\"during\":\"other\",\"loss_at_most_ppm\":20000}"},
        {VC_PASS, "{\"type\":\"quality\",\"flow\":\"voice-dc2\",\"loss_at_most_ppm\":0}"},
        {VC_FAIL, "{\"type\":\"quality\",\"flow\":\"voice-dc1\",\"during\":\"nobody\",\"loss_at_most_ppm\":1000000}"},
        {VC_FAIL, "{\"type\":\"quality\",\"flow\":\"unknown\",\"loss_at_most_ppm\":1000000}"},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++)
        cr_expect_eq(ask_of_load(cases[i].spec), cases[i].verdict, "%s", cases[i].spec);
}

static void ask_log(struct vc_judge *judge, int id, const char *text, const char *present)
{
    VC_AUTO_TALLOC char *event =
        talloc_asprintf(NULL,
                        "{\"t_ns\":2900000100,\"layer\":\"check\",\"what\":\"expect\",\"id\":%d,\"type\":\"log\","
                        "\"node\":\"cpe1\",\"daemon\":\"charon\",\"contains\":\"%s\",\"present\":%s,"
                        "\"trigger_ns\":2900000100,\"within_ns\":1000}",
                        id, text, present);

    feed_text(judge, event);
}

Test(expect, what_a_log_said_stays_said)
{
    VC_AUTO_TALLOC struct vc_judge *judge = vc_judge_new(NULL);

    feed_until(judge, healthy);
    feed_text(judge,
              "{\"t_ns\":2900000000,\"layer\":\"check\",\"node\":\"cpe1\",\"what\":\"log\",\"daemon\":\"charon\","
              "\"contains\":\"said\",\"line\":\"it said so\"}");
    feed_text(judge,
              "{\"t_ns\":2900000001,\"layer\":\"check\",\"node\":\"cpe2\",\"what\":\"log\",\"daemon\":\"charon\","
              "\"contains\":\"unsaid\",\"line\":\"unsaid here\"}");
    ask_log(judge, 100, "said", "true");
    ask_log(judge, 101, "said", "false");
    ask_log(judge, 102, "unsaid", "true");
    ask_log(judge, 103, "unsaid", "false");
    cr_expect_eq(vc_judge_expectation(judge, 100), VC_PASS);
    cr_expect_eq(vc_judge_expectation(judge, 101), VC_PENDING);
    cr_expect_eq(vc_judge_expectation(judge, 102), VC_PENDING, "another node said it");
    cr_expect_eq(vc_judge_expectation(judge, 103), VC_PASS);
    feed_text(judge,
              "{\"t_ns\":2900000200,\"layer\":\"check\",\"what\":\"hold\",\"id\":104,\"for_ns\":1,\"expects\":[100]}");
    feed_text(judge,
              "{\"t_ns\":2900000200,\"layer\":\"check\",\"what\":\"hold\",\"id\":105,\"for_ns\":1,\"expects\":[103]}");
    feed_text(judge,
              "{\"t_ns\":2900000300,\"layer\":\"fault\",\"what\":\"applied\",\"name\":\"off\",\"kind\":\"power-off\","
              "\"node\":\"cpe1\"}");
    cr_expect(vc_judge_hold_true(judge, 104), "a node that is off has said what it said");
    cr_expect(vc_judge_hold_true(judge, 105));
    feed_text(judge,
              "{\"t_ns\":2900000400,\"layer\":\"check\",\"node\":\"cpe1\",\"what\":\"log\",\"daemon\":\"charon\","
              "\"contains\":\"unsaid\",\"line\":\"unsaid, too\"}");
    cr_expect_not(vc_judge_hold_true(judge, 105));
}
