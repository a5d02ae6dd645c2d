#include "run/ends.h"

#include <errno.h>
#include <sys/signalfd.h>

int vc_ends_block(sigset_t *old, vc_error **err)
{
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigprocmask(SIG_BLOCK, &ends, old);
    int fd = signalfd(-1, &ends, SFD_CLOEXEC);
    return fd < 0 ? vc_fail(err, VC_EXIT_FAIL, errno, "watching for signals") : fd;
}
