/* The acceptance report in plain words. */
#include <string.h>

#include "report/acceptance_private.h"

#define ADD(text, ...) ((text) = talloc_asprintf_append_buffer(text, __VA_ARGS__))

const char acceptance_legend[] = "node/N: N loses its power; daemon/N/P: program P of N ends; link/W: wire W is cut; "
                                 "end/W/N: N's interface on wire W "
                                 "goes down; drop/K/W: packets of kind K vanish on wire, or in tunnel, W.";

/* "voice-dc1" is what a scenario calls it. */
const char *acceptance_flow_name(void *ctx, const char *name)
{
    static const char calls[] = "voice-";
    size_t size = strlen(calls);

    return strncmp(name, calls, size) ? name : talloc_asprintf(ctx, "calls to %s", name + size);
}

char *acceptance_flow_words(void *ctx, const json_t *flow)
{
    if (!vc_member_int(flow, "lost"))
        return json_is_number(json_object_get(flow, "mos"))
                   ? talloc_asprintf(ctx, "no packet lost, MOS %.2f", acceptance_number(flow, "mos"))
                   : talloc_strdup(ctx, "no packet lost");
    return talloc_asprintf(ctx, "gone for %.2f s at most (±%.0f ms), %lld of %lld packets lost",
                           acceptance_number(flow, "longest_outage_ms") / 1000,
                           acceptance_number(flow, "resolution_ms"), (long long)vc_member_int(flow, "lost"),
                           (long long)vc_member_int(flow, "sent"));
}

static char *flow_line(void *ctx, const json_t *flow)
{
    return talloc_asprintf(ctx, "%s: %s", acceptance_flow_name(ctx, vc_member_text(flow, "name")),
                           acceptance_flow_words(ctx, flow));
}

/* Half a sentence as a sentence. */
static char *sentence(void *ctx, const char *half)
{
    return talloc_asprintf(ctx, "%s.", half);
}

static bool calls_were_tried(const json_t *document)
{
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(document, "cases"), i,
                       row) if (json_array_size(json_object_get(row, "loads"))) return true;
    return false;
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
    return ADD(text, " %s", calls_were_tried(document) ? vc_member_text(plan, "played") : "They were not tried.");
}

/* How many cases are as they were promised, and what that means for the order. */
static size_t count_of(const json_t *document, const char *colour)
{
    const json_t *row;
    size_t i, count = 0;

    json_array_foreach(json_object_get(document, "cases"), i, row) count +=
        !strcmp(acceptance_verdict_of(row)->colour, colour);
    return count;
}

char *acceptance_meaning(void *ctx, const json_t *document)
{
    size_t failed = count_of(document, "fail"), open = count_of(document, "inconclusive");
    char *text = talloc_strdup(ctx, "");

    if (json_is_true(json_object_get(document, "accepted")))
        ADD(text, "Everything that is promised was shown.");
    else if (failed)
        ADD(text, "What is not as promised has to be mended before the order goes into service.");
    else
        ADD(text, "Nothing was found wrong, but %zu of the cases were not shown, and an acceptance needs all of them.",
            open);
    if (failed && open)
        ADD(text, " %zu more cases were not shown.", open);
    return ADD(text,
               " It was tried in a lab of this order's own topology: a simulation, and not the customer's network. His "
               "Internet lines, firewalls and devices are not in it.");
}

/* "Timers: tuned. A tunnel that dies without a sign …" */
char *acceptance_timers_words(void *ctx, const json_t *document)
{
    return talloc_asprintf(ctx,
                           "Timers: %s. When a tunnel dies without a sign, its calls go on by the other tunnel after "
                           "%s at most.",
                           vc_member_text(document, "timers"), vc_member_text(document, "recovery"));
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
    const char *way = vc_member_text(voice, "direction");
    char *text = talloc_asprintf(ctx, "%s (%s): ", acceptance_flow_name(ctx, vc_member_text(voice, "flow")),
                                 !strcmp(way, "forward")  ? "from the phones"
                                 : !strcmp(way, "return") ? "to the phones"
                                                          : way);

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

/* "at cpe1, tunnel dc1: the pre-shared key differs. …" */
char *acceptance_cause_words(void *ctx, const json_t *cause)
{
    const char *node = vc_member_text(cause, "node"), *tunnel = vc_member_text(cause, "tunnel");

    return talloc_asprintf(ctx, "%s%s%s%s%s%s%s. %s", *node ? "at " : "", node, *node && *tunnel ? ", " : "",
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

/* ---- the text ---- */

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

static bool is_plain(const json_t *element)
{
    return !strcmp(vc_member_text(element, "verdict"), "agrees") ||
           !strcmp(vc_member_text(element, "verdict"), "not-applicable");
}

char *acceptance_elements_words(void *ctx, const json_t *row)
{
    const json_t *elements = json_object_get(row, "elements"), *element;
    size_t i, agree = 0, plain = 0;

    json_array_foreach(elements, i, element)
    {
        agree += !strcmp(vc_member_text(element, "verdict"), "agrees");
        plain += is_plain(element);
    }
    return talloc_asprintf(ctx,
                           "%zu single failures: %zu as the model says, %zu where nothing of the kind passes, %zu "
                           "otherwise; all of them are in the table at the end",
                           json_array_size(elements), agree, plain - agree, json_array_size(elements) - plain);
}

static char *add_elements(char *text, const json_t *row, bool all)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const json_t *element;
    size_t i;

    json_array_foreach(json_object_get(row, "elements"), i, element)
    {
        const char *reason = vc_member_text(element, "reason");

        if (all || !is_plain(element))
            ADD(text, "   - %-28s %s: %s%s%s\n", vc_member_text(element, "name"), acceptance_path_words(ctx, element),
                acceptance_element_words(element), *reason ? ": " : "", reason);
    }
    return text;
}

/* What a reader looks for first: a line a case, and what is wrong; once when it is the same for several. */
static char *add_short(char *text, const json_t *document)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *reason = "";
    const json_t *row, *cause;
    size_t i, k;

    json_array_foreach(json_object_get(document, "cases"), i, row)
    {
        const struct acceptance_verdict *verdict = acceptance_verdict_of(row);

        ADD(text, "%4zu. %-16s %s\n", i + 1, verdict->brief, vc_member_text(row, "title"));
        if (verdict->status && strcmp(vc_member_text(row, "reason"), reason) != 0)
            ADD(text, "%23s%s\n", "", vc_member_text(row, "reason"));
        reason = verdict->status ? vc_member_text(row, "reason") : "";
        json_array_foreach(json_object_get(row, "causes"), k, cause)
            ADD(text, "%23scause: %s\n", "", acceptance_cause_words(ctx, cause));
    }
    return text;
}

/* What was not tried was told already. */
static char *add_case(char *text, const json_t *row, size_t i)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct acceptance_verdict *verdict = acceptance_verdict_of(row);

    if (!acceptance_is_told(row))
        return text;
    ADD(text, "\n%zu. %s\n   %s\n   %s", i + 1, sentence(ctx, vc_member_text(row, "title")),
        sentence(ctx, vc_member_text(row, "promise")), verdict->words);
    if (verdict->status)
        ADD(text, ": %s", vc_member_text(row, "reason"));
    ADD(text, "\n");
    text = add_list(text, row, "unmet", line_words, "not met: ");
    text = add_list(text, row, "flows", flow_line, "");
    text = add_list(text, row, "loads", acceptance_load_words, "");
    text = add_list(text, row, "voice", acceptance_voice_words, "");
    if (json_array_size(json_object_get(row, "elements")))
        ADD(text, "   - %s\n", acceptance_elements_words(ctx, row));
    text = add_elements(text, row, false);
    if (*vc_member_text(row, "result"))
        ADD(text, "   evidence: %s\n", vc_member_text(row, "result"));
    return text;
}

static char *add_table(char *text, const json_t *row)
{
    if (!json_array_size(json_object_get(row, "elements")))
        return text;
    return add_elements(
        ADD(text, "\nEach single failure: what fails, and where calls go then.\n%s\n", acceptance_legend), row, true);
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
    char *text = talloc_asprintf(
        ctx,
        "%s: %lld of %lld cases are as promised.\nVirtual Connect, order %s of %s in region %s, tried %s.\n\n%s\n%s\n"
        "%s\n\n",
        json_is_true(json_object_get(document, "accepted")) ? "ACCEPTED" : "NOT ACCEPTED",
        (long long)vc_member_int(document, "passed"), (long long)vc_member_int(document, "total"),
        vc_member_text(order, "order"), vc_member_text(order, "customer"), vc_member_text(order, "region"),
        vc_member_text(document, "tried"), acceptance_meaning(view, document), acceptance_timers_words(view, document),
        acceptance_plan_words(view, document));
    size_t i;

    text = add_short(text, document);
    ADD(text, "\n");
    json_array_foreach(json_object_get(document, "cpes"), i, row) text = add_cpe(text, row);
    ADD(text, "What came of each case\n");
    json_array_foreach(json_object_get(document, "cases"), i, row) text = add_case(text, row, i);
    json_array_foreach(json_object_get(document, "cases"), i, row) text = add_table(text, row);
    return ADD(text, "\nThe order\n\n%s", view);
}
