/*
 * Bounded bulk loads between two nodes: UDP at a set rate and packet size (sendmmsg, paced) and TCP as fast as it goes.
 * Each end runs in a forked child (SCHED_OTHER) that ends by itself after `seconds`, whatever happens to its parent.
 */
#pragma once

#include "base/error.h"
#include "base/ip.h"

struct vc_bulk_config {
    int from_netns, to_netns;
    struct in_addr from, to;
    bool tcp;
    double mbit;       /* UDP: of IP packets (L3), headers included */
    unsigned ip_bytes; /* UDP: IP packet size, 1300 */
    unsigned seconds;  /* 1..600 */
};
struct vc_bulk_result {
    uint64_t sent, received, lost; /* packets (UDP) */
    double mbit;                   /* received; of IP packets for UDP, of payload for TCP */
    double seconds;
};
/* Blocks for the duration; call it in a process or thread that may. */
int vc_bulk_run(const struct vc_bulk_config *config, struct vc_bulk_result *result, vc_error **err);
