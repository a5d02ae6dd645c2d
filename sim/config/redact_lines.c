/*
 * Commands, one a line, as FRR has them and IOS-XE: a word announces a key, words after it may say how it is written,
 * and it ends at a blank or with its line. What an other form ends a value with ('#', ';', braces) is part of the key
 * here. And bird.conf: strings, and bytes as they are.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "config/redact_private.h"

struct word {
    const char *at;
    size_t length;
};

static bool is(struct word word, const char *text)
{
    return word.length == strlen(text) && !strncasecmp(word.at, text, word.length);
}

static bool is_one_of(struct word word, const char *const *list)
{
    for (; *list; list++)
        if (is(word, *list))
            return true;
    return false;
}

static struct word word_at(const char *at, const char *end)
{
    while (at < end && strchr(" \t", *at))
        at++;
    const char *stop = at;
    while (stop < end && !strchr(" \t", *stop))
        stop++;
    return (struct word){at, (size_t)(stop - at)};
}

static struct word word_after(struct word word, const char *end)
{
    return word_at(word.at + word.length, end);
}

/* ---- a command a line ---- */

static const struct announcer {
    const char *word;
    const char *begins, *before; /* only in commands that begin so, only behind this word; NULL: anywhere */
    bool rest;                   /* the key ends with its line */
    unsigned skip;               /* words between */
} announcers[] = {
    {"password", NULL, NULL, true, 0},
    {"passphrase", NULL, NULL, true, 0},
    {"key-string", NULL, NULL, true, 0},
    {"secret", NULL, NULL, true, 0},
    {"psk", NULL, NULL, true, 0},
    {"pre-shared-key", NULL, NULL, true, 0},
    {"authentication-key", NULL, NULL, false, 0},
    {"md5", NULL, NULL, false, 0},
    {"string", NULL, "authentication", false, 0},
    {"text", NULL, "authentication", false, 0},
    {"authentication", NULL, "nhrp", false, 0},
    {"community", "snmp-server", NULL, false, 0},
    {"host", "snmp-server", NULL, true, 1},
    {"sha", "snmp-server", NULL, false, 0},
    {"priv", "snmp-server", NULL, false, 0},
    {"key", "crypto", "isakmp", false, 0},
    {"key", "tacacs-server", NULL, true, 0},
    {"key", "radius-server", NULL, true, 0},
    {"server-key", NULL, NULL, true, 0},
};

/* "ip ospf authentication message-digest", "mode md5": words that only say how. */
static const char *const ways[] = {"md5",   "sha",    "clear", "encrypted", "string", "text", "password", "passphrase",
                                   "local", "remote", "aes",   "des",       "3des",   "hex",  NULL};

static const struct announcer *announced_by(struct word first, struct word before, struct word word)
{
    if (is(before, "mode"))
        return NULL;
    for (size_t i = 0; i < VC_COUNT(announcers); i++)
        if (is(word, announcers[i].word) && (!announcers[i].begins || is(first, announcers[i].begins)) &&
            (!announcers[i].before || is(before, announcers[i].before)))
            return &announcers[i];
    return NULL;
}

static bool is_number(struct word word)
{
    for (size_t i = 0; i < word.length; i++)
        if (!isdigit((unsigned char)word.at[i]))
            return false;
    return word.length > 0;
}

/* Steps over what says how the key is written, as long as something is left: "8", "md5", "1 md5", "aes 256". */
static struct word step_over(struct word word, const char *end)
{
    struct word next = word_after(word, end);

    for (bool sized = false; next.length; word = next, next = word_after(next, end)) {
        bool way = is_one_of(word, ways);

        if (!way && !(is_number(word) && (word.length == 1 || sized || is_one_of(next, ways))))
            break;
        sized = is(word, "aes");
    }
    return word;
}

/* The key that begins with `word`; returns where to go on. */
static const char *take_key(struct vc_redact_finder *finder, const struct announcer *announcer, struct word word,
                            const char *end)
{
    const char *begin = word.at, *stop = announcer->rest ? end : word.at + word.length;
    const char *close = *begin == '"' && begin + 1 < end ? memchr(begin + 1, '"', (size_t)(end - begin - 1)) : NULL;

    if (close && (!announcer->rest || close + 1 == end)) {
        vc_redact_plain(finder, begin + 1, close);
        return close + 1;
    }
    if (*begin == '"' && !announcer->rest)
        stop = end; /* a quote that nothing closes */
    vc_redact_plain(finder, begin, stop);
    return stop;
}

/* Does a word of it announce a key? */
static bool speaks_of_keys(const char *at, const char *end)
{
    for (struct word word = word_at(at, end); word.length; word = word_after(word, end)) {
        struct word bare = word;

        while (bare.length && ispunct((unsigned char)bare.at[bare.length - 1]))
            bare.length--;
        for (size_t i = 0; i < VC_COUNT(announcers); i++)
            if (!announcers[i].begins && !announcers[i].before && is(bare, announcers[i].word))
                return true;
        if (is(bare, "key") || is(bare, "community"))
            return true;
    }
    return false;
}

static void take_line(struct vc_redact_finder *finder, const char *at, const char *end)
{
    struct word word = word_at(at, end), before = {at, 0};

    if (is(word, "no"))
        word = word_after(word, end);
    for (struct word first = word; word.length; before = word, word = word_after(word, end)) {
        if (is(word, "description") || is(word, "remark")) {
            struct word text = word_after(word, end);
            if (speaks_of_keys(text.at, end))
                vc_redact_add(finder, VC_REDACT_TEXT, text.at, end);
            return;
        }
        const struct announcer *announcer = announced_by(first, before, word);
        if (!announcer)
            continue;
        struct word key = word_after(word, end);
        for (unsigned i = 0; i < announcer->skip; i++)
            key = word_after(key, end);
        if (!key.length)
            return;
        key = step_over(key, end);
        word = (struct word){key.at, (size_t)(take_key(finder, announcer, key, end) - key.at)};
    }
}

void vc_redact_lines(struct vc_redact_finder *finder)
{
    for (const char *line = finder->text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *at = line + strspn(line, " \t"), *end = at + strcspn(at, "\r\n");

        while (end > at && strchr(" \t", end[-1]))
            end--;
        if (at < end && strchr("!#", *at))
            vc_redact_add(finder, VC_REDACT_COMMENT, at + 1, end);
        else
            take_line(finder, at, end);
    }
}

/* ---- bird.conf ---- */

/* The next word, string (with its quotes) or sign of BIRD's, behind comments; of no length at the end. */
static struct word bird_next(struct vc_redact_finder *finder, const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n");
        const char *end = *at == '#' ? at + strcspn(at, "\r\n") : !strncmp(at, "/*", 2) ? strstr(at + 2, "*/") : at;
        end = end ? end : at + strlen(at); /* a comment that nothing closes */
        if (end == at)
            break;
        vc_redact_add(finder, VC_REDACT_COMMENT, at + (*at == '#' ? 1 : 2), end);
        at = end + (*at == '/' && *end ? 2 : 0);
    }
    if (*at == '"') {
        size_t length = strcspn(at + 1, "\"");
        return (struct word){at, length + 1 + (at[1 + length] == '"')};
    }
    size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:.-");
    return (struct word){at, length || !*at ? length : 1};
}

/* Does the name stand behind `word` somewhere? "define NAME = …", "password NAME". */
static bool follows(const char *text, const char *word, struct word name)
{
    for (const char *at = text; (at = strcasestr(at, word)); at++) {
        const char *value = at + strlen(word);

        if (!isspace((unsigned char)*value))
            continue;
        value += strspn(value, " \t\r\n");
        if (!strncmp(value, name.at, name.length) && !isalnum((unsigned char)value[name.length]) &&
            value[name.length] != '_')
            return true;
    }
    return false;
}

void vc_redact_bird(struct vc_redact_finder *finder)
{
    static const char *const announcing[] = {"password", "passphrase", "secret", NULL};
    struct word before = {finder->text, 0}, defined = before;

    for (struct word word = bird_next(finder, finder->text); word.length;
         before = word, word = bird_next(finder, word.at + word.length)) {
        const char *end = word.at + word.length;
        bool string = *word.at == '"', closed = string && word.length > 1 && end[-1] == '"';
        bool key = is_one_of(before, announcing) ||
                   (is(before, "=") && defined.length && follows(finder->text, "password", defined));

        if (key && string)
            vc_redact_plain(finder, word.at + 1, closed ? end - 1 : end);
        else if (key && (isalnum((unsigned char)*word.at)) && !follows(finder->text, "define", word))
            vc_redact_key(finder, word.at, end, talloc_strndup(finder->spans, word.at, word.length), "\"");
        else if (string && is(before, "description") && speaks_of_keys(word.at + 1, closed ? end - 1 : end))
            vc_redact_add(finder, VC_REDACT_TEXT, word.at + 1, closed ? end - 1 : end);
        if (is(before, "define"))
            defined = word;
        else if (!is(word, "="))
            defined.length = 0;
    }
}
