/* swanctl.conf by vclab's own reader of it (net/swanctl.c); ipsec.conf and ipsec.secrets. */
#include "config/redact_find.h"

#include <string.h>
#include <strings.h>

#include "config/redact_file.h"
#include "config/redact_private.h"
#include "net/vici.h"

static int line_of(const char *text, const char *at)
{
    int line = 1;

    for (const char *c = text; c < at; c++)
        line += *c == '\n';
    return line;
}

static void add(struct vc_redact_finder *finder, struct vc_redact_span span, const char *begin, const char *end)
{
    struct vc_redact_spans *spans = finder->spans;

    span.begin = (size_t)(begin - finder->text);
    span.end = (size_t)(end - finder->text);
    span.line = line_of(finder->text, begin);
    spans->items = talloc_realloc(spans, spans->items, struct vc_redact_span, spans->count + 1);
    spans->items[spans->count++] = span;
}

void vc_redact_add(struct vc_redact_finder *finder, enum vc_redact_what what, const char *begin, const char *end)
{
    if (begin < end)
        add(finder, (struct vc_redact_span){.what = what}, begin, end);
}

void vc_redact_key(struct vc_redact_finder *finder, const char *begin, const char *end, const char *secret,
                   const char *quote)
{
    if (*secret && !vc_secrets_is_mark(secret, strlen(secret)))
        add(finder,
            (struct vc_redact_span){
                .what = VC_REDACT_KEY, .secret = talloc_strdup(finder->spans, secret), .quote = quote},
            begin, end);
}

void vc_redact_plain(struct vc_redact_finder *finder, const char *begin, const char *end)
{
    VC_AUTO_TALLOC char *secret = talloc_strndup(NULL, begin, (size_t)(end - begin));

    vc_redact_key(finder, begin, end, secret, "");
}

bool vc_redact_is_name(const char *name, size_t length)
{
    static const char *const ends[] = {"secret", "password", "passphrase", "psk", "pin"};

    for (size_t i = 0; i < VC_COUNT(ends); i++) {
        size_t end = strlen(ends[i]);

        if (length >= end && !strncasecmp(name + length - end, ends[i], end))
            return true;
    }
    return false;
}

/* ---- swanctl.conf ---- */

static void found(void *data, const struct vc_swanctl_place *place)
{
    struct vc_redact_finder *finder = data;
    const char *begin = finder->text + place->begin, *end = finder->text + place->end;

    if (!place->key)
        vc_redact_add(finder, VC_REDACT_COMMENT, begin + 1, end);
    else if (vc_redact_is_name(place->key, strlen(place->key)))
        vc_redact_key(finder, begin, end, place->value, *begin == '"' ? "\"" : "");
}

static int swanctl(struct vc_redact_finder *finder, vc_error **err)
{
    VC_AUTO_JSON *config = vc_swanctl_walk(finder->text, found, finder, err);

    return config ? 0 : -1;
}

/* ---- ipsec.conf and ipsec.secrets ---- */

static const char *line_end(const char *at)
{
    return at + strcspn(at, "\r\n");
}

/* NAME=VALUE; a comment is a line of its own. */
int vc_redact_ipsec(struct vc_redact_finder *finder)
{
    static const char secrets[] = "# ipsec.secrets";

    for (const char *line = finder->text; *line; line = line_end(line), line += strspn(line, "\r\n")) {
        const char *at = line + strspn(line, " \t"), *end = line_end(at);
        size_t name = strcspn(at, "= \t\r\n");

        if ((size_t)(end - at) == strlen(secrets) && !strncmp(at, secrets, strlen(secrets)))
            return vc_redact_secrets(finder, end);
        if (*at == '#')
            vc_redact_add(finder, VC_REDACT_COMMENT, at + 1, end);
        if (*at == '#' || !vc_redact_is_name(at, name) || at[name + strspn(at + name, " \t")] != '=')
            continue;
        at += name + strspn(at + name, " \t") + 1;
        at += strspn(at, " \t");
        while (end > at && strchr(" \t", end[-1]))
            end--;
        bool quoted = end > at + 1 && *at == '"' && end[-1] == '"';
        vc_redact_plain(finder, at + quoted, end - quoted);
    }
    return 0;
}

/* The next word of ipsec.secrets, in *end behind it; a quoted one without its quotes. */
static const char *secrets_word(const char *at, const char **end, const char **next)
{
    if (*at == '"' || *at == '\'') {
        size_t length = strcspn(at + 1, (const char[]){*at, '\n', 0});

        *end = at + 1 + length;
        *next = *end + (**end == *at);
        return at + 1;
    }
    *next = *end = at + strcspn(at, " \t\r\n");
    return at;
}

/* Does this line begin an entry? Others continue the one above. */
static bool begins_entry(const char *line)
{
    if (!strchr(" \t", *line))
        return true;
    for (size_t blank; *line && *line != '\n'; line += blank + strcspn(line + blank, " \t\n")) {
        blank = strspn(line, " \t");
        if (line[blank] == ':' && strchr(" \t", line[blank + 1]))
            return true;
    }
    return false;
}

int vc_redact_secrets(struct vc_redact_finder *finder, const char *at)
{
    bool colon = false, type = false; /* "SELECTORS : TYPE SECRET…" */

    while (*at) {
        if (strchr(" \t\r\n", *at)) {
            if (*at == '\n' && begins_entry(at + 1))
                colon = type = false;
            at++;
            continue;
        }
        const char *end, *next, *word;
        if (*at == '#') {
            end = line_end(at);
            vc_redact_add(finder, VC_REDACT_COMMENT, at + 1, end);
            at = end;
            continue;
        }
        word = secrets_word(at, &end, &next);
        if (colon && type && *word == '{')
            return -1; /* RSA { … }: the key itself */
        if (colon && type)
            vc_redact_plain(finder, word, end);
        else if (colon)
            type = true;
        else if (*at == ':' &&
                 (end == at + 1 || strspn(at + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") ==
                                       (size_t)(end - at - 1))) {
            colon = true;
            type = end > at + 1;
        }
        at = next;
    }
    return 0;
}

/* ---- all ---- */

static int find(struct vc_redact_finder *finder, const char *form, vc_error **err)
{
    int failed = 0;

    if (!strcmp(form, "swanctl.conf"))
        return swanctl(finder, err);
    if (!strcmp(form, "bird.conf"))
        vc_redact_bird(finder);
    else if (!strcmp(form, "ipsec.conf"))
        failed = vc_redact_ipsec(finder);
    else if (!strcmp(form, "ipsec.secrets"))
        failed = vc_redact_secrets(finder, finder->text);
    else
        vc_redact_lines(finder);
    return failed || strcasestr(finder->text, "PrivateExponent")
               ? vc_fail(err, VC_EXIT_USAGE, 0,
                         "it has a private key in it, which nothing can stand for; take it out "
                         "before you share it")
               : 0;
}

struct vc_redact_spans *vc_redact_find(void *ctx, const char *form, const char *text, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_redact_spans *spans = talloc_zero(NULL, struct vc_redact_spans);
    struct vc_redact_finder finder = {text, spans};

    if (strstr(text, "PRIVATE KEY")) {
        vc_fail(err, VC_EXIT_USAGE, 0,
                "it has a private key in it, which nothing can stand for; take it out before you share it");
        return NULL;
    }
    return find(&finder, form, err) ? NULL : talloc_steal(ctx, VC_STEAL_PTR(spans));
}
