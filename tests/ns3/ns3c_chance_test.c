/* Loss, bursts, corruption, duplicates and reordering: to the bounds of chance, with fixed seeds. */
#include "ns3c_wire.h"

Test(chance, chances_are_what_they_are_said_to_be)
{
    enum { N = 200000 };
    static const uint32_t ppm[] = {100, 1000, 10000, 50000, 500000};
    struct seen seen;

    for (size_t i = 0; i < VC_COUNT(ppm); i++) {
        const double p = ppm[i] / 1e6;
        wire_make(&seen,
                  (struct vc_wire){.delay_us = 1000,
                                   .loss_ppm = ppm[i],
                                   .corrupt_ppm = ppm[i],
                                   .duplicate_ppm = ppm[i],
                                   .reorder_ppm = ppm[i]},
                  (uint32_t)i + 1);
        seen.keep = false;
        send_series(&seen, N, 2000000);
        struct vc_wire_counters c = counters(&seen, 0);
        uint64_t all = N + c.duplicated, kept = all - c.lost_random;
        in_bounds("duplicates", N, c.duplicated, p);
        in_bounds("losses", all, c.lost_random, p);
        in_bounds("corrupted", kept, c.corrupted, p);
        in_bounds("reordered", kept, c.reordered, p);
        cr_assert(c.delivered == kept && seen.count[1] == kept && !c.lost_burst && !c.dropped_queue && !c.held);
        wire_free(&seen);
    }
}

Test(chance, all_or_none_is_lost)
{
    struct seen seen;

    wire_make(&seen, (struct vc_wire){.loss_ppm = 1000000}, 1);
    send_series(&seen, 1000, 1000);
    cr_assert_eq(counters(&seen, 0).lost_random, 1000);
    wire_free(&seen);
    /* Bursts without an end are no bursts. */
    wire_make(&seen, (struct vc_wire){.loss_ppm = 1000000, .burst = 5}, 1);
    send_series(&seen, 1000, 1000);
    cr_assert_eq(counters(&seen, 0).lost_random, 1000);
    wire_free(&seen);
}

/* Lengths of the gaps in the numbers that arrived. */
static void bursts(const struct seen *seen, uint64_t *count, uint64_t *lost)
{
    *count = *lost = 0;
    for (size_t i = 1; i < seen->size; i++) {
        uint32_t gap = seen->arrivals[i].number - seen->arrivals[i - 1].number - 1;
        *count += gap > 0;
        *lost += gap;
    }
}

Test(chance, bursts_have_their_mean_length_and_lose_their_share)
{
    enum { N = 300000 };
    static const struct {
        uint32_t ppm, burst;
    } cases[] = {{10000, 4}, {50000, 10}, {100000, 1}, {300000, 3}};
    struct seen seen;

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        const double p = cases[i].ppm / 1e6, r = 1.0 / cases[i].burst, enter = r * p / (1 - p);
        uint64_t count, lost;
        wire_make(&seen, (struct vc_wire){.loss_ppm = cases[i].ppm, .burst = cases[i].burst}, 11);
        send_series(&seen, N, 1000);
        bursts(&seen, &count, &lost);
        struct vc_wire_counters c = counters(&seen, 0);
        cr_assert(c.lost_burst >= lost && c.lost_random == 0);
        /* A chain with this memory makes the variance of the share (2 - enter - r) / (enter + r) times that of
         * independent losses. */
        double bound = 3.29 * sqrt(N * p * (1 - p) * (2 - enter - r) / (enter + r));
        cr_assert_float_eq((double)c.lost_burst, N * p, bound, "%zu: %lu lost, expected %.0f +- %.0f", i,
                           (unsigned long)c.lost_burst, N * p, bound);
        /* The lengths are geometric: mean 1/r, variance (1-r)/r². */
        double mean = (double)lost / (double)count, spread = 3.29 * sqrt((1 - r) / r / r / (double)count);
        cr_assert_float_eq(mean, 1 / r, spread + 1e-9, "%zu: mean burst %g, expected %g +- %g", i, mean, 1 / r, spread);
        wire_free(&seen);
    }
}

Test(chance, corruption_flips_one_bit)
{
    struct seen seen;
    uint64_t in_number = 0;

    wire_make(&seen, (struct vc_wire){.corrupt_ppm = 1000000}, 5);
    send_series(&seen, 10000, 1000);
    for (uint32_t i = 0; i < 10000; i++) {
        /* Bits of the number count as well. */
        unsigned flipped = (unsigned)__builtin_popcount(seen.arrivals[i].number ^ i);
        cr_assert_eq(seen.arrivals[i].flipped + flipped, 1, "%u", i);
        in_number += flipped;
    }
    in_bounds("any of the bits", 10000, in_number, 32.0 / 800);
    wire_free(&seen);
}

Test(chance, duplicates_are_the_same_frame_twice)
{
    struct seen seen;

    wire_make(&seen, (struct vc_wire){.delay_us = 100, .duplicate_ppm = 1000000}, 5);
    send_series(&seen, 1000, 1000000);
    cr_assert_eq(seen.size, 2000);
    for (uint32_t i = 0; i < 2000; i++)
        cr_assert(seen.arrivals[i].number == i / 2 && seen.arrivals[i].at == i / 2 * 1000000LL + 100000);
    wire_free(&seen);
}

Test(chance, reordered_frames_do_not_wait)
{
    struct seen seen;
    uint64_t early = 0;

    wire_make(&seen, (struct vc_wire){.delay_us = 10000, .reorder_ppm = 250000, .rate_mbit = 1}, 5);
    send_series(&seen, 1000, 1000000);
    cr_assert_eq(seen.size, 1000);
    for (size_t i = 0; i < seen.size; i++)
        early += seen.arrivals[i].at == seen.arrivals[i].number * 1000000LL;
    cr_assert_eq(early, counters(&seen, 0).reordered);
    in_bounds("reordered", 1000, early, 0.25);
    wire_free(&seen);
}

static void record(uint32_t seed, uint32_t *numbers, size_t *count)
{
    struct seen seen;

    wire_make(&seen, (struct vc_wire){.delay_us = 1000, .jitter_us = 500, .loss_ppm = 300000}, seed);
    send_series(&seen, 1000, 100);
    *count = seen.size;
    for (size_t i = 0; i < seen.size; i++)
        numbers[i] = seen.arrivals[i].number;
    wire_free(&seen);
}

Test(chance, the_same_seed_loses_the_same_packets)
{
    static uint32_t a[1000], b[1000];
    size_t count_a, count_b;

    record(1, a, &count_a);
    record(1, b, &count_b);
    cr_assert(count_a == count_b && !memcmp(a, b, count_a * sizeof *a));
    record(2, b, &count_b);
    cr_assert(count_a != count_b || memcmp(a, b, count_a * sizeof *a));
}

struct pattern {
    struct vc_ns3 *sim;
    uint8_t lost[2][2][1000]; /* wire, direction, packet */
};

static void mark(void *arg, int wire, int end, const uint8_t *data, size_t size, int64_t due_ns)
{
    struct pattern *pattern = arg;
    uint32_t number;

    (void)size, (void)due_ns;
    memcpy(&number, data, sizeof number);
    pattern->lost[wire][1 - end][number] = 0;
}

Test(chance, each_direction_of_each_wire_has_its_own_chances)
{
    const struct vc_wire half[2] = {{.loss_ppm = 500000}, {.loss_ppm = 500000}};
    struct pattern *pattern = calloc(1, sizeof *pattern);
    uint8_t(*lost)[1000] = pattern->lost[0];

    pattern->sim = sim_new(VC_NS3_VIRTUAL, 1);
    memset(pattern->lost, 1, sizeof pattern->lost);
    for (int wire = 0; wire < 2; wire++) {
        cr_assert_eq(vc_ns3_wire_new(pattern->sim, half, mark, pattern, NULL), wire);
        for (int end = 0; end < 2; end++)
            for (uint32_t i = 0; i < 1000; i++)
                cr_assert_eq(vc_ns3_wire_send(pattern->sim, wire, end, (const uint8_t *)&i, sizeof i, NULL), 0);
    }
    sim_run(pattern->sim);
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < a; b++) {
            uint64_t same = 0;
            for (int i = 0; i < 1000; i++)
                same += lost[a][i] == lost[b][i];
            in_bounds("the same fate", 1000, same, 0.5);
        }
    sim_free(pattern->sim);
    free(pattern);
}
