/* The folders in which documents and kinds of nodes lie. */
#pragma once

#include "model/problem.h"

/* The folders in a folder, and its documents (*.yaml, told without the ending), sorted by name; none when it cannot be
 * read. ctx owns the names. */
struct vc_names vc_folders(void *ctx, const char *folder);
struct vc_names vc_documents(void *ctx, const char *folder);

enum vc_document { VC_DOCUMENT_TOPOLOGY, VC_DOCUMENT_SCENARIO, VC_DOCUMENT_PLAN, VC_DOCUMENT_FORM };
/* What a document is, told by its first key. -1 with *err (VC_EXIT_USAGE) when it is none of them, or no YAML at all.
 */
int vc_document_kind(const char *file, enum vc_document *kind, vc_error **err);
