/* vclab onboard: from the form to a report that a partner and his customer can accept. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/numbers.h"
#include "cli/onboard.h"
#include "report/report.h"

static const char usage[] =
    "Usage: vclab onboard FORM [--cpe FILE [--node CPE]]... [--out DIR] [--timers PROFILE] [--seed N] [--jobs N]\n"
    "                     [--as full-admin|read-only] [--ledger FILE] [--results DIR] [--only GLOB]\n"
    "                     [--failures GLOB] [--live] [--list] [--json]\n"
    "\n"
    "Activates the order of the form, unless it is activated already, and tries it: nothing fails; each tunnel, "
    "router, CPE\n"
    "and line is lost; every single element of the lab fails by itself; packets of the sizes that matter; the planned "
    "calls,\n"
    "with both tunnels and on each alone. Each case is a scenario of the order's own topology (DIR/scenarios) or of "
    "its sweep,\n"
    "played sealed; one report tells partner and customer what came of it: acceptance.html, acceptance.txt and\n"
    "acceptance.json in a result folder. docs/activation.md has more.\n"
    "  --cpe FILE        the customer's own running-config (IOS-XE) is tried in place of the one that was ordered; "
    "once "
    "for\n"
    "                    each CPE\n"
    "  --node CPE        whose it is; default: the CPE that it looks like\n"
    "  --out DIR         the order's files and scenarios (default FORM.order)\n"
    "  --timers PROFILE  tuned, service, keepalive, bfd, only-bfd (default tuned; service without GRE keepalives)\n"
    "  --seed N          of the runs (default 1); the order's keys are random all the same\n"
    "  --jobs N          so many labs side by side (default: sealed one for each core)\n"
    "  --as, --ledger    as for vclab activate\n"
    "  --results DIR     where the runs and the report go (default results)\n"
    "  --only GLOB       tries only cases of such names (baseline, 'tunnel-*', '@(wan|voice)'), which is no "
    "acceptance\n"
    "  --failures GLOB   of each-failure only elements of such names ('node/*'), which is none either\n"
    "  --live            on this host's kernel, in real time, as root; one lab at a time unless --jobs says otherwise\n"
    "  --list            activates, writes and names the cases and each single failure, plays none\n"
    "  --json            the report for programs on stdout\n"
    "\n"
    "Exit status: 0 accepted, 1 not accepted, 2 bad usage or a form that is refused, 3 this host cannot, 4 "
    "inconclusive,\n"
    "130 interrupted.\n";

/* ---- the order ---- */

static int activate(void *ctx, struct onboarding *o, vc_error **err)
{
    const struct onboard_options *options = o->options;
    const struct vc_form *form = vc_form_load(ctx, options->form, options->role, err);
    const char *file = options->ledger ? options->ledger : form ? vc_ledger_default(ctx, err) : NULL;
    struct vc_ledger *ledger = form && file ? vc_ledger_open(ctx, file, VC_LEDGER_WRITE, err) : NULL;
    /* Without a seed: the runs' would make the keys of a customer's order as easy to guess as it is. */
    struct vc_activation_options how = {.role = options->role, .again = true};

    if (!ledger)
        return -1;
    o->out = options->out ? options->out : vc_activation_folder(ctx, form);
    how.out = o->out;
    o->order = vc_activate_form(ctx, ledger, form, &how, err);
    if (!o->order)
        return -1;
    o->topology = talloc_asprintf(ctx, "%s/%s.yaml", o->out, o->order->form->name);
    return 0;
}

/* ---- its scenarios ---- */

const char *onboard_put(void *ctx, const char *folder, const char *name, const char *text, vc_error **err)
{
    const char *file = talloc_asprintf(ctx, "%s/%s.yaml", folder, name);
    VC_AUTO_TALLOC char *draft = talloc_asprintf(NULL, "%s/.%s.XXXXXX", folder, name);
    VC_AUTO_FD fd = mkostemp(draft, O_CLOEXEC);
    size_t size = strlen(text);
    bool made = fd >= 0;

    if (made && fchmod(fd, 0644) == 0 && write(fd, text, size) == (ssize_t)size && close(VC_STEAL_FD(fd)) == 0 &&
        rename(draft, file) == 0) {
        vc_result_give(file);
        return file;
    }
    int errnum = errno;
    if (made)
        unlink(draft);
    vc_fail(err, VC_EXIT_HOST, errnum, "cannot write %s (make room or choose another folder with --out)", file);
    return NULL;
}

/* The document that the scenarios are about, by its name beside their folder. */
static int make_cases(void *ctx, struct onboarding *o, vc_error **err)
{
    size_t given = o->options->cpe_count;
    const char *own = given > 1 ? "-own2" : given ? "-own" : "";
    const char *topology = talloc_asprintf(ctx, "../%s%s.yaml", o->order->form->name, own);

    o->acceptance = vc_acceptance_make(ctx, o->order, o->options->timers, topology, err);
    if (!o->acceptance)
        return -1;
    o->cases = talloc_zero_array(ctx, struct onboard_case, (unsigned)o->acceptance->count);
    for (size_t i = 0; i < o->acceptance->count; i++)
        o->cases[i].what = &o->acceptance->cases[i];
    return 0;
}

static int write_scenarios(void *ctx, struct onboarding *o, vc_error **err)
{
    const char *folder = talloc_asprintf(ctx, "%s/scenarios", o->out);

    if (mkdir(folder, 0755) < 0 && errno != EEXIST)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot make the folder %s (choose another with --out)", folder);
    vc_result_give(folder);
    for (size_t i = 0; i < o->acceptance->count; i++) {
        struct onboard_case *c = &o->cases[i];

        if (!c->what->scenario)
            continue;
        c->file = onboard_put(ctx, folder, c->what->scenario, c->what->text, err);
        c->scenario = c->file ? vc_scenario_load(ctx, c->file, session_folder(ctx, "topologies"),
                                                 session_folder(ctx, "nodes"), err)
                              : NULL;
        if (!c->scenario)
            return -1;
    }
    return 0;
}

static int list_cases(const struct onboarding *o, const char *failures)
{
    for (size_t i = 0; i < o->acceptance->count; i++) {
        const struct vc_acceptance_case *c = o->cases[i].what;

        if (c->scenario)
            printf("%s  %s\n", o->cases[i].file, c->title);
        else
            printf("vclab sweep %s --timers %s  %s:\n%s", o->topology, o->acceptance->timers, c->title, failures);
    }
    return VC_EXIT_PASS;
}

/* ---- the report ---- */

static int report(void *ctx, const struct onboarding *o, double wall_s, vc_error **err)
{
    const char *where = o->options->run.session.results;
    VC_AUTO_JSON *order = vc_activation_document(o->order, VC_VIEW_EXPORT);
    VC_AUTO_JSON *rows = json_array();

    for (size_t i = 0; i < o->acceptance->count; i++)
        json_array_append(rows, o->cases[i].row);
    VC_AUTO_JSON *document = vc_acceptance_document(order, o->acceptance, rows, o->cpes, wall_s);
    const char *folder = vc_acceptance_write(ctx, where ? where : session_folder(ctx, "results"), document, err);
    if (!folder)
        return -1;
    fprintf(stderr, "report: %s/acceptance.html\n", folder);
    if (!o->options->json)
        fputs(vc_acceptance_text(ctx, document), stdout);
    else if (!json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15)))
        putchar('\n');
    return vc_acceptance_status(document);
}

static int onboard_with(void *ctx, struct onboarding *o, vc_error **err)
{
    double began = now_s();

    if (activate(ctx, o, err) || make_cases(ctx, o, err) || onboard_import(ctx, o, err) || write_scenarios(ctx, o, err))
        return -1;
    /* What is wrong with --failures is said before anything is played. */
    const char *failures = onboard_failures_list(ctx, o, err);
    if (!failures)
        return -1;
    if (o->options->list)
        return list_cases(o, failures);
    if (onboard_play(ctx, o, err))
        return -1;
    /* Half an acceptance is none. */
    return o->interrupted ? VC_EXIT_INTERRUPTED : report(ctx, o, now_s() - began, err);
}

static int onboard(const struct onboard_options *options, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *cpes = json_array();
    struct onboarding o = {.options = options, .cpes = cpes};
    int status = onboard_with(ctx, &o, err);

    for (size_t i = 0; o.cases && i < o.acceptance->count; i++)
        json_decref(o.cases[i].row);
    if (status >= 0 && (fflush(stdout) == EOF || ferror(stdout)))
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot write to standard output");
    return status;
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
    OPTION_FAILURES,
    OPTION_CPE,
    OPTION_NODE,
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
                                      {"failures", required_argument, NULL, OPTION_FAILURES},
                                      {"cpe", required_argument, NULL, OPTION_CPE},
                                      {"node", required_argument, NULL, OPTION_NODE},
                                      {"live", no_argument, NULL, OPTION_LIVE},
                                      {"list", no_argument, NULL, OPTION_LIST},
                                      {"json", no_argument, NULL, OPTION_JSON},
                                      {"help", no_argument, NULL, 'h'},
                                      {0}};

static const char *role_name(size_t i)
{
    static const char *const roles[] = {"full-admin", "read-only", NULL};

    return roles[i];
}

/* 0, or -1 after a message that has all the words. */
static int check_word(const char *option, const char *text, const char *(*word)(size_t i))
{
    const char *name;

    for (size_t i = 0; (name = word(i)); i++)
        if (!strcmp(name, text))
            return 0;
    fprintf(stderr, "vclab onboard: --%s %s; allowed:", option, text);
    for (size_t i = 0; (name = word(i)); i++)
        fprintf(stderr, "%s %s", i ? "," : "", name);
    fputs("\n", stderr);
    return -1;
}

static int add_cpe(const char *text, struct onboard_options *options)
{
    if (options->cpe_count == VC_FORM_CPES) {
        fprintf(stderr, "vclab onboard: --cpe %s; allowed: once for each CPE, of which an order has %d at most\n", text,
                VC_FORM_CPES);
        return -1;
    }
    options->cpes[options->cpe_count++] = text;
    return 0;
}

/* Options with a value; 0, or -1 after a message. */
static int parse_value(int option, const char *text, struct onboard_options *options)
{
    const struct {
        int option;
        const char **to, *name;
        const char *(*word)(size_t i); /* NULL: anything */
    } texts[] = {{OPTION_OUT, &options->out, "out", NULL},
                 {OPTION_LEDGER, &options->ledger, "ledger", NULL},
                 {OPTION_ONLY, &options->only, "only", NULL},
                 {OPTION_FAILURES, &options->failures, "failures", NULL},
                 {OPTION_NODE, &options->node, "node", NULL},
                 {OPTION_RESULTS, &options->run.session.results, "results", NULL},
                 {OPTION_TIMERS, &options->timers, "timers", vc_acceptance_timers},
                 {OPTION_AS, &options->role, "as", role_name}};
    uint64_t number = 0;

    if (option == OPTION_SEED)
        return parse_number("onboard", "seed", text, 0, INT64_MAX, &options->run.session.seed);
    if (option == 'j') {
        int failed = parse_number("onboard", "jobs", text, 1, 256, &number);
        options->run.jobs = (unsigned)number;
        return failed;
    }
    if (option == OPTION_CPE)
        return add_cpe(text, options);
    for (size_t i = 0; i < VC_COUNT(texts); i++) {
        if (texts[i].option != option)
            continue;
        *texts[i].to = text;
        if (texts[i].word)
            return check_word(texts[i].name, text, texts[i].word);
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
        options->run.session.sealed &= option != OPTION_LIVE;
        options->list |= option == OPTION_LIST;
        options->json |= option == OPTION_JSON;
    }
    if (optind + 1 != argc) {
        fputs(usage, stderr);
        return -1;
    }
    if (options->node && options->cpe_count != 1) {
        fputs("vclab onboard: --node says whose the one --cpe is; of two each is the CPE that it looks like\n", stderr);
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
