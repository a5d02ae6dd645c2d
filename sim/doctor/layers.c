/* The guide's order of checks: is the layer as it should be, whatever the reason when it is not? */
#include "doctor/private.h"

const char *const doctor_layer_names[LAYER_COUNT] = {
    [UNDERLAY] = "underlay", [IKE] = "ike",     [CHILD] = "child-sa", [GRE] = "gre",          [BGP] = "bgp",
    [ROUTES] = "routes",     [PATHS] = "paths", [MTU] = "mtu",        [CAPACITY] = "capacity"};

bool layer_reached(const struct view *view, enum layer layer)
{
    for (enum layer below = UNDERLAY; below < layer; below++)
        if (view->layers[below] != OK)
            return false;
    return true;
}

static bool established(const json_t *sa)
{
    return is(sa, "state", "ESTABLISHED") || is(sa, "state", "REKEYING") || is(sa, "state", "REKEYED");
}

/* Some firewalls let no ping pass (R27): what comes through the tunnel has crossed the underlay as well. */
static bool underlay_ok(const struct doctor *doctor VC_UNUSED, const struct view *v)
{
    return answered(v->underlay) || answered(v->ping);
}

/* Libreswan tells no IKE SA: then the headend has it. What the doctor's own ping brought up was not up. */
static bool ike_ok(const struct doctor *doctor VC_UNUSED, const struct view *v)
{
    return !v->at[CPE].woken && established(v->at[CPE].sa) && established(v->at[HEADEND].sa);
}

/* A tunnel interface that keepalives took down lets no ping out: then the SAs' ages of use tell. Keepalives make them
 * young every ten seconds. */
enum { YOUNG_S = 15 };

bool sa_used(const struct view *v, enum end end, bool in)
{
    const json_t *child = v->at[end].child;
    json_int_t moved = in ? v->at[end].sa_moved.in : v->at[end].sa_moved.out;
    json_int_t idle_s = number_at(child, in ? "idle_in_s" : "idle_out_s", -1);

    return moved > 0 || (number_at(child, in ? "packets_in" : "packets_out", 0) && idle_s >= 0 && idle_s < YOUNG_S);
}

/* One end sends into the SA, and the other end gets nothing out of it. */
bool esp_lost(const struct view *v, enum end from, enum end to)
{
    const json_t *receiver = v->at[to].child;
    bool told = json_object_get(v->at[from].child, "packets_out"); /* Libreswan does not count: its tunnel does */
    bool sent = told ? sa_used(v, from, false) : v->at[from].gre_moved.out > 0;
    json_int_t sent_s = number_at(v->at[from].child, "idle_out_s", 0);

    if (!sent || !json_object_get(receiver, "packets_in") || v->at[to].sa_moved.in > 0)
        return false;
    if (v->at[to].sa_moved.in == 0 && (v->at[from].sa_moved.out > 0 || !told))
        return true;
    return !number_at(receiver, "packets_in", 0) || number_at(receiver, "idle_in_s", 0) - sent_s >= YOUNG_S;
}

static bool child_ok(const struct doctor *doctor VC_UNUSED, const struct view *v)
{
    if (!v->at[CPE].child || !v->at[HEADEND].child)
        return false;
    return answered(v->ping) || (!esp_lost(v, CPE, HEADEND) && !esp_lost(v, HEADEND, CPE));
}

static bool gre_ok(const struct doctor *doctor VC_UNUSED, const struct view *v)
{
    return true_at(v->at[CPE].interface, "up") && true_at(v->at[CPE].interface, "carrier") &&
           true_at(v->at[ROUTER].interface, "up") && true_at(v->at[ROUTER].interface, "carrier") && answered(v->ping);
}

static bool bgp_ok(const struct doctor *doctor VC_UNUSED, const struct view *v)
{
    return is(v->at[CPE].neighbor, "state", "Established") && is(v->at[ROUTER].neighbor, "state", "Established");
}

static bool all_in(const json_t *wanted, const json_t *list)
{
    size_t i;
    json_t *prefix;

    json_array_foreach(wanted, i, prefix)
    {
        if (!has_text(list, json_string_value(prefix)))
            return false;
    }

    return true;
}

char *beyond(void *ctx, const json_t *list, const json_t *wanted)
{
    char *out = NULL;
    size_t i;
    json_t *prefix;

    json_array_foreach(list, i, prefix)
    {
        const char *text = json_string_value(prefix);
        if (text && !has_text(wanted, text))
            out = out ? talloc_asprintf_append(out, ", %s", text) : talloc_strdup(ctx, text);
    }
    return out;
}

static bool routes_ok(const struct doctor *doctor VC_UNUSED, const struct view *v)
{
    VC_AUTO_JSON *only_default = json_pack("[s]", "0.0.0.0/0");
    const json_t *from_cisco = json_object_get(v->order, "from_cisco");
    const json_t *at_cpe = json_object_get(v->at[CPE].neighbor, "accepted");
    const json_t *at_router = json_object_get(v->at[ROUTER].neighbor, "accepted");
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);

    return all_in(from_cisco, at_cpe) && all_in(only_default, at_router) && !beyond(scratch, at_cpe, from_cisco) &&
           !beyond(scratch, at_router, only_default);
}

static bool is_router_of(const struct doctor *doctor, const char *node)
{
    for (size_t i = 0; i < doctor->view_count; i++)
        if (!strcmp(doctor->views[i].at[CPE].name, node) || !strcmp(doctor->views[i].at[ROUTER].name, node))
            return true;
    return false;
}

/* The customer's hosts reach this tunnel's data centre, and its CPE has each iBGP neighbour that it is to have. */
static bool paths_ok(const struct doctor *doctor, const struct view *v)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(doctor->evidence, "probes"), i, item)
    {
        if (is(item, "kind", "service") && is(item, "dc", text_at(v->order, "dc")) && !answered(item))
            return false;
    }

    json_array_foreach(json_object_get(doctor->order, "ibgp"), i, item)
    {
        const json_t *neighbors = json_object_get(json_object_get(v->at[CPE].node, "bgp"), "neighbors");
        /* what is off or does not speak is a cause of its own tunnel's */
        if (is(item, "node", v->at[CPE].name) && is_router_of(doctor, text_at(item, "peer")) &&
            speaks(doctor, text_at(item, "peer")) &&
            !is(json_object_get(neighbors, text_at(item, "neighbor")), "state", "Established"))
            return false;
    }
    return true;
}

bool clamps(const struct doctor *d, const struct view *v, enum end end)
{
    json_int_t limit = number_at(json_object_get(d->order, "settings"), "mss", 0);
    const char *ifname = text_at(v->order, "ifname");
    size_t i;
    json_t *rule;

    json_array_foreach(json_object_get(v->at[end].node, "firewall"), i, rule)
    {
        json_int_t mss = number_at(rule, "mss", 0);
        if (mss && mss <= limit && (is(rule, "iifname", ifname) || is(rule, "oifname", ifname)))
            return true;
    }
    return false;
}

/* More than one packet in a thousand does not fit now; what once did not is of a load that is gone. */
bool saturated(const struct view *v, enum end end)
{
    const json_t *queues = json_object_get(v->at[end].node, "queues");
    const json_t *queue = json_object_get(queues, text_at(v->order, "ifname"));
    json_int_t drops = queued(v, end, "drops"), packets = queued(v, end, "packets");

    return number_at(queue, "backlog", 0) && drops > 0 && drops * 1000 > packets;
}

/* One end that clamps is enough for both directions. */
static bool mtu_ok(const struct doctor *doctor, const struct view *v)
{
    bool wanted = number_at(json_object_get(doctor->order, "settings"), "mss", 0);

    bool full = saturated(v, CPE) || saturated(v, ROUTER); /* a queue that drops tells nothing of size */

    return (answered(v->large) || full) && (!wanted || clamps(doctor, v, CPE) || clamps(doctor, v, ROUTER));
}

static bool capacity_ok(const struct doctor *doctor VC_UNUSED, const struct view *v)
{
    return !saturated(v, CPE) && !saturated(v, ROUTER);
}

static bool (*const checks[LAYER_COUNT])(const struct doctor *doctor, const struct view *view) = {
    [UNDERLAY] = underlay_ok, [IKE] = ike_ok,     [CHILD] = child_ok, [GRE] = gre_ok,          [BGP] = bgp_ok,
    [ROUTES] = routes_ok,     [PATHS] = paths_ok, [MTU] = mtu_ok,     [CAPACITY] = capacity_ok};

void doctor_layers(const struct doctor *doctor, struct view *view)
{
    bool reached = true;

    for (enum layer layer = UNDERLAY; layer < LAYER_COUNT; layer++) {
        view->layers[layer] = !reached                              ? NOT_REACHED
                              : checks[layer](doctor, view)         ? OK
                              : layer_is_young(doctor, view, layer) ? COMING
                                                                    : FAILED;
        /* What comes after BGP can be looked at whatever of it fails. */
        reached = reached && (view->layers[layer] == OK || layer > BGP);
    }
}
