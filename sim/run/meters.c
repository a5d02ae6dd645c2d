#include "run/meters.h"

#include <string.h>

#include "net/tap.h"
#include "probe/meter.h"

enum { SNAPLEN = 256 }; /* Ethernet, two IPv4 headers, GRE, TCP with its options */

struct counter {
    struct vc_meters *meters;
    const char *at, *select, *toward, *to; /* toward, to: NULL for any */
    size_t node;                           /* where the tap sits */
    bool outgoing;                         /* toward the link's other end, where `toward` is set */
    const char *ifname;
    struct vc_tap *tap; /* NULL: the node is off */
    sd_event_source *source;
    struct vc_meter meter;
};

struct vc_meters {
    struct vc_lab *lab;
    struct counter **counters;
    size_t count;
    int *netns; /* of nodes that are on, -1 otherwise */
};

static int counter_destroy(struct counter *counter)
{
    sd_event_source_disable_unref(counter->source);
    return 0;
}

struct vc_meters *vc_meters_new(void *ctx, struct vc_lab *lab)
{
    struct vc_meters *meters = talloc_zero(ctx, struct vc_meters);
    size_t nodes = vc_lab_plan(lab)->node_count;

    meters->lab = lab;
    meters->netns = talloc_array(meters, int, (unsigned)nodes);
    for (size_t i = 0; i < nodes; i++)
        meters->netns[i] = -1;
    return meters;
}

static void on_packet(void *arg, const struct vc_tap_packet *packet)
{
    struct counter *counter = arg;

    if (!counter->toward || packet->outgoing == counter->outgoing)
        vc_meter_packet(&counter->meter, packet);
}

static int on_readable(sd_event_source *source VC_UNUSED, int fd VC_UNUSED, uint32_t revents VC_UNUSED, void *arg)
{
    struct counter *counter = arg;

    vc_tap_drain(counter->tap);
    return 0;
}

static int open_counter(struct counter *counter, vc_error **err)
{
    struct vc_tap_config config = {.netns = counter->meters->netns[counter->node],
                                   .ifname = counter->ifname,
                                   .snaplen = SNAPLEN,
                                   .filter = "ip",
                                   .fn = on_packet,
                                   .arg = counter};

    if (config.netns < 0 || counter->tap)
        return 0;
    counter->tap = vc_tap_open(counter, &config, err);
    if (!counter->tap)
        return vc_wrap(err, "counting %s on %s", counter->select, counter->at);
    int r = sd_event_add_io(vc_lab_loop(counter->meters->lab), &counter->source, vc_tap_fd(counter->tap), EPOLLIN,
                            on_readable, counter);
    return r < 0 ? vc_fail(err, VC_EXIT_FAIL, -r, "counting %s on %s", counter->select, counter->at) : 0;
}

static void close_counter(struct counter *counter)
{
    if (counter->tap)
        vc_tap_drain(counter->tap);
    counter->source = sd_event_source_disable_unref(counter->source);
    TALLOC_FREE(counter->tap);
}

/* The interface and the node to watch it in. On the underlay never an IPsec endpoint: xfrm hands what it decrypted to
 * the same interface again. */
static void place(struct counter *counter)
{
    const struct vc_plan *plan = vc_lab_plan(counter->meters->lab);
    const struct vc_topology *t = plan->topology;
    size_t far = VC_NONE, link = vc_topology_link(t, counter->at);

    if (link != VC_NONE) {
        const struct vc_link *l = &t->links[link];
        unsigned end = !strcmp(plan->nodes[l->end[1].node].kind, "isp");

        counter->node = l->end[end].node;
        far = l->end[!end].node;
    } else {
        const struct vc_tunnel *tunnel = &t->tunnels[vc_topology_tunnel(t, counter->at + strlen("gre-"))];

        counter->node = tunnel->cpe;
        far = t->dcs[tunnel->dc].router;
    }
    counter->ifname = counter->at;
    counter->outgoing = counter->toward && !strcmp(plan->nodes[far].name, counter->toward);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static bool is_counted(const struct vc_meters *meters, const struct counter *wanted)
{
    for (size_t i = 0; i < meters->count; i++) {
        const struct counter *c = meters->counters[i];

        if (same_text(c->at, wanted->at) && same_text(c->select, wanted->select) &&
            same_text(c->toward, wanted->toward) && same_text(c->to, wanted->to))
            return true;
    }
    return false;
}

static void add_counter(struct vc_meters *meters, const json_t *spec)
{
    struct counter *counter = talloc_zero(meters, struct counter);

    *counter = (struct counter){.meters = meters,
                                .at = json_string_value(json_object_get(spec, "at")),
                                .select = json_string_value(json_object_get(spec, "select")),
                                .toward = json_string_value(json_object_get(spec, "toward")),
                                .to = json_string_value(json_object_get(spec, "to"))};
    if (is_counted(meters, counter)) {
        talloc_free(counter);
        return;
    }
    counter->meter = (struct vc_meter){.kind = vc_meter_kind(counter->select), .to_any = !counter->to};
    if (counter->to)
        vc_prefix_parse(counter->to, &counter->meter.to);
    place(counter);
    talloc_set_destructor(counter, counter_destroy);
    meters->counters = talloc_realloc(meters, meters->counters, struct counter *, (unsigned)meters->count + 1);
    meters->counters[meters->count++] = counter;
}

int vc_meters_start(struct vc_meters *meters, const struct vc_scenario *scenario, vc_error **err)
{
    for (size_t i = 0; i < scenario->step_count; i++) {
        const json_t *expect;
        size_t j;

        if (scenario->steps[i].kind != VC_STEP_EXPECT)
            continue;
        json_array_foreach(scenario->steps[i].spec, j, expect)
        {
            if (!strcmp(json_string_value(json_object_get(expect, "type")), "seen"))
                add_counter(meters, expect);
        }
    }
    for (size_t i = 0; i < meters->count; i++)
        if (open_counter(meters->counters[i], err))
            return -1;
    return 0;
}

int vc_meters_node(struct vc_meters *meters, size_t node, int netns, bool on, vc_error **err)
{
    meters->netns[node] = on ? netns : -1;
    for (size_t i = 0; i < meters->count; i++) {
        if (meters->counters[i]->node != node)
            continue;
        if (!on)
            close_counter(meters->counters[i]);
        else if (open_counter(meters->counters[i], err))
            return -1;
    }
    return 0;
}

static void tell(struct counter *counter, int64_t t_ns)
{
    struct vc_meter *meter = &counter->meter;

    if (counter->tap)
        vc_tap_drain(counter->tap);
    if (meter->packets)
        vc_event(vc_lab_events(counter->meters->lab), VC_LAYER_LINK, NULL, "seen", t_ns,
                 "{s:s, s:s, s:s*, s:s*, s:I, s:i}", "at", counter->at, "select", counter->select, "toward",
                 counter->toward, "to", counter->to, "packets", (json_int_t)meter->packets, "mss", (int)meter->mss);
    meter->packets = 0;
    meter->mss = 0;
}

void vc_meters_event(void *arg, json_t *event)
{
    static const struct {
        const char *layer, *what;
    } edges[] = {{"check", "step"},    {"check", "window-end"},   {"check", "steps-done"},
                 {"fault", "applied"}, {"fault", "heal-applied"}, {"check", "hold-end"}};
    struct vc_meters *meters = arg;
    const char *layer = json_string_value(json_object_get(event, "layer"));
    const char *what = json_string_value(json_object_get(event, "what"));

    for (size_t i = 0; meters->count && i < VC_COUNT(edges); i++)
        if (!strcmp(layer, edges[i].layer) && !strcmp(what, edges[i].what))
            for (size_t j = 0; j < meters->count; j++)
                tell(meters->counters[j], json_integer_value(json_object_get(event, "t_ns")));
}
