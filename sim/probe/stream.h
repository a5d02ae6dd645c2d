/*
 * One direction of a flow as numbers: which sequence numbers were sent, arrived, are missing; gaps, outages, delay,
 * jitter. No sockets and no clock of its own, so that the arithmetic is tested without a network. All times are
 * nanoseconds of the lab's clock. Private to probe/.
 *
 * Counting begins at the first packet that ever arrives: what was sent before met a lab that was still coming up, and
 * is told as waited_ms, not as loss.
 *
 * The pace may change. Each packet remembers within which interval it followed the one before, so a gap's resolution
 * and the beginning of an outage are those of the packets concerned: the spacing of a slow flow is no outage, and three
 * packets that are missing near a change of pace are one.
 */
#pragma once

#include "base/event.h"
#include "probe/path.h"

enum {
    VC_STREAM_RING = 1 << 14, /* packets remembered: more than five minutes at 50 a second */
    VC_STREAM_OUTAGE = 3,     /* packets missing in a row that make an outage */
    VC_OWD_BUCKETS = 64 * 32,
};

struct vc_sent {
    uint64_t seq;
    int64_t sent_ns;
    int64_t received_ns; /* -1: not yet */
    int64_t spacing_ns;  /* it left at most so long after the one before */
    struct vc_crossings crossings;
};

struct vc_gap {
    bool open; /* waits for late packets to fill it */
    uint64_t first, last;
    unsigned lost;
    int64_t start_ns, end_ns;
};

struct vc_stream {
    struct vc_events *events;
    struct vc_points *points;
    const char *flow, *direction;
    int64_t interval_ns; /* the pace from now on: may be changed at any time */

    struct vc_sent *ring;
    uint64_t next;      /* sequence number of the next packet to send; the first is 0 */
    int64_t spacing_ns; /* the pace when the last one was sent: the next follows within it */
    int64_t coarsest_ns;
    int64_t first_sent_ns;

    bool started, outage;
    uint64_t base, highest;
    int64_t first_ns, last_ns; /* arrivals */
    struct vc_path path;
    struct vc_gap gap;

    uint64_t received, reordered, duplicated;
    int64_t longest_gap_ns;
    int64_t owd_last_ns, owd_min_ns, owd_max_ns;
    double jitter_ns;
    uint32_t *owd; /* histogram, VC_OWD_BUCKETS */
};

void vc_stream_init(void *ctx, struct vc_stream *stream);          /* after the first five members were set */
uint64_t vc_stream_sending(struct vc_stream *stream, int64_t now); /* the packet's sequence number */
void vc_stream_crossed(struct vc_stream *stream, uint64_t seq, uint8_t name, int64_t age_ns);
void vc_stream_received(struct vc_stream *stream, uint64_t seq, int64_t now, int64_t owd_ns);
/* An outage seems to begin: what waits in the sockets should be read before vc_stream_tick says so. */
bool vc_stream_silent(const struct vc_stream *stream, int64_t now);
void vc_stream_tick(struct vc_stream *stream, int64_t now);
void vc_stream_finish(struct vc_stream *stream, int64_t now);
unsigned vc_stream_rate(const struct vc_stream *stream, int64_t now); /* packets received in the last second */
uint64_t vc_stream_lost(const struct vc_stream *stream);              /* up to the last arrival */
