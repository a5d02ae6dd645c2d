#include "vm/qmp.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { LINE_MAX_BYTES = 1 << 20 }; /* the longest reply used is a few hundred bytes */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Takes from the socket up to the end of the line, and no more. Returns 1 at the end of a line, 0 before it. */
static int take(int fd, char **line)
{
    char block[4096];
    ssize_t n = recv(fd, block, sizeof block, MSG_PEEK | MSG_DONTWAIT);

    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -1;
    if (n == 0) {
        errno = ECONNRESET;
        return -1;
    }
    const char *end = memchr(block, '\n', (size_t)n);
    if (end)
        n = end - block + 1;
    n = recv(fd, block, (size_t)n, MSG_DONTWAIT);
    if (n < 0)
        return -1;
    *line = talloc_strndup_append_buffer(*line, block, (size_t)n);
    return end ? 1 : 0;
}

/* The next message; NULL with *err. `waiting_for` is for the error. */
static json_t *next(int fd, int64_t deadline, const char *waiting_for, vc_error **err)
{
    VC_AUTO_TALLOC char *line = talloc_strdup(NULL, "");
    int taken = 0;

    while (taken == 0) {
        int64_t left = deadline - now_ms();
        struct pollfd pfd = {.fd = fd, .events = POLLIN};

        if (left <= 0) {
            vc_fail(err, VC_EXIT_HOST, 0, "QEMU was silent for too long, waiting for %s", waiting_for);
            return NULL;
        }
        if (poll(&pfd, 1, (int)left) <= 0)
            continue;
        taken = take(fd, &line);
        if (taken < 0) {
            vc_fail(err, VC_EXIT_HOST, errno, "QEMU's control socket, waiting for %s", waiting_for);
            return NULL;
        }
        if (talloc_array_length(line) > LINE_MAX_BYTES)
            taken = 1; /* is no JSON then */
    }
    json_t *message = json_loads(line, 0, NULL);
    if (!message)
        vc_fail(err, VC_EXIT_HOST, 0, "QEMU sent no JSON, waiting for %s: %.80s", waiting_for, line);
    return message;
}

/* The next message that has the member `key`: "return" also stands for "error". */
static json_t *next_with(int fd, const char *key, int64_t deadline, const char *waiting_for, vc_error **err)
{
    for (;;) {
        json_t *message = next(fd, deadline, waiting_for, err);

        if (!message || json_object_get(message, key) || (!strcmp(key, "return") && json_object_get(message, "error")))
            return message;
        json_decref(message);
    }
}

static int send_line(int fd, const char *text, int pass, vc_error **err)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = {.room = {0}};
    size_t size = strlen(text);

    for (size_t sent = 0; sent < size;) {
        struct iovec part = {.iov_base = (void *)(uintptr_t)(text + sent), .iov_len = size - sent};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

        if (pass >= 0 && sent == 0) {
            message.msg_control = control.room;
            message.msg_controllen = sizeof control.room;
            control.header =
                (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
            memcpy(CMSG_DATA(&control.header), &pass, sizeof pass);
        }
        ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return vc_fail(err, VC_EXIT_HOST, errno, "cannot write to QEMU's control socket");
        sent += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int vc_qmp_execute(int fd, const char *command, json_t *arguments, int pass, int limit_ms, json_t **result,
                   vc_error **err)
{
    VC_AUTO_JSON *request = json_pack("{s:s, s:o*}", "execute", command, "arguments", arguments);
    VC_AUTO_FREE char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    VC_AUTO_TALLOC char *line = text ? talloc_asprintf(NULL, "%s\n", text) : NULL;

    if (!line)
        return vc_fail(err, VC_EXIT_HOST, ENOMEM, "QEMU's %s", command);
    if (send_line(fd, line, pass, err) < 0)
        return -1;
    VC_AUTO_JSON *reply = next_with(fd, "return", now_ms() + limit_ms, command, err);
    if (!reply)
        return -1;
    const json_t *error = json_object_get(reply, "error");
    if (error) {
        const char *words = json_string_value(json_object_get(error, "desc"));
        return vc_fail(err, VC_EXIT_HOST, 0, "QEMU refused %s: %s", command, words ? words : "it does not say why");
    }
    if (result)
        *result = json_incref(json_object_get(reply, "return"));
    return 0;
}

int vc_qmp_handshake(int fd, int limit_ms, json_t **greeting, vc_error **err)
{
    VC_AUTO_JSON *hello = next_with(fd, "QMP", now_ms() + limit_ms, "its greeting", err);

    if (!hello || vc_qmp_execute(fd, "qmp_capabilities", NULL, -1, limit_ms, NULL, err) < 0)
        return -1;
    if (greeting)
        *greeting = json_incref(json_object_get(hello, "QMP"));
    return 0;
}

int vc_qmp_wait_event(int fd, const char *name, int limit_ms, json_t **data, vc_error **err)
{
    int64_t deadline = now_ms() + limit_ms;

    for (;;) {
        VC_AUTO_JSON *message = next_with(fd, "event", deadline, name, err);

        if (!message)
            return -1;
        const char *event = json_string_value(json_object_get(message, "event"));
        if (!event || strcmp(event, name) != 0)
            continue;
        if (data) {
            json_t *members = json_object_get(message, "data");
            *data = members ? json_incref(members) : json_object();
        }
        return 0;
    }
}
