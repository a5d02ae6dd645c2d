/* Access lists of a running-config, and what they say of one packet. */
#pragma once

#include "config/policy.h"

/* What a port may be; none: any. */
enum { VC_IOS_PORTS_MAX = 16 };
struct vc_ios_ports {
    struct {
        uint16_t low, high;
    } range[VC_IOS_PORTS_MAX];
    size_t count;
};

struct vc_ios_entry {
    bool permit;
    bool readable;        /* else it says more than is read here; the rest below may be missing */
    bool fragments;       /* takes later fragments only */
    const char *protocol; /* "gre", "ip", "esp", "udp", "tcp" or as it is written; NULL: cannot be told */
    struct vc_prefix from, to;
    struct vc_ios_ports from_ports, to_ports;
    unsigned seq;
    int line;
};

/* A list's entries in the order of their numbers; one without a number is ten after the last. */
struct vc_ios_acl {
    const char *name;
    struct vc_ios_entry *entries;
    size_t count;
    int line;
};
/* talloc child of ctx; NULL: there is no such list. */
const struct vc_ios_acl *vc_ios_acl(void *ctx, const struct vc_ios *ios, const char *name);

struct vc_ios_packet {
    const char *protocol;
    struct in_addr from, to;
    unsigned from_port, to_port;
};
/* UNKNOWN: the entry cannot be read, and may take it. */
enum vc_ios_answer vc_ios_entry_takes(const struct vc_ios_entry *entry, const struct vc_ios_packet *packet);
/* The first entry that takes the packet decides (*by; NULL: none does, so it is denied). UNKNOWN: *by comes first and
 * cannot be read. */
enum vc_ios_answer vc_ios_acl_asks(const struct vc_ios_acl *acl, const struct vc_ios_packet *packet,
                                   const struct vc_ios_entry **by);
