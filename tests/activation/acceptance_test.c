/* The cases of an acceptance: scenarios that can be read, for every form and all timers, that ask for what is promised.
 * That they are kept by a lab is tests/cli/onboard_sealed_test.c's business. */
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

static const struct vc_acceptance *make(void *ctx, const struct vc_order *order, const char *timers)
{
    VC_AUTO_ERROR *err = NULL;
    const char *topology = talloc_asprintf(ctx, "./%s.yaml", order->form->name);
    const struct vc_acceptance *a = vc_acceptance_make(ctx, order, timers, topology, &err);

    cr_assert(a, "%s", err ? err->message : "");
    return a;
}

static const struct vc_acceptance_case *named(const struct vc_acceptance *a, const char *name)
{
    for (size_t i = 0; i < a->count; i++)
        if (!strcmp(a->cases[i].name, name))
            return &a->cases[i];
    cr_assert_fail("no case %s", name);
    return NULL;
}

/* How often `part` is in `text`. */
static size_t times(const char *text, const char *part)
{
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

Test(acceptance, is_scenarios_that_can_be_read)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_examples *examples = vc_examples_read(ctx, VCLAB_SOURCE_DIR);
    const char *timers;

    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
    for (size_t i = 0; i < examples->count && examples->list[i].accepts; i++) {
        const struct vc_order *order = order_of(ctx, examples->list[i].file);
        bool keepalives = strcmp(order->form->keepalives, "off") != 0;

        for (size_t t = 0; (timers = vc_acceptance_timers(t)); t++) {
            if (!keepalives && !strcmp(timers, "keepalive"))
                continue;
            const struct vc_acceptance *a = make(ctx, order, timers);

            cr_assert_eq(a->count, 12 + 2 * order->form->cpe_count);
            for (size_t k = 0; k < a->count; k++)
                if (a->cases[k].scenario)
                    cr_assert_str_eq(load(ctx, &a->cases[k])->timers->name, timers);
        }
    }
}

/* What is told in a sentence fails by name; everything else is in the one case that has no scenario of its own. */
Test(acceptance, names_what_people_ask_for)
{
    static const struct {
        const char *form, *faults;
    } cases[] = {
        {"two-cpe",
         "; drop esp inet-dc1; drop esp inet-dc2; power-off dc1-router; power-off dc2-router; wan-cut ; "
         "link-down inet-cpe1; power-off cpe1; link-down inet-cpe2; power-off cpe2; each-failure; ; ; ; drop "
         "esp inet-dc1; drop esp inet-dc2; "},
        {"behind-nat",
         "; drop udp/4500 inet-dc1; drop udp/4500 inet-dc2; power-off dc1-router; power-off dc2-router; wan-cut ; "
         "link-down nat-cpe1; power-off cpe1; each-failure; ; ; ; drop udp/4500 inet-dc1; drop udp/4500 inet-dc2; "},
    };

    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *file = talloc_asprintf(ctx, VCLAB_SOURCE_DIR "/forms/accepted/%s.yaml", cases[i].form);
        const struct vc_acceptance *a = make(ctx, order_of(ctx, file), NULL);
        char *faults = talloc_strdup(ctx, "");

        for (size_t k = 0; k < a->count; k++)
            faults = talloc_asprintf_append(
                faults, "%s; ", a->cases[k].scenario ? fault_of(ctx, load(ctx, &a->cases[k])) : a->cases[k].name);
        cr_expect_str_eq(faults, cases[i].faults);
    }
}

Test(acceptance, has_the_timers_that_the_form_calls_for)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_order *with = order_of(ctx, VCLAB_SOURCE_DIR "/forms/accepted/one-cpe.yaml");
    const struct vc_order *without = order_of(ctx, VCLAB_SOURCE_DIR "/forms/accepted/no-keepalives.yaml");

    cr_assert_str_eq(make(ctx, with, NULL)->timers, "tuned");
    cr_assert_str_eq(make(ctx, with, NULL)->recovery, "35 s");
    cr_assert_str_eq(make(ctx, without, NULL)->timers, "service");
    cr_assert(strstr(named(make(ctx, without, NULL), "voice-dc1-lost")->promise, "after 185 s at most; from then on"));
    cr_assert_str_eq(make(ctx, without, "bfd")->timers, "bfd");
    cr_assert_str_eq(make(ctx, with, "keepalive")->timers, "keepalive");
    cr_assert(!vc_acceptance_make(ctx, without, "keepalive", "x", &err));
    cr_assert_eq(err->status, VC_EXIT_USAGE);
    cr_assert(strstr(err->message, "(R28)"), "%s", err->message);
}

/* The load is the planned calls' bits, half of them to each data centre, in both directions; too many at once go one
 * way after the other, far too many at half the scale. */
Test(acceptance, loads_what_was_planned)
{
    static const struct {
        unsigned calls;
        const char *load, *least;
        size_t rounds; /* of loads that are stopped together */
        const char *played;
    } cases[] = {{1, "mbit: 1, bytes: 200,", NULL, 1,
                  "1 Mbit/s each way for each data centre, 2 s at a time, in packets of 200 "
                  "bytes, as G.711 has them; both directions at once."},
                 {100, "mbit: 4, bytes: 200,", "mbit_at_least: 3}", 1, "; both directions at once."},
                 {200, "mbit: 8, bytes: 200,", "mbit_at_least: 7}", 2, "; one direction after the other"},
                 {201, "mbit: 9, bytes: 1400,", "mbit_at_least: 8}", 1, "in a seventh of their packets"},
                 {1500, "mbit: 60, bytes: 1400,", "mbit_at_least: 57}", 2, "both at once are not shown"},
                 {3125, "mbit: 63, bytes: 1400,", "mbit_at_least: 60}", 2,
                  "at half the scale, half the load on tunnels of "
                  "125 Mbit/s"}};
    static const char *const names[] = {"voice", "voice-dc1-lost", "voice-dc2-lost"};

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *more = talloc_asprintf(ctx, "calls: %u\n", cases[i].calls);
        const struct vc_acceptance *a = make(ctx, order_of(ctx, put_form(ctx, "acme", 300 + (unsigned)i, more)), NULL);

        cr_expect(strstr(a->played, cases[i].played), "%u calls: %s", cases[i].calls, a->played);
        for (size_t k = 0; k < VC_COUNT(names); k++) {
            const struct vc_acceptance_case *voice = named(a, names[k]);

            cr_expect_eq(times(voice->text, cases[i].load), 4, "%u calls:\n%s", cases[i].calls, voice->text);
            cr_expect_eq(times(voice->text, "from: phone, to: dc1-srv, mbit"), 1);
            cr_expect_eq(times(voice->text, "from: dc2-srv, to: phone, mbit"), 1);
            cr_expect_eq(times(voice->text, "lost_at_most: 0"), 4);
            cr_expect_eq(times(voice->text, "quality: "), 4);
            cr_expect_eq(times(voice->text, "  - hold: 3s\n"), cases[i].rounds, "%s", voice->text);
            if (cases[i].least)
                cr_expect_eq(times(voice->text, cases[i].least), 4, "%s", voice->text);
            cr_expect_eq(voice->load_count, 4);
            cr_expect_eq(voice->loads[0].mbit * 2, voice->loads[1].mbit + voice->loads[3].mbit);
        }
    }
}

/* A survivor that is full to the last bit has no room for what keeps it alive. */
Test(acceptance, of_more_than_a_tunnel_carries_is_none)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_acceptance *most = make(ctx, order_of(ctx, put_form(ctx, "acme", 1, "calls: 3118\n")), NULL);
    const struct vc_acceptance *more = make(ctx, order_of(ctx, put_form(ctx, "acme", 2, "calls: 3119\n")), NULL);

    cr_assert(!named(most, "voice-dc1-lost")->cannot);
    cr_assert(!named(more, "voice")->cannot);
    cr_assert(strstr(named(more, "voice-dc1-lost")->cannot, "3118 calls fit"));
    cr_assert(strstr(named(more, "voice-dc2-lost")->cannot, "249.5 of the 250 Mbit/s"));
}

/* A CPE with another PFS works until keys are made anew: only the doctor sees it before that. */
Test(acceptance, asks_the_doctor_when_nothing_fails)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_acceptance *a = make(ctx, order_of(ctx, VCLAB_SOURCE_DIR "/forms/accepted/two-cpe.yaml"), NULL);

    cr_assert_eq(times(named(a, "baseline")->text, "- diagnosis: {cause: healthy, within: 90s}\n  - hold: "), 1, "%s",
                 named(a, "baseline")->text);
}

/* Both sizes, both directions, TCP both ways, for each data centre. */
Test(acceptance, tries_sizes_to_and_from_both)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_acceptance *a = make(ctx, order_of(ctx, VCLAB_SOURCE_DIR "/forms/accepted/two-cpe.yaml"), NULL);

    for (size_t dc = 1; dc <= 2; dc++) {
        const char *text = named(a, talloc_asprintf(ctx, "packet-sizes-dc%zu", dc))->text;
        const char *there = talloc_asprintf(ctx, "from: phone, to: dc%zu-srv,", dc);
        const char *back = talloc_asprintf(ctx, "from: dc%zu-srv, to: phone,", dc);

        cr_expect_eq(times(text, there), 3, "%s", text);
        cr_expect_eq(times(text, back), 3, "%s", text);
        cr_expect_eq(times(text, "bytes: 1400,"), 2);
        cr_expect_eq(times(text, "bytes: 1401,"), 2);
        cr_expect_eq(times(text, "protocol: tcp,"), 2);
        cr_expect_eq(times(text, "lost_at_least: 100}"), 2);
        cr_expect_eq(times(text, "mss_at_least: 1350, mss_at_most: 1350"), 2);
    }
}
