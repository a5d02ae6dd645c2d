/*
 * What a chain's run said of each of its parts. The judge tells expectations and holds in the order in which they were
 * armed, and so do the events, which tell the faults as well: so each verdict belongs to the part whose fault came
 * last.
 */
#include <string.h>

#include "sweep/events.h"
#include "sweep/sweep.h"

struct reading {
    const struct vc_sweep *sweep;
    const struct vc_chain *chain;
    int64_t *began_ns;       /* of each part: when its first fault was applied; -1: it never began */
    size_t part;             /* the one under way */
    size_t *expects, *holds; /* the part of each */
    size_t expect_count, hold_count;
    size_t suspect;
};

static bool is(const json_t *event, const char *layer, const char *what)
{
    return !strcmp(sweep_text(event, "layer"), layer) && !strcmp(sweep_text(event, "what"), what);
}

/* The part that begins with this fault, or the one under way. */
static size_t part_begun(const struct reading *r, const char *fault)
{
    for (size_t i = 0; i < r->chain->count; i++) {
        VC_AUTO_TALLOC char *name = vc_sweep_fault_name(NULL, r->sweep, r->chain->parts[i]->steps[0].element, i + 1);
        if (!strcmp(name, fault))
            return i;
    }
    return r->part;
}

static void note(size_t **list, size_t *count, size_t part)
{
    *list = talloc_realloc(NULL, *list, size_t, (unsigned)*count + 1);
    (*list)[(*count)++] = part;
}

static void suspect(struct reading *r, size_t part)
{
    r->suspect = part < r->suspect ? part : r->suspect;
}

static void read_event(struct reading *r, const json_t *event)
{
    if (is(event, "fault", "applied")) {
        r->part = part_begun(r, sweep_text(event, "name"));
        if (r->began_ns[r->part] < 0)
            r->began_ns[r->part] = json_integer_value(json_object_get(event, "t_ns"));
    } else if (is(event, "check", "expect")) {
        note(&r->expects, &r->expect_count, r->part);
    } else if (is(event, "check", "hold")) {
        note(&r->holds, &r->hold_count, r->part);
    } else if (is(event, "fault", "unproved") || is(event, "check", "error") || is(event, "check", "daemon-died")) {
        suspect(r, r->part);
    }
}

static void read_events(struct reading *r, const char *result)
{
    VC_AUTO_JSON *events = sweep_events(result);
    const json_t *event;
    size_t i;

    json_array_foreach(events, i, event) read_event(r, event);
}

/* Expectations come first in run.json, holds after them. False when they are not those of the events. */
static bool read_verdicts(struct reading *r, const json_t *run)
{
    const json_t *entries = json_object_get(run, "expectations"), *entry;
    size_t i;

    if (json_array_size(entries) != r->expect_count + r->hold_count)
        return false;
    json_array_foreach(entries, i, entry)
    {
        const size_t *parts = i < r->expect_count ? r->expects : r->holds;
        if (parts && strcmp(sweep_text(entry, "verdict"), "pass") != 0)
            suspect(r, parts[i < r->expect_count ? i : i - r->expect_count]);
    }
    return true;
}

/* That a fault was not proved is its part's affair; any other invariant is told for the run as a whole. */
static bool invariants_held(const json_t *run)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(run, "invariants"), i, entry)
    {
        if (strcmp(sweep_text(entry, "verdict"), "pass") != 0 &&
            strcmp(sweep_text(entry, "name"), "faults-proved") != 0)
            return false;
    }
    return true;
}

static int outcome_destroy(struct vc_sweep_outcome *out)
{
    json_decref(out->disagreements);
    return 0;
}

static void agree(struct vc_chain_outcome *out, const struct reading *r, const json_t *run, size_t i)
{
    double wall_s = json_number_value(json_object_get(run, "wall_s"));
    double virtual_s = json_number_value(json_object_get(run, "virtual_s"));
    double from = i ? (double)r->began_ns[i] / VC_NS_PER_S : 0;
    double to =
        i + 1 < r->chain->count && r->began_ns[i + 1] >= 0 ? (double)r->began_ns[i + 1] / VC_NS_PER_S : virtual_s;
    struct vc_sweep_outcome *part = out->parts[i] = talloc_zero(out->parts, struct vc_sweep_outcome);

    *part = (struct vc_sweep_outcome){.verdict = VC_SWEEP_AGREES,
                                      .reason = "",
                                      .unproved = VC_NONE,
                                      .wall_s = virtual_s > 0 ? wall_s * (to - from) / virtual_s : 0,
                                      .virtual_s = to - from,
                                      .disagreements = json_array()};
    talloc_set_destructor(part, outcome_destroy);
}

struct vc_chain_outcome vc_chain_outcome_read(void *ctx, const struct vc_sweep *sweep, const struct vc_chain *chain,
                                              const char *result)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/run.json", result ? result : "");
    VC_AUTO_JSON *run = result ? json_load_file(path, 0, NULL) : NULL;
    struct vc_chain_outcome out = {.parts = talloc_zero_array(ctx, struct vc_sweep_outcome *, (unsigned)chain->count),
                                   .suspect = chain->count};
    VC_AUTO_TALLOC int64_t *began_ns = talloc_array(NULL, int64_t, (unsigned)chain->count);
    struct reading r = {.sweep = sweep, .chain = chain, .began_ns = began_ns, .suspect = chain->count};

    for (size_t i = 0; i < chain->count; i++)
        began_ns[i] = -1;
    out.interrupted = json_is_true(json_object_get(run, "interrupted"));
    if (run)
        read_events(&r, result);
    bool whole = !strcmp(sweep_text(run, "verdict"), "pass");
    out.everything = !run || out.interrupted || !read_verdicts(&r, run) || !invariants_held(run) ||
                     whole != (r.suspect == chain->count);
    for (size_t i = 0; i < r.suspect && !out.everything; i++)
        if (began_ns[i] >= 0)
            agree(&out, &r, run, i);
    out.suspect = r.suspect;
    talloc_free(r.expects);
    talloc_free(r.holds);
    return out;
}
