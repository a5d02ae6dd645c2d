/*
 * For a scenario's `diagnosis` expectations: examines the lab once all of a step are armed, when a hold of one begins,
 * and again every five seconds while one is pending, held, or has to be true throughout. An event receiver, after the
 * judge; it emits check/evidence.
 */
#pragma once

#include "run/evidence.h"
#include "run/verdict.h"

struct vc_diagnoses;
/* talloc child of ctx; the examiner has to outlive it. */
struct vc_diagnoses *vc_diagnoses_new(void *ctx, struct vc_examiner *examiner);
/* Who judges the scenario that begins (borrowed). */
void vc_diagnoses_begin(struct vc_diagnoses *diagnoses, const struct vc_judge *judge);
void vc_diagnoses_event(void *diagnoses, json_t *event);
