/* IPv4 addresses and prefixes as values. vclab is IPv4 only, as the service is (R10-R12). */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* An address with its prefix length. For an interface the host bits are kept; vc_prefix_network() clears them. */
struct vc_prefix {
    struct in_addr addr; /* network byte order */
    uint8_t len;         /* 0..32 */
};

/* Room for "255.255.255.255/32" and its NUL. */
#define VC_PREFIX_TEXT 19
struct vc_ip_text {
    char s[VC_PREFIX_TEXT];
};

bool vc_addr_parse(const char *text, struct in_addr *out);     /* strict dotted quad */
bool vc_prefix_parse(const char *text, struct vc_prefix *out); /* "a.b.c.d/len"; a missing "/len" is refused */
struct vc_ip_text vc_addr_text(struct in_addr addr);
struct vc_ip_text vc_prefix_text(struct vc_prefix prefix);

struct vc_prefix vc_prefix_network(struct vc_prefix prefix); /* host bits cleared */
bool vc_prefix_is_network(struct vc_prefix prefix);          /* no host bit set */
bool vc_prefix_contains(struct vc_prefix prefix, struct in_addr addr);
bool vc_prefix_covers(struct vc_prefix outer, struct vc_prefix inner);
bool vc_prefix_overlaps(struct vc_prefix a, struct vc_prefix b);
bool vc_prefix_equal(struct vc_prefix a, struct vc_prefix b);
uint32_t vc_prefix_mask(uint8_t len); /* host byte order */

/* The range (such as "10.0.0.0/8") that makes an address no public one; NULL: it is public. The documentation ranges of
 * RFC 5737 and the benchmarks' of RFC 2544 count as public: they are the lab's Internet and service. */
const char *vc_addr_not_public(struct in_addr addr);
