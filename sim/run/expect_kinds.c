/*
 * The expectations of docs/scenarios.md, one row each: either a state, asked of what is true now, or a measure over the
 * window between two faults.
 *
 * A lost packet belongs to the window in which it was sent; but one that was sent within the last interval before a
 * fault, in a gap that goes on past it, was killed by that fault on its way and belongs to it. An outage is counted as
 * far as it lies in the window; one that begins with the last arrival before a fault is that fault's as a whole.
 */
#include "run/verdict_private.h"

static void later(int64_t *since_ns, int64_t t_ns)
{
    if (t_ns > *since_ns)
        *since_ns = t_ns;
}

static bool wants_direction(const json_t *spec, int d)
{
    static const char *const names[2] = {"forward", "return"};
    const char *direction = text_of(spec, "direction");

    return !*direction || strcmp(direction, "both") == 0 || strcmp(direction, names[d]) == 0;
}

static bool converged(const struct vc_judge *judge, VC_UNUSED const json_t *spec, int64_t *since_ns)
{
    if (!judge->plan || !sessions_are_up(judge, "sessions", since_ns) || !sessions_are_up(judge, "ibgp", since_ns))
        return false;
    for (size_t i = 0; i < judge->flow_count; i++)
        for (int d = 0; d < 2; d++) {
            const struct direction *direction = &judge->flows[i].direction[d];

            if (!direction_runs_on(direction, judge->flows[i].healthy[d]))
                return false;
            later(since_ns, direction->changed_ns);
        }
    return true;
}

static bool path(const struct vc_judge *judge, const json_t *spec, int64_t *since_ns)
{
    const struct judged_flow *flow = flow_named(judge, text_of(spec, "flow"));
    const json_t *via = json_object_get(spec, "via");
    bool none = json_array_size(via) == 0; /* "none" or [] */
    VC_AUTO_JSON *back = path_reversed(via);

    for (int d = 0; flow && d < 2; d++) {
        const struct direction *direction = &flow->direction[d];

        if (!wants_direction(spec, d))
            continue;
        if (none ? direction->seen && !direction->outage : !direction_runs_on(direction, d ? back : via))
            return false;
        later(since_ns, direction->changed_ns);
    }
    return flow;
}

static bool route(const struct vc_judge *judge, const json_t *spec, int64_t *since_ns)
{
    const json_t *hop = fact_get(judge, since_ns, "route|%s|%s", text_of(spec, "node"), text_of(spec, "prefix"));
    const char *via = text_of(spec, "via");
    bool there = json_is_object(hop) && (!*via || strcmp(via, "any") == 0 || strcmp(via, text_of(hop, "ifname")) == 0);

    return there == !json_is_false(json_object_get(spec, "present"));
}

static const char *cpe_of(const struct vc_judge *judge, const char *tunnel)
{
    size_t i;
    json_t *entry;

    json_array_foreach(json_object_get(judge->plan, "tunnels"), i,
                       entry) if (strcmp(text_of(entry, "name"), tunnel) == 0) return text_of(entry, "cpe");
    return "";
}

static bool wants_up(const json_t *spec)
{
    return strcmp(text_of(spec, "state"), "down") != 0;
}

/* Up at both ends; down at the CPE's. */
static bool tunnel_ends(const struct vc_judge *judge, const json_t *spec, int64_t *since_ns,
                        bool (*is_up)(const struct vc_judge *judge, const char *node, const char *neighbor,
                                      int64_t *since_ns))
{
    const char *tunnel = text_of(spec, "tunnel"), *cpe = cpe_of(judge, tunnel);
    bool up = wants_up(spec), any = false;
    size_t i;
    json_t *entry;

    json_array_foreach(json_object_get(judge->plan, "sessions"), i, entry)
    {
        const char *node = text_of(entry, "node");

        if (strcmp(text_of(entry, "tunnel"), tunnel) != 0 || (!up && strcmp(node, cpe) != 0))
            continue;
        any = true;
        if (is_up(judge, node, text_of(entry, "neighbor"), since_ns) != up)
            return false;
    }
    return any;
}

static bool session(const struct vc_judge *judge, const json_t *spec, int64_t *since_ns)
{
    return tunnel_ends(judge, spec, since_ns, session_is_up);
}

static bool bfd(const struct vc_judge *judge, const json_t *spec, int64_t *since_ns)
{
    return tunnel_ends(judge, spec, since_ns, bfd_is_up);
}

static bool sa(const struct vc_judge *judge, const json_t *spec, int64_t *since_ns)
{
    const char *tunnel = text_of(spec, "tunnel");
    const json_t *spi = fact_get(judge, since_ns, "sa|%s|%s", cpe_of(judge, tunnel), tunnel);

    return (spi && !json_is_null(spi)) == wants_up(spec);
}

static bool interface(const struct vc_judge *judge, const json_t *spec, int64_t *since_ns)
{
    return json_is_true(fact_get(judge, since_ns, "interface|%s|%s", text_of(spec, "node"), text_of(spec, "name"))) ==
           wants_up(spec);
}

static int64_t overlap(const struct window *window, int64_t start_ns, int64_t end_ns, int64_t resolution_ns)
{
    bool earlier = start_ns < window->start_ns - resolution_ns;
    bool next = end_ns > window->end_ns && start_ns >= window->end_ns - resolution_ns;
    int64_t from = earlier ? window->start_ns : start_ns;
    int64_t to = end_ns < window->end_ns ? end_ns : window->end_ns;

    return !next && end_ns > window->start_ns && to > from ? to - from : 0;
}

static int64_t outage(const struct vc_judge *judge, const json_t *spec, const struct window *window)
{
    const struct judged_flow *flow = flow_named(judge, text_of(spec, "flow"));
    int64_t longest = 0;

    for (int d = 0; flow && d < 2; d++) {
        const struct direction *direction = &flow->direction[d];

        if (!wants_direction(spec, d))
            continue;
        for (size_t i = 0; i < direction->gap_count; i++)
            later(&longest, overlap(window, direction->gaps[i].start_ns, direction->gaps[i].end_ns,
                                    direction->gaps[i].resolution_ns));
        if (direction->outage)
            later(&longest, overlap(window, direction->outage_since_ns, judge->now_ns, judge->resolution_ns));
    }
    return flow ? longest : INT64_MAX;
}

static int64_t lost_of_gap(const struct gap *gap, const struct window *window)
{
    int64_t from = window->start_ns - gap->resolution_ns;
    int64_t to = gap->end_ns > window->end_ns ? window->end_ns - gap->resolution_ns : window->end_ns;
    int64_t lost = 0;

    if (gap->end_ns <= window->start_ns)
        return 0;
    for (int64_t i = 0; i < gap->lost; i++) {
        double share = gap->lost > 1 ? (double)i / (double)(gap->lost - 1) : 0;
        int64_t sent_ns = gap->first_lost_ns + (int64_t)(share * (double)(gap->last_lost_ns - gap->first_lost_ns));

        lost += sent_ns >= from && sent_ns < to;
    }
    return lost;
}

static int64_t lost(const struct vc_judge *judge, const json_t *spec, const struct window *window)
{
    const struct judged_flow *flow = flow_named(judge, text_of(spec, "flow"));
    int64_t sum = 0;

    for (int d = 0; flow && d < 2; d++)
        if (wants_direction(spec, d))
            for (size_t i = 0; i < flow->direction[d].gap_count; i++)
                sum += lost_of_gap(&flow->direction[d].gaps[i], window);
    return flow ? sum : INT64_MAX;
}

static int64_t rekeyed(const struct vc_judge *judge, const json_t *spec, const struct window *window)
{
    const char *tunnel = text_of(spec, "tunnel");
    bool ike = strcmp(text_of(spec, "sa"), "ike") == 0;
    int64_t count = 0;

    for (size_t i = 0; i < judge->rekey_count; i++) {
        const struct rekeyed *r = &judge->rekeys[i];

        count +=
            r->ike == ike && r->t_ns >= window->start_ns && r->t_ns < window->end_ns && strcmp(r->tunnel, tunnel) == 0;
    }
    return count;
}

/* A load's part belongs to the window that holds its middle: its ends are those of its packets, not the faults'. */
static bool in_window(const struct load_part *part, const char *load, const struct window *window)
{
    int64_t middle = part->start_ns + (part->end_ns - part->start_ns) / 2;

    return middle >= window->start_ns && middle < window->end_ns && strcmp(part->load, load) == 0;
}

static int64_t load_lost(const struct vc_judge *judge, const json_t *spec, const struct window *window)
{
    int64_t sent = 0, lost_packets = 0;

    for (size_t i = 0; i < judge->load_count; i++)
        if (in_window(&judge->loads[i], text_of(spec, "name"), window)) {
            sent += judge->loads[i].sent;
            lost_packets += judge->loads[i].lost;
        }
    return sent ? lost_packets * 1000000 / sent : INT64_MAX;
}

static int64_t load_mbit(const struct vc_judge *judge, const json_t *spec, const struct window *window)
{
    double megabits = 0, seconds = 0;

    for (size_t i = 0; i < judge->load_count; i++)
        if (in_window(&judge->loads[i], text_of(spec, "name"), window)) {
            double s = (double)(judge->loads[i].end_ns - judge->loads[i].start_ns) / 1e9;

            megabits += judge->loads[i].mbit * s;
            seconds += s;
        }
    return seconds > 0 ? (int64_t)(megabits / seconds) : INT64_MAX;
}

/* The part of the window in which that load was sent; of the whole window when none is named. */
static struct window under_load(const struct vc_judge *judge, const char *load, const struct window *window)
{
    struct window narrow = {.start_ns = INT64_MAX, .end_ns = 0};

    if (!*load)
        return *window;
    for (size_t i = 0; i < judge->load_count; i++)
        if (in_window(&judge->loads[i], load, window)) {
            const struct load_part *part = &judge->loads[i];

            narrow.start_ns = part->start_ns < narrow.start_ns ? part->start_ns : narrow.start_ns;
            narrow.end_ns = part->end_ns > narrow.end_ns ? part->end_ns : narrow.end_ns;
        }
    return narrow;
}

static int64_t interval_of(const struct vc_judge *judge, const char *name)
{
    size_t i;
    json_t *flow;

    json_array_foreach(json_object_get(judge->plan, "flows"), i,
                       flow) if (strcmp(text_of(flow, "name"), name) == 0) return number_of(flow, "interval_ns", 0);
    return 0;
}

/* Of the packets that the flow's interval makes of that time. */
static int64_t quality(const struct vc_judge *judge, const json_t *spec, const struct window *window)
{
    struct window narrow = under_load(judge, text_of(spec, "during"), window);
    int64_t interval_ns = interval_of(judge, text_of(spec, "flow"));
    int64_t directions = wants_direction(spec, 0) + wants_direction(spec, 1);

    if (narrow.end_ns <= narrow.start_ns || interval_ns <= 0)
        return INT64_MAX;
    int64_t sent = directions * ((narrow.end_ns - narrow.start_ns) / interval_ns);
    int64_t missing = lost(judge, spec, &narrow);
    return missing == INT64_MAX || !sent ? INT64_MAX : (missing < sent ? missing : sent) * 1000000 / sent;
}

static const struct expect_kind kinds[] = {
    {.type = "converged", .truth = converged},
    {.type = "path", .truth = path},
    {.type = "route", .truth = route},
    {.type = "session", .truth = session},
    {.type = "bfd", .truth = bfd},
    {.type = "sa", .truth = sa},
    {.type = "interface", .truth = interface},
    {.type = "accepted", .truth = seen_accepted},
    {.type = "log", .truth = log_has},
    {.type = "diagnosis", .truth = diagnosis_names},
    {.type = "outage", .measure = outage, .at_most = "at_most_ns", .at_least = "at_least_ns"},
    {.type = "lost", .measure = lost, .at_most = "at_most", .at_least = "at_least", .unit = UNIT_PACKETS},
    {.type = "rekeyed", .measure = rekeyed, .at_most = "at_most", .at_least = "at_least", .unit = UNIT_REKEYS},
    {.type = "load",
     .measure = load_lost,
     .at_most = "lost_at_most_ppm",
     .at_least = "lost_at_least_ppm",
     .unit = UNIT_PERCENT},
    {.type = "load", .measure = load_mbit, .at_most = "mbit_at_most", .at_least = "mbit_at_least", .unit = UNIT_MBIT},
    {.type = "quality",
     .measure = quality,
     .at_most = "loss_at_most_ppm",
     .at_least = "loss_at_least_ppm",
     .unit = UNIT_PERCENT},
    {.type = "seen", .measure = seen_packets, .at_most = "at_most", .at_least = "at_least", .unit = UNIT_PACKETS},
    {.type = "seen", .measure = seen_mss, .at_most = "mss_at_most", .at_least = "mss_at_least", .unit = UNIT_BYTES},
};

const struct expect_kind *expect_kind_of(const char *type, const json_t *spec)
{
    const struct expect_kind *found = NULL;

    for (size_t i = 0; i < VC_COUNT(kinds); i++) {
        const struct expect_kind *kind = &kinds[i];

        if (strcmp(kind->type, type) != 0)
            continue;
        if (!kind->measure || json_object_get(spec, kind->at_most) || json_object_get(spec, kind->at_least))
            return kind;
        found = kind;
    }
    return found;
}
