/* Topology files: any bytes give a topology or an error, never a crash or a leak. */
#include <sys/mman.h>

#include "model/topology.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_FD fd = memfd_create("topology.yaml", MFD_CLOEXEC);
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        return 0;
    talloc_free(vc_topology_load(NULL, path, VCLAB_SOURCE_DIR "/nodes", &err));
    return 0;
}
