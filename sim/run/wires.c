#include "run/wires.h"

#include <string.h>

#include "net/netns.h"
#include "net/qdisc.h"

static int probe(const struct vc_wire *wire, const char *who, vc_error **err)
{
    struct vc_qdisc qdisc = vc_qdisc_of(wire, 1, false);
    VC_AUTO_ERROR *failed = NULL;

    if (qdisc.kind == VC_QDISC_NONE)
        return 0;
    VC_AUTO_FD netns = vc_netns_new(err);
    VC_AUTO_TALLOC struct vc_rtnl *rtnl = netns < 0 ? NULL : vc_rtnl_open(NULL, netns, err);
    if (!rtnl)
        return -1;
    vc_qdisc_set(rtnl, "lo", &qdisc);
    if (!vc_rtnl_commit(rtnl, &failed))
        return 0;
    const char *module = qdisc.kind == VC_QDISC_NETEM ? "sch_netem" : "sch_tbf";
    return vc_fail(
        err, VC_EXIT_HOST, 0,
        "%s needs the kernel module %s, which this kernel does not have (%s): run it sealed (without --live)", who,
        module, failed->message);
}

int vc_wires_probe(const struct vc_plan *plan, const struct vc_scenario *scenario, vc_error **err)
{
    const struct vc_topology *topology = plan->topology;
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);

    for (size_t i = 0; i < topology->link_count; i++)
        if (probe(&topology->links[i].wire, talloc_asprintf(scratch, "link %s", topology->links[i].name), err))
            return -1;
    for (size_t i = 0; i < scenario->step_count; i++) {
        const json_t *spec = scenario->steps[i].spec;
        const char *kind = json_string_value(json_object_get(spec, "kind"));
        struct vc_wire wire;

        if (scenario->steps[i].kind == VC_STEP_FAULT && kind && !strcmp(kind, "impair") &&
            vc_wire_of_spec(spec, &wire) &&
            probe(&wire, talloc_asprintf(scratch, "fault %s", json_string_value(json_object_get(spec, "name"))), err))
            return -1;
    }
    return 0;
}
