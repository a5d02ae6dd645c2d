#include "fault/drop.h"

#include <string.h>

#include "fault/ends.h"

/* Protocols by number: a host without /etc/protocols knows no names. */
static const struct {
    const char *select, *match;
} selectors[] = {
    {"esp", "meta l4proto 50"},
    {"ike", "udp dport { 500, 4500 }"},
    {"gre", "meta l4proto 47"},
    {"bgp", "tcp dport 179 {} tcp sport 179"},
    {"bfd", "udp dport { 3784, 3785, 4784 }"},
    {"icmp", "meta l4proto 1"},
    {"all", ""},
};

/* Packets of the fault are dropped where they arrive: at one or both ends. */
static bool end_wanted(const struct fault *fault, const struct fault_end *end)
{
    const char *direction = fault_text(fault, "direction");

    return !*direction || !strcmp(direction, "both") ||
           !strcmp(direction, vc_lab_plan(fault->lab)->nodes[end->node].name);
}

static char *table_name(struct fault *fault)
{
    return talloc_asprintf(fault, "vclab_fault_%u", fault->serial);
}

/* One nft rule for each alternative; alternatives of a selector are separated by " {} ". */
static char *rules_text(struct fault *fault, const char *ifname, const char *match)
{
    char *rules = talloc_strdup(fault, "");

    while (match) {
        const char *next = strstr(match, " {} ");
        int len = next ? (int)(next - match) : (int)strlen(match);
        rules = talloc_asprintf_append(rules, "    iifname \"%s\" %.*s counter name \"dropped\" drop\n", ifname, len,
                                       match);
        match = next ? next + 4 : NULL;
    }
    return rules;
}

static const char *match_text(struct fault *fault, vc_error **err)
{
    const char *select = fault_text(fault, "select");
    const char *slash = strchr(select, '/');

    for (size_t i = 0; i < VC_COUNT(selectors); i++)
        if (!strcmp(selectors[i].select, select))
            return selectors[i].match;
    if (slash) /* udp/PORT, tcp/PORT: both directions of a conversation */
        return talloc_asprintf(fault, "%.*s dport %s {} %.*s sport %s", (int)(slash - select), select, slash + 1,
                               (int)(slash - select), select, slash + 1);
    vc_fail(err, VC_EXIT_USAGE, 0, "drop cannot select %s", select);
    return NULL;
}

static int add_tables(struct fault *fault, vc_error **err)
{
    struct fault_end ends[2];
    const char *match = match_text(fault, err);

    if (!match || fault_ends(fault, ends, err))
        return -1;
    for (unsigned i = 0; i < 2; i++) {
        if (!end_wanted(fault, &ends[i]))
            continue;
        struct vc_nft *nft = vc_lab_nft(fault->lab, ends[i].node, err);
        /* Before conntrack and routing: the packet never arrived, as far as the node can tell. */
        char *script = talloc_asprintf(fault,
                                       "table ip %s {\n  counter dropped {\n  }\n  chain arrive {\n"
                                       "    type filter hook prerouting priority -450; policy accept;\n%s  }\n}\n",
                                       table_name(fault), rules_text(fault, ends[i].ifname, match));
        if (!nft || vc_nft_run(nft, script, err))
            return -1;
    }
    return 0;
}

int drop_apply(struct fault *fault, vc_error **err)
{
    if (!add_tables(fault, err))
        return 0;
    drop_heal(fault, NULL); /* one end may have its rules already */
    return -1;
}

static int count_drops(struct fault *fault, uint64_t *packets, unsigned *tables, vc_error **err)
{
    struct fault_end ends[2];

    *packets = 0;
    *tables = 0;
    if (fault_ends(fault, ends, err))
        return -1;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t count = 0;
        bool exists = false;
        if (!end_wanted(fault, &ends[i]) || !vc_lab_rtnl(fault->lab, ends[i].node))
            continue;
        struct vc_nft *nft = vc_lab_nft(fault->lab, ends[i].node, err);
        if (!nft || vc_nft_counter(nft, "ip", table_name(fault), "dropped", &exists, &count, err))
            return -1;
        *packets += count;
        *tables += exists;
    }
    return 0;
}

int drop_proved(struct fault *fault, char **evidence, vc_error **err)
{
    uint64_t packets;
    unsigned tables;

    if (count_drops(fault, &packets, &tables, err))
        return -1;
    *evidence = talloc_asprintf(fault, "%llu packets dropped so far", (unsigned long long)packets);
    fault->counted = packets;
    return packets > 0;
}

int drop_heal(struct fault *fault, vc_error **err)
{
    struct fault_end ends[2];
    uint64_t packets;
    unsigned tables;

    if (count_drops(fault, &packets, &tables, err) || fault_ends(fault, ends, err))
        return -1;
    fault->counted = packets;
    for (unsigned i = 0; i < 2; i++) {
        if (!end_wanted(fault, &ends[i]) || !vc_lab_rtnl(fault->lab, ends[i].node))
            continue;
        struct vc_nft *nft = vc_lab_nft(fault->lab, ends[i].node, err);
        /* Added first, so that a node which lost its tables by a power-off is no error. */
        char *script =
            talloc_asprintf(fault, "add table ip %s\ndelete table ip %s\n", table_name(fault), table_name(fault));
        if (!nft || vc_nft_run(nft, script, err))
            return -1;
    }
    return 0;
}

int drop_gone(struct fault *fault, char **evidence, vc_error **err)
{
    uint64_t packets;
    unsigned tables;

    if (count_drops(fault, &packets, &tables, err))
        return -1;
    *evidence = talloc_asprintf(fault, "the rules are gone after %llu packets", (unsigned long long)fault->counted);
    return tables == 0;
}
