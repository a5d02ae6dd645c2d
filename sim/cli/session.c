#include "cli/session.h"

#include <errno.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "base/home.h"
#include "report/report.h"
#include "run/control.h"
#include "run/verdict.h"

int print_error(const vc_error *err)
{
    /* A document's errors are lines of their own that begin with the file. */
    fprintf(stderr, strchr(err->message, '\n') || err->status == VC_EXIT_USAGE ? "%s\n" : "vclab: %s\n", err->message);
    return (int)err->status;
}

const char *session_folder(void *ctx, const char *name)
{
    return talloc_asprintf(ctx, "%s/%s", vc_home(), name);
}

static int choose_plane(struct session *session, vc_error **err)
{
    const char *wanted = session->options.plane;
    const struct vc_planes *planes = &session->planes;

    if (!wanted || !strcmp(wanted, "auto"))
        wanted = planes->kernel ? "kernel" : "user";
    if (!strcmp(wanted, "kernel")) {
        session->plane = VC_PLANE_KERNEL;
        return planes->kernel
                   ? 0
                   : vc_fail(err, VC_EXIT_HOST, 0, "this host has no kernel data plane (%s): try --plane user",
                             planes->why_not_kernel);
    }
    if (!strcmp(wanted, "user")) {
        session->plane = VC_PLANE_USER;
        return planes->user
                   ? 0
                   : vc_fail(err, VC_EXIT_HOST, 0, "this host has no user-space data plane: %s", planes->why_not_user);
    }
    return vc_fail(err, VC_EXIT_USAGE, 0, "--plane %s: kernel, user or auto", wanted);
}

struct session *session_open(void *ctx, const struct session_options *options, vc_error **err)
{
    VC_AUTO_TALLOC struct session *session = talloc_zero(ctx, struct session);

    session->options = *options;
    if (!session->options.results)
        session->options.results = session_folder(session, "results");
    if (vc_planes_probe(session, &session->planes, err) || choose_plane(session, err))
        return NULL;
    session->labroot = vc_labroot_open(session, err);
    return session->labroot ? VC_STEAL_PTR(session) : NULL;
}

struct vc_plan *session_plan(void *ctx, const struct session *session, const struct vc_scenario *scenario,
                             vc_error **err)
{
    struct vc_plan_options options = {.plane = session->plane,
                                      .timers = scenario->timers,
                                      .seed = session->options.seed,
                                      .kinds_dir = session_folder(ctx, "nodes")};

    return vc_plan_make(ctx, scenario->topology, &options, err);
}

struct watcher {
    struct session *session;
    struct vc_result_writer *writer;
    const struct session_extra *extra;
    const char *result;
    struct vc_judge *judge; /* for on_steps_done only */
};

static void on_event(void *arg, json_t *event)
{
    struct watcher *watcher = arg;
    VC_AUTO_TALLOC char *line = NULL;

    if (watcher->writer)
        vc_result_event(watcher->writer, event);
    if (!watcher->session->options.quiet)
        line = vc_story_progress(NULL, event);
    if (line)
        fprintf(stderr, "%s%s%s\n", watcher->session->options.label ? watcher->session->options.label : "",
                watcher->session->options.label ? ": " : "", line);
    if (watcher->judge)
        vc_judge_event(watcher->judge, event);
    const char *what = json_string_value(json_object_get(event, "what"));
    if (watcher->judge && what && !strcmp(what, "steps-done")) {
        json_t *judged = vc_judge_finish(watcher->judge);
        watcher->extra->on_steps_done(watcher->extra->arg, watcher->result, judged);
        json_decref(judged);
        TALLOC_FREE(watcher->judge);
    }
}

static const char *const daemon_packages[] = {"strongswan-charon", "frr", "bird2", "linux-image-cloud-amd64"};

static json_t *header_of(const struct session *session, const struct vc_scenario *scenario,
                         const struct vc_live_outcome *outcome)
{
    json_t *requirements = json_array();
    json_t *versions = json_pack("{s:s}", "vclab", VCLAB_VERSION);

    for (size_t i = 0; i < scenario->requirement_count; i++)
        json_array_append_new(requirements, json_string(scenario->requirements[i]));
    for (size_t i = 0; i < VC_COUNT(daemon_packages); i++) {
        json_t *version = json_object_get(session->labroot->versions, daemon_packages[i]);
        if (version)
            json_object_set(versions, daemon_packages[i], version);
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:f, s:f}", "scenario", scenario->name,
                     "description", scenario->description ? scenario->description : "", "topology",
                     scenario->topology->name, "mode", "live", "plane",
                     session->plane == VC_PLANE_KERNEL ? "kernel" : "user", "timers", scenario->timers->name, "seed",
                     (json_int_t)session->options.seed, "requirements", requirements, "versions", versions, "wall_s",
                     outcome->wall_s, "virtual_s", outcome->wall_s);
}

static int give_to_user(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED,
                        struct FTW *ftw VC_UNUSED)
{
    const char *user = getenv("SUDO_UID"), *group = getenv("SUDO_GID");
    uid_t uid = user ? (uid_t)strtoul(user, NULL, 10) : (uid_t)-1;
    gid_t gid = group ? (gid_t)strtoul(group, NULL, 10) : (gid_t)-1;

    return lchown(path, uid, gid) && errno != ENOENT ? -1 : 0;
}

/* Results belong to whoever typed sudo, not to root. */
static void hand_over(const char *path)
{
    if (getenv("SUDO_UID"))
        nftw(path, give_to_user, 16, FTW_PHYS);
}

static int exit_status(const json_t *judged, const struct vc_live_outcome *outcome)
{
    const char *name = json_string_value(json_object_get(judged, "verdict"));

    if (outcome->signal || json_is_true(json_object_get(judged, "interrupted")))
        return VC_EXIT_INTERRUPTED;
    for (enum vc_verdict verdict = VC_PASS; verdict <= VC_ERROR; verdict++)
        if (name && !strcmp(name, vc_verdict_name(verdict)))
            return vc_verdict_exit(verdict);
    return VC_EXIT_FAIL;
}

static int play(struct watcher *watcher, const struct vc_scenario *scenario, const struct vc_plan *plan, int control,
                json_t **run_json, vc_error **err)
{
    struct session *session = watcher->session;
    struct vc_live_config config = {.engine = {.plan = plan,
                                               .scenario = scenario,
                                               .control = control,
                                               .captures = session->options.captures,
                                               .stay = watcher->extra && watcher->extra->stay},
                                    .labroot = session->labroot->path,
                                    .result = watcher->result,
                                    .on_event = on_event,
                                    .arg = watcher};
    struct vc_live_outcome outcome;

    if (vc_live_run(&config, &outcome, err))
        return -1;
    int status = exit_status(outcome.judged, &outcome);
    VC_AUTO_JSON *header = header_of(session, scenario, &outcome);
    VC_AUTO_JSON *judged = outcome.judged;
    if (vc_result_writer_close(watcher->writer, err))
        return -1;
    VC_AUTO_JSON *run = vc_result_finish(watcher->result, header, judged, err);
    hand_over(watcher->result);
    if (!run)
        return -1;
    if (run_json)
        *run_json = json_incref(run);
    return status;
}

int session_run(void *ctx, struct session *session, const struct vc_scenario *scenario,
                const struct session_extra *extra, json_t **run_json, char **path, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct watcher watcher = {.session = session, .extra = extra};
    const struct vc_plan *plan = session_plan(scratch, session, scenario, err);
    if (!plan)
        return -1;
    char *result = vc_result_create(ctx, session->options.results, scenario->name, err);

    if (!result)
        return -1;
    if (path)
        *path = result;
    watcher.result = result;
    watcher.writer = vc_result_writer_new(scratch, result, err);
    if (!watcher.writer)
        return -1;
    if (extra && extra->on_steps_done)
        watcher.judge = vc_judge_new(scratch);
    VC_AUTO_FD control = -1;
    char *socket_path = talloc_asprintf(scratch, "%s/control", result);
    if (extra && extra->stay) {
        control = vc_control_listen(socket_path, err);
        if (control < 0)
            return -1;
    }
    int status = play(&watcher, scenario, plan, control, run_json, err);
    unlink(socket_path);
    return status;
}
