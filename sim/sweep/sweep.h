/*
 * Sweep and campaign: real packets against the oracle. A schedule says which elements fail and heal in which order and
 * when to compare; it becomes a scenario file whose expectations are the oracle's answers, so that every case is an
 * ordinary run that `vclab run` plays again. What plays them is not known here: this folder makes schedules, writes
 * them, reads what a run left, and shrinks what fails.
 */
#pragma once

#include "oracle/oracle.h"

/* Two hosts between which packets run. */
struct vc_sweep_flow {
    const char *name;
    size_t from, to; /* nodes */
};

typedef struct vc_oracle_path vc_sweep_ask_fn(void *ctx, const struct vc_oracle *oracle,
                                              const struct vc_oracle_step *steps, size_t count, size_t from, size_t to);

struct vc_sweep {
    const struct vc_topology *topology;
    const struct vc_timers *timers;
    const struct vc_oracle *oracle;
    vc_sweep_ask_fn *ask;     /* vc_oracle_ask_after */
    const char *topology_ref; /* as a scenario names it: a name of topologies/, or an absolute path */
    struct vc_sweep_flow *flows;
    size_t flow_count;
};

/*
 * Borrows topology and timers. Flows are all pairs of hosts whose healthy path crosses a tunnel or a WAN link: only
 * those can be told from "no packet arrives". talloc child of ctx; fails (VC_EXIT_USAGE) when there is no such pair, or
 * the oracle has no model of the topology.
 */
struct vc_sweep *vc_sweep_new(void *ctx, const struct vc_topology *topology, const struct vc_timers *timers,
                              const char *topology_ref, vc_error **err);

/* ---- schedules ---- */

enum vc_sweep_step_kind {
    VC_SWEEP_FAULT,
    VC_SWEEP_HEAL,
    VC_SWEEP_CHECK,  /* wait until every timer has run, then compare */
    VC_SWEEP_SETTLE, /* only the first half of a check */
    VC_SWEEP_PAUSE,
};

struct vc_sweep_step {
    enum vc_sweep_step_kind kind;
    size_t element;    /* fault, heal */
    unsigned pause_ms; /* pause */
};

/* Plain data: copies are assignments. Every element fails once at most and heals after it failed. */
#define VC_SCHEDULE_STEPS 40
struct vc_schedule {
    struct vc_sweep_step steps[VC_SCHEDULE_STEPS];
    size_t count;
};

void vc_schedule_add(struct vc_schedule *schedule, enum vc_sweep_step_kind kind, size_t element, unsigned pause_ms);

/* The case of a sweep: faults one after the other, a check, heals in the reverse order, a check. The network settles
 * between the faults when one of them leaves something behind for the others (vc_oracle_remembers). */
struct vc_schedule vc_schedule_of_set(const struct vc_sweep *sweep, const size_t *set, size_t count);

/* Elements of the schedule in the order in which they fail; returns how many. `out` has room for
 * VC_SCHEDULE_STEPS. */
size_t vc_schedule_elements(const struct vc_schedule *schedule, size_t *out);

/* The schedule without an element's fault and heal, and without checks and pauses that this leaves behind one another.
 */
struct vc_schedule vc_schedule_without(const struct vc_schedule *schedule, size_t element);

/* The scenario file's text; pure. `name` is the file's name without .yaml. talloc child of ctx. */
char *vc_schedule_text(void *ctx, const struct vc_sweep *sweep, const struct vc_schedule *schedule, const char *name);

/* Writes folder/NAME.yaml and returns its path (talloc child of ctx), or NULL. */
char *vc_schedule_write(void *ctx, const struct vc_sweep *sweep, const struct vc_schedule *schedule, const char *folder,
                        const char *name, vc_error **err);

/* The name an element has as a fault of a scenario; in a chain that of its `part`th schedule, 0 in a scenario of its
 * own. talloc child of ctx. */
char *vc_sweep_fault_name(void *ctx, const struct vc_sweep *sweep, size_t element, size_t part);

/* ---- chains ---- */

/*
 * Schedules one after the other in one scenario, so that a fork's start is paid once. Each ends with the check of the
 * healed lab (converged, every flow on its healthy path), which is what the next one starts from. But a network
 * remembers: only agreement is taken from a chain, everything else is played in a fork of its own.
 */
struct vc_chain {
    const struct vc_schedule **parts;
    const char **names; /* of the cases, for the reader of the file */
    size_t count;
};

/* Likewise text and file of a chain. */
char *vc_chain_text(void *ctx, const struct vc_sweep *sweep, const struct vc_chain *chain, const char *name);
char *vc_chain_write(void *ctx, const struct vc_sweep *sweep, const struct vc_chain *chain, const char *folder,
                     const char *name, vc_error **err);

/* How long a schedule waits and holds in all: the least that it takes on the lab's clock. */
int64_t vc_schedule_waits_ns(const struct vc_sweep *sweep, const struct vc_schedule *schedule);

/* ---- the cases of a sweep ---- */

struct vc_sweep_case {
    const char *name; /* of the scenario: at most 63 characters, unique in the sweep */
    size_t set[2];    /* in the order in which they fail */
    size_t count;
    const char *contained; /* why it is not played ("node/cpe1 contains daemon/cpe1/bgpd"); NULL: it is */
};

/*
 * Every element alone, then (depth 2) every pair; with `only`, a glob, those that have an element of such a name. In a
 * pair the fault that needs traffic to be proved comes first. talloc array, child of ctx.
 */
struct vc_sweep_case *vc_sweep_cases(void *ctx, const struct vc_sweep *sweep, unsigned depth, const char *only,
                                     size_t *count);

/* Why two elements together are no case of their own: one contains the other. NULL: they are. talloc child of ctx. */
char *vc_sweep_contained(void *ctx, const struct vc_sweep *sweep, size_t a, size_t b);

/* `element` is a daemon that cannot start while `other`, the zebra of its node, is dead: it has to be healed later. */
bool vc_sweep_starts_after(const struct vc_sweep *sweep, size_t element, size_t other);

/* ---- what a run said ---- */

enum vc_sweep_verdict {
    VC_SWEEP_AGREES,
    VC_SWEEP_MISMATCH,
    VC_SWEEP_UNPROVED, /* a drop found no packet of its kind to drop: there was nothing to compare */
    VC_SWEEP_ERROR,
    VC_SWEEP_INCONCLUSIVE,
    VC_SWEEP_INTERRUPTED,
    VC_SWEEP_CONTAINED, /* not played */
    VC_SWEEP_VERDICTS,
};
const char *vc_sweep_verdict_name(enum vc_sweep_verdict verdict); /* "agrees", "mismatch", "not-applicable", … */

struct vc_sweep_outcome {
    enum vc_sweep_verdict verdict;
    const char *reason; /* one line; "" when there is nothing to say */
    size_t unproved;    /* the element that was not proved, or VC_NONE */
    double wall_s, virtual_s;
    /* [{"flow", "from", "to", "failed": [names], "oracle": [via] or null, "packets": [via] or null, "why"}]: each
     * direction of a flow whose packets were not where the oracle said, at the first check that shows one. */
    json_t *disagreements;
};

/* Reads run.json and events.jsonl of a result folder (NULL: the run left none). talloc child of ctx, which owns
 * everything. */
struct vc_sweep_outcome *vc_sweep_outcome_read(void *ctx, const struct vc_sweep *sweep,
                                               const struct vc_schedule *schedule, const char *result);

/*
 * Reads a chain's run. out[i] is the outcome of a part that agrees, NULL for one that has to be played again: *suspect
 * is the first part that did not pass, which must be played alone; `count` when there is none. A run whose failure
 * belongs to no part (an invariant, a run without result) proves nothing: every out[i] is NULL and *everything true.
 */
struct vc_chain_outcome {
    struct vc_sweep_outcome **parts;
    size_t suspect;
    bool everything, interrupted;
};
struct vc_chain_outcome vc_chain_outcome_read(void *ctx, const struct vc_sweep *sweep, const struct vc_chain *chain,
                                              const char *result);

/* ---- campaigns ---- */

/* The `index`th random schedule of a seed: two to six elements, of which none contains another, fail and heal in any
 * order. The same on every host. */
struct vc_schedule vc_campaign_schedule(const struct vc_sweep *sweep, uint64_t seed, uint64_t index);

/* Whether a schedule still fails: 1, 0, or -1 with *err. */
typedef int vc_campaign_fails_fn(void *arg, const struct vc_schedule *schedule, vc_error **err);

/*
 * Takes elements out of a failing schedule while it still fails, until none can be taken, then its pauses, and
 * makes mere waits of its checks. *schedule is then minimal. -1 with *err when `fails` cannot tell.
 */
int vc_campaign_shrink(struct vc_schedule *schedule, vc_campaign_fails_fn *fails, void *arg, vc_error **err);

/* ---- the result ---- */

/* A case or schedule of a sweep and what came of it. */
struct vc_sweep_entry {
    const char *name;
    const char *file; /* its scenario; NULL when it was not written */
    struct vc_schedule schedule;
    const char *contained;            /* as in struct vc_sweep_case */
    struct vc_sweep_outcome *outcome; /* NULL: not played */
    const char *result;               /* the run's folder, NULL when it is gone */
    const char *left_out;             /* elements that a campaign took out because they could not be proved, or NULL */
    const char *minimal;              /* the scenario that is left of a failing schedule, or NULL */
    const char *chain; /* the chain in which its part did not pass, so that it is played alone, or NULL */
    size_t because;    /* the entry of a single element that fails alone, or VC_NONE */
};

struct vc_sweep_totals {
    size_t counts[VC_SWEEP_VERDICTS];
    size_t played;
    double wall_s, virtual_s; /* wall_s: the sweep's own, not the sum */
};

struct vc_sweep_made {
    const struct vc_sweep *sweep;
    const char *kind; /* "sweep", "campaign" */
    uint64_t seed;    /* of the runs; of a campaign also of its schedules */
    unsigned depth, jobs;
    unsigned shard, shards; /* every shards-th case, from the shard-th on; 0: all */
    struct vc_sweep_entry *entries;
    size_t count;
    double wall_s;
};

/* Blames a failing pair on its single element where that fails alone, so that only the smallest failing set is told. */
void vc_sweep_blame(struct vc_sweep_made *made);
struct vc_sweep_totals vc_sweep_count(const struct vc_sweep_made *made);
/* The document of sweep.json, schema vclab.sweep/1 (docs/sweep.md). New reference. */
json_t *vc_sweep_document(const struct vc_sweep_made *made);
/* What failed, what could not be judged, and the totals, for people. */
void vc_sweep_tell(FILE *out, const struct vc_sweep_made *made);
/* 0 all agree, 1 mismatch or error, 4 inconclusive, 130 interrupted. */
int vc_sweep_status(const struct vc_sweep_made *made);
