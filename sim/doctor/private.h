/* What the modules of sim/doctor share. JSON is borrowed from the evidence document unless said. */
#pragma once

#include <stdarg.h>
#include <string.h>

#include "doctor/doctor.h"

enum layer { UNDERLAY, IKE, CHILD, GRE, BGP, ROUTES, PATHS, MTU, CAPACITY, LAYER_COUNT };
enum state { NOT_REACHED, OK, FAILED, COMING }; /* COMING: not ok, and what it needs has only begun */

enum end { CPE, HEADEND, ROUTER, END_COUNT };

/* How many packets were counted while the pings were tried; -1: not known. */
struct moved {
    json_int_t in, out;
};

/* One tunnel as all that have to do with it see it. */
struct view {
    const char *name;
    const json_t *order;
    struct {
        const char *name;
        const json_t *node, *before;
        bool there;                     /* it is on */
        const json_t *ike, *sa, *child; /* configured; the best SA there is, and its child */
        bool woken;                     /* there was none before the pings were tried */
        const json_t *gre, *interface;  /* its end of the GRE tunnel */
        const json_t *bgp, *neighbor;   /* configured; as the daemon sees it */
        struct moved sa_moved, gre_moved;
        json_int_t late; /* so many packets of the SA's more than before overtook each other too far; -1: not known */
    } at[END_COUNT];
    const json_t *underlay, *ping, *large; /* probes */
    enum state layers[LAYER_COUNT];
};

struct doctor {
    const json_t *evidence, *order, *nodes;
    struct view *views;
    size_t view_count;
    json_t *causes; /* own reference */
};

/* What rules that go by symptoms see. */
enum symptom {
    SILENCE = 1,  /* IKE gets no answer */
    NO_TRY = 2,   /* nobody begins IKE */
    ESP_LOSS = 4, /* both ends have the SA, and what is sent does not arrive */
    GRE_LOSS = 8,
    NO_SESSION = 16,
    NO_PATH = 32,
    OTHER = 64, /* that its layer fails */
    ANYTHING = 127
};

/* One row for each cause. Its place in the table is its place among those of a layer. */
struct cause {
    const char *id;
    enum layer layer;
    unsigned explains_not; /* symptoms, of those that its layer or one above shows */
    enum { WITH_ITS_LAYER, WITH_ANY_LAYER, WITHOUT_CHILD } hurts; /* as long as not, it is latent */
    const char *bites;                 /* when, while it is latent; NULL: as any difference of its layer does */
    const char *requirement, *section; /* of the guide */
    const char *symptom, *text, *remedy;
    const char *show[4]; /* on the real device */
};
extern const struct cause doctor_causes[];
extern const size_t doctor_cause_count;
extern const char *const doctor_layer_names[LAYER_COUNT];

/* view.c */
struct view *doctor_views(void *ctx, const struct doctor *doctor, size_t *count);
const char *text_at(const json_t *object, const char *member); /* "" when it is not there */
const char *text_in(const json_t *array, size_t index);        /* likewise */
json_int_t number_at(const json_t *object, const char *member, json_int_t otherwise);
bool true_at(const json_t *object, const char *member);
bool is(const json_t *object, const char *member, const char *text);
const json_t *node_named(const struct doctor *doctor, const char *name);
bool is_running(const json_t *node, const char *daemon);
/* Why the daemon of a node that is on counts as down ("gone", "paused", "starting" for too long), or NULL: it runs, is
 * only being started, or nobody knows. */
const char *why_down(const json_t *node, const char *daemon);
/* The node is on and its routing daemon runs. */
bool speaks(const struct doctor *doctor, const char *node);
bool answered(const json_t *probe);
bool has_text(const json_t *list, const char *text);
/* An address without its "/len". talloc child of ctx. */
char *address_of(void *ctx, const char *prefix);
/* The best route of the node's to `host`, or NULL. It may be one that drops (`blackhole`), as a guard has. */
const json_t *route_to(const json_t *node, const char *host);
/* The CPE repeats its message to the IPsec peer, by the log of its IKE daemon. */
bool nobody_answers(const struct doctor *doctor, const struct view *view);
/* By how much a counter of the node moved while pings were tried; -1: it was not read before. */
json_int_t counted(const struct view *view, enum end end, const char *counter);
json_int_t queued(const struct view *view, enum end end, const char *member);

/* No other tunnel has that end: what the node counts or tells is of this one. */
bool is_alone(const struct doctor *doctor, const struct view *view, enum end end);

/* log.c: lines are of a tunnel by the daemon's own marks, whose forms are told there. */
const json_t *lines_of(const json_t *node, const char *daemon);
bool is_of_tunnel(const struct doctor *doctor, const struct view *view, enum end end, const char *daemon,
                  const char *line);
/* The last line of the tunnel's at that end with `contains`, or NULL. One that is older than the last line with
 * `ended` (NULL: any), or than the daemon's last start, is of a fault that is gone. */
const char *logged(const struct doctor *doctor, const struct view *view, enum end end, const char *daemon,
                   const char *contains, const char *ended);

/* layers.c */
void doctor_layers(const struct doctor *doctor, struct view *view);
bool layer_reached(const struct view *view, enum layer layer); /* every one below is ok */

/* young.c: what has only begun. */
bool layer_is_young(const struct doctor *doctor, const struct view *view, enum layer layer);
/* A session of that node's with a peer (a node, may be NULL): an end's daemon has only started, or it has just fallen,
 * or just come up. */
bool session_is_young(const json_t *node, const json_t *neighbor, const json_t *peer);
/* It clamps the MSS in the tunnel to what the order says. */
bool clamps(const struct doctor *doctor, const struct view *view, enum end end);
/* The CPE sends something by itself that brings up the SA: keepalives, or a session that is tried. */
bool triggers(const struct view *view);
/* The queue before the tunnel at that end is full and drops now: what it sends may get lost for that. */
bool saturated(const struct view *view, enum end end);
/* The CHILD SA carries packets, out of it or into it; and whether it loses them on the way. */
bool sa_used(const struct view *view, enum end end, bool in);
bool esp_lost(const struct view *view, enum end from, enum end to);
/* Prefixes that are in `list` and not in `wanted`, or NULL; talloc child of ctx. */
char *beyond(void *ctx, const json_t *list, const json_t *wanted);

/*
 * Names a cause, or adds a line of evidence to it when it is named already. `node`, `view` may be NULL. `sure`: it is
 * seen itself, not only what comes of it. It is latent while it does not hurt (struct cause).
 */
void found(struct doctor *doctor, const char *cause, const char *node, const struct view *view, bool sure,
           const char *format, ...) VC_PRINTF(6, 7);
/* A cause of that layer or of one below it is named that hurts the tunnel and brings such a symptom about. */
bool is_explained(const struct doctor *doctor, const struct view *view, enum layer up_to, enum symptom symptom);

/* The rules, one module for each part of the guide. */
void rules_underlay(struct doctor *doctor, const struct view *view);
void rules_ike(struct doctor *doctor, const struct view *view);
void rules_child(struct doctor *doctor, const struct view *view);
void rules_gre(struct doctor *doctor, const struct view *view);
void rules_bgp(struct doctor *doctor, const struct view *view);
void rules_routes(struct doctor *doctor, const struct view *view);
void rules_paths(struct doctor *doctor, const struct view *view);
void rules_mtu(struct doctor *doctor, const struct view *view);
