/*
 * What vclab-wire does against what it was told, as tables. No test: figures of a machine, not properties of the code.
 * Needs root. Usage: wire_measure [delay|loss|rate|load]...; all of them when none is named.
 */
#define OK(call, err)                                                                                                  \
    do {                                                                                                               \
        if ((call) < 0) {                                                                                              \
            (void)fprintf(stderr, "%s: %s\n", #call, (err) ? (err)->message : "failed");                               \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)
#define GOT(call, err) OK((call) ? 0 : -1, err)

#include <math.h>
#include <pthread.h>
#include <sched.h>

#include "pair.h"

enum { PRIORITY = 20, QUIET_MS = 500 };

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * VC_NS_PER_S + t.tv_nsec;
}

static void until(int64_t ns)
{
    struct timespec t = {.tv_sec = ns / VC_NS_PER_S, .tv_nsec = ns % VC_NS_PER_S};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

/* Sends `count` packets at even intervals, and receives them at the other end. */
struct flow {
    struct pair *pair;
    int from;
    uint32_t count;
    size_t size;
    int64_t interval_ns;
    /* results */
    uint32_t sent, received;
    int64_t *took, first_at, last_at;
};

static void *flow_send(void *arg)
{
    struct flow *flow = arg;
    const struct sched_param below_the_wire = {.sched_priority = PRIORITY - 10};
    int64_t start = now_ns();

    /* Else others on this machine keep it waiting, and what it then sends at once is its own fault, not the wire's. */
    sched_setscheduler(0, SCHED_FIFO, &below_the_wire);

    for (uint32_t i = 0; i < flow->count; i++) {
        int64_t due = start + (int64_t)i * flow->interval_ns;
        /* Sleeping for less costs more than it is long. */
        if (due - now_ns() > 100 * VC_NS_PER_US)
            until(due);
        flow->sent += pair_send(flow->pair, flow->from, i, flow->size) == 0;
    }
    return NULL;
}

static void *flow_receive(void *arg)
{
    struct flow *flow = arg;
    int wait_ms = 10000;
    uint32_t number;
    int64_t took, at;

    while (flow->received < flow->count &&
           pair_receive(flow->pair, 1 - flow->from, wait_ms, &number, &took, &at) == 0) {
        if (!flow->received)
            flow->first_at = at;
        flow->took[flow->received++] = took;
        flow->last_at = at;
        wait_ms = QUIET_MS;
    }
    return NULL;
}

static void flows_run(struct flow *flows, size_t count)
{
    pthread_t threads[2][2];

    for (size_t i = 0; i < count; i++) {
        flows[i].took = calloc(flows[i].count, sizeof *flows[i].took);
        if (!flows[i].took || pthread_create(&threads[i][0], NULL, flow_receive, &flows[i]) ||
            pthread_create(&threads[i][1], NULL, flow_send, &flows[i]))
            abort();
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i][1], NULL);
        pthread_join(threads[i][0], NULL);
        qsort(flows[i].took, flows[i].received, sizeof *flows[i].took, compare);
    }
}

static struct vc_wire_lag lag(struct pair *pair)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_wire_lag got;

    OK(vc_wires_lag(pair->wires, &got, &err), err);
    return got;
}

static double percentile(const struct flow *flow, uint32_t percent)
{
    const uint32_t at = flow->received * percent / 100;

    return (double)flow->took[at] / 1e6;
}

static void delays(struct pair *pair)
{
    static const uint32_t rates[] = {10, 50, 250}, ms[] = {1, 10, 50, 100};

    (void)printf(
        "\n| rate Mbit/s | delay ms | expected ms | median error ms | p99 error ms | worst lag ms |\n|-|-|-|-|-|-|\n");
    for (size_t r = 0; r < VC_COUNT(rates); r++)
        for (size_t d = 0; d < VC_COUNT(ms); d++) {
            struct flow flow = {.pair = pair, .count = 500, .size = 200, .interval_ns = 2 * VC_NS_PER_MS};
            double expected = ms[d] + (200 + 42) * 8e-3 / rates[r];
            pair_set(pair, (struct vc_wire){.delay_us = ms[d] * 1000, .rate_mbit = rates[r]});
            lag(pair);
            flows_run(&flow, 1);
            if (!flow.received)
                continue;
            (void)printf("| %u | %u | %.3f | %.3f | %.3f | %.3f |\n", rates[r], ms[d], expected,
                         percentile(&flow, 50) - expected, percentile(&flow, 99) - expected,
                         (double)lag(pair).worst_ns / 1e6);
            free(flow.took);
        }
}

static void losses(struct pair *pair)
{
    static const struct {
        uint32_t ppm, burst;
    } cases[] = {{1000, 0}, {10000, 0}, {50000, 0}, {10000, 4}};

    (void)printf(
        "\n| loss %% | burst | sent | lost | lost %% | 99 %% bound %% | by the wire | overrun |\n|-|-|-|-|-|-|-|-|\n");
    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        struct flow flow = {.pair = pair, .count = 100000, .size = 100, .interval_ns = 100 * VC_NS_PER_US};
        double p = cases[i].ppm / 1e6, n = flow.count, r = cases[i].burst ? 1.0 / cases[i].burst : 0,
               enter = r * p / (1 - p), memory = r > 0 ? (2 - enter - r) / (enter + r) : 1;
        struct vc_wire_counters before, after;
        pair_set(pair, (struct vc_wire){.delay_us = 5000, .loss_ppm = cases[i].ppm, .burst = cases[i].burst});
        before = pair_counters(pair, 0);
        flows_run(&flow, 1);
        after = pair_counters(pair, 0);
        (void)printf("| %.1f | %u | %u | %u | %.3f | ± %.3f | %lu | %lu |\n", p * 100, cases[i].burst, flow.sent,
                     flow.sent - flow.received, 100.0 * (flow.sent - flow.received) / n,
                     257.6 * sqrt(p * (1 - p) * memory / n),
                     (unsigned long)(after.lost_random + after.lost_burst - before.lost_random - before.lost_burst),
                     (unsigned long)(after.overrun - before.overrun));
        free(flow.took);
    }
}

static void rates(struct pair *pair)
{
    static const uint32_t mbit[] = {10, 50, 250};

    (void)printf("\n| rate Mbit/s | offered | measured | error %% | longest queue |\n|-|-|-|-|-|\n");
    for (size_t i = 0; i < VC_COUNT(mbit); i++) {
        enum { FRAME = 1442, SECONDS = 3 };
        double offered = 1.15 * mbit[i];
        struct flow flow = {.pair = pair,
                            .count = (uint32_t)(offered * 1e6 * SECONDS / 8 / FRAME),
                            .size = FRAME - 42,
                            .interval_ns = (int64_t)(FRAME * 8e3 / offered)};
        pair_set(pair, (struct vc_wire){.delay_us = 10000, .rate_mbit = mbit[i]});
        flows_run(&flow, 1);
        double got = (flow.received - 1.0) * FRAME * 8e3 / (double)(flow.last_at - flow.first_at);
        (void)printf("| %u | %.1f | %.3f | %+.3f | %lu |\n", mbit[i], offered, got, (got / mbit[i] - 1) * 100,
                     (unsigned long)pair_counters(pair, 0).longest_queue);
        free(flow.took);
    }
}

static void load(struct pair *pair)
{
    enum { FRAME = 1442, SECONDS = 10 };
    struct flow flows[2];

    pair_set(pair, (struct vc_wire){.delay_us = 10000, .rate_mbit = 250});
    for (int i = 0; i < 2; i++)
        flows[i] = (struct flow){.pair = pair,
                                 .from = i,
                                 .count = (uint32_t)(240e6 * SECONDS / 8 / FRAME),
                                 .size = FRAME - 42,
                                 .interval_ns = (int64_t)(FRAME * 8e3 / 240)};
    struct vc_wire_counters before[2] = {pair_counters(pair, 0), pair_counters(pair, 1)};
    lag(pair);
    flows_run(flows, 2);
    struct vc_wire_lag late = lag(pair);
    (void)printf(
        "\n| direction | sent | received by the wire | queue drops | overrun | arrived | Mbit/s |\n|-|-|-|-|-|-|-|\n");
    for (int i = 0; i < 2; i++) {
        struct vc_wire_counters c = pair_counters(pair, i);
        (void)printf("| %d | %u | %lu | %lu | %lu | %u | %.1f |\n", i, flows[i].sent,
                     (unsigned long)(c.received - before[i].received),
                     (unsigned long)(c.dropped_queue - before[i].dropped_queue),
                     (unsigned long)(c.overrun - before[i].overrun), flows[i].received,
                     flows[i].received * 1.0 * FRAME * 8e3 / (double)(flows[i].last_at - flows[i].first_at));
        free(flows[i].took);
    }
    (void)printf("lag ms: median %.3f, p99 %.3f, p99.9 %.3f, worst %.3f, reader %.3f; realtime %lu, demotions %lu\n",
                 (double)late.median_ns / 1e6, (double)late.p99_ns / 1e6, (double)late.p999_ns / 1e6,
                 (double)late.worst_ns / 1e6, (double)late.reader_worst_ns / 1e6, (unsigned long)late.realtime,
                 (unsigned long)late.demotions);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*measure)(struct pair *pair);
    } parts[] = {{"delay", delays}, {"loss", losses}, {"rate", rates}, {"load", load}};
    struct pair pair;

    pair_up(&pair, PRIORITY);
    for (size_t i = 0; i < VC_COUNT(parts); i++) {
        bool asked = argc < 2;
        for (int a = 1; a < argc; a++)
            asked |= !strcmp(argv[a], parts[i].name);
        if (asked)
            parts[i].measure(&pair);
        (void)fflush(stdout);
    }
    pair_down(&pair);
    return 0;
}
