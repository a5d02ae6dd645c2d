/*
 * Requests are small netlink messages, each with a sentence of what it does. A commit gives them consecutive sequence
 * numbers and sends them in one write; the kernel works them off inside that write, so all answers are queued when it
 * returns and nothing here ever waits.
 *
 * Links are addressed by name inside the message. Addresses and routes need the interface's index, which exists only
 * once the link does: such a request remembers where its index goes, and a commit that meets a name still unknown sends
 * what precedes it first. SIOCGIFINDEX works on the netlink socket itself, so the lookup happens in the socket's
 * namespace wherever the thread is.
 */
#include "net/rtnl.h"

#include <errno.h>
#include <net/if.h> /* before linux/if_tunnel.h, whose own if.h then stands back */
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "net/netns.h"
#include "net/rtnl_private.h"

enum {
    BATCH_MAX = 512, /* messages in one write; well inside the send buffer and UIO_MAXIOV */
    ANSWER_MAX = 1024,
    ANSWERS_AT_ONCE = 32,
    BUFFER_BYTES = 4 << 20,
};

struct request {
    struct nl_msg *msg;
    char *what;            /* "address 10.0.0.1/30 on wan" */
    char ifname[IFNAMSIZ]; /* whose index goes to index_at; empty: none */
    size_t index_at;       /* offset in the message */
};

struct vc_rtnl {
    struct nl_sock *sock;
    uint32_t seq; /* own numbers: libnl's count its own requests only */
    size_t count;
    struct request *requests;
};

static int forget(struct vc_rtnl *rtnl)
{
    for (size_t i = 0; i < rtnl->count; i++)
        nlmsg_free(rtnl->requests[i].msg);
    TALLOC_FREE(rtnl->requests);
    rtnl->count = 0;
    return 0;
}

static int destroy(struct vc_rtnl *rtnl)
{
    forget(rtnl);
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

int vc_rtnl_index(struct vc_rtnl *rtnl, const char *ifname)
{
    struct ifreq request = {0};

    if (strlen(ifname) >= IFNAMSIZ)
        return 0;
    strcpy(request.ifr_name, ifname);
    return ioctl(nl_socket_get_fd(rtnl->sock), SIOCGIFINDEX, &request) < 0 ? 0 : request.ifr_ifindex;
}

/* ---- building requests ---- */

static void must(int status)
{
    if (status < 0)
        abort(); /* out of memory, or a message larger than a page: neither happens with valid callers */
}

static struct request *queue(struct vc_rtnl *rtnl, int type, int flags, const void *header, size_t size,
                             const char *format, ...) VC_PRINTF(6, 7);
static struct request *queue(struct vc_rtnl *rtnl, int type, int flags, const void *header, size_t size,
                             const char *format, ...)
{
    va_list args;

    rtnl->requests = talloc_realloc(rtnl, rtnl->requests, struct request, rtnl->count + 1);
    struct request *request = &rtnl->requests[rtnl->count++];
    va_start(args, format);
    *request = (struct request){.msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_ACK | flags),
                                .what = talloc_vasprintf(rtnl->requests, format, args)};
    va_end(args);
    if (!request->msg || !request->what)
        abort();
    must(nlmsg_append(request->msg, (void *)(uintptr_t)header, size, NLMSG_ALIGNTO));
    return request;
}

static void needs_index(struct request *request, const char *ifname, size_t index_at)
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
    struct nl_msg *msg = queue(rtnl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link, "link %s - %s",
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
    struct nl_msg *msg =
        queue(rtnl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link, "GRE interface %s (ip_gre)", name)->msg;

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
    struct nl_msg *msg = queue(rtnl, RTM_SETLINK, 0, link, sizeof *link, "%s %s", what, ifname)->msg;

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

    must(nla_put_string(queue(rtnl, RTM_DELLINK, 0, &link, sizeof link, "delete link %s", ifname)->msg, IFLA_IFNAME,
                        ifname));
}

void vc_rtnl_address(struct vc_rtnl *rtnl, const char *ifname, struct vc_prefix address)
{
    struct ifaddrmsg header = {.ifa_family = AF_INET, .ifa_prefixlen = address.len};
    struct request *request = queue(rtnl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header,
                                    "address %s on %s", vc_prefix_text(address).s, ifname);

    needs_index(request, ifname, offsetof(struct ifaddrmsg, ifa_index));
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
    struct request *request = queue(rtnl, add ? RTM_NEWROUTE : RTM_DELROUTE, flags, &header, sizeof header, "%s", text);

    must(nla_put_u32(request->msg, RTA_DST, route->prefix.addr.s_addr));
    must(nla_put_u32(request->msg, RTA_TABLE, table));
    if (route->via.s_addr)
        must(nla_put_u32(request->msg, RTA_GATEWAY, route->via.s_addr));
    if (route->metric)
        must(nla_put_u32(request->msg, RTA_PRIORITY, route->metric));
    if (route->ifname) {
        must(nla_put_u32(request->msg, RTA_OIF, 0));
        /* The attribute just written is the message's last four bytes. */
        needs_index(request, route->ifname, nlmsg_hdr(request->msg)->nlmsg_len - sizeof(uint32_t) - NLMSG_HDRLEN);
    }
}

/* ---- committing ---- */

struct commit {
    struct vc_rtnl *rtnl;
    enum vc_exit status;
    int errnum;
    char *problems; /* one line each */
};

static void problem(struct commit *commit, const struct request *request, int errnum, const char *detail)
{
    if (!commit->problems)
        commit->errnum = errnum;
    if (errnum == EPERM || errnum == EOPNOTSUPP)
        commit->status = VC_EXIT_HOST;
    commit->problems = talloc_asprintf_append(
        commit->problems ? commit->problems : talloc_strdup(NULL, ""), "%s%s: %s%s%s%s", commit->problems ? "\n" : "",
        request->what, strerror(errnum), detail ? " (" : "", detail ? detail : "", detail ? ")" : "");
}

/* The kernel's own sentence, where it gave one (NLMSGERR_ATTR_MSG). */
static const char *extended(const struct nlmsghdr *answer)
{
    const struct nlmsgerr *body = nlmsg_data(answer);
    struct nlattr *attribute;
    size_t skip = sizeof *body;

    if (!(answer->nlmsg_flags & NLM_F_ACK_TLVS))
        return NULL;
    if (!(answer->nlmsg_flags & NLM_F_CAPPED))
        skip += body->msg.nlmsg_len - sizeof body->msg;
    if (skip >= (size_t)nlmsg_datalen(answer))
        return NULL;
    attribute = nla_find((struct nlattr *)(void *)((char *)nlmsg_data(answer) + skip),
                         nlmsg_datalen(answer) - (int)skip, NLMSGERR_ATTR_MSG);
    return attribute ? nla_get_string(attribute) : NULL;
}

static void judge(struct commit *commit, struct nlmsghdr *answer, struct request *first, size_t count, size_t *answered)
{
    const struct nlmsgerr *body = nlmsg_data(answer);
    uint32_t index = answer->nlmsg_seq - commit->rtnl->seq;

    if (answer->nlmsg_type != NLMSG_ERROR || index >= count)
        return;
    ++*answered;
    if (body->error)
        problem(commit, &first[index], -body->error, extended(answer));
}

/* All answers are in the socket by now: a missing one was lost, and what its request did is unknown. */
static int read_answers(struct commit *commit, struct request *first, size_t count, vc_error **err)
{
    char buffers[ANSWERS_AT_ONCE][ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct iovec parts[ANSWERS_AT_ONCE];
    struct mmsghdr messages[ANSWERS_AT_ONCE] = {0};
    size_t answered = 0;

    for (size_t i = 0; i < ANSWERS_AT_ONCE; i++) {
        parts[i] = (struct iovec){buffers[i], ANSWER_MAX};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    while (answered < count) {
        int got = recvmmsg(nl_socket_get_fd(commit->rtnl->sock), messages, ANSWERS_AT_ONCE, MSG_DONTWAIT, NULL);
        if (got < 0)
            return vc_fail(err, VC_EXIT_FAIL, errno, "netlink: %zu of %zu answers came", answered, count);
        for (int i = 0; i < got; i++) {
            int left = (int)messages[i].msg_len;
            for (struct nlmsghdr *h = (void *)buffers[i]; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
                judge(commit, h, first, count, &answered);
        }
    }
    return 0;
}

static int send_part(struct commit *commit, struct request *first, size_t count, vc_error **err)
{
    struct iovec parts[BATCH_MAX];
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct msghdr message = {.msg_name = &kernel, .msg_namelen = sizeof kernel, .msg_iov = parts, .msg_iovlen = count};

    for (size_t i = 0; i < count; i++) {
        struct nlmsghdr *header = nlmsg_hdr(first[i].msg);
        header->nlmsg_seq = commit->rtnl->seq + (uint32_t)i;
        parts[i] = (struct iovec){header, NLMSG_ALIGN(header->nlmsg_len)};
    }
    if (sendmsg(nl_socket_get_fd(commit->rtnl->sock), &message, 0) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "netlink: send %zu requests, the first is \"%s\"", count, first->what);
    int status = read_answers(commit, first, count, err);
    commit->rtnl->seq += (uint32_t)count;
    return status;
}

/* True once the request can be sent. */
static bool resolve(struct vc_rtnl *rtnl, struct request *request)
{
    int index = request->ifname[0] ? vc_rtnl_index(rtnl, request->ifname) : 0;

    if (request->ifname[0] && !index)
        return false;
    if (index)
        memcpy((char *)nlmsg_hdr(request->msg) + request->index_at, &(uint32_t){(uint32_t)index}, sizeof(uint32_t));
    return true;
}

int vc_rtnl_commit(struct vc_rtnl *rtnl, vc_error **err)
{
    struct commit commit = {.rtnl = rtnl, .status = VC_EXIT_FAIL};
    int status = 0;

    for (size_t done = 0; done < rtnl->count && !status;) {
        struct request *first = &rtnl->requests[done];
        size_t count = 0, left = rtnl->count - done;
        while (count < left && count < BATCH_MAX && resolve(rtnl, &first[count]))
            count++;
        if (!count) { /* still unknown with nothing left before it that could create it */
            problem(&commit, first, ENODEV, NULL);
            count = 1;
        } else {
            status = send_part(&commit, first, count, err);
        }
        done += count;
    }
    forget(rtnl);
    if (!status && commit.problems)
        status = vc_fail(err, commit.status, 0, "%s", commit.problems);
    if (commit.problems && err && *err)
        (*err)->errnum = commit.errnum;
    talloc_free(commit.problems);
    return status;
}
