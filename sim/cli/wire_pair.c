#include "cli/wire_pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if_arp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "net/netns.h"
#include "net/rtnl.h"

enum {
    BUFFER = 64 << 20,
    PORT = 4000,
    HEADERS = 42,  /* of Ethernet, IP and UDP */
    PRIORITY = 30, /* vclab-wire's, as in labs */
    FIRST_MS = 10000,
    QUIET_MS = 500, /* nothing for so long: the rest is lost */
};

static const uint8_t macs[2][ETH_ALEN] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};

/* What each packet carries. */
struct stamp {
    uint32_t number;
    struct timespec sent;
};

static struct in_addr address_of(int end)
{
    return (struct in_addr){htonl(0x0a000001U + (uint32_t)end)};
}

static int64_t ns(struct timespec t)
{
    return t.tv_sec * VC_NS_PER_S + t.tv_nsec;
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return ns(t);
}

/* ---- the two ends ---- */

static int pair_free(struct wire_pair *pair)
{
    TALLOC_FREE(pair->wires);
    TALLOC_FREE(pair->pipe);
    for (int i = 0; i < 2; i++) {
        vc_close_cleanup(&pair->udp[i]);
        vc_close_cleanup(&pair->tap[i]);
        vc_close_cleanup(&pair->netns[i]);
    }
    return 0;
}

static int open_socket(struct wire_pair *pair, int end, vc_error **err)
{
    const int buffer = BUFFER;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = address_of(end)},
                       there = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = address_of(1 - end)};
    struct arpreq arp = {.arp_flags = ATF_COM | ATF_PERM, .arp_ha = {.sa_family = ARPHRD_ETHER}, .arp_dev = "wan"};

    VC_NETNS_SCOPE(scope) = vc_netns_enter(pair->netns[end], err);
    if (scope.back < 0)
        return -1;
    pair->udp[end] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(&arp.arp_pa, &there, sizeof there);
    memcpy(arp.arp_ha.sa_data, macs[1 - end], ETH_ALEN);
    setsockopt(pair->udp[end], SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    setsockopt(pair->udp[end], SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
    setsockopt(pair->udp[end], SOL_SOCKET, SO_TIMESTAMPNS, &(int){1}, sizeof(int));
    if (ioctl(pair->udp[end], SIOCSARP, &arp) < 0 || bind(pair->udp[end], (struct sockaddr *)&here, sizeof here) < 0 ||
        connect(pair->udp[end], (struct sockaddr *)&there, sizeof there) < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "end %d of a wire", end);
    return 0;
}

static int open_end(struct wire_pair *pair, int end, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_rtnl *rtnl = vc_rtnl_open(NULL, pair->netns[end], err);

    if (!rtnl)
        return -1;
    vc_rtnl_address(rtnl, "wan", (struct vc_prefix){address_of(end), 30});
    vc_rtnl_up(rtnl, "wan", true);
    if (vc_rtnl_commit(rtnl, err) || (pair->tap[end] >= 0 && vc_wires_carrier(pair->tap[end], true, err)))
        return -1;
    return open_socket(pair, end, err);
}

static int make_veth(struct wire_pair *pair, vc_error **err)
{
    struct vc_rtnl_veth veth = {.name = {"wan", "wan"}, .netns = {pair->netns[0], pair->netns[1]}, .mtu = 1500};
    VC_AUTO_TALLOC struct vc_rtnl *rtnl = vc_rtnl_open(NULL, pair->netns[0], err);

    if (!rtnl)
        return -1;
    memcpy(veth.mac, macs, sizeof macs);
    vc_rtnl_veth(rtnl, &veth);
    return vc_rtnl_commit(rtnl, err);
}

static int make_taps(struct wire_pair *pair, vc_error **err)
{
    for (int i = 0; i < 2; i++)
        if ((pair->tap[i] = vc_wires_tap(pair->netns[i], "wan", macs[i], 1500, err)) < 0)
            return -1;
    return 0;
}

static int make_pipe(struct wire_pair *pair, vc_error **err)
{
    return make_taps(pair, err) || !(pair->pipe = wire_pipe_new(pair, pair->tap, PRIORITY, err)) ? -1 : 0;
}

static int make_wire(struct wire_pair *pair, int program, vc_error **err)
{
    const struct vc_wire perfect[2] = {{0}};

    if (make_taps(pair, err))
        return -1;
    pair->wires =
        vc_wires_start(pair, &(struct vc_wires_config){.program_fd = program, .seed = 1, .priority = PRIORITY}, err);
    return pair->wires ? vc_wires_add(pair->wires, "wan", pair->tap, perfect, err) : -1;
}

static int join(struct wire_pair *pair, enum wire_kind kind, int program, vc_error **err)
{
    return kind == WIRE_VETH   ? make_veth(pair, err)
           : kind == WIRE_PIPE ? make_pipe(pair, err)
                               : make_wire(pair, program, err);
}

struct wire_pair *wire_pair_new(void *ctx, enum wire_kind kind, int program, vc_error **err)
{
    VC_AUTO_TALLOC struct wire_pair *pair = talloc(ctx, struct wire_pair);

    *pair = (struct wire_pair){.netns = {-1, -1}, .tap = {-1, -1}, .udp = {-1, -1}};
    talloc_set_destructor(pair, pair_free);
    for (int i = 0; i < 2; i++)
        if ((pair->netns[i] = vc_netns_new(err)) < 0 ||
            vc_netns_sysctl(pair->netns[i], (const char *const[]){"-net/ipv6/conf/default/disable_ipv6=1", NULL}, err))
            return NULL;
    if (join(pair, kind, program, err) || open_end(pair, 0, err) || open_end(pair, 1, err))
        return NULL;
    return VC_STEAL_PTR(pair);
}

int wire_pair_set(struct wire_pair *pair, struct vc_wire character, vc_error **err)
{
    return vc_wires_set(pair->wires, "wan", -1, &character, err);
}

/* ---- packets ---- */

struct running {
    struct wire_pair *pair;
    struct wire_flow *flow;
    pthread_t threads[2];
};

static void until(int64_t at_ns)
{
    struct timespec t = {.tv_sec = at_ns / VC_NS_PER_S, .tv_nsec = at_ns % VC_NS_PER_S};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

static void *send_all(void *arg)
{
    const struct running *running = arg;
    struct wire_flow *flow = running->flow;
    const struct sched_param below_the_wire = {.sched_priority = PRIORITY - 10};
    uint8_t data[1472] = {0};
    size_t size = flow->size - HEADERS;
    int64_t start = now_ns();

    /* Else others on this machine keep it waiting, and what it then sends at once is its own fault, not the wire's. */
    sched_setscheduler(0, SCHED_FIFO, &below_the_wire);
    for (uint32_t i = 0; i < flow->count; i++) {
        struct stamp stamp = {.number = i};
        int64_t due = start + (int64_t)i * flow->interval_ns;
        /* Sleeping for less costs more than it is long. */
        if (due - now_ns() > 100 * VC_NS_PER_US)
            until(due);
        clock_gettime(CLOCK_REALTIME, &stamp.sent);
        memcpy(data, &stamp, sizeof stamp);
        flow->sent += send(running->pair->udp[flow->from], data, size, 0) == (ssize_t)size;
    }
    return NULL;
}

/* When the kernel had the next packet, and how long it took; false: none comes. */
static bool receive(int fd, int wait_ms, int64_t *took_ns, int64_t *at_ns)
{
    uint8_t data[1472];
    char control[128];
    struct stamp stamp;
    struct timespec arrived = {0};
    struct iovec part = {data, sizeof data};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};

    if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, wait_ms) != 1 ||
        recvmsg(fd, &message, 0) < (ssize_t)sizeof stamp)
        return false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS)
            memcpy(&arrived, CMSG_DATA(c), sizeof arrived);
    memcpy(&stamp, data, sizeof stamp);
    *at_ns = ns(arrived);
    *took_ns = *at_ns - ns(stamp.sent);
    return true;
}

static void *receive_all(void *arg)
{
    const struct running *running = arg;
    struct wire_flow *flow = running->flow;
    int wait_ms = FIRST_MS;
    int64_t took, at;

    while (flow->received < flow->count && receive(running->pair->udp[1 - flow->from], wait_ms, &took, &at)) {
        if (!flow->received)
            flow->first_at = at;
        flow->took[flow->received++] = took;
        flow->last_at = at;
        wait_ms = QUIET_MS;
    }
    return NULL;
}

static int by_length(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

int wire_pair_run(struct wire_pair *pair, struct wire_flow *flows, size_t count, vc_error **err)
{
    void *(*const work[2])(void *) = {receive_all, send_all};
    struct running running[WIRE_FLOWS_MAX];
    size_t started = 0;
    int status = 0;

    for (size_t i = 0; i < count; i++) {
        flows[i].took = talloc_zero_array(pair, int64_t, flows[i].count);
        running[i] = (struct running){.pair = pair, .flow = &flows[i]};
    }
    for (; !status && started < 2 * count; started += !status)
        status =
            pthread_create(&running[started / 2].threads[started % 2], NULL, work[started % 2], &running[started / 2]);
    for (size_t i = 0; i < started; i++)
        pthread_join(running[i / 2].threads[i % 2], NULL);
    for (size_t i = 0; i < count; i++)
        qsort(flows[i].took, flows[i].received, sizeof *flows[i].took, by_length);
    return status ? vc_fail(err, VC_EXIT_HOST, status, "cannot start a thread") : 0;
}

double wire_flow_ms(const struct wire_flow *flow, unsigned percent)
{
    const size_t at = (size_t)flow->received * percent / 100;

    return flow->received ? (double)flow->took[at] / 1e6 : 0;
}

double wire_flow_mbit(const struct wire_flow *flow)
{
    return flow->received < 2
               ? 0
               : (flow->received - 1.0) * (double)flow->size * 8e3 / (double)(flow->last_at - flow->first_at);
}
