#include <criterion/criterion.h>
#include <string.h>

#include "report/report_private.h"

#define FIXTURES VCLAB_SOURCE_DIR "/tests/report/fixtures/"

static char *story(const char *fixture, bool markdown, bool colour)
{
    VC_AUTO_ERROR *err = NULL;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    int failed = vc_story_write(out, fixture, markdown, colour, &err);
    fclose(out);
    cr_assert(!failed, "%s", err ? err->message : "");
    return text;
}

static const char silent_loss[] =
    "two-cpe-dc1-silent-loss-bfd (topology two-cpe, bfd timers, live, user data plane)\n"
    "    0.732 s  BGP is up; voice-dc1 by dc1; voice-dc2 by dc2\n"
    "    3.000 s  cut: ESP dropped on inet-dc1, both ways; proved after 16 ms: 2 packets dropped\n"
    "             noticed first by BFD dc1 at cpe1, 860 ms after it; then BGP dc1 at cpe1 (BFD down received), 863 ms\n"
    "             voice-dc1 moved from dc1 to dc2 + wan after 880 ms, gone for 888 ms (±20 ms), 86 packets lost; "
    "untouched: voice-dc2\n"
    "             converged in 865 ms: detection 848 ms (BFD at dc1-router, ±1 ms) · packets 17 ms (±20 ms)\n"
    "    6.000 s  healed cut; proved after 3 ms: 1 packet passed\n"
    "             back: BGP dc1 at dc1-router, 1.20 s after the heal\n"
    "             voice-dc1 moved from dc2 + wan to dc1 after 1.22 s, nothing lost; untouched: voice-dc2\n"
    "             converged in 1.22 s: session 1.20 s (BGP established at dc1-router, ±1 ms) · packets 20 ms (±20 ms)\n"
    "             over the whole run: voice-dc1 MOS 3.02, 86 of 4000 packets lost; voice-dc2 MOS 4.41, 0 of 4000 "
    "packets "
    "lost\n"
    "       FAIL  outage of voice-dc1 at most 800 ms: measured 888 ms; 2 of 3 expectations met, 6 of 6 invariants "
    "held\n";

Test(story, one_fault_is_told_in_ten_lines)
{
    VC_AUTO_FREE char *text = story(FIXTURES "silent-loss", false, false);

    cr_assert_str_eq(text, silent_loss);
}

Test(story, colour_only_adds_escapes)
{
    VC_AUTO_FREE char *text = story(FIXTURES "silent-loss", false, true);
    char *to = text;

    cr_assert(strstr(text, "\033[1;31m"), "a failure is red");
    for (const char *from = text; *from; from++) {
        if (*from == '\033')
            from = strchr(from, 'm');
        else
            *to++ = *from;
    }
    *to = '\0';
    cr_assert_str_eq(text, silent_loss);
}

Test(story, many_rounds_are_summed_up)
{
    VC_AUTO_FREE char *text = story(FIXTURES "flap", false, false);
    size_t lines = 0;

    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    cr_assert_leq(lines, 12, "%s", text);
    cr_assert(
        strstr(text,
               "9 more faults until 43.000 s: voice-dc1 gone for at most 888 ms at a time, 774 packets lost in all; "
               "voice-dc2 lost nothing\n"),
        "%s", text);
}

Test(story, a_lab_that_never_came_up_says_how_far_it_came)
{
    VC_AUTO_FREE char *text = story(FIXTURES "not-up", false, false);

    cr_assert(strstr(text, "1 of 4 BGP sessions over tunnels came up; voice-dc1 by no path; voice-dc2 by no path\n"),
              "%s", text);
}

Test(story, a_lab_of_which_nothing_was_heard_is_not_said_to_be_up)
{
    VC_AUTO_FREE char *text = story(FIXTURES "no-lab", false, false);

    cr_assert_str_eq(
        text, "two-cpe-active-active-bfd (topology two-cpe, bfd timers, sealed, kernel data plane)\n"
              "      ERROR  the guest was stopped at the limit of 2 s of wall time; nothing was seen of the lab, so "
              "nothing was judged\n");
}

Test(story, markdown_is_a_list_with_its_special_characters_escaped)
{
    VC_AUTO_JSON *run = vc_result_load_run(FIXTURES "silent-loss", NULL);
    VC_AUTO_FREE char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    json_object_set_new(run, "reason", json_string("a*b <c>"));
    cr_assert_eq(vc_story_write_run(out, run, FIXTURES "silent-loss", true, true, NULL), 0);
    fclose(out);
    cr_assert(strncmp(text, "#### two-cpe-dc1-silent-loss-bfd\n\n", 34) == 0, "%s", text);
    cr_assert(strstr(text, "\n- `3.000 s` cut: "), "%s", text);
    cr_assert(strstr(text, "\n- **FAIL** a\\*b \\<c\\>; 2 of 3"), "%s", text);
    cr_assert(!strchr(text, '\033'), "no colour in Markdown");
}

/* The verdict line of the run when its invariants are these. */
static char *verdict_of(const char *invariants)
{
    VC_AUTO_JSON *run = vc_result_load_run(FIXTURES "silent-loss", NULL);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    json_object_set_new(run, "invariants", json_loads(invariants, 0, NULL));
    cr_assert_eq(vc_story_write_run(out, run, FIXTURES "silent-loss", false, false, NULL), 0);
    fclose(out);
    memmove(text, strstr(text, "expectations met, "), strlen(strstr(text, "expectations met, ")) + 1);
    return text;
}

Test(story, invariants_that_were_to_break_are_not_said_to_have_held)
{
#define HELD   "{\"name\":\"clear-traffic\",\"verdict\":\"pass\",\"held\":true}"
#define BROKEN "{\"name\":\"no-loop\",\"verdict\":\"pass\",\"held\":false}"
    static const struct {
        const char *invariants, *want;
    } cases[] = {
        {"[" HELD "]", "expectations met, 1 of 1 invariants held\n"},
        {"[" HELD "," BROKEN "]", "expectations met, 1 of 2 invariants held, no-loop broken as the scenario shows\n"},
        {"[" BROKEN ",{\"name\":\"route-policy\",\"verdict\":\"pass\",\"held\":false}]",
         "expectations met, 0 of 2 invariants held, no-loop and route-policy broken as the scenario shows\n"},
        /* One that the scenario does not break, and one that it meant to and that was kept. */
        {"[{\"name\":\"no-loop\",\"verdict\":\"fail\",\"held\":false}]", "expectations met, 0 of 1 invariants held\n"},
        {"[{\"name\":\"no-loop\",\"verdict\":\"fail\",\"held\":true}]", "expectations met, 1 of 1 invariants held\n"},
        /* Written before there was `held`. */
        {"[{\"name\":\"no-loop\",\"verdict\":\"pass\"},{\"name\":\"route-policy\",\"verdict\":\"fail\"}]",
         "expectations met, 1 of 2 invariants held\n"},
    };
#undef HELD
#undef BROKEN

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_FREE char *text = verdict_of(cases[i].invariants);
        cr_expect_str_eq(text, cases[i].want, "case %zu: %s", i, text);
    }
}

Test(story, a_report_that_cannot_be_written_is_an_error)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_FILE *full = fopen("/dev/full", "we");

    cr_assert_eq(vc_story_write(full, FIXTURES "silent-loss", false, false, &err), -1);
    cr_assert(strstr(err->message, "could not be written"));
}

Test(story, a_folder_without_events_is_no_result)
{
    VC_AUTO_ERROR *err = NULL;

    cr_assert_eq(vc_story_write(stdout, FIXTURES, false, false, &err), -1);
    cr_assert_eq((int)err->status, VC_EXIT_USAGE);
    cr_assert(strstr(err->message, "is not a result"), "%s", err->message);
}

static void progress_is(const char *event_text, const char *want)
{
    VC_AUTO_JSON *event = json_loads(event_text, 0, NULL);
    VC_AUTO_TALLOC char *line = vc_story_progress(NULL, event, -1);

    cr_assert(event);
    if (want)
        cr_assert(line && strcmp(line, want) == 0, "got %s", line ? line : "nothing");
    else
        cr_assert(!line, "got %s", line);
}

Test(progress, lines_for_what_matters)
{
    progress_is(
        "{\"t_ns\":3880000000,\"layer\":\"probe\",\"what\":\"path\",\"flow\":\"v\",\"direction\":\"forward\",\"path\":"
        "[\"dc2\",\"wan\"]}",
        "   3.880 s  v forward takes dc2 + wan");
    progress_is(
        "{\"t_ns\":0,\"layer\":\"probe\",\"what\":\"path\",\"flow\":\"v\",\"direction\":\"return\",\"path\":[]}",
        "   0.000 s  v return takes no tunnel");
    progress_is("{\"t_ns\":1,\"layer\":\"check\",\"what\":\"lag\",\"lag_ns\":70000000}",
                "   0.000 s  the host was late by 70 ms");
    progress_is("{\"t_ns\":1,\"layer\":\"bgp\",\"what\":\"session\",\"state\":\"Established\",\"node\":\"cpe1\","
                "\"neighbor\":\"10.0.0.1\"}",
                "   0.000 s  BGP - at cpe1 with 10.0.0.1: up");
    progress_is("{\"t_ns\":1,\"layer\":\"bgp\",\"what\":\"session\",\"state\":\"Idle\",\"node\":\"cpe1\",\"neighbor\":"
                "\"10.0.0.1\","
                "\"tunnel\":\"dc1\",\"reason\":\"BFD down received\"}",
                "   0.000 s  BGP dc1 at cpe1 with 10.0.0.1: Idle, BFD down received");
    progress_is("{\"t_ns\":1,\"layer\":\"fault\",\"what\":\"proved\",\"name\":\"cut\",\"evidence\":\"2 packets\"}",
                "   0.000 s  cut took effect: 2 packets");
}

Test(progress, nothing_for_what_does_not)
{
    progress_is("{\"t_ns\":1,\"layer\":\"check\",\"what\":\"lag\",\"lag_ns\":20000000}", NULL);
    progress_is("{\"t_ns\":1,\"layer\":\"gre\",\"what\":\"state\",\"tunnel\":\"dc1\",\"up\":true,\"reason\":\"start\"}",
                NULL);
    progress_is(
        "{\"t_ns\":1,\"layer\":\"bgp\",\"what\":\"session\",\"state\":\"Active\",\"reason\":\"Waiting for peer OPEN\"}",
        NULL);
    progress_is("{\"t_ns\":1,\"layer\":\"fib\",\"what\":\"route\"}", NULL);
}
