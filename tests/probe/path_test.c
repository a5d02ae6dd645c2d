#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdarg.h>
#include <string.h>

#include "probe/path.h"

static void expect_path(const struct vc_crossings *crossings, size_t count, ...)
{
    va_list names;

    cr_expect_eq(crossings->path.count, count);
    va_start(names, count);
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(crossings->path.name[i], va_arg(names, int), "place %zu", i);
    va_end(names);
}

Test(path, order_is_that_of_time)
{
    struct vc_crossings c = {0};

    vc_crossings_add(&c, 3, 300);
    vc_crossings_add(&c, 1, 100);
    vc_crossings_add(&c, 2, 200);
    expect_path(&c, 3, 1, 2, 3);
}

Test(path, a_name_counts_once_where_it_was_seen_first)
{
    struct vc_crossings c = {0};

    vc_crossings_add(&c, 5, 500); /* the far end of a tunnel, whose tap is drained first */
    vc_crossings_add(&c, 7, 300);
    vc_crossings_add(&c, 5, 100);
    vc_crossings_add(&c, 5, 900);
    expect_path(&c, 2, 5, 7);
}

Test(path, strange_ages_and_too_many_names)
{
    struct vc_crossings c = {0};

    vc_crossings_add(&c, 1, INT64_MAX);
    vc_crossings_add(&c, 2, -5);
    expect_path(&c, 2, 2, 1);
    for (uint8_t i = 10; i < 40; i++)
        vc_crossings_add(&c, i, i);
    cr_expect_eq(c.path.count, VC_PATH_MAX);
}

Test(path, points_share_names)
{
    void *ctx = talloc_new(NULL);
    struct vc_points points = {0};
    vc_error *err = NULL;

    cr_expect_eq(vc_points_add(ctx, &points, "dc1", NULL, NULL), 0);
    cr_expect_eq(vc_points_add(ctx, &points, "wan", NULL, NULL), 1);
    cr_expect_eq(vc_points_add(ctx, &points, "dc1", NULL, NULL), 2);
    cr_expect_eq(points.name_of[2], points.name_of[0]);
    cr_expect_eq(points.name_count, 2);
    while (points.count < VC_POINT_MAX)
        vc_points_add(ctx, &points, "wan", NULL, NULL);
    cr_expect_eq(vc_points_add(ctx, &points, "wan", NULL, &err), -1);
    cr_expect(err && strstr(err->message, "more than"));
    vc_error_free(err);
    talloc_free(ctx);
}

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

Test(path, tags_come_back_and_nothing_else_is_one)
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
