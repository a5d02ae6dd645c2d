/*
 * Two namespaces, 10.0.0.1 and 10.0.0.2, and a wire of vclab-wire between their TAPs "wan". Neighbours are known, so
 * that no packet crosses it but the caller's. The caller has defined OK and GOT, and VCLAB_WIRE is the program.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <net/if_arp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "net/netns.h"
#include "net/rtnl.h"
#include "ns3/wire_client.h"

enum { PAIR_BUFFER = 64 << 20, PAIR_PORT = 4000 };

struct pair {
    void *ctx;
    int netns[2], tap[2], udp[2];
    struct vc_wires *wires;
};

/* What each packet carries. */
struct stamp {
    uint32_t number;
    struct timespec sent;
};

static inline struct in_addr pair_address(int end)
{
    return (struct in_addr){htonl(0x0a000001U + (uint32_t)end)};
}

static inline int pair_end(struct pair *pair, int end, vc_error **err)
{
    const uint8_t mac[2][ETH_ALEN] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    const int buffer = PAIR_BUFFER;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(PAIR_PORT), .sin_addr = pair_address(end)},
                       there = {.sin_family = AF_INET, .sin_port = htons(PAIR_PORT), .sin_addr = pair_address(1 - end)};
    struct arpreq arp = {.arp_flags = ATF_COM | ATF_PERM, .arp_ha = {.sa_family = ARPHRD_ETHER}, .arp_dev = "wan"};

    pair->netns[end] = vc_netns_new(err);
    if (pair->netns[end] < 0 ||
        vc_netns_sysctl(pair->netns[end], (const char *const[]){"-net/ipv6/conf/default/disable_ipv6=1", NULL}, err) <
            0)
        return -1;
    pair->tap[end] = vc_wires_tap(pair->netns[end], "wan", mac[end], 1500, err);
    struct vc_rtnl *rtnl = pair->tap[end] < 0 ? NULL : vc_rtnl_open(pair->ctx, pair->netns[end], err);
    if (!rtnl)
        return -1;
    vc_rtnl_address(rtnl, "wan", (struct vc_prefix){pair_address(end), 30});
    vc_rtnl_up(rtnl, "wan", true);
    if (vc_rtnl_commit(rtnl, err) < 0 || vc_wires_carrier(pair->tap[end], true, err) < 0)
        return -1;
    VC_NETNS_SCOPE(scope) = vc_netns_enter(pair->netns[end], err);
    pair->udp[end] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(&arp.arp_pa, &there, sizeof there);
    memcpy(arp.arp_ha.sa_data, mac[1 - end], ETH_ALEN);
    setsockopt(pair->udp[end], SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    setsockopt(pair->udp[end], SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
    setsockopt(pair->udp[end], SOL_SOCKET, SO_TIMESTAMPNS, &(int){1}, sizeof(int));
    if (scope.back < 0 || ioctl(pair->udp[end], SIOCSARP, &arp) < 0 ||
        bind(pair->udp[end], (struct sockaddr *)&here, sizeof here) < 0 ||
        connect(pair->udp[end], (struct sockaddr *)&there, sizeof there) < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "end %d", end);
    return 0;
}

static inline void pair_up(struct pair *pair, int priority)
{
    const struct vc_wire perfect[2] = {{0}};
    VC_AUTO_ERROR *err = NULL;

    pair->ctx = talloc_new(NULL);
    for (int i = 0; i < 2; i++)
        OK(pair_end(pair, i, &err), err);
    GOT(pair->wires = vc_wires_start(
            pair->ctx, &(struct vc_wires_config){.program = VCLAB_WIRE, .seed = 1, .priority = priority}, &err),
        err);
    OK(vc_wires_add(pair->wires, "inet-dc1", pair->tap, perfect, &err), err);
}

static inline void pair_down(struct pair *pair)
{
    talloc_free(pair->ctx);
    for (int i = 0; i < 2; i++) {
        close(pair->udp[i]);
        close(pair->tap[i]);
        close(pair->netns[i]);
    }
}

static inline void pair_set(struct pair *pair, struct vc_wire character)
{
    VC_AUTO_ERROR *err = NULL;

    OK(vc_wires_set(pair->wires, "inet-dc1", -1, &character, &err), err);
}

static inline struct vc_wire_counters pair_counters(struct pair *pair, int direction)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_wire_counters counters[2];

    OK(vc_wires_counters(pair->wires, "inet-dc1", counters, &err), err);
    return counters[direction];
}

/* `size` is the UDP payload's. */
static inline int pair_send(struct pair *pair, int end, uint32_t number, size_t size)
{
    uint8_t data[1472] = {0};
    struct stamp stamp = {.number = number};

    clock_gettime(CLOCK_REALTIME, &stamp.sent);
    memcpy(data, &stamp, sizeof stamp);
    return send(pair->udp[end], data, size, 0) == (ssize_t)size ? 0 : -1;
}

/* The next packet that arrived, and how long it took until the kernel had it there; -1: none within the time. */
static inline int pair_receive(struct pair *pair, int end, int wait_ms, uint32_t *number, int64_t *took_ns,
                               int64_t *at_ns)
{
    uint8_t data[1472];
    char control[128];
    struct stamp stamp;
    struct timespec arrived = {0};
    struct iovec part = {data, sizeof data};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};

    if (poll(&(struct pollfd){.fd = pair->udp[end], .events = POLLIN}, 1, wait_ms) != 1 ||
        recvmsg(pair->udp[end], &message, 0) < (ssize_t)sizeof stamp)
        return -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS)
            memcpy(&arrived, CMSG_DATA(c), sizeof arrived);
    memcpy(&stamp, data, sizeof stamp);
    *number = stamp.number;
    *at_ns = arrived.tv_sec * VC_NS_PER_S + arrived.tv_nsec;
    *took_ns = *at_ns - stamp.sent.tv_sec * VC_NS_PER_S - stamp.sent.tv_nsec;
    return 0;
}
