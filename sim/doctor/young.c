/*
 * What has only begun: after a start, a heal or a fall each layer needs its time, and what is seen meanwhile is no
 * symptom. The times are those in which the lab's own settings bring a layer up: a session is tried anew each second, a
 * keepalive goes out each ten.
 */
#include "doctor/private.h"

enum { SA_S = 5, SETTLE_S = 15, RESET_S = 10, ROUTES_S = 5 };

static bool within(json_int_t age_s, json_int_t limit_s)
{
    return age_s >= 0 && age_s < limit_s;
}

static bool has_started(const json_t *node, const char *daemon)
{
    const json_t *daemons = json_object_get(node, "daemons");
    bool starts = *daemon && (is(daemons, daemon, "waiting") || is(daemons, daemon, "starting"));

    return within(number_at(json_object_get(node, "daemon_age_s"), daemon, starts ? 0 : -1), SETTLE_S);
}

static bool speaker_has_started(const json_t *node)
{
    return has_started(node, text_at(json_object_get(node, "bgp"), "daemon"));
}

static bool has_come_up(const json_t *neighbor)
{
    return is(neighbor, "state", "Established") && within(number_at(neighbor, "up_ms", -1), 1000 * ROUTES_S);
}

bool session_is_young(const json_t *node, const json_t *neighbor, const json_t *peer)
{
    return speaker_has_started(node) || speaker_has_started(peer) || has_come_up(neighbor) ||
           within(number_at(neighbor, "reset_s", -1), RESET_S);
}

bool triggers(const struct view *v)
{
    static const char *const tries[] = {"Connect", "Active", "OpenSent", "OpenConfirm", "Established"};

    for (size_t i = 0; i < VC_COUNT(tries); i++)
        if (is(v->at[CPE].neighbor, "state", tries[i]))
            return true;
    return number_at(json_object_get(v->at[CPE].gre, "keepalive"), "every_s", 0);
}

/* Or the first message is on its way, or what brings up the SA had done so just before the doctor's ping did. */
static bool ike_is_young(const struct doctor *d, const struct view *v)
{
    for (enum end end = CPE; end <= HEADEND; end++)
        if (has_started(v->at[end].node, text_at(json_object_get(v->at[end].node, "ike"), "daemon")))
            return true;
    if (is(v->at[CPE].sa, "state", "CONNECTING"))
        return !nobody_answers(d, v);
    return v->at[CPE].woken && triggers(v);
}

static bool child_is_young(const struct view *v)
{
    for (enum end end = CPE; end <= HEADEND; end++)
        if (within(number_at(v->at[end].child, "age_s", -1), SA_S))
            return true;
    return false;
}

/* Keepalives come back to an end again; the other's may take as long as they have between them. */
static bool gre_comes_up(const struct view *v)
{
    for (enum end end = CPE; end < END_COUNT; end++)
        if (true_at(v->at[end].gre, "up") && within(number_at(v->at[end].gre, "changed_s", -1), SETTLE_S))
            return true;
    return false;
}

/* A rekey makes it young again, and what fails is told a little later: that harms nobody. */
static bool sa_is_young(const struct view *v, json_int_t limit_s)
{
    return within(number_at(v->at[CPE].sa, "established_s", number_at(v->at[HEADEND].sa, "established_s", -1)),
                  limit_s);
}

static bool tunnel_is_young(const struct view *v)
{
    return sa_is_young(v, SETTLE_S) || within(number_at(v->at[CPE].gre, "changed_s", -1), SETTLE_S) ||
           within(number_at(v->at[ROUTER].gre, "changed_s", -1), SETTLE_S);
}

static bool session_begins(const struct view *v)
{
    return session_is_young(v->at[CPE].node, v->at[CPE].neighbor, v->at[ROUTER].node) ||
           session_is_young(v->at[ROUTER].node, v->at[ROUTER].neighbor, NULL);
}

/* Until its hold timer ends, a session that the tunnel no longer carries draws traffic into it. */
static bool draws_in_vain(const struct view *v)
{
    return !answered(v->ping) &&
           (is(v->at[CPE].neighbor, "state", "Established") || is(v->at[ROUTER].neighbor, "state", "Established"));
}

/* A path stands in all sessions of the two routers at the tunnel's ends, and with the tunnels beside it. */
static bool path_is_young(const struct doctor *d, const struct view *v)
{
    const char *address;
    json_t *neighbor;

    for (size_t i = 0; i < d->view_count; i++)
        if (&d->views[i] != v && (draws_in_vain(&d->views[i]) || session_begins(&d->views[i])))
            return true;
    for (enum end end = CPE; end < END_COUNT; end++) {
        json_object_foreach((json_t *)json_object_get(json_object_get(v->at[end].node, "bgp"), "neighbors"), address,
                            neighbor)
        {
            if (session_is_young(v->at[end].node, neighbor, NULL))
                return true;
        }
    }

    for (size_t i = 0; i < json_array_size(json_object_get(d->order, "ibgp")); i++) {
        const json_t *order = json_array_get(json_object_get(d->order, "ibgp"), i);
        if (is(order, "node", v->at[CPE].name) && speaker_has_started(node_named(d, text_at(order, "peer"))))
            return true;
    }
    return false;
}

bool layer_is_young(const struct doctor *d, const struct view *v, enum layer layer)
{
    switch (layer) {
    case IKE:
        return ike_is_young(d, v);
    case CHILD:
        return sa_is_young(v, SA_S) || child_is_young(v);
    case GRE:
        return sa_is_young(v, SETTLE_S) || gre_comes_up(v);
    case BGP:
        return tunnel_is_young(v) || session_begins(v);
    case ROUTES:
        return session_begins(v);
    case PATHS:
        return path_is_young(d, v);
    default: /* UNDERLAY, MTU and CAPACITY need no time */
        return false;
    }
}
