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
