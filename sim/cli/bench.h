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
};

int bench_wires(struct bench *bench, vc_error **err); /* bench_wires.c */

extern const struct bench_case bench_cases[];
extern const size_t bench_case_count;
extern const struct bench_case bench_sealed_cases[];
extern const size_t bench_sealed_case_count;
extern const struct bench_case bench_planner_cases[];
extern const size_t bench_planner_case_count;
extern const struct bench_metric bench_metrics[];
extern const size_t bench_metric_count;
