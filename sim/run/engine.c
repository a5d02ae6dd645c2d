#include "run/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fds.h"
#include "run/engine_private.h"

void engine_stream(void *arg, json_t *event)
{
    struct engine *engine = arg;

    if (!engine->streaming || engine->parked)
        return;
    VC_AUTO_FREE char *line = json_dumps(event, JSON_COMPACT);
    size_t len = strlen(line);
    line[len++] = '\n'; /* in place of the NUL */
    if (engine->config->write(engine->config->write_arg, line, len) < 0) {
        engine->streaming = false; /* the front end is gone: so is the reason to go on */
        sd_event_exit(engine->loop, VC_EXIT_FAIL);
    }
}

static int on_broken(sd_event_source *source, void *arg)
{
    sd_event_source_disable_unref(source);
    engine_end(arg, NULL, NULL);
    return 0;
}

/* A daemon that died makes the run an error (the event says so): there is nothing more to learn from it. */
static void judge_event(void *arg, json_t *event)
{
    struct engine *engine = arg;
    const char *what = json_string_value(json_object_get(event, "what"));

    vc_judge_event(engine->judge, event);
    engine->broken = engine->broken || (what && !strcmp(what, "daemon-died"));
    if (what && !strcmp(what, "daemon-died") && !engine->config->stay)
        sd_event_add_defer(engine->loop, &(sd_event_source *){NULL}, on_broken, engine);
}

/* ---- loads after the last step ---- */

static void after_steps(struct engine *engine);

static int on_load_done(sd_event_source *source, int fd, uint32_t revents VC_UNUSED, void *arg)
{
    struct engine *engine = arg;
    struct vc_bulk_result result = {0};
    bool whole = read(fd, &result, sizeof result) == sizeof result;
    const struct vc_engine_load *load = &engine->config->loads[engine->load++];

    sd_event_source_disable_unref(source);
    close(fd);
    vc_event(engine->events, VC_LAYER_PROBE, NULL, "bulk", -1, "{s:b, s:b, s:f, s:f, s:I, s:I, s:I}", "complete", whole,
             "tcp", load->tcp, "mbit", result.mbit, "seconds", result.seconds, "sent", (json_int_t)result.sent,
             "received", (json_int_t)result.received, "lost", (json_int_t)result.lost);
    after_steps(engine);
    return 0;
}

static _Noreturn void play_load(const struct vc_bulk_config *bulk, int out)
{
    int own[] = {out, bulk->from_netns, bulk->to_netns};
    struct vc_bulk_result result;
    VC_AUTO_ERROR *err = NULL;

    vc_close_others(own, VC_COUNT(own));
    int ok = !vc_bulk_run(bulk, &result, &err);

    if (!ok)
        fprintf(stderr, "vclab: load: %s\n", err->message);
    _exit(ok && write(out, &result, sizeof result) == sizeof result ? 0 : 1);
}

static int start_load(struct engine *engine, const struct vc_engine_load *load, vc_error **err)
{
    const struct vc_plan *plan = engine->config->plan;
    struct vc_bulk_config bulk = {.from_netns = vc_lab_node(engine->lab, load->from)->netns,
                                  .to_netns = vc_lab_node(engine->lab, load->to)->netns,
                                  .from = plan->nodes[load->from].ifaces[0].address.addr,
                                  .to = plan->nodes[load->to].ifaces[0].address.addr,
                                  .tcp = load->tcp,
                                  .mbit = load->mbit,
                                  .ip_bytes = load->ip_bytes,
                                  .seconds = load->seconds};
    int fds[2];

    if (pipe2(fds, O_CLOEXEC))
        return vc_fail(err, VC_EXIT_FAIL, errno, "starting a load");
    fflush(NULL);
    pid_t pid = fork();
    if (!pid)
        play_load(&bulk, fds[1]);
    close(fds[1]);
    int r = pid < 0 ? -errno
                    : sd_event_add_io(engine->loop, &(sd_event_source *){NULL}, fds[0], EPOLLIN, on_load_done, engine);
    return r < 0 ? vc_fail(err, VC_EXIT_FAIL, -r, "starting a load") : 0;
}

static void report_memory(struct engine *engine)
{
    uint64_t pss;
    unsigned processes;

    if (engine->config->memory && !vc_lab_memory(engine->lab, &pss, &processes, NULL))
        vc_event(engine->events, VC_LAYER_CHECK, NULL, "memory", -1, "{s:I, s:i}", "pss_bytes", (json_int_t)pss,
                 "processes", (int)processes);
}

static void on_shell_done(void *arg, int wait_status VC_UNUSED)
{
    engine_begin_end(arg);
}

static int start_shell(struct engine *engine, vc_error **err)
{
    static const char *const argv[] = {"bash", "-l", NULL};
    int tty = engine->config->shell_tty;
    struct vc_spawn spawn = {.argv = argv, .stdio = {tty, tty, tty}, .controlling_tty = 1};

    return vc_lab_exec(engine->lab, engine->config->shell_node, &spawn, on_shell_done, engine, err);
}

static void after_steps(struct engine *engine)
{
    VC_AUTO_ERROR *err = NULL;

    if (engine->load < engine->config->load_count) {
        if (start_load(engine, &engine->config->loads[engine->load], &err))
            engine_end(engine, NULL, err->message);
        return;
    }
    if (engine->config->shell_tty >= 0) {
        if (start_shell(engine, &err))
            engine_end(engine, NULL, err->message);
    } else if (!engine->config->stay) {
        engine_begin_end(engine);
    }
}

static void on_timeline_done(void *arg)
{
    struct engine *engine = arg;

    if (engine->parked && !engine->ending) {
        engine_park(engine);
        return;
    }
    report_memory(engine);
    vc_event(engine->events, VC_LAYER_CHECK, NULL, "steps-done", -1, NULL);
    if (!engine->ending)
        after_steps(engine);
}

/* ---- start ---- */

static void on_ready(void *arg, vc_error *err)
{
    struct engine *engine = arg;

    if (err)
        engine_end(engine, NULL, err->message);
    else
        vc_event(engine->events, VC_LAYER_CHECK, NULL, "daemons-ready", -1, NULL);
}

static int on_node(void *arg, size_t node, bool on, vc_error **err)
{
    struct engine *engine = arg;

    if (!on)
        vc_examiner_disturbed(engine->examiner);
    return vc_observe_node(engine->observe, vc_lab_node(engine->lab, node), node, on, err) ||
                   vc_meters_node(engine->meters, node, vc_lab_node(engine->lab, node)->netns, on, err) ||
                   vc_logs_node(engine->logs, node, on, err)
               ? -1
               : 0;
}

static void on_mark(void *arg, const char *text)
{
    struct engine *engine = arg;

    vc_observe_mark(engine->observe, text);
}

static int on_lifeline(sd_event_source *source VC_UNUSED, int fd VC_UNUSED, uint32_t revents VC_UNUSED, void *arg)
{
    struct engine *engine = arg;

    return sd_event_exit(engine->loop, VC_EXIT_FAIL);
}

static int on_signal(sd_event_source *source VC_UNUSED, const struct signalfd_siginfo *info VC_UNUSED, void *arg)
{
    engine_end(arg, "SIGINT", NULL);
    return 0;
}

static int set_up_loop(struct engine *engine, int lifeline, vc_error **err)
{
    sigset_t block;

    sigemptyset(&block);
    sigaddset(&block, SIGCHLD);
    sigaddset(&block, SIGTERM);
    sigaddset(&block, SIGINT);
    sigprocmask(SIG_BLOCK, &block, NULL);
    signal(SIGPIPE, SIG_IGN);
    int r = sd_event_new(&engine->loop);
    if (r >= 0)
        r = sd_event_add_io(engine->loop, NULL, lifeline, EPOLLIN | EPOLLHUP, on_lifeline, engine);
    if (r >= 0)
        r = sd_event_add_signal(engine->loop, NULL, SIGTERM, on_signal, engine);
    return r < 0 ? vc_fail(err, VC_EXIT_FAIL, -r, "setting up the event loop") : 0;
}

static int set_up_lab(struct engine *engine, const struct vc_sandbox_inside *inside, vc_error **err)
{
    const struct vc_engine_config *config = engine->config;
    struct vc_lab_options options = {.links = config->links,
                                     .labroot = inside->kept[VC_KEEP_LABROOT],
                                     .logs = inside->kept[VC_KEEP_LOGS],
                                     .kinds = inside->kept[VC_KEEP_KINDS],
                                     .watch = true,
                                     .node_changed = on_node,
                                     .node_arg = engine};
    struct vc_observe_config observe = {.loop = engine->loop,
                                        .events = engine->events,
                                        .plan = config->plan,
                                        .flows = engine->scenario->flows,
                                        .flow_count = engine->scenario->flow_count,
                                        .captures = -1};
    VC_AUTO_FREE char *captures = NULL;

    if (config->captures) {
        /* The kept descriptor is O_PATH; creating files needs a real one. */
        if (asprintf(&captures, "/proc/self/fd/%d", inside->kept[VC_KEEP_CAPTURES]) < 0)
            abort();
        observe.captures = open(captures, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (observe.captures < 0)
            return vc_fail(err, VC_EXIT_FAIL, errno, "opening the captures folder");
    }
    engine->lab = vc_lab_new(engine, engine->loop, engine->events, config->plan, &options, err);
    if (!engine->lab)
        return -1;
    engine->faults = vc_faults_new(engine, engine->lab);
    engine->loads = vc_loads_new(engine, engine->lab);
    vc_events_subscribe(engine->events, vc_loads_event, engine->loads);
    engine->observe = vc_observe_new(engine, &observe);
    engine->meters = vc_meters_new(engine, engine->lab);
    engine->logs = vc_logs_new(engine, engine->lab);
    engine->examiner = vc_examiner_new(engine, engine->lab);
    engine->diagnoses = vc_diagnoses_new(engine, engine->examiner);
    vc_events_subscribe(engine->events, vc_diagnoses_event, engine->diagnoses);
    vc_events_subscribe(engine->events, vc_meters_event, engine->meters);
    return 0;
}

static int on_limit(sd_event_source *source VC_UNUSED, uint64_t usec VC_UNUSED, void *arg)
{
    struct engine *engine = arg;
    VC_AUTO_FREE char *text = NULL;

    if (asprintf(&text, "the scenario passed its limit of %lld s on the lab's clock",
                 (long long)(engine->config->limit_ns / VC_NS_PER_S)) < 0)
        abort();
    engine_end(engine, NULL, text);
    return 0;
}

static int set_limit(struct engine *engine, vc_error **err)
{
    engine->limit = sd_event_source_disable_unref(engine->limit);
    if (!engine->config->limit_ns)
        return 0;
    int r = sd_event_add_time_relative(engine->loop, &engine->limit, CLOCK_MONOTONIC,
                                       (uint64_t)(engine->config->limit_ns / VC_NS_PER_US), 1000, on_limit, engine);
    return r < 0 ? vc_fail(err, VC_EXIT_FAIL, -r, "setting the run's limit") : 0;
}

int engine_begin_scenario(struct engine *engine, vc_error **err)
{
    struct vc_timeline_config timeline = {.lab = engine->lab,
                                          .faults = engine->faults,
                                          .loads = engine->loads,
                                          .judge = engine->judge,
                                          .scenario = engine->scenario,
                                          .mark = on_mark,
                                          .mark_arg = engine,
                                          .done = on_timeline_done,
                                          .done_arg = engine};
    vc_diagnoses_begin(engine->diagnoses, engine->judge);
    engine->timeline = vc_timeline_new(engine, &timeline, err);
    if (!engine->timeline || set_limit(engine, err))
        return -1;
    const char *capture = engine->scenario->capture;
    if (vc_observe_capture_control(engine->observe, capture && !strcmp(capture, "control"), err) ||
        vc_meters_start(engine->meters, engine->scenario, err) || vc_logs_start(engine->logs, engine->scenario, err))
        return -1;
    vc_events_subscribe(engine->events, vc_timeline_event, engine->timeline);
    vc_timeline_start(engine->timeline);
    return 0;
}

static int start(struct engine *engine, const struct vc_sandbox_inside *inside, vc_error **err)
{
    const struct vc_engine_config *config = engine->config;

    if (set_up_lab(engine, inside, err) || (!config->virtual_time && engine_lag_start(engine, err)))
        return -1;
    if (config->control >= 0 && engine_control_start(engine, err))
        return -1;
    if (engine_begin_scenario(engine, err))
        return -1;
    return vc_lab_start(engine->lab, on_ready, engine, err);
}

int vc_engine_main(void *arg, const struct vc_sandbox_inside *inside)
{
    struct engine *engine =
        talloc_zero(NULL, struct engine); /* freed by the end of the process, which is the end of the lab */
    VC_AUTO_ERROR *err = NULL;

    engine->config = arg;
    engine->scenario = engine->config->scenario;
    engine->streaming = true;
    if (set_up_loop(engine, inside->lifeline, &err)) {
        fprintf(stderr, "vclab: %s\n", err->message);
        return (int)err->status;
    }
    engine->events = vc_events_new(engine);
    engine->judge = vc_judge_new(engine);
    vc_events_subscribe(engine->events, judge_event, engine);
    vc_events_subscribe(engine->events, engine_stream, engine);
    vc_events_subscribe(engine->events, engine_record, engine);
    if (engine->config->park)
        engine->parked = json_array();
    engine_emit_plan(engine, -1);
    if (start(engine, inside, &err))
        engine_end(engine, NULL, err->message);
    int status = sd_event_loop(engine->loop);
    return status < 0 ? VC_EXIT_FAIL : status;
}
