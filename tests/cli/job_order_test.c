/* The order in which many runs are started. */
#include "cli/job_order.c"

#include <criterion/criterion.h>

static struct vc_topology two = {.file = "two.yaml"}, one = {.file = "one.yaml"};
static const struct vc_timers bfd = {.name = "bfd"}, tuned = {.name = "tuned"};

static struct vc_scenario scenario(const char *name, struct vc_topology *topology, const struct vc_timers *timers)
{
    return (struct vc_scenario){.name = name, .topology = topology, .timers = timers};
}

Test(job_order, runs_of_one_lab_are_a_group)
{
    struct vc_scenario scenarios[] = {scenario("a", &two, &bfd), scenario("b", &two, &tuned), scenario("c", &one, &bfd),
                                      scenario("d", &two, &bfd)};
    struct job jobs[4] = {{&scenarios[0]}, {&scenarios[1]}, {&scenarios[2]}, {&scenarios[3]}};

    jobs_estimate(jobs, 4, NULL);
    cr_assert(jobs[0].group == 0 && jobs[1].group == 1 && jobs[2].group == 2 && jobs[3].group == 0);
}

Test(job_order, expects_what_the_last_suite_measured_else_the_scenarios_own_times)
{
    struct vc_step steps[] = {
        {.kind = VC_STEP_EXPECT,
         .spec = json_pack("[{s:I}, {s:I}]", "within_ns", (json_int_t)(20 * VC_NS_PER_S), "within_ns",
                           (json_int_t)(60 * VC_NS_PER_S))},
        {.kind = VC_STEP_HOLD, .spec = json_pack("{s:I}", "for_ns", (json_int_t)(40 * VC_NS_PER_S))}};
    struct vc_scenario known = scenario("known", &two, &bfd), fresh = scenario("fresh", &two, &bfd);
    VC_AUTO_JSON *last =
        json_pack("{s:[{s:s, s:f}], s:{s:f}}", "runs", "scenario", "known", "wall_s", 7.5, "totals", "ratio", 50.0);
    known.steps = fresh.steps = steps;
    known.step_count = fresh.step_count = 2;
    struct job jobs[2] = {{&known}, {&fresh}};

    jobs_estimate(jobs, 2, last);
    cr_assert_float_eq(jobs[0].expected_s, 7.5, 1e-9);
    cr_assert_float_eq(jobs[1].expected_s, 2, 1e-9, "100 s at 50 times");
    jobs_estimate(jobs, 2, NULL);
    cr_assert_float_eq(jobs[0].expected_s, 100, 1e-9);
    json_decref(steps[0].spec);
    json_decref(steps[1].spec);
}

Test(job_order, takes_the_longest_and_waits_for_no_snapshot_while_others_can_run)
{
    struct job jobs[] = {{.expected_s = 5, .group = 0},
                         {.expected_s = 9, .group = 0},
                         {.expected_s = 1, .group = 2},
                         {.expected_s = 2, .group = 2},
                         {.expected_s = 7, .group = 0}};
    enum group_state groups[5] = {GROUP_NEW};
    static const struct {
        size_t want;
        enum group_state then; /* of its group */
    } turns[] = {
        {1, GROUP_MAKING}, /* the longest, which makes the snapshot */
        {3, GROUP_MAKING}, /* neither 0 nor 4, which would wait */
        {4, GROUP_READY},  /* nothing else is left: the longest waits */
        {0, GROUP_MAKING}, /* longer than 2, and nobody waits for its snapshot */
        {2, GROUP_READY},
    };

    for (size_t i = 0; i < VC_COUNT(turns); i++) {
        size_t next = job_next(jobs, 5, groups);
        cr_assert_eq(next, turns[i].want, "turn %zu: %zu", i, next);
        jobs[next].started = true;
        groups[jobs[next].group] = turns[i].then;
    }
    cr_assert_eq(job_next(jobs, 5, groups), 5, "all are started");
}

Test(job_order, a_ready_group_does_not_wait)
{
    struct job jobs[] = {{.expected_s = 5, .group = 0}, {.expected_s = 3, .group = 1}};
    enum group_state groups[2] = {GROUP_READY, GROUP_NEW};

    cr_assert_eq(job_next(jobs, 2, groups), 0);
}

Test(job_order, never_starts_what_is_skipped)
{
    struct job jobs[] = {{.expected_s = 9, .group = 0, .skipped = "not here"}, {.expected_s = 1, .group = 1}};
    enum group_state groups[2] = {GROUP_NEW, GROUP_NEW};

    cr_assert_eq(job_next(jobs, 2, groups), 1U);
    jobs[1].started = true;
    cr_assert_eq(job_next(jobs, 2, groups), 2U);
}
