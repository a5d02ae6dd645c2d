#include "fault/misconfigure.h"

#include "model/configure.h"

/* The node of another plan, in which it alone is configured otherwise. */
static const struct vc_plan_node *plan_otherwise(struct fault *fault, vc_error **err)
{
    const struct vc_plan *plan = vc_lab_plan(fault->lab);
    struct vc_topology *topology = talloc_memdup(fault->plan, plan->topology, sizeof *topology);

    topology->nodes = talloc_memdup(topology, topology->nodes, topology->node_count * sizeof *topology->nodes);
    topology->nodes[fault->node].configure =
        vc_configure_of_json(topology, topology, json_object_get(fault->spec, "configure"));
    struct vc_plan_options options = plan->options;
    options.kinds_dir = vc_lab_kinds(topology, fault->lab);
    const struct vc_plan *other = vc_plan_make(fault->plan, topology, &options, err);
    return other ? &other->nodes[fault->node] : NULL;
}

/* Everything that can be refused is refused while the node still runs. */
int misconfigure_check(struct fault *fault, vc_error **err)
{
    fault->plan = talloc_new(fault);
    fault->otherwise = plan_otherwise(fault, err);
    if (!fault->otherwise)
        return -1;
    if (!vc_lab_rtnl(fault->lab, fault->node))
        return vc_fail(err, VC_EXIT_FAIL, 0, "node %s is off: power it on first", fault->otherwise->name);
    return vc_lab_node_fits(fault->lab, fault->node, fault->otherwise, err);
}

int misconfigure_apply(struct fault *fault, vc_error **err)
{
    fault->counted = 0;
    return vc_lab_power_off(fault->lab, fault->node, err);
}

int misconfigure_heal(struct fault *fault, vc_error **err)
{
    TALLOC_FREE(fault->plan); /* of one that is taken back before the lab took it */
    fault->otherwise = &vc_lab_plan(fault->lab)->nodes[fault->node];
    fault->counted = 0;
    /* Already off when its start was given up, or another fault took its power. */
    return vc_lab_rtnl(fault->lab, fault->node) ? vc_lab_power_off(fault->lab, fault->node, err) : 0;
}

/* Off until its last process is reaped, then on as it is to be, until every daemon answers. */
static int start_anew(struct fault *fault, const char *how, char **evidence, vc_error **err)
{
    if (!fault->counted) {
        if (!vc_lab_node_gone(fault->lab, fault->node))
            return 0;
        if (vc_lab_node_replan(fault->lab, fault->node, fault->otherwise, &fault->plan, err) ||
            vc_lab_power_on(fault->lab, fault->node, err))
            return -1;
        fault->counted = 1;
    }
    *evidence = talloc_asprintf(fault, "%s runs %s and every daemon answers", fault->otherwise->name, how);
    return vc_lab_node_ready(fault->lab, fault->node);
}

int misconfigure_proved(struct fault *fault, char **evidence, vc_error **err)
{
    return start_anew(fault, "with its other configuration", evidence, err);
}

int misconfigure_gone(struct fault *fault, char **evidence, vc_error **err)
{
    return start_anew(fault, "as it should be", evidence, err);
}
