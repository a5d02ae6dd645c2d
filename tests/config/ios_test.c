/* Lines, sections and words of a running-config. */
#include "fixture.h"

#include "config/acl.h"
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

/* What the top level knows to say nothing is unknown deeper in a section, which goes on after it. */
Test(ios, a_sections_own_line_is_not_the_top_levels)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_ios *ios =
        read_text(ctx, "interface Tunnel1\n ip host a 10.0.0.1\n no service x\n ip mtu 1400\n ip route 10.0.0.0 "
                       "255.0.0.0 Null0\ncrypto ikev2 keyring K\n peer A\n  hostname dc1\n  pre-shared-key x\n");

    cr_assert_eq(ios->unknown_count, 2);
    cr_expect_eq(ios->unknown[0].line, 2);
    cr_expect_eq(ios->unknown[1].line, 3);
    cr_expect_str_eq(arg(ios, VC_IOS_INTERFACE, "Tunnel1", "mtu", 0), "1400");
    cr_expect(vc_ios_fact(&ios->sections[0], "route", NULL) != NULL, "one level's line at another's depth");
    cr_expect_str_eq(arg(ios, VC_IOS_KEYRING, "K A", "key", 0), "x");
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

/* A banner that ends is stepped over, however it is delimited; one that does not would hide the rest of the file. */
Test(ios, banners_end_where_they_end)
{
    static const char *const shapes[] = {
        "banner motd ^C\nshutdown\n^C\nhostname x\n",
        "banner login ^\n interface Tunnel9\n^\nhostname x\n",
        "banner motd ^ text ^\nhostname x\n",
        "banner exec ^Caution^\nhostname x\n",
        "Banner motd #one line#\nhostname x\n",
        "banner motd ^Ctext\nmore ^C\nhostname x\n",
        "  banner incoming @\n banner motd #\n@\nhostname x\n",
    };

    for (size_t i = 0; i < VC_COUNT(shapes); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct vc_ios *ios = read_text(ctx, shapes[i]);

        cr_expect(vc_ios_fact(&ios->sections[0], "hostname", NULL) && ios->section_count == 1, "%zu", i);
        cr_expect_eq(ios->unknown_count, 0, "%zu", i);
    }
    static const char open[] = "hostname x\nbanner motd ^ text\ninterface Tunnel1\n shutdown\n";
    VC_AUTO_ERROR *err = NULL;
    cr_expect_null(vc_ios_read(NULL, "x.cfg", open, strlen(open), &err));
    cr_expect(strstr(err->message, "x.cfg:2: found a banner without its end"), "%s", err->message);
    cr_expect_eq(err->status, VC_EXIT_USAGE);
}

Test(ios, names_have_a_case_but_those_of_interfaces)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_ios *ios = read_text(ctx, "ip access-list extended A\nip access-list extended a\ninterface "
                                              "TUNNEL1\n crypto map VC\n interface tunnel1\n shutdown\n");

    cr_expect_neq(vc_ios_section(ios, VC_IOS_ACL, "A"), vc_ios_section(ios, VC_IOS_ACL, "a"));
    const struct vc_ios_section *tunnel = vc_ios_section(ios, VC_IOS_INTERFACE, "Tunnel1");
    cr_expect(vc_ios_fact(tunnel, "map", "VC") && vc_ios_fact(tunnel, "shutdown", NULL));
    cr_expect_null(vc_ios_fact(tunnel, "map", "vc"));
}

/* Templates of peers are BGP's, as peer groups are. */
Test(ios, a_template_is_as_a_neighbour_of_its_name)
{
    static const char *const shapes[] = {
        "router bgp 1\n template peer-session T\n  remote-as 2\n  timers 5 15\n exit-peer-session\n neighbor 1.1.1.1 "
        "inherit peer-session T\n",
        "router bgp 1\ntemplate peer-session T\nremote-as 2\ntimers 5 15\nexit-peer-session\nneighbor 1.1.1.1 inherit "
        "peer-session T\n",
        "router bgp 1\n template peer-policy P\n  shutdown\n  no shutdown\n template peer-session T\n  remote-as "
        "2\n  timers 5 15\n exit-peer-session\n neighbor 1.1.1.1 inherit peer-session T\n"};

    for (size_t i = 0; i < VC_COUNT(shapes); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct vc_ios *ios = read_text(ctx, shapes[i]);
        const struct vc_ios_section *bgp = vc_ios_section(ios, VC_IOS_BGP, NULL);

        cr_expect_eq(ios->unknown_count, 0, "%zu", i);
        cr_expect_str_eq(arg(ios, VC_IOS_BGP, NULL, "remote-as", 1), "2", "%zu", i);
        cr_expect(vc_ios_fact(bgp, "neighbor-timers", "T") && vc_ios_fact(bgp, "member", "1.1.1.1"), "%zu", i);
        cr_expect_null(vc_ios_fact(bgp, "shutdown", NULL), "%zu", i);
    }
}

/* What matters and is not read is told: each of these lines. */
Test(ios, what_matters_and_is_not_read_is_listed)
{
    static const char *const lines[] = {
        "crypto keyring K",
        "crypto map VC 10 ipsec-isakmp dynamic D",
        "crypto map VC 10 ipsec-isakmp profile P",
        "crypto dynamic-map D 10",
        "crypto gdoi group G",
        "crypto ipsec df-bit clear",
        "crypto ipsec fragmentation after-encryption",
        "crypto isakmp profile P",
        "crypto map VC 10 ipsec-isakmp\n set security-association level per-host",
        "crypto map VC 10 ipsec-isakmp\n set isakmp-profile P",
        "router bgp 1\n neighbor 1.1.1.1 ttl-security hops 2",
        "router bgp 1\n neighbor 1.1.1.1 transport connection-mode passive",
        "router bgp 1\n neighbor 1.1.1.1 maximum-prefix 1",
        "router bgp 1\n neighbor 1.1.1.1 advertise-map M exist-map N",
        "router bgp 1\n bgp dampening",
        "interface Tunnel1\n service-policy output SHAPE",
        "interface Tunnel1\n tunnel mode gre multipoint",
        "route-map M permit 10\n set ip next-hop 10.0.0.1",
        "ip nat outside source static 10.0.0.1 10.0.0.2",
        "object-group network HUBS",
    };

    for (size_t i = 0; i < VC_COUNT(lines); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct vc_ios *ios = read_text(ctx, talloc_asprintf(ctx, "hostname x\n%s\n", lines[i]));

        cr_expect_eq(ios->unknown_count, 1, "%s", lines[i]);
    }
}

Test(ios, too_many_sections_are_refused)
{
    VC_AUTO_TALLOC char *text = talloc_strdup(NULL, "");
    VC_AUTO_ERROR *err = NULL;

    for (int i = 0; i <= VC_IOS_SECTIONS_MAX; i++)
        text = talloc_asprintf_append_buffer(text, "interface Loopback%d\n", i);
    cr_expect_null(vc_ios_read(NULL, "x.cfg", text, strlen(text), &err));
    cr_expect(strstr(err->message, "found more sections than"), "%s", err->message);
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
    "route-map TWO permit 10\n match ip address prefix-list L\n match ip address prefix-list G\n";

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
    cr_expect_eq(vc_ios_route_map_permits(ios, "m", prefix("11.0.0.0/16")), VC_IOS_DENY, "another map");
    cr_expect(vc_ios_prefix_list_permits(ios, "l", prefix("11.0.0.0/8")), "another list, which is not there");
    cr_expect_eq(vc_ios_route_map_permits(ios, "TWO", prefix("10.2.0.0/16")), VC_IOS_PERMIT);
    cr_expect_eq(vc_ios_route_map_permits(ios, "TWO", prefix("10.5.5.5/32")), VC_IOS_PERMIT);
    cr_expect_eq(vc_ios_route_map_permits(ios, "N", prefix("11.0.0.0/16")), VC_IOS_UNKNOWN);
    cr_expect_eq(vc_ios_route_map_permits(ios, "none", prefix("11.0.0.0/16")), VC_IOS_DENY);
}

static const char lists[] =
    "ip access-list extended GRE\n permit tcp any eq bgp any\n deny gre host 10.0.0.1 any\n"
    " permit gre 10.0.0.0 0.0.0.255 any log-input\n permit udp any any eq isakmp\n"
    "ip access-list extended ORDER\n 20 permit gre any any\n 10 deny 47 any any\n"
    "ip access-list extended ORDER2\n permit esp any any\n 5 deny esp host 9.9.9.9 any\n"
    "ip access-list extended PORTS\n deny udp any any range 33434 33534\n"
    " deny udp any any eq 501 non500-isakmp\n deny udp any gt 60000 any\n"
    " deny udp any any lt 100\n deny ip any any fragments\n permit udp any neq 7 any\n"
    "ip access-list extended GROUP\n permit icmp any any echo\n permit tcp any any established\n"
    " permit gre object-group HUBS any\n permit ip any any\n"
    "ip access-list extended SERVICE\n permit object-group WEB any any\n permit ip any any\n"
    "ip access-list extended DSCP\n deny udp any any dscp ef\n permit ip any any\n"
    "ip access-list standard HOSTS\n permit 9.9.9.9\n permit 10.0.0.0 0.0.0.255\n"
    "access-list 7 deny 10.0.0.0 0.255.255.255\naccess-list 7 permit any\n"
    "access-list 102 permit ipinip any any\n";

static const struct {
    const char *list, *protocol, *from;
    unsigned port;
    int answer;
} packets[] = {
    {"GRE", "gre", "10.0.0.1", 0, VC_IOS_DENY},        {"GRE", "gre", "10.0.0.2", 0, VC_IOS_PERMIT},
    {"GRE", "gre", "10.0.1.2", 0, VC_IOS_DENY},        {"GRE", "udp", "9.9.9.9", 500, VC_IOS_PERMIT},
    {"GRE", "udp", "9.9.9.9", 4500, VC_IOS_DENY},      {"GRE", "esp", "9.9.9.9", 0, VC_IOS_DENY},
    {"ORDER", "gre", "9.9.9.9", 0, VC_IOS_DENY},       {"ORDER2", "esp", "9.9.9.9", 0, VC_IOS_DENY},
    {"ORDER2", "esp", "9.9.9.8", 0, VC_IOS_PERMIT},    {"PORTS", "udp", "9.9.9.9", 500, VC_IOS_PERMIT},
    {"PORTS", "udp", "9.9.9.9", 33434, VC_IOS_DENY},   {"PORTS", "udp", "9.9.9.9", 4500, VC_IOS_DENY},
    {"PORTS", "udp", "9.9.9.9", 99, VC_IOS_DENY},      {"PORTS", "udp", "9.9.9.9", 60001, VC_IOS_DENY},
    {"PORTS", "udp", "9.9.9.9", 60000, VC_IOS_PERMIT}, {"GROUP", "gre", "9.9.9.9", 0, VC_IOS_UNKNOWN},
    {"GROUP", "udp", "9.9.9.9", 500, VC_IOS_PERMIT},   {"SERVICE", "udp", "9.9.9.9", 500, VC_IOS_UNKNOWN},
    {"DSCP", "udp", "9.9.9.9", 500, VC_IOS_UNKNOWN},   {"DSCP", "esp", "9.9.9.9", 0, VC_IOS_PERMIT},
    {"HOSTS", "esp", "9.9.9.9", 0, VC_IOS_PERMIT},     {"HOSTS", "esp", "9.9.9.8", 0, VC_IOS_DENY},
    {"HOSTS", "udp", "10.0.0.8", 500, VC_IOS_PERMIT},  {"7", "udp", "10.1.0.8", 500, VC_IOS_DENY},
    {"7", "udp", "9.1.0.8", 500, VC_IOS_PERMIT},       {"102", "gre", "9.1.0.8", 0, VC_IOS_DENY},
};

Test(ios, access_lists_answer_as_a_router_does)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_ios *ios = read_text(ctx, lists);

    for (size_t i = 0; i < VC_COUNT(packets); i++) {
        struct vc_ios_packet packet = {
            .protocol = packets[i].protocol, .from_port = packets[i].port, .to_port = packets[i].port};
        const struct vc_ios_entry *by;

        vc_addr_parse(packets[i].from, &packet.from);
        cr_expect_eq((int)vc_ios_acl_asks(vc_ios_acl(ctx, ios, packets[i].list), &packet, &by), packets[i].answer,
                     "%s %s from %s port %u", packets[i].list, packet.protocol, packets[i].from, packets[i].port);
    }
    cr_expect_null(vc_ios_acl(ctx, ios, "none"));
    cr_expect_null(vc_ios_acl(ctx, ios, "gre"), "names are the same in the same case only");
}

/* ---- what the table takes is read somewhere ---- */

Test(ios, each_fact_is_asked_for)
{
    static const char *const files[] = {"acl.c",        "policy.c",   "read_bgp.c", "read_gre.c", "read_ike.c",
                                        "read_ipsec.c", "read_lan.c", "read_way.c", "import.c"};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *readers = talloc_strdup(ctx, "");

    for (size_t i = 0; i < VC_COUNT(files); i++) {
        const char *text = config_read(ctx, talloc_asprintf(ctx, VCLAB_SOURCE_DIR "/sim/config/%s", files[i]));
        cr_assert(text, "%s", files[i]);
        readers = talloc_strdup_append_buffer(readers, text);
    }
    for (size_t i = 0; i < vc_ios_pattern_count; i++) {
        const char *key = vc_ios_patterns[i].key;

        if (!key || *key == '*')
            continue;
        cr_expect(strstr(readers, talloc_asprintf(ctx, "\"%s\"", key + (*key == '-'))),
                  "\"%s\" gives %s, which nobody reads", vc_ios_patterns[i].words, key);
    }
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
