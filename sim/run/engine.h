/*
 * The engine: what runs as PID 1 of the sandbox. It builds the lab, plays the scenario and streams every event as a
 * line of JSON to the front end, which judges and writes the result (live.h). It ends after check/end, or when the
 * front end is gone.
 */
#pragma once

#include "lab/sandbox.h"
#include "model/scenario.h"
#include "plan/plan.h"
#include "probe/bulk.h"

/* A bounded load played after the last step (vclab bench): emits probe/bulk. */
struct vc_engine_load {
    size_t from, to; /* nodes */
    bool tcp;
    double mbit;
    unsigned ip_bytes, seconds;
};

struct vc_engine_config {
    const struct vc_plan *plan;
    const struct vc_scenario *scenario; /* flows and steps; its topology is the plan's */
    int stream;                         /* event lines go here; owned by the caller, inherited */
    int control;                        /* listening stream socket (control.h), or -1 */
    bool captures;                      /* in kept[VC_KEEP_CAPTURES] */
    bool stay;                          /* after the last step the lab stays up until it is told to go (vclab up) */
    bool memory;                        /* emit check/memory after the last step */
    const struct vc_engine_load *loads;
    size_t load_count;
};

/* Indexes of vc_sandbox_inside.kept. */
enum { VC_KEEP_LABROOT, VC_KEEP_LOGS, VC_KEEP_CAPTURES };

/* A vc_sandbox_main; arg is a vc_engine_config. */
int vc_engine_main(void *arg, const struct vc_sandbox_inside *inside);
