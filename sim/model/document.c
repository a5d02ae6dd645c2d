#include "model/document.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include <libfyaml.h>

enum { MAX_BYTES = 1 << 20, MAX_DEPTH = 24, MAX_MEMBERS = 2000 };

/* The open collections while events arrive; `key` waits for its value in a mapping. */
struct level {
    struct vc_doc *doc;
    const char *key;
    struct vc_mark key_mark;
};

struct builder {
    const char *file;
    struct vc_problems *problems;
    void *ctx;
    struct vc_doc *root;
    struct level levels[MAX_DEPTH];
    unsigned depth, documents;
};

static void parser_cleanup(struct fy_parser **parser)
{
    if (*parser)
        fy_parser_destroy(*parser);
}

static void diag_cleanup(struct fy_diag **diag)
{
    if (*diag)
        fy_diag_destroy(*diag);
}

/* libfyaml prints to stderr unless it is given an output of its own; the errors are collected beside it. */
static void discard(struct fy_diag *diag VC_UNUSED, void *user VC_UNUSED, const char *text VC_UNUSED,
                    size_t length VC_UNUSED)
{
}

static struct vc_mark mark_of(const struct builder *b, struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);

    if (mark)
        return (struct vc_mark){b->file, mark->line + 1, mark->column + 1};
    if (b->depth && b->levels[b->depth - 1].key)
        return b->levels[b->depth - 1].key_mark;
    return (struct vc_mark){b->file, 1, 1};
}

static int refuse(struct builder *b, struct vc_mark mark, const char *what)
{
    vc_problem(b->problems, mark, "%s", what);
    return -1;
}

/* Hangs doc into the open collection; the first one is the root. */
static int add(struct builder *b, struct vc_doc *doc)
{
    if (!b->depth) {
        b->root = doc;
        return 0;
    }
    struct level *top = &b->levels[b->depth - 1];
    struct vc_doc *parent = top->doc;

    if (parent->type == VC_DOC_MAP) {
        doc->key = VC_STEAL_PTR(top->key);
        doc->key_mark = top->key_mark;
    }
    if (parent->count == MAX_MEMBERS)
        return refuse(b, doc->mark, "found more than 2000 members; allowed: 2000");
    if (!(parent->count & (parent->count - 1))) /* grow at powers of two */
        parent->items = talloc_realloc(parent, parent->items, struct vc_doc *, parent->count ? parent->count * 2 : 1);
    parent->items[parent->count++] = doc;
    return 0;
}

static bool awaits_key(const struct builder *b)
{
    const struct level *top = b->depth ? &b->levels[b->depth - 1] : NULL;

    return top && top->doc && top->doc->type == VC_DOC_MAP && !top->key;
}

static int take_collection(struct builder *b, struct fy_event *event, enum vc_doc_type type)
{
    struct vc_mark mark = mark_of(b, event);

    if (awaits_key(b))
        return refuse(b, mark, "found a list or mapping as a key; allowed: plain names as keys");
    if (b->depth == MAX_DEPTH)
        return refuse(b, mark, "found more than 24 levels; allowed: 24");
    struct vc_doc *doc = talloc_zero(b->ctx, struct vc_doc);
    doc->type = type;
    doc->mark = mark;
    if (add(b, doc) < 0)
        return -1;
    b->levels[b->depth++] = (struct level){.doc = doc};
    return 0;
}

static int take_scalar(struct builder *b, struct fy_event *event)
{
    struct vc_mark mark = mark_of(b, event);
    size_t length = 0;
    const char *text = event->scalar.value ? fy_token_get_text(event->scalar.value, &length) : "";

    if (!text)
        return refuse(b, mark, "found text that cannot be read; allowed: plain text");
    if (memchr(text, '\0', length))
        return refuse(b, mark, "found a NUL character; allowed: printable text");
    const char *copy = talloc_strndup(b->ctx, text, length);
    if (awaits_key(b)) {
        b->levels[b->depth - 1].key = copy;
        b->levels[b->depth - 1].key_mark = mark;
        return 0;
    }
    struct vc_doc *doc = talloc_zero(b->ctx, struct vc_doc);
    *doc = vc_doc_scalar(NULL, copy, mark);
    return add(b, doc);
}

static int take(struct builder *b, struct fy_event *event)
{
    switch (event->type) {
    case FYET_DOCUMENT_START:
        if (b->documents++)
            return refuse(b, mark_of(b, event), "found a second document; allowed: one document in a file");
        return 0;
    case FYET_MAPPING_START:
        return take_collection(b, event, VC_DOC_MAP);
    case FYET_SEQUENCE_START:
        return take_collection(b, event, VC_DOC_LIST);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        b->depth--;
        return 0;
    case FYET_SCALAR:
        return take_scalar(b, event);
    case FYET_ALIAS:
        return refuse(b, mark_of(b, event), "found an alias (*name); allowed: values written out");
    default:
        return 0;
    }
}

/* libfyaml's own errors, which are lower-case phrases already. */
static void take_syntax_errors(struct builder *b, struct fy_diag *diag)
{
    void *prev = NULL;
    size_t before = vc_problems_count(b->problems);

    for (struct fy_diag_error *e; (e = fy_diag_errors_iterate(diag, &prev));) {
        struct vc_mark mark = {b->file, e->line > 0 ? e->line : 1, e->column > 0 ? e->column : 1};
        VC_AUTO_TALLOC char *text = talloc_strdup(NULL, e->msg ? e->msg : "");

        text[strcspn(text, "\n")] = '\0';
        vc_problem(b->problems, mark, "found bad YAML: %s; allowed: YAML 1.2", text);
    }
    if (vc_problems_count(b->problems) == before)
        vc_problem(b->problems, (struct vc_mark){b->file, 1, 1}, "found bad YAML; allowed: YAML 1.2");
}

static int parse(struct builder *b, const char *text, size_t length)
{
    struct fy_diag_cfg diag_cfg;
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag_cfg.output_fn = discard;
    diag_cfg.colorize = false;
    __attribute__((cleanup(diag_cleanup))) struct fy_diag *diag = fy_diag_create(&diag_cfg);
    fy_diag_set_collect_errors(diag, true);

    struct fy_parse_cfg cfg = {.flags = FYPCF_DEFAULT_PARSE, .diag = diag};
    __attribute__((cleanup(parser_cleanup))) struct fy_parser *parser = fy_parser_create(&cfg);
    if (!parser || fy_parser_set_string(parser, text, length) < 0) {
        take_syntax_errors(b, diag);
        return -1;
    }
    bool ended = false;
    for (struct fy_event *event; !ended && (event = fy_parser_parse(parser));) {
        int result = take(b, event);

        ended = event->type == FYET_STREAM_END;
        fy_parser_event_free(parser, event);
        if (result < 0)
            return -1;
    }
    if (!ended || fy_parser_get_stream_error(parser)) {
        take_syntax_errors(b, diag);
        return -1;
    }
    return 0;
}

/* The whole file, NUL-terminated; NULL with errno. EFBIG when it is larger than any document of ours. */
static char *slurp(void *ctx, const char *file, size_t *length)
{
    VC_AUTO_FD fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang */
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return NULL;
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        return NULL;
    }
    char *text = talloc_size(ctx, MAX_BYTES + 1);
    size_t used = 0;
    for (ssize_t n; (n = read(fd, text + used, MAX_BYTES + 1 - used)) != 0;) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return NULL;
        used += (size_t)n;
        if (used > MAX_BYTES) {
            errno = EFBIG;
            return NULL;
        }
    }
    text[used] = '\0';
    *length = used;
    return text;
}

struct vc_doc *vc_doc_load(void *ctx, const char *file, struct vc_problems *problems)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    size_t length = 0;
    const char *text = slurp(scratch, file, &length);

    if (text)
        return vc_doc_parse(ctx, file, text, length, problems);
    vc_problem(problems, (struct vc_mark){.file = file}, "cannot read: %s; allowed: a YAML file of at most 1 MiB",
               strerror(errno));
    return NULL;
}

struct vc_doc *vc_doc_parse(void *ctx, const char *file, const char *text, size_t length, struct vc_problems *problems)
{
    struct builder b = {.file = file, .problems = problems, .ctx = talloc_new(ctx)};

    if (parse(&b, text, length) < 0)
        return NULL;
    if (!b.root || (b.root->type == VC_DOC_SCALAR && !*b.root->text)) {
        vc_problem(problems, (struct vc_mark){file, 1, 1},
                   "found an empty file; allowed: a topology, a scenario or a form");
        return NULL;
    }
    return b.root;
}

struct vc_doc vc_doc_scalar(const char *key, const char *text, struct vc_mark mark)
{
    return (struct vc_doc){.type = VC_DOC_SCALAR, .key = key, .text = text, .key_mark = mark, .mark = mark};
}

struct vc_doc *vc_doc_from_json(void *ctx, const char *key, const json_t *json, struct vc_mark mark)
{
    struct vc_doc *doc = talloc_zero(ctx, struct vc_doc);

    *doc = vc_doc_scalar(key, "", mark);
    if (json_is_object(json) || json_is_array(json)) {
        bool map = json_is_object(json);
        const char *name;
        json_t *value;
        size_t index;

        doc->type = map ? VC_DOC_MAP : VC_DOC_LIST;
        doc->items = talloc_zero_array(doc, struct vc_doc *, map ? json_object_size(json) : json_array_size(json));
        if (map) {
            /* jansson's loop macro wants a mutable object, but does not change it */
            json_object_foreach((json_t *)(uintptr_t)json, name, value) doc->items[doc->count++] =
                vc_doc_from_json(doc, talloc_strdup(doc, name), value, mark);
        } else {
            json_array_foreach(json, index, value) doc->items[doc->count++] = vc_doc_from_json(doc, NULL, value, mark);
        }
    } else if (json_is_string(json)) {
        doc->text = talloc_strdup(doc, json_string_value(json));
    } else if (json_is_integer(json)) {
        doc->text = talloc_asprintf(doc, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
    } else if (json_is_boolean(json)) {
        doc->text = json_is_true(json) ? "true" : "false";
    }
    return doc;
}

const struct vc_doc *vc_doc_member(const struct vc_doc *map, const char *key)
{
    for (size_t i = 0; map->type == VC_DOC_MAP && i < map->count; i++)
        if (!strcmp(map->items[i]->key, key))
            return map->items[i];
    return NULL;
}

struct vc_mark vc_doc_mark(const struct vc_doc *root, const char *const *path)
{
    for (; *path; path++) {
        const struct vc_doc *member = vc_doc_member(root, *path);

        if (!member)
            break;
        root = member;
    }
    return root->mark;
}

char *vc_doc_describe(void *ctx, const struct vc_doc *doc)
{
    if (doc->type != VC_DOC_SCALAR)
        return talloc_strdup(ctx, doc->type == VC_DOC_MAP ? "a mapping" : "a list");
    return *doc->text ? vc_quoted(ctx, doc->text) : talloc_strdup(ctx, "nothing");
}
