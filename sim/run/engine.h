/*
 * The engine: what runs as PID 1 of the sandbox. It builds the lab, plays the scenario and streams every event as a
 * line of JSON to the front end, which judges and writes the result (live.h). It ends after check/end, or when the
 * front end is gone.
 */
#pragma once

#include "lab/lab.h"
#include "lab/sandbox.h"
#include "model/scenario.h"
#include "plan/plan.h"
#include "probe/bulk.h"

/* A bounded load played after the last step (vclab bench): emits probe/bulk. */
struct vc_engine_load {
    size_t from, to; /* nodes */
    bool tcp;
    double mbit;
    unsigned ip_bytes, seconds;
};

/* Takes a whole line, newline included. A negative value: nobody reads any more, which ends the engine. */
typedef int vc_engine_write_fn(void *arg, const char *line, size_t len);

/* Called once the lab has settled; returns when it is wanted, with the scenario to play (borrowed), or NULL with *err.
 */
typedef const struct vc_scenario *vc_engine_park_fn(void *arg, vc_error **err);

/* When check/evidence, what the doctor reads of a result, is emitted at the end of a run. (A `diagnosis` expectation
 * asks for it at any time.) A run that was interrupted has none. */
enum vc_evidence_when {
    VC_EVIDENCE_NEVER,
    VC_EVIDENCE_UNLESS_PASS, /* by the judge's answer once all observers have finished */
    VC_EVIDENCE_ALWAYS
};

struct vc_engine_config {
    const struct vc_plan *plan;
    const struct vc_scenario *scenario; /* flows and steps; its topology is the plan's */
    struct vc_lab_links links;          /* zero: veths, and what the kernel can do to them */
    vc_engine_write_fn *write;          /* event lines go here */
    void *write_arg;
    /* Not NULL: `scenario` only brings the lab to where it is worth keeping; its checks are nobody's business, and the
     * events of the lab until then are written before those of the scenario that `park` returns. */
    vc_engine_park_fn *park;
    void *park_arg;
    bool virtual_time; /* no host can be late here: scheduling lag is not watched */
    int64_t limit_ns;  /* the run ends as error when a scenario takes longer; 0: no limit; looked at when one begins */
    int shell_tty; /* a shell of node `shell_node` on this terminal after the last step, the end of which ends the run;
                      else -1 */
    size_t shell_node;
    int control;   /* listening stream socket (control.h), or -1 */
    bool captures; /* in kept[VC_KEEP_CAPTURES] */
    bool stay;     /* after the last step the lab stays up until it is told to go (vclab up) */
    bool memory;   /* emit check/memory after the last step */
    enum vc_evidence_when evidence;
    const struct vc_engine_load *loads;
    size_t load_count;
};

/* Indexes of vc_sandbox_inside.kept. */
enum { VC_KEEP_LABROOT, VC_KEEP_LOGS, VC_KEEP_CAPTURES, VC_KEEP_KINDS };

/* A vc_sandbox_main; arg is a vc_engine_config. */
int vc_engine_main(void *arg, const struct vc_sandbox_inside *inside);
