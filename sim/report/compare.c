#include "report/compare.h"

#include <errno.h>
#include <string.h>

#include "report/report_private.h"

struct lines {
    FILE *file;
    char *path;
    char *line; /* malloc; NULL at the end */
    size_t room;
};

static int lines_free(struct lines *lines)
{
    if (lines->file)
        fclose(lines->file);
    free(lines->line);
    return 0;
}

static struct lines *lines_open(void *ctx, const char *result, vc_error **err)
{
    struct lines *lines = talloc_zero(ctx, struct lines);

    talloc_set_destructor(lines, lines_free);
    lines->path = talloc_asprintf(lines, "%s/events.jsonl", result);
    lines->file = fopen(lines->path, "re");
    if (lines->file)
        return lines;
    vc_fail(err, VC_EXIT_USAGE, errno, "cannot read %s", lines->path);
    return NULL;
}

/* The next line, NULL at the end. */
static const char *next(struct lines *lines)
{
    ssize_t length = getline(&lines->line, &lines->room, lines->file);

    if (length > 0 && lines->line[length - 1] == '\n')
        lines->line[length - 1] = 0;
    return length > 0 ? lines->line : NULL;
}

static json_t *event_of(const char *line)
{
    json_t *event = line ? json_loads(line, 0, NULL) : NULL;

    if (event || !line)
        return event ? event : json_null();
    return json_pack("{s:s}", "text", "(not an event)");
}

/* Names of the members that are not equal, or in one only. */
static json_t *members_of(json_t *first, json_t *second)
{
    json_t *names = json_array(), *value;
    const char *name;

    json_object_foreach(first, name, value) if (!json_equal(value, json_object_get(second, name)))
        json_array_append_new(names, json_string(name));
    json_object_foreach(second, name, value) if (!json_object_get(first, name))
        json_array_append_new(names, json_string(name));
    return names;
}

static int compare_events(const char *first, const char *second, json_t *comparison, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct lines *a = lines_open(ctx, first, err), *b = a ? lines_open(ctx, second, err) : NULL;
    const char *x, *y;
    json_int_t number = 0;

    if (!b)
        return -1;
    do {
        x = next(a);
        y = next(b);
        number++;
    } while (x && y && !strcmp(x, y));
    if (ferror(a->file) || ferror(b->file))
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot read %s", ferror(a->file) ? a->path : b->path);
    if (!x && !y)
        return 0;
    json_t *was = event_of(x), *is = event_of(y);
    json_object_set_new(comparison, "line", json_integer(number));
    json_object_set_new(comparison, "members", members_of(was, is));
    json_object_set_new(comparison, "first", was);
    json_object_set_new(comparison, "second", is);
    return 0;
}

static void add_file(json_t *files, const char *name, json_t *first, json_t *second)
{
    json_array_append_new(files, json_pack("{s:s, s:O?, s:O?}", "name", name, "first", first, "second", second));
}

static json_t *compare_files(const json_t *first, const json_t *second)
{
    json_t *differing = json_array(), *digest;
    json_t *a = json_object_get(first, "files"), *b = json_object_get(second, "files");
    const char *name;

    json_object_foreach(a, name, digest) if (!json_equal(digest, json_object_get(b, name)))
        add_file(differing, name, digest, json_object_get(b, name));
    json_object_foreach(b, name, digest) if (!json_object_get(a, name)) add_file(differing, name, NULL, digest);
    return differing;
}

json_t *vc_compare_results(const char *first, const char *second, vc_error **err)
{
    VC_AUTO_JSON *comparison = json_object();

    if (compare_events(first, second, comparison, err))
        return NULL;
    VC_AUTO_JSON *a = vc_result_load_run(first, err);
    VC_AUTO_JSON *b = a ? vc_result_load_run(second, err) : NULL;
    if (!b)
        return NULL;
    json_t *files = compare_files(a, b);
    json_object_set_new(comparison, "same",
                        json_boolean(!json_object_get(comparison, "line") && !json_array_size(files)));
    json_object_set_new(comparison, "files", files);
    return VC_STEAL_PTR(comparison);
}

/* ---- text ---- */

static char *event_text(void *ctx, const char *who, const json_t *event)
{
    VC_AUTO_FREE char *text = json_dumps(event, JSON_COMPACT);

    if (!text || json_is_null(event))
        return talloc_asprintf(ctx, "  %s: ended before it\n", who);
    return talloc_asprintf(ctx, "  %s: %.3f s  %s\n", who, (double)vc_member_int(event, "t_ns") / VC_NS_PER_S, text);
}

static char *member_text(void *ctx, const char *name, const json_t *first, const json_t *second)
{
    VC_AUTO_FREE char *a = json_dumps(json_object_get(first, name), JSON_COMPACT | JSON_ENCODE_ANY);
    VC_AUTO_FREE char *b = json_dumps(json_object_get(second, name), JSON_COMPACT | JSON_ENCODE_ANY);
    int64_t shift = vc_member_int(second, name) - vc_member_int(first, name);
    const char *was = a ? a : "absent", *is = b ? b : "absent";

    if (strcmp(name, "t_ns") != 0)
        return talloc_asprintf(ctx, "  differs: %s %s / %s\n", name, was, is);
    return talloc_asprintf(ctx, "  differs: t_ns by %+lld ns\n", (long long)shift);
}

char *vc_compare_text(void *ctx, const json_t *comparison, const char *first, const char *second)
{
    const json_t *was = json_object_get(comparison, "first"), *is = json_object_get(comparison, "second"), *item;
    const json_t *files = json_object_get(comparison, "files");
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    size_t i;

    if (json_is_true(json_object_get(comparison, "same")))
        return talloc_strdup(ctx, "the same");
    char *text = was ? talloc_asprintf(ctx, "the first event that differs is event %lld:\n%s%s",
                                       (long long)vc_member_int(comparison, "line"), event_text(scratch, first, was),
                                       event_text(scratch, second, is))
                     : talloc_strdup(ctx, "the events are the same, but not what else was recorded:\n");
    if (json_is_object(was) && json_is_object(is))
        json_array_foreach(json_object_get(comparison, "members"), i, item) text =
            talloc_strdup_append(text, member_text(scratch, json_string_value(item), was, is));
    json_array_foreach(files, i, item) text =
        talloc_asprintf_append(text, "  differs: %s%s\n", vc_member_text(item, "name"),
                               !*vc_member_text(item, "first") ? talloc_asprintf(scratch, " (only in the %s)", second)
                               : !*vc_member_text(item, "second") ? talloc_asprintf(scratch, " (only in the %s)", first)
                                                                  : "");
    text[strlen(text) - 1] = 0; /* the last line's end */
    return text;
}
