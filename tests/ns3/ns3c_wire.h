/* A wire in virtual time, a sender of numbered frames, and what has come of them. */
#pragma once

#include "ns3c.h"

enum { SEEN_MAX = 300000 };

struct seen {
    struct vc_ns3 *sim;
    int wire;
    uint64_t sent, count[2]; /* by the end where they leave */
    bool keep;
    struct arrival {
        uint32_t number; /* of the frame, as sent */
        int64_t at;
        uint64_t flipped; /* bits */
    } * arrivals;
    size_t size;
    /* the sender */
    int64_t interval;
    uint32_t left;
};

static inline void fill(uint8_t *frame, size_t size, uint32_t number)
{
    memset(frame, 0x5a, size);
    memcpy(frame, &number, sizeof number);
}

static inline void leaves(void *arg, int wire, int end, const uint8_t *data, size_t size, int64_t due_ns)
{
    struct seen *seen = arg;
    struct arrival arrival = {.at = due_ns};

    cr_assert_eq(wire, seen->wire);
    cr_assert_eq(due_ns, vc_ns3_now(seen->sim), "in virtual time nothing is late");
    seen->count[end]++;
    if (!seen->keep || seen->size == SEEN_MAX)
        return;
    memcpy(&arrival.number, data, sizeof arrival.number);
    for (size_t i = sizeof arrival.number; i < size; i++)
        arrival.flipped += (unsigned)__builtin_popcount(data[i] ^ 0x5a);
    seen->arrivals[seen->size++] = arrival;
}

/* The simulator keeps the address of `seen`: it is where it stays. */
static inline void wire_make(struct seen *seen, struct vc_wire character, uint32_t seed)
{
    VC_AUTO_ERROR *err = NULL;
    const struct vc_wire both[2] = {character, character};

    *seen = (struct seen){
        .sim = sim_new(VC_NS3_VIRTUAL, seed), .keep = true, .arrivals = calloc(SEEN_MAX, sizeof *seen->arrivals)};
    cr_assert_not_null(seen->arrivals);
    OK(seen->wire = vc_ns3_wire_new(seen->sim, both, leaves, seen, &err), err);
}

static inline void wire_free(struct seen *seen)
{
    sim_free(seen->sim);
    free(seen->arrivals);
}

static inline void send_sized(struct seen *seen, int end, size_t size)
{
    VC_AUTO_ERROR *err = NULL;
    uint8_t frame[1514];

    fill(frame, size, (uint32_t)seen->sent++);
    OK(vc_ns3_wire_send(seen->sim, seen->wire, end, frame, size, &err), err);
}

static inline void send_next(void *arg)
{
    struct seen *seen = arg;

    send_sized(seen, 0, 100);
    if (--seen->left)
        cr_assert_eq(vc_ns3_schedule(seen->sim, seen->interval, send_next, seen, NULL), 0);
}

/* n frames of 100 bytes, one each interval. */
static inline void send_series(struct seen *seen, uint32_t n, int64_t interval)
{
    seen->left = n;
    seen->interval = interval;
    cr_assert_eq(vc_ns3_schedule(seen->sim, 0, send_next, seen, NULL), 0);
    sim_run(seen->sim);
}

static inline struct vc_wire_counters counters(struct seen *seen, int direction)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_wire_counters c;

    OK(vc_ns3_wire_counters(seen->sim, seen->wire, direction, &c, &err), err);
    cr_assert_eq(c.received + c.duplicated,
                 c.delivered + c.lost_random + c.lost_burst + c.lost_down + c.dropped_queue + c.overrun + c.held);
    return c;
}
