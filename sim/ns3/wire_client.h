/*
 * How a lab has its wires carried by ns-3: starts vclab-wire, hands it the TAPs of the wires' ends, tells it what the
 * packets on them meet. Plain C, without ns-3: the process has it (docs/decisions.md says why it is one of its own).
 *
 * Every call waits for the process's answer, VC_WIRE_PATIENCE_S at most; after that, and when the process has ended,
 * the handle is of no use but to be freed. Calls of one handle belong into one thread.
 */
#pragma once

#include <net/ethernet.h>

#include "base/error.h"
#include "base/wire.h"
#include "ns3/wire_state.h"

enum { VC_WIRE_PATIENCE_S = 10 };

struct vc_wires; /* talloc; freeing it ends the process and reaps it. What was under way is lost. */

struct vc_wires_config {
    const char *program; /* path of vclab-wire, */
    int program_fd;      /* or where that is NULL a descriptor of it */
    int log;             /* its standard error; 0: the caller's */
    uint32_t seed;       /* any; the same seed gives the same chances */
    int priority;        /* SCHED_FIFO, 1 to 90, where the host allows it; 0: normal scheduling */
};

/* A host without the program: VC_EXIT_HOST, and the message says how to get it. */
struct vc_wires *vc_wires_start(void *ctx, const struct vc_wires_config *config, vc_error **err);

/* A TAP for an end of a wire, in the namespace `netns`, shut and without carrier as a new veth is, with a queue that
 * holds a burst. Its frames have neither offload nor packet information. The caller owns the descriptor; the interface
 * goes with its last copy, and may be moved to another namespace meanwhile. */
int vc_wires_tap(int netns, const char *ifname, const uint8_t mac[ETH_ALEN], unsigned mtu, vc_error **err);
/* A TAP's carrier, which is what its node sees of the other end. */
int vc_wires_carrier(int tap, bool carrier, vc_error **err);

/* A wire between two TAPs, ends 0 and 1, whose descriptors stay the caller's (the process has copies). character[i] is
 * what frames meet that enter at end i. `name`: 1 to 15 bytes, used once. */
int vc_wires_add(struct vc_wires *wires, const char *name, const int tap[2], const struct vc_wire character[2],
                 vc_error **err);

/* `direction` is named after the end where it begins; -1 is both. */
int vc_wires_set(struct vc_wires *wires, const char *name, int direction, const struct vc_wire *character,
                 vc_error **err);
int vc_wires_up(struct vc_wires *wires, const char *name, int direction, bool up, vc_error **err);

/* What a wire is now, by direction: what a frame that comes meets, and what became of those that came. */
struct vc_wires_state {
    struct vc_wire character[2];
    bool up[2];
    struct vc_wire_counters counters[2];
};
int vc_wires_state(struct vc_wires *wires, const char *name, struct vc_wires_state *state, vc_error **err);
int vc_wires_counters(struct vc_wires *wires, const char *name, struct vc_wire_counters counters[2], vc_error **err);
/* Since the last question. */
int vc_wires_lag(struct vc_wires *wires, struct vc_wire_lag *lag, vc_error **err);

pid_t vc_wires_pid(const struct vc_wires *wires); /* for a supervisor; the handle reaps it */
void vc_wires_reaped(struct vc_wires *wires);     /* unless the caller has: the number may be another's by now */
