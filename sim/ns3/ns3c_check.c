#include "ns3/ns3c_check.h"

#include <inttypes.h>
#include <math.h>

enum { PPM = 1000000, ERLANG_MAX = 1000 };
/* Beyond it a double loses what a nanosecond adds to it. */
static const double number_max = 1e15;

#define AT(member) offsetof(struct vc_wire, member)
const struct vc_ns3_character_member vc_ns3_character_members[VC_NS3_CHARACTER_COUNT] = {
    {"delay_us", AT(delay_us), 10000000},
    {"jitter_us", AT(jitter_us), 10000000},
    {"loss_ppm", AT(loss_ppm), PPM},
    {"corrupt_ppm", AT(corrupt_ppm), PPM},
    {"duplicate_ppm", AT(duplicate_ppm), PPM},
    {"reorder_ppm", AT(reorder_ppm), PPM},
    {"burst", AT(burst), 10000},
    {"rate_mbit", AT(rate_mbit), 10000},
    {"limit", AT(limit), 1000000},
};

static int refuse(vc_error **err, const char *format, ...) VC_PRINTF(2, 3);
static int refuse(vc_error **err, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return vc_fail(err, VC_EXIT_USAGE, 0, "%s", text);
}

int vc_ns3_check_config(const struct vc_ns3_config *config, vc_error **err)
{
    if (!config)
        return refuse(err, "a simulator without a configuration");
    if (config->clock != VC_NS3_VIRTUAL && config->clock != VC_NS3_REAL)
        return refuse(err, "found clock %d; allowed: virtual (0), real (1)", (int)config->clock);
    if (!config->seed || config->seed > VC_NS3_SEED_MAX)
        return refuse(err, "found seed %" PRIu32 "; allowed: 1 to %" PRIu32, config->seed, (uint32_t)VC_NS3_SEED_MAX);
    return 0;
}

int vc_ns3_check_character(const struct vc_wire *wire, vc_error **err)
{
    if (!wire)
        return refuse(err, "a wire without a character");
    for (size_t i = 0; i < VC_NS3_CHARACTER_COUNT; i++) {
        const struct vc_ns3_character_member *member = &vc_ns3_character_members[i];
        uint32_t value = *(const uint32_t *)(const void *)((const char *)wire + member->offset);
        if (value > member->max)
            return refuse(err, "found %s %" PRIu32 "; allowed: 0 to %" PRIu32, member->name, value, member->max);
    }
    if (wire->jitter_us > wire->delay_us)
        return refuse(err, "found jitter_us %" PRIu32 "; allowed: up to the delay, %" PRIu32, wire->jitter_us,
                      wire->delay_us);
    if (wire->reorder_ppm && !wire->delay_us)
        return refuse(err, "found reorder_ppm without a delay, which a reordered packet does not wait for");
    if (wire->burst && !wire->loss_ppm)
        return refuse(err, "found burst without loss_ppm, whose bursts it is about");
    /* p = loss / (1 - loss) / burst is a probability */
    if (wire->burst && wire->loss_ppm < PPM &&
        (uint64_t)wire->loss_ppm > (uint64_t)wire->burst * (PPM - wire->loss_ppm))
        return refuse(err,
                      "found burst %" PRIu32 " with loss_ppm %" PRIu32
                      "; allowed: longer bursts, for so much loss leaves less than a packet between them",
                      wire->burst, wire->loss_ppm);
    return 0;
}

int vc_ns3_check_direction(int direction, bool both, vc_error **err)
{
    if (direction == 0 || direction == 1 || (both && direction == VC_NS3_BOTH))
        return 0;
    return refuse(err, "found end or direction %d; allowed: 0, 1%s", direction, both ? ", both (-1)" : "");
}

int vc_ns3_check_frame(const uint8_t *data, size_t size, vc_error **err)
{
    if (!data || !size || size > VC_NS3_FRAME_MAX)
        return refuse(err, "found a frame of %zu bytes%s; allowed: 1 to %d", size, data ? "" : " at no address",
                      VC_NS3_FRAME_MAX);
    return 0;
}

int vc_ns3_check_delay(int64_t now_ns, int64_t after_ns, vc_error **err)
{
    if (after_ns < 0 || after_ns > VC_NS3_MAX_NS - now_ns)
        return refuse(err, "found %" PRId64 " ns from now; allowed: 0 to %" PRId64, after_ns, VC_NS3_MAX_NS - now_ns);
    return 0;
}

int vc_ns3_check_until(int64_t now_ns, int64_t until_ns, vc_error **err)
{
    if (until_ns != VC_NS3_FOREVER && (until_ns < now_ns || until_ns > VC_NS3_MAX_NS))
        return refuse(err,
                      "found a run until %" PRId64 " ns; allowed: %" PRId64 " (now) to %" PRId64 ", or forever (-1)",
                      until_ns, now_ns, VC_NS3_MAX_NS);
    return 0;
}

int vc_ns3_check_stream(int distribution, double a, double b, vc_error **err)
{
    static const char *const allowed[VC_NS3_DISTRIBUTION_COUNT] = {
        [VC_NS3_UNIFORM] = "uniform with a < b",
        [VC_NS3_EXPONENTIAL] = "exponential with mean a > 0, b 0",
        [VC_NS3_NORMAL] = "normal with deviation b >= 0",
        [VC_NS3_LOGNORMAL] = "lognormal with |a| <= 100 and 0 <= b <= 10",
        [VC_NS3_PARETO] = "pareto with a > 0, b > 0",
        [VC_NS3_ERLANG] = "erlang with a whole number a from 1 to 1000, mean b > 0",
    };

    if (distribution < 0 || distribution >= VC_NS3_DISTRIBUTION_COUNT)
        return refuse(err, "found distribution %d; allowed: 0 to %d", distribution, VC_NS3_DISTRIBUTION_COUNT - 1);
    /* Comparisons are written so that a NaN fails them. */
    const bool finite = fabs(a) <= number_max && fabs(b) <= number_max;
    const bool good[VC_NS3_DISTRIBUTION_COUNT] = {
        [VC_NS3_UNIFORM] = a<b, [VC_NS3_EXPONENTIAL] = a> 0 && b == 0,
        [VC_NS3_NORMAL] = b >= 0,
        [VC_NS3_LOGNORMAL] = fabs(a) <= 100 && b >= 0 && b <= 10,
        [VC_NS3_PARETO] = a > 0 && b > 0,
        [VC_NS3_ERLANG] = a >= 1 && a <= ERLANG_MAX && floor(a) == a && b > 0,
    };
    if (!finite || !good[distribution])
        return refuse(err, "found a random stream with a %g, b %g; allowed: %s, numbers up to %g", a, b,
                      allowed[distribution], number_max);
    return 0;
}
