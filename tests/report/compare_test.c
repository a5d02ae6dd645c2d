/* Two runs that should be the same. */
#include "folder.h"
#include "report/compare.h"

TestSuite(compare, .init = folder_open, .fini = folder_close);

#define PLAN "{\"t_ns\":1,\"layer\":\"check\",\"what\":\"plan\"}\n"
#define UP   "{\"t_ns\":2000,\"layer\":\"bgp\",\"what\":\"session\",\"state\":\"Established\"}\n"
#define END  "{\"t_ns\":3000000000,\"layer\":\"check\",\"what\":\"end\"}\n"

static json_t *compare(const char *first_events, const char *first_files, const char *second_events,
                       const char *second_files)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    put("a/events.jsonl", first_events);
    put("a/run.json", talloc_asprintf(ctx, "{\"schema\": \"vclab.run/1\", \"files\": %s}", first_files));
    put("b/events.jsonl", second_events);
    put("b/run.json", talloc_asprintf(ctx, "{\"schema\": \"vclab.run/1\", \"files\": %s}", second_files));
    json_t *comparison = vc_compare_results(in_top(ctx, "a"), in_top(ctx, "b"), &err);
    cr_assert(comparison, "%s", err ? err->message : "");
    return comparison;
}

/* The text of the comparison, which is not of the same. */
static char *difference(const json_t *comparison)
{
    cr_assert(json_is_false(json_object_get(comparison, "same")));
    return vc_compare_text(NULL, comparison, "first run", "second run");
}

Test(compare, equal_runs_are_the_same)
{
    VC_AUTO_JSON *comparison = compare(PLAN UP END, "{\"logs/a\": \"1\"}", PLAN UP END, "{\"logs/a\": \"1\"}");

    cr_assert(json_is_true(json_object_get(comparison, "same")));
    cr_assert(!json_object_get(comparison, "line"));
}

Test(compare, first_event_that_differs_is_shown_with_its_times_and_members)
{
    VC_AUTO_JSON *comparison = compare(
        PLAN UP END, "{}",
        PLAN "{\"t_ns\":2500,\"layer\":\"bgp\",\"what\":\"session\",\"state\":\"Idle\",\"reason\":\"x\"}\n" END, "{}");
    VC_AUTO_TALLOC char *text = difference(comparison);

    cr_assert_eq(json_integer_value(json_object_get(comparison, "line")), 2);
    cr_assert(strstr(text, "event 2:"), "%s", text);
    cr_assert(strstr(text, "first run: 0.000 s  {\"t_ns\":2000,"), "%s", text);
    cr_assert(strstr(text, "second run: 0.000 s  {\"t_ns\":2500,"), "%s", text);
    cr_assert(strstr(text, "differs: t_ns by +500 ns"), "%s", text);
    cr_assert(strstr(text, "differs: state \"Established\" / \"Idle\""), "%s", text);
    cr_assert(strstr(text, "differs: reason absent / \"x\""), "%s", text);
}

Test(compare, a_run_that_stops_earlier_differs_there)
{
    VC_AUTO_JSON *comparison = compare(PLAN UP END, "{}", PLAN UP, "{}");
    VC_AUTO_TALLOC char *text = difference(comparison);

    cr_assert_eq(json_integer_value(json_object_get(comparison, "line")), 3);
    cr_assert(strstr(text, "second run: ended before it"), "%s", text);
}

Test(compare, one_byte_more_in_a_line_is_a_difference)
{
    VC_AUTO_JSON *comparison =
        compare(PLAN END, "{}", "{\"t_ns\": 1,\"layer\":\"check\",\"what\":\"plan\"}\n" END, "{}");

    cr_assert_eq(json_integer_value(json_object_get(comparison, "line")), 1);
    cr_assert_eq(json_array_size(json_object_get(comparison, "members")), 0);
}

Test(compare, captures_and_logs_are_compared_by_digest)
{
    VC_AUTO_JSON *comparison =
        compare(PLAN END, "{\"captures/wan.pcapng\": \"1\", \"logs/a\": \"2\", \"logs/b\": \"3\"}", PLAN END,
                "{\"captures/wan.pcapng\": \"9\", \"logs/a\": \"2\", \"logs/c\": \"4\"}");
    VC_AUTO_TALLOC char *text = difference(comparison);

    cr_assert(strstr(text, "the events are the same"), "%s", text);
    cr_assert(strstr(text, "differs: captures/wan.pcapng\n"), "%s", text);
    cr_assert(strstr(text, "differs: logs/b (only in the first run)"), "%s", text);
    cr_assert(strstr(text, "differs: logs/c (only in the second run)"), "%s", text);
    cr_assert(!strstr(text, "logs/a"), "%s", text);
}

Test(compare, a_folder_that_is_no_result_is_an_error)
{
    VC_AUTO_ERROR *err = NULL;

    cr_assert(!vc_compare_results(top, "/nowhere", &err));
    cr_assert(strstr(err->message, "events.jsonl"), "%s", err->message);
}
