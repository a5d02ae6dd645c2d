/* The part of flows that runs: packets are sent, received and judged (see flow.h for the order). */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "probe/flow_private.h"

enum {
    MAX_LATE = VC_STREAM_RING / 16, /* packets sent in one late wake; more would be a flood, not a flow */
    ENDS_MAX = 16,                  /* read together */
};
/* A packet that is due so soon leaves with the one that is due now. */
#define TOGETHER_NS (500 * VC_NS_PER_US)

int64_t flow_clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * VC_NS_PER_S + now.tv_nsec;
}

static struct timespec timespec_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / VC_NS_PER_S, .tv_nsec = ns % VC_NS_PER_S};
}

struct flow *flow_of(const struct vc_flows *flows, const struct vc_flow_tag *tag)
{
    return tag->run == flows->run && tag->flow < flows->count ? flows->flow[tag->flow] : NULL;
}

/* Sending */

static void send_packet(struct flow *flow, unsigned direction)
{
    uint8_t packet[VC_RTP_BYTES + VC_VOICE_BYTES];
    uint64_t seq = vc_stream_sending(&flow->stream[direction], vc_events_now(flow->flows->events));
    const struct sockaddr_in *to = &flow->end[!direction].address;

    vc_rtp_write(packet,
                 &(struct vc_flow_tag){.flow = flow->id,
                                       .direction = (uint8_t)direction,
                                       .run = flow->flows->run,
                                       .seq = seq,
                                       .sent_ns = flow_clock_ns(CLOCK_REALTIME)},
                 flow->due_ns - flow->first_ns);
    while (sendto(flow->end[direction].fd, packet, sizeof packet, MSG_DONTWAIT, (const struct sockaddr *)to,
                  sizeof *to) < 0 &&
           errno == EINTR)
        ;
}

/* Receiving */

static void drain_points(struct vc_flows *flows)
{
    vc_points_drain(&flows->points);
    flows->drained_ns = vc_events_now(flows->events);
}

static void judge(struct end *end, const struct vc_rtp_arrival *a)
{
    struct flow *flow = end->flow;
    unsigned direction = end == &flow->end[1] ? 0 : 1;

    if (flow_of(flow->flows, &a->tag) == flow && a->tag.direction == direction)
        vc_stream_received(&flow->stream[direction], a->tag.seq,
                           vc_events_from_realtime(flow->flows->events, timespec_of(a->realtime_ns)),
                           a->realtime_ns - a->tag.sent_ns);
}

/* Reads these ends' packets, then all taps, then judges: see flow.h. `ends` is at most ENDS_MAX. */
static void receive(struct vc_flows *flows, struct end *const *ends, size_t count)
{
    struct vc_rtp_arrival arrivals[ENDS_MAX][VC_RTP_BATCH];
    bool more, again;

    do {
        size_t got[ENDS_MAX] = {0}, total = 0;

        again = false;
        for (size_t e = 0; e < count; e++) {
            if (ends[e]->fd < 0)
                continue;
            got[e] = vc_rtp_read(ends[e]->fd, arrivals[e], &more);
            total += got[e];
            again |= more;
        }
        if (total)
            drain_points(flows);
        for (size_t e = 0; e < count; e++)
            for (size_t i = 0; i < got[e]; i++)
                judge(ends[e], &arrivals[e][i]);
    } while (again);
}

void flow_receive(struct flow *flow)
{
    receive(flow->flows, (struct end *const[]){&flow->end[0], &flow->end[1]}, 2);
}

int flow_on_readable(VC_UNUSED sd_event_source *source, int fd, VC_UNUSED uint32_t events, void *arg)
{
    struct epoll_event ready[ENDS_MAX];
    struct end *ends[ENDS_MAX];
    int count = epoll_wait(fd, ready, ENDS_MAX, 0);

    for (int i = 0; i < count; i++)
        ends[i] = ready[i].data.ptr;
    if (count > 0)
        receive(arg, ends, (size_t)count);
    return 0;
}

static void tick(struct flow *flow)
{
    struct vc_flows *flows = flow->flows;
    int64_t now = vc_events_now(flows->events);

    /* Taps fill also while nothing arrives. */
    if (now - flows->drained_ns > flow->interval_ns)
        drain_points(flows);
    if (vc_stream_silent(&flow->stream[0], now) || vc_stream_silent(&flow->stream[1], now))
        flow_receive(flow);
    vc_stream_tick(&flow->stream[0], now);
    vc_stream_tick(&flow->stream[1], now);
}

/* Until the earliest packet is due. */
void flow_arm(struct vc_flows *flows)
{
    int64_t due_ns = INT64_MAX;

    for (size_t i = 0; i < flows->count; i++)
        if (flows->flow[i]->due_ns < due_ns)
            due_ns = flows->flow[i]->due_ns;
    if (due_ns == INT64_MAX || flows->stopped || !flows->timer)
        return;
    sd_event_source_set_time(flows->timer, (uint64_t)(due_ns + 999) / 1000);
    sd_event_source_set_enabled(flows->timer, SD_EVENT_ONESHOT);
}

/* After its first packet a flow falls into step with another of its pace. */
static int64_t next_due(const struct flow *flow)
{
    int64_t next_ns = flow->due_ns + flow->interval_ns;

    for (size_t i = 0; i < flow->flows->count && flow->due_ns == flow->first_ns; i++) {
        const struct flow *other = flow->flows->flow[i];

        if (other != flow && other->interval_ns == flow->interval_ns && other->due_ns > flow->due_ns &&
            other->due_ns < next_ns)
            return other->due_ns;
    }
    return next_ns;
}

static void send_due(struct flow *flow, int64_t now)
{
    for (int sent = 0; flow->due_ns <= now + TOGETHER_NS && sent < MAX_LATE; sent++) {
        send_packet(flow, 0);
        send_packet(flow, 1);
        flow->due_ns = next_due(flow);
    }
    if (flow->due_ns <= now)
        flow->due_ns = now + flow->interval_ns;
}

int flow_on_due(VC_UNUSED sd_event_source *source, VC_UNUSED uint64_t usec, void *arg)
{
    struct vc_flows *flows = arg;
    int64_t now = flow_clock_ns(CLOCK_MONOTONIC);

    for (size_t i = 0; i < flows->count; i++)
        if (flows->flow[i]->due_ns <= now + TOGETHER_NS) {
            send_due(flows->flow[i], now);
            tick(flows->flow[i]);
        }
    flow_arm(flows);
    return 0;
}
