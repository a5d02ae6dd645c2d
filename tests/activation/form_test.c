/* What is wrong with a form beyond the rules: each with its place, all of them at once. */
#include "fixture.h"

TestSuite(form, .init = folder_open, .fini = folder_close);

static const char good[] = "form: f\ncustomer: acme\norder: '4711'\nregions: [eu]\nregion: eu\n"
                           "dedicated_instance: active\nlan: [10.10.0.0/16]\ncpes:\n"
                           "  cpe1: {ipsec: 198.51.100.10, transport: {dc1: 10.200.0.1, dc2: 10.200.0.2}}\n";

/* The good form with `from` replaced by `to`: what is said of it, "" when nothing is. */
static const char *said(void *ctx, const char *from, const char *to)
{
    const char *at = strstr(good, from), *file = in_top(ctx, "f.yaml");
    VC_AUTO_ERROR *err = NULL;

    cr_assert(at, "%s", from);
    put_file(file, talloc_asprintf(ctx, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from)));
    return vc_form_load(ctx, file, NULL, &err) ? "" : talloc_strdup(ctx, err->message);
}

Test(form, says_what_is_wrong_and_where)
{
    static const struct {
        const char *from, *to, *text;
    } cases[] = {
        {"form: f", "form: g", "f.yaml:1:7: found form \"g\" in a file named f.yaml"},
        {"region: eu\nd", "region: europe\nd", "f.yaml:5:9: found unknown region \"europe\"; allowed: us, ca, eu"},
        {"regions: [eu]", "regions: eu", "f.yaml:4:10: found \"eu\" for regions; allowed: a list of the regions"},
        {"regions: [eu]", "regions: [eu, eu]", "found region \"eu\" again; allowed: each region once"},
        {"order: '4711'", "order: 'no spaces'", "found \"no spaces\" for order; allowed: the order's number"},
        {"customer: acme\n", "", "found a form without \"customer\"; allowed: customer is required"},
        {"lan: [10.10.0.0/16]", "lan: [10.10.0.1/16]",
         "f.yaml:7:7: found \"10.10.0.1/16\"; allowed: 10.10.0.0/16, which is the network of that address"},
        {"lan: [10.10.0.0/16]", "lan: [10.10.0.0]", "found \"10.10.0.0\"; allowed: a prefix of your network such as"},
        {"lan: [10.10.0.0/16]", "lan: [8.0.0.0/7]",
         "found \"8.0.0.0/7\"; allowed: prefixes of your network, each a /8"},
        {"lan: [10.10.0.0/16]", "lan: []", "allowed: a list of the prefixes behind your CPEs"},
        {"lan: [10.10.0.0/16]", "lan: [10.10.0.0/16, 10.10.4.0/24]", "found 10.10.4.0/24, which overlaps 10.10.0.0/16"},
        {"lan: [10.10.0.0/16]", "lan: [10.10.0.0/28]",
         "found no prefix with room for the lab's LAN; allowed: one that is a /27"},
        {"ipsec: 198.51.100.10,", "ipsec: 198.51.100.10, gateway: 198.51.100.9,",
         "found unknown key of a CPE \"gateway\"; allowed: ipsec, nat, transport"},
        {"ipsec: 198.51.100.10", "ipsec: here", "found \"here\" for ipsec; allowed: an IPv4 address"},
        {"cpe1:", "dc1-router:", "found \"dc1-router\" as a CPE's name, which something else in the lab has"},
        {"cpe1:", "rate:", "found \"rate\" as a CPE's name, which something else in the lab has"},
        {"cpe1:", "loss:", "found \"loss\" as a CPE's name"},
        {"10.10.0.0/16", "127.0.0.0/8", "found 127.0.0.0/8, which is in 127.0.0.0/8; allowed: networks that hosts can"},
        {"10.10.0.0/16", "169.254.0.0/16", "found 169.254.0.0/16, which is in 169.254.0.0/16"},
        {"10.10.0.0/16", "0.0.0.0/8", "found 0.0.0.0/8, which is in 0.0.0.0/8"},
        {"10.10.0.0/16", "224.0.0.0/8", "found 224.0.0.0/8, which is in 224.0.0.0/3"},
        {"10.10.0.0/16", "203.0.112.0/20", "found 203.0.112.0/20 in your network, which overlaps 203.0.113.0/24"},
        {"100.10,", "100.10, nat: 0.0.0.0,",
         "found 0.0.0.0 behind the NAT of cpe1, which is in 0.0.0.0/8 and no host's"},
        {"100.10,", "100.10, nat: 255.255.255.255,", "found 255.255.255.255 behind the NAT of cpe1, which is in 224"},
        {"100.10,", "100.10, nat: 100.64.0.2,", "found 100.64.0.2 behind your NAT, which overlaps 100.64.0.0/10"},
        {"ipsec: 198.51.100.10", "ipsec: 0.0.0.0", "found 0.0.0.0 as the IPsec source of cpe1, which is in 0.0.0.0/8"},
        {"dc2: 10.200.0.2", "dc2: 0.0.0.0", "found 0.0.0.0 as the transport of cpe1, which is in 0.0.0.0/8"},
        {"dc2: 10.200.0.2", "dc2: 169.254.1.1", "found 169.254.1.1 as the transport of cpe1"},
        {"dc2: 10.200.0.2", "dc2: 10.200.0.1/0", "to dc2, which is 4294967296 addresses"},
        {"cpe1:", "a-name-too-long:", "found CPE name \"a-name-too-long\"; allowed: a small letter"},
        {", dc2: 10.200.0.2", "", "found no transport to dc2; allowed: one CPE with a transport to dc1 and one to dc2"},
        {"dc2: 10.200.0.2", "dc3: 10.200.0.2", "found unknown data centre \"dc3\"; allowed: dc1, dc2"},
        {"dc2: 10.200.0.2", "dc2: all", "found \"all\" for dc2; allowed: an address, alone or as /32"},
        {"  cpe1:", "  cpe0: {ipsec: 198.51.100.20, transport: {dc1: 10.200.0.9}}\n  cpe1:",
         "found two transports to dc1"},
        {"lan:", "calls: 3126\nlan:", "found 3126 calls, 250 Mbit/s; allowed: 1 to 3125 calls, which one tunnel"},
        {"lan:", "tunnel_mask: 29\nlan:", "found \"29\" for tunnel_mask; allowed: 30 or 31"},
        {"lan:", "keepalives: maybe\nlan:", "found unknown keepalives \"maybe\"; allowed: on, off"},
        {"lan:", "lan: [10.0.0.0/8]\nlan:", "found \"lan\" again"},
        {"lan:", "IKE_Lifetime: 8h\nlan:", "found \"IKE_Lifetime\"; allowed: a form without it"},
        {"lan:", "preSharedKey: x\nlan:", "found \"preSharedKey\"; allowed: a form without it: Cisco makes the keys"},
        {"lan:", "bgp-passwords: x\nlan:", "(R18)"},
        {"lan:", "dh_group: 14\nlan:", "(R17)"},
        {"lan:", "group: 14\nlan:", "(R17)"},
        {"lan:", "responsible: x\nlan:", "found unknown key of a form \"responsible\""},
        {"lan:", "like: x\nlan:", "found unknown key of a form \"like\""},
        {"lan:", "customer_group: x\nlan:", "found unknown key of a form \"customer_group\""},
        {"lan:", "service_desk: x\nlan:", "found unknown key of a form \"service_desk\""},
        {"cpe1:", "spike:", ""},
        {"order: '4711'", "order: -x", "found \"-x\" for order; allowed: the order's number: at most 31"},
        {"lan:", "calls: 0\nlan:", "found \"0\" for calls; allowed: 1 to 3125 calls"},
        {"lan:", "calls: many\nlan:", "found \"many\" for calls; allowed: 1 to 3125 calls"},
        {"lan:", "asn: 0\nlan:", "found \"0\" for asn; allowed: an ASN from 64512 to 65534 but 64600"},
        {"lan:", "asn: 0.64512\nlan:", "found \"0.64512\" for asn; allowed: an ASN from 64512 to 65534"},
        {"lan:", "asn: 4294967296\nlan:", "found \"4294967296\" for asn; allowed: an ASN from 64512"},
        {"lan:", "asn: [64512]\nlan:", "found a list for asn; allowed: an ASN from 64512"},
        {"198.51.100.10", "203.0.113.9",
         "found 203.0.113.9 as the IPsec source of cpe1, which is in 203.0.113.0/24 "
         "(Cisco's headends); allowed: a public IPv4 address of your own"},
        {"100.10,", "100.10, nat: 198.19.0.9,",
         "behind the NAT of cpe1, which is in 198.19.0.0/16 (Cisco's GRE transports); allowed"},
        {"dc2: 10.200.0.2", "dc2: 25.0.0.2", "which is in 25.0.0.0/8 (Cisco's services); allowed: one address (/32)"},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *text = said(ctx, cases[i].from, cases[i].to);

        if (!*text && strstr(cases[i].text, "the lab's LAN")) { /* the lab's own limit is told when it is allocated */
            VC_AUTO_ERROR *err = NULL;
            struct vc_ledger *ledger = open_ledger(ctx, "ledger");
            cr_assert(!vc_activate(ctx, ledger, in_top(ctx, "f.yaml"), &(struct vc_activation_options){0}, &err));
            text = talloc_strdup(ctx, err->message);
            ledger_has(ledger, 0);
        }
        cr_expect(*cases[i].text ? strstr(text, cases[i].text) != NULL : !*text, "%s: %s", cases[i].to, text);
    }
}

Test(form, says_everything_at_once)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *text = said(ctx, "ipsec: 198.51.100.10", "psk: x, ipsec: 10.0.0.1");

    cr_assert(strstr(text, "(R18)") && strstr(text, "(R8)"), "%s", text);
    text = said(ctx, "lan: [10.10.0.0/16]", "asn: 1\nrole: read-only\nlan: [100.64.0.0/12]");
    cr_assert(strstr(text, "(R13)") && strstr(text, "(R15)") && strstr(text, "(R11)"), "%s", text);
}

/* What is wrong in one place is told once. */
Test(form, says_nothing_that_follows_from_another_error)
{
    static const char *const cases[][2] = {
        {"dc2: 10.200.0.2", "dc2: 2001:db8::1"},
        {"dc2: 10.200.0.2", "dc2: 10.200.0.1/0"},
        {", transport: {dc1: 10.200.0.1, dc2: 10.200.0.2}", ""},
        {"dc1: 10.200.0.1, dc2: 10.200.0.2", "dc1: 10.200.0.1, dc2: {}"},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *text = said(ctx, cases[i][0], cases[i][1]);

        cr_expect(*text && !strchr(text, '\n'), "%s: %s", cases[i][1], text);
    }
}

Test(form, that_is_another_document_is_told_so)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL, *again = NULL;

    cr_assert(!vc_form_load(ctx, VCLAB_SOURCE_DIR "/topologies/two-cpe.yaml", NULL, &err));
    cr_assert(!vc_form_load(ctx, VCLAB_SOURCE_DIR "/scenarios/baseline/two-cpe-active-active-bfd.yaml", NULL, &again));
    cr_assert(strstr(again->message, "found a scenario; allowed"), "%s", again->message);
    cr_assert(strstr(err->message, "found a topology; allowed: an activation form, such as forms/accepted/") &&
                  !strchr(err->message, '\n'),
              "%s", err->message);
}

/* The ledger's copy of a form is the form. */
Test(form, comes_back_from_json_as_it_was)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    said(ctx, "lan:", "example: {requirements: [R8]}\nasn: 65000\nlan:");
    const struct vc_form *form = vc_form_load(ctx, in_top(ctx, "f.yaml"), NULL, &err);
    cr_assert(form, "%s", err ? err->message : "");
    VC_AUTO_JSON *json = vc_form_json(form);
    const struct vc_form *again = vc_form_from_json(ctx, json, &err);
    VC_AUTO_JSON *once_more = vc_form_json(again);

    cr_assert(json_equal(json, once_more) && !json_object_get(json, "example"));
    cr_assert_eq(again->asn, 65000);
    cr_assert_eq(again->cpes[0].transport[1].addr.s_addr, form->cpes[0].transport[1].addr.s_addr);
    json_object_set_new(json, "region", json_string("moon"));
    cr_assert(!vc_form_from_json(ctx, json, &err) && strstr(err->message, "the ledger's form"), "%s", err->message);
}

/* A form of a customer may be anything. */
Test(form, that_is_hostile_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    cr_assert(strstr(said(ctx, good, "[]"), "found a list"));
    cr_assert(strstr(said(ctx, good, "form: {a: b}\n"), "found a mapping for form"));
    cr_assert(
        strstr(said(ctx, "  cpe1: {ipsec: 198.51.100.10, transport: {dc1: 10.200.0.1, dc2: 10.200.0.2}}", "  cpe1: []"),
               "found a list for a CPE"));
    cr_assert(strstr(said(ctx, "acme", "'../../etc'"), "found customer name \"../../etc\""));
    cr_assert(strstr(said(ctx, "'4711'", "\"o\\n1; DROP TABLE orders\""), "for order; allowed: the order's number"));
}
