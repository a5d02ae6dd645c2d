/*
 * The rules on evidence that real labs gave: each file of evidence/ was captured in a sealed run and is named after
 * lab, fault and node; index.json says what the doctor must answer, all of it and nothing else. Healthy evidence is
 * then made sick by hand, a member at a time.
 */
#include "made.h"

Test(doctor, names_exactly_what_was_wrong_in_real_labs)
{
    VC_AUTO_JSON *index = load("index.json");
    const char *name;
    json_t *wanted;

    cr_assert_geq(json_object_size(index), 40);
    json_object_foreach(index, name, wanted)
    {
        VC_AUTO_TALLOC char *file = talloc_asprintf(NULL, "%s.json", name);
        VC_AUTO_JSON *evidence = load(file);
        answers(evidence, json_string_value(wanted), name);
    }
}

/* ---- by hand ---- */

static const struct change {
    const char *path, *member;
    const char *value; /* JSON */
    const char *wanted;
} changes[] = {
    {"nodes/cpe1/ike/configured/dc1", "ike", "\"aes128-sha256-modp2048\"", "ike-proposal@cpe1/dc1?"},
    {"nodes/dc1-headend/ike/configured/dc1", "psk", "\"another\"", "ike-psk@dc1-headend/dc1?"},
    {"nodes/cpe1/ike/configured/dc1", "remote", "\"203.0.113.9\"", "ipsec-peer-address@cpe1/dc1?"},
    {"nodes/cpe1/ike/configured/dc1", "esp", "\"aes256gcm16-ecp384\"", "pfs-mismatch@cpe1/dc1?"},
    {"nodes/cpe1/ike/configured/dc1", "local_ts", "\"10.200.0.0/24[gre]\"", "crypto-acl-network@cpe1/dc1?"},
    {"nodes/cpe1/ike/configured/dc1", "replay_window", "32", "replay-window@cpe1/dc1?"},
    {"nodes/cpe1/ike/configured/dc1", "replay_window", "0", ""}, /* anti-replay is off */
    {"nodes/cpe2/gre/dc2", "address", "\"100.64.0.6/29\"", "tunnel-address@cpe2/dc2?"},
    {"nodes/dc2-router/gre/dc2", "remote", "\"10.200.0.3\"", "gre-destination@dc2-router/dc2?"},
    {"nodes/cpe2/bgp/configured/dc2", "inbound_policy", "false", "no-inbound-policy@cpe2/dc2?"},
    {"nodes/cpe1/bgp/configured/dc1", "remote_as", "100", "bgp-remote-as@cpe1/dc1?"},
    {"nodes/cpe1/bgp/configured/dc1", "local_as", "70000", "bgp-local-as@cpe1/dc1?"},
    /* a probe of the dead peer detection that got lost */
    {"nodes/cpe1/log", "charon", "[\"<dc1|1> retransmit 2 of request with message ID 5\"]", ""},
    {"nodes/cpe1/log", "charon", "[\"<dc1|1> retransmit 9 of request\", \"<dc1|2> IKE_SA dc1[2] established\"]", ""},
    {"nodes/cpe1/bgp/neighbors/10.10.0.10", "state", "\"Active\"", "ibgp-down@/dc1"},
    {"nodes/cpe1/counters", "XfrmInStateSeqError", "500", ""}, /* of what is gone */
    {"nodes/cpe1/queues/gre-dc1", "backlog", "9", ""},         /* full, and nothing dropped: lawful */
    {"nodes/dc1-router/bgp/neighbors/100.64.0.2", "refused", "[\"10.10.10.0/24\"]", "prefix-leaked@cpe1/dc1?"},
    {"nodes/cpe1/bgp/neighbors/100.64.0.1", "accepted", "[\"198.18.5.0/24\"]", "prefix-missing@dc1-router/dc1"},
    {"nodes/dc1-headend", "on", "false", "node-off@dc1-headend/dc1?"},
    {"nodes/dc2-headend/daemons", "charon", "\"gone\"", "ike-daemon-down@dc2-headend/dc2?"},
    {"nodes/cpe2/daemons", "bgpd", "\"paused\"", "bgp-daemon-down@cpe2/dc2?"},
    {"nodes/isp/interfaces/inet-dc1", "up", "false", "wan-link-down@isp/dc1?"},
    {"nodes/cpe1/interfaces/lan1", "carrier", "false", ""}, /* the LAN is still there by the other CPE */
    {"probes/0", "received", "0", ""},                      /* a firewall that lets no ping pass (R27) */
    {"probes/2", "received", "0", "tunnel-mtu@/dc1"},
    {"nodes/cpe1/gre/dc1", "mtu", "1476", "tunnel-mtu@cpe1/dc1?"},
    {"probes/6", "received", "0", "service-unreachable@/dc1"},
    {"nodes/cpe1", "firewall",
     "[{\"chain\": \"clear\"}, {\"chain\": \"mss\", \"oifname\": \"gre-dc1\", \"mss\": 1350}]",
     "no-loop-guard@cpe1/dc1?"},
};

Test(doctor, finds_what_is_changed_in_healthy_evidence)
{
    for (size_t i = 0; i < VC_COUNT(changes); i++) {
        VC_AUTO_JSON *evidence = load("two-cpe-healthy-tuned.json");
        VC_AUTO_TALLOC char *what = talloc_asprintf(NULL, "%s/%s", changes[i].path, changes[i].member);

        json_object_set_new(at(evidence, changes[i].path), changes[i].member,
                            json_loads(changes[i].value, JSON_DECODE_ANY, NULL));
        answers(evidence, changes[i].wanted, what);
    }
}

/* Nothing is sent that could bring up the SA; with a try in the log it is something else that keeps it down. */
Test(doctor, tells_a_tunnel_that_nothing_triggers)
{
    static const char tried[] = "[\"<dc1|1> initiating IKE_SA dc1[1] to 203.0.113.1\"]";
    VC_AUTO_JSON *evidence = load("two-cpe-healthy-tuned.json");

    put(evidence, "nodes/cpe1/ike", "sas", "[]");
    put(evidence, "nodes/dc1-headend/ike", "sas", "[]");
    put(evidence, "nodes/cpe1/log", "charon", "[]");
    answers(evidence, "no-traffic-triggers@cpe1/dc1", "no SA and no try");
    put(evidence, "nodes/cpe1/log", "charon", tried);
    answers(evidence, "unexplained@/dc1", "no SA, and a try");
}

Test(doctor, tells_a_tunnel_that_only_its_own_ping_triggers)
{
    VC_AUTO_JSON *evidence = load("two-cpe-healthy-tuned.json");

    put(evidence, "before/cpe1", "sas", "[]");
    put(evidence, "nodes/cpe1/gre/dc1/keepalive", "every_s", "0");
    put(evidence, "nodes/cpe1/bgp/neighbors/100.64.0.1", "state", "\"Idle\"");
    answers(evidence, "no-traffic-triggers@cpe1/dc1", "no SA before the ping");
}

Test(doctor, tells_sas_that_come_and_go)
{
#define AT(time, text) "\"2024-01-01 00:" time ".123 10[IKE] " text "\""
#define SA(time)       AT(time, "<dc1|1> IKE_SA dc1[1] established between")
    static const char four[] = "[" SA("00:10") ", " SA("01:10") ", " SA("02:10") ", " SA("03:10") "]";
    static const char slow[] = "[" SA("00:10") ", " SA("11:10") ", " SA("12:10") ", " SA("13:10") "]";
    static const char anew[] = "[" SA("00:10") ", " AT("00:20", "Starting IKE charon daemon") ", " SA("01:10") ", " SA(
        "02:10") ", " SA("03:10") "]";
    VC_AUTO_JSON *evidence = load("two-cpe-healthy-tuned.json");

    put(evidence, "nodes/cpe1/log", "charon", four);
    put(evidence, "nodes/cpe1/ike/sas/0", "established_s", "8");
    answers(evidence, "sa-bouncing@/dc1?", "four, and a young one");
    put(evidence, "nodes/cpe1/ike/sas/0", "established_s", "80");
    answers(evidence, "", "four, and then one that stays");
    put(evidence, "nodes/cpe1/ike/sas/0", "established_s", "8");
    put(evidence, "nodes/cpe1/log", "charon", slow);
    answers(evidence, "", "four in a quarter of an hour");
    put(evidence, "nodes/cpe1/log", "charon", anew);
    answers(evidence, "", "a daemon that started anew");
}

/* By the longest prefix: a route into the tunnel that a better one goes before does no harm. */
Test(doctor, tells_a_tunnel_that_leads_into_itself)
{
    VC_AUTO_JSON *evidence = load("two-cpe-healthy-tuned.json");
    json_t *routes = at(evidence, "nodes/cpe1/routes");

    json_array_append_new(
        routes, json_pack("{s:s, s:s, s:s}", "prefix", "192.0.2.0/24", "ifname", "gre-dc1", "protocol", "bgp"));
    answers(evidence, "", "a host route goes before");
    for (size_t i = json_array_size(routes); i-- > 0;)
        if (!strcmp(text(json_array_get(routes, i), "prefix"), "192.0.2.1/32"))
            json_object_set_new(json_array_get(routes, i), "prefix", json_string("0.0.0.0/0"));
    answers(evidence, "recursive-routing@cpe1/dc1?", "only a default route beside it");
    json_array_append_new(
        routes, json_pack("{s:s, s:s, s:s}", "prefix", "203.0.113.0/24", "ifname", "gre-dc2", "protocol", "bgp"));
    for (size_t i = json_array_size(routes); i-- > 0;)
        if (!strcmp(text(json_array_get(routes, i), "prefix"), "203.0.113.1/32"))
            json_array_remove(routes, i);
    put(evidence, "probes/0", "received", "0");
    put(evidence, "probes/1", "received", "0");
    answers(evidence, "recursive-routing@cpe1/dc1", "the IPsec peer, by the other tunnel");
}

/* Libreswan's SAs as its kernel counts them: the tunnel is down, so nothing can be tried. */
Test(doctor, tells_esp_that_is_lost_with_libreswan_by_its_ages)
{
    static const char dead[] = "[{\"connection\": \"dc1\", \"state\": \"ESTABLISHED\", \"children\": [{\"name\": "
                               "\"dc1\", \"state\": \"INSTALLED\", \"packets_in\": 9, \"packets_out\": 30, "
                               "\"idle_in_s\": 50, \"idle_out_s\": 2}]}]";
    VC_AUTO_JSON *evidence = load("two-cpe-libreswan-healthy-tuned.json");

    put(evidence, "nodes/cpe1/ike", "sas", dead);
    put(evidence, "before/cpe1", "sas", dead);
    put(evidence, "nodes/cpe1/interfaces/gre-dc1", "carrier", "false");
    put(evidence, "probes/1", "received", "0");
    put(evidence, "probes/2", "received", "0");
    put(evidence, "nodes/dc1-headend/ike/sas/0/children/0", "packets_in", "0");
    put(evidence, "before/dc1-headend", "sas", "[]");
    answers(evidence, "esp-blocked@/dc1", "a sender that is young, a receiver that heard nothing");
}

Test(doctor, says_when_latent_faults_bite)
{
    VC_AUTO_JSON *evidence = load("two-cpe-pfs-cpe1-tuned.json");
    VC_AUTO_JSON *diagnosis = vc_doctor_examine(evidence);
    const json_t *cause = json_array_get(json_object_get(diagnosis, "causes"), 0);
    const char *line = json_string_value(json_array_get(json_object_get(cause, "evidence"), 1));

    cr_assert_str_eq(text(cause, "cause"), "pfs-mismatch");
    cr_expect(json_is_true(json_object_get(cause, "latent")));
    cr_expect(strstr(line, "this bites when the CHILD SA is rekeyed, in "), "%s", line);
}

Test(doctor, a_dead_lan_is_found_where_it_is_the_only_one)
{
    VC_AUTO_JSON *evidence = load("one-cpe-healthy-tuned.json");

    json_object_set_new(at(evidence, "nodes/cpe1/interfaces/lan1"), "carrier", json_false());
    answers(evidence, "default-without-lan@cpe1/dc1? default-without-lan@cpe1/dc2?", "the only LAN link");
}

Test(doctor, the_second_cause_is_named_once_the_first_is_repaired)
{
    VC_AUTO_JSON *evidence = load("two-cpe-pair-esp-and-remote-as-tuned.json");

    answers(evidence, "esp-proposal@cpe1/dc1 bgp-remote-as@cpe1/dc1", "both");
    json_object_set_new(at(evidence, "nodes/cpe1/ike/configured/dc1"), "esp", json_string("aes256gcm16"));
    VC_AUTO_JSON *diagnosis = vc_doctor_examine(evidence);
    bool others;
    cr_expect(vc_doctor_names(diagnosis, "bgp-remote-as", "cpe1", "dc1", NULL, &others));
    cr_expect_not(vc_doctor_names(diagnosis, "esp-proposal", "", "", NULL, &others));
}

Test(doctor, names_by_cause_node_and_tunnel)
{
    VC_AUTO_JSON *evidence = load("two-cpe-psk-cpe1-tuned.json");
    VC_AUTO_JSON *diagnosis = vc_doctor_examine(evidence);
    bool others = true;

    cr_expect(vc_doctor_names(diagnosis, "ike-psk", "cpe1", "dc1", NULL, &others));
    cr_expect_not(others);
    cr_expect_not(vc_doctor_names(diagnosis, "ike-psk", "cpe2", "", NULL, &others));
    cr_expect_not(vc_doctor_names(diagnosis, "ike-psk", "", "dc2", NULL, &others));
    cr_expect_not(vc_doctor_names(diagnosis, "esp-blocked", "", "", NULL, &others));
    cr_expect(others);
    VC_AUTO_JSON *beside = json_pack("[s, s]", "nobody-initiates", "ike-psk");
    cr_expect_not(vc_doctor_names(diagnosis, "esp-blocked", "", "", beside, &others));
    cr_expect_not(others);
}

/* What is cut short or not there at all is nothing to crash at: a bundle comes from others. */
Test(doctor, survives_evidence_that_is_no_evidence)
{
    static const char *const documents[] = {
        "{}", "[]", "{\"order\": 1, \"nodes\": []}",
        "{\"order\": {\"tunnels\": [{\"name\": 3}, 7]}, \"nodes\": {\"\": {\"on\": 1}}, \"probes\": [{\"kind\": 1}]}",
        "{\"order\": {\"tunnels\": [{\"name\": \"dc1\", \"cpe\": \"a\"}], \"links\": [{\"nodes\": [1]}, 2], \"ibgp\": "
        "[{}]}, "
        "\"nodes\": {\"a\": {\"on\": true, \"log\": {\"charon\": [1, \"retransmit\"]}, \"firewall\": [{}], \"ike\": "
        "{\"sas\": "
        "[{\"children\": [1]}]}}}}"};

    for (size_t i = 0; i < VC_COUNT(documents); i++) {
        VC_AUTO_JSON *evidence = json_loads(documents[i], 0, NULL);
        VC_AUTO_JSON *diagnosis = vc_doctor_examine(evidence);
        VC_AUTO_TALLOC char *told = vc_doctor_text(NULL, diagnosis, true);
        cr_expect(told);
        cr_expect_not(json_is_true(json_object_get(diagnosis, "healthy")), "%s", documents[i]);
    }
}

Test(doctor, tells_a_person_layers_causes_and_remedy)
{
    VC_AUTO_JSON *evidence = load("two-cpe-psk-cpe1-tuned.json");
    VC_AUTO_JSON *diagnosis = vc_doctor_examine(evidence);
    VC_AUTO_TALLOC char *told = vc_doctor_text(NULL, diagnosis, false);

    cr_expect(strstr(told, "tunnel dc1          ✓ underlay  ✗ ike  · child-sa"), "%s", told);
    cr_expect(strstr(told, "1. ike-psk at cpe1, tunnel dc1 (ike, certain)"), "%s", told);
    cr_expect(strstr(told, "MAC mismatched"), "%s", told);
    cr_expect(strstr(told, "show crypto ikev2 profile"), "%s", told);
}

/* What is to be typed, and what is not seen yet. */
Test(doctor, tells_a_person_of_his_own_tunnel)
{
    VC_AUTO_JSON *blocked = load("two-cpe-unreachable-tuned.json");
    VC_AUTO_JSON *first = vc_doctor_examine(blocked);
    VC_AUTO_TALLOC char *now = vc_doctor_text(NULL, first, false);
    VC_AUTO_JSON *latent = load("two-cpe-pfs-cpe1-tuned.json");
    VC_AUTO_JSON *second = vc_doctor_examine(latent);
    VC_AUTO_TALLOC char *later = vc_doctor_text(NULL, second, false);

    cr_expect(strstr(now, "IOS-XE: ping 203.0.113.1 source <wan>; traceroute 203.0.113.1;"), "%s", now);
    cr_expect(strstr(later, "\n   bites:  when the CHILD SA is rekeyed, in "), "%s", later);
}

Test(doctor, every_cause_is_unique_and_whole)
{
    for (size_t i = 0; vc_doctor_cause(i); i++)
        for (size_t j = 0; j < i; j++)
            cr_expect_str_neq(vc_doctor_cause(i), vc_doctor_cause(j));
}

Test(doctor, the_document_of_all_causes_is_up_to_date)
{
    static const char path[] = VCLAB_SOURCE_DIR "/docs/troubleshooting.md";
    VC_AUTO_TALLOC char *made = vc_doctor_catalogue(NULL);
    VC_AUTO_FREE char *stored = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "re");

    cr_assert(file, "%s is missing", path);
    ssize_t length = getdelim(&stored, &room, '\0', file);
    fclose(file);
    cr_expect(length > 0 && !strcmp(stored, made),
              "docs/troubleshooting.md is stale: refresh it with `vclab doctor --catalogue > docs/troubleshooting.md`");
}
