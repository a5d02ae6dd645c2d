/*
 * What the doctor promises: that it finds nothing where nothing is wrong, and answers at once. Runs are drawn
 * (sweep/lawful.h) over every shipped topology, two profiles of timers, seeds, wires and moments; each examination in
 * them counts. Whoever doubts a figure gets the same runs by the same --seed.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "cli/bench.h"
#include "cli/jobs.h"
#include "cli/numbers.h"
#include "doctor/doctor.h"
#include "sweep/lawful.h"

#define LIVE_LIMIT_NS (60 * VC_NS_PER_S)

enum {
    ROUND_MAX = 64,  /* shipped topologies at most */
    COST_TIMES = 20, /* examinations whose cost is measured together */
    LIVE_TIMES = 20, /* the live lab is asked so often */
};

static const char *const other_timers[] = {"bfd", "service", "keepalive"};

struct topologies {
    struct vc_topology *all[ROUND_MAX];
    size_t count;
};

/* One round: a run of every topology, all with one seed. */
struct round {
    struct bench *bench;
    struct session *session;
    const char *folder; /* of scenarios and results */
    struct job jobs[ROUND_MAX];
    unsigned done, total, false_alarms, unusable, examinations, coming;
    bool stopped;
};

/* ---- topologies ---- */

static int is_document(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot && !strcmp(dot, ".yaml");
}

static int load_topologies(void *ctx, struct topologies *out, vc_error **err)
{
    const char *folder = session_folder(ctx, "topologies");
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_document, alphasort);
    int failed = count <= 0 ? vc_fail(err, VC_EXIT_HOST, errno, "%s: no topologies there", folder) : 0;

    for (int i = 0; i < count; i++) {
        VC_AUTO_TALLOC char *file = talloc_asprintf(NULL, "%s/%s", folder, entries[i]->d_name);
        free(entries[i]);
        if (failed || out->count == ROUND_MAX)
            continue;
        out->all[out->count] = vc_topology_load(ctx, file, session_folder(ctx, "nodes"), err);
        failed = out->all[out->count++] ? 0 : -1;
    }
    free(entries);
    return failed;
}

/* ---- what a run said ---- */

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : otherwise;
}

static void say_causes(const json_t *diagnosis)
{
    const json_t *causes = json_object_get(diagnosis, "causes"), *cause;
    size_t i;

    json_array_foreach(causes, i, cause)
    {
        const char *seen = json_string_value(json_array_get(json_object_get(cause, "evidence"), 0));
        fprintf(stderr, "    %s at %s, tunnel %s: %s\n", text_of(cause, "cause", "?"),
                text_of(cause, "node", "the way"), text_of(cause, "tunnel", "any"), seen ? seen : "");
    }
    if (!json_array_size(causes))
        fputs("    no cause, and a layer that is not ok\n", stderr);
}

/* The evidence, the run and its scenario stay: vclab doctor FILE examines it again, vclab run plays it again. */
static void say_alarm(struct round *round, const struct job *job, const json_t *alarm)
{
    VC_AUTO_TALLOC char *file =
        talloc_asprintf(NULL, "%s/%s-alarm-%u.json", round->folder, job->scenario->name, ++round->false_alarms);
    bool kept = !json_dump_file(json_object_get(alarm, "evidence"), file, JSON_COMPACT);

    fprintf(stderr, "  false alarm in %s (seed %llu) after %.0f s; %s%s\n", job->scenario->name,
            (unsigned long long)round->session->options.seed,
            (double)json_integer_value(json_object_get(alarm, "t_ns")) / VC_NS_PER_S,
            kept ? "vclab doctor " : "the evidence could not be kept in ", file);
    say_causes(json_object_get(alarm, "diagnosis"));
}

static void on_done(void *arg, struct job *job)
{
    struct round *round = arg;
    VC_AUTO_TALLOC struct vc_lawful_outcome *outcome = vc_lawful_outcome_read(NULL, job->result);
    const json_t *alarm;
    size_t i;

    round->stopped = round->stopped || job->status == VC_EXIT_INTERRUPTED;
    round->done++;
    if (outcome->unusable) {
        round->unusable++;
        fprintf(stderr, "  unusable: %s (seed %llu): %s\n", job->scenario->name,
                (unsigned long long)round->session->options.seed, outcome->unusable);
    } else {
        round->examinations += (unsigned)outcome->examinations;
        round->coming += (unsigned)outcome->coming;
        for (i = 0; i < outcome->answers; i++)
            bench_record(round->bench, "doctor", "sealed answer", outcome->answer_s[i]);
        json_array_foreach(outcome->alarms, i, alarm) say_alarm(round, job, alarm);
    }
    if (job->result && !outcome->unusable && !json_array_size(outcome->alarms))
        session_remove(job->result);
    if (round->done % 10 == 0 || round->done == round->total)
        fprintf(stderr, "  %u/%u runs, %u examinations, %u false alarms\n", round->done, round->total,
                round->examinations, round->false_alarms);
}

/* ---- rounds ---- */

static struct vc_lawful lawful_of(const struct topologies *topologies, const struct bench *bench, unsigned index)
{
    unsigned at = index % (unsigned)topologies->count, turn = index / (unsigned)topologies->count;
    const struct vc_topology *topology = topologies->all[at];
    /* Four rounds with each profile: every topology meets every moment with both. */
    const char *timers = turn / VC_LAWFUL_MOMENTS % 2 ? other_timers[at % VC_COUNT(other_timers)] : "tuned";

    return (struct vc_lawful){.topology = topology,
                              .topology_ref = topology->name,
                              .timers = vc_topology_timers(topology, timers),
                              .moment = (enum vc_lawful_moment)((at + turn) % VC_LAWFUL_MOMENTS),
                              .seed = bench->seed * 1000003 + index};
}

static int prepare(void *ctx, struct round *round, const struct vc_lawful *run, const char *folder, unsigned index,
                   struct job *job, vc_error **err)
{
    VC_AUTO_TALLOC char *name = talloc_asprintf(NULL, "lawful-%u-%s-%s-%s", index + 1, run->topology->name,
                                                vc_lawful_moment_name(run->moment), run->timers->name);
    const char *file = vc_lawful_write(ctx, run, folder, name, err);

    job->scenario =
        file ? vc_scenario_load(ctx, file, session_folder(ctx, "topologies"), round->session->kinds, err) : NULL;
    return job->scenario ? 0 : -1;
}

static int play_round(struct round *round, const struct topologies *topologies, const char *folder, unsigned first,
                      vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct run_options options = {.session = round->session->options,
                                  .jobs = cores > 1 ? (unsigned)cores : 2,
                                  .on_done = on_done,
                                  .on_done_arg = round};
    size_t count = 0;

    memset(round->jobs, 0, sizeof round->jobs);
    round->session->options.seed = round->bench->seed + first / (unsigned)topologies->count;
    for (unsigned i = first; i < round->total && count < topologies->count; i++) {
        struct vc_lawful run = lawful_of(topologies, round->bench, i);
        if (prepare(ctx, round, &run, folder, i, &round->jobs[count++], err))
            return -1;
    }
    jobs_estimate(round->jobs, count, NULL);
    return jobs_run(&options, round->session, round->jobs, count, err);
}

static int play_rounds(struct bench *bench, struct session *session, const struct topologies *topologies,
                       const char *folder, bool *clean, vc_error **err)
{
    VC_AUTO_TALLOC struct round *round = talloc_zero(NULL, struct round);

    *round = (struct round){.bench = bench, .session = session, .folder = folder, .total = bench->runs};
    int failed = 0;
    for (unsigned i = 0; i < bench->runs && !round->stopped && !failed; i += (unsigned)topologies->count)
        failed = play_round(round, topologies, folder, i, err);
    *clean = !round->false_alarms && !round->unusable; /* whatever ended it: the evidence of an alarm stays */
    if (failed)
        return -1;
    if (round->stopped)
        return vc_fail(err, VC_EXIT_INTERRUPTED, 0, "interrupted");
    bench_record(bench, "doctor", "runs", round->done - round->unusable);
    bench_record(bench, "doctor", "unusable", round->unusable);
    bench_record(bench, "doctor", "examinations", round->examinations);
    bench_record(bench, "doctor", "still coming up", round->coming);
    bench_record(bench, "doctor", "false alarms", round->false_alarms);
    return 0;
}

/* ---- cost ---- */

/* How long a run in which the doctor is asked so often takes, whole command. */
static int asked(const struct vc_lawful *run, const char *folder, unsigned times, double *wall_s, vc_error **err)
{
    VC_AUTO_TALLOC char *name = talloc_asprintf(NULL, "asked-%u", times);
    VC_AUTO_TALLOC char *file = vc_lawful_asked(NULL, run, folder, name, times, err);
    VC_AUTO_FD said_fd = memfd_create("stderr", MFD_CLOEXEC);
    struct bench_command command = {.argv = {"run", "--json", "--no-captures", "--results", folder, file}};

    if (!file || bench_command(&command, said_fd, err))
        return -1;
    json_decref(command.json);
    *wall_s = command.wall_s;
    return command.status == VC_EXIT_PASS ? 0 : bench_command_said(&command, said_fd, err);
}

/* What asked once more costs: the difference between one time and many. */
static int measure_cost(struct bench *bench, const char *folder, vc_error **err)
{
    struct vc_lawful run = {.topology = bench->topology,
                            .topology_ref = bench->topology->name,
                            .timers = vc_topology_timers(bench->topology, "tuned")};
    double one = 0, many = 0;

    /* The first may have to make the snapshot: it is played and not counted. */
    for (unsigned i = 0; i < 2; i++)
        if (asked(&run, folder, 1, &one, err))
            return -1;
    if (asked(&run, folder, 1 + COST_TIMES, &many, err))
        return -1;
    bench_record(bench, "doctor", "sealed cost", (many - one) / COST_TIMES);
    return 0;
}

/* ---- live ---- */

static void tell(void *arg, const char *result VC_UNUSED, json_t *judged)
{
    const json_t *first = json_array_get(json_object_get(judged, "expectations"), 0);
    const int *fd = arg;

    (void)!write(*fd, strcmp(text_of(first, "verdict", ""), "pass") ? "-" : "+", 1);
}

/* A lab that dies with the bench, whatever ends it. */
static _Noreturn void live_lab(const struct bench *bench, const char *results, int fd)
{
    struct session_options options = {.quiet = true, .label = "live", .seed = bench->seed, .results = results};
    struct session_extra extra = {.stay = true, .on_steps_done = tell, .arg = &fd};
    VC_AUTO_ERROR *err = NULL;

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    struct session *session = session_open(NULL, &options, &err);
    const struct vc_timers *timers = vc_topology_timers(bench->topology, "tuned");
    struct vc_scenario *scenario = vc_scenario_bare(session, bench->topology, timers, LIVE_LIMIT_NS);
    if (!session || session_run(session, session, scenario, &extra, NULL, NULL, &err) < 0)
        print_error(err);
    _exit(VC_EXIT_PASS);
}

static int ask_live(struct bench *bench, const char *results, vc_error **err)
{
    double worst = 0;

    for (unsigned i = 0; i < LIVE_TIMES; i++) {
        VC_AUTO_FD said_fd = memfd_create("stderr", MFD_CLOEXEC);
        struct bench_command ask = {.argv = {"doctor", "--json", "--results", results}};
        if (bench_command(&ask, said_fd, err))
            return -1;
        VC_AUTO_JSON *diagnosis = ask.json;
        if (ask.status == VC_EXIT_FAIL)
            say_causes(diagnosis);
        if (ask.status != VC_EXIT_PASS)
            return ask.status == VC_EXIT_FAIL ? vc_fail(err, VC_EXIT_FAIL, 0, "a false alarm in a healthy live lab")
                                              : bench_command_said(&ask, said_fd, err);
        bench_record(bench, "doctor", "live answer", ask.wall_s);
        worst = ask.wall_s > worst ? ask.wall_s : worst;
    }
    bench_record(bench, "doctor", "live worst", worst);
    return 0;
}

static int measure_live(struct bench *bench, const char *folder, vc_error **err)
{
    VC_AUTO_TALLOC char *results = talloc_asprintf(NULL, "%s/live", folder); /* no other lab is there */
    int fds[2];
    char verdict = 0;

    if (geteuid() != 0) {
        fputs("  not root: the live answer is not measured\n", stderr);
        return 0;
    }
    if (mkdir(results, 0755) || pipe2(fds, O_CLOEXEC))
        return vc_fail(err, VC_EXIT_HOST, errno, "starting a live lab in %s", results);
    fflush(NULL);
    pid_t lab = fork();
    if (!lab) {
        close(fds[0]);
        live_lab(bench, results, fds[1]);
    }
    close(fds[1]);
    bool up = lab > 0 && read(fds[0], &verdict, 1) == 1 && verdict == '+';
    close(fds[0]);
    int failed = up ? ask_live(bench, results, err)
                    : vc_fail(err, VC_EXIT_FAIL, 0, "the live lab was not active/active within %d s",
                              (int)(LIVE_LIMIT_NS / VC_NS_PER_S));
    if (lab > 0) {
        kill(lab, SIGTERM);
        waitpid(lab, NULL, 0);
    }
    return failed;
}

/* ---- the whole ---- */

static int measure(struct bench *bench, const struct topologies *topologies, const char *folder, bool *clean,
                   vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct session_options options = {.sealed = true, .quiet = true, .seed = bench->seed, .results = folder};
    struct session *session = session_open(ctx, &options, err);

    if (!session || play_rounds(bench, session, topologies, folder, clean, err) || measure_cost(bench, folder, err))
        return -1;
    return measure_live(bench, folder, err);
}

int bench_doctor(struct bench *bench, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct topologies topologies = {.count = 0};
    const char *folder = bench_folder(ctx, bench, err);
    bool clean = true;

    if (!folder)
        return -1;
    int failed = load_topologies(ctx, &topologies, err) || measure(bench, &topologies, folder, &clean, err);
    if (clean)
        session_remove(folder);
    else
        fprintf(stderr, "  what was wrong is kept in %s\n", folder);
    return failed ? -1 : 0;
}
