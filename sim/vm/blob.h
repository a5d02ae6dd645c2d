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
    const char *shell; /* interactive: the node in which ttyS1 gets a shell; NULL: none */
    bool evidence;     /* of its end, also when it passes */
    int64_t limit_ns;  /* the run ends as error when the scenario takes longer on the lab's clock */
};

/*
 * The documents of a scenario as {"scenario": PATH, "topology": PATH, "timers": NAME, "documents": {PATH: TEXT, …}}:
 * every file that vc_scenario_load read, at paths relative to VCLAB_HOME (topologies/two-cpe.yaml) or, outside of it,
 * below "run/", so that the scenario finds its topology again; where its own words do not lead there (an absolute
 * path), they are the one thing in its text that changes. New reference.
 */
json_t *vc_blob_documents(const struct vc_scenario *scenario, vc_error **err);
/* The same without a scenario ("scenario" is null): what a snapshot is made of. The guest brings the lab to where it
 * has settled and pauses; a fork is told the scenario. */
json_t *vc_blob_lab_documents(const struct vc_topology *topology, const char *timers, vc_error **err);

/* Adds the options and returns the padded text, VC_BLOB_SIZE bytes (talloc child of ctx). Fails with VC_EXIT_USAGE when
 * the documents are too large. */
char *vc_blob_pack(void *ctx, const json_t *documents, const struct vc_blob_options *options, vc_error **err);

struct vc_blob_paths {
    char *scenario; /* file to load; NULL: none */
    char *topology; /* likewise */
    char *timers;   /* name */
};

/*
 * The other side: writes the documents below `home` (an empty or existing folder; no path may lead out of it,
 * VC_EXIT_USAGE) and reads the options. Strings are talloc children of ctx.
 */
int vc_blob_unpack(void *ctx, const char *text, size_t size, const char *home, struct vc_blob_paths *paths,
                   struct vc_blob_options *options, vc_error **err);
/* Only the documents, of which `blob` is the parsed object; used by the replay of bundles too. */
int vc_blob_write_documents(const json_t *blob, const char *home, vc_error **err);
