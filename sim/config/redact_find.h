/* Where secrets stand in a node's own files: each form by the rules by which its daemon finds the end of a value. */
#pragma once

#include "base/error.h"

enum vc_redact_what {
    VC_REDACT_KEY,
    VC_REDACT_COMMENT,
    VC_REDACT_TEXT, /* a description in which a word stands that announces keys */
};

struct vc_redact_span {
    size_t begin, end; /* of the text */
    int line;
    enum vc_redact_what what;
    const char *secret; /* of a key: as its daemon reads it */
    const char *quote;  /* what must stand around whatever is put in its place: "", "\"" */
};

struct vc_redact_spans {
    struct vc_redact_span *items; /* in the order of the text */
    size_t count;
};

/* Marks (plan/key.h) are no secrets. talloc child of ctx. NULL (VC_EXIT_USAGE): it has a private key in it, or is no
 * such file at all. */
struct vc_redact_spans *vc_redact_find(void *ctx, const char *form, const char *text, vc_error **err);
