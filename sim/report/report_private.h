/* What the files of sim/report share: reading a result folder, replacing its files, and JSON members that may be
 * absent. */
#pragma once

#include "report/report.h"

/* Reads events.jsonl into an array (new reference). A last line that was cut off is left out; *truncated then says
 * which (talloc child of ctx), else it is NULL. */
json_t *vc_result_load_events(void *ctx, const char *result_path, char **truncated, vc_error **err);

/* run.json, or NULL with *err (errnum ENOENT when there is none: the run was killed). New reference. */
json_t *vc_result_load_run(const char *result_path, vc_error **err);

/* Writes result_path/name whole or not at all. */
int vc_result_replace(const char *result_path, const char *name, const char *data, size_t size, vc_error **err);

/* SHA-256 of events.jsonl as "sha256:<hex>", talloc child of ctx. */
char *vc_result_digest(void *ctx, const char *result_path, vc_error **err);

/* SHA-256 in the same form. talloc child of ctx. */
char *vc_digest_bytes(void *ctx, const void *data, size_t size);

/* The text of junit.xml for a run.json document; talloc child of ctx. One test suite, with a case for each expectation,
 * each invariant and the verdict. */
char *vc_junit_text(void *ctx, const json_t *run);
/* One text for several: a test suite for each. A run with a "difference" (from its repetition) has a case more. */
char *vc_junit_merged(void *ctx, const json_t *runs);

/* results_dir/<UTC time>-<suffix>-suite/; talloc child of ctx. */
char *vc_result_create_suite(void *ctx, const char *results_dir, vc_error **err);

static inline const char *vc_member_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static inline int64_t vc_member_int(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}
