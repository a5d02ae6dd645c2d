/* Links, addresses and routes in real namespaces. */
#include <errno.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/socket.h>

#include "live.h"
#include "net/netns.h"
#include "net/rtnl_private.h"

struct two {
    int netns[2];
    struct vc_rtnl *rtnl[2];
    void *ctx;
};

static void setup(struct two *t)
{
    VC_AUTO_ERROR *err = NULL;

    t->ctx = talloc_new(NULL);
    for (int i = 0; i < 2; i++) {
        OK(t->netns[i] = vc_netns_new(&err), err);
        GOT(t->rtnl[i] = vc_rtnl_open(t->ctx, t->netns[i], &err), err);
    }
}

static void teardown(struct two *t)
{
    talloc_free(t->ctx);
    close(t->netns[0]);
    close(t->netns[1]);
}

static struct vc_prefix prefix(const char *text)
{
    struct vc_prefix p;

    cr_assert(vc_prefix_parse(text, &p), "%s", text);
    return p;
}

static struct in_addr addr(const char *text)
{
    struct in_addr a;

    cr_assert(vc_addr_parse(text, &a), "%s", text);
    return a;
}

static struct vc_rtnl_veth wire(const struct two *t, const char *name)
{
    return (struct vc_rtnl_veth){.name = {name, name},
                                 .netns = {t->netns[0], t->netns[1]},
                                 .mac = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}},
                                 .mtu = 1500};
}

static const char *member(json_t *routes, const char *which, const char *name)
{
    json_t *route;
    size_t i;

    json_array_foreach(routes, i, route)
    {
        if (!strcmp(json_string_value(json_object_get(route, "prefix")), which))
            return json_string_value(json_object_get(route, name));
    }
    return NULL;
}

Test(rtnl, both_ends_of_a_link_land_in_their_namespaces_with_one_request)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_rtnl_state state;
    struct two t;

    NEED_ROOT();
    setup(&t);
    VC_AUTO_FD third = vc_netns_new(&err);
    VC_AUTO_TALLOC struct vc_rtnl *outside = vc_rtnl_open(NULL, third, &err);
    GOT(outside, err);
    struct vc_rtnl_veth veth = wire(&t, "wan");
    vc_rtnl_veth(outside, &veth);
    OK(vc_rtnl_commit(outside, &err), err);
    for (int i = 0; i < 2; i++) {
        OK(vc_rtnl_state(t.rtnl[i], "wan", &state, &err), err);
        cr_assert(state.exists && !state.up);
        vc_rtnl_up(t.rtnl[i], "wan", true);
        OK(vc_rtnl_commit(t.rtnl[i], &err), err);
    }
    OK(vc_rtnl_state(t.rtnl[0], "wan", &state, &err), err);
    cr_assert(state.up && state.carrier);
    vc_rtnl_up(t.rtnl[1], "wan", false);
    OK(vc_rtnl_commit(t.rtnl[1], &err), err);
    OK(vc_rtnl_state(t.rtnl[0], "wan", &state, &err), err);
    cr_assert(state.up && !state.carrier);
    OK(vc_rtnl_state(outside, "wan", &state, &err), err);
    cr_assert_not(state.exists);
    teardown(&t);
}

Test(rtnl, a_batch_may_use_a_link_that_it_creates)
{
    VC_AUTO_ERROR *err = NULL;
    struct two t;

    NEED_ROOT();
    setup(&t);
    struct vc_rtnl_veth veth = wire(&t, "wan");
    vc_rtnl_veth(t.rtnl[0], &veth);
    vc_rtnl_up(t.rtnl[0], "wan", true);
    vc_rtnl_mtu(t.rtnl[0], "wan", 1400);
    vc_rtnl_txqueue(t.rtnl[0], "wan", 5000);
    vc_rtnl_address(t.rtnl[0], "wan", prefix("10.0.0.1/30"));
    vc_rtnl_route(t.rtnl[0], &(struct vc_rtnl_route){.prefix = prefix("0.0.0.0/0"), .via = addr("10.0.0.2")}, true);
    vc_rtnl_route(t.rtnl[0], &(struct vc_rtnl_route){.prefix = prefix("192.0.2.1/32"), .blackhole = true, .metric = 9},
                  true);
    vc_rtnl_route(t.rtnl[0], &(struct vc_rtnl_route){.prefix = prefix("192.0.2.0/24"), .ifname = "wan"}, true);
    vc_rtnl_route(t.rtnl[0], &(struct vc_rtnl_route){.prefix = prefix("10.9.0.0/16"), .ifname = "wan", .table = 1000},
                  true);
    OK(vc_rtnl_commit(t.rtnl[0], &err), err);

    VC_AUTO_JSON *routes = vc_rtnl_routes(t.rtnl[0], &err);
    GOT(routes, err);
    cr_assert_eq(json_array_size(routes), 4, "table 1000 is not the main table");
    static const char *const sorted[] = {"0.0.0.0/0", "10.0.0.0/30", "192.0.2.0/24", "192.0.2.1/32"};
    for (size_t i = 0; i < VC_COUNT(sorted); i++)
        cr_assert_str_eq(json_string_value(json_object_get(json_array_get(routes, i), "prefix")), sorted[i]);
    cr_assert_str_eq(member(routes, "0.0.0.0/0", "via"), "10.0.0.2");
    cr_assert_str_eq(member(routes, "0.0.0.0/0", "ifname"), "wan");
    cr_assert_str_eq(member(routes, "0.0.0.0/0", "protocol"), "static");
    cr_assert_str_eq(member(routes, "10.0.0.0/30", "protocol"), "kernel");
    cr_assert_null(member(routes, "192.0.2.0/24", "via"));
    cr_assert(json_is_true(json_object_get(json_array_get(routes, 3), "blackhole")));
    cr_assert_null(member(routes, "192.0.2.1/32", "ifname"));
    teardown(&t);
}

/* The first address given is the interface's own, without one it has none. */
Test(rtnl, an_interface_tells_its_mtu_and_address)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_rtnl_link link;
    struct two t;

    NEED_ROOT();
    setup(&t);
    struct vc_rtnl_veth veth = wire(&t, "wan");
    vc_rtnl_veth(t.rtnl[0], &veth);
    vc_rtnl_mtu(t.rtnl[0], "wan", 1400);
    OK(vc_rtnl_commit(t.rtnl[0], &err), err);
    OK(vc_rtnl_link(t.rtnl[0], "wan", &link, &err), err);
    cr_assert(link.exists && !link.gre && link.mtu == 1400 && !link.address.addr.s_addr && !link.address.len);
    vc_rtnl_address(t.rtnl[0], "wan", prefix("10.0.0.1/30"));
    vc_rtnl_address(t.rtnl[0], "wan", prefix("10.0.0.9/30"));
    OK(vc_rtnl_commit(t.rtnl[0], &err), err);
    OK(vc_rtnl_link(t.rtnl[0], "wan", &link, &err), err);
    cr_assert_str_eq(vc_prefix_text(link.address).s, "10.0.0.1/30");
    OK(vc_rtnl_link(t.rtnl[0], "nobody", &link, &err), err);
    cr_assert_not(link.exists);
    teardown(&t);
}

Test(rtnl, routes_are_replaced_and_deleted)
{
    VC_AUTO_ERROR *err = NULL;
    struct two t;

    NEED_ROOT();
    setup(&t);
    struct vc_rtnl_veth veth = wire(&t, "wan");
    struct vc_rtnl_route route = {.prefix = prefix("192.0.2.0/24"), .via = addr("10.0.0.2")};
    vc_rtnl_veth(t.rtnl[0], &veth);
    vc_rtnl_up(t.rtnl[0], "wan", true);
    vc_rtnl_address(t.rtnl[0], "wan", prefix("10.0.0.1/29"));
    vc_rtnl_route(t.rtnl[0], &route, true);
    route.via = addr("10.0.0.3");
    route.replace = true;
    vc_rtnl_route(t.rtnl[0], &route, true);
    OK(vc_rtnl_commit(t.rtnl[0], &err), err);
    VC_AUTO_JSON *before = vc_rtnl_routes(t.rtnl[0], &err);
    cr_assert_str_eq(member(before, "192.0.2.0/24", "via"), "10.0.0.3");
    vc_rtnl_route(t.rtnl[0], &route, false);
    OK(vc_rtnl_commit(t.rtnl[0], &err), err);
    VC_AUTO_JSON *after = vc_rtnl_routes(t.rtnl[0], &err);
    cr_assert_eq(json_array_size(after), 1);
    teardown(&t);
}

Test(rtnl, every_refused_request_is_named_and_the_others_take_effect)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_rtnl_state state;
    struct two t;

    NEED_ROOT();
    setup(&t);
    struct vc_rtnl_veth veth = wire(&t, "wan");
    vc_rtnl_veth(t.rtnl[0], &veth);
    vc_rtnl_veth(t.rtnl[0], &veth);
    vc_rtnl_address(t.rtnl[0], "wan", prefix("10.0.0.1/30"));
    vc_rtnl_address(t.rtnl[0], "wan", prefix("10.0.0.1/30"));
    vc_rtnl_address(t.rtnl[0], "nowhere", prefix("10.0.0.5/30"));
    vc_rtnl_delete_link(t.rtnl[0], "nowhere");
    vc_rtnl_up(t.rtnl[0], "wan", true);
    cr_assert_eq(vc_rtnl_commit(t.rtnl[0], &err), -1);
    cr_assert_eq(err->errnum, EEXIST);
    static const char *const expected[] = {"link wan - wan: File exists", "address 10.0.0.1/30 on wan: File exists",
                                           "address 10.0.0.5/30 on nowhere: No such device",
                                           "delete link nowhere: No such device"};
    for (size_t i = 0; i < VC_COUNT(expected); i++)
        cr_assert_not_null(strstr(err->message, expected[i]), "%s", err->message);
    cr_assert_null(strstr(err->message, "bring up"), "%s", err->message);
    OK(vc_rtnl_state(t.rtnl[0], "wan", &state, &err), err);
    cr_assert(state.up);

    /* What failed is not tried again. */
    vc_rtnl_mtu(t.rtnl[0], "wan", 1400);
    OK(vc_rtnl_commit(t.rtnl[0], &err), err);
    teardown(&t);
}

Test(rtnl, links_move_and_go)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_rtnl_state state;
    struct two t;

    NEED_ROOT();
    setup(&t);
    struct vc_rtnl_veth veth = wire(&t, "x");
    veth.name[1] = "y";
    veth.netns[1] = t.netns[0];
    vc_rtnl_veth(t.rtnl[0], &veth);
    vc_rtnl_move(t.rtnl[0], "y", t.netns[1]);
    OK(vc_rtnl_commit(t.rtnl[0], &err), err);
    OK(vc_rtnl_state(t.rtnl[1], "y", &state, &err), err);
    cr_assert(state.exists);
    vc_rtnl_delete_link(t.rtnl[1], "y");
    OK(vc_rtnl_commit(t.rtnl[1], &err), err);
    OK(vc_rtnl_state(t.rtnl[0], "x", &state, &err), err);
    cr_assert_not(state.exists, "both ends go together");
    teardown(&t);
}

Test(rtnl, more_requests_than_one_write_holds)
{
    VC_AUTO_ERROR *err = NULL;
    struct two t;

    NEED_ROOT();
    setup(&t);
    vc_rtnl_address(t.rtnl[0], "lo", prefix("10.0.0.1/32"));
    for (uint32_t i = 0; i < 1500; i++) {
        struct vc_prefix p = {{htonl(0x0a010000 + i)}, 32};
        vc_rtnl_route(t.rtnl[0], &(struct vc_rtnl_route){.prefix = p, .ifname = "lo"}, true);
    }
    vc_rtnl_route(t.rtnl[0], &(struct vc_rtnl_route){.prefix = prefix("10.1.5.219/32"), .ifname = "lo"}, true);
    cr_assert_eq(vc_rtnl_commit(t.rtnl[0], &err), -1);
    cr_assert_str_eq(err->message, "add route 10.1.5.219/32 on lo: File exists");
    VC_AUTO_JSON *routes = vc_rtnl_routes(t.rtnl[0], &err);
    cr_assert_eq(json_array_size(routes), 1500);
    teardown(&t);
}

Test(rtnl, gre_comes_up_or_the_kernel_s_lack_of_it_is_said)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_rtnl_state state;
    struct two t;

    NEED_ROOT();
    setup(&t);
    vc_rtnl_gre(t.rtnl[0], "gre-dc1", addr("10.200.0.1"), addr("192.0.2.1"), 1400, 64);
    vc_rtnl_address(t.rtnl[0], "gre-dc1", prefix("100.64.0.2/30"));
    vc_rtnl_up(t.rtnl[0], "gre-dc1", true);
    if (vc_rtnl_commit(t.rtnl[0], &err) == 0) {
        OK(vc_rtnl_state(t.rtnl[0], "gre-dc1", &state, &err), err);
        cr_assert(state.up);
    } else {
        cr_assert_eq(err->status, VC_EXIT_HOST);
        cr_assert_not_null(strstr(err->message, "GRE interface gre-dc1 (ip_gre): "), "%s", err->message);
    }
    teardown(&t);
}

Test(rtnl, a_lost_answer_is_an_error_and_not_a_success)
{
    VC_AUTO_ERROR *err = NULL;
    int tiny = 1;
    struct two t;

    NEED_ROOT();
    setup(&t);
    cr_assert_eq(setsockopt(nl_socket_get_fd(vc_rtnl_sock(t.rtnl[0])), SOL_SOCKET, SO_RCVBUFFORCE, &tiny, sizeof tiny),
                 0);
    for (uint32_t i = 0; i < 300; i++)
        vc_rtnl_up(t.rtnl[0], "lo", true);
    cr_assert_eq(vc_rtnl_commit(t.rtnl[0], &err), -1);
    cr_assert_eq(err->errnum, ENOBUFS, "%s", err->message);
    teardown(&t);
}

Test(rtnl, a_bad_namespace_is_refused)
{
    VC_AUTO_ERROR *err = NULL;

    NEED_ROOT();
    cr_assert_null(vc_rtnl_open(NULL, -1, &err));
    cr_assert_not_null(strstr(err->message, "Bad file descriptor"), "%s", err->message);
}
