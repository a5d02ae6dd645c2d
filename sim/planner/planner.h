/*
 * A plan of capacity: regions with thousands of hubs, their calls, the two DCs and the WAN between them, and what
 * fails. docs/planner.md describes the document. Rates are Mbit/s as written; times are nanoseconds unless the name
 * says ms.
 */
#pragma once

#include "model/document.h"

enum { VC_PLANNER_DCS = 2, VC_PLANNER_CODECS = 3, VC_PLANNER_LIST_MAX = 64, VC_PLANNER_HUBS_MAX = 1000000 };

struct vc_planner_wire {
    const char *esp, *nat, *srtp;
};

struct vc_planner_codec {
    const char *name; /* g711, opus, video */
    unsigned share_ppm, kbit, ptime_ms, payload;
    bool video;
    /* computed by vc_planner_sizes */
    int64_t interval_ns; /* between two packets */
    unsigned inner;      /* bytes of an IP packet: RTP, UDP, IP */
    unsigned outer;      /* of the ESP packet around it: GRE, its IP, ESP, its IP */
};

struct vc_planner_dc {
    const char *name;
    unsigned mbit; /* of its edge, ESP packets in one direction */
};

struct vc_planner_region {
    const char *name;
    unsigned hubs, cpes, users, busy_ppm, tunnel_mbit, delay_ms, to_dc1_ppm;
    unsigned standing;     /* calls that never end */
    int64_t erlangs_milli; /* a hub; from users and busy, or as written */
    size_t first;          /* hubs are numbered through all regions */
};

enum vc_planner_kind { VC_PLANNER_DC_LOST, VC_PLANNER_TUNNEL_LOST, VC_PLANNER_CPE_LOST };

struct vc_planner_failure {
    enum vc_planner_kind kind;
    const char *text; /* "dc-lost dc1" */
    size_t dc, region;
    unsigned hubs, cpe;
    unsigned tunnels; /* bit 1: the one to the first DC, bit 2: to the second */
    size_t first, count;
    bool servers_lost;
    const char *servers, *measured, *fault; /* the run.json that the times are from, and its fault; or NULL */
    unsigned at_ms, for_ms, failover_ms, failback_ms;
    int64_t failover_ns, failback_ns;
    struct vc_mark mark, measured_mark;
};

struct vc_planner {
    const char *file, *name, *description, *level;
    unsigned duration_ms, hold_ms, queue_ms, wan_mbit, wan_delay_ms;
    struct vc_planner_wire wire;
    struct vc_planner_codec codecs[VC_PLANNER_CODECS];
    struct vc_planner_dc dcs[VC_PLANNER_DCS];
    struct vc_planner_region regions[VC_PLANNER_LIST_MAX];
    struct vc_planner_failure failures[VC_PLANNER_LIST_MAX];
    size_t codec_count, region_count, failure_count, hub_count;
};

/* Reads and checks the document; talloc child of ctx. NULL with *err: every error with its file:line:column. */
struct vc_planner *vc_planner_load(void *ctx, const char *file, vc_error **err);

/* Fills a codec's interval, inner and outer size. Sizes are those of the RFCs (overhead.c). */
void vc_planner_sizes(const struct vc_planner_wire *wire, struct vc_planner_codec *codec);
/* The ESP packet in tunnel mode around a GRE packet that carries an IP packet of `inner` bytes. */
unsigned vc_planner_outer(const struct vc_planner_wire *wire, unsigned inner);

/* Failover and failback of a run of vclab (docs/convergence.md), from its run.json; `fault` NULL: the first that BGP
 * noticed. A failback that was not measured is 0. -1 and *err: no such file, no such fault, a run that shows nothing.
 */
int vc_planner_measured(const char *file, const char *fault, int64_t *failover_ns, int64_t *failback_ns,
                        vc_error **err);

/* What vclab-planner is given, for level call, packet or stack: new reference. */
json_t *vc_planner_spec(const struct vc_planner *plan, const char *level, uint64_t seed);

/* Starts vclab-planner, which must be beside this program, and returns what it found: new reference; NULL with *err:
 * VC_EXIT_HOST when it was not built. */
json_t *vc_planner_simulate(const json_t *spec, vc_error **err);

/* What needs no simulation: sizes, how many calls fit a tunnel, what the WAN and a DC's edge must carry
 * (docs/planner.md, "capacity"). New reference. */
json_t *vc_planner_capacity(const struct vc_planner *plan);
/* Erlangs that `calls` places carry when `blocked` of the calls find none (Erlang B). */
double vc_planner_erlangs(unsigned calls, double blocked);

/* The plan's result, schema vclab.plan/1: new reference. `simulation` is stolen, and NULL when there was none. */
json_t *vc_planner_result(const struct vc_planner *plan, const char *level, uint64_t seed, json_t *simulation);
/* For people. */
void vc_planner_print(const json_t *result, FILE *out);

/* Writes the result's plots into the folder as SVG: offered load over time, MOS and loss by phase. */
int vc_planner_plots(const json_t *result, const char *folder, vc_error **err);
