/*
 * One command is in flight at a time; its answer is text that ends in NUL NUL NUL status. The `enable` sent at the
 * start is answered like any other command, and that answer is skipped when it comes: opening a connection does not
 * wait for the daemon.
 */
#include "net/vty.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
    COMMAND_MS = 5000,
    END_BYTES = 4, /* NUL NUL NUL status */
    FIRST_BUFFER = 4096,
};

struct vc_vty {
    int fd;        /* -1: closed */
    unsigned skip; /* answers still to come that nobody asked for */
    char *in;      /* talloc */
    size_t have, scanned;
    sd_event_source *source;
    vc_vty_fn *fn; /* not NULL: a command is in flight */
    void *arg;
};

/* An answer in the buffer. */
struct answer {
    char *text; /* NUL-terminated, inside the buffer: valid until the next read */
    size_t length;
    unsigned char status;
};

static void hang_up(struct vc_vty *vty)
{
    vty->source = sd_event_source_disable_unref(vty->source);
    if (vty->fd >= 0)
        close(VC_STEAL_FD(vty->fd));
}

static int destroy(struct vc_vty *vty)
{
    hang_up(vty);
    return 0;
}

/* A command is short and the socket is empty when it is sent: a daemon that takes none of it has ended or hangs. */
static int send_command(struct vc_vty *vty, const char *command, vc_error **err)
{
    size_t size = strlen(command) + 1;

    if (vty->fd < 0)
        return vc_fail(err, VC_EXIT_FAIL, ENOTCONN, "FRR \"%s\"", command);
    ssize_t sent = send(vty->fd, command, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == (ssize_t)size)
        return 0;
    int problem = sent < 0 ? errno : EAGAIN;
    hang_up(vty);
    return vc_fail(err, VC_EXIT_FAIL, problem, "FRR \"%s\": send", command);
}

struct vc_vty *vc_vty_new(void *ctx, int fd)
{
    struct vc_vty *vty = talloc_zero(ctx, struct vc_vty);

    vty->fd = fd;
    vty->in = talloc_array(vty, char, FIRST_BUFFER);
    talloc_set_destructor(vty, destroy);
    if (send_command(vty, "enable", NULL) == 0)
        vty->skip = 1;
    return vty;
}

/* 1: something was read, 0: nothing there, -1: closed (errno 0 for an orderly end). */
static int read_some(struct vc_vty *vty)
{
    size_t size = talloc_get_size(vty->in);

    if (vty->have == size) {
        size *= 2;
        vty->in = talloc_realloc(vty, vty->in, char, size);
    }
    ssize_t got = recv(vty->fd, vty->in + vty->have, size - vty->have, MSG_DONTWAIT);
    if (got > 0)
        vty->have += (size_t)got;
    else if (got == 0)
        errno = 0;
    else if (errno == EAGAIN || errno == EINTR)
        return 0;
    return got > 0 ? 1 : -1;
}

static void drop_answer(struct vc_vty *vty, const struct answer *answer)
{
    size_t used = answer->length + END_BYTES;

    vty->have -= used;
    memmove(vty->in, vty->in + used, vty->have);
    vty->scanned = 0;
}

/* True when a whole answer is in the buffer. */
static bool find_answer(struct vc_vty *vty, struct answer *answer)
{
    const char *end = memmem(vty->in + vty->scanned, vty->have - vty->scanned, "\0\0", 3);

    if (!end) {
        vty->scanned = vty->have > 2 ? vty->have - 2 : 0; /* an end may be cut in two */
        return false;
    }
    size_t length = (size_t)(end - vty->in);
    if (length + END_BYTES > vty->have) {
        vty->scanned = length;
        return false;
    }
    *answer = (struct answer){vty->in, length, (unsigned char)vty->in[length + 3]};
    return true;
}

/* The next answer that somebody asked for. */
static bool next_answer(struct vc_vty *vty, struct answer *answer)
{
    while (find_answer(vty, answer)) {
        if (!vty->skip)
            return true;
        vty->skip--;
        drop_answer(vty, answer);
    }
    return false;
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / VC_NS_PER_MS;
}

static int wait_answer(struct vc_vty *vty, const char *command, struct answer *answer, vc_error **err)
{
    int64_t deadline = now_ms() + COMMAND_MS;

    while (!next_answer(vty, answer)) {
        int got = read_some(vty);
        if (got < 0) {
            int problem = errno;
            hang_up(vty);
            return vc_fail(err, VC_EXIT_FAIL, problem, "FRR \"%s\": the daemon closed the connection", command);
        }
        int64_t left = deadline - now_ms();
        if (got == 0 && left <= 0) {
            hang_up(vty); /* its answer may still come, and would be taken for the next command's */
            return vc_fail(err, VC_EXIT_FAIL, 0, "FRR \"%s\": no answer for %d s", command, COMMAND_MS / 1000);
        }
        if (got == 0)
            poll(&(struct pollfd){.fd = vty->fd, .events = POLLIN}, 1, (int)left);
    }
    return 0;
}

/* lib/command.h's results; 0 is success, 1 a warning whose text says what is the matter. */
static const char *const failures[] = {
    [1] = "warning",
    [2] = "unknown command",
    [3] = "ambiguous command",
    [4] = "incomplete command",
    [5] = "too many arguments",
    [6] = "nothing to do",
    [13] = "configuration failed",
    [14] = "another instance's",
    [15] = "cannot leave this level",
};

static int check_status(const char *command, const struct answer *answer, vc_error **err)
{
    const char *kind = answer->status < VC_COUNT(failures) ? failures[answer->status] : NULL;
    size_t length = answer->length;

    if (!answer->status)
        return 0;
    while (length && strchr("\r\n ", answer->text[length - 1]))
        length--;
    return vc_fail(err, VC_EXIT_FAIL, 0, "FRR \"%s\": %s (status %u)%s%.*s", command, kind ? kind : "failed",
                   answer->status, length ? ": " : "", (int)length, answer->text);
}

/* The answer stays in the buffer; the caller drops it. */
static int ask(struct vc_vty *vty, const char *command, struct answer *answer, vc_error **err)
{
    if (vty->fn)
        return vc_fail(err, VC_EXIT_FAIL, EBUSY, "FRR \"%s\"", command);
    return send_command(vty, command, err) < 0 ? -1 : wait_answer(vty, command, answer, err);
}

char *vc_vty_command(struct vc_vty *vty, void *ctx, const char *command, vc_error **err)
{
    struct answer answer = {0};

    if (ask(vty, command, &answer, err) < 0)
        return NULL;
    char *text = check_status(command, &answer, err) < 0 ? NULL : talloc_strndup(ctx, answer.text, answer.length);
    drop_answer(vty, &answer);
    return text;
}

json_t *vc_vty_json(struct vc_vty *vty, const char *command, vc_error **err)
{
    struct answer answer = {0};
    json_error_t problem;
    json_t *json = NULL;

    if (ask(vty, command, &answer, err) < 0)
        return NULL;
    if (check_status(command, &answer, err) == 0) {
        json = json_loadb(answer.text, answer.length, 0, &problem);
        if (!json)
            vc_fail(err, VC_EXIT_FAIL, 0, "FRR \"%s\": not JSON: %s: %.60s", command, problem.text,
                    answer.length ? answer.text : "(nothing)");
    }
    drop_answer(vty, &answer);
    return json;
}

/* ---- asynchronous ---- */

/* Cleared before the call, so that the function may ask again. */
static void finish(struct vc_vty *vty, json_t *reply)
{
    vc_vty_fn *fn = VC_STEAL_PTR(vty->fn);
    VC_AUTO_JSON *owned = reply;

    if (fn)
        fn(vty->arg, reply);
}

static int on_readable(VC_UNUSED sd_event_source *source, VC_UNUSED int fd, VC_UNUSED uint32_t revents, void *arg)
{
    struct vc_vty *vty = arg;
    struct answer answer = {0};
    int got;

    while ((got = read_some(vty)) > 0)
        ;
    if (next_answer(vty, &answer)) {
        json_t *reply = answer.status ? NULL : json_loadb(answer.text, answer.length, 0, NULL);
        drop_answer(vty, &answer);
        if (got < 0)
            hang_up(vty);
        finish(vty, reply);
        return 0;
    }
    if (got < 0) {
        hang_up(vty);
        finish(vty, NULL);
    }
    return 0;
}

int vc_vty_ask(struct vc_vty *vty, sd_event *loop, const char *command, vc_vty_fn *fn, void *arg, vc_error **err)
{
    if (vty->fn)
        return vc_fail(err, VC_EXIT_FAIL, EBUSY, "FRR \"%s\"", command);
    if (vty->fd >= 0 && !vty->source) {
        int status = sd_event_add_io(loop, &vty->source, vty->fd, EPOLLIN, on_readable, vty);
        if (status < 0)
            return vc_fail(err, VC_EXIT_FAIL, -status, "FRR \"%s\": watch the socket", command);
    }
    if (send_command(vty, command, err) < 0)
        return -1;
    vty->fn = fn;
    vty->arg = arg;
    return 0;
}
