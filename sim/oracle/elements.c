/* What can fail in a topology: nodes with their daemons, links with their ends, and packets of one kind. */
#include <string.h>

#include "model/scenario.h"
#include "oracle/private.h"

static const json_t *named(const json_t *list, const char *key, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!strcmp(json_string_value(json_object_get(json_array_get(list, i), key)), name))
            return json_array_get(list, i);
    return NULL;
}

/* The fault table is asked, so that an element is always a fault that can be put in. */
static bool can_be_killed(const json_t *catalogue, const char *daemon)
{
    const json_t *members = json_object_get(named(catalogue, "kind", "daemon-kill"), "members");
    const json_t *allowed = json_object_get(named(members, "name", "daemon"), "allowed");

    for (size_t i = 0; i < json_array_size(allowed); i++)
        if (!strcmp(json_string_value(json_array_get(allowed, i)), daemon))
            return true;
    return false;
}

/* Members of a talloc array have no destructors of their own: one for all. */
static int drop_faults(struct element *elements)
{
    for (size_t i = 0; i < talloc_array_length(elements); i++)
        json_decref(elements[i].shown.fault);
    return 0;
}

static struct element *add(struct vc_oracle *oracle, enum vc_element_kind kind, const char *name, json_t *fault)
{
    struct element *element = &oracle->elements[oracle->element_count++];

    *element = (struct element){
        {kind, name, fault}, .node = VC_NONE, .link = VC_NONE, .tunnel = VC_NONE, .select = SELECT_ALL,
    };
    return element;
}

static bool bfd_on(const struct vc_oracle *oracle)
{
    return oracle->timers->bfd_interval_ms != 0;
}

static void add_node(struct vc_oracle *oracle, size_t node, const json_t *catalogue)
{
    const char *name = oracle->topology->nodes[node].name;
    unsigned daemons = oracle->roles[node]->daemons;

    if (oracle->roles[node]->is_host)
        return; /* what is lost with an end point is its own reachability */
    add(oracle, VC_ELEMENT_NODE, talloc_asprintf(oracle, "node/%s", name),
        json_pack("{s:s, s:s}", "kind", "power-off", "node", name))
        ->node = node;
    for (enum daemon d = 0; d < DAEMON_COUNT; d++) {
        if (!(daemons & BIT(d)) || (d == DAEMON_BFDD && !bfd_on(oracle)) || !can_be_killed(catalogue, daemon_names[d]))
            continue;
        struct element *element =
            add(oracle, VC_ELEMENT_DAEMON, talloc_asprintf(oracle, "daemon/%s/%s", name, daemon_names[d]),
                json_pack("{s:s, s:s, s:s}", "kind", "daemon-kill", "node", name, "daemon", daemon_names[d]));
        element->node = node;
        element->daemon = d;
    }
}

static json_t *drop(const char *select, const char *where, const char *name)
{
    return json_pack("{s:s, s:s, s:s}", "kind", "drop", "select", select, where, name);
}

static void add_link_drop(struct vc_oracle *oracle, size_t link, enum select select)
{
    const char *name = oracle->topology->links[link].name;
    struct element *element =
        add(oracle, VC_ELEMENT_DROP, talloc_asprintf(oracle, "drop/%s/%s", select_names[select], name),
            drop(select_names[select], "link", name));

    element->link = link;
    element->select = select;
}

static bool on_way(const struct way *way, size_t link)
{
    for (size_t i = 0; i < way->count; i++)
        if (way->links[i] == link)
            return true;
    return false;
}

/* What crosses the link that a drop can select, beside the payload. */
static unsigned carried(const struct vc_oracle *oracle, size_t link)
{
    unsigned selects = 0;

    for (size_t i = 0; i < oracle->topology->tunnel_count; i++) {
        const struct tunnel *tunnel = &oracle->tunnels[i];
        if (on_way(&tunnel->underlay, link))
            selects |= BIT(SELECT_IKE) | (tunnel->translated ? 0 : BIT(SELECT_ESP));
        if (on_way(&tunnel->core, link))
            selects |= BIT(SELECT_GRE);
    }
    for (size_t i = 0; i < oracle->session_count; i++)
        if (oracle->sessions[i].link == link)
            selects |= BIT(SELECT_BGP);
    return selects;
}

static void add_link(struct vc_oracle *oracle, size_t link)
{
    const struct vc_topology *t = oracle->topology;
    const char *name = t->links[link].name;
    unsigned selects = carried(oracle, link);

    add(oracle, VC_ELEMENT_LINK, talloc_asprintf(oracle, "link/%s", name), drop("all", "link", name))->link = link;
    for (unsigned e = 0; e < 2; e++) {
        const char *node = t->nodes[t->links[link].end[e].node].name;
        struct element *element = add(oracle, VC_ELEMENT_END, talloc_asprintf(oracle, "end/%s/%s", name, node),
                                      json_pack("{s:s, s:s, s:s}", "kind", "link-down", "link", name, "end", node));
        element->link = link;
        element->end = e;
    }
    for (enum select s = 0; s < SELECT_COUNT; s++)
        if (selects & BIT(s))
            add_link_drop(oracle, link, s);
}

/* Without BFD's packets FRR refuses the session and BIRD does not: between the two it depends on who missed them first
 * whether it comes back. So nothing can be asked about that. */
static bool bfd_is_judged(const struct vc_oracle *oracle, size_t tunnel)
{
    const struct vc_tunnel *t = &oracle->topology->tunnels[tunnel];
    size_t router = oracle->topology->dcs[t->dc].router;

    return bfd_on(oracle) && oracle->roles[t->cpe]->daemons & oracle->roles[router]->daemons & BIT(DAEMON_BFDD);
}

static void add_tunnel(struct vc_oracle *oracle, size_t tunnel)
{
    static const enum select inside[] = {SELECT_BGP, SELECT_BFD};
    const struct vc_topology *t = oracle->topology;
    const char *name = t->tunnels[tunnel].name;
    /* A link may have a tunnel's name; an interface may not. */
    const char *prefix = vc_topology_link(t, name) == VC_NONE ? "" : "gre-";

    for (size_t i = 0; i < VC_COUNT(inside); i++) {
        if (inside[i] == SELECT_BFD && !bfd_is_judged(oracle, tunnel))
            continue;
        struct element *element =
            add(oracle, VC_ELEMENT_DROP, talloc_asprintf(oracle, "drop/%s/%s%s", select_names[inside[i]], prefix, name),
                drop(select_names[inside[i]], "tunnel", name));
        element->tunnel = tunnel;
        element->select = inside[i];
    }
}

void oracle_elements(struct vc_oracle *oracle)
{
    const struct vc_topology *t = oracle->topology;
    VC_AUTO_JSON *catalogue = vc_fault_catalogue();
    size_t most =
        t->node_count * (1 + DAEMON_COUNT) + t->link_count * (3 + SELECT_COUNT) + t->tunnel_count * SELECT_COUNT;

    oracle->elements = talloc_zero_array(oracle, struct element, most);
    for (size_t i = 0; i < t->node_count; i++)
        add_node(oracle, i, catalogue);
    for (size_t i = 0; i < t->link_count; i++)
        add_link(oracle, i);
    for (size_t i = 0; i < t->tunnel_count; i++)
        add_tunnel(oracle, i);
    talloc_set_destructor(oracle->elements, drop_faults);
}
