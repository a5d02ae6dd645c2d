/* What an order looks like to people and programs: status, export, settings. */
#include <string.h>

#include "activation/activation.h"

/* ---- documents ---- */

static json_t *address(struct in_addr a)
{
    return json_string(vc_addr_text(a).s);
}

static json_t *prefix(struct vc_prefix p)
{
    return json_string(vc_prefix_text(p).s);
}

/* R17: the same for everybody; an order's lab says nothing else (a test holds the two against each other). */
static json_t *security(void)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_settings s;

    vc_settings_default(scratch, &s);
    return json_pack("{s:s, s:s, s:I, s:s, s:I, s:s, s:I, s:I, s:I}", "ike_version", "IKEv2", "ike", s.ike_proposal,
                     "ike_lifetime_s", (json_int_t)s.ike_lifetime_s, "esp", s.esp_proposal, "child_lifetime_s",
                     (json_int_t)s.child_lifetime_s, "mode", "tunnel", "dpd_s", (json_int_t)s.dpd_delay_s,
                     "dpd_retries", (json_int_t)s.dpd_retries, "mss", (json_int_t)s.mss);
}

static json_t *tunnel_document(const struct vc_allocated_tunnel *t, size_t dc, enum vc_view view)
{
    json_t *out =
        json_pack("{s:s, s:s, s:{s:o, s:o}, s:{s:o, s:o}, s:{s:o, s:o}, s:{s:o, s:I}, s:o}", "name", t->name, "cpe",
                  t->cpe->name, "ipsec", "cpe", address(t->cpe->ipsec), "cisco", address(t->headend), "transport",
                  "cpe", prefix(t->cpe->transport[dc]), "cisco", prefix((struct vc_prefix){t->transport, 32}),
                  "address", "cpe", prefix(t->address_cpe), "cisco", prefix(t->address_cisco), "bgp", "neighbor",
                  address(t->address_cisco.addr), "remote_as", (json_int_t)VC_ASN_CISCO, "prefix", prefix(t->half));

    if (t->cpe->has_nat)
        json_object_set_new(json_object_get(out, "ipsec"), "behind_nat", address(t->cpe->nat));
    if (view == VC_VIEW_SETTINGS) {
        json_object_set_new(out, "psk", json_string(t->psk));
        json_object_set_new(out, "bgp_password", json_string(t->bgp_password));
    }
    return out;
}

json_t *vc_activation_document(const struct vc_order *order, enum vc_view view)
{
    const struct vc_form *form = order->form;
    json_t *tunnels = json_array(), *lans = json_array();

    for (size_t i = 0; i < form->lan_count; i++)
        json_array_append_new(lans, prefix(form->lans[i].prefix));
    for (size_t i = 0; i < VC_FORM_DCS; i++)
        json_array_append_new(tunnels, tunnel_document(&order->allocation.tunnels[i], i, view));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:o, s:s, s:I, s:o, s:o}", "schema",
                     "vclab.activation/1", "view", view == VC_VIEW_SETTINGS ? "settings" : "export", "form", form->name,
                     "order", order->number, "customer", order->customer, "region", order->region, "status",
                     order->status, "since", order->since, "service", prefix(order->allocation.service), "customer_as",
                     (json_int_t)order->allocation.asn, "lan", lans, "keepalives", form->keepalives, "calls",
                     (json_int_t)form->calls, "tunnels", tunnels, "security", security());
}

/* ---- text ---- */

#define ADD(text, ...) ((text) = talloc_asprintf_append_buffer(text, __VA_ARGS__))

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static long long number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static const struct status_words {
    const char *status, *title, *meaning;
} words[] = {
    {VC_ORDER_IN_PROGRESS, "In-Progress", "Cisco's side is being configured"},
    {VC_ORDER_ACTIVATED, "Activated", "Cisco's side is done; the tunnels come up when your CPEs are configured"},
    {VC_ORDER_DEACTIVATED, "Deactivated", "what it had was given back"},
};

static const struct status_words *words_of(const char *status)
{
    size_t i = 0;

    while (i + 1 < VC_COUNT(words) && strcmp(words[i].status, status) != 0)
        i++;
    return &words[i];
}

static char *add_pair(char *text, const json_t *tunnel, const char *member, const char *title)
{
    const json_t *pair = json_object_get(tunnel, member);

    return ADD(text, "  %-22s %-20s %s\n", title, text_of(pair, "cpe"), text_of(pair, "cisco"));
}

static char *add_tunnel(char *text, const json_t *tunnel)
{
    const json_t *bgp = json_object_get(tunnel, "bgp"), *ipsec = json_object_get(tunnel, "ipsec");

    ADD(text, "\nTunnel to %s, from %s\n  %-22s %-20s %s\n", text_of(tunnel, "name"), text_of(tunnel, "cpe"), "",
        "YOURS", "CISCO'S");
    text = add_pair(text, tunnel, "ipsec", "IPsec peers");
    if (*text_of(ipsec, "behind_nat"))
        ADD(text, "  %-22s %s\n", "  behind your NAT", text_of(ipsec, "behind_nat"));
    text = add_pair(text, tunnel, "transport", "GRE transports");
    text = add_pair(text, tunnel, "address", "tunnel addresses");
    ADD(text, "  %-22s neighbour %s, remote AS %lld\n", "BGP", text_of(bgp, "neighbor"), number_of(bgp, "remote_as"));
    ADD(text, "  %-22s %s and the service's /24; send 0.0.0.0/0 and nothing else\n", "you receive",
        text_of(tunnel, "prefix"));
    if (json_object_get(tunnel, "psk"))
        ADD(text, "  %-22s %s\n  %-22s %s\n", "pre-shared key", text_of(tunnel, "psk"), "BGP password",
            text_of(tunnel, "bgp_password"));
    return text;
}

static char *add_security(char *text, const json_t *s)
{
    ADD(text, "\nSecurity on Cisco's side (the same for everybody; with questions turn to TAC)\n");
    ADD(text, "  %-22s %s, %s, pre-shared key, lifetime %lld s\n", "phase 1", text_of(s, "ike_version"),
        text_of(s, "ike"), number_of(s, "ike_lifetime_s"));
    ADD(text, "  %-22s %s, %s mode, lifetime %lld s\n", "phase 2", text_of(s, "esp"), text_of(s, "mode"),
        number_of(s, "child_lifetime_s"));
    ADD(text, "  %-22s GRE between the two transports, /32 to /32, and nothing else\n", "crypto ACL");
    ADD(text, "  %-22s %lld s, %lld times\n", "dead peer detection", number_of(s, "dpd_s"),
        number_of(s, "dpd_retries"));
    return ADD(text, "  %-22s TCP MSS %lld, tunnel path MTU discovery, on both sides\n", "packet sizes",
               number_of(s, "mss"));
}

char *vc_activation_text(void *ctx, const json_t *document)
{
    const struct status_words *status = words_of(text_of(document, "status"));
    char *text = talloc_asprintf(ctx, "Virtual Connect, order %s of %s in region %s\n%s since %s: %s.\n\n",
                                 text_of(document, "order"), text_of(document, "customer"), text_of(document, "region"),
                                 status->title, text_of(document, "since"), status->meaning);
    const json_t *item, *lans = json_object_get(document, "lan");
    size_t i;

    ADD(text, "  %-22s %s, half of it in each data centre\n  %-22s %lld\n", "service", text_of(document, "service"),
        "your AS", number_of(document, "customer_as"));
    ADD(text, "  %-22s", "your network");
    json_array_foreach(lans, i, item) ADD(text, "%s %s", i ? "," : "", json_string_value(item));
    ADD(text, "\n  %-22s %s\n  %-22s %lld\n", "GRE keepalives", text_of(document, "keepalives"), "planned calls",
        number_of(document, "calls"));
    json_array_foreach(json_object_get(document, "tunnels"), i, item) text = add_tunnel(text, item);
    text = add_security(text, json_object_get(document, "security"));
    if (!strcmp(text_of(document, "view"), "export"))
        ADD(text, "\nThe pre-shared keys and BGP passwords are not in this document; the settings view has them.\n");
    return text;
}

/* ---- status ---- */

static json_t *status_row(const struct vc_order *order)
{
    const struct status_words *w = words_of(order->status);

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "order", order->number, "customer", order->customer,
                     "region", order->region, "form", order->form->name, "status", order->status, "since", order->since,
                     "meaning", w->meaning);
}

json_t *vc_activation_status(struct vc_ledger *ledger, const char *number, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    VC_AUTO_JSON *rows = json_array();
    vc_error *why = NULL;
    struct vc_names numbers = number ? VC_NAMES(&number, 1) : vc_ledger_numbers(scratch, ledger, &why);

    for (size_t i = 0; i < numbers.count && !why; i++) {
        VC_AUTO_TALLOC struct vc_order *order = vc_ledger_order(NULL, ledger, vc_names_at(numbers, i), &why);

        if (order)
            json_array_append_new(rows, status_row(order));
        else if (!why)
            vc_fail(&why, VC_EXIT_USAGE, 0, "there is no order %s; vclab activate --status lists those there are",
                    vc_names_at(numbers, i));
    }
    if (why) {
        vc_error_move(err, &why);
        return NULL;
    }
    return json_pack("{s:s, s:O}", "schema", "vclab.status/1", "orders", rows);
}

char *vc_activation_status_text(void *ctx, const json_t *status)
{
    const json_t *orders = json_object_get(status, "orders"), *row;
    char *text = talloc_strdup(ctx, "");
    size_t i;

    if (!json_array_size(orders))
        return talloc_strdup_append(text, "no orders\n");
    ADD(text, "%-20s %-16s %-6s %-11s %s\n", "ORDER", "CUSTOMER", "REGION", "STATUS", "SINCE");
    json_array_foreach(orders, i, row)
        ADD(text, "%-20s %-16s %-6s %-11s %s\n", text_of(row, "order"), text_of(row, "customer"),
            text_of(row, "region"), words_of(text_of(row, "status"))->title, text_of(row, "since"));
    if (json_array_size(orders) == 1)
        ADD(text, "%s.\n", text_of(json_array_get(orders, 0), "meaning"));
    return text;
}
