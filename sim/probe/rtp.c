#include "probe/rtp.h"

#include <endian.h>
#include <string.h>
#include <sys/socket.h>

#include "probe/flow.h"

const char vc_flow_filter[] = "udp and src portrange 20000-20127 and dst portrange 20000-20127";

static const uint8_t magic[4] = {'v', 'c', 'f', 'l'};

void vc_flow_tag_write(uint8_t payload[VC_FLOW_TAG_BYTES], const struct vc_flow_tag *tag)
{
    uint16_t flow = htobe16(tag->flow);
    uint32_t run = htobe32(tag->run);
    uint64_t seq = htobe64(tag->seq), sent = htobe64((uint64_t)tag->sent_ns);

    memcpy(payload, magic, 4);
    memcpy(payload + 4, &flow, 2);
    payload[6] = tag->direction;
    payload[7] = 0;
    memcpy(payload + 8, &run, 4);
    memcpy(payload + 12, &seq, 8);
    memcpy(payload + 20, &sent, 8);
}

bool vc_flow_tag_read(const uint8_t *udp_payload, size_t len, struct vc_flow_tag *tag)
{
    const uint8_t *payload = udp_payload + VC_RTP_BYTES;
    uint16_t flow;
    uint32_t run;
    uint64_t seq, sent;

    if (len < VC_RTP_BYTES + VC_FLOW_TAG_BYTES || udp_payload[0] >> 6 != 2 || memcmp(payload, magic, 4) != 0 ||
        payload[6] > 1)
        return false;
    memcpy(&flow, payload + 4, 2);
    memcpy(&run, payload + 8, 4);
    memcpy(&seq, payload + 12, 8);
    memcpy(&sent, payload + 20, 8);
    *tag = (struct vc_flow_tag){
        .flow = be16toh(flow),
        .direction = payload[6],
        .run = be32toh(run),
        .seq = be64toh(seq),
        .sent_ns = (int64_t)be64toh(sent),
    };
    return true;
}

bool vc_flow_tag_find(const struct vc_tap_packet *packet, struct vc_flow_tag *tag)
{
    const uint8_t *ip = packet->ip;
    size_t header;

    if (!ip || packet->ip_captured < 28 || ip[0] >> 4 != 4 || ip[9] != IPPROTO_UDP)
        return false;
    header = (size_t)(ip[0] & 15) * 4 + 8;
    return header >= 28 && header <= packet->ip_captured &&
           vc_flow_tag_read(ip + header, packet->ip_captured - header, tag);
}

void vc_rtp_write(uint8_t packet[VC_RTP_BYTES + VC_VOICE_BYTES], const struct vc_flow_tag *tag, int64_t media_ns)
{
    uint16_t seq = htobe16((uint16_t)tag->seq);
    uint32_t timestamp = htobe32((uint32_t)(media_ns / 125000)); /* 8000 Hz */
    uint32_t ssrc = htobe32(tag->run + 2U * tag->flow + tag->direction);

    memset(packet, 0xff, VC_RTP_BYTES + VC_VOICE_BYTES); /* µ-law silence */
    packet[0] = 2 << 6;
    packet[1] = tag->seq == 0 ? 0x80 : 0; /* PT 0; the marker opens a talkspurt */
    memcpy(packet + 2, &seq, 2);
    memcpy(packet + 4, &timestamp, 4);
    memcpy(packet + 8, &ssrc, 4);
    vc_flow_tag_write(packet + VC_RTP_BYTES, tag);
}

static int64_t kernel_stamp(struct msghdr *message)
{
    struct timespec time;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            memcpy(&time, CMSG_DATA(c), sizeof time);
            return time.tv_sec * VC_NS_PER_S + time.tv_nsec;
        }
    clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec * VC_NS_PER_S + time.tv_nsec;
}

size_t vc_rtp_read(int fd, struct vc_rtp_arrival arrivals[VC_RTP_BATCH], bool *more)
{
    uint8_t data[VC_RTP_BATCH][VC_RTP_BYTES + VC_FLOW_TAG_BYTES];
    uint8_t control[VC_RTP_BATCH][CMSG_SPACE(sizeof(struct timespec))] __attribute__((aligned(8)));
    struct iovec iov[VC_RTP_BATCH];
    struct mmsghdr messages[VC_RTP_BATCH];
    size_t count = 0;

    for (size_t i = 0; i < VC_RTP_BATCH; i++) {
        iov[i] = (struct iovec){data[i], sizeof data[i]};
        messages[i] = (struct mmsghdr){
            .msg_hdr = {
                .msg_iov = &iov[i], .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = sizeof control[i]}};
    }

    int n = recvmmsg(fd, messages, VC_RTP_BATCH, MSG_DONTWAIT, NULL);

    *more = n == VC_RTP_BATCH;
    for (int i = 0; i < n; i++)
        if (vc_flow_tag_read(data[i], messages[i].msg_len, &arrivals[count].tag))
            arrivals[count++].realtime_ns = kernel_stamp(&messages[i].msg_hdr);
    return count;
}
