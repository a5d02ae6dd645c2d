/* Proposals in Libreswan's words, and what it is told of a tunnel. */
#include <criterion/criterion.h>
#include <string.h>

#include "plan/libreswan.h"
#include "plan/plan.h"

static const struct {
    const char *strongswan, *libreswan; /* NULL: refused for… */
    const char *why;
} ike[] = {
    {"aes256gcm16-prfsha384-ecp384", "aes_gcm256-sha2_384-dh20", NULL},
    {"aes128gcm16-prfsha256-modp2048", "aes_gcm128-sha2_256-dh14", NULL},
    {"aes256-sha384-ecp384", "aes256-sha2_384-dh20", NULL},
    {"aes256-sha384-prfsha384-ecp384", "aes256-sha2_384-dh20", NULL},
    {"3des-sha1-modp1536", "3des-sha1-dh5", NULL},
    {"chacha20poly1305-prfsha512-curve25519", "chacha20_poly1305-sha2_512-dh31", NULL},
    {"aes256gcm16-ecp384", NULL, "for IKE has no PRF"},
    {"aes256gcm16-prfsha384", NULL, "for IKE has no group"},
    {"aes256-sha512-prfsha384-ecp384", NULL, "one hash for integrity and PRF, found sha512 and prfsha384"},
    {"aes256gcm16-sha384-prfsha384-ecp384", NULL, "aes256gcm16 protects integrity itself"},
    {"aes256-prfsha384-ecp384", NULL, "aes256 needs an integrity algorithm"},
    {"aes256-aes128-sha384-ecp384", NULL, "takes one cipher, found aes256 and aes128"},
    {"sha384-ecp384", NULL, "has no cipher"},
    {"aes256gcm16-prfsha384-ecp512bp", NULL, "Libreswan has no word for ecp512bp"},
    {"serpent256-sha384-ecp384", NULL, "Libreswan has no word for serpent256"},
};

Test(libreswan, proposals_for_ike)
{
    for (size_t i = 0; i < VC_COUNT(ike); i++) {
        VC_AUTO_ERROR *err = NULL;
        VC_AUTO_TALLOC char *words = vc_libreswan_ike(NULL, ike[i].strongswan, &err);

        if (ike[i].libreswan) {
            cr_expect(words && !strcmp(words, ike[i].libreswan), "%s: %s", ike[i].strongswan,
                      words ? words : err->message);
            continue;
        }
        cr_expect_null(words, "%s: %s", ike[i].strongswan, words);
        cr_expect(err && err->status == VC_EXIT_USAGE && strstr(err->message, ike[i].why) &&
                      strstr(err->message, ike[i].strongswan),
                  "%s: %s", ike[i].strongswan, err ? err->message : "no error");
    }
}

static const struct {
    const char *strongswan, *libreswan;
    bool pfs;
} esp[] = {
    {"aes256gcm16", "aes_gcm256", false},        {"aes256gcm16-ecp384", "aes_gcm256;dh20", true},
    {"aes256-sha256", "aes256-sha2_256", false}, {"aes128-sha512-modp2048", "aes128-sha2_512;dh14", true},
    {"aes256gcm16-prfsha384", NULL, false},      {"aes256", NULL, false},
    {"aes256gcm16-sha256", NULL, false},
};

Test(libreswan, proposals_for_esp)
{
    for (size_t i = 0; i < VC_COUNT(esp); i++) {
        VC_AUTO_ERROR *err = NULL;
        bool pfs = !esp[i].pfs;
        VC_AUTO_TALLOC char *words = vc_libreswan_esp(NULL, esp[i].strongswan, &pfs, &err);

        if (!esp[i].libreswan) {
            cr_expect(!words && err && err->status == VC_EXIT_USAGE, "%s", esp[i].strongswan);
            continue;
        }
        cr_assert(words, "%s", err ? err->message : "");
        cr_expect_str_eq(words, esp[i].libreswan);
        cr_expect_eq(pfs, esp[i].pfs, "%s", esp[i].strongswan);
    }
}

/* A node's context with one tunnel, as far as it matters here. */
static json_t *context(void)
{
    return json_pack("{s:{s:b}, s:{s:s, s:s, s:i, s:i, s:i, s:i, s:i}, s:[{s:s, s:{s:s, s:s}, s:{s:s, s:s}, s:{s:s, "
                     "s:s}, s:s, s:s}]}",
                     "plane", "user", 0, "settings", "ike_proposal", "aes256gcm16-prfsha384-ecp384", "esp_proposal",
                     "aes256gcm16", "ike_rekey_s", 12960, "ike_over_s", 1440, "child_lifetime_s", 3600, "child_rekey_s",
                     3240, "retransmits", 18, "tunnels", "name", "dc1", "ipsec", "source", "198.51.100.10", "remote",
                     "203.0.113.1", "selectors", "local", "10.200.0.1/32[gre]", "remote", "192.0.2.1/32[gre]",
                     "identity", "local", "198.51.100.10", "remote", "203.0.113.1", "mode", "tunnel", "start", "trap");
}

static json_t *tunnel_of(json_t *view)
{
    return json_array_get(json_object_get(view, "tunnels"), 0);
}

static json_t *said_of(json_t *view)
{
    VC_AUTO_ERROR *err = NULL;

    cr_assert_eq(vc_libreswan_context(view, &err), 0, "%s", err ? err->message : "");
    return json_object_get(tunnel_of(view), "libreswan");
}

static void expect_member(json_t *view, const char *member, const char *json)
{
    VC_AUTO_JSON *wanted = json_loads(json, JSON_DECODE_ANY, NULL);
    VC_AUTO_FREE char *found = json_dumps(json_object_get(said_of(view), member), JSON_ENCODE_ANY);

    cr_assert_not_null(wanted);
    cr_expect(json_equal(json_object_get(said_of(view), member), wanted), "%s: %s, not %s", member, found, json);
}

Test(libreswan, a_healthy_tunnel)
{
    VC_AUTO_JSON *view = context();

    expect_member(view, "ike", "\"aes_gcm256-sha2_384-dh20\"");
    expect_member(view, "pfs", "\"no\"");
    expect_member(view, "subnets", "{\"local\": \"10.200.0.1/32\", \"remote\": \"192.0.2.1/32\"}");
    expect_member(view, "protocol", "\"gre\"");
    expect_member(view, "id", "{\"local\": \"198.51.100.10\", \"remote\": \"203.0.113.1\"}");
    expect_member(view, "ondemand", "true");
    expect_member(view, "margin_s", "360");
    expect_member(view, "ike_lifetime_s", "14400");
    expect_member(view, "dead_s", "19");
    expect_member(view, "wait_ms", "1267"); /* and 2.5 s, 5.1 s, 10.1 s */
}

Test(libreswan, what_is_configured_otherwise)
{
    VC_AUTO_JSON *view = context();
    json_t *tunnel = tunnel_of(view), *identity = json_object_get(tunnel, "identity");

    json_object_set_new(json_object_get(tunnel, "selectors"), "local", json_string("10.200.0.1/32"));
    json_object_set_new(tunnel, "start", json_string("none"));
    json_object_set_new(identity, "local", json_string("hub.example"));
    json_object_set_new(identity, "remote", json_string("who@hub.example"));
    expect_member(view, "protocol", "false");
    expect_member(view, "ondemand", "false");
    expect_member(view, "id", "{\"local\": \"@hub.example\", \"remote\": \"who@hub.example\"}");
    json_object_set_new(tunnel, "mode", json_string("transport"));
    expect_member(view, "subnets", "false");
}

/* A tunnel's own settings count before the node's. */
Test(libreswan, a_tunnels_own_settings)
{
    VC_AUTO_JSON *view = context();
    json_t *own = json_deep_copy(json_object_get(view, "settings"));

    json_object_set_new(own, "esp_proposal", json_string("aes256gcm16-ecp384"));
    json_object_set_new(tunnel_of(view), "settings", own);
    expect_member(view, "esp", "\"aes_gcm256;dh20\"");
    expect_member(view, "pfs", "\"yes\"");
}

static void refused(json_t *view, enum vc_exit status, const char *why)
{
    VC_AUTO_ERROR *err = NULL;

    cr_assert_neq(vc_libreswan_context(view, &err), 0);
    cr_expect(err->status == status && strstr(err->message, why), "%s", err->message);
    cr_expect_null(strchr(err->message, '\n'), "%s", err->message);
}

Test(libreswan, what_it_cannot_express_is_refused)
{
    VC_AUTO_JSON *plane = context(), *day = context(), *word = context(), *twins = context();

    json_object_set_new(json_object_get(plane, "plane"), "user", json_true());
    refused(plane, VC_EXIT_HOST, "no ESP in user space");
    json_object_set_new(json_object_get(day, "settings"), "child_lifetime_s", json_integer(86401));
    refused(day, VC_EXIT_USAGE, "tunnel dc1: a lifetime of 86401 s");
    json_object_set_new(json_object_get(word, "settings"), "ike_proposal", json_string("aes256ctr-sha1-modp2048"));
    refused(word, VC_EXIT_USAGE,
            "tunnel dc1: the proposal aes256ctr-sha1-modp2048: Libreswan has no word for aes256ctr");
    json_t *second = json_deep_copy(tunnel_of(twins));
    json_object_set_new(second, "name", json_string("dc2"));
    json_array_append_new(json_object_get(twins, "tunnels"), second);
    refused(twins, VC_EXIT_USAGE, "the tunnels dc1 and dc2 are between the same IPsec addresses");
}

/* ---- the shipped kinds ---- */

static const struct vc_plan *shipped(void *ctx, const char *name, enum vc_plane plane, vc_error **err)
{
    VC_AUTO_TALLOC char *file = talloc_asprintf(NULL, VCLAB_SOURCE_DIR "/topologies/%s.yaml", name);
    const struct vc_topology *topology = vc_topology_load(ctx, file, VCLAB_SOURCE_DIR "/nodes", err);

    if (!topology)
        return NULL;
    struct vc_plan_options options = {.plane = plane,
                                      .timers = vc_topology_timers(topology, "bfd"),
                                      .seed = 1,
                                      .kinds_dir = VCLAB_SOURCE_DIR "/nodes"};
    return vc_plan_make(ctx, topology, &options, err);
}

static const struct vc_plan_node *node_of(const struct vc_plan *plan, const char *name)
{
    return &plan->nodes[vc_topology_node(plan->topology, name)];
}

static const char *file_of(const struct vc_plan_node *node, const char *path)
{
    for (size_t i = 0; i < node->file_count; i++)
        if (!strcmp(node->files[i].path, path))
            return node->files[i].text;
    return "";
}

Test(libreswan, what_a_cpe_is_told)
{
    static const char *const lines[] = {
        "conn dc1\n",
        "left=198.51.100.10\n",
        "leftsubnet=10.200.0.1/32\n",
        "leftprotoport=gre\n",
        "right=203.0.113.1\n",
        "rightsubnet=192.0.2.1/32\n",
        "rightprotoport=gre\n",
        "keyexchange=ikev2\n",
        "type=tunnel\n",
        "mobike=no\n",
        "dpddelay=10s\n",
        "replay-window=1024\n",
        "pfs=no\n",
        "esp=aes_gcm256\n",
        "rekeyfuzz=0%\n",
        "auto=ondemand\n",
    };
    static const char *const load[] = {"/usr/libexec/ipsec/addconn --config /etc/ipsec.conf dc1",
                                       "/usr/libexec/ipsec/whack --listen",
                                       "/usr/libexec/ipsec/whack --name dc1 --route"};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_plan *plan = shipped(ctx, "two-cpe-libreswan", VC_PLANE_KERNEL, &err);

    cr_assert(plan, "%s", err ? err->message : "");
    const struct vc_plan_node *cpe = node_of(plan, "cpe1");
    for (size_t i = 0; i < VC_COUNT(lines); i++)
        cr_expect(strstr(file_of(cpe, "/etc/ipsec.conf"), lines[i]), "%s", lines[i]);
    cr_expect(strstr(file_of(cpe, "/etc/ipsec.secrets"), "198.51.100.10 203.0.113.1 : PSK \""));
    cr_expect_null(strstr(file_of(cpe, "/etc/pluto.conf"), "conn "));
    cr_assert_eq(cpe->daemon_count, 4u);
    cr_expect_str_eq(cpe->daemons[0].name, "pluto");
    cr_expect(cpe->daemons[0].kernel_sas && !cpe->daemons[0].vici_config);
    for (size_t i = 0; i < VC_COUNT(load); i++)
        cr_expect(cpe->daemons[0].load[i] && !strcmp(cpe->daemons[0].load[i], load[i]), "%s", load[i]);
    cr_expect_null(cpe->daemons[0].load[VC_COUNT(load)]);
}

Test(libreswan, of_ike_the_headend_tells)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_plan *plan = shipped(ctx, "two-cpe-libreswan", VC_PLANE_KERNEL, &err);
    const struct vc_plan *other = shipped(ctx, "two-cpe", VC_PLANE_KERNEL, &err);

    cr_assert(plan && other, "%s", err ? err->message : "");
    VC_AUTO_JSON *facts = vc_plan_facts(plan, NULL, 0), *others = vc_plan_facts(other, NULL, 0);
    const json_t *tunnel = json_array_get(json_object_get(facts, "tunnels"), 1);
    cr_expect_str_eq(json_string_value(json_object_get(tunnel, "ike_at")), "dc2-headend");
    cr_expect_null(json_object_get(json_array_get(json_object_get(others, "tunnels"), 1), "ike_at"));
}

/* GRE from the node's own address (transport mode): pluto refuses one that two interfaces have. */
Test(libreswan, an_interfaces_address_is_not_on_lo_too)
{
    static const struct {
        const char *topology;
        enum vc_plane plane;
        size_t loopbacks;
    } cases[] = {
        {"two-cpe-libreswan", VC_PLANE_KERNEL, 0}, {"two-cpe", VC_PLANE_KERNEL, 0}, {"two-cpe", VC_PLANE_USER, 1}};

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        VC_AUTO_TALLOC char *file = talloc_asprintf(NULL, VCLAB_SOURCE_DIR "/topologies/%s.yaml", cases[i].topology);
        struct vc_topology *topology = vc_topology_load(ctx, file, VCLAB_SOURCE_DIR "/nodes", &err);
        cr_assert(topology, "%s", err ? err->message : "");
        topology->tunnels[0].transport_cpe = topology->tunnels[0].ipsec_cpe;
        struct vc_plan_options options = {cases[i].plane, vc_topology_timers(topology, "bfd"), 1,
                                          VCLAB_SOURCE_DIR "/nodes"};
        const struct vc_plan *plan = vc_plan_make(ctx, topology, &options, &err);
        cr_assert(plan, "%s", err ? err->message : "");
        cr_expect_eq(node_of(plan, "cpe1")->loopback_count, cases[i].loopbacks, "case %zu", i);
    }
}

Test(libreswan, with_bird_beside_it)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_plan *plan = shipped(ctx, "two-cpe-bird-libreswan", VC_PLANE_KERNEL, &err);

    cr_assert(plan, "%s", err ? err->message : "");
    const struct vc_plan_node *cpe = node_of(plan, "cpe2");
    cr_assert_eq(cpe->daemon_count, 2u);
    cr_expect_str_eq(cpe->daemons[0].name, "pluto");
    cr_expect_str_eq(cpe->daemons[1].name, "bird");
}

Test(libreswan, the_user_plane_is_refused_before_anything_starts)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    cr_assert_null(shipped(ctx, "two-cpe-libreswan", VC_PLANE_USER, &err));
    cr_expect_eq(err->status, VC_EXIT_HOST);
    cr_expect_str_eq(err->message, "node cpe1: Libreswan has no ESP in user space: run it sealed, or live on a kernel "
                                   "with ip_gre and esp4");
}
