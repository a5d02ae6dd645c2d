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
    unsigned ip_bytes; /* of the whole packet, 28 at least */
    bool whole;        /* DF: it must not be fragmented */
    /* Set by the call: */
    unsigned sent, received;
    bool too_large; /* this node itself refused to send it whole */
};

/*
 * `tries` packets for each, `gap_ms` apart, and up to `limit_ms` after the last for the answers. A target that cannot
 * even be sent to (no route, no such address) counts as not answering; -1 only when sockets cannot be had.
 */
int vc_echo_run(struct vc_echo *echoes, size_t count, unsigned tries, unsigned gap_ms, unsigned limit_ms,
                vc_error **err);
