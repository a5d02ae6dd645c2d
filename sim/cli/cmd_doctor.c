/* vclab doctor: what is wrong in a running lab, or was at the end of a run, layer by layer, and the fix. */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "cli/commands.h"
#include "cli/doctor_stored.h"
#include "cli/labs.h"
#include "cli/session.h"
#include "doctor/doctor.h"
#include "run/control.h"

static const char usage[] =
    "Usage: vclab doctor [LAB | RESULT | BUNDLE | EVIDENCE.json] [--json | --evidence]\n"
    "       vclab doctor --catalogue\n"
    "\n"
    "Walks the service guide's checks (underlay, IKE, CHILD SA, GRE, BGP, routes, paths, MTU, capacity) and names what "
    "is wrong: the cause,\n"
    "its node, the evidence, the remedy, and where to look on a real device.\n"
    "  LAB          a running lab (default: the only one): asked now, which takes a second at most\n"
    "  RESULT       the folder of a run: what its nodes told last, at its end or where it asked for a diagnosis. A "
    "run that\n"
    "               passed and never asked has nothing (but by vclab run --evidence): a sealed one is played again for "
    "it\n"
    "  BUNDLE       a bundle of a run (vclab run --bundle), likewise\n"
    "  --json       the diagnosis as a document (vclab.diagnosis/1)\n"
    "  --evidence   what was read, as a document (vclab.evidence/1)\n"
    "  --catalogue  docs/troubleshooting.md: every cause, its symptom and its remedy\n"
    "  --results DIR  where results are, and where a run that is played again leaves its own\n"
    "\n"
    "Each tunnel has a line: ✓ is as it should be, ✗ fails, … is only coming up, · was not reached. Then the causes, "
    "first the one\n"
    "that blocks first; those that do not hurt yet are last, and say when they will.\n"
    "\n"
    "Exit status: 0 nothing is wrong, 1 something is, 2 no such lab or result, 3 the lab could not be asked, or the "
    "answer not written.\n";

struct options {
    bool json, evidence, catalogue;
    const char *results, *what;
};

/* The evidence of a lab's answer, or why it gave none: that is no finding of the doctor's. New reference. */
static json_t *of_answer(json_t *answer, vc_error **why, vc_error **err)
{
    json_t *document = json_object_get(answer, "evidence");

    if (answer && document)
        return json_incref(document);
    if (!answer && *why && (*why)->status != VC_EXIT_FAIL) {
        vc_error_move(err, why);
        return NULL;
    }
    vc_fail(err, VC_EXIT_HOST, 0, "the lab could not be asked: %s", *why ? (*why)->message : "it gave no evidence");
    return NULL;
}

/* A lab that still runs tells what is wrong now; one that is over left its socket with nobody behind it. */
static json_t *of_folder(const struct options *options, vc_error **err)
{
    VC_AUTO_TALLOC char *control = talloc_asprintf(NULL, "%s/control", options->what);
    VC_AUTO_JSON *request = json_pack("{s:s}", "do", "evidence");
    VC_AUTO_ERROR *why = NULL;
    VC_AUTO_JSON *answer = NULL;

    /* Where a socket's name does not fit there never was one. */
    if (strlen(control) < sizeof((struct sockaddr_un *)NULL)->sun_path)
        answer = vc_control_call(control, request, NULL, 0, NULL, &why);
    if (!answer && (!why || why->errnum == ENOENT || why->errnum == ECONNREFUSED))
        return doctor_of_result(options->what, options->results, err);
    return of_answer(answer, &why, err);
}

static json_t *of_file(const struct options *options, vc_error **err)
{
    VC_AUTO_FILE *file = fopen(options->what, "re");
    json_error_t problem;

    if (!file) {
        vc_fail(err, VC_EXIT_USAGE, errno, "%s", options->what);
        return NULL;
    }
    int first = getc(file);
    rewind(file);
    if (first != '{') /* no document: a bundle, or nothing of ours */
        return doctor_of_bundle(options->what, options->results, err);
    json_t *document = json_loadf(file, 0, &problem);
    if (!document)
        vc_fail(err, VC_EXIT_USAGE, 0, "%s: cut off or damaged: line %d: %s", options->what, problem.line,
                problem.text);
    return document;
}

static json_t *of_lab(const struct options *options, vc_error **err)
{
    struct lab_options lab = {.results = options->results, .lab = options->what};
    VC_AUTO_JSON *request = json_pack("{s:s}", "do", "evidence");
    VC_AUTO_ERROR *why = NULL;
    VC_AUTO_JSON *answer = lab_ask(&lab, request, NULL, 0, NULL, &why);

    return of_answer(answer, &why, err);
}

static json_t *evidence_of(const struct options *options, vc_error **err)
{
    const char *what = options->what;
    struct stat st;
    VC_AUTO_JSON *document = !what || stat(what, &st) ? of_lab(options, err)
                             : S_ISDIR(st.st_mode)    ? of_folder(options, err)
                                                      : of_file(options, err);

    if (!document || doctor_check(document, what ? what : "the lab", err))
        return NULL;
    return VC_STEAL_PTR(document);
}

/* `status`, unless what was said did not get out. */
static int written(int status)
{
    VC_AUTO_ERROR *err = NULL;

    if (!fflush(stdout) && !ferror(stdout))
        return status;
    vc_fail(&err, VC_EXIT_HOST, errno, "cannot write to standard output");
    return print_error(err);
}

static int tell(const struct options *options, const json_t *evidence)
{
    VC_AUTO_JSON *diagnosis = vc_doctor_examine(evidence);
    bool healthy = json_is_true(json_object_get(diagnosis, "healthy"));

    if (options->evidence || options->json) {
        json_dumpf(options->evidence ? evidence : diagnosis, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        VC_AUTO_TALLOC char *text = vc_doctor_text(NULL, diagnosis, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"));
        fputs(text, stdout);
    }
    return written(healthy ? VC_EXIT_PASS : VC_EXIT_FAIL);
}

int vc_cmd_doctor(int argc, char **argv)
{
    static const struct option longs[] = {{"json", no_argument, NULL, 'j'},
                                          {"evidence", no_argument, NULL, 'e'},
                                          {"catalogue", no_argument, NULL, 'c'},
                                          {"results", required_argument, NULL, 'r'},
                                          {"lab", required_argument, NULL, 'l'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    struct options options = {0};
    VC_AUTO_ERROR *err = NULL;

    for (int option; (option = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
        if (option == 'h' || option == '?') {
            fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? VC_EXIT_PASS : VC_EXIT_USAGE;
        }
        options.json |= option == 'j';
        options.evidence |= option == 'e';
        options.catalogue |= option == 'c';
        if (option == 'r')
            options.results = optarg;
        if (option == 'l')
            options.what = optarg;
    }
    if (optind < argc)
        options.what = argv[optind++];
    if (optind < argc || options.json + options.evidence + options.catalogue > 1) {
        fputs(usage, stderr);
        return VC_EXIT_USAGE;
    }
    if (options.catalogue) {
        VC_AUTO_TALLOC char *text = vc_doctor_catalogue(NULL);
        fputs(text, stdout);
        return written(VC_EXIT_PASS);
    }
    VC_AUTO_JSON *evidence = evidence_of(&options, &err);
    return evidence ? tell(&options, evidence) : print_error(err);
}
