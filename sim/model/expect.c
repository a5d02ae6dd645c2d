/* The kinds of expectations: which members each takes, and the sentence that the report prints for it. What makes it
 * true is sim/run's business. */
#include <string.h>

#include "doctor/doctor.h"
#include "model/read.h"
#include "model/scenario.h"
#include "model/seen.h"
#include "model/traffic.h"

static const char *const directions[] = {"both", "forward", "return", NULL};
static const char *const states[] = {"up", "down", NULL};
static const char *const sa_kinds[] = {"child", "ike", NULL};
static const char *const daemons[] = {"charon", "pluto", "zebra", "bgpd", "bfdd", "ospfd", "bird", NULL};

/* Tunnels and WAN links: what a packet's path is told in. */
static struct vc_names path_names(void *ctx, const struct vc_topology *t)
{
    const char **names = talloc_zero_array(ctx, const char *, t->tunnel_count + t->link_count + 1);
    struct vc_names view = VC_NAMES(names, 0);

    for (size_t i = 0; i < t->tunnel_count; i++)
        names[view.count++] = t->tunnels[i].name;
    for (size_t i = 0; i < t->link_count; i++)
        if (vc_link_is_wan(t, i))
            names[view.count++] = t->links[i].name;
    return view;
}

static void read_via(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                     struct vc_sink sink)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_names names = path_names(scratch, reader->topology);
    VC_AUTO_JSON *via = json_array();

    if (doc->type == VC_DOC_SCALAR && !strcmp(doc->text, "none")) {
        json_object_set_new(sink.object, field->name, VC_STEAL_PTR(via));
        return;
    }
    if (doc->type != VC_DOC_LIST || !doc->count) {
        VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, doc);
        vc_problem(reader->problems, doc->mark,
                   "found %s for via; allowed: a list of tunnels and WAN links in the order they are crossed, or none",
                   doc->type == VC_DOC_LIST ? "an empty list" : found);
        return;
    }
    for (size_t i = 0; i < doc->count; i++) {
        const struct vc_doc *item = doc->items[i];

        if (!vc_schema_is_scalar(reader, item, "a tunnel or WAN link"))
            continue;
        if (vc_names_find(names, item->text) == VC_NONE)
            vc_problem_unknown(reader->problems, item->mark, "tunnel or WAN link", item->text, names);
        json_array_append_new(via, json_string(item->text));
    }
    json_object_set_new(sink.object, field->name, VC_STEAL_PTR(via));
}

#define WITHIN                                                                                                         \
    {                                                                                                                  \
        "within", VC_FIELD_DURATION, true, .min = VC_NS_PER_MS                                                         \
    }
#define FLOW                                                                                                           \
    {                                                                                                                  \
        "flow", VC_FIELD_FLOW, true                                                                                    \
    }
#define DIRECTION                                                                                                      \
    {                                                                                                                  \
        "direction", VC_FIELD_CHOICE, .choices = directions, .fallback = "both"                                        \
    }
#define TUNNEL                                                                                                         \
    {                                                                                                                  \
        "tunnel", VC_FIELD_TUNNEL, true                                                                                \
    }
#define STATE                                                                                                          \
    {                                                                                                                  \
        "state", VC_FIELD_CHOICE, true, .choices = states                                                              \
    }
static const struct vc_field converged_fields[] = {WITHIN};
static const struct vc_field path_fields[] = {
    FLOW, {"via", VC_FIELD_CUSTOM, true, .read = read_via}, DIRECTION, WITHIN};
static const struct vc_field outage_fields[] = {
    FLOW, {"at_most", VC_FIELD_DURATION}, {"at_least", VC_FIELD_DURATION}, DIRECTION};
static const struct vc_field lost_fields[] = {FLOW, {"at_most", VC_FIELD_COUNT, true, .max = 1000000000}, DIRECTION};
static const struct vc_field route_fields[] = {
    {"node", VC_FIELD_NODE, true},
    {"prefix", VC_FIELD_NETWORK, true},
    {"via", VC_FIELD_TEXT},
    {"present", VC_FIELD_BOOL, .fallback = "true"},
    WITHIN,
};
static const struct vc_field tunnel_fields[] = {TUNNEL, STATE, WITHIN};
static const struct vc_field rekeyed_fields[] = {
    TUNNEL,
    {"sa", VC_FIELD_CHOICE, true, .choices = sa_kinds},
    {"at_least", VC_FIELD_COUNT, .min = 1, .max = 1000000},
    {"at_most", VC_FIELD_COUNT, .max = 1000000},
};
static const struct vc_field log_fields[] = {
    {"node", VC_FIELD_NODE, true},
    {"daemon", VC_FIELD_CHOICE, true, .choices = daemons},
    {"contains", VC_FIELD_TEXT, true},
    {"present", VC_FIELD_BOOL, .fallback = "true"},
    WITHIN,
};
static void read_cause(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                       struct vc_sink sink)
{
    VC_AUTO_TALLOC const char **names = talloc_array(NULL, const char *, 1);
    struct vc_names view = VC_NAMES(names, 1);
    const char *name;

    if (!vc_schema_is_scalar(reader, doc, "healthy or a cause of the doctor"))
        return;
    names[0] = "healthy";
    for (size_t i = 0; (name = vc_doctor_cause(i)); i++) {
        names = talloc_realloc(NULL, names, const char *, view.count + 1);
        names[view.count++] = name;
    }
    view = VC_NAMES(names, view.count);
    if (vc_names_find(view, doc->text) == VC_NONE)
        vc_problem_unknown(reader->problems, doc->mark, "cause", doc->text, view);
    json_object_set_new(sink.object, field->name, json_string(doc->text));
}

static const struct vc_field diagnosis_fields[] = {
    {"cause", VC_FIELD_CUSTOM, true, .read = read_cause},
    {"node", VC_FIELD_NODE},
    {"tunnel", VC_FIELD_TUNNEL},
    {"first", VC_FIELD_BOOL, .fallback = "false"},
    {"others", VC_FIELD_BOOL, .fallback = "false"},
    {"throughout", VC_FIELD_BOOL, .fallback = "false"},
    WITHIN,
};
static const struct vc_field interface_fields[] = {
    {"node", VC_FIELD_NODE, true}, {"name", VC_FIELD_TEXT, true}, STATE, WITHIN};

static const char *member(const json_t *spec, const char *name)
{
    const char *text = json_string_value(json_object_get(spec, name));

    return text ? text : "";
}

static json_int_t number(const json_t *spec, const char *name)
{
    return json_integer_value(json_object_get(spec, name));
}

static void check_limits(struct vc_reader *reader, const struct vc_doc *doc, const json_t *most, const json_t *least)
{
    if (!most && !least)
        vc_problem(reader->problems, doc->mark, "found %s without a limit; allowed: at_most, at_least or both",
                   doc->key);
    else if (most && least && json_integer_value(least) > json_integer_value(most))
        vc_problem(reader->problems, doc->mark, "found at_least above at_most; allowed: at_least up to at_most");
}

static void check_outage(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec)
{
    check_limits(reader, doc, json_object_get(spec, "at_most_ns"), json_object_get(spec, "at_least_ns"));
}

static void check_rekeyed(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec)
{
    check_limits(reader, doc, json_object_get(spec, "at_most"), json_object_get(spec, "at_least"));
}

static void check_interface(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec, const char *key)
{
    size_t node = vc_topology_node(reader->topology, member(spec, "node"));
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_names names = vc_node_interfaces(scratch, reader->topology, node);
    VC_AUTO_TALLOC char *what = talloc_asprintf(NULL, "interface of %s", member(spec, "node"));

    if (json_object_get(spec, key) && vc_names_find(names, member(spec, key)) == VC_NONE)
        vc_problem_unknown(reader->problems, vc_doc_mark(doc, (const char *[]){key, NULL}), what, member(spec, key),
                           names);
}

static void check_log(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec)
{
    for (const char *p = member(spec, "contains"); *p; p++) {
        if (*p >= ' ' && *p <= '~')
            continue;
        vc_problem(reader->problems, vc_doc_mark(doc, (const char *[]){"contains", NULL}),
                   "found a text that no line of a log can have; allowed: printable ASCII on one line");
        return;
    }
}

static void check_route(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec)
{
    check_interface(reader, doc, spec, "via");
}

static void check_interface_name(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec)
{
    check_interface(reader, doc, spec, "name");
}

/* Who a sentence on a flow is about: "voice-dc1", "voice-dc1 (return)". */
static char *flow_text(void *ctx, const json_t *spec)
{
    const char *direction = member(spec, "direction");

    return strcmp(direction, "both") ? talloc_asprintf(ctx, "%s (%s)", member(spec, "flow"), direction)
                                     : talloc_strdup(ctx, member(spec, "flow"));
}

static char *text_converged(void *ctx, const json_t *spec VC_UNUSED)
{
    return talloc_strdup(ctx, "all BGP sessions are up and every flow runs on its healthy path");
}

static char *text_path(void *ctx, const json_t *spec)
{
    const json_t *via = json_object_get(spec, "via"), *step;
    VC_AUTO_TALLOC char *flow = flow_text(NULL, spec);
    char *text = talloc_asprintf(ctx, json_array_size(via) ? "%s takes " : "%s has no path", flow);
    size_t i;

    json_array_foreach(via, i, step) text = talloc_asprintf_append(text, "%s%s", i ? "+" : "", json_string_value(step));
    return text;
}

static char *text_outage(void *ctx, const json_t *spec)
{
    VC_AUTO_TALLOC char *flow = flow_text(NULL, spec);
    VC_AUTO_TALLOC char *most = vc_duration_text(NULL, number(spec, "at_most_ns"));
    VC_AUTO_TALLOC char *least = vc_duration_text(NULL, number(spec, "at_least_ns"));
    bool has_most = json_object_get(spec, "at_most_ns"), has_least = json_object_get(spec, "at_least_ns");

    return talloc_asprintf(ctx, "%s is silent for %s%s%s%s%s", flow, has_least ? "at least " : "",
                           has_least ? least : "", has_least && has_most ? " and " : "", has_most ? "at most " : "",
                           has_most ? most : "");
}

static char *text_lost(void *ctx, const json_t *spec)
{
    VC_AUTO_TALLOC char *flow = flow_text(NULL, spec);
    json_int_t limit = number(spec, "at_most");

    return limit ? talloc_asprintf(ctx, "%s loses at most %lld packet%s", flow, (long long)limit, limit == 1 ? "" : "s")
                 : talloc_asprintf(ctx, "%s loses no packet", flow);
}

static char *text_route(void *ctx, const json_t *spec)
{
    bool via = json_object_get(spec, "via");

    return talloc_asprintf(ctx, "%s has %s %s%s%s", member(spec, "node"),
                           json_is_true(json_object_get(spec, "present")) ? "a route to" : "no route to",
                           member(spec, "prefix"), via ? " via " : "", member(spec, "via"));
}

static char *text_session(void *ctx, const json_t *spec)
{
    return talloc_asprintf(ctx, "BGP over tunnel %s is %s", member(spec, "tunnel"), member(spec, "state"));
}

static char *text_bfd(void *ctx, const json_t *spec)
{
    return talloc_asprintf(ctx, "BFD over tunnel %s is %s", member(spec, "tunnel"), member(spec, "state"));
}

static char *text_sa(void *ctx, const json_t *spec)
{
    return talloc_asprintf(ctx, "the SA of tunnel %s is %s", member(spec, "tunnel"), member(spec, "state"));
}

static char *text_rekeyed(void *ctx, const json_t *spec)
{
    const json_t *most = json_object_get(spec, "at_most"), *least = json_object_get(spec, "at_least");
    char *text = talloc_asprintf(ctx, "the %s SA of tunnel %s is rekeyed",
                                 strcmp(member(spec, "sa"), "ike") ? "CHILD" : "IKE", member(spec, "tunnel"));

    if (least)
        text = talloc_asprintf_append(text, " at least %lld", (long long)json_integer_value(least));
    if (most)
        text =
            talloc_asprintf_append(text, "%s at most %lld", least ? " and" : "", (long long)json_integer_value(most));
    return talloc_asprintf_append(text, " times");
}

static char *text_interface(void *ctx, const json_t *spec)
{
    return talloc_asprintf(ctx, "%s on %s is %s", member(spec, "name"), member(spec, "node"), member(spec, "state"));
}

static char *text_log(void *ctx, const json_t *spec)
{
    bool present = json_is_true(json_object_get(spec, "present"));

    return talloc_asprintf(ctx, "%s of %s %s \"%s\"", member(spec, "daemon"), member(spec, "node"),
                           present ? "logs" : "does not log", member(spec, "contains"));
}

static char *text_diagnosis(void *ctx, const json_t *spec)
{
    const char *cause = member(spec, "cause"), *node = member(spec, "node"), *tunnel = member(spec, "tunnel");
    const char *throughout = json_is_true(json_object_get(spec, "throughout")) ? " throughout" : "";

    if (!strcmp(cause, "healthy"))
        return talloc_asprintf(ctx, "the doctor finds nothing wrong%s", throughout);
    return talloc_asprintf(ctx, "the doctor names %s%s%s%s%s%s%s%s", cause, *node ? " at " : "", node,
                           *tunnel ? " in tunnel " : "", tunnel,
                           json_is_true(json_object_get(spec, "first")) ? " first" : "",
                           json_is_true(json_object_get(spec, "others")) ? "" : " and nothing else", throughout);
}

#define MEMBERS(table) table, VC_COUNT(table)
static const struct expectation {
    const char *name;
    const struct vc_field *fields;
    size_t field_count;
    char *(*text)(void *ctx, const json_t *spec); /* without the deadline */
    void (*check)(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec);
    bool window; /* judged over the time after a trigger, not at a moment */
} expectations[] = {
    {"converged", MEMBERS(converged_fields), text_converged},
    {"path", MEMBERS(path_fields), text_path},
    {"outage", MEMBERS(outage_fields), text_outage, check_outage, true},
    {"lost", MEMBERS(lost_fields), text_lost, NULL, true},
    {"route", MEMBERS(route_fields), text_route, check_route},
    {"session", MEMBERS(tunnel_fields), text_session},
    {"bfd", MEMBERS(tunnel_fields), text_bfd},
    {"sa", MEMBERS(tunnel_fields), text_sa},
    {"rekeyed", MEMBERS(rekeyed_fields), text_rekeyed, check_rekeyed, true},
    {"interface", MEMBERS(interface_fields), text_interface, check_interface_name},
    {"load", MEMBERS(vc_load_expect_fields), vc_load_expect_text, vc_load_expect_check, true},
    {"quality", MEMBERS(vc_quality_fields), vc_quality_text, vc_quality_check, true},
    {"seen", MEMBERS(vc_seen_fields), vc_seen_text, vc_seen_check, true},
    {"accepted", MEMBERS(vc_accepted_fields), vc_accepted_text, vc_accepted_check},
    {"log", MEMBERS(log_fields), text_log, check_log},
    {"diagnosis", MEMBERS(diagnosis_fields), text_diagnosis},
};

bool vc_expectation_is_state(const char *type)
{
    size_t i = vc_names_find(VC_NAMES(expectations, VC_COUNT(expectations)), type);

    return i != VC_NONE && !expectations[i].window;
}

static void set_text(const struct expectation *e, json_t *spec)
{
    VC_AUTO_TALLOC char *text = e->text(NULL, spec);
    const json_t *within = json_object_get(spec, "within_ns");

    if (within) {
        VC_AUTO_TALLOC char *limit = vc_duration_text(NULL, json_integer_value(within));
        text = talloc_asprintf_append(text, " within %s", limit);
    }
    json_object_set_new(spec, "text", json_string(text));
}

json_t *vc_expectation_read(struct vc_reader *reader, const struct vc_doc *doc)
{
    struct vc_names names = VC_NAMES(expectations, VC_COUNT(expectations));

    if (!vc_schema_is_map(reader, doc, "an expectation"))
        return NULL;
    const struct vc_doc *body = doc->items[0];
    if (doc->count > 1) {
        vc_problem(reader->problems, doc->items[1]->key_mark,
                   "found %zu members in one expectation; allowed: one, each expectation begins with \"- \"",
                   doc->count);
        return NULL;
    }
    size_t i = vc_names_find(names, body->key);
    if (i == VC_NONE) {
        vc_problem_unknown(reader->problems, body->key_mark, "expectation", body->key, names);
        return NULL;
    }
    const struct expectation *e = &expectations[i];
    VC_AUTO_JSON *spec = json_pack("{s:s, s:s}", "type", e->name, "text", "");
    size_t before = vc_problems_count(reader->problems);
    if (vc_schema_read(reader, body, e->name, e->fields, e->field_count, (struct vc_sink){.object = spec}) < 0)
        return NULL;
    if (e->check)
        e->check(reader, body, spec);
    if (vc_problems_count(reader->problems) != before)
        return NULL;
    set_text(e, spec);
    return VC_STEAL_PTR(spec);
}
