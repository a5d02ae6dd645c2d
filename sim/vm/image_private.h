/* What the files of the image builder share. */
#pragma once

#include "vm/image.h"

/* Opens a path inside `root` ("" for "/"): no symbolic link leads out of it. -1 with errno. */
int vc_root_open(const char *root, const char *path, int flags);
/* A folder's path inside `root`, symbolic links resolved; NULL when it is not there. talloc child of ctx. */
char *vc_root_folder(void *ctx, const char *root, const char *folder);

/* A file of the image, in memory: what is hashed is what is written, even when an input changes meanwhile. */
struct image_entry {
    const char *path; /* in the image, without the leading slash */
    mode_t mode;      /* type and permissions */
    const void *data; /* a file's content, a link's target */
    size_t size;
};

struct image_tree {
    struct image_entry *entries;
    size_t count;
    json_t *paths;  /* of the entries, as a set */
    json_t *inputs; /* every file read: path → [size, mtime_ns, ctime_ns, inode] */
};

struct image_tree *image_tree_new(void *ctx);
/* Reads a file inside root and notes it as an input. talloc child of ctx. `mode` may be NULL. */
void *image_tree_read(void *ctx, struct image_tree *tree, const char *root, const char *path, size_t *size,
                      mode_t *mode, vc_error **err);
/* Notes a file or folder as an input: [size, mtime_ns, ctime_ns, inode]. A folder changes when a file comes or goes. */
void image_tree_note(struct image_tree *tree, const char *path);
/* Whether all of `inputs` are as they were. */
bool image_inputs_unchanged(json_t *inputs);

/* Each makes the folders above; a path that is already there is left alone. */
void image_tree_folder(struct image_tree *tree, const char *path);
void image_tree_link(struct image_tree *tree, const char *path, const char *target);
void image_tree_data(struct image_tree *tree, const char *path, mode_t permissions, const void *data, size_t size);
int image_tree_file(struct image_tree *tree, const char *path, const char *root, const char *source, vc_error **err);

void image_tree_sort(struct image_tree *tree);
/* Writes a newc archive, which the kernel unpacks: no times, owners or inode numbers. Its entries must be sorted. */
int image_tree_write(const struct image_tree *tree, const char *path, vc_error **err);

/* The links into /usr that `root` has at its top, with their targets, below `dest` ("" or ending in a slash). */
void image_add_links(struct image_tree *tree, const char *root, const char *dest);
/* A folder with those above it, made when they are missing. */
int image_make_folders(const char *path, vc_error **err);

/* The parts (image_labroot.c, image_modules.c, image_host.c). */
int image_add_labroot(struct image_tree *tree, const struct vc_image_inputs *inputs, vc_error **err);
int image_add_modules(struct image_tree *tree, const char *labroot, const char *version, vc_error **err);
int image_add_host(struct image_tree *tree, const struct vc_image_inputs *inputs, vc_error **err);

/* The version of the lab root's kernel, from its file name: the newest where there are several. */
char *image_kernel_version(void *ctx, struct image_tree *tree, const char *labroot, vc_error **err);
/* The vmlinux in a bzImage. talloc child of ctx. */
void *image_kernel_unpack(void *ctx, const void *image, size_t size, size_t *unpacked, vc_error **err);
/* Decompresses whole files (.ko.xz, .ko.zst, .ko.gz, .ko) of at most `limit` bytes. */
void *image_decompress(void *ctx, const void *data, size_t size, size_t limit, size_t *unpacked, vc_error **err);
