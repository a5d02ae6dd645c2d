/* Between the head of a scenario (scenario.c) and its steps (steps.c). */
#pragma once

#include "model/read.h"
#include "model/scenario.h"

/* A fault or load of the timeline so far. */
struct played {
    bool is_load;
    const char *base, *name; /* as written; with the round */
    struct vc_mark mark;
    bool active, ends_itself;
    const char *misconfigured; /* the node of a fault of that kind, or NULL */
};

/* Readers of single fields get the base and need the rest too: base stays first. */
struct scenario_reader {
    struct vc_reader base;
    const char *topologies_dir, *kinds_dir;
    struct vc_scenario *scenario;
    void *scratch; /* owns what only reading needs */
    struct played *played;
    size_t played_count;
    bool can_hold;  /* the latest expect step asked for a state */
    unsigned round; /* 0 outside repeat */
    vc_error *topology_error;
};

/* Reads the list of steps into r->scenario. */
void vc_steps_read(struct scenario_reader *r, const struct vc_doc *list);
