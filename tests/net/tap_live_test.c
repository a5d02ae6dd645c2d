#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>

#include "net/tap.h"
#include "wire.h"

enum { KEEP = 64 };

struct seen {
    size_t count;
    struct vc_tap_packet packets[KEEP];
    uint8_t data[KEEP][128];
};

static void keep(void *arg, const struct vc_tap_packet *packet)
{
    struct seen *seen = arg;
    size_t i = seen->count++ % KEEP, size = packet->captured < 128 ? packet->captured : 128;

    seen->packets[i] = *packet;
    memcpy(seen->data[i], packet->data, size);
    if (packet->ip)
        seen->packets[i].ip = seen->data[i] + (packet->ip - packet->data);
}

static struct vc_tap *tap_on(struct wire *wire, int end, const char *ifname, const char *filter, unsigned snaplen,
                             struct seen *seen)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_tap_config config = {
        .netns = wire->netns[end], .ifname = ifname, .filter = filter, .snaplen = snaplen, .fn = keep, .arg = seen};
    struct vc_tap *tap = vc_tap_open(wire->ctx, &config, &err);

    GOT(tap, err);
    *seen = (struct seen){0};
    return tap;
}

static bool is_now(struct timespec time)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return time.tv_sec >= now.tv_sec - 60 && time.tv_sec <= now.tv_sec;
}

Test(tap, both_directions_with_time_direction_and_ip_header)
{
    struct seen near, far;
    struct wire wire;

    NEED_ROOT();
    wire_up(&wire);
    struct vc_tap *a = tap_on(&wire, 0, "wan", NULL, 0, &near), *b = tap_on(&wire, 1, "wan", "udp port 8", 0, &far);
    VC_AUTO_FD from = wire_udp(&wire, 0, 1000), to = wire_udp(&wire, 1, 8);
    wire_send(from, to, 8, "hello", 5);
    wire_send(from, to, 8, "again", 5);

    cr_assert_eq(vc_tap_linktype(a), 1);
    cr_assert_eq(vc_tap_drain(a), 4, "an ARP question and answer, two datagrams");
    cr_assert_eq(near.count, 4);
    cr_assert(near.packets[0].outgoing && !near.packets[0].ip && near.packets[0].data, "ARP");
    cr_assert(!near.packets[1].outgoing && !near.packets[1].ip);
    cr_assert(near.packets[2].outgoing && near.packets[2].ip);
    cr_assert_eq(near.packets[2].length, 14 + 20 + 8 + 5);
    cr_assert_eq(near.packets[2].captured, near.packets[2].length);
    cr_assert_eq(near.packets[2].ip_captured, 20 + 8 + 5);
    cr_assert_eq(near.packets[2].ip[0], 0x45);
    cr_assert_eq(memcmp(near.packets[2].ip + 28, "hello", 5), 0);
    for (size_t i = 0; i < 4; i++)
        cr_assert(is_now(near.packets[i].time), "packet %zu", i);

    cr_assert_eq(poll(&(struct pollfd){.fd = vc_tap_fd(b), .events = POLLIN}, 1, 0), 1);
    cr_assert_eq(vc_tap_drain(b), 2, "only what the filter lets through");
    cr_assert_not(far.packets[0].outgoing);
    cr_assert_eq(vc_tap_drain(b), 0);
    cr_assert_eq(vc_tap_dropped(a), 0);
    wire_down(&wire);
}

Test(tap, snaplen_cuts_the_data_but_not_the_length)
{
    struct seen whole, cut, tiny;
    struct wire wire;
    char data[1000] = "x";

    NEED_ROOT();
    wire_up(&wire);
    struct vc_tap *a = tap_on(&wire, 0, "wan", "udp", 0, &whole), *b = tap_on(&wire, 0, "wan", "udp", 64, &cut),
                  *c = tap_on(&wire, 0, "wan", NULL, 30, &tiny);
    VC_AUTO_FD from = wire_udp(&wire, 0, 1000), to = wire_udp(&wire, 1, 8);
    wire_send(from, to, 8, data, sizeof data);
    cr_assert_eq(vc_tap_drain(a), 1);
    cr_assert_eq(vc_tap_drain(b), 1);
    cr_assert_eq(vc_tap_drain(c), 3);
    cr_assert(whole.packets[0].captured == 1042 && whole.packets[0].length == 1042);
    cr_assert(cut.packets[0].captured == 64 && cut.packets[0].length == 1042 && cut.packets[0].ip_captured == 50);
    cr_assert(tiny.packets[2].captured == 30 && tiny.packets[2].ip == NULL, "no whole IP header was captured");
    wire_down(&wire);
}

Test(tap, more_than_one_batch_in_order)
{
    struct seen seen;
    struct wire wire;

    NEED_ROOT();
    wire_up(&wire);
    struct vc_tap *tap = tap_on(&wire, 0, "wan", "udp", 128, &seen);
    VC_AUTO_FD from = wire_udp(&wire, 0, 1000), to = wire_udp(&wire, 1, 8);
    for (uint32_t i = 0; i < 200; i++)
        wire_send(from, to, 8, &i, sizeof i);
    int drained = 0, more;
    /* A worker of the kernel switches timestamps on. What was sent before has the time at which it is read, which ends
     * a drain. */
    while ((more = vc_tap_drain(tap)) > 0)
        drained += more;
    cr_assert_eq(drained, 200, "%d drained, %llu dropped", drained, (unsigned long long)vc_tap_dropped(tap));
    cr_assert_eq(seen.count, 200);
    for (uint32_t i = 200 - KEEP; i < 200; i++)
        cr_assert_eq(memcmp(seen.packets[i % KEEP].ip + 28, &i, sizeof i), 0, "packet %u", i);
    wire_down(&wire);
}

Test(tap, lost_packets_are_counted)
{
    struct seen seen;
    struct wire wire;
    int tiny = 1;

    NEED_ROOT();
    wire_up(&wire);
    struct vc_tap *tap = tap_on(&wire, 0, "wan", "udp", 128, &seen);
    VC_AUTO_FD from = wire_udp(&wire, 0, 1000), to = wire_udp(&wire, 1, 8);
    cr_assert_eq(setsockopt(vc_tap_fd(tap), SOL_SOCKET, SO_RCVBUFFORCE, &tiny, sizeof tiny), 0);
    for (uint32_t i = 0; i < 100; i++)
        wire_send(from, to, 8, &i, sizeof i);
    uint64_t dropped = vc_tap_dropped(tap);
    cr_assert_gt(dropped, 0);
    cr_assert_eq(vc_tap_dropped(tap), dropped, "reading does not lose the count");
    cr_assert_eq((uint64_t)vc_tap_drain(tap) + dropped, 100);
    wire_down(&wire);
}

Test(tap, it_survives_its_interface_going_down_and_up)
{
    VC_AUTO_ERROR *err = NULL;
    struct seen seen;
    struct wire wire;

    NEED_ROOT();
    wire_up(&wire);
    struct vc_tap *tap = tap_on(&wire, 0, "wan", "udp", 0, &seen);
    VC_AUTO_FD from = wire_udp(&wire, 0, 1000), to = wire_udp(&wire, 1, 8);
    wire_send(from, to, 8, "x", 1);
    vc_rtnl_up(wire.rtnl[0], "wan", false);
    OK(vc_rtnl_commit(wire.rtnl[0], &err), err);
    cr_assert_eq(vc_tap_drain(tap), 1, "what was queued before is not lost");
    vc_rtnl_up(wire.rtnl[0], "wan", true);
    OK(vc_rtnl_commit(wire.rtnl[0], &err), err);
    wire_send(from, to, 8, "x", 1);
    cr_assert_eq(vc_tap_drain(tap), 1);
    wire_down(&wire);
}

Test(tap, a_tun_interface_is_raw_ip)
{
    VC_AUTO_ERROR *err = NULL;
    struct ifreq request = {.ifr_name = "gre-dc1", .ifr_flags = IFF_TUN | IFF_NO_PI};
    struct seen seen;
    struct wire wire;

    NEED_ROOT();
    wire_up(&wire);
    VC_AUTO_FD tun = -1;
    {
        VC_NETNS_SCOPE(scope) = vc_netns_enter(wire.netns[0], &err);
        tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC); /* it belongs to the namespace it is opened in */
        cr_assert(scope.back >= 0 && tun >= 0 && ioctl(tun, TUNSETIFF, &request) == 0);
    }
    vc_rtnl_address(wire.rtnl[0], "gre-dc1", prefix_of("100.64.0.2/30"));
    vc_rtnl_up(wire.rtnl[0], "gre-dc1", true);
    OK(vc_rtnl_commit(wire.rtnl[0], &err), err);
    struct vc_tap *tap = tap_on(&wire, 0, "gre-dc1", "udp port 9", 0, &seen);
    cr_assert_eq(vc_tap_linktype(tap), 101);
    VC_AUTO_FD from = wire_udp(&wire, 0, 1000);
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {inet_addr("100.64.0.1")}};
    char packet[256];
    cr_assert_eq(sendto(from, "hello", 5, 0, (struct sockaddr *)&there, sizeof there), 5);
    cr_assert_eq(read(tun, packet, sizeof packet), 33); /* it has left */
    cr_assert_eq(vc_tap_drain(tap), 1);
    cr_assert(seen.packets[0].outgoing && seen.packets[0].length == 33 && seen.packets[0].ip_captured == 33);
    cr_assert_eq(seen.packets[0].ip[0], 0x45);

    /* The way in. */
    struct iphdr *ip = (struct iphdr *)packet;
    uint32_t source = ip->saddr;
    ip->saddr = ip->daddr;
    ip->daddr = source;
    memcpy(packet + 20, "\0\11\3\350", 4); /* port 9 to 1000 */
    memset(packet + 26, 0, 2);             /* no UDP checksum */
    cr_assert_eq(write(tun, packet, 33), 33);
    cr_assert_eq(recv(from, packet, sizeof packet, 0), 5);
    cr_assert_eq(vc_tap_drain(tap), 1);
    cr_assert(!seen.packets[1].outgoing && seen.packets[1].ip_captured == 33);
    wire_down(&wire);
}

Test(tap, what_cannot_be_opened_is_named)
{
    VC_AUTO_ERROR *err = NULL;
    struct seen seen;
    struct wire wire;

    NEED_ROOT();
    wire_up(&wire);
    struct vc_tap_config config = {.netns = wire.netns[0], .ifname = "nowhere", .fn = keep, .arg = &seen};
    cr_assert_null(vc_tap_open(NULL, &config, &err));
    cr_assert_str_eq(err->message, "tap on nowhere: nowhere: No such device");
    config.ifname = "wan";
    config.filter = "udp prot 8";
    cr_assert_null(vc_tap_open(NULL, &config, &err));
    cr_assert_eq(err->status, VC_EXIT_USAGE);
    cr_assert_not_null(strstr(err->message, "tap on wan: filter \"udp prot 8\": "), "%s", err->message);
    wire_down(&wire);
}

static bool readable(int fd)
{
    return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 1;
}

Test(tap, a_set_drains_those_that_have_packets)
{
    struct seen near, far;
    struct wire wire;
    VC_AUTO_ERROR *err = NULL;

    NEED_ROOT();
    wire_up(&wire);
    struct vc_tap *a = tap_on(&wire, 0, "wan", "udp port 8", 0, &near),
                  *b = tap_on(&wire, 1, "wan", "udp port 9", 0, &far);
    struct vc_tap_set *set = vc_tap_set_new(wire.ctx, &err);
    GOT(set, err);
    cr_assert(vc_tap_set_add(set, a, &err) == 0 && vc_tap_set_add(set, b, &err) == 0);
    VC_AUTO_FD from = wire_udp(&wire, 0, 1000), to = wire_udp(&wire, 1, 8);

    cr_assert_not(readable(vc_tap_set_fd(set)));
    wire_send(from, to, 8, "one", 3);
    cr_assert(readable(vc_tap_set_fd(set)));
    vc_tap_set_drain(set);
    cr_assert_eq(near.count, 1);
    cr_assert_eq(far.count, 0, "its filter let nothing through");
    cr_assert_not(readable(vc_tap_set_fd(set)));

    /* One that left is neither waited for nor read. */
    vc_tap_set_remove(set, a);
    wire_send(from, to, 8, "two", 3);
    cr_assert_not(readable(vc_tap_set_fd(set)));
    vc_tap_set_drain(set);
    cr_assert_eq(near.count, 1);
    cr_assert_eq(vc_tap_drain(a), 1);

    /* And so is one that is gone. */
    cr_assert_eq(vc_tap_set_add(set, a, &err), 0);
    talloc_free(a);
    wire_send(from, to, 8, "three", 5);
    cr_assert_not(readable(vc_tap_set_fd(set)));
    vc_tap_set_drain(set);
    wire_down(&wire);
}

/* A forked child has the descriptor, too, and then closing it takes it out of nothing: a freed tap must not be drained
 * through a set. */
Test(tap, freed_it_is_in_no_set_whoever_has_its_descriptor)
{
    struct seen seen;
    struct wire wire;
    VC_AUTO_ERROR *err = NULL;

    NEED_ROOT();
    wire_up(&wire);
    struct vc_tap *tap = tap_on(&wire, 0, "wan", "udp", 0, &seen), *other = tap_on(&wire, 0, "wan", "udp", 0, &seen);
    struct vc_tap_set *sets[] = {vc_tap_set_new(wire.ctx, &err), vc_tap_set_new(wire.ctx, &err)};
    VC_AUTO_FD from = wire_udp(&wire, 0, 1000), to = wire_udp(&wire, 1, 8), held = dup(vc_tap_fd(tap));
    for (int i = 0; i < 2; i++)
        cr_assert(held >= 0 && !vc_tap_set_add(sets[i], tap, &err) && !vc_tap_set_add(sets[i], other, &err));
    wire_send(from, to, 8, "one", 3);
    cr_assert(readable(vc_tap_set_fd(sets[0])) && readable(vc_tap_set_fd(sets[1])));

    talloc_free(sets[1]); /* a set may go before its taps, too */
    talloc_free(tap);
    talloc_free(other);
    cr_assert_not(readable(vc_tap_set_fd(sets[0])), "a freed tap is still waited for");
    wire_send(from, to, 8, "two", 3);
    vc_tap_set_drain(sets[0]);
    cr_assert_eq(seen.count, 0);
    wire_down(&wire);
}

Test(tap, another_filter_from_now_on)
{
    struct seen seen;
    struct wire wire;
    VC_AUTO_ERROR *err = NULL;

    NEED_ROOT();
    wire_up(&wire);
    struct vc_tap *tap = tap_on(&wire, 1, "wan", "udp port 9", 0, &seen);
    VC_AUTO_FD from = wire_udp(&wire, 0, 1000), to = wire_udp(&wire, 1, 8);

    wire_send(from, to, 8, "one", 3);
    cr_assert_eq(vc_tap_drain(tap), 0);
    cr_assert_eq(vc_tap_filter(tap, "udp port 8", &err), 0);
    wire_send(from, to, 8, "two", 3);
    cr_assert_eq(vc_tap_drain(tap), 1);
    cr_assert_eq(vc_tap_filter(tap, "udp port 10", &err), 0);
    wire_send(from, to, 8, "three", 5);
    cr_assert_eq(vc_tap_drain(tap), 0);
    cr_assert_eq(vc_tap_filter(tap, NULL, &err), 0);
    cr_assert_eq(vc_tap_filter(tap, NULL, &err), 0, "none to take away");
    wire_send(from, to, 8, "four", 4);
    cr_assert_eq(vc_tap_drain(tap), 1);
    cr_assert_lt(vc_tap_filter(tap, "no such thing", &err), 0);
    cr_assert(strstr(err->message, "no such thing"), "%s", err->message);
    wire_down(&wire);
}
