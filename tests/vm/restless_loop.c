/*
 * Preloaded into QEMU by a test: its main loop never sleeps longer than 20 us, so that it comes between any two
 * instructions of the guest. A busy host does the same now and then.
 */
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

enum { LONGEST_NS = 20000 };

__attribute__((visibility("default"))) int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *limit,
                                                 const sigset_t *mask)
{
    int (*real)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *) = dlsym(RTLD_NEXT, "ppoll");
    static const struct timespec longest = {.tv_nsec = LONGEST_NS};

    if (getpid() == gettid() && (!limit || limit->tv_sec || limit->tv_nsec > LONGEST_NS))
        limit = &longest;
    return real(fds, count, limit, mask);
}
