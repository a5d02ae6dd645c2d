#include "base/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool vc_addr_parse(const char *text, struct in_addr *out)
{
    return inet_pton(AF_INET, text, out) == 1;
}

bool vc_prefix_parse(const char *text, struct vc_prefix *out)
{
    char addr[INET_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    unsigned len = 0;

    if (!slash || (size_t)(slash - text) >= sizeof addr)
        return false;
    const char *digits = slash + 1;
    size_t count = strspn(digits, "0123456789");
    if (!count || count > 2 || digits[count] || (count == 2 && digits[0] == '0'))
        return false;
    for (size_t i = 0; i < count; i++)
        len = len * 10 + (unsigned)(digits[i] - '0');
    if (len > 32)
        return false;
    memcpy(addr, text, (size_t)(slash - text));
    addr[slash - text] = '\0';
    out->len = (uint8_t)len;
    return vc_addr_parse(addr, &out->addr);
}

struct vc_ip_text vc_addr_text(struct in_addr addr)
{
    struct vc_ip_text text = {0};

    inet_ntop(AF_INET, &addr, text.s, sizeof text.s);
    return text;
}

struct vc_ip_text vc_prefix_text(struct vc_prefix prefix)
{
    struct vc_ip_text text = vc_addr_text(prefix.addr);
    size_t used = strlen(text.s);

    snprintf(text.s + used, sizeof text.s - used, "/%u", prefix.len);
    return text;
}

uint32_t vc_prefix_mask(uint8_t len)
{
    return len ? ~0U << (32 - len) : 0;
}

struct vc_prefix vc_prefix_network(struct vc_prefix prefix)
{
    prefix.addr.s_addr &= htonl(vc_prefix_mask(prefix.len));
    return prefix;
}

bool vc_prefix_is_network(struct vc_prefix prefix)
{
    return !(prefix.addr.s_addr & ~htonl(vc_prefix_mask(prefix.len)));
}

bool vc_prefix_contains(struct vc_prefix prefix, struct in_addr addr)
{
    return !((prefix.addr.s_addr ^ addr.s_addr) & htonl(vc_prefix_mask(prefix.len)));
}

bool vc_prefix_covers(struct vc_prefix outer, struct vc_prefix inner)
{
    return outer.len <= inner.len && vc_prefix_contains(outer, inner.addr);
}

bool vc_prefix_overlaps(struct vc_prefix a, struct vc_prefix b)
{
    return vc_prefix_covers(a, b) || vc_prefix_covers(b, a);
}

bool vc_prefix_equal(struct vc_prefix a, struct vc_prefix b)
{
    return a.len == b.len && a.addr.s_addr == b.addr.s_addr;
}

const char *vc_addr_not_public(struct in_addr addr)
{
    static const char *const ranges[] = {"10.0.0.0/8",  "172.16.0.0/12",  "192.168.0.0/16", "100.64.0.0/10",
                                         "127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/8",      "224.0.0.0/3"};
    struct vc_prefix range;

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (vc_prefix_parse(ranges[i], &range) && vc_prefix_contains(range, addr))
            return ranges[i];
    return NULL;
}
