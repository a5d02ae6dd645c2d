/*
 * The oracle's inside: what a kind of node does, what is up after a failure, and who sends what where.
 *
 * A question is answered in three layers: `layers.c` (links, IPsec, GRE, sessions: what is up), `routes.c` (who learned
 * which prefix from whom, and what stands in the kernels' tables), `walk.c` (a packet follows those tables).
 */
#pragma once

#include "oracle/oracle.h"

enum daemon {
    DAEMON_CHARON,
    DAEMON_ZEBRA,
    DAEMON_BGPD,
    DAEMON_BFDD,
    DAEMON_BIRD,
    DAEMON_OSPFD,
    DAEMON_PLUTO,
    DAEMON_COUNT
};
enum select { SELECT_ALL, SELECT_ESP, SELECT_IKE, SELECT_GRE, SELECT_BGP, SELECT_BFD, SELECT_PAYLOAD, SELECT_COUNT };
#define BIT(n) (1U << (n))

/* What a node of a kind does in this model. */
struct role {
    const char *kind;
    unsigned daemons;    /* of BIT(DAEMON_…): the most that run there */
    unsigned ospf;       /* BIT(the one that speaks OSPF); 0: none does */
    enum daemon speaker; /* keeps its BGP sessions; DAEMON_COUNT: it speaks no BGP */
    enum daemon fib;     /* writes what was learned into the kernel */
    bool is_cpe, is_dc_router, is_lan_router, is_host;
    bool speaks_ebgp; /* with neighbours on its links, too, and then passes on what it hears (R4, R5) */
    bool underlay;    /* passes IKE and ESP on their way */
    bool translates;  /* R9: IKE and ESP share UDP 4500 on the paths through it */
};
enum daemon role_ike(const struct role *role);  /* the daemon that speaks IKE there */
const struct role *role_find(const char *kind); /* NULL: none of that name */
extern const char *const daemon_names[DAEMON_COUNT];
extern const char *const select_names[SELECT_COUNT]; /* as people and faults call them */

struct element {
    struct vc_element shown;   /* first */
    size_t node, link, tunnel; /* VC_NONE: not about one */
    unsigned end;
    enum daemon daemon;
    enum select select;
};

/* Links in the order in which packets from the CPE cross them; none: there is no way. */
struct way {
    size_t *links, count;
};
struct tunnel {
    struct way underlay, core; /* CPE to headend, headend to DC router */
    bool translated;
};

/* A BGP session over a tunnel or a link. */
struct session {
    size_t tunnel, link; /* one of them is VC_NONE */
    size_t node[2];
    bool external; /* between two ASes */
};

struct vc_oracle {
    const struct vc_topology *topology;
    const struct vc_timers *timers;
    const struct role **roles; /* of each node */
    struct tunnel *tunnels;
    struct session *sessions;
    bool *passes_on;            /* of each node: a LAN router that tells what it heard, not only its own networks */
    struct vc_prefix *prefixes; /* all that BGP may carry here */
    struct element *elements;
    size_t session_count, prefix_count, element_count;
};

struct route {
    struct vc_prefix prefix;
    size_t link, tunnel; /* where it leads out; both VC_NONE: to nowhere (blackhole) */
    size_t next;         /* node; VC_NONE: whoever has the address on that link */
    bool learned, stale; /* from BGP; nobody keeps it up to date any more */
};
struct fib {
    struct route *routes; /* talloc array */
    size_t count;
};

/* A tunnel's layers, each needing the one before. `why`: the first that is down, for people; NULL: none. */
struct tunnel_state {
    unsigned dropped; /* of BIT(SELECT_…), inside the tunnel */
    bool sa, gre;
    const char *why;
};
struct link_state {
    unsigned dropped;
    bool shut[2], carrier;
};
struct session_state {
    bool up;
    const char *why;
    bool bfd_down[2]; /* as bgpd at that end knows it */
    bool no_way[2];   /* likewise: the neighbour's address is out of reach */
};

/* The settled network after some failures. */
struct net {
    const struct vc_oracle *oracle;
    bool *off;         /* nodes */
    unsigned *daemons; /* alive, of each node */
    struct link_state *links;
    struct tunnel_state *tunnels;
    struct session_state *sessions;
    struct fib *fibs;    /* of each node */
    bool *redistributed; /* of each node and prefix: OSPF is told of it there (R7) */
};

/* ---- static.c: what a topology fixes, whatever fails ---- */
int oracle_static(struct vc_oracle *oracle, vc_error **err);
size_t other_end(const struct vc_link *link, size_t node); /* VC_NONE: the node is not on it */
bool is_wan(const struct vc_oracle *oracle, size_t link);

/* ---- elements.c ---- */
void oracle_elements(struct vc_oracle *oracle);

/* ---- layers.c ---- */
/* The settled network without the elements that `failed` (one of each) marks. `before`: what was until then; NULL:
 * nothing failed yet. */
struct net *net_settled(void *ctx, const struct vc_oracle *oracle, const bool *failed, const struct net *before);
bool link_passes(const struct net *net, size_t link, enum select select);
bool tunnel_passes(const struct net *net, size_t tunnel, enum select select);
/* GRE keepalives took the interface down: the kernel forgets the routes through it. */
bool tunnel_shut(const struct net *net, size_t tunnel);
bool daemon_alive(const struct net *net, size_t node, enum daemon daemon);

/* ---- routes.c ---- */
/* Fills net->fibs; `before` has what a node without its routing daemon still has. NULL: nothing came before. */
void net_route(struct net *net, const struct net *before);
const struct route *fib_find(const struct fib *fib, struct in_addr to); /* longest prefix; NULL */

/* ---- ospf.c ---- */
/* What OSPF gives a node. The routes are a talloc array, child of ctx. */
struct fib ospf_routes(void *ctx, const struct net *net, size_t node);
/* Keeps net->redistributed; `brought`: the node has the prefix by one of its own tunnels. */
void ospf_redistribute(struct net *net, const struct net *before, size_t node, size_t prefix, bool brought);
/* Until a neighbour that went silent is given up; 0: nobody speaks OSPF. */
int64_t ospf_missed_ns(const struct vc_oracle *oracle);

/* ---- walk.c ---- */
struct walk {
    struct vc_oracle_path path;
    char *story; /* the learned routes it took and where it ended */
};
struct walk net_walk(void *ctx, const struct net *net, size_t from, size_t to);
