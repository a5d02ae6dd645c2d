#include "config/policy.h"

#include <string.h>
#include <strings.h>

static unsigned number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

/* ---- prefix lists ---- */

struct item {
    bool permit;
    unsigned seq, ge, le;
    struct vc_prefix prefix;
};

/* Of a numbered one the number is the second word. */
static bool read_item(const struct vc_ios_fact *fact, const char *name, unsigned last, struct item *item)
{
    static const struct {
        const char *key;
        bool permit, numbered;
    } keys[] = {{"prefix-permit", true, false},
                {"prefix-deny", false, false},
                {"prefix-permit-n", true, true},
                {"prefix-deny-n", false, true}};
    size_t k = 0;

    while (k < VC_COUNT(keys) && strcmp(keys[k].key, fact->key) != 0)
        k++;
    size_t at = k < VC_COUNT(keys) && keys[k].numbered ? 2 : 1;
    if (k == VC_COUNT(keys) || strcmp(fact->args[0], name) != 0 || !vc_prefix_parse(fact->args[at], &item->prefix))
        return false;
    item->permit = keys[k].permit;
    item->seq = keys[k].numbered ? vc_ios_number(fact, 1, 0) : last + 5;
    item->ge = item->le = item->prefix.len;
    for (size_t i = at + 1; i + 1 < fact->count; i += 2) {
        bool ge = !strcasecmp(fact->args[i], "ge");

        *(ge ? &item->ge : &item->le) = vc_ios_number(fact, i + 1, 0);
        if (ge && item->le < item->ge)
            item->le = 32;
    }
    return true;
}

bool vc_ios_prefix_list_permits(const struct vc_ios *ios, const char *name, struct vc_prefix prefix)
{
    const struct vc_ios_section *top = &ios->sections[0];
    struct item item, best = {.seq = UINT32_MAX};
    unsigned last = 0;
    bool any = false;

    for (size_t i = 0; i < top->count; i++) {
        if (!read_item(&top->facts[i], name, last, &item))
            continue;
        any = true;
        last = item.seq > last ? item.seq : last;
        if (vc_prefix_covers(item.prefix, prefix) && prefix.len >= item.ge && prefix.len <= item.le &&
            item.seq < best.seq)
            best = item;
    }
    return !any || best.permit;
}

/* ---- route maps ---- */

/* "MAP permit 10" */
static bool is_entry(const struct vc_ios_section *s, const char *map, bool *permit, unsigned *seq)
{
    size_t length = strlen(map);

    if (s->kind != VC_IOS_ROUTE_MAP || strncmp(s->name, map, length) != 0 || s->name[length] != ' ')
        return false;
    *permit = !strncasecmp(s->name + length + 1, "permit", 6);
    *seq = number(strrchr(s->name, ' ') + 1);
    return true;
}

/* The first after `seq`. */
static const struct vc_ios_section *next_entry(const struct vc_ios *ios, const char *map, int64_t after, bool *permit,
                                               int64_t *seq)
{
    const struct vc_ios_section *found = NULL;

    for (size_t i = 0; i < ios->section_count; i++) {
        bool p;
        unsigned n;

        if (!is_entry(&ios->sections[i], map, &p, &n) || n <= after || (found && n >= *seq))
            continue;
        found = &ios->sections[i];
        *permit = p;
        *seq = n;
    }
    return found;
}

/* Without a match everything matches. */
static enum vc_ios_answer entry_matches(const struct vc_ios *ios, const struct vc_ios_section *entry,
                                        struct vc_prefix prefix)
{
    bool asked = false;

    if (vc_ios_fact(entry, "match-other", NULL) || vc_ios_fact(entry, "next-hop", NULL))
        return VC_IOS_UNKNOWN;
    for (size_t f = 0; f < entry->count; f++)
        for (size_t i = 0; !strcmp(entry->facts[f].key, "prefix-list") && i < entry->facts[f].count; i++) {
            if (vc_ios_prefix_list_permits(ios, entry->facts[f].args[i], prefix))
                return VC_IOS_PERMIT;
            asked = true;
        }
    return asked ? VC_IOS_DENY : VC_IOS_PERMIT;
}

enum vc_ios_answer vc_ios_route_map_permits(const struct vc_ios *ios, const char *name, struct vc_prefix prefix)
{
    const struct vc_ios_section *entry;
    int64_t seq = -1;
    bool permit = false;

    while ((entry = next_entry(ios, name, seq, &permit, &seq))) {
        enum vc_ios_answer match = entry_matches(ios, entry, prefix);

        if (match == VC_IOS_UNKNOWN)
            return match;
        if (match == VC_IOS_PERMIT)
            return permit ? VC_IOS_PERMIT : VC_IOS_DENY;
    }
    return VC_IOS_DENY;
}

bool vc_ios_route_map_has_permit(const struct vc_ios *ios, const char *name)
{
    for (size_t i = 0; i < ios->section_count; i++) {
        bool permit;
        unsigned seq;

        if (is_entry(&ios->sections[i], name, &permit, &seq) && permit)
            return true;
    }
    return false;
}
