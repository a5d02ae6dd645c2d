/* GRE endpoints: one forked process for each tunnel end, in its node's network namespace, holding nothing of the
 * engine's. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "lab/private.h"

/* Above charon's, so that a full TUN queue is drained before more is decrypted into it (findings.md §1). */
#define GRE_RT_PRIORITY 20
#define OPEN_LIMIT_S    10

void lab_gres_init(struct lab_node *node, struct vc_lab *lab)
{
    const struct vc_plan_node *plan = node->rt.plan;

    node->gres = talloc_zero_array(lab, struct lab_gre, plan->gre_count);
    for (size_t i = 0; i < plan->gre_count; i++)
        node->gres[i] = (struct lab_gre){.lab = lab, .node = node, .plan = &plan->gres[i], .pid = -1, .report = -1};
}

static _Noreturn void endpoint(const struct lab_gre *gre, int report)
{
    struct vc_gre_config config = {
        .ifname = gre->plan->ifname,
        .local = gre->plan->local,
        .remote = gre->plan->remote,
        .mtu = gre->plan->mtu,
        .keepalive_s = gre->plan->keepalive_s,
        .retries = gre->plan->retries,
        .ignores_requests = gre->plan->ignores_keepalives,
        .kernel = gre->lab->plan->options.plane == VC_PLANE_KERNEL,
        .rt_priority = GRE_RT_PRIORITY,
    };
    struct vc_gre_report opened = {.type = VC_GRE_UP};
    sigset_t none;
    char go;

    prctl(PR_SET_NAME, "vclab-gre");
    if (setns(gre->node->rt.netns, CLONE_NEWNET) || dup2(report, 3) < 0)
        _exit(1);
    syscall(SYS_close_range, 4U, ~0U, 0U);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    VC_AUTO_ERROR *err = NULL;
    struct vc_gre *open = vc_gre_open(NULL, &config, &err);
    if (!open)
        opened = (struct vc_gre_report){.type = VC_GRE_FAILED, .errnum = err->errnum ? err->errnum : EINVAL};
    if (send(3, &opened, sizeof opened, MSG_NOSIGNAL) == sizeof opened && open && recv(3, &go, 1, 0) == 1)
        vc_gre_run(open, 3);
    _exit(0);
}

static void on_end(void *arg, const siginfo_t *info)
{
    struct lab_gre *gre = arg;

    gre->pid = -1;
    if (!gre->expected)
        vc_event(gre->lab->events, VC_LAYER_CHECK, gre->node->rt.plan->name, "daemon-died", -1, "{s:s, s:i, s:s}",
                 "daemon", "gre", "status", info->si_status, "log", "the GRE endpoint ended");
}

static int start_one(struct lab_gre *gre, vc_error **err)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return vc_fail(err, VC_EXIT_FAIL, errno, "starting GRE endpoint %s", gre->plan->ifname);
    VC_AUTO_FD theirs = pair[1];
    gre->report = pair[0];
    gre->released = gre->expected = false;
    gre->up = !gre->plan->shut;
    gre->counters = (struct vc_gre_report){0};
    gre->changed_ns = gre->answered_ns = gre->returned_ns = 0;
    fflush(NULL);
    gre->pid = fork();
    if (!gre->pid)
        endpoint(gre, theirs);
    if (gre->pid < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "starting GRE endpoint %s", gre->plan->ifname);
    vc_reaper_add(gre->lab->reaper, gre->pid, on_end, gre);
    return 0;
}

int lab_gres_start(struct lab_node *node, vc_error **err)
{
    for (size_t i = 0; i < node->rt.plan->gre_count; i++)
        if (start_one(&node->gres[i], err))
            return -1;
    return 0;
}

static void take_report(struct lab_gre *gre, const struct vc_gre_report *report)
{
    int64_t t =
        vc_events_from_monotonic(gre->lab->events, (struct timespec){.tv_sec = report->monotonic_ns / VC_NS_PER_S,
                                                                     .tv_nsec = report->monotonic_ns % VC_NS_PER_S});
    const char *tunnel = gre->lab->plan->topology->tunnels[gre->plan->tunnel].name;

    switch (report->type) {
    case VC_GRE_COUNTERS:
        if (report->keepalives_answered != gre->counters.keepalives_answered)
            gre->answered_ns = t;
        if (report->keepalives_returned != gre->counters.keepalives_returned)
            gre->returned_ns = t;
        gre->counters = *report;
        break;
    case VC_GRE_UP:
    case VC_GRE_DOWN:
        if (gre->plan->shut) /* the endpoint tells of its keepalives, and there are none */
            break;
        gre->up = report->type == VC_GRE_UP;
        gre->changed_ns = t;
        vc_event(gre->lab->events, VC_LAYER_GRE, gre->node->rt.plan->name, "state", t, "{s:s, s:b, s:s}", "tunnel",
                 tunnel, "up", gre->up, "reason", "keepalive");
        break;
    case VC_GRE_FAILED:
        vc_event(gre->lab->events, VC_LAYER_CHECK, gre->node->rt.plan->name, "daemon-died", t, "{s:s, s:s, s:s}",
                 "daemon", "gre", "status", strerror(report->errnum), "log", gre->plan->ifname);
        gre->expected = true;
        break;
    }
}

static int on_report(sd_event_source *source VC_UNUSED, int fd, uint32_t revents VC_UNUSED, void *arg)
{
    struct lab_gre *gre = arg;
    struct vc_gre_report report;
    ssize_t len;

    while ((len = recv(fd, &report, sizeof report, MSG_DONTWAIT)) == sizeof report)
        take_report(gre, &report);
    if (len == 0 || (len < 0 && errno != EAGAIN))
        gre->source = sd_event_source_disable_unref(gre->source);
    return 0;
}

int lab_gres_wait_open(struct lab_node *node, vc_error **err)
{
    for (size_t i = 0; i < node->rt.plan->gre_count; i++) {
        struct lab_gre *gre = &node->gres[i];
        struct vc_gre_report opened = {.type = VC_GRE_FAILED, .errnum = ETIMEDOUT};
        struct timeval limit = {.tv_sec = OPEN_LIMIT_S};

        setsockopt(gre->report, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        if (recv(gre->report, &opened, sizeof opened, 0) != sizeof opened || opened.type == VC_GRE_FAILED)
            return vc_fail(err, VC_EXIT_HOST, opened.errnum, "opening GRE endpoint %s in %s (is /dev/net/tun there?)",
                           gre->plan->ifname, node->rt.plan->name);
        int r = sd_event_add_io(gre->lab->loop, &gre->source, gre->report, EPOLLIN, on_report, gre);
        if (r < 0)
            return vc_fail(err, VC_EXIT_FAIL, -r, "watching GRE endpoint %s", gre->plan->ifname);
    }
    return 0;
}

static bool ike_configured(const struct vc_lab *lab)
{
    for (size_t n = 0; n < lab->plan->node_count; n++)
        for (size_t i = 0; i < lab->plan->nodes[n].daemon_count; i++) {
            const struct vc_daemon *daemon = &lab->nodes[n].daemons[i];
            if ((daemon->plan->vici_config || daemon->plan->load[0]) &&
                (daemon->state == VC_DAEMON_WAITING || daemon->state == VC_DAEMON_STARTED))
                return false;
        }
    return true;
}

void lab_gres_release(struct vc_lab *lab)
{
    if (!ike_configured(lab))
        return;
    for (size_t n = 0; n < lab->plan->node_count; n++)
        for (size_t i = 0; i < lab->plan->nodes[n].gre_count; i++) {
            struct lab_gre *gre = &lab->nodes[n].gres[i];
            if (gre->released || gre->pid <= 0)
                continue;
            gre->released = true;
            send(gre->report, "g", 1, MSG_NOSIGNAL);
        }
}

void lab_gres_kill(struct lab_node *node)
{
    for (size_t i = 0; i < node->rt.plan->gre_count; i++) {
        struct lab_gre *gre = &node->gres[i];
        gre->expected = true;
        gre->source = sd_event_source_disable_unref(gre->source);
        if (gre->pid > 0)
            kill(gre->pid, SIGKILL);
        if (gre->report >= 0)
            close(gre->report);
        gre->report = -1;
    }
}
