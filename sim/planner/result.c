#include <string.h>

#include "planner/planner.h"

/* What a failure is at that time; NULL: nothing of it is left. */
static const char *state_at(const struct vc_planner_failure *f, int64_t t_ns)
{
    int64_t at = f->at_ms * VC_NS_PER_MS, end = at + f->for_ms * VC_NS_PER_MS, known = at + f->failover_ns;

    if (t_ns < at || t_ns >= end + f->failback_ns || (t_ns >= end && known >= end))
        return NULL;
    if (t_ns >= end)
        return ", it is back and not used yet";
    return t_ns < known ? ", not noticed yet" : ", traffic has moved";
}

static char *phase_name(void *ctx, const struct vc_planner *plan, int64_t t_ns)
{
    char *name = talloc_strdup(ctx, "");

    for (size_t i = 0; i < plan->failure_count; i++) {
        const char *state = state_at(&plan->failures[i], t_ns);
        if (state)
            name = talloc_asprintf_append(name, "%s%s%s", *name ? "; " : "", plan->failures[i].text, state);
    }
    return *name ? name : talloc_asprintf(ctx, "all is well");
}

static void name_phases(const struct vc_planner *plan, json_t *simulation)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    json_t *phase;
    size_t i;

    json_array_foreach(json_object_get(simulation, "phases"), i, phase)
    {
        int64_t begin = json_integer_value(json_object_get(phase, "begin_ns"));
        json_object_set_new(phase, "name", json_string(phase_name(scratch, plan, begin)));
    }
}

static json_t *failures_of(const struct vc_planner *plan)
{
    json_t *list = json_array();

    for (size_t i = 0; i < plan->failure_count; i++) {
        const struct vc_planner_failure *f = &plan->failures[i];
        json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:s?}", "text", f->text, "at_ns",
                                              (json_int_t)(f->at_ms * VC_NS_PER_MS), "for_ns",
                                              (json_int_t)(f->for_ms * VC_NS_PER_MS), "failover_ns",
                                              (json_int_t)f->failover_ns, "failback_ns", (json_int_t)f->failback_ns,
                                              "hubs", (json_int_t)f->count, "measured", f->measured));
    }
    return list;
}

json_t *vc_planner_result(const struct vc_planner *plan, const char *level, uint64_t seed, json_t *simulation)
{
    if (simulation)
        name_phases(plan, simulation);
    return json_pack("{s:s, s:s, s:s?, s:s, s:I, s:I, s:I, s:[s, s], s:o, s:o, s:o}", "schema", "vclab.plan/1", "plan",
                     plan->name, "description", plan->description, "level", level, "seed", (json_int_t)seed, "hubs",
                     (json_int_t)plan->hub_count, "duration_ns", (json_int_t)(plan->duration_ms * VC_NS_PER_MS), "dcs",
                     plan->dcs[0].name, plan->dcs[1].name, "capacity", vc_planner_capacity(plan), "failures",
                     failures_of(plan), "simulation", simulation ? simulation : json_null());
}
