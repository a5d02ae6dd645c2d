/* GRE's header (RFC 2784) and the constants that the endpoint and the wire format share. */
#pragma once

#include <stdint.h>

struct vc_gre_header {
    uint16_t flags, protocol; /* network byte order */
};

#define VC_GRE_PROTOCOL_IP        0x0800
#define VC_GRE_PROTOCOL_KEEPALIVE 0x0000

/*
 * The outer TTL is IOS's default and not the inner one: eBGP to a neighbour on the tunnel's link sends TTL 1, which
 * would not reach beyond the first hop of the underlay.
 */
#define VC_GRE_TTL 255
