/*
 * SAs come one direction at a time, and an IKE daemon installs a pair within one exchange. So the newest inbound and
 * the newest outbound SA that have not been told yet are a pair.
 */
#include "net/xfrm_watch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "net/netns.h"

struct pair {
    uint32_t in, out; /* SPIs, network order */
};

struct tunnel {
    struct vc_xfrm_tunnel what;
    struct pair coming; /* not told yet; 0: that direction is not there */
    struct pair *up;    /* talloc array */
    size_t up_count;
};

struct vc_xfrm_watch {
    struct vc_events *events;
    const char *node;
    struct tunnel *tunnels;
    size_t count;
    int fd;
    sd_event_source *source;
};

static void emit(struct vc_xfrm_watch *watch, const struct tunnel *tunnel, const struct pair *pair, const char *state,
                 bool rekeyed)
{
    bool up = !strcmp(state, "up");
    json_t *event = json_pack("{s:s, s:o, s:o}", "tunnel", tunnel->what.name, "spi_in",
                              json_sprintf("%08x", ntohl(pair->in)), "spi_out", json_sprintf("%08x", ntohl(pair->out)));

    if (rekeyed)
        json_object_set_new(event, "rekeyed", json_true());
    if (up)
        json_object_set_new(event, "rekey_ns", json_integer(vc_events_now(watch->events) + tunnel->what.rekey_ns));
    json_object_set_new(event, "state", json_string(state));
    vc_event_json(watch->events, VC_LAYER_IPSEC, watch->node, "sa", -1, event);
}

static bool knows(const struct tunnel *tunnel, uint32_t spi)
{
    for (size_t i = 0; i < tunnel->up_count; i++)
        if (tunnel->up[i].in == spi || tunnel->up[i].out == spi)
            return true;
    return false;
}

static void on_installed(struct vc_xfrm_watch *watch, const void *body)
{
    const struct xfrm_usersa_info *sa = body;

    for (size_t i = 0; i < watch->count; i++) {
        struct tunnel *tunnel = &watch->tunnels[i];
        in_addr_t local = tunnel->what.local.s_addr, remote = tunnel->what.remote.s_addr;
        bool in = sa->saddr.a4 == remote && sa->id.daddr.a4 == local;
        bool out = sa->saddr.a4 == local && sa->id.daddr.a4 == remote;

        if ((!in && !out) || knows(tunnel, sa->id.spi))
            continue;
        *(in ? &tunnel->coming.in : &tunnel->coming.out) = sa->id.spi;
        if (!tunnel->coming.in || !tunnel->coming.out)
            continue;
        emit(watch, tunnel, &tunnel->coming, "up", tunnel->up_count > 0);
        tunnel->up = talloc_realloc(watch->tunnels, tunnel->up, struct pair, (unsigned)tunnel->up_count + 1);
        tunnel->up[tunnel->up_count++] = tunnel->coming;
        tunnel->coming = (struct pair){0};
    }
}

/* SPIs are chosen by who receives, so one may be in use in both directions: `to` tells which it is. */
static void gone(struct vc_xfrm_watch *watch, uint32_t spi, in_addr_t to)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct tunnel *tunnel = &watch->tunnels[i];
        size_t k = 0;

        if (to == tunnel->what.remote.s_addr && tunnel->coming.out == spi)
            tunnel->coming.out = 0;
        if (to != tunnel->what.local.s_addr)
            continue;
        if (tunnel->coming.in == spi)
            tunnel->coming.in = 0;
        while (k < tunnel->up_count && tunnel->up[k].in != spi)
            k++;
        if (k == tunnel->up_count)
            continue;
        struct pair pair = tunnel->up[k];
        tunnel->up[k] = tunnel->up[--tunnel->up_count];
        if (!tunnel->up_count)
            emit(watch, tunnel, &pair, "down", false);
    }
}

static void on_deleted(struct vc_xfrm_watch *watch, const void *body)
{
    const struct xfrm_usersa_id *id = body;

    if (id->family == AF_INET && id->proto == IPPROTO_ESP)
        gone(watch, id->spi, id->daddr.a4);
}

static void on_expired(struct vc_xfrm_watch *watch, const void *body)
{
    const struct xfrm_user_expire *expire = body;

    if (expire->hard && expire->state.family == AF_INET && expire->state.id.proto == IPPROTO_ESP)
        gone(watch, expire->state.id.spi, expire->state.id.daddr.a4);
}

static void on_new(struct vc_xfrm_watch *watch, const void *body)
{
    const struct xfrm_usersa_info *sa = body;

    if (sa->family == AF_INET && sa->id.proto == IPPROTO_ESP)
        on_installed(watch, body);
}

static const struct {
    uint16_t type;
    size_t size;
    void (*fn)(struct vc_xfrm_watch *watch, const void *body);
} messages[] = {
    {XFRM_MSG_NEWSA, sizeof(struct xfrm_usersa_info), on_new},
    {XFRM_MSG_UPDSA, sizeof(struct xfrm_usersa_info), on_new},
    {XFRM_MSG_DELSA, sizeof(struct xfrm_usersa_id), on_deleted},
    {XFRM_MSG_EXPIRE, sizeof(struct xfrm_user_expire), on_expired},
};

void vc_xfrm_watch_feed(struct vc_xfrm_watch *watch, const void *buffer, size_t size)
{
    for (size_t at = 0; at < size && size - at >= sizeof(struct nlmsghdr);) {
        const char *message = (const char *)buffer + at;
        struct nlmsghdr header;

        memcpy(&header, message, sizeof header);
        if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > size - at)
            return;
        for (size_t i = 0; i < VC_COUNT(messages); i++)
            if (messages[i].type == header.nlmsg_type && header.nlmsg_len - NLMSG_HDRLEN >= messages[i].size)
                messages[i].fn(watch, message + NLMSG_HDRLEN);
        at += NLMSG_ALIGN(header.nlmsg_len);
    }
}

static int on_readable(sd_event_source *source VC_UNUSED, int fd, uint32_t revents VC_UNUSED, void *arg)
{
    _Alignas(struct nlmsghdr) char buffer[16384];
    ssize_t n;

    while ((n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
        vc_xfrm_watch_feed(arg, buffer, (size_t)n);
    return 0;
}

static int destroy(struct vc_xfrm_watch *watch)
{
    sd_event_source_disable_unref(watch->source);
    if (watch->fd >= 0)
        close(watch->fd);
    return 0;
}

struct vc_xfrm_watch *vc_xfrm_watch_new(void *ctx, struct vc_events *events, const char *node,
                                        const struct vc_xfrm_tunnel *tunnels, size_t count)
{
    struct vc_xfrm_watch *watch = talloc_zero(ctx, struct vc_xfrm_watch);

    *watch = (struct vc_xfrm_watch){.events = events, .node = talloc_strdup(watch, node), .count = count, .fd = -1};
    watch->tunnels = talloc_zero_array(watch, struct tunnel, (unsigned)count);
    for (size_t i = 0; i < count; i++) {
        watch->tunnels[i].what = tunnels[i];
        watch->tunnels[i].what.name = talloc_strdup(watch, tunnels[i].name);
    }
    talloc_set_destructor(watch, destroy);
    return watch;
}

static int open_socket(struct vc_xfrm_watch *watch, int netns, vc_error **err)
{
    const struct sockaddr_nl groups = {.nl_family = AF_NETLINK};
    const int wanted[] = {XFRMNLGRP_SA, XFRMNLGRP_EXPIRE};
    VC_NETNS_SCOPE(scope) = vc_netns_enter(netns, err);

    if (scope.back < 0)
        return -1;
    watch->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_XFRM);
    if (watch->fd < 0 || bind(watch->fd, (const struct sockaddr *)&groups, sizeof groups))
        return vc_fail(err, VC_EXIT_HOST, errno, "xfrm in %s", watch->node);
    for (size_t i = 0; i < VC_COUNT(wanted); i++)
        if (setsockopt(watch->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &wanted[i], sizeof wanted[i]))
            return vc_fail(err, VC_EXIT_HOST, errno, "xfrm in %s: notifications", watch->node);
    return 0;
}

struct vc_xfrm_watch *vc_xfrm_watch_start(void *ctx, sd_event *loop, struct vc_events *events, const char *node,
                                          int netns, const struct vc_xfrm_tunnel *tunnels, size_t count, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_xfrm_watch *watch = vc_xfrm_watch_new(ctx, events, node, tunnels, count);

    if (open_socket(watch, netns, err))
        return NULL;
    int r = sd_event_add_io(loop, &watch->source, watch->fd, EPOLLIN, on_readable, watch);
    if (r < 0) {
        vc_fail(err, VC_EXIT_FAIL, -r, "watching xfrm in %s", node);
        return NULL;
    }
    return VC_STEAL_PTR(watch);
}

void vc_xfrm_watch_gone(struct vc_xfrm_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        if (watch->tunnels[i].up_count)
            emit(watch, &watch->tunnels[i], &watch->tunnels[i].up[watch->tunnels[i].up_count - 1], "down", false);
    talloc_free(watch);
}

json_t *vc_xfrm_watch_status(const struct vc_xfrm_watch *watch)
{
    json_t *list = json_array();

    for (size_t i = 0; i < watch->count; i++) {
        const struct tunnel *tunnel = &watch->tunnels[i];
        const char *name = tunnel->what.name;
        if (!tunnel->up_count)
            continue;
        const struct pair *pair = &tunnel->up[tunnel->up_count - 1];
        json_array_append_new(list,
                              json_pack("{s:{s:s, s:{s:{s:s, s:o, s:o}}}}", name, "state", "not told", "child-sas",
                                        name, "state", "INSTALLED", "spi-in", json_sprintf("%08x", ntohl(pair->in)),
                                        "spi-out", json_sprintf("%08x", ntohl(pair->out))));
    }
    return list;
}
