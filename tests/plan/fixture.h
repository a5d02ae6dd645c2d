/* The shipped topologies, built by hand: the plan's tests need no YAML. */
#pragma once

#include "plan/plan.h"

#define KINDS VCLAB_SOURCE_DIR "/nodes"

enum { CPE1, CPE2, ISP, HEADEND1, HEADEND2, ROUTER1, ROUTER2, SRV1, SRV2, PHONE, LAN, NODES };

static const struct vc_timers fixture_timers[] = {
    {"service", 60, 180, 0, 0, 0, 0},
    {"keepalive", 60, 180, 0, 0, 10, 3},
    {"tuned", 10, 30, 0, 0, 10, 3},
    {"bfd", 10, 30, 300, 3, 10, 3},
};

static inline struct vc_prefix fixture_prefix(const char *text)
{
    struct vc_prefix prefix = {0};

    if (!vc_prefix_parse(text, &prefix))
        abort();
    return prefix;
}

static inline struct in_addr fixture_addr(const char *text)
{
    struct in_addr addr = {0};

    if (!vc_addr_parse(text, &addr))
        abort();
    return addr;
}

static inline void fixture_link(struct vc_topology *t, const char *name, size_t a, const char *address_a, size_t b,
                                const char *address_b)
{
    t->links[t->link_count++] = (struct vc_link){
        .name = name, .end = {{a, fixture_prefix(address_a), {0}}, {b, fixture_prefix(address_b), {0}}}};
}

/* Node indexes are the enum's; with one CPE, CPE2 is left out and the later ones move down by one. */
static inline struct vc_topology *fixture_topology(void *ctx, bool two_cpes)
{
    static const struct vc_node nodes[NODES] = {
        {"cpe1", "cpe", 64512, 0, {0}},
        {"cpe2", "cpe", 64512, 0, {0}},
        {"isp", "isp", 0, 0, {0}},
        {"dc1-headend", "headend", 0, 0, {0}},
        {"dc2-headend", "headend", 0, 0, {0}},
        {"dc1-router", "dc-router", 64600, 0, {0}},
        {"dc2-router", "dc-router", 64600, 0, {0}},
        {"dc1-srv", "host", 0, 0, {0}},
        {"dc2-srv", "host", 0, 0, {0}},
        {"phone", "host", 0, 0, {0}},
        {"lan", "router", 64512, 0, {0}},
    };
    struct vc_topology *t = talloc_zero(ctx, struct vc_topology);
    size_t shift = two_cpes ? 0 : 1, second = two_cpes ? CPE2 : CPE1;
    struct vc_prefix service = fixture_prefix("198.18.5.0/24");

    t->name = two_cpes ? "two-cpe" : "one-cpe";
    t->only = (struct vc_customer){"", fixture_prefix("10.10.0.0/16"), service};
    t->customers = &t->only;
    t->customer_count = 1;
    t->settings =
        (struct vc_settings){"aes256gcm16-prfsha384-ecp384", "aes256gcm16", 14400, 3600, 10, 3, 1024, 1400, 1350, 250};
    t->nodes = talloc_array(t, struct vc_node, NODES);
    for (size_t i = 0; i < NODES; i++)
        if (two_cpes || i != CPE2)
            t->nodes[t->node_count++] = nodes[i];
    t->links = talloc_array(t, struct vc_link, 13);
    fixture_link(t, "inet-cpe1", CPE1, "198.51.100.10/29", ISP - shift, "198.51.100.9/29");
    if (two_cpes)
        fixture_link(t, "inet-cpe2", CPE2, "198.51.100.18/29", ISP, "198.51.100.17/29");
    fixture_link(t, "inet-dc1", HEADEND1 - shift, "203.0.113.1/30", ISP - shift, "203.0.113.2/30");
    fixture_link(t, "inet-dc2", HEADEND2 - shift, "203.0.113.129/30", ISP - shift, "203.0.113.130/30");
    fixture_link(t, "core-dc1", HEADEND1 - shift, "172.31.1.1/30", ROUTER1 - shift, "172.31.1.2/30");
    fixture_link(t, "core-dc2", HEADEND2 - shift, "172.31.2.1/30", ROUTER2 - shift, "172.31.2.2/30");
    fixture_link(t, "svc-dc1", ROUTER1 - shift, "198.18.5.1/25", SRV1 - shift, "198.18.5.10/25");
    fixture_link(t, "svc-dc2", ROUTER2 - shift, "198.18.5.129/25", SRV2 - shift, "198.18.5.138/25");
    fixture_link(t, "wan", ROUTER1 - shift, "172.31.0.1/30", ROUTER2 - shift, "172.31.0.2/30");
    fixture_link(t, "lan1", CPE1, "10.10.0.1/30", LAN - shift, "10.10.0.2/30");
    if (two_cpes) {
        fixture_link(t, "lan2", CPE2, "10.10.0.5/30", LAN, "10.10.0.6/30");
        fixture_link(t, "peer", CPE1, "10.10.0.9/30", CPE2, "10.10.0.10/30");
    }
    fixture_link(t, "site", LAN - shift, "10.10.10.1/24", PHONE - shift, "10.10.10.10/24");
    t->dcs = talloc_array(t, struct vc_dc, 2);
    t->dcs[0] = (struct vc_dc){"dc1", service, fixture_prefix("198.18.5.0/25"), HEADEND1 - shift, ROUTER1 - shift, {0}};
    t->dcs[1] =
        (struct vc_dc){"dc2", service, fixture_prefix("198.18.5.128/25"), HEADEND2 - shift, ROUTER2 - shift, {0}};
    t->dc_count = 2;
    t->tunnels = talloc_zero_array(t, struct vc_tunnel, 2);
    t->tunnels[0] = (struct vc_tunnel){
        .name = "dc1",
        .cpe = CPE1,
        .dc = 0,
        .ipsec_cpe = fixture_addr("198.51.100.10"),
        .ipsec_cisco = fixture_addr("203.0.113.1"),
        .transport_cpe = fixture_addr("10.200.0.1"),
        .transport_cisco = fixture_addr("192.0.2.1"),
        .address_cpe = fixture_prefix("100.64.0.2/30"),
        .address_cisco = fixture_prefix("100.64.0.1/30"),
    };
    t->tunnels[1] = (struct vc_tunnel){
        .name = "dc2",
        .cpe = second,
        .dc = 1,
        .ipsec_cpe = fixture_addr(two_cpes ? "198.51.100.18" : "198.51.100.10"),
        .ipsec_cisco = fixture_addr("203.0.113.129"),
        .transport_cpe = fixture_addr("10.200.0.2"),
        .transport_cisco = fixture_addr("192.0.2.129"),
        .address_cpe = fixture_prefix("100.64.0.6/30"),
        .address_cisco = fixture_prefix("100.64.0.5/30"),
    };
    t->tunnel_count = 2;
    return t;
}
