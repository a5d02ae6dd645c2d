/* Lawful runs: what is drawn stays within the law, and what came of a run is read from its events alone. */
#include "fixture.h"
#include "sweep/lawful.h"

#include <dirent.h>

static struct vc_lawful lawful_of(void *ctx, const char *topology, const char *timers, enum vc_lawful_moment moment,
                                  uint64_t seed)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_topology *t = vc_topology_load(ctx, talloc_asprintf(ctx, TOPOLOGIES "/%s.yaml", topology), KINDS, &err);

    cr_assert(t, "%s", err ? err->message : "");
    return (struct vc_lawful){t, vc_topology_timers(t, timers), topology, moment, seed};
}

Test(lawful, a_seed_gives_the_same_run_and_another_gives_another)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_lawful run = lawful_of(ctx, "two-cpe", "tuned", VC_LAWFUL_HEALED, 7), other = run;

    other.seed = 8;
    cr_assert_str_eq(vc_lawful_text(ctx, &run, "x"), vc_lawful_text(ctx, &run, "x"));
    cr_assert_str_neq(vc_lawful_text(ctx, &run, "x"), vc_lawful_text(ctx, &other, "x"));
}

/* Where two tunnels end in one data centre no call's path is ordered, and a lab that waits for it never converges. */
Test(lawful, phones_call_where_the_order_says_the_way)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_lawful run = lawful_of(ctx, "two-cpe", "tuned", VC_LAWFUL_IDLE, 1);
    struct vc_lawful same = lawful_of(ctx, "two-cpe-same-dc", "tuned", VC_LAWFUL_IDLE, 1);

    cr_expect(strstr(vc_lawful_text(ctx, &run, "x"), "flows:"));
    cr_expect_not(strstr(vc_lawful_text(ctx, &same, "x"), "flows:"));
}

/* What has to be true of a wire that the service promises to bear. */
static bool check_wire(const struct vc_scenario *scenario, const json_t *spec)
{
    struct vc_wire wire = {0};

    cr_assert(vc_wire_of_spec(spec, &wire));
    cr_assert_leq(wire.loss_ppm, 5000);
    cr_assert_leq(wire.jitter_us, wire.delay_us);
    cr_assert(!wire.burst || !scenario->timers->bfd_interval_ms, "a burst takes BFD down");
    if (wire.reorder_ppm) {
        const struct vc_settings *settings = &scenario->topology->settings;
        double packets = (double)settings->rate_mbit * 1e6 / 8 / 1300 * wire.delay_us / 1e6;
        cr_assert(packets < settings->replay_window, "overtaken by %.0f packets", packets);
    }
    return wire.reorder_ppm > 0;
}

struct seen {
    bool wires, perfect, reorders, asked[VC_LAWFUL_MOMENTS];
};

static void check_scenario(const struct vc_scenario *scenario, enum vc_lawful_moment moment, struct seen *seen)
{
    unsigned asked = 0, wires = 0, past = 0, healed = 0, loads = 0;

    for (size_t i = 0; i < scenario->step_count; i++) {
        const json_t *spec = scenario->steps[i].spec;
        const char *kind = json_string_value(json_object_get(spec, "kind"));
        const json_t *first = json_array_get(spec, 0);
        const char *type = json_string_value(json_object_get(first, "type"));
        bool impair = kind && !strcmp(kind, "impair");
        if (impair)
            seen->reorders |= check_wire(scenario, spec);
        wires += impair;
        past += scenario->steps[i].kind == VC_STEP_FAULT && !impair;
        healed += scenario->steps[i].kind == VC_STEP_HEAL;
        loads += scenario->steps[i].kind == VC_STEP_LOAD;
        bool ask = type && !strcmp(type, "diagnosis");
        cr_assert(!ask || past == healed, "asked while something is wrong");
        asked += ask;
    }
    seen->wires |= wires > 0;
    seen->perfect |= !wires;
    cr_assert_geq(asked, 3);
    cr_assert_eq(past, moment == VC_LAWFUL_HEALED);
    cr_assert_eq(loads, moment == VC_LAWFUL_LOADED);
    seen->asked[moment] = true;
}

Test(lawful, runs_of_every_topology_are_scenarios_within_the_law)
{
    static const char *const timers[] = {"tuned", "bfd", "service", "keepalive"};
    DIR *dir = opendir(TOPOLOGIES);
    struct seen seen = {0};
    unsigned topologies = 0;

    for (struct dirent *entry; (entry = readdir(dir));) {
        char name[sizeof entry->d_name], *dot;
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        char *folder = temporary_folder(ctx);
        snprintf(name, sizeof name, "%s", entry->d_name);
        if ((dot = strrchr(name, '.')) && !strcmp(dot, ".yaml")) {
            *dot = 0;
            topologies++;
            for (unsigned i = 0; i < 16; i++) {
                VC_AUTO_ERROR *err = NULL;
                enum vc_lawful_moment moment = (enum vc_lawful_moment)(i % VC_LAWFUL_MOMENTS);
                struct vc_lawful run = lawful_of(ctx, name, timers[i / 4], moment, i * 31 + topologies);
                const char *file = vc_lawful_write(ctx, &run, folder, "lawful", &err);
                struct vc_scenario *scenario = file ? vc_scenario_load(ctx, file, TOPOLOGIES, KINDS, &err) : NULL;
                cr_assert(scenario, "%s: %s", name, err ? err->message : "");
                check_scenario(scenario, moment, &seen);
            }
        }
        remove_folder(folder);
    }
    closedir(dir);
    cr_assert_geq(topologies, 13);
    cr_assert(seen.wires && seen.perfect && seen.reorders);
    for (int i = 0; i < VC_LAWFUL_MOMENTS; i++)
        cr_assert(seen.asked[i]);
}

/* ---- outcomes ---- */

#define ASKED    "{\"t_ns\":1000000000,\"layer\":\"check\",\"what\":\"expect\",\"type\":\"diagnosis\"}\n"
#define EVIDENCE "{\"t_ns\":1500000000,\"layer\":\"check\",\"what\":\"evidence\",\"document\":%s}\n"
#define FAILED   "{\"t_ns\":1200000000,\"layer\":\"fault\",\"what\":\"applied\",\"name\":\"past\"}\n"
#define SICK     "{\"schema\":\"vclab.evidence/1\"}" /* of a lab without tunnels, which is never healthy */
#define PASSED   "{\"verdict\":\"pass\",\"expectations\":[{\"type\":\"converged\",\"verdict\":\"pass\"}]}"

static struct vc_lawful_outcome *outcome_of(void *ctx, const char *run, const char *events)
{
    char *folder = temporary_folder(ctx);
    const char *const texts[][2] = {{"run.json", run}, {"events.jsonl", events}};

    for (size_t i = 0; i < 2; i++) {
        VC_AUTO_FILE *file = fopen(talloc_asprintf(ctx, "%s/%s", folder, texts[i][0]), "we");
        cr_assert(file && fputs(texts[i][1], file) != EOF);
    }
    struct vc_lawful_outcome *outcome = vc_lawful_outcome_read(ctx, folder);
    remove_folder(folder);
    return outcome;
}

Test(lawful, every_sick_answer_is_an_alarm_even_before_a_healthy_one)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *events = talloc_asprintf(ctx, ASKED EVIDENCE EVIDENCE, SICK, SICK);
    struct vc_lawful_outcome *outcome = outcome_of(ctx, PASSED, events);

    cr_assert(!outcome->unusable, "%s", outcome->unusable);
    cr_assert_eq(outcome->examinations, 2);
    cr_assert_eq(json_array_size(outcome->alarms), 2);
    cr_assert_eq(outcome->answers, 1);
    cr_assert_float_eq(outcome->answer_s[0], 0.5, 1e-9);
}

/* What a real lab gave. */
static struct vc_lawful_outcome *outcome_with(void *ctx, const char *evidence)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, VCLAB_SOURCE_DIR "/tests/doctor/evidence/%s.json", evidence);
    VC_AUTO_JSON *document = json_load_file(path, 0, NULL);
    VC_AUTO_FREE char *text = json_dumps(document, JSON_COMPACT);

    cr_assert(text, "%s", path);
    return outcome_of(ctx, PASSED, talloc_asprintf(ctx, ASKED EVIDENCE, text));
}

Test(lawful, a_healthy_answer_is_no_alarm_and_a_cause_that_does_not_hurt_yet_is_one)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_lawful_outcome *healthy = outcome_with(ctx, "two-cpe-healthy-tuned");
    struct vc_lawful_outcome *latent = outcome_with(ctx, "one-cpe-pmtud-cpe1-tuned");

    cr_assert_eq(healthy->examinations, 1);
    cr_assert_eq(json_array_size(healthy->alarms), 0);
    cr_assert_eq(json_array_size(latent->alarms), 1);
}

Test(lawful, what_is_seen_beside_a_fault_does_not_count)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_lawful_outcome *outcome = outcome_of(ctx, PASSED, talloc_asprintf(ctx, ASKED FAILED EVIDENCE, SICK));

    cr_assert_eq(outcome->examinations, 0);
    cr_assert_eq(json_array_size(outcome->alarms), 0);
}

Test(lawful, a_lab_that_was_not_as_it_should_be_shows_nothing)
{
    static const struct {
        const char *run, *why;
    } cases[] = {
        {"{\"verdict\":\"fail\",\"expectations\":[{\"type\":\"converged\",\"verdict\":\"fail\"}]}", "did not converge"},
        {"{\"verdict\":\"error\",\"reason\":\"it broke\",\"expectations\":[]}", "it broke"},
        {"{\"verdict\":\"inconclusive\",\"reason\":\"too slow\"}", "too slow"},
        {"", "no result"},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        struct vc_lawful_outcome *outcome = outcome_of(ctx, cases[i].run, "");
        cr_assert(outcome->unusable && strstr(outcome->unusable, cases[i].why), "%s", outcome->unusable);
    }
    VC_AUTO_TALLOC struct vc_lawful_outcome *none = vc_lawful_outcome_read(NULL, NULL);
    cr_assert(strstr(none->unusable, "no result"));
}

Test(lawful, a_folder_that_cannot_be_written_is_an_error)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    struct vc_lawful run = lawful_of(ctx, "two-cpe", "tuned", VC_LAWFUL_IDLE, 1);

    cr_assert_null(vc_lawful_write(ctx, &run, "/nowhere", "x", &err));
    cr_assert(strstr(err->message, "writing /nowhere/x.yaml"), "%s", err->message);
}
