/*
 * A machine has three ends here: the events, which are judged as they come; the console, kept for the day it is needed;
 * and its process. A run is over when the process is. Everything the machine reads or writes is a memfd of this
 * process, so that nothing is left behind however it ends; only a snapshot has files.
 */
#include "vm/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "run/ends.h"
#include "run/feed.h"
#include "run/verdict.h"
#include "vm/results.h"
#include "vm/snapshot.h"

#define RAM_BYTES      ((size_t)512 << 20)
#define RESULTS_BYTES  ((size_t)256 << 20)
#define WALL_LIMIT_S   900
#define WALL_DIVISOR   60  /* even a loaded host plays an hour of quiet lab in a minute */
#define SETTLE_LIMIT_S 180 /* of virtual time, for a lab to be parked in */
#define BOOT_SLACK_NS  (120 * VC_NS_PER_S)
#define CONSOLE_MAX    (1 << 20)
#define CONSOLE_LINES  5
#define CONSOLE_QUOTE  600

enum end { END_MACHINE, END_PARKED, END_SIGNAL, END_WALL, END_STREAM };

struct sealed {
    void *ctx;
    const struct vc_sealed_config *config;
    struct vc_sealed_outcome *outcome;
    struct vc_judge *judge; /* NULL while a snapshot is made: nobody judges that */
    int signals;
    double began_s;
    /* of the machine that runs now */
    struct vc_machine machine;
    char *console;
    int64_t last_ns; /* the latest event's time */
    bool parked, ended;
    char *damage; /* what was wrong with the stream */
};

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void progress(const struct sealed *sealed, const char *line)
{
    if (sealed->config->on_progress)
        sealed->config->on_progress(sealed->config->arg, line);
}

static void judge_event(struct sealed *sealed, json_t *event)
{
    if (!sealed->judge)
        return;
    vc_judge_event(sealed->judge, event);
    if (sealed->config->on_event)
        sealed->config->on_event(sealed->config->arg, event);
}

static void on_event(void *arg, json_t *event)
{
    struct sealed *sealed = arg;
    const char *what = json_string_value(json_object_get(event, "what"));
    const json_t *t_ns = json_object_get(event, "t_ns");

    if (what && !strcmp(what, "parked")) {
        sealed->parked = true;
        return;
    }
    if (json_is_integer(t_ns))
        sealed->last_ns = json_integer_value(t_ns);
    sealed->ended = sealed->ended || (what && !strcmp(what, "end"));
    judge_event(sealed, event);
}

/* A failure of the machine is an event like any other: the verdict is computed from events alone. */
static void VC_PRINTF(2, 3) report_error(struct sealed *sealed, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    VC_AUTO_TALLOC char *text = talloc_vasprintf(NULL, format, args);
    va_end(args);
    VC_AUTO_JSON *event = json_pack("{s:I, s:s, s:s, s:s}", "t_ns", (json_int_t)sealed->last_ns, "layer", "check",
                                    "what", "error", "text", text);
    judge_event(sealed, event);
}

/* ---- memory files ---- */

static int memory_file(const char *name, const void *content, size_t size, vc_error **err)
{
    VC_AUTO_FD fd = memfd_create(name, MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, (off_t)size) || (content && pwrite(fd, content, size, 0) != (ssize_t)size))
        return vc_fail(err, VC_EXIT_HOST, errno, "making a memory file of %zu MiB for the guest", size >> 20);
    return VC_STEAL_FD(fd);
}

/* By this process' number, as it is another process that opens it. */
static char *path_of(void *ctx, int fd)
{
    return talloc_asprintf(ctx, "/proc/%d/fd/%d", (int)getpid(), fd);
}

/* ---- console ---- */

/* Returns false at its end. */
static bool read_console(struct sealed *sealed)
{
    char buffer[4096];
    ssize_t n = read(sealed->machine.console, buffer, sizeof buffer);

    if (n <= 0)
        return n < 0 && (errno == EINTR || errno == EAGAIN);
    if (strlen(sealed->console) < CONSOLE_MAX) /* a guest that prints without end fills no disk */
        sealed->console = talloc_strndup_append_buffer(sealed->console, buffer, (size_t)n);
    return true;
}

static void write_console(const struct sealed *sealed)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/console.log", sealed->config->result);
    VC_AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd >= 0)
        (void)!write(fd, sealed->console, strlen(sealed->console));
}

/* Where the last lines begin; a panic is quoted from where it says so, for a stack follows. */
static const char *tail_of(const char *console)
{
    const char *panic = strstr(console, "Kernel panic");
    const char *from = console + strlen(console);

    for (int lines = 0; from > console; from--)
        if (from[-1] == '\n' && lines++ == CONSOLE_LINES)
            break;
    return panic ? panic : from;
}

static char *console_tail(void *ctx, const char *console)
{
    char *tail = talloc_strndup(ctx, tail_of(console), CONSOLE_QUOTE);

    for (char *p = tail; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = *p == '\n' ? '|' : ' '; /* a reason is one line */
    return *tail ? tail : talloc_strdup(ctx, "(it printed nothing)");
}

/* ---- following a machine ---- */

static void drain(struct sealed *sealed, struct vc_feed *feed)
{
    VC_AUTO_ERROR *err = NULL;

    while (vc_feed_read(feed, &err) == VC_FEED_MORE &&
           poll(&(struct pollfd){.fd = sealed->machine.events, .events = POLLIN}, 1, 0) > 0)
        continue;
    while (read_console(sealed) && poll(&(struct pollfd){.fd = sealed->machine.console, .events = POLLIN}, 1, 0) > 0)
        continue;
}

static bool take_events(struct sealed *sealed, struct vc_feed *feed)
{
    VC_AUTO_ERROR *err = NULL;
    enum vc_feed_state state = vc_feed_read(feed, &err);

    if (state == VC_FEED_DAMAGED)
        sealed->damage = talloc_strdup(sealed->ctx, err->message);
    return state == VC_FEED_MORE;
}

/* The longest a scenario may take: all it waits for, one after the other. */
static int64_t longest_ns(const struct vc_scenario *scenario)
{
    int64_t sum = BOOT_SLACK_NS;

    for (size_t i = 0; i < scenario->step_count; i++) {
        const struct vc_step *step = &scenario->steps[i];
        int64_t longest = json_integer_value(json_object_get(step->spec, "for_ns"));
        json_t *expect;
        size_t k;
        json_array_foreach(step->spec, k, expect)
        {
            int64_t within = json_integer_value(json_object_get(expect, "within_ns"));
            longest = within > longest ? within : longest;
        }
        sum += longest;
    }
    return sum;
}

static unsigned wall_limit_s(const struct vc_sealed_config *config)
{
    return config->wall_limit_s ? config->wall_limit_s
                                : WALL_LIMIT_S + (unsigned)(longest_ns(config->scenario) / VC_NS_PER_S / WALL_DIVISOR);
}

/*
 * QEMU writes the debug console byte by byte, so the events' pipe is readable after each. Once read it is left to fill
 * for BATCH_MS: 200 reads a second instead of 20,000, each of which would wake a CPU that another guest could use.
 */
#define BATCH_MS 5

struct follow {
    struct sealed *sealed;
    struct vc_feed *feed;
    double give_up_s, filled_s; /* when the events are looked at again */
    bool events_over;
};

enum { EVENTS, CONSOLE, SIGNALS, PROCESS, FD_COUNT };

/* How long to wait at most, in ms; whether the events are among what is waited for. */
static int wait_ms(const struct follow *follow, bool *events)
{
    double now = now_s(), left = follow->give_up_s - now;

    *events = !follow->events_over && now >= follow->filled_s;
    if (!follow->events_over && !*events && follow->filled_s - now < left)
        left = follow->filled_s - now;
    return (int)(left * 1000) + 1;
}

static bool take_signal(struct sealed *sealed)
{
    struct signalfd_siginfo info;

    if (read(sealed->signals, &info, sizeof info) == sizeof info)
        sealed->outcome->run.signal = (int)info.ssi_signo;
    return true;
}

/* What came in; false when that was the end. */
static bool look(struct follow *follow, struct pollfd *fds, enum end *end)
{
    struct sealed *sealed = follow->sealed;

    if (fds[SIGNALS].revents & POLLIN && take_signal(sealed)) {
        *end = END_SIGNAL;
        return false;
    }
    if (fds[PROCESS].revents) {
        drain(sealed, follow->feed);
        *end = END_MACHINE;
        return false;
    }
    if (fds[EVENTS].revents) {
        follow->events_over = !take_events(sealed, follow->feed); /* the process' end follows */
        follow->filled_s = now_s() + BATCH_MS / 1000.0;
    }
    if (fds[CONSOLE].revents && !read_console(sealed))
        fds[CONSOLE].fd = -1;
    *end = sealed->damage ? END_STREAM : END_PARKED;
    return !sealed->damage && !sealed->parked;
}

static enum end follow(struct sealed *sealed)
{
    VC_AUTO_TALLOC struct vc_feed *feed = vc_feed_new(NULL, sealed->machine.events, on_event, sealed);
    struct follow state = {.sealed = sealed, .feed = feed, .give_up_s = now_s() + wall_limit_s(sealed->config)};
    struct pollfd fds[FD_COUNT] = {[EVENTS] = {.events = POLLIN},
                                   [CONSOLE] = {.fd = sealed->machine.console, .events = POLLIN},
                                   [SIGNALS] = {.fd = sealed->signals, .events = POLLIN},
                                   [PROCESS] = {.fd = sealed->machine.pidfd, .events = POLLIN}};
    enum end end;

    do {
        bool events;
        int timeout = wait_ms(&state, &events);
        if (now_s() >= state.give_up_s)
            return END_WALL;
        fds[EVENTS].fd = events ? sealed->machine.events : -1;
        fds[EVENTS].revents = 0;
        if (poll(fds, VC_COUNT(fds), timeout) < 0 && errno != EINTR)
            return END_STREAM;
    } while (look(&state, fds, &end));
    return end;
}

/* ---- machines ---- */

static size_t results_size(const struct vc_sealed_config *config)
{
    return config->results_size ? config->results_size : RESULTS_BYTES;
}

static int start(struct sealed *sealed, const json_t *documents, int64_t limit_ns, struct vc_machine_config *machine,
                 int pmem, vc_error **err)
{
    const struct vc_sealed_config *config = sealed->config;
    struct vc_blob_options options = {
        .seed = config->seed, .captures = config->captures, .shell = config->shell, .limit_ns = limit_ns};
    VC_AUTO_TALLOC char *blob = vc_blob_pack(NULL, documents, &options, err);

    if (!blob)
        return -1;
    VC_AUTO_FD blob_fd = memory_file("vclab-blob", blob, VC_BLOB_SIZE, err);
    if (blob_fd < 0)
        return -1;
    VC_AUTO_TALLOC char *blob_path = path_of(NULL, blob_fd);
    VC_AUTO_TALLOC char *pmem_path = path_of(NULL, pmem);
    machine->kernel = config->image->kernel;
    machine->initrd = config->image->initrd;
    machine->blob = blob_path;
    machine->pmem = pmem_path;
    machine->pmem_size = results_size(config);
    machine->ram_size = RAM_BYTES;
    machine->accel = config->accel;
    machine->seed = config->seed;
    machine->interactive = config->shell;
    sealed->parked = sealed->ended = false;
    sealed->last_ns = 0;
    talloc_free(sealed->console);
    sealed->console = talloc_strdup(sealed->ctx, "");
    return vc_machine_start(machine, &sealed->machine, err);
}

/* ---- snapshots ---- */

/* A snapshot fits only the machine that it was taken of: devices, firmware, kernel arguments. */
static char *machine_shape(void *ctx, const struct vc_sealed_config *config)
{
    const struct vc_machine_config machine = {.kernel = "",
                                              .initrd = "",
                                              .blob = "",
                                              .pmem = "",
                                              .ram = "",
                                              .bios = vc_machine_firmware(ctx, NULL),
                                              .pmem_size = results_size(config),
                                              .ram_size = RAM_BYTES,
                                              .accel = config->accel,
                                              .seed = config->seed};
    char **argv = vc_machine_argv(ctx, &machine, &(struct vc_machine_fds){0});
    char *shape = talloc_strdup(ctx, "");

    for (size_t i = 1; argv[i]; i++)
        shape = talloc_asprintf_append(shape, " %s", argv[i]);
    return shape;
}

static char *snapshot_key(struct sealed *sealed, const json_t *documents)
{
    const struct vc_sealed_config *config = sealed->config;
    VC_AUTO_JSON *inputs = json_pack("{s:s, s:O, s:s, s:s}", "image", config->image->id, "lab", documents, "qemu",
                                     sealed->outcome->qemu, "machine", machine_shape(sealed->ctx, config));

    return vc_snapshot_key(sealed->ctx, inputs);
}

static int save_parked(struct sealed *sealed, struct vc_snapshot *snapshot, enum end end, vc_error **err)
{
    if (end == END_SIGNAL)
        return vc_fail(err, VC_EXIT_INTERRUPTED, 0, "interrupted");
    if (end != END_PARKED) {
        VC_AUTO_TALLOC char *tail = console_tail(NULL, sealed->console);
        return vc_fail(err, VC_EXIT_FAIL, 0, "the lab did not settle (console: %s)", tail);
    }
    return vc_machine_save(&sealed->machine, snapshot->state, err);
}

static int make_snapshot(struct sealed *sealed, struct vc_snapshot *snapshot, const json_t *documents, vc_error **err)
{
    struct vc_machine_config machine = {.ram = snapshot->ram, .ram_shared = true};
    VC_AUTO_FD pmem = memory_file("vclab-results", NULL, results_size(sealed->config), err);
    VC_AUTO_TALLOC char *line =
        talloc_asprintf(NULL, "making the snapshot of %s with %s timers (once)",
                        sealed->config->scenario->topology->name, sealed->config->scenario->timers->name);

    progress(sealed, line);
    if (pmem < 0 || start(sealed, documents, (int64_t)SETTLE_LIMIT_S * VC_NS_PER_S, &machine, pmem, err))
        return -1;
    int failed = save_parked(sealed, snapshot, follow(sealed), err);
    vc_machine_kill(&sealed->machine);
    return failed || vc_snapshot_commit(snapshot, err) ? -1 : 0;
}

/* NULL without an error: a run of this lab must boot. */
static struct vc_snapshot *find_snapshot(struct sealed *sealed, vc_error **err)
{
    const struct vc_scenario *scenario = sealed->config->scenario;
    VC_AUTO_JSON *documents = vc_blob_lab_documents(scenario->topology, scenario->timers->name, err);
    VC_AUTO_ERROR *why = NULL;
    bool fresh;

    if (!documents)
        return NULL;
    struct vc_snapshot *snapshot =
        vc_snapshot_open(sealed->ctx, sealed->config->cache, snapshot_key(sealed, documents), &fresh, err);
    if (!snapshot || !fresh || !make_snapshot(sealed, snapshot, documents, &why))
        return snapshot;
    talloc_free(snapshot);
    if (why->status == VC_EXIT_INTERRUPTED || why->status == VC_EXIT_HOST) {
        vc_error_move(err, &why);
        return NULL;
    }
    VC_AUTO_TALLOC char *line = talloc_asprintf(NULL, "no snapshot: %s; booting", why->message);
    progress(sealed, line);
    return NULL;
}

/* ---- the run ---- */

static void explain_end(struct sealed *sealed, enum end end, int wait_status)
{
    VC_AUTO_TALLOC char *tail = console_tail(NULL, sealed->console);

    if (end == END_SIGNAL)
        judge_event(sealed, json_pack("{s:I, s:s, s:s, s:s}", "t_ns", (json_int_t)sealed->last_ns, "layer", "check",
                                      "what", "interrupted", "signal", strsignal(sealed->outcome->run.signal)));
    else if (end == END_WALL)
        report_error(sealed,
                     "the guest was stopped at the limit of %u s of wall time, %.3f s into the lab; console: %s",
                     wall_limit_s(sealed->config), (double)sealed->last_ns / 1e9, tail);
    else if (end == END_STREAM)
        report_error(sealed, "%s", sealed->damage ? sealed->damage : "the guest cannot be followed any more");
    else if (strstr(sealed->console, "Kernel panic"))
        report_error(sealed, "the guest's kernel panicked: %s", tail);
    else if (!sealed->ended)
        report_error(sealed, "the guest ended without a verdict (%s %d); console: %s",
                     WIFSIGNALED(wait_status) ? "signal" : "exit status",
                     WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status), tail);
}

static void take_results(struct sealed *sealed, int pmem)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_TALLOC char *path = path_of(NULL, pmem);

    if (sealed->ended && vc_results_read(path, sealed->config->result, &err))
        report_error(sealed, "%s", err->message);
}

static int play(struct sealed *sealed, struct vc_snapshot *snapshot, vc_error **err)
{
    const struct vc_sealed_config *config = sealed->config;
    struct vc_machine_config machine = {.ram = snapshot ? snapshot->ram : NULL, .incoming = snapshot};
    VC_AUTO_JSON *documents = vc_blob_documents(config->scenario, err);
    VC_AUTO_FD pmem = documents ? memory_file("vclab-results", NULL, results_size(config), err) : -1;
    int wait_status = 0;

    if (pmem < 0)
        return -1;
    sealed->judge = vc_judge_new(sealed->ctx);
    /* A person at a shell has all the time there is. */
    int64_t limit_ns = config->shell ? 0 : longest_ns(config->scenario);
    if (start(sealed, documents, limit_ns, &machine, pmem, err) ||
        (snapshot && vc_machine_restore(&sealed->machine, snapshot->state, err)))
        return -1;
    enum end end = follow(sealed);
    double ending = now_s();
    if (end == END_MACHINE)
        wait_status = vc_machine_wait(&sealed->machine);
    else
        vc_machine_kill(&sealed->machine);
    sealed->outcome->run.teardown_s = now_s() - ending;
    explain_end(sealed, end, wait_status);
    take_results(sealed, pmem);
    write_console(sealed);
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
    /* A snapshot has the topology's own wires. */
    if (!config->cold && !config->scenario->own_wires && config->accel == VC_ACCEL_SEALED) {
        VC_AUTO_ERROR *failed = NULL;
        snapshot = find_snapshot(sealed, &failed);
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
    outcome->run.wall_s = now_s() - sealed->began_s;
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
                            .began_s = now_s(),
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
