/*
 * Bulk loads. Both sockets are made here, each in its own namespace, before the two children start: so the receiver
 * listens before the first packet and the children never change namespace. Each child hands its result over a
 * socketpair and ends by itself: its loops have deadlines, and an alarm behind them in case a call blocks.
 *
 * UDP is paced in steps of a millisecond. A sender that was held up catches up at one and a half times the rate, and
 * leaves out what is more than 100 ms late: a burst would measure queues, not the path. The receiver ends as soon as
 * all that was sent has arrived, or when nothing has come for 300 ms after the sender told what it sent.
 */
#include "probe/bulk.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "net/netns.h"

#define BATCH          64
#define STEP_NS        VC_NS_PER_MS
#define CATCH_UP       1.5
#define LATE_NS        (100 * VC_NS_PER_MS)
#define QUIET_MS       300
#define SPARE_S        5 /* for connecting and for what is still under way */
#define SOCKET_BUFFER  (8 << 20)
#define UDP_IP_HEADERS 28
#define TCP_CHUNK      (128 << 10)
#define IP_MAX         65535

struct load {
    const struct vc_bulk_config *config;
    int from, to; /* the load's sockets; TCP: unconnected and listening */
    struct sockaddr_in destination;
    int sender[2], receiver[2]; /* socketpairs: [0] ours, [1] the child's */
};

struct tally {
    uint64_t packets, bytes;
    int64_t first_ns, last_ns;
    int errnum;
};

static int64_t monotonic_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * VC_NS_PER_S + now.tv_nsec;
}

static void sleep_until(int64_t ns)
{
    const struct timespec when = {.tv_sec = ns / VC_NS_PER_S, .tv_nsec = ns % VC_NS_PER_S};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
        ;
}

static bool wait_for(int fd, short events, int64_t deadline_ns)
{
    struct pollfd wanted = {.fd = fd, .events = events};
    int64_t left = deadline_ns - monotonic_now();

    return left > 0 && poll(&wanted, 1, (int)(left / VC_NS_PER_MS) + 1) > 0;
}

static void count(struct tally *tally, uint64_t packets, uint64_t bytes)
{
    if (!packets && !bytes)
        return;
    tally->last_ns = monotonic_now();
    if (!tally->first_ns)
        tally->first_ns = tally->last_ns;
    tally->packets += packets;
    tally->bytes += bytes;
}

/* `due` packets. One that the kernel refuses (no route) is offered load all the same, and lost. */
static void udp_send_step(int fd, struct mmsghdr *messages, uint64_t due, struct tally *tally)
{
    while (due) {
        unsigned batch = due < BATCH ? (unsigned)due : BATCH;
        int sent = sendmmsg(fd, messages, batch, 0);
        uint64_t offered = sent > 0 ? (uint64_t)sent : 1;
        if (sent < 0 && errno == EINTR)
            continue;
        count(tally, offered, 0);
        due -= offered;
    }
}

static void udp_send(const struct load *load, struct tally *tally)
{
    static uint8_t payload[IP_MAX];
    const struct vc_bulk_config *config = load->config;
    const double packets_per_ns = config->mbit * 1e6 / 8 / config->ip_bytes / VC_NS_PER_S;
    const uint64_t step_max = (uint64_t)(packets_per_ns * STEP_NS * CATCH_UP) + 1;
    const uint64_t owed_max = (uint64_t)(packets_per_ns * LATE_NS) + 1;
    struct iovec iov = {.iov_base = payload, .iov_len = config->ip_bytes - UDP_IP_HEADERS};
    struct mmsghdr messages[BATCH];
    const int64_t start = monotonic_now(), end = start + config->seconds * VC_NS_PER_S;
    uint64_t left_out = 0;

    for (size_t i = 0; i < BATCH; i++)
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}};
    for (int64_t now = start; now < end; now = monotonic_now()) {
        uint64_t owed = (uint64_t)(packets_per_ns * (double)(now - start)) + 1 - tally->packets - left_out;
        if (owed > owed_max) {
            left_out += owed - owed_max;
            owed = owed_max;
        }
        udp_send_step(load->from, messages, owed < step_max ? owed : step_max, tally);
        sleep_until(now + STEP_NS);
    }
}

static void udp_receive(const struct load *load, struct tally *tally, int64_t deadline_ns)
{
    uint8_t bytes[BATCH]; /* only the counts matter: MSG_TRUNC gives the real length */
    struct iovec iov[BATCH];
    struct mmsghdr messages[BATCH];
    struct pollfd wanted[2] = {{.fd = load->to, .events = POLLIN}, {.fd = load->receiver[1], .events = POLLIN}};
    uint64_t expected = UINT64_MAX;

    for (size_t i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){.iov_base = &bytes[i], .iov_len = 1};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
    }
    while (tally->packets < expected && monotonic_now() < deadline_ns) {
        int ready = poll(wanted, VC_COUNT(wanted), expected == UINT64_MAX ? 1000 : QUIET_MS);
        if (ready == 0 && expected != UINT64_MAX)
            return;
        if (wanted[1].revents) { /* the parent passes on what the sender sent, or has died */
            if (recv(load->receiver[1], &expected, sizeof expected, 0) != sizeof expected)
                return;
            wanted[1].fd = -1;
            wanted[1].revents = 0;
        }
        int got = wanted[0].revents ? recvmmsg(load->to, messages, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL) : 0;
        count(tally, got > 0 ? (uint64_t)got : 0, 0);
    }
}

static int tcp_connect(const struct load *load, int64_t deadline_ns)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (connect(load->from, (const struct sockaddr *)&load->destination, sizeof load->destination) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    if (!wait_for(load->from, POLLOUT, deadline_ns))
        return ETIMEDOUT;
    getsockopt(load->from, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

static void tcp_send(const struct load *load, struct tally *tally)
{
    static const uint8_t chunk[TCP_CHUNK];

    tally->errnum = tcp_connect(load, monotonic_now() + SPARE_S * VC_NS_PER_S);
    if (tally->errnum)
        return;
    int64_t deadline_ns = monotonic_now() + load->config->seconds * VC_NS_PER_S;
    while (wait_for(load->from, POLLOUT, deadline_ns)) {
        ssize_t sent = send(load->from, chunk, sizeof chunk, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            tally->errnum = errno;
            return;
        }
        count(tally, 0, sent > 0 ? (uint64_t)sent : 0);
    }
}

/* Counts until the sender closes. What is still in its buffers then belongs to the load. */
static void tcp_receive(const struct load *load, struct tally *tally, int64_t deadline_ns)
{
    ssize_t got = 1;

    if (!wait_for(load->to, POLLIN, deadline_ns))
        return;
    VC_AUTO_FD fd = accept4(load->to, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd >= 0 && got != 0 && wait_for(fd, POLLIN, deadline_ns)) {
        got = recv(fd, NULL, TCP_CHUNK, MSG_TRUNC); /* counted and thrown away in the kernel */
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return;
        count(tally, 0, got > 0 ? (uint64_t)got : 0);
    }
}

static _Noreturn void child_main(const struct load *load, bool sends)
{
    const struct sched_param normal = {0};
    const int *mine = sends ? load->sender : load->receiver, *other = sends ? load->receiver : load->sender;
    int64_t deadline_ns = monotonic_now() + (load->config->seconds + SPARE_S) * VC_NS_PER_S;
    struct tally tally = {0};

    signal(SIGALRM, SIG_DFL);
    alarm(load->config->seconds + 2 * SPARE_S);
    sched_setscheduler(0, SCHED_OTHER, &normal);
    close(mine[0]);
    close(other[0]);
    close(other[1]);
    if (sends)
        (load->config->tcp ? tcp_send : udp_send)(load, &tally);
    else
        (load->config->tcp ? tcp_receive : udp_receive)(load, &tally, deadline_ns);
    _exit(send(mine[1], &tally, sizeof tally, MSG_NOSIGNAL) == sizeof tally ? 0 : 1);
}

static pid_t child_start(const struct load *load, bool sends, vc_error **err)
{
    pid_t pid = fork();

    if (pid < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot start a bulk load");
    if (pid == 0)
        child_main(load, sends);
    return pid;
}

/* A socket in `netns`, bound to `address` with a port of the kernel's choice. */
static int socket_open(int netns, struct in_addr address, bool tcp, vc_error **err)
{
    const struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr = address};
    const int size = SOCKET_BUFFER;
    VC_NETNS_SCOPE(scope) = vc_netns_enter(netns, err);

    if (scope.back < 0)
        return -1;
    VC_AUTO_FD fd = socket(AF_INET, (tcp ? SOCK_STREAM | SOCK_NONBLOCK : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot open a socket for a bulk load");
    /* TCP sizes its own buffers. */
    if (!tcp && (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0 ||
                 setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0))
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot set the socket buffers of a bulk load");
    if (bind(fd, (const struct sockaddr *)&local, sizeof local) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "bulk load: cannot use address %s in its node",
                       vc_addr_text(address).s);
    return VC_STEAL_FD(fd);
}

static int sockets_open(struct load *load, vc_error **err)
{
    const struct vc_bulk_config *config = load->config;
    socklen_t size = sizeof load->destination;

    load->to = socket_open(config->to_netns, config->to, config->tcp, err);
    load->from = load->to < 0 ? -1 : socket_open(config->from_netns, config->from, config->tcp, err);
    if (load->from < 0)
        return -1;
    if (getsockname(load->to, (struct sockaddr *)&load->destination, &size) < 0 ||
        (config->tcp && listen(load->to, 1) < 0))
        return vc_fail(err, VC_EXIT_HOST, errno, "bulk load: cannot listen on %s", vc_addr_text(config->to).s);
    if (!config->tcp && connect(load->from, (struct sockaddr *)&load->destination, size) < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "bulk load: no way from %s to %s", vc_addr_text(config->from).s,
                       vc_addr_text(config->to).s);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, load->sender) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, load->receiver) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot open a socketpair for a bulk load");
    return 0;
}

static void sockets_close(struct load *load)
{
    int *fds[] = {&load->from, &load->to, &load->sender[0], &load->sender[1], &load->receiver[0], &load->receiver[1]};

    for (size_t i = 0; i < VC_COUNT(fds); i++)
        vc_close_cleanup(fds[i]);
}

#define AUTO_LOAD __attribute__((cleanup(sockets_close))) struct load

static int tally_read(int fd, const char *who, struct tally *tally, vc_error **err)
{
    if (recv(fd, tally, sizeof *tally, 0) != sizeof *tally)
        return vc_fail(err, VC_EXIT_FAIL, 0, "the %s of a bulk load died", who);
    return tally->errnum ? vc_fail(err, VC_EXIT_FAIL, tally->errnum, "the %s of a bulk load failed", who) : 0;
}

static void conclude(const struct vc_bulk_config *config, const struct tally *sent, const struct tally *received,
                     struct vc_bulk_result *result)
{
    int64_t span = received->last_ns - received->first_ns;
    double bits = 8.0 * (config->tcp ? (double)received->bytes : (double)received->packets * config->ip_bytes);

    *result = (struct vc_bulk_result){
        .sent = sent->packets,
        .received = received->packets,
        .lost = sent->packets > received->packets ? sent->packets - received->packets : 0,
        .seconds = (double)span / VC_NS_PER_S,
    };
    result->mbit = span > 0 ? bits / result->seconds / 1e6 : 0;
}

static int config_check(const struct vc_bulk_config *config, vc_error **err)
{
    if (config->seconds < 1 || config->seconds > 600)
        return vc_fail(err, VC_EXIT_USAGE, 0, "a bulk load takes 1 to 600 seconds, not %u", config->seconds);
    if (!config->tcp && (config->ip_bytes <= UDP_IP_HEADERS || config->ip_bytes > IP_MAX || !(config->mbit > 0)))
        return vc_fail(err, VC_EXIT_USAGE, 0, "a UDP load needs a rate above 0 and packets of %d to %d bytes",
                       UDP_IP_HEADERS + 1, IP_MAX);
    return 0;
}

int vc_bulk_run(const struct vc_bulk_config *config, struct vc_bulk_result *result, vc_error **err)
{
    AUTO_LOAD load = {config, -1, -1, {0}, {-1, -1}, {-1, -1}};
    struct tally sent, received;

    if (config_check(config, err) < 0 || sockets_open(&load, err) < 0)
        return -1;
    VC_AUTO_PID receiver = child_start(&load, false, err);
    VC_AUTO_PID sender = receiver < 0 ? -1 : child_start(&load, true, err);
    if (sender < 0)
        return -1;
    /* Ours are closed, so that a child's death is seen as end of file. */
    close(VC_STEAL_FD(load.sender[1]));
    close(VC_STEAL_FD(load.receiver[1]));
    close(VC_STEAL_FD(load.from));
    close(VC_STEAL_FD(load.to));
    if (tally_read(load.sender[0], "sender", &sent, err) < 0)
        return -1;
    if (!config->tcp)
        send(load.receiver[0], &sent.packets, sizeof sent.packets, MSG_NOSIGNAL);
    if (tally_read(load.receiver[0], "receiver", &received, err) < 0)
        return -1;
    conclude(config, &sent, &received, result);
    return 0;
}
