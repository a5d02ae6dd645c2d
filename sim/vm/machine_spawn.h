/* The life of a QEMU process, whatever its arguments; machine.c gives it those of a guest, machine_probe.c others. */
#pragma once

#include "vm/machine.h"

/* The numbers under which QEMU finds what it inherits. */
#define VC_MACHINE_CHILD_FDS ((struct vc_machine_fds){.events = 3, .console = 4, .qmp = 5})

/* The program's path: `qemu` itself, or qemu-system-x86_64 in PATH when it is NULL. talloc child of ctx; VC_EXIT_HOST
 * when it is not there. */
char *vc_machine_find(void *ctx, const char *qemu, vc_error **err);

/*
 * Runs argv[0] (a path) with the pipes and the socket under VC_MACHINE_CHILD_FDS and waits for its greeting
 * (*greeting: new reference, may be NULL). What QEMU says on standard error goes to the console. `terminal` becomes its
 * standard input and output; -1: none, and QEMU gets a session of its own, so that Ctrl-C reaches only vclab.
 * VC_EXIT_HOST with QEMU's last words when it ends before its greeting.
 */
int vc_machine_spawn(char *const argv[], int terminal, struct vc_machine *machine, json_t **greeting, vc_error **err);
