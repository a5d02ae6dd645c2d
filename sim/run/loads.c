#include "run/loads.h"

#include <string.h>

#include "probe/bulk.h"

struct load {
    struct vc_loads *loads;
    const char *name;
    bool tcp;
    struct vc_bulk *bulk;
    sd_event_source *ends[2]; /* the sender's and the receiver's end */
    bool over;
};

struct vc_loads {
    struct vc_lab *lab;
    struct load **items;
    size_t count;
    struct {
        const char *name; /* NULL: all */
        vc_loads_fn *fn;  /* NULL: nobody waits */
        void *arg;
        sd_event_source *soon;
    } stop;
    vc_error *failed; /* the first load that was none */
};

static int loads_destroy(struct vc_loads *loads)
{
    sd_event_source_disable_unref(loads->stop.soon);
    vc_error_free(loads->failed);
    return 0;
}

static int load_destroy(struct load *load)
{
    for (unsigned i = 0; i < 2; i++)
        sd_event_source_disable_unref(load->ends[i]);
    return 0;
}

static struct load *find(const struct vc_loads *loads, const char *name)
{
    for (size_t i = 0; i < loads->count; i++)
        if (!strcmp(loads->items[i]->name, name))
            return loads->items[i];
    return NULL;
}

static int64_t on_lab_clock(const struct vc_events *events, int64_t monotonic_ns)
{
    return vc_events_from_monotonic(
        events, (struct timespec){.tv_sec = monotonic_ns / VC_NS_PER_S, .tv_nsec = monotonic_ns % VC_NS_PER_S});
}

static void tell(struct load *load)
{
    struct vc_events *events = vc_lab_events(load->loads->lab);
    struct vc_bulk_result result;
    VC_AUTO_ERROR *err = NULL;

    for (size_t i = 0; i < vc_bulk_windows(load->bulk); i++) {
        if (vc_bulk_result(load->bulk, (int)i, &result, &err)) {
            vc_wrap(&err, "load %s", load->name);
            if (!load->loads->failed)
                load->loads->failed = VC_STEAL_PTR(err);
            return;
        }
        if (result.start_ns)
            vc_event(events, VC_LAYER_PROBE, NULL, "load", -1, "{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:f}", "load",
                     load->name, "tcp", load->tcp, "start_ns", (json_int_t)on_lab_clock(events, result.start_ns),
                     "end_ns", (json_int_t)on_lab_clock(events, result.end_ns), "sent", (json_int_t)result.sent,
                     "received", (json_int_t)result.received, "lost", (json_int_t)result.lost, "mbit", result.mbit);
    }
}

static bool under_way(const struct vc_loads *loads)
{
    for (size_t i = 0; i < loads->count; i++)
        if (!loads->items[i]->over)
            return true;
    return false;
}

static bool waits_for_more(const struct vc_loads *loads)
{
    for (size_t i = 0; i < loads->count; i++)
        if (!loads->items[i]->over && (!loads->stop.name || !strcmp(loads->items[i]->name, loads->stop.name)))
            return true;
    return false;
}

static int on_stopped(sd_event_source *source VC_UNUSED, void *arg)
{
    struct vc_loads *loads = arg;
    vc_loads_fn *fn = loads->stop.fn;
    VC_AUTO_ERROR *failed = VC_STEAL_PTR(loads->failed);

    loads->stop.soon = sd_event_source_disable_unref(loads->stop.soon);
    loads->stop.fn = NULL;
    fn(loads->stop.arg, failed);
    return 0;
}

/* Later, not inside another module's callback. */
static int look_whether_stopped(struct vc_loads *loads, vc_error **err)
{
    if (!loads->stop.fn || loads->stop.soon || waits_for_more(loads))
        return 0;
    int r = sd_event_add_defer(vc_lab_loop(loads->lab), &loads->stop.soon, on_stopped, loads);
    return r < 0 ? vc_fail(err, VC_EXIT_FAIL, -r, "stopping a load") : 0;
}

static int on_end(sd_event_source *source, int fd VC_UNUSED, uint32_t revents VC_UNUSED, void *arg)
{
    struct load *load = arg;
    VC_AUTO_ERROR *err = NULL;

    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    if (load->over || !vc_bulk_is_over(load->bulk))
        return 0;
    tell(load);
    load->over = true;
    if (!under_way(load->loads) && vc_lab_gather(load->loads->lab, false, &err) && !load->loads->failed)
        load->loads->failed = VC_STEAL_PTR(err);
    return look_whether_stopped(load->loads, NULL);
}

static struct vc_bulk_config config_of(const struct vc_loads *loads, const json_t *spec)
{
    const struct vc_plan *plan = vc_lab_plan(loads->lab);
    size_t from = vc_topology_node(plan->topology, json_string_value(json_object_get(spec, "from")));
    size_t to = vc_topology_node(plan->topology, json_string_value(json_object_get(spec, "to")));

    return (struct vc_bulk_config){
        .from_netns = vc_lab_node(loads->lab, from)->netns,
        .to_netns = vc_lab_node(loads->lab, to)->netns,
        .from = plan->nodes[from].ifaces[0].address.addr,
        .to = plan->nodes[to].ifaces[0].address.addr,
        .tcp = !strcmp(json_string_value(json_object_get(spec, "protocol")), "tcp"),
        .mbit = (double)json_integer_value(json_object_get(spec, "mbit")),
        .ip_bytes = (unsigned)json_integer_value(json_object_get(spec, "bytes")),
        .burst = (unsigned)json_integer_value(json_object_get(spec, "burst")),
        .seconds = (unsigned)(json_integer_value(json_object_get(spec, "for_ns")) / VC_NS_PER_S),
    };
}

int vc_loads_start(struct vc_loads *loads, const json_t *spec, vc_error **err)
{
    VC_AUTO_TALLOC struct load *load = talloc_zero(loads, struct load);
    struct vc_bulk_config config = config_of(loads, spec);
    int fds[2];

    load->loads = loads;
    load->name = talloc_strdup(load, json_string_value(json_object_get(spec, "name")));
    load->tcp = config.tcp;
    talloc_set_destructor(load, load_destroy);
    if (config.from_netns < 0 || config.to_netns < 0)
        return vc_fail(err, VC_EXIT_FAIL, 0, "load %s: a node of it is powered off", load->name);
    if (!under_way(loads) && vc_lab_gather(loads->lab, true, err))
        return vc_wrap(err, "load %s", load->name);
    load->bulk = vc_bulk_start(load, &config, err);
    if (!load->bulk)
        return vc_wrap(err, "load %s", load->name);
    vc_bulk_fds(load->bulk, fds);
    for (unsigned i = 0; i < 2; i++)
        if (sd_event_add_io(vc_lab_loop(loads->lab), &load->ends[i], fds[i], EPOLLIN, on_end, load) < 0)
            return vc_fail(err, VC_EXIT_FAIL, 0, "load %s: cannot be watched", load->name);
    loads->items = talloc_realloc(loads, loads->items, struct load *, (unsigned)loads->count + 1);
    loads->items[loads->count++] = VC_STEAL_PTR(load);
    return 0;
}

int vc_loads_stop(struct vc_loads *loads, const char *name, vc_loads_fn *fn, void *arg, vc_error **err)
{
    if (loads->stop.fn)
        return vc_fail(err, VC_EXIT_USAGE, 0, "another load is being stopped");
    if (name && !find(loads, name))
        return vc_fail(err, VC_EXIT_USAGE, 0, "no load %s", name);
    loads->stop.name = name;
    loads->stop.fn = fn;
    loads->stop.arg = arg;
    for (size_t i = 0; i < loads->count; i++)
        if (!loads->items[i]->over && (!name || !strcmp(loads->items[i]->name, name)))
            vc_bulk_stop(loads->items[i]->bulk);
    if (!name && !waits_for_more(loads)) { /* nothing to wait for: not even for the loop */
        VC_AUTO_ERROR *failed = VC_STEAL_PTR(loads->failed);
        loads->stop.fn = NULL;
        fn(arg, failed);
        return 0;
    }
    return look_whether_stopped(loads, err);
}

void vc_loads_event(void *arg, json_t *event)
{
    struct vc_loads *loads = arg;
    const char *layer = json_string_value(json_object_get(event, "layer"));
    const char *what = json_string_value(json_object_get(event, "what"));

    if (!layer || !what || strcmp(layer, "fault") != 0 ||
        (strcmp(what, "applied") != 0 && strcmp(what, "heal-applied") != 0))
        return;
    for (size_t i = 0; i < loads->count; i++)
        if (!loads->items[i]->over)
            vc_bulk_mark(loads->items[i]->bulk);
}

struct vc_loads *vc_loads_new(void *ctx, struct vc_lab *lab)
{
    struct vc_loads *loads = talloc_zero(ctx, struct vc_loads);

    loads->lab = lab;
    talloc_set_destructor(loads, loads_destroy);
    return loads;
}
