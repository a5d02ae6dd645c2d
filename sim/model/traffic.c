#include "model/traffic.h"

#include <string.h>

static const char *const directions[] = {"both", "forward", "return", NULL};
static const char *const protocols[] = {"udp", "tcp", NULL};

static const char *member(const json_t *spec, const char *name)
{
    const char *text = json_string_value(json_object_get(spec, name));

    return text ? text : "";
}

static long long number(const json_t *spec, const char *name)
{
    return json_integer_value(json_object_get(spec, name));
}

static double percent(const json_t *spec, const char *name)
{
    return (double)number(spec, name) / VC_PPM_PER_PERCENT;
}

/* ---- the step ---- */

enum { LOAD_NAME_MAX = 31 };

static const struct vc_field load_fields[] = {
    {"name", VC_FIELD_NAME, true, .max = LOAD_NAME_MAX},
    {"from", VC_FIELD_NODE, true},
    {"to", VC_FIELD_NODE, true},
    {"protocol", VC_FIELD_CHOICE, .choices = protocols, .fallback = "udp"},
    {"mbit", VC_FIELD_COUNT, .min = 1, .max = 10000},
    {"bytes", VC_FIELD_COUNT, .min = 64, .max = 1500, .fallback = "1300"},
    {"burst", VC_FIELD_COUNT, .min = 1, .max = 64},
    {"for", VC_FIELD_DURATION, .min = VC_NS_PER_S, .max = 600 * VC_NS_PER_S, .unit = VC_NS_PER_S, .fallback = "60s"},
};

json_t *vc_load_read(struct vc_reader *reader, const struct vc_doc *doc)
{
    VC_AUTO_JSON *spec = json_object();

    if (vc_schema_read(reader, doc, "a load", load_fields, VC_COUNT(load_fields), (struct vc_sink){.object = spec}) < 0)
        return NULL;
    bool tcp = !strcmp(member(spec, "protocol"), "tcp"), paced = json_object_get(spec, "mbit");
    if (tcp == paced) {
        vc_problem(reader->problems, doc->mark, "found a %s load %s mbit; allowed: %s", member(spec, "protocol"),
                   paced ? "with" : "without",
                   tcp ? "tcp goes as fast as it can" : "udp needs the Mbit/s that it is to send");
        return NULL;
    }
    if (!strcmp(member(spec, "from"), member(spec, "to"))) {
        vc_problem(reader->problems, doc->mark, "found a load from %s to itself; allowed: two nodes",
                   member(spec, "from"));
        return NULL;
    }
    VC_AUTO_TALLOC char *rate = tcp ? NULL : talloc_asprintf(NULL, "%lld Mbit/s UDP", number(spec, "mbit"));
    VC_AUTO_TALLOC char *text = talloc_asprintf(NULL, "load %s: %s from %s to %s", member(spec, "name"),
                                                tcp ? "TCP" : rate, member(spec, "from"), member(spec, "to"));
    json_object_set_new(spec, "text", json_string(text));
    return VC_STEAL_PTR(spec);
}

/* ---- expectations ---- */

static void read_load_name(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                           struct vc_sink sink)
{
    const struct vc_scenario *s = reader->scenario;
    struct vc_names loads = s ? VC_NAMES(s->loads, s->load_count) : (struct vc_names){0};

    if (!vc_schema_is_scalar(reader, doc, "the name of a load"))
        return;
    if (vc_names_find(loads, doc->text) == VC_NONE)
        vc_problem_unknown(reader->problems, doc->mark, "load that was started before", doc->text, loads);
    json_object_set_new(sink.object, field->name, json_string(doc->text));
}

const struct vc_field vc_load_expect_fields[VC_LOAD_EXPECT_FIELD_COUNT] = {
    {"name", VC_FIELD_CUSTOM, true, .read = read_load_name},
    {"lost_at_most", VC_FIELD_PERCENT},
    {"lost_at_least", VC_FIELD_PERCENT},
    {"mbit_at_least", VC_FIELD_COUNT, .min = 1, .max = 10000},
    {"mbit_at_most", VC_FIELD_COUNT, .min = 1, .max = 10000},
};

const struct vc_field vc_quality_fields[VC_QUALITY_FIELD_COUNT] = {
    {"flow", VC_FIELD_FLOW, true},
    {"direction", VC_FIELD_CHOICE, .choices = directions, .fallback = "both"},
    {"loss_at_most", VC_FIELD_PERCENT},
    {"loss_at_least", VC_FIELD_PERCENT},
    {"during", VC_FIELD_CUSTOM, .read = read_load_name},
};

static void check_order(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec, const char *most,
                        const char *least)
{
    if (json_object_get(spec, most) && json_object_get(spec, least) && number(spec, least) > number(spec, most))
        vc_problem(reader->problems, doc->mark, "found a lower limit above the upper one; allowed: up to it");
}

void vc_load_expect_check(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec)
{
    bool lost = json_object_get(spec, "lost_at_most_ppm") || json_object_get(spec, "lost_at_least_ppm");
    bool rate = json_object_get(spec, "mbit_at_least") || json_object_get(spec, "mbit_at_most");

    if (lost == rate)
        vc_problem(reader->problems, doc->mark,
                   "found load with %s; allowed: lost_at_most, lost_at_least or both, or else mbit_at_most, "
                   "mbit_at_least or both",
                   lost ? "limits of two measures" : "no limit");
    check_order(reader, doc, spec, "lost_at_most_ppm", "lost_at_least_ppm");
    check_order(reader, doc, spec, "mbit_at_most", "mbit_at_least");
}

void vc_quality_check(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec)
{
    if (!json_object_get(spec, "loss_at_most_ppm") && !json_object_get(spec, "loss_at_least_ppm"))
        vc_problem(reader->problems, doc->mark,
                   "found quality without a limit; allowed: loss_at_most, loss_at_least or both");
    check_order(reader, doc, spec, "loss_at_most_ppm", "loss_at_least_ppm");
}

/* "loses at least 5 % and at most 60 %" */
static char *loss_text(void *ctx, const json_t *spec, const char *most, const char *least)
{
    bool has_most = json_object_get(spec, most), has_least = json_object_get(spec, least);
    char *text = talloc_strdup(ctx, has_most && !has_least && !number(spec, most) ? "loses nothing" : "loses");

    if (has_least)
        text = talloc_asprintf_append(text, " at least %g %%", percent(spec, least));
    if (has_most && (has_least || number(spec, most)))
        text = talloc_asprintf_append(text, "%s at most %g %%", has_least ? " and" : "", percent(spec, most));
    return text;
}

char *vc_load_expect_text(void *ctx, const json_t *spec)
{
    VC_AUTO_TALLOC char *loss = loss_text(NULL, spec, "lost_at_most_ppm", "lost_at_least_ppm");

    const json_t *least = json_object_get(spec, "mbit_at_least"), *most = json_object_get(spec, "mbit_at_most");

    if (least || most) {
        char *text = talloc_asprintf(ctx, "load %s arrives with", member(spec, "name"));
        if (least)
            text = talloc_asprintf_append(text, " at least %lld", number(spec, "mbit_at_least"));
        if (most)
            text = talloc_asprintf_append(text, "%s at most %lld", least ? " and" : "", number(spec, "mbit_at_most"));
        return talloc_asprintf_append(text, " Mbit/s");
    }
    return talloc_asprintf(ctx, "load %s %s", member(spec, "name"), loss);
}

char *vc_quality_text(void *ctx, const json_t *spec)
{
    VC_AUTO_TALLOC char *loss = loss_text(NULL, spec, "loss_at_most_ppm", "loss_at_least_ppm");
    const char *direction = member(spec, "direction"), *during = member(spec, "during");
    bool both = !strcmp(direction, "both");

    return talloc_asprintf(ctx, "%s%s%s%s %s%s%s", member(spec, "flow"), both ? "" : " (", both ? "" : direction,
                           both ? "" : ")", loss, *during ? " while under load " : "", during);
}
