#include <arpa/inet.h>
#include <criterion/criterion.h>

#include "base/ip.h"
#include "base/util.h"

static struct vc_prefix prefix(const char *text)
{
    struct vc_prefix p;

    cr_assert(vc_prefix_parse(text, &p), "%s", text);
    return p;
}

Test(ip, addresses_are_strict_dotted_quads)
{
    static const char *const bad[] = {"",          "1.2.3",     "1.2.3.4.5", "256.0.0.1",  "1.2.3.4 ", " 1.2.3.4",
                                      "1.2.3.04x", "0x1.2.3.4", "a.b.c.d",   "1.2.3.4/32", "::1"};
    struct in_addr addr;

    cr_assert(vc_addr_parse("198.51.100.10", &addr));
    cr_assert_eq(addr.s_addr, htonl(0xc633640a));
    cr_assert_str_eq(vc_addr_text(addr).s, "198.51.100.10");
    for (size_t i = 0; i < VC_COUNT(bad); i++)
        cr_assert_not(vc_addr_parse(bad[i], &addr), "\"%s\"", bad[i]);
}

Test(ip, prefixes_need_their_length)
{
    static const char *const bad[] = {"",
                                      "10.0.0.0",
                                      "10.0.0.0/",
                                      "10.0.0.0/33",
                                      "10.0.0.0/-1",
                                      "10.0.0.0/+8",
                                      "10.0.0.0/8 ",
                                      "10.0.0.0/08",
                                      "10.0.0.0/8x",
                                      "10.0.0.0/8/8",
                                      "10.0.0/8",
                                      "/8",
                                      "1111111111111111.0.0.0/8",
                                      "10.0.0.0/100",
                                      "10.0.0.0/4294967304"};
    struct vc_prefix p;

    for (size_t i = 0; i < VC_COUNT(bad); i++)
        cr_assert_not(vc_prefix_parse(bad[i], &p), "\"%s\"", bad[i]);
    cr_assert_eq(prefix("0.0.0.0/0").len, 0);
    cr_assert_eq(prefix("255.255.255.255/32").len, 32);
    cr_assert_str_eq(vc_prefix_text(prefix("255.255.255.255/32")).s, "255.255.255.255/32");
    cr_assert_str_eq(vc_prefix_text(prefix("100.64.0.2/30")).s, "100.64.0.2/30", "host bits are kept");
}

Test(ip, networks)
{
    cr_assert_str_eq(vc_prefix_text(vc_prefix_network(prefix("100.64.0.2/30"))).s, "100.64.0.0/30");
    cr_assert_str_eq(vc_prefix_text(vc_prefix_network(prefix("255.255.255.255/0"))).s, "0.0.0.0/0");
    cr_assert_str_eq(vc_prefix_text(vc_prefix_network(prefix("1.2.3.4/32"))).s, "1.2.3.4/32");
    cr_assert(vc_prefix_is_network(prefix("198.18.5.128/25")));
    cr_assert_not(vc_prefix_is_network(prefix("198.18.5.64/25")));
    cr_assert(vc_prefix_is_network(prefix("0.0.0.0/0")));
    cr_assert(vc_prefix_is_network(prefix("1.2.3.4/32")));
    cr_assert_eq(vc_prefix_mask(0), 0);
    cr_assert_eq(vc_prefix_mask(25), 0xffffff80U);
    cr_assert_eq(vc_prefix_mask(32), 0xffffffffU);
}

Test(ip, containment_and_overlap)
{
    static const struct {
        const char *a, *b;
        bool covers, overlaps, equal;
    } rows[] = {
        {"198.18.5.0/24", "198.18.5.128/25", true, true, false},
        {"198.18.5.128/25", "198.18.5.0/24", false, true, false},
        {"198.18.5.0/25", "198.18.5.0/24", false, true, false},
        {"198.18.5.0/25", "198.18.5.128/25", false, false, false},
        {"0.0.0.0/0", "1.2.3.4/32", true, true, false},
        {"1.2.3.4/32", "1.2.3.4/32", true, true, true},
        {"1.2.3.4/31", "1.2.3.5/31", true, true, false},
        {"1.2.3.4/32", "1.2.3.5/32", false, false, false},
    };
    struct in_addr addr;

    for (size_t i = 0; i < VC_COUNT(rows); i++) {
        struct vc_prefix a = prefix(rows[i].a), b = prefix(rows[i].b);
        cr_assert_eq(vc_prefix_covers(a, b), rows[i].covers, "row %zu", i);
        cr_assert_eq(vc_prefix_overlaps(a, b), rows[i].overlaps, "row %zu", i);
        cr_assert_eq(vc_prefix_overlaps(b, a), rows[i].overlaps, "row %zu", i);
        cr_assert_eq(vc_prefix_equal(a, b), rows[i].equal, "row %zu", i);
    }
    cr_assert(vc_addr_parse("198.18.5.127", &addr));
    cr_assert(vc_prefix_contains(prefix("198.18.5.1/25"), addr));
    cr_assert_not(vc_prefix_contains(prefix("198.18.5.128/25"), addr));
}
