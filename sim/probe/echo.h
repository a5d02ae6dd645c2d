/*
 * ICMP echo (RFC 792) as a person tries it with ping, several targets at once and each from a namespace and an address
 * of its own. Nothing is executed; the caller is held until all are answered or the time is over.
 */
#pragma once

#include "base/error.h"
#include "base/ip.h"

struct vc_echo {
    int netns;
    struct in_addr from, to;
    unsigned ip_bytes;       /* of the whole packet, 28 at least */
    unsigned sent, received; /* set by the call */
    bool whole;              /* DF: it must not be fragmented */
    bool too_large;          /* set by the call: this node itself refused to send it whole */
};

/*
 * One packet for each, and up to `tries` for those that nobody has answered, `gap_ms` apart, so that a wire that loses
 * some is no wire that loses all; up to `limit_ms` after the last for the answers. A target that cannot even be sent to
 * (no route, no such address) counts as not answering; -1 only when sockets cannot be had.
 */
int vc_echo_run(struct vc_echo *echoes, size_t count, unsigned tries, unsigned gap_ms, unsigned limit_ms,
                vc_error **err);
