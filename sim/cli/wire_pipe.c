#include "cli/wire_pipe.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/util.h"

enum { FRAME_MAX = 2048 };

struct way {
    int from, to, stop;
    pthread_t thread;
    bool started;
};

struct wire_pipe {
    struct way way[2];
    int stop; /* readable once the threads shall end */
};

static void *carry(void *arg)
{
    const struct way *way = arg;
    struct pollfd wait[] = {{.fd = way->from, .events = POLLIN}, {.fd = way->stop, .events = POLLIN}};
    uint8_t frame[FRAME_MAX];

    for (;;) {
        ssize_t size = read(way->from, frame, sizeof frame);
        if (size > 0) {
            /* A queue that is full drops it, as a port's does. */
            VC_UNUSED ssize_t written = write(way->to, frame, (size_t)size);
        } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
            return NULL;
        } else {
            poll(wait, VC_COUNT(wait), -1);
        }
        if (wait[1].revents)
            return NULL;
    }
}

static int destroy(struct wire_pipe *pipe)
{
    const uint64_t one = 1;
    bool told = pipe->stop >= 0 && write(pipe->stop, &one, sizeof one) == (ssize_t)sizeof one;

    for (int i = 0; i < 2; i++)
        if (told && pipe->way[i].started)
            pthread_join(pipe->way[i].thread, NULL);
    vc_close_cleanup(&pipe->stop);
    return 0;
}

struct wire_pipe *wire_pipe_new(void *ctx, const int tap[2], int priority, vc_error **err)
{
    VC_AUTO_TALLOC struct wire_pipe *pipe = talloc_zero(ctx, struct wire_pipe);
    const struct sched_param ahead = {.sched_priority = priority};

    pipe->stop = eventfd(0, EFD_CLOEXEC);
    talloc_set_destructor(pipe, destroy);
    if (pipe->stop < 0) {
        vc_fail(err, VC_EXIT_HOST, errno, "cannot make an eventfd");
        return NULL;
    }
    for (int i = 0; i < 2; i++) {
        struct way *way = &pipe->way[i];
        *way = (struct way){.from = tap[i], .to = tap[1 - i], .stop = pipe->stop};
        int status = pthread_create(&way->thread, NULL, carry, way);
        if (status) {
            vc_fail(err, VC_EXIT_HOST, status, "cannot start a thread");
            return NULL;
        }
        way->started = true;
        pthread_setschedparam(way->thread, SCHED_FIFO, &ahead);
    }
    return VC_STEAL_PTR(pipe);
}
