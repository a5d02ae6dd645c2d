/*
 * A machine has three ends here: the events, which are judged as they come; the console, kept for the day it is needed;
 * and its process. A run is over when the process is.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>

#include "run/feed.h"
#include "vm/sealed_private.h"

#define WALL_LIMIT_S  900
#define WALL_DIVISOR  60 /* even a loaded host plays an hour of quiet lab in a minute */
#define BOOT_SLACK_NS (120 * VC_NS_PER_S)

/* ---- events ---- */

void sealed_judge_event(struct sealed *sealed, json_t *event)
{
    if (!sealed->judge)
        return;
    vc_judge_event(sealed->judge, event);
    if (sealed->config->on_event)
        sealed->config->on_event(sealed->config->arg, event);
}

static void on_event(void *arg, json_t *event)
{
    struct sealed *sealed = arg;
    const char *what = json_string_value(json_object_get(event, "what"));
    const json_t *t_ns = json_object_get(event, "t_ns");

    if (what && !strcmp(what, "parked")) {
        sealed->parked = true;
        return;
    }
    if (json_is_integer(t_ns))
        sealed->last_ns = json_integer_value(t_ns);
    sealed->ended = sealed->ended || (what && !strcmp(what, "end"));
    sealed_judge_event(sealed, event);
}

/* ---- limits ---- */

int64_t sealed_longest_ns(const struct vc_scenario *scenario)
{
    int64_t sum = BOOT_SLACK_NS;

    for (size_t i = 0; i < scenario->step_count; i++) {
        const struct vc_step *step = &scenario->steps[i];
        int64_t longest = json_integer_value(json_object_get(step->spec, "for_ns"));
        json_t *expect;
        size_t k;
        json_array_foreach(step->spec, k, expect)
        {
            int64_t within = json_integer_value(json_object_get(expect, "within_ns"));
            longest = within > longest ? within : longest;
        }
        sum += longest;
    }
    return sum;
}

unsigned sealed_wall_limit_s(const struct vc_sealed_config *config)
{
    return config->wall_limit_s
               ? config->wall_limit_s
               : WALL_LIMIT_S + (unsigned)(sealed_longest_ns(config->scenario) / VC_NS_PER_S / WALL_DIVISOR);
}

/* ---- following ---- */

static void drain(struct sealed *sealed, struct vc_feed *feed)
{
    VC_AUTO_ERROR *err = NULL;

    while (vc_feed_read(feed, &err) == VC_FEED_MORE &&
           poll(&(struct pollfd){.fd = sealed->machine.events, .events = POLLIN}, 1, 0) > 0)
        continue;
    while (vc_console_read(sealed->machine.console, &sealed->console) &&
           poll(&(struct pollfd){.fd = sealed->machine.console, .events = POLLIN}, 1, 0) > 0)
        continue;
}

static bool take_events(struct sealed *sealed, struct vc_feed *feed)
{
    VC_AUTO_ERROR *err = NULL;
    enum vc_feed_state state = vc_feed_read(feed, &err);

    if (state == VC_FEED_DAMAGED)
        sealed->damage = talloc_strdup(sealed->ctx, err->message);
    return state == VC_FEED_MORE;
}

/*
 * QEMU writes the debug console byte by byte, so the events' pipe is readable after each. Once read it is left to fill
 * for BATCH_MS: 200 reads a second instead of 20,000, each of which would wake a CPU that another guest could use.
 */
#define BATCH_MS 5

struct follow {
    struct sealed *sealed;
    struct vc_feed *feed;
    double give_up_s, filled_s; /* when the events are looked at again */
    bool events_over;
};

enum { EVENTS, CONSOLE, SIGNALS, PROCESS, FD_COUNT };

/* How long to wait at most, in ms; whether the events are among what is waited for. */
static int wait_ms(const struct follow *follow, bool *events)
{
    double now = sealed_now_s(), left = follow->give_up_s - now;

    *events = !follow->events_over && now >= follow->filled_s;
    if (!follow->events_over && !*events && follow->filled_s - now < left)
        left = follow->filled_s - now;
    return (int)(left * 1000) + 1;
}

static bool take_signal(struct sealed *sealed)
{
    struct signalfd_siginfo info;

    if (read(sealed->signals, &info, sizeof info) == sizeof info)
        sealed->outcome->run.signal = (int)info.ssi_signo;
    return true;
}

/* What came in; false when that was the end. */
static bool look(struct follow *follow, struct pollfd *fds, enum sealed_end *end)
{
    struct sealed *sealed = follow->sealed;

    if (fds[SIGNALS].revents & POLLIN && take_signal(sealed)) {
        *end = END_SIGNAL;
        return false;
    }
    if (fds[PROCESS].revents) {
        drain(sealed, follow->feed);
        *end = END_MACHINE;
        return false;
    }
    if (fds[EVENTS].revents) {
        follow->events_over = !take_events(sealed, follow->feed); /* the process' end follows */
        follow->filled_s = sealed_now_s() + BATCH_MS / 1000.0;
    }
    if (fds[CONSOLE].revents && !vc_console_read(sealed->machine.console, &sealed->console))
        fds[CONSOLE].fd = -1;
    *end = sealed->damage ? END_STREAM : END_PARKED;
    return !sealed->damage && !sealed->parked;
}

enum sealed_end sealed_follow(struct sealed *sealed)
{
    VC_AUTO_TALLOC struct vc_feed *feed = vc_feed_new(NULL, sealed->machine.events, on_event, sealed);
    struct follow state = {
        .sealed = sealed, .feed = feed, .give_up_s = sealed_now_s() + sealed_wall_limit_s(sealed->config)};
    struct pollfd fds[FD_COUNT] = {[EVENTS] = {.events = POLLIN},
                                   [CONSOLE] = {.fd = sealed->machine.console, .events = POLLIN},
                                   [SIGNALS] = {.fd = sealed->signals, .events = POLLIN},
                                   [PROCESS] = {.fd = sealed->machine.pidfd, .events = POLLIN}};
    enum sealed_end end;

    do {
        bool events;
        int timeout = wait_ms(&state, &events);
        if (sealed_now_s() >= state.give_up_s)
            return END_WALL;
        fds[EVENTS].fd = events ? sealed->machine.events : -1;
        fds[EVENTS].revents = 0;
        if (poll(fds, VC_COUNT(fds), timeout) < 0 && errno != EINTR)
            return END_STREAM;
    } while (look(&state, fds, &end));
    return end;
}
