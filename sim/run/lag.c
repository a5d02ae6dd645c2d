/*
 * Scheduling lag of this host, as the daemons of the lab suffer it: a thread of normal priority sleeps to an absolute
 * time and looks how late it woke. What is over the threshold goes through a pipe to the loop and becomes check/lag. It
 * allocates nothing, so the engine may fork at any time.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <time.h>

#include "run/engine_private.h"

#define PERIOD_NS    (5 * VC_NS_PER_MS)
#define THRESHOLD_NS (10 * VC_NS_PER_MS)

struct lag {
    int64_t late_ns;
    struct timespec at;
};

static int64_t ns(struct timespec t)
{
    return t.tv_sec * VC_NS_PER_S + t.tv_nsec;
}

static void *watch_lag(void *arg)
{
    int out = (int)(intptr_t)arg;
    struct timespec next;

    clock_gettime(CLOCK_MONOTONIC, &next);
    for (;;) {
        struct lag lag;
        int64_t due = ns(next) + PERIOD_NS;
        next = (struct timespec){.tv_sec = due / VC_NS_PER_S, .tv_nsec = due % VC_NS_PER_S};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
        clock_gettime(CLOCK_MONOTONIC, &lag.at);
        lag.late_ns = ns(lag.at) - due;
        if (lag.late_ns < THRESHOLD_NS)
            continue;
        next = lag.at; /* one stall is one report */
        if (write(out, &lag, sizeof lag) < 0 && errno == EPIPE)
            return NULL;
    }
}

static int on_lag(sd_event_source *source VC_UNUSED, int fd, uint32_t revents VC_UNUSED, void *arg)
{
    struct engine *engine = arg;
    struct lag lag;

    while (read(fd, &lag, sizeof lag) == sizeof lag)
        vc_event(engine->events, VC_LAYER_CHECK, NULL, "lag", vc_events_from_monotonic(engine->events, lag.at), "{s:I}",
                 "lag_ns", (json_int_t)lag.late_ns);
    return 0;
}

int engine_lag_start(struct engine *engine, vc_error **err)
{
    int fds[2];
    pthread_t thread;

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
        return vc_fail(err, VC_EXIT_FAIL, errno, "starting the lag watcher");
    int r = sd_event_add_io(engine->loop, NULL, fds[0], EPOLLIN, on_lag, engine);
    if (r >= 0)
        r = -pthread_create(&thread, NULL, watch_lag, (void *)(intptr_t)fds[1]);
    if (r < 0)
        return vc_fail(err, VC_EXIT_FAIL, -r, "starting the lag watcher");
    pthread_detach(thread);
    return 0;
}
