/*
 * What Cisco allocates, as numbers: the n-th of a pool is always the same address, so the ledger keeps numbers only.
 * The pools are the lab's; docs/activation.md has them as a table.
 */
#pragma once

#include "activation/form.h"

enum vc_pool {
    VC_POOL_SERVICE,   /* a /24, half of it for each DC (R12) */
    VC_POOL_TUNNEL,    /* a /29 of 100.64.0.0/10, out of which both tunnels get a /30 or /31 (R11) */
    VC_POOL_TRANSPORT, /* Cisco's end of GRE in each DC (R10) */
    VC_POOL_ASN,       /* 64512 to 65534 (R13), once for each customer */
    VC_POOLS,
};

/* Cisco's own AS, at the other end of every session: no customer has it. */
enum { VC_ASN_FIRST = 64512, VC_ASN_LAST = 65534, VC_ASN_CISCO = 64600 };

const char *vc_pool_name(enum vc_pool pool);
/* So many there are; the first number is 0. */
unsigned vc_pool_size(enum vc_pool pool);
/* A number that is never given away. */
bool vc_pool_reserves(enum vc_pool pool, unsigned number);
/* The number of an ASN; the caller has checked its range. */
unsigned vc_pool_number_of_asn(unsigned asn);

/* What of Cisco's the prefix overlaps: "100.64.0.0/10" of VC_POOL_TUNNEL, say. NULL: nothing of that pool. */
const char *vc_pool_overlapped(enum vc_pool pool, struct vc_prefix prefix);
/* The addresses of the headends, for all customers. */
#define VC_HEADENDS "203.0.113.0/24"

/* The address so many behind `base`. */
struct in_addr vc_addr_behind(struct in_addr base, uint32_t step);

/* A tunnel as Cisco allocated it. */
struct vc_allocated_tunnel {
    const char *name;                            /* "dc1", "dc2" */
    const struct vc_form_cpe *cpe;               /* borrowed from the form */
    struct in_addr headend;                      /* the IPsec destination: a device that orders share */
    struct in_addr transport;                    /* Cisco's */
    struct vc_prefix half;                       /* of the service */
    struct vc_prefix address_cpe, address_cisco; /* with the mask */
    const char *psk, *bgp_password;
};

struct vc_allocation {
    unsigned number[VC_POOLS];
    struct vc_prefix service;
    unsigned asn;
    struct vc_allocated_tunnel tunnels[VC_FORM_DCS];
};

/* Fills everything but the secrets from the numbers and the form, which the allocation borrows. */
void vc_allocation_derive(struct vc_allocation *allocation, const struct vc_form *form);
