/* What the events say of links, sessions and routes, as sights: each is a change, told once. */
#include "run/convergence_private.h"

/* `value` (stolen): false is down. Whether it is another than the last. */
static bool changed(struct vc_convergence *convergence, enum stage stage, const json_t *event, const char *place,
                    json_t *value)
{
    VC_AUTO_JSON *owned = value;
    VC_AUTO_TALLOC char *key = talloc_asprintf(NULL, "%d|%s|%s", (int)stage, text_of(event, "node"), place);
    bool same = json_equal(json_object_get(convergence->state, key), owned);

    json_object_set(convergence->state, key, owned);
    return !same;
}

static struct sight *see(struct vc_convergence *convergence, enum stage stage, const json_t *event, const char *place,
                         bool up, char *evidence)
{
    if (!convergence->begun || number_of(event, "t_ns") < convergence->trigger.applied_ns) {
        talloc_free(evidence);
        return NULL;
    }
    convergence->sights =
        talloc_realloc(convergence->window, convergence->sights, struct sight, (unsigned)convergence->sight_count + 1);
    struct sight *sight = &convergence->sights[convergence->sight_count++];
    *sight = (struct sight){
        .stage = stage,
        .t_ns = number_of(event, "t_ns"),
        .resolution_ns = number_of(event, "resolution_ns"),
        .up = up,
        .node = convergence_keep(convergence, text_of(event, "node")),
        .place = convergence_keep(convergence, place),
        .tunnel = convergence_keep(convergence, text_of(event, "tunnel")),
        .evidence = talloc_steal(convergence->window, evidence),
        .reason = "",
    };
    return sight;
}

static void on_link(struct vc_convergence *convergence, const json_t *event)
{
    const char *ifname = text_of(event, "ifname");
    bool up = json_is_true(json_object_get(event, "up")) && json_is_true(json_object_get(event, "carrier"));

    /* A GRE interface follows its keepalive, which has an event of its own. */
    if (strncmp(ifname, "gre-", 4) != 0 && changed(convergence, STAGE_LINK, event, ifname, json_boolean(up)))
        see(convergence, STAGE_LINK, event, ifname, up,
            talloc_asprintf(NULL, "link %s is %s", ifname, up ? "up" : "down"));
}

/* At a rekey the new SA comes before the old one goes: neither is a change. */
static void on_sa(struct vc_convergence *convergence, const json_t *event, enum stage stage, const char *member)
{
    const char *tunnel = text_of(event, "tunnel");
    const json_t *id = json_object_get(event, member);
    VC_AUTO_TALLOC char *key = talloc_asprintf(NULL, "%d|%s|%s", (int)stage, text_of(event, "node"), tunnel);
    json_t *before = json_object_get(convergence->state, key);
    bool up = is(event, "state", "up"), was_up = before && !json_is_false(before);

    if (!up && was_up && json_is_string(before) && json_is_string(id) && !json_equal(before, id))
        return;
    changed(convergence, stage, event, tunnel,
            up ? json_is_string(id) ? json_deep_copy(id) : json_true() : json_false());
    if (up != was_up || !before)
        see(convergence, stage, event, tunnel, up,
            talloc_asprintf(NULL, "%s of tunnel %s is %s", stage == STAGE_IKE ? "IKE SA" : "CHILD SA", tunnel,
                            up ? "up" : "down"));
}

static void on_ike(struct vc_convergence *convergence, const json_t *event)
{
    on_sa(convergence, event, STAGE_IKE, "unique_id");
}

static void on_esp(struct vc_convergence *convergence, const json_t *event)
{
    on_sa(convergence, event, STAGE_ESP, "spi_in");
}

static void on_gre(struct vc_convergence *convergence, const json_t *event)
{
    const char *tunnel = text_of(event, "tunnel");
    bool up = json_is_true(json_object_get(event, "up"));

    if (changed(convergence, STAGE_GRE, event, tunnel, json_boolean(up)))
        see(convergence, STAGE_GRE, event, tunnel, up,
            talloc_asprintf(NULL, "GRE of tunnel %s is %s", tunnel, up ? "up" : "down"));
}

static void on_bfd(struct vc_convergence *convergence, const json_t *event)
{
    const char *neighbor = text_of(event, "neighbor");
    bool up = is(event, "state", "up");

    if (changed(convergence, STAGE_BFD, event, neighbor, json_boolean(up)))
        see(convergence, STAGE_BFD, event, neighbor, up,
            talloc_asprintf(NULL, "BFD with %s is %s", neighbor, up ? "up" : "down"));
}

static void on_session(struct vc_convergence *convergence, const json_t *event)
{
    const char *neighbor = text_of(event, "neighbor"), *reason = text_of(event, "reason");
    bool up = is(event, "state", "Established");

    if (!changed(convergence, STAGE_BGP, event, neighbor, json_boolean(up)))
        return;
    struct sight *sight = see(convergence, STAGE_BGP, event, neighbor, up,
                              talloc_asprintf(NULL, "BGP with %s is %s", neighbor, text_of(event, "state")));
    /* An Established session still carries the reason of its last fall. */
    if (sight && !up && *reason) {
        sight->reason = convergence_keep(convergence, reason);
        sight->evidence = talloc_asprintf(convergence->window, "%s (%s)", sight->evidence, reason);
    }
}

static void on_accepted(struct vc_convergence *convergence, const json_t *event)
{
    const json_t *prefixes = json_object_get(event, "prefixes");
    size_t i, count = json_array_size(prefixes);
    json_t *prefix;
    char *text = talloc_asprintf(NULL, "accepts%s", count ? "" : " nothing");

    json_array_foreach(prefixes, i, prefix) text =
        talloc_asprintf_append(text, "%s %s", i ? "," : "", json_string_value(prefix) ? json_string_value(prefix) : "");
    text = talloc_asprintf_append(text, " from %s", text_of(event, "neighbor"));
    see(convergence, STAGE_RIB, event, text_of(event, "neighbor"), count > 0, text);
}

static void on_route(struct vc_convergence *convergence, const json_t *event)
{
    const char *prefix = text_of(event, "prefix"), *ifname = text_of(event, "ifname");
    bool present = json_is_true(json_object_get(event, "present"));

    see(convergence, STAGE_FIB, event, prefix, present,
        present ? talloc_asprintf(NULL, "%s by %s", prefix, ifname) : talloc_asprintf(NULL, "%s removed", prefix));
}

void convergence_sight(struct vc_convergence *convergence, const json_t *event)
{
    static const struct {
        const char *layer, *what;
        void (*fn)(struct vc_convergence *convergence, const json_t *event);
    } handlers[] = {
        {"link", "state", on_link},       {"ike", "sa", on_ike},      {"ipsec", "sa", on_esp},
        {"gre", "state", on_gre},         {"bgp", "bfd", on_bfd},     {"bgp", "session", on_session},
        {"rib", "accepted", on_accepted}, {"fib", "route", on_route},
    };

    for (size_t i = 0; i < VC_COUNT(handlers); i++)
        if (is(event, "layer", handlers[i].layer) && is(event, "what", handlers[i].what))
            handlers[i].fn(convergence, event);
}
