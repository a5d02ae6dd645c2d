/*
 * The lab of an order: topologies/shared/cisco.yaml with Cisco's side as allocated, and the customer's side as the form
 * has it. What the form does not say (how the CPEs' wires and the LAN are cut) is found so that nothing overlaps.
 */
#include <arpa/inet.h>
#include <string.h>

#include "activation/activation.h"

enum { TAKEN_MAX = 16, LAB_LAN_MAX = 27, SITE_MIN = 24, WIRE = 30, PHONE = 10, CORE = 22 };

struct taken {
    struct vc_prefix prefix;
    const char *what;
    bool behind_nat; /* nobody else behind another NAT meets it */
};

/* What is in use, and the wires and LANs that were found. */
struct lab {
    const struct vc_order *order;
    void *names; /* owns what is in use is called */
    struct taken taken[TAKEN_MAX];
    size_t taken_count;
    struct vc_prefix lan, site, lan_wire[VC_FORM_CPES], peer;
    struct vc_prefix outside[VC_FORM_CPES], inside[VC_FORM_CPES]; /* the CPE's end, with the wire's mask */
    struct vc_prefix core;                                        /* the wires in Cisco's data centres */
};

static const struct taken *taker(const struct lab *lab, struct vc_prefix prefix, bool behind_nat)
{
    for (size_t i = 0; i < lab->taken_count; i++)
        if (!(behind_nat && lab->taken[i].behind_nat) && vc_prefix_overlaps(lab->taken[i].prefix, prefix))
            return &lab->taken[i];
    return NULL;
}

static bool take(struct lab *lab, struct vc_prefix prefix, const char *what, bool behind_nat)
{
    if (taker(lab, prefix, behind_nat) || lab->taken_count == TAKEN_MAX)
        return false;
    lab->taken[lab->taken_count++] = (struct taken){vc_prefix_network(prefix), what, behind_nat};
    return true;
}

static bool overlaps_lan(const struct lab *lab, struct vc_prefix prefix)
{
    const struct vc_form *form = lab->order->form;

    for (size_t i = 0; i < form->lan_count; i++)
        if (vc_prefix_overlaps(form->lans[i].prefix, prefix))
            return true;
    return false;
}

static bool carve(struct lab *lab, struct vc_prefix from, uint8_t len, bool beside_lans, struct vc_prefix *out)
{
    enum { TRIES = 4096 };
    uint64_t blocks = 1ULL << (len - from.len);

    for (uint32_t i = 0; i < blocks && i < TRIES; i++) {
        *out = (struct vc_prefix){vc_addr_behind(from.addr, i << (32 - len)), len};
        if (!(beside_lans && overlaps_lan(lab, *out)) && take(lab, *out, "the lab's own wires", false))
            return true;
    }
    return false;
}

/* ---- finding room ---- */

/* The other end of a wire. */
static struct in_addr across(struct vc_prefix end)
{
    return (struct in_addr){end.addr.s_addr ^ htonl(end.len == 31 ? 1 : 3)};
}

/* A wire of a CPE that is to be found. */
struct wire {
    const char *member; /* of the form's CPE */
    struct in_addr address;
    struct vc_prefix *out;
    bool there, behind_nat;
};

/* NULL, or in whose way the wire is. */
static const char *wire_at(struct lab *lab, const struct wire *wire, uint8_t len, const char *what)
{
    uint32_t last = ntohl(wire->address.s_addr) & 3;
    const struct vc_prefix end = {wire->address, len};
    const struct taken *other = taker(lab, end, wire->behind_nat);

    *wire->out = end;
    if (other || (len < 31 && last != 1 && last != 2))
        return other ? other->what : "no host's address";
    take(lab, end, what, wire->behind_nat);
    return NULL;
}

struct clash {
    struct vc_mark mark;
    struct in_addr address;
    const char *what, *other;
};

/* The wires of a CPE to the Internet and, behind a NAT, to the NAT. */
static bool find_wires_of(struct lab *lab, size_t i, uint8_t len, struct clash *clash)
{
    const struct vc_form *form = lab->order->form;
    const struct vc_form_cpe *cpe = &form->cpes[i];
    const struct wire wires[] = {{"ipsec", cpe->ipsec, &lab->outside[i], true, false},
                                 {"nat", cpe->nat, &lab->inside[i], cpe->has_nat, true}};

    for (size_t k = 0; k < VC_COUNT(wires); k++) {
        const char *what =
            talloc_asprintf(lab->names, "%s, %s of %s", vc_addr_text(wires[k].address).s, wires[k].member, cpe->name);
        const char *other = wires[k].there ? wire_at(lab, &wires[k], len, what) : NULL;

        if (!other)
            continue;
        *clash = (struct clash){vc_doc_mark(form->doc, (const char *[]){"cpes", cpe->name, wires[k].member, NULL}),
                                wires[k].address, what, other};
        return false;
    }
    return true;
}

/* Two CPEs may be neighbours in one public /30; then every wire is a /31. */
static bool find_wires(struct lab *lab, struct vc_problems *problems)
{
    size_t before = lab->taken_count;
    struct clash clash = {0};

    for (uint8_t len = WIRE; len <= 31; len++) {
        bool found = true;

        lab->taken_count = before;
        for (size_t i = 0; i < lab->order->form->cpe_count && found; i++)
            found = find_wires_of(lab, i, len, &clash);
        if (found)
            return true;
    }
    vc_problem(problems, clash.mark,
               "found %s, in one /31 with %s; allowed: addresses that leave each of them a wire of its own, as the lab "
               "has no switch",
               clash.what, clash.other);
    return false;
}

/* The wires inside Cisco's data centres, where nothing of the customer's is; where his network is everywhere, at least
 * none of his addresses. */
static void find_core(struct lab *lab)
{
    static const char *const from[] = {"172.31.0.0/16", "172.30.0.0/16", "10.255.0.0/16", "192.168.0.0/16"};
    struct vc_prefix prefix;
    bool found = false;

    for (unsigned pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < VC_COUNT(from) && !found; i++)
            found = vc_prefix_parse(from[i], &prefix) && carve(lab, prefix, CORE, pass == 0, &lab->core);
}

static bool find_lan(struct lab *lab, struct vc_prefix lan)
{
    size_t before = lab->taken_count, cpes = lab->order->form->cpe_count;
    uint8_t site = lan.len + 1 > SITE_MIN ? lan.len + 1 : SITE_MIN;
    bool found = lan.len <= LAB_LAN_MAX && carve(lab, lan, site, false, &lab->site);

    for (size_t i = 0; i < cpes; i++)
        found = found && carve(lab, lan, WIRE, false, &lab->lan_wire[i]);
    found = found && (cpes < 2 || carve(lab, lan, WIRE, false, &lab->peer));
    if (!found)
        lab->taken_count = before;
    lab->lan = lan;
    return found;
}

static bool find_room(struct lab *lab, struct vc_problems *problems)
{
    const struct vc_form *form = lab->order->form;

    for (size_t dc = 0; dc < VC_FORM_DCS; dc++) {
        const struct vc_form_cpe *cpe = vc_form_cpe_of(form, dc);

        take(lab, cpe->transport[dc],
             talloc_asprintf(lab->names, "%s, the transport of %s to %s", vc_addr_text(cpe->transport[dc].addr).s,
                             cpe->name, vc_form_dcs[dc]),
             false);
    }
    if (!find_wires(lab, problems))
        return false;
    find_core(lab);
    for (size_t i = 0; i < form->lan_count; i++)
        if (find_lan(lab, form->lans[i].prefix))
            return true;
    vc_problem(problems, vc_doc_mark(form->doc, (const char *[]){"lan", NULL}),
               "found no prefix with room for the lab's LAN; allowed: one that is a /%d or larger", LAB_LAN_MAX);
    return false;
}

/* ---- text ---- */

#define ADD(text, ...) ((text) = talloc_asprintf_append_buffer(text, __VA_ARGS__))

static char *add_head(char *text, const struct lab *lab)
{
    const struct vc_form *form = lab->order->form;

    ADD(text, "topology: %s\nbase: shared/cisco                             # the Internet and Cisco's side\n",
        form->name);
    ADD(text,
        "description: >\n  Order %s of customer %s in region %s, as activated: a hub with %s.\n"
        "  Written by vclab activate; it has no secret: keys are derived from a run's seed. %s-keys.yaml has the "
        "order's own.\n",
        form->order, form->customer, form->region,
        form->cpe_count > 1 ? "two CPEs, one tunnel each" : "one CPE that holds both tunnels", form->name);
    ADD(text, "customer: %s\nservice: %s\n", vc_prefix_text(lab->lan).s,
        vc_prefix_text(lab->order->allocation.service).s);
    if (!strcmp(form->keepalives, "off"))
        ADD(text, "keepalives: off                                # Cisco was notified (R28)\n");
    return text;
}

static char *add_nodes(char *text, const struct lab *lab)
{
    const struct vc_form *form = lab->order->form;
    unsigned asn = lab->order->allocation.asn;

    ADD(text, "\nnodes:\n");
    for (size_t i = 0; i < form->cpe_count; i++)
        ADD(text, "  %s: {kind: cpe, asn: %u}\n", form->cpes[i].name, asn);
    for (size_t i = 0; i < form->cpe_count; i++)
        if (form->cpes[i].has_nat)
            ADD(text, "  nat%zu: {kind: nat}\n", i + 1);
    return ADD(text, "  lan: {kind: router, asn: %u}\n  phone: {kind: host}\n", asn);
}

static char *add_wire(char *text, const char *link, const char *node, struct vc_prefix end, const char *peer)
{
    struct vc_prefix other = {across(end), end.len};

    return ADD(text, "  %s: {%s: %s, %s: %s}\n", link, node, vc_prefix_text(end).s, peer, vc_prefix_text(other).s);
}

static char *add_customers_links(char *text, const struct lab *lab)
{
    const struct vc_form *form = lab->order->form;
    struct vc_prefix router = {vc_addr_behind(lab->site.addr, 1), lab->site.len};
    struct vc_prefix phone = {vc_addr_behind(lab->site.addr, PHONE), lab->site.len};

    ADD(text, "\nlinks:\n  # the customer's site\n  site: {lan: %s, phone: %s}\n", vc_prefix_text(router).s,
        vc_prefix_text(phone).s);
    for (size_t i = 0; i < form->cpe_count; i++) {
        VC_AUTO_TALLOC char *link = talloc_asprintf(NULL, "lan%zu", i + 1);
        struct vc_prefix end = {vc_addr_behind(lab->lan_wire[i].addr, 1), WIRE};

        text = add_wire(text, link, form->cpes[i].name, end, "lan");
    }
    if (form->cpe_count > 1)
        text = add_wire(text, "peer", form->cpes[0].name, (struct vc_prefix){vc_addr_behind(lab->peer.addr, 1), WIRE},
                        form->cpes[1].name);
    return text;
}

static char *add_outside(char *text, const struct lab *lab)
{
    const struct vc_form *form = lab->order->form;

    ADD(text, "  # the Internet\n");
    for (size_t i = 0; i < form->cpe_count; i++) {
        const struct vc_form_cpe *cpe = &form->cpes[i];
        VC_AUTO_TALLOC void *names = talloc_new(NULL);
        const char *inet = talloc_asprintf(names, "inet-%s", cpe->name), *end = cpe->name;

        if (cpe->has_nat) {
            end = talloc_asprintf(names, "nat%zu", i + 1);
            text = add_wire(text, talloc_asprintf(names, "nat-%s", cpe->name), cpe->name, lab->inside[i], end);
        }
        text = add_wire(text, inet, end, lab->outside[i], "isp");
    }
    return text;
}

/* Those of shared/cisco, unless the customer has such addresses. */
static char *add_core(char *text, const struct lab *lab)
{
    static const struct {
        const char *link, *a, *b;
        uint32_t step;
    } wires[] = {{"wan", "dc1-router", "dc2-router", 0},
                 {"core-dc1", "dc1-headend", "dc1-router", 256},
                 {"core-dc2", "dc2-headend", "dc2-router", 512}};
    struct vc_prefix shared;

    if (vc_prefix_parse("172.31.0.0/22", &shared) && vc_prefix_equal(shared, lab->core))
        return text;
    for (size_t i = 0; i < VC_COUNT(wires); i++)
        text = add_wire(text, wires[i].link, wires[i].a,
                        (struct vc_prefix){vc_addr_behind(lab->core.addr, wires[i].step + 1), WIRE}, wires[i].b);
    return text;
}

static char *add_ciscos_side(char *text, const struct lab *lab)
{
    const struct vc_allocation *a = &lab->order->allocation;

    ADD(text, "  # Cisco's side, as allocated\n");
    text = add_core(text, lab);
    for (size_t i = 0; i < VC_FORM_DCS; i++) {
        const struct vc_allocated_tunnel *t = &a->tunnels[i];
        struct vc_prefix headend = {t->headend, WIRE};
        struct vc_prefix router = {vc_addr_behind(t->half.addr, 1), t->half.len},
                         server = {vc_addr_behind(t->half.addr, 10), t->half.len};

        ADD(text, "  inet-%s: {%s-headend: %s, isp: %s/%d}\n", t->name, t->name, vc_prefix_text(headend).s,
            vc_addr_text(across(headend)).s, WIRE);
        ADD(text, "  svc-%s: {%s-router: %s, %s-srv: %s}\n", t->name, t->name, vc_prefix_text(router).s, t->name,
            vc_prefix_text(server).s);
    }
    ADD(text, "\ndcs:\n");
    for (size_t i = 0; i < VC_FORM_DCS; i++)
        ADD(text, "  %s: {prefix: %s, headend: %s-headend, router: %s-router}\n", a->tunnels[i].name,
            vc_prefix_text(a->tunnels[i].half).s, a->tunnels[i].name, a->tunnels[i].name);
    return text;
}

static char *add_tunnels(char *text, const struct vc_order *order, bool keys)
{
    ADD(text, "\ntunnels:\n");
    for (size_t i = 0; i < VC_FORM_DCS; i++) {
        const struct vc_allocated_tunnel *t = &order->allocation.tunnels[i];
        struct vc_ip_text private = vc_addr_text(t->cpe->nat);
        bool nat = t->cpe->has_nat;

        ADD(text, "  %s:\n    dc: %s\n    cpe: %s\n", t->name, t->name, t->cpe->name);
        ADD(text, "    ipsec: {cpe: %s, %s%s%scisco: %s}\n", vc_addr_text(t->cpe->ipsec).s, nat ? "private: " : "",
            nat ? private.s : "", nat ? ", " : "", vc_addr_text(t->headend).s);
        ADD(text, "    transport: {cpe: %s, cisco: %s}\n", vc_addr_text(t->cpe->transport[i].addr).s,
            vc_addr_text(t->transport).s);
        ADD(text, "    address: {cpe: %s, cisco: %s}\n", vc_prefix_text(t->address_cpe).s,
            vc_prefix_text(t->address_cisco).s);
        if (keys)
            ADD(text, "    psk: \"%s\"\n    bgp_password: \"%s\"\n", t->psk, t->bgp_password);
    }
    return text;
}

char *vc_activation_topology(void *ctx, const struct vc_order *order, struct vc_problems *problems)
{
    VC_AUTO_TALLOC void *names = talloc_new(NULL);
    struct lab lab = {.order = order, .names = names};

    if (!find_room(&lab, problems))
        return NULL;
    char *text = add_head(talloc_strdup(ctx, ""), &lab);
    text = add_nodes(text, &lab);
    text = add_customers_links(text, &lab);
    text = add_outside(text, &lab);
    text = add_ciscos_side(text, &lab);
    return add_tunnels(text, order, false);
}

char *vc_activation_keys(void *ctx, const struct vc_order *order)
{
    const struct vc_form *form = order->form;
    char *text = talloc_asprintf(ctx,
                                 "topology: %s-keys\nbase: %s\ndescription: >\n  Order %s of customer %s with its keys "
                                 "and passwords: keep it to yourself.\n",
                                 form->name, form->name, form->order, form->customer);

    return add_tunnels(text, order, true);
}
