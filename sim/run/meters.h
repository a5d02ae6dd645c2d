/*
 * The meters of a run: what its scenario's `seen` expectations ask for is counted on links and inside tunnels, and told
 * (link/seen) at each step, fault and heal, so that the judge can add up any stretch between them. A scenario without
 * such an expectation opens no tap here.
 */
#pragma once

#include "lab/lab.h"
#include "model/scenario.h"

struct vc_meters; /* talloc */

struct vc_meters *vc_meters_new(void *ctx, struct vc_lab *lab);
/* The scenario's meters, on the nodes that are there; later ones follow by vc_meters_node. Once. */
int vc_meters_start(struct vc_meters *meters, const struct vc_scenario *scenario, vc_error **err);
/* Of a vc_lab_node_fn: opens or closes the taps that sit in the node. */
int vc_meters_node(struct vc_meters *meters, size_t node, int netns, bool on, vc_error **err);
/* A vc_event_fn: tells what was counted until a step, fault or heal. */
void vc_meters_event(void *meters, json_t *event);
