/* One row for each knob of a tunnel: what a configuration says in the knob's words. */
#include <string.h>

#include "config/compare.h"
#include "config/words.h"

static json_t *seconds(unsigned s)
{
    return json_sprintf("%us", s);
}

static json_t *address(struct in_addr a)
{
    return json_string(vc_addr_text(a).s);
}

static json_t *value_peer(const struct vc_cpe_pair *p)
{
    return address(p->t->peer);
}

static json_t *value_ike_version(const struct vc_cpe_pair *p)
{
    return json_integer(p->t->ike_version);
}

/* Have two lists of proposals one in common? */
static bool agree(const char *list, const char *other)
{
    for (const char *a = list; *a; a += strcspn(a, ",") + (a[strcspn(a, ",")] == ',')) {
        VC_AUTO_TALLOC char *one = talloc_strndup(NULL, a, strcspn(a, ","));

        for (const char *b = other; *b; b += strcspn(b, ",") + (b[strcspn(b, ",")] == ',')) {
            VC_AUTO_TALLOC char *two = talloc_strndup(NULL, b, strcspn(b, ","));
            if (vc_words_equal(one, two))
                return true;
        }
    }
    return false;
}

/* Of several that are all otherwise, the first. */
static json_t *value_ike(const struct vc_cpe_pair *p)
{
    return agree(p->t->ike, p->other->ike) ? json_string("the same") : json_stringn(p->t->ike, strcspn(p->t->ike, ","));
}

static json_t *value_esp(const struct vc_cpe_pair *p)
{
    if (p->t->esp && p->other->esp && vc_words_equal(p->t->esp, p->other->esp))
        return json_string("the same");
    return json_string(p->t->esp ? p->t->esp : "");
}

static json_t *value_identity(const struct vc_cpe_pair *p)
{
    return json_string(p->t->identity);
}

static json_t *value_remote_identity(const struct vc_cpe_pair *p)
{
    return json_string(p->t->remote_identity);
}

static json_t *value_ike_lifetime(const struct vc_cpe_pair *p)
{
    return seconds(p->t->ike_lifetime_s);
}

static json_t *value_child_lifetime(const struct vc_cpe_pair *p)
{
    return seconds(p->t->child_lifetime_s);
}

static json_t *value_replay(const struct vc_cpe_pair *p)
{
    return json_integer(p->t->replay_window);
}

static json_t *value_dpd(const struct vc_cpe_pair *p)
{
    return seconds(p->t->dpd_delay_s);
}

static json_t *value_mode(const struct vc_cpe_pair *p)
{
    return json_string(p->t->mode);
}

/* Hosts that differ say more than the protocol. */
static json_t *value_selector(const struct vc_cpe_pair *p)
{
    bool gre = !strcmp(p->t->protocol, "gre");

    if (vc_prefix_equal(p->t->selector_local, p->other->selector_local))
        return json_string(gre ? "gre" : "ip");
    return json_string(vc_prefix_text(p->t->selector_local).s);
}

static json_t *value_selector_remote(const struct vc_cpe_pair *p)
{
    return json_string(vc_prefix_text(p->t->selector_remote).s);
}

static json_t *value_underlay(const struct vc_cpe_pair *p)
{
    return json_boolean(p->t->underlay);
}

static json_t *value_transport_local(const struct vc_cpe_pair *p)
{
    return address(p->t->transport_local);
}

static json_t *value_transport_remote(const struct vc_cpe_pair *p)
{
    return address(p->t->transport_remote);
}

static json_t *value_vrf(const struct vc_cpe_pair *p)
{
    return json_integer(p->t->vrf);
}

static json_t *value_tunnel_address(const struct vc_cpe_pair *p)
{
    return json_string(vc_prefix_text(p->t->address).s);
}

static json_t *value_mtu(const struct vc_cpe_pair *p)
{
    return json_integer(p->t->mtu);
}

static json_t *value_keepalive(const struct vc_cpe_pair *p)
{
    return p->t->keepalive_s ? json_sprintf("%us x %u", p->t->keepalive_s, p->t->retries) : json_false();
}

static json_t *value_bgp(const struct vc_cpe_pair *p)
{
    return json_boolean(p->t->bgp);
}

static json_t *value_neighbor(const struct vc_cpe_pair *p)
{
    return address(p->t->neighbor);
}

static json_t *value_remote_as(const struct vc_cpe_pair *p)
{
    return json_integer(p->t->remote_as);
}

static json_t *value_local_as(const struct vc_cpe_pair *p)
{
    return json_integer(p->t->local_as);
}

static json_t *value_timers(const struct vc_cpe_pair *p)
{
    return json_sprintf("%u/%u", p->t->bgp_keepalive_s, p->t->bgp_hold_s);
}

static json_t *value_default(const struct vc_cpe_pair *p)
{
    return json_boolean(p->t->sends_default);
}

static json_t *prefixes(const struct vc_cpe_prefixes *list)
{
    json_t *out = json_array();

    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(out, json_string(vc_prefix_text(list->items[i]).s));
    return out;
}

static json_t *value_leak(const struct vc_cpe_pair *p)
{
    return prefixes(&p->t->leak);
}

/* What no filter lets in needs no list. */
static json_t *value_accept(const struct vc_cpe_pair *p)
{
    return prefixes(p->t->filters_in && p->other->filters_in ? &p->t->accept : &(struct vc_cpe_prefixes){0});
}

static json_t *value_inbound(const struct vc_cpe_pair *p)
{
    return json_boolean(p->t->filters_in);
}

/* In the order of the service guide. */
const struct vc_cpe_row vc_cpe_rows[] = {
    {"underlay", VC_CPE_UNDERLAY, VC_CPE_ROW_GRE, value_underlay},
    {"peer", VC_CPE_PEER, VC_CPE_ROW_IPSEC, value_peer},
    {"ike_version", VC_CPE_IKE_VERSION, VC_CPE_ROW_IPSEC, value_ike_version},
    {"ike", VC_CPE_IKE, VC_CPE_ROW_IPSEC, value_ike},
    {"identity", VC_CPE_IDENTITY, VC_CPE_ROW_IPSEC, value_identity},
    {"remote_identity", VC_CPE_REMOTE_IDENTITY, VC_CPE_ROW_IPSEC, value_remote_identity},
    {"ike_lifetime", VC_CPE_IKE_LIFETIME, VC_CPE_ROW_IPSEC, value_ike_lifetime},
    {"dpd", VC_CPE_DPD, VC_CPE_ROW_IPSEC, value_dpd},
    {"selector", VC_CPE_SELECTOR, VC_CPE_ROW_IPSEC, value_selector},
    {"selector_remote", VC_CPE_SELECTOR_REMOTE, VC_CPE_ROW_IPSEC, value_selector_remote},
    {"esp", VC_CPE_ESP, VC_CPE_ROW_IPSEC, value_esp},
    {"mode", VC_CPE_MODE, VC_CPE_ROW_IPSEC, value_mode},
    {"child_lifetime", VC_CPE_CHILD_LIFETIME, VC_CPE_ROW_IPSEC, value_child_lifetime},
    {"replay_window", VC_CPE_REPLAY, VC_CPE_ROW_IPSEC, value_replay},
    {"transport_local", VC_CPE_TRANSPORT_LOCAL, VC_CPE_ROW_GRE, value_transport_local},
    {"transport_remote", VC_CPE_TRANSPORT_REMOTE, VC_CPE_ROW_GRE, value_transport_remote},
    {"transport_vrf", VC_CPE_VRF, VC_CPE_ROW_GRE, value_vrf},
    {"tunnel_address", VC_CPE_ADDRESS, VC_CPE_ROW_GRE, value_tunnel_address},
    {"mtu", VC_CPE_MTU, VC_CPE_ROW_GRE, value_mtu},
    {"keepalive", VC_CPE_KEEPALIVE, VC_CPE_ROW_GRE, value_keepalive, true},
    {"bgp", VC_CPE_BGP, VC_CPE_ROW_BGP, value_bgp},
    {"neighbor", VC_CPE_NEIGHBOR, VC_CPE_ROW_BGP, value_neighbor},
    {"remote_as", VC_CPE_REMOTE_AS, VC_CPE_ROW_BGP, value_remote_as},
    {"local_as", VC_CPE_LOCAL_AS, VC_CPE_ROW_BGP, value_local_as},
    {"bgp_timers", VC_CPE_TIMERS, VC_CPE_ROW_BGP, value_timers, true},
    {"default", VC_CPE_DEFAULT, VC_CPE_ROW_BGP, value_default},
    {"leak", VC_CPE_LEAK, VC_CPE_ROW_BGP, value_leak},
    {"inbound_policy", VC_CPE_ACCEPT, VC_CPE_ROW_BGP, value_inbound},
    {"accept", VC_CPE_ACCEPT, VC_CPE_ROW_BGP, value_accept},
};
const size_t vc_cpe_row_count = VC_COUNT(vc_cpe_rows);
