#include "run/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define AGAIN_US    5000000
#define CHILD_MAX_S 30 /* daemons that are asked answer within five or ten seconds, or not at all */

struct vc_evidence {
    vc_evidence_fn *fn;
    void *arg;
    int fd;
    char *text;
    size_t used;
    sd_event_source *source;
};

static int destroy(struct vc_evidence *evidence)
{
    sd_event_source_disable_unref(evidence->source);
    close(evidence->fd);
    return 0;
}

static void finish(struct vc_evidence *evidence)
{
    VC_AUTO_JSON *document = json_loadb(evidence->text, evidence->used, 0, NULL);
    VC_AUTO_ERROR *err = NULL;
    vc_evidence_fn *fn = evidence->fn;
    void *arg = evidence->arg;

    if (!document)
        vc_fail(&err, VC_EXIT_FAIL, 0, "collecting evidence in the lab: its child ended early");
    talloc_free(evidence);
    fn(arg, document, err);
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
        finish(evidence);
    return 0;
}

static _Noreturn void collect(const struct vc_lab *lab, int out)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    alarm(CHILD_MAX_S);
    json_t *document = vc_lab_evidence(lab);
    _exit(json_dumpfd(document, out, JSON_COMPACT) ? 1 : 0);
}

struct vc_evidence *vc_evidence_start(void *ctx, const struct vc_lab *lab, vc_evidence_fn *fn, void *arg,
                                      vc_error **err)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC)) {
        vc_fail(err, VC_EXIT_FAIL, errno, "collecting evidence in the lab");
        return NULL;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (!pid)
        collect(lab, fds[1]);
    close(fds[1]);
    struct vc_evidence *evidence = talloc_zero(ctx, struct vc_evidence);
    *evidence = (struct vc_evidence){.fn = fn, .arg = arg, .fd = fds[0]};
    talloc_set_destructor(evidence, destroy);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    int r = pid < 0 ? -errno : sd_event_add_io(vc_lab_loop(lab), &evidence->source, fds[0], EPOLLIN, on_text, evidence);
    if (r >= 0)
        return evidence;
    vc_fail(err, VC_EXIT_FAIL, -r, "collecting evidence in the lab");
    talloc_free(evidence);
    return NULL;
}

/* ---- for expectations ---- */

struct vc_diagnoses {
    const struct vc_lab *lab;
    const struct vc_judge *judge;
    struct vc_evidence *evidence; /* under way */
    sd_event_source *again;
    int *armed; /* ids */
    size_t count;
};

static int diagnoses_destroy(struct vc_diagnoses *diagnoses)
{
    sd_event_source_disable_unref(diagnoses->again);
    return 0;
}

static bool any_pending(const struct vc_diagnoses *diagnoses)
{
    for (size_t i = 0; i < diagnoses->count; i++)
        if (vc_judge_expectation(diagnoses->judge, diagnoses->armed[i]) == VC_PENDING)
            return true;
    return false;
}

static void begin(struct vc_diagnoses *diagnoses);

static int on_again(sd_event_source *source VC_UNUSED, uint64_t usec VC_UNUSED, void *arg)
{
    struct vc_diagnoses *diagnoses = arg;

    if (any_pending(diagnoses))
        begin(diagnoses);
    return 0;
}

static void on_evidence(void *arg, json_t *document, vc_error *err)
{
    struct vc_diagnoses *diagnoses = arg;

    diagnoses->evidence = NULL;
    if (err)
        vc_event(vc_lab_events(diagnoses->lab), VC_LAYER_CHECK, NULL, "error", -1, "{s:s}", "text", err->message);
    else
        vc_event(vc_lab_events(diagnoses->lab), VC_LAYER_CHECK, NULL, "evidence", -1, "{s:O}", "document", document);
    if (err || !any_pending(diagnoses))
        return;
    diagnoses->again = sd_event_source_disable_unref(diagnoses->again);
    sd_event_add_time_relative(vc_lab_loop(diagnoses->lab), &diagnoses->again, CLOCK_MONOTONIC, AGAIN_US, 1000,
                               on_again, diagnoses);
}

static void begin(struct vc_diagnoses *diagnoses)
{
    VC_AUTO_ERROR *err = NULL;

    if (diagnoses->evidence)
        return;
    diagnoses->evidence = vc_evidence_start(diagnoses, diagnoses->lab, on_evidence, diagnoses, &err);
    if (!diagnoses->evidence)
        vc_event(vc_lab_events(diagnoses->lab), VC_LAYER_CHECK, NULL, "error", -1, "{s:s}", "text", err->message);
}

static const char *text_of_event(const json_t *event, const char *member)
{
    const char *text = json_string_value(json_object_get(event, member));

    return text ? text : "";
}

void vc_diagnoses_event(void *arg, json_t *event)
{
    struct vc_diagnoses *diagnoses = arg;

    if (strcmp(text_of_event(event, "what"), "expect") != 0 || strcmp(text_of_event(event, "type"), "diagnosis") != 0)
        return;
    diagnoses->armed = talloc_realloc(diagnoses, diagnoses->armed, int, (unsigned)diagnoses->count + 1);
    diagnoses->armed[diagnoses->count++] = (int)json_integer_value(json_object_get(event, "id"));
    begin(diagnoses);
}

void vc_diagnoses_begin(struct vc_diagnoses *diagnoses, const struct vc_judge *judge)
{
    diagnoses->judge = judge;
    diagnoses->count = 0;
}

struct vc_diagnoses *vc_diagnoses_new(void *ctx, const struct vc_lab *lab)
{
    struct vc_diagnoses *diagnoses = talloc_zero(ctx, struct vc_diagnoses);

    diagnoses->lab = lab;
    talloc_set_destructor(diagnoses, diagnoses_destroy);
    return diagnoses;
}
