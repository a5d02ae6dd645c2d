/*
 * AF_PACKET directly: libpcap's ring would cost megabytes a link, and recvmmsg of 32 packets is as quick. Interfaces
 * without a link layer (TUN, GRE) are read as SOCK_DGRAM, which always starts at the IP header; Ethernet as SOCK_RAW.
 * The filter is attached before the socket is bound, so nothing that it refuses is ever seen. The socket survives its
 * interface going down and up.
 */
#include "net/tap.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <pcap/pcap.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "net/netns.h"
#include "net/tap_private.h"

enum {
    BATCH = 32,
    WHOLE_PACKET = 65535,
    QUEUE_BYTES = 16 << 20, /* a limit, not an allocation: a quarter of a second at 250 Mbit/s */
    FILTER_SNAPLEN = 262144,
    IPV4_HEADER = 20,
};

struct slot {
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct timespec))];
    struct sockaddr_ll from;
    struct iovec part;
};

struct vc_tap {
    int fd, linktype;
    unsigned snaplen;
    uint64_t dropped;
    vc_tap_fn *fn;
    void *arg;
    struct tap_places places;
    uint8_t *buffers; /* BATCH × snaplen; pages are touched only as far as packets reach */
    struct slot slots[BATCH];
    struct mmsghdr messages[BATCH];
};

struct tap_places *tap_places(struct vc_tap *tap)
{
    return &tap->places;
}

static int destroy(struct vc_tap *tap)
{
    while (!LIST_EMPTY(&tap->places))
        talloc_free(LIST_FIRST(&tap->places));
    if (tap->fd >= 0)
        close(tap->fd);
    return 0;
}

/* ---- opening ---- */

struct interface {
    int index, socket_type, linktype;
};

static const struct {
    unsigned short hardware;
    int socket_type, linktype;
} hardware_types[] = {
    {ARPHRD_ETHER, SOCK_RAW, DLT_EN10MB}, {ARPHRD_LOOPBACK, SOCK_RAW, DLT_EN10MB}, {ARPHRD_NONE, SOCK_DGRAM, DLT_RAW},
    {ARPHRD_IPGRE, SOCK_DGRAM, DLT_RAW},  {ARPHRD_TUNNEL, SOCK_DGRAM, DLT_RAW},
};

static int find_interface(const char *ifname, struct interface *out, vc_error **err)
{
    VC_AUTO_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {0};

    if (strlen(ifname) >= IFNAMSIZ)
        return vc_fail(err, VC_EXIT_FAIL, ENAMETOOLONG, "%s", ifname);
    strcpy(request.ifr_name, ifname);
    if (fd < 0 || ioctl(fd, SIOCGIFINDEX, &request) < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "%s", ifname);
    out->index = request.ifr_ifindex;
    if (ioctl(fd, SIOCGIFHWADDR, &request) < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "%s", ifname);
    for (size_t i = 0; i < VC_COUNT(hardware_types); i++) {
        if (hardware_types[i].hardware == request.ifr_hwaddr.sa_family) {
            out->socket_type = hardware_types[i].socket_type;
            out->linktype = hardware_types[i].linktype;
            return 0;
        }
    }
    return vc_fail(err, VC_EXIT_FAIL, 0, "%s: link type %u is unknown here", ifname, request.ifr_hwaddr.sa_family);
}

/* struct bpf_insn and struct sock_filter are the same eight bytes. */
_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "classic BPF");

static int attach_filter(int fd, int linktype, const char *filter, vc_error **err)
{
    pcap_t *pcap = pcap_open_dead(linktype == DLT_EN10MB ? DLT_EN10MB : DLT_RAW, FILTER_SNAPLEN);
    struct bpf_program program;
    int status = 0;

    if (!pcap)
        abort();
    if (pcap_compile(pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) < 0) {
        status = vc_fail(err, VC_EXIT_USAGE, 0, "filter \"%s\": %s", filter, pcap_geterr(pcap));
    } else {
        struct sock_fprog attached = {(unsigned short)program.bf_len, (struct sock_filter *)(void *)program.bf_insns};
        if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof attached) < 0)
            status = vc_fail(err, VC_EXIT_FAIL, errno, "filter \"%s\"", filter);
        pcap_freecode(&program);
    }
    pcap_close(pcap);
    return status;
}

int vc_tap_filter(struct vc_tap *tap, const char *filter, vc_error **err)
{
    int none = 0;

    if (filter)
        return attach_filter(tap->fd, tap->linktype == 1 ? DLT_EN10MB : DLT_RAW, filter, err);
    if (setsockopt(tap->fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none) < 0 && errno != ENOENT)
        return vc_fail(err, VC_EXIT_FAIL, errno, "taking a filter away");
    return 0;
}

static int open_socket(struct vc_tap *tap, const struct vc_tap_config *config, vc_error **err)
{
    VC_NETNS_SCOPE(scope) = vc_netns_enter(config->netns, err);
    struct interface interface = {0};
    int one = 1, queue = QUEUE_BYTES;

    if (scope.back < 0 || find_interface(config->ifname, &interface, err) < 0)
        return -1;
    tap->linktype = interface.linktype == DLT_EN10MB ? 1 : 101; /* LINKTYPE_ETHERNET, LINKTYPE_RAW */
    /* Protocol 0 receives nothing until bind. */
    tap->fd = socket(AF_PACKET, interface.socket_type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (tap->fd < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "packet socket");
    if (setsockopt(tap->fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof queue) < 0)
        setsockopt(tap->fd, SOL_SOCKET, SO_RCVBUF, &queue, sizeof queue);
    if (setsockopt(tap->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "packet timestamps");
    if (config->filter && attach_filter(tap->fd, interface.linktype, config->filter, err) < 0)
        return -1;
    struct sockaddr_ll here = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = interface.index};
    if (bind(tap->fd, (struct sockaddr *)&here, sizeof here) < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "bind");
    return 0;
}

static void prepare(struct vc_tap *tap)
{
    tap->buffers = talloc_array(tap, uint8_t, (size_t)BATCH * tap->snaplen);
    for (size_t i = 0; i < BATCH; i++) {
        struct slot *slot = &tap->slots[i];
        slot->part = (struct iovec){tap->buffers + i * tap->snaplen, tap->snaplen};
        tap->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &slot->from, .msg_iov = &slot->part, .msg_iovlen = 1, .msg_control = &slot->control};
    }
}

struct vc_tap *vc_tap_open(void *ctx, const struct vc_tap_config *config, vc_error **err)
{
    struct vc_tap *tap = talloc_zero(ctx, struct vc_tap);

    tap->fd = -1;
    tap->snaplen = config->snaplen ? config->snaplen : WHOLE_PACKET;
    tap->fn = config->fn;
    tap->arg = config->arg;
    talloc_set_destructor(tap, destroy);
    if (open_socket(tap, config, err) < 0) {
        vc_wrap(err, "tap on %s", config->ifname);
        talloc_free(tap);
        return NULL;
    }
    prepare(tap);
    return tap;
}

int vc_tap_fd(const struct vc_tap *tap)
{
    return tap->fd;
}

int vc_tap_linktype(const struct vc_tap *tap)
{
    return tap->linktype;
}

/* ---- receiving ---- */

static struct timespec stamp(struct msghdr *header)
{
    struct timespec time = {0};

    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS)
            memcpy(&time, CMSG_DATA(c), sizeof time);
    }
    return time;
}

/* Sets ip and ip_captured when a whole fixed IPv4 header was captured. */
static void find_ip(const struct vc_tap *tap, const struct sockaddr_ll *from, struct vc_tap_packet *packet)
{
    size_t offset = tap->linktype == 1 ? ETH_HLEN : 0;

    if (from->sll_protocol != htons(ETH_P_IP) || packet->captured < offset + IPV4_HEADER ||
        packet->data[offset] >> 4 != 4)
        return;
    packet->ip = packet->data + offset;
    packet->ip_captured = packet->captured - offset;
}

static void hand_on(struct vc_tap *tap, size_t i, struct timespec *last)
{
    const struct slot *slot = &tap->slots[i];
    size_t length = tap->messages[i].msg_len;
    struct vc_tap_packet packet = {
        .time = *last = stamp(&tap->messages[i].msg_hdr),
        .outgoing = slot->from.sll_pkttype == PACKET_OUTGOING,
        .data = slot->part.iov_base,
        .captured = length < tap->snaplen ? length : tap->snaplen,
        .length = length,
    };

    find_ip(tap, &slot->from, &packet);
    tap->fn(tap->arg, &packet);
}

static bool later(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

/* Like recvmmsg, which says once that the interface went down; what was queued before is still there. */
static int receive(struct vc_tap *tap)
{
    int got;

    for (size_t i = 0; i < BATCH; i++) {
        tap->messages[i].msg_hdr.msg_namelen = sizeof tap->slots[i].from;
        tap->messages[i].msg_hdr.msg_controllen = sizeof tap->slots[i].control;
    }
    do {
        /* MSG_TRUNC: msg_len is the packet's real length. */
        got = recvmmsg(tap->fd, tap->messages, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
    } while (got < 0 && (errno == ENETDOWN || errno == EINTR));
    return got;
}

int vc_tap_drain(struct vc_tap *tap)
{
    struct timespec start, last = {0};
    int total = 0, got;

    /* Packets that arrive meanwhile are left for the next call, so that a busy link cannot hold the loop. */
    clock_gettime(CLOCK_REALTIME, &start);
    do {
        got = receive(tap);
        for (int i = 0; i < got; i++)
            hand_on(tap, (size_t)i, &last);
        total += got > 0 ? got : 0;
    } while (got == BATCH && !later(last, start));
    return total;
}

uint64_t vc_tap_dropped(struct vc_tap *tap)
{
    struct tpacket_stats stats = {0};
    socklen_t size = sizeof stats;

    /* Reading resets the kernel's count. */
    if (getsockopt(tap->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
        tap->dropped += stats.tp_drops;
    return tap->dropped;
}
