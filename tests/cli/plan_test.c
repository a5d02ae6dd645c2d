/* vclab plan as people call it. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "host.h"

static char folder[] = "/tmp/vclab-plan-XXXXXX";

static char *in_folder(void *ctx, const char *name)
{
    return talloc_asprintf(ctx, "%s/%s", folder, name);
}

static void put(const char *name, const char *text)
{
    VC_AUTO_TALLOC char *path = in_folder(NULL, name);
    VC_AUTO_FILE *file = fopen(path, "we");

    cr_assert(file && fputs(text, file) >= 0, "%s", path);
}

static char *get(void *ctx, const char *name)
{
    VC_AUTO_FILE *file = fopen(in_folder(ctx, name), "re");
    char *text = talloc_zero_size(ctx, 1 << 18);

    cr_assert(file, "no %s", name);
    text[fread(text, 1, (1 << 18) - 1, file)] = '\0';
    return text;
}

static void setup(void)
{
    cr_assert(mkdtemp(folder));
    put("small.yaml", "plan: small\nduration: 3s\ncodecs: {g711: {share: 100}}\n"
                      "dcs: {east: {mbit: 1000}, west: {mbit: 1000}}\nwan: {mbit: 1000}\n"
                      "regions: {a: {hubs: 5, erlangs: 3}}\n"
                      "failures: [dc-lost: {dc: east, at: 1s, for: 1s, failover: 200ms}]\n");
}

static void teardown(void)
{
    static const char *const names[] = {"results/plan-small-packet-1/plan.json",
                                        "results/plan-small-packet-1/plan.txt",
                                        "results/plan-small-packet-1/load.svg",
                                        "results/plan-small-packet-1/mos.svg",
                                        "results/plan-small-packet-1",
                                        "results",
                                        "small.yaml",
                                        "vclab",
                                        ""};

    for (size_t i = 0; i < VC_COUNT(names); i++) {
        VC_AUTO_TALLOC char *path = in_folder(NULL, names[i]);
        remove(path);
    }
}

TestSuite(plan, .init = setup, .fini = teardown);

Test(plan, bad_usage_and_bad_files_have_status_2)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *small = in_folder(ctx, "small.yaml");
    struct command *command;

    EXITS(VCLAB(ctx, "plan"), VC_EXIT_USAGE);
    EXITS(VCLAB(ctx, "plan", small, small), VC_EXIT_USAGE);
    command = VCLAB(ctx, "plan", small, "--level", "frame");
    EXITS(command, VC_EXIT_USAGE);
    SAYS(command, "--level frame; allowed: call, packet");
    command = VCLAB(ctx, "plan", small, "--level", "call", "--verify");
    EXITS(command, VC_EXIT_USAGE);
    SAYS(command, "--verify with --level call");
    EXITS(VCLAB(ctx, "plan", small, "--seed", "-1"), VC_EXIT_USAGE);
    command = VCLAB(ctx, "plan", in_folder(ctx, "none.yaml"));
    EXITS(command, VC_EXIT_USAGE);
    SAYS(command, "none.yaml: cannot read");
    EXITS(VCLAB(ctx, "plan", "--help"), VC_EXIT_PASS);
    command = VCLAB(ctx, "check", small);
    EXITS(command, VC_EXIT_PASS);
    cr_assert(strstr(command->out, "ok (plan of 5 hubs in 1 regions: 1 failures)"), "%s", command->out);
}

static void copy(const char *from, const char *to)
{
    VC_AUTO_FD in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    struct stat st;

    cr_assert(in >= 0 && out >= 0 && !fstat(in, &st));
    for (off_t left = st.st_size; left > 0;) {
        ssize_t n = copy_file_range(in, NULL, out, NULL, (size_t)left, 0);
        cr_assert_gt(n, 0);
        left -= n;
    }
}

/* A vclab that was built without ns-3 is one without vclab-planner beside it. */
Test(plan, without_ns3_the_arithmetic_is_told_and_what_is_missing)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *alone = in_folder(ctx, "vclab");

    copy(VCLAB_BINARY, alone);
    struct command *command =
        command_run(ctx, (const char *const[]){alone, "plan", in_folder(ctx, "small.yaml"), NULL});
    EXITS(command, VC_EXIT_HOST);
    SAYS(command, "libns3-dev");
    cr_assert(strstr(command->out, "How many calls fit") && !strstr(command->out, "Simulated"), "%s", command->out);
}

Test(plan, a_plan_is_simulated_verified_and_the_same_again)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *results = in_folder(ctx, "results"), *small = in_folder(ctx, "small.yaml");
    struct command *command = VCLAB(ctx, "plan", small, "--verify", "--results", results);

    if (command->status == VC_EXIT_HOST)
        cr_skip_test("built without ns-3");
    EXITS(command, VC_EXIT_PASS);
    cr_assert(strstr(command->out, "they agree") && strstr(command->out, "1 s to 1.2 s: east lost, not noticed yet"),
              "%s", command->out);
    cr_assert_str_eq(command->out, get(ctx, "results/plan-small-packet-1/plan.txt"));
    const char *json = get(ctx, "results/plan-small-packet-1/plan.json"),
               *load = get(ctx, "results/plan-small-packet-1/load.svg");
    struct command *again = VCLAB(ctx, "plan", small, "--verify", "--results", results, "--json");
    EXITS(again, VC_EXIT_PASS);
    cr_assert_str_eq(get(ctx, "results/plan-small-packet-1/plan.json"), json);
    cr_assert_str_eq(get(ctx, "results/plan-small-packet-1/load.svg"), load);
    VC_AUTO_JSON *result = json_loads(again->out, 0, NULL);
    cr_assert_str_eq(json_string_value(json_object_get(result, "schema")), "vclab.plan/1");
}
