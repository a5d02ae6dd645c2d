/*
 * Running-configs in the shapes that routers and engineers give them, held against an order. What each must give is in
 * ios-xe/expected.json: the knobs, the lines of what deviates, those that nobody understands, and what the doctor is to
 * name when the lab plays it.
 */
#include <dirent.h>

#include "fixture.h"

#define FOLDER VCLAB_SOURCE_DIR "/tests/config/ios-xe"

static json_t *expectations(void)
{
    json_error_t error;
    json_t *expected = json_load_file(FOLDER "/expected.json", 0, &error);

    cr_assert(expected, "expected.json:%d: %s", error.line, error.text);
    return expected;
}

static struct vc_import *import_text(void *ctx, const char *topology, const char *node, const char *name,
                                     const char *text)
{
    VC_AUTO_ERROR *err = NULL;
    const struct vc_topology *t = config_keyed(ctx, topology, NULL);
    const struct vc_import_options options = {t, node ? vc_topology_node(t, node) : VC_NONE, "tuned", KINDS};
    struct vc_import *import = vc_import_ios(ctx, &options, name, text, strlen(text), &err);

    cr_assert(import, "%s: %s", name, err ? err->message : "");
    return import;
}

static struct vc_import *import_file(void *ctx, const json_t *expected, const char *name, bool say_node)
{
    const char *node = json_string_value(json_object_get(expected, "node"));
    const char *text = config_read(ctx, talloc_asprintf(ctx, FOLDER "/%s", name));

    cr_assert(text, "%s is missing", name);
    return import_text(ctx, json_string_value(json_object_get(expected, "topology")), say_node ? node : NULL, name,
                       text);
}

static int compare_ints(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void expect_lines(const char *name, const char *what, int *found, size_t count, const json_t *expected)
{
    const json_t *line;
    size_t i;

    qsort(found, count, sizeof *found, compare_ints);
    cr_expect_eq(count, json_array_size(expected), "%s: %zu %s, wanted %zu", name, count, what,
                 json_array_size(expected));
    json_array_foreach(expected, i, line)
        cr_expect(i >= count || found[i] == json_integer_value(line), "%s: %s at line %d, wanted %d", name, what,
                  i < count ? found[i] : 0, (int)json_integer_value(line));
}

static void check(void *ctx, const char *name, const json_t *expected)
{
    const struct vc_import *import = import_file(ctx, expected, name, true);
    const json_t *wanted = json_object_get(expected, "configure"), *deviation;
    const json_t *lines = json_object_get(expected, "lines");
    size_t count = json_array_size(import->deviations), i;
    int *found = talloc_array(ctx, int, count + import->ios->unknown_count + import->cpe->error_count + 1);
    VC_AUTO_FREE char *text = json_dumps(import->configure, JSON_SORT_KEYS);

    if (!json_object_get(expected, "error_lines"))
        cr_expect(json_equal(import->configure, wanted), "%s gives %s\n%s", name, text, vc_import_report(ctx, import));
    json_array_foreach(import->deviations, i, deviation) found[i] =
        (int)json_integer_value(json_object_get(deviation, "line"));
    if (lines)
        expect_lines(name, "deviations", found, count, lines);
    for (i = 0; i < import->ios->unknown_count; i++)
        found[i] = import->ios->unknown[i].line;
    expect_lines(name, "unknown lines", found, i, json_object_get(expected, "unknown"));
    for (i = 0; i < import->cpe->error_count; i++)
        cr_expect(sscanf(import->cpe->errors[i] + strlen(name), ":%d:", &found[i]) == 1, "%s", import->cpe->errors[i]);
    expect_lines(name, "errors", found, i, json_object_get(expected, "error_lines"));
    if (!import->cpe->error_count)
        config_imported(ctx, import); /* the document is a good one */
}

Test(import, each_configuration_gives_what_it_must)
{
    VC_AUTO_JSON *all = expectations();
    const char *name;
    json_t *expected;

    cr_expect_geq(json_object_size(all), 12);
    json_object_foreach(all, name, expected)
    {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        check(ctx, name, expected);
    }
}

Test(import, every_file_is_expected)
{
    VC_AUTO_JSON *all = expectations();
    DIR *folder = opendir(FOLDER);
    struct dirent *entry;

    cr_assert(folder);
    while ((entry = readdir(folder)))
        cr_expect(!strstr(entry->d_name, ".cfg") || json_object_get(all, entry->d_name), "%s", entry->d_name);
    closedir(folder);
}

Test(import, the_node_is_found)
{
    VC_AUTO_JSON *all = expectations();
    const char *name;
    json_t *expected;

    json_object_foreach(all, name, expected)
    {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct vc_import *import = import_file(ctx, expected, name, false);

        cr_expect_str_eq(import->topology->nodes[import->node].name,
                         json_string_value(json_object_get(expected, "node")), "%s", name);
    }
}

/* What the lab would run is what the document says: each knob changes the node's plan. */
Test(import, what_is_broken_changes_the_plan_of_its_node_alone)
{
    VC_AUTO_JSON *all = expectations();
    const char *name;
    json_t *expected;

    json_object_foreach(all, name, expected)
    {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct vc_import *import = import_file(ctx, expected, name, true);
        bool plain = !json_object_size(json_object_get(expected, "configure"));

        if (import->cpe->error_count)
            continue;
        struct vc_topology *t = config_imported(ctx, import);
        struct vc_plan_options options = {VC_PLANE_KERNEL, vc_topology_timers(t, "tuned"), 1, KINDS};
        VC_AUTO_FREE char *ordered = config_plan(ctx, import->topology, &options), *own = config_plan(ctx, t, &options);
        cr_expect_eq(!strcmp(strchr(ordered, '\n'), strchr(own, '\n')), plain, "%s", name);
    }
}

/* ---- secrets ---- */

/* Neither document nor report has a key of the file, or what else is secret in it. */
Test(import, no_secret_is_kept)
{
    static const char *const planted[] = {"key-of-the-order",      "password-of-the-order",   "a-typo-in-the-key",
                                          "enable-secret-planted", "username-secret-planted", "snmp-community-planted",
                                          "ENCRYPTEDencrypted",    "type-seven-planted",      "planted-unknown-key",
                                          "planted-tacacs"};
    VC_AUTO_JSON *all = expectations();
    const char *name;
    json_t *expected;

    json_object_foreach(all, name, expected)
    {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *text = config_read(ctx, talloc_asprintf(ctx, FOLDER "/%s", name));
        const char *more =
            talloc_asprintf(ctx,
                            "%s\ntacacs-server key 7 planted-tacacs\nsome vendor key planted-unknown-key\n"
                            "other thing 7 password planted-unknown-key more\n",
                            text);
        const struct vc_import *import = import_text(ctx, json_string_value(json_object_get(expected, "topology")),
                                                     json_string_value(json_object_get(expected, "node")), name, more);
        VC_AUTO_JSON *json = vc_import_json(import);
        VC_AUTO_FREE char *dump = json_dumps(json, 0);
        const char *report = vc_import_report(ctx, import), *document = vc_import_document(ctx, import, "x", "y");

        for (size_t i = 0; i < VC_COUNT(planted); i++) {
            const char *said = !strcmp(planted[i], "key-of-the-order") ? "\"key-of" : planted[i];
            cr_expect(!strstr(report, said), "%s: %s in\n%s", name, said, report);
            cr_expect(!strstr(dump, said), "%s: %s in\n%s", name, said, dump);
            cr_expect(!strstr(document, said), "%s: %s in\n%s", name, said, document);
        }
        cr_expect(import->ios->unknown_count >= 2, "%s", name);
    }
}

/* ---- pieces ---- */

static const char healthy[] = FOLDER "/healthy-crypto-map.cfg";

/* The healthy configuration with `from` replaced. */
static struct vc_import *edited(void *ctx, const char *from, const char *to)
{
    const char *text = config_read(ctx, healthy), *at = strstr(text, from);

    cr_assert(at, "%s", from);
    return import_text(ctx, "one-cpe", "cpe1", "edited.cfg",
                       talloc_asprintf(ctx, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)));
}

static const struct {
    const char *from, *to, *configure;
} edits[] = {
    {"  address 203.0.113.1\n", "  address 203.0.113.7\n",
     "{\"tunnels\": {\"dc1\": {\"psk\": \"no-key-for-this-peer\"}}}"},
    {" encryption aes-gcm-256\n", " encryption aes-cbc-128\n integrity sha256\n",
     "{\"ike\": \"aes128-sha256-prfsha384-ecp384\"}"},
    {" group 20\n", " group 14 20\n", "{}"},
    {" group 20\n", " group 14\n", "{\"ike\": \"aes256gcm16-prfsha384-modp2048\"}"},
    {" mode tunnel\n", " mode transport\n", "{}"},
    {" mode tunnel\n", " mode transport require\n", "{\"mode\": \"transport\"}"},
    {" lifetime 14400\n", "", "{\"ike_lifetime\": \"86400s\"}"},
    {"replay window-size 1024\n", "replay window-size 64\n", "{\"replay_window\": 64}"},
    {" set peer 203.0.113.1\n", " set peer 203.0.113.1\n set security-association replay window-size 128\n",
     "{\"tunnels\": {\"dc1\": {\"replay_window\": 128}}}"},
    {" dpd 10 3 periodic\n", " dpd 30 5 on-demand\n", "{\"dpd\": \"30s\"}"},
    {" set peer 203.0.113.1\n", " set peer 203.0.113.9\n",
     "{\"tunnels\": {\"dc1\": {\"peer\": \"203.0.113.9\", \"psk\": \"no-key-for-this-peer\"}}}"},
    {"match identity remote address 203.0.113.1 255", "match identity remote address 203.0.113.3 255",
     "{\"tunnels\": {\"dc1\": {\"remote_identity\": \"203.0.113.129\"}}}"},
    {" identity local address 198.51.100.10\n", " identity local fqdn hub.example\n",
     "{\"identity\": \"hub.example\"}"},
    {"permit gre host 10.200.0.1 host 192.0.2.1\n", "permit gre host 10.200.0.1 host 192.0.2.2\n",
     "{\"clear_guard\": false, \"tunnels\": {\"dc1\": {\"selector_remote\": \"192.0.2.2/32\"}}}"},
    {"permit gre host 10.200.0.1 host", "permit gre host 10.200.0.17 host",
     "{\"clear_guard\": false, \"tunnels\": {\"dc1\": {\"selector\": \"10.200.0.17/32\"}}}"},
    {" tunnel source Loopback1\n", " tunnel source GigabitEthernet2\n",
     "{\"clear_guard\": false, \"tunnels\": {\"dc1\": {\"transport_local\": \"10.10.0.1\"}}}"},
    {"ip route 203.0.113.1 255.255.255.255 198.51.100.9\n", "", "{\"tunnels\": {\"dc1\": {\"underlay\": false}}}"},
    {"ip route 192.0.2.1 255.255.255.255 198.51.100.9\n", "ip route 192.0.2.1 255.255.255.255 10.10.0.2\n",
     "{\"tunnels\": {\"dc1\": {\"underlay\": false}}}"},
    {"ip route 192.0.2.1 255.255.255.255 198.51.100.9\n", "ip route 192.0.2.1 255.255.255.255 GigabitEthernet1\n",
     "{}"},
    {"router bgp 64512\n", "router bgp 64513\n", "{\"local_as\": 64513, \"redistribute\": \"none\"}"},
    {"neighbor 100.64.0.1 remote-as 64600\n", "neighbor 100.64.0.1 remote-as 64600\n neighbor 100.64.0.1 shutdown\n",
     "{\"tunnels\": {\"dc1\": {\"bgp\": false}}}"},
    {"  neighbor 100.64.0.1 activate\n", "  no neighbor 100.64.0.1 activate\n",
     "{\"tunnels\": {\"dc1\": {\"bgp\": false}}}"},
    {"  neighbor 100.64.0.1 prefix-list VC-A-IN in\n", "", "{\"tunnels\": {\"dc1\": {\"inbound_policy\": false}}}"},
    {"  neighbor 100.64.0.1 prefix-list VC-A-IN in\n", "  neighbor 100.64.0.1 prefix-list NO-SUCH-LIST in\n",
     "{\"tunnels\": {\"dc1\": {\"inbound_policy\": false}}}"},
    {"  neighbor 100.64.0.1 prefix-list VC-A-IN in\n", "  neighbor 100.64.0.1 route-map NO-SUCH-MAP in\n",
     "{\"tunnels\": {\"dc1\": {\"accept\": []}}}"},
    {"  neighbor 10.10.0.2 next-hop-self\n", "", "{\"next_hop_self\": false}"},
    {" neighbor 10.10.0.2 remote-as 64512\n", "", "{\"redistribute\": \"none\"}"},
    {" neighbor 10.10.0.2 remote-as 64512\n", " neighbor 10.10.0.2 remote-as 64600\n", "{\"redistribute\": \"none\"}"},
    {" keepalive 10 3\n", " keepalive 5 4\n", "{\"tunnels\": {\"dc1\": {\"keepalive\": \"5s x 4\"}}}"},
    {"interface Tunnel2\n", "interface Tunnel9\n", "{}"},
    {"ip route 192.0.2.1 255.255.255.255 198.51.100.9\n", "ip route 192.0.2.1 255.255.255.255 Null0\n",
     "{\"tunnels\": {\"dc1\": {\"underlay\": false}}}"},
    {" ip address 198.51.100.10 255.255.255.248\n", " ip address dhcp\n", "{}"},
    {"ip address 10.10.0.1 255.255.255.252\n", "ip address 172.16.5.1 255.255.255.0\n", "{}"},
    {" crypto map VC\n!", " crypto map VC\n shutdown\n!", "{\"underlay\": false}"},
    /* access lists of crypto maps */
    {" 10 permit gre host 10.200.0.1 host",
     " 5 permit icmp host 10.200.0.1 host 192.0.2.1\n 10 permit gre host 10.200.0.1 host", "{}"},
    {" 10 permit gre host 10.200.0.1 host", " permit udp any any range 16384 32767\n permit gre host 10.200.0.1 host",
     "{}"},
    {" 10 permit gre host 10.200.0.1 host",
     " 5 deny gre host 10.200.0.1 host 192.0.2.1\n 10 permit gre host 10.200.0.1 host",
     "{\"clear_guard\": false, \"tunnels\": {\"dc1\": {\"initiate\": false}}}"},
    {" 10 permit gre host 10.200.0.1 host 192.0.2.1\n",
     " 10 permit gre host 10.200.0.1 host 192.0.2.1\n 5 deny gre any any\n",
     "{\"clear_guard\": false, \"tunnels\": {\"dc1\": {\"initiate\": false}}}"},
    {" match address VC-DC1\n", " match address vc-dc1\n",
     "{\"clear_guard\": false, \"tunnels\": {\"dc1\": {\"initiate\": false}}}"},
    /* ways */
    {"ip route 192.0.2.1 255.255.255.255 198.51.100.9\n", "ip route 192.0.2.1 255.255.255.255 Tunnel1\n",
     "{\"tunnels\": {\"dc1\": {\"underlay\": false}}}"},
    {"ip route 192.0.2.1 255.255.255.255 198.51.100.9\n", "ip route 192.0.2.1 255.255.255.255 100.64.0.1\n",
     "{\"tunnels\": {\"dc1\": {\"underlay\": false}}}"},
    {"ip route 192.0.2.1 255.255.255.255 198.51.100.9\n", "ip route 192.0.2.1 255.255.255.255 GigabitEthernet2\n",
     "{\"tunnels\": {\"dc1\": {\"underlay\": false}}}"},
    {"ip route 192.0.2.1 255.255.255.255 198.51.100.9\n",
     "ip route 192.0.2.1 255.255.255.255 198.51.100.9\nip route 192.0.2.1 255.255.255.255 10.10.0.2 250 name spare\n",
     "{}"},
    {"ip route 192.0.2.1 255.255.255.255 198.51.100.9\n", "ip route 192.0.2.1 255.255.255.255 203.0.113.1\n", "{}"},
    /* IKE */
    {"replay window-size 1024\n", "replay disable\n", "{\"replay_window\": 0}"},
    {" set peer 203.0.113.1\n", " set peer 203.0.113.1\n set peer 203.0.113.129\n", "{}"},
    {" set peer 203.0.113.1\n", " set peer 203.0.113.129\n set peer 203.0.113.1 default\n", "{}"},
    {" set peer 203.0.113.1\n", " set peer 198.51.100.77\n set peer 203.0.113.1\n", "{}"},
    {" set peer 203.0.113.1\n", " set peer 203.0.113.129\n set peer 203.0.113.1\n",
     "{\"tunnels\": {\"dc1\": {\"peer\": \"203.0.113.129\"}}}"},
    {" peer DC1\n", " peer ANY\n  address 0.0.0.0 0.0.0.0\n  pre-shared-key of-somebody-else\n peer DC1\n", "{}"},
    {"  pre-shared-key key-of-the-order\n", "  pre-shared-key local key-of-the-order\n  pre-shared-key remote other\n",
     "{\"tunnels\": {\"dc1\": {\"psk\": \"not-the-key-of-the-order\"}}}"},
    {"  pre-shared-key key-of-the-order\n", "  pre-shared-key hex 6b65792d6f662d7468652d6f72646572\n", "{}"},
    {"  pre-shared-key key-of-the-order\n", "  pre-shared-key hex 00ff\n",
     "{\"tunnels\": {\"dc1\": {\"psk\": \"not-the-key-of-the-order\"}}}"},
    {" authentication remote pre-share\n authentication local pre-share\n keyring local VC\n",
     " authentication remote pre-share key key-of-the-order\n authentication local pre-share key 0 key-of-the-order\n",
     "{}"},
    {" authentication remote pre-share\n authentication local pre-share\n keyring local VC\n",
     " authentication remote pre-share key key-of-the-order\n authentication local pre-share key another\n",
     "{\"psk\": \"not-the-key-of-the-order\"}"},
    {" encryption aes-gcm-256\n", " encryption aes-gcm-256 des\n", "{}"},
    {" identity local address 198.51.100.10\n", "", "{}"},
    /* names */
    {" keyring local VC\n", " keyring local vc\n", "{\"psk\": \"no-key-for-this-peer\"}"},
    {"  neighbor 100.64.0.1 prefix-list VC-A-IN in\n", "  neighbor 100.64.0.1 prefix-list vc-a-in in\n",
     "{\"tunnels\": {\"dc1\": {\"inbound_policy\": false}}}"},
    /* tunnels */
    {" keepalive 10 3\n", " keepalive 10 3\n shutdown\n", "{\"tunnels\": {\"dc1\": {\"tunnel_up\": false}}}"},
    {"interface Loopback1\n", "interface Loopback1\n shutdown\n", "{\"tunnels\": {\"dc1\": {\"tunnel_up\": false}}}"},
    {" ip mtu 1400\n ip tcp adjust-mss 1350\n", " ip mtu 1500\n ip tcp adjust-mss 1350\n",
     "{\"tunnels\": {\"dc1\": {\"mtu\": 1500}}}"},
    /* BGP */
    {"  neighbor 100.64.0.1 default-originate\n", "  neighbor 100.64.0.1 default-originate route-map NONE\n",
     "{\"tunnels\": {\"dc1\": {\"default\": false}}}"},
    {" neighbor 100.64.0.1 timers 10 30\n",
     " neighbor 100.64.0.1 timers 10 30\n neighbor 100.64.0.1 update-source Tunnel1\n", "{}"},
};

Test(import, one_line_otherwise_is_one_knob)
{
    for (size_t i = 0; i < VC_COUNT(edits); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct vc_import *import = edited(ctx, edits[i].from, edits[i].to);
        VC_AUTO_JSON *wanted = json_loads(edits[i].configure, 0, NULL);
        VC_AUTO_FREE char *found = json_dumps(import->configure, 0);

        cr_assert(wanted, "%s", edits[i].configure);
        cr_expect(json_equal(import->configure, wanted), "\"%s\" gives %s\n%s", edits[i].to, found,
                  vc_import_report(ctx, import));
        cr_expect_eq(import->cpe->error_count, 0, "%s", vc_import_report(ctx, import));
    }
}

static const struct {
    const char *from, *to, *message;
} errors[] = {
    {"198.51.100.10 255.255.255.248", "198.51.100.12 255.255.255.248",
     "edited.cfg:119: GigabitEthernet1 has 198.51.100.12 where the order has 198.51.100.10 for IPsec"},
    {" set ikev2-profile VC\n", " set ikev2-profile NONE\n",
     "edited.cfg:83: tunnel dc1: there is no crypto ikev2 profile NONE"},
    {" set transform-set VC\n", " set transform-set NONE\n",
     "edited.cfg:82: tunnel dc1: there is no transform-set NONE"},
    {"transform-set VC esp-gcm 256", "transform-set VC esp-seal esp-sha-hmac",
     "edited.cfg:74: tunnel dc1: the lab has no words for transform-set VC"},
    {" group 20\n", " group 99\n", "edited.cfg:46: proposal VC: the lab has no word for group 99"},
    {" prf sha384\n", " prf sha3\n", "the lab has no word for prf sha3"},
    {"crypto ikev2 proposal VC\n", "crypto ikev2 proposal OTHER\n", "there is no crypto ikev2 proposal VC"},
    {" encryption aes-gcm-256\n", " encryption des\n",
     "edited.cfg:46: proposal VC: the lab has no word for encryption des"},
    {"  neighbor 100.64.0.1 prefix-list VC-A-IN in\n", "  neighbor 100.64.0.1 distribute-list 5 in\n",
     "distribute-list and filter-list are not read"},
    {" tunnel destination 192.0.2.1\n", "", "has no destination"},
    {"permit gre host 10.200.0.1 host 192.0.2.1\n", "permit gre object-group HUBS host 192.0.2.1\n",
     "edited.cfg:171: tunnel dc1: this entry of access list VC-DC1 is not read, so whether it takes the tunnel's GRE"},
    {" 10 permit udp any host 198.51.100.10 eq isakmp\n", " 10 deny udp any any range 400 600\n",
     "edited.cfg:166: tunnel dc1: access list OUTSIDE-IN on GigabitEthernet1 drops UDP 500 from 203.0.113.1"},
    {" 20 permit esp any host 198.51.100.10\n", " 20 permit esp any object-group WE\n",
     "edited.cfg:167: tunnel dc1: this entry of access list OUTSIDE-IN on GigabitEthernet1 is not read, so whether "
     "ESP"},
    {" ip mtu 1400\n", " ip mtu 9000\n",
     "edited.cfg:100: tunnel dc1: found \"9000\" for mtu; allowed: a number from 576 to 1500; the lab's node cannot "
     "have it"},
    {" neighbor 100.64.0.1 timers 10 30\n", " neighbor 100.64.0.1 timers 0 0\n",
     "edited.cfg:137: tunnel dc1: found \"0/0\" for bgp_timers; allowed: KEEPALIVE/HOLD in seconds"},
    {" neighbor 100.64.0.1 timers 10 30\n",
     " neighbor 100.64.0.1 timers 10 30\n neighbor 100.64.0.1 update-source Loopback1\n",
     "edited.cfg:138: tunnel dc1: its BGP session leaves from Loopback1"},
    {"crypto map VC 10 ipsec-isakmp\n", "crypto map VC local-address Loopback1\ncrypto map VC 10 ipsec-isakmp\n",
     "edited.cfg:93: tunnel dc1: its IPsec leaves from 10.200.0.1, which is not the order's address"},
    {" keepalive 10 3\n", " keepalive 10 3\n tunnel key 77\n", "edited.cfg:103: tunnel dc1: GRE with a key"},
    {" keepalive 10 3\n", " keepalive 10 3\n vrf forwarding RED\n",
     "edited.cfg:103: tunnel dc1: Tunnel1 is in VRF RED"},
    {"replay window-size 1024\n", "replay window-size 8192\n", "found \"8192\" for replay_window"},
};

Test(import, what_no_knob_can_say_is_an_error_with_its_line)
{
    for (size_t i = 0; i < VC_COUNT(errors); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct vc_import *import = edited(ctx, errors[i].from, errors[i].to);
        bool found = false;

        for (size_t k = 0; k < import->cpe->error_count; k++)
            found |= strstr(import->cpe->errors[k], errors[i].message) != NULL;
        cr_expect(found, "\"%s\" was to give %s\n%s", errors[i].to, errors[i].message, vc_import_report(ctx, import));
    }
}

/* A WAN by DHCP: IOS-XE installs the default that comes with it, and what its list drops is dropped all the same. */
Test(import, a_wan_by_dhcp_has_its_way_out)
{
    static const struct {
        const char *wan, *list, *configure, *error;
    } cases[] = {
        {" ip address dhcp\n", "", "{}", NULL},
        {" ip address dhcp\n no ip dhcp client request router\n", "", "{\"underlay\": false}", NULL},
        {" ip address negotiated\n ppp ipcp route default\n", "", "{}", NULL},
        {" ip address negotiated\n", "", "{\"underlay\": false}", NULL},
        {" ip address dhcp\n", " 5 deny udp any any eq isakmp\n", "{}", "drops UDP 500 from 203.0.113.1"},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *text = config_read(ctx, healthy);
        const char *const out[] = {"ip route 192.0.2.1 ", "ip route 192.0.2.129 ", "ip route 203.0.113.1 ",
                                   "ip route 203.0.113.129 "};
        for (size_t k = 0; k < VC_COUNT(out); k++) {
            const char *at = strstr(text, out[k]);
            text = talloc_asprintf(ctx, "%.*s%s", (int)(at - text), text, strchr(at, '\n') + 1);
        }
        const char *wan = " ip address 198.51.100.10 255.255.255.248\n", *at = strstr(text, wan);
        text = talloc_asprintf(ctx, "%.*s%s%s", (int)(at - text), text, cases[i].wan, at + strlen(wan));
        const char *list = "ip access-list extended OUTSIDE-IN\n";
        at = strstr(text, list) + strlen(list);
        text = talloc_asprintf(ctx, "%.*s%s%s", (int)(at - text), text, cases[i].list, at);
        const struct vc_import *import = import_text(ctx, "one-cpe", "cpe1", "dhcp.cfg", text);
        VC_AUTO_JSON *wanted = json_loads(cases[i].configure, 0, NULL);

        cr_expect(json_equal(import->configure, wanted), "%zu:\n%s", i, vc_import_report(ctx, import));
        cr_expect_eq(import->cpe->error_count > 0, cases[i].error != NULL, "%zu:\n%s", i,
                     vc_import_report(ctx, import));
        cr_expect(!cases[i].error || strstr(vc_import_report(ctx, import), cases[i].error), "%zu:\n%s", i,
                  vc_import_report(ctx, import));
    }
}

/* Every knob that the document has is among the deviations. */
Test(import, nothing_is_configured_that_does_not_deviate)
{
    VC_AUTO_JSON *all = expectations();
    const char *name;
    json_t *expected;

    json_object_foreach(all, name, expected)
    {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct vc_import *import = import_file(ctx, expected, name, true);
        const char *knob;
        json_t *value, *deviation;
        size_t i;

        json_object_foreach(import->configure, knob, value)
        {
            bool found = !strcmp(knob, "tunnels");

            json_array_foreach(import->deviations, i, deviation) found |=
                !strcmp(json_string_value(json_object_get(deviation, "knob")), knob);
            cr_expect(found, "%s: %s", name, knob);
        }
    }
}

Test(import, gre_in_clear_is_told)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_import *import = edited(ctx, "permit gre host 10.200.0.1 host", "permit gre host 10.200.0.17 host");

    cr_expect(
        strstr(vc_import_report(ctx, import), "tunnel dc1: no IPsec takes its GRE, which leaves in clear (R22)\n"));
}

/* A route-based VPN in the tunnel's place is the classical misreading of "tunnel": said of the line that makes it one.
 */
Test(import, ipsec_without_gre_is_told)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_import *import =
        edited(ctx, " keepalive 10 3\n", " tunnel mode ipsec ipv4\n tunnel protection ipsec profile X\n");
    const char *report = vc_import_report(ctx, import);

    cr_expect(strstr(report, "edited.cfg:102: tunnel dc1: tunnel_up is no tunnel; the order has a tunnel (R1)\n"), "%s",
              report);
    cr_expect(strstr(report, "edited.cfg:102: tunnel dc1: Tunnel1 is IPsec without GRE in it"), "%s", report);
}

/* An order without keys has nothing to compare with. */
Test(import, an_order_without_keys_says_so)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_topology *t = config_topology(ctx, "one-cpe");
    const struct vc_import_options options = {t, VC_NONE, "tuned", KINDS};
    const char *text = config_read(ctx, FOLDER "/broken-psk.cfg");
    const struct vc_import *import = vc_import_ios(ctx, &options, "x.cfg", text, strlen(text), &err);

    cr_assert(import, "%s", err ? err->message : "");
    cr_expect_eq(json_object_size(import->configure), 0);
    cr_expect(strstr(vc_import_report(ctx, import), "the order has no pre-shared key to compare with"));
}

static const struct {
    const char *text, *timers, *node, *message;
} refused[] = {
    {"", NULL, NULL, "no line of it is understood"},
    {"# not a router\nanswer = 42\n", NULL, NULL, "no line of it is understood"},
    {"hostname x\n", NULL, NULL, "no telling which CPE of topology two-cpe it is of; say it with --node"},
    {"hostname x\n", "tund", NULL, "no timers tund in topology two-cpe"},
    {"hostname x\n", NULL, "phone", "node phone is the CPE of no tunnel of topology two-cpe"},
};

Test(import, what_is_no_configuration_is_refused)
{
    for (size_t i = 0; i < VC_COUNT(refused); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        const struct vc_topology *t = config_topology(ctx, "two-cpe");
        const struct vc_import_options options = {t, refused[i].node ? vc_topology_node(t, refused[i].node) : VC_NONE,
                                                  refused[i].timers, KINDS};

        cr_assert_null(vc_import_ios(ctx, &options, "x.cfg", refused[i].text, strlen(refused[i].text), &err));
        cr_expect(strstr(err->message, refused[i].message), "%s", err->message);
        cr_expect_eq(err->status, VC_EXIT_USAGE);
    }
}
