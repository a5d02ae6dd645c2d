/* The image's files in memory, and the archive they become. */
#include "vm/image_private.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int tree_free(struct image_tree *tree)
{
    json_decref(tree->paths);
    json_decref(tree->inputs);
    return 0;
}

struct image_tree *image_tree_new(void *ctx)
{
    struct image_tree *tree = talloc_zero(ctx, struct image_tree);

    tree->paths = json_object();
    tree->inputs = json_object();
    talloc_set_destructor(tree, tree_free);
    return tree;
}

static json_t *identity(const struct stat *st)
{
    return json_pack("[IIII]", (json_int_t)st->st_size,
                     (json_int_t)(st->st_mtim.tv_sec * VC_NS_PER_S + st->st_mtim.tv_nsec),
                     (json_int_t)(st->st_ctim.tv_sec * VC_NS_PER_S + st->st_ctim.tv_nsec), (json_int_t)st->st_ino);
}

void image_tree_note(struct image_tree *tree, const char *path)
{
    struct stat st;

    json_object_set_new(tree->inputs, path, stat(path, &st) ? json_null() : identity(&st));
}

bool image_inputs_unchanged(json_t *inputs)
{
    const char *path;
    json_t *was;

    json_object_foreach(inputs, path, was)
    {
        struct stat st;
        VC_AUTO_JSON *is = stat(path, &st) ? json_null() : identity(&st);
        if (!json_equal(is, was))
            return false;
    }
    return json_object_size(inputs) > 0;
}

void *image_tree_read(void *ctx, struct image_tree *tree, const char *root, const char *path, size_t *size,
                      mode_t *mode, vc_error **err)
{
    VC_AUTO_FD fd = vc_root_open(root, path, O_RDONLY);
    VC_AUTO_TALLOC char *full = talloc_asprintf(NULL, "%s%s%s", root, *path == '/' ? "" : "/", path);
    struct stat st;

    if (fd < 0 || fstat(fd, &st)) {
        vc_fail(err, VC_EXIT_HOST, errno, "cannot read %s", full);
        return NULL;
    }
    if (!S_ISREG(st.st_mode)) {
        vc_fail(err, VC_EXIT_HOST, 0, "%s is not a file", full);
        return NULL;
    }
    char *data = talloc_size(ctx, (size_t)st.st_size + 1);
    size_t done = 0;
    for (ssize_t n; done < (size_t)st.st_size; done += (size_t)n)
        if ((n = read(fd, data + done, (size_t)st.st_size - done)) <= 0) {
            vc_fail(err, VC_EXIT_HOST, n ? errno : 0, "cannot read %s whole", full);
            talloc_free(data);
            return NULL;
        }
    data[done] = '\0';
    json_object_set_new(tree->inputs, full, identity(&st));
    *size = done;
    if (mode)
        *mode = st.st_mode;
    return data;
}

/* False when the path is there already. */
static bool add_entry(struct image_tree *tree, const char *path, mode_t mode, const void *data, size_t size)
{
    if (json_object_get(tree->paths, path))
        return false;
    const char *slash = strrchr(path, '/');
    if (slash) {
        VC_AUTO_TALLOC char *parent = talloc_strndup(NULL, path, (size_t)(slash - path));
        image_tree_folder(tree, parent);
    }
    json_object_set_new(tree->paths, path, json_true());
    tree->entries = talloc_realloc(tree, tree->entries, struct image_entry, tree->count + 1);
    tree->entries[tree->count++] =
        (struct image_entry){.path = talloc_strdup(tree, path), .mode = mode, .data = data, .size = size};
    return true;
}

void image_tree_folder(struct image_tree *tree, const char *path) // NOLINT(misc-no-recursion)
{
    add_entry(tree, path, S_IFDIR | 0755, NULL, 0);
}

void image_tree_link(struct image_tree *tree, const char *path, const char *target)
{
    const char *copy = talloc_strdup(tree, target);

    add_entry(tree, path, S_IFLNK | 0777, copy, strlen(copy));
}

void image_tree_data(struct image_tree *tree, const char *path, mode_t permissions, const void *data, size_t size)
{
    add_entry(tree, path, S_IFREG | permissions, data, size);
}

int image_tree_file(struct image_tree *tree, const char *path, const char *root, const char *source, vc_error **err)
{
    size_t size;
    mode_t mode;

    if (json_object_get(tree->paths, path))
        return 0;
    const void *data = image_tree_read(tree, tree, root, source, &size, &mode, err);
    if (!data)
        return -1;
    image_tree_data(tree, path, mode & 0111 ? 0755 : 0644, data, size);
    return 0;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct image_entry *)a)->path, ((const struct image_entry *)b)->path);
}

void image_tree_sort(struct image_tree *tree)
{
    if (tree->count)
        qsort(tree->entries, tree->count, sizeof *tree->entries, by_path);
}

static void free_archive(struct archive **archive)
{
    archive_write_free(*archive);
}

static void free_entry(struct archive_entry **entry)
{
    archive_entry_free(*entry);
}

static int write_entry(struct archive *archive, const struct image_entry *from)
{
    __attribute__((cleanup(free_entry))) struct archive_entry *entry = archive_entry_new();
    bool file = S_ISREG(from->mode);

    archive_entry_set_pathname(entry, from->path);
    archive_entry_set_mode(entry, from->mode);
    archive_entry_set_nlink(entry, 1);
    archive_entry_set_mtime(entry, 0, 0);
    archive_entry_set_size(entry, file ? (int64_t)from->size : 0);
    if (S_ISLNK(from->mode))
        archive_entry_set_symlink(entry, from->data);
    return archive_write_header(archive, entry) < ARCHIVE_OK ||
                   (file && from->size && archive_write_data(archive, from->data, from->size) != (ssize_t)from->size)
               ? -1
               : 0;
}

int image_tree_write(const struct image_tree *tree, const char *path, vc_error **err)
{
    __attribute__((cleanup(free_archive))) struct archive *archive = archive_write_new();
    int failed = archive_write_set_format_cpio_newc(archive) || archive_write_set_bytes_per_block(archive, 1 << 20) ||
                 archive_write_set_bytes_in_last_block(archive, 4096) || archive_write_open_filename(archive, path);

    for (size_t i = 0; i < tree->count && !failed; i++)
        failed = write_entry(archive, &tree->entries[i]);
    if (failed || archive_write_close(archive) != ARCHIVE_OK)
        return vc_fail(err, VC_EXIT_HOST, 0, "cannot write %s: %s", path, archive_error_string(archive));
    return 0;
}
