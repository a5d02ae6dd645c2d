/* FRR's vty protocol against its own wire bytes. */
#include <errno.h>
#include <systemd/sd-event.h>

#include "net/vty.h"
#include "server.h"

#define ENABLE STEP("enable\0", "\0\0\0\0")

static struct vc_vty *start(struct server *server, const struct step *steps, size_t count)
{
    return vc_vty_new(NULL, server_start(server, steps, count));
}

Test(vty, text_comes_without_its_end_and_enable_s_answer_is_skipped)
{
    static const struct step steps[] = {ENABLE, STEP("show version\0", "FRR 10.3\n\0\0\0\0"),
                                        STEP("configure\0", "\0\0\0\0")};
    VC_AUTO_ERROR *err = NULL;

    for (int slow = 0; slow < 2; slow++) {
        struct server server = {.byte_by_byte = slow};
        VC_AUTO_TALLOC struct vc_vty *vty = start(&server, steps, VC_COUNT(steps));
        VC_AUTO_TALLOC char *text = vc_vty_command(vty, NULL, "show version", &err);
        cr_assert_not_null(text, "%s", err ? err->message : "?");
        cr_assert_str_eq(text, "FRR 10.3\n");
        VC_AUTO_TALLOC char *nothing = vc_vty_command(vty, NULL, "configure", &err);
        cr_assert_str_eq(nothing, "");
        cr_assert(server_join(&server), "the request's bytes differ");
    }
}

Test(vty, a_large_answer)
{
    static char answer[100004];
    struct step steps[] = {ENABLE, {"show bgp\0", 9, answer, sizeof answer}};
    VC_AUTO_ERROR *err = NULL;
    struct server server = {0};

    memset(answer, 'x', 100000);
    VC_AUTO_TALLOC struct vc_vty *vty = start(&server, steps, VC_COUNT(steps));
    VC_AUTO_TALLOC char *text = vc_vty_command(vty, NULL, "show bgp", &err);
    cr_assert_not_null(text, "%s", err ? err->message : "?");
    cr_assert_eq(strlen(text), 100000);
    server_join(&server);
}

Test(vty, a_failed_command_gives_the_daemon_s_message_and_the_next_one_works)
{
    static const struct step steps[] = {ENABLE, STEP("nonsense\0", "% Unknown command: nonsense\n\0\0\0\2"),
                                        STEP("show x json\0", "{\"a\": 1}\n\0\0\0\0"),
                                        STEP("show x json\0", "% no JSON\n\0\0\0\0"),
                                        STEP("show x json\0", "{}\0\0\0\1")};
    VC_AUTO_ERROR *err = NULL;
    struct server server = {0};
    VC_AUTO_TALLOC struct vc_vty *vty = start(&server, steps, VC_COUNT(steps));

    cr_assert_null(vc_vty_command(vty, NULL, "nonsense", &err));
    cr_assert_str_eq(err->message, "FRR \"nonsense\": unknown command (status 2): % Unknown command: nonsense");
    VC_AUTO_JSON *json = vc_vty_json(vty, "show x json", &err);
    cr_assert_eq(json_integer_value(json_object_get(json, "a")), 1);
    cr_assert_null(vc_vty_json(vty, "show x json", &err));
    cr_assert_not_null(strstr(err->message, "not JSON"), "%s", err->message);
    cr_assert_null(vc_vty_json(vty, "show x json", &err));
    cr_assert_str_eq(err->message, "FRR \"show x json\": warning (status 1): {}");
    cr_assert(server_join(&server));
}

Test(vty, a_daemon_that_goes_away)
{
    static const struct step cut[] = {ENABLE, STEP("show version\0", "FRR 10.3\n\0\0")};
    VC_AUTO_ERROR *err = NULL;
    struct server server = {0};
    VC_AUTO_TALLOC struct vc_vty *vty = start(&server, cut, VC_COUNT(cut));

    cr_assert_null(vc_vty_command(vty, NULL, "show version", &err));
    cr_assert_str_eq(err->message, "FRR \"show version\": the daemon closed the connection");
    cr_assert_null(vc_vty_command(vty, NULL, "show version", &err));
    cr_assert_eq(err->errnum, ENOTCONN);
    server_join(&server);
}

struct asked {
    struct vc_vty *vty;
    sd_event *loop;
    int calls, last;
    bool null;
};

static void on_reply(void *arg, json_t *reply)
{
    struct asked *asked = arg;

    asked->calls++;
    asked->null = !reply;
    asked->last = (int)json_integer_value(json_object_get(reply, "n"));
    if (asked->calls < 2) /* asking again from the answer is allowed */
        cr_assert_eq(vc_vty_ask(asked->vty, asked->loop, "two", on_reply, asked, NULL), 0);
}

static void run_until(struct asked *asked, int calls)
{
    while (asked->calls < calls)
        cr_assert_geq(sd_event_run(asked->loop, UINT64_MAX), 0);
}

Test(vty, asynchronous, .timeout = 10)
{
    static const struct step steps[] = {ENABLE,
                                        STEP("one\0", "{\"n\": 1}\0\0\0\0"),
                                        STEP("two\0", "{\"n\": 2}\0\0\0\0"),
                                        STEP("three\0", "oops\0\0\0\2"),
                                        STEP("sync\0", "text\0\0\0\0"),
                                        STEP("four\0", "{\"n\"")};
    struct server server = {.byte_by_byte = true};
    struct asked asked = {.vty = start(&server, steps, VC_COUNT(steps))};
    VC_AUTO_ERROR *err = NULL;

    cr_assert_geq(sd_event_new(&asked.loop), 0);
    cr_assert_eq(vc_vty_ask(asked.vty, asked.loop, "one", on_reply, &asked, &err), 0);
    cr_assert_eq(vc_vty_ask(asked.vty, asked.loop, "two", on_reply, &asked, &err), -1, "one at a time");
    cr_assert_eq(err->errnum, EBUSY);
    cr_assert_null(vc_vty_command(asked.vty, NULL, "sync", &err));
    cr_assert_eq(err->errnum, EBUSY);
    run_until(&asked, 2);
    cr_assert_eq(asked.last, 2);
    cr_assert_eq(vc_vty_ask(asked.vty, asked.loop, "three", on_reply, &asked, &err), 0);
    run_until(&asked, 3);
    cr_assert(asked.null, "an error is no JSON");
    VC_AUTO_TALLOC char *text = vc_vty_command(asked.vty, NULL, "sync", &err);
    cr_assert_str_eq(text, "text");
    cr_assert_eq(vc_vty_ask(asked.vty, asked.loop, "four", on_reply, &asked, &err), 0);
    run_until(&asked, 4);
    cr_assert(asked.null, "the daemon is gone");
    cr_assert_eq(vc_vty_ask(asked.vty, asked.loop, "five", on_reply, &asked, &err), -1);
    cr_assert(server_join(&server));
    talloc_free(asked.vty);
    sd_event_unref(asked.loop);
}
