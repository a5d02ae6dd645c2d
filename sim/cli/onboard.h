/* What the files of vclab onboard share. */
#pragma once

#include "activation/acceptance.h"
#include "cli/jobs.h"
#include "report/acceptance.h"

struct onboard_options {
    const char *form, *out, *timers, *role, *ledger, *only, *failures;
    const char *cpes[VC_FORM_CPES], *node; /* the customer's running-configs, and whose the only one is */
    size_t cpe_count;
    struct run_options run;
    bool list, json;
};

/* A case on its way. */
struct onboard_case {
    const struct vc_acceptance_case *what;
    const char *file; /* its scenario; NULL: it has none */
    struct vc_scenario *scenario;
    const char *skipped; /* why it is not played; NULL: it is */
    json_t *row;         /* what came of it; NULL: nothing yet */
};

struct onboarding {
    const struct onboard_options *options;
    struct vc_order *order;
    const char *out;      /* the order's folder */
    const char *topology; /* the file of the one that is tried: the order's, or that with the customer's CPE */
    const struct vc_acceptance *acceptance;
    struct onboard_case *cases;
    json_t *cpes; /* of each running-config vclab.import/1 */
    size_t told, total;
    bool interrupted;
};

/* OUT/NAME.yaml, whole or as it was; its path, talloc child of ctx, or NULL. */
const char *onboard_put(void *ctx, const char *folder, const char *name, const char *text, vc_error **err);

/* Reads the customer's running-configs against the order, writes the topologies that have his CPEs (the last is
 * o->topology) and tells what they have otherwise. talloc children of ctx. */
int onboard_import(void *ctx, struct onboarding *o, vc_error **err);

/* Plays every case that is not skipped: the baseline first, without which the others tell nothing, and each single
 * failure last. Each case has a row then, unless it was interrupted. */
int onboard_play(void *ctx, struct onboarding *o, vc_error **err);

/* Lets each element of o->topology (that options->failures, a glob, matches) fail by itself. talloc children of ctx;
 * played->elements is a new reference that the caller drops. */
int onboard_failures(void *ctx, struct onboarding *o, struct session *session, struct vc_acceptance_played *played,
                     vc_error **err);
/* The names of these elements, a line each; NULL with *err. talloc child of ctx. */
char *onboard_failures_list(void *ctx, const struct onboarding *o, vc_error **err);
