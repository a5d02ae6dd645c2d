/* What a daemon wrote into its log. */
#include "run/verdict_private.h"

/* The node stands last: what a log said stays said when the node is powered off (state_forget_node). */
#define FACT "log|%s|%s|%s"

void log_written(struct vc_judge *judge, const json_t *event, int64_t t_ns)
{
    fact_set(judge, t_ns, json_true(), FACT, text_of(event, "daemon"), text_of(event, "contains"),
             text_of(event, "node"));
}

bool log_has(const struct vc_judge *judge, const json_t *spec, int64_t *since_ns)
{
    const json_t *written =
        fact_get(judge, since_ns, FACT, text_of(spec, "daemon"), text_of(spec, "contains"), text_of(spec, "node"));

    return json_is_true(written) == !json_is_false(json_object_get(spec, "present"));
}
