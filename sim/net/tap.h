/*
 * A tap sees every packet of one interface (AF_PACKET, both directions, nanosecond kernel timestamps) and hands it on
 * in batches. A link has one tap. What it feeds: captures (pcapng.h), path observers and the underlay invariant
 * (probe/). Packets it had to drop are counted and reported, never silently missing. Source: packet(7).
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/event.h"

struct vc_tap_packet {
    struct timespec time; /* CLOCK_REALTIME, kernel */
    bool outgoing;        /* leaves this interface's node */
    const uint8_t *data;  /* link layer as the interface has it */
    size_t captured, length;
    const uint8_t *ip; /* start of the IPv4 header inside data, or NULL */
    size_t ip_captured;
};
typedef void vc_tap_fn(void *arg, const struct vc_tap_packet *packet);

struct vc_tap; /* talloc; freeing closes it */

struct vc_tap_config {
    int netns;
    const char *ifname;
    unsigned snaplen;   /* bytes kept of each packet; 0: 65535 */
    const char *filter; /* pcap-filter(7), compiled by libpcap; NULL: all */
    vc_tap_fn *fn;
    void *arg;
};
struct vc_tap *vc_tap_open(void *ctx, const struct vc_tap_config *config, vc_error **err);

/* Another filter from now on (NULL: all); packets that wait already are handed on as they are. */
int vc_tap_filter(struct vc_tap *tap, const char *filter, vc_error **err);

int vc_tap_fd(const struct vc_tap *tap);
/* Hands on all that is queued now. Returns packets handed on. */
int vc_tap_drain(struct vc_tap *tap);
uint64_t vc_tap_dropped(struct vc_tap *tap);   /* since the start */
int vc_tap_linktype(const struct vc_tap *tap); /* LINKTYPE_ETHERNET 1 or LINKTYPE_RAW 101 */

/*
 * Many taps behind one descriptor: a packet that crosses ten links makes ten taps readable at once, and one wake is
 * enough for all of them.
 */
struct vc_tap_set; /* talloc; freeing it leaves the taps alone */

struct vc_tap_set *vc_tap_set_new(void *ctx, vc_error **err);
/* A tap leaves its sets when it is freed, whoever else has its descriptor then, or before. It may be in several. */
int vc_tap_set_add(struct vc_tap_set *set, struct vc_tap *tap, vc_error **err);
void vc_tap_set_remove(struct vc_tap_set *set, const struct vc_tap *tap);
int vc_tap_set_fd(const struct vc_tap_set *set); /* readable when one of them is */
void vc_tap_set_drain(struct vc_tap_set *set);   /* those that are readable; asks no other */
