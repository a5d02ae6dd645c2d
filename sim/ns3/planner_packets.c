/*
 * Level "packet": each packet waits in its tunnel's queue, in that of the DC's edge and, on the backup path, in the
 * WAN's. A queue is first in, first out, and drops what would wait longer than it holds.
 *
 * One event for many packets, as with the wires: every tunnel and the WAN take at least a slice (a millisecond), so
 * what happens within one slice at one place cannot be changed by what happens elsewhere in it. Each slice is one event
 * of ns-3's; in it the packets of each place are put in order of time and served. The order is exactly that of an event
 * for each packet, at a tenth of the cost. A failure within a slice divides it.
 */
#include <math.h>
#include <string.h>

#include "ns3/planner_bin.h"
#include "ns3/planner_traffic.h"
#include "probe/emodel.h"

enum { SLICES = 4096, WAN = PLANNER_DCS, PLACES = WAN + PLANNER_DCS, DELAY_BUCKETS = 4096 };
#define SLICE_NS    VC_NS_PER_MS
#define PS          1000LL /* in a nanosecond */
#define DELAY_WIDTH 1.0    /* ms */

struct queue {
    int64_t free_ps; /* the last byte in it has left by then; finer than the rest: 200 bytes at 100 Gbit/s are 16 ns */
};

enum cause { DARK, TUNNEL, EDGE, WAN_QUEUE, CAUSES };
static const char *const causes[] = {"dark", "tunnel", "dc", "wan"};

struct phase {
    int64_t begin_ns;
    uint64_t sent, arrived, lost[CAUSES], delay[DELAY_BUCKETS];
};

struct level {
    const struct planner_model *model;
    struct vc_ns3 *sim;
    struct planner_traffic traffic;
    struct planner_tunnels *tunnels;
    struct queue *hub_queues;    /* two for each hub */
    struct queue places[PLACES]; /* the DCs' edges, then the WAN from each of them */
    uint8_t gone[PLANNER_DCS];
    struct planner_bin arrivals[PLACES][SLICES]; /* at a place, by the slice of their time */
    struct planner_bin senders[SLICES]; /* calls (as packets not yet sent), by the slice of their next packet */
    struct planner_bin now;             /* packets sent in this slice */
    struct planner_order order;
    uint64_t waiting; /* in all bins */
    struct planner_change *changes;
    size_t change_count, change;
    struct phase *phases;
    size_t phase_count;
    int64_t bits[PLACES]; /* offered in this sample */
    json_t *series;
    vc_error *failure;
};

static bool push(struct level *level, struct planner_bin *bin, struct planner_packet packet)
{
    if (planner_bin_add(bin, packet, &level->failure) < 0)
        return false;
    level->waiting++;
    return true;
}

/*
 * When a packet that comes now has left the queue, or -1: it finds the queue full. What is being sent has left the
 * queue; so much of the backlog is taken for it as would be with packets of one size.
 */
static int64_t serve(struct queue *queue, int64_t at_ns, int64_t bytes, int64_t bps, int64_t longest_ns)
{
    int64_t at_ps = at_ns * PS, start = queue->free_ps > at_ps ? queue->free_ps : at_ps, backlog = start - at_ps;
    int64_t took_ps = bytes * 8 * PS * VC_NS_PER_S / bps;

    if (backlog && backlog - backlog % took_ps + took_ps > longest_ns * PS)
        return -1;
    queue->free_ps = start + took_ps;
    return queue->free_ps / PS;
}

static struct phase *phase_of(struct level *level, int64_t sent_ns)
{
    size_t i = level->phase_count - 1;

    while (i && sent_ns < level->phases[i].begin_ns)
        i--;
    return &level->phases[i];
}

static void lose(struct level *level, const struct planner_packet *packet, enum cause cause)
{
    phase_of(level, packet->sent_ns)->lost[cause]++;
    if (cause == DARK)
        level->traffic.calls[packet->call].dark++;
}

static void arrive(struct level *level, const struct planner_packet *packet, int64_t at_ns)
{
    struct planner_call *call = &level->traffic.calls[packet->call];
    struct phase *phase = phase_of(level, packet->sent_ns);
    int64_t delay = at_ns - packet->sent_ns, bucket = delay / VC_NS_PER_MS;

    phase->arrived++;
    phase->delay[bucket < DELAY_BUCKETS ? bucket : DELAY_BUCKETS - 1]++;
    call->arrived++;
    call->delay_ns += delay;
    if (at_ns - call->last_ns > call->gap_ns)
        call->gap_ns = at_ns - call->last_ns;
    if (at_ns > call->last_ns)
        call->last_ns = at_ns;
}

/* Out of a tunnel's queue: under way to the DC where it ends. */
static void send(struct level *level, struct planner_packet packet)
{
    const struct planner_call *call = &level->traffic.calls[packet.call];
    const struct planner_codec *codec = &level->model->codecs[call->codec];
    const struct planner_region *region = planner_region_of(level->model, call->hub);
    struct planner_way way = planner_find_way(&level->tunnels[call->hub], level->gone, call->dc);

    level->traffic.calls[packet.call].sent++;
    phase_of(level, packet.sent_ns)->sent++;
    if (way.tunnel < 0) {
        lose(level, &packet, DARK);
        return;
    }
    int64_t left = serve(&level->hub_queues[2 * (size_t)call->hub + (size_t)way.tunnel], packet.at_ns, codec->inner,
                         region->tunnel_bps, level->model->queue_ns);
    if (left < 0) {
        lose(level, &packet, TUNNEL);
        return;
    }
    packet.at_ns = left + region->delay_ns;
    push(level, &level->arrivals[way.tunnel][packet.at_ns / SLICE_NS % SLICES], packet);
}

static void at_edge(struct level *level, struct planner_packet packet, int dc)
{
    const struct planner_call *call = &level->traffic.calls[packet.call];
    const struct planner_codec *codec = &level->model->codecs[call->codec];

    if (level->tunnels[call->hub].dead[dc]) { /* it vanished under way */
        lose(level, &packet, DARK);
        return;
    }
    int64_t left =
        serve(&level->places[dc], packet.at_ns, codec->outer, level->model->dc_bps[dc], level->model->queue_ns);

    level->bits[dc] += codec->outer * 8;
    if (left < 0) {
        lose(level, &packet, EDGE);
    } else if (dc == call->dc || level->gone[call->dc]) {
        arrive(level, &packet, left);
    } else {
        packet.at_ns = left;
        /* In this slice or later: the WAN is served after the edges. */
        push(level, &level->arrivals[WAN + dc][left / SLICE_NS % SLICES], packet);
    }
}

static void at_wan(struct level *level, struct planner_packet packet, int place)
{
    const struct planner_codec *codec = &level->model->codecs[level->traffic.calls[packet.call].codec];
    int64_t left =
        serve(&level->places[place], packet.at_ns, codec->inner, level->model->wan_bps, level->model->queue_ns);

    level->bits[place] += codec->inner * 8;
    if (left < 0)
        lose(level, &packet, WAN_QUEUE);
    else
        arrive(level, &packet, left + level->model->wan_delay_ns);
}

/* All packets that the calls of this slice send in it. */
static void collect(struct level *level, int64_t slice)
{
    struct planner_bin *bin = &level->senders[slice % SLICES];
    int64_t end = (slice + 1) * SLICE_NS;
    size_t count = bin->count;

    level->waiting -= count;
    bin->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct planner_packet sender = bin->packets[i];
        struct planner_call *call = &level->traffic.calls[sender.call];
        if (call->next_ns >= end) { /* not in this turn of the wheel */
            push(level, bin, sender);
            continue;
        }
        for (; call->next_ns < end && call->next_ns < call->end_ns;
             planner_call_next(call, sender.call, level->model->codecs[call->codec].interval_ns))
            push(level, &level->now, (struct planner_packet){call->next_ns, call->next_ns, sender.call});
        if (call->next_ns < call->end_ns)
            push(level, &level->senders[call->next_ns / SLICE_NS % SLICES], sender);
    }
}

/* Serves what is in the bin and comes before `until`; what comes later stays. */
static void serve_bin(struct level *level, struct planner_bin *bin, int64_t until_ns, int place)
{
    size_t done = 0;

    if (!bin->count || planner_bin_sort(bin, &level->order, SLICE_NS, &level->failure) < 0)
        return;
    for (; done < bin->count && bin->packets[done].at_ns < until_ns; done++)
        if (place < 0)
            send(level, bin->packets[done]);
        else if (place >= WAN)
            at_wan(level, bin->packets[done], place);
        else
            at_edge(level, bin->packets[done], place);
    level->waiting -= done;
    bin->count -= done;
    if (bin->count)
        memmove(bin->packets, bin->packets + done, bin->count * sizeof *bin->packets);
}

static void serve_all(struct level *level, int64_t slice, int64_t until_ns)
{
    serve_bin(level, &level->now, until_ns, -1);
    for (int place = 0; place < PLACES; place++)
        serve_bin(level, &level->arrivals[place][slice % SLICES], until_ns, place);
}

/* The next change that falls before the end of the slice, or -1. */
static int64_t next_change(const struct level *level, int64_t end_ns)
{
    if (level->change == level->change_count)
        return -1;
    int64_t at = level->changes[level->change].at_ns;
    return at < end_ns && at < level->model->duration_ns ? at : -1;
}

static void apply_changes(struct level *level, int64_t at_ns)
{
    while (level->change < level->change_count && level->changes[level->change].at_ns <= at_ns)
        planner_change_apply(level->model, &level->changes[level->change++], level->tunnels, level->gone);
    if (at_ns > level->phases[level->phase_count - 1].begin_ns)
        level->phases[level->phase_count++] = (struct phase){.begin_ns = at_ns};
}

static void sample(struct level *level, int64_t slice)
{
    int64_t every = level->model->duration_ns / PLANNER_SAMPLES / SLICE_NS;

    every = every ? every : 1;
    if ((slice + 1) % every)
        return;
    int64_t ns = every * SLICE_NS;
    json_array_append_new(
        level->series, json_pack("[I, I, I, I]", (json_int_t)((slice + 1) * SLICE_NS),
                                 (json_int_t)((double)level->bits[0] * 1e9 / (double)ns),
                                 (json_int_t)((double)level->bits[1] * 1e9 / (double)ns),
                                 (json_int_t)((double)(level->bits[WAN] + level->bits[WAN + 1]) * 1e9 / (double)ns)));
    memset(level->bits, 0, sizeof level->bits);
}

static void slice_event(void *arg)
{
    struct level *level = arg;
    int64_t now = vc_ns3_now(level->sim), slice = now / SLICE_NS;

    collect(level, slice);
    for (int64_t at; (at = next_change(level, now + SLICE_NS)) >= 0; apply_changes(level, at))
        serve_all(level, slice, at);
    serve_all(level, slice, now + SLICE_NS);
    if (now < level->model->duration_ns)
        sample(level, slice);
    if (level->failure)
        vc_ns3_stop(level->sim, NULL);
    else if (level->waiting || now + SLICE_NS < level->model->duration_ns)
        vc_ns3_schedule(level->sim, SLICE_NS, slice_event, level, NULL);
}

/* ---- results ---- */

enum { LOSS, DELAY, MOS, SILENCE, MEASURES };
static const char *const measures[] = {"loss_percent", "delay_ms", "mos", "longest_silence_ms"};

/* Of the packets that had a way: an outage is told as silence, not as loss (an average over both says nothing). What
 * cannot be told is NaN. */
static void judge(const struct planner_call *call, double value[MEASURES])
{
    int64_t tail = call->end_ns - call->last_ns, gap = tail > call->gap_ns ? tail : call->gap_ns;
    double had_way = call->sent > call->dark ? call->sent - call->dark : 0;

    value[LOSS] = had_way > 0 ? 100 * fmax(0, 1 - call->arrived / had_way) : NAN;
    value[DELAY] = call->arrived ? (double)call->delay_ns / 1e6 / call->arrived : NAN;
    value[MOS] = call->arrived ? vc_emodel_mos(vc_emodel_r(value[DELAY], value[LOSS], 1, true)) : had_way > 0 ? 1 : NAN;
    value[SILENCE] = call->sent ? (double)gap / 1e6 : NAN;
}

static json_t *tell_calls(const struct level *level, vc_error **err)
{
    VC_AUTO_FREE double *values = calloc(level->traffic.count + 1, sizeof *values);
    uint64_t silenced = 0;

    if (!values) {
        vc_fail(err, VC_EXIT_HOST, 0, "no memory for %zu calls", level->traffic.count);
        return NULL;
    }
    for (size_t i = 0; i < level->traffic.count; i++)
        silenced += level->traffic.calls[i].dark > 0;
    json_t *result =
        json_pack("{s:I, s:I}", "count", (json_int_t)level->traffic.count, "silenced", (json_int_t)silenced);
    for (int m = 0; m < MEASURES; m++) {
        size_t count = 0;
        for (size_t i = 0; i < level->traffic.count; i++) {
            double value[MEASURES];
            judge(&level->traffic.calls[i], value);
            if (!isnan(value[m]))
                values[count++] = value[m];
        }
        json_object_set_new(result, measures[m], planner_percentiles(values, count));
    }
    return result;
}

static json_t *tell_phase(const struct level *level, size_t i)
{
    const struct phase *p = &level->phases[i];
    json_t *lost = json_object();

    for (int c = 0; c < CAUSES; c++)
        json_object_set_new(lost, causes[c], json_integer((json_int_t)p->lost[c]));
    return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o}", "begin_ns", (json_int_t)p->begin_ns, "end_ns",
                     (json_int_t)(i + 1 < level->phase_count ? p[1].begin_ns : level->model->duration_ns), "sent",
                     (json_int_t)p->sent, "arrived", (json_int_t)p->arrived, "lost", lost, "packet_delay_ms",
                     planner_percentiles_of(p->delay, DELAY_BUCKETS, DELAY_WIDTH));
}

static json_t *tell(const struct level *level, vc_error **err)
{
    json_t *phases = json_array(), *calls = tell_calls(level, err);
    const size_t hub_bytes = 2 * sizeof(struct queue) + sizeof(struct planner_tunnels);
    const size_t call_bytes = sizeof(struct planner_call) + sizeof(struct planner_packet);
    uint64_t sent = 0, arrived = 0;

    for (size_t i = 0; i < level->phase_count; i++) {
        sent += level->phases[i].sent;
        arrived += level->phases[i].arrived;
        json_array_append_new(phases, tell_phase(level, i));
    }
    if (!calls) {
        json_decref(phases);
        return NULL;
    }
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:O}", "level", "packet", "events",
                     (json_int_t)vc_ns3_events(level->sim), "sent", (json_int_t)sent, "arrived", (json_int_t)arrived,
                     "hub_bytes", (json_int_t)hub_bytes, "call_bytes", (json_int_t)call_bytes, "calls", calls, "phases",
                     phases, "series", level->series);
}

/* ---- the whole ---- */

static int open_level(struct level *level, vc_error **err)
{
    const struct planner_model *m = level->model;
    struct planner_random random;

    level->tunnels = calloc(m->hub_count, sizeof *level->tunnels);
    level->hub_queues = calloc(2 * m->hub_count, sizeof *level->hub_queues);
    level->phases = calloc(4 * m->failure_count + 1, sizeof *level->phases);
    level->changes = planner_changes(m, &level->change_count, err);
    level->series = json_array();
    if (!level->tunnels || !level->hub_queues || !level->phases || !level->changes)
        return vc_fail(err, VC_EXIT_HOST, 0, "no memory for %zu hubs", m->hub_count);
    level->phase_count = 1;
    if (planner_random_new(&random, level->sim, err) < 0 || planner_traffic_draw(m, &random, &level->traffic, err) < 0)
        return -1;
    for (size_t i = 0; i < level->traffic.count; i++) {
        const struct planner_call *call = &level->traffic.calls[i];
        if (call->next_ns < call->end_ns && !push(level, &level->senders[call->next_ns / SLICE_NS % SLICES],
                                                  (struct planner_packet){.call = (uint32_t)i}))
            return vc_error_move(err, &level->failure);
    }
    return 0;
}

static void close_level(struct level *level)
{
    for (size_t s = 0; s < SLICES; s++) {
        for (int p = 0; p < PLACES; p++)
            free(level->arrivals[p][s].packets);
        free(level->senders[s].packets);
    }
    free(level->now.packets);
    planner_order_free(&level->order);
    free(level->traffic.calls);
    free(level->tunnels);
    free(level->hub_queues);
    free(level->phases);
    free(level->changes);
    json_decref(level->series);
    vc_error_free(level->failure);
    free(level);
}

static json_t *play(struct level *level, vc_error **err)
{
    if (open_level(level, err) < 0 || vc_ns3_schedule(level->sim, 0, slice_event, level, err) < 0 ||
        vc_ns3_run(level->sim, VC_NS3_FOREVER, err) < 0)
        return NULL;
    if (level->failure) {
        vc_error_move(err, &level->failure);
        return NULL;
    }
    return tell(level, err);
}

json_t *planner_packets_run(const struct planner_model *model, vc_error **err)
{
    const struct vc_ns3_config config = {.seed = (uint32_t)(model->seed % VC_NS3_SEED_MAX) + 1,
                                         .run = (uint64_t)(model->seed / VC_NS3_SEED_MAX)};
    struct level *level = calloc(1, sizeof *level);

    if (!level) {
        vc_fail(err, VC_EXIT_HOST, 0, "no memory for the simulation");
        return NULL;
    }
    level->model = model;
    level->sim = vc_ns3_new(&config, err);
    json_t *result = level->sim ? play(level, err) : NULL;
    vc_ns3_free(level->sim, NULL);
    close_level(level);
    return result;
}
