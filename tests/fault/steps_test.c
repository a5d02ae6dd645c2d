/*
 * The steps of a fault's life, with kinds that fail where the test wants it: what is given up is taken back and seen to
 * be gone before anybody is told, and one fault takes the place of another.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "fault/fault.h"
#include "fault/kinds.h"
#include "lab/private.h"

/* What the kinds below do next. In a process of its own for each test. */
static struct {
    bool check_fails, heal_fails, gone_fails;
    int unproved; /* looks without an effect */
    bool prove_fails;
    int not_gone; /* looks at which it is not gone yet */
    int applied, healed;
} plan;

static int act(bool fails, int *count, const char *what, vc_error **err)
{
    ++*count;
    return fails ? vc_fail(err, VC_EXIT_FAIL, 0, "%s", what) : 0;
}

static int check(struct fault *fault VC_UNUSED, vc_error **err)
{
    return plan.check_fails ? vc_fail(err, VC_EXIT_USAGE, 0, "it does not fit") : 0;
}

static int apply(struct fault *fault VC_UNUSED, vc_error **err)
{
    return act(false, &plan.applied, "", err);
}

static int heal(struct fault *fault VC_UNUSED, vc_error **err)
{
    return act(plan.heal_fails, &plan.healed, "stuck", err);
}

static int prove(struct fault *fault, char **evidence, vc_error **err)
{
    if (plan.prove_fails)
        return vc_fail(err, VC_EXIT_FAIL, 0, "no daemon");
    *evidence = talloc_strdup(fault, "seen");
    return plan.unproved-- <= 0;
}

static int gone(struct fault *fault, char **evidence, vc_error **err)
{
    if (plan.gone_fails)
        return vc_fail(err, VC_EXIT_FAIL, 0, "still there");
    *evidence = talloc_strdup(fault, "gone");
    return plan.not_gone-- <= 0;
}

const struct fault_kind fault_kinds[] = {
    {"plain", NULL, apply, prove, heal, gone, 60},
    {"late", NULL, apply, prove, heal, gone, 0},
    {"single", check, apply, prove, heal, gone, 60, .one_a_node = true},
};
const size_t fault_kind_count = VC_COUNT(fault_kinds);

/* ---- a lab of two nodes in which nothing runs ---- */

struct bench {
    void *ctx;
    struct vc_lab lab;
    struct vc_faults *faults;
    char *events; /* "applied one, proved one" */
    bool done;
    char *error; /* of the step; NULL: it succeeded */
};

static void on_event(void *arg, json_t *event)
{
    struct bench *bench = arg;
    const char *by = json_string_value(json_object_get(event, "by"));

    bench->events = talloc_asprintf_append(
        bench->events, "%s%s %s%s%s", *bench->events ? ", " : "", json_string_value(json_object_get(event, "what")),
        json_string_value(json_object_get(event, "name")), by ? " by " : "", by ? by : "");
}

static void on_done(void *arg, vc_error *err)
{
    struct bench *bench = arg;

    bench->done = true;
    bench->error = err ? talloc_strdup(bench->ctx, err->message) : NULL;
}

static void begin(struct bench *bench)
{
    static struct vc_node nodes[] = {{.name = "cpe1"}, {.name = "cpe2"}};
    static struct vc_topology topology = {.nodes = nodes, .node_count = 2};
    static struct vc_plan lab_plan = {.topology = &topology};

    *bench = (struct bench){.ctx = talloc_new(NULL)};
    bench->lab.plan = &lab_plan;
    bench->lab.events = vc_events_new(bench->ctx);
    cr_assert(sd_event_new(&bench->lab.loop) >= 0);
    bench->events = talloc_strdup(bench->ctx, "");
    vc_events_subscribe(bench->lab.events, on_event, bench);
    bench->faults = vc_faults_new(bench->ctx, &bench->lab);
}

static void end(struct bench *bench)
{
    talloc_free(bench->ctx);
    sd_event_unref(bench->lab.loop);
}

/* Whether the step could begin. */
static bool put(struct bench *bench, const char *kind, const char *name, const char *node, vc_error **err)
{
    VC_AUTO_JSON *spec = json_pack("{s:s, s:s, s:s}", "kind", kind, "name", name, "node", node);

    bench->done = false;
    return !vc_fault_apply(bench->faults, spec, on_done, bench, err);
}

static void await(struct bench *bench)
{
    while (!bench->done)
        cr_assert(sd_event_run(bench->lab.loop, 10000000) > 0);
}

static void apply_one(struct bench *bench, const char *kind, const char *name, const char *node)
{
    VC_AUTO_ERROR *err = NULL;

    cr_assert(put(bench, kind, name, node, &err), "%s", err ? err->message : "");
    await(bench);
}

static void heal_one(struct bench *bench, const char *name)
{
    VC_AUTO_ERROR *err = NULL;

    bench->done = false;
    cr_assert(!vc_fault_heal(bench->faults, name, on_done, bench, &err), "%s", err ? err->message : "");
    await(bench);
}

static char *active(struct bench *bench)
{
    VC_AUTO_JSON *list = vc_faults_active(bench->faults);
    char *names = talloc_strdup(bench->ctx, "");
    json_t *fault;
    size_t i;

    json_array_foreach(list, i, fault) names =
        talloc_asprintf_append(names, "%s%s", i ? " " : "", json_string_value(json_object_get(fault, "name")));
    return names;
}

static void says(const char *text, const char *part)
{
    cr_expect(text && strstr(text, part), "\"%s\" is not in: %s", part, text ? text : "(nothing)");
}

/* ---- taking back ---- */

Test(fault_steps, given_up_it_is_seen_to_be_gone_before_anybody_is_told)
{
    static const char *const kinds[] = {"plain", "late"};

    for (size_t i = 0; i < VC_COUNT(kinds); i++) {
        struct bench bench;
        VC_AUTO_ERROR *err = NULL;

        begin(&bench);
        memset(&plan, 0, sizeof plan);
        plan.prove_fails = i == 0;
        plan.unproved = 1;         /* "late" has no time for a second look */
        plan.not_gone = i ? 0 : 3; /* as a node that has to start first */
        cr_assert(put(&bench, kinds[i], "it", "cpe1", &err));
        while (!bench.done) {
            cr_assert(sd_event_run(bench.lab.loop, 10000000) > 0);
            cr_assert(bench.done || *active(&bench), "it is forgotten while it goes on");
        }
        cr_expect_eq(plan.healed, 1);
        cr_expect_lt(plan.not_gone, 0, "nobody looked whether it is gone");
        says(bench.error, i ? "no effect was seen within 0 s; it was taken back" : "no daemon; it was taken back");
        cr_expect_str_eq(bench.events, "applied it, unproved it");
        cr_expect_str_eq(active(&bench), "");
        end(&bench);
    }
}

Test(fault_steps, what_cannot_be_taken_back_stays_active_and_is_healed_later)
{
    for (int stage = 0; stage < 2; stage++) {
        struct bench bench;

        begin(&bench);
        memset(&plan, 0, sizeof plan);
        plan.prove_fails = true;
        plan.heal_fails = stage == 0;
        plan.gone_fails = stage == 1;
        apply_one(&bench, "plain", "it", "cpe1");
        says(bench.error,
             stage ? "no daemon; taking it back failed: still there" : "no daemon; taking it back failed: stuck");
        cr_expect_str_eq(active(&bench), "it");
        plan.heal_fails = plan.gone_fails = false;
        heal_one(&bench, "it");
        cr_expect_null(bench.error);
        cr_expect_str_eq(active(&bench), "");
        end(&bench);
    }
}

Test(fault_steps, a_heal_that_shows_no_effect_leaves_it_active)
{
    struct bench bench;

    begin(&bench);
    apply_one(&bench, "plain", "it", "cpe1");
    plan.gone_fails = true;
    heal_one(&bench, "it");
    says(bench.error, "still there");
    cr_expect_str_eq(active(&bench), "it");
    cr_expect_str_eq(bench.events, "applied it, proved it, heal-applied it, unproved it");
    end(&bench);
}

Test(fault_steps, one_at_a_time)
{
    struct bench bench;
    VC_AUTO_ERROR *second = NULL;
    VC_AUTO_ERROR *healing = NULL;

    begin(&bench);
    cr_assert(put(&bench, "plain", "one", "cpe1", NULL));
    cr_assert_not(put(&bench, "plain", "two", "cpe2", &second));
    says(second->message, "fault one is still under way");
    cr_assert(vc_fault_heal(bench.faults, "one", on_done, &bench, &healing));
    says(healing->message, "fault one is still under way");
    await(&bench);
    cr_expect_str_eq(active(&bench), "one");
    cr_expect_eq(plan.applied, 1);
    end(&bench);
}

/* ---- one takes the place of another ---- */

Test(fault_steps, a_new_one_of_a_node_ends_the_one_before)
{
    struct bench bench;

    begin(&bench);
    apply_one(&bench, "plain", "cut", "cpe1");
    apply_one(&bench, "single", "one", "cpe1");
    apply_one(&bench, "single", "other", "cpe2");
    apply_one(&bench, "single", "two", "cpe1");
    says(bench.events, "proved other, replaced one by two, applied two, proved two");
    cr_expect_null(strstr(active(&bench), "one"), "%s", active(&bench));
    says(active(&bench), "cut");
    says(active(&bench), "other");
    apply_one(&bench, "single", "two", "cpe1"); /* under its own name, too */
    says(bench.events, "proved two, replaced two by two, applied two, proved two");
    heal_one(&bench, "two");
    cr_expect_null(strstr(active(&bench), "two"), "%s", active(&bench));
    end(&bench);
}

Test(fault_steps, what_is_refused_changes_nothing)
{
    struct bench bench;
    VC_AUTO_ERROR *refused = NULL;
    VC_AUTO_ERROR *same = NULL;

    begin(&bench);
    apply_one(&bench, "single", "one", "cpe1");
    plan.check_fails = true;
    cr_assert_not(put(&bench, "single", "two", "cpe1", &refused));
    cr_expect_str_eq(refused->message, "fault two (single): it does not fit");
    cr_assert_not(put(&bench, "plain", "one", "cpe1", &same));
    says(same->message, "fault one is already active");
    cr_expect_str_eq(bench.events, "applied one, proved one");
    cr_expect_str_eq(active(&bench), "one");
    cr_expect_eq(plan.applied, 1);
    end(&bench);
}
