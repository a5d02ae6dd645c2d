/* The packets of flows: RTP (RFC 3550) with G.711 silence whose first bytes say which packet this is. Private to
 * probe/. */
#pragma once

#include "net/tap.h"

enum {
    VC_FLOW_MAX = 64,
    VC_FLOW_PORT = 20000, /* flow i uses VC_FLOW_PORT + 2i at both ends; below the ephemeral ports */
    VC_RTP_BYTES = 12,
    VC_VOICE_BYTES = 160,
    VC_FLOW_TAG_BYTES = 28, /* of the voice payload */
    VC_RTP_BATCH = 8,
};

/* What a flow's packet says of itself, behind the RTP header. */
struct vc_flow_tag {
    uint16_t flow;
    uint8_t direction; /* 0 forward, 1 return */
    uint32_t run;      /* tells this process's packets from another lab's */
    uint64_t seq;
    int64_t sent_ns; /* CLOCK_REALTIME */
};
void vc_flow_tag_write(uint8_t payload[VC_FLOW_TAG_BYTES], const struct vc_flow_tag *tag);
bool vc_flow_tag_read(const uint8_t *udp_payload, size_t len, struct vc_flow_tag *tag); /* RTP header first */
/* The same from a tapped IPv4 packet. */
bool vc_flow_tag_find(const struct vc_tap_packet *packet, struct vc_flow_tag *tag);

/* The whole UDP payload of a packet. `media_ns`: how much of the call went before it. */
void vc_rtp_write(uint8_t packet[VC_RTP_BYTES + VC_VOICE_BYTES], const struct vc_flow_tag *tag, int64_t media_ns);

struct vc_rtp_arrival {
    struct vc_flow_tag tag;
    int64_t realtime_ns; /* the kernel's stamp, CLOCK_REALTIME */
};
/* One batch of what waits in the socket, without strangers' packets; *more when it may hold others. Never blocks. */
size_t vc_rtp_read(int fd, struct vc_rtp_arrival arrivals[VC_RTP_BATCH], bool *more);
