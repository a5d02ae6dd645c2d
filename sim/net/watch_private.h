/*
 * The parts of watch.h. The kernel's SAs (watch_xfrm.c) are a watch of their own, a talloc child of ctx; a kernel
 * without xfrm is no error.
 */
#pragma once

#include "net/watch.h"
#include "base/ip.h"

int vc_watch_xfrm_start(void *ctx, sd_event *loop, struct vc_events *events, const char *node, int netns,
                        vc_error **err);

/* The watcher's picture of the main table: which route each prefix has now, and what was last said about it
 * (watch_fib.c). */
struct vc_fib; /* talloc */

struct vc_fib_route {
    struct vc_prefix prefix;
    uint32_t metric;
    int ifindex;
    struct in_addr via; /* 0: none */
};

/* Called for a prefix whose best route (lowest metric) changed; `best` is NULL when none is left. */
typedef void vc_fib_fn(void *arg, struct vc_prefix prefix, const struct vc_fib_route *best);

struct vc_fib *vc_fib_new(void *ctx, vc_fib_fn *fn, void *arg);
void vc_fib_set(struct vc_fib *fib,
                const struct vc_fib_route *route); /* adds, or replaces that of the same prefix and metric */
void vc_fib_remove(struct vc_fib *fib, const struct vc_fib_route *route); /* only if it is exactly that one */

/* Between the two, vc_fib_set() collects a full dump silently; the end removes what was not in it and says what
 * differs. */
void vc_fib_resync_begin(struct vc_fib *fib);
void vc_fib_resync_end(struct vc_fib *fib);
