/* How a document names another one once both have moved. */
#pragma once

#include "base/error.h"
#include "model/problem.h"

/* The document `to` as seen from the document `from`; both are paths below the same folder. talloc child of ctx. */
char *vc_reference_between(void *ctx, const char *from, const char *to);

/*
 * `text` with `to` instead of the scalar `from` that stands at `mark`; not a byte else changes. talloc child of ctx, or
 * NULL with *err (VC_EXIT_USAGE) when the scalar is not written there as it reads (escapes, several lines).
 */
char *vc_reference_replace(void *ctx, const char *text, struct vc_mark mark, const char *from, const char *to,
                           vc_error **err);
