/*
 * A topology as the user wrote it, validated: nodes, links, data centres, tunnels, settings. Everything here is a fact
 * of the document (or a default of requirements.md, "What the guide leaves open"); what can be derived (routes, MACs,
 * keys, files) is the plan's.
 *
 * The whole model is one talloc tree: strings and arrays live as long as the topology they hang on. Arrays keep
 * document order.
 */
#pragma once

#include "base/error.h"
#include "base/ip.h"
#include "base/wire.h"

/* Where in a document something stands; 1-based. */
struct vc_mark {
    const char *file;
    int line, column;
};

struct vc_configure;

/* A daemon's configuration that a node brings along, in place of the one that its kind's template gives. */
struct vc_own_file {
    const char *name; /* swanctl.conf, frr.conf, bird.conf, ipsec.conf or ipsec.secrets */
    const char *path; /* as the document names it: seen from its own folder */
    const char *text;
    struct vc_mark mark;
};

/* One of Cisco's customers, an enterprise of its own: its addresses are no other customer's business. */
struct vc_customer {
    const char *name;         /* "": of a topology that has one customer and does not name it */
    struct vc_prefix network; /* the enterprise behind the CPEs, e.g. 10.10.0.0/16 */
    struct vc_prefix service; /* the shared /24 (R12) of its DCs that name no other */
};

struct vc_node {
    const char *name; /* [a-z][a-z0-9-]*, at most 15 characters */
    const char *kind; /* a folder of nodes/ */
    uint32_t asn;     /* 0: speaks no BGP */
    size_t customer;  /* index into customers; VC_NONE: all customers share it (the Internet, a headend) */
    struct vc_mark mark;
    struct vc_configure *configure; /* what is configured otherwise than it should be (configure.h), or NULL */
    struct vc_own_file *files;
    size_t file_count;
};

struct vc_link_end {
    size_t node; /* index into nodes */
    struct vc_prefix address;
    struct vc_mark mark;
};

/* A point-to-point wire. Its name, at most 15 characters, is the interface's name at both ends. */
struct vc_link {
    const char *name;
    struct vc_link_end end[2];
    struct vc_wire wire; /* what packets meet on it, in both directions */
    struct vc_mark mark;
};

/* One of Cisco's data centres as one customer sees it: its own /25, its dual-tier headend (R2). Two customers may share
 * the headend of a data centre; the router is each one's own, as a VRF is. */
struct vc_dc {
    const char *name;
    struct vc_prefix service; /* the shared /24 (R12): one for each region in which the customer has an order (R14) */
    struct vc_prefix prefix;  /* inside service */
    size_t headend;           /* node with IPsec only */
    size_t router;            /* node with GRE and BGP; its customer is the DC's */
    struct vc_mark mark;
};

/* GRE over IPsec from a CPE to a data centre. Its GRE interface is "gre-<name>" at both ends. */
struct vc_tunnel {
    const char *name;                              /* at most 11 characters */
    size_t cpe;                                    /* node */
    size_t dc;                                     /* index into dcs */
    struct in_addr ipsec_cpe, ipsec_cisco;         /* IKE endpoints as the customer's form has them (public, R8) */
    struct in_addr ipsec_private;                  /* the CPE's own address behind a NAT (R9); 0: it has ipsec_cpe */
    struct in_addr transport_cpe, transport_cisco; /* GRE transports, /32 each (R10) */
    struct vc_prefix address_cpe, address_cisco;   /* tunnel addresses in 100.64.0.0/10 (R11) */
    const char *psk;                               /* NULL: the plan derives one from the seed */
    const char *bgp_password;                      /* NULL: derived likewise */
    struct vc_mark mark;
};

/* A named set of timers; built in: service, tuned, bfd, keepalive (docs/scenarios.md). 0 means off. */
struct vc_timers {
    const char *name;
    unsigned bgp_keepalive_s, bgp_hold_s;
    unsigned bfd_interval_ms, bfd_multiplier;
    unsigned gre_keepalive_s, gre_retries;
};

struct vc_settings {
    const char *ike_proposal;  /* strongSwan's notation: "aes256gcm16-prfsha384-ecp384" */
    const char *esp_proposal;  /* "aes256gcm16" */
    unsigned ike_lifetime_s;   /* 14400 */
    unsigned child_lifetime_s; /* 3600 */
    unsigned dpd_delay_s;      /* 10 */
    unsigned dpd_retries;      /* 3 */
    unsigned replay_window;    /* packets, 1024 */
    unsigned gre_mtu;          /* bytes, 1400 (the user plane lowers it, see findings) */
    unsigned mss;              /* bytes, 1350; 0: not clamped (R42) */
    unsigned rate_mbit;        /* 250 a tunnel (R6); 0: tunnels are not shaped */
};

/* What a topology without settings has; the strings are ctx's. */
void vc_settings_default(void *ctx, struct vc_settings *out);

/* A file that the topology is based on. */
struct vc_base {
    const char *file;
    const char *path; /* seen from the folder of the topology: where it must lie beside a copy of it */
};

struct vc_topology {
    const char *name;
    const char *description;
    const char *file;
    struct vc_customer only;       /* the customer of a document that names none: then `customers` is this one */
    struct vc_customer *customers; /* one at least */
    struct vc_settings settings;
    const char *keepalives; /* "off": Cisco was notified that the CPEs have none, so no profile has them (R28); "on" */
    struct vc_node *nodes;
    struct vc_link *links;
    struct vc_dc *dcs;
    struct vc_tunnel *tunnels;
    struct vc_timers *timers; /* the built-in ones, then the document's own */
    struct vc_base *bases;    /* every file that `base` led to, in the order of reading */
    size_t customer_count, node_count, link_count, dc_count, tunnel_count, timers_count, base_count;
};

/*
 * Reads and validates a topology. Returns a talloc child of ctx, or NULL with *err (VC_EXIT_USAGE) whose message holds
 * one line for each error found: "FILE:LINE:COLUMN: what was found; what is allowed; did you mean …". `kinds_dir` is
 * the nodes/ folder: a node's kind must be one of its folders.
 */
struct vc_topology *vc_topology_load(void *ctx, const char *file, const char *kinds_dir, vc_error **err);

/* The same of a text that is in no file yet, as if it stood in `file`. */
struct vc_topology *vc_topology_parse(void *ctx, const char *file, const char *text, const char *kinds_dir,
                                      vc_error **err);

/* Look-ups by name; (size_t)-1 and NULL when there is none. */
#define VC_NONE ((size_t)-1)
size_t vc_topology_node(const struct vc_topology *topology, const char *name);
size_t vc_topology_link(const struct vc_topology *topology, const char *name);
size_t vc_topology_tunnel(const struct vc_topology *topology, const char *name);
size_t vc_topology_dc(const struct vc_topology *topology, const char *name);
const struct vc_timers *vc_topology_timers(const struct vc_topology *topology, const char *name);
/* Is the node the CPE of some tunnel? */
bool vc_topology_is_cpe(const struct vc_topology *topology, size_t node);

/* Do the nodes belong to two customers? What one's nodes know must not reach the other's. */
bool vc_topology_apart(const struct vc_topology *topology, size_t node, size_t other);
/* Whose node it is; NULL: all customers share it. */
const struct vc_customer *vc_topology_customer_of(const struct vc_topology *topology, size_t node);
/* A link between two DC routers: a piece of Cisco's internal WAN. */
bool vc_link_is_wan(const struct vc_topology *topology, size_t link);
