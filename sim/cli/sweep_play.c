#include "cli/sweep_play.h"

#include <string.h>

enum { BATCH = 128 }; /* scenarios in memory at once */

static void say(struct sweep_player *player, const struct vc_sweep_entry *entry)
{
    const struct vc_sweep_outcome *outcome = entry->outcome;

    player->told++;
    fprintf(stderr, "%zu/%zu %s: %s%s%s (%.0f s in %.1f s)\n", player->told, player->total, entry->name,
            vc_sweep_verdict_name(outcome->verdict), *outcome->reason ? ": " : "", outcome->reason, outcome->virtual_s,
            outcome->wall_s);
}

static void on_done(void *arg, struct job *job)
{
    struct sweep_player *player = arg;
    struct vc_sweep_entry *entry = player->playing[job - player->jobs];

    entry->outcome = vc_sweep_outcome_read(player->session, player->sweep, &entry->schedule, job->result);
    if (job->status == VC_EXIT_INTERRUPTED)
        entry->outcome->verdict = VC_SWEEP_INTERRUPTED;
    entry->result = job->result ? talloc_strdup(player->session, job->result) : NULL;
    bool worth = entry->outcome->verdict == VC_SWEEP_MISMATCH || entry->outcome->verdict == VC_SWEEP_ERROR;
    if (entry->result && !worth && !player->keep) {
        session_remove(entry->result);
        entry->result = NULL;
    }
    player->stopped = player->stopped || entry->outcome->verdict == VC_SWEEP_INTERRUPTED;
    say(player, entry);
}

static int prepare(struct sweep_player *player, void *ctx, struct vc_sweep_entry *entry, struct job *job,
                   vc_error **err)
{
    char *file = vc_schedule_write(player->session, player->sweep, &entry->schedule, player->cases, entry->name, err);

    if (!file)
        return -1;
    entry->file = file;
    job->scenario = vc_scenario_load(ctx, file, session_folder(ctx, "topologies"), player->session->kinds, err);
    return job->scenario ? 0 : -1;
}

static int play_batch(struct sweep_player *player, struct vc_sweep_entry **entries, size_t count, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    player->jobs = talloc_zero_array(ctx, struct job, (unsigned)count);
    player->playing = entries;
    for (size_t i = 0; i < count; i++)
        if (prepare(player, ctx, entries[i], &player->jobs[i], err))
            return -1;
    jobs_estimate(player->jobs, count, NULL);
    struct run_options options = player->run;
    options.on_done = on_done;
    options.on_done_arg = player;
    if (count == 1)
        options.jobs = 2; /* in a worker also then: an interruption is noticed in one way */
    return jobs_run(&options, player->session, player->jobs, count, err);
}

int sweep_play(struct sweep_player *player, struct vc_sweep_entry **entries, size_t count, vc_error **err)
{
    for (size_t i = 0; i < count && !player->stopped; i += BATCH)
        if (play_batch(player, entries + i, count - i < BATCH ? count - i : BATCH, err))
            return -1;
    return 0;
}

/* ---- shrinking ---- */

struct shrinking {
    struct sweep_player *player;
    const char *name;
};

static int still_fails(void *arg, const struct vc_schedule *schedule, vc_error **err)
{
    struct shrinking *shrinking = arg;
    struct vc_sweep_entry entry = {.name = shrinking->name, .schedule = *schedule, .because = VC_NONE};
    struct vc_sweep_entry *one = &entry;

    shrinking->player->total++;
    if (sweep_play(shrinking->player, &one, 1, err))
        return -1;
    if (entry.result)
        session_remove(entry.result);
    if (!entry.outcome || entry.outcome->verdict == VC_SWEEP_INTERRUPTED)
        return vc_fail(err, VC_EXIT_INTERRUPTED, 0, "shrinking %s was interrupted", shrinking->name);
    return entry.outcome->verdict == VC_SWEEP_MISMATCH || entry.outcome->verdict == VC_SWEEP_ERROR;
}

int sweep_shrink(struct sweep_player *player, struct vc_sweep_entry *entry, vc_error **err)
{
    struct vc_schedule schedule = entry->schedule;
    struct shrinking shrinking = {player, talloc_asprintf(player->session, "%s-min", entry->name)};

    fprintf(stderr, "vclab: %s fails; looking for the smallest schedule that does\n", entry->name);
    if (vc_campaign_shrink(&schedule, still_fails, &shrinking, err))
        return -1;
    /* The last one tried may be one that passed. */
    entry->minimal = vc_schedule_write(player->session, player->sweep, &schedule, player->cases, shrinking.name, err);
    return entry->minimal ? 0 : -1;
}
