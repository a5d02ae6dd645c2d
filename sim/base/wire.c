#include "base/wire.h"

enum {
    QUEUE_MS = 100,
    FAST_MBIT = 1000, /* what a wire without a rate may have to hold */
    PACKET_BYTES = 1000,
    LIMIT_MIN = 50,
};

bool vc_wire_needs_netem(const struct vc_wire *wire)
{
    return wire->delay_us || wire->jitter_us || wire->loss_ppm || wire->corrupt_ppm || wire->duplicate_ppm ||
           wire->reorder_ppm;
}

bool vc_wire_is_perfect(const struct vc_wire *wire)
{
    return !vc_wire_needs_netem(wire) && !wire->rate_mbit && !wire->limit;
}

uint32_t vc_wire_limit(const struct vc_wire *wire)
{
    uint64_t rate = wire->rate_mbit ? wire->rate_mbit : FAST_MBIT;
    uint64_t ms = ((uint64_t)wire->delay_us + wire->jitter_us) / 1000 + QUEUE_MS;
    uint64_t packets = rate * 125 * ms / PACKET_BYTES; /* 1 Mbit/s is 125 bytes a millisecond */

    if (wire->limit)
        return wire->limit;
    return packets < LIMIT_MIN ? LIMIT_MIN : packets > INT32_MAX ? INT32_MAX : (uint32_t)packets;
}
