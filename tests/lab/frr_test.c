/*
 * How often FRR is asked. The daemon is a thread at a vty socket. It counts questions; the watcher's own events say how
 * long after the look before a change was seen. Timers never fire early, so what must take long is a lower bound.
 */
#include <criterion/criterion.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lab/private.h"

#define READY  "/bgpd.vty"
#define UP     "{\"ipv4Unicast\": {\"peers\": {\"100.64.0.1\": {\"state\": \"Established\", \"pfxRcd\": 2}}}}"
#define DOWN   "{\"ipv4Unicast\": {\"peers\": {\"100.64.0.1\": {\"state\": \"Idle\", \"pfxRcd\": 0}}}}"
#define QUIET  (-3600 * VC_NS_PER_S)
#define NO_ONE UINT_MAX

static char folder[] = "/tmp/vclab-frr-XXXXXX";
static int listener;
static atomic_uint questions, down_from = NO_ONE; /* from that question on the session is down */

static struct vc_plan_daemon plan_daemon = {.name = "bgpd", .ready = READY};
static struct vc_plan_node plan_node = {.name = "cpe1", .daemons = &plan_daemon, .daemon_count = 1};
static const struct vc_plan plan = {.nodes = &plan_node, .node_count = 1};
static struct lab_node node = {.rt = {.plan = &plan_node, .root = folder}, .on = true, .bgp_settled = true};
static struct vc_daemon daemon_ = {.node = &node, .plan = &plan_daemon, .state = VC_DAEMON_READY};
static struct vc_lab *lab;
static json_int_t resolution_ns; /* of the change that a test waits for */
static char seen[32];

static void answer(int fd, const char *question)
{
    const char *text = "{}";

    if (!strcmp(question, "enable"))
        text = "";
    else if (strstr(question, "summary"))
        text = ++questions >= down_from ? DOWN : UP;
    cr_assert(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
    cr_assert(send(fd, "\0\0\0\0", 4, MSG_NOSIGNAL) == 4);
}

static void *serve(void *arg VC_UNUSED)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    char question[256];
    size_t have = 0;

    while (read(fd, question + have, 1) == 1) {
        if (question[have++])
            continue;
        answer(fd, question);
        have = 0;
    }
    return NULL;
}

static void on_event(void *arg VC_UNUSED, json_t *event)
{
    const char *state = json_string_value(json_object_get(event, "state"));

    if (!state)
        return;
    snprintf(seen, sizeof seen, "%s", state);
    resolution_ns = json_integer_value(json_object_get(event, "resolution_ns"));
}

static void turn_until_state(const char *state)
{
    while (strcmp(seen, state))
        cr_assert(sd_event_run(lab->loop, UINT64_MAX) >= 0);
}

static void setup(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    pthread_t thread;
    vc_error *err = NULL;

    cr_assert(mkdtemp(folder));
    snprintf(address.sun_path, sizeof address.sun_path, "%s" READY, folder);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(!bind(listener, (struct sockaddr *)&address, sizeof address) && !listen(listener, 1));
    cr_assert(!pthread_create(&thread, NULL, serve, NULL));
    lab = talloc_zero(NULL, struct vc_lab);
    lab->plan = &plan;
    lab->nodes = &node;
    cr_assert(sd_event_new(&lab->loop) >= 0);
    lab->events = vc_events_new(lab);
    vc_events_subscribe(lab->events, on_event, NULL);
    node.daemons = &daemon_;
    daemon_.lab = lab;
    daemon_.frr = lab_frr_watch(&daemon_, &err);
    cr_assert(daemon_.frr, "%s", err ? err->message : "");
    turn_until_state("Established");
}

static void teardown(void)
{
    char path[64];

    snprintf(path, sizeof path, "%s" READY, folder);
    unlink(path);
    rmdir(folder);
}

TestSuite(frr, .init = setup, .fini = teardown);

/* 50, 150, 450 and 1350 ms lie between the questions. */
Test(frr, nothing_happens_so_it_asks_ever_more_seldom)
{
    lab->stirred_ns = QUIET;
    down_from = questions + 4;
    turn_until_state("Idle");
    cr_assert_geq(resolution_ns, 1300 * VC_NS_PER_MS);
}

Test(frr, a_session_that_goes_wakes_it)
{
    lab->stirred_ns = QUIET;
    down_from = questions + 3;
    turn_until_state("Idle");
    cr_assert_gt(lab->stirred_ns, 0);
}

static unsigned in_200ms(void)
{
    unsigned before = questions;
    int64_t end = vc_events_now(lab->events) + 200 * VC_NS_PER_MS;

    while (vc_events_now(lab->events) < end)
        cr_assert(sd_event_run(lab->loop, 10000) >= 0);
    return questions - before;
}

/* After five looks the next one would be four seconds away, were it not stirred: half of that may this host stall. */
Test(frr, a_stir_is_followed_by_a_look_at_once)
{
    lab->stirred_ns = QUIET;
    while (questions < 5)
        cr_assert(sd_event_run(lab->loop, UINT64_MAX) >= 0);
    cr_assert_leq(in_200ms(), 1U); /* the answer of the last question is in */
    down_from = questions + 1;
    vc_lab_stir(lab);
    turn_until_state("Idle");
    cr_assert_lt(resolution_ns, 2 * VC_NS_PER_S);
}

static void happens(const char *layer, const char *what, const char *kind, bool stirs)
{
    VC_AUTO_JSON *event = json_pack("{s:s, s:s, s:s*}", "layer", layer, "what", what, "kind", kind);

    lab->stirred_ns = QUIET;
    lab_stir_by_event(lab, event);
    cr_expect(stirs == (lab->stirred_ns != QUIET), "%s/%s %s", layer, what, kind ? kind : "");
}

Test(frr, what_stirs_and_what_does_not)
{
    happens("fib", "route", NULL, true);
    happens("link", "state", NULL, true);
    happens("gre", "state", NULL, true);
    happens("fault", "applied", NULL, true);
    happens("fault", "heal-applied", NULL, true);
    happens("check", "step", "fault", true);
    happens("check", "step", "heal", true);
    happens("check", "step", "hold", false);
    happens("check", "lag", NULL, false);
    happens("link", "ttl-exceeded", NULL, false);
    happens("probe", "gap", NULL, false);
    happens("ipsec", "sa", NULL, false); /* renewed every hour */
    happens("ike", "sa", NULL, false);
}

/* What a scenario waits through it asks for afterwards. */
Test(frr, the_step_after_a_wait_stirs)
{
    happens("check", "step", "wait", false);
    happens("fib", "route", NULL, true);
    happens("check", "step", "expect", true);
    happens("check", "step", "expect", false);
    happens("check", "step", "wait", false);
    happens("check", "step", "wait", false);
    happens("check", "step", "hold", true);
}

/* 20, 60, 180, 540, 1620 ms lie between the questions; without a wait it would be a second at most. */
Test(frr, while_a_scenario_waits_even_what_is_down_is_asked_seldom)
{
    lab->stirred_ns = QUIET;
    lab->waiting = true;
    down_from = 0;
    turn_until_state("Idle");
    while (resolution_ns < 1500 * VC_NS_PER_MS && questions < 12)
        cr_assert(sd_event_run(lab->loop, UINT64_MAX) >= 0);
    cr_assert_geq(questions, 5U);
}
