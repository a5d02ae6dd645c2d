/* The calls of a packet-level run, drawn before it begins: the lean model and ns-3's own stack send the same packets.
 */
#pragma once

#include "ns3/planner_model.h"

#ifdef __cplusplus
extern "C" {
#endif

struct planner_call {
    int64_t next_ns, end_ns;           /* the next packet is sent then, if that is before the end */
    int64_t clock_ns;                  /* when it would be sent by an exact clock */
    int64_t last_ns;                   /* the last packet arrived, or the call began */
    int64_t gap_ns;                    /* the longest silence */
    int64_t delay_ns;                  /* of all packets that arrived, together */
    uint32_t hub, sent, arrived, dark; /* dark: vanished in a lost tunnel, or had no way */
    uint8_t dc, codec;
};

struct planner_traffic {
    struct planner_call *calls; /* by hub within a region, then by the time they begin; free() it */
    size_t count;
};

/* To the call's next packet. Senders are no exact clocks: each packet leaves up to a twentieth of its interval late, or
 * else the calls of a full queue would lose all or nothing for ever. */
void planner_call_next(struct planner_call *call, size_t number, int64_t interval_ns);

/* Fails when there would be more packets than memory and time allow. */
int planner_traffic_draw(const struct planner_model *model, const struct planner_random *random,
                         struct planner_traffic *traffic, vc_error **err);

#ifdef __cplusplus
}
#endif
