/*
 * Files of the customer's own (swanctl.conf, frr.conf) held against his order: what they have otherwise, and what of
 * them the lab does not use. They are played as they are; this only tells.
 */
#pragma once

#include "plan/plan.h"

struct vc_own_report {
    json_t *deviations; /* [{"file", "line" (0: of none), "tunnel" (or null), "what", "found" (or null), "ordered",
                           "requirement"}], keys not told */
    json_t *unused;     /* [{"file", "line", "text"}] */
};

/* Empty. talloc child of ctx, which drops its values. */
struct vc_own_report *vc_own_report_new(void *ctx);

/* One file; `path` is what it is called, `planned` the order's plan. Fails (VC_EXIT_USAGE) where it cannot be read, or
 * has no connection and child of a tunnel's name, by which the lab follows SAs. */
int vc_own_swanctl(struct vc_own_report *report, const struct vc_topology *order, const struct vc_plan *planned,
                   size_t node, const char *path, const char *text, vc_error **err);
void vc_own_frr(struct vc_own_report *report, const struct vc_topology *order, const struct vc_plan *planned,
                size_t node, const char *path, const char *text);

/* For people, a line each. talloc child of ctx. */
char *vc_own_text(void *ctx, const struct vc_own_report *report);
/* For programs (vclab.import-files/1). New reference. */
json_t *vc_own_json(const struct vc_own_report *report, const struct vc_topology *order, size_t node);
