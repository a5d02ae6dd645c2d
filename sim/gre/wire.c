/*
 * GRE on the wire: RFC 2784 without checksum, and Cisco's keepalive.
 *
 * A keepalive request carries its own answer: an IP packet from the peer back to us whose GRE header has protocol 0.
 * The peer needs to know nothing of keepalives: it decapsulates and routes, and what returns to us counts. The same
 * packet is thus DATA to a plain router; here it is told apart so that it can be answered while the tunnel interface is
 * down.
 */
#include "gre/gre.h"
#include "gre/wire.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <string.h>

/* What RFC 2784 obliges a receiver to refuse: checksum (not configured here), the reserved bits 1-5 (RFC 2890's key and
 * sequence among them), a version other than 0. */
#define GRE_REFUSED_BITS 0xfc07

static uint16_t ip_checksum(const void *header, size_t len)
{
    const uint8_t *bytes = header;
    uint32_t sum = 0;

    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static void put_ip(uint8_t *out, struct in_addr from, struct in_addr to, uint16_t ip_id, size_t total)
{
    struct iphdr ip = {
        .version = 4,
        .ihl = sizeof ip / 4,
        .tot_len = htons((uint16_t)total),
        .id = htons(ip_id),
        .ttl = VC_GRE_TTL,
        .protocol = IPPROTO_GRE,
        .saddr = from.s_addr,
        .daddr = to.s_addr,
    };

    ip.check = ip_checksum(&ip, sizeof ip);
    memcpy(out, &ip, sizeof ip);
}

static void put_gre(uint8_t *out, uint16_t protocol)
{
    struct vc_gre_header gre = {.protocol = htons(protocol)};

    memcpy(out, &gre, sizeof gre);
}

void vc_keepalive_build(uint8_t packet[VC_KEEPALIVE_LEN], struct in_addr local, struct in_addr remote, uint16_t ip_id)
{
    uint8_t *inner = packet + sizeof(struct iphdr) + sizeof(struct vc_gre_header);

    put_ip(packet, local, remote, ip_id, VC_KEEPALIVE_LEN);
    put_gre(packet + sizeof(struct iphdr), VC_GRE_PROTOCOL_IP);
    put_ip(inner, remote, local, ip_id, VC_KEEPALIVE_INNER_LEN);
    put_gre(inner + sizeof(struct iphdr), VC_GRE_PROTOCOL_KEEPALIVE);
}

/* An IPv4 header that is complete in `len` bytes, with its packet not longer than they are. Returns the header's
 * length, or 0. */
static size_t ip_header(const uint8_t *packet, size_t len, struct iphdr *ip, size_t *total)
{
    if (len < sizeof *ip)
        return 0;
    memcpy(ip, packet, sizeof *ip);
    size_t header = (size_t)ip->ihl * 4;
    *total = ntohs(ip->tot_len);
    if (ip->version != 4 || header < sizeof *ip || header > *total || *total > len)
        return 0;
    return header;
}

/* The GRE packet inside an IP packet that is whole. Returns its payload, or NULL. */
static const uint8_t *gre_payload(const uint8_t *packet, size_t header, size_t total, const struct iphdr *ip,
                                  uint16_t *protocol)
{
    struct vc_gre_header gre;

    if (ip->protocol != IPPROTO_GRE || (ntohs(ip->frag_off) & (IP_MF | IP_OFFMASK)) || total - header < sizeof gre)
        return NULL;
    memcpy(&gre, packet + header, sizeof gre);
    if (ntohs(gre.flags) & GRE_REFUSED_BITS)
        return NULL;
    *protocol = ntohs(gre.protocol);
    return packet + header + sizeof gre;
}

/*
 * A payload from us to the peer can only be our peer's keepalive: nobody else's data has our own transport as its
 * source. So it is a request or nothing; any other inner packet is data, another tunnel's keepalive among it.
 */
static enum vc_gre_class classify_inner(const uint8_t *inner, size_t len, struct in_addr local, struct in_addr remote,
                                        size_t *inner_len)
{
    struct iphdr ip;
    size_t total;
    uint16_t protocol;
    size_t header = ip_header(inner, len, &ip, &total);

    if (!header)
        return VC_GRE_IGNORE;
    *inner_len = total;
    if (ip.protocol != IPPROTO_GRE || ip.saddr != local.s_addr || ip.daddr != remote.s_addr)
        return VC_GRE_DATA;
    if (ip_checksum(inner, header) || !gre_payload(inner, header, total, &ip, &protocol) ||
        protocol != VC_GRE_PROTOCOL_KEEPALIVE)
        return VC_GRE_IGNORE;
    return VC_GRE_KEEPALIVE_REQUEST;
}

enum vc_gre_class vc_gre_classify(const uint8_t *packet, size_t len, struct in_addr local, struct in_addr remote,
                                  const uint8_t **payload, size_t *payload_len)
{
    struct iphdr ip;
    size_t total;
    uint16_t protocol = 0;
    size_t header = ip_header(packet, len, &ip, &total);

    if (!header || ip.saddr != remote.s_addr || ip.daddr != local.s_addr)
        return VC_GRE_IGNORE;
    const uint8_t *inner = gre_payload(packet, header, total, &ip, &protocol);
    if (!inner)
        return VC_GRE_IGNORE;
    if (protocol == VC_GRE_PROTOCOL_KEEPALIVE)
        return VC_GRE_KEEPALIVE_ANSWER;
    if (protocol != VC_GRE_PROTOCOL_IP)
        return VC_GRE_IGNORE;
    *payload = inner;
    return classify_inner(inner, total - header - sizeof(struct vc_gre_header), local, remote, payload_len);
}
