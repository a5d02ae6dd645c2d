/* Files that a command leaves at the caller's. */
#pragma once

#include <sys/types.h>

#include "base/error.h"

/*
 * Writes `path` whole or not at all: what was there before stays until the new text is on the disk, and where that
 * fails, for good. `mode` counts for a new file, and for an old one where it takes rights away. What is no regular file
 * but a link or a device (/dev/stdout) is written to, in place; "-" is standard output. VC_EXIT_USAGE: the path is no
 * good; VC_EXIT_HOST: no room.
 */
int output_write(const char *path, const char *text, mode_t mode, vc_error **err);
