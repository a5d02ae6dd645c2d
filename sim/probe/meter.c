#include "probe/meter.h"

#include <string.h>

enum {
    PORT_BGP = 179,
    PORT_IKE = 500,
    PORT_NAT_T = 4500,
    PORT_BFD = 3784,
    PORT_BFD_ECHO = 3785,
    PORT_BFD_MULTIHOP = 4784,
    GRE_CHECKSUM = 0x80, /* flags of its first byte: each adds four bytes of header */
    GRE_KEY = 0x20,
    GRE_SEQUENCE = 0x10,
    GRE_IPV4 = 0x0800,
    GRE_KEEPALIVE = 0,
    TCP_SYN = 0x02,
    OPTION_END = 0,
    OPTION_NONE = 1,
    OPTION_MSS = 2,
    LAYERS = 3, /* IP, in GRE, in a keepalive's GRE */
};

struct layer {
    uint8_t protocol;
    struct in_addr to;
    const uint8_t *payload; /* of a later fragment: nothing that could be read */
    size_t length;          /* captured */
};

struct anatomy {
    struct layer outer, inner; /* the same where there is no GRE */
    bool keepalive;
};

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static bool read_ip(const uint8_t *ip, size_t length, struct layer *layer)
{
    size_t header = length >= 20 ? (size_t)(ip[0] & 15) * 4 : 0;

    if (header < 20 || ip[0] >> 4 != 4 || header > length)
        return false;
    *layer = (struct layer){.protocol = ip[9], .payload = ip + header, .length = length - header};
    memcpy(&layer->to, ip + 16, 4);
    if (get16(ip + 6) & 0x1fff)
        layer->length = 0;
    return true;
}

static size_t gre_header(const struct layer *layer)
{
    static const uint8_t flags[] = {GRE_CHECKSUM, GRE_KEY, GRE_SEQUENCE};
    size_t size = 4;

    for (size_t i = 0; i < VC_COUNT(flags); i++)
        size += layer->payload[0] & flags[i] ? 4 : 0;
    return size;
}

static bool dissect(const struct vc_tap_packet *packet, struct anatomy *out)
{
    struct layer *inner = &out->inner;

    if (!packet->ip || !read_ip(packet->ip, packet->ip_captured, inner))
        return false;
    out->outer = *inner;
    for (unsigned i = 0; i < LAYERS && inner->protocol == IPPROTO_GRE && inner->length >= 4; i++) {
        uint16_t type = get16(inner->payload + 2);
        size_t header = gre_header(inner);

        out->keepalive |= type == GRE_KEEPALIVE;
        if (type != GRE_IPV4 || header > inner->length ||
            !read_ip(inner->payload + header, inner->length - header, inner))
            break;
    }
    return true;
}

static bool has_port(const struct layer *layer, uint8_t protocol, const uint16_t *ports)
{
    if (layer->protocol != protocol || layer->length < 4)
        return false;
    for (; *ports; ports++)
        if (get16(layer->payload) == *ports || get16(layer->payload + 2) == *ports)
            return true;
    return false;
}

/* Behind a NAT, ESP and IKE share a port; IKE begins with four zero bytes there (RFC 3948). */
static bool is_esp_in_udp(const struct layer *layer)
{
    static const uint16_t port[] = {PORT_NAT_T, 0};

    return has_port(layer, IPPROTO_UDP, port) && layer->length >= 12 && memcmp(layer->payload + 8, "\0\0\0\0", 4) != 0;
}

static bool is_any(const struct anatomy *a VC_UNUSED)
{
    return true;
}

static bool is_esp(const struct anatomy *a)
{
    return a->outer.protocol == IPPROTO_ESP || is_esp_in_udp(&a->outer);
}

static bool is_nat_t(const struct anatomy *a)
{
    return is_esp_in_udp(&a->outer);
}

static bool is_ike(const struct anatomy *a)
{
    static const uint16_t ports[] = {PORT_IKE, PORT_NAT_T, 0};

    return has_port(&a->outer, IPPROTO_UDP, ports) && !is_esp_in_udp(&a->outer);
}

static bool is_gre(const struct anatomy *a)
{
    return a->outer.protocol == IPPROTO_GRE;
}

static bool is_bgp(const struct anatomy *a)
{
    static const uint16_t port[] = {PORT_BGP, 0};

    return has_port(&a->inner, IPPROTO_TCP, port);
}

static bool is_bfd(const struct anatomy *a)
{
    static const uint16_t ports[] = {PORT_BFD, PORT_BFD_ECHO, PORT_BFD_MULTIHOP, 0};

    return has_port(&a->inner, IPPROTO_UDP, ports);
}

static bool is_icmp(const struct anatomy *a)
{
    return a->inner.protocol == IPPROTO_ICMP;
}

static bool is_keepalive(const struct anatomy *a)
{
    return a->keepalive;
}

static bool is_syn(const struct anatomy *a)
{
    return a->inner.protocol == IPPROTO_TCP && a->inner.length >= 20 && a->inner.payload[13] & TCP_SYN;
}

struct vc_meter_kind {
    const char *select;
    bool (*matches)(const struct anatomy *anatomy);
};

static const struct vc_meter_kind kinds[] = {
    {"all", is_any}, {"esp", is_esp},     {"ike", is_ike},   {"gre", is_gre},
    {"bgp", is_bgp}, {"bfd", is_bfd},     {"icmp", is_icmp}, {"keepalive", is_keepalive},
    {"syn", is_syn}, {"nat-t", is_nat_t},
};

const struct vc_meter_kind *vc_meter_kind(const char *select)
{
    for (size_t i = 0; i < VC_COUNT(kinds); i++)
        if (!strcmp(kinds[i].select, select))
            return &kinds[i];
    return NULL;
}

static uint16_t mss_of(const struct layer *tcp)
{
    size_t header = (size_t)(tcp->payload[12] >> 4) * 4;
    size_t end = header < tcp->length ? header : tcp->length;

    for (size_t at = 20; at + 1 < end && tcp->payload[at] != OPTION_END;) {
        const uint8_t *option = tcp->payload + at;

        if (option[0] == OPTION_MSS && at + 4 <= end)
            return get16(option + 2);
        at += option[0] == OPTION_NONE ? 1 : option[1] >= 2 ? option[1] : end;
    }
    return 0;
}

bool vc_meter_packet(struct vc_meter *meter, const struct vc_tap_packet *packet)
{
    struct anatomy anatomy = {0};

    if (!dissect(packet, &anatomy) || !meter->kind->matches(&anatomy) ||
        (!meter->to_any && !vc_prefix_contains(meter->to, anatomy.inner.to)))
        return false;
    meter->packets++;
    uint16_t mss = is_syn(&anatomy) ? mss_of(&anatomy.inner) : 0;
    meter->mss = mss > meter->mss ? mss : meter->mss;
    return true;
}
