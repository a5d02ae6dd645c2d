#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "report/report_private.h"

static char top[] = "/tmp/vclab-report-XXXXXX";

static void setup(void)
{
    cr_assert(mkdtemp(top));
}

static void teardown(void)
{
    pid_t pid = fork();

    if (pid == 0)
        execlp("rm", "rm", "-rf", top, (char *)NULL);
    waitpid(pid, NULL, 0);
}

TestSuite(result, .init = setup, .fini = teardown);

static char *slurp(const char *path, const char *name)
{
    VC_AUTO_TALLOC char *file_name = talloc_asprintf(NULL, "%s/%s", path, name);
    VC_AUTO_FILE *file = fopen(file_name, "re");
    char *text = talloc_strdup(NULL, "");
    char block[4096];

    cr_assert(file, "%s", file_name);
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
        text = talloc_strndup_append(text, block, n);
    return text;
}

static void spill(const char *path, const char *name, const char *text)
{
    VC_AUTO_TALLOC char *file_name = talloc_asprintf(NULL, "%s/%s", path, name);
    VC_AUTO_FILE *file = fopen(file_name, "we");

    cr_assert(file && fputs(text, file) >= 0);
}

static json_t *member(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);

    cr_assert(value, "%s", text);
    return value;
}

Test(result, folder_is_unique_and_empty_but_for_its_folders)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_TALLOC char *deep = talloc_asprintf(NULL, "%s/a/b", top);
    const char *one = vc_result_create(ctx, deep, "scene", NULL), *two = vc_result_create(ctx, deep, "scene", NULL);
    size_t entries = 0;

    cr_assert(one && two);
    cr_assert(strcmp(one, two) != 0);
    cr_assert(strstr(one, "-scene-"));
    DIR *dir = opendir(one);
    for (struct dirent *entry; (entry = readdir(dir));)
        entries += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
    closedir(dir);
    cr_assert_eq(entries, 2, "captures and logs, no trace of the trial file");
}

Test(result, folder_that_cannot_be_made_is_reported)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_TALLOC char *in_file = talloc_asprintf(NULL, "%s/file/results", top);

    spill(top, "file", "");
    cr_assert(!vc_result_create(NULL, in_file, "scene", &err));
    cr_assert_eq((int)err->status, VC_EXIT_HOST);
    cr_assert(strstr(err->message, "--results"), "%s", err->message);
}

Test(result, no_room_is_reported_before_anything_starts)
{
    VC_AUTO_ERROR *err = NULL;
    struct rlimit limit = {1000, 1000};

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    cr_assert(!vc_result_create(NULL, top, "scene", &err));
    cr_assert_eq(err->errnum, EFBIG);
    DIR *dir = opendir(top);
    for (struct dirent *entry; (entry = readdir(dir));)
        cr_assert(entry->d_name[0] == '.', "left behind: %s", entry->d_name);
    closedir(dir);
}

Test(result, events_are_there_at_once)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *event = member("{\"t_ns\": 5, \"layer\": \"check\", \"what\": \"end\"}");
    struct vc_result_writer *writer = vc_result_writer_new(ctx, top, NULL);

    vc_result_event(writer, event);
    VC_AUTO_TALLOC char *text = slurp(top, "events.jsonl");
    cr_assert_str_eq(text, "{\"t_ns\":5,\"layer\":\"check\",\"what\":\"end\"}\n");
    cr_assert_eq(vc_result_writer_close(writer, NULL), 0);
}

Test(result, a_failed_write_is_reported_once_and_nothing_follows_it)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *small = member("{\"t_ns\": 1}");
    VC_AUTO_JSON *large = json_pack("{s:o}", "text", json_stringn("0123456789012345678901234567890123456789", 40));
    struct vc_result_writer *writer = vc_result_writer_new(ctx, top, NULL);
    struct rlimit limit = {30, 30};

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    vc_result_event(writer, small);
    vc_result_event(writer, large);
    vc_result_event(writer, small);
    cr_assert_eq(vc_result_writer_close(writer, &err), -1);
    cr_assert_eq(err->errnum, EFBIG);
    VC_AUTO_TALLOC char *text = slurp(top, "events.jsonl");
    cr_assert_eq(strlen(text), 30, "cut in the middle, not continued: %s", text);
    cr_assert_eq(vc_result_writer_close(writer, NULL), 0);
}

Test(result, an_old_result_is_never_written_over)
{
    VC_AUTO_ERROR *err = NULL;

    spill(top, "events.jsonl", "precious");
    cr_assert(!vc_result_writer_new(NULL, top, &err));
    cr_assert_eq(err->errnum, EEXIST);
}

static json_t *finish(const char *judged_text, vc_error **err)
{
    VC_AUTO_JSON *header = member("{\"scenario\": \"a<b\", \"mode\": \"live\", \"wall_s\": 1.5}");
    VC_AUTO_JSON *judged = member(judged_text);

    spill(top, "events.jsonl", "{\"t_ns\":5,\"layer\":\"check\",\"what\":\"end\"}\n");
    return vc_result_finish(top, header, judged, err);
}

Test(result, run_json_has_schema_header_verdict_and_digest)
{
    VC_AUTO_JSON *run = finish("{\"verdict\": \"pass\", \"reason\": \"\"}", NULL);
    VC_AUTO_JSON *stored = vc_result_load_run(top, NULL);

    cr_assert(run && json_equal(run, stored));
    cr_assert_str_eq(vc_member_text(run, "schema"), "vclab.run/1");
    cr_assert_str_eq(vc_member_text(run, "mode"), "live");
    cr_assert_str_eq(vc_member_text(run, "verdict"), "pass");
    cr_assert_str_eq(vc_member_text(run, "digest"),
                     "sha256:cb1e4956544b9617f693f3f47e7fdf6d90099d74e87ab7a53f253ac99e2a4a4b");
}

Test(result, junit_has_a_case_for_each_expectation_invariant_and_the_verdict)
{
    VC_AUTO_JSON *run =
        finish("{\"verdict\": \"fail\", \"reason\": \"x & y\", \"expectations\": ["
               "{\"text\": \"fast\", \"verdict\": \"fail\", \"measured\": 888, \"limit\": 800, \"unit\": \"ms\"},"
               "{\"text\": \"late\", \"verdict\": \"inconclusive\"}],"
               "\"invariants\": [{\"name\": \"no-loop\", \"verdict\": \"pass\", \"evidence\": \"\"}]}",
               NULL);
    VC_AUTO_TALLOC char *text = slurp(top, "junit.xml");

    cr_assert(run);
    cr_assert(strstr(text, "<testsuite name=\"a&lt;b\" tests=\"4\" failures=\"2\" errors=\"1\" time=\"1.500\">"), "%s",
              text);
    cr_assert(strstr(text, "name=\"1 fast\"><failure type=\"fail\" message=\"measured 888 ms, limit 800 ms\"/>"), "%s",
              text);
    cr_assert(
        strstr(text, "name=\"2 late\"><error type=\"inconclusive\" message=\"measured nothing, limit nothing\"/>"),
        "%s", text);
    cr_assert(strstr(text, "name=\"no-loop\"/>"), "%s", text);
    cr_assert(strstr(text, "name=\"verdict\"><failure type=\"fail\" message=\"x &amp; y\"/>"), "%s", text);
}

Test(result, run_json_is_whole_or_not_there)
{
    VC_AUTO_ERROR *err = NULL;
    struct rlimit limit = {60, 60};

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    cr_assert(!finish("{\"verdict\": \"pass\"}", &err));
    cr_assert_eq(err->errnum, EFBIG);
    cr_assert(strstr(err->message, "run.json"), "%s", err->message);
    VC_AUTO_ERROR *missing = NULL;
    cr_assert(!vc_result_load_run(top, &missing));
    cr_assert_eq(missing->errnum, ENOENT);
}

Test(result, a_cut_last_line_is_named_and_left_out)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *truncated;

    spill(top, "events.jsonl", "{\"t_ns\":1}\n{\"t_ns\":2}\n{\"t_ns\":3");
    VC_AUTO_JSON *events = vc_result_load_events(ctx, top, &truncated, NULL);
    cr_assert_eq(json_array_size(events), 2);
    cr_assert(truncated && strstr(truncated, "line 3"));
}

Test(result, a_bad_line_is_refused_with_its_place)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    char *truncated;

    spill(top, "events.jsonl", "{\"t_ns\":1}\n[2]\n{\"t_ns\":3}\n");
    cr_assert(!vc_result_load_events(ctx, top, &truncated, &err));
    cr_assert_eq((int)err->status, VC_EXIT_USAGE);
    cr_assert(strstr(err->message, "events.jsonl:2:"), "%s", err->message);
}

Test(result, another_schema_is_refused)
{
    VC_AUTO_ERROR *err = NULL;

    spill(top, "run.json", "{\"schema\": \"vclab.run/9\"}");
    cr_assert(!vc_result_load_run(top, &err));
    cr_assert(strstr(err->message, "vclab.run/9"), "%s", err->message);
}
