/* The parts of vc_lab_evidence (lab.h, docs/doctor.md). Private to sim/lab/evidence*.c. What a node cannot tell now (it
 * is off, a daemon does not answer) is left out. All return new references. */
#pragma once

#include "lab/private.h"

/* How many seconds ago that was, as a member; 0: it never was, and nothing is added. */
void evidence_age(const struct vc_lab *lab, json_t *out, const char *member, int64_t since_ns);

/* evidence_order.c: what the customer ordered and designed, as the topology has it: known to every engineer. */
json_t *evidence_order(const struct vc_lab *lab);
/* The secrets of a tunnel's order; talloc children of ctx. A password "": none is ordered. */
const char *evidence_psk(void *ctx, const struct vc_lab *lab, size_t tunnel);
const char *evidence_password(void *ctx, const struct vc_lab *lab, size_t tunnel);
/* How a configured secret compares: "as ordered", "another" or "none". */
const char *evidence_secret(const char *configured, const char *ordered);

/* evidence_ike.c: {"daemon", "configured": {TUNNEL: …}, "sas": […]} of the node's IKE daemon, or NULL: it has none. */
json_t *evidence_ike(const struct lab_node *node);
/* Only "sas"; NULL: the daemon does not answer. */
json_t *evidence_sas(const struct lab_node *node);

/* evidence_secrets.c: the keys of ipsec.secrets compared with the order's, as the member "psk" of each connection. */
void evidence_read_secrets(const struct vc_lab *lab, char *text, json_t *connections);
/* The key of those IDs in such a text (changed), or NULL: there is none. */
const char *evidence_secret_of(char *text, const char *local_id, const char *remote_id);

/* evidence_gre.c: {TUNNEL: …} */
json_t *evidence_gre(const struct lab_node *node, struct vc_rtnl *rtnl);

/* evidence_speaker.c: what is configured for each tunnel in the text (changed) of FRR's or BIRD's configuration, with
 * the passwords as they stand there. `is_tunnel` tells the tunnels' names. */
typedef bool evidence_is_tunnel(const void *arg, const char *name);
json_t *evidence_read_frr(char *text, evidence_is_tunnel *is_tunnel, const void *arg);
json_t *evidence_read_bird(char *text, evidence_is_tunnel *is_tunnel, const void *arg);

/* evidence_bgp.c: {"daemon", "configured": {TUNNEL: …}, "neighbors": {ADDRESS: …}}, or NULL; BFD sessions, or NULL. */
json_t *evidence_bgp(const struct lab_node *node);
json_t *evidence_bfd(const struct lab_node *node);

/* evidence_node.c: files, the kernel, the firewall. */
char *evidence_file(void *ctx, const struct lab_node *node, const char *path); /* NULL: not there */
json_t *evidence_logs(const struct lab_node *node);
/* Adds a line of a log in place of the oldest of many of its tunnel; of one silence only the last line stays. */
void evidence_keep_line(json_t *lines, const char *line);
json_t *evidence_counters(const struct lab_node *node);
json_t *evidence_firewall(const struct lab_node *node);
json_t *evidence_interfaces(const struct lab_node *node, struct vc_rtnl *rtnl);

/* The daemon of that name while it runs and answers, or NULL. */
const struct vc_daemon *evidence_daemon(const struct lab_node *node, const char *name);

/* evidence_probes.c: what a person would try, tried now. */
json_t *evidence_probes(const struct vc_lab *lab);
