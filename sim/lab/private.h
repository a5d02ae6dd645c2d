/* What the modules of sim/lab share. */
#pragma once

#include "gre/gre.h"
#include "lab/lab.h"
#include "lab/reaper.h"
#include "net/vici.h"
#include "net/vty.h"
#include "net/xfrm_watch.h"

struct lab_node;

struct vc_daemon {
    struct vc_lab *lab;
    struct lab_node *node;
    const struct vc_plan_daemon *plan;
    enum vc_daemon_state state;
    int64_t started_ns, ready_ns; /* its last start, and since when it serves, on the events' clock */
    pid_t pid;
    bool expected;             /* a fault or the lab itself ended it: no failure */
    bool again;                /* it was killed to be started anew */
    sd_event_source *waiting;  /* inotify on the folder of the next path it waits for */
    sd_event_source *retry;    /* a socket that exists but does not listen yet */
    struct vc_vty *question;   /* an FRR daemon is being asked whether it serves */
    sd_event_source *answered; /* it does */
    struct vc_vici_watch *vici;
    struct vc_xfrm_watch *sas; /* in its place where the daemon has no vici */
    pid_t loader;              /* of its commands the one that runs; <= 0: none */
    size_t loaded;             /* how many are done */
    struct frr_watch *frr;
    struct bird_watch *bird;
};

/* One GRE endpoint process. */
struct lab_gre {
    struct vc_lab *lab;
    struct lab_node *node;
    const struct vc_plan_gre *plan;
    pid_t pid;
    int report;    /* our end; -1 when it is gone */
    bool released; /* told to start its keepalives */
    bool up;
    bool expected;
    struct vc_gre_report counters;
    int64_t changed_ns, answered_ns, returned_ns; /* its state, and keepalives, last; on the events' clock */
    sd_event_source *source;
};

/* What leaves a node by one of its interfaces. */
struct lab_wire {
    const char *ifname;
    bool tunnel;
    size_t link; /* VC_NONE for a tunnel */
    unsigned end;
    struct vc_wire planned, wire; /* the plan's; what was set last */
    uint64_t planned_seed, seed;
    bool changed;              /* set by a fault, not the plan's */
    struct vc_qdisc installed; /* what the kernel was told; VC_QDISC_NONE: nothing */
    uint64_t dropped;          /* by ns-3 before it was set */
};

struct lab_node {
    struct vc_node_rt rt;
    void *replanned; /* owns rt.plan when it is not the lab's; NULL otherwise */
    size_t index;
    unsigned generation; /* counts power-ons; each has its own base folder */
    bool on;
    bool bgp_settled; /* its sessions are Established, or had their time: daemons that wait for BGP may start */
    sd_event_source *bgp_limit;
    int limbo; /* holds its link ends while it is off; -1 otherwise */
    struct vc_rtnl *rtnl;
    struct vc_nft *nft;
    struct vc_watch *watch;
    struct vc_daemon *daemons;
    struct lab_gre *gres;
    struct lab_wire *wires; /* one for each interface, links' first */
    size_t wire_count;
};

struct vc_lab {
    sd_event *loop;
    struct vc_events *events;
    const struct vc_plan *plan;
    struct vc_lab_options options;
    struct vc_node_store store;
    struct vc_reaper *reaper;
    struct lab_zygotes *zygotes;
    struct lab_ns3 *ns3; /* NULL: every link is a veth */
    int64_t stirred_ns;  /* when something happened last, on the events' clock */
    bool waiting;        /* the scenario lets time pass and judges nothing meanwhile */
    struct lab_node *nodes;
    bool launching; /* not every daemon has been started yet, so none that is ready says anything about the lab */
    vc_lab_ready_fn *ready;
    void *ready_arg;
};

/* daemon.c */
void lab_daemons_init(struct lab_node *node, struct vc_lab *lab);
int lab_daemons_start(struct lab_node *node, vc_error **err);
void lab_daemons_kill(struct lab_node *node);
void lab_daemons_advance(struct vc_lab *lab); /* what the waiting ones wait for may be there now */
void lab_bgp_settled(struct lab_node *node);
void lab_daemon_advance(struct vc_daemon *daemon); /* looks what it can do next; a failure ends the bring-up */
int lab_daemon_serves(struct vc_daemon *daemon, vc_error **err); /* it does: who waits for it goes on */
void lab_daemon_fail(struct vc_daemon *daemon, vc_error **err);  /* the bring-up fails for *err */

/* daemon_ready.c */
/* Calls lab_daemon_advance when the daemon's socket may be there. Look once more afterwards: it may be already. */
int lab_daemon_await_socket(struct vc_daemon *daemon, vc_error **err);
bool lab_daemon_socket_exists(const struct vc_daemon *daemon);
/* The socket is there: configure and observe. 0: it serves, or with daemon->question set its answer comes later; 1: it
 * does not listen yet. */
int lab_daemon_ask(struct vc_daemon *daemon, vc_error **err);
int lab_daemon_ask_again(struct vc_daemon *daemon, vc_error **err); /* in a millisecond */
void lab_daemon_stop_watching(struct vc_daemon *daemon);

/* daemon_load.c */
int lab_daemon_load(struct vc_daemon *daemon, vc_error **err); /* starts its next command */
void lab_daemon_stop_loading(struct vc_daemon *daemon);
int lab_daemon_watch_sas(struct vc_daemon *daemon, vc_error **err);

/* sockets.c: receive buffers of a daemon's IP sockets, so that a burst of ESP waits rather than drops (findings.md §1)
 */
void lab_enlarge_sockets(pid_t pid);

/* gre_node.c */
void lab_gres_init(struct lab_node *node, struct vc_lab *lab);
int lab_gres_start(struct lab_node *node, vc_error **err);     /* forks the endpoints */
int lab_gres_wait_open(struct lab_node *node, vc_error **err); /* their interfaces exist now */
void lab_gres_release(struct vc_lab *lab); /* keepalives begin once every IKE daemon has its configuration */
void lab_gres_kill(struct lab_node *node);

/* wires.c */
void lab_wires_init(struct lab_node *node, struct vc_lab *lab);
int lab_wires_apply(struct vc_lab *lab, struct lab_node *node, vc_error **err); /* its interfaces are there */

/* ns3_links.c; without links of ns-3 they do nothing */
struct lab_ns3;
int lab_ns3_start(struct vc_lab *lab, vc_error **err); /* the process, and the links it carries */
bool lab_ns3_carries(const struct vc_lab *lab, size_t link);
/* An end is open (on, and up) or not any more: the other one's carrier follows. */
int lab_ns3_end(struct vc_lab *lab, size_t link, unsigned end, bool open, vc_error **err);
int lab_ns3_node(struct vc_lab *lab, const struct lab_node *node, bool on, vc_error **err); /* all ends of a node */
void lab_ns3_by_event(void *lab, json_t *event);
int lab_ns3_set(struct vc_lab *lab, const struct lab_wire *wire, vc_error **err);
int lab_ns3_read(struct vc_lab *lab, const struct lab_wire *wire, struct vc_wire *character, uint64_t *drops,
                 vc_error **err);
json_t *lab_ns3_links(const struct vc_lab *lab); /* their names; new reference */

/* frr.c */
struct frr_watch;
struct frr_watch *lab_frr_watch(struct vc_daemon *daemon, vc_error **err); /* talloc child of the lab */
void lab_frr_gone(struct frr_watch *watch); /* reports its sessions as gone and frees it */
void lab_frr_look(struct frr_watch *watch); /* now, if the next look is further away than that */

/* bird.c */
struct bird_watch;
/* Over a connected control socket, which it takes. talloc child of the lab. */
struct bird_watch *lab_bird_watch(struct vc_daemon *daemon, int fd, vc_error **err);
void lab_bird_gone(struct bird_watch *watch); /* reports its sessions as gone and frees it */
void lab_bird_look(struct bird_watch *watch); /* now, if the next look at BFD is further away than that */

/* neighbor.c: an event of a BGP speaker about one of its neighbours; `members` is taken. `resolution_ns`: how long ago
 * it may have happened. */
void lab_neighbor_event(struct vc_daemon *daemon, enum vc_layer layer, const char *what, const char *address,
                        int64_t resolution_ns, json_t *members);
bool lab_session_is_up(const char *state); /* of BGP or BFD */

/* stir.c */
void lab_stir_by_event(void *arg, json_t *event);

/* lab.c */
const struct vc_plan_iface *lab_iface_of(const struct vc_lab *lab, size_t link, unsigned end);
void lab_progress(struct vc_lab *lab);              /* a daemon became ready or gone: is the lab ready? */
void lab_failed(struct vc_lab *lab, vc_error *err); /* bring-up cannot go on */
int lab_node_start(struct vc_lab *lab, struct lab_node *node, vc_error **err); /* a node whose links are in place */
const char *lab_tunnel_of(const struct vc_lab *lab, size_t node,
                          const char *neighbor); /* the tunnel whose far address is `neighbor`, or NULL */
