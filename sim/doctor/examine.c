/*
 * The examination: a view of each tunnel, its layers, then the rules in the guide's order. A rule that holds a
 * configuration against the order names its cause whatever the layers say, so that independent causes are all named;
 * one that goes by symptoms speaks only where its own layer is the first that fails, what it needs has not only just
 * begun, and nothing that is named already explains such a symptom.
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

/* One that does not hurt yet. */
static bool is_latent(const struct cause *cause, const struct view *view)
{
    if (!view)
        return false;
    if (cause->hurts == WITHOUT_CHILD)
        return view->at[CPE].child && view->at[HEADEND].child;
    if (cause->hurts == WITH_ITS_LAYER)
        return view->layers[cause->layer] == OK;
    for (enum layer layer = UNDERLAY; layer < LAYER_COUNT; layer++)
        if (view->layers[layer] != OK)
            return false;
    return true;
}

/* A command for the tunnel at hand: the order's addresses in the places of their names. */
static json_t *command_for(const struct view *view, const char *command)
{
    static const struct {
        const char *name, *form, *end;
    } places[] = {{"<cisco-ipsec>", "ipsec", "cisco"},
                  {"<transport>", "transport", "cisco"},
                  {"<tunnel-remote>", "address", "cisco"},
                  {"<tunnel-local>", "address", "cpe"},
                  {"<neighbor>", "address", "cisco"}};
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *text = command;

    for (size_t i = 0; view && i < VC_COUNT(places); i++) {
        const char *at = strstr(text, places[i].name);
        const char *own = address_of(scratch, text_at(json_object_get(view->order, places[i].form), places[i].end));
        if (at && *own)
            text = talloc_asprintf(scratch, "%.*s%s%s", (int)(at - text), text, own, at + strlen(places[i].name));
    }
    return json_string(text);
}

static json_t *new_finding(const struct cause *cause, const char *node, const struct view *view, bool sure)
{
    json_t *show = json_array();
    json_t *out = json_pack("{s:s, s:s, s:s, s:b, s:[], s:s, s:s, s:s, s:s, s:o}", "cause", cause->id, "layer",
                            doctor_layer_names[cause->layer], "confidence", sure ? "certain" : "likely", "latent",
                            is_latent(cause, view), "evidence", "text", cause->text, "remedy", cause->remedy, "section",
                            cause->section, "requirement", cause->requirement, "show", show);

    for (size_t i = 0; i < VC_COUNT(cause->show) && cause->show[i]; i++)
        json_array_append_new(show, command_for(view, cause->show[i]));
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

/* A full queue loses what sessions and probes send, too; where nothing at all arrives it is something else. */
static bool is_crowded_out(const struct view *v)
{
    return (saturated(v, CPE) && v->at[ROUTER].gre_moved.in != 0) ||
           (saturated(v, ROUTER) && v->at[CPE].gre_moved.in != 0);
}

bool is_explained(const struct doctor *doctor, const struct view *view, enum layer up_to, enum symptom symptom)
{
    size_t i;
    json_t *item;

    if (up_to >= GRE && symptom & (GRE_LOSS | NO_SESSION | NO_PATH | OTHER) && is_crowded_out(view))
        return true;
    json_array_foreach(doctor->causes, i, item)
    {
        /* Cisco's GRE device is behind the one that speaks IPsec: what it lacks stops nothing below GRE. */
        bool behind = is(item, "node", view->at[ROUTER].name) && up_to < GRE;
        if (layer_named(text_at(item, "layer")) <= up_to && is(item, "tunnel", view->name) &&
            !true_at(item, "latent") && !(cause_named(text_at(item, "cause"))->explains_not & symptom) && !behind)
            return true;
    }

    return false;
}

/* ---- when it bites ---- */

static const struct view *view_named(const struct doctor *doctor, const char *tunnel)
{
    for (size_t i = 0; i < doctor->view_count; i++)
        if (!strcmp(doctor->views[i].name, tunnel))
            return &doctor->views[i];
    return NULL;
}

/* What is configured otherwise than what is in use shows as soon as that is made anew. */
static void tell_when_it_bites(const struct doctor *doctor, json_t *finding)
{
    static const char *const anew[LAYER_COUNT] = {
        [UNDERLAY] = "when the way it stands in is needed",
        [IKE] = "when the IKE SA is negotiated anew",
        [CHILD] = "when the CHILD SA is rekeyed",
        [GRE] = "when the tunnel interface is set up anew",
        [BGP] = "when the session is set up anew",
        [ROUTES] = "when the routes are told anew",
        [PATHS] = "when the path it stands in is needed",
        [MTU] = "when a large packet comes",
        [CAPACITY] = "when there is more load",
    };
    const struct cause *cause = cause_named(text_at(finding, "cause"));
    const struct view *view = view_named(doctor, text_at(finding, "tunnel"));
    const json_t *child = !view ? NULL : view->at[CPE].child ? view->at[CPE].child : view->at[HEADEND].child;
    json_int_t in_s = number_at(child, "rekey_in_s", number_at(child, "dies_in_s", -1));
    const char *when = cause->bites ? cause->bites : anew[cause->layer];

    json_array_append_new(json_object_get(finding, "evidence"),
                          cause->layer == CHILD && !cause->bites && in_s >= 0
                              ? json_sprintf("this bites %s, in %lld s", when, (long long)in_s)
                              : json_sprintf("this bites %s", when));
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
    static const char *const states[] = {
        [NOT_REACHED] = "not reached", [OK] = "ok", [FAILED] = "failed", [COMING] = "coming up"};
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

/* It is of the layer that fails, and of that one's part of the guide. */
static void admit_one(struct doctor *doctor, const struct view *v, enum layer layer)
{
    const struct cause *like = doctor_causes;
    bool is_first = !same(doctor, "unexplained", "", v->name);

    found(doctor, "unexplained", NULL, v, false, "%s of tunnel %s fails", doctor_layer_names[layer], v->name);
    if (!is_first)
        return;
    json_t *finding = same(doctor, "unexplained", "", v->name);
    while (like->layer != layer) /* each has causes */
        like++;
    json_object_set_new(finding, "layer", json_string(doctor_layer_names[layer]));
    json_object_set_new(finding, "section", json_string(like->section));
    json_object_set_new(finding, "requirement", json_string(like->requirement));
}

/* A layer of this tunnel fails and no rule knows why: that is said, too, whatever is known of other tunnels. Where
 * nothing is sent into the tunnel, a cause of GRE's is one for all below it. */
static void admit(struct doctor *doctor, const struct view *v)
{
    for (enum layer layer = UNDERLAY; layer < LAYER_COUNT; layer++)
        if (v->layers[layer] == FAILED && !is_explained(doctor, v, layer == IKE || layer == CHILD ? GRE : layer, OTHER))
            admit_one(doctor, v, layer);
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
    json_t *finding;
    size_t at;

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
    json_array_foreach(causes, at, finding)
    {
        if (true_at(finding, "latent"))
            tell_when_it_bites(&doctor, finding);
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
