/* What the files of this folder share. */
#pragma once

#include "config/config.h"
#include "model/configure.h"
#include "plan/context.h"

void vc_cpe_prefix_add(void *ctx, struct vc_cpe_prefixes *list, struct vc_prefix prefix);
bool vc_cpe_prefix_has(const struct vc_cpe_prefixes *list, struct vc_prefix prefix);

/* The topology without what is said of that node otherwise. talloc child of ctx. */
struct vc_topology *vc_cpe_plain_topology(void *ctx, const struct vc_topology *topology, size_t node);

/* A talloc destructor. */
int vc_cpe_drop_knobs(struct vc_configure *configure);
