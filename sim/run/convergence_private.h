/* Private to run/convergence*.c. */
#pragma once

#include <string.h>

#include "run/convergence.h"

/* In the order of the chain. */
enum stage {
    STAGE_FAULT,
    STAGE_LINK,
    STAGE_IKE,
    STAGE_ESP,
    STAGE_GRE,
    STAGE_BFD,
    STAGE_BGP,
    STAGE_RIB,
    STAGE_FIB,
    STAGE_PACKETS,
    STAGE_FULL,
    STAGE_COUNT
};

/* Something changed; it happened after t_ns - resolution_ns and not after t_ns. */
struct sight {
    enum stage stage;
    int64_t t_ns, resolution_ns;
    bool up;
    const char *node, *place; /* place: the tunnel, for BFD and BGP the neighbour, for a link its interface, for routes
                                 the prefix */
    const char *tunnel;       /* "" where there is none */
    const char *evidence;
    const char *reason; /* why a session fell, as BGP says */
};

/* One direction of a flow. */
struct course {
    const char *flow, *name; /* name: forward, return */
    int64_t interval_ns;
    const char *enters; /* the node where it enters the tunnel of its healthy path; "": none */
    json_t *prefixes;   /* own reference: the routes that it follows; empty: any */
    bool out;           /* no packet arrives */
    /* Since the trigger: */
    bool touched;
    int64_t settled_ns, resolution_ns; /* of the last change */
    const char *path;                  /* it settled on, "dc2+wan" */
};

struct trigger {
    const char *name; /* "cut", "heal cut" */
    bool heal;
    int64_t applied_ns, proved_ns; /* proved -1: not (yet) */
    const char *evidence;
};

struct vc_convergence {
    json_t *state;   /* "stage|node|place" → what it was last, so that only changes count */
    json_t *done;    /* the triggers before */
    json_t *carried; /* every prefix that BGP carries over a tunnel */
    struct course *courses;
    size_t course_count;
    /* Since the trigger: */
    bool begun;
    void *window; /* talloc context of what follows */
    struct trigger trigger;
    struct sight *sights;
    size_t sight_count;
};

struct step {
    const struct sight *sight; /* NULL for the fault and the packets */
    enum stage stage;
    int64_t t_ns, resolution_ns;
    const char *node, *evidence;
    bool causal;
};

struct chain {
    void *ctx;
    const struct vc_convergence *all;
    const struct course *last; /* the flow that settled last, or one that never did; NULL: none was touched */
    bool open;                 /* some flow never settled */
    const struct sight *fib, *first_fib, *bgp, *rib, *watcher;
    int64_t end_ns; /* of what is looked at: when the last flow settled */
    int64_t bgp_ns, rib_ns, watcher_ns, event_ns;
    struct step steps[STAGE_COUNT];
    size_t count;
};

static inline const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

static inline int64_t number_of(const json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

static inline bool is(const json_t *object, const char *member, const char *text)
{
    return strcmp(text_of(object, member), text) == 0;
}

/* Lives as long as what was seen since the trigger. */
static inline const char *convergence_keep(struct vc_convergence *convergence, const char *text)
{
    return talloc_strdup(convergence->window, text);
}

/* convergence_sights.c: a change of a link, a session or a route since the trigger. */
void convergence_sight(struct vc_convergence *convergence, const json_t *event);

/* convergence_flows.c */
void convergence_plan(struct vc_convergence *convergence, const json_t *plan);
void convergence_path(struct vc_convergence *convergence, const json_t *event);
void convergence_outage_begin(struct vc_convergence *convergence, const json_t *event);
void convergence_gap(struct vc_convergence *convergence, const json_t *event);

/* convergence_chain.c: fills in the rest of a chain that has its ctx and all. */
void convergence_walk(struct chain *chain);

/* convergence_result.c: the chain of the trigger as it is now. New reference. */
json_t *convergence_chain(const struct vc_convergence *convergence);
