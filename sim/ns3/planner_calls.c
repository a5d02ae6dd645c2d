/*
 * Level "call": events are calls that begin and end. What is offered to a tunnel, to a DC's edge and to the WAN is the
 * sum of its calls' rates; what is above the capacity is lost, evenly.
 *
 * Calls come as a Poisson process and last an exponential time, so a region needs one pending event only: the next
 * arrival or end of any of its calls (whose is drawn then). Rates are whole bit/s, so sums never drift however long the
 * run is. A call costs eight bytes, a hub sizeof(struct hub).
 */
#include <math.h>
#include <string.h>

#include "ns3/planner_model.h"
#include "probe/emodel.h"

struct hub {
    int64_t inner[PLANNER_DCS], outer[PLANNER_DCS]; /* offered to each DC, bit/s */
    int64_t since_ns;                               /* the sums below are up to then */
    double offered[PLANNER_DCS], lost[PLANNER_DCS]; /* by each tunnel in this phase, bits */
    double over_s[PLANNER_DCS];                     /* its queue was full for so long in this phase */
    uint32_t calls[PLANNER_DCS];
};

struct call {
    uint32_t hub;
    uint8_t dc, codec;
};

/* What all hubs share: the edges of the DCs, then the WAN from each of them. */
enum { EDGE, WAN = PLANNER_DCS, SHARED = WAN + PLANNER_DCS };

struct shared {
    int64_t now_bps, capacity_bps, peak_bps, since_ns;
    double offered, lost, over_s;
};

struct level;

struct population {
    struct level *level;
    const struct planner_region *region;
    struct call *calls;
    size_t count, room;
    double erlangs;
};

struct level {
    const struct planner_model *model;
    struct vc_ns3 *sim;
    struct planner_random random;
    struct hub *hubs;
    struct planner_tunnels *tunnels;
    uint8_t gone[PLANNER_DCS];
    struct shared shared[SHARED];
    struct population populations[PLANNER_LIST_MAX];
    struct planner_change *changes;
    size_t change_count, change;
    int64_t phase_ns;
    json_t *phases, *series;
    double *values;
    uint64_t begun, ended, most;
    vc_error *failure;
};

static void fail(struct level *level, const char *what)
{
    if (!level->failure)
        vc_fail(&level->failure, VC_EXIT_HOST, 0, "%s", what);
    vc_ns3_stop(level->sim, NULL);
}

/* ---- sums ---- */

/* What a hub puts on everything it shares. */
static void contribution(const struct level *level, size_t h, int64_t put[SHARED])
{
    const struct hub *hub = &level->hubs[h];
    const int64_t capacity = planner_region_of(level->model, h)->tunnel_bps;
    struct planner_way way[PLANNER_DCS];
    int64_t tunnel[PLANNER_DCS] = {0};

    memset(put, 0, SHARED * sizeof *put);
    for (int d = 0; d < PLANNER_DCS; d++) {
        way[d] = planner_find_way(&level->tunnels[h], level->gone, d);
        if (way[d].arrives)
            tunnel[way[d].tunnel] += hub->inner[d];
    }
    for (int d = 0; d < PLANNER_DCS; d++) {
        if (!way[d].arrives)
            continue;
        int64_t in = tunnel[way[d].tunnel];
        double part = in > capacity ? (double)capacity / (double)in : 1;
        put[EDGE + way[d].tunnel] += llround((double)hub->outer[d] * part);
        if (way[d].wan)
            put[WAN + way[d].tunnel] += llround((double)hub->inner[d] * part);
    }
}

static void share(struct level *level, const int64_t put[SHARED], int sign, int64_t now)
{
    for (int i = 0; i < SHARED; i++) {
        struct shared *s = &level->shared[i];
        double seconds = (double)(now - s->since_ns) / 1e9;
        s->offered += (double)s->now_bps * seconds;
        if (s->now_bps > s->capacity_bps) {
            s->lost += (double)(s->now_bps - s->capacity_bps) * seconds;
            s->over_s += seconds;
        }
        s->since_ns = now;
        s->now_bps += sign * put[i];
        if (sign > 0 && s->now_bps > s->peak_bps)
            s->peak_bps = s->now_bps;
    }
}

/* Brings the hub's sums up to now. */
static void settle(struct level *level, size_t h, int64_t now)
{
    struct hub *hub = &level->hubs[h];
    const int64_t capacity = planner_region_of(level->model, h)->tunnel_bps;
    double seconds = (double)(now - hub->since_ns) / 1e9;
    int64_t load[PLANNER_DCS] = {0};

    for (int d = 0; d < PLANNER_DCS; d++) {
        struct planner_way way = planner_find_way(&level->tunnels[h], level->gone, d);
        if (way.arrives)
            load[way.tunnel] += hub->inner[d];
    }
    for (int t = 0; t < PLANNER_DCS; t++) {
        hub->offered[t] += (double)load[t] * seconds;
        if (load[t] > capacity) {
            hub->lost[t] += (double)(load[t] - capacity) * seconds;
            hub->over_s[t] += seconds;
        }
    }
    hub->since_ns = now;
}

static void change_call(struct level *level, const struct call *call, int sign)
{
    const struct planner_codec *codec = &level->model->codecs[call->codec];
    struct hub *hub = &level->hubs[call->hub];
    int64_t now = vc_ns3_now(level->sim), put[SHARED];

    settle(level, call->hub, now);
    contribution(level, call->hub, put);
    share(level, put, -1, now);
    hub->inner[call->dc] += sign * codec->inner_bps;
    hub->outer[call->dc] += sign * codec->outer_bps;
    hub->calls[call->dc] += (uint32_t)sign;
    contribution(level, call->hub, put);
    share(level, put, 1, now);
}

/* ---- calls ---- */

static bool begin(struct population *p, struct call call)
{
    if (p->count == p->room) {
        size_t room = p->room ? p->room + p->room / 2 : 1024;
        struct call *calls = realloc(p->calls, room * sizeof *calls);
        if (!calls) {
            fail(p->level, "no memory for so many calls");
            return false;
        }
        p->calls = calls;
        p->room = room;
    }
    p->calls[p->count++] = call;
    change_call(p->level, &call, 1);
    return true;
}

static struct call draw_call(struct population *p)
{
    const struct planner_random *random = &p->level->random;
    size_t hub = (size_t)p->region->first + planner_pick(random, (size_t)p->region->hubs);

    return (struct call){(uint32_t)hub, (uint8_t)planner_pick_dc(random, p->region),
                         planner_pick_codec(random, p->level->model)};
}

static void next_event(void *arg);

static void schedule_next(struct population *p)
{
    double hold = (double)p->level->model->hold_ns, active = (double)p->count;
    VC_AUTO_ERROR *err = NULL;

    double mean = hold / (p->erlangs + active);
    if (vc_ns3_schedule(p->level->sim, (int64_t)planner_exponential(&p->level->random, mean), next_event, p, &err) < 0)
        fail(p->level, err->message);
}

static void next_event(void *arg)
{
    struct population *p = arg;
    double total = p->erlangs + (double)p->count;
    double at = vc_ns3_stream_next(p->level->sim, p->level->random.uniform) * total;

    if (at < p->erlangs || !p->count) {
        p->level->begun++;
        begin(p, draw_call(p));
    } else {
        size_t i = planner_pick(&p->level->random, p->count);
        struct call call = p->calls[i];
        p->calls[i] = p->calls[--p->count];
        p->level->ended++;
        change_call(p->level, &call, -1);
    }
    schedule_next(p);
}

/* The calls that never end: so many a hub, split as the plan says, codecs by their shares. */
static bool begin_standing(struct population *p)
{
    const struct planner_model *m = p->level->model;
    int64_t to_dc1 = (p->region->standing * p->region->to_dc1_ppm + 500000) / 1000000;
    bool good = true;

    for (int64_t h = 0; h < p->region->hubs && good; h++)
        for (int64_t c = 0; c < p->region->standing && good; c++) {
            int64_t at = (2 * c + 1) * 500000 / p->region->standing;
            uint8_t codec = 0;
            while (codec + 1U < m->codec_count && at >= m->codecs[codec].share_ppm)
                at -= m->codecs[codec++].share_ppm;
            good = begin(p, (struct call){(uint32_t)(p->region->first + h), c >= to_dc1, codec});
        }
    return good;
}

/* As if calls had come forever: their number is Poisson's, each is anywhere. */
static bool populate(struct population *p)
{
    bool good = begin_standing(p);

    if (p->erlangs <= 0)
        return good;
    double at = planner_exponential(&p->level->random, 1);
    while (at < p->erlangs && good) {
        good = begin(p, draw_call(p));
        at += planner_exponential(&p->level->random, 1);
    }
    schedule_next(p);
    return good;
}

/* ---- phases ---- */

enum { UTILISATION, LOSS, DELAY, MOS, MEASURES };
static const char *const measures[] = {"utilisation", "loss_percent", "delay_ms", "mos"};

static double lost_share(double lost, double offered)
{
    return offered > 0 ? lost / offered : 0;
}

static double over_share(double over_s, double seconds)
{
    return seconds > 0 ? over_s / seconds : 0;
}

/* One hub's calls to one DC in this phase; false: it had none, or they were silent. */
static bool judge(const struct level *level, size_t h, int dc, double seconds, double value[MEASURES])
{
    const struct hub *hub = &level->hubs[h];
    const struct planner_region *region = planner_region_of(level->model, h);
    struct planner_way way = planner_find_way(&level->tunnels[h], level->gone, dc);

    if (!way.arrives || hub->offered[way.tunnel] <= 0)
        return false;
    const int t = way.tunnel;
    const struct shared *edge = &level->shared[EDGE + t], *wan = &level->shared[WAN + t];
    double queue_ms = (double)level->model->queue_ns / 1e6;
    double passed = (1 - lost_share(hub->lost[t], hub->offered[t])) * (1 - lost_share(edge->lost, edge->offered));
    double delay = (double)region->delay_ns / 1e6 + queue_ms * over_share(hub->over_s[t], seconds) +
                   queue_ms * over_share(edge->over_s, seconds);
    if (way.wan) {
        passed *= 1 - lost_share(wan->lost, wan->offered);
        delay += (double)level->model->wan_delay_ns / 1e6 + queue_ms * over_share(wan->over_s, seconds);
    }
    value[UTILISATION] = hub->offered[t] / seconds / (double)region->tunnel_bps;
    value[LOSS] = 100 * (1 - passed);
    value[DELAY] = delay;
    value[MOS] = vc_emodel_mos(vc_emodel_r(delay, value[LOSS], 1, true));
    return true;
}

static void add_measures(struct level *level, json_t *phase, double seconds)
{
    uint64_t over = 0;

    for (int m = 0; m < MEASURES; m++) {
        size_t count = 0;
        for (size_t h = 0; h < level->model->hub_count; h++)
            for (int dc = 0; dc < PLANNER_DCS; dc++) {
                double value[MEASURES];
                if (judge(level, h, dc, seconds, value))
                    level->values[count++] = value[m];
            }
        json_object_set_new(phase, measures[m], planner_percentiles(level->values, count));
    }
    for (size_t h = 0; h < level->model->hub_count; h++)
        over += level->hubs[h].over_s[0] > 0 || level->hubs[h].over_s[1] > 0;
    json_object_set_new(phase, "hubs_overloaded", json_integer((json_int_t)over));
}

static void add_shared(const struct level *level, json_t *phase, double seconds)
{
    static const char *const names[SHARED] = {"dc1", "dc2", "wan_from_dc1", "wan_from_dc2"};

    for (int i = 0; i < SHARED; i++) {
        const struct shared *s = &level->shared[i];
        json_object_set_new(phase, names[i],
                            json_pack("{s:I, s:I, s:f}", "mean_bps", (json_int_t)llround(s->offered / seconds),
                                      "peak_bps", (json_int_t)s->peak_bps, "loss_percent",
                                      round(1e8 * lost_share(s->lost, s->offered)) / 1e6));
    }
}

/* Calls that are on at this moment, and those of them that nobody hears. */
static void add_calls(const struct level *level, json_t *phase)
{
    uint64_t on = 0, silent = 0, detour = 0;

    for (size_t h = 0; h < level->model->hub_count; h++)
        for (int dc = 0; dc < PLANNER_DCS; dc++) {
            struct planner_way way = planner_find_way(&level->tunnels[h], level->gone, dc);
            uint32_t calls = level->hubs[h].calls[dc];
            on += calls;
            silent += way.arrives ? 0 : calls;
            detour += way.arrives && way.wan ? calls : 0;
        }
    json_object_set_new(phase, "calls", json_integer((json_int_t)on));
    json_object_set_new(phase, "silent", json_integer((json_int_t)silent));
    json_object_set_new(phase, "by_wan", json_integer((json_int_t)detour));
}

static void end_phase(struct level *level)
{
    int64_t now = vc_ns3_now(level->sim);
    const int64_t nothing[SHARED] = {0};
    double seconds = (double)(now - level->phase_ns) / 1e9;

    if (now == level->phase_ns)
        return;
    json_t *phase = json_array_get(level->phases, json_array_size(level->phases) - 1);
    share(level, nothing, 1, now);
    for (size_t h = 0; h < level->model->hub_count; h++)
        settle(level, h, now);
    json_object_set_new(phase, "end_ns", json_integer(now));
    add_measures(level, phase, seconds);
    add_shared(level, phase, seconds);
}

static void begin_phase(struct level *level)
{
    int64_t now = vc_ns3_now(level->sim), put[SHARED];
    json_t *phase = json_pack("{s:I}", "begin_ns", (json_int_t)now);

    if (now == level->phase_ns && json_array_size(level->phases))
        json_array_remove(level->phases, json_array_size(level->phases) - 1);
    level->phase_ns = now;
    for (int i = 0; i < SHARED; i++)
        level->shared[i] = (struct shared){.capacity_bps = level->shared[i].capacity_bps, .since_ns = now};
    for (size_t h = 0; h < level->model->hub_count; h++) {
        struct hub *hub = &level->hubs[h];
        memset(hub->offered, 0, sizeof hub->offered);
        memset(hub->lost, 0, sizeof hub->lost);
        memset(hub->over_s, 0, sizeof hub->over_s);
        hub->since_ns = now;
        contribution(level, h, put);
        share(level, put, 1, now);
    }
    add_calls(level, phase);
    json_array_append_new(level->phases, phase);
}

static void next_change(void *arg)
{
    struct level *level = arg;
    int64_t now = vc_ns3_now(level->sim);

    end_phase(level);
    while (level->change < level->change_count && level->changes[level->change].at_ns <= now)
        planner_change_apply(level->model, &level->changes[level->change++], level->tunnels, level->gone);
    begin_phase(level);
    if (level->change < level->change_count && level->changes[level->change].at_ns < level->model->duration_ns)
        vc_ns3_schedule(level->sim, level->changes[level->change].at_ns - now, next_change, level, NULL);
}

static void sample(void *arg)
{
    struct level *level = arg;
    int64_t wan_bps = level->shared[WAN].now_bps + level->shared[WAN + 1].now_bps;
    uint64_t calls = 0;

    for (size_t i = 0; i < level->model->region_count; i++)
        calls += level->populations[i].count;
    level->most = calls > level->most ? calls : level->most;
    json_array_append_new(level->series, json_pack("[I, I, I, I, I]", (json_int_t)vc_ns3_now(level->sim),
                                                   (json_int_t)level->shared[EDGE].now_bps,
                                                   (json_int_t)level->shared[EDGE + 1].now_bps, (json_int_t)wan_bps,
                                                   (json_int_t)calls));
    vc_ns3_schedule(level->sim, level->model->duration_ns / PLANNER_SAMPLES, sample, level, NULL);
}

/* ---- the whole ---- */

static int open_level(struct level *level, const struct planner_model *model, vc_error **err)
{
    level->model = model;
    level->hubs = calloc(model->hub_count, sizeof *level->hubs);
    level->tunnels = calloc(model->hub_count, sizeof *level->tunnels);
    level->values = calloc(model->hub_count * PLANNER_DCS, sizeof *level->values);
    level->changes = planner_changes(model, &level->change_count, err);
    level->phases = json_array();
    level->series = json_array();
    if (!level->hubs || !level->tunnels || !level->values || !level->changes)
        return vc_fail(err, VC_EXIT_HOST, 0, "no memory for %zu hubs", model->hub_count);
    for (int dc = 0; dc < PLANNER_DCS; dc++) {
        level->shared[EDGE + dc].capacity_bps = model->dc_bps[dc];
        level->shared[WAN + dc].capacity_bps = model->wan_bps;
    }
    for (size_t i = 0; i < model->region_count; i++)
        level->populations[i] = (struct population){.level = level,
                                                    .region = &model->regions[i],
                                                    .erlangs = (double)model->regions[i].erlangs_milli / 1000 *
                                                               (double)model->regions[i].hubs};
    return planner_random_new(&level->random, level->sim, err);
}

static void close_level(struct level *level)
{
    for (size_t i = 0; i < PLANNER_LIST_MAX; i++)
        free(level->populations[i].calls);
    free(level->hubs);
    free(level->tunnels);
    free(level->values);
    free(level->changes);
    json_decref(level->phases);
    json_decref(level->series);
    vc_error_free(level->failure);
}

static json_t *play(struct level *level, vc_error **err)
{
    const size_t hub_bytes = sizeof *level->hubs + sizeof *level->tunnels;

    begin_phase(level);
    for (size_t i = 0; i < level->model->region_count && !level->failure; i++)
        populate(&level->populations[i]);
    add_calls(level, json_array_get(level->phases, 0));
    sample(level);
    if (level->change_count && level->changes[0].at_ns < level->model->duration_ns)
        vc_ns3_schedule(level->sim, level->changes[0].at_ns, next_change, level, NULL);
    if (vc_ns3_run(level->sim, level->model->duration_ns, err) < 0)
        return NULL;
    if (level->failure) {
        vc_error_move(err, &level->failure);
        return NULL;
    }
    end_phase(level);
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:O, s:O}", "level", "call", "events",
                     (json_int_t)vc_ns3_events(level->sim), "calls_begun", (json_int_t)level->begun, "calls_ended",
                     (json_int_t)level->ended, "calls_at_once", (json_int_t)level->most, "hub_bytes",
                     (json_int_t)hub_bytes, "call_bytes", (json_int_t)sizeof(struct call), "phases", level->phases,
                     "series", level->series);
}

json_t *planner_calls_run(const struct planner_model *model, vc_error **err)
{
    const struct vc_ns3_config config = {.seed = (uint32_t)(model->seed % VC_NS3_SEED_MAX) + 1,
                                         .run = (uint64_t)(model->seed / VC_NS3_SEED_MAX)};
    static struct level level;

    level = (struct level){.sim = vc_ns3_new(&config, err)};
    if (!level.sim)
        return NULL;
    json_t *result = open_level(&level, model, err) < 0 ? NULL : play(&level, err);
    vc_ns3_free(level.sim, NULL);
    close_level(&level);
    return result;
}
