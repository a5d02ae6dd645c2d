/*
 * The doctor: reads one evidence document (vclab.evidence/1, docs/doctor.md) in the service guide's troubleshooting
 * order and names what is wrong. Pure functions of the document: no clock, no file, no lab. It knows neither scenarios
 * nor faults; what it holds a node against is the order's form, which the document has.
 */
#pragma once

#include "base/util.h"

/*
 * The diagnosis (vclab.diagnosis/1): {"schema", "healthy", "tunnels": [{"tunnel", "first_failing" (a layer or null),
 * "layers": {LAYER: "ok", "failed", "not reached"}}], "causes": [{"cause", "layer", "node" (absent: the way between
 * nodes), "tunnel" (absent: of the node as a whole), "confidence" ("certain", "likely"), "latent", "evidence": [lines],
 * "text", "remedy", "section", "requirement", "show": [commands]}]}, causes in the order in which they block; latent
 * ones, which do not hurt yet, last. `healthy`: there are tunnels, no cause, and every layer is ok. New reference.
 */
json_t *vc_doctor_examine(const json_t *evidence);

/* The diagnosis as a person reads it. talloc child of ctx. */
char *vc_doctor_text(void *ctx, const json_t *diagnosis, bool colour);

/* docs/troubleshooting.md: the table of causes as Markdown. talloc child of ctx. */
char *vc_doctor_catalogue(void *ctx);

/* The identifier of a cause, in the order of the table; NULL after the last. */
const char *vc_doctor_cause(size_t index);

/* An answer has that cause; `node` and `tunnel` "": any. *others: it has another cause, too, that is not in `beside`
 * (texts; may be NULL). */
bool vc_doctor_names(const json_t *diagnosis, const char *cause, const char *node, const char *tunnel,
                     const json_t *beside, bool *others);
