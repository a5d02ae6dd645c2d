/* What the files of the acceptance report share. */
#pragma once

#include "report/acceptance.h"
#include "report/report_private.h"

/*
 * Judges the calls of a case from its run's events: adds "loads" (what was planned, sent and received) and "voice" (one
 * way, its variation, loss and MOS of each direction while the load ran) to the row, lines to its "unmet", and changes
 * its verdict and reason.
 */
void acceptance_judge_voice(json_t *row, const struct vc_acceptance_case *c, const json_t *events);

/* Sentences of the report, without the full stop of a list; talloc children of ctx. */
char *acceptance_plan_words(void *ctx, const json_t *document);
char *acceptance_load_words(void *ctx, const json_t *load);
char *acceptance_voice_words(void *ctx, const json_t *voice);
char *acceptance_cause_words(void *ctx, const json_t *cause);
char *acceptance_deviation_words(void *ctx, const json_t *cpe, const json_t *deviation);
/* "phone to dc1-srv by dc2 + wan; phone to dc2-srv by dc2" */
char *acceptance_path_words(void *ctx, const json_t *element);
/* "as the model says", "not as the model says", "nothing to drop there", "not shown" */
const char *acceptance_element_words(const json_t *element);

struct acceptance_verdict {
    const char *name, *words, *colour;
    int status;
};
const struct acceptance_verdict *acceptance_verdict_of(const json_t *row);

static inline double acceptance_number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}
