/*
 * What protects a tunnel's GRE: an entry of a crypto map on the interface to the Internet, a tunnel interface of IPsec
 * with a policy, or `tunnel protection` on the GRE interface itself; and the IKE that goes with it.
 */
#include <string.h>
#include <strings.h>

#include "config/policy.h"
#include "config/read.h"
#include "config/words.h"

/* One thing that protects. */
struct shield {
    const struct vc_ios_section *at;    /* crypto map entry, or IPsec profile */
    const struct vc_ios_section *owner; /* the interface that has it; NULL: none, so it does nothing */
    const struct vc_ios_section *wan;   /* from which it leaves */
    const struct vc_ios_section *own;   /* the GRE interface whose `tunnel protection` it is, or NULL */
    struct in_addr peer;
    const char *acl;
    int line;
};

static unsigned number(const struct vc_ios_fact *fact, size_t arg, unsigned otherwise)
{
    return fact && fact->count > arg ? (unsigned)strtoul(fact->args[arg], NULL, 10) : otherwise;
}

static int line_of(const struct vc_ios_fact *fact, int otherwise)
{
    return fact ? fact->line : otherwise;
}

static struct in_addr address_arg(const struct vc_ios_fact *fact)
{
    struct in_addr out = {0};

    if (fact)
        vc_addr_parse(fact->args[0], &out);
    return out;
}

/* ---- what there is ---- */

static const struct vc_ios_section *interface_with_map(const struct vc_ios *ios, const char *entry)
{
    VC_AUTO_TALLOC char *map = talloc_strndup(NULL, entry, strcspn(entry, " "));

    for (size_t i = 0; i < ios->section_count; i++)
        if (ios->sections[i].kind == VC_IOS_INTERFACE && vc_ios_fact(&ios->sections[i], "map", map) &&
            !vc_ios_fact(&ios->sections[i], "shutdown", NULL))
            return &ios->sections[i];
    return NULL;
}

static const struct vc_ios_section *source_of(const struct vc_cpe_reader *r, const struct vc_ios_section *tunnel)
{
    const struct vc_ios_fact *source = vc_ios_fact(tunnel, "source", NULL);
    VC_AUTO_TALLOC char *both =
        source && source->count > 1 ? talloc_asprintf(NULL, "%s%s", source->args[0], source->args[1]) : NULL;

    return source ? vc_cpe_interface(r, both ? both : source->args[0]) : NULL;
}

static bool describe(const struct vc_cpe_reader *r, const struct vc_ios_section *s, struct shield *out)
{
    const struct vc_ios_fact *fact = vc_ios_fact(s, "acl", NULL), *protection = vc_ios_fact(s, "protection", NULL);

    if (s->kind == VC_IOS_MAP) {
        *out = (struct shield){.at = s,
                               .owner = interface_with_map(r->ios, s->name),
                               .peer = address_arg(vc_ios_fact(s, "peer", NULL)),
                               .acl = fact ? fact->args[0] : NULL,
                               .line = line_of(vc_ios_fact(s, "peer", NULL), s->line)};
        out->wan = out->owner;
        return true;
    }
    if (s->kind != VC_IOS_INTERFACE || !protection)
        return false;
    bool vti = vc_ios_fact(s, "ipsec", NULL);
    fact = vc_ios_fact(s, "policy", NULL);
    *out = (struct shield){.at = vc_ios_section(r->ios, VC_IOS_IPSEC, protection->args[0]),
                           .owner = s,
                           .wan = source_of(r, s),
                           .own = vti ? NULL : s,
                           .peer = address_arg(vc_ios_fact(s, "destination", NULL)),
                           .acl = fact ? fact->args[0] : NULL,
                           .line = protection->line};
    return true;
}

/* The entry of its list that takes the tunnel's GRE, or else the first that permits. */
static bool entry_for(const struct vc_cpe_reader *r, const struct shield *s, const struct vc_cpe_tunnel *t,
                      struct vc_ios_entry *out)
{
    const struct vc_ios_section *acl = s->acl ? vc_ios_section(r->ios, VC_IOS_ACL, s->acl) : NULL;
    struct vc_ios_entry entry;
    bool found = false;

    for (size_t i = 0; acl && i < acl->count; i++) {
        if (!vc_ios_entry_read(&acl->facts[i], &entry) || !entry.permit)
            continue;
        bool takes =
            vc_prefix_contains(entry.from, t->transport_local) && vc_prefix_contains(entry.to, t->transport_remote);
        if (takes || !found)
            *out = entry;
        found = true;
        if (takes)
            break;
    }
    return found;
}

/* How likely it is meant for that tunnel. */
static int likeness(const struct vc_cpe_reader *r, const struct shield *s, size_t i)
{
    const struct vc_cpe_tunnel *ordered = &r->ordered->tunnels[i], *t = &r->cpe->tunnels[i];
    struct vc_ios_entry entry;
    int points = s->peer.s_addr == ordered->peer.s_addr ? 8 : 0;

    if (s->own)
        return s->own == r->gre[i] ? 30 : -1;
    if (!entry_for(r, s, t, &entry))
        return points;
    points += entry.to.len && vc_prefix_contains(entry.to, t->transport_remote) ? 6 : 0;
    points += entry.to.len && vc_prefix_contains(entry.to, ordered->transport_remote) ? 2 : 0;
    points += entry.from.len && vc_prefix_contains(entry.from, t->transport_local) ? 3 : 0;
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
    t->line[VC_CPE_MODE] = line_of(require, line_of(mode, set->line));
    if (require || (between_peers && mode && !strcasecmp(mode->args[0], "transport")))
        t->mode = "transport";
    else if (mode && !strcasecmp(mode->args[0], "transport"))
        vc_cpe_note(
            r->cpe, mode->line,
            "tunnel %s: mode transport; IOS-XE uses it only for traffic between the IPsec addresses themselves, "
            "and tunnel mode for this one",
            t->name);
}

static void read_esp(struct vc_cpe_reader *r, const struct shield *s, struct vc_cpe_tunnel *t, const char *wanted)
{
    const struct vc_ios_fact *sets = vc_ios_fact(s->at, "transform", NULL), *pfs = vc_ios_fact(s->at, "pfs", NULL);
    const struct vc_ios_fact *lifetime = vc_ios_fact(s->at, "lifetime", NULL);
    const char *number_text = pfs && pfs->count ? pfs->args[0] + (strncasecmp(pfs->args[0], "group", 5) ? 0 : 5) : "1";
    const struct vc_word *group = pfs ? vc_word_of_ikev2(VC_WORD_GROUP, number_text) : NULL;

    const struct vc_ios_fact *replay = vc_ios_fact(s->at, "replay", NULL);

    lifetime = lifetime ? lifetime : vc_ios_fact(&r->ios->sections[0], "lifetime", NULL);
    replay = replay ? replay : vc_ios_fact(&r->ios->sections[0], "replay", NULL);
    t->child_lifetime_s = number(lifetime, 0, 3600);
    t->line[VC_CPE_CHILD_LIFETIME] = line_of(lifetime, s->at->line);
    t->replay_window = number(replay, 0, 64);
    t->line[VC_CPE_REPLAY] = line_of(replay, s->at->line);
    t->mode = "tunnel";
    t->line[VC_CPE_ESP] = line_of(sets, s->at->line);
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

/* What is taken of the traffic. `tunnel protection` takes the tunnel's own GRE. */
static void read_selector(struct vc_cpe_reader *r, const struct shield *s, struct vc_cpe_tunnel *t)
{
    struct vc_ios_entry entry = {.permit = true,
                                 .protocol = "gre",
                                 .from = {t->transport_local, 32},
                                 .to = {t->transport_remote, 32},
                                 .line = s->line};

    if (!s->own && !entry_for(r, s, t, &entry)) {
        t->crypto = false;
        t->line[VC_CPE_CRYPTO] = s->at->line;
        return;
    }
    t->protocol = entry.protocol;
    t->selector_local = entry.from;
    t->selector_remote = entry.to;
    t->line[VC_CPE_SELECTOR] = t->line[VC_CPE_SELECTOR_REMOTE] = entry.line;
    if (strcmp(entry.protocol, "gre") != 0 && strcmp(entry.protocol, "ip") != 0) {
        t->crypto = false; /* GRE is not what it asks for */
        t->line[VC_CPE_CRYPTO] = entry.line;
    }
}

static void read_shield(struct vc_cpe_reader *r, const struct shield *s, size_t i)
{
    const struct vc_cpe_tunnel *ordered = &r->ordered->tunnels[i];
    struct vc_cpe_tunnel *t = &r->cpe->tunnels[i];

    t->crypto = s->owner && s->at;
    t->line[VC_CPE_CRYPTO] = s->line;
    r->wan[i] = s->wan;
    if (!t->crypto) {
        vc_cpe_note(r->cpe, s->line, "tunnel %s: %s", t->name,
                    s->at ? "the crypto map is on no interface" : "the IPsec profile is not defined");
        return;
    }
    t->peer = s->peer;
    t->line[VC_CPE_PEER] = s->line;
    vc_cpe_read_ike(r, t, s->at, s->wan, ordered->remote_identity);
    read_esp(r, s, t, ordered->esp);
    read_selector(r, s, t);
}

void vc_cpe_read_ipsec(struct vc_cpe_reader *r)
{
    size_t tunnels = r->ordered->tunnel_count, count = 0, s, t;
    struct shield *shields = talloc_zero_array(r->scratch, struct shield, r->ios->section_count);

    for (s = 0; s < r->ios->section_count; s++)
        count += describe(r, &r->ios->sections[s], &shields[count]);
    int *points = talloc_array(r->scratch, int, count *tunnels + 1);
    for (s = 0; s < count; s++)
        for (t = 0; t < tunnels; t++)
            points[s * tunnels + t] = r->gre[t] ? likeness(r, &shields[s], t) : -1;
    while (vc_cpe_best_pair(points, count, tunnels, 3, &s, &t))
        read_shield(r, &shields[s], t);
}
