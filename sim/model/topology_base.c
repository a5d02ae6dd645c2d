/*
 * `base: NAME`: a topology that starts from another one's file. What both name is the document's own, what only the
 * base names stands behind it, and `null` takes it away. The trees are joined before anything is read, so every value
 * keeps the place at which it was written, be it in the document or in its base.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/home.h"
#include "model/files.h"
#include "model/read.h"

enum { REFERENCE_MAX = 100 };

/* The documents that led to this one, for cycles. */
struct chain {
    const struct chain *above;
    const char *file;
};

struct loader {
    void *ctx;
    struct vc_topology *topology;
    struct vc_problems *problems;
    const char *text; /* in place of the topology's file; NULL: it is read */
};

static bool is_null(const struct vc_doc *doc)
{
    return doc->type == VC_DOC_SCALAR && (!strcmp(doc->text, "null") || !strcmp(doc->text, "~"));
}

static void append(struct vc_doc *map, struct vc_doc *item)
{
    map->items = talloc_realloc(map, map->items, struct vc_doc *, map->count + 1);
    map->items[map->count++] = item;
}

static struct vc_doc *new_map(void *ctx, const struct vc_doc *like)
{
    struct vc_doc *map = talloc_zero(ctx, struct vc_doc);

    *map = (struct vc_doc){.type = VC_DOC_MAP, .key = like->key, .key_mark = like->key_mark, .mark = like->mark};
    return map;
}

/* `null` for what the base lacks is a name that was meant to be another. */
static void refuse_null(const struct loader *loader, const struct vc_doc *item, const struct vc_doc *base)
{
    const char **names = talloc_array(loader->ctx, const char *, base->count + 1);

    for (size_t i = 0; i < base->count; i++)
        names[i] = base->items[i]->key;
    vc_problem_unknown(loader->problems, item->key_mark, "member of the base", item->key, VC_NAMES(names, base->count));
}

/* A section: by name, the whole item at once. */
static struct vc_doc *join_section(const struct loader *loader, const struct vc_doc *own, const struct vc_doc *base)
{
    struct vc_doc *out = new_map(loader->ctx, own);

    for (size_t i = 0; i < own->count; i++) {
        if (!is_null(own->items[i]))
            append(out, own->items[i]);
        else if (!vc_doc_member(base, own->items[i]->key))
            refuse_null(loader, own->items[i], base);
    }
    for (size_t i = 0; i < base->count; i++)
        if (!vc_doc_member(own, base->items[i]->key))
            append(out, base->items[i]);
    return out;
}

static struct vc_doc *join(const struct loader *loader, const struct vc_doc *own, const struct vc_doc *base)
{
    static const char *const not_inherited[] = {"topology", "description", "base"};
    struct vc_doc *out = new_map(loader->ctx, own);

    for (size_t i = 0; i < own->count; i++) {
        struct vc_doc *item = own->items[i];
        const struct vc_doc *member = vc_doc_member(base, item->key);

        if (!strcmp(item->key, "base") || (member && is_null(item)))
            continue;
        bool sections = member && member->type == VC_DOC_MAP && item->type == VC_DOC_MAP;
        append(out, sections ? join_section(loader, item, member) : item);
    }
    for (size_t i = 0; i < base->count; i++)
        if (!vc_doc_member(own, base->items[i]->key) &&
            vc_names_find(VC_NAMES(not_inherited, VC_COUNT(not_inherited)), base->items[i]->key) == VC_NONE)
            append(out, base->items[i]);
    return out;
}

/* NAME or FOLDER/NAME: it must mean the same file beside a copy of the document. */
static bool reference_is_good(const char *text)
{
    for (const char *part = text; strlen(text) <= REFERENCE_MAX; part = strchr(part, '/') + 1) {
        if (*part < 'a' || *part > 'z')
            return false;
        part += strspn(part, "abcdefghijklmnopqrstuvwxyz0123456789-");
        if (*part != '/')
            return !*part;
    }
    return false;
}

/* "x/y/" of "x/y/z.yaml", "" of a bare name. */
static char *folder_of(void *ctx, const char *path)
{
    const char *slash = strrchr(path, '/');

    return talloc_strndup(ctx, path, slash ? (size_t)(slash + 1 - path) : 0);
}

static char *real(void *ctx, const char *path)
{
    VC_AUTO_FREE char *found = realpath(path, NULL);

    return found ? talloc_strdup(ctx, found) : NULL;
}

/* Beside the document or, for a partner's document that stands alone, among the topologies that come with vclab: below
 * their folder as below that of the first document, or by the name that the document gives. */
static char *find_file(const struct loader *loader, const char *file, const char *path, const char *reference)
{
    char *const places[] = {
        talloc_asprintf(loader->ctx, "%s%s.yaml", folder_of(loader->ctx, file), reference),
        talloc_asprintf(loader->ctx, "%s/topologies/%s", vc_home(), path),
        talloc_asprintf(loader->ctx, "%s/topologies/%s.yaml", vc_home(), reference),
    };

    for (size_t i = 0; i < VC_COUNT(places); i++)
        if (access(places[i], F_OK) == 0)
            return places[i];
    return NULL;
}

static void refuse_unknown(const struct loader *loader, const struct vc_doc *reference, const char *file)
{
    const char *folder = folder_of(loader->ctx, file);
    struct vc_names beside = vc_documents(loader->ctx, *folder ? folder : ".");
    struct vc_names shipped = vc_documents(loader->ctx, talloc_asprintf(loader->ctx, "%s/topologies", vc_home()));

    vc_problem_unknown(loader->problems, reference->mark, "base", reference->text, shipped.count ? shipped : beside);
}

static bool closes_a_circle(const struct loader *loader, const struct vc_doc *reference, const char *file,
                            const struct chain *chain)
{
    const char *target = real(loader->ctx, file);

    for (const struct chain *c = chain; c; c = c->above) {
        const char *above = real(loader->ctx, c->file);

        if (target && above && !strcmp(target, above)) {
            vc_problem(loader->problems, reference->mark,
                       "found \"%s\" as base, which leads round in a circle to %s; allowed: a file that is not based "
                       "on this one",
                       reference->text, c->file);
            return true;
        }
    }
    return false;
}

static void note_base(struct vc_topology *t, const char *file, const char *path)
{
    t->bases = talloc_realloc(t, t->bases, struct vc_base, t->base_count + 1);
    t->bases[t->base_count++] = (struct vc_base){talloc_strdup(t, file), talloc_strdup(t, path)};
}

/* `path` is the file's place below the folder of the topology that all began with. */
static const struct vc_doc *load(const struct loader *loader, const char *file, const char *path,
                                 const struct chain *above)
{
    const struct chain chain = {above, file};
    const struct vc_doc *own =
        !above && loader->text ? vc_doc_parse(loader->ctx, file, loader->text, strlen(loader->text), loader->problems)
                               : vc_doc_load(loader->ctx, file, loader->problems);
    const struct vc_doc *reference = own ? vc_doc_member(own, "base") : NULL;

    if (!reference)
        return own;
    if (reference->type != VC_DOC_SCALAR || !reference_is_good(reference->text)) {
        VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, reference);
        vc_problem(loader->problems, reference->mark,
                   "found %s for base; allowed: the name of a topology, NAME or FOLDER/NAME, seen from this file's "
                   "folder",
                   found);
        return NULL;
    }
    const char *base_path = talloc_asprintf(loader->ctx, "%s%s.yaml", folder_of(loader->ctx, path), reference->text);
    const char *base_file = find_file(loader, file, base_path, reference->text);
    if (!base_file) {
        refuse_unknown(loader, reference, file);
        return NULL;
    }
    if (closes_a_circle(loader, reference, base_file, &chain))
        return NULL;
    note_base(loader->topology, base_file, base_path);
    base_file = loader->topology->bases[loader->topology->base_count - 1].file; /* marks outlive the trees */
    const struct vc_doc *base = load(loader, base_file, base_path, &chain);
    if (!base)
        return NULL;
    return base->type == VC_DOC_MAP && own->type == VC_DOC_MAP ? join(loader, own, base) : own;
}

const struct vc_doc *vc_topology_document(void *ctx, struct vc_topology *topology, const char *text,
                                          struct vc_problems *problems)
{
    const struct loader loader = {ctx, topology, problems, text};
    const char *slash = strrchr(topology->file, '/');

    return load(&loader, topology->file, slash ? slash + 1 : topology->file, NULL);
}
