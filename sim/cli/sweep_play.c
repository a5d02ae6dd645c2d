#include "cli/sweep_play.h"

#include <string.h>

enum { BATCH = 64 }; /* scenarios in memory at once */

/* A lab on its own clock, in which SAs are rekeyed after most of an hour: a chain ends before. */
#define CHAIN_LIMIT_NS (40 * 60 * VC_NS_PER_S)

/* What one job plays: a case, or a chain of them. */
struct sweep_load {
    struct vc_sweep_entry **entries; /* borrowed */
    struct vc_chain chain;
    const char *file;
};

/* ---- outcomes ---- */

static void say(struct sweep_player *player, const struct vc_sweep_entry *entry)
{
    const struct vc_sweep_outcome *outcome = entry->outcome;

    player->told++;
    fprintf(stderr, "%zu/%zu %s: %s%s%s (%.0f s in %.1f s)\n", player->told, player->total, entry->name,
            vc_sweep_verdict_name(outcome->verdict), *outcome->reason ? ": " : "", outcome->reason, outcome->virtual_s,
            outcome->wall_s);
}

/* What disagrees after other cases and agrees alone is worth a look, but it is no mismatch. */
static void tell_confirmed(struct vc_sweep_entry *entry)
{
    if (entry->chain && entry->outcome->verdict == VC_SWEEP_AGREES)
        entry->outcome->reason =
            talloc_asprintf(entry->outcome, "played alone; it did not pass after other cases in %s", entry->chain);
}

static void case_done(struct sweep_player *player, struct vc_sweep_entry *entry, const struct job *job)
{
    entry->outcome = vc_sweep_outcome_read(player->session, player->sweep, &entry->schedule, job->result);
    if (job->status == VC_EXIT_INTERRUPTED)
        entry->outcome->verdict = VC_SWEEP_INTERRUPTED;
    tell_confirmed(entry);
    entry->result = job->result ? talloc_strdup(player->session, job->result) : NULL;
    bool worth = entry->outcome->verdict == VC_SWEEP_MISMATCH || entry->outcome->verdict == VC_SWEEP_ERROR;
    if (entry->result && !worth && !player->keep) {
        session_remove(entry->result);
        entry->result = NULL;
    }
    player->stopped = player->stopped || entry->outcome->verdict == VC_SWEEP_INTERRUPTED;
    say(player, entry);
}

/* Entries without an outcome are played again: the suspect alone, those after it in another chain. */
static void chain_done(struct sweep_player *player, const struct sweep_load *load, const struct job *job)
{
    struct vc_chain_outcome out = vc_chain_outcome_read(player->session, player->sweep, &load->chain, job->result);

    for (size_t i = 0; i < load->chain.count; i++) {
        struct vc_sweep_entry *entry = load->entries[i];

        entry->outcome = out.parts[i];
        if (i == out.suspect || out.everything)
            entry->chain = load->file;
        if (entry->outcome)
            say(player, entry);
    }
    player->stopped = player->stopped || out.interrupted || job->status == VC_EXIT_INTERRUPTED;
    if (job->result && !player->keep)
        session_remove(job->result);
}

static void on_done(void *arg, struct job *job)
{
    struct sweep_player *player = arg;
    struct sweep_load *load = &player->loads[job - player->jobs];

    if (load->chain.count)
        chain_done(player, load, job);
    else
        case_done(player, load->entries[0], job);
}

/* ---- jobs ---- */

/* So many of the entries that come first go into one scenario. */
static size_t chain_of(const struct sweep_player *player, struct vc_sweep_entry *const *entries, size_t count,
                       size_t length)
{
    int64_t waits_ns = 0;
    size_t taken = 0;

    while (taken < count && taken < length && !entries[taken]->chain) {
        waits_ns += vc_schedule_waits_ns(player->sweep, &entries[taken]->schedule);
        if (taken && waits_ns > CHAIN_LIMIT_NS)
            break;
        taken++;
    }
    return taken ? taken : 1;
}

static char *write_chain(struct sweep_player *player, struct sweep_load *load, size_t count, vc_error **err)
{
    VC_AUTO_TALLOC char *name = talloc_asprintf(NULL, "chain-%zu", ++player->chain_count);

    load->chain = (struct vc_chain){.parts = talloc_array(player->session, const struct vc_schedule *, (unsigned)count),
                                    .names = talloc_array(player->session, const char *, (unsigned)count),
                                    .count = count};
    for (size_t i = 0; i < count; i++) {
        load->chain.parts[i] = &load->entries[i]->schedule;
        load->chain.names[i] = load->entries[i]->name;
    }
    return vc_chain_write(player->session, player->sweep, &load->chain, player->chains, name, err);
}

/* Every case has its file, which plays it alone, whatever it is played in here. */
static int prepare(struct sweep_player *player, void *ctx, struct sweep_load *load, size_t count, struct job *job,
                   vc_error **err)
{
    for (size_t i = 0; i < count; i++) {
        struct vc_sweep_entry *entry = load->entries[i];
        entry->file =
            vc_schedule_write(player->session, player->sweep, &entry->schedule, player->cases, entry->name, err);
        if (!entry->file)
            return -1;
    }
    load->file = count > 1 ? write_chain(player, load, count, err) : load->entries[0]->file;
    job->scenario =
        load->file ? vc_scenario_load(ctx, load->file, session_folder(ctx, "topologies"), player->session->kinds, err)
                   : NULL;
    return job->scenario ? 0 : -1;
}

/* Plays the first of the entries; how many, or -1. */
static ssize_t play_batch(struct sweep_player *player, struct vc_sweep_entry **entries, size_t count, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    /* A few cases are better shared by all workers than chained for one. */
    size_t fair = (count + player->run.jobs - 1) / player->run.jobs, taken = 0, jobs = 0;
    size_t length = player->chain_length < fair ? player->chain_length : fair;

    player->jobs = talloc_zero_array(ctx, struct job, BATCH);
    player->loads = talloc_zero_array(ctx, struct sweep_load, BATCH);
    while (taken < count && jobs < BATCH) {
        size_t part = chain_of(player, entries + taken, count - taken, length);
        player->loads[jobs].entries = entries + taken;
        if (prepare(player, ctx, &player->loads[jobs], part, &player->jobs[jobs], err))
            return -1;
        taken += part;
        jobs++;
    }
    jobs_estimate(player->jobs, jobs, NULL);
    struct run_options options = player->run;
    options.on_done = on_done;
    options.on_done_arg = player;
    if (jobs == 1)
        options.jobs = 2; /* in a worker also then: an interruption is noticed in one way */
    return jobs_run(&options, player->session, player->jobs, jobs, err) ? -1 : (ssize_t)taken;
}

/* Those without an outcome come to the front, in their order. */
static size_t pending(struct vc_sweep_entry **entries, size_t count)
{
    size_t left = 0;

    for (size_t i = 0; i < count; i++)
        if (!entries[i]->outcome)
            entries[left++] = entries[i];
    return left;
}

int sweep_play(struct sweep_player *player, struct vc_sweep_entry **entries, size_t count, vc_error **err)
{
    for (size_t i = 0; i < count; i++)
        entries[i]->outcome = NULL;
    while ((count = pending(entries, count)) && !player->stopped)
        if (play_batch(player, entries, count, err) < 0)
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
