/*
 * What vclab-planner simulates, read from the JSON that vclab sends (sim/planner/spec.c writes it), and what the levels
 * share: the phases between failures, the way of a hub's calls, percentiles. Plain C over jansson: this is linked with
 * ns-3. Times are nanoseconds of the plan, rates bit/s, sizes bytes of IP packets.
 */
#pragma once

#include "base/error.h"
#include "ns3/ns3c.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PLANNER_DCS = 2, PLANNER_CODECS = 8, PLANNER_STACK_HUBS = 100, PLANNER_SAMPLES = 240 };
enum { PLANNER_HUBS_MAX = 1000000, PLANNER_LIST_MAX = 64 };

struct planner_codec {
    int64_t share_ppm, interval_ns;
    int64_t inner, outer;         /* bytes inside the tunnel, and of the ESP packet around it */
    int64_t inner_bps, outer_bps; /* of a call, one direction */
};

struct planner_region {
    int64_t hubs, first; /* hubs of all regions are numbered through */
    int64_t erlangs_milli, standing, tunnel_bps, delay_ns, to_dc1_ppm;
};

struct planner_failure {
    int64_t at_ns, end_ns, failover_ns, failback_ns;
    int64_t first, hubs, tunnels; /* `tunnels`: bit 1 the one to DC1, bit 2 that to DC2 */
    int64_t gone;                 /* the servers of that DC (1, 2) are lost, too; 0: none */
};

struct planner_model {
    const char *level;
    int64_t seed, duration_ns, hold_ns, queue_ns, wan_bps, wan_delay_ns, dc_bps[PLANNER_DCS];
    struct planner_codec codecs[PLANNER_CODECS];
    struct planner_region regions[PLANNER_LIST_MAX];
    struct planner_failure failures[PLANNER_LIST_MAX];
    size_t codec_count, region_count, failure_count, hub_count;
};

/* Every value is checked. `json` is borrowed by `level`. */
int planner_model_read(const json_t *json, struct planner_model *model, vc_error **err);
const struct planner_region *planner_region_of(const struct planner_model *model, size_t hub);

/* ---- failures ---- */

/* What a hub's two tunnels are: `dead` failures took them (packets vanish), `known` of them are known to BGP (packets
 * avoid them). */
struct planner_tunnels {
    uint8_t dead[PLANNER_DCS], known[PLANNER_DCS];
};

struct planner_change {
    int64_t at_ns;
    size_t failure;
    int dead, known; /* added to both, +1 or -1 */
};

/* All changes by time: two or four for each failure. The caller frees them; NULL with *err: no memory. */
struct planner_change *planner_changes(const struct planner_model *model, size_t *count, vc_error **err);
/* Puts a change into the tunnels of all hubs; `gone` counts the failures that took the servers of a DC away. */
void planner_change_apply(const struct planner_model *model, const struct planner_change *change,
                          struct planner_tunnels *tunnels, uint8_t gone[PLANNER_DCS]);

struct planner_way {
    int tunnel; /* 0, 1; -1: BGP knows none */
    bool wan, arrives;
};
struct planner_way planner_find_way(const struct planner_tunnels *tunnels, const uint8_t gone[PLANNER_DCS], int dc);

/* ---- random numbers ---- */

struct planner_random {
    struct vc_ns3 *sim;
    int exponential, uniform;
};
int planner_random_new(struct planner_random *random, struct vc_ns3 *sim, vc_error **err);
double planner_exponential(const struct planner_random *random, double mean);
size_t planner_pick(const struct planner_random *random, size_t count);
int planner_pick_dc(const struct planner_random *random, const struct planner_region *region);
uint8_t planner_pick_codec(const struct planner_random *random, const struct planner_model *model);

/* ---- results ---- */

/* Sorts the values; {"p1", "p5", "p50", "p95", "p99", "min", "max", "mean"}, or null when there are none. */
json_t *planner_percentiles(double *values, size_t count);
/* The same from a histogram whose bucket i has the values around i * width. */
json_t *planner_percentiles_of(const uint64_t *buckets, size_t count, double width);

/* The levels: each runs in a simulator of its own and returns its result (docs/planner.md), or NULL with *err. */
json_t *planner_calls_run(const struct planner_model *model, vc_error **err);
json_t *planner_packets_run(const struct planner_model *model, vc_error **err);
json_t *planner_stack_run(const struct planner_model *model, vc_error **err);

#ifdef __cplusplus
}
#endif
