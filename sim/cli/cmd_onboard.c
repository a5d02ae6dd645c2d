/* vclab onboard: from the form to a report that a partner and his customer can accept. */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/jobs.h"
#include "cli/numbers.h"
#include "report/acceptance.h"

static const char usage[] =
    "Usage: vclab onboard FORM [--out DIR] [--timers PROFILE] [--seed N] [--jobs N] [--as full-admin|read-only]\n"
    "                     [--ledger FILE] [--results DIR] [--only GLOB] [--live] [--list] [--json]\n"
    "\n"
    "Activates the order of the form, unless it is activated already, and tries it: nothing fails; each tunnel, "
    "router, "
    "CPE\n"
    "and line fails once; packets of every size; the planned calls, with both tunnels and on one. Each case is a "
    "scenario of\n"
    "the order's own topology (DIR/scenarios), played sealed; one report tells partner and customer what came of it:\n"
    "acceptance.html, acceptance.txt and acceptance.json in a result folder. docs/activation.md has more.\n"
    "  --out DIR         the order's files and scenarios (default FORM.order)\n"
    "  --timers PROFILE  tuned, service, keepalive, bfd, only-bfd (default tuned; service without GRE keepalives)\n"
    "  --seed N          of the runs, and of keys and passwords that are still to be made (default 1; keys: the "
    "kernel's\n"
    "                    random numbers)\n"
    "  --jobs N          so many labs side by side (default: sealed one for each core)\n"
    "  --as, --ledger    as for vclab activate\n"
    "  --results DIR     where the runs and the report go (default results)\n"
    "  --only GLOB       tries only cases of such names (baseline, 'tunnel-*'), which is no acceptance\n"
    "  --live            on this host's kernel, in real time, as root; one lab at a time unless --jobs says otherwise\n"
    "  --list            writes and names the cases, plays none\n"
    "  --json            the report for programs on stdout\n"
    "\n"
    "Exit status: 0 accepted, 1 not accepted, 2 bad usage or a form that is refused, 3 this host cannot, 4 "
    "inconclusive,\n"
    "130 interrupted.\n";

struct onboard_options {
    const char *form, *out, *timers, *role, *ledger, *only;
    struct run_options run;
    bool seeded, list, json;
};

struct onboarding {
    const struct onboard_options *options;
    struct vc_order *order;
    const struct vc_acceptance *acceptance;
    const char *out;
    struct job *jobs;
    size_t told;
};

/* ---- the order ---- */

static int activate(void *ctx, struct onboarding *o, vc_error **err)
{
    const struct onboard_options *options = o->options;
    const struct vc_form *form = vc_form_load(ctx, options->form, options->role, err);
    const char *file = options->ledger ? options->ledger : form ? vc_ledger_default(ctx, err) : NULL;
    struct vc_ledger *ledger = form && file ? vc_ledger_open(ctx, file, VC_LEDGER_WRITE, err) : NULL;
    struct vc_activation_options how = {.role = options->role, .again = true};

    if (!ledger)
        return -1;
    o->out = options->out ? options->out : vc_activation_folder(ctx, form);
    how.out = o->out;
    how.seed = options->seeded ? &options->run.session.seed : NULL;
    o->order = vc_activate(ctx, ledger, options->form, &how, err);
    return o->order ? 0 : -1;
}

/* ---- its scenarios ---- */

static const char *write_scenario(void *ctx, const char *folder, const struct vc_acceptance_case *c, vc_error **err)
{
    const char *file = talloc_asprintf(ctx, "%s/%s.yaml", folder, c->scenario);
    VC_AUTO_FILE *out = fopen(file, "we");

    if (out && fputs(c->text, out) >= 0 && fflush(out) == 0)
        return file;
    vc_fail(err, VC_EXIT_HOST, errno, "cannot write %s (make room or choose another folder with --out)", file);
    return NULL;
}

static int write_scenarios(void *ctx, struct onboarding *o, vc_error **err)
{
    const char *folder = talloc_asprintf(ctx, "%s/scenarios", o->out);
    const char *topology = talloc_asprintf(ctx, "../%s.yaml", o->order->form->name);

    o->acceptance = vc_acceptance_make(ctx, o->order, o->options->timers, topology);
    o->jobs = talloc_zero_array(ctx, struct job, (unsigned)o->acceptance->count);
    if (mkdir(folder, 0755) < 0 && errno != EEXIST)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot make the folder %s (choose another with --out)", folder);
    for (size_t i = 0; i < o->acceptance->count; i++) {
        const char *file = write_scenario(ctx, folder, &o->acceptance->cases[i], err);

        if (!file)
            return -1;
        o->jobs[i].scenario =
            vc_scenario_load(ctx, file, session_folder(ctx, "topologies"), session_folder(ctx, "nodes"), err);
        if (!o->jobs[i].scenario)
            return -1;
        if (o->options->list)
            printf("%s  %s\n", file, o->acceptance->cases[i].title);
    }
    return 0;
}

/* ---- playing ---- */

static void on_done(void *arg, struct job *job)
{
    struct onboarding *o = arg;
    const struct vc_acceptance_case *c = &o->acceptance->cases[job - o->jobs];

    o->told++;
    fprintf(stderr, "%zu/%zu %s: %s\n", o->told, o->acceptance->count, c->title,
            job->status == VC_EXIT_PASS           ? "as promised"
            : job->status == VC_EXIT_INTERRUPTED  ? "interrupted"
            : job->status == VC_EXIT_INCONCLUSIVE ? "not shown: this host was too slow"
                                                  : "not as promised");
}

static bool interrupted(const struct onboarding *o)
{
    bool found = false;

    for (size_t i = 0; i < o->acceptance->count; i++)
        found = found || (!o->jobs[i].skipped && (!o->jobs[i].started || o->jobs[i].status == VC_EXIT_INTERRUPTED));
    return found;
}

static int play(void *ctx, struct onboarding *o, vc_error **err)
{
    struct run_options options = o->options->run;
    struct session *session = session_open(ctx, &options.session, err);

    if (!session)
        return -1;
    for (size_t i = 0; i < o->acceptance->count; i++) {
        VC_AUTO_ERROR *why = NULL;

        if (o->options->only && fnmatch(o->options->only, o->acceptance->cases[i].name, 0))
            o->jobs[i].skipped = talloc_strdup(ctx, "left out by --only");
        else if (session_can_play(session, o->jobs[i].scenario, &why))
            o->jobs[i].skipped = talloc_strdup(ctx, why->message);
    }
    options.on_done = on_done;
    options.on_done_arg = o;
    options.session.results = session->options.results;
    jobs_estimate(o->jobs, o->acceptance->count, NULL);
    return jobs_run(&options, session, o->jobs, o->acceptance->count, err);
}

static int report(void *ctx, const struct onboarding *o, double wall_s, vc_error **err)
{
    const char **results = talloc_zero_array(ctx, const char *, (unsigned)o->acceptance->count);
    const char **skipped = talloc_zero_array(ctx, const char *, (unsigned)o->acceptance->count);
    const char *where = o->options->run.session.results;

    for (size_t i = 0; i < o->acceptance->count; i++) {
        results[i] = o->jobs[i].result;
        skipped[i] = o->jobs[i].skipped;
    }
    VC_AUTO_JSON *order = vc_activation_document(o->order, VC_VIEW_EXPORT);
    VC_AUTO_JSON *document = vc_acceptance_document(order, o->acceptance, results, skipped, wall_s);
    const char *folder = vc_acceptance_write(ctx, where ? where : session_folder(ctx, "results"), document, err);
    if (!folder)
        return -1;
    if (o->options->json) {
        json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
        puts("");
    } else {
        fputs(vc_acceptance_text(ctx, document), stdout);
    }
    fprintf(stderr, "report: %s/acceptance.html\n", folder);
    return vc_acceptance_status(document);
}

static int onboard(const struct onboard_options *options, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct onboarding o = {.options = options};
    double began = now_s();

    if (activate(ctx, &o, err) || write_scenarios(ctx, &o, err))
        return -1;
    if (options->list)
        return VC_EXIT_PASS;
    if (play(ctx, &o, err))
        return -1;
    /* Half an acceptance is none. */
    return interrupted(&o) ? VC_EXIT_INTERRUPTED : report(ctx, &o, now_s() - began, err);
}

/* ---- command line ---- */

enum {
    OPTION_OUT = 256,
    OPTION_TIMERS,
    OPTION_SEED,
    OPTION_AS,
    OPTION_LEDGER,
    OPTION_RESULTS,
    OPTION_ONLY,
    OPTION_LIVE,
    OPTION_LIST,
    OPTION_JSON
};

static const struct option longs[] = {{"out", required_argument, NULL, OPTION_OUT},
                                      {"timers", required_argument, NULL, OPTION_TIMERS},
                                      {"seed", required_argument, NULL, OPTION_SEED},
                                      {"jobs", required_argument, NULL, 'j'},
                                      {"as", required_argument, NULL, OPTION_AS},
                                      {"ledger", required_argument, NULL, OPTION_LEDGER},
                                      {"results", required_argument, NULL, OPTION_RESULTS},
                                      {"only", required_argument, NULL, OPTION_ONLY},
                                      {"live", no_argument, NULL, OPTION_LIVE},
                                      {"list", no_argument, NULL, OPTION_LIST},
                                      {"json", no_argument, NULL, OPTION_JSON},
                                      {"help", no_argument, NULL, 'h'},
                                      {0}};

static bool is_one_of(const char *text, const char *const *words)
{
    while (*words && strcmp(*words, text) != 0)
        words++;
    return *words;
}

/* Options with a value; 0, or -1 after a message. */
static int parse_value(int option, const char *text, struct onboard_options *options)
{
    static const char *const roles[] = {"full-admin", "read-only", NULL};
    const struct {
        int option;
        const char **to, *name;
        const char *const *words;
    } texts[] = {{OPTION_OUT, &options->out, "out", NULL},
                 {OPTION_LEDGER, &options->ledger, "ledger", NULL},
                 {OPTION_ONLY, &options->only, "only", NULL},
                 {OPTION_RESULTS, &options->run.session.results, "results", NULL},
                 {OPTION_TIMERS, &options->timers, "timers", vc_acceptance_timers},
                 {OPTION_AS, &options->role, "as", roles}};
    uint64_t number = 0;

    if (option == OPTION_SEED)
        return parse_number("onboard", "seed", text, 0, INT64_MAX, &options->run.session.seed);
    if (option == 'j') {
        int failed = parse_number("onboard", "jobs", text, 1, 256, &number);
        options->run.jobs = (unsigned)number;
        return failed;
    }
    for (size_t i = 0; i < VC_COUNT(texts); i++) {
        if (texts[i].option != option)
            continue;
        *texts[i].to = text;
        if (texts[i].words && !is_one_of(text, texts[i].words)) {
            fprintf(stderr, "vclab onboard: --%s %s; allowed:", texts[i].name, text);
            for (const char *const *word = texts[i].words; *word; word++)
                fprintf(stderr, "%s %s", word == texts[i].words ? "" : ",", *word);
            fputs("\n", stderr);
            return -1;
        }
    }
    return 0;
}

/* 0; 1 after the help, or -1 after a message. */
static int parse(int argc, char **argv, struct onboard_options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    for (int option; (option = getopt_long(argc, argv, "hj:", longs, NULL)) != -1;) {
        if (option == 'h')
            return fputs(usage, stdout) < 0 ? -1 : 1;
        if (option == '?' || (optarg && parse_value(option, optarg, options)))
            return -1;
        options->seeded |= option == OPTION_SEED;
        options->run.session.sealed &= option != OPTION_LIVE;
        options->list |= option == OPTION_LIST;
        options->json |= option == OPTION_JSON;
    }
    if (optind + 1 != argc) {
        fputs(usage, stderr);
        return -1;
    }
    options->form = argv[optind];
    if (!options->run.jobs)
        options->run.jobs = options->run.session.sealed && cores > 0 ? (unsigned)cores : 1;
    return 0;
}

int vc_cmd_onboard(int argc, char **argv)
{
    struct onboard_options options = {.run = {.session = {.sealed = true, .quiet = true, .seed = 1}}};
    VC_AUTO_ERROR *err = NULL;
    int parsed = parse(argc, argv, &options);

    if (parsed)
        return parsed > 0 ? VC_EXIT_PASS : VC_EXIT_USAGE;
    int status = onboard(&options, &err);
    return status < 0 ? print_error(err) : status;
}
