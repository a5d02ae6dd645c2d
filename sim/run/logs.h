/*
 * Looks for texts in the daemons' logs, as a scenario's `log` expectations ask for them, and tells the first line that
 * has one (check/log). It is woken by the file that grows; a scenario without such an expectation watches nothing.
 */
#pragma once

#include "lab/lab.h"
#include "model/scenario.h"

struct vc_logs; /* talloc */

struct vc_logs *vc_logs_new(void *ctx, struct vc_lab *lab);
/* What the scenario asks for, in nodes that are there; later ones follow by vc_logs_node. What was written before
 * counts too. Fails (VC_EXIT_USAGE) for a daemon that the node does not run. Once. */
int vc_logs_start(struct vc_logs *logs, const struct vc_scenario *scenario, vc_error **err);
/* Of a vc_lab_node_fn: the node's files are there, or about to go. */
int vc_logs_node(struct vc_logs *logs, size_t node, bool on, vc_error **err);
