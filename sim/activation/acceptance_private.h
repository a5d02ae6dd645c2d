/* What the files that write an acceptance's scenarios share. */
#pragma once

#include "activation/acceptance.h"

/* What a profile of timers promises: how long a loss that nobody is told of may last, and how soon all is as before. */
struct acceptance_promise {
    const char *timers;
    const char *within, *words, *back;
    bool bfd;
    bool keepalives;  /* without GRE keepalives it promises nothing */
    const char *flow; /* more of each flow: where minutes pass, a packet a second but for the ends of a gap */
};

struct making {
    struct vc_acceptance *out;
    const struct vc_order *order;
    const struct acceptance_promise *promise;
    const char *topology;
};

#define ADD(text, ...) ((text) = talloc_asprintf_append_buffer(text, __VA_ARGS__))
#define TEXT(m, ...)   talloc_asprintf((m)->out, __VA_ARGS__)

const struct vc_allocated_tunnel *acceptance_tunnel(const struct making *m, size_t dc);
/* The next case, named and told; its text is still to come. */
struct vc_acceptance_case *acceptance_case(const struct making *m, const char *name, const char *title,
                                           const char *promise);
/* The head of the scenario, with `more` members, voice to both data centres (`flow`: more of each flow, NULL: the
 * promise's) and the first step: converged. */
char *acceptance_start(const struct making *m, const struct vc_acceptance_case *c, const char *more, const char *flow);
/* ESP of the tunnel to `dc` vanishes: members of a fault. */
const char *acceptance_drop(const struct making *m, size_t dc);
/* Expectations: calls to `dc` go on by the other tunnel and Cisco's WAN. */
char *acceptance_moved(char *text, const struct making *m, size_t dc);

/* Packets of the sizes that matter, to and from `dc`. */
void acceptance_sizes(const struct making *m, size_t dc);
/* The planned calls with the tunnel to `lost` gone; VC_FORM_DCS: with both. */
void acceptance_voice(const struct making *m, size_t lost);
/* What the load stands for. talloc child of m->out. */
char *acceptance_played(const struct making *m);
