/*
 * Mustache without a syntax tree: a section's text is walked again for every item of its list, and walked once without
 * output when it is false, so that the closing tag is found and errors in it are seen either way. Source: the Mustache
 * manual, mustache(5).
 */
#include "plan/mustache.h"

#include <string.h>

#define MAX_DEPTH 16

struct span {
    const char *s;
    size_t len;
};

struct renderer {
    const char *name, *text;
    FILE *out;
    const json_t *stack[MAX_DEPTH];
    size_t depth;
    vc_error **err;
};

struct tag {
    char type; /* '#', '^', '/', '!' or '=' for a variable */
    struct span name;
    const char *start;    /* its opening braces */
    const char *text_end; /* where the literal text before it ends: its line's start if it stands alone on its line */
    const char *resume;   /* where to go on: after its line if it stands alone */
};

static int fail_at(struct renderer *r, const char *where, const char *what, struct span name)
{
    int line = 1;

    for (const char *p = r->text; p < where; p++)
        line += *p == '\n';
    return vc_fail(r->err, VC_EXIT_USAGE, 0, "%s:%d: %s%s%.*s%s", r->name, line, what, name.len ? " '" : "",
                   (int)name.len, name.s ? name.s : "", name.len ? "'" : "");
}

static bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && memcmp(a.s, b.s, a.len) == 0;
}

static struct span trim(struct span in)
{
    while (in.len && strchr(" \t\r\n", in.s[0])) {
        in.s++;
        in.len--;
    }
    while (in.len && strchr(" \t\r\n", in.s[in.len - 1]))
        in.len--;
    return in;
}

/* A tag that renders nothing and has its line to itself takes the whole line with it. */
static void check_standalone(const struct renderer *r, struct tag *tag)
{
    const char *before = tag->start, *after = tag->resume;

    while (before > r->text && (before[-1] == ' ' || before[-1] == '\t'))
        before--;
    if (before > r->text && before[-1] != '\n')
        return;
    after += strspn(after, " \t");
    if (after[0] == '\r' && after[1] == '\n')
        after++;
    if (*after && *after != '\n')
        return;
    tag->text_end = before;
    tag->resume = *after ? after + 1 : after;
}

static int parse_tag(struct renderer *r, const char *start, struct tag *tag)
{
    const char *inner = start + 2;
    bool triple = *inner == '{';
    const char *close = strstr(inner, triple ? "}}}" : "}}");

    *tag = (struct tag){.type = '=', .start = start, .text_end = start, .name = {inner, 0}, .resume = inner};
    if (!close)
        return fail_at(r, start, "tag without its closing braces", (struct span){0});
    tag->resume = close + (triple ? 3 : 2);
    if (triple || *inner == '&')
        inner++;
    else if (*inner && strchr("#^/!", *inner))
        tag->type = *inner++;
    else if (*inner && strchr(">=<$%", *inner))
        return fail_at(r, start, "unknown tag; allowed are variables, {{#…}}, {{^…}}, {{/…}} and {{!…}}:",
                       (struct span){inner, (size_t)(close - inner)});
    tag->name = trim((struct span){inner, (size_t)(close - inner)});
    if (!tag->name.len && tag->type != '!')
        return fail_at(r, start, "tag without a name", (struct span){0});
    if (tag->type != '=')
        check_standalone(r, tag);
    return 0;
}

/* Names are looked up from the innermost section outwards; the rest of a dotted name only inside what its first part
 * gave. */
static const json_t *look_up(const struct renderer *r, struct span name)
{
    const json_t *found = NULL;

    if (name.len == 1 && name.s[0] == '.')
        return r->stack[r->depth - 1];
    for (bool first = true; name.len; first = false) {
        const char *dot = memchr(name.s, '.', name.len);
        size_t len = dot ? (size_t)(dot - name.s) : name.len;

        if (first)
            for (size_t i = r->depth; i-- > 0 && !found;)
                found = json_object_getn(r->stack[i], name.s, len);
        else
            found = json_object_getn(found, name.s, len);
        if (!found)
            return NULL;
        name.s += len + (dot ? 1 : 0);
        name.len -= len + (dot ? 1 : 0);
    }
    return found;
}

static bool is_true(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_NULL:
    case JSON_FALSE:
        return false;
    case JSON_ARRAY:
        return json_array_size(value) > 0;
    case JSON_STRING:
        return json_string_length(value) > 0;
    default:
        return true;
    }
}

static int put_value(struct renderer *r, const struct tag *tag)
{
    const json_t *value = look_up(r, tag->name);

    switch (value ? json_typeof(value) : JSON_OBJECT) {
    case JSON_STRING:
        fputs(json_string_value(value), r->out);
        return 0;
    case JSON_INTEGER:
        fprintf(r->out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return 0;
    case JSON_REAL:
        fprintf(r->out, "%.17g", json_real_value(value));
        return 0;
    case JSON_TRUE:
    case JSON_FALSE:
        fputs(json_is_true(value) ? "true" : "false", r->out);
        return 0;
    case JSON_NULL:
        return 0;
    default:
        return fail_at(r, tag->start, value ? "not a plain value:" : "no such variable:", tag->name);
    }
}

static int render_block(struct renderer *r, const char **pos, const struct tag *open, bool active);

static int render_with(struct renderer *r, const char **pos, const struct tag *open, const json_t *item)
{
    if (r->depth == MAX_DEPTH)
        return fail_at(r, open->start, "sections nested too deep:", open->name);
    r->stack[r->depth++] = item;
    int rc = render_block(r, pos, open, true);
    r->depth--;
    return rc;
}

static int render_section(struct renderer *r, const char **pos, const struct tag *open, bool active)
{
    const json_t *value = look_up(r, open->name);
    bool truth = value && is_true(value);
    const char *body = *pos;

    if (!active || open->type == '^')
        return render_block(r, pos, open, active && !truth);
    if (!truth)
        return render_block(r, pos, open, false);
    if (!json_is_array(value))
        return render_with(r, pos, open, value);

    size_t i;
    json_t *item;
    json_array_foreach(value, i, item)
    {
        *pos = body;
        if (render_with(r, pos, open, item) < 0)
            return -1;
    }
    return 0;
}

/* Renders from *pos to the closing tag of `open` (NULL: to the end of the text) and leaves *pos after it. */
static int render_block(struct renderer *r, const char **pos, const struct tag *open, bool active)
{
    for (;;) {
        const char *start = strstr(*pos, "{{");
        struct tag tag = {.text_end = start ? start : *pos + strlen(*pos)};

        if (start && parse_tag(r, start, &tag) < 0)
            return -1;
        if (active && tag.text_end > *pos)
            fwrite(*pos, 1, (size_t)(tag.text_end - *pos), r->out);
        if (!start)
            return open ? fail_at(r, open->start, "section is never closed:", open->name) : 0;
        *pos = tag.resume;
        if (tag.type == '/') {
            if (!open || !span_equal(open->name, tag.name))
                return fail_at(r, start, "closes a section that is not open:", tag.name);
            return 0;
        }
        if (tag.type == '=' && active && put_value(r, &tag) < 0)
            return -1;
        if ((tag.type == '#' || tag.type == '^') && render_section(r, pos, &tag, active) < 0)
            return -1;
    }
}

char *vc_mustache_render(void *ctx, const char *name, const char *text, const json_t *view, vc_error **err)
{
    VC_AUTO_FREE char *buffer = NULL;
    size_t size = 0;
    struct renderer r = {.name = name, .text = text, .stack = {view}, .depth = 1, .err = err};
    const char *pos = text;

    r.out = open_memstream(&buffer, &size);
    if (!r.out)
        abort();
    int rc = render_block(&r, &pos, NULL, true);
    if (fclose(r.out) != 0)
        abort();
    return rc < 0 ? NULL : talloc_strndup(ctx, buffer, size);
}

bool vc_mustache_truth(const json_t *view, const char *dotted_name)
{
    const struct renderer r = {.stack = {view}, .depth = 1};
    const json_t *value = look_up(&r, (struct span){dotted_name, strlen(dotted_name)});

    return value && is_true(value);
}
