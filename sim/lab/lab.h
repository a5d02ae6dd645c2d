/*
 * A lab: a plan turned into namespaces, links and processes inside the sandbox. Runs in the engine (PID 1), on its
 * event loop. It knows nothing of scenarios: faults and the timeline call it. Bring-up is event-driven: every daemon
 * starts when what it needs exists (inotify), and `ready` is called when the last one is.
 *
 * Ownership: the lab owns namespaces, sockets, and every process it started; all hang on one talloc tree whose
 * destructor closes them. Processes die with the sandbox.
 */
#pragma once

#include <systemd/sd-event.h>

#include "lab/node.h"
#include "net/nft.h"
#include "net/qdisc.h"
#include "net/rtnl.h"
#include "net/watch.h"

struct vc_lab;

/* A node's interfaces exist now (bring-up, power-on) or are about to go (power-off): where observers open and close. */
typedef int vc_lab_node_fn(void *arg, size_t node, bool on, vc_error **err);

/* What the lab's links are made of. */
struct vc_lab_links {
    const char *name; /* netem, ns3 or veth, for people; NULL: not said */
    const bool *ns3;  /* by link: ns-3 carries it, else it is a veth; NULL: ns-3 carries none */
    int program;      /* vclab-wire, open; used where `ns3` is */
};

struct vc_lab_options {
    struct vc_lab_links links;    /* borrowed for the lab's life */
    int labroot;                  /* O_PATH descriptor of the lab root in the sandbox's mount namespace */
    int logs;                     /* likewise a directory for the nodes' /var/log, or -1 */
    int kinds;                    /* the nodes/ folder, likewise, for nodes that are configured otherwise; or -1 */
    vc_lab_node_fn *node_changed; /* may be NULL */
    void *node_arg;
    bool watch; /* netlink, vici and FRR watchers emit events (off only where a bench measures the bare lab) */
};

/* Called on the loop when every daemon is ready, or when bring-up failed (err set, borrowed). */
typedef void vc_lab_ready_fn(void *arg, vc_error *err);

struct vc_lab *vc_lab_new(void *ctx, sd_event *loop, struct vc_events *events, const struct vc_plan *plan,
                          const struct vc_lab_options *options, vc_error **err);
/* Builds links and starts daemons; returns as soon as the loop must turn. */
int vc_lab_start(struct vc_lab *lab, vc_lab_ready_fn *ready, void *arg, vc_error **err);

/* Something happens, or is about to: for some seconds the watchers look closely. Events of the lab and of its faults do
 * this by themselves. */
void vc_lab_stir(struct vc_lab *lab);

const struct vc_plan *vc_lab_plan(const struct vc_lab *lab);
sd_event *vc_lab_loop(const struct vc_lab *lab);
struct vc_events *vc_lab_events(const struct vc_lab *lab);
const struct vc_node_rt *vc_lab_node(const struct vc_lab *lab, size_t node);
struct vc_rtnl *vc_lab_rtnl(struct vc_lab *lab, size_t node);               /* NULL while powered off */
struct vc_nft *vc_lab_nft(struct vc_lab *lab, size_t node, vc_error **err); /* opened on first use */

/* Daemons. A daemon is one of the plan's; NULL where the node has none of that name. */
struct vc_daemon;
struct vc_daemon *vc_lab_daemon(struct vc_lab *lab, size_t node, const char *name);
enum vc_daemon_state { VC_DAEMON_WAITING, VC_DAEMON_STARTED, VC_DAEMON_READY, VC_DAEMON_STOPPED, VC_DAEMON_GONE };
enum vc_daemon_state vc_daemon_state(const struct vc_daemon *daemon);
pid_t vc_daemon_pid(const struct vc_daemon *daemon);
/* Signals an expected change: its end or stop is then no failure. SIGKILL, SIGSTOP, SIGCONT. */
int vc_daemon_signal(struct vc_daemon *daemon, int signal, vc_error **err);
int vc_daemon_start(struct vc_daemon *daemon, vc_error **err); /* after GONE; READY follows as at bring-up */
/*
 * Likewise, and restarts the running daemons of its node that need it, as watchfrr does: bgpd looks for a new zebra
 * only every ten seconds and never tells it what it had told the old one.
 */
int vc_daemon_start_again(struct vc_daemon *daemon, vc_error **err);
/* It is READY, and none of those is still on its way. */
bool vc_daemon_serves(const struct vc_daemon *daemon);

/* Links. Shutting an end flushes its routes, as the kernel does; opening it puts the plan's back. */
int vc_lab_link_set(struct vc_lab *lab, size_t link, unsigned end, bool up, vc_error **err);

/* Wires. What leaves `node` by `ifname` (a link's, or gre-<tunnel>) meets `wire` from now on, over power-offs too,
 * until it is set again; NULL: what the plan says. `seed` feeds its chances (those of ns-3's wires come from the
 * plan's). What is already under way stays so. VC_EXIT_HOST where the kernel lacks netem or tbf. */
int vc_lab_wire_set(struct vc_lab *lab, size_t node, const char *ifname, const struct vc_wire *wire, uint64_t seed,
                    vc_error **err);
bool vc_lab_wire_is_planned(const struct vc_lab *lab, size_t node, const char *ifname);
/* What the kernel, or vclab-wire, has there now; nothing, and that is as it was set, while the node is off. */
struct vc_lab_wire_state {
    bool as_set;
    bool ns3;       /* vclab-wire says so */
    uint64_t drops; /* packets that met it and are lost: with netem since there is one, with ns-3 since it was set */
};
int vc_lab_wire_read(struct vc_lab *lab, size_t node, const char *ifname, struct vc_lab_wire_state *state,
                     vc_error **err);
/* Asks vclab-wire how late it was and what it dropped that it should not have: link/wire-lag, link/wire-drops. The lab
 * asks for lag by itself each second. Nothing where there is none. */
void vc_lab_wires_look(struct vc_lab *lab);

/*
 * Loads: while one runs, packets of it that a node takes in together (behind ESP and GRE) may go on as one, which is a
 * sixth less work for each in a sealed run, where work is time. Observers then see several packets as one, and packets
 * on the underlay are single all the same. Nodes that are off are left out; a kernel that cannot is none the worse.
 */
int vc_lab_gather(struct vc_lab *lab, bool on, vc_error **err);

/* Power. Off: every process of the node is killed, its kernel state is dropped, its neighbours lose carrier. On: the
 * node as at bring-up. */
int vc_lab_power_off(struct vc_lab *lab, size_t node, vc_error **err);
int vc_lab_power_on(struct vc_lab *lab, size_t node, vc_error **err);
/* Can the node be made that one? It has to have the same numbers of interfaces, tunnels and daemons. */
int vc_lab_node_fits(const struct vc_lab *lab, size_t node, const struct vc_plan_node *plan, vc_error **err);
/* What the node, which is off, is to be when it is powered on. `plan` is the lab's own (*owner NULL: borrowed while the
 * lab lives) or a part of *owner, which the lab then takes (*owner is NULL afterwards) and frees when the node is made
 * yet another. */
int vc_lab_node_replan(struct vc_lab *lab, size_t node, const struct vc_plan_node *plan, void **owner, vc_error **err);
/* The nodes/ folder as a path that the engine can read, whatever its sandbox covers. talloc child of ctx. */
char *vc_lab_kinds(void *ctx, const struct vc_lab *lab);
bool vc_lab_node_gone(const struct vc_lab *lab, size_t node);  /* off and the last process reaped */
bool vc_lab_node_ready(const struct vc_lab *lab, size_t node); /* on and every daemon ready */

/* Starts a program for a person (vclab exec, shell); `done` gets its wait status. */
typedef void vc_lab_exec_fn(void *arg, int wait_status);
int vc_lab_exec(struct vc_lab *lab, size_t node, const struct vc_spawn *spawn, vc_lab_exec_fn *done, void *arg,
                vc_error **err);

/* Every process of the lab, for accounting: sum of proportional set sizes in bytes, and their number. */
int vc_lab_memory(const struct vc_lab *lab, uint64_t *pss_bytes, unsigned *processes, vc_error **err);

/* What is true now, for `vclab status`: nodes, links, tunnels, SAs, sessions, routes, rates. New reference. */
json_t *vc_lab_status(struct vc_lab *lab);

/* What an engineer would read and try now in every node (vclab.evidence/1, docs/doctor.md), for the doctor. It takes up
 * to 0.7 s when a ping gets no answer, and uses nothing that the loop does: meant for a forked child. New reference. */
json_t *vc_lab_evidence(const struct vc_lab *lab);
