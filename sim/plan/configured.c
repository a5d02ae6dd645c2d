#include "plan/configured.h"

#include <string.h>

typedef const struct vc_topology topology_t;

static const char *text_of(topology_t *t, size_t node, size_t tunnel, const char *knob)
{
    return json_string_value(vc_configured(t, node, tunnel, knob));
}

static void set_seconds(topology_t *t, size_t node, size_t tunnel, const char *knob, unsigned *out)
{
    const json_t *ns = vc_configured(t, node, tunnel, knob);

    if (ns)
        *out = (unsigned)(json_integer_value(ns) / VC_NS_PER_S);
}

struct vc_settings vc_configured_settings(topology_t *t, size_t node, size_t tunnel)
{
    struct vc_settings s = t->settings;
    const char *ike = text_of(t, node, tunnel, "ike"), *esp = text_of(t, node, tunnel, "esp");
    const json_t *mss = vc_configured(t, node, tunnel, "mss");
    const json_t *window = vc_configured(t, node, tunnel, "replay_window");

    s.ike_proposal = ike ? ike : s.ike_proposal;
    s.esp_proposal = esp ? esp : s.esp_proposal;
    s.mss = mss ? (unsigned)json_integer_value(mss) : s.mss;
    s.replay_window = window ? (unsigned)json_integer_value(window) : s.replay_window;
    set_seconds(t, node, tunnel, "dpd_ns", &s.dpd_delay_s);
    set_seconds(t, node, tunnel, "ike_lifetime_ns", &s.ike_lifetime_s);
    set_seconds(t, node, tunnel, "child_lifetime_ns", &s.child_lifetime_s);
    return s;
}

static void set_address(topology_t *t, size_t node, size_t tunnel, const char *knob, struct in_addr *out)
{
    const char *text = text_of(t, node, tunnel, knob);

    if (text)
        vc_addr_parse(text, out);
}

struct vc_own_tunnel vc_configured_tunnel(topology_t *t, size_t node, size_t index)
{
    const struct vc_tunnel *tunnel = &t->tunnels[index];
    bool cpe = vc_tunnel_role(t, tunnel, node) == VC_ROLE_CPE;
    const char *psk = text_of(t, node, index, "psk"), *password = text_of(t, node, index, "bgp_password");
    const char *address = text_of(t, node, index, "tunnel_address");
    struct vc_own_tunnel own = {
        .local = cpe ? tunnel->transport_cpe : tunnel->transport_cisco,
        .remote = cpe ? tunnel->transport_cisco : tunnel->transport_cpe,
        .address = cpe ? tunnel->address_cpe : tunnel->address_cisco,
        .peer_address = cpe ? tunnel->address_cisco.addr : tunnel->address_cpe.addr,
        .psk = psk ? psk : tunnel->psk,
        .bgp_password = !password                  ? tunnel->bgp_password
                        : strcmp(password, "none") ? password
                                                   : "",
        .mtu = (unsigned)json_integer_value(vc_configured(t, node, index, "mtu")),
        .ignores_keepalives = json_is_false(vc_configured(t, node, index, "keepalive_answers")),
        .sends_no_keepalives = json_is_false(vc_configured(t, node, index, "keepalive")),
        .shut = json_is_false(vc_configured(t, node, index, "tunnel_up")),
    };
    const char *keepalive = text_of(t, node, index, "keepalive");

    set_address(t, node, index, "transport_local", &own.local);
    set_address(t, node, index, "transport_remote", &own.remote);
    own.own_keepalives = keepalive && vc_keepalive_parse(keepalive, &own.keepalive_s, &own.retries);
    if (address)
        vc_prefix_parse(address, &own.address);
    return own;
}

static char *gre_between(struct in_addr address)
{
    return talloc_asprintf(NULL, "%s/32[gre]", vc_addr_text(address).s);
}

/* The crypto ACL: {"local", "remote"} in swanctl's notation. */
static json_t *selectors(topology_t *t, size_t node, size_t index)
{
    const struct vc_tunnel *tunnel = &t->tunnels[index];
    bool cpe = vc_tunnel_role(t, tunnel, node) == VC_ROLE_CPE;
    struct in_addr local = cpe ? tunnel->transport_cpe : tunnel->transport_cisco;
    struct in_addr remote = cpe ? tunnel->transport_cisco : tunnel->transport_cpe;
    const char *word = text_of(t, node, index, "selector"), *mode = text_of(t, node, index, "mode");
    const char *beyond = text_of(t, node, index, "selector_remote");

    if (mode && !strcmp(mode, "transport")) {
        local = cpe ? tunnel->ipsec_cpe : tunnel->ipsec_cisco;
        remote = cpe ? tunnel->ipsec_cisco : tunnel->ipsec_cpe;
    }
    VC_AUTO_TALLOC char *near = gre_between(local);
    VC_AUTO_TALLOC char *far = gre_between(remote);
    if (word && !strcmp(word, "ip")) {
        *strchr(near, '[') = '\0';
        *strchr(far, '[') = '\0';
    } else if (word && !strcmp(word, "wrong-host")) {
        talloc_free(near);
        near = gre_between((struct in_addr){local.s_addr ^ htonl(16)});
    } else if (word && strcmp(word, "gre") != 0) {
        talloc_free(near);
        near = talloc_asprintf(NULL, "%s[gre]", word);
    }
    if (beyond) {
        talloc_free(far);
        far = talloc_asprintf(NULL, "%s%s", beyond, strchr(near, '[') ? "[gre]" : "");
    }
    return json_pack("{s:s, s:s}", "local", near, "remote", far);
}

/* Other protocols at that address. A selector that is wider than GRE has them all, GRE none. */
static json_t *not_gre(struct in_addr address)
{
    static const unsigned protocols[] = {1, 2, 4, 6, 17, 41, 50, 51, 89, 103, 112, 132};
    VC_AUTO_TALLOC char *list = talloc_strdup(NULL, "");

    for (size_t i = 0; i < VC_COUNT(protocols); i++)
        list = talloc_asprintf_append_buffer(list, "%s%s/32[%u]", i ? ", " : "", vc_addr_text(address).s, protocols[i]);
    return json_string(list);
}

/* GRE of the addresses beside it. A selector that is wider than one address has them. */
static json_t *beside(struct in_addr address)
{
    VC_AUTO_TALLOC char *list = talloc_strdup(NULL, "");

    for (uint32_t i = 1; i <= 12; i++)
        list = talloc_asprintf_append_buffer(list, "%s%s/32[gre]", i > 1 ? ", " : "",
                                             vc_addr_text((struct in_addr){address.s_addr ^ htonl(i)}).s);
    return json_string(list);
}

/* What a headend must not narrow (R21): selectors by which strongSwan finds another child than the tunnel's. */
static json_t *refused(const struct vc_tunnel *tunnel)
{
    return json_pack("{s:{s:o, s:o}, s:{s:o, s:o}}", "protocols", "local", not_gre(tunnel->transport_cisco), "remote",
                     not_gre(tunnel->transport_cpe), "hosts", "local", beside(tunnel->transport_cisco), "remote",
                     beside(tunnel->transport_cpe));
}

/* What charon does at the start, and after an SA was lost: wait for traffic, or for the other end. */
static json_t *start(topology_t *t, size_t node, size_t index)
{
    return json_string(json_is_false(vc_configured(t, node, index, "initiate")) ? "none" : "trap");
}

static json_t *firewall(topology_t *t, size_t node, size_t index)
{
    const json_t *list = vc_configured(t, node, index, "firewall"), *item;
    json_t *out = list ? json_object() : json_false();
    size_t i;

    json_array_foreach(list, i, item)
    {
        VC_AUTO_TALLOC char *name = talloc_strdup(NULL, json_string_value(item));
        for (char *dash = name; (dash = strchr(dash, '-'));)
            *dash = '_';
        json_object_set_new(out, name, json_true());
    }
    return out;
}

/* The knob's value, or what it is when nobody turned it; new reference. */
static json_t *value(topology_t *t, size_t node, size_t index, const char *knob, json_t *otherwise)
{
    const json_t *own = vc_configured(t, node, index, knob);

    if (!own)
        return otherwise;
    json_decref(otherwise);
    return json_deep_copy(own);
}

/* The prefixes that a CPE's filter lets in, as FRR numbers them: [{"seq", "prefix"}], by default the DC's own and the
 * shared one. */
static json_t *accept_list(topology_t *t, size_t node, size_t index)
{
    const struct vc_dc *dc = &t->dcs[t->tunnels[index].dc];
    const json_t *own = vc_configured(t, node, index, "accept"), *item;
    size_t i;

    if (!own)
        return json_pack("[{s:i, s:s}, {s:i, s:s}]", "seq", 5, "prefix", vc_prefix_text(dc->prefix).s, "seq", 10,
                         "prefix", vc_prefix_text(dc->service).s);
    json_t *list = json_array();
    json_array_foreach(own, i, item)
        json_array_append_new(list, json_pack("{s:i, s:O}", "seq", 5 * ((int)i + 1), "prefix", item));
    return list;
}

/* The same as the inside of a set of BIRD's; false: an empty one. */
static json_t *accept_set(topology_t *t, size_t node, size_t index)
{
    VC_AUTO_JSON *list = accept_list(t, node, index);
    VC_AUTO_TALLOC char *set = talloc_strdup(NULL, "");
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item) set =
        talloc_asprintf_append_buffer(set, "%s%s", i ? ", " : "", json_string_value(json_object_get(item, "prefix")));
    return *set ? json_string(set) : json_false();
}

/* BGP timers that are not the profile's: {"keepalive_s", "hold_s"}, or false. */
static json_t *own_timers(topology_t *t, size_t node, size_t index, const struct vc_timers *timers)
{
    const char *text = text_of(t, node, index, "bgp_timers");
    unsigned keepalive_s, hold_s;

    if (!text || !vc_bgp_timers_parse(text, &keepalive_s, &hold_s) ||
        (keepalive_s == timers->bgp_keepalive_s && hold_s == timers->bgp_hold_s))
        return json_false();
    return json_pack("{s:i, s:i}", "keepalive_s", (int)keepalive_s, "hold_s", (int)hold_s);
}

void vc_configured_context(topology_t *t, size_t node, size_t index, const struct vc_timers *timers, json_t *context)
{
    const struct vc_tunnel *tunnel = &t->tunnels[index];
    bool cpe = vc_tunnel_role(t, tunnel, node) == VC_ROLE_CPE;
    json_t *own = own_timers(t, node, index, timers);
    const struct {
        const char *name;
        json_t *value;
    } members[] = {
        {"identity", json_pack("{s:o, s:o}", "local",
                               value(t, node, index, "identity",
                                     json_string(vc_addr_text(cpe ? tunnel->ipsec_cpe : tunnel->ipsec_cisco).s)),
                               "remote",
                               value(t, node, index, "remote_identity",
                                     json_string(vc_addr_text(cpe ? tunnel->ipsec_cisco : tunnel->ipsec_cpe).s)))},
        {"ike_version", value(t, node, index, "ike_version", json_integer(2))},
        {"mode", value(t, node, index, "mode", json_string("tunnel"))},
        {"start", start(t, node, index)},
        {"peer",
         value(t, node, index, "peer", json_string(vc_addr_text(cpe ? tunnel->ipsec_cisco : tunnel->ipsec_cpe).s))},
        {"selectors", selectors(t, node, index)},
        {"refused", refused(tunnel)},
        {"neighbor", value(t, node, index, "neighbor",
                           json_string(vc_addr_text(cpe ? tunnel->address_cisco.addr : tunnel->address_cpe.addr).s))},
        {"remote_asn", value(t, node, index, "remote_as", json_incref(json_object_get(context, "remote_asn")))},
        {"local_as", value(t, node, index, "local_as", json_false())},
        {"default", value(t, node, index, "default", json_true())},
        {"leak", value(t, node, index, "leak", json_array())},
        {"accept", accept_list(t, node, index)},
        {"accept_set", accept_set(t, node, index)},
        {"announce", value(t, node, index, "announce", json_array())},
        {"own_prefix", value(t, node, index, "own_prefix", json_true())},
        {"inbound_policy", value(t, node, index, "inbound_policy", json_true())},
        {"transport_vrf", value(t, node, index, "transport_vrf", json_false())},
        {"default_route", value(t, node, index, "default_route", json_false())},
        {"firewall", firewall(t, node, index)},
        {"bgp_off", json_boolean(json_is_false(vc_configured(t, node, index, "bgp")))},
        {"own_timers", own},
    };

    for (size_t i = 0; i < VC_COUNT(members); i++)
        json_object_set_new(context, members[i].name, members[i].value);
    if (json_is_object(own)) /* hides the profile's inside this tunnel's section */
        json_object_set_new(context, "timers", json_pack("{s:O}", "bgp", own));
    if (json_is_false(vc_configured(t, node, index, "underlay")))
        json_object_set_new(context, "underlay", json_false());
}

void vc_configured_guards(topology_t *t, size_t node, json_t *context)
{
    json_object_set_new(context, "guard",
                        json_pack("{s:o, s:o, s:o, s:o}", "loop", value(t, node, VC_NONE, "loop_guard", json_true()),
                                  "clear", value(t, node, VC_NONE, "clear_guard", json_true()), "stateful",
                                  value(t, node, VC_NONE, "stateful", json_false()), "pmtud",
                                  value(t, node, VC_NONE, "pmtud", json_true())));
}

void vc_configured_redistribution(topology_t *t, size_t node, json_t *context)
{
    const char *word = text_of(t, node, VC_NONE, "redistribute");
    bool none = word && !strcmp(word, "none"), summary = word && !strcmp(word, "summary");

    json_object_set_new(context, "redistribute",
                        json_pack("{s:b, s:b, s:b}", "all", !none && !summary, "summary", summary, "none", none));
    json_object_set_new(context, "next_hop_self", value(t, node, VC_NONE, "next_hop_self", json_true()));
}

bool vc_configured_without_ibgp(topology_t *t, const struct vc_link *link)
{
    bool without = false;

    for (unsigned end = 0; end < 2; end++) {
        size_t node = link->end[end].node;

        if (!vc_topology_is_cpe(t, node))
            return false;
        without = without || json_is_false(vc_configured(t, node, VC_NONE, "ibgp"));
    }
    return without;
}
