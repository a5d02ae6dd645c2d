/* What Cisco allocates for a form: numbers of the pools, keys and passwords. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "activation/activation.h"
#include "activation/rules.h"
#include "base/secret.h"

/* Hexadecimal digits: 256 bits of a key for IKE, 96 of a BGP password, which old routers cut at 25 letters. */
enum { PSK_DIGITS = 64, PASSWORD_DIGITS = 24 };

static char *random_digits(void *ctx, size_t digits, vc_error **err)
{
    uint8_t bytes[PSK_DIGITS / 2];
    size_t count = digits / 2;
    char *text = talloc_strdup(ctx, "");

    if (getrandom(bytes, count, 0) != (ssize_t)count) {
        vc_fail(err, VC_EXIT_HOST, errno, "cannot draw random numbers for keys");
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        text = talloc_asprintf_append_buffer(text, "%02x", bytes[i]);
    explicit_bzero(bytes, sizeof bytes);
    return text;
}

static const char *make_secret(struct vc_order *order, const char *tunnel, const char *kind, size_t digits,
                               const uint64_t *seed, vc_error **err)
{
    VC_AUTO_TALLOC char *purpose = talloc_asprintf(NULL, "activation %s", kind);
    VC_AUTO_TALLOC char *name = talloc_asprintf(NULL, "%s/%s", order->number, tunnel);

    return seed ? vc_secret(order, purpose, name, *seed, digits) : random_digits(order, digits, err);
}

bool vc_order_has_keys_of(const struct vc_order *order, uint64_t seed)
{
    VC_AUTO_TALLOC struct vc_order *scratch = talloc_zero(NULL, struct vc_order);
    const struct vc_allocated_tunnel *tunnel = &order->allocation.tunnels[0];

    scratch->number = order->number;
    return !strcmp(make_secret(scratch, tunnel->name, "psk", PSK_DIGITS, &seed, NULL), tunnel->psk);
}

static int make_secrets(struct vc_ledger *ledger, struct vc_order *order, const uint64_t *seed, vc_error **err)
{
    for (size_t i = 0; i < VC_FORM_DCS; i++) {
        struct vc_allocated_tunnel *tunnel = &order->allocation.tunnels[i];

        tunnel->psk = make_secret(order, tunnel->name, "psk", PSK_DIGITS, seed, err);
        tunnel->bgp_password = make_secret(order, tunnel->name, "bgp_password", PASSWORD_DIGITS, seed, err);
        if (!tunnel->psk || !tunnel->bgp_password ||
            vc_ledger_keep(ledger, order->number, tunnel->name, "psk", tunnel->psk, err) ||
            vc_ledger_keep(ledger, order->number, tunnel->name, "bgp_password", tunnel->bgp_password, err))
            return -1;
    }
    return 0;
}

static struct vc_mark mark_of(const struct vc_form *form, const char *member)
{
    return vc_doc_mark(form->doc, (const char *[]){member, NULL});
}

/* R14: one order a region, no more orders than were ordered, each in a region that was bought. What the customer buys
 * later is in his later forms, so that this one counts for all of them. */
int vc_orders_check(struct vc_ledger *ledger, const struct vc_form *form, struct vc_problems *problems, vc_error **err)
{
    size_t count;
    VC_AUTO_TALLOC struct vc_other_order *others = vc_ledger_other_orders(NULL, ledger, form, &count, err);
    size_t before = vc_problems_count(problems);
    struct vc_mark mark = mark_of(form, vc_doc_member(form->doc, "quantity") ? "quantity" : "region");

    if (!others)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(others[i].region, form->region))
            vc_rule_refuse(problems, "R14", mark_of(form, "region"),
                           "one order a region: another region here, or that order deactivated first",
                           "region %s, in which %s has order %s already", form->region, form->customer,
                           others[i].number);
        if (vc_names_find(VC_NAMES(form->regions, form->region_count), others[i].region) == VC_NONE)
            vc_rule_refuse(problems, "R14", mark_of(form, "regions"),
                           "all regions in which Dedicated Instance was bought, also those of earlier orders",
                           "regions without %s, in which %s has order %s", others[i].region, form->customer,
                           others[i].number);
    }
    if (vc_problems_count(problems) == before && count >= form->quantity)
        vc_rule_refuse(
            problems, "R14", mark,
            "no more orders than quantity, which counts all that were bought; buy another, or deactivate one",
            "quantity %u, and %s has %zu order%s already (the last is %s)", form->quantity, form->customer, count,
            count == 1 ? "" : "s", others[count - 1].number);
    return 0;
}

/* The rules that only the ledger knows: a customer's orders (R14), one customer a public address (R8). */
static int check_others(struct vc_ledger *ledger, const struct vc_form *form, struct vc_problems *problems,
                        vc_error **err)
{
    if (vc_orders_check(ledger, form, problems, err))
        return -1;
    for (size_t i = 0; i < form->cpe_count; i++) {
        const struct vc_form_cpe *cpe = &form->cpes[i];
        VC_AUTO_TALLOC char *whose = vc_ledger_other_source(NULL, ledger, form->customer, cpe->ipsec, err);

        if (!whose)
            return -1;
        if (*whose)
            vc_rule_refuse(problems, "R8", vc_doc_mark(form->doc, (const char *[]){"cpes", cpe->name, "ipsec", NULL}),
                           NULL, "%s as the IPsec source of %s, which another customer's order has",
                           vc_addr_text(cpe->ipsec).s, cpe->name);
    }
    return vc_problems_finish(problems, err);
}

static int take_numbers(struct vc_ledger *ledger, struct vc_order *order, struct vc_problems *problems, vc_error **err)
{
    const struct vc_form *form = order->form;

    for (enum vc_pool pool = 0; pool < VC_POOLS; pool++) {
        unsigned wanted = pool == VC_POOL_ASN && form->asn ? vc_pool_number_of_asn(form->asn) : VC_ANY;
        int taken = vc_ledger_take(ledger, form, pool, wanted, &order->allocation.number[pool], err);

        if (taken > 0)
            vc_rule_refuse(
                problems, "R13", mark_of(form, "asn"),
                "an ASN from 64512 to 65534 but 64600, another for each order, or none: then Cisco assigns one",
                "asn %u, which another order of %s has", form->asn, form->customer);
        if (taken < 0)
            return -1;
    }
    return vc_problems_finish(problems, err);
}

/* In a transaction. */
static int allocate(struct vc_ledger *ledger, struct vc_order *order, const uint64_t *seed, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_problems *problems = vc_problems_new(NULL);

    if (check_others(ledger, order->form, problems, err) || vc_ledger_add(ledger, order->form, err) ||
        take_numbers(ledger, order, problems, err))
        return -1;
    vc_allocation_derive(&order->allocation, order->form);
    /* What no lab can play is refused before anything is allocated. */
    VC_AUTO_TALLOC struct vc_topology *lab = vc_activation_lab(NULL, order, problems, err);
    if (!lab)
        return -1;
    return make_secrets(ledger, order, seed, err);
}

struct vc_order *vc_allocate_begun(void *ctx, struct vc_ledger *ledger, const struct vc_form *form,
                                   const uint64_t *seed, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_order *order = talloc_zero(ctx, struct vc_order);

    order->number = talloc_strdup(order, form->order);
    order->form = (struct vc_form *)(uintptr_t)form; /* only until it is read again below */
    if (allocate(ledger, order, seed, err)) {
        vc_ledger_rollback(ledger);
        return NULL;
    }
    return vc_ledger_commit(ledger, err) ? NULL : vc_ledger_order(ctx, ledger, form->order, err);
}

struct vc_order *vc_allocate(void *ctx, struct vc_ledger *ledger, const struct vc_form *form, const uint64_t *seed,
                             vc_error **err)
{
    return vc_ledger_begin(ledger, err) ? NULL : vc_allocate_begun(ctx, ledger, form, seed, err);
}

int vc_activation_check(const struct vc_form *form, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_ledger *ledger = vc_ledger_open(scratch, VC_LEDGER_MEMORY, VC_LEDGER_WRITE, err);
    const uint64_t seed = 0; /* no random numbers for keys that nobody will see */

    return ledger && vc_allocate(scratch, ledger, form, &seed, err) ? 0 : -1;
}
