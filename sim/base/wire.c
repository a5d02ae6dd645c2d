#include "base/wire.h"

#include "base/util.h"

enum {
    QUEUE_MS = 100,
    FAST_MBIT = 1000, /* what a wire without a rate may have to hold */
    PACKET_BYTES = 1000,
    LIMIT_MIN = 50,
};

bool vc_wire_needs_netem(const struct vc_wire *wire)
{
    return wire->delay_us || wire->jitter_us || wire->loss_ppm || wire->corrupt_ppm || wire->duplicate_ppm ||
           wire->reorder_ppm;
}

bool vc_wire_is_perfect(const struct vc_wire *wire)
{
    return !vc_wire_needs_netem(wire) && !wire->rate_mbit && !wire->limit;
}

uint32_t vc_wire_limit(const struct vc_wire *wire)
{
    uint64_t rate = wire->rate_mbit ? wire->rate_mbit : FAST_MBIT;
    uint64_t ms = ((uint64_t)wire->delay_us + wire->jitter_us) / 1000 + QUEUE_MS;
    uint64_t packets = rate * 125 * ms / PACKET_BYTES; /* 1 Mbit/s is 125 bytes a millisecond */

    if (wire->limit)
        return wire->limit;
    return packets < LIMIT_MIN ? LIMIT_MIN : packets > INT32_MAX ? INT32_MAX : (uint32_t)packets;
}

static void add(char **text, const char *format, ...) VC_PRINTF(2, 3);
static void add(char **text, const char *format, ...)
{
    va_list args;

    if (**text)
        *text = talloc_strdup_append(*text, ", ");
    va_start(args, format);
    *text = talloc_vasprintf_append(*text, format, args);
    va_end(args);
}

char *vc_wire_text(void *ctx, const struct vc_wire *wire)
{
    const struct {
        uint32_t ppm;
        const char *what;
    } shares[] = {{wire->corrupt_ppm, "corrupted"}, {wire->duplicate_ppm, "doubled"}, {wire->reorder_ppm, "reordered"}};
    char *text = talloc_strdup(ctx, "");

    if (wire->delay_us || wire->jitter_us)
        add(&text, "%g ms", (double)wire->delay_us / 1000);
    if (wire->jitter_us)
        text = talloc_asprintf_append(text, " ± %g ms", (double)wire->jitter_us / 1000);
    if (wire->loss_ppm)
        add(&text, "%g %% lost", (double)wire->loss_ppm / VC_PPM_PER_PERCENT);
    if (wire->loss_ppm && wire->burst)
        text = talloc_asprintf_append(text, " in bursts of %u", wire->burst);
    for (size_t i = 0; i < VC_COUNT(shares); i++)
        if (shares[i].ppm)
            add(&text, "%g %% %s", (double)shares[i].ppm / VC_PPM_PER_PERCENT, shares[i].what);
    if (wire->rate_mbit)
        add(&text, "%u Mbit/s", wire->rate_mbit);
    if (wire->limit)
        add(&text, "at most %u packets", wire->limit);
    return *text ? text : talloc_strdup_append(text, "perfect");
}
