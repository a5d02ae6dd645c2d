/* The kinds of faults: which members each takes, and what it is called in a sentence. How they are put in is
 * sim/fault's business. */
#include <string.h>

#include "model/configure.h"
#include "model/read.h"
#include "model/scenario.h"

static const char *const daemons[] = {"charon", "pluto", "zebra", "bgpd", "bfdd", "ospfd", "bird", NULL};
static const char *const selectors[] = {"esp", "ike", "gre", "bgp", "bfd", "icmp", "all", NULL};

enum { FAULT_NAME_MAX = 31 };

/* select: a well-known protocol, or udp/PORT, tcp/PORT */
static void read_select(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                        struct vc_sink sink)
{
    static const char *const shown[] = {"esp", "ike", "gre", "bgp", "bfd", "icmp", "all", "udp/PORT", "tcp/PORT"};
    int64_t port;

    if (!vc_schema_is_scalar(reader, doc, "a selector such as esp or udp/500"))
        return;
    bool good = (!strncmp(doc->text, "udp/", 4) || !strncmp(doc->text, "tcp/", 4)) &&
                vc_count_parse(doc->text + 4, 65535, &port) && port > 0;
    for (size_t i = 0; selectors[i] && !good; i++)
        good = !strcmp(selectors[i], doc->text);
    if (good)
        json_object_set_new(sink.object, field->name, json_string(doc->text));
    else
        vc_problem_unknown(reader->problems, doc->mark, "selector", doc->text, VC_NAMES(shown, VC_COUNT(shown)));
}

static const struct vc_field link_down_fields[] = {
    {"link", VC_FIELD_LINK, true},
    {"end", VC_FIELD_NODE},
};
static const struct vc_field drop_fields[] = {
    {"link", VC_FIELD_LINK},
    {"tunnel", VC_FIELD_TUNNEL},
    {"select", VC_FIELD_CUSTOM, true, .read = read_select, .choices = selectors},
    {"direction", VC_FIELD_TEXT, .fallback = "both"},
};
static const struct vc_field daemon_fields[] = {
    {"node", VC_FIELD_NODE, true},
    {"daemon", VC_FIELD_CHOICE, true, .choices = daemons},
};
static const struct vc_field wan_cut_fields[] = {
    {"link", VC_FIELD_LINK},
};
static const struct vc_field node_fields[] = {
    {"node", VC_FIELD_NODE, true},
};

/* Kept as written: the character is read from the checked spec again (vc_wire_of_spec). */
static void read_as_written(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                            struct vc_sink sink)
{
    if (vc_schema_is_scalar(reader, doc, "a value"))
        json_object_set_new(sink.object, field->name, json_string(doc->text));
}

/* Read with the node at hand, in check_misconfigure. */
static void read_later(struct vc_reader *reader VC_UNUSED, const struct vc_field *field VC_UNUSED,
                       const struct vc_doc *doc VC_UNUSED, struct vc_sink sink VC_UNUSED)
{
}

static const struct vc_field misconfigure_fields[] = {
    {"node", VC_FIELD_NODE, true},
    {"configure", VC_FIELD_CUSTOM, true, .read = read_later},
};

#define WIRE(name)                                                                                                     \
    {                                                                                                                  \
        name, VC_FIELD_CUSTOM, .read = read_as_written                                                                 \
    }
static const struct vc_field impair_fields[] = {
    {"link", VC_FIELD_LINK},
    {"tunnel", VC_FIELD_TUNNEL},
    {"toward", VC_FIELD_NODE},
    WIRE("delay"),
    WIRE("jitter"),
    WIRE("loss"),
    WIRE("burst"),
    WIRE("corrupt"),
    WIRE("duplicate"),
    WIRE("reorder"),
    WIRE("rate"),
    WIRE("limit"),
};
#undef WIRE

static const char *member(const json_t *spec, const char *name)
{
    const char *text = json_string_value(json_object_get(spec, name));

    return text ? text : "";
}

/* A member must name one of two nodes (the ends of a wire), or `also`. */
static void check_end(struct vc_reader *reader, const struct vc_doc *doc, const char *key, const json_t *spec,
                      const size_t ends[2], const char *also)
{
    const struct vc_topology *t = reader->topology;
    const char *names[] = {t->nodes[ends[0]].name, t->nodes[ends[1]].name, also};
    struct vc_names allowed = VC_NAMES(names, also ? 3 : 2);

    if (vc_names_find(allowed, member(spec, key)) == VC_NONE)
        vc_problem_unknown(reader->problems, vc_doc_mark(doc, (const char *[]){key, NULL}), key, member(spec, key),
                           allowed);
}

static void check_link_down(struct vc_reader *reader, const struct vc_doc *doc, json_t *spec)
{
    const struct vc_topology *t = reader->topology;
    const struct vc_link *link = &t->links[vc_topology_link(t, member(spec, "link"))];

    if (!json_object_get(spec, "end"))
        json_object_set_new(spec, "end", json_string(t->nodes[link->end[0].node].name));
    check_end(reader, doc, "end", spec, (size_t[]){link->end[0].node, link->end[1].node}, NULL);
}

/* The nodes at the ends of the link or tunnel, of which the fault has one. */
static bool find_ends(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec, size_t ends[2])
{
    const struct vc_topology *t = reader->topology;
    size_t link = vc_topology_link(t, member(spec, "link")), tunnel = vc_topology_tunnel(t, member(spec, "tunnel"));

    if ((link == VC_NONE) == (tunnel == VC_NONE)) {
        vc_problem(reader->problems, doc->mark, "found %s with %s; allowed: either link or tunnel",
                   member(spec, "kind"), link == VC_NONE ? "neither link nor tunnel" : "link and tunnel");
        return false;
    }
    for (size_t e = 0; link != VC_NONE && e < 2; e++)
        ends[e] = t->links[link].end[e].node;
    if (tunnel != VC_NONE) {
        ends[0] = t->tunnels[tunnel].cpe;
        ends[1] = t->dcs[t->tunnels[tunnel].dc].router;
    }
    return true;
}

static void check_drop(struct vc_reader *reader, const struct vc_doc *doc, json_t *spec)
{
    size_t ends[2];

    if (find_ends(reader, doc, spec, ends))
        check_end(reader, doc, "direction", spec, ends, "both");
}

static void check_impair(struct vc_reader *reader, const struct vc_doc *doc, json_t *spec)
{
    struct vc_wire wire = {0};
    size_t ends[2];

    if (find_ends(reader, doc, spec, ends) && json_object_get(spec, "toward"))
        check_end(reader, doc, "toward", spec, ends, NULL);
    if (vc_wire_read(reader, doc, "an impair fault", &wire) == 0 && vc_wire_is_perfect(&wire))
        vc_problem(reader->problems, doc->mark,
                   "found impair without what is wrong with the wire; allowed: one or more of delay, jitter, loss, "
                   "burst, corrupt, duplicate, reorder, rate, limit");
}

static void check_wan_cut(struct vc_reader *reader, const struct vc_doc *doc, json_t *spec)
{
    const struct vc_topology *t = reader->topology;
    const struct vc_doc *link = vc_doc_member(doc, "link");
    VC_AUTO_TALLOC const char **wans = talloc_zero_array(NULL, const char *, t->link_count + 1);
    struct vc_names names = VC_NAMES(wans, 0);

    for (size_t i = 0; i < t->link_count; i++)
        if (vc_link_is_wan(t, i))
            wans[names.count++] = t->links[i].name;
    if (!names.count)
        vc_problem(reader->problems, doc->mark,
                   "found wan-cut in topology %s; allowed: where a link joins two DC routers", t->name);
    else if (link && vc_names_find(names, member(spec, "link")) == VC_NONE)
        vc_problem_unknown(reader->problems, link->mark, "link between two DC routers", member(spec, "link"), names);
}

static void check_misconfigure(struct vc_reader *reader, const struct vc_doc *doc, json_t *spec)
{
    const struct vc_doc *knobs = vc_doc_member(doc, "configure");
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    size_t node = vc_topology_node(reader->topology, member(spec, "node"));
    struct vc_configure *configure =
        vc_schema_is_map(reader, knobs, "configure") ? vc_configure_read_node(scratch, reader, knobs, node) : NULL;

    if (configure)
        json_object_set(spec, "configure", configure->knobs);
}

static char *text_link_down(void *ctx, const json_t *spec)
{
    return talloc_asprintf(ctx, "shut %s at %s", member(spec, "link"), member(spec, "end"));
}

static char *text_drop(void *ctx, const json_t *spec)
{
    bool tunnel = json_object_get(spec, "tunnel"), both = !strcmp(member(spec, "direction"), "both");

    return talloc_asprintf(ctx, "drop %s %s %s, %s%s", member(spec, "select"), tunnel ? "in tunnel" : "on",
                           member(spec, tunnel ? "tunnel" : "link"), both ? "both directions" : "towards ",
                           both ? "" : member(spec, "direction"));
}

static char *text_impair(void *ctx, const json_t *spec)
{
    bool tunnel = json_object_get(spec, "tunnel"), one_way = json_object_get(spec, "toward");
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_wire wire;

    vc_wire_of_spec(spec, &wire);
    return talloc_asprintf(ctx, "%s %s has %s, %s%s", tunnel ? "tunnel" : "wire",
                           member(spec, tunnel ? "tunnel" : "link"), vc_wire_text(scratch, &wire),
                           one_way ? "towards " : "both directions", member(spec, "toward"));
}

static char *text_daemon(void *ctx, const json_t *spec)
{
    return talloc_asprintf(ctx, "%s %s on %s", member(spec, "kind") + strlen("daemon-"), member(spec, "daemon"),
                           member(spec, "node"));
}

static char *text_power_off(void *ctx, const json_t *spec)
{
    return talloc_asprintf(ctx, "power off %s", member(spec, "node"));
}

static char *text_misconfigure(void *ctx, const json_t *spec)
{
    char *text = talloc_asprintf(ctx, "%s starts anew with", member(spec, "node"));
    const char *knob;
    json_t *value;
    size_t count = 0;

    json_object_foreach(json_object_get(spec, "configure"), knob, value)
    {
        if (strcmp(knob, "tunnel") != 0)
            text = talloc_asprintf_append(text, "%s %s", count++ ? "," : " another", knob);
    }
    return text;
}

static char *text_wan_cut(void *ctx, const json_t *spec)
{
    return json_object_get(spec, "link") ? talloc_asprintf(ctx, "cut %s between two DCs", member(spec, "link"))
                                         : talloc_strdup(ctx, "cut the WAN between the DCs");
}

#define MEMBERS(table) .fields = table, .field_count = VC_COUNT(table)
static const struct fault_kind {
    const char *name, *effect;
    const struct vc_field *fields;
    size_t field_count;
    void (*check)(struct vc_reader *reader, const struct vc_doc *doc,
                  json_t *spec); /* members together; fills defaults */
    char *(*text)(void *ctx, const json_t *spec);
    bool ends_itself;
} kinds[] = {
    {"link-down", "one end of the link is shut", MEMBERS(link_down_fields), check_link_down, text_link_down},
    {"drop", "matching packets vanish silently", MEMBERS(drop_fields), check_drop, text_drop},
    {"impair", "the wire has another character until it is healed", MEMBERS(impair_fields), check_impair, text_impair},
    {"daemon-kill", "SIGKILL; the node's links stay; heal: started again", MEMBERS(daemon_fields), NULL, text_daemon},
    {"daemon-pause", "SIGSTOP; heal: SIGCONT", MEMBERS(daemon_fields), NULL, text_daemon},
    {"daemon-restart", "killed and started again; nothing to heal", MEMBERS(daemon_fields), NULL, text_daemon, true},
    {"power-off", "everything in the node is gone, neighbours lose carrier; heal: power on", MEMBERS(node_fields), NULL,
     text_power_off},
    {"misconfigure", "the node starts anew, configured otherwise; heal: anew as it should be",
     MEMBERS(misconfigure_fields), check_misconfigure, text_misconfigure},
    {"wan-cut", "every link between two DC routers is shut, or that one", MEMBERS(wan_cut_fields), check_wan_cut,
     text_wan_cut},
};

static const struct fault_kind *find_kind(const char *name)
{
    size_t i = vc_names_find(VC_NAMES(kinds, VC_COUNT(kinds)), name);

    return i == VC_NONE ? NULL : &kinds[i];
}

bool vc_fault_ends_itself(const char *kind)
{
    const struct fault_kind *k = find_kind(kind);

    return k && k->ends_itself;
}

static void read_kind_name(struct vc_reader *reader VC_UNUSED, const struct vc_field *field, const struct vc_doc *doc,
                           struct vc_sink sink)
{
    json_object_set_new(sink.object, field->name,
                        json_string(doc->text)); /* found before, or there would be no table to read by */
}

json_t *vc_fault_read(struct vc_reader *reader, const struct vc_doc *doc, bool need_name)
{
    const struct vc_doc *kind_doc = vc_doc_member(doc, "kind");

    if (!vc_schema_is_map(reader, doc, "a fault"))
        return NULL;
    if (!kind_doc || kind_doc->type != VC_DOC_SCALAR) {
        vc_problem(reader->problems, kind_doc ? kind_doc->mark : doc->mark,
                   "found a fault without \"kind\"; allowed: kind is required");
        return NULL;
    }
    const struct fault_kind *kind = find_kind(kind_doc->text);
    if (!kind) {
        vc_problem_unknown(reader->problems, kind_doc->mark, "kind of fault", kind_doc->text,
                           VC_NAMES(kinds, VC_COUNT(kinds)));
        return NULL;
    }
    struct vc_field fields[2 + VC_COUNT(impair_fields)] = {
        /* impair has the most */
        {"name", VC_FIELD_NAME, need_name, .max = FAULT_NAME_MAX},
        {"kind", VC_FIELD_CUSTOM, .read = read_kind_name},
    };
    if (kind->field_count)
        memcpy(fields + 2, kind->fields, kind->field_count * sizeof *fields);
    VC_AUTO_JSON *spec = json_object();
    size_t before = vc_problems_count(reader->problems);
    VC_AUTO_TALLOC char *what = talloc_asprintf(NULL, "a %s fault", kind->name);
    if (vc_schema_read(reader, doc, what, fields, 2 + kind->field_count, (struct vc_sink){.object = spec}) < 0)
        return NULL;
    if (kind->check)
        kind->check(reader, doc, spec);
    if (vc_problems_count(reader->problems) != before)
        return NULL;
    VC_AUTO_TALLOC char *text = kind->text(NULL, spec);
    json_object_set_new(spec, "text", json_string(text));
    return VC_STEAL_PTR(spec);
}

int vc_fault_spec_check(const struct vc_topology *topology, json_t *spec, struct vc_mark mark, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_topology *copy = talloc_memdup(
        scratch, topology, sizeof *topology); /* the reader's pointer is for building; nothing is written */
    struct vc_reader reader = {.tree = scratch, .problems = vc_problems_new(scratch), .topology = copy};

    json_object_del(spec, "text"); /* a spec that was checked before may be checked again */
    VC_AUTO_JSON *checked = vc_fault_read(&reader, vc_doc_from_json(scratch, NULL, spec, mark), false);
    if (vc_problems_finish(reader.problems, err) < 0)
        return -1;
    json_object_clear(spec);
    json_object_update(spec, checked);
    return 0;
}

static const char *const type_names[] = {
    [VC_FIELD_CUSTOM] = "selector", [VC_FIELD_TEXT] = "direction",  [VC_FIELD_CHOICE] = "daemon",
    [VC_FIELD_NODE] = "node",       [VC_FIELD_LINK] = "link",       [VC_FIELD_TUNNEL] = "tunnel",
    [VC_FIELD_COUNT] = "number",    [VC_FIELD_PERCENT] = "percent", [VC_FIELD_DURATION] = "duration",
};

static const char *type_name(const struct vc_field *field)
{
    const struct vc_field *wire = field->read == read_as_written ? vc_wire_field(field->name) : NULL;

    if (field->read == read_later)
        return "knobs";
    return type_names[wire ? wire->type : field->type];
}

static json_t *catalogue_member(const struct vc_field *field)
{
    json_t *entry =
        json_pack("{s:s, s:s, s:b}", "name", field->name, "type", type_name(field), "required", field->required);

    if (field->fallback)
        json_object_set_new(entry, "default", json_string(field->fallback));
    if (field->choices) {
        json_t *allowed = json_array();

        for (size_t i = 0; field->choices[i]; i++)
            json_array_append_new(allowed, json_string(field->choices[i]));
        if (field->choices == selectors) {
            json_array_append_new(allowed, json_string("udp/PORT"));
            json_array_append_new(allowed, json_string("tcp/PORT"));
        }
        json_object_set_new(entry, "allowed", allowed);
    }
    return entry;
}

json_t *vc_fault_catalogue(void)
{
    json_t *catalogue = json_array();

    for (size_t i = 0; i < VC_COUNT(kinds); i++) {
        json_t *members = json_array();

        for (size_t j = 0; j < kinds[i].field_count; j++)
            json_array_append_new(members, catalogue_member(&kinds[i].fields[j]));
        json_array_append_new(catalogue, json_pack("{s:s, s:s, s:o}", "kind", kinds[i].name, "effect", kinds[i].effect,
                                                   "members", members));
    }
    return catalogue;
}
