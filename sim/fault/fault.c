#include "fault/fault.h"

#include <string.h>

#include "fault/kinds.h"

/* Asking is work of its own, in a guest a third of a million instructions: what does not show at once is asked for more
 * and more seldom. */
#define ASK_FIRST_US 2000
#define ASK_LAST_US  100000

struct vc_faults {
    struct vc_lab *lab;
    struct fault **active;
    size_t count;
    unsigned serial;
    struct {
        struct fault *fault;
        enum { APPLYING, TAKING_BACK, HEALING } phase;
        char *why; /* it is taken back */
        int64_t deadline_ns;
        uint64_t ask_us; /* until the next look */
        vc_fault_fn *fn;
        void *arg;
        sd_event_source *timer;
    } step; /* the one under way; fault NULL: none */
};

static int faults_destroy(struct vc_faults *faults)
{
    sd_event_source_disable_unref(faults->step.timer);
    return 0;
}

struct vc_faults *vc_faults_new(void *ctx, struct vc_lab *lab)
{
    struct vc_faults *faults = talloc_zero(ctx, struct vc_faults);

    faults->lab = lab;
    talloc_set_destructor(faults, faults_destroy);
    return faults;
}

static int fault_destroy(struct fault *fault)
{
    json_decref(fault->spec);
    return 0;
}

static size_t find_active(const struct vc_faults *faults, const char *name)
{
    for (size_t i = 0; i < faults->count; i++)
        if (!strcmp(faults->active[i]->name, name))
            return i;
    return VC_NONE;
}

static const char *text_member(const json_t *spec, const char *key)
{
    return json_string_value(json_object_get(spec, key));
}

/* The spec's names as indexes; `end` of a link is named by its node. */
static int resolve(struct fault *fault, vc_error **err)
{
    const struct vc_topology *topology = vc_lab_plan(fault->lab)->topology;
    const char *link = text_member(fault->spec, "link");
    const char *node = text_member(fault->spec, "node");
    const char *end = text_member(fault->spec, "end");
    const char *daemon = text_member(fault->spec, "daemon");

    fault->link = link ? vc_topology_link(topology, link) : VC_NONE;
    fault->node = node ? vc_topology_node(topology, node) : VC_NONE;
    if (end && fault->link != VC_NONE)
        fault->end = topology->links[fault->link].end[1].node == vc_topology_node(topology, end);
    if (daemon) {
        fault->daemon = vc_lab_daemon(fault->lab, fault->node, daemon);
        if (!fault->daemon)
            return vc_fail(err, VC_EXIT_USAGE, 0, "node %s runs no %s", node, daemon);
    }
    return 0;
}

static void finish_step(struct vc_faults *faults, bool gone, vc_error *err)
{
    vc_fault_fn *fn = faults->step.fn;
    void *arg = faults->step.arg;
    struct fault *fault = faults->step.fault;

    faults->step.timer = sd_event_source_disable_unref(faults->step.timer);
    faults->step.fault = NULL;
    if (gone) {
        size_t i = find_active(faults, fault->name);
        faults->active[i] = faults->active[--faults->count];
        talloc_free(fault);
    }
    fn(arg, err);
}

static void enter_phase(struct vc_faults *faults, int phase)
{
    faults->step.phase = phase;
    faults->step.ask_us = ASK_FIRST_US;
    faults->step.deadline_ns =
        vc_events_now(vc_lab_events(faults->lab)) + faults->step.fault->kind->prove_limit_s * VC_NS_PER_S;
}

static void ask_again(struct vc_faults *faults)
{
    sd_event_source_set_time_relative(faults->step.timer, faults->step.ask_us);
    faults->step.ask_us += faults->step.ask_us / 4;
    if (faults->step.ask_us > ASK_LAST_US)
        faults->step.ask_us = ASK_LAST_US;
    sd_event_source_set_enabled(faults->step.timer, SD_EVENT_ONESHOT);
}

/* `gone`: nothing of it goes on. Else it stays active, so that its heal can be tried again. */
static void tell_unproved(struct vc_faults *faults, bool gone, const char *text)
{
    struct fault *fault = faults->step.fault;
    bool healing = faults->step.phase == HEALING;
    VC_AUTO_ERROR *err = NULL;

    vc_fail(&err, VC_EXIT_FAIL, 0, "fault %s (%s): %s", fault->name, fault->kind->name, text);
    vc_event(vc_lab_events(faults->lab), VC_LAYER_FAULT, NULL, "unproved", -1, "{s:s, s:s, s:s}", "name", fault->name,
             "phase", healing ? "heal" : "apply", "text", text);
    finish_step(faults, gone, err);
}

static void not_taken_back(struct vc_faults *faults, const char *why)
{
    VC_AUTO_TALLOC char *text = talloc_asprintf(NULL, "%s; taking it back failed: %s", faults->step.why, why);

    tell_unproved(faults, false, text);
}

/* A fault whose effect nobody saw is taken back, and that is seen to be done: half a fault must not go on in a lab that
 * says it has none. */
static void give_up(struct vc_faults *faults, const char *why)
{
    struct fault *fault = faults->step.fault;
    VC_AUTO_ERROR *stuck = NULL;

    switch (faults->step.phase) {
    case APPLYING:
        faults->step.why = talloc_strdup(fault, why);
        if (fault->kind->heal(fault, &stuck)) {
            not_taken_back(faults, stuck->message);
            return;
        }
        enter_phase(faults, TAKING_BACK);
        ask_again(faults);
        return;
    case TAKING_BACK:
        not_taken_back(faults, why);
        return;
    case HEALING:
        tell_unproved(faults, false, why);
        return;
    }
}

/* What is over by its nature is healed in the same moment, so that nobody takes it for active. */
static void tell_healed(struct vc_events *events, const struct fault *fault, const char *evidence)
{
    vc_event(events, VC_LAYER_FAULT, text_member(fault->spec, "node"), "heal-applied", -1, "{s:s, s:s, s:s}", "name",
             fault->name, "kind", fault->kind->name, "text", "over by itself");
    vc_event(events, VC_LAYER_FAULT, NULL, "healed", -1, "{s:s, s:s}", "name", fault->name, "evidence", evidence);
}

static void succeed(struct vc_faults *faults, const char *evidence)
{
    struct vc_events *events = vc_lab_events(faults->lab);
    struct fault *fault = faults->step.fault;
    bool healing = faults->step.phase == HEALING;

    if (faults->step.phase == TAKING_BACK) {
        VC_AUTO_TALLOC char *text = talloc_asprintf(NULL, "%s; it was taken back", faults->step.why);
        tell_unproved(faults, true, text);
        return;
    }
    vc_event(events, VC_LAYER_FAULT, NULL, healing ? "healed" : "proved", -1, "{s:s, s:s}", "name", fault->name,
             "evidence", evidence);
    if (!healing && fault->kind->momentary)
        tell_healed(events, fault, evidence);
    finish_step(faults, healing || fault->kind->momentary, NULL);
}

static int on_ask(sd_event_source *source VC_UNUSED, uint64_t usec VC_UNUSED, void *arg)
{
    struct vc_faults *faults = arg;
    struct fault *fault = faults->step.fault;
    bool applying = faults->step.phase == APPLYING;
    VC_AUTO_ERROR *err = NULL;
    char *evidence = NULL;
    int seen = (applying ? fault->kind->prove : fault->kind->gone)(fault, &evidence, &err);

    if (seen > 0) {
        succeed(faults, evidence);
    } else if (seen < 0) {
        give_up(faults, err->message);
    } else if (vc_events_now(vc_lab_events(faults->lab)) >= faults->step.deadline_ns) {
        VC_AUTO_TALLOC char *late =
            talloc_asprintf(NULL, "%s within %u s", applying ? "no effect was seen" : "it was not seen to be gone",
                            fault->kind->prove_limit_s);
        give_up(faults, late);
    } else {
        ask_again(faults);
    }
    return 0;
}

static int begin_step(struct vc_faults *faults, struct fault *fault, bool healing, vc_fault_fn *fn, void *arg,
                      vc_error **err)
{
    struct vc_events *events = vc_lab_events(faults->lab);
    const char *text = text_member(fault->spec, "text");

    /* The event comes first: the effect must never seem older than its cause. */
    vc_event(events, VC_LAYER_FAULT, text_member(fault->spec, "node"), healing ? "heal-applied" : "applied", -1,
             "{s:s, s:s, s:s}", "name", fault->name, "kind", fault->kind->name, "text", text ? text : "");
    if ((healing ? fault->kind->heal : fault->kind->apply)(fault, err))
        return vc_wrap(err, "fault %s (%s)", fault->name, fault->kind->name);
    int r = sd_event_add_time_relative(vc_lab_loop(faults->lab), &faults->step.timer, CLOCK_MONOTONIC, 0, 100, on_ask,
                                       faults);
    if (r < 0)
        return vc_fail(err, VC_EXIT_FAIL, -r, "setting a timer");
    faults->step.fault = fault;
    faults->step.fn = fn;
    faults->step.arg = arg;
    enter_phase(faults, healing ? HEALING : APPLYING);
    return 0;
}

/* One step at a time. */
static int check_idle(const struct vc_faults *faults, vc_error **err)
{
    return faults->step.fault ? vc_fail(err, VC_EXIT_USAGE, 0, "fault %s is still under way", faults->step.fault->name)
                              : 0;
}

/* ---- one takes the place of another ---- */

static bool is_replaced_by(const struct fault *old, const struct fault *fault)
{
    return fault->kind->one_a_node && old->kind == fault->kind && old->node == fault->node;
}

static void tell_replaced(const struct vc_faults *faults, const struct fault *fault)
{
    for (size_t i = 0; i < faults->count; i++)
        if (is_replaced_by(faults->active[i], fault))
            vc_event(vc_lab_events(faults->lab), VC_LAYER_FAULT, text_member(fault->spec, "node"), "replaced", -1,
                     "{s:s, s:s}", "name", faults->active[i]->name, "by", fault->name);
}

static void forget_replaced(struct vc_faults *faults, const struct fault *fault)
{
    for (size_t i = faults->count; i-- > 0;)
        if (is_replaced_by(faults->active[i], fault)) {
            talloc_free(faults->active[i]);
            faults->active[i] = faults->active[--faults->count];
        }
}

static int apply(struct vc_faults *faults, struct fault *fault, vc_fault_fn *fn, void *arg, vc_error **err)
{
    const char *kind = text_member(fault->spec, "kind");

    for (size_t i = 0; i < fault_kind_count; i++)
        if (kind && !strcmp(fault_kinds[i].name, kind))
            fault->kind = &fault_kinds[i];
    if (!fault->kind || !fault->name)
        return vc_fail(err, VC_EXIT_USAGE, 0, "no fault kind %s", kind ? kind : "given, or the fault has no name");
    if (resolve(fault, err) || check_idle(faults, err))
        return -1;
    size_t same = find_active(faults, fault->name);
    if (same != VC_NONE && !is_replaced_by(faults->active[same], fault))
        return vc_fail(err, VC_EXIT_USAGE, 0, "fault %s is already active (heal it first, or give another name=)",
                       fault->name);
    if (fault->kind->check && fault->kind->check(fault, err))
        return vc_wrap(err, "fault %s (%s)", fault->name, fault->kind->name);
    tell_replaced(faults, fault);
    return begin_step(faults, fault, false, fn, arg, err);
}

int vc_fault_apply(struct vc_faults *faults, const json_t *spec, vc_fault_fn *fn, void *arg, vc_error **err)
{
    struct fault *fault = talloc_zero(faults, struct fault);

    talloc_set_destructor(fault, fault_destroy);
    fault->lab = faults->lab;
    fault->spec = json_deep_copy(spec);
    fault->name = text_member(fault->spec, "name");
    fault->serial = ++faults->serial;
    if (apply(faults, fault, fn, arg, err)) {
        talloc_free(fault);
        return -1;
    }
    forget_replaced(faults, fault);
    faults->active = talloc_realloc(faults, faults->active, struct fault *, faults->count + 1);
    faults->active[faults->count++] = fault;
    return 0;
}

int vc_fault_heal(struct vc_faults *faults, const char *name, vc_fault_fn *fn, void *arg, vc_error **err)
{
    size_t i = find_active(faults, name);

    if (i == VC_NONE)
        return vc_fail(err, VC_EXIT_USAGE, 0, "no fault %s is active", name);
    if (check_idle(faults, err))
        return -1;
    return begin_step(faults, faults->active[i], true, fn, arg, err);
}

json_t *vc_faults_active(const struct vc_faults *faults)
{
    json_t *names = json_array();

    for (size_t i = 0; i < faults->count; i++)
        json_array_append_new(
            names, json_pack("{s:s, s:s}", "name", faults->active[i]->name, "kind", faults->active[i]->kind->name));
    return names;
}
