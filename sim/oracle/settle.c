/*
 * How long it takes until nothing changes any more. Only what is slow is told apart: a failure that someone sees at
 * once (a port without carrier, a closed TCP connection) is over within the margin, a silent one takes the timer of
 * whoever misses something: BFD, BGP's hold timer, IKE's dead peer detection, and after that the one above it.
 */
#include "oracle/private.h"

enum { MARGIN_S = 5 };

static int64_t seconds(unsigned s)
{
    return s * VC_NS_PER_S;
}

static int64_t hold(const struct vc_oracle *oracle)
{
    return seconds(oracle->timers->bgp_hold_s);
}

/* Until BGP knows that a tunnel carries nothing. Without BFD the hold timer is the longest to wait for. */
static int64_t tunnel_missed(const struct vc_oracle *oracle)
{
    const struct vc_timers *timers = oracle->timers;

    return timers->bfd_interval_ms ? timers->bfd_interval_ms * (int64_t)timers->bfd_multiplier * VC_NS_PER_MS
                                   : hold(oracle);
}

/* IKE's death takes the SA away; then the tunnel is missed. */
static int64_t ike_missed(const struct vc_oracle *oracle)
{
    const struct vc_settings *settings = &oracle->topology->settings;

    return seconds(settings->dpd_delay_s * settings->dpd_retries) + tunnel_missed(oracle);
}

static int64_t keepalives_missed(const struct vc_oracle *oracle)
{
    return seconds(oracle->timers->gre_keepalive_s * (oracle->timers->gre_retries + 1));
}

static bool is_ike(enum daemon daemon)
{
    return daemon == DAEMON_CHARON || daemon == DAEMON_PLUTO;
}

static bool is_routing(const struct element *element)
{
    return element->shown.kind == VC_ELEMENT_DAEMON && !is_ike(element->daemon) && element->daemon != DAEMON_BFDD;
}

/* Its death leaves a table that nobody keeps. */
static bool is_fib(const struct vc_oracle *oracle, const struct element *element)
{
    return is_routing(element) && oracle->roles[element->node]->fib == element->daemon;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t missed(const struct vc_oracle *oracle, const struct element *element)
{
    if (element->shown.kind == VC_ELEMENT_DAEMON && is_ike(element->daemon))
        return ike_missed(oracle);
    if (element->shown.kind == VC_ELEMENT_DAEMON && element->daemon == DAEMON_BFDD)
        return tunnel_missed(oracle);
    if (is_routing(element) && (oracle->roles[element->node]->ospf & BIT(element->daemon)))
        return ospf_missed_ns(oracle);
    if (is_routing(element)) /* their sockets close: the neighbours know at once */
        return 0;
    switch (element->select) {
    case SELECT_IKE:
        return ike_missed(oracle);
    case SELECT_ESP:
    case SELECT_GRE:
    case SELECT_BFD:
        return tunnel_missed(oracle);
    default: /* links and nodes: iBGP and OSPF over them have no BFD */
        return later(hold(oracle), ospf_missed_ns(oracle));
    }
}

static bool has_pluto(const struct vc_oracle *oracle)
{
    for (size_t i = 0; i < oracle->topology->node_count; i++)
        if (oracle->roles[i]->daemons & BIT(DAEMON_PLUTO))
            return true;
    return false;
}

/* The CPE's next keepalive, or BGP's next attempt a second later, brings the SA up again; a DPD or a negotiation that
 * was under way is given up first; where Libreswan's gave up, the kernel asks again when its own request is forgotten
 * (net.core.xfrm_acq_expires). BFD starts with a second between its packets (RFC 5880, 6.8.3), and FRR's clients look
 * for a new zebra from time to time. */
static int64_t healed(const struct vc_oracle *oracle)
{
    enum { REPEATED_S = 10, ACQUIRE_S = 30, SLOW_START_S = 3 };
    unsigned given_up_s = has_pluto(oracle) ? ACQUIRE_S : 2 * REPEATED_S;

    return seconds(oracle->timers->gre_keepalive_s + given_up_s + SLOW_START_S);
}

/* A headend's new charon has no SAs; a CPE with Libreswan keeps its own for a dead peer detection longer. */
int64_t vc_oracle_unnoticed_ns(const struct vc_oracle *oracle, const size_t *healed, size_t healed_count)
{
    const struct vc_settings *settings = &oracle->topology->settings;

    for (size_t i = 0; i < healed_count; i++) {
        const struct element *element = &oracle->elements[healed[i]];
        if (element->shown.kind == VC_ELEMENT_DAEMON && element->daemon == DAEMON_CHARON && has_pluto(oracle))
            return seconds(settings->dpd_delay_s * settings->dpd_retries + MARGIN_S);
    }
    return 0;
}

/* As long as nobody shuts tunnels, none is killed. */
static bool kills_tunnel(const struct vc_oracle *oracle, size_t element)
{
    VC_AUTO_TALLOC bool *failed = talloc_zero_array(NULL, bool, (unsigned)oracle->element_count);

    failed[element] = true;
    const struct net *net = net_settled(failed, oracle, failed, NULL);
    for (size_t i = 0; i < oracle->topology->tunnel_count; i++)
        if (tunnel_shut(net, i))
            return true;
    return false;
}

/* Until keepalives shut the tunnels that this takes the packets of; 0: it takes none's. */
static int64_t shut(const struct vc_oracle *oracle, size_t index)
{
    const struct vc_settings *settings = &oracle->topology->settings;
    const struct element *element = &oracle->elements[index];
    bool ike = element->shown.kind == VC_ELEMENT_DAEMON && is_ike(element->daemon);

    if (!kills_tunnel(oracle, index))
        return 0;
    return (ike || element->select == SELECT_IKE ? seconds(settings->dpd_delay_s * settings->dpd_retries) : 0) +
           keepalives_missed(oracle);
}

/*
 * Keepalives that shut a tunnel matter twice: tables that nobody keeps lose the tunnel's routes only then; and a tunnel
 * that comes back within the last interval before is shut once more by the keepalives it has missed already, after its
 * session may have come up.
 */
static int64_t settles(const struct vc_oracle *oracle, size_t index, bool stale)
{
    int64_t ns = missed(oracle, &oracle->elements[index]), shut_ns = shut(oracle, index);
    bool soon = ns + seconds(MARGIN_S) >= shut_ns - seconds(oracle->timers->gre_keepalive_s);

    return shut_ns > ns && (stale || soon) ? shut_ns : ns;
}

int64_t vc_oracle_left_ns(const struct vc_oracle *oracle, const struct vc_oracle_failure *failed, size_t failed_count)
{
    int64_t longest = 0;
    bool stale = false;

    for (size_t i = 0; i < failed_count; i++)
        stale |= is_fib(oracle, &oracle->elements[failed[i].element]);
    for (size_t i = 0; i < failed_count; i++) {
        int64_t ns = settles(oracle, failed[i].element, stale) - failed[i].ago_ns;
        longest = ns > longest ? ns : longest;
    }
    return longest + seconds(MARGIN_S);
}

int64_t vc_oracle_settled_ns(const struct vc_oracle *oracle, const size_t *failed, size_t failed_count, bool healing)
{
    if (healing)
        return healed(oracle) + seconds(MARGIN_S);
    VC_AUTO_TALLOC struct vc_oracle_failure *now =
        talloc_zero_array(NULL, struct vc_oracle_failure, (unsigned)failed_count + 1);
    for (size_t i = 0; i < failed_count; i++)
        now[i].element = failed[i];
    return vc_oracle_left_ns(oracle, now, failed_count);
}

bool vc_oracle_remembers(const struct vc_oracle *oracle, size_t element)
{
    return oracle->elements[element].shown.kind == VC_ELEMENT_DAEMON;
}
