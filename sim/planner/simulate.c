#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "planner/planner.h"

static const char program_name[] = "vclab-planner";

/* Beside this program; talloc child of ctx, or NULL with *err. */
static char *program_path(void *ctx, vc_error **err)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (n < 0) {
        vc_fail(err, VC_EXIT_HOST, errno, "cannot find out where this program is");
        return NULL;
    }
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    char *path = talloc_asprintf(ctx, "%.*s/%s", (int)(slash - self), self, program_name);
    if (access(path, X_OK) == 0)
        return path;
    vc_fail(
        err, VC_EXIT_HOST, 0,
        "no %s beside this program: it was built without ns-3; install the packages libns3-dev, ns3, libgsl-dev and "
        "g++, and build again",
        program_name);
    return NULL;
}

static int memory_file(const char *name, vc_error **err)
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    return fd < 0 ? vc_fail(err, VC_EXIT_HOST, errno, "cannot make a file in memory") : fd;
}

static _Noreturn void become(const char *path, pid_t parent, const int fds[3])
{
    char *const argv[] = {(char *)(uintptr_t)program_name, NULL};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && dup2(fds[0], STDIN_FILENO) >= 0 && dup2(fds[1], STDOUT_FILENO) >= 0 &&
        dup2(fds[2], STDERR_FILENO) >= 0)
        execv(path, argv);
    _exit(VC_EXIT_HOST);
}

/* The first line of what it said, without its name. */
static char *complaint(void *ctx, int fd)
{
    char text[1000];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    size_t own = strlen(program_name);
    bool named = !strncmp(text, program_name, own) && text[own] == ':';
    return talloc_strdup(ctx, named ? text + own + 2 : text);
}

static int judge_end(int status, int said, vc_error **err)
{
    VC_AUTO_TALLOC char *text = complaint(NULL, said);

    if (WIFEXITED(status) && WEXITSTATUS(status) == VC_EXIT_PASS)
        return 0;
    if (WIFSIGNALED(status))
        return vc_fail(err, VC_EXIT_FAIL, 0, "%s was ended by signal %d%s%s", program_name, WTERMSIG(status),
                       *text ? ": " : "", text);
    return vc_fail(err, (enum vc_exit)WEXITSTATUS(status), 0, "%s: %s", program_name, *text ? text : "failed");
}

json_t *vc_planner_simulate(const json_t *spec, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *path = program_path(scratch, err);
    VC_AUTO_FD in = path ? memory_file("plan", err) : -1;
    VC_AUTO_FD out = in < 0 ? -1 : memory_file("result", err);
    VC_AUTO_FD said = out < 0 ? -1 : memory_file("said", err);
    pid_t parent = getpid();
    json_error_t where;
    int status;

    if (said < 0)
        return NULL;
    if (json_dumpfd(spec, in, JSON_COMPACT) || lseek(in, 0, SEEK_SET) != 0) {
        vc_fail(err, VC_EXIT_HOST, errno, "cannot tell %s the plan", program_name);
        return NULL;
    }
    VC_AUTO_PID pid = fork();
    if (pid == 0)
        become(path, parent, (int[]){in, out, said});
    if (pid < 0 || waitpid(pid, &status, 0) < 0) {
        vc_fail(err, VC_EXIT_HOST, errno, "cannot start %s", path);
        return NULL;
    }
    pid = 0;
    if (judge_end(status, said, err) < 0)
        return NULL;
    json_t *result = lseek(out, 0, SEEK_SET) == 0 ? json_loadfd(out, 0, &where) : NULL;
    if (!result)
        vc_fail(err, VC_EXIT_FAIL, 0, "%s: its answer is no JSON", program_name);
    return result;
}
