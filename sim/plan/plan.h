/*
 * The plan: everything a lab needs, computed from a model by a pure function. No clock, no randomness but the seed, no
 * privilege: two plans of the same input are the same bytes (vc_plan_dump). What runs in a node comes from
 * nodes/<kind>/ (kind.yaml and *.mustache), so that a new kind of node is a new folder.
 */
#pragma once

#include "model/scenario.h"

enum vc_plane {
    VC_PLANE_KERNEL, /* ip_gre and xfrm */
    VC_PLANE_USER,   /* libipsec and vclab's GRE endpoint */
};

struct vc_plan_options {
    enum vc_plane plane;
    const struct vc_timers *timers;
    uint64_t seed;
    const char *kinds_dir; /* the nodes/ folder */
};

/* One end of a link, in the node that owns it. */
struct vc_plan_iface {
    const char *ifname; /* the link's name */
    size_t link;        /* index into topology.links */
    unsigned end;       /* 0 or 1 */
    uint8_t mac[6];
    struct vc_prefix address;
    unsigned mtu;
    struct vc_wire wire; /* what leaves here meets it */
    uint64_t wire_seed;  /* of its chances */
};

struct vc_plan_route {
    struct vc_prefix prefix;
    bool blackhole;
    struct in_addr via; /* 0: directly on ifname */
    const char *ifname; /* NULL: from via */
    uint32_t table;     /* 254 main */
    uint32_t metric;
};

/* One end of a GRE tunnel, in a CPE or a DC router. */
struct vc_plan_gre {
    const char *ifname; /* gre-<tunnel> */
    size_t tunnel;
    struct in_addr local, remote; /* transports */
    struct vc_prefix address;     /* tunnel address with its mask */
    struct in_addr peer_address;
    unsigned mtu;
    unsigned keepalive_s, retries; /* 0: no keepalives sent */
    bool ignores_keepalives;       /* else requests are always answered */
    bool shut;                     /* administratively down: sends and answers nothing */
    /* The rate of the tunnel (R6). Shaped here, where packets are still the customer's: 250 Mbit/s are of IP packets as
     * they enter the tunnel, without GRE and ESP; and what exceeds the rate costs no encryption. */
    struct vc_wire wire;
    uint64_t wire_seed;
};

struct vc_plan_file {
    const char *path; /* absolute, inside the node */
    const char *text;
    unsigned mode;
};

/* A daemon of a node: started when every daemon of `needs` is ready, ready when `ready` answers. */
struct vc_plan_daemon {
    const char *name;         /* "charon", "zebra", "bgpd", "bfdd" */
    const char *const *argv;  /* NULL-terminated; argv[0] absolute inside the lab root */
    const char *const *needs; /* NULL-terminated names of daemons of the node, or empty */
    const char *ready;        /* path inside the node (a socket) */
    const char *vici_config;  /* swanctl.conf's text to load through vici once ready, or NULL */
    const char *const *load;  /* NULL-terminated commands, words separated by spaces, run one after the other once
                                 `ready` answers: only then the daemon is ready */
    bool kernel_sas;          /* it speaks no vici: its SAs are watched in the kernel */
    const char *log;          /* path inside the node of its log file; stdout and stderr go to <name>.out */
    int rt_priority;          /* SCHED_RR priority, 0: normal scheduling */
    /* Best started when the node's BGP sessions are Established, or could not be within a second: bgpd 10 refuses a
     * neighbour whose BFD session is down, and a new one is down for at least a second (RFC 5880, 6.8.3). Started
     * earlier, it only delays the bring-up. */
    bool after_bgp;
};

struct vc_plan_node {
    const char *name, *kind;
    struct vc_plan_iface *ifaces;
    struct in_addr *loopbacks; /* /32s on lo, beside 127.0.0.1 */
    struct vc_plan_route *routes;
    struct vc_plan_gre *gres;
    struct vc_plan_file *files;
    struct vc_plan_daemon *daemons; /* in start order */
    const char *const *sysctls;     /* NULL-terminated "net/ipv4/ip_forward=1", relative to /proc/sys */
    const char *firewall;           /* nftables script, or NULL */
    const char *const *directories; /* NULL-terminated; created (0755) in the node before files are written */
    const char *const *sockets; /* NULL-terminated paths of Unix stream sockets on which the lab listens, without ever
                                   accepting, as long as the node lives. zebra talks to mgmtd; with nobody at its socket
                                   it tries again every 10 ms, which is 9 % of a core. */
    size_t iface_count, loopback_count, route_count, gre_count, file_count, daemon_count;
};

struct vc_plan {
    const struct vc_topology *topology;
    struct vc_plan_options options;
    struct vc_plan_node *nodes; /* as topology.nodes, same indexes */
    size_t node_count;
};

/* Computes the plan; a talloc child of ctx. Fails (VC_EXIT_USAGE) only for a kind folder that is missing or malformed.
 */
struct vc_plan *vc_plan_make(void *ctx, const struct vc_topology *topology, const struct vc_plan_options *options,
                             vc_error **err);

/* The whole plan as text, for golden tests and `vclab check --plan`. Free with free(). Secrets are included. */
char *vc_plan_dump(const struct vc_plan *plan);

/*
 * What the verdict must know of the plan, as the members of the event check/plan (docs/events.md): tunnels, dcs,
 * sessions, the prefixes each side may accept (invariant 3), for each flow the healthy path (invariant 2), and the
 * scheduling lag that the fastest timer allows. New reference.
 */
json_t *vc_plan_facts(const struct vc_plan *plan, const struct vc_flow_spec *flows, size_t flow_count);
