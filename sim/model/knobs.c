/* The knobs: a row for each, and how the values of those are read that are no plain field. */
#include "model/configure.h"

#include <string.h>

static bool add_problem(struct vc_reader *reader, const struct vc_doc *doc, const char *allowed)
{
    VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, doc);

    vc_problem(reader->problems, doc->mark, "found %s%s%s; allowed: %s", found, doc->key ? " for " : "",
               doc->key ? doc->key : "", allowed);
    return false;
}

static void set_text(struct vc_sink sink, const char *name, const char *text)
{
    json_object_set_new(sink.object, name, json_string(text));
}

/* The crypto ACL, as its words or as the customer's side of it. */
static void read_selector(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                          struct vc_sink sink)
{
    static const char *const words[] = {"gre", "ip", "wrong-host"};
    static const char allowed[] = "gre, ip, wrong-host, or a prefix such as 10.200.0.0/24";
    struct vc_prefix prefix;

    if (!vc_schema_is_scalar(reader, doc, allowed))
        return;
    if (vc_names_find(VC_NAMES(words, VC_COUNT(words)), doc->text) == VC_NONE &&
        (!vc_prefix_parse(doc->text, &prefix) || !vc_prefix_is_network(prefix)))
        add_problem(reader, doc, allowed);
    set_text(sink, field->name, doc->text);
}

/* Goes into a line of swanctl.conf. */
static void read_identity(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                          struct vc_sink sink)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.@-_";

    if (!vc_schema_is_scalar(reader, doc, "an address or a name such as hub.example"))
        return;
    if (doc->text[strspn(doc->text, good)] || strlen(doc->text) > 80)
        add_problem(reader, doc, "an address or a name such as hub.example");
    set_text(sink, field->name, doc->text);
}

static void read_interface(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                           struct vc_sink sink)
{
    struct vc_prefix prefix;

    if (vc_schema_interface(reader, doc, &prefix))
        set_text(sink, field->name, doc->text);
}

/* A list of texts that each pass `good`. */
static void read_list(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                      struct vc_sink sink, bool (*good)(struct vc_reader *reader, const struct vc_doc *item),
                      const char *allowed)
{
    json_t *list = json_array();

    json_object_set_new(sink.object, field->name, list);
    if (doc->type != VC_DOC_LIST || !doc->count) {
        add_problem(reader, doc, allowed);
        return;
    }
    for (size_t i = 0; i < doc->count; i++)
        if (vc_schema_is_scalar(reader, doc->items[i], allowed) && good(reader, doc->items[i]))
            json_array_append_new(list, json_string(doc->items[i]->text));
}

static bool is_prefix(struct vc_reader *reader, const struct vc_doc *item)
{
    struct vc_prefix prefix;

    return (vc_prefix_parse(item->text, &prefix) && vc_prefix_is_network(prefix)) ||
           add_problem(reader, item, "an IPv4 prefix such as 10.10.10.0/24");
}

static void read_prefixes(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                          struct vc_sink sink)
{
    read_list(reader, field, doc, sink, is_prefix, "a list of prefixes such as [10.10.10.0/24]");
}

static bool is_selector(struct vc_reader *reader, const struct vc_doc *item)
{
    static const char *const selectors[] = {"gre-in", "gre-out", "bgp"};
    struct vc_names names = VC_NAMES(selectors, VC_COUNT(selectors));

    if (vc_names_find(names, item->text) != VC_NONE)
        return true;
    vc_problem_unknown(reader->problems, item->mark, "selector", item->text, names);
    return false;
}

static void read_firewall(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                          struct vc_sink sink)
{
    read_list(reader, field, doc, sink, is_selector, "a list of gre-in, gre-out and bgp");
}

/* A CPE's inbound filter; an empty list lets nothing in. */
static void read_accept(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                        struct vc_sink sink)
{
    if (doc->type == VC_DOC_LIST && !doc->count)
        json_object_set_new(sink.object, field->name, json_array());
    else
        read_prefixes(reader, field, doc, sink);
}

static void read_bgp_timers(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                            struct vc_sink sink)
{
    unsigned keepalive_s, hold_s;

    if (doc->type != VC_DOC_SCALAR || !vc_bgp_timers_parse(doc->text, &keepalive_s, &hold_s))
        add_problem(reader, doc, VC_BGP_TIMERS_ALLOWED);
    else
        set_text(sink, field->name, doc->text);
}

static void read_keepalive(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                           struct vc_sink sink)
{
    unsigned seconds, times;

    if (doc->type == VC_DOC_SCALAR && (!strcmp(doc->text, "false") || !strcmp(doc->text, "true")))
        json_object_set_new(sink.object, field->name, json_boolean(doc->text[0] == 't'));
    else if (doc->type != VC_DOC_SCALAR || !vc_keepalive_parse(doc->text, &seconds, &times))
        add_problem(reader, doc, "true, false, or INTERVAL x TIMES such as 10s x 3");
    else
        set_text(sink, field->name, doc->text);
}

#define S(n)        ((n)*VC_NS_PER_S)
#define SECURITY    (VC_KNOB_CPE | VC_KNOB_HEADEND)
#define ROUTING     (VC_KNOB_CPE | VC_KNOB_ROUTER)
#define EVERYWHERE  (VC_KNOB_CPE | VC_KNOB_HEADEND | VC_KNOB_ROUTER)
#define CUSTOM(how) VC_FIELD_CUSTOM, .read = how
#define ASN         VC_FIELD_COUNT, .min = 1, .max = 4294967294
#define LIFETIME    VC_FIELD_DURATION, .min = S(10), .max = S(2592000), .unit = S(1)
static const char *const modes[] = {"tunnel", "transport", NULL};
static const char *const redistributions[] = {"all", "summary", "none", NULL};

static const struct vc_knob knobs[] = {
    {{"ike", VC_FIELD_PROPOSAL}, SECURITY, false, "R20", "proposes or accepts this for IKE"},
    {{"esp", VC_FIELD_PROPOSAL}, SECURITY, false, "R25", "proposes or accepts this for ESP; a group in it is PFS"},
    {{"ike_version", VC_FIELD_COUNT, .min = 1, .max = 2}, SECURITY, false, "R19", "speaks this version of IKE"},
    {{"psk", VC_FIELD_SECRET}, SECURITY, false, "R20", "has this pre-shared key"},
    {{"identity", CUSTOM(read_identity)}, SECURITY, false, "R9", "calls itself this in IKE"},
    {{"peer", VC_FIELD_ADDRESS}, VC_KNOB_CPE, false, "R25", "has its IPsec peer at this address"},
    {{"initiate", VC_FIELD_BOOL}, VC_KNOB_CPE, false, "R23", "false: only answers, and so do both ends"},
    {{"selector", CUSTOM(read_selector)},
     SECURITY,
     false,
     "R21",
     "has this crypto ACL: gre (as it should be), ip (any protocol between the transports), wrong-host (another "
     "address at its end), or this prefix at its end"},
    {{"mode", VC_FIELD_CHOICE, .choices = modes}, SECURITY, false, "R25", "transport: ESP between the IPsec addresses"},
    {{"child_lifetime", LIFETIME},
     SECURITY,
     false,
     "R25",
     "has this lifetime for ESP, and rekeys at nine tenths of it"},
    {{"ike_lifetime", LIFETIME}, SECURITY, false, "R20", "has this lifetime for IKE, and rekeys at nine tenths of it"},
    {{"remote_identity", CUSTOM(read_identity)},
     SECURITY,
     false,
     "R20",
     "expects the other end to call itself this in IKE"},
    {{"selector_remote", VC_FIELD_NETWORK}, SECURITY, false, "R21", "has this prefix at the far end of its crypto ACL"},
    {{"dpd", VC_FIELD_DURATION, .min = 0, .max = S(3600), .unit = S(1)},
     SECURITY,
     false,
     "R26",
     "asks after so much silence whether the other end lives; 0s: never"},
    {{"underlay", VC_FIELD_BOOL}, VC_KNOB_CPE, false, "R27", "false: has no route to Cisco's IPsec and GRE addresses"},
    {{"replay_window", VC_FIELD_COUNT, .min = 0, .max = 4096},
     SECURITY,
     false,
     "R25",
     "takes packets that were overtaken by this many at most; 0: takes whatever comes"},
    {{"transport_local", VC_FIELD_ADDRESS}, ROUTING, false, "R31", "GRE leaves from this address"},
    {{"transport_remote", VC_FIELD_ADDRESS}, ROUTING, false, "R31", "GRE is sent to this address"},
    {{"tunnel_address", CUSTOM(read_interface)}, ROUTING, false, "R30", "has this address and mask in the tunnel"},
    {{"remote_as", ASN}, ROUTING, false, "R34", "expects this AS of its neighbour"},
    {{"local_as", ASN}, ROUTING, false, "R34", "tells its neighbour this AS"},
    {{"neighbor", VC_FIELD_ADDRESS}, ROUTING, false, "R34", "has its BGP neighbour at this address"},
    {{"bgp", VC_FIELD_BOOL}, ROUTING, false, "R34", "false: its neighbour in the tunnel is shut down"},
    {{"bgp_timers", CUSTOM(read_bgp_timers)},
     ROUTING,
     false,
     "R34",
     "has these BGP timers, KEEPALIVE/HOLD in seconds, whatever the profile says"},
    {{"bgp_password", VC_FIELD_SECRET}, ROUTING, false, "R36", "has this BGP password; none: it has no password"},
    {{"default", VC_FIELD_BOOL}, VC_KNOB_CPE, false, "R38", "false: does not send 0.0.0.0/0"},
    {{"leak", CUSTOM(read_prefixes)},
     ROUTING,
     false,
     "R38",
     "its filter towards the tunnel lets these prefixes out too"},
    {{"announce", CUSTOM(read_prefixes)},
     VC_KNOB_ROUTER,
     false,
     "R37",
     "tells these prefixes as its own, whether it has them or not"},
    {{"own_prefix", VC_FIELD_BOOL}, VC_KNOB_ROUTER, false, "R37", "false: does not tell its data centre's /25"},
    {{"redistribute", VC_FIELD_CHOICE, .choices = redistributions},
     VC_KNOB_CPE,
     true,
     "R7",
     "tells the LAN this of what it learned from Cisco: all (as it should be), summary (the /24 only), none"},
    {{"next_hop_self", VC_FIELD_BOOL},
     VC_KNOB_CPE,
     true,
     "R7",
     "false: tells the LAN Cisco's tunnel addresses as next hops"},
    {{"ibgp", VC_FIELD_BOOL}, VC_KNOB_CPE, true, "R39", "false: no iBGP with the other CPEs"},
    {{"mss", VC_FIELD_COUNT, .min = 0, .max = 1460}, ROUTING, true, "R42", "clamps the MSS to this; 0: not at all"},
    {{"accept", CUSTOM(read_accept)}, VC_KNOB_CPE, false, "R37", "its filter lets these prefixes in and no other"},
    {{"mtu", VC_FIELD_COUNT, .min = 576, .max = 1500}, ROUTING, false, "R42", "its tunnel interface has this MTU"},
    {{"inbound_policy", VC_FIELD_BOOL}, ROUTING, false, "R37", "false: takes whatever prefixes it is sent"},
    {{"transport_vrf", VC_FIELD_COUNT, .min = 1, .max = 200},
     VC_KNOB_CPE,
     false,
     "R29",
     "its way to the GRE destination is in this routing table, a VRF's, where GRE does not look"},
    {{"default_route", VC_FIELD_BOOL},
     VC_KNOB_CPE,
     false,
     "R31",
     "true: its way to Cisco is a default route, which every other is better than"},
    {{"stateful", VC_FIELD_BOOL}, VC_KNOB_CPE, true, "R41", "true: lets in from tunnels only what answers the inside"},
    {{"pmtud", VC_FIELD_BOOL}, ROUTING, true, "R42", "false: tells no sender that a packet is too large for a tunnel"},
    {{"loop_guard", VC_FIELD_BOOL}, ROUTING, true, "R40", "false: sends packets back where they came from"},
    {{"clear_guard", VC_FIELD_BOOL}, SECURITY, true, "R22", "false: lets GRE leave that no IPsec policy takes"},
    {{"tunnel_up", VC_FIELD_BOOL}, VC_KNOB_CPE, false, "R1", "false: its tunnel interface is shut down"},
    {{"keepalive", CUSTOM(read_keepalive)},
     ROUTING,
     false,
     "R24",
     "false: sends no GRE keepalives; or sends them so, INTERVAL x TIMES, whatever the profile says"},
    {{"keepalive_answers", VC_FIELD_BOOL}, ROUTING, false, "R28", "false: ignores GRE keepalives"},
    {{"firewall", CUSTOM(read_firewall)},
     EVERYWHERE,
     false,
     "R32",
     "drops these: gre-in (what left IPsec), gre-out (what is to enter it), bgp (TCP 179 in the tunnel)"},
};

const struct vc_knob *vc_knobs(size_t *count)
{
    *count = VC_COUNT(knobs);
    return knobs;
}
