/* What the modules of the engine share. */
#pragma once

#include "fault/fault.h"
#include "run/engine.h"
#include "run/observe.h"
#include "run/timeline.h"
#include "run/verdict.h"

struct engine {
    const struct vc_engine_config *config;
    sd_event *loop;
    struct vc_events *events;
    struct vc_judge *judge;
    struct vc_lab *lab;
    struct vc_faults *faults;
    struct vc_observe *observe;
    struct vc_timeline *timeline;
    bool streaming; /* the front end still reads */
    bool ending;
    size_t load; /* the next load to play */
};

/* engine.c */
void engine_end(struct engine *engine, const char *signal, const char *error); /* the run ends now */

/* control.c */
int engine_control_start(struct engine *engine, vc_error **err);

/* lag.c: a thread that wakes every 5 ms and reports how late the scheduler was. */
int engine_lag_start(struct engine *engine, vc_error **err);
