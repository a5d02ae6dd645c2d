/* Every single failure of an order's topology: vclab sweep --depth 1 as a case of the acceptance. */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/onboard.h"
#include "cli/numbers.h"
#include "cli/sweep_play.h"
#include "report/report.h"

enum { CHAIN_LENGTH = 12 };

struct failures {
    struct vc_sweep_made made;
    char *folder;
};

static struct vc_sweep *open_sweep(void *ctx, const struct onboarding *o, vc_error **err)
{
    char path[PATH_MAX];
    struct vc_topology *topology = vc_topology_load(ctx, o->topology, session_folder(ctx, "nodes"), err);
    const struct vc_timers *timers = topology ? vc_topology_timers(topology, o->acceptance->timers) : NULL;

    if (!topology)
        return NULL;
    if (timers && realpath(o->topology, path))
        return vc_sweep_new(ctx, topology, timers, path, err);
    vc_fail(err, VC_EXIT_USAGE, 0, "%s: no timers %s, or the file is gone", o->topology, o->acceptance->timers);
    return NULL;
}

static int make(void *ctx, const struct onboarding *o, struct vc_sweep_made *made, vc_error **err)
{
    *made = (struct vc_sweep_made){.kind = "sweep",
                                   .seed = o->options->run.session.seed,
                                   .depth = 1,
                                   .jobs = o->options->run.jobs,
                                   .sweep = open_sweep(ctx, o, err)};
    if (!made->sweep)
        return -1;
    const struct vc_sweep_case *cases = vc_sweep_cases(ctx, made->sweep, 1, o->options->failures, &made->count);
    if (!made->count)
        return vc_fail(err, VC_EXIT_USAGE, 0, "vclab onboard: --failures %s: no element of %s is named like that",
                       o->options->failures ? o->options->failures : "*", o->topology);
    made->entries = talloc_zero_array(ctx, struct vc_sweep_entry, (unsigned)made->count);
    for (size_t i = 0; i < made->count; i++)
        made->entries[i] = (struct vc_sweep_entry){
            .name = cases[i].name, .schedule = vc_schedule_of_set(made->sweep, cases[i].set, 1), .because = VC_NONE};
    return 0;
}

static size_t element_of(const struct vc_sweep_entry *entry)
{
    size_t set[VC_SCHEDULE_STEPS];

    vc_schedule_elements(&entry->schedule, set);
    return set[0];
}

char *onboard_failures_list(void *ctx, const struct onboarding *o, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_sweep_made made;
    char *text = talloc_strdup(ctx, "");

    if (make(scratch, o, &made, err))
        return NULL;
    for (size_t i = 0; i < made.count; i++)
        text = talloc_asprintf_append(text, "%s\n",
                                      vc_oracle_element(made.sweep->oracle, element_of(&made.entries[i]))->name);
    return text;
}

/* ---- playing ---- */

static char *make_folder(void *ctx, const struct onboarding *o, const char *results, vc_error **err)
{
    static const char *const unused[] = {"captures", "logs"}, *const used[] = {"cases", "chains"};
    char *folder = vc_result_create(ctx, results, talloc_asprintf(ctx, "%s-each-failure", o->order->form->name), err);

    for (size_t i = 0; folder && i < VC_COUNT(used); i++) {
        rmdir(talloc_asprintf(ctx, "%s/%s", folder, unused[i]));
        if (mkdir(talloc_asprintf(ctx, "%s/%s", folder, used[i]), 0755) < 0) {
            vc_fail(err, VC_EXIT_HOST, 0, "cannot make folders in %s (make room or choose another with --results)",
                    folder);
            return NULL;
        }
    }
    return folder;
}

static int play(void *ctx, struct onboarding *o, struct session *session, struct failures *f, vc_error **err)
{
    struct vc_sweep_made *made = &f->made;
    struct vc_sweep_entry **entries = talloc_zero_array(ctx, struct vc_sweep_entry *, (unsigned)made->count);
    const char *results = session->options.results;
    double began = now_s();

    f->folder = make_folder(ctx, o, results, err);
    if (!f->folder)
        return -1;
    struct sweep_player player = {.run = o->options->run,
                                  .session = session,
                                  .sweep = made->sweep,
                                  .cases = talloc_asprintf(ctx, "%s/cases", f->folder),
                                  .chains = talloc_asprintf(ctx, "%s/chains", f->folder),
                                  .chain_length = CHAIN_LENGTH,
                                  .total = made->count};
    player.run.json = true;
    for (size_t i = 0; i < made->count; i++)
        entries[i] = &made->entries[i];
    session->options.results = talloc_asprintf(ctx, "%s/runs", f->folder);
    int failed = sweep_play(&player, entries, made->count, err);
    session->options.results = results;
    o->interrupted = o->interrupted || player.stopped;
    made->wall_s = now_s() - began;
    return failed;
}

static int write_result(const struct failures *f, vc_error **err)
{
    VC_AUTO_JSON *document = vc_sweep_document(&f->made);
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/sweep.json", f->folder);

    if (json_dump_file(document, path, JSON_INDENT(1) | JSON_REAL_PRECISION(15)))
        return vc_fail(err, VC_EXIT_HOST, 0, "writing %s failed: is the disk full?", path);
    vc_result_give(f->folder);
    return 0;
}

/* ---- telling ---- */

/* Where calls go with the element gone: {"dc1-srv": ["dc2", "wan"], "dc2-srv": null}. */
static json_t *paths_of(const struct vc_sweep *sweep, size_t element)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const struct vc_oracle_step step = {.element = element};
    json_t *paths = json_object();

    for (size_t i = 0; i < sweep->flow_count; i++) {
        const struct vc_sweep_flow *flow = &sweep->flows[i];
        const struct vc_node *nodes = sweep->topology->nodes;

        if (strcmp(nodes[flow->from].name, "phone") != 0)
            continue;
        struct vc_oracle_path path = sweep->ask(scratch, sweep->oracle, &step, 1, flow->from, flow->to);
        json_t *via = path.reachable ? json_array() : json_null();
        for (size_t k = 0; path.reachable && k < path.count; k++)
            json_array_append_new(via, json_string(path.via[k]));
        json_object_set_new(paths, nodes[flow->to].name, via);
    }
    return paths;
}

static json_t *elements_of(const struct vc_sweep_made *made)
{
    json_t *out = json_array();

    for (size_t i = 0; i < made->count; i++) {
        const struct vc_sweep_entry *entry = &made->entries[i];
        size_t element = element_of(entry);
        const struct vc_sweep_outcome *outcome = entry->outcome;

        json_array_append_new(
            out, json_pack("{s:s, s:s, s:s, s:o}", "name", vc_oracle_element(made->sweep->oracle, element)->name,
                           "verdict", vc_sweep_verdict_name(outcome ? outcome->verdict : VC_SWEEP_INTERRUPTED),
                           "reason", outcome && outcome->verdict != VC_SWEEP_AGREES ? outcome->reason : "", "paths",
                           paths_of(made->sweep, element)));
    }
    return out;
}

/* The first failure that was not as it should be, for the case's reason. */
static const char *worst_reason(void *ctx, const struct vc_sweep_made *made, const struct vc_sweep_totals *totals)
{
    for (size_t i = 0; i < made->count; i++) {
        const struct vc_sweep_outcome *outcome = made->entries[i].outcome;

        if (outcome && (outcome->verdict == VC_SWEEP_MISMATCH || outcome->verdict == VC_SWEEP_ERROR ||
                        outcome->verdict == VC_SWEEP_INCONCLUSIVE))
            return talloc_asprintf(ctx, "%zu of %zu failures; the first: %s: %s",
                                   totals->counts[VC_SWEEP_MISMATCH] + totals->counts[VC_SWEEP_ERROR] +
                                       totals->counts[VC_SWEEP_INCONCLUSIVE],
                                   made->count, made->entries[i].name, outcome->reason);
    }
    return "";
}

static void conclude(void *ctx, const struct onboarding *o, const struct failures *f,
                     struct vc_acceptance_played *played)
{
    struct vc_sweep_totals totals = vc_sweep_count(&f->made);
    int status = vc_sweep_status(&f->made);

    played->result = f->folder;
    played->elements = elements_of(&f->made);
    played->broken = worst_reason(ctx, &f->made, &totals);
    played->verdict = status == VC_EXIT_FAIL           ? "fail"
                      : status == VC_EXIT_INCONCLUSIVE ? "inconclusive"
                      : o->options->failures           ? "skipped"
                                                       : "pass";
    if (!strcmp(played->verdict, "skipped"))
        played->broken = talloc_asprintf(
            ctx, "%zu failures are as they should be, and the others were left out by --failures", f->made.count);
    /* That nothing at all could be shown must not look like agreement. */
    if (!strcmp(played->verdict, "pass") && !totals.counts[VC_SWEEP_AGREES]) {
        played->verdict = "fail";
        played->broken = "no failure could be shown";
    }
}

int onboard_failures(void *ctx, struct onboarding *o, struct session *session, struct vc_acceptance_played *played,
                     vc_error **err)
{
    struct failures f = {.folder = NULL};

    if (make(ctx, o, &f.made, err) || play(ctx, o, session, &f, err))
        return -1;
    if (o->interrupted)
        return 0;
    if (write_result(&f, err))
        return -1;
    conclude(ctx, o, &f, played);
    return 0;
}
