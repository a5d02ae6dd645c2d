#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "probe/underlay.h"

struct seen {
    unsigned count;
    json_t *last;
};

static void collect(void *arg, json_t *event)
{
    struct seen *seen = arg;

    seen->count++;
    json_decref(seen->last);
    seen->last = json_incref(event);
}

struct setup {
    struct vc_events *events;
    struct seen seen;
    struct vc_underlay_watch watch;
};

static struct setup *set_up(bool underlay)
{
    struct setup *s = talloc_zero(NULL, struct setup);

    s->events = vc_events_new(s);
    vc_events_subscribe(s->events, collect, &s->seen);
    s->watch = (struct vc_underlay_watch){.events = s->events, .link = "inet-cpe1", .underlay = underlay};
    return s;
}

static void tear_down(struct setup *s)
{
    json_decref(s->seen.last);
    talloc_free(s);
}

/* 10.0.0.1 → 10.0.0.2; `fragment` is the field of flags and offset. `captured` bytes are given, the buffer ends there.
 */
static void show(struct setup *s, uint8_t protocol, uint16_t fragment, const uint8_t *payload, size_t payload_len,
                 size_t captured, int64_t ahead_ns)
{
    struct timespec now;
    uint8_t ip[128] = {0x45};

    memcpy(ip + 6, &(uint16_t){htons(fragment)}, 2);
    ip[9] = protocol;
    memcpy(ip + 12, (const uint8_t[]){10, 0, 0, 1, 10, 0, 0, 2}, 8);
    memcpy(ip + 20, payload, payload_len);
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += ahead_ns / VC_NS_PER_S;

    uint8_t *copy = malloc(captured ? captured : 1); /* its end is guarded under ASan */
    memcpy(copy, ip, captured);
    vc_underlay_judge(&s->watch, &(struct vc_tap_packet){.time = now,
                                                         .data = copy,
                                                         .captured = captured,
                                                         .length = 20 + payload_len,
                                                         .ip = copy,
                                                         .ip_captured = captured});
    free(copy);
}

static void ports(uint8_t payload[8], uint16_t from, uint16_t to)
{
    memset(payload, 0, 8);
    memcpy(payload, &(uint16_t){htons(from)}, 2);
    memcpy(payload + 2, &(uint16_t){htons(to)}, 2);
}

Test(underlay, only_ike_esp_and_icmp_pass)
{
    static const struct {
        uint8_t protocol;
        uint16_t from, to, fragment;
        const char *clear; /* its protocol, NULL: allowed */
    } cases[] = {
        {IPPROTO_ESP, 0, 0, 0, NULL},
        {IPPROTO_ICMP, 0, 0, 0, NULL},
        {IPPROTO_UDP, 500, 500, 0, NULL},
        {IPPROTO_UDP, 4500, 61000, 0, NULL},
        {IPPROTO_UDP, 1024, 4500, 0, NULL},
        {IPPROTO_UDP, 53, 5353, 0, "udp"},
        {IPPROTO_UDP, 53, 5353, 0x2000, "udp"},
        {IPPROTO_UDP, 53, 5353, 0x00b9, NULL},
        {IPPROTO_GRE, 0, 0, 0, "gre"},
        {IPPROTO_TCP, 179, 500, 0, "tcp"},
        {IPPROTO_AH, 0, 0, 0, "ah"},
        {IPPROTO_SCTP, 0, 0, 0, "132"},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        struct setup *s = set_up(true);
        uint8_t payload[8];

        ports(payload, cases[i].from, cases[i].to);
        show(s, cases[i].protocol, cases[i].fragment, payload, 8, 28, 0);
        cr_assert_eq(s->seen.count, cases[i].clear ? 1 : 0, "case %zu", i);
        if (cases[i].clear) {
            cr_expect_str_eq(json_string_value(json_object_get(s->seen.last, "what")), "clear");
            cr_expect_str_eq(json_string_value(json_object_get(s->seen.last, "protocol")), cases[i].clear);
            cr_expect_str_eq(json_string_value(json_object_get(s->seen.last, "from")), "10.0.0.1");
            cr_expect_str_eq(json_string_value(json_object_get(s->seen.last, "to")), "10.0.0.2");
        }
        tear_down(s);
    }
}

Test(underlay, other_links_only_tell_loops)
{
    struct setup *s = set_up(false);
    uint8_t payload[8] = {11, 0};

    show(s, IPPROTO_GRE, 0, payload, 8, 28, 0);
    cr_expect_eq(s->seen.count, 0);
    show(s, IPPROTO_ICMP, 0, payload, 8, 28, 0);
    cr_assert_eq(s->seen.count, 1);
    cr_expect_str_eq(json_string_value(json_object_get(s->seen.last, "what")), "ttl-exceeded");
    payload[1] = 1; /* fragment reassembly time exceeded */
    show(s, IPPROTO_ICMP, 0, payload, 8, 28, 5 * VC_NS_PER_S);
    payload[0] = 3;
    show(s, IPPROTO_ICMP, 0, payload, 8, 28, 5 * VC_NS_PER_S);
    cr_expect_eq(s->seen.count, 1);
    tear_down(s);
}

/* What is quoted begins after ICMP's eight bytes: an IP header, then the ports. */
Test(underlay, an_ebgp_packet_that_ends_at_the_next_router_is_no_loop)
{
    static const struct {
        uint8_t protocol;
        uint16_t from, to;
        size_t len;
        bool loop;
    } cases[] = {
        {IPPROTO_TCP, 40000, 179, 32, false}, {IPPROTO_TCP, 179, 40000, 32, false}, {IPPROTO_TCP, 40000, 80, 32, true},
        {IPPROTO_UDP, 40000, 179, 32, true},  {IPPROTO_TCP, 40000, 179, 30, true}, /* cut short: it cannot be told */
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        struct setup *s = set_up(false);
        uint8_t payload[36] = {11, 0, [8] = 0x45, [17] = cases[i].protocol};

        ports(payload + 28, cases[i].from, cases[i].to);
        show(s, IPPROTO_ICMP, 0, payload, cases[i].len, 20 + cases[i].len, 0);
        cr_expect_eq(s->seen.count, cases[i].loop, "case %zu", i);
        tear_down(s);
    }
}

Test(underlay, once_a_second)
{
    struct setup *s = set_up(true);
    uint8_t payload[8] = {0};

    for (int i = 0; i < 5; i++)
        show(s, IPPROTO_GRE, 0, payload, 8, 28, 0);
    cr_expect_eq(s->seen.count, 1);
    show(s, IPPROTO_GRE, 0, payload, 8, 28, 2 * VC_NS_PER_S);
    cr_expect_eq(s->seen.count, 2);
    tear_down(s);
}

Test(underlay, cut_packets_are_read_no_further)
{
    struct setup *s = set_up(true);
    uint8_t payload[8] = {0};

    for (size_t captured = 0; captured < 20; captured++)
        show(s, IPPROTO_GRE, 0, payload, 8, captured, 0);
    cr_expect_eq(s->seen.count, 0);
    show(s, IPPROTO_UDP, 0, payload, 8, 22, 0);
    show(s, IPPROTO_ICMP, 0, payload, 8, 21, 0);
    tear_down(s);
}
