/* Packets counted on links, accepted prefixes, and invariants that a scenario means to break. */
#include <criterion/criterion.h>
#include <string.h>

#include "run/verdict.h"

/* Single quotes instead of JSON's double ones. */
static void feed(struct vc_judge *judge, const char *text)
{
    VC_AUTO_TALLOC char *copy = talloc_strdup(NULL, text);

    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    VC_AUTO_JSON *event = json_loads(copy, 0, NULL);
    cr_assert(event, "%s", copy);
    vc_judge_event(judge, event);
}

static struct vc_judge *judge_new(const char *violates)
{
    struct vc_judge *judge = vc_judge_new(NULL);
    VC_AUTO_TALLOC char *plan = talloc_asprintf(
        NULL,
        "{'t_ns':0,'layer':'check','what':'plan','tunnels':[{'name':'dc1','cpe':'cpe1'}],'sessions':[],'flows':[],"
        "'accept':[{'node':'cpe1','neighbor':'100.64.0.1','prefixes':['198.18.5.0/24','198.18.5.0/25']}]%s}",
        violates);

    feed(judge, plan);
    return judge;
}

#define SEEN(t, members) "{'t_ns':" t ",'layer':'link','what':'seen'," members "}"
#define BGP(n)           "'at':'core-dc1','select':'bgp','toward':'dc1-router','packets':" n ",'mss':0"
#define EXPECT(limit)                                                                                                  \
    "{'t_ns':100,'layer':'check','what':'expect','id':1,'trigger_ns':0,'type':'seen','at':'core-dc1','select':'bgp',"  \
    "'toward':'dc1-router'," limit "}"
#define FAULT "{'t_ns':300,'layer':'fault','what':'applied','name':'cut','kind':'drop'}"

Test(seen, packets_count_from_the_question_to_the_next_fault)
{
    static const struct {
        const char *limit;
        enum vc_verdict verdict;
    } cases[] = {
        {"'at_least':7", VC_PASS},
        {"'at_least':8", VC_FAIL},
        {"'at_most':7", VC_PASS},
        {"'at_most':6", VC_FAIL},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC struct vc_judge *judge = judge_new("");

        feed(judge, SEEN("100", BGP("1000"))); /* until the question was asked */
        feed(judge, EXPECT("'at_most':6"));
        VC_AUTO_TALLOC char *again = talloc_asprintf(
            NULL,
            "{'t_ns':100,'layer':'check','what':'expect','id':2,'trigger_ns':0,'type':'seen','at':'core-dc1','select':"
            "'bgp','toward':'dc1-router',%s}",
            cases[i].limit);
        feed(judge, again);
        feed(judge, SEEN("200", BGP("3")));
        feed(judge, SEEN("250", "'at':'core-dc1','select':'bgp','toward':'dc1-headend','packets':1000,'mss':0"));
        feed(judge, SEEN("250", "'at':'core-dc1','select':'bgp','packets':1000,'mss':0"));
        feed(judge, SEEN("250", "'at':'core-dc1','select':'bgp','toward':'dc1-router','to':'10.0.0.0/8',"
                                "'packets':1000,'mss':0"));
        cr_expect_eq(vc_judge_expectation(judge, 2), VC_PENDING);
        feed(judge, FAULT);
        feed(judge, SEEN("300", BGP("4"))); /* until the fault */
        feed(judge, SEEN("400", BGP("1000")));
        cr_expect_eq(vc_judge_expectation(judge, 2), cases[i].verdict, "%s: %s", cases[i].limit,
                     vc_verdict_name(vc_judge_expectation(judge, 2)));
    }
}

Test(seen, the_largest_mss_is_measured_and_none_is_no_measure)
{
    static const struct {
        const char *limit;
        enum vc_verdict verdict;
        bool syn;
    } cases[] = {
        {"'mss_at_most':1350", VC_PASS, true},   {"'mss_at_most':1349", VC_FAIL, true},
        {"'mss_at_least':1350", VC_PASS, true},  {"'mss_at_least':1351", VC_FAIL, true},
        {"'mss_at_least':1350", VC_FAIL, false}, {"'mss_at_most':1350", VC_FAIL, false},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC struct vc_judge *judge = judge_new("");
        VC_AUTO_TALLOC char *expect = talloc_asprintf(
            NULL,
            "{'t_ns':100,'layer':'check','what':'expect','id':1,'trigger_ns':0,'type':'seen','at':'site','select':"
            "'syn',%s}",
            cases[i].limit);

        feed(judge, expect);
        if (cases[i].syn) {
            feed(judge, SEEN("150", "'at':'site','select':'syn','packets':1,'mss':1350"));
            feed(judge, SEEN("200", "'at':'site','select':'syn','packets':1,'mss':1200"));
        }
        feed(judge, FAULT);
        cr_expect_eq(vc_judge_expectation(judge, 1), cases[i].verdict, "%s", cases[i].limit);
    }
}

#define ACCEPT(prefixes)                                                                                               \
    "{'t_ns':100,'layer':'check','what':'expect','id':1,'trigger_ns':100,'within_ns':50,'type':'accepted','node':'"    \
    "cpe1'"                                                                                                            \
    ",'tunnel':'dc1','prefixes':" prefixes "}"
#define TAKES(t, prefixes)                                                                                             \
    "{'t_ns':" t                                                                                                       \
    ",'layer':'rib','what':'accepted','node':'cpe1','tunnel':'dc1','neighbor':'100.64.0.1','prefixes':" prefixes "}"

Test(seen, accepted_is_all_and_nothing_else)
{
    static const struct {
        const char *expect, *takes;
        enum vc_verdict verdict;
    } cases[] = {
        {ACCEPT("['198.18.5.0/25','198.18.5.0/24']"), TAKES("120", "['198.18.5.0/24','198.18.5.0/25']"), VC_PASS},
        {ACCEPT("['198.18.5.0/24']"), TAKES("120", "['198.18.5.0/24','198.18.5.0/25']"), VC_PENDING},
        {ACCEPT("['198.18.5.0/24','198.18.5.0/25']"), TAKES("120", "['198.18.5.0/24']"), VC_PENDING},
        {ACCEPT("['198.18.5.0/24']"), TAKES("151", "['198.18.5.0/24']"), VC_FAIL},
        {ACCEPT("[]"), TAKES("120", "[]"), VC_PASS},
        {ACCEPT("[]"), "{'t_ns':120,'layer':'check','what':'lag','lag_ns':0}", VC_PENDING},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC struct vc_judge *judge = judge_new("");

        feed(judge, cases[i].expect);
        feed(judge, cases[i].takes);
        cr_expect_eq(vc_judge_expectation(judge, 1), cases[i].verdict, "case %zu: %s", i,
                     vc_verdict_name(vc_judge_expectation(judge, 1)));
    }
}

static const char *verdict_of(const json_t *result, const char *invariant)
{
    size_t i;
    json_t *entry;

    json_array_foreach(json_object_get(result, "invariants"), i, entry)
    {
        if (!strcmp(json_string_value(json_object_get(entry, "name")), invariant))
            return json_string_value(json_object_get(entry, "verdict"));
    }
    return "(absent)";
}

static bool loop_held(const json_t *result)
{
    size_t i;
    json_t *entry;

    json_array_foreach(json_object_get(result, "invariants"), i, entry)
    {
        if (!strcmp(json_string_value(json_object_get(entry, "name")), "no-loop"))
            return json_is_true(json_object_get(entry, "held"));
    }
    return false;
}

Test(seen, what_a_scenario_means_to_break_must_break)
{
    static const struct {
        const char *violates;
        bool loops;
        const char *verdict, *invariant, *reason;
    } cases[] = {
        {"", false, "pass", "pass", ""},
        {"", true, "fail", "fail", "no-loop: TTL exceeded on peer"},
        {",'violates':['no-loop']", true, "pass", "pass", ""},
        {",'violates':['no-loop']", false, "fail", "fail", "no-loop: was to be seen broken here, but was kept"},
        {",'violates':['clear-traffic']", true, "fail", "fail", "no-loop: TTL exceeded on peer"},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC struct vc_judge *judge = judge_new(cases[i].violates);

        feed(judge, ACCEPT("['198.18.5.0/24']"));
        feed(judge, TAKES("120", "['198.18.5.0/24']"));
        if (cases[i].loops)
            feed(judge, "{'t_ns':200,'layer':'link','what':'ttl-exceeded','link':'peer','from':'a','to':'b'}");
        feed(judge, "{'t_ns':300,'layer':'check','what':'end'}");
        VC_AUTO_JSON *result = vc_judge_finish(judge);
        const char *reason = json_string_value(json_object_get(result, "reason"));

        cr_expect_str_eq(json_string_value(json_object_get(result, "verdict")), cases[i].verdict, "case %zu: %s", i,
                         reason);
        cr_expect_str_eq(verdict_of(result, "no-loop"), cases[i].invariant, "case %zu", i);
        cr_expect(strstr(reason ? reason : "", cases[i].reason), "case %zu: %s", i, reason);
        VC_AUTO_FREE char *all = json_dumps(json_object_get(result, "invariants"), 0);
        cr_expect_eq(strstr(all, "broken, as it was to be: TTL exceeded") != NULL, i == 2, "case %zu: %s", i, all);
        cr_expect_eq(loop_held(result), !cases[i].loops, "case %zu: %s", i, all);
    }
}
