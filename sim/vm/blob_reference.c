#include "vm/blob_reference.h"

#include <string.h>

char *vc_reference_between(void *ctx, const char *from, const char *to)
{
    char *up = talloc_strdup(ctx, "");

    for (const char *slash = strchr(from, '/'); slash; slash = strchr(slash + 1, '/'))
        up = talloc_strdup_append(up, "../");
    return talloc_strdup_append(up, to);
}

/* Where `mark` is in the text; its end when the text is shorter. */
static const char *place_of(const char *text, struct vc_mark mark)
{
    const char *end = text + strlen(text);

    for (int line = 1; line < mark.line && text < end; line++) {
        const char *newline = strchr(text, '\n');
        text = newline ? newline + 1 : end;
    }
    return end - text > mark.column - 1 ? text + mark.column - 1 : end;
}

char *vc_reference_replace(void *ctx, const char *text, struct vc_mark mark, const char *from, const char *to,
                           vc_error **err)
{
    const char *at = place_of(text, mark);
    size_t length = strlen(from);

    if (!strncmp(at, from, length))
        return talloc_asprintf(ctx, "%.*s%s%s", (int)(at - text), text, to, at + length);
    vc_fail(err, VC_EXIT_USAGE, 0, "%s:%d:%d: the path %s cannot be carried into the guest; write it without escapes",
            mark.file, mark.line, mark.column, from);
    return NULL;
}
