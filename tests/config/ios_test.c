/* Lines, sections and words of a running-config. */
#include "fixture.h"

#include "config/policy.h"
#include "config/words.h"

static struct vc_ios *read_text(void *ctx, const char *text)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_ios *ios = vc_ios_read(ctx, "x.cfg", text, strlen(text), &err);

    cr_assert(ios, "%s", err ? err->message : "");
    return ios;
}

static const char *arg(const struct vc_ios *ios, enum vc_ios_kind kind, const char *name, const char *key, size_t i)
{
    const struct vc_ios_fact *fact = vc_ios_fact(vc_ios_section(ios, kind, name), key, NULL);

    return fact && fact->count > i ? fact->args[i] : "nothing";
}

/* With its indentation, with none, with another, with comments, with CRLF: the same facts. */
Test(ios, sections_need_no_indentation)
{
    static const char *const shapes[] = {
        "interface Tunnel1\n ip mtu 1400\n shutdown\n!\nrouter bgp 64512\n neighbor 10.0.0.1 remote-as 1\n",
        "interface Tunnel1\nip mtu 1400\nshutdown\nrouter bgp 64512\nneighbor 10.0.0.1 remote-as 1\n",
        "interface Tunnel1\nip mtu 1400\nshutdown\nexit\nrouter bgp 64512\nneighbor 10.0.0.1 remote-as 1\nexit\n",
        "INTERFACE tunnel 1\n\t\tip  mtu   1400  ! not too much\n      shutdown\n! x\n   \nRouter BGP "
        "64512\n\tneighbor 10.0.0.1 "
        "remote-as 1",
        "interface Tunnel1\r\n ip mtu 1400\r\n shutdown\r\n!\r\nrouter bgp 64512\r\n neighbor 10.0.0.1 remote-as 1\r\n",
    };

    for (size_t i = 0; i < VC_COUNT(shapes); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct vc_ios *ios = read_text(ctx, shapes[i]);

        cr_expect_str_eq(arg(ios, VC_IOS_INTERFACE, "Tunnel1", "mtu", 0), "1400", "%zu", i);
        cr_expect(vc_ios_fact(vc_ios_section(ios, VC_IOS_INTERFACE, "tunnel1"), "shutdown", NULL), "%zu", i);
        cr_expect_str_eq(arg(ios, VC_IOS_BGP, "64512", "remote-as", 1), "1", "%zu", i);
        cr_expect_eq(ios->unknown_count, 0, "%zu", i);
    }
}

Test(ios, peers_of_a_keyring_are_its_own)
{
    static const char *const shapes[] = {
        "crypto ikev2 keyring K\n peer A\n  address 1.1.1.1\n !\n peer B\n  address 2.2.2.2\n",
        "crypto ikev2 keyring K\npeer A\naddress 1.1.1.1\npeer B\naddress 2.2.2.2\n",
        "crypto ikev2 keyring K\npeer A\naddress 1.1.1.1\nexit\npeer B\naddress 2.2.2.2\nexit\nexit\nhostname x\n",
    };

    for (size_t i = 0; i < VC_COUNT(shapes); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct vc_ios *ios = read_text(ctx, shapes[i]);

        cr_expect_str_eq(arg(ios, VC_IOS_KEYRING, "K A", "address", 0), "1.1.1.1", "%zu", i);
        cr_expect_str_eq(arg(ios, VC_IOS_KEYRING, "K B", "address", 0), "2.2.2.2", "%zu", i);
        cr_expect_eq(ios->unknown_count, 0, "%zu", i);
    }
}

/* Without indentation a map entry after an interface is no map on that interface. */
Test(ios, what_two_levels_could_take_goes_where_it_fits)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_ios *ios = read_text(
        ctx, "interface Gi1\nip address 1.1.1.1 255.255.255.0\ncrypto map M 5 ipsec-isakmp\nset peer 2.2.2.2\n");

    cr_expect_str_eq(arg(ios, VC_IOS_MAP, "M 5", "peer", 0), "2.2.2.2");
    cr_expect(!vc_ios_fact(vc_ios_section(ios, VC_IOS_INTERFACE, "Gi1"), "map", NULL));
}

Test(ios, no_takes_away)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_ios *ios = read_text(
        ctx, "interface Tunnel1\n keepalive 10 3\n no keepalive\n shutdown\n no shutdown\n ip mtu 1400\n no ip "
             "redirects\nrouter bgp 1\n neighbor 1.1.1.1 remote-as 2\n neighbor 1.1.1.2 remote-as 3\n no neighbor "
             "1.1.1.1 remote-as 2\n");
    const struct vc_ios_section *tunnel = vc_ios_section(ios, VC_IOS_INTERFACE, "Tunnel1");

    cr_expect(!vc_ios_fact(tunnel, "keepalive", NULL) && !vc_ios_fact(tunnel, "shutdown", NULL));
    cr_expect(vc_ios_fact(tunnel, "mtu", NULL) != NULL);
    cr_expect(!vc_ios_fact(vc_ios_section(ios, VC_IOS_BGP, NULL), "remote-as", "1.1.1.1"));
    cr_expect(vc_ios_fact(vc_ios_section(ios, VC_IOS_BGP, NULL), "remote-as", "1.1.1.2") != NULL);
    cr_expect_eq(ios->unknown_count, 0);
}

/* Nobody's lines are told, with those below them; what comes after is read again. */
Test(ios, unknown_lines_are_listed_with_their_numbers)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_ios *ios =
        read_text(ctx, "hostname x\nwarp core\n set peer 10.0.0.1\n  engage\ninterface Tunnel1\n ip mtu "
                       "1400\n ip teleport\n shutdown\nmagic key 7 0822455D0A16 and more\n");
    static const struct {
        int line;
        const char *text;
    } wanted[] = {{2, "warp core"}, {3, "set peer 10.0.0.1"}, {4, "engage"}, {7, "ip teleport"}, {9, "magic key …"}};

    cr_assert_eq(ios->unknown_count, VC_COUNT(wanted));
    for (size_t i = 0; i < VC_COUNT(wanted); i++) {
        cr_expect_eq(ios->unknown[i].line, wanted[i].line);
        cr_expect_str_eq(ios->unknown[i].text, wanted[i].text);
    }
    cr_expect(vc_ios_fact(vc_ios_section(ios, VC_IOS_INTERFACE, "Tunnel1"), "shutdown", NULL) != NULL);
}

Test(ios, what_says_nothing_here_is_told_apart_from_what_is_unknown)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_ios *ios = read_text(
        ctx, "version 17.9\nhostname x\nline vty 0 4\n password 7 0822455D0A16\n transport input ssh\nbanner motd "
             "#\nip route "
             "10.0.0.0 255.0.0.0 Null0\n#\nsnmp-server community c RO\nenable secret 9 x\nusername u secret 9 y\n"
             "crypto pki certificate chain C\n certificate ca 01\n  30820321 30820209\n  \tquit\nip cef\n");

    cr_expect_eq(ios->unknown_count, 0, "%s", ios->unknown_count ? ios->unknown[0].text : "");
    cr_expect_eq(ios->secrets, 3);
    cr_expect_eq(ios->understood, 1);
    cr_expect(!vc_ios_fact(&ios->sections[0], "route", NULL), "a banner's text is no line");
}

Test(ios, other_address_families_say_nothing)
{
    static const char *const shapes[] = {
        "router bgp 1\n neighbor 1.1.1.1 remote-as 2\n address-family ipv4 vrf X\n  neighbor 1.1.1.1 shutdown\n "
        "exit-address-family\n address-family ipv6\n  neighbor 1.1.1.1 shutdown\n exit-address-family\n neighbor "
        "1.1.1.1 "
        "timers 1 3\n",
        "router bgp 1\nneighbor 1.1.1.1 remote-as 2\naddress-family vpnv4\nneighbor 1.1.1.1 "
        "shutdown\nexit-address-family\n"
        "neighbor 1.1.1.1 timers 1 3\n"};

    for (size_t i = 0; i < VC_COUNT(shapes); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct vc_ios_section *bgp = vc_ios_section(read_text(ctx, shapes[i]), VC_IOS_BGP, "1");

        cr_expect(!vc_ios_fact(bgp, "shutdown", NULL), "%zu", i);
        cr_expect(vc_ios_fact(bgp, "neighbor-timers", "1.1.1.1") != NULL, "%zu", i);
    }
}

Test(ios, too_much_or_no_text_is_refused)
{
    VC_AUTO_TALLOC char *large = talloc_size(NULL, VC_IOS_MAX + 1);
    VC_AUTO_ERROR *much = NULL, *nul = NULL;

    memset(large, 'x', VC_IOS_MAX + 1);
    cr_expect_null(vc_ios_read(NULL, "x.cfg", large, VC_IOS_MAX + 1, &much));
    cr_expect(strstr(much->message, "found too much"));
    cr_expect_null(vc_ios_read(NULL, "x.cfg", "hostname x\n\0y\n", 14, &nul));
    cr_expect(strstr(nul->message, "found a NUL byte"));
}

/* ---- policies ---- */

static const char policies[] =
    "ip prefix-list L seq 20 deny 10.1.0.0/16 le 32\n"
    "ip prefix-list L seq 30 permit 10.0.0.0/8 le 24\n"
    "ip prefix-list L seq 10 permit 10.1.1.0/24\n"
    "ip prefix-list G permit 10.0.0.0/8 ge 16\n"
    "route-map M deny 10\n match ip address prefix-list G\n"
    "route-map M permit 20\n"
    "route-map N permit 10\n match as-path 5\n"
    "ip access-list extended A\n"
    " permit tcp any eq bgp any\n deny gre host 10.0.0.1 any\n permit gre 10.0.0.0 0.0.0.255 any\n"
    " permit udp any any eq isakmp\n";

static struct vc_prefix prefix(const char *text)
{
    struct vc_prefix p = {0};

    cr_assert(vc_prefix_parse(text, &p));
    return p;
}

Test(ios, prefix_lists_and_route_maps_answer_as_a_router_does)
{
    static const struct {
        const char *list, *prefix;
        int permits;
    } cases[] = {
        {"L", "10.1.1.0/24", 1},   {"L", "10.1.2.0/24", 0}, {"L", "10.2.0.0/16", 1},
        {"L", "10.2.2.128/25", 0}, {"L", "11.0.0.0/8", 0},  {"G", "10.0.0.0/8", 0},
        {"G", "10.5.0.0/16", 1},   {"G", "10.5.5.5/32", 1}, {"none", "9.0.0.0/8", 1},
    };
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_ios *ios = read_text(ctx, policies);

    for (size_t i = 0; i < VC_COUNT(cases); i++)
        cr_expect_eq(vc_ios_prefix_list_permits(ios, cases[i].list, prefix(cases[i].prefix)), cases[i].permits, "%s %s",
                     cases[i].list, cases[i].prefix);
    cr_expect_eq(vc_ios_route_map_permits(ios, "M", prefix("10.5.0.0/16")), VC_IOS_DENY);
    cr_expect_eq(vc_ios_route_map_permits(ios, "M", prefix("11.0.0.0/16")), VC_IOS_PERMIT);
    cr_expect_eq(vc_ios_route_map_permits(ios, "N", prefix("11.0.0.0/16")), VC_IOS_UNKNOWN);
    cr_expect_eq(vc_ios_route_map_permits(ios, "none", prefix("11.0.0.0/16")), VC_IOS_DENY);
}

Test(ios, access_lists_answer_as_a_router_does)
{
    static const struct {
        const char *protocol, *from;
        unsigned port;
        int permits;
    } cases[] = {{"gre", "10.0.0.1", 0, 0},  {"gre", "10.0.0.2", 0, 1},   {"gre", "10.0.1.2", 0, 0},
                 {"udp", "9.9.9.9", 500, 1}, {"udp", "9.9.9.9", 4500, 0}, {"esp", "9.9.9.9", 0, 0}};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_ios *ios = read_text(ctx, policies);
    struct in_addr from, to = {0};
    int line;

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        vc_addr_parse(cases[i].from, &from);
        cr_expect_eq(vc_ios_acl_permits(ios, "A", cases[i].protocol, from, to, cases[i].port, &line), cases[i].permits,
                     "%zu", i);
    }
    cr_expect(vc_ios_acl_permits(ios, "none", "esp", to, to, 0, &line));
}

/* ---- words ---- */

Test(words, type_7_is_read)
{
    static const struct {
        const char *hidden, *text;
    } known[] = {{"0822455D0A16", "cisco"}, {"094F471A1A0A", "cisco"}, {"070C285F4D06", "cisco"}};

    for (size_t i = 0; i < VC_COUNT(known); i++) {
        VC_AUTO_TALLOC char *text = vc_type7(NULL, known[i].hidden);
        cr_expect_str_eq(text, known[i].text);
    }
    cr_expect_null(vc_type7(NULL, "08"));
    cr_expect_null(vc_type7(NULL, "zz22455D0A16"));
    cr_expect_null(vc_type7(NULL, "0822455D0A1"));
    cr_expect_null(vc_type7(NULL, "0822455D0AzZ"));
}

Test(words, masks_and_wildcards)
{
    static const struct {
        const char *text;
        bool wildcard;
        int len;
    } cases[] = {{"255.255.255.252", false, 30}, {"0.0.0.0", false, 0}, {"0.0.0.0", true, 32}, {"0.0.0.255", true, 24},
                 {"255.0.255.0", false, -1},     {"0.0.1.1", true, -1}, {"x", false, -1}};

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        uint8_t len = 77;
        bool good = vc_mask_parse(cases[i].text, cases[i].wildcard, &len);

        cr_expect_eq(good ? len : -1, cases[i].len, "%s", cases[i].text);
        cr_expect(!good || !strcmp(vc_mask_text(len, cases[i].wildcard).s, cases[i].text));
    }
}

Test(words, proposals_that_mean_the_same_are_equal)
{
    cr_expect(vc_words_equal("aes256-sha256-prfsha256-modp2048", "aes256-sha256-modp2048"));
    cr_expect(!vc_words_equal("aes256-sha256-prfsha384-modp2048", "aes256-sha256-modp2048"));
    cr_expect(!vc_words_equal("aes256gcm16-prfsha384-ecp384", "aes256gcm16-ecp384"));
    cr_expect(vc_words_equal("unheard-of", "unheard-of") && !vc_words_equal("unheard-of", "aes256"));
}
