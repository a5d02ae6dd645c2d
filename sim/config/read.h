/* Reading a running-config against an order: what the parts of it share. */
#pragma once

#include "config/acl.h"
#include "config/private.h"

struct vc_cpe_reader {
    const struct vc_ios *ios;
    const struct vc_topology *topology; /* the node as ordered */
    const struct vc_cpe *ordered;       /* its tunnels in the order of cpe->tunnels */
    size_t node;
    struct vc_cpe *cpe;       /* what comes of it */
    const char *const *peers; /* "ADDRESS=NODE": which iBGP neighbours are which; NULL-terminated, or NULL */
    const struct vc_ios_section *gre[64];   /* the interface of each tunnel, NULL: none */
    const struct vc_ios_section *owner[64]; /* the one that has its IPsec: with the crypto map, or a tunnel of IPsec */
    const char *vrf[64];                    /* the VRF in which its IPsec leaves; NULL: that of its GRE */
    bool wan_written;                       /* an interface that could lead out has the order's address for IPsec */
    void *scratch;
};
enum { VC_CPE_TUNNELS_MAX = 64 };

/* An interface's own address; false: it has none. The first knows the section, the second its name. */
bool vc_cpe_address(const struct vc_ios_section *interface, struct vc_prefix *address);
bool vc_cpe_interface_address(const struct vc_cpe_reader *r, const char *name, struct vc_prefix *address);
const struct vc_ios_section *vc_cpe_interface(const struct vc_cpe_reader *r, const char *name);
/* The VRF that it is in; "": the global table. */
const char *vc_cpe_vrf(const struct vc_ios_section *interface);
/* `tunnel source`: an interface by its name, or an address; NULL: there is none. */
const char *vc_cpe_tunnel_source(const struct vc_cpe_reader *r, const struct vc_ios_section *tunnel);
/* Does it lead to the provider? It has the order's address for IPsec or, where that is given by DHCP or stands on a
 * loopback, could have it. */
bool vc_cpe_leads_out(const struct vc_cpe_reader *r, const struct vc_ios_section *s);
/* Is there a default route in the global table, a static one or one that DHCP brings? */
bool vc_cpe_has_default(const struct vc_cpe_reader *r);

/* Each fills its part of every tunnel that has an interface. */
void vc_cpe_read_gre(struct vc_cpe_reader *r);
void vc_cpe_read_ipsec(struct vc_cpe_reader *r);
void vc_cpe_read_bgp(struct vc_cpe_reader *r);
/* Looks for the interfaces that lead out; before the others. */
void vc_cpe_find_way(struct vc_cpe_reader *r);
/* Routes to Cisco, and packet filters on the way; after the others. */
void vc_cpe_read_way(struct vc_cpe_reader *r);

/* One protected tunnel's IKE: by an ikev2 profile, or IKEv1 without. `at` is the map entry or IPsec profile, `local`
 * the address from which IKE leaves (0: not in the configuration), `vrf` where, `wanted` the order's identity of
 * Cisco's end. */
void vc_cpe_read_ike(struct vc_cpe_reader *r, struct vc_cpe_tunnel *t, const struct vc_ios_section *at,
                     struct in_addr local, const char *vrf, const char *wanted);

/* BGP sessions of a configuration. */
struct vc_cpe_session {
    const char *name; /* the neighbour's address as written */
    struct in_addr address;
    uint32_t asn;
    const struct vc_ios_fact *fact; /* where it stands; NULL: it is a tunnel's, */
};
/* A neighbour's fact, or that of its peer group or templates. */
const struct vc_ios_fact *vc_cpe_session_fact(const struct vc_ios_section *bgp, const char *key, const char *neighbor);
/* Is it not shut down, and exchanges IPv4? */
bool vc_cpe_session_active(const struct vc_ios_section *bgp, const char *neighbor);
/* What its filters of one direction say of a prefix; *line: of the one that decides. */
bool vc_cpe_session_permits(struct vc_cpe_reader *r, const struct vc_ios_section *bgp, const char *neighbor, bool in,
                            struct vc_prefix prefix, int *line);
/* iBGP, and what the LAN is told. */
void vc_cpe_read_lan(struct vc_cpe_reader *r, const struct vc_ios_section *bgp, const struct vc_cpe_session *sessions,
                     size_t count);

/* One of the pairs with the most points, at least `least`, and both still free; false: there is none. `points` has
 * `columns` to a row; rows and columns that are taken have `taken`. */
bool vc_cpe_best_pair(int *points, size_t rows, size_t columns, int least, size_t *row, size_t *column);
