/*
 * What a daemon is told by commands once it answers, in a real lab: the LAN router's BIRD of two-cpe with commands of
 * the test's. The body runs as PID 1 of a sandbox; it says what went wrong on standard error and by its exit status.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "lab/private.h"
#include "lab/sandbox.h"

enum { LIMIT_S = 60 };

struct bed {
    sd_event *loop;
    struct vc_lab *lab;
    struct vc_daemon *bird;
    bool ready;
    char *refused; /* what the lab's bring-up failed for */
    const char *failure;
};

static void fail(struct bed *bed, const char *text)
{
    fprintf(stderr, "%s\n", text);
    bed->failure = text;
}

#define EXPECT(bed, condition)                                                                                         \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail(bed, __FILE__ ": not true: " #condition);                                                             \
    } while (0)

static void on_ready(void *arg, vc_error *err)
{
    struct bed *bed = arg;

    bed->ready = !err;
    if (err)
        bed->refused = strdup(err->message);
}

static int on_limit(sd_event_source *source VC_UNUSED, uint64_t usec VC_UNUSED, void *arg)
{
    fail(arg, "not in time");
    return 0;
}

static void turn(struct bed *bed)
{
    sd_event_run(bed->loop, UINT64_MAX);
}

static bool node_has(const struct bed *bed, const char *path)
{
    VC_AUTO_TALLOC char *full = talloc_asprintf(NULL, "%s%s", bed->bird->node->rt.root, path);

    return access(full, F_OK) == 0;
}

static void start(struct bed *bed)
{
    vc_error *err = NULL;

    if (vc_lab_start(bed->lab, on_ready, bed, &err))
        fail(bed, err->message);
}

/* `cp` copies what `touch` made: one after the other. */
static void all_of_them_in_order(struct bed *bed)
{
    start(bed);
    while (!bed->failure && !bed->ready && !bed->refused) {
        EXPECT(bed, vc_daemon_state(bed->bird) != VC_DAEMON_READY || node_has(bed, "/tmp/second"));
        turn(bed);
    }
    EXPECT(bed, bed->ready && node_has(bed, "/tmp/second"));
}

static void one_fails(struct bed *bed)
{
    start(bed);
    while (!bed->failure && !bed->ready && !bed->refused)
        turn(bed);
    EXPECT(bed, bed->refused && strstr(bed->refused, "bird in lan: \"/usr/bin/ls /nowhere\" failed (exit status 2): "));
    EXPECT(bed, bed->refused && strstr(bed->refused, "cannot access '/nowhere'"));
    EXPECT(bed, vc_daemon_state(bed->bird) != VC_DAEMON_READY && !node_has(bed, "/tmp/second"));
}

static void killed_meanwhile(struct bed *bed)
{
    start(bed);
    while (!bed->failure && bed->bird->loader <= 0)
        turn(bed);
    pid_t loader = bed->bird->loader;
    EXPECT(bed, !vc_daemon_signal(bed->bird, SIGKILL, NULL));
    while (!bed->failure && vc_daemon_state(bed->bird) != VC_DAEMON_GONE)
        turn(bed);
    while (!bed->failure && !kill(loader, 0)) /* until it is reaped: it was killed, not waited for */
        turn(bed);
    EXPECT(bed, bed->bird->loader <= 0 && !bed->refused);
    EXPECT(bed, !vc_daemon_start(bed->bird, NULL));
    while (!bed->failure && bed->bird->loader <= 0)
        turn(bed);
    EXPECT(bed, bed->bird->loader != loader);
}

static const struct body {
    const char *name;
    const char *commands[4];
    void (*fn)(struct bed *bed);
} bodies[] = {
    {"order", {"/usr/bin/touch /tmp/first", "/usr/bin/cp /tmp/first /tmp/second"}, all_of_them_in_order},
    {"fails", {"/usr/bin/ls /", "/usr/bin/ls /nowhere", "/usr/bin/touch /tmp/second"}, one_fails},
    {"killed", {"/usr/bin/sleep 1000"}, killed_meanwhile},
};

struct job {
    const struct vc_plan *plan;
    const struct body *body;
    size_t lan;
};

static int inside_sandbox(void *arg, const struct vc_sandbox_inside *inside)
{
    const struct job *job = arg;
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_lab_options options = {.labroot = inside->kept[0], .logs = -1};
    struct bed bed = {0};
    vc_error *err = NULL;
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    if (sd_event_new(&bed.loop) < 0)
        return 1;
    sd_event_add_time_relative(bed.loop, NULL, CLOCK_MONOTONIC, LIMIT_S * UINT64_C(1000000), 0, on_limit, &bed);
    bed.lab = vc_lab_new(ctx, bed.loop, vc_events_new(ctx), job->plan, &options, &err);
    if (!bed.lab) {
        fprintf(stderr, "%s\n", err->message);
        return 1;
    }
    bed.bird = vc_lab_daemon(bed.lab, job->lan, "bird");
    job->body->fn(&bed);
    return bed.failure ? 1 : 0;
}

static struct vc_plan *make_plan(void *ctx)
{
    vc_error *err = NULL;
    const struct vc_topology *topology =
        vc_topology_load(ctx, VCLAB_SOURCE_DIR "/topologies/two-cpe.yaml", VCLAB_SOURCE_DIR "/nodes", &err);

    cr_assert(topology, "%s", err ? err->message : "");
    struct vc_plan_options options = {.plane = VC_PLANE_USER,
                                      .timers = vc_topology_timers(topology, "bfd"),
                                      .seed = 1,
                                      .kinds_dir = VCLAB_SOURCE_DIR "/nodes"};
    struct vc_plan *plan = vc_plan_make(ctx, topology, &options, &err);
    cr_assert(plan, "%s", err ? err->message : "");
    return plan;
}

static void play(const char *name)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *keep[VC_SANDBOX_KEEP] = {getenv("VCLAB_LABROOT")};
    struct vc_plan *plan = make_plan(ctx);
    struct job job = {.plan = plan, .lan = vc_topology_node(plan->topology, "lan")};
    struct vc_sandbox sandbox;
    vc_error *err = NULL;
    siginfo_t info = {0};

    for (size_t i = 0; i < VC_COUNT(bodies); i++)
        if (!strcmp(bodies[i].name, name))
            job.body = &bodies[i];
    plan->nodes[job.lan].daemons[0].load = job.body->commands;
    cr_assert(!vc_sandbox_start(inside_sandbox, &job, keep, &sandbox, &err), "%s", err ? err->message : "");
    cr_assert(!waitid(P_PID, (id_t)sandbox.pid, &info, WEXITED | WNOWAIT));
    vc_sandbox_kill(&sandbox);
    cr_expect(info.si_code == CLD_EXITED && info.si_status == 0, "%s: see above", name);
}

static void need(void)
{
    const char *missing = geteuid() ? "a lab needs root" : getenv("VCLAB_LABROOT") ? NULL : "VCLAB_LABROOT is not set";

    if (missing && getenv("VCLAB_MUST_WORK"))
        cr_assert_fail("%s", missing);
    if (missing)
        cr_skip("%s", missing);
}

TestSuite(load_live, .init = need);

Test(load_live, commands_run_one_after_the_other_before_the_daemon_is_ready)
{
    play("order");
}

Test(load_live, one_that_fails_is_the_daemons_failure)
{
    play("fails");
}

Test(load_live, a_daemon_that_is_killed_takes_its_command_along)
{
    play("killed");
}
