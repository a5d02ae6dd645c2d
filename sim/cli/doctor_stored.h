/* What vclab doctor reads of runs that are over: the evidence in their events, or, where there is none, that of the
 * same run played again. */
#pragma once

#include "cli/session.h"

/* The last evidence of a result folder or of a bundle, new reference; `results` (may be NULL) is where a run that is
 * played again leaves its own result. NULL: there is none to be had, and *err says how to get it. */
json_t *doctor_of_result(const char *path, const char *results, vc_error **err);
json_t *doctor_of_bundle(const char *path, const char *results, vc_error **err);

/* Evidence that the doctor can read, of this version and of a lab: 0. Else -1 and *err in one line that names `path`.
 */
int doctor_check(const json_t *document, const char *path, vc_error **err);
