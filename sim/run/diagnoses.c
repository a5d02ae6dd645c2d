#include "run/diagnoses.h"

#include <string.h>

#define AGAIN_US 5000000

struct vc_diagnoses {
    struct vc_examiner *examiner;
    const struct vc_judge *judge;
    struct vc_evidence *evidence;  /* under way */
    sd_event_source *soon, *again; /* once the current events are handled; five seconds after an answer */
    int *armed;                    /* ids */
    size_t count;
    int hold; /* id of the hold under way of one of them; -1: none */
};

static sd_event *loop_of(const struct vc_diagnoses *diagnoses)
{
    return vc_lab_loop(vc_examiner_lab(diagnoses->examiner));
}

static int destroy(struct vc_diagnoses *diagnoses)
{
    sd_event_source_disable_unref(diagnoses->soon);
    sd_event_source_disable_unref(diagnoses->again);
    return 0;
}

static bool is_asked_for(const struct vc_diagnoses *diagnoses)
{
    if (diagnoses->hold >= 0)
        return true;
    for (size_t i = 0; i < diagnoses->count; i++)
        if (vc_judge_expectation(diagnoses->judge, diagnoses->armed[i]) == VC_PENDING ||
            vc_judge_watches(diagnoses->judge, diagnoses->armed[i]))
            return true;
    return false;
}

static void begin(struct vc_diagnoses *diagnoses);

static int on_again(sd_event_source *source VC_UNUSED, uint64_t usec VC_UNUSED, void *arg)
{
    struct vc_diagnoses *diagnoses = arg;

    if (is_asked_for(diagnoses))
        begin(diagnoses);
    return 0;
}

static void told(struct vc_diagnoses *diagnoses, const struct vc_examination *examination)
{
    vc_evidence_event(vc_lab_events(vc_examiner_lab(diagnoses->examiner)), examination);
    if (!is_asked_for(diagnoses))
        return;
    diagnoses->again = sd_event_source_disable_unref(diagnoses->again);
    sd_event_add_time_relative(loop_of(diagnoses), &diagnoses->again, CLOCK_MONOTONIC, AGAIN_US, 1000, on_again,
                               diagnoses);
}

static void on_evidence(void *arg, const struct vc_examination *examination)
{
    struct vc_diagnoses *diagnoses = arg;

    diagnoses->evidence = NULL;
    told(diagnoses, examination);
}

static void begin(struct vc_diagnoses *diagnoses)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_events *events = vc_lab_events(vc_examiner_lab(diagnoses->examiner));

    if (diagnoses->evidence)
        return;
    diagnoses->evidence = vc_evidence_start(diagnoses, diagnoses->examiner, on_evidence, diagnoses, &err);
    if (!diagnoses->evidence)
        told(diagnoses, &(struct vc_examination){vc_events_now(events), NULL, err});
}

/* What is under way began before somebody asked: its answer would be of the past. */
static int on_soon(sd_event_source *source VC_UNUSED, void *arg)
{
    struct vc_diagnoses *diagnoses = arg;

    diagnoses->again = sd_event_source_disable_unref(diagnoses->again);
    TALLOC_FREE(diagnoses->evidence);
    if (is_asked_for(diagnoses))
        begin(diagnoses);
    return 0;
}

/* The expectations of a step are armed one after the other, and one examination is to answer them all. */
static void ask_soon(struct vc_diagnoses *diagnoses)
{
    if (!diagnoses->soon && sd_event_add_defer(loop_of(diagnoses), &diagnoses->soon, on_soon, diagnoses) < 0)
        abort(); /* no memory */
    sd_event_source_set_enabled(diagnoses->soon, SD_EVENT_ONESHOT);
}

static void on_expect(struct vc_diagnoses *diagnoses, const json_t *event)
{
    const char *type = json_string_value(json_object_get(event, "type"));

    if (!type || strcmp(type, "diagnosis") != 0)
        return;
    diagnoses->armed = talloc_realloc(diagnoses, diagnoses->armed, int, (unsigned)diagnoses->count + 1);
    diagnoses->armed[diagnoses->count++] = (int)json_integer_value(json_object_get(event, "id"));
    ask_soon(diagnoses);
}

static void on_hold(struct vc_diagnoses *diagnoses, const json_t *event)
{
    json_t *id;
    size_t i;

    json_array_foreach(json_object_get(event, "expects"), i, id)
    {
        for (size_t n = 0; n < diagnoses->count; n++)
            if (diagnoses->armed[n] == json_integer_value(id))
                diagnoses->hold = (int)json_integer_value(json_object_get(event, "id"));
    }
    if (diagnoses->hold >= 0)
        ask_soon(diagnoses);
}

static void on_hold_end(struct vc_diagnoses *diagnoses, const json_t *event)
{
    if (json_integer_value(json_object_get(event, "id")) == diagnoses->hold)
        diagnoses->hold = -1;
}

/* From now on the evidence is the end's (engine_end.c). */
static void on_steps_done(struct vc_diagnoses *diagnoses, const json_t *event VC_UNUSED)
{
    vc_diagnoses_begin(diagnoses, diagnoses->judge);
}

void vc_diagnoses_event(void *arg, json_t *event)
{
    static const struct {
        const char *what;
        void (*fn)(struct vc_diagnoses *diagnoses, const json_t *event);
    } handlers[] = {{"expect", on_expect}, {"hold", on_hold}, {"hold-end", on_hold_end}, {"steps-done", on_steps_done}};
    const char *layer = json_string_value(json_object_get(event, "layer"));
    const char *what = json_string_value(json_object_get(event, "what"));

    for (size_t i = 0; layer && what && i < VC_COUNT(handlers); i++)
        if (!strcmp(layer, "check") && !strcmp(what, handlers[i].what))
            handlers[i].fn(arg, event);
}

void vc_diagnoses_begin(struct vc_diagnoses *diagnoses, const struct vc_judge *judge)
{
    diagnoses->judge = judge;
    diagnoses->count = 0;
    diagnoses->hold = -1;
    diagnoses->soon = sd_event_source_disable_unref(diagnoses->soon);
    diagnoses->again = sd_event_source_disable_unref(diagnoses->again);
    TALLOC_FREE(diagnoses->evidence);
}

struct vc_diagnoses *vc_diagnoses_new(void *ctx, struct vc_examiner *examiner)
{
    struct vc_diagnoses *diagnoses = talloc_zero(ctx, struct vc_diagnoses);

    diagnoses->examiner = examiner;
    diagnoses->hold = -1;
    talloc_set_destructor(diagnoses, destroy);
    return diagnoses;
}
