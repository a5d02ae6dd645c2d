/* vclab run: plays scenarios, several side by side, and ends with the worst verdict. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "report/report.h"

static const char usage[] =
    "Usage: vclab run --live SCENARIO|DIR... [--jobs N] [--shard I/N] [--seed N] [--plane auto|kernel|user] [--results "
    "DIR] [--no-captures] [--json]\n"
    "\n"
    "Plays each scenario in a lab of its own and prints its story; the result folder keeps the evidence.\n"
    "  --live         namespaces on this host, real time\n"
    "  --jobs N       so many labs side by side (default 1)\n"
    "  --shard I/N    only every Nth scenario, beginning with the Ith\n"
    "  --plane        kernel: ip_gre and xfrm; user: libipsec and vclab's GRE; auto: kernel where the host has it\n"
    "  --json         run.json of each run on stdout, in an array\n"
    "\n"
    "Exit status: 0 pass, 1 fail or error, 2 bad usage or file, 3 this host cannot, 4 inconclusive, 130 interrupted: "
    "the worst of all runs.\n";

struct options {
    struct session_options session;
    bool live, json;
    unsigned jobs, shard, shards;
};

struct job {
    struct vc_scenario *scenario;
    pid_t pid;
    int status;
    char *result;
};

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
static struct job *load_all(void *ctx, const struct options *options, const struct files *files, size_t *count,
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

/* ---- running ---- */

static int play(struct session *session, struct job *job)
{
    VC_AUTO_ERROR *err = NULL;
    int status = session_run(job->scenario, session, job->scenario, NULL, NULL, &job->result, &err);

    if (status >= 0)
        return status;
    vc_wrap(&err, "%s", job->scenario->name);
    return print_error(err);
}

/* The folder's name comes back through a pipe; the worker dies with vclab, and its lab with it. */
static int start_worker(struct session *session, struct job *job, int *name_fd, vc_error **err)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC))
        return vc_fail(err, VC_EXIT_FAIL, errno, "starting a run");
    fflush(NULL);
    job->pid = fork();
    if (job->pid < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "starting a run");
    if (!job->pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        session->options.label = job->scenario->name;
        int status = play(session, job);
        if (job->result)
            (void)!write(fds[1], job->result, strlen(job->result));
        _exit(status);
    }
    close(fds[1]);
    *name_fd = fds[0];
    return 0;
}

static void tell(const struct options *options, const struct job *job)
{
    VC_AUTO_ERROR *err = NULL;

    if (!job->result || options->json)
        return;
    if (vc_story_write(stdout, job->result, false, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"), &err))
        print_error(err);
    printf("  result: %s\n\n", job->result);
    fflush(stdout);
}

static void finish_worker(const struct options *options, struct job *job, int name_fd, int wait_status)
{
    char name[4096];
    ssize_t n = read(name_fd, name, sizeof name);

    close(name_fd);
    job->pid = -1;
    job->status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : VC_EXIT_FAIL;
    if (n > 0)
        job->result = talloc_strndup(job->scenario, name, (size_t)n);
    tell(options, job);
}

/* The runs that are over now; returns how many. Nothing more is started after one that was interrupted. */
static size_t reap(const struct options *options, struct job *jobs, size_t started, const int *fds, bool *stop)
{
    size_t ended = 0;
    int wait_status;
    pid_t pid;

    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0)
        for (size_t i = 0; i < started; i++)
            if (jobs[i].pid == pid) {
                finish_worker(options, &jobs[i], fds[i], wait_status);
                *stop = *stop || jobs[i].status == VC_EXIT_INTERRUPTED;
                ended++;
            }
    return ended;
}

static void pass_on(const struct job *jobs, size_t started, int signal)
{
    for (size_t i = 0; i < started; i++)
        if (jobs[i].pid > 0)
            kill(jobs[i].pid, signal);
}

static int run_side_by_side(const struct options *options, struct session *session, struct job *jobs, size_t count,
                            vc_error **err)
{
    VC_AUTO_TALLOC int *fds = talloc_zero_array(NULL, int, count);
    size_t next = 0, running = 0;
    bool stop = false;
    sigset_t watched;

    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGTERM);
    sigaddset(&watched, SIGINT);
    sigprocmask(SIG_BLOCK, &watched, NULL); /* the workers block the last two themselves and end in order */
    while ((next < count && !stop) || running) {
        while (next < count && !stop && running < options->jobs) {
            if (start_worker(session, &jobs[next], &fds[next], err))
                return -1;
            next++;
            running++;
        }
        int signal = sigwaitinfo(&watched, NULL);
        if (signal == SIGTERM || signal == SIGINT) {
            stop = true;
            pass_on(jobs, next, SIGTERM);
        }
        running -= reap(options, jobs, next, fds, &stop);
    }
    return 0;
}

static int run_all(const struct options *options, struct session *session, struct job *jobs, size_t count,
                   vc_error **err)
{
    if (count > 1 || options->jobs > 1)
        return run_side_by_side(options, session, jobs, count, err);
    jobs[0].status = play(session, &jobs[0]);
    tell(options, &jobs[0]);
    return 0;
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

static int summarise(const struct options *options, const struct job *jobs, size_t count)
{
    VC_AUTO_JSON *all = json_array();
    size_t worst = 0, passed = 0;

    for (size_t i = 0; i < count; i++) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/run.json", jobs[i].result ? jobs[i].result : "");
        json_t *run = json_load_file(path, 0, NULL);
        if (run)
            json_array_append_new(all, run);
        passed += jobs[i].status == VC_EXIT_PASS;
        worst = gravity_of(jobs[i].status) > worst ? gravity_of(jobs[i].status) : worst;
    }
    if (options->json) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        puts("");
    } else if (count > 1) {
        printf("%zu of %zu scenarios pass\n", passed, count);
        for (size_t i = 0; i < count; i++)
            if (jobs[i].status != VC_EXIT_PASS)
                printf("  not passed: %s (exit status %d)%s%s\n", jobs[i].scenario->name, jobs[i].status,
                       jobs[i].result ? ", " : "", jobs[i].result ? jobs[i].result : "");
    }
    return gravity[worst];
}

/* ---- command line ---- */

static int parse_number(const char *name, const char *text, unsigned long long max, unsigned long long *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 0);
    if (!errno && *text && *text != '-' && !*end && *out <= max)
        return 0;
    fprintf(stderr, "vclab run: --%s %s: a number up to %llu is wanted\n", name, text, max);
    return -1;
}

static int parse(int argc, char **argv, struct options *options)
{
    static const struct option longs[] = {
        {"live", no_argument, NULL, 'l'},        {"jobs", required_argument, NULL, 'j'},
        {"shard", required_argument, NULL, 's'}, {"seed", required_argument, NULL, 'S'},
        {"plane", required_argument, NULL, 'p'}, {"results", required_argument, NULL, 'r'},
        {"no-captures", no_argument, NULL, 'n'}, {"json", no_argument, NULL, 'J'},
        {"help", no_argument, NULL, 'h'},        {0}};
    unsigned long long number;
    int c;

    while ((c = getopt_long(argc, argv, "hj:", longs, NULL)) != -1) {
        switch (c) {
        case 'l':
            options->live = true;
            break;
        case 'j':
            if (parse_number("jobs", optarg, 256, &number) || !number)
                return -1;
            options->jobs = (unsigned)number;
            break;
        case 's':
            if (sscanf(optarg, "%u/%u", &options->shard, &options->shards) != 2 || !options->shard ||
                options->shard > options->shards) {
                fprintf(stderr, "vclab run: --shard %s: I/N is wanted, 1 <= I <= N\n", optarg);
                return -1;
            }
            break;
        case 'S':
            if (parse_number("seed", optarg, INT64_MAX, &number))
                return -1;
            options->session.seed = number;
            break;
        case 'p':
            options->session.plane = optarg;
            break;
        case 'r':
            options->session.results = optarg;
            break;
        case 'n':
            options->session.captures = false;
            break;
        case 'J':
            options->json = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return 1;
        default:
            fputs(usage, stderr);
            return -1;
        }
    }
    return 0;
}

static int run(const struct options *options, char **args, int count, vc_error **err)
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
    struct session *session = session_open(ctx, &options->session, err);
    if (!session || run_all(options, session, jobs, job_count, err))
        return -1;
    return summarise(options, jobs, job_count);
}

int vc_cmd_run(int argc, char **argv)
{
    struct options options = {.session = {.captures = true}, .jobs = 1};
    VC_AUTO_ERROR *err = NULL;
    int parsed = parse(argc, argv, &options);

    if (parsed)
        return parsed > 0 ? 0 : VC_EXIT_USAGE;
    if (optind == argc) {
        fputs(usage, stderr);
        return VC_EXIT_USAGE;
    }
    if (!options.live) {
        fputs("vclab run: sealed runs are not part of this version; add --live to run on this host\n", stderr);
        return VC_EXIT_USAGE;
    }
    int status = run(&options, argv + optind, argc - optind, &err);
    return status < 0 ? print_error(err) : status;
}
