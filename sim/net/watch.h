/*
 * Watchers: netlink notifications of one namespace as events link/state, fib/route (main table, IPv4 unicast) and,
 * where the kernel has xfrm, ipsec/kernel-sa. Lost notifications (ENOBUFS) are followed by a full dump, so that the
 * last state reported is always true. The state at the start is reported first; of a prefix's routes the one with the
 * lowest metric counts; lo is left out.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/event.h"

struct vc_watch; /* talloc; freeing stops it */

/* Called after an interface changed, beside the event; may be NULL. */
typedef void vc_watch_link_fn(void *arg, const char *ifname, bool up, bool carrier);

struct vc_watch *vc_watch_start(void *ctx, sd_event *loop, struct vc_events *events, const char *node, int netns,
                                vc_watch_link_fn *fn, void *arg, vc_error **err);
