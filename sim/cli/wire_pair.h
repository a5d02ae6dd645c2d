/*
 * Two namespaces, 10.0.0.1 and 10.0.0.2, with a wire between them: vclab-wire's, a plain veth, or a pipe between TAPs.
 * Neighbours are known, so that no packet crosses it but the caller's. What `vclab bench wires` measures on.
 */
#pragma once

#include "cli/wire_pipe.h"
#include "ns3/wire_client.h"

enum wire_kind { WIRE_VETH, WIRE_PIPE, WIRE_NS3 };
struct wire_pair {
    int netns[2], tap[2], udp[2];
    struct vc_wires *wires; /* of WIRE_NS3, else NULL */
    struct wire_pipe *pipe; /* of WIRE_PIPE, else NULL */
};

/* `program`: vclab-wire, open, for WIRE_NS3. talloc child of ctx. */
struct wire_pair *wire_pair_new(void *ctx, enum wire_kind kind, int program, vc_error **err);
/* Of WIRE_NS3; both directions. */
int wire_pair_set(struct wire_pair *pair, struct vc_wire character, vc_error **err);

/* Packets at even intervals from one end to the other, in threads of their own. */
struct wire_flow {
    int from;
    uint32_t count;
    size_t size; /* of the Ethernet frame */
    int64_t interval_ns;
    /* results */
    uint32_t sent, received;
    int64_t *took; /* sorted; talloc child of the pair */
    int64_t first_at, last_at;
};
enum { WIRE_FLOWS_MAX = 2 };
/* All at once, to their end. */
int wire_pair_run(struct wire_pair *pair, struct wire_flow *flows, size_t count, vc_error **err);
double wire_flow_ms(const struct wire_flow *flow, unsigned percent); /* that share of the packets was so quick */
double wire_flow_mbit(const struct wire_flow *flow);                 /* as they arrived, link headers included */
