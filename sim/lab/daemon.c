/*
 * Daemons of a node. A daemon waits for the daemons it needs, is started, and is ready when it serves
 * (daemon_ready.c); every wait has an event, so nothing polls. An end that nobody asked for is reported with the log's
 * last lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lab/zygote.h"
#include "net/xfrm.h"

#define BGP_LIMIT_US 1000000

static int await_bgp(struct vc_daemon *daemon, vc_error **err);

void lab_daemons_init(struct lab_node *node, struct vc_lab *lab)
{
    const struct vc_plan_node *plan = node->rt.plan;

    node->daemons = talloc_zero_array(lab, struct vc_daemon, plan->daemon_count);
    for (size_t i = 0; i < plan->daemon_count; i++)
        node->daemons[i] =
            (struct vc_daemon){.lab = lab, .node = node, .plan = &plan->daemons[i], .state = VC_DAEMON_GONE, .pid = -1};
}

void lab_daemon_fail(struct vc_daemon *daemon, vc_error **err)
{
    vc_wrap(err, "%s in %s", daemon->plan->name, daemon->node->rt.plan->name);
    lab_failed(daemon->lab, *err);
}

/* The last lines of the daemon's own log, else of what it printed. */
static char *log_tail(void *ctx, const struct vc_daemon *daemon)
{
    const char *candidates[] = {daemon->plan->log, talloc_asprintf(ctx, "/var/log/%s.out", daemon->plan->name)};

    for (size_t i = 0; i < VC_COUNT(candidates); i++) {
        char buffer[1025];
        if (!candidates[i])
            continue;
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s%s", daemon->node->rt.root, candidates[i]);
        VC_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
        off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
        ssize_t len = fd < 0 ? 0 : pread(fd, buffer, sizeof buffer - 1, size > 1024 ? size - 1024 : 0);
        if (len <= 0)
            continue;
        buffer[len] = '\0';
        char *line = size > 1024 ? strchr(buffer, '\n') : NULL;
        return talloc_strdup(ctx, line ? line + 1 : buffer);
    }
    return talloc_strdup(ctx, "");
}

static void daemon_gone(struct vc_daemon *daemon, const siginfo_t *info)
{
    struct vc_lab *lab = daemon->lab;

    daemon->state = VC_DAEMON_GONE;
    daemon->pid = -1;
    lab_daemon_stop_watching(daemon);
    if (daemon->again) {
        VC_AUTO_ERROR *err = NULL;
        daemon->again = false;
        if (vc_daemon_start(daemon, &err))
            lab_daemon_fail(daemon, &err);
    } else if (!daemon->expected) {
        VC_AUTO_TALLOC char *tail = log_tail(NULL, daemon);
        VC_AUTO_FREE char *status = NULL;
        if (asprintf(&status, info->si_code == CLD_EXITED ? "exit status %d" : "signal %d", info->si_status) < 0)
            abort();
        vc_event(lab->events, VC_LAYER_CHECK, daemon->node->rt.plan->name, "daemon-died", -1, "{s:s, s:s, s:s}",
                 "daemon", daemon->plan->name, "status", status, "log", tail);
        if (lab->ready) {
            VC_AUTO_ERROR *err = NULL;
            vc_fail(&err, VC_EXIT_FAIL, 0, "%s in %s ended while starting (%s): %s", daemon->plan->name,
                    daemon->node->rt.plan->name, status, tail);
            lab_failed(lab, err);
        }
    }
    lab_daemons_advance(lab);
    lab_progress(lab);
}

static void on_change(void *arg, const siginfo_t *info)
{
    struct vc_daemon *daemon = arg;

    if (info->si_code == CLD_STOPPED)
        daemon->state = VC_DAEMON_STOPPED;
    else if (info->si_code == CLD_CONTINUED)
        daemon->state = VC_DAEMON_READY;
    else
        daemon_gone(daemon, info);
}

static int spawn(struct vc_daemon *daemon, vc_error **err)
{
    VC_AUTO_TALLOC char *out = talloc_asprintf(NULL, "/var/log/%s.out", daemon->plan->name);
    struct vc_spawn what = {
        .argv = daemon->plan->argv, .stdio = {-1, -1, -1}, .rt_priority = daemon->plan->rt_priority, .log = out};

    daemon->pid = lab_zygote_spawn(daemon, &what);
    if (daemon->pid < 0)
        daemon->pid = vc_node_spawn(&daemon->node->rt, &what, err);
    if (daemon->pid < 0)
        return -1;
    daemon->state = VC_DAEMON_STARTED;
    daemon->started_ns = vc_events_now(daemon->lab->events);
    daemon->expected = false;
    vc_reaper_add(daemon->lab->reaper, daemon->pid, on_change, daemon);
    return 0;
}

static bool is_ready(const struct vc_daemon *daemon, const char *other)
{
    const struct vc_daemon *needed = vc_lab_daemon(daemon->lab, daemon->node->index, other);

    return needed && needed->state == VC_DAEMON_READY;
}

static void advance_others(struct lab_node *node)
{
    for (size_t i = 0; i < node->rt.plan->daemon_count; i++)
        if (node->daemons[i].state == VC_DAEMON_WAITING)
            lab_daemon_advance(&node->daemons[i]);
}

void lab_daemons_advance(struct vc_lab *lab)
{
    for (size_t i = 0; i < lab->plan->node_count; i++)
        if (lab->nodes[i].on)
            advance_others(&lab->nodes[i]);
}

int lab_daemon_serves(struct vc_daemon *daemon, vc_error **err)
{
    daemon->waiting = sd_event_source_disable_unref(daemon->waiting);
    daemon->retry = sd_event_source_disable_unref(daemon->retry);
    if (daemon->plan->load[daemon->loaded])
        return lab_daemon_load(daemon, err); /* and the command's end comes back here */
    daemon->state = VC_DAEMON_READY;
    daemon->ready_ns = vc_events_now(daemon->lab->events);
    if (await_bgp(daemon, err))
        return -1;
    lab_daemons_advance(daemon->lab);
    lab_progress(daemon->lab);
    return 0;
}

static bool is_starting(const struct vc_daemon *daemon)
{
    return daemon && daemon->node->on && (daemon->state == VC_DAEMON_WAITING || daemon->state == VC_DAEMON_STARTED);
}

/* Cisco's end of a session only listens. A call before it does is refused, and BGP calls again a second later. */
static bool would_call_too_early(const struct vc_daemon *daemon)
{
    struct vc_lab *lab = daemon->lab;
    const struct vc_topology *topology = lab->plan->topology;

    if (strcmp(daemon->plan->name, "bgpd") && strcmp(daemon->plan->name, "bird"))
        return false;
    for (size_t i = 0; i < topology->tunnel_count; i++) {
        const struct vc_tunnel *tunnel = &topology->tunnels[i];
        size_t router = topology->dcs[tunnel->dc].router;

        if (tunnel->cpe == daemon->node->index && (lab->launching || is_starting(vc_lab_daemon(lab, router, "bgpd"))))
            return true;
    }
    return false;
}

static int daemon_step(struct vc_daemon *daemon, vc_error **err)
{
    if (daemon->state == VC_DAEMON_WAITING) {
        if (daemon->plan->after_bgp && !daemon->node->bgp_settled)
            return 0;
        for (const char *const *need = daemon->plan->needs; need && *need; need++)
            if (!is_ready(daemon, *need))
                return 0; /* that daemon advances us */
        if (lab_zygote_awaited(daemon) || would_call_too_early(daemon))
            return 0; /* and so do these */
        if (lab_daemon_await_socket(daemon, err) || spawn(daemon, err))
            return -1;
    }
    if (daemon->state != VC_DAEMON_STARTED || !lab_daemon_socket_exists(daemon))
        return 0;
    if (daemon->question || daemon->loader > 0)
        return 0; /* its answer, or its commands' end, advances us */
    int again = lab_daemon_ask(daemon, err);
    if (again > 0)
        return lab_daemon_ask_again(daemon, err);
    return again < 0 || daemon->question ? again : lab_daemon_serves(daemon, err);
}

/* Daemons that wait for BGP (vc_plan_daemon.after_bgp) may start. */
void lab_bgp_settled(struct lab_node *node)
{
    node->bgp_limit = sd_event_source_disable_unref(node->bgp_limit);
    if (node->bgp_settled)
        return;
    node->bgp_settled = true;
    for (size_t i = 0; i < node->rt.plan->daemon_count; i++)
        if (node->daemons[i].plan->after_bgp && node->daemons[i].state == VC_DAEMON_WAITING)
            lab_daemon_advance(&node->daemons[i]);
}

static int on_bgp_limit(sd_event_source *source VC_UNUSED, uint64_t usec VC_UNUSED, void *arg)
{
    lab_bgp_settled(arg);
    return 0;
}

/* bgpd runs: whoever waits for its sessions waits a second at most. Without a watcher nobody would say when they are
 * up. */
static int await_bgp(struct vc_daemon *daemon, vc_error **err)
{
    struct lab_node *node = daemon->node;

    if (node->bgp_settled || strcmp(daemon->plan->name, "bgpd"))
        return 0;
    if (!daemon->lab->options.watch) {
        lab_bgp_settled(node);
        return 0;
    }
    node->bgp_limit = sd_event_source_disable_unref(node->bgp_limit);
    int r = sd_event_add_time_relative(daemon->lab->loop, &node->bgp_limit, CLOCK_MONOTONIC, BGP_LIMIT_US, 1000,
                                       on_bgp_limit, node);
    return r < 0 ? vc_fail(err, VC_EXIT_FAIL, -r, "setting a timer") : 0;
}

void lab_daemon_advance(struct vc_daemon *daemon)
{
    VC_AUTO_ERROR *err = NULL;

    if (daemon_step(daemon, &err))
        lab_daemon_fail(daemon, &err);
}

int vc_daemon_start(struct vc_daemon *daemon, vc_error **err)
{
    VC_AUTO_TALLOC char *stale = talloc_asprintf(NULL, "%s%s", daemon->node->rt.root, daemon->plan->ready);

    unlink(stale); /* left by a killed daemon: its name must not be taken for a new one's */
    /* So are its SAs. Traffic would go on matching them, no acquire would ever tell the new daemon to negotiate, and
     * the tunnel would stay dead for the hour that an SA lives; strongSwan's own starter flushes them likewise. */
    if ((daemon->plan->vici_config || daemon->plan->kernel_sas) && vc_xfrm_flush(daemon->node->rt.netns, err))
        return -1;
    daemon->state = VC_DAEMON_WAITING;
    daemon->loaded = 0;
    return daemon_step(daemon, err);
}

static bool needs(const struct vc_daemon *daemon, const struct vc_daemon *other)
{
    for (const char *const *need = daemon->plan->needs; need && *need; need++)
        if (!strcmp(*need, other->plan->name))
            return true;
    return false;
}

int vc_daemon_start_again(struct vc_daemon *daemon, vc_error **err)
{
    struct lab_node *node = daemon->node;

    for (size_t i = 0; i < node->rt.plan->daemon_count; i++) {
        struct vc_daemon *other = &node->daemons[i];
        if (!needs(other, daemon) || (other->state != VC_DAEMON_READY && other->state != VC_DAEMON_STARTED))
            continue;
        if (vc_daemon_signal(other, SIGKILL, err))
            return -1;
        other->again = true;
    }
    return vc_daemon_start(daemon, err);
}

bool vc_daemon_serves(const struct vc_daemon *daemon)
{
    const struct lab_node *node = daemon->node;

    for (size_t i = 0; i < node->rt.plan->daemon_count; i++) {
        const struct vc_daemon *other = &node->daemons[i];
        if (needs(other, daemon) &&
            (other->again || other->state == VC_DAEMON_WAITING || other->state == VC_DAEMON_STARTED))
            return false;
    }
    return daemon->state == VC_DAEMON_READY;
}

int lab_daemons_start(struct lab_node *node, vc_error **err)
{
    for (size_t i = 0; i < node->rt.plan->daemon_count; i++)
        if (vc_daemon_start(&node->daemons[i], err))
            return vc_wrap(err, "%s in %s", node->daemons[i].plan->name, node->rt.plan->name);
    return 0;
}

void lab_daemons_kill(struct lab_node *node)
{
    node->bgp_limit = sd_event_source_disable_unref(node->bgp_limit);
    node->bgp_settled = false;
    for (size_t i = 0; i < node->rt.plan->daemon_count; i++) {
        struct vc_daemon *daemon = &node->daemons[i];
        daemon->expected = true;
        daemon->again = false;
        lab_daemon_stop_watching(daemon);
        if (daemon->pid > 0)
            kill(daemon->pid, SIGKILL);
    }
}

struct vc_daemon *vc_lab_daemon(struct vc_lab *lab, size_t node, const char *name)
{
    for (size_t i = 0; i < lab->nodes[node].rt.plan->daemon_count; i++)
        if (!strcmp(lab->nodes[node].daemons[i].plan->name, name))
            return &lab->nodes[node].daemons[i];
    return NULL;
}

enum vc_daemon_state vc_daemon_state(const struct vc_daemon *daemon)
{
    return daemon->state;
}

pid_t vc_daemon_pid(const struct vc_daemon *daemon)
{
    return daemon->pid;
}

int vc_daemon_signal(struct vc_daemon *daemon, int signal, vc_error **err)
{
    if (daemon->pid <= 0)
        return vc_fail(err, VC_EXIT_FAIL, 0, "%s in %s does not run", daemon->plan->name, daemon->node->rt.plan->name);
    if (signal == SIGKILL)
        daemon->expected = true;
    if (kill(daemon->pid, signal))
        return vc_fail(err, VC_EXIT_FAIL, errno, "signalling %s in %s", daemon->plan->name,
                       daemon->node->rt.plan->name);
    return 0;
}
