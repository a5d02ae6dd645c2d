/* What the modules of sim/doctor share. JSON is borrowed from the evidence document unless said. */
#pragma once

#include <stdarg.h>
#include <string.h>

#include "doctor/doctor.h"

enum layer { UNDERLAY, IKE, CHILD, GRE, BGP, ROUTES, PATHS, MTU, CAPACITY, LAYER_COUNT };
enum state { NOT_REACHED, OK, FAILED };

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
        const json_t *node;
        bool there;                     /* it is on */
        const json_t *ike, *sa, *child; /* configured; the best SA there is, and its child */
        bool woken;                     /* there was none before the pings were tried */
        const json_t *gre, *interface;  /* its end of the GRE tunnel */
        const json_t *bgp, *neighbor;   /* configured; as the daemon sees it */
        struct moved sa_moved, gre_moved;
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

/* One row for each cause. Its place in the table is its place among those of a layer. */
struct cause {
    const char *id;
    enum layer layer;
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
bool answered(const json_t *probe);
bool has_text(const json_t *list, const char *text);
/* The last line of the daemon's log that has the text, or NULL; `of`: and this one, too, where it is not NULL. */
const char *logged(const json_t *node, const char *daemon, const char *contains, const char *of);
/* The last telling line about the tunnel. */
const char *last_logged(const json_t *node, const char *daemon, const char *of);
/* An address without its "/len". talloc child of ctx. */
char *address_of(void *ctx, const char *prefix);

/* layers.c */
void doctor_layers(const struct doctor *doctor, struct view *view);
bool layer_reached(const struct view *view, enum layer layer); /* every one below is ok */
/* It clamps the MSS in the tunnel to what the order says. */
bool clamps(const struct doctor *doctor, const struct view *view, enum end end);
/* The CHILD SA carries packets, out of it or into it; and whether it loses them on the way. */
bool sa_used(const struct view *view, enum end end, bool in);
bool esp_lost(const struct view *view, enum end from, enum end to);
/* Prefixes that are in `list` and not in `wanted`, or NULL; talloc child of ctx. */
char *beyond(void *ctx, const json_t *list, const json_t *wanted);

/*
 * Names a cause, or adds a line of evidence to it when it is named already. `node`, `view` may be NULL. `sure`: it is
 * seen itself, not only what comes of it. It is latent when its layer is ok.
 */
void found(struct doctor *doctor, const char *cause, const char *node, const struct view *view, bool sure,
           const char *format, ...) VC_PRINTF(6, 7);
bool is_named(const struct doctor *doctor, const struct view *view, enum layer up_to);

/* The rules, one module for each part of the guide. */
void rules_underlay(struct doctor *doctor, const struct view *view);
void rules_ike(struct doctor *doctor, const struct view *view);
void rules_child(struct doctor *doctor, const struct view *view);
void rules_gre(struct doctor *doctor, const struct view *view);
void rules_bgp(struct doctor *doctor, const struct view *view);
void rules_routes(struct doctor *doctor, const struct view *view);
void rules_paths(struct doctor *doctor, const struct view *view);
void rules_mtu(struct doctor *doctor, const struct view *view);
