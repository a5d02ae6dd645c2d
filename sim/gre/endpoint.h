/* The endpoint's insides, shared by its opening, its packet pump and its loop. */
#pragma once

#include "gre/gre.h"
#include "gre/keepalive.h"
#include "net/rtnl.h"

struct vc_gre_pump; /* the packet buffers of pump.c */

struct vc_gre {
    struct vc_gre_config config; /* ifname is a copy */
    struct vc_rtnl *rtnl;
    int tun; /* -1 in the kernel plane */
    int raw; /* bound to local; its filter lets only the peer's packets in; non-blocking */
    struct vc_gre_pump *pump;
    struct vc_keepalive keepalive;
    struct vc_gre_report counters; /* type, errnum and time are filled when it is sent */
    bool state_unsent;             /* the owner's socket was full when the state last changed */
    uint16_t ip_id;
};

/* The buffers, as talloc child of gre. */
struct vc_gre_pump *vc_gre_pump_new(struct vc_gre *gre);
/*
 * One batch from the interface to the peer, or from the peer to the interface. True when the batch was full, so that
 * more may be waiting. Packets that cannot be passed on are counted as dropped; *errnum is set when the interface is
 * gone.
 */
bool vc_gre_pump_out(struct vc_gre *gre, int *errnum);
bool vc_gre_pump_in(struct vc_gre *gre, bool *answered);

/* Sends a GRE packet (header and payload) to the peer; false when the kernel refused it. */
bool vc_gre_send(struct vc_gre *gre, const void *packet, size_t len);
