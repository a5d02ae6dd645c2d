/* The cases of an acceptance are scenarios that can be played, for every form and all timers. */
#include "activation/acceptance.h"

#include "activation/example.h"
#include "fixture.h"
#include "model/scenario.h"

TestSuite(acceptance, .init = folder_open, .fini = folder_close, .timeout = 120);

static const struct vc_order *order_of(void *ctx, const char *form)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_ledger *ledger = vc_ledger_open(ctx, VC_LEDGER_MEMORY, VC_LEDGER_WRITE, NULL);
    const struct vc_activation_options options = {.seed = &fixture_seed, .out = in_top(ctx, "lab")};
    const struct vc_order *order = vc_activate(ctx, ledger, form, &options, &err);

    cr_assert(order, "%s", err ? err->message : "");
    return order;
}

/* What the scenario does to the lab: "kind select link" or "kind node" of its fault, "" without one. */
static char *fault_of(void *ctx, const struct vc_scenario *s)
{
    for (size_t i = 0; i < s->step_count; i++) {
        const json_t *spec = s->steps[i].spec;
        const char *where = json_string_value(json_object_get(spec, "link"));
        const char *select = json_string_value(json_object_get(spec, "select"));

        if (!where)
            where = json_string_value(json_object_get(spec, "node"));
        if (s->steps[i].kind == VC_STEP_FAULT)
            return talloc_asprintf(ctx, "%s %s%s%s", json_string_value(json_object_get(spec, "kind")),
                                   select ? select : "", select ? " " : "", where ? where : "");
    }
    return talloc_strdup(ctx, "");
}

static const struct vc_scenario *load(void *ctx, const struct vc_acceptance_case *c)
{
    VC_AUTO_ERROR *err = NULL;
    const char *file = talloc_asprintf(ctx, "%s/lab/%s.yaml", top, c->scenario);

    put_file(file, c->text);
    const struct vc_scenario *s =
        vc_scenario_load(ctx, file, VCLAB_SOURCE_DIR "/topologies", VCLAB_SOURCE_DIR "/nodes", &err);
    cr_assert(s, "%s", err ? err->message : "");
    return s;
}

Test(acceptance, is_scenarios_that_can_be_played)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_examples *examples = vc_examples_read(ctx, VCLAB_SOURCE_DIR);

    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
    for (size_t i = 0; i < examples->count && examples->list[i].accepts; i++) {
        const struct vc_order *order = order_of(ctx, examples->list[i].file);
        const char *topology = talloc_asprintf(ctx, "./%s.yaml", order->form->name);

        for (const char *const *timers = vc_acceptance_timers; *timers; timers++) {
            const struct vc_acceptance *a = vc_acceptance_make(ctx, order, *timers, topology);

            cr_assert_eq(a->count, 8 + 2 * order->form->cpe_count);
            for (size_t k = 0; k < a->count; k++)
                cr_assert_str_eq(load(ctx, &a->cases[k])->timers->name, *timers);
        }
    }
}

/* Each thing that can fail alone fails in one case. */
Test(acceptance, lets_each_thing_fail_once)
{
    static const struct {
        const char *form, *faults;
    } cases[] = {
        {"two-cpe", "; drop esp inet-dc1; drop esp inet-dc2; power-off dc1-router; power-off dc2-router; wan-cut ; "
                    "link-down inet-cpe1; power-off cpe1; link-down inet-cpe2; power-off cpe2; ; drop esp inet-dc1; "},
        {"behind-nat",
         "; drop udp/4500 inet-dc1; drop udp/4500 inet-dc2; power-off dc1-router; power-off dc2-router; wan-cut ; "
         "link-down nat-cpe1; power-off cpe1; ; drop udp/4500 inet-dc1; "},
    };

    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *file = talloc_asprintf(ctx, VCLAB_SOURCE_DIR "/forms/accepted/%s.yaml", cases[i].form);
        const char *topology = talloc_asprintf(ctx, "./%s.yaml", cases[i].form);
        const struct vc_acceptance *a = vc_acceptance_make(ctx, order_of(ctx, file), NULL, topology);
        char *faults = talloc_strdup(ctx, "");

        for (size_t k = 0; k < a->count; k++)
            faults = talloc_asprintf_append(faults, "%s; ", fault_of(ctx, load(ctx, &a->cases[k])));
        cr_expect_str_eq(faults, cases[i].faults);
    }
}

Test(acceptance, has_the_timers_that_the_form_calls_for)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_order *with = order_of(ctx, VCLAB_SOURCE_DIR "/forms/accepted/one-cpe.yaml");
    const struct vc_order *without = order_of(ctx, VCLAB_SOURCE_DIR "/forms/accepted/no-keepalives.yaml");

    cr_assert_str_eq(vc_acceptance_make(ctx, with, NULL, "x")->timers, "tuned");
    cr_assert_str_eq(vc_acceptance_make(ctx, without, NULL, "x")->timers, "service");
    cr_assert_str_eq(vc_acceptance_make(ctx, without, "bfd", "x")->timers, "bfd");
}

/* The load is the planned calls' bits, half of them to each data centre. */
Test(acceptance, loads_what_was_planned)
{
    static const struct {
        unsigned calls;
        const char *load;
    } cases[] = {{1, "mbit: 1, bytes: 200,"},
                 {100, "mbit: 4, bytes: 200,"},
                 {200, "mbit: 8, bytes: 200,"},
                 {201, "mbit: 9, bytes: 1400,"},
                 {3125, "mbit: 125, bytes: 1400,"}};

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *more = talloc_asprintf(ctx, "calls: %u\n", cases[i].calls);
        const struct vc_acceptance *a =
            vc_acceptance_make(ctx, order_of(ctx, put_form(ctx, "acme", 300 + (unsigned)i, more)), NULL, "x");
        const struct vc_acceptance_case *voice = &a->cases[a->count - 1];
        size_t loads = 0;

        for (const char *at = voice->text; (at = strstr(at, cases[i].load)); at++)
            loads++;
        cr_expect_eq(loads, 4, "%u calls: %zu loads in\n%s", cases[i].calls, loads, voice->text);
    }
}
