/*
 * The cache of images: images/<id>/{vmlinux,initrd,image.json} and images/index-<inputs>.json, which remembers of every
 * file read how it looked, so that an image that is still right is found by stat alone. What is in images/<id> came
 * there by rename, whole; image.json has the sizes, against later damage.
 */
#include "vm/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include <xxhash.h>

#include "vm/image_private.h"

/* Counts up when images made by older versions may not be used. */
#define LAYOUT 1

enum { KEEP_DAYS = 30, KEEP_IMAGES = 10, IN_USE_S = 3600 };

struct store {
    const char *folder; /* CACHE/images */
    const char *index;
    const struct vc_image_inputs *inputs;
};

static struct vc_image *open_image(void *ctx, const struct store *store, const char *id)
{
    VC_AUTO_TALLOC struct vc_image *image = talloc_zero(NULL, struct vc_image);
    const char *folder = talloc_asprintf(image, "%s/%s", store->folder, id), *version;
    VC_AUTO_JSON *meta = json_load_file(talloc_asprintf(image, "%s/image.json", folder), 0, NULL);
    json_int_t kernel_size, initrd_size;
    struct stat kernel, initrd;

    if (!meta || json_unpack(meta, "{s:s, s:I, s:I}", "kernel_version", &version, "kernel_size", &kernel_size,
                             "initrd_size", &initrd_size))
        return NULL;
    image->kernel = talloc_asprintf(image, "%s/vmlinux", folder);
    image->initrd = talloc_asprintf(image, "%s/initrd", folder);
    image->kernel_version = talloc_strdup(image, version);
    snprintf(image->id, sizeof image->id, "%s", id);
    if (stat(image->kernel, &kernel) || stat(image->initrd, &initrd) || kernel.st_size != kernel_size ||
        initrd.st_size != initrd_size)
        return NULL;
    /* For the expiry; in a cache that may only be read nothing expires. */
    utimensat(AT_FDCWD, folder, NULL, 0);
    utimensat(AT_FDCWD, store->index, NULL, 0);
    return talloc_steal(ctx, VC_STEAL_PTR(image));
}

static struct vc_image *find_by_index(void *ctx, const struct store *store)
{
    VC_AUTO_JSON *index = json_load_file(store->index, 0, NULL);
    const char *id = json_string_value(json_object_get(index, "id"));

    return id && image_inputs_unchanged(json_object_get(index, "inputs")) ? open_image(ctx, store, id) : NULL;
}

/* Without it the next call reads its inputs again, nothing worse. */
static void write_index(const struct store *store, const struct image_tree *tree, const char *id)
{
    VC_AUTO_TALLOC char *fresh = talloc_asprintf(NULL, "%s.new", store->index);
    VC_AUTO_JSON *index = json_pack("{s:s, s:O}", "id", id, "inputs", tree->inputs);

    if (json_dump_file(index, fresh, JSON_COMPACT) || rename(fresh, store->index))
        unlink(fresh);
    vc_cache_give(store->index);
}

static void free_hash(XXH3_state_t **state)
{
    XXH3_freeState(*state);
}

static void add_text(XXH3_state_t *state, const char *text)
{
    XXH3_128bits_update(state, text, strlen(text) + 1);
}

static void hash_inputs(const struct image_tree *tree, const char *version, const void *kernel, size_t size,
                        char id[static 33])
{
    __attribute__((cleanup(free_hash))) XXH3_state_t *state = XXH3_createState();
    const uint64_t layout[] = {LAYOUT, size, tree->count};
    XXH128_canonical_t digest;

    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, layout, sizeof layout);
    add_text(state, version);
    XXH3_128bits_update(state, kernel, size);
    for (size_t i = 0; i < tree->count; i++) {
        const struct image_entry *entry = &tree->entries[i];
        const uint64_t numbers[] = {entry->mode, entry->size};
        add_text(state, entry->path);
        XXH3_128bits_update(state, numbers, sizeof numbers);
        if (entry->size)
            XXH3_128bits_update(state, entry->data, entry->size);
    }
    XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(state));
    for (size_t i = 0; i < sizeof digest.digest; i++)
        snprintf(id + 2 * i, 3, "%02x", digest.digest[i]);
}

static void remove_folder(const char *path)
{
    DIR *dir = opendir(path);

    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(path);
}

struct used {
    char *path;
    time_t at;
    bool folder;
};

static int by_use(const void *a, const void *b)
{
    const struct used *x = a, *y = b;

    return x->at < y->at ? 1 : x->at > y->at ? -1 : strcmp(x->path, y->path);
}

/* With the lock held, so what is not finished is nobody's. */
static void expire(const struct store *store)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct used *all = NULL;
    size_t count = 0, images = 0;
    DIR *dir = opendir(store->folder);
    struct stat st;
    time_t now = time(NULL);

    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        bool unfinished = !strncmp(entry->d_name, "new-", 4);
        if (*entry->d_name == '.' || !strcmp(entry->d_name, "lock") || fstatat(dirfd(dir), entry->d_name, &st, 0))
            continue;
        all = talloc_realloc(scratch, all, struct used, count + 1);
        all[count++] = (struct used){.path = talloc_asprintf(scratch, "%s/%s", store->folder, entry->d_name),
                                     .at = unfinished ? 0 : st.st_mtime,
                                     .folder = S_ISDIR(st.st_mode)};
    }
    if (dir)
        closedir(dir);
    if (count)
        qsort(all, count, sizeof *all, by_use);
    for (size_t i = 0; i < count; i++) {
        bool crowded = all[i].folder && images++ >= KEEP_IMAGES && all[i].at < now - IN_USE_S;
        if (!crowded && all[i].at >= now - (time_t)KEEP_DAYS * 86400)
            continue;
        if (all[i].folder)
            remove_folder(all[i].path);
        else
            unlink(all[i].path);
    }
}

static int write_whole(const char *path, const char *data, size_t size, vc_error **err)
{
    VC_AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ssize_t n = 0;

    for (size_t done = 0; fd >= 0 && done < size && (n = write(fd, data + done, size - done)) > 0;)
        done += (size_t)n;
    if (fd < 0 || n < 0 || close(VC_STEAL_FD(fd)))
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot write %s", path);
    return 0;
}

static json_int_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) ? -1 : (json_int_t)st.st_size;
}

static int fill_folder(const struct image_tree *tree, const char *folder, const char *version, const void *packed,
                       size_t packed_size, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *kernel = talloc_asprintf(scratch, "%s/vmlinux", folder);
    const char *initrd = talloc_asprintf(scratch, "%s/initrd", folder);
    const char *meta_path = talloc_asprintf(scratch, "%s/image.json", folder);
    size_t size;
    const void *plain = image_kernel_unpack(scratch, packed, packed_size, &size, err);

    if (!plain)
        return vc_wrap(err, "the lab root's kernel boot/vmlinuz-%s", version);
    if (write_whole(kernel, plain, size, err) || image_tree_write(tree, initrd, err))
        return -1;
    VC_AUTO_JSON *meta = json_pack("{s:s, s:I, s:I}", "kernel_version", version, "kernel_size", (json_int_t)size,
                                   "initrd_size", size_of(initrd));
    if (json_dump_file(meta, meta_path, JSON_INDENT(2)))
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot write %s", meta_path);
    return 0;
}

static int build(const struct store *store, const struct image_tree *tree, const char *id, const char *version,
                 const void *packed, size_t packed_size, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *fresh = talloc_asprintf(scratch, "%s/new-%s", store->folder, id);
    const char *path = talloc_asprintf(scratch, "%s/%s", store->folder, id);

    remove_folder(fresh);
    if (mkdir(fresh, 0755))
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot make %s", fresh);
    if (fill_folder(tree, fresh, version, packed, packed_size, err)) {
        remove_folder(fresh);
        return vc_wrap(err, "building the guest image");
    }
    vc_cache_give(fresh);
    remove_folder(path); /* one that is damaged */
    if (rename(fresh, path)) {
        vc_fail(err, VC_EXIT_HOST, errno, "cannot rename %s to %s", fresh, path);
        remove_folder(fresh);
        return -1;
    }
    return 0;
}

/* Reads all inputs. The lock is held. */
static struct vc_image *make_image(void *ctx, const struct store *store, vc_image_progress_fn *progress, void *arg,
                                   vc_error **err)
{
    VC_AUTO_TALLOC struct image_tree *tree = image_tree_new(NULL);
    const char *labroot = store->inputs->labroot, *version = image_kernel_version(tree, tree, labroot, err);
    char id[33];
    size_t size;

    if (!version)
        return NULL;
    const void *packed =
        image_tree_read(tree, tree, labroot, talloc_asprintf(tree, "/boot/vmlinuz-%s", version), &size, NULL, err);
    if (!packed || image_add_host(tree, store->inputs, err) || image_add_modules(tree, labroot, version, err) ||
        image_add_labroot(tree, store->inputs, err))
        return NULL;
    image_tree_sort(tree);
    hash_inputs(tree, version, packed, size, id);
    struct vc_image *image = open_image(ctx, store, id);
    if (!image) {
        if (progress)
            progress(arg, talloc_asprintf(tree, "building the guest image (kernel %s)", version));
        if (build(store, tree, id, version, packed, size, err))
            return NULL;
        image = open_image(ctx, store, id);
        if (!image)
            vc_fail(err, VC_EXIT_HOST, 0, "the guest image %s/%s is damaged just after it was made", store->folder, id);
    }
    if (image)
        write_index(store, tree, id);
    return image;
}

static int lock_store(const struct store *store, vc_image_progress_fn *progress, void *arg, vc_error **err)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/lock", store->folder);
    VC_AUTO_FD fd = image_make_folders(store->folder, err) ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0)
        return err && *err ? -1
                           : vc_fail(err, VC_EXIT_HOST, errno,
                                     "cannot write %s (XDG_CACHE_HOME can name another place for the cache)", path);
    vc_cache_give(path);
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        if (progress)
            progress(arg, "waiting for another vclab that makes the guest image");
        while (flock(fd, LOCK_EX))
            if (errno != EINTR)
                return vc_fail(err, VC_EXIT_HOST, errno, "cannot lock %s", path);
    }
    return VC_STEAL_FD(fd);
}

static const char *index_path(void *ctx, const char *folder, const struct vc_image_inputs *inputs)
{
    VC_AUTO_TALLOC char *key =
        talloc_asprintf(NULL, "%d\n%s\n%s\n%s", LAYOUT, inputs->labroot, inputs->binary, inputs->nodes);

    for (const char *const *name = inputs->rare; name && *name; name++)
        key = talloc_asprintf_append_buffer(key, "\n%s", *name);
    return talloc_asprintf(ctx, "%s/index-%016llx.json", folder, (unsigned long long)XXH3_64bits(key, strlen(key)));
}

struct vc_image *vc_image_get(void *ctx, const struct vc_image_inputs *inputs, vc_image_progress_fn *progress,
                              void *arg, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *cache = inputs->cache ? inputs->cache : vc_cache_dir(scratch, err);

    if (!cache)
        return NULL;
    const char *folder = talloc_asprintf(scratch, "%s/images", cache);
    const struct store store = {.folder = folder, .index = index_path(scratch, folder, inputs), .inputs = inputs};
    struct vc_image *image = find_by_index(ctx, &store);
    if (image)
        return image;
    VC_AUTO_FD lock = lock_store(&store, progress, arg, err);
    if (lock < 0)
        return NULL;
    image = find_by_index(ctx, &store);
    if (!image)
        image = make_image(ctx, &store, progress, arg, err);
    if (image)
        expire(&store);
    return image;
}
