/* The doctor at a living lab, and at what it left. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "lab.h"

TestSuite(doctor, .init = host_open, .fini = host_close);

static json_t *examine(void *ctx, const char *what, int status)
{
    struct command *doctor =
        what ? VCLAB(ctx, "doctor", "--json", what) : VCLAB(ctx, "doctor", "--json", "--results", RESULTS);

    EXITS(doctor, status);
    json_t *diagnosis = json_loads(doctor->out, 0, NULL);
    cr_assert(diagnosis, "%s", doctor->out);
    return diagnosis;
}

static const char *cause_of(const json_t *diagnosis, size_t index)
{
    const json_t *cause = json_array_get(json_object_get(diagnosis, "causes"), index);
    const char *name = json_string_value(json_object_get(cause, "cause"));

    return name ? name : "";
}

/* The child that examines, stopped on its way: what is done now is done beside it. */
static pid_t catch_child(ino_t inside)
{
    for (int64_t end = host_now_ms() + 60000;; poll(NULL, 0, 1)) {
        pid_t pid = process_in(inside, "vclab-doctor", NULL);

        if (pid > 0 && !kill(pid, SIGSTOP))
            return pid;
        cr_assert(host_now_ms() < end, "nobody examines the lab");
    }
}

/* A node goes off beside an examination, which is begun again; and one that is lost is no finding. */
static void disturb_examinations(void)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    ino_t inside = namespace_of(child_of(child_of(getpid())), "pid");
    struct command *beside = VCLAB_START(ctx, "doctor", "--json", "--results", RESULTS);

    pid_t first = catch_child(inside);
    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "power-off", "node=cpe1", "name=dark"), 0);
    command_end(beside, 60000);
    EXITS(beside, 1);
    cr_assert_neq(namespace_of(first, "pid"), inside, "the examination goes on in a node that is off");
    VC_AUTO_JSON *diagnosis = json_loads(beside->out, 0, NULL);
    cr_assert(diagnosis, "%s", beside->out);
    EXITS(VCLAB(ctx, "heal", "--results", RESULTS, "dark"), 0);

    struct command *lost = VCLAB_START(ctx, "doctor", "--results", RESULTS);
    kill(catch_child(inside), SIGKILL);
    command_end(lost, 60000);
    EXITS(lost, 3);
    SAYS(lost, "the lab could not be asked: collecting evidence in the lab: its child ended early");
}

Test(doctor, finds_nothing_then_what_is_broken_then_nothing_again)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    lab_up(RESULTS);
    lab_await_converged(RESULTS, 60000);
    VC_AUTO_JSON *before = examine(ctx, NULL, 0);
    cr_assert(json_is_true(json_object_get(before, "healthy")));
    VC_AUTO_JSON *by_folder = examine(ctx, result_in(ctx, RESULTS), 0);
    cr_assert(json_is_true(json_object_get(by_folder, "healthy")));

    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "link-down", "link=core-dc1", "name=cut"), 0);
    lab_await_harmed(RESULTS, 60000);
    int64_t begun = host_now_ms();
    VC_AUTO_JSON *cut = examine(ctx, NULL, 1);
    fprintf(stderr, "doctor: %lld ms for a lab that does not answer\n", (long long)(host_now_ms() - begun));
    cr_assert_str_eq(cause_of(cut, 0), "tier-cut");
    cr_assert_str_eq(cause_of(cut, 1), "");

    struct command *text = VCLAB(ctx, "doctor", "--results", RESULTS);
    EXITS(text, 1);
    cr_assert(strstr(text->out, "1. tier-cut, tunnel dc1 (gre, certain)"), "%s", text->out);

    disturb_examinations();
    EXITS(VCLAB(ctx, "heal", "--results", RESULTS, "cut"), 0);
    lab_await_converged(RESULTS, 60000);
    VC_AUTO_JSON *after = examine(ctx, NULL, 0);
    cr_assert(json_is_true(json_object_get(after, "healthy")));

    lab_down(RESULTS);
    struct command *left = VCLAB(ctx, "doctor", result_in(ctx, RESULTS));
    EXITS(left, 2); /* it was asked while it ran */
    SAYS(left, "no evidence in its events, and only a sealed run is played again");
    EXITS(VCLAB(ctx, "doctor", "--results", RESULTS), 2); /* no lab runs any more */
}

/* Who fails is asked why, whoever passes only if that is wanted. */
Test(doctor, reads_of_a_run_what_it_was_asked_at_its_end)
{
    static const struct {
        const char *steps, *option;
        int status, healthy; /* of the run; of the doctor */
    } cases[] = {{"", "--no-captures", 0, 2},
                 {"", "--evidence", 0, 0},
                 {"  - expect:\n      - session: {tunnel: dc1, state: down, within: 1s}\n", "--no-captures", 1, 0}};

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *results = talloc_asprintf(ctx, "%s/%zu", RESULTS, i);
        char *steps = talloc_asprintf(ctx, "%s%s", steps_converge, cases[i].steps);
        const char *scenario = scenario_write(ctx, "asked", steps);
        EXITS(VCLAB(ctx, "run", "--live", scenario, cases[i].option, "--results", results), cases[i].status);
        EXITS(VCLAB(ctx, "doctor", result_in(ctx, results)), cases[i].healthy);
    }
}

/* An examination that is lost tells nothing: the run asks again, and goes on asking while it holds the answer. */
Test(doctor, a_run_does_without_an_examination_that_is_lost)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *steps = talloc_asprintf(
        ctx, "%s  - expect:\n      - diagnosis: {cause: healthy, within: 60s}\n  - hold: 7s\n", steps_converge);
    const char *scenario = scenario_write(ctx, "lost", steps);
    struct command *run = VCLAB_START(ctx, "run", "--live", scenario, "--results", RESULTS);
    ino_t inside = 0, outside = namespace_of(getpid(), "pid");
    unsigned lost = 0, told = 0;

    for (int64_t end = host_now_ms() + 60000; !inside || inside == outside; poll(NULL, 0, 10)) {
        pid_t engine = child_of(run->pid);
        inside = engine > 0 ? namespace_of(engine, "pid") : 0;
        cr_assert(host_now_ms() < end, "no engine");
    }
    kill(catch_child(inside), SIGKILL);
    command_end(run, 120000);
    EXITS(run, 0);
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/events.jsonl", result_in(ctx, RESULTS));
    VC_AUTO_FILE *file = fopen(path, "re");
    json_t *event;
    cr_assert(file);
    while ((event = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL))) {
        const char *what = json_string_value(json_object_get(event, "what"));
        bool is_evidence = what && !strcmp(what, "evidence");
        lost += is_evidence && json_object_get(event, "error");
        told += is_evidence && json_object_get(event, "document");
        json_decref(event);
    }
    cr_assert_eq(lost, 1);
    cr_assert_geq(told, 3, "met, as the hold began, and five seconds later: %u", told);
}

/* Who waits for the doctor no longer goes on beside it: the next step switches a node off that it looks into. */
Test(doctor, a_run_goes_on_beside_an_examination)
{
    static const char steps[] =
        "  - fault: {name: cut, kind: link-down, link: core-dc2}\n"
        "  - expect:\n      - diagnosis: {cause: ike-psk, others: true, within: 100ms}\n"
        "  - fault: {name: one, kind: misconfigure, node: cpe1, configure: {psk: wrong}}\n"
        "  - expect:\n      - diagnosis: {cause: ike-psk, others: true, within: 100ms}\n"
        "  - fault: {name: two, kind: misconfigure, node: cpe1, configure: {bgp_password: wrong}}\n"
        "  - expect:\n      - diagnosis: {cause: bgp-password, node: cpe1, others: true, within: 60s}\n";
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *scenario = scenario_write(ctx, "beside", talloc_asprintf(ctx, "%s%s", steps_converge, steps));

    EXITS(VCLAB(ctx, "run", "--live", scenario, "--no-captures", "--results", RESULTS), 1);
    const char *result = result_in(ctx, RESULTS);
    VC_AUTO_JSON *run = result_json(result, "run.json");
    result_whole(result);
    cr_assert_str_eq(json_string_value(json_object_get(run, "verdict")), "fail");
    cr_assert_str_eq(json_string_value(json_object_get(run, "reason")),
                     "the doctor names ike-psk within 100 ms: not within 100 ms (and 1 more)");
}

/* The node's other sessions come back in their own time after its start. */
static void await_only(const char *cause)
{
    for (int64_t end = host_now_ms() + 60000;; poll(NULL, 0, 200)) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_JSON *sick = examine(ctx, NULL, 1);

        cr_assert_str_eq(cause_of(sick, 0), cause);
        if (!*cause_of(sick, 1))
            return;
        cr_assert(host_now_ms() < end, "%s, too", cause_of(sick, 1));
    }
}

/* The node cannot be started: where its next file system is to be, there is a file. Its start as it was succeeds. */
static void misconfigure_in_vain(void)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *path = talloc_asprintf(ctx, "/proc/%d/root/tmp/cpe1.1", (int)child_of(child_of(getpid())));
    VC_AUTO_FD in_the_way = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    cr_assert(in_the_way >= 0, "%s: %s", path, strerror(errno));
    struct command *vain = VCLAB(ctx, "fault", "--results", RESULTS, "--misconfigure", "two-cpe-ike-tuned:psk");
    EXITS(vain, 1);
    SAYS(vain, "powering cpe1 on");
    SAYS(vain, "it was taken back");
    VC_AUTO_JSON *status = lab_status(RESULTS);
    cr_assert_eq(json_array_size(json_object_get(status, "faults")), 0);
    const json_t *daemons = json_object_get(lab_node(status, "cpe1"), "daemons");
    cr_assert(json_is_true(json_object_get(lab_node(status, "cpe1"), "on")));
    cr_assert_str_eq(json_string_value(json_object_get(daemons, "bgpd")), "running");
}

/* A key is wrong in a running lab, and right again: by the scenario that does so from the start. */
Test(doctor, finds_what_a_scenario_configures_in_a_running_lab)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    lab_up(RESULTS);
    lab_await_converged(RESULTS, 60000);
    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "--misconfigure", "no-such-scenario"), 2);
    misconfigure_in_vain();
    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "--misconfigure", "two-cpe-ike-tuned:psk"), 0);
    struct command *which = VCLAB(ctx, "fault", "--results", RESULTS, "--misconfigure", "two-cpe-ike-tuned");
    EXITS(which, 2);
    SAYS(which, "which of its faults? There are psk, version, ");
    await_only("ike-psk");
    EXITS(VCLAB(ctx, "heal", "--results", RESULTS, "cpe1"), 0);
    lab_await_converged(RESULTS, 60000);
    VC_AUTO_JSON *after = examine(ctx, NULL, 0);
    cr_assert(json_is_true(json_object_get(after, "healthy")));
    lab_down(RESULTS);
}
