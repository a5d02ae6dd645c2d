/*
 * The timeline: plays a scenario's steps in a running lab. Every wait is for an event or a deadline that the judge
 * names; nothing sleeps. Runs on the engine's loop and ends by calling `done` once, after check/end has been emitted.
 */
#pragma once

#include "fault/fault.h"
#include "model/scenario.h"
#include "run/loads.h"
#include "run/verdict.h"

struct vc_timeline; /* talloc */

typedef void vc_timeline_fn(void *arg);

struct vc_timeline_config {
    struct vc_lab *lab;
    struct vc_faults *faults;
    struct vc_loads *loads;
    struct vc_judge *judge; /* fed by the engine before the timeline sees an event */
    const struct vc_scenario *scenario;
    void (*mark)(void *arg, const char *text); /* a step begins (captures show it) */
    void *mark_arg;
    vc_timeline_fn *done;
    void *done_arg;
};
struct vc_timeline *vc_timeline_new(void *ctx, const struct vc_timeline_config *config, vc_error **err);

/* Begins with the first step. */
void vc_timeline_start(struct vc_timeline *timeline);
/* A vc_event_fn: something happened, perhaps the current step is settled. */
void vc_timeline_event(void *timeline, json_t *event);
/* Ends the run now: check/interrupted with `signal` (a name), or check/error with `error`. Either may be NULL. */
void vc_timeline_abort(struct vc_timeline *timeline, const char *signal, const char *error);
