/*
 * A node alive: its own network, mount and UTS namespaces over the lab root, its files, its processes. The node knows
 * nothing of links (lab.h) or scenarios.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/event.h"
#include "plan/plan.h"

struct vc_node_daemon;

struct vc_node_rt {
    const struct vc_plan_node *plan;
    char *base;              /* VC_SANDBOX_DIR/<node>: upper/, work/, root/ */
    char *root;              /* the node's root file system as the engine sees it */
    int netns, mntns, utsns; /* -1 while powered off */
    int *sockets;            /* listening on plan->sockets, which nobody accepts */
    size_t socket_count;
};

/* Where a node's files come from and where its logs go. */
struct vc_node_store {
    const char *labroot; /* path valid in the sandbox */
    int logs;            /* directory for /var/log of every node (a subdirectory each), or -1 */
};

/* Creates directories, files, overlay and namespaces. The tree is talloc'ed on ctx; vc_node_destroy releases the kernel
 * objects. */
int vc_node_create(void *ctx, struct vc_node_rt *node, const struct vc_plan_node *plan,
                   const struct vc_node_store *store, vc_error **err);
void vc_node_destroy(struct vc_node_rt *node);

struct vc_spawn {
    const char *const *argv;
    int stdio[3];        /* -1: /dev/null for 0, the node's log for 1 and 2 */
    int controlling_tty; /* make stdio[0] the controlling terminal (vclab shell) */
    int rt_priority;     /* SCHED_RR, 0 none */
    const char *log;     /* path inside the node for stdout/stderr where stdio is -1 */
};
/* Starts a program inside the node. The pid is the caller's to reap. */
pid_t vc_node_spawn(const struct vc_node_rt *node, const struct vc_spawn *spawn, vc_error **err);

/* In a forked child: enters the node's namespaces for good. */
int vc_node_enter(const struct vc_node_rt *node, vc_error **err);

/* Connects to a unix stream socket inside the node (path as the node sees it), or -1. */
int vc_node_connect(const struct vc_node_rt *node, const char *path, vc_error **err);
