/* Between the life of a load (bulk.c) and its two ends (bulk_ends.c). */
#pragma once

#include <stdatomic.h>

#include "probe/bulk.h"

#define BULK_UDP_HEADERS 28
#define BULK_IP_MAX      65535
#define BULK_SPARE_S     5 /* for connecting and for what is still under way */

struct bulk_window {
    uint64_t sent, received, bytes;
    int64_t start_ns, end_ns;  /* of sending */
    int64_t first_ns, last_ns; /* arrivals */
};

/* Memory that the parent and both children share: no message has to find its way to a child that is busy. */
struct bulk_shared {
    _Atomic uint32_t mark; /* the window that packets are sent in now */
    atomic_bool stop, sender_done, receiver_done;
    int sender_errno, receiver_errno;
    struct bulk_window windows[VC_BULK_WINDOWS];
};

struct vc_bulk {
    struct vc_bulk_config config;
    struct bulk_shared *shared;
    /* Sockets, only until the children have them. TCP: one unconnected and one listening. UDP: windows take turns with
     * the two sending ones, whose ports differ, so that what is put together on the way is of one window. */
    int from[2], to;
    struct sockaddr_in destination;
    int stop[2];   /* the write end is ours: TCP's sender sees it close */
    int pidfds[2]; /* sender, receiver */
};

int64_t bulk_now(void);

/* In the child: returns when that end is done. */
void bulk_send(struct vc_bulk *bulk);
void bulk_receive(struct vc_bulk *bulk);
