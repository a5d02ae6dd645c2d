/* The judge from inside. Private to run/verdict*.c and run/expect*.c. Times are t_ns of events; JSON members are
 * borrowed unless said. */
#pragma once

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "run/convergence.h"
#include "run/verdict.h"

/* A stretch between two faults or heals, over which outages and losses are counted. */
struct window {
    int64_t start_ns, end_ns; /* end INT64_MAX: goes on */
    bool marked;              /* ended by check/window-end, so the next begins there */
};

struct gap {
    int64_t start_ns, end_ns, first_lost_ns, last_lost_ns, resolution_ns;
    int64_t lost;
};

struct direction {
    bool seen;   /* a packet has arrived */
    bool outage; /* none arrives now */
    int64_t outage_since_ns;
    json_t *path;       /* own reference, of the last packet, in travel order */
    int64_t changed_ns; /* since when path and outage are as they are */
    int64_t blamed_ns;  /* changed_ns of the last violation of active-active-paths */
    struct gap *gaps;
    size_t gap_count;
    json_t *summary; /* own reference */
};

struct judged_flow {
    const char *name, *from, *to;
    json_t *healthy[2]; /* own references, travel order of each direction */
    bool tunnelled;     /* a tunnel is part of it: a call of the customer's, not talk between two data centres */
    struct direction direction[2];
    json_t *path_before; /* own reference */
};

struct expect_kind;
struct expectation {
    int id;
    const struct expect_kind *kind; /* NULL: unknown type */
    json_t *spec;                   /* own reference: the check/expect event */
    const char *text;
    int64_t trigger_ns, armed_ns;
    int64_t deadline_ns; /* of a state */
    size_t window;
    bool met, closed;
    int64_t met_ns; /* since when it is true */
    /* A diagnosis that has to be true throughout: each answer counts until the next fault or heal. */
    unsigned answers;
    const char *broken; /* what another answer was, and when; NULL: there was none */
};

struct hold {
    int id;
    json_t *expects; /* own reference */
    int64_t start_ns, for_ns, end_ns;
    bool ended, broken;
    int64_t broken_ns, restored_ns; /* restored -1: not */
    const char *broken_text;
};

struct fault {
    const char *name, *kind;
    int64_t applied_ns, proved_ns, heal_applied_ns, healed_ns; /* -1: not */
};

enum invariant_id {
    CLEAR_TRAFFIC,
    ACTIVE_PATHS,
    ROUTE_POLICY,
    NO_LOOP,
    FAULTS_PROVED,
    OUTAGE_RESOLUTION,
    INVARIANT_COUNT
};
struct invariant {
    unsigned violations;
    char *evidence; /* of the first violation */
};

/* One SA took another's place, at its tunnel's CPE. */
struct rekeyed {
    int64_t t_ns;
    const char *tunnel; /* of the plan */
    bool ike;           /* else a CHILD SA */
};

/* What a load counted between two faults or heals. */
struct load_part {
    const char *load;
    int64_t start_ns, end_ns; /* of sending */
    int64_t sent, lost;
    double mbit;
};

struct lag {
    int64_t from_ns, t_ns, lag_ns; /* somebody was so late at some time between the two */
};

struct vc_judge {
    int64_t now_ns;
    json_t *plan;  /* own reference: check/plan */
    json_t *facts; /* "session|node|neighbor" → {"value", "since_ns"}; see fact_set */
    struct judged_flow *flows;
    struct window *windows;
    struct expectation *expectations;
    struct hold *holds;
    struct fault *faults;
    struct lag *lags;
    struct rekeyed *rekeys;
    size_t rekey_count;
    struct load_part *loads;
    size_t load_count;
    json_t *seen; /* own reference: link/seen events, or NULL */
    size_t flow_count, window_count, expectation_count, hold_count, fault_count, lag_count;
    struct invariant invariants[INVARIANT_COUNT];
    int64_t max_lag_ns;
    const char *late;        /* whose that was */
    int64_t wire_drops;      /* packets that vclab-wire dropped and no character */
    int64_t converged_ns;    /* first, before any fault; -1: not yet */
    int64_t route_change_ns; /* last change of an eBGP session or of a main table */
    struct vc_convergence *convergence;
    unsigned blinding;     /* active faults that may leave a session's last known state stale */
    int64_t dropped;       /* packets the taps lost */
    int64_t resolution_ns; /* the coarsest seen */
    bool steps_done, ended, interrupted, sessions_up;
    char *error; /* first */
};

/* verdict_state.c: what is true now, from events */
const char *text_of(const json_t *object, const char *member); /* "" when it is not there */
int64_t number_of(const json_t *object, const char *member, int64_t otherwise);
void fact_set(struct vc_judge *judge, int64_t t_ns, json_t *value, const char *format, ...)
    VC_PRINTF(4, 5); /* steals value */
const json_t *fact_get(const struct vc_judge *judge, int64_t *since_ns, const char *format, ...) VC_PRINTF(3, 4);
struct judged_flow *flow_named(const struct vc_judge *judge, const char *name);
bool session_is_up(const struct vc_judge *judge, const char *node, const char *neighbor, int64_t *since_ns);
/* All of the plan's `list`: "sessions" (the tunnels') or "ibgp" (inside the customer's network). True of an empty one.
 */
bool sessions_are_up(const struct vc_judge *judge, const char *list, int64_t *since_ns);
bool bfd_is_up(const struct vc_judge *judge, const char *node, const char *neighbor, int64_t *since_ns);
bool direction_runs_on(const struct direction *direction, const json_t *path);
json_t *path_reversed(const json_t *path); /* new reference */
void state_plan(struct vc_judge *judge, const json_t *event);
void state_forget_node(struct vc_judge *judge, const char *node, int64_t t_ns); /* it is off: nothing in it is up */
/* Handles link, ike, ipsec, bgp, fib and probe events. */
void state_event(struct vc_judge *judge, const json_t *event, int64_t t_ns);

/* verdict_invariant.c */
extern const char *const invariant_names[INVARIANT_COUNT];
void violate(struct vc_judge *judge, enum invariant_id id, int64_t t_ns, const char *format, ...) VC_PRINTF(4, 5);
void invariant_event(struct vc_judge *judge, const json_t *event, int64_t t_ns);
void invariant_advance(struct vc_judge *judge, int64_t t_ns); /* with the state as it was until t_ns */
char *invariant_evidence(const struct vc_judge *judge, void *ctx, enum invariant_id id);

/* expect_kinds.c: what can be expected; expect.c: its life */
enum expect_unit { UNIT_MS, UNIT_PACKETS, UNIT_REKEYS, UNIT_PERCENT, UNIT_MBIT, UNIT_BYTES };
struct expect_kind {
    const char *type;
    /* A state: true now, and since when. */
    bool (*truth)(const struct vc_judge *judge, const json_t *spec, int64_t *since_ns);
    /* Or a measure over a window, in ns, packets or parts per million; INT64_MAX: there was nothing to measure. */
    int64_t (*measure)(const struct vc_judge *judge, const json_t *spec, const struct window *window);
    const char *at_most, *at_least; /* members that hold a measure's limits */
    enum expect_unit unit;
};
/* expect_log.c */
void log_written(struct vc_judge *judge, const json_t *event, int64_t t_ns);
bool log_has(const struct vc_judge *judge, const json_t *spec, int64_t *since_ns);
/* expect_diagnosis.c */
void diagnosis_evidence(struct vc_judge *judge, const json_t *event, int64_t t_ns);
bool diagnosis_names(const struct vc_judge *judge, const json_t *spec, int64_t *since_ns);
bool diagnosis_watches(const struct expectation *expectation); /* the next answer counts, too */
/* expect_seen.c */
bool seen_accepted(const struct vc_judge *judge, const json_t *spec, int64_t *since_ns);
int64_t seen_packets(const struct vc_judge *judge, const json_t *spec, const struct window *window);
int64_t seen_mss(const struct vc_judge *judge, const json_t *spec, const struct window *window);
/* Where a type has several measures, the one whose limits the spec (may be NULL) has. */
const struct expect_kind *expect_kind_of(const char *type, const json_t *spec);
void expect_arm(struct vc_judge *judge, const json_t *event, int64_t t_ns);
void expect_advance(struct vc_judge *judge); /* after every event */
void expect_close(struct vc_judge *judge);   /* the next fault or heal, or the end */
const struct expectation *expect_find(const struct vc_judge *judge, int id);
bool expect_true(const struct vc_judge *judge, const struct expectation *expectation);
enum vc_verdict expect_verdict(const struct vc_judge *judge, const struct expectation *expectation);
json_t *expect_json(const struct vc_judge *judge, const struct expectation *expectation, enum vc_verdict *verdict);
void hold_begin(struct vc_judge *judge, const json_t *event, int64_t t_ns);
void hold_end(struct vc_judge *judge, const json_t *event, int64_t t_ns);
void hold_advance(struct vc_judge *judge, int64_t t_ns);
json_t *hold_json(const struct vc_judge *judge, const struct hold *hold, enum vc_verdict *verdict);
