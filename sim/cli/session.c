#include "cli/session.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "base/home.h"
#include "cli/numbers.h"
#include "cli/session_private.h"
#include "model/problem.h"
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

static int is_topology(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot && !strcmp(dot, ".yaml");
}

/* Neither a file nor one of topologies/: says which there are. */
static int no_topology(const char *folder, const char *name, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    char *list = talloc_strdup(scratch, "");
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_topology, alphasort);
    const char **names = talloc_zero_array(scratch, const char *, count > 0 ? (unsigned)count : 1);

    for (int i = 0; i < count; i++) {
        names[i] = talloc_strndup(scratch, entries[i]->d_name, strlen(entries[i]->d_name) - strlen(".yaml"));
        list = talloc_asprintf_append(list, "%s%s", i ? ", " : "", names[i]);
        free(entries[i]);
    }
    free(entries);
    const char *nearest = vc_names_nearest(VC_NAMES(names, count > 0 ? (size_t)count : 0), name);
    return vc_fail(err, VC_EXIT_USAGE, 0, "%s: neither a file nor a topology%s%s%s; there are %s", name,
                   nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "",
                   *list ? list : "none here");
}

struct vc_topology *session_topology(void *ctx, const char *name, vc_error **err)
{
    struct stat st;
    const char *folder = session_folder(ctx, "topologies"), *file = name;

    /* A folder that is called like a topology is none. */
    if (stat(name, &st) || S_ISDIR(st.st_mode)) {
        file = talloc_asprintf(ctx, "%s/%s.yaml", folder, name);
        if (stat(file, &st) && errno == ENOENT) {
            no_topology(folder, name, err);
            return NULL;
        }
    }
    return vc_topology_load(ctx, file, session_folder(ctx, "nodes"), err);
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

int session_can_play(const struct session *session, const struct vc_scenario *scenario, vc_error **err)
{
    const char *why = session->planes.why_not_kernel;

    if (session->options.sealed || session->plane == VC_PLANE_KERNEL || !scenario->plane ||
        strcmp(scenario->plane, "kernel") != 0)
        return 0;
    return vc_fail(err, VC_EXIT_HOST, 0, "%s needs the kernel data plane, %s%s%s: run it sealed (without --live)",
                   scenario->name, why ? "which this host has not (" : "and --plane user was given", why ? why : "",
                   why ? ")" : "");
}

struct session *session_open(void *ctx, const struct session_options *options, vc_error **err)
{
    VC_AUTO_TALLOC struct session *session = talloc_zero(ctx, struct session);

    session->options = *options;
    if (!session->options.results)
        session->options.results = session_folder(session, "results");
    session->kinds = session_folder(session, "nodes");
    if (vc_wires_mode(options->wires, &session->wires, err))
        return NULL;
    if (!options->sealed && (vc_planes_probe(session, &session->planes, err) || choose_plane(session, err)))
        return NULL;
    session->labroot = vc_labroot_open(session, err);
    if (!session->labroot || (options->sealed && session_open_sealed(session, err)))
        return NULL;
    return VC_STEAL_PTR(session);
}

struct vc_plan *session_plan(void *ctx, const struct session *session, const struct vc_scenario *scenario,
                             vc_error **err)
{
    struct vc_plan_options options = {.plane = session->plane,
                                      .timers = scenario->timers,
                                      .seed = session->options.seed,
                                      .kinds_dir = session->kinds};

    return vc_plan_make(ctx, scenario->topology, &options, err);
}

static int remove_one(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED, struct FTW *ftw VC_UNUSED)
{
    return remove(path);
}

int session_remove(const char *folder)
{
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
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

static int play_live(struct watcher *watcher, const struct vc_scenario *scenario, const struct vc_plan *plan,
                     struct vc_sealed_outcome *outcome, vc_error **err)
{
    VC_AUTO_FD control = -1;
    VC_AUTO_TALLOC char *socket_path = talloc_asprintf(NULL, "%s/control", watcher->result);

    if (watcher->extra && watcher->extra->stay) {
        control = vc_control_listen(socket_path, err);
        if (control < 0)
            return -1;
    }
    struct vc_live_config config = {
        .engine = {.plan = plan,
                   .evidence = watcher->session->options.evidence ? VC_EVIDENCE_ALWAYS : VC_EVIDENCE_UNLESS_PASS,
                   .scenario = scenario,
                   .control = control,
                   .captures = watcher->session->options.captures,
                   .stay = watcher->extra && watcher->extra->stay},
        .wires = watcher->session->wires,
        .labroot = watcher->session->labroot->path,
        .result = watcher->result,
        .on_event = session_on_event,
        .arg = watcher};
    int failed = vc_live_run(&config, &outcome->run, err);
    unlink(socket_path);
    outcome->virtual_s = outcome->run.wall_s;
    return failed;
}

/* A folder without a run would be told as a lab that nothing was heard of. */
static int leave_no_result(struct watcher *watcher)
{
    session_remove(watcher->result);
    watcher->result = NULL;
    return -1;
}

/* Returns the exit status. */
static int play(struct watcher *watcher, const struct vc_scenario *scenario, const struct vc_plan *plan,
                json_t **run_json, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct session *session = watcher->session;
    struct vc_sealed_outcome outcome = {0};

    if (session->options.sealed ? session_play_sealed(scratch, watcher, scenario, &outcome, err)
                                : play_live(watcher, scenario, plan, &outcome, err))
        return leave_no_result(watcher);
    int status = exit_status(outcome.run.judged, &outcome.run);
    VC_AUTO_JSON *judged = outcome.run.judged;
    VC_AUTO_JSON *header = session_header(session, scenario, &outcome);
    vc_result_give(watcher->result); /* also when the rest fails */
    if (vc_result_writer_close(watcher->writer, err))
        return -1;
    if (session->options.sealed) {
        json_t *files = vc_result_files(watcher->result, err);
        if (!files)
            return -1;
        json_object_set_new(header, "files", files);
    }
    VC_AUTO_JSON *run = vc_result_finish(watcher->result, header, judged, err);
    if (!run)
        return -1;
    if (run_json)
        *run_json = json_incref(run);
    return status;
}

static int play_in(void *scratch, struct watcher *watcher, const struct vc_scenario *scenario, json_t **run_json,
                   vc_error **err)
{
    const struct session_extra *extra = watcher->extra;
    bool staged = extra && extra->documents;

    if (staged)
        scenario = session_stage(scratch, watcher->session, extra->documents, watcher->result, err);
    const struct vc_plan *plan = scenario ? session_plan(scratch, watcher->session, scenario, err) : NULL;
    if (!plan || (watcher->session->options.sealed && session_take_image(watcher->session, scenario->topology, err)))
        return leave_no_result(watcher);
    watcher->writer = vc_result_writer_new(scratch, watcher->result, err);
    if (!watcher->writer)
        return -1;
    if (extra && extra->on_steps_done)
        watcher->judge = vc_judge_new(scratch);
    if (extra && extra->on_ready)
        extra->on_ready(extra->arg);
    return play(watcher, scenario, plan, run_json, err);
}

int session_run(void *ctx, struct session *session, const struct vc_scenario *scenario,
                const struct session_extra *extra, json_t **run_json, char **path, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct watcher watcher = {.session = session, .extra = extra, .began = now_s()};
    bool staged = extra && extra->documents;

    /* What is wrong with the scenario is said before anything is made. */
    if (!staged && !session_plan(scratch, session, scenario, err))
        return -1;
    watcher.live_line = session->options.sealed && !session->options.label && isatty(STDERR_FILENO);
    char *result = vc_result_create(ctx, session->options.results, staged ? extra->name : scenario->name, err);
    if (!result)
        return -1;
    watcher.result = result;
    int status = play_in(scratch, &watcher, scenario, run_json, err);
    if (path)
        *path = watcher.result ? result : NULL;
    return status;
}
