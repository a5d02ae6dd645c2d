#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "probe/rtp.h"

static size_t packet(uint8_t ip[256], const struct vc_flow_tag *tag)
{
    size_t len = 28 + VC_RTP_BYTES + VC_FLOW_TAG_BYTES;

    memset(ip, 0, 256);
    ip[0] = 0x45;
    ip[9] = IPPROTO_UDP;
    ip[28] = 0x80;
    vc_flow_tag_write(ip + 28 + VC_RTP_BYTES, tag);
    return len;
}

static bool find(const uint8_t *ip, size_t len, struct vc_flow_tag *tag)
{
    uint8_t *copy = malloc(len ? len : 1);
    bool found;

    memcpy(copy, ip, len);
    found = vc_flow_tag_find(&(struct vc_tap_packet){.ip = copy, .ip_captured = len}, tag);
    free(copy);
    return found;
}

Test(rtp, tags_come_back_and_nothing_else_is_one)
{
    struct vc_flow_tag tag = {
        .flow = 300, .direction = 1, .run = 0xdeadbeef, .seq = 1ULL << 40, .sent_ns = 1234567890123456789};
    struct vc_flow_tag out = {0};
    uint8_t ip[256];
    size_t len = packet(ip, &tag);

    cr_assert(find(ip, len, &out));
    cr_expect(out.flow == 300 && out.direction == 1 && out.run == 0xdeadbeef && out.seq == 1ULL << 40 &&
              out.sent_ns == 1234567890123456789);
    for (size_t cut = 0; cut < len; cut++)
        cr_expect_not(find(ip, cut, &out), "cut at %zu", cut);
    static const struct {
        size_t at;
        uint8_t value;
    } damages[] = {{0, 0x65}, {0, 0x4f}, {0, 0x40}, {9, IPPROTO_TCP}, {28, 0x40}, {40, 'x'}, {46, 2}};
    for (size_t i = 0; i < VC_COUNT(damages); i++) {
        packet(ip, &tag);
        ip[damages[i].at] = damages[i].value;
        cr_expect_not(find(ip, len, &out), "damage %zu", i);
    }
    cr_expect_not(vc_flow_tag_find(&(struct vc_tap_packet){.ip = NULL}, &out));
}
