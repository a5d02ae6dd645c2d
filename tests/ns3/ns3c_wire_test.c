/* Wires in virtual time, where what is configured is what happens, to the nanosecond or to the bounds of chance. */
#include "ns3c_wire.h"

Test(wire, perfect)
{
    struct seen seen;

    wire_make(&seen, (struct vc_wire){0}, 1);
    send_series(&seen, 1000, 1000);
    struct vc_wire_counters c = counters(&seen, 0), back = counters(&seen, 1);
    cr_assert(c.received == 1000 && c.delivered == 1000 && c.delivered_bytes == 100000 && c.received_bytes == 100000);
    cr_assert(back.received == 0 && back.delivered == 0);
    cr_assert(seen.count[1] == 1000 && seen.count[0] == 0);
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert(seen.arrivals[i].number == i && seen.arrivals[i].at == i * 1000 && !seen.arrivals[i].flipped);
    wire_free(&seen);
}

Test(wire, delay_is_exact_and_each_direction_has_its_own)
{
    const struct vc_wire character[2] = {{.delay_us = 80000}, {.delay_us = 5}};
    struct seen seen;

    wire_make(&seen, (struct vc_wire){0}, 1);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(vc_ns3_wire_set(seen.sim, seen.wire, i, &character[i], NULL), 0);
    send_sized(&seen, 0, 100);
    send_sized(&seen, 1, 100);
    sim_run(seen.sim);
    cr_assert(seen.arrivals[0].number == 1 && seen.arrivals[0].at == 5000);
    cr_assert(seen.arrivals[1].number == 0 && seen.arrivals[1].at == 80000000);
    cr_assert(seen.count[0] == 1 && seen.count[1] == 1);
    wire_free(&seen);
}

Test(wire, jitter_is_even_and_keeps_the_order)
{
    enum { N = 100000, US = 1000 };
    struct seen seen;
    uint64_t tenths[10] = {0};

    /* Frames far enough apart that none has to wait for the one before it: the delays are what was drawn. */
    wire_make(&seen, (struct vc_wire){.delay_us = 1000, .jitter_us = 300}, 3);
    send_series(&seen, N, 2000 * US);
    cr_assert_eq(seen.size, N);
    for (uint32_t i = 0; i < N; i++) {
        int64_t delay = seen.arrivals[i].at - (int64_t)i * 2000 * US;
        cr_assert_eq(seen.arrivals[i].number, i);
        cr_assert(delay >= 700 * US && delay <= 1300 * US, "%ld", (long)delay);
        tenths[delay == 1300 * US ? 9 : (delay - 700 * US) / (60 * US)]++;
    }
    for (int i = 0; i < 10; i++)
        in_bounds("a tenth of the jitter", N, tenths[i], 0.1);
    wire_free(&seen);

    wire_make(&seen, (struct vc_wire){.delay_us = 1000, .jitter_us = 1000}, 3);
    send_series(&seen, 10000, 10 * US);
    for (uint32_t i = 0; i < 10000; i++)
        cr_assert(seen.arrivals[i].number == i && (!i || seen.arrivals[i].at >= seen.arrivals[i - 1].at));
    wire_free(&seen);
}

Test(wire, rate_is_exact)
{
    static const uint32_t rates[] = {1, 10, 50, 250, 10000};
    struct seen seen;

    for (size_t i = 0; i < VC_COUNT(rates); i++) {
        /* 10,000 frames of 1514 bytes at once: the last has waited for all of them. */
        wire_make(&seen, (struct vc_wire){.delay_us = 1000, .rate_mbit = rates[i], .limit = 100000}, 1);
        for (int n = 0; n < 10000; n++)
            send_sized(&seen, 0, 1514);
        sim_run(seen.sim);
        double ns = (double)seen.arrivals[9999].at - 1e6, mbit = 10000.0 * 1514 * 8e3 / ns;
        cr_assert_float_eq(mbit, rates[i], rates[i] * 0.0005, "%g", mbit);
        cr_assert_eq(seen.arrivals[0].at, 1000000 + (1514 * 8000 + rates[i] / 2) / rates[i]);
        cr_assert_eq(counters(&seen, 0).longest_queue, 10000);
        wire_free(&seen);
    }
}

Test(wire, limit_counts_what_waits_and_what_is_under_way)
{
    struct seen seen;

    wire_make(&seen, (struct vc_wire){.delay_us = 1000, .limit = 7}, 1);
    for (int i = 0; i < 10; i++)
        send_sized(&seen, 0, 100);
    sim_run(seen.sim);
    struct vc_wire_counters c = counters(&seen, 0);
    cr_assert(c.dropped_queue == 3 && c.delivered == 7 && c.longest_queue == 7 && c.held == 0);
    cr_assert_eq(seen.arrivals[6].number, 6, "the last ones are dropped");
    send_sized(&seen, 0, 100);
    sim_run(seen.sim);
    cr_assert_eq(counters(&seen, 0).delivered, 8, "there is room again");
    wire_free(&seen);
}

static void down(void *arg)
{
    struct seen *seen = arg;

    cr_assert_eq(vc_ns3_wire_up(seen->sim, seen->wire, 0, false, NULL), 0);
    send_sized(seen, 0, 100);
    send_sized(seen, 1, 100);
}

static void up(void *arg)
{
    struct seen *seen = arg;

    send_sized(seen, 0, 100);
    cr_assert_eq(vc_ns3_wire_up(seen->sim, seen->wire, 0, true, NULL), 0);
    send_sized(seen, 0, 100);
}

Test(wire, down_loses_what_is_under_way_and_what_comes)
{
    struct seen seen;

    wire_make(&seen, (struct vc_wire){.delay_us = 1000, .rate_mbit = 10}, 1);
    for (int i = 0; i < 5; i++)
        send_sized(&seen, 0, 100);
    cr_assert_eq(vc_ns3_schedule(seen.sim, 1170000, down, &seen, NULL), 0);
    cr_assert_eq(vc_ns3_schedule(seen.sim, 3000000, up, &seen, NULL), 0);
    sim_run(seen.sim);
    struct vc_wire_counters c = counters(&seen, 0);
    /* A frame takes 80 us: two of five have left by 1.16 ms. */
    cr_assert(c.delivered == 3 && c.lost_down == 3 + 1 + 1 && c.held == 0, "%lu delivered, %lu lost",
              (unsigned long)c.delivered, (unsigned long)c.lost_down);
    cr_assert_eq(seen.arrivals[seen.size - 1].at, 3000000 + 1000000 + 80000, "the transmitter is free again");
    cr_assert_eq(seen.count[0], 1, "the other direction is up");
    wire_free(&seen);
}

Test(wire, a_change_counts_for_what_comes_after_it)
{
    struct seen seen;

    wire_make(&seen, (struct vc_wire){.delay_us = 1000}, 1);
    send_sized(&seen, 0, 100);
    cr_assert_eq(vc_ns3_wire_set(seen.sim, seen.wire, VC_NS3_BOTH, &(struct vc_wire){.delay_us = 5000}, NULL), 0);
    send_sized(&seen, 0, 100);
    cr_assert_eq(vc_ns3_wire_set(seen.sim, seen.wire, 0, &(struct vc_wire){.loss_ppm = 1000000}, NULL), 0);
    send_sized(&seen, 0, 100);
    send_sized(&seen, 1, 100);
    cr_assert_eq(vc_ns3_wire_set(seen.sim, seen.wire, 0, &(struct vc_wire){0}, NULL), 0);
    send_sized(&seen, 0, 100);
    sim_run(seen.sim);
    cr_assert_eq(seen.size, 4);
    cr_assert(seen.arrivals[0].number == 0 && seen.arrivals[0].at == 1000000);
    /* Of the last three one came the other way; order is kept, so the frame without a delay waits for the one before.
     */
    for (size_t i = 1; i < 4; i++)
        cr_assert_eq(seen.arrivals[i].at, 5000000);
    cr_assert_eq(counters(&seen, 0).lost_random, 1);
    wire_free(&seen);
}

/* ---- a chain of wires: receivers send ---- */

static void pass_on(void *arg, int wire, int end, const uint8_t *data, size_t size, int64_t due_ns)
{
    struct seen *seen = arg;

    (void)due_ns;
    cr_assert_eq(end, 1);
    seen->count[1]++;
    /* The last one passes it to itself: a loop that delivered inside of send would never come back. */
    if (seen->count[1] < 100000)
        cr_assert_eq(vc_ns3_wire_send(seen->sim, wire, 0, data, size, NULL), 0);
}

Test(wire, a_receiver_may_send_without_an_end_to_it)
{
    struct seen seen = {.sim = sim_new(VC_NS3_VIRTUAL, 1)};
    const struct vc_wire perfect[2] = {{0}};

    cr_assert_eq(vc_ns3_wire_new(seen.sim, perfect, pass_on, &seen, NULL), 0);
    send_sized(&seen, 0, 100);
    sim_run(seen.sim);
    cr_assert_eq(seen.count[1], 100000);
    cr_assert_eq(vc_ns3_now(seen.sim), 0);
    sim_free(seen.sim);
}

/* ---- overrun ---- */

Test(wire, a_simulator_that_does_not_keep_up_says_so)
{
    struct seen seen;

    wire_make(&seen, (struct vc_wire){.limit = 1000000}, 1);
    seen.keep = false;
    for (int i = 0; i < VC_NS3_INBOX_MAX + 10; i++)
        send_sized(&seen, 0, 60);
    cr_assert_eq(vc_ns3_wire_up(seen.sim, seen.wire, 0, true, NULL), 0, "a change always finds room");
    sim_run(seen.sim);
    struct vc_wire_counters c = counters(&seen, 0);
    cr_assert(c.overrun == 10 && c.delivered == VC_NS3_INBOX_MAX && c.received == VC_NS3_INBOX_MAX + 10);
    wire_free(&seen);
}
