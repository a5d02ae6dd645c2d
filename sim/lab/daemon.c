/*
 * Daemons of a node. A daemon waits for the daemons it needs, is started, and is ready when its socket answers; every
 * wait is an inotify watch on the folder of the path, so nothing polls. Charon's configuration goes in through vici the
 * moment its socket answers. An end that nobody asked for is reported with the log's last lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "lab/zygote.h"

#define BGP_LIMIT_US 1000000

static void daemon_advance(struct vc_daemon *daemon);
static int await_bgp(struct vc_daemon *daemon, vc_error **err);
static int now_ready(struct vc_daemon *daemon, vc_error **err);

void lab_daemons_init(struct lab_node *node, struct vc_lab *lab)
{
    const struct vc_plan_node *plan = node->rt.plan;

    node->daemons = talloc_zero_array(lab, struct vc_daemon, plan->daemon_count);
    for (size_t i = 0; i < plan->daemon_count; i++)
        node->daemons[i] =
            (struct vc_daemon){.lab = lab, .node = node, .plan = &plan->daemons[i], .state = VC_DAEMON_GONE, .pid = -1};
}

static void daemon_fail(struct vc_daemon *daemon, vc_error **err)
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

static void stop_watching(struct vc_daemon *daemon)
{
    daemon->waiting = sd_event_source_disable_unref(daemon->waiting);
    daemon->retry = sd_event_source_disable_unref(daemon->retry);
    daemon->answered = sd_event_source_disable_unref(daemon->answered);
    TALLOC_FREE(daemon->question);
    TALLOC_FREE(daemon->vici);
    if (daemon->frr)
        lab_frr_gone(VC_STEAL_PTR(daemon->frr));
}

static void daemon_gone(struct vc_daemon *daemon, const siginfo_t *info)
{
    struct vc_lab *lab = daemon->lab;

    daemon->state = VC_DAEMON_GONE;
    daemon->pid = -1;
    stop_watching(daemon);
    if (!daemon->expected) {
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
    daemon->expected = false;
    vc_reaper_add(daemon->lab->reaper, daemon->pid, on_change, daemon);
    return 0;
}

static bool path_exists(const struct vc_daemon *daemon, const char *path)
{
    VC_AUTO_TALLOC char *full = talloc_asprintf(NULL, "%s%s", daemon->node->rt.root, path);
    struct stat st;

    return !stat(full, &st);
}

static int on_inotify(sd_event_source *source VC_UNUSED, const struct inotify_event *event VC_UNUSED, void *arg)
{
    daemon_advance(arg);
    return 0;
}

static int on_retry(sd_event_source *source VC_UNUSED, uint64_t usec VC_UNUSED, void *arg)
{
    daemon_advance(arg);
    return 0;
}

/* Watches the folder of `path`. The caller looks again afterwards, so a path that appears in between is not missed. */
static int wait_for(struct vc_daemon *daemon, const char *path, vc_error **err)
{
    VC_AUTO_TALLOC char *folder = talloc_asprintf(NULL, "%s%s", daemon->node->rt.root, path);

    *strrchr(folder, '/') = '\0';
    daemon->waiting = sd_event_source_disable_unref(daemon->waiting);
    int r =
        sd_event_add_inotify(daemon->lab->loop, &daemon->waiting, folder, IN_CREATE | IN_MOVED_TO, on_inotify, daemon);
    return r < 0 ? vc_fail(err, VC_EXIT_FAIL, -r, "watching %s", folder) : 0;
}

/* A socket file exists a moment before its daemon listens: the only wait here that has no event, so it is asked again
 * each millisecond. */
static int ask_again(struct vc_daemon *daemon, vc_error **err)
{
    if (daemon->retry)
        daemon->retry = sd_event_source_disable_unref(daemon->retry);
    int r = sd_event_add_time_relative(daemon->lab->loop, &daemon->retry, CLOCK_MONOTONIC, 1000, 100, on_retry, daemon);
    return r < 0 ? vc_fail(err, VC_EXIT_FAIL, -r, "setting a timer") : 0;
}

static int charon_ready(struct vc_daemon *daemon, int fd, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_vici *vici = vc_vici_new(NULL, fd);

    lab_enlarge_sockets(daemon->pid);
    if (vc_vici_load(vici, daemon->plan->vici_config, err))
        return -1;
    if (!daemon->lab->options.watch)
        return 0;
    int watch = vc_node_connect(&daemon->node->rt, daemon->plan->ready, err);
    if (watch < 0)
        return -1;
    daemon->vici = vc_vici_watch_start(daemon->lab, daemon->lab->loop, daemon->lab->events, daemon->node->rt.plan->name,
                                       watch, err);
    return daemon->vici ? 0 : -1;
}

/*
 * What shows that an FRR daemon serves: its main loop answers. A socket alone does not: zebra's exists before zserv
 * listens, and a bgpd that comes too early tries again only after ten seconds.
 */
static const struct {
    const char *daemon, *question;
} questions[] = {
    {"zebra", "show interface brief json"},
    {"bgpd", "show bgp ipv4 unicast summary json"},
    {"bfdd", "show bfd peers json"},
};

static void on_answer(void *arg, json_t *reply)
{
    struct vc_daemon *daemon = arg;
    VC_AUTO_ERROR *err = NULL;
    bool watched = daemon->lab->options.watch && strcmp(daemon->plan->name, "zebra");

    sd_event_source_set_enabled(daemon->answered, reply ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
    if (!reply)
        return; /* it is gone, or will be told by its end */
    if (watched)
        daemon->frr = lab_frr_watch(daemon, &err);
    if (watched && !daemon->frr)
        daemon_fail(daemon, &err);
}

/* Not inside the connection's own callback, which still needs the connection. */
static int on_answered(sd_event_source *source VC_UNUSED, void *arg)
{
    struct vc_daemon *daemon = arg;
    VC_AUTO_ERROR *err = NULL;

    TALLOC_FREE(daemon->question);
    if (daemon->state == VC_DAEMON_STARTED && now_ready(daemon, &err))
        daemon_fail(daemon, &err);
    return 0;
}

static int ask_frr(struct vc_daemon *daemon, const char *question, int fd, vc_error **err)
{
    int r = daemon->answered ? 0 : sd_event_add_defer(daemon->lab->loop, &daemon->answered, on_answered, daemon);

    daemon->question = vc_vty_new(daemon->lab, fd);
    if (r >= 0)
        r = sd_event_source_set_enabled(daemon->answered, SD_EVENT_OFF);
    if (r < 0)
        return vc_fail(err, VC_EXIT_FAIL, -r, "waiting for an answer");
    return vc_vty_ask(daemon->question, daemon->lab->loop, question, on_answer, daemon, err);
}

/* The socket answers: configure and observe. Returns 1 to be asked again; with daemon->question set the answer comes
 * later. */
static int become_ready(struct vc_daemon *daemon, vc_error **err)
{
    VC_AUTO_ERROR *refused = NULL;
    VC_AUTO_FD fd = vc_node_connect(&daemon->node->rt, daemon->plan->ready, &refused);

    if (fd < 0)
        return refused->errnum == ECONNREFUSED || refused->errnum == ENOENT ? 1 : vc_error_move(err, &refused);
    if (daemon->plan->vici_config)
        return charon_ready(daemon, VC_STEAL_FD(fd), err);
    for (size_t i = 0; i < VC_COUNT(questions); i++)
        if (!strcmp(questions[i].daemon, daemon->plan->name))
            return ask_frr(daemon, questions[i].question, VC_STEAL_FD(fd), err);
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
            daemon_advance(&node->daemons[i]);
}

void lab_daemons_advance(struct vc_lab *lab)
{
    for (size_t i = 0; i < lab->plan->node_count; i++)
        if (lab->nodes[i].on)
            advance_others(&lab->nodes[i]);
}

static int now_ready(struct vc_daemon *daemon, vc_error **err)
{
    daemon->waiting = sd_event_source_disable_unref(daemon->waiting);
    daemon->retry = sd_event_source_disable_unref(daemon->retry);
    daemon->state = VC_DAEMON_READY;
    if (await_bgp(daemon, err))
        return -1;
    advance_others(daemon->node);
    lab_progress(daemon->lab);
    return 0;
}

static int daemon_step(struct vc_daemon *daemon, vc_error **err)
{
    if (daemon->state == VC_DAEMON_WAITING) {
        if (daemon->plan->after_bgp && !daemon->node->bgp_settled)
            return 0;
        for (const char *const *need = daemon->plan->needs; need && *need; need++)
            if (!is_ready(daemon, *need))
                return 0; /* that daemon advances us */
        if (lab_zygote_awaited(daemon))
            return 0; /* and so does it */
        if (wait_for(daemon, daemon->plan->ready, err) || spawn(daemon, err))
            return -1;
    }
    if (daemon->state != VC_DAEMON_STARTED || !path_exists(daemon, daemon->plan->ready))
        return 0;
    if (daemon->question)
        return 0; /* its answer advances us */
    int again = become_ready(daemon, err);
    if (again > 0)
        return ask_again(daemon, err);
    return again < 0 || daemon->question ? again : now_ready(daemon, err);
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
            daemon_advance(&node->daemons[i]);
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

static void daemon_advance(struct vc_daemon *daemon)
{
    VC_AUTO_ERROR *err = NULL;

    if (daemon_step(daemon, &err))
        daemon_fail(daemon, &err);
}

int vc_daemon_start(struct vc_daemon *daemon, vc_error **err)
{
    VC_AUTO_TALLOC char *stale = talloc_asprintf(NULL, "%s%s", daemon->node->rt.root, daemon->plan->ready);

    unlink(stale); /* left by a killed daemon: its name must not be taken for a new one's */
    daemon->state = VC_DAEMON_WAITING;
    return daemon_step(daemon, err);
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
        stop_watching(daemon);
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
