#include "activation/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "activation/pools.h"

struct checking {
    const struct vc_form *form;
    struct vc_problems *problems;
    const char *id; /* of the rule that is checked */
};

static struct vc_mark at(const struct checking *c, const char *member)
{
    return vc_doc_mark(c->form->doc, (const char *[]){member, NULL});
}

static struct vc_mark at_cpe(const struct checking *c, const struct vc_form_cpe *cpe, const char *member,
                             const char *inner)
{
    return vc_doc_mark(c->form->doc, (const char *[]){"cpes", cpe->name, member, inner, NULL});
}

static struct vc_prefix host(struct in_addr address)
{
    return (struct vc_prefix){address, 32};
}

/* The range in which no interface has an address; NULL: it may be a host's. */
static const char *no_hosts(struct vc_prefix prefix)
{
    static const char *const ranges[] = {"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"};
    struct vc_prefix range;

    for (size_t i = 0; i < VC_COUNT(ranges); i++)
        if (vc_prefix_parse(ranges[i], &range) && vc_prefix_covers(range, prefix))
            return ranges[i];
    return NULL;
}

#define REFUSE(c, mark, ...) vc_rule_refuse((c)->problems, (c)->id, mark, NULL, __VA_ARGS__)
/* With what to do about just this. */
#define REFUSE_BUT(c, mark, allowed, ...) vc_rule_refuse((c)->problems, (c)->id, mark, allowed, __VA_ARGS__)

/* ---- R8, R9: IPsec ---- */

/* What of Cisco's public addresses the prefix overlaps: "203.0.113.0/24 (Cisco's headends)", "" for nothing. */
struct ciscos {
    char s[64];
};

static struct ciscos ciscos(struct vc_prefix prefix)
{
    struct vc_prefix headends;
    const struct {
        const char *range, *what;
    } theirs[] = {{vc_prefix_parse(VC_HEADENDS, &headends) && vc_prefix_overlaps(headends, prefix) ? VC_HEADENDS : NULL,
                   "Cisco's headends"},
                  {vc_pool_overlapped(VC_POOL_SERVICE, prefix), "Cisco's services"},
                  {vc_pool_overlapped(VC_POOL_TRANSPORT, prefix), "Cisco's GRE transports"}};
    struct ciscos out = {""};

    for (size_t i = 0; i < VC_COUNT(theirs) && !*out.s; i++)
        if (theirs[i].range)
            snprintf(out.s, sizeof out.s, "%s (%s)", theirs[i].range, theirs[i].what);
    return out;
}

static void check_ipsec(struct checking *c)
{
    for (size_t i = 0; i < c->form->cpe_count; i++) {
        const struct vc_form_cpe *cpe = &c->form->cpes[i], *first = &c->form->cpes[0];
        struct vc_mark mark = at_cpe(c, cpe, "ipsec", NULL);
        struct vc_ip_text text = vc_addr_text(cpe->ipsec);
        const char *range = vc_addr_not_public(cpe->ipsec);

        if (!cpe->has_ipsec)
            continue;
        if (range)
            REFUSE(c, mark, "%s as the IPsec source of %s, which is in %s and not public", text.s, cpe->name, range);
        else if (*ciscos(host(cpe->ipsec)).s)
            REFUSE(c, mark, "%s as the IPsec source of %s, which is in %s", text.s, cpe->name,
                   ciscos(host(cpe->ipsec)).s);
        if (cpe != first && cpe->ipsec.s_addr == first->ipsec.s_addr)
            REFUSE(c, mark, "%s as the IPsec source of %s and of %s", text.s, first->name, cpe->name);
    }
}

static void check_nat(struct checking *c)
{
    for (size_t i = 0; i < c->form->cpe_count; i++) {
        const struct vc_form_cpe *cpe = &c->form->cpes[i];
        struct vc_mark mark = at_cpe(c, cpe, "nat", NULL);
        struct vc_ip_text text = vc_addr_text(cpe->nat);
        const char *range = no_hosts(host(cpe->nat));

        if (!cpe->has_nat)
            continue;
        if (range)
            REFUSE(c, mark, "%s behind the NAT of %s, which is in %s and no host's", text.s, cpe->name, range);
        else if (cpe->nat.s_addr == cpe->ipsec.s_addr)
            REFUSE(c, mark, "%s on both sides of the NAT of %s", text.s, cpe->name);
        else if (*ciscos(host(cpe->nat)).s)
            REFUSE(c, mark, "%s behind the NAT of %s, which is in %s", text.s, cpe->name, ciscos(host(cpe->nat)).s);
    }
}

/* ---- R10: transports; and who has which tunnel (R1, R3, R4) ---- */

static void check_transport(struct checking *c, const struct vc_form_cpe *cpe, size_t dc)
{
    const struct vc_prefix *transport = &cpe->transport[dc];
    struct vc_mark mark = at_cpe(c, cpe, "transport", vc_form_dcs[dc]);
    const char *range = no_hosts(*transport);

    if (transport->len != 32)
        REFUSE(c, mark, "%s as the transport of %s to %s, which is %llu addresses", vc_prefix_text(*transport).s,
               cpe->name, vc_form_dcs[dc], 1ULL << (32 - transport->len));
    else if (range)
        REFUSE(c, mark, "%s as the transport of %s, which is in %s and no host's", vc_addr_text(transport->addr).s,
               cpe->name, range);
    else if (*ciscos(*transport).s)
        REFUSE(c, mark, "%s as the transport of %s, which is in %s", vc_addr_text(transport->addr).s, cpe->name,
               ciscos(*transport).s);
    else if ((cpe->has_ipsec && transport->addr.s_addr == cpe->ipsec.s_addr) ||
             (cpe->has_nat && transport->addr.s_addr == cpe->nat.s_addr))
        REFUSE(c, mark, "%s as transport and IPsec source of %s, which have to be two addresses",
               vc_addr_text(transport->addr).s, cpe->name);
}

static void check_transports(struct checking *c)
{
    const struct vc_form_cpe *a = vc_form_cpe_of(c->form, 0), *b = vc_form_cpe_of(c->form, 1);

    for (size_t i = 0; i < c->form->cpe_count; i++)
        for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
            if (c->form->cpes[i].has_transport[dc])
                check_transport(c, &c->form->cpes[i], dc);
    if (a && b && a->transport[0].len == 32 && vc_prefix_equal(a->transport[0], b->transport[1]))
        REFUSE(c, at_cpe(c, b, "transport", vc_form_dcs[1]), "%s as the transport of both tunnels",
               vc_addr_text(b->transport[1].addr).s);
}

/* What was written, also what is no address and was told already. */
static const struct vc_doc *written(const struct checking *c, const struct vc_form_cpe *cpe, const char *dc)
{
    const struct vc_doc *doc = c->form->doc;
    const char *const path[] = {"cpes", cpe->name, "transport", dc};

    for (size_t i = 0; doc && i < VC_COUNT(path) && path[i]; i++)
        doc = doc->type == VC_DOC_MAP ? vc_doc_member(doc, path[i]) : NULL;
    return doc;
}

static void check_tunnels(struct checking *c)
{
    for (size_t i = 0; i < c->form->cpe_count; i++)
        if (!written(c, &c->form->cpes[i], NULL)) /* told when it was read */
            return;
    for (size_t dc = 0; dc < VC_FORM_DCS && c->form->cpe_count; dc++) {
        size_t ends = 0;

        for (size_t i = 0; i < c->form->cpe_count; i++)
            ends += written(c, &c->form->cpes[i], vc_form_dcs[dc]) != NULL;
        if (ends != 1)
            REFUSE(c, at(c, "cpes"), "%s transport%s to %s", ends ? "two" : "no", ends ? "s" : "", vc_form_dcs[dc]);
    }
    for (size_t i = 0; c->form->cpe_count > 1 && i < c->form->cpe_count; i++)
        if (!written(c, &c->form->cpes[i], vc_form_dcs[0]) && !written(c, &c->form->cpes[i], vc_form_dcs[1]))
            REFUSE(c, c->form->cpes[i].mark, "%s without a tunnel", c->form->cpes[i].name);
}

/* ---- R11, R12: the customer's network and what Cisco allocates ---- */

static void refuse_shared(struct checking *c, struct vc_mark mark, struct vc_prefix prefix, const char *what)
{
    const char *range = vc_pool_overlapped(VC_POOL_TUNNEL, prefix);

    if (range)
        REFUSE(c, mark, "%s %s, which overlaps %s",
               prefix.len == 32 ? vc_addr_text(prefix.addr).s : vc_prefix_text(prefix).s, what, range);
}

static void check_tunnel_space(struct checking *c)
{
    for (size_t i = 0; i < c->form->lan_count; i++)
        refuse_shared(c, c->form->lans[i].mark, c->form->lans[i].prefix, "in your network");
    for (size_t i = 0; i < c->form->cpe_count; i++) {
        const struct vc_form_cpe *cpe = &c->form->cpes[i];

        if (cpe->has_nat)
            refuse_shared(c, at_cpe(c, cpe, "nat", NULL), host(cpe->nat), "behind your NAT");
        for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
            if (cpe->has_transport[dc] && cpe->transport[dc].len == 32) /* else R10 says all there is to say */
                refuse_shared(c, at_cpe(c, cpe, "transport", vc_form_dcs[dc]), cpe->transport[dc], "as a transport");
    }
}

static void check_service_space(struct checking *c)
{
    for (size_t i = 0; i < c->form->lan_count; i++) {
        const struct vc_form_lan *lan = &c->form->lans[i];
        struct ciscos theirs = ciscos(lan->prefix);

        if (*theirs.s)
            REFUSE(c, lan->mark, "%s in your network, which overlaps %s", vc_prefix_text(lan->prefix).s, theirs.s);
    }
}

static void check_lans(struct checking *c)
{
    for (size_t i = 0; i < c->form->lan_count; i++) {
        const struct vc_form_lan *lan = &c->form->lans[i];
        const char *range = no_hosts(lan->prefix);

        if (range)
            vc_problem(c->problems, lan->mark, "found %s, which is in %s; allowed: networks that hosts can have",
                       vc_prefix_text(lan->prefix).s, range);
        for (size_t j = 0; j < i; j++)
            if (vc_prefix_overlaps(lan->prefix, c->form->lans[j].prefix))
                vc_problem(c->problems, lan->mark,
                           "found %s, which overlaps %s; allowed: each part of your network once",
                           vc_prefix_text(lan->prefix).s, vc_prefix_text(c->form->lans[j].prefix).s);
    }
}

/* ---- R13 to R15: ASN, order, role ---- */

static void check_asn(struct checking *c)
{
    unsigned asn = c->form->asn;

    if (!asn)
        return;
    if (asn < VC_ASN_FIRST || asn > VC_ASN_LAST)
        REFUSE(c, at(c, "asn"), "asn %u", asn);
    else if (asn == VC_ASN_CISCO)
        REFUSE(c, at(c, "asn"), "asn %u, which is Cisco's end of the sessions", asn);
}

static void check_order(struct checking *c)
{
    const struct vc_form *f = c->form;

    if (f->region_count && f->quantity > f->region_count)
        REFUSE_BUT(c, at(c, "quantity"),
                   "no more than the regions in which Dedicated Instance was bought, all of which are in regions",
                   "quantity %u with %zu region%s of Dedicated Instance", f->quantity, f->region_count,
                   f->region_count == 1 ? "" : "s");
    if (f->region && f->region_count && vc_names_find(VC_NAMES(f->regions, f->region_count), f->region) == VC_NONE)
        REFUSE_BUT(c, at(c, "region"), "one of regions, where Dedicated Instance was bought; buy it there first",
                   "region %s, in which Dedicated Instance was not bought", f->region);
    if (f->instance && strcmp(f->instance, "active") != 0)
        REFUSE_BUT(c, at(c, "dedicated_instance"),
                   "Dedicated Instance active in the region first; then dedicated_instance: active here",
                   "Dedicated Instance in region %s %s, not active", f->region ? f->region : "of the order",
                   f->instance);
}

static void check_role(struct checking *c)
{
    if (c->form->role && strcmp(c->form->role, "full-admin") != 0)
        REFUSE(c, at(c, "role"), "role %s", c->form->role);
}

static void check_calls(struct checking *c)
{
    if (c->form->calls > VC_CALLS_A_TUNNEL)
        REFUSE(c, at(c, "calls"), "%u calls, %.0f Mbit/s", c->form->calls, c->form->calls * VC_CALL_KBIT / 1000.0);
}

/* ---- the table ---- */

struct rule {
    const char *id;
    void (*check)(struct checking *); /* NULL: vc_rules_refuse_members or the ledger does */
    const char *words;
};

static const struct rule rules[] = {
    {"R8", check_ipsec, "a public IPv4 address of your own for each CPE; of a CPE behind your NAT, the NAT's"},
    {"R9", check_nat,
     "in nat the CPE's own address behind your NAT, in ipsec the public one that your NAT puts in its "
     "place; without a NAT leave nat out"},
    {"R10", check_transports,
     "one address (/32) of your own for each tunnel, private or public; Cisco allocates the other end"},
    {"R11", check_tunnel_space,
     "networks, transports and addresses behind your NAT outside 100.64.0.0/10, from which Cisco takes the addresses "
     "inside the tunnels"},
    {"R12", check_service_space,
     "networks of your own, outside Cisco's; Cisco assigns you a public /24 out of its ranges, half of it "
     "for each data centre"},
    {"R13", check_asn, "an ASN from 64512 to 65534 but 64600, or none: then Cisco assigns one"},
    {"R14", check_order,
     "one order a region, no more orders than regions of Dedicated Instance, and the region's "
     "Dedicated Instance active first"},
    {"R15", check_role, "role full-admin; a read-only administrator may look at the status"},
    {"R16", NULL, "a form without it: Cisco sets the status, In-Progress and then Activated"},
    {"R17", NULL,
     "a form without it: Cisco's security settings are the same for everybody; with questions turn to TAC"},
    {"R18", NULL, "a form without it: Cisco makes the keys and BGP passwords, and the settings view shows them"},
};

/* What other chapters of the guide, or reason, say of a form. */
static const struct rule others[] = {
    {"R3, R4", check_tunnels, "one CPE with a transport to dc1 and one to dc2, or two CPEs with one transport each"},
    {"R6", check_calls, "1 to 3125 calls, which one tunnel of 250 Mbit/s can carry when the other is down"},
    {"", check_lans, ""}, /* has words of its own */
};

static const struct rule *find_rule(const struct rule *list, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(list[i].id, id))
            return &list[i];
    return NULL;
}

bool vc_rule_exists(const char *id)
{
    return find_rule(rules, VC_COUNT(rules), id);
}

static void check_all(const struct rule *list, size_t count, const struct vc_form *form, struct vc_problems *problems)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].check)
            list[i].check(&(struct checking){form, problems, list[i].id});
}

void vc_rules_check(const struct vc_form *form, struct vc_problems *problems)
{
    check_all(rules, VC_COUNT(rules), form, problems);
    check_all(others, VC_COUNT(others), form, problems);
}

void vc_rule_refuse(struct vc_problems *problems, const char *id, struct vc_mark mark, const char *allowed,
                    const char *format, ...)
{
    va_list args;

    va_start(args, format);
    VC_AUTO_TALLOC char *found = talloc_vasprintf(NULL, format, args);
    va_end(args);
    const struct rule *rule = find_rule(rules, VC_COUNT(rules), id);
    if (!rule)
        rule = find_rule(others, VC_COUNT(others), id);
    vc_problem(problems, mark, "found %s; allowed: %s (%s)", found, allowed ? allowed : rule ? rule->words : "", id);
}
