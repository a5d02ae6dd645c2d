#include "tiny_guest.h"

#include <poll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "vm/blob.h"
#include "vm/machine.h"
#include "vm/machine_spawn.h"
#include "vm/results.h"
#include "vm/snapshot_private.h"

static char top[] = "/tmp/vclab-machine-XXXXXX";
static char *kernel, *blob, *pmem;

static void tell(char what)
{
    VC_AUTO_TALLOC char *text = talloc_zero_size(NULL, VC_BLOB_SIZE);
    VC_AUTO_FILE *file = fopen(blob, "we");

    text[0] = what;
    cr_assert(file && fwrite(text, VC_BLOB_SIZE, 1, file) == 1);
}

static void setup(void)
{
    cr_assert(mkdtemp(top));
    kernel = talloc_asprintf(NULL, "%s/kernel", top);
    blob = talloc_asprintf(NULL, "%s/blob, of the run", top); /* a comma is written twice for QEMU */
    pmem = talloc_asprintf(NULL, "%s/results", top);
    tiny_guest_write(kernel);
    cr_assert_eq(vc_results_create(pmem, 4 << 20, NULL), 0);
}

static void teardown(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        execl("/bin/rm", "rm", "-rf", top, (char *)NULL); /* a test has changed PATH */
        _exit(127);
    }
    waitpid(pid, NULL, 0);
    talloc_free(kernel);
    talloc_free(blob);
    talloc_free(pmem);
}

/* ---- arguments ---- */

TestSuite(machine_argv, .init = setup, .fini = teardown);

static struct vc_machine_config config_of(enum vc_accel accel)
{
    return (struct vc_machine_config){.kernel = kernel,
                                      .blob = blob,
                                      .pmem = pmem,
                                      .pmem_size = 4 << 20,
                                      .ram_size = 64 << 20,
                                      .accel = accel,
                                      .seed = 7};
}

static char **argv_of(void *ctx, const struct vc_machine_config *config)
{
    return vc_machine_argv(ctx, config, &(struct vc_machine_fds){.events = 3, .console = 4, .qmp = 5});
}

/* Whether `option` is there, with a value that has `part` in it. */
static bool has(char *const *argv, const char *option, const char *part)
{
    for (; *argv; argv++)
        if (!strcmp(*argv, option) && argv[1] && strstr(argv[1], part))
            return true;
    return false;
}

static bool has_flag(char *const *argv, const char *flag)
{
    while (*argv && strcmp(*argv, flag) != 0)
        argv++;
    return *argv;
}

Test(machine_argv, sealed_time_is_virtual)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_machine_config config = config_of(VC_ACCEL_SEALED);
    char **argv = argv_of(ctx, &config);

    cr_assert_str_eq(argv[0], "qemu-system-x86_64");
    cr_assert(has(argv, "-accel", "tcg") && has(argv, "-icount", "sleep=off,rr=record") &&
              has(argv, "-rtc", "clock=vm"));
    cr_assert(has(argv, "-cpu", "Westmere") && has(argv, "-seed", "7") && has(argv, "-append", " labseed=7"));
    cr_assert(has(argv, "-kernel", kernel) && !has(argv, "-initrd", "") && !has(argv, "-incoming", ""));
    cr_assert(has(argv, "-m", "64M,") && has(argv, "-machine", "nvdimm=on") &&
              !has(argv, "-machine", "memory-backend"));
    cr_assert(has(argv, "-chardev", "fd=5") && has(argv, "-add-fd", "fd=3") && has(argv, "-add-fd", "fd=4"));
    cr_assert(has(argv, "-fw_cfg", "blob,, of the run") && has(argv, "-sandbox", "spawn=deny"));
    cr_assert(!has(argv, "-chardev", "stdio"));
    cr_assert(has_flag(argv, "-S"), "it waits for QMP");
}

Test(machine_argv, real_time_counts_no_instructions)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_machine_config kvm = config_of(VC_ACCEL_KVM), tcg = config_of(VC_ACCEL_REALTIME);
    char **argv = argv_of(ctx, &kvm);

    cr_assert(has(argv, "-accel", "kvm") && has(argv, "-cpu", "host") && !has(argv, "-icount", ""));
    cr_assert(has(argv, "-rtc", "clock=host"));
    argv = argv_of(ctx, &tcg);
    cr_assert(has(argv, "-accel", "tcg") && has(argv, "-rtc", "clock=host") && !has(argv, "-icount", ""));
}

Test(machine_argv, memory_file_is_shared_only_for_a_snapshot)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_machine_config config = config_of(VC_ACCEL_SEALED);

    config.ram = "/cache/ram";
    config.ram_shared = true;
    char **argv = argv_of(ctx, &config);
    cr_assert(has(argv, "-object", "id=ram,size=67108864,share=on,mem-path=/cache/ram"));
    cr_assert(has(argv, "-machine", "memory-backend=ram"));
    config.ram_shared = false;
    config.incoming = true;
    argv = argv_of(ctx, &config);
    cr_assert(has(argv, "-object", "id=ram,size=67108864,share=off") && has(argv, "-incoming", "defer"));
    cr_assert(has_flag(argv, "-S"), "it waits for its state");
}

Test(machine_argv, interactive_has_a_second_serial_port)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_machine_config config = config_of(VC_ACCEL_REALTIME);

    config.interactive = true;
    char **argv = argv_of(ctx, &config);
    cr_assert(has(argv, "-chardev", "stdio,") && has(argv, "-serial", "chardev:shell"));
}

Test(machine_argv, missing_qemu_is_named_with_its_package)
{
    struct vc_machine_config config = config_of(VC_ACCEL_SEALED);
    struct vc_machine machine;
    VC_AUTO_ERROR *err = NULL;

    setenv("PATH", "/nowhere", 1);
    cr_assert_eq(vc_machine_start(&config, &machine, &err), -1);
    cr_assert_eq(err->status, VC_EXIT_HOST);
    cr_assert(strstr(err->message, "package qemu-system-x86"), "%s", err->message);
    cr_assert_eq(machine.pid, -1);
}

/* ---- a running machine ---- */

TestSuite(machine, .init = setup, .fini = teardown, .timeout = 100);

static void need_qemu(void)
{
    if (access("/usr/bin/qemu-system-x86_64", X_OK) == 0)
        return;
    cr_assert(!getenv("VCLAB_MUST_WORK"), "qemu-system-x86_64 is missing");
    cr_skip("qemu-system-x86_64 is missing");
}

static void start(const struct vc_machine_config *config, struct vc_machine *machine)
{
    VC_AUTO_ERROR *err = NULL;

    cr_assert_eq(vc_machine_start(config, machine, &err), 0, "%s", err ? err->message : "");
}

/* What comes out of `fd` until `wanted` was seen or the machine has ended. */
static char *listen_for(void *ctx, const struct vc_machine *machine, int fd, const char *wanted)
{
    char *heard = talloc_strdup(ctx, ""), block[256];
    bool ended = false;

    while (!ended && !(wanted && strstr(heard, wanted))) {
        struct pollfd pfds[] = {{machine->pidfd, POLLIN, 0}, {fd, POLLIN, 0}};
        ssize_t n;

        cr_assert_gt(poll(pfds, 2, 60000), 0, "heard only \"%s\"", heard);
        ended = pfds[0].revents;
        while ((n = read(fd, block, sizeof block)) > 0)
            heard = talloc_strndup_append(heard, block, (size_t)n);
    }
    return heard;
}

Test(machine, events_come_and_the_exit_code_is_the_guests)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_machine_config config = config_of(VC_ACCEL_SEALED);
    VC_AUTO_MACHINE machine = {.pid = -1};

    need_qemu();
    tell('{');
    start(&config, &machine);
    cr_assert_str_eq(listen_for(ctx, &machine, machine.events, NULL), "hello\n");
    int status = vc_machine_wait(&machine);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    cr_assert(machine.pid == -1 && machine.events == -1 && machine.qmp == -1);
}

Test(machine, console_comes_and_real_time_works_too)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_machine_config config = config_of(VC_ACCEL_REALTIME);
    VC_AUTO_MACHINE machine = {.pid = -1};

    need_qemu();
    tell('c');
    start(&config, &machine);
    cr_assert(strstr(listen_for(ctx, &machine, machine.console, NULL), "console\n"));
    int status = vc_machine_wait(&machine);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

Test(machine, qemus_complaint_is_quoted)
{
    struct vc_machine_config config = config_of(VC_ACCEL_SEALED);
    struct vc_machine machine;
    VC_AUTO_ERROR *err = NULL;

    need_qemu();
    config.kernel = "/nowhere/vmlinux";
    cr_assert_eq(vc_machine_start(&config, &machine, &err), -1);
    cr_assert_eq(err->status, VC_EXIT_HOST);
    cr_assert(strstr(err->message, "/nowhere/vmlinux"), "%s", err->message);
    cr_assert(machine.pid == -1 && machine.qmp == -1);
    config.qemu = kernel; /* is no program for this system */
    cr_assert_eq(chmod(kernel, 0755), 0);
    vc_error_free(err);
    err = NULL;
    cr_assert_eq(vc_machine_start(&config, &machine, &err), -1);
    cr_assert(strstr(err->message, kernel), "%s", err->message);
}

/* As QEMU is seen when its guest ends at once: `cont` has begun to work, and its answer never comes. */
Test(machine, a_guest_that_ends_before_cont_is_answered_has_run)
{
    VC_AUTO_TALLOC char *qemu = talloc_asprintf(NULL, "%s/qemu", top);
    const struct vc_machine_fds fds = VC_MACHINE_CHILD_FDS;
    struct vc_machine_config config = config_of(VC_ACCEL_SEALED);
    VC_AUTO_MACHINE machine = {.pid = -1};
    FILE *file = fopen(qemu, "we");

    cr_assert(file);
    fprintf(file,
            "#!/bin/bash\necho '{\"QMP\": {}}' >&%d\nread -r line <&%d\necho '{\"return\": {}}' >&%d\nread -rN 5 line "
            "<&%d\n"
            "exit 7\n",
            fds.qmp, fds.qmp, fds.qmp, fds.qmp);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(chmod(qemu, 0755), 0);
    config.qemu = qemu;
    start(&config, &machine);
    int status = vc_machine_wait(&machine);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static bool ends_within(pid_t pid, int limit_ms)
{
    VC_AUTO_FD pidfd = pidfd_open(pid, 0);

    return pidfd < 0 || poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, limit_ms) == 1;
}

Test(machine, kill_ends_a_guest_that_never_would)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_machine_config config = config_of(VC_ACCEL_SEALED);
    VC_AUTO_MACHINE machine = {.pid = -1};

    need_qemu();
    tell('l');
    start(&config, &machine);
    pid_t pid = machine.pid;
    listen_for(ctx, &machine, machine.events, "loop\n");
    vc_machine_kill(&machine);
    cr_assert(kill(pid, 0) < 0, "it was reaped");
    vc_machine_kill(&machine); /* nothing to do */
    cr_assert_eq(machine.pid, -1);
}

Test(machine, dies_with_its_starter)
{
    struct vc_machine_config config = config_of(VC_ACCEL_SEALED);
    int told[2];
    pid_t qemu = 0;

    need_qemu();
    tell('l');
    cr_assert_eq(pipe(told), 0);
    VC_AUTO_PID starter = fork();
    if (starter == 0) {
        struct vc_machine machine;
        if (vc_machine_start(&config, &machine, NULL) == 0 && write(told[1], &machine.pid, sizeof machine.pid) > 0)
            pause();
        _exit(1);
    }
    cr_assert_eq(read(told[0], &qemu, sizeof qemu), sizeof qemu);
    cr_assert(!ends_within(qemu, 0));
    kill(starter, SIGKILL);
    cr_assert(ends_within(qemu, 30000), "QEMU outlived its starter");
}

/* ---- snapshots of a machine ---- */

static json_t *hash_of(const char *path)
{
    json_t *hash = vc_snapshot_hash(path, NULL);

    cr_assert(hash);
    return hash;
}

static void park(struct vc_machine_config *config, const char *state)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_MACHINE machine = {.pid = -1};
    VC_AUTO_ERROR *err = NULL;

    tell('p');
    config->ram_shared = true;
    start(config, &machine);
    listen_for(ctx, &machine, machine.events, "park\n");
    cr_assert_eq(vc_machine_save(&machine, state, &err), 0, "%s", err ? err->message : "");
    config->ram_shared = false;
    config->incoming = true;
}

static void fork_of(const struct vc_machine_config *config, const char *state, char what)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_MACHINE machine = {.pid = -1};
    VC_AUTO_ERROR *err = NULL;

    tell(what);
    start(config, &machine);
    cr_assert_eq(vc_machine_restore(&machine, state, &err), 0, "%s", err ? err->message : "");
    const char *heard = listen_for(ctx, &machine, machine.events, NULL);
    cr_assert(heard[0] == what && !heard[1], "heard \"%s\"", heard);
    int status = vc_machine_wait(&machine);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 11, "status %#x: the mark in memory is not there", status);
}

Test(machine, forks_go_on_where_it_paused_and_leave_its_memory_alone)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_machine_config config = config_of(VC_ACCEL_SEALED);
    char *ram = talloc_asprintf(ctx, "%s/ram", top), *state = talloc_asprintf(ctx, "%s/state", top);
    struct stat st;

    need_qemu();
    config.ram = ram;
    park(&config, state);
    cr_assert(stat(state, &st) == 0 && st.st_size < 8 << 20, "the memory is in the state");
    VC_AUTO_JSON *before = hash_of(ram);
    fork_of(&config, state, 'a');
    VC_AUTO_JSON *after = hash_of(ram);
    cr_assert(json_equal(before, after), "a fork wrote to the snapshot's memory");
    fork_of(&config, state, 'b');
}

Test(machine, damaged_state_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_machine_config config = config_of(VC_ACCEL_SEALED);
    char *ram = talloc_asprintf(ctx, "%s/ram", top), *state = talloc_asprintf(ctx, "%s/state", top);
    VC_AUTO_MACHINE machine = {.pid = -1};
    VC_AUTO_ERROR *err = NULL, *missing = NULL;

    need_qemu();
    config.ram = ram;
    park(&config, state);
    cr_assert_eq(truncate(state, 100), 0);
    start(&config, &machine);
    cr_assert_eq(vc_machine_restore(&machine, state, &err), -1);
    cr_assert(strstr(err->message, state), "%s", err->message);
    cr_assert_eq(vc_machine_restore(&machine, "/nowhere/state", &missing), -1);
    cr_assert(strstr(missing->message, "/nowhere/state"), "%s", missing->message);
}

/* Whether KVM works is this host's affair: it does, or the reason is told, in time. */
Test(machine, probe_of_kvm_has_an_answer)
{
    VC_AUTO_ERROR *err = NULL;
    struct timespec began, ended;

    need_qemu();
    clock_gettime(CLOCK_MONOTONIC, &began);
    int works = vc_machine_probe_kvm(kernel, NULL, 5000, &err);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    cr_assert(works == 0 || (err->status == VC_EXIT_HOST && !strncmp(err->message, "KVM cannot be used: ", 20)), "%s",
              err ? err->message : "");
    cr_assert_lt(ended.tv_sec - began.tv_sec, 60);
}

Test(machine, terminal_is_the_second_serial_port)
{
    struct vc_machine_config config = config_of(VC_ACCEL_REALTIME);
    VC_AUTO_MACHINE machine = {.pid = -1};
    char typed[9] = "";
    int ends[2];

    need_qemu();
    tell('t');
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    config.interactive = true;
    config.terminal = ends[1];
    start(&config, &machine);
    cr_assert_eq(write(ends[0], "k", 1), 1);
    close(ends[1]);
    cr_assert_eq(recv(ends[0], typed, 1, MSG_WAITALL), 1);
    cr_assert_str_eq(typed, "k", "the guest sends back what was typed");
    int status = vc_machine_wait(&machine);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

TestSuite(version, .init = setup, .fini = teardown);

Test(version, is_asked_once)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    need_qemu();
    setenv("XDG_CACHE_HOME", top, 1);
    unsetenv("SUDO_USER");
    unsetenv("SUDO_UID");
    char *version = vc_machine_version(ctx, NULL, &err);
    cr_assert(version && version[0] >= '1' && version[0] <= '9' && strchr(version, '.'), "%s",
              err ? err->message : version);
    const char *path = talloc_asprintf(ctx, "%s/vclab/qemu-versions.json", top);
    VC_AUTO_JSON *known = json_load_file(path, 0, NULL);
    cr_assert_eq(json_object_size(known), 1);
    /* The second answer is the cache's. */
    json_object_set_new(known, json_object_iter_key(json_object_iter(known)), json_string("1.2.3"));
    cr_assert_eq(json_dump_file(known, path, 0), 0);
    cr_assert_str_eq(vc_machine_version(ctx, NULL, &err), "1.2.3");
}
