/* Usage errors that need no lab: one clear message, status 2, and nothing started. */
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "host.h"

static void setup(void)
{
    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
}

TestSuite(options, .init = setup);

#define SCENARIO VCLAB_SOURCE_DIR "/scenarios/baseline/two-cpe-active-active-bfd.yaml"
#define RUN      "run", SCENARIO, "--results", "/nowhere/results"

static void refused(const char *const *argv, const char *text)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *command = command_run(ctx, argv);

    EXITS(command, 2);
    SAYS(command, text);
    cr_assert_str_eq(command->out, "");
}

#define REFUSED(text, ...) refused(VCLAB_ARGV(__VA_ARGS__), (text))

Test(options, that_are_no_numbers_are_named)
{
    REFUSED("--seed -1: a number from 0 to", RUN, "--seed", "-1");
    REFUSED("--seed x", RUN, "--seed", "x");
    REFUSED("--seed 99999999999999999999", RUN, "--seed", "99999999999999999999");
    REFUSED("--jobs 0: a number from 1 to 256", RUN, "--jobs", "0");
    REFUSED("--limit 0: a number from 1 to 86400", RUN, "--limit", "0");
    REFUSED("--limit 1h", RUN, "--limit", "1h");
    REFUSED("--shard 3/2", RUN, "--shard", "3/2");
    REFUSED("--shard 1/2x", RUN, "--shard", "1/2x");
    REFUSED("vclab sweep: --shard 0/2", "sweep", "one-cpe", "--shard", "0/2");
    REFUSED("--runs 0", "bench", "sealed-cold", "--runs", "0");
    REFUSED("--seed -1", "bench", "doctor", "--seed", "-1");
    REFUSED("--limit no", "replay", "x", "--limit", "no");
}

Test(options, of_sealed_runs_do_not_go_with_live)
{
    REFUSED("--cold is of sealed runs; take --live away", RUN, "--live", "--cold");
    REFUSED("--twice is of sealed runs", RUN, "--live", "--twice");
    REFUSED("--accel is of sealed runs", RUN, "--live", "--accel", "tcg");
    REFUSED("--limit is of sealed runs", RUN, "--live", "--limit", "5");
    REFUSED("--bundle is of sealed runs", RUN, "--live", "--bundle", "/nowhere/x");
}

Test(options, of_live_runs_do_not_go_with_sealed)
{
    REFUSED("--plane is of live runs; add --live", RUN, "--plane", "user");
    REFUSED("--wires is of live runs; add --live", RUN, "--wires", "ns3");
}

Test(options, that_cannot_be_met_together_are_refused)
{
    REFUSED("--shard and --limit-cases are of sweeps", "sweep", "one-cpe", "--campaign", "2", "--shard", "1/2");
    REFUSED("--accel tin: tcg or kvm", RUN, "--accel", "tin");
    REFUSED("--twice needs virtual time, which --accel kvm has not", RUN, "--accel", "kvm", "--twice");
    REFUSED("--bundle needs virtual time", RUN, "--accel", "kvm", "--bundle", "/nowhere/x");
    REFUSED("--bundle /nowhere/x holds one run, and there are 2 scenarios", RUN, SCENARIO, "--bundle", "/nowhere/x");
}

Test(options, that_are_missing_bring_the_usage)
{
    REFUSED("Usage: vclab run", "run");
    REFUSED("Usage: vclab run", RUN, "--hurry");
    REFUSED("Usage: vclab replay", "replay");
    REFUSED("Usage: vclab replay", "replay", "a", "b");
    REFUSED("shell --sealed TOPOLOGY NODE", "shell", "--sealed", "two-cpe");
    REFUSED("no bench none; there are bring-up", "bench", "none");
}

Test(options, of_a_shell_are_checked_before_a_machine_starts)
{
    REFUSED("no node cpe9 in two-cpe", "shell", "--sealed", "two-cpe", "cpe9");
    REFUSED("no timers slow in two-cpe", "shell", "--sealed", "two-cpe", "cpe1", "--timers", "slow");
    REFUSED("tow-cpe: neither a file nor a topology (did you mean two-cpe?); there are ", "shell", "--sealed",
            "tow-cpe", "cpe1");
    REFUSED("zzz: neither a file nor a topology; there are ", "sweep", "zzz");
}

Test(options, a_bundle_that_is_none_is_refused_before_anything_starts)
{
    REFUSED("/nowhere/x: No such file", "replay", "/nowhere/x", "--results", "/nowhere/results");
    REFUSED("not a bundle of vclab", "replay", SCENARIO, "--results", "/nowhere/results");
}

Test(options, without_a_lab_root_say_how_to_get_one)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *run =
        command_start(ctx, &(struct command_options){.env = "VCLAB_LABROOT", .argv = VCLAB_ARGV(RUN)});

    command_end(run, 10000);
    EXITS(run, 3);
    SAYS(run, "./vclab");
}

Test(options, help_is_on_standard_output)
{
    static const char *const commands[] = {"run", "replay", "shell", "bench"};

    for (size_t i = 0; i < VC_COUNT(commands); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        struct command *command = VCLAB(ctx, commands[i], "--help");
        EXITS(command, 0);
        cr_assert(strstr(command->out, "Usage: vclab"), "%s", commands[i]);
        cr_assert_str_eq(command->err, "");
    }
}

/* ---- shards of a sweep ---- */

static int remove_one(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED, struct FTW *at VC_UNUSED)
{
    return remove(path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds the names of the files that a sweep would play. */
static size_t listed(void *ctx, const char *results, const char *shard, char **names, size_t count)
{
    const char *const *argv = shard ? VCLAB_ARGV("sweep", "one-cpe", "--list", "--results", results, "--shard", shard)
                                    : VCLAB_ARGV("sweep", "one-cpe", "--list", "--results", results);
    struct command *command = command_run(ctx, argv);
    char *rest = NULL;

    EXITS(command, 0);
    for (char *line = strtok_r(command->out, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        names[count++] = strrchr(line, '/') + 1;
    return count;
}

Test(options, shards_of_a_sweep_are_the_whole_sweep)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char results[] = "/tmp/vclab-shards-XXXXXX", *whole[400], *parts[400];

    cr_assert(mkdtemp(results));
    size_t count = listed(ctx, results, NULL, whole, 0);
    size_t first = listed(ctx, results, "1/2", parts, 0), both = listed(ctx, results, "2/2", parts, first);
    cr_assert(first && first < both && both == count, "%zu and %zu of %zu", first, both - first, count);
    qsort(whole, count, sizeof *whole, by_name);
    qsort(parts, count, sizeof *parts, by_name);
    for (size_t i = 0; i < count; i++)
        cr_assert_str_eq(whole[i], parts[i]);
    nftw(results, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
