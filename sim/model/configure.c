/* Reading `configure`: which node has which knobs. */
#include "model/configure.h"

#include <string.h>

static unsigned roles_of(const struct vc_topology *t, size_t node)
{
    unsigned roles = 0;

    for (size_t i = 0; i < t->tunnel_count; i++)
        roles |= t->tunnels[i].cpe == node ? VC_KNOB_CPE : 0;
    for (size_t i = 0; i < t->dc_count; i++)
        roles |= (t->dcs[i].headend == node ? VC_KNOB_HEADEND : 0) | (t->dcs[i].router == node ? VC_KNOB_ROUTER : 0);
    return roles;
}

static bool ends_tunnel(const struct vc_topology *t, size_t node, size_t tunnel)
{
    const struct vc_dc *dc = &t->dcs[t->tunnels[tunnel].dc];

    return t->tunnels[tunnel].cpe == node || dc->headend == node || dc->router == node;
}

static int drop_knobs(struct vc_configure *configure)
{
    json_decref(configure->knobs);
    return 0;
}

/* `tunnels` is read when the node's roles are known (read_tunnels). */
static void keep_place(struct vc_reader *reader VC_UNUSED, const struct vc_field *field,
                       const struct vc_doc *doc VC_UNUSED, struct vc_sink sink)
{
    json_object_set_new(sink.object, field->name, json_object());
}

static void check_tunnel(struct vc_reader *reader, const struct vc_doc *doc, size_t node, size_t tunnel)
{
    const struct vc_topology *t = reader->topology;
    struct vc_mark mark = vc_doc_mark(doc, (const char *[]){"tunnel", NULL});
    size_t count;
    const struct vc_knob *knobs = vc_knobs(&count);

    if (!ends_tunnel(t, node, tunnel))
        vc_problem(reader->problems, mark, "found tunnel %s, which does not end at %s; allowed: a tunnel of the node",
                   t->tunnels[tunnel].name, t->nodes[node].name);
    for (size_t i = 0; i < count; i++)
        if (knobs[i].whole_node && vc_doc_member(doc, knobs[i].field.name))
            vc_problem(reader->problems, mark, "found tunnel beside %s, which counts for the whole node; allowed: one",
                       knobs[i].field.name);
}

/* Reads one mapping of knobs: of a node of these roles, or of one of its tunnels. 0, or -1 with problems. */
static int read_knobs(struct vc_reader *reader, const struct vc_doc *doc, const char *what, unsigned roles, bool tunnel,
                      json_t *out)
{
    size_t all, count = 0;
    const struct vc_knob *knobs = vc_knobs(&all);
    VC_AUTO_TALLOC struct vc_field *fields = talloc_zero_array(NULL, struct vc_field, all + 2);

    for (size_t i = 0; i < all; i++)
        if ((knobs[i].roles & roles) && !(tunnel && knobs[i].whole_node))
            fields[count++] = knobs[i].field;
    if (!tunnel) {
        fields[count++] = (struct vc_field){"tunnel", VC_FIELD_TUNNEL};
        fields[count++] = (struct vc_field){"tunnels", VC_FIELD_CUSTOM, .read = keep_place};
    }
    return vc_schema_read(reader, doc, what, fields, count, (struct vc_sink){.object = out});
}

/* {TUNNEL: {KNOB: VALUE, …}, …}: knobs that count for one tunnel each. */
static void read_tunnels(struct vc_reader *reader, const struct vc_doc *doc, unsigned roles, json_t *tunnels)
{
    const struct vc_topology *t = reader->topology;

    if (!vc_schema_is_map(reader, doc, "tunnels"))
        return;
    for (size_t i = 0; i < doc->count; i++) {
        const struct vc_doc *item = doc->items[i];
        json_t *own = json_object();

        json_object_set_new(tunnels, item->key, own);
        if (vc_topology_tunnel(t, item->key) == VC_NONE)
            vc_problem_unknown(reader->problems, item->key_mark, "tunnel", item->key,
                               VC_NAMES(t->tunnels, t->tunnel_count));
        else
            read_knobs(reader, item, "what one tunnel has otherwise", roles, true, own);
    }
}

static void check_tunnels(struct vc_reader *reader, const struct vc_doc *doc, size_t node)
{
    const struct vc_topology *t = reader->topology;
    const struct vc_doc *tunnels = vc_doc_member(doc, "tunnels");

    for (size_t i = 0; tunnels && i < tunnels->count; i++)
        if (!ends_tunnel(t, node, vc_topology_tunnel(t, tunnels->items[i]->key)))
            vc_problem(reader->problems, tunnels->items[i]->key_mark,
                       "found tunnel %s, which does not end at %s; allowed: a tunnel of the node",
                       tunnels->items[i]->key, t->nodes[node].name);
}

struct vc_configure *vc_configure_read_node(void *ctx, struct vc_reader *reader, const struct vc_doc *doc, size_t node)
{
    const struct vc_topology *t = reader->topology;
    const struct vc_doc *tunnels = vc_doc_member(doc, "tunnels");
    unsigned roles = roles_of(t, node);
    VC_AUTO_TALLOC char *what = talloc_asprintf(NULL, "what %s has otherwise", t->nodes[node].name);
    struct vc_configure *configure = talloc_zero(ctx, struct vc_configure);

    configure->knobs = json_object();
    configure->tunnel = VC_NONE;
    talloc_set_destructor(configure, drop_knobs);
    if (!roles) {
        vc_problem(reader->problems, doc->key_mark,
                   "found node %s, which ends no tunnel; allowed: a CPE, a headend or "
                   "a DC router",
                   t->nodes[node].name);
        return NULL;
    }
    /* It may be empty: a bundle leaves secrets out, and they may be all that there was. */
    size_t before = vc_problems_count(reader->problems);
    read_knobs(reader, doc, what, roles, false, configure->knobs);
    if (tunnels)
        read_tunnels(reader, tunnels, roles, json_object_get(configure->knobs, "tunnels"));
    if (vc_problems_count(reader->problems) > before)
        return NULL;
    const char *tunnel = json_string_value(json_object_get(configure->knobs, "tunnel"));
    if (tunnel) {
        configure->tunnel = vc_topology_tunnel(t, tunnel);
        check_tunnel(reader, doc, node, configure->tunnel);
    }
    check_tunnels(reader, doc, node);
    return configure;
}

static void read_node(struct vc_reader *reader, const struct vc_doc *doc, size_t node)
{
    struct vc_node *of = &reader->topology->nodes[node];
    struct vc_configure *configure = vc_configure_read_node(reader->topology, reader, doc, node);

    if (!configure)
        return;
    talloc_free(of->configure);
    of->configure = configure;
}

struct vc_configure *vc_configure_of_json(void *ctx, const struct vc_topology *topology, const json_t *read)
{
    struct vc_configure *configure = talloc_zero(ctx, struct vc_configure);
    const char *tunnel = json_string_value(json_object_get(read, "tunnel"));

    configure->knobs = json_deep_copy(read);
    configure->tunnel = tunnel ? vc_topology_tunnel(topology, tunnel) : VC_NONE;
    talloc_set_destructor(configure, drop_knobs);
    return configure;
}

void vc_configure_read(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                       struct vc_sink sink VC_UNUSED)
{
    const struct vc_topology *t = reader->topology;

    if (!t || !vc_schema_is_map(reader, doc, "configure"))
        return;
    for (size_t i = 0; i < doc->count; i++) {
        size_t node = vc_topology_node(t, doc->items[i]->key);

        if (node == VC_NONE)
            vc_problem_unknown(reader->problems, doc->items[i]->key_mark, "node", doc->items[i]->key,
                               VC_NAMES(t->nodes, t->node_count));
        else
            read_node(reader, doc->items[i], node);
    }
}

static const json_t *of_tunnel(const struct vc_configure *configure, const char *tunnel)
{
    return json_object_get(json_object_get(configure->knobs, "tunnels"), tunnel);
}

const json_t *vc_configured(const struct vc_topology *topology, size_t node, size_t tunnel, const char *member)
{
    const struct vc_configure *configure = topology->nodes[node].configure;
    const json_t *own = NULL;

    if (configure && tunnel != VC_NONE)
        own = json_object_get(of_tunnel(configure, topology->tunnels[tunnel].name), member);
    if (own || !configure)
        return own;
    return configure->tunnel == VC_NONE || configure->tunnel == tunnel ? json_object_get(configure->knobs, member)
                                                                       : NULL;
}

bool vc_configured_apart(const struct vc_topology *topology, size_t node, size_t tunnel)
{
    const struct vc_configure *configure = topology->nodes[node].configure;

    return configure && (configure->tunnel == tunnel || of_tunnel(configure, topology->tunnels[tunnel].name));
}

char *vc_configure_refusal(void *ctx, const struct vc_topology *topology, size_t node, const char *knob,
                           const json_t *value)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    VC_AUTO_JSON *knobs = json_pack("{s:O}", knob, value);
    VC_AUTO_ERROR *err = NULL;
    /* nothing of the topology is written: only its names are looked up */
    struct vc_reader reader = {
        .tree = scratch, .problems = vc_problems_new(scratch), .topology = (struct vc_topology *)(uintptr_t)topology};
    const struct vc_doc *doc =
        vc_doc_from_json(scratch, "", knobs, (struct vc_mark){.file = "-", .line = 1, .column = 1});

    vc_configure_read_node(scratch, &reader, doc, node);
    if (vc_problems_finish(reader.problems, &err) == 0)
        return NULL;
    const char *text = strstr(err->message, "found ");
    text = text ? text : err->message;
    return talloc_strndup(ctx, text, strcspn(text, "\n"));
}
