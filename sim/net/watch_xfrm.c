#include <linux/xfrm.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/epoll.h>

#include "net/netns.h"
#include "net/watch_private.h"

struct xfrm_watch {
    struct vc_events *events;
    const char *node;
    struct nl_sock *sock;
    sd_event_source *source;
};

static void say(struct xfrm_watch *watch, const char *state, const struct xfrm_usersa_id *id)
{
    char spi[9];

    if (id->family != AF_INET || id->proto != IPPROTO_ESP)
        return;
    snprintf(spi, sizeof spi, "%08x", ntohl(id->spi));
    vc_event(watch->events, VC_LAYER_IPSEC, watch->node, "kernel-sa", -1, "{s:s, s:s, s:s}", "state", state, "spi", spi,
             "to", vc_addr_text((struct in_addr){id->daddr.a4}).s);
}

static void on_installed(struct xfrm_watch *watch, const void *body)
{
    const struct xfrm_usersa_info *sa = body;

    say(watch, "up",
        &(struct xfrm_usersa_id){
            .daddr = sa->id.daddr, .spi = sa->id.spi, .family = sa->family, .proto = sa->id.proto});
}

static void on_deleted(struct xfrm_watch *watch, const void *body)
{
    say(watch, "down", body);
}

static void on_expired(struct xfrm_watch *watch, const void *body)
{
    const struct xfrm_user_expire *expire = body;

    if (expire->hard)
        say(watch, "down",
            &(struct xfrm_usersa_id){.daddr = expire->state.id.daddr,
                                     .spi = expire->state.id.spi,
                                     .family = expire->state.family,
                                     .proto = expire->state.id.proto});
}

static const struct {
    uint16_t type;
    size_t size;
    void (*fn)(struct xfrm_watch *watch, const void *body);
} messages[] = {
    {XFRM_MSG_NEWSA, sizeof(struct xfrm_usersa_info), on_installed},
    {XFRM_MSG_UPDSA, sizeof(struct xfrm_usersa_info), on_installed},
    {XFRM_MSG_DELSA, sizeof(struct xfrm_usersa_id), on_deleted},
    {XFRM_MSG_EXPIRE, sizeof(struct xfrm_user_expire), on_expired},
};

static int on_message(struct nl_msg *msg, void *arg)
{
    const struct nlmsghdr *header = nlmsg_hdr(msg);

    for (size_t i = 0; i < VC_COUNT(messages); i++) {
        if (messages[i].type == header->nlmsg_type && nlmsg_datalen(header) >= (int)messages[i].size)
            messages[i].fn(arg, nlmsg_data(header));
    }
    return NL_OK;
}

static int on_readable(VC_UNUSED sd_event_source *source, VC_UNUSED int fd, VC_UNUSED uint32_t revents, void *arg)
{
    struct xfrm_watch *watch = arg;

    while (nl_recvmsgs_default(watch->sock) >= 0)
        ;
    return 0;
}

static int destroy(struct xfrm_watch *watch)
{
    sd_event_source_disable_unref(watch->source);
    nl_socket_free(watch->sock);
    return 0;
}

int vc_watch_xfrm_start(void *ctx, sd_event *loop, struct vc_events *events, const char *node, int netns,
                        vc_error **err)
{
    VC_NETNS_SCOPE(scope) = vc_netns_enter(netns, err);
    struct xfrm_watch *watch = talloc_zero(ctx, struct xfrm_watch);

    watch->events = events;
    watch->node = talloc_strdup(watch, node);
    watch->sock = nl_socket_alloc();
    if (!watch->sock)
        abort();
    talloc_set_destructor(watch, destroy);
    if (scope.back < 0)
        return -1;
    nl_socket_disable_seq_check(watch->sock);
    nl_socket_modify_cb(watch->sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, watch);
    if (nl_connect(watch->sock, NETLINK_XFRM) < 0) {
        talloc_free(watch); /* this kernel has no xfrm: there are no such SAs to see */
        return 0;
    }
    int status = nl_socket_set_nonblocking(watch->sock);
    if (status >= 0)
        status = nl_socket_add_memberships(watch->sock, XFRMNLGRP_SA, XFRMNLGRP_EXPIRE, 0);
    if (status < 0)
        return vc_fail(err, VC_EXIT_HOST, 0, "watch %s: xfrm: %s", node, nl_geterror(status));
    status = sd_event_add_io(loop, &watch->source, nl_socket_get_fd(watch->sock), EPOLLIN, on_readable, watch);
    return status < 0 ? vc_fail(err, VC_EXIT_FAIL, -status, "watch %s: xfrm", node) : 0;
}
