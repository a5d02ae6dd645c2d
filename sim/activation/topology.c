/*
 * The lab of an order: topologies/shared/cisco.yaml with Cisco's side as allocated, and the customer's side as the form
 * has it. What the form does not say (how the CPEs' wires and the LAN are cut) is found so that nothing overlaps.
 */
#include <arpa/inet.h>
#include <string.h>

#include "activation/activation.h"

enum { TAKEN_MAX = 16, LAB_LAN_MAX = 27, SITE_MIN = 24, WIRE = 30, PHONE = 10 };

/* What is in use, and the wires and LANs that were found. */
struct lab {
    const struct vc_order *order;
    struct vc_prefix taken[TAKEN_MAX];
    size_t taken_count;
    struct vc_prefix lan, site, lan_wire[VC_FORM_CPES], peer;
    struct vc_prefix outside[VC_FORM_CPES], inside[VC_FORM_CPES]; /* the CPE's end, with the wire's mask */
};

static struct in_addr added(struct in_addr base, uint32_t step)
{
    return (struct in_addr){htonl(ntohl(base.s_addr) + step)};
}

static bool take(struct lab *lab, struct vc_prefix prefix)
{
    for (size_t i = 0; i < lab->taken_count; i++)
        if (vc_prefix_overlaps(lab->taken[i], prefix))
            return false;
    if (lab->taken_count == TAKEN_MAX)
        return false;
    lab->taken[lab->taken_count++] = vc_prefix_network(prefix);
    return true;
}

static bool carve(struct lab *lab, struct vc_prefix from, uint8_t len, struct vc_prefix *out)
{
    enum { TRIES = 4096 };
    uint64_t blocks = 1ULL << (len - from.len);

    for (uint32_t i = 0; i < blocks && i < TRIES; i++) {
        *out = (struct vc_prefix){added(from.addr, i << (32 - len)), len};
        if (take(lab, *out))
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

static bool wire_at(struct lab *lab, struct in_addr address, uint8_t len, struct vc_prefix *out)
{
    uint32_t last = ntohl(address.s_addr) & 3;

    *out = (struct vc_prefix){address, len};
    return (len == 31 || last == 1 || last == 2) && take(lab, *out);
}

/* Two CPEs may be neighbours in one public /30; then every wire is a /31. */
static bool find_wires(struct lab *lab)
{
    const struct vc_form *form = lab->order->form;
    size_t before = lab->taken_count;

    for (uint8_t len = WIRE; len <= 31; len++) {
        bool found = true;

        lab->taken_count = before;
        for (size_t i = 0; i < form->cpe_count && found; i++)
            found = wire_at(lab, form->cpes[i].ipsec, len, &lab->outside[i]) &&
                    (!form->cpes[i].nat.s_addr || wire_at(lab, form->cpes[i].nat, len, &lab->inside[i]));
        if (found)
            return true;
    }
    return false;
}

static bool find_lan(struct lab *lab, struct vc_prefix lan)
{
    size_t before = lab->taken_count, cpes = lab->order->form->cpe_count;
    uint8_t site = lan.len + 1 > SITE_MIN ? lan.len + 1 : SITE_MIN;
    bool found = lan.len <= LAB_LAN_MAX && carve(lab, lan, site, &lab->site);

    for (size_t i = 0; i < cpes; i++)
        found = found && carve(lab, lan, WIRE, &lab->lan_wire[i]);
    found = found && (cpes < 2 || carve(lab, lan, WIRE, &lab->peer));
    if (!found)
        lab->taken_count = before;
    lab->lan = lan;
    return found;
}

static bool find_room(struct lab *lab, struct vc_problems *problems)
{
    const struct vc_form *form = lab->order->form;
    const char *const cpes[] = {"cpes", NULL}, *const lans[] = {"lan", NULL};
    struct vc_prefix inside;

    vc_prefix_parse("172.31.0.0/16", &inside); /* topologies/shared/cisco.yaml: inside the DCs */
    take(lab, inside);
    for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
        take(lab, vc_form_cpe_of(form, dc)->transport[dc]);
    if (!find_wires(lab)) {
        vc_problem(
            problems, vc_doc_mark(form->doc, cpes),
            "found addresses of CPEs that are in one /31, in 172.31.0.0/16 or the transports themselves; allowed: "
            "addresses that leave room for a wire to each CPE, as the lab has no switch");
        return false;
    }
    for (size_t i = 0; i < form->lan_count; i++)
        if (find_lan(lab, form->lans[i].prefix))
            return true;
    vc_problem(
        problems, vc_doc_mark(form->doc, lans),
        "found no prefix with room for the lab's LAN; allowed: one that is a /%d or larger, outside 172.31.0.0/16",
        LAB_LAN_MAX);
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
    return ADD(text, "customer: %s\nservice: %s\n", vc_prefix_text(lab->lan).s,
               vc_prefix_text(lab->order->allocation.service).s);
}

static char *add_nodes(char *text, const struct lab *lab)
{
    const struct vc_form *form = lab->order->form;
    unsigned asn = lab->order->allocation.asn;

    ADD(text, "\nnodes:\n");
    for (size_t i = 0; i < form->cpe_count; i++)
        ADD(text, "  %s: {kind: cpe, asn: %u}\n", form->cpes[i].name, asn);
    for (size_t i = 0; i < form->cpe_count; i++)
        if (form->cpes[i].nat.s_addr)
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
    struct vc_prefix router = {added(lab->site.addr, 1), lab->site.len};
    struct vc_prefix phone = {added(lab->site.addr, PHONE), lab->site.len};

    ADD(text, "\nlinks:\n  # the customer's site\n  site: {lan: %s, phone: %s}\n", vc_prefix_text(router).s,
        vc_prefix_text(phone).s);
    for (size_t i = 0; i < form->cpe_count; i++) {
        VC_AUTO_TALLOC char *link = talloc_asprintf(NULL, "lan%zu", i + 1);
        struct vc_prefix end = {added(lab->lan_wire[i].addr, 1), WIRE};

        text = add_wire(text, link, form->cpes[i].name, end, "lan");
    }
    if (form->cpe_count > 1)
        text = add_wire(text, "peer", form->cpes[0].name, (struct vc_prefix){added(lab->peer.addr, 1), WIRE},
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

        if (cpe->nat.s_addr) {
            end = talloc_asprintf(names, "nat%zu", i + 1);
            text = add_wire(text, talloc_asprintf(names, "nat-%s", cpe->name), cpe->name, lab->inside[i], end);
        }
        text = add_wire(text, inet, end, lab->outside[i], "isp");
    }
    return text;
}

static char *add_ciscos_side(char *text, const struct lab *lab)
{
    const struct vc_allocation *a = &lab->order->allocation;

    ADD(text, "  # Cisco's side, as allocated\n");
    for (size_t i = 0; i < VC_FORM_DCS; i++) {
        const struct vc_allocated_tunnel *t = &a->tunnels[i];
        struct vc_prefix headend = {t->headend, WIRE};
        struct vc_prefix router = {added(t->half.addr, 1), t->half.len},
                         server = {added(t->half.addr, 10), t->half.len};

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
        bool nat = t->cpe->nat.s_addr != 0;

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
    struct lab lab = {.order = order};

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
