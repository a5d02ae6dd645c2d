/*
 * Members of a form that are Cisco's to say. They are looked for word by word ("_", "-" and a capital begin one), so
 * that they are found whatever a customer's draft calls them, and nothing else is: bgp_password and IKE-Lifetime, but
 * not responsible.
 */
#include <ctype.h>
#include <string.h>

#include "activation/rules.h"

/* Words in small letters with "_" between them; `alone`: it means Cisco's only when nothing else is in the name. */
static const struct member {
    const char *words, *id;
    bool alone;
} ciscos_members[] = {
    {"psk", "R18"},
    {"psks", "R18"},
    {"password", "R18"},
    {"passwords", "R18"},
    {"secret", "R18"},
    {"secrets", "R18"},
    {"shared_key", "R18"},
    {"shared_keys", "R18"},
    {"preshared", "R18"},
    {"presharedkey", "R18"},
    {"key", "R18", true},
    {"keys", "R18", true},
    {"authentication", "R18"},
    {"crypto", "R17"},
    {"ike", "R17"},
    {"ikev1", "R17"},
    {"ikev2", "R17"},
    {"esp", "R17"},
    {"encryption", "R17"},
    {"integrity", "R17"},
    {"prf", "R17"},
    {"group", "R17", true},
    {"dh", "R17"},
    {"diffie", "R17"},
    {"lifetime", "R17"},
    {"lifetimes", "R17"},
    {"pfs", "R17"},
    {"proposal", "R17"},
    {"proposals", "R17"},
    {"transform", "R17"},
    {"transforms", "R17"},
    {"status", "R16"},
    {"activated", "R16"},
    {"tunnel_address", "R11"},
    {"tunnel_addresses", "R11"},
    {"tunnels", "R11"},
    {"service", "R12", true},
    {"services", "R12", true},
    {"service_prefix", "R12"},
    {"service_network", "R12"},
    {"cisco_prefix", "R12"},
};

/* "_pre_shared_key_" of "pre-sharedKey". */
static char *words_of(void *ctx, const char *key)
{
    char *out = talloc_zero_size(ctx, 2 * strlen(key) + 3), *at = out;

    *at++ = '_';
    for (const char *from = key; *from; from++) {
        bool begins = isupper((unsigned char)*from) && from > key && islower((unsigned char)from[-1]);

        if (begins)
            *at++ = '_';
        *at++ = isalnum((unsigned char)*from) ? (char)tolower((unsigned char)*from) : '_';
    }
    *at = '_';
    return out;
}

static const char *rule_of_member(const char *key)
{
    VC_AUTO_TALLOC char *words = words_of(NULL, key);

    for (size_t i = 0; i < VC_COUNT(ciscos_members); i++) {
        VC_AUTO_TALLOC char *part = talloc_asprintf(NULL, "_%s_", ciscos_members[i].words);

        if (ciscos_members[i].alone ? !strcmp(words, part) : strstr(words, part) != NULL)
            return ciscos_members[i].id;
    }
    return NULL;
}

/* What to do where the rule's own words are about what the customer has to say; NULL: they are. */
static const char *instead(const char *id)
{
    static const char *const words[][2] = {
        {"R11", "a form without it: Cisco takes the addresses inside the tunnels out of 100.64.0.0/10"},
        {"R12",
         "a form without it: Cisco assigns you a public /24 out of its ranges, half of it for each data centre"}};

    for (size_t i = 0; i < VC_COUNT(words); i++)
        if (!strcmp(words[i][0], id))
            return words[i][1];
    return NULL;
}

/* Where in the form a mapping stands: a CPE may have any name, only its members count. */
enum level { LEVEL_FORM, LEVEL_CPES, LEVEL_CPE };

static struct vc_doc *without(void *ctx, const struct vc_doc *doc, enum level level, struct vc_problems *problems)
{
    struct vc_doc *out = talloc_memdup(ctx, doc, sizeof *doc);

    if (doc->type != VC_DOC_MAP)
        return out;
    out->items = talloc_zero_array(out, struct vc_doc *, doc->count);
    out->count = 0;
    for (size_t i = 0; i < doc->count; i++) {
        struct vc_doc *item = doc->items[i];
        const char *id = level == LEVEL_CPES ? NULL : rule_of_member(item->key);
        bool deeper = level == LEVEL_CPES || (level == LEVEL_FORM && !strcmp(item->key, "cpes"));

        if (id)
            vc_rule_refuse(problems, id, item->key_mark, instead(id), "%s", vc_quoted(out, item->key));
        else
            out->items[out->count++] = deeper ? without(out, item, level + 1, problems) : item;
    }
    return out;
}

const struct vc_doc *vc_rules_refuse_members(void *ctx, const struct vc_doc *doc, struct vc_problems *problems)
{
    return without(ctx, doc, LEVEL_FORM, problems);
}
