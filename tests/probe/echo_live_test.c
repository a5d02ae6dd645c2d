/* Pings inside a namespace of their own, over its loopback, whose MTU is lowered. */
#include <criterion/criterion.h>

#include "net/netns.h"
#include "net/nft.h"
#include "net/rtnl.h"
#include "probe/echo.h"

enum { MTU = 1000, TRIES = 3, GAP_MS = 1, LIMIT_MS = 200 };

static int open_namespace(void)
{
    vc_error *err = NULL;

    if (geteuid() != 0) {
        if (getenv("VCLAB_MUST_WORK"))
            cr_assert_fail("network namespaces need root");
        cr_skip("network namespaces need root");
    }
    int netns = vc_netns_new(&err);
    cr_assert(netns >= 0, "%s", err ? err->message : "");
    VC_AUTO_TALLOC struct vc_rtnl *rtnl = vc_rtnl_open(NULL, netns, &err);
    vc_rtnl_mtu(rtnl, "lo", MTU);
    cr_assert_eq(vc_rtnl_commit(rtnl, &err), 0);
    return netns;
}

static struct in_addr address(const char *text)
{
    struct in_addr out;

    cr_assert(vc_addr_parse(text, &out));
    return out;
}

Test(echo, tells_who_answers_and_who_does_not)
{
    VC_AUTO_FD netns = open_namespace();
    struct in_addr own = address("127.0.0.1");
    struct vc_echo echoes[] = {
        {.netns = netns, .from = own, .to = address("127.0.0.2"), .ip_bytes = 84},
        {.netns = netns, .from = own, .to = address("192.0.2.1"), .ip_bytes = 84},        /* no route */
        {.netns = netns, .from = address("192.0.2.9"), .to = own, .ip_bytes = 84},        /* not its address */
        {.netns = netns, .from = own, .to = own, .ip_bytes = MTU, .whole = true},         /* just fits */
        {.netns = netns, .from = own, .to = own, .ip_bytes = MTU + 1, .whole = true},     /* just not */
        {.netns = netns, .from = own, .to = address("127.0.0.3"), .ip_bytes = MTU + 200}, /* in two fragments */
        {.netns = netns,
         .from = own,
         .to = address("127.0.0.2"),
         .ip_bytes = 1 /* least */}, /* told apart from the first */
    };
    static const struct {
        unsigned sent, received;
        bool too_large;
    } wanted[] = {{1, 1, false},    {TRIES, 0, false}, {0, 0, false}, {1, 1, false},
                  {TRIES, 0, true}, {1, 1, false},     {1, 1, false}};
    vc_error *err = NULL;

    cr_assert_eq(vc_echo_run(echoes, VC_COUNT(echoes), TRIES, GAP_MS, LIMIT_MS, &err), 0, "%s",
                 err ? err->message : "");
    for (size_t i = 0; i < VC_COUNT(echoes); i++) {
        cr_expect_eq(echoes[i].sent, wanted[i].sent, "echo %zu: %u sent", i, echoes[i].sent);
        cr_expect_eq(echoes[i].received, wanted[i].received, "echo %zu: %u received", i, echoes[i].received);
        cr_expect_eq(echoes[i].too_large, wanted[i].too_large, "echo %zu", i);
    }
}

/* The first two of every three are lost on the way. */
Test(echo, tries_again_while_nobody_answers)
{
    VC_AUTO_FD netns = open_namespace();
    struct vc_echo echo = {.netns = netns, .from = address("127.0.0.1"), .to = address("127.0.0.4"), .ip_bytes = 84};
    vc_error *err = NULL;
    VC_AUTO_TALLOC struct vc_nft *nft = vc_nft_open(NULL, netns, &err);

    cr_assert_eq(vc_nft_run(nft,
                            "table ip lossy {\n  chain out {\n    type filter hook output priority 0;\n"
                            "    ip daddr 127.0.0.4 numgen inc mod 3 < 2 drop\n  }\n}\n",
                            &err),
                 0, "%s", err ? err->message : "");
    cr_assert_eq(vc_echo_run(&echo, 1, TRIES, GAP_MS, LIMIT_MS, &err), 0);
    cr_expect_eq(echo.sent, 3);
    cr_expect_eq(echo.received, 1);
}

Test(echo, fails_where_there_is_no_namespace)
{
    struct vc_echo echo = {.netns = -1};
    VC_AUTO_ERROR *err = NULL;

    cr_expect_eq(vc_echo_run(&echo, 1, 1, 1, 1, &err), -1);
    cr_expect(err && err->message);
}
