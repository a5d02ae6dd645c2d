/* GRE and keepalives as bytes: what is sent, and what is made of anything that may arrive. Each packet has an
 * allocation of exactly its length, so that a sanitizer sees every byte read behind it. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "gre/gre.h"

/* Worked out by hand from RFC 791 and RFC 2784, 10.200.0.1 to 192.0.2.1, IP id 0x1234. */
static const uint8_t request_a_to_b[VC_KEEPALIVE_LEN] = {
    0x45, 0x00, 0x00, 0x30, 0x12, 0x34, 0x00, 0x00, 0xff, 0x2f, 0xdc, 0xa0, /* IP, 48 bytes, TTL 255, GRE */
    0x0a, 0xc8, 0x00, 0x01, 0xc0, 0x00, 0x02, 0x01,                         /* A → B */
    0x00, 0x00, 0x08, 0x00,                                                 /* GRE, IPv4 inside */
    0x45, 0x00, 0x00, 0x18, 0x12, 0x34, 0x00, 0x00, 0xff, 0x2f, 0xdc, 0xb8, /* IP, 24 bytes, TTL 255, GRE */
    0xc0, 0x00, 0x02, 0x01, 0x0a, 0xc8, 0x00, 0x01,                         /* B → A */
    0x00, 0x00, 0x00, 0x00,                                                 /* GRE, protocol 0 */
};

enum { OUTER = 0, GRE = 20, INNER = 24, INNER_GRE = 44 };

static struct in_addr a, b;

static void addresses(void)
{
    cr_assert(vc_addr_parse("10.200.0.1", &a));
    cr_assert(vc_addr_parse("192.0.2.1", &b));
}

TestSuite(wire, .init = addresses);

struct seen {
    enum vc_gre_class class;
    ptrdiff_t offset; /* of the payload; -1: none */
    size_t len;
};

/* B receives: local is B. */
static struct seen classify(const uint8_t *bytes, size_t len)
{
    VC_AUTO_FREE uint8_t *packet = malloc(len ? len : 1);
    const uint8_t *payload = NULL;
    struct seen seen = {0};

    memcpy(packet, bytes, len);
    seen.class = vc_gre_classify(packet, len, b, a, &payload, &seen.len);
    seen.offset = payload ? payload - packet : -1;
    return seen;
}

/* RFC 1071 written otherwise than in the code under test: one's complement addition, byte pairs by hand. */
static void fix_checksum(uint8_t *header)
{
    unsigned sum = 0;

    header[10] = header[11] = 0;
    for (int i = 0; i < (header[0] & 0xf) * 4; i += 2) {
        sum += header[i] * 256U + header[i + 1];
        if (sum > 0xffff)
            sum -= 0xffff;
    }
    header[10] = (uint8_t)(~sum >> 8);
    header[11] = (uint8_t)~sum;
}

Test(wire, request_is_these_48_bytes)
{
    uint8_t packet[VC_KEEPALIVE_LEN];

    vc_keepalive_build(packet, a, b, 0x1234);
    cr_assert_arr_eq(packet, request_a_to_b, sizeof packet);
}

Test(wire, request_is_recognised_and_its_inner_packet_found)
{
    struct seen seen = classify(request_a_to_b, sizeof request_a_to_b);

    cr_assert_eq(seen.class, VC_GRE_KEEPALIVE_REQUEST);
    cr_assert_eq(seen.offset, INNER);
    cr_assert_eq(seen.len, VC_KEEPALIVE_INNER_LEN);
}

Test(wire, the_inner_packet_alone_is_the_answer)
{
    const uint8_t *payload = NULL;
    size_t len = 0;

    cr_assert_eq(vc_gre_classify(request_a_to_b + INNER, VC_KEEPALIVE_INNER_LEN, a, b, &payload, &len),
                 VC_GRE_KEEPALIVE_ANSWER);
}

Test(wire, every_truncation_is_ignored)
{
    for (size_t len = 0; len < sizeof request_a_to_b; len++)
        cr_expect_eq(classify(request_a_to_b, len).class, VC_GRE_IGNORE, "%zu bytes", len);
}

/* The outer total length may not hide a cut inside: each header is shortened to say that all is there. */
Test(wire, every_truncation_with_a_matching_length_is_ignored)
{
    uint8_t packet[VC_KEEPALIVE_LEN];

    for (size_t len = 20; len < sizeof packet; len++) {
        memcpy(packet, request_a_to_b, sizeof packet);
        packet[3] = (uint8_t)len;
        fix_checksum(packet);
        cr_expect_eq(classify(packet, len).class, VC_GRE_IGNORE, "%zu bytes", len);
    }
}

Test(wire, padding_behind_the_packet_is_not_payload)
{
    uint8_t packet[VC_KEEPALIVE_LEN + 18] = {0};

    memcpy(packet, request_a_to_b, sizeof request_a_to_b);
    struct seen seen = classify(packet, sizeof packet);
    cr_assert_eq(seen.class, VC_GRE_KEEPALIVE_REQUEST);
    cr_assert_eq(seen.len, VC_KEEPALIVE_INNER_LEN);
}

/* One byte of the request changed (the inner checksum is put right where `fix` says so): what it is then. */
static const struct {
    const char *what;
    size_t at;
    uint8_t value;
    bool fix;
    enum vc_gre_class class;
} changes[] = {
    {"outer version 6", OUTER, 0x65, false, VC_GRE_IGNORE},
    {"outer header of 16 bytes", OUTER, 0x44, false, VC_GRE_IGNORE},
    {"outer header longer than the packet", OUTER, 0x4f, false, VC_GRE_IGNORE},
    {"outer more fragments", OUTER + 6, 0x20, false, VC_GRE_IGNORE},
    {"outer fragment offset", OUTER + 7, 0x01, false, VC_GRE_IGNORE},
    {"outer DF", OUTER + 6, 0x40, false, VC_GRE_KEEPALIVE_REQUEST},
    {"outer TOS", OUTER + 1, 0xc0, false, VC_GRE_KEEPALIVE_REQUEST},
    {"outer protocol UDP", OUTER + 9, 17, false, VC_GRE_IGNORE},
    {"from another peer", OUTER + 15, 0x02, false, VC_GRE_IGNORE},
    {"to another address of ours", OUTER + 19, 0x02, false, VC_GRE_IGNORE},
    {"GRE checksum", GRE, 0x80, false, VC_GRE_IGNORE},
    {"GRE routing (RFC 1701)", GRE, 0x40, false, VC_GRE_IGNORE},
    {"GRE key", GRE, 0x20, false, VC_GRE_IGNORE},
    {"GRE sequence", GRE, 0x10, false, VC_GRE_IGNORE},
    {"GRE recursion bit", GRE, 0x04, false, VC_GRE_IGNORE},
    {"GRE reserved bit to be ignored", GRE + 1, 0x08, false, VC_GRE_KEEPALIVE_REQUEST},
    {"GRE version 1", GRE + 1, 0x01, false, VC_GRE_IGNORE},
    {"GRE with IPv6 inside", GRE + 2, 0x86, false, VC_GRE_IGNORE},
    {"inner version 6", INNER, 0x65, true, VC_GRE_IGNORE},
    {"inner header of 0 bytes", INNER, 0x40, false, VC_GRE_IGNORE},
    {"inner header longer than the packet", INNER, 0x4f, false, VC_GRE_IGNORE},
    {"inner length beyond the packet", INNER + 3, 25, true, VC_GRE_IGNORE},
    {"inner length without GRE", INNER + 3, 23, true, VC_GRE_IGNORE},
    {"inner fragment", INNER + 7, 0x01, true, VC_GRE_IGNORE},
    {"inner checksum wrong", INNER + 11, 0x00, false, VC_GRE_IGNORE},
    {"inner TOS", INNER + 1, 0xc0, true, VC_GRE_KEEPALIVE_REQUEST},
    {"inner UDP", INNER + 9, 17, true, VC_GRE_DATA},
    {"inner from a LAN address: somebody else's keepalive", INNER + 12, 10, true, VC_GRE_DATA},
    {"inner to a LAN address", INNER + 19, 0x09, true, VC_GRE_DATA},
    {"inner GRE with a key", INNER_GRE, 0x20, false, VC_GRE_IGNORE},
    {"inner GRE with IPv4 again", INNER_GRE + 2, 0x08, false, VC_GRE_IGNORE},
};

Test(wire, each_changed_byte)
{
    for (size_t i = 0; i < VC_COUNT(changes); i++) {
        uint8_t packet[VC_KEEPALIVE_LEN];

        memcpy(packet, request_a_to_b, sizeof packet);
        packet[changes[i].at] = changes[i].value;
        if (changes[i].fix)
            fix_checksum(packet + INNER);
        cr_expect_eq(classify(packet, sizeof packet).class, changes[i].class, "%s", changes[i].what);
    }
}

Test(wire, options_in_both_headers_are_skipped)
{
    uint8_t packet[VC_KEEPALIVE_LEN + 8];
    const uint8_t nops[4] = {1, 1, 1, 1};

    memcpy(packet, request_a_to_b, 20);
    memcpy(packet + 20, nops, 4);
    memcpy(packet + 24, request_a_to_b + GRE, 24);
    memcpy(packet + 48, nops, 4);
    memcpy(packet + 52, request_a_to_b + INNER_GRE, 4);
    packet[0] = packet[28] = 0x46;
    packet[3] = sizeof packet;
    packet[31] = VC_KEEPALIVE_INNER_LEN + 4;
    fix_checksum(packet + 28);
    struct seen seen = classify(packet, sizeof packet);
    cr_assert_eq(seen.class, VC_GRE_KEEPALIVE_REQUEST);
    cr_assert_eq(seen.offset, 28);
    cr_assert_eq(seen.len, VC_KEEPALIVE_INNER_LEN + 4);
}

/* A payload, when there is one, lies inside the packet and begins with a whole IPv4 header, whatever the bytes were. */
Test(wire, hostile_packets_never_lead_outside)
{
    uint64_t state = 88172645463325252ULL; /* xorshift64, so that a failure can be repeated */
    uint8_t packet[VC_KEEPALIVE_LEN];

    for (int round = 0; round < 200000; round++) {
        memcpy(packet, request_a_to_b, sizeof packet);
        for (int change = 0; change < 3; change++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            packet[state % sizeof packet] = (uint8_t)(state >> 32);
        }
        size_t len = state >> 60 ? sizeof packet : (state >> 40) % sizeof packet;
        struct seen seen = classify(packet, len);
        if (seen.class == VC_GRE_DATA || seen.class == VC_GRE_KEEPALIVE_REQUEST) {
            cr_assert_geq(seen.offset, INNER);
            cr_assert_geq(seen.len, 20);
            cr_assert_leq((size_t)seen.offset + seen.len, len);
        }
    }
}
