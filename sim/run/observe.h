/*
 * Observers of a running lab: one tap for each link and tunnel, feeding the captures, the path observers and the
 * invariants on packets; and the flows. They follow the nodes: a node that is powered on again gets its taps and flows
 * back.
 */
#pragma once

#include "lab/lab.h"
#include "model/scenario.h"
#include "probe/flow.h"

struct vc_observe; /* talloc */

struct vc_observe_config {
    sd_event *loop;
    struct vc_events *events;
    const struct vc_plan *plan;
    const struct vc_flow_spec *flows;
    size_t flow_count;
    int captures; /* directory descriptor for <link>.pcapng, or -1: none */
};
struct vc_observe *vc_observe_new(void *ctx, const struct vc_observe_config *config);

/* A vc_lab_node_fn's work: opens or closes what observes node `node`. */
int vc_observe_node(struct vc_observe *observe, const struct vc_node_rt *rt, size_t node, bool on, vc_error **err);

/* Starts the flows of a scenario in a lab that has run without any. `flows` is borrowed for the observers' life. */
int vc_observe_flows_start(struct vc_observe *observe, const struct vc_flow_spec *flows, size_t count, vc_error **err);

struct vc_flows *vc_observe_flows(const struct vc_observe *observe);

/* Whether the run's captures leave out calls and ESP (a scenario's `capture: control`); from now on. */
int vc_observe_capture_control(struct vc_observe *observe, bool control_only, vc_error **err);

/* Puts a comment into every capture: what was done now. */
void vc_observe_mark(struct vc_observe *observe, const char *text);

/* Capture of one link or tunnel by name into `fd` (owned) until vc_observe_capture_stop; the error says which names
 * there are. */
int vc_observe_capture(struct vc_observe *observe, const char *link, int fd, vc_error **err);
int vc_observe_capture_stop(struct vc_observe *observe, const char *link, vc_error **err);

/* Flushes the captures; reports drops (link/capture-drops) and write errors. */
int vc_observe_finish(struct vc_observe *observe, vc_error **err);
