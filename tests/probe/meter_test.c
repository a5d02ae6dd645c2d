/* Packets as they are on the wire, and what each kind of meter counts of them. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "probe/meter.h"

struct packet {
    uint8_t bytes[256];
    size_t length;
};

static void add(struct packet *p, const void *bytes, size_t length)
{
    if (length)
        memcpy(p->bytes + p->length, bytes, length);
    p->length += length;
}

/* Headers are written from the outside in. */
static void add_ip(struct packet *p, uint8_t protocol, const char *to, uint16_t fragment)
{
    uint8_t ip[20] = {0x45, [6] = (uint8_t)(fragment >> 8), [7] = (uint8_t)fragment, [8] = 64, [9] = protocol};
    struct in_addr addr;

    cr_assert(vc_addr_parse(to, &addr));
    memcpy(ip + 12, (const uint8_t[]){10, 0, 0, 1}, 4);
    memcpy(ip + 16, &addr, 4);
    add(p, ip, sizeof ip);
}

static void add_gre(struct packet *p, uint16_t type, bool key)
{
    add(p, (const uint8_t[]){key ? 0x20 : 0, 0, (uint8_t)(type >> 8), (uint8_t)type, 0, 0, 0, 1}, key ? 8 : 4);
}

static void add_ports(struct packet *p, uint16_t from, uint16_t to, uint32_t after)
{
    uint16_t ports[2] = {htons(from), htons(to)};
    uint32_t words[2] = {0, htonl(after)};

    add(p, ports, sizeof ports);
    add(p, words, sizeof words);
}

static void add_tcp(struct packet *p, uint16_t to, uint8_t flags, const uint8_t *options, size_t length)
{
    uint8_t tcp[20] = {
        0x80, 0, (uint8_t)(to >> 8), (uint8_t)to, [12] = (uint8_t)((20 + length) / 4 << 4), [13] = flags};

    add(p, tcp, sizeof tcp);
    add(p, options, length);
}

/* The captured bytes end where the buffer ends, so that the sanitizer sees who reads on. */
static bool show(struct vc_meter *meter, const struct packet *p, size_t captured)
{
    uint8_t *copy = malloc(captured ? captured : 1);

    memcpy(copy, p->bytes, captured);
    bool counted = vc_meter_packet(
        meter, &(struct vc_tap_packet){
                   .data = copy, .captured = captured, .length = p->length, .ip = copy, .ip_captured = captured});
    free(copy);
    return counted;
}

static const uint8_t mss_1460[] = {2, 4, 1460 >> 8, 1460 & 255};

static void make(struct packet *p, const char *what)
{
    static const uint8_t mss_late[] = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 2, 4, 1350 >> 8, 1350 & 255};
    bool in_gre = !strncmp(what, "gre ", 4);

    *p = (struct packet){0};
    if (in_gre) {
        add_ip(p, IPPROTO_GRE, "192.0.2.1", 0);
        add_gre(p, 0x0800, !strcmp(what, "gre keyed bgp"));
    }
    if (!strcmp(what, "esp"))
        add_ip(p, IPPROTO_ESP, "203.0.113.1", 0);
    else if (!strcmp(what, "esp in udp") || !strcmp(what, "ike behind nat")) {
        add_ip(p, IPPROTO_UDP, "203.0.113.1", 0);
        add_ports(p, 4500, 4500, *what == 'e');
    } else if (!strcmp(what, "ike")) {
        add_ip(p, IPPROTO_UDP, "203.0.113.1", 0);
        add_ports(p, 500, 500, 77);
    } else if (strstr(what, "bfd")) {
        add_ip(p, IPPROTO_UDP, "100.64.0.1", 0);
        add_ports(p, 49152, 4784, 77);
    } else if (strstr(what, "icmp")) {
        add_ip(p, IPPROTO_ICMP, "198.18.5.10", 0);
    } else if (strstr(what, "keepalive")) {
        add_ip(p, IPPROTO_GRE, "192.0.2.1", 0);
        add_gre(p, 0, false);
    } else if (strstr(what, "bgp")) {
        add_ip(p, IPPROTO_TCP, "100.64.0.1", 0);
        add_tcp(p, 179, 0x18, NULL, 0);
    } else if (!strcmp(what, "fragment")) {
        add_ip(p, IPPROTO_TCP, "198.18.5.10", 185);
        add_tcp(p, 179, 0x02, mss_1460, sizeof mss_1460);
    } else if (strstr(what, "late syn")) {
        add_ip(p, IPPROTO_TCP, "198.18.5.10", 0);
        add_tcp(p, 5001, 0x12, mss_late, sizeof mss_late);
    } else if (strstr(what, "syn")) {
        add_ip(p, IPPROTO_TCP, "198.18.5.10", 0);
        add_tcp(p, 5001, 0x02, mss_1460, sizeof mss_1460);
    }
}

Test(meter, every_kind_counts_its_own)
{
    static const struct {
        const char *packet, *counted_by;
    } cases[] = {
        {"esp", "all esp"},
        {"esp in udp", "all esp nat-t"},
        {"ike", "all ike"},
        {"ike behind nat", "all ike"},
        {"bfd", "all bfd"},
        {"gre bfd", "all gre bfd"},
        {"icmp", "all icmp"},
        {"gre icmp", "all gre icmp"},
        {"bgp", "all bgp"},
        {"gre bgp", "all gre bgp"},
        {"gre keyed bgp", "all gre bgp"},
        {"gre keepalive request", "all gre keepalive"},
        {"keepalive answer", "all gre keepalive"},
        {"syn", "all syn"},
        {"gre syn", "all gre syn"},
        {"fragment", "all"},
    };
    static const char *const selects[] = {"all", "esp",  "ike",       "gre", "bgp",
                                          "bfd", "icmp", "keepalive", "syn", "nat-t"};

    for (size_t i = 0; i < VC_COUNT(cases); i++)
        for (size_t k = 0; k < VC_COUNT(selects); k++) {
            struct vc_meter meter = {.kind = vc_meter_kind(selects[k]), .to_any = true};
            VC_AUTO_TALLOC char *padded = talloc_asprintf(NULL, " %s ", cases[i].counted_by);
            VC_AUTO_TALLOC char *wanted = talloc_asprintf(NULL, " %s ", selects[k]);
            struct packet p;

            cr_assert(meter.kind, "%s", selects[k]);
            make(&p, cases[i].packet);
            cr_expect_eq(show(&meter, &p, p.length), strstr(padded, wanted) != NULL, "%s by %s", cases[i].packet,
                         selects[k]);
            cr_expect_eq(meter.packets, strstr(padded, wanted) != NULL);
        }
    cr_assert_null(vc_meter_kind("ospf"));
}

Test(meter, the_innermost_destination_counts)
{
    static const struct {
        const char *to, *packet;
        bool counted;
    } cases[] = {
        {"198.18.5.0/25", "gre icmp", true},
        {"198.18.5.128/25", "gre icmp", false},
        {"192.0.2.1/32", "gre icmp", false},
        {"198.18.5.0/25", "icmp", true},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        struct vc_meter meter = {.kind = vc_meter_kind("all")};
        struct packet p;

        cr_assert(vc_prefix_parse(cases[i].to, &meter.to));
        make(&p, cases[i].packet);
        cr_expect_eq(show(&meter, &p, p.length), cases[i].counted, "%s to %s", cases[i].packet, cases[i].to);
    }
}

Test(meter, the_largest_mss_is_kept)
{
    struct vc_meter meter = {.kind = vc_meter_kind("syn"), .to_any = true};
    struct packet p;

    make(&p, "late syn");
    cr_assert(show(&meter, &p, p.length));
    cr_assert_eq(meter.mss, 1350);
    make(&p, "gre syn");
    cr_assert(show(&meter, &p, p.length));
    cr_assert_eq(meter.mss, 1460);
    make(&p, "late syn");
    cr_assert(show(&meter, &p, p.length));
    cr_assert_eq(meter.mss, 1460);
    cr_assert_eq(meter.packets, 3);
}

/* Bytes that end anywhere, and options of impossible lengths: no packet may be read past its end. */
Test(meter, cut_and_broken_packets_are_read_no_further)
{
    static const char *const packets[] = {"gre late syn", "gre keyed bgp", "gre keepalive request", "esp in udp",
                                          "late syn"};
    static const char *const selects[] = {"syn", "bgp", "keepalive", "esp", "ike", "bfd"};

    for (size_t i = 0; i < VC_COUNT(packets); i++)
        for (size_t k = 0; k < VC_COUNT(selects); k++)
            for (unsigned noise = 0; noise < 256; noise++) {
                struct vc_meter meter = {.kind = vc_meter_kind(selects[k]), .to_any = true};
                struct packet p;

                make(&p, packets[i]);
                p.bytes[noise % p.length] ^= (uint8_t)(noise * 7 + 1);
                for (size_t captured = 0; captured <= p.length; captured++)
                    show(&meter, &p, captured);
            }
}
