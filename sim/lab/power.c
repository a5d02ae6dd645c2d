/*
 * Power. Off kills every process of the node and drops its kernel state with its namespaces, but its link ends are
 * moved aside first: a real neighbour sees its carrier go, it does not see its own port vanish. On is bring-up again in
 * fresh namespaces and a fresh file system.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lab/private.h"
#include "lab/sandbox.h"
#include "net/netns.h"

/* Calls fn for every process of the sandbox but the engine itself. */
static int each_process(void (*fn)(void *arg, pid_t pid), void *arg, vc_error **err)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;

    if (!proc)
        return vc_fail(err, VC_EXIT_FAIL, errno, "reading /proc");
    while ((entry = readdir(proc))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 1)
            fn(arg, pid);
    }
    closedir(proc);
    return 0;
}

static bool in_netns(pid_t pid, const struct stat *netns)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
    return !stat(path, &st) && st.st_ino == netns->st_ino && st.st_dev == netns->st_dev;
}

static void kill_in_netns(void *arg, pid_t pid)
{
    if (in_netns(pid, arg))
        kill(pid, SIGKILL);
}

static int move_ends(struct lab_node *node, struct vc_rtnl *from, int to, vc_error **err)
{
    for (size_t i = 0; i < node->rt.plan->iface_count; i++)
        vc_rtnl_move(from, node->rt.plan->ifaces[i].ifname, to);
    return vc_rtnl_commit(from, err);
}

int vc_lab_power_off(struct vc_lab *lab, size_t index, vc_error **err)
{
    struct lab_node *node = &lab->nodes[index];
    struct stat netns;

    if (!node->on)
        return vc_fail(err, VC_EXIT_FAIL, 0, "node %s is already off", node->rt.plan->name);
    if (fstat(node->rt.netns, &netns))
        return vc_fail(err, VC_EXIT_FAIL, errno, "powering %s off", node->rt.plan->name);
    node->limbo = vc_netns_new(err);
    if (node->limbo < 0)
        return -1;
    if (lab->options.node_changed && lab->options.node_changed(lab->options.node_arg, index, false, err))
        return -1;
    node->on = false;
    TALLOC_FREE(node->watch);
    /* The links first: the kernel of the node would still send the FINs of killed daemons, and power that is gone says
     * no farewell. */
    if (lab_ns3_node(lab, node, false, err) || move_ends(node, node->rtnl, node->limbo, err))
        return -1;
    lab_daemons_kill(node);
    lab_gres_kill(node);
    if (each_process(kill_in_netns, &netns, err))
        return -1;
    TALLOC_FREE(node->nft);
    TALLOC_FREE(node->rtnl);
    vc_node_destroy(&node->rt);
    lab_daemons_advance(lab); /* nobody waits for what is off */
    return 0;
}

static int bring_back(struct vc_lab *lab, struct lab_node *node, vc_error **err)
{
    node->generation++;
    node->rt.base = talloc_asprintf(lab, VC_SANDBOX_DIR "/%s.%u", node->rt.plan->name, node->generation);
    node->rt.root = NULL;
    if (vc_node_create(lab, &node->rt, node->rt.plan, &lab->store, err))
        return -1;
    VC_AUTO_TALLOC struct vc_rtnl *limbo = vc_rtnl_open(NULL, node->limbo, err);
    if (!limbo || move_ends(node, limbo, node->rt.netns, err))
        return -1;
    close(node->limbo);
    node->limbo = -1;
    return lab_node_start(lab, node, err);
}

int vc_lab_power_on(struct vc_lab *lab, size_t index, vc_error **err)
{
    struct lab_node *node = &lab->nodes[index];

    if (node->on)
        return vc_fail(err, VC_EXIT_FAIL, 0, "node %s is already on", node->rt.plan->name);
    return bring_back(lab, node, err) ? vc_wrap(err, "powering %s on", node->rt.plan->name) : 0;
}

int vc_lab_node_fits(const struct vc_lab *lab, size_t index, const struct vc_plan_node *plan, vc_error **err)
{
    const struct vc_plan_node *own = lab->nodes[index].rt.plan;

    if (plan->daemon_count == own->daemon_count && plan->gre_count == own->gre_count &&
        plan->iface_count == own->iface_count)
        return 0;
    return vc_fail(err, VC_EXIT_FAIL, 0,
                   "node %s cannot be made another while the lab runs: it would have other daemons or interfaces",
                   own->name);
}

int vc_lab_node_replan(struct vc_lab *lab, size_t index, const struct vc_plan_node *plan, void **owner, vc_error **err)
{
    struct lab_node *node = &lab->nodes[index];

    if (node->on)
        return vc_fail(err, VC_EXIT_FAIL, 0, "node %s cannot be made another while it is on", node->rt.plan->name);
    if (vc_lab_node_fits(lab, index, plan, err))
        return -1;
    node->rt.plan = plan;
    for (size_t i = 0; i < plan->daemon_count; i++)
        node->daemons[i].plan = &plan->daemons[i];
    for (size_t i = 0; i < plan->gre_count; i++)
        node->gres[i].plan = &plan->gres[i];
    talloc_free(node->replanned); /* what ran by it is gone */
    node->replanned = talloc_steal(lab, *owner);
    *owner = NULL;
    return 0;
}

char *vc_lab_kinds(void *ctx, const struct vc_lab *lab)
{
    return lab->options.kinds < 0 ? talloc_strdup(ctx, lab->plan->options.kinds_dir)
                                  : talloc_asprintf(ctx, "/proc/self/fd/%d", lab->options.kinds);
}

bool vc_lab_node_gone(const struct vc_lab *lab, size_t index)
{
    const struct lab_node *node = &lab->nodes[index];

    if (node->on)
        return false;
    for (size_t i = 0; i < node->rt.plan->daemon_count; i++)
        if (node->daemons[i].pid > 0)
            return false;
    for (size_t i = 0; i < node->rt.plan->gre_count; i++)
        if (node->gres[i].pid > 0)
            return false;
    return true;
}

bool vc_lab_node_ready(const struct vc_lab *lab, size_t index)
{
    const struct lab_node *node = &lab->nodes[index];

    for (size_t i = 0; node->on && i < node->rt.plan->daemon_count; i++)
        if (node->daemons[i].state != VC_DAEMON_READY)
            return false;
    return node->on;
}

struct memory {
    uint64_t pss;
    unsigned count;
};

static void add_memory(void *arg, pid_t pid)
{
    struct memory *memory = arg;
    char path[64], line[256];
    unsigned long kb;

    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    VC_AUTO_FILE *file = fopen(path, "re");
    memory->count++;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Pss: %lu kB", &kb) == 1)
            memory->pss += kb * 1024;
}

int vc_lab_memory(const struct vc_lab *lab VC_UNUSED, uint64_t *pss_bytes, unsigned *processes, vc_error **err)
{
    struct memory memory = {0};

    if (each_process(add_memory, &memory, err))
        return -1;
    add_memory(&memory, 1); /* the engine itself */
    *pss_bytes = memory.pss;
    *processes = memory.count;
    return 0;
}

struct exec_wait {
    vc_lab_exec_fn *done;
    void *arg;
};

static void on_exec_end(void *arg, const siginfo_t *info)
{
    VC_AUTO_TALLOC struct exec_wait *wait = arg;

    if (info->si_code == CLD_STOPPED || info->si_code == CLD_CONTINUED) {
        wait = NULL;
        return;
    }
    wait->done(wait->arg,
               info->si_code == CLD_EXITED ? W_EXITCODE(info->si_status, 0) : W_EXITCODE(0, info->si_status));
}

int vc_lab_exec(struct vc_lab *lab, size_t node, const struct vc_spawn *spawn, vc_lab_exec_fn *done, void *arg,
                vc_error **err)
{
    pid_t pid = vc_node_spawn(&lab->nodes[node].rt, spawn, err);

    if (pid < 0)
        return -1;
    struct exec_wait *wait = talloc(lab, struct exec_wait);
    *wait = (struct exec_wait){done, arg};
    vc_reaper_add(lab->reaper, pid, on_exec_end, wait);
    return 0;
}
