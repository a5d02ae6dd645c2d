/*
 * The oracle: what must be reachable, and by which way, when a set of elements has failed. A small model of the
 * deployment (underlay, IPsec, GRE, BGP's choice of routes) computed from the topology alone: no daemons, no plan, no
 * code shared with what configures FRR, so that a mistake there cannot hide here. It answers for the settled network:
 * after every timer has run. Sources: requirements R1-R7, R37-R41; RFC 4271, 9.1 (decision process); RFC 2784; RFC
 * 4301.
 */
#pragma once

#include "model/topology.h"

#include <jansson.h>

enum vc_element_kind {
    VC_ELEMENT_LINK,   /* the wire: what is sent on it is lost, carrier stays */
    VC_ELEMENT_END,    /* one end of a link is shut */
    VC_ELEMENT_DAEMON, /* killed */
    VC_ELEMENT_NODE,   /* powered off */
    VC_ELEMENT_DROP,   /* packets of one kind vanish on a link or tunnel */
    VC_ELEMENT_KINDS,
};

/* Something that can fail. Its name is stable and unique in a topology: "link/inet-dc1", "end/inet-dc1/isp",
 * "daemon/cpe1/bgpd", "node/cpe1", "drop/esp/inet-dc1", "drop/bgp/dc1". */
struct vc_element {
    enum vc_element_kind kind;
    const char *name;
    json_t *fault; /* a scenario's fault step without "name" (docs/scenarios.md); owned by the oracle */
};

struct vc_oracle; /* talloc; borrows the topology and the timers */

/* Enumerates the elements: nodes each with its daemons, links each with its ends and its drops, tunnels with theirs,
 * each in document order. Fails (VC_EXIT_USAGE) for a node kind it has no model of. */
struct vc_oracle *vc_oracle_new(void *ctx, const struct vc_topology *topology, const struct vc_timers *timers,
                                vc_error **err);

size_t vc_oracle_count(const struct vc_oracle *oracle);
const struct vc_element *vc_oracle_element(const struct vc_oracle *oracle, size_t i);
size_t vc_oracle_find(const struct vc_oracle *oracle, const char *name); /* VC_NONE */

/* Tunnels and WAN links in the order a packet from the first node to the second crosses them. */
struct vc_oracle_path {
    bool reachable;
    const char **via; /* names, borrowed from the topology; empty when nothing between them is a tunnel or a WAN link */
    size_t count;
};

/* For a pair of end points (nodes of kind host) with `failed` (indexes of elements) gone: one direction. They failed in
 * that order, the network settling in between: a node whose routing daemon is dead keeps the routes it had then. The
 * path's array is a talloc child of ctx. */
struct vc_oracle_path vc_oracle_ask(void *ctx, const struct vc_oracle *oracle, const size_t *failed,
                                    size_t failed_count, size_t from, size_t to);

/* Why, in a sentence for people: "tunnel dc1 is down (no ESP on inet-dc1); cpe1 takes 198.18.5.0/24 from cpe2".
 * talloc child of ctx. */
char *vc_oracle_why(void *ctx, const struct vc_oracle *oracle, const size_t *failed, size_t failed_count, size_t from,
                    size_t to);

/* The same after a history of failures and heals, each settled before the next. Powering a node on starts all its
 * daemons. */
struct vc_oracle_step {
    size_t element;
    bool heal;
};
struct vc_oracle_path vc_oracle_ask_after(void *ctx, const struct vc_oracle *oracle, const struct vc_oracle_step *steps,
                                          size_t count, size_t from, size_t to);
char *vc_oracle_why_after(void *ctx, const struct vc_oracle *oracle, const struct vc_oracle_step *steps, size_t count,
                          size_t from, size_t to);

/* Nanoseconds after which every timer that these failures, or their healing, set off has run, with a margin of a
 * few seconds for the daemons. */
int64_t vc_oracle_settled_ns(const struct vc_oracle *oracle, const size_t *failed, size_t failed_count, bool healing);
/* The same for failures of which each is so long ago already, at least, and nothing was healed since. */
struct vc_oracle_failure {
    size_t element;
    int64_t ago_ns;
};
int64_t vc_oracle_left_ns(const struct vc_oracle *oracle, const struct vc_oracle_failure *failed, size_t failed_count);
/* What comes after its failure depends on whether the network has settled in between: a process that dies leaves
 * something behind (the kernel's routes, SAs, sessions that nobody ends), and what fails later may meet it. */
bool vc_oracle_remembers(const struct vc_oracle *oracle, size_t element);
/* Nanoseconds for which, after these elements healed, all may look well and yet fall: an end goes on with what the heal
 * took away until it asks. 0 mostly. */
int64_t vc_oracle_unnoticed_ns(const struct vc_oracle *oracle, const size_t *healed, size_t healed_count);
