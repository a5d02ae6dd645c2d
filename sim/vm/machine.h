/*
 * The QEMU process: its arguments, its life, its control socket (QMP). One machine is one run. findings.md §3 explains
 * the devices: icount virtual time that jumps over idle, no virtio, one CPU.
 *
 *     events    isa-debugcon at port VC_PORT_EVENTS: the engine's lines of JSON
 *     console   ttyS0: kernel messages, engine errors; the watchdog quotes its last lines
 *     results   an nvdimm over a shared file: a tar archive behind a header (results.h)
 *     pause     pvpanic at port VC_PORT_PAUSE with -action panic=pause: the guest stops itself at an exact instruction
 *     exit      isa-debug-exit at VC_PORT_EXIT: writing N ends QEMU with status 2N+1
 *     input     fw_cfg item VC_BLOB_NAME from a file
 *     shell     ttyS1, interactive runs only
 */
#pragma once

#include "base/error.h"

#define VC_PORT_EVENTS 0xe9
#define VC_PORT_EXIT   0xf4
#define VC_PORT_PAUSE  0x505

enum vc_accel {
    VC_ACCEL_SEALED,   /* TCG with icount: virtual time */
    VC_ACCEL_KVM,      /* real time */
    VC_ACCEL_REALTIME, /* TCG without icount, for interactive use where KVM does not work */
};

struct vc_machine_config {
    const char *qemu; /* program; NULL: qemu-system-x86_64 found in PATH */
    const char *bios; /* firmware; NULL: qboot where QEMU came with it, else QEMU's own */
    const char *kernel, *initrd;
    const char *blob; /* path of the file behind fw_cfg */
    const char *pmem; /* path of the results file, already at its size */
    size_t pmem_size; /* bytes */
    const char *ram;  /* path of the file that is the guest's memory, or NULL: anonymous memory */
    bool ram_shared;  /* the guest's writes go to `ram` (making a snapshot); else `ram` is only read, copy on write */
    size_t ram_size;  /* bytes */
    bool incoming;    /* wait for a snapshot's state (vc_machine_restore) instead of booting */
    enum vc_accel accel;
    uint64_t seed;
    bool interactive; /* ttyS1 on file descriptor `terminal` */
    int terminal;
};

/* File descriptors that the machine inherits, as numbered in the child. */
struct vc_machine_fds {
    int events, console, qmp;
};

/* The argument vector, NULL-terminated, talloc child of ctx: a pure function, so that a test can read it. */
char **vc_machine_argv(void *ctx, const struct vc_machine_config *config, const struct vc_machine_fds *fds);

struct vc_machine {
    pid_t pid;   /* -1: not running */
    int pidfd;   /* readable at its end */
    int events;  /* read end, non-blocking */
    int console; /* read end, non-blocking */
    int qmp;     /* connected socket */
};

/*
 * Starts QEMU and waits until it answers on `qmp`. It dies with the calling process, however that ends
 * (PR_SET_PDEATHSIG). VC_EXIT_HOST when it is not installed (the message names the package) or refuses its arguments
 * (the message has its words). What QEMU complains of later comes on `console`. A guest that ends at once may have
 * ended before this returns.
 */
int vc_machine_start(const struct vc_machine_config *config, struct vc_machine *machine, vc_error **err);
/* Waits for its end (it must be ending or killed): its wait status. Closes the descriptors. */
int vc_machine_wait(struct vc_machine *machine);
void vc_machine_kill(struct vc_machine *machine); /* SIGKILL and reap; nothing when it is gone */
#define VC_AUTO_MACHINE __attribute__((cleanup(vc_machine_kill))) struct vc_machine

/*
 * Waits until the machine has paused itself, then writes its state except for its memory file to `path`
 * (x-ignore-shared). Each step may take 30 s. The machine stays paused.
 */
int vc_machine_save(struct vc_machine *machine, const char *path, vc_error **err);
/* The counterpart, for a machine started with `incoming`: loads the state and lets it run. */
int vc_machine_restore(struct vc_machine *machine, const char *path, vc_error **err);

/* Firmware that only boots a kernel (qboot), where QEMU came with it: 0.2 s less than the usual one. NULL: there is
 * none. */
char *vc_machine_firmware(void *ctx, const char *qemu);

/* "QEMU emulator version 7.2.22 (Debian …)": the version, talloc child of ctx, by QMP of a machine without a guest
 * (-M none); kept in the cache by the program's path, size and time of change. */
char *vc_machine_version(void *ctx, const char *qemu, vc_error **err);

/* Whether KVM really runs a guest here: boots the image with a blob that only says hello, at most `limit_ms` of wall
 * time. Returns 0, or -1 with the reason (VC_EXIT_HOST). */
int vc_machine_probe_kvm(const char *kernel, const char *initrd, int limit_ms, vc_error **err);
