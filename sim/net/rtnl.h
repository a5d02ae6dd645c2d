/*
 * Links, addresses and routes over rtnetlink (libnl-3). Requests are collected in a batch and sent in one write; the
 * kernel's answers are matched to what each request said it does, so that an error reads "address 10.0.0.1/30 on wan:
 * File exists". EEXIST is an error: nothing is reused by accident.
 */
#pragma once

#include <net/ethernet.h>

#include "base/error.h"
#include "base/ip.h"

struct vc_rtnl; /* one socket in one namespace, with its pending batch */

struct vc_rtnl *vc_rtnl_open(void *ctx, int netns, vc_error **err); /* talloc; freeing closes it */

/* Queue a request. They return nothing: an allocation failure aborts, the kernel's refusal comes from vc_rtnl_commit.
 */
struct vc_rtnl_veth {
    const char *name[2];
    int netns[2];
    uint8_t mac[2][ETH_ALEN];
    unsigned mtu;
};
void vc_rtnl_veth(struct vc_rtnl *rtnl, const struct vc_rtnl_veth *veth);
void vc_rtnl_gre(struct vc_rtnl *rtnl, const char *name, struct in_addr local, struct in_addr remote, unsigned mtu,
                 uint8_t ttl); /* ip_gre */
void vc_rtnl_up(struct vc_rtnl *rtnl, const char *ifname, bool up);
void vc_rtnl_mtu(struct vc_rtnl *rtnl, const char *ifname, unsigned mtu);
void vc_rtnl_txqueue(struct vc_rtnl *rtnl, const char *ifname, unsigned packets);
void vc_rtnl_move(struct vc_rtnl *rtnl, const char *ifname, int to_netns);
void vc_rtnl_address(struct vc_rtnl *rtnl, const char *ifname,
                     struct vc_prefix address); /* noprefixroute never: connected route as usual */
void vc_rtnl_delete_link(struct vc_rtnl *rtnl, const char *ifname);

struct vc_rtnl_route {
    struct vc_prefix prefix;
    bool blackhole;
    struct in_addr via;
    const char *ifname; /* NULL: found from via */
    uint32_t table, metric;
    bool replace; /* NLM_F_REPLACE instead of NLM_F_EXCL */
};
void vc_rtnl_route(struct vc_rtnl *rtnl, const struct vc_rtnl_route *route, bool add);

/* Sends the batch in one write and reads every answer. On errors all are reported in one message, one line each. */
int vc_rtnl_commit(struct vc_rtnl *rtnl, vc_error **err);

/* State of an interface, read now. */
struct vc_rtnl_state {
    bool exists, up, carrier;
    uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, tx_dropped;
};
int vc_rtnl_state(struct vc_rtnl *rtnl, const char *ifname, struct vc_rtnl_state *state, vc_error **err);
/* An interface's addressing, read now. A GRE interface of the kernel's own has both of its ends. */
struct vc_rtnl_link {
    bool exists, gre;
    unsigned mtu;
    struct vc_prefix address; /* its first IPv4 address; 0.0.0.0/0: it has none */
    struct in_addr local, remote;
};
int vc_rtnl_link(struct vc_rtnl *rtnl, const char *ifname, struct vc_rtnl_link *link, vc_error **err);
/* All IPv4 routes of the main table as [{"prefix","ifname","via","protocol","blackhole"}], sorted by prefix. New
 * reference or NULL. */
json_t *vc_rtnl_routes(struct vc_rtnl *rtnl, vc_error **err);
