/*
 * The kernel's netem and tbf as the root queueing discipline of an interface, by rtnetlink: what a packet meets when it
 * leaves there. libnl-route's netem knows neither Gilbert-Elliott loss nor the generator's seed, so the messages are
 * built here (linux/pkt_sched.h; net/sched/sch_netem.c, sch_tbf.c).
 *
 * A wire's rate is netem's own where netem is needed at all: it counts each packet's time on the wire to the
 * nanosecond, where a tbf below netem would add its bucket and its timer to the delay. A rate alone is a tbf.
 */
#pragma once

#include "base/wire.h"
#include "net/rtnl.h"

enum vc_qdisc_kind { VC_QDISC_NONE, VC_QDISC_NETEM, VC_QDISC_TBF, VC_QDISC_OTHER };

/* Probabilities are shares of UINT32_MAX. */
struct vc_qdisc {
    enum vc_qdisc_kind kind;
    int64_t latency_ns, jitter_ns;
    uint32_t limit; /* packets */
    uint32_t loss, duplicate, reorder, corrupt;
    struct {
        uint32_t p, r; /* good to bad and back; a packet is lost in bad only. 0: losses are independent */
    } bursts;
    uint64_t rate;  /* bytes a second, 0: none */
    uint32_t burst; /* tbf: bytes; not read back */
    uint64_t seed;  /* of netem's generator; 0 where the kernel (before 6.7) does not tell it */

    /* read back only */
    uint64_t packets, bytes, drops;
    uint32_t backlog_packets;
};

/* What the kernel is told for a wire. `neutral`: a perfect wire is a netem that does nothing rather than no qdisc, so
 * that what is still under way in one that is there arrives. */
struct vc_qdisc vc_qdisc_of(const struct vc_wire *wire, uint64_t seed, bool neutral);

/* Queues: `qdisc` becomes the interface's root; of the same kind as the one there, packets inside stay inside.
 * VC_QDISC_NONE deletes it, which the kernel refuses (ENOENT) when there is none. */
void vc_qdisc_set(struct vc_rtnl *rtnl, const char *ifname, const struct vc_qdisc *qdisc);

/* The interface's root qdisc now, read from the kernel with its counters. VC_QDISC_NONE: the kernel's default. */
int vc_qdisc_read(struct vc_rtnl *rtnl, const char *ifname, struct vc_qdisc *qdisc, vc_error **err);

/* The same settings: counters do not matter, nor a seed that the kernel did not tell. */
bool vc_qdisc_same(const struct vc_qdisc *a, const struct vc_qdisc *b);
