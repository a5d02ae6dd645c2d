/*
 * Evidence for the doctor, collected beside a running lab: vc_lab_evidence in a child, so that neither its questions
 * nor its pings hold up the loop. It becomes the event check/evidence.
 */
#pragma once

#include "lab/lab.h"
#include "run/verdict.h"

/* Called once on the loop: `document` is borrowed; NULL: `err` (borrowed) says why there is none. */
typedef void vc_evidence_fn(void *arg, json_t *document, vc_error *err);

/* Begins; freeing the result ends it without a call. talloc child of ctx, which frees itself after the call. */
struct vc_evidence;
struct vc_evidence *vc_evidence_start(void *ctx, const struct vc_lab *lab, vc_evidence_fn *fn, void *arg,
                                      vc_error **err);

/*
 * For a scenario's `diagnosis` expectations: collects when one is armed, and again every five seconds while one is
 * pending. An event receiver, after the judge.
 */
struct vc_diagnoses;
struct vc_diagnoses *vc_diagnoses_new(void *ctx, const struct vc_lab *lab);
/* Who judges the scenario that begins (borrowed). */
void vc_diagnoses_begin(struct vc_diagnoses *diagnoses, const struct vc_judge *judge);
void vc_diagnoses_event(void *diagnoses, json_t *event);
