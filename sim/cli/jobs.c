#include "cli/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>

#include "report/bundle.h"
#include "report/compare.h"
#include "report/report.h"

enum { WHY_MAX = 1000 }; /* of an error's text: the worker's answer must fit a pipe */

/* ---- one job ---- */

static int play_once(struct session *session, const struct job *job, json_t *documents, json_t **run, char **result,
                     vc_error **err)
{
    struct session_extra extra = {.documents = documents, .name = job->scenario->name};

    return session_run(job->scenario, session, job->scenario, documents ? &extra : NULL, run, result, err);
}

static int play_again(struct session *session, struct job *job, json_t *documents, vc_error **err)
{
    int status = play_once(session, job, documents, NULL, &job->other, err);

    if (status < 0 || status == VC_EXIT_INTERRUPTED)
        return status;
    VC_AUTO_JSON *comparison = vc_compare_results(job->result, job->other, err);
    if (!comparison)
        return -1;
    if (json_is_true(json_object_get(comparison, "same")))
        return status;
    job->difference = vc_compare_text(job->scenario, comparison, "first run", "second run");
    return VC_EXIT_FAIL;
}

/* What goes into a bundle is what was played: documents without secrets are made before the run, not after it. */
static json_t *bundle_documents(const struct job *job, json_t *replaced, vc_error **err)
{
    VC_AUTO_JSON *documents = vc_blob_documents(job->scenario, err);

    if (!documents || vc_redact(documents, replaced, err))
        return NULL;
    return VC_STEAL_PTR(documents);
}

static int play_all(const struct run_options *options, struct session *session, struct job *job, vc_error **err)
{
    VC_AUTO_JSON *replaced = json_array();
    VC_AUTO_JSON *documents = NULL;
    VC_AUTO_JSON *run = NULL;

    if (options->bundle && !(documents = bundle_documents(job, replaced, err)))
        return -1;
    int status = play_once(session, job, documents, &run, &job->result, err);
    if (status >= 0 && status != VC_EXIT_INTERRUPTED && options->twice) {
        int again = play_again(session, job, documents, err);
        status = again < 0 || status == VC_EXIT_PASS ? again : status;
    }
    if (status >= 0 && status != VC_EXIT_INTERRUPTED && options->bundle &&
        vc_bundle_write(options->bundle, job->result, documents, replaced, err))
        return -1;
    return status;
}

static int play(const struct run_options *options, struct session *session, struct job *job)
{
    VC_AUTO_ERROR *err = NULL;
    int status = play_all(options, session, job, &err);

    if (status >= 0)
        return status;
    job->why = talloc_strndup(job->scenario, err->message, WHY_MAX);
    vc_wrap(&err, "%s", job->scenario->name);
    return print_error(err);
}

/* ---- workers ---- */

static void set_text(json_t *answer, const char *key, const char *text)
{
    if (text)
        json_object_set_new(answer, key, json_string(text));
}

/* What the worker knows comes back through a pipe; it dies with vclab, and its lab with it. */
static _Noreturn void work(const struct run_options *options, struct session *session, struct job *job, int out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    session->options.label = job->scenario->name;
    int status = play(options, session, job);
    VC_AUTO_JSON *answer = json_object();
    set_text(answer, "result", job->result);
    set_text(answer, "other", job->other);
    set_text(answer, "difference", job->difference);
    set_text(answer, "why", job->why);
    VC_AUTO_FREE char *text = json_dumps(answer, JSON_COMPACT);
    /* At most PIPE_BUF bytes or so: the pipe holds them until the parent reads after our end. */
    (void)!write(out, text, strlen(text));
    _exit(status);
}

static int start_worker(const struct run_options *options, struct session *session, struct job *job, int *answer_fd,
                        vc_error **err)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC))
        return vc_fail(err, VC_EXIT_FAIL, errno, "starting a run");
    fflush(NULL);
    job->pid = fork();
    if (!job->pid)
        work(options, session, job, fds[1]);
    close(fds[1]);
    *answer_fd = fds[0];
    job->started = true;
    return job->pid < 0 ? vc_fail(err, VC_EXIT_FAIL, errno, "starting a run") : 0;
}

static void tell(const struct run_options *options, struct job *job)
{
    VC_AUTO_ERROR *err = NULL;

    if (options->on_done) {
        options->on_done(options->on_done_arg, job);
        return;
    }
    if (!job->result || options->json)
        return;
    if (vc_story_write(stdout, job->result, false, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"), &err))
        print_error(err);
    printf("  result: %s\n", job->result);
    if (job->other)
        printf("  again:  %s\n%s%s\n", job->other,
               job->difference ? "DIFFERENT  " : "the same digest, captures and logs",
               job->difference ? job->difference : "");
    if (options->bundle)
        printf("  bundle: %s\n", options->bundle);
    putchar('\n');
    fflush(stdout);
}

static char *take_text(struct job *job, const json_t *answer, const char *key)
{
    const char *text = json_string_value(json_object_get(answer, key));

    return text ? talloc_strdup(job->scenario, text) : NULL;
}

static void finish_worker(const struct run_options *options, struct job *job, int answer_fd, int wait_status)
{
    VC_AUTO_JSON *answer = json_loadfd(answer_fd, 0, NULL);

    close(answer_fd);
    job->pid = 0;
    job->status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : VC_EXIT_FAIL;
    job->result = take_text(job, answer, "result");
    job->other = take_text(job, answer, "other");
    job->difference = take_text(job, answer, "difference");
    job->why = take_text(job, answer, "why");
    tell(options, job);
}

struct crowd {
    const struct run_options *options;
    struct session *session;
    struct job *jobs;
    size_t count, running;
    int *fds; /* a worker's answer */
    enum group_state *groups;
    bool stop; /* nothing more is started after a run that was interrupted */
};

static void reap(struct crowd *crowd)
{
    int wait_status;
    pid_t pid;

    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0)
        for (size_t i = 0; i < crowd->count; i++) {
            struct job *job = &crowd->jobs[i];
            if (job->pid != pid)
                continue;
            finish_worker(crowd->options, job, crowd->fds[i], wait_status);
            crowd->groups[job->group] = GROUP_READY;
            crowd->stop = crowd->stop || job->status == VC_EXIT_INTERRUPTED;
            crowd->running--;
        }
}

static int fill(struct crowd *crowd, vc_error **err)
{
    while (!crowd->stop && crowd->running < crowd->options->jobs) {
        size_t next = job_next(crowd->jobs, crowd->count, crowd->groups);

        if (next == crowd->count)
            return 0;
        struct job *job = &crowd->jobs[next];
        if (start_worker(crowd->options, crowd->session, job, &crowd->fds[next], err))
            return -1;
        if (crowd->groups[job->group] == GROUP_NEW && !crowd->session->options.cold)
            crowd->groups[job->group] = GROUP_MAKING;
        crowd->running++;
    }
    return 0;
}

static void stop(struct crowd *crowd)
{
    crowd->stop = true;
    for (size_t i = 0; i < crowd->count; i++)
        if (crowd->jobs[i].pid > 0)
            kill(crowd->jobs[i].pid, SIGTERM);
}

static int run_side_by_side(struct crowd *crowd, vc_error **err)
{
    sigset_t watched;

    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGTERM);
    sigaddset(&watched, SIGINT);
    sigprocmask(SIG_BLOCK, &watched, NULL); /* the workers block the last two themselves and end in order */
    if (fill(crowd, err))
        return -1;
    while (crowd->running) {
        int signal = sigwaitinfo(&watched, NULL);
        if (signal == SIGTERM || signal == SIGINT)
            stop(crowd);
        reap(crowd);
        if (fill(crowd, err))
            return -1;
    }
    return 0;
}

int jobs_run(const struct run_options *options, struct session *session, struct job *jobs, size_t count, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);

    if (count > 1 || options->jobs > 1)
        return run_side_by_side(&(struct crowd){.options = options,
                                                .session = session,
                                                .jobs = jobs,
                                                .count = count,
                                                .fds = talloc_zero_array(scratch, int, count),
                                                .groups = talloc_zero_array(scratch, enum group_state, count)},
                                err);
    jobs[0].started = true;
    jobs[0].status = play(options, session, &jobs[0]);
    tell(options, &jobs[0]);
    return 0;
}
