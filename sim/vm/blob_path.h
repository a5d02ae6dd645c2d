/* Files below a folder that others named: the guest's documents, its results, a replay bundle. */
#pragma once

#include "base/error.h"

/* Whether `path` may name such a file: relative, no empty, "." or ".." part, no control character, at most 255 bytes a
 * part and 1000 in all. */
bool vc_path_is_plain(const char *path);

/* The path for a message: at most 200 bytes, control characters as "?". talloc child of ctx. */
char *vc_path_text(void *ctx, const char *path);

/*
 * Creates (or empties) the regular file `path` below the folder `home`, with the folders on the way; follows no
 * symbolic link. Returns a descriptor for writing, or -1: VC_EXIT_USAGE when the path is not plain or leads elsewhere,
 * VC_EXIT_HOST when the file cannot be written.
 */
int vc_path_create(const char *home, const char *path, vc_error **err);
/* Removes it again. Follows no symbolic link below `home`. */
void vc_path_remove(const char *home, const char *path);
