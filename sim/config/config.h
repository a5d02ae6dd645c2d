/*
 * The configuration of one CPE, whoever wrote it down: taken from a topology (what the order asks for), printed as a
 * running-config of IOS-XE, or read from one. What a reader has found otherwise than ordered is said in the knobs of
 * `configure` (model/configure.h), so that it fails in the lab as it would in the field.
 *
 * The whole is one talloc tree. Values are in the units of their names; addresses in network byte order.
 */
#pragma once

#include "plan/plan.h"

/* The members of a tunnel that may be another than ordered, for their lines. */
enum vc_cpe_item {
    VC_CPE_TUNNEL,
    VC_CPE_CRYPTO,
    VC_CPE_PEER,
    VC_CPE_IKE_VERSION,
    VC_CPE_IKE,
    VC_CPE_PSK,
    VC_CPE_PSK_REMOTE,
    VC_CPE_INITIATE,
    VC_CPE_IDENTITY,
    VC_CPE_REMOTE_IDENTITY,
    VC_CPE_IKE_LIFETIME,
    VC_CPE_DPD,
    VC_CPE_ESP,
    VC_CPE_MODE,
    VC_CPE_CHILD_LIFETIME,
    VC_CPE_REPLAY,
    VC_CPE_SELECTOR,
    VC_CPE_SELECTOR_REMOTE,
    VC_CPE_UNDERLAY,
    VC_CPE_TRANSPORT_LOCAL,
    VC_CPE_TRANSPORT_REMOTE,
    VC_CPE_VRF,
    VC_CPE_ADDRESS,
    VC_CPE_MTU,
    VC_CPE_MSS,
    VC_CPE_PMTUD,
    VC_CPE_KEEPALIVE,
    VC_CPE_BGP,
    VC_CPE_NEIGHBOR,
    VC_CPE_REMOTE_AS,
    VC_CPE_LOCAL_AS,
    VC_CPE_PASSWORD,
    VC_CPE_TIMERS,
    VC_CPE_DEFAULT,
    VC_CPE_LEAK,
    VC_CPE_ACCEPT,
    VC_CPE_ITEMS
};

/* A list of prefixes. */
struct vc_cpe_prefixes {
    struct vc_prefix *items;
    size_t count;
};

/* A pre-shared key or password. */
struct vc_cpe_key {
    const char *text; /* NULL: there is none, or `hidden` */
    bool hidden;      /* there is one, but not in clear: encrypted, or left out by whoever gave the file away */
};

struct vc_cpe_tunnel { // NOLINT(clang-analyzer-optin.performance.Padding): by what belongs together
    const char *name;   /* the order's */
    const char *ifname; /* the tunnel interface, or NULL: it is not configured */
    /* IKE and ESP */
    bool crypto; /* something applies IPsec to its GRE */
    struct in_addr peer;
    unsigned ike_version;
    const char *ike;                   /* proposals in strongSwan's notation, joined by "," */
    struct vc_cpe_key psk, psk_remote; /* the other end's own, where it is another */
    const char *identity, *remote_identity;
    unsigned ike_lifetime_s, dpd_delay_s, dpd_retries; /* a delay of 0: no DPD */
    const char *esp;                                   /* with a group: PFS */
    const char *mode;
    unsigned child_lifetime_s, replay_window; /* packets; 0: none is too late */
    bool answers_only;                        /* never initiates */
    const char *protocol;                     /* of the crypto ACL: "gre", "ip" or another */
    struct vc_prefix selector_local, selector_remote;
    bool underlay; /* a route to Cisco's addresses */
    /* GRE */
    struct in_addr transport_local, transport_remote;
    unsigned vrf; /* the table in which the transport is looked for in vain; 0: where it should */
    struct vc_prefix address;
    unsigned mtu, mss; /* bytes; mss 0: not clamped */
    bool pmtud, shutdown;
    unsigned keepalive_s, retries; /* 0: off */
    /* BGP */
    bool bgp; /* a neighbour that is not shut down */
    struct in_addr neighbor;
    uint32_t remote_as, local_as;
    struct vc_cpe_key password;
    unsigned bgp_keepalive_s, bgp_hold_s;
    bool sends_default, filters_in;
    struct vc_cpe_prefixes accept, leak; /* what its filters let in, and out beside the default */
    int line[VC_CPE_ITEMS];              /* 0: not written, a default */
};

struct vc_cpe_interface {
    const char *name, *description;
    struct vc_prefix address;
    bool wan; /* IKE leaves here */
    bool lan; /* inside the enterprise */
};

/* An iBGP neighbour. */
struct vc_cpe_neighbor {
    const char *node; /* NULL where only its address is known */
    struct in_addr address;
    bool cpe; /* the customer's other one; else the LAN's */
    bool next_hop_self;
    int line;
};

struct vc_cpe_route {
    struct vc_prefix prefix;
    struct in_addr via;
};

struct vc_cpe {
    const char *file;     /* what messages call it */
    const char *hostname; /* the node's name */
    uint32_t asn;
    struct in_addr router_id;
    struct vc_cpe_tunnel *tunnels;
    struct vc_cpe_interface *interfaces;
    struct vc_cpe_neighbor *neighbors;
    struct vc_cpe_route *routes;
    size_t tunnel_count, interface_count, neighbor_count, route_count;
    unsigned bfd_interval_ms, bfd_multiplier; /* 0: off */
    bool ospf;                                /* the LAN is told by OSPF */
    const char *redistribute;                 /* all, summary, none */
    const char *unsaid;                       /* knobs of the node that IOS-XE has no words for, or NULL */
    struct vc_prefix service;
    int redistribute_line;
    /* What was met that neither the order nor a knob can say, one text each with its line; and what the reader of the
     * file could only tell of. */
    const char **errors, **notes;
    size_t error_count, note_count;
};

/* Adds to one of the two lists "FILE:LINE: …"; line 0: of no line. */
void vc_cpe_error(struct vc_cpe *cpe, int line, const char *format, ...) VC_PRINTF(3, 4);
void vc_cpe_note(struct vc_cpe *cpe, int line, const char *format, ...) VC_PRINTF(3, 4);

/* The node's configuration as the plan has it; `node` ends a tunnel as its CPE. talloc child of ctx; fails as the plan
 * does. */
struct vc_cpe *vc_cpe_of(void *ctx, const struct vc_topology *topology, const struct vc_plan_options *options,
                         size_t node, vc_error **err);
/* The same as ordered: nothing that `configure` says of the node. */
struct vc_cpe *vc_cpe_ordered(void *ctx, const struct vc_topology *topology, const struct vc_plan_options *options,
                              size_t node, vc_error **err);

/* As a running-config of IOS-XE. Without `secrets` <PSK-TUNNEL> and <BGP-PW-TUNNEL> stand for the keys. talloc child of
 * ctx, or NULL (VC_EXIT_USAGE): IOS-XE has no words for a proposal. */
char *vc_cpe_ios_xe(void *ctx, const struct vc_cpe *cpe, bool secrets, vc_error **err);

/* Forms in which a node is exported: "ios-xe", "strongswan", "frr", "bird", "libreswan". */
extern const char *const vc_export_forms[]; /* NULL-terminated */
/*
 * What `vclab export` prints: ios-xe by the above, the others as the plan has the node's files, which may be its own.
 * Without `secrets` marks stand for the tunnels' keys and words for all others, in such files too. talloc child of ctx,
 * or NULL (VC_EXIT_USAGE): the node is no CPE, runs no such daemon, or has files of its own, which nobody reads as
 * IOS-XE, or in which a private key stands.
 */
char *vc_cpe_export(void *ctx, const struct vc_topology *topology, const struct vc_plan_options *options, size_t node,
                    const char *form, bool secrets, vc_error **err);
