/* Two runs that should be the same: where do they part? */
#pragma once

#include "base/error.h"

/*
 * Compares the events of two result folders line by line, and the digests of captures and logs that their run.json
 * name:
 *     {"same": bool, "line": N, "first": {event} | null, "second": {event} | null, "members": ["t_ns", …],
 *      "files": [{"name", "first", "second"}]}
 * `line` and what belongs to it are there only when an event differs; null is the end of that run's events. `files`
 * names those that differ or are in one run only. New reference; NULL when a folder cannot be read.
 */
json_t *vc_compare_results(const char *first, const char *second, vc_error **err);

/* The same for a person, in a few lines that call the two `first` and `second`; talloc child of ctx. */
char *vc_compare_text(void *ctx, const json_t *comparison, const char *first, const char *second);
