/* Sealed runs of whole labs: what determinism, forks and the watchdog promise. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sealed.h"

#define SHORT "baseline/two-cpe-active-active-bfd"

static struct vc_sealed_config cold(void *ctx)
{
    return (struct vc_sealed_config){.scenario = scenario_of(ctx, SHORT),
                                     .image = image_of(ctx, VCLAB_BINARY),
                                     .seed = 1,
                                     .captures = true,
                                     .cold = true};
}

static void are_the_same(const struct run *one, const struct run *other)
{
    VC_AUTO_TALLOC char *a = hash_of_folder(NULL, one->folder);
    VC_AUTO_TALLOC char *b = hash_of_folder(NULL, other->folder);

    cr_assert(strcmp(one->events, other->events) == 0, "the events differ");
    cr_assert_str_eq(a, b, "captures or logs differ");
}

Test(sealed, cold_runs_are_the_same_bytes_and_another_seed_gives_others)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sealed_config config = cold(ctx);
    struct run *first = run_sealed(ctx, config);
    struct run *second = run_sealed(ctx, config);
    config.seed = 2;
    struct run *other = run_sealed(ctx, config);

    cr_assert_str_eq(first->verdict, "pass", "%s", first->reason);
    are_the_same(first, second);
    cr_assert(strcmp(first->events, other->events) != 0, "another seed gave the same events");
    cr_assert_str_eq(other->verdict, "pass", "%s", other->reason);
    forget_run(first);
    forget_run(second);
    forget_run(other);
}

/* QEMU's main loop may wake at any moment of the host's time, and no bit of the guest's may depend on it. */
Test(sealed, a_restless_main_loop_changes_no_byte)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sealed_config config = cold(ctx);
    struct run *quiet = run_sealed(ctx, config);
    cr_assert_eq(setenv("LD_PRELOAD", VCLAB_RESTLESS_LOOP, 1), 0); /* for QEMU: this process is loaded already */
    struct run *restless = run_sealed(ctx, config);

    cr_assert_str_eq(quiet->verdict, "pass", "%s", quiet->reason);
    are_the_same(quiet, restless);
    forget_run(quiet);
    forget_run(restless);
}

static char *verdicts_of(void *ctx, const struct run *run)
{
    const json_t *expectations = json_object_get(run->outcome.run.judged, "expectations");
    char *text = talloc_strdup(ctx, run->verdict);
    json_t *expectation;
    size_t i;

    json_array_foreach(expectations, i, expectation) text =
        talloc_asprintf_append(text, "\n%s: %s", json_string_value(json_object_get(expectation, "text")),
                               json_string_value(json_object_get(expectation, "verdict")));
    return text;
}

Test(sealed, a_fork_agrees_with_the_cold_run)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sealed_config config = {.scenario = scenario_of(ctx, "failover/two-cpe-dc1-silent-loss-bfd"),
                                      .image = image_of(ctx, VCLAB_BINARY),
                                      .seed = 1,
                                      .captures = true};
    struct run *fork = run_sealed(ctx, config);
    struct run *again = run_sealed(ctx, config);
    config.cold = true;
    struct run *cold = run_sealed(ctx, config);

    cr_assert(fork->outcome.forked && !cold->outcome.forked);
    VC_AUTO_TALLOC char *a = verdicts_of(NULL, fork);
    VC_AUTO_TALLOC char *b = verdicts_of(NULL, cold);
    cr_assert_str_eq(a, b);
    cr_assert_str_eq(cold->verdict, "pass", "%s", cold->reason);
    cr_assert_str_eq(again->progress, "", "the second fork made a snapshot again: %s", again->progress);
    forget_run(fork);
    forget_run(again);
    forget_run(cold);
}

static struct run *run_broken(void *ctx, const char *init, unsigned wall_limit_s)
{
    struct vc_sealed_config config = {.scenario = scenario_of(ctx, SHORT),
                                      .image = image_of(ctx, init),
                                      .seed = 1,
                                      .cold = true,
                                      .wall_limit_s = wall_limit_s};

    return run_sealed(ctx, config);
}

Test(sealed, a_guest_that_panics_is_an_error_with_its_last_words)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct run *run = run_broken(ctx, VCLAB_INIT_PANIC, 0);

    cr_assert_str_eq(run->verdict, "error");
    cr_assert(strstr(run->reason, "Kernel panic") && strstr(run->reason, "init"), "%s", run->reason);
    forget_run(run);
}

Test(sealed, a_guest_that_hangs_is_stopped_at_the_wall_limit)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct run *run = run_broken(ctx, VCLAB_INIT_HANG, 5);

    cr_assert_str_eq(run->verdict, "error");
    cr_assert(strstr(run->reason, "limit of 5 s"), "%s", run->reason);
    cr_assert_geq(run->outcome.run.wall_s, 5);
    forget_run(run);
}

Test(sealed, a_full_results_device_is_an_error_that_says_so)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sealed_config config = {.scenario = scenario_of(ctx, SHORT),
                                      .image = image_of(ctx, VCLAB_BINARY),
                                      .seed = 1,
                                      .captures = true,
                                      .cold = true,
                                      .results_size = 2 << 20};
    struct run *run = run_sealed(ctx, config);

    cr_assert_str_eq(run->verdict, "error");
    cr_assert(strstr(run->reason, "full"), "%s", run->reason);
    forget_run(run);
}

static void spoil(const char *folder, const char *name)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort), spoilt = 0;

    for (int i = 0; i < count; i++) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s/%s", folder, entries[i]->d_name, name);
        VC_AUTO_FD fd = open(path, O_RDWR | O_CLOEXEC);
        uint8_t byte;
        off_t middle = fd < 0 ? 0 : lseek(fd, lseek(fd, 0, SEEK_END) / 4, SEEK_DATA);
        if (fd >= 0 && pread(fd, &byte, 1, middle) == 1) {
            byte ^= 0x40;
            spoilt += pwrite(fd, &byte, 1, middle) == 1;
        }
        free(entries[i]);
    }
    free(entries);
    cr_assert_eq(spoilt, 1);
}

Test(sealed, a_damaged_snapshot_is_made_again)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sealed_config config = {.scenario = scenario_of(ctx, SHORT),
                                      .image = image_of(ctx, VCLAB_BINARY),
                                      .cache = temporary_folder(ctx),
                                      .seed = 1};

    for (int round = 0; round < 2; round++) {
        struct run *run = run_sealed(ctx, config);
        cr_assert_str_eq(run->verdict, "pass", "%s", run->reason);
        cr_assert(strstr(run->progress, "making the snapshot"), "round %d: %s", round, run->progress);
        forget_run(run);
        if (!round) {
            VC_AUTO_TALLOC char *snapshots = talloc_asprintf(NULL, "%s/snapshots", config.cache);
            spoil(snapshots, "ram");
        }
    }
    remove_folder(config.cache);
}

/* Descendants of `pid`, as the kernel lists them. */
static size_t children_of(pid_t pid, pid_t *out, size_t max)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "/proc/%d/task/%d/children", pid, pid);
    FILE *file = fopen(path, "re");
    size_t count = 0;
    int child;

    while (file && count < max && fscanf(file, "%d", &child) == 1) {
        out[count++] = child;
        count += children_of(child, out + count, max - count);
    }
    if (file)
        fclose(file);
    return count;
}

Test(sealed, nothing_outlives_a_vclab_that_is_killed)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *results = temporary_folder(ctx), line[512];
    pid_t left[16];
    int progress[2];

    labroot();
    cr_assert_eq(pipe2(progress, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (!pid) {
        dup2(progress[1], 2);
        execl(VCLAB_BINARY, "vclab", "run", "--cold", "--results", results,
              VCLAB_SOURCE_DIR "/scenarios/" SHORT ".yaml", NULL);
        _exit(127);
    }
    close(progress[1]);
    FILE *out = fdopen(progress[0], "re");
    /* The lab is alive once it tells of its tunnels. */
    while (fgets(line, sizeof line, out) && !strstr(line, "GRE"))
        continue;
    size_t count = children_of(pid, left, VC_COUNT(left));
    cr_assert_geq(count, 1, "no machine runs under vclab");
    int pidfds[VC_COUNT(left)];
    for (size_t i = 0; i < count; i++)
        pidfds[i] = (int)syscall(SYS_pidfd_open, left[i], 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        struct pollfd gone = {.fd = pidfds[i], .events = POLLIN};
        cr_assert_eq(poll(&gone, 1, 10000), 1, "process %d outlived vclab", left[i]);
        close(pidfds[i]);
    }
    fclose(out);
    remove_folder(results);
}
