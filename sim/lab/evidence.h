/* The parts of vc_lab_evidence (lab.h, docs/doctor.md). Private to sim/lab/evidence*.c. What a node cannot tell now (it
 * is off, a daemon does not answer) is left out. All return new references. */
#pragma once

#include "lab/private.h"

/* evidence_order.c: what the customer ordered and designed, as the topology has it: known to every engineer. */
json_t *evidence_order(const struct vc_lab *lab);
/* The secrets of a tunnel's order; talloc children of ctx. A password "": none is ordered. */
const char *evidence_psk(void *ctx, const struct vc_lab *lab, size_t tunnel);
const char *evidence_password(void *ctx, const struct vc_lab *lab, size_t tunnel);
/* How a configured secret compares: "as ordered", "another" or "none". */
const char *evidence_secret(const char *configured, const char *ordered);

/* evidence_ike.c: {"daemon", "configured": {TUNNEL: …}, "sas": […]} of the node's IKE daemon, or NULL: it has none. */
json_t *evidence_ike(const struct lab_node *node);
/* Only "sas". */
json_t *evidence_sas(const struct lab_node *node);

/* evidence_bgp.c: {"daemon", "configured": {TUNNEL: …}, "neighbors": {ADDRESS: …}}, or NULL; BFD sessions, or NULL. */
json_t *evidence_bgp(const struct lab_node *node);
json_t *evidence_bfd(const struct lab_node *node);

/* evidence_node.c: files, the kernel, the firewall. */
char *evidence_file(void *ctx, const struct lab_node *node, const char *path); /* NULL: not there */
json_t *evidence_logs(const struct lab_node *node);
/* Adds a line of a log in place of the oldest of many; of one silence only the last line stays. */
void evidence_keep_line(json_t *lines, const char *line);
json_t *evidence_counters(const struct lab_node *node);
json_t *evidence_firewall(const struct lab_node *node);
json_t *evidence_interfaces(const struct lab_node *node, struct vc_rtnl *rtnl);

/* The daemon of that name while it runs and answers, or NULL. */
const struct vc_daemon *evidence_daemon(const struct lab_node *node, const char *name);

/* evidence_probes.c: what a person would try, tried now. */
json_t *evidence_probes(const struct vc_lab *lab);
