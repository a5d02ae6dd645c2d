/*
 * What the engine and a zygote say to each other, over a SOCK_SEQPACKET pair whose one end is the zygote's standard
 * input. The zygote says one vc_zygote_reply (what: VC_ZYGOTE_READY) when it can fork; each vc_zygote_request, which
 * carries the node's namespaces, is answered by one reply of the new daemon itself.
 */
#pragma once

#include <stdint.h>

#define VC_ZYGOTE_PLACE "VCLAB_ZYGOTE" /* environment: the function of libfrr at which the program waits */

enum { VC_ZYGOTE_NET, VC_ZYGOTE_UTS, VC_ZYGOTE_MOUNT, VC_ZYGOTE_FDS }; /* order of the descriptors, as SCM_RIGHTS */

struct vc_zygote_request {
    int32_t rt_priority; /* SCHED_RR, 0: normal scheduling */
    char log[124];       /* path inside the node for its standard output and error */
};

enum vc_zygote_what {
    VC_ZYGOTE_READY,   /* pid: the zygote's */
    VC_ZYGOTE_STARTED, /* pid: the daemon's, in the zygote's PID namespace */
    VC_ZYGOTE_FAILED,  /* the daemon could not be made; it is gone */
};

struct vc_zygote_reply {
    int32_t what, pid, errnum;
    char step[52]; /* VC_ZYGOTE_FAILED: what could not be done */
};
