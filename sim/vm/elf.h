/* What image building needs to know of ELF files, by libelf. */
#pragma once

#include "base/error.h"

/*
 * Dependency closure: adds to `files` (a JSON object, path → true) the shared libraries and the loader that the ELF
 * file `path` needs, and theirs, each once. Paths begin with a slash, which is `root` ("" for the host); symbolic links
 * to folders are resolved, the last component is the name by which the loader asks. A library is searched in
 * DT_RUNPATH/DT_RPATH ($ORIGIN included), then in the folders of root's ld.so.conf and the loader's default folders. A
 * file that is no ELF file (a script) has no closure. Fails with VC_EXIT_HOST when a library is not there.
 */
int vc_elf_closure(const char *root, const char *path, json_t *files, vc_error **err);

/* Modules: "name=value" entries of a kernel module's .modinfo, from the decompressed image. Returns the value of `key`
 * (talloc child of ctx), "" when it is empty, or NULL when it is absent. */
char *vc_elf_modinfo(void *ctx, const void *module, size_t size, const char *key);

/* Drops what the kernel does not need to load and run a module: debug and type information, the unwinder's tables, the
 * appended signature; and patches out the calls of ftrace's hook. Returns the new size, with *stripped a talloc child
 * of ctx, or -1. */
ssize_t vc_elf_strip_module(void *ctx, const void *module, size_t size, void **stripped, vc_error **err);
