/* What changed since the last fault or heal: taken from the events as sights, without judging what caused what. */
#include "run/convergence_private.h"

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

static int64_t number_of(const json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

static bool is(const json_t *object, const char *member, const char *text)
{
    return strcmp(text_of(object, member), text) == 0;
}

static int destroy(struct vc_convergence *convergence)
{
    json_decref(convergence->state);
    json_decref(convergence->done);
    json_decref(convergence->carried);
    for (size_t i = 0; i < convergence->course_count; i++)
        json_decref(convergence->courses[i].prefixes);
    return 0;
}

struct vc_convergence *vc_convergence_new(void *ctx)
{
    struct vc_convergence *convergence = talloc_zero(ctx, struct vc_convergence);

    convergence->state = json_object();
    convergence->done = json_array();
    convergence->carried = json_array();
    talloc_set_destructor(convergence, destroy);
    return convergence;
}

/* The plan: which routes a flow follows */

static void extend_with(json_t *all, const json_t *accept, const char *node, const char *neighbor)
{
    size_t i;
    json_t *entry;

    json_array_foreach(accept, i, entry) if (is(entry, "node", node) && is(entry, "neighbor", neighbor))
        json_array_extend(all, json_object_get(entry, "prefixes"));
}

/* The tunnel of a flow's healthy path, or NULL. */
static const json_t *tunnel_of(const json_t *plan, const json_t *flow)
{
    json_t *tunnel, *name;
    size_t i, k;

    json_array_foreach(json_object_get(plan, "tunnels"), i, tunnel) json_array_foreach(
        json_object_get(flow, "healthy"), k,
        name) if (is(tunnel, "name", json_is_string(name) ? json_string_value(name) : "")) return tunnel;
    return NULL;
}

/* Towards the data centre a flow follows what the CPE accepts there, back what the DC's router accepts. */
static struct course course_from(struct vc_convergence *convergence, const json_t *plan, const json_t *flow, bool back)
{
    const json_t *tunnel = tunnel_of(plan, flow);
    const char *node = text_of(tunnel, back ? "router" : "cpe");
    struct course course = {
        .flow = talloc_strdup(convergence, text_of(flow, "name")),
        .name = back ? "return" : "forward",
        .interval_ns = number_of(flow, "interval_ns"),
        .enters = talloc_strdup(convergence, node),
        .prefixes = json_array(),
    };

    extend_with(course.prefixes, json_object_get(plan, "accept"), node,
                text_of(tunnel, back ? "cpe_address" : "cisco_address"));
    return course;
}

static void on_plan(struct vc_convergence *convergence, const json_t *plan)
{
    const json_t *flows = json_object_get(plan, "flows");
    json_t *flow, *accept;
    size_t i;

    if (convergence->courses)
        return;
    convergence->course_count = 2 * json_array_size(flows);
    convergence->courses = talloc_zero_array(convergence, struct course, (unsigned)convergence->course_count);
    json_array_foreach(flows, i, flow)
    {
        convergence->courses[2 * i] = course_from(convergence, plan, flow, false);
        convergence->courses[2 * i + 1] = course_from(convergence, plan, flow, true);
    }
    json_array_foreach(json_object_get(plan, "accept"), i, accept)
        json_array_extend(convergence->carried, json_object_get(accept, "prefixes"));
}

/* Triggers */

static const char *keep(struct vc_convergence *convergence, const char *text)
{
    return talloc_strdup(convergence->window, text);
}

static void begin(struct vc_convergence *convergence, const json_t *event, bool heal)
{
    if (convergence->begun)
        json_array_append_new(convergence->done, convergence_chain(convergence));
    talloc_free(convergence->window);
    convergence->window = talloc_new(convergence);
    convergence->begun = true;
    convergence->sights = NULL;
    convergence->sight_count = 0;
    convergence->trigger = (struct trigger){
        .name = talloc_asprintf(convergence->window, "%s%s", heal ? "heal " : "", text_of(event, "name")),
        .heal = heal,
        .applied_ns = number_of(event, "t_ns"),
        .proved_ns = -1,
        .evidence = "",
    };
    for (size_t i = 0; i < convergence->course_count; i++) {
        convergence->courses[i].touched = false;
        convergence->courses[i].path = NULL;
    }
}

/* Nothing in a node that is off can tell that it fell; when it is back, its "up" shall be a change. */
static void forget_node(struct vc_convergence *convergence, const char *node)
{
    VC_AUTO_TALLOC char *part = talloc_asprintf(NULL, "|%s|", node);
    const char *key;
    json_t *value;

    json_object_foreach(convergence->state, key, value) if (strstr(key, part))
        json_object_set_new(convergence->state, key, json_false());
}

static void on_applied(struct vc_convergence *convergence, const json_t *event)
{
    begin(convergence, event, false);
    if (is(event, "kind", "power-off") && *text_of(event, "node"))
        forget_node(convergence, text_of(event, "node"));
}

static void on_heal_applied(struct vc_convergence *convergence, const json_t *event)
{
    begin(convergence, event, true);
}

static void prove(struct vc_convergence *convergence, const json_t *event, const char *before)
{
    struct trigger *trigger = &convergence->trigger;
    size_t length = strlen(before);

    /* One that is proved after the next began belongs to a closed chain. */
    if (!convergence->begun || trigger->proved_ns >= 0 || strncmp(trigger->name, before, length) != 0 ||
        !is(event, "name", trigger->name + length))
        return;
    trigger->proved_ns = number_of(event, "t_ns");
    trigger->evidence = keep(convergence, text_of(event, "evidence"));
}

static void on_proved(struct vc_convergence *convergence, const json_t *event)
{
    if (!convergence->trigger.heal)
        prove(convergence, event, "");
}

static void on_healed(struct vc_convergence *convergence, const json_t *event)
{
    if (convergence->trigger.heal)
        prove(convergence, event, "heal ");
}

/* Sights */

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
        .node = keep(convergence, text_of(event, "node")),
        .place = keep(convergence, place),
        .tunnel = keep(convergence, text_of(event, "tunnel")),
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
        sight->reason = keep(convergence, reason);
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

/* Flows */

static struct course *course_of(struct vc_convergence *convergence, const json_t *event)
{
    for (size_t i = 0; i < convergence->course_count; i++)
        if (is(event, "flow", convergence->courses[i].flow) && is(event, "direction", convergence->courses[i].name))
            return &convergence->courses[i];
    return NULL;
}

/* What was over before the trigger may be told after it. */
static void settle(const struct vc_convergence *convergence, struct course *course, int64_t t_ns, int64_t resolution_ns)
{
    if (t_ns < convergence->trigger.applied_ns)
        return;
    course->touched = true;
    if (t_ns < course->settled_ns)
        return;
    course->settled_ns = t_ns;
    course->resolution_ns = resolution_ns;
}

static void on_path(struct vc_convergence *convergence, const json_t *event)
{
    struct course *course = course_of(convergence, event);
    char *path = NULL;
    json_t *name;
    size_t i;

    if (!course || !convergence->begun)
        return;
    json_array_foreach(json_object_get(event, "path"), i, name) path =
        path ? talloc_asprintf_append(path, "+%s", json_string_value(name))
             : talloc_strdup(convergence->window, json_string_value(name));
    course->path = path ? path : "no tunnel";
    settle(convergence, course, number_of(event, "t_ns"), course->interval_ns);
}

static void on_outage_begin(struct vc_convergence *convergence, const json_t *event)
{
    struct course *course = course_of(convergence, event);

    if (course)
        course->out = course->touched = true;
}

/* Single lost packets are the wire's; what counts is an outage, or a gap that ends where a new path begins. */
static void on_gap(struct vc_convergence *convergence, const json_t *event)
{
    struct course *course = course_of(convergence, event);
    int64_t end_ns = number_of(event, "end_ns");

    if (!course || json_is_true(json_object_get(event, "open")))
        return;
    if (course->out || (course->touched && end_ns == course->settled_ns))
        settle(convergence, course, end_ns, number_of(event, "resolution_ns"));
    course->out = false;
}

void vc_convergence_event(struct vc_convergence *convergence, const json_t *event)
{
    static const struct {
        const char *layer, *what;
        void (*fn)(struct vc_convergence *convergence, const json_t *event);
    } handlers[] = {
        {"check", "plan", on_plan},
        {"fault", "applied", on_applied},
        {"fault", "proved", on_proved},
        {"fault", "heal-applied", on_heal_applied},
        {"fault", "healed", on_healed},
        {"link", "state", on_link},
        {"ike", "sa", on_ike},
        {"ipsec", "sa", on_esp},
        {"gre", "state", on_gre},
        {"bgp", "bfd", on_bfd},
        {"bgp", "session", on_session},
        {"rib", "accepted", on_accepted},
        {"fib", "route", on_route},
        {"probe", "path", on_path},
        {"probe", "outage-begin", on_outage_begin},
        {"probe", "gap", on_gap},
    };

    for (size_t i = 0; i < VC_COUNT(handlers); i++)
        if (is(event, "layer", handlers[i].layer) && is(event, "what", handlers[i].what))
            handlers[i].fn(convergence, event);
}

json_t *vc_convergence_json(const struct vc_convergence *convergence)
{
    json_t *all = json_copy(convergence->done);

    if (convergence->begun)
        json_array_append_new(all, convergence_chain(convergence));
    return all;
}
