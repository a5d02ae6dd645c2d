/* The acceptance report: what it says of cases that passed, failed, were not shown or left nothing; and no secret. */
#include "report/acceptance.h"

#include "folder.h"

TestSuite(acceptance, .init = folder_open, .fini = folder_close);

#define HAS(text, part) cr_assert(strstr((text), (part)), "no \"%s\" in\n%s", (part), (text))

static const struct vc_acceptance_case cases[] = {
    {"baseline", "Nothing <fails>", "Both tunnels are up", "f-baseline", ""},
    {"tunnel-dc1", "The tunnel is lost", "Calls go on", "f-tunnel-dc1", ""},
    {"voice", "Calls & more", "None is lost", "f-voice", ""},
};

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

static json_t *made_with(const char *const *results, const char *const *skipped)
{
    const struct vc_acceptance acceptance = {
        .timers = "tuned", .cases = (struct vc_acceptance_case *)(uintptr_t)cases, .count = VC_COUNT(cases)};
    VC_AUTO_JSON *order = json(
        "{\"form\": \"acme-eu\", \"order\": \"o1\", \"customer\": \"acme\", \"region\": \"eu\", \"status\": "
        "\"activated\", \"since\": "
        "\"2026-01-31T12:00:00Z\", \"view\": \"export\", \"service\": \"198.18.0.0/24\", \"customer_as\": 64512, "
        "\"lan\": [\"10.10.0.0/16\"], \"keepalives\": \"on\", \"calls\": 1500, \"tunnels\": [], \"security\": {}}");

    return vc_acceptance_document(order, &acceptance, results, skipped, 12.5);
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
    HAS(text, "ACCEPTED: 3 of 3 cases are as promised, with tuned timers.\n");
    HAS(text, "\n2. The tunnel is lost.\n   Calls go on.\n   as promised\n"
              "   - voice-dc1: gone for 5.00 s at most (±20 ms), 250 of 1000 packets lost, MOS 2.50\n"
              "   - voice-dc2: no packet lost\n");
    HAS(text, results[1]);
    HAS(text, "\nPlan: 1500 calls at the busiest time are 120.0 Mbit/s each way, 48 % of what one tunnel carries (3125 "
              "calls).\n");
    HAS(html, "<p>Plan: 1500 calls ");
    HAS(html, "<p class=\"big pass\">ACCEPTED: 3 of 3 cases are as promised</p>");
    HAS(html, "1. Nothing &lt;fails&gt; <span class=\"tag pass\">as promised</span>");
    HAS(html, "<td>5.00 s (±20 ms)</td><td>250 of 1000</td><td>2.50</td>");
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
    HAS(text, "   not as promised: said <so>\n   - not met: voice takes dc2\n   - not met: no-loop\n");
    HAS(text, "   not as promised: it left no result\n");
    HAS(html, "<span class=\"tag fail\">not as promised</span>");
    HAS(html, "<strong>said &lt;so&gt;</strong>");
    HAS(html, "3. Calls &amp; more ");
}

Test(acceptance, of_a_host_that_was_too_slow_is_none)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *const results[] = {put_result(ctx, "a", "pass", ""), put_result(ctx, "b", "inconclusive", ""),
                                   put_result(ctx, "c", "pass", "")};
    VC_AUTO_JSON *document = made(results);

    cr_assert_eq(vc_acceptance_status(document), VC_EXIT_INCONCLUSIVE);
    HAS(vc_acceptance_text(ctx, document), "NOT ACCEPTED: 2 of 3");
    HAS(vc_acceptance_text(ctx, document), "not shown: this host was too slow");
}

Test(acceptance, with_a_case_that_was_not_played_is_none)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *const results[] = {put_result(ctx, "a", "pass", ""), put_result(ctx, "b", "inconclusive", ""), NULL};
    const char *const skipped[] = {NULL, NULL, "it needs the kernel"};
    VC_AUTO_JSON *document = made_with(results, skipped);

    cr_assert_eq(vc_acceptance_status(document), VC_EXIT_HOST);
    HAS(vc_acceptance_text(ctx, document), "NOT ACCEPTED: 1 of 3");
    HAS(vc_acceptance_text(ctx, document), "   not tried: it needs the kernel\n");
    HAS(vc_acceptance_html(ctx, document), "<span class=\"tag inconclusive\">not tried</span>");
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
