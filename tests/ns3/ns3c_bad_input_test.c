/* Whatever a caller gets wrong is a -1 and a text: the process goes on, and so does the simulator. */
#include <pthread.h>
#include <sys/resource.h>

#include "ns3c.h"

static void nothing(void *arg)
{
    (void)arg;
}

static void frame_nothing(void *arg, int wire, int end, const uint8_t *data, size_t size, int64_t due_ns)
{
    (void)arg, (void)wire, (void)end, (void)data, (void)size, (void)due_ns;
}

#define FAILS(call, text)                                                                                              \
    do {                                                                                                               \
        VC_AUTO_ERROR *err = NULL;                                                                                     \
        cr_expect_eq((call), -1, "%s", #call);                                                                         \
        cr_expect(err &&strstr(err->message, (text)), "%s: %s", #call, err ? err->message : "no message");             \
    } while (0)

Test(bad_input, configurations)
{
    static const struct vc_ns3_config bad[] = {{.seed = 0},
                                               {.seed = UINT32_MAX},
                                               {.seed = VC_NS3_SEED_MAX + 1},
                                               {.clock = (enum vc_ns3_clock)2, .seed = 1},
                                               {.clock = (enum vc_ns3_clock) - 1, .seed = 1}};

    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_ERROR *err = NULL;
        cr_expect_null(vc_ns3_new(&bad[i], &err), "%zu", i);
        cr_expect(err && strstr(err->message, "allowed"), "%zu", i);
    }
    cr_expect_null(vc_ns3_new(NULL, NULL));
    sim_free(sim_new(VC_NS3_VIRTUAL, VC_NS3_SEED_MAX));
}

Test(bad_input, characters)
{
    static const struct {
        struct vc_wire wire;
        const char *text;
    } bad[] = {
        {{.delay_us = 10000001}, "delay_us"},
        {{.delay_us = UINT32_MAX}, "delay_us"},
        {{.delay_us = 10, .jitter_us = 11}, "jitter_us 11; allowed: up to the delay, 10"},
        {{.loss_ppm = 1000001}, "loss_ppm 1000001; allowed: 0 to 1000000"},
        {{.loss_ppm = UINT32_MAX}, "loss_ppm"},
        {{.corrupt_ppm = 1000001}, "corrupt_ppm"},
        {{.duplicate_ppm = 1000001}, "duplicate_ppm"},
        {{.delay_us = 1, .reorder_ppm = 1000001}, "reorder_ppm"},
        {{.reorder_ppm = 1}, "without a delay"},
        {{.burst = 3}, "burst without loss_ppm"},
        {{.loss_ppm = 1, .burst = 10001}, "burst 10001"},
        {{.loss_ppm = 900000, .burst = 1}, "longer bursts"},
        {{.rate_mbit = 10001}, "rate_mbit"},
        {{.rate_mbit = UINT32_MAX}, "rate_mbit"},
        {{.limit = 1000001}, "limit"},
    };
    struct vc_ns3 *sim = sim_new(VC_NS3_VIRTUAL, 1);
    const struct vc_wire perfect[2] = {{0}};
    int wire = vc_ns3_wire_new(sim, perfect, frame_nothing, NULL, NULL);

    cr_assert_eq(wire, 0);
    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        for (int direction = 0; direction < 2; direction++) {
            struct vc_wire both[2] = {{0}};
            both[direction] = bad[i].wire;
            FAILS(vc_ns3_wire_new(sim, both, frame_nothing, NULL, &err), bad[i].text);
        }
        FAILS(vc_ns3_wire_set(sim, wire, VC_NS3_BOTH, &bad[i].wire, &err), bad[i].text);
    }
    cr_assert_eq(vc_ns3_wire_new(sim, perfect, frame_nothing, NULL, NULL), 1, "what failed has taken no number");
    sim_run(sim);
    sim_free(sim);
}

Test(bad_input, every_call)
{
    static const uint8_t frame[VC_NS3_FRAME_MAX + 1];
    const struct vc_wire perfect[2] = {{0}};
    struct vc_wire_counters counters;
    struct vc_ns3 *sim = sim_new(VC_NS3_VIRTUAL, 1);

    FAILS(vc_ns3_wire_new(sim, NULL, frame_nothing, NULL, &err), "no character");
    FAILS(vc_ns3_wire_new(sim, perfect, NULL, NULL, &err), "no function");
    FAILS(vc_ns3_wire_send(sim, 0, 0, frame, 1, &err), "one of the 0 there are");
    cr_assert_eq(vc_ns3_wire_new(sim, perfect, frame_nothing, NULL, NULL), 0);
    FAILS(vc_ns3_wire_send(sim, 1, 0, frame, 1, &err), "found wire 1");
    FAILS(vc_ns3_wire_send(sim, -1, 0, frame, 1, &err), "found wire -1");
    FAILS(vc_ns3_wire_send(sim, 0, 2, frame, 1, &err), "direction 2");
    FAILS(vc_ns3_wire_send(sim, 0, VC_NS3_BOTH, frame, 1, &err), "direction -1");
    FAILS(vc_ns3_wire_send(sim, 0, 0, NULL, 1, &err), "no address");
    FAILS(vc_ns3_wire_send(sim, 0, 0, frame, 0, &err), "0 bytes");
    FAILS(vc_ns3_wire_send(sim, 0, 0, frame, sizeof frame, &err), "65550 bytes");
    FAILS(vc_ns3_wire_send(sim, 0, 0, frame, SIZE_MAX, &err), "allowed: 1 to 65549");
    FAILS(vc_ns3_wire_set(sim, 0, 2, perfect, &err), "direction 2");
    FAILS(vc_ns3_wire_set(sim, 0, 0, NULL, &err), "without a character");
    FAILS(vc_ns3_wire_set(sim, 7, 0, perfect, &err), "found wire 7");
    FAILS(vc_ns3_wire_up(sim, 0, -2, true, &err), "direction -2");
    FAILS(vc_ns3_wire_up(sim, INT32_MIN, 0, true, &err), "found wire");
    FAILS(vc_ns3_wire_counters(sim, 0, VC_NS3_BOTH, &counters, &err), "direction -1");
    FAILS(vc_ns3_wire_counters(sim, 0, 0, NULL, &err), "no place");
    FAILS(vc_ns3_wire_get(sim, 0, VC_NS3_BOTH, &(struct vc_wire){0}, &(bool){0}, &err), "direction -1");
    FAILS(vc_ns3_wire_get(sim, 7, 0, &(struct vc_wire){0}, &(bool){0}, &err), "wire 7");
    FAILS(vc_ns3_wire_get(sim, 0, 0, NULL, &(bool){0}, &err), "no place");
    FAILS(vc_ns3_lag(sim, NULL, &err), "no place");
    FAILS(vc_ns3_schedule(sim, 1, NULL, NULL, &err), "no function");
    FAILS(vc_ns3_schedule(sim, -1, nothing, NULL, &err), "found -1 ns");
    FAILS(vc_ns3_schedule(sim, INT64_MIN, nothing, NULL, &err), "allowed: 0 to");
    FAILS(vc_ns3_schedule(sim, VC_NS3_MAX_NS + 1, nothing, NULL, &err), "allowed: 0 to");
    FAILS(vc_ns3_schedule(sim, INT64_MAX, nothing, NULL, &err), "allowed: 0 to");
    FAILS(vc_ns3_post(sim, -1, nothing, NULL, &err), "found -1 ns");
    FAILS(vc_ns3_post(sim, INT64_MAX, nothing, NULL, &err), "allowed: 0 to");
    FAILS(vc_ns3_post(sim, 1, NULL, NULL, &err), "no function");
    FAILS(vc_ns3_run(sim, -2, &err), "until -2 ns");
    FAILS(vc_ns3_run(sim, INT64_MAX, &err), "allowed: 0 (now) to");
    cr_assert_eq(vc_ns3_run(sim, 1000, NULL), 0);
    FAILS(vc_ns3_run(sim, 999, &err), "allowed: 1000 (now)");
    FAILS(vc_ns3_schedule(sim, VC_NS3_MAX_NS, nothing, NULL, &err), "allowed: 0 to");
    sim_free(sim);
}

Test(bad_input, random_streams)
{
    static const struct {
        int kind;
        double a, b;
    } bad[] = {
        {VC_NS3_UNIFORM, 1, 1},
        {VC_NS3_UNIFORM, 2, 1},
        {VC_NS3_UNIFORM, NAN, 1},
        {VC_NS3_UNIFORM, 0, NAN},
        {VC_NS3_UNIFORM, -INFINITY, 0},
        {VC_NS3_UNIFORM, 0, 1e300},
        {VC_NS3_EXPONENTIAL, 0, 0},
        {VC_NS3_EXPONENTIAL, -1, 0},
        {VC_NS3_EXPONENTIAL, NAN, 0},
        {VC_NS3_EXPONENTIAL, INFINITY, 0},
        {VC_NS3_EXPONENTIAL, 1, 1},
        {VC_NS3_NORMAL, 0, -1},
        {VC_NS3_NORMAL, NAN, 1},
        {VC_NS3_NORMAL, 0, NAN},
        {VC_NS3_LOGNORMAL, 101, 1},
        {VC_NS3_LOGNORMAL, 1, 11},
        {VC_NS3_LOGNORMAL, 1, -1},
        {VC_NS3_PARETO, 0, 1},
        {VC_NS3_PARETO, 1, 0},
        {VC_NS3_PARETO, 1, NAN},
        {VC_NS3_ERLANG, 0, 1},
        {VC_NS3_ERLANG, 1.5, 1},
        {VC_NS3_ERLANG, 1001, 1},
        {VC_NS3_ERLANG, NAN, 1},
        {VC_NS3_ERLANG, 1, 0},
        {VC_NS3_DISTRIBUTION_COUNT, 1, 2},
        {(enum vc_ns3_distribution) - 1, 1, 2},
    };
    struct vc_ns3 *sim = sim_new(VC_NS3_VIRTUAL, 1);

    for (size_t i = 0; i < VC_COUNT(bad); i++)
        FAILS(vc_ns3_stream_new(sim, bad[i].kind, bad[i].a, bad[i].b, &err), "allowed");
    cr_expect(isnan(vc_ns3_stream_next(sim, 0)));
    cr_expect(isnan(vc_ns3_stream_next(sim, -1)));
    cr_assert_eq(vc_ns3_stream_new(sim, VC_NS3_UNIFORM, 0, 1, NULL), 0, "what failed has taken no number");
    cr_expect_not(isnan(vc_ns3_stream_next(sim, 0)));
    cr_expect(isnan(vc_ns3_stream_next(sim, 1)));
    sim_free(sim);
}

/* All calls with a handle that is none. */
static void all_fail(struct vc_ns3 *sim)
{
    static const char text[] = "there is no such simulator";
    const struct vc_wire perfect[2] = {{0}};
    struct vc_wire_counters counters;
    struct vc_wire_lag lag;

    FAILS(vc_ns3_free(sim, &err), text);
    FAILS(vc_ns3_run(sim, 0, &err), text);
    FAILS(vc_ns3_stop(sim, &err), text);
    FAILS(vc_ns3_schedule(sim, 0, nothing, NULL, &err), text);
    FAILS(vc_ns3_post(sim, 0, nothing, NULL, &err), text);
    FAILS(vc_ns3_lag(sim, &lag, &err), text);
    FAILS(vc_ns3_wire_new(sim, perfect, frame_nothing, NULL, &err), text);
    FAILS(vc_ns3_wire_send(sim, 0, 0, (const uint8_t *)"x", 1, &err), text);
    FAILS(vc_ns3_wire_set(sim, 0, 0, perfect, &err), text);
    FAILS(vc_ns3_wire_up(sim, 0, 0, true, &err), text);
    FAILS(vc_ns3_wire_counters(sim, 0, 0, &counters, &err), text);
    FAILS(vc_ns3_stream_new(sim, VC_NS3_UNIFORM, 0, 1, &err), text);
    cr_expect(isnan(vc_ns3_stream_next(sim, 0)));
    cr_expect_eq(vc_ns3_now(sim), -1);
    cr_expect_eq(vc_ns3_events(sim), 0);
}

Test(bad_input, no_simulator_and_a_freed_one)
{
    const struct vc_wire perfect[2] = {{0}};

    all_fail(NULL);
    struct vc_ns3 *sim = sim_new(VC_NS3_VIRTUAL, 1);
    cr_assert_eq(vc_ns3_wire_new(sim, perfect, frame_nothing, NULL, NULL), 0);
    cr_assert_eq(vc_ns3_wire_send(sim, 0, 0, (const uint8_t *)"x", 1, NULL), 0, "and it is under way");
    all_fail((struct vc_ns3 *)(void *)&sim); /* not this one */
    sim_free(sim);
    all_fail(sim);
}

Test(bad_input, two_simulators)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_ns3 *sim = sim_new(VC_NS3_VIRTUAL, 1);

    cr_expect_null(vc_ns3_new(&(struct vc_ns3_config){.seed = 1}, &err));
    cr_expect(err && strstr(err->message, "has one already"));
    sim_run(sim);
    sim_free(sim);
    sim_free(sim_new(VC_NS3_REAL, 1));
    sim_free(sim_new(VC_NS3_VIRTUAL, 1));
}

static void *as_stranger(void *arg)
{
    struct vc_ns3 *sim = arg;
    static const char text[] = "only the thread that made";
    const struct vc_wire perfect[2] = {{0}};

    FAILS(vc_ns3_run(sim, 0, &err), text);
    FAILS(vc_ns3_free(sim, &err), text);
    FAILS(vc_ns3_schedule(sim, 0, nothing, NULL, &err), text);
    FAILS(vc_ns3_wire_new(sim, perfect, frame_nothing, NULL, &err), text);
    FAILS(vc_ns3_stream_new(sim, VC_NS3_UNIFORM, 0, 1, &err), text);
    cr_expect(isnan(vc_ns3_stream_next(sim, 0)));
    cr_expect_eq(vc_ns3_now(sim), -1);
    cr_expect_eq(vc_ns3_events(sim), 0);
    return NULL;
}

Test(bad_input, another_thread)
{
    struct vc_ns3 *sim = sim_new(VC_NS3_VIRTUAL, 1);
    pthread_t thread;

    cr_assert_eq(vc_ns3_stream_new(sim, VC_NS3_UNIFORM, 0, 1, NULL), 0);
    cr_assert_eq(pthread_create(&thread, NULL, as_stranger, sim), 0);
    pthread_join(thread, NULL);
    sim_free(sim);
}

static void in_an_event(void *arg)
{
    FAILS(vc_ns3_run(arg, VC_NS3_FOREVER, &err), "runs already");
    FAILS(vc_ns3_free(arg, &err), "it runs");
}

Test(bad_input, run_and_free_in_an_event)
{
    struct vc_ns3 *sim = sim_new(VC_NS3_VIRTUAL, 1);

    cr_assert_eq(vc_ns3_schedule(sim, 5, in_an_event, sim, NULL), 0);
    sim_run(sim);
    cr_assert_eq(vc_ns3_now(sim), 5);
    sim_free(sim);
}

Test(bad_input, more_wires_than_there_may_be)
{
    const struct vc_wire perfect[2] = {{0}};
    struct vc_ns3 *sim = sim_new(VC_NS3_VIRTUAL, 1);

    for (int i = 0; i < VC_NS3_WIRES_MAX; i++)
        cr_assert_eq(vc_ns3_wire_new(sim, perfect, frame_nothing, NULL, NULL), i);
    FAILS(vc_ns3_wire_new(sim, perfect, frame_nothing, NULL, &err), "1024 already");
    sim_free(sim);
}

#ifndef __SANITIZE_ADDRESS__ /* which takes more addresses than any limit leaves */
Test(bad_input, no_memory)
{
    const struct vc_wire perfect[2] = {{0}};
    struct vc_ns3 *sim = sim_new(VC_NS3_VIRTUAL, 1);
    struct rlimit limit, little;
    int wires = 0;

    cr_assert_eq(getrlimit(RLIMIT_AS, &limit), 0);
    little = limit;
    little.rlim_cur = 1 << 20; /* less than there is: nothing more can be had from the kernel */
    cr_assert_eq(setrlimit(RLIMIT_AS, &little), 0);
    while (wires < VC_NS3_WIRES_MAX && vc_ns3_wire_new(sim, perfect, frame_nothing, NULL, NULL) >= 0)
        wires++;
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    cr_assert_lt(wires, VC_NS3_WIRES_MAX, "there was no lack of memory");
    cr_assert_eq(vc_ns3_wire_new(sim, perfect, frame_nothing, NULL, NULL), wires, "and on it goes");
    cr_assert_eq(vc_ns3_wire_send(sim, wires, 0, (const uint8_t *)"x", 1, NULL), 0);
    sim_run(sim);
    sim_free(sim);
}

/* Duplicates are made inside an event. */
Test(bad_input, no_memory_in_an_event)
{
    static const uint8_t frame[VC_NS3_FRAME_MAX];
    const struct vc_wire doubling[2] = {{.duplicate_ppm = 1000000}, {0}};
    struct vc_ns3 *sim = sim_new(VC_NS3_VIRTUAL, 1);
    struct rlimit limit, little;

    cr_assert_eq(vc_ns3_wire_new(sim, doubling, frame_nothing, NULL, NULL), 0);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(vc_ns3_wire_send(sim, 0, 0, frame, sizeof frame, NULL), 0);
    cr_assert_eq(getrlimit(RLIMIT_AS, &limit), 0);
    little = limit;
    little.rlim_cur = 1 << 20;
    cr_assert_eq(setrlimit(RLIMIT_AS, &little), 0);
    VC_AUTO_ERROR *why = NULL;
    int status = vc_ns3_run(sim, VC_NS3_FOREVER, &why);
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    cr_assert_eq(status, -1);
    cr_assert(strstr(why->message, "an event failed"), "%s", why->message);
    FAILS(vc_ns3_run(sim, VC_NS3_FOREVER, &err), "failed before");
    sim_free(sim);
}
#endif
