/* Real labs: a sweep by the command line, and an oracle that is wrong. */
#include "fixture.h"

#include <fcntl.h>
#include <glob.h>

static char *top;

static void setup(void)
{
    if (!getenv("VCLAB_LABROOT")) {
        if (getenv("VCLAB_MUST_WORK"))
            cr_assert_fail("needs VCLAB_LABROOT, and VCLAB_MUST_WORK is set");
        cr_skip_test("needs VCLAB_LABROOT");
    }
    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
    top = temporary_folder(NULL);
}

static void teardown(void)
{
    remove_folder(top);
    talloc_free(top);
}

TestSuite(sealed_sweep, .init = setup, .fini = teardown, .timeout = 500);

/* Runs vclab with results in `top`; what it printed, and its exit status. */
static char *vclab(void *ctx, int *status, char *const *argv)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/out", top);
    char *text = NULL;
    size_t room = 0;

    fflush(NULL);
    pid_t pid = fork();
    if (!pid) {
        int out = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
        dup2(out, STDOUT_FILENO);
        execv(VCLAB_BINARY, argv);
        _exit(127);
    }
    waitpid(pid, status, 0);
    *status = WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
    VC_AUTO_FILE *file = fopen(path, "re");
    cr_assert(file && getdelim(&text, &room, 0, file) > 0, "vclab said nothing");
    char *copy = talloc_strdup(ctx, text);
    free(text);
    return copy;
}

#define VCLAB(ctx, status, ...) vclab((ctx), (status), (char *[]){ARG("vclab"), __VA_ARGS__, NULL})
#define ARG(text)               ((char *)(uintptr_t)(text))

static size_t matches(const char *pattern)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", top, pattern);
    glob_t found;
    size_t count = glob(path, 0, NULL, &found) ? 0 : found.gl_pathc;

    globfree(&found);
    return count;
}

Test(sealed_sweep, of_the_two_cpes_agrees_and_leaves_only_what_it_must)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    int status;
    const char *text = VCLAB(ctx, &status, ARG("sweep"), ARG("two-cpe"), ARG("--only"), ARG("node/cpe*"), ARG("--jobs"),
                             ARG("2"), ARG("--results"), top, ARG("--json"));
    VC_AUTO_JSON *document = json_loads(text, 0, NULL);

    cr_assert_eq(status, 0, "%s", text);
    cr_assert_eq(json_array_size(json_object_get(document, "cases")), 2);
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(document, "totals"), "agrees")), 2);
    cr_assert_gt(json_number_value(json_object_get(document, "virtual_s")), 20);
    cr_assert_eq(matches("*-sweep-two-cpe-*/sweep.json"), 1);
    cr_assert_eq(matches("*-sweep-two-cpe-*/cases/node-cpe[12].yaml"), 2);
    cr_assert_eq(matches("*-sweep-two-cpe-*/runs/*"), 0, "results of agreeing cases are removed");
}

Test(sealed_sweep, of_one_worker_plays_cases_one_after_the_other_in_one_lab)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    int status;
    const char *text = VCLAB(ctx, &status, ARG("sweep"), ARG("two-cpe"), ARG("--only"), ARG("daemon/*/bgpd"),
                             ARG("--jobs"), ARG("1"), ARG("--results"), top, ARG("--json"));
    VC_AUTO_JSON *document = json_loads(text, 0, NULL);
    const json_t *cases = json_object_get(document, "cases"), *one;
    size_t i;

    cr_assert_eq(status, 0, "%s", text);
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(document, "totals"), "agrees")), 4);
    json_array_foreach(cases, i, one)
    {
        cr_assert_null(json_object_get(one, "chain"), "each agreed in the chain: %s", text);
        cr_assert_gt(json_number_value(json_object_get(one, "virtual_s")), 4);
    }
    cr_assert_eq(matches("*-sweep-two-cpe-*/chains/chain-1.yaml"), 1);
    cr_assert_eq(matches("*-sweep-two-cpe-*/chains/*"), 1);
    cr_assert_eq(matches("*-sweep-two-cpe-*/cases/*.yaml"), 4, "each can be played alone");
    cr_assert_eq(matches("*-sweep-two-cpe-*/runs/*"), 0);
}

/* An oracle that thinks nothing of a failed CPE: everything stays where it was. */
static struct vc_oracle_path ask_blind(void *ctx, const struct vc_oracle *oracle,
                                       const struct vc_oracle_step *steps VC_UNUSED, size_t count VC_UNUSED,
                                       size_t from, size_t to)
{
    return vc_oracle_ask(ctx, oracle, NULL, 0, from, to);
}

Test(sealed_sweep, notices_an_oracle_that_is_wrong)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");
    size_t cpe1 = element_of(sweep, "node/cpe1");
    struct vc_schedule schedule = vc_schedule_of_set(sweep, &cpe1, 1);
    int status;

    sweep->ask = ask_blind;
    char *file = vc_schedule_write(ctx, sweep, &schedule, top, "node-cpe1", &err);
    cr_assert(file, "%s", err ? err->message : "");
    const char *text =
        VCLAB(ctx, &status, ARG("run"), file, ARG("--no-captures"), ARG("--results"), top, ARG("--json"));
    cr_assert_eq(status, 1, "%s", text);
    VC_AUTO_TALLOC char *pattern = talloc_asprintf(NULL, "%s/*-node-cpe1-*", top);
    glob_t found;
    cr_assert_eq(glob(pattern, 0, NULL, &found), 0);
    struct vc_sweep_outcome *outcome = vc_sweep_outcome_read(ctx, sweep, &schedule, found.gl_pathv[0]);
    globfree(&found);
    cr_assert_eq(outcome->verdict, VC_SWEEP_MISMATCH, "%s", outcome->reason);
    /* Calls to DC1 lost CPE1's tunnel, in both directions; nothing else moved. */
    cr_assert_eq(json_array_size(outcome->disagreements), 2);
    const json_t *d = json_array_get(outcome->disagreements, 0), *packets = json_object_get(d, "packets");
    cr_assert_str_eq(json_string_value(json_object_get(d, "flow")), "phone-dc1-srv");
    cr_assert_str_eq(json_string_value(json_array_get(packets, 0)), "dc2");
    cr_assert_str_eq(json_string_value(json_array_get(packets, 1)), "wan");
}
