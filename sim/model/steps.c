/*
 * The steps of a scenario are read in the order they are played, so that what is active at each (faults, expectations)
 * is known while it is read. `repeat` is read as often as it says; a fault's name then carries the round.
 */
#include "model/steps.h"

#include <string.h>

#include "model/traffic.h"

enum { STEPS_MAX = 5000, ROUNDS_MAX = 1000 };

/* Takes spec. The array grows with slack that doubles: `repeat` may unroll to thousands. */
static void add_step(struct scenario_reader *r, enum vc_step_kind kind, struct vc_mark mark, json_t *spec)
{
    struct vc_scenario *s = r->scenario;

    if (!(s->step_count & (s->step_count - 1)))
        s->steps = talloc_realloc(s, s->steps, struct vc_step, (unsigned)(s->step_count ? 2 * s->step_count : 1));
    s->steps[s->step_count++] = (struct vc_step){kind, spec, mark};
}

/* In a round of `repeat` a load is this round's. */
static void resolve_load(const struct scenario_reader *r, json_t *spec, const char *key)
{
    const char *base = json_string_value(json_object_get(spec, key));

    for (size_t i = r->played_count; base && i-- > 0;)
        if (r->played[i].is_load && !strcmp(r->played[i].base, base)) {
            json_object_set_new(spec, key, json_string(r->played[i].name));
            return;
        }
}

/* The doctor's answers that a step asks for are its whole answer: each knows of the others. */
static void join_diagnoses(json_t *list)
{
    VC_AUTO_JSON *causes = json_array();
    json_t *spec;
    size_t i;

    json_array_foreach(list, i, spec)
    {
        if (json_object_get(spec, "cause"))
            json_array_append(causes, json_object_get(spec, "cause"));
    }
    json_array_foreach(list, i, spec)
    {
        if (json_object_get(spec, "cause") && json_array_size(causes) > 1)
            json_object_set(spec, "beside", causes);
    }
}

static void step_expect(struct scenario_reader *r, const struct vc_doc *doc)
{
    VC_AUTO_JSON *list = json_array();

    if (doc->type != VC_DOC_LIST || !doc->count) {
        vc_problem(r->base.problems, doc->mark, "found expect without a list; allowed: a list of expectations");
        r->can_hold = true; /* unknown: a hold after it is not the error */
        return;
    }
    r->can_hold = false;
    for (size_t i = 0; i < doc->count; i++) {
        json_t *spec = vc_expectation_read(&r->base, doc->items[i]);

        r->can_hold |= !spec || vc_expectation_is_state(json_string_value(json_object_get(spec, "type")));
        if (!spec)
            continue;
        resolve_load(r, spec, "during");
        if (!strcmp(json_string_value(json_object_get(spec, "type")), "load"))
            resolve_load(r, spec, "name");
        json_array_append_new(list, spec);
    }
    join_diagnoses(list);
    add_step(r, VC_STEP_EXPECT, doc->key_mark, VC_STEAL_PTR(list));
}

/* hold: T, wait: T */
static bool read_time(const struct scenario_reader *r, const struct vc_doc *doc, int64_t *ns)
{
    if (doc->type == VC_DOC_SCALAR && vc_duration_parse(doc->text, ns) && *ns >= VC_NS_PER_MS)
        return true;
    VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, doc);
    vc_problem(r->base.problems, doc->mark, "found %s for %s; allowed: a duration such as 2s", found, doc->key);
    return false;
}

static void add_timed(struct scenario_reader *r, enum vc_step_kind kind, const struct vc_doc *doc, int64_t ns,
                      const char *what)
{
    VC_AUTO_TALLOC char *limit = vc_duration_text(NULL, ns);
    VC_AUTO_TALLOC char *text = talloc_asprintf(NULL, "%s %s", what, limit);

    add_step(r, kind, doc->key_mark, json_pack("{s:I, s:s}", "for_ns", (json_int_t)ns, "text", text));
}

static void step_hold(struct scenario_reader *r, const struct vc_doc *doc)
{
    int64_t ns = 0;

    if (!read_time(r, doc, &ns))
        return;
    if (!r->can_hold) {
        vc_problem(r->base.problems, doc->key_mark,
                   "found hold without an expect step before it that asks for a state; allowed: after converged, path, "
                   "route, session, sa or interface");
        return;
    }
    add_timed(r, VC_STEP_HOLD, doc, ns, "all of it stays so for");
}

static void step_wait(struct scenario_reader *r, const struct vc_doc *doc)
{
    int64_t ns = 0;

    if (read_time(r, doc, &ns))
        add_timed(r, VC_STEP_WAIT, doc, ns, "wait");
}

/* Remembers what a step starts. False when the name was used before. */
static bool play(struct scenario_reader *r, const struct vc_doc *name, struct played *played)
{
    const char *what = played->is_load ? "load" : "fault";

    played->base = talloc_strdup(r->scratch, name->text);
    played->name = r->round > 1 ? talloc_asprintf(r->scratch, "%s#%u", name->text, r->round) : played->base;
    played->mark = name->mark;
    played->active = true;
    for (size_t i = 0; i < r->played_count; i++)
        if (r->played[i].is_load == played->is_load && !strcmp(r->played[i].name, played->name)) {
            vc_problem(r->base.problems, name->mark,
                       "found %s name \"%s\" again (first at line %d)%s; allowed: each name once, so that the "
                       "report is clear",
                       what, name->text, r->played[i].mark.line,
                       r->played[i].active && !r->played[i].ends_itself ? ", which is still active" : "");
            return false;
        }
    r->played = talloc_realloc(r->scratch, r->played, struct played, (unsigned)r->played_count + 1);
    r->played[r->played_count++] = *played;
    return true;
}

/* A node has one configuration: the one before is over, and there is nothing of it to heal. */
static void end_replaced(struct scenario_reader *r, const char *node)
{
    for (size_t i = 0; node && i < r->played_count; i++)
        if (r->played[i].misconfigured && !strcmp(r->played[i].misconfigured, node))
            r->played[i].active = false;
}

static void step_fault(struct scenario_reader *r, const struct vc_doc *doc)
{
    VC_AUTO_JSON *spec = vc_fault_read(&r->base, doc, true);
    const struct vc_doc *name = vc_doc_member(doc, "name");
    const char *kind = json_string_value(json_object_get(spec, "kind"));
    const char *node = json_string_value(json_object_get(spec, "node"));
    struct played fault = {.ends_itself = kind && vc_fault_ends_itself(kind)};

    if (kind && node && !strcmp(kind, "misconfigure")) {
        fault.misconfigured = talloc_strdup(r->scratch, node);
        end_replaced(r, node);
    }
    if (!name || name->type != VC_DOC_SCALAR || !play(r, name, &fault) || !spec)
        return;
    json_object_set_new(spec, "name", json_string(fault.name));
    add_step(r, VC_STEP_FAULT, doc->key_mark, VC_STEAL_PTR(spec));
}

static void step_load(struct scenario_reader *r, const struct vc_doc *doc)
{
    VC_AUTO_JSON *spec = vc_load_read(&r->base, doc);
    const struct vc_doc *name = vc_doc_member(doc, "name");
    struct vc_scenario *s = r->scenario;
    struct played load = {.is_load = true};

    if (!name || name->type != VC_DOC_SCALAR || !play(r, name, &load))
        return;
    s->loads = talloc_realloc(s, s->loads, const char *, (unsigned)s->load_count + 1);
    s->loads[s->load_count++] = talloc_strdup(s, load.name);
    if (!spec)
        return;
    json_object_set_new(spec, "name", json_string(load.name));
    add_step(r, VC_STEP_LOAD, doc->key_mark, VC_STEAL_PTR(spec));
}

static void refuse_end(struct scenario_reader *r, const struct vc_doc *doc, bool is_load)
{
    const char **active = talloc_zero_array(r->scratch, const char *, (unsigned)r->played_count + 1);
    struct vc_names names = VC_NAMES(active, 0);

    for (size_t i = 0; i < r->played_count; i++)
        if (r->played[i].is_load == is_load && r->played[i].active && !r->played[i].ends_itself)
            active[names.count++] = r->played[i].base;
    vc_problem_unknown(r->base.problems, doc->mark, is_load ? "load under way" : "active fault", doc->text, names);
    talloc_free(active);
}

/* heal: NAME, stop: NAME */
static void end_played(struct scenario_reader *r, const struct vc_doc *doc, bool is_load)
{
    if (!vc_schema_is_scalar(&r->base, doc, is_load ? "the name of a load under way" : "the name of an active fault"))
        return;
    for (size_t i = r->played_count; i-- > 0;) { /* the latest of that name: this round's */
        struct played *played = &r->played[i];

        if (played->is_load != is_load || !played->active || played->ends_itself ||
            strcmp(played->base, doc->text) != 0)
            continue;
        played->active = false;
        VC_AUTO_TALLOC char *text = talloc_asprintf(NULL, "%s %s", is_load ? "stop" : "heal", played->name);
        add_step(r, is_load ? VC_STEP_STOP : VC_STEP_HEAL, doc->key_mark,
                 json_pack("{s:s, s:s}", "name", played->name, "text", text));
        return;
    }
    refuse_end(r, doc, is_load);
}

static void step_heal(struct scenario_reader *r, const struct vc_doc *doc)
{
    end_played(r, doc, false);
}

static void step_stop(struct scenario_reader *r, const struct vc_doc *doc)
{
    end_played(r, doc, true);
}

struct repeat {
    const struct vc_doc *steps;
    unsigned times;
};

static void read_body(struct vc_reader *reader VC_UNUSED, const struct vc_field *field VC_UNUSED,
                      const struct vc_doc *doc, struct vc_sink sink)
{
    ((struct repeat *)sink.base)->steps = doc;
}

static const struct vc_field repeat_fields[] = {
    {"times", VC_FIELD_COUNT, true, offsetof(struct repeat, times), .min = 1, .max = ROUNDS_MAX},
    {"steps", VC_FIELD_CUSTOM, true, .read = read_body},
};

static void step_repeat(struct scenario_reader *r, const struct vc_doc *doc)
{
    struct repeat repeat = {0};

    if (r->round) {
        vc_problem(r->base.problems, doc->key_mark, "found repeat inside repeat; allowed: one level");
        return;
    }
    if (vc_schema_read(&r->base, doc, "repeat", repeat_fields, VC_COUNT(repeat_fields),
                       (struct vc_sink){.base = &repeat}) < 0)
        return;
    /* one round finds the errors of its steps; more are only worth reading when there is none */
    for (r->round = 1; r->round == 1 || (r->round <= repeat.times && !vc_problems_count(r->base.problems)); r->round++)
        vc_steps_read(r, repeat.steps);
    r->round = 0;
}

static const struct step_reader {
    const char *name;
    void (*read)(struct scenario_reader *r, const struct vc_doc *doc);
} step_readers[] = {
    {"expect", step_expect}, {"hold", step_hold}, {"fault", step_fault}, {"heal", step_heal},
    {"load", step_load},     {"stop", step_stop}, {"wait", step_wait},   {"repeat", step_repeat},
};

void vc_steps_read(struct scenario_reader *r, const struct vc_doc *list)
{
    struct vc_names names = VC_NAMES(step_readers, VC_COUNT(step_readers));

    if (list->type != VC_DOC_LIST || !list->count) {
        vc_problem(r->base.problems, list->mark, "found steps without a list; allowed: a list of steps");
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct vc_doc *step = list->items[i];

        if (r->scenario->step_count >= STEPS_MAX) {
            vc_problem(r->base.problems, step->mark, "found more than %d steps after unrolling; allowed: %d", STEPS_MAX,
                       STEPS_MAX);
            return;
        }
        if (!vc_schema_is_map(&r->base, step, "a step"))
            continue;
        size_t kind = vc_names_find(names, step->items[0]->key);
        if (kind == VC_NONE)
            vc_problem_unknown(r->base.problems, step->items[0]->key_mark, "step", step->items[0]->key, names);
        else if (step->count > 1)
            vc_problem(r->base.problems, step->items[1]->key_mark,
                       "found %zu members in one step; allowed: one, each step begins with \"- \"", step->count);
        else
            step_readers[kind].read(r, step->items[0]);
    }
}

char *vc_step_text(void *ctx, const struct vc_step *step)
{
    const json_t *one;
    size_t i;

    if (step->kind != VC_STEP_EXPECT)
        return talloc_strdup(ctx, json_string_value(json_object_get(step->spec, "text")));
    char *text = talloc_strdup(ctx, "");
    json_array_foreach(step->spec, i, one) text =
        talloc_asprintf_append(text, "%s%s", i ? "; " : "", json_string_value(json_object_get(one, "text")));
    return text;
}
