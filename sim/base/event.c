#include "base/event.h"

#include <stdarg.h>

struct receiver {
    vc_event_fn *fn;
    void *arg;
};

struct vc_events {
    int64_t start_ns; /* CLOCK_MONOTONIC */
    size_t count;
    struct receiver *receivers;
};

static const char *const layer_names[VC_LAYER_COUNT] = {
    [VC_LAYER_LINK] = "link",   [VC_LAYER_IKE] = "ike",     [VC_LAYER_IPSEC] = "ipsec", [VC_LAYER_GRE] = "gre",
    [VC_LAYER_BGP] = "bgp",     [VC_LAYER_RIB] = "rib",     [VC_LAYER_FIB] = "fib",     [VC_LAYER_PROBE] = "probe",
    [VC_LAYER_FAULT] = "fault", [VC_LAYER_CHECK] = "check",
};

const char *vc_layer_name(enum vc_layer layer)
{
    return layer_names[layer];
}

static int64_t to_ns(struct timespec t)
{
    return t.tv_sec * VC_NS_PER_S + t.tv_nsec;
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return to_ns(now);
}

struct vc_events *vc_events_new(void *ctx)
{
    struct vc_events *events = talloc_zero(ctx, struct vc_events);

    events->start_ns = clock_ns(CLOCK_MONOTONIC);
    return events;
}

void vc_events_subscribe(struct vc_events *events, vc_event_fn *fn, void *arg)
{
    events->receivers = talloc_realloc(events, events->receivers, struct receiver, events->count + 1);
    events->receivers[events->count++] = (struct receiver){fn, arg};
}

int64_t vc_events_now(const struct vc_events *events)
{
    return clock_ns(CLOCK_MONOTONIC) - events->start_ns;
}

int64_t vc_events_from_realtime(const struct vc_events *events, struct timespec realtime)
{
    /* The age of the stamp is measured on its own clock now, so a step of the wall clock since the start does not
     * matter. */
    return vc_events_now(events) - (clock_ns(CLOCK_REALTIME) - to_ns(realtime));
}

int64_t vc_events_from_monotonic(const struct vc_events *events, struct timespec monotonic)
{
    return to_ns(monotonic) - events->start_ns;
}

void vc_event_json(struct vc_events *events, enum vc_layer layer, const char *node, const char *what, int64_t t_ns,
                   json_t *members)
{
    VC_AUTO_JSON *event = json_pack("{s:I, s:s}", "t_ns", (json_int_t)(t_ns < 0 ? vc_events_now(events) : t_ns),
                                    "layer", vc_layer_name(layer));

    if (node)
        json_object_set_new(event, "node", json_string(node));
    json_object_set_new(event, "what", json_string(what));
    if (members) {
        json_object_update_missing(event, members);
        json_decref(members);
    }
    for (size_t i = 0; i < events->count; i++)
        events->receivers[i].fn(events->receivers[i].arg, event);
}

void vc_event(struct vc_events *events, enum vc_layer layer, const char *node, const char *what, int64_t t_ns,
              const char *format, ...)
{
    json_t *members = NULL;

    if (format) {
        va_list args;
        json_error_t error;

        va_start(args, format);
        members = json_vpack_ex(&error, 0, format, args);
        va_end(args);
        if (!members) {
            fprintf(stderr, "vclab: event %s/%s: %s\n", vc_layer_name(layer), what, error.text);
            abort();
        }
    }
    vc_event_json(events, layer, node, what, t_ns, members);
}
