/* Numbers as people write them in documents. */
#include <string.h>

#include "model/schema.h"

bool vc_count_parse(const char *text, int64_t max, int64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    int64_t number = 0;

    if (!digits || text[digits] || digits > 12 || (digits > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < digits; i++)
        number = number * 10 + (text[i] - '0');
    *out = number;
    return number <= max;
}

static const struct {
    const char *suffix;
    int64_t ns;
} units[] = {{"ms", VC_NS_PER_MS}, {"s", VC_NS_PER_S}, {"m", 60 * VC_NS_PER_S}, {"h", 3600 * VC_NS_PER_S}};

bool vc_duration_parse(const char *text, int64_t *ns)
{
    size_t digits = strspn(text, "0123456789");
    int64_t number = 0;

    if (!digits || digits > 9)
        return false;
    for (size_t i = 0; i < digits; i++)
        number = number * 10 + (text[i] - '0');
    for (size_t i = 0; i < VC_COUNT(units); i++)
        if (!strcmp(text + digits, units[i].suffix) && number <= VC_DURATION_LONGEST / units[i].ns) {
            *ns = number * units[i].ns;
            return true;
        }
    return false;
}

char *vc_duration_text(void *ctx, int64_t ns)
{
    if (ns % VC_NS_PER_MS)
        return talloc_asprintf(ctx, "%lld ns", (long long)ns);
    int64_t ms = ns / VC_NS_PER_MS;
    if (ms < 1000 && ms > 0)
        return talloc_asprintf(ctx, "%lld ms", (long long)ms);
    if (ms % 1000 == 0)
        return talloc_asprintf(ctx, "%lld s", (long long)(ms / 1000));
    int digits = ms % 100 == 0 ? 1 : ms % 10 == 0 ? 2 : 3;
    return talloc_asprintf(ctx, "%.*f s", digits, (double)ms / 1000);
}

bool vc_percent_parse(const char *text, int64_t *ppm)
{
    size_t whole = strspn(text, "0123456789"), decimals = 0;
    int64_t value = 0, unit = 10000;

    if (!whole || whole > 3 || (text[whole] && text[whole] != '.'))
        return false;
    for (size_t i = 0; i < whole; i++)
        value = value * 10 + (text[i] - '0');
    value *= unit;
    if (text[whole])
        decimals = strspn(text + whole + 1, "0123456789");
    if (text[whole] && (!decimals || decimals > 4 || text[whole + 1 + decimals]))
        return false;
    for (size_t i = 0; i < decimals; i++)
        value += (text[whole + 1 + i] - '0') * (unit /= 10);
    *ppm = value;
    return value <= 1000000;
}

/* The two numbers around `between`. */
static bool split(const char *text, const char *between, char *first, char *second, size_t room)
{
    const char *at = strstr(text, between);

    return at && snprintf(first, room, "%.*s", (int)(at - text), text) < (int)room &&
           snprintf(second, room, "%s", at + strlen(between)) < (int)room;
}

bool vc_bgp_timers_parse(const char *text, unsigned *keepalive_s, unsigned *hold_s)
{
    char keepalive[16], hold[16];
    int64_t k, h;

    if (!split(text, "/", keepalive, hold, sizeof hold) || !vc_count_parse(keepalive, 21845, &k) ||
        !vc_count_parse(hold, 65535, &h) || k < 1 || h < 3 || h <= k)
        return false;
    *keepalive_s = (unsigned)k;
    *hold_s = (unsigned)h;
    return true;
}

bool vc_keepalive_parse(const char *text, unsigned *seconds, unsigned *times)
{
    char interval[16], count[16];
    int64_t ns, n;

    *seconds = *times = 0;
    if (!strcmp(text, "off"))
        return true;
    if (!split(text, " x ", interval, count, sizeof count) || !vc_duration_parse(interval, &ns) || ns < VC_NS_PER_S ||
        ns > 32767 * VC_NS_PER_S || ns % VC_NS_PER_S || !vc_count_parse(count, 255, &n) || n < 1)
        return false;
    *seconds = (unsigned)(ns / VC_NS_PER_S);
    *times = (unsigned)n;
    return true;
}
