/* vclab list: which scenarios show which requirement and what came of them, the topologies, the faults. */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/home.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "report/catalogue.h"

enum { COLUMNS = 100 };

struct list_options {
    bool json, catalogue;
    const char *results;
};

static int usage(FILE *out)
{
    fputs("Usage: vclab list [--results DIR] [--json | --catalogue | REQUIREMENT...]\n\n"
          "  REQUIREMENT    R1 to R42: all its scenarios and their last results\n"
          "  --json         everything, for programs\n"
          "  --catalogue    docs/catalogue.md: topologies with drawings, scenarios step by step\n"
          "  --results DIR  the results to take the last verdicts from (default: results)\n",
          out);
    return out == stdout ? VC_EXIT_PASS : VC_EXIT_USAGE;
}

static struct vc_catalogue_style terminal(void)
{
    struct winsize size;
    bool is_terminal = isatty(STDOUT_FILENO);

    return (struct vc_catalogue_style){
        .columns = is_terminal && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col : COLUMNS,
        .colour = is_terminal && !getenv("NO_COLOR"),
    };
}

static int print_requirements(const json_t *document, char **ids)
{
    for (; *ids; ids++)
        if (!vc_catalogue_print_requirement(stdout, document, *ids, terminal())) {
            fprintf(stderr, "vclab list: no requirement %s; there are R1 to R42\n", *ids);
            return VC_EXIT_USAGE;
        }
    return VC_EXIT_PASS;
}

static int print(const struct list_options *options, const struct vc_catalogue *catalogue, char **ids)
{
    bool here = !strcmp(vc_home(), ".");
    VC_AUTO_TALLOC char *results = talloc_asprintf(NULL, "%s%sresults", here ? "" : vc_home(), here ? "" : "/");

    if (options->catalogue) {
        VC_AUTO_TALLOC char *text = vc_catalogue_markdown(NULL, catalogue);
        fputs(text, stdout);
        return VC_EXIT_PASS;
    }
    VC_AUTO_JSON *lasts = vc_catalogue_lasts(options->results ? options->results : results);
    VC_AUTO_JSON *document = vc_catalogue_document(catalogue, lasts);
    if (*ids)
        return print_requirements(document, ids);
    if (options->json) {
        json_dumpf(document, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        vc_catalogue_print(stdout, document, terminal());
    }
    return VC_EXIT_PASS;
}

int vc_cmd_list(int argc, char **argv)
{
    static const struct option longs[] = {{"json", no_argument, NULL, 'j'},
                                          {"catalogue", no_argument, NULL, 'c'},
                                          {"results", required_argument, NULL, 'r'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    VC_AUTO_ERROR *broken = NULL;
    struct list_options options = {0};

    for (int option; (option = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
        if (option == 'h')
            return usage(stdout);
        if (option == '?')
            return usage(stderr);
        options.json |= option == 'j';
        options.catalogue |= option == 'c';
        if (option == 'r')
            options.results = optarg;
    }
    if (options.json + options.catalogue + (optind < argc) > 1)
        return usage(stderr);
    if (options.results && access(options.results, R_OK | X_OK)) {
        VC_AUTO_ERROR *err = NULL;
        vc_fail(&err, VC_EXIT_USAGE, errno, "--results %s", options.results);
        return print_error(err);
    }
    const struct vc_catalogue *catalogue = vc_catalogue_read(scratch, vc_home(), &broken);
    if (broken)
        fprintf(stderr, "%s\n", broken->message);
    int status = print(&options, catalogue, argv + optind);
    return broken ? (int)broken->status : status;
}
