/* A shipped document with one place changed, in a folder of its own: the way the tests make bad files. */
#pragma once

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "model/files.h"
#include "model/scenario.h"

#define SHIPPED(path) VCLAB_SOURCE_DIR "/" path
#define KINDS         SHIPPED("nodes")

static inline char *edit_read(void *ctx, const char *file, size_t *length)
{
    VC_AUTO_FILE *in = fopen(file, "re");
    char *text = talloc_zero_size(ctx, 1 << 20);

    cr_assert(in, "%s", file);
    *length = fread(text, 1, (1 << 20) - 1, in);
    return text;
}

static inline void edit_remove(char *folder, char *file)
{
    unlink(file);
    rmdir(folder);
}

struct edit {
    char *folder, *file; /* both gone with the edit */
};

static inline int edit_destroy(struct edit *edit)
{
    edit_remove(edit->folder, edit->file);
    return 0;
}

/* Writes bytes to <new folder>/<name>. */
static inline struct edit *edit_bytes(void *ctx, const char *name, const void *bytes, size_t length)
{
    struct edit *edit = talloc_zero(ctx, struct edit);

    edit->folder = talloc_strdup(edit, "/tmp/vclab-model-XXXXXX");
    cr_assert(mkdtemp(edit->folder));
    edit->file = talloc_asprintf(edit, "%s/%s", edit->folder, name);
    talloc_set_destructor(edit, edit_destroy);
    VC_AUTO_FD fd = open(edit->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    cr_assert(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
    return edit;
}

/* `shipped` with the first `from` replaced by `to`; `from` must be there, or the test tests nothing. */
static inline struct edit *edit_file(void *ctx, const char *shipped, const char *from, const char *to)
{
    size_t length;
    char *text = edit_read(ctx, shipped, &length), *at = strstr(text, from);

    cr_assert(at, "\"%s\" is not in %s", from, shipped);
    char *changed = talloc_asprintf(ctx, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return edit_bytes(ctx, strrchr(shipped, '/') + 1, changed, strlen(changed));
}
