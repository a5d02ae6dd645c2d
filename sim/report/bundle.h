/*
 * A replay bundle: one file (tar.zst) with what it takes to play a run again and to know whether it came out the same.
 * manifest.json (schema vclab.bundle/1): scenario, image, versions{}, seed, timers, cold, captured, evidence, verdict,
 * digest, replaced[], members{name: sha256}, checksum (of the manifest without this member). documents.json: the
 * documents as the guest was told them (vm/blob.h), without secrets. events.jsonl and run.json: the result's.
 * A bundle comes from others: everything in it is checked before it is used.
 */
#pragma once

#include "base/error.h"

#define VC_BUNDLE_FILE_MAX     ((size_t)64 << 20)  /* bytes, packed */
#define VC_BUNDLE_CONTENTS_MAX ((size_t)256 << 20) /* bytes, unpacked */

/*
 * Takes every secret (psk, bgp_password and the like) out of `documents`, in place: the plan then derives one from the
 * seed. A document that has one is written anew without its comments, which may repeat it. Each is told in `replaced`
 * as "FILE:LINE: MEMBER". A node's file loses its keys and comments in place (config/redact_file.h). Fails
 * (VC_EXIT_USAGE) when a secret also stands elsewhere in the documents. Documents without secrets keep every byte.
 */
int vc_redact(json_t *documents, json_t *replaced, vc_error **err);

/* Writes `file` whole or not at all, from a finished result. `documents` are those that were played. */
int vc_bundle_write(const char *file, const char *result, json_t *documents, json_t *replaced, vc_error **err);

struct vc_bundle {
    json_t *manifest, *documents, *run; /* dropped when the bundle is freed */
    char *events;                       /* the text of events.jsonl, whole lines */
    size_t events_size;
};

/* Reads and checks one. talloc child of ctx; NULL with VC_EXIT_USAGE: no bundle, damaged, cut off, too large, of a
 * newer schema, or with members that do not belong in one. */
struct vc_bundle *vc_bundle_read(void *ctx, const char *file, vc_error **err);

/* Puts events.jsonl and run.json into `folder` (existing), so that it can be compared as a result. */
int vc_bundle_unpack_result(const struct vc_bundle *bundle, const char *folder, vc_error **err);
