/*
 * Opening an endpoint: the TUN and the raw socket.
 *
 * The raw socket is bound, not connected: connect(2) fails while the peer has no route, and the route to it may well
 * come later (libipsec installs it) or be a blackhole that guards against clear text. A classic BPF filter does what
 * connect would: only the peer's packets are queued. In the kernel plane it passes keepalives alone, because ip_gre has
 * the data already. IP_HDRINCL is off and the protocol is GRE, not RAW: only so does the kernel look up the IPsec
 * policy of the packet.
 */
#include "gre/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "gre/wire.h"
#include "net/netns.h"

#define SOCKET_BUFFER (8 << 20) /* 0.2 s at 250 Mbit/s: what a busy host may keep us waiting */

static int endpoint_free(struct vc_gre *gre)
{
    if (gre->tun >= 0)
        close(gre->tun);
    if (gre->raw >= 0)
        close(gre->raw);
    return 0;
}

static int tun_open(const char *ifname, vc_error **err)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL};

    if (strlen(ifname) >= IFNAMSIZ)
        return vc_fail(err, VC_EXIT_USAGE, 0, "interface name %s is longer than %d characters", ifname, IFNAMSIZ - 1);
    VC_AUTO_FD fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot open /dev/net/tun (module tun loaded? run as root?)");
    memcpy(request.ifr_name, ifname, strlen(ifname) + 1);
    if (ioctl(fd, TUNSETIFF, &request) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot create the TUN interface %s", ifname);
    return VC_STEAL_FD(fd);
}

/* Only packets of the peer; and of these, where ip_gre carries the data, only keepalives: protocol 0, or IP from us
 * inside and GRE in it. */
static int attach_filter(int raw, const struct vc_gre_config *config)
{
    const uint32_t local = ntohl(config->local.s_addr), remote = ntohl(config->remote.s_addr);
    const uint32_t gre = sizeof(struct vc_gre_header);
    struct sock_filter peer[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct iphdr, saddr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, remote, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_filter keepalives[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct iphdr, saddr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, remote, 0, 9),
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), /* X: length of the outer IP header */
        BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0),  /* GRE flags and protocol */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VC_GRE_PROTOCOL_KEEPALIVE, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VC_GRE_PROTOCOL_IP, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_IND, gre + offsetof(struct iphdr, saddr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, local, 0, 3),
        BPF_STMT(BPF_LD | BPF_B | BPF_IND, gre + offsetof(struct iphdr, protocol)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_GRE, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {.len = VC_COUNT(peer), .filter = peer};

    if (config->kernel)
        program = (struct sock_fprog){.len = VC_COUNT(keepalives), .filter = keepalives};
    return setsockopt(raw, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

static int raw_open(const struct vc_gre_config *config, vc_error **err)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr = config->local};
    const struct {
        int level, name, value;
        const char *what;
    } options[] = {
        {SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT, "IP_MTU_DISCOVER"}, /* the outer packet may be fragmented: no DF */
        {SOL_IP, IP_TTL, VC_GRE_TTL, "IP_TTL"},
        {SOL_IP, IP_FREEBIND, 1, "IP_FREEBIND"}, /* the transport address may come later */
        {SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER, "SO_SNDBUFFORCE"},
        {SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER, "SO_RCVBUFFORCE"},
    };

    VC_AUTO_FD fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_GRE);
    if (fd < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot open a raw GRE socket (run as root)");
    if (attach_filter(fd, config) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot filter the raw GRE socket");
    for (size_t i = 0; i < VC_COUNT(options); i++)
        if (setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value) < 0)
            return vc_fail(err, VC_EXIT_HOST, errno, "cannot set %s on the raw GRE socket", options[i].what);
    if (bind(fd, (struct sockaddr *)&local, sizeof local) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot bind the raw GRE socket to %s", vc_addr_text(config->local).s);
    return VC_STEAL_FD(fd);
}

static int tun_make(struct vc_gre *gre, vc_error **err)
{
    gre->tun = tun_open(gre->config.ifname, err);
    if (gre->tun < 0)
        return -1;
    gre->pump = vc_gre_pump_new(gre);
    vc_rtnl_mtu(gre->rtnl, gre->config.ifname, gre->config.mtu);
    return vc_rtnl_commit(gre->rtnl, err);
}

static int endpoint_open(struct vc_gre *gre, vc_error **err)
{
    VC_AUTO_FD netns = vc_netns_current(err);

    if (netns < 0)
        return -1;
    gre->rtnl = vc_rtnl_open(gre, netns, err);
    gre->raw = gre->rtnl ? raw_open(&gre->config, err) : -1;
    if (gre->raw < 0)
        return -1;
    if (!gre->config.kernel)
        return tun_make(gre, err);
    gre->pump = vc_gre_pump_new(gre);
    return 0;
}

struct vc_gre *vc_gre_open(void *ctx, const struct vc_gre_config *config, vc_error **err)
{
    struct vc_gre *gre = talloc(ctx, struct vc_gre);

    if (!gre)
        abort();
    *gre = (struct vc_gre){.config = *config, .tun = -1, .raw = -1};
    talloc_set_destructor(gre, endpoint_free);
    gre->config.ifname = talloc_strdup(gre, config->ifname);
    if (endpoint_open(gre, err) == 0)
        return gre;
    vc_wrap(err, "GRE endpoint %s", config->ifname);
    talloc_free(gre);
    return NULL;
}
