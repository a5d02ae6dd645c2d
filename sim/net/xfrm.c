#include "net/xfrm.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <sys/socket.h>

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
