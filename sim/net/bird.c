/*
 * Lines are taken from the buffer as they become whole. News goes to the listener at once, wherever it stands; the
 * other lines gather until one ends the answer. The greeting is an answer that nobody asked for and is skipped when it
 * comes: opening a connection does not wait for the daemon.
 */
#include "net/bird.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
    COMMAND_MS = 5000,
    CODE_DIGITS = 4,
    FAILED = 8, /* first digit of the code, and from there on */
    FIRST_BUFFER = 4096,
};

struct vc_bird {
    int fd;        /* -1: closed */
    unsigned skip; /* answers still to come that nobody asked for */
    char *in;      /* talloc: bytes read and not yet taken as lines */
    size_t have, scanned;
    char *reply; /* talloc: the lines of the answer so far */
    sd_event_source *source;
    vc_bird_fn *fn; /* not NULL: a command is in flight */
    void *arg;
    vc_bird_fn *news;
    void *news_arg;
};

static void hang_up(struct vc_bird *bird)
{
    bird->source = sd_event_source_disable_unref(bird->source);
    if (bird->fd >= 0)
        close(VC_STEAL_FD(bird->fd));
}

static int destroy(struct vc_bird *bird)
{
    hang_up(bird);
    return 0;
}

struct vc_bird *vc_bird_new(void *ctx, int fd)
{
    struct vc_bird *bird = talloc_zero(ctx, struct vc_bird);

    bird->fd = fd;
    bird->skip = 1;
    bird->in = talloc_array(bird, char, FIRST_BUFFER);
    bird->reply = talloc_strdup(bird, "");
    talloc_set_destructor(bird, destroy);
    return bird;
}

/* A command is short and the socket is empty when it is sent: a daemon that takes none of it has ended or hangs. */
static int send_command(struct vc_bird *bird, const char *command, vc_error **err)
{
    if (bird->fn)
        return vc_fail(err, VC_EXIT_FAIL, EBUSY, "BIRD \"%s\"", command);
    if (bird->fd < 0)
        return vc_fail(err, VC_EXIT_FAIL, ENOTCONN, "BIRD \"%s\"", command);
    VC_AUTO_TALLOC char *line = talloc_asprintf(NULL, "%s\n", command);
    ssize_t sent = send(bird->fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == (ssize_t)strlen(line))
        return 0;
    int problem = sent < 0 ? errno : EAGAIN;
    hang_up(bird);
    return vc_fail(err, VC_EXIT_FAIL, problem, "BIRD \"%s\": send", command);
}

/* 1: something was read, 0: nothing there, -1: closed (errno 0 for an orderly end). */
static int read_some(struct vc_bird *bird)
{
    size_t size = talloc_get_size(bird->in);

    if (bird->have == size) {
        size *= 2;
        bird->in = talloc_realloc(bird, bird->in, char, size);
    }
    ssize_t got = recv(bird->fd, bird->in + bird->have, size - bird->have, MSG_DONTWAIT);
    if (got > 0)
        bird->have += (size_t)got;
    else if (got == 0)
        errno = 0;
    else if (errno == EAGAIN || errno == EINTR)
        return 0;
    return got > 0 ? 1 : -1;
}

/* The next whole line, NUL-terminated (talloc child of the connection), or NULL. */
static char *take_line(struct vc_bird *bird)
{
    const char *end = memchr(bird->in + bird->scanned, '\n', bird->have - bird->scanned);

    if (!end) {
        bird->scanned = bird->have;
        return NULL;
    }
    size_t length = (size_t)(end - bird->in);
    char *line = talloc_strndup(bird, bird->in, length);
    bird->have -= length + 1;
    bird->scanned = 0;
    memmove(bird->in, bird->in + length + 1, bird->have);
    return line;
}

/* True for the line that ends an answer. */
static bool is_last(const char *line)
{
    for (size_t i = 0; i < CODE_DIGITS; i++)
        if (!isdigit((unsigned char)line[i]))
            return false;
    return line[CODE_DIGITS] != '-';
}

/* Takes lines until an answer that somebody asked for is whole: its last line (talloc), with the others in
 * bird->reply. NULL: more is to come. */
static char *next_answer(struct vc_bird *bird)
{
    char *line;

    while ((line = take_line(bird))) {
        VC_AUTO_TALLOC char *owned = line;
        if (*line == '+') {
            if (bird->news)
                bird->news(bird->news_arg, line + 1);
        } else if (!is_last(line)) {
            bird->reply = talloc_asprintf_append_buffer(bird->reply, "%s\n", line);
        } else if (!bird->skip) {
            return VC_STEAL_PTR(owned);
        } else {
            bird->skip--;
            *bird->reply = '\0';
        }
    }
    return NULL;
}

/* The lines of the answer; those of the next one gather in a new text. */
static char *take_reply(struct vc_bird *bird, void *ctx)
{
    char *reply = talloc_steal(ctx, bird->reply);

    bird->reply = talloc_strdup(bird, "");
    return reply;
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / VC_NS_PER_MS;
}

static char *wait_answer(struct vc_bird *bird, const char *command, vc_error **err)
{
    int64_t deadline = now_ms() + COMMAND_MS;
    char *last;

    while (!(last = next_answer(bird))) {
        int got = read_some(bird);
        if (got < 0) {
            int problem = errno;
            hang_up(bird);
            vc_fail(err, VC_EXIT_FAIL, problem, "BIRD \"%s\": the daemon closed the connection", command);
            return NULL;
        }
        int64_t left = deadline - now_ms();
        if (got == 0 && left <= 0) {
            hang_up(bird); /* its answer may still come, and would be taken for the next command's */
            vc_fail(err, VC_EXIT_FAIL, 0, "BIRD \"%s\": no answer for %d s", command, COMMAND_MS / 1000);
            return NULL;
        }
        if (got == 0)
            poll(&(struct pollfd){.fd = bird->fd, .events = POLLIN}, 1, (int)left);
    }
    return last;
}

char *vc_bird_command(struct vc_bird *bird, void *ctx, const char *command, vc_error **err)
{
    if (send_command(bird, command, err) < 0)
        return NULL;
    VC_AUTO_TALLOC char *last = wait_answer(bird, command, err);
    if (!last)
        return NULL;
    VC_AUTO_TALLOC char *reply = take_reply(bird, NULL);
    if (last[0] - '0' >= FAILED) {
        vc_fail(err, VC_EXIT_FAIL, 0, "BIRD \"%s\": refused: %s", command, last);
        return NULL;
    }
    return talloc_steal(ctx, VC_STEAL_PTR(reply));
}

/* ---- asynchronous ---- */

/* Cleared before the call, so that the function may ask again. */
static void finish(struct vc_bird *bird, const char *reply)
{
    vc_bird_fn *fn = VC_STEAL_PTR(bird->fn);

    if (fn)
        fn(bird->arg, reply);
}

static int on_readable(VC_UNUSED sd_event_source *source, VC_UNUSED int fd, VC_UNUSED uint32_t revents, void *arg)
{
    struct vc_bird *bird = arg;
    int got;

    while ((got = read_some(bird)) > 0)
        ;
    VC_AUTO_TALLOC char *last = next_answer(bird);
    if (got < 0)
        hang_up(bird);
    VC_AUTO_TALLOC char *reply = last ? take_reply(bird, NULL) : NULL;
    /* News behind the answer in the same bytes: no other event would tell of it. */
    VC_AUTO_TALLOC char *unasked = last ? next_answer(bird) : NULL;
    if (last)
        finish(bird, last[0] - '0' >= FAILED ? NULL : reply);
    else if (got < 0)
        finish(bird, NULL);
    return 0;
}

static int watch_socket(struct vc_bird *bird, sd_event *loop, vc_error **err)
{
    if (bird->fd < 0 || bird->source)
        return 0;
    int status = sd_event_add_io(loop, &bird->source, bird->fd, EPOLLIN, on_readable, bird);
    return status < 0 ? vc_fail(err, VC_EXIT_FAIL, -status, "BIRD: watching its control socket") : 0;
}

int vc_bird_ask(struct vc_bird *bird, sd_event *loop, const char *command, vc_bird_fn *fn, void *arg, vc_error **err)
{
    if (watch_socket(bird, loop, err) < 0 || send_command(bird, command, err) < 0)
        return -1;
    bird->fn = fn;
    bird->arg = arg;
    return 0;
}

int vc_bird_listen(struct vc_bird *bird, sd_event *loop, vc_bird_fn *fn, void *arg, vc_error **err)
{
    bird->news = fn;
    bird->news_arg = arg;
    return watch_socket(bird, loop, err);
}
