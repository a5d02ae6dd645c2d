/* Flows from inside: flow.c sets them up, flow_run.c sends and receives. Private to probe/. */
#pragma once

#include <netinet/in.h>

#include "probe/flow.h"
#include "probe/rtp.h"
#include "probe/stream.h"

struct flow {
    struct vc_flows *flows;
    const char *name;
    uint16_t id;
    int64_t interval_ns;
    int64_t due_ns, first_ns; /* CLOCK_MONOTONIC: of the next packet and of the first */
    struct end {
        struct flow *flow;
        int fd; /* sends stream[i], receives stream[!i] */
        struct sockaddr_in address;
    } end[2];
    struct vc_stream stream[2]; /* forward, return */
};

struct vc_flows {
    sd_event *loop;
    struct vc_events *events;
    struct vc_points points;
    struct flow *flow[VC_FLOW_MAX];
    size_t count;
    int sockets; /* epoll of all ends */
    sd_event_source *readable, *timer;
    bool stopped;
    uint32_t run; /* marks this run's packets */
    int64_t drained_ns;
};

int64_t flow_clock_ns(clockid_t clock);
/* The flow that a packet of this run belongs to, or NULL. */
struct flow *flow_of(const struct vc_flows *flows, const struct vc_flow_tag *tag);
/* Sets the timer to the earliest packet that is due. */
void flow_arm(struct vc_flows *flows);
/* What waits in the sockets of both ends. */
void flow_receive(struct flow *flow);
int flow_on_due(sd_event_source *source, uint64_t usec, void *arg);                /* the timer's */
int flow_on_readable(sd_event_source *source, int fd, uint32_t events, void *arg); /* the sockets' */
