/*
 * `files` of a node: configurations that its owner wrote himself. They are read with the document, so that whoever has
 * the topology has all of it, and they lie below the document's folder, so that they go where it goes.
 */
#include <errno.h>
#include <string.h>

#include "model/read.h"

enum { OWN_FILE_MAX = 32768, PATH_MAX_BYTES = 100 };

/* Parts of letters, digits, "-", "_" and "."; none begins with a ".". */
static bool path_is_good(const char *path)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    for (const char *part = path; strlen(path) <= PATH_MAX_BYTES; part++) {
        size_t length = strspn(part, good);

        if (!length || *part == '.')
            return false;
        part += length;
        if (*part != '/')
            return !*part;
    }
    return false;
}

/* talloc child of ctx, or NULL with a problem. */
static char *read_text(void *ctx, struct vc_reader *reader, const struct vc_doc *doc, const char *path)
{
    VC_AUTO_FILE *file = fopen(path, "re");
    VC_AUTO_TALLOC char *text = talloc_zero_size(NULL, OWN_FILE_MAX + 2);
    size_t size = file ? fread(text, 1, OWN_FILE_MAX + 1, file) : 0;

    if (!file || ferror(file)) {
        vc_problem(reader->problems, doc->mark, "cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    if (!size || size > OWN_FILE_MAX || memchr(text, 0, size)) {
        vc_problem(reader->problems, doc->mark, "found %s in %s; allowed: text of 1 to %d bytes",
                   !size                 ? "nothing"
                   : size > OWN_FILE_MAX ? "too much"
                                         : "a NUL byte",
                   path, OWN_FILE_MAX);
        return NULL;
    }
    return talloc_strdup(ctx, text);
}

void vc_own_files_read(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                       struct vc_sink sink)
{
    static const char *const names[] = {"swanctl.conf", "frr.conf", "bird.conf", "ipsec.conf", "ipsec.secrets"};
    static const char allowed[] = "a path below the document's own folder, such as cpe1/swanctl.conf";
    struct vc_node *node = sink.base;

    if (!vc_schema_is_map(reader, doc, "files"))
        return;
    node->files = talloc_zero_array(reader->tree, struct vc_own_file, doc->count);
    for (size_t i = 0; i < doc->count; i++) {
        const struct vc_doc *item = doc->items[i];
        const char *slash = strrchr(item->mark.file, '/');

        if (vc_names_find(VC_NAMES(names, VC_COUNT(names)), item->key) == VC_NONE) {
            vc_problem_unknown(reader->problems, item->key_mark, "file of a node", item->key,
                               VC_NAMES(names, VC_COUNT(names)));
            continue;
        }
        if (!vc_schema_is_scalar(reader, item, allowed))
            continue;
        if (!path_is_good(item->text)) {
            VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, item);
            vc_problem(reader->problems, item->mark, "found %s for %s; allowed: %s", found, item->key, allowed);
            continue;
        }
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%.*s%s", slash ? (int)(slash + 1 - item->mark.file) : 0,
                                                    item->mark.file, item->text);
        const char *text = read_text(reader->tree, reader, item, path);
        if (text)
            node->files[node->file_count++] = (struct vc_own_file){
                talloc_strdup(reader->tree, item->key), talloc_strdup(reader->tree, item->text), text, item->mark};
    }
}
