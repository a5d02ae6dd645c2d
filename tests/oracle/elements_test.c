/* Enumeration, sentences and times. */
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

static struct vc_oracle *new_oracle(void *ctx, const struct vc_topology *t, const char *timers)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_oracle *oracle = vc_oracle_new(ctx, t, vc_topology_timers(t, timers), &err);

    cr_assert(oracle, "%s", err ? err->message : "");
    return oracle;
}

/* Criterion shares its parameters between processes: arrays, not pointers. */
ParameterizedTestParameters(elements, each_is_a_fault_that_can_be_put_in)
{
    static char names[][16] = {"one-cpe", "two-cpe",      "two-site",    "remote-sites",
                               "natted",  "two-cpe-ospf", "two-regions", "two-customers"};

    return cr_make_param_array(char[16], names, VC_COUNT(names));
}

ParameterizedTest(char (*name)[16], elements, each_is_a_fault_that_can_be_put_in)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_topology *t = load(ctx, *name);
    const struct vc_oracle *oracle = new_oracle(ctx, t, "bfd");

    cr_assert_gt(vc_oracle_count(oracle), 40);
    for (size_t i = 0; i < vc_oracle_count(oracle); i++) {
        const struct vc_element *element = vc_oracle_element(oracle, i);
        VC_AUTO_ERROR *err = NULL;
        VC_AUTO_JSON *spec = json_deep_copy(element->fault);

        cr_expect_eq(vc_fault_spec_check(t, spec, (struct vc_mark){0}, &err), 0, "%s: %s", element->name,
                     err ? err->message : "");
        cr_expect_eq(vc_oracle_find(oracle, element->name), i, "two elements are called %s", element->name);
    }
}

static bool has(const struct vc_oracle *oracle, const char *name)
{
    return vc_oracle_find(oracle, name) != VC_NONE;
}

Test(elements, those_that_a_person_would_name)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_oracle *oracle = new_oracle(ctx, load(ctx, "two-cpe"), "bfd");
    static const char *const names[] = {
        "node/cpe1",        "node/isp",           "node/lan",           "daemon/cpe1/charon", "daemon/cpe1/zebra",
        "daemon/cpe1/bgpd", "daemon/cpe1/bfdd",   "daemon/lan/bird",    "link/inet-dc1",      "link/site",
        "end/inet-dc1/isp", "end/wan/dc1-router", "drop/esp/inet-cpe2", "drop/ike/inet-dc2",  "drop/gre/core-dc1",
        "drop/bgp/wan",     "drop/bgp/peer",      "drop/bgp/dc1",       "drop/bfd/dc2",
    };
    static const char *const others[] = {
        "node/phone",        "daemon/phone/bird", "daemon/dc1-headend/bgpd",
        "drop/esp/core-dc1", "drop/bgp/site",     "drop/gre/dc1",
    };

    for (size_t i = 0; i < VC_COUNT(names); i++)
        cr_expect(has(oracle, names[i]), "no %s", names[i]);
    for (size_t i = 0; i < VC_COUNT(others); i++)
        cr_expect_not(has(oracle, others[i]), "%s", others[i]);
}

Test(elements, without_bfd_there_is_nothing_of_it)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_oracle *oracle = new_oracle(ctx, load(ctx, "two-cpe"), "tuned");

    for (size_t i = 0; i < vc_oracle_count(oracle); i++)
        cr_expect_null(strstr(vc_oracle_element(oracle, i)->name, "bfd"));
}

Test(elements, behind_a_nat_there_is_no_esp_to_drop)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_oracle *oracle = new_oracle(ctx, load(ctx, "natted"), "bfd");

    cr_expect(has(oracle, "drop/ike/nat-cpe1"));
    cr_expect(has(oracle, "drop/ike/inet-dc1"));
    cr_expect_not(has(oracle, "drop/esp/inet-dc1"));
}

Test(elements, a_link_with_the_name_of_a_tunnel_is_told_from_it)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_topology *t = load(ctx, "two-cpe");

    t->links[vc_topology_link(t, "peer")].name = "dc1";
    const struct vc_oracle *oracle = new_oracle(ctx, t, "bfd");
    const struct vc_element *link = vc_oracle_element(oracle, vc_oracle_find(oracle, "drop/bgp/dc1"));
    const struct vc_element *tunnel = vc_oracle_element(oracle, vc_oracle_find(oracle, "drop/bgp/gre-dc1"));
    cr_expect(json_object_get(link->fault, "link"));
    cr_expect(json_object_get(tunnel->fault, "tunnel"));
}

Test(elements, the_same_topology_gives_the_same_list)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_oracle *a = new_oracle(ctx, load(ctx, "two-cpe"), "bfd");
    const struct vc_oracle *b = new_oracle(ctx, load(ctx, "two-cpe"), "bfd");

    cr_assert_eq(vc_oracle_count(a), vc_oracle_count(b));
    for (size_t i = 0; i < vc_oracle_count(a); i++) {
        cr_expect_str_eq(vc_oracle_element(a, i)->name, vc_oracle_element(b, i)->name);
        cr_expect(json_equal(vc_oracle_element(a, i)->fault, vc_oracle_element(b, i)->fault));
    }
}

Test(elements, a_kind_without_a_model_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    struct vc_topology *t = load(ctx, "one-cpe");

    t->nodes[0].kind = "toaster";
    cr_assert_null(vc_oracle_new(ctx, t, vc_topology_timers(t, "bfd"), &err));
    cr_expect_eq(err->status, VC_EXIT_USAGE);
    cr_expect(strstr(err->message, t->nodes[0].name) && strstr(err->message, "\"toaster\""), "%s", err->message);
    cr_expect_null(strchr(err->message, '\n'));
}

static size_t node(const struct vc_topology *t, const char *name)
{
    return vc_topology_node(t, name);
}

Test(why, one_sentence_from_the_cause_to_the_end)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_topology *t = load(ctx, "two-cpe");
    const struct vc_oracle *o = new_oracle(ctx, t, "bfd");
    size_t esp = vc_oracle_find(o, "drop/esp/inet-dc1"), bgp = vc_oracle_find(o, "drop/bgp/lan1");
    size_t stale[] = {vc_oracle_find(o, "daemon/dc1-router/zebra"), vc_oracle_find(o, "drop/bgp/dc1")};
    size_t phone = node(t, "phone"), server = node(t, "dc1-srv");

    cr_expect_str_eq(vc_oracle_why(ctx, o, &esp, 1, phone, server),
                     "tunnel dc1 is down (no ESP on inet-dc1); lan takes 198.18.5.0/24 from cpe2; "
                     "cpe2 takes 198.18.5.0/24 from dc2-router; dc2-router takes 198.18.5.0/25 from dc1-router");
    cr_expect_str_eq(vc_oracle_why(ctx, o, &bgp, 1, server, phone),
                     "BGP on lan1 is down (no BGP on lan1); dc1-router takes 0.0.0.0/0 from cpe1; "
                     "cpe1 has no route to 10.10.10.10");
    cr_expect_str_eq(
        vc_oracle_why(ctx, o, stale, 2, server, phone),
        "BGP in tunnel dc1 is down (no BGP in tunnel dc1); dc1-router takes 0.0.0.0/0 from cpe1 (as it was "
        "when its routing daemon died); cpe1 takes 10.10.10.0/24 from lan");
    size_t loop[] = {vc_oracle_find(o, "daemon/cpe1/zebra"), vc_oracle_find(o, "drop/esp/inet-dc2")};
    const char *turned = vc_oracle_why(ctx, o, loop, 2, phone, node(t, "dc2-srv"));
    cr_expect(strstr(turned, "cpe2 would send it back to where it came from"), "%s", turned);
    cr_expect_str_eq(vc_oracle_why(ctx, o, NULL, 0, server, node(t, "dc2-srv")),
                     "everything is up; dc1-router takes 198.18.5.128/25 from dc2-router");
}

static int64_t settled(const struct vc_oracle *oracle, const char *name, bool healing)
{
    size_t element = vc_oracle_find(oracle, name);

    cr_assert_neq(element, VC_NONE, "no element %s", name);
    return vc_oracle_settled_ns(oracle, &element, 1, healing) / VC_NS_PER_S;
}

Test(settled, as_long_as_the_timers_that_a_failure_sets_off)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_topology *t = load(ctx, "two-cpe");
    const struct vc_oracle *bfd = new_oracle(ctx, t, "bfd"), *service = new_oracle(ctx, t, "service");

    cr_expect_eq(settled(bfd, "drop/esp/inet-dc1", false), 5);       /* BFD and the margin */
    cr_expect_eq(settled(service, "drop/esp/inet-dc1", false), 185); /* hold time */
    cr_expect_eq(settled(bfd, "drop/bgp/dc1", false), 35);
    cr_expect_eq(settled(bfd, "daemon/cpe1/charon", false), 35); /* DPD, BFD */
    cr_expect_eq(settled(service, "drop/ike/inet-dc1", false), 215);
    cr_expect_geq(settled(bfd, "daemon/cpe1/charon", true), 20);
    size_t pair[] = {vc_oracle_find(bfd, "drop/esp/inet-dc1"), vc_oracle_find(bfd, "daemon/cpe1/zebra")};
    cr_expect_eq(vc_oracle_settled_ns(bfd, pair, 2, false) / VC_NS_PER_S, 45); /* until keepalives shut the tunnel */
    cr_expect_eq(vc_oracle_settled_ns(bfd, NULL, 0, false) / VC_NS_PER_S, 5);
    pair[0] = vc_oracle_find(bfd, "drop/ike/inet-dc1");
    cr_expect_eq(vc_oracle_settled_ns(bfd, pair, 2, false) / VC_NS_PER_S, 75); /* DPD takes the SA first */
    pair[0] = vc_oracle_find(bfd, "drop/bgp/dc1");
    cr_expect_eq(vc_oracle_settled_ns(bfd, pair, 2, false) / VC_NS_PER_S, 35); /* no tunnel is shut */
    pair[0] = vc_oracle_find(bfd, "drop/esp/inet-dc1");
    pair[1] = vc_oracle_find(bfd, "daemon/cpe1/bgpd");
    cr_expect_eq(vc_oracle_settled_ns(bfd, pair, 2, false) / VC_NS_PER_S, 5); /* zebra takes its routes out */
}

Test(settled, what_has_run_already_is_not_waited_for_again)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_oracle *o = new_oracle(ctx, load(ctx, "two-cpe"), "tuned");
    struct vc_oracle_failure pair[] = {{vc_oracle_find(o, "drop/esp/inet-dc1"), 35 * VC_NS_PER_S},
                                       {vc_oracle_find(o, "daemon/cpe1/zebra"), 0}};

    cr_expect_eq(vc_oracle_left_ns(o, pair, 1), 10 * VC_NS_PER_S); /* the tunnel is shut 40 s after it died */
    cr_expect_eq(vc_oracle_left_ns(o, pair, 2), 10 * VC_NS_PER_S);
    pair[0].ago_ns = 0;
    pair[1].ago_ns = 35 * VC_NS_PER_S;
    cr_expect_eq(vc_oracle_left_ns(o, pair, 2), 45 * VC_NS_PER_S);
}

/* A tunnel healed after 37 s is up, and shut once more at 40. */
Test(settled, nothing_comes_back_just_before_its_tunnel_would_be_shut)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_topology *t = load(ctx, "two-cpe");
    const struct vc_oracle *tuned = new_oracle(ctx, t, "tuned"), *bfd = new_oracle(ctx, t, "bfd");

    cr_expect_eq(settled(tuned, "drop/esp/inet-dc1", false), 45);
    cr_expect_eq(settled(tuned, "end/core-dc1/dc1-router", false), 45);
    cr_expect_eq(settled(tuned, "node/cpe1", false), 45);
    cr_expect_eq(settled(tuned, "daemon/cpe1/charon", false), 75);
    cr_expect_eq(settled(tuned, "link/wan", false), 35); /* no tunnel runs over it */
    cr_expect_eq(settled(tuned, "drop/bgp/dc1", false), 35);
    cr_expect_eq(settled(bfd, "drop/esp/inet-dc1", false), 5); /* long before */
}

Test(settled, only_what_dies_leaves_something_behind)
{
    static const struct {
        const char *element;
        bool remembers;
    } rows[] = {{"daemon/cpe1/zebra", true}, {"daemon/cpe1/charon", true}, {"daemon/lan/bird", true},
                {"daemon/cpe1/bgpd", true},  {"node/cpe1", false},         {"link/lan1", false},
                {"end/lan1/cpe1", false},    {"drop/ike/inet-dc1", false}, {"drop/bgp/dc1", false}};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_oracle *o = new_oracle(ctx, load(ctx, "two-cpe"), "tuned");

    for (size_t i = 0; i < VC_COUNT(rows); i++)
        cr_expect_eq(vc_oracle_remembers(o, vc_oracle_find(o, rows[i].element)), rows[i].remembers, "%s",
                     rows[i].element);
}

/* Libreswan's negotiations take longer to be tried again, and it keeps SAs that the other end has no more. */
Test(settled, as_long_as_libreswan_takes)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_oracle *oracle = new_oracle(ctx, load(ctx, "two-cpe-libreswan"), "tuned");
    const struct vc_oracle *other = new_oracle(ctx, load(ctx, "two-cpe"), "tuned");
    size_t charon[] = {vc_oracle_find(oracle, "drop/esp/inet-dc1"),
                       vc_oracle_find(oracle, "daemon/dc1-headend/charon")};
    size_t same = vc_oracle_find(other, "daemon/dc1-headend/charon");

    cr_expect_eq(settled(oracle, "daemon/cpe1/pluto", false), settled(other, "daemon/cpe1/charon", false));
    cr_expect_eq(settled(oracle, "daemon/cpe1/pluto", true), settled(other, "daemon/cpe1/charon", true) + 10);
    cr_expect_eq(vc_oracle_unnoticed_ns(oracle, charon, 2) / VC_NS_PER_S, 35);
    cr_expect_eq(vc_oracle_unnoticed_ns(oracle, charon, 1), 0);
    cr_expect_eq(vc_oracle_unnoticed_ns(oracle, charon, 0), 0);
    cr_expect_eq(vc_oracle_unnoticed_ns(other, &same, 1), 0);
}

/* OSPF has its own hellos, and nothing but them tells that a daemon was killed. */
Test(settled, as_long_as_ospf_takes_to_give_up_a_neighbour)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_topology *t = load(ctx, "two-cpe-ospf");
    const struct vc_oracle *bfd = new_oracle(ctx, t, "bfd"), *tuned = new_oracle(ctx, t, "tuned");

    cr_expect_geq(settled(tuned, "daemon/cpe1/ospfd", false), 45); /* dead interval and the margin */
    cr_expect_geq(settled(tuned, "daemon/dist/bird", false), 45);
    cr_expect_eq(settled(tuned, "link/lan1", false), 45);
    cr_expect_eq(settled(bfd, "link/lan1", false), 35); /* 4 s, which is less than iBGP's hold time */
    cr_expect_eq(settled(tuned, "drop/bgp/peer", false), 45);
}

static bool reaches(const struct vc_oracle *o, const struct vc_oracle_step *steps, size_t count, size_t from, size_t to)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    return vc_oracle_ask_after(ctx, o, steps, count, from, to).reachable;
}

Test(history, what_was_lost_stays_lost_until_the_daemon_is_back)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_topology *t = load(ctx, "two-cpe");
    const struct vc_oracle *o = new_oracle(ctx, t, "bfd");
    size_t zebra = vc_oracle_find(o, "daemon/dc1-router/zebra"), esp = vc_oracle_find(o, "drop/esp/inet-dc1");
    size_t power = vc_oracle_find(o, "node/dc1-router"), server = node(t, "dc1-srv"), phone = node(t, "phone");
    struct vc_oracle_step steps[] = {{zebra, false}, {esp, false}, {esp, true}, {zebra, true}};
    struct vc_oracle_step cycle[] = {{zebra, false}, {esp, false}, {power, false}, {power, true}};

    cr_expect(reaches(o, steps, 1, server, phone));
    cr_expect_not(reaches(o, steps, 2, server, phone)); /* the kernel forgot the default with the tunnel's interface */
    cr_expect_not(reaches(o, steps, 3, server, phone)); /* nobody is there to put it back */
    cr_expect(reaches(o, steps, 4, server, phone));
    cr_expect_not(reaches(o, cycle, 3, server, phone));
    cr_expect(reaches(o, cycle, 4, server, phone)); /* power-on starts zebra, too */
}

Test(history, without_zebra_bgp_opens_no_session_it_knew_no_way_for)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_topology *t = load(ctx, "two-cpe");
    const struct vc_oracle *o = new_oracle(ctx, t, "tuned");
    size_t zebra = vc_oracle_find(o, "daemon/cpe1/zebra"), esp = vc_oracle_find(o, "drop/esp/inet-dc1");
    size_t server = node(t, "dc1-srv"), phone = node(t, "phone");
    struct vc_oracle_step known[] = {{esp, false}, {zebra, false}, {esp, true}, {zebra, true}};
    struct vc_oracle_step unknown[] = {{zebra, false}, {esp, false}, {esp, true}};

    cr_expect_str_eq(vc_oracle_ask_after(ctx, o, known, 1, server, phone).via[0], "wan");
    cr_expect_str_eq(vc_oracle_ask_after(ctx, o, known, 3, server, phone).via[0], "wan");
    cr_expect(strstr(vc_oracle_why_after(ctx, o, known, 3, server, phone), "bgpd at cpe1 knows no way"));
    cr_expect_str_eq(vc_oracle_ask_after(ctx, o, known, 4, server, phone).via[0], "dc1");
    /* zebra was dead before the tunnel: nobody told bgpd that its neighbour went */
    cr_expect_str_eq(vc_oracle_ask_after(ctx, o, unknown, 3, server, phone).via[0], "dc1");
}
