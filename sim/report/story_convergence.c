/* Which link of the chain took the time after a fault or a heal, in one line (docs/convergence.md). */
#include "report/story.h"

#include <string.h>

#include "run/convergence.h"

static const json_t *stage_named(const json_t *entry, const char *name)
{
    size_t i;
    json_t *stage;

    json_array_foreach(json_object_get(entry, "stages"), i, stage)
    {
        if (strcmp(vc_member_text(stage, "stage"), name) == 0 && json_is_true(json_object_get(stage, "causal")))
            return stage;
    }
    return NULL;
}

static bool known(const json_t *entry, const char *member)
{
    return json_is_integer(json_object_get(entry, member));
}

/* ", ±20 ms" */
static char *with_resolution(void *ctx, char *text, const json_t *stage)
{
    int64_t resolution_ns = vc_member_int(stage, "resolution_ns");

    return resolution_ns > 0
               ? talloc_asprintf_append(text, "%s±%s", *text ? ", " : "", vc_story_duration(ctx, resolution_ns))
               : text;
}

/* What had to come up before the session could, where that took a good part of the time. */
static char *before_session(void *ctx, const json_t *entry)
{
    static const struct {
        const char *stage, *name;
    } parts[] = {{"link", "link"}, {"ike", "IKE"}, {"esp", "IPsec"}, {"gre", "GRE"}};
    char *text = talloc_strdup(ctx, "");

    for (size_t i = 0; i < VC_COUNT(parts); i++) {
        int64_t since_ns = vc_member_int(stage_named(entry, parts[i].stage), "since_ns");
        if (since_ns > vc_member_int(entry, "detection_ns") / 10)
            text = talloc_asprintf_append(text, "%s %s, ", parts[i].name, vc_story_duration(ctx, since_ns));
    }
    return text;
}

static char *part(void *ctx, char *text, const char *name, int64_t ns, const char *detail)
{
    text = talloc_asprintf_append(text, "%s%s %s", *text ? " · " : "", name, vc_story_duration(ctx, ns));
    return *detail ? talloc_asprintf_append(text, " (%s)", detail) : text;
}

static char *parts_text(void *ctx, const json_t *entry)
{
    bool heal = json_is_true(json_object_get(entry, "heal"));
    const json_t *bgp = stage_named(entry, "bgp");
    bool session = heal && bgp;
    char *text = talloc_strdup(ctx, "");

    if (known(entry, "detection_ns")) {
        char *detail = talloc_strdup_append(session ? before_session(ctx, entry) : talloc_strdup(ctx, ""),
                                            vc_member_text(entry, "cause"));
        text = part(ctx, text, session ? "session" : "detection", vc_member_int(entry, "detection_ns"),
                    with_resolution(ctx, detail, bgp));
    }
    if (known(entry, "withdrawal_ns"))
        text = part(ctx, text, heal ? "advertisement" : "withdrawal", vc_member_int(entry, "withdrawal_ns"), "");
    if (known(entry, "fib_ns"))
        text = part(ctx, text, "FIB", vc_member_int(entry, "fib_ns"), "");
    if (known(entry, "packets_ns"))
        text = part(ctx, text, "packets", vc_member_int(entry, "packets_ns"),
                    with_resolution(ctx, talloc_strdup(ctx, ""), stage_named(entry, "full")));
    return text;
}

/* The flows, without their directions. */
static const char *unsettled_text(void *ctx, const json_t *unsettled)
{
    char *text = talloc_strdup(ctx, "");
    const char *before = "";
    size_t i;
    json_t *course;

    json_array_foreach(unsettled, i, course)
    {
        const char *flow = talloc_strndup(ctx, json_string_value(course), strcspn(json_string_value(course), " "));
        if (strcmp(flow, before) != 0)
            text = talloc_asprintf_append(text, "%s%s", *text ? ", " : "", flow);
        before = flow;
    }
    return text;
}

char *vc_story_convergence(void *ctx, const json_t *entry)
{
    const json_t *unsettled = json_object_get(entry, "unsettled");
    const char *parts = parts_text(ctx, entry);

    if (json_array_size(unsettled))
        return talloc_asprintf(ctx, "no packets of %s to the end of this step%s%s", unsettled_text(ctx, unsettled),
                               *parts ? ": " : "", parts);
    if (known(entry, "full_ns"))
        return talloc_asprintf(ctx, "converged in %s: %s", vc_story_duration(ctx, vc_member_int(entry, "full_ns")),
                               parts);
    return *parts ? talloc_asprintf(ctx, "converged without touching a flow: %s", parts) : NULL;
}

json_t *vc_story_convergence_of(const json_t *run, const json_t *events)
{
    json_t *stored = json_object_get(run, "convergence"), *event;
    size_t i;

    if (json_is_array(stored))
        return json_incref(stored);
    /* A run.json without it, of an older vclab: the events are enough. */
    VC_AUTO_TALLOC struct vc_convergence *convergence = vc_convergence_new(NULL);
    json_array_foreach(events, i, event) vc_convergence_event(convergence, event);
    return vc_convergence_json(convergence);
}
