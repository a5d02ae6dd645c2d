/* What the two sides of a bundle share. */
#pragma once

#include "report/bundle.h"
#include "report/report_private.h"

#define VC_BUNDLE_SCHEMA "vclab.bundle/1"

enum vc_bundle_member {
    VC_BUNDLE_MANIFEST,
    VC_BUNDLE_DOCUMENTS,
    VC_BUNDLE_EVENTS,
    VC_BUNDLE_RUN,
    VC_BUNDLE_MEMBERS,
};
extern const char *const vc_bundle_members[VC_BUNDLE_MEMBERS]; /* their names in the archive */

/* Over the manifest without its member "checksum". talloc child of ctx. */
char *vc_bundle_checksum(void *ctx, const json_t *manifest);
/* The files of nodes that the documents name, {PATH: FORM}. New reference; NULL: one of them cannot be read. */
json_t *vc_bundle_node_files(json_t *texts, vc_error **err);
