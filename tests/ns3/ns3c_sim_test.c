#include <pthread.h>
#include <time.h>

#include "ns3c.h"

struct log {
    struct vc_ns3 *sim;
    int64_t at[16];
    size_t count;
};

static void note(void *arg)
{
    struct log *log = arg;

    log->at[log->count++ % VC_COUNT(log->at)] = vc_ns3_now(log->sim);
}

static void note_and_go_on(void *arg)
{
    struct log *log = arg;

    note(log);
    if (log->count < 5)
        cr_assert_eq(vc_ns3_schedule(log->sim, 1000, note_and_go_on, log, NULL), 0);
}

Test(sim, virtual_time_goes_from_event_to_event)
{
    struct log log = {.sim = sim_new(VC_NS3_VIRTUAL, 1)};

    cr_assert_eq(vc_ns3_schedule(log.sim, 3600 * VC_NS_PER_S, note, &log, NULL), 0);
    cr_assert_eq(vc_ns3_schedule(log.sim, 7, note, &log, NULL), 0);
    cr_assert_eq(vc_ns3_post(log.sim, 8, note, &log, NULL), 0);
    sim_run(log.sim);
    cr_assert_eq(log.count, 3);
    cr_assert_eq(log.at[0], 7);
    cr_assert_eq(log.at[1], 8);
    cr_assert_eq(log.at[2], 3600 * VC_NS_PER_S);
    cr_assert_eq(vc_ns3_events(log.sim), 3);
    sim_free(log.sim);
}

Test(sim, runs_until_a_time_and_on)
{
    struct log log = {.sim = sim_new(VC_NS3_VIRTUAL, 1)};

    cr_assert_eq(vc_ns3_schedule(log.sim, 1000, note_and_go_on, &log, NULL), 0);
    cr_assert_eq(vc_ns3_run(log.sim, 2500, NULL), 0);
    cr_assert_eq(log.count, 2);
    cr_assert_eq(vc_ns3_now(log.sim), 2500, "also when nothing happens then");
    cr_assert_eq(vc_ns3_run(log.sim, 2500, NULL), 0, "no time is a time");
    sim_run(log.sim);
    cr_assert_eq(log.count, 5);
    cr_assert_eq(log.at[4], 5000);
    sim_free(log.sim);
}

static void stop_twice(void *arg)
{
    struct log *log = arg;

    note(log);
    cr_assert_eq(vc_ns3_stop(log->sim, NULL), 0);
    cr_assert_eq(vc_ns3_stop(log->sim, NULL), 0);
}

Test(sim, stop_ends_one_run)
{
    struct log log = {.sim = sim_new(VC_NS3_VIRTUAL, 1)};

    cr_assert_eq(vc_ns3_schedule(log.sim, 1000, stop_twice, &log, NULL), 0);
    cr_assert_eq(vc_ns3_schedule(log.sim, 2000, note, &log, NULL), 0);
    cr_assert_eq(vc_ns3_run(log.sim, 5000, NULL), 0);
    cr_assert_eq(log.count, 1);
    cr_assert_eq(vc_ns3_now(log.sim), 1000);
    sim_run(log.sim);
    cr_assert_eq(log.count, 2, "neither a second stop nor the first run's end is left over");
    cr_assert_eq(vc_ns3_now(log.sim), 2000);
    cr_assert_eq(vc_ns3_stop(log.sim, NULL), 0);
    cr_assert_eq(vc_ns3_schedule(log.sim, 1, note, &log, NULL), 0);
    sim_run(log.sim);
    cr_assert_eq(log.count, 2, "a stop before the run");
    sim_run(log.sim);
    cr_assert_eq(log.count, 3);
    sim_free(log.sim);
}

/* ---- real time ---- */

static int64_t monotonic(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * VC_NS_PER_S + t.tv_nsec;
}

static void *post_and_stop(void *arg)
{
    struct log *log = arg;

    for (int i = 0; i < 10; i++)
        cr_assert_eq(vc_ns3_post(log->sim, VC_NS_PER_MS, note, log, NULL), 0);
    cr_assert_geq(vc_ns3_now(log->sim), 0);
    cr_assert_eq(vc_ns3_post(log->sim, 50 * VC_NS_PER_MS, stop_twice, log, NULL), 0);
    return NULL;
}

Test(sim, real_time_takes_time_and_events_from_other_threads, .timeout = 60)
{
    struct log log = {.sim = sim_new(VC_NS3_REAL, 1)};
    struct vc_wire_lag lag;
    pthread_t thread;
    VC_AUTO_ERROR *err = NULL;
    int64_t before = monotonic();

    cr_assert_eq(pthread_create(&thread, NULL, post_and_stop, &log), 0);
    sim_run(log.sim);
    pthread_join(thread, NULL);
    cr_assert_geq(monotonic() - before, 50 * VC_NS_PER_MS);
    cr_assert_eq(log.count, 11);
    cr_assert_eq(vc_ns3_lag(log.sim, &lag, NULL), 0);
    cr_assert_eq(lag.events, 11);
    cr_assert_gt(lag.worst_ns, 0);
    cr_assert(lag.median_ns <= lag.p99_ns && lag.p99_ns <= lag.p999_ns && lag.p999_ns <= lag.worst_ns);
    cr_assert_eq(vc_ns3_lag(log.sim, &lag, NULL), 0);
    cr_assert(lag.events == 0 && lag.worst_ns == 0, "each question begins anew");

    cr_assert_eq(vc_ns3_run(log.sim, VC_NS3_FOREVER, &err), -1);
    cr_assert(strstr(err->message, "once only"));
    cr_assert_eq(vc_ns3_post(log.sim, 0, note, &log, &err), -1);
    cr_assert(strstr(err->message, "over"));
    sim_free(log.sim);
}

static void *stop(void *arg)
{
    cr_assert_eq(vc_ns3_stop(arg, NULL), 0);
    return NULL;
}

Test(sim, real_time_without_events_waits_for_a_stop, .timeout = 60)
{
    struct vc_ns3 *sim = sim_new(VC_NS3_REAL, 1);
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, stop, sim), 0);
    sim_run(sim);
    pthread_join(thread, NULL);
    sim_free(sim);
}

static void sleep_a_little(void *arg)
{
    (void)arg;
    nanosleep(&(struct timespec){.tv_nsec = 30 * VC_NS_PER_MS}, NULL);
}

Test(sim, an_event_that_takes_long_makes_the_next_one_late, .timeout = 60)
{
    struct log log = {.sim = sim_new(VC_NS3_REAL, 1)};
    struct vc_wire_lag lag;

    cr_assert_eq(vc_ns3_schedule(log.sim, VC_NS_PER_MS, sleep_a_little, NULL, NULL), 0);
    cr_assert_eq(vc_ns3_schedule(log.sim, 2 * VC_NS_PER_MS, stop_twice, &log, NULL), 0);
    sim_run(log.sim);
    cr_assert_eq(vc_ns3_lag(log.sim, &lag, NULL), 0);
    cr_assert_eq(log.at[0], 2 * VC_NS_PER_MS, "its time is the one it was due");
    cr_assert_geq(lag.worst_ns, 29 * VC_NS_PER_MS);
    cr_assert_leq(lag.median_ns, lag.worst_ns);
    sim_free(log.sim);
}

/* ---- random streams ---- */

struct moments {
    double mean, deviation, least;
};

static struct moments measure(struct vc_ns3 *sim, int stream, int n)
{
    double sum = 0, squares = 0, least = INFINITY;

    for (int i = 0; i < n; i++) {
        double x = vc_ns3_stream_next(sim, stream);
        sum += x, squares += x * x, least = x < least ? x : least;
    }
    return (struct moments){sum / n, sqrt(squares / n - sum / n * sum / n), least};
}

Test(sim, random_streams_have_their_moments)
{
    enum { N = 100000 };
    static const struct {
        enum vc_ns3_distribution kind;
        double a, b, mean, deviation, least;
    } cases[] = {
        {VC_NS3_UNIFORM, 10, 20, 15, 2.88675, 10}, {VC_NS3_EXPONENTIAL, 3, 0, 3, 3, 0},
        {VC_NS3_NORMAL, -5, 2, -5, 2, -INFINITY},  {VC_NS3_LOGNORMAL, 0, 0.5, 1.13315, 0.60390, 0},
        {VC_NS3_PARETO, 2, 5, 2.5, 0.64550, 2},    {VC_NS3_ERLANG, 4, 2, 8, 4, 0},
    };
    struct vc_ns3 *sim = sim_new(VC_NS3_VIRTUAL, 7);

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        int stream = vc_ns3_stream_new(sim, cases[i].kind, cases[i].a, cases[i].b, NULL);
        cr_assert_eq(stream, (int)i);
        struct moments got = measure(sim, stream, N);
        /* Of the mean the 99.9 % bound of its normal distribution; a deviation's own spread depends on the tail. */
        cr_expect_float_eq(got.mean, cases[i].mean, 3.29 * cases[i].deviation / sqrt(N), "%zu: mean %g", i, got.mean);
        cr_expect_float_eq(got.deviation, cases[i].deviation, 0.05 * cases[i].deviation, "%zu: deviation %g", i,
                           got.deviation);
        cr_expect_geq(got.least, cases[i].least, "%zu", i);
    }
    sim_free(sim);
}

static void draw(uint32_t seed, uint64_t run, double value[4])
{
    struct vc_ns3 *sim = vc_ns3_new(&(struct vc_ns3_config){.seed = seed, .run = run}, NULL);

    cr_assert_not_null(sim);
    for (int i = 0; i < 2; i++) {
        int stream = vc_ns3_stream_new(sim, VC_NS3_UNIFORM, 0, 1, NULL);
        value[2 * i] = vc_ns3_stream_next(sim, stream);
        value[2 * i + 1] = vc_ns3_stream_next(sim, stream);
    }
    sim_free(sim);
}

Test(sim, random_streams_depend_on_seed_run_and_number)
{
    double a[4], b[4];

    draw(1, 0, a);
    draw(1, 0, b);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(a[i], b[i]);
    cr_assert_neq(a[0], a[2], "two streams");
    cr_assert_neq(a[0], a[1]);
    draw(2, 0, b);
    cr_assert_neq(a[0], b[0]);
    draw(1, 1, b);
    cr_assert_neq(a[0], b[0]);
}
