#include "net/nft.h"
#include "wire.h"

static const char drop[] = "table ip vc {\n"
                           " counter cut { }\n"
                           " chain in {\n"
                           "  type filter hook input priority 0; policy accept;\n"
                           "  iifname \"wan\" udp dport 7 counter name cut drop\n"
                           " }\n"
                           "}\n";

Test(nft, a_named_counter_counts_what_is_dropped)
{
    VC_AUTO_ERROR *err = NULL;
    struct wire wire;
    bool exists;
    uint64_t packets;

    NEED_ROOT();
    wire_up(&wire);
    struct vc_nft *nft = vc_nft_open(wire.ctx, wire.netns[1], &err),
                  *other = vc_nft_open(wire.ctx, wire.netns[0], &err);
    GOT(nft, err);
    OK(vc_nft_counter(nft, "ip", "vc", "cut", &exists, &packets, &err), err);
    cr_assert_not(exists);
    OK(vc_nft_run(nft, drop, &err), err);
    OK(vc_nft_counter(nft, "ip", "vc", "cut", &exists, &packets, &err), err);
    cr_assert(exists && packets == 0);

    VC_AUTO_FD from = wire_udp(&wire, 0, 1000), to = wire_udp(&wire, 1, 8);
    wire_send(from, -1, 7, "x", 1);
    wire_send(from, -1, 7, "x", 1);
    wire_send(from, to, 8, "x", 1); /* arrived: so the two before it were judged */
    OK(vc_nft_counter(nft, "ip", "vc", "cut", &exists, &packets, &err), err);
    cr_assert_eq(packets, 2);
    OK(vc_nft_counter(nft, "inet", "vc", "cut", &exists, &packets, &err), err);
    cr_assert_not(exists, "another family");
    OK(vc_nft_counter(other, "ip", "vc", "cut", &exists, &packets, &err), err);
    cr_assert_not(exists, "another namespace");

    OK(vc_nft_table_exists(nft, "ip", "vc", &exists, &err), err);
    cr_assert(exists);
    OK(vc_nft_run(nft, "delete table ip vc", &err), err);
    OK(vc_nft_table_exists(nft, "ip", "vc", &exists, &err), err);
    cr_assert_not(exists);
    wire_down(&wire);
}

Test(nft, netdev_hooks_find_the_namespace_s_own_interface)
{
    VC_AUTO_ERROR *err = NULL;
    struct wire wire;
    bool exists;
    uint64_t packets;

    NEED_ROOT();
    wire_up(&wire);
    struct vc_nft *nft = vc_nft_open(wire.ctx, wire.netns[1], &err);
    GOT(nft, err);
    OK(vc_nft_run(nft,
                  "table netdev vc {\n counter every { }\n chain in {\n"
                  "  type filter hook ingress device \"wan\" priority 0; policy accept;\n"
                  "  iif \"wan\" udp dport 8 counter name every\n }\n}\n",
                  &err),
       err);
    VC_AUTO_FD from = wire_udp(&wire, 0, 1000), to = wire_udp(&wire, 1, 8);
    wire_send(from, to, 8, "x", 1);
    OK(vc_nft_counter(nft, "netdev", "vc", "every", &exists, &packets, &err), err);
    cr_assert(exists && packets == 1);
    wire_down(&wire);
}

Test(nft, a_bad_script_changes_nothing_and_gives_nft_s_own_words)
{
    VC_AUTO_ERROR *err = NULL;
    struct wire wire;
    bool exists;

    NEED_ROOT();
    wire_up(&wire);
    struct vc_nft *nft = vc_nft_open(wire.ctx, wire.netns[0], &err);
    GOT(nft, err);
    cr_assert_eq(vc_nft_run(nft, "add table ip good\nadd rule ip good nochain accept\n", &err), -1);
    cr_assert_not_null(strstr(err->message, "No such file or directory"), "%s", err->message);
    OK(vc_nft_table_exists(nft, "ip", "good", &exists, &err), err);
    cr_assert_not(exists, "atomic");
    cr_assert_eq(vc_nft_run(nft, "nonsense", &err), -1);
    cr_assert_not_null(strstr(err->message, "syntax error"), "%s", err->message);
    cr_assert_neq(err->message[strlen(err->message) - 1], '\n');
    OK(vc_nft_run(nft, "add table ip good", &err), err);
    wire_down(&wire);
}

Test(nft, a_bad_namespace_is_refused)
{
    VC_AUTO_ERROR *err = NULL;

    NEED_ROOT();
    cr_assert_null(vc_nft_open(NULL, -1, &err));
    cr_assert_not_null(strstr(err->message, "Bad file descriptor"), "%s", err->message);
}
