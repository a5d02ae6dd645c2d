#include "config/words.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

static const struct vc_word words[] = {
    {VC_WORD_CIPHER, "aes256gcm16", "aes-gcm-256", "esp-gcm 256", true},
    {VC_WORD_CIPHER, "aes192gcm16", "aes-gcm-192", "esp-gcm 192", true},
    {VC_WORD_CIPHER, "aes128gcm16", "aes-gcm-128", "esp-gcm", true},
    {VC_WORD_CIPHER, "aes256", "aes-cbc-256", "esp-aes 256", false},
    {VC_WORD_CIPHER, "aes192", "aes-cbc-192", "esp-aes 192", false},
    {VC_WORD_CIPHER, "aes128", "aes-cbc-128", "esp-aes", false},
    {VC_WORD_CIPHER, "3des", "3des", "esp-3des", false},
    {VC_WORD_INTEGRITY, "md5", "md5", "esp-md5-hmac", false},
    {VC_WORD_INTEGRITY, "sha1", "sha1", "esp-sha-hmac", false},
    {VC_WORD_INTEGRITY, "sha256", "sha256", "esp-sha256-hmac", false},
    {VC_WORD_INTEGRITY, "sha384", "sha384", "esp-sha384-hmac", false},
    {VC_WORD_INTEGRITY, "sha512", "sha512", "esp-sha512-hmac", false},
    {VC_WORD_PRF, "prfmd5", "md5", NULL, false},
    {VC_WORD_PRF, "prfsha1", "sha1", NULL, false},
    {VC_WORD_PRF, "prfsha256", "sha256", NULL, false},
    {VC_WORD_PRF, "prfsha384", "sha384", NULL, false},
    {VC_WORD_PRF, "prfsha512", "sha512", NULL, false},
    {VC_WORD_GROUP, "modp768", "1", NULL, false},
    {VC_WORD_GROUP, "modp1024", "2", NULL, false},
    {VC_WORD_GROUP, "modp1536", "5", NULL, false},
    {VC_WORD_GROUP, "modp2048", "14", NULL, false},
    {VC_WORD_GROUP, "modp3072", "15", NULL, false},
    {VC_WORD_GROUP, "modp4096", "16", NULL, false},
    {VC_WORD_GROUP, "ecp256", "19", NULL, false},
    {VC_WORD_GROUP, "ecp384", "20", NULL, false},
    {VC_WORD_GROUP, "ecp521", "21", NULL, false},
    {VC_WORD_GROUP, "modp2048s256", "24", NULL, false},
};

const struct vc_word *vc_word_of_strongswan(const char *text)
{
    for (size_t i = 0; i < VC_COUNT(words); i++)
        if (!strcmp(words[i].strongswan, text))
            return &words[i];
    return NULL;
}

const struct vc_word *vc_word_of_ikev2(enum vc_word_part part, const char *text)
{
    for (size_t i = 0; i < VC_COUNT(words); i++)
        if (words[i].part == part && !strcasecmp(words[i].ikev2, text))
            return &words[i];
    return NULL;
}

const struct vc_word *vc_word_of_transform(const char *text, const char *size)
{
    VC_AUTO_TALLOC char *both = talloc_asprintf(NULL, "%s%s%s", text, *size && strcmp(size, "128") != 0 ? " " : "",
                                                strcmp(size, "128") != 0 ? size : "");

    for (size_t i = 0; i < VC_COUNT(words); i++)
        if (words[i].transform && !strcasecmp(words[i].transform, both))
            return &words[i];
    return NULL;
}

bool vc_words_split(const char *proposal, const struct vc_word *parts[VC_WORD_PARTS])
{
    VC_AUTO_TALLOC char *copy = talloc_strdup(NULL, proposal);
    char *rest = NULL;

    for (int p = 0; p < VC_WORD_PARTS; p++)
        parts[p] = NULL;
    for (char *text = strtok_r(copy, "-", &rest); text; text = strtok_r(NULL, "-", &rest)) {
        const struct vc_word *word = vc_word_of_strongswan(text);

        if (!word)
            return false;
        parts[word->part] = word;
    }
    if (parts[VC_WORD_INTEGRITY] && !parts[VC_WORD_PRF]) {
        VC_AUTO_TALLOC char *prf = talloc_asprintf(NULL, "prf%s", parts[VC_WORD_INTEGRITY]->strongswan);
        parts[VC_WORD_PRF] = vc_word_of_strongswan(prf);
    }
    return true;
}

bool vc_words_equal(const char *proposal, const char *other)
{
    const struct vc_word *a[VC_WORD_PARTS], *b[VC_WORD_PARTS];

    if (!vc_words_split(proposal, a) || !vc_words_split(other, b))
        return !strcmp(proposal, other);
    for (int p = 0; p < VC_WORD_PARTS; p++)
        if (a[p] != b[p])
            return false;
    return true;
}

bool vc_mask_parse(const char *text, bool wildcard, uint8_t *len)
{
    struct in_addr address;

    if (!vc_addr_parse(text, &address))
        return false;
    uint32_t mask = wildcard ? ~ntohl(address.s_addr) : ntohl(address.s_addr);
    for (unsigned n = 0; n <= 32; n++)
        if (mask == vc_prefix_mask((uint8_t)n)) {
            *len = (uint8_t)n;
            return true;
        }
    return false;
}

struct vc_ip_text vc_mask_text(uint8_t len, bool wildcard)
{
    uint32_t mask = vc_prefix_mask(len);

    return vc_addr_text((struct in_addr){htonl(wildcard ? ~mask : mask)});
}

char *vc_type7(void *ctx, const char *text)
{
    static const char table[] = "dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87";
    size_t length = strlen(text), place;

    if (length < 4 || length % 2 || length > 200 || !isdigit((unsigned char)text[0]) ||
        !isdigit((unsigned char)text[1]))
        return NULL;
    place = (size_t)(text[0] - '0') * 10 + (size_t)(text[1] - '0');
    char *out = talloc_zero_size(ctx, length / 2);
    for (size_t i = 2; i < length; i += 2) {
        char pair[3] = {text[i], text[i + 1], 0}, *end = NULL;
        long byte = isxdigit((unsigned char)pair[0]) ? strtol(pair, &end, 16) : 0;
        int c = (int)byte ^ table[(place + i / 2 - 1) % (sizeof table - 1)];

        if (!end || *end || !isprint(c)) {
            talloc_free(out);
            return NULL;
        }
        out[i / 2 - 1] = (char)c;
    }
    talloc_set_name_const(out, "char");
    return out;
}
