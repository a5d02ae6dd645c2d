#include "plan/key.h"

#include <string.h>

#include "base/secret.h"

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
