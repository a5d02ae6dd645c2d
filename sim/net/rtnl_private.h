/* What the parts of rtnl.h share: building requests (rtnl.c), sending them (rtnl_commit.c) and reading (rtnl_read.c).
 */
#pragma once

#include <net/if.h>

#include "net/rtnl.h"

struct nl_msg;
struct nl_sock;

struct vc_rtnl_request {
    struct nl_msg *msg;
    char *what;            /* "address 10.0.0.1/30 on wan" */
    char ifname[IFNAMSIZ]; /* whose index goes to index_at; empty: none */
    size_t index_at;       /* offset in the message */
};

struct vc_rtnl {
    struct nl_sock *sock;
    uint32_t seq; /* own numbers: libnl's count its own requests only */
    size_t count;
    struct vc_rtnl_request *requests;
};

struct nl_sock *vc_rtnl_sock(struct vc_rtnl *rtnl);

/* Adds a request to the batch: a netlink header with `flags`, then the family's header; `format` says what it does. Its
 * attributes are the caller's to append. Valid until the next one is queued. */
struct vc_rtnl_request *vc_rtnl_queue(struct vc_rtnl *rtnl, int type, int flags, const void *header, size_t size,
                                      const char *format, ...) VC_PRINTF(6, 7);
/* The index of `ifname` goes to offset `index_at` behind the netlink header when the request is sent. */
void vc_rtnl_needs_index(struct vc_rtnl_request *request, const char *ifname, size_t index_at);

/* Drops the pending batch. */
void vc_rtnl_forget(struct vc_rtnl *rtnl);

/* The index of an interface in the socket's namespace, 0 when there is none. */
int vc_rtnl_index(struct vc_rtnl *rtnl, const char *ifname);
