/* The results device's layout; private to results_write.c and results_read.c. */
#pragma once

#include <stdint.h>

#include "vm/results.h"

enum { RESULTS_WHOLE = 1, RESULTS_FULL = 2 };

/* At the start of the device, in a page of its own; written last, so that its magic stands for the archive's end.
 * Little-endian, as both sides are x86. */
struct results_header {
    char magic[8];
    uint32_t state;
    uint32_t reserved;
    uint64_t archive; /* bytes on the device, after the header */
    uint64_t needed;  /* bytes the archive has: more when the device is full */
    uint64_t device;  /* bytes the guest saw */
    uint64_t xxh3[2]; /* XXH3_128 of the archive's bytes: low, high */
};
_Static_assert(sizeof(struct results_header) <= VC_RESULTS_HEADER, "the header fits its page");

/* What the archive holds, in this order: the logs tell why even where the captures did not fit. */
#define RESULTS_FOLDERS                                                                                                \
    {                                                                                                                  \
        "logs", "captures"                                                                                             \
    }

/* The one sentence for a full device, for guest and host. Returns -1. */
int vc_results_full(const struct results_header *header, vc_error **err);
