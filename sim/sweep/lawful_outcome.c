/* What the doctor said in a lawful run. */
#include <string.h>

#include "doctor/doctor.h"
#include "sweep/events.h"
#include "sweep/lawful.h"

static int drop_alarms(struct vc_lawful_outcome *outcome)
{
    json_decref(outcome->alarms);
    return 0;
}

/* The lab was not what it should have been, or the run itself failed. That the doctor was not pleased is no reason. */
static const char *unusable(void *ctx, const char *result)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/run.json", result ? result : "");
    VC_AUTO_JSON *run = json_load_file(path, 0, NULL);
    const char *verdict = sweep_text(run, "verdict");
    const json_t *expectation;
    size_t i;

    if (!run)
        return "it left no result";
    if (strcmp(verdict, "pass") != 0 && strcmp(verdict, "fail") != 0)
        return talloc_asprintf(ctx, "%s: %s", verdict, sweep_text(run, "reason"));
    json_array_foreach(json_object_get(run, "expectations"), i, expectation)
    {
        if (strcmp(sweep_text(expectation, "type"), "converged") != 0)
            continue;
        if (strcmp(sweep_text(expectation, "verdict"), "pass") != 0)
            return "the lab did not converge";
    }
    return NULL;
}

static bool fails(const json_t *tunnel)
{
    json_t *layers = json_object_get(tunnel, "layers"), *state;
    const char *layer;

    json_object_foreach(layers, layer, state)
    {
        if (!strcmp(sweep_text(layers, layer), "failed"))
            return true;
    }
    return false;
}

static bool any_layer_fails(const json_t *diagnosis)
{
    const json_t *tunnel;
    size_t i;

    json_array_foreach(json_object_get(diagnosis, "tunnels"), i, tunnel)
    {
        if (fails(tunnel))
            return true;
    }
    return false;
}

/* What still comes up is no fault, and nobody said that it is. */
static bool is_alarm(const json_t *diagnosis)
{
    return json_array_size(json_object_get(diagnosis, "causes")) || any_layer_fails(diagnosis) ||
           !json_array_size(json_object_get(diagnosis, "tunnels"));
}

static void examine(struct vc_lawful_outcome *outcome, const json_t *event)
{
    json_t *document = json_object_get(event, "document");
    VC_AUTO_JSON *diagnosis = document ? vc_doctor_examine(document) : NULL;

    if (!diagnosis)
        return;
    outcome->examinations++;
    outcome->coming += !json_is_true(json_object_get(diagnosis, "healthy")) && !is_alarm(diagnosis);
    if (is_alarm(diagnosis))
        json_array_append_new(outcome->alarms, json_pack("{s:O, s:O, s:O}", "t_ns", json_object_get(event, "t_ns"),
                                                         "evidence", document, "diagnosis", diagnosis));
}

struct vc_lawful_outcome *vc_lawful_outcome_read(void *ctx, const char *result)
{
    struct vc_lawful_outcome *outcome = talloc_zero(ctx, struct vc_lawful_outcome);
    VC_AUTO_JSON *events = result ? sweep_events(result) : json_array();
    json_int_t asked_ns = 0; /* a diagnosis waits for its answer since then */
    bool lawful = false;     /* nothing failed since the doctor was asked last */
    const json_t *event;
    size_t i;

    outcome->alarms = json_array();
    talloc_set_destructor(outcome, drop_alarms);
    outcome->answer_s = talloc_zero_array(outcome, double, (unsigned)json_array_size(events) + 1);
    outcome->unusable = unusable(outcome, result);
    json_array_foreach(events, i, event)
    {
        json_int_t t_ns = json_integer_value(json_object_get(event, "t_ns"));
        const char *what = sweep_text(event, "what");
        if (!strcmp(what, "expect") && !strcmp(sweep_text(event, "type"), "diagnosis"))
            asked_ns = t_ns, lawful = true;
        if (!strcmp(what, "applied") && !strcmp(sweep_text(event, "name"), VC_LAWFUL_PAST))
            lawful = false;
        if (strcmp(what, "evidence") != 0 || !lawful)
            continue;
        examine(outcome, event);
        if (asked_ns)
            outcome->answer_s[outcome->answers++] = (double)(t_ns - asked_ns) / VC_NS_PER_S;
        asked_ns = 0;
    }
    return outcome;
}
