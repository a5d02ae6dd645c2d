/*
 * What sealed runs promise, measured on the whole command as a user calls it: this program is started anew for every
 * figure, with a results folder of its own that goes afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "cli/bench.h"
#include "cli/numbers.h"

#define SILENT_LOSS  "failover/two-cpe-dc1-silent-loss-service.yaml"
#define REKEY_24H    "baseline/two-cpe-rekey-24h-service.yaml"
#define SAME_RUNS    10
#define LOAD_LIMIT_S 600 /* a load ends by itself when the bench does not end it */

static _Noreturn void become(const struct bench_command *command, int out, int err)
{
    const char *argv[VC_COUNT(command->argv) + 1] = {"vclab"};

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    memcpy(argv + 1, command->argv, sizeof command->argv);
    if (dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(VC_EXIT_FAIL);
    execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
    _exit(VC_EXIT_FAIL);
}

int bench_command_said(const struct bench_command *command, int said_fd, vc_error **err)
{
    char text[1024] = "";
    off_t size = lseek(said_fd, 0, SEEK_END), from = size > (off_t)sizeof text ? size - (off_t)sizeof text + 1 : 0;

    if (pread(said_fd, text, sizeof text - 1, from) < 0)
        text[0] = 0;
    return vc_fail(err, command->status == VC_EXIT_INTERRUPTED ? VC_EXIT_INTERRUPTED : VC_EXIT_FAIL, 0,
                   "vclab %s ended with status %d: …%s", command->argv[0], command->status, text);
}

int bench_command(struct bench_command *command, int said_fd, vc_error **err)
{
    VC_AUTO_FD out = memfd_create("stdout", MFD_CLOEXEC);
    double began = now_s();
    int status;

    fflush(NULL);
    pid_t pid = fork();
    if (!pid)
        become(command, out, said_fd);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return vc_fail(err, VC_EXIT_FAIL, errno, "starting vclab %s", command->argv[0]);
    command->wall_s = now_s() - began;
    command->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    lseek(out, 0, SEEK_SET);
    command->json = json_loadfd(out, 0, NULL);
    return 0;
}

/* A `vclab run --json`. Fails unless it gave a verdict. */
static int run_command(struct bench_command *command, vc_error **err)
{
    VC_AUTO_FD said_fd = memfd_create("stderr", MFD_CLOEXEC);

    if (bench_command(command, said_fd, err))
        return -1;
    return json_array_size(command->json) && command->status != VC_EXIT_INTERRUPTED
               ? 0
               : bench_command_said(command, said_fd, err);
}

static const char *member(const json_t *run, const char *name)
{
    const char *text = json_string_value(json_object_get(run, name));

    return text ? text : "";
}

static double virtual_s(const json_t *run)
{
    return json_number_value(json_object_get(run, "virtual_s"));
}

char *bench_folder(void *ctx, struct bench *bench, vc_error **err)
{
    char *path = talloc_asprintf(ctx, "%s/bench-XXXXXX", bench->results);

    mkdir(bench->results, 0755); /* there as a rule; mkdtemp tells when it cannot be */
    if (mkdtemp(path))
        return path;
    vc_fail(err, VC_EXIT_HOST, errno, "making %s", path);
    return NULL;
}

/* Plays one scenario, which must pass; its wall and virtual seconds are recorded as figures of `name`. */
static int play(struct bench *bench, const char *scenario, bool cold, const char *name, char **digest, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *results = bench_folder(ctx, bench, err);
    const char *file = talloc_asprintf(ctx, "%s/%s", session_folder(ctx, "scenarios"), scenario);
    struct bench_command command = {.argv = {"run", "--json", "--results", results, file, cold ? "--cold" : NULL}};

    if (!results)
        return -1;
    int failed = run_command(&command, err);
    VC_AUTO_JSON *runs = command.json;
    const json_t *run = json_array_get(runs, 0);
    session_remove(results);
    if (failed)
        return -1;
    if (strcmp(member(run, "verdict"), "pass") != 0)
        return vc_fail(err, VC_EXIT_FAIL, 0, "%s: %s: %s", scenario, member(run, "verdict"), member(run, "reason"));
    if (name) {
        bench_record(bench, name, "wall", command.wall_s);
        bench_record(bench, name, "virtual", virtual_s(run));
    }
    if (digest) /* another image has another digest: who changes the program meanwhile sees it here */
        *digest = talloc_asprintf(NULL, "%s (image %.8s)", member(run, "digest"), member(run, "image"));
    return 0;
}

static int run_cold(struct bench *bench, vc_error **err)
{
    return play(bench, SILENT_LOSS, true, "sealed-cold", NULL, err);
}

static int run_warm(struct bench *bench, vc_error **err)
{
    /* The snapshot is made by a run that is not measured. */
    if (!bench->warmed && play(bench, SILENT_LOSS, false, NULL, NULL, err))
        return -1;
    bench->warmed = true;
    return play(bench, SILENT_LOSS, false, "sealed-warm", NULL, err);
}

static int run_24h(struct bench *bench, vc_error **err)
{
    return play(bench, REKEY_24H, false, "sealed-24h", NULL, err);
}

/* ---- suite ---- */

static int run_suite(struct bench *bench, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *results = bench_folder(ctx, bench, err);
    struct bench_command command = {
        .argv = {"run", "--json", "--jobs", "2", "--results", results, session_folder(ctx, "scenarios")}};
    double covered = 0, passed = 0;
    const json_t *run;
    size_t i;

    if (!results)
        return -1;
    int failed = run_command(&command, err);
    VC_AUTO_JSON *runs = command.json;
    session_remove(results);
    if (failed)
        return -1;
    json_array_foreach(runs, i, run)
    {
        covered += virtual_s(run);
        passed += !strcmp(member(run, "verdict"), "pass");
    }
    bench_record(bench, "sealed-suite", "scenarios", (double)json_array_size(runs));
    bench_record(bench, "sealed-suite", "passed", passed);
    bench_record(bench, "sealed-suite", "wall", command.wall_s);
    bench_record(bench, "sealed-suite", "virtual", covered);
    bench_record(bench, "sealed-suite", "ratio", covered / command.wall_s);
    return 0;
}

/* ---- the same bytes ---- */

static void spin(void)
{
    volatile unsigned long turns = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(LOAD_LIMIT_S);
    for (;;)
        turns = turns + 1;
}

#define CORES_MAX 64

/* Keeps every core busy until it is ended. */
struct load {
    pid_t pids[CORES_MAX];
    size_t count;
};

static void load_end(struct load *load)
{
    for (size_t i = 0; i < load->count; i++) {
        kill(load->pids[i], SIGKILL);
        waitpid(load->pids[i], NULL, 0);
    }
}

static void load_begin(struct load *load)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    while (load->count < CORES_MAX && (long)load->count < cores) {
        pid_t pid = fork();
        if (!pid)
            spin();
        if (pid < 0)
            return;
        load->pids[load->count++] = pid;
    }
}

static int play_under(struct bench *bench, bool busy, char **digest, vc_error **err)
{
    __attribute__((cleanup(load_end))) struct load load = {0};

    if (busy)
        load_begin(&load);
    return play(bench, SILENT_LOSS, true, NULL, digest, err);
}

static int run_same(struct bench *bench, vc_error **err)
{
    VC_AUTO_TALLOC char *first = NULL;
    double equal = 0;

    for (unsigned i = 0; i < SAME_RUNS; i++) {
        VC_AUTO_TALLOC char *digest = NULL;
        if (play_under(bench, i % 2, &digest, err))
            return -1;
        fprintf(stderr, "  %2u of %d%s: %s\n", i + 1, SAME_RUNS, i % 2 ? ", all cores busy" : "", digest);
        equal += !first || !strcmp(digest, first);
        if (!first)
            first = VC_STEAL_PTR(digest);
    }
    bench_record(bench, "sealed-same", "equal digests", equal);
    return 0;
}

const struct bench_case bench_sealed_cases[] = {
    {"sealed-cold", "DC1 silent loss with service timers, cold, whole command", run_cold, 5, true},
    {"sealed-warm", "the same from a warm snapshot", run_warm, 5, true},
    {"sealed-24h", "24 virtual hours with rekeys and a slow flow", run_24h, 1, true},
    {"sealed-suite", "every scenario, two machines side by side", run_suite, 1, true},
    {"sealed-same", "ten cold runs, half of them with every core kept busy by other work", run_same, 1, true},
    {"doctor", "runs in which nothing is wrong, of every topology, and the doctor asked in each", bench_doctor, 200,
     true, true},
};
const size_t bench_sealed_case_count = VC_COUNT(bench_sealed_cases);
