/*
 * What the doctor says of the configurations of tests/config/ios-xe, as expected.json has it: of each its causes, at
 * the tunnels to which what is otherwise belongs, and no other; of a healthy one that it is. That the import finds what
 * expected.json has is tests/config/import_test.c's.
 */
#include <string.h>

#include "customer.h"

TestSuite(answers_sealed, .init = customer_setup, .fini = customer_teardown, .timeout = 590);

/* By which knobs a cause comes about; a cause of the node as a whole has no tunnel. */
static const struct {
    const char *cause, *knobs[3];
    bool of_node;
    const char *with, *without; /* only values that have this in them; that have not */
} made_by[] = {
    {"ike-psk", {"psk"}, false},
    {"ike-identity", {"identity", "remote_identity"}, false},
    {"ike-version", {"ike_version"}, false},
    {"ike-proposal", {"ike"}, false},
    {"ipsec-peer-address", {"peer"}, false},
    {"crypto-acl-protocol", {"selector"}, false, "ip"},
    {"crypto-acl-network", {"selector", "selector_remote"}, false, "/", "/32"},
    {"gre-in-clear", {"clear_guard"}, false},
    {"nobody-initiates", {"initiate"}, false},
    {"tunnel-shutdown", {"tunnel_up"}, false},
    {"bgp-shutdown", {"bgp"}, false},
    {"pfs-mismatch", {"esp"}, false, "ecp"},
    {"esp-proposal", {"esp"}, false, NULL, "ecp"},
    {"transport-vrf", {"transport_vrf"}, false},
    {"tunnel-address", {"tunnel_address"}, false},
    {"gre-destination", {"transport_remote"}, false},
    {"gre-source", {"transport_local"}, false},
    {"bgp-remote-as", {"remote_as"}, false},
    {"bgp-local-as", {"local_as"}, false},
    {"bgp-password-missing", {"bgp_password"}, false, "none"},
    {"bgp-password", {"bgp_password"}, false, NULL, "none"},
    {"bgp-neighbor", {"neighbor"}, false},
    {"default-missing", {"default"}, false},
    {"prefix-leaked", {"leak"}, false},
    {"prefix-missing", {"accept"}, false},
    {"peer-unreachable", {"underlay"}, false},
    {"crypto-acl-host", {"selector", "selector_remote"}, false, "/32"},
    {"transport-mode", {"mode"}, false},
    {"keepalives-unanswered", {"keepalive_answers"}, false},
    {"tunnel-mtu", {"mtu"}, false},
    {"no-inbound-policy", {"inbound_policy"}, false},
    {"replay-window", {"replay_window"}, false},
    {"redistribution-missing", {"redistribute"}, true},
    {"ibgp-missing", {"ibgp"}, true},
    {"mss-not-clamped", {"mss"}, true},
    {"pmtud-off", {"pmtud"}, true},
};

/* The tunnels of the order that the node has. */
static bool has_tunnel(const char *order, const char *node, const char *tunnel)
{
    return strcmp(order, "two-cpe") != 0 || !strcmp(node, strcmp(tunnel, "dc1") ? "cpe2" : "cpe1");
}

/* Is one of the row's knobs turned so for that tunnel, of its own or of the whole node? */
static bool is_made(size_t row, const json_t *configure, const char *tunnel)
{
    const json_t *own = json_object_get(json_object_get(configure, "tunnels"), tunnel);

    for (size_t i = 0; i < VC_COUNT(made_by[row].knobs) && made_by[row].knobs[i]; i++) {
        const char *knob = made_by[row].knobs[i];
        const json_t *value =
            json_object_get(own, knob) ? json_object_get(own, knob) : json_object_get(configure, knob);
        const char *text = json_is_string(value) ? json_string_value(value) : "";

        if (value && (!made_by[row].with || strstr(text, made_by[row].with)) &&
            (!made_by[row].without || !strstr(text, made_by[row].without)))
            return true;
    }
    return false;
}

static void expect_cause(json_t *expect, const char *name, const json_t *expected, const char *cause)
{
    static const char *const tunnels[] = {"dc1", "dc2"};
    const json_t *configure = json_object_get(expected, "configure");
    const char *order = json_string_value(json_object_get(expected, "topology"));
    const char *node = json_string_value(json_object_get(expected, "node"));
    size_t row = 0, before = json_array_size(expect);

    while (row < VC_COUNT(made_by) && strcmp(made_by[row].cause, cause) != 0)
        row++;
    cr_assert(row < VC_COUNT(made_by), "%s: by which knob is %s made? Put it into the table", name, cause);
    if (made_by[row].of_node)
        json_array_append_new(
            expect, json_pack("{s:{s:s, s:s, s:s}}", "diagnosis", "cause", cause, "node", node, "within", "60s"));
    for (size_t i = 0; i < VC_COUNT(tunnels) && !made_by[row].of_node; i++)
        if (has_tunnel(order, node, tunnels[i]) && is_made(row, configure, tunnels[i]))
            json_array_append_new(expect, json_pack("{s:{s:s, s:s, s:s}}", "diagnosis", "cause", cause, "tunnel",
                                                    tunnels[i], "within", "60s"));
    cr_assert(json_array_size(expect) > before, "%s: nothing in it makes %s", name, cause);
}

static json_t *healthy(void)
{
    return json_pack("{s:[{s:{s:s, s:s}}]}", "expect", "diagnosis", "cause", "healthy", "within", "60s");
}

static char *fault_of(void *ctx, const char *name)
{
    return talloc_strndup(ctx, name, strcspn(name, "."));
}

/* The node starts anew as the configuration says, in place of what it had. Where that is nothing, it is the lab as it
 * is. */
static void add_steps(json_t *steps, const char *name, const json_t *expected)
{
    VC_AUTO_TALLOC char *fault = fault_of(NULL, name);
    const json_t *causes = json_object_get(expected, "causes"), *cause;
    json_t *expect = json_array();
    size_t i;

    json_array_append_new(steps, json_pack("{s:{s:s, s:s, s:O, s:O}}", "fault", "name", fault, "kind", "misconfigure",
                                           "node", json_object_get(expected, "node"), "configure",
                                           json_object_get(expected, "configure")));
    json_array_append_new(steps, json_pack("{s:s}", "wait", "40s"));
    json_array_foreach(causes, i, cause) expect_cause(expect, name, expected, json_string_value(cause));
    json_array_append_new(steps, json_array_size(causes) ? json_pack("{s:o}", "expect", expect) : healthy());
    if (!json_array_size(causes))
        json_decref(expect);
}

/* Another node's configuration is gone before this one is played. */
static void heal_other(json_t *steps, const json_t *all, const char *before, const json_t *expected)
{
    VC_AUTO_TALLOC char *fault = before ? fault_of(NULL, before) : NULL;

    if (fault && !json_equal(json_object_get(json_object_get(all, before), "node"), json_object_get(expected, "node")))
        json_array_append_new(steps, json_pack("{s:s}", "heal", fault));
}

/* Labs, each with what is played in it one after the other. GRE in clear breaks an invariant, so all of those are in
 * one lab, beside its share of the others. */
static const struct {
    const char *name, *order;
    bool in_clear;
    size_t part, parts;
} played_labs[] = {
    {"one-cpe-a", "one-cpe", false, 0, 2},
    {"one-cpe-b", "one-cpe", true, 1, 2},
    {"two-cpe-a", "two-cpe", false, 0, 1},
    {"natted-a", "natted", false, 0, 1},
};

static bool is_in_clear(const json_t *expected)
{
    const json_t *cause;
    size_t i;

    json_array_foreach(json_object_get(expected, "causes"), i,
                       cause) if (!strcmp(json_string_value(cause), "gre-in-clear")) return true;
    return false;
}

/* Is it played in that lab? `others` counts those of the order that send nothing in clear. */
static bool is_played_in(size_t lab, const json_t *expected, size_t *others)
{
    if (strcmp(json_string_value(json_object_get(expected, "topology")), played_labs[lab].order) != 0 ||
        json_object_get(expected, "error_lines"))
        return false;
    if (!json_object_size(json_object_get(expected, "configure")))
        return played_labs[lab].part == 0; /* nothing to play */
    if (is_in_clear(expected))
        return played_labs[lab].in_clear;
    return (*others)++ % played_labs[lab].parts == played_labs[lab].part;
}

/* The scenario of that lab; counts what is in it. */
static const char *write_lab(void *ctx, const json_t *all, size_t lab, size_t *played)
{
    VC_AUTO_JSON *steps = json_pack("[{s:[{s:{s:s}}]}]", "expect", "converged", "within", "90s");
    const char *name, *before = NULL, *order = talloc_asprintf(ctx, "order-%s", played_labs[lab].order);
    const char *path = in_top(ctx, talloc_asprintf(ctx, "%s.yaml", played_labs[lab].name));
    const json_t *expected;
    size_t count = 0;

    json_array_append_new(steps, healthy());
    json_object_foreach((json_t *)(uintptr_t)all, name, expected)
    {
        if (!is_played_in(lab, expected, &count))
            continue;
        ++*played;
        if (!json_object_size(json_object_get(expected, "configure"))) {
            cr_expect_eq(json_array_size(json_object_get(expected, "causes")), 0, "%s", name);
            continue;
        }
        heal_other(steps, all, before, expected);
        add_steps(steps, name, expected);
        before = name;
    }
    VC_AUTO_JSON *scenario = json_pack(
        "{s:s, s:s, s:s, s:s, s:[s], s:O}", "scenario", played_labs[lab].name, "description", "Written by a test.",
        "topology", talloc_asprintf(ctx, "%s.yaml", order), "timers", "tuned", "requirements", "R20", "steps", steps);
    if (played_labs[lab].in_clear)
        json_object_set_new(scenario, "violates", json_pack("[s]", "clear-traffic"));
    cr_assert_eq(json_dump_file(scenario, path, 0), 0);
    return path;
}

Test(answers_sealed, each_configuration_gives_the_doctors_answer)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *all = json_load_file(CONFIGS "expected.json", 0, NULL);
    const char *argv[16] = {VCLAB_BINARY, "run",           "--cold",    "--jobs",
                            "2",          "--no-captures", "--results", customer_results};
    size_t words = 8, played = 0, errors = 0;
    const char *name;
    json_t *expected;

    cr_assert(all);
    for (size_t i = 0; i < VC_COUNT(played_labs); i++) {
        write_order_as(ctx, played_labs[i].order, talloc_asprintf(ctx, "order-%s", played_labs[i].order));
        argv[words++] = write_lab(ctx, all, i, &played);
    }
    json_object_foreach(all, name, expected) errors += json_object_get(expected, "error_lines") != NULL;
    cr_expect_eq(played + errors, json_object_size(all), "each of them is played, or is refused by the import");
    struct command *run = vclab_run(ctx, argv);
    EXITS(run, 0);
}
