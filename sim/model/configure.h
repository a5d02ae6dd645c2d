/*
 * What a node is configured otherwise than it should be: `configure` of a scenario or a topology. Each knob is one row
 * of a table; the plan puts its value in place of the one that the topology gives (plan/configured.h).
 */
#pragma once

#include "model/read.h"

/* The parts a node plays in tunnels. */
enum { VC_KNOB_CPE = 1, VC_KNOB_HEADEND = 2, VC_KNOB_ROUTER = 4 };

struct vc_knob {
    struct vc_field field; /* first: its name; read into a JSON object, so a duration NAME is NAME_ns */
    unsigned roles;        /* which nodes have it */
    bool whole_node;       /* cannot be said of one tunnel */
    const char *requirement;
    const char *text; /* one sentence: what the node then does */
};

/* A node's knobs. */
struct vc_configure {
    size_t tunnel; /* they count for this one only; VC_NONE: for all of the node's */
    /* As read; owned (a talloc destructor drops it). Its member `tunnels` {TUNNEL: {KNOB: VALUE, …}} has what counts
     * for one tunnel each, before what counts for the node. */
    json_t *knobs;
};

/* A vc_field_fn for the member `configure`: {NODE: {KNOB: VALUE, …}, …}, into reader->topology's nodes. A node that is
 * named again (first by the topology, then by the scenario) has the later knobs only. */
void vc_configure_read(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                       struct vc_sink sink);

/* One node's knobs, {KNOB: VALUE, …}; NULL with problems. talloc child of ctx. */
struct vc_configure *vc_configure_read_node(void *ctx, struct vc_reader *reader, const struct vc_doc *doc, size_t node);
/* What the scenario in `file` configures, as it is written: {NODE: {KNOB: VALUE, …}}; from its `configure`, or from its
 * fault `misconfigure` of that name (NULL: the only one). New reference; NULL with VC_EXIT_USAGE: no such file, or
 * nothing is configured in it. */
json_t *vc_configure_written(const char *file, const char *fault, vc_error **err);
/* NULL: that node can have the knob with this value, as it would be written. Else why not, "found …; allowed: …";
 * talloc child of ctx. */
char *vc_configure_refusal(void *ctx, const struct vc_topology *topology, size_t node, const char *knob,
                           const json_t *value);
/* Knobs as they were read before. talloc child of ctx. */
struct vc_configure *vc_configure_of_json(void *ctx, const struct vc_topology *topology, const json_t *read);

/* The knob's value (borrowed) where it counts for that tunnel of the node; `tunnel` VC_NONE: for the node as a whole.
 * NULL: as it should be. */
const json_t *vc_configured(const struct vc_topology *topology, size_t node, size_t tunnel, const char *member);
/* Has that tunnel of the node knobs of its own? */
bool vc_configured_apart(const struct vc_topology *topology, size_t node, size_t tunnel);

const struct vc_knob *vc_knobs(size_t *count);
