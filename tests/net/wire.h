/* Two namespaces and a link "wan" between them: 10.0.0.1/30 and 10.0.0.2/30. */
#pragma once

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "running.h"
#include "net/rtnl.h"

struct wire {
    void *ctx;
    int netns[2];
    struct vc_rtnl *rtnl[2];
};

static inline struct vc_prefix prefix_of(const char *text)
{
    struct vc_prefix p;

    cr_assert(vc_prefix_parse(text, &p), "%s", text);
    return p;
}

static inline void wire_up(struct wire *wire)
{
    static const char *const addresses[] = {"10.0.0.1/30", "10.0.0.2/30"};
    VC_AUTO_ERROR *err = NULL;

    wire->ctx = talloc_new(NULL);
    for (int i = 0; i < 2; i++) {
        OK(wire->netns[i] = vc_netns_new(&err), err);
        OK(vc_netns_sysctl(wire->netns[i], (const char *const[]){"-net/ipv6/conf/default/disable_ipv6=1", NULL}, &err),
           err);
        GOT(wire->rtnl[i] = vc_rtnl_open(wire->ctx, wire->netns[i], &err), err);
    }
    vc_rtnl_veth(wire->rtnl[0], &(struct vc_rtnl_veth){.name = {"wan", "wan"},
                                                       .netns = {wire->netns[0], wire->netns[1]},
                                                       .mac = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}},
                                                       .mtu = 1500});
    OK(vc_rtnl_commit(wire->rtnl[0], &err), err);
    for (int i = 0; i < 2; i++) {
        vc_rtnl_address(wire->rtnl[i], "wan", prefix_of(addresses[i]));
        vc_rtnl_up(wire->rtnl[i], "wan", true);
        OK(vc_rtnl_commit(wire->rtnl[i], &err), err);
    }
    for (int i = 0; i < 2; i++)
        await_running(wire->netns[i], "wan");
}

static inline void wire_down(struct wire *wire)
{
    talloc_free(wire->ctx);
    close(wire->netns[0]);
    close(wire->netns[1]);
}

/* A UDP socket at that end, bound to `port`. */
static inline int wire_udp(const struct wire *wire, int end, uint16_t port)
{
    VC_NETNS_SCOPE(scope) = vc_netns_enter(wire->netns[end], NULL);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    cr_assert(scope.back >= 0 && fd >= 0 && bind(fd, (struct sockaddr *)&here, sizeof here) == 0);
    return fd;
}

/* Sends from end 0 to end 1 and waits until it has arrived there, so that every observer on the way has seen it. */
static inline void wire_send(int from, int to, uint16_t port, const void *data, size_t size)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {inet_addr("10.0.0.2")}};
    char buffer[2048];

    cr_assert_eq(sendto(from, data, size, 0, (struct sockaddr *)&there, sizeof there), (ssize_t)size);
    if (to >= 0)
        cr_assert_eq(recv(to, buffer, sizeof buffer, 0), (ssize_t)size);
}
