#include "ns3/planner_model.h"

#include <math.h>
#include <string.h>

#define YEAR_NS (400 * 86400 * VC_NS_PER_S)
#define BPS_MAX 10000000000000LL

struct member {
    const char *name;
    size_t offset;
    int64_t min, max;
};

#define MEMBER(type, name, min, max)                                                                                   \
    {                                                                                                                  \
#name, offsetof(struct type, name), min, max                                                                   \
    }

static const struct member model_members[] = {
    MEMBER(planner_model, seed, 0, INT64_MAX),
    MEMBER(planner_model, duration_ns, VC_NS_PER_MS, YEAR_NS),
    MEMBER(planner_model, hold_ns, VC_NS_PER_MS, YEAR_NS),
    MEMBER(planner_model, queue_ns, VC_NS_PER_MS, VC_NS_PER_S),
    MEMBER(planner_model, wan_bps, 1000, BPS_MAX),
    MEMBER(planner_model, wan_delay_ns, VC_NS_PER_MS, VC_NS_PER_S),
};

static const struct member codec_members[] = {
    MEMBER(planner_codec, share_ppm, 0, 1000000),
    MEMBER(planner_codec, interval_ns, 10000, VC_NS_PER_S),
    MEMBER(planner_codec, inner, 32, 1500),
    MEMBER(planner_codec, outer, 32, 2000),
};

static const struct member region_members[] = {
    MEMBER(planner_region, hubs, 1, PLANNER_HUBS_MAX),
    MEMBER(planner_region, erlangs_milli, 0, 1000000000),
    MEMBER(planner_region, standing, 0, 1000000),
    MEMBER(planner_region, tunnel_bps, 1000, BPS_MAX),
    MEMBER(planner_region, delay_ns, VC_NS_PER_MS, VC_NS_PER_S),
    MEMBER(planner_region, to_dc1_ppm, 0, 1000000),
};

static const struct member failure_members[] = {
    MEMBER(planner_failure, at_ns, 0, YEAR_NS),
    MEMBER(planner_failure, end_ns, 0, 2 * YEAR_NS),
    MEMBER(planner_failure, failover_ns, 0, YEAR_NS),
    MEMBER(planner_failure, failback_ns, 0, YEAR_NS),
    MEMBER(planner_failure, first, 0, PLANNER_HUBS_MAX),
    MEMBER(planner_failure, hubs, 1, PLANNER_HUBS_MAX),
    MEMBER(planner_failure, tunnels, 1, 3),
    MEMBER(planner_failure, gone, 0, PLANNER_DCS),
};

static int read_members(const json_t *json, const char *what, const struct member *members, size_t count, void *base,
                        vc_error **err)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(json, members[i].name);
        int64_t number = json_integer_value(value);

        if (!json_is_integer(value) || number < members[i].min || number > members[i].max)
            return vc_fail(err, VC_EXIT_USAGE, 0, "%s: %s must be a whole number from %lld to %lld", what,
                           members[i].name, (long long)members[i].min, (long long)members[i].max);
        memcpy((char *)base + members[i].offset, &number, sizeof number);
    }
    return 0;
}

/* The list `name` of `json` into an array of structs. */
static int read_list(const json_t *json, const char *name, const struct member *members, size_t member_count,
                     size_t stride, size_t least, size_t most, void *base, size_t *count, vc_error **err)
{
    const json_t *list = json_object_get(json, name);

    *count = json_array_size(list);
    if (!json_is_array(list) || *count < least || *count > most)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s: %zu of them, must be a list of %zu to %zu", name, *count, least,
                       most);
    for (size_t i = 0; i < *count; i++)
        if (read_members(json_array_get(list, i), name, members, member_count, (char *)base + i * stride, err) < 0)
            return -1;
    return 0;
}

static int read_lists(const json_t *json, struct planner_model *m, vc_error **err)
{
    if (read_list(json, "codecs", codec_members, VC_COUNT(codec_members), sizeof *m->codecs, 1, PLANNER_CODECS,
                  m->codecs, &m->codec_count, err) < 0 ||
        read_list(json, "regions", region_members, VC_COUNT(region_members), sizeof *m->regions, 1, PLANNER_LIST_MAX,
                  m->regions, &m->region_count, err) < 0)
        return -1;
    return read_list(json, "failures", failure_members, VC_COUNT(failure_members), sizeof *m->failures, 0,
                     PLANNER_LIST_MAX, m->failures, &m->failure_count, err);
}

static int settle(struct planner_model *m, vc_error **err)
{
    int64_t shares = 0;

    for (size_t i = 0; i < m->codec_count; i++) {
        struct planner_codec *codec = &m->codecs[i];
        shares += codec->share_ppm;
        codec->inner_bps = codec->inner * 8 * VC_NS_PER_S / codec->interval_ns;
        codec->outer_bps = codec->outer * 8 * VC_NS_PER_S / codec->interval_ns;
    }
    for (size_t i = 0; i < m->region_count; i++) {
        m->regions[i].first = (int64_t)m->hub_count;
        m->hub_count += (size_t)m->regions[i].hubs;
    }
    if (shares != 1000000)
        return vc_fail(err, VC_EXIT_USAGE, 0, "codecs: their shares must make 1000000, not %lld", (long long)shares);
    if (m->hub_count > PLANNER_HUBS_MAX)
        return vc_fail(err, VC_EXIT_USAGE, 0, "regions: %zu hubs, at most %d can be", m->hub_count, PLANNER_HUBS_MAX);
    for (size_t i = 0; i < m->failure_count; i++) {
        const struct planner_failure *f = &m->failures[i];
        if (f->end_ns <= f->at_ns || f->first + f->hubs > (int64_t)m->hub_count)
            return vc_fail(err, VC_EXIT_USAGE, 0,
                           "failures: the one at %lld ns ends before it begins, or hits hubs "
                           "that are not there",
                           (long long)f->at_ns);
    }
    return 0;
}

int planner_model_read(const json_t *json, struct planner_model *model, vc_error **err)
{
    const json_t *dcs = json_object_get(json, "dc_bps");

    *model = (struct planner_model){.level = json_string_value(json_object_get(json, "level"))};
    if (!model->level)
        return vc_fail(err, VC_EXIT_USAGE, 0, "level: must be a text");
    for (size_t i = 0; i < PLANNER_DCS; i++) {
        model->dc_bps[i] = json_integer_value(json_array_get(dcs, i));
        if (model->dc_bps[i] < 1000 || model->dc_bps[i] > BPS_MAX)
            return vc_fail(err, VC_EXIT_USAGE, 0, "dc_bps: must be %d numbers from 1000 to %lld", PLANNER_DCS, BPS_MAX);
    }
    if (read_members(json, "the plan", model_members, VC_COUNT(model_members), model, err) < 0 ||
        read_lists(json, model, err) < 0)
        return -1;
    return settle(model, err);
}

const struct planner_region *planner_region_of(const struct planner_model *model, size_t hub)
{
    size_t i = 0;

    while (i + 1 < model->region_count && (int64_t)hub >= model->regions[i + 1].first)
        i++;
    return &model->regions[i];
}

/* ---- failures ---- */

static int by_time(const void *a, const void *b)
{
    const struct planner_change *x = a, *y = b;

    if (x->at_ns != y->at_ns)
        return x->at_ns < y->at_ns ? -1 : 1;
    return (x->failure > y->failure) - (x->failure < y->failure);
}

struct planner_change *planner_changes(const struct planner_model *model, size_t *count, vc_error **err)
{
    struct planner_change *changes = calloc(4 * model->failure_count + 1, sizeof *changes);

    *count = 0;
    if (!changes) {
        vc_fail(err, VC_EXIT_HOST, 0, "no memory for %zu failures", model->failure_count);
        return NULL;
    }
    for (size_t i = 0; i < model->failure_count; i++) {
        const struct planner_failure *f = &model->failures[i];
        changes[(*count)++] = (struct planner_change){f->at_ns, i, 1, 0};
        changes[(*count)++] = (struct planner_change){f->end_ns, i, -1, 0};
        if (f->at_ns + f->failover_ns >= f->end_ns)
            continue; /* over before BGP noticed */
        changes[(*count)++] = (struct planner_change){f->at_ns + f->failover_ns, i, 0, 1};
        changes[(*count)++] = (struct planner_change){f->end_ns + f->failback_ns, i, 0, -1};
    }
    qsort(changes, *count, sizeof *changes, by_time);
    return changes;
}

void planner_change_apply(const struct planner_model *model, const struct planner_change *change,
                          struct planner_tunnels *tunnels, uint8_t gone[PLANNER_DCS])
{
    const struct planner_failure *f = &model->failures[change->failure];

    for (int t = 0; t < PLANNER_DCS; t++)
        for (int64_t h = f->first; h < f->first + f->hubs && (f->tunnels & (1 << t)); h++) {
            tunnels[h].dead[t] = (uint8_t)(tunnels[h].dead[t] + change->dead);
            tunnels[h].known[t] = (uint8_t)(tunnels[h].known[t] + change->known);
        }
    if (f->gone)
        gone[f->gone - 1] = (uint8_t)(gone[f->gone - 1] + change->known);
}

struct planner_way planner_find_way(const struct planner_tunnels *tunnels, const uint8_t gone[PLANNER_DCS], int dc)
{
    const int other = 1 - dc;

    if (!tunnels->known[dc])
        return (struct planner_way){dc, false, !tunnels->dead[dc]};
    if (!tunnels->known[other])
        return (struct planner_way){other, !gone[dc], !tunnels->dead[other]};
    return (struct planner_way){-1, false, false};
}

/* ---- random numbers ---- */

int planner_random_new(struct planner_random *random, struct vc_ns3 *sim, vc_error **err)
{
    random->sim = sim;
    random->exponential = vc_ns3_stream_new(sim, VC_NS3_EXPONENTIAL, 1, 0, err);
    random->uniform = random->exponential < 0 ? -1 : vc_ns3_stream_new(sim, VC_NS3_UNIFORM, 0, 1, err);
    return random->uniform < 0 ? -1 : 0;
}

double planner_exponential(const struct planner_random *random, double mean)
{
    return mean * vc_ns3_stream_next(random->sim, random->exponential);
}

size_t planner_pick(const struct planner_random *random, size_t count)
{
    size_t i = (size_t)(vc_ns3_stream_next(random->sim, random->uniform) * (double)count);

    return i < count ? i : count - 1;
}

int planner_pick_dc(const struct planner_random *random, const struct planner_region *region)
{
    return (int64_t)planner_pick(random, 1000000) < region->to_dc1_ppm ? 0 : 1;
}

uint8_t planner_pick_codec(const struct planner_random *random, const struct planner_model *model)
{
    int64_t at = (int64_t)planner_pick(random, 1000000);
    uint8_t i = 0;

    while (i + 1U < model->codec_count && at >= model->codecs[i].share_ppm)
        at -= model->codecs[i++].share_ppm;
    return i;
}

/* ---- results ---- */

static const struct {
    const char *name;
    double share;
} quantiles[] = {{"min", 0}, {"p1", 0.01}, {"p5", 0.05}, {"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}, {"max", 1}};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Six decimals: more would be noise in a file that people compare. */
static json_t *number(double value)
{
    return json_real(round(value * 1e6) / 1e6);
}

json_t *planner_percentiles(double *values, size_t count)
{
    json_t *result = count ? json_object() : json_null();
    double sum = 0;

    if (!count)
        return result;
    qsort(values, count, sizeof *values, by_value);
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    for (size_t i = 0; i < VC_COUNT(quantiles); i++)
        json_object_set_new(result, quantiles[i].name,
                            number(values[(size_t)(quantiles[i].share * (double)(count - 1) + 0.5)]));
    json_object_set_new(result, "mean", number(sum / (double)count));
    return result;
}

json_t *planner_percentiles_of(const uint64_t *buckets, size_t count, double width)
{
    uint64_t total = 0, seen = 0;
    double sum = 0;
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        total += buckets[i];
        sum += (double)buckets[i] * (double)i * width;
    }
    if (!total)
        return json_null();
    json_t *result = json_object();
    for (size_t q = 0; q < VC_COUNT(quantiles); q++) {
        uint64_t rank = (uint64_t)(quantiles[q].share * (double)(total - 1) + 0.5);
        while (seen + buckets[at] <= rank)
            seen += buckets[at++];
        json_object_set_new(result, quantiles[q].name, number((double)at * width));
    }
    json_object_set_new(result, "mean", number(sum / (double)total));
    return result;
}
