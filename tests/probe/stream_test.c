/* The arithmetic of one direction, on a clock of the test's own. */
#include <criterion/criterion.h>
#include <string.h>

#include "probe/stream.h"

#define MS  VC_NS_PER_MS
#define OWD (VC_NS_PER_MS / 2)

struct run {
    struct vc_events *events;
    json_t *seen;
    struct vc_points points;
    struct vc_stream stream;
};

static void collect(void *arg, json_t *event)
{
    json_array_append(arg, event);
}

static struct run *begin(void)
{
    struct run *run = talloc_zero(NULL, struct run);

    run->events = vc_events_new(run);
    run->seen = json_array();
    vc_events_subscribe(run->events, collect, run->seen);
    vc_points_add(run, &run->points, "dc1", NULL, NULL);
    vc_points_add(run, &run->points, "wan", NULL, NULL);
    run->stream = (struct vc_stream){
        .events = run->events, .points = &run->points, .flow = "voice", .direction = "forward", .interval_ns = 20 * MS};
    vc_stream_init(run, &run->stream);
    return run;
}

static void end(struct run *run)
{
    json_decref(run->seen);
    talloc_free(run);
}

/* Sends packet k at 20k ms, with the tick that follows a sending. */
static void send_one(struct run *run, uint64_t k)
{
    cr_assert_eq(vc_stream_sending(&run->stream, (int64_t)k * 20 * MS), k);
    vc_stream_tick(&run->stream, (int64_t)k * 20 * MS);
}

static void arrive(struct run *run, uint64_t k, int64_t delay_ns)
{
    vc_stream_received(&run->stream, k, (int64_t)k * 20 * MS + delay_ns, delay_ns);
}

static void pass(struct run *run, uint64_t from, uint64_t to)
{
    for (uint64_t k = from; k <= to; k++) {
        send_one(run, k);
        arrive(run, k, OWD);
    }
}

static void lose(struct run *run, uint64_t from, uint64_t to)
{
    for (uint64_t k = from; k <= to; k++)
        send_one(run, k);
}

static json_t *event(const struct run *run, const char *what, size_t nth)
{
    size_t i;
    json_t *entry;

    json_array_foreach(run->seen, i, entry) if (strcmp(json_string_value(json_object_get(entry, "what")), what) == 0 &&
                                                nth-- == 0) return entry;
    return NULL;
}

static json_int_t number(const json_t *object, const char *member)
{
    cr_assert(json_is_integer(json_object_get(object, member)), "%s", member);
    return json_integer_value(json_object_get(object, member));
}

Test(stream, one_lost_packet_is_a_gap_but_no_outage)
{
    struct run *run = begin();

    pass(run, 0, 9);
    lose(run, 10, 10);
    pass(run, 11, 14);
    cr_expect_null(event(run, "gap", 0), "it may still come late");
    pass(run, 15, 15);
    const json_t *gap = event(run, "gap", 0);
    cr_assert(gap);
    cr_expect_eq(number(gap, "lost"), 1);
    cr_expect_eq(number(gap, "start_ns"), 180 * MS + OWD);
    cr_expect_eq(number(gap, "end_ns"), 220 * MS + OWD);
    cr_expect_eq(number(gap, "t_ns"), 220 * MS + OWD);
    cr_expect_eq(number(gap, "first_lost_ns"), 200 * MS);
    cr_expect_eq(number(gap, "last_lost_ns"), 200 * MS);
    cr_expect_eq(number(gap, "resolution_ns"), 20 * MS);
    cr_expect_null(event(run, "outage-begin", 0));
    cr_expect_null(event(run, "gap", 1));
    end(run);
}

Test(stream, an_outage_begins_after_three_intervals_and_ends_at_once)
{
    struct run *run = begin();

    pass(run, 0, 9);
    lose(run, 10, 12);
    cr_expect_null(event(run, "outage-begin", 0), "59.5 ms since the last arrival");
    lose(run, 13, 59);
    const json_t *out = event(run, "outage-begin", 0);
    cr_assert(out);
    cr_expect_eq(number(out, "since_ns"), 180 * MS + OWD);
    cr_expect_eq(number(out, "t_ns"), 260 * MS);
    pass(run, 60, 60);
    const json_t *gap = event(run, "gap", 0);
    cr_assert(gap);
    cr_expect_eq(number(gap, "lost"), 50);
    cr_expect_eq(number(gap, "end_ns") - number(gap, "start_ns"), 51 * 20 * MS);
    cr_expect_eq(number(gap, "first_lost_ns"), 200 * MS);
    cr_expect_eq(number(gap, "last_lost_ns"), 59 * 20 * MS);
    cr_expect_null(event(run, "outage-begin", 1));
    end(run);
}

Test(stream, reordering_is_no_loss)
{
    struct run *run = begin();

    pass(run, 0, 9);
    lose(run, 10, 11);
    send_one(run, 12);
    arrive(run, 12, OWD);
    arrive(run, 11, 21 * MS);
    arrive(run, 10, 41 * MS);
    arrive(run, 10, 42 * MS); /* and once more */
    pass(run, 13, 30);
    vc_stream_finish(&run->stream, 30 * 20 * MS + OWD);
    cr_expect_null(event(run, "gap", 0));
    const json_t *summary = event(run, "summary", 0);
    cr_expect_eq(number(summary, "lost"), 0);
    cr_expect_eq(number(summary, "sent"), 31);
    cr_expect_eq(number(summary, "received"), 31);
    cr_expect_eq(number(summary, "reordered"), 2);
    cr_expect_eq(number(summary, "duplicated"), 1);
    end(run);
}

Test(stream, what_came_before_the_first_arrival_is_waiting)
{
    struct run *run = begin();

    lose(run, 0, 34);
    cr_expect_null(event(run, "outage-begin", 0));
    pass(run, 35, 44);
    vc_stream_finish(&run->stream, 44 * 20 * MS + OWD);
    const json_t *summary = event(run, "summary", 0);
    cr_expect_null(event(run, "gap", 0));
    cr_expect_eq(number(summary, "sent"), 10);
    cr_expect_eq(number(summary, "lost"), 0);
    cr_expect_float_eq(json_number_value(json_object_get(summary, "waited_ms")), 700.5, 1e-9);
    end(run);
}

Test(stream, a_late_sender_makes_no_outage)
{
    struct run *run = begin();

    pass(run, 0, 9);
    /* The engine slept from 180 ms to 500 ms; then it sends all that is due. */
    for (uint64_t k = 10; k <= 25; k++)
        vc_stream_sending(&run->stream, 500 * MS);
    vc_stream_tick(&run->stream, 500 * MS);
    cr_expect_not(vc_stream_silent(&run->stream, 500 * MS));
    for (uint64_t k = 10; k <= 25; k++)
        vc_stream_received(&run->stream, k, 500 * MS + OWD, OWD);
    vc_stream_tick(&run->stream, 520 * MS);
    cr_expect_null(event(run, "outage-begin", 0));
    cr_expect_null(event(run, "gap", 0));
    end(run);
}

Test(stream, held_up_packets_end_the_outage_without_loss)
{
    struct run *run = begin();

    pass(run, 0, 9);
    lose(run, 10, 20);
    cr_assert(event(run, "outage-begin", 0));
    for (uint64_t k = 10; k <= 20; k++)
        vc_stream_received(&run->stream, k, 401 * MS, 401 * MS - (int64_t)k * 20 * MS);
    const json_t *gap = event(run, "gap", 0);
    cr_assert(gap);
    cr_expect_eq(number(gap, "lost"), 0);
    cr_expect_eq(number(gap, "end_ns"), 401 * MS);
    cr_expect_null(event(run, "gap", 1));
    end(run);
}

Test(stream, an_open_outage_is_closed_at_the_end)
{
    struct run *run = begin();

    pass(run, 0, 9);
    lose(run, 10, 29);
    vc_stream_finish(&run->stream, 600 * MS);
    const json_t *gap = event(run, "gap", 0), *summary = event(run, "summary", 0);
    cr_assert(gap);
    cr_expect(json_is_true(json_object_get(gap, "open")));
    cr_expect_eq(number(gap, "lost"), 20);
    cr_expect_eq(number(gap, "end_ns"), 600 * MS);
    cr_expect_eq(number(summary, "lost"), 20);
    cr_expect_eq(number(summary, "sent"), 30);
    cr_expect_eq(number(summary, "longest_gap_ns"), 600 * MS - 180 * MS - OWD);
    end(run);
}

Test(stream, a_packet_under_way_at_the_end_is_not_lost)
{
    struct run *run = begin();

    pass(run, 0, 9);
    send_one(run, 10);
    vc_stream_finish(&run->stream, 200 * MS + OWD / 2);
    cr_expect_null(event(run, "gap", 0));
    cr_expect_eq(number(event(run, "summary", 0), "lost"), 0);
    cr_expect_eq(number(event(run, "summary", 0), "sent"), 10);
    end(run);
}

static void pass_by(struct run *run, uint64_t k, size_t crossings, const uint8_t *names)
{
    send_one(run, k);
    for (size_t i = 0; i < crossings; i++)
        vc_stream_crossed(&run->stream, k, names[i], (int64_t)i * 1000);
    arrive(run, k, OWD);
}

Test(stream, a_path_is_told_when_it_changes)
{
    static const uint8_t own[] = {0}, backup[] = {1, 0};
    struct run *run = begin();
    VC_AUTO_JSON *first = json_pack("[s]", "dc1");
    VC_AUTO_JSON *second = json_pack("[s, s]", "wan", "dc1");

    for (uint64_t k = 0; k < 5; k++)
        pass_by(run, k, 1, own);
    lose(run, 5, 20);
    pass_by(run, 21, 2, backup);
    pass_by(run, 22, 2, backup);
    pass_by(run, 23, 0, own);
    cr_expect(json_equal(json_object_get(event(run, "path", 0), "path"), first));
    cr_expect_eq(number(event(run, "path", 0), "seq"), 0);
    cr_expect(json_equal(json_object_get(event(run, "path", 1), "path"), second));
    cr_expect_eq(number(event(run, "path", 1), "seq"), 21);
    cr_expect_eq(json_array_size(json_object_get(event(run, "path", 2), "path")), 0);
    cr_expect_null(event(run, "path", 3));
    /* The new path is known before the outage is over. */
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(run->seen, 1), "what")), "outage-begin");
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(run->seen, 2), "what")), "path");
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(run->seen, 3), "what")), "gap");
    end(run);
}

Test(stream, delay_jitter_and_mos)
{
    struct run *run = begin();

    for (uint64_t k = 0; k < 1000; k++) {
        send_one(run, k);
        arrive(run, k, k % 2 ? 12 * MS : 10 * MS);
    }
    vc_stream_finish(&run->stream, 20 * VC_NS_PER_S);
    const json_t *summary = event(run, "summary", 0), *owd = json_object_get(summary, "owd_ms");
    cr_expect_float_eq(json_number_value(json_object_get(owd, "min")), 10, 1e-9);
    cr_expect_float_eq(json_number_value(json_object_get(owd, "median")), 10, 0.2);
    cr_expect_float_eq(json_number_value(json_object_get(owd, "p99")), 12, 0.2);
    cr_expect_float_eq(json_number_value(json_object_get(owd, "max")), 12, 1e-9);
    cr_expect_float_eq(json_number_value(json_object_get(summary, "jitter_ms")), 2, 1e-6, "|D| is always 2 ms");
    cr_expect_float_eq(json_number_value(json_object_get(summary, "mos")), 4.40, 0.01);
    end(run);
}

Test(stream, minutes_of_outage_and_strangers)
{
    struct run *run = begin();

    pass(run, 0, 9);
    lose(run, 10, 9 + VC_STREAM_RING + 100);
    vc_stream_received(&run->stream, 1ULL << 60, 0, 0); /* never sent */
    arrive(run, 12, OWD);                               /* forgotten by now */
    pass(run, 10 + VC_STREAM_RING + 100, 10 + VC_STREAM_RING + 110);
    const json_t *gap = event(run, "gap", 0);
    cr_assert(gap);
    cr_expect_eq(number(gap, "lost"), VC_STREAM_RING + 100);
    cr_expect_eq(vc_stream_lost(&run->stream), VC_STREAM_RING + 100);
    cr_expect_eq(vc_stream_rate(&run->stream, (10 + VC_STREAM_RING + 110) * 20 * MS + OWD), 11);
    end(run);
}

/* ---- a pace that changes ---- */

/* Sends the next packet at `t_ns` and, unless lost, receives it. */
static void step(struct run *run, int64_t t_ns, bool lost)
{
    uint64_t seq = vc_stream_sending(&run->stream, t_ns);

    vc_stream_tick(&run->stream, t_ns);
    if (!lost)
        vc_stream_received(&run->stream, seq, t_ns + OWD, OWD);
}

/* `count` packets, the first at *t_ns, `interval_ms` apart; moves *t_ns to where the next is due. */
static void steps(struct run *run, int64_t *t_ns, unsigned count, int64_t interval_ms, bool lost)
{
    for (unsigned i = 0; i < count; i++, *t_ns += interval_ms * MS)
        step(run, *t_ns, lost);
}

static struct run *begin_slow(void)
{
    struct run *run = begin();

    run->stream.interval_ns = 1000 * MS;
    return run;
}

Test(stream, the_spacing_of_a_slow_flow_is_no_outage_but_its_losses_are)
{
    struct run *run = begin_slow();
    int64_t t_ns = 0;

    steps(run, &t_ns, 5, 1000, false);
    vc_stream_tick(&run->stream, t_ns - 10 * MS);
    cr_expect_null(event(run, "outage-begin", 0), "a second of silence is this flow's pace");
    step(run, t_ns, true);
    step(run, t_ns + 1000 * MS, false);
    step(run, t_ns + 2000 * MS, false);
    t_ns += 3000 * MS;
    steps(run, &t_ns, 3, 1000, false);
    const json_t *gap = event(run, "gap", 0);
    cr_assert(gap);
    cr_expect_eq(number(gap, "lost"), 1);
    cr_expect_eq(number(gap, "resolution_ns"), 1000 * MS);
    cr_expect_null(event(run, "outage-begin", 0));
    step(run, t_ns, true);
    step(run, t_ns + 1000 * MS, true);
    step(run, t_ns + 2000 * MS, true);
    vc_stream_tick(&run->stream, t_ns + 2000 * MS + OWD);
    cr_expect(event(run, "outage-begin", 0), "three in a row");
    end(run);
}

Test(stream, a_change_of_pace_loses_and_invents_nothing)
{
    struct run *run = begin_slow();
    int64_t t_ns = 0;

    for (int round = 0; round < 3; round++) {
        run->stream.interval_ns = 1000 * MS;
        steps(run, &t_ns, 4, 1000, false);
        t_ns -= 400 * MS; /* the quick pace begins at once */
        run->stream.interval_ns = 20 * MS;
        steps(run, &t_ns, 100, 20, false);
    }
    vc_stream_finish(&run->stream, t_ns);
    cr_expect_null(event(run, "gap", 0));
    cr_expect_null(event(run, "outage-begin", 0));
    const json_t *summary = event(run, "summary", 0);
    cr_assert(summary);
    cr_expect_eq(number(summary, "sent"), 312);
    cr_expect_eq(number(summary, "received"), 312);
    cr_expect_eq(number(summary, "lost"), 0);
    cr_expect_eq(number(summary, "resolution_ns"), 1000 * MS, "the coarsest of the run");
    end(run);
}

Test(stream, a_gap_is_as_exact_as_the_pace_around_it)
{
    struct run *run = begin_slow();
    int64_t t_ns = 0;

    steps(run, &t_ns, 3, 1000, false);
    run->stream.interval_ns = 20 * MS;
    steps(run, &t_ns, 10, 20, false);
    int64_t lost_ns = t_ns;
    steps(run, &t_ns, 5, 20, true);
    const json_t *out = event(run, "outage-begin", 0);
    cr_assert(out, "three quick packets are enough, whatever the pace was before");
    cr_expect_eq(number(out, "t_ns"), lost_ns + 60 * MS);
    steps(run, &t_ns, 1, 20, false);
    const json_t *gap = event(run, "gap", 0);
    cr_assert(gap);
    cr_expect_eq(number(gap, "lost"), 5);
    cr_expect_eq(number(gap, "first_lost_ns"), lost_ns);
    cr_expect_eq(number(gap, "resolution_ns"), 20 * MS);
    end(run);
}

/* The packet before the first lost one may be a whole slow interval ago: the outage may have begun anywhere in it. */
Test(stream, a_gap_at_the_change_to_a_quick_pace_is_as_exact_as_the_slow_one)
{
    struct run *run = begin_slow();
    int64_t t_ns = 0;

    steps(run, &t_ns, 3, 1000, false);
    t_ns -= 300 * MS;
    run->stream.interval_ns = 20 * MS;
    steps(run, &t_ns, 3, 20, true);
    cr_expect_null(event(run, "outage-begin", 0), "the third had no time to arrive");
    steps(run, &t_ns, 1, 20, true);
    cr_expect(event(run, "outage-begin", 0));
    steps(run, &t_ns, 1, 20, false);
    const json_t *gap = event(run, "gap", 0);
    cr_assert(gap);
    cr_expect_eq(number(gap, "lost"), 4);
    cr_expect_eq(number(gap, "resolution_ns"), 1000 * MS);
    end(run);
}

Test(stream, one_loss_before_a_slow_pace_is_no_outage)
{
    struct run *run = begin();
    int64_t t_ns = 0;

    steps(run, &t_ns, 10, 20, false);
    run->stream.interval_ns = 1000 * MS;
    step(run, t_ns, true); /* was due at the quick pace; the next is a second away */
    t_ns += 1000 * MS;
    step(run, t_ns, false);
    cr_expect_null(event(run, "outage-begin", 0), "a second passed, but one packet is missing");
    t_ns += 1000 * MS;
    steps(run, &t_ns, 4, 1000, false);
    const json_t *gap = event(run, "gap", 0);
    cr_assert(gap);
    cr_expect_eq(number(gap, "lost"), 1);
    cr_expect_eq(number(gap, "resolution_ns"), 1000 * MS, "it ended somewhere in the slow interval");
    end(run);
}

/* However many packets the slow pace lost before: three quick ones show what the slow ones would take seconds to. */
Test(stream, losses_at_a_slow_pace_do_not_delay_what_quick_packets_show)
{
    for (unsigned slow = 0; slow <= 2; slow++) {
        struct run *run = begin_slow();
        int64_t t_ns = 0;

        steps(run, &t_ns, 3, 1000, false);
        steps(run, &t_ns, slow, 1000, true);
        run->stream.interval_ns = 20 * MS;
        int64_t quick_ns = t_ns;
        steps(run, &t_ns, 5, 20, true);
        const json_t *out = event(run, "outage-begin", 0);
        cr_assert(out, "%u lost before", slow);
        cr_expect_leq(number(out, "t_ns"), quick_ns + 80 * MS, "%u lost before", slow);
        cr_expect_eq(number(out, "since_ns"), 2000 * MS + OWD);
        end(run);
    }
}
