/* The acceptance report of an order (vclab onboard): one document, told as plain words and as a page. */
#pragma once

#include "activation/acceptance.h"

/*
 * Schema vclab.acceptance/1 (docs/activation.md). `order` is the export view of it, so no secret can get in; `results`
 * has for each case a result folder, or NULL where none was left; `skipped` why it was not played, or NULL where it
 * was. New reference.
 */
json_t *vc_acceptance_document(const json_t *order, const struct vc_acceptance *acceptance, const char *const *results,
                               const char *const *skipped, double wall_s);

/* VC_EXIT_PASS when all passed; the gravest of the cases' verdicts otherwise, VC_EXIT_HOST for those not played. */
int vc_acceptance_status(const json_t *document);

/* For the partner and the customer; talloc children of ctx. The page needs nothing but itself. */
char *vc_acceptance_text(void *ctx, const json_t *document);
char *vc_acceptance_html(void *ctx, const json_t *document);

/* acceptance.json, acceptance.txt and acceptance.html in a result folder of their own. The folder, talloc child of ctx;
 * NULL with *err. */
char *vc_acceptance_write(void *ctx, const char *results_dir, const json_t *document, vc_error **err);
