/*
 * The watcher of BIRD. The daemon is a thread at a control socket that answers questions from what the test set and
 * sends news when the test says so; nothing here waits for a time to pass.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "lab/private.h"

#define PEER(state, routes)                                                                                            \
    "1002-ebgp-dc1 BGP --- up 07:23:25.007 x\n"                                                                        \
    "1006-  BGP state:          " state "\n"                                                                           \
    "     Neighbor address: 100.64.0.1\n"                                                                              \
    "     Last error:       Error: Neighbor lost\n" routes "0000 \n"
#define UP        PEER("Established", "     Routes:         2 imported, 0 filtered, 1 exported\n")
#define DOWN      PEER("Idle", "")
#define BFD(rows) "1020-bfd1:\n IP address  Interface  State  Since\n" rows "0000 \n"
#define BFD_UP    BFD(" 100.64.0.1 gre-dc1 Up 07:23:24.931\n")
#define BFD_DOWN  BFD(" 100.64.0.1 gre-dc1 Down 07:23:24.931\n")
#define ROUTES                                                                                                         \
    "1007-Table master4:\n 198.18.5.0/25 unicast [x]\n \tvia 100.64.0.1 on gre-dc1\n 198.18.5.0/24 unicast\n0000 \n"

static _Atomic(const char *) peers, bfd, behind; /* what is answered; and what comes right behind the routes */
static atomic_uint questions;
static int far_end;

static struct vc_plan_daemon plan_daemon = {.name = "bird", .ready = "/run/bird/bird.ctl"};
static struct vc_plan_gre gre;
static struct vc_plan_node plan_node = {
    .name = "cpe1", .daemons = &plan_daemon, .daemon_count = 1, .gres = &gre, .gre_count = 1};
static struct vc_tunnel tunnel = {.name = "dc1"};
static struct vc_topology topology = {.tunnels = &tunnel, .tunnel_count = 1};
static struct vc_timers timers;
static struct vc_plan plan = {.topology = &topology, .nodes = &plan_node, .node_count = 1};
static struct lab_node node = {.rt = {.plan = &plan_node}, .on = true};
static struct vc_daemon daemon_ = {.node = &node, .plan = &plan_daemon, .state = VC_DAEMON_READY};
static struct vc_lab *lab;
static char *seen; /* talloc: each event as a line */

static void say(const char *text)
{
    cr_assert(send(far_end, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

static void answer(const char *question)
{
    questions++;
    if (strstr(question, "echo")) {
        say("0000 \n");
    } else if (strstr(question, "bfd")) {
        say(bfd);
    } else if (strstr(question, "show route protocol 'ebgp-dc1'")) {
        const char *more = atomic_exchange(&behind, NULL);
        VC_AUTO_TALLOC char *both =
            talloc_asprintf(NULL, "%s%s", strstr(peers, "Established") ? ROUTES : "0000 \n", more ? more : "");
        if (more)
            peers = UP;
        say(both);
    } else {
        say(peers);
    }
}

static void *serve(void *arg VC_UNUSED)
{
    char question[256];
    size_t have = 0;

    say("0001 BIRD 2.17.5 ready.\n");
    while (read(far_end, question + have, 1) == 1) {
        if (question[have++] != '\n')
            continue;
        question[have] = '\0';
        answer(question);
        have = 0;
    }
    return NULL;
}

static void on_event(void *arg VC_UNUSED, json_t *event)
{
    const char *state = json_string_value(json_object_get(event, "state"));

    seen = talloc_asprintf_append(seen, "%s %s %s%s%s\n", json_string_value(json_object_get(event, "what")),
                                  json_string_value(json_object_get(event, "tunnel")), state ? state : "",
                                  json_object_get(event, "reason") ? ", " : "",
                                  json_object_get(event, "reason") ? json_string_value(json_object_get(event, "reason"))
                                                                   : "");
    if (json_object_get(event, "prefixes"))
        seen = talloc_asprintf_append(seen, "%zu prefixes\n", json_array_size(json_object_get(event, "prefixes")));
}

/* Turns the loop until that was told; what was told up to then is forgotten. */
static void until(const char *text)
{
    while (!strstr(seen, text))
        cr_assert(sd_event_run(lab->loop, UINT64_MAX) >= 0);
    talloc_free(seen);
    seen = talloc_strdup(lab, "");
}

static void watch(const char *first_peers, const char *first_bfd)
{
    int pair[2];
    pthread_t thread;
    vc_error *err = NULL;

    peers = first_peers;
    bfd = first_bfd;
    timers.bfd_interval_ms = first_bfd ? 300 : 0;
    plan.options.timers = &timers;
    vc_addr_parse("100.64.0.1", &gre.peer_address);
    cr_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
    far_end = pair[1];
    lab = talloc_zero(NULL, struct vc_lab);
    lab->plan = &plan;
    lab->nodes = &node;
    seen = talloc_strdup(lab, "");
    cr_assert(sd_event_new(&lab->loop) >= 0);
    lab->events = vc_events_new(lab);
    vc_events_subscribe(lab->events, on_event, NULL);
    node.daemons = &daemon_;
    daemon_.lab = lab;
    cr_assert(!pthread_create(&thread, NULL, serve, NULL));
    daemon_.bird = lab_bird_watch(&daemon_, pair[0], &err);
    cr_assert(daemon_.bird, "%s", err ? err->message : "");
}

Test(bird_watch, the_first_look_tells_all, .timeout = 20)
{
    watch(UP, BFD_UP);
    until("bfd dc1 up\nsession dc1 Established, Neighbor lost\naccepted dc1 \n2 prefixes\n");
}

/* Without news nothing is asked: the next event is the one that news brings. */
Test(bird_watch, news_is_followed_by_a_look, .timeout = 20)
{
    watch(UP, NULL);
    until("2 prefixes");
    cr_assert_eq(questions, 3, "echo, peers, routes");
    peers = DOWN;
    say("+ebgp-dc1: State changed to stop\n+ebgp-dc1: Down\n");
    until("session dc1 Idle, Neighbor lost\naccepted dc1 \n0 prefixes\n");
    peers = UP;
    say("+ebgp-dc1: BGP session established\n");
    until("session dc1 Established");
}

/* The state changes right after BIRD listed it, and the news of it comes in the same bytes as the look's last answer.
 */
Test(bird_watch, news_during_a_look_is_followed_by_another, .timeout = 20)
{
    behind = "+ebgp-dc1: BGP session established\n";
    watch(DOWN, NULL);
    until("session dc1 Established");
}

/* No news tells of it. */
Test(bird_watch, bfd_that_is_down_is_looked_at_again, .timeout = 20)
{
    watch(UP, BFD_DOWN);
    until("2 prefixes");
    bfd = BFD_UP;
    until("bfd dc1 up");
}

Test(bird_watch, a_bfd_session_that_bird_forgot_is_down, .timeout = 20)
{
    watch(UP, BFD_UP);
    until("2 prefixes");
    bfd = BFD("");
    say("+ebgp-dc1: Neighbor lost\n");
    until("bfd dc1 down");
}

Test(bird_watch, a_daemon_that_ended_has_nothing_up, .timeout = 20)
{
    watch(UP, BFD_UP);
    until("2 prefixes");
    lab_daemon_stop_watching(&daemon_);
    until("bfd dc1 down\nsession dc1 Gone, bird ended\n");
    cr_assert_null(daemon_.bird);
}
