/*
 * Events: every observation a run makes, on one clock. An event is a JSON object
 *     {"t_ns": 1234, "layer": "bgp", "node": "cpe1", "what": "session", …}
 * t_ns counts CLOCK_MONOTONIC nanoseconds from the start of the lab. The vocabulary (which `what` carries which
 * members) is in docs/events.md; the verdict is computed from events alone. Rates are hundreds a second: packets are
 * summarised before they become events.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#include "base/error.h"

enum vc_layer {
    VC_LAYER_LINK,
    VC_LAYER_IKE,
    VC_LAYER_IPSEC,
    VC_LAYER_GRE,
    VC_LAYER_BGP,
    VC_LAYER_RIB,
    VC_LAYER_FIB,
    VC_LAYER_PROBE,
    VC_LAYER_FAULT,
    VC_LAYER_CHECK,
    VC_LAYER_COUNT,
};

const char *vc_layer_name(enum vc_layer layer);

/* Receives each event, borrowed for the call. */
typedef void vc_event_fn(void *arg, json_t *event);

struct vc_events; /* the clock and the list of receivers */

struct vc_events *vc_events_new(void *ctx);                                     /* talloc child of ctx; t_ns 0 is now */
void vc_events_subscribe(struct vc_events *events, vc_event_fn *fn, void *arg); /* called in order of subscription */

int64_t vc_events_now(const struct vc_events *events);
/* A kernel packet timestamp (CLOCK_REALTIME) on the lab's clock; robust against steps of the wall clock between
 * packets. */
int64_t vc_events_from_realtime(const struct vc_events *events, struct timespec realtime);
int64_t vc_events_from_monotonic(const struct vc_events *events, struct timespec monotonic);

/*
 * Emits one event. `node` may be NULL; t_ns < 0 means now. `format` and its arguments are those of json_pack() for an
 * object ("{s:s, s:I}"), or NULL for none. A format that json_pack refuses aborts: it is a bug in the caller.
 */
void vc_event(struct vc_events *events, enum vc_layer layer, const char *node, const char *what, int64_t t_ns,
              const char *format, ...);
/* The same with the members ready-made; steals `members` (may be NULL). */
void vc_event_json(struct vc_events *events, enum vc_layer layer, const char *node, const char *what, int64_t t_ns,
                   json_t *members);
