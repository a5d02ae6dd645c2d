/* Paths that the oracle must give. The rows were seen in sealed runs of the real daemons (docs/oracle.md) before they
 * were written here. */
#include "oracle/oracle.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "model/scenario.h"

#define KINDS VCLAB_SOURCE_DIR "/nodes"

static struct vc_topology *load(void *ctx, const char *name)
{
    VC_AUTO_ERROR *err = NULL;
    char *file = talloc_asprintf(ctx, VCLAB_SOURCE_DIR "/topologies/%s.yaml", name);
    struct vc_topology *t = vc_topology_load(ctx, file, KINDS, &err);

    cr_assert(t, "%s", err ? err->message : "");
    return t;
}

static struct vc_oracle *new_oracle(void *ctx, const char *topology, const char *timers)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_topology *t = load(ctx, topology);
    struct vc_oracle *oracle = vc_oracle_new(ctx, t, vc_topology_timers(t, timers), &err);

    cr_assert(oracle, "%s", err ? err->message : "");
    return oracle;
}

enum { MOST_FAILED = 4 };
struct row {
    const char *topology, *timers, *failed, *from, *to; /* failed: names with blanks between, in the order of failing */
    const char *forward, *back;                         /* "dc2+wan", "" (nothing between), "none" */
};

static size_t elements(const struct vc_oracle *oracle, const char *names, size_t failed[MOST_FAILED])
{
    char *copy = strdup(names), *rest = copy;
    size_t count = 0;

    for (char *name; (name = strsep(&rest, " "));) {
        if (!*name)
            continue;
        cr_assert_lt(count, MOST_FAILED);
        failed[count] = vc_oracle_find(oracle, name);
        cr_assert_neq(failed[count], VC_NONE, "no element %s", name);
        count++;
    }
    free(copy);
    return count;
}

static char *path_text(void *ctx, const struct vc_oracle_path *path)
{
    char *text = talloc_strdup(ctx, path->reachable ? "" : "none");

    for (size_t i = 0; i < path->count; i++)
        text = talloc_asprintf_append(text, "%s%s", i ? "+" : "", path->via[i]);
    return text;
}

static void check_way(void *ctx, const struct vc_oracle *oracle, const struct row *row, size_t from, size_t to,
                      const char *expected)
{
    size_t failed[MOST_FAILED], count = elements(oracle, row->failed, failed);
    struct vc_oracle_path path = vc_oracle_ask(ctx, oracle, failed, count, from, to);
    const char *why = vc_oracle_why(ctx, oracle, failed, count, from, to), *text = path_text(ctx, &path);

    cr_expect_str_eq(text, expected, "%s without \"%s\", from node %zu to %zu: %s, not %s (%s)", row->topology,
                     row->failed, from, to, text, expected, why);
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct vc_oracle *oracle = new_oracle(ctx, rows[i].topology, rows[i].timers);
        const struct vc_topology *t = load(ctx, rows[i].topology);
        size_t from = vc_topology_node(t, rows[i].from), to = vc_topology_node(t, rows[i].to);

        cr_assert(from != VC_NONE && to != VC_NONE);
        check_way(ctx, oracle, &rows[i], from, to, rows[i].forward);
        check_way(ctx, oracle, &rows[i], to, from, rows[i].back);
    }
}
#define CHECK(rows) check_rows(rows, VC_COUNT(rows))

#define TWO(failed, number, ...)                                                                                       \
    {                                                                                                                  \
        "two-cpe", "bfd", failed, "phone", "dc" #number "-srv", __VA_ARGS__                                            \
    }
#define TWO_INSIDE(failed, ...)                                                                                        \
    {                                                                                                                  \
        "two-cpe", "bfd", failed, "dc1-srv", "dc2-srv", __VA_ARGS__                                                    \
    }
#define MOVED1 "dc2+wan", "wan+dc2"
#define MOVED2 "dc1+wan", "wan+dc1"
#define GONE   "none", "none"

Test(oracle, nothing_failed)
{
    CHECK(((const struct row[]){
        TWO("", 1, "dc1", "dc1"),
        TWO("", 2, "dc2", "dc2"),
        TWO_INSIDE("", "wan", "wan"),
    }));
}

Test(oracle, daemons)
{
    CHECK(((const struct row[]){
        TWO("daemon/cpe1/charon", 1, MOVED1),
        TWO("daemon/cpe1/bgpd", 1, MOVED1),
        TWO("daemon/cpe1/bfdd", 1, MOVED1),
        TWO("daemon/cpe1/zebra", 1, "dc1", "dc1"),
        TWO("daemon/cpe1/zebra", 2, "dc2", "dc2"),
        TWO("daemon/cpe2/charon", 1, "dc1", "dc1"),
        TWO("daemon/cpe2/charon", 2, MOVED2),
        TWO("daemon/dc1-headend/charon", 1, MOVED1),
        TWO("daemon/dc1-router/bfdd", 1, MOVED1),
        TWO("daemon/dc1-router/zebra", 1, "dc1", "dc1"),
        TWO("daemon/dc1-router/bgpd", 1, GONE), /* the other DC loses the /25, too */
        TWO("daemon/dc1-router/bgpd", 2, "dc2", "dc2"),
        TWO_INSIDE("daemon/dc1-router/bgpd", GONE),
    }));
}

Test(oracle, packets_of_one_kind)
{
    CHECK(((const struct row[]){
        TWO("drop/esp/inet-dc1", 1, MOVED1),
        TWO("drop/ike/inet-cpe1", 1, MOVED1),
        TWO("drop/esp/inet-cpe2", 2, MOVED2),
        TWO("drop/gre/core-dc1", 1, MOVED1),
        TWO("drop/bgp/dc1", 1, MOVED1),
        TWO("drop/bfd/dc2", 2, MOVED2),
        TWO("drop/bgp/peer", 1, "dc1", "dc1"),
        TWO("drop/bgp/lan1", 1, "dc1", "none"), /* cpe1 no longer knows the phone's network */
        TWO("drop/bgp/lan2", 2, "dc2", "none"),
        TWO_INSIDE("drop/bgp/wan", GONE),
    }));
}

Test(oracle, links_and_their_ends)
{
    CHECK(((const struct row[]){
        TWO("link/inet-dc1", 1, MOVED1),
        TWO("link/core-dc2", 2, MOVED2),
        TWO("link/wan", 1, "dc1", "dc1"),
        TWO_INSIDE("link/wan", GONE),
        TWO("end/lan1/cpe1", 1, "dc1", "none"),
        TWO("end/lan1/lan", 1, "dc1", "none"),
        TWO("end/lan1/lan", 2, "dc2", "dc2"),
        TWO("end/peer/cpe1", 1, "dc1", "dc1"),
        TWO("end/inet-cpe1/isp", 1, MOVED1),
        TWO("end/inet-dc2/dc2-headend", 2, MOVED2),
        TWO("end/core-dc1/dc1-router", 1, MOVED1),
        TWO("end/site/phone", 1, GONE),
        TWO("end/svc-dc1/dc1-router", 1, GONE),
        TWO_INSIDE("end/svc-dc2/dc2-srv", GONE),
    }));
}

Test(oracle, nodes)
{
    CHECK(((const struct row[]){
        TWO("node/cpe1", 1, MOVED1),
        TWO("node/cpe2", 1, "dc1", "dc1"),
        TWO("node/cpe2", 2, MOVED2),
        TWO("node/dc1-headend", 1, MOVED1),
        TWO("node/dc1-router", 1, GONE),
        TWO("node/dc1-router", 2, "dc2", "dc2"),
        TWO_INSIDE("node/dc1-router", GONE),
        TWO("node/isp", 1, GONE),
        TWO_INSIDE("node/isp", "wan", "wan"),
        TWO("node/lan", 2, GONE),
    }));
}

Test(oracle, a_dead_routing_daemon_leaves_its_routes)
{
    CHECK(((const struct row[]){
        TWO("daemon/cpe1/zebra drop/esp/inet-dc1", 1, MOVED1), /* the others go round it */
        TWO("daemon/dc1-router/zebra drop/esp/inet-dc1", 1, "dc2+wan", "none"),
        TWO("drop/esp/inet-dc1 daemon/dc1-router/zebra", 1, MOVED1), /* it knew already */
        TWO("daemon/dc1-router/zebra drop/bgp/dc1", 1, "dc2+wan", "dc1"),
        TWO("daemon/cpe1/zebra drop/esp/inet-dc2", 2, "none", "wan+dc1"),
        TWO("drop/esp/inet-dc2 daemon/cpe1/zebra", 2, MOVED2),
        TWO("daemon/cpe2/zebra drop/esp/inet-dc2", 2, MOVED2),
        TWO("daemon/cpe1/zebra daemon/cpe1/bgpd", 1, MOVED1),
        TWO("daemon/cpe1/bgpd daemon/cpe1/zebra", 1, MOVED1),
        TWO("daemon/lan/bird", 1, "dc1", "none"),
        TWO("daemon/lan/bird drop/esp/inet-dc1", 1, "dc2+wan", "none"),
        TWO("daemon/lan/bird end/lan1/lan", 1, GONE), /* the kernel forgot the /24, too: its next hop was cpe1 */
        TWO("daemon/lan/bird end/lan1/lan", 2, "dc2", "none"),
        TWO("daemon/dc1-router/zebra daemon/dc1-router/bfdd", 1, "dc2+wan", "dc1"),
    }));
}

Test(oracle, without_zebra_bgp_hears_nothing_of_bfd)
{
    CHECK(((const struct row[]){
        TWO("daemon/cpe1/zebra drop/bfd/dc1", 1, MOVED1),
        TWO("daemon/cpe1/zebra daemon/dc1-router/zebra drop/bfd/dc1", 1, "dc1", "dc1"),
        TWO("daemon/cpe1/bfdd daemon/dc1-router/zebra", 1, MOVED1),
        TWO("daemon/dc1-router/bfdd daemon/cpe1/zebra", 1, MOVED1),
        TWO("daemon/cpe1/zebra daemon/cpe1/bfdd", 1, MOVED1),
        TWO("daemon/cpe1/zebra daemon/dc1-router/bfdd", 1, "dc1", "dc1"),
    }));
}

#define OTHER_MAKE(topology, timers, failed, n, ...)                                                                   \
    {                                                                                                                  \
        topology, timers, failed, "phone", "dc" #n "-srv", __VA_ARGS__                                                 \
    }

/* BIRD speaks, keeps the table and does BFD: one death takes all of it, and what it left in the kernel stays. */
Test(oracle, a_cpe_of_another_make)
{
    CHECK(((const struct row[]){
        OTHER_MAKE("two-cpe-bird", "tuned", "", 1, "dc1", "dc1"),
        OTHER_MAKE("two-cpe-bird", "tuned", "daemon/cpe1/bird", 1, MOVED1),
        OTHER_MAKE("two-cpe-bird", "tuned", "daemon/cpe1/bird", 2, "dc2", "dc2"),
        OTHER_MAKE("two-cpe-bird", "tuned", "daemon/cpe1/charon", 1, MOVED1),
        OTHER_MAKE("two-cpe-bird", "bfd", "daemon/dc1-router/bfdd", 1, "dc1", "dc1"), /* BIRD opens it again */
        OTHER_MAKE("two-cpe-mixed", "bfd", "daemon/dc1-router/bfdd", 1, MOVED1),
        OTHER_MAKE("two-cpe-mixed", "bfd", "daemon/cpe2/bird", 2, MOVED2),
    }));
}

Test(oracle, bfd_that_is_lost_between_two_makes_has_no_answer)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_oracle *oracle = new_oracle(ctx, "two-cpe-mixed", "bfd");

    cr_expect_neq(vc_oracle_find(oracle, "drop/bfd/dc1"), VC_NONE);
    cr_expect_eq(vc_oracle_find(oracle, "drop/bfd/dc2"), VC_NONE);
    cr_expect_eq(vc_oracle_find(oracle, "daemon/cpe2/bgpd"), VC_NONE);
}

Test(oracle, pairs)
{
    CHECK(((const struct row[]){
        TWO("link/wan drop/esp/inet-dc1", 1, GONE),
        TWO("daemon/cpe1/charon daemon/cpe2/charon", 1, GONE),
        TWO("drop/bgp/dc1 drop/bgp/dc2", 2, GONE),
        TWO("end/lan1/lan drop/gre/core-dc1", 1, MOVED1),
        TWO("end/lan1/lan end/lan2/lan", 2, GONE),
        TWO("node/cpe1 node/dc1-headend", 1, MOVED1),
        TWO("link/peer drop/esp/inet-dc1", 1, "dc2+wan", "wan+dc2"),
        TWO_INSIDE("node/cpe1 link/wan", GONE),
    }));
}

#define LIBRESWAN(failed, number, ...)                                                                                 \
    {                                                                                                                  \
        "two-cpe-libreswan", "tuned", failed, "phone", "dc" #number "-srv", __VA_ARGS__                                \
    }

/* Nobody asks whether a headend's charon lives as long as ESP comes in. */
Test(oracle, libreswan_is_content_with_esp)
{
    CHECK(((const struct row[]){
        LIBRESWAN("daemon/cpe1/pluto", 1, MOVED1),
        LIBRESWAN("daemon/dc1-headend/charon", 1, "dc1", "dc1"),
        LIBRESWAN("drop/ike/inet-dc1", 1, MOVED1), /* charon asks, and gets no answer */
        LIBRESWAN("node/dc1-headend", 1, MOVED1),
        LIBRESWAN("drop/esp/inet-dc1 daemon/dc1-headend/charon", 1, MOVED1),
        LIBRESWAN("daemon/dc1-headend/charon drop/esp/inet-dc1", 1, MOVED1),
        LIBRESWAN("daemon/dc1-headend/charon drop/ike/inet-dc1", 1, "dc1", "dc1"),
        LIBRESWAN("drop/ike/inet-dc1 daemon/dc1-headend/charon", 1, MOVED1),
        LIBRESWAN("daemon/dc1-headend/charon daemon/cpe1/pluto", 1, "dc1", "dc1"),
        LIBRESWAN("daemon/cpe1/pluto daemon/dc1-headend/charon", 1, MOVED1),
        LIBRESWAN("node/cpe1 daemon/dc1-headend/charon", 1, MOVED1),
    }));
}

#define ONE(failed, number, ...)                                                                                       \
    {                                                                                                                  \
        "one-cpe", "bfd", failed, "phone", "dc" #number "-srv", __VA_ARGS__                                            \
    }

Test(oracle, one_cpe_with_both_tunnels)
{
    CHECK(((const struct row[]){
        ONE("", 1, "dc1", "dc1"), ONE("", 2, "dc2", "dc2"), ONE("drop/esp/inet-dc1", 1, MOVED1),
        ONE("drop/esp/inet-dc1", 2, "dc2", "dc2"), ONE("drop/esp/inet-cpe1", 1, GONE), /* one wire carries both */
        ONE("daemon/cpe1/charon", 2, GONE), ONE("daemon/dc2-headend/charon", 2, MOVED2),
        ONE("daemon/dc2-router/bfdd", 2, MOVED2), ONE("node/cpe1", 1, GONE), ONE("end/lan1/lan", 1, GONE),
        ONE("drop/bgp/wan drop/bgp/dc1", 1, GONE),
        ONE("daemon/cpe1/zebra drop/esp/inet-dc1", 1, "none", "wan+dc2"), /* its /24 was by dc1, too */
    }));
}

#define OF(topology, failed, from, to, ...)                                                                            \
    {                                                                                                                  \
        topology, "bfd", failed, from, to, __VA_ARGS__                                                                 \
    }

Test(oracle, behind_a_nat_ike_and_esp_are_one)
{
    CHECK(((const struct row[]){
        OF("natted", "", "phone", "dc1-srv", "dc1", "dc1"),
        OF("natted", "drop/ike/inet-dc1", "phone", "dc1-srv", MOVED1),
        OF("natted", "node/nat1", "phone", "dc1-srv", GONE),
        OF("natted", "end/nat-cpe1/nat1", "phone", "dc2-srv", GONE),
    }));
}

Test(oracle, sites_and_branches_behind_the_customers_wan)
{
    CHECK(((const struct row[]){
        OF("two-site", "", "phone1", "dc1-srv", "dc1", "dc1"),
        OF("two-site", "", "phone1", "dc2-srv", "dc2", "dc2"),
        OF("two-site", "", "phone2", "phone1", "", ""),
        OF("two-site", "drop/esp/inet-dc1", "phone1", "dc1-srv", MOVED1),
        OF("two-site", "node/cwan", "phone1", "dc2-srv", "dc1+wan", "none"),
        OF("two-site", "daemon/cwan/bird", "phone1", "dc1-srv", "dc1", "dc1"),
        OF("two-site", "daemon/cwan/bird drop/esp/inet-dc1", "phone1", "dc1-srv", GONE),
        OF("two-site", "daemon/cwan/bird drop/esp/inet-dc1", "phone2", "dc1-srv", MOVED1),
        OF("two-site", "daemon/cwan/bird drop/esp/inet-dc1", "phone1", "phone2", GONE),
        OF("remote-sites", "", "phone1", "dc1-srv", "dc1", "dc1"),
        OF("remote-sites", "", "phone2", "phone3", "", ""),
        OF("remote-sites", "drop/esp/inet-dc2", "phone3", "dc2-srv", MOVED2),
        OF("remote-sites", "link/cwan-hub", "phone1", "dc1-srv", GONE),
        OF("remote-sites", "link/cwan-hub", "phone", "dc1-srv", "dc1", "dc1"),
        OF("remote-sites", "daemon/cwan/bird", "phone1", "dc1-srv", GONE),
        OF("remote-sites", "daemon/cwan/bird", "phone1", "phone2", GONE),
        OF("remote-sites", "daemon/branch2/bird", "phone1", "phone2", "none", ""),
        OF("remote-sites", "daemon/lan/bird", "phone1", "dc1-srv", GONE),
        OF("remote-sites", "daemon/lan/bird", "phone", "dc1-srv", "dc1", "none"),
        OF("remote-sites", "end/lan1/lan", "phone1", "dc1-srv", "dc1", "none"),
        OF("remote-sites", "end/lan1/lan", "phone3", "dc2-srv", "dc2", "dc2"),
        OF("remote-sites", "node/cpe2", "phone3", "dc2-srv", MOVED2),
        OF("two-site", "node/cpe1", "phone1", "dc1-srv", MOVED1),
        OF("two-site", "node/cpe1", "phone1", "phone2", "", ""),
    }));
}

#define REGIONS(failed, from, to, ...) OF("two-regions", failed, from, to, __VA_ARGS__)

Test(oracle, a_region_stands_by_itself)
{
    CHECK(((const struct row[]){
        REGIONS("", "phone", "dc1-srv", "dc1", "dc1"),
        REGIONS("", "phone", "dc3-srv", "dc3", "dc3"), /* by the other hub */
        REGIONS("", "phone-b", "dc2-srv", "dc2", "dc2"),
        REGIONS("", "dc3-srv", "dc4-srv", "wan2", "wan2"),
        REGIONS("", "dc1-srv", "dc3-srv", "dc1+dc3", "dc3+dc1"), /* by the customer: no WAN joins the regions */
        REGIONS("drop/esp/inet-dc1", "phone", "dc1-srv", MOVED1),
        REGIONS("drop/esp/inet-dc1", "phone-b", "dc1-srv", MOVED1),
        REGIONS("drop/esp/inet-dc1", "phone-b", "dc3-srv", "dc3", "dc3"),
        REGIONS("drop/esp/inet-dc3", "phone", "dc3-srv", "dc4+wan2", "wan2+dc4"),
        REGIONS("drop/esp/inet-dc3", "phone", "dc1-srv", "dc1", "dc1"),
        REGIONS("drop/esp/inet-dc3 link/wan", "phone", "dc3-srv", "dc4+wan2", "wan2+dc4"),
        REGIONS("node/cpe3", "phone", "dc3-srv", GONE),
        REGIONS("node/cpe3", "phone-b", "dc4-srv", GONE),
        REGIONS("node/cpe3", "phone-b", "dc1-srv", "dc1", "dc1"),
        REGIONS("node/cwan", "phone", "dc3-srv", GONE),
        REGIONS("node/cwan", "phone-b", "dc3-srv", "dc3", "dc3"),
    }));
}

#define CUSTOMERS(failed, from, to, ...) OF("two-customers", failed, from, to, __VA_ARGS__)

Test(oracle, customers_share_headends_and_nothing_else)
{
    CHECK(((const struct row[]){
        CUSTOMERS("", "a-phone", "dc1-srv-a", "a-dc1", "a-dc1"),
        CUSTOMERS("", "b-phone", "dc1-srv-b", "b-dc1", "b-dc1"),
        CUSTOMERS("", "a-phone", "dc1-srv-b", GONE),
        CUSTOMERS("", "b-phone", "dc2-srv-a", GONE),
        CUSTOMERS("", "a-phone", "b-phone", GONE), /* each is 10.10.10.10, and gets no further than itself */
        CUSTOMERS("", "dc1-srv-a", "dc1-srv-b", GONE),
        CUSTOMERS("drop/esp/inet-dc1", "a-phone", "dc1-srv-a", "a-dc2+wan-a", "wan-a+a-dc2"),
        CUSTOMERS("drop/esp/inet-dc1", "b-phone", "dc1-srv-b", "b-dc2+wan-b", "wan-b+b-dc2"),
        CUSTOMERS("drop/gre/core-dc1-a", "a-phone", "dc1-srv-a", "a-dc2+wan-a", "wan-a+a-dc2"),
        CUSTOMERS("drop/gre/core-dc1-a", "b-phone", "dc1-srv-b", "b-dc1", "b-dc1"),
        CUSTOMERS("daemon/dc1-headend/charon", "b-phone", "dc1-srv-b", "b-dc2+wan-b", "wan-b+b-dc2"),
        CUSTOMERS("end/inet-b-cpe/isp", "b-phone", "dc1-srv-b", GONE),
        CUSTOMERS("end/inet-b-cpe/isp", "a-phone", "dc1-srv-a", "a-dc1", "a-dc1"),
        CUSTOMERS("end/wan-a/dc1-router-a drop/esp/inet-dc1", "a-phone", "dc1-srv-a", GONE),
        CUSTOMERS("end/wan-a/dc1-router-a drop/esp/inet-dc1", "b-phone", "dc1-srv-b", "b-dc2+wan-b", "wan-b+b-dc2"),
        CUSTOMERS("node/dc1-router-b", "a-phone", "dc1-srv-a", "a-dc1", "a-dc1"),
        CUSTOMERS("node/dc1-router-b", "b-phone", "dc1-srv-b", GONE),
    }));
}

Test(oracle, an_address_of_two_customers_is_not_the_others)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_oracle *o = new_oracle(ctx, "two-customers", "bfd");
    const struct vc_topology *t = load(ctx, "two-customers");
    const char *why = vc_oracle_why(ctx, o, NULL, 0, vc_topology_node(t, "dc1-srv-b"), vc_topology_node(t, "a-phone"));

    cr_expect(strstr(why, "it is 10.10.10.10 of b-phone that it gets to"), "%s", why);
}

#define LAN_OSPF(failed, number, ...)                                                                                  \
    {                                                                                                                  \
        "two-cpe-ospf", "tuned", failed, "phone", "dc" #number "-srv", __VA_ARGS__                                     \
    }

Test(oracle, an_enterprise_that_runs_ospf)
{
    CHECK(((const struct row[]){
        LAN_OSPF("", 1, "dc1", "dc1"),
        LAN_OSPF("", 2, "dc2", "dc2"),
        LAN_OSPF("drop/esp/inet-dc1", 1, MOVED1),
        LAN_OSPF("daemon/cpe1/bgpd", 1, MOVED1),
        LAN_OSPF("node/cpe1", 1, MOVED1),
        LAN_OSPF("node/cpe1", 2, "dc2", "dc2"),
        LAN_OSPF("link/lan1", 1, "dc1", "dc1"), /* over the link between the CPEs, both ways */
        LAN_OSPF("end/lan2/dist", 2, "dc2", "dc2"),
        LAN_OSPF("link/peer", 1, "dc1", "dc1"),
        LAN_OSPF("link/lan1 link/peer", 1, "dc2+wan", "none"), /* the default knows nothing of the LAN */
        LAN_OSPF("link/lan1 link/lan2", 1, GONE),
        LAN_OSPF("node/dist", 1, GONE),
        LAN_OSPF("daemon/access/bird", 1, "dc1", "none"),
        LAN_OSPF("daemon/cpe1/ospfd", 1, "dc1", "none"), /* by cpe2 and iBGP; cpe1 has lost the LAN */
        LAN_OSPF("daemon/cpe1/ospfd", 2, "dc2", "dc2"),
        LAN_OSPF("drop/bgp/peer", 1, "dc1", "dc1"),
        LAN_OSPF("link/lan2 drop/bgp/peer", 2, "dc1+wan", "dc2"), /* cpe1 uses no external route */
        LAN_OSPF("drop/bgp/peer drop/esp/inet-dc1", 1, MOVED1),   /* OSPF tells the LAN, iBGP the CPEs only */
        LAN_OSPF("daemon/cpe1/zebra", 1, "dc1", "dc1"),
        LAN_OSPF("daemon/cpe1/zebra drop/esp/inet-dc1", 1, "none", "wan+dc2"), /* its ospfd goes on saying it */
    }));
}

/* ---- topologies that nobody ships ---- */

static size_t element(const struct vc_oracle *oracle, const char *name)
{
    size_t failed[MOST_FAILED];

    cr_assert_eq(elements(oracle, name, failed), 1);
    return failed[0];
}

static const struct vc_oracle *oracle_of(void *ctx, const struct vc_topology *t)
{
    VC_AUTO_ERROR *err = NULL;
    const struct vc_oracle *oracle = vc_oracle_new(ctx, t, vc_topology_timers(t, "bfd"), &err);

    cr_assert(oracle, "%s", err ? err->message : "");
    return oracle;
}

static void rewire(struct vc_topology *t, const char *link, unsigned end, const char *node)
{
    t->links[vc_topology_link(t, link)].end[end].node = vc_topology_node(t, node);
}

Test(odd, what_is_not_the_internet_passes_no_ipsec)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_topology *t = load(ctx, "two-cpe");

    t->nodes[vc_topology_node(t, "isp")].kind = "router";
    const struct vc_oracle *o = oracle_of(ctx, t);
    const char *why = vc_oracle_why(ctx, o, NULL, 0, vc_topology_node(t, "phone"), vc_topology_node(t, "dc1-srv"));
    cr_expect(strstr(why, "tunnel dc1 is down (no way for IKE)"), "%s", why);
}

Test(odd, two_sites_of_one_as_do_not_hear_each_other)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_topology *t = load(ctx, "two-site");
    size_t from = vc_topology_node(t, "phone1"), to = vc_topology_node(t, "phone2");

    cr_expect(vc_oracle_ask(ctx, oracle_of(ctx, t), NULL, 0, from, to).reachable);
    t->nodes[vc_topology_node(t, "cpe2")].asn = t->nodes[vc_topology_node(t, "cpe1")].asn;
    t->nodes[vc_topology_node(t, "site2")].asn = t->nodes[vc_topology_node(t, "site1")].asn;
    cr_expect_not(vc_oracle_ask(ctx, oracle_of(ctx, t), NULL, 0, from, to).reachable);
}

/* Both tunnels end in DC1: both CPEs have its /25, and the distribution router is as near to either. */
Test(odd, of_two_ospf_routers_the_nearer_or_the_higher_id_is_taken)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_topology *t = load(ctx, "two-cpe-ospf");
    size_t from = vc_topology_node(t, "phone"), to = vc_topology_node(t, "dc1-srv");

    t->tunnels[1].dc = t->tunnels[0].dc;
    t->tunnels[1].ipsec_cisco = t->tunnels[0].ipsec_cisco;
    cr_expect(strstr(vc_oracle_why(ctx, oracle_of(ctx, t), NULL, 0, from, to), "dist takes 198.18.5.0/25 from cpe2"));
    t->tunnels[0].transport_cpe.s_addr = htonl(ntohl(t->tunnels[1].transport_cpe.s_addr) + 1);
    cr_expect(strstr(vc_oracle_why(ctx, oracle_of(ctx, t), NULL, 0, from, to), "dist takes 198.18.5.0/25 from cpe1"));
    rewire(t, "lan2", 1, "access"); /* now cpe2 is nearer to the phone's router */
    cr_expect(strstr(vc_oracle_why(ctx, oracle_of(ctx, t), NULL, 0, from, to), "access takes 198.18.5.0/25 from cpe2"));
}

/* branch1 has a link to branch2, which stands first, and one to the WAN. */
Test(odd, the_shorter_path_of_ases_is_taken)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_topology *t = load(ctx, "remote-sites");

    rewire(t, "cwan-branch1", 0, "branch2");
    rewire(t, "cwan-branch2", 1, "branch1");
    rewire(t, "cwan-branch3", 0, "branch1");
    const struct vc_oracle *o = oracle_of(ctx, t);
    const char *why = vc_oracle_why(ctx, o, NULL, 0, vc_topology_node(t, "phone1"), vc_topology_node(t, "dc1-srv"));
    cr_expect(strstr(why, "branch1 takes 198.18.5.0/25 from cwan"), "%s", why);
}

/* Both tunnels end in DC1; the phone's place is a NAT before CPE1. */
Test(odd, a_drop_of_esp_spares_the_tunnel_behind_a_nat)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_topology *t = load(ctx, "two-cpe");

    t->tunnels[1].dc = t->tunnels[0].dc;
    t->tunnels[1].ipsec_cisco = t->tunnels[0].ipsec_cisco;
    t->nodes[vc_topology_node(t, "phone")].kind = "nat";
    rewire(t, "inet-cpe1", 1, "phone");
    rewire(t, "site", 0, "isp");
    const struct vc_oracle *o = oracle_of(ctx, t);
    size_t esp = element(o, "drop/esp/inet-dc1");
    const char *why = vc_oracle_why(ctx, o, &esp, 1, vc_topology_node(t, "dc1-srv"), vc_topology_node(t, "dc2-srv"));
    cr_expect(strstr(why, "tunnel dc2 is down (no ESP on inet-dc1)"), "%s", why);
    cr_expect_null(strstr(why, "tunnel dc1 is down"), "%s", why);
}
