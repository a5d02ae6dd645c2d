/* Sizes on the wire and the arithmetic on them, against figures that were not made here: requirements (G.711: 80 kbit/s
 * at layer 3, 112 outside, 115.2 behind NAT; 3,125 and 2,232 calls in 250 Mbit/s), the RFCs' sums, Erlang's table. */
#include <criterion/criterion.h>
#include <math.h>

#include "document.h"

Test(planner_capacity, sizes_on_the_wire)
{
    static const struct {
        struct vc_planner_wire wire;
        struct vc_planner_codec codec;
        unsigned inner, outer;
        int64_t interval_ns;
    } rows[] = {
        {{"aes-gcm", "off", "off"}, {.kbit = 64, .ptime_ms = 20}, 200, 280, 20000000},
        {{"aes-gcm", "on", "off"}, {.kbit = 64, .ptime_ms = 20}, 200, 288, 20000000},
        {{"aes-gcm", "off", "hmac-sha1-80"}, {.kbit = 64, .ptime_ms = 20}, 210, 288, 20000000},
        {{"aes-gcm", "off", "gcm"}, {.kbit = 64, .ptime_ms = 20}, 216, 296, 20000000},
        /* 200 + 24 + 2 = 226, to a multiple of 16: 240; 20 + 8 + 16 + 240 + 16 */
        {{"aes-cbc-sha256", "off", "off"}, {.kbit = 64, .ptime_ms = 20}, 200, 300, 20000000},
        {{"aes-gcm", "off", "off"}, {.kbit = 64, .ptime_ms = 30}, 280, 360, 30000000},
        {{"aes-gcm", "off", "off"}, {.kbit = 32, .ptime_ms = 20}, 120, 200, 20000000},
        /* 6 kbit/s in 10 ms are 7.5 bytes */
        {{"aes-gcm", "off", "off"}, {.kbit = 6, .ptime_ms = 10}, 48, 128, 10000000},
        {{"aes-gcm", "off", "off"}, {.video = true, .kbit = 1600, .payload = 1000}, 1040, 1120, 5000000},
    };

    for (size_t i = 0; i < VC_COUNT(rows); i++) {
        struct vc_planner_codec codec = rows[i].codec;
        vc_planner_sizes(&rows[i].wire, &codec);
        cr_assert(codec.inner == rows[i].inner && codec.outer == rows[i].outer &&
                      codec.interval_ns == rows[i].interval_ns,
                  "row %zu: %u and %u bytes each %lld ns", i, codec.inner, codec.outer, (long long)codec.interval_ns);
    }
}

Test(planner_capacity, erlangs_table)
{
    static const struct {
        unsigned calls;
        double blocked, erlangs;
    } rows[] = {{1, 0.01, 0.0101}, {10, 0.01, 4.461}, {100, 0.01, 84.06}, {10, 0.001, 3.092}, {0, 0.01, 0}};

    for (size_t i = 0; i < VC_COUNT(rows); i++) {
        double found = vc_planner_erlangs(rows[i].calls, rows[i].blocked);
        cr_assert(fabs(found - rows[i].erlangs) < 0.006 * rows[i].erlangs + 1e-9, "%u calls carry %g, not %g",
                  rows[i].calls, found, rows[i].erlangs);
    }
}

static double at(const json_t *object, const char *name)
{
    cr_assert(json_is_number(json_object_get(object, name)), "no number %s", name);
    return json_number_value(json_object_get(object, name));
}

Test(planner_capacity, calls_that_fit_and_what_the_backup_needs)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_planner *plan = document_usual(
        ctx, "regions: {a: {hubs: 10, calls: 3000, to_dc1: 25}, b: {hubs: 100, users: 200, busy: 12.5}}\n");
    VC_AUTO_JSON *capacity = vc_planner_capacity(plan);
    const json_t *codec = json_array_get(json_object_get(capacity, "codecs"), 0);
    const json_t *regions = json_object_get(capacity, "regions"), *a = json_array_get(regions, 0),
                 *b = json_array_get(regions, 1);
    const json_t *losses = json_object_get(capacity, "when_a_dc_is_lost");

    cr_assert_float_eq(at(codec, "inner_kbit"), 80, 1e-9);
    cr_assert_float_eq(at(codec, "outer_kbit"), 112, 1e-9);
    cr_assert_eq((int)at(json_object_get(a, "calls_fit"), "g711"), 3125);
    cr_assert_eq((int)(250e3 / at(codec, "outer_kbit")), 2232);
    /* Standing calls do not vary: 2250 to DC2, then all 3000. */
    cr_assert_float_eq(at(a, "tunnel_at_most_mbit"), 180, 1e-6);
    cr_assert_float_eq(at(a, "survivor_at_most_mbit"), 240, 1e-6);
    /* 25 Erlang: 2 Mbit/s and 3.0902 deviations of five calls' rate. */
    cr_assert_float_eq(at(b, "calls_a_hub"), 25, 1e-9);
    cr_assert_float_eq(at(b, "survivor_at_most_mbit"), 2 + 3.0902 * 5 * 0.08, 1e-3);
    cr_assert_float_eq(at(json_object_get(json_array_get(losses, 0), "wan"), "mean_mbit"),
                       10 * 750 * 0.08 + 100 * 12.5 * 0.08, 1e-6);
    cr_assert_float_eq(at(json_object_get(json_array_get(losses, 1), "wan"), "mean_mbit"),
                       10 * 2250 * 0.08 + 100 * 12.5 * 0.08, 1e-6);
    cr_assert_float_eq(at(json_object_get(json_array_get(losses, 0), "edge"), "mean_mbit"), (30000 + 2500) * 0.112,
                       1e-6);
}
