/* The acceptance report of an order (vclab onboard): one document, told as plain words and as a page. */
#pragma once

#include "activation/acceptance.h"

/* What came of a case. */
struct vc_acceptance_played {
    const char *result;     /* the folder of its run, or of its sweep; NULL: none was left */
    const char *skipped;    /* why it was not played; NULL: it was */
    const char *broken;     /* why it left no result, as it was said; NULL: nothing was */
    const json_t *elements; /* of each-failure: [{"name", "verdict", "reason", "paths": {HOST: [names] or null}}] */
    const char *verdict;    /* of each-failure: pass, fail, inconclusive */
};

/*
 * A case and what came of it: a run's own verdict, but with less than the planned load sent, or a tunnel without its
 * limit, nothing was shown, and delay, jitter, loss and MOS of the calls under load must keep requirements.md's limits.
 * A case that fails without a fault of its own has the doctor's answer. New reference.
 */
json_t *vc_acceptance_row(const struct vc_acceptance_case *c, const struct vc_acceptance_played *played);
/* "as promised", "not as promised", …: for people. */
const char *vc_acceptance_words(const json_t *row);

/*
 * Schema vclab.acceptance/1 (docs/activation.md). `order` is the export view of it, so no secret can get in; `rows` has
 * a row for each case, in their order; `cpes` (may be NULL) what was imported for each CPE: vclab.import/1. New
 * reference; the parts stay the caller's.
 */
json_t *vc_acceptance_document(json_t *order, const struct vc_acceptance *acceptance, json_t *rows, const json_t *cpes,
                               double wall_s);

/* VC_EXIT_PASS when all passed; the gravest of the cases' verdicts otherwise, VC_EXIT_HOST for those not played. */
int vc_acceptance_status(const json_t *document);

/* For the partner and the customer; talloc children of ctx. The page needs nothing but itself. */
char *vc_acceptance_text(void *ctx, const json_t *document);
char *vc_acceptance_html(void *ctx, const json_t *document);

/* acceptance.json, acceptance.txt and acceptance.html in a result folder of their own. The folder, talloc child of ctx;
 * NULL with *err. */
char *vc_acceptance_write(void *ctx, const char *results_dir, const json_t *document, vc_error **err);
