/*
 * What a guest is told: documents and options, as one JSON text in fw_cfg (opt/vclab/run), padded with blanks to a
 * fixed size so that a fork of a snapshot, whose kernel has already seen the item's size, can be told something else.
 * A replay bundle holds the same documents.
 */
#pragma once

#include "model/scenario.h"

#define VC_BLOB_NAME "opt/vclab/run"
#define VC_BLOB_SIZE 65536

struct vc_blob_options {
    uint64_t seed;
    bool captures;
    bool park; /* build the lab, wait until it has settled, then pause for a snapshot; the scenario comes with the fork
                */
    const char *shell; /* interactive: the node in which ttyS1 gets a shell; NULL: none */
    int64_t limit_ns;  /* the run ends as error when the lab's clock passes this */
};

/*
 * The documents of a scenario as {"scenario": PATH, "documents": {PATH: TEXT, …}, "timers": NAME}: every file that
 * vc_scenario_load read, at paths relative to VCLAB_HOME or, outside of it, below "run/". New reference.
 */
json_t *vc_blob_documents(const struct vc_scenario *scenario, vc_error **err);

/* Adds the options and returns the padded text, VC_BLOB_SIZE bytes (talloc child of ctx). Fails with VC_EXIT_USAGE when
 * the documents are too large. */
char *vc_blob_pack(void *ctx, json_t *documents, const struct vc_blob_options *options, vc_error **err);

/*
 * The other side: writes the documents below `home` (an empty or existing folder; no path may lead out of it,
 * VC_EXIT_USAGE) and reads the options. `*scenario` is the scenario file's path, `*timers` the timers' name; strings
 * are talloc children of ctx.
 */
int vc_blob_unpack(void *ctx, const char *text, size_t size, const char *home, char **scenario, char **timers,
                   struct vc_blob_options *options, vc_error **err);
/* Only the documents, of which `blob` is the parsed object; used by the replay of bundles too. */
int vc_blob_write_documents(json_t *blob, const char *home, vc_error **err);
