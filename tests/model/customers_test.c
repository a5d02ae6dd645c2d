/* Several customers, and several regions of one: what a topology says of them, and what it must not. */
#include "edit.h"

#include <criterion/parameterized.h>

#define CUSTOMERS SHIPPED("topologies/two-customers.yaml")
#define REGIONS   SHIPPED("topologies/two-regions.yaml")
#define ONE       SHIPPED("topologies/one-cpe.yaml")

static void at_home(void)
{
    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
}

TestSuite(customers, .init = at_home);

static const struct vc_topology *loaded(void *ctx, const char *file)
{
    VC_AUTO_ERROR *err = NULL;
    const struct vc_topology *t = vc_topology_load(ctx, file, KINDS, &err);

    cr_assert(t, "%s", err ? err->message : "");
    return t;
}

static const struct vc_dc *dc(const struct vc_topology *t, const char *name)
{
    return &t->dcs[vc_topology_dc(t, name)];
}

Test(customers, each_has_its_nodes_and_its_service)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_topology *t = loaded(ctx, CUSTOMERS);
    size_t a = vc_topology_node(t, "a-phone"), b = vc_topology_node(t, "b-phone"), isp = vc_topology_node(t, "isp");

    cr_assert_eq(t->customer_count, 2);
    cr_expect_str_eq(vc_topology_customer_of(t, a)->name, "a");
    cr_expect_str_eq(vc_topology_customer_of(t, b)->name, "b");
    cr_expect_null(vc_topology_customer_of(t, isp));
    cr_expect(vc_topology_apart(t, a, b));
    cr_expect_not(vc_topology_apart(t, a, vc_topology_node(t, "dc2-router-a")));
    cr_expect_not(vc_topology_apart(t, a, isp));
    cr_expect_not(vc_topology_apart(t, a, VC_NONE));
    cr_expect_str_eq(vc_prefix_text(dc(t, "dc2-a")->service).s, "198.18.5.0/24");
    cr_expect_str_eq(vc_prefix_text(dc(t, "dc2-b")->service).s, "198.18.6.0/24");
    cr_expect_eq(dc(t, "dc1-a")->headend, dc(t, "dc1-b")->headend);
}

Test(customers, a_single_one_has_every_node)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_topology *t = loaded(ctx, REGIONS);

    cr_assert_eq(t->customer_count, 1);
    cr_expect_str_eq(t->customers[0].name, "");
    cr_expect_str_eq(vc_prefix_text(t->customers[0].network).s, "10.10.0.0/16");
    for (size_t i = 0; i < t->node_count; i++)
        cr_expect_eq(vc_topology_customer_of(t, i), &t->customers[0]);
    cr_expect_str_eq(vc_prefix_text(dc(t, "dc2")->service).s, "198.18.5.0/24");
    cr_expect_str_eq(vc_prefix_text(dc(t, "dc4")->service).s, "198.18.6.0/24");
}

Test(customers, may_have_the_same_private_addresses)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct edit *edit = edit_file(ctx, CUSTOMERS, "{cpe: 100.64.0.10/30, cisco: 100.64.0.9/30}",
                                        "{cpe: 100.64.0.2/30, cisco: 100.64.0.1/30}");

    loaded(ctx, edit->file); /* tunnel addresses as well: they are in each one's own VRF */
}

struct refusal {
    char topology[80], from[120], to[120], message[200];
};
#define A_AND_B(...)                                                                                                   \
    {                                                                                                                  \
        CUSTOMERS, __VA_ARGS__                                                                                         \
    }
#define REGION(...)                                                                                                    \
    {                                                                                                                  \
        REGIONS, __VA_ARGS__                                                                                           \
    }

static struct refusal refusals[] = {
    /* apart from one another */
    A_AND_B(
        "b-lan1: {b-cpe: 10.10.0.1/30, b-lan:", "b-lan1: {b-cpe: 10.10.0.1/30, a-lan:",
        "found a link between b-cpe of customer b and a-lan of customer a; allowed: nodes of one customer, or of all"),
    A_AND_B("    dc: dc1-b", "    dc: dc1-a", "found a tunnel from b-cpe of customer b to dc1-a of customer a"),
    A_AND_B("router: dc1-router-b}", "router: dc1-router-a}", "found a headend or router of dc1-a in dc1-b"),
    A_AND_B("dc2-a: {prefix: 198.18.5.128/25, headend: dc2-headend",
            "dc2-a: {prefix: 198.18.5.128/25, headend: dc1-headend", "found a headend or router of dc1-a in dc2-a"),
    /* whose is it */
    A_AND_B("b-lan: {kind: router, asn: 64512, customer: b}", "b-lan: {kind: router, asn: 64512}",
            "found b-lan without a customer; allowed: a customer for all but the Internet (kind isp) and headends"),
    A_AND_B("b-lan: {kind: router, asn: 64512, customer: b}", "b-lan: {kind: router, asn: 64512, customer: c}",
            "found unknown customer \"c\"; allowed: a, b"),
    A_AND_B("dc1-router-b: {kind: dc-router, asn: 64600, customer: b}", "dc1-router-b: {kind: dc-router, asn: 64600}",
            "found dc1-router-b without a customer"),
    A_AND_B("service: null", "description: x",
            "found unknown key of a topology \"service\"; allowed: topology, description, customers"),
    A_AND_B("  b: {network: 10.10.0.0/16, service: 198.18.6.0/24}", "  b: {network: 10.10.0.0/16}",
            "found customer without \"service\""),
    {ONE, "cpe1: {kind: cpe, asn: 64512}", "cpe1: {kind: cpe, asn: 64512, customer: a}",
     "found unknown customer \"a\"; allowed: none here"},
    /* addresses that must be told apart all the same */
    A_AND_B("a-lan2: {a-cpe2: 10.10.0.5/30, a-lan: 10.10.0.6/30}",
            "a-lan2: {a-cpe2: 10.10.0.1/30, a-lan: 10.10.0.2/30}", "which overlaps 10.10.0.0/30 of link a-lan1"),
    A_AND_B("service: 198.18.6.0/24}", "service: 198.18.5.0/24}",
            "of the service of customer b, which overlaps 198.18.5.0/24 of the service of customer a"),
    A_AND_B("b: {network: 10.10.0.0/16", "b: {network: 198.18.5.0/25", "of the service of customer a"),
    A_AND_B("{dc1-headend: 172.31.1.5/30, dc1-router-b: 172.31.1.6/30}",
            "{dc1-headend: 172.31.1.1/30, dc1-router-b: 172.31.1.2/30}",
            "of link core-dc1-b, which overlaps 172.31.1.0/30 of link core-dc1-a"),
    A_AND_B("{b-cpe: 198.51.100.26/29, isp: 198.51.100.25/29}", "{b-cpe: 198.51.100.11/29, isp: 198.51.100.12/29}",
            "of link inet-b-cpe, which overlaps 198.51.100.8/29 of link inet-a-cpe1"),
    A_AND_B("{cpe: 10.200.0.3, cisco: 192.0.2.2}", "{cpe: 10.200.0.3, cisco: 192.0.2.1}",
            "of Cisco's transport of tunnel b-dc1, which overlaps 192.0.2.1/32 of Cisco's transport of tunnel a-dc1"),
    A_AND_B("{cpe: 10.200.0.3, cisco: 192.0.2.2}", "{cpe: 10.200.0.1, cisco: 192.0.2.2}",
            "the CPE's transport of tunnel a-dc1"),
    A_AND_B("dc1-b: {prefix: 198.18.6.0/25", "dc1-b: {prefix: 198.18.5.0/25",
            "found 198.18.5.0/25; allowed: a /25 inside the service's 198.18.6.0/24 (R12)"),
    /* regions */
    REGION("dc4: {service: 198.18.6.0/24, ", "dc4: {",
           "found 198.18.6.128/25; allowed: a /25 inside the service's 198.18.5.0/24 (R12)"),
    REGION("dc4: {service: 198.18.6.0/24, ", "dc4: {service: 198.18.6.0/23, ",
           "found 198.18.6.0/23; allowed: a /24 (R12)"),
    REGION("dc3: {service: 198.18.6.0/24, ", "dc3: {service: 10.99.6.0/24, ", "allowed: a public address (R8)"),
    REGION("dc3: {service: 198.18.6.0/24, ", "dc3: {service: 198.18.4.0/22, ", "which overlaps"),
};

ParameterizedTestParameters(customers, refused)
{
    return cr_make_param_array(struct refusal, refusals, VC_COUNT(refusals));
}

ParameterizedTest(struct refusal *refusal, customers, refused, .init = at_home)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct edit *edit = edit_file(ctx, refusal->topology, refusal->from, refusal->to);

    cr_assert_null(vc_topology_load(ctx, edit->file, KINDS, &err), "accepted: %s", refusal->to);
    cr_assert_eq(err->status, VC_EXIT_USAGE);
    cr_expect(strstr(err->message, refusal->message), "wanted: %s\ngot: %s", refusal->message, err->message);
}
