/*
 * Two netlink sockets: one gets notifications and never asks, the other asks for dumps. Both feed the same functions,
 * which emit only what differs from what was last said; so a dump is always safe. It is taken at the start, when
 * notifications were lost, and when an interface or address went: the kernel then drops IPv4 routes without a word, and
 * it does so after the notification but before it lets go of its rtnl lock. settle() waits for that.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "net/netns.h"
#include "net/watch_private.h"

enum { QUEUE_BYTES = 4 << 20 };

struct link {
    int index;
    char name[IFNAMSIZ];
    bool up, carrier, seen;
};

struct vc_watch {
    struct vc_events *events;
    const char *node;
    vc_watch_link_fn *fn;
    void *arg;
    struct nl_sock *notes, *questions;
    sd_event_source *source;
    bool stale; /* routes may have gone unannounced */
    struct vc_fib *fib;
    size_t link_count;
    struct link *links; /* talloc */
};

/* ---- links ---- */

static struct link *find_link(struct vc_watch *watch, int index)
{
    for (size_t i = 0; i < watch->link_count; i++) {
        if (watch->links[i].index == index)
            return &watch->links[i];
    }
    return NULL;
}

static void say_link(struct vc_watch *watch, const char *name, bool up, bool carrier)
{
    vc_event(watch->events, VC_LAYER_LINK, watch->node, "state", -1, "{s:s, s:b, s:b}", "ifname", name, "up", up,
             "carrier", carrier);
    if (watch->fn)
        watch->fn(watch->arg, name, up, carrier);
}

static void set_link(struct vc_watch *watch, const struct link *now)
{
    struct link *known = find_link(watch, now->index), before = known ? *known : (struct link){0};

    if (!known) {
        watch->links = talloc_realloc(watch, watch->links, struct link, watch->link_count + 1);
        known = &watch->links[watch->link_count++];
    }
    *known = *now;
    watch->stale |= !now->up;
    if (before.index && before.up == now->up && before.carrier == now->carrier && !strcmp(before.name, now->name))
        return;
    say_link(watch, now->name, now->up, now->carrier);
}

static void remove_link(struct vc_watch *watch, struct link *link)
{
    struct link gone = *link;

    *link = watch->links[--watch->link_count];
    watch->stale = true;
    if (gone.up || gone.carrier)
        say_link(watch, gone.name, false, false);
}

static void on_link(struct vc_watch *watch, struct nlmsghdr *header)
{
    const struct ifinfomsg *body = nlmsg_data(header);
    struct link now = {.index = body->ifi_index, .up = body->ifi_flags & IFF_UP, .seen = true};
    struct nlattr *attributes[IFLA_MAX + 1];

    if (body->ifi_family != AF_UNSPEC || body->ifi_flags & IFF_LOOPBACK ||
        nlmsg_parse(header, sizeof *body, attributes, IFLA_MAX, NULL) < 0 || !attributes[IFLA_IFNAME])
        return;
    struct link *known = find_link(watch, now.index);
    if (header->nlmsg_type == RTM_DELLINK) {
        if (known)
            remove_link(watch, known);
        return;
    }
    nla_strlcpy(now.name, attributes[IFLA_IFNAME], sizeof now.name);
    now.carrier = attributes[IFLA_CARRIER] && nla_get_u8(attributes[IFLA_CARRIER]);
    set_link(watch, &now);
}

/* ---- routes ---- */

static void say_route(void *arg, struct vc_prefix prefix, const struct vc_fib_route *best)
{
    struct vc_watch *watch = arg;
    json_t *members = json_pack("{s:s, s:b}", "prefix", vc_prefix_text(prefix).s, "present", best != NULL);
    const struct link *link = best ? find_link(watch, best->ifindex) : NULL;

    if (link)
        json_object_set_new(members, "ifname", json_string(link->name));
    if (best && best->via.s_addr)
        json_object_set_new(members, "via", json_string(vc_addr_text(best->via).s));
    vc_event_json(watch->events, VC_LAYER_FIB, watch->node, "route", -1, members);
}

/* Of several nexthops the first stands for all: the lab's daemons install no multipath. */
static void first_nexthop(struct nlattr *multipath, struct vc_fib_route *route)
{
    const struct rtnexthop *hop = nla_data(multipath);
    struct nlattr *gateway;

    if (nla_len(multipath) < (int)sizeof *hop || hop->rtnh_len < sizeof *hop || hop->rtnh_len > nla_len(multipath))
        return;
    route->ifindex = hop->rtnh_ifindex;
    gateway = nla_find((struct nlattr *)(void *)((char *)nla_data(multipath) + sizeof *hop),
                       hop->rtnh_len - (int)sizeof *hop, RTA_GATEWAY);
    if (gateway && nla_len(gateway) == (int)sizeof route->via)
        memcpy(&route->via, nla_data(gateway), sizeof route->via);
}

static uint32_t u32_or(struct nlattr *attribute, uint32_t otherwise)
{
    return attribute && nla_len(attribute) >= (int)sizeof otherwise ? nla_get_u32(attribute) : otherwise;
}

static void on_route(struct vc_watch *watch, struct nlmsghdr *header)
{
    const struct rtmsg *body = nlmsg_data(header);
    struct nlattr *attributes[RTA_MAX + 1];

    if (body->rtm_family != AF_INET || body->rtm_type != RTN_UNICAST || body->rtm_flags & RTM_F_CLONED ||
        nlmsg_parse(header, sizeof *body, attributes, RTA_MAX, NULL) < 0 ||
        u32_or(attributes[RTA_TABLE], body->rtm_table) != RT_TABLE_MAIN)
        return;
    struct vc_fib_route route = {
        .prefix = {{u32_or(attributes[RTA_DST], 0)}, body->rtm_dst_len},
        .metric = u32_or(attributes[RTA_PRIORITY], 0),
        .ifindex = (int)u32_or(attributes[RTA_OIF], 0),
        .via = {u32_or(attributes[RTA_GATEWAY], 0)},
    };
    if (attributes[RTA_MULTIPATH])
        first_nexthop(attributes[RTA_MULTIPATH], &route);
    if (header->nlmsg_type == RTM_NEWROUTE)
        vc_fib_set(watch->fib, &route);
    else
        vc_fib_remove(watch->fib, &route);
}

/* ---- netlink ---- */

static void on_address_gone(struct vc_watch *watch, struct nlmsghdr *header)
{
    const struct ifaddrmsg *body = nlmsg_data(header);

    watch->stale |= body->ifa_family == AF_INET;
}

static const struct {
    uint16_t type;
    size_t size; /* of the fixed header, which is there before the function looks */
    void (*fn)(struct vc_watch *watch, struct nlmsghdr *header);
} messages[] = {
    {RTM_NEWLINK, sizeof(struct ifinfomsg), on_link},         {RTM_DELLINK, sizeof(struct ifinfomsg), on_link},
    {RTM_NEWROUTE, sizeof(struct rtmsg), on_route},           {RTM_DELROUTE, sizeof(struct rtmsg), on_route},
    {RTM_DELADDR, sizeof(struct ifaddrmsg), on_address_gone},
};

static int on_message(struct nl_msg *msg, void *arg)
{
    struct nlmsghdr *header = nlmsg_hdr(msg);

    for (size_t i = 0; i < VC_COUNT(messages); i++) {
        if (messages[i].type == header->nlmsg_type && nlmsg_datalen(header) >= (int)messages[i].size)
            messages[i].fn(arg, header);
    }
    return NL_OK;
}

static int dump(struct vc_watch *watch, int type, const void *header, size_t size, vc_error **err)
{
    int status = nl_send_simple(watch->questions, type, NLM_F_DUMP, (void *)(uintptr_t)header, size);

    if (status >= 0)
        status = nl_recvmsgs_default(watch->questions);
    return status < 0 ? vc_fail(err, VC_EXIT_FAIL, 0, "watch %s: dump: %s", watch->node, nl_geterror(status)) : 0;
}

/* Returns once whoever holds the kernel's rtnl lock has finished: this question is answered under it. */
static void settle(struct vc_watch *watch)
{
    struct ethtool_value value = {.cmd = ETHTOOL_GLINK};
    struct ifreq request = {.ifr_name = "lo", .ifr_data = (char *)&value};

    ioctl(nl_socket_get_fd(watch->questions), SIOCETHTOOL, &request);
}

static int dump_routes(struct vc_watch *watch, vc_error **err)
{
    watch->stale = false;
    settle(watch);
    vc_fib_resync_begin(watch->fib);
    int status = dump(watch, RTM_GETROUTE, &(struct rtmsg){.rtm_family = AF_INET}, sizeof(struct rtmsg), err);
    vc_fib_resync_end(watch->fib);
    return status;
}

static int dump_links(struct vc_watch *watch, vc_error **err)
{
    for (size_t i = 0; i < watch->link_count; i++)
        watch->links[i].seen = false;
    if (dump(watch, RTM_GETLINK, &(struct ifinfomsg){0}, sizeof(struct ifinfomsg), err) < 0)
        return -1;
    for (size_t i = 0; i < watch->link_count;) {
        if (watch->links[i].seen)
            i++;
        else
            remove_link(watch, &watch->links[i]);
    }
    return 0;
}

/*
 * The queue is emptied before a dump, never after: what is older than the dump must not be taken for news. A failed
 * dump leaves the old picture and is tried again with the next notification.
 */
static int on_readable(VC_UNUSED sd_event_source *source, VC_UNUSED int fd, VC_UNUSED uint32_t revents, void *arg)
{
    struct vc_watch *watch = arg;
    bool lost = false;
    int status;

    while ((status = nl_recvmsgs_default(watch->notes)) != -NLE_AGAIN)
        lost |= status < 0;
    if (lost)
        dump_links(watch, NULL);
    if (lost || watch->stale)
        watch->stale = dump_routes(watch, NULL) < 0;
    return 0;
}

static struct nl_sock *open_socket(struct vc_watch *watch)
{
    struct nl_sock *sock = nl_socket_alloc();

    if (!sock)
        abort();
    nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, watch);
    return sock;
}

static int open_sockets(struct vc_watch *watch, int netns, vc_error **err)
{
    VC_NETNS_SCOPE(scope) = vc_netns_enter(netns, err);
    int queue = QUEUE_BYTES;

    watch->questions = open_socket(watch);
    watch->notes = open_socket(watch);
    if (scope.back < 0)
        return -1;
    nl_socket_disable_seq_check(watch->notes);
    int status = nl_connect(watch->questions, NETLINK_ROUTE);
    if (status >= 0)
        status = nl_connect(watch->notes, NETLINK_ROUTE);
    if (status >= 0)
        status = nl_socket_set_nonblocking(watch->notes);
    if (status >= 0)
        status = nl_socket_add_memberships(watch->notes, RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_IFADDR,
                                           RTNLGRP_NONE);
    if (status < 0)
        return vc_fail(err, VC_EXIT_HOST, 0, "watch %s: netlink: %s", watch->node, nl_geterror(status));
    setsockopt(nl_socket_get_fd(watch->notes), SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof queue);
    return 0;
}

static int destroy(struct vc_watch *watch)
{
    sd_event_source_disable_unref(watch->source);
    nl_socket_free(watch->notes);
    nl_socket_free(watch->questions);
    return 0;
}

static int start(struct vc_watch *watch, sd_event *loop, int netns, vc_error **err)
{
    if (open_sockets(watch, netns, err) < 0 || dump_links(watch, err) < 0 || dump_routes(watch, err) < 0)
        return -1;
    int status = sd_event_add_io(loop, &watch->source, nl_socket_get_fd(watch->notes), EPOLLIN, on_readable, watch);
    if (status < 0)
        return vc_fail(err, VC_EXIT_FAIL, -status, "watch %s", watch->node);
    return vc_watch_xfrm_start(watch, loop, watch->events, watch->node, netns, err);
}

struct vc_watch *vc_watch_start(void *ctx, sd_event *loop, struct vc_events *events, const char *node, int netns,
                                vc_watch_link_fn *fn, void *arg, vc_error **err)
{
    struct vc_watch *watch = talloc_zero(ctx, struct vc_watch);

    watch->events = events;
    watch->node = talloc_strdup(watch, node);
    watch->fn = fn;
    watch->arg = arg;
    watch->fib = vc_fib_new(watch, say_route, watch);
    talloc_set_destructor(watch, destroy);
    if (start(watch, loop, netns, err) < 0) {
        talloc_free(watch);
        return NULL;
    }
    return watch;
}
