/* The doctor at a living lab, and at what it left. */
#include <poll.h>
#include <string.h>

#include "lab.h"

TestSuite(doctor, .init = host_open, .fini = host_close);

static json_t *examine(void *ctx, const char *what, int status)
{
    struct command *doctor =
        what ? VCLAB(ctx, "doctor", "--json", what) : VCLAB(ctx, "doctor", "--json", "--results", RESULTS);

    EXITS(doctor, status);
    json_t *diagnosis = json_loads(doctor->out, 0, NULL);
    cr_assert(diagnosis, "%s", doctor->out);
    return diagnosis;
}

static const char *cause_of(const json_t *diagnosis, size_t index)
{
    const json_t *cause = json_array_get(json_object_get(diagnosis, "causes"), index);
    const char *name = json_string_value(json_object_get(cause, "cause"));

    return name ? name : "";
}

Test(doctor, finds_nothing_then_what_is_broken_then_nothing_again)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    lab_up(RESULTS);
    lab_await_converged(RESULTS, 60000);
    VC_AUTO_JSON *before = examine(ctx, NULL, 0);
    cr_assert(json_is_true(json_object_get(before, "healthy")));
    VC_AUTO_JSON *by_folder = examine(ctx, result_in(ctx, RESULTS), 0);
    cr_assert(json_is_true(json_object_get(by_folder, "healthy")));

    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "link-down", "link=core-dc1", "name=cut"), 0);
    lab_await_harmed(RESULTS, 60000);
    int64_t begun = host_now_ms();
    VC_AUTO_JSON *cut = examine(ctx, NULL, 1);
    fprintf(stderr, "doctor: %lld ms for a lab that does not answer\n", (long long)(host_now_ms() - begun));
    cr_assert_str_eq(cause_of(cut, 0), "tier-cut");
    cr_assert_str_eq(cause_of(cut, 1), "");

    struct command *text = VCLAB(ctx, "doctor", "--results", RESULTS);
    EXITS(text, 1);
    cr_assert(strstr(text->out, "1. tier-cut, tunnel dc1 (gre, certain)"), "%s", text->out);

    EXITS(VCLAB(ctx, "heal", "--results", RESULTS, "cut"), 0);
    lab_await_converged(RESULTS, 60000);
    VC_AUTO_JSON *after = examine(ctx, NULL, 0);
    cr_assert(json_is_true(json_object_get(after, "healthy")));

    lab_down(RESULTS);
    struct command *left = VCLAB(ctx, "doctor", result_in(ctx, RESULTS));
    EXITS(left, 2); /* it was asked while it ran */
    SAYS(left, "no evidence in its events, and only a sealed run is played again");
    EXITS(VCLAB(ctx, "doctor", "--results", RESULTS), 2); /* no lab runs any more */
}

/* Who fails is asked why, whoever passes only if that is wanted. */
Test(doctor, reads_of_a_run_what_it_was_asked_at_its_end)
{
    static const struct {
        const char *steps, *option;
        int status, healthy; /* of the run; of the doctor */
    } cases[] = {{"", "--no-captures", 0, 2},
                 {"", "--evidence", 0, 0},
                 {"  - expect:\n      - session: {tunnel: dc1, state: down, within: 1s}\n", "--no-captures", 1, 0}};

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *results = talloc_asprintf(ctx, "%s/%zu", RESULTS, i);
        char *steps = talloc_asprintf(ctx, "%s%s", steps_converge, cases[i].steps);
        const char *scenario = scenario_write(ctx, "asked", steps);
        EXITS(VCLAB(ctx, "run", "--live", scenario, cases[i].option, "--results", results), cases[i].status);
        EXITS(VCLAB(ctx, "doctor", result_in(ctx, results)), cases[i].healthy);
    }
}

/* The node's other sessions come back in their own time after its start. */
static void await_only(const char *cause)
{
    for (int64_t end = host_now_ms() + 60000;; poll(NULL, 0, 200)) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_JSON *sick = examine(ctx, NULL, 1);

        cr_assert_str_eq(cause_of(sick, 0), cause);
        if (!*cause_of(sick, 1))
            return;
        cr_assert(host_now_ms() < end, "%s, too", cause_of(sick, 1));
    }
}

/* A key is wrong in a running lab, and right again: by the scenario that does so from the start. */
Test(doctor, finds_what_a_scenario_configures_in_a_running_lab)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    lab_up(RESULTS);
    lab_await_converged(RESULTS, 60000);
    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "--misconfigure", "no-such-scenario"), 2);
    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "--misconfigure", "two-cpe-ike-tuned:psk"), 0);
    struct command *which = VCLAB(ctx, "fault", "--results", RESULTS, "--misconfigure", "two-cpe-ike-tuned");
    EXITS(which, 2);
    SAYS(which, "which of its faults? There are psk, version, ");
    await_only("ike-psk");
    EXITS(VCLAB(ctx, "heal", "--results", RESULTS, "cpe1"), 0);
    lab_await_converged(RESULTS, 60000);
    VC_AUTO_JSON *after = examine(ctx, NULL, 0);
    cr_assert(json_is_true(json_object_get(after, "healthy")));
    lab_down(RESULTS);
}
