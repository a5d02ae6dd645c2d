/* Reads a scenario: its head by a table; its steps in steps.c. */
#include "model/scenario.h"

#include <string.h>

#include "model/configure.h"
#include "model/files.h"
#include "model/requirements.h"
#include "model/steps.h"

enum { SCENARIO_NAME_MAX = 63, FLOW_NAME_MAX = 31 };

static int drop_specs(struct vc_scenario *scenario)
{
    for (size_t i = 0; i < scenario->step_count; i++)
        json_decref(scenario->steps[i].spec);
    return 0;
}

/* topologies_dir/NAME.yaml; or a path, beside the scenario's file unless absolute. */
static char *topology_path(void *ctx, const struct scenario_reader *r, const char *name)
{
    const char *file = r->scenario->file, *slash = strrchr(file, '/');

    if (!strchr(name, '/') && !strstr(name, ".yaml"))
        return talloc_asprintf(ctx, "%s/%s.yaml", r->topologies_dir, name);
    if (name[0] == '/' || !slash)
        return talloc_strdup(ctx, name);
    return talloc_asprintf(ctx, "%.*s/%s", (int)(slash - file), file, name);
}

static void read_topology(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                          struct vc_sink sink VC_UNUSED)
{
    struct scenario_reader *r = (struct scenario_reader *)reader;

    if (!vc_schema_is_scalar(reader, doc, "a topology's name"))
        return;
    VC_AUTO_TALLOC char *path = topology_path(NULL, r, doc->text);
    if (access(path, F_OK) < 0) {
        VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
        vc_problem_unknown(reader->problems, doc->mark, "topology", doc->text,
                           vc_documents(scratch, r->topologies_dir));
        return;
    }
    r->scenario->topology = vc_topology_load(r->scenario, path, r->kinds_dir, &r->topology_error);
    reader->topology = r->scenario->topology;
}

/* Characters that links have in this scenario, instead of the topology's: the topology was read for it alone. */
static void read_wires(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                       struct vc_sink sink VC_UNUSED)
{
    struct vc_topology *t = reader->topology;

    if (!t || !vc_schema_is_map(reader, doc, "the wires"))
        return;
    for (size_t i = 0; i < doc->count; i++) {
        const struct vc_doc *item = doc->items[i];
        size_t link = vc_topology_link(t, item->key);
        struct vc_wire wire = {0};

        if (link == VC_NONE)
            vc_problem_unknown(reader->problems, item->key_mark, "link", item->key, VC_NAMES(t->links, t->link_count));
        else if (vc_schema_read(reader, item, "a wire", vc_wire_fields, VC_WIRE_FIELD_COUNT,
                                (struct vc_sink){.base = &wire}) == 0 &&
                 vc_wire_read(reader, item, "a wire", &wire) == 0) {
            t->links[link].wire = wire;
            ((struct scenario_reader *)reader)->scenario->own_topology = true;
        }
    }
}

/* Nodes that are configured otherwise in this scenario. */
static void read_configure(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                           struct vc_sink sink)
{
    vc_configure_read(reader, field, doc, sink);
    ((struct scenario_reader *)reader)->scenario->own_topology = true;
}

static void read_timers(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                        struct vc_sink sink VC_UNUSED)
{
    struct scenario_reader *r = (struct scenario_reader *)reader;
    const struct vc_topology *t = r->scenario->topology;

    if (!vc_schema_is_scalar(reader, doc, "a timers profile") || !t)
        return;
    r->scenario->timers = vc_topology_timers(t, doc->text);
    if (!r->scenario->timers)
        vc_problem_unknown(reader->problems, doc->mark, "timers profile", doc->text,
                           VC_NAMES(t->timers, t->timers_count));
}

/* "R1", "R40", …; each once. */
static void read_requirement_ids(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                                 const char ***ids, size_t *count)
{
    int64_t number;

    if (doc->type != VC_DOC_LIST) {
        VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, doc);
        vc_problem(reader->problems, doc->mark, "found %s for %s; allowed: a list such as [R1, R40]", found,
                   field->name);
        return;
    }
    *count = 0;
    *ids = talloc_zero_array(reader->tree, const char *, (unsigned)doc->count + 1);
    for (size_t i = 0; i < doc->count; i++) {
        const struct vc_doc *item = doc->items[i];

        if (item->type != VC_DOC_SCALAR || item->text[0] != 'R' ||
            !vc_count_parse(item->text + 1, VC_REQUIREMENT_LAST, &number) || number < 1 ||
            vc_names_find(VC_NAMES(*ids, *count), item->text) != VC_NONE) {
            VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, item);
            vc_problem(reader->problems, item->mark, "found %s; allowed: R1 to R%d, each once", found,
                       VC_REQUIREMENT_LAST);
            continue;
        }
        (*ids)[(*count)++] = talloc_strdup(*ids, item->text);
    }
}

static void read_requirements(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                              struct vc_sink sink)
{
    struct vc_scenario *s = sink.base;

    read_requirement_ids(reader, field, doc, &s->requirements, &s->requirement_count);
}

static void read_fault_of(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                          struct vc_sink sink)
{
    struct vc_scenario *s = sink.base;

    read_requirement_ids(reader, field, doc, &s->fault_of, &s->fault_of_count);
}

#define AT(member) offsetof(struct vc_flow_spec, member)
#define INTERVAL   .min = 5 * VC_NS_PER_MS, .max = 10 * VC_NS_PER_S, .unit = VC_NS_PER_MS
#define MARGIN     .max = 600 * VC_NS_PER_S, .unit = VC_NS_PER_MS
/* charon foretells a rekey to the second, and the kernel's timer may be another one early. */
static const struct vc_field rekey_fields[] = {
    {"interval", VC_FIELD_DURATION, .offset = AT(rekey.interval_ms), INTERVAL, .fallback = "20ms"},
    {"before", VC_FIELD_DURATION, .offset = AT(rekey.before_ms), MARGIN, .fallback = "3s"},
    {"after", VC_FIELD_DURATION, .offset = AT(rekey.after_ms), MARGIN, .fallback = "3s"},
};

static void read_near_rekey(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                            struct vc_sink sink)
{
    vc_schema_read(reader, doc, "rekey", rekey_fields, VC_COUNT(rekey_fields), sink);
}

static const struct vc_field change_fields[] = {
    {"interval", VC_FIELD_DURATION, .offset = AT(change.interval_ms), INTERVAL, .fallback = "20ms"},
    {"after", VC_FIELD_DURATION, .offset = AT(change.after_ms), MARGIN, .fallback = "2s"},
};

static void read_near_change(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                             struct vc_sink sink)
{
    vc_schema_read(reader, doc, "change", change_fields, VC_COUNT(change_fields), sink);
}

static const struct vc_field near_fields[] = {
    {"rekey", VC_FIELD_CUSTOM, .read = read_near_rekey},
    {"change", VC_FIELD_CUSTOM, .read = read_near_change},
};

static void read_near(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                      struct vc_sink sink)
{
    const struct vc_flow_spec *flow = sink.base;

    if (!vc_schema_read(reader, doc, "near", near_fields, VC_COUNT(near_fields), sink) && !flow->rekey.interval_ms &&
        !flow->change.interval_ms)
        vc_problem(reader->problems, doc->mark, "found near without rekey or change; allowed: one of them or both");
}

static const struct vc_field flow_fields[] = {
    {"from", VC_FIELD_NODE, true, AT(from)},
    {"to", VC_FIELD_NODE, true, AT(to)},
    {"interval", VC_FIELD_DURATION, .offset = AT(interval_ms), INTERVAL, .fallback = "20ms"},
    {"near", VC_FIELD_CUSTOM, .read = read_near},
};
#undef AT

static void check_near(struct vc_reader *reader, const struct vc_doc *doc, const char *what,
                       const struct vc_flow_near *near, unsigned interval_ms)
{
    if (near->interval_ms > interval_ms)
        vc_problem(reader->problems, vc_doc_mark(doc, (const char *[]){"near", what, "interval", NULL}),
                   "found a longer interval near a %s (%u ms) than elsewhere (%u ms); allowed: a shorter one", what,
                   near->interval_ms, interval_ms);
}

static void check_flow(struct vc_reader *reader, const struct vc_doc *doc, const struct vc_flow_spec *flow)
{
    const size_t ends[] = {flow->from, flow->to};
    static const char *const keys[] = {"from", "to"};

    if (flow->from != VC_NONE && flow->from == flow->to)
        vc_problem(reader->problems, doc->mark, "found a flow from %s to itself; allowed: two nodes",
                   reader->topology->nodes[flow->to].name);
    check_near(reader, doc, "rekey", &flow->rekey, flow->interval_ms);
    check_near(reader, doc, "change", &flow->change, flow->interval_ms);
    for (size_t e = 0; e < 2; e++) {
        VC_AUTO_TALLOC void *scratch = talloc_new(NULL);

        if (ends[e] != VC_NONE && !vc_node_interfaces(scratch, reader->topology, ends[e]).count)
            vc_problem(reader->problems, vc_doc_mark(doc, (const char *[]){keys[e], NULL}),
                       "found node %s, which no link reaches; allowed: a node with a link",
                       reader->topology->nodes[ends[e]].name);
    }
}

static void read_flows(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                       struct vc_sink sink)
{
    struct vc_scenario *s = sink.base;

    if (!reader->topology || !vc_schema_is_map(reader, doc, "the flows"))
        return;
    s->flows = talloc_zero_array(s, struct vc_flow_spec, (unsigned)doc->count);
    s->flow_count = doc->count;
    for (size_t i = 0; i < doc->count; i++) {
        const struct vc_doc *item = doc->items[i];
        struct vc_flow_spec *flow = &s->flows[i];

        *flow = (struct vc_flow_spec){
            .name = talloc_strdup(s, item->key), .from = VC_NONE, .to = VC_NONE, .mark = item->key_mark};
        vc_schema_name(reader, item->key_mark, "flow", item->key, FLOW_NAME_MAX);
        if (vc_schema_read(reader, item, "a flow", flow_fields, VC_COUNT(flow_fields),
                           (struct vc_sink){.base = flow}) == 0)
            check_flow(reader, item, flow);
    }
}

/* Those of the invariants that say what the network does; that faults are proved is the lab's own business. */
static void read_violates(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                          struct vc_sink sink)
{
    static const char *const names[] = {"clear-traffic", "active-active-paths", "route-policy", "no-loop"};
    struct vc_scenario *s = sink.base;

    if (doc->type != VC_DOC_LIST) {
        VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, doc);
        vc_problem(reader->problems, doc->mark, "found %s for violates; allowed: a list such as [no-loop]", found);
        return;
    }
    s->violates_count = 0;
    s->violates = talloc_zero_array(reader->tree, const char *, (unsigned)doc->count + 1);
    for (size_t i = 0; i < doc->count; i++) {
        const struct vc_doc *item = doc->items[i];
        const char *text = item->type == VC_DOC_SCALAR ? item->text : "";

        if (vc_names_find(VC_NAMES(names, VC_COUNT(names)), text) == VC_NONE)
            vc_problem_unknown(reader->problems, item->mark, "invariant", text, VC_NAMES(names, VC_COUNT(names)));
        else
            s->violates[s->violates_count++] = talloc_strdup(s->violates, text);
    }
}

static void read_timeline(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                          struct vc_sink sink VC_UNUSED)
{
    if (reader->topology)
        vc_steps_read((struct scenario_reader *)reader, doc);
}

#define AT(member) offsetof(struct vc_scenario, member)
static const char *const captures[] = {"all", "control", NULL};
static const char *const planes[] = {"any", "kernel", NULL};

static const struct vc_field scenario_fields[] = {
    {"scenario", VC_FIELD_NAME, true, AT(name), .max = SCENARIO_NAME_MAX},
    {"description", VC_FIELD_TEXT, true, AT(description)},
    {"topology", VC_FIELD_CUSTOM, true, .read = read_topology},
    {"timers", VC_FIELD_CUSTOM, true, .read = read_timers},
    {"wires", VC_FIELD_CUSTOM, .read = read_wires},
    {"configure", VC_FIELD_CUSTOM, .read = read_configure},
    {"requirements", VC_FIELD_CUSTOM, .read = read_requirements},
    {"fault_of", VC_FIELD_CUSTOM, .read = read_fault_of},
    {"violates", VC_FIELD_CUSTOM, .read = read_violates},
    {"capture", VC_FIELD_CHOICE, .offset = AT(capture), .choices = captures, .fallback = "all"},
    {"plane", VC_FIELD_CHOICE, .offset = AT(plane), .choices = planes, .fallback = "any"},
    {"flows", VC_FIELD_CUSTOM, .read = read_flows},
    {"steps", VC_FIELD_CUSTOM, true, .read = read_timeline},
};
#undef AT

struct vc_scenario *vc_scenario_load(void *ctx, const char *file, const char *topologies_dir, const char *kinds_dir,
                                     vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_scenario *s = talloc_zero(scratch, struct vc_scenario);

    talloc_set_destructor(s, drop_specs);
    s->file = talloc_strdup(s, file);
    struct scenario_reader r = {
        .base = {.tree = s, .problems = vc_problems_new(scratch), .scenario = s},
        .topologies_dir = topologies_dir,
        .kinds_dir = kinds_dir,
        .scenario = s,
        .scratch = scratch,
    };
    const struct vc_doc *doc = vc_doc_load(scratch, s->file, r.base.problems);
    if (doc) {
        vc_schema_read(&r.base, doc, "a scenario", scenario_fields, VC_COUNT(scenario_fields),
                       (struct vc_sink){.base = s});
        vc_check_file_name(&r.base, doc, "scenario", s->name);
    }
    VC_AUTO_ERROR *topology_error = VC_STEAL_PTR(r.topology_error);
    VC_AUTO_ERROR *own_error = NULL;
    if (vc_problems_finish(r.base.problems, &own_error) < 0 && topology_error) {
        vc_fail(err, VC_EXIT_USAGE, 0, "%s\n%s", own_error->message, topology_error->message);
        return NULL;
    }
    if (own_error || topology_error) {
        vc_error_move(err, own_error ? &own_error : &topology_error);
        return NULL;
    }
    return talloc_steal(ctx, s);
}
