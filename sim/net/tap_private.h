/*
 * A tap's place in a set, between tap.c and tap_set.c: whichever of the two is freed first takes it away. Closing the
 * tap's descriptor would not: the kernel keeps the entry of an epoll set for as long as anybody, such as a forked
 * child, has the same open file.
 */
#pragma once

#include <sys/queue.h>

#include "net/tap.h"

struct tap_place {
    struct vc_tap_set *set;
    struct vc_tap *tap;
    LIST_ENTRY(tap_place) of_tap, of_set;
};
LIST_HEAD(tap_places, tap_place);

/* The tap's places, each a talloc child of the tap; freed, the tap has left that set. */
struct tap_places *tap_places(struct vc_tap *tap);
