/* Bulk loads over a veth: what they count must agree with what the wire lost. */
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <netlink/route/link.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "../net/live.h"
#include "net/netns.h"
#include "net/nft.h"
#include "net/rtnl.h"
#include "probe/bulk.h"

TestSuite(bulk_live, .timeout = 60);

struct wire {
    void *ctx;
    int netns[2];
    struct vc_rtnl *rtnl[2];
};

static struct in_addr addr(const char *text)
{
    struct in_addr out;

    cr_assert(vc_addr_parse(text, &out), "%s", text);
    return out;
}

/*
 * A link that was just set up has a queueing discipline that drops everything until a worker of the kernel has replaced
 * it, which on a busy host takes its time; an ARP request that is lost so is repeated after a second. Only the worker
 * makes the operational state "up".
 */
static void await_running(const struct wire *wire, int end)
{
    VC_AUTO_ERROR *err = NULL;
    VC_NETNS_SCOPE(scope) = vc_netns_enter(wire->netns[end], &err);
    struct nl_sock *changes = nl_socket_alloc(), *ask = nl_socket_alloc();
    struct rtnl_link *link;
    char buffer[8192];

    cr_assert(scope.back >= 0 && !nl_connect(changes, NETLINK_ROUTE) && !nl_connect(ask, NETLINK_ROUTE) &&
              !nl_socket_add_membership(changes, RTNLGRP_LINK));
    for (bool up = false; !up;) {
        cr_assert(!rtnl_link_get_kernel(ask, 0, "w", &link));
        up = rtnl_link_get_operstate(link) == IF_OPER_UP;
        rtnl_link_put(link);
        struct pollfd change = {.fd = nl_socket_get_fd(changes), .events = POLLIN};
        cr_assert(up || (poll(&change, 1, 10000) == 1 && recv(change.fd, buffer, sizeof buffer, 0) > 0));
    }
    nl_socket_free(changes);
    nl_socket_free(ask);
}

static void wire_make(struct wire *wire)
{
    VC_AUTO_ERROR *err = NULL;

    wire->ctx = talloc_new(NULL);
    for (int i = 0; i < 2; i++) {
        OK(wire->netns[i] = vc_netns_new(&err), err);
        GOT(wire->rtnl[i] = vc_rtnl_open(wire->ctx, wire->netns[i], &err), err);
    }
    const struct vc_rtnl_veth veth = {.name = {"w", "w"},
                                      .netns = {wire->netns[0], wire->netns[1]},
                                      .mac = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}},
                                      .mtu = 1500};
    vc_rtnl_veth(wire->rtnl[0], &veth);
    OK(vc_rtnl_commit(wire->rtnl[0], &err), err);
    for (int i = 0; i < 2; i++) {
        vc_rtnl_address(wire->rtnl[i], "w", (struct vc_prefix){addr(i ? "10.0.0.2" : "10.0.0.1"), 24});
        vc_rtnl_up(wire->rtnl[i], "w", true);
        OK(vc_rtnl_commit(wire->rtnl[i], &err), err);
    }
    for (int i = 0; i < 2; i++)
        await_running(wire, i);
}

static void wire_end(struct wire *wire)
{
    talloc_free(wire->ctx);
    close(wire->netns[0]);
    close(wire->netns[1]);
}

/* Sees what arrives at the receiver's end of the wire from now on, before the node does. */
static int tap_open(const struct wire *wire)
{
    VC_AUTO_ERROR *err = NULL;
    VC_NETNS_SCOPE(scope) = vc_netns_enter(wire->netns[1], &err);
    const struct timeval patience = {.tv_sec = 10};
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP));

    cr_assert(scope.back >= 0 && fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
    return fd;
}

/* Waits until a packet of the load that was sent in `window` arrives: a packet's payload begins with its window. */
static void tap_await(int tap, uint32_t window)
{
    struct {
        struct iphdr ip;
        struct udphdr udp;
        uint32_t window;
    } packet;

    do
        cr_assert_gt(recv(tap, &packet, sizeof packet, 0), 0, "no packet of window %u within 10 s", window);
    while (packet.ip.protocol != IPPROTO_UDP || ntohs(packet.udp.dest) < VC_BULK_PORT ||
           ntohs(packet.udp.dest) >= VC_BULK_PORT + VC_BULK_PORTS || packet.window != window);
}

/* On one CPU packets arrive in the order in which they were sent: each CPU has a queue of its own. */
static void stay_on_one_cpu(void)
{
    cpu_set_t one;
    int cpu = sched_getcpu();

    CPU_ZERO(&one);
    CPU_SET((unsigned)cpu, &one);
    cr_assert(cpu >= 0 && !sched_setaffinity(0, sizeof one, &one));
}

static struct vc_bulk_config load(const struct wire *wire, bool tcp)
{
    return (struct vc_bulk_config){
        .from_netns = wire->netns[0],
        .to_netns = wire->netns[1],
        .from = addr("10.0.0.1"),
        .to = addr("10.0.0.2"),
        .tcp = tcp,
        .mbit = 10,
        .ip_bytes = 1300,
        .seconds = 1,
    };
}

/* 10 Mbit/s of 1300-byte packets is 961.5 a second; what was sent is what the wire and the receiver saw. */
Test(bulk_live, udp_counts_agree_with_the_wire)
{
    NEED_ROOT();
    VC_AUTO_ERROR *err = NULL;
    struct wire wire;
    struct vc_bulk_result result;
    struct vc_rtnl_state state;

    wire_make(&wire);
    struct vc_bulk_config config = load(&wire, false);
    OK(vc_bulk_run(&config, &result, &err), err);
    cr_assert_gt(result.sent, 0);
    cr_assert_leq(result.sent, 962);
    cr_assert_eq(result.received, result.sent);
    cr_assert_eq(result.lost, 0);
    OK(vc_rtnl_state(wire.rtnl[1], "w", &state, &err), err);
    /* Packets may cross a veth as one that is yet to be cut: their headers are then counted once. */
    cr_assert_gt(state.rx_bytes, result.sent * (1300 - 28));
    cr_assert_lt(state.rx_bytes, result.sent * (1300 + 14) + 4096, "a packet is 1300 bytes of IP, headers included");
    cr_assert_float_eq(result.mbit * result.seconds * 1e6, 8.0 * 1300 * (double)result.received, 1);
    wire_end(&wire);
}

/* The receiver's address is unreachable behind a blackhole that lets connect(2) pass: an address of the sender's side
 * that nothing answers. */
Test(bulk_live, udp_into_nothing_is_all_lost_and_ends)
{
    NEED_ROOT();
    VC_AUTO_ERROR *err = NULL;
    struct wire wire;
    struct vc_bulk_result result;

    wire_make(&wire);
    vc_rtnl_up(wire.rtnl[1], "w", false);
    OK(vc_rtnl_commit(wire.rtnl[1], &err), err);
    struct vc_bulk_config config = load(&wire, false);
    OK(vc_bulk_run(&config, &result, &err), err);
    cr_assert_gt(result.sent, 0);
    cr_assert_eq(result.received, 0);
    cr_assert_eq(result.lost, result.sent);
    cr_assert_float_eq(result.mbit, 0, 1e-9);
    wire_end(&wire);
}

/* Whatever else the parent has open ends when the parent closes it, however long the load goes on. */
Test(bulk_live, its_children_hold_nothing_of_the_parent)
{
    NEED_ROOT();
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct wire wire;
    int ends[2], children[2];

    wire_make(&wire);
    struct vc_bulk_config config = load(&wire, false);
    config.seconds = 60;
    cr_assert(!pipe(ends));
    struct vc_bulk *bulk = vc_bulk_start(ctx, &config, &err);
    GOT(bulk, err);
    close(ends[1]);
    struct pollfd end = {.fd = ends[0], .events = POLLIN};
    cr_assert_eq(poll(&end, 1, 30000), 1, "a child holds the other end of a pipe");
    vc_bulk_fds(bulk, children);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(poll(&(struct pollfd){.fd = children[i], .events = POLLIN}, 1, 0), 0, "the load is over");
    close(ends[0]);
    wire_end(&wire);
}

Test(bulk_live, tcp_carries_payload)
{
    NEED_ROOT();
    VC_AUTO_ERROR *err = NULL;
    struct wire wire;
    struct vc_bulk_result result;

    wire_make(&wire);
    struct vc_bulk_config config = load(&wire, true);
    OK(vc_bulk_run(&config, &result, &err), err);
    cr_assert_gt(result.mbit, 0);
    cr_assert_gt(result.seconds, 0);
    wire_end(&wire);
}

static void expect_refusal(const struct vc_bulk_config *config, const char *needle)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_bulk_result result;

    cr_assert_eq(vc_bulk_run(config, &result, &err), -1);
    cr_assert_not_null(err);
    cr_assert_not_null(strstr(err->message, needle), "%s", err->message);
}

Test(bulk_live, refusals_say_why)
{
    NEED_ROOT();
    VC_AUTO_ERROR *err = NULL;
    struct wire wire;

    wire_make(&wire);
    struct vc_bulk_config forever = load(&wire, false), empty = forever, foreign = forever, astray = forever;
    forever.seconds = 601;
    empty.ip_bytes = 28;
    foreign.from = addr("10.0.0.9");
    expect_refusal(&forever, "1 to 600");
    expect_refusal(&empty, "packets of");
    expect_refusal(&foreign, "10.0.0.9");
    vc_rtnl_address(wire.rtnl[1], "w", (struct vc_prefix){addr("10.7.0.1"), 32});
    OK(vc_rtnl_commit(wire.rtnl[1], &err), err);
    astray.to = addr("10.7.0.1");
    expect_refusal(&astray, "no way from 10.0.0.1 to 10.7.0.1");
    astray.tcp = true;
    expect_refusal(&astray, "sender");
    wire_end(&wire);
}

/* A load that is told to stop ends at once, and what was sent before and after a mark is counted apart, exactly. */
Test(bulk_live, a_load_is_marked_and_stopped)
{
    NEED_ROOT();
    VC_AUTO_ERROR *err = NULL;
    struct wire wire;
    struct vc_bulk_result all, part[2];

    wire_make(&wire);
    struct vc_bulk_config config = load(&wire, false);
    config.seconds = 30;
    VC_AUTO_FD tap = tap_open(&wire);
    struct vc_bulk *bulk = vc_bulk_start(wire.ctx, &config, &err);
    GOT(bulk, err);
    tap_await(tap, 0);
    vc_bulk_mark(bulk);
    tap_await(tap, 1);
    cr_assert_not(vc_bulk_is_over(bulk));
    vc_bulk_stop(bulk);
    int ends[2];
    vc_bulk_fds(bulk, ends);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(poll(&(struct pollfd){.fd = ends[i], .events = POLLIN}, 1, 10000), 1);
    cr_assert(vc_bulk_is_over(bulk));
    cr_assert_eq(vc_bulk_windows(bulk), 2);
    OK(vc_bulk_result(bulk, -1, &all, &err), err);
    for (int i = 0; i < 2; i++) {
        OK(vc_bulk_result(bulk, i, &part[i], &err), err);
        cr_assert_gt(part[i].sent, 0);
        cr_assert_eq(part[i].received, part[i].sent, "window %d", i);
        cr_assert_lt(part[i].start_ns, part[i].end_ns);
    }
    cr_assert_eq(part[0].sent + part[1].sent, all.sent);
    cr_assert_leq(part[0].start_ns, part[1].start_ns);
    wire_end(&wire);
}

/* What vanishes after the mark is lost in the second window and in no other. */
Test(bulk_live, losses_belong_to_their_window)
{
    NEED_ROOT();
    VC_AUTO_ERROR *err = NULL;
    struct wire wire;
    struct vc_bulk_result part[2];

    wire_make(&wire);
    struct vc_bulk_config config = load(&wire, false);
    config.seconds = 30;
    config.burst = 3;
    stay_on_one_cpu();
    VC_AUTO_FD before = tap_open(&wire);
    struct vc_nft *nft = vc_nft_open(wire.ctx, wire.netns[1], &err);
    GOT(nft, err);
    struct vc_bulk *bulk = vc_bulk_start(wire.ctx, &config, &err);
    GOT(bulk, err);
    tap_await(before, 0);
    vc_bulk_mark(bulk);
    tap_await(before, 1); /* so everything of the first window has arrived */
    OK(vc_nft_run(nft, "add table ip t; add chain ip t in { type filter hook input priority 0; policy drop; }", &err),
       err);
    VC_AUTO_FD after = tap_open(&wire);
    tap_await(after, 1);
    vc_bulk_stop(bulk);
    int ends[2];
    vc_bulk_fds(bulk, ends);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(poll(&(struct pollfd){.fd = ends[i], .events = POLLIN}, 1, 10000), 1);
    for (int i = 0; i < 2; i++)
        OK(vc_bulk_result(bulk, i, &part[i], &err), err);
    cr_assert_eq(part[0].lost, 0);
    cr_assert_gt(part[1].lost, 0);
    wire_end(&wire);
}

Test(bulk_live, an_end_that_is_killed_is_told)
{
    NEED_ROOT();
    VC_AUTO_ERROR *err = NULL;
    struct wire wire;
    struct vc_bulk_result result;
    int ends[2];

    wire_make(&wire);
    struct vc_bulk_config config = load(&wire, true);
    config.seconds = 30;
    struct vc_bulk *bulk = vc_bulk_start(wire.ctx, &config, &err);
    GOT(bulk, err);
    vc_bulk_fds(bulk, ends);
    cr_assert_eq(pidfd_send_signal(ends[0], SIGKILL, NULL, 0), 0);
    cr_assert_eq(poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 10000), 1);
    cr_assert_eq(vc_bulk_result(bulk, -1, &result, &err), -1);
    cr_assert_str_eq(err->message, "the sender of a bulk load died");
    wire_end(&wire);
}
