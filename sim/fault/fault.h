/*
 * Faults: a table of kinds, each with four steps: apply, prove that it took effect, heal, prove that it is gone. A
 * fault counts from its proof (design.md, "What must always be true", 5). Emits fault/applied, fault/proved,
 * fault/heal-applied, fault/healed, fault/unproved, fault/replaced. The specs are those of vc_fault_spec_check
 * (model/scenario.h).
 */
#pragma once

#include "lab/lab.h"

struct vc_faults; /* the faults active in one lab; talloc */

struct vc_faults *vc_faults_new(void *ctx, struct vc_lab *lab);

/* Called on the loop once the step is proved (err NULL) or given up (err borrowed). A fault that is given up is taken
 * back before that; where that fails it stays active, so that its heal can be tried again, and `err` says so. */
typedef void vc_fault_fn(void *arg, vc_error *err);

/* `spec` is borrowed: {"name", "kind", …}. Only one step may be under way at a time. Returns -1 when it cannot even be
 * applied. */
int vc_fault_apply(struct vc_faults *faults, const json_t *spec, vc_fault_fn *fn, void *arg, vc_error **err);
int vc_fault_heal(struct vc_faults *faults, const char *name, vc_fault_fn *fn, void *arg, vc_error **err);

/* Names of the active faults. New reference. */
json_t *vc_faults_active(const struct vc_faults *faults);
