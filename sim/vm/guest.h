/*
 * vclab as PID 1 of the guest: mounts, modules, the blob, then the engine exactly as in a live sandbox, then results
 * and the end of the machine. Starts no other program than the lab's daemons.
 */
#pragma once

#include <stdbool.h>

/* Never returns to a shell: ends the machine with VC_PORT_EXIT. */
_Noreturn void vc_guest_main(void);

/* True in a process that the kernel started as /init of a guest image. */
bool vc_guest_is_init(const char *argv0);
