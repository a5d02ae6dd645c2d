#include <criterion/criterion.h>
#include <string.h>

#include "report/report_private.h"

#define FIXTURES VCLAB_SOURCE_DIR "/tests/report/fixtures/"

static char top[] = "/tmp/vclab-rejudge-XXXXXX";

static void copy_events(const char *fixture, size_t leave_out)
{
    VC_AUTO_TALLOC char *to_name = talloc_asprintf(NULL, "%s/events.jsonl", top);
    VC_AUTO_FILE *from = fopen(fixture, "re");
    VC_AUTO_FILE *to = fopen(to_name, "we");
    char text[1 << 16];

    cr_assert(from && to);
    size_t size = fread(text, 1, sizeof text, from);
    cr_assert(fwrite(text, 1, size - leave_out, to) == size - leave_out);
}

static void setup(void)
{
    cr_assert(mkdtemp(top));
}

static void teardown(void)
{
    VC_AUTO_TALLOC char *events = talloc_asprintf(NULL, "%s/events.jsonl", top);

    unlink(events);
    rmdir(top);
}

TestSuite(rejudge, .init = setup, .fini = teardown);

/* run.json of the fixture claims a failure that its events do not show: the events have the last word. */
Test(rejudge, the_events_have_the_last_word)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *run = vc_result_rejudge(FIXTURES "silent-loss", &err);

    cr_assert(run, "%s", err ? err->message : "");
    cr_assert_str_eq(vc_member_text(run, "verdict"), "pass", "%s", vc_member_text(run, "reason"));
    cr_assert_eq(json_array_size(json_object_get(run, "expectations")), 1);
    cr_assert_str_eq(vc_member_text(run, "mode"), "live", "the header is kept");
    cr_assert(strncmp(vc_member_text(run, "digest"), "sha256:", 7) == 0 && strlen(vc_member_text(run, "digest")) == 71);
}

Test(rejudge, a_killed_run_is_judged_without_its_run_json)
{
    copy_events(FIXTURES "silent-loss/events.jsonl", 10);
    VC_AUTO_JSON *run = vc_result_rejudge(top, NULL);

    cr_assert(run);
    cr_assert_str_eq(vc_member_text(run, "verdict"), "error");
    cr_assert(strstr(vc_member_text(run, "truncated"), "in the middle of line"));
    cr_assert_str_eq(vc_member_text(run, "topology"), "two-cpe", "from check/plan");
}

Test(rejudge, a_killed_run_still_has_a_story)
{
    VC_AUTO_FREE char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    copy_events(FIXTURES "silent-loss/events.jsonl", 10);
    cr_assert_eq(vc_story_write(out, top, false, false, NULL), 0);
    fclose(out);
    cr_assert(strstr(text, "noticed first by BFD dc1 at cpe1"), "%s", text);
    cr_assert(strstr(text, "      ERROR  "), "%s", text);
}
