/*
 * What needs no simulation. Calls that come independently are Poisson's: so many calls of each codec at once on
 * average, with that number as variance; a sum of many is normal. "At most" below is the 99.9 % quantile of that.
 */
#include <math.h>

#include "model/schema.h"
#include "planner/planner.h"

#define QUANTILE 3.0902 /* of the normal distribution, 99.9 % */
#define BLOCKED  0.001

struct load {
    double mean, variance; /* bit/s */
};

static double bps(unsigned bytes, int64_t interval_ns)
{
    return bytes * 8e9 / (double)interval_ns;
}

static double rounded(double value)
{
    return round(value * 1e3) / 1e3;
}

static double at_most(struct load load)
{
    return load.mean + QUANTILE * sqrt(load.variance);
}

/* `erlangs` calls of the mix, and `standing` ones, of which only the first vary. */
static struct load load_of(const struct vc_planner *plan, double erlangs, double standing, bool outer)
{
    struct load load = {0};

    for (size_t i = 0; i < plan->codec_count; i++) {
        const struct vc_planner_codec *c = &plan->codecs[i];
        double share = c->share_ppm / 1e6, rate = bps(outer ? c->outer : c->inner, c->interval_ns);
        load.mean += share * (erlangs + standing) * rate;
        load.variance += share * erlangs * rate * rate;
    }
    return load;
}

double vc_planner_erlangs(unsigned calls, double blocked)
{
    double low = 0, high = calls;

    if (!calls)
        return 0;
    for (int i = 0; i < 60; i++) {
        double a = (low + high) / 2, b = 1;
        for (unsigned n = 1; n <= calls; n++)
            b = a * b / (n + a * b);
        if (b > blocked)
            high = a;
        else
            low = a;
    }
    return low;
}

static json_t *codec_sizes(const struct vc_planner *plan)
{
    json_t *list = json_array();

    for (size_t i = 0; i < plan->codec_count; i++) {
        const struct vc_planner_codec *c = &plan->codecs[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:f, s:f, s:I, s:I, s:f, s:f}", "name", c->name, "share_percent",
                                        c->share_ppm / 1e4, "packets_per_s", rounded(1e9 / (double)c->interval_ns),
                                        "inner_bytes", (json_int_t)c->inner, "outer_bytes", (json_int_t)c->outer,
                                        "inner_kbit", rounded(bps(c->inner, c->interval_ns) / 1e3), "outer_kbit",
                                        rounded(bps(c->outer, c->interval_ns) / 1e3)));
    }
    return list;
}

/* Calls of each codec alone, and of the mix, that fit a tunnel (R6 counts the IP packets inside). */
static json_t *fitting(const struct vc_planner *plan, const struct vc_planner_region *r, unsigned *mix)
{
    json_t *fit = json_object();
    double tunnel = r->tunnel_mbit * 1e6;

    for (size_t i = 0; i < plan->codec_count; i++)
        json_object_set_new(
            fit, plan->codecs[i].name,
            json_integer((json_int_t)(tunnel / bps(plan->codecs[i].inner, plan->codecs[i].interval_ns))));
    *mix = (unsigned)(tunnel / load_of(plan, 1, 0, false).mean);
    json_object_set_new(fit, "mix", json_integer(*mix));
    return fit;
}

static json_t *regions(const struct vc_planner *plan)
{
    json_t *list = json_array();

    for (size_t i = 0; i < plan->region_count; i++) {
        const struct vc_planner_region *r = &plan->regions[i];
        double erlangs = (double)r->erlangs_milli / 1000,
               to[VC_PLANNER_DCS] = {r->to_dc1_ppm / 1e6, 1 - r->to_dc1_ppm / 1e6};
        unsigned mix;
        json_t *fit = fitting(plan, r, &mix);
        struct load one = load_of(plan, erlangs * fmax(to[0], to[1]), r->standing * fmax(to[0], to[1]), false);
        struct load both = load_of(plan, erlangs, r->standing, false);
        json_array_append_new(
            list, json_pack("{s:s, s:I, s:f, s:I, s:o, s:I, s:f, s:f, s:f, s:b, s:b}", "name", r->name, "hubs",
                            (json_int_t)r->hubs, "calls_a_hub", rounded(erlangs + r->standing), "tunnel_mbit",
                            (json_int_t)r->tunnel_mbit, "calls_fit", fit, "calls_fit_after_failover",
                            (json_int_t)(mix / 2), "erlangs_fit", rounded(vc_planner_erlangs(mix, BLOCKED)),
                            "tunnel_at_most_mbit", rounded(at_most(one) / 1e6), "survivor_at_most_mbit",
                            rounded(at_most(both) / 1e6), "tunnel_enough", at_most(one) <= r->tunnel_mbit * 1e6,
                            "survivor_enough", at_most(both) <= r->tunnel_mbit * 1e6));
    }
    return list;
}

/* All hubs' calls to one DC (VC_PLANNER_DCS: to both). */
static struct load all_to(const struct vc_planner *plan, size_t dc, bool outer)
{
    struct load sum = {0};

    for (size_t i = 0; i < plan->region_count; i++) {
        const struct vc_planner_region *r = &plan->regions[i];
        double to_dc1 = r->to_dc1_ppm / 1e6, part = dc == VC_PLANNER_DCS ? 1 : dc ? 1 - to_dc1 : to_dc1;
        struct load load = load_of(plan, r->hubs * (double)r->erlangs_milli / 1000 * part,
                                   (double)r->hubs * r->standing * part, outer);
        sum.mean += load.mean;
        sum.variance += load.variance;
    }
    return sum;
}

static json_t *need(struct load load, unsigned mbit)
{
    return json_pack("{s:f, s:f, s:I, s:b}", "mean_mbit", rounded(load.mean / 1e6), "at_most_mbit",
                     rounded(at_most(load) / 1e6), "capacity_mbit", (json_int_t)mbit, "enough",
                     at_most(load) <= mbit * 1e6);
}

json_t *vc_planner_capacity(const struct vc_planner *plan)
{
    json_t *losses = json_array();

    for (size_t lost = 0; lost < VC_PLANNER_DCS; lost++) {
        const struct vc_planner_dc *survivor = &plan->dcs[1 - lost];
        json_array_append_new(losses,
                              json_pack("{s:s, s:o, s:s, s:o}", "lost", plan->dcs[lost].name, "wan",
                                        need(all_to(plan, lost, false), plan->wan_mbit), "survivor", survivor->name,
                                        "edge", need(all_to(plan, VC_PLANNER_DCS, true), survivor->mbit)));
    }
    return json_pack("{s:o, s:o, s:o}", "codecs", codec_sizes(plan), "regions", regions(plan), "when_a_dc_is_lost",
                     losses);
}
