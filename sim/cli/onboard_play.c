/* The cases of an acceptance are played: scenarios as jobs, each single failure as a sweep. */
#include <fnmatch.h>
#include <string.h>

#include "cli/onboard.h"

struct batch {
    struct onboarding *o;
    struct job *jobs;
    struct onboard_case **cases; /* of the jobs */
    unsigned count;
};

static void tell(struct onboarding *o, struct onboard_case *c, const struct vc_acceptance_played *played)
{
    c->row = vc_acceptance_row(c->what, played);
    o->told++;
    fprintf(stderr, "%zu/%zu %s: %s\n", o->told, o->total, c->what->title, vc_acceptance_words(c->row));
}

static void on_done(void *arg, struct job *job)
{
    struct batch *batch = arg;

    if (job->status == VC_EXIT_INTERRUPTED)
        batch->o->interrupted = true;
    else
        tell(batch->o, batch->cases[job - batch->jobs],
             &(struct vc_acceptance_played){.result = job->result, .broken = job->why});
}

static bool is_baseline(const struct onboard_case *c)
{
    return !strcmp(c->what->name, "baseline");
}

/* The scenarios that are to be played and have not been: only the baseline, or all. */
static int play_scenarios(void *ctx, struct onboarding *o, struct session *session, bool baseline, vc_error **err)
{
    struct batch batch = {.o = o};
    struct run_options options = o->options->run;

    batch.jobs = talloc_zero_array(ctx, struct job, (unsigned)o->acceptance->count);
    batch.cases = talloc_zero_array(ctx, struct onboard_case *, (unsigned)o->acceptance->count);
    for (size_t i = 0; i < o->acceptance->count; i++) {
        struct onboard_case *c = &o->cases[i];

        if (!c->scenario || c->skipped || c->row || (baseline && !is_baseline(c)))
            continue;
        batch.jobs[batch.count].scenario = c->scenario;
        batch.cases[batch.count++] = c;
    }
    if (!batch.count)
        return 0;
    options.on_done = on_done;
    options.on_done_arg = &batch;
    options.session.results = session->options.results;
    jobs_estimate(batch.jobs, batch.count, NULL);
    /* In a worker also when it is alone: an interruption is noticed in one way. */
    if (batch.count == 1 && options.jobs == 1)
        options.jobs = 2;
    if (jobs_run(&options, session, batch.jobs, batch.count, err))
        return -1;
    for (unsigned i = 0; i < batch.count; i++)
        o->interrupted = o->interrupted || !batch.jobs[i].started;
    return 0;
}

static void play_failures(void *ctx, struct onboarding *o, struct session *session)
{
    for (size_t i = 0; i < o->acceptance->count && !o->interrupted; i++) {
        struct onboard_case *c = &o->cases[i];
        struct vc_acceptance_played played = {.result = NULL};
        VC_AUTO_ERROR *why = NULL;

        if (c->what->scenario || c->skipped)
            continue;
        /* What was played before is worth its report all the same. */
        if (onboard_failures(ctx, o, session, &played, &why))
            played = (struct vc_acceptance_played){.broken = why->message};
        VC_AUTO_JSON *elements = (json_t *)(uintptr_t)played.elements;
        if (!o->interrupted)
            tell(o, c, &played);
    }
}

/* ---- what is left out ---- */

static const char *why_not(void *ctx, const struct onboarding *o, const struct session *session,
                           const struct onboard_case *c)
{
    VC_AUTO_ERROR *why = NULL;

    if (o->options->only && fnmatch(o->options->only, c->what->name, FNM_EXTMATCH))
        return "left out by --only";
    if (c->what->cannot)
        return c->what->cannot;
    if (!c->what->scenario)
        return session->options.sealed ? NULL : "each single failure is played sealed (without --live)";
    return session_can_play(session, c->scenario, &why) ? talloc_strdup(ctx, why->message) : NULL;
}

static void leave_out(void *ctx, struct onboarding *o, const struct session *session)
{
    for (size_t i = 0; i < o->acceptance->count; i++) {
        o->cases[i].skipped = why_not(ctx, o, session, &o->cases[i]);
        o->total += !o->cases[i].skipped;
    }
}

/* A lab in which nothing works shows nothing of what happens when something fails. */
static void judge_baseline(struct onboarding *o)
{
    bool ill = false;

    for (size_t i = 0; i < o->acceptance->count; i++)
        ill = ill || (is_baseline(&o->cases[i]) && o->cases[i].row &&
                      strcmp(json_string_value(json_object_get(o->cases[i].row, "verdict")), "pass") != 0);
    for (size_t i = 0; ill && i < o->acceptance->count; i++)
        if (!o->cases[i].row && !o->cases[i].skipped) {
            o->cases[i].skipped = "the baseline is not as promised, so that this would show nothing";
            o->total--;
        }
}

int onboard_play(void *ctx, struct onboarding *o, vc_error **err)
{
    struct session *session = session_open(ctx, &o->options->run.session, err);

    if (!session)
        return -1;
    leave_out(ctx, o, session);
    if (play_scenarios(ctx, o, session, true, err))
        return -1;
    judge_baseline(o);
    if (!o->interrupted && play_scenarios(ctx, o, session, false, err))
        return -1;
    play_failures(ctx, o, session);
    for (size_t i = 0; i < o->acceptance->count; i++)
        if (o->cases[i].skipped)
            o->cases[i].row =
                vc_acceptance_row(o->cases[i].what, &(struct vc_acceptance_played){.skipped = o->cases[i].skipped});
    return 0;
}
