/* The kernel's IPsec databases (RFC 4301, 4.4) of a namespace. Source: linux/xfrm.h. */
#pragma once

#include "base/error.h"

/* Removes every SA and policy of `netns`. A kernel without xfrm has none: that is no failure. */
int vc_xfrm_flush(int netns, vc_error **err);

/* Its ESP SAs: [{"spi" (as the events have it), "to", "packets", "idle_s" (since the last packet; absent: none yet),
 * "late" (packets that the anti-replay window was too small for; absent: none)}]. New reference; NULL: no xfrm here, or
 * it did not answer. */
json_t *vc_xfrm_list(int netns, vc_error **err);
/* One datagram of the answer, at `now_s` of the clock of the day; true: the last. Exposed for tests. */
bool vc_xfrm_list_read(json_t *list, const void *messages, size_t size, int64_t now_s);
