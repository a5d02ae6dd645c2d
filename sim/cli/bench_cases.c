#include "cli/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>

#include "cli/numbers.h"

#define LIMIT_NS     (30 * VC_NS_PER_S)
#define LAB_COUNT    10
#define LOAD_SECONDS 10

const struct bench_metric bench_metrics[] = {
    {"bring-up", "verified", "s", 1.0, false},
    {"bring-up", "teardown", "s", 0.1, false},
    {"bring-up", "memory", "MB", 100, false},
    {"bring-up", "processes", "", 0, false},
    {"ten-labs", "verified", "s", 4.0, false},
    {"failover", "voice gap", "ms", 1200, false},
    {"failover", "resolution", "ms", 20, false},
    {"failover", "failback gap", "ms", 100, false},
    {"throughput", "UDP lost", "packets", 0.5, false},
    {"throughput", "UDP", "Mbit/s", 249, true},
    {"throughput", "TCP", "Mbit/s", 0, true},
    {"wires", "10 Mbit/s 1 ms", "ms off", 0.3, false},
    {"wires", "10 Mbit/s 10 ms", "ms off", 0.3, false},
    {"wires", "10 Mbit/s 50 ms", "ms off", 0.3, false},
    {"wires", "10 Mbit/s 100 ms", "ms off", 0.3, false},
    {"wires", "50 Mbit/s 1 ms", "ms off", 0.3, false},
    {"wires", "50 Mbit/s 10 ms", "ms off", 0.3, false},
    {"wires", "50 Mbit/s 50 ms", "ms off", 0.3, false},
    {"wires", "50 Mbit/s 100 ms", "ms off", 0.3, false},
    {"wires", "250 Mbit/s 1 ms", "ms off", 0.3, false},
    {"wires", "250 Mbit/s 10 ms", "ms off", 0.3, false},
    {"wires", "250 Mbit/s 50 ms", "ms off", 0.3, false},
    {"wires", "250 Mbit/s 100 ms", "ms off", 0.3, false},
    {"wires", "0.1 % loss", "%", 0, false},
    {"wires", "0.1 % loss off", "of bound", 1, false},
    {"wires", "1 % loss", "%", 0, false},
    {"wires", "1 % loss off", "of bound", 1, false},
    {"wires", "5 % loss", "%", 0, false},
    {"wires", "5 % loss off", "of bound", 1, false},
    {"wires", "1 % in bursts", "%", 0, false},
    {"wires", "1 % in bursts off", "of bound", 1, false},
    {"wires", "rate 10", "% off", 1, false},
    {"wires", "rate 50", "% off", 1, false},
    {"wires", "rate 250", "% off", 1, false},
    {"wires", "ns3 load", "Mbit/s", 479, true},
    {"wires", "ns3 load lost", "packets", 0.5, false},
    {"wires", "lag p99.9", "ms", 0, false},
    {"wires", "lag worst", "ms", 0, false},
    {"wires", "C pipe delay", "ms", 0, false},
    {"wires", "C pipe load", "Mbit/s", 0, true},
    {"wires", "C pipe load lost", "packets", 0, false},
    {"wires", "veth delay", "ms", 0, false},
    {"wires", "veth load", "Mbit/s", 0, true},
    {"wires", "veth load lost", "packets", 0, false},
    {"sealed-cold", "wall", "s", 12, false},
    {"sealed-cold", "virtual", "s", 0, true},
    {"sealed-warm", "wall", "s", 2.5, false},
    {"sealed-warm", "virtual", "s", 0, true},
    {"sealed-24h", "wall", "s", 180, false},
    {"sealed-24h", "virtual", "s", 86400, true},
    {"sealed-suite", "scenarios", "", 0, true},
    {"sealed-suite", "passed", "", 0, true},
    {"sealed-suite", "wall", "s", 0, false},
    {"sealed-suite", "virtual", "s", 0, true},
    {"sealed-suite", "ratio", "x", 50, true},
    {"sealed-same", "equal digests", "of 10", 10, true},
    {"doctor", "runs", "", 0, true},
    {"doctor", "unusable", "runs", 0.5, false},
    {"doctor", "examinations", "", 0, true},
    {"doctor", "still coming up", "", 0, false},
    {"doctor", "false alarms", "", 0.5, false},
    {"doctor", "sealed answer", "lab s", 0, false},
    {"doctor", "sealed cost", "s", 0, false},
    {"doctor", "live answer", "s", 1.0, false},
    {"doctor", "live worst", "s", 1.0, false},
    {"planner", "5k packets", "s", 16, false},
    {"planner", "packets", "million", 0, true},
    {"planner", "packet hub", "B", 0, false},
    {"planner", "100k calls", "s", 0, false},
    {"planner", "call hub", "B", 0, false},
    {"planner", "growth packet", "power", 1.13, false},
    {"planner", "growth call", "power", 1.13, false},
    {"planner", "stack apart", "%", 0.1, false},
    {"planner", "stack", "s", 0, false},
};
const size_t bench_metric_count = VC_COUNT(bench_metrics);

static bool is(const json_t *event, const char *what)
{
    const char *text = json_string_value(json_object_get(event, "what"));

    return text && !strcmp(text, what);
}

static int passed(const struct vc_live_outcome *outcome, vc_error **err)
{
    const char *verdict = json_string_value(json_object_get(outcome->judged, "verdict"));
    const char *reason = json_string_value(json_object_get(outcome->judged, "reason"));

    if (outcome->signal)
        return vc_fail(err, VC_EXIT_INTERRUPTED, 0, "interrupted");
    /* A loaded host makes a figure worse, not wrong; it is the reader's to see in the spread. */
    if (verdict && (!strcmp(verdict, "pass") || !strcmp(verdict, "inconclusive")))
        return 0;
    return vc_fail(err, VC_EXIT_FAIL, 0, "the lab measured was no good: %s", reason ? reason : "no verdict");
}

/* ---- bring-up ---- */

struct bring_up {
    double began, verified;
    json_int_t pss;
    json_int_t processes;
    int tell; /* where to say that it is verified, -1 nobody */
};

static void on_bring_up(void *arg, json_t *event)
{
    struct bring_up *up = arg;

    if (is(event, "memory")) {
        up->pss = json_integer_value(json_object_get(event, "pss_bytes"));
        up->processes = json_integer_value(json_object_get(event, "processes"));
    }
    if (!is(event, "steps-done"))
        return;
    up->verified = now_s();
    if (up->tell >= 0)
        (void)!write(up->tell, "v", 1);
}

static int bring_up(struct bench *bench, struct bring_up *up, bool stay, bool memory, struct vc_live_outcome *outcome,
                    vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    up->began = now_s();
    struct vc_scenario *scenario = vc_scenario_bare(ctx, bench->topology, bench->timers, LIMIT_NS);
    struct vc_live_config config = {.engine = {.scenario = scenario, .control = -1, .stay = stay, .memory = memory},
                                    .wires = bench->session->wires,
                                    .labroot = bench->session->labroot->path,
                                    .on_event = on_bring_up,
                                    .arg = up};
    config.engine.plan = session_plan(ctx, bench->session, scenario, err);
    return config.engine.plan ? vc_live_run(&config, outcome, err) : -1;
}

static int run_bring_up(struct bench *bench, vc_error **err)
{
    struct bring_up up = {.tell = -1};
    struct vc_live_outcome outcome = {0};

    if (bring_up(bench, &up, false, true, &outcome, err))
        return -1;
    int failed = passed(&outcome, err);
    json_decref(outcome.judged);
    if (failed)
        return -1;
    bench_record(bench, "bring-up", "verified", up.verified - up.began);
    bench_record(bench, "bring-up", "teardown", outcome.teardown_s);
    bench_record(bench, "bring-up", "memory", (double)up.pss / 1e6);
    bench_record(bench, "bring-up", "processes", (double)up.processes);
    return 0;
}

/* ---- ten labs at once ---- */

static _Noreturn void one_of_many(struct bench *bench, int tell)
{
    struct bring_up up = {.tell = tell};
    struct vc_live_outcome outcome = {0};
    VC_AUTO_ERROR *err = NULL;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (bring_up(bench, &up, true, false, &outcome, &err))
        fprintf(stderr, "vclab: %s\n", err->message);
    const json_t *first = json_array_get(json_object_get(outcome.judged, "expectations"), 0);
    const char *verdict = json_string_value(json_object_get(first, "verdict"));
    _exit(verdict && !strcmp(verdict, "pass") ? 0 : 1);
}

static int wait_for_all(int fd, double deadline, vc_error **err)
{
    for (unsigned verified = 0; verified < LAB_COUNT;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        char byte[LAB_COUNT];
        int left = (int)((deadline - now_s()) * 1000);
        ssize_t n = left > 0 && poll(&p, 1, left) > 0 ? read(fd, byte, sizeof byte) : 0;
        if (n <= 0)
            return vc_fail(err, VC_EXIT_FAIL, 0, "only %u of %d labs were verified", verified, LAB_COUNT);
        verified += (unsigned)n;
    }
    return 0;
}

static int run_ten_labs(struct bench *bench, vc_error **err)
{
    pid_t workers[LAB_COUNT];
    int fds[2], failed = 0;
    double began = now_s();

    if (pipe2(fds, O_CLOEXEC))
        return vc_fail(err, VC_EXIT_FAIL, errno, "starting ten labs");
    fflush(NULL);
    for (unsigned i = 0; i < LAB_COUNT; i++) {
        workers[i] = fork();
        if (!workers[i])
            one_of_many(bench, fds[1]);
    }
    close(fds[1]);
    failed = wait_for_all(fds[0], began + (double)LIMIT_NS / 1e9, err);
    double verified = now_s() - began;
    close(fds[0]);
    for (unsigned i = 0; i < LAB_COUNT; i++)
        if (workers[i] > 0)
            kill(workers[i], SIGTERM);
    for (unsigned i = 0; i < LAB_COUNT; i++) {
        int status = 1;
        if (workers[i] <= 0 || waitpid(workers[i], &status, 0) < 0 || status)
            failed = failed ? failed : vc_fail(err, VC_EXIT_FAIL, 0, "one of ten labs was never active/active");
    }
    if (!failed)
        bench_record(bench, "ten-labs", "verified", verified);
    return failed;
}

/* ---- failover ---- */

struct failover {
    bool healing;
    json_int_t gap_ns, failback_ns, resolution_ns;
};

static void on_failover(void *arg, json_t *event)
{
    struct failover *failover = arg;
    json_int_t gap =
        json_integer_value(json_object_get(event, "end_ns")) - json_integer_value(json_object_get(event, "start_ns"));
    const char *flow = json_string_value(json_object_get(event, "flow"));

    if (is(event, "heal-applied"))
        failover->healing = true;
    if (!is(event, "gap") || !flow || strcmp(flow, "voice-dc1"))
        return;
    json_int_t *worst = failover->healing ? &failover->failback_ns : &failover->gap_ns;
    if (gap > *worst)
        *worst = gap;
    failover->resolution_ns = json_integer_value(json_object_get(event, "resolution_ns"));
}

static int run_failover(struct bench *bench, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct failover failover = {0};
    struct vc_live_outcome outcome = {0};
    const char *file =
        talloc_asprintf(ctx, "%s/failover/two-cpe-dc1-silent-loss-bfd.yaml", session_folder(ctx, "scenarios"));
    struct vc_scenario *scenario =
        vc_scenario_load(ctx, file, session_folder(ctx, "topologies"), session_folder(ctx, "nodes"), err);

    if (!scenario)
        return -1;
    struct vc_live_config config = {.engine = {.scenario = scenario, .control = -1},
                                    .wires = bench->session->wires,
                                    .labroot = bench->session->labroot->path,
                                    .on_event = on_failover,
                                    .arg = &failover};
    config.engine.plan = session_plan(ctx, bench->session, scenario, err);
    if (!config.engine.plan || vc_live_run(&config, &outcome, err))
        return -1;
    int failed = passed(&outcome, err);
    json_decref(outcome.judged);
    if (failed)
        return -1;
    bench_record(bench, "failover", "voice gap", (double)failover.gap_ns / 1e6);
    bench_record(bench, "failover", "resolution", (double)failover.resolution_ns / 1e6);
    bench_record(bench, "failover", "failback gap", (double)failover.failback_ns / 1e6);
    return 0;
}

/* ---- throughput ---- */

static void on_load(void *arg, json_t *event)
{
    struct bench *bench = arg;
    double mbit = json_number_value(json_object_get(event, "mbit"));

    if (!is(event, "bulk") || !json_is_true(json_object_get(event, "complete")))
        return;
    if (json_is_true(json_object_get(event, "tcp"))) {
        bench_record(bench, "throughput", "TCP", mbit);
        return;
    }
    bench_record(bench, "throughput", "UDP", mbit);
    bench_record(bench, "throughput", "UDP lost", json_number_value(json_object_get(event, "lost")));
}

static int run_throughput(struct bench *bench, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    /* What the data plane can carry, not what a tunnel is shaped to. */
    unsigned shaped_mbit = bench->topology->settings.rate_mbit;
    bench->topology->settings.rate_mbit = 0;
    struct vc_scenario *scenario = vc_scenario_bare(ctx, bench->topology, bench->timers, LIMIT_NS);
    size_t from = scenario->flows[0].from, to = scenario->flows[0].to;
    struct vc_engine_load loads[] = {{.from = from, .to = to, .mbit = 250, .ip_bytes = 1300, .seconds = LOAD_SECONDS},
                                     {.from = from, .to = to, .tcp = true, .seconds = LOAD_SECONDS}};
    struct vc_live_config config = {
        .engine = {.scenario = scenario, .control = -1, .loads = loads, .load_count = VC_COUNT(loads)},
        .wires = bench->session->wires,
        .labroot = bench->session->labroot->path,
        .on_event = on_load,
        .arg = bench};
    struct vc_live_outcome outcome = {0};

    config.engine.plan = session_plan(ctx, bench->session, scenario, err);
    int failed = config.engine.plan ? vc_live_run(&config, &outcome, err) : -1;
    bench->topology->settings.rate_mbit = shaped_mbit;
    if (failed)
        return -1;
    /* A saturated machine lags: the verdict on voice is not what is measured here. */
    json_decref(outcome.judged);
    return outcome.signal ? vc_fail(err, VC_EXIT_INTERRUPTED, 0, "interrupted") : 0;
}

const struct bench_case bench_cases[] = {
    {"bring-up", "nothing -> verified active/active (two-cpe), teardown, memory", run_bring_up, 10},
    {"ten-labs", "ten labs at once, all verified", run_ten_labs, 10},
    {"failover", "DC1 loses ESP silently, BFD 300 ms x 3, and comes back", run_failover, 10},
    {"throughput", "250 Mbit/s UDP of 1300 bytes, then TCP, 10 s each through one tunnel", run_throughput, 10},
    {"wires", "ns-3's wires against what they are told; 2 x 240 Mbit/s of UDP, also through a C pipe and a veth",
     bench_wires, 1},
};
const size_t bench_case_count = VC_COUNT(bench_cases);
