/*
 * vclab-wire: carries the frames of a live lab's wires through ns-3 in real time. Four threads:
 *   main     ns-3's; what leaves a wire it writes to the TAP there
 *   reader   takes frames from the TAPs and gives them to ns-3
 *   control  answers what wire_message.h describes
 *   watch    looks whether main still makes progress
 * All have real-time priority, control too: main and reader wait for locks that it holds. The process knows nothing of
 * labs: descriptors and names in, frames through.
 */
#pragma once

#include <stdatomic.h>

#include "ns3/ns3c.h"
#include "ns3/wire_message.h"

struct carried {
    char name[VC_WIRE_NAME_MAX + 1];
    int wire; /* ns3c's number */
    struct port {
        struct carried *carried;
        int end, tap;
    } port[2];
};

struct carrier {
    struct vc_ns3 *sim;
    int epoll;
    int quit;  /* an eventfd that ends the reader */
    int clock; /* a timer by which the reader sees how late it is */
    struct carried *carried[VC_NS3_WIRES_MAX];
    size_t count; /* the control thread's */
    atomic_uint_least64_t undelivered;
    atomic_int_least64_t reader_worst_ns;
};

int carrier_open(struct carrier *carrier, vc_error **err);
void carrier_close(struct carrier *carrier); /* after its threads have ended */
/* From the control thread; takes the descriptors over, also when it fails. */
int carrier_add(struct carrier *carrier, const struct vc_wire_request *request, int tap[2], vc_error **err);
struct carried *carrier_find(struct carrier *carrier, const char *name, vc_error **err);
void *carrier_read(void *carrier); /* the reader thread */

/*
 * The watchdog. A thread with real-time priority that never waits would take its core from everything else: after
 * `RLIMIT_RTTIME` the kernel sends SIGXCPU, and after a second without a heartbeat the watching thread notices; both
 * make all threads normal ones. After ten seconds without a heartbeat the process ends: wires that hang are worse than
 * wires that are gone. (A wall clock that is set back does that, as ns-3's real time is the wall clock.)
 */
int watch_start(int priority, atomic_uint_least64_t *beats, vc_error **err);
void watch_thread(int priority); /* each thread that shall have that priority says so */
uint64_t watch_demotions(void);
bool watch_realtime(void); /* main has real-time priority now */

int control_serve(int fd, struct carrier *carrier); /* until quit or the socket's end */
