/*
 * What a wire of ns-3 tells about itself, as values: what has become of its packets, and how late it was. Shared by the
 * simulator (ns3c.h), the process that carries wires and its client, of which only the first knows ns-3.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * One direction of a wire. Once nothing is on its way any more (and overrun packets never get on their way),
 *   received + duplicated == delivered + lost_random + lost_burst + lost_down + dropped_queue + overrun + held.
 */
struct vc_wire_counters {
    uint64_t received, received_bytes; /* frames that came in at the direction's beginning */
    uint64_t delivered, delivered_bytes;
    uint64_t lost_random, lost_burst; /* by `loss` without and with `burst` */
    uint64_t lost_down;               /* came while the wire was down, or were under way when it went down */
    uint64_t dropped_queue;           /* found `limit` packets under way */
    uint64_t corrupted, duplicated, reordered;
    uint64_t overrun;       /* dropped because this machine was too slow to take them: never part of the character */
    uint64_t held;          /* under way now */
    uint64_t longest_queue; /* the most that were ever under way */
};

/* How late events were since the last question: real time minus the time they were due. All 0 when the clock is a
 * virtual one. Percentiles are exact to 1/16. A step of the wall clock, which is what ns-3 goes by, is a lateness, too.
 */
struct vc_wire_lag {
    uint64_t events;
    int64_t median_ns, p99_ns, p999_ns, worst_ns;
    int64_t reader_worst_ns; /* the longest that frames may have waited in a TAP; 0 from ns3c itself */
    uint64_t undelivered;    /* frames that the process could not write to a TAP (interface down); 0 from ns3c itself */
    uint64_t demotions;      /* times the process lost its real-time priority to its watchdog; 0 from ns3c itself */
    uint64_t realtime;       /* 1: the process has real-time priority now; 0 from ns3c itself */
};

/* Their members by name, for JSON. All are 64 bits wide. */
struct vc_wire_member {
    const char *name;
    size_t offset;
};
enum { VC_WIRE_COUNTERS_COUNT = 14, VC_WIRE_LAG_COUNT = 9 };
extern const struct vc_wire_member vc_wire_counters_members[VC_WIRE_COUNTERS_COUNT];
extern const struct vc_wire_member vc_wire_lag_members[VC_WIRE_LAG_COUNT];
