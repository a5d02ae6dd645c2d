/*
 * A whole lab's daemons, in a sandbox as the engine has it: started from zygotes, and what happens without them. The
 * body of each test runs as PID 1 of the sandbox; it says what went wrong on standard error and by its exit status.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lab/lab.h"
#include "lab/sandbox.h"
#include "lab/zygote.h"

enum { LIMIT_S = 60, SHORT_LIMIT_US = 200000 };

struct bed {
    sd_event *loop;
    struct vc_events *events;
    struct vc_lab *lab;
    json_t *zygote_events;
    bool ready;
    const char *failure;
};

typedef void body_fn(struct bed *bed);

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

static void collect(void *arg, json_t *event)
{
    struct bed *bed = arg;

    if (!strcmp(json_string_value(json_object_get(event, "what")), "zygote"))
        json_array_append(bed->zygote_events, event);
}

static void on_lab_ready(void *arg, vc_error *err)
{
    struct bed *bed = arg;

    if (err)
        fail(bed, err->message);
    bed->ready = true;
}

static int on_limit(sd_event_source *source VC_UNUSED, uint64_t usec VC_UNUSED, void *arg)
{
    struct bed *bed = arg;

    fail(bed, "not in time");
    return 0;
}

static void start(struct bed *bed)
{
    vc_error *err = NULL;

    if (vc_lab_start(bed->lab, on_lab_ready, bed, &err))
        fail(bed, err->message);
    while (!bed->failure && !bed->ready)
        sd_event_run(bed->loop, UINT64_MAX);
}

/* Turns the loop until the daemon is in that state. */
static void until(struct bed *bed, const struct vc_daemon *daemon, enum vc_daemon_state state)
{
    while (!bed->failure && vc_daemon_state(daemon) != state)
        sd_event_run(bed->loop, UINT64_MAX);
}

static void restart(struct bed *bed, struct vc_daemon *daemon)
{
    EXPECT(bed, !vc_daemon_signal(daemon, SIGKILL, NULL));
    until(bed, daemon, VC_DAEMON_GONE);
    EXPECT(bed, !vc_daemon_start(daemon, NULL));
    until(bed, daemon, VC_DAEMON_READY);
}

static size_t read_proc(pid_t pid, const char *file, char *buffer, size_t size)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "/proc/%d/%s", pid, file);
    VC_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, buffer, size - 1);

    buffer[len > 0 ? len : 0] = '\0';
    return len > 0 ? (size_t)len : 0;
}

/* Its environment tells: nothing else of a daemon does. */
static bool from_zygote(const struct vc_daemon *daemon)
{
    char environment[4096];
    size_t len = read_proc(vc_daemon_pid(daemon), "environ", environment, sizeof environment);

    return memmem(environment, len, "VCLAB_ZYGOTE=", 13) != NULL;
}

/* Calls fn for every daemon of that name. */
static void each(struct bed *bed, const char *name, void (*fn)(struct bed *bed, struct vc_daemon *daemon))
{
    for (size_t n = 0; n < vc_lab_plan(bed->lab)->node_count; n++) {
        struct vc_daemon *daemon = vc_lab_daemon(bed->lab, n, name);
        if (daemon)
            fn(bed, daemon);
    }
}

static struct vc_daemon *first(struct bed *bed, const char *name)
{
    for (size_t n = 0; n < vc_lab_plan(bed->lab)->node_count; n++)
        if (vc_lab_daemon(bed->lab, n, name))
            return vc_lab_daemon(bed->lab, n, name);
    abort();
}

static bool same_namespace(pid_t pid, const char *kind, int fd)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "/proc/%d/ns/%s", pid, kind);
    struct stat theirs, ours;

    return !stat(path, &theirs) && !fstat(fd, &ours) && theirs.st_ino == ours.st_ino;
}

static void is_as_if_started(struct bed *bed, struct vc_daemon *daemon)
{
    pid_t pid = vc_daemon_pid(daemon);
    char text[4096];
    const struct vc_node_rt *node = &daemon->node->rt;

    EXPECT(bed, vc_daemon_state(daemon) == VC_DAEMON_READY);
    EXPECT(bed, from_zygote(daemon));
    EXPECT(bed, same_namespace(pid, "net", node->netns));
    EXPECT(bed, same_namespace(pid, "mnt", node->mntns));
    EXPECT(bed, same_namespace(pid, "uts", node->utsns));
    read_proc(pid, "comm", text, sizeof text);
    EXPECT(bed, !strncmp(text, daemon->plan->name, strlen(daemon->plan->name)));
    read_proc(pid, "status", text, sizeof text);
    EXPECT(bed, strstr(text, "\nPPid:\t1\n"));
    EXPECT(bed, strstr(text, "\nCapEff:\t0000000000000000\n"));
    EXPECT(bed, !strstr(text, "\nCapPrm:\t000001ffffffffff\n"));
}

/* No descriptor of one daemon is also another's: what a pipe says would reach the wrong one. */
static void collect_pipes(pid_t pid, json_t *pipes)
{
    for (int fd = 0; fd < 64; fd++) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "/proc/%d/fd/%d", pid, fd);
        char link[64];
        ssize_t len = readlink(path, link, sizeof link - 1);
        if (len <= 0)
            continue;
        link[len] = '\0';
        if (!strncmp(link, "pipe:", 5))
            json_object_set_new(pipes, link, json_true());
    }
}

static void pipes_are_own(struct bed *bed, struct vc_daemon *a, struct vc_daemon *b)
{
    VC_AUTO_JSON *of_a = json_object();
    VC_AUTO_JSON *of_b = json_object();
    const char *link;
    json_t *value;

    collect_pipes(vc_daemon_pid(a), of_a);
    collect_pipes(vc_daemon_pid(b), of_b);
    EXPECT(bed, json_object_size(of_a) > 0 && json_object_size(of_b) > 0);
    json_object_foreach(of_a, link, value) EXPECT(bed, !json_object_get(of_b, link));
}

static void forked(struct bed *bed)
{
    start(bed);
    if (bed->failure)
        return;
    each(bed, "zebra", is_as_if_started);
    each(bed, "bgpd", is_as_if_started);
    each(bed, "bfdd", is_as_if_started);
    struct vc_daemon *one = first(bed, "bgpd");
    for (size_t n = one->node->index + 1; n < vc_lab_plan(bed->lab)->node_count; n++)
        if (vc_lab_daemon(bed->lab, n, "bgpd"))
            pipes_are_own(bed, one, vc_lab_daemon(bed->lab, n, "bgpd"));
    restart(bed, one);
    is_as_if_started(bed, one);
    EXPECT(bed, json_array_size(bed->zygote_events) == 0);
}

static void zygote_dies(struct bed *bed)
{
    start(bed);
    if (bed->failure)
        return;
    struct vc_daemon *bgpd = first(bed, "bgpd");
    pid_t zygote = lab_zygote_pid(bgpd);
    EXPECT(bed, zygote > 0 && !kill(zygote, SIGKILL));
    while (!bed->failure && lab_zygote_pid(bgpd) > 0)
        sd_event_run(bed->loop, UINT64_MAX);
    restart(bed, bgpd);
    EXPECT(bed, vc_daemon_state(bgpd) == VC_DAEMON_READY && !from_zygote(bgpd));
    EXPECT(bed, from_zygote(first(bed, "zebra")));
    EXPECT(bed, json_array_size(bed->zygote_events) == 1);
}

/* It dies while a daemon is asked of it, before its end was noticed. */
static void zygote_dies_unnoticed(struct bed *bed)
{
    start(bed);
    if (bed->failure)
        return;
    struct vc_daemon *bgpd = first(bed, "bgpd");
    EXPECT(bed, !vc_daemon_signal(bgpd, SIGKILL, NULL));
    until(bed, bgpd, VC_DAEMON_GONE);
    EXPECT(bed, !kill(lab_zygote_pid(bgpd), SIGKILL));
    EXPECT(bed, !vc_daemon_start(bgpd, NULL));
    until(bed, bgpd, VC_DAEMON_READY);
    EXPECT(bed, !from_zygote(bgpd));
    EXPECT(bed, json_array_size(bed->zygote_events) == 1);
}

static void is_ordinary(struct bed *bed, struct vc_daemon *daemon)
{
    EXPECT(bed, vc_daemon_state(daemon) == VC_DAEMON_READY && !from_zygote(daemon));
}

/* The loader ignores a library that is none: the daemon runs where the zygote should, and never says it is ready. */
static void never_comes_up(struct bed *bed)
{
    lab_zygotes_inject(bed->lab->zygotes, "no library", 10, SHORT_LIMIT_US);
    start(bed);
    each(bed, "zebra", is_ordinary);
    each(bed, "bgpd", is_ordinary);
    each(bed, "bfdd", is_ordinary);
    EXPECT(bed, json_array_size(bed->zygote_events) == 3);
}

/* Each start of a zebra leaves a connection behind at a socket that nobody accepts. */
static void zebra_starts_again_and_again(struct bed *bed)
{
    start(bed);
    if (bed->failure)
        return;
    struct vc_daemon *zebra = first(bed, "zebra");
    for (unsigned i = 0; i < 15 && !bed->failure; i++)
        restart(bed, zebra);
    EXPECT(bed, vc_daemon_state(zebra) == VC_DAEMON_READY);
}

static void end(struct bed *bed, struct vc_daemon *daemon)
{
    EXPECT(bed, !vc_daemon_signal(daemon, SIGKILL, NULL));
    until(bed, daemon, VC_DAEMON_GONE);
}

/* Cisco's ends are passive. In a process namespace of its own a lower number was there before. */
static void callers_start_last(struct bed *bed)
{
    const struct vc_topology *topology = vc_lab_plan(bed->lab)->topology;

    start(bed);
    for (size_t i = 0; i < topology->tunnel_count && !bed->failure; i++) {
        const struct vc_tunnel *tunnel = &topology->tunnels[i];
        size_t router = topology->dcs[tunnel->dc].router;
        struct vc_daemon *caller = vc_lab_daemon(bed->lab, tunnel->cpe, "bgpd"),
                         *called = vc_lab_daemon(bed->lab, router, "bgpd");

        EXPECT(bed, vc_daemon_pid(called) < vc_daemon_pid(caller));
        end(bed, caller);
        end(bed, called);
        end(bed, vc_lab_daemon(bed->lab, router, "bfdd"));
        end(bed, vc_lab_daemon(bed->lab, router, "zebra"));
        EXPECT(bed, !vc_daemon_start(called, NULL) && vc_daemon_state(called) == VC_DAEMON_WAITING);
        EXPECT(bed, !vc_daemon_start(caller, NULL) && vc_daemon_state(caller) == VC_DAEMON_WAITING);
        EXPECT(bed, !vc_lab_power_off(bed->lab, router, NULL)); /* nobody listens there any more */
        until(bed, caller, VC_DAEMON_READY);
    }
}

static const struct {
    const char *name;
    body_fn *fn;
} bodies[] = {
    {"forked", forked},
    {"dies", zygote_dies},
    {"dies-unnoticed", zygote_dies_unnoticed},
    {"never", never_comes_up},
    {"again-and-again", zebra_starts_again_and_again},
    {"callers-last", callers_start_last},
};

static int set_up(void *ctx, struct bed *bed, const struct vc_plan *plan, const struct vc_sandbox_inside *inside)
{
    struct vc_lab_options options = {.labroot = inside->kept[0], .logs = -1};
    vc_error *err = NULL;
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    bed->zygote_events = json_array();
    if (sd_event_new(&bed->loop) < 0)
        return -1;
    bed->events = vc_events_new(ctx);
    vc_events_subscribe(bed->events, collect, bed);
    sd_event_add_time_relative(bed->loop, NULL, CLOCK_MONOTONIC, LIMIT_S * UINT64_C(1000000), 0, on_limit, bed);
    bed->lab = vc_lab_new(ctx, bed->loop, bed->events, plan, &options, &err);
    if (!bed->lab)
        fprintf(stderr, "%s\n", err->message);
    return bed->lab ? 0 : -1;
}

struct job {
    const struct vc_plan *plan;
    body_fn *fn;
};

static int inside_sandbox(void *arg, const struct vc_sandbox_inside *inside)
{
    const struct job *job = arg;
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct bed bed = {0};

    if (set_up(ctx, &bed, job->plan, inside))
        return 1;
    job->fn(&bed);
    return bed.failure ? 1 : 0;
}

static const struct vc_plan *make_plan(void *ctx)
{
    vc_error *err = NULL;
    const struct vc_topology *topology =
        vc_topology_load(ctx, VCLAB_SOURCE_DIR "/topologies/two-cpe.yaml", VCLAB_SOURCE_DIR "/nodes", &err);

    cr_assert(topology, "%s", err ? err->message : "");
    struct vc_plan_options options = {.plane = VC_PLANE_USER,
                                      .timers = vc_topology_timers(topology, "bfd"),
                                      .seed = 1,
                                      .kinds_dir = VCLAB_SOURCE_DIR "/nodes"};
    const struct vc_plan *plan = vc_plan_make(ctx, topology, &options, &err);
    cr_assert(plan, "%s", err ? err->message : "");
    return plan;
}

static void play(const char *name)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *keep[VC_SANDBOX_KEEP] = {getenv("VCLAB_LABROOT")};
    struct job job = {.plan = make_plan(ctx)};
    struct vc_sandbox sandbox;
    vc_error *err = NULL;
    siginfo_t info = {0};

    for (size_t i = 0; i < VC_COUNT(bodies); i++)
        if (!strcmp(bodies[i].name, name))
            job.fn = bodies[i].fn;
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

TestSuite(zygote_live, .init = need);

Test(zygote_live, daemons_are_as_if_started)
{
    play("forked");
}

Test(zygote_live, one_that_dies_is_replaced_by_ordinary_starts)
{
    play("dies");
}

Test(zygote_live, one_that_dies_unnoticed_too)
{
    play("dies-unnoticed");
}

Test(zygote_live, one_that_never_comes_up_too)
{
    play("never");
}

Test(zygote_live, a_daemon_may_start_any_number_of_times)
{
    play("again-and-again");
}

Test(zygote_live, who_calls_starts_when_the_called_listens)
{
    play("callers-last");
}
