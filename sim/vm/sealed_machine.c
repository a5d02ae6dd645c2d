/*
 * Everything a machine reads or writes is a memfd of this process, so that nothing is left behind however it ends; only
 * a snapshot has files.
 */
#include <errno.h>
#include <sys/mman.h>
#include <time.h>

#include "vm/sealed_private.h"

#define RAM_BYTES     ((size_t)512 << 20)
#define RESULTS_BYTES ((size_t)256 << 20)

double sealed_now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int memory_file(const char *name, const void *content, size_t size, vc_error **err)
{
    VC_AUTO_FD fd = memfd_create(name, MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, (off_t)size) || (content && pwrite(fd, content, size, 0) != (ssize_t)size))
        return vc_fail(err, VC_EXIT_HOST, errno, "making a memory file of %zu MiB for the guest", size >> 20);
    return VC_STEAL_FD(fd);
}

/* By this process' number, as it is another process that opens it. */
char *sealed_device_path(void *ctx, int fd)
{
    return talloc_asprintf(ctx, "/proc/%d/fd/%d", (int)getpid(), fd);
}

static size_t results_size(const struct vc_sealed_config *config)
{
    return config->results_size ? config->results_size : RESULTS_BYTES;
}

int sealed_results_device(const struct vc_sealed_config *config, vc_error **err)
{
    return memory_file("vclab-results", NULL, results_size(config), err);
}

int sealed_start(struct sealed *sealed, const struct sealed_told *told, struct vc_machine_config *machine,
                 vc_error **err)
{
    const struct vc_sealed_config *config = sealed->config;
    struct vc_blob_options options = {.seed = config->seed,
                                      .captures = config->captures,
                                      .evidence = config->evidence,
                                      .shell = config->shell,
                                      .limit_ns = told->limit_ns};
    VC_AUTO_TALLOC char *blob = vc_blob_pack(NULL, told->documents, &options, err);

    if (!blob)
        return -1;
    VC_AUTO_FD blob_fd = memory_file("vclab-blob", blob, VC_BLOB_SIZE, err);
    if (blob_fd < 0)
        return -1;
    VC_AUTO_TALLOC char *blob_path = sealed_device_path(NULL, blob_fd);
    VC_AUTO_TALLOC char *pmem_path = sealed_device_path(NULL, told->pmem);
    machine->kernel = config->image->kernel;
    machine->initrd = config->image->initrd;
    machine->blob = blob_path;
    machine->pmem = pmem_path;
    machine->pmem_size = results_size(config);
    machine->ram_size = RAM_BYTES;
    machine->accel = config->accel;
    machine->seed = config->seed;
    machine->interactive = config->shell;
    sealed->parked = sealed->ended = false;
    sealed->last_ns = 0;
    talloc_free(sealed->console);
    sealed->console = talloc_strdup(sealed->ctx, "");
    return vc_machine_start(machine, &sealed->machine, err);
}

/* A snapshot fits only the machine that it was taken of: devices, firmware, kernel arguments. */
char *sealed_machine_shape(void *ctx, const struct vc_sealed_config *config)
{
    const struct vc_machine_config machine = {.kernel = "",
                                              .initrd = "",
                                              .blob = "",
                                              .pmem = "",
                                              .ram = "",
                                              .bios = vc_machine_firmware(ctx, NULL),
                                              .pmem_size = results_size(config),
                                              .ram_size = RAM_BYTES,
                                              .accel = config->accel,
                                              .seed = config->seed};
    char **argv = vc_machine_argv(ctx, &machine, &(struct vc_machine_fds){0});
    char *shape = talloc_strdup(ctx, "");

    for (size_t i = 1; argv[i]; i++)
        shape = talloc_asprintf_append(shape, " %s", argv[i]);
    return shape;
}
