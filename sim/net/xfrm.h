/* The kernel's IPsec databases (RFC 4301, 4.4) of a namespace. Source: linux/xfrm.h. */
#pragma once

#include "base/error.h"

/* Removes every SA and policy of `netns`. A kernel without xfrm has none: that is no failure. */
int vc_xfrm_flush(int netns, vc_error **err);
