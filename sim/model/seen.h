/* Expectations on what a person would see in a capture or in a BGP table: rows of the table in expect.c. */
#pragma once

#include "model/schema.h"

enum { VC_SEEN_FIELD_COUNT = 8, VC_ACCEPTED_FIELD_COUNT = 4 };
extern const struct vc_field vc_seen_fields[VC_SEEN_FIELD_COUNT];
extern const struct vc_field vc_accepted_fields[VC_ACCEPTED_FIELD_COUNT];

void vc_seen_check(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec);
void vc_accepted_check(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec);
char *vc_seen_text(void *ctx, const json_t *spec);
char *vc_accepted_text(void *ctx, const json_t *spec);
