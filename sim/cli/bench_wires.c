/*
 * vclab bench wires: what ns-3's wires do against what they were told, and beside them a pipe between TAPs and a plain
 * veth, which have no character: their delay and what they carry are what a wire adds to.
 */
#include <math.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/wire_pair.h"

enum { FRAME = 1442, LOAD_MBIT = 240, LOAD_SECONDS = 10 };

static void record(struct bench *bench, double value, const char *format, ...) VC_PRINTF(3, 4);
static void record(struct bench *bench, double value, const char *format, ...)
{
    VC_AUTO_FREE char *metric = NULL;
    va_list args;

    va_start(args, format);
    int size = vasprintf(&metric, format, args);
    va_end(args);
    if (size < 0)
        abort();
    bench_record(bench, "wires", metric, value);
}

/* How far the median delay is from what was told. */
static int delays(struct bench *bench, struct wire_pair *pair, vc_error **err)
{
    static const uint32_t rates[] = {10, 50, 250}, ms[] = {1, 10, 50, 100};

    for (size_t i = 0; i < VC_COUNT(rates) * VC_COUNT(ms); i++) {
        uint32_t rate = rates[i / VC_COUNT(ms)], delay = ms[i % VC_COUNT(ms)];
        struct wire_flow flow = {.count = 500, .size = 242, .interval_ns = 2 * VC_NS_PER_MS};
        double expected = delay + (double)flow.size * 8e-3 / rate;
        if (wire_pair_set(pair, (struct vc_wire){.delay_us = delay * 1000, .rate_mbit = rate}, err) ||
            wire_pair_run(pair, &flow, 1, err))
            return -1;
        record(bench, fabs(wire_flow_ms(&flow, 50) - expected), "%u Mbit/s %u ms", rate, delay);
    }
    return 0;
}

/* How far the share lost is from what was told, as a share of the 99 % bound of chance. */
static int losses(struct bench *bench, struct wire_pair *pair, vc_error **err)
{
    static const struct {
        uint32_t ppm, burst;
        const char *name;
    } cases[] = {{1000, 0, "0.1 % loss"}, {10000, 0, "1 % loss"}, {50000, 0, "5 % loss"}, {10000, 4, "1 % in bursts"}};

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        struct wire_flow flow = {.count = 100000, .size = 142, .interval_ns = 100 * VC_NS_PER_US};
        double p = cases[i].ppm / 1e6, n = flow.count, leave = cases[i].burst ? 1.0 / cases[i].burst : 0,
               enter = leave * p / (1 - p), memory = leave > 0 ? (2 - enter - leave) / (enter + leave) : 1;
        if (wire_pair_set(pair, (struct vc_wire){.delay_us = 5000, .loss_ppm = cases[i].ppm, .burst = cases[i].burst},
                          err) ||
            wire_pair_run(pair, &flow, 1, err))
            return -1;
        double lost = (double)(flow.sent - flow.received) / n;
        record(bench, 100 * lost, "%s", cases[i].name);
        record(bench, fabs(lost - p) / (2.576 * sqrt(p * (1 - p) * memory / n)), "%s off", cases[i].name);
    }
    return 0;
}

static int rates(struct bench *bench, struct wire_pair *pair, vc_error **err)
{
    static const uint32_t mbit[] = {10, 50, 250};

    for (size_t i = 0; i < VC_COUNT(mbit); i++) {
        double offered = 1.15 * mbit[i];
        struct wire_flow flow = {.count = (uint32_t)(offered * 1e6 * 3 / 8 / FRAME),
                                 .size = FRAME,
                                 .interval_ns = (int64_t)(FRAME * 8e3 / offered)};
        if (wire_pair_set(pair, (struct vc_wire){.delay_us = 10000, .rate_mbit = mbit[i]}, err) ||
            wire_pair_run(pair, &flow, 1, err))
            return -1;
        record(bench, fabs(wire_flow_mbit(&flow) / mbit[i] - 1) * 100, "rate %u", mbit[i]);
    }
    return 0;
}

/* Both directions at once, a little below the tunnel's rate: nothing may be lost. */
static int load(struct bench *bench, struct wire_pair *pair, const char *name, vc_error **err)
{
    struct wire_flow flows[2];
    struct vc_wire_lag late;

    for (int i = 0; i < 2; i++)
        flows[i] = (struct wire_flow){.from = i,
                                      .count = (uint32_t)(LOAD_MBIT * 1e6 * LOAD_SECONDS / 8 / FRAME),
                                      .size = FRAME,
                                      .interval_ns = (int64_t)(FRAME * 8e3 / LOAD_MBIT)};
    if (pair->wires && (wire_pair_set(pair, (struct vc_wire){.delay_us = 10000, .rate_mbit = 250}, err) ||
                        vc_wires_lag(pair->wires, &late, err)))
        return -1;
    if (wire_pair_run(pair, flows, 2, err) || (pair->wires && vc_wires_lag(pair->wires, &late, err)))
        return -1;
    record(bench, wire_flow_mbit(&flows[0]) + wire_flow_mbit(&flows[1]), "%s load", name);
    record(bench, (double)(flows[0].sent + flows[1].sent - flows[0].received - flows[1].received), "%s load lost",
           name);
    if (!pair->wires)
        return 0;
    record(bench, (double)late.p999_ns / 1e6, "lag p99.9");
    record(bench, (double)late.worst_ns / 1e6, "lag worst");
    return 0;
}

static int plain(struct bench *bench, enum wire_kind kind, const char *name, vc_error **err)
{
    VC_AUTO_TALLOC struct wire_pair *pair = wire_pair_new(NULL, kind, -1, err);
    struct wire_flow flow = {.count = 500, .size = 242, .interval_ns = 2 * VC_NS_PER_MS};

    if (!pair || wire_pair_run(pair, &flow, 1, err))
        return -1;
    record(bench, wire_flow_ms(&flow, 50), "%s delay", name);
    return load(bench, pair, name, err);
}

int bench_wires(struct bench *bench, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_wires_host *host = vc_wires_probe(ctx, err);

    if (!host)
        return -1;
    if (host->why_not_ns3)
        return vc_fail(err, VC_EXIT_HOST, 0, "%s", host->why_not_ns3);
    struct wire_pair *pair = wire_pair_new(ctx, WIRE_NS3, host->program, err);
    if (!pair || delays(bench, pair, err) || losses(bench, pair, err) || rates(bench, pair, err) ||
        load(bench, pair, "ns3", err))
        return -1;
    talloc_free(pair);
    return plain(bench, WIRE_PIPE, "C pipe", err) || plain(bench, WIRE_VETH, "veth", err) ? -1 : 0;
}
