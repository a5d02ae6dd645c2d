/* Nothing of a lab outlives vclab, however vclab or its engine ends, and nothing of it is ever seen on the host. */
#include <poll.h>
#include <string.h>
#include <sys/random.h>

#include "host.h"

TestSuite(kill, .init = host_open, .fini = host_close);

#define KILLS   30
#define SPAN_MS 2500
#define LIMIT   2000 /* ms until the last process is gone */

static const char steps_long[] = "  - expect:\n      - converged: {within: 20s}\n  - hold: 60s\n";

static unsigned seed_of_today(void)
{
    const char *given = getenv("VCLAB_TEST_SEED");
    unsigned seed = 0;

    if (given)
        return (unsigned)strtoul(given, NULL, 0);
    cr_assert(getrandom(&seed, sizeof seed, 0) == sizeof seed);
    return seed;
}

/* One moment in each of KILLS equal parts of the span: bring-up is short, and every part of it is to be hit. */
static int moment_ms(unsigned *seed, int kill_number)
{
    int part = SPAN_MS / KILLS;

    return kill_number * part + rand_r(seed) % part;
}

static void kill_once(const char *scenario, const char *before, int after_ms)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *run = VCLAB_START(ctx, "run", "--live", scenario, "--results", RESULTS);
    siginfo_t info = {0};

    cr_assert(poll(&(struct pollfd){.fd = run->pidfd, .events = POLLIN}, 1, after_ms) == 0, "it ended by itself");
    pid_t engine = child_of(run->pid);
    ino_t inside = engine > 0 ? namespace_of(engine, "pid") : 0;
    kill(run->pid, SIGKILL);
    cr_assert(waitid(P_PIDFD, (id_t)run->pidfd, &info, WEXITED) == 0);
    run->pid = -1;
    cr_assert(host_quiet(LIMIT), "processes are left %d ms after the kill at %d ms", LIMIT, after_ms);
    if (inside && inside != namespace_of(getpid(), "pid"))
        cr_assert(!process_in(inside, NULL, NULL), "the sandbox lives on after the kill at %d ms", after_ms);
    host_same(before, "after a kill");
}

Test(kill, thirty_times_at_any_moment_leaves_nothing)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *scenario = scenario_write(ctx, "long", steps_long);
    const char *before = host_state(ctx);
    unsigned seed = seed_of_today();

    fprintf(stderr, "kill: VCLAB_TEST_SEED=%u repeats these moments\n", seed);
    for (int i = 0; i < KILLS; i++)
        kill_once(scenario, before, moment_ms(&seed, i));
}

Test(kill, of_the_supervisor_ends_its_lab)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *before = host_state(ctx);
    struct command *up = VCLAB(ctx, "up", "two-cpe", "--results", RESULTS);

    EXITS(up, 0);
    pid_t supervisor = child_of(getpid());
    pid_t engine = child_of(supervisor);
    ino_t inside = namespace_of(engine, "pid");
    cr_assert(supervisor > 0 && process_in(inside, "bgpd", "cpe1"), "no lab runs");
    kill(supervisor, SIGKILL);
    cr_assert(host_quiet(LIMIT));
    cr_assert(!process_in(inside, NULL, NULL));
    host_same(before, "after the kill");
    struct command *status = VCLAB(ctx, "status", "--results", RESULTS);
    EXITS(status, 2);
    SAYS(status, "no lab runs here");
}

Test(kill, the_host_is_never_touched_while_a_lab_lives)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *before = host_state(ctx);

    EXITS(VCLAB(ctx, "up", "two-cpe", "--results", RESULTS), 0);
    host_same(before, "while the lab runs");
    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "drop", "link=inet-dc1", "select=esp"), 0);
    host_same(before, "while a fault is active");
    EXITS(VCLAB(ctx, "down", "--results", RESULTS), 0);
    cr_assert(host_quiet(LIMIT));
    host_same(before, "after the lab");
}

/* ---- several runs side by side ---- */

/* Both labs run and hold. */
static struct command *two_in_the_middle(void *ctx)
{
    struct command *run =
        VCLAB_START(ctx, "run", "--live", "--jobs", "2", "--results", RESULTS, "/tmp/one.yaml", "/tmp/two.yaml");

    command_await(run, "hold: ", 30000);
    command_await(run, "hold: ", 30000);
    return run;
}

static void write_two(void *ctx)
{
    scenario_write(ctx, "one", steps_long);
    scenario_write(ctx, "two", steps_long);
}

Test(kill, of_two_runs_side_by_side_leaves_nothing)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    write_two(ctx);
    const char *before = host_state(ctx);
    struct command *run = two_in_the_middle(ctx);
    kill(run->pid, SIGKILL);
    cr_assert(waitpid(run->pid, NULL, 0) == run->pid);
    run->pid = -1;
    cr_assert(host_quiet(LIMIT), "processes are left");
    host_same(before, "after the kill");
}

Test(kill, sigterm_interrupts_every_run_side_by_side)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    write_two(ctx);
    struct command *run = two_in_the_middle(ctx);
    kill(run->pid, SIGTERM);
    command_end(run, 10000);
    EXITS(run, 130);
    cr_assert(host_quiet(0), "vclab ended before its labs did");
    struct command *report = VCLAB(ctx, "report", "--json", RESULTS);
    VC_AUTO_JSON *all = json_loads(report->out, 0, NULL);
    cr_assert_eq(json_array_size(all), 2, "%s", report->out);
    for (size_t i = 0; i < 2; i++)
        cr_assert(json_is_true(json_object_get(json_array_get(all, i), "interrupted")), "%s", report->out);
}

/* ---- signals and deaths in the middle of a run ---- */

struct middle {
    struct command *run;
    pid_t engine;
};

/* A run that has converged and now holds. */
static struct middle in_the_middle(void *ctx)
{
    const char *scenario = scenario_write(ctx, "long", steps_long);
    struct middle middle = {.run = VCLAB_START(ctx, "run", "--live", scenario, "--results", RESULTS)};

    command_await(middle.run, "hold: ", 30000);
    middle.engine = child_of(middle.run->pid);
    cr_assert(middle.engine > 0);
    return middle;
}

/* The document of a run that ended early: everything is written, nothing of the lab is left. */
static json_t *ended(struct middle *middle, int status, const char *before)
{
    VC_AUTO_TALLOC char *result = result_in(NULL, RESULTS);

    command_end(middle->run, 10000);
    EXITS(middle->run, status);
    cr_assert(host_quiet(0), "vclab ended before its lab did");
    host_same(before, "after the run");
    result_whole(result);
    return result_json(result, "run.json");
}

static const char *text_of(const json_t *run, const char *key)
{
    const char *text = json_string_value(json_object_get(run, key));

    return text ? text : "";
}

static void interrupted_by(int signal, bool whole_group)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *before = NULL;

    scenario_write(ctx, "long", steps_long); /* it belongs to the state before */
    before = host_state(ctx);
    struct middle middle = in_the_middle(ctx);
    kill(whole_group ? -middle.run->pid : middle.run->pid, signal);
    VC_AUTO_JSON *run = ended(&middle, 130, before);
    cr_assert(json_is_true(json_object_get(run, "interrupted")));
}

Test(kill, ctrl_c_writes_an_interrupted_result)
{
    interrupted_by(SIGINT, true);
}

Test(kill, sigterm_writes_an_interrupted_result)
{
    interrupted_by(SIGTERM, false);
}

Test(kill, a_daemon_that_dies_makes_the_run_an_error)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    scenario_write(ctx, "long", steps_long);
    const char *before = host_state(ctx);
    struct middle middle = in_the_middle(ctx);
    pid_t bgpd = process_in(namespace_of(middle.engine, "pid"), "bgpd", "cpe2");
    cr_assert(bgpd > 0, "cpe2 runs no bgpd");
    kill(bgpd, SIGKILL);
    VC_AUTO_JSON *run = ended(&middle, 1, before);
    cr_assert_str_eq(text_of(run, "verdict"), "error");
    cr_assert(strstr(text_of(run, "reason"), "bgpd") && strstr(text_of(run, "reason"), "cpe2"), "reason: %s",
              text_of(run, "reason"));
    SAYS(middle.run, "bgpd at cpe2 died");
}

Test(kill, an_engine_that_dies_makes_the_run_an_error)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    scenario_write(ctx, "long", steps_long);
    const char *before = host_state(ctx);
    struct middle middle = in_the_middle(ctx);
    kill(middle.engine, SIGKILL);
    VC_AUTO_JSON *run = ended(&middle, 1, before);
    cr_assert_str_eq(text_of(run, "verdict"), "error");
    cr_assert(*text_of(run, "reason"), "an error without a reason");
    cr_assert(strstr(middle.run->out, "ERROR"), "%s", middle.run->out);
}
