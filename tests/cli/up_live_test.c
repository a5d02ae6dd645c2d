/* A lab to work in: the commands that find it, look into it, and end it; and results told again. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

#include "lab.h"

TestSuite(up, .init = host_open, .fini = host_close);

static bool has_route(const json_t *node, const char *prefix, const char *ifname)
{
    json_t *route;
    size_t i;

    json_array_foreach(json_object_get(node, "routes"), i, route)
    {
        const char *via = json_string_value(json_object_get(route, "ifname"));
        if (!strcmp(json_string_value(json_object_get(route, "prefix")), prefix) && via && !strcmp(via, ifname))
            return true;
    }
    return false;
}

/* Routes follow the sessions in their own time; there is no event for them outside the lab. */
static void await_route(const char *node, const char *prefix, const char *ifname)
{
    for (int64_t end = host_now_ms() + 20000;; poll(NULL, 0, 100)) {
        VC_AUTO_JSON *status = lab_status(RESULTS);
        if (has_route(lab_node(status, node), prefix, ifname))
            return;
        cr_assert(host_now_ms() < end, "%s has no route to %s via %s", node, prefix, ifname);
    }
}

Test(up, status_shows_the_lab_and_down_ends_it)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    lab_up(RESULTS);
    lab_await_converged(RESULTS, 20000);
    await_route("cpe1", "198.18.5.0/25", "gre-dc1");
    await_route("cpe1", "198.18.5.128/25", "peer");
    await_route("dc2-router", "0.0.0.0/0", "gre-dc2");
    struct command *text = VCLAB(ctx, "status", "--results", RESULTS);
    EXITS(text, 0);
    cr_assert(strstr(text->out, "Established") && strstr(text->out, "CHILD INSTALLED"), "%s", text->out);
    EXITS(VCLAB(ctx, "down", "--results", RESULTS), 0);
    /* What comes next in a script may read the result. */
    char *result = result_in(ctx, RESULTS);
    VC_AUTO_JSON *run = result_json(result, "run.json");
    cr_assert_str_eq(json_string_value(json_object_get(run, "verdict")), "pass");
    result_whole(result);
    EXITS(VCLAB(ctx, "status", "--results", RESULTS), 2);
    cr_assert(host_quiet(2000));
}

static struct command *exec_with_input(void *ctx, const char *input, const char *script)
{
    VC_AUTO_FD in = memfd_create("stdin", MFD_CLOEXEC);
    struct command_options options = {
        .in = in, .argv = VCLAB_ARGV("exec", "--results", RESULTS, "cpe1", "--", "bash", "-c", script)};

    cr_assert(write(in, input, strlen(input)) == (ssize_t)strlen(input) && lseek(in, 0, SEEK_SET) == 0);
    struct command *command = command_start(ctx, &options);
    command_end(command, 20000);
    return command;
}

Test(up, exec_passes_input_output_and_status_on)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    lab_up(RESULTS);
    struct command *echo = exec_with_input(ctx, "one\ntwo\n", "uname -n; cat; echo wrong >&2; exit 7");
    EXITS(echo, 7);
    cr_assert_str_eq(echo->out, "cpe1\none\ntwo\n");
    cr_assert_str_eq(echo->err, "wrong\n");
    EXITS(exec_with_input(ctx, "", "kill -KILL $$"), 128 + SIGKILL);
    EXITS(VCLAB(ctx, "exec", "--results", RESULTS, "cpe1", "--", "no-such-program"), 127);
    struct command *nobody = VCLAB(ctx, "exec", "--results", RESULTS, "cpe9", "--", "true");
    EXITS(nobody, 2);
    SAYS(nobody, "no node cpe9; there are: cpe1");
    lab_down(RESULTS);
}

/* What the program wrote to the terminal until it ended. */
static char *read_terminal(void *ctx, int master, struct command *command, int ms)
{
    int64_t end = host_now_ms() + ms;
    char *text = talloc_strdup(ctx, ""), buffer[1024];

    for (;;) {
        struct pollfd fds[2] = {{.fd = master, .events = POLLIN}, {.fd = command->pidfd, .events = POLLIN}};
        int64_t left = end - host_now_ms();
        cr_assert(left > 0 && poll(fds, 2, (int)left) > 0, "the shell does not end:\n%s", text);
        ssize_t n = fds[0].revents & POLLIN ? read(master, buffer, sizeof buffer) : 0;
        if (n > 0)
            text = talloc_strndup_append(text, buffer, (size_t)n);
        else if (fds[1].revents)
            return text;
    }
}

Test(up, shell_is_a_terminal_in_the_node)
{
    static const char input[] = "echo \"<$(uname -n)>\"; test -t 0 && exit 7\n";
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_FD master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    char name[64];

    lab_up(RESULTS);
    cr_assert(master >= 0 && !grantpt(master) && !unlockpt(master) && !ptsname_r(master, name, sizeof name));
    VC_AUTO_FD slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct command_options options = {
        .in = slave, .out = slave, .argv = VCLAB_ARGV("shell", "--results", RESULTS, "dc1-router")};
    struct command *shell = command_start(ctx, &options);
    cr_assert(write(master, input, sizeof input - 1) == (ssize_t)sizeof input - 1);
    char *text = read_terminal(ctx, master, shell, 20000);
    command_end(shell, 5000);
    EXITS(shell, 7);
    cr_assert(strstr(text, "<dc1-router>"), "%s", text);
    lab_down(RESULTS);
}

/* Reads until `wanted` bytes more have come. */
static void read_more(int fd, uint8_t *to, size_t wanted)
{
    int64_t end = host_now_ms() + 20000;

    for (size_t got = 0; got < wanted;) {
        int64_t left = end - host_now_ms();
        cr_assert(left > 0 && poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, (int)left) == 1,
                  "the capture does not grow");
        ssize_t n = read(fd, to + got, wanted - got);
        cr_assert(n > 0, "the capture ended");
        got += (size_t)n;
    }
}

Test(up, capture_is_a_pcapng_that_grows)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    static const uint8_t magic[] = {0x0a, 0x0d, 0x0d, 0x0a};
    uint8_t bytes[20000];
    int pipe_fds[2];

    lab_up(RESULTS);
    cr_assert(pipe2(pipe_fds, O_CLOEXEC) == 0);
    struct command_options options = {.out = pipe_fds[1],
                                      .argv = VCLAB_ARGV("capture", "--results", RESULTS, "inet-dc1")};
    struct command *capture = command_start(ctx, &options);
    close(pipe_fds[1]);
    read_more(pipe_fds[0], bytes, sizeof bytes);
    cr_assert(memcmp(bytes, magic, sizeof magic) == 0, "this is no pcapng");
    kill(capture->pid, SIGINT);
    command_end(capture, 10000);
    EXITS(capture, 0);
    while (read(pipe_fds[0], bytes, sizeof bytes) > 0)
        continue; /* ends: nobody holds the pipe any more */
    close(pipe_fds[0]);
    struct command *unknown = VCLAB(ctx, "capture", "--results", RESULTS, "inet-dc9", "/tmp/none.pcapng");
    EXITS(unknown, 2);
    SAYS(unknown, "no link inet-dc9; there are:");
    lab_down(RESULTS);
}

Test(up, two_labs_do_not_disturb_each_other)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *one = VCLAB(ctx, "up", "two-cpe", "--results", RESULTS);
    struct command *two = VCLAB(ctx, "up", "one-cpe", "--results", RESULTS);

    EXITS(one, 0);
    EXITS(two, 0);
    struct command *which = VCLAB(ctx, "status", "--results", RESULTS);
    EXITS(which, 2);
    SAYS(which, "several labs run; say which with --lab");
    EXITS(VCLAB(ctx, "fault", "--results", RESULTS, "--lab", "one-cpe", "wan-cut"), 0);
    struct command *status = VCLAB(ctx, "status", "--json", "--results", RESULTS, "--lab", "two-cpe");
    EXITS(status, 0);
    VC_AUTO_JSON *json = json_loads(status->out, 0, NULL);
    cr_assert_eq(json_array_size(json_object_get(json, "faults")), 0, "the other lab's fault is here");
    EXITS(VCLAB(ctx, "exec", "--results", RESULTS, "--lab", "two-cpe", "cpe2", "--", "true"), 0);
    EXITS(VCLAB(ctx, "exec", "--results", RESULTS, "--lab", "one-cpe", "cpe2", "--", "true"), 2);
    EXITS(VCLAB(ctx, "down", "--results", RESULTS, "--lab", "one-cpe"), 0);
    lab_await_converged(RESULTS, 20000); /* no --lab: only one is left */
    lab_down(RESULTS);
}

/* ---- results told again ---- */

/* The run ends as `verdict`, and its events alone say the same. */
static void judged_alike(const char *name, const char *steps, const char *verdict, int status)
{
    static const char *const members[] = {"verdict",    "reason", "interrupted", "expectations",
                                          "invariants", "flows",  "faults",      "digest"};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *scenario = scenario_write(ctx, name, steps);
    struct command *run = VCLAB(ctx, "run", "--live", scenario, "--results", RESULTS);
    char *result = result_in(ctx, RESULTS);
    VC_AUTO_JSON *document = result_json(result, "run.json");

    EXITS(run, status);
    cr_assert_str_eq(json_string_value(json_object_get(document, "verdict")), verdict);
    struct command *report = VCLAB(ctx, "report", result, "--rejudge", "--json");
    EXITS(report, status);
    cr_assert_str_eq(report->err, "");
    VC_AUTO_JSON *again = json_loads(report->out, 0, NULL);
    for (size_t i = 0; i < VC_COUNT(members); i++)
        cr_assert(json_equal(json_object_get(document, members[i]), json_object_get(again, members[i])),
                  "%s differs:\n%s", members[i], report->out);
    EXITS(VCLAB(ctx, "report", result), 0);
}

Test(up, report_judges_a_passed_run_alike)
{
    judged_alike("passes", "  - expect:\n      - converged: {within: 20s}\n  - hold: 1s\n", "pass", 0);
}

/* Nothing is cut, so the session does not go down. */
Test(up, report_judges_a_failed_run_alike)
{
    judged_alike("fails",
                 "  - expect:\n      - converged: {within: 20s}\n"
                 "  - fault: {name: cut, kind: wan-cut}\n"
                 "  - expect:\n      - session: {tunnel: dc1, state: down, within: 300ms}\n",
                 "fail", 1);
}
