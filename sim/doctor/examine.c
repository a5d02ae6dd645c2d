/*
 * The examination: a view of each tunnel, its layers, then the rules in the guide's order. A rule that holds a
 * configuration against the order names its cause whatever the layers say, so that independent causes are all named;
 * one that goes by symptoms speaks only where its own layer is the first that fails and nothing there is known yet.
 */
#include "doctor/private.h"

static void (*const rules[])(struct doctor *doctor, const struct view *view) = {
    rules_underlay, rules_gre, rules_ike, rules_child, rules_bgp, rules_routes, rules_paths, rules_mtu};

static const struct cause *cause_named(const char *id)
{
    for (size_t i = 0; i < doctor_cause_count; i++)
        if (!strcmp(doctor_causes[i].id, id))
            return &doctor_causes[i];
    abort(); /* a rule without a row: a bug here */
}

static json_t *same(const struct doctor *doctor, const char *cause, const char *node, const char *tunnel)
{
    size_t i;
    json_t *item;

    json_array_foreach(doctor->causes, i, item)
    {
        if (is(item, "cause", cause) && is(item, "node", node) && is(item, "tunnel", tunnel))
            return item;
    }

    return NULL;
}

static json_t *new_finding(const struct cause *cause, const char *node, const struct view *view, bool sure)
{
    json_t *show = json_array();
    json_t *out = json_pack("{s:s, s:s, s:s, s:b, s:[], s:s, s:s, s:s, s:s, s:o}", "cause", cause->id, "layer",
                            doctor_layer_names[cause->layer], "confidence", sure ? "certain" : "likely", "latent",
                            view && view->layers[cause->layer] == OK, "evidence", "text", cause->text, "remedy",
                            cause->remedy, "section", cause->section, "requirement", cause->requirement, "show", show);

    for (size_t i = 0; i < VC_COUNT(cause->show) && cause->show[i]; i++)
        json_array_append_new(show, json_string(cause->show[i]));
    if (*node)
        json_object_set_new(out, "node", json_string(node));
    if (view)
        json_object_set_new(out, "tunnel", json_string(view->name));
    return out;
}

void found(struct doctor *doctor, const char *cause, const char *node, const struct view *view, bool sure,
           const char *format, ...)
{
    json_t *finding = same(doctor, cause, node ? node : "", view ? view->name : "");
    VC_AUTO_FREE char *line = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&line, format, args) < 0)
        abort();
    va_end(args);
    if (!finding) {
        finding = new_finding(cause_named(cause), node ? node : "", view, sure);
        json_array_append_new(doctor->causes, finding);
    }
    json_t *lines = json_object_get(finding, "evidence");
    if (!has_text(lines, line))
        json_array_append_new(lines, json_string(line));
}

static enum layer layer_named(const char *name)
{
    enum layer layer = UNDERLAY;

    while (layer < LAYER_COUNT - 1 && strcmp(doctor_layer_names[layer], name) != 0)
        layer++;
    return layer;
}

/* A cause of that layer or of one below it explains the tunnel's failure already. */
bool is_named(const struct doctor *doctor, const struct view *view, enum layer up_to)
{
    size_t i;
    json_t *item;

    json_array_foreach(doctor->causes, i, item)
    {
        if (layer_named(text_at(item, "layer")) <= up_to && is(item, "tunnel", view->name) && !true_at(item, "latent"))
            return true;
    }

    return false;
}

/* ---- the answer ---- */

static size_t place(const json_t *finding)
{
    size_t row = 0;

    while (row + 1 < doctor_cause_count && !is(finding, "cause", doctor_causes[row].id))
        row++;
    return ((size_t)true_at(finding, "latent") * LAYER_COUNT + doctor_causes[row].layer) * doctor_cause_count + row;
}

/* Insertion: what has the same place stays in order of the tunnels. */
static json_t *sorted(const json_t *causes)
{
    json_t *out = json_array(), *item;
    size_t i;

    json_array_foreach(causes, i, item)
    {
        size_t at = json_array_size(out);
        while (at && place(json_array_get(out, at - 1)) > place(item))
            at--;
        json_array_insert(out, at, item);
    }
    return out;
}

static json_t *tunnel_answer(const struct view *v, bool *all_ok)
{
    static const char *const states[] = {[NOT_REACHED] = "not reached", [OK] = "ok", [FAILED] = "failed"};
    json_t *layers = json_object(), *first = NULL;

    for (enum layer layer = UNDERLAY; layer < LAYER_COUNT; layer++) {
        json_object_set_new(layers, doctor_layer_names[layer], json_string(states[v->layers[layer]]));
        if (v->layers[layer] == OK)
            continue;
        *all_ok = false;
        if (!first)
            first = json_string(doctor_layer_names[layer]);
    }
    return json_pack("{s:s, s:o, s:o}", "tunnel", v->name, "first_failing", first ? first : json_null(), "layers",
                     layers);
}

/* A layer fails and no rule knows why: that is said, too. */
static void admit(struct doctor *doctor, const struct view *v)
{
    for (enum layer layer = UNDERLAY; layer < LAYER_COUNT; layer++)
        if (v->layers[layer] == FAILED && !json_array_size(doctor->causes))
            found(doctor, "unexplained", NULL, v, false, "%s of tunnel %s fails", doctor_layer_names[layer], v->name);
}

json_t *vc_doctor_examine(const json_t *evidence)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    VC_AUTO_JSON *causes = json_array();
    struct doctor doctor = {.evidence = evidence,
                            .order = json_object_get(evidence, "order"),
                            .nodes = json_object_get(evidence, "nodes"),
                            .causes = causes};
    json_t *tunnels = json_array();
    bool all_ok = true;

    doctor.views = doctor_views(scratch, &doctor, &doctor.view_count);
    for (size_t i = 0; i < doctor.view_count; i++)
        doctor_layers(&doctor, &doctor.views[i]);
    for (size_t r = 0; r < VC_COUNT(rules); r++)
        for (size_t i = 0; i < doctor.view_count; i++)
            rules[r](&doctor, &doctor.views[i]);
    for (size_t i = 0; i < doctor.view_count; i++) {
        admit(&doctor, &doctor.views[i]);
        json_array_append_new(tunnels, tunnel_answer(&doctor.views[i], &all_ok));
    }
    return json_pack("{s:s, s:b, s:o, s:o}", "schema", "vclab.diagnosis/1", "healthy",
                     doctor.view_count && all_ok && !json_array_size(causes), "tunnels", tunnels, "causes",
                     sorted(causes));
}

bool vc_doctor_names(const json_t *diagnosis, const char *cause, const char *node, const char *tunnel,
                     const json_t *beside, bool *others)
{
    bool named = false;
    size_t i;
    json_t *item;

    *others = false;
    json_array_foreach(json_object_get(diagnosis, "causes"), i, item)
    {
        if (!is(item, "cause", cause))
            *others = *others || !has_text(beside, text_at(item, "cause"));
        else
            named = named || ((!*node || is(item, "node", node)) && (!*tunnel || is(item, "tunnel", tunnel)));
    }
    return named;
}

const char *vc_doctor_cause(size_t index)
{
    return index < doctor_cause_count ? doctor_causes[index].id : NULL;
}
