/* Many runs as one result: results/<time>-<suffix>-suite/ with suite.json and one junit.xml. */
#pragma once

#include <stdio.h>

#include "base/error.h"

/*
 * The document of suite.json (docs/events.md), schema vclab.suite/1. `runs`: run.json documents with "status" (exit
 * status) and, where there are such, "result" (folder), "again" (folder of the second run) and "difference" (text: the
 * two are not the same); one with the verdict "skipped" was not played. `mode`: sealed or live; `wall_s` is what all of
 * them took together. New reference.
 */
json_t *vc_suite_document(const json_t *runs, const char *mode, double wall_s);

/* Writes it, and junit.xml with one test suite for each run. The folder; talloc child of ctx. */
char *vc_suite_write(void *ctx, const char *results_dir, const json_t *suite, const json_t *runs, vc_error **err);

/* A table, and "N of M scenarios pass[, K skipped]; 2 h 13 min of virtual time in 4 min 10 s (32x)". */
void vc_suite_print(FILE *out, const json_t *suite);

/* suite.json of the latest suite of that mode in results_dir, or NULL. New reference. */
json_t *vc_suite_last(const char *results_dir, const char *mode);
