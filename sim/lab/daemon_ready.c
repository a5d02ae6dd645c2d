/*
 * What shows that a daemon serves. Its socket is awaited by an inotify watch on its folder and then asked; charon's
 * configuration goes in through vici the moment its socket answers, an FRR daemon's main loop has to answer a question.
 */
#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "lab/private.h"

void lab_daemon_stop_watching(struct vc_daemon *daemon)
{
    daemon->waiting = sd_event_source_disable_unref(daemon->waiting);
    daemon->retry = sd_event_source_disable_unref(daemon->retry);
    daemon->answered = sd_event_source_disable_unref(daemon->answered);
    TALLOC_FREE(daemon->question);
    TALLOC_FREE(daemon->vici);
    lab_daemon_stop_loading(daemon);
    if (daemon->sas)
        vc_xfrm_watch_gone(VC_STEAL_PTR(daemon->sas));
    if (daemon->frr)
        lab_frr_gone(VC_STEAL_PTR(daemon->frr));
    if (daemon->bird)
        lab_bird_gone(VC_STEAL_PTR(daemon->bird));
}

bool lab_daemon_socket_exists(const struct vc_daemon *daemon)
{
    VC_AUTO_TALLOC char *full = talloc_asprintf(NULL, "%s%s", daemon->node->rt.root, daemon->plan->ready);
    struct stat st;

    return !stat(full, &st);
}

static int on_inotify(sd_event_source *source VC_UNUSED, const struct inotify_event *event VC_UNUSED, void *arg)
{
    lab_daemon_advance(arg);
    return 0;
}

static int on_retry(sd_event_source *source VC_UNUSED, uint64_t usec VC_UNUSED, void *arg)
{
    lab_daemon_advance(arg);
    return 0;
}

int lab_daemon_await_socket(struct vc_daemon *daemon, vc_error **err)
{
    VC_AUTO_TALLOC char *folder = talloc_asprintf(NULL, "%s%s", daemon->node->rt.root, daemon->plan->ready);

    *strrchr(folder, '/') = '\0';
    daemon->waiting = sd_event_source_disable_unref(daemon->waiting);
    int r =
        sd_event_add_inotify(daemon->lab->loop, &daemon->waiting, folder, IN_CREATE | IN_MOVED_TO, on_inotify, daemon);
    return r < 0 ? vc_fail(err, VC_EXIT_FAIL, -r, "watching %s", folder) : 0;
}

/* A socket file exists a moment before its daemon listens: the only wait here that has no event, so it is asked again
 * each millisecond. */
int lab_daemon_ask_again(struct vc_daemon *daemon, vc_error **err)
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
    bool watched; /* from then on, as events (frr.c); of the others the kernel's routes tell */
} questions[] = {
    {"zebra", "show interface brief json", false},
    {"bgpd", "show bgp ipv4 unicast summary json", true},
    {"bfdd", "show bfd peers json", true},
    {"ospfd", "show ip ospf neighbor json", false},
};

static bool is_watched(const struct vc_daemon *daemon)
{
    for (size_t i = 0; i < VC_COUNT(questions); i++)
        if (!strcmp(questions[i].daemon, daemon->plan->name))
            return questions[i].watched;
    return false;
}

static void on_answer(void *arg, json_t *reply)
{
    struct vc_daemon *daemon = arg;
    VC_AUTO_ERROR *err = NULL;
    bool watched = daemon->lab->options.watch && is_watched(daemon);

    sd_event_source_set_enabled(daemon->answered, reply ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
    if (!reply)
        return; /* it is gone, or will be told by its end */
    if (watched)
        daemon->frr = lab_frr_watch(daemon, &err);
    if (watched && !daemon->frr)
        lab_daemon_fail(daemon, &err);
}

/* Not inside the connection's own callback, which still needs the connection. */
static int on_answered(sd_event_source *source VC_UNUSED, void *arg)
{
    struct vc_daemon *daemon = arg;
    VC_AUTO_ERROR *err = NULL;

    TALLOC_FREE(daemon->question);
    if (daemon->state == VC_DAEMON_STARTED && lab_daemon_serves(daemon, &err))
        lab_daemon_fail(daemon, &err);
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

/* BIRD serves as soon as it listens. It is watched where it ends tunnels: the LAN's routers are heard of by the CPEs.
 */
static int bird_ready(struct vc_daemon *daemon, int fd, vc_error **err)
{
    if (!daemon->lab->options.watch || !daemon->node->rt.plan->gre_count) {
        close(fd);
        return 0;
    }
    daemon->bird = lab_bird_watch(daemon, fd, err);
    return daemon->bird ? 0 : -1;
}

int lab_daemon_ask(struct vc_daemon *daemon, vc_error **err)
{
    VC_AUTO_ERROR *refused = NULL;
    VC_AUTO_FD fd = vc_node_connect(&daemon->node->rt, daemon->plan->ready, &refused);

    if (fd < 0)
        return refused->errnum == ECONNREFUSED || refused->errnum == ENOENT ? 1 : vc_error_move(err, &refused);
    if (daemon->plan->vici_config)
        return charon_ready(daemon, VC_STEAL_FD(fd), err);
    if (!strcmp(daemon->plan->name, "bird"))
        return bird_ready(daemon, VC_STEAL_FD(fd), err);
    if (daemon->plan->kernel_sas && daemon->lab->options.watch && lab_daemon_watch_sas(daemon, err))
        return -1;
    for (size_t i = 0; i < VC_COUNT(questions); i++)
        if (!strcmp(questions[i].daemon, daemon->plan->name))
            return ask_frr(daemon, questions[i].question, VC_STEAL_FD(fd), err);
    return 0;
}
