/*
 * A customer's running-config held against his order: what it has otherwise becomes `configure` of the order's node, so
 * that `run`, `sweep` and `doctor` meet the customer's own configuration. Keys are compared, never kept.
 */
#pragma once

#include "config/config.h"
#include "config/ios.h"

struct vc_import_options {
    const struct vc_topology *topology;
    size_t node;        /* VC_NONE: the CPE that the configuration looks most like */
    const char *timers; /* the profile whose timers need not be said; NULL: they always are */
    const char *kinds_dir;
    /* "ADDRESS=NODE", NULL-terminated, or NULL: which of the topology's nodes the iBGP neighbour of that address is,
     * where the topology has another address for it. */
    const char *const *peers;
};

struct vc_import {
    const struct vc_topology *topology;
    size_t node;
    const struct vc_ios *ios;
    struct vc_cpe *cpe; /* as read; with errors and notes */
    json_t *configure;  /* {KNOB: VALUE, …, "tunnels": {…}}; empty: as ordered */
    json_t *deviations; /* [{"knob", "tunnel" (of the node: null), "line", "found", "ordered", "requirement"}], keys not
                           told */
};

/*
 * Reads it. talloc child of ctx; the two JSON values are dropped with it. NULL (VC_EXIT_USAGE): no running-config, no
 * such node, or no telling which. What can be expressed by no knob is in cpe->errors: then there is no document.
 */
struct vc_import *vc_import_ios(void *ctx, const struct vc_import_options *options, const char *file, const char *text,
                                size_t size, vc_error **err);

/* What was found, for people; one line each. talloc child of ctx. */
char *vc_import_report(void *ctx, const struct vc_import *import);
/* The same for programs (vclab.import/1). New reference. */
json_t *vc_import_json(const struct vc_import *import);

/* The document: topology `name` that starts from `base`. talloc child of ctx. */
char *vc_import_document(void *ctx, const struct vc_import *import, const char *name, const char *base);

/* A node that brings its own files along: {NAME: PATH}. talloc child of ctx. */
char *vc_import_files_document(void *ctx, const struct vc_topology *topology, size_t node, const json_t *files,
                               const char *name, const char *base);
/*
 * The word by which a document in `folder` ("" is the current one) names `topology` as its base; talloc child of ctx.
 * NULL (VC_EXIT_USAGE): it can only lie below that folder or among the topologies that come with vclab.
 */
char *vc_import_base(void *ctx, const struct vc_topology *topology, const char *folder, vc_error **err);
