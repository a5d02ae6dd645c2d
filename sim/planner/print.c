/* The result for people. */
#include <math.h>
#include <string.h>

#include "model/schema.h"
#include "planner/planner.h"

static double number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static double quantile(const json_t *object, const char *name, const char *quantile_name)
{
    const json_t *value = json_object_get(json_object_get(object, name), quantile_name);

    return value ? json_number_value(value) : NAN;
}

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value ? value : "";
}

static const char *enough(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name)) ? "enough" : "TOO SMALL";
}

static void print_codecs(const json_t *capacity, FILE *out)
{
    const json_t *codec;
    size_t i;

    fprintf(out, "\nA call, in each direction      packets/s   in the tunnel         as ESP outside\n");
    json_array_foreach(json_object_get(capacity, "codecs"), i, codec) fprintf(
        out, "  %-8s %5.4g %% of calls %12.4g   %4.0f B %8.5g kbit/s  %4.0f B %8.5g kbit/s\n", text(codec, "name"),
        number(codec, "share_percent"), number(codec, "packets_per_s"), number(codec, "inner_bytes"),
        number(codec, "inner_kbit"), number(codec, "outer_bytes"), number(codec, "outer_kbit"));
}

static void print_region(const json_t *region, FILE *out)
{
    json_t *fit = json_object_get(region, "calls_fit"), *calls;
    const char *name;

    fprintf(out, "  %s: %.0f hubs of %.6g calls; a tunnel of %.0f Mbit/s carries", text(region, "name"),
            number(region, "hubs"), number(region, "calls_a_hub"), number(region, "tunnel_mbit"));
    json_object_foreach(fit, name, calls)
        fprintf(out, "%s %lld %s", strcmp(name, "mix") != 0 ? "" : " or", (long long)json_integer_value(calls), name);
    fprintf(out, " calls (%.6g Erlang with 0.1 %% blocked)\n", number(region, "erlangs_fit"));
    fprintf(out,
            "    both tunnels up: at most %.5g Mbit/s in the fuller one, %s; one left: %.5g Mbit/s, %s"
            " (plan for %.0f calls a tunnel)\n",
            number(region, "tunnel_at_most_mbit"), enough(region, "tunnel_enough"),
            number(region, "survivor_at_most_mbit"), enough(region, "survivor_enough"),
            number(region, "calls_fit_after_failover"));
}

static void print_need(const char *what, const json_t *need, FILE *out)
{
    fprintf(out, "    %s: %.6g Mbit/s on average, at most %.6g, has %.0f: %s\n", what, number(need, "mean_mbit"),
            number(need, "at_most_mbit"), number(need, "capacity_mbit"), enough(need, "enough"));
}

static void print_capacity(const json_t *capacity, FILE *out)
{
    const json_t *item;
    size_t i;

    print_codecs(capacity, out);
    fprintf(out, "\nHow many calls fit (99.9 %% of the time)\n");
    json_array_foreach(json_object_get(capacity, "regions"), i, item) print_region(item, out);
    fprintf(out, "\nWhat the backup by the /24 needs (99.9 %% of the time)\n");
    json_array_foreach(json_object_get(capacity, "when_a_dc_is_lost"), i, item)
    {
        fprintf(out, "  %s lost at every hub, its servers reached through %s\n", text(item, "lost"),
                text(item, "survivor"));
        print_need("WAN", json_object_get(item, "wan"), out);
        print_need("edge of the survivor", json_object_get(item, "edge"), out);
    }
}

/* ---- simulation ---- */

/* Measured times have nanoseconds, which nobody reads. */
static char *to_ms(double ns)
{
    return vc_duration_text(NULL, llround(ns / (double)VC_NS_PER_MS) * VC_NS_PER_MS);
}

static void print_times(const json_t *phase, FILE *out)
{
    VC_AUTO_TALLOC char *begin = to_ms(number(phase, "begin_ns"));
    VC_AUTO_TALLOC char *end = to_ms(number(phase, "end_ns"));

    fprintf(out, "  %s to %s: %s\n", number(phase, "begin_ns") > 0 ? begin : "0 s", end, text(phase, "name"));
}

static void print_shared(const json_t *result, const json_t *phase, FILE *out)
{
    static const char *const keys[] = {"dc1", "dc2", "wan_from_dc1", "wan_from_dc2"};

    fputs("    ", out);
    for (size_t i = 0; i < VC_COUNT(keys); i++) {
        const json_t *shared = json_object_get(phase, keys[i]);
        const char *dc = json_string_value(json_array_get(json_object_get(result, "dcs"), i % 2));
        if (number(shared, "peak_bps") > 0)
            fprintf(out, "%s%s %.5g Mbit/s (peak %.5g, %.3g %% lost)  ", i < 2 ? "edge " : "WAN from ", dc,
                    number(shared, "mean_bps") / 1e6, number(shared, "peak_bps") / 1e6, number(shared, "loss_percent"));
    }
    fputs("\n", out);
}

static void print_call_phase(const json_t *result, const json_t *phase, FILE *out)
{
    print_times(phase, out);
    fprintf(out, "    %.0f calls: %.0f silent, %.0f by the WAN; %.0f hubs with a full tunnel\n", number(phase, "calls"),
            number(phase, "silent"), number(phase, "by_wan"), number(phase, "hubs_overloaded"));
    if (json_is_object(json_object_get(phase, "mos")))
        fprintf(
            out,
            "    tunnels %.3g %% used (99 %%: %.3g %%, worst %.3g %%), loss %.3g %% (%.3g, %.3g), delay %.4g ms (%.4g, "
            "%.4g), MOS %.2f (1 %%: %.2f, worst %.2f)\n",
            100 * quantile(phase, "utilisation", "p50"), 100 * quantile(phase, "utilisation", "p99"),
            100 * quantile(phase, "utilisation", "max"), quantile(phase, "loss_percent", "p50"),
            quantile(phase, "loss_percent", "p99"), quantile(phase, "loss_percent", "max"),
            quantile(phase, "delay_ms", "p50"), quantile(phase, "delay_ms", "p99"), quantile(phase, "delay_ms", "max"),
            quantile(phase, "mos", "p50"), quantile(phase, "mos", "p1"), quantile(phase, "mos", "min"));
    print_shared(result, phase, out);
}

static void print_packet_phase(const json_t *result VC_UNUSED, const json_t *phase, FILE *out)
{
    const json_t *lost = json_object_get(phase, "lost");

    print_times(phase, out);
    fprintf(out,
            "    %.0f packets: %.0f arrived; lost: %.0f in silence, %.0f in tunnels, %.0f at the DCs' edges, %.0f in "
            "the WAN\n",
            number(phase, "sent"), number(phase, "arrived"), number(lost, "dark"), number(lost, "tunnel"),
            number(lost, "dc"), number(lost, "wan"));
    if (json_is_object(json_object_get(phase, "packet_delay_ms")))
        fprintf(out, "    delay %.0f ms (99 %%: %.0f ms, worst %.0f ms)\n", quantile(phase, "packet_delay_ms", "p50"),
                quantile(phase, "packet_delay_ms", "p99"), quantile(phase, "packet_delay_ms", "max"));
}

static void print_calls(const json_t *calls, FILE *out)
{
    static const struct {
        const char *key, *what, *worse, *worst;
    } rows[] = {{"loss_percent", "loss, %", "p99", "max"},
                {"delay_ms", "delay, ms", "p99", "max"},
                {"mos", "MOS", "p1", "min"},
                {"longest_silence_ms", "longest silence, ms", "p99", "max"}};

    fprintf(out, "  %.0f calls, %.0f of them silenced by a failure\n    %-20s %10s %10s %10s %10s\n",
            number(calls, "count"), number(calls, "silenced"), "", "median", "5 % worse", "1 % worse", "worst");
    for (size_t i = 0; i < VC_COUNT(rows); i++)
        fprintf(out, "    %-20s %10.4g %10.4g %10.4g %10.4g\n", rows[i].what, quantile(calls, rows[i].key, "p50"),
                quantile(calls, rows[i].key, strcmp(rows[i].worse, "p1") != 0 ? "p95" : "p5"),
                quantile(calls, rows[i].key, rows[i].worse), quantile(calls, rows[i].key, rows[i].worst));
}

static void print_simulation(const json_t *result, const json_t *simulation, FILE *out)
{
    bool packets = !strcmp(text(simulation, "level"), "packet");
    const json_t *phase;
    size_t i;

    fprintf(out, "\nSimulated (%s level, seed %.0f; %.0f bytes a hub and %.0f a call)\n", text(simulation, "level"),
            number(result, "seed"), number(simulation, "hub_bytes"), number(simulation, "call_bytes"));
    json_array_foreach(json_object_get(simulation, "phases"), i,
                       phase)(packets ? print_packet_phase : print_call_phase)(result, phase, out);
    if (packets)
        print_calls(json_object_get(simulation, "calls"), out);
}

static void print_verify(const json_t *verify, FILE *out)
{
    fprintf(
        out,
        "\nCompared with ns-3's own Internet stack: %.0f of %.0f packets arrived there, %.0f here: %.4g %% apart: %s\n",
        number(verify, "stack_arrived"), number(verify, "sent"), number(verify, "arrived"),
        number(verify, "apart_percent"), json_is_true(json_object_get(verify, "agree")) ? "they agree" : "TOO FAR");
}

void vc_planner_print(const json_t *result, FILE *out)
{
    const json_t *simulation = json_object_get(result, "simulation"), *verify = json_object_get(result, "verify");

    fprintf(out, "%s: %.0f hubs\n", text(result, "plan"), number(result, "hubs"));
    print_capacity(json_object_get(result, "capacity"), out);
    if (json_is_object(simulation))
        print_simulation(result, simulation, out);
    if (verify)
        print_verify(verify, out);
}
