/* The measurements behind vclab bench. */
#pragma once

#include "cli/session.h"

/* One figure of one run. Lower is better unless `higher`. */
struct bench_metric {
    const char *bench, *name, *unit;
    double target; /* 0: none, only reported */
    bool higher;
};

struct bench {
    struct session *session; /* live; NULL when only sealed cases are wanted */
    const char *results;     /* folder */
    unsigned runs;           /* of the case under way */
    uint64_t seed;           /* what is drawn at random depends on it */
    bool warmed;             /* sealed-warm: its snapshot is there */
    struct vc_topology *topology;
    const struct vc_timers *timers; /* of bring-up, ten-labs and throughput; failover is its scenario's */
    json_t *samples;                /* "<bench>.<metric>" → array of numbers */
};

void bench_record(struct bench *bench, const char *name, const char *metric, double value);

struct bench_case {
    const char *name;
    const char *what;
    int (*run)(struct bench *bench, vc_error **err); /* once; records its samples */
    unsigned runs;                                   /* default */
    bool sealed;                                     /* needs neither root nor a live session */
    bool whole;                                      /* `run` is called once and does bench->runs */
};

/* A vclab of its own, as a user calls it, and what came of it. */
struct bench_command {
    const char *argv[16]; /* after the program's name; NULL-terminated */
    double wall_s;
    int status;
    json_t *json; /* its standard output, when that is JSON; the caller's */
};

/* Fails when it cannot be started. */
int bench_command(struct bench_command *command, int said_fd, vc_error **err);
/* An error that quotes the end of what it said. */
int bench_command_said(const struct bench_command *command, int said_fd, vc_error **err);
/* A new folder below the results for one measurement. talloc child of ctx, or NULL. */
char *bench_folder(void *ctx, struct bench *bench, vc_error **err);

int bench_wires(struct bench *bench, vc_error **err);  /* bench_wires.c */
int bench_doctor(struct bench *bench, vc_error **err); /* bench_doctor.c */

extern const struct bench_case bench_cases[];
extern const size_t bench_case_count;
extern const struct bench_case bench_sealed_cases[];
extern const size_t bench_sealed_case_count;
extern const struct bench_case bench_planner_cases[];
extern const size_t bench_planner_case_count;
extern const struct bench_metric bench_metrics[];
extern const size_t bench_metric_count;
