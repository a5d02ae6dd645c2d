/* Each knob of `configure` reaches what the plan says of its node, and only that. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "plan/context.h"

#define SHIPPED(path) VCLAB_SOURCE_DIR "/" path

/* A scenario of the shipped topology `name` with that member. */
static struct vc_scenario *scenario(void *ctx, const char *topology, const char *configure)
{
    char folder[] = "/tmp/vclab-plan-XXXXXX";
    VC_AUTO_ERROR *err = NULL;

    cr_assert(mkdtemp(folder));
    const char *file = talloc_asprintf(ctx, "%s/s.yaml", folder);
    FILE *out = fopen(file, "we");
    cr_assert(out);
    fprintf(out,
            "scenario: s\ndescription: x\ntopology: %s\ntimers: tuned\nconfigure: %s\n"
            "flows: {f: {from: phone, to: dc1-srv}}\nsteps:\n  - expect:\n      - converged: {within: 5s}\n",
            topology, configure);
    fclose(out);
    struct vc_scenario *s = vc_scenario_load(ctx, file, SHIPPED("topologies"), SHIPPED("nodes"), &err);
    unlink(file);
    rmdir(folder);
    cr_assert(s, "%s", err ? err->message : "");
    return s;
}

/* The plan's text of one node: from its line to the next node's. */
static char *planned(void *ctx, const char *topology, const char *configure, enum vc_plane plane, const char *node)
{
    const struct vc_scenario *s = scenario(ctx, topology, configure);
    struct vc_plan_options options = {plane, s->timers, 1, SHIPPED("nodes")};
    VC_AUTO_ERROR *err = NULL;
    const struct vc_plan *plan = vc_plan_make(ctx, s->topology, &options, &err);

    cr_assert(plan, "%s", err ? err->message : "");
    VC_AUTO_FREE char *text = vc_plan_dump(plan);
    VC_AUTO_TALLOC char *title = talloc_asprintf(NULL, "\nnode %s kind", node);
    const char *begin = strstr(text, title), *end = begin ? strstr(begin + 1, "\nnode ") : NULL;
    cr_assert(begin);
    return end ? talloc_strndup(ctx, begin, (size_t)(end - begin)) : talloc_strdup(ctx, begin);
}

static const struct {
    const char *node, *knob, *has, *lacks;
} knobs[] = {
    {"cpe1", "ike: aes128-sha256-modp2048", "proposals = aes128-sha256-modp2048", "prfsha384"},
    {"cpe1", "esp: aes128gcm16", "esp_proposals = aes128gcm16\n", "esp_proposals = aes256gcm16\n"},
    {"dc1-headend", "esp: aes128gcm16", "esp_proposals = aes128gcm16\n", "esp_proposals = aes256gcm16\n"},
    {"cpe1", "ike_version: 1", "version = 1", "version = 2"},
    {"cpe1", "psk: wrong", "secret = \"wrong\"", NULL},
    {"cpe1", "identity: hub.example", "id-1 = hub.example", "id = 198.51.100.10"},
    {"cpe1", "peer: 203.0.113.2", "remote_addrs = 203.0.113.2\n", "remote_addrs = 203.0.113.1\n"},
    {"cpe1", "replay_window: 32", "replay_window = 32\n", "replay_window = 1024"},
    {"cpe1", "keepalive: false", "keepalive 0s x 0", "keepalive 10s"},
    {"cpe1", "mtu: 1476", "mtu 1476 keepalive", "mtu 1400 keepalive"},
    {"cpe1", "default_route: true", "0.0.0.0/0 via 198.51.100.9", "/32 via"},
    {"dc1-router", "announce: [192.0.2.1/32]", "  network 192.0.2.1/32\n", NULL},
    {"dc1-router", "own_prefix: false", "prefix-list dc1-out seq 10 permit 198.18.5.0/24", "dc1-out seq 5"},
    {"cpe1", "initiate: false", "start_action = none", "= trap"},
    {"cpe1", "selector: ip", "local_ts = 10.200.0.1/32\n", "[gre]"},
    {"cpe1", "selector: wrong-host", "local_ts = 10.200.0.17/32[gre]\n", "local_ts = 10.200.0.1/32"},
    {"cpe1", "selector: 10.200.0.0/24", "local_ts = 10.200.0.0/24[gre]\n", "local_ts = 10.200.0.1/32"},
    {"cpe1", "mode: transport", "local_ts = 198.51.100.10/32[gre]\n", "mode = tunnel"},
    {"cpe1", "child_lifetime: 100s", "life_time = 100s", "rekey_time = 3240s"},
    {"cpe1", "ike_lifetime: 100s", "over_time = 10s", "rekey_time = 12960s"},
    {"cpe1", "transport_local: 10.10.0.1", "gre gre-dc1 10.10.0.1 -> 192.0.2.1", "loopback 10.200.0.1"},
    {"dc1-router", "transport_remote: 10.200.0.9", "gre gre-dc1 192.0.2.1 -> 10.200.0.9", NULL},
    {"cpe1", "tunnel_address: 100.64.0.9/29", "address 100.64.0.9/29 peer 100.64.0.1", "update-source 100.64.0.2"},
    {"dc1-router", "remote_as: 64999", "neighbor dc1 remote-as 64999", "remote-as 64512"},
    {"cpe1", "local_as: 64999", "neighbor dc1 local-as 64999 no-prepend replace-as", NULL},
    {"cpe1", "neighbor: 100.64.0.3", "neighbor 100.64.0.3 activate", "neighbor 100.64.0.1 "},
    {"cpe1", "bgp_password: none", "neighbor dc1 remote-as 64600", "password"},
    {"cpe1", "bgp_password: wrong", "neighbor dc1 password wrong", NULL},
    {"cpe1", "default: false", "prefix-list dc1-out out", "default-originate"},
    {"cpe1", "leak: [10.10.10.0/24, 10.9.0.0/16]", "prefix-list dc1-out permit 10.9.0.0/16", NULL},
    {"dc1-router", "leak: [198.18.5.128/25]", "prefix-list dc1-out permit 198.18.5.128/25", NULL},
    {"cpe1", "ibgp: false", "neighbor lan remote-as 64512", "neighbor cpe2"},
    {"cpe1", "mss: 0", "chain clear", "maxseg"},
    {"cpe1", "mss: 1200", "maxseg size set 1200", "1350"},
    {"cpe1", "keepalive_answers: false", "keepalive 10s x 3 ignores keepalives", NULL},
    {"cpe1", "inbound_policy: false", "prefix-list dc1-out out", "prefix-list dc1-in in"},
    {"dc1-router", "inbound_policy: false", "prefix-list dc1-out out", "prefix-list default-only in"},
    {"cpe1", "transport_vrf: 100", "192.0.2.1/32 via 198.51.100.9 table 100", NULL},
    {"cpe1", "stateful: true", "ct state established,related accept", NULL},
    {"cpe1", "pmtud: false", "icmp type 3 icmp code 4 drop", NULL},
    {"cpe1", "loop_guard: false", "chain clear", "chain turned"},
    {"dc1-router", "loop_guard: false", "chain mss", "chain turned"},
    {"cpe1", "clear_guard: false", "chain turned", "chain clear"},
    {"dc1-headend", "clear_guard: false", "table inet vclab", "chain clear"},
    {"cpe1", "firewall: [gre-in]", "ip saddr 192.0.2.1 meta l4proto 47 drop", "ip daddr"},
    {"dc1-headend", "firewall: [gre-out]", "ip daddr 10.200.0.1 meta l4proto 47 drop", "ip saddr"},
    {"cpe1", "remote_identity: hub.example", "id-2 = hub.example", "id = 203.0.113.1"},
    {"cpe1", "peer: 203.0.113.9", "remote_addrs = 203.0.113.9", "remote_addrs = 203.0.113.1"},
    {"cpe1", "selector_remote: 192.0.2.0/24", "remote_ts = 192.0.2.0/24[gre]\n", "remote_ts = 192.0.2.1/32"},
    {"dc1-headend", "selector_remote: 10.200.0.9/32", "remote_ts = 10.200.0.9/32[gre]\n", NULL},
    {"cpe1", "dpd: 0s", "dpd_delay = 0s", "dpd_delay = 10s"},
    {"cpe1", "dpd: 30s", "dpd_delay = 30s", "dpd_delay = 10s"},
    {"cpe1", "underlay: false", "chain clear", "203.0.113.1/32 via"},
    {"cpe1", "bgp: false", "neighbor dc1 shutdown", NULL},
    {"dc1-router", "bgp: false", "neighbor dc1 shutdown", NULL},
    {"cpe1", "bgp_timers: 7/21", "neighbor dc1 timers 7 21", NULL},
    {"dc1-router", "keepalive: 5s x 4", "keepalive 5s x 4", "keepalive 10s x 3"},
    {"cpe1", "mtu: 1476", "mtu 1476", "mtu 1400"},
    {"cpe1", "accept: [198.18.5.0/24]", "prefix-list dc1-in seq 5 permit 198.18.5.0/24", "dc1-in seq 10"},
    {"cpe1", "accept: []", "prefix-list dc1-in seq 5 deny any", "dc1-in seq 10"},
    {"cpe1", "next_hop_self: false", "neighbor lan remote-as", "next-hop-self"},
    {"dc1-router", "firewall: [bgp]", "oifname \"gre-dc1\" tcp sport 179 drop", "l4proto 47"},
};

Test(configured, knobs_reach_their_node)
{
    for (size_t i = 0; i < VC_COUNT(knobs); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *configure = talloc_asprintf(ctx, "{%s: {%s}}", knobs[i].node, knobs[i].knob);
        const char *before = planned(ctx, "two-cpe", "{cpe2: {psk: x}}", VC_PLANE_KERNEL, knobs[i].node);
        const char *text = planned(ctx, "two-cpe", configure, VC_PLANE_KERNEL, knobs[i].node);

        cr_expect(strstr(text, knobs[i].has), "%s: no \"%s\" in\n%s", configure, knobs[i].has, text);
        cr_expect(strcmp(before, text) != 0, "%s changes nothing", configure);
        cr_expect(!knobs[i].lacks || !strstr(text, knobs[i].lacks), "%s: \"%s\" is still in\n%s", configure,
                  knobs[i].lacks, text);
        cr_expect(!knobs[i].lacks || strstr(before, knobs[i].lacks) || !strncmp(knobs[i].lacks, "ip ", 3) ||
                      !strcmp(knobs[i].lacks, "l4proto 47"),
                  "%s: \"%s\" was never in it", configure, knobs[i].lacks);
    }
}

Test(configured, other_nodes_stay_as_they_are)
{
    static const char *const others[] = {"cpe2", "dc1-headend", "dc1-router", "dc2-headend"};

    for (size_t i = 0; i < VC_COUNT(others); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *all = "{cpe1: {ike: aes128-sha256-modp2048, psk: wrong, selector: ip, transport_local: 10.10.0.1, "
                          "tunnel_address: 100.64.0.9/29, remote_as: 1, bgp_password: none, mss: 0}}";

        cr_expect_str_eq(planned(ctx, "two-cpe", all, VC_PLANE_USER, others[i]),
                         planned(ctx, "two-cpe", "{cpe1: {selector: gre}}", VC_PLANE_USER, others[i]));
    }
}

Test(configured, no_ibgp_between_cpes_is_for_both)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *cpe2 = planned(ctx, "two-cpe", "{cpe1: {ibgp: false}}", VC_PLANE_KERNEL, "cpe2");

    cr_expect(!strstr(cpe2, "neighbor cpe1") && strstr(cpe2, "neighbor lan"));
}

Test(configured, a_knob_of_one_tunnel_leaves_the_other)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *cpe1 = planned(ctx, "one-cpe", "{cpe1: {tunnel: dc1, ike: aes128-sha256-modp2048, psk: wrong}}",
                               VC_PLANE_KERNEL, "cpe1");

    cr_expect(strstr(cpe1, "proposals = aes128-sha256-modp2048") && strstr(cpe1, "prfsha384"));
    cr_expect(strstr(cpe1, "secret = \"wrong\"") && strstr(strstr(cpe1, "secret = \"") + 10, "secret = \""));
    const char *dc2 = strstr(cpe1, "| dc2 {") ? strstr(cpe1, "| dc2 {") : strstr(cpe1, " dc2 {");
    cr_assert(dc2);
    cr_expect(!strstr(dc2, "aes128-sha256-modp2048"));
}

/* Each tunnel may have its own, beside what counts for all. */
Test(configured, tunnels_have_knobs_of_their_own)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *cpe1 =
        planned(ctx, "one-cpe",
                "{cpe1: {mss: 1200, ike: aes256-sha256-ecp256, tunnels: {dc1: {psk: one, bgp_timers: 7/21}, "
                "dc2: {psk: two, ike: aes128-sha256-modp2048, leak: [10.10.10.0/24]}}}}",
                VC_PLANE_KERNEL, "cpe1");

    cr_expect(strstr(cpe1, "secret = \"one\"") && strstr(cpe1, "secret = \"two\""));
    cr_expect(strstr(cpe1, "proposals = aes256-sha256-ecp256") && strstr(cpe1, "proposals = aes128-sha256-modp2048"));
    cr_expect(strstr(cpe1, "neighbor dc1 timers 7 21") && !strstr(cpe1, "neighbor dc2 timers 7"));
    cr_expect(strstr(cpe1, "dc2-out permit 10.10.10.0/24") && !strstr(cpe1, "dc1-out permit 10.10.10.0/24"));
    cr_expect(strstr(cpe1, "maxseg size set 1200") && !strstr(cpe1, "maxseg size set 1350"));
}

Test(configured, bird_has_the_same_knobs)
{
    static const struct {
        const char *knob, *has, *lacks;
    } cases[] = {
        {"bgp: false", "    disabled;", NULL},
        {"bgp_timers: 7/21", "hold time 21;", NULL},
        {"accept: [198.18.5.0/24]", "import where net ~ [ 198.18.5.0/24 ];", "198.18.5.0/25"},
        {"accept: []", "import none;\n", "import where"},
        {"next_hop_self: false", "ibgp-lan", NULL},
    };
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *before = planned(ctx, "two-cpe-bird", "{cpe2: {psk: x}}", VC_PLANE_KERNEL, "cpe1");

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        const char *configure = talloc_asprintf(ctx, "{cpe1: {%s}}", cases[i].knob);
        const char *text = planned(ctx, "two-cpe-bird", configure, VC_PLANE_KERNEL, "cpe1");

        cr_expect(strstr(text, cases[i].has) && strcmp(text, before) != 0, "%s:\n%s", configure, text);
        cr_expect(!cases[i].lacks || !strstr(text, cases[i].lacks), "%s:\n%s", configure, text);
    }
}

/* R21: what is wider than GRE between the two addresses meets another child than the tunnel's. */
Test(configured, a_headend_has_a_child_for_what_is_too_wide)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *headend = planned(ctx, "two-cpe", "{cpe2: {psk: x}}", VC_PLANE_KERNEL, "dc1-headend");
    const char *own = strstr(headend, "local_ts = 192.0.2.1/32[gre]\n");

    cr_assert(own);
    cr_expect(strstr(headend, "dc1-protocol {") > own, "the tunnel's own child comes first");
    cr_expect(strstr(headend, "local_ts = 192.0.2.1/32[1], 192.0.2.1/32[2]"));
    cr_expect(strstr(headend, "remote_ts = 10.200.0.0/32[gre], 10.200.0.3/32[gre]"));
}
