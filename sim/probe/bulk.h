/*
 * Bounded bulk loads between two nodes: UDP at a set rate and packet size (segmentation offload, paced) and TCP as fast
 * as it goes. Each end runs in a forked child (SCHED_OTHER) that ends by itself after `seconds`, whatever happens to
 * its parent, and before that when it is told to.
 *
 * What is counted is split into windows: a UDP packet counts in the window in which it was sent, wherever it arrives,
 * so that losses belong to their time exactly; TCP's bytes count when they arrive.
 */
#pragma once

#include "base/error.h"
#include "base/ip.h"

#define VC_BULK_WINDOWS 64

struct vc_bulk_config {
    int from_netns, to_netns;
    struct in_addr from, to;
    bool tcp;
    double mbit;       /* UDP: of IP packets (L3), headers included */
    unsigned ip_bytes; /* UDP: IP packet size, 1300 */
    unsigned burst;    /* UDP: packets sent back to back; 0: what two milliseconds bring, which costs least */
    unsigned seconds;  /* 1..600 */
};

struct vc_bulk_result {
    uint64_t sent, received, lost; /* packets (UDP) */
    double mbit;                   /* received; of IP packets for UDP, of payload for TCP */
    double seconds;                /* from the first arrival to the last */
    int64_t start_ns, end_ns;      /* of sending, CLOCK_MONOTONIC */
};

/* Loads arrive at one of these ports, so many at a time at an address: a capture can leave them out by it. */
#define VC_BULK_PORT  5001
#define VC_BULK_PORTS 16

struct vc_bulk; /* a load under way; talloc; freeing it kills what still runs */

/* Opens both ends and begins; returns at once. */
struct vc_bulk *vc_bulk_start(void *ctx, const struct vc_bulk_config *config, vc_error **err);
/* Descriptors that become readable when the sender and the receiver have ended. Borrowed. */
void vc_bulk_fds(const struct vc_bulk *bulk, int fds[2]);
bool vc_bulk_is_over(const struct vc_bulk *bulk);
/* A new window begins now; without effect in the last one. */
void vc_bulk_mark(struct vc_bulk *bulk);
/* No more is sent; the load is over when what is under way has arrived, or nothing has for 300 ms. */
void vc_bulk_stop(struct vc_bulk *bulk);
/* Once it is over: the number of windows, and what was counted in `window`, or in all of them (-1). Fails when an end
 * died or could not connect. */
size_t vc_bulk_windows(const struct vc_bulk *bulk);
int vc_bulk_result(const struct vc_bulk *bulk, int window, struct vc_bulk_result *result, vc_error **err);

/* A whole load. Blocks for the duration; call it in a process or thread that may. */
int vc_bulk_run(const struct vc_bulk_config *config, struct vc_bulk_result *result, vc_error **err);
