/*
 * vclab's GRE endpoint (RFC 2784, no key, no checksum) with Cisco keepalives.
 *
 * User plane: a TUN interface and a raw IPPROTO_GRE socket carry the packets. Kernel plane: ip_gre carries them, and
 * this endpoint only originates and answers keepalives on a raw socket. In both, `retries` unanswered keepalives take
 * the interface down as on IOS (carrier off for a TUN, admin down for ip_gre, so that zebra and BGP follow) and the
 * first answer brings it up; requests are answered even while it is down (requirements.md, "GRE keepalive").
 */
#pragma once

#include "base/error.h"
#include "base/ip.h"

struct vc_gre_config {
    const char *ifname; /* "gre-dc1" */
    struct in_addr local, remote;
    unsigned mtu;
    unsigned keepalive_s, retries; /* 0: sends none */
    bool ignores_requests;         /* else they are answered */
    bool kernel;                   /* the interface is ip_gre's and exists already */
    int rt_priority;               /* SCHED_RR, 0: none */
};

struct vc_gre; /* talloc; freeing closes its descriptors and so removes a TUN interface */

/* In the calling thread's network namespace: creates the TUN (user plane; carrier on, not yet up) and the raw socket.
 */
struct vc_gre *vc_gre_open(void *ctx, const struct vc_gre_config *config, vc_error **err);

/* What the endpoint tells its owner over `report`, a SOCK_SEQPACKET socket: UP at the start and state changes at once,
 * COUNTERS each second in which they changed. */
struct vc_gre_report {
    enum { VC_GRE_DOWN, VC_GRE_UP, VC_GRE_COUNTERS, VC_GRE_FAILED } type;
    int errnum;           /* FAILED */
    int64_t monotonic_ns; /* CLOCK_MONOTONIC */
    uint64_t tx_packets, rx_packets, tx_drops, rx_drops, keepalives_sent, keepalives_answered, keepalives_returned;
};

/*
 * Runs until `report` is closed by the owner (in every process that has it: a later fork inherits the owner's end);
 * does not return otherwise (a fatal error is reported as FAILED and ends it). Called in a process of its own. Sends
 * the first keepalive at once and then, until the first answer, every 100 ms for a second at most: it is the traffic
 * that triggers the SA (R24), and IOS's first keepalive would be lost in the acquire.
 */
void vc_gre_run(struct vc_gre *gre, int report);

/* Wire format, for tests: the 48-byte keepalive request from local to remote; returns its GRE part (28 bytes after the
 * outer IP header). */
#define VC_KEEPALIVE_LEN       48
#define VC_KEEPALIVE_INNER_LEN 24
void vc_keepalive_build(uint8_t packet[VC_KEEPALIVE_LEN], struct in_addr local, struct in_addr remote, uint16_t ip_id);
enum vc_gre_class { VC_GRE_DATA, VC_GRE_KEEPALIVE_REQUEST, VC_GRE_KEEPALIVE_ANSWER, VC_GRE_IGNORE };
/* What a received outer IP packet (from remote to local) is; *payload and *payload_len give the inner packet for DATA
 * and REQUEST. */
enum vc_gre_class vc_gre_classify(const uint8_t *packet, size_t len, struct in_addr local, struct in_addr remote,
                                  const uint8_t **payload, size_t *payload_len);
