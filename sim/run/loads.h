/*
 * Loads as steps of a scenario: bulk traffic between two nodes from one step to another, bounded in time whatever
 * happens. When a load is over, what it counted becomes events, one probe/load for each stretch between the faults and
 * heals that came meanwhile.
 */
#pragma once

#include "lab/lab.h"

struct vc_loads; /* the loads of a run; talloc; freeing kills those under way */

struct vc_loads *vc_loads_new(void *ctx, struct vc_lab *lab);

/* `spec` is a load step's (model/scenario.h), borrowed. */
int vc_loads_start(struct vc_loads *loads, const json_t *spec, vc_error **err);

/* Called on the loop once what was stopped is over and its events are out; err (borrowed) when a load was no load. */
typedef void vc_loads_fn(void *arg, vc_error *err);
/* `name` NULL: all of them; then `fn` is called at once when none is under way. One stop at a time. A load that has
 * ended by itself may be stopped, too. */
int vc_loads_stop(struct vc_loads *loads, const char *name, vc_loads_fn *fn, void *arg, vc_error **err);

/* A vc_event_fn: a fault or heal begins a new stretch. */
void vc_loads_event(void *loads, json_t *event);
