/*
 * The arguments of a guest's QEMU. Determinism rests on the sealed ones: virtual time counted in instructions, one CPU,
 * the clock from virtual time, QEMU's own random numbers from the seed, no device that works on host time.
 */
#include "vm/machine.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "vm/blob.h"
#include "vm/machine_spawn.h"
#include "vm/qmp.h"

enum { START_LIMIT_MS = 20000 };

/*
 * 1 ns of virtual time an instruction (2^0), the smallest step there is: work in the guest then costs the least
 * virtual time, so that a lab of many nodes behaves as one on a fast host, and 250 Mbit/s of ESP fit through it.
 * sleep=off: while every process sleeps, the clock jumps to the next timer.
 *
 * rr=record is there for its lock, not for what it records. QEMU's main loop makes that jump, and takes a guest for
 * asleep from the moment it halts; the instructions of its last slice are counted a little later, without a lock. A
 * main loop that comes between jumps too far by them: a timer is late by a microsecond, in one run of some dozens when
 * the host is busy. While it records, QEMU lets only one of the two threads go on at a time.
 */
#define ICOUNT "shift=0,sleep=off,rr=record,rrfile=/dev/null"

/* An old CPU on purpose: AES-NI and PCLMUL for ESP, but no RDRAND, which would bring the host's randomness in, and no
 * AVX, whose state costs time at every switch. */
#define SEALED_CPU "Westmere"

/* Any fixed moment does; certificates and logs then have the same dates in every run. */
#define EPOCH "2024-01-01T00:00:00"

/*
 * The kernel's arguments. Besides what names the console and the program: nothing random (nokaslr, norandmaps), no
 * protection of the guest from itself, which only costs instructions, and no boot step of a tenth of a second whose
 * outcome nobody needs (initcall_blacklist ignores names that a kernel does not have).
 */
#define BOOT_ARGS                                                                                                      \
    "console=ttyS0 quiet loglevel=4 panic=-1 rdinit=/init mitigations=off nokaslr norandmaps cryptomgr.notests "       \
    "ipv6.disable_ipv6=1 audit=0 noreplace-smp init_on_alloc=0 hardened_usercopy=off lsm=capability swiotlb=noforce "  \
    "initcall_blacklist=jent_mod_init,trace_eval_init,init_kprobe_trace,load_system_certificate_list,"                 \
    "init_msg_buckets,init_user_buckets,hpet_late_init,init_acpi_pm_clocksource,ftrace_check_for_weak_functions,"      \
    "i8042_init"

/* What wakes an idle guest several times a second, and so is nearly all that an hour of virtual time costs. */
#define IDLE_ARGS                                                                                                      \
    " nowatchdog noautogroup cgroup_disable=memory psi=0 mce=off sysctl.vm.compaction_proactiveness=0 "                \
    "sysctl.vm.stat_interval=86400 sysctl.vm.dirty_writeback_centisecs=0"

/* The virtual CPU's clocks are known: its TSC counts virtual nanoseconds. Measuring them would spin for 100 ms of
 * virtual time, which is seconds of the host's. */
#define CLOCK_ARGS " no_timer_check tsc_early_khz=1000000 lpj=4000000 tsc=reliable nolapic_timer"

struct argv {
    void *ctx;
    char **items;
    size_t count;
};

static void VC_PRINTF(2, 3) add(struct argv *argv, const char *format, ...)
{
    va_list args;

    argv->items = talloc_realloc(argv->ctx, argv->items, char *, (unsigned)argv->count + 2);
    va_start(args, format);
    argv->items[argv->count++] = talloc_vasprintf(argv->items, format, args);
    va_end(args);
    argv->items[argv->count] = NULL;
}

#define ADD2(argv, option, ...) (add(argv, "%s", option), add(argv, __VA_ARGS__))

/* A value inside a list of options: a comma is written twice. talloc child of the vector. */
static const char *value(struct argv *argv, const char *text)
{
    char *out = talloc_zero_size(argv->ctx, 2 * strlen(text) + 1);

    for (char *to = out; *text; text++) {
        if (*text == ',')
            *to++ = ',';
        *to++ = *text;
    }
    return talloc_steal(argv->items, out);
}

static void add_accelerator(struct argv *argv, enum vc_accel accel)
{
    ADD2(argv, "-accel", "%s", accel == VC_ACCEL_KVM ? "kvm" : "tcg");
    ADD2(argv, "-cpu", "%s", accel == VC_ACCEL_KVM ? "host" : SEALED_CPU);
    if (accel == VC_ACCEL_SEALED)
        ADD2(argv, "-icount", "%s", ICOUNT);
    ADD2(argv, "-rtc", "base=" EPOCH ",clock=%s", accel == VC_ACCEL_SEALED ? "vm" : "host");
}

/* The memory and the results device; device memory has room for the latter and its alignment. */
static void add_memory(struct argv *argv, const struct vc_machine_config *config)
{
    const size_t mib = 1 << 20;
    size_t room = (config->pmem_size + mib - 1) / mib + 1024;

    /* suppress-vmdesc: a state of devices alone describes itself to nobody (sim/vm/machine_state.c). */
    ADD2(argv, "-machine", "pc,suppress-vmdesc=on%s%s", config->pmem ? ",nvdimm=on" : "",
         config->ram ? ",memory-backend=ram" : "");
    ADD2(argv, "-m", "%zuM,slots=2,maxmem=%zuM", config->ram_size / mib, config->ram_size / mib + room);
    if (config->ram)
        ADD2(argv, "-object", "memory-backend-file,id=ram,size=%zu,share=%s,mem-path=%s", config->ram_size,
             config->ram_shared ? "on" : "off", value(argv, config->ram));
    if (!config->pmem)
        return;
    ADD2(argv, "-object", "memory-backend-file,id=results,size=%zu,share=on,mem-path=%s", config->pmem_size,
         value(argv, config->pmem));
    ADD2(argv, "-device", "nvdimm,memdev=results");
}

/* fdset: QEMU duplicates the inherited descriptor instead of opening a path. */
static void add_pipe(struct argv *argv, const char *id, int fd)
{
    ADD2(argv, "-add-fd", "fd=%d,set=%d", fd, fd);
    ADD2(argv, "-chardev", "file,id=%s,path=/dev/fdset/%d,append=on", id, fd);
}

static void add_devices(struct argv *argv, const struct vc_machine_config *config, const struct vc_machine_fds *fds)
{
    add_pipe(argv, "events", fds->events);
    add_pipe(argv, "console", fds->console);
    ADD2(argv, "-chardev", "socket,id=qmp,fd=%d", fds->qmp);
    ADD2(argv, "-mon", "chardev=qmp,mode=control");
    ADD2(argv, "-device", "isa-debugcon,iobase=%#x,chardev=events", VC_PORT_EVENTS);
    ADD2(argv, "-serial", "chardev:console");
    if (config->interactive) {
        ADD2(argv, "-chardev", "stdio,id=shell,signal=off");
        ADD2(argv, "-serial", "chardev:shell");
    }
    ADD2(argv, "-device", "pvpanic,ioport=%d", VC_PORT_PAUSE);
    ADD2(argv, "-device", "isa-debug-exit,iobase=%#x,iosize=4", VC_PORT_EXIT);
    if (config->blob)
        ADD2(argv, "-fw_cfg", "name=" VC_BLOB_NAME ",file=%s", value(argv, config->blob));
}

char **vc_machine_argv(void *ctx, const struct vc_machine_config *config, const struct vc_machine_fds *fds)
{
    struct argv argv = {.ctx = ctx};

    add(&argv, "%s", config->qemu ? config->qemu : "qemu-system-x86_64");
    add(&argv, "-no-user-config");
    add(&argv, "-nodefaults");
    ADD2(&argv, "-display", "none");
    /* QEMU parses what a guest sends it: it may not start programs or gain rights. */
    ADD2(&argv, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    add_accelerator(&argv, config->accel);
    add_memory(&argv, config);
    /* A kernel panic reboots at once (panic=-1), which ends QEMU; only port VC_PORT_PAUSE pauses it. */
    ADD2(&argv, "-action", "reboot=shutdown,shutdown=poweroff,panic=pause");
    ADD2(&argv, "-seed", "%" PRIu64, config->seed);
    add_devices(&argv, config, fds);
    if (config->bios)
        ADD2(&argv, "-bios", "%s", config->bios);
    ADD2(&argv, "-kernel", "%s", config->kernel);
    if (config->initrd)
        ADD2(&argv, "-initrd", "%s", config->initrd);
    ADD2(&argv, "-append", BOOT_ARGS IDLE_ARGS "%s labseed=%" PRIu64,
         config->accel == VC_ACCEL_SEALED ? CLOCK_ARGS : "", config->seed);
    /* vc_machine_start and vc_machine_restore let it go: a guest that ends at once must not end before QMP is there. */
    add(&argv, "-S");
    if (config->incoming) {
        ADD2(&argv, "-incoming", "defer");
        ADD2(&argv, "-global", "migration.send-configuration=off"); /* a state of devices alone has no such part */
    }
    return argv.items;
}

char *vc_machine_firmware(void *ctx, const char *qemu)
{
    VC_AUTO_TALLOC char *program = vc_machine_find(NULL, qemu, NULL);
    VC_AUTO_FREE char *path = program ? realpath(program, NULL) : NULL;
    char *slash = path ? strrchr(path, '/') : NULL;

    if (!slash)
        return NULL;
    *slash = 0; /* …/bin */
    char *bios = talloc_asprintf(ctx, "%s/../share/qemu/qboot.rom", path);
    return access(bios, R_OK) == 0 ? bios : NULL;
}

int vc_machine_start(const struct vc_machine_config *config, struct vc_machine *machine, vc_error **err)
{
    const struct vc_machine_fds fds = VC_MACHINE_CHILD_FDS;
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_machine_config found = *config;

    *machine = (struct vc_machine){-1, -1, -1, -1, -1};
    found.qemu = vc_machine_find(scratch, config->qemu, err);
    if (!found.qemu)
        return -1;
    found.bios = config->bios ? config->bios : vc_machine_firmware(scratch, found.qemu);
    if (vc_machine_spawn(vc_machine_argv(scratch, &found, &fds), config->interactive ? config->terminal : -1, machine,
                         NULL, err))
        return -1;
    VC_AUTO_ERROR *why = NULL;
    if (config->incoming || vc_qmp_execute(machine->qmp, "cont", NULL, -1, START_LIMIT_MS, NULL, &why) == 0)
        return 0;
    /* A guest that ends at once can take QEMU along before QMP has its answer; how it ended is seen like any other. */
    if (why->errnum == ECONNRESET)
        return 0;
    vc_machine_kill(machine);
    return vc_fail(err, why->status, 0, "letting the guest start: %s", why->message);
}
