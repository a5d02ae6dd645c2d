/* vclab list as scripts and people call it. */
#include <string.h>
#include <sys/stat.h>

#include "host.h"

static char home[] = "/tmp/vclab-list-XXXXXX";

static char *in_home(void *ctx, const char *name)
{
    return talloc_asprintf(ctx, "%s/%s", home, name);
}

static void put(const char *name, const char *text)
{
    VC_AUTO_TALLOC char *path = in_home(NULL, name);
    VC_AUTO_FILE *file = fopen(path, "we");

    cr_assert(file && fputs(text, file) >= 0, "%s", path);
}

/* What this checkout has of nodes and topologies, one scenario, and two results of it. */
static void setup(void)
{
    static const char *const folders[] = {"scenarios", "scenarios/baseline", "results",
                                          "results/20260102T000000Z-quiet-0001", "results/20260103T000000Z-quiet-0001"};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    cr_assert(mkdtemp(home));
    for (size_t i = 0; i < VC_COUNT(folders); i++)
        cr_assert(!mkdir(in_home(ctx, folders[i]), 0755));
    cr_assert(!symlink(VCLAB_SOURCE_DIR "/nodes", in_home(ctx, "nodes")));
    cr_assert(!symlink(VCLAB_SOURCE_DIR "/topologies", in_home(ctx, "topologies")));
    put("scenarios/baseline/quiet.yaml",
        "scenario: quiet\ndescription: Nothing.\ntopology: two-cpe\ntimers: bfd\nrequirements: [R1, R26]\n"
        "fault_of: [R26]\nflows:\n  voice: {from: phone, to: dc1-srv}\nsteps:\n"
        "  - expect:\n      - converged: {within: 60s}\n");
    put("results/20260102T000000Z-quiet-0001/run.json", "{\"schema\": \"vclab.run/1\", \"scenario\": \"quiet\", "
                                                        "\"verdict\": \"fail\", \"seed\": 7, \"mode\": \"live\"}");
    put("results/20260103T000000Z-quiet-0001/run.json", "{\"schema\": \"vclab.ru");
    setenv("VCLAB_HOME", home, 1);
}

static void teardown(void)
{
    static const char *const names[] = {"scenarios/baseline/quiet.yaml",
                                        "scenarios/baseline/typo.yaml",
                                        "results/20260102T000000Z-quiet-0001/run.json",
                                        "results/20260103T000000Z-quiet-0001/run.json",
                                        "results/20260102T000000Z-quiet-0001",
                                        "results/20260103T000000Z-quiet-0001",
                                        "results",
                                        "scenarios/baseline",
                                        "scenarios",
                                        "nodes",
                                        "topologies",
                                        ""};

    for (size_t i = 0; i < VC_COUNT(names); i++) {
        VC_AUTO_TALLOC char *path = in_home(NULL, names[i]);
        remove(path);
    }
}

TestSuite(list, .init = setup, .fini = teardown);

static const json_t *at(const json_t *document, const char *array, size_t i)
{
    return json_array_get(json_object_get(document, array), i);
}

static const char *text_at(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    cr_assert(text, "no %s", name);
    return text;
}

Test(list, json_keeps_what_scripts_read)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *command = VCLAB(ctx, "list", "--json");
    EXITS(command, 0);
    VC_AUTO_JSON *document = json_loads(command->out, 0, NULL);
    const json_t *scenario = at(document, "scenarios", 0), *r26 = at(document, "requirements", 25);
    const json_t *shown = at(r26, "scenarios", 0);

    VC_AUTO_TALLOC char *file = in_home(NULL, "scenarios/baseline/quiet.yaml");
    cr_assert_str_eq(text_at(scenario, "file"), file);
    cr_assert_str_eq(text_at(scenario, "name"), "quiet");
    cr_assert_str_eq(text_at(scenario, "description"), "Nothing.");
    cr_assert_str_eq(text_at(scenario, "topology"), "two-cpe");
    cr_assert_str_eq(text_at(scenario, "timers"), "bfd");
    cr_assert_str_eq(text_at(scenario, "plane"), "any");
    cr_assert_str_eq(json_string_value(at(scenario, "requirements", 0)), "R1");
    cr_assert_str_eq(json_string_value(at(scenario, "fault_of", 0)), "R26");
    cr_assert(text_at(at(document, "topologies", 0), "name"));
    cr_assert(text_at(at(document, "faults", 0), "kind"));
    cr_assert_str_eq(text_at(r26, "id"), "R26");
    cr_assert_str_eq(text_at(r26, "title"), "The SA does not bounce");
    cr_assert_str_eq(text_at(shown, "name"), "quiet");
    cr_assert_str_eq(text_at(shown, "shows"), "fault");
    cr_assert_str_eq(text_at(shown, "verdict"), "fail");
    cr_assert(strstr(text_at(shown, "result"), "/results/20260102T000000Z-quiet-0001"));
}

Test(list, of_results_elsewhere_takes_their_verdicts)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *command = VCLAB(ctx, "list", "--results", VCLAB_SOURCE_DIR "/topologies", "R26", "R27");

    EXITS(command, 0);
    cr_assert_str_eq(command->err, "");
    cr_assert(strstr(command->out, "R26  The SA does not bounce\n     fault "), "%s", command->out);
    cr_assert(strstr(command->out, "quiet ") && strstr(command->out, "not run\n"), "%s", command->out);
    cr_assert(strstr(command->out, "R27  The peer's IPsec address is reachable\n     no scenario\n"), "%s",
              command->out);
}

Test(list, a_file_that_cannot_be_read_is_named_and_the_others_are_shown)
{
    put("scenarios/baseline/typo.yaml", "scenario: typo\n");
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *command = VCLAB(ctx, "list");

    EXITS(command, 2);
    SAYS(command, "scenarios/baseline/typo.yaml:1:1: found a scenario without \"topology\"");
    cr_assert(strstr(command->out, "\n  quiet  bfd     fail  R1; fault R26\n"), "%s", command->out);
    cr_assert(!strchr(command->out, '\033'), "colour goes to terminals only");
}

Test(list, catalogue_is_the_same_from_everywhere)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *command = VCLAB(ctx, "list", "--catalogue");

    EXITS(command, 0);
    cr_assert(!strncmp(command->out, "# Catalogue\n", 12) && strstr(command->out, "#### quiet\n"), "%s", command->out);
    cr_assert(chdir(home) == 0);
    struct command *here =
        command_start(ctx, &(struct command_options){.env = "VCLAB_HOME", .argv = VCLAB_ARGV("list", "--catalogue")});
    command_end(here, 10000);
    EXITS(here, 0);
    cr_assert_str_eq(here->out, command->out);
}

Test(list, usage_is_told_for_what_does_not_go_together)
{
    static const char *const refused[][3] = {
        {"--json", "--catalogue"}, {"--json", "R1"}, {"R1", "--catalogue"}, {"--jsn"}, {"--results"}};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    for (size_t i = 0; i < VC_COUNT(refused); i++) {
        struct command *command =
            command_run(ctx, (const char *const[]){VCLAB_BINARY, "list", refused[i][0], refused[i][1], NULL});
        EXITS(command, 2);
        SAYS(command, "Usage: vclab list");
        cr_assert_str_eq(command->out, "");
    }
    struct command *unknown = VCLAB(ctx, "list", "R43");
    EXITS(unknown, 2);
    SAYS(unknown, "no requirement R43; there are R1 to R42");
    struct command *missing = VCLAB(ctx, "list", "--results", "/nowhere");
    EXITS(missing, 2);
    SAYS(missing, "--results /nowhere: No such file or directory");
    struct command *nowhere =
        command_start(ctx, &(struct command_options){.env = "VCLAB_HOME=/nowhere", .argv = VCLAB_ARGV("list")});
    command_end(nowhere, 10000);
    EXITS(nowhere, 2);
    SAYS(nowhere, "/nowhere has no scenarios/ and no topologies/");
}
