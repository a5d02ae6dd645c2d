/* An epoll descriptor inside the loop's own: the kernel keeps the list of readable taps, so a drain touches no other.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "net/tap.h"

enum { READY_MAX = 64 };

struct vc_tap_set {
    int fd;
};

static int destroy(struct vc_tap_set *set)
{
    if (set->fd >= 0)
        close(set->fd);
    return 0;
}

struct vc_tap_set *vc_tap_set_new(void *ctx, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_tap_set *set = talloc_zero(ctx, struct vc_tap_set);

    set->fd = epoll_create1(EPOLL_CLOEXEC);
    talloc_set_destructor(set, destroy);
    if (set->fd < 0) {
        vc_fail(err, VC_EXIT_HOST, errno, "a set of taps");
        return NULL;
    }
    return VC_STEAL_PTR(set);
}

int vc_tap_set_add(struct vc_tap_set *set, struct vc_tap *tap, vc_error **err)
{
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = tap};

    if (epoll_ctl(set->fd, EPOLL_CTL_ADD, vc_tap_fd(tap), &wanted) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "a set of taps");
    return 0;
}

void vc_tap_set_remove(struct vc_tap_set *set, const struct vc_tap *tap)
{
    epoll_ctl(set->fd, EPOLL_CTL_DEL, vc_tap_fd(tap), NULL);
}

int vc_tap_set_fd(const struct vc_tap_set *set)
{
    return set->fd;
}

void vc_tap_set_drain(struct vc_tap_set *set)
{
    struct epoll_event ready[READY_MAX];
    int count = epoll_wait(set->fd, ready, READY_MAX, 0);

    for (int i = 0; i < count; i++)
        vc_tap_drain(ready[i].data.ptr);
}
