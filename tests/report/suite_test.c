/* Many runs as one result. */
#include "folder.h"
#include "report/suite.h"

TestSuite(suite, .init = folder_open, .fini = folder_close);

static const char runs_text[] =
    "[{\"schema\": \"vclab.run/1\", \"scenario\": \"one\", \"verdict\": \"pass\", \"reason\": \"\", \"status\": 0,"
    "  \"wall_s\": 2.0, \"virtual_s\": 200.0, \"digest\": \"sha256:aa\", \"result\": \"/r/one\", \"expectations\": ["
    "  {\"text\": \"fast\", \"verdict\": \"pass\"}]},"
    " {\"schema\": \"vclab.run/1\", \"scenario\": \"two\", \"verdict\": \"fail\", \"reason\": \"too slow\", "
    "\"status\": "
    "1, \"wall_s\": 3.0, \"virtual_s\": 7800.0, \"digest\": \"sha256:bb\", \"result\": \"/r/two\"},"
    " {\"scenario\": \"three\", \"verdict\": \"pass\", \"reason\": \"\", \"status\": 1, \"virtual_s\": 10.0,"
    "  \"result\": \"/r/three\", \"again\": \"/r/none\", \"difference\": \"event 5\"},"
    " {\"scenario\": \"four\", \"verdict\": \"skipped\", \"reason\": \"needs <it>\", \"status\": 3}]";

static json_t *write_suite(char **path)
{
    VC_AUTO_JSON *runs = json(runs_text);
    VC_AUTO_ERROR *err = NULL;
    json_t *suite = vc_suite_document(runs, "live", 4.0);

    *path = vc_suite_write(NULL, top, suite, runs, &err);
    cr_assert(*path, "%s", err ? err->message : "");
    return suite;
}

Test(suite, document_has_every_run_and_the_totals)
{
    VC_AUTO_TALLOC char *path = NULL;
    VC_AUTO_JSON *suite = write_suite(&path);
    const json_t *totals = json_object_get(suite, "totals"), *run = json_array_get(json_object_get(suite, "runs"), 1);

    cr_assert_str_eq(vc_member_text(suite, "schema"), "vclab.suite/1");
    cr_assert_str_eq(vc_member_text(suite, "mode"), "live");
    cr_assert_eq(vc_member_int(totals, "scenarios"), 4);
    cr_assert_eq(vc_member_int(totals, "skipped"), 1);
    cr_assert_eq(vc_member_int(totals, "passed"), 1);
    cr_assert_float_eq(json_number_value(json_object_get(totals, "virtual_s")), 8010, 1e-6);
    cr_assert_float_eq(json_number_value(json_object_get(totals, "ratio")), 2002.5, 1e-6);
    cr_assert_str_eq(vc_member_text(run, "result"), "/r/two");
    cr_assert_str_eq(vc_member_text(run, "digest"), "sha256:bb");
    cr_assert(strstr(path, "-suite"));
}

Test(suite, junit_has_a_test_suite_for_each_run)
{
    VC_AUTO_TALLOC char *path = NULL;
    VC_AUTO_JSON *suite = write_suite(&path);
    VC_AUTO_TALLOC char *name = talloc_asprintf(NULL, "%s/junit.xml", strrchr(path, '/') + 1);
    size_t size;
    VC_AUTO_TALLOC char *text = get_bytes(NULL, name, &size);

    cr_assert(suite);
    cr_assert(strstr(text, "<testsuite name=\"one\" tests=\"2\" failures=\"0\" errors=\"0\" time=\"2.000\">"), "%s",
              text);
    cr_assert(strstr(text, "<testsuite name=\"two\" tests=\"1\" failures=\"1\""), "%s", text);
    cr_assert(strstr(text, "name=\"the same twice\"><failure type=\"fail\" message=\"event 5\"/>"), "%s", text);
    cr_assert(strstr(text, "<testsuite name=\"four\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"1\" "), "%s",
              text);
    cr_assert(strstr(text, "name=\"verdict\"><skipped message=\"needs &lt;it&gt;\"/></testcase>"), "%s", text);
    cr_assert(strstr(strstr(text, "<testsuites>") + 1, "<testsuites>") == NULL, "one root: %s", text);
}

Test(suite, table_ends_with_the_totals)
{
    VC_AUTO_TALLOC char *path = NULL;
    VC_AUTO_JSON *suite = write_suite(&path);
    VC_AUTO_FREE char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    vc_suite_print(out, suite);
    fclose(out);
    cr_assert(strstr(text, "fail           2 h 10 min        3.0 s  two\n"), "%s", text);
    cr_assert(strstr(text, "too slow; /r/two\n"), "%s", text);
    cr_assert(strstr(text, "different"), "%s", text);
    cr_assert(strstr(text, "skipped             0.0 s        0.0 s  four\n"), "%s", text);
    cr_assert(strstr(text, " needs <it>\n"), "%s", text);
    cr_assert(strstr(text, "\n1 of 4 scenarios pass, 1 skipped; 2 h 13 min of virtual time in 4.0 s (2002×)\n"), "%s",
              text);
}

Test(suite, last_one_is_found_and_broken_ones_and_those_of_another_mode_are_passed_over)
{
    VC_AUTO_JSON *none = vc_suite_last(top, "sealed");
    cr_assert(!none);
    put("20260101T000000Z-0001-suite/suite.json", "{\"runs\": [1]}");
    put("20260102T000000Z-0001-suite/suite.json", "{\"runs\": [1, 2]}");
    put("20260103T000000Z-0001-suite/suite.json", "{\"runs\": [");
    put("20260104T000000Z-hub-0001/suite.json", "{\"runs\": [1, 2, 3]}");
    put("20260105T000000Z-0001-suite/suite.json", "{\"mode\": \"live\", \"runs\": [1, 2, 3, 4]}");
    VC_AUTO_JSON *sealed = vc_suite_last(top, "sealed");
    VC_AUTO_JSON *live = vc_suite_last(top, "live");
    cr_assert_eq(json_array_size(json_object_get(sealed, "runs")), 2);
    cr_assert_eq(json_array_size(json_object_get(live, "runs")), 4);
}
