/* What IOS-XE and strongSwan call the same things. */
#pragma once

#include "base/error.h"
#include "base/ip.h"

enum vc_word_part { VC_WORD_CIPHER, VC_WORD_INTEGRITY, VC_WORD_PRF, VC_WORD_GROUP, VC_WORD_PARTS };

struct vc_word { // NOLINT(clang-analyzer-optin.performance.Padding): as a row is read
    enum vc_word_part part;
    const char *strongswan; /* "aes256gcm16", "sha384", "prfsha384", "ecp384" */
    const char *ikev2;      /* in an ikev2 proposal: "aes-gcm-256", "sha384", "sha384", "20" */
    const char *transform;  /* in a transform-set: "esp-gcm 256", "esp-sha384-hmac"; NULL: has none */
    bool aead;
};

/* NULL: no such word. */
const struct vc_word *vc_word_of_strongswan(const char *text);
const struct vc_word *vc_word_of_ikev2(enum vc_word_part part, const char *text);
/* `size` is the number after the word ("256"), or "". */
const struct vc_word *vc_word_of_transform(const char *text, const char *size);

/* The parts of one strongSwan proposal; the PRF is the integrity's where it has none. False: a word is unknown. */
bool vc_words_split(const char *proposal, const struct vc_word *parts[VC_WORD_PARTS]);
/* They mean the same. */
bool vc_words_equal(const char *proposal, const char *other);

/* "255.255.255.252" to 30; false when it is none. `wildcard`: 0.0.0.3. */
bool vc_mask_parse(const char *text, bool wildcard, uint8_t *len);
struct vc_ip_text vc_mask_text(uint8_t len, bool wildcard);

/* Type 7: an obfuscation with a table that everyone knows. talloc child of ctx, or NULL. */
char *vc_type7(void *ctx, const char *text);
