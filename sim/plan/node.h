/* One node of the plan: its kind's description rendered over its context. */
#pragma once

#include "plan/kind.h"
#include "plan/plan.h"

/* Fills what comes from the kind: routes, files, daemons, sysctls, firewall, directories, sockets. Memory hangs on ctx.
 */
int vc_node_render(void *ctx, struct vc_plan_node *node, const struct vc_kind *kind, const json_t *view,
                   enum vc_plane plane, vc_error **err);

/*
 * Reads route lines: "PREFIX via ADDRESS [dev IF] [table N] [metric N]", "PREFIX dev IF …", "PREFIX blackhole …". Empty
 * lines and lines with # are skipped, repeated routes kept once. `name` is what errors call the text.
 */
int vc_routes_parse(void *ctx, const char *name, const char *text, struct vc_plan_route **routes, size_t *count,
                    vc_error **err);
