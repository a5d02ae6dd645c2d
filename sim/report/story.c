/* Tells a run in about ten lines: title, how it began, each chapter in two or three lines, voice quality, verdict. */
#include "report/story.h"

#include <string.h>

#include "run/verdict.h"

/* Up to this many chapters (start, fault, heal) each gets its full lines; beyond, they share lines, and later rounds
 * are summed up. */
#define FULL_CHAPTERS 3
#define TOLD_CHAPTERS 5
#define UNMET_LINES   4

struct teller {
    void *ctx;
    FILE *out;
    const struct story *story;
    const json_t *convergence; /* of each chapter after the first */
    bool markdown, colour;
};

const char *vc_story_duration(void *ctx, int64_t ns)
{
    if (ns < VC_NS_PER_S)
        return talloc_asprintf(ctx, "%lld ms", (long long)((ns + VC_NS_PER_MS / 2) / VC_NS_PER_MS));
    return talloc_asprintf(ctx, "%.2f s", (double)ns / VC_NS_PER_S);
}

static const char *markdown_escaped(void *ctx, const char *text)
{
    char *out = talloc_strdup(ctx, "");

    for (; *text; text++)
        out = talloc_asprintf_append_buffer(out, strchr("\\`*_<>[]|#", *text) ? "\\%c" : "%c", *text);
    return out;
}

/* when_ns < 0: the line belongs to the one above. */
static void tell(const struct teller *teller, int64_t when_ns, const char *text)
{
    char when[24] = "";

    if (!text || !*text)
        return;
    if (when_ns >= 0)
        snprintf(when, sizeof when, "%.3f s", (double)when_ns / VC_NS_PER_S);
    if (!teller->markdown)
        fprintf(teller->out, teller->colour ? "\033[2m%11s\033[0m  %s\n" : "%11s  %s\n", when, text);
    else if (*when)
        fprintf(teller->out, "- `%s` %s\n", when, markdown_escaped(teller->ctx, text));
    else
        fprintf(teller->out, "  - %s\n", markdown_escaped(teller->ctx, text));
}

static char *joined(char *list, const char *item)
{
    return *list ? talloc_asprintf_append(list, "; %s", item) : talloc_strdup_append(list, item);
}

/* What happened to a flow; NULL when nothing did. */
static const char *flow_text(const struct teller *teller, const struct chapter *chapter, const struct chapter *next,
                             const struct chapter_flow *flow)
{
    void *ctx = teller->ctx;
    bool moved = flow->moved_ns && flow->path_before && strcmp(flow->path_before, flow->path_after) != 0;
    char *text = talloc_asprintf(ctx, "%s ", flow->name);

    if (!moved && !flow->gap_ns && !flow->lost)
        return NULL;
    if (moved)
        text = talloc_asprintf_append(text, "moved from %s to %s after %s", flow->path_before, flow->path_after,
                                      vc_story_duration(ctx, flow->moved_ns - chapter->applied_ns));
    else if (flow->path_after)
        text = talloc_asprintf_append(text, "stayed on %s", flow->path_after);
    if (!flow->gap_ns)
        return talloc_strdup_append(text, ", nothing lost");
    text = talloc_asprintf_append(text, ", gone for %s (±%s)", vc_story_duration(ctx, flow->gap_ns),
                                  vc_story_duration(ctx, flow->resolution_ns));
    if (next && flow->gap_end_ns > next->applied_ns)
        text = talloc_asprintf_append(text, ", past the next step");
    return talloc_asprintf_append(text, ", %lld packet%s lost", (long long)flow->lost, flow->lost == 1 ? "" : "s");
}

static const char *flows_text(const struct teller *teller, size_t k)
{
    const struct chapter *chapter = &teller->story->chapters[k];
    const struct chapter *next = k + 1 < teller->story->chapter_count ? chapter + 1 : NULL;
    char *text = talloc_strdup(teller->ctx, ""), *untouched = talloc_strdup(teller->ctx, "");

    for (size_t i = 0; i < teller->story->flow_count; i++) {
        const struct chapter_flow *flow = &chapter->flows[i];
        const char *what = flow_text(teller, chapter, next, flow);
        if (what)
            text = joined(text, what);
        else
            untouched = talloc_asprintf_append(untouched, "%s%s", *untouched ? ", " : "", flow->name);
    }
    if (*untouched)
        text = joined(text, talloc_asprintf(teller->ctx, "untouched: %s", untouched));
    return text;
}

static const char *watchers_text(const struct teller *teller, const struct chapter *chapter)
{
    void *ctx = teller->ctx;

    if (chapter->kind == CHAPTER_HEAL)
        return chapter->back ? talloc_asprintf(ctx, "back: %s, %s after the heal", chapter->back,
                                               vc_story_duration(ctx, chapter->back_ns - chapter->applied_ns))
                             : "";
    if (!chapter->noticed)
        return "noticed by nobody";
    char *text = talloc_asprintf(ctx, "noticed first by %s, %s after it", chapter->noticed,
                                 vc_story_duration(ctx, chapter->noticed_ns - chapter->applied_ns));
    if (chapter->also)
        text = talloc_asprintf_append(text, "; then %s, %s", chapter->also,
                                      vc_story_duration(ctx, chapter->also_ns - chapter->applied_ns));
    return text;
}

static const char *deed_text(const struct teller *teller, const struct chapter *chapter)
{
    char *text = talloc_asprintf(teller->ctx, "%s%s%s%s", chapter->kind == CHAPTER_HEAL ? "healed " : "", chapter->name,
                                 *chapter->text ? ": " : "", chapter->text);

    if (!chapter->proved_ns)
        return talloc_strdup_append(text, "; no effect was proved");
    return talloc_asprintf_append(text, "; proved after %s%s%s",
                                  vc_story_duration(teller->ctx, chapter->proved_ns - chapter->applied_ns),
                                  *chapter->evidence ? ": " : "", chapter->evidence);
}

static void tell_start(const struct teller *teller)
{
    const struct chapter *start = &teller->story->chapters[0];
    char *text = talloc_strdup(teller->ctx, "");

    if (!teller->story->session_count)
        return; /* not even a plan was heard: nothing came up */
    for (size_t i = 0; i < teller->story->flow_count; i++)
        text = joined(text, talloc_asprintf(teller->ctx, "%s by %s", start->flows[i].name,
                                            start->flows[i].path_after ? start->flows[i].path_after : "no path"));
    const char *up = start->sessions_up == teller->story->session_count
                         ? "BGP is up"
                         : talloc_asprintf(teller->ctx, "%zu of %zu BGP sessions over tunnels came up",
                                           start->sessions_up, teller->story->session_count);
    tell(teller, start->back_ns, talloc_asprintf(teller->ctx, "%s%s%s", up, *text ? "; " : "", text));
}

static void tell_chapter(const struct teller *teller, size_t k)
{
    const struct chapter *chapter = &teller->story->chapters[k];

    tell(teller, chapter->applied_ns, deed_text(teller, chapter));
    if (teller->story->chapter_count > FULL_CHAPTERS) {
        char *text = talloc_strdup(teller->ctx, watchers_text(teller, chapter));
        tell(teller, -1, joined(text, flows_text(teller, k)));
    } else {
        tell(teller, -1, watchers_text(teller, chapter));
        tell(teller, -1, flows_text(teller, k));
    }
    tell(teller, -1, vc_story_convergence(teller->ctx, json_array_get(teller->convergence, k - 1)));
}

/* The chapters from k on in one line: how often, the longest gap and the sum of losses of each flow. */
static void tell_rest(const struct teller *teller, size_t k)
{
    const struct story *story = teller->story;
    size_t faults = 0;
    char *text = talloc_strdup(teller->ctx, "");

    for (size_t c = k; c < story->chapter_count; c++)
        faults += story->chapters[c].kind == CHAPTER_FAULT;
    for (size_t i = 0; i < story->flow_count; i++) {
        int64_t gap = 0, lost = 0;
        for (size_t c = k; c < story->chapter_count; c++) {
            const struct chapter_flow *flow = &story->chapters[c].flows[i];
            gap = flow->gap_ns > gap ? flow->gap_ns : gap;
            lost += flow->lost;
        }
        const char *name = story->chapters[k].flows[i].name;
        text = joined(text,
                      gap ? talloc_asprintf(teller->ctx, "%s gone for at most %s at a time, %lld packets lost in all",
                                            name, vc_story_duration(teller->ctx, gap), (long long)lost)
                          : talloc_asprintf(teller->ctx, "%s lost nothing", name));
    }
    tell(teller, story->chapters[k].applied_ns,
         talloc_asprintf(teller->ctx, "%zu more fault%s until %.3f s: %s", faults, faults == 1 ? "" : "s",
                         (double)story->end_ns / VC_NS_PER_S, text));
}

static void tell_quality(const struct teller *teller, const json_t *run)
{
    char *text = talloc_strdup(teller->ctx, "");
    json_t *flow;
    size_t i;

    json_array_foreach(json_object_get(run, "flows"), i, flow) if (json_is_number(json_object_get(flow, "mos"))) text =
        joined(text, talloc_asprintf(teller->ctx, "%s MOS %.2f, %lld of %lld packets lost",
                                     vc_member_text(flow, "name"), json_number_value(json_object_get(flow, "mos")),
                                     (long long)vc_member_int(flow, "lost"), (long long)vc_member_int(flow, "sent")));
    if (*text)
        tell(teller, -1, talloc_asprintf(teller->ctx, "over the whole run: %s", text));
}

static size_t count_passed(const json_t *list)
{
    size_t i, passed = 0;
    json_t *item;

    json_array_foreach(list, i, item) passed += strcmp(vc_member_text(item, "verdict"), "pass") == 0;
    return passed;
}

/* The reason names one failure; when there are more, each gets a line, up to a few. */
static void tell_unmet(const struct teller *teller, const json_t *run)
{
    const json_t *lists[] = {json_object_get(run, "expectations"), json_object_get(run, "invariants")};
    size_t unmet = 0, told = 0;

    for (size_t k = 0; k < VC_COUNT(lists); k++)
        unmet += json_array_size(lists[k]) - count_passed(lists[k]);
    for (size_t k = 0; unmet > 1 && k < VC_COUNT(lists); k++) {
        size_t i;
        json_t *item;
        json_array_foreach(lists[k], i, item)
        {
            if (strcmp(vc_member_text(item, "verdict"), "pass") == 0 || told == UNMET_LINES)
                continue;
            told++;
            tell(teller, -1,
                 talloc_asprintf(teller->ctx, "%s: %s", vc_member_text(item, "verdict"),
                                 vc_member_text(item, k == 0 ? "text" : "name")));
        }
    }
}

/* A run.json from before `held` names a broken invariant only by its verdict. */
static bool invariant_held(const json_t *invariant)
{
    const json_t *held = json_object_get(invariant, "held");

    return held ? json_is_true(held) : strcmp(vc_member_text(invariant, "verdict"), "pass") == 0;
}

/* "5 of 6 invariants held, no-loop broken as the scenario shows" */
static const char *invariants_text(void *ctx, const json_t *invariants)
{
    char *broken = talloc_strdup(ctx, "");
    size_t i, held = 0;
    json_t *item;

    json_array_foreach(invariants, i, item)
    {
        held += invariant_held(item);
        if (!invariant_held(item) && strcmp(vc_member_text(item, "verdict"), "pass") == 0)
            broken = talloc_asprintf_append(broken, "%s%s", *broken ? " and " : ", ", vc_member_text(item, "name"));
    }
    return talloc_asprintf(ctx, "%zu of %zu invariants held%s%s", held, json_array_size(invariants), broken,
                           *broken ? " broken as the scenario shows" : "");
}

static void tell_verdict(const struct teller *teller, const json_t *run)
{
    static const char *const colours[] = {[VC_PASS] = "\033[1;32m",
                                          [VC_FAIL] = "\033[1;31m",
                                          [VC_INCONCLUSIVE] = "\033[1;33m",
                                          [VC_ERROR] = "\033[1;31m"};
    const json_t *expectations = json_object_get(run, "expectations"), *invariants = json_object_get(run, "invariants");
    const char *verdict = vc_member_text(run, "verdict"), *reason = vc_member_text(run, "reason"), *colour = "";
    VC_AUTO_TALLOC char *capital = talloc_strdup(NULL, verdict);

    for (enum vc_verdict v = VC_PASS; v <= VC_ERROR; v++)
        if (strcmp(verdict, vc_verdict_name(v)) == 0)
            colour = colours[v];
    for (char *c = capital; *c; c++)
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    char *text = talloc_asprintf(teller->ctx, "%s%zu of %zu expectations met, %s", *reason ? "; " : "",
                                 count_passed(expectations), json_array_size(expectations),
                                 invariants_text(teller->ctx, invariants));
    if (!teller->story->session_count)
        text =
            talloc_asprintf(teller->ctx, "%snothing was seen of the lab, so nothing was judged", *reason ? "; " : "");
    if (teller->markdown)
        fprintf(teller->out, "- **%s** %s%s\n\n", capital, markdown_escaped(teller->ctx, reason),
                markdown_escaped(teller->ctx, text));
    else
        fprintf(teller->out, "%s%11s%s  %s%s\n", teller->colour ? colour : "", capital,
                teller->colour && *colour ? "\033[0m" : "", reason, text);
}

static void tell_title(const struct teller *teller, const json_t *run)
{
    static const struct {
        const char *key, *format;
    } members[] = {{"topology", "topology %s"},
                   {"timers", "%s timers"},
                   {"mode", "%s"},
                   {"plane", "%s data plane"},
                   {"wires", "%s wires"}};
    const char *scenario = vc_member_text(run, "scenario");
    char *text = talloc_strdup(teller->ctx, "");

    for (size_t i = 0; i < VC_COUNT(members); i++) {
        if (!*vc_member_text(run, members[i].key))
            continue;
        text = talloc_strdup_append(text, *text ? ", " : "");
        text = talloc_asprintf_append(text, members[i].format, vc_member_text(run, members[i].key));
    }
    if (teller->markdown)
        fprintf(teller->out, "#### %s\n\n%s\n\n", markdown_escaped(teller->ctx, scenario),
                markdown_escaped(teller->ctx, text));
    else
        fprintf(teller->out, teller->colour ? "\033[1m%s\033[0m (%s)\n" : "%s (%s)\n", scenario, text);
}

int vc_story_write_run(FILE *out, const json_t *run, const char *result_path, bool markdown, bool colour,
                       vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *truncated;
    VC_AUTO_JSON *events = vc_result_load_events(ctx, result_path, &truncated, err);

    if (!events)
        return -1;
    VC_AUTO_JSON *convergence = vc_story_convergence_of(run, events);
    struct teller teller = {ctx, out, vc_story_read(ctx, events), convergence, markdown, colour && !markdown};
    size_t count = teller.story->chapter_count, told = count > TOLD_CHAPTERS ? FULL_CHAPTERS : count;
    tell_title(&teller, run);
    tell_start(&teller);
    for (size_t k = 1; k < told; k++)
        tell_chapter(&teller, k);
    if (told < count)
        tell_rest(&teller, told);
    tell_quality(&teller, run);
    tell_unmet(&teller, run);
    tell_verdict(&teller, run);
    if (truncated)
        tell(&teller, -1, truncated);
    if (fflush(out) != 0 || ferror(out))
        return vc_fail(err, VC_EXIT_HOST, 0, "the report could not be written");
    return 0;
}

int vc_story_write(FILE *out, const char *result_path, bool markdown, bool colour, vc_error **err)
{
    VC_AUTO_ERROR *no_run = NULL;
    VC_AUTO_JSON *run = vc_result_load_run(result_path, &no_run);

    /* A run that was killed left only its events; they are judged as they are. */
    if (!run)
        run = vc_result_rejudge(result_path, err);
    if (!run)
        return -1;
    return vc_story_write_run(out, run, result_path, markdown, colour, err);
}
