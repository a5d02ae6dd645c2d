#include "run/live.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>

#include "run/ends.h"
#include "run/feed.h"
#include "run/verdict.h"

/* After the interrupt the engine drains its flows and says check/end; one that does not is killed. */
#define END_LIMIT_MS 3000

struct stream {
    const struct vc_live_config *config;
    struct vc_judge *judge;
    struct vc_feed *feed;
    int fd;
};

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void take_event(void *arg, json_t *event)
{
    struct stream *stream = arg;

    vc_judge_event(stream->judge, event);
    if (stream->config->on_event)
        stream->config->on_event(stream->config->arg, event);
}

/* False at the end of the stream. A damaged one is an event, for the verdict is computed from events alone. */
static bool take_events(struct stream *stream)
{
    VC_AUTO_ERROR *err = NULL;
    enum vc_feed_state state = vc_feed_read(stream->feed, &err);

    if (state == VC_FEED_DAMAGED) {
        VC_AUTO_JSON *event = json_pack("{s:s, s:s, s:s}", "layer", "check", "what", "error", "text", err->message);
        take_event(stream, event);
    }
    return state == VC_FEED_MORE;
}

static int write_line(void *arg, const char *line, size_t len)
{
    int fd = *(int *)arg;

    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, line + done, len - done);
        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static void follow(struct stream *stream, struct vc_sandbox *sandbox, int signals, struct vc_live_outcome *outcome)
{
    struct pollfd fds[2] = {{.fd = stream->fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    double give_up = 0;

    for (;;) {
        int wait = outcome->signal ? (int)((give_up - now_s()) * 1000) : -1;
        if (outcome->signal && wait <= 0)
            return;
        if (poll(fds, 2, wait) < 0 && errno != EINTR)
            return;
        if (fds[1].revents & POLLIN) {
            struct signalfd_siginfo info;
            if (read(signals, &info, sizeof info) == sizeof info && !outcome->signal) {
                outcome->signal = (int)info.ssi_signo;
                give_up = now_s() + END_LIMIT_MS / 1000.0;
                kill(sandbox->pid, SIGTERM);
            }
        }
        if ((fds[0].revents & (POLLIN | POLLHUP)) && !take_events(stream))
            return;
    }
}

static const char *make_folder(void *ctx, const char *result, const char *name, vc_error **err)
{
    char *path = talloc_asprintf(ctx, "%s/%s", result, name);

    if (!mkdir(path, 0755) || errno == EEXIST)
        return path;
    vc_fail(err, VC_EXIT_FAIL, errno, "creating %s", path);
    return NULL;
}

static int run(const struct vc_live_config *config, int signals, struct vc_live_outcome *outcome, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *keep[VC_SANDBOX_KEEP] = {
        [VC_KEEP_LABROOT] = config->labroot, [VC_KEEP_KINDS] = config->engine.plan->options.kinds_dir};
    struct vc_engine_config engine = config->engine;
    VC_AUTO_SANDBOX sandbox = {.pid = -1, .pidfd = -1, .lifeline = -1};
    int fds[2];

    const struct vc_wires_host *host = vc_wires_probe(ctx, err);
    if (!host || vc_wires_choose(ctx, engine.plan, engine.scenario, config->wires, host, &engine.links, err))
        return -1;
    outcome->wires = engine.links.name;
    if (config->result) {
        keep[VC_KEEP_LOGS] = make_folder(ctx, config->result, "logs", err);
        keep[VC_KEEP_CAPTURES] = engine.captures ? make_folder(ctx, config->result, "captures", err) : NULL;
        if (!keep[VC_KEEP_LOGS] || (engine.captures && !keep[VC_KEEP_CAPTURES]))
            return -1;
    }
    if (pipe2(fds, O_CLOEXEC))
        return vc_fail(err, VC_EXIT_FAIL, errno, "starting a run");
    VC_AUTO_FD mine = fds[0];
    VC_AUTO_FD theirs = fds[1];
    engine.write = write_line;
    engine.write_arg = &theirs;
    engine.shell_tty = -1;
    double began = now_s();
    if (vc_sandbox_start(vc_engine_main, &engine, keep, &sandbox, err))
        return -1;
    close(VC_STEAL_FD(theirs));
    struct stream stream = {.config = config, .judge = vc_judge_new(ctx), .fd = mine};
    stream.feed = vc_feed_new(ctx, mine, take_event, &stream);
    follow(&stream, &sandbox, signals, outcome);
    double ending = now_s();
    vc_sandbox_kill(&sandbox);
    outcome->teardown_s = now_s() - ending;
    outcome->wall_s = now_s() - began;
    outcome->judged = vc_judge_finish(stream.judge);
    return 0;
}

int vc_live_run(const struct vc_live_config *config, struct vc_live_outcome *outcome, vc_error **err)
{
    sigset_t old;

    *outcome = (struct vc_live_outcome){0};
    VC_AUTO_FD signals = vc_ends_block(&old, err);
    int failed = signals < 0 ? -1 : run(config, signals, outcome, err);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return failed;
}
