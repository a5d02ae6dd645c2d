/*
 * swanctl.conf's syntax, as strongSwan's own lexer has it: an unquoted value runs to the end of its line, to a '#' or
 * to a '}', with its words joined by one space; quoted strings may span lines. A section that appears again is
 * continued. Includes and section references are refused: what a node runs is all in its plan. Source: strongSwan's
 * src/libstrongswan/settings/settings_lexer.l.
 */
#include <stdarg.h>
#include <string.h>

#include "net/vici.h"

enum { DEPTH_MAX = 16 };

static const char *const list_keys[] = {"local_addrs", "remote_addrs", "proposals", "esp_proposals", "ah_proposals",
                                        "local_ts",    "remote_ts",    "vips",      "pools",         "groups",
                                        "certs",       "cacerts",      "pubkeys",   "cert_policy"};

struct parser {
    const char *text, *at;
    unsigned line;
    vc_swanctl_fn *found; /* or NULL */
    void *data;
    vc_error **err;
};

static void tell(const struct parser *p, struct vc_swanctl_place place, const char *begin, const char *end)
{
    place.begin = (size_t)(begin - p->text);
    place.end = (size_t)(end - p->text);
    if (p->found)
        p->found(p->data, &place);
}

static int refuse(struct parser *p, const char *format, ...) VC_PRINTF(2, 3);
static int refuse(struct parser *p, const char *format, ...)
{
    VC_AUTO_FREE char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    return vc_fail(p->err, VC_EXIT_USAGE, 0, "swanctl.conf:%u: %s", p->line, text);
}

static void skip_comment(struct parser *p)
{
    const char *begin = p->at;

    if (*p->at != '#')
        return;
    p->at += strcspn(p->at, "\n");
    tell(p, (struct vc_swanctl_place){.line = p->line}, begin, p->at);
}

static void skip_space(struct parser *p)
{
    for (;;) {
        p->at += strspn(p->at, " \t\r");
        skip_comment(p);
        if (*p->at != '\n')
            return;
        p->line++;
        p->at++;
    }
}

static void append(char **value, const char *text, size_t length)
{
    *value = talloc_asprintf_append_buffer(*value, "%.*s", (int)length, text);
}

/* What a backslash and `c` stand for; '\0' for nothing (a continued line). */
static char unescape(char c)
{
    static const char escapes[][2] = {{'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'\n', '\0'}};

    for (size_t i = 0; i < VC_COUNT(escapes); i++) {
        if (c == escapes[i][0])
            return escapes[i][1];
    }
    return c;
}

/* At the opening quote; leaves behind the closing one. */
static int take_string(struct parser *p, char **value)
{
    unsigned start = p->line;

    for (p->at++; *p->at != '"'; p->at++) {
        bool escaped = *p->at == '\\';
        p->at += escaped;
        if (!*p->at) {
            p->line = start;
            return refuse(p, "a string without its closing quote");
        }
        p->line += *p->at == '\n';
        char c = *p->at;
        if (escaped)
            c = unescape(c);
        append(value, &c, c ? 1 : 0);
    }
    p->at++;
    return 0;
}

/* *value: talloc child of ctx, or NULL when there is none ("key ="); *end: behind its last character. */
static int take_value(struct parser *p, void *ctx, char **value, const char **end)
{
    *value = NULL;
    for (;;) {
        p->at += strspn(p->at, " \t\r");
        if (!*p->at || strchr("#}\n", *p->at))
            return 0;
        *value = *value ? talloc_strdup_append_buffer(*value, " ") : talloc_strdup(ctx, "");
        if (*p->at == '"') {
            if (take_string(p, value) < 0)
                return -1;
        } else {
            size_t length = strcspn(p->at, "#}\"\r\n\t ");
            append(value, p->at, length);
            p->at += length;
        }
        *end = p->at;
    }
}

static bool is_list(const char *key)
{
    for (size_t i = 0; i < VC_COUNT(list_keys); i++) {
        if (!strcasecmp(list_keys[i], key))
            return true;
    }
    return false;
}

static json_t *split(const char *value)
{
    json_t *list = json_array();

    while (*value) {
        value += strspn(value, ", ");
        size_t length = strcspn(value, ","), trimmed = length;
        while (trimmed && value[trimmed - 1] == ' ')
            trimmed--;
        if (trimmed && json_array_append_new(list, json_stringn(value, trimmed)) < 0) {
            json_decref(list); /* not UTF-8 */
            return NULL;
        }
        value += length;
    }
    return list;
}

static int take_section(struct parser *p, json_t *section, unsigned depth);

static int take_subsection(struct parser *p, json_t *section, const char *name, unsigned depth)
{
    json_t *child = json_object_get(section, name);

    if (!child && json_object_set_new(section, name, child = json_object()) < 0)
        return refuse(p, "a section's name is not UTF-8");
    if (!json_is_object(child))
        return refuse(p, "\"%s\" is a key and a section", name);
    p->at++;
    return take_section(p, child, depth + 1);
}

static int take_assignment(struct parser *p, json_t *section, const char *name)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const unsigned line = p->line;
    const char *begin, *end;
    char *value;

    p->at++;
    begin = p->at + strspn(p->at, " \t\r");
    if (take_value(p, ctx, &value, &end) < 0)
        return -1;
    if (!value)
        return 0;
    tell(p, (struct vc_swanctl_place){line, section, name, value, 0, 0}, begin, end);
    json_t *json = is_list(name) ? split(value) : json_string(value);
    if (!json || json_object_set_new(section, name, json) < 0)
        return refuse(p, "\"%s\" is not UTF-8", name);
    return 0;
}

static int take_item(struct parser *p, json_t *section, unsigned depth)
{
    char name[128];
    size_t length = strcspn(p->at, "#{}=\"\r\n\t ");

    if (!length || length >= sizeof name)
        return refuse(p, "expected a name, found '%c'", *p->at);
    memcpy(name, p->at, length);
    name[length] = '\0';
    p->at += length;
    if (!strcmp(name, "include"))
        return refuse(p, "include is not supported here");
    skip_space(p);
    if (*p->at == '=')
        return take_assignment(p, section, name);
    if (*p->at == '{')
        return take_subsection(p, section, name, depth);
    return refuse(p, "expected '=' or '{' after \"%s\"", name);
}

/* To the closing brace, or to the end for the outermost. */
static int take_section(struct parser *p, json_t *section, unsigned depth)
{
    unsigned start = p->line;

    if (depth > DEPTH_MAX)
        return refuse(p, "sections are nested too deeply");
    for (;;) {
        skip_space(p);
        if (!*p->at && depth) {
            p->line = start;
            return refuse(p, "a section without its closing brace");
        }
        if (!*p->at)
            return 0;
        if (*p->at == '}' && depth) {
            p->at++;
            return 0;
        }
        if (take_item(p, section, depth) < 0)
            return -1;
    }
}

json_t *vc_swanctl_walk(const char *text, vc_swanctl_fn *found, void *data, vc_error **err)
{
    struct parser p = {.text = text, .at = text, .line = 1, .found = found, .data = data, .err = err};
    VC_AUTO_JSON *root = json_object();

    return take_section(&p, root, 0) < 0 ? NULL : VC_STEAL_PTR(root);
}

json_t *vc_swanctl_parse(const char *text, vc_error **err)
{
    return vc_swanctl_walk(text, NULL, NULL, err);
}
