/*
 * The loop of one tunnel end: packets, keepalives, reports, until the owner closes its end of `report`.
 *
 * The peer's packets are always read before the timer is judged, so that a process that was kept waiting does not take
 * its own delay for the peer's silence. Losing packets to a busy host is what real-time priority prevents; a runaway of
 * our own is what RLIMIT_RTTIME bounds: after a second without ever waiting the process goes on with normal priority.
 */
#include "gre/endpoint.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#include "gre/wire.h"

#define COUNTERS_NS  VC_NS_PER_S
#define RT_BUDGET_US 1000000

struct loop {
    struct vc_gre *gre;
    int report, epoll, timer;
    int64_t counters_ns; /* the next counters report is due */
    int64_t armed_ns;
    struct vc_gre_report last;
};

static int64_t monotonic_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * VC_NS_PER_S + now.tv_nsec;
}

static bool report_send(struct loop *loop, int type, int errnum)
{
    struct vc_gre_report report = loop->gre->counters;

    report.type = type;
    report.errnum = errnum;
    report.monotonic_ns = monotonic_now();
    return send(loop->report, &report, sizeof report, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof report;
}

static void report_state(struct loop *loop)
{
    loop->gre->state_unsent = !report_send(loop, loop->gre->keepalive.up ? VC_GRE_UP : VC_GRE_DOWN, 0);
}

static int interface_follow(struct vc_gre *gre)
{
    int carrier = gre->keepalive.up;
    VC_AUTO_ERROR *error = NULL;

    if (!gre->config.kernel)
        return ioctl(gre->tun, TUNSETCARRIER, &carrier) < 0 ? errno : 0;
    vc_rtnl_up(gre->rtnl, gre->config.ifname, carrier);
    if (vc_rtnl_commit(gre->rtnl, &error) == 0)
        return 0;
    return error && error->errnum ? error->errnum : EIO;
}

static void kernel_counters(struct vc_gre *gre)
{
    struct vc_rtnl_state state;

    if (gre->config.kernel && vc_rtnl_state(gre->rtnl, gre->config.ifname, &state, NULL) == 0 && state.exists) {
        gre->counters.tx_packets = state.tx_packets;
        gre->counters.rx_packets = state.rx_packets;
    }
}

/* Nothing to tell, no timer: an idle endpoint does not wake up. */
static bool counters_changed(const struct loop *loop)
{
    return loop->gre->state_unsent || memcmp(&loop->last, &loop->gre->counters, sizeof loop->last) != 0;
}

static void counters_tick(struct loop *loop, int64_t now_ns)
{
    if (now_ns < loop->counters_ns || !counters_changed(loop))
        return;
    loop->counters_ns = now_ns + COUNTERS_NS;
    kernel_counters(loop->gre);
    if (loop->gre->state_unsent)
        report_state(loop);
    if (memcmp(&loop->last, &loop->gre->counters, sizeof loop->last) != 0 && report_send(loop, VC_GRE_COUNTERS, 0))
        loop->last = loop->gre->counters;
}

static void keepalive_send(struct vc_gre *gre)
{
    uint8_t packet[VC_KEEPALIVE_LEN];
    const size_t header = VC_KEEPALIVE_LEN - VC_KEEPALIVE_INNER_LEN - sizeof(struct vc_gre_header);

    vc_keepalive_build(packet, gre->config.local, gre->config.remote, gre->ip_id++);
    vc_gre_send(gre, packet + header, sizeof packet - header); /* refused is as good as unanswered */
    gre->counters.keepalives_sent++;
}

static int keepalive_tick(struct loop *loop, int64_t now_ns)
{
    enum vc_keepalive_due due = vc_keepalive_tick(&loop->gre->keepalive, now_ns);
    int errnum = 0;

    if (due == VC_KEEPALIVE_NOTHING)
        return 0;
    if (due == VC_KEEPALIVE_SEND_AND_DOWN) {
        errnum = interface_follow(loop->gre);
        report_state(loop);
    }
    keepalive_send(loop->gre);
    return errnum;
}

static int receive(struct loop *loop)
{
    bool answered = false;
    bool more = true;

    for (int batches = 0; more && batches < 4; batches++) /* then the other direction's turn */
        more = vc_gre_pump_in(loop->gre, &answered);
    if (!answered || !vc_keepalive_answered(&loop->gre->keepalive))
        return 0;
    int errnum = interface_follow(loop->gre);
    report_state(loop);
    return errnum;
}

static int timer_arm(struct loop *loop)
{
    int64_t due = vc_keepalive_deadline(&loop->gre->keepalive);
    struct itimerspec when = {0};

    if (due > loop->counters_ns && counters_changed(loop))
        due = loop->counters_ns;
    if (due == loop->armed_ns)
        return 0;
    loop->armed_ns = due;
    when.it_value = (struct timespec){.tv_sec = due / VC_NS_PER_S, .tv_nsec = due % VC_NS_PER_S};
    return timerfd_settime(loop->timer, TFD_TIMER_ABSTIME, &when, NULL) < 0 ? errno : 0;
}

/* Waits and serves once. -1: the owner is gone; else an errno that ends the endpoint, or 0. */
static int serve(struct loop *loop)
{
    struct epoll_event events[4];
    int errnum = 0;

    int count = epoll_wait(loop->epoll, events, VC_COUNT(events), -1);
    if (count < 0 && errno != EINTR)
        return errno;
    for (int i = 0; i < count; i++)
        if (events[i].data.fd == loop->report)
            return -1;
    errnum = receive(loop);
    if (!errnum && loop->gre->tun >= 0)
        vc_gre_pump_out(loop->gre, &errnum);
    int64_t now_ns = monotonic_now();
    if (!errnum && now_ns >= loop->armed_ns) {
        errnum = keepalive_tick(loop, now_ns);
        counters_tick(loop, now_ns);
    }
    return errnum ? errnum : timer_arm(loop);
}

static int watch(struct loop *loop, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    return fd < 0 ? 0 : epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void rt_budget_spent(int signal VC_UNUSED)
{
    const struct sched_param normal = {0};

    sched_setscheduler(0, SCHED_OTHER, &normal);
}

/* Where real-time scheduling is not to be had the endpoint works, but loses packets under load. */
static void rt_enter(int priority)
{
    const struct sched_param param = {.sched_priority = priority};
    const struct rlimit budget = {.rlim_cur = RT_BUDGET_US, .rlim_max = RLIM_INFINITY};
    struct sigaction action = {.sa_handler = rt_budget_spent, .sa_flags = SA_RESTART};

    if (priority <= 0)
        return;
    sigaction(SIGXCPU, &action, NULL);
    if (setrlimit(RLIMIT_RTTIME, &budget) == 0)
        sched_setscheduler(0, SCHED_RR, &param);
}

void vc_gre_run(struct vc_gre *gre, int report)
{
    VC_AUTO_FD epoll = epoll_create1(EPOLL_CLOEXEC);
    VC_AUTO_FD timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct loop loop = {.gre = gre, .report = report, .epoll = epoll, .timer = timer};
    int errnum = 0;

    /* The owner never sends: anything from it is its end closing. The timer is edge-triggered, so that it need not be
     * read. */
    if (epoll < 0 || timer < 0 || watch(&loop, report, EPOLLIN | EPOLLRDHUP) < 0 ||
        watch(&loop, gre->raw, EPOLLIN) < 0 || watch(&loop, gre->tun, EPOLLIN) < 0 ||
        watch(&loop, timer, EPOLLIN | EPOLLET) < 0)
        errnum = errno;
    rt_enter(gre->config.rt_priority);
    loop.counters_ns = monotonic_now();
    vc_keepalive_start(&gre->keepalive, gre->config.keepalive_s, gre->config.retries, loop.counters_ns);
    report_state(&loop);
    if (!errnum)
        errnum = timer_arm(&loop);
    while (!errnum)
        errnum = serve(&loop);
    if (errnum > 0)
        report_send(&loop, VC_GRE_FAILED, errnum);
}
