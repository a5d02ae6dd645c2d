/* An epoll descriptor inside the loop's own: the kernel keeps the list of readable taps, so a drain touches no other.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "net/tap_private.h"

enum { READY_MAX = 64 };

struct vc_tap_set {
    int fd;
    struct tap_places places;
};

static int destroy(struct vc_tap_set *set)
{
    while (!LIST_EMPTY(&set->places))
        talloc_free(LIST_FIRST(&set->places));
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

static int leave(struct tap_place *place)
{
    epoll_ctl(place->set->fd, EPOLL_CTL_DEL, vc_tap_fd(place->tap), NULL);
    LIST_REMOVE(place, of_tap);
    LIST_REMOVE(place, of_set);
    return 0;
}

int vc_tap_set_add(struct vc_tap_set *set, struct vc_tap *tap, vc_error **err)
{
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = tap};

    if (epoll_ctl(set->fd, EPOLL_CTL_ADD, vc_tap_fd(tap), &wanted) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "a set of taps");
    struct tap_place *place = talloc_zero(tap, struct tap_place);
    place->set = set;
    place->tap = tap;
    LIST_INSERT_HEAD(tap_places(tap), place, of_tap);
    LIST_INSERT_HEAD(&set->places, place, of_set);
    talloc_set_destructor(place, leave);
    return 0;
}

void vc_tap_set_remove(struct vc_tap_set *set, const struct vc_tap *tap)
{
    struct tap_place *place;

    LIST_FOREACH(place, &set->places, of_set)
    {
        if (place->tap != tap)
            continue;
        talloc_free(place);
        return;
    }
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
