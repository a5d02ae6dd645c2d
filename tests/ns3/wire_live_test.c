/* vclab-wire between two namespaces. What is asserted does not depend on how quick this machine is: a packet is never
 * early, a rate is never exceeded, chances are those of the seed, and everything is counted. */
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <spawn.h>
#include <sys/ptrace.h>

#include "../net/live.h"
#include "pair.h"
#include "ns3/wire_message.h"

enum { SOON_MS = 30000 /* what cannot be missed is waited for so long */ };

static void wait_counted(struct pair *pair, uint64_t received)
{
    while (pair_counters(pair, 0).received < received)
        sched_yield();
}

Test(wire, delay_and_order, .timeout = 100)
{
    enum { N = 100, DELAY_US = 20000 };
    struct pair pair;

    NEED_ROOT();
    pair_up(&pair, 0);
    pair_set(&pair, (struct vc_wire){.delay_us = DELAY_US, .jitter_us = 5000});
    for (uint32_t i = 0; i < N; i++)
        cr_assert_eq(pair_send(&pair, 0, i, 100), 0);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t number;
        int64_t took, at;
        cr_assert_eq(pair_receive(&pair, 1, SOON_MS, &number, &took, &at), 0, "%u", i);
        cr_assert_eq(number, i);
        cr_assert_geq(took, (DELAY_US - 5000) * VC_NS_PER_US, "%u", i);
    }
    struct vc_wire_counters there = pair_counters(&pair, 0), back = pair_counters(&pair, 1);
    cr_assert(there.received == N && there.delivered == N && there.delivered_bytes == N * (100 + 42UL));
    cr_assert(back.received == 0 && there.overrun == 0 && there.held == 0);
    pair_down(&pair);
}

Test(wire, loss_by_seed, .timeout = 100)
{
    enum { N = 4000 };
    struct pair pair;
    uint32_t number, arrived = 0;
    int64_t took, at;

    NEED_ROOT();
    pair_up(&pair, 0);
    pair_set(&pair, (struct vc_wire){.loss_ppm = 50000});
    for (uint32_t i = 0; i < N; i++)
        cr_assert_eq(pair_send(&pair, 0, i, 100), 0);
    wait_counted(&pair, N);
    /* The mark that follows is not lost: when it is there, all before it are. */
    pair_set(&pair, (struct vc_wire){0});
    cr_assert_eq(pair_send(&pair, 0, N, 100), 0);
    for (;;) {
        cr_assert_eq(pair_receive(&pair, 1, SOON_MS, &number, &took, &at), 0);
        if (number == N)
            break;
        arrived++;
    }
    struct vc_wire_counters c = pair_counters(&pair, 0);
    cr_assert_eq(c.lost_random, N - arrived);
    cr_assert_float_eq(N - arrived, N * 0.05, 3.29 * sqrt(N * 0.05 * 0.95), "%u lost", N - arrived);
    pair_down(&pair);
}

Test(wire, rate_is_never_exceeded, .timeout = 100)
{
    enum { N = 200, PAYLOAD = 1400, FRAME = PAYLOAD + 42, MBIT = 10 };
    struct pair pair;
    uint32_t number;
    int64_t took, at, first = 0, last = 0;

    NEED_ROOT();
    pair_up(&pair, 0);
    pair_set(&pair, (struct vc_wire){.rate_mbit = MBIT, .limit = N});
    for (uint32_t i = 0; i < N; i++)
        cr_assert_eq(pair_send(&pair, 0, i, PAYLOAD), 0);
    for (uint32_t i = 0; i < N; i++) {
        cr_assert_eq(pair_receive(&pair, 1, SOON_MS, &number, &took, &at), 0);
        cr_assert_eq(number, i);
        cr_assert_geq(took, FRAME * 8000 / MBIT);
        first = i ? first : at - took;
        last = at;
    }
    cr_assert_geq(last - first, (int64_t)N * FRAME * 8000 / MBIT);
    pair_down(&pair);
}

Test(wire, down_and_up, .timeout = 100)
{
    VC_AUTO_ERROR *err = NULL;
    struct pair pair;
    uint32_t number;
    int64_t took, at;

    NEED_ROOT();
    pair_up(&pair, 0);
    OK(vc_wires_up(pair.wires, "inet-dc1", 0, false, &err), err);
    cr_assert_eq(pair_send(&pair, 0, 1, 100), 0);
    wait_counted(&pair, 1);
    OK(vc_wires_up(pair.wires, "inet-dc1", 0, true, &err), err);
    cr_assert_eq(pair_send(&pair, 0, 2, 100), 0);
    cr_assert_eq(pair_receive(&pair, 1, SOON_MS, &number, &took, &at), 0);
    cr_assert_eq(number, 2);
    cr_assert_eq(pair_send(&pair, 1, 3, 100), 0);
    cr_assert_eq(pair_receive(&pair, 0, SOON_MS, &number, &took, &at), 0);
    cr_assert_eq(number, 3);
    cr_assert_eq(pair_counters(&pair, 0).lost_down, 1);
    pair_down(&pair);
}

Test(wire, an_end_that_is_down_is_counted_and_carries_again, .timeout = 100)
{
    VC_AUTO_ERROR *err = NULL;
    struct pair pair;
    struct vc_wire_lag lag = {0};
    uint32_t number;
    int64_t took, at;

    NEED_ROOT();
    pair_up(&pair, 0);
    struct vc_rtnl *rtnl = vc_rtnl_open(pair.ctx, pair.netns[1], &err);
    GOT(rtnl, err);
    vc_rtnl_up(rtnl, "wan", false);
    OK(vc_rtnl_commit(rtnl, &err), err);
    cr_assert_eq(pair_send(&pair, 0, 1, 100), 0);
    while (!lag.undelivered)
        OK(vc_wires_lag(pair.wires, &lag, &err), err);
    vc_rtnl_up(rtnl, "wan", true);
    OK(vc_rtnl_commit(rtnl, &err), err);
    cr_assert_eq(pair_send(&pair, 0, 2, 100), 0);
    cr_assert_eq(pair_receive(&pair, 1, SOON_MS, &number, &took, &at), 0);
    cr_assert_eq(number, 2);
    pair_down(&pair);
}

/* What a node sees of the other end is what the caller says. */
Test(wire, a_carrier_comes_and_goes, .timeout = 100)
{
    VC_AUTO_ERROR *err = NULL;
    struct pair pair;
    struct vc_rtnl_state state;

    NEED_ROOT();
    pair_up(&pair, 0);
    struct vc_rtnl *rtnl = vc_rtnl_open(pair.ctx, pair.netns[1], &err);
    GOT(rtnl, err);
    for (int on = 0; on < 2; on++) {
        OK(vc_wires_carrier(pair.tap[1], on, &err), err);
        OK(vc_rtnl_state(rtnl, "wan", &state, &err), err);
        cr_assert(state.up && state.carrier == on);
    }
    uint8_t mac[ETH_ALEN] = {2, 0, 0, 0, 0, 9};
    VC_AUTO_FD fresh = vc_wires_tap(pair.netns[1], "new", mac, 1500, &err);
    OK(fresh, err);
    OK(vc_rtnl_state(rtnl, "new", &state, &err), err);
    cr_assert(state.exists && !state.up && !state.carrier, "as a new veth is");
    VC_AUTO_FD file = open("/dev/null", O_RDWR | O_CLOEXEC);
    cr_assert_eq(vc_wires_carrier(file, true, &err), -1);
    cr_assert(strstr(err->message, "carrier"), "%s", err->message);
    pair_down(&pair);
}

/* Power-off moves an end aside and back (sim/lab/power.c). */
Test(wire, an_end_may_move_to_another_namespace, .timeout = 100)
{
    VC_AUTO_ERROR *err = NULL;
    struct pair pair;
    uint32_t number;
    int64_t took, at;

    NEED_ROOT();
    pair_up(&pair, 0);
    VC_AUTO_FD aside = vc_netns_new(&err);
    OK(aside, err);
    for (int back = 0; back < 2; back++) {
        struct vc_rtnl *rtnl = vc_rtnl_open(pair.ctx, back ? aside : pair.netns[1], &err);
        GOT(rtnl, err);
        vc_rtnl_move(rtnl, "wan", back ? pair.netns[1] : aside);
        OK(vc_rtnl_commit(rtnl, &err), err);
    }
    struct vc_rtnl *rtnl = vc_rtnl_open(pair.ctx, pair.netns[1], &err);
    GOT(rtnl, err);
    vc_rtnl_up(rtnl, "wan", true); /* a move shuts it and takes its addresses */
    vc_rtnl_address(rtnl, "wan", (struct vc_prefix){pair_address(1), 30});
    OK(vc_rtnl_commit(rtnl, &err), err);
    cr_assert_eq(pair_send(&pair, 0, 5, 100), 0);
    cr_assert_eq(pair_receive(&pair, 1, SOON_MS, &number, &took, &at), 0);
    cr_assert_eq(number, 5);
    pair_down(&pair);
}

Test(wire, its_state_is_what_packets_meet, .timeout = 100)
{
    const struct vc_wire far = {.delay_us = 80000, .jitter_us = 1000, .loss_ppm = 10000, .burst = 4, .limit = 77};
    VC_AUTO_ERROR *err = NULL;
    struct vc_wires_state state = {0};
    struct pair pair;

    NEED_ROOT();
    pair_up(&pair, 0);
    OK(vc_wires_set(pair.wires, "inet-dc1", 1, &far, &err), err);
    OK(vc_wires_up(pair.wires, "inet-dc1", 0, false, &err), err);
    do
        OK(vc_wires_state(pair.wires, "inet-dc1", &state, &err), err);
    while (state.up[0] || !state.character[1].delay_us);
    cr_assert_eq(memcmp(&state.character[1], &far, sizeof far), 0);
    cr_assert(vc_wire_is_perfect(&state.character[0]) && state.up[1]);
    pair_down(&pair);
}

Test(wire, lag_is_known_without_packets, .timeout = 100)
{
    VC_AUTO_ERROR *err = NULL;
    struct pair pair;
    struct vc_wire_lag lag = {0};

    NEED_ROOT();
    pair_up(&pair, 10);
    while (!lag.events || !lag.worst_ns) /* the process's own heartbeat; some beats are in time to the nanosecond */
        OK(vc_wires_lag(pair.wires, &lag, &err), err);
    while (!lag.reader_worst_ns)
        OK(vc_wires_lag(pair.wires, &lag, &err), err);
    cr_assert_eq(lag.realtime, 1, "root may have real-time priority");
    cr_assert_eq(lag.demotions, 0);
    pair_down(&pair);
}

Test(wire, a_thread_that_never_waits_loses_its_priority, .timeout = 100)
{
    VC_AUTO_ERROR *err = NULL;
    struct pair pair;
    struct vc_wire_lag lag;
    uint32_t number;
    int64_t took, at;

    NEED_ROOT();
    pair_up(&pair, 10);
    do
        OK(vc_wires_lag(pair.wires, &lag, &err), err);
    while (!lag.realtime);
    /* What the kernel sends for RLIMIT_RTTIME. */
    cr_assert_eq(kill(vc_wires_pid(pair.wires), SIGXCPU), 0);
    do
        OK(vc_wires_lag(pair.wires, &lag, &err), err);
    while (!lag.demotions);
    cr_assert_eq(lag.realtime, 0);
    cr_assert_eq(pair_send(&pair, 0, 7, 100), 0);
    cr_assert_eq(pair_receive(&pair, 1, SOON_MS, &number, &took, &at), 0, "and goes on");
    cr_assert_eq(number, 7);
    pair_down(&pair);
}

Test(wire, a_main_thread_that_hangs_is_demoted_and_then_the_end, .timeout = 100)
{
    VC_AUTO_ERROR *err = NULL;
    struct pair pair;
    struct vc_wire_lag lag;
    siginfo_t how;

    NEED_ROOT();
    pair_up(&pair, 10);
    const pid_t main_thread = vc_wires_pid(pair.wires);
    do
        OK(vc_wires_lag(pair.wires, &lag, &err), err);
    while (!lag.realtime);
    cr_assert_eq(ptrace(PTRACE_SEIZE, main_thread, NULL, NULL), 0);
    cr_assert_eq(ptrace(PTRACE_INTERRUPT, main_thread, NULL, NULL), 0, "that thread alone stops");
    do
        OK(vc_wires_lag(pair.wires, &lag, &err), err);
    while (!lag.demotions);
    cr_assert_eq(lag.realtime, 0);
    cr_assert_eq(waitid(P_PID, (id_t)main_thread, &how, WSTOPPED), 0, "its stop");
    cr_assert_eq(waitid(P_PID, (id_t)main_thread, &how, WEXITED | WNOWAIT), 0);
    cr_assert(how.si_code == CLD_EXITED && how.si_status == VC_EXIT_INCONCLUSIVE, "%d %d", how.si_code, how.si_status);
    cr_assert_eq(vc_wires_lag(pair.wires, &lag, &err), -1);
    pair_down(&pair);
}

Test(wire, what_the_client_is_refused, .timeout = 100)
{
    const struct vc_wire perfect[2] = {{0}}, bad = {.jitter_us = 1};
    struct vc_wire_counters counters[2];
    VC_AUTO_FD file = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct pair pair;

    NEED_ROOT();
    pair_up(&pair, 0);
#define FAILS(call, text)                                                                                              \
    do {                                                                                                               \
        VC_AUTO_ERROR *err = NULL;                                                                                     \
        cr_expect_eq((call), -1, "%s", #call);                                                                         \
        cr_expect(err &&strstr(err->message, (text)), "%s: %s", #call, err ? err->message : "no message");             \
    } while (0)
    FAILS(vc_wires_add(pair.wires, "inet-dc1", pair.tap, perfect, &err), "wire inet-dc1: there is a wire of that name");
    FAILS(vc_wires_add(pair.wires, "other", (int[]){file, file}, perfect, &err), "no TAP");
    FAILS(vc_wires_add(pair.wires, "other", (int[]){-1, -1}, perfect, &err), "cannot ask");
    FAILS(vc_wires_add(pair.wires, "", pair.tap, perfect, &err), "allowed: 1 to 15 bytes");
    FAILS(vc_wires_add(pair.wires, "sixteen-bytes-16", pair.tap, perfect, &err), "allowed: 1 to 15 bytes");
    FAILS(vc_wires_add(pair.wires, "\xff", pair.tap, perfect, &err), "cannot be told");
    FAILS(vc_wires_set(pair.wires, "inet-dc1", 0, &bad, &err), "up to the delay");
    FAILS(vc_wires_set(pair.wires, "inet-dc1", 5, perfect, &err), "direction");
    FAILS(vc_wires_set(pair.wires, "nowhere", 0, perfect, &err), "wire nowhere: there is no such wire");
    FAILS(vc_wires_counters(pair.wires, "nowhere", counters, &err), "no such wire");
    FAILS(vc_wires_tap(pair.netns[0], "", (uint8_t[ETH_ALEN]){2}, 1500, &err), "allowed: 1 to 15 bytes");
    FAILS(vc_wires_tap(pair.netns[0], "sixteen-bytes-16", (uint8_t[ETH_ALEN]){2}, 1500, &err), "allowed: 1 to 15");
    FAILS(vc_wires_tap(pair.netns[0], "wan", (uint8_t[ETH_ALEN]){2}, 1500, &err), "cannot create the TAP wan");
    FAILS(vc_wires_tap(pair.netns[0], "new", (uint8_t[ETH_ALEN]){3}, 1500, &err), "address");
    FAILS(vc_wires_tap(file, "new", (uint8_t[ETH_ALEN]){2}, 1500, &err), "");
    cr_assert_eq(pair_counters(&pair, 0).received, 0, "it serves on");
    pair_down(&pair);
}

Test(wire, a_process_that_ended_is_told, .timeout = 100)
{
    VC_AUTO_ERROR *err = NULL;
    struct pair pair;
    struct vc_wire_lag lag;

    NEED_ROOT();
    pair_up(&pair, 0);
    cr_assert_eq(kill(vc_wires_pid(pair.wires), SIGKILL), 0);
    cr_assert_eq(vc_wires_lag(pair.wires, &lag, &err), -1);
    cr_assert(strstr(err->message, "vclab-wire has ended") || strstr(err->message, "cannot ask"), "%s", err->message);
    cr_assert_eq(vc_wires_lag(pair.wires, &lag, &err), -1);
    cr_assert(strstr(err->message, "has ended"), "%s", err->message);
    pair_down(&pair);
}

Test(wire, a_program_that_is_not_there)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    cr_assert_null(vc_wires_start(ctx, &(struct vc_wires_config){.program = "/nowhere/vclab-wire"}, &err));
    cr_assert_eq(err->status, VC_EXIT_HOST);
    cr_assert(strstr(err->message, "libns3-dev"));
    vc_error_free(VC_STEAL_PTR(err));
    cr_assert_null(vc_wires_start(ctx, &(struct vc_wires_config){.program = "/bin/true"}, &err));
    cr_assert(strstr(err->message, "has ended"), "%s", err->message);
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1, "nothing is left to reap");
}

/* ---- the process by itself ---- */

static pid_t spawn_wire(int control)
{
    char name[] = "vclab-wire", seed[] = "1", priority[] = "0", *argv[] = {name, seed, priority, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;

    cr_assert_eq(posix_spawn_file_actions_init(&actions), 0);
    cr_assert_eq(posix_spawn_file_actions_adddup2(&actions, control, 3), 0);
    cr_assert_eq(posix_spawn(&pid, VCLAB_WIRE, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static bool says_ok(int control)
{
    char text[VC_WIRE_MESSAGE_MAX];
    ssize_t size = recv(control, text, sizeof text, 0);
    struct vc_wire_answer answer;

    cr_assert_gt(size, 0);
    return vc_wire_answer_read(text, (size_t)size, VC_WIRE_QUIT, &answer, NULL) == 0;
}

Test(process, answers_garbage_and_ends_with_its_socket, .timeout = 60)
{
    static const char huge[60000];
    static const char *const garbage[] = {"x", "{}", "{\"do\": \"add\", \"wire\": \"a\", \"character\": [{}, {}]}",
                                          "{\"do\": \"up\", \"wire\": \"a\", \"up\": true}"};
    int pair[2], status;

    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    pid_t pid = spawn_wire(pair[1]);
    close(pair[1]);
    cr_assert(says_ok(pair[0]), "it is ready");
    for (size_t i = 0; i < VC_COUNT(garbage); i++) {
        cr_assert_gt(send(pair[0], garbage[i], strlen(garbage[i]), 0), 0);
        cr_assert_not(says_ok(pair[0]), "%s", garbage[i]);
    }
    cr_assert_gt(send(pair[0], huge, sizeof huge, 0), 0);
    cr_assert_not(says_ok(pair[0]));
    cr_assert_gt(send(pair[0], "{\"do\": \"lag\"}", 13, 0), 0);
    char text[VC_WIRE_MESSAGE_MAX];
    cr_assert_gt(recv(pair[0], text, sizeof text, 0), 0);
    close(pair[0]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
}

Test(process, quits, .timeout = 60)
{
    int pair[2], status;

    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    pid_t pid = spawn_wire(pair[1]);
    cr_assert(says_ok(pair[0]));
    cr_assert_gt(send(pair[0], "{\"do\": \"quit\"}", 14, 0), 0);
    cr_assert(says_ok(pair[0]));
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Test(process, wants_its_socket)
{
    VC_AUTO_FD file = open("/dev/null", O_RDWR | O_CLOEXEC);
    int status;
    pid_t pid = spawn_wire(file);

    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == VC_EXIT_USAGE);
}
