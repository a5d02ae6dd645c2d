/* What one finding may hide of another, what has only begun, and what is over: real evidence, changed by hand. */
#include "made.h"

#define HEALTHY  "two-cpe-healthy-tuned.json"
#define NO_GUARD "nodes/cpe1/firewall/4", "chain", "\"none\""

Test(findings, what_is_latent_hides_nothing)
{
    static const struct made pairs[] = {
        {"no guard, tiers cut",
         "two-cpe-tier-cut-keepalive.json",
         {{NO_GUARD}},
         "tier-cut@/dc1 gre-in-clear@cpe1/dc1?"},
        {"no guard, nothing triggers",
         HEALTHY,
         {{NO_GUARD},
          {"nodes/cpe1/ike", "sas", "[]"},
          {"nodes/dc1-headend/ike", "sas", "[]"},
          {"nodes/cpe1/log", "charon", "[]"}},
         "no-traffic-triggers@cpe1/dc1 gre-in-clear@cpe1/dc1"},
        {"PFS, ESP blocked",
         "two-cpe-esp-blocked-tuned.json",
         {{"nodes/cpe1/ike/configured/dc1", "esp", "\"aes256gcm16-ecp384\""}},
         "esp-blocked@/dc1 pfs-mismatch@cpe1/dc1?"},
        {"pre-shared key, UDP 500 blocked",
         "two-cpe-udp-500-blocked-tuned.json",
         {{"nodes/cpe1/ike/configured/dc1", "psk", "\"another\""}},
         "udp-500-blocked@/dc1 ike-psk@cpe1/dc1"},
        {"the same with Libreswan",
         "two-cpe-libreswan-udp-500-blocked-tuned.json",
         {{"nodes/cpe1/ike/configured/dc1", "psk", "\"another\""}},
         "udp-500-blocked@/dc1 ike-psk@cpe1/dc1"},
        {"a wrong peer is why nobody answers",
         "two-cpe-udp-500-blocked-tuned.json",
         {{"nodes/cpe1/ike/configured/dc1", "remote", "\"203.0.113.9\""}},
         "ipsec-peer-address@cpe1/dc1"},
        {"Cisco's GRE device is off",
         "two-cpe-tier-cut-keepalive.json",
         {{"nodes/dc1-router", "on", "false"}},
         "node-off@dc1-router/dc1"},
        {"Cisco's GRE device is off, the way to the other one is cut",
         "two-cpe-unreachable-tuned.json",
         {{"nodes/dc1-router", "on", "false"}},
         "node-off@dc1-router/dc1 peer-unreachable@/dc1"},
    };

    says(pairs, VC_COUNT(pairs));
}

Test(findings, what_one_tunnel_has_hides_nothing_of_another)
{
    static const struct made labs[] = {
        {"a key here, nothing known there",
         "two-cpe-psk-cpe1-tuned.json",
         {{"nodes/cpe2/bgp/neighbors/100.64.0.5", "state", "\"OpenSent\""}},
         "ike-psk@cpe1/dc1 unexplained@/dc2"},
        {"a latent one here, a dead server there",
         HEALTHY,
         {{"nodes/cpe2/firewall/5", "mss", "9000"},
          {"nodes/cpe2/firewall/6", "mss", "9000"},
          {"probes/6", "received", "0"}},
         "service-unreachable@/dc1 mss-not-clamped@cpe2/dc2?"},
    };

    says(labs, VC_COUNT(labs));
}

/* ---- the session ---- */

#define AT_CPE    "nodes/cpe1/bgp/neighbors/100.64.0.1"
#define AT_ROUTER "nodes/dc1-router/bgp/neighbors/100.64.0.2"
#define NO_ANSWER                                                                                                      \
    {AT_CPE, "state", "\"Connect\""},                                                                                  \
    {                                                                                                                  \
        AT_ROUTER, "state", "\"Active\""                                                                               \
    }

Test(findings, a_session_is_shut_refused_or_blocked)
{
    static const struct made sessions[] = {
        {"shut, as configured",
         HEALTHY,
         {NO_ANSWER, {"nodes/cpe1/bgp/configured/dc1", "shut", "true"}},
         "bgp-shutdown@cpe1/dc1"},
        {"shut, as the daemon says", HEALTHY, {NO_ANSWER, {AT_ROUTER, "shut", "true"}}, "bgp-shutdown@dc1-router/dc1"},
        {"no connection", HEALTHY, {NO_ANSWER}, "tcp-179-blocked@/dc1"},
        {"a connection, and no more", HEALTHY, {NO_ANSWER, {AT_CPE, "state", "\"OpenSent\""}}, "unexplained@/dc1"},
        {"signatures that fail",
         HEALTHY,
         {NO_ANSWER,
          {"before/dc1-router", "counters", "{\"TCPMD5Failure\": 7}"},
          {"nodes/dc1-router", "counters", "{\"TCPMD5Failure\": 8}"}},
         "bgp-password@/dc1"},
        {"signatures that are not there",
         HEALTHY,
         {NO_ANSWER,
          {"before/dc1-router", "counters", "{}"},
          {"nodes/dc1-router", "counters", "{\"TCPMD5NotFound\": 1}"}},
         "bgp-password-missing@/dc1"},
        {"signatures that failed once",
         HEALTHY,
         {NO_ANSWER,
          {"before/dc1-router", "counters", "{\"TCPMD5Failure\": 7}"},
          {"nodes/dc1-router", "counters", "{\"TCPMD5Failure\": 7}"}},
         "tcp-179-blocked@/dc1"},
        {"an AS that is refused",
         HEALTHY,
         {NO_ANSWER, {AT_ROUTER, "last_notification", "\"OPEN Message Error/Bad Peer AS\""}},
         "bgp-remote-as@/dc1"},
        {"an AS that the daemon has and its file has not",
         HEALTHY,
         {NO_ANSWER, {AT_CPE, "remote_as", "64999"}, {"nodes/cpe1/bgp/configured/dc1", "remote_as", "null"}},
         "bgp-remote-as@cpe1/dc1"},
    };

    says(sessions, VC_COUNT(sessions));
}

/* Nothing is named, and nothing is called healthy. */
Test(findings, what_has_only_begun_is_no_fault)
{
    static const struct put begun[] = {
        {"nodes/cpe1", "daemon_age_s", "{\"bgpd\": 3}"},
        {"nodes/dc1-router", "daemon_age_s", "{\"bgpd\": 3}"},
        {AT_ROUTER, "reset_s", "2"},
        {"nodes/cpe1/ike/sas/0", "established_s", "4"},
        {"nodes/cpe1/gre/dc1", "changed_s", "5"},
    };
    static const struct put long_ago[] = {
        {"nodes/cpe1", "daemon_age_s", "{\"bgpd\": 300}"}, {AT_ROUTER, "reset_s", "200"}, {AT_CPE, "reset_s", "200"}};

    for (size_t i = 0; i < VC_COUNT(begun); i++) {
        VC_AUTO_JSON *evidence = load(HEALTHY);
        put(evidence, AT_CPE, "state", "\"Connect\"");
        put(evidence, AT_ROUTER, "state", "\"Active\"");
        for (size_t p = 0; p < VC_COUNT(long_ago); p++)
            put(evidence, long_ago[p].path, long_ago[p].member, long_ago[p].value);
        answers(evidence, "tcp-179-blocked@/dc1", "long ago");
        put(evidence, begun[i].path, begun[i].member, begun[i].value);
        VC_AUTO_JSON *diagnosis = vc_doctor_examine(evidence);
        VC_AUTO_TALLOC char *answer = answer_of(NULL, diagnosis);
        const json_t *dc1 = json_array_get(json_object_get(diagnosis, "tunnels"), 0);
        cr_expect_str_eq(answer, "", "%s: %s", begun[i].member, answer);
        cr_expect_str_eq(text(json_object_get(dc1, "layers"), "bgp"), "coming up", "%s", begun[i].member);
        cr_expect_str_eq(text(dc1, "first_failing"), "bgp");
        cr_expect_not(json_is_true(json_object_get(diagnosis, "healthy")));
    }
}

Test(findings, sessions_of_a_node_that_has_just_started_come_in_their_time)
{
    static const char ibgp[] = "nodes/cpe1/bgp/neighbors/10.10.0.10";
    VC_AUTO_JSON *evidence = load(HEALTHY);

    put(evidence, ibgp, "state", "\"Active\"");
    answers(evidence, "ibgp-down@/dc1", "down");
    put(evidence, "nodes/cpe1", "daemon_age_s", "{\"bgpd\": 3}");
    VC_AUTO_JSON *diagnosis = vc_doctor_examine(evidence);
    cr_expect_eq(json_array_size(json_object_get(diagnosis, "causes")), 0);
    cr_expect_not(json_is_true(json_object_get(diagnosis, "healthy")));
}

/* What one end has not configured is down at the other: one cause, which harms both tunnels. */
Test(findings, a_session_that_one_end_lacks_is_told_there)
{
    VC_AUTO_JSON *evidence = load(HEALTHY);

    put(evidence, "nodes/cpe2/bgp/neighbors/10.10.0.9", "state", "\"Active\"");
    answers(evidence, "ibgp-down@/dc2", "down");
    json_object_del(at(evidence, "nodes/cpe1/bgp/neighbors"), "10.10.0.10");
    answers(evidence, "ibgp-missing@cpe1/dc1 ibgp-missing@cpe1/dc2", "not there");
}

/* ---- counters ---- */

Test(findings, counters_tell_of_now)
{
    static const struct made counters[] = {
        {"replayed once",
         HEALTHY,
         {{"before/cpe1", "counters", "{\"XfrmInStateSeqError\": 500}"},
          {"nodes/cpe1", "counters", "{\"XfrmInStateSeqError\": 503}"}},
         ""},
        {"replayed now",
         HEALTHY,
         {{"before/cpe1", "counters", "{\"XfrmInStateSeqError\": 500}"},
          {"nodes/cpe1", "counters", "{\"XfrmInStateSeqError\": 540}"}},
         "replay-window@cpe1/dc1?"},
        {"overloaded once",
         HEALTHY,
         {{"before/cpe1", "queues", "{\"gre-dc1\": {\"packets\": 9000, \"drops\": 500, \"backlog\": 9}}"},
          {"nodes/cpe1/queues", "gre-dc1", "{\"packets\": 9900, \"drops\": 500, \"backlog\": 90}"}},
         ""},
        {"overloaded after many packets",
         HEALTHY,
         {{"before/cpe1", "queues", "{\"gre-dc1\": {\"packets\": 1000000000, \"drops\": 0, \"backlog\": 9}}"},
          {"nodes/cpe1/queues", "gre-dc1", "{\"packets\": 1000009000, \"drops\": 50, \"backlog\": 90}"}},
         "tunnel-saturated@cpe1/dc1"},
    };

    says(counters, VC_COUNT(counters));
}

/* ---- the tunnel ---- */

#define KEEPALIVE(sent, answered, returned, more)                                                                      \
    "{\"every_s\": 10, \"retries\": 3, \"sent\": " sent ", \"answered\": " answered ", \"returned\": " returned more "}"

Test(findings, keepalives_are_unanswered_where_only_one_end_gets_its_own_back)
{
    static const struct made ends[] = {
        {"the counters stand since the CPE began anew",
         HEALTHY,
         {{"nodes/cpe1/gre/dc1", "keepalive", KEEPALIVE("5", "0", "4", ", \"returned_age_s\": 3")},
          {"nodes/dc1-router/gre/dc1", "keepalive",
           KEEPALIVE("90", "80", "70", ", \"returned_age_s\": 41, \"answered_age_s\": 3")}},
         "keepalives-unanswered@cpe1/dc1?"},
        {"one or two got lost",
         HEALTHY,
         {{"nodes/cpe1/gre/dc1", "keepalive", KEEPALIVE("5", "0", "4", ", \"returned_age_s\": 3")},
          {"nodes/dc1-router/gre/dc1", "keepalive", KEEPALIVE("90", "80", "70", ", \"returned_age_s\": 22")}},
         ""},
        {"GRE is lost in both directions",
         HEALTHY,
         {{"nodes/cpe1/gre/dc1", "keepalive",
           KEEPALIVE("90", "70", "70", ", \"returned_age_s\": 41, \"answered_age_s\": 41")},
          {"nodes/dc1-router/gre/dc1", "keepalive", KEEPALIVE("90", "70", "70", ", \"returned_age_s\": 41")}},
         ""},
    };

    says(ends, VC_COUNT(ends));
}

#define DOWN                                                                                                           \
    {"nodes/cpe1/interfaces/gre-dc1", "up", "false"}, {"before/cpe1/interfaces/gre-dc1", "up", "false"},               \
        {"probes/1", "received", "0"},                                                                                 \
    {                                                                                                                  \
        "probes/2", "received", "0"                                                                                    \
    }

Test(findings, a_tunnel_is_shut_where_no_keepalives_took_it_down)
{
    static const struct made tunnels[] = {
        {"none was sent",
         HEALTHY,
         {DOWN, {"nodes/cpe1/gre/dc1", "keepalive", KEEPALIVE("0", "0", "0", "")}},
         "tunnel-shutdown@cpe1/dc1"},
        {"they come back", HEALTHY, {DOWN}, "tunnel-shutdown@cpe1/dc1"},
        {"nothing is sent, so there is no SA",
         HEALTHY,
         {DOWN,
          {"nodes/cpe1/ike", "sas", "[]"},
          {"nodes/dc1-headend/ike", "sas", "[]"},
          {"nodes/cpe1/log", "charon", "[]"}},
         "tunnel-shutdown@cpe1/dc1"},
        {"it is down for want of answers",
         HEALTHY,
         {DOWN,
          {"nodes/cpe1/gre/dc1", "up", "false"},
          {"nodes/cpe1/gre/dc1", "keepalive",
           KEEPALIVE("90", "70", "70", ", \"returned_age_s\": 41, \"answered_age_s\": 41")}},
         "tier-cut@/dc1"},
    };

    says(tunnels, VC_COUNT(tunnels));
}

/* A route to Cisco's transports as a whole is one to each. */
Test(findings, the_tunnels_destination_is_looked_up_as_routers_do)
{
    static const char *const prefixes[] = {"192.0.2.0/24", "192.0.2.0/31", "0.0.0.0/0"};

    for (size_t i = 0; i <= VC_COUNT(prefixes); i++) {
        VC_AUTO_JSON *evidence = load(HEALTHY);
        json_t *routes = at(evidence, "nodes/cpe1/routes");
        for (size_t r = json_array_size(routes); r-- > 0;)
            if (!strcmp(text(json_array_get(routes, r), "prefix"), "192.0.2.1/32")) {
                if (i < VC_COUNT(prefixes))
                    json_object_set_new(json_array_get(routes, r), "prefix", json_string(prefixes[i]));
                else
                    json_array_remove(routes, r);
            }
        answers(evidence, i < VC_COUNT(prefixes) ? "" : "transport-vrf@cpe1/dc1?",
                i < VC_COUNT(prefixes) ? prefixes[i] : "none");
    }
}

/* In the user-space plane a route that drops keeps GRE from leaving in clear; the endpoint's way is charon's own. */
Test(findings, a_route_that_drops_is_a_guard)
{
    VC_AUTO_JSON *evidence = load(HEALTHY);
    json_t *routes = at(evidence, "nodes/cpe1/routes");

    for (size_t r = json_array_size(routes); r-- > 0;)
        if (!strcmp(text(json_array_get(routes, r), "prefix"), "192.0.2.1/32"))
            json_object_set_new(json_array_get(routes, r), "blackhole", json_true());
    answers(evidence, "", "a guard");
}

Test(findings, a_way_that_is_gone_with_its_interface_is_in_no_other_table)
{
    VC_AUTO_JSON *evidence = load(HEALTHY);

    put(evidence, "nodes/cpe1", "routes", "[]");
    put(evidence, "nodes/cpe1/interfaces/inet-cpe1", "up", "false");
    answers(evidence, "wan-link-down@cpe1/dc1?", "its own port is shut");
}

Test(findings, a_node_without_a_route_is_where_it_is_to_be_mended)
{
    VC_AUTO_JSON *evidence = load("two-cpe-unreachable-tuned.json");
    json_t *routes = at(evidence, "nodes/cpe1/routes");

    answers(evidence, "peer-unreachable@/dc1", "the way between");
    for (size_t r = json_array_size(routes); r-- > 0;)
        if (!strcmp(text(json_array_get(routes, r), "prefix"), "203.0.113.1/32"))
            json_array_remove(routes, r);
    answers(evidence, "peer-unreachable@cpe1/dc1", "no route");
}

/* ---- logs ---- */

static bool quotes(const json_t *evidence, const char *line)
{
    VC_AUTO_JSON *diagnosis = vc_doctor_examine(evidence);
    const json_t *cause = json_array_get(json_object_get(diagnosis, "causes"), 0);
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(cause, "evidence"), i, item)
    {
        if (strstr(json_string_value(item), line))
            return true;
    }

    return false;
}

Test(findings, a_log_is_quoted_for_its_tunnel_and_its_time)
{
    static const struct {
        const char *lines;
        bool quoted;
    } logs[] = {
        {"[\"<dc1|2> received AUTHENTICATION_FAILED notify error\"]", true},
        {"[\"<dc2|2> received AUTHENTICATION_FAILED notify error\"]", false},
        {"[\"<dc1|1> received AUTHENTICATION_FAILED notify error\", \"<dc1|2> IKE_SA dc1[2] established between\"]",
         false},
        {"[\"<dc1|1> received AUTHENTICATION_FAILED notify error\", \"00[DMN] Starting IKE charon daemon\"]", false},
        {"[\"<dc1|1> IKE_SA dc1[1] established\", \"<dc1|2> received AUTHENTICATION_FAILED notify error\"]", true},
    };

    for (size_t i = 0; i < VC_COUNT(logs); i++) {
        VC_AUTO_JSON *evidence = load("two-cpe-psk-cpe1-tuned.json");
        put(evidence, "nodes/cpe1/log", "charon", logs[i].lines);
        cr_expect_eq(quotes(evidence, "AUTHENTICATION_FAILED"), logs[i].quoted, "%s", logs[i].lines);
    }
}

/* A headend does not know at first who calls: the line that has the address tells. */
Test(findings, a_headends_log_is_quoted_for_who_called)
{
    VC_AUTO_JSON *evidence = load("two-cpe-ike-group-cpe1-tuned.json");

    cr_assert(quotes(evidence, "charon of dc1-headend"));
    put(evidence, "nodes/dc1-headend/log", "charon",
        "[\"<5> 198.51.100.77 is initiating an IKE_SA\", \"<5> received proposals unacceptable\"]");
    cr_expect_not(quotes(evidence, "charon of dc1-headend"));
    put(evidence, "nodes/dc1-headend/log", "charon",
        "[\"<5> 198.51.100.10 is initiating an IKE_SA\", \"<5> received proposals unacceptable\"]");
    cr_expect(quotes(evidence, "charon of dc1-headend"));
}

/* Libreswan tells no IKE SAs; the headend's log has them. */
Test(findings, sas_that_bounce_are_found_with_a_cpe_of_another_make)
{
#define SA(time) "\"2024-01-01 00:0" time ".123 10[IKE] <dc1|1> IKE_SA dc1[1] established between\""
    VC_AUTO_JSON *evidence = load("two-cpe-libreswan-healthy-tuned.json");

    put(evidence, "nodes/dc1-headend/log", "charon",
        "[" SA("0:10") ", " SA("1:10") ", " SA("2:10") ", " SA("3:10") "]");
    put(evidence, "nodes/dc1-headend/ike/sas/0", "established_s", "8");
    answers(evidence, "sa-bouncing@/dc1?", "four, and a young one");
    put(evidence, "nodes/cpe1", "daemon_age_s", "{\"pluto\": 190}");
    answers(evidence, "sa-bouncing@/dc1?", "all of one life of the CPE's daemon");
    put(evidence, "nodes/cpe1", "daemon_age_s", "{\"pluto\": 180}");
    answers(evidence, "", "the CPE's daemon began anew after the first");
    put(evidence, "nodes/cpe1", "daemon_age_s", "{\"pluto\": 190}");
    put(evidence, "nodes/cpe1/ike/configured/dc1", "esp", "\"aes128gcm16\"");
    put(evidence, "nodes/dc1-headend/ike/sas/0", "children", "[]");
    answers(evidence, "esp-proposal@cpe1/dc1", "a second phase that is refused each time");
}

/* On a bad wire a message is repeated now and then; the answer makes no line. */
Test(findings, a_silence_that_has_ended_is_none)
{
    static const struct put ended[] = {
        {"nodes/cpe1/log", "charon", "[\"<dc1|1> retransmit 3 of request with message ID 298\"]"},
        {"nodes/cpe1/ike/sas/0", "asks", "[\"IKE_DPD\"]"},
    };
    VC_AUTO_JSON *evidence = load(HEALTHY);

    put(evidence, ended[0].path, ended[0].member, ended[0].value);
    answers(evidence, "", "it was answered");
    put(evidence, ended[1].path, ended[1].member, ended[1].value);
    answers(evidence, "udp-500-blocked@/dc1?", "it still waits for the answer");
}

Test(findings, whatever_is_latent_says_when_it_bites)
{
    static const struct put latent[] = {
        {NO_GUARD},
        {"nodes/cpe1/ike/configured/dc1", "replay_window", "32"},
        {"nodes/cpe1/ike/configured/dc1", "psk", "\"another\""},
        {"nodes/cpe1/bgp/configured/dc1", "inbound_policy", "false"},
        {"nodes/cpe1/gre/dc1", "mtu", "1476"},
        {"nodes/cpe1/ike/configured/dc1", "esp", "\"aes128gcm16\""},
    };

    for (size_t i = 0; i < VC_COUNT(latent); i++) {
        VC_AUTO_JSON *evidence = load(HEALTHY);
        put(evidence, latent[i].path, latent[i].member, latent[i].value);
        cr_expect(quotes(evidence, "this bites when "), "%s", latent[i].member);
    }
}

/* A bundle is a stranger's: arithmetic with its numbers stays in range (the sanitizers look). */
Test(findings, numbers_that_no_lab_counts_harm_nobody)
{
#define MOST "9223372036854775807"
    static const struct put puts[] = {
        {"nodes/cpe1/gre/dc1/keepalive", "every_s", MOST},
        {"nodes/cpe1/gre/dc1/keepalive", "returned", MOST},
        {"nodes/dc1-router/gre/dc1/keepalive", "every_s", MOST},
        {"nodes/dc1-router/gre/dc1/keepalive", "retries", MOST},
        {"nodes/cpe1/ike/sas/0/children/0", "packets_in", MOST},
        {"nodes/cpe1", "queues", "{\"gre-dc1\": {\"drops\": " MOST ", \"packets\": 0, \"backlog\": 1}}"},
        {"before/cpe1", "queues", "{\"gre-dc1\": {\"drops\": -" MOST ", \"packets\": 0}}"},
    };
    VC_AUTO_JSON *evidence = load(HEALTHY);

    for (size_t i = 0; i < VC_COUNT(puts); i++)
        put(evidence, puts[i].path, puts[i].member, puts[i].value);
    VC_AUTO_JSON *diagnosis = vc_doctor_examine(evidence);
    cr_expect(json_is_array(json_object_get(diagnosis, "causes")));
#undef MOST
}
