/* The doctor's answer to the latest evidence: computed by whoever judges, so that a result judged again is examined
 * again. */
#include "doctor/doctor.h"
#include "run/verdict_private.h"

/* At a run's end nobody asks any more: the examination is left to vclab doctor. */
static bool is_asked_for(const struct vc_judge *judge)
{
    for (size_t i = 0; i < judge->expectation_count; i++)
        if (strcmp(judge->expectations[i].kind->type, "diagnosis") == 0 && !judge->expectations[i].closed)
            return true;
    return false;
}

void diagnosis_evidence(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    const json_t *document = json_object_get(event, "document");

    if (!document || !is_asked_for(judge))
        return;
    json_t *diagnosis = vc_doctor_examine(document);
    json_object_set_new(diagnosis, "t_ns", json_integer(t_ns)); /* the same answer again is a new answer */
    fact_set(judge, t_ns, diagnosis, "diagnosis");
}

/* "healthy": nothing is wrong. Else the cause is named; and none that is not in `beside`, unless the spec has `others`.
 */
bool diagnosis_names(const struct vc_judge *judge, const json_t *spec, int64_t *since_ns)
{
    const json_t *diagnosis = fact_get(judge, since_ns, "diagnosis");
    const char *cause = text_of(spec, "cause");
    bool others = false;

    if (!diagnosis || number_of(diagnosis, "t_ns", 0) < number_of(spec, "t_ns", 0))
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
