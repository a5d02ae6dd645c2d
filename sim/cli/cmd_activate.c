/* vclab activate: the activation form as a file, and the orders in the ledger. */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "activation/activation.h"
#include "cli/commands.h"
#include "cli/numbers.h"
#include "cli/session.h"

static const char usage[] =
    "Usage: vclab activate FORM [--out DIR] [--seed N] [--as full-admin|read-only] [--ledger FILE] [--json]\n"
    "       vclab activate --settings ORDER | --files ORDER [--out DIR] [--as ROLE] [--ledger FILE] [--json]\n"
    "       vclab activate --status [ORDER] | --export ORDER | --deactivate ORDER [--as ROLE] [--ledger FILE] "
    "[--json]\n"
    "\n"
    "What Control Hub's activation form does: checks the form by the service guide's rules (R8 to R18), allocates what "
    "Cisco\n"
    "allocates, and writes the topology that vclab check, run, sweep and up take. docs/activation.md describes the "
    "form.\n"
    "  FORM             a form, such as forms/accepted/two-cpe.yaml\n"
    "  --status         the orders of the ledger, or one: In-Progress, Activated (Cisco's side is done), Deactivated\n"
    "  --export         what may be passed on: everything but pre-shared keys and BGP passwords\n"
    "  --settings       with them: for a full admin's eyes; with --out into DIR instead, readable by you alone\n"
    "  --files          writes an order's files again\n"
    "  --deactivate     gives back what the order has; files that were written stay\n"
    "  --out DIR        where the files go (default FORM.order)\n"
    "  --seed N         keys and passwords derived from N, for labs and tests; else from the kernel's random numbers\n"
    "  --as ROLE        who asks, in place of the form's role; a read-only admin may look at the status and nothing "
    "else.\n"
    "                   It is taken at its word: the ledger's file mode is what keeps others out\n"
    "  --ledger FILE    default $XDG_STATE_HOME/vclab/ledger.sqlite; readable by you alone\n"
    "  --json           the result for programs\n"
    "\n"
    "Exit status: 0 done, 2 bad usage or a form that is refused, 3 this host cannot (the ledger, the disk).\n";

enum verb { VERB_ACTIVATE, VERB_STATUS, VERB_EXPORT, VERB_SETTINGS, VERB_FILES, VERB_DEACTIVATE, VERBS };

struct activate_options {
    enum verb verb;
    const char *word; /* the form or the order; NULL: none */
    const char *role, *ledger, *out;
    uint64_t seed;
    bool seeded, json;
};

static const struct activate_options defaults = {.verb = VERB_ACTIVATE};

/* ---- telling ---- */

static int tell(const json_t *document, const char *text, bool json, vc_error **err)
{
    int failed = json ? json_dumpf(document, stdout, JSON_INDENT(2)) || puts("") < 0 : fputs(text, stdout) < 0;

    return failed || fflush(stdout) ? vc_fail(err, VC_EXIT_HOST, errno, "cannot write to stdout") : 0;
}

static int tell_view(const struct vc_order *order, enum vc_view view, bool json, vc_error **err)
{
    VC_AUTO_JSON *document = vc_activation_document(order, view);
    VC_AUTO_TALLOC char *text = vc_activation_text(NULL, document);

    return tell(document, text, json, err);
}

static const char *out_of(void *ctx, const struct activate_options *options, const struct vc_form *form)
{
    return options->out ? options->out : vc_activation_folder(ctx, form);
}

static void tell_files(const char *out, const struct vc_order *order)
{
    const char *name = order->form->name;

    fprintf(stderr,
            "topology %s/%s.yaml, with keys (yours alone) %s/%s-keys.yaml, settings (yours alone) "
            "%s/%s.settings, export %s/%s.export\n",
            out, name, out, name, out, name, out, name);
}

/* ---- verbs ---- */

static int activate(const struct activate_options *options, const struct vc_form *form, struct vc_ledger *ledger,
                    vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const struct vc_activation_options how = {.seed = options->seeded ? &options->seed : NULL,
                                              .out = out_of(scratch, options, form)};
    const struct vc_order *order = vc_activate_form(scratch, ledger, form, &how, err);

    if (!order)
        return -1;
    tell_files(how.out, order);
    if (options->seeded)
        fprintf(
            stderr,
            vc_order_has_keys_of(order, options->seed)
                ? "keys and passwords of order %s are derived from the seed, and who knows it has them: for labs and "
                  "tests only\n"
                : "order %s keeps the keys and passwords that it has; --seed is for a new one\n",
            order->number);
    return tell_view(order, VC_VIEW_EXPORT, options->json, err);
}

static int status(const struct activate_options *options, const struct vc_form *form VC_UNUSED,
                  struct vc_ledger *ledger, vc_error **err)
{
    VC_AUTO_JSON *document = vc_activation_status(ledger, options->word, err);
    VC_AUTO_TALLOC char *text = document ? vc_activation_status_text(NULL, document) : NULL;

    return document ? tell(document, text, options->json, err) : -1;
}

static int with_order(const struct activate_options *options, const struct vc_form *form VC_UNUSED,
                      struct vc_ledger *ledger, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const struct vc_order *order = vc_order_live(scratch, ledger, options->word, err);
    const char *out = order ? out_of(scratch, options, order->form) : NULL;

    if (!order)
        return -1;
    if (options->verb == VERB_FILES) {
        if (vc_activation_write(order, out, err))
            return -1;
        tell_files(out, order);
        return 0;
    }
    if (options->verb == VERB_SETTINGS && options->out) {
        if (vc_activation_write_settings(order, out, err))
            return -1;
        fprintf(stderr, "settings (yours alone) %s/%s.settings\n", out, order->form->name);
        return 0;
    }
    return tell_view(order, options->verb == VERB_SETTINGS ? VC_VIEW_SETTINGS : VC_VIEW_EXPORT, options->json, err);
}

static int deactivate(const struct activate_options *options, const struct vc_form *form, struct vc_ledger *ledger,
                      vc_error **err)
{
    if (vc_deactivate(ledger, options->word, err))
        return -1;
    fprintf(stderr, "the ledger has forgotten its keys; files with them (*-keys.yaml, *.settings) are where they were "
                    "written\n");
    return status(options, form, ledger, err);
}

static const struct verb_row {
    const char *name; /* the option; NULL: no option, a form */
    int (*run)(const struct activate_options *, const struct vc_form *, struct vc_ledger *, vc_error **);
    enum vc_ledger_use use;
    bool admin;    /* only a full admin may (R15, R18) */
    bool may_lack; /* the order */
    bool writes;   /* files */
} verbs[VERBS] = {
    [VERB_ACTIVATE] = {NULL, activate, VC_LEDGER_WRITE, .writes = true}, /* the rule R15 says it of the form */
    [VERB_STATUS] = {"status", status, VC_LEDGER_READ, .may_lack = true},
    [VERB_EXPORT] = {"export", with_order, VC_LEDGER_READ, .admin = true},
    [VERB_SETTINGS] = {"settings", with_order, VC_LEDGER_READ, .admin = true, .writes = true},
    [VERB_FILES] = {"files", with_order, VC_LEDGER_READ, .admin = true, .writes = true},
    [VERB_DEACTIVATE] = {"deactivate", deactivate, VC_LEDGER_READ, .admin = true},
};

static int run(const struct activate_options *options, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const struct verb_row *verb = &verbs[options->verb];
    const char *file = options->ledger ? options->ledger : vc_ledger_default(scratch, err);
    const struct vc_form *form = NULL;

    if (!file)
        return -1;
    if (verb->admin && options->role && strcmp(options->role, "full-admin") != 0)
        return vc_fail(err, VC_EXIT_USAGE, 0,
                       "vclab activate --%s: found role %s; allowed: role full-admin; a read-only administrator may "
                       "look at the status (R15)",
                       verb->name, options->role);
    /* A refused form is told before any ledger is made. */
    if (options->verb == VERB_ACTIVATE && !(form = vc_form_load(scratch, options->word, options->role, err)))
        return -1;
    struct vc_ledger *ledger = vc_ledger_open(scratch, file, verb->use, err);
    return ledger ? verb->run(options, form, ledger, err) : -1;
}

/* ---- command line ---- */

enum { OPTION_VERB = 256, OPTION_OUT = OPTION_VERB + VERBS, OPTION_SEED, OPTION_AS, OPTION_LEDGER, OPTION_JSON };

static const struct option longs[] = {{"status", no_argument, NULL, OPTION_VERB + VERB_STATUS},
                                      {"export", no_argument, NULL, OPTION_VERB + VERB_EXPORT},
                                      {"settings", no_argument, NULL, OPTION_VERB + VERB_SETTINGS},
                                      {"files", no_argument, NULL, OPTION_VERB + VERB_FILES},
                                      {"deactivate", no_argument, NULL, OPTION_VERB + VERB_DEACTIVATE},
                                      {"out", required_argument, NULL, OPTION_OUT},
                                      {"seed", required_argument, NULL, OPTION_SEED},
                                      {"as", required_argument, NULL, OPTION_AS},
                                      {"ledger", required_argument, NULL, OPTION_LEDGER},
                                      {"json", no_argument, NULL, OPTION_JSON},
                                      {"help", no_argument, NULL, 'h'},
                                      {0}};

/* 0, or -1 after a message. */
static int take_option(int option, const char *text, struct activate_options *options)
{
    if (option >= OPTION_VERB && option < OPTION_VERB + VERBS) {
        if (options->verb != VERB_ACTIVATE) {
            fprintf(stderr, "vclab activate: --%s and --%s; allowed: one of them\n", verbs[options->verb].name,
                    verbs[option - OPTION_VERB].name);
            return -1;
        }
        options->verb = (enum verb)(option - OPTION_VERB);
    }
    options->json |= option == OPTION_JSON;
    options->seeded |= option == OPTION_SEED;
    if (option == OPTION_SEED)
        return parse_number("activate", "seed", text, 0, INT64_MAX, &options->seed);
    if (option == OPTION_OUT)
        options->out = text;
    if (option == OPTION_LEDGER)
        options->ledger = text;
    if (option == OPTION_AS)
        options->role = text;
    return 0;
}

static int check_words(int words, const struct activate_options *options)
{
    if (options->role && strcmp(options->role, "full-admin") != 0 && strcmp(options->role, "read-only") != 0) {
        fprintf(stderr, "vclab activate: --as %s; allowed: full-admin, read-only\n", options->role);
        return -1;
    }
    const char *unused = options->out && !verbs[options->verb].writes ? "out"
                         : options->seeded && options->verb           ? "seed"
                                                                      : NULL;
    if (unused) {
        fprintf(stderr, "vclab activate: --%s with --%s, which %s; allowed: one of them\n", unused,
                verbs[options->verb].name, *unused == 'o' ? "writes no files" : "makes no keys");
        return -1;
    }
    if (words == 1 || (!words && verbs[options->verb].may_lack))
        return 0;
    fputs(usage, stderr);
    return -1;
}

/* 0; 1 after the help, or -1 after a message. */
static int parse(int argc, char **argv, struct activate_options *options)
{
    for (int option; (option = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
        if (option == 'h')
            return fputs(usage, stdout) < 0 ? -1 : 1;
        if (option == '?' || take_option(option, optarg, options))
            return -1;
    }
    options->word = argv[optind];
    return check_words(argc - optind, options);
}

int vc_cmd_activate(int argc, char **argv)
{
    struct activate_options options = defaults;
    VC_AUTO_ERROR *err = NULL;
    int parsed = parse(argc, argv, &options);

    if (parsed)
        return parsed > 0 ? VC_EXIT_PASS : VC_EXIT_USAGE;
    return run(&options, &err) ? print_error(err) : VC_EXIT_PASS;
}
