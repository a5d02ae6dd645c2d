/* Offloads of an interface, by its ethtool names. */
#pragma once

#include "base/error.h"

/*
 * "rx-udp-gro-forwarding" and the like, on; in `netns`. Returns whether the interface has that offload now: one that
 * the kernel does not know, or will not change, is no error. Fails when the interface is not there.
 */
int vc_offload_on(int netns, const char *ifname, const char *offload, vc_error **err);
