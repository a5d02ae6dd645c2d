#include "run/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/queue.h>

#include "base/fds.h"

#define CHILD_MAX_S 30 /* daemons that are asked answer within five or ten seconds, or not at all */

static const char what[] = "collecting evidence in the lab";

struct vc_evidence {
    struct vc_examiner *examiner;
    LIST_ENTRY(vc_evidence) beside;
    vc_evidence_fn *fn;
    void *arg;
    int64_t begun_ns;
    int fd, pidfd; /* -1: no child */
    char *text;
    size_t used;
    sd_event_source *source; /* what the child writes, or that another is to be started */
};

struct vc_examiner {
    const struct vc_lab *lab;
    LIST_HEAD(, vc_evidence) under_way;
};

/* Gone with all that it held when this returns. */
static void end_child(struct vc_evidence *evidence)
{
    siginfo_t info;

    evidence->source = sd_event_source_disable_unref(evidence->source);
    if (evidence->fd >= 0)
        close(VC_STEAL_FD(evidence->fd));
    if (evidence->pidfd < 0)
        return;
    pidfd_send_signal(evidence->pidfd, SIGKILL, NULL, 0);
    waitid(P_PIDFD, (id_t)evidence->pidfd, &info, WEXITED); /* nothing when the lab's reaper had it */
    close(VC_STEAL_FD(evidence->pidfd));
}

static int destroy(struct vc_evidence *evidence)
{
    end_child(evidence);
    if (evidence->examiner)
        LIST_REMOVE(evidence, beside);
    return 0;
}

static void finish(struct vc_evidence *evidence, vc_error *why_not)
{
    VC_AUTO_JSON *document = why_not ? NULL : json_loadb(evidence->text, evidence->used, 0, NULL);
    VC_AUTO_ERROR *ended = NULL;
    vc_evidence_fn *fn = evidence->fn;
    void *arg = evidence->arg;

    if (!document && !why_not)
        vc_fail(&ended, VC_EXIT_FAIL, 0, "%s: its child ended early", what);
    struct vc_examination told = {evidence->begun_ns, document, why_not ? why_not : ended};
    talloc_free(evidence);
    fn(arg, &told);
}

static int on_text(sd_event_source *source VC_UNUSED, int fd, uint32_t revents VC_UNUSED, void *arg)
{
    struct vc_evidence *evidence = arg;
    size_t room = talloc_get_size(evidence->text);

    if (room - evidence->used < BUFSIZ) {
        room = room ? 2 * room : 16 * (size_t)BUFSIZ;
        evidence->text = talloc_realloc_size(evidence, evidence->text, room);
    }
    ssize_t n = read(fd, evidence->text + evidence->used, room - evidence->used);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n > 0)
        evidence->used += (size_t)n;
    else
        finish(evidence, NULL);
    return 0;
}

/* What the engine closes while this goes on, a tap of a node that goes off say, has to be closed for good. */
static void close_what_is_the_engines(const struct vc_lab *lab, int out)
{
    size_t count = vc_lab_plan(lab)->node_count;
    VC_AUTO_TALLOC int *keep = talloc_array(NULL, int, count + 1);

    for (size_t i = 0; i < count; i++)
        keep[i] = vc_lab_node(lab, i)->netns;
    keep[count] = out;
    vc_close_others(keep, count + 1);
}

static _Noreturn void collect(const struct vc_lab *lab, int out)
{
    sigset_t none;

    prctl(PR_SET_NAME, "vclab-doctor");
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    close_what_is_the_engines(lab, out);
    alarm(CHILD_MAX_S);
    json_t *document = vc_lab_evidence(lab);
    _exit(json_dumpfd(document, out, JSON_COMPACT) ? 1 : 0);
}

static int start_child(struct vc_evidence *evidence, vc_error **err)
{
    const struct vc_lab *lab = evidence->examiner->lab;
    int fds[2];

    if (pipe2(fds, O_CLOEXEC))
        return vc_fail(err, VC_EXIT_FAIL, errno, "%s", what);
    evidence->fd = fds[0];
    evidence->used = 0;
    evidence->begun_ns = vc_events_now(vc_lab_events(lab));
    fflush(NULL);
    pid_t pid = fork();
    if (!pid)
        collect(lab, fds[1]);
    int errnum = errno;
    close(fds[1]);
    if (pid < 0)
        return vc_fail(err, VC_EXIT_FAIL, errnum, "%s", what);
    evidence->pidfd = pidfd_open(pid, 0);
    if (evidence->pidfd < 0 || fcntl(evidence->fd, F_SETFL, O_NONBLOCK))
        return vc_fail(err, VC_EXIT_FAIL, errno, "%s", what);
    int r = sd_event_add_io(vc_lab_loop(lab), &evidence->source, evidence->fd, EPOLLIN, on_text, evidence);
    return r < 0 ? vc_fail(err, VC_EXIT_FAIL, -r, "%s", what) : 0;
}

struct vc_evidence *vc_evidence_start(void *ctx, struct vc_examiner *examiner, vc_evidence_fn *fn, void *arg,
                                      vc_error **err)
{
    VC_AUTO_TALLOC struct vc_evidence *evidence = talloc_zero(ctx, struct vc_evidence);

    *evidence = (struct vc_evidence){.examiner = examiner, .fn = fn, .arg = arg, .fd = -1, .pidfd = -1};
    LIST_INSERT_HEAD(&examiner->under_way, evidence, beside);
    talloc_set_destructor(evidence, destroy);
    return start_child(evidence, err) ? NULL : VC_STEAL_PTR(evidence);
}

/* ---- a node goes off ---- */

static int on_start_again(sd_event_source *source VC_UNUSED, void *arg)
{
    struct vc_evidence *evidence = arg;
    VC_AUTO_ERROR *err = NULL;

    evidence->source = sd_event_source_disable_unref(evidence->source);
    if (start_child(evidence, &err))
        finish(evidence, err);
    return 0;
}

void vc_examiner_disturbed(struct vc_examiner *examiner)
{
    struct vc_evidence *evidence;

    LIST_FOREACH(evidence, &examiner->under_way, beside)
    {
        end_child(evidence);
        if (sd_event_add_defer(vc_lab_loop(examiner->lab), &evidence->source, on_start_again, evidence) < 0)
            abort(); /* no memory */
    }
}

static int examiner_destroy(struct vc_examiner *examiner)
{
    struct vc_evidence *evidence;

    LIST_FOREACH(evidence, &examiner->under_way, beside) evidence->examiner = NULL;
    return 0;
}

struct vc_examiner *vc_examiner_new(void *ctx, const struct vc_lab *lab)
{
    struct vc_examiner *examiner = talloc_zero(ctx, struct vc_examiner);

    examiner->lab = lab;
    talloc_set_destructor(examiner, examiner_destroy);
    return examiner;
}

const struct vc_lab *vc_examiner_lab(const struct vc_examiner *examiner)
{
    return examiner->lab;
}

void vc_evidence_event(struct vc_events *events, const struct vc_examination *examination)
{
    const char *none = examination->err ? examination->err->message : "";

    if (examination->document)
        vc_event(events, VC_LAYER_CHECK, NULL, "evidence", -1, "{s:I, s:O}", "begun_ns",
                 (json_int_t)examination->begun_ns, "document", examination->document);
    else
        vc_event(events, VC_LAYER_CHECK, NULL, "evidence", -1, "{s:I, s:s}", "begun_ns",
                 (json_int_t)examination->begun_ns, "error", none);
}
