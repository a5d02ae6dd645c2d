/* Which data planes this host has: asked of the kernel in a throw-away network namespace, in a child, so that no module
 * or interface shows in the host's own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/xfrm.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "gre/gre.h"
#include "net/netns.h"
#include "net/rtnl.h"
#include "run/live.h"

static int probe_gre(vc_error **err)
{
    VC_AUTO_FD here = vc_netns_current(err);
    VC_AUTO_TALLOC struct vc_rtnl *rtnl = here < 0 ? NULL : vc_rtnl_open(NULL, here, err);
    struct in_addr local = {htonl(0x0a000001)}, remote = {htonl(0x0a000002)};

    if (!rtnl)
        return -1;
    vc_rtnl_gre(rtnl, "gre-probe", local, remote, 1400, 64);
    return vc_rtnl_commit(rtnl, err) ? vc_wrap(err, "ip_gre") : 0;
}

/* Asks for one ESP state; the kernel answers EPROTONOSUPPORT where esp4 is missing and cannot be loaded. */
static int probe_esp(vc_error **err)
{
    struct {
        struct nlmsghdr header;
        struct xfrm_usersa_info info;
        struct nlattr attr;
        uint8_t algo[sizeof(struct xfrm_algo_aead) + 36]; /* and its key */
    } __attribute__((packed, aligned(4))) request = {
        .header = {.nlmsg_type = XFRM_MSG_NEWSA, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL},
        .info = {.family = AF_INET,
                 .mode = XFRM_MODE_TUNNEL,
                 .replay_window = 32,
                 .id = {.proto = IPPROTO_ESP, .spi = htonl(0x1000), .daddr.a4 = htonl(0x0a000002)},
                 .saddr.a4 = htonl(0x0a000001),
                 .lft = {.soft_byte_limit = XFRM_INF,
                         .hard_byte_limit = XFRM_INF,
                         .soft_packet_limit = XFRM_INF,
                         .hard_packet_limit = XFRM_INF}},
    };
    const struct xfrm_algo_aead algo = {.alg_name = "rfc4106(gcm(aes))", .alg_key_len = 288, .alg_icv_len = 128};
    union {
        struct nlmsghdr header;
        char space[4096];
    } answer;
    VC_AUTO_FD fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);

    memcpy(request.algo, &algo, sizeof algo);
    request.attr.nla_type = XFRMA_ALG_AEAD;
    request.attr.nla_len = (uint16_t)(sizeof request - offsetof(__typeof__(request), attr));
    request.header.nlmsg_len = sizeof request;
    if (fd < 0 || send(fd, &request, sizeof request, 0) < 0 ||
        recv(fd, &answer, sizeof answer, 0) < (ssize_t)sizeof(struct nlmsghdr))
        return vc_fail(err, VC_EXIT_HOST, errno, "xfrm");
    const struct nlmsgerr *error = NLMSG_DATA(&answer.header);
    if (answer.header.nlmsg_type != NLMSG_ERROR || error->error)
        return vc_fail(err, VC_EXIT_HOST, -error->error, "esp4");
    return 0;
}

static int probe_tun(vc_error **err)
{
    struct vc_gre_config config = {
        .ifname = "gre-probe", .local = {htonl(0x7f000001)}, .remote = {htonl(0x7f000002)}, .mtu = 1376};
    struct vc_gre *gre = vc_gre_open(NULL, &config, err);

    talloc_free(gre);
    return gre ? 0 : -1;
}

static char *try_in_child(void *ctx, int (*probe)(vc_error **err), vc_error **err)
{
    int fds[2];
    char text[512];

    if (pipe2(fds, O_CLOEXEC)) {
        vc_fail(err, VC_EXIT_HOST, errno, "probing the data planes");
        return NULL;
    }
    VC_AUTO_FD mine = fds[0];
    VC_AUTO_FD theirs = fds[1];
    fflush(NULL);
    VC_AUTO_PID child = fork();
    if (!child) {
        VC_AUTO_ERROR *why = NULL;
        VC_AUTO_FD netns = vc_netns_new(&why);
        if (netns < 0 || setns(netns, CLONE_NEWNET) || probe(&why))
            dprintf(theirs, "%s", why ? why->message : strerror(errno));
        _exit(0);
    }
    close(VC_STEAL_FD(theirs));
    ssize_t n = read(mine, text, sizeof text);
    return n > 0 ? talloc_strndup(ctx, text, (size_t)n) : NULL;
}

int vc_planes_probe(void *ctx, struct vc_planes *planes, vc_error **err)
{
    VC_AUTO_ERROR *failed = NULL;

    *planes = (struct vc_planes){0};
    if (geteuid())
        return vc_fail(err, VC_EXIT_HOST, 0, "a live lab needs root: run it with sudo");
    planes->why_not_kernel = try_in_child(ctx, probe_gre, &failed);
    if (!planes->why_not_kernel)
        planes->why_not_kernel = try_in_child(ctx, probe_esp, &failed);
    planes->why_not_user = try_in_child(ctx, probe_tun, &failed);
    if (failed)
        return vc_error_move(err, &failed);
    planes->kernel = !planes->why_not_kernel;
    planes->user = !planes->why_not_user;
    return 0;
}
