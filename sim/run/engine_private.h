/* What the modules of the engine share. */
#pragma once

#include "fault/fault.h"
#include "run/diagnoses.h"
#include "run/engine.h"
#include "run/evidence.h"
#include "run/loads.h"
#include "run/logs.h"
#include "run/meters.h"
#include "run/observe.h"
#include "run/timeline.h"
#include "run/verdict.h"

struct engine {
    const struct vc_engine_config *config;
    const struct vc_scenario *scenario; /* being played */
    json_t *parked; /* events of the lab while it is brought to be parked; NULL when they are streamed */
    sd_event *loop;
    struct vc_events *events;
    struct vc_judge *judge;
    struct vc_lab *lab;
    struct vc_faults *faults;
    struct vc_loads *loads;
    struct vc_observe *observe;
    struct vc_meters *meters;
    struct vc_logs *logs;
    struct vc_timeline *timeline;
    struct vc_examiner *examiner;
    struct vc_diagnoses *diagnoses;
    bool streaming; /* the front end still reads */
    bool ending;
    bool broken; /* a daemon died */
    bool interrupted;
    struct vc_evidence *last_evidence; /* for which the end waits */
    sd_event_source *limit;
    size_t load; /* the next load to play */
};

/* engine_end.c */
void engine_end(struct engine *engine, const char *signal, const char *error); /* the run ends now: both may be NULL */
void engine_begin_end(struct engine *engine);                                  /* as it was to */

/* engine.c */
int engine_begin_scenario(struct engine *engine, vc_error **err); /* timeline of engine->scenario */
void engine_stream(void *engine, json_t *event);                  /* a vc_event_fn: to the front end */

/* park.c */
void engine_record(void *engine, json_t *event); /* a vc_event_fn: keeps what a fork needs */
void engine_emit_plan(struct engine *engine, int64_t t_ns);
void engine_tell_parked(struct engine *engine); /* writes what was kept as if it had been streamed when it happened */
void engine_park(struct engine *engine);        /* the machine stands still in it; goes on as a fork */

/* control.c */
int engine_control_start(struct engine *engine, vc_error **err);

/* lag.c: a thread that wakes every 5 ms and reports how late the scheduler was. */
int engine_lag_start(struct engine *engine, vc_error **err);
