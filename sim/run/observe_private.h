/* Private to run/observe*.c. */
#pragma once

#include "net/pcapng.h"
#include "probe/underlay.h"
#include "run/observe.h"
#include "run/pace.h"

struct point {
    struct vc_observe *observe;
    const char *name; /* the link, or the tunnel's interface */
    const char *ifname;
    const char *description;
    size_t node;    /* where the tap sits */
    int flow_point; /* vc_flows' number, -1: not part of a path */
    struct vc_tap *tap;
    struct vc_pcapng *capture; /* of the run */
    struct {                   /* `vclab capture`: a tap of its own, because the run's may be filtered */
        struct vc_tap *tap;
        sd_event_source *source;
        struct vc_pcapng *file;
    } extra;
    struct vc_underlay_watch judge;
};

struct vc_observe {
    struct vc_observe_config config;
    struct vc_flows *flows;
    struct vc_pace *pace;
    struct point *points;
    size_t point_count;
    struct vc_tap_set *taps;
    sd_event_source *readable; /* some of them */
    bool control_only;         /* the run's captures leave out calls and ESP */
    bool *flow_started;
    struct {
        int netns; /* of nodes that are on, -1 otherwise */
    } * nodes;
};

/* observe_capture.c: the run's capture of an open tap; what its tap must see; `vclab capture` at it. */
int observe_capture_open(struct point *point, vc_error **err);
const char *observe_filter(const struct point *point);
void observe_extra_close(struct point *point);
void observe_report_drops(struct point *point);
