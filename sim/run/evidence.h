/*
 * Evidence for the doctor, collected beside a running lab: vc_lab_evidence in a child, so that neither its questions
 * nor its pings hold up the loop. The child has nothing of the engine's but the nodes' namespaces.
 */
#pragma once

#include "lab/lab.h"

/* The examinations under way in one lab. talloc. */
struct vc_examiner;
struct vc_examiner *vc_examiner_new(void *ctx, const struct vc_lab *lab);

/* A node is about to be switched off, with every process in its namespaces: what is under way is begun again once that
 * is done, so that nothing of the node outlives it and no evidence is of two labs. */
void vc_examiner_disturbed(struct vc_examiner *examiner);

/* What comes of one; all borrowed. */
struct vc_examination {
    int64_t begun_ns; /* on the events' clock: nothing in the document is older */
    json_t *document; /* NULL: `err` says why there is none */
    vc_error *err;
};
/* Called once on the loop. */
typedef void vc_evidence_fn(void *arg, const struct vc_examination *examination);

/* Begins; freeing the result ends the child and the examination, without a call. talloc child of ctx, which frees
 * itself before the call. The examiner has to outlive it. */
struct vc_evidence;
struct vc_evidence *vc_evidence_start(void *ctx, struct vc_examiner *examiner, vc_evidence_fn *fn, void *arg,
                                      vc_error **err);

const struct vc_lab *vc_examiner_lab(const struct vc_examiner *examiner);

/* check/evidence. That there is none does not make a run an error: what nobody could read tells nothing of the lab. */
void vc_evidence_event(struct vc_events *events, const struct vc_examination *examination);
