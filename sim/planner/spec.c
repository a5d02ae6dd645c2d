#include "planner/planner.h"

#define BPS_PER_MBIT 1000000LL

static json_t *codecs_of(const struct vc_planner *plan)
{
    json_t *list = json_array();

    for (size_t i = 0; i < plan->codec_count; i++) {
        const struct vc_planner_codec *c = &plan->codecs[i];
        json_array_append_new(list, json_pack("{s:I, s:I, s:I, s:I}", "share_ppm", (json_int_t)c->share_ppm,
                                              "interval_ns", (json_int_t)c->interval_ns, "inner", (json_int_t)c->inner,
                                              "outer", (json_int_t)c->outer));
    }
    return list;
}

static json_t *regions_of(const struct vc_planner *plan)
{
    json_t *list = json_array();

    for (size_t i = 0; i < plan->region_count; i++) {
        const struct vc_planner_region *r = &plan->regions[i];
        json_array_append_new(
            list, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "hubs", (json_int_t)r->hubs, "erlangs_milli",
                            (json_int_t)r->erlangs_milli, "standing", (json_int_t)r->standing, "tunnel_bps",
                            (json_int_t)(r->tunnel_mbit * BPS_PER_MBIT), "delay_ns",
                            (json_int_t)(r->delay_ms * VC_NS_PER_MS), "to_dc1_ppm", (json_int_t)r->to_dc1_ppm));
    }
    return list;
}

static json_t *failures_of(const struct vc_planner *plan)
{
    json_t *list = json_array();

    for (size_t i = 0; i < plan->failure_count; i++) {
        const struct vc_planner_failure *f = &plan->failures[i];
        json_array_append_new(
            list, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "at_ns", (json_int_t)(f->at_ms * VC_NS_PER_MS),
                            "end_ns", (json_int_t)((f->at_ms + (int64_t)f->for_ms) * VC_NS_PER_MS), "failover_ns",
                            (json_int_t)f->failover_ns, "failback_ns", (json_int_t)f->failback_ns, "first",
                            (json_int_t)f->first, "hubs", (json_int_t)f->count, "tunnels", (json_int_t)f->tunnels,
                            "gone", (json_int_t)(f->servers_lost ? f->dc + 1 : 0)));
    }
    return list;
}

json_t *vc_planner_spec(const struct vc_planner *plan, const char *level, uint64_t seed)
{
    return json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:[I, I], s:o, s:o, s:o}", "level", level, "seed", (json_int_t)seed,
        "duration_ns", (json_int_t)(plan->duration_ms * VC_NS_PER_MS), "hold_ns",
        (json_int_t)(plan->hold_ms * VC_NS_PER_MS), "queue_ns", (json_int_t)(plan->queue_ms * VC_NS_PER_MS), "wan_bps",
        (json_int_t)(plan->wan_mbit * BPS_PER_MBIT), "wan_delay_ns", (json_int_t)(plan->wan_delay_ms * VC_NS_PER_MS),
        "dc_bps", (json_int_t)(plan->dcs[0].mbit * BPS_PER_MBIT), (json_int_t)(plan->dcs[1].mbit * BPS_PER_MBIT),
        "codecs", codecs_of(plan), "regions", regions_of(plan), "failures", failures_of(plan));
}
