/*
 * What Libreswan's configuration says in other words than strongSwan's: proposals, selectors, identities, lifetimes.
 * Topologies and `configure` are written once for both makes, in strongSwan's words; what Libreswan cannot express is
 * refused (VC_EXIT_USAGE), in one line.
 */
#pragma once

#include "base/error.h"

/* "aes256gcm16-prfsha384-ecp384" → "aes_gcm256-sha2_384-dh20". talloc child of ctx, or NULL. */
char *vc_libreswan_ike(void *ctx, const char *proposal, vc_error **err);
/* "aes256gcm16-ecp384" → "aes_gcm256;dh20". *pfs: it has a group. talloc child of ctx, or NULL. */
char *vc_libreswan_esp(void *ctx, const char *proposal, bool *pfs, vc_error **err);

/*
 * Gives each tunnel of a node's context (vc_context) its `libreswan` {ike, esp, pfs (yes, no), id {local, remote},
 * subnets {local, remote} or false, protocol (of both ends, or false: any), ike_lifetime_s, margin_s,
 * dead_s, wait_ms, ondemand}. Also refused
 * are the user plane (VC_EXIT_HOST), for which Libreswan has no ESP, and two tunnels between the same two addresses,
 * whose SAs nobody could tell apart.
 */
int vc_libreswan_context(json_t *context, vc_error **err);
