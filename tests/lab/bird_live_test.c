/*
 * A whole lab whose CPEs have the real BIRD, in a sandbox as the engine has it: what its watcher tells, and what status
 * says. The body runs as PID 1 of the sandbox; it says what went wrong on standard error and by its exit status.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "lab/private.h"
#include "lab/sandbox.h"

enum { LIMIT_S = 60 };

struct bed {
    sd_event *loop;
    struct vc_lab *lab;
    json_t *facts; /* "session cpe1 100.64.0.1" and the like: the last event's state or prefixes */
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

static void collect(void *arg, json_t *event)
{
    struct bed *bed = arg;
    const char *neighbor = json_string_value(json_object_get(event, "neighbor"));
    json_t *value = json_object_get(event, "state");

    if (!neighbor)
        return;
    VC_AUTO_TALLOC char *key = talloc_asprintf(NULL, "%s %s %s", json_string_value(json_object_get(event, "what")),
                                               json_string_value(json_object_get(event, "node")), neighbor);
    json_object_set(bed->facts, key, value ? value : json_object_get(event, "prefixes"));
}

static void on_ready(void *arg, vc_error *err)
{
    if (err)
        fail(arg, err->message);
}

static int on_limit(sd_event_source *source VC_UNUSED, uint64_t usec VC_UNUSED, void *arg)
{
    struct bed *bed = arg;
    VC_AUTO_FREE char *facts = json_dumps(bed->facts, JSON_INDENT(1));

    fail(bed, "not in time; so far:");
    fprintf(stderr, "%s\n", facts);
    return 0;
}

/* Turns the loop until the last event of that key says so. */
static void until(struct bed *bed, const char *key, const char *json)
{
    VC_AUTO_JSON *wanted = json_loads(json, JSON_DECODE_ANY, NULL);

    while (!bed->failure && !json_equal(json_object_get(bed->facts, key), wanted))
        sd_event_run(bed->loop, UINT64_MAX);
}

static const json_t *node_status(const json_t *status, const char *name)
{
    const json_t *nodes = json_object_get(status, "nodes");

    for (size_t i = 0; i < json_array_size(nodes); i++)
        if (!strcmp(json_string_value(json_object_get(json_array_get(nodes, i), "name")), name))
            return json_array_get(nodes, i);
    return NULL;
}

static void status_is_like_frr_s(struct bed *bed)
{
    VC_AUTO_JSON *status = vc_lab_status(bed->lab);
    const json_t *cpe = node_status(status, "cpe1");
    const json_t *peers = json_object_get(json_object_get(json_object_get(cpe, "bgp"), "ipv4Unicast"), "peers");
    const json_t *peer = json_object_get(peers, "100.64.0.1");
    const json_t *bfd = json_array_get(json_object_get(cpe, "bfd"), 0);

    EXPECT(bed, json_object_size(peers) == 3);
    EXPECT(bed, peer && !strcmp(json_string_value(json_object_get(peer, "state")), "Established"));
    EXPECT(bed, json_integer_value(json_object_get(peer, "pfxRcd")) == 2);
    EXPECT(bed, bfd && !strcmp(json_string_value(json_object_get(bfd, "status")), "up"));
}

static void body(struct bed *bed)
{
    vc_error *err = NULL;
    struct vc_daemon *bird;

    if (vc_lab_start(bed->lab, on_ready, bed, &err)) {
        fail(bed, err->message);
        return;
    }
    until(bed, "accepted cpe1 100.64.0.1", "[\"198.18.5.0/24\", \"198.18.5.0/25\"]");
    until(bed, "accepted cpe2 100.64.0.5", "[\"198.18.5.0/24\", \"198.18.5.128/25\"]");
    until(bed, "session cpe1 10.10.0.10", "\"Established\"");
    until(bed, "session cpe2 10.10.0.6", "\"Established\"");
    until(bed, "bfd cpe1 100.64.0.1", "\"up\"");
    if (bed->failure)
        return;
    status_is_like_frr_s(bed);
    bird = vc_lab_daemon(bed->lab, vc_topology_node(vc_lab_plan(bed->lab)->topology, "cpe1"), "bird");
    EXPECT(bed, !vc_daemon_signal(bird, SIGKILL, NULL));
    until(bed, "session cpe1 100.64.0.1", "\"Gone\"");
    EXPECT(bed, !vc_daemon_start_again(bird, NULL));
    until(bed, "session cpe1 100.64.0.1", "\"Established\"");
    until(bed, "bfd cpe1 100.64.0.1", "\"up\"");
}

static const struct vc_plan *make_plan(void *ctx)
{
    vc_error *err = NULL;
    const struct vc_topology *topology =
        vc_topology_load(ctx, VCLAB_SOURCE_DIR "/topologies/two-cpe-bird.yaml", VCLAB_SOURCE_DIR "/nodes", &err);

    cr_assert(topology, "%s", err ? err->message : "");
    struct vc_plan_options options = {.plane = VC_PLANE_USER,
                                      .timers = vc_topology_timers(topology, "bfd"),
                                      .seed = 1,
                                      .kinds_dir = VCLAB_SOURCE_DIR "/nodes"};
    const struct vc_plan *plan = vc_plan_make(ctx, topology, &options, &err);
    cr_assert(plan, "%s", err ? err->message : "");
    return plan;
}

static int inside_sandbox(void *arg, const struct vc_sandbox_inside *inside)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_lab_options options = {.labroot = inside->kept[0], .logs = -1, .watch = true};
    struct bed bed = {.facts = json_object()};
    vc_error *err = NULL;
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    if (sd_event_new(&bed.loop) < 0)
        return 1;
    struct vc_events *events = vc_events_new(ctx);
    vc_events_subscribe(events, collect, &bed);
    sd_event_add_time_relative(bed.loop, NULL, CLOCK_MONOTONIC, LIMIT_S * UINT64_C(1000000), 0, on_limit, &bed);
    bed.lab = vc_lab_new(ctx, bed.loop, events, arg, &options, &err);
    if (bed.lab)
        body(&bed);
    else
        fail(&bed, err->message);
    return bed.failure ? 1 : 0;
}

Test(bird_live, is_watched_and_asked_as_frr_is, .timeout = 100)
{
    const char *missing = geteuid() ? "a lab needs root" : getenv("VCLAB_LABROOT") ? NULL : "VCLAB_LABROOT is not set";

    if (missing && getenv("VCLAB_MUST_WORK"))
        cr_assert_fail("%s, and VCLAB_MUST_WORK is set", missing);
    if (missing)
        cr_skip("%s", missing);
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *keep[VC_SANDBOX_KEEP] = {getenv("VCLAB_LABROOT")};
    union {
        const struct vc_plan *plan;
        void *arg;
    } job = {.plan = make_plan(ctx)};
    struct vc_sandbox sandbox;
    vc_error *err = NULL;
    siginfo_t info = {0};

    cr_assert(!vc_sandbox_start(inside_sandbox, job.arg, keep, &sandbox, &err), "%s", err ? err->message : "");
    cr_assert(!waitid(P_PID, (id_t)sandbox.pid, &info, WEXITED | WNOWAIT));
    vc_sandbox_kill(&sandbox);
    cr_expect(info.si_code == CLD_EXITED && info.si_status == 0, "see above");
}
