/*
 * The life of a load. Both sockets are made here, each in its own namespace, before the two children start: so the
 * receiver listens before the first packet and the children never change namespace. A child's loops have deadlines,
 * and an alarm behind them in case a call blocks.
 */
#include "probe/bulk.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/fds.h"
#include "net/netns.h"
#include "probe/bulk_private.h"

#define SOCKET_BUFFER (8 << 20)

/* The kernel's numbers of pidfds: P_PIDFD is not in every libc's header. */
static void end_child(int *pidfd)
{
    siginfo_t info;

    if (*pidfd < 0)
        return;
    pidfd_send_signal(*pidfd, SIGKILL, NULL, 0);
    waitid(P_PIDFD, (id_t)*pidfd, &info, WEXITED); /* nothing when a reaper had it */
    close(VC_STEAL_FD(*pidfd));
}

static void close_sockets(struct vc_bulk *bulk)
{
    int *fds[] = {&bulk->from[0], &bulk->from[1], &bulk->to, &bulk->stop[0]};

    for (size_t i = 0; i < VC_COUNT(fds); i++)
        if (*fds[i] >= 0)
            close(VC_STEAL_FD(*fds[i]));
}

static int destroy(struct vc_bulk *bulk)
{
    close_sockets(bulk);
    if (bulk->stop[1] >= 0)
        close(bulk->stop[1]);
    for (unsigned i = 0; i < 2; i++)
        end_child(&bulk->pidfds[i]);
    if (bulk->shared)
        munmap(bulk->shared, sizeof *bulk->shared);
    return 0;
}

static _Noreturn void child_main(struct vc_bulk *bulk, bool sends, pid_t parent)
{
    const struct sched_param normal = {0};
    int own[] = {bulk->from[0], bulk->from[1], bulk->to, bulk->stop[0]};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    signal(SIGALRM, SIG_DFL);
    alarm(bulk->config.seconds + 2 * BULK_SPARE_S);
    sched_setscheduler(0, SCHED_OTHER, &normal);
    vc_close_others(own, VC_COUNT(own)); /* and stop[1], or the sender would hold open what it waits for */
    if (sends)
        bulk_send(bulk);
    else
        bulk_receive(bulk);
    *(sends ? &bulk->shared->sender_done : &bulk->shared->receiver_done) = true;
    _exit(0);
}

static int start_child(struct vc_bulk *bulk, bool sends, vc_error **err)
{
    pid_t parent = getpid();

    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        child_main(bulk, sends, parent);
    int pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
    return pidfd < 0 ? vc_fail(err, VC_EXIT_HOST, errno, "cannot start a bulk load") : pidfd;
}

/* The first of `ports` ports from `port` on that is free; port 0: of the kernel's choice. */
static int bind_to(int fd, struct in_addr address, uint16_t port, unsigned ports)
{
    int failed = -1;

    for (unsigned i = 0; failed && i < ports; i++) {
        const struct sockaddr_in local = {
            .sin_family = AF_INET, .sin_addr = address, .sin_port = htons((uint16_t)(port + i))};

        failed = bind(fd, (const struct sockaddr *)&local, sizeof local);
        if (failed && errno != EADDRINUSE)
            return -1;
    }
    return failed;
}

static int open_socket(const struct vc_bulk_config *config, bool sends, vc_error **err)
{
    struct in_addr address = sends ? config->from : config->to;
    const int size = SOCKET_BUFFER;
    VC_NETNS_SCOPE(scope) = vc_netns_enter(sends ? config->from_netns : config->to_netns, err);

    if (scope.back < 0)
        return -1;
    VC_AUTO_FD fd = socket(AF_INET, (config->tcp ? SOCK_STREAM | SOCK_NONBLOCK : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot open a socket for a bulk load");
    /* TCP sizes its own buffers. */
    if (!config->tcp && (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0 ||
                         setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0))
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot set the socket buffers of a bulk load");
    if (bind_to(fd, address, sends ? 0 : VC_BULK_PORT, sends ? 1 : VC_BULK_PORTS) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "bulk load: cannot use address %s in its node",
                       vc_addr_text(address).s);
    return VC_STEAL_FD(fd);
}

static int open_sockets(struct vc_bulk *bulk, vc_error **err)
{
    const struct vc_bulk_config *config = &bulk->config;
    socklen_t size = sizeof bulk->destination;

    bulk->to = open_socket(config, false, err);
    for (unsigned i = 0; i < 2; i++)
        if (bulk->to < 0 || (bulk->from[i] = open_socket(config, true, err)) < 0)
            return -1;
    if (getsockname(bulk->to, (struct sockaddr *)&bulk->destination, &size) < 0 ||
        (config->tcp && listen(bulk->to, 1) < 0))
        return vc_fail(err, VC_EXIT_HOST, errno, "bulk load: cannot listen on %s", vc_addr_text(config->to).s);
    for (unsigned i = 0; i < 2 && !config->tcp; i++)
        if (connect(bulk->from[i], (struct sockaddr *)&bulk->destination, size) < 0)
            return vc_fail(err, VC_EXIT_FAIL, errno, "bulk load: no way from %s to %s", vc_addr_text(config->from).s,
                           vc_addr_text(config->to).s);
    if (pipe2(bulk->stop, O_CLOEXEC) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot open a pipe for a bulk load");
    return 0;
}

static int check_config(const struct vc_bulk_config *config, vc_error **err)
{
    if (config->seconds < 1 || config->seconds > 600)
        return vc_fail(err, VC_EXIT_USAGE, 0, "a bulk load takes 1 to 600 seconds, not %u", config->seconds);
    if (!config->tcp && (config->ip_bytes < BULK_UDP_HEADERS + sizeof(uint32_t) || config->ip_bytes > BULK_IP_MAX ||
                         !(config->mbit > 0)))
        return vc_fail(err, VC_EXIT_USAGE, 0, "a UDP load needs a rate above 0 and packets of %zu to %d bytes",
                       BULK_UDP_HEADERS + sizeof(uint32_t), BULK_IP_MAX);
    return 0;
}

struct vc_bulk *vc_bulk_start(void *ctx, const struct vc_bulk_config *config, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_bulk *bulk = talloc(ctx, struct vc_bulk);

    *bulk = (struct vc_bulk){.config = *config, .from = {-1, -1}, .to = -1, .stop = {-1, -1}, .pidfds = {-1, -1}};
    talloc_set_destructor(bulk, destroy);
    if (check_config(config, err))
        return NULL;
    void *shared = mmap(NULL, sizeof *bulk->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        vc_fail(err, VC_EXIT_HOST, errno, "cannot start a bulk load");
        return NULL;
    }
    bulk->shared = shared;
    if (open_sockets(bulk, err))
        return NULL;
    for (unsigned i = 0; i < 2; i++) /* the receiver first */
        if ((bulk->pidfds[1 - i] = start_child(bulk, i, err)) < 0)
            return NULL;
    close_sockets(bulk);
    return VC_STEAL_PTR(bulk);
}

void vc_bulk_fds(const struct vc_bulk *bulk, int fds[2])
{
    memcpy(fds, bulk->pidfds, sizeof bulk->pidfds);
}

bool vc_bulk_is_over(const struct vc_bulk *bulk)
{
    struct pollfd ends[2] = {{.fd = bulk->pidfds[0], .events = POLLIN}, {.fd = bulk->pidfds[1], .events = POLLIN}};

    return poll(ends, 2, 0) == 2;
}

void vc_bulk_mark(struct vc_bulk *bulk)
{
    if (bulk->shared->mark + 1 < VC_BULK_WINDOWS)
        bulk->shared->mark++;
}

void vc_bulk_stop(struct vc_bulk *bulk)
{
    bulk->shared->stop = true;
    if (bulk->stop[1] >= 0)
        close(VC_STEAL_FD(bulk->stop[1]));
}

size_t vc_bulk_windows(const struct vc_bulk *bulk)
{
    return bulk->shared->mark + 1;
}

static void add_window(struct bulk_window *sum, const struct bulk_window *window)
{
    sum->sent += window->sent;
    sum->received += window->received;
    sum->bytes += window->bytes;
    if (window->start_ns && (!sum->start_ns || window->start_ns < sum->start_ns))
        sum->start_ns = window->start_ns;
    if (window->end_ns > sum->end_ns)
        sum->end_ns = window->end_ns;
    if (window->first_ns && (!sum->first_ns || window->first_ns < sum->first_ns))
        sum->first_ns = window->first_ns;
    if (window->last_ns > sum->last_ns)
        sum->last_ns = window->last_ns;
}

int vc_bulk_result(const struct vc_bulk *bulk, int window, struct vc_bulk_result *result, vc_error **err)
{
    const struct vc_bulk_config *config = &bulk->config;
    const struct bulk_shared *shared = bulk->shared;
    struct bulk_window sum = {0};
    const int errnums[2] = {shared->sender_errno, shared->receiver_errno};
    const bool done[2] = {shared->sender_done, shared->receiver_done};
    static const char *const who[2] = {"sender", "receiver"};

    *result = (struct vc_bulk_result){0};
    for (unsigned i = 0; i < 2; i++) {
        if (errnums[i])
            return vc_fail(err, VC_EXIT_FAIL, errnums[i], "the %s of a bulk load failed", who[i]);
        if (!done[i])
            return vc_fail(err, VC_EXIT_FAIL, 0, "the %s of a bulk load died", who[i]);
    }
    for (int i = 0; i < VC_BULK_WINDOWS; i++)
        if (window < 0 || i == window)
            add_window(&sum, &shared->windows[i]);
    int64_t span = sum.last_ns - sum.first_ns;
    double bits = 8.0 * (config->tcp ? (double)sum.bytes : (double)sum.received * config->ip_bytes);
    *result = (struct vc_bulk_result){
        .sent = sum.sent,
        .received = sum.received,
        .lost = sum.sent > sum.received ? sum.sent - sum.received : 0,
        .seconds = (double)span / VC_NS_PER_S,
        .mbit = span > 0 ? bits / ((double)span / VC_NS_PER_S) / 1e6 : 0,
        .start_ns = sum.start_ns,
        .end_ns = sum.end_ns,
    };
    return 0;
}

int vc_bulk_run(const struct vc_bulk_config *config, struct vc_bulk_result *result, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_bulk *bulk = vc_bulk_start(NULL, config, err);

    if (!bulk)
        return -1;
    for (unsigned i = 0; i < 2; i++) {
        struct pollfd end = {.fd = bulk->pidfds[i], .events = POLLIN};
        while (poll(&end, 1, -1) < 0 && errno == EINTR)
            ;
    }
    return vc_bulk_result(bulk, -1, result, err);
}
