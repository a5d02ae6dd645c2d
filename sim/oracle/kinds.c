/* What the kinds of nodes do, as far as it matters for who reaches whom. */
#include <string.h>

#include "oracle/private.h"

const char *const daemon_names[DAEMON_COUNT] = {
    [DAEMON_CHARON] = "charon", [DAEMON_ZEBRA] = "zebra", [DAEMON_BGPD] = "bgpd",   [DAEMON_BFDD] = "bfdd",
    [DAEMON_BIRD] = "bird",     [DAEMON_OSPFD] = "ospfd", [DAEMON_PLUTO] = "pluto",
};

const char *const select_names[SELECT_COUNT] = {
    [SELECT_ALL] = "all", [SELECT_ESP] = "esp", [SELECT_IKE] = "ike",         [SELECT_GRE] = "gre",
    [SELECT_BGP] = "bgp", [SELECT_BFD] = "bfd", [SELECT_PAYLOAD] = "payload",
};

#define FRR  (BIT(DAEMON_ZEBRA) | BIT(DAEMON_BGPD) | BIT(DAEMON_BFDD))
#define MUTE .speaker = DAEMON_COUNT, .fib = DAEMON_COUNT

static const struct role roles[] = {
    {"cpe", FRR | BIT(DAEMON_CHARON), .speaker = DAEMON_BGPD, .fib = DAEMON_ZEBRA, .is_cpe = true},
    {"cpe-ospf", FRR | BIT(DAEMON_CHARON) | BIT(DAEMON_OSPFD), .ospf = BIT(DAEMON_OSPFD), .speaker = DAEMON_BGPD,
     .fib = DAEMON_ZEBRA, .is_cpe = true},
    {"cpe-bird", BIT(DAEMON_CHARON) | BIT(DAEMON_BIRD), .speaker = DAEMON_BIRD, .fib = DAEMON_BIRD, .is_cpe = true},
    {"cpe-libreswan", FRR | BIT(DAEMON_PLUTO), .speaker = DAEMON_BGPD, .fib = DAEMON_ZEBRA, .is_cpe = true},
    {"cpe-bird-libreswan", BIT(DAEMON_PLUTO) | BIT(DAEMON_BIRD), .speaker = DAEMON_BIRD, .fib = DAEMON_BIRD,
     .is_cpe = true},
    {"headend", BIT(DAEMON_CHARON), MUTE},
    {"dc-router", FRR, .speaker = DAEMON_BGPD, .fib = DAEMON_ZEBRA, .is_dc_router = true},
    {"router", BIT(DAEMON_BIRD), .speaker = DAEMON_BIRD, .fib = DAEMON_BIRD, .is_lan_router = true,
     .speaks_ebgp = true},
    {"customer-wan", BIT(DAEMON_BIRD), .speaker = DAEMON_BIRD, .fib = DAEMON_BIRD, .speaks_ebgp = true},
    {"ospf-router", BIT(DAEMON_BIRD), .ospf = BIT(DAEMON_BIRD), .speaker = DAEMON_COUNT, .fib = DAEMON_BIRD},
    {"isp", 0, MUTE, .underlay = true},
    {"nat", 0, MUTE, .underlay = true, .translates = true},
    {"host", 0, MUTE, .is_host = true},
};

enum daemon role_ike(const struct role *role)
{
    return role->daemons & BIT(DAEMON_PLUTO) ? DAEMON_PLUTO : DAEMON_CHARON;
}

const struct role *role_find(const char *kind)
{
    for (size_t i = 0; i < VC_COUNT(roles); i++)
        if (!strcmp(roles[i].kind, kind))
            return &roles[i];
    return NULL;
}
