/* What the commands that start labs share: options, the host's ability, the plan, the result folder, progress. */
#pragma once

#include "lab/labroot.h"
#include "run/live.h"

struct session_options {
    const char *results; /* --results, default $VCLAB_HOME/results */
    const char *plane;   /* --plane kernel|user|auto */
    const char *timers;  /* --timers; NULL: the scenario's own */
    uint64_t seed;       /* --seed */
    bool captures;
    const char *label; /* before each progress line where several runs share the terminal; NULL none */
    bool quiet;
};

struct session {
    struct session_options options;
    struct vc_labroot *labroot;
    struct vc_planes planes;
    enum vc_plane plane;
};

/* Checks the host: lab root, privilege, data plane. talloc child of ctx, or NULL (VC_EXIT_HOST). */
struct session *session_open(void *ctx, const struct session_options *options, vc_error **err);

/* One run of `scenario` with a result folder: events.jsonl, run.json, junit.xml, logs/, captures/. Returns the exit
 * status; *run_json (may be NULL) gets the run.json document (new reference), *path (may be NULL) the result folder
 * (talloc child of ctx). */
struct session_extra {
    bool stay;                                                            /* vclab up */
    void (*on_steps_done)(void *arg, const char *result, json_t *judged); /* may be NULL */
    void *arg;
};
int session_run(void *ctx, struct session *session, const struct vc_scenario *scenario,
                const struct session_extra *extra, json_t **run_json, char **path, vc_error **err);

/* The plan of a scenario under the session's plane, seed and timers. */
struct vc_plan *session_plan(void *ctx, const struct session *session, const struct vc_scenario *scenario,
                             vc_error **err);

const char *session_folder(void *ctx, const char *name); /* $VCLAB_HOME/<name> */
int print_error(const vc_error *err);                    /* to stderr; returns its status */
