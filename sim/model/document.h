/*
 * A YAML file as a plain tree in which every node knows its place. Only what the documents need: mappings with scalar
 * keys, lists, scalars. Anchors, aliases, several documents in a file and complex keys are refused. Values keep the
 * text as written; the schema gives it a type.
 */
#pragma once

#include "model/problem.h"

enum vc_doc_type { VC_DOC_SCALAR, VC_DOC_LIST, VC_DOC_MAP };

struct vc_doc {
    enum vc_doc_type type;
    const char *key;  /* in a mapping, else NULL */
    const char *text; /* of a scalar; "" when nothing was written */
    struct vc_mark key_mark, mark;
    struct vc_doc **items; /* of a list or mapping */
    size_t count;
};

/*
 * Reads the file. Returns a talloc child of ctx; NULL with problems added: no such file, too large, empty, bad syntax.
 * `file` is borrowed by the marks of the tree and must outlive them.
 */
struct vc_doc *vc_doc_load(void *ctx, const char *file, struct vc_problems *problems);

/* The same of a text, as if it stood in `file`. */
struct vc_doc *vc_doc_parse(void *ctx, const char *file, const char *text, size_t length, struct vc_problems *problems);

/* A tree from JSON, every node at `mark`, for arguments that come from the command line. Never fails. */
struct vc_doc *vc_doc_from_json(void *ctx, const char *key, const json_t *json, struct vc_mark mark);

/* A scalar that was not written in the document (a default), standing at `mark`. */
struct vc_doc vc_doc_scalar(const char *key, const char *text, struct vc_mark mark);

/* The member of a mapping, or NULL. */
const struct vc_doc *vc_doc_member(const struct vc_doc *map, const char *key);

/* The place of the member reached by the keys of a NULL-terminated path, or of the deepest that exists. */
struct vc_mark vc_doc_mark(const struct vc_doc *root, const char *const *path);

/* "a mapping", "a list", "nothing" or the quoted scalar; talloc child of ctx. */
char *vc_doc_describe(void *ctx, const struct vc_doc *doc);
