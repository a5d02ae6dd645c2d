#include <string.h>

#include "model/schema.h"
#include "planner/planner.h"

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static bool is_heal_of(const json_t *chain, const char *fault)
{
    const char *trigger = text_of(chain, "trigger");

    return json_is_true(json_object_get(chain, "heal")) && !strncmp(trigger, "heal ", 5) && !strcmp(trigger + 5, fault);
}

/* The chain of the fault that is asked for, or of the first that was noticed. */
static const json_t *find_fault(const json_t *convergence, const char *fault)
{
    const json_t *chain;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)convergence, i, chain)
    {
        if (json_is_true(json_object_get(chain, "heal")))
            continue;
        if (fault ? !strcmp(text_of(chain, "trigger"), fault) : json_is_integer(json_object_get(chain, "detection_ns")))
            return chain;
    }
    return NULL;
}

int vc_planner_measured(const char *file, const char *fault, int64_t *failover_ns, int64_t *failback_ns, vc_error **err)
{
    json_error_t where;
    VC_AUTO_JSON *run = json_load_file(file, 0, &where);
    const json_t *convergence = json_object_get(run, "convergence"), *chain;
    const char *verdict = text_of(run, "verdict");
    size_t i;

    if (!run)
        return vc_fail(err, VC_EXIT_USAGE, 0, "cannot read %s: %s", file, where.text);
    if (strcmp(text_of(run, "schema"), "vclab.run/1") != 0 || !json_is_array(convergence))
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s is not the run.json of a vclab run", file);
    if (strcmp(verdict, "pass") != 0 && strcmp(verdict, "fail") != 0)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s: its verdict is %s; allowed: a run that passed or failed", file,
                       *verdict ? verdict : "missing");
    const json_t *found = find_fault(convergence, fault);
    const json_t *full = json_object_get(found, "full_ns");
    if (!json_is_integer(full) || json_integer_value(full) < 0 || json_integer_value(full) > VC_DURATION_LONGEST)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s: %s%s; allowed: a fault after which all flows settled", file,
                       fault ? "no time until packets flowed again after fault " : "BGP noticed no fault",
                       fault ? fault : "");
    *failover_ns = json_integer_value(full);
    *failback_ns = 0;
    json_array_foreach((json_t *)(uintptr_t)convergence, i, chain) if (is_heal_of(chain, text_of(found, "trigger")))
    {
        int64_t back = json_integer_value(json_object_get(chain, "full_ns"));
        *failback_ns = back > 0 && back <= VC_DURATION_LONGEST ? back : 0;
    }
    return 0;
}
