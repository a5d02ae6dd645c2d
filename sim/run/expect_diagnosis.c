/* The doctor's answer to the latest evidence: computed by whoever judges, so that a result judged again is examined
 * again. */
#include "doctor/doctor.h"
#include "run/verdict_private.h"

static bool is_diagnosis(const struct expectation *e)
{
    return strcmp(e->kind->type, "diagnosis") == 0 && !e->closed;
}

/* At a run's end nobody asks any more: the examination is left to vclab doctor. */
static bool is_asked_for(const struct vc_judge *judge)
{
    for (size_t i = 0; !judge->steps_done && i < judge->expectation_count; i++)
        if (is_diagnosis(&judge->expectations[i]))
            return true;
    return false;
}

bool diagnosis_watches(const struct expectation *e)
{
    return is_diagnosis(e) && !e->broken && json_is_true(json_object_get(e->spec, "throughout"));
}

/* "ike-psk at cpe1, tunnel dc1; …", talloc child of ctx. */
static char *what_was_named(void *ctx, const json_t *diagnosis)
{
    char *text = talloc_strdup(ctx, "");
    json_t *cause;
    size_t i;

    json_array_foreach(json_object_get(diagnosis, "causes"), i, cause)
    {
        const char *node = text_of(cause, "node"), *tunnel = text_of(cause, "tunnel");
        text = talloc_asprintf_append(text, "%s%s%s%s%s%s", i ? "; " : "", text_of(cause, "cause"), *node ? " at " : "",
                                      node, *tunnel ? ", tunnel " : "", tunnel);
    }
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' '; /* a reason is one line */
    return *text ? text : talloc_strdup_append(text, "nothing");
}

/* Of those that have to be true throughout, each answer that began after they were armed. */
static void count_answer(struct vc_judge *judge, const json_t *diagnosis, int64_t begun_ns)
{
    for (size_t i = 0; i < judge->expectation_count; i++) {
        struct expectation *e = &judge->expectations[i];
        int64_t since_ns = 0;

        if (!diagnosis_watches(e) || begun_ns < e->armed_ns)
            continue;
        e->answers++;
        if (e->kind->truth(judge, e->spec, &since_ns))
            continue;
        VC_AUTO_TALLOC char *named = what_was_named(NULL, diagnosis);
        e->broken = talloc_asprintf(judge, "%s was named at %.3f s", named, (double)begun_ns / 1e9);
    }
}

/* An answer is of the time when its examination began: what was tried then tells nothing of what was done since. */
void diagnosis_evidence(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    const json_t *document = json_object_get(event, "document");
    int64_t begun_ns = number_of(event, "begun_ns", t_ns);

    if (!document || !is_asked_for(judge))
        return;
    json_t *diagnosis = vc_doctor_examine(document);
    json_object_set_new(diagnosis, "begun_ns", json_integer(begun_ns)); /* the same answer again is a new answer */
    fact_set(judge, t_ns, json_incref(diagnosis), "diagnosis");
    count_answer(judge, diagnosis, begun_ns);
    json_decref(diagnosis);
}

/* "healthy": nothing is wrong. Else the cause is named; and none that is not in `beside`, unless the spec has `others`.
 */
bool diagnosis_names(const struct vc_judge *judge, const json_t *spec, int64_t *since_ns)
{
    const json_t *diagnosis = fact_get(judge, since_ns, "diagnosis");
    const char *cause = text_of(spec, "cause");
    bool others = false;

    if (!diagnosis || number_of(diagnosis, "begun_ns", 0) < number_of(spec, "t_ns", 0))
        return false;
    if (strcmp(cause, "healthy") == 0)
        return json_is_true(json_object_get(diagnosis, "healthy"));
    if (!vc_doctor_names(diagnosis, cause, text_of(spec, "node"), text_of(spec, "tunnel"),
                         json_object_get(spec, "beside"), &others))
        return false;
    if (json_is_true(json_object_get(spec, "first")) &&
        strcmp(text_of(json_array_get(json_object_get(diagnosis, "causes"), 0), "cause"), cause) != 0)
        return false;
    return !others || json_is_true(json_object_get(spec, "others"));
}
