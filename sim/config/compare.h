/* What is otherwise than ordered, in knobs. */
#pragma once

#include "config/import.h"
#include "config/private.h"

/* Fills import->configure and ->deviations, and adds notes and errors to import->cpe. `timers` as in the options. */
void vc_cpe_compare(struct vc_import *import, const struct vc_cpe *ordered, const char *timers);

/* Two views of one tunnel. */
struct vc_cpe_pair {
    const struct vc_cpe *cpe;
    const struct vc_cpe_tunnel *t, *other; /* `other`: the one it is compared with */
};

enum vc_cpe_row_group { VC_CPE_ROW_IPSEC, VC_CPE_ROW_GRE, VC_CPE_ROW_BGP };

struct vc_cpe_row {
    const char *knob;
    enum vc_cpe_item item;
    enum vc_cpe_row_group group;
    json_t *(*value)(const struct vc_cpe_pair *p); /* new reference; equal values of both views: no deviation */
    bool timer;                                    /* which the order does not have */
};
extern const struct vc_cpe_row vc_cpe_rows[];
extern const size_t vc_cpe_row_count;
