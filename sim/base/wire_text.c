/* Apart from wire.c because it alone needs talloc, which a program that links ns-3 must not (docs/decisions.md). */
#include "base/wire.h"

#include <stdarg.h>

#include "base/util.h"

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
