/* Offloads of an interface, by its ethtool names. */
#pragma once

#include "base/error.h"

/*
 * Turns "rx-udp-gro-forwarding" and the like on or off, in `netns`. Returns whether that was done: an offload that the
 * kernel does not know, or will not change, is no error. Fails when the interface is not there.
 */
int vc_offload_set(int netns, const char *ifname, const char *offload, bool on, vc_error **err);
