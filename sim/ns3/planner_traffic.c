#include "ns3/planner_traffic.h"

#include <math.h>

#define PACKETS_MAX 2e9

enum { LATE_SHARE = 20 };

/* splitmix64's finish: a random number of the call and the time, without a state to keep. */
static uint64_t scatter(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

void planner_call_next(struct planner_call *call, size_t number, int64_t interval_ns)
{
    call->clock_ns += interval_ns;
    uint64_t random = scatter((uint64_t)call->clock_ns * 0x9e3779b97f4a7c15U + number);
    call->next_ns = call->clock_ns + (int64_t)(random % ((uint64_t)interval_ns / LATE_SHARE));
}

struct draw {
    const struct planner_model *model;
    const struct planner_random *random;
    struct planner_traffic *traffic;
    size_t room;
    double packets;
};

static int add(struct draw *d, struct planner_call call, vc_error **err)
{
    const struct planner_codec *codec = &d->model->codecs[call.codec];
    int64_t begin = call.next_ns;

    if (d->traffic->count == d->room) {
        size_t room = d->room ? 2 * d->room : 1024;
        struct planner_call *calls = realloc(d->traffic->calls, room * sizeof *calls);
        if (!calls)
            return vc_fail(err, VC_EXIT_HOST, 0, "no memory for %zu calls", room);
        d->traffic->calls = calls;
        d->room = room;
    }
    call.end_ns = call.end_ns < d->model->duration_ns ? call.end_ns : d->model->duration_ns;
    call.last_ns = begin;
    /* Where in its interval a call's packets fall is as random as when it began. */
    call.clock_ns = begin + (int64_t)planner_pick(d->random, (size_t)codec->interval_ns) - codec->interval_ns;
    planner_call_next(&call, d->traffic->count, codec->interval_ns);
    d->packets += (double)(call.end_ns - begin) / (double)codec->interval_ns;
    if (d->packets > PACKETS_MAX)
        return vc_fail(err, VC_EXIT_USAGE, 0, "more than %.0f packets: shorten `duration`, or use --level call",
                       PACKETS_MAX);
    d->traffic->calls[d->traffic->count++] = call;
    return 0;
}

static int add_standing(struct draw *d, const struct planner_region *region, vc_error **err)
{
    int64_t to_dc1 = (region->standing * region->to_dc1_ppm + 500000) / 1000000;

    for (int64_t h = 0; h < region->hubs; h++)
        for (int64_t c = 0; c < region->standing; c++) {
            int64_t at = (2 * c + 1) * 500000 / region->standing;
            uint8_t codec = 0;
            while (codec + 1U < d->model->codec_count && at >= d->model->codecs[codec].share_ppm)
                at -= d->model->codecs[codec++].share_ppm;
            struct planner_call call = {.hub = (uint32_t)(region->first + h),
                                        .dc = c >= to_dc1,
                                        .codec = codec,
                                        .end_ns = d->model->duration_ns};
            if (add(d, call, err) < 0)
                return -1;
        }
    return 0;
}

static int add_drawn(struct draw *d, const struct planner_region *region, int64_t begin_ns, vc_error **err)
{
    size_t hub = (size_t)region->first + planner_pick(d->random, (size_t)region->hubs);
    int dc = planner_pick_dc(d->random, region);
    uint8_t codec = planner_pick_codec(d->random, d->model);
    double hold = planner_exponential(d->random, (double)d->model->hold_ns);
    int64_t left = hold < (double)d->model->duration_ns ? (int64_t)hold : d->model->duration_ns;

    return add(
        d,
        (struct planner_call){
            .hub = (uint32_t)hub, .dc = (uint8_t)dc, .codec = codec, .next_ns = begin_ns, .end_ns = begin_ns + left},
        err);
}

static int add_region(struct draw *d, const struct planner_region *region, vc_error **err)
{
    double erlangs = (double)region->erlangs_milli / 1000 * (double)region->hubs;
    double mean = erlangs > 0 ? (double)d->model->hold_ns / erlangs : 0;

    if (add_standing(d, region, err) < 0)
        return -1;
    if (erlangs <= 0)
        return 0;
    double at = planner_exponential(d->random, 1);
    while (at < erlangs) {
        if (add_drawn(d, region, 0, err) < 0)
            return -1;
        at += planner_exponential(d->random, 1);
    }
    at = planner_exponential(d->random, mean);
    while (at < (double)d->model->duration_ns) {
        if (add_drawn(d, region, (int64_t)at, err) < 0)
            return -1;
        at += planner_exponential(d->random, mean);
    }
    return 0;
}

int planner_traffic_draw(const struct planner_model *model, const struct planner_random *random,
                         struct planner_traffic *traffic, vc_error **err)
{
    struct draw d = {.model = model, .random = random, .traffic = traffic};

    *traffic = (struct planner_traffic){0};
    for (size_t i = 0; i < model->region_count; i++)
        if (add_region(&d, &model->regions[i], err) < 0)
            return -1;
    return 0;
}
