/*
 * Endpoints in real namespaces. Either two of them talk over a veth, or the test itself is the peer, with a raw GRE
 * socket, so that it decides what is answered and what is not. Every wait is for something that must come, with a limit
 * far beyond it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "../net/live.h"
#include "gre/gre.h"
#include "net/netns.h"
#include "net/rtnl.h"

#define LIMIT_MS       15000
#define TOS_EF         0xb8
#define GRE_OF_REQUEST 28 /* GRE header and inner packet */
#define OUTER_HEADER   20

TestSuite(endpoint_live, .timeout = 60);

static const char *const transport[2] = {"10.9.0.1", "10.9.0.2"};
static const char *const tunnel[2] = {"100.64.0.1", "100.64.0.2"};

struct end {
    int netns;
    struct vc_rtnl *rtnl;
    pid_t pid; /* of its endpoint, 0: none */
    int report;
};

struct pair {
    void *ctx;
    struct end end[2];
};

static struct in_addr addr(const char *text)
{
    struct in_addr out;

    cr_assert(vc_addr_parse(text, &out), "%s", text);
    return out;
}

static void wire_make(struct pair *pair)
{
    VC_AUTO_ERROR *err = NULL;

    *pair = (struct pair){.ctx = talloc_new(NULL), .end = {{.report = -1}, {.report = -1}}};
    for (int i = 0; i < 2; i++) {
        OK(pair->end[i].netns = vc_netns_new(&err), err);
        GOT(pair->end[i].rtnl = vc_rtnl_open(pair->ctx, pair->end[i].netns, &err), err);
    }
    const struct vc_rtnl_veth veth = {.name = {"wan", "wan"},
                                      .netns = {pair->end[0].netns, pair->end[1].netns},
                                      .mac = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}},
                                      .mtu = 1500};
    vc_rtnl_veth(pair->end[0].rtnl, &veth);
    OK(vc_rtnl_commit(pair->end[0].rtnl, &err), err);
    for (int i = 0; i < 2; i++) {
        vc_rtnl_address(pair->end[i].rtnl, "wan", (struct vc_prefix){addr(transport[i]), 24});
        vc_rtnl_up(pair->end[i].rtnl, "wan", true);
        OK(vc_rtnl_commit(pair->end[i].rtnl, &err), err);
    }
}

static struct vc_gre_config config_of(int i, unsigned keepalive_s, unsigned retries)
{
    return (struct vc_gre_config){
        .ifname = "gre-dc1",
        .local = addr(transport[i]),
        .remote = addr(transport[!i]),
        .mtu = 1400,
        .keepalive_s = keepalive_s,
        .retries = retries,
    };
}

static void endpoint_start(struct end *end, const struct vc_gre_config *config)
{
    VC_AUTO_ERROR *err = NULL;
    int pair[2];
    VC_NETNS_SCOPE(scope) = vc_netns_enter(end->netns, &err);

    OK(scope.back, err);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    VC_AUTO_TALLOC struct vc_gre *gre = vc_gre_open(NULL, config, &err);
    GOT(gre, err);
    end->pid = fork();
    cr_assert_geq(end->pid, 0);
    if (end->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pair[0]);
        vc_gre_run(gre, pair[1]);
        _exit(0);
    }
    close(pair[1]);
    end->report = pair[0];
}

/* A tunnel interface with its address, up. */
static void tunnel_start(struct pair *pair, int i, const struct vc_gre_config *config)
{
    VC_AUTO_ERROR *err = NULL;

    endpoint_start(&pair->end[i], config);
    vc_rtnl_address(pair->end[i].rtnl, config->ifname, (struct vc_prefix){addr(tunnel[i]), 30});
    vc_rtnl_up(pair->end[i].rtnl, config->ifname, true);
    OK(vc_rtnl_commit(pair->end[i].rtnl, &err), err);
}

/* The owner closes its end: the endpoint must leave by itself. All are closed first: the second endpoint, forked later,
 * has the first report too. */
static void pair_end(struct pair *pair)
{
    for (int i = 0; i < 2; i++)
        if (pair->end[i].pid)
            close(pair->end[i].report);
    for (int i = 0; i < 2; i++) {
        int status = -1;
        if (pair->end[i].pid) {
            cr_expect_eq(waitpid(pair->end[i].pid, &status, 0), pair->end[i].pid);
            cr_expect_eq(status, 0);
        }
        close(pair->end[i].netns);
    }
    talloc_free(pair->ctx);
}

static void readable(int fd, const char *what)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};

    cr_assert_eq(poll(&wanted, 1, LIMIT_MS), 1, "no %s", what);
}

static struct vc_gre_report next_report(const struct end *end, const char *what)
{
    struct vc_gre_report report;

    readable(end->report, what);
    cr_assert_eq(recv(end->report, &report, sizeof report, 0), sizeof report, "endpoint died before %s", what);
    return report;
}

static struct vc_gre_report report_of_type(const struct end *end, int type, const char *what)
{
    struct vc_gre_report report;

    do
        report = next_report(end, what);
    while ((int)report.type != type);
    return report;
}

static struct vc_rtnl_state state_of(const struct end *end, const char *ifname)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_rtnl_state state;

    OK(vc_rtnl_state(end->rtnl, ifname, &state, &err), err);
    return state;
}

static int socket_in(const struct end *end, int family, int type, int protocol)
{
    VC_AUTO_ERROR *err = NULL;
    VC_NETNS_SCOPE(scope) = vc_netns_enter(end->netns, &err);

    OK(scope.back, err);
    int fd = socket(family, type | SOCK_CLOEXEC, protocol);
    cr_assert_geq(fd, 0, "%s", strerror(errno));
    return fd;
}

static struct sockaddr_in endpoint_of(const char *address, uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = addr(address), .sin_port = htons(port)};
}

static int udp_open(const struct end *end, const char *address)
{
    const struct sockaddr_in local = endpoint_of(address, 7000);
    int fd = socket_in(end, AF_INET, SOCK_DGRAM, 0);

    cr_assert_eq(bind(fd, (const struct sockaddr *)&local, sizeof local), 0, "%s", strerror(errno));
    return fd;
}

static void udp_pass(int from, int to, const char *to_address, size_t len)
{
    const struct sockaddr_in peer = endpoint_of(to_address, 7000);
    uint8_t sent[1400], got[1500];

    for (size_t i = 0; i < len; i++)
        sent[i] = (uint8_t)(i * 7);
    cr_assert_eq(sendto(from, sent, len, 0, (const struct sockaddr *)&peer, sizeof peer), (ssize_t)len);
    readable(to, "datagram");
    cr_assert_eq(recv(to, got, sizeof got, 0), (ssize_t)len);
    cr_assert_arr_eq(got, sent, len);
}

/* ---- two endpoints ---- */

Test(endpoint_live, data_passes_both_ways_and_is_counted)
{
    NEED_ROOT();
    struct pair pair;
    struct vc_gre_config config[2] = {config_of(0, 0, 0), config_of(1, 0, 0)};

    wire_make(&pair);
    for (int i = 0; i < 2; i++)
        tunnel_start(&pair, i, &config[i]);
    VC_AUTO_FD a = udp_open(&pair.end[0], tunnel[0]);
    VC_AUTO_FD b = udp_open(&pair.end[1], tunnel[1]);
    for (int i = 0; i < 100; i++) {
        udp_pass(a, b, tunnel[1], 1372); /* 1400 with headers: the tunnel's MTU, no fragment */
        udp_pass(b, a, tunnel[0], 1);
    }
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(next_report(&pair.end[i], "first report").type, VC_GRE_UP);
        struct vc_gre_report report = report_of_type(&pair.end[i], VC_GRE_COUNTERS, "counters");
        while (report.rx_packets < 100 || report.tx_packets < 100)
            report = report_of_type(&pair.end[i], VC_GRE_COUNTERS, "counters");
        cr_expect_eq(report.rx_packets, 100);
        cr_expect_eq(report.tx_packets, 100);
        cr_expect_eq(report.rx_drops + report.tx_drops, 0);
        cr_expect_eq(report.keepalives_sent, 0);
    }
    pair_end(&pair);
}

/* EF survives, an eBGP TTL of 1 does not reach the underlay, and no DF. */
Test(endpoint_live, outer_header_has_inner_tos_and_its_own_ttl)
{
    NEED_ROOT();
    struct pair pair;
    struct vc_gre_config config[2] = {config_of(0, 0, 0), config_of(1, 0, 0)};
    const int tos[] = {TOS_EF, 0, 0x20}, ttl = 1;
    struct iphdr outer;

    wire_make(&pair);
    for (int i = 0; i < 2; i++)
        tunnel_start(&pair, i, &config[i]);
    VC_AUTO_FD wire = socket_in(&pair.end[1], AF_INET, SOCK_RAW, IPPROTO_GRE);
    VC_AUTO_FD a = udp_open(&pair.end[0], tunnel[0]);
    VC_AUTO_FD b = udp_open(&pair.end[1], tunnel[1]);
    cr_assert_eq(setsockopt(a, SOL_IP, IP_TTL, &ttl, sizeof ttl), 0);
    for (size_t i = 0; i < VC_COUNT(tos); i++) {
        cr_assert_eq(setsockopt(a, SOL_IP, IP_TOS, &tos[i], sizeof tos[i]), 0);
        udp_pass(a, b, tunnel[1], 10);
        readable(wire, "outer packet");
        cr_assert_geq(recv(wire, &outer, sizeof outer, 0), (ssize_t)sizeof outer);
        cr_expect_eq(outer.tos, tos[i]);
        cr_expect_eq(outer.ttl, 255);
        cr_expect_eq(outer.frag_off, 0);
    }
    pair_end(&pair);
}

/* Only one end sends keepalives; the other answers them all the same. The carrier follows the path. */
Test(endpoint_live, cut_path_takes_the_carrier_and_healing_brings_it_back)
{
    NEED_ROOT();
    VC_AUTO_ERROR *err = NULL;
    struct pair pair;
    struct vc_gre_config config[2] = {config_of(0, 1, 2), config_of(1, 0, 0)};

    wire_make(&pair);
    for (int i = 1; i >= 0; i--)
        tunnel_start(&pair, i, &config[i]);
    struct end *near = &pair.end[0], *far = &pair.end[1];
    while (report_of_type(near, VC_GRE_COUNTERS, "answered keepalive").keepalives_returned == 0)
        ;
    vc_rtnl_up(far->rtnl, "wan", false);
    OK(vc_rtnl_commit(far->rtnl, &err), err);
    report_of_type(near, VC_GRE_DOWN, "down");
    struct vc_rtnl_state state = state_of(near, "gre-dc1");
    cr_expect(state.up, "the interface stays up, only its carrier goes");
    cr_expect_not(state.carrier);
    cr_expect(state_of(far, "gre-dc1").carrier, "who sends no keepalives notices nothing");
    vc_rtnl_up(far->rtnl, "wan", true);
    OK(vc_rtnl_commit(far->rtnl, &err), err);
    report_of_type(near, VC_GRE_UP, "up");
    cr_expect(state_of(near, "gre-dc1").carrier);
    VC_AUTO_FD a = udp_open(near, tunnel[0]);
    VC_AUTO_FD b = udp_open(far, tunnel[1]);
    udp_pass(a, b, tunnel[1], 100);
    pair_end(&pair);
}

/* ---- the test is the peer ---- */

static int peer_open(const struct pair *pair)
{
    const struct sockaddr_in local = endpoint_of(transport[1], 0), remote = endpoint_of(transport[0], 0);
    int fd = socket_in(&pair->end[1], AF_INET, SOCK_RAW, IPPROTO_GRE);

    cr_assert_eq(bind(fd, (const struct sockaddr *)&local, sizeof local), 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&remote, sizeof remote), 0);
    return fd;
}

/* The GRE part of the next packet of that length; others (further keepalives) are passed over. */
static void peer_receive(int peer, uint8_t *gre, size_t len, const char *what)
{
    uint8_t packet[2048];
    ssize_t got;

    do {
        readable(peer, what);
        got = recv(peer, packet, sizeof packet, 0);
    } while (got != (ssize_t)(OUTER_HEADER + len));
    memcpy(gre, packet + OUTER_HEADER, len);
}

static void peer_send_request(int peer)
{
    uint8_t request[VC_KEEPALIVE_LEN];

    vc_keepalive_build(request, addr(transport[1]), addr(transport[0]), 1);
    cr_assert_eq(send(peer, request + OUTER_HEADER, GRE_OF_REQUEST, 0), GRE_OF_REQUEST);
}

static void peer_send_data(int peer)
{
    uint8_t packet[4 + 28] = {0, 0, 8, 0};
    struct iphdr ip = {.version = 4, .ihl = 5, .tot_len = htons(28), .ttl = 9, .protocol = IPPROTO_UDP};

    ip.saddr = addr(tunnel[1]).s_addr;
    ip.daddr = addr(tunnel[0]).s_addr;
    memcpy(packet + 4, &ip, sizeof ip);
    cr_assert_eq(send(peer, packet, sizeof packet, 0), sizeof packet);
}

static void peer_expect_answer(int peer)
{
    uint8_t answer[4];

    peer_receive(peer, answer, sizeof answer, "answer to a keepalive");
    cr_assert_arr_eq(answer, ((const uint8_t[]){0, 0, 0, 0}), 4);
}

/* Sends back what a request of the endpoint carries, as a router does. */
static void peer_answer_request(int peer)
{
    uint8_t gre[GRE_OF_REQUEST], expected[VC_KEEPALIVE_LEN];

    peer_receive(peer, gre, sizeof gre, "keepalive");
    uint16_t ip_id = (uint16_t)(gre[8] << 8 | gre[9]);
    vc_keepalive_build(expected, addr(transport[0]), addr(transport[1]), ip_id);
    cr_assert_arr_eq(gre, expected + OUTER_HEADER, sizeof gre);
    cr_assert_eq(send(peer, gre + 4 + OUTER_HEADER, 4, 0), 4);
}

static bool down_again(const struct end *end)
{
    struct pollfd wanted = {.fd = end->report, .events = POLLIN};
    bool down = false;

    while (poll(&wanted, 1, 0) == 1)
        down |= next_report(end, "report").type == VC_GRE_DOWN;
    return down;
}

/* Answers keepalives until the interface was seen up: on a slow machine it may be down again before we look. */
static struct vc_gre_report come_up(const struct end *end, int peer)
{
    struct vc_gre_report report;
    struct vc_rtnl_state state;

    do {
        peer_answer_request(peer);
        report = report_of_type(end, VC_GRE_UP, "up");
        state = state_of(end, "gre-dc1");
    } while (!(state.up && state.carrier) && down_again(end));
    cr_expect(state.up && state.carrier);
    return report;
}

Test(endpoint_live, answers_while_down_but_passes_no_data)
{
    NEED_ROOT();
    struct pair pair;
    struct vc_gre_config config = config_of(0, 1, 1);

    wire_make(&pair);
    VC_AUTO_FD peer = peer_open(&pair);
    tunnel_start(&pair, 0, &config);
    report_of_type(&pair.end[0], VC_GRE_DOWN, "down");
    peer_send_data(peer);
    peer_send_request(peer);
    peer_expect_answer(peer);
    struct vc_gre_report report;
    do
        report = report_of_type(&pair.end[0], VC_GRE_COUNTERS, "counters");
    while (!report.keepalives_answered);
    cr_expect_eq(report.keepalives_answered, 1);
    cr_expect_eq(report.rx_packets, 0);
    cr_expect_eq(report.rx_drops, 1);
    cr_expect_geq(come_up(&pair.end[0], peer).keepalives_returned, 1);
    pair_end(&pair);
}

/* The tunnel of another peer of the same address is none of ours. */
Test(endpoint_live, another_peers_packets_are_not_even_queued)
{
    NEED_ROOT();
    VC_AUTO_ERROR *err = NULL;
    struct pair pair;
    struct vc_gre_config config = config_of(0, 0, 0);
    const struct sockaddr_in stranger = endpoint_of("10.9.0.3", 0), remote = endpoint_of(transport[0], 0);

    wire_make(&pair);
    vc_rtnl_address(pair.end[1].rtnl, "wan", (struct vc_prefix){stranger.sin_addr, 24});
    OK(vc_rtnl_commit(pair.end[1].rtnl, &err), err);
    tunnel_start(&pair, 0, &config);
    VC_AUTO_FD other = socket_in(&pair.end[1], AF_INET, SOCK_RAW, IPPROTO_GRE);
    cr_assert_eq(bind(other, (const struct sockaddr *)&stranger, sizeof stranger), 0);
    cr_assert_eq(connect(other, (const struct sockaddr *)&remote, sizeof remote), 0);
    peer_send_data(other);
    VC_AUTO_FD peer = peer_open(&pair);
    peer_send_request(peer);
    peer_expect_answer(peer);
    struct vc_gre_report report = report_of_type(&pair.end[0], VC_GRE_COUNTERS, "counters");
    cr_expect_eq(report.rx_packets + report.rx_drops, 0);
    cr_expect_eq(report.keepalives_answered, 1);
    pair_end(&pair);
}

/*
 * The kernel plane needs of its interface only that it goes up and down, so a veth stands where ip_gre's would; data is
 * the kernel's and must not reach the endpoint.
 */
Test(endpoint_live, kernel_plane_moves_the_interface_and_sees_keepalives_alone)
{
    NEED_ROOT();
    VC_AUTO_ERROR *err = NULL;
    struct pair pair;
    struct vc_gre_config config = config_of(0, 1, 1);
    config.kernel = true;

    wire_make(&pair);
    const struct vc_rtnl_veth veth = {.name = {"gre-dc1", "gre-other"},
                                      .netns = {pair.end[0].netns, pair.end[0].netns},
                                      .mac = {{2, 0, 0, 0, 1, 1}, {2, 0, 0, 0, 1, 2}},
                                      .mtu = 1400};
    vc_rtnl_veth(pair.end[0].rtnl, &veth);
    vc_rtnl_up(pair.end[0].rtnl, "gre-other", true);
    OK(vc_rtnl_commit(pair.end[0].rtnl, &err), err);
    VC_AUTO_FD peer = peer_open(&pair);
    tunnel_start(&pair, 0, &config);
    report_of_type(&pair.end[0], VC_GRE_DOWN, "down");
    cr_expect_not(state_of(&pair.end[0], "gre-dc1").up);
    peer_send_data(peer);
    peer_send_request(peer);
    peer_expect_answer(peer);
    struct vc_gre_report report = come_up(&pair.end[0], peer);
    cr_expect_eq(report.rx_drops, 0);
    cr_expect_eq(report.keepalives_answered, 1);
    pair_end(&pair);
}

/* ---- trouble ---- */

Test(endpoint_live, an_interface_that_vanishes_ends_it)
{
    NEED_ROOT();
    VC_AUTO_ERROR *err = NULL;
    struct pair pair;
    struct vc_gre_config config = config_of(0, 10, 3);

    wire_make(&pair);
    tunnel_start(&pair, 0, &config);
    vc_rtnl_delete_link(pair.end[0].rtnl, "gre-dc1");
    OK(vc_rtnl_commit(pair.end[0].rtnl, &err), err);
    cr_expect_neq(report_of_type(&pair.end[0], VC_GRE_FAILED, "failure").errnum, 0);
    pair_end(&pair);
}

/* No route to the peer, and a blackhole: losses, counted, until a route comes. Nothing fails. */
Test(endpoint_live, no_way_to_the_peer_is_loss_not_failure)
{
    NEED_ROOT();
    VC_AUTO_ERROR *err = NULL;
    struct pair pair;
    struct vc_gre_config config = config_of(0, 0, 0);
    config.remote = addr("192.0.2.1");
    struct vc_rtnl_route blackhole = {.prefix = {config.remote, 32}, .blackhole = true, .table = 254};

    wire_make(&pair);
    vc_rtnl_route(pair.end[0].rtnl, &blackhole, true);
    OK(vc_rtnl_commit(pair.end[0].rtnl, &err), err);
    tunnel_start(&pair, 0, &config);
    VC_AUTO_FD a = udp_open(&pair.end[0], tunnel[0]);
    const struct sockaddr_in beyond = endpoint_of(tunnel[1], 7000);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(sendto(a, "x", 1, 0, (const struct sockaddr *)&beyond, sizeof beyond), 1);
    struct vc_gre_report report;
    do
        report = report_of_type(&pair.end[0], VC_GRE_COUNTERS, "counters");
    while (report.tx_drops < 5);
    cr_expect_eq(report.tx_drops, 5);
    cr_expect_eq(report.tx_packets, 0);
    pair_end(&pair);
}

static void expect_refusal(const struct pair *pair, const struct vc_gre_config *config, const char *needle)
{
    VC_AUTO_ERROR *err = NULL;
    VC_NETNS_SCOPE(scope) = vc_netns_enter(pair->end[0].netns, &err);

    OK(scope.back, err);
    cr_assert_null(vc_gre_open(NULL, config, &err));
    cr_assert_not_null(err);
    cr_assert_not_null(strstr(err->message, needle), "%s", err->message);
    cr_assert_not_null(strstr(err->message, config->ifname), "%s", err->message);
}

Test(endpoint_live, refuses_a_name_that_is_taken_or_too_long)
{
    NEED_ROOT();
    struct pair pair;
    struct vc_gre_config taken = config_of(0, 0, 0), same = taken, wan = taken, lengthy = taken;

    wire_make(&pair);
    tunnel_start(&pair, 0, &taken);
    wan.ifname = "wan";
    lengthy.ifname = "gre-a-very-long-name";
    expect_refusal(&pair, &same, "cannot create");
    expect_refusal(&pair, &wan, "cannot create");
    expect_refusal(&pair, &lengthy, "longer than");
    pair_end(&pair);
}
