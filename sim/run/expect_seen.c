/*
 * What a person would see in a capture or in a BGP table. Packets are counted from the moment the expectation is asked
 * (not from the fault on: what the fault set off is another question) to the next fault or heal.
 */
#include "run/verdict_private.h"

static bool is_about(const json_t *seen, const json_t *spec)
{
    static const char *const members[] = {"at", "select", "toward", "to"};

    for (size_t i = 0; i < VC_COUNT(members); i++)
        if (strcmp(text_of(seen, members[i]), text_of(spec, members[i])) != 0)
            return false;
    return true;
}

static bool is_between(const json_t *seen, const json_t *spec, const struct window *window)
{
    int64_t t_ns = number_of(seen, "t_ns", 0);

    return t_ns > number_of(spec, "t_ns", window->start_ns) && t_ns <= window->end_ns;
}

int64_t seen_packets(const struct vc_judge *judge, const json_t *spec, const struct window *window)
{
    int64_t sum = 0;
    size_t i;
    json_t *seen;

    json_array_foreach(judge->seen, i, seen)
    {
        if (is_about(seen, spec) && is_between(seen, spec, window))
            sum += number_of(seen, "packets", 0);
    }
    return sum;
}

/* The largest; without a SYN there was nothing to measure. */
int64_t seen_mss(const struct vc_judge *judge, const json_t *spec, const struct window *window)
{
    int64_t largest = 0;
    size_t i;
    json_t *seen;

    json_array_foreach(judge->seen, i, seen)
    {
        int64_t mss = number_of(seen, "mss", 0);

        if (is_about(seen, spec) && is_between(seen, spec, window) && mss > largest)
            largest = mss;
    }
    return largest ? largest : INT64_MAX;
}

/* In any order; nothing was heard yet is not nothing accepted. */
bool seen_accepted(const struct vc_judge *judge, const json_t *spec, int64_t *since_ns)
{
    const json_t *accepted =
        fact_get(judge, since_ns, "accepted|%s|%s", text_of(spec, "node"), text_of(spec, "tunnel"));
    const json_t *wanted = json_object_get(spec, "prefixes");
    size_t i, j, found = 0;
    json_t *prefix, *other;

    if (!json_is_array(accepted) || json_array_size(accepted) != json_array_size(wanted))
        return false;
    json_array_foreach(wanted, i, prefix) json_array_foreach(accepted, j, other) found += json_equal(prefix, other);
    return found == json_array_size(wanted);
}
