/*
 * Voice-like flows: RTP (RFC 3550, G.711 20 ms, DSCP EF) both ways between two nodes, with sequence numbers and kernel
 * timestamps. Loss, outage, reordering, delay and MOS come from these packets; which tunnel and WAN link each of them
 * crossed comes from the path observers on the taps of those interfaces. Emits probe/path, probe/outage-begin,
 * probe/gap, probe/summary (docs/events.md).
 *
 * Reading order makes paths exact: on every wake a receiver's packets are read first, then all path taps are drained,
 * then the packets are judged. A tap sees a packet before the node behind it can forward it, so what a received packet
 * crossed is always known by then.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/event.h"
#include "base/ip.h"
#include "net/tap.h"

struct vc_flows; /* all flows of a run; talloc; freeing closes them */

struct vc_flow_end {
    int netns;
    struct in_addr address;
};
struct vc_flow_config {
    const char *name;
    struct vc_flow_end from, to;
    unsigned interval_ms;
};

struct vc_flows *vc_flows_new(void *ctx, sd_event *loop, struct vc_events *events);

/* The pcap filter that matches exactly the packets of flows, for taps that only observe paths. */
extern const char vc_flow_filter[];

/*
 * Adds an observation point: an interface of a tunnel ("dc1") or WAN link ("wan"). `tap` is borrowed and drained by the
 * flows before they judge; every packet it yields must be given to vc_flows_observe (the owner's tap callback may feed
 * captures too). It may be NULL: not there yet.
 */
int vc_flows_add_point(struct vc_flows *flows, const char *name, struct vc_tap *tap, vc_error **err);
/* The tap of a point changes when its node is powered off (NULL) and on again. */
int vc_flows_set_tap(struct vc_flows *flows, int point, struct vc_tap *tap, vc_error **err);
/* Whether it is a flow's packet; cheap for others. `point` is vc_flows_add_point's return value. */
bool vc_flows_observe(struct vc_flows *flows, int point, const struct vc_tap_packet *packet);

/* Opens the sockets and starts sending at once. Flow names are unique. Path order: each point's name is placed by the
 * time its tap saw the packet. */
int vc_flows_add(struct vc_flows *flows, const struct vc_flow_config *config, vc_error **err);

/* Another interval from now on; a quicker pace begins at once. Nothing is lost or counted twice by it. */
void vc_flows_pace(struct vc_flows *flows, const char *name, unsigned interval_ms);

/* An end of the flow lives in a new namespace (its node was powered on again): sockets are opened anew, sequence
 * numbers and statistics go on. */
int vc_flows_reopen(struct vc_flows *flows, const struct vc_flow_config *config, vc_error **err);

/* Stops sending, waits for nothing; packets under way are still counted until vc_flows_finish. */
void vc_flows_stop(struct vc_flows *flows);
/* Emits a last probe/gap for an outage still open (end_ns now) and every probe/summary. */
void vc_flows_finish(struct vc_flows *flows);

/* Live rates for `vclab status`: {"voice-dc1": {"forward": {"path": […], "lost": n, "pps": n}, "return": …}}. New
 * reference. */
json_t *vc_flows_status(const struct vc_flows *flows);
/* True when every flow has received in both directions within the last two intervals. */
bool vc_flows_all_running(const struct vc_flows *flows);
