#include "vm/guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "run/live.h"
#include "vm/blob.h"
#include "vm/machine.h"
#include "vm/results.h"

#define HOME    "/vclab"
#define MODULES HOME "/modules"
#define RESULTS "/results"
#define DEVICE  "/dev/pmem0"
#define LABROOT "/labroot"

/* fw_cfg, as QEMU's docs/specs/fw_cfg: a selector, a data port, and a directory of named items. */
enum { FW_CFG_SELECTOR = 0x510, FW_CFG_DATA = 0x511, FW_CFG_DIRECTORY = 0x19, FW_CFG_NAME = 56 };

struct fw_cfg_entry {
    uint32_t size; /* big-endian */
    uint16_t selector;
    uint16_t reserved;
    char name[FW_CFG_NAME];
};

struct guest {
    struct vc_blob_options options;
    char *blob; /* VC_BLOB_SIZE bytes */
    struct vc_plan *plan;
    struct vc_scenario *scenario; /* NULL while the lab is brought to be parked */
    struct vc_topology *topology;
    const struct vc_timers *timers;
    struct vc_engine_config engine;
};

bool vc_guest_is_init(const char *argv0)
{
    return getpid() == 1 && argv0 && !strcmp(argv0, "/init");
}

/* sys/io.h's insb and outsb do not tell the compiler that they touch memory. */
static void read_port(uint16_t port, void *bytes, size_t len)
{
    __asm__ volatile("rep insb" : "+D"(bytes), "+c"(len) : "d"(port) : "memory");
}

static void write_events(const void *bytes, size_t len)
{
    __asm__ volatile("rep outsb" : "+S"(bytes), "+c"(len) : "d"((uint16_t)VC_PORT_EVENTS) : "memory");
}

static _Noreturn void end_machine(int status)
{
    outl((unsigned)status, VC_PORT_EXIT);
    for (;;)
        pause(); /* not reached under QEMU */
}

/* ---- a root to work in ---- */

struct mount_point {
    const char *source, *target, *type, *options;
};

static int mount_all(const struct mount_point *points, size_t count, vc_error **err)
{
    for (size_t i = 0; i < count; i++)
        if (mount(points[i].source, points[i].target, points[i].type, MS_NOSUID, points[i].options))
            return vc_fail(err, VC_EXIT_FAIL, errno, "guest: mounting %s", points[i].target);
    return 0;
}

/*
 * pivot_root refuses the initial root file system, and setns goes to the top of what is mounted on it; so it is bound
 * to itself and moved over "/", as switch_root does, without the copy.
 */
static int enter_root(vc_error **err)
{
    static const struct mount_point points[] = {
        {"dev", "dev", "devtmpfs", NULL},     {"proc", "proc", "proc", NULL},
        {"sys", "sys", "sysfs", NULL},        {"tmp", "tmp", "tmpfs", "mode=0755"},
        {"run", "run", "tmpfs", "mode=0755"}, {"results", "results", "tmpfs", "mode=0755,size=90%"},
    };

    if (mount("/", "/newroot", NULL, MS_BIND, NULL) || chdir("/newroot"))
        return vc_fail(err, VC_EXIT_FAIL, errno, "guest: binding the root");
    if (mount_all(points, VC_COUNT(points), err))
        return -1;
    if (mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
        return vc_fail(err, VC_EXIT_FAIL, errno, "guest: moving the root");
    int console = open("/dev/console", O_RDWR);
    if (console >= 0) {
        dup2(console, 0);
        dup2(console, 1);
        dup2(console, 2);
    }
    if (console > 2)
        close(console);
    return 0;
}

static int load_module(const char *name, vc_error **err)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, MODULES "/%s", name);
    VC_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
        return vc_fail(err, VC_EXIT_FAIL, errno, "guest: loading the module %s", name);
    return 0;
}

/* What is not loaded by then is not there: the kernel need not look for a program that would load it. */
static void forbid_modprobe(void)
{
    VC_AUTO_FD fd = open("/proc/sys/kernel/modprobe", O_WRONLY | O_CLOEXEC);

    if (fd >= 0)
        (void)!write(fd, "\n", 1);
}

/* Their file names begin with a number: the order in which they need each other. */
static int load_modules(vc_error **err)
{
    struct dirent **entries;
    int count = scandir(MODULES, &entries, NULL, alphasort), failed = count < 0;

    for (int i = 0; i < count; i++) {
        if (!failed && entries[i]->d_name[0] != '.')
            failed = load_module(entries[i]->d_name, err);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    forbid_modprobe();
    return failed ? (count < 0 ? vc_fail(err, VC_EXIT_FAIL, errno, "guest: reading " MODULES) : -1) : 0;
}

/*
 * Without this the first random number waits until the kernel has gathered entropy by spinning, for a second of a
 * virtual clock. What makes one run's numbers differ from another's is the seed on the kernel's command line, which is
 * in the pool already; nothing here is secret.
 */
static int seed_random(vc_error **err)
{
    union {
        struct rand_pool_info info;
        char space[sizeof(struct rand_pool_info) + 32]; /* the bytes that are credited, all zero */
    } entropy = {.space = {0}};
    VC_AUTO_FD fd = open("/dev/random", O_WRONLY | O_CLOEXEC);

    entropy.info.entropy_count = 256;
    entropy.info.buf_size = 32;
    if (fd < 0 || ioctl(fd, RNDADDENTROPY, &entropy.info))
        return vc_fail(err, VC_EXIT_FAIL, errno, "guest: seeding /dev/random");
    return 0;
}

/* ---- what to do ---- */

static void select_item(uint16_t selector)
{
    outw(selector, FW_CFG_SELECTOR);
}

/* Read through the ports and not by the kernel's driver: that one skips from the start of an item for every page of it.
 */
static int read_blob(struct guest *guest, vc_error **err)
{
    uint32_t count = 0;

    select_item(FW_CFG_DIRECTORY);
    read_port(FW_CFG_DATA, &count, sizeof count);
    for (uint32_t i = 0; i < be32toh(count); i++) {
        struct fw_cfg_entry entry = {0};
        read_port(FW_CFG_DATA, &entry, sizeof entry);
        if (strncmp(entry.name, VC_BLOB_NAME, sizeof entry.name))
            continue;
        if (be32toh(entry.size) != VC_BLOB_SIZE)
            return vc_fail(err, VC_EXIT_FAIL, 0, "guest: " VC_BLOB_NAME " has %u bytes, not %u", be32toh(entry.size),
                           VC_BLOB_SIZE);
        select_item(be16toh(entry.selector));
        read_port(FW_CFG_DATA, guest->blob, VC_BLOB_SIZE);
        return 0;
    }
    return vc_fail(err, VC_EXIT_FAIL, 0, "guest: no fw_cfg item " VC_BLOB_NAME);
}

/* vc_machine_probe_kvm's question. */
static void answer_hello(const struct guest *guest)
{
    VC_AUTO_JSON *blob = json_loadb(guest->blob, VC_BLOB_SIZE, JSON_DISABLE_EOF_CHECK, NULL);

    if (!json_is_true(json_object_get(blob, "hello")))
        return;
    write_events("hello\n", 6);
    end_machine(0);
}

/* Without a scenario the blob holds what a snapshot is made of: a topology and the name of its timers. */
static int load_documents(struct guest *guest, vc_error **err)
{
    struct vc_blob_paths paths;

    if (read_blob(guest, err))
        return -1;
    answer_hello(guest);
    if (vc_blob_unpack(guest, guest->blob, VC_BLOB_SIZE, HOME, &paths, &guest->options, err))
        return -1;
    if (paths.scenario) {
        guest->scenario = vc_scenario_load(guest, paths.scenario, HOME "/topologies", HOME "/nodes", err);
        return guest->scenario ? 0 : -1;
    }
    guest->topology = vc_topology_load(guest, paths.topology, HOME "/nodes", err);
    guest->timers = guest->topology ? vc_topology_timers(guest->topology, paths.timers) : NULL;
    return guest->timers ? 0 : vc_wrap(err, "guest: no timers %s", paths.timers);
}

static int make_plan(struct guest *guest, vc_error **err)
{
    const struct vc_plan_options options = {.plane = VC_PLANE_KERNEL,
                                            .timers = guest->scenario ? guest->scenario->timers : guest->timers,
                                            .seed = guest->options.seed,
                                            .kinds_dir = HOME "/nodes"};

    if (guest->scenario) {
        guest->topology = guest->scenario->topology;
        guest->timers = guest->scenario->timers;
    }
    guest->plan = vc_plan_make(guest, guest->topology, &options, err);
    return guest->plan ? 0 : -1;
}

/* ---- the run ---- */

static int write_line(void *arg VC_UNUSED, const char *line, size_t len)
{
    write_events(line, len);
    return 0;
}

/* A sum, as a branch would be told by the clock (blob.c). */
static enum vc_evidence_when evidence_of(const struct guest *guest)
{
    return VC_EVIDENCE_UNLESS_PASS + guest->options.evidence;
}

/* The instruction after outb is the first of every fork. */
static const struct vc_scenario *park(void *arg, vc_error **err)
{
    static const char parked[] = "{\"layer\":\"check\",\"what\":\"parked\"}\n";
    struct guest *guest = arg;

    write_events(parked, sizeof parked - 1);
    outb(1, VC_PORT_PAUSE);
    if (load_documents(guest, err))
        return NULL;
    guest->engine.limit_ns = guest->options.limit_ns;
    guest->engine.evidence = evidence_of(guest);
    return guest->scenario;
}

static int open_terminal(vc_error **err)
{
    int fd = open("/dev/ttyS1", O_RDWR | O_CLOEXEC | O_NOCTTY);

    return fd < 0 ? vc_fail(err, VC_EXIT_FAIL, errno, "guest: opening /dev/ttyS1") : fd;
}

static int set_up_shell(struct guest *guest, vc_error **err)
{
    struct vc_engine_config *config = &guest->engine;

    if (!guest->options.shell)
        return 0;
    config->shell_tty = open_terminal(err);
    config->shell_node = vc_topology_node(guest->topology, guest->options.shell);
    if (config->shell_tty >= 0 && config->shell_node == VC_NONE)
        return vc_fail(err, VC_EXIT_USAGE, 0, "no node %s", guest->options.shell);
    return config->shell_tty < 0 ? -1 : 0;
}

static int keep_open(const char *path, vc_error **err)
{
    if (mkdir(path, 0755) && errno != EEXIST)
        return vc_fail(err, VC_EXIT_FAIL, errno, "guest: creating %s", path);
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? vc_fail(err, VC_EXIT_FAIL, errno, "guest: opening %s", path) : fd;
}

static int play(struct guest *guest, vc_error **err)
{
    bool parks = !guest->scenario;

    guest->engine = (struct vc_engine_config){
        .plan = guest->plan,
        .scenario = parks ? vc_scenario_parking(guest, guest->topology, guest->timers) : guest->scenario,
        .write = write_line,
        .park = parks ? park : NULL,
        .park_arg = guest,
        .virtual_time = true,
        .limit_ns = guest->options.limit_ns,
        .shell_tty = -1,
        .control = -1,
        .evidence = evidence_of(guest),
        /* A snapshot does not know whether its forks want them. */
        .captures = guest->options.captures || parks,
    };
    struct vc_sandbox_inside inside = {.lifeline = eventfd(0, EFD_CLOEXEC), .kept = {-1, -1, -1, -1}};

    inside.kept[VC_KEEP_LABROOT] = keep_open(LABROOT, err);
    inside.kept[VC_KEEP_LOGS] = keep_open(RESULTS "/logs", err);
    inside.kept[VC_KEEP_CAPTURES] = keep_open(RESULTS "/captures", err);
    inside.kept[VC_KEEP_KINDS] = keep_open(HOME "/nodes", err);
    for (size_t i = 0; i <= VC_KEEP_KINDS; i++)
        if (inside.kept[i] < 0)
            return -1;
    if (inside.lifeline < 0 || set_up_shell(guest, err))
        return -1;
    return vc_engine_main(&guest->engine, &inside);
}

static int set_up(struct guest *guest, vc_error **err)
{
    if (enter_root(err))
        return -1;
    if (iopl(3))
        return vc_fail(err, VC_EXIT_FAIL, errno, "guest: I/O ports");
    return seed_random(err) || load_modules(err) || load_documents(guest, err) || make_plan(guest, err) ? -1 : 0;
}

static void drop_captures(const struct guest *guest)
{
    if (!guest->options.captures)
        mount("none", RESULTS "/captures", "tmpfs", 0, NULL);
}

/* The host judges by events: what could not be set up is one, too. */
static void tell_failure(const vc_error *failure)
{
    VC_AUTO_JSON *event = json_pack("{s:I, s:s, s:s, s:s}", "t_ns", (json_int_t)0, "layer", "check", "what", "error",
                                    "text", failure->message);
    VC_AUTO_FREE char *line = json_dumps(event, JSON_COMPACT);

    fprintf(stderr, "vclab: %s\n", failure->message);
    write_events(line, strlen(line));
    write_events("\n", 1);
}

void vc_guest_main(void)
{
    struct guest *guest = talloc_zero(NULL, struct guest);
    VC_AUTO_ERROR *err = NULL;

    setenv("VCLAB_HOME", HOME, 1);
    guest->blob = talloc_array(guest, char, VC_BLOB_SIZE);
    int status = set_up(guest, &err) ? -1 : play(guest, &err);
    if (err)
        tell_failure(err);
    drop_captures(guest);
    VC_AUTO_ERROR *full = NULL;
    if (vc_results_write(DEVICE, RESULTS, &full))
        fprintf(stderr, "vclab: %s\n", full->message); /* the device's header tells the host */
    end_machine(status < 0 ? VC_EXIT_FAIL : status);
}
