/* BIRD's control protocol against its own wire bytes: the answers were captured from BIRD 2.17. */
#include <errno.h>
#include <systemd/sd-event.h>

#include "net/bird.h"
#include "server.h"

#define GREETING STEP("", "0001 BIRD 2.17.5 ready.\n")

static const char up[] =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-device1    Device     ---        up     07:23:24.178  \n"
    "1006-\n"
    "1002-default    Static     master4    up     07:23:24.178  \n"
    "1006-  Channel ipv4\n"
    "     State:          UP\n"
    "     Routes:         1 imported, 0 exported, 1 preferred\n"
    " \n"
    "1002-ebgp-dc1   BGP        ---        up     07:23:25.007  Established   \n"
    "1006-  Description:        dc1\n"
    "     BGP state:          Established\n"
    "     Neighbor address: 10.0.0.2\n"
    "     Neighbor AS:      65001\n"
    "     Local AS:         64512\n"
    "     Neighbor capabilities\n"
    "       Multiprotocol\n"
    "         AF announced: ipv4\n"
    "     Session:          external AS4\n"
    "     Source address:   10.0.0.1\n"
    "   Channel ipv4\n"
    "     State:          UP\n"
    "     Routes:         2 imported, 1 filtered, 1 exported, 2 preferred\n"
    "     Route change stats:     received   rejected   filtered    ignored   accepted\n"
    "       Import updates:              3          0          1          0          2\n"
    " \n"
    "1002-ibgp-lan   BGP        ---        start  07:23:42.476  OpenSent      Error: Neighbor lost\n"
    "1006-  BGP state:          OpenSent\n"
    "     Neighbor address: 10.10.0.2\n"
    "     Neighbor AS:      64512\n"
    "     Local AS:         64512\n"
    "     Last error:       Error: Neighbor lost\n"
    "   Channel ipv4\n"
    "     State:          DOWN\n"
    " \n";

static const char bfd[] = "1020-bfd1:\n"
                          " IP address                Interface  State      Since         Interval  Timeout\n"
                          " 10.0.0.2                  va         Up         07:23:24.931    0.300    0.900\n"
                          " 10.0.0.6                  gre-dc2    Down       07:23:42.476    1.000    0.000\n"
                          " 10.0.0.10                 gre-dc3    Init       07:23:42.476    1.000    0.000\n";

static const char routes[] = "1007-Table master4:\n"
                             " 198.18.5.128/25      unicast [ebgp-dc2 07:23:25.047] * (100) [AS65001i]\n"
                             " \tvia 10.0.0.2 on va\n"
                             " 198.18.5.0/24        unicast [ebgp-dc2 07:23:25.047] * (100) [AS65001i]\n"
                             " \tvia 10.0.0.2 on va\n"
                             "                      unicast [ebgp-dc2 07:23:25.047] (100) [AS65001i]\n"
                             " \tvia 10.0.0.6 on vb\n";

static struct vc_bird *start(struct server *server, const struct step *steps, size_t count)
{
    return vc_bird_new(NULL, server_start(server, steps, count));
}

static void expect_json(const json_t *found, const char *expected)
{
    VC_AUTO_JSON *wanted = json_loads(expected, 0, NULL);
    VC_AUTO_FREE char *text = json_dumps(found, JSON_COMPACT | JSON_SORT_KEYS);

    cr_assert_not_null(wanted, "%s", expected);
    cr_expect(json_equal(found, wanted), "found %s", text);
}

Test(bird_reply, neighbors)
{
    VC_AUTO_JSON *peers = vc_bird_peers(up);

    expect_json(peers, "{\"10.0.0.2\": {\"protocol\": \"ebgp-dc1\", \"state\": \"Established\", \"remoteAs\": 65001, "
                       "\"pfxRcd\": 2, \"filtered\": 1, \"reason\": \"\", \"peerUptime\": \"since 07:23:25.007\"}, "
                       "\"10.10.0.2\": {\"protocol\": \"ibgp-lan\", \"state\": \"OpenSent\", \"remoteAs\": 64512, "
                       "\"pfxRcd\": 0, \"filtered\": 0, \"reason\": \"Neighbor lost\", "
                       "\"peerUptime\": \"since 07:23:42.476\"}}");
}

Test(bird_reply, bfd)
{
    VC_AUTO_JSON *sessions = vc_bird_bfd(bfd);

    expect_json(sessions, "[{\"peer\": \"10.0.0.2\", \"interface\": \"va\", \"status\": \"up\"}, "
                          "{\"peer\": \"10.0.0.6\", \"interface\": \"gre-dc2\", \"status\": \"down\"}, "
                          "{\"peer\": \"10.0.0.10\", \"interface\": \"gre-dc3\", \"status\": \"down\"}]");
}

Test(bird_reply, prefixes_are_sorted_and_each_is_there_once)
{
    VC_AUTO_JSON *found = vc_bird_prefixes(routes);

    expect_json(found, "[\"198.18.5.0/24\", \"198.18.5.128/25\"]");
}

/* What is cut short, or another table, is less, never a crash. */
Test(bird_reply, anything_else)
{
    static const char *const odd[] = {"",
                                      "\n",
                                      "1",
                                      "1002-",
                                      "1002-x BGP",
                                      "1006-  Neighbor address: 1.2.3.4",
                                      " \n \n",
                                      "1002-x BGP - up\n1006-  Routes:\n     Neighbor address:\n",
                                      "1007-1.2.3.4"};

    for (size_t i = 0; i < VC_COUNT(odd); i++) {
        VC_AUTO_JSON *peers = vc_bird_peers(odd[i]);
        VC_AUTO_JSON *sessions = vc_bird_bfd(odd[i]);
        VC_AUTO_JSON *prefixes = vc_bird_prefixes(odd[i]);
        cr_expect_eq(json_array_size(sessions) + json_array_size(prefixes), 0, "%s", odd[i]);
    }
    for (size_t length = 0; length < sizeof up; length++) {
        VC_AUTO_TALLOC char *part = talloc_strndup(NULL, up, length);
        VC_AUTO_JSON *peers = vc_bird_peers(part);
        cr_expect_leq(json_object_size(peers), 2);
    }
}

Test(bird, an_answer_comes_without_its_last_line_and_the_greeting_is_skipped)
{
    static const struct step steps[] = {GREETING,
                                        STEP("show x\n", "1020-bfd1:\n IP address\n+ebgp-dc1: Down\n a\n0000 \n"),
                                        STEP("configure\n", "0003 Reconfigured\n")};
    VC_AUTO_ERROR *err = NULL;

    for (int slow = 0; slow < 2; slow++) {
        struct server server = {.byte_by_byte = slow};
        VC_AUTO_TALLOC struct vc_bird *bird = start(&server, steps, VC_COUNT(steps));
        VC_AUTO_TALLOC char *text = vc_bird_command(bird, NULL, "show x", &err);
        cr_assert_not_null(text, "%s", err ? err->message : "?");
        cr_assert_str_eq(text, "1020-bfd1:\n IP address\n a\n");
        VC_AUTO_TALLOC char *nothing = vc_bird_command(bird, NULL, "configure", &err);
        cr_assert_str_eq(nothing, "");
        cr_assert(server_join(&server), "the request's bytes differ");
    }
}

Test(bird, a_large_answer)
{
    static char answer[100006] = "1007-";
    struct step steps[] = {GREETING, {"show route\n", 11, answer, sizeof answer}};
    VC_AUTO_ERROR *err = NULL;
    struct server server = {0};

    memset(answer + 5, 'x', 99994);
    memcpy(answer + 99999, "\n0000 \n", 7);
    VC_AUTO_TALLOC struct vc_bird *bird = start(&server, steps, VC_COUNT(steps));
    VC_AUTO_TALLOC char *text = vc_bird_command(bird, NULL, "show route", &err);
    cr_assert_not_null(text, "%s", err ? err->message : "?");
    cr_assert_eq(strlen(text), 100000);
    server_join(&server);
}

Test(bird, a_refused_command_gives_bird_s_message_and_the_next_one_works)
{
    static const struct step steps[] = {
        GREETING, STEP("nonsense\n", "9001 syntax error, unexpected CF_SYM_UNDEFINED\n"),
        STEP("disable x\n", "8003 No protocols match\n"), STEP("show y\n", "1007-y\n0000 \n")};
    VC_AUTO_ERROR *err = NULL;
    struct server server = {0};
    VC_AUTO_TALLOC struct vc_bird *bird = start(&server, steps, VC_COUNT(steps));

    cr_assert_null(vc_bird_command(bird, NULL, "nonsense", &err));
    cr_assert_str_eq(err->message, "BIRD \"nonsense\": refused: 9001 syntax error, unexpected CF_SYM_UNDEFINED");
    cr_assert_null(vc_bird_command(bird, NULL, "disable x", &err));
    cr_assert_not_null(strstr(err->message, "8003 No protocols match"), "%s", err->message);
    VC_AUTO_TALLOC char *text = vc_bird_command(bird, NULL, "show y", &err);
    cr_assert_str_eq(text, "1007-y\n");
    cr_assert(server_join(&server));
}

Test(bird, a_daemon_that_goes_away)
{
    static const struct step cut[] = {GREETING, STEP("show x\n", "1007-half")};
    VC_AUTO_ERROR *err = NULL;
    struct server server = {0};
    VC_AUTO_TALLOC struct vc_bird *bird = start(&server, cut, VC_COUNT(cut));

    cr_assert_null(vc_bird_command(bird, NULL, "show x", &err));
    cr_assert_str_eq(err->message, "BIRD \"show x\": the daemon closed the connection");
    cr_assert_null(vc_bird_command(bird, NULL, "show x", &err));
    cr_assert_eq(err->errnum, ENOTCONN);
    server_join(&server);
}

struct asked {
    struct vc_bird *bird;
    sd_event *loop;
    int calls, news;
    char last[64], told[64]; /* the last answer and piece of news; "(null)" */
};

static void on_news(void *arg, const char *line)
{
    struct asked *asked = arg;

    asked->news++;
    snprintf(asked->told, sizeof asked->told, "%s", line);
}

static void on_reply(void *arg, const char *reply)
{
    struct asked *asked = arg;

    asked->calls++;
    snprintf(asked->last, sizeof asked->last, "%s", reply ? reply : "(null)");
    if (asked->calls < 2) /* asking again from the answer is allowed */
        cr_assert_eq(vc_bird_ask(asked->bird, asked->loop, "two", on_reply, asked, NULL), 0);
}

static void run_until(struct asked *asked, int calls)
{
    while (asked->calls < calls)
        cr_assert_geq(sd_event_run(asked->loop, UINT64_MAX), 0);
}

static void ask(struct asked *asked, const char *command, int calls)
{
    cr_assert_eq(vc_bird_ask(asked->bird, asked->loop, command, on_reply, asked, NULL), 0);
    run_until(asked, calls);
}

Test(bird, asynchronous, .timeout = 10)
{
    static const struct step steps[] = {GREETING, STEP("one\n", "+before\n1007-1\n+inside\n0000 \n"),
                                        STEP("two\n", "1007-2\n0000 \n"), STEP("three\n", "9001 syntax error\n"),
                                        STEP("four\n", "1007-4")};
    struct server server = {.byte_by_byte = true};
    struct asked asked = {.bird = start(&server, steps, VC_COUNT(steps))};
    VC_AUTO_ERROR *err = NULL;

    cr_assert_geq(sd_event_new(&asked.loop), 0);
    cr_assert_eq(vc_bird_listen(asked.bird, asked.loop, on_news, &asked, &err), 0);
    cr_assert_eq(vc_bird_ask(asked.bird, asked.loop, "one", on_reply, &asked, &err), 0);
    cr_assert_eq(vc_bird_ask(asked.bird, asked.loop, "two", on_reply, &asked, &err), -1, "one at a time");
    cr_assert_eq(err->errnum, EBUSY);
    cr_assert_null(vc_bird_command(asked.bird, NULL, "sync", &err));
    cr_assert_eq(err->errnum, EBUSY);
    run_until(&asked, 2);
    cr_assert_str_eq(asked.last, "1007-2\n");
    cr_assert_eq(asked.news, 2);
    cr_assert_str_eq(asked.told, "inside");
    ask(&asked, "three", 3);
    cr_assert_str_eq(asked.last, "(null)", "refused");
    ask(&asked, "four", 4);
    cr_assert_str_eq(asked.last, "(null)", "the daemon is gone");
    cr_assert_eq(vc_bird_ask(asked.bird, asked.loop, "five", on_reply, &asked, &err), -1);
    cr_assert(server_join(&server));
    talloc_free(asked.bird);
    sd_event_unref(asked.loop);
}

/* BIRD writes both at once; nothing more may ever come that would wake the reader. */
Test(bird, news_behind_an_answer_is_not_left_in_the_buffer, .timeout = 10)
{
    static const struct step steps[] = {GREETING, STEP("one\n", "1007-1\n0000 \n"),
                                        STEP("two\n", "1007-2\n0000 \n+ebgp-dc1: BGP session established\n")};
    struct server server = {0};
    struct asked asked = {.bird = start(&server, steps, VC_COUNT(steps))};
    VC_AUTO_ERROR *err = NULL;

    cr_assert_geq(sd_event_new(&asked.loop), 0);
    cr_assert_eq(vc_bird_listen(asked.bird, asked.loop, on_news, &asked, &err), 0);
    ask(&asked, "one", 2);
    cr_assert_str_eq(asked.told, "ebgp-dc1: BGP session established");
    cr_assert(server_join(&server));
    talloc_free(asked.bird);
    sd_event_unref(asked.loop);
}
