/* Plays the cases of a sweep: scenario files, chains of them, jobs, outcomes. */
#pragma once

#include "cli/jobs.h"
#include "sweep/sweep.h"

struct sweep_player {
    struct run_options run;
    struct session *session;
    const struct vc_sweep *sweep;
    const char *cases;                /* the folder of scenario files */
    const char *chains;               /* and of chains of them */
    size_t chain_length, chain_count; /* cases in a chain at most; chains made so far */
    bool keep;                        /* results of agreeing cases too */
    bool stopped;                     /* interrupted: nothing more is played */
    size_t told, total;
    struct sweep_load *loads; /* of the jobs under way */
    struct job *jobs;
};

/* Plays the entries that are not contained; fills file, outcome, result. Progress goes to stderr, a line each. Fails
 * only when nothing can be played. */
int sweep_play(struct sweep_player *player, struct vc_sweep_entry **entries, size_t count, vc_error **err);

/* Shrinks the schedule of an entry that fails; its `minimal` is then the scenario file of the smallest one that still
 * does. */
int sweep_shrink(struct sweep_player *player, struct vc_sweep_entry *entry, vc_error **err);
