/* What the doctor says of broken configurations, as tests/config/ios-xe/expected.json has it. */
#include <string.h>

#include "customer.h"

TestSuite(answers_sealed, .init = customer_setup, .fini = customer_teardown, .timeout = 290);

static bool asks_for(const json_t *causes, const char *cause)
{
    const json_t *one;
    size_t i;

    json_array_foreach(causes, i, one) if (!strcmp(json_string_value(one), cause)) return true;
    return false;
}

/* The node starts anew as the configuration says; the doctor names each of its causes. */
static void add_steps(json_t *steps, const char *name, const json_t *expected)
{
    VC_AUTO_TALLOC char *fault = talloc_strndup(NULL, name, strcspn(name, "."));
    const json_t *causes = json_object_get(expected, "causes"), *cause;
    json_t *expect = json_array();
    size_t i;

    json_array_append_new(steps, json_pack("{s:{s:s, s:s, s:O, s:O}}", "fault", "name", fault, "kind", "misconfigure",
                                           "node", json_object_get(expected, "node"), "configure",
                                           json_object_get(expected, "configure")));
    json_array_append_new(steps, json_pack("{s:s}", "wait", "40s"));
    json_array_foreach(causes, i, cause) json_array_append_new(
        expect, json_pack("{s:{s:O, s:b, s:s}}", "diagnosis", "cause", cause, "others", true, "within", "80s"));
    if (!json_array_size(causes))
        json_array_append_new(expect, json_pack("{s:{s:s, s:s}}", "diagnosis", "cause", "healthy", "within", "80s"));
    json_array_append_new(steps, json_pack("{s:o}", "expect", expect));
}

/* The order's broken configurations, one after the other in one lab, those that let GRE out in clear apart: every other
 * one from `first` on, or (-1) all of them. */
static void play_diagnoses(const char *order, bool in_clear, size_t first)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *all = json_load_file(CONFIGS "expected.json", 0, NULL);
    VC_AUTO_JSON *steps = json_pack("[{s:[{s:{s:s}}]}]", "expect", "converged", "within", "90s");
    const char *name, *path = in_top(ctx, "diagnoses.yaml");
    json_t *expected;
    size_t count = 0;

    cr_assert(all);
    json_object_foreach(all, name, expected)
    {
        if (!strcmp(json_string_value(json_object_get(expected, "topology")), order) &&
            json_object_size(json_object_get(expected, "configure")) &&
            asks_for(json_object_get(expected, "causes"), "gre-in-clear") == in_clear &&
            (first == (size_t)-1 || count++ % 2 == first))
            add_steps(steps, name, expected);
    }
    cr_assert(json_array_size(steps) > 1);
    write_order(ctx, order);
    VC_AUTO_JSON *scenario_json =
        json_pack("{s:s, s:s, s:s, s:s, s:[s], s:O}", "scenario", "diagnoses", "description", "Written by a test.",
                  "topology", "order.yaml", "timers", "tuned", "requirements", "R20", "steps", steps);
    if (in_clear)
        json_object_set_new(scenario_json, "violates", json_pack("[s]", "clear-traffic"));
    cr_assert_eq(json_dump_file(scenario_json, path, 0), 0);
    struct command *run = RUN(ctx, "run", "--cold", path, "--no-captures", "--results", customer_results);
    EXITS(run, 0);
}

Test(answers_sealed, one_cpe_gives_the_doctors_answers)
{
    play_diagnoses("one-cpe", false, 0);
}

Test(answers_sealed, one_cpe_gives_the_doctors_other_answers)
{
    play_diagnoses("one-cpe", false, 1);
}

Test(answers_sealed, gre_in_clear_gives_the_doctors_answer)
{
    play_diagnoses("one-cpe", true, (size_t)-1);
}

Test(answers_sealed, two_cpes_give_the_doctors_answers)
{
    play_diagnoses("two-cpe", false, (size_t)-1);
}

Test(answers_sealed, a_cpe_behind_a_nat_gives_the_doctors_answer)
{
    play_diagnoses("natted", false, (size_t)-1);
}
