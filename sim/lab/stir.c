/*
 * When to look closely. FRR has to be asked (frr.c), and a lab in which nothing happens is asked seldom. What can come
 * before, with or after a change of a session says so here: a route or an interface that changed (no session of these
 * topologies changes without a route somewhere in the lab), a missed keepalive, a fault. SAs do not: they are renewed
 * every hour, and sessions do not notice.
 */
#include <string.h>

#include "lab/private.h"

static const struct {
    const char *layer, *what, *kind; /* NULL: any; kind is the event's member */
} triggers[] = {
    {"fib"}, {"link", "state"}, {"gre"}, {"fault"}, {"check", "step", "fault"}, {"check", "step", "heal"},
};

static bool matches(const char *wanted, const char *found)
{
    return !wanted || (found && !strcmp(wanted, found));
}

void vc_lab_stir(struct vc_lab *lab)
{
    lab->stirred_ns = vc_events_now(lab->events);
    for (size_t n = 0; n < lab->plan->node_count; n++)
        for (size_t i = 0; i < lab->plan->nodes[n].daemon_count; i++) {
            const struct vc_daemon *daemon = &lab->nodes[n].daemons[i];
            if (daemon->frr)
                lab_frr_look(daemon->frr);
            if (daemon->bird)
                lab_bird_look(daemon->bird);
        }
}

/* A step that only waits begins; or the one after it, which wants to know how things stand. */
static void note_step(struct vc_lab *lab, const char *kind)
{
    bool waited = lab->waiting;

    lab->waiting = matches("wait", kind);
    if (waited && !lab->waiting)
        vc_lab_stir(lab);
}

void lab_stir_by_event(void *arg, json_t *event)
{
    const char *layer = json_string_value(json_object_get(event, "layer"));
    const char *what = json_string_value(json_object_get(event, "what"));
    const char *kind = json_string_value(json_object_get(event, "kind"));

    if (matches("check", layer) && matches("step", what))
        note_step(arg, kind);
    for (size_t i = 0; i < VC_COUNT(triggers); i++)
        if (matches(triggers[i].layer, layer) && matches(triggers[i].what, what) && matches(triggers[i].kind, kind)) {
            vc_lab_stir(arg);
            return;
        }
}
