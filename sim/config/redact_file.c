#include "config/redact_file.h"

#include <string.h>

#include "config/redact_find.h"

struct secret {
    const char *text, *mark, *path;
    int line;
};

struct vc_secrets {
    struct secret *items;
    size_t count, words;
};

struct vc_secrets *vc_secrets_new(void *ctx)
{
    return talloc_zero(ctx, struct vc_secrets);
}

static struct secret *find(const struct vc_secrets *secrets, const char *text)
{
    for (size_t i = 0; i < secrets->count; i++)
        if (!strcmp(secrets->items[i].text, text))
            return &secrets->items[i];
    return NULL;
}

void vc_secrets_note(struct vc_secrets *secrets, const char *text, const char *mark)
{
    struct secret *known = find(secrets, text);

    if (!known) {
        secrets->items = talloc_realloc(secrets, secrets->items, struct secret, secrets->count + 1);
        known = &secrets->items[secrets->count++];
        *known = (struct secret){.text = talloc_strdup(secrets, text)};
    }
    if (!known->mark && mark)
        known->mark = talloc_strdup(secrets, mark);
}

void vc_secrets_first(struct vc_secrets *secrets, const char *text, const char *path, int line)
{
    struct secret *known = find(secrets, text);

    if (known && !known->path) {
        known->path = talloc_strdup(secrets, path);
        known->line = line;
    }
}

bool vc_secrets_is_first(const struct vc_secrets *secrets, const char *text, const char *path, int line)
{
    const struct secret *known = find(secrets, text);

    return known && known->path && known->line == line && !strcmp(known->path, path);
}

const char *vc_secrets_mark(struct vc_secrets *secrets, const char *text, bool word)
{
    struct secret *known = find(secrets, text);

    if (known && !known->mark && word)
        known->mark = talloc_asprintf(secrets, "other-key-%zu", ++secrets->words);
    return known ? known->mark : NULL;
}

bool vc_secrets_is_mark(const char *text, size_t length)
{
    return length > 6 && text[length - 1] == '>' && (!strncmp(text, "<PSK-", 5) || !strncmp(text, "<BGP-PW-", 8)) &&
           strcspn(text, " \t\"") >= length;
}

const char *vc_secrets_text(const struct vc_secrets *secrets, size_t index)
{
    return index < secrets->count ? secrets->items[index].text : NULL;
}

/* ---- files ---- */

/* What everybody has who did not care is no secret, and an ordinary word elsewhere. */
static bool is_well_known(const char *secret)
{
    return !strcmp(secret, "public") || !strcmp(secret, "private");
}

static char *replace(char *out, struct vc_secrets *secrets, const struct vc_redact_span *span)
{
    static const char *const others[] = {
        [VC_REDACT_COMMENT] = "", [VC_REDACT_TEXT] = "left-out", [VC_REDACT_KEY] = NULL};

    if (span->what != VC_REDACT_KEY)
        return talloc_strdup_append_buffer(out, others[span->what]);
    if (is_well_known(span->secret) && !find(secrets, span->secret))
        return talloc_strdup_append_buffer(out, "other-community");
    vc_secrets_note(secrets, span->secret, NULL);
    return talloc_asprintf_append_buffer(out, "%s%s%s", span->quote, vc_secrets_mark(secrets, span->secret, true),
                                         span->quote);
}

json_t *vc_redact_file(struct vc_secrets *secrets, const char *form, const char *path, const char *text,
                       json_t *replaced, vc_error **err)
{
    static const char *const told[] = {
        [VC_REDACT_COMMENT] = NULL, [VC_REDACT_TEXT] = "a description", [VC_REDACT_KEY] = "a key"};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_redact_spans *spans = vc_redact_find(ctx, form, text, err);
    char *out = talloc_strdup(ctx, "");
    size_t at = 0;

    if (!spans) {
        vc_wrap(err, "%s", path);
        return NULL;
    }
    for (size_t i = 0; i < spans->count; i++) {
        const struct vc_redact_span *span = &spans->items[i];

        out = replace(talloc_strndup_append_buffer(out, text + at, span->begin - at), secrets, span);
        at = span->end;
        if (told[span->what])
            json_array_append_new(replaced, json_sprintf("%s:%d: %s", path, span->line, told[span->what]));
    }
    return json_string(talloc_strdup_append_buffer(out, text + at));
}
