/*
 * The acceptance of an order: what a partner and his customer want to see before the first call, as scenarios of the
 * customer's own topology. Nothing fails; what can be told in a sentence fails by name (a tunnel, a data centre's
 * router, Cisco's WAN, a CPE and its line); every element of the topology fails by itself, which is a sweep and no
 * scenario; packets of the sizes that matter; the calls that are planned, with both tunnels and on each alone.
 */
#pragma once

#include "activation/activation.h"

/* A part of the planned calls on its way: UDP of `mbit` Mbit/s in IP packets of `bytes` for `seconds`. */
struct vc_acceptance_load {
    const char *name; /* of the scenario's load */
    unsigned mbit, bytes, seconds;
};

struct vc_acceptance_case {
    const char *name;     /* "tunnel-dc1" */
    const char *title;    /* what happens, for people */
    const char *promise;  /* what must hold, for people */
    const char *scenario; /* the scenario's name: <form>-<case>; NULL: every single failure, a sweep of the topology */
    const char *text;     /* the scenario's document */
    const struct vc_acceptance_load *loads; /* that must really be sent for the case to show anything */
    size_t load_count;
    const char *cannot; /* why no lab needs to be asked: the promise cannot be kept; NULL: the lab says */
};

struct vc_acceptance {
    const char *timers;
    const char *recovery; /* how long calls may be gone when a tunnel dies without a sign: "35 s" */
    const char *played;   /* what the load stands for the planned calls with, and what was not played; for people */
    struct vc_acceptance_case *cases;
    size_t count;
};

enum {
    VC_ACCEPTANCE_VOICE_MS = 20,     /* between two packets of a voice flow while a load runs */
    VC_ACCEPTANCE_CALLS = 3118,      /* that one tunnel carries beside BGP, BFD and keepalives (0.5 Mbit/s) */
    VC_CALLS_A_TUNNEL_OUTSIDE = 2232 /* that fit it if 250 Mbit/s are counted outside, with GRE and ESP (R6) */
};

/* The profiles of timers that an acceptance knows, for --timers; NULL after the last. */
const char *vc_acceptance_timers(size_t i);

/*
 * talloc child of ctx. `timers` is one of the profiles, or NULL for the form's default (tuned; service for an order
 * without GRE keepalives); `topology` is the order's, seen from where the scenarios will lie ("../acme.yaml"). NULL
 * (VC_EXIT_USAGE): the profile needs the keepalives that this order has not (R28).
 */
struct vc_acceptance *vc_acceptance_make(void *ctx, const struct vc_order *order, const char *timers,
                                         const char *topology, vc_error **err);
