/* What prefix lists, route maps and access lists of a running-config say of one prefix or packet. */
#pragma once

#include "config/ios.h"

/* A list that is not defined permits everything, as on a router. */
bool vc_ios_prefix_list_permits(const struct vc_ios *ios, const char *name, struct vc_prefix prefix);

enum vc_ios_answer { VC_IOS_DENY, VC_IOS_PERMIT, VC_IOS_UNKNOWN };
/* A map that is not defined denies everything. UNKNOWN: it asks for what cannot be told here. */
enum vc_ios_answer vc_ios_route_map_permits(const struct vc_ios *ios, const char *name, struct vc_prefix prefix);

/* One entry of an access list. */
struct vc_ios_entry {
    bool permit;
    const char *protocol; /* "gre", "ip", "esp", "udp", "tcp" or as it is written */
    struct vc_prefix from, to;
    unsigned port; /* of the destination; 0: any */
    unsigned from_port;
    int line;
};
/* False: it is not understood. */
bool vc_ios_entry_read(const struct vc_ios_fact *fact, struct vc_ios_entry *entry);
/* The first entry that takes such a packet decides; none: it is denied. A list that is not defined permits. *line: of
 * that entry, or of the list. */
bool vc_ios_acl_permits(const struct vc_ios *ios, const char *name, const char *protocol, struct in_addr from,
                        struct in_addr to, unsigned port, int *line);
