/*
 * The acceptance of an order: what a partner and his customer want to see before the first call, as scenarios of the
 * customer's own topology. Nothing fails; each thing that can fail alone fails once; packets of every size; the calls
 * that are planned.
 */
#pragma once

#include "activation/activation.h"

struct vc_acceptance_case {
    const char *name;     /* "tunnel-dc1" */
    const char *title;    /* what happens, for people */
    const char *promise;  /* what must hold, for people */
    const char *scenario; /* the scenario's name: <form>-<case> */
    const char *text;     /* its document */
};

struct vc_acceptance {
    const char *timers;
    struct vc_acceptance_case *cases;
    size_t count;
};

/* The profiles of timers that an acceptance knows, for --timers; NULL-terminated. The first is the default, the second
 * that of a customer without GRE keepalives. */
extern const char *const vc_acceptance_timers[];

/* talloc child of ctx. `timers` is one of the profiles, or NULL for the form's default; `topology` is the order's, seen
 * from where the scenarios will lie ("../acme.yaml"). */
struct vc_acceptance *vc_acceptance_make(void *ctx, const struct vc_order *order, const char *timers,
                                         const char *topology);
