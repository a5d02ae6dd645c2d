/* In which order many runs are started. */
#include <string.h>

#include "cli/jobs.h"

/* The scenario's own times: what it holds for, and what it waits for at most. Only an order comes of it. */
static double own_times(const struct vc_scenario *scenario)
{
    int64_t total = 0;

    for (size_t i = 0; i < scenario->step_count; i++) {
        const json_t *spec = scenario->steps[i].spec, *expectation;
        int64_t longest = 0;
        size_t k;

        total += json_integer_value(json_object_get(spec, "for_ns"));
        json_array_foreach(spec, k, expectation)
        {
            int64_t within = json_integer_value(json_object_get(expectation, "within_ns"));
            longest = within > longest ? within : longest;
        }
        total += longest;
    }
    return (double)total / VC_NS_PER_S;
}

static double measured(const json_t *last, const char *name, double per_second, double otherwise)
{
    const json_t *run;
    size_t i;

    json_array_foreach(json_object_get(last, "runs"), i, run)
    {
        const char *scenario = json_string_value(json_object_get(run, "scenario"));
        if (scenario && !strcmp(scenario, name))
            return json_number_value(json_object_get(run, "wall_s"));
    }
    return otherwise * per_second;
}

static bool same_group(const struct vc_scenario *a, const struct vc_scenario *b)
{
    return !strcmp(a->topology->file, b->topology->file) && !strcmp(a->timers->name, b->timers->name);
}

void jobs_estimate(struct job *jobs, size_t count, const json_t *last)
{
    const json_t *totals = json_object_get(last, "totals");
    double ratio = json_number_value(json_object_get(totals, "ratio"));

    for (size_t i = 0; i < count; i++) {
        size_t first = 0;

        while (!same_group(jobs[first].scenario, jobs[i].scenario))
            first++;
        jobs[i].group = first;
        jobs[i].expected_s =
            measured(last, jobs[i].scenario->name, ratio > 0 ? 1 / ratio : 1, own_times(jobs[i].scenario));
    }
}

size_t job_next(const struct job *jobs, size_t count, const enum group_state *groups)
{
    size_t best = count;
    bool best_waits = true;

    for (size_t i = 0; i < count; i++) {
        bool waits = groups[jobs[i].group] == GROUP_MAKING;

        if (jobs[i].started || jobs[i].skipped || (waits && !best_waits))
            continue;
        if (best == count || (best_waits && !waits) || jobs[i].expected_s > jobs[best].expected_s) {
            best = i;
            best_waits = waits;
        }
    }
    return best;
}
