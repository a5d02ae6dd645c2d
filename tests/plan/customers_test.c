/* What the plan configures where there are several customers, or several regions of one: each router has its own
 * prefixes and nobody else's. */
#include <criterion/criterion.h>

#include <string.h>

#include "plan/plan.h"

#define KINDS VCLAB_SOURCE_DIR "/nodes"

static const struct vc_plan *shipped(void *ctx, const char *name)
{
    VC_AUTO_ERROR *err = NULL;
    const char *file = talloc_asprintf(ctx, VCLAB_SOURCE_DIR "/topologies/%s.yaml", name);
    const struct vc_topology *t = vc_topology_load(ctx, file, KINDS, &err);

    cr_assert(t, "%s", err ? err->message : "");
    struct vc_plan_options options = {VC_PLANE_KERNEL, vc_topology_timers(t, "bfd"), 1, KINDS};
    const struct vc_plan *plan = vc_plan_make(ctx, t, &options, &err);
    cr_assert(plan, "%s", err ? err->message : "");
    return plan;
}

static const struct vc_plan_node *node(const struct vc_plan *plan, const char *name)
{
    size_t i = vc_topology_node(plan->topology, name);

    cr_assert(i != VC_NONE, "%s", name);
    return &plan->nodes[i];
}

static const char *file_of(const struct vc_plan_node *node, const char *path)
{
    for (size_t i = 0; i < node->file_count; i++)
        if (!strcmp(node->files[i].path, path))
            return node->files[i].text;
    cr_assert_fail("%s has no %s", node->name, path);
    return "";
}

static const char *bgpd(const struct vc_plan *plan, const char *name)
{
    return file_of(node(plan, name), "/etc/frr/bgpd.conf");
}

#define HAS(text, part)   cr_expect(strstr(text, part), "no \"%s\" in:\n%s", part, text)
#define LACKS(text, part) cr_expect_null(strstr(text, part), "\"%s\" in:\n%s", part, text)

static bool has_blackhole(const struct vc_plan_node *node, const char *prefix)
{
    for (size_t i = 0; i < node->route_count; i++)
        if (node->routes[i].blackhole && !strcmp(vc_prefix_text(node->routes[i].prefix).s, prefix))
            return true;
    return false;
}

Test(customers, a_region_has_its_own_service)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_plan *plan = shipped(ctx, "two-regions");

    HAS(bgpd(plan, "cpe3"), "ip prefix-list dc3-in seq 10 permit 198.18.6.0/24\n");
    HAS(bgpd(plan, "cpe1"), "ip prefix-list dc1-in seq 10 permit 198.18.5.0/24\n");
    HAS(bgpd(plan, "dc3-router"), "  network 198.18.6.0/24\n");
    LACKS(bgpd(plan, "dc3-router"), "198.18.5.");
    LACKS(bgpd(plan, "dc1-router"), "198.18.6.");
    cr_expect(has_blackhole(node(plan, "dc3-router"), "198.18.6.0/24"));
    cr_expect_not(has_blackhole(node(plan, "dc3-router"), "198.18.5.0/24"));
}

/* The shared headend has a connection for each tunnel; what is behind it is one customer's. */
Test(customers, each_has_a_router_of_its_own_behind_the_shared_headend)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_plan *plan = shipped(ctx, "two-customers");
    const char *headend = node(plan, "dc1-headend")->daemons[0].vici_config;

    HAS(headend, "    a-dc1 {\n");
    HAS(headend, "    b-dc1 {\n");
    LACKS(headend, "a-dc2");
    HAS(headend, "local_ts = 192.0.2.1/32[gre]\n");
    HAS(headend, "local_ts = 192.0.2.2/32[gre]\n");
    HAS(bgpd(plan, "dc1-router-a"), "  network 198.18.5.0/25\n  network 198.18.5.0/24\n");
    HAS(bgpd(plan, "dc1-router-b"), "  network 198.18.6.0/25\n  network 198.18.6.0/24\n");
    LACKS(bgpd(plan, "dc1-router-a"), "198.18.6.");
    LACKS(bgpd(plan, "dc1-router-b"), "198.18.5.");
    LACKS(bgpd(plan, "a-cpe1"), "198.18.6.");
    LACKS(bgpd(plan, "b-cpe"), "198.18.5.");
    cr_expect_eq(node(plan, "dc1-router-a")->gre_count, 1);
    cr_expect_eq(node(plan, "b-cpe")->gre_count, 2);
    HAS(file_of(node(plan, "b-lan"), "/etc/bird/bird.conf"), "net ~ 10.10.0.0/16 then accept;");
}

static json_t *facts(const struct vc_plan *plan, const char *from, const char *to)
{
    const struct vc_flow_spec flow = {.name = "flow",
                                      .from = vc_topology_node(plan->topology, from),
                                      .to = vc_topology_node(plan->topology, to),
                                      .interval_ms = 20};

    return vc_plan_facts(plan, &flow, 1);
}

static void healthy(const struct vc_plan *plan, const char *from, const char *to, const char *expected)
{
    VC_AUTO_JSON *all = facts(plan, from, to);
    const json_t *path = json_object_get(json_array_get(json_object_get(all, "flows"), 0), "healthy");
    VC_AUTO_FREE char *text = json_dumps(path, JSON_COMPACT);

    cr_expect_str_eq(text, expected, "%s to %s: %s", from, to, text);
}

Test(customers, healthy_paths)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_plan *regions = shipped(ctx, "two-regions"), *customers = shipped(ctx, "two-customers");

    healthy(regions, "phone", "dc4-srv", "[\"dc4\"]");
    healthy(regions, "phone-b", "dc2-srv", "[\"dc2\"]");
    healthy(regions, "dc1-srv", "dc2-srv", "[\"wan\"]");
    healthy(regions, "dc3-srv", "dc4-srv", "[\"wan2\"]");
    healthy(regions, "dc1-srv", "dc4-srv", "[\"dc1\",\"dc4\"]"); /* through the customer */
    healthy(customers, "a-phone", "dc1-srv-a", "[\"a-dc1\"]");
    healthy(customers, "b-phone", "dc1-srv-b", "[\"b-dc1\"]");
    healthy(customers, "dc1-srv-b", "dc2-srv-b", "[\"wan-b\"]");
    healthy(customers, "dc1-srv-a", "dc1-srv-b", "[]");
}

/* Invariant 3 knows each CPE's own service. */
Test(customers, what_each_may_accept)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *all = facts(shipped(ctx, "two-customers"), "a-phone", "dc1-srv-a");
    const json_t *accept = json_object_get(all, "accept"), *entry;
    size_t i, seen = 0;

    json_array_foreach(accept, i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "node"));
        VC_AUTO_FREE char *prefixes = json_dumps(json_object_get(entry, "prefixes"), JSON_COMPACT);

        if (!strcmp(name, "b-cpe") && ++seen)
            cr_expect(strstr(prefixes, "198.18.6.0/24") && !strstr(prefixes, "198.18.5."), "%s", prefixes);
        if (!strcmp(name, "a-cpe1") && ++seen)
            cr_expect_str_eq(prefixes, "[\"198.18.5.0/24\",\"198.18.5.0/25\"]");
    }
    cr_expect_eq(seen, 3);
}
