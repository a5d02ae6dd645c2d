/* vclab-planner: reads a plan as JSON from stdin, simulates it, writes the result as JSON to stdout. `vclab plan`
 * starts it (sim/planner/simulate.h). */
#include <string.h>

#include "ns3/planner_model.h"

static const struct {
    const char *name;
    json_t *(*run)(const struct planner_model *model, vc_error **err);
} levels[] = {
    {"call", planner_calls_run},
    {"packet", planner_packets_run},
    {"stack", planner_stack_run},
};

static json_t *simulate(const json_t *input, vc_error **err)
{
    static struct planner_model model;

    if (planner_model_read(input, &model, err) < 0)
        return NULL;
    for (size_t i = 0; i < VC_COUNT(levels); i++)
        if (!strcmp(levels[i].name, model.level))
            return levels[i].run(&model, err);
    vc_fail(err, VC_EXIT_USAGE, 0, "level: must be call, packet or stack");
    return NULL;
}

int main(int argc, char **argv VC_UNUSED)
{
    VC_AUTO_ERROR *err = NULL;
    json_error_t where;

    if (argc != 1) {
        (void)fprintf(stderr, "usage: vclab-planner, with a plan as JSON on stdin; vclab plan starts it\n");
        return VC_EXIT_USAGE;
    }
    VC_AUTO_JSON *input = json_loadf(stdin, 0, &where);
    if (!input) {
        (void)fprintf(stderr, "vclab-planner: line %d of the input is no JSON: %s\n", where.line, where.text);
        return VC_EXIT_USAGE;
    }
    VC_AUTO_JSON *result = simulate(input, &err);
    if (result && (json_dumpf(result, stdout, JSON_COMPACT) < 0 || fflush(stdout)))
        vc_fail(&err, VC_EXIT_HOST, 0, "cannot write the result");
    if (!err && result)
        return VC_EXIT_PASS;
    (void)fprintf(stderr, "vclab-planner: %s\n", err ? err->message : "failed");
    return err ? (int)err->status : VC_EXIT_FAIL;
}
