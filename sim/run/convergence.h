/*
 * How long each link of the chain took after a fault or a heal, in the terms of RFC 4098 and RFC 7747
 * (docs/convergence.md): fault, underlay, IKE, ESP, GRE keepalive, BFD, BGP, RIB, FIB, packets. Computed from events
 * alone, so that a result tells the same again. Times are nanoseconds on the run's clock.
 */
#pragma once

#include "base/event.h"

struct vc_convergence; /* talloc */

struct vc_convergence *vc_convergence_new(void *ctx);
void vc_convergence_event(struct vc_convergence *convergence, const json_t *event); /* in the order of the stream */

/* run.json's member `convergence`: one object for each fault and each heal so far, in their order. Never fails; what
 * was not seen is null. New reference. */
json_t *vc_convergence_json(const struct vc_convergence *convergence);
