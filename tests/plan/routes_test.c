#include <criterion/criterion.h>
#include <string.h>

#include "plan/node.h"

Test(routes, every_form_is_read)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    struct vc_plan_route *routes;
    size_t count;
    const char *text =
        "# a comment\n\n  0.0.0.0/0 via 10.0.0.1\n10.1.0.0/16 via 10.0.0.2 dev lan1 table 220 metric 7\r\n"
        "10.2.0.0/16 dev wan\n198.18.5.0/24 blackhole metric 4294967295";

    cr_assert_eq(vc_routes_parse(ctx, "routes", text, &routes, &count, &err), 0, "%s", err ? err->message : "");
    cr_assert_eq(count, 4u);
    cr_expect_eq(routes[0].prefix.len, 0);
    cr_expect_str_eq(vc_addr_text(routes[0].via).s, "10.0.0.1");
    cr_expect_eq(routes[0].table, 254u);
    cr_expect_eq(routes[0].metric, 0u);
    cr_expect_null(routes[0].ifname);
    cr_expect_str_eq(vc_prefix_text(routes[1].prefix).s, "10.1.0.0/16");
    cr_expect_str_eq(routes[1].ifname, "lan1");
    cr_expect_eq(routes[1].table, 220u);
    cr_expect_eq(routes[1].metric, 7u);
    cr_expect_str_eq(routes[2].ifname, "wan");
    cr_expect_eq(routes[2].via.s_addr, 0u);
    cr_expect(routes[3].blackhole);
    cr_expect_eq(routes[3].metric, UINT32_MAX);
}

Test(routes, a_repeated_route_is_kept_once)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_plan_route *routes;
    size_t count;

    cr_assert_eq(vc_routes_parse(ctx, "r",
                                 "10.0.0.0/8 via 10.0.0.1\n10.0.0.0/8 via 10.0.0.1\n10.0.0.0/8 via 10.0.0.1 dev a\n"
                                 "10.0.0.0/8 via 10.0.0.1 metric 5\n10.0.0.0/8 blackhole\n",
                                 &routes, &count, NULL),
                 0);
    cr_expect_eq(count, 4u);
}

Test(routes, what_is_no_route_is_refused_with_its_line)
{
    static const char *const bad[] = {
        "nonsense",
        "10.0.0.0 via 10.0.0.1",
        "10.0.0.1/8 via 10.0.0.1",
        "10.0.0.0/8",
        "10.0.0.0/8 via",
        "10.0.0.0/8 via 10.0.0",
        "10.0.0.0/8 dev a table",
        "10.0.0.0/8 dev a table x",
        "10.0.0.0/8 dev a table -1",
        "10.0.0.0/8 dev a table 4294967296",
        "10.0.0.0/8 dev a nonsense 1",
        "10.0.0.0/8 blackhole via 10.0.0.1",
        "10.0.0.0/8 blackhole dev a",
    };

    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        VC_AUTO_TALLOC char *text = talloc_asprintf(NULL, "\n%s\n", bad[i]);
        VC_AUTO_TALLOC char *shown = talloc_asprintf(NULL, "file: line 2 of its result: found \"%s\"", bad[i]);
        struct vc_plan_route *routes;
        size_t count;

        cr_expect_eq(vc_routes_parse(ctx, "file", text, &routes, &count, &err), -1, "%s", bad[i]);
        cr_expect(err && err->status == VC_EXIT_USAGE && strstr(err->message, shown), "%s: %s", bad[i],
                  err ? err->message : "no error");
    }
}
