#include "model/files.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "model/read.h"

static struct vc_names listing(void *ctx, const char *folder, mode_t type, const char *ending)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, NULL, alphasort);
    const char **names = talloc_zero_array(ctx, const char *, n > 0 ? (unsigned)n : 1);
    struct vc_names view = VC_NAMES(names, 0);

    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        size_t length = strlen(name), tail = strlen(ending);
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", folder, name);
        struct stat st;

        if (name[0] != '.' && length > tail && !strcmp(name + length - tail, ending) && stat(path, &st) == 0 &&
            (st.st_mode & S_IFMT) == type)
            names[view.count++] = talloc_strndup(names, name, length - tail);
        free(entries[i]);
    }
    free(entries);
    return view;
}

struct vc_names vc_folders(void *ctx, const char *folder)
{
    return listing(ctx, folder, S_IFDIR, "");
}

struct vc_names vc_documents(void *ctx, const char *folder)
{
    return listing(ctx, folder, S_IFREG, ".yaml");
}

int vc_document_kind(const char *file, enum vc_document *kind, vc_error **err)
{
    static const char *const names[] = {[VC_DOCUMENT_TOPOLOGY] = "topology",
                                        [VC_DOCUMENT_SCENARIO] = "scenario",
                                        [VC_DOCUMENT_PLAN] = "plan",
                                        [VC_DOCUMENT_FORM] = "form"};
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_problems *problems = vc_problems_new(scratch);
    const struct vc_doc *doc = vc_doc_load(scratch, file, problems);
    bool map = doc && doc->type == VC_DOC_MAP && doc->count;

    if (map) {
        size_t i = vc_names_find(VC_NAMES(names, VC_COUNT(names)), doc->items[0]->key);

        *kind = (enum vc_document)i;
        if (i == VC_NONE)
            vc_problem_unknown(problems, doc->items[0]->key_mark, "first key", doc->items[0]->key,
                               VC_NAMES(names, VC_COUNT(names)));
    } else if (doc) {
        VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, doc);
        vc_problem(problems, doc->mark,
                   "found %s; allowed: a mapping that begins with topology:, scenario:, plan: or form:", found);
    }
    return vc_problems_finish(problems, err);
}

void vc_check_file_name(struct vc_reader *reader, const struct vc_doc *doc, const char *key, const char *name)
{
    const struct vc_doc *member = vc_doc_member(doc, key);
    const char *slash = strrchr(doc->mark.file, '/'), *base = slash ? slash + 1 : doc->mark.file;
    const char *dot = strrchr(base, '.');
    size_t length = dot ? (size_t)(dot - base) : strlen(base);

    if (member && name && (strlen(name) != length || strncmp(name, base, length) != 0))
        vc_problem(reader->problems, member->mark,
                   "found %s \"%s\" in a file named %s; allowed: the file's name, \"%.*s\"", key, name, base,
                   (int)length, base);
}
