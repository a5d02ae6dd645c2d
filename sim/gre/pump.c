/*
 * Moving packets: TUN → raw socket and back, in batches of one system call where the kernel has one (a TUN takes and
 * gives one packet a call).
 *
 * Outer TOS is the inner one (EF survives the tunnel), outer TTL is fixed (wire.h), DF is off. While the tunnel is down
 * its data is dropped in both directions, as behind an interface that is down; keepalives are answered all the same.
 */
#include "gre/endpoint.h"

#include <errno.h>
#include <netinet/ip.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "gre/wire.h"

#define BATCH      64
#define PACKET_MAX 65536
/* A slot's start moves on by a packet's worth of cache lines, so that the slots do not all compete for the same cache
 * sets. */
#define SLOT (PACKET_MAX + 1344)

struct slot {
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))];
    struct iovec iov;
};

struct vc_gre_pump {
    struct sockaddr_in peer;
    struct mmsghdr out[BATCH], in[BATCH];
    struct slot out_slots[BATCH], in_slots[BATCH];
    uint8_t *out_bytes, *in_bytes; /* BATCH * SLOT each; pages that no packet reached are never touched */
};

static uint8_t *out_packet(const struct vc_gre_pump *pump, size_t i)
{
    return pump->out_bytes + i * SLOT;
}

static void slot_prepare(struct mmsghdr *message, struct slot *slot, uint8_t *bytes)
{
    slot->iov = (struct iovec){.iov_base = bytes, .iov_len = PACKET_MAX};
    message->msg_hdr = (struct msghdr){.msg_iov = &slot->iov, .msg_iovlen = 1};
}

struct vc_gre_pump *vc_gre_pump_new(struct vc_gre *gre)
{
    const struct vc_gre_header header = {.protocol = htons(VC_GRE_PROTOCOL_IP)};
    struct vc_gre_pump *pump = talloc_zero(gre, struct vc_gre_pump);

    if (!pump)
        abort();
    pump->peer = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = gre->config.remote};
    pump->out_bytes = talloc_size(pump, (size_t)BATCH * SLOT);
    pump->in_bytes = talloc_size(pump, (size_t)BATCH * SLOT);
    if (!pump->out_bytes || !pump->in_bytes)
        abort();
    for (size_t i = 0; i < BATCH; i++) {
        slot_prepare(&pump->in[i], &pump->in_slots[i], pump->in_bytes + i * SLOT);
        slot_prepare(&pump->out[i], &pump->out_slots[i], out_packet(pump, i));
        pump->out[i].msg_hdr.msg_name = &pump->peer;
        pump->out[i].msg_hdr.msg_namelen = sizeof pump->peer;
        memcpy(out_packet(pump, i), &header, sizeof header);
    }
    return pump;
}

bool vc_gre_send(struct vc_gre *gre, const void *packet, size_t len)
{
    return sendto(gre->raw, packet, len, MSG_DONTWAIT, (struct sockaddr *)&gre->pump->peer, sizeof gre->pump->peer) ==
           (ssize_t)len;
}

static void set_tos(struct msghdr *message, struct slot *slot, uint8_t tos)
{
    int value = tos;

    message->msg_control = tos ? slot->control : NULL;
    message->msg_controllen = tos ? sizeof slot->control : 0;
    if (!tos) /* the socket's default: saves the kernel the parsing */
        return;
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    *control = (struct cmsghdr){.cmsg_level = SOL_IP, .cmsg_type = IP_TOS, .cmsg_len = CMSG_LEN(sizeof value)};
    memcpy(CMSG_DATA(control), &value, sizeof value);
}

/* One packet from the TUN into slot i: 1, or 0 when there is none, -1 when it is to be skipped. */
static int read_packet(struct vc_gre *gre, size_t i, int *errnum)
{
    struct vc_gre_pump *pump = gre->pump;
    uint8_t *inner = out_packet(pump, i) + sizeof(struct vc_gre_header);
    ssize_t len = read(gre->tun, inner, PACKET_MAX - sizeof(struct vc_gre_header));

    if (len < 0) {
        *errnum = errno == EAGAIN || errno == EINTR ? 0 : errno;
        return 0;
    }
    if ((size_t)len < sizeof(struct iphdr) || inner[0] >> 4 != 4) /* the kernel's own IPv6 chatter */
        return -1;
    if (!gre->keepalive.up) {
        gre->counters.tx_drops++;
        return -1;
    }
    pump->out_slots[i].iov.iov_len = (size_t)len + sizeof(struct vc_gre_header);
    set_tos(&pump->out[i].msg_hdr, &pump->out_slots[i], inner[offsetof(struct iphdr, tos)]);
    return 1;
}

/* A packet that the kernel refuses (no route, blackhole) is lost, the ones behind it are not. */
static void send_batch(struct vc_gre *gre, unsigned count)
{
    unsigned done = 0;

    while (done < count) {
        int sent = sendmmsg(gre->raw, gre->pump->out + done, count - done, MSG_DONTWAIT);
        if (sent > 0) {
            gre->counters.tx_packets += (unsigned)sent;
            done += (unsigned)sent;
        } else if (sent == 0 || errno != EINTR) {
            gre->counters.tx_drops++;
            done++;
        }
    }
}

bool vc_gre_pump_out(struct vc_gre *gre, int *errnum)
{
    unsigned count = 0, reads = 0;
    int got = 1;

    *errnum = 0;
    while (count < BATCH && reads < BATCH && got) {
        got = read_packet(gre, count, errnum);
        reads += got != 0;
        count += got > 0;
    }
    if (count)
        send_batch(gre, count);
    return reads == BATCH;
}

static void pass_data(struct vc_gre *gre, const uint8_t *inner, size_t len)
{
    if (gre->tun >= 0 && gre->keepalive.up && write(gre->tun, inner, len) == (ssize_t)len)
        gre->counters.rx_packets++;
    else
        gre->counters.rx_drops++;
}

/* The request's inner packet is the answer. Its IP header is the one our socket writes anyway; what follows it goes out
 * unchanged. */
static void answer_request(struct vc_gre *gre, const uint8_t *inner, size_t len)
{
    size_t header = (size_t)(inner[0] & 0xf) * 4;

    if (vc_gre_send(gre, inner + header, len - header))
        gre->counters.keepalives_answered++;
    else
        gre->counters.tx_drops++;
}

static void handle_packet(struct vc_gre *gre, const uint8_t *packet, size_t len, bool *answered)
{
    const uint8_t *inner = NULL;
    size_t inner_len = 0;

    switch (vc_gre_classify(packet, len, gre->config.local, gre->config.remote, &inner, &inner_len)) {
    case VC_GRE_DATA:
        pass_data(gre, inner, inner_len);
        break;
    case VC_GRE_KEEPALIVE_REQUEST:
        if (gre->config.ignores_requests)
            gre->counters.rx_drops++;
        else
            answer_request(gre, inner, inner_len);
        break;
    case VC_GRE_KEEPALIVE_ANSWER:
        gre->counters.keepalives_returned++;
        *answered = true;
        break;
    case VC_GRE_IGNORE:
        gre->counters.rx_drops++;
        break;
    }
}

bool vc_gre_pump_in(struct vc_gre *gre, bool *answered)
{
    struct vc_gre_pump *pump = gre->pump;
    int count = recvmmsg(gre->raw, pump->in, BATCH, MSG_DONTWAIT, NULL);

    for (int i = 0; i < count; i++)
        handle_packet(gre, pump->in_slots[i].iov.iov_base, pump->in[i].msg_len, answered);
    return count == BATCH;
}
