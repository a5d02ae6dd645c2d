/* Random schedules of overlapping faults, and what is left of one that fails. */
#include <string.h>

#include "sweep/draw.h"
#include "sweep/sweep.h"

enum { ELEMENTS_MIN = 2, ELEMENTS_MAX = 6, PAUSE_MAX_MS = 5000 };

static bool fits(const struct vc_sweep *sweep, const size_t *chosen, size_t count, size_t element)
{
    for (size_t i = 0; i < count; i++) {
        VC_AUTO_TALLOC char *contained = vc_sweep_contained(NULL, sweep, chosen[i], element);
        if (chosen[i] == element || contained)
            return false;
    }
    return true;
}

static size_t choose(const struct vc_sweep *sweep, uint64_t *state, size_t *chosen)
{
    size_t all = vc_oracle_count(sweep->oracle),
           wanted = ELEMENTS_MIN + sweep_below(state, ELEMENTS_MAX - ELEMENTS_MIN + 1);
    size_t count = 0;

    /* In a small topology six that fit may not exist. */
    for (size_t tries = 0; tries < 20 * wanted && count < wanted && all; tries++) {
        size_t element = sweep_below(state, all);
        if (fits(sweep, chosen, count, element))
            chosen[count++] = element;
    }
    return count;
}

/* A routing daemon that dies leaves what it knew: then the oracle needs to know that the network had settled. */
static bool remembers(const struct vc_sweep *sweep, const size_t *chosen, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (vc_oracle_element(sweep->oracle, chosen[i])->kind == VC_ELEMENT_DAEMON)
            return true;
    return false;
}

/* What comes after a fault or heal: mostly a check, else the next one soon, so that timers overlap. */
static void add_between(struct vc_schedule *schedule, uint64_t *state, bool settle)
{
    size_t dice = sweep_below(state, 10);

    if (dice < 6)
        vc_schedule_add(schedule, VC_SWEEP_CHECK, VC_NONE, 0);
    else if (settle)
        vc_schedule_add(schedule, VC_SWEEP_SETTLE, VC_NONE, 0);
    if (dice >= 4)
        vc_schedule_add(schedule, VC_SWEEP_PAUSE, VC_NONE, 1 + (unsigned)sweep_below(state, PAUSE_MAX_MS));
}

/* The drawn one, or what has to be there before it. */
static size_t healable(const struct vc_sweep *sweep, const size_t *active, size_t count, size_t drawn)
{
    for (size_t i = 0; i < count; i++)
        if (vc_sweep_starts_after(sweep, active[drawn], active[i]))
            return i;
    return drawn;
}

struct vc_schedule vc_campaign_schedule(const struct vc_sweep *sweep, uint64_t seed, uint64_t index)
{
    uint64_t state = seed;
    size_t waiting[ELEMENTS_MAX], active[ELEMENTS_MAX], active_count = 0;
    struct vc_schedule schedule = {.count = 0};

    state = sweep_draw(&state) + index;
    size_t waiting_count = choose(sweep, &state, waiting);
    bool settle = remembers(sweep, waiting, waiting_count);
    while (waiting_count || active_count) {
        bool fault = waiting_count && (!active_count || sweep_below(&state, 3) < 2);
        if (fault) {
            size_t element = waiting[--waiting_count];
            vc_schedule_add(&schedule, VC_SWEEP_FAULT, element, 0);
            active[active_count++] = element;
        } else {
            size_t i = healable(sweep, active, active_count, sweep_below(&state, active_count));
            vc_schedule_add(&schedule, VC_SWEEP_HEAL, active[i], 0);
            active[i] = active[--active_count];
        }
        if (waiting_count || active_count)
            add_between(&schedule, &state, settle);
    }
    vc_schedule_add(&schedule, VC_SWEEP_CHECK, VC_NONE, 0);
    return schedule;
}

/* ---- shrinking ---- */

static struct vc_schedule without_step(const struct vc_schedule *schedule, size_t step)
{
    struct vc_schedule out = *schedule;

    memmove(&out.steps[step], &out.steps[step + 1], (out.count - step - 1) * sizeof *out.steps);
    out.count--;
    return out;
}

/* Keeps the smaller one if it still fails: 1, 0 or -1. */
static int take(struct vc_schedule *schedule, const struct vc_schedule *smaller, vc_campaign_fails_fn *fails, void *arg,
                vc_error **err)
{
    int failing = smaller->count ? fails(arg, smaller, err) : 0;

    if (failing > 0)
        *schedule = *smaller;
    return failing;
}

static int shrink_elements(struct vc_schedule *schedule, vc_campaign_fails_fn *fails, void *arg, vc_error **err)
{
    size_t elements[VC_SCHEDULE_STEPS];
    bool taken = true;

    while (taken) {
        size_t count = vc_schedule_elements(schedule, elements);
        taken = false;
        for (size_t i = 0; i < count && count > 1; i++) {
            struct vc_schedule smaller = vc_schedule_without(schedule, elements[i]);
            int failing = take(schedule, &smaller, fails, arg, err);
            if (failing < 0)
                return -1;
            taken = taken || failing;
        }
    }
    return 0;
}

int vc_campaign_shrink(struct vc_schedule *schedule, vc_campaign_fails_fn *fails, void *arg, vc_error **err)
{
    if (shrink_elements(schedule, fails, arg, err))
        return -1;
    for (size_t i = schedule->count; i-- > 0;) {
        struct vc_schedule smaller = *schedule;
        if (schedule->steps[i].kind == VC_SWEEP_PAUSE)
            smaller = without_step(schedule, i);
        else if (schedule->steps[i].kind == VC_SWEEP_CHECK)
            smaller.steps[i].kind = VC_SWEEP_SETTLE; /* the oracle's next answer may rest on that */
        else
            continue;
        if (take(schedule, &smaller, fails, arg, err) < 0)
            return -1;
    }
    return 0;
}
