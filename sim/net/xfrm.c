#include "net/xfrm.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/ip.h"
#include "base/util.h"
#include "net/netns.h"

enum { ANY_PROTOCOL = 255 /* IPSEC_PROTO_ANY */ };

struct request {
    struct nlmsghdr header;
    struct xfrm_usersa_flush flush; /* only SAs have it */
};

struct answer {
    struct nlmsghdr header;
    struct nlmsgerr error;
};

static int ask(int fd, uint16_t type, size_t size, const char *what, vc_error **err)
{
    struct request request = {
        .header = {.nlmsg_len = (uint32_t)size, .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .flush = {.proto = ANY_PROTOCOL}};
    struct answer answer;

    if (send(fd, &request, size, 0) < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "%s", what);
    ssize_t got = recv(fd, &answer, sizeof answer, 0);
    if (got < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "%s", what);
    if ((size_t)got < sizeof(struct nlmsghdr) + sizeof(int) || answer.header.nlmsg_type != NLMSG_ERROR)
        return vc_fail(err, VC_EXIT_FAIL, EPROTO, "%s", what);
    /* ESRCH: there was nothing to remove. */
    return answer.error.error && answer.error.error != -ESRCH
               ? vc_fail(err, VC_EXIT_FAIL, -answer.error.error, "%s", what)
               : 0;
}

int vc_xfrm_flush(int netns, vc_error **err)
{
    VC_NETNS_SCOPE(scope) = vc_netns_enter(netns, err);
    if (scope.back < 0)
        return -1;
    VC_AUTO_FD fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);
    if (fd < 0)
        return errno == EPROTONOSUPPORT ? 0 : vc_fail(err, VC_EXIT_FAIL, errno, "IPsec databases");
    return ask(fd, XFRM_MSG_FLUSHSA, sizeof(struct request), "removing SAs", err) ||
                   ask(fd, XFRM_MSG_FLUSHPOLICY, sizeof(struct nlmsghdr), "removing IPsec policies", err)
               ? -1
               : 0;
}

/* ---- what is there ---- */

/* When the SA last carried a packet, in seconds of the clock of the day; 0: never. */
static int64_t last_used(const struct nlmsghdr *header, size_t fixed)
{
    size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(fixed);

    while (at + sizeof(struct nlattr) <= header->nlmsg_len) {
        const struct nlattr *attribute = (const void *)((const char *)header + at);
        uint64_t value;

        if (attribute->nla_len < sizeof *attribute || at + attribute->nla_len > header->nlmsg_len)
            break;
        if (attribute->nla_type == XFRMA_LASTUSED && attribute->nla_len >= NLA_HDRLEN + sizeof value) {
            memcpy(&value, (const char *)attribute + NLA_HDRLEN, sizeof value);
            return (int64_t)value;
        }
        at += NLA_ALIGN(attribute->nla_len);
    }
    return 0;
}

static void list_one(json_t *list, const struct nlmsghdr *header, int64_t now_s)
{
    const struct xfrm_usersa_info *sa = (const void *)((const char *)header + NLMSG_HDRLEN);
    int64_t used_s = last_used(header, sizeof *sa);

    if (sa->family != AF_INET || sa->id.proto != IPPROTO_ESP)
        return;
    json_t *out =
        json_pack("{s:o, s:s, s:I}", "spi", json_sprintf("%08x", ntohl(sa->id.spi)), "to",
                  vc_addr_text((struct in_addr){sa->id.daddr.a4}).s, "packets", (json_int_t)sa->curlft.packets);
    if (used_s)
        json_object_set_new(out, "idle_s", json_integer((json_int_t)(now_s - used_s)));
    if (sa->stats.replay_window)
        json_object_set_new(out, "late", json_integer(sa->stats.replay_window));
    json_array_append_new(list, out);
}

bool vc_xfrm_list_read(json_t *list, const void *messages, size_t size, int64_t now_s)
{
    const char *buffer = messages;

    for (size_t at = 0; at + NLMSG_HDRLEN <= size;) {
        const struct nlmsghdr *header = (const void *)(buffer + at);

        if (header->nlmsg_len < NLMSG_HDRLEN || header->nlmsg_len > size - at || header->nlmsg_type == NLMSG_DONE ||
            header->nlmsg_type == NLMSG_ERROR)
            return true;
        if (header->nlmsg_type == XFRM_MSG_NEWSA && header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct xfrm_usersa_info)))
            list_one(list, header, now_s);
        at += NLMSG_ALIGN(header->nlmsg_len);
    }
    return false;
}

json_t *vc_xfrm_list(int netns, vc_error **err)
{
    const struct nlmsghdr request = {
        .nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = XFRM_MSG_GETSA, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP};
    _Alignas(struct nlmsghdr) char buffer[32768];
    VC_AUTO_JSON *list = json_array();
    VC_NETNS_SCOPE(scope) = vc_netns_enter(netns, err);

    if (scope.back < 0)
        return NULL;
    VC_AUTO_FD fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);
    if (fd < 0 || send(fd, &request, sizeof request, 0) < 0) {
        vc_fail(err, VC_EXIT_HOST, errno, "listing SAs");
        return NULL;
    }
    for (bool done = false; !done;) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0) {
            vc_fail(err, VC_EXIT_FAIL, errno, "listing SAs");
            return NULL;
        }
        done = vc_xfrm_list_read(list, buffer, (size_t)n, time(NULL));
    }
    return VC_STEAL_PTR(list);
}
