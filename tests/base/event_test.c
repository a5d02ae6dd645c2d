#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "base/event.h"

static void keep(void *arg, json_t *event)
{
    json_array_append(arg, event);
}

static struct timespec on(clockid_t clock, int64_t plus_ns)
{
    struct timespec t;

    clock_gettime(clock, &t);
    int64_t ns = t.tv_sec * VC_NS_PER_S + t.tv_nsec + plus_ns;
    return (struct timespec){ns / VC_NS_PER_S, ns % VC_NS_PER_S};
}

Test(event, every_layer_has_its_name)
{
    static const char *const names[] = {"link", "ike", "ipsec", "gre", "bgp", "rib", "fib", "probe", "fault", "check"};

    cr_assert_eq(VC_COUNT(names), VC_LAYER_COUNT);
    for (size_t i = 0; i < VC_COUNT(names); i++)
        cr_assert_str_eq(vc_layer_name((enum vc_layer)i), names[i]);
}

Test(event, receivers_get_it_in_the_order_of_subscription_and_members_in_theirs)
{
    VC_AUTO_TALLOC struct vc_events *events = vc_events_new(NULL);
    VC_AUTO_JSON *first = json_array(), *second = json_array();

    vc_events_subscribe(events, keep, first);
    vc_events_subscribe(events, keep, second);
    vc_event(events, VC_LAYER_BGP, "cpe1", "session", 42, "{s:s, s:i}", "state", "Established", "n", 7);
    vc_event(events, VC_LAYER_CHECK, NULL, "end", 43, NULL);
    vc_event_json(events, VC_LAYER_CHECK, NULL, "step", 44, json_pack("{s:i}", "index", 1));
    cr_assert(json_equal(first, second));
    VC_AUTO_FREE char *text = json_dumps(first, JSON_COMPACT);
    cr_assert_str_eq(
        text,
        "[{\"t_ns\":42,\"layer\":\"bgp\",\"node\":\"cpe1\",\"what\":\"session\",\"state\":\"Established\",\"n\":7},"
        "{\"t_ns\":43,\"layer\":\"check\",\"what\":\"end\"},"
        "{\"t_ns\":44,\"layer\":\"check\",\"what\":\"step\",\"index\":1}]");
}

Test(event, members_cannot_take_the_place_of_the_frame)
{
    VC_AUTO_TALLOC struct vc_events *events = vc_events_new(NULL);
    VC_AUTO_JSON *seen = json_array();

    vc_events_subscribe(events, keep, seen);
    vc_event(events, VC_LAYER_LINK, "cpe1", "state", 1, "{s:s, s:i}", "what", "other", "t_ns", 9);
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(seen, 0), "what")), "state");
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(seen, 0), "t_ns")), 1);
}

Test(event, a_negative_time_means_now)
{
    VC_AUTO_TALLOC struct vc_events *events = vc_events_new(NULL);
    VC_AUTO_JSON *seen = json_array();

    vc_events_subscribe(events, keep, seen);
    int64_t before = vc_events_now(events);
    vc_event(events, VC_LAYER_LINK, NULL, "state", -1, NULL);
    int64_t after = vc_events_now(events), t = json_integer_value(json_object_get(json_array_get(seen, 0), "t_ns"));
    cr_assert(before >= 0 && before <= t && t <= after);
}

Test(event, stamps_of_both_clocks_are_put_on_the_lab_s)
{
    VC_AUTO_TALLOC struct vc_events *events = vc_events_new(NULL);
    int64_t before = vc_events_now(events);
    int64_t monotonic = vc_events_from_monotonic(events, on(CLOCK_MONOTONIC, 0));
    int64_t realtime = vc_events_from_realtime(events, on(CLOCK_REALTIME, 0));
    int64_t earlier = vc_events_from_realtime(events, on(CLOCK_REALTIME, -5 * VC_NS_PER_S));
    int64_t after = vc_events_now(events);

    cr_assert(before <= monotonic && monotonic <= after);
    /* Two clocks are read one after the other, so the stamp may come out early or late by what lies between: less than
     * the whole test. */
    int64_t slack = after - before;
    cr_assert(realtime >= before - slack && realtime <= after + slack);
    cr_assert(earlier >= before - slack - 5 * VC_NS_PER_S && earlier <= after + slack - 5 * VC_NS_PER_S);
}

Test(event, a_format_that_json_refuses_aborts, .signal = SIGABRT)
{
    VC_AUTO_TALLOC struct vc_events *events = vc_events_new(NULL);

    vc_event(events, VC_LAYER_LINK, NULL, "state", -1, "{s:s}", "ifname", (char *)NULL);
}
