/* What the watchers of BGP speakers have in common (frr.c, bird.c). */
#include <string.h>

#include "lab/private.h"

void lab_neighbor_event(struct vc_daemon *daemon, enum vc_layer layer, const char *what, const char *address,
                        int64_t resolution_ns, json_t *members)
{
    const char *tunnel = lab_tunnel_of(daemon->lab, daemon->node->index, address);

    json_object_set_new(members, "neighbor", json_string(address));
    if (tunnel)
        json_object_set_new(members, "tunnel", json_string(tunnel));
    json_object_set_new(members, "resolution_ns", json_integer(resolution_ns));
    vc_event_json(daemon->lab->events, layer, daemon->node->rt.plan->name, what, -1, members);
}

bool lab_session_is_up(const char *state)
{
    return !strcmp(state, "Established") || !strcmp(state, "up");
}
