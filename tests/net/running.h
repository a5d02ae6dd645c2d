/* A link that carries. */
#pragma once

#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netlink/route/link.h>
#include <poll.h>
#include <sys/socket.h>

#include "live.h"
#include "net/netns.h"

/*
 * A link that was just set up has a queueing discipline that drops everything until a worker of the kernel has replaced
 * it, which on a busy host takes its time; an ARP request that is lost so is repeated after a second. Only the worker
 * makes the operational state "up".
 */
static inline void await_running(int netns, const char *name)
{
    VC_AUTO_ERROR *err = NULL;
    VC_NETNS_SCOPE(scope) = vc_netns_enter(netns, &err);
    struct nl_sock *changes = nl_socket_alloc(), *ask = nl_socket_alloc();
    struct rtnl_link *link;
    char buffer[8192];

    cr_assert(scope.back >= 0 && !nl_connect(changes, NETLINK_ROUTE) && !nl_connect(ask, NETLINK_ROUTE) &&
              !nl_socket_add_membership(changes, RTNLGRP_LINK));
    for (bool up = false; !up;) {
        cr_assert(!rtnl_link_get_kernel(ask, 0, name, &link));
        up = rtnl_link_get_operstate(link) == IF_OPER_UP;
        rtnl_link_put(link);
        struct pollfd change = {.fd = nl_socket_get_fd(changes), .events = POLLIN};
        cr_assert(up || (poll(&change, 1, 10000) == 1 && recv(change.fd, buffer, sizeof buffer, 0) > 0));
    }
    nl_socket_free(changes);
    nl_socket_free(ask);
}
