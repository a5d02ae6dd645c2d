#include "lab/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static int private_mounts(vc_error **err)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        return vc_fail(err, VC_EXIT_HOST, errno, "making the sandbox's mounts private");
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
        return vc_fail(err, VC_EXIT_HOST, errno, "mounting /proc in the sandbox (a container needs --privileged)");
    if (mount("vclab", VC_SANDBOX_DIR, "tmpfs", MS_NOSUID, "mode=0755"))
        return vc_fail(err, VC_EXIT_HOST, errno, "mounting a tmpfs in the sandbox");
    return 0;
}

/* PDEATHSIG is armed after the fork, so a parent that died before it must be noticed by the lifeline. */
static bool parent_gone(int lifeline)
{
    struct pollfd p = {.fd = lifeline, .events = POLLIN};

    return poll(&p, 1, 0) > 0;
}

/* A descriptor opened before the unshare belongs to the host's mount namespace and could not be bind-mounted here. */
static int open_kept(const char *const keep[VC_SANDBOX_KEEP], struct vc_sandbox_inside *inside, vc_error **err)
{
    for (size_t i = 0; i < VC_SANDBOX_KEEP; i++) {
        inside->kept[i] = keep[i] ? open(keep[i], O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
        if (keep[i] && inside->kept[i] < 0)
            return vc_fail(err, VC_EXIT_HOST, errno, "opening %s", keep[i]);
    }
    return 0;
}

static int run_as_init(vc_sandbox_main *fn, void *arg, const char *const keep[VC_SANDBOX_KEEP], int lifeline)
{
    struct vc_sandbox_inside inside = {.lifeline = lifeline};
    VC_AUTO_ERROR *err = NULL;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "vclab-engine");
    if (parent_gone(lifeline))
        return VC_EXIT_FAIL;
    if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC)) {
        vc_fail(&err, VC_EXIT_HOST, errno, "creating the sandbox's namespaces");
    } else if (!open_kept(keep, &inside, &err) && !private_mounts(&err)) {
        setsid();
        return fn(arg, &inside);
    }
    fprintf(stderr, "vclab: %s\n", err->message);
    return (int)err->status;
}

int vc_sandbox_start(vc_sandbox_main *fn, void *arg, const char *const keep[VC_SANDBOX_KEEP],
                     struct vc_sandbox *sandbox, vc_error **err)
{
    int pipe_fds[2];
    VC_AUTO_FD home = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);

    *sandbox = (struct vc_sandbox){.pid = -1, .pidfd = -1, .lifeline = -1};
    if (home < 0 || pipe2(pipe_fds, O_CLOEXEC))
        return vc_fail(err, VC_EXIT_HOST, errno, "preparing the sandbox");
    VC_AUTO_FD lifeline = pipe_fds[0];
    VC_AUTO_FD held = pipe_fds[1];

    if (unshare(CLONE_NEWPID))
        return vc_fail(err, VC_EXIT_HOST, errno, "creating a PID namespace (a live lab needs root: use sudo)");
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) {
        close(held);
        _exit(run_as_init(fn, arg, keep, lifeline));
    }
    int fork_errno = errno;
    if (setns(home, CLONE_NEWPID))
        abort(); /* children of the caller would land in the sandbox */
    if (pid < 0)
        return vc_fail(err, VC_EXIT_HOST, fork_errno, "starting the sandbox");
    sandbox->pid = pid;
    sandbox->lifeline = VC_STEAL_FD(held);
    sandbox->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (sandbox->pidfd < 0) {
        vc_fail(err, VC_EXIT_HOST, errno, "opening the sandbox's pidfd");
        vc_sandbox_kill(sandbox);
        return -1;
    }
    return 0;
}

void vc_sandbox_kill(struct vc_sandbox *sandbox)
{
    if (sandbox->pid > 0) {
        kill(sandbox->pid, SIGKILL);
        /* Reaping PID 1 waits until every process of its namespace is gone. */
        while (waitpid(sandbox->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    if (sandbox->pidfd >= 0)
        close(sandbox->pidfd);
    if (sandbox->lifeline >= 0)
        close(sandbox->lifeline);
    *sandbox = (struct vc_sandbox){.pid = -1, .pidfd = -1, .lifeline = -1};
}
