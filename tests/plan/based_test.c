/* Topologies that share a base plan as if each were written out: the flat files in tests/model/flat say the same. */
#include <criterion/criterion.h>

#include <string.h>

#include "plan/plan.h"

#define KINDS VCLAB_SOURCE_DIR "/nodes"

static char *dump(void *ctx, const char *file, enum vc_plane plane)
{
    VC_AUTO_ERROR *err = NULL;
    const struct vc_topology *t = vc_topology_load(ctx, file, KINDS, &err);

    cr_assert(t, "%s", err ? err->message : "");
    struct vc_plan_options options = {plane, vc_topology_timers(t, "bfd"), 7, KINDS};
    const struct vc_plan *plan = vc_plan_make(ctx, t, &options, &err);
    cr_assert(plan, "%s", err ? err->message : "");
    VC_AUTO_FREE char *text = vc_plan_dump(plan);
    return talloc_strdup(ctx, text);
}

Test(based, the_same_bytes_as_without_a_base)
{
    static const char *const names[] = {"one-cpe", "two-cpe"};
    static const enum vc_plane planes[] = {VC_PLANE_KERNEL, VC_PLANE_USER};

    for (size_t i = 0; i < VC_COUNT(names); i++)
        for (size_t p = 0; p < VC_COUNT(planes); p++) {
            VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
            const char *based = talloc_asprintf(ctx, VCLAB_SOURCE_DIR "/topologies/%s.yaml", names[i]);
            const char *flat = talloc_asprintf(ctx, VCLAB_SOURCE_DIR "/tests/model/flat/%s.yaml", names[i]);

            cr_expect_str_eq(dump(ctx, based, planes[p]), dump(ctx, flat, planes[p]), "%s", names[i]);
        }
}

static const struct vc_plan_node *node(const struct vc_plan *plan, const char *name)
{
    size_t i = vc_topology_node(plan->topology, name);

    cr_assert(i != VC_NONE, "%s", name);
    return &plan->nodes[i];
}

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

static const char *file_of(const struct vc_plan_node *node, const char *path)
{
    for (size_t i = 0; i < node->file_count; i++)
        if (!strcmp(node->files[i].path, path))
            return node->files[i].text;
    cr_assert_fail("%s has no %s", node->name, path);
    return "";
}

/* R9: charon is bound to the private address and says the public one; GRE may not leave in clear on that link either.
 */
Test(based, behind_a_nat)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_plan *plan = shipped(ctx, "natted");
    const struct vc_plan_node *cpe = node(plan, "cpe1"), *nat = node(plan, "nat1");
    const char *config = cpe->daemons[0].vici_config;

    cr_expect(strstr(config, "local_addrs = 192.168.100.2\n"), "%s", config);
    cr_expect(strstr(config, "id = 198.51.100.10\n"), "%s", config);
    cr_expect(strstr(node(plan, "dc1-headend")->daemons[0].vici_config, "remote_addrs = 198.51.100.10\n"));
    cr_expect_str_eq(vc_addr_text(cpe->routes[0].via).s, "192.168.100.1");
    cr_expect(strstr(cpe->firewall, "oifname \"nat-cpe1\" meta l4proto 47 rt ipsec missing"), "%s", cpe->firewall);
    cr_expect(strstr(nat->firewall, "oifname \"inet-cpe1\" ip saddr != 198.51.100.10 masquerade\n"), "%s",
              nat->firewall);
    cr_expect_str_eq(vc_addr_text(nat->routes[0].via).s, "198.51.100.9");
}

/* R4, R5: a site's router speaks iBGP inwards and eBGP with the customer's WAN, which speaks with sites only. */
Test(based, customer_wan)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_plan *plan = shipped(ctx, "two-site");
    const char *site = file_of(node(plan, "site1"), "/etc/bird/bird.conf");
    const char *wan = file_of(node(plan, "cwan"), "/etc/bird/bird.conf");

    cr_expect(strstr(site, "neighbor 10.10.0.1 as 64512;"), "%s", site);
    cr_expect(strstr(site, "neighbor 10.10.1.2 as 65100;"), "%s", site);
    cr_expect(strstr(wan, "local 10.10.1.2 as 65100;"), "%s", wan);
    cr_expect(strstr(wan, "neighbor 10.10.1.5 as 64513;"), "%s", wan);
    cr_expect_null(strstr(file_of(node(shipped(ctx, "two-cpe"), "lan"), "/etc/bird/bird.conf"), "RTS_BGP then accept"));
}
