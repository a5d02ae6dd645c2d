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

static bool is_routing(const struct element *element)
{
    return element->shown.kind == VC_ELEMENT_DAEMON && element->daemon != DAEMON_CHARON &&
           element->daemon != DAEMON_BFDD;
}

static int64_t missed(const struct vc_oracle *oracle, const struct element *element)
{
    if (element->shown.kind == VC_ELEMENT_DAEMON && element->daemon == DAEMON_CHARON)
        return ike_missed(oracle);
    if (element->shown.kind == VC_ELEMENT_DAEMON && element->daemon == DAEMON_BFDD)
        return tunnel_missed(oracle);
    if (is_routing(element)) /* their sockets close: the neighbours know at once */
        return 0;
    switch (element->select) {
    case SELECT_IKE:
        return ike_missed(oracle);
    case SELECT_ESP:
    case SELECT_GRE:
    case SELECT_BFD:
        return tunnel_missed(oracle);
    default: /* links and nodes: iBGP over them has no BFD */
        return hold(oracle);
    }
}

/* The CPE's next keepalive, or BGP's next attempt a second later, brings the SA up again; a DPD or a negotiation that
 * was under way is given up first. BFD starts with a second between its packets (RFC 5880, 6.8.3), and FRR's clients
 * look for a new zebra from time to time. */
static int64_t healed(const struct vc_oracle *oracle)
{
    enum { REPEATED_S = 10, SLOW_START_S = 3 };

    return seconds(oracle->timers->gre_keepalive_s + 2 * REPEATED_S + SLOW_START_S);
}

int64_t vc_oracle_settled_ns(const struct vc_oracle *oracle, const size_t *failed, size_t failed_count, bool healing)
{
    int64_t longest = 0;
    bool stale = false;

    for (size_t i = 0; i < failed_count; i++) {
        const struct element *element = &oracle->elements[failed[i]];
        int64_t ns = missed(oracle, element);
        stale |= is_routing(element);
        longest = ns > longest ? ns : longest;
    }
    if (healing)
        longest = healed(oracle);
    else if (stale) /* tables that nobody keeps lose a tunnel's routes only with its interface */
        longest += keepalives_missed(oracle);
    return longest + seconds(MARGIN_S);
}
