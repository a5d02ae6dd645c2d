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

/* prefix-permit-n: NAME SEQ PREFIX …; prefix-permit: NAME PREFIX …. */
static bool read_item(const struct vc_ios_fact *fact, const char *name, unsigned last, struct item *item)
{
    bool numbered = strstr(fact->key, "-n");
    size_t at = numbered ? 2 : 1;

    if (strncmp(fact->key, "prefix-permit", 13) != 0 && strncmp(fact->key, "prefix-deny", 11) != 0)
        return false;
    if (strcasecmp(fact->args[0], name) != 0 || !vc_prefix_parse(fact->args[at], &item->prefix))
        return false;
    item->permit = fact->key[7] == 'p';
    item->seq = numbered ? number(fact->args[1]) : last + 5;
    item->ge = item->le = item->prefix.len;
    for (size_t i = at + 1; i + 1 < fact->count; i += 2) {
        bool ge = !strcasecmp(fact->args[i], "ge");

        *(ge ? &item->ge : &item->le) = number(fact->args[i + 1]);
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

    if (s->kind != VC_IOS_ROUTE_MAP || strncasecmp(s->name, map, length) != 0 || s->name[length] != ' ')
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
    const struct vc_ios_fact *lists = vc_ios_fact(entry, "prefix-list", NULL);

    if (vc_ios_fact(entry, "match-other", NULL) || vc_ios_fact(entry, "next-hop", NULL))
        return VC_IOS_UNKNOWN;
    for (size_t i = 0; lists && i < lists->count; i++)
        if (vc_ios_prefix_list_permits(ios, lists->args[i], prefix))
            return VC_IOS_PERMIT;
    return lists ? VC_IOS_DENY : VC_IOS_PERMIT;
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

/* ---- access lists ---- */

/* host A | any | A WILDCARD; steps over it. */
static bool read_end(const struct vc_ios_fact *fact, size_t *at, struct vc_prefix *end)
{
    const char *word = *at < fact->count ? fact->args[*at] : "",
               *next = *at + 1 < fact->count ? fact->args[*at + 1] : "";

    *end = (struct vc_prefix){{0}, 0};
    *at += 1;
    if (!strcasecmp(word, "any"))
        return true;
    *at += 1;
    end->len = 32;
    if (!strcasecmp(word, "host"))
        return vc_addr_parse(next, &end->addr);
    if (!vc_addr_parse(word, &end->addr))
        return false;
    struct in_addr wildcard;
    if (!vc_addr_parse(next, &wildcard))
        return false;
    uint32_t mask = ~ntohl(wildcard.s_addr);
    for (end->len = 0; end->len < 32 && vc_prefix_mask(end->len) != mask;)
        end->len++;
    *end = vc_prefix_network(*end);
    return vc_prefix_mask(end->len) == mask;
}

static bool read_port(const struct vc_ios_fact *fact, size_t *at, unsigned *port)
{
    static const struct {
        const char *name;
        unsigned port;
    } names[] = {{"isakmp", 500}, {"non500-isakmp", 4500}, {"bgp", 179}, {"domain", 53}, {"ntp", 123}, {"www", 80}};
    const char *word = *at < fact->count ? fact->args[*at] : "";

    *port = 0;
    if (strcasecmp(word, "eq") != 0)
        return true;
    if (*at + 1 >= fact->count)
        return false;
    *port = number(fact->args[*at + 1]);
    for (size_t i = 0; i < VC_COUNT(names); i++)
        if (!strcasecmp(names[i].name, fact->args[*at + 1]))
            *port = names[i].port;
    *at += 2;
    return *port != 0;
}

static const char *protocol_name(const char *word)
{
    static const struct {
        const char *number, *name;
    } names[] = {{"47", "gre"}, {"50", "esp"}, {"17", "udp"}, {"6", "tcp"}, {"1", "icmp"}};

    for (size_t i = 0; i < VC_COUNT(names); i++)
        if (!strcmp(names[i].number, word) || !strcasecmp(names[i].name, word))
            return names[i].name;
    return !strcasecmp(word, "ip") || !strcasecmp(word, "ipinip") ? "ip" : word;
}

bool vc_ios_entry_read(const struct vc_ios_fact *fact, struct vc_ios_entry *entry)
{
    size_t at = strstr(fact->key, "-n") ? 1 : 0;

    if ((strncmp(fact->key, "permit", 6) != 0 && strncmp(fact->key, "deny", 4) != 0) || at >= fact->count)
        return false;
    *entry = (struct vc_ios_entry){
        .permit = fact->key[0] == 'p', .protocol = protocol_name(fact->args[at]), .line = fact->line};
    at++;
    return read_end(fact, &at, &entry->from) && read_port(fact, &at, &entry->from_port) &&
           read_end(fact, &at, &entry->to) && read_port(fact, &at, &entry->port);
}

bool vc_ios_acl_permits(const struct vc_ios *ios, const char *name, const char *protocol, struct in_addr from,
                        struct in_addr to, unsigned port, int *line)
{
    const struct vc_ios_section *acl = vc_ios_section(ios, VC_IOS_ACL, name);
    struct vc_ios_entry e;

    if (!acl)
        return true;
    *line = acl->line;
    for (size_t i = 0; i < acl->count; i++) {
        if (!vc_ios_entry_read(&acl->facts[i], &e) || !vc_prefix_contains(e.from, from) ||
            !vc_prefix_contains(e.to, to))
            continue;
        if ((strcmp(e.protocol, "ip") != 0 && strcmp(e.protocol, protocol) != 0) || (e.port && e.port != port))
            continue;
        if (e.from_port && e.from_port != port)
            continue;
        *line = e.line;
        return e.permit;
    }
    return false;
}
