/* Sealed runs by the command line: without root, twice the same, many at once, given to others and played again. */
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "host.h"
#include "report/bundle.h"
#include "report/report_private.h"

static char top[] = "/tmp/vclab-sealed-XXXXXX";
static char *results;

static void setup(void)
{
    if (!getenv("VCLAB_LABROOT")) {
        if (getenv("VCLAB_MUST_WORK"))
            cr_assert_fail("needs VCLAB_LABROOT, and VCLAB_MUST_WORK is set");
        cr_skip_test("needs VCLAB_LABROOT");
    }
    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
    unsetenv("SUDO_UID");
    cr_assert(mkdtemp(top));
    results = talloc_asprintf(NULL, "%s/results", top);
}

static int remove_entry(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED,
                        struct FTW *ftw VC_UNUSED)
{
    return remove(path);
}

static void teardown(void)
{
    nftw(top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    talloc_free(results);
}

TestSuite(sealed_run, .init = setup, .fini = teardown, .timeout = 290);

/* FOLDER/NAME.yaml: an idle hub; `topology` as the scenario names it, `also` the lines of more expectations. */
static char *write_in(void *ctx, const char *folder, const char *name, const char *topology, const char *also)
{
    char *path = talloc_asprintf(ctx, "%s/%s.yaml", folder, name);
    VC_AUTO_FILE *file = fopen(path, "we");

    cr_assert(file, "%s: %s", path, strerror(errno));
    fprintf(file,
            "scenario: %s\ndescription: Written by a test.\ntopology: %s\ntimers: tuned\nrequirements: [R1]\n"
            "flows:\n  voice-dc1: {from: phone, to: dc1-srv, interval: 100ms}\nsteps:\n  - expect:\n      - converged: "
            "{within: 20s}\n%s",
            name, topology, also);
    return path;
}

static char *write_hub(void *ctx, const char *topology)
{
    return write_in(ctx, top, "hub", topology, "");
}

static struct command *vclab(void *ctx, int ms, const char *const *argv)
{
    struct command *command = command_start(ctx, &(struct command_options){.argv = argv});

    command_end(command, ms);
    return command;
}

#define RUN(ctx, ...) vclab((ctx), 120000, VCLAB_ARGV(__VA_ARGS__, "--results", results))

static void prints(const struct command *command, const char *text)
{
    cr_assert(strstr(command->out, text), "\"%s\" is not printed:\n%s\n%s", text, command->out, command->err);
}

Test(sealed_run, is_the_default_and_twice_the_same)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *run = RUN(ctx, "run", "--cold", "--twice", write_hub(ctx, "two-cpe"));

    EXITS(run, 0);
    prints(run, "the same digest, captures and logs");
    SAYS(run, "s wall");
}

Test(sealed_run, run_json_says_how_it_was_run)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *run = RUN(ctx, "run", "--seed", "5", write_hub(ctx, "two-cpe"));

    EXITS(run, 0);
    VC_AUTO_JSON *doc = result_json(result_in(ctx, results), "run.json");
    cr_assert_str_eq(json_string_value(json_object_get(doc, "mode")), "sealed");
    cr_assert_str_eq(json_string_value(json_object_get(doc, "start")), "forked");
    cr_assert_str_eq(json_string_value(json_object_get(doc, "accel")), "tcg");
    cr_assert(json_is_true(json_object_get(doc, "deterministic")));
    cr_assert_eq(json_integer_value(json_object_get(doc, "seed")), 5);
    cr_assert(json_string_length(json_object_get(doc, "image")) == 32);
    cr_assert_gt(json_number_value(json_object_get(doc, "virtual_s")), 1);
    static const char *const versions[] = {"vclab", "kernel", "qemu", "strongswan-charon", "frr", "bird2"};
    for (size_t i = 0; i < VC_COUNT(versions); i++)
        cr_assert(json_string_length(json_object_get(json_object_get(doc, "versions"), versions[i])), "%s",
                  versions[i]);
    cr_assert(json_object_get(json_object_get(doc, "files"), "captures/wan.pcapng"));
    result_whole(result_in(ctx, results));
}

Test(sealed_run, many_have_one_result_and_the_worst_status)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *folder = talloc_asprintf(ctx, "%s/many", top);
    struct stat st;

    mkdir(folder, 0755);
    write_in(ctx, folder, "one", "two-cpe", "");
    write_in(ctx, folder, "two", "one-cpe", "");
    write_in(ctx, folder, "never", "two-cpe", "      - session: {tunnel: dc1, state: down, within: 2s}\n");
    struct command *run = RUN(ctx, "run", folder, "--jobs", "2");
    EXITS(run, 1);
    prints(run, "2 of 3 scenarios pass; ");
    prints(run, "of virtual time in");
    char *end = strstr(run->out, "-suite");
    cr_assert(end, "%s", run->out);
    end[strlen("-suite")] = 0;
    const char *suite = strrchr(run->out, ' ') + 1;
    VC_AUTO_JSON *doc = result_json(suite, "suite.json");
    cr_assert_eq(json_array_size(json_object_get(doc, "runs")), 3);
    cr_assert(stat(talloc_asprintf(ctx, "%s/junit.xml", suite), &st) == 0);
}

Test(sealed_run, takes_a_topology_by_its_absolute_path)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *run =
        RUN(ctx, "run", "--cold", "--no-captures", write_hub(ctx, VCLAB_SOURCE_DIR "/topologies/two-cpe.yaml"));

    EXITS(run, 0);
    VC_AUTO_JSON *doc = result_json(result_in(ctx, results), "run.json");
    cr_assert_str_eq(json_string_value(json_object_get(doc, "topology")), "two-cpe");
}

Test(sealed_run, without_qemu_ends_with_one_line_and_no_result)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *run = command_start(
        ctx, &(struct command_options){.env = "PATH=/nowhere",
                                       .argv = VCLAB_ARGV("run", write_hub(ctx, "two-cpe"), "--results", results)});

    command_end(run, 60000);
    EXITS(run, 3);
    SAYS(run, "vclab: hub: qemu-system-x86_64 is not installed");
    cr_assert_str_eq(run->out, "", "a story of no run");
    cr_assert(rmdir(results) == 0, "a result was left: %s", strerror(errno));
}

Test(sealed_run, ends_in_order_when_it_is_interrupted)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *run =
        command_start(ctx, &(struct command_options){
                               .argv = VCLAB_ARGV("run", "--cold", write_hub(ctx, "two-cpe"), "--results", results)});

    command_await(run, "s wall", 60000);
    kill(run->pid, SIGINT);
    command_end(run, 20000);
    EXITS(run, 130);
    VC_AUTO_JSON *doc = result_json(result_in(ctx, results), "run.json");
    cr_assert(json_is_true(json_object_get(doc, "interrupted")));
}

/* ---- evidence ---- */

static bool file_has(const char *path, const char *text)
{
    VC_AUTO_FILE *file = fopen(path, "re");
    VC_AUTO_FREE char *line = NULL;
    size_t room = 0;

    cr_assert(file, "%s: %s", path, strerror(errno));
    while (getline(&line, &room, file) > 0)
        if (strstr(line, text))
            return true;
    return false;
}

static bool has_evidence(void *ctx)
{
    return file_has(talloc_asprintf(ctx, "%s/events.jsonl", result_in(ctx, results)), "vclab.evidence/1");
}

Test(sealed_run, that_passes_is_played_again_by_the_doctor_and_is_the_same_to_its_end)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *again = talloc_asprintf(ctx, "%s/again", top);

    EXITS(RUN(ctx, "run", VCLAB_SOURCE_DIR "/scenarios/baseline/two-cpe-active-active-bfd.yaml"), 0);
    cr_assert(!has_evidence(ctx));
    struct command *doctor = vclab(ctx, 120000, VCLAB_ARGV("doctor", result_in(ctx, results), "--results", again));
    EXITS(doctor, 0);
    prints(doctor, "Nothing is wrong.");
    SAYS(doctor, "no evidence in its events: it is played again for it (two-cpe-active-active-bfd, seed 1)");
    cr_assert(!strstr(doctor->err, "did not come out the same"), "%s", doctor->err);
}

Test(sealed_run, that_fails_has_evidence_and_one_of_an_unknown_scenario_says_how_to_get_it)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *failed = talloc_asprintf(ctx, "%s/failed", top);
    char *never = write_in(ctx, top, "never", "two-cpe", "      - session: {tunnel: dc1, state: down, within: 2s}\n");

    EXITS(RUN(ctx, "run", write_hub(ctx, "two-cpe"), "--no-captures"), 0);
    struct command *none = vclab(ctx, 60000, VCLAB_ARGV("doctor", result_in(ctx, results)));
    EXITS(none, 2);
    SAYS(none, "and its scenario is none of scenarios/: vclab run --evidence collects it");

    EXITS(vclab(ctx, 120000, VCLAB_ARGV("run", never, "--no-captures", "--results", failed)), 1);
    struct command *doctor = vclab(ctx, 60000, VCLAB_ARGV("doctor", result_in(ctx, failed)));
    EXITS(doctor, 0);
    cr_assert(!strstr(doctor->err, "played again"), "%s", doctor->err);
}

Test(sealed_run, is_asked_for_evidence_though_it_passes)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    EXITS(RUN(ctx, "run", "--evidence", write_hub(ctx, "two-cpe")), 0);
    cr_assert(has_evidence(ctx));
}

/* ---- bundles ---- */

static const char secret[] = "tomato-7-secret";

/* A copy of the two-CPE hub with a secret, beside the scenario. */
static void write_topology(void)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/two-cpe.yaml", top);
    VC_AUTO_FILE *from = fopen(VCLAB_SOURCE_DIR "/topologies/two-cpe.yaml", "re");
    VC_AUTO_FILE *to = fopen(path, "we");
    char line[4096];

    cr_assert(from && to);
    while (fgets(line, sizeof line, from)) {
        fputs(line, to);
        if (!strcmp(line, "  dc1:\n"))
            fprintf(to, "    psk: %s # %s\n    bgp_password: %s\n", secret, secret, secret);
    }
}

static int check_entry(const char *path, const struct stat *st VC_UNUSED, int type, struct FTW *ftw VC_UNUSED)
{
    cr_assert(type != FTW_F || !file_has(path, secret), "the secret is in %s", path);
    return 0;
}

static char *record(void *ctx)
{
    char *file = talloc_asprintf(ctx, "%s/hub.bundle", top);

    write_topology();
    struct command *run = RUN(ctx, "run", write_hub(ctx, "two-cpe.yaml"), "--bundle", file, "--no-captures");
    EXITS(run, 0);
    return file;
}

Test(sealed_run, of_a_bundle_has_no_secret_and_plays_again_the_same)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const char *file = record(ctx);
    struct vc_bundle *bundle = vc_bundle_read(ctx, file, &err);

    cr_assert(bundle, "%s", err ? err->message : "");
    VC_AUTO_FREE char *manifest = json_dumps(bundle->manifest, 0);
    VC_AUTO_FREE char *documents = json_dumps(bundle->documents, 0);
    VC_AUTO_FREE char *run_json = json_dumps(bundle->run, 0);
    cr_assert(!strstr(manifest, secret) && !strstr(documents, secret) && !strstr(run_json, secret) &&
              !strstr(bundle->events, secret));
    cr_assert(strstr(manifest, "psk") && strstr(manifest, "bgp_password"), "what was replaced is told: %s", manifest);
    nftw(results, check_entry, 16, FTW_PHYS);

    struct command *replay = RUN(ctx, "replay", file);
    EXITS(replay, 0);
    prints(replay, "the same digest");
    cr_assert(!strstr(replay->err, "not as recorded"), "%s", replay->err);
    struct command *doctor = RUN(ctx, "doctor", file);
    EXITS(doctor, 0);
    SAYS(doctor, "it is played again for it (hub, seed 1)");
    cr_assert(!strstr(doctor->err, "did not come out the same"), "%s", doctor->err);
}

/* The bundle as another version of vclab, whose lab ran otherwise, would have recorded it. */
static void record_otherwise(void *ctx, const char *file)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_bundle *bundle = vc_bundle_read(ctx, file, &err);
    char *folder = talloc_asprintf(ctx, "%s/otherwise", top), *path = talloc_asprintf(ctx, "%s/run.json", folder);
    VC_AUTO_JSON *replaced = json_array();

    cr_assert(bundle, "%s", err ? err->message : "");
    char *expect = strstr(bundle->events, "\"expect\""), *digit = strstr(expect, "within_ns\":") + 11;
    *digit = *digit == '9' ? '8' : '9';
    mkdir(folder, 0755);
    cr_assert_eq(vc_bundle_unpack_result(bundle, folder, &err), 0);
    VC_AUTO_JSON *run = result_json(folder, "run.json");
    json_object_set_new(json_object_get(run, "versions"), "frr", json_string("0.1"));
    json_object_set_new(run, "digest", json_string(vc_result_digest(ctx, folder, NULL)));
    cr_assert_eq(json_dump_file(run, path, 0), 0);
    cr_assert_eq(vc_bundle_write(file, folder, bundle->documents, replaced, &err), 0, "%s", err ? err->message : "");
}

Test(sealed_run, that_differs_from_its_recording_says_version_and_event)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *file = record(ctx);

    record_otherwise(ctx, file);
    struct command *replay = RUN(ctx, "replay", file);
    EXITS(replay, 1);
    SAYS(replay, "not as recorded: frr was 0.1, here it is ");
    prints(replay, "another digest");
    prints(replay, "the first event that differs is event ");
    prints(replay, "differs: within_ns ");
    cr_assert(strstr(replay->err, "not as recorded") < strstr(replay->err, "s wall"), "said first:\n%s", replay->err);
}
