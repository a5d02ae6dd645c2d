/* Many runs: workers side by side, each in a process of its own that dies with this one. */
#pragma once

#include "cli/session.h"

struct job;

struct run_options {
    struct session_options session;
    bool json, twice;
    unsigned jobs, shard, shards;
    const char *bundle; /* --bundle FILE */
    /* Each job as it ends, instead of its story on stdout; may be NULL. */
    void (*on_done)(void *arg, struct job *job);
    void *on_done_arg;
};

struct job {
    struct vc_scenario *scenario;
    pid_t pid;        /* of the worker that plays it, or 0 */
    int status;       /* exit status */
    char *result;     /* result folder, NULL when there is none */
    char *other;      /* of the second run (--twice) */
    char *difference; /* what differs between the two; NULL: nothing */
    char *why;        /* why it could not be played, in a line; NULL: it was */
    double expected_s;
    size_t group; /* jobs of a group fork from the same snapshot */
    bool started;
    const char *skipped; /* why it is not played; NULL: it is */
};

/* Plays all of them and tells each as it ends. Fails only when nothing could be started. */
int jobs_run(const struct run_options *options, struct session *session, struct job *jobs, size_t count,
             vc_error **err);

/* The order of starting: indexes of jobs, longest expected first (job_estimate has been called). Pure. */
enum group_state { GROUP_NEW, GROUP_MAKING, GROUP_READY };
/*
 * The next job to start, or `count` when all have been: the longest one whose snapshot is there or is being made by
 * nobody; when there is none such, the longest of those that will wait for a snapshot, which costs nothing.
 */
size_t job_next(const struct job *jobs, size_t count, const enum group_state *groups);
/* Fills group and expected_s: from `last` (suite.json of an earlier run, may be NULL) or the scenario's own times. */
void jobs_estimate(struct job *jobs, size_t count, const json_t *last);
