/*
 * A live run from outside: starts the sandbox, reads the engine's events, judges them. Blocks until the run is over.
 * Signals SIGINT and SIGTERM end the run in order: the lab is torn down and the events up to then are judged as
 * interrupted.
 */
#pragma once

#include "base/event.h"
#include "run/engine.h"
#include "run/wires.h"

struct vc_live_config {
    struct vc_engine_config engine; /* write is filled in here */
    enum vc_wires_mode wires;       /* what the links are made of; engine.links is filled in here */
    const char *labroot;            /* path on the host */
    const char *result;             /* the result folder: logs/ and captures/ are made in it; NULL: neither */
    vc_event_fn *on_event;          /* every event as it arrives; may be NULL */
    void *arg;
};

struct vc_live_outcome {
    json_t *judged; /* vc_judge_finish; the caller drops it */
    double wall_s;
    double teardown_s; /* from the kill of PID 1 until its sandbox was gone */
    int signal;        /* that ended the run, or 0 */
    const char *wires; /* netem, ns3, veth: what the wires were; NULL: sealed */
};

/* Fails only when no run took place (VC_EXIT_HOST: what the host lacks). An engine that died in the middle is judged as
 * error. */
int vc_live_run(const struct vc_live_config *config, struct vc_live_outcome *outcome, vc_error **err);

/* Which data planes this host has. `why_not_kernel` (talloc child of ctx) names what is missing, NULL when nothing is.
 * Probes in a throw-away network namespace. */
struct vc_planes {
    bool kernel, user;
    char *why_not_kernel, *why_not_user;
};
int vc_planes_probe(void *ctx, struct vc_planes *planes, vc_error **err);

/* The scenario of `vclab up` and of bench: a voice flow from each host of the customer to each host of a DC, and one
 * step: converged within `within_ns`. */
struct vc_scenario *vc_scenario_bare(void *ctx, struct vc_topology *topology, const struct vc_timers *timers,
                                     int64_t within_ns);

/* What a snapshot is taken after: no flows; every session (and BFD, where the timers have it) up, and 2 s of nothing
 * else. */
struct vc_scenario *vc_scenario_parking(void *ctx, struct vc_topology *topology, const struct vc_timers *timers);
