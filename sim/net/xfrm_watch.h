/*
 * A tunnel's SAs as the kernel has them, for an IKE daemon that tells nobody (vici.h is for those that do): xfrm
 * netlink notifications of one namespace become the events ipsec/sa that docs/events.md describes. A tunnel is known by
 * the addresses at its two ends.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/event.h"
#include "base/ip.h"

struct vc_xfrm_tunnel {
    const char *name; /* copied */
    struct in_addr local, remote;
    int64_t rekey_ns; /* an SA's age when the daemon means to replace it */
};

struct vc_xfrm_watch; /* talloc; freeing stops it and says nothing */

/*
 * From now on; what is there already is not looked for. `up` is told when both directions of a pair of SAs are there
 * (`rekeyed`: another pair was), `down` when the inbound SA of the last pair goes. VC_EXIT_HOST where the kernel has no
 * xfrm.
 */
struct vc_xfrm_watch *vc_xfrm_watch_start(void *ctx, sd_event *loop, struct vc_events *events, const char *node,
                                          int netns, const struct vc_xfrm_tunnel *tunnels, size_t count,
                                          vc_error **err);
/* The daemon is gone, and nobody keeps its SAs any more: all that are up are told as down. Frees the watch. */
void vc_xfrm_watch_gone(struct vc_xfrm_watch *watch);

/* What is up now, as vici's list-sas has it: [{"dc1": {"state", "child-sas": {"dc1": {"state", "spi-in",
 * "spi-out"}}}}]. New reference. */
json_t *vc_xfrm_watch_status(const struct vc_xfrm_watch *watch);

/* The netlink messages in a buffer, as the socket delivers them; exposed for tests. */
void vc_xfrm_watch_feed(struct vc_xfrm_watch *watch, const void *messages, size_t size);
/* Without a socket, for tests. */
struct vc_xfrm_watch *vc_xfrm_watch_new(void *ctx, struct vc_events *events, const char *node,
                                        const struct vc_xfrm_tunnel *tunnels, size_t count);
