#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "ns3/wire_process.h"

enum { FDS_MAX = 4 }; /* more than are wanted, to see when there are too many */

struct incoming {
    char text[VC_WIRE_MESSAGE_MAX + 1]; /* one more, to see when it is too long */
    ssize_t size;
    int fds[FDS_MAX];
    size_t fd_count;
};

static void take_fds(struct incoming *in, struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (in->fd_count < FDS_MAX)
                in->fds[in->fd_count++] = fd;
            else
                close(fd);
        }
    }
}

static void receive(int control, struct incoming *in)
{
    union {
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
        struct cmsghdr header;
    } space;
    struct iovec part = {.iov_base = in->text, .iov_len = sizeof in->text};

    in->fd_count = 0;
    do {
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = space.bytes, .msg_controllen = sizeof space.bytes};
        in->size = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
        if (in->size > 0)
            take_fds(in, &message);
    } while (in->size < 0 && errno == EINTR);
}

static int do_add(struct carrier *carrier, const struct vc_wire_request *request, struct incoming *in, vc_error **err)
{
    if (in->fd_count != 2)
        return vc_fail(err, VC_EXIT_USAGE, 0, "found %zu descriptors; allowed: the 2 TAPs", in->fd_count);
    in->fd_count = 0;
    return carrier_add(carrier, request, in->fds, err);
}

static int do_set(struct carrier *carrier, const struct vc_wire_request *request, vc_error **err)
{
    const struct carried *carried = carrier_find(carrier, request->name, err);

    if (!carried)
        return -1;
    return request->what == VC_WIRE_SET
               ? vc_ns3_wire_set(carrier->sim, carried->wire, request->direction, &request->character[0], err)
               : vc_ns3_wire_up(carrier->sim, carried->wire, request->direction, request->up, err);
}

static int do_counters(struct carrier *carrier, const struct vc_wire_request *request, struct vc_wire_answer *answer,
                       vc_error **err)
{
    const struct carried *carried = carrier_find(carrier, request->name, err);

    for (int i = 0; carried && i < 2; i++)
        if (vc_ns3_wire_get(carrier->sim, carried->wire, i, &answer->character[i], &answer->up[i], err) < 0 ||
            vc_ns3_wire_counters(carrier->sim, carried->wire, i, &answer->counters[i], err) < 0)
            return -1;
    return carried ? 0 : -1;
}

static int do_lag(struct carrier *carrier, struct vc_wire_lag *lag, vc_error **err)
{
    if (vc_ns3_lag(carrier->sim, lag, err) < 0)
        return -1;
    lag->reader_worst_ns = atomic_exchange(&carrier->reader_worst_ns, 0);
    lag->undelivered = atomic_exchange(&carrier->undelivered, 0);
    lag->demotions = watch_demotions();
    lag->realtime = watch_realtime();
    return 0;
}

static int perform(struct carrier *carrier, const struct vc_wire_request *request, struct incoming *in,
                   struct vc_wire_answer *answer, vc_error **err)
{
    switch (request->what) {
    case VC_WIRE_ADD:
        return do_add(carrier, request, in, err);
    case VC_WIRE_SET:
    case VC_WIRE_UP:
        return do_set(carrier, request, err);
    case VC_WIRE_COUNTERS:
        return do_counters(carrier, request, answer, err);
    case VC_WIRE_LAG:
        return do_lag(carrier, &answer->lag, err);
    case VC_WIRE_QUIT:
    case VC_WIRE_DO_COUNT:
        break;
    }
    return 0;
}

static int reply(int control, enum vc_wire_do what, const struct vc_wire_answer *answer, const vc_error *error)
{
    VC_AUTO_JSON *json = vc_wire_answer_json(what, answer, error);
    VC_AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);

    if (!text)
        abort();
    return send(control, text, strlen(text), MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int control_serve(int fd, struct carrier *carrier)
{
    struct incoming in;
    struct vc_wire_request request = {.what = VC_WIRE_QUIT};

    if (reply(fd, VC_WIRE_QUIT, NULL, NULL) < 0) /* ready */
        return -1;
    for (;;) {
        struct vc_wire_answer answer = {0};
        VC_AUTO_ERROR *err = NULL;
        receive(fd, &in);
        if (in.size <= 0)
            return 0;
        int status = vc_wire_request_read(in.text, (size_t)in.size, &request, &err);
        if (status == 0)
            status = perform(carrier, &request, &in, &answer, &err);
        while (in.fd_count)
            close(in.fds[--in.fd_count]);
        if (reply(fd, request.what, &answer, status < 0 ? err : NULL) < 0)
            return -1;
        if (status == 0 && request.what == VC_WIRE_QUIT)
            return 0;
    }
}
