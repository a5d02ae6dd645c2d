/* The signals that end a run in order. */
#pragma once

#include <signal.h>

#include "base/error.h"

/* Blocks SIGINT, SIGTERM and SIGHUP and returns a signalfd for them; the caller puts `old` back (SIG_SETMASK) and
 * closes it. */
int vc_ends_block(sigset_t *old, vc_error **err);
