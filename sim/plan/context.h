/*
 * What a template may say about its node, as JSON. nodes/README.md is its reference for people who write a kind.
 */
#pragma once

#include "plan/plan.h"

/* The context of one node. New reference. */
json_t *vc_context(const struct vc_topology *topology, const struct vc_plan_options *options, size_t node);

/* The part a node plays in a tunnel. */
enum vc_role { VC_ROLE_NONE, VC_ROLE_CPE, VC_ROLE_HEADEND, VC_ROLE_ROUTER };
enum vc_role vc_tunnel_role(const struct vc_topology *topology, const struct vc_tunnel *tunnel, size_t node);

/* The link between two nodes that touches `node` at *end; VC_NONE when there is none. The first in document order. */
size_t vc_link_between(const struct vc_topology *topology, size_t node, size_t peer, unsigned *end);

/* The largest packet on a GRE interface in this plane. */
unsigned vc_gre_mtu(const struct vc_topology *topology, enum vc_plane plane);

/* Two BGP speakers of one AS at a link's ends peer with each other over it. */
bool vc_link_is_ibgp(const struct vc_topology *topology, const struct vc_link *link);
