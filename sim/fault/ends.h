/* The two ends of the link or tunnel that a fault is about. */
#pragma once

#include "fault/kinds.h"

struct fault_end {
    size_t node;
    const char *ifname; /* the link's name, or gre-<tunnel>; talloc child of the fault */
};

/* VC_EXIT_USAGE when the fault names neither. */
int fault_ends(struct fault *fault, struct fault_end ends[2], vc_error **err);

/* A member of the spec; "" when it is not there. */
const char *fault_text(const struct fault *fault, const char *key);
