#include "plan/libreswan.h"

#include <string.h>

#include "base/ip.h"

enum part { PART_CIPHER, PART_INTEGRITY, PART_PRF, PART_GROUP, PARTS };

/* `name` is what both an integrity algorithm and its PRF are called: Libreswan has one word for the two. */
static const struct word {
    const char *strongswan, *name;
    enum part part;
    bool aead;
} words[] = {
    {"aes128", "aes128", PART_CIPHER, false},
    {"aes192", "aes192", PART_CIPHER, false},
    {"aes256", "aes256", PART_CIPHER, false},
    {"3des", "3des", PART_CIPHER, false},
    {"aes128gcm16", "aes_gcm128", PART_CIPHER, true},
    {"aes192gcm16", "aes_gcm192", PART_CIPHER, true},
    {"aes256gcm16", "aes_gcm256", PART_CIPHER, true},
    {"chacha20poly1305", "chacha20_poly1305", PART_CIPHER, true},
    {"sha1", "sha1", PART_INTEGRITY, false},
    {"sha256", "sha2_256", PART_INTEGRITY, false},
    {"sha384", "sha2_384", PART_INTEGRITY, false},
    {"sha512", "sha2_512", PART_INTEGRITY, false},
    {"prfsha1", "sha1", PART_PRF, false},
    {"prfsha256", "sha2_256", PART_PRF, false},
    {"prfsha384", "sha2_384", PART_PRF, false},
    {"prfsha512", "sha2_512", PART_PRF, false},
    {"modp1536", "dh5", PART_GROUP, false},
    {"modp2048", "dh14", PART_GROUP, false},
    {"modp3072", "dh15", PART_GROUP, false},
    {"modp4096", "dh16", PART_GROUP, false},
    {"modp6144", "dh17", PART_GROUP, false},
    {"modp8192", "dh18", PART_GROUP, false},
    {"ecp256", "dh19", PART_GROUP, false},
    {"ecp384", "dh20", PART_GROUP, false},
    {"ecp521", "dh21", PART_GROUP, false},
    {"curve25519", "dh31", PART_GROUP, false},
    {"x25519", "dh31", PART_GROUP, false},
};

static const char *const part_names[PARTS] = {"cipher", "integrity algorithm", "PRF", "group"};

static const struct word *find_word(const char *text)
{
    for (size_t i = 0; i < VC_COUNT(words); i++)
        if (!strcmp(words[i].strongswan, text))
            return &words[i];
    return NULL;
}

/* One word at most of each part. */
static int read_proposal(const char *proposal, const struct word *parts[PARTS], vc_error **err)
{
    VC_AUTO_TALLOC char *copy = talloc_strdup(NULL, proposal);
    char *rest = NULL;

    for (enum part p = 0; p < PARTS; p++)
        parts[p] = NULL;
    for (char *text = strtok_r(copy, "-", &rest); text; text = strtok_r(NULL, "-", &rest)) {
        const struct word *word = find_word(text);
        if (!word)
            return vc_fail(err, VC_EXIT_USAGE, 0,
                           "the proposal %s: Libreswan has no word for %s (aes256gcm16-prfsha384-ecp384 and "
                           "aes256-sha384-ecp384 are proposals that it knows)",
                           proposal, text);
        if (parts[word->part])
            return vc_fail(err, VC_EXIT_USAGE, 0, "the proposal %s: a Libreswan node takes one %s, found %s and %s",
                           proposal, part_names[word->part], parts[word->part]->strongswan, text);
        parts[word->part] = word;
    }
    if (!parts[PART_CIPHER])
        return vc_fail(err, VC_EXIT_USAGE, 0, "the proposal %s has no cipher", proposal);
    if (parts[PART_CIPHER]->aead == (parts[PART_INTEGRITY] != NULL))
        return vc_fail(err, VC_EXIT_USAGE, 0, "the proposal %s: %s %s", proposal, parts[PART_CIPHER]->strongswan,
                       parts[PART_INTEGRITY] ? "protects integrity itself; leave the other algorithm out"
                                             : "needs an integrity algorithm such as sha384");
    return 0;
}

char *vc_libreswan_ike(void *ctx, const char *proposal, vc_error **err)
{
    const struct word *parts[PARTS];

    if (read_proposal(proposal, parts, err))
        return NULL;
    const struct word *integrity = parts[PART_INTEGRITY], *prf = parts[PART_PRF] ? parts[PART_PRF] : integrity;
    if (!prf || !parts[PART_GROUP]) {
        vc_fail(err, VC_EXIT_USAGE, 0, "the proposal %s for IKE has no %s", proposal, prf ? "group" : "PRF");
        return NULL;
    }
    if (integrity && strcmp(integrity->name, prf->name) != 0) {
        vc_fail(err, VC_EXIT_USAGE, 0, "the proposal %s: Libreswan has one hash for integrity and PRF, found %s and %s",
                proposal, integrity->strongswan, prf->strongswan);
        return NULL;
    }
    return talloc_asprintf(ctx, "%s-%s-%s", parts[PART_CIPHER]->name, prf->name, parts[PART_GROUP]->name);
}

char *vc_libreswan_esp(void *ctx, const char *proposal, bool *pfs, vc_error **err)
{
    const struct word *parts[PARTS];

    if (read_proposal(proposal, parts, err))
        return NULL;
    if (parts[PART_PRF]) {
        vc_fail(err, VC_EXIT_USAGE, 0, "the proposal %s for ESP has a PRF, %s", proposal, parts[PART_PRF]->strongswan);
        return NULL;
    }
    *pfs = parts[PART_GROUP];
    return talloc_asprintf(ctx, "%s%s%s%s%s", parts[PART_CIPHER]->name, parts[PART_INTEGRITY] ? "-" : "",
                           parts[PART_INTEGRITY] ? parts[PART_INTEGRITY]->name : "", *pfs ? ";" : "",
                           *pfs ? parts[PART_GROUP]->name : "");
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

static json_int_t number_of(const json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

/* An address and a mail address are written as they are, another name with an @ before it. */
static json_t *id_of(const json_t *identity, const char *end)
{
    const char *id = text_of(identity, end);
    struct in_addr address;

    return json_sprintf("%s%s", strchr(id, '@') || vc_addr_parse(id, &address) ? "" : "@", id);
}

/* "10.200.0.1/32[gre]" → "10.200.0.1/32". */
static json_t *subnet_of(const json_t *selectors, const char *end)
{
    const char *text = text_of(selectors, end);

    return json_stringn(text, strcspn(text, "["));
}

/* Without subnets the ends themselves: transport mode. */
static json_t *subnets_of(const json_t *tunnel)
{
    const json_t *selectors = json_object_get(tunnel, "selectors");

    if (!strcmp(text_of(tunnel, "mode"), "transport"))
        return json_false();
    return json_pack("{s:o, s:o}", "local", subnet_of(selectors, "local"), "remote", subnet_of(selectors, "remote"));
}

static json_int_t ike_lifetime_s(const json_t *settings)
{
    return number_of(settings, "ike_rekey_s") + number_of(settings, "ike_over_s");
}

static int check_lifetimes(const json_t *settings, vc_error **err)
{
    enum { DAY_S = 86400 };
    json_int_t child_s = number_of(settings, "child_lifetime_s"), ike_s = ike_lifetime_s(settings);
    json_int_t longest_s = child_s > ike_s ? child_s : ike_s;

    return longest_s > DAY_S
               ? vc_fail(err, VC_EXIT_USAGE, 0,
                         "a lifetime of %lld s: Libreswan's SAs live for a day (86400 s) at most", (long long)longest_s)
               : 0;
}

/* Its wait doubles each time, and only when one is over it looks whether its time is up: four of them are to be that
 * time, else a dead end would be given up after half as long again. */
static json_int_t first_wait_ms(json_int_t dead_s)
{
    enum { FOUR_WAITS = 1 + 2 + 4 + 8 };

    return (dead_s * 1000 + FOUR_WAITS - 1) / FOUR_WAITS;
}

/* New reference. */
static json_t *words_of(const json_t *tunnel, const json_t *settings, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    bool pfs = false;
    const char *ike = vc_libreswan_ike(scratch, text_of(settings, "ike_proposal"), err);
    const char *esp = ike ? vc_libreswan_esp(scratch, text_of(settings, "esp_proposal"), &pfs, err) : NULL;
    const json_t *identity = json_object_get(tunnel, "identity");
    json_int_t dead_s = number_of(settings, "retransmits") + 1; /* charon sends once, then so often again */
    bool gre = strchr(text_of(json_object_get(tunnel, "selectors"), "local"), '[');

    if (!esp || check_lifetimes(settings, err))
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:{s:o, s:o}, s:o, s:o, s:I, s:I, s:I, s:I, s:b}", "ike", ike, "esp", esp, "pfs",
                     pfs ? "yes" : "no", "id", "local", id_of(identity, "local"), "remote", id_of(identity, "remote"),
                     "subnets", subnets_of(tunnel), "protocol", gre ? json_string("gre") : json_false(), /* */
                     "ike_lifetime_s", ike_lifetime_s(settings), "margin_s",
                     number_of(settings, "child_lifetime_s") - number_of(settings, "child_rekey_s"), "dead_s", dead_s,
                     "wait_ms", first_wait_ms(dead_s), /* */
                     "ondemand", !strcmp(text_of(tunnel, "start"), "trap"));
}

static bool same_ends(const json_t *a, const json_t *b)
{
    const json_t *one = json_object_get(a, "ipsec"), *other = json_object_get(b, "ipsec");

    return !strcmp(text_of(one, "source"), text_of(other, "source")) &&
           !strcmp(text_of(one, "remote"), text_of(other, "remote"));
}

int vc_libreswan_context(json_t *context, vc_error **err)
{
    json_t *tunnels = json_object_get(context, "tunnels"), *tunnel;
    size_t i;

    if (json_is_true(json_object_get(json_object_get(context, "plane"), "user")))
        return vc_fail(err, VC_EXIT_HOST, 0,
                       "Libreswan has no ESP in user space: run it sealed, or live on a kernel with ip_gre and esp4");
    json_array_foreach(tunnels, i, tunnel)
    {
        const json_t *own = json_object_get(tunnel, "settings");

        for (size_t k = 0; k < i; k++)
            if (same_ends(tunnel, json_array_get(tunnels, k)))
                return vc_fail(err, VC_EXIT_USAGE, 0,
                               "the tunnels %s and %s are between the same IPsec addresses; a Libreswan node has one "
                               "tunnel to each headend",
                               text_of(json_array_get(tunnels, k), "name"), text_of(tunnel, "name"));
        json_t *said = words_of(tunnel, own ? own : json_object_get(context, "settings"), err);
        if (!said)
            return vc_wrap(err, "tunnel %s", text_of(tunnel, "name"));
        json_object_set_new(tunnel, "libreswan", said);
    }
    return 0;
}
