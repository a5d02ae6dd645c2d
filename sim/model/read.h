/* What the readers of topology and scenario share inside this folder. */
#pragma once

#include "model/schema.h"

struct vc_topology_reader {
    struct vc_reader base; /* first: readers of single fields get this one and need the kinds too */
    struct vc_names kinds;
};

/* A document's name is its file's name without ".yaml": so that a name always leads to its file. */
void vc_check_file_name(struct vc_reader *reader, const struct vc_doc *doc, const char *key, const char *name);

/* The document in topology->file, or the `text` that stands for it unless that is NULL, joined with those that it is
 * based on, which go into topology->bases. The tree is ctx's; NULL with problems added. */
const struct vc_doc *vc_topology_document(void *ctx, struct vc_topology *topology, const char *text,
                                          struct vc_problems *problems);

/* What values of a topology may be together. Values that could not be read are zero or VC_NONE and were complained
 * about already. */
void vc_topology_check(struct vc_reader *reader, const struct vc_doc *doc);

/* Who is whose, where the document need not say it: one customer (not `several`) has every node, and a DC has its
 * customer's service unless it names its own. */
void vc_topology_settle_customers(struct vc_topology *topology, bool several);
/* The part of it that keeps customers apart. */
void vc_topology_check_customers(struct vc_reader *reader, const struct vc_doc *doc);

/* The part of it that looks for overlapping prefixes. */
void vc_topology_check_overlaps(struct vc_reader *reader, const struct vc_doc *doc);

/* Does `node` have an interface of that name (a link's, or a tunnel's gre-<name>)? Fills `names` with all it has; ctx
 * owns them. */
struct vc_names vc_node_interfaces(void *ctx, const struct vc_topology *topology, size_t node);

/* The expectation `doc` ({converged: {within: 5s}}) as JSON: new reference, or NULL with problems. */
json_t *vc_expectation_read(struct vc_reader *reader, const struct vc_doc *doc);
/* It asks for a state that a hold can watch (not: outage, lost). */
bool vc_expectation_is_state(const char *type);

/* The fault `doc` ({name: cut, kind: drop, …}) as JSON with its text: new reference, or NULL with problems.
 * `need_name`: in a scenario. */
json_t *vc_fault_read(struct vc_reader *reader, const struct vc_doc *doc, bool need_name);
/* Nothing stays to be healed (a restart). */
bool vc_fault_ends_itself(const char *kind);

/* The members of a wire's character (base/wire.h): offsets are into struct vc_wire. */
enum { VC_WIRE_FIELD_COUNT = 9 };
extern const struct vc_field vc_wire_fields[VC_WIRE_FIELD_COUNT];
const struct vc_field *vc_wire_field(const char *name); /* NULL: not one of them */
/* Reads those members of mapping `doc` and leaves the others to the caller. 0, or -1 when it added problems. */
int vc_wire_read(struct vc_reader *reader, const struct vc_doc *doc, const char *what, struct vc_wire *wire);

/* A vc_field_fn for a node's member `files`: {NAME: PATH, …}; reads the files. */
void vc_own_files_read(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                       struct vc_sink sink);
