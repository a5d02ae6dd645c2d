/* What a scenario or topology says that a node is configured otherwise. */
#include "edit.h"

#include "model/configure.h"

#define TOPOLOGIES SHIPPED("topologies")
#define TWO_CPE    SHIPPED("topologies/two-cpe.yaml")
#define LOSS       SHIPPED("scenarios/failover/two-cpe-dc1-silent-loss-bfd.yaml")
#define HEAD       "timers: bfd"

static struct vc_scenario *configured(void *ctx, const char *members, vc_error **err)
{
    const char *to = talloc_asprintf(ctx, HEAD "\nconfigure: %s", members);

    return vc_scenario_load(ctx, edit_file(ctx, LOSS, HEAD, to)->file, TOPOLOGIES, KINDS, err);
}

static const char *text(const struct vc_topology *t, const char *node, size_t tunnel, const char *knob)
{
    const char *value = json_string_value(vc_configured(t, vc_topology_node(t, node), tunnel, knob));

    return value ? value : "nothing";
}

Test(configure, knobs_are_the_nodes_own)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_scenario *s = configured(
        ctx,
        "{cpe1: {ike: aes128-sha256-modp2048, psk: wrong, child_lifetime: 90s, leak: [10.10.10.0/24, 10.9.0.0/16]}}",
        &err);

    cr_assert(s, "%s", err ? err->message : "");
    const struct vc_topology *t = s->topology;
    size_t cpe1 = vc_topology_node(t, "cpe1"), dc2 = vc_topology_tunnel(t, "dc2");
    cr_assert(s->own_topology);
    cr_expect_str_eq(text(t, "cpe1", VC_NONE, "ike"), "aes128-sha256-modp2048");
    cr_expect_str_eq(text(t, "cpe1", dc2, "psk"), "wrong");
    cr_expect_eq(json_integer_value(vc_configured(t, cpe1, 0, "child_lifetime_ns")), 90 * VC_NS_PER_S);
    cr_expect_eq(json_array_size(vc_configured(t, cpe1, 0, "leak")), 2);
    cr_expect_str_eq(text(t, "cpe2", VC_NONE, "ike"), "nothing");
    cr_expect_null(vc_configured(t, cpe1, 0, "mss"));
}

Test(configure, knobs_may_be_of_one_tunnel)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_scenario *s = configured(ctx, "{cpe1: {tunnel: dc1, ike: aes128-sha256-modp2048}}", &err);

    cr_assert(s, "%s", err ? err->message : "");
    const struct vc_topology *t = s->topology;
    cr_expect_str_eq(text(t, "cpe1", vc_topology_tunnel(t, "dc1"), "ike"), "aes128-sha256-modp2048");
    cr_expect_str_eq(text(t, "cpe1", vc_topology_tunnel(t, "dc2"), "ike"), "nothing");
    cr_expect_str_eq(text(t, "cpe1", VC_NONE, "ike"), "nothing");
}

/* A bundle leaves secrets out, and they may be all that there was. */
Test(configure, a_node_may_have_nothing_otherwise)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_scenario *s = configured(ctx, "{cpe1: {}}", &err);

    cr_assert(s, "%s", err ? err->message : "");
    cr_expect_str_eq(text(s->topology, "cpe1", VC_NONE, "psk"), "nothing");
}

Test(configure, a_topology_may_have_them_too)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    size_t length;
    const char *shipped = edit_read(ctx, TWO_CPE, &length);
    const char *more = talloc_asprintf(ctx, "%s\nconfigure: {dc1-router: {remote_as: 64999}}\n", shipped);
    const struct edit *edit = edit_bytes(ctx, "two-cpe.yaml", more, strlen(more));

    /* its base lies beside it */
    VC_AUTO_TALLOC char *shared = talloc_asprintf(NULL, "%s/shared", edit->folder);
    cr_assert_eq(symlink(SHIPPED("topologies/shared"), shared), 0);
    const struct vc_topology *t = vc_topology_load(ctx, edit->file, KINDS, &err);
    unlink(shared);
    cr_assert(t, "%s", err ? err->message : "");
    cr_expect_eq(json_integer_value(vc_configured(t, vc_topology_node(t, "dc1-router"), VC_NONE, "remote_as")), 64999);
}

static const struct {
    const char *members, *message;
} bad[] = {
    {"{cpe1: {ik: aes256-sha256-modp2048}}", "did you mean \"ike\"?"},
    {"{cpe: {ike: aes256-sha256-modp2048}}", "found unknown node \"cpe\""},
    {"{phone: {psk: wrong}}", "found node phone, which ends no tunnel; allowed: a CPE, a headend or a DC router"},
    {"{dc1-headend: {initiate: false}}", "found unknown key of what dc1-headend has otherwise \"initiate\""},
    {"{dc1-router: {ike: aes256}}", "found unknown key of what dc1-router has otherwise \"ike\""},
    {"{cpe1: wrong}", "found \"wrong\" for what cpe1 has otherwise; allowed: a mapping"},
    {"{}", "found an empty mapping for configure"},
    {"{cpe1: {ike_version: 3}}", "allowed: a number from 1 to 2"},
    {"{cpe1: {initiate: no}}", "allowed: true or false"},
    {"{cpe1: {selector: any}}", "found \"any\" for selector; allowed: gre, ip, wrong-host, or a prefix"},
    {"{cpe1: {selector: 10.200.0.1/24}}", "for selector; allowed: gre, ip, wrong-host"},
    {"{cpe1: {mode: beet}}", "found unknown mode \"beet\"; allowed: tunnel, transport"},
    {"{cpe1: {identity: \"a b\"}}", "for identity; allowed: an address or a name"},
    {"{cpe1: {tunnel_address: 100.64.0.2}}", "for tunnel_address; allowed: an address with its mask"},
    {"{cpe1: {leak: 10.0.0.0/8}}", "for leak; allowed: a list of prefixes"},
    {"{cpe1: {leak: [10.0.0.1/8]}}", "found \"10.0.0.1/8\"; allowed: an IPv4 prefix"},
    {"{cpe1: {firewall: [gre-inn]}}",
     "found unknown selector \"gre-inn\"; allowed: gre-in, gre-out, bgp; did you mean"},
    {"{cpe1: {child_lifetime: 1s}}", "allowed: a duration from 10 s"},
    {"{cpe1: {bgp_timers: 30/10}}", "for bgp_timers; allowed: KEEPALIVE/HOLD in seconds"},
    {"{cpe1: {keepalive: 10s}}", "for keepalive; allowed: true, false, or INTERVAL x TIMES"},
    {"{cpe1: {accept: 10.0.0.0/8}}", "for accept; allowed: a list of prefixes"},
    {"{cpe1: {dpd: 1500ms}}", "allowed: a duration from 0 s to 3600 s in whole seconds"},
    {"{cpe1: {tunnels: {dc2: {psk: wrong}}}}", "found tunnel dc2, which does not end at cpe1"},
    {"{cpe1: {tunnels: {dc9: {psk: wrong}}}}", "found unknown tunnel \"dc9\""},
    {"{cpe1: {tunnels: {dc1: {mss: 0}}}}", "found unknown key of what one tunnel has otherwise \"mss\""},
    {"{cpe1: {tunnels: {}}}", "found an empty mapping for tunnels"},
    {"{cpe1: {tunnels: {dc1: {ik: x}}}}", "did you mean \"ike\"?"},
    {"{cpe1: {tunnel: dc2, psk: wrong}}", "found tunnel dc2, which does not end at cpe1"},
    {"{cpe1: {tunnel: dc1, mss: 0}}", "found tunnel beside mss, which counts for the whole node"},
};

Test(configure, what_is_wrong_is_told)
{
    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;

        cr_assert_null(configured(ctx, bad[i].members, &err), "%s", bad[i].members);
        cr_expect(strstr(err->message, bad[i].message), "\n%s\nwanted: %s\ngot: %s", bad[i].members, bad[i].message,
                  err->message);
    }
}

static void written(const char *steps, const char *fault, const char *wanted, const char *message)
{
    char file[] = "/tmp/vclab-written-XXXXXX.yaml";
    int fd = mkstemps(file, 5);
    VC_AUTO_ERROR *err = NULL;

    cr_assert(fd >= 0 && dprintf(fd, "scenario: s\n%s", steps) > 0 && !close(fd));
    VC_AUTO_JSON *nodes = vc_configure_written(file, fault, &err);
    unlink(file);
    VC_AUTO_FREE char *text = nodes ? json_dumps(nodes, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (wanted)
        cr_expect_str_eq(text ? text : err->message, wanted);
    else
        cr_expect(err && err->status == VC_EXIT_USAGE && strstr(err->message, message), "%s",
                  err ? err->message : text);
}

#define FAULT(name, knobs) "  - fault: {name: " name ", kind: misconfigure, node: cpe1, configure: {" knobs "}}\n"

/* What vclab fault --misconfigure puts into a running lab. */
Test(configure, what_a_scenario_configures_is_read_as_written)
{
    static const char one[] = "steps:\n  - wait: 3s\n" FAULT("key", "tunnel: dc1, psk: wrong");
    static const char two[] = "steps:\n" FAULT("key", "psk: wrong")
        FAULT("as", "remote_as: 1, leak: [10.0.0.0/8]") "  - fault: {name: cut, kind: link-down, link: wan}\n";

    written("configure:\n  cpe1: {psk: wrong}\n", NULL, "{\"cpe1\":{\"psk\":\"wrong\"}}", NULL);
    written(one, NULL, "{\"cpe1\":{\"psk\":\"wrong\",\"tunnel\":\"dc1\"}}", NULL);
    written(two, "as", "{\"cpe1\":{\"leak\":[\"10.0.0.0/8\"],\"remote_as\":\"1\"}}", NULL);
    written(two, NULL, NULL, "which of its faults? There are key, as: name it after a colon");
    written(two, "cut", NULL, "which of its faults? There are key, as");
    written("steps:\n  - wait: 3s\n", NULL, NULL, "no node is configured otherwise in it");
    written("steps: none\n", "key", NULL, "no node is configured otherwise in it");
}

Test(configure, every_knob_is_documented)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    size_t count, length;
    const struct vc_knob *knobs = vc_knobs(&count);
    const char *all = edit_read(ctx, SHIPPED("docs/scenarios.md"), &length);
    const char *begin = strstr(all, "\n| knob | of |"), *end = begin ? strstr(begin, "\n\n") : NULL;

    cr_assert(end);
    const char *table = talloc_strndup(ctx, begin, (size_t)(end - begin));
    for (size_t i = 0; i < count; i++) {
        const char *cell = table;
        bool found = false;

        /* first column: names with ", " between them */
        while (!found && (cell = strstr(cell, knobs[i].field.name)) && cell++) {
            const char *line = cell;
            while (line[-1] != '\n')
                line--;
            const char *after = cell - 1 + strlen(knobs[i].field.name);
            found = cell < strchr(line + 1, '|') && (cell[-2] == ' ') && (*after == ' ' || *after == ',');
        }
        cr_expect(found, "docs/scenarios.md does not have the knob %s", knobs[i].field.name);
    }
}
