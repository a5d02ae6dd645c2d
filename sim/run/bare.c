#include <string.h>

#include "run/live.h"

static bool is_host(const struct vc_topology *topology, size_t node)
{
    return !strcmp(topology->nodes[node].kind, "host");
}

static bool is_served(const struct vc_topology *topology, struct in_addr address)
{
    for (size_t i = 0; i < topology->dc_count; i++)
        if (vc_prefix_contains(topology->dcs[i].service, address))
            return true;
    return false;
}

/* A host's address is that of its only link. */
static bool in_dc(const struct vc_topology *topology, size_t node)
{
    for (size_t i = 0; i < topology->link_count; i++)
        for (unsigned end = 0; end < 2; end++)
            if (topology->links[i].end[end].node == node)
                return is_served(topology, topology->links[i].end[end].address.addr);
    return false;
}

/* A phone and a server that must reach each other. */
static bool talk(const struct vc_topology *topology, size_t from, size_t to)
{
    return is_host(topology, from) && is_host(topology, to) && !in_dc(topology, from) && in_dc(topology, to) &&
           !vc_topology_apart(topology, from, to);
}

static int drop_specs(struct vc_step *steps)
{
    for (size_t i = 0; i < talloc_array_length(steps); i++)
        json_decref(steps[i].spec);
    return 0;
}

struct vc_scenario *vc_scenario_bare(void *ctx, struct vc_topology *topology, const struct vc_timers *timers,
                                     int64_t within_ns)
{
    struct vc_scenario *scenario = talloc_zero(ctx, struct vc_scenario);

    *scenario = (struct vc_scenario){.name = topology->name,
                                     .description = topology->description,
                                     .file = topology->file,
                                     .topology = topology,
                                     .timers = timers,
                                     .step_count = 1};
    for (size_t from = 0; from < topology->node_count; from++)
        for (size_t to = 0; to < topology->node_count; to++) {
            if (!talk(topology, from, to))
                continue;
            scenario->flows = talloc_realloc(scenario, scenario->flows, struct vc_flow_spec, scenario->flow_count + 1);
            scenario->flows[scenario->flow_count++] = (struct vc_flow_spec){
                .name = talloc_asprintf(scenario, "%s-%s", topology->nodes[from].name, topology->nodes[to].name),
                .from = from,
                .to = to,
                .interval_ms = 20};
        }
    scenario->steps = talloc_zero(scenario, struct vc_step);
    scenario->steps[0].kind = VC_STEP_EXPECT;
    scenario->steps[0].spec = json_pack("[{s:s, s:s, s:I}]", "type", "converged", "text",
                                        "active/active on both tunnels", "within_ns", (json_int_t)within_ns);
    talloc_set_destructor(scenario->steps, drop_specs);
    return scenario;
}

/* A fork begins with what every scenario first waits for: sessions, and BFD where the timers have it. */
#define SETTLE_LIMIT_NS (120 * VC_NS_PER_S)
#define SETTLE_HOLD_NS  (2 * VC_NS_PER_S)

struct vc_scenario *vc_scenario_parking(void *ctx, struct vc_topology *topology, const struct vc_timers *timers)
{
    struct vc_scenario *scenario = talloc_zero(ctx, struct vc_scenario);
    json_t *expects = json_pack("[{s:s, s:s, s:I}]", "type", "converged", "text", "all BGP sessions are up",
                                "within_ns", (json_int_t)SETTLE_LIMIT_NS);

    for (size_t i = 0; timers->bfd_interval_ms && i < topology->tunnel_count; i++) {
        VC_AUTO_TALLOC char *text = talloc_asprintf(NULL, "BFD over tunnel %s is up", topology->tunnels[i].name);
        json_array_append_new(expects, json_pack("{s:s, s:s, s:s, s:s, s:I}", "type", "bfd", "text", text, "tunnel",
                                                 topology->tunnels[i].name, "state", "up", "within_ns",
                                                 (json_int_t)SETTLE_LIMIT_NS));
    }
    *scenario = (struct vc_scenario){
        .name = topology->name, .file = topology->file, .topology = topology, .timers = timers, .step_count = 2};
    scenario->steps = talloc_zero_array(scenario, struct vc_step, 2);
    scenario->steps[0] = (struct vc_step){.kind = VC_STEP_EXPECT, .spec = expects};
    scenario->steps[1] = (struct vc_step){
        .kind = VC_STEP_HOLD,
        .spec = json_pack("{s:I, s:s}", "for_ns", (json_int_t)SETTLE_HOLD_NS, "text", "the lab stays settled")};
    talloc_set_destructor(scenario->steps, drop_specs);
    return scenario;
}
