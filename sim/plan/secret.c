#include "plan/secret.h"

#include <inttypes.h>
#include <string.h>

#include <nettle/base16.h>
#include <nettle/sha2.h>

#include "base/util.h"

char *vc_secret(void *ctx, const char *purpose, const char *name, uint64_t seed, size_t digits)
{
    VC_AUTO_TALLOC char *input = talloc_asprintf(NULL, "vclab %s %s %" PRIu64, purpose, name, seed);
    uint8_t digest[SHA256_DIGEST_SIZE];
    char hex[BASE16_ENCODE_LENGTH(SHA256_DIGEST_SIZE)];
    struct sha256_ctx sha;

    sha256_init(&sha);
    sha256_update(&sha, strlen(input), (const uint8_t *)input);
    sha256_digest(&sha, sizeof digest, digest);
    base16_encode_update(hex, sizeof digest, digest);
    return talloc_strndup(ctx, hex, digits < sizeof hex ? digits : sizeof hex);
}

uint64_t vc_derived_seed(const char *purpose, const char *name, uint64_t seed)
{
    VC_AUTO_TALLOC char *digits = vc_secret(NULL, purpose, name, seed, 16);
    uint64_t derived = strtoull(digits, NULL, 16);

    return derived ? derived : 1;
}

static const struct {
    const char *begin, *purpose;
    size_t digits;
} keys[] = {[VC_KEY_PSK] = {"<PSK-", "psk", 48}, [VC_KEY_BGP] = {"<BGP-PW-", "bgp", 24}};

bool vc_key_mark(const struct vc_topology *topology, const char *text, size_t *tunnel, enum vc_key *key, size_t *length)
{
    for (size_t k = 0; k < VC_COUNT(keys); k++) {
        size_t begin = strlen(keys[k].begin);

        if (strncmp(text, keys[k].begin, begin) != 0)
            continue;
        for (size_t i = 0; i < topology->tunnel_count; i++) {
            size_t name = strlen(topology->tunnels[i].name);

            if (strncmp(text + begin, topology->tunnels[i].name, name) != 0 || text[begin + name] != '>')
                continue;
            *tunnel = i;
            *key = (enum vc_key)k;
            *length = begin + name + 1;
            return true;
        }
    }
    return false;
}

/* `depth`: marks that lead in a circle mean nothing but themselves. */
static const char *meant(void *ctx, const struct vc_topology *topology, const char *text, uint64_t seed, unsigned depth)
{
    enum { DEPTH_MAX = 8 };
    enum vc_key key;
    size_t tunnel, length;

    if (depth > DEPTH_MAX || !vc_key_mark(topology, text, &tunnel, &key, &length) || text[length])
        return text;
    const struct vc_tunnel *t = &topology->tunnels[tunnel];
    const char *own = key == VC_KEY_PSK ? t->psk : t->bgp_password;
    return own ? meant(ctx, topology, own, seed, depth + 1)
               : vc_secret(ctx, keys[key].purpose, t->name, seed, keys[key].digits);
}

const char *vc_key_meant(void *ctx, const struct vc_topology *topology, const char *text, uint64_t seed)
{
    return meant(ctx, topology, text, seed, 0);
}

const char *vc_key_of(void *ctx, const struct vc_topology *topology, size_t tunnel, enum vc_key key, uint64_t seed)
{
    const struct vc_tunnel *t = &topology->tunnels[tunnel];
    const char *own = key == VC_KEY_PSK ? t->psk : t->bgp_password;

    return own ? vc_key_meant(ctx, topology, own, seed)
               : vc_secret(ctx, keys[key].purpose, t->name, seed, keys[key].digits);
}
