/*
 * Parking: the engine brings a lab to where it is worth keeping, hands over (the machine is saved there), and goes on
 * with the scenario that it is given then, perhaps days later in another process. A fork's events are those of a cold
 * run: the plan, the lab's past, then the scenario.
 */
#include <string.h>

#include "run/engine_private.h"

/* What a fork needs to know of the lab's past: all that happened in it, and what broke; not the parking's own checks.
 */
static bool is_worth_keeping(const json_t *event)
{
    static const char *const kept[] = {"daemons-ready", "daemon-died", "error"};
    const char *layer = json_string_value(json_object_get(event, "layer"));
    const char *what = json_string_value(json_object_get(event, "what"));

    if (strcmp(layer, vc_layer_name(VC_LAYER_CHECK)))
        return true;
    for (size_t i = 0; i < VC_COUNT(kept); i++)
        if (!strcmp(what, kept[i]))
            return true;
    return false;
}

void engine_record(void *arg, json_t *event)
{
    struct engine *engine = arg;

    if (engine->parked && is_worth_keeping(event))
        json_array_append(engine->parked, event);
}

static json_t *ns3_links(const struct vc_engine_config *config)
{
    const struct vc_topology *topology = config->plan->topology;
    json_t *names = json_array();

    for (size_t i = 0; i < topology->link_count; i++)
        if (config->links.ns3[i])
            json_array_append_new(names, json_string(topology->links[i].name));
    return names;
}

void engine_emit_plan(struct engine *engine, int64_t t_ns)
{
    const struct vc_scenario *scenario = engine->scenario;
    json_t *facts = vc_plan_facts(engine->config->plan, scenario->flows, scenario->flow_count);
    json_t *violates = json_array();

    for (size_t i = 0; i < scenario->violates_count; i++)
        json_array_append_new(violates, json_string(scenario->violates[i]));
    if (scenario->violates_count)
        json_object_set(facts, "violates", violates);
    if (engine->config->links.name)
        json_object_set_new(facts, "wires", json_string(engine->config->links.name));
    if (engine->config->links.ns3)
        json_object_set_new(facts, "ns3_links", ns3_links(engine->config));
    json_decref(violates);
    vc_event_json(engine->events, VC_LAYER_CHECK, NULL, "plan", t_ns, facts);
}

void engine_tell_parked(struct engine *engine)
{
    VC_AUTO_JSON *parked = VC_STEAL_PTR(engine->parked);
    json_t *event;
    size_t i;

    engine_emit_plan(engine, 0);
    json_array_foreach(parked, i, event)
    {
        vc_judge_event(engine->judge, event);
        engine_stream(engine, event);
    }
}

/* The parking scenario is one step of expectations and a hold. */
static int check_settled(const struct engine *engine, vc_error **err)
{
    const json_t *expects = engine->scenario->steps[0].spec;
    int count = (int)json_array_size(expects);

    for (int id = 0; id < count; id++)
        if (vc_judge_expectation(engine->judge, id) != VC_PASS)
            return vc_fail(err, VC_EXIT_FAIL, 0, "the lab did not settle: not true: %s",
                           json_string_value(json_object_get(json_array_get(expects, (size_t)id), "text")));
    return engine->broken || !vc_judge_hold_true(engine->judge, count)
               ? vc_fail(err, VC_EXIT_FAIL, 0, "the lab did not stay settled")
               : 0;
}

static int resume(struct engine *engine, vc_error **err)
{
    const struct vc_scenario *scenario = engine->config->park(engine->config->park_arg, err);

    if (!scenario)
        return -1;
    engine->scenario = scenario;
    talloc_free(engine->judge);
    engine->judge = vc_judge_new(engine);
    engine_tell_parked(engine);
    if (vc_observe_flows_start(engine->observe, scenario->flows, scenario->flow_count, err))
        return -1;
    return engine_begin_scenario(engine, err);
}

void engine_park(struct engine *engine)
{
    VC_AUTO_ERROR *err = NULL;

    if (check_settled(engine, &err) || resume(engine, &err))
        engine_end(engine, NULL, err->message);
}
