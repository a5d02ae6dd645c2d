/* Where the configuration says another than the order does, the knob is turned to what it says. */
#include "config/compare.h"

#include <string.h>

#include "model/configure.h"

struct comparison {
    struct vc_import *import;
    const struct vc_cpe *ordered;
    const char *timers;
    json_t *tunnels; /* {TUNNEL: {KNOB: VALUE}} */
};

static const char *requirement_of(const char *knob)
{
    size_t count;
    const struct vc_knob *knobs = vc_knobs(&count);

    for (size_t i = 0; i < count; i++)
        if (!strcmp(knobs[i].field.name, knob))
            return knobs[i].requirement;
    return "";
}

/* Turns a knob; `found` and `ordered` are told. Takes the references. A value that no node of the lab can have is an
 * error with its line: a document with it would be refused. */
static void turn(const struct comparison *c, const char *tunnel, const char *knob, json_t *value, int line,
                 json_t *found, json_t *ordered)
{
    json_t *knobs = tunnel ? json_object_get(c->tunnels, tunnel) : c->import->configure;
    VC_AUTO_TALLOC char *refused = vc_configure_refusal(NULL, c->import->topology, c->import->node, knob, value);

    if (refused) {
        vc_cpe_error(c->import->cpe, line, "%s%s%s%s; the lab's node cannot have it", tunnel ? "tunnel " : "",
                     tunnel ? tunnel : "", tunnel ? ": " : "", refused);
        json_decref(value);
        json_decref(found);
        json_decref(ordered);
        return;
    }
    json_object_set_new(knobs, knob, value);
    json_array_append_new(c->import->deviations,
                          json_pack("{s:s, s:s?, s:i, s:o, s:o, s:s}", "knob", knob, "tunnel", tunnel, "line", line,
                                    "found", found, "ordered", ordered, "requirement", requirement_of(knob)));
}

static void compare_row(const struct comparison *c, const struct vc_cpe_row *row, const struct vc_cpe_tunnel *t,
                        const struct vc_cpe_tunnel *o)
{
    const struct vc_cpe_pair here = {c->import->cpe, t, o}, there = {c->ordered, o, t};
    json_t *found = row->value(&here), *wanted = row->value(&there);
    bool said = row->timer && !c->timers; /* whatever the scenario has */

    bool missing = json_is_string(found) && !json_string_length(found); /* which was told as an error */

    if (missing || (json_equal(found, wanted) && !said)) {
        json_decref(found);
        json_decref(wanted);
        return;
    }
    turn(c, t->name, row->knob, json_incref(found), t->line[row->item], found,
         row->timer && !c->timers ? json_null() : wanted);
    if (row->timer && !c->timers)
        json_decref(wanted);
}

/* A key that differs is told by a word in its place: that it differs is all that matters. */
static void compare_key(const struct comparison *c, const struct vc_cpe_tunnel *t, const struct vc_cpe_key *key,
                        const struct vc_cpe_key *ordered, const char *of_order, const char *knob, int line)
{
    bool psk = !strcmp(knob, "psk");
    const char *what = psk ? "pre-shared key" : "BGP password";

    if (key->hidden) {
        vc_cpe_note(c->import->cpe, line, "tunnel %s: the %s is not in clear; it is taken to be the order's", t->name,
                    what);
    } else if (!key->text) {
        turn(c, t->name, knob, json_string(psk ? "no-key-for-this-peer" : "none"), line, json_string("none"),
             json_string("one"));
    } else if (ordered->text && !strcmp(key->text, ordered->text)) {
        return;
    } else if (!of_order) {
        vc_cpe_note(c->import->cpe, line,
                    "tunnel %s: the order has no %s to compare with; both ends get one that is derived from the seed",
                    t->name, what);
    } else {
        turn(c, t->name, knob, json_string(psk ? "not-the-key-of-the-order" : "not-the-password-of-the-order"), line,
             json_string("another"), json_string("its own"));
    }
}

/* The other end's key, where a keyring or profile has two, is as good as one's own: the lab's node has one. */
static void compare_keys(const struct comparison *c, const struct vc_cpe_tunnel *t, const struct vc_cpe_tunnel *o,
                         const char *of_order)
{
    bool own = t->psk.hidden || (t->psk.text && o->psk.text && !strcmp(t->psk.text, o->psk.text));
    const struct vc_cpe_key *key = own ? &t->psk_remote : &t->psk;

    compare_key(c, t, key, &o->psk, of_order, "psk", t->line[own ? VC_CPE_PSK_REMOTE : VC_CPE_PSK]);
    if (own && t->psk.hidden && key->text)
        compare_key(c, t, &t->psk, &o->psk, of_order, "psk", t->line[VC_CPE_PSK]);
}

/* A tunnel that is not there, or shut. */
static void without_tunnel(const struct comparison *c, const struct vc_cpe_tunnel *t)
{
    turn(c, t->name, "tunnel_up", json_false(), t->line[VC_CPE_TUNNEL],
         json_string(t->ifname ? "shut down" : "no tunnel"), json_string("a tunnel"));
}

static void let_out(const struct comparison *c, const struct vc_cpe_tunnel *t, int line)
{
    vc_cpe_note(c->import->cpe, line, "tunnel %s: no IPsec takes its GRE, which leaves in clear (R22)", t->name);
    if (!json_object_get(c->import->configure, "clear_guard"))
        turn(c, NULL, "clear_guard", json_false(), line, json_string("GRE in clear"), json_string("none"));
}

static void check_both_selectors(const struct comparison *c, const struct vc_cpe_tunnel *t,
                                 const struct vc_cpe_tunnel *o)
{
    if (!t->protocol || strcmp(t->protocol, "ip") != 0 ||
        (vc_prefix_equal(t->selector_local, o->selector_local) &&
         vc_prefix_equal(t->selector_remote, o->selector_remote)))
        return;
    if (!vc_prefix_equal(t->selector_local, o->selector_local))
        vc_cpe_error(
            c->import->cpe, t->line[VC_CPE_SELECTOR],
            "tunnel %s: the crypto ACL is of protocol ip and of other addresses than the order's; the lab's node "
            "has one of the two",
            t->name);
}

static bool is_compared(const struct vc_cpe_row *row, const struct vc_cpe_tunnel *t)
{
    if (row->group == VC_CPE_ROW_IPSEC)
        return t->crypto && t->ike; /* without its IKE there is an error already */
    return row->group != VC_CPE_ROW_BGP || t->bgp || !strcmp(row->knob, "bgp");
}

static void compare_tunnel(const struct comparison *c, size_t i)
{
    const struct vc_cpe_tunnel *t = &c->import->cpe->tunnels[i], *o = &c->ordered->tunnels[i];
    const struct vc_tunnel *of_order = &c->import->topology->tunnels[vc_topology_tunnel(c->import->topology, o->name)];

    if (!t->ifname || t->shutdown) {
        without_tunnel(c, t);
        return;
    }
    if (!t->crypto) {
        turn(c, t->name, "initiate", json_false(), t->line[VC_CPE_CRYPTO], json_string("no IPsec for its GRE"),
             json_string("IPsec"));
        let_out(c, t, t->line[VC_CPE_CRYPTO]);
    }
    bool covered = vc_prefix_contains(t->selector_local, t->transport_local) &&
                   vc_prefix_contains(t->selector_remote, t->transport_remote);
    if (t->crypto && !covered)
        let_out(c, t, t->line[VC_CPE_SELECTOR]);
    for (size_t k = 0; k < vc_cpe_row_count; k++)
        if (is_compared(&vc_cpe_rows[k], t))
            compare_row(c, &vc_cpe_rows[k], t, o);
    if (t->crypto && t->answers_only)
        turn(c, t->name, "initiate", json_false(), t->line[VC_CPE_INITIATE], json_string("answers only"),
             json_string("initiates"));
    if (t->crypto) {
        check_both_selectors(c, t, o);
        compare_keys(c, t, o, of_order->psk);
    }
    if (t->bgp)
        compare_key(c, t, &t->password, &o->password, of_order->bgp_password, "bgp_password", t->line[VC_CPE_PASSWORD]);
}

/* ---- of the node as a whole ---- */

/* One value of all tunnels that are there; told as an error when they differ. */
static void compare_common(const struct comparison *c, const char *knob, enum vc_cpe_item item,
                           json_t *(*value)(const struct vc_cpe_tunnel *t))
{
    const struct vc_cpe *cpe = c->import->cpe;
    VC_AUTO_JSON *common = NULL, *wanted = NULL;
    int line = 0;

    for (size_t i = 0; i < cpe->tunnel_count; i++) {
        const struct vc_cpe_tunnel *t = &cpe->tunnels[i];
        if (!t->ifname)
            continue;
        VC_AUTO_JSON *own = value(t);
        if (common && !json_equal(common, own)) {
            vc_cpe_error(c->import->cpe, t->line[item],
                         "tunnel %s: %s is another than in the tunnel before; the lab's node has one for all", t->name,
                         knob);
            return;
        }
        json_decref(common);
        json_decref(wanted);
        common = json_incref(own);
        wanted = value(&c->ordered->tunnels[i]);
        line = t->line[item];
    }
    if (common && !json_equal(common, wanted))
        turn(c, NULL, knob, json_incref(common), line, json_incref(common), json_incref(wanted));
}

static json_t *mss_of(const struct vc_cpe_tunnel *t)
{
    return json_integer(t->mss);
}

static json_t *pmtud_of(const struct vc_cpe_tunnel *t)
{
    return json_boolean(t->pmtud);
}

static const struct vc_cpe_neighbor *found_neighbor(const struct vc_cpe *cpe, struct in_addr a)
{
    for (size_t i = 0; i < cpe->neighbor_count; i++)
        if (cpe->neighbors[i].address.s_addr == a.s_addr)
            return &cpe->neighbors[i];
    return NULL;
}

static void compare_lan(const struct comparison *c)
{
    const struct vc_cpe *cpe = c->import->cpe;
    size_t with = 0, without = 0, partners = 0, missing = 0;
    int line = 0;

    for (size_t i = 0; i < c->ordered->neighbor_count; i++) {
        const struct vc_cpe_neighbor *n = found_neighbor(cpe, c->ordered->neighbors[i].address);

        partners += c->ordered->neighbors[i].cpe;
        missing += c->ordered->neighbors[i].cpe && !n;
        with += n && n->next_hop_self;
        without += n && !n->next_hop_self;
        line = n && !n->next_hop_self ? n->line : line;
    }
    if (missing && missing < partners)
        vc_cpe_error(c->import->cpe, 0,
                     "iBGP with some of the other CPEs and not with all; the lab's node has all or none");
    else if (missing)
        turn(c, NULL, "ibgp", json_false(), 0, json_string("none"), json_string("with the other CPE"));
    if (with && without)
        vc_cpe_error(c->import->cpe, line,
                     "next-hop-self for some of the iBGP neighbours and not for all; the lab's node "
                     "has all or none");
    else if (without)
        turn(c, NULL, "next_hop_self", json_false(), line, json_false(), json_true());
    if (strcmp(cpe->redistribute, c->ordered->redistribute) != 0 && strcmp(cpe->redistribute, "part") != 0)
        turn(c, NULL, "redistribute", json_string(cpe->redistribute), cpe->redistribute_line,
             json_string(cpe->redistribute), json_string(c->ordered->redistribute));
}

/* A knob that every tunnel has the same is the node's. */
static void gather(const struct comparison *c)
{
    json_t *first = json_object_get(c->tunnels, c->ordered->tunnels[0].name), *knobs, *value;
    VC_AUTO_JSON *copy = json_deep_copy(first);
    const char *knob, *tunnel;
    void *next;

    json_object_foreach(copy, knob, value)
    {
        bool all = true;

        json_object_foreach(c->tunnels, tunnel, knobs) all &= json_equal(json_object_get(knobs, knob), value) == 1;
        if (!all)
            continue;
        json_object_set(c->import->configure, knob, value);
        json_object_foreach(c->tunnels, tunnel, knobs) json_object_del(knobs, knob);
    }
    json_object_foreach_safe(c->tunnels, next, tunnel, knobs)
    {
        if (!json_object_size(knobs))
            json_object_del(c->tunnels, tunnel);
    }
    if (json_object_size(c->tunnels))
        json_object_set(c->import->configure, "tunnels", c->tunnels);
}

void vc_cpe_compare(struct vc_import *import, const struct vc_cpe *ordered, const char *timers)
{
    VC_AUTO_JSON *tunnels = json_object();
    const struct comparison c = {import, ordered, timers, tunnels};

    import->configure = json_object();
    import->deviations = json_array();
    for (size_t i = 0; i < ordered->tunnel_count; i++) {
        json_object_set_new(tunnels, ordered->tunnels[i].name, json_object());
        compare_tunnel(&c, i);
    }
    compare_common(&c, "mss", VC_CPE_MSS, mss_of);
    compare_common(&c, "pmtud", VC_CPE_PMTUD, pmtud_of);
    compare_lan(&c);
    gather(&c);
}
