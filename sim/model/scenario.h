/*
 * A scenario as the user wrote it, validated against its topology: which flows run, which steps are played, what must
 * hold.
 *
 * Steps keep their arguments as a JSON object whose members were checked by the schema (names resolved, durations in
 * nanoseconds), because they travel as they are into events.jsonl and from there into the verdict. docs/scenarios.md
 * has the member tables.
 */
#pragma once

#include "model/topology.h"

struct vc_flow_spec {
    const char *name;
    size_t from, to;      /* nodes */
    unsigned interval_ms; /* 20 */
    /* Another interval from `before` each rekey of the flow's tunnels until `after` it; interval_ms 0: none. */
    struct vc_flow_near {
        unsigned interval_ms, before_ms, after_ms;
    } rekey;
    /* Likewise after each step of the scenario and each change in the lab (link, route, session, GRE); before_ms is 0.
     */
    struct vc_flow_near change;
    struct vc_mark mark;
};

enum vc_step_kind {
    VC_STEP_EXPECT, /* spec: array of expectations, each {"type", "text", "within_ns"?, …} */
    VC_STEP_HOLD,   /* spec: {"for_ns", "text"} */
    VC_STEP_FAULT,  /* spec: {"name", "kind", "text", …} */
    VC_STEP_HEAL,   /* spec: {"name", "text"} */
    VC_STEP_LOAD,   /* spec: {"name", "from", "to", "protocol", "mbit"?, "bytes", "burst"?, "for_ns", "text"} */
    VC_STEP_STOP,   /* spec: {"name", "text"} */
    VC_STEP_WAIT,   /* spec: {"for_ns", "text"} */
};

struct vc_step {
    enum vc_step_kind kind;
    json_t *spec; /* owned by the scenario (a talloc destructor drops it) */
    struct vc_mark mark;
};

struct vc_scenario {
    const char *name;
    const char *description;
    const char *file;
    struct vc_topology *topology;
    const struct vc_timers *timers;
    bool own_topology;         /* it differs from the file's: `wires`, `configure` */
    const char *capture;       /* "all", or "control": no packet of a flow and no ESP. NULL as all */
    const char *plane;         /* "any", or "kernel": it shows what the user-space data plane has not. NULL as any */
    const char **requirements; /* "R1", …: those it is about. It shows them holding unless fault_of has them too */
    const char **fault_of;     /* those whose fault is seen in it */
    const char **violates;     /* invariants that it shows broken: then they must be */
    struct vc_flow_spec *flows;
    struct vc_step *steps; /* `repeat` is unrolled: names of faults and loads get "#2", "#3", … */
    const char **loads;    /* names of the loads that steps start, in their order */
    size_t requirement_count, fault_of_count, violates_count, flow_count, step_count, load_count;
};

/* The step in a sentence ("drop esp on inet-dc1, both directions"); an expect step's expectations joined by "; ".
 * talloc child of ctx. */
char *vc_step_text(void *ctx, const struct vc_step *step);

/*
 * Reads and validates a scenario and the topology it names (topologies_dir/<name>.yaml, or a path relative to the
 * scenario's file). Errors as for vc_topology_load.
 */
struct vc_scenario *vc_scenario_load(void *ctx, const char *file, const char *topologies_dir, const char *kinds_dir,
                                     vc_error **err);

/*
 * The schema of a fault's arguments, shared by scenario files and by `vclab fault`: checks `spec` ({"kind": "drop",
 * "link": "inet-dc1", …}) against the fault table and the topology, fills defaults and "text". `mark` may be {0} for
 * the command line.
 */
int vc_fault_spec_check(const struct vc_topology *topology, json_t *spec, struct vc_mark mark, vc_error **err);

/* The character that a checked impair fault gives a wire. False when the spec has no such members as its check lets
 * pass. */
bool vc_wire_of_spec(const json_t *spec, struct vc_wire *wire);

/* The fault kinds, their arguments and descriptions as JSON, for `vclab list --json`. New reference. */
json_t *vc_fault_catalogue(void);
