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
char *acceptance_meaning(void *ctx, const json_t *document);
char *acceptance_timers_words(void *ctx, const json_t *document);
char *acceptance_plan_words(void *ctx, const json_t *document);
/* "calls to dc1" */
const char *acceptance_flow_name(void *ctx, const char *name);
/* "gone for 33.21 s at most (±20 ms), 1660 of 4000 packets lost" or "no packet lost, MOS 4.41": of a whole run only
 * where nothing was lost, as MOS is of short times, and an outage is told in seconds. */
char *acceptance_flow_words(void *ctx, const json_t *flow);
char *acceptance_load_words(void *ctx, const json_t *load);
char *acceptance_voice_words(void *ctx, const json_t *voice);
char *acceptance_cause_words(void *ctx, const json_t *cause);
char *acceptance_deviation_words(void *ctx, const json_t *cpe, const json_t *deviation);
/* "phone to dc1-srv by dc2 + wan; phone to dc2-srv by dc2" */
char *acceptance_path_words(void *ctx, const json_t *element);
/* "as the model says", "not as the model says", "nothing to drop there", "not shown" */
const char *acceptance_element_words(const json_t *element);
/* How many of them are as they should be. */
char *acceptance_elements_words(void *ctx, const json_t *row);
extern const char acceptance_legend[]; /* of the elements' names */

struct acceptance_verdict {
    const char *name, *words, *brief, *colour; /* colour: pass, fail, inconclusive (neither was shown) */
    int status;
};
const struct acceptance_verdict *acceptance_verdict_of(const json_t *row);
/* There is more to tell of it than that it was not tried. */
bool acceptance_is_told(const json_t *row);

static inline double acceptance_number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}
