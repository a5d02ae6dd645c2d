/* The catalogue as a document: what a requirement is shown by, topologies with their drawings, scenarios step by step.
 */
#include <string.h>

#include "model/configure.h"
#include "model/requirements.h"
#include "report/catalogue.h"

/* So many scenarios of a requirement are named; from so many equal rounds on they are told once. */
enum { LINKS_SHOWN = 6, REPEATS_SHOWN = 3 };

/* ---- text ---- */

/* Text of a document, on one line, without what Markdown would take for its own. */
static char *prose(void *ctx, const char *text)
{
    char *out = talloc_strdup(ctx, "");
    size_t length = strlen(text);

    while (length && (text[length - 1] == '\n' || text[length - 1] == ' '))
        length--;
    for (const char *c = text; c < text + length; c++)
        out = strchr("<>*_|`[]", *c) ? talloc_asprintf_append(out, "\\%c", *c)
                                     : talloc_strndup_append(out, *c == '\n' ? " " : c, 1);
    return out;
}

/* "scenarios/failover/x.yaml": as seen from home. */
static const char *inside(const struct vc_catalogue *catalogue, const char *file)
{
    size_t length = strlen(catalogue->home);

    return !strncmp(file, catalogue->home, length) && file[length] == '/' ? file + length + 1 : file;
}

/* "failover" of scenarios/failover/x.yaml */
static char *family_of(void *ctx, const struct vc_catalogue *catalogue, const struct vc_scenario *s)
{
    const char *file = inside(catalogue, s->file), *from = strchr(file, '/'), *to = strrchr(file, '/');

    return from && to > from ? talloc_strndup(ctx, from + 1, (size_t)(to - from - 1)) : talloc_strdup(ctx, "others");
}

static bool lists(const char *const *ids, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(ids[i], id))
            return true;
    return false;
}

/* ---- requirements ---- */

static bool cites(const struct vc_scenario *s, const char *id, bool fault)
{
    bool seen = lists(s->fault_of, s->fault_of_count, id);

    return fault ? seen : !seen && lists(s->requirements, s->requirement_count, id);
}

/* "[one-cpe](../forms/accepted/one-cpe.yaml), …": as seen from docs/ */
static char *add_forms(char *text, const struct vc_catalogue *catalogue, const char *id, bool accepts)
{
    size_t count = 0;

    for (size_t i = 0; i < catalogue->forms->count; i++) {
        const struct vc_example *e = &catalogue->forms->list[i];

        if (e->accepts == accepts && vc_example_shows(e, id) && ++count <= LINKS_SHOWN)
            text =
                talloc_asprintf_append(text, "%s[%s](../%s)", *text ? ", " : "", e->name, inside(catalogue, e->file));
    }
    return count > LINKS_SHOWN ? talloc_asprintf_append(text, " and %zu more forms", count - LINKS_SHOWN) : text;
}

static char *links_of(void *ctx, const struct vc_catalogue *catalogue, const char *id, bool fault)
{
    char *text = talloc_strdup(ctx, "");
    size_t count = 0;

    for (size_t i = 0; i < catalogue->scenario_count; i++) {
        const struct vc_scenario *s = catalogue->scenarios[i];

        if (cites(s, id, fault) && ++count <= LINKS_SHOWN)
            text = talloc_asprintf_append(text, "%s[%s](#%s)", *text ? ", " : "", s->name, s->name);
    }
    if (count > LINKS_SHOWN)
        text = talloc_asprintf_append(text, " and %zu more", count - LINKS_SHOWN);
    return add_forms(text, catalogue, id, !fault);
}

static char *add_requirements(char *text, const struct vc_catalogue *catalogue)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *chapter = NULL;

    text = talloc_asprintf_append(text,
                                  "## Requirements\n\n`vclab list R1` names all scenarios and forms of R1 with their "
                                  "last verdicts.\n");
    for (unsigned n = 1; n <= VC_REQUIREMENT_LAST; n++) {
        const struct vc_requirement *r = vc_requirement(n);
        const char *holds = links_of(scratch, catalogue, r->id, false);
        const char *fault = links_of(scratch, catalogue, r->id, true);

        if (chapter != r->chapter)
            text = talloc_asprintf_append(text, "\n### %s\n\n| | | %s |\n|---|---|---|---|\n", r->chapter,
                                          r->activation ? "accepted form | refused form" : "holds in | fault seen in");
        chapter = r->chapter;
        text = talloc_asprintf_append(text, "| %s | %s | %s | %s |\n", r->id, prose(scratch, r->title),
                                      *holds ? holds : "-", *fault ? fault : "-");
    }
    return text;
}

/* ---- topologies ---- */

static char *add_topology(char *text, const struct vc_catalogue *catalogue, const struct vc_topology *t)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);

    return talloc_asprintf_append(text, "\n### %s\n\n%s\n\n`%s`\n\n```mermaid\n%s```\n", t->name,
                                  prose(scratch, t->description), inside(catalogue, t->file),
                                  vc_catalogue_drawing(scratch, t));
}

/* ---- scenarios ---- */

/* "bfd (BGP 10/30, GRE keepalive 10 s × 3, BFD 300 ms × 3)" */
static char *timers_text(void *ctx, const struct vc_timers *timers)
{
    char *text = talloc_asprintf(ctx, "%s (BGP %u/%u", timers->name, timers->bgp_keepalive_s, timers->bgp_hold_s);

    if (timers->gre_keepalive_s)
        text = talloc_asprintf_append(text, ", GRE keepalive %u s × %u", timers->gre_keepalive_s, timers->gre_retries);
    if (timers->bfd_interval_ms)
        text = talloc_asprintf_append(text, ", BFD %u ms × %u", timers->bfd_interval_ms, timers->bfd_multiplier);
    return talloc_asprintf_append(text, ")");
}

static char *ms_text(void *ctx, unsigned ms)
{
    return vc_duration_text(ctx, ms * VC_NS_PER_MS);
}

/* "voice-dc1 from phone to dc1-srv, a packet every 20 ms" */
static char *flow_text(void *ctx, const struct vc_topology *t, const struct vc_flow_spec *flow)
{
    char *text = talloc_asprintf(ctx, "%s from %s to %s, a packet every %s", flow->name, t->nodes[flow->from].name,
                                 t->nodes[flow->to].name, ms_text(ctx, flow->interval_ms));

    if (flow->rekey.interval_ms)
        text = talloc_asprintf_append(text, ", every %s around a rekey", ms_text(ctx, flow->rekey.interval_ms));
    if (flow->change.interval_ms)
        text = talloc_asprintf_append(text, ", every %s for %s after a change", ms_text(ctx, flow->change.interval_ms),
                                      ms_text(ctx, flow->change.after_ms));
    return text;
}

static char *requirements_text(void *ctx, const struct vc_scenario *s, bool fault)
{
    char *text = talloc_strdup(ctx, "");

    for (unsigned n = 1; n <= VC_REQUIREMENT_LAST; n++) {
        const char *id = vc_requirement(n)->id;

        if (cites(s, id, fault))
            text = talloc_asprintf_append(text, "%s%s", *text ? ", " : "", id);
    }
    return text;
}

/* ---- steps ---- */

/* Sentences of the steps, those of an expect step one by one. The rounds of a `repeat` differ by "#k" behind names,
 * which is taken away. */
static char *without_rounds(void *ctx, const char *text)
{
    char *out = talloc_strdup(ctx, text), *to = out;

    for (const char *from = out; *from; from++) {
        if (from[0] == '#' && from[1] >= '0' && from[1] <= '9')
            from += strspn(from + 1, "0123456789");
        else
            *to++ = *from;
    }
    *to = '\0';
    return out;
}

static bool equal_steps(const struct vc_scenario *s, size_t a, size_t b, size_t count)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);

    for (size_t i = 0; i < count; i++)
        if (strcmp(without_rounds(scratch, vc_step_text(scratch, &s->steps[a + i])),
                   without_rounds(scratch, vc_step_text(scratch, &s->steps[b + i]))) != 0)
            return false;
    return true;
}

/* How often the `period` steps from `at` on come in a row. */
static size_t rounds_of(const struct vc_scenario *s, size_t at, size_t period)
{
    size_t rounds = 1;

    while (at + (rounds + 1) * period <= s->step_count && equal_steps(s, at, at + rounds * period, period))
        rounds++;
    return rounds;
}

static char *add_step(char *text, const struct vc_step *step, int indent, size_t number)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const json_t *one;
    size_t i;

    if (step->kind != VC_STEP_EXPECT)
        return talloc_asprintf_append(text, "%*s%zu. %s\n", indent, "", number,
                                      prose(scratch, without_rounds(scratch, vc_step_text(scratch, step))));
    text = talloc_asprintf_append(text, "%*s%zu. expect:\n", indent, "", number);
    json_array_foreach(step->spec, i, one)
    {
        const char *sentence = json_string_value(json_object_get(one, "text"));

        text =
            talloc_asprintf_append(text, "%*s   - %s\n", indent, "", prose(scratch, without_rounds(scratch, sentence)));
    }
    return text;
}

static char *add_steps(char *text, const struct vc_scenario *s)
{
    size_t number = 1;

    for (size_t i = 0; i < s->step_count; number++) {
        size_t period = 1, rounds = 0;

        while (2 * period <= s->step_count - i && (rounds = rounds_of(s, i, period)) < REPEATS_SHOWN)
            period++;
        if (rounds < REPEATS_SHOWN) {
            text = add_step(text, &s->steps[i++], 0, number);
            continue;
        }
        text = talloc_asprintf_append(text, "%zu. %zu times:\n", number, rounds);
        for (size_t k = 0; k < period; k++)
            text = add_step(text, &s->steps[i + k], 3, k + 1);
        i += rounds * period;
    }
    return text;
}

static char *add_wires(char *text, const struct vc_topology *t)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);

    for (size_t i = 0; i < t->link_count; i++)
        if (!vc_wire_is_perfect(&t->links[i].wire))
            text = talloc_asprintf_append(text, "- wire %s: %s\n", t->links[i].name,
                                          vc_wire_text(scratch, &t->links[i].wire));
    return text;
}

/* 64999, "wrong", ["198.18.5.0/25"], or a duration's nanoseconds as people write them */
static char *value_text(void *ctx, const json_t *value, bool duration)
{
    char *text = talloc_strdup(ctx, "");
    const json_t *item;
    size_t i;

    if (duration)
        return vc_duration_text(ctx, json_integer_value(value));
    if (json_is_string(value))
        return talloc_strdup(ctx, json_string_value(value));
    if (!json_is_array(value)) {
        VC_AUTO_FREE char *dumped = json_dumps(value, JSON_ENCODE_ANY);
        return talloc_strdup(ctx, dumped);
    }
    json_array_foreach(value, i, item) text =
        talloc_asprintf_append(text, "%s%s", i ? " " : "", value_text(ctx, item, false));
    return text;
}

/* "`remote_as 64999` (expects this AS of its neighbour)"; the member of a duration is called NAME_ns. */
static char *knob_text(void *ctx, const char *member, const json_t *value)
{
    size_t count, i = 0, length = strlen(member);
    const struct vc_knob *knobs = vc_knobs(&count);
    bool duration = length > 3 && !strcmp(member + length - 3, "_ns");
    const char *name = talloc_strndup(ctx, member, duration ? length - 3 : length);

    while (i < count && strcmp(knobs[i].field.name, name) != 0)
        i++;
    return talloc_asprintf(ctx, "`%s %s` (%s)", name, value_text(ctx, value, duration),
                           i < count ? prose(ctx, knobs[i].text) : "");
}

static char *add_configured(char *text, const struct vc_topology *t)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *member;
    json_t *value;

    for (size_t i = 0; i < t->node_count; i++) {
        const struct vc_configure *configure = t->nodes[i].configure;

        if (!configure)
            continue;
        bool one = configure->tunnel != VC_NONE;
        json_object_foreach(configure->knobs, member, value) text = talloc_asprintf_append(
            text, "- %s%s%s is configured otherwise: %s\n", t->nodes[i].name, one ? " for tunnel " : "",
            one ? t->tunnels[configure->tunnel].name : "", knob_text(scratch, member, value));
    }
    return text;
}

static char *add_scenario(char *text, const struct vc_catalogue *catalogue, const struct vc_scenario *s)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *holds = requirements_text(scratch, s, false), *faults = requirements_text(scratch, s, true);

    text = talloc_asprintf_append(text, "\n#### %s\n\n%s\n\n", s->name, prose(scratch, s->description));
    text = talloc_asprintf_append(text, "- topology [%s](#%s), timers %s\n", s->topology->name, s->topology->name,
                                  timers_text(scratch, s->timers));
    if (*holds)
        text = talloc_asprintf_append(text, "- holds: %s\n", holds);
    if (*faults)
        text = talloc_asprintf_append(text, "- fault seen of: %s\n", faults);
    for (size_t i = 0; i < s->violates_count; i++)
        text = talloc_asprintf_append(text, "- violates: %s\n", s->violates[i]);
    if (s->own_topology)
        text = add_wires(text, s->topology);
    text = add_configured(text, s->topology);
    for (size_t i = 0; i < s->flow_count; i++)
        text = talloc_asprintf_append(text, "- flow %s\n", flow_text(scratch, s->topology, &s->flows[i]));
    text = talloc_asprintf_append(text, "- `%s`\n\n", inside(catalogue, s->file));
    return add_steps(text, s);
}

static char *add_scenarios(char *text, const struct vc_catalogue *catalogue)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *family = "";

    text = talloc_asprintf_append(text, "\n## Scenarios\n");
    for (size_t i = 0; i < catalogue->scenario_count; i++) {
        const char *own = family_of(scratch, catalogue, catalogue->scenarios[i]);

        if (strcmp(family, own) != 0)
            text = talloc_asprintf_append(text, "\n### %s\n", own);
        family = own;
        text = add_scenario(text, catalogue, catalogue->scenarios[i]);
    }
    return text;
}

char *vc_catalogue_markdown(void *ctx, const struct vc_catalogue *catalogue)
{
    char *text = talloc_strdup(ctx, "# Catalogue\n\nWritten by `vclab list --catalogue > docs/catalogue.md` from "
                                    "topologies/, scenarios/ and forms/; a test fails when it is stale.\n\n");

    text = add_requirements(text, catalogue);
    text = talloc_asprintf_append(text, "\n## Topologies\n");
    for (size_t i = 0; i < catalogue->topology_count; i++)
        text = add_topology(text, catalogue, catalogue->topologies[i]);
    return add_scenarios(text, catalogue);
}
