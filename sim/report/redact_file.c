#include "report/redact_file.h"

#include <string.h>
#include <strings.h>

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

/* A word after which a secret stands: `secret = "…"`, `neighbor X password …`, `: PSK "…"`. */
static bool announces(const char *word, size_t length)
{
    static const char *const words[] = {
        "secret",     "password", "psk",        "community", "message-digest", "authentication-key",
        "key-string", "md5",      "passphrase", "pin"};

    for (size_t i = 0; i < VC_COUNT(words); i++)
        if (strlen(words[i]) == length && !strncasecmp(word, words[i], length))
            return true;
    return false;
}

/* The next value of the line from `at`: steps over blanks, "=", ":", and over a digit that says how it is written. */
static const char *value_at(const char *at, const char *end, size_t *length)
{
    while (at < end && strchr(" \t=:", *at))
        at++;
    if (at + 1 < end && strchr("05678", *at) && strchr(" \t", at[1])) {
        at++;
        while (at < end && strchr(" \t", *at))
            at++;
    }
    if (at < end && (*at == '"' || *at == '\'')) {
        const char *close = memchr(at + 1, *at, (size_t)(end - at - 1));
        *length = close ? (size_t)(close - at - 1) : (size_t)(end - at - 1);
        return at + 1;
    }
    *length = 0;
    while (at + *length < end && !strchr(" \t;#{}", at[*length]))
        ++*length;
    return at;
}

/* BGP's communities are none: the word is a secret's only where SNMP is spoken of. */
static bool is_about(const char *line, size_t length, const char *word, size_t word_length)
{
    VC_AUTO_TALLOC char *copy = talloc_strndup(NULL, line, length);

    return word_length != strlen("community") || strncasecmp(word, "community", word_length) != 0 ||
           strcasestr(copy, "snmp");
}

/* Where the line's next secret is, from `at`; NULL: no more. */
static const char *find_secret(const char *line, size_t line_length, const char *at, size_t *length)
{
    const char *end = line + line_length;

    while (at < end) {
        size_t word = 0;
        while (at + word < end && !strchr(" \t=:{}\"", at[word]))
            word++;
        if (word && announces(at, word) && is_about(line, line_length, at, word)) {
            const char *value = value_at(at + word, end, length);
            if (*length && !vc_secrets_is_mark(value, *length))
                return value;
        }
        at += word ? word : 1;
    }
    return NULL;
}

json_t *vc_redact_file(struct vc_secrets *secrets, const char *path, const char *text, json_t *replaced, vc_error **err)
{
    VC_AUTO_TALLOC char *out = talloc_strdup(NULL, "");
    int number = 0;

    if (strstr(text, "PRIVATE KEY")) {
        vc_fail(err, VC_EXIT_USAGE, 0,
                "%s has a private key in it, which nothing can stand for; take it out before you "
                "share the run",
                path);
        return NULL;
    }
    while (*text) {
        size_t line = strcspn(text, "\n"), length;
        const char *at = text, *value;

        number++;
        while ((value = find_secret(text, line, at, &length))) {
            VC_AUTO_TALLOC char *secret = talloc_strndup(NULL, value, length);

            vc_secrets_note(secrets, secret, NULL);
            out = talloc_strndup_append_buffer(out, at, (size_t)(value - at));
            out = talloc_strdup_append_buffer(out, vc_secrets_mark(secrets, secret, true));
            json_array_append_new(replaced, json_sprintf("%s:%d: a key", path, number));
            at = value + length;
        }
        out = talloc_strndup_append_buffer(out, at, (size_t)(text + line - at));
        text += line;
        if (*text) {
            out = talloc_strdup_append_buffer(out, "\n");
            text++;
        }
    }
    return json_string(out);
}
