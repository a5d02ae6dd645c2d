/*
 * The sandbox: fresh mount, PID, network, UTS and IPC namespaces in which a child of vclab is PID 1. When vclab dies,
 * however it dies, the kernel kills PID 1 (PR_SET_PDEATHSIG) and with it every process, namespace, mount and interface
 * of the lab: nothing is left to clean up. Sources: pid_namespaces(7), mount_namespaces(7), prctl(2).
 */
#pragma once

#include "base/error.h"

/* What the engine finds inside. */
#define VC_SANDBOX_KEEP 4
struct vc_sandbox_inside {
    int lifeline;              /* becomes readable (end of file) when vclab is gone */
    int kept[VC_SANDBOX_KEEP]; /* O_PATH descriptors of the paths asked for, usable as mount sources; -1 where NULL was
                                  given */
};

/* Runs as PID 1 of the sandbox; its return value is the exit status. */
typedef int vc_sandbox_main(void *arg, const struct vc_sandbox_inside *inside);

struct vc_sandbox {
    pid_t pid;    /* as seen from outside */
    int pidfd;    /* readable when PID 1 is gone; the caller closes it */
    int lifeline; /* kept open by the caller for as long as the lab may live */
};

/* Inside: /proc is the sandbox's own, VC_SANDBOX_DIR a private tmpfs; mounts made there are seen by nobody else. Needs
 * root (VC_EXIT_HOST otherwise). */
#define VC_SANDBOX_DIR "/tmp"
/* `keep` names directories of the host that the engine must reach even when VC_SANDBOX_DIR covers them. */
int vc_sandbox_start(vc_sandbox_main *fn, void *arg, const char *const keep[VC_SANDBOX_KEEP],
                     struct vc_sandbox *sandbox, vc_error **err);

/* Kills PID 1 (SIGKILL) and waits until the whole sandbox is gone. */
void vc_sandbox_kill(struct vc_sandbox *sandbox);

static inline void vc_sandbox_cleanup(struct vc_sandbox *sandbox)
{
    vc_sandbox_kill(sandbox);
}
#define VC_AUTO_SANDBOX __attribute__((cleanup(vc_sandbox_cleanup))) struct vc_sandbox
