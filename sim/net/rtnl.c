/*
 * Requests are small netlink messages, each with a sentence of what it does; rtnl_commit.c sends them. Links are
 * addressed by name inside the message. Addresses and routes need the interface's index, which exists only once the
 * link does: such a request remembers where its index goes.
 */
#include "net/rtnl.h"

#include <stdarg.h>
#include <net/if.h> /* before linux/if_tunnel.h, whose own if.h then stands back */
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/socket.h>

#include "net/netns.h"
#include "net/rtnl_private.h"

enum { BUFFER_BYTES = 4 << 20 };

void vc_rtnl_forget(struct vc_rtnl *rtnl)
{
    for (size_t i = 0; i < rtnl->count; i++)
        nlmsg_free(rtnl->requests[i].msg);
    TALLOC_FREE(rtnl->requests);
    rtnl->count = 0;
}

static int destroy(struct vc_rtnl *rtnl)
{
    vc_rtnl_forget(rtnl);
    nl_socket_free(rtnl->sock);
    return 0;
}

struct nl_sock *vc_rtnl_sock(struct vc_rtnl *rtnl)
{
    return rtnl->sock;
}

struct vc_rtnl *vc_rtnl_open(void *ctx, int netns, vc_error **err)
{
    VC_NETNS_SCOPE(scope) = vc_netns_enter(netns, err);
    int one = 1, buffer = BUFFER_BYTES;

    if (scope.back < 0)
        return NULL;
    struct vc_rtnl *rtnl = talloc_zero(ctx, struct vc_rtnl);
    rtnl->seq = 1;
    rtnl->sock = nl_socket_alloc();
    if (!rtnl->sock)
        abort();
    talloc_set_destructor(rtnl, destroy);
    int status = nl_connect(rtnl->sock, NETLINK_ROUTE);
    if (status < 0) {
        vc_fail(err, VC_EXIT_HOST, 0, "open a netlink socket: %s", nl_geterror(status));
        talloc_free(rtnl);
        return NULL;
    }
    int fd = nl_socket_get_fd(rtnl->sock);
    /* Room for every answer of a batch; the plain option is clamped, the forced one needs CAP_NET_ADMIN. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer) < 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one);
    return rtnl;
}

static void must(int status)
{
    if (status < 0)
        abort(); /* out of memory, or a message larger than a page: neither happens with valid callers */
}

struct vc_rtnl_request *vc_rtnl_queue(struct vc_rtnl *rtnl, int type, int flags, const void *header, size_t size,
                                      const char *format, ...)
{
    va_list args;

    rtnl->requests = talloc_realloc(rtnl, rtnl->requests, struct vc_rtnl_request, rtnl->count + 1);
    struct vc_rtnl_request *request = &rtnl->requests[rtnl->count++];
    va_start(args, format);
    *request = (struct vc_rtnl_request){.msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_ACK | flags),
                                        .what = talloc_vasprintf(rtnl->requests, format, args)};
    va_end(args);
    if (!request->msg || !request->what)
        abort();
    must(nlmsg_append(request->msg, (void *)(uintptr_t)header, size, NLMSG_ALIGNTO));
    return request;
}

void vc_rtnl_needs_index(struct vc_rtnl_request *request, const char *ifname, size_t index_at)
{
    snprintf(request->ifname, sizeof request->ifname, "%s", ifname);
    request->index_at = NLMSG_HDRLEN + index_at;
}

static struct nlattr *nest(struct nl_msg *msg, int type)
{
    struct nlattr *start = nla_nest_start(msg, type);

    if (!start)
        abort();
    return start;
}

static void put_veth_end(struct nl_msg *msg, const struct vc_rtnl_veth *veth, int end)
{
    must(nla_put_string(msg, IFLA_IFNAME, veth->name[end]));
    must(nla_put(msg, IFLA_ADDRESS, ETH_ALEN, veth->mac[end]));
    if (veth->mtu)
        must(nla_put_u32(msg, IFLA_MTU, veth->mtu));
    if (veth->netns[end] >= 0)
        must(nla_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)veth->netns[end]));
}

void vc_rtnl_veth(struct vc_rtnl *rtnl, const struct vc_rtnl_veth *veth)
{
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
    struct nl_msg *msg = vc_rtnl_queue(rtnl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link, "link %s - %s",
                                       veth->name[0], veth->name[1])
                             ->msg;

    put_veth_end(msg, veth, 0);
    struct nlattr *info = nest(msg, IFLA_LINKINFO);
    must(nla_put_string(msg, IFLA_INFO_KIND, "veth"));
    struct nlattr *data = nest(msg, IFLA_INFO_DATA);
    struct nlattr *peer = nest(msg, VETH_INFO_PEER);
    must(nlmsg_append(msg, &link, sizeof link, NLMSG_ALIGNTO));
    put_veth_end(msg, veth, 1);
    nla_nest_end(msg, peer);
    nla_nest_end(msg, data);
    nla_nest_end(msg, info);
}

void vc_rtnl_gre(struct vc_rtnl *rtnl, const char *name, struct in_addr local, struct in_addr remote, unsigned mtu,
                 uint8_t ttl)
{
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
    struct nl_msg *msg = vc_rtnl_queue(rtnl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link,
                                       "GRE interface %s (ip_gre)", name)
                             ->msg;

    must(nla_put_string(msg, IFLA_IFNAME, name));
    if (mtu)
        must(nla_put_u32(msg, IFLA_MTU, mtu));
    struct nlattr *info = nest(msg, IFLA_LINKINFO);
    must(nla_put_string(msg, IFLA_INFO_KIND, "gre"));
    struct nlattr *data = nest(msg, IFLA_INFO_DATA);
    must(nla_put_u32(msg, IFLA_GRE_LOCAL, local.s_addr));
    must(nla_put_u32(msg, IFLA_GRE_REMOTE, remote.s_addr));
    must(nla_put_u8(msg, IFLA_GRE_TTL, ttl));
    must(nla_put_u8(msg, IFLA_GRE_PMTUDISC, 1)); /* the kernel refuses a fixed TTL without it */
    nla_nest_end(msg, data);
    nla_nest_end(msg, info);
}

static struct nl_msg *set_link(struct vc_rtnl *rtnl, const char *ifname, const char *what, const struct ifinfomsg *link)
{
    struct nl_msg *msg = vc_rtnl_queue(rtnl, RTM_SETLINK, 0, link, sizeof *link, "%s %s", what, ifname)->msg;

    must(nla_put_string(msg, IFLA_IFNAME, ifname));
    return msg;
}

void vc_rtnl_up(struct vc_rtnl *rtnl, const char *ifname, bool up)
{
    set_link(rtnl, ifname, up ? "bring up" : "shut",
             &(struct ifinfomsg){.ifi_family = AF_UNSPEC, .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP});
}

void vc_rtnl_mtu(struct vc_rtnl *rtnl, const char *ifname, unsigned mtu)
{
    must(nla_put_u32(set_link(rtnl, ifname, "MTU of", &(struct ifinfomsg){0}), IFLA_MTU, mtu));
}

void vc_rtnl_txqueue(struct vc_rtnl *rtnl, const char *ifname, unsigned packets)
{
    must(nla_put_u32(set_link(rtnl, ifname, "transmit queue of", &(struct ifinfomsg){0}), IFLA_TXQLEN, packets));
}

void vc_rtnl_move(struct vc_rtnl *rtnl, const char *ifname, int to_netns)
{
    must(nla_put_u32(set_link(rtnl, ifname, "move", &(struct ifinfomsg){0}), IFLA_NET_NS_FD, (uint32_t)to_netns));
}

void vc_rtnl_delete_link(struct vc_rtnl *rtnl, const char *ifname)
{
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};

    must(nla_put_string(vc_rtnl_queue(rtnl, RTM_DELLINK, 0, &link, sizeof link, "delete link %s", ifname)->msg,
                        IFLA_IFNAME, ifname));
}

void vc_rtnl_address(struct vc_rtnl *rtnl, const char *ifname, struct vc_prefix address)
{
    struct ifaddrmsg header = {.ifa_family = AF_INET, .ifa_prefixlen = address.len};
    struct vc_rtnl_request *request =
        vc_rtnl_queue(rtnl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header, "address %s on %s",
                      vc_prefix_text(address).s, ifname);

    vc_rtnl_needs_index(request, ifname, offsetof(struct ifaddrmsg, ifa_index));
    must(nla_put_u32(request->msg, IFA_LOCAL, address.addr.s_addr));
    must(nla_put_u32(request->msg, IFA_ADDRESS, address.addr.s_addr));
}

static char *route_text(void *ctx, const struct vc_rtnl_route *route, bool add)
{
    char *text = talloc_asprintf(ctx, "%s route %s", add ? "add" : "delete", vc_prefix_text(route->prefix).s);

    if (route->blackhole)
        text = talloc_asprintf_append(text, " blackhole");
    if (route->via.s_addr)
        text = talloc_asprintf_append(text, " via %s", vc_addr_text(route->via).s);
    if (route->ifname)
        text = talloc_asprintf_append(text, " on %s", route->ifname);
    return route->table ? talloc_asprintf_append(text, " in table %u", route->table) : text;
}

void vc_rtnl_route(struct vc_rtnl *rtnl, const struct vc_rtnl_route *route, bool add)
{
    int flags = !add ? 0 : NLM_F_CREATE | (route->replace ? NLM_F_REPLACE : NLM_F_EXCL);
    uint32_t table = route->table ? route->table : RT_TABLE_MAIN;
    struct rtmsg header = {
        .rtm_family = AF_INET,
        .rtm_dst_len = route->prefix.len,
        .rtm_table = (unsigned char)(table < 256 ? table : RT_TABLE_COMPAT),
        .rtm_protocol = add ? RTPROT_STATIC : RTPROT_UNSPEC,
        .rtm_type = route->blackhole ? RTN_BLACKHOLE : (add ? RTN_UNICAST : RTN_UNSPEC),
        .rtm_scope = !add                                    ? RT_SCOPE_NOWHERE
                     : route->via.s_addr || route->blackhole ? RT_SCOPE_UNIVERSE
                                                             : RT_SCOPE_LINK,
    };
    VC_AUTO_TALLOC char *text = route_text(NULL, route, add);
    struct vc_rtnl_request *request =
        vc_rtnl_queue(rtnl, add ? RTM_NEWROUTE : RTM_DELROUTE, flags, &header, sizeof header, "%s", text);

    must(nla_put_u32(request->msg, RTA_DST, route->prefix.addr.s_addr));
    must(nla_put_u32(request->msg, RTA_TABLE, table));
    if (route->via.s_addr)
        must(nla_put_u32(request->msg, RTA_GATEWAY, route->via.s_addr));
    if (route->metric)
        must(nla_put_u32(request->msg, RTA_PRIORITY, route->metric));
    if (route->ifname) {
        must(nla_put_u32(request->msg, RTA_OIF, 0));
        /* The attribute just written is the message's last four bytes. */
        vc_rtnl_needs_index(request, route->ifname,
                            nlmsg_hdr(request->msg)->nlmsg_len - sizeof(uint32_t) - NLMSG_HDRLEN);
    }
}
