/* What there is, what it shows, what came of it: read from a home of the test's own, told as JSON, tables and Markdown.
 */
#include "report/catalogue.h"

#include "folder.h"

static void home_open(void)
{
    folder_open();
    VC_AUTO_TALLOC char *nodes = in_top(NULL, "nodes");
    VC_AUTO_TALLOC char *topologies = in_top(NULL, "topologies");
    cr_assert(!symlink(VCLAB_SOURCE_DIR "/nodes", nodes) && !symlink(VCLAB_SOURCE_DIR "/topologies", topologies));
}

TestSuite(catalogue, .init = home_open, .fini = folder_close);

/* scenarios/<family>/<name>.yaml: `head` has its requirements, `steps` come after the first expect step. */
static void put_scenario(const char *family, const char *name, const char *head, const char *steps)
{
    VC_AUTO_TALLOC char *file = talloc_asprintf(NULL, "scenarios/%s/%s.yaml", family, name);
    VC_AUTO_TALLOC char *text =
        talloc_asprintf(NULL,
                        "scenario: %s\ndescription: >\n  Calls <must> run\n  on.\ntopology: two-cpe\ntimers: bfd\n%s"
                        "flows:\n  voice: {from: phone, to: dc1-srv}\nsteps:\n"
                        "  - expect:\n      - converged: {within: 60s}\n%s",
                        name, head, steps);

    put(file, text);
}

static void put_scenarios(void)
{
    put_scenario("failover", "cut", "requirements: [R1, R40]\nfault_of: [R1]\n",
                 "  - repeat:\n      times: 4\n      steps:\n"
                 "        - fault: {name: cut, kind: drop, select: esp, link: inet-dc1}\n"
                 "        - expect:\n            - path: {flow: voice, via: [dc2, wan], within: 2s}\n"
                 "        - heal: cut\n");
    put_scenario("baseline", "quiet", "requirements: [R1, R39]\n", "  - hold: 5s\n");
    put_scenario("baseline", "noise", "requirements: [R1]\n", "");
    put_scenario("guide", "only-fault", "fault_of: [R31]\n", "");
}

static void put_form(const char *folder, const char *name, const char *source, const char *refused)
{
    VC_AUTO_TALLOC char *file = talloc_asprintf(NULL, "forms/%s/%s.yaml", folder, name);
    VC_AUTO_TALLOC char *text = talloc_asprintf(
        NULL,
        "form: %s\ncustomer: acme\norder: o1\nregions: [eu]\nregion: eu\ndedicated_instance: active\n"
        "lan: [10.10.0.0/16]\ncpes:\n  cpe1: {ipsec: %s, transport: {dc1: 10.200.0.1, dc2: 10.200.0.2}}\n"
        "example:\n  requirements: [R8]\n%s%s\n",
        name, source, refused ? "  refused: " : "", refused ? refused : "");

    put(file, text);
}

/* One that is accepted, one that is refused as it expects, and one that is refused otherwise. */
static void put_forms(void)
{
    put_form("accepted", "taken", "198.51.100.10", NULL);
    put_form("refused", "private", "10.0.0.1", "10.0.0.1 as the IPsec source of cpe1");
    put_form("refused", "wrong-words", "10.0.0.1", "192.168.0.1 as the IPsec source");
}

static const struct vc_catalogue *read_catalogue(void *ctx)
{
    VC_AUTO_ERROR *broken = NULL;
    const struct vc_catalogue *catalogue = vc_catalogue_read(ctx, top, &broken);

    cr_assert(!broken, "%s", broken ? broken->message : "");
    return catalogue;
}

static void put_run(const char *folder, const char *scenario, const char *verdict)
{
    VC_AUTO_TALLOC char *file = talloc_asprintf(NULL, "results/%s/run.json", folder);
    VC_AUTO_TALLOC char *text = talloc_asprintf(
        NULL,
        "{\"schema\": \"vclab.run/1\", \"scenario\": \"%s\", \"verdict\": \"%s\", \"seed\": 7, \"mode\": \"live\"}",
        scenario, verdict);

    put(file, text);
}

static json_t *lasts(void)
{
    VC_AUTO_TALLOC char *results = in_top(NULL, "results");

    return vc_catalogue_lasts(results);
}

static json_t *document(void)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *last = lasts();

    return vc_catalogue_document(read_catalogue(ctx), last);
}

static const char *last_of(const json_t *last, const char *scenario, const char *member)
{
    return vc_member_text(json_object_get(last, scenario), member);
}

/* ---- last verdicts ---- */

Test(catalogue, last_verdict_is_of_the_newest_result)
{
    put_run("20260101T000000Z-quiet-0001", "quiet", "fail");
    put_run("20260103T040506Z-quiet-0002", "quiet", "pass");
    put_run("20260102T000000Z-quiet-0003", "quiet", "fail");
    VC_AUTO_JSON *last = lasts();
    VC_AUTO_TALLOC char *result = in_top(NULL, "results/20260103T040506Z-quiet-0002");

    cr_assert_eq(json_object_size(last), 1);
    cr_assert_str_eq(last_of(last, "quiet", "verdict"), "pass");
    cr_assert_str_eq(last_of(last, "quiet", "when"), "2026-01-03T04:05:06Z");
    cr_assert_str_eq(last_of(last, "quiet", "mode"), "live");
    cr_assert_str_eq(last_of(last, "quiet", "result"), result);
    cr_assert_eq(vc_member_int(json_object_get(last, "quiet"), "seed"), 7);
}

Test(catalogue, results_that_are_missing_or_damaged_never_were)
{
    put_run("20260101T000000Z-quiet-0001", "quiet", "pass");
    put("results/20260102T000000Z-quiet-0001/run.json", "{\"schema\": \"vclab.run/1\", \"scenario\": \"quiet\", ");
    put("results/20260103T000000Z-quiet-0001/events.jsonl", "");
    put("results/20260104T000000Z-quiet-0001/run.json", "[]");
    put("results/20260105T000000Z-quiet-0001/run.json", "{\"schema\": \"vclab.run/2\", \"scenario\": \"quiet\"}");
    put("results/20260106T000000Z-quiet-0001/run.json", "{\"schema\": \"vclab.run/1\", \"scenario\": \"quiet\"}");
    put("results/20260107T000000Z-0001-suite/suite.json", "{\"runs\": [{\"scenario\": 1}, 2, ");
    put("results/20260108T000000Z-0001-suite/suite.json", "{\"runs\": [{\"scenario\": 1}, 2]}");
    put("results/20260109T000000Z", "a file");
    put_run("20260110T-quiet-0001", "quiet", "fail");
    put_run("mine", "quiet", "fail");
    VC_AUTO_JSON *last = lasts();

    cr_assert_eq(json_object_size(last), 1);
    cr_assert_str_eq(last_of(last, "quiet", "when"), "2026-01-01T00:00:00Z");
    VC_AUTO_JSON *none = vc_catalogue_lasts("/nowhere/results");
    cr_assert_eq(json_object_size(none), 0);
}

Test(catalogue, a_suite_tells_the_time_of_its_runs)
{
    put_run("20260105T000000Z-quiet-0001", "quiet", "pass");
    put("results/20260106T000000Z-0001-suite/suite.json",
        "{\"runs\": ["
        "{\"scenario\": \"quiet\", \"verdict\": \"fail\", \"seed\": 1, \"result\": \"r/20260104T000000Z-quiet-0002\"},"
        "{\"scenario\": \"noise\", \"verdict\": \"pass\", \"difference\": \"event 5\", \"mode\": \"sealed\","
        " \"seed\": 3, \"result\": \"r/20260104T000000Z-noise-0002\"},"
        "{\"scenario\": \"elsewhere\", \"verdict\": \"pass\", \"result\": \"r/of-no-time\"},"
        "{\"scenario\": \"cut\", \"verdict\": \"fail\"}]}");
    put("results/20260107T000000Z-0001-suite/suite.json",
        "{\"runs\": [{\"scenario\": \"noise\", \"verdict\": \"skipped\", \"reason\": \"no kernel plane\"}]}");
    VC_AUTO_JSON *last = lasts();

    cr_assert_str_eq(last_of(last, "quiet", "verdict"), "pass", "the suite ended later but its run began earlier");
    cr_assert_str_eq(last_of(last, "noise", "verdict"), "different");
    cr_assert_str_eq(last_of(last, "noise", "result"), "r/20260104T000000Z-noise-0002");
    cr_assert_str_eq(last_of(last, "cut", "when"), "2026-01-06T00:00:00Z");
    cr_assert(!json_object_get(last, "elsewhere"));
}

/* ---- the document ---- */

static const json_t *requirement(const json_t *document, const char *id)
{
    const json_t *rows = json_object_get(document, "requirements");
    size_t i = 0;

    while (i < json_array_size(rows) && strcmp(vc_member_text(json_array_get(rows, i), "id"), id) != 0)
        i++;
    cr_assert(i < json_array_size(rows), "no %s", id);
    return json_array_get(rows, i);
}

/* "quiet holds pass, cut fault -" of a requirement's scenarios */
static char *shown(void *ctx, const json_t *document, const char *id)
{
    char *text = talloc_strdup(ctx, "");
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(requirement(document, id), "scenarios"), i, row)
    {
        bool null = json_is_null(json_object_get(row, "verdict")) && json_is_null(json_object_get(row, "result"));

        text = talloc_asprintf_append(text, "%s%s %s %s", i ? ", " : "", vc_member_text(row, "name"),
                                      vc_member_text(row, "shows"), null ? "-" : vc_member_text(row, "verdict"));
    }
    return text;
}

Test(catalogue, document_says_what_each_scenario_shows)
{
    put_scenarios();
    put_run("20260103T040506Z-quiet-0002", "quiet", "pass");
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *all = document();
    const json_t *scenarios = json_object_get(all, "scenarios"), *quiet = json_array_get(scenarios, 1);

    cr_assert_eq(json_array_size(json_object_get(all, "requirements")), 42);
    cr_assert_str_eq(shown(ctx, all, "R1"), "noise holds -, quiet holds pass, cut fault -");
    cr_assert_str_eq(shown(ctx, all, "R40"), "cut holds -");
    cr_assert_str_eq(shown(ctx, all, "R31"), "only-fault fault -");
    cr_assert_str_eq(shown(ctx, all, "R8"), "");
    cr_assert(json_is_true(json_object_get(requirement(all, "R8"), "activation")));
    cr_assert(json_is_false(json_object_get(requirement(all, "R7"), "activation")));
    cr_assert_str_eq(vc_member_text(requirement(all, "R19"), "title"), "IKEv2 only");
    cr_assert_str_eq(vc_member_text(requirement(all, "R42"), "chapter"), "BGP and data");

    cr_assert_eq(json_array_size(scenarios), 4);
    cr_assert_str_eq(vc_member_text(quiet, "name"), "quiet");
    VC_AUTO_TALLOC char *file = in_top(NULL, "scenarios/baseline/quiet.yaml");
    cr_assert_str_eq(vc_member_text(quiet, "file"), file);
    cr_assert_str_eq(vc_member_text(quiet, "topology"), "two-cpe");
    cr_assert_str_eq(json_string_value(json_array_get(json_object_get(quiet, "requirements"), 1)), "R39");
    cr_assert_str_eq(vc_member_text(json_object_get(quiet, "last"), "verdict"), "pass");
    cr_assert(json_is_null(json_object_get(json_array_get(scenarios, 0), "last")));
    cr_assert_gt(json_array_size(json_object_get(all, "topologies")), 1);
    cr_assert_gt(json_array_size(json_object_get(all, "faults")), 5);
}

Test(catalogue, what_cannot_be_read_is_named_once_and_left_out)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *broken = NULL;
    VC_AUTO_TALLOC char *topologies = in_top(ctx, "topologies");

    cr_assert(!unlink(topologies) && !mkdir(topologies, 0755));
    put("topologies/two-cpe.yaml", "topology: two-cpe\n");
    put_scenario("baseline", "quiet", "", "");
    put_scenario("baseline", "noise", "", "");
    put("scenarios/baseline/typo.yaml", "scenario: typo\nstep: []\n");
    const struct vc_catalogue *catalogue = vc_catalogue_read(ctx, top, &broken);
    cr_assert(broken && broken->status == VC_EXIT_USAGE && catalogue->scenario_count == 0);
    static const char line[] = "two-cpe.yaml:1:1: found a topology without \"nodes\"";
    const char *first = strstr(broken->message, line);
    cr_assert(first && !strstr(first + 1, line), "%s", broken->message);
    cr_assert(strstr(broken->message, "typo.yaml:2:1: found unknown key of a scenario \"step\""), "%s",
              broken->message);
}

Test(catalogue, of_a_folder_that_is_no_home_says_so)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *broken = NULL;

    cr_assert_eq(vc_catalogue_read(ctx, "/nowhere", &broken)->scenario_count, 0);
    cr_assert(broken && strstr(broken->message, "set VCLAB_HOME"), "%s", broken ? broken->message : "");
}

/* ---- tables ---- */

static char *table(void *ctx, const json_t *document, unsigned columns, bool colour)
{
    VC_AUTO_FREE char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    vc_catalogue_print(out, document, (struct vc_catalogue_style){.columns = columns, .colour = colour});
    fclose(out);
    return talloc_strdup(ctx, text);
}

#define HAS(text, part) cr_assert(strstr((text), (part)), "no \"%s\" in\n%s", (part), (text))

Test(catalogue, table_leads_from_requirement_to_last_verdict)
{
    put_scenarios();
    put_forms();
    put_run("20260103T040506Z-quiet-0002", "quiet", "pass");
    put_run("20260102T000000Z-noise-0002", "noise", "fail");
    put_run("20260102T000000Z-cut-0002", "cut", "pass");
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *all = document();
    const char *text = table(ctx, all, 100, false);

    HAS(text, "R1   Two tunnels an order, one to each DC\n"
              "     holds  1/2   noise                                     fail     2026-01-02 00:00 live   seed 7\n"
              "     fault  1/1   cut                                       pass     2026-01-02 00:00 live   seed 7\n");
    HAS(text, "     holds  1/1   quiet                                     pass     2026-01-03 04:05 live   seed 7\n"
              "     fault  -     no scenario\n");
    HAS(text, "     holds  -     no scenario\n"
              "     fault  0/1   only-fault                                not run\n");
    HAS(text, "\nR8   The IPsec source address is public\n"
              "     accept 1/1   taken                                     pass\n"
              "     refuse 1/2   wrong-words                               fail\n");
    HAS(text, "\nR9   NAT of the IPsec source is allowed\n     accept -     no form\n     refuse -     no form\n");
    HAS(text, "\n42 requirements: 4 hold in a scenario that passed or in an accepted form,\n"
              "of 2 the fault is seen in a scenario that passed or in a refused form.\n");
    HAS(text, "/scenarios/failover\n  cut         bfd     pass     R40; fault R1\n");
    HAS(text, "  only-fault  bfd     not run  fault R31\n");
    cr_assert(!strchr(text, '\033'));
    HAS(table(ctx, all, 100, true), "\033[31mfail\033[0m");
}

Test(catalogue, table_tells_of_many_scenarios_the_one_to_look_at)
{
    static const struct {
        const char *quiet, *noise, *speaker;
    } cases[] = {{"pass", NULL, "1/2   quiet "},
                 {"inconclusive", "pass", "1/2   quiet "},
                 {"inconclusive", "error", "0/2   noise "},
                 {"pass", "pass", "2/2   noise "}};

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        put_scenarios();
        put_run("20260102T000000Z-quiet-0002", "quiet", cases[i].quiet);
        if (cases[i].noise)
            put_run("20260103T000000Z-noise-0002", "noise", cases[i].noise);
        VC_AUTO_JSON *all = document();
        HAS(table(ctx, all, 100, false), cases[i].speaker);
    }
}

Test(catalogue, table_drops_the_time_before_a_name)
{
    put_scenarios();
    put_run("20260103T040506Z-quiet-0002", "quiet", "pass");
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *all = document();

    HAS(table(ctx, all, 99, false), "(a failed one, else the newest)  LAST     WHEN\n");
    HAS(table(ctx, all, 99, false), "  pass     2026-01-03 04:05 live   seed 7\n");
    HAS(table(ctx, all, 98, false), "  pass     2026-01-03 04:05\n");
    HAS(table(ctx, all, 80, false), "  pass     2026-01-03\n");
    HAS(table(ctx, all, 80, false), "(a failed one, else the newest)  LAST     WHEN\n");
}

Test(catalogue, table_fits_the_terminal)
{
    static const unsigned columns[] = {1, 80, 100, 120, 300};

    put_scenarios();
    put_scenario("guide", "a-name-of-sixty-three-letters-is-as-long-as-a-scenarios-name-be", "requirements: [R1]\n",
                 "");
    put_run("20260103T040506Z-quiet-0002", "quiet", "pass");
    put_run("20260104T000000Z-noise-0002", "noise", "inconclusive");
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *all = document();

    for (size_t i = 0; i < VC_COUNT(columns); i++) {
        char *text = table(ctx, all, columns[i], false), *rest = NULL;
        int limit = columns[i] < 80 ? 80 : columns[i] > 120 ? 120 : (int)columns[i];

        HAS(text, "2026-01-03");
        for (const char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            int width = 0;
            for (const char *c = line; *c; c++)
                width += (*c & 0xc0) != 0x80;
            cr_assert(width <= limit, "%d of %d columns: %s", width, limit, line);
        }
    }
}

Test(catalogue, of_one_requirement_every_scenario_is_told)
{
    put_scenarios();
    put_run("20260103T040506Z-quiet-0002", "quiet", "pass");
    VC_AUTO_JSON *all = document();
    VC_AUTO_FREE char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct vc_catalogue_style style = {.columns = 100};

    cr_assert(vc_catalogue_print_requirement(out, all, "R1", style));
    cr_assert(vc_catalogue_print_requirement(out, all, "R41", style));
    cr_assert(!vc_catalogue_print_requirement(out, all, "R43", style));
    cr_assert(!vc_catalogue_print_requirement(out, all, "", style));
    fclose(out);
    VC_AUTO_TALLOC char *result = in_top(NULL, "results/20260103T040506Z-quiet-0002\n");
    HAS(text, "     holds        noise                                     not run\n"
              "     holds        quiet                                     pass     2026-01-03 04:05 live   seed 7\n");
    HAS(text, result);
    HAS(text, "     fault        cut                                       not run\n"
              "R41  Entering by the wrong DC returns by the other tunnel\n     no scenario\n");
}

Test(catalogue, a_form_tells_what_was_said_of_it)
{
    put_forms();
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *all = document();
    const json_t *forms = json_object_get(requirement(all, "R8"), "forms"), *refused = json_array_get(forms, 1);
    VC_AUTO_FREE char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    cr_assert_eq(json_array_size(forms), 3);
    cr_assert(json_is_null(json_object_get(json_array_get(forms, 0), "said")));
    cr_assert_str_eq(vc_member_text(refused, "shows"), "refuses");
    cr_assert_str_eq(vc_member_text(refused, "verdict"), "pass");
    HAS(vc_member_text(refused, "said"), "which is in 10.0.0.0/8 and not public; allowed: a public IPv4 address");
    cr_assert(vc_catalogue_print_requirement(out, all, "R8", (struct vc_catalogue_style){.columns = 100}));
    fclose(out);
    HAS(text, "     accept       taken                                     pass\n");
    HAS(text, "forms/accepted/taken.yaml\n");
    HAS(text, "     refuse       wrong-words                               fail\n");
    HAS(text, "which is in 10.0.0.0/8");
}

static bool shows_any(const json_t *requirement, const char *list, const char *shows)
{
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(requirement, list), i,
                       row) if (!strcmp(vc_member_text(row, "shows"), shows) &&
                                strcmp(vc_member_text(row, "verdict"), "fail")) return true;
    return false;
}

/* Of what comes with vclab: all 42 of them, by scenarios or by forms. */
Test(catalogue, every_requirement_is_shown_to_hold_and_to_be_broken)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *broken = NULL;
    VC_AUTO_JSON *nothing = json_object();
    const struct vc_catalogue *catalogue = vc_catalogue_read(ctx, VCLAB_SOURCE_DIR, &broken);
    VC_AUTO_JSON *all = vc_catalogue_document(catalogue, nothing);
    const json_t *requirement;
    size_t i;

    cr_assert(!broken, "%s", broken ? broken->message : "");
    json_array_foreach(json_object_get(all, "requirements"), i, requirement)
    {
        bool form = json_is_true(json_object_get(requirement, "activation"));
        const char *list = form ? "forms" : "scenarios", *id = vc_member_text(requirement, "id");

        cr_expect(shows_any(requirement, list, form ? "accepts" : "holds"), "%s holds nowhere", id);
        cr_expect(shows_any(requirement, list, form ? "refuses" : "fault"), "%s is broken nowhere", id);
    }
    cr_assert_eq(i, 42);
}

/* ---- Markdown ---- */

Test(catalogue, markdown_tells_a_scenario_step_by_step)
{
    put_scenarios();
    put_forms();
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_catalogue *catalogue = read_catalogue(ctx);
    const char *text = vc_catalogue_markdown(ctx, catalogue);

    HAS(text, "| R1 | Two tunnels an order, one to each DC | [noise](#noise), [quiet](#quiet) | [cut](#cut) |\n");
    HAS(text, "| | | accepted form | refused form |\n|---|---|---|---|\n"
              "| R8 | The IPsec source address is public | [taken](../forms/accepted/taken.yaml) | "
              "[private](../forms/refused/private.yaml), [wrong-words](../forms/refused/wrong-words.yaml) |\n"
              "| R9 | NAT of the IPsec source is allowed | - | - |\n");
    HAS(text, "\n### failover\n\n#### cut\n\nCalls \\<must\\> run on.\n\n"
              "- topology [two-cpe](#two-cpe), timers bfd (BGP 10/30, GRE keepalive 10 s × 3, BFD 300 ms × 3)\n"
              "- holds: R40\n- fault seen of: R1\n- flow voice from phone to dc1-srv, a packet every 20 ms\n"
              "- `scenarios/failover/cut.yaml`\n\n"
              "1. expect:\n   - all BGP sessions are up and every flow runs on its healthy path within 60 s\n"
              "2. 4 times:\n   1. drop esp on inet-dc1, both directions\n   2. expect:\n"
              "      - voice takes dc2+wan within 2 s\n   3. heal cut\n");
    cr_assert(!strstr(text, top), "it depends on where the files are");
    cr_assert_str_eq(text, vc_catalogue_markdown(ctx, read_catalogue(ctx)));
}

Test(catalogue, markdown_tells_what_is_configured_otherwise)
{
    put_scenario("guide", "wrong",
                 "violates: [route-policy]\nwires:\n  wan: {delay: 20ms}\nconfigure:\n"
                 "  cpe1: {remote_as: 64999, leak: [10.10.10.0/24, 10.10.0.0/30], child_lifetime: 2m}\n"
                 "  dc1-headend: {psk: wrong, tunnel: dc1}\n",
                 "");
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *text = vc_catalogue_markdown(ctx, read_catalogue(ctx));

    HAS(text, "\n- violates: route-policy\n- wire wan: 20 ms\n");
    HAS(text, "\n- cpe1 is configured otherwise: `remote_as 64999` (expects this AS of its neighbour)\n");
    HAS(text, "\n- cpe1 is configured otherwise: `leak 10.10.10.0/24 10.10.0.0/30` (");
    HAS(text, "\n- cpe1 is configured otherwise: `child_lifetime 120 s` (");
    HAS(text, "\n- dc1-headend for tunnel dc1 is configured otherwise: `psk wrong` (has this pre-shared key)\n");
}

Test(catalogue, drawing_has_places_links_and_tunnels)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_topology *t =
        vc_topology_load(ctx, VCLAB_SOURCE_DIR "/topologies/two-cpe.yaml", VCLAB_SOURCE_DIR "/nodes", &err);

    cr_assert(t, "%s", err ? err->message : "");
    const char *text = vc_catalogue_drawing(ctx, t);
    HAS(text, "flowchart LR\n  subgraph p0_0[\"Customer, 10.10.0.0/16\"]\n    n_cpe1[\"cpe1<br>cpe<br>AS 64512\"]\n");
    HAS(text,
        "  subgraph p3_1[\"Cisco DC2, 198.18.5.128/25\"]\n    n_dc2_headend[\"dc2-headend<br>headend\"]\n"
        "    n_dc2_router[\"dc2-router<br>dc-router<br>AS 64600\"]\n    n_dc2_srv([\"dc2-srv<br>host\"])\n  end\n");
    HAS(text, "  n_phone ---|\"site\"| n_lan\n");
    HAS(text, "  n_lan ---|\"lan1\"| n_cpe1\n");
    HAS(text, "  n_cpe1 ---|\"inet-cpe1\"| n_isp\n");
    HAS(text, "  n_isp ---|\"inet-dc1\"| n_dc1_headend\n");
    HAS(text, "  n_cpe2 ===|\"tunnel dc2<br>IPsec ends at dc2-headend\"| n_dc2_router\n");
}

Test(catalogue, drawing_takes_sites_apart)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    struct vc_topology *t =
        vc_topology_load(ctx, VCLAB_SOURCE_DIR "/topologies/two-cpe.yaml", VCLAB_SOURCE_DIR "/nodes", &err);

    cr_assert(t, "%s", err ? err->message : "");
    t->nodes[vc_topology_node(t, "lan")].kind = "customer-wan";
    t->links[vc_topology_link(t, "peer")].wire.delay_us = 20000;
    t->links[vc_topology_link(t, "peer")].end[1].node = vc_topology_node(t, "phone");
    const char *text = vc_catalogue_drawing(ctx, t);
    HAS(text, "[\"Customer, site 1\"]\n    n_cpe1[");
    HAS(text, "[\"Customer, site 2\"]\n    n_cpe2[");
    HAS(text, "[\"The customer's WAN\"]\n    n_lan[");
    HAS(text, "  n_phone ---|\"peer<br>20 ms\"| n_cpe1\n");
}

Test(catalogue, drawing_names_customers_and_what_they_share)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
    const struct vc_topology *t =
        vc_topology_load(ctx, VCLAB_SOURCE_DIR "/topologies/two-customers.yaml", VCLAB_SOURCE_DIR "/nodes", &err);
    cr_assert(t, "%s", err ? err->message : "");
    const char *text = vc_catalogue_drawing(ctx, t);
    HAS(text, "subgraph p0_0[\"Customer a, 10.10.0.0/16\"]\n    n_a_cpe1[");
    HAS(text, "subgraph p0_1[\"Customer b, 10.10.0.0/16\"]\n    n_b_cpe[");
    HAS(text, "subgraph p3_0[\"Cisco DC1-A, 198.18.5.0/25; DC1-B, 198.18.6.0/25\"]\n    n_dc1_router_a[");
    HAS(text, "  n_b_cpe ===|\"tunnel b-dc2<br>IPsec ends at dc2-headend\"| n_dc2_router_b\n");
    cr_expect_null(strstr(text, "p3_2"), "%s", text);
}

Test(catalogue, the_one_in_docs_is_not_stale)
{
    static const char path[] = VCLAB_SOURCE_DIR "/docs/catalogue.md";
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *broken = NULL;
    const struct vc_catalogue *catalogue = vc_catalogue_read(ctx, VCLAB_SOURCE_DIR, &broken);

    cr_assert(!broken, "%s", broken ? broken->message : "");
    const char *text = vc_catalogue_markdown(ctx, catalogue);
    const char *update = getenv("VCLAB_GOLDEN");
    if (update && !strcmp(update, "update")) {
        VC_AUTO_FILE *out = fopen(path, "we");
        cr_assert(out && fputs(text, out) >= 0);
        return;
    }
    VC_AUTO_FILE *file = fopen(path, "re");
    size_t length = strlen(text);
    VC_AUTO_TALLOC char *stored = talloc_zero_size(NULL, length + 2);
    cr_assert(file && fread(stored, 1, length + 1, file) == length && !memcmp(stored, text, length),
              "docs/catalogue.md is stale: refresh it with `vclab list --catalogue > docs/catalogue.md`");
}
