/* What `configure` (model/configure.h) puts in place of what the topology says, as one node sees it. */
#pragma once

#include "model/configure.h"
#include "plan/context.h"

/* The settings of a node, or of one of its tunnels (`tunnel` VC_NONE: the node's). */
struct vc_settings vc_configured_settings(const struct vc_topology *topology, size_t node, size_t tunnel);

/* A tunnel as the node's GRE and BGP have it, seen from the node. IPsec keeps the topology's transports: a wrong GRE
 * address must not mend itself by a crypto ACL that is as wrong. */
struct vc_own_tunnel {
    struct in_addr local, remote; /* transports */
    struct vc_prefix address;
    struct in_addr peer_address;
    const char *psk;          /* NULL: derived from the seed */
    const char *bgp_password; /* NULL: derived likewise; "": none */
    unsigned mtu;             /* 0: the topology's */
    bool ignores_keepalives, sends_no_keepalives;
    bool shut;
    bool own_keepalives; /* the two below, whatever the timers say */
    unsigned keepalive_s, retries;
};
struct vc_own_tunnel vc_configured_tunnel(const struct vc_topology *topology, size_t node, size_t tunnel);

/* Adds the members that knobs turn to a tunnel of the node's context: identity, ike_version, mode, start, peer,
 * selectors, refused, neighbor, local_as, default, leak, accept, accept_set, announce, own_prefix, inbound_policy,
 * transport_vrf, default_route, firewall, bgp_off, own_timers, and `timers` and `underlay` where they are others.
 * `timers` is the profile. */
void vc_configured_context(const struct vc_topology *topology, size_t node, size_t tunnel,
                           const struct vc_timers *timers, json_t *context);

/* Adds `guard` {loop, clear, stateful, pmtud} to a node's context: what its firewall is to keep up. */
void vc_configured_guards(const struct vc_topology *topology, size_t node, json_t *context);

/* Adds `redistribute` {all, summary, none}, one of them true, and `next_hop_self`: what the node tells the LAN (R7). */
void vc_configured_redistribution(const struct vc_topology *topology, size_t node, json_t *context);

/* `ibgp: false` at one end of the link, between CPEs. */
bool vc_configured_without_ibgp(const struct vc_topology *topology, const struct vc_link *link);
