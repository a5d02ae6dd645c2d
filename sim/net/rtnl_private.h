/* What the two halves of rtnl.h share: writing (rtnl.c) and reading (rtnl_read.c). */
#pragma once

#include "net/rtnl.h"

struct nl_sock;
struct nl_sock *vc_rtnl_sock(struct vc_rtnl *rtnl);

/* The index of an interface in the socket's namespace, 0 when there is none. */
int vc_rtnl_index(struct vc_rtnl *rtnl, const char *ifname);
