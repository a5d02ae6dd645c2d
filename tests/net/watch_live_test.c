#include "net/watch.h"
#include "wire.h"

struct watched {
    struct wire wire;
    sd_event *loop;
    struct vc_watch *watch;
    char *seen; /* talloc; one event a line, without its time */
    char *calls;
};

static void remember(void *arg, json_t *event)
{
    struct watched *w = arg;

    json_object_del(event, "t_ns");
    json_object_del(event, "node");
    VC_AUTO_FREE char *line = json_dumps(event, JSON_COMPACT);
    w->seen = talloc_asprintf_append(w->seen, "%s\n", line);
}

static void on_link(void *arg, const char *ifname, bool up, bool carrier)
{
    struct watched *w = arg;

    w->calls = talloc_asprintf_append(w->calls, "%s %d %d\n", ifname, up, carrier);
}

static void watch_start(struct watched *w)
{
    VC_AUTO_ERROR *err = NULL;

    wire_up(&w->wire);
    cr_assert_geq(sd_event_new(&w->loop), 0);
    struct vc_events *events = vc_events_new(w->wire.ctx);
    w->seen = talloc_strdup(w->wire.ctx, "");
    w->calls = talloc_strdup(w->wire.ctx, "");
    vc_events_subscribe(events, remember, w);
    GOT(w->watch = vc_watch_start(w->wire.ctx, w->loop, events, "cpe1", w->wire.netns[0], on_link, w, &err), err);
}

static void watch_stop(struct watched *w)
{
    talloc_free(w->watch);
    sd_event_unref(w->loop);
    wire_down(&w->wire);
}

/* Turns the loop until the line was seen; the test's time limit ends a wait in vain. What was seen up to then is
 * forgotten. */
static void until(struct watched *w, const char *line)
{
    while (!strstr(w->seen, line))
        cr_assert_geq(sd_event_run(w->loop, UINT64_MAX), 0);
    talloc_free(w->seen);
    w->seen = talloc_strdup(w->wire.ctx, "");
}

static void commit(struct watched *w, int end)
{
    VC_AUTO_ERROR *err = NULL;

    OK(vc_rtnl_commit(w->wire.rtnl[end], &err), err);
}

static struct vc_rtnl_route route_via(const char *prefix, const char *via, bool replace)
{
    struct vc_rtnl_route route = {.prefix = prefix_of(prefix), .replace = replace};

    cr_assert(vc_addr_parse(via, &route.via));
    return route;
}

#define LINK(up, carrier)                                                                                              \
    "{\"layer\":\"link\",\"what\":\"state\",\"ifname\":\"wan\",\"up\":" up ",\"carrier\":" carrier "}\n"
#define ROUTE(prefix, via)                                                                                             \
    "{\"layer\":\"fib\",\"what\":\"route\",\"prefix\":\"" prefix                                                       \
    "\",\"present\":true,\"ifname\":\"wan\",\"via\":\"" via "\"}\n"
#define NO_ROUTE(prefix) "{\"layer\":\"fib\",\"what\":\"route\",\"prefix\":\"" prefix "\",\"present\":false}\n"
#define CONNECTED                                                                                                      \
    "{\"layer\":\"fib\",\"what\":\"route\",\"prefix\":\"10.0.0.0/30\",\"present\":true,\"ifname\":\"wan\"}\n"

Test(watch, what_is_there_already_is_reported_first, .timeout = 20)
{
    struct watched w = {0};

    NEED_ROOT();
    watch_start(&w);
    cr_assert_str_eq(w.seen, LINK("true", "true") CONNECTED);
    cr_assert_str_eq(w.calls, "wan 1 1\n");
    watch_stop(&w);
}

Test(watch, routes_come_are_replaced_and_go, .timeout = 20)
{
    struct watched w = {0};

    NEED_ROOT();
    watch_start(&w);
    struct vc_rtnl_route route = route_via("198.18.5.0/25", "10.0.0.2", false);
    vc_rtnl_route(w.wire.rtnl[0], &route, true);
    commit(&w, 0);
    until(&w, ROUTE("198.18.5.0/25", "10.0.0.2"));
    route = route_via("198.18.5.0/25", "10.0.0.1", true);
    route.via.s_addr = inet_addr("10.0.0.2");
    route.metric = 10; /* a worse one beside it: nothing to say */
    vc_rtnl_route(w.wire.rtnl[0], &route, true);
    route = (struct vc_rtnl_route){.prefix = prefix_of("198.18.5.128/25"), .blackhole = true};
    vc_rtnl_route(w.wire.rtnl[0], &route, true); /* no unicast */
    route = (struct vc_rtnl_route){.prefix = prefix_of("198.18.6.0/24"), .ifname = "wan", .table = 100};
    vc_rtnl_route(w.wire.rtnl[0], &route, true); /* another table */
    route = (struct vc_rtnl_route){.prefix = prefix_of("198.18.5.0/25"), .ifname = "wan"};
    vc_rtnl_route(w.wire.rtnl[0], &route, false);
    commit(&w, 0);
    /* The best one went, so the other took its place: the same next hop, so nothing is said until it goes too. */
    vc_rtnl_route(w.wire.rtnl[0], &route, false);
    commit(&w, 0);
    while (!strstr(w.seen, NO_ROUTE("198.18.5.0/25")))
        cr_assert_geq(sd_event_run(w.loop, UINT64_MAX), 0);
    cr_assert_str_eq(w.seen, NO_ROUTE("198.18.5.0/25"));
    watch_stop(&w);
}

Test(watch, routes_that_the_kernel_drops_without_a_word, .timeout = 20)
{
    struct watched w = {0};

    NEED_ROOT();
    watch_start(&w);
    struct vc_rtnl_route route = route_via("198.18.5.0/25", "10.0.0.2", false);
    vc_rtnl_route(w.wire.rtnl[0], &route, true);
    commit(&w, 0);
    until(&w, ROUTE("198.18.5.0/25", "10.0.0.2"));
    vc_rtnl_up(w.wire.rtnl[0], "wan", false);
    commit(&w, 0);
    until(&w, NO_ROUTE("198.18.5.0/25"));
    cr_assert_str_eq(w.calls, "wan 1 1\nwan 0 0\n");
    watch_stop(&w);
}

Test(watch, carrier_follows_the_far_end_and_an_interface_goes, .timeout = 20)
{
    struct watched w = {0};

    NEED_ROOT();
    watch_start(&w);
    vc_rtnl_up(w.wire.rtnl[1], "wan", false);
    commit(&w, 1);
    until(&w, LINK("true", "false"));
    vc_rtnl_up(w.wire.rtnl[1], "wan", true);
    commit(&w, 1);
    until(&w, LINK("true", "true"));
    vc_rtnl_delete_link(w.wire.rtnl[1], "wan");
    commit(&w, 1);
    until(&w, LINK("false", "false"));
    cr_assert_str_eq(w.calls, "wan 1 1\nwan 1 0\nwan 1 1\nwan 0 0\n");
    watch_stop(&w);
}

/* More notifications than the queue holds, and nobody reads: the last ones, which tell of the end, are lost. */
Test(watch, lost_notifications_are_made_good, .timeout = 60)
{
    struct watched w = {0};

    NEED_ROOT();
    watch_start(&w);
    struct vc_rtnl_route route = {.prefix = prefix_of("198.18.5.0/25"), .ifname = "wan", .replace = true};
    for (uint32_t i = 0; i < 20000; i++) {
        route.via = (struct in_addr){i % 2 ? inet_addr("10.0.0.2") : 0};
        vc_rtnl_route(w.wire.rtnl[0], &route, true);
    }
    vc_rtnl_route(w.wire.rtnl[0], &route, false);
    route = route_via("198.18.5.128/25", "10.0.0.2", false);
    vc_rtnl_route(w.wire.rtnl[0], &route, true);
    commit(&w, 0);
    until(&w, ROUTE("198.18.5.128/25", "10.0.0.2"));
    vc_rtnl_up(w.wire.rtnl[1], "wan", false);
    commit(&w, 1);
    until(&w, LINK("true", "false"));
    watch_stop(&w);
}

Test(watch, a_bad_namespace_is_refused)
{
    VC_AUTO_ERROR *err = NULL;
    sd_event *loop = NULL;

    NEED_ROOT();
    VC_AUTO_TALLOC struct vc_events *events = vc_events_new(NULL);
    cr_assert_geq(sd_event_new(&loop), 0);
    cr_assert_null(vc_watch_start(NULL, loop, events, "cpe1", -1, NULL, NULL, &err));
    cr_assert_not_null(strstr(err->message, "Bad file descriptor"), "%s", err->message);
    sd_event_unref(loop);
}
