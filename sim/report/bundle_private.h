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
