/*
 * Flows: sockets and timers around streams (stream.h) and points (path.h).
 *
 * A flow is symmetric RTP: one UDP socket at each end, on the same port, sends one direction and receives the other.
 * The sockets are not connected, so that an ICMP error is never reported on them: whatever goes wrong on the way is
 * loss, and so is every error of sending (no route, a full queue).
 *
 * One timer sends for all flows and one descriptor is waited on for all sockets, so that flows of one pace cost one
 * wake for their packets together.
 */
#include "probe/flow_private.h"

#include <errno.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "net/netns.h"

enum { TOS_EF = 46 << 2 };

static const char *const direction_names[2] = {"forward", "return"};

static int flows_destructor(struct vc_flows *flows)
{
    for (size_t i = 0; i < flows->count; i++)
        talloc_free(flows->flow[i]);
    sd_event_source_disable_unref(flows->readable);
    sd_event_source_disable_unref(flows->timer);
    if (flows->sockets >= 0)
        close(flows->sockets);
    sd_event_unref(flows->loop);
    return 0;
}

struct vc_flows *vc_flows_new(void *ctx, sd_event *loop, struct vc_events *events)
{
    struct vc_flows *flows = talloc_zero(ctx, struct vc_flows);

    flows->loop = sd_event_ref(loop);
    flows->events = events;
    flows->sockets = -1;
    if (getrandom(&flows->run, sizeof flows->run, 0) != sizeof flows->run)
        flows->run = (uint32_t)flow_clock_ns(CLOCK_MONOTONIC);
    talloc_set_destructor(flows, flows_destructor);
    return flows;
}

int vc_flows_add_point(struct vc_flows *flows, const char *name, struct vc_tap *tap, vc_error **err)
{
    return vc_points_add(flows, &flows->points, name, tap, err);
}

int vc_flows_set_tap(struct vc_flows *flows, int point, struct vc_tap *tap, vc_error **err)
{
    if (point < 0 || (size_t)point >= flows->points.count)
        return 0;
    int failed = vc_points_set_tap(flows, &flows->points, (size_t)point, tap, err);
    vc_points_lost(&flows->points); /* another tap counts its drops from zero */
    return failed;
}

bool vc_flows_observe(struct vc_flows *flows, int point, const struct vc_tap_packet *packet)
{
    struct vc_flow_tag tag;
    struct flow *flow;

    if (point < 0 || (size_t)point >= flows->points.count || !vc_flow_tag_find(packet, &tag) ||
        !(flow = flow_of(flows, &tag)))
        return false;
    vc_stream_crossed(&flow->stream[tag.direction], tag.seq, flows->points.name_of[point],
                      packet->time.tv_sec * VC_NS_PER_S + packet->time.tv_nsec - tag.sent_ns);
    return true;
}
/* Setting up */

/* Taken out of the set first: closing alone leaves the entry there while a forked child has the socket, too. */
static void close_ends(struct flow *flow)
{
    for (int i = 0; i < 2; i++) {
        if (flow->end[i].fd < 0)
            continue;
        epoll_ctl(flow->flows->sockets, EPOLL_CTL_DEL, flow->end[i].fd, NULL);
        close(flow->end[i].fd);
        flow->end[i].fd = -1;
    }
}

static int flow_destructor(struct flow *flow)
{
    close_ends(flow);
    return 0;
}

static int open_socket(struct end *end, int netns, vc_error **err)
{
    static const int on = 1, tos = TOS_EF;
    VC_NETNS_SCOPE(scope) = vc_netns_enter(netns, err);

    if (scope.back < 0)
        return -1;
    end->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (end->fd < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "UDP socket");
    if (setsockopt(end->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0 ||
        setsockopt(end->fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "UDP socket: kernel timestamps and DSCP EF");
    if (bind(end->fd, (const struct sockaddr *)&end->address, sizeof end->address) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "UDP socket on %s port %u", vc_addr_text(end->address.sin_addr).s,
                       ntohs(end->address.sin_port));
    return 0;
}

static int open_end(struct flow *flow, int which, const struct vc_flow_end *config, vc_error **err)
{
    struct end *end = &flow->end[which];
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = end};

    end->flow = flow;
    end->address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr = config->address, .sin_port = htons((uint16_t)(VC_FLOW_PORT + 2 * flow->id))};
    if (open_socket(end, config->netns, err) < 0)
        return -1;
    if (epoll_ctl(flow->flows->sockets, EPOLL_CTL_ADD, end->fd, &wanted) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "waiting for packets");
    return 0;
}

/* What all flows share, with the first of them. */
static int set_up(struct vc_flows *flows, vc_error **err)
{
    int r;

    if (flows->sockets < 0)
        flows->sockets = epoll_create1(EPOLL_CLOEXEC);
    if (flows->sockets < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "waiting for packets");
    r = flows->readable
            ? 0
            : sd_event_add_io(flows->loop, &flows->readable, flows->sockets, EPOLLIN, flow_on_readable, flows);
    if (r >= 0 && !flows->timer)
        r = sd_event_add_time(flows->loop, &flows->timer, CLOCK_MONOTONIC, UINT64_MAX, 1, flow_on_due, flows);
    return r < 0 ? vc_fail(err, VC_EXIT_HOST, -r, "event loop") : 0;
}

static struct flow *flow_named(const struct vc_flows *flows, const char *name)
{
    for (size_t i = 0; i < flows->count; i++)
        if (strcmp(flows->flow[i]->name, name) == 0)
            return flows->flow[i];
    return NULL;
}

static int check(const struct vc_flows *flows, const struct vc_flow_config *config, vc_error **err)
{
    if (flow_named(flows, config->name))
        return vc_fail(err, VC_EXIT_USAGE, 0, "flow %s: runs already", config->name);
    if (flows->count == VC_FLOW_MAX)
        return vc_fail(err, VC_EXIT_USAGE, 0, "flow %s: at most %d flows", config->name, VC_FLOW_MAX);
    if (config->interval_ms == 0)
        return vc_fail(err, VC_EXIT_USAGE, 0, "flow %s: an interval of 0 ms", config->name);
    return 0;
}

int vc_flows_add(struct vc_flows *flows, const struct vc_flow_config *config, vc_error **err)
{
    if (check(flows, config, err) < 0)
        return -1;

    struct flow *flow = talloc_zero(NULL, struct flow);

    flow->flows = flows;
    flow->name = talloc_strdup(flow, config->name);
    flow->id = (uint16_t)flows->count;
    flow->interval_ns = config->interval_ms * VC_NS_PER_MS;
    flow->due_ns = flow->first_ns = flow_clock_ns(CLOCK_MONOTONIC);
    flow->end[0].fd = flow->end[1].fd = -1;
    talloc_set_destructor(flow, flow_destructor);
    for (int i = 0; i < 2; i++) {
        flow->stream[i] = (struct vc_stream){.events = flows->events,
                                             .points = &flows->points,
                                             .flow = flow->name,
                                             .direction = direction_names[i],
                                             .interval_ns = flow->interval_ns};
        vc_stream_init(flow, &flow->stream[i]);
    }
    if (set_up(flows, err) < 0 || open_end(flow, 0, &config->from, err) < 0 ||
        open_end(flow, 1, &config->to, err) < 0) {
        talloc_free(flow);
        return vc_wrap(err, "flow %s", config->name);
    }
    flows->flow[flows->count++] = flow;
    flow_arm(flows);
    return 0;
}

void vc_flows_pace(struct vc_flows *flows, const char *name, unsigned interval_ms)
{
    struct flow *flow = flow_named(flows, name);
    int64_t now = flow_clock_ns(CLOCK_MONOTONIC), interval_ns = interval_ms * VC_NS_PER_MS, sent_ns;

    if (!flow || interval_ns == flow->interval_ns)
        return;
    sent_ns = flow->due_ns - flow->interval_ns;
    flow->interval_ns = flow->stream[0].interval_ns = flow->stream[1].interval_ns = interval_ns;
    /* A slower pace begins after the packet that is due, a quicker one at once. */
    if (sent_ns + interval_ns < flow->due_ns)
        flow->due_ns = sent_ns + interval_ns > now ? sent_ns + interval_ns : now;
    flow_arm(flows);
}

int vc_flows_reopen(struct vc_flows *flows, const struct vc_flow_config *config, vc_error **err)
{
    struct flow *flow = flow_named(flows, config->name);

    if (!flow)
        return vc_fail(err, VC_EXIT_USAGE, 0, "flow %s: never started", config->name);
    flow_receive(flow);
    close_ends(flow);
    if (open_end(flow, 0, &config->from, err) < 0 || open_end(flow, 1, &config->to, err) < 0) {
        close_ends(flow);
        return vc_wrap(err, "flow %s", config->name);
    }
    return 0;
}

void vc_flows_stop(struct vc_flows *flows)
{
    flows->stopped = true;
    if (flows->timer)
        sd_event_source_set_enabled(flows->timer, SD_EVENT_OFF);
}

void vc_flows_finish(struct vc_flows *flows)
{
    vc_flows_stop(flows);
    for (size_t i = 0; i < flows->count; i++)
        flow_receive(flows->flow[i]);
    for (size_t i = 0; i < flows->count; i++)
        for (int direction = 0; direction < 2; direction++)
            vc_stream_finish(&flows->flow[i]->stream[direction], vc_events_now(flows->events));
}

static json_t *stream_status(const struct vc_stream *stream, int64_t now)
{
    return json_pack("{s:o, s:I, s:i}", "path", vc_path_json(stream->points, &stream->path), "lost",
                     (json_int_t)vc_stream_lost(stream), "pps", (int)vc_stream_rate(stream, now));
}

json_t *vc_flows_status(const struct vc_flows *flows)
{
    json_t *status = json_object();
    int64_t now = vc_events_now(flows->events);

    for (size_t i = 0; i < flows->count; i++) {
        json_t *flow = json_object();

        for (int d = 0; d < 2; d++)
            json_object_set_new(flow, direction_names[d], stream_status(&flows->flow[i]->stream[d], now));
        json_object_set_new(status, flows->flow[i]->name, flow);
    }
    return status;
}

bool vc_flows_all_running(const struct vc_flows *flows)
{
    int64_t now = vc_events_now(flows->events);

    for (size_t i = 0; i < flows->count; i++)
        for (int d = 0; d < 2; d++) {
            const struct vc_stream *stream = &flows->flow[i]->stream[d];

            if (!stream->started || now - stream->last_ns > 2 * stream->spacing_ns)
                return false;
        }
    return true;
}
