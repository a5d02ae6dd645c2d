#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "run/control.h"

static int address_of(const char *path, struct sockaddr_un *address, vc_error **err)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((size_t)snprintf(address->sun_path, sizeof address->sun_path, "%s", path) >= sizeof address->sun_path)
        return vc_fail(err, VC_EXIT_USAGE, 0,
                       "%s: too long for a socket (%zu characters at most): choose a shorter --results", path,
                       sizeof address->sun_path - 1);
    return 0;
}

int vc_control_listen(const char *path, vc_error **err)
{
    struct sockaddr_un address;
    VC_AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (address_of(path, &address, err))
        return -1;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 8))
        return vc_fail(err, VC_EXIT_FAIL, errno, "creating the control socket %s", path);
    return VC_STEAL_FD(fd);
}

static int send_request(int fd, const json_t *request, const int *fds, size_t fd_count, vc_error **err)
{
    VC_AUTO_FREE char *text = json_dumps(request, JSON_COMPACT);
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(3 * sizeof(int))];
    } control = {0};
    size_t len = strlen(text);

    text[len] = '\n'; /* in place of the NUL */
    struct iovec iov = {.iov_base = text, .iov_len = len + 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd_count) {
        msg.msg_control = control.space;
        msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&msg);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
    }
    return sendmsg(fd, &msg, MSG_NOSIGNAL) == (ssize_t)iov.iov_len
               ? 0
               : vc_fail(err, VC_EXIT_FAIL, errno, "asking the lab");
}

static json_t *read_answer(int fd, vc_error **err)
{
    VC_AUTO_FREE char *text = NULL;
    size_t size = 0, used = 0;

    for (;;) {
        if (size - used < 4096) {
            char *bigger = realloc(text, size += 65536);
            if (!bigger)
                abort();
            text = bigger;
        }
        ssize_t n = read(fd, text + used, size - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        used += (size_t)n;
        if (text[used - 1] == '\n')
            break;
    }
    json_t *answer = json_loadb(text, used, JSON_DISABLE_EOF_CHECK, NULL);
    if (!answer)
        vc_fail(err, VC_EXIT_FAIL, 0, "the lab went away before it answered");
    return answer;
}

json_t *vc_control_call(const char *path, const json_t *request, const int *fds, size_t fd_count, int *keep,
                        vc_error **err)
{
    struct sockaddr_un address;
    VC_AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (address_of(path, &address, err))
        return NULL;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) {
        vc_fail(err, VC_EXIT_FAIL, errno, "reaching the lab at %s", path);
        return NULL;
    }
    if (send_request(fd, request, fds, fd_count, err))
        return NULL;
    VC_AUTO_JSON *answer = read_answer(fd, err);
    if (!answer)
        return NULL;
    if (!json_is_true(json_object_get(answer, "ok"))) {
        const char *text = json_string_value(json_object_get(answer, "error"));
        vc_fail(err, json_is_true(json_object_get(answer, "usage")) ? VC_EXIT_USAGE : VC_EXIT_FAIL, 0, "%s",
                text ? text : "refused");
        return NULL;
    }
    if (keep)
        *keep = VC_STEAL_FD(fd);
    return json_incref(answer);
}
