#include "config/acl.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    unsigned port;
} ports[] = {
    {"bgp", 179},  {"bootpc", 68},    {"bootps", 67},  {"discard", 9}, {"domain", 53},          {"echo", 7},
    {"ftp", 21},   {"ftp-data", 20},  {"isakmp", 500}, {"ntp", 123},   {"non500-isakmp", 4500}, {"smtp", 25},
    {"snmp", 161}, {"snmptrap", 162}, {"syslog", 514}, {"tacacs", 49}, {"telnet", 23},          {"tftp", 69},
    {"www", 80},
};

static const struct {
    const char *number, *name;
} protocols[] = {{"47", "gre"}, {"50", "esp"}, {"17", "udp"}, {"6", "tcp"}, {"1", "icmp"}, {"ip", "ip"}};

struct words {
    const struct vc_ios_fact *fact;
    size_t at;
};

static const char *next(struct words *w)
{
    return w->at < w->fact->count ? w->fact->args[w->at++] : "";
}

static bool next_is(struct words *w, const char *word)
{
    bool is = w->at < w->fact->count && !strcasecmp(w->fact->args[w->at], word);

    w->at += is;
    return is;
}

/* host A | any | A WILDCARD; in a standard list A alone, too. */
static bool read_end(struct words *w, bool standard, struct vc_prefix *end)
{
    *end = (struct vc_prefix){{0}, 0};
    if (next_is(w, "any"))
        return true;
    end->len = 32;
    if (next_is(w, "host"))
        return vc_addr_parse(next(w), &end->addr);
    if (!vc_addr_parse(next(w), &end->addr))
        return false;
    struct in_addr wildcard;
    if (w->at == w->fact->count || !vc_addr_parse(w->fact->args[w->at], &wildcard))
        return standard;
    w->at++;
    uint32_t mask = ~ntohl(wildcard.s_addr);
    for (end->len = 0; end->len < 32 && vc_prefix_mask(end->len) != mask;)
        end->len++;
    *end = vc_prefix_network(*end);
    return vc_prefix_mask(end->len) == mask;
}

static bool read_port(struct words *w, unsigned *port)
{
    const char *word = w->at < w->fact->count ? w->fact->args[w->at] : "";
    size_t digits = strspn(word, "0123456789");

    *port = digits && digits < 6 ? (unsigned)strtoul(word, NULL, 10) : 0;
    bool good = digits && digits < 6 && !word[digits] && *port <= UINT16_MAX;
    for (size_t i = 0; !good && i < VC_COUNT(ports); i++)
        if (!strcasecmp(ports[i].name, word)) {
            *port = ports[i].port;
            good = true;
        }
    w->at += good;
    return good;
}

static void add_range(struct vc_ios_ports *out, unsigned low, unsigned high)
{
    if (low > high || out->count == VC_IOS_PORTS_MAX)
        return;
    out->range[out->count].low = (uint16_t)low;
    out->range[out->count++].high = (uint16_t)high;
}

/* eq A [B …] | neq A | gt A | lt A | range A B, or nothing. */
static bool read_ports(struct words *w, struct vc_ios_ports *out)
{
    unsigned a, b;

    if (next_is(w, "eq")) {
        while (out->count < VC_IOS_PORTS_MAX && read_port(w, &a))
            add_range(out, a, a);
        return out->count;
    }
    if (next_is(w, "range")) {
        bool good = read_port(w, &a) && read_port(w, &b) && a <= b;
        if (good)
            add_range(out, a, b);
        return good;
    }
    bool neq = next_is(w, "neq"), gt = !neq && next_is(w, "gt"), lt = !neq && !gt && next_is(w, "lt");
    if (!neq && !gt && !lt)
        return true;
    if (!read_port(w, &a) || (lt && !a) || (gt && a == UINT16_MAX))
        return false;
    if (!gt && a)
        add_range(out, 0, a - 1);
    if (!lt && a < UINT16_MAX)
        add_range(out, a + 1, UINT16_MAX);
    return true;
}

/* What may stand behind the addresses and leave the entry what it is. */
static bool read_options(struct words *w, struct vc_ios_entry *entry)
{
    while (w->at < w->fact->count) {
        if (next_is(w, "log") || next_is(w, "log-input"))
            return true; /* with a text of the owner's */
        if (next_is(w, "fragments"))
            entry->fragments = true;
        else
            return false;
    }
    return true;
}

static const char *protocol_name(const char *word)
{
    for (size_t i = 0; i < VC_COUNT(protocols); i++)
        if (!strcasecmp(protocols[i].number, word) || !strcasecmp(protocols[i].name, word))
            return protocols[i].name;
    return !*word || !strcasecmp(word, "object-group") ? NULL : word;
}

static bool read_entry(const struct vc_ios_fact *fact, bool standard, unsigned last, struct vc_ios_entry *entry)
{
    static const struct {
        const char *key;
        bool permit, numbered;
    } keys[] = {{"permit", true, false}, {"deny", false, false}, {"permit-n", true, true}, {"deny-n", false, true}};
    struct words w = {.fact = fact};

    for (size_t i = 0; i < VC_COUNT(keys); i++) {
        if (strcmp(keys[i].key, fact->key) != 0)
            continue;
        *entry = (struct vc_ios_entry){.permit = keys[i].permit, .seq = last + 10, .line = fact->line};
        if (keys[i].numbered)
            entry->seq = vc_ios_number(fact, w.at++, 0);
        entry->protocol = standard ? "ip" : protocol_name(next(&w));
        bool ported = entry->protocol && (!strcmp(entry->protocol, "udp") || !strcmp(entry->protocol, "tcp"));
        entry->readable = entry->protocol && read_end(&w, standard, &entry->from) &&
                          (!ported || read_ports(&w, &entry->from_ports)) &&
                          (standard || read_end(&w, false, &entry->to)) &&
                          (!ported || read_ports(&w, &entry->to_ports)) && read_options(&w, entry);
        return true;
    }
    return false;
}

static bool is_standard(const struct vc_ios_section *acl)
{
    unsigned long number = strtoul(acl->name, NULL, 10);

    return vc_ios_fact(acl, "standard", NULL) || (number >= 1 && number <= 99) || (number >= 1300 && number <= 1999);
}

static int by_number(const void *a, const void *b)
{
    const struct vc_ios_entry *one = a, *two = b;

    return one->seq != two->seq ? (one->seq > two->seq) - (one->seq < two->seq) : one->line - two->line;
}

const struct vc_ios_acl *vc_ios_acl(void *ctx, const struct vc_ios *ios, const char *name)
{
    const struct vc_ios_section *section = name ? vc_ios_section(ios, VC_IOS_ACL, name) : NULL;

    if (!section)
        return NULL;
    struct vc_ios_acl *acl = talloc_zero(ctx, struct vc_ios_acl);
    bool standard = is_standard(section);
    unsigned last = 0;

    acl->name = section->name;
    acl->line = section->line;
    acl->entries = talloc_zero_array(acl, struct vc_ios_entry, section->count + 1);
    for (size_t i = 0; i < section->count; i++) {
        struct vc_ios_entry *entry = &acl->entries[acl->count];

        if (!read_entry(&section->facts[i], standard, last, entry))
            continue;
        acl->count++;
        last = entry->seq > last ? entry->seq : last;
    }
    qsort(acl->entries, acl->count, sizeof *acl->entries, by_number);
    return acl;
}

static bool has_port(const struct vc_ios_ports *of, unsigned port)
{
    for (size_t i = 0; i < of->count; i++)
        if (port >= of->range[i].low && port <= of->range[i].high)
            return true;
    return !of->count;
}

enum vc_ios_answer vc_ios_entry_takes(const struct vc_ios_entry *e, const struct vc_ios_packet *p)
{
    if (e->protocol && strcmp(e->protocol, "ip") != 0 && strcmp(e->protocol, p->protocol) != 0)
        return VC_IOS_DENY;
    if (!e->readable)
        return VC_IOS_UNKNOWN;
    return !e->fragments && vc_prefix_contains(e->from, p->from) && vc_prefix_contains(e->to, p->to) &&
                   has_port(&e->from_ports, p->from_port) && has_port(&e->to_ports, p->to_port)
               ? VC_IOS_PERMIT
               : VC_IOS_DENY;
}

enum vc_ios_answer vc_ios_acl_asks(const struct vc_ios_acl *acl, const struct vc_ios_packet *packet,
                                   const struct vc_ios_entry **by)
{
    for (size_t i = 0; i < acl->count; i++) {
        enum vc_ios_answer answer = vc_ios_entry_takes(&acl->entries[i], packet);

        *by = &acl->entries[i];
        if (answer == VC_IOS_UNKNOWN)
            return answer;
        if (answer == VC_IOS_PERMIT)
            return acl->entries[i].permit ? VC_IOS_PERMIT : VC_IOS_DENY;
    }
    *by = NULL;
    return VC_IOS_DENY;
}
