/* vclab run: plays scenarios, several side by side, and ends with the worst verdict. */
#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/jobs.h"
#include "cli/numbers.h"
#include "report/suite.h"

static const char usage[] =
    "Usage: vclab run SCENARIO|DIR... [--cold] [--twice] [--seed N] [--jobs N] [--shard I/N] [--accel tcg|kvm]\n"
    "                 [--limit SECONDS] [--bundle FILE] [--results DIR] [--no-captures] [--evidence] [--json]\n"
    "       vclab run --live SCENARIO|DIR... [--plane auto|kernel|user] [--wires auto|netem|ns3|veth]\n"
    "                 [--seed N] [--jobs N] [--shard I/N] [--results DIR] [--no-captures] [--evidence] [--json]\n"
    "\n"
    "Plays each scenario in a lab of its own and prints its story; the result folder keeps the evidence.\n"
    "Sealed (the default): the lab is in a virtual machine on virtual time. Needs no root, gives the same bytes every "
    "time.\n"
    "  --cold         boot the machine; else it is forked from a snapshot of the converged lab, made when it is "
    "missing\n"
    "  --twice        play each scenario twice; fail and show the first event that differs unless they are the same\n"
    "  --seed N       of keys, jitter and loss (default 1); another seed is another schedule\n"
    "  --accel kvm    the same image in real time, by the host's processor: not deterministic (default tcg)\n"
    "  --limit N      end a run as error after N seconds of the host's time\n"
    "  --bundle FILE  one file from which vclab replay plays the run again anywhere, without secrets; implies --cold\n"
    "Live (--live): namespaces on this host, real time, root.\n"
    "  --plane        kernel: ip_gre and xfrm; user: libipsec and vclab's GRE; auto: kernel where the host has it\n"
    "  --wires        netem: the kernel's means; ns3: ns-3 carries every link; veth: plain ones only; auto: each link "
    "by\n                 what it needs, ns-3 where this kernel has no netem\n"
    "Both:\n"
    "  --jobs N       so many labs side by side (default: sealed one for each core, live 1)\n"
    "  --shard I/N    only every Nth scenario, beginning with the Ith\n"
    "  --no-captures  keep no packets\n"
    "  --evidence     ask the nodes at the end of a run that passes, too, for what vclab doctor reads of its result\n"
    "  --json         run.json of each run on stdout, in an array\n"
    "\n"
    "Exit status: 0 pass, 1 fail or error, 2 bad usage or file, 3 this host cannot, 4 inconclusive, 130 interrupted: "
    "the worst of all runs.\n"
    "Of several scenarios those whose data plane this host has not are skipped, which changes no status.\n";

/* ---- what to run ---- */

struct files {
    char **paths;
    size_t count;
};

/* nftw has no argument for its callback. */
static struct files *collecting;

static int collect(const char *path, const struct stat *st VC_UNUSED, int type, struct FTW *ftw VC_UNUSED)
{
    size_t len = strlen(path);

    if (type == FTW_F && len > 5 && !strcmp(path + len - 5, ".yaml")) {
        collecting->paths = talloc_realloc(NULL, collecting->paths, char *, collecting->count + 1);
        collecting->paths[collecting->count++] = talloc_strdup(collecting->paths, path);
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int find_files(char **args, int count, struct files *files, vc_error **err)
{
    for (int i = 0; i < count; i++) {
        struct stat st;
        size_t first = files->count;
        if (stat(args[i], &st))
            return vc_fail(err, VC_EXIT_USAGE, errno, "%s", args[i]);
        collecting = files;
        if (nftw(args[i], collect, 16, FTW_PHYS) || files->count == first)
            return vc_fail(err, VC_EXIT_USAGE, 0, "%s: no scenario there (*.yaml)", args[i]);
        qsort(files->paths + first, files->count - first, sizeof *files->paths, by_name);
    }
    return 0;
}

/* Every file is read before the first lab starts, so that a bad one is known at once. */
static struct job *load_all(void *ctx, const struct run_options *options, const struct files *files, size_t *count,
                            vc_error **err)
{
    struct job *jobs = talloc_zero_array(ctx, struct job, files->count);

    *count = 0;
    for (size_t i = 0; i < files->count; i++) {
        if (options->shards && i % options->shards != options->shard - 1)
            continue;
        jobs[*count].scenario = vc_scenario_load(ctx, files->paths[i], session_folder(ctx, "topologies"),
                                                 session_folder(ctx, "nodes"), err);
        if (!jobs[(*count)++].scenario)
            return NULL;
    }
    return jobs;
}

/* ---- summary ---- */

/* From harmless to grave; the exit status of many runs is the gravest. */
static const int gravity[] = {VC_EXIT_PASS, VC_EXIT_INCONCLUSIVE, VC_EXIT_FAIL,
                              VC_EXIT_HOST, VC_EXIT_USAGE,        VC_EXIT_INTERRUPTED};

static size_t gravity_of(int status)
{
    for (size_t i = 0; i < VC_COUNT(gravity); i++)
        if (gravity[i] == status)
            return i;
    return 2; /* an unknown status is a failure */
}

/* Of many scenarios those that this host cannot play are left out; one alone is refused. */
static int skip_unplayable(const struct session *session, struct job *jobs, size_t count, bool many, vc_error **err)
{
    for (size_t i = 0; i < count; i++) {
        VC_AUTO_ERROR *why = NULL;

        if (!session_can_play(session, jobs[i].scenario, &why))
            continue;
        if (!many)
            return vc_error_move(err, &why);
        jobs[i].skipped = talloc_strdup(jobs, why->message);
        jobs[i].status = (int)why->status;
    }
    return 0;
}

static json_t *no_result(const struct job *job)
{
    json_t *reason = job->skipped   ? json_string(job->skipped)
                     : job->started ? json_sprintf("no result (exit status %d)", job->status)
                                    : json_string("not played: the suite was interrupted");

    return json_pack("{s:s, s:s, s:o}", "scenario", job->scenario->name, "verdict", job->skipped ? "skipped" : "error",
                     "reason", reason);
}

/* Verdict, times and digest of a job from what it left; without a result it was an error. New reference. */
static json_t *entry_of(const struct job *job)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/run.json", job->result ? job->result : "");
    json_t *run = json_load_file(path, 0, NULL);

    if (!run)
        run = no_result(job);
    if (job->result)
        json_object_set_new(run, "result", json_string(job->result));
    if (job->other)
        json_object_set_new(run, "again", json_string(job->other));
    if (job->difference)
        json_object_set_new(run, "difference", json_string(job->difference));
    json_object_set_new(run, "status", json_integer(job->status));
    return run;
}

static const char *mode_of(const struct run_options *options)
{
    return options->session.sealed ? "sealed" : "live";
}

/* Many runs as one: a table, and a result. */
static int suite(const struct run_options *options, const struct session *session, const json_t *runs, double wall_s,
                 vc_error **err)
{
    VC_AUTO_JSON *document = vc_suite_document(runs, mode_of(options), wall_s);
    VC_AUTO_TALLOC char *path = vc_suite_write(NULL, session->options.results, document, runs, err);

    if (!path)
        return -1;
    if (!options->json)
        vc_suite_print(stdout, document);
    fprintf(options->json ? stderr : stdout, "  result: %s\n", path);
    return 0;
}

static int summarise(const struct run_options *options, const struct session *session, struct job *jobs, size_t count,
                     double wall_s, vc_error **err)
{
    VC_AUTO_JSON *runs = json_array();
    size_t worst = 0, played = 0;

    for (size_t i = 0; i < count; i++) {
        if (!jobs[i].started && !jobs[i].skipped)
            jobs[i].status = VC_EXIT_INTERRUPTED;
        json_array_append_new(runs, entry_of(&jobs[i]));
        played += !jobs[i].skipped;
        if (jobs[i].skipped)
            continue;
        worst = gravity_of(jobs[i].status) > worst ? gravity_of(jobs[i].status) : worst;
    }
    if (count > 1 && suite(options, session, runs, wall_s, err))
        return -1;
    if (options->json) {
        json_dumpf(runs, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
        puts("");
    }
    /* That nothing was played must not look like a pass. */
    return played ? gravity[worst] : VC_EXIT_HOST;
}

/* ---- command line ---- */

enum {
    OPTION_LIVE = 256,
    OPTION_COLD,
    OPTION_TWICE,
    OPTION_SHARD,
    OPTION_SEED,
    OPTION_PLANE,
    OPTION_WIRES,
    OPTION_ACCEL,
    OPTION_LIMIT,
    OPTION_BUNDLE,
    OPTION_RESULTS,
    OPTION_NO_CAPTURES,
    OPTION_EVIDENCE,
    OPTION_JSON,
};

static const struct option longs[] = {{"live", no_argument, NULL, OPTION_LIVE},
                                      {"cold", no_argument, NULL, OPTION_COLD},
                                      {"twice", no_argument, NULL, OPTION_TWICE},
                                      {"jobs", required_argument, NULL, 'j'},
                                      {"shard", required_argument, NULL, OPTION_SHARD},
                                      {"seed", required_argument, NULL, OPTION_SEED},
                                      {"plane", required_argument, NULL, OPTION_PLANE},
                                      {"wires", required_argument, NULL, OPTION_WIRES},
                                      {"accel", required_argument, NULL, OPTION_ACCEL},
                                      {"limit", required_argument, NULL, OPTION_LIMIT},
                                      {"bundle", required_argument, NULL, OPTION_BUNDLE},
                                      {"results", required_argument, NULL, OPTION_RESULTS},
                                      {"no-captures", no_argument, NULL, OPTION_NO_CAPTURES},
                                      {"evidence", no_argument, NULL, OPTION_EVIDENCE},
                                      {"json", no_argument, NULL, OPTION_JSON},
                                      {"help", no_argument, NULL, 'h'},
                                      {0}};

static int parse_accel(const char *text, struct run_options *options)
{
    if (!strcmp(text, "kvm"))
        options->session.accel = VC_ACCEL_KVM;
    else if (strcmp(text, "tcg") != 0) {
        fprintf(stderr, "vclab run: --accel %s: tcg or kvm\n", text);
        return -1;
    }
    return 0;
}

/* Options with a value; 0, or -1 after a message. */
static int parse_value(int option, const char *text, struct run_options *options)
{
    uint64_t number = 0;
    int failed = 0;

    switch (option) {
    case 'j':
        failed = parse_number("run", "jobs", text, 1, 256, &number);
        options->jobs = (unsigned)number;
        break;
    case OPTION_SHARD:
        return parse_shard("run", text, &options->shard, &options->shards);
    case OPTION_SEED:
        return parse_number("run", "seed", text, 0, INT64_MAX, &options->session.seed);
    case OPTION_ACCEL:
        return parse_accel(text, options);
    case OPTION_LIMIT:
        failed = parse_number("run", "limit", text, 1, 86400, &number);
        options->session.wall_limit_s = (unsigned)number;
        break;
    case OPTION_PLANE:
        options->session.plane = text;
        break;
    case OPTION_WIRES:
        options->session.wires = text;
        break;
    case OPTION_BUNDLE:
        options->bundle = text;
        break;
    default:
        options->session.results = text;
    }
    return failed;
}

/* Returns 0, 1 after --help, -1 after a message. `given` gets a bit for each option by its index in longs. */
static int parse(int argc, char **argv, struct run_options *options, unsigned *given)
{
    int c;

    *given = 0;
    while ((c = getopt_long(argc, argv, "hj:", longs, NULL)) != -1) {
        if (c == 'h' || c == '?') {
            fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 1 : -1;
        }
        for (unsigned i = 0; longs[i].name; i++)
            if (longs[i].val == c)
                *given |= 1U << i;
        options->session.sealed &= c != OPTION_LIVE;
        options->session.cold |= c == OPTION_COLD;
        options->session.captures &= c != OPTION_NO_CAPTURES;
        options->session.evidence |= c == OPTION_EVIDENCE;
        options->twice |= c == OPTION_TWICE;
        options->json |= c == OPTION_JSON;
        if (optarg && parse_value(c, optarg, options))
            return -1;
    }
    return 0;
}

/* Options that belong to one of the two ways to run. */
static const struct belonging {
    int option;
    bool sealed;
} belongings[] = {{OPTION_COLD, true},   {OPTION_TWICE, true},  {OPTION_ACCEL, true}, {OPTION_LIMIT, true},
                  {OPTION_BUNDLE, true}, {OPTION_PLANE, false}, {OPTION_WIRES, false}};

static int check(const struct run_options *options, unsigned given)
{
    for (size_t k = 0; k < VC_COUNT(belongings); k++)
        for (unsigned i = 0; longs[i].name; i++) {
            if (longs[i].val != belongings[k].option || !(given >> i & 1) ||
                belongings[k].sealed == options->session.sealed)
                continue;
            fprintf(stderr, "vclab run: --%s is %s\n", longs[i].name,
                    belongings[k].sealed ? "of sealed runs; take --live away" : "of live runs; add --live");
            return -1;
        }
    if (options->session.accel == VC_ACCEL_KVM && (options->twice || options->bundle)) {
        fprintf(stderr, "vclab run: %s needs virtual time, which --accel kvm has not\n",
                options->twice ? "--twice" : "--bundle");
        return -1;
    }
    return 0;
}

static void fill_defaults(struct run_options *options, unsigned given)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    for (unsigned i = 0; longs[i].name; i++)
        if (longs[i].val == OPTION_SEED && !(given >> i & 1))
            options->session.seed = options->session.sealed;
    if (!options->jobs)
        options->jobs = options->session.sealed && cores > 0 ? (unsigned)cores : 1;
    options->session.cold |= options->bundle != NULL;
}

static int run(struct run_options *options, char **args, int count, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct files files = {0};
    size_t job_count;

    if (find_files(args, count, &files, err))
        return -1;
    talloc_steal(ctx, files.paths);
    struct job *jobs = load_all(ctx, options, &files, &job_count, err);
    if (!jobs)
        return -1;
    if (!job_count)
        return 0;
    if (options->bundle && job_count > 1)
        return vc_fail(err, VC_EXIT_USAGE, 0, "vclab run: --bundle %s holds one run, and there are %zu scenarios",
                       options->bundle, job_count);
    if (job_count == 1)
        options->jobs = 1;
    struct session *session = session_open(ctx, &options->session, err);
    if (!session || skip_unplayable(session, jobs, job_count, files.count > 1, err))
        return -1;
    double began = now_s();
    VC_AUTO_JSON *last = job_count > 1 ? vc_suite_last(session->options.results, mode_of(options)) : NULL;
    jobs_estimate(jobs, job_count, last);
    if (jobs_run(options, session, jobs, job_count, err))
        return -1;
    return summarise(options, session, jobs, job_count, now_s() - began, err);
}

int vc_cmd_run(int argc, char **argv)
{
    struct run_options options = {.session = {.captures = true, .sealed = true}};
    VC_AUTO_ERROR *err = NULL;
    unsigned given;
    int parsed = parse(argc, argv, &options, &given);

    if (parsed)
        return parsed > 0 ? 0 : VC_EXIT_USAGE;
    if (optind == argc) {
        fputs(usage, stderr);
        return VC_EXIT_USAGE;
    }
    if (check(&options, given))
        return VC_EXIT_USAGE;
    fill_defaults(&options, given);
    int status = run(&options, argv + optind, argc - optind, &err);
    return status < 0 ? print_error(err) : status;
}
