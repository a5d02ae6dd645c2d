#include "run/timeline.h"

#include <string.h>

struct vc_timeline {
    struct vc_timeline_config config;
    sd_event *loop;
    struct vc_events *events;
    sd_event_source *timer; /* the next deadline, or the end of a hold */
    sd_event_source *soon;  /* looks at the step once the current events are handled */
    size_t step;
    bool running, waiting_for_fault;
    bool aborted; /* nobody waits for loads then */
    int next_id;
    int first_expect, last_expect; /* ids armed by the latest expect step */
    int hold;                      /* id of the hold under way, -1 none */
    const char *trigger;           /* the latest fault or heal, "start" before */
    int64_t trigger_ns;
    const char *window; /* whose outage window is open, NULL none */
};

static void begin(struct vc_timeline *timeline);

static int timeline_destroy(struct vc_timeline *timeline)
{
    sd_event_source_disable_unref(timeline->timer);
    sd_event_source_disable_unref(timeline->soon);
    return 0;
}

static void close_window(struct vc_timeline *timeline)
{
    if (timeline->window)
        vc_event(timeline->events, VC_LAYER_CHECK, NULL, "window-end", -1, "{s:s}", "trigger", timeline->window);
    timeline->window = NULL;
}

static void loads_ended(void *arg, vc_error *err)
{
    struct vc_timeline *timeline = arg;

    if (err)
        vc_event(timeline->events, VC_LAYER_CHECK, NULL, "error", -1, "{s:s}", "text", err->message);
    timeline->config.done(timeline->config.done_arg);
}

static void finish(struct vc_timeline *timeline)
{
    VC_AUTO_ERROR *err = NULL;

    if (!timeline->running)
        return;
    close_window(timeline);
    timeline->running = false;
    sd_event_source_set_enabled(timeline->timer, SD_EVENT_OFF);
    /* What a load counted is told when it is over; a run that was aborted does not wait for it. */
    if (timeline->aborted || vc_loads_stop(timeline->config.loads, NULL, loads_ended, timeline, &err))
        loads_ended(timeline, err);
}

void vc_timeline_abort(struct vc_timeline *timeline, const char *signal, const char *error)
{
    if (signal)
        vc_event(timeline->events, VC_LAYER_CHECK, NULL, "interrupted", -1, "{s:s}", "signal", signal);
    if (error)
        vc_event(timeline->events, VC_LAYER_CHECK, NULL, "error", -1, "{s:s}", "text", error);
    timeline->aborted = true;
    finish(timeline);
}

static void arm_timer(struct vc_timeline *timeline, int64_t at_ns)
{
    int64_t in = at_ns - vc_events_now(timeline->events);
    struct timespec now;

    if (at_ns == INT64_MAX) {
        sd_event_source_set_enabled(timeline->timer, SD_EVENT_OFF);
        return;
    }
    /* Relative times count from when the loop last woke, which may be milliseconds ago: a hold would end early. */
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_us = (uint64_t)(now.tv_sec * 1000000 + now.tv_nsec / VC_NS_PER_US);
    sd_event_source_set_time(timeline->timer, now_us + (in > 0 ? (uint64_t)(in / VC_NS_PER_US) + 1 : 0));
    sd_event_source_set_enabled(timeline->timer, SD_EVENT_ONESHOT);
}

static void next_step(struct vc_timeline *timeline)
{
    timeline->step++;
    begin(timeline);
}

static void fault_stepped(void *arg, vc_error *err)
{
    struct vc_timeline *timeline = arg;

    timeline->waiting_for_fault = false;
    timeline->trigger_ns = vc_events_now(timeline->events);
    if (err)
        finish(timeline); /* fault/unproved has been emitted: the run is an error */
    else if (timeline->running)
        next_step(timeline);
}

static void begin_fault(struct vc_timeline *timeline, const struct vc_step *step, bool heal)
{
    const char *name = json_string_value(json_object_get(step->spec, "name"));
    VC_AUTO_ERROR *err = NULL;

    close_window(timeline);
    timeline->trigger = timeline->window = heal ? talloc_asprintf(timeline, "heal %s", name) : name;
    timeline->waiting_for_fault = true;
    int failed = heal ? vc_fault_heal(timeline->config.faults, name, fault_stepped, timeline, &err)
                      : vc_fault_apply(timeline->config.faults, step->spec, fault_stepped, timeline, &err);
    if (failed)
        vc_timeline_abort(timeline, NULL, err->message);
}

static void begin_expect(struct vc_timeline *timeline, const struct vc_step *step)
{
    json_t *expect;
    size_t i;

    timeline->first_expect = timeline->next_id;
    json_array_foreach(step->spec, i, expect)
    {
        json_t *members = json_deep_copy(expect);
        json_object_set_new(members, "id", json_integer(timeline->next_id++));
        json_object_set_new(members, "trigger", json_string(timeline->trigger));
        json_object_set_new(members, "trigger_ns", json_integer(timeline->trigger_ns));
        vc_event_json(timeline->events, VC_LAYER_CHECK, NULL, "expect", -1, members);
    }
    timeline->last_expect = timeline->next_id;
}

static void begin_hold(struct vc_timeline *timeline, const struct vc_step *step)
{
    int64_t for_ns = json_integer_value(json_object_get(step->spec, "for_ns"));
    json_t *ids = json_array();

    for (int id = timeline->first_expect; id < timeline->last_expect; id++)
        json_array_append_new(ids, json_integer(id));
    timeline->hold = timeline->next_id++;
    vc_event(timeline->events, VC_LAYER_CHECK, NULL, "hold", -1, "{s:i, s:I, s:o}", "id", timeline->hold, "for_ns",
             (json_int_t)for_ns, "expects", ids);
    arm_timer(timeline, vc_events_now(timeline->events) + for_ns);
}

/* Nothing is held, so there is nothing to tell the judge. */
static void begin_wait(struct vc_timeline *timeline, const struct vc_step *step)
{
    arm_timer(timeline, vc_events_now(timeline->events) + json_integer_value(json_object_get(step->spec, "for_ns")));
}

static void load_stopped(void *arg, vc_error *err)
{
    struct vc_timeline *timeline = arg;

    if (err)
        vc_timeline_abort(timeline, NULL, err->message);
    else if (timeline->running)
        next_step(timeline);
}

static void begin_load(struct vc_timeline *timeline, const struct vc_step *step)
{
    VC_AUTO_ERROR *err = NULL;

    if (vc_loads_start(timeline->config.loads, step->spec, &err))
        vc_timeline_abort(timeline, NULL, err->message);
    else
        next_step(timeline);
}

static void begin_stop(struct vc_timeline *timeline, const struct vc_step *step)
{
    const char *name = json_string_value(json_object_get(step->spec, "name"));
    VC_AUTO_ERROR *err = NULL;

    if (vc_loads_stop(timeline->config.loads, name, load_stopped, timeline, &err))
        vc_timeline_abort(timeline, NULL, err->message);
}

static const char *const step_names[] = {
    [VC_STEP_EXPECT] = "expect", [VC_STEP_HOLD] = "hold", [VC_STEP_FAULT] = "fault", [VC_STEP_HEAL] = "heal",
    [VC_STEP_LOAD] = "load",     [VC_STEP_STOP] = "stop", [VC_STEP_WAIT] = "wait"};

static void begin(struct vc_timeline *timeline)
{
    if (timeline->step >= timeline->config.scenario->step_count) {
        finish(timeline);
        return;
    }
    const struct vc_step *step = &timeline->config.scenario->steps[timeline->step];
    VC_AUTO_TALLOC char *text = vc_step_text(NULL, step);

    vc_event(timeline->events, VC_LAYER_CHECK, NULL, "step", -1, "{s:i, s:s, s:s}", "index", (int)timeline->step,
             "kind", step_names[step->kind], "text", text);
    if (timeline->config.mark)
        timeline->config.mark(timeline->config.mark_arg, text);
    switch (step->kind) {
    case VC_STEP_EXPECT:
        begin_expect(timeline, step);
        sd_event_source_set_enabled(timeline->soon, SD_EVENT_ONESHOT);
        break;
    case VC_STEP_HOLD:
        begin_hold(timeline, step);
        break;
    case VC_STEP_FAULT:
    case VC_STEP_HEAL:
        begin_fault(timeline, step, step->kind == VC_STEP_HEAL);
        break;
    case VC_STEP_LOAD:
        begin_load(timeline, step);
        break;
    case VC_STEP_STOP:
        begin_stop(timeline, step);
        break;
    case VC_STEP_WAIT:
        begin_wait(timeline, step);
        break;
    }
}

static bool has_deadline(const struct vc_timeline *timeline, int id)
{
    const struct vc_step *step = &timeline->config.scenario->steps[timeline->step];

    return json_object_get(json_array_get(step->spec, (size_t)(id - timeline->first_expect)), "within_ns");
}

/* A lab that never converged has nothing more to show: later steps would only fail for the same reason. */
static bool hopeless(const struct vc_timeline *timeline)
{
    if (strcmp(timeline->trigger, "start"))
        return false;
    for (int id = timeline->first_expect; id < timeline->last_expect; id++)
        if (vc_judge_expectation(timeline->config.judge, id) == VC_FAIL)
            return true;
    return false;
}

static void look_at_expect(struct vc_timeline *timeline)
{
    vc_judge_advance(timeline->config.judge, vc_events_now(timeline->events));
    for (int id = timeline->first_expect; id < timeline->last_expect; id++)
        if (has_deadline(timeline, id) && vc_judge_expectation(timeline->config.judge, id) == VC_PENDING) {
            arm_timer(timeline, vc_judge_next_deadline(timeline->config.judge));
            return;
        }
    if (hopeless(timeline))
        finish(timeline);
    else
        next_step(timeline);
}

static bool in_step(const struct vc_timeline *timeline, enum vc_step_kind kind)
{
    return timeline->running && timeline->step < timeline->config.scenario->step_count &&
           timeline->config.scenario->steps[timeline->step].kind == kind;
}

static int on_soon(sd_event_source *source VC_UNUSED, void *arg)
{
    struct vc_timeline *timeline = arg;

    if (in_step(timeline, VC_STEP_EXPECT))
        look_at_expect(timeline);
    return 0;
}

static int on_timer(sd_event_source *source VC_UNUSED, uint64_t usec VC_UNUSED, void *arg)
{
    struct vc_timeline *timeline = arg;

    if (in_step(timeline, VC_STEP_EXPECT)) {
        look_at_expect(timeline);
    } else if (in_step(timeline, VC_STEP_HOLD)) {
        vc_event(timeline->events, VC_LAYER_CHECK, NULL, "hold-end", -1, "{s:i}", "id", timeline->hold);
        timeline->hold = -1;
        next_step(timeline);
    } else if (in_step(timeline, VC_STEP_WAIT)) {
        next_step(timeline);
    }
    return 0;
}

void vc_timeline_event(void *arg, json_t *event VC_UNUSED)
{
    struct vc_timeline *timeline = arg;

    /* Deferred: steps must not begin inside another module's callback. */
    if (in_step(timeline, VC_STEP_EXPECT))
        sd_event_source_set_enabled(timeline->soon, SD_EVENT_ONESHOT);
}

void vc_timeline_start(struct vc_timeline *timeline)
{
    timeline->running = true;
    timeline->trigger_ns = vc_events_now(timeline->events);
    begin(timeline);
}

struct vc_timeline *vc_timeline_new(void *ctx, const struct vc_timeline_config *config, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_timeline *timeline = talloc_zero(ctx, struct vc_timeline);

    timeline->config = *config;
    timeline->loop = vc_lab_loop(config->lab);
    timeline->events = vc_lab_events(config->lab);
    timeline->trigger = "start";
    timeline->hold = -1;
    talloc_set_destructor(timeline, timeline_destroy);
    int r = sd_event_add_time_relative(timeline->loop, &timeline->timer, CLOCK_MONOTONIC, 0, 100, on_timer, timeline);
    if (r >= 0)
        r = sd_event_source_set_enabled(timeline->timer, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_add_defer(timeline->loop, &timeline->soon, on_soon, timeline);
    if (r >= 0)
        r = sd_event_source_set_enabled(timeline->soon, SD_EVENT_OFF);
    if (r < 0) {
        vc_fail(err, VC_EXIT_FAIL, -r, "setting up the timeline");
        return NULL;
    }
    return VC_STEAL_PTR(timeline);
}
