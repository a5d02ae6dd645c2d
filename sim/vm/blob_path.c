#include "vm/blob_path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_BYTES_MAX = 1000, PART_BYTES_MAX = 255, TEXT_BYTES_MAX = 200 };

static bool part_is_plain(const char *part, size_t length)
{
    return length > 0 && length <= PART_BYTES_MAX && !(length == 1 && part[0] == '.') &&
           !(length == 2 && part[0] == '.' && part[1] == '.');
}

bool vc_path_is_plain(const char *path)
{
    if (strlen(path) > PATH_BYTES_MAX)
        return false;
    for (const char *c = path; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    for (;;) {
        size_t length = strcspn(path, "/");

        if (!part_is_plain(path, length))
            return false;
        if (!path[length])
            return true;
        path += length + 1;
    }
}

char *vc_path_text(void *ctx, const char *path)
{
    char *text = talloc_strndup(ctx, path, TEXT_BYTES_MAX);

    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return text;
}

/* The folder of the last part, opened part by part so that none is a symbolic link; *last is the rest of `path`. */
static int open_parent(const char *home, const char *path, bool make, const char **last)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    VC_AUTO_FD folder = open(home, flags);

    for (const char *slash; folder >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
        char part[PART_BYTES_MAX + 1];

        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = 0;
        if (make && mkdirat(folder, part, 0755) < 0 && errno != EEXIST)
            return -1;
        int next = openat(folder, part, flags | O_NOFOLLOW);
        close(folder);
        folder = next;
    }
    *last = path;
    return VC_STEAL_FD(folder);
}

static int refuse(const char *home, const char *path, int errnum, vc_error **err)
{
    if (errnum == ELOOP || errnum == ENOTDIR || errnum == ENXIO)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s/%s is refused: something that is no folder or no file is in its way",
                       home, path);
    return vc_fail(err, VC_EXIT_HOST, errnum, "cannot write %s/%s", home, path);
}

int vc_path_create(const char *home, const char *path, vc_error **err)
{
    const char *name;
    struct stat st;

    if (!vc_path_is_plain(path)) {
        VC_AUTO_TALLOC char *text = vc_path_text(NULL, path);
        return vc_fail(err, VC_EXIT_USAGE, 0, "the file name \"%s\" is refused: it may lead out of %s", text, home);
    }
    VC_AUTO_FD folder = open_parent(home, path, true, &name);
    if (folder < 0)
        return refuse(home, path, errno, err);
    /* Not blocking on a FIFO, and emptied only when it is known to be a file. */
    VC_AUTO_FD fd = openat(folder, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    if (fd < 0 || fstat(fd, &st) < 0)
        return refuse(home, path, errno, err);
    if (!S_ISREG(st.st_mode))
        return refuse(home, path, ENXIO, err);
    if (ftruncate(fd, 0) < 0)
        return refuse(home, path, errno, err);
    return VC_STEAL_FD(fd);
}

void vc_path_remove(const char *home, const char *path)
{
    const char *name;

    if (!vc_path_is_plain(path))
        return;
    VC_AUTO_FD folder = open_parent(home, path, false, &name);
    if (folder >= 0)
        unlinkat(folder, name, 0);
}
