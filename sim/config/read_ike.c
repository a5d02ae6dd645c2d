/* IKE of one tunnel: profile, keyring, proposals; or IKEv1 where a crypto map names no ikev2 profile. */
#include <string.h>
#include <strings.h>

#include "config/read.h"
#include "config/words.h"

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
static const char *own_address(struct vc_cpe_reader *r, struct in_addr local)
{
    for (size_t i = 0; i < r->ordered->interface_count && !local.s_addr; i++)
        if (r->ordered->interfaces[i].wan)
            local = r->ordered->interfaces[i].address.addr;
    return talloc_strdup(r->cpe, vc_addr_text(local).s);
}

/* What is no text is another key than any of the order's. */
static const char *text_of_hex(struct vc_cpe_reader *r, const char *hex)
{
    size_t length = strlen(hex);
    char *out = talloc_zero_size(r->cpe, length / 2 + 1);

    for (size_t i = 0; i + 1 < length; i += 2) {
        char pair[3] = {hex[i], hex[i + 1], 0};
        unsigned long byte = strspn(pair, "0123456789abcdefABCDEF") == 2 ? strtoul(pair, NULL, 16) : 0;

        if (byte < ' ' || byte > '~' || length % 2)
            return "";
        out[i / 2] = (char)byte;
    }
    return out;
}

/* KEY, 0 KEY, 6 ENCRYPTED, 7 OBFUSCATED or hex DIGITS; <…> stands for one that was left out. */
static void read_key(struct vc_cpe_reader *r, const struct vc_ios_fact *fact, struct vc_cpe_key *key)
{
    const char *kind = fact->count > 1 ? fact->args[0] : "", *text = fact->args[fact->count > 1];

    if (*kind && strcmp(kind, "0") != 0 && strcmp(kind, "6") != 0 && strcmp(kind, "7") != 0 &&
        strcasecmp(kind, "hex") != 0)
        text = fact->args[0];
    if (!strcmp(kind, "7"))
        key->text = vc_type7(r->cpe, text);
    else if (!strcasecmp(kind, "hex"))
        key->text = text_of_hex(r, text);
    else if (strcmp(kind, "6") != 0 && *text != '<')
        key->text = talloc_strdup(r->cpe, text);
    key->hidden = !key->text;
}

/* One's own key and the other end's. */
static void read_keys(struct vc_cpe_reader *r, const struct vc_ios_fact *local, const struct vc_ios_fact *remote,
                      int otherwise, struct vc_cpe_tunnel *t)
{
    t->line[VC_CPE_PSK] = vc_ios_line(local, otherwise);
    t->line[VC_CPE_PSK_REMOTE] = vc_ios_line(remote, otherwise);
    if (local)
        read_key(r, local, &t->psk);
    if (remote)
        read_key(r, remote, &t->psk_remote);
}

/* The peer with the longest prefix that has the address, as IOS looks for it. */
static const struct vc_ios_section *find_peer(struct vc_cpe_reader *r, const char *ring, struct in_addr address)
{
    const struct vc_ios_section *best = NULL;
    size_t length = strlen(ring);
    int longest = -1;

    for (size_t i = 0; i < r->ios->section_count; i++) {
        const struct vc_ios_section *peer = &r->ios->sections[i];
        const struct vc_ios_fact *at = vc_ios_fact(peer, "address", NULL);
        uint8_t len = 32;

        if (peer->kind != VC_IOS_KEYRING || strncmp(peer->name, ring, length) != 0 || peer->name[length] != ' ' ||
            !at || !covers(at, 0, address))
            continue;
        if (at->count > 1)
            vc_mask_parse(at->args[1], false, &len);
        if (len > longest) {
            best = peer;
            longest = len;
        }
    }
    return best;
}

static void read_ring(struct vc_cpe_reader *r, const char *ring, struct vc_cpe_tunnel *t)
{
    const struct vc_ios_section *peer = find_peer(r, ring, t->peer);
    const struct vc_ios_fact *both = vc_ios_fact(peer, "key", NULL), *local = vc_ios_fact(peer, "key-local", NULL),
                             *remote = vc_ios_fact(peer, "key-remote", NULL);

    if (peer)
        read_keys(r, local ? local : both, remote ? remote : both, peer->line, t);
}

static void read_match(struct vc_cpe_reader *r, const struct vc_ios_section *profile, struct vc_cpe_tunnel *t,
                       const char *wanted)
{
    const struct vc_ios_fact *any = vc_ios_fact(profile, "match", NULL),
                             *other = vc_ios_fact(profile, "match-other", NULL);
    struct in_addr address;

    t->remote_identity = any ? any->args[0] : other ? other->args[other->count - 1] : "nobody";
    t->line[VC_CPE_REMOTE_IDENTITY] = vc_ios_line(any, vc_ios_line(other, profile->line));
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

/* `match fvrf`: of a policy or profile; without it, of the global table. */
static bool is_for_vrf(const struct vc_ios_section *s, const char *vrf)
{
    const struct vc_ios_fact *fact = vc_ios_fact(s, "fvrf", NULL);

    return fact ? !strcasecmp(fact->args[0], "any") || !strcmp(fact->args[0], vrf) : !*vrf;
}

/* Keys in the profile itself come before those of a keyring. */
static void check_ways(struct vc_cpe_reader *r, const struct vc_ios_section *profile, struct vc_cpe_tunnel *t)
{
    static const struct {
        const char *way, *with_key;
    } ends[] = {{"auth-local", "auth-key-local"}, {"auth-remote", "auth-key-remote"}};

    for (size_t i = 0; i < VC_COUNT(ends); i++) {
        const struct vc_ios_fact *way = vc_ios_fact(profile, ends[i].way, NULL),
                                 *key = vc_ios_fact(profile, ends[i].with_key, NULL);

        if (!key && (!way || strcasecmp(way->args[0], "pre-share") != 0))
            vc_cpe_error(r->cpe, vc_ios_line(way, profile->line),
                         "tunnel %s: authentication %s; the order has pre-shared keys, and the lab's node nothing else",
                         t->name, way ? way->args[0] : "is not said");
        if (!key)
            continue;
        struct vc_cpe_key *out = i ? &t->psk_remote : &t->psk;
        *out = (struct vc_cpe_key){0};
        read_key(r, key, out);
        t->line[i ? VC_CPE_PSK_REMOTE : VC_CPE_PSK] = key->line;
    }
}

static void read_profile(struct vc_cpe_reader *r, const struct vc_ios_section *profile, struct in_addr local,
                         const char *vrf, struct vc_cpe_tunnel *t, const char *wanted)
{
    const struct vc_ios_fact *identity = vc_ios_fact(profile, "identity", NULL);
    const struct vc_ios_fact *ring = vc_ios_fact(profile, "keyring", NULL), *dpd = vc_ios_fact(profile, "dpd", NULL);
    const struct vc_ios_fact *lifetime = vc_ios_fact(profile, "lifetime", NULL);

    t->identity = identity ? identity->args[0] : own_address(r, local);
    t->line[VC_CPE_IDENTITY] = vc_ios_line(identity, profile->line);
    t->ike_lifetime_s = vc_ios_number(lifetime, 0, 86400);
    t->line[VC_CPE_IKE_LIFETIME] = vc_ios_line(lifetime, profile->line);
    dpd = dpd ? dpd : vc_ios_fact(&r->ios->sections[0], "dpd", NULL);
    t->dpd_delay_s = vc_ios_number(dpd, 0, 0);
    t->dpd_retries = vc_ios_number(dpd, 1, 0);
    t->line[VC_CPE_DPD] = vc_ios_line(dpd, profile->line);
    t->line[VC_CPE_PSK] = t->line[VC_CPE_PSK_REMOTE] = vc_ios_line(ring, profile->line);
    if (ring)
        read_ring(r, ring->args[0], t);
    read_match(r, profile, t, wanted);
    check_ways(r, profile, t);
    if (!is_for_vrf(profile, vrf))
        vc_cpe_error(r->cpe, vc_ios_line(vc_ios_fact(profile, "fvrf", NULL), profile->line),
                     "tunnel %s: the ikev2 profile is of another VRF than the one from which its IPsec leaves (%s)",
                     t->name, *vrf ? vrf : "global");
}

/* One word of each part, as strongSwan writes a proposal: without what a cipher does itself, and without a PRF that is
 * the integrity algorithm's. NULL: the lab has no word for one of them, which *missing tells. */
static char *proposal_text(struct vc_cpe_reader *r, const char *const said[VC_WORD_PARTS], const char **missing)
{
    static const char *const names[VC_WORD_PARTS] = {"encryption", "integrity", "prf", "group"};
    const struct vc_word *words[VC_WORD_PARTS];
    char *text = talloc_strdup(r->scratch, "");

    for (int p = 0; p < VC_WORD_PARTS; p++) {
        words[p] = vc_word_of_ikev2((enum vc_word_part)p, said[p]);
        if (*said[p] && !words[p]) {
            *missing = talloc_asprintf(r->scratch, "%s %s", names[p], said[p]);
            return NULL;
        }
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

/* Every proposal that the lists of one section make, as strongSwan writes them. Of several the lab needs one that it
 * has words for. */
static void add_proposals(struct vc_cpe_reader *r, const struct vc_ios_section *section, struct vc_cpe_tunnel *t)
{
    enum { PROPOSALS_MAX = 1024 };
    static const char *const keys[VC_WORD_PARTS] = {"encryption", "integrity", "prf", "group"};
    static const char *const nothing[] = {""};
    const char *const *lists[VC_WORD_PARTS], *missing = NULL;
    size_t counts[VC_WORD_PARTS], all = 1, read = 0;

    for (int p = 0; p < VC_WORD_PARTS; p++) {
        const struct vc_ios_fact *fact = vc_ios_fact(section, keys[p], NULL);

        lists[p] = fact ? fact->args : nothing;
        counts[p] = fact ? fact->count : 1;
        all *= counts[p];
    }
    if (all > PROPOSALS_MAX)
        vc_cpe_error(r->cpe, section->line, "proposal %s: its lists make %zu proposals; %d at most are read",
                     section->name, all, PROPOSALS_MAX);
    for (size_t n = 0; n < all && all <= PROPOSALS_MAX; n++) {
        const char *said[VC_WORD_PARTS];
        size_t rest = n;

        for (int p = 0; p < VC_WORD_PARTS; rest /= counts[p], p++)
            said[p] = lists[p][rest % counts[p]];
        char *text = proposal_text(r, said, &missing);
        if (!text)
            continue;
        t->ike = t->ike ? talloc_asprintf(r->cpe, "%s,%s", t->ike, text) : talloc_strdup(r->cpe, text);
        read++;
    }
    if (missing && read)
        vc_cpe_note(r->cpe, section->line, "proposal %s: the lab has no word for %s; it has the others", section->name,
                    missing);
    else if (missing)
        vc_cpe_error(r->cpe, section->line, "proposal %s: the lab has no word for %s", section->name, missing);
}

/* A policy that says another local address than the one from which IKE leaves is not asked. */
static bool is_for_address(const struct vc_ios_section *policy, struct in_addr local)
{
    const struct vc_ios_fact *fact = vc_ios_fact(policy, "local", NULL);
    struct in_addr address;

    return !fact || !local.s_addr || !vc_addr_parse(fact->args[0], &address) || address.s_addr == local.s_addr;
}

static void read_policy(struct vc_cpe_reader *r, const struct vc_ios_section *policy, struct vc_cpe_tunnel *t)
{
    for (size_t f = 0; f < policy->count; f++) {
        const char *name = policy->facts[f].args[0];
        const struct vc_ios_section *proposal = vc_ios_section(r->ios, VC_IOS_PROPOSAL, name);

        if (strcmp(policy->facts[f].key, "proposal") != 0)
            continue;
        if (!proposal) {
            vc_cpe_error(r->cpe, policy->facts[f].line, "there is no crypto ikev2 proposal %s", name);
            continue;
        }
        const struct vc_ios_fact *cipher = vc_ios_fact(proposal, "encryption", NULL);
        if (!cipher) {
            vc_cpe_error(r->cpe, proposal->line, "proposal %s: it has no encryption", name);
            continue;
        }
        t->line[VC_CPE_IKE] = t->line[VC_CPE_IKE] ? t->line[VC_CPE_IKE] : cipher->line;
        add_proposals(r, proposal, t);
    }
}

/* Of the VRF and the address from which IKE leaves; without any policy IOS-XE has its own. */
static void read_proposals(struct vc_cpe_reader *r, struct vc_cpe_tunnel *t, struct in_addr local, const char *vrf)
{
    bool any = false;

    for (size_t i = 0; i < r->ios->section_count; i++) {
        const struct vc_ios_section *policy = &r->ios->sections[i];

        if (policy->kind != VC_IOS_POLICY || !vc_ios_fact(policy, "proposal", NULL) || !is_for_vrf(policy, vrf) ||
            !is_for_address(policy, local))
            continue;
        any = true;
        read_policy(r, policy, t);
    }
    if (any)
        return;
    t->ike = "aes256-sha512-ecp256,aes256-sha384-ecp256,aes256-sha512-modp2048,aes256-sha512-ecp521";
    vc_cpe_note(
        r->cpe, 0,
        "no crypto ikev2 policy for it: IOS-XE has its default proposal (AES-CBC-256, SHA512, SHA384, groups 19, 14, "
        "21)");
}

/* Without an ikev2-profile a crypto map speaks IKEv1. */
static void read_ikev1(struct vc_cpe_reader *r, const struct vc_ios_section *at, struct in_addr local,
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
    t->line[VC_CPE_IKE] = vc_ios_line(cipher, policy ? policy->line : at->line);
    t->ike_lifetime_s = vc_ios_number(vc_ios_fact(policy, "lifetime", NULL), 0, 86400);
    t->dpd_delay_s = vc_ios_number(dpd, 0, 0);
    t->identity = own_address(r, local);
    t->remote_identity = talloc_strdup(r->cpe, vc_addr_text(t->peer).s);
    for (size_t i = 0; i < top->count; i++)
        for (size_t a = 0; !strcmp(top->facts[i].key, "isakmp-key") && a + 1 < top->facts[i].count; a++)
            if (!strcasecmp(top->facts[i].args[a], "address") && covers(&top->facts[i], a + 1, t->peer)) {
                struct vc_ios_fact key = top->facts[i];
                key.count = a;
                if (a)
                    read_keys(r, &key, &key, key.line, t);
            }
}

void vc_cpe_read_ike(struct vc_cpe_reader *r, struct vc_cpe_tunnel *t, const struct vc_ios_section *at,
                     struct in_addr local, const char *vrf, const char *wanted)
{
    const struct vc_ios_fact *name = vc_ios_fact(at, "profile", NULL);
    const struct vc_ios_section *profile = name ? vc_ios_section(r->ios, VC_IOS_PROFILE, name->args[0]) : NULL;

    t->ike_version = 2;
    t->ike = t->identity = t->remote_identity = NULL;
    if (profile) {
        t->line[VC_CPE_IKE_VERSION] = name->line;
        read_profile(r, profile, local, vrf ? vrf : "", t, wanted);
        read_proposals(r, t, local, vrf ? vrf : "");
    } else if (name) {
        vc_cpe_error(r->cpe, name->line, "tunnel %s: there is no crypto ikev2 profile %s", t->name, name->args[0]);
    } else {
        read_ikev1(r, at, local, t);
    }
}
