/* The character of a wire as a value: what a packet meets on its way. All zero is a perfect wire. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define VC_PPM_PER_PERCENT 10000

struct vc_wire {
    uint32_t delay_us;
    uint32_t jitter_us; /* each packet's delay is evenly spread over delay ± jitter; packets keep their order */
    uint32_t loss_ppm, corrupt_ppm, duplicate_ppm, reorder_ppm; /* parts per million of the packets */
    uint32_t burst;     /* mean length of a loss burst in packets; 0: each packet is lost on its own */
    uint32_t rate_mbit; /* of IP packets with their link header; 0: no limit */
    uint32_t limit;     /* packets that are under way or wait for their turn; 0: enough, see vc_wire_limit */
};

bool vc_wire_is_perfect(const struct vc_wire *wire);
/* More than a rate: only the kernel's netem can do it; for a rate alone tbf will do. */
bool vc_wire_needs_netem(const struct vc_wire *wire);

/* The limit, or where none is given what is under way at full rate and a queue of 100 ms. Packets. */
uint32_t vc_wire_limit(const struct vc_wire *wire);

/* "80 ms ± 30 ms, 1 % lost in bursts of 4, 250 Mbit/s", or "perfect". talloc child of ctx. */
char *vc_wire_text(void *ctx, const struct vc_wire *wire);
