/* One tunnel out of the evidence of all nodes. */
#include "base/ip.h"
#include "doctor/private.h"

const char *text_at(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

const char *text_in(const json_t *array, size_t index)
{
    const char *text = json_string_value(json_array_get(array, index));

    return text ? text : "";
}

json_int_t number_at(const json_t *object, const char *member, json_int_t otherwise)
{
    const json_int_t most = 1000000000000; /* no lab counts further, and sums of such numbers stay in range */
    const json_t *value = json_object_get(object, member);
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value))
        return otherwise;
    return number > most ? most : number < -most ? -most : number;
}

bool true_at(const json_t *object, const char *member)
{
    return json_is_true(json_object_get(object, member));
}

bool is(const json_t *object, const char *member, const char *text)
{
    return strcmp(text_at(object, member), text) == 0;
}

const json_t *node_named(const struct doctor *doctor, const char *name)
{
    return json_object_get(doctor->nodes, name);
}

bool is_running(const json_t *node, const char *daemon)
{
    return is(json_object_get(node, "daemons"), daemon, "running");
}

const char *why_down(const json_t *node, const char *daemon)
{
    enum { START_MAX_S = 15 };
    const char *state = text_at(json_object_get(node, "daemons"), daemon);
    bool begins =
        !strcmp(state, "starting") && number_at(json_object_get(node, "daemon_age_s"), daemon, 0) < START_MAX_S;

    if (!true_at(node, "on") || !*state || !strcmp(state, "running") || !strcmp(state, "waiting") || begins)
        return NULL;
    return state;
}

bool speaks(const struct doctor *doctor, const char *name)
{
    const json_t *node = node_named(doctor, name);

    return true_at(node, "on") && is_running(node, text_at(json_object_get(node, "bgp"), "daemon"));
}

bool answered(const json_t *probe)
{
    return number_at(probe, "received", 0) > 0;
}

bool has_text(const json_t *list, const char *text)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item)
    {
        if (text && json_is_string(item) && strcmp(json_string_value(item), text) == 0)
            return true;
    }
    return false;
}

char *address_of(void *ctx, const char *prefix)
{
    return talloc_strndup(ctx, prefix, strcspn(prefix, "/"));
}

const json_t *route_to(const json_t *node, const char *host)
{
    const json_t *best = NULL;
    struct vc_prefix prefix, longest = {0};
    struct in_addr address;
    size_t i;
    json_t *route;

    if (!vc_addr_parse(host, &address))
        return NULL;
    json_array_foreach(json_object_get(node, "routes"), i, route)
    {
        if (!vc_prefix_parse(text_at(route, "prefix"), &prefix) || !vc_prefix_contains(prefix, address) ||
            (best && prefix.len <= longest.len))
            continue;
        best = route;
        longest = prefix;
    }
    return best;
}

/* ---- SAs ---- */

static int rank(const json_t *sa)
{
    static const char *const states[] = {"CONNECTING", "REKEYED", "REKEYING", "ESTABLISHED"};

    for (size_t i = VC_COUNT(states); i-- > 0;)
        if (is(sa, "state", states[i]))
            return (int)i + 1;
    return 0;
}

/* An SA of the tunnel by name; one that has none yet (a responder's, before it knows who calls) by the other's address.
 */
static bool is_of(const json_t *sa, const char *tunnel, const char *remote)
{
    return is(sa, "connection", tunnel) || (is(sa, "connection", "(unnamed)") && is(sa, "remote", remote));
}

static const json_t *best_sa(const json_t *sas, const char *tunnel, const char *remote)
{
    const json_t *best = NULL;
    size_t i;
    json_t *sa;

    json_array_foreach(sas, i, sa)
    {
        if (is_of(sa, tunnel, remote) && (!best || rank(sa) > rank(best)))
            best = sa;
    }

    return best;
}

static const json_t *installed(const json_t *sas, const char *tunnel)
{
    const json_t *old = NULL; /* has a successor already, or is to have one */
    size_t i, j;
    json_t *sa, *child;

    json_array_foreach(sas, i, sa)
    {
        json_array_foreach(json_object_get(sa, "children"), j, child)
        {
            if (!is(sa, "connection", tunnel))
                continue;
            if (is(child, "state", "INSTALLED"))
                return child;
            if (is(child, "state", "REKEYING") || is(child, "state", "REKEYED"))
                old = child;
        }
    }

    return old;
}

/* Over all its children, as a rekey may come between. -1: this node's IKE daemon does not count. */
static struct moved packets_of(const json_t *sas, const char *tunnel)
{
    struct moved sum = {-1, -1};
    size_t i, j;
    json_t *sa, *child;

    json_array_foreach(sas, i, sa)
    {
        json_array_foreach(json_object_get(sa, "children"), j, child)
        {
            if (!is(sa, "connection", tunnel) || !json_object_get(child, "packets_in"))
                continue;
            sum.in = (sum.in < 0 ? 0 : sum.in) + number_at(child, "packets_in", 0);
            sum.out = (sum.out < 0 ? 0 : sum.out) + number_at(child, "packets_out", 0);
        }
    }

    return sum;
}

static json_int_t late_of(const json_t *sas, const char *tunnel)
{
    json_int_t sum = -1;
    size_t i, j;
    json_t *sa, *child;

    json_array_foreach(sas, i, sa)
    {
        json_array_foreach(json_object_get(sa, "children"), j, child)
        {
            if (is(sa, "connection", tunnel) && json_object_get(child, "late"))
                sum = (sum < 0 ? 0 : sum) + number_at(child, "late", 0);
        }
    }

    return sum;
}

static struct moved difference(struct moved before, struct moved after)
{
    struct moved none = {-1, -1};

    if (before.in < 0 || after.in < before.in || after.out < before.out)
        return none;
    return (struct moved){after.in - before.in, after.out - before.out};
}

/* Of two numbers of which zero is left out; -1: they were not read before, or have begun anew meanwhile. */
static json_int_t moved_by(const json_t *before, const json_t *after, const char *member)
{
    json_int_t was = number_at(before, member, 0), is_now = number_at(after, member, 0);

    return json_is_object(before) && is_now >= was ? is_now - was : -1;
}

json_int_t counted(const struct view *v, enum end end, const char *counter)
{
    return moved_by(json_object_get(v->at[end].before, "counters"), json_object_get(v->at[end].node, "counters"),
                    counter);
}

json_int_t queued(const struct view *v, enum end end, const char *member)
{
    const char *ifname = text_at(v->order, "ifname");

    return moved_by(json_object_get(json_object_get(v->at[end].before, "queues"), ifname),
                    json_object_get(json_object_get(v->at[end].node, "queues"), ifname), member);
}

static struct moved packets_at(const json_t *interface)
{
    return (struct moved){number_at(interface, "packets_in", -1), number_at(interface, "packets_out", -1)};
}

/* ---- the view ---- */

static void look_at_end(const struct doctor *doctor, struct view *v, enum end end)
{
    static const char *const members[] = {[CPE] = "cpe", [HEADEND] = "headend", [ROUTER] = "router"};
    const char *name = text_at(v->order, members[end]), *ifname = text_at(v->order, "ifname");
    const json_t *node = node_named(doctor, name),
                 *before = json_object_get(json_object_get(doctor->evidence, "before"), name);
    const json_t *ike = json_object_get(node, "ike"), *bgp = json_object_get(node, "bgp");
    const json_t *sas = json_object_get(ike, "sas"), *interfaces = json_object_get(node, "interfaces");
    const json_t *addresses = json_object_get(v->order, "address"), *ipsec = json_object_get(v->order, "ipsec");
    VC_AUTO_TALLOC char *peer = address_of(NULL, text_at(addresses, end == CPE ? "cisco" : "cpe"));

    v->at[end].name = name;
    v->at[end].node = node;
    v->at[end].before = before;
    v->at[end].there = true_at(node, "on");
    v->at[end].ike = json_object_get(json_object_get(ike, "configured"), v->name);
    v->at[end].sa = best_sa(sas, v->name, text_at(ipsec, end == CPE ? "cisco" : "cpe"));
    v->at[end].child = installed(sas, v->name);
    v->at[end].woken = v->at[end].sa && json_is_array(json_object_get(before, "sas")) &&
                       !best_sa(json_object_get(before, "sas"), v->name, text_at(ipsec, end == CPE ? "cisco" : "cpe"));
    v->at[end].sa_moved = difference(packets_of(json_object_get(before, "sas"), v->name), packets_of(sas, v->name));
    json_int_t late_before = late_of(json_object_get(before, "sas"), v->name), late = late_of(sas, v->name);
    v->at[end].late = late_before >= 0 && late >= late_before ? late - late_before : -1;
    v->at[end].gre = json_object_get(json_object_get(node, "gre"), v->name);
    v->at[end].interface = json_object_get(interfaces, ifname);
    v->at[end].gre_moved = difference(packets_at(json_object_get(json_object_get(before, "interfaces"), ifname)),
                                      packets_at(v->at[end].interface));
    v->at[end].bgp = json_object_get(json_object_get(bgp, "configured"), v->name);
    v->at[end].neighbor = json_object_get(json_object_get(bgp, "neighbors"), peer);
}

static const json_t *probe(const struct doctor *doctor, const char *kind, const char *tunnel)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(doctor->evidence, "probes"), i, item)
    {
        if (is(item, "kind", kind) && is(item, "tunnel", tunnel))
            return item;
    }

    return NULL;
}

struct view *doctor_views(void *ctx, const struct doctor *doctor, size_t *count)
{
    const json_t *tunnels = json_object_get(doctor->order, "tunnels");
    struct view *views = talloc_zero_array(ctx, struct view, json_array_size(tunnels) + 1);

    *count = json_array_size(tunnels);
    for (size_t i = 0; i < *count; i++) {
        struct view *v = &views[i];
        v->order = json_array_get(tunnels, i);
        v->name = text_at(v->order, "name");
        for (enum end end = CPE; end < END_COUNT; end++)
            look_at_end(doctor, v, end);
        v->underlay = probe(doctor, "underlay", v->name);
        v->ping = probe(doctor, "tunnel", v->name);
        v->large = probe(doctor, "tunnel-mtu", v->name);
    }
    return views;
}
