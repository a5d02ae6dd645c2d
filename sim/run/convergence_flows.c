/* The flows: which routes each follows, and when it settled. */
#include "run/convergence_private.h"

static void extend_with(json_t *all, const json_t *accept, const char *node, const char *neighbor)
{
    size_t i;
    json_t *entry;

    json_array_foreach(accept, i, entry) if (is(entry, "node", node) && is(entry, "neighbor", neighbor))
        json_array_extend(all, json_object_get(entry, "prefixes"));
}

/* The tunnel of a flow's healthy path, or NULL. */
static const json_t *tunnel_of(const json_t *plan, const json_t *flow)
{
    json_t *tunnel, *name;
    size_t i, k;

    json_array_foreach(json_object_get(plan, "tunnels"), i, tunnel) json_array_foreach(
        json_object_get(flow, "healthy"), k,
        name) if (is(tunnel, "name", json_is_string(name) ? json_string_value(name) : "")) return tunnel;
    return NULL;
}

/* Towards the data centre a flow follows what the CPE accepts there, back what the DC's router accepts. */
static struct course course_from(struct vc_convergence *convergence, const json_t *plan, const json_t *flow, bool back)
{
    const json_t *tunnel = tunnel_of(plan, flow);
    const char *node = text_of(tunnel, back ? "router" : "cpe");
    struct course course = {
        .flow = talloc_strdup(convergence, text_of(flow, "name")),
        .name = back ? "return" : "forward",
        .interval_ns = number_of(flow, "interval_ns"),
        .enters = talloc_strdup(convergence, node),
        .prefixes = json_array(),
    };

    extend_with(course.prefixes, json_object_get(plan, "accept"), node,
                text_of(tunnel, back ? "cpe_address" : "cisco_address"));
    return course;
}

void convergence_plan(struct vc_convergence *convergence, const json_t *plan)
{
    const json_t *flows = json_object_get(plan, "flows");
    json_t *flow, *accept;
    size_t i;

    if (convergence->courses)
        return;
    convergence->course_count = 2 * json_array_size(flows);
    convergence->courses = talloc_zero_array(convergence, struct course, (unsigned)convergence->course_count);
    json_array_foreach(flows, i, flow)
    {
        convergence->courses[2 * i] = course_from(convergence, plan, flow, false);
        convergence->courses[2 * i + 1] = course_from(convergence, plan, flow, true);
    }
    json_array_foreach(json_object_get(plan, "accept"), i, accept)
        json_array_extend(convergence->carried, json_object_get(accept, "prefixes"));
}

static struct course *course_of(struct vc_convergence *convergence, const json_t *event)
{
    for (size_t i = 0; i < convergence->course_count; i++)
        if (is(event, "flow", convergence->courses[i].flow) && is(event, "direction", convergence->courses[i].name))
            return &convergence->courses[i];
    return NULL;
}

/* What was over before the trigger may be told after it. */
static void settle(const struct vc_convergence *convergence, struct course *course, int64_t t_ns, int64_t resolution_ns)
{
    if (t_ns < convergence->trigger.applied_ns)
        return;
    course->touched = true;
    if (t_ns < course->settled_ns)
        return;
    course->settled_ns = t_ns;
    course->resolution_ns = resolution_ns;
}

void convergence_path(struct vc_convergence *convergence, const json_t *event)
{
    struct course *course = course_of(convergence, event);
    char *path = NULL;
    json_t *name;
    size_t i;

    if (!course || !convergence->begun)
        return;
    json_array_foreach(json_object_get(event, "path"), i, name) path =
        path ? talloc_asprintf_append(path, "+%s", json_string_value(name))
             : talloc_strdup(convergence->window, json_string_value(name));
    course->path = path ? path : "no tunnel";
    settle(convergence, course, number_of(event, "t_ns"), course->interval_ns);
}

void convergence_outage_begin(struct vc_convergence *convergence, const json_t *event)
{
    struct course *course = course_of(convergence, event);

    if (course)
        course->out = course->touched = true;
}

/* Single lost packets are the wire's; what counts is an outage, or a gap that ends where a new path begins. */
void convergence_gap(struct vc_convergence *convergence, const json_t *event)
{
    struct course *course = course_of(convergence, event);
    int64_t end_ns = number_of(event, "end_ns");

    if (!course || json_is_true(json_object_get(event, "open")))
        return;
    if (course->out || (course->touched && end_ns == course->settled_ns))
        settle(convergence, course, end_ns, number_of(event, "resolution_ns"));
    course->out = false;
}
