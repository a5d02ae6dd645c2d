#include "probe/underlay.h"

#include <netinet/in.h>

#include "base/ip.h"

enum { PORT_IKE = 500, PORT_NAT_T = 4500, PORT_BGP = 179, ICMP_TIME_EXCEEDED = 11, ICMP_HEADER = 8 };

struct ipv4 {
    uint8_t protocol;
    struct in_addr from, to;
    bool first_fragment;
    const uint8_t *payload;
    size_t captured; /* of the payload */
};

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static bool parse(const struct vc_tap_packet *packet, struct ipv4 *out)
{
    const uint8_t *ip = packet->ip;
    size_t header;

    if (!ip || packet->ip_captured < 20 || ip[0] >> 4 != 4)
        return false;
    header = (size_t)(ip[0] & 15) * 4;
    if (header < 20 || header > packet->ip_captured)
        return false;
    *out = (struct ipv4){
        .protocol = ip[9],
        .first_fragment = (get16(ip + 6) & 0x1fff) == 0,
        .payload = ip + header,
        .captured = packet->ip_captured - header,
    };
    __builtin_memcpy(&out->from, ip + 12, 4);
    __builtin_memcpy(&out->to, ip + 16, 4);
    return true;
}

static bool is_ike_port(uint16_t port)
{
    return port == PORT_IKE || port == PORT_NAT_T;
}

/* One port is enough: a NAT may change the other. A later fragment has no ports; the first one of its packet is judged.
 */
static bool is_ike(const struct ipv4 *ip)
{
    return ip->protocol == IPPROTO_UDP &&
           (!ip->first_fragment ||
            (ip->captured >= 4 && (is_ike_port(get16(ip->payload)) || is_ike_port(get16(ip->payload + 2)))));
}

static bool is_allowed(const struct ipv4 *ip)
{
    return ip->protocol == IPPROTO_ESP || ip->protocol == IPPROTO_ICMP || is_ike(ip);
}

/*
 * An eBGP speaker sends with TTL 1 (RFC 4271, 5.1.3). When its tunnel's interface goes, its last words to the peer take
 * the default route and end at the first router: that router says so, and nothing went round.
 */
static bool quotes_bgp(const struct ipv4 *icmp)
{
    const uint8_t *quoted = icmp->payload + ICMP_HEADER;
    size_t left = icmp->captured > ICMP_HEADER ? icmp->captured - ICMP_HEADER : 0;
    size_t header = left ? (size_t)(quoted[0] & 15) * 4 : 0;

    return left >= 20 && header >= 20 && left >= header + 4 && quoted[9] == IPPROTO_TCP &&
           (get16(quoted + header) == PORT_BGP || get16(quoted + header + 2) == PORT_BGP);
}

static void protocol_text(char text[16], uint8_t protocol)
{
    static const struct {
        uint8_t number;
        const char *name;
    } names[] = {
        {IPPROTO_GRE, "gre"}, {IPPROTO_TCP, "tcp"}, {IPPROTO_UDP, "udp"}, {IPPROTO_IPIP, "ipip"}, {IPPROTO_AH, "ah"}};

    for (size_t i = 0; i < VC_COUNT(names); i++)
        if (names[i].number == protocol) {
            snprintf(text, 16, "%s", names[i].name);
            return;
        }
    snprintf(text, 16, "%u", protocol);
}

/* True at most once a second; *last 0: never yet. */
static bool due(int64_t *last, int64_t now)
{
    if (*last && now - *last < VC_NS_PER_S)
        return false;
    *last = now > 0 ? now : 1;
    return true;
}

static void clear_seen(struct vc_underlay_watch *watch, const struct ipv4 *ip, int64_t t_ns)
{
    struct vc_ip_text from = vc_addr_text(ip->from), to = vc_addr_text(ip->to);
    char protocol[16], text[128];

    protocol_text(protocol, ip->protocol);
    snprintf(text, sizeof text, "%s in clear from %s to %s on %s", protocol, from.s, to.s, watch->link);
    vc_event(watch->events, VC_LAYER_LINK, NULL, "clear", t_ns, "{s:s, s:s, s:s, s:s, s:s}", "link", watch->link,
             "protocol", protocol, "from", from.s, "to", to.s, "text", text);
}

void vc_underlay_judge(struct vc_underlay_watch *watch, const struct vc_tap_packet *packet)
{
    struct ipv4 ip;

    if (!parse(packet, &ip))
        return;

    bool clear = watch->underlay && !is_allowed(&ip);
    bool exceeded = ip.protocol == IPPROTO_ICMP && ip.first_fragment && ip.captured >= 2 &&
                    ip.payload[0] == ICMP_TIME_EXCEEDED && ip.payload[1] == 0 && !quotes_bgp(&ip);

    if (!clear && !exceeded)
        return;

    int64_t t_ns = vc_events_from_realtime(watch->events, packet->time);

    if (clear && due(&watch->last_clear_ns, t_ns))
        clear_seen(watch, &ip, t_ns);
    if (exceeded && due(&watch->last_ttl_ns, t_ns))
        vc_event(watch->events, VC_LAYER_LINK, NULL, "ttl-exceeded", t_ns, "{s:s, s:s, s:s}", "link", watch->link,
                 "from", vc_addr_text(ip.from).s, "to", vc_addr_text(ip.to).s);
}
