/* The packets of one slice of time at one place, and their order. */
#pragma once

#include "base/error.h"

struct planner_packet {
    int64_t at_ns, sent_ns;
    uint32_t call;
};

struct planner_bin {
    struct planner_packet *packets; /* free() it */
    size_t count, room;
};

/* What sorting needs; zero at first. */
struct planner_order {
    struct planner_packet *sorted;
    uint32_t *starts;
    size_t room;
};

/* Fails without memory, and keeps an error that is there already. */
int planner_bin_add(struct planner_bin *bin, struct planner_packet packet, vc_error **err);

/* By time, those of one instant by call. All are of one slice and spread over it evenly, so they are first put into as
 * many shares of it as there are packets, and what is then out of place is so by a few: work that grows as they do. */
int planner_bin_sort(struct planner_bin *bin, struct planner_order *order, int64_t slice_ns, vc_error **err);
void planner_order_free(struct planner_order *order);
