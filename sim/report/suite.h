/* Many runs as one result: results/<time>-<suffix>-suite/ with suite.json and one junit.xml. */
#pragma once

#include <stdio.h>

#include "base/error.h"

/*
 * `runs`: run.json documents with "status" (exit status) and, where there are such, "result" (folder), "again" (folder
 * of the second run) and "difference" (text: the two are not the same). Writes suite.json (schema vclab.suite/1:
 * runs[] {scenario, verdict, status, wall_s, virtual_s, digest, result, …}, totals {scenarios, passed, wall_s,
 * virtual_s, ratio}) and junit.xml with one test suite for each run. `wall_s` is what all of them took together.
 * Returns suite.json's document (new reference); *path is a talloc object without parent.
 */
json_t *vc_suite_write(const char *results_dir, const json_t *runs, double wall_s, char **path, vc_error **err);

/* A table, and "N of M scenarios pass; 2 h 13 min of virtual time in 4 min 10 s (32x)". */
void vc_suite_print(FILE *out, const json_t *suite);

/* suite.json of the latest suite in results_dir, or NULL. New reference. */
json_t *vc_suite_last(const char *results_dir);
