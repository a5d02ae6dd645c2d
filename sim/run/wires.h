/* What a scenario asks of this kernel's queueing disciplines. */
#pragma once

#include "model/scenario.h"
#include "plan/plan.h"

/* Tries the netem or tbf that the plan's wires and the scenario's faults need in a throw-away network namespace.
 * VC_EXIT_HOST names the module that is missing and what needs it. A tunnel's rate is no need: without tbf the lab runs
 * unshaped (link/unshaped). */
int vc_wires_probe(const struct vc_plan *plan, const struct vc_scenario *scenario, vc_error **err);
