/*
 * A sealed run's parts: sealed.c plays, sealed_follow.c follows a machine that runs, sealed_machine.c makes one,
 * sealed_snapshot.c finds or takes the snapshot that a run is forked from.
 */
#pragma once

#include "run/verdict.h"
#include "vm/console.h"
#include "vm/sealed.h"
#include "vm/snapshot.h"

/* Why a machine is not followed any more. */
enum sealed_end { END_MACHINE, END_PARKED, END_SIGNAL, END_WALL, END_STREAM };

struct sealed {
    void *ctx;
    const struct vc_sealed_config *config;
    struct vc_sealed_outcome *outcome;
    struct vc_judge *judge; /* NULL while a snapshot is made: nobody judges that */
    int signals;
    double began_s;
    /* of the machine that runs now */
    struct vc_machine machine;
    char *console;
    int64_t last_ns; /* the latest event's time */
    bool parked, ended;
    char *damage; /* what was wrong with the stream */
};

/* sealed_machine.c */

struct sealed_told {
    const json_t *documents; /* vm/blob.h */
    int64_t limit_ns;        /* of the lab's clock; 0: none */
    int pmem;                /* sealed_results_device */
};

double sealed_now_s(void); /* CLOCK_MONOTONIC */

/* The memory file that a guest's results come out by. -1 with *err. */
int sealed_results_device(const struct vc_sealed_config *config, vc_error **err);
/* Its path for other processes. talloc child of ctx. */
char *sealed_device_path(void *ctx, int pmem);

/* Fills the members of `machine` that every machine of the run shares, and starts it. */
int sealed_start(struct sealed *sealed, const struct sealed_told *told, struct vc_machine_config *machine,
                 vc_error **err);
/* What a snapshot must agree with: devices, firmware, kernel arguments. talloc child of ctx. */
char *sealed_machine_shape(void *ctx, const struct vc_sealed_config *config);

/* sealed_follow.c */

/* Until the machine ends, is parked, or must be ended. Events are judged as they come. */
enum sealed_end sealed_follow(struct sealed *sealed);
void sealed_judge_event(struct sealed *sealed, json_t *event);
/* The longest a scenario may take on the lab's clock: all it waits for, one after the other. */
int64_t sealed_longest_ns(const struct vc_scenario *scenario);
unsigned sealed_wall_limit_s(const struct vc_sealed_config *config);

/* sealed_snapshot.c */

/* The snapshot of the scenario's lab, made when it is missing. NULL without an error: a run of this lab must boot. */
struct vc_snapshot *sealed_find_snapshot(struct sealed *sealed, vc_error **err);
