/*
 * The pace of flows that send more often near a rekey (docs/scenarios.md, `near`). When each SA is to be rekeyed is in
 * the events of SAs (rekey_ns), so nothing is asked and nothing polled: one timer sleeps until the next change.
 */
#pragma once

#include "plan/plan.h"
#include "probe/flow.h"

/* ---- which rekeys are near ---- */

struct vc_rekeys; /* talloc: what is foreseen, and what has just happened */

struct vc_rekeys *vc_rekeys_new(void *ctx);
/* Takes ike/sa and ipsec/sa events; returns false for others. */
bool vc_rekeys_event(struct vc_rekeys *rekeys, const json_t *event);
/*
 * Is a rekey of one of `tunnels` (an array of names; empty: any tunnel) near at `now_ns`? It is from before_ns before
 * the foreseen time until after_ns after it was seen; one that is overdue stays near. *next_ns: when the answer changes
 * unless another event comes, INT64_MAX for never.
 */
bool vc_rekeys_near(const struct vc_rekeys *rekeys, const json_t *tunnels, int64_t before_ns, int64_t after_ns,
                    int64_t now_ns, int64_t *next_ns);

/* ---- what may move a flow ---- */

/* Is the event one after which packets may take another way: a fault, a step, an interface, a route, a session? */
bool vc_pace_is_change(const json_t *event);
/* Does the scenario only wait after this event, given whether it did before? */
bool vc_pace_waits(const json_t *event, bool before);
/* Does it quicken flows? While the scenario only waits, nothing does but a BGP session that comes up. */
bool vc_pace_quickens(const json_t *event, bool waiting);

/* ---- flows that follow them ---- */

struct vc_pace; /* talloc; lives as long as `events` */

struct vc_pace *vc_pace_new(void *ctx, sd_event *loop, struct vc_events *events, struct vc_flows *flows);
/* The flow `spec` (borrowed) runs, and follows from now on what its `near` names: rekeys of the tunnels on its healthy
 * path, changes in the lab. One without `near`, or one that was added before, is left alone. */
int vc_pace_add(struct vc_pace *pace, const struct vc_plan *plan, const struct vc_flow_spec *spec, vc_error **err);
