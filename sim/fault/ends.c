#include "fault/ends.h"

const char *fault_text(const struct fault *fault, const char *key)
{
    const char *text = json_string_value(json_object_get(fault->spec, key));

    return text ? text : "";
}

int fault_ends(struct fault *fault, struct fault_end ends[2], vc_error **err)
{
    const struct vc_topology *topology = vc_lab_plan(fault->lab)->topology;
    size_t tunnel = vc_topology_tunnel(topology, fault_text(fault, "tunnel"));

    if (fault->link != VC_NONE) {
        for (unsigned end = 0; end < 2; end++)
            ends[end] =
                (struct fault_end){topology->links[fault->link].end[end].node, topology->links[fault->link].name};
        return 0;
    }
    if (tunnel == VC_NONE)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s needs a link or a tunnel", fault->kind->name);
    size_t nodes[2] = {topology->tunnels[tunnel].cpe, topology->dcs[topology->tunnels[tunnel].dc].router};
    const char *ifname = talloc_asprintf(fault, "gre-%s", topology->tunnels[tunnel].name);
    for (unsigned end = 0; end < 2; end++)
        ends[end] = (struct fault_end){nodes[end], ifname};
    return 0;
}
