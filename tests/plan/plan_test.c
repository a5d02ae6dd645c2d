/*
 * The plan as text. After an intended change, run with VCLAB_GOLDEN=update and read the difference in version control
 * before keeping it.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"
#include "model/files.h"

#define GOLDEN VCLAB_SOURCE_DIR "/tests/plan/golden"

static const struct vc_timers *timers_named(const char *name)
{
    for (size_t i = 0; i < VC_COUNT(fixture_timers); i++)
        if (strcmp(fixture_timers[i].name, name) == 0)
            return &fixture_timers[i];
    abort();
}

static struct vc_plan *make(void *ctx, const struct vc_topology *topology, enum vc_plane plane, const char *timers,
                            uint64_t seed)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_plan_options options = {plane, timers_named(timers), seed, KINDS};
    struct vc_plan *plan = vc_plan_make(ctx, topology, &options, &err);

    cr_assert_not_null(plan, "%s", err ? err->message : "");
    return plan;
}

static char *read_text(void *ctx, const char *path)
{
    VC_AUTO_FILE *f = fopen(path, "r");
    char *text = talloc_strdup(ctx, ""), buffer[4096];
    size_t n;

    while (f && (n = fread(buffer, 1, sizeof buffer, f)) > 0)
        text = talloc_strndup_append_buffer(text, buffer, n);
    return f ? text : NULL;
}

static void expect_golden(const char *name, const char *text)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, GOLDEN "/%s", name);
    const char *update = getenv("VCLAB_GOLDEN");

    if (update && strcmp(update, "update") == 0) {
        VC_AUTO_FILE *f = fopen(path, "w");
        cr_assert_not_null(f);
        fputs(text, f);
        return;
    }
    VC_AUTO_TALLOC char *expected = read_text(NULL, path);
    cr_assert_not_null(expected, "%s is missing", path);
    size_t i = 0, line = 1;
    for (; text[i] && text[i] == expected[i]; i++)
        line += text[i] == '\n';
    while (i && text[i - 1] != '\n' && expected[i - 1] != '\n')
        i--;
    cr_expect(strcmp(text, expected) == 0, "%s:%zu: expected \"%.*s\", got \"%.*s\"", path, line,
              (int)strcspn(expected + i, "\n"), expected + i, (int)strcspn(text + i, "\n"), text + i);
}

static const struct {
    bool two_cpes;
    enum vc_plane plane;
    const char *timers, *file;
} goldens[] = {
    {true, VC_PLANE_USER, "bfd", "two-cpe-user-bfd.txt"},
    {true, VC_PLANE_KERNEL, "service", "two-cpe-kernel-service.txt"},
    {false, VC_PLANE_USER, "service", "one-cpe-user-service.txt"},
    {false, VC_PLANE_KERNEL, "bfd", "one-cpe-kernel-bfd.txt"},
};

Test(plan, golden)
{
    for (size_t i = 0; i < VC_COUNT(goldens); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct vc_topology *topology = fixture_topology(ctx, goldens[i].two_cpes);
        VC_AUTO_FREE char *text = vc_plan_dump(make(ctx, topology, goldens[i].plane, goldens[i].timers, 1));

        expect_golden(goldens[i].file, text);
    }
}

Test(plan, same_input_same_bytes)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_FREE char *a = vc_plan_dump(make(ctx, fixture_topology(ctx, true), VC_PLANE_USER, "bfd", 7));
    VC_AUTO_FREE char *b = vc_plan_dump(make(ctx, fixture_topology(ctx, true), VC_PLANE_USER, "bfd", 7));

    cr_expect_str_eq(a, b);
}

/* The lines in which two dumps differ must all carry a secret or the seed itself. */
Test(plan, another_seed_differs_only_in_secrets)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_FREE char *a = vc_plan_dump(make(ctx, fixture_topology(ctx, true), VC_PLANE_USER, "bfd", 1));
    VC_AUTO_FREE char *b = vc_plan_dump(make(ctx, fixture_topology(ctx, true), VC_PLANE_USER, "bfd", 2));
    char *next_a = a, *next_b = b;
    size_t secrets = 0;

    while (next_a && next_b) {
        const char *line_a = strsep(&next_a, "\n"), *line_b = strsep(&next_b, "\n");
        if (strcmp(line_a, line_b) == 0 || strstr(line_a, "plan of "))
            continue;
        secrets++;
        cr_expect(strstr(line_a, " secret = ") || strstr(line_a, " password "), "differs: %s", line_a);
        cr_expect_eq(strlen(line_a), strlen(line_b));
    }
    cr_expect(!next_a && !next_b);
    cr_expect_eq(secrets, 8u, "each PSK and each BGP password at both ends, got %zu", secrets);
}

Test(plan, secrets_of_the_topology_are_kept_and_the_ends_agree)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_topology *topology = fixture_topology(ctx, true);

    topology->tunnels[0].psk = "the given key";
    topology->tunnels[0].bgp_password = "the-given-password";
    const struct vc_plan *plan = make(ctx, topology, VC_PLANE_KERNEL, "service", 1);
    VC_AUTO_FREE char *text = vc_plan_dump(plan);
    int keys = 0, passwords = 0;
    for (const char *p = text; (p = strstr(p, "secret = \"the given key\"")); p++)
        keys++;
    for (const char *p = text; (p = strstr(p, "password the-given-password\n")); p++)
        passwords++;
    cr_expect_eq(keys, 2);
    cr_expect_eq(passwords, 2);
}

Test(plan, mac_addresses_are_unique_and_local)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_plan *plan = make(ctx, fixture_topology(ctx, true), VC_PLANE_USER, "bfd", 1);
    uint8_t seen[64][6];
    size_t count = 0;

    for (size_t n = 0; n < plan->node_count; n++)
        for (size_t i = 0; i < plan->nodes[n].iface_count; i++) {
            const uint8_t *mac = plan->nodes[n].ifaces[i].mac;
            cr_expect_eq(mac[0], 0x02);
            for (size_t k = 0; k < count; k++)
                cr_expect(memcmp(seen[k], mac, 6) != 0);
            memcpy(seen[count++], mac, 6);
        }
    cr_expect_eq(count, 26u);
}

/* Every next hop is a neighbour on a link of that node: the kernel would refuse another. */
Test(plan, next_hops_are_neighbours)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    for (int variant = 0; variant < 4; variant++) {
        const struct vc_plan *plan =
            make(ctx, fixture_topology(ctx, variant & 1), variant & 2 ? VC_PLANE_KERNEL : VC_PLANE_USER, "bfd", 1);
        for (size_t n = 0; n < plan->node_count; n++)
            for (size_t r = 0; r < plan->nodes[n].route_count; r++) {
                const struct vc_plan_node *node = &plan->nodes[n];
                bool found = node->routes[r].blackhole;
                for (size_t i = 0; i < node->iface_count && !found; i++)
                    found = vc_prefix_contains(node->ifaces[i].address, node->routes[r].via) &&
                            node->ifaces[i].address.addr.s_addr != node->routes[r].via.s_addr;
                cr_expect(found, "%s %s", node->name, vc_prefix_text(node->routes[r].prefix).s);
            }
    }
}

static const struct vc_plan_daemon *daemon_named(const struct vc_plan_node *node, const char *name)
{
    for (size_t i = 0; i < node->daemon_count; i++)
        if (strcmp(node->daemons[i].name, name) == 0)
            return &node->daemons[i];
    return NULL;
}

/* R2: one device has IPsec, another GRE and BGP. */
Test(plan, the_headend_is_in_two_tiers)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_plan *plan = make(ctx, fixture_topology(ctx, true), VC_PLANE_USER, "bfd", 1);
    const struct vc_plan_node *headend = &plan->nodes[HEADEND1], *router = &plan->nodes[ROUTER1];

    cr_expect_eq(headend->daemon_count, 1u);
    cr_expect(daemon_named(headend, "charon"));
    cr_expect_eq(headend->gre_count, 0u);
    cr_expect_null(daemon_named(router, "charon"));
    cr_expect(daemon_named(router, "bgpd") && daemon_named(router, "bfdd"));
    cr_expect_eq(router->gre_count, 1u);
    for (size_t i = 0; i < plan->node_count; i++)
        cr_expect_eq(plan->nodes[i].daemon_count > 0,
                     strcmp(plan->nodes[i].kind, "isp") && strcmp(plan->nodes[i].kind, "host"));
}

/* R23: no action on Cisco's side starts a negotiation. */
Test(plan, only_the_cpe_initiates)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_plan *plan = make(ctx, fixture_topology(ctx, true), VC_PLANE_KERNEL, "service", 1);
    const char *cpe = daemon_named(&plan->nodes[CPE1], "charon")->vici_config;
    const char *headend = daemon_named(&plan->nodes[HEADEND1], "charon")->vici_config;

    cr_expect(strstr(cpe, "start_action = trap\n"));
    cr_expect(strstr(headend, "start_action = none\n") && strstr(headend, "close_action = none\n"));
    cr_expect_null(strstr(headend, "trap\n"));
    cr_expect_null(strstr(headend, "start\n"));
}

Test(plan, bfd_only_where_the_timers_have_it)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_FREE char *without = vc_plan_dump(make(ctx, fixture_topology(ctx, true), VC_PLANE_USER, "tuned", 1));
    VC_AUTO_FREE char *with = vc_plan_dump(make(ctx, fixture_topology(ctx, true), VC_PLANE_USER, "bfd", 1));

    cr_expect_null(strstr(without, "bfd"));
    cr_expect(strstr(with, "bfd profile vc"));
}

/* The largest packet that fits kernel-libipsec's TUN device in GRE, and a segment that fits it (findings, R42). */
Test(plan, the_user_plane_lowers_mtu_and_mss)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_topology *topology = fixture_topology(ctx, true);
    const struct vc_plan *user = make(ctx, topology, VC_PLANE_USER, "bfd", 1);
    const struct vc_plan *kernel = make(ctx, topology, VC_PLANE_KERNEL, "bfd", 1);

    cr_expect_eq(user->nodes[CPE1].gres[0].mtu, 1376u);
    cr_expect_eq(kernel->nodes[CPE1].gres[0].mtu, 1400u);
    cr_expect(strstr(user->nodes[CPE1].firewall, "maxseg size set 1336\n"));
    cr_expect(strstr(kernel->nodes[CPE1].firewall, "maxseg size set 1350\n"));
    topology->settings.mss = 0;
    cr_expect_null(strstr(make(ctx, topology, VC_PLANE_USER, "bfd", 1)->nodes[CPE1].firewall, "maxseg"));
}

Test(plan, facts)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_plan *plan = make(ctx, fixture_topology(ctx, true), VC_PLANE_USER, "bfd", 1);
    const struct vc_flow_spec flows[] = {
        {"voice-dc1", PHONE, SRV1, 20, {0}}, {"voice-dc2", PHONE, SRV2, 20, {0}}, {"from-dc2", SRV2, PHONE, 20, {0}},
        {"between", SRV1, SRV2, 100, {0}},   {"inside", PHONE, LAN, 20, {0}},
    };
    VC_AUTO_JSON *facts = vc_plan_facts(plan, flows, VC_COUNT(flows));
    VC_AUTO_FREE char *text = json_dumps(facts, JSON_INDENT(2));
    VC_AUTO_TALLOC char *line = talloc_asprintf(NULL, "%s\n", text);

    expect_golden("facts.json", line);
}

Test(plan, lag_limit_follows_the_fastest_timer)
{
    static const struct {
        struct vc_timers timers;
        json_int_t limit;
    } cases[] = {
        {{"a", 10, 30, 300, 3, 10, 3}, 300000000}, {{"b", 10, 30, 50, 3, 0, 0}, 50000000},
        {{"c", 60, 180, 0, 0, 0, 0}, 1000000000},  {{"d", 1, 3, 0, 0, 0, 0}, 1000000000},
        {{"e", 1, 2, 0, 0, 0, 0}, 666666666},
    };
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_plan *plan = make(ctx, fixture_topology(ctx, true), VC_PLANE_USER, "bfd", 1);

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        plan->options.timers = &cases[i].timers;
        VC_AUTO_JSON *facts = vc_plan_facts(plan, NULL, 0);
        cr_expect_eq(json_integer_value(json_object_get(facts, "lag_limit_ns")), cases[i].limit, "%s",
                     cases[i].timers.name);
    }
}

/* What the shipped files say is what the other tests assume. */
Test(plan, shipped_topologies_are_the_fixture)
{
    for (int two = 0; two < 2; two++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        const struct vc_topology *shipped = vc_topology_load(
            ctx, two ? VCLAB_SOURCE_DIR "/topologies/two-cpe.yaml" : VCLAB_SOURCE_DIR "/topologies/one-cpe.yaml", KINDS,
            &err);

        cr_assert_not_null(shipped, "%s", err ? err->message : "");
        struct vc_plan_options options = {VC_PLANE_USER, vc_topology_timers(shipped, "bfd"), 1, KINDS};
        const struct vc_plan *plan = vc_plan_make(ctx, shipped, &options, &err);
        cr_assert_not_null(plan, "%s", err ? err->message : "");
        const struct vc_plan *expected = make(ctx, fixture_topology(ctx, two), VC_PLANE_USER, "bfd", 1);
        VC_AUTO_JSON *a = vc_plan_facts(plan, NULL, 0), *b = vc_plan_facts(expected, NULL, 0);

        cr_expect_eq(shipped->node_count, expected->topology->node_count);
        cr_expect_eq(shipped->link_count, expected->topology->link_count);
        for (size_t n = 0; n < expected->node_count; n++) {
            size_t i = vc_topology_node(shipped, expected->nodes[n].name);
            cr_assert_neq(i, VC_NONE, "%s", expected->nodes[n].name);
            cr_expect_str_eq(plan->nodes[i].kind, expected->nodes[n].kind);
            cr_expect_eq(plan->nodes[i].route_count, expected->nodes[n].route_count, "%s", expected->nodes[n].name);
            cr_expect_eq(plan->nodes[i].iface_count, expected->nodes[n].iface_count, "%s", expected->nodes[n].name);
        }
        cr_expect(json_equal(json_object_get(a, "tunnels"), json_object_get(b, "tunnels")));
        cr_expect(json_equal(json_object_get(a, "accept"), json_object_get(b, "accept")));
    }
}

/* A node of the Internet knows its own wires and no service; without a daemon it learns of none either. */
static void expect_no_way(const struct vc_plan *plan, size_t n)
{
    const struct vc_plan_node *node = &plan->nodes[n];

    cr_expect_eq(node->daemon_count, 0);
    for (size_t d = 0; d < plan->topology->dc_count; d++) {
        struct vc_prefix service = plan->topology->dcs[d].service;

        for (size_t r = 0; r < node->route_count; r++)
            cr_expect(!vc_prefix_overlaps(node->routes[r].prefix, service), "%s of %s: %s", node->name,
                      plan->topology->name, vc_prefix_text(node->routes[r].prefix).s);
        for (size_t i = 0; i < node->iface_count; i++)
            cr_expect(!vc_prefix_overlaps(node->ifaces[i].address, service), "%s", node->ifaces[i].ifname);
    }
}

/* R12: the Internet has no way to the service, in whichever lab. */
Test(plan, the_internet_does_not_route_a_service)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_names names = vc_documents(ctx, VCLAB_SOURCE_DIR "/topologies");
    size_t seen = 0;

    for (size_t k = 0; k < names.count; k++) {
        VC_AUTO_ERROR *err = NULL;
        const char *file = talloc_asprintf(ctx, VCLAB_SOURCE_DIR "/topologies/%s.yaml", vc_names_at(names, k));
        const struct vc_topology *topology = vc_topology_load(ctx, file, KINDS, &err);
        struct vc_plan_options options = {VC_PLANE_KERNEL, NULL, 1, KINDS};

        cr_assert(topology, "%s", err ? err->message : "");
        options.timers = vc_topology_timers(topology, "tuned");
        const struct vc_plan *plan = vc_plan_make(ctx, topology, &options, &err);
        cr_assert(plan, "%s", err ? err->message : "");
        for (size_t n = 0; n < plan->node_count; n++)
            if (!strcmp(plan->nodes[n].kind, "isp")) {
                expect_no_way(plan, n);
                seen++;
            }
    }
    cr_assert(names.count && seen >= names.count, "%zu of %zu", seen, names.count);
}

/* A link's character is at both ends, each with chances of its own, which the seed decides. */
Test(plan, wires)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_topology *topology = fixture_topology(ctx, true);
    size_t link = vc_topology_link(topology, "inet-dc1"), seen = 0;

    topology->links[link].wire = (struct vc_wire){.delay_us = 80000, .loss_ppm = 10000};
    topology->settings.rate_mbit = 0;
    const struct vc_plan *plan = make(ctx, topology, VC_PLANE_KERNEL, "bfd", 1);
    const struct vc_plan *other = make(ctx, topology, VC_PLANE_KERNEL, "bfd", 2);
    uint64_t seeds[2] = {0};
    for (size_t n = 0; n < plan->node_count; n++) {
        for (size_t i = 0; i < plan->nodes[n].iface_count; i++) {
            const struct vc_plan_iface *iface = &plan->nodes[n].ifaces[i];

            cr_assert_eq(vc_wire_is_perfect(&iface->wire), iface->link != link);
            cr_assert_neq(iface->wire_seed, other->nodes[n].ifaces[i].wire_seed);
            if (iface->link == link)
                seeds[seen++] = iface->wire_seed;
        }
        for (size_t i = 0; i < plan->nodes[n].gre_count; i++)
            cr_assert(vc_wire_is_perfect(&plan->nodes[n].gres[i].wire), "rate: off");
    }
    cr_assert_eq(seen, 2);
    cr_assert_neq(seeds[0], seeds[1]);
    VC_AUTO_FREE char *text = vc_plan_dump(plan);
    cr_assert(strstr(text, "    wire 80 ms, 1 % lost, seed "));
    cr_assert_not(strstr(text, "Mbit/s"));
}
