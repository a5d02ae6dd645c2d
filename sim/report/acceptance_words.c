/* The acceptance report in plain words. */
#include <string.h>

#include "report/acceptance_private.h"

#define ADD(text, ...) ((text) = talloc_asprintf_append_buffer(text, __VA_ARGS__))

/* "voice-dc1: gone for 33.21 s at most (±20 ms), 1660 of 4000 packets lost, MOS 2.31" */
static char *flow_words(void *ctx, const json_t *flow)
{
    char *text = talloc_asprintf(ctx, "%s: ", vc_member_text(flow, "name"));
    double outage = acceptance_number(flow, "longest_outage_ms");

    if (!vc_member_int(flow, "lost"))
        ADD(text, "no packet lost");
    else
        ADD(text, "gone for %.2f s at most (±%.0f ms), %lld of %lld packets lost", outage / 1000,
            acceptance_number(flow, "resolution_ms"), (long long)vc_member_int(flow, "lost"),
            (long long)vc_member_int(flow, "sent"));
    if (json_is_number(json_object_get(flow, "mos")))
        ADD(text, ", MOS %.2f in all", acceptance_number(flow, "mos"));
    return text;
}

/* Half a sentence as a sentence. */
static char *sentence(void *ctx, const char *half)
{
    return talloc_asprintf(ctx, "%s.", half);
}

/* "1500 calls at the busiest time are 120.0 Mbit/s each way, 48 % of what one tunnel carries (3125 calls). …" */
char *acceptance_plan_words(void *ctx, const json_t *document)
{
    const json_t *plan = json_object_get(document, "plan");
    char *text = talloc_asprintf(ctx,
                                 "Plan: %lld calls at the busiest time are %.1f Mbit/s each way, %.0f %% of what one "
                                 "tunnel carries (%lld calls).",
                                 (long long)vc_member_int(plan, "calls"), acceptance_number(plan, "mbit"),
                                 acceptance_number(plan, "percent_of_a_tunnel"),
                                 (long long)vc_member_int(plan, "calls_a_tunnel"));

    if (json_is_true(json_object_get(plan, "beyond_outside")))
        ADD(text,
            " BEWARE: that counts the customer's own packets. Where 250 Mbit/s are counted outside, with GRE and ESP, "
            "one tunnel carries %lld calls and not these: ask Cisco, or plan for fewer.",
            (long long)vc_member_int(plan, "calls_a_tunnel_outside"));
    return ADD(text, " %s", vc_member_text(plan, "played"));
}

char *acceptance_load_words(void *ctx, const json_t *load)
{
    return talloc_asprintf(ctx, "load %s: %lld of %lld packets of %lld bytes sent (%lld Mbit/s), %lld arrived",
                           vc_member_text(load, "name"), (long long)vc_member_int(load, "sent"),
                           (long long)vc_member_int(load, "planned"), (long long)vc_member_int(load, "bytes"),
                           (long long)vc_member_int(load, "mbit"), (long long)vc_member_int(load, "received"));
}

char *acceptance_voice_words(void *ctx, const json_t *voice)
{
    char *text = talloc_asprintf(ctx, "%s (%s): ", vc_member_text(voice, "flow"), vc_member_text(voice, "direction"));

    if (!json_is_number(json_object_get(voice, "one_way_ms")))
        return ADD(text, "no packet arrived");
    return ADD(
        text,
        "one way %.1f ms (99 of 100 packets; %.1f ms the slowest), varies by %.1f ms, %.1f %% lost under load, MOS "
        "%.2f",
        acceptance_number(voice, "one_way_ms"), acceptance_number(voice, "one_way_max_ms"),
        acceptance_number(voice, "variation_ms"), acceptance_number(voice, "loss_percent"),
        acceptance_number(voice, "mos"));
}

/* "at cpe1, tunnel dc1: the pre-shared key differs; …" */
char *acceptance_cause_words(void *ctx, const json_t *cause)
{
    const char *node = vc_member_text(cause, "node"), *tunnel = vc_member_text(cause, "tunnel");

    return talloc_asprintf(ctx, "%s%s%s%s%s%s%s; %s", *node ? "at " : "", node, *node && *tunnel ? ", " : "",
                           *tunnel ? "tunnel " : "", tunnel, *node || *tunnel ? ": " : "",
                           vc_member_text(cause, "text"), vc_member_text(cause, "remedy"));
}

static char *value_words(void *ctx, const json_t *value)
{
    VC_AUTO_FREE char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

    return talloc_strdup(ctx, json_is_string(value) ? json_string_value(value) : text ? text : "");
}

char *acceptance_deviation_words(void *ctx, const json_t *cpe, const json_t *deviation)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *tunnel = vc_member_text(deviation, "tunnel");
    const json_t *ordered = json_object_get(deviation, "ordered");
    char *text = talloc_strdup(ctx, vc_member_text(cpe, "file"));

    if (vc_member_int(deviation, "line"))
        ADD(text, ":%lld", (long long)vc_member_int(deviation, "line"));
    ADD(text, ": %s%s%s%s is %s", *tunnel ? "tunnel " : "", tunnel, *tunnel ? ": " : "",
        vc_member_text(deviation, "knob"), value_words(scratch, json_object_get(deviation, "found")));
    if (ordered && !json_is_null(ordered))
        ADD(text, "; the order has %s", value_words(scratch, ordered));
    return ADD(text, " (%s)", vc_member_text(deviation, "requirement"));
}

const char *acceptance_element_words(const json_t *element)
{
    static const char *const words[][2] = {{"agrees", "as the model says"},
                                           {"mismatch", "NOT as the model says"},
                                           {"not-applicable", "nothing of the kind passes there"},
                                           {"inconclusive", "not shown: this host was too slow"},
                                           {"error", "NOT shown: the run broke"}};

    for (size_t i = 0; i < VC_COUNT(words); i++)
        if (!strcmp(vc_member_text(element, "verdict"), words[i][0]))
            return words[i][1];
    return "not tried";
}

char *acceptance_path_words(void *ctx, const json_t *element)
{
    char *text = talloc_strdup(ctx, "");
    const char *host;
    const json_t *via;
    size_t i;

    json_object_foreach(json_object_get(element, "paths"), host, via)
    {
        const json_t *step;

        ADD(text, "%s%s %s", *text ? ", " : "", host, json_is_null(via) ? "lost" : "by ");
        json_array_foreach(via, i, step) ADD(text, "%s%s", i ? "+" : "", json_string_value(step));
    }
    return text;
}

static char *add_list(char *text, const json_t *row, const char *list, char *(*words)(void *, const json_t *),
                      const char *before)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(row, list), i, item) ADD(text, "   - %s%s\n", before, words(ctx, item));
    return text;
}

static char *line_words(void *ctx, const json_t *line)
{
    return talloc_strdup(ctx, json_string_value(line));
}

static char *element_words(void *ctx, const json_t *element)
{
    const char *reason = vc_member_text(element, "reason");

    return talloc_asprintf(ctx, "%-28s %s: %s%s%s", vc_member_text(element, "name"),
                           acceptance_path_words(ctx, element), acceptance_element_words(element), *reason ? ": " : "",
                           reason);
}

static char *add_case(char *text, const json_t *row, size_t i)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    ADD(text, "\n%zu. %s\n   %s\n   %s", i + 1, sentence(ctx, vc_member_text(row, "title")),
        sentence(ctx, vc_member_text(row, "promise")), vc_acceptance_words(row));
    if (strcmp(vc_member_text(row, "verdict"), "pass") != 0)
        ADD(text, ": %s", vc_member_text(row, "reason"));
    ADD(text, "\n");
    text = add_list(text, row, "unmet", line_words, "not met: ");
    text = add_list(text, row, "causes", acceptance_cause_words, "the doctor says: ");
    text = add_list(text, row, "flows", flow_words, "");
    text = add_list(text, row, "loads", acceptance_load_words, "");
    text = add_list(text, row, "voice", acceptance_voice_words, "");
    text = add_list(text, row, "elements", element_words, "");
    if (*vc_member_text(row, "result"))
        ADD(text, "   evidence: %s\n", vc_member_text(row, "result"));
    return text;
}

static char *add_cpe(char *text, const json_t *cpe)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const json_t *item, *unknown = json_object_get(cpe, "unknown");
    size_t i;

    ADD(text, "CPE %s is tried as %s configures it; %zu of its settings are not the order's:\n",
        vc_member_text(cpe, "node"), vc_member_text(cpe, "file"), json_array_size(json_object_get(cpe, "deviations")));
    json_array_foreach(json_object_get(cpe, "deviations"), i, item)
        ADD(text, "   - %s\n", acceptance_deviation_words(ctx, cpe, item));
    json_array_foreach(json_object_get(cpe, "notes"), i, item) ADD(text, "   - %s\n", json_string_value(item));
    if (json_array_size(unknown))
        ADD(text, "   - not understood, and so not tried: line");
    json_array_foreach(unknown, i, item) ADD(text, "%s %lld", i ? "," : "", (long long)vc_member_int(item, "line"));
    return ADD(text, json_array_size(unknown) ? "\n\n" : "\n");
}

char *vc_acceptance_text(void *ctx, const json_t *document)
{
    const json_t *order = json_object_get(document, "order"), *row;
    VC_AUTO_TALLOC char *view = vc_activation_text(NULL, order);
    char *text = talloc_asprintf(ctx, "%s: %lld of %lld cases are as promised, with %s timers.\n%s\n",
                                 json_is_true(json_object_get(document, "accepted")) ? "ACCEPTED" : "NOT ACCEPTED",
                                 (long long)vc_member_int(document, "passed"),
                                 (long long)vc_member_int(document, "total"), vc_member_text(document, "timers"), view);
    size_t i;

    json_array_foreach(json_object_get(document, "cpes"), i, row) text = add_cpe(text, row);
    ADD(text, "%s\n\n", acceptance_plan_words(view, document));
    ADD(text, "What was tried, in a lab of this order's own topology (a simulation, not the customer's network):\n");
    json_array_foreach(json_object_get(document, "cases"), i, row) text = add_case(text, row, i);
    return text;
}
