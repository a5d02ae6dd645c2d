/*
 * The end of a run: packets still under way arrive, the observers say their last, and where something was not as it
 * should be the nodes are asked why, before check/end. Evidence comes after the observers: what is asked and tried then
 * changes no verdict.
 */
#include "run/engine_private.h"

/* RTP packets still under way when sending stops get this long to arrive: three intervals of 20 ms. */
#define DRAIN_US 60000

/* `t_ns` -1: now. */
static void end_now(struct engine *engine, int64_t t_ns)
{
    vc_event(engine->events, VC_LAYER_CHECK, NULL, "end", t_ns, NULL);
    sd_event_exit(engine->loop, 0);
}

static void on_last_evidence(void *arg, const struct vc_examination *examination)
{
    struct engine *engine = arg;

    engine->last_evidence = NULL;
    vc_evidence_event(engine->events, examination); /* the run has its verdict without it */
    end_now(engine, -1);
}

/* Of a run that was ended from outside nobody asks what was wrong in it. */
static bool wants_evidence(struct engine *engine)
{
    enum vc_evidence_when when = engine->config->evidence;

    if (!engine->lab || engine->interrupted || when == VC_EVIDENCE_NEVER)
        return false;
    return when == VC_EVIDENCE_ALWAYS || !vc_judge_would_pass(engine->judge);
}

static int on_drained(sd_event_source *source VC_UNUSED, uint64_t usec VC_UNUSED, void *arg)
{
    struct engine *engine = arg;
    VC_AUTO_ERROR *err = NULL;

    if (engine->lab)
        vc_lab_wires_look(engine->lab);
    if (engine->observe) {
        vc_flows_finish(vc_observe_flows(engine->observe));
        if (vc_observe_finish(engine->observe, &err))
            vc_event(engine->events, VC_LAYER_CHECK, NULL, "error", -1, "{s:s}", "text", err->message);
    }
    int64_t all_there_ns = vc_events_now(engine->events); /* that the judge was asked shows in no event */
    if (wants_evidence(engine))
        engine->last_evidence = vc_evidence_start(engine, engine->examiner, on_last_evidence, engine, NULL);
    if (!engine->last_evidence)
        end_now(engine, all_there_ns);
    return 0;
}

void engine_begin_end(struct engine *engine)
{
    if (engine->ending)
        return;
    engine->ending = true;
    if (engine->parked)
        engine_tell_parked(engine);
    if (engine->observe)
        vc_flows_stop(vc_observe_flows(engine->observe));
    if (sd_event_add_time_relative(engine->loop, NULL, CLOCK_MONOTONIC, engine->observe ? DRAIN_US : 0, 1000,
                                   on_drained, engine) < 0)
        sd_event_exit(engine->loop, VC_EXIT_FAIL);
}

void engine_end(struct engine *engine, const char *signal, const char *error)
{
    engine->interrupted |= signal != NULL;
    if (engine->timeline)
        vc_timeline_abort(engine->timeline, signal, error);
    else if (error)
        vc_event(engine->events, VC_LAYER_CHECK, NULL, "error", -1, "{s:s}", "text", error);
    engine_begin_end(engine);
    if (signal && engine->last_evidence) { /* who interrupts does not wait for it */
        engine->last_evidence = (talloc_free(engine->last_evidence), NULL);
        end_now(engine, -1);
    }
}
