/* Every shipped topology's CPEs: exported as IOS-XE, read again, and planned to the same bytes; goldens of the exports.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"
#include "model/configure.h"

static const struct {
    const char *topology, *node;
} cpes[] = {
    {"one-cpe", "cpe1"},           {"natted", "cpe1"},         {"two-cpe", "cpe1"},
    {"two-cpe", "cpe2"},           {"two-cpe-bird", "cpe1"},   {"two-cpe-bird-libreswan", "cpe2"},
    {"two-cpe-libreswan", "cpe1"}, {"two-cpe-mixed", "cpe1"},  {"two-cpe-mixed", "cpe2"},
    {"two-cpe-ospf", "cpe1"},      {"two-cpe-ospf", "cpe2"},   {"two-cpe-same-dc", "cpe1"},
    {"two-cpe-same-dc", "cpe2"},   {"remote-sites", "cpe1"},   {"remote-sites", "cpe2"},
    {"two-site", "cpe1"},          {"two-site", "cpe2"},       {"two-customers", "a-cpe1"},
    {"two-customers", "a-cpe2"},   {"two-customers", "b-cpe"}, {"two-regions", "cpe1"},
    {"two-regions", "cpe2"},       {"two-regions", "cpe3"},
};

/* Of each topology the nodes that end a tunnel as its CPE are in the table. */
Test(roundtrip, every_shipped_cpe_is_tried)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_names names = vc_documents(ctx, VCLAB_SOURCE_DIR "/topologies");
    size_t shipped = 0;

    for (size_t i = 0; i < names.count; i++) {
        const struct vc_topology *t = config_topology(ctx, vc_names_at(names, i));

        for (size_t node = 0; node < t->node_count; node++) {
            bool is_cpe = false, found = false;
            for (size_t k = 0; k < t->tunnel_count; k++)
                is_cpe |= t->tunnels[k].cpe == node;
            for (size_t k = 0; k < VC_COUNT(cpes); k++)
                found |= !strcmp(cpes[k].topology, t->name) && !strcmp(cpes[k].node, t->nodes[node].name);
            shipped += is_cpe;
            cr_expect(found || !is_cpe || strstr(t->nodes[node].kind, "libreswan") ||
                          strstr(t->nodes[node].kind, "bird"),
                      "%s of %s is not tried", t->nodes[node].name, t->name);
        }
    }
    cr_expect_geq(shipped, VC_COUNT(cpes));
}

static void expect_same_plan(const char *topology, const char *node, const char *timers, bool said, bool secrets)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_topology *t = config_topology(ctx, topology);
    struct vc_plan_options options = {VC_PLANE_KERNEL, vc_topology_timers(t, timers), 1, KINDS};
    const char *text = vc_cpe_export(ctx, t, &options, vc_topology_node(t, node), "ios-xe", secrets, &err);
    cr_assert(text, "%s", err ? err->message : "");
    const struct vc_import_options how = {t, vc_topology_node(t, node), said ? NULL : timers, KINDS};
    const struct vc_import *import = vc_import_ios(ctx, &how, node, text, strlen(text), &err);
    cr_assert(import, "%s", err ? err->message : "");

    cr_expect_eq(import->cpe->error_count, 0, "%s", vc_import_report(ctx, import));
    cr_expect_eq(import->ios->unknown_count, 0, "%s", vc_import_report(ctx, import));
    cr_expect(said || !json_object_size(import->configure), "%s %s %s:\n%s", topology, node, timers,
              vc_import_report(ctx, import));
    const struct vc_topology *again = config_imported(ctx, import);
    options.timers = vc_topology_timers(again, timers);
    VC_AUTO_FREE char *before = config_plan(ctx, t, &options), *after = config_plan(ctx, again, &options);
    const char *of = strchr(before, '\n'), *also = strchr(after, '\n'); /* but for the topology's name */
    cr_expect_str_eq(of, also, "%s %s %s", topology, node, timers);
}

Test(roundtrip, the_plan_is_the_same)
{
    static const char *const timers[] = {"service", "tuned", "bfd", "keepalive"};

    for (size_t i = 0; i < VC_COUNT(cpes); i++)
        expect_same_plan(cpes[i].topology, cpes[i].node, timers[i % 4], false, i % 2);
}

/* With the timers said in the document. */
Test(roundtrip, the_plan_is_the_same_when_timers_are_said)
{
    expect_same_plan("one-cpe", "cpe1", "tuned", true, true);
    expect_same_plan("two-cpe-bird", "cpe1", "service", true, true);
}

/* Each knob that IOS-XE has words for, there and back. */
static const char *const knobs[] = {
    "ike_version: 1, ike: aes256-sha384-ecp384",
    "mode: transport, clear_guard: false",
    "selector: wrong-host, clear_guard: false",
    "ike: aes128-sha256-modp2048",
    "esp: aes256-sha256-ecp384",
    "psk: not-the-key-of-the-order",
    "identity: hub.example",
    "remote_identity: 203.0.113.77",
    "peer: 203.0.113.9",
    "dpd: 0s",
    "dpd: 30s",
    "replay_window: 64",
    "replay_window: 0",
    "tunnel_up: false",
    "selector: ip",
    "selector: 10.200.0.17/32, clear_guard: false",
    "selector: 10.200.0.0/24",
    "selector_remote: 192.0.2.9/32, clear_guard: false",
    "underlay: false",
    "child_lifetime: 1800s",
    "ike_lifetime: 86400s",
    "transport_local: 10.10.0.1, clear_guard: false",
    "transport_remote: 192.0.2.9, clear_guard: false",
    "transport_vrf: 100",
    "tunnel_address: 100.64.0.9/29",
    "mtu: 1476",
    "mtu: 1500, mss: 1460",
    "remote_as: 64999",
    "local_as: 64999",
    "neighbor: 100.64.0.3",
    "bgp: false",
    "bgp_timers: 7/21",
    "keepalive: false",
    "keepalive: 5s x 4",
    "bgp_password: none",
    "bgp_password: not-the-password-of-the-order",
    "default: false",
    "leak: [10.10.10.0/24]",
    "accept: [198.18.5.0/24]",
    "accept: []",
    "inbound_policy: false",
    "redistribute: summary",
    "redistribute: none",
    "ibgp: false",
    "next_hop_self: false",
    "mss: 0",
    "mss: 1200",
    "pmtud: false",
};

/* What a running-config says nothing of. The export says so in a comment, but where it is no fault by itself. */
static const struct {
    const char *knob;
    bool no_fault;
} unsaid[] = {{"initiate", false},   {"keepalive_answers", false}, {"firewall", false},    {"stateful", false},
              {"loop_guard", false}, {"clear_guard", false},       {"default_route", true}};

/* A new knob is in one of the two lists, or this fails. */
Test(roundtrip, no_knob_is_forgotten)
{
    size_t count;
    const struct vc_knob *all = vc_knobs(&count);

    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(all[i].field.name);
        bool found = !(all[i].roles & VC_KNOB_CPE);

        for (size_t k = 0; k < VC_COUNT(knobs); k++)
            found |= !strncmp(knobs[k], all[i].field.name, length) && knobs[k][length] == ':';
        for (size_t k = 0; k < VC_COUNT(unsaid); k++)
            found |= !strcmp(unsaid[k].knob, all[i].field.name);
        cr_expect(found, "%s", all[i].field.name);
    }
}

Test(roundtrip, what_is_not_said_is_said_to_be_missing)
{
    for (size_t i = 0; i < VC_COUNT(unsaid); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        const char *value = !strcmp(unsaid[i].knob, "firewall")                ? "[bgp]"
                            : strstr("stateful default_route", unsaid[i].knob) ? "true"
                                                                               : "false";
        const struct vc_topology *t =
            config_keyed(ctx, "two-cpe", talloc_asprintf(ctx, "%s: %s", unsaid[i].knob, value));
        struct vc_plan_options options = {VC_PLANE_KERNEL, vc_topology_timers(t, "tuned"), 1, KINDS};
        const char *text = vc_cpe_export(ctx, t, &options, vc_topology_node(t, "cpe1"), "ios-xe", true, &err);
        const char *said = text ? strstr(text, "! IOS-XE has no words for what the lab's node has otherwise: ") : NULL;

        cr_assert(text, "%s", err ? err->message : "");
        cr_expect(unsaid[i].no_fault ? !said : said && strstr(said, unsaid[i].knob), "%s", text);
    }
}

Test(roundtrip, each_knob_comes_back)
{
    for (size_t i = 0; i < VC_COUNT(knobs); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        const struct vc_topology *ordered = config_keyed(ctx, "two-cpe", NULL);
        const struct vc_topology *t = config_keyed(ctx, "two-cpe", knobs[i]);
        struct vc_plan_options options = {VC_PLANE_KERNEL, vc_topology_timers(t, "tuned"), 1, KINDS};
        const char *text = vc_cpe_export(ctx, t, &options, vc_topology_node(t, "cpe1"), "ios-xe", true, &err);
        cr_assert(text, "%s", err ? err->message : "");
        const struct vc_import_options how = {ordered, vc_topology_node(ordered, "cpe1"), "tuned", KINDS};
        const struct vc_import *import = vc_import_ios(ctx, &how, "cpe1", text, strlen(text), &err);
        cr_assert(import, "%s", err ? err->message : "");
        cr_expect_eq(import->cpe->error_count, 0, "%s:\n%s", knobs[i], vc_import_report(ctx, import));

        VC_AUTO_FREE char *wanted = config_plan(ctx, t, &options);
        VC_AUTO_FREE char *found = config_plan(ctx, config_imported(ctx, import), &options);
        cr_expect_str_eq(strchr(found, '\n'), strchr(wanted, '\n'), "%s came back as\n%s", knobs[i],
                         vc_import_report(ctx, import));
    }
}

/* ---- goldens ---- */

static const struct {
    const char *topology, *node, *form, *file;
} goldens[] = {
    {"one-cpe", "cpe1", "ios-xe", "one-cpe-cpe1-ios-xe.cfg"},
    {"two-cpe", "cpe2", "ios-xe", "two-cpe-cpe2-ios-xe.cfg"},
    {"two-cpe-ospf", "cpe1", "ios-xe", "two-cpe-ospf-cpe1-ios-xe.cfg"},
    {"natted", "cpe1", "ios-xe", "natted-cpe1-ios-xe.cfg"},
    {"one-cpe", "cpe1", "strongswan", "one-cpe-cpe1-strongswan.conf"},
    {"one-cpe", "cpe1", "frr", "one-cpe-cpe1-frr.conf"},
    {"two-cpe-bird", "cpe1", "bird", "two-cpe-bird-cpe1-bird.conf"},
    {"two-cpe-libreswan", "cpe1", "libreswan", "two-cpe-libreswan-cpe1-libreswan.conf"},
};

Test(roundtrip, goldens)
{
    for (size_t i = 0; i < VC_COUNT(goldens); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        const struct vc_topology *t = config_topology(ctx, goldens[i].topology);
        struct vc_plan_options options = {VC_PLANE_KERNEL, vc_topology_timers(t, "bfd"), 1, KINDS};
        const char *text =
            vc_cpe_export(ctx, t, &options, vc_topology_node(t, goldens[i].node), goldens[i].form, false, &err);

        cr_assert(text, "%s", err ? err->message : "");
        config_expect_golden(goldens[i].file, text);
    }
}

Test(roundtrip, an_export_without_secrets_has_none)
{
    for (size_t i = 0; vc_export_forms[i]; i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        const char *name = !strcmp(vc_export_forms[i], "bird")        ? "two-cpe-bird"
                           : !strcmp(vc_export_forms[i], "libreswan") ? "two-cpe-libreswan"
                                                                      : "two-cpe";
        const struct vc_topology *t = config_keyed(ctx, name, "psk: planted-psk, bgp_password: planted-password");
        struct vc_plan_options options = {VC_PLANE_KERNEL, vc_topology_timers(t, "tuned"), 1, KINDS};
        size_t node = vc_topology_node(t, "cpe1");
        const char *with = vc_cpe_export(ctx, t, &options, node, vc_export_forms[i], true, &err);
        const char *without = vc_cpe_export(ctx, t, &options, node, vc_export_forms[i], false, &err);

        cr_assert(with && without, "%s", err ? err->message : "");
        cr_expect(strstr(with, "planted-"), "%s", with);
        cr_expect(!strstr(without, "planted-") && !strstr(without, "key-of-the-order"), "%s", without);
        cr_expect(strstr(without, "<PSK-dc1>") || strstr(without, "<BGP-PW-dc1>"), "%s", without);
    }
}

/* A router would take part of it, or no encryption, for the whole. */
Test(roundtrip, proposals_without_words_are_refused)
{
    static const char *const bad[] = {"ike: aes256ctr-sha256-modp2048",
                                      "ike: aes256gcm16-ecp384",
                                      "ike: aes256-sha256",
                                      "ike: aes256gcm16-sha256-prfsha384-ecp384",
                                      "esp: aes256ctr-sha256",
                                      "esp: aes256",
                                      "esp: null-sha256",
                                      "ike_version: 1"};

    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        const struct vc_topology *t = config_keyed(ctx, "two-cpe", bad[i]);
        struct vc_plan_options options = {VC_PLANE_KERNEL, vc_topology_timers(t, "tuned"), 1, KINDS};

        cr_expect_null(vc_cpe_export(ctx, t, &options, vc_topology_node(t, "cpe1"), "ios-xe", true, &err), "%s",
                       bad[i]);
        cr_expect(err && strstr(err->message, "tunnel dc1: IOS-XE has no words for the "), "%s: %s", bad[i],
                  err ? err->message : "");
        cr_expect(!err || err->status == VC_EXIT_USAGE);
    }
}

/* ---- a node with files of its own ---- */

static const char own_frr[] = "hostname hub\nlog file /x\nrouter bgp 64512\n neighbor 1.2.3.4 password planted#word\n"
                              " neighbor 1.2.3.5 password <BGP-PW-dc1>\nip prefix-list X permit 10.0.0.0/8\n"
                              "ip route 10.0.0.0/8 10.0.0.1\n! password planted-comment\n";
static const char own_swanctl[] = "secrets {\n ike-dc1 { secret = key-of-the-order }\n"
                                  " ike-dc2 { secret = planted horse battery # planted\n }\n}\n";

static struct vc_topology *with_files(void *ctx)
{
    struct vc_topology *t = config_keyed(ctx, "two-cpe", NULL);
    struct vc_node *node = &t->nodes[vc_topology_node(t, "cpe1")];

    node->file_count = 2;
    node->files = talloc_zero_array(t, struct vc_own_file, 2);
    node->files[0] = (struct vc_own_file){"swanctl.conf", "a/swanctl.conf", own_swanctl, {0}};
    node->files[1] = (struct vc_own_file){"frr.conf", "a/frr.conf", own_frr, {0}};
    return t;
}

static const char *export_of_files(void *ctx, const char *form, bool secrets, vc_error **err)
{
    const struct vc_topology *t = with_files(ctx);
    struct vc_plan_options options = {VC_PLANE_KERNEL, vc_topology_timers(t, "tuned"), 1, KINDS};

    return vc_cpe_export(ctx, t, &options, vc_topology_node(t, "cpe1"), form, secrets, err);
}

/* As they are, with the keys that their marks stand for. */
Test(roundtrip, own_files_are_exported_as_they_are)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    cr_expect_str_eq(export_of_files(ctx, "strongswan", true, &err), own_swanctl);
    cr_expect_str_eq(export_of_files(ctx, "frr", true, &err),
                     "hostname hub\nlog file /x\nrouter bgp 64512\n neighbor 1.2.3.4 password planted#word\n"
                     " neighbor 1.2.3.5 password password-of-the-order\nip prefix-list X permit 10.0.0.0/8\n"
                     "ip route 10.0.0.0/8 10.0.0.1\n! password planted-comment\n");
}

Test(roundtrip, own_files_are_exported_without_secrets)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    cr_expect_str_eq(export_of_files(ctx, "strongswan", false, &err),
                     "secrets {\n ike-dc1 { secret = <PSK-dc1> }\n ike-dc2 { secret = other-key-1 #\n }\n}\n");
    cr_expect_str_eq(export_of_files(ctx, "frr", false, &err),
                     "hostname hub\nlog file /x\nrouter bgp 64512\n neighbor 1.2.3.4 password other-key-2\n"
                     " neighbor 1.2.3.5 password <BGP-PW-dc1>\nip prefix-list X permit 10.0.0.0/8\n"
                     "ip route 10.0.0.0/8 10.0.0.1\n!\n");
}

/* Not guessed at, and not repeated. */
Test(roundtrip, a_key_in_a_name_refuses_the_export)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    struct vc_topology *t = with_files(ctx);
    struct vc_plan_options options = {VC_PLANE_KERNEL, vc_topology_timers(t, "tuned"), 1, KINDS};
    size_t node = vc_topology_node(t, "cpe1");

    t->nodes[node].files[1].text = "neighbor 1.2.3.4 description password-of-the-order\n";
    cr_assert_null(vc_cpe_export(ctx, t, &options, node, "frr", false, &err));
    cr_expect(strstr(err->message, "a/frr.conf: a key also stands outside") && !strstr(err->message, "of-the-order"),
              "%s", err->message);
}

Test(roundtrip, own_files_are_not_said_in_words_of_a_router)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    cr_assert_null(export_of_files(ctx, "ios-xe", true, &err));
    cr_expect(strstr(err->message, "node cpe1 has a swanctl.conf of its own"), "%s", err->message);
}

Test(roundtrip, what_no_daemon_reads_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_topology *t = config_topology(ctx, "two-cpe");
    struct vc_plan_options options = {VC_PLANE_KERNEL, vc_topology_timers(t, "tuned"), 1, KINDS};
    static const struct {
        const char *node, *form, *message;
    } bad[] = {{"cpe1", "bird", "node cpe1 of kind cpe runs no BIRD"},
               {"cpe1", "libreswan", "node cpe1 of kind cpe runs no Libreswan"},
               {"phone", "frr", "node phone is the CPE of no tunnel"}};

    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_ERROR *err = NULL;

        cr_assert_null(vc_cpe_export(ctx, t, &options, vc_topology_node(t, bad[i].node), bad[i].form, true, &err));
        cr_expect(strstr(err->message, bad[i].message), "%s", err->message);
        cr_expect_eq(err->status, VC_EXIT_USAGE);
    }
}
