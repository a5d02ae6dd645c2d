/* What the service guide demands, R1 to R42, each in a short line of our own. The numbers are stable: scenarios, tests
 * and reports cite them. */
#pragma once

#include "base/util.h"

enum { VC_REQUIREMENT_LAST = 42 };

struct vc_requirement {
    const char *id; /* "R1" */
    const char *chapter;
    const char *title;
    bool activation; /* of the activation form and order, which no scenario of traffic can show */
};

/* R<number>, from 1 to VC_REQUIREMENT_LAST; NULL for another. */
const struct vc_requirement *vc_requirement(unsigned number);

/* ["R1", …] of a scenario's list; new reference. */
json_t *vc_requirement_ids(const char *const *ids, size_t count);
