/* A wrong verdict is worse than none: what is on its way, what nobody knows, and what another cause brings about. Real
 * evidence, changed by hand. */
#include "made.h"

#define HEALTHY   "two-cpe-healthy-tuned.json"
#define AT_CPE    "nodes/cpe1/bgp/neighbors/100.64.0.1"
#define AT_ROUTER "nodes/dc1-router/bgp/neighbors/100.64.0.2"
#define NO_ANSWER                                                                                                      \
    {AT_CPE, "state", "\"Connect\""},                                                                                  \
    {                                                                                                                  \
        AT_ROUTER, "state", "\"Active\""                                                                               \
    }
#define NO_PING                                                                                                        \
    {"probes/1", "received", "0"},                                                                                     \
    {                                                                                                                  \
        "probes/2", "received", "0"                                                                                    \
    }

/* Nothing is named, the layer is said to be coming up, and nothing is called healthy. */
static void comes_up(const struct made *made, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        VC_AUTO_JSON *evidence = load(made[i].base);
        for (size_t p = 0; p < VC_COUNT(made[i].puts) && made[i].puts[p].path; p++)
            put(evidence, made[i].puts[p].path, made[i].puts[p].member, made[i].puts[p].value);
        VC_AUTO_JSON *diagnosis = vc_doctor_examine(evidence);
        VC_AUTO_TALLOC char *answer = answer_of(NULL, diagnosis);
        const json_t *tunnel = json_array_get(json_object_get(diagnosis, "tunnels"), 0);
        cr_expect_str_eq(answer, "", "%s: %s", made[i].what, answer);
        cr_expect_str_eq(text(json_object_get(tunnel, "layers"), made[i].wanted), "coming up", "%s", made[i].what);
        cr_expect_not(json_is_true(json_object_get(diagnosis, "healthy")), "%s", made[i].what);
    }
}

#define NO_SA                                                                                                          \
    {"nodes/cpe1/ike", "sas", "[]"}, {"nodes/dc1-headend/ike", "sas", "[]"},                                           \
    {                                                                                                                  \
        "before/cpe1", "sas", "[]"                                                                                     \
    }
#define CONNECTING "[{\"connection\": \"dc1\", \"state\": \"CONNECTING\", \"children\": []}]"

Test(verdicts, what_is_on_its_way_is_no_fault)
{
    static const struct made begun[] = {
        {"the IKE daemon of a CPE is being started",
         HEALTHY,
         {NO_SA, {"nodes/cpe1/daemons", "charon", "\"starting\""}},
         "ike"},
        {"the routing daemon is, and waits for another",
         HEALTHY,
         {NO_ANSWER, {"nodes/cpe1/daemons", "bgpd", "\"waiting\""}, {"nodes/cpe1/daemons", "zebra", "\"starting\""}},
         "bgp"},
        {"the first message is on its way", HEALTHY, {NO_SA, {"nodes/cpe1/ike", "sas", CONNECTING}}, "ike"},
        {"it got lost once",
         HEALTHY,
         {NO_SA,
          {"nodes/cpe1/ike", "sas", CONNECTING},
          {"nodes/cpe1/log", "charon", "[\"<dc1|2> retransmit 1 of request with message ID 0\"]"}},
         "ike"},
        {"a keepalive brought up the SA just now", HEALTHY, {{"before/cpe1", "sas", "[]"}}, "ike"},
        {"a session did, without keepalives",
         HEALTHY,
         {{"before/cpe1", "sas", "[]"}, {"nodes/cpe1/gre/dc1/keepalive", "every_s", "0"}},
         "ike"},
        {"keepalives come back to one end again",
         HEALTHY,
         {NO_PING,
          {"nodes/dc1-router/interfaces/gre-dc1", "carrier", "false"},
          {"nodes/cpe1/gre/dc1", "changed_s", "6"}},
         "gre"},
        {"another tunnel that is dead still draws traffic",
         HEALTHY,
         {{"probes/4", "received", "0"}, {"probes/6", "received", "0"}, {"nodes/cpe2/gre/dc2", "changed_s", "3"}},
         "paths"},
    };

    comes_up(begun, VC_COUNT(begun));
}

Test(verdicts, what_takes_too_long_is_one)
{
    static const struct made stuck[] = {
        {"a daemon that never serves",
         HEALTHY,
         {NO_SA, {"nodes/cpe1/daemons", "charon", "\"starting\""}, {"nodes/cpe1", "daemon_age_s", "{\"charon\": 60}"}},
         "ike-daemon-down@cpe1/dc1"},
        {"a first message that is repeated",
         HEALTHY,
         {NO_SA,
          {"nodes/cpe1/ike", "sas", CONNECTING},
          {"nodes/cpe1/log", "charon", "[\"<dc1|2> retransmit 4 of request with message ID 0\"]"}},
         "udp-500-blocked@/dc1"},
    };

    says(stuck, VC_COUNT(stuck));
}

/* On a bad wire a packet or two of a beginning get lost, and many of a long life, one now and then. */
Test(verdicts, a_message_that_was_repeated_is_no_silence)
{
#define CHARON(lines)                                                                                                  \
    {                                                                                                                  \
        "nodes/cpe1/log", "charon", "[" lines "]"                                                                      \
    }
#define PLUTO(lines)                                                                                                   \
    {                                                                                                                  \
        "nodes/cpe1/log", "pluto", "[" lines "]"                                                                       \
    }
#define AGAIN(n, id) "\"<dc1|2> retransmit " n " of request with message ID " id "\""
#define WAIT(n)      "\"\\\"dc1\\\" #3: IKE_SA_INIT_I: retransmission; will wait " n " seconds for response\""
#define LIBRESWAN    "two-cpe-libreswan-udp-500-blocked-tuned.json"
    static const struct made lines[] = {
        {"two of a beginning", HEALTHY, {NO_SA, CHARON(AGAIN("2", "0"))}, "unexplained@/dc1"},
        {"three of a beginning", HEALTHY, {NO_SA, CHARON(AGAIN("3", "0"))}, "udp-500-blocked@/dc1"},
        {"one that was given up, and one more",
         HEALTHY,
         {NO_SA, CHARON(AGAIN("18", "0") ", \"<dc1|2> giving up after 18 retransmits\", \"<dc1|3> initiating IKE_SA "
                                         "dc1[3]\", \"<dc1|3> retransmit 1 of request with message ID 0\"")},
         "udp-500-blocked@/dc1"},
        {"many of a long life",
         HEALTHY,
         {NO_SA, CHARON(AGAIN("1", "4") ", " AGAIN("2", "9") ", " AGAIN("1", "11") ", \"<dc1|3> initiating IKE_SA\"")},
         "unexplained@/dc1"},
        {"Libreswan's second", LIBRESWAN, {PLUTO(WAIT("1.2") ", " WAIT("2.5"))}, "unexplained@/dc1"},
        {"Libreswan's third",
         LIBRESWAN,
         {PLUTO(WAIT("1.2") ", " WAIT("2.5") ", " WAIT("5.0"))},
         "udp-500-blocked@/dc1"},
    };

    says(lines, VC_COUNT(lines));
}

Test(verdicts, an_own_firewall_is_where_it_is_to_be_mended)
{
    static const struct made rules[] = {
        {"UDP 500",
         "two-cpe-udp-500-blocked-tuned.json",
         {{"nodes/cpe1/firewall/0", "dport", "500"},
          {"nodes/cpe1/firewall/0", "iifname", "null"},
          {"nodes/cpe1/firewall/0", "oifname", "null"}},
         "udp-500-blocked@cpe1/dc1"},
        {"of somebody else's",
         HEALTHY,
         {{"nodes/cpe1/firewall/0", "dport", "500"}, {"nodes/cpe1/firewall/0", "saddr", "\"198.51.100.77\""}},
         ""},
        {"ESP", "two-cpe-esp-blocked-tuned.json", {{"nodes/cpe1/firewall/0", "l4proto", "50"}}, "esp-blocked@cpe1/dc1"},
    };

    says(rules, VC_COUNT(rules));
}

Test(verdicts, ends_that_agree_do_not_mismatch)
{
    static const struct made ends[] = {
        {"PFS at both",
         HEALTHY,
         {{"nodes/cpe1/ike/configured/dc1", "esp", "\"aes256gcm16-ecp384\""},
          {"nodes/dc1-headend/ike/configured/dc1", "esp", "\"aes256gcm16-ecp384\""}},
         ""},
    };

    says(ends, VC_COUNT(ends));
}

#define KEEPALIVE(sent, answered, returned, more)                                                                      \
    "{\"every_s\": 10, \"retries\": 3, \"sent\": " sent ", \"answered\": " answered ", \"returned\": " returned more "}"
#define SILENT KEEPALIVE("90", "80", "70", ", \"returned_age_s\": 41, \"answered_age_s\": 3")

/* Its first one comes back up to ten seconds before that of the other end is sent. */
Test(verdicts, an_end_whose_own_keepalives_have_only_come_back_owes_no_answer_yet)
{
    static const struct made ends[] = {
        {"it has just started",
         HEALTHY,
         {{"nodes/cpe1/gre/dc1", "keepalive", KEEPALIVE("1", "0", "1", ", \"returned_age_s\": 3")},
          {"nodes/dc1-router/gre/dc1", "keepalive", SILENT}},
         ""},
        {"the way is open again",
         HEALTHY,
         {{"nodes/cpe1/gre/dc1", "changed_s", "4"},
          {"nodes/cpe1/gre/dc1", "keepalive", KEEPALIVE("90", "0", "60", ", \"returned_age_s\": 4")},
          {"nodes/dc1-router/gre/dc1", "keepalive", SILENT}},
         ""},
        {"and has been for long",
         HEALTHY,
         {{"nodes/cpe1/gre/dc1", "changed_s", "40"},
          {"nodes/cpe1/gre/dc1", "keepalive", KEEPALIVE("90", "0", "60", ", \"returned_age_s\": 4")},
          {"nodes/dc1-router/gre/dc1", "keepalive", SILENT}},
         "keepalives-unanswered@cpe1/dc1?"},
    };

    says(ends, VC_COUNT(ends));
}

Test(verdicts, what_nobody_read_is_not_wrong)
{
    static const struct made unknown[] = {
        {"firewalls", HEALTHY, {{"nodes/cpe1", "firewall", "null"}, {"nodes/dc1-headend", "firewall", "null"}}, ""},
        {"the routing daemon of one end",
         HEALTHY,
         {{"nodes/cpe1/bgp", "neighbors", "{}"}, {AT_ROUTER, "state", "\"Active\""}},
         "unexplained@/dc1"},
        {"what a CPE refuses",
         HEALTHY,
         {{AT_CPE, "accepted", "[\"198.18.5.0/24\"]"}, {AT_CPE, "refused", "null"}},
         "prefix-missing@cpe1/dc1"},
        {"nor what it is told",
         HEALTHY,
         {{AT_CPE, "accepted", "[\"198.18.5.0/24\"]"}, {AT_CPE, "refused", "null"}, {AT_ROUTER, "told", "null"}},
         "prefix-missing@/dc1"},
        {"SAs of an IKE daemon that does not answer", HEALTHY, {{"nodes/cpe1/ike", "sas", "null"}}, "unexplained@/dc1"},
        {"the routes of a LAN's router", HEALTHY, {{"nodes/lan", "routes", "null"}}, ""},
        {"the interfaces of a CPE whose ping is answered",
         HEALTHY,
         {{"nodes/cpe1", "interfaces", "{}"}},
         "unexplained@/dc1"},
        {"the other end of a BFD session",
         "two-cpe-healthy-bfd.json",
         {NO_ANSWER, {"nodes/cpe1", "bfd", "{}"}, {"nodes/dc1-router", "bfd", "{\"100.64.0.2\": \"down\"}"}},
         "tcp-179-blocked@/dc1"},
        {"whom an end takes for its peer",
         HEALTHY,
         {{"nodes/dc1-headend/ike/configured/dc1", "remote", "\"%any\""}},
         ""},
        {"Cisco calls",
         HEALTHY,
         {{"nodes/cpe1/ike/configured/dc1", "start", "\"none\""},
          {"nodes/dc1-headend/ike/configured/dc1", "start", "\"trap\""}},
         ""},
    };

    says(unknown, VC_COUNT(unknown));
}

/* What goes by symptoms rests on a configuration that is as ordered. */
Test(verdicts, what_may_be_the_cause_has_to_be_known)
{
    static const struct made unknown[] = {
        {"how BGP is configured",
         "two-cpe-bgp-password-cpe1-tuned.json",
         {{"nodes/cpe1/bgp", "configured", "{}"}},
         "unexplained@/dc1"},
        {"whether BFD is up", "two-cpe-bfd-blocked-bfd.json", {{"nodes/cpe1", "bfd", "null"}}, "unexplained@/dc1"},
        {"how IKE is configured",
         "one-cpe-ipsec-peer-cpe1-tuned.json",
         {{"nodes/cpe1/ike", "configured", "{}"}},
         "unexplained@/dc1"},
        {"whether Cisco's IKE daemon runs",
         "two-cpe-headend-charon-killed-tuned.json",
         {{"nodes/dc1-headend", "daemons", "{}"}},
         "unexplained@/dc1"},
        {"what takes a tunnel down",
         "one-cpe-esp-blocked-tuned.json",
         {{"nodes/cpe1", "gre", "{}"}},
         "esp-blocked@/dc1"},
        {"whether keepalives come back",
         "one-cpe-keepalives-cpe1-tuned.json",
         {{"nodes/cpe1", "gre", "{}"}},
         "unexplained@/dc1"},
        {"where GRE looks for its way",
         "two-cpe-gre-wrong-vrf-tuned.json",
         {{"nodes/cpe1", "routes", "null"}},
         "unexplained@/dc1"},
    };

    says(unknown, VC_COUNT(unknown));
}

#define FULL                                                                                                           \
    {"before/cpe1", "queues", "{\"gre-dc1\": {\"packets\": 1000, \"drops\": 0, \"backlog\": 9}}"},                     \
    {                                                                                                                  \
        "nodes/cpe1/queues", "gre-dc1", "{\"packets\": 9000, \"drops\": 900, \"backlog\": 90}"                         \
    }

Test(verdicts, a_full_queue_loses_more_than_load)
{
    static const struct made full[] = {
        {"a session", HEALTHY, {FULL, NO_ANSWER}, "tunnel-saturated@cpe1/dc1"},
        {"a large ping", HEALTHY, {FULL, {"probes/2", "received", "0"}}, "tunnel-saturated@cpe1/dc1"},
        {"a host's", HEALTHY, {FULL, {"probes/6", "received", "0"}}, "tunnel-saturated@cpe1/dc1"},
        {"nothing arrives at all",
         "two-cpe-tier-cut-keepalive.json",
         {FULL,
          {"before/dc1-router/interfaces/gre-dc1", "packets_in", "5"},
          {"nodes/dc1-router/interfaces/gre-dc1", "packets_in", "5"}},
         "tier-cut@/dc1 tunnel-saturated@cpe1/dc1"},
    };

    says(full, VC_COUNT(full));
}

#define OFF                                                                                                            \
    {"nodes/cpe2", "on", "false"}, {"probes/4", "received", "0"}, {"probes/3", "received", "0"},                       \
    {                                                                                                                  \
        "nodes/cpe1/bgp/neighbors/10.10.0.10", "state", "\"Active\""                                                   \
    }

Test(verdicts, a_device_that_is_off_is_the_only_cause)
{
    static const struct made off[] = {
        {"the other CPE", HEALTHY, {OFF}, "node-off@cpe2/dc2"},
        {"the NAT before a CPE",
         "natted-healthy-tuned.json",
         {{"nodes/nat1", "on", "false"},
          {"probes/0", "received", "0"},
          {"probes/1", "received", "0"},
          {"probes/3", "received", "0"},
          {"probes/4", "received", "0"},
          {"nodes/nat1", "interfaces", "{}"},
          {"nodes/cpe1/interfaces/nat-cpe1", "carrier", "false"}},
         "node-off@nat1/dc1 node-off@nat1/dc2"},
    };

    says(off, VC_COUNT(off));
}

/* What a LAN's router does not know may be for want of a way to it. */
Test(verdicts, nothing_is_untold_where_nobody_can_be_told)
{
    static const struct made lans[] = {
        {"the link is down",
         "two-cpe-no-redistribution-tuned.json",
         {{"nodes/cpe1/interfaces/lan1", "carrier", "false"}},
         "redistribution-missing@cpe2/dc2 service-unreachable@/dc1"},
        {"the session is",
         "two-cpe-no-redistribution-tuned.json",
         {{"nodes/cpe1/bgp/neighbors/10.10.0.2", "state", "\"Active\""}},
         "redistribution-missing@cpe2/dc2 lan-session-down@cpe1/dc1"},
        {"OSPF begins",
         "two-cpe-ospf-healthy-tuned.json",
         {{"nodes/dist", "routes", "[]"}, {"nodes/dist", "daemon_age_s", "{\"bird\": 9}"}},
         ""},
        {"OSPF has had its time",
         "two-cpe-ospf-healthy-tuned.json",
         {{"nodes/dist", "routes", "[]"}, {"nodes/dist", "daemon_age_s", "{\"bird\": 90}"}},
         "redistribution-missing@cpe1/dc1? redistribution-missing@cpe2/dc2?"},
    };

    says(lans, VC_COUNT(lans));
}

#define CHILD_OF(tunnel, late)                                                                                         \
    "{\"connection\": \"" tunnel "\", \"state\": \"ESTABLISHED\", \"established_s\": 90, \"children\": [{\"state\": "  \
    "\"INSTALLED\", \"packets_in\": 900, \"packets_out\": 900, \"late\": " late "}]}"
#define SAS(dc1, dc2) "[" CHILD_OF("dc1", dc1) ", " CHILD_OF("dc2", dc2) "]"
#define SEQ_ERROR(n)  "{\"XfrmInStateSeqError\": " n "}"

/* One CPE has both tunnels, and its kernel one counter. */
Test(verdicts, packets_that_overtake_each_other_are_of_one_tunnel)
{
    static const struct made lates[] = {
        {"each SA counts",
         "one-cpe-healthy-tuned.json",
         {{"before/cpe1", "sas", SAS("3", "3")},
          {"nodes/cpe1/ike", "sas", SAS("3", "40")},
          {"before/cpe1", "counters", SEQ_ERROR("6")},
          {"nodes/cpe1", "counters", SEQ_ERROR("43")}},
         "replay-window@cpe1/dc2?"},
        {"duplicates",
         "one-cpe-healthy-tuned.json",
         {{"before/cpe1", "sas", SAS("3", "3")},
          {"nodes/cpe1/ike", "sas", SAS("3", "3")},
          {"before/cpe1", "counters", SEQ_ERROR("6")},
          {"nodes/cpe1", "counters", SEQ_ERROR("43")}},
         ""},
        {"only the node counts",
         "one-cpe-healthy-tuned.json",
         {{"before/cpe1", "counters", SEQ_ERROR("6")}, {"nodes/cpe1", "counters", SEQ_ERROR("43")}},
         ""},
    };

    says(lates, VC_COUNT(lates));
}

Test(verdicts, what_is_unexplained_is_of_the_layer_that_fails)
{
    VC_AUTO_JSON *evidence = load(HEALTHY);

    put(evidence, AT_CPE, "state", "\"OpenSent\"");
    put(evidence, AT_ROUTER, "state", "\"Idle\"");
    VC_AUTO_JSON *diagnosis = vc_doctor_examine(evidence);
    const json_t *cause = json_array_get(json_object_get(diagnosis, "causes"), 0);
    cr_expect_str_eq(text(cause, "cause"), "unexplained");
    cr_expect_str_eq(text(cause, "layer"), "bgp");
    cr_expect_str_eq(text(cause, "section"), "BGP Sessions");
}
