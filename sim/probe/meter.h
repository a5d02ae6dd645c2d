/*
 * A meter counts the packets of one kind that cross a link: what a person would count in a capture. It looks into GRE,
 * so BGP is BGP inside the tunnel and on the link between the tiers of a data centre; ESP it cannot open.
 */
#pragma once

#include <netinet/in.h>

#include "base/ip.h"
#include "net/tap.h"

/* What is counted: all, esp, ike, gre, bgp, bfd, icmp, keepalive (GRE's, Cisco's form), syn (TCP, also SYN+ACK). */
struct vc_meter_kind;
const struct vc_meter_kind *vc_meter_kind(const char *select); /* NULL: there is none */

struct vc_meter {
    const struct vc_meter_kind *kind;
    bool to_any;
    struct vc_prefix to; /* of the innermost IPv4 header */
    /* counted since these were zeroed */
    uint64_t packets;
    uint16_t mss; /* the largest that a TCP SYN among them offered; 0: none */
};

/* One packet, its IPv4 header first. Returns whether it was counted. */
bool vc_meter_packet(struct vc_meter *meter, const struct vc_tap_packet *packet);
