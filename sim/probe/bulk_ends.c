/*
 * The two ends of a load. They are made to cost little for each packet, because in a sealed run every instruction of
 * theirs is time: the sender hands the kernel a step's packets as one (UDP_SEGMENT), which travel as one as far as the
 * first device that has to see single packets; the receiver takes together what was put together again (UDP_GRO), and
 * does not wait for packets but looks every five milliseconds, so that an arrival wakes nobody.
 *
 * UDP is paced in steps of two milliseconds, or of `burst` packets. A sender that was held up catches up at one and a
 * half times the rate, and leaves out what is more than 100 ms late: a burst would measure queues, not the path.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "probe/bulk_private.h"

#define BATCH     64
#define STEP_NS   (2 * VC_NS_PER_MS)
#define LOOK_NS   (5 * VC_NS_PER_MS)
#define CATCH_UP  1.5
#define LATE_NS   (100 * VC_NS_PER_MS)
#define QUIET_NS  (300 * VC_NS_PER_MS)
#define TCP_CHUNK (128 << 10)

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

int64_t bulk_now(void)
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

/* ---- UDP ---- */

struct udp_sender {
    struct vc_bulk *bulk;
    uint8_t buffer[BULK_IP_MAX]; /* segments of `payload` bytes, each begins with its window's number */
    size_t payload, segments;    /* bytes; how many go in one call */
    uint32_t window;
};

static void stamp(struct udp_sender *sender, uint32_t window)
{
    sender->window = window;
    for (size_t i = 0; i < sender->segments; i++)
        memcpy(sender->buffer + i * sender->payload, &window, sizeof window);
}

static void udp_prepare(struct udp_sender *sender, struct vc_bulk *bulk)
{
    sender->bulk = bulk;
    sender->payload = bulk->config.ip_bytes - BULK_UDP_HEADERS;
    sender->segments = (BULK_IP_MAX - BULK_UDP_HEADERS) / sender->payload;
    if (sender->segments > BATCH)
        sender->segments = BATCH;
    int size = (int)sender->payload;
    /* A kernel that cannot cut them takes one by one. */
    for (unsigned i = 0; i < 2; i++)
        if (setsockopt(bulk->from[i], IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size) < 0)
            sender->segments = 1;
    stamp(sender, 0);
}

/* `due` packets. What the kernel refuses (no route) is offered load all the same, and lost. */
static void udp_send_step(struct udp_sender *sender, uint64_t due)
{
    while (due) {
        uint64_t count = due < sender->segments ? due : sender->segments;
        ssize_t sent = send(sender->bulk->from[sender->window % 2], sender->buffer, count * sender->payload, 0);

        if (sent < 0 && errno == EINTR)
            continue;
        sender->bulk->shared->windows[sender->window].sent += count;
        due -= count;
    }
}

static void udp_send(struct vc_bulk *bulk)
{
    static struct udp_sender sender;
    struct bulk_shared *shared = bulk->shared;
    const double packets_per_ns = bulk->config.mbit * 1e6 / 8 / bulk->config.ip_bytes / VC_NS_PER_S;
    const int64_t step_ns = bulk->config.burst ? (int64_t)(bulk->config.burst / packets_per_ns) : STEP_NS;
    const uint64_t step_max = (uint64_t)(packets_per_ns * (double)step_ns * CATCH_UP) + 1;
    const uint64_t owed_max = (uint64_t)(packets_per_ns * LATE_NS) + 1;
    const int64_t start = bulk_now(), end = start + bulk->config.seconds * VC_NS_PER_S;
    uint64_t offered = 0;

    udp_prepare(&sender, bulk);
    shared->windows[0].start_ns = start;
    for (int64_t now = start; now < end && !shared->stop; now = bulk_now()) {
        uint64_t owed = (uint64_t)(packets_per_ns * (double)(now - start)) + 1 - offered;
        uint32_t window = shared->mark;

        if (window != sender.window) {
            shared->windows[window].start_ns = now;
            stamp(&sender, window);
        }
        if (owed > owed_max) {
            offered += owed - owed_max;
            owed = owed_max;
        }
        owed = owed < step_max ? owed : step_max;
        udp_send_step(&sender, owed);
        offered += owed;
        sleep_until(now + step_ns);
        shared->windows[window].end_ns = bulk_now();
    }
}

static uint64_t sum_sent(const struct bulk_shared *shared)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < VC_BULK_WINDOWS; i++)
        sum += shared->windows[i].sent;
    return sum;
}

/* Everything that waits in the socket: how many packets. */
static uint64_t udp_drain(struct vc_bulk *bulk, struct mmsghdr *messages, const uint32_t *stamps)
{
    const size_t payload = bulk->config.ip_bytes - BULK_UDP_HEADERS;
    uint64_t total = 0;
    int64_t now = bulk_now();

    for (int got = BATCH; got == BATCH;) {
        got = recvmmsg(bulk->to, messages, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
        for (int i = 0; i < got; i++) {
            struct bulk_window *window = &bulk->shared->windows[stamps[i] < VC_BULK_WINDOWS ? stamps[i] : 0];
            uint64_t packets = (messages[i].msg_len + payload - 1) / payload;

            window->received += packets;
            total += packets;
            window->last_ns = now;
            if (!window->first_ns)
                window->first_ns = now;
        }
    }
    return total;
}

static void udp_receive(struct vc_bulk *bulk, int64_t deadline_ns)
{
    uint32_t stamps[BATCH]; /* beyond it only the count matters */
    struct iovec iov[BATCH];
    struct mmsghdr messages[BATCH];
    uint64_t received = 0;
    int64_t now = bulk_now(), last = now;
    const int on = 1;

    setsockopt(bulk->to, IPPROTO_UDP, UDP_GRO, &on, sizeof on); /* where it cannot, they come one by one */
    for (size_t i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){.iov_base = &stamps[i], .iov_len = sizeof stamps[i]};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
    }
    for (; now < deadline_ns; now = bulk_now()) {
        bool sent_all = bulk->shared->sender_done; /* read before the socket: what it counts was sent by then */
        uint64_t got = udp_drain(bulk, messages, stamps);

        received += got;
        last = got || !sent_all ? now : last;
        if (sent_all && (received >= sum_sent(bulk->shared) || now - last > QUIET_NS))
            return;
        sleep_until(now + LOOK_NS);
    }
}

/* ---- TCP ---- */

/* Waits for `events` on fd; false at the deadline or when `stop` (-1: none) is closed at its other end. */
static bool wait_for(int fd, short events, int stop, int64_t deadline_ns)
{
    struct pollfd wanted[2] = {{.fd = fd, .events = events}, {.fd = stop}};
    int64_t left = deadline_ns - bulk_now();

    return left > 0 && poll(wanted, 2, (int)(left / VC_NS_PER_MS) + 1) > 0 && !wanted[1].revents;
}

static int tcp_connect(const struct vc_bulk *bulk, int64_t deadline_ns)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (connect(bulk->from[0], (const struct sockaddr *)&bulk->destination, sizeof bulk->destination) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    if (!wait_for(bulk->from[0], POLLOUT, -1, deadline_ns))
        return ETIMEDOUT;
    getsockopt(bulk->from[0], SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

static void tcp_send(struct vc_bulk *bulk)
{
    static const uint8_t chunk[TCP_CHUNK];
    struct bulk_shared *shared = bulk->shared;

    shared->sender_errno = tcp_connect(bulk, bulk_now() + BULK_SPARE_S * VC_NS_PER_S);
    if (shared->sender_errno)
        return;
    const int64_t start = bulk_now(), deadline_ns = start + bulk->config.seconds * VC_NS_PER_S;
    shared->windows[0].start_ns = start;
    while (wait_for(bulk->from[0], POLLOUT, bulk->stop[0], deadline_ns)) {
        struct bulk_window *window = &shared->windows[shared->mark];
        ssize_t sent = send(bulk->from[0], chunk, sizeof chunk, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            shared->sender_errno = errno;
            return;
        }
        window->end_ns = bulk_now();
        window->start_ns = window->start_ns ? window->start_ns : window->end_ns;
    }
}

/* Counts until the sender closes. What is still in its buffers then belongs to the load. */
static void tcp_receive(struct vc_bulk *bulk, int64_t deadline_ns)
{
    ssize_t got = 1;

    if (!wait_for(bulk->to, POLLIN, -1, deadline_ns))
        return;
    VC_AUTO_FD fd = accept4(bulk->to, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd >= 0 && got != 0 && wait_for(fd, POLLIN, -1, deadline_ns)) {
        struct bulk_window *window = &bulk->shared->windows[bulk->shared->mark];

        got = recv(fd, NULL, TCP_CHUNK, MSG_TRUNC); /* counted and thrown away in the kernel */
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return;
        if (got <= 0)
            continue;
        window->bytes += (uint64_t)got;
        window->last_ns = bulk_now();
        if (!window->first_ns)
            window->first_ns = window->last_ns;
    }
}

void bulk_send(struct vc_bulk *bulk)
{
    (bulk->config.tcp ? tcp_send : udp_send)(bulk);
}

void bulk_receive(struct vc_bulk *bulk)
{
    (bulk->config.tcp ? tcp_receive : udp_receive)(bulk,
                                                   bulk_now() + (bulk->config.seconds + BULK_SPARE_S) * VC_NS_PER_S);
}
