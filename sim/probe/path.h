/*
 * Observation points: which named tunnels and WAN links a packet crossed, in the order of tap time. Private to probe/.
 */
#pragma once

#include "net/tap.h"

enum { VC_POINT_MAX = 64, VC_PATH_MAX = 8 };

/* Distinct names, in the order of crossing. */
struct vc_path {
    uint8_t count;
    uint8_t name[VC_PATH_MAX]; /* index into vc_points.names */
};

/* A packet's crossings so far. Ages are nanoseconds since it was sent, saturating; they only order the names. */
struct vc_crossings {
    struct vc_path path;
    uint32_t age_ns[VC_PATH_MAX];
};
void vc_crossings_add(struct vc_crossings *crossings, uint8_t name, int64_t age_ns);

struct vc_points {
    size_t count, name_count;
    uint8_t name_of[VC_POINT_MAX]; /* point → name: two taps may watch one tunnel */
    struct vc_tap *tap[VC_POINT_MAX];
    char *names[VC_POINT_MAX]; /* talloc children of ctx */
    struct vc_tap_set *taps;   /* talloc child of ctx; NULL: no tap yet */
    uint64_t dropped;          /* sum over the taps when last asked */
};
int vc_points_add(void *ctx, struct vc_points *points, const char *name, struct vc_tap *tap, vc_error **err);
/* `tap` may be NULL: the point's interface is gone. */
int vc_points_set_tap(void *ctx, struct vc_points *points, size_t point, struct vc_tap *tap, vc_error **err);
void vc_points_drain(struct vc_points *points);
/* Whether a tap lost packets since this was last asked: then a packet without crossings proves nothing. */
bool vc_points_lost(struct vc_points *points);
json_t *vc_path_json(const struct vc_points *points, const struct vc_path *path); /* new reference */
bool vc_path_equal(const struct vc_path *a, const struct vc_path *b);
