/* Random schedules, and what shrinking leaves of them. */
#include "fixture.h"

static bool same(const struct vc_schedule *a, const struct vc_schedule *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->steps[i].kind != b->steps[i].kind || a->steps[i].element != b->steps[i].element ||
            a->steps[i].pause_ms != b->steps[i].pause_ms)
            return false;
    return true;
}

Test(campaign, a_seed_gives_the_same_schedules_and_another_gives_others)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");

    for (uint64_t i = 0; i < 50; i++) {
        struct vc_schedule first = vc_campaign_schedule(sweep, 7, i), again = vc_campaign_schedule(sweep, 7, i);
        struct vc_schedule other = vc_campaign_schedule(sweep, 8, i), next = vc_campaign_schedule(sweep, 7, i + 1);
        cr_assert(same(&first, &again));
        cr_assert(!same(&first, &other));
        cr_assert(!same(&first, &next));
    }
}

/* A fault that is not healed yet when step i is done. */
static bool active(const struct vc_schedule *schedule, size_t i, size_t element)
{
    bool fails = false;

    for (size_t k = 0; k < i; k++)
        if (schedule->steps[k].element == element && schedule->steps[k].kind != VC_SWEEP_CHECK)
            fails = schedule->steps[k].kind == VC_SWEEP_FAULT;
    return fails;
}

/* Every element fails once and heals after it; the last step is a check of the healed lab. */
static void check_schedule(const struct vc_sweep *sweep, const struct vc_schedule *schedule)
{
    size_t elements[VC_SCHEDULE_STEPS], count = vc_schedule_elements(schedule, elements);
    size_t healed = 0;

    cr_assert(count >= 2 && count <= 6, "%zu elements", count);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++) {
            VC_AUTO_TALLOC char *contained = vc_sweep_contained(NULL, sweep, elements[i], elements[k]);
            cr_assert(!contained && elements[i] != elements[k], "%s", contained);
        }
    for (size_t i = 0; i < schedule->count; i++) {
        bool failed = false;
        for (size_t k = 0; k < i; k++)
            failed = failed || (schedule->steps[k].kind == VC_SWEEP_FAULT &&
                                schedule->steps[k].element == schedule->steps[i].element);
        if (schedule->steps[i].kind == VC_SWEEP_HEAL) {
            cr_assert(failed, "healed before it failed");
            healed++;
        }
    }
    cr_assert_eq(healed, count);
    cr_assert_eq(schedule->steps[schedule->count - 1].kind, VC_SWEEP_CHECK);
}

/* How often a daemon is healed while its zebra is dead. *pairs: schedules in which that could be. */
static unsigned healed_too_early(const struct vc_sweep *sweep, const struct vc_schedule *schedule, unsigned *pairs)
{
    size_t elements[VC_SCHEDULE_STEPS], count = vc_schedule_elements(schedule, elements);
    unsigned early = 0;

    for (size_t i = 0; i < schedule->count; i++)
        for (size_t k = 0; k < count && schedule->steps[i].kind == VC_SWEEP_HEAL; k++)
            if (vc_sweep_starts_after(sweep, schedule->steps[i].element, elements[k])) {
                ++*pairs;
                early += active(schedule, i, elements[k]);
            }
    return early;
}

Test(campaign, a_daemon_is_healed_after_its_zebra)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");
    unsigned pairs = 0;

    for (uint64_t i = 0; i < 5000; i++) {
        struct vc_schedule schedule = vc_campaign_schedule(sweep, 1, i);
        cr_assert_eq(healed_too_early(sweep, &schedule, &pairs), 0, "schedule %llu", (unsigned long long)i);
    }
    cr_assert_gt(pairs, 10);
}

Test(campaign, schedules_are_sound_and_overlap)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");
    char *folder = temporary_folder(ctx);
    unsigned overlapping = 0;

    for (uint64_t i = 0; i < 300; i++) {
        struct vc_schedule schedule = vc_campaign_schedule(sweep, 1, i);
        VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
        check_schedule(sweep, &schedule);
        for (size_t k = 0; k + 1 < schedule.count; k++)
            overlapping +=
                schedule.steps[k].kind == VC_SWEEP_FAULT && schedule.steps[k + 1].kind != VC_SWEEP_HEAL && k > 0;
        if (i < 20)
            load_written(scratch, sweep, &schedule, folder, "campaign");
    }
    cr_assert_gt(overlapping, 100);
    remove_folder(folder);
}

/* ---- shrinking: a judge of the test's own ---- */

struct judge {
    size_t wanted[2], wanted_count; /* it fails while all of these are in it */
    bool checks;                    /* and something is checked while they are down */
    unsigned asked;
    bool broken;
};

static bool holds(const struct vc_schedule *schedule, size_t element)
{
    for (size_t i = 0; i < schedule->count; i++)
        if (schedule->steps[i].kind == VC_SWEEP_FAULT && schedule->steps[i].element == element)
            return true;
    return false;
}

static bool is_checked(const struct vc_schedule *schedule)
{
    for (size_t i = 0; i < schedule->count; i++)
        if (schedule->steps[i].kind == VC_SWEEP_CHECK)
            return true;
    return false;
}

static size_t count_of(const struct vc_schedule *schedule, enum vc_sweep_step_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < schedule->count; i++)
        count += schedule->steps[i].kind == kind;
    return count;
}

static int fails(void *arg, const struct vc_schedule *schedule, vc_error **err)
{
    struct judge *judge = arg;

    judge->asked++;
    if (judge->broken)
        return vc_fail(err, VC_EXIT_INTERRUPTED, 0, "interrupted");
    for (size_t i = 0; i < judge->wanted_count; i++)
        if (!holds(schedule, judge->wanted[i]))
            return 0;
    return !judge->checks || is_checked(schedule);
}

static struct vc_schedule big_schedule(const struct vc_sweep *sweep, size_t *elements, size_t at_least)
{
    for (uint64_t i = 0;; i++) {
        struct vc_schedule schedule = vc_campaign_schedule(sweep, 3, i);
        if (vc_schedule_elements(&schedule, elements) >= at_least)
            return schedule;
    }
}

Test(shrink, leaves_the_two_elements_that_matter)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");
    size_t elements[VC_SCHEDULE_STEPS], left[VC_SCHEDULE_STEPS];
    struct vc_schedule schedule = big_schedule(sweep, elements, 6);
    struct judge judge = {.wanted = {elements[1], elements[4]}, .wanted_count = 2, .checks = true};

    cr_assert_eq(vc_campaign_shrink(&schedule, fails, &judge, NULL), 0);
    cr_assert_eq(vc_schedule_elements(&schedule, left), 2);
    cr_assert(holds(&schedule, elements[1]) && holds(&schedule, elements[4]));
    cr_assert_eq(count_of(&schedule, VC_SWEEP_CHECK), 1);
    cr_assert_eq(count_of(&schedule, VC_SWEEP_PAUSE), 0);
    cr_assert_lt(judge.asked, 60);
}

Test(shrink, leaves_one_element_that_fails_alone)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");
    size_t elements[VC_SCHEDULE_STEPS], left[VC_SCHEDULE_STEPS];
    struct vc_schedule schedule = big_schedule(sweep, elements, 5);
    struct judge judge = {.wanted = {elements[2]}, .wanted_count = 1, .checks = true};

    cr_assert_eq(vc_campaign_shrink(&schedule, fails, &judge, NULL), 0);
    cr_assert_eq(vc_schedule_elements(&schedule, left), 1);
    cr_assert_eq(left[0], elements[2]);
}

Test(shrink, keeps_what_needs_all_and_stops_when_nobody_can_tell)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");
    size_t elements[VC_SCHEDULE_STEPS];
    struct vc_schedule schedule =
        vc_schedule_of_set(sweep, (size_t[]){element_of(sweep, "link/lan1"), element_of(sweep, "link/lan2")}, 2);
    struct judge judge = {.wanted = {schedule.steps[0].element, schedule.steps[1].element}, .wanted_count = 2};
    VC_AUTO_ERROR *err = NULL;

    cr_assert_eq(vc_campaign_shrink(&schedule, fails, &judge, NULL), 0);
    cr_assert_eq(vc_schedule_elements(&schedule, elements), 2);
    judge.broken = true;
    cr_assert_eq(vc_campaign_shrink(&schedule, fails, &judge, &err), -1);
    cr_assert_eq(err->status, VC_EXIT_INTERRUPTED);
}

Test(schedule, without_an_element_has_no_empty_checks)
{
    struct vc_schedule schedule = {.count = 0}, expected = {.count = 0};

    vc_schedule_add(&schedule, VC_SWEEP_FAULT, 1, 0);
    vc_schedule_add(&schedule, VC_SWEEP_CHECK, VC_NONE, 0);
    vc_schedule_add(&schedule, VC_SWEEP_FAULT, 2, 0);
    vc_schedule_add(&schedule, VC_SWEEP_PAUSE, VC_NONE, 700);
    vc_schedule_add(&schedule, VC_SWEEP_HEAL, 1, 0);
    vc_schedule_add(&schedule, VC_SWEEP_CHECK, VC_NONE, 0);
    vc_schedule_add(&schedule, VC_SWEEP_HEAL, 2, 0);
    vc_schedule_add(&schedule, VC_SWEEP_CHECK, VC_NONE, 0);
    vc_schedule_add(&expected, VC_SWEEP_FAULT, 2, 0);
    vc_schedule_add(&expected, VC_SWEEP_PAUSE, VC_NONE, 700);
    vc_schedule_add(&expected, VC_SWEEP_CHECK, VC_NONE, 0);
    vc_schedule_add(&expected, VC_SWEEP_HEAL, 2, 0);
    vc_schedule_add(&expected, VC_SWEEP_CHECK, VC_NONE, 0);
    struct vc_schedule out = vc_schedule_without(&schedule, 1);
    cr_assert(same(&out, &expected));
}
