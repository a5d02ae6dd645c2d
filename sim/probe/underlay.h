/* Invariants 1 and 4 on packets: judges what a tap sees and emits link/clear and link/ttl-exceeded (each at most once a
 * second and link). */
#pragma once

#include "base/event.h"
#include "net/tap.h"

struct vc_underlay_watch {
    struct vc_events *events;
    const char *link;
    bool underlay; /* between CPE and headend: only IKE (UDP 500, 4500), ESP and ICMP may pass. Elsewhere only TTL
                      exceeded is looked for. */
    int64_t last_clear_ns, last_ttl_ns;
};
void vc_underlay_judge(struct vc_underlay_watch *watch, const struct vc_tap_packet *packet);
