/* Reads kind.yaml and daemons.yaml by a table of fields: each knows its name, its type and where it is stored. */
#include "plan/kind.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "model/document.h"
#include "model/files.h"

enum field_type { FIELD_TEXT, FIELD_LIST, FIELD_FILES, FIELD_PRIORITY, FIELD_FLAG, FIELD_DAEMONS, FIELD_LIKE };

struct field {
    const char *name;
    enum field_type type;
    bool required;
    size_t offset;
};

#define FIELD(record, member, type, required)                                                                          \
    {                                                                                                                  \
#member, type, required, offsetof(struct record, member)                                                       \
    }

static const struct field kind_fields[] = {
    FIELD(vc_kind, description, FIELD_TEXT, true),  FIELD(vc_kind, sysctls, FIELD_LIST, false),
    FIELD(vc_kind, directories, FIELD_LIST, false), FIELD(vc_kind, files, FIELD_FILES, false),
    FIELD(vc_kind, firewall, FIELD_TEXT, false),    FIELD(vc_kind, routes, FIELD_TEXT, false),
    {"daemons", FIELD_DAEMONS, false, 0},           {"like", FIELD_LIKE, false, 0},
};

static const struct field daemon_fields[] = {
    FIELD(vc_kind_daemon, when, FIELD_TEXT, false),
    FIELD(vc_kind_daemon, environment, FIELD_LIST, false),
    FIELD(vc_kind_daemon, argv, FIELD_LIST, true),
    FIELD(vc_kind_daemon, needs, FIELD_LIST, false),
    FIELD(vc_kind_daemon, directories, FIELD_LIST, false),
    FIELD(vc_kind_daemon, sockets, FIELD_LIST, false),
    FIELD(vc_kind_daemon, ready, FIELD_TEXT, true),
    FIELD(vc_kind_daemon, log, FIELD_TEXT, true),
    FIELD(vc_kind_daemon, vici_config, FIELD_TEXT, false),
    FIELD(vc_kind_daemon, load, FIELD_LIST, false),
    FIELD(vc_kind_daemon, kernel_sas, FIELD_FLAG, false),
    FIELD(vc_kind_daemon, opens, FIELD_LIST, false),
    FIELD(vc_kind_daemon, rare, FIELD_FLAG, false),
    FIELD(vc_kind_daemon, files, FIELD_FILES, false),
    {"rt_priority", FIELD_PRIORITY, false, 0},
    FIELD(vc_kind_daemon, after_bgp, FIELD_FLAG, false),
};

struct reader {
    struct vc_kind *kind;
    const struct vc_doc *daemons; /* daemons.yaml */
    struct vc_problems *problems;
};

static bool want(struct reader *r, const struct vc_doc *doc, enum vc_doc_type type, const char *allowed)
{
    if (doc->type == type && (type != VC_DOC_SCALAR || *doc->text))
        return true;
    vc_problem(r->problems, doc->mark, "found %s; allowed: %s", vc_doc_describe(r->problems, doc), allowed);
    return false;
}

static void read_list(struct reader *r, const struct vc_doc *doc, const char *const **out)
{
    const char **list = talloc_zero_array(r->kind, const char *, doc->count + 1);

    if (!want(r, doc, VC_DOC_LIST, "a list of texts"))
        return;
    for (size_t i = 0; i < doc->count; i++)
        if (want(r, doc->items[i], VC_DOC_SCALAR, "a text"))
            list[i] = talloc_strdup(list, doc->items[i]->text);
    *out = list;
}

static void read_files(struct reader *r, const struct vc_doc *doc, struct vc_kind_files *files)
{
    if (!want(r, doc, VC_DOC_MAP, "a mapping of absolute paths to templates"))
        return;
    files->items = talloc_zero_array(r->kind, struct vc_kind_file, doc->count);
    files->count = doc->count;
    for (size_t i = 0; i < doc->count; i++) {
        const struct vc_doc *item = doc->items[i];

        if (item->key[0] != '/')
            vc_problem(r->problems, item->key_mark, "found the path %s; allowed: an absolute path",
                       vc_quoted(r->problems, item->key));
        if (want(r, item, VC_DOC_SCALAR, "a template's file name"))
            files->items[i] = (struct vc_kind_file){.path = talloc_strdup(files->items, item->key),
                                                    .template = talloc_strdup(files->items, item->text)};
    }
}

static void read_priority(struct reader *r, const struct vc_doc *doc, struct vc_kind_daemon *daemon)
{
    static const char allowed[] = "a mapping of kernel and user to SCHED_RR priorities from 0 to 99";

    if (!want(r, doc, VC_DOC_MAP, allowed))
        return;
    for (size_t i = 0; i < doc->count; i++) {
        const struct vc_doc *item = doc->items[i];
        bool kernel = strcmp(item->key, "kernel") == 0;
        char *end = NULL;

        if (!want(r, item, VC_DOC_SCALAR, allowed))
            continue;
        long value = strtol(item->text, &end, 10);
        if ((!kernel && strcmp(item->key, "user") != 0) || *end || value < 0 || value > 99)
            vc_problem(r->problems, item->key_mark, "found %s: %s; allowed: %s", item->key,
                       vc_quoted(r->problems, item->text), allowed);
        else
            *(kernel ? &daemon->rt_priority_kernel : &daemon->rt_priority_user) = (int)value;
    }
}

static void read_flag(struct reader *r, const struct vc_doc *doc, bool *out)
{
    static const char allowed[] = "true or false";

    if (!want(r, doc, VC_DOC_SCALAR, allowed))
        return;
    *out = strcmp(doc->text, "true") == 0;
    if (!*out && strcmp(doc->text, "false") != 0)
        vc_problem(r->problems, doc->mark, "found %s; allowed: %s", vc_quoted(r->problems, doc->text), allowed);
}

static void read_daemons(struct reader *r, const struct vc_doc *doc);

static void read_field(struct reader *r, const struct field *field, const struct vc_doc *doc, void *record)
{
    char *slot = (char *)record + field->offset;

    switch (field->type) {
    case FIELD_TEXT:
        if (want(r, doc, VC_DOC_SCALAR, "a text"))
            *(const char **)(void *)slot = talloc_strdup(r->kind, doc->text);
        break;
    case FIELD_LIST:
        read_list(r, doc, (const char *const **)(void *)slot);
        break;
    case FIELD_FILES:
        read_files(r, doc, (struct vc_kind_files *)(void *)slot);
        break;
    case FIELD_PRIORITY:
        read_priority(r, doc, record);
        break;
    case FIELD_FLAG:
        read_flag(r, doc, (bool *)slot);
        break;
    case FIELD_DAEMONS:
        read_daemons(r, doc);
        break;
    case FIELD_LIKE: /* followed before the record is read */
        break;
    }
}

static void read_record(struct reader *r, const struct vc_doc *doc, const struct field *fields, size_t count,
                        void *record)
{
    if (!want(r, doc, VC_DOC_MAP, "a mapping"))
        return;
    for (size_t i = 0; i < doc->count; i++) {
        size_t f = vc_names_find((struct vc_names){fields, sizeof *fields, count}, doc->items[i]->key);

        if (f == VC_NONE)
            vc_problem_unknown(r->problems, doc->items[i]->key_mark, "member", doc->items[i]->key,
                               (struct vc_names){fields, sizeof *fields, count});
        else
            read_field(r, &fields[f], doc->items[i], record);
    }
    for (size_t f = 0; f < count; f++)
        if (fields[f].required && !vc_doc_member(doc, fields[f].name))
            vc_problem(r->problems, doc->mark, "found no '%s'; it is required", fields[f].name);
}

static void read_daemons(struct reader *r, const struct vc_doc *doc)
{
    static const char *const none[] = {NULL};

    if (!want(r, doc, VC_DOC_LIST, "a list of names from daemons.yaml"))
        return;
    r->kind->daemons = talloc_zero_array(r->kind, struct vc_kind_daemon, doc->count);
    for (size_t i = 0; i < doc->count; i++) {
        struct vc_kind_daemon *daemon = &r->kind->daemons[r->kind->daemon_count];
        const struct vc_doc *found;

        if (!want(r, doc->items[i], VC_DOC_SCALAR, "a name from daemons.yaml"))
            continue;
        found = r->daemons ? vc_doc_member(r->daemons, doc->items[i]->text) : NULL;
        if (!found) {
            vc_problem(r->problems, doc->items[i]->mark,
                       "found the daemon %s; allowed: one that daemons.yaml describes",
                       vc_quoted(r->problems, doc->items[i]->text));
            continue;
        }
        *daemon = (struct vc_kind_daemon){.name = talloc_strdup(r->kind, found->key),
                                          .environment = none,
                                          .argv = none,
                                          .needs = none,
                                          .directories = none,
                                          .sockets = none,
                                          .load = none,
                                          .opens = none};
        read_record(r, found, daemon_fields, VC_COUNT(daemon_fields), daemon);
        r->kind->daemon_count++;
    }
}

enum { LIKE_MAX = 4 };

/* A kind's document and those of the kinds it is like. */
struct ancestry {
    const struct vc_doc *docs[LIKE_MAX];
    const char **folders; /* NULL-terminated */
    size_t count;
};

/* Adds the kind `name`, named at `named` (NULL: by the caller), and what it is like. */
static void follow_like(struct reader *r, struct ancestry *a, const char *kinds_dir, const struct vc_doc *named,
                        const char *name)
{
    struct vc_names folders = vc_folders(r->problems, kinds_dir);

    if (named && a->count == LIKE_MAX) {
        vc_problem(r->problems, named->mark, "found %s, the %dth kind in a row that is like another; allowed: %d",
                   vc_quoted(r->problems, name), LIKE_MAX, LIKE_MAX - 1);
        return;
    }
    if (named && vc_names_find(folders, name) == VC_NONE) {
        vc_problem_unknown(r->problems, named->mark, "kind", name, folders);
        return;
    }
    const char *folder = talloc_asprintf(r->kind, "%s/%s", kinds_dir, name);
    const struct vc_doc *doc =
        vc_doc_load(r->problems, talloc_asprintf(r->problems, "%s/kind.yaml", folder), r->problems);
    if (!doc)
        return;
    a->folders[a->count] = folder;
    a->docs[a->count++] = doc;
    const struct vc_doc *like = vc_doc_member(doc, "like");
    if (like && want(r, like, VC_DOC_SCALAR, "a kind's name"))
        follow_like(r, a, kinds_dir, like, like->text);
}

/* A member of the kind's own document, or of the nearest kind that has it. */
static void read_kind(struct reader *r, const struct ancestry *a)
{
    for (size_t i = 0; i < a->count; i++)
        if (!want(r, a->docs[i], VC_DOC_MAP, "a mapping"))
            return;
    for (size_t i = a->count; i-- > 0;) {
        r->kind->daemon_count = vc_doc_member(a->docs[i], "daemons") ? 0 : r->kind->daemon_count;
        read_record(r, a->docs[i], kind_fields, VC_COUNT(kind_fields), r->kind);
    }
}

struct vc_kind *vc_kind_load(void *ctx, const char *kinds_dir, const char *name, vc_error **err)
{
    static const char *const none[] = {NULL};
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_kind *kind = talloc_zero(scratch, struct vc_kind);
    struct ancestry ancestry = {.folders = talloc_zero_array(kind, const char *, LIKE_MAX + 2)};
    struct reader r = {.kind = kind, .problems = vc_problems_new(scratch)};

    *kind = (struct vc_kind){
        .name = talloc_strdup(kind, name), .folders = ancestry.folders, .sysctls = none, .directories = none};
    follow_like(&r, &ancestry, kinds_dir, NULL, name);
    ancestry.folders[ancestry.count] = talloc_strdup(kind, kinds_dir);
    for (size_t i = 0; i < ancestry.count && !r.daemons; i++)
        if (vc_doc_member(ancestry.docs[i], "daemons"))
            r.daemons = vc_doc_load(scratch, talloc_asprintf(scratch, "%s/daemons.yaml", kinds_dir), r.problems);
    read_kind(&r, &ancestry);
    if (vc_problems_finish(r.problems, err) < 0)
        return NULL;
    return talloc_steal(ctx, kind);
}

static bool among(const char *const *names, const char *name)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *const *vc_kind_rare(void *ctx, const char *kinds_dir, const struct vc_topology *topology, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char **names = talloc_zero_array(scratch, const char *, 1),
               **seen = talloc_zero_array(scratch, const char *, 1);
    unsigned count = 0, seen_count = 0;

    for (size_t i = 0; i < topology->node_count; i++) {
        const char *name = topology->nodes[i].kind;
        if (among(seen, name))
            continue;
        seen = talloc_realloc(scratch, seen, const char *, seen_count + 2);
        seen[seen_count++] = name;
        seen[seen_count] = NULL;
        const struct vc_kind *kind = vc_kind_load(scratch, kinds_dir, name, err);
        if (!kind)
            return NULL;
        for (size_t d = 0; d < kind->daemon_count; d++) {
            if (!kind->daemons[d].rare || among(names, kind->daemons[d].name))
                continue;
            names = talloc_realloc(scratch, names, const char *, count + 2);
            names[count++] = talloc_strdup(names, kind->daemons[d].name);
            names[count] = NULL;
        }
    }
    qsort(names, count, sizeof *names, by_name);
    return talloc_steal(ctx, names);
}

/* NULL with errno when it cannot be read. */
static char *read_whole(void *ctx, const char *path)
{
    VC_AUTO_FILE *f = fopen(path, "re");
    char *text = talloc_strdup(ctx, "");
    char buffer[4096];
    size_t n;

    if (!f)
        return NULL;
    while ((n = fread(buffer, 1, sizeof buffer, f)) > 0)
        text = talloc_strndup_append_buffer(text, buffer, n);
    return ferror(f) ? NULL : text;
}

char *vc_kind_template(void *ctx, const struct vc_kind *kind, const char *template, const char **path, vc_error **err)
{
    char *file = NULL, *text = NULL;

    for (size_t i = 0; kind->folders[i] && !text; i++) {
        file = talloc_asprintf(ctx, "%s/%s", kind->folders[i], template);
        text = read_whole(ctx, file);
        if (!text && errno != ENOENT)
            break;
    }
    if (path)
        *path = file;
    if (!text)
        vc_fail(err, VC_EXIT_USAGE, errno,
                "%s/kind.yaml: cannot read its template %s (looked for beside it and up to %s)", kind->folders[0],
                template, file);
    return text;
}
