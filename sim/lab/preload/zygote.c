/*
 * Preloaded into an FRR daemon, this makes it a zygote: the daemon initialises itself once (YANG models, command tree:
 * nine tenths of its start), then waits where FRR itself may fork, and for each node forks a daemon that goes on from
 * there. FRR is not changed: what is interposed are functions of libfrr that every main() calls, and libcap's.
 *
 * The place is named by the environment. It must come before the first socket, before the configuration is read and
 * before the first thread: frr_config_fork (bgpd), vrf_init (bfdd, whose VRF binds sockets), the return of frr_init
 * (zebra, whose next step binds one). What a daemon holds by then belongs to the zygote's namespaces or is shared by
 * all its children, so each child replaces it: pipes, namespace descriptors, the folder of its crash logs. Anything
 * else that is open is an error, and the engine then starts the daemon the ordinary way.
 *
 * A daemon drops its capabilities in frr_init. The zygote puts that off until the child is in its node, because setns
 * needs them.
 *
 * The library is built on the host and runs with the lab root's libc, so it asks little of it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define EXPORT __attribute__((visibility("default")))

enum { CONTROL = 0, FIRST_OWN_FD = 3, FD_LIMIT = 256, LINK_SIZE = 128 };

/* libfrr's and libcap's, whose headers are not needed here. */
struct event_loop;
struct event_loop *frr_init(void);
void frr_config_fork(void);
void vrf_init(void *create, void *enable, void *disable, void *destroy);
int cap_set_proc(void *caps);
struct wheel;
struct wheel *wheel_init(struct event_loop *loop, int period_ms, size_t slots, void *key, void *run, const char *name);

static bool waiting = true;  /* false in a child */
static void *postponed_caps; /* what the daemon wanted its capabilities to be; libfrr keeps this object for good */

static void *next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (!function)
        _exit(127);
    return function;
}

/* ---- in the child ---- */

static int replace(int fd, int with)
{
    int result = with < 0 ? -1 : dup3(with, fd, fcntl(fd, F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0);
    int problem = errno;

    if (with >= 0)
        close(with);
    errno = problem;
    return result < 0 ? -1 : 0;
}

static int read_link(int fd, char text[LINK_SIZE])
{
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(path, text, LINK_SIZE - 1);
    text[len < 0 ? 0 : len] = '\0';
    return len < 0 ? -1 : 0;
}

/* A pipe of the child's own in place of one shared with its siblings. The other end has a higher number. */
static int new_pipe(int fd, const char *link)
{
    char other[LINK_SIZE];
    int ends[2];

    for (int partner = fd + 1; partner < FD_LIMIT; partner++) {
        if (read_link(partner, other) || strcmp(link, other))
            continue;
        int mode = fcntl(fd, F_GETFL), partner_mode = fcntl(partner, F_GETFL);
        if (pipe2(ends, O_CLOEXEC))
            return -1;
        bool reads = (mode & O_ACCMODE) == O_RDONLY;
        if (replace(fd, ends[reads ? 0 : 1]) || replace(partner, ends[reads ? 1 : 0]))
            return -1;
        fcntl(fd, F_SETFL, mode & O_NONBLOCK);
        fcntl(partner, F_SETFL, partner_mode & O_NONBLOCK);
        return 0;
    }
    return 0; /* the higher end of a pipe that is done */
}

static int new_namespace(int fd, const char *link)
{
    (void)link;
    return replace(fd, open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
}

static int new_folder(int fd, const char *link)
{
    if (mkdir(link, 0700) && errno != EEXIST)
        return -1;
    return replace(fd, open(link, O_PATH | O_CLOEXEC));
}

static const struct {
    const char *prefix;
    int (*fn)(int fd, const char *link);
} kinds[] = {
    {"pipe:", new_pipe},
    {"net:", new_namespace},
    {"/var/tmp/frr/", new_folder},
};

static int refuse(void)
{
    errno = EBADF;
    return -1;
}

static int own_descriptors(int control, char *step, size_t size)
{
    char link[LINK_SIZE];

    for (int fd = FIRST_OWN_FD; fd < FD_LIMIT; fd++) {
        int (*fn)(int fd, const char *link) = NULL;
        if (fd == control || read_link(fd, link))
            continue;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (!strncmp(link, kinds[i].prefix, strlen(kinds[i].prefix)))
                fn = kinds[i].fn;
        snprintf(step, size, "descriptor %d, %.30s", fd, link);
        if (fn ? fn(fd, link) : refuse())
            return -1;
    }
    return 0;
}

static int own_output(const char *log)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int failed = null < 0 || out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || dup2(null, 0) < 0 ? -1 : 0;

    close(out);
    close(null);
    return failed;
}

static int enter(const int fds[VC_ZYGOTE_FDS])
{
    static const int kind[] = {
        [VC_ZYGOTE_NET] = CLONE_NEWNET, [VC_ZYGOTE_UTS] = CLONE_NEWUTS, [VC_ZYGOTE_MOUNT] = CLONE_NEWNS};

    for (int i = 0; i < VC_ZYGOTE_FDS; i++) {
        if (setns(fds[i], kind[i]))
            return -1;
        close(fds[i]);
    }
    return chdir("/");
}

/* zebra tells mgmtd of every change of an interface, for which it renders its whole YANG tree; no node runs one. */
static void no_oper_changes(void)
{
    static const char *const flags[] = {"if_notify_oper_changes", "vrf_notify_oper_changes"};

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        bool *flag = dlsym(RTLD_DEFAULT, flags[i]);
        if (flag)
            *flag = false;
    }
}

static int drop_capabilities(void)
{
    int (*set)(void *) = next("cap_set_proc");

    return postponed_caps ? set(postponed_caps) : 0;
}

static int settle(const struct vc_zygote_request *request, const int fds[VC_ZYGOTE_FDS], int control, char *step,
                  size_t size)
{
    struct sched_param priority = {.sched_priority = request->rt_priority};

    setsid();
    snprintf(step, size, "entering the node");
    if (enter(fds))
        return -1;
    if (own_descriptors(control, step, size))
        return -1;
    if (request->rt_priority)
        sched_setscheduler(0, SCHED_RR, &priority); /* without the privilege the daemon runs at normal priority */
    srandom((unsigned)time(NULL));                  /* as frr_init does, but now */
    no_oper_changes();
    snprintf(step, size, "dropping capabilities");
    return drop_capabilities();
}

/* Returns in the daemon only. */
static void become_daemon(const struct vc_zygote_request *request, const int fds[VC_ZYGOTE_FDS])
{
    struct vc_zygote_reply reply = {.what = VC_ZYGOTE_STARTED, .pid = getpid()};
    int control = fcntl(CONTROL, F_DUPFD_CLOEXEC, FIRST_OWN_FD);

    waiting = false;
    if (settle(request, fds, control, reply.step, sizeof reply.step) ||
        (snprintf(reply.step, sizeof reply.step, "opening the log"), own_output(request->log))) {
        reply.what = VC_ZYGOTE_FAILED;
        reply.errnum = errno;
        send(control, &reply, sizeof reply, MSG_NOSIGNAL);
        _exit(126);
    }
    send(control, &reply, sizeof reply, MSG_NOSIGNAL);
    close(control);
}

/* ---- in the zygote ---- */

/* 0: a request with its descriptors; -1: the engine is gone or talks nonsense. */
static int receive(struct vc_zygote_request *request, int fds[VC_ZYGOTE_FDS])
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * VC_ZYGOTE_FDS)];
        struct cmsghdr align;
    } control;
    struct iovec data = {request, sizeof *request};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t len;

    do
        len = recvmsg(CONTROL, &message, MSG_CMSG_CLOEXEC);
    while (len < 0 && errno == EINTR);
    const struct cmsghdr *rights = len > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (len != sizeof *request || !rights || rights->cmsg_type != SCM_RIGHTS ||
        rights->cmsg_len != CMSG_LEN(sizeof(int) * VC_ZYGOTE_FDS))
        return -1;
    memcpy(fds, CMSG_DATA(rights), sizeof(int) * VC_ZYGOTE_FDS);
    request->log[sizeof request->log - 1] = '\0';
    return 0;
}

/* Forks twice, so that the daemon's parent is PID 1, as if it had started the daemon. True in the daemon. */
static bool fork_daemon(const struct vc_zygote_request *request, const int fds[VC_ZYGOTE_FDS])
{
    struct vc_zygote_reply failed = {.what = VC_ZYGOTE_FAILED, .step = "forking"};
    pid_t middle = fork();

    if (middle < 0) {
        failed.errnum = errno;
        send(CONTROL, &failed, sizeof failed, MSG_NOSIGNAL);
    }
    if (middle)
        return false;
    pid_t daemon = fork();
    if (!daemon) {
        become_daemon(request, fds);
        return true;
    }
    if (daemon < 0) {
        failed.errnum = errno;
        send(CONTROL, &failed, sizeof failed, MSG_NOSIGNAL);
    }
    _exit(0);
}

/* Serves until the engine hangs up; returns in each daemon. */
static void serve(void)
{
    struct vc_zygote_reply ready = {.what = VC_ZYGOTE_READY, .pid = getpid()};
    struct vc_zygote_request request;
    int fds[VC_ZYGOTE_FDS];

    unsetenv("LD_PRELOAD");
    unsetenv(VC_ZYGOTE_PLACE);
    send(CONTROL, &ready, sizeof ready, MSG_NOSIGNAL);
    while (!receive(&request, fds)) {
        if (fork_daemon(&request, fds))
            return;
        for (int i = 0; i < VC_ZYGOTE_FDS; i++)
            close(fds[i]);
        while (waitpid(-1, NULL, 0) > 0) /* the one in the middle */
            continue;
    }
    _exit(0);
}

static void serve_at(const char *place)
{
    const char *wanted = waiting ? getenv(VC_ZYGOTE_PLACE) : NULL;

    if (wanted && !strcmp(wanted, place))
        serve();
}

/* ---- interposed ---- */

EXPORT int cap_set_proc(void *caps)
{
    int (*set)(void *) = next("cap_set_proc");

    if (!waiting || !getenv(VC_ZYGOTE_PLACE))
        return set(caps);
    postponed_caps = caps;
    return 0;
}

EXPORT struct event_loop *frr_init(void)
{
    struct event_loop *(*init)(void) = next("frr_init");
    struct event_loop *loop = init();

    serve_at("frr_init");
    return loop;
}

EXPORT void frr_config_fork(void)
{
    void (*config_fork)(void) = next("frr_config_fork");

    serve_at("frr_config_fork");
    config_fork();
}

EXPORT void vrf_init(void *create, void *enable, void *disable, void *destroy)
{
    void (*init)(void *, void *, void *, void *) = next("vrf_init");

    serve_at("vrf_init");
    init(create, enable, disable, destroy);
}

/* zebra's wheel for IPv6 router advertisements turns every second, empty or not. Nodes have no IPv6, so it may rest. */
EXPORT struct wheel *wheel_init(struct event_loop *loop, int period_ms, size_t slots, void *key, void *run,
                                const char *name)
{
    struct wheel *(*init)(struct event_loop *, int, size_t, void *, void *, const char *) = next("wheel_init");

    (void)period_ms;
    return init(loop, INT_MAX, slots, key, run, name);
}
