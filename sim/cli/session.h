/* What the commands that start labs share: options, the host's ability, the plan, the result folder, progress. */
#pragma once

#include "lab/labroot.h"
#include "run/live.h"
#include "vm/sealed.h"

struct session_options {
    const char *results; /* --results, default $VCLAB_HOME/results */
    const char *timers;  /* --timers; NULL: the scenario's own */
    uint64_t seed;       /* --seed */
    bool captures;
    bool evidence;     /* of a run's end, also when it passes */
    const char *label; /* before each progress line where several runs share the terminal; NULL none */
    bool quiet;
    const char *plane; /* live: --plane kernel|user|auto */
    const char *wires; /* live: --wires auto|netem|ns3|veth */
    bool sealed;       /* the members below are its own */
    bool cold;
    enum vc_accel accel;
    unsigned wall_limit_s; /* 0: the machine's default */
    const char *shell;     /* interactive, in this node */
};

struct session {
    struct session_options options;
    struct vc_labroot *labroot;
    struct vc_planes planes; /* live */
    enum vc_plane plane;
    enum vc_wires_mode wires; /* live */
    const char *kinds;        /* the nodes/ folder */
    struct vc_image *image;   /* sealed */
    const char *cache;        /* sealed */
};

/* Checks the host: lab root and, live, privilege and data plane; or, sealed, QEMU and the guest image, which is built
 * when it is missing. talloc child of ctx, or NULL (VC_EXIT_HOST). */
struct session *session_open(void *ctx, const struct session_options *options, vc_error **err);

/* A scenario that needs the kernel data plane cannot be played in a session without it: -1, VC_EXIT_HOST. */
int session_can_play(const struct session *session, const struct vc_scenario *scenario, vc_error **err);

struct session_extra {
    bool stay;                                                            /* vclab up */
    void (*on_ready)(void *arg);                                          /* all is there, nothing plays yet; or NULL */
    void (*on_steps_done)(void *arg, const char *result, json_t *judged); /* may be NULL */
    void *arg;
    /* Sealed: play these documents (vm/blob.h) instead of the scenario's own files. They are written below documents/
     * in the result folder, at their own paths, so that the guest is told exactly what the documents say. */
    json_t *documents;
    const char *name; /* then: the scenario's name, for the result folder */
};

/* One run of `scenario` (unused when extra->documents is there) with a result folder: events.jsonl, run.json,
 * junit.xml, logs/, captures/. Returns the exit status; *run_json (may be NULL) gets the run.json document (new
 * reference), *path (may be NULL) the result folder (talloc child of ctx; NULL: no run took place, so there is none).
 */
int session_run(void *ctx, struct session *session, const struct vc_scenario *scenario,
                const struct session_extra *extra, json_t **run_json, char **path, vc_error **err);

/* The plan of a scenario under the session's plane, seed and timers. */
struct vc_plan *session_plan(void *ctx, const struct session *session, const struct vc_scenario *scenario,
                             vc_error **err);

/* Names and versions of what a run depends on, as in run.json's "versions". `qemu` may be NULL. New reference. */
json_t *session_versions(const struct session *session, const char *qemu);

/* The topology that a command line names: a file, or a name of topologies/. */
struct vc_topology *session_topology(void *ctx, const char *name, vc_error **err);

const char *session_folder(void *ctx, const char *name); /* $VCLAB_HOME/<name> */
int session_remove(const char *folder);                  /* with all that is in it */
int print_error(const vc_error *err);                    /* to stderr; returns its status */
