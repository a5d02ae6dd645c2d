/*
 * The judge: takes events one by one and keeps what the verdict needs.
 *
 * Each event is handled in this order: the invariants are judged for the time that passed with the old state; the event
 * changes the state; then expectations and holds are asked again. Truth counts from the time of the event that made it
 * true, not from when the judge heard of it, so a packet read late is not late, and a replayed run gives what the live
 * one gave.
 */
#include "run/verdict_private.h"

const char *vc_verdict_name(enum vc_verdict verdict)
{
    static const char *const names[] = {
        [VC_PASS] = "pass",   [VC_FAIL] = "fail",       [VC_INCONCLUSIVE] = "inconclusive",
        [VC_ERROR] = "error", [VC_PENDING] = "pending",
    };

    return names[verdict];
}

enum vc_exit vc_verdict_exit(enum vc_verdict verdict)
{
    return verdict == VC_PASS ? VC_EXIT_PASS : verdict == VC_INCONCLUSIVE ? VC_EXIT_INCONCLUSIVE : VC_EXIT_FAIL;
}

static void window_begin(struct vc_judge *judge, int64_t t_ns)
{
    size_t n = judge->window_count;
    struct window *last = n ? &judge->windows[n - 1] : NULL;
    int64_t start_ns = t_ns;

    /* Windows meet: what is lost while a fault is being put in belongs to that fault. */
    if (last && last->marked)
        start_ns = last->end_ns;
    else if (last)
        last->end_ns = t_ns;
    judge->windows = talloc_realloc(judge, judge->windows, struct window, (unsigned)n + 1);
    judge->windows[n] = (struct window){.start_ns = start_ns, .end_ns = INT64_MAX};
    judge->window_count++;
}

static int judge_destructor(struct vc_judge *judge)
{
    talloc_free(judge->flows); /* their names are the plan's */
    json_decref(judge->plan);
    json_decref(judge->facts);
    json_decref(judge->seen);
    return 0;
}

struct vc_judge *vc_judge_new(void *ctx)
{
    struct vc_judge *judge = talloc_zero(ctx, struct vc_judge);

    judge->facts = json_object();
    judge->converged_ns = -1;
    judge->convergence = vc_convergence_new(judge);
    talloc_set_destructor(judge, judge_destructor);
    window_begin(judge, 0);
    return judge;
}

static void VC_PRINTF(2, 3) set_error(struct vc_judge *judge, const char *format, ...)
{
    va_list args;

    if (judge->error)
        return;
    va_start(args, format);
    judge->error = talloc_vasprintf(judge, format, args);
    va_end(args);
    for (char *p = judge->error; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' '; /* the reason is one line */
}

/* Faults */

static struct fault *fault_named(const struct vc_judge *judge, const char *name)
{
    for (size_t i = judge->fault_count; i-- > 0;)
        if (strcmp(judge->faults[i].name, name) == 0)
            return &judge->faults[i];
    return NULL;
}

/* What runs in the node cannot report its sessions any more, so their last known state may be a false "Established". */
static bool is_blinding(const struct fault *fault)
{
    return strncmp(fault->kind, "daemon-", 7) == 0 || strcmp(fault->kind, "power-off") == 0 ||
           strcmp(fault->kind, "misconfigure") == 0;
}

/* The node is off now, if only until it starts anew. */
static bool takes_power(const struct fault *fault, bool heal)
{
    return strcmp(fault->kind, "misconfigure") == 0 || (!heal && strcmp(fault->kind, "power-off") == 0);
}

static void remember_paths(struct vc_judge *judge)
{
    for (size_t i = 0; i < judge->flow_count; i++)
        if (judge->flows[i].direction[0].seen)
            judge->flows[i].path_before = json_incref(judge->flows[i].direction[0].path);
}

static void on_applied(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    size_t n = judge->fault_count;

    if (n == 0)
        remember_paths(judge);
    judge->faults = talloc_realloc(judge, judge->faults, struct fault, (unsigned)n + 1);
    judge->faults[n] = (struct fault){
        .name = talloc_strdup(judge, text_of(event, "name")),
        .kind = talloc_strdup(judge, text_of(event, "kind")),
        .applied_ns = t_ns,
        .proved_ns = -1,
        .heal_applied_ns = -1,
        .healed_ns = -1,
    };
    judge->fault_count++;
    judge->blinding += is_blinding(&judge->faults[n]);
    expect_close(judge);
    window_begin(judge, t_ns);
    if (takes_power(&judge->faults[n], false) && *text_of(event, "node"))
        state_forget_node(judge, text_of(event, "node"), t_ns);
}

static void on_proved(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    struct fault *fault = fault_named(judge, text_of(event, "name"));

    if (fault && fault->proved_ns < 0)
        fault->proved_ns = t_ns;
}

static void on_heal_applied(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    struct fault *fault = fault_named(judge, text_of(event, "name"));

    if (fault)
        fault->heal_applied_ns = t_ns;
    expect_close(judge);
    window_begin(judge, t_ns);
    if (fault && takes_power(fault, true) && *text_of(event, "node"))
        state_forget_node(judge, text_of(event, "node"), t_ns);
}

static void on_healed(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    struct fault *fault = fault_named(judge, text_of(event, "name"));

    if (!fault || fault->healed_ns >= 0)
        return;
    fault->healed_ns = t_ns;
    if (is_blinding(fault) && judge->blinding) {
        judge->blinding--;
        judge->route_change_ns = t_ns;
    }
}

/* Another of its kind took its place: it is over, and nothing was mended. */
static void on_replaced(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    on_healed(judge, event, t_ns);
}

static void on_unproved(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    const char *heal = strcmp(text_of(event, "phase"), "heal") == 0 ? "the heal of " : "";

    violate(judge, FAULTS_PROVED, t_ns, "%s%s showed no effect", heal, text_of(event, "name"));
    set_error(judge, "%s%s showed no effect: %s", heal, text_of(event, "name"), text_of(event, "text"));
}

/* Checks */

static void on_plan(struct vc_judge *judge, const json_t *event, VC_UNUSED int64_t t_ns)
{
    state_plan(judge, event);
}

static void on_window_end(struct vc_judge *judge, VC_UNUSED const json_t *event, int64_t t_ns)
{
    struct window *window = &judge->windows[judge->window_count - 1];

    if (window->marked)
        return;
    window->end_ns = t_ns;
    window->marked = true;
    expect_close(judge);
}

static void on_lag(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    int64_t lag_ns = number_of(event, "lag_ns", 0);
    /* A wire's is told once a second: it was at any time since the last. */
    struct lag lag = {number_of(event, "since_ns", t_ns) - lag_ns, t_ns, lag_ns};

    judge->lags = talloc_realloc(judge, judge->lags, struct lag, (unsigned)judge->lag_count + 1);
    judge->lags[judge->lag_count++] = lag;
    if (lag.lag_ns <= judge->max_lag_ns)
        return;
    judge->max_lag_ns = lag.lag_ns;
    judge->late = strcmp(text_of(event, "what"), "wire-lag") == 0 ? "vclab-wire" : "vclab";
}

static void on_wire_drops(struct vc_judge *judge, const json_t *event, VC_UNUSED int64_t t_ns)
{
    judge->wire_drops += number_of(event, "dropped", 0);
}

static void on_daemon_died(struct vc_judge *judge, const json_t *event, VC_UNUSED int64_t t_ns)
{
    VC_AUTO_FREE char *status = json_dumps(json_object_get(event, "status"), JSON_ENCODE_ANY);
    VC_AUTO_FREE char *lines = json_dumps(json_object_get(event, "log"), JSON_ENCODE_ANY | JSON_COMPACT);
    const char *log = json_string_value(json_object_get(event, "log"));

    set_error(judge, "%s%s%s died (status %s): %s", text_of(event, "daemon"), *text_of(event, "node") ? " of " : "",
              text_of(event, "node"), status ? status : "unknown",
              log     ? log
              : lines ? lines
                      : "it left no log");
}

static void on_interrupted(struct vc_judge *judge, VC_UNUSED const json_t *event, VC_UNUSED int64_t t_ns)
{
    judge->interrupted = true;
    set_error(judge, "the run was interrupted");
}

static void on_error(struct vc_judge *judge, const json_t *event, VC_UNUSED int64_t t_ns)
{
    set_error(judge, "%s", text_of(event, "text"));
}

static void on_steps_done(struct vc_judge *judge, VC_UNUSED const json_t *event, VC_UNUSED int64_t t_ns)
{
    judge->steps_done = true;
}

static void on_end(struct vc_judge *judge, VC_UNUSED const json_t *event, VC_UNUSED int64_t t_ns)
{
    judge->ended = true;
}

static void dispatch(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    static const struct {
        const char *layer, *what;
        void (*fn)(struct vc_judge *judge, const json_t *event, int64_t t_ns);
    } handlers[] = {
        {"check", "plan", on_plan},
        {"check", "expect", expect_arm},
        {"check", "hold", hold_begin},
        {"check", "hold-end", hold_end},
        {"check", "window-end", on_window_end},
        {"check", "lag", on_lag},
        {"link", "wire-lag", on_lag},
        {"link", "wire-drops", on_wire_drops},
        {"check", "daemon-died", on_daemon_died},
        {"check", "interrupted", on_interrupted},
        {"check", "error", on_error},
        {"check", "steps-done", on_steps_done},
        {"check", "end", on_end},
        {"fault", "applied", on_applied},
        {"fault", "proved", on_proved},
        {"fault", "heal-applied", on_heal_applied},
        {"fault", "healed", on_healed},
        {"fault", "replaced", on_replaced},
        {"fault", "unproved", on_unproved},
    };

    for (size_t i = 0; i < VC_COUNT(handlers); i++)
        if (strcmp(handlers[i].layer, text_of(event, "layer")) == 0 &&
            strcmp(handlers[i].what, text_of(event, "what")) == 0)
            handlers[i].fn(judge, event, t_ns);
}

static void note_convergence(struct vc_judge *judge, int64_t t_ns)
{
    int64_t since_ns = 0;

    if (judge->converged_ns < 0 && judge->fault_count == 0 &&
        expect_kind_of("converged", NULL)->truth(judge, NULL, &since_ns))
        judge->converged_ns = t_ns;
}

void vc_judge_event(struct vc_judge *judge, const json_t *event)
{
    int64_t t_ns = number_of(event, "t_ns", judge->now_ns);

    invariant_advance(judge, t_ns);
    vc_convergence_event(judge->convergence, event);
    dispatch(judge, event, t_ns);
    state_event(judge, event, t_ns);
    invariant_event(judge, event, t_ns);
    if (t_ns > judge->now_ns)
        judge->now_ns = t_ns;
    note_convergence(judge, t_ns);
    expect_advance(judge);
    hold_advance(judge, t_ns);
}

void vc_judge_advance(struct vc_judge *judge, int64_t now_ns)
{
    invariant_advance(judge, now_ns);
    if (now_ns > judge->now_ns)
        judge->now_ns = now_ns;
}

enum vc_verdict vc_judge_expectation(const struct vc_judge *judge, int id)
{
    const struct expectation *expectation = expect_find(judge, id);

    return expectation ? expect_verdict(judge, expectation) : VC_ERROR;
}

bool vc_judge_watches(const struct vc_judge *judge, int id)
{
    const struct expectation *expectation = expect_find(judge, id);

    return expectation && !judge->steps_done && diagnosis_watches(expectation);
}

int64_t vc_judge_next_deadline(const struct vc_judge *judge)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < judge->expectation_count; i++) {
        const struct expectation *e = &judge->expectations[i];

        if (e->kind->truth && e->deadline_ns < next && expect_verdict(judge, e) == VC_PENDING)
            next = e->deadline_ns;
    }
    return next;
}

bool vc_judge_hold_true(const struct vc_judge *judge, int hold_id)
{
    for (size_t i = judge->hold_count; i-- > 0;)
        if (judge->holds[i].id == hold_id)
            return !judge->holds[i].broken;
    return false;
}
