/* Secrets of a bundle's documents, and the files of nodes that may hold them. */
#pragma once

#include "base/error.h"

struct vc_secrets; /* talloc */
struct vc_secrets *vc_secrets_new(void *ctx);

/* Remembers the text; `mark` (NULL: none) is what stands for it. The first mark counts. */
void vc_secrets_note(struct vc_secrets *secrets, const char *text, const char *mark);
/* The place where the mark's own key stands, which is left out rather than marked. The first counts. */
void vc_secrets_first(struct vc_secrets *secrets, const char *text, const char *path, int line);
bool vc_secrets_is_first(const struct vc_secrets *secrets, const char *text, const char *path, int line);
/* Its mark, or with `word` a word that stands for it, the same for the same text. NULL: no mark. Borrowed. */
const char *vc_secrets_mark(struct vc_secrets *secrets, const char *text, bool word);
/* Is it such a mark already, of whatever tunnel? */
bool vc_secrets_is_mark(const char *text, size_t length);
/* The texts, one after the other; NULL after the last. */
const char *vc_secrets_text(const struct vc_secrets *secrets, size_t index);

/* The text's own form: "swanctl.conf", "frr.conf", "bird.conf", "ipsec.conf", "ipsec.secrets"; whatever else there is
 * is read as frr.conf is, line by line. */

/*
 * A node's own configuration with a mark or word in the place of each secret; new reference. Comments go, as they
 * repeat such things, and so does a description that speaks of keys. `replaced` gets "PATH:LINE: …" of each. NULL
 * (VC_EXIT_USAGE): it has a private key in it, or its secrets cannot be told from the rest.
 */
json_t *vc_redact_file(struct vc_secrets *secrets, const char *form, const char *path, const char *text,
                       json_t *replaced, vc_error **err);
