/* The life of an expectation: armed, met or late, closed by the next fault; and of a hold, which watches states that
 * were met. */
#include "run/verdict_private.h"

static int expectations_destructor(struct expectation *expectations)
{
    for (size_t i = 0; i < talloc_array_length(expectations); i++)
        json_decref(expectations[i].spec);
    return 0;
}

static void drop_kindless(struct vc_judge *judge, const char *type)
{
    if (!judge->error)
        judge->error = talloc_asprintf(judge, "check/expect of unknown type \"%s\"", type);
}

void expect_arm(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    size_t n = judge->expectation_count;
    const char *type = text_of(event, "type"), *text = text_of(event, "text");
    const struct expect_kind *kind = expect_kind_of(type, event);
    int64_t trigger_ns = number_of(event, "trigger_ns", t_ns);
    json_t *spec;

    if (!kind) {
        drop_kindless(judge, type);
        return;
    }
    judge->expectations = talloc_realloc(judge, judge->expectations, struct expectation, (unsigned)n + 1);
    talloc_set_destructor(judge->expectations, expectations_destructor);
    spec = json_deep_copy(event);
    judge->expectations[n] = (struct expectation){
        .id = (int)number_of(event, "id", -1),
        .kind = kind,
        .spec = spec,
        .text = *text ? text_of(spec, "text") : kind->type,
        .trigger_ns = trigger_ns,
        .armed_ns = t_ns,
        /* Without a time to wait it must be true already. */
        .deadline_ns = json_object_get(event, "within_ns") ? trigger_ns + number_of(event, "within_ns", 0) : t_ns,
        .window = judge->window_count - 1,
    };
    judge->expectation_count++;
}

const struct expectation *expect_find(const struct vc_judge *judge, int id)
{
    for (size_t i = judge->expectation_count; i-- > 0;)
        if (judge->expectations[i].id == id)
            return &judge->expectations[i];
    return NULL;
}

bool expect_true(const struct vc_judge *judge, const struct expectation *expectation)
{
    int64_t since_ns = 0;

    return expectation->kind->truth && expectation->kind->truth(judge, expectation->spec, &since_ns);
}

void expect_advance(struct vc_judge *judge)
{
    for (size_t i = 0; i < judge->expectation_count; i++) {
        struct expectation *e = &judge->expectations[i];
        int64_t since_ns = 0;

        if (e->met || e->closed || !e->kind->truth || !e->kind->truth(judge, e->spec, &since_ns))
            continue;
        e->met = true;
        e->met_ns = since_ns > e->trigger_ns ? since_ns : e->trigger_ns;
    }
}

void expect_close(struct vc_judge *judge)
{
    for (size_t i = 0; i < judge->expectation_count; i++)
        judge->expectations[i].closed = true;
}

/* The worst scheduling lag between two moments, or 0. */
static int64_t lag_between(const struct vc_judge *judge, int64_t from_ns, int64_t to_ns)
{
    int64_t worst = 0;

    for (size_t i = 0; i < judge->lag_count; i++)
        if (judge->lags[i].t_ns >= from_ns && judge->lags[i].from_ns <= to_ns && judge->lags[i].lag_ns > worst)
            worst = judge->lags[i].lag_ns;
    return worst;
}

static enum vc_verdict late_verdict(const struct vc_judge *judge, int64_t excess_ns, int64_t from_ns, int64_t to_ns)
{
    return excess_ns <= lag_between(judge, from_ns, to_ns) ? VC_INCONCLUSIVE : VC_FAIL;
}

static enum vc_verdict state_verdict(const struct vc_judge *judge, const struct expectation *e)
{
    if (e->broken)
        return VC_FAIL;
    if (e->met && e->met_ns <= e->deadline_ns)
        return VC_PASS;
    if (e->met)
        return late_verdict(judge, e->met_ns - e->deadline_ns, e->trigger_ns, e->met_ns);
    return e->closed || judge->now_ns >= e->deadline_ns ? VC_FAIL : VC_PENDING;
}

static enum vc_verdict measure_verdict(const struct vc_judge *judge, const struct expectation *e)
{
    const struct window *window = &judge->windows[e->window];

    if (window->end_ns == INT64_MAX)
        return VC_PENDING;

    int64_t value = e->kind->measure(judge, e->spec, window);
    int64_t at_most = number_of(e->spec, e->kind->at_most, INT64_MAX),
            at_least = number_of(e->spec, e->kind->at_least, 0);
    int64_t excess = value > at_most ? value - at_most : value < at_least ? at_least - value : 0;

    if (value == INT64_MAX)
        return VC_FAIL; /* nothing to measure: no such flow, a load that never ran */
    if (!excess)
        return VC_PASS;
    return e->kind->unit == UNIT_MS ? late_verdict(judge, excess, window->start_ns, window->end_ns) : VC_FAIL;
}

enum vc_verdict expect_verdict(const struct vc_judge *judge, const struct expectation *expectation)
{
    return expectation->kind->truth ? state_verdict(judge, expectation) : measure_verdict(judge, expectation);
}

static const char *const unit_names[] = {[UNIT_MS] = "ms",     [UNIT_PACKETS] = "packets", [UNIT_REKEYS] = "rekeys",
                                         [UNIT_PERCENT] = "%", [UNIT_MBIT] = "Mbit/s",     [UNIT_BYTES] = "bytes"};

static json_t *in_unit(enum expect_unit unit, int64_t value)
{
    if (unit == UNIT_MS)
        return json_real((double)value / 1e6);
    return unit == UNIT_PERCENT ? json_real((double)value / 1e4) : json_integer(value);
}

static void measure_json(const struct vc_judge *judge, const struct expectation *e, json_t *out)
{
    const struct window *window = &judge->windows[e->window];
    int64_t value = e->kind->measure(judge, e->spec, window);
    const char *limit = json_object_get(e->spec, e->kind->at_most) ? e->kind->at_most : e->kind->at_least;

    json_object_set_new(out, "measured", value == INT64_MAX ? json_null() : in_unit(e->kind->unit, value));
    json_object_set_new(out, "limit", in_unit(e->kind->unit, number_of(e->spec, limit, 0)));
    json_object_set_new(out, "t_ns", json_integer(window->end_ns == INT64_MAX ? judge->now_ns : window->end_ns));
}

static void state_json(const struct expectation *e, json_t *out)
{
    int64_t limit = e->deadline_ns - e->trigger_ns;

    if (e->answers)
        json_object_set_new(out, "answers", json_integer(e->answers));
    if (e->broken) {
        VC_AUTO_TALLOC char *text = talloc_asprintf(NULL, "%s: %s", e->text, e->broken);
        json_object_set_new(out, "text", json_string(text));
        json_object_set_new(out, "broken", json_true());
    }
    json_object_set_new(out, "measured",
                        e->met && !e->broken ? in_unit(UNIT_MS, e->met_ns - e->trigger_ns) : json_null());
    json_object_set_new(out, "limit", in_unit(UNIT_MS, limit > 0 ? limit : 0));
    json_object_set_new(out, "t_ns", json_integer(e->met ? e->met_ns : e->deadline_ns));
}

json_t *expect_json(const struct vc_judge *judge, const struct expectation *expectation, enum vc_verdict *verdict)
{
    json_t *out;

    *verdict = expect_verdict(judge, expectation);
    out = json_pack("{s:s, s:s, s:s, s:s}", "text", expectation->text, "type", expectation->kind->type, "verdict",
                    vc_verdict_name(*verdict), "unit", unit_names[expectation->kind->unit]);
    if (expectation->kind->truth)
        state_json(expectation, out);
    else
        measure_json(judge, expectation, out);
    return out;
}

/* Holds */

static int holds_destructor(struct hold *holds)
{
    for (size_t i = 0; i < talloc_array_length(holds); i++)
        json_decref(holds[i].expects);
    return 0;
}

void hold_begin(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    size_t n = judge->hold_count;

    judge->holds = talloc_realloc(judge, judge->holds, struct hold, (unsigned)n + 1);
    talloc_set_destructor(judge->holds, holds_destructor);
    judge->holds[n] = (struct hold){
        .id = (int)number_of(event, "id", -1),
        .expects = json_deep_copy(json_object_get(event, "expects")),
        .start_ns = t_ns,
        .for_ns = number_of(event, "for_ns", 0),
        .restored_ns = -1,
    };
    judge->hold_count++;
}

void hold_end(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    for (size_t i = judge->hold_count; i-- > 0;) {
        struct hold *hold = &judge->holds[i];

        if (hold->id != number_of(event, "id", -1) || hold->ended)
            continue;
        hold->ended = true;
        hold->end_ns = t_ns;
        return;
    }
}

/* The first of its expectations that is not true now, or NULL. */
static const struct expectation *untrue(const struct vc_judge *judge, const struct hold *hold)
{
    size_t i;
    json_t *id;

    json_array_foreach(hold->expects, i, id)
    {
        const struct expectation *e = expect_find(judge, (int)json_integer_value(id));

        if (e && e->kind->truth && !expect_true(judge, e))
            return e;
    }
    return NULL;
}

static void watch_hold(const struct vc_judge *judge, struct hold *hold, int64_t t_ns)
{
    const struct expectation *e;

    if (hold->restored_ns >= 0)
        return;
    e = untrue(judge, hold);
    if (hold->broken && !e) {
        hold->restored_ns = t_ns;
    } else if (!hold->broken && e) {
        hold->broken = true;
        hold->broken_ns = t_ns;
        hold->broken_text = e->text;
    }
}

void hold_advance(struct vc_judge *judge, int64_t t_ns)
{
    for (size_t i = 0; i < judge->hold_count; i++)
        if (!judge->holds[i].ended)
            watch_hold(judge, &judge->holds[i], t_ns);
}

static enum vc_verdict hold_verdict(const struct vc_judge *judge, const struct hold *hold)
{
    if (hold->broken && hold->restored_ns < 0)
        return VC_FAIL;
    if (hold->broken) /* for no longer than the host itself stood still */
        return late_verdict(judge, hold->restored_ns - hold->broken_ns, hold->broken_ns, hold->restored_ns);
    if (!hold->ended)
        return judge->ended ? VC_FAIL : VC_PENDING;
    /* One that was cut short is not the one that was asked for. */
    return hold->end_ns - hold->start_ns >= hold->for_ns ? VC_PASS : VC_FAIL;
}

json_t *hold_json(const struct vc_judge *judge, const struct hold *hold, enum vc_verdict *verdict)
{
    int64_t until = hold->broken ? hold->broken_ns : hold->ended ? hold->end_ns : judge->now_ns;
    VC_AUTO_TALLOC char *text = talloc_asprintf(NULL, "holds for %g s", (double)hold->for_ns / 1e9);

    if (hold->broken)
        text = talloc_asprintf_append(text, ": no longer true: %s", hold->broken_text);
    *verdict = hold_verdict(judge, hold);
    return json_pack("{s:s, s:s, s:s, s:f, s:f, s:s, s:I}", "text", text, "type", "hold", "verdict",
                     vc_verdict_name(*verdict), "measured", (double)(until - hold->start_ns) / 1e6, "limit",
                     (double)hold->for_ns / 1e6, "unit", "ms", "t_ns", (json_int_t)until);
}
