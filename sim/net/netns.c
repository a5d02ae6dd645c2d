#include "net/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* thread-self, not self: namespaces belong to threads. */
static const char current_path[] = "/proc/thread-self/ns/net";

static int fail(vc_error **err, int errnum, const char *what)
{
    if (errnum == EPERM)
        return vc_fail(err, VC_EXIT_HOST, errnum, "%s (network namespaces need root: run with sudo)", what);
    return vc_fail(err, VC_EXIT_HOST, errnum, "%s", what);
}

int vc_netns_current(vc_error **err)
{
    int fd = open(current_path, O_RDONLY | O_CLOEXEC);

    return fd >= 0 ? fd : vc_fail(err, VC_EXIT_HOST, errno, "open %s", current_path);
}

void vc_netns_leave(struct vc_netns_scope *scope)
{
    if (scope->back < 0)
        return;
    if (setns(scope->back, CLONE_NEWNET) < 0) {
        perror("vclab: cannot return to the network namespace");
        abort();
    }
    close(scope->back);
    scope->back = -1;
}

struct vc_netns_scope vc_netns_enter(int netns, vc_error **err)
{
    VC_AUTO_FD back = vc_netns_current(err);

    if (back < 0)
        return (struct vc_netns_scope){-1};
    if (setns(netns, CLONE_NEWNET) < 0) {
        fail(err, errno, "enter the network namespace");
        return (struct vc_netns_scope){-1};
    }
    return (struct vc_netns_scope){VC_STEAL_FD(back)};
}

static int loopback_up(vc_error **err)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK};
    VC_AUTO_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        return fail(err, errno, "bring lo up in a new network namespace");
    return 0;
}

int vc_netns_new(vc_error **err)
{
    VC_NETNS_SCOPE(scope) = {vc_netns_current(err)};

    if (scope.back < 0)
        return -1;
    if (unshare(CLONE_NEWNET) < 0)
        return fail(err, errno, "create a network namespace");
    return loopback_up(err) < 0 ? -1 : vc_netns_current(err);
}

/* Only net/ keys belong to the namespace; any other would change the host. */
static bool key_is_allowed(const char *key, size_t len)
{
    return len > 4 && !strncmp(key, "net/", 4) && !memmem(key, len, "..", 2);
}

static int write_key(const char *assignment, vc_error **err)
{
    bool optional = assignment[0] == '-';
    const char *key = assignment + optional, *equals = strchr(key, '=');
    char path[256];

    if (!equals || !key_is_allowed(key, (size_t)(equals - key)))
        return vc_fail(err, VC_EXIT_USAGE, 0, "sysctl \"%s\": expected net/…=value", assignment);
    int len = snprintf(path, sizeof path, "/proc/sys/%.*s", (int)(equals - key), key);
    if (len < 0 || (size_t)len >= sizeof path)
        return vc_fail(err, VC_EXIT_USAGE, ENAMETOOLONG, "sysctl \"%s\"", assignment);
    VC_AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && optional)
        return 0;
    if (fd < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "open %s", path);
    size_t size = strlen(equals + 1);
    if (write(fd, equals + 1, size) != (ssize_t)size)
        return vc_fail(err, VC_EXIT_HOST, errno, "write \"%s\" to %s", equals + 1, path);
    return 0;
}

int vc_netns_sysctl(int netns, const char *const *assignments, vc_error **err)
{
    VC_NETNS_SCOPE(scope) = vc_netns_enter(netns, err);

    if (scope.back < 0)
        return -1;
    for (; *assignments; assignments++) {
        if (write_key(*assignments, err) < 0)
            return -1;
    }
    return 0;
}
