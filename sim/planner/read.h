/* What the readers of a plan share. */
#pragma once

#include "model/schema.h"
#include "planner/planner.h"

struct plan_reader {
    struct vc_reader base; /* first: readers of single fields get this one */
    struct vc_planner *plan;
};

static inline struct vc_planner *plan_of(struct vc_reader *reader)
{
    return ((struct plan_reader *)reader)->plan;
}

/* Whole milliseconds. */
#define MS_FIELD .min = VC_NS_PER_MS, .unit = VC_NS_PER_MS

/* The list of failures, once DCs and regions were read. */
vc_field_fn vc_planner_read_failures;
