#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <semaphore.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>

#include "ns3/wire_process.h"

enum {
    BATCH = 64, /* frames of one TAP before the others have their turn */
    READY = 16,
    LOOK_MS = 10,
};

int carrier_open(struct carrier *carrier, vc_error **err)
{
    const struct timespec period = {.tv_nsec = LOOK_MS * VC_NS_PER_MS};
    const struct itimerspec look = {.it_value = period, .it_interval = period};
    struct epoll_event quit = {.events = EPOLLIN, .data.ptr = &carrier->quit},
                       clock = {.events = EPOLLIN, .data.ptr = &carrier->clock};

    carrier->epoll = epoll_create1(EPOLL_CLOEXEC);
    carrier->quit = eventfd(0, EFD_CLOEXEC);
    carrier->clock = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (carrier->epoll < 0 || carrier->quit < 0 || carrier->clock < 0 ||
        epoll_ctl(carrier->epoll, EPOLL_CTL_ADD, carrier->quit, &quit) < 0 ||
        epoll_ctl(carrier->epoll, EPOLL_CTL_ADD, carrier->clock, &clock) < 0 ||
        timerfd_settime(carrier->clock, 0, &look, NULL) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot make what the reader waits on");
    return 0;
}

static void carried_free(struct carried *carried)
{
    if (!carried)
        return;
    for (int i = 0; i < 2; i++)
        if (carried->port[i].tap >= 0)
            close(carried->port[i].tap);
    free(carried);
}

void carrier_close(struct carrier *carrier)
{
    for (size_t i = 0; i < carrier->count; i++)
        carried_free(carrier->carried[i]);
    vc_close_cleanup(&carrier->epoll);
    vc_close_cleanup(&carrier->quit);
    vc_close_cleanup(&carrier->clock);
}

struct carried *carrier_find(struct carrier *carrier, const char *name, vc_error **err)
{
    for (size_t i = 0; i < carrier->count; i++)
        if (!strcmp(carrier->carried[i]->name, name))
            return carrier->carried[i];
    vc_fail(err, VC_EXIT_USAGE, 0, "there is no such wire");
    return NULL;
}

/* ---- frames ---- */

static void leave(void *arg, int wire VC_UNUSED, int end, const uint8_t *data, size_t size, int64_t due_ns VC_UNUSED)
{
    struct carrier *carrier = arg;

    /* ns3c numbers its wires as they are kept here. */
    if (write(carrier->carried[wire]->port[end].tap, data, size) != (ssize_t)size)
        atomic_fetch_add(&carrier->undelivered, 1);
}

/* False: the interface is gone. */
static bool take(struct carrier *carrier, const struct port *port)
{
    uint8_t frame[VC_NS3_FRAME_MAX];

    for (int i = 0; i < BATCH; i++) {
        ssize_t size = read(port->tap, frame, sizeof frame);
        if (size < 0)
            return errno == EAGAIN || errno == EINTR || errno == EIO;
        if (size > 0)
            vc_ns3_wire_send(carrier->sim, port->carried->wire, port->end, frame, (size_t)size, NULL);
    }
    return true;
}

/* The timer has expired so often, and its next time is so near: the first of these was that long ago. */
static void look_at_clock(struct carrier *carrier)
{
    struct itimerspec left;
    uint64_t expired;

    if (read(carrier->clock, &expired, sizeof expired) != sizeof expired || timerfd_gettime(carrier->clock, &left) < 0)
        return;
    int64_t late = (int64_t)expired * LOOK_MS * VC_NS_PER_MS - left.it_value.tv_nsec;
    if (late > atomic_load(&carrier->reader_worst_ns))
        atomic_store(&carrier->reader_worst_ns, late);
}

void *carrier_read(void *arg)
{
    struct carrier *carrier = arg;
    struct epoll_event ready[READY];

    for (;;) {
        int count = epoll_wait(carrier->epoll, ready, READY, -1);
        if (count < 0 && errno != EINTR)
            return NULL;
        for (int i = 0; i < count; i++) {
            void *what = ready[i].data.ptr;
            if (what == &carrier->quit)
                return NULL;
            if (what == &carrier->clock)
                look_at_clock(carrier);
            else if (!take(carrier, what))
                epoll_ctl(carrier->epoll, EPOLL_CTL_DEL, ((struct port *)what)->tap, NULL);
        }
    }
}

/* ---- a new wire ---- */

static int check_tap(int fd, vc_error **err)
{
    struct ifreq request = {0};

    if (ioctl(fd, TUNGETIFF, &request) < 0 || !(request.ifr_flags & IFF_TAP) || !(request.ifr_flags & IFF_NO_PI) ||
        (request.ifr_flags & IFF_VNET_HDR))
        return vc_fail(err, VC_EXIT_USAGE, 0, "found a descriptor that is no TAP without packet information");
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "cannot make a TAP non-blocking");
    return 0;
}

/* ns-3's objects may only be made in its own thread. */
struct making {
    struct carrier *carrier;
    const struct vc_wire *character;
    int wire;
    vc_error **err;
    sem_t done;
};

static void make(void *arg)
{
    struct making *making = arg;

    making->wire = vc_ns3_wire_new(making->carrier->sim, making->character, leave, making->carrier, making->err);
    sem_post(&making->done);
}

static int make_there(struct carrier *carrier, const struct vc_wire *character, vc_error **err)
{
    struct making making = {.carrier = carrier, .character = character, .wire = -1, .err = err};

    sem_init(&making.done, 0, 0);
    if (vc_ns3_post(carrier->sim, 0, make, &making, err) == 0)
        while (sem_wait(&making.done) < 0 && errno == EINTR)
            ;
    sem_destroy(&making.done);
    return making.wire;
}

static int add(struct carrier *carrier, struct carried *carried, const struct vc_wire_request *request, vc_error **err)
{
    VC_AUTO_ERROR *absent = NULL;

    if (carrier_find(carrier, request->name, &absent))
        return vc_fail(err, VC_EXIT_USAGE, 0, "there is a wire of that name already");
    for (int i = 0; i < 2; i++)
        if (check_tap(carried->port[i].tap, err) < 0)
            return -1;
    carried->wire = make_there(carrier, request->character, err);
    if (carried->wire < 0)
        return -1;
    /* What leaves a wire came in by it, so this is there before main looks for it. */
    carrier->carried[carried->wire] = carried;
    carrier->count = (size_t)carried->wire + 1;
    for (int i = 0; i < 2; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &carried->port[i]};
        if (epoll_ctl(carrier->epoll, EPOLL_CTL_ADD, carried->port[i].tap, &event) < 0)
            return vc_fail(err, VC_EXIT_FAIL, errno, "cannot wait on a TAP");
    }
    return 0;
}

int carrier_add(struct carrier *carrier, const struct vc_wire_request *request, int tap[2], vc_error **err)
{
    struct carried *carried = calloc(1, sizeof *carried);

    if (!carried)
        abort();
    memcpy(carried->name, request->name, sizeof carried->name);
    for (int i = 0; i < 2; i++)
        carried->port[i] = (struct port){.carried = carried, .end = i, .tap = tap[i]};
    size_t before = carrier->count;
    if (add(carrier, carried, request, err) == 0)
        return 0;
    if (carrier->count == before)
        carried_free(carried);
    return -1;
}
