/* IKE of one tunnel: profile, keyring, proposals; or IKEv1 where a crypto map names no ikev2 profile. */
#include <string.h>
#include <strings.h>

#include "config/read.h"
#include "config/words.h"

static unsigned number(const struct vc_ios_fact *fact, size_t arg, unsigned otherwise)
{
    return fact && fact->count > arg ? (unsigned)strtoul(fact->args[arg], NULL, 10) : otherwise;
}

static int line_of(const struct vc_ios_fact *fact, int otherwise)
{
    return fact ? fact->line : otherwise;
}

/* Does an address with an optional mask, as a fact has them, contain the other? */
static bool covers(const struct vc_ios_fact *fact, size_t at, struct in_addr address)
{
    struct vc_prefix p = {.len = 32};
    struct in_addr mask;
    bool masked = fact->count > at + 1 && vc_addr_parse(fact->args[at + 1], &mask);

    return vc_addr_parse(fact->args[at], &p.addr) && (!masked || vc_mask_parse(fact->args[at + 1], false, &p.len)) &&
           vc_prefix_contains(p, address);
}

/* The address from which IKE leaves. One that the provider gives is what the order has. */
static const char *own_address(struct vc_cpe_reader *r, const struct vc_ios_section *wan)
{
    struct vc_prefix own = {0};

    if (wan && !vc_cpe_interface_address(r, wan->name, &own))
        for (size_t i = 0; i < r->ordered->interface_count; i++)
            if (r->ordered->interfaces[i].wan)
                own = r->ordered->interfaces[i].address;
    return talloc_strdup(r->cpe, vc_addr_text(own.addr).s);
}

/* KEY, 0 KEY, 6 ENCRYPTED or 7 OBFUSCATED; <…> stands for one that was left out. */
static void read_key(struct vc_cpe_reader *r, const struct vc_ios_fact *fact, size_t at, struct vc_cpe_key *key)
{
    const char *kind = fact->count > at + 1 ? fact->args[at] : "";
    const char *text = fact->count > at ? fact->args[fact->count > at + 1 && strspn(kind, "067") ? at + 1 : at] : "";

    if (!strcmp(kind, "7"))
        key->text = vc_type7(r->cpe, text);
    else if (strcmp(kind, "6") != 0 && *text != '<')
        key->text = talloc_strdup(r->cpe, text);
    key->hidden = !key->text;
}

static void read_ring(struct vc_cpe_reader *r, const char *ring, struct vc_cpe_tunnel *t)
{
    size_t length = strlen(ring);

    for (size_t i = 0; i < r->ios->section_count; i++) {
        const struct vc_ios_section *peer = &r->ios->sections[i];
        const struct vc_ios_fact *address = vc_ios_fact(peer, "address", NULL), *key = vc_ios_fact(peer, "key", NULL);

        if (peer->kind != VC_IOS_KEYRING || strncasecmp(peer->name, ring, length) != 0 || peer->name[length] != ' ' ||
            !address || !covers(address, 0, t->peer))
            continue;
        t->line[VC_CPE_PSK] = line_of(key, peer->line);
        if (key)
            read_key(r, key, !strcasecmp(key->args[0], "local") || !strcasecmp(key->args[0], "remote"), &t->psk);
        return;
    }
}

static void read_match(struct vc_cpe_reader *r, const struct vc_ios_section *profile, struct vc_cpe_tunnel *t,
                       const char *wanted)
{
    const struct vc_ios_fact *any = vc_ios_fact(profile, "match", NULL),
                             *other = vc_ios_fact(profile, "match-other", NULL);
    struct in_addr address;

    t->remote_identity = any ? any->args[0] : other ? other->args[other->count - 1] : "nobody";
    t->line[VC_CPE_REMOTE_IDENTITY] = line_of(any, line_of(other, profile->line));
    if (!vc_addr_parse(wanted, &address))
        return;
    for (size_t i = 0; i < profile->count; i++)
        if ((!strcmp(profile->facts[i].key, "match") && covers(&profile->facts[i], 0, address)) ||
            (!strcmp(profile->facts[i].key, "match-other") && !strcasecmp(profile->facts[i].args[0], "any"))) {
            t->remote_identity = talloc_strdup(r->cpe, wanted);
            t->line[VC_CPE_REMOTE_IDENTITY] = profile->facts[i].line;
            return;
        }
}

static void read_profile(struct vc_cpe_reader *r, const struct vc_ios_section *profile,
                         const struct vc_ios_section *wan, struct vc_cpe_tunnel *t, const char *wanted)
{
    const struct vc_ios_fact *identity = vc_ios_fact(profile, "identity", NULL);
    const struct vc_ios_fact *ring = vc_ios_fact(profile, "keyring", NULL), *dpd = vc_ios_fact(profile, "dpd", NULL);
    const struct vc_ios_fact *lifetime = vc_ios_fact(profile, "lifetime", NULL);
    static const char *const ways[] = {"auth-local", "auth-remote"};
    t->identity = identity ? identity->args[0] : own_address(r, wan);
    t->line[VC_CPE_IDENTITY] = line_of(identity, profile->line);
    t->ike_lifetime_s = number(lifetime, 0, 86400);
    t->line[VC_CPE_IKE_LIFETIME] = line_of(lifetime, profile->line);
    dpd = dpd ? dpd : vc_ios_fact(&r->ios->sections[0], "dpd", NULL);
    t->dpd_delay_s = number(dpd, 0, 0);
    t->dpd_retries = number(dpd, 1, 0);
    t->line[VC_CPE_DPD] = line_of(dpd, profile->line);
    t->line[VC_CPE_PSK] = line_of(ring, profile->line);
    if (ring)
        read_ring(r, ring->args[0], t);
    read_match(r, profile, t, wanted);
    for (size_t i = 0; i < VC_COUNT(ways); i++) {
        const struct vc_ios_fact *way = vc_ios_fact(profile, ways[i], NULL);

        if (!way || strcasecmp(way->args[0], "pre-share") != 0)
            vc_cpe_error(r->cpe, line_of(way, profile->line),
                         "tunnel %s: authentication %s; the order has pre-shared keys, and the lab's node nothing else",
                         t->name, way ? way->args[0] : "is not said");
    }
}

/* One word of each part, as strongSwan writes a proposal: without what a cipher does itself, and without a PRF that is
 * the integrity algorithm's. */
static char *proposal_text(struct vc_cpe_reader *r, const char *const said[VC_WORD_PARTS], int line)
{
    static const char *const names[VC_WORD_PARTS] = {"encryption", "integrity", "prf", "group"};
    const struct vc_word *words[VC_WORD_PARTS];
    char *text = talloc_strdup(r->scratch, "");

    for (int p = 0; p < VC_WORD_PARTS; p++) {
        words[p] = vc_word_of_ikev2((enum vc_word_part)p, said[p]);
        if (*said[p] && !words[p])
            vc_cpe_error(r->cpe, line, "the lab has no word for %s %s", names[p], said[p]);
    }
    if (words[VC_WORD_CIPHER] && words[VC_WORD_CIPHER]->aead)
        words[VC_WORD_INTEGRITY] = NULL;
    if (words[VC_WORD_INTEGRITY] && !strcmp(said[VC_WORD_INTEGRITY], said[VC_WORD_PRF]))
        words[VC_WORD_PRF] = NULL;
    for (int p = 0; p < VC_WORD_PARTS; p++)
        if (words[p])
            text = talloc_asprintf_append(text, "%s%s", *text ? "-" : "", words[p]->strongswan);
    return text;
}

/* Every proposal that the lists of one section make, as strongSwan writes them. */
static void add_proposals(struct vc_cpe_reader *r, const struct vc_ios_section *section, struct vc_cpe_tunnel *t)
{
    static const char *const keys[VC_WORD_PARTS] = {"encryption", "integrity", "prf", "group"};
    static const char *const nothing[] = {""};
    const char *const *lists[VC_WORD_PARTS];
    size_t counts[VC_WORD_PARTS], all = 1;

    for (int p = 0; p < VC_WORD_PARTS; p++) {
        const struct vc_ios_fact *fact = vc_ios_fact(section, keys[p], NULL);

        lists[p] = fact ? fact->args : nothing;
        counts[p] = fact ? fact->count : 1;
        all *= counts[p];
    }
    for (size_t n = 0; n < all && n < 64; n++) {
        const char *said[VC_WORD_PARTS];
        size_t rest = n;

        for (int p = 0; p < VC_WORD_PARTS; rest /= counts[p], p++)
            said[p] = lists[p][rest % counts[p]];
        char *text = proposal_text(r, said, section->line);
        t->ike = t->ike ? talloc_asprintf(r->cpe, "%s,%s", t->ike, text) : talloc_strdup(r->cpe, text);
    }
}

/* All policies are global; without one IOS-XE has its own. */
static void read_proposals(struct vc_cpe_reader *r, struct vc_cpe_tunnel *t)
{
    bool any = false;

    for (size_t i = 0; i < r->ios->section_count; i++) {
        const struct vc_ios_section *policy = &r->ios->sections[i];

        for (size_t f = 0; policy->kind == VC_IOS_POLICY && f < policy->count; f++) {
            const char *name = policy->facts[f].args[0];
            const struct vc_ios_section *proposal = vc_ios_section(r->ios, VC_IOS_PROPOSAL, name);

            any = true;
            if (!proposal) {
                vc_cpe_error(r->cpe, policy->facts[f].line, "there is no crypto ikev2 proposal %s", name);
                continue;
            }
            const struct vc_ios_fact *cipher = vc_ios_fact(proposal, "encryption", NULL);
            if (!cipher || !vc_word_of_ikev2(VC_WORD_CIPHER, cipher->args[0])) {
                vc_cpe_error(r->cpe, line_of(cipher, proposal->line), "proposal %s: %s%s", name,
                             cipher ? "the lab has no word for " : "it has no encryption",
                             cipher ? cipher->args[0] : "");
                continue;
            }
            t->line[VC_CPE_IKE] = t->line[VC_CPE_IKE] ? t->line[VC_CPE_IKE] : cipher->line;
            add_proposals(r, proposal, t);
        }
    }
    if (any)
        return;
    t->ike = "aes256-sha512-ecp256,aes256-sha384-ecp256,aes256-sha512-modp2048,aes256-sha512-ecp521";
    vc_cpe_note(r->cpe, 0,
                "no crypto ikev2 policy: IOS-XE has its default proposal (AES-CBC-256, SHA512, SHA384, groups 19, 14, "
                "21)");
}

/* Without an ikev2-profile a crypto map speaks IKEv1. */
static void read_ikev1(struct vc_cpe_reader *r, const struct vc_ios_section *at, const struct vc_ios_section *wan,
                       struct vc_cpe_tunnel *t)
{
    const struct vc_ios_section *top = &r->ios->sections[0];
    const struct vc_ios_section *policy = vc_ios_section(r->ios, VC_IOS_ISAKMP, NULL);
    const struct vc_ios_fact *cipher = vc_ios_fact(policy, "encryption", NULL),
                             *hash = vc_ios_fact(policy, "hash", NULL);
    const struct vc_ios_fact *group = vc_ios_fact(policy, "group", NULL),
                             *dpd = vc_ios_fact(top, "isakmp-keepalive", NULL);
    VC_AUTO_TALLOC char *esp = talloc_asprintf(NULL, "esp-%s", cipher ? cipher->args[0] : "des");
    const struct vc_word *words[] = {vc_word_of_transform(esp, cipher && cipher->count > 1 ? cipher->args[1] : ""),
                                     vc_word_of_ikev2(VC_WORD_INTEGRITY, hash ? hash->args[0] : "sha1"),
                                     vc_word_of_ikev2(VC_WORD_GROUP, group ? group->args[0] : "1")};

    t->ike_version = 1;
    t->line[VC_CPE_IKE_VERSION] = at->line;
    t->ike = words[0] && words[1] && words[2]
                 ? talloc_asprintf(r->cpe, "%s-%s-%s", words[0]->strongswan, words[1]->strongswan, words[2]->strongswan)
                 : "aes256-sha1-modp2048";
    t->line[VC_CPE_IKE] = line_of(cipher, policy ? policy->line : at->line);
    t->ike_lifetime_s = number(vc_ios_fact(policy, "lifetime", NULL), 0, 86400);
    t->dpd_delay_s = number(dpd, 0, 0);
    t->identity = own_address(r, wan);
    t->remote_identity = talloc_strdup(r->cpe, vc_addr_text(t->peer).s);
    for (size_t i = 0; i < top->count; i++)
        for (size_t a = 0; !strcmp(top->facts[i].key, "isakmp-key") && a + 1 < top->facts[i].count; a++)
            if (!strcasecmp(top->facts[i].args[a], "address") && covers(&top->facts[i], a + 1, t->peer)) {
                struct vc_ios_fact key = top->facts[i];
                key.count = a;
                read_key(r, &key, 0, &t->psk);
                t->line[VC_CPE_PSK] = key.line;
            }
}

void vc_cpe_read_ike(struct vc_cpe_reader *r, struct vc_cpe_tunnel *t, const struct vc_ios_section *at,
                     const struct vc_ios_section *wan, const char *wanted)
{
    const struct vc_ios_fact *name = vc_ios_fact(at, "profile", NULL);
    const struct vc_ios_section *profile = name ? vc_ios_section(r->ios, VC_IOS_PROFILE, name->args[0]) : NULL;

    t->ike_version = 2;
    t->ike = t->identity = t->remote_identity = NULL;
    if (profile) {
        t->line[VC_CPE_IKE_VERSION] = name->line;
        read_profile(r, profile, wan, t, wanted);
        read_proposals(r, t);
    } else if (name) {
        vc_cpe_error(r->cpe, name->line, "tunnel %s: there is no crypto ikev2 profile %s", t->name, name->args[0]);
    } else {
        read_ikev1(r, at, wan, t);
    }
}
