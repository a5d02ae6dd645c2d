/* Starting and ending the QEMU process. */
#include "vm/machine_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "vm/qmp.h"

enum {
    GREETING_MS = 20000,  /* a loaded machine pages QEMU in for seconds */
    PIPE_SIZE = 1 << 20,  /* a guest that writes faster than vclab reads blocks late */
    FD_ABOVE = 16,        /* out of the way of the child's numbers */
    LAST_WORDS_MAX = 400, /* bytes of QEMU's complaint that an error quotes */
};

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *vc_machine_find(void *ctx, const char *qemu, vc_error **err)
{
    const char *name = qemu ? qemu : "qemu-system-x86_64", *path = getenv("PATH");
    VC_AUTO_TALLOC char *folders = talloc_strdup(NULL, path ? path : "/usr/local/bin:/usr/bin:/bin");
    char *rest = NULL;

    if (strchr(name, '/') && is_program(name))
        return talloc_strdup(ctx, name);
    for (const char *folder = strtok_r(folders, ":", &rest); folder && !strchr(name, '/');
         folder = strtok_r(NULL, ":", &rest)) {
        VC_AUTO_TALLOC char *candidate = talloc_asprintf(NULL, "%s/%s", folder, name);

        if (is_program(candidate))
            return talloc_steal(ctx, VC_STEAL_PTR(candidate));
    }
    vc_fail(err, VC_EXIT_HOST, 0,
            "%s is not installed, and sealed runs need it: install the package qemu-system-x86 (Debian, Ubuntu)", name);
    return NULL;
}

/* Both sides of what connects vclab and QEMU: [0] stays here, [1] goes. */
struct wires {
    int events[2], console[2], qmp[2], failed[2];
};

static void wires_close(struct wires *w)
{
    int *const pairs[] = {w->events, w->console, w->qmp, w->failed};

    for (size_t i = 0; i < VC_COUNT(pairs); i++)
        for (int side = 0; side < 2; side++)
            if (pairs[i][side] >= 0)
                close(pairs[i][side]);
}

static int wires_open(struct wires *w, vc_error **err)
{
    *w = (struct wires){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(w->events, O_CLOEXEC) < 0 || pipe2(w->console, O_CLOEXEC) < 0 || pipe2(w->failed, O_CLOEXEC) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, w->qmp) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot make QEMU's pipes");
    /* Only our side: the other's mode is QEMU's to choose. */
    for (int i = 0; i < 2; i++) {
        int fd = i ? w->console[0] : w->events[0];
        fcntl(fd, F_SETFL, O_NONBLOCK);
        fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE); /* a refusal only costs speed */
    }
    return 0;
}

/* In the child, between fork and exec: only async-signal-safe calls. */
static void child_descriptors(const struct wires *w, int terminal)
{
    const struct vc_machine_fds to = VC_MACHINE_CHILD_FDS;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int from[] = {terminal >= 0 ? terminal : null,
                        terminal >= 0 ? terminal : null,
                        w->console[1],
                        w->events[1],
                        w->console[1],
                        w->qmp[1],
                        w->failed[1]};
    const int target[] = {0, 1, 2, to.events, to.console, to.qmp, to.qmp + 1};
    int moved[VC_COUNT(from)];

    for (size_t i = 0; i < VC_COUNT(from); i++)
        moved[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FD_ABOVE);
    for (size_t i = 0; i < VC_COUNT(from); i++)
        if (moved[i] < 0 || dup2(moved[i], target[i]) < 0)
            _exit(127);
    close_range((unsigned)to.qmp + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

static void child_signals(void)
{
    sigset_t none;

    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void child(char *const argv[], const struct wires *w, int terminal, pid_t parent)
{
    const int failed = VC_MACHINE_CHILD_FDS.qmp + 1;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before the line above */
        _exit(127);
    if (terminal < 0)
        setsid();
    child_signals();
    child_descriptors(w, terminal);
    execv(argv[0], argv);
    int errnum = errno;
    while (write(failed, &errnum, sizeof errnum) < 0 && errno == EINTR)
        continue;
    _exit(127);
}

/* The last lines of the console, for an error: QEMU's own complaint among them. */
static void last_words(int console, char *text, size_t size)
{
    size_t length = 0;
    ssize_t n;

    while (length < size - 1 && (n = read(console, text + length, size - 1 - length)) > 0)
        length += (size_t)n;
    while (length && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;
    text[length] = 0;
}

static int started(char *const argv[], struct vc_machine *machine, int failed, json_t **greeting, vc_error **err)
{
    VC_AUTO_ERROR *why = NULL;
    char words[LAST_WORDS_MAX + 1];
    int errnum = 0;
    ssize_t n;

    while ((n = read(failed, &errnum, sizeof errnum)) < 0 && errno == EINTR)
        continue;
    if (n == sizeof errnum) {
        vc_machine_kill(machine);
        return vc_fail(err, VC_EXIT_HOST, errnum, "cannot run %s", argv[0]);
    }
    machine->pidfd = pidfd_open(machine->pid, 0);
    if (machine->pidfd < 0) {
        errnum = errno;
        vc_machine_kill(machine);
        return vc_fail(err, VC_EXIT_HOST, errnum, "cannot watch QEMU (pidfd_open)");
    }
    if (vc_qmp_handshake(machine->qmp, GREETING_MS, greeting, &why) == 0)
        return 0;
    kill(machine->pid, SIGKILL);
    waitid(P_PID, (id_t)machine->pid, &(siginfo_t){0}, WEXITED | WNOWAIT); /* so that the pipe is complete */
    last_words(machine->console, words, sizeof words);
    vc_machine_kill(machine);
    return vc_fail(err, VC_EXIT_HOST, 0, "%s did not start: %s", argv[0], *words ? words : why->message);
}

static void forget(struct vc_machine *machine)
{
    int *const fds[] = {&machine->pidfd, &machine->events, &machine->console, &machine->qmp};

    for (size_t i = 0; i < VC_COUNT(fds); i++) {
        vc_close_cleanup(fds[i]);
        *fds[i] = -1;
    }
    machine->pid = -1;
}

int vc_machine_spawn(char *const argv[], int terminal, struct vc_machine *machine, json_t **greeting, vc_error **err)
{
    __attribute__((cleanup(wires_close))) struct wires w;
    pid_t parent = getpid();

    *machine = (struct vc_machine){-1, -1, -1, -1, -1};
    if (wires_open(&w, err) < 0)
        return -1;
    pid_t pid = fork();
    if (pid < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot start QEMU");
    if (pid == 0)
        child(argv, &w, terminal, parent);
    for (int i = 0; i < 4; i++) {
        int *const theirs[] = {&w.events[1], &w.console[1], &w.qmp[1], &w.failed[1]};
        close(VC_STEAL_FD(*theirs[i])); /* else the end of a pipe would never be seen */
    }
    *machine = (struct vc_machine){.pid = pid,
                                   .pidfd = -1,
                                   .events = VC_STEAL_FD(w.events[0]),
                                   .console = VC_STEAL_FD(w.console[0]),
                                   .qmp = VC_STEAL_FD(w.qmp[0])};
    return started(argv, machine, w.failed[0], greeting, err);
}

int vc_machine_wait(struct vc_machine *machine)
{
    int status = 0;

    if (machine->pid <= 0)
        return 0;
    while (waitpid(machine->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    forget(machine);
    return status;
}

void vc_machine_kill(struct vc_machine *machine)
{
    if (machine->pid <= 0)
        return;
    kill(machine->pid, SIGKILL);
    vc_machine_wait(machine);
}
