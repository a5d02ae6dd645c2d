/*
 * Lawful runs: a healthy lab, wires of a character that the service has to bear, and moments at which nothing is wrong
 * although something just happened. In such a run nobody may find a fault: vclab bench doctor plays them.
 */
#pragma once

#include "model/topology.h"

/* What happens in the run before the last times the doctor is asked; each run has one. */
enum vc_lawful_moment {
    VC_LAWFUL_IDLE,    /* nothing: time passes */
    VC_LAWFUL_LOADED,  /* a tunnel carries up to its ordered rate; the doctor is asked meanwhile and after it */
    VC_LAWFUL_HEALED,  /* something failed and was mended */
    VC_LAWFUL_REKEYED, /* the CHILD SAs have been rekeyed */
    VC_LAWFUL_MOMENTS,
};
const char *vc_lawful_moment_name(enum vc_lawful_moment moment);

/* The name of the fault that is mended before the doctor is asked again. */
#define VC_LAWFUL_PAST "past"

struct vc_lawful {
    const struct vc_topology *topology; /* borrowed */
    const struct vc_timers *timers;
    const char *topology_ref; /* as a scenario names it */
    enum vc_lawful_moment moment;
    uint64_t seed; /* of everything that is drawn: wires, times, what fails, the rate */
};

/*
 * The scenario file's text; pure. Each underlay wire may get a delay, jitter within it, up to 0.5 % of loss and a few
 * packets that overtake others, never by as many as the replay window has; the doctor is asked just after convergence,
 * with those wires, and at the moment. talloc child of ctx.
 */
char *vc_lawful_text(void *ctx, const struct vc_lawful *lawful, const char *name);

/* Writes folder/NAME.yaml and returns its path (talloc child of ctx), or NULL. */
char *vc_lawful_write(void *ctx, const struct vc_lawful *lawful, const char *folder, const char *name, vc_error **err);

/* A healthy lab whose doctor is asked `times` times, one after the other: what one time costs. talloc child of ctx. */
char *vc_lawful_asked(void *ctx, const struct vc_lawful *lawful, const char *folder, const char *name, unsigned times,
                      vc_error **err);

/*
 * What the doctor said in a run, read from its events: each examination counts, whatever it was made for,
 * but those beside a fault that is not mended yet. Only of a run whose lab was as it should be (it converged each time
 * it had to, and nothing went wrong with the run itself).
 */
struct vc_lawful_outcome {
    const char *unusable;        /* why nothing can be said; NULL: something can */
    size_t examinations, coming; /* how many; in how many something was said to be still coming up, and nothing else */
    double *answer_s;            /* on the lab's clock, of each expectation that was answered */
    size_t answers;
    json_t *alarms; /* a cause, a latent one too, or a layer that fails: [{"t_ns", "evidence": document, "diagnosis":
                       document}]; dropped with the outcome */
};

/* talloc child of ctx. `result` may be NULL: no result was left. */
struct vc_lawful_outcome *vc_lawful_outcome_read(void *ctx, const char *result);
