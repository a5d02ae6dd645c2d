/*
 * ELF files as the loader and the kernel see them. A closure is searched as ld.so does it, but inside a root that may
 * be another distribution's: every path is opened by openat2 with RESOLVE_IN_ROOT, so that no symbolic link leads out
 * of it.
 */
#include "vm/image_private.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <glob.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "vm/elf.h"

int vc_root_open(const char *root, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    VC_AUTO_FD top = open(*root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    return top < 0 ? -1 : (int)syscall(SYS_openat2, top, path, &how, sizeof how);
}

static char *path_of_fd(void *ctx, int fd)
{
    char name[64], path[4096];

    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, path, sizeof path - 1);
    return n < 0 ? NULL : talloc_strndup(ctx, path, (size_t)n);
}

char *vc_root_folder(void *ctx, const char *root, const char *folder)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    VC_AUTO_FD top = open(*root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    VC_AUTO_FD fd = vc_root_open(root, folder, O_PATH | O_DIRECTORY);
    const char *base = top < 0 ? NULL : path_of_fd(scratch, top);
    const char *path = fd < 0 ? NULL : path_of_fd(scratch, fd);

    if (!base || !path)
        return NULL;
    return talloc_strdup(ctx, strcmp(base, "/") ? path + strlen(base) : path);
}

struct closure {
    const char *root;
    json_t *files;
    const char **folders; /* where the loader looks by itself, resolved, each once */
    size_t folder_count;
};

/* An ELF file that is open; freeing it closes it. */
struct elf_file {
    int fd;
    Elf *elf;
    GElf_Ehdr head;
};

static int elf_file_free(struct elf_file *file)
{
    elf_end(file->elf);
    if (file->fd >= 0)
        close(file->fd);
    return 0;
}

/* NULL when it cannot be opened (errno) or is no ELF file (errno 0). */
static struct elf_file *elf_open(void *ctx, const char *root, const char *path)
{
    struct elf_file *file = talloc_zero(ctx, struct elf_file);

    elf_version(EV_CURRENT);
    file->fd = vc_root_open(root, path, O_RDONLY);
    talloc_set_destructor(file, elf_file_free);
    if (file->fd >= 0) {
        errno = 0;
        file->elf = elf_begin(file->fd, ELF_C_READ, NULL);
        if (elf_kind(file->elf) == ELF_K_ELF && gelf_getehdr(file->elf, &file->head))
            return file;
    }
    int errnum = errno;
    talloc_free(file);
    errno = errnum;
    return NULL;
}

static void add_folder(void *ctx, struct closure *closure, const char *folder)
{
    char *resolved = vc_root_folder(ctx, closure->root, folder);

    if (!resolved)
        return;
    for (size_t i = 0; i < closure->folder_count; i++)
        if (!strcmp(closure->folders[i], resolved))
            return;
    closure->folders = talloc_realloc(ctx, closure->folders, const char *, closure->folder_count + 1);
    closure->folders[closure->folder_count++] = resolved;
}

/* One file of the loader's configuration: a folder a line, and "include PATTERN". */
static void add_configured(void *ctx, struct closure *closure, const char *path, unsigned depth)
{
    VC_AUTO_FILE *file = fopen(path, "re");
    char line[4096];

    while (file && fgets(line, sizeof line, file)) {
        char *word = line + strspn(line, " \t");
        word[strcspn(word, "#\r\n")] = '\0';
        for (size_t n = strlen(word); n && (word[n - 1] == ' ' || word[n - 1] == '\t');)
            word[--n] = '\0';
        if (*word == '/') {
            add_folder(ctx, closure, word);
        } else if (!strncmp(word, "include ", 8) && depth < 4) {
            const char *pattern = word + 8 + strspn(word + 8, " \t");
            glob_t found = {0};
            if (!glob(talloc_asprintf(ctx, "%s%s%s", closure->root, *pattern == '/' ? "" : "/etc/", pattern), 0, NULL,
                      &found))
                for (size_t i = 0; i < found.gl_pathc; i++)
                    add_configured(ctx, closure, found.gl_pathv[i], depth + 1);
            globfree(&found);
        }
    }
}

/* The loader's own folders: multiarch (Debian), lib64 (others), lib. */
static void default_folders(void *ctx, struct closure *closure)
{
    static const char *const defaults[] = {
        "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib",
    };

    add_configured(ctx, closure, talloc_asprintf(ctx, "%s/etc/ld.so.conf", closure->root), 0);
    for (size_t i = 0; i < VC_COUNT(defaults); i++)
        add_folder(ctx, closure, defaults[i]);
}

/* A library of that name for the same machine, in that folder: its path, or NULL. */
static char *library_in(void *ctx, const struct closure *closure, const struct elf_file *user, const char *folder,
                        const char *name)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *resolved = vc_root_folder(scratch, closure->root, folder);
    const char *path = resolved ? talloc_asprintf(scratch, "%s/%s", resolved, name) : NULL;
    const struct elf_file *found = path ? elf_open(scratch, closure->root, path) : NULL;

    if (!found || found->head.e_machine != user->head.e_machine ||
        found->head.e_ident[EI_CLASS] != user->head.e_ident[EI_CLASS])
        return NULL;
    return talloc_strdup(ctx, path);
}

static char *replace(void *ctx, const char *text, const char *what, const char *with)
{
    const char *at = strstr(text, what);

    return !at ? talloc_strdup(ctx, text)
               : talloc_asprintf(ctx, "%.*s%s%s", (int)(at - text), text, with, at + strlen(what));
}

/* `runpath`: folders separated by colons, with $ORIGIN; NULL for none. */
static char *find_library(void *ctx, const struct closure *closure, const struct elf_file *user, const char *origin,
                          const char *runpath, const char *name)
{
    char *copy = talloc_strdup(ctx, runpath ? runpath : ""), *rest = NULL;

    for (char *part = strtok_r(copy, ":", &rest); part; part = strtok_r(NULL, ":", &rest)) {
        const char *folder = replace(ctx, replace(ctx, part, "$ORIGIN", origin), "${ORIGIN}", origin);
        char *path = library_in(ctx, closure, user, folder, name);
        if (path)
            return path;
    }
    for (size_t i = 0; i < closure->folder_count; i++) {
        char *path = library_in(ctx, closure, user, closure->folders[i], name);
        if (path)
            return path;
    }
    return NULL;
}

static const char *interpreter(void *ctx, const struct elf_file *file)
{
    size_t count = 0;

    elf_getphdrnum(file->elf, &count);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr head;
        if (!gelf_getphdr(file->elf, (int)i, &head) || head.p_type != PT_INTERP)
            continue;
        const Elf_Data *data =
            elf_getdata_rawchunk(file->elf, (int64_t)head.p_offset, (size_t)head.p_filesz, ELF_T_BYTE);
        return data && data->d_buf ? talloc_strndup(ctx, data->d_buf, data->d_size) : NULL;
    }
    return NULL;
}

/* What the dynamic section says; names are borrowed from the file. */
struct dynamic {
    const char **needed;
    size_t count;
    const char *runpath;
};

static struct dynamic read_dynamic(void *ctx, const struct elf_file *file)
{
    struct dynamic result = {0};

    for (Elf_Scn *section = NULL; (section = elf_nextscn(file->elf, section));) {
        GElf_Shdr head;
        Elf_Data *data;
        if (!gelf_getshdr(section, &head) || head.sh_type != SHT_DYNAMIC || !(data = elf_getdata(section, NULL)))
            continue;
        GElf_Dyn entry;
        for (int i = 0; gelf_getdyn(data, i, &entry) && entry.d_tag != DT_NULL; i++) {
            const char *text = entry.d_tag == DT_NEEDED || entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH
                                   ? elf_strptr(file->elf, head.sh_link, (size_t)entry.d_un.d_val)
                                   : NULL;
            if (!text)
                continue;
            if (entry.d_tag == DT_NEEDED) {
                result.needed = talloc_realloc(ctx, result.needed, const char *, result.count + 1);
                result.needed[result.count++] = text;
            } else if (!result.runpath || entry.d_tag == DT_RUNPATH) {
                result.runpath = text;
            }
        }
    }
    return result;
}

/* Folders on the way resolved, the name as the loader asks for it. */
static char *placed(void *ctx, const char *root, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = vc_root_folder(ctx, root, slash > path ? talloc_strndup(ctx, path, (size_t)(slash - path)) : "/");

    return folder ? talloc_asprintf(ctx, "%s%s", strcmp(folder, "/") ? folder : "", slash) : NULL;
}

static int add_needs(void *ctx, struct closure *closure, const char *path, vc_error **err);

static int add_file(void *ctx, struct closure *closure, const char *path, vc_error **err)
{
    if (json_object_get(closure->files, path))
        return 0;
    json_object_set_new(closure->files, path, json_true());
    return add_needs(ctx, closure, path, err);
}

static int add_needs(void *ctx, struct closure *closure, const char *path, vc_error **err) // NOLINT(misc-no-recursion)
{
    void *frame = talloc_new(ctx);
    const struct elf_file *file = elf_open(frame, closure->root, path);

    if (!file && errno)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot read %s%s", closure->root, path);
    if (!file)
        return 0;
    const char *loader = interpreter(frame, file), *slash = strrchr(path, '/');
    const char *origin = talloc_strndup(frame, path, (size_t)(slash - path));
    struct dynamic dynamic = read_dynamic(frame, file);
    if (loader && *loader == '/') {
        char *at = placed(frame, closure->root, loader);
        if (!at || add_file(ctx, closure, at, err))
            return vc_fail(err, VC_EXIT_HOST, 0, "the loader %s, which %s needs, is not in %s", loader, path,
                           *closure->root ? closure->root : "/");
    }
    for (size_t i = 0; i < dynamic.count; i++) {
        const char *name = dynamic.needed[i];
        /* libc names the loader, too; it is there by then. */
        if (!strncmp(name, "ld-linux", 8))
            continue;
        char *library = *name == '/' ? placed(frame, closure->root, name)
                                     : find_library(frame, closure, file, origin, dynamic.runpath, name);
        if (!library)
            return vc_fail(err, VC_EXIT_HOST, 0, "the library %s, which %s needs, is not in %s", name, path,
                           *closure->root ? closure->root : "the loader's folders");
        if (add_file(ctx, closure, library, err))
            return -1;
    }
    talloc_free(frame);
    return 0;
}

int vc_elf_closure(const char *root, const char *path, json_t *files, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct closure closure = {.root = root, .files = files};

    if (*path != '/')
        path = talloc_asprintf(scratch, "/%s", path);
    default_folders(scratch, &closure);
    return add_needs(scratch, &closure, path, err);
}
