/*
 * What protects a tunnel's GRE: an entry of a crypto map on the interface to the Internet, a tunnel interface of IPsec
 * with a policy, or `tunnel protection` on the GRE interface itself; and the IKE that goes with it.
 */
#include <string.h>
#include <strings.h>

#include "config/read.h"
#include "config/words.h"

/* One thing that protects. */
struct shield {
    const struct vc_ios_section *at;    /* crypto map entry, or IPsec profile */
    const struct vc_ios_section *owner; /* the interface that has it; NULL: none, so it does nothing */
    const struct vc_ios_section *own;   /* the GRE interface whose `tunnel protection` it is, or NULL */
    const char *vrf;
    struct in_addr peer, local; /* local 0: not in the configuration */
    const struct vc_ios_fact *match;
    const struct vc_ios_acl *acl;
    bool everything; /* a tunnel of IPsec without a policy */
    unsigned seq;
    int line;
};

static struct in_addr address_arg(const struct vc_ios_fact *fact)
{
    struct in_addr out = {0};

    if (fact)
        vc_addr_parse(fact->args[0], &out);
    return out;
}

/* ---- what there is ---- */

static const struct vc_ios_section *interface_with_map(const struct vc_ios *ios, const char *map)
{
    const struct vc_ios_section *shut = NULL;

    for (size_t i = 0; i < ios->section_count; i++) {
        const struct vc_ios_section *s = &ios->sections[i];

        if (s->kind != VC_IOS_INTERFACE || !vc_ios_fact(s, "map", map))
            continue;
        if (!vc_ios_fact(s, "shutdown", NULL))
            return s;
        shut = s;
    }
    return shut;
}

static bool is_ciscos(const struct vc_cpe_reader *r, struct in_addr address)
{
    for (size_t i = 0; i < r->topology->tunnel_count; i++)
        if (r->topology->tunnels[i].ipsec_cisco.s_addr == address.s_addr)
            return true;
    return false;
}

/* IOS calls the default one, else the first, and another only when that is silent. Cisco's end is not silent, whichever
 * it is; a stranger is. */
static const struct vc_ios_fact *choose_peer(const struct vc_cpe_reader *r, const struct vc_ios_section *entry)
{
    const struct vc_ios_fact *first = vc_ios_fact(entry, "peer-default", NULL), *chosen;

    for (size_t i = 0; i < entry->count && !first; i++)
        if (!strcmp(entry->facts[i].key, "peer"))
            first = &entry->facts[i];
    chosen = first;
    for (size_t i = 0; i < entry->count && chosen && !is_ciscos(r, address_arg(chosen)); i++)
        if (!strncmp(entry->facts[i].key, "peer", 4) && is_ciscos(r, address_arg(&entry->facts[i])))
            chosen = &entry->facts[i];
    for (size_t i = 0; i < entry->count && chosen && is_ciscos(r, address_arg(chosen)); i++)
        if (!strncmp(entry->facts[i].key, "peer", 4) && &entry->facts[i] != chosen)
            vc_cpe_note(r->cpe, entry->facts[i].line, "peer %s stands beside %s; the lab's node has the latter alone",
                        entry->facts[i].args[0], chosen->args[0]);
    return chosen;
}

static void describe_map(const struct vc_cpe_reader *r, const struct vc_ios_section *s, struct shield *out)
{
    VC_AUTO_TALLOC char *map = talloc_strndup(NULL, s->name, strcspn(s->name, " "));
    const struct vc_ios_fact *peer = choose_peer(r, s), *local = vc_ios_fact(&r->ios->sections[0], "map-local", map);
    struct vc_prefix address = {0};

    *out = (struct shield){.at = s,
                           .owner = interface_with_map(r->ios, map),
                           .peer = address_arg(peer),
                           .match = vc_ios_fact(s, "acl", NULL),
                           .seq = (unsigned)strtoul(strrchr(s->name, ' ') + 1, NULL, 10),
                           .line = vc_ios_line(peer, s->line)};
    if (local)
        vc_cpe_interface_address(r, local->args[1], &address);
    else if (out->owner)
        vc_cpe_interface_address(r, out->owner->name, &address);
    out->local = address.addr;
    out->vrf = out->owner ? vc_cpe_vrf(out->owner) : NULL;
}

static void describe_tunnel(const struct vc_cpe_reader *r, const struct vc_ios_section *s,
                            const struct vc_ios_fact *protection, struct shield *out)
{
    bool vti = vc_ios_fact(s, "ipsec", NULL);
    const struct vc_ios_fact *vrf = vc_ios_fact(s, "tunnel-vrf", NULL);
    const char *source = vc_cpe_tunnel_source(r, s);
    struct vc_prefix address = {0};

    *out = (struct shield){.at = vc_ios_section(r->ios, VC_IOS_IPSEC, protection->args[0]),
                           .owner = s,
                           .own = vti ? NULL : s,
                           .vrf = vrf ? vrf->args[0] : "",
                           .peer = address_arg(vc_ios_fact(s, "destination", NULL)),
                           .match = vc_ios_fact(s, "policy", NULL),
                           .line = protection->line};
    out->everything = vti && !out->match;
    if (source && !vc_addr_parse(source, &address.addr))
        vc_cpe_interface_address(r, source, &address);
    out->local = address.addr;
}

static bool describe(const struct vc_cpe_reader *r, const struct vc_ios_section *s, struct shield *out)
{
    const struct vc_ios_fact *protection = vc_ios_fact(s, "protection", NULL);

    if (s->kind == VC_IOS_MAP)
        describe_map(r, s, out);
    else if (s->kind == VC_IOS_INTERFACE && protection)
        describe_tunnel(r, s, protection, out);
    else
        return false;
    return true;
}

static struct vc_ios_packet gre_of(const struct vc_cpe_tunnel *t)
{
    return (struct vc_ios_packet){.protocol = "gre", .from = t->transport_local, .to = t->transport_remote};
}

static bool is_of_gre(const struct vc_ios_entry *entry)
{
    return entry->readable && (!strcmp(entry->protocol, "gre") || !strcmp(entry->protocol, "ip"));
}

/* Where no entry takes the tunnel's GRE: the one that may be meant to, of GRE first. NULL: none permits anything. */
static const struct vc_ios_entry *nearest(const struct vc_ios_acl *acl, const struct vc_cpe_tunnel *t)
{
    const struct vc_ios_entry *best = NULL;
    int most = -1;

    for (size_t i = 0; acl && i < acl->count; i++) {
        const struct vc_ios_entry *e = &acl->entries[i];
        int points = 0;

        if (!e->permit || !e->readable)
            continue;
        points += is_of_gre(e) ? 4 : 0;
        points += vc_prefix_contains(e->to, t->transport_remote) ? 2 : 0;
        points += vc_prefix_contains(e->from, t->transport_local) ? 1 : 0;
        if (points > most) {
            best = e;
            most = points;
        }
    }
    return best;
}

/* How likely it is meant for that tunnel. */
static int likeness(const struct vc_cpe_reader *r, const struct shield *s, size_t i)
{
    const struct vc_cpe_tunnel *ordered = &r->ordered->tunnels[i], *t = &r->cpe->tunnels[i];
    const struct vc_ios_entry *entry = nearest(s->acl, t);
    int points = s->peer.s_addr == ordered->peer.s_addr ? 8 : 0;

    if (s->own)
        return s->own == r->gre[i] ? 30 : -1;
    if (!entry)
        return points;
    points += entry->to.len && vc_prefix_contains(entry->to, t->transport_remote) ? 6 : 0;
    points += entry->to.len && vc_prefix_contains(entry->to, ordered->transport_remote) ? 2 : 0;
    points += entry->from.len && vc_prefix_contains(entry->from, t->transport_local) ? 3 : 0;
    return points;
}

/* ---- ESP ---- */

static const char *transform_text(struct vc_cpe_reader *r, const struct vc_ios_section *set)
{
    const struct vc_ios_fact *fact = vc_ios_fact(set, "transform", NULL);
    char *text = talloc_strdup(r->cpe, "");

    for (size_t i = 0; fact && i < fact->count; i++) {
        bool size = i + 1 < fact->count && strspn(fact->args[i + 1], "0123456789") == strlen(fact->args[i + 1]);
        const struct vc_word *word = vc_word_of_transform(fact->args[i], size ? fact->args[i + 1] : "");

        if (!word)
            return NULL;
        text = talloc_asprintf_append(text, "%s%s", *text ? "-" : "", word->strongswan);
        i += size;
    }
    return *text ? text : NULL;
}

static void read_mode(struct vc_cpe_reader *r, const struct vc_ios_section *set, struct vc_cpe_tunnel *t)
{
    const struct vc_ios_fact *mode = vc_ios_fact(set, "mode", NULL),
                             *require = vc_ios_fact(set, "mode-transport", NULL);
    bool between_peers = t->transport_remote.s_addr == t->peer.s_addr;

    t->mode = "tunnel";
    t->line[VC_CPE_MODE] = vc_ios_line(require, vc_ios_line(mode, set->line));
    if (require || (between_peers && mode && !strcasecmp(mode->args[0], "transport")))
        t->mode = "transport";
    else if (mode && !strcasecmp(mode->args[0], "transport"))
        vc_cpe_note(
            r->cpe, mode->line,
            "tunnel %s: mode transport; IOS-XE uses it only for traffic between the IPsec addresses themselves, "
            "and tunnel mode for this one",
            t->name);
}

static void read_times(struct vc_cpe_reader *r, const struct shield *s, struct vc_cpe_tunnel *t)
{
    const struct vc_ios_section *top = &r->ios->sections[0];
    const struct vc_ios_fact *lifetime = vc_ios_fact(s->at, "lifetime", NULL),
                             *replay = vc_ios_fact(s->at, "replay", NULL),
                             *responder = vc_ios_fact(s->at, "responder", NULL);

    lifetime = lifetime ? lifetime : vc_ios_fact(top, "lifetime", NULL);
    replay = replay ? replay : vc_ios_fact(top, "replay", NULL);
    t->child_lifetime_s = vc_ios_number(lifetime, 0, 3600);
    t->line[VC_CPE_CHILD_LIFETIME] = vc_ios_line(lifetime, s->at->line);
    t->replay_window = vc_ios_number(replay, 0, replay ? 0 : 64); /* without a number: disabled */
    t->line[VC_CPE_REPLAY] = vc_ios_line(replay, s->at->line);
    t->answers_only = responder;
    t->line[VC_CPE_INITIATE] = vc_ios_line(responder, s->at->line);
}

static void read_esp(struct vc_cpe_reader *r, const struct shield *s, struct vc_cpe_tunnel *t, const char *wanted)
{
    const struct vc_ios_fact *sets = vc_ios_fact(s->at, "transform", NULL), *pfs = vc_ios_fact(s->at, "pfs", NULL);
    const char *number_text = pfs && pfs->count ? pfs->args[0] + (strncasecmp(pfs->args[0], "group", 5) ? 0 : 5) : "1";
    const struct vc_word *group = pfs ? vc_word_of_ikev2(VC_WORD_GROUP, number_text) : NULL;

    t->mode = "tunnel";
    t->line[VC_CPE_ESP] = vc_ios_line(sets, s->at->line);
    for (size_t i = 0; sets && i < sets->count; i++) {
        const struct vc_ios_section *set = vc_ios_section(r->ios, VC_IOS_TRANSFORM, sets->args[i]);
        const char *text = set ? transform_text(r, set) : NULL;

        if (!text) {
            vc_cpe_error(r->cpe, set ? set->line : sets->line, "tunnel %s: %s transform-set %s", t->name,
                         set ? "the lab has no words for" : "there is no", sets->args[i]);
            continue;
        }
        text = group ? talloc_asprintf(r->cpe, "%s-%s", text, group->strongswan) : text;
        if (t->esp && !vc_words_equal(text, wanted))
            continue;
        t->esp = text;
        t->line[VC_CPE_ESP] = set->line;
        read_mode(r, set, t);
    }
    if (pfs && group)
        t->line[VC_CPE_ESP] = pfs->line;
    if (!sets)
        vc_cpe_error(r->cpe, s->at->line, "tunnel %s: no transform-set", t->name);
    if (pfs && !group)
        vc_cpe_error(r->cpe, pfs->line, "tunnel %s: the lab has no word for pfs %s", t->name, number_text);
}

/* ---- what is taken of the traffic ---- */

static void take_entry(struct vc_cpe_tunnel *t, const struct vc_ios_entry *entry)
{
    t->protocol = entry->protocol;
    t->selector_local = entry->from;
    t->selector_remote = entry->to;
    t->line[VC_CPE_SELECTOR] = t->line[VC_CPE_SELECTOR_REMOTE] = entry->line;
}

static void take_nothing(struct vc_cpe_tunnel *t, int line)
{
    t->crypto = false;
    t->line[VC_CPE_CRYPTO] = line;
}

/* Each entry asks for an SA of its own; the order has that of the GRE alone. */
static void tell_others(struct vc_cpe_reader *r, const struct shield *s, const struct vc_ios_entry *but)
{
    for (size_t i = 0; i < s->acl->count; i++) {
        const struct vc_ios_entry *e = &s->acl->entries[i];

        if (e->permit && e != but && !(e->readable && is_of_gre(e)))
            vc_cpe_note(r->cpe, e->line,
                        "access list %s takes more than GRE; the lab's node asks for the GRE's SA alone", s->acl->name);
    }
}

/* `tunnel protection` takes the tunnel's own GRE. */
static void read_selector(struct vc_cpe_reader *r, const struct shield *s, struct vc_cpe_tunnel *t)
{
    const struct vc_ios_entry gre = {
        .protocol = "gre", .from = {t->transport_local, 32}, .to = {t->transport_remote, 32}, .line = s->line};
    const struct vc_ios_entry all = {.protocol = "ip", .line = s->line}, *entry = NULL;
    const struct vc_ios_packet packet = gre_of(t);

    if (s->own || s->everything) {
        take_entry(t, s->own ? &gre : &all);
        return;
    }
    if (!s->acl) {
        vc_cpe_note(r->cpe, vc_ios_line(s->match, s->at->line), "tunnel %s: %s%s", t->name,
                    s->match ? "there is no access list " : "the crypto map's entry has no access list",
                    s->match ? s->match->args[0] : "");
        take_nothing(t, vc_ios_line(s->match, s->at->line));
        return;
    }
    enum vc_ios_answer answer = vc_ios_acl_asks(s->acl, &packet, &entry);
    if (answer == VC_IOS_UNKNOWN) {
        vc_cpe_error(r->cpe, entry->line,
                     "tunnel %s: this entry of access list %s is not read, so whether it takes the tunnel's GRE cannot "
                     "be told",
                     t->name, s->acl->name);
        take_entry(t, &gre);
        return;
    }
    bool denied = answer == VC_IOS_DENY && entry;
    entry = answer == VC_IOS_PERMIT || denied ? entry : nearest(s->acl, t);
    tell_others(r, s, entry);
    if (entry && !denied)
        take_entry(t, entry);
    if (!entry || denied || !is_of_gre(entry)) /* GRE is not what it asks for */
        take_nothing(t, entry ? entry->line : s->at->line);
}

static int line_of_address(const struct vc_cpe_reader *r, struct in_addr wanted, int otherwise)
{
    struct vc_prefix address;

    for (size_t i = 0; i < r->ios->section_count; i++)
        if (r->ios->sections[i].kind == VC_IOS_INTERFACE && vc_cpe_address(&r->ios->sections[i], &address) &&
            address.addr.s_addr == wanted.s_addr)
            return vc_ios_line(vc_ios_fact(&r->ios->sections[i], "address", NULL), otherwise);
    return otherwise;
}

/* The order says which address Cisco knows. */
static void check_local(struct vc_cpe_reader *r, const struct shield *s, const struct vc_cpe_tunnel *t)
{
    bool known = !s->local.s_addr || s->own;

    for (size_t i = 0; i < r->ordered->interface_count; i++)
        known |= r->ordered->interfaces[i].wan && r->ordered->interfaces[i].address.addr.s_addr == s->local.s_addr;
    if (known || (s->owner && !r->wan_written && vc_cpe_leads_out(r, s->owner))) /* that is said of the interface */
        return;
    vc_cpe_error(r->cpe, line_of_address(r, s->local, s->line),
                 "tunnel %s: its IPsec leaves from %s, which is not the order's address; Cisco knows no other", t->name,
                 vc_addr_text(s->local).s);
}

static void read_shield(struct vc_cpe_reader *r, const struct shield *s, size_t i)
{
    const struct vc_cpe_tunnel *ordered = &r->ordered->tunnels[i];
    struct vc_cpe_tunnel *t = &r->cpe->tunnels[i];
    const struct vc_ios_fact *shut = s->own ? NULL : vc_ios_fact(s->owner, "shutdown", NULL);

    t->crypto = s->owner && s->at;
    t->line[VC_CPE_CRYPTO] = s->line;
    r->owner[i] = s->owner;
    r->vrf[i] = s->vrf;
    if (!t->crypto) {
        vc_cpe_note(r->cpe, s->line, "tunnel %s: %s", t->name,
                    s->at ? "the crypto map is on no interface" : "the IPsec profile is not defined");
        return;
    }
    if (shut && s->at->kind != VC_IOS_MAP)
        vc_cpe_error(r->cpe, shut->line, "tunnel %s: %s, which protects it, is shut down", t->name, s->owner->name);
    t->peer = s->peer;
    t->line[VC_CPE_PEER] = s->line;
    check_local(r, s, t);
    vc_cpe_read_ike(r, t, s->at, s->local, s->vrf, ordered->remote_identity);
    read_times(r, s, t);
    read_esp(r, s, t, ordered->esp);
    read_selector(r, s, t);
}

/* ---- which is whose ---- */

/* As a router does it: the first entry of the map, by its number, that takes the tunnel's GRE. */
static const struct shield *first_that_takes(const struct vc_cpe_reader *r, const struct shield *shields, size_t count,
                                             size_t tunnel)
{
    const struct vc_ios_packet packet = gre_of(&r->cpe->tunnels[tunnel]);
    const struct shield *first = NULL;

    for (size_t s = 0; s < count; s++) {
        const struct vc_ios_entry *by;

        if (shields[s].owner && shields[s].acl && (!first || shields[s].seq < first->seq) &&
            vc_ios_acl_asks(shields[s].acl, &packet, &by) == VC_IOS_PERMIT)
            first = &shields[s];
    }
    return first;
}

/* Each list is read once, however many entries name it. */
static const struct vc_ios_acl *list_of(struct vc_cpe_reader *r, const struct shield *shields, size_t count,
                                        const struct vc_ios_fact *match)
{
    for (size_t s = 0; match && s < count; s++)
        if (shields[s].acl && !strcmp(shields[s].acl->name, match->args[0]))
            return shields[s].acl;
    return match ? vc_ios_acl(r->scratch, r->ios, match->args[0]) : NULL;
}

void vc_cpe_read_ipsec(struct vc_cpe_reader *r)
{
    size_t tunnels = r->ordered->tunnel_count, count = 0, s, t;
    struct shield *shields = talloc_zero_array(r->scratch, struct shield, r->ios->section_count);

    for (s = 0; s < r->ios->section_count; s++)
        if (describe(r, &r->ios->sections[s], &shields[count])) {
            shields[count].acl = list_of(r, shields, count, shields[count].match);
            count++;
        }
    int *points = talloc_array(r->scratch, int, count *tunnels + 1);
    bool *taken = talloc_zero_array(r->scratch, bool, count + 1);
    for (t = 0; t < tunnels; t++) {
        const struct shield *first =
            r->gre[t] && !vc_ios_fact(r->gre[t], "protection", NULL) ? first_that_takes(r, shields, count, t) : NULL;
        if (first) {
            read_shield(r, first, t);
            taken[first - shields] = true;
        }
        for (s = 0; s < count; s++)
            points[s * tunnels + t] = r->gre[t] && !first ? likeness(r, &shields[s], t) : -1;
    }
    for (s = 0; s < count; s++)
        for (t = 0; taken[s] && t < tunnels; t++)
            points[s * tunnels + t] = -1;
    while (vc_cpe_best_pair(points, count, tunnels, 3, &s, &t))
        read_shield(r, &shields[s], t);
}
