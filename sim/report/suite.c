#include "report/suite.h"

#include <dirent.h>
#include <string.h>

#include "report/report_private.h"

static const char suffix[] = "-suite";

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* The virtual time of a run is its own and that of its repetition. */
static double covered(const json_t *run)
{
    VC_AUTO_JSON *again = *vc_member_text(run, "again") ? vc_result_load_run(vc_member_text(run, "again"), NULL) : NULL;

    return number(run, "virtual_s") + number(again, "virtual_s");
}

static bool is_skipped(const json_t *run)
{
    return !strcmp(vc_member_text(run, "verdict"), "skipped");
}

static json_t *row_of(const json_t *run)
{
    static const char *const members[] = {"scenario",  "topology", "timers", "mode",   "start",
                                          "seed",      "verdict",  "reason", "status", "wall_s",
                                          "virtual_s", "digest",   "result", "again",  "difference"};
    json_t *row = json_object();

    for (size_t i = 0; i < VC_COUNT(members); i++)
        if (json_object_get(run, members[i]))
            json_object_set(row, members[i], json_object_get(run, members[i]));
    return row;
}

json_t *vc_suite_document(const json_t *runs, const char *mode, double wall_s)
{
    json_t *rows = json_array(), *run;
    double virtual_s = 0;
    size_t i, passed = 0, skipped = 0;

    json_array_foreach(runs, i, run)
    {
        json_array_append_new(rows, row_of(run));
        virtual_s += covered(run);
        passed += vc_member_int(run, "status") == VC_EXIT_PASS;
        skipped += is_skipped(run);
    }
    return json_pack("{s:s, s:s, s:o, s:{s:I, s:I, s:I, s:f, s:f, s:f}}", "schema", "vclab.suite/1", "mode", mode,
                     "runs", rows, "totals", "scenarios", (json_int_t)json_array_size(runs), "passed",
                     (json_int_t)passed, "skipped", (json_int_t)skipped, "wall_s", wall_s, "virtual_s", virtual_s,
                     "ratio", wall_s > 0 ? virtual_s / wall_s : 0.0);
}

char *vc_suite_write(void *ctx, const char *results_dir, const json_t *suite, const json_t *runs, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    char *folder = vc_result_create_suite(scratch, results_dir, err);

    if (!folder)
        return NULL;
    VC_AUTO_FREE char *text = json_dumps(suite, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    const char *junit = vc_junit_merged(scratch, runs);
    if (vc_result_replace(folder, "suite.json", text, strlen(text), err) ||
        vc_result_replace(folder, "junit.xml", junit, strlen(junit), err))
        return NULL;
    vc_result_give(folder);
    return talloc_steal(ctx, folder);
}

/* ---- table ---- */

/* "2 h 13 min", "4 min 10 s", "3.2 s" */
static char *duration(void *ctx, double s)
{
    long whole = (long)(s + 0.5);

    if (s < 59.95)
        return talloc_asprintf(ctx, "%.1f s", s);
    if (whole < 3600)
        return talloc_asprintf(ctx, "%ld min %ld s", whole / 60, whole % 60);
    return talloc_asprintf(ctx, "%ld h %ld min", whole / 3600, whole % 3600 / 60);
}

void vc_suite_print(FILE *out, const json_t *suite)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const json_t *totals = json_object_get(suite, "totals"), *run;
    size_t i;

    fprintf(out, "%-12s %12s %12s  %s\n", "VERDICT", "VIRTUAL", "WALL", "SCENARIO");
    json_array_foreach(json_object_get(suite, "runs"), i, run)
    {
        bool differs = json_object_get(run, "difference") != NULL;
        bool passed = vc_member_int(run, "status") == VC_EXIT_PASS;

        fprintf(out, "%-12s %12s %12s  %s\n", differs ? "different" : vc_member_text(run, "verdict"),
                duration(ctx, number(run, "virtual_s")), duration(ctx, number(run, "wall_s")),
                vc_member_text(run, "scenario"));
        if (!passed)
            fprintf(out, "%-12s %12s %12s    %s%s%s\n", "", "", "",
                    vc_member_text(run, differs ? "difference" : "reason"), *vc_member_text(run, "result") ? "; " : "",
                    vc_member_text(run, "result"));
    }
    fprintf(out, "%lld of %lld scenarios pass", (long long)vc_member_int(totals, "passed"),
            (long long)vc_member_int(totals, "scenarios"));
    if (vc_member_int(totals, "skipped"))
        fprintf(out, ", %lld skipped", (long long)vc_member_int(totals, "skipped"));
    fprintf(out, "; %s of virtual time in %s (%.*f×)\n", duration(ctx, number(totals, "virtual_s")),
            duration(ctx, number(totals, "wall_s")), number(totals, "ratio") < 10 ? 1 : 0, number(totals, "ratio"));
}

/* ---- the one before ---- */

static int is_suite(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name), tail = sizeof suffix - 1;

    return len > tail && !strcmp(entry->d_name + len - tail, suffix);
}

static bool has_mode(const json_t *suite, const char *mode)
{
    /* Those that were written before there was a mode were sealed. */
    const char *own = *vc_member_text(suite, "mode") ? vc_member_text(suite, "mode") : "sealed";

    return !strcmp(own, mode);
}

json_t *vc_suite_last(const char *results_dir, const char *mode)
{
    struct dirent **entries;
    int count = scandir(results_dir, &entries, is_suite, alphasort); /* names begin with their time */
    json_t *suite = NULL;

    for (int i = count; i-- > 0;) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s/suite.json", results_dir, entries[i]->d_name);
        if (!suite)
            suite = json_load_file(path, 0, NULL);
        if (suite && !has_mode(suite, mode)) {
            json_decref(suite);
            suite = NULL;
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return suite;
}
