#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int put_all(int fd, const char *text)
{
    for (size_t left = strlen(text); left;) {
        ssize_t n = write(fd, text, left);

        if (n < 0 && errno != EINTR)
            return -1;
        text += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int fail(const char *path, vc_error **err)
{
    enum vc_exit status = errno == ENOSPC || errno == EDQUOT || errno == EIO ? VC_EXIT_HOST : VC_EXIT_USAGE;

    return vc_fail(err, status, errno, "cannot write %s", path);
}

static int replace(const char *path, const char *text, mode_t mode, vc_error **err)
{
    VC_AUTO_TALLOC char *draft = talloc_asprintf(NULL, "%s.%d.new", path, (int)getpid());
    VC_AUTO_FD fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

    if (fd < 0)
        return fail(path, err);
    if (put_all(fd, text) == 0 && fsync(fd) == 0 && rename(draft, path) == 0)
        return 0;
    fail(path, err);
    unlink(draft);
    return -1;
}

static int write_into(const char *path, const char *text, mode_t mode, vc_error **err)
{
    VC_AUTO_FD fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && fchmod(fd, mode & st.st_mode & 0777))
        return fail(path, err);
    return fd < 0 || put_all(fd, text) ? fail(path, err) : 0;
}

int output_write(const char *path, const char *text, mode_t mode, vc_error **err)
{
    struct stat st;

    if (!strcmp(path, "-"))
        return fputs(text, stdout) == EOF || fflush(stdout)
                   ? vc_fail(err, VC_EXIT_HOST, errno, "cannot write to standard output")
                   : 0;
    if (lstat(path, &st)) /* nobody's name */
        return replace(path, text, mode, err);
    if (!S_ISREG(st.st_mode)) /* /dev/stdout, which leads to a file or not; a link of the user's */
        return write_into(path, text, mode, err);
    return replace(path, text, mode & st.st_mode & 0777, err);
}
