/* What vclab-planner finds: against ns-3's own stack, against a sealed run, against arithmetic, against itself. */
#include "document.h"

#include <math.h>

static json_t *simulate(const struct vc_planner *plan, const char *level, uint64_t seed)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *spec = vc_planner_spec(plan, level, seed);
    json_t *result = vc_planner_simulate(spec, &err);

    cr_assert(result, "%s", err->message);
    return result;
}

static double at(const json_t *object, const char *name)
{
    cr_assert(json_is_number(json_object_get(object, name)), "no number %s", name);
    return json_number_value(json_object_get(object, name));
}

static const json_t *phase(const json_t *result, size_t i)
{
    const json_t *found = json_array_get(json_object_get(result, "phases"), i);

    cr_assert(found, "no phase %zu", i);
    return found;
}

static double lost(const json_t *result, const char *cause)
{
    double sum = 0;

    for (size_t i = 0; i < json_array_size(json_object_get(result, "phases")); i++)
        sum += at(json_object_get(phase(result, i), "lost"), cause);
    return sum;
}

/* A hundred hubs, whose loss of DC1 moves everything to tunnels that are too small for it, over a WAN that is, too. */
static const char hundred[] =
    "duration: 4s\nhold: 2s\n"
    "regions: {a: {hubs: 60, erlangs: 14, tunnel: 1}, b: {hubs: 40, cpes: 1, calls: 3, delay: 3ms}}\n"
    "failures:\n"
    "  - dc-lost: {dc: dc1, at: 1s, for: 2s, failover: 300ms, failback: 200ms}\n"
    "  - cpe-lost: {region: b, hubs: 20, at: 700ms, for: 1s, failover: 100ms, failback: 50ms}\n";

Test(planner_simulate, the_lean_model_agrees_with_ns3s_own_stack)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const char *text = talloc_asprintf(
        ctx, "plan: x\n%sdcs: {dc1: {mbit: 1000}, dc2: {mbit: 1000}}\nwan: {mbit: 30}\n%s", document_codecs, hundred);
    const struct vc_planner *plan = document_load(ctx, text, &err);
    cr_assert(plan, "%s", err->message);
    VC_AUTO_JSON *lean = simulate(plan, "packet", 3), *stack = simulate(plan, "stack", 3);
    double here = at(lean, "arrived"), there = at(stack, "arrived");

    cr_assert_eq(at(lean, "sent"), at(stack, "sent"));
    cr_assert_gt(here, 50000);
    cr_assert(fabs(here - there) <= 0.001 * there, "%.0f packets arrive, in the stack %.0f", here, there);
    /* or it would not be the failover that is compared */
    cr_assert(lost(lean, "dark") > 1000 && lost(lean, "tunnel") > 100, "%.0f dark, %.0f in tunnels", lost(lean, "dark"),
              lost(lean, "tunnel"));
}

/*
 * The sealed run of scenarios/traffic/two-cpe-load-saturated-failover-tuned.yaml: 60 + 60 Mbit/s of packets of 1400
 * bytes on a tunnel of 75 that holds 139 ms (what its packets waited at most), as long as the first load ran. What the
 * second sent after that fitted. Stated bound: one percentage point of what was offered.
 */
Test(planner_simulate, a_sealed_runs_loss_is_found_again)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_FILE *file = fopen(VCLAB_SOURCE_DIR "/tests/planner/fixtures/saturated-loads.jsonl", "re");
    double sent = 0, missing = 0, begin = 0, end = 0;

    cr_assert(file);
    for (size_t i = 0; i < 2; i++) {
        VC_AUTO_JSON *load = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL);
        sent += at(load, "sent");
        missing += at(load, "lost");
        begin = i ? begin : at(load, "start_ns");
        end = i ? end : at(load, "end_ns");
    }
    const char *text = talloc_asprintf(ctx,
                                       "plan: x\nduration: %.0fms\nqueue: 139ms\n%s"
                                       "codecs: {video: {share: 100, kbit: 58286, payload: 1360}}\n"
                                       "regions: {a: {hubs: 1, calls: 2, tunnel: 75}}\n"
                                       "failures: [dc-lost: {dc: dc1, at: 1ms, for: 1h, failover: 1ms}]\n",
                                       (end - begin) / 1e6, document_dcs);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_planner *plan = document_load(ctx, text, &err);
    cr_assert(plan, "%s", err->message);
    VC_AUTO_JSON *lean = simulate(plan, "packet", 1);
    double found = 100 * lost(lean, "tunnel") / sent, measured = 100 * missing / sent;
    cr_assert(fabs(found - measured) < 1, "%.2f %% lost, in the sealed run %.2f %%", found, measured);
}

Test(planner_simulate, each_packet_arrives_or_has_a_cause)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const char *text = talloc_asprintf(ctx, "plan: x\n%sdcs: {dc1: {mbit: 30}, dc2: {mbit: 40}}\nwan: {mbit: 8}\n%s",
                                       document_codecs, hundred);
    const struct vc_planner *plan = document_load(ctx, text, &err);
    cr_assert(plan, "%s", err->message);
    VC_AUTO_JSON *lean = simulate(plan, "packet", 5);
    double causes = 0;
    static const char *const names[] = {"dark", "tunnel", "dc", "wan"};

    for (size_t i = 0; i < VC_COUNT(names); i++) {
        cr_assert_gt(lost(lean, names[i]), 0, "nothing is lost in %s", names[i]);
        causes += lost(lean, names[i]);
    }
    cr_assert_eq(at(lean, "sent"), at(lean, "arrived") + causes);
}

Test(planner_simulate, the_same_seed_gives_the_same_bytes)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_planner *plan = document_usual(ctx, hundred);
    static const char *const levels[] = {"call", "packet"};

    for (size_t i = 0; i < VC_COUNT(levels); i++) {
        VC_AUTO_JSON *first = simulate(plan, levels[i], 7), *again = simulate(plan, levels[i], 7);
        VC_AUTO_JSON *other = simulate(plan, levels[i], 8);
        VC_AUTO_FREE char *a = json_dumps(first, 0), *b = json_dumps(again, 0), *c = json_dumps(other, 0);
        cr_assert_str_eq(a, b, "%s level", levels[i]);
        cr_assert_str_neq(a, c, "%s level: the seed does nothing", levels[i]);
    }
}

/* 83 calls of 80 kbit/s are 6.64 Mbit/s on the tunnel of 5 that is left. */
static const char overload[] = "duration: 20s\n"
                               "regions: {a: {hubs: 3, calls: 83, tunnel: 5}}\n"
                               "failures: [dc-lost: {dc: dc1, at: 2s, for: 1h, failover: 1s}]\n";

Test(planner_simulate, both_levels_lose_what_is_above_the_capacity)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_planner *plan = document_usual(ctx, overload);
    VC_AUTO_JSON *calls = simulate(plan, "call", 1), *packets = simulate(plan, "packet", 1);
    const double wanted = 100 * (1 - 5 / 6.64);

    cr_assert_float_eq(at(json_object_get(phase(calls, 2), "loss_percent"), "p50"), wanted, 1e-3);
    cr_assert_eq(at(phase(calls, 2), "hubs_overloaded"), 3);
    cr_assert_eq(at(phase(calls, 1), "silent"), 3 * 42); /* of 83 calls 42 go to DC1 */
    cr_assert_eq(at(phase(calls, 2), "by_wan"), 3 * 42);
    cr_assert_eq(at(phase(calls, 0), "silent") + at(phase(calls, 2), "silent"), 0);
    double sent = at(phase(packets, 2), "sent"), tunnel = at(json_object_get(phase(packets, 2), "lost"), "tunnel");
    /* The queue holds 100 ms of the 17 s. */
    cr_assert_float_eq(100 * tunnel / sent, wanted, 0.7);
    cr_assert_float_eq(at(json_object_get(json_object_get(packets, "calls"), "longest_silence_ms"), "max"), 1000, 200);
}

Test(planner_simulate, calls_come_as_often_as_the_plan_says)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_planner *plan =
        document_usual(ctx, "duration: 1h\nregions: {a: {hubs: 1000, erlangs: 4, to_dc1: 25}}\n");
    VC_AUTO_JSON *result = simulate(plan, "call", 1);

    /* 4000 calls on average; over an hour of three-minute calls that mean has a deviation of 0.5 %. */
    cr_assert_float_eq(at(json_object_get(phase(result, 0), "dc1"), "mean_bps"), 1000 * 112e3, 0.03 * 1000 * 112e3);
    cr_assert_float_eq(at(json_object_get(phase(result, 0), "dc2"), "mean_bps"), 3000 * 112e3, 0.03 * 3000 * 112e3);
    cr_assert_float_eq(at(result, "calls_begun"), 80000, 2000);
}

Test(planner_simulate, servers_that_are_lost_need_no_wan)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_planner *plan =
        document_usual(ctx, "duration: 9s\nregions: {a: {hubs: 2, calls: 4}}\n"
                            "failures: [dc-lost: {dc: dc1, servers: lost, at: 2s, for: 3s, failover: 1s}]\n");
    VC_AUTO_JSON *calls = simulate(plan, "call", 1), *packets = simulate(plan, "packet", 1);

    cr_assert_eq(at(phase(calls, 2), "by_wan") + at(phase(calls, 2), "silent"), 0);
    cr_assert_eq(at(phase(packets, 2), "sent"), at(phase(packets, 2), "arrived"));
    cr_assert_leq(at(json_object_get(phase(packets, 2), "packet_delay_ms"), "p99"),
                  11); /* the WAN's 5 ms are not in it */
}

static void refused(json_t *spec, const char *says)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *result = vc_planner_simulate(spec, &err);

    cr_assert(!result && err->status == VC_EXIT_USAGE && strstr(err->message, says), "%s",
              err ? err->message : "taken");
    cr_assert(!strchr(err->message, '\n'), "%s", err->message);
    json_decref(spec);
}

/* What vclab would never send; ns-3 would end the process. */
Test(planner_simulate, a_wrong_input_is_refused_with_one_line)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_planner *plan = document_usual(ctx, overload);
    static const struct {
        const char *list, *name;
        int64_t value;
        const char *says;
    } rows[] = {{NULL, "duration_ns", -1, "duration_ns must be"},  {NULL, "queue_ns", 0, "queue_ns must be"},
                {NULL, "wan_bps", INT64_MAX, "wan_bps must be"},   {"codecs", "interval_ns", 0, "interval_ns must be"},
                {"codecs", "share_ppm", 5, "shares must make"},    {"regions", "hubs", 0, "hubs must be"},
                {"regions", "delay_ns", 0, "delay_ns must be"},    {"failures", "tunnels", 4, "tunnels must be"},
                {"failures", "hubs", 4, "hits hubs that are not"}, {"failures", "end_ns", 0, "ends before it begins"}};

    for (size_t i = 0; i < VC_COUNT(rows); i++) {
        json_t *spec = vc_planner_spec(plan, "packet", 1);
        json_t *object = rows[i].list ? json_array_get(json_object_get(spec, rows[i].list), 0) : spec;
        json_object_set_new(object, rows[i].name, json_integer(rows[i].value));
        refused(spec, rows[i].says);
    }
    refused(vc_planner_spec(plan, "frame", 1), "level: must be");
    refused(json_object(), "level: must be");
    refused(json_array(), "level: must be");
}

Test(planner_simulate, what_would_take_days_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    refused(vc_planner_spec(document_usual(ctx, "duration: 10h\nregions: {a: {hubs: 5000, calls: 10}}\n"), "packet", 1),
            "shorten `duration`");
    refused(vc_planner_spec(document_usual(ctx, "regions: {a: {hubs: 101, calls: 1}}\n"), "stack", 1), "100 at most");
}
