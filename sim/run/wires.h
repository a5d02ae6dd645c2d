/*
 * What a live lab's wires are made of. A plain veth carries packets and nothing else; the kernel's queueing disciplines
 * (netem, tbf) give it a character; ns-3 (vclab-wire) carries a link whatever the kernel has.
 */
#pragma once

#include "lab/lab.h"
#include "model/scenario.h"
#include "plan/plan.h"

enum vc_wires_mode {
    VC_WIRES_AUTO,  /* each link by what it needs: a veth, the kernel's means where it has them, else ns-3 */
    VC_WIRES_NETEM, /* the kernel's means */
    VC_WIRES_NS3,   /* ns-3 carries every link */
    VC_WIRES_VETH,  /* plain veths */
};

/* By its name: auto, netem, ns3, veth; NULL is auto. VC_EXIT_USAGE. */
int vc_wires_mode(const char *name, enum vc_wires_mode *mode, vc_error **err);

/* What this host has for wires. `why_not_…` says what is missing, NULL when nothing is. */
struct vc_wires_host {
    char *why_not_netem, *why_not_tbf, *why_not_ns3;
    int program; /* vclab-wire, open (O_PATH), or -1 */
};
/* Tries netem and tbf in a throw-away network namespace, and looks for vclab-wire beside this program. talloc child of
 * ctx, which closes what is open. */
struct vc_wires_host *vc_wires_probe(void *ctx, vc_error **err);

/*
 * Chooses for a lab. A link needs what its planned character and the scenario's `impair` faults on it need; such a
 * fault of a tunnel needs the kernel, for its interface is no link. A tunnel's own rate is no need: without tbf the lab
 * runs unshaped (link/unshaped). Whoever cannot be served is named (VC_EXIT_HOST). `links->ns3` is a talloc child of
 * ctx.
 */
int vc_wires_choose(void *ctx, const struct vc_plan *plan, const struct vc_scenario *scenario, enum vc_wires_mode mode,
                    const struct vc_wires_host *host, struct vc_lab_links *links, vc_error **err);
