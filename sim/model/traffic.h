/* Loads: the steps that start and stop them, and what may be expected of them and of flows under them. Rows of the
 * tables in steps.c and expect.c. */
#pragma once

#include "model/steps.h"

enum { VC_LOAD_EXPECT_FIELD_COUNT = 5, VC_QUALITY_FIELD_COUNT = 5 };
extern const struct vc_field vc_load_expect_fields[VC_LOAD_EXPECT_FIELD_COUNT];
extern const struct vc_field vc_quality_fields[VC_QUALITY_FIELD_COUNT];

void vc_load_expect_check(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec);
void vc_quality_check(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec);
char *vc_load_expect_text(void *ctx, const json_t *spec);
char *vc_quality_text(void *ctx, const json_t *spec);

/* The spec of a load step: new reference, or NULL with problems. */
json_t *vc_load_read(struct vc_reader *reader, const struct vc_doc *doc);
