/* vclab bench: measures what is promised, prints a table, keeps bench.json and compares it with an earlier one. */
#include <getopt.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/commands.h"
#include "cli/numbers.h"

static const char usage[] =
    "Usage: vclab bench [NAME...] [--runs N] [--seed N] [--json] [--compare FILE] [--results DIR] "
    "[--plane auto|kernel|user]\n                   [--wires auto|netem|ns3|veth] [--timers PROFILE]\n"
    "\n"
    "Measures this machine. Live, as root: bring-up, ten-labs, failover, throughput (10 runs each), wires. Sealed: "
    "sealed-cold,\n"
    "sealed-warm, sealed-24h, sealed-suite, sealed-same, doctor (200 runs in which nothing is wrong, drawn by --seed; "
    "as root its live\n"
    "answer too). Simulated: planner. Default: all. The figures go to results/bench.json and are\n"
    "compared with FILE, by default with the bench.json that was there. Exit status: 0 every target met, 1 one "
    "missed.\n";

struct options {
    struct session_options session;
    unsigned runs;
    uint64_t seed;
    bool json;
    const char *compare;
};

void bench_record(struct bench *bench, const char *name, const char *metric, double value)
{
    VC_AUTO_TALLOC char *key = talloc_asprintf(NULL, "%s.%s", name, metric);
    json_t *samples = json_object_get(bench->samples, key);

    if (!samples) {
        samples = json_array();
        json_object_set_new(bench->samples, key, samples);
    }
    json_array_append_new(samples, json_real(value));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* {"bench", "metric", "unit", "runs", "min", "median", "max", "target", "met", "samples"}, or NULL when it was not
 * measured. */
static json_t *summary(const struct bench *bench, const struct bench_metric *metric)
{
    VC_AUTO_TALLOC char *key = talloc_asprintf(NULL, "%s.%s", metric->bench, metric->name);
    json_t *samples = json_object_get(bench->samples, key);
    size_t count = json_array_size(samples);
    VC_AUTO_TALLOC double *sorted = talloc_array(NULL, double, count + 1);

    if (!count)
        return NULL;
    for (size_t i = 0; i < count; i++)
        sorted[i] = json_real_value(json_array_get(samples, i));
    qsort(sorted, count, sizeof *sorted, by_value);
    double median = count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
    bool met = !(metric->target > 0) || (metric->higher ? median >= metric->target : median <= metric->target);
    return json_pack("{s:s, s:s, s:s, s:I, s:f, s:f, s:f, s:f, s:b, s:b, s:O}", "bench", metric->bench, "metric",
                     metric->name, "unit", metric->unit, "runs", (json_int_t)count, "min", sorted[0], "median", median,
                     "max", sorted[count - 1], "target", metric->target, "higher_is_better", metric->higher, "met", met,
                     "samples", samples);
}

static json_t *earlier(const json_t *before, const json_t *figure)
{
    json_t *old;
    size_t i;

    json_array_foreach(
        json_object_get(before, "figures"), i,
        old) if (json_equal(json_object_get(old, "bench"), json_object_get(figure, "bench")) &&
                 json_equal(json_object_get(old, "metric"), json_object_get(figure, "metric"))) return old;
    return NULL;
}

static void print_row(const json_t *figure, const json_t *before)
{
    double median = json_number_value(json_object_get(figure, "median"));
    double target = json_number_value(json_object_get(figure, "target"));
    const json_t *old = earlier(before, figure);
    double then = json_number_value(json_object_get(old, "median"));
    char wanted[32] = "-", change[32] = "";

    if (target > 0)
        snprintf(wanted, sizeof wanted, "%s %g",
                 json_is_true(json_object_get(figure, "higher_is_better")) ? ">=" : "<=", target);
    if (old && then > 0)
        snprintf(change, sizeof change, "%+.0f %% (was %.4g)", 100 * (median - then) / then, then);
    printf("%-12s %-17s %-8s %4lld %9.4g %9.4g %9.4g   %-8s %-6s %s\n",
           json_string_value(json_object_get(figure, "bench")), json_string_value(json_object_get(figure, "metric")),
           json_string_value(json_object_get(figure, "unit")),
           (long long)json_integer_value(json_object_get(figure, "runs")),
           json_number_value(json_object_get(figure, "min")), median, json_number_value(json_object_get(figure, "max")),
           wanted, target > 0 ? json_is_true(json_object_get(figure, "met")) ? "met" : "MISSED" : "", change);
}

static bool wanted(const struct bench_case *bench, char **names, int count)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(names[i], bench->name))
            return true;
    return !count;
}

/* Every case: the live ones, then the sealed, then the planner's. */
static const struct bench_case *case_at(size_t i)
{
    const struct {
        const struct bench_case *cases;
        size_t count;
    } groups[] = {{bench_cases, bench_case_count},
                  {bench_sealed_cases, bench_sealed_case_count},
                  {bench_planner_cases, bench_planner_case_count}};

    for (size_t g = 0; g < VC_COUNT(groups); g++) {
        if (i < groups[g].count)
            return &groups[g].cases[i];
        i -= groups[g].count;
    }
    return NULL;
}

static int check_names(char **names, int count, vc_error **err)
{
    VC_AUTO_TALLOC char *all = talloc_strdup(NULL, "");

    for (size_t c = 0; case_at(c); c++)
        all = talloc_asprintf_append(all, "%s%s", c ? ", " : "", case_at(c)->name);
    for (int i = 0; i < count; i++) {
        bool known = false;
        for (size_t c = 0; case_at(c); c++)
            known = known || !strcmp(names[i], case_at(c)->name);
        if (!known)
            return vc_fail(err, VC_EXIT_USAGE, 0, "vclab bench: no bench %s; there are %s", names[i], all);
    }
    return 0;
}

static bool live_wanted(char **names, int count)
{
    for (size_t c = 0; case_at(c); c++)
        if (!case_at(c)->sealed && wanted(case_at(c), names, count))
            return true;
    return false;
}

static int measure(struct bench *bench, const struct options *options, char **names, int count, vc_error **err)
{
    for (size_t c = 0; case_at(c); c++) {
        const struct bench_case *this = case_at(c);
        unsigned runs = options->runs ? options->runs : this->runs;
        if (!wanted(this, names, count))
            continue;
        bench->runs = runs;
        for (unsigned i = 0; i < (this->whole ? 1 : runs); i++) {
            fprintf(stderr, "%s %u/%u: %s\n", this->name, this->whole ? runs : i + 1, runs, this->what);
            if (this->run(bench, err))
                return vc_wrap(err, "bench %s", this->name);
        }
    }
    return 0;
}

static json_t *load_earlier(const char *file, const char *fallback)
{
    return json_load_file(file ? file : fallback, 0, NULL);
}

static const char *plane_of(const struct bench *bench)
{
    if (!bench->session)
        return "none";
    return bench->session->plane == VC_PLANE_KERNEL ? "kernel" : "user";
}

static int tell(const struct bench *bench, const struct options *options, const char *file, vc_error **err)
{
    VC_AUTO_JSON *before = load_earlier(options->compare, file);
    json_t *figures = json_array();
    VC_AUTO_JSON *doc = json_pack("{s:s, s:s, s:s, s:s, s:o}", "schema", "vclab.bench/1", "version", VCLAB_VERSION,
                                  "plane", plane_of(bench), "timers", bench->timers->name, "figures", figures);
    bool met = true;

    if (options->compare && !before)
        return vc_fail(err, VC_EXIT_USAGE, 0, "vclab bench: --compare %s: not a bench.json", options->compare);
    if (!options->json)
        printf("%-12s %-17s %-8s %4s %9s %9s %9s   %-8s\n", "bench", "figure", "unit", "runs", "min", "median", "max",
               "target");
    for (size_t i = 0; i < bench_metric_count; i++) {
        json_t *figure = summary(bench, &bench_metrics[i]);
        if (!figure)
            continue;
        json_array_append_new(figures, figure);
        met = met && json_is_true(json_object_get(figure, "met"));
        if (!options->json)
            print_row(figure, before);
    }
    if (options->json) {
        json_dumpf(doc, stdout, JSON_INDENT(2));
        puts("");
    }
    if (json_dump_file(doc, file, JSON_INDENT(2)))
        return vc_fail(err, VC_EXIT_FAIL, 0, "cannot write %s", file);
    return met ? VC_EXIT_PASS : VC_EXIT_FAIL;
}

static int run(const struct options *options, char **names, int count, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *samples = json_object();
    struct bench bench = {.samples = samples, .seed = options->seed};

    if (check_names(names, count, err))
        return -1;
    bench.results = options->session.results ? options->session.results : session_folder(ctx, "results");
    if (live_wanted(names, count) && !(bench.session = session_open(ctx, &options->session, err)))
        return -1;
    bench.topology = vc_topology_load(ctx, talloc_asprintf(ctx, "%s/two-cpe.yaml", session_folder(ctx, "topologies")),
                                      session_folder(ctx, "nodes"), err);
    bench.timers = bench.topology
                       ? vc_topology_timers(bench.topology, options->session.timers ? options->session.timers : "bfd")
                       : NULL;
    if (bench.topology && !bench.timers)
        return vc_fail(err, VC_EXIT_USAGE, 0, "vclab bench: no timers %s", options->session.timers);
    if (!bench.topology || measure(&bench, options, names, count, err))
        return -1;
    return tell(&bench, options, talloc_asprintf(ctx, "%s/bench.json", bench.results), err);
}

int vc_cmd_bench(int argc, char **argv)
{
    static const struct option longs[] = {
        {"runs", required_argument, NULL, 'n'},    {"seed", required_argument, NULL, 's'},
        {"json", no_argument, NULL, 'J'},          {"compare", required_argument, NULL, 'c'},
        {"results", required_argument, NULL, 'r'}, {"wires", required_argument, NULL, 'w'},
        {"plane", required_argument, NULL, 'p'},   {"timers", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},          {0}};
    struct options options = {.seed = 1};
    VC_AUTO_ERROR *err = NULL;
    uint64_t number;
    int c;

    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        switch (c) {
        case 'n':
            if (parse_number("bench", "runs", optarg, 1, 1000, &number))
                return VC_EXIT_USAGE;
            options.runs = (unsigned)number;
            break;
        case 's':
            if (parse_number("bench", "seed", optarg, 0, INT64_MAX, &options.seed))
                return VC_EXIT_USAGE;
            break;
        case 'J':
            options.json = true;
            break;
        case 'c':
            options.compare = optarg;
            break;
        case 'r':
            options.session.results = optarg;
            break;
        case 'p':
            options.session.plane = optarg;
            break;
        case 'w':
            options.session.wires = optarg;
            break;
        case 't':
            options.session.timers = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return VC_EXIT_USAGE;
        }
    }
    int status = run(&options, argv + optind, argc - optind, &err);
    return status < 0 ? print_error(err) : status;
}
