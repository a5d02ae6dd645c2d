/*
 * When to look closely. FRR has to be asked (frr.c), and a lab in which nothing happens is asked seldom. What can come
 * before, with or after a change of a session says so here: a route or an interface that changed (no session of these
 * topologies changes without a route), a keepalive that was missed, a step of the scenario, a fault. SAs do not: they
 * are renewed every hour, and sessions do not notice.
 */
#include <string.h>

#include "lab/private.h"

static const struct {
    const char *layer, *what; /* what NULL: any */
} triggers[] = {
    {"fib", NULL}, {"link", "state"}, {"gre", NULL}, {"fault", NULL}, {"check", "step"},
};

void vc_lab_stir(struct vc_lab *lab)
{
    lab->stirred_ns = vc_events_now(lab->events);
    for (size_t n = 0; n < lab->plan->node_count; n++)
        for (size_t i = 0; i < lab->plan->nodes[n].daemon_count; i++)
            if (lab->nodes[n].daemons[i].frr)
                lab_frr_look(lab->nodes[n].daemons[i].frr);
}

void lab_stir_by_event(void *arg, json_t *event)
{
    const char *layer = json_string_value(json_object_get(event, "layer"));
    const char *what = json_string_value(json_object_get(event, "what"));

    for (size_t i = 0; i < VC_COUNT(triggers); i++)
        if (!strcmp(triggers[i].layer, layer) && (!triggers[i].what || !strcmp(triggers[i].what, what))) {
            vc_lab_stir(arg);
            return;
        }
}
