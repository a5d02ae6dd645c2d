/* The acceptance report: what it says of cases that passed, failed, were not shown or left nothing; and no secret. */
#include "report/acceptance.h"

#include "folder.h"

TestSuite(acceptance, .init = folder_open, .fini = folder_close);

#define HAS(text, part) cr_assert(strstr((text), (part)), "no \"%s\" in\n%s", (part), (text))

static const struct vc_acceptance_load loads[] = {{"dc1-there", 8, 1000, 1}, {"dc1-back", 8, 1000, 1}};

static const struct vc_acceptance_case cases[] = {
    {.name = "baseline", .title = "Nothing <fails>", .promise = "Both tunnels are up", .scenario = "f-baseline"},
    {.name = "tunnel-dc1", .title = "The tunnel is lost", .promise = "Calls go on", .scenario = "f-tunnel-dc1"},
    {.name = "sizes", .title = "Packets & more", .promise = "None is lost", .scenario = "f-sizes"},
};
static const struct vc_acceptance_case voice = {.name = "voice",
                                                .title = "Calls",
                                                .promise = "MOS is 4.0 or better",
                                                .scenario = "f-voice",
                                                .loads = loads,
                                                .load_count = VC_COUNT(loads)};

static char *put_result(void *ctx, const char *name, const char *verdict, const char *more)
{
    VC_AUTO_TALLOC char *file = talloc_asprintf(NULL, "%s/run.json", name);
    VC_AUTO_TALLOC char *text = talloc_asprintf(
        NULL,
        "{\"schema\": \"vclab.run/1\", \"scenario\": \"f\", \"verdict\": \"%s\", \"reason\": \"said <so>\", \"seed\": "
        "1, "
        "\"digest\": \"sha256:77\", \"virtual_s\": 20.5, \"wall_s\": 3.5, \"versions\": {\"frr\": \"10.3\"}, "
        "\"flows\": "
        "[{\"name\": \"voice-dc1\", \"sent\": 1000, \"lost\": 250, \"longest_outage_ms\": 5000.0, \"resolution_ms\": "
        "20.0, \"mos\": 2.5}, {\"name\": \"voice-dc2\", \"sent\": 1000, \"lost\": 0}]%s}",
        verdict, more);

    put(file, text);
    return in_top(ctx, name);
}

static json_t *order_json(int calls)
{
    json_t *order =
        json("{\"form\": \"acme-eu\", \"order\": \"o1\", \"customer\": \"acme\", \"region\": \"eu\", \"status\": "
             "\"activated\", \"since\": "
             "\"2026-01-31T12:00:00Z\", \"view\": \"export\", \"service\": \"198.18.0.0/24\", \"customer_as\": 64512, "
             "\"lan\": [\"10.10.0.0/16\"], \"keepalives\": \"on\", \"tunnels\": [], \"security\": {}}");

    json_object_set_new(order, "calls", json_integer(calls));
    return order;
}

static json_t *document_of(const struct vc_acceptance_case *of, size_t count, const struct vc_acceptance_played *played,
                           const json_t *cpes, int calls)
{
    const struct vc_acceptance acceptance = {.timers = "tuned",
                                             .recovery = "35 s",
                                             .played = "Played as bits.",
                                             .cases = (struct vc_acceptance_case *)(uintptr_t)of,
                                             .count = count};
    VC_AUTO_JSON *order = order_json(calls);
    VC_AUTO_JSON *rows = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(rows, vc_acceptance_row(&of[i], &played[i]));
    return vc_acceptance_document(order, &acceptance, rows, cpes, 12.5);
}

static json_t *made_with(const char *const *results, const char *const *skipped)
{
    struct vc_acceptance_played played[VC_COUNT(cases)] = {{0}};

    for (size_t i = 0; i < VC_COUNT(cases); i++)
        played[i] = (struct vc_acceptance_played){.result = results[i], .skipped = skipped[i]};
    return document_of(cases, VC_COUNT(cases), played, NULL, 1500);
}

static json_t *made(const char *const *results)
{
    static const char *const skipped[] = {NULL, NULL, NULL};
    return made_with(results, skipped);
}

Test(acceptance, is_given_when_every_case_passed)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *const results[] = {put_result(ctx, "a", "pass", ""), put_result(ctx, "b", "pass", ""),
                                   put_result(ctx, "c", "pass", "")};
    VC_AUTO_JSON *document = made(results);
    const char *text = vc_acceptance_text(ctx, document), *html = vc_acceptance_html(ctx, document);

    cr_assert(json_is_true(json_object_get(document, "accepted")));
    cr_assert_eq(vc_acceptance_status(document), VC_EXIT_PASS);
    cr_assert_eq(strstr(text, "ACCEPTED: 3 of 3 cases are as promised.\n"), text);
    HAS(text, "order o1 of acme in region eu, tried 20");
    HAS(text, "Everything that is promised was shown. It was tried in a lab");
    HAS(text, "Timers: tuned. When a tunnel dies without a sign, its calls go on by the other tunnel after 35 s at ");
    HAS(text, "\n   1. as promised      Nothing <fails>\n   2. as promised      The tunnel is lost\n");
    /* An average over an outage says nothing of either. */
    HAS(text, "\n2. The tunnel is lost.\n   Calls go on.\n   as promised\n"
              "   - calls to dc1: gone for 5.00 s at most (±20 ms), 250 of 1000 packets lost\n"
              "   - calls to dc2: no packet lost\n");
    /* Wherever both are taken, and no word of this machine. */
    HAS(text, "   evidence: ../b\n");
    cr_assert(!strstr(text, top) && !strstr(html, top));
    HAS(text, "\nPlan: 1500 calls at the busiest time are 120.0 Mbit/s each way, 48 % of what one tunnel carries (3125 "
              "calls). They were not tried.\n");
    cr_assert(!strstr(text, "BEWARE"));
    HAS(html, "<p>Plan: 1500 calls ");
    HAS(html, "<p class=\"big pass\">ACCEPTED: 3 of 3 cases are as promised</p>");
    HAS(html, "1. Nothing &lt;fails&gt; <span class=\"tag pass\">as promised</span>");
    HAS(html, "<p>calls to dc1: gone for 5.00 s at most (±20 ms), 250 of 1000 packets lost</p>");
    HAS(html, "Everything that is promised was shown.");
    HAS(html, "frr 10.3; ");
    cr_assert(!strstr(html, "<fails>") && !strstr(html, "http") && !strstr(html, "<script"));
}

Test(acceptance, is_refused_with_the_reason)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *more = ", \"expectations\": [{\"text\": \"voice takes dc2\", \"verdict\": \"fail\"}, {\"text\": \"x\", "
                       "\"verdict\": \"pass\"}], \"invariants\": [{\"name\": \"no-loop\", \"verdict\": \"fail\"}]";
    const char *const results[] = {put_result(ctx, "a", "pass", ""), put_result(ctx, "b", "fail", more), NULL};
    VC_AUTO_JSON *document = made(results);
    const char *text = vc_acceptance_text(ctx, document), *html = vc_acceptance_html(ctx, document);

    cr_assert(json_is_false(json_object_get(document, "accepted")));
    cr_assert_eq(vc_acceptance_status(document), VC_EXIT_FAIL);
    HAS(text, "NOT ACCEPTED: 1 of 3 cases are as promised");
    HAS(text, "What is not as promised has to be mended before the order goes into service. 1 more cases were not ");
    HAS(text, "\n   2. NOT AS PROMISED  The tunnel is lost\n                       said <so>\n"
              "   3. not played       Packets & more\n");
    HAS(text, "   not as promised: said <so>\n   - not met: voice takes dc2\n   - not met: no-loop\n");
    HAS(text, "   not played: this host could not: it left no result\n");
    HAS(html, "<span class=\"tag fail\">not as promised</span>");
    HAS(html, "<strong>said &lt;so&gt;</strong>");
    HAS(html, "3. Packets &amp; more ");
}

Test(acceptance, of_a_host_that_was_too_slow_is_none)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *const results[] = {put_result(ctx, "a", "pass", ""), put_result(ctx, "b", "inconclusive", ""),
                                   put_result(ctx, "c", "pass", "")};
    VC_AUTO_JSON *document = made(results);

    cr_assert_eq(vc_acceptance_status(document), VC_EXIT_INCONCLUSIVE);
    HAS(vc_acceptance_text(ctx, document), "NOT ACCEPTED: 2 of 3");
    HAS(vc_acceptance_text(ctx, document), "not shown on this host: said <so>");
}

Test(acceptance, with_a_case_that_was_not_played_is_none)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *const results[] = {put_result(ctx, "a", "pass", ""), put_result(ctx, "b", "inconclusive", ""), NULL};
    const char *const skipped[] = {NULL, NULL, "it needs the kernel"};
    VC_AUTO_JSON *document = made_with(results, skipped);

    cr_assert_eq(vc_acceptance_status(document), VC_EXIT_HOST);
    HAS(vc_acceptance_text(ctx, document), "NOT ACCEPTED: 1 of 3");
    HAS(vc_acceptance_text(ctx, document),
        "   3. not tried        Packets & more\n                       it needs the ");
    HAS(vc_acceptance_text(ctx, document), "Nothing was found wrong, but 2 of the cases were not shown");
    HAS(vc_acceptance_html(ctx, document), "<span class=\"tag inconclusive\">not tried</span>");
    /* There is no more to tell of it. */
    cr_assert(!strstr(vc_acceptance_text(ctx, document), "\n3. "));
    cr_assert(!strstr(vc_acceptance_html(ctx, document), "<h2>3. "));
}

Test(acceptance, tells_a_reason_once)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *const results[] = {put_result(ctx, "a", "fail", ""), NULL, NULL};
    const char *const skipped[] = {NULL, "left out", "left out"};
    VC_AUTO_JSON *document = made_with(results, skipped);

    HAS(vc_acceptance_text(ctx, document),
        "   2. not tried        The tunnel is lost\n                       left out\n"
        "   3. not tried        Packets & more\n\n");
    HAS(vc_acceptance_html(ctx, document), "The tunnel is lost<br>left out</td>");
    HAS(vc_acceptance_html(ctx, document), "Packets &amp; more</td>");
}

Test(acceptance, is_three_files_in_a_result_of_its_own)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *const results[] = {NULL, NULL, NULL};
    VC_AUTO_JSON *document = made(results);
    VC_AUTO_ERROR *err = NULL;
    const char *folder = vc_acceptance_write(ctx, in_top(ctx, "results"), document, &err);

    cr_assert(folder && strstr(folder, "-acme-eu-acceptance-"), "%s", err ? err->message : folder);
    const char *json_file = talloc_asprintf(ctx, "%s/acceptance.json", folder);
    VC_AUTO_JSON *again = json_load_file(json_file, 0, NULL);
    cr_assert(json_equal(again, document));
    cr_assert(!access(talloc_asprintf(ctx, "%s/acceptance.html", folder), R_OK));
    cr_assert(!access(talloc_asprintf(ctx, "%s/acceptance.txt", folder), R_OK));
    cr_assert(access(talloc_asprintf(ctx, "%s/captures", folder), F_OK));
    put("file", "");
    cr_assert(!vc_acceptance_write(ctx, in_top(ctx, "file"), document, &err));
}

/* ---- calls under load ---- */

/* The events of a run in which each load sent and received so many packets; one way, jitter and loss of one flow. */
static char *put_voice(void *ctx, const char *name, const char *verdict, const char *run, int sent, double p99,
                       double min, int lost, const char *more)
{
    char *folder = put_result(ctx, name, verdict, run);
    VC_AUTO_TALLOC char *file = talloc_asprintf(NULL, "%s/events.jsonl", name);
    VC_AUTO_TALLOC char *text = talloc_asprintf(
        NULL,
        "%s{\"t_ns\": 1, \"layer\": \"probe\", \"what\": \"load\", \"load\": \"dc1-there\", \"start_ns\": 1000000000, "
        "\"end_ns\": 3000000000, \"sent\": %d, \"received\": %d, \"lost\": 0, \"mbit\": 8.0}\n"
        "{\"t_ns\": 2, \"layer\": \"probe\", \"what\": \"load\", \"load\": \"dc1-back\", \"start_ns\": 1000000000, "
        "\"end_ns\": 3000000000, \"sent\": 1000, \"received\": 1000, \"lost\": 0, \"mbit\": 8.0}\n"
        "{\"t_ns\": 3, \"layer\": \"probe\", \"what\": \"gap\", \"flow\": \"voice-dc1\", \"direction\": \"return\", "
        "\"first_lost_ns\": 1500000000, \"last_lost_ns\": 1600000000, \"lost\": %d}\n"
        "{\"t_ns\": 4, \"layer\": \"probe\", \"what\": \"gap\", \"flow\": \"voice-dc1\", \"direction\": \"return\", "
        "\"first_lost_ns\": 500000000, \"last_lost_ns\": 900000000, \"lost\": 77}\n"
        "{\"t_ns\": 5, \"layer\": \"probe\", \"what\": \"summary\", \"flow\": \"voice-dc1\", \"direction\": "
        "\"return\", "
        "\"owd_ms\": {\"min\": %f, \"median\": 1.0, \"p99\": %f, \"max\": 200.0}}\n",
        more, sent, sent, lost, min, p99);

    put(file, text);
    return folder;
}

static json_t *voice_row_of(const char *result)
{
    return vc_acceptance_row(&voice, &(struct vc_acceptance_played){.result = result});
}

#define VERDICT(row, wanted, why)                                                                                      \
    do {                                                                                                               \
        cr_expect_str_eq(vc_member_text(row, "verdict"), wanted);                                                      \
        cr_expect(strstr(vc_member_text(row, "reason"), why), "%s", vc_member_text(row, "reason"));                    \
    } while (0)

Test(acceptance, of_calls_asks_for_delay_jitter_loss_and_mos)
{
    static const struct {
        double p99, min;
        int lost;
        const char *verdict, *reason;
    } rows[] = {{20, 5, 0, "pass", ""},
                {150, 121, 1, "pass", ""},
                {151, 140, 0, "fail", "voice-dc1 (return): one way 151.0 ms under load; allowed: 150 ms at most"},
                {40, 9, 0, "fail", "voice-dc1 (return): jitter 31.0 ms under load; allowed: 30 ms at most"},
                {20, 5, 2, "fail", "voice-dc1 (return): loss 2.0 % under load; allowed: 1 % at most"},
                {20, 5, 20, "fail", "loss 20.0 %"}};

    for (size_t i = 0; i < VC_COUNT(rows); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *name = talloc_asprintf(ctx, "v%zu", i);
        VC_AUTO_JSON *row =
            voice_row_of(put_voice(ctx, name, "pass", "", 1000, rows[i].p99, rows[i].min, rows[i].lost, ""));

        VERDICT(row, rows[i].verdict, rows[i].reason);
        cr_assert_eq(json_array_size(json_object_get(row, "voice")), 1);
        cr_assert_eq(json_array_size(json_object_get(row, "loads")), 2);
    }
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *bad = voice_row_of(put_voice(ctx, "mos", "pass", "", 1000, 20, 5, 20, ""));
    const json_t *unmet = json_object_get(bad, "unmet");
    cr_assert_str_eq(json_string_value(json_array_get(unmet, 1)),
                     "voice-dc1 (return): MOS 2.6 under load; allowed: 4 at least");
}

/* A load that this host did not send shows nothing, neither good nor bad. */
Test(acceptance, of_a_load_that_was_not_sent_is_none)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *slow =
        ", \"expectations\": [{\"text\": \"load dc1-there arrives with at least 7 Mbit/s\", \"verdict\": "
        "\"fail\"}]";
    const char *both =
        ", \"expectations\": [{\"text\": \"load dc1-there arrives with at least 7 Mbit/s\", \"verdict\": "
        "\"fail\"}, {\"text\": \"BGP over tunnel dc2 is up\", \"verdict\": \"fail\"}]";
    VC_AUTO_JSON *enough = voice_row_of(put_voice(ctx, "enough", "pass", "", 960, 20, 5, 0, ""));
    VC_AUTO_JSON *passed = voice_row_of(put_voice(ctx, "passed", "pass", "", 959, 20, 5, 0, ""));
    VC_AUTO_JSON *failed = voice_row_of(put_voice(ctx, "failed", "fail", slow, 500, 20, 5, 0, ""));
    VC_AUTO_JSON *broken = voice_row_of(put_voice(ctx, "broken", "fail", both, 500, 20, 5, 0, ""));
    VC_AUTO_JSON *lossy = voice_row_of(put_voice(ctx, "lossy", "fail", slow, 1000, 20, 5, 0, ""));

    VERDICT(enough, "pass", "");
    VERDICT(passed, "inconclusive", "sent 959 of the 1000 packets of load dc1-there");
    VERDICT(failed, "inconclusive", "sent 500 of the 1000 packets");
    VERDICT(broken, "fail", "said <so>");
    VERDICT(lossy, "fail", "said <so>");
}

Test(acceptance, of_a_tunnel_without_its_limit_is_none)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *unshaped = "{\"t_ns\": 0, \"layer\": \"link\", \"what\": \"unshaped\", \"ifname\": \"gre-dc1\"}\n";
    VC_AUTO_JSON *row = voice_row_of(put_voice(ctx, "u", "pass", "", 1000, 20, 5, 0, unshaped));

    VERDICT(row, "inconclusive", "cannot hold a tunnel to its 250 Mbit/s");
}

Test(acceptance, tells_how_calls_were_played)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_acceptance_played played = {.result = put_voice(ctx, "v", "pass", "", 1000, 20, 5, 0, "")};
    VC_AUTO_JSON *tried = document_of(&voice, 1, &played, NULL, 100);
    const struct vc_acceptance_played not_played = {.skipped = "left out"};
    VC_AUTO_JSON *none = document_of(&voice, 1, &not_played, NULL, 100);

    HAS(vc_acceptance_text(ctx, tried), " calls). Played as bits.\n");
    HAS(vc_acceptance_text(ctx, tried), "   - calls to dc1 (to the phones): one way 20.0 ms");
    HAS(vc_acceptance_text(ctx, none), " calls). They were not tried.\n");
    cr_assert(!strstr(vc_acceptance_text(ctx, none), "Played"));
}

Test(acceptance, tells_what_the_plan_needs_outside)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_acceptance_played played = {.result = put_result(ctx, "a", "pass", "")};
    VC_AUTO_JSON *fits = document_of(cases, 1, &played, NULL, 2232);
    VC_AUTO_JSON *more = document_of(cases, 1, &played, NULL, 2233);

    cr_assert(!strstr(vc_acceptance_text(ctx, fits), "BEWARE"));
    HAS(vc_acceptance_text(ctx, more), "BEWARE");
    HAS(vc_acceptance_text(ctx, more), "one tunnel carries 2232 calls and not these");
    HAS(vc_acceptance_html(ctx, more), "one tunnel carries 2232 calls and not these");
}

Test(acceptance, that_cannot_be_kept_is_refused_unplayed)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_acceptance_case full = {
        .name = "voice", .title = "t", .promise = "p", .scenario = "f", .cannot = "3125 calls need more"};
    struct vc_acceptance_played played = {.skipped = full.cannot};
    VC_AUTO_JSON *document = document_of(&full, 1, &played, NULL, 3125);

    cr_assert_eq(vc_acceptance_status(document), VC_EXIT_FAIL);
    HAS(vc_acceptance_text(ctx, document), "not as promised: 3125 calls need more");
}

Test(acceptance, that_this_host_could_not_play_says_why)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_acceptance_played played = {.broken = "QEMU ended: no memory"};
    VC_AUTO_JSON *document = document_of(cases, 1, &played, NULL, 100);

    cr_assert_eq(vc_acceptance_status(document), VC_EXIT_HOST);
    HAS(vc_acceptance_text(ctx, document), "not played: this host could not: QEMU ended: no memory");
}

/* ---- each single failure ---- */

Test(acceptance, has_a_row_for_each_failure)
{
    static const struct vc_acceptance_case each = {.name = "each-failure", .title = "Each <fails>", .promise = "p"};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *elements = json(
        "[{\"name\": \"link/inet-dc1\", \"verdict\": \"agrees\", \"reason\": \"\", \"paths\": {\"dc1-srv\": "
        "[\"dc2\", \"wan\"], \"dc2-srv\": [\"dc2\"]}}, {\"name\": \"node/lan\", \"verdict\": \"mismatch\", \"reason\": "
        "\"<so>\", \"paths\": {\"dc1-srv\": null}}, {\"name\": \"drop/bfd/dc1\", \"verdict\": \"not-applicable\", "
        "\"reason\": \"none\", \"paths\": {}}]");
    struct vc_acceptance_played played = {
        .result = in_top(ctx, "sweep"), .elements = elements, .verdict = "fail", .broken = "1 of 3 failures"};
    VC_AUTO_JSON *document = document_of(&each, 1, &played, NULL, 100);
    const char *text = vc_acceptance_text(ctx, document), *html = vc_acceptance_html(ctx, document);

    cr_assert_eq(vc_acceptance_status(document), VC_EXIT_FAIL);
    HAS(text,
        "not as promised: 1 of 3 failures\n   - 3 single failures: 1 as the model says, 1 where nothing of the kind "
        "passes, 1 otherwise; all of them are in the table at the end\n   - node/lan");
    HAS(text, "   - link/inet-dc1                dc1-srv by dc2+wan, dc2-srv by dc2: as the model says\n");
    HAS(text, "   - node/lan                     dc1-srv lost: NOT as the model says: <so>\n");
    HAS(text, "nothing of the kind passes there: none\n");
    HAS(text, "   evidence: ../sweep\n");
    HAS(html, "<h2>Each single failure</h2>");
    HAS(html, "<td>link/inet-dc1</td><td>dc1-srv by dc2+wan, dc2-srv by dc2</td><td>as the model says</td>");
    HAS(html, "NOT as the model says: &lt;so&gt;");
    played.verdict = "pass";
    VC_AUTO_JSON *good = document_of(&each, 1, &played, NULL, 100);
    cr_assert_eq(vc_acceptance_status(good), VC_EXIT_PASS);
    played.verdict = "skipped";
    VC_AUTO_JSON *some = document_of(&each, 1, &played, NULL, 100);
    cr_assert_eq(vc_acceptance_status(some), VC_EXIT_HOST);
    cr_assert(json_is_false(json_object_get(some, "accepted")));
}

/* ---- a baseline that fails ---- */

Test(acceptance, that_fails_at_the_baseline_says_the_cause_first)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_acceptance_played played = {.result = put_result(ctx, "a", "fail", "")};
    VC_AUTO_JSON *document = document_of(cases, 1, &played, NULL, 100);
    json_object_set_new(json_array_get(json_object_get(document, "cases"), 0), "causes",
                        json("[{\"cause\": \"ike-psk\", \"node\": \"cpe1\", \"tunnel\": \"dc1\", \"text\": "
                             "\"the <key> differs\", \"remedy\": \"Enter it again\"}]"));

    HAS(vc_acceptance_text(ctx, document),
        "\n   1. NOT AS PROMISED  Nothing <fails>\n                       said <so>\n                       cause: at "
        "cpe1, tunnel dc1: the <key> differs. Enter it again\n");
    HAS(vc_acceptance_html(ctx, document),
        "<strong>cause: at cpe1, tunnel dc1: the &lt;key&gt; differs. Enter it again</strong>");
}

/* A run that fails leaves what the doctor needs; where something was broken on purpose he would only name that. */
Test(acceptance, of_a_case_without_faults_has_the_doctors_cause)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *evidence =
        json_load_file(VCLAB_SOURCE_DIR "/tests/doctor/evidence/two-cpe-data-no-mss-tuned.json", 0, NULL);
    VC_AUTO_JSON *event =
        json_pack("{s:i, s:s, s:s, s:O}", "t_ns", 9, "layer", "check", "what", "evidence", "document", evidence);
    VC_AUTO_FREE char *line = json_dumps(event, JSON_COMPACT);
    VC_AUTO_TALLOC char *lines = talloc_asprintf(NULL, "%s\n", line);
    struct vc_acceptance_case sizes = {
        .name = "packet-sizes", .title = "t", .promise = "p", .scenario = "s", .text = "steps:\n  - hold: 1s\n"};
    const struct vc_acceptance_played played = {.result = put_result(ctx, "s", "fail", "")};

    put("s/events.jsonl", lines);
    VC_AUTO_JSON *plain = vc_acceptance_row(&sizes, &played);
    const json_t *causes = json_object_get(plain, "causes");
    cr_assert_eq(json_array_size(causes), 6);
    cr_expect_str_eq(vc_member_text(json_array_get(causes, 0), "cause"), "mss-not-clamped");
    sizes.text = "steps:\n  - fault: {name: fault, kind: drop}\n";
    VC_AUTO_JSON *broken = vc_acceptance_row(&sizes, &played);
    cr_expect(!json_object_get(broken, "causes"));
}

/* ---- the customer's own CPE ---- */

Test(acceptance, tells_what_the_customers_cpe_has_otherwise)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *cpes = json(
        "[{\"schema\": \"vclab.import/1\", \"file\": \"r1.cfg\", \"node\": \"cpe1\", \"deviations\": [{\"knob\": "
        "\"mss\", "
        "\"tunnel\": \"dc1\", \"line\": 12, \"found\": 1460, \"ordered\": 1350, \"requirement\": \"R42\"}], \"notes\": "
        "[\"a <note>\"], \"unknown\": [{\"line\": 7, \"text\": \"tacacs key HIDDEN\"}, {\"line\": 9, \"text\": "
        "\"x\"}]}]");
    struct vc_acceptance_played played = {.result = put_result(ctx, "a", "pass", "")};
    VC_AUTO_JSON *document = document_of(cases, 1, &played, cpes, 100);
    const char *text = vc_acceptance_text(ctx, document), *html = vc_acceptance_html(ctx, document);

    HAS(text, "CPE cpe1 is tried as r1.cfg configures it; 1 of its settings are not the order's:\n");
    HAS(text, "   - r1.cfg:12: tunnel dc1: mss is 1460; the order has 1350 (R42)\n");
    HAS(text, "   - a <note>\n   - not understood, and so not tried: line 7, 9\n");
    HAS(html, "r1.cfg:12: tunnel dc1: mss is 1460; the order has 1350 (R42)");
    HAS(html, "a &lt;note&gt;");
    VC_AUTO_FREE char *all = json_dumps(document, 0);
    cr_assert(!strstr(text, "HIDDEN") && !strstr(html, "HIDDEN") && !strstr(all, "HIDDEN"));
}
