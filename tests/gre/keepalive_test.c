/* When keepalives go out and when the tunnel goes down and up, second by second, without a clock. */
#include <criterion/criterion.h>

#include "base/util.h"
#include "gre/keepalive.h"

#define T0 (1000 * VC_NS_PER_S)
#define S  VC_NS_PER_S
#define MS VC_NS_PER_MS

/* Plays the timer up to and including `until_ns`; returns the time the tunnel went down, or 0. Counts what was sent. */
static int64_t play(struct vc_keepalive *k, int64_t until_ns, int *sent)
{
    int64_t down_ns = 0;

    while (vc_keepalive_deadline(k) <= until_ns) {
        int64_t now_ns = vc_keepalive_deadline(k);
        enum vc_keepalive_due due = vc_keepalive_tick(k, now_ns);
        *sent += due != VC_KEEPALIVE_NOTHING;
        if (due == VC_KEEPALIVE_SEND_AND_DOWN)
            down_ns = now_ns;
    }
    return down_ns;
}

Test(keepalive, off_sends_nothing_and_stays_up)
{
    struct vc_keepalive k;

    vc_keepalive_start(&k, 0, 3, T0);
    cr_assert_eq(vc_keepalive_deadline(&k), INT64_MAX);
    cr_assert_eq(vc_keepalive_tick(&k, T0 + 1000 * S), VC_KEEPALIVE_NOTHING);
    cr_assert(k.up);
}

Test(keepalive, first_at_once_then_every_100_ms_for_a_second)
{
    struct vc_keepalive k;
    int sent = 0;

    vc_keepalive_start(&k, 10, 3, T0);
    cr_assert_eq(vc_keepalive_deadline(&k), T0);
    play(&k, T0, &sent);
    cr_assert_eq(sent, 1);
    cr_assert_eq(vc_keepalive_deadline(&k), T0 + 100 * MS);
    play(&k, T0 + 9 * S, &sent);
    cr_assert_eq(sent, 10);
    cr_assert_eq(vc_keepalive_deadline(&k), T0 + 10 * S);
}

Test(keepalive, the_first_answer_ends_the_burst)
{
    struct vc_keepalive k;
    int sent = 0;

    vc_keepalive_start(&k, 10, 3, T0);
    play(&k, T0 + 150 * MS, &sent);
    cr_assert_eq(sent, 2);
    cr_assert_not(vc_keepalive_answered(&k), "it was up already");
    cr_assert_eq(vc_keepalive_deadline(&k), T0 + 10 * S);
}

Test(keepalive, burst_ends_with_a_one_second_interval)
{
    struct vc_keepalive k;
    int sent = 0;

    vc_keepalive_start(&k, 1, 3, T0);
    play(&k, T0 + 1500 * MS, &sent);
    cr_assert_eq(sent, 11);
}

Test(keepalive, never_answered_goes_down_after_retries_intervals_not_after_the_burst)
{
    struct vc_keepalive k;
    int sent = 0;

    vc_keepalive_start(&k, 10, 3, T0);
    cr_assert_eq(play(&k, T0 + 100 * S, &sent), T0 + 30 * S);
    cr_assert_not(k.up);
}

/* The path breaks just after an answer: the next three regular ones go unanswered, each for its whole interval. */
Test(keepalive, cut_after_an_answer_takes_retries_plus_one_intervals)
{
    struct vc_keepalive k;
    int sent = 0;

    vc_keepalive_start(&k, 10, 3, T0);
    play(&k, T0 + 20 * S, &sent);
    vc_keepalive_answered(&k);
    cr_assert_eq(play(&k, T0 + 100 * S, &sent), T0 + 60 * S);
}

Test(keepalive, one_answer_in_three_keeps_it_up)
{
    struct vc_keepalive k;
    int sent = 0;

    vc_keepalive_start(&k, 10, 3, T0);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(play(&k, T0 + (20 + i * 30) * S, &sent), 0);
        vc_keepalive_answered(&k);
    }
    cr_assert(k.up);
}

Test(keepalive, while_down_it_goes_on_asking_and_one_answer_brings_it_up)
{
    struct vc_keepalive k;
    int sent = 0;

    vc_keepalive_start(&k, 1, 2, T0);
    cr_assert_neq(play(&k, T0 + 5 * S, &sent), 0);
    sent = 0;
    cr_assert_eq(play(&k, T0 + 10 * S, &sent), 0, "down is told once");
    cr_assert_eq(sent, 5);
    cr_assert(vc_keepalive_answered(&k));
    cr_assert(k.up);
    cr_assert_not(vc_keepalive_answered(&k), "up is told once");
    cr_assert_eq(play(&k, T0 + 20 * S, &sent), T0 + 13 * S, "and then counts from zero");
}

/* Held up for a minute, a process judges one interval, not six, and sends one keepalive. */
Test(keepalive, own_delay_is_one_miss)
{
    struct vc_keepalive k;
    int sent = 0;

    vc_keepalive_start(&k, 10, 3, T0);
    play(&k, T0, &sent);
    cr_assert_eq(vc_keepalive_tick(&k, T0 + 60 * S), VC_KEEPALIVE_SEND);
    cr_assert_eq(k.missed, 1);
    cr_assert_eq(vc_keepalive_tick(&k, T0 + 60 * S), VC_KEEPALIVE_NOTHING);
    cr_assert_eq(vc_keepalive_deadline(&k), T0 + 70 * S);
}

Test(keepalive, retries_zero_counts_as_one)
{
    struct vc_keepalive k;
    int sent = 0;

    vc_keepalive_start(&k, 10, 0, T0);
    cr_assert_eq(play(&k, T0 + 100 * S, &sent), T0 + 10 * S);
}
