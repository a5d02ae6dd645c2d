/* vclab report: tells results again, and on request judges them again from their events. */
#include <dirent.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "report/report.h"
#include "run/verdict.h"

static const char usage[] =
    "Usage: vclab report RESULT... [--markdown | --json] [--rejudge]\n"
    "\n"
    "RESULT is the folder of a run, or a folder of such folders (results/).\n"
    "  --markdown  the story as Markdown, for a CI job summary\n"
    "  --json      the run.json document (an array of them for several results)\n"
    "  --rejudge   compute the verdict again from events.jsonl; says so when it differs from run.json's\n"
    "\n"
    "Exit status: 0; with --rejudge that of the worst verdict (1 fail or error, 4 inconclusive). 2 when RESULT is "
    "none.\n";

struct options {
    bool markdown, json, rejudge;
};

struct results {
    char **paths;
    size_t count;
};

static bool has_file(const char *dir, const char *name)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", dir, name);
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_result(const char *dir)
{
    return has_file(dir, "run.json") || has_file(dir, "events.jsonl");
}

static void add_result(struct results *results, const char *path)
{
    results->paths = talloc_realloc(NULL, results->paths, char *, results->count + 1);
    results->paths[results->count++] = talloc_strdup(results->paths, path);
}

static int add_results(struct results *results, const char *path, vc_error **err)
{
    struct dirent **entries;
    size_t before = results->count;

    if (is_result(path)) {
        add_result(results, path);
        return 0;
    }
    int count = scandir(path, &entries, NULL, alphasort); /* run ids begin with their time */
    for (int i = 0; i < count; i++) {
        VC_AUTO_TALLOC char *child = talloc_asprintf(NULL, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && is_result(child))
            add_result(results, child);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    if (results->count == before)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s: no result there (a folder with events.jsonl, or a folder of such)",
                       path);
    return 0;
}

static enum vc_exit verdict_status(const char *name)
{
    for (enum vc_verdict verdict = VC_PASS; verdict <= VC_ERROR; verdict++)
        if (strcmp(name, vc_verdict_name(verdict)) == 0)
            return vc_verdict_exit(verdict);
    return VC_EXIT_FAIL;
}

static const char *verdict_of(const json_t *run)
{
    const char *verdict = json_string_value(json_object_get(run, "verdict"));

    return verdict ? verdict : "error";
}

/* The document to report: what the run wrote, or (asked for, or because it was killed before it wrote) judged from its
 * events. */
static json_t *document(const char *path, bool rejudge, vc_error **err)
{
    VC_AUTO_TALLOC char *name = talloc_asprintf(NULL, "%s/run.json", path);
    VC_AUTO_JSON *stored = json_load_file(name, 0, NULL);

    if (stored && !rejudge)
        return VC_STEAL_PTR(stored);
    json_t *run = vc_result_rejudge(path, err);
    if (run && stored && strcmp(verdict_of(run), verdict_of(stored)) != 0)
        fprintf(stderr, "vclab: %s: run.json says %s, its events say %s\n", path, verdict_of(stored), verdict_of(run));
    return run;
}

static int report(const struct results *results, const struct options *options, enum vc_exit *worst, vc_error **err)
{
    bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    VC_AUTO_JSON *documents = json_array();

    for (size_t i = 0; i < results->count; i++) {
        VC_AUTO_JSON *run = document(results->paths[i], options->rejudge, err);
        if (!run)
            return -1;
        enum vc_exit status = verdict_status(verdict_of(run));
        if (status == VC_EXIT_FAIL || *worst == VC_EXIT_PASS)
            *worst = status;
        if (options->json)
            json_array_append(documents, run);
        else if (vc_story_write_run(stdout, run, results->paths[i], options->markdown, colour, err) < 0)
            return -1;
        else if (i + 1 < results->count && !options->markdown)
            putchar('\n');
    }
    if (options->json && json_dumpf(results->count == 1 ? json_array_get(documents, 0) : documents, stdout,
                                    JSON_INDENT(2) | JSON_REAL_PRECISION(15)) == 0)
        putchar('\n');
    if (fflush(stdout) != 0 || ferror(stdout))
        return vc_fail(err, VC_EXIT_HOST, 0, "the report could not be written");
    return 0;
}

int vc_cmd_report(int argc, char **argv)
{
    static const struct option long_options[] = {{"markdown", no_argument, NULL, 'm'},
                                                 {"json", no_argument, NULL, 'j'},
                                                 {"rejudge", no_argument, NULL, 'r'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {0}};
    VC_AUTO_ERROR *err = NULL;
    struct options options = {0};
    struct results results = {0};
    enum vc_exit worst = VC_EXIT_PASS;

    for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        if (c == 'h') {
            fputs(usage, stdout);
            return VC_EXIT_PASS;
        }
        options.markdown |= c == 'm';
        options.json |= c == 'j';
        options.rejudge |= c == 'r';
        if (c == '?') {
            fputs(usage, stderr);
            return VC_EXIT_USAGE;
        }
    }
    if (optind == argc || (options.markdown && options.json)) {
        fputs(usage, stderr);
        return VC_EXIT_USAGE;
    }
    int failed = 0;
    for (int i = optind; !failed && i < argc; i++)
        failed = add_results(&results, argv[i], &err);
    if (!failed)
        failed = report(&results, &options, &worst, &err);
    talloc_free(results.paths);
    if (failed) {
        fprintf(stderr, "vclab: %s\n", err->message);
        return (int)err->status;
    }
    return options.rejudge ? (int)worst : VC_EXIT_PASS;
}
