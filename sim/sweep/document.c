/* A sweep's result: sweep.json and its story. */
#include <string.h>

#include "sweep/sweep.h"

static enum vc_sweep_verdict verdict_of(const struct vc_sweep_entry *entry)
{
    if (entry->contained)
        return VC_SWEEP_CONTAINED;
    return entry->outcome ? entry->outcome->verdict : VC_SWEEP_INTERRUPTED;
}

static bool fails(const struct vc_sweep_entry *entry)
{
    return verdict_of(entry) == VC_SWEEP_MISMATCH || verdict_of(entry) == VC_SWEEP_ERROR;
}

static bool has_element(const struct vc_schedule *schedule, size_t element)
{
    size_t elements[VC_SCHEDULE_STEPS], count = vc_schedule_elements(schedule, elements);

    for (size_t i = 0; i < count; i++)
        if (elements[i] == element)
            return true;
    return false;
}

void vc_sweep_blame(struct vc_sweep_made *made)
{
    size_t elements[VC_SCHEDULE_STEPS];

    for (size_t i = 0; i < made->count; i++) {
        made->entries[i].because = VC_NONE;
        if (!fails(&made->entries[i]) || vc_schedule_elements(&made->entries[i].schedule, elements) < 2)
            continue;
        for (size_t k = 0; k < made->count; k++)
            if (fails(&made->entries[k]) && vc_schedule_elements(&made->entries[k].schedule, elements) == 1 &&
                has_element(&made->entries[i].schedule, elements[0]))
                made->entries[i].because = k;
    }
}

struct vc_sweep_totals vc_sweep_count(const struct vc_sweep_made *made)
{
    struct vc_sweep_totals totals = {.wall_s = made->wall_s};

    for (size_t i = 0; i < made->count; i++) {
        totals.counts[verdict_of(&made->entries[i])]++;
        if (made->entries[i].outcome) {
            totals.played++;
            totals.virtual_s += made->entries[i].outcome->virtual_s;
        }
    }
    return totals;
}

static double rounded(double value, double parts)
{
    return (double)(int64_t)(value * parts + 0.5) / parts;
}

static double cases_a_minute(const struct vc_sweep_totals *totals)
{
    return totals->wall_s > 0 ? rounded((double)totals->played * 60 / totals->wall_s, 10) : 0;
}

/* ---- sweep.json ---- */

static json_t *set_json(const struct vc_sweep_made *made, const struct vc_sweep_entry *entry)
{
    size_t elements[VC_SCHEDULE_STEPS], count = vc_schedule_elements(&entry->schedule, elements);
    json_t *set = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(set, json_string(vc_oracle_element(made->sweep->oracle, elements[i])->name));
    return set;
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text && *text)
        json_object_set_new(object, key, json_string(text));
}

/* A run of another seed than 1 needs it to be the same. */
static char *command(void *ctx, const struct vc_sweep_made *made, const char *file)
{
    return made->seed == 1 ? talloc_asprintf(ctx, "vclab run %s", file)
                           : talloc_asprintf(ctx, "vclab run --seed %llu %s", (unsigned long long)made->seed, file);
}

static json_t *entry_json(const struct vc_sweep_made *made, const struct vc_sweep_entry *entry)
{
    json_t *object = json_pack("{s:s, s:o, s:s}", "name", entry->name, "set", set_json(made, entry), "verdict",
                               vc_sweep_verdict_name(verdict_of(entry)));
    const struct vc_sweep_outcome *outcome = entry->outcome;
    VC_AUTO_TALLOC char *play = entry->file ? command(NULL, made, entry->file) : NULL;

    set_text(object, "reason", entry->contained ? entry->contained : outcome ? outcome->reason : "not played");
    set_text(object, "file", entry->file);
    set_text(object, "command", play);
    set_text(object, "result", entry->result);
    set_text(object, "left_out", entry->left_out);
    set_text(object, "minimal", entry->minimal);
    set_text(object, "chain", entry->chain);
    if (entry->because != VC_NONE)
        set_text(object, "because", made->entries[entry->because].name);
    if (!outcome)
        return object;
    json_object_set_new(object, "wall_s", json_real(rounded(outcome->wall_s, 1000)));
    json_object_set_new(object, "virtual_s", json_real(rounded(outcome->virtual_s, 1000)));
    if (json_array_size(outcome->disagreements))
        json_object_set(object, "disagreements", outcome->disagreements);
    return object;
}

json_t *vc_sweep_document(const struct vc_sweep_made *made)
{
    struct vc_sweep_totals totals = vc_sweep_count(made);
    json_t *counts = json_pack("{s:I, s:I}", "cases", (json_int_t)made->count, "played", (json_int_t)totals.played);
    json_t *cases = json_array();

    for (int v = 0; v < VC_SWEEP_VERDICTS; v++)
        json_object_set_new(counts, vc_sweep_verdict_name((enum vc_sweep_verdict)v),
                            json_integer((json_int_t)totals.counts[v]));
    for (size_t i = 0; i < made->count; i++)
        json_array_append_new(cases, entry_json(made, &made->entries[i]));
    json_t *document = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:i, s:i, s:I, s:o, s:f, s:f, s:f, s:o}", "schema", "vclab.sweep/1", "kind",
        made->kind, "topology", made->sweep->topology->name, "timers", made->sweep->timers->name, "seed",
        (json_int_t)made->seed, "depth", (int)made->depth, "jobs", (int)made->jobs, "elements",
        (json_int_t)vc_oracle_count(made->sweep->oracle), "totals", counts, "wall_s", rounded(totals.wall_s, 10),
        "virtual_s", rounded(totals.virtual_s, 10), "cases_a_minute", cases_a_minute(&totals), "cases", cases);
    if (made->shards)
        json_object_update_new(document,
                               json_pack("{s:i, s:i}", "shard", (int)made->shard, "shards", (int)made->shards));
    return document;
}

/* ---- the story ---- */

static void tell_via(FILE *out, const json_t *via)
{
    const json_t *step;
    size_t i;

    if (!json_is_array(via))
        fputs("no path", out);
    else if (!json_array_size(via))
        fputs("neither tunnel nor WAN", out);
    json_array_foreach(via, i, step) fprintf(out, "%s%s", i ? " + " : "", json_string_value(step));
}

static void tell_names(FILE *out, const json_t *names)
{
    const json_t *name;
    size_t i;

    if (!json_array_size(names))
        fputs("nothing", out);
    json_array_foreach(names, i, name) fprintf(out, "%s%s", i ? ", " : "", json_string_value(name));
}

static void tell_disagreement(FILE *out, const json_t *d)
{
    fprintf(out, "    %s to %s, ", json_string_value(json_object_get(d, "from")),
            json_string_value(json_object_get(d, "to")));
    tell_names(out, json_object_get(d, "failed"));
    fputs(" failed: the oracle says ", out);
    tell_via(out, json_object_get(d, "oracle"));
    fputs(", packets have ", out);
    tell_via(out, json_object_get(d, "packets"));
    fprintf(out, "\n      oracle: %s\n", json_string_value(json_object_get(d, "why")));
}

static size_t also_failing(const struct vc_sweep_made *made, size_t single)
{
    size_t count = 0;

    for (size_t i = 0; i < made->count; i++)
        count += fails(&made->entries[i]) && made->entries[i].because == single;
    return count;
}

static void tell_failure(FILE *out, const struct vc_sweep_made *made, size_t i)
{
    const struct vc_sweep_entry *entry = &made->entries[i];
    VC_AUTO_JSON *set = set_json(made, entry);
    const json_t *disagreement;
    size_t k, also = also_failing(made, i);

    fprintf(out, "  %s  ", verdict_of(entry) == VC_SWEEP_MISMATCH ? "MISMATCH" : "ERROR   ");
    tell_names(out, set);
    fprintf(out, ": %s\n", entry->outcome->reason);
    json_array_foreach(entry->outcome->disagreements, k, disagreement) tell_disagreement(out, disagreement);
    if (also)
        fprintf(out, "    and %zu pairs with it\n", also);
    VC_AUTO_TALLOC char *play = command(NULL, made, entry->minimal ? entry->minimal : entry->file);
    fprintf(out, "    %s%s\n", play, entry->minimal ? "   (the smallest schedule that still fails)" : "");
    if (entry->result)
        fprintf(out, "    result: %s\n", entry->result);
}

/* What is neither a failure nor plain agreement. */
static bool noteworthy(const struct vc_sweep_entry *entry)
{
    enum vc_sweep_verdict verdict = verdict_of(entry);

    return verdict == VC_SWEEP_UNPROVED || verdict == VC_SWEEP_INCONCLUSIVE ||
           (verdict == VC_SWEEP_AGREES && *entry->outcome->reason);
}

static void tell_note(FILE *out, const struct vc_sweep_entry *entry)
{
    fprintf(out, "  %s  %s: %s\n", vc_sweep_verdict_name(verdict_of(entry)), entry->name, entry->outcome->reason);
}

void vc_sweep_tell(FILE *out, const struct vc_sweep_made *made)
{
    struct vc_sweep_totals totals = vc_sweep_count(made);
    const size_t *counts = totals.counts;
    const char *each = strcmp(made->kind, "campaign") ? "cases" : "schedules";

    fprintf(out, "%s of %s (%s timers), %zu elements\n", made->kind, made->sweep->topology->name,
            made->sweep->timers->name, vc_oracle_count(made->sweep->oracle));
    for (size_t i = 0; i < made->count; i++) {
        const struct vc_sweep_entry *entry = &made->entries[i];

        if (fails(entry) && entry->because == VC_NONE)
            tell_failure(out, made, i);
        else if (noteworthy(entry))
            tell_note(out, entry);
    }
    fprintf(out, "  %zu of %zu %s agree with the oracle", counts[VC_SWEEP_AGREES], totals.played, each);
    for (int v = VC_SWEEP_MISMATCH; v < VC_SWEEP_CONTAINED; v++)
        if (counts[v])
            fprintf(out, ", %zu %s", counts[v], vc_sweep_verdict_name((enum vc_sweep_verdict)v));
    if (counts[VC_SWEEP_CONTAINED])
        fprintf(out, "; %zu more pairs are one element contained in the other", counts[VC_SWEEP_CONTAINED]);
    fprintf(out, "\n  %.0f s of virtual time in %.1f s: %.1f %s a minute, %u side by side\n", totals.virtual_s,
            totals.wall_s, cases_a_minute(&totals), each, made->jobs);
}

int vc_sweep_status(const struct vc_sweep_made *made)
{
    struct vc_sweep_totals totals = vc_sweep_count(made);

    if (totals.counts[VC_SWEEP_INTERRUPTED])
        return VC_EXIT_INTERRUPTED;
    if (totals.counts[VC_SWEEP_MISMATCH] || totals.counts[VC_SWEEP_ERROR])
        return VC_EXIT_FAIL;
    return totals.counts[VC_SWEEP_INCONCLUSIVE] ? VC_EXIT_INCONCLUSIVE : VC_EXIT_PASS;
}
