/* PID 1's duty: every child is reaped, known ones are reported to whoever registered them, orphans silently. Needs
 * SIGCHLD blocked in the calling thread. */
#pragma once

#include <systemd/sd-event.h>

#include "base/error.h"

struct vc_reaper; /* talloc */

/* `info` is waitid's: CLD_EXITED, CLD_KILLED, CLD_DUMPED, CLD_STOPPED or CLD_CONTINUED. */
typedef void vc_reaper_fn(void *arg, const siginfo_t *info);

struct vc_reaper *vc_reaper_new(void *ctx, sd_event *loop, vc_error **err);
void vc_reaper_add(struct vc_reaper *reaper, pid_t pid, vc_reaper_fn *fn, void *arg); /* forgotten after its end */
void vc_reaper_forget(struct vc_reaper *reaper, pid_t pid);
