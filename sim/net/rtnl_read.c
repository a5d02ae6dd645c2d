#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/cache.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/ipgre.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/ioctl.h>

#include "net/rtnl_private.h"

int vc_rtnl_state(struct vc_rtnl *rtnl, const char *ifname, struct vc_rtnl_state *state, vc_error **err)
{
    struct rtnl_link *link = NULL;
    int status = rtnl_link_get_kernel(vc_rtnl_sock(rtnl), 0, ifname, &link);

    *state = (struct vc_rtnl_state){0};
    if (status == -NLE_NODEV || status == -NLE_OBJ_NOTFOUND)
        return 0;
    if (status < 0)
        return vc_fail(err, VC_EXIT_FAIL, 0, "read the state of interface %s: %s", ifname, nl_geterror(status));
    *state = (struct vc_rtnl_state){
        .exists = true,
        .up = rtnl_link_get_flags(link) & IFF_UP,
        .carrier = rtnl_link_get_carrier(link),
        .rx_packets = rtnl_link_get_stat(link, RTNL_LINK_RX_PACKETS),
        .tx_packets = rtnl_link_get_stat(link, RTNL_LINK_TX_PACKETS),
        .rx_bytes = rtnl_link_get_stat(link, RTNL_LINK_RX_BYTES),
        .tx_bytes = rtnl_link_get_stat(link, RTNL_LINK_TX_BYTES),
        .tx_dropped = rtnl_link_get_stat(link, RTNL_LINK_TX_DROPPED),
    };
    rtnl_link_put(link);
    return 0;
}

/* Names of our own: libnl reads its table from a file that need not be there. */
static const char *const protocols[256] = {
    [RTPROT_UNSPEC] = "unspec", [RTPROT_REDIRECT] = "redirect", [RTPROT_KERNEL] = "kernel", [RTPROT_BOOT] = "boot",
    [RTPROT_STATIC] = "static", [RTPROT_ZEBRA] = "zebra",       [RTPROT_BIRD] = "bird",     [RTPROT_BGP] = "bgp",
    [RTPROT_ISIS] = "isis",     [RTPROT_OSPF] = "ospf",         [RTPROT_RIP] = "rip",       [RTPROT_EIGRP] = "eigrp",
    [196] = "zebra-static", /* FRR's RTPROT_ZSTATIC */
};

static json_t *protocol_name(uint8_t protocol)
{
    return protocols[protocol] ? json_string(protocols[protocol]) : json_sprintf("%u", protocol);
}

static struct in_addr binary_address(const struct nl_addr *addr)
{
    struct in_addr out = {0};

    if (addr && nl_addr_get_len(addr) == sizeof out)
        memcpy(&out, nl_addr_get_binary_addr(addr), sizeof out);
    return out;
}

/* The kernel lists an interface's addresses in the order in which they were given. */
static int first_address(struct vc_rtnl *rtnl, int ifindex, struct vc_prefix *first)
{
    struct nl_cache *cache = NULL;
    int status = rtnl_addr_alloc_cache(vc_rtnl_sock(rtnl), &cache);

    if (status < 0)
        return status;
    for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
        struct rtnl_addr *address = (struct rtnl_addr *)o;
        if (rtnl_addr_get_ifindex(address) != ifindex || rtnl_addr_get_family(address) != AF_INET)
            continue;
        *first =
            (struct vc_prefix){binary_address(rtnl_addr_get_local(address)), (uint8_t)rtnl_addr_get_prefixlen(address)};
        break;
    }
    nl_cache_free(cache);
    return 0;
}

int vc_rtnl_link(struct vc_rtnl *rtnl, const char *ifname, struct vc_rtnl_link *link, vc_error **err)
{
    struct rtnl_link *found = NULL;
    int status = rtnl_link_get_kernel(vc_rtnl_sock(rtnl), 0, ifname, &found);

    *link = (struct vc_rtnl_link){0};
    if (status == -NLE_NODEV || status == -NLE_OBJ_NOTFOUND)
        return 0;
    if (status == 0) {
        *link =
            (struct vc_rtnl_link){.exists = true, .mtu = rtnl_link_get_mtu(found), .gre = rtnl_link_is_ipgre(found)};
        if (link->gre) {
            link->local.s_addr = rtnl_link_ipgre_get_local(found);
            link->remote.s_addr = rtnl_link_ipgre_get_remote(found);
        }
        status = first_address(rtnl, rtnl_link_get_ifindex(found), &link->address);
        rtnl_link_put(found);
    }
    return status < 0 ? vc_fail(err, VC_EXIT_FAIL, 0, "read interface %s: %s", ifname, nl_geterror(status)) : 0;
}

static json_t *route_json(struct vc_rtnl *rtnl, struct rtnl_route *route)
{
    struct nl_addr *dst = rtnl_route_get_dst(route);
    struct vc_prefix prefix = {binary_address(dst), (uint8_t)nl_addr_get_prefixlen(dst)};
    bool blackhole = rtnl_route_get_type(route) == RTN_BLACKHOLE;
    struct rtnl_nexthop *hop = rtnl_route_get_nnexthops(route) ? rtnl_route_nexthop_n(route, 0) : NULL;
    json_t *out = json_pack("{s:s, s:o, s:b, s:I}", "prefix", vc_prefix_text(prefix).s, "protocol",
                            protocol_name(rtnl_route_get_protocol(route)), "blackhole", blackhole, "metric",
                            (json_int_t)rtnl_route_get_priority(route));

    if (!hop || blackhole)
        return out;
    struct ifreq request = {.ifr_ifindex = rtnl_route_nh_get_ifindex(hop)};
    if (ioctl(nl_socket_get_fd(vc_rtnl_sock(rtnl)), SIOCGIFNAME, &request) == 0)
        json_object_set_new(out, "ifname", json_string(request.ifr_name));
    struct in_addr via = binary_address(rtnl_route_nh_get_gateway(hop));
    if (via.s_addr)
        json_object_set_new(out, "via", json_string(vc_addr_text(via).s));
    return out;
}

struct sorted {
    struct vc_prefix prefix;
    uint32_t metric;
    json_t *json;
};

static int order(const void *left, const void *right)
{
    const struct sorted *a = left, *b = right;
    uint32_t x = ntohl(a->prefix.addr.s_addr), y = ntohl(b->prefix.addr.s_addr);

    if (x != y)
        return x < y ? -1 : 1;
    if (a->prefix.len != b->prefix.len)
        return a->prefix.len - b->prefix.len;
    return a->metric < b->metric ? -1 : a->metric > b->metric;
}

static bool wanted(struct rtnl_route *route)
{
    uint8_t type = rtnl_route_get_type(route);

    return rtnl_route_get_table(route) == RT_TABLE_MAIN && (type == RTN_UNICAST || type == RTN_BLACKHOLE);
}

json_t *vc_rtnl_routes(struct vc_rtnl *rtnl, vc_error **err)
{
    struct nl_cache *cache = NULL;
    size_t count = 0;
    int status = rtnl_route_alloc_cache(vc_rtnl_sock(rtnl), AF_INET, 0, &cache);

    if (status < 0) {
        vc_fail(err, VC_EXIT_FAIL, 0, "read the routes: %s", nl_geterror(status));
        return NULL;
    }
    VC_AUTO_TALLOC struct sorted *routes = talloc_array(NULL, struct sorted, (size_t)nl_cache_nitems(cache) + 1);
    for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
        struct rtnl_route *route = (struct rtnl_route *)o;
        if (!wanted(route))
            continue;
        routes[count++] = (struct sorted){
            .prefix = {binary_address(rtnl_route_get_dst(route)),
                       (uint8_t)nl_addr_get_prefixlen(rtnl_route_get_dst(route))},
            .metric = rtnl_route_get_priority(route),
            .json = route_json(rtnl, route),
        };
    }
    nl_cache_free(cache);
    qsort(routes, count, sizeof *routes, order);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, routes[i].json);
    return list;
}
