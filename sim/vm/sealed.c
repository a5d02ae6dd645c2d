/* The run: a machine is made or forked, followed, and what it leaves is judged. */
#include <signal.h>
#include <string.h>

#include "run/ends.h"
#include "vm/results.h"
#include "vm/sealed_private.h"

/* A failure of the machine is an event like any other: the verdict is computed from events alone. */
static void VC_PRINTF(2, 3) report_error(struct sealed *sealed, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    VC_AUTO_TALLOC char *text = talloc_vasprintf(NULL, format, args);
    va_end(args);
    VC_AUTO_JSON *event = json_pack("{s:I, s:s, s:s, s:s}", "t_ns", (json_int_t)sealed->last_ns, "layer", "check",
                                    "what", "error", "text", text);
    sealed_judge_event(sealed, event);
}

static void report_interrupt(struct sealed *sealed)
{
    VC_AUTO_JSON *event = json_pack("{s:I, s:s, s:s, s:s}", "t_ns", (json_int_t)sealed->last_ns, "layer", "check",
                                    "what", "interrupted", "signal", strsignal(sealed->outcome->run.signal));

    sealed_judge_event(sealed, event);
}

static void explain_end(struct sealed *sealed, enum sealed_end end, int wait_status)
{
    VC_AUTO_TALLOC char *tail = vc_console_quote(NULL, sealed->console);

    if (end == END_SIGNAL)
        report_interrupt(sealed);
    else if (end == END_WALL)
        report_error(sealed,
                     "the guest was stopped at the limit of %u s of wall time, %.3f s into the lab; console: %s",
                     sealed_wall_limit_s(sealed->config), (double)sealed->last_ns / 1e9, tail);
    else if (end == END_STREAM)
        report_error(sealed, "%s", sealed->damage ? sealed->damage : "the guest cannot be followed any more");
    else if (vc_console_panicked(sealed->console))
        report_error(sealed, "the guest's kernel panicked: %s", tail);
    else if (!sealed->ended)
        report_error(sealed, "the guest ended without a verdict (%s %d); console: %s",
                     WIFSIGNALED(wait_status) ? "signal" : "exit status",
                     WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status), tail);
}

static void take_results(struct sealed *sealed, int pmem)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_TALLOC char *path = sealed_device_path(NULL, pmem);

    if (sealed->ended && vc_results_read(path, sealed->config->result, &err))
        report_error(sealed, "%s", err->message);
}

static int play(struct sealed *sealed, struct vc_snapshot *snapshot, vc_error **err)
{
    const struct vc_sealed_config *config = sealed->config;
    struct vc_machine_config machine = {.ram = snapshot ? snapshot->ram : NULL, .incoming = snapshot};
    VC_AUTO_JSON *documents = vc_blob_documents(config->scenario, err);
    VC_AUTO_FD pmem = documents ? sealed_results_device(config, err) : -1;
    int wait_status = 0;

    if (pmem < 0)
        return -1;
    sealed->judge = vc_judge_new(sealed->ctx);
    /* A person at a shell has all the time there is. */
    const struct sealed_told told = {
        .documents = documents, .limit_ns = config->shell ? 0 : sealed_longest_ns(config->scenario), .pmem = pmem};
    if (sealed_start(sealed, &told, &machine, err) ||
        (snapshot && vc_machine_restore(&sealed->machine, snapshot->state, err)))
        return -1;
    enum sealed_end end = sealed_follow(sealed);
    double ending = sealed_now_s();
    if (end == END_MACHINE)
        wait_status = vc_machine_wait(&sealed->machine);
    else
        vc_machine_kill(&sealed->machine);
    sealed->outcome->run.teardown_s = sealed_now_s() - ending;
    explain_end(sealed, end, wait_status);
    take_results(sealed, pmem);
    vc_console_write(sealed->console, config->result);
    return 0;
}

static int run(struct sealed *sealed, vc_error **err)
{
    const struct vc_sealed_config *config = sealed->config;
    struct vc_sealed_outcome *outcome = sealed->outcome;
    struct vc_snapshot *snapshot = NULL;

    outcome->qemu = vc_machine_version(sealed->ctx, NULL, err);
    if (!outcome->qemu)
        return -1;
    /* A snapshot has the topology as its file has it. */
    if (!config->cold && !config->scenario->own_topology && config->accel == VC_ACCEL_SEALED) {
        VC_AUTO_ERROR *failed = NULL;
        snapshot = sealed_find_snapshot(sealed, &failed);
        if (failed) {
            vc_error_move(err, &failed);
            return -1;
        }
    }
    outcome->forked = snapshot;
    int status = play(sealed, snapshot, err);
    vc_machine_kill(&sealed->machine);
    talloc_free(snapshot);
    if (status)
        return -1;
    outcome->run.wall_s = sealed_now_s() - sealed->began_s;
    outcome->virtual_s = (double)sealed->last_ns / 1e9;
    outcome->run.judged = vc_judge_finish(sealed->judge);
    return 0;
}

int vc_sealed_run(void *ctx, const struct vc_sealed_config *config, struct vc_sealed_outcome *outcome, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(ctx);
    struct sealed sealed = {.ctx = scratch,
                            .config = config,
                            .outcome = outcome,
                            .began_s = sealed_now_s(),
                            .machine = {.pid = -1, .pidfd = -1, .events = -1, .console = -1, .qmp = -1}};
    sigset_t old;

    *outcome = (struct vc_sealed_outcome){0};
    VC_AUTO_FD signals = vc_ends_block(&old, err);
    sealed.signals = signals;
    int failed = signals < 0 ? -1 : run(&sealed, err);
    vc_machine_kill(&sealed.machine);
    sigprocmask(SIG_SETMASK, &old, NULL);
    outcome->qemu = talloc_steal(ctx, outcome->qemu);
    return failed;
}
