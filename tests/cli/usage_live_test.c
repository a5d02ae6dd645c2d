/* Bad input and hosts that cannot: one clear message, the right exit status, and nothing started. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "host.h"
#include "net/netns.h"
#include "net/qdisc.h"

TestSuite(usage, .init = host_open, .fini = host_close);

/* It failed as `status` with `text`, and left no result. */
static void refused(struct command *command, int status, const char *text)
{
    EXITS(command, status);
    SAYS(command, text);
    cr_assert(rmdir(RESULTS) == 0, "a result was left: %s", strerror(errno));
    mkdir(RESULTS, 0755);
}

static char *hub(void *ctx)
{
    return scenario_write(ctx, "hub", steps_converge);
}

Test(usage, is_told_for_what_is_not_understood)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    refused(VCLAB(ctx, "runn"), 2, "no command runn, did you mean run");
    refused(VCLAB(ctx, "run", "--live", "--hurry", hub(ctx)), 2, "Usage: vclab run");
    refused(VCLAB(ctx, "run", "--live"), 2, "Usage: vclab run");
    refused(VCLAB(ctx, "run", "--live", "--jobs", "0", hub(ctx)), 2, "");
    refused(VCLAB(ctx, "run", "--live", "--jobs", "many", hub(ctx)), 2, "--jobs many");
    refused(VCLAB(ctx, "run", "--live", "--shard", "3/2", hub(ctx)), 2, "--shard 3/2");
    refused(VCLAB(ctx, "run", "--live", "--plane", "paper", hub(ctx), "--results", RESULTS), 2, "--plane paper");
    refused(VCLAB(ctx, "up", "two-cpe", "--timers", "none"), 2, "no timers none");
    refused(VCLAB(ctx, "exec"), 2, "Usage: vclab exec");
}

Test(usage, names_the_place_in_a_bad_file)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *typo = scenario_write(ctx, "typo", "  - fault: {name: cut, kind: drop, select: esp, link: inet-dcl}\n");
    const char *broken = scenario_write(ctx, "broken", "  - expect: [\n");

    refused(VCLAB(ctx, "run", "--live", typo, "--results", RESULTS), 2, "/tmp/typo.yaml:10:");
    refused(VCLAB(ctx, "run", "--live", typo, "--results", RESULTS), 2, "did you mean \"inet-dc1\"");
    refused(VCLAB(ctx, "run", "--live", broken, "--results", RESULTS), 2, "/tmp/broken.yaml:1");
    refused(VCLAB(ctx, "check", typo), 2, "/tmp/typo.yaml:10:");
    refused(VCLAB(ctx, "run", "--live", "/tmp/none.yaml", "--results", RESULTS), 2, "/tmp/none.yaml: No such file");
    refused(VCLAB(ctx, "up", "three-cpe", "--results", RESULTS), 2, "three-cpe");
}

Test(usage, of_a_lab_that_does_not_exist_says_how_to_start_one)
{
    static const char *const commands[][4] = {
        {"status"}, {"exec", "cpe1", "--", "true"}, {"shell", "cpe1"}, {"fault", "wan-cut"}, {"heal", "x"},
        {"down"},   {"capture", "wan", "/tmp/c"}};

    for (size_t i = 0; i < VC_COUNT(commands); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *const *words = commands[i];
        refused(VCLAB(ctx, words[0], "--results", RESULTS, words[1], words[2], words[3]), 2, "vclab up TOPOLOGY");
    }
}

Test(usage, needs_root_and_says_sudo)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *scenario = hub(ctx);
    /* A home below a private folder would be hidden from an unprivileged user. */
    cr_assert(mkdir("/tmp/home", 0755) == 0 && mount(VCLAB_SOURCE_DIR, "/tmp/home", NULL, MS_BIND, NULL) == 0);
    struct command_options options = {.nobody = true,
                                      .env = "VCLAB_HOME=/tmp/home",
                                      .argv = VCLAB_ARGV("run", "--live", scenario, "--results", RESULTS)};
    struct command *run = command_start(ctx, &options);

    command_end(run, 10000);
    refused(run, 3, "sudo");
}

Test(usage, needs_a_lab_root_and_says_how_to_get_one)
{
    static const struct {
        const char *env, *text;
    } cases[] = {{"VCLAB_LABROOT", "./vclab"},
                 {"VCLAB_LABROOT=/nowhere", "cannot open the lab root /nowhere"},
                 {"VCLAB_LABROOT=/run", "the lab root /run is not whole"}};

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        struct command_options options = {.env = cases[i].env,
                                          .argv = VCLAB_ARGV("run", "--live", hub(ctx), "--results", RESULTS)};
        struct command *run = command_start(ctx, &options);
        command_end(run, 10000);
        refused(run, 3, cases[i].text);
    }
}

static bool kernel_has_netem(void)
{
    const struct vc_qdisc netem = vc_qdisc_of(&(struct vc_wire){.delay_us = 1000}, 1, false);
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_FD netns = vc_netns_new(&err);
    VC_AUTO_TALLOC struct vc_rtnl *rtnl = vc_rtnl_open(NULL, netns, &err);

    cr_assert(rtnl, "%s", err ? err->message : "");
    vc_qdisc_set(rtnl, "lo", &netem);
    return !vc_rtnl_commit(rtnl, &err);
}

/* ns-3 carries links where there is no netem, but it has no end inside a tunnel. */
Test(usage, needs_netem_for_a_tunnel_with_a_character_and_says_sealed)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *scenario = scenario_write(ctx, "impaired",
                                          "  - expect:\n      - converged: {within: 20s}\n"
                                          "  - fault: {name: slow, kind: impair, tunnel: dc1, delay: 80ms}\n");

    if (kernel_has_netem())
        cr_skip_test("this kernel has netem");
    struct command *run = VCLAB(ctx, "run", "--live", scenario, "--results", RESULTS);
    cr_assert_str_eq(run->out, "", "a story of no run");
    SAYS(run, "impaired: fault slow needs the kernel module sch_netem");
    cr_assert_eq(strchr(run->err, '\n'), strrchr(run->err, '\n'), "more than one line:\n%s", run->err);
    refused(run, 3, "run it sealed (without --live)");
}

/* ---- scenarios of the kernel data plane ---- */

static const char *of_the_kernel_plane(void *ctx, const char *folder, const char *name)
{
    const char *file = talloc_asprintf(ctx, "%s/%s.yaml", folder, name);
    VC_AUTO_FILE *out = fopen(file, "we");

    cr_assert(out);
    fprintf(out, "scenario: %s\ndescription: A test.\ntopology: two-cpe\ntimers: bfd\nplane: kernel\nsteps:\n%s", name,
            steps_converge);
    return file;
}

Test(usage, a_scenario_of_the_kernel_plane_is_refused_without_it)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *run =
        VCLAB(ctx, "run", "--live", "--plane", "user", of_the_kernel_plane(ctx, "/tmp", "exact"), "--results", RESULTS);

    cr_assert_str_eq(run->out, "");
    SAYS(run, "exact needs the kernel data plane, ");
    cr_assert_eq(strchr(run->err, '\n'), strrchr(run->err, '\n'), "more than one line:\n%s", run->err);
    refused(run, 3, "run it sealed (without --live)");
}

Test(usage, scenarios_of_the_kernel_plane_are_skipped_among_others)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    cr_assert(mkdir("/tmp/many", 0755) == 0);
    of_the_kernel_plane(ctx, "/tmp/many", "exact");
    struct command *none =
        VCLAB(ctx, "run", "--live", "--plane", "user", "/tmp/many", "/tmp/many", "--results", RESULTS);
    EXITS(none, 3);
    cr_assert(strstr(none->out, "0 of 2 scenarios pass, 2 skipped; "), "%s", none->out);
    const char *plain = talloc_asprintf(ctx, "/tmp/many/hub.yaml");
    cr_assert(rename(hub(ctx), plain) == 0);
    struct command *some = VCLAB(ctx, "run", "--live", "--plane", "user", "/tmp/many", "--results", RESULTS);
    EXITS(some, 0);
    cr_assert(strstr(some->out, "1 of 2 scenarios pass, 1 skipped; "), "%s", some->out);
    cr_assert(strstr(some->out, "exact needs the kernel data plane, "), "%s", some->out);
}

/* ---- results that cannot be written ---- */

Test(usage, a_lab_that_cannot_start_leaves_no_result)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *deep =
        talloc_asprintf(ctx, "/tmp/%0100d", 0); /* its control socket has no name that the kernel takes */
    struct command *up = VCLAB(ctx, "up", "two-cpe", "--results", deep);

    EXITS(up, 2);
    SAYS(up, "choose a shorter --results");
    cr_assert(rmdir(deep) == 0, "a result was left: %s", strerror(errno));
}

/* Nothing was started: the first event of a lab is its plan's, the first line of a run its first step. */
static void never_began(struct command *run, const char *text)
{
    EXITS(run, 3);
    SAYS(run, text);
    cr_assert(!strstr(run->err, "expect:"), "a lab was started:\n%s", run->err);
}

static void disk_of(const char *path, const char *size)
{
    VC_AUTO_TALLOC char *options = talloc_asprintf(NULL, "size=%s", size);

    cr_assert(mkdir(path, 0755) == 0 && mount("tmpfs", path, "tmpfs", 0, options) == 0, "%s", strerror(errno));
}

Test(usage, a_results_folder_that_cannot_be_written_is_reported_first)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *scenario = hub(ctx);

    never_began(VCLAB(ctx, "run", "--live", scenario, "--results", scenario), "cannot make the results folder");
    never_began(VCLAB(ctx, "run", "--live", scenario, "--results", "/usr/vclab-test"), "choose another with --results");
    never_began(VCLAB(ctx, "up", "two-cpe", "--results", "/usr/vclab-test"), "choose another with --results");
}

Test(usage, a_full_disk_is_reported_before_anything_starts)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *scenario = hub(ctx);

    disk_of("/tmp/disk", "512k");
    never_began(VCLAB(ctx, "run", "--live", scenario, "--results", "/tmp/disk"), "No space left on device");
    never_began(VCLAB(ctx, "up", "two-cpe", "--results", "/tmp/disk"), "No space left on device");
    cr_assert(umount("/tmp/disk") == 0 && rmdir("/tmp/disk") == 0);
}

Test(usage, a_disk_that_fills_up_ends_the_run_with_a_message)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *scenario =
        scenario_write(ctx, "fills", "  - expect:\n      - converged: {within: 20s}\n  - hold: 8s\n");

    disk_of("/tmp/disk", "1400k");
    struct command *run = VCLAB_START(ctx, "run", "--live", scenario, "--results", "/tmp/disk");
    command_end(run, 40000);
    cr_assert_neq(run->status, 0);
    SAYS(run, "No space left on device");
    SAYS(run, "vclab: ");
    cr_assert(host_quiet(0));
}
