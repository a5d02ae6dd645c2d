/* What a run says while it goes on, and what its run.json says of it beside the verdict. */
#include <string.h>

#include "cli/numbers.h"
#include "cli/session_private.h"
#include "model/requirements.h"
#include "run/verdict.h"

/* The live line is drawn at most so often: a terminal may be slow. */
#define REDRAW_S 0.1

static void wipe(struct watcher *watcher)
{
    if (watcher->told > 0)
        fputs("\r\033[K", stderr);
    watcher->told = 0;
}

static void draw(struct watcher *watcher, const json_t *event)
{
    double now = now_s(), wall = now - watcher->began;
    double lab = (double)json_integer_value(json_object_get(event, "t_ns")) / VC_NS_PER_S;

    if (!watcher->live_line || watcher->session->options.quiet || now - watcher->told < REDRAW_S)
        return;
    fprintf(stderr, "\r\033[K%10.3f s | %.1f s wall  (%.*f×)", lab, wall, lab < 10 * wall, lab / wall);
    watcher->told = now;
}

static void print_line(struct watcher *watcher, const char *line)
{
    const char *label = watcher->session->options.label;

    wipe(watcher);
    fprintf(stderr, "%s%s%s\n", label ? label : "", label ? ": " : "", line);
}

void session_on_progress(void *arg, const char *line)
{
    struct watcher *watcher = arg;

    if (!watcher->session->options.quiet)
        print_line(watcher, line);
}

static void judge(struct watcher *watcher, json_t *event)
{
    const char *what = json_string_value(json_object_get(event, "what"));

    if (!watcher->judge)
        return;
    vc_judge_event(watcher->judge, event);
    if (!what || strcmp(what, "steps-done") != 0)
        return;
    VC_AUTO_JSON *judged = vc_judge_finish(watcher->judge);
    watcher->extra->on_steps_done(watcher->extra->arg, watcher->result, judged);
    TALLOC_FREE(watcher->judge);
}

void session_on_event(void *arg, json_t *event)
{
    struct watcher *watcher = arg;
    const char *what = json_string_value(json_object_get(event, "what"));
    double wall = watcher->session->options.sealed ? now_s() - watcher->began : -1;

    vc_result_event(watcher->writer, event);
    VC_AUTO_TALLOC char *line =
        watcher->session->options.quiet ? NULL : vc_story_progress(watcher->writer, event, wall);
    if (line)
        print_line(watcher, line);
    if (what && !strcmp(what, "end"))
        wipe(watcher);
    else
        draw(watcher, event);
    judge(watcher, event);
}

static const char *const packages[] = {"strongswan-charon", "frr", "bird2", "linux-image-cloud-amd64"};

json_t *session_versions(const struct session *session, const char *qemu)
{
    json_t *versions = json_pack("{s:s}", "vclab", VCLAB_VERSION);

    for (size_t i = 0; i < VC_COUNT(packages); i++) {
        json_t *version = json_object_get(session->labroot->versions, packages[i]);
        if (version)
            json_object_set(versions, packages[i], version);
    }
    if (session->image)
        json_object_set_new(versions, "kernel", json_string(session->image->kernel_version));
    if (qemu)
        json_object_set_new(versions, "qemu", json_string(qemu));
    return versions;
}

static void add_sealed(json_t *header, const struct session *session, const struct vc_sealed_outcome *outcome)
{
    bool virtual_time = session->options.accel == VC_ACCEL_SEALED;

    json_object_set_new(header, "accel", json_string(session->options.accel == VC_ACCEL_KVM ? "kvm" : "tcg"));
    json_object_set_new(header, "deterministic", json_boolean(virtual_time && !session->options.shell));
    json_object_set_new(header, "start", json_string(outcome->forked ? "forked" : "cold"));
    json_object_set_new(header, "captured", json_boolean(session->options.captures));
    json_object_set_new(header, "evidence", json_boolean(session->options.evidence));
    json_object_set_new(header, "image", json_string(session->image->id));
}

json_t *session_header(const struct session *session, const struct vc_scenario *scenario,
                       const struct vc_sealed_outcome *outcome)
{
    const struct session_options *options = &session->options;
    json_t *requirements = vc_requirement_ids(scenario->requirements, scenario->requirement_count);
    json_t *fault_of = vc_requirement_ids(scenario->fault_of, scenario->fault_of_count);

    json_t *header = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:f, s:f}", "scenario",
                               scenario->name, "description", scenario->description ? scenario->description : "",
                               "topology", scenario->topology->name, "mode", options->sealed ? "sealed" : "live",
                               "plane", session->plane == VC_PLANE_KERNEL ? "kernel" : "user", "timers",
                               scenario->timers->name, "seed", (json_int_t)options->seed, "requirements", requirements,
                               "fault_of", fault_of, "versions", session_versions(session, outcome->qemu), "wall_s",
                               outcome->run.wall_s, "virtual_s", outcome->virtual_s);
    if (outcome->run.wires)
        json_object_set_new(header, "wires", json_string(outcome->run.wires));
    if (options->sealed)
        add_sealed(header, session, outcome);
    return header;
}
