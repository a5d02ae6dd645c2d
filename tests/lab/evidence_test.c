/* What of a log is evidence: the last lines, without what only repeats. */
#include <criterion/criterion.h>

#include "lab/evidence.h"

static json_t *kept(const char *const *lines, size_t count)
{
    json_t *out = json_array();

    for (size_t i = 0; i < count; i++)
        evidence_keep_line(out, lines[i]);
    return out;
}

static const char *at(const json_t *lines, size_t index)
{
    const char *text = json_string_value(json_array_get(lines, index));

    return text ? text : "(none)";
}

Test(evidence, of_one_silence_the_last_line_stays)
{
    static const char *const lines[] = {
        "00:00:01 11[IKE] <dc1|1> retransmit 1 of request with message ID 0",
        "00:00:02 02[IKE] <dc1|1> retransmit 2 of request with message ID 0",
        "00:00:03 11[IKE] <dc2|3> retransmit 1 of request with message ID 0",
        "00:00:04 11[IKE] <dc2|3> retransmit 2 of request with message ID 4",
        "00:00:05 11[IKE] <dc2|4> retransmit 3 of request with message ID 4",
        "00:00:06 \"dc1\" #1: STATE: retransmission; will wait 1 seconds for response",
        "00:00:07 \"dc1\" #1: STATE: retransmission; will wait 1 seconds for response",
        "00:00:08 \"dc1\" #1: STATE: retransmission; will wait 2 seconds for response",
    };
    VC_AUTO_JSON *out = kept(lines, VC_COUNT(lines));

    cr_assert_eq(json_array_size(out), 6);
    cr_expect_str_eq(at(out, 0), lines[1]);
    for (size_t i = 1; i < 4; i++)
        cr_expect_str_eq(at(out, i), lines[i + 1]);
    cr_expect_str_eq(at(out, 4), lines[6]);
    cr_expect_str_eq(at(out, 5), lines[7]);
}

Test(evidence, two_silences_at_once_are_two_lines)
{
    static const char *const lines[] = {
        "00:00:01 11[IKE] <dc1|1> retransmit 1 of request with message ID 2",
        "00:00:01 02[IKE] <dc2|3> retransmit 1 of request with message ID 2",
        "00:00:02 11[IKE] <dc1|1> retransmit 2 of request with message ID 2",
        "00:00:02 02[IKE] <dc2|3> retransmit 2 of request with message ID 2",
    };
    VC_AUTO_JSON *out = kept(lines, VC_COUNT(lines));

    cr_assert_eq(json_array_size(out), 2);
    cr_expect_str_eq(at(out, 0), lines[2]);
    cr_expect_str_eq(at(out, 1), lines[3]);
}

Test(evidence, the_oldest_lines_make_room)
{
    VC_AUTO_JSON *out = json_array();

    for (int i = 0; i < 40; i++) {
        VC_AUTO_TALLOC char *line = talloc_asprintf(NULL, "line %d", i);
        evidence_keep_line(out, line);
    }
    cr_expect_str_eq(at(out, json_array_size(out) - 1), "line 39");
    cr_expect_eq(json_array_size(out), 24);
    evidence_keep_line(out, "no \xff UTF-8");
    cr_expect_str_eq(at(out, 23), "line 39");
}

Test(evidence, the_lines_of_one_tunnel_leave_anothers_alone)
{
    static const char *const theirs[] = {
        "2024-01-01 00:00:01.1 11[IKE] <dc2|3> IKE_SA dc2[3] established between",
        "Jan  1 00:00:31.4: \"dc2\" #3: initiating IKEv2 connection to 203.0.113.1 using UDP",
        "2024/01/01 00:00:01.6 BGP: %ADJCHANGE: neighbor 10.10.0.2(Unknown) in vrf default Up",
        "2024-01-01 00:00:00.9 <TRACE> ebgp-dc2: State changed to start",
    };
    static const char *const forms[] = {"<dc1|%d> IKE_SA dc1[%d] established", "Jan  1: \"dc1\" #%d: rejected %d",
                                        "BGP: neighbor 10.10.0.1(x) %d %d", "<TRACE> ebgp-dc1: State changed %d %d"};

    for (size_t f = 0; f < VC_COUNT(forms); f++) {
        VC_AUTO_JSON *out = json_array();
        evidence_keep_line(out, theirs[f]);
        for (int i = 0; i < 40; i++) {
            VC_AUTO_FREE char *line = NULL;
            cr_assert_gt(asprintf(&line, forms[f], i, i), 0);
            evidence_keep_line(out, line);
        }
        cr_expect_str_eq(at(out, 0), theirs[f]);
        cr_expect_eq(json_array_size(out), 25, "%s", forms[f]);
    }
}

/* ---- configurations ---- */

static bool is_dc1(const void *arg, const char *name)
{
    return !strcmp(name, arg);
}

static const char *member(const json_t *tunnels, const char *name)
{
    const char *text = json_string_value(json_object_get(json_object_get(tunnels, "dc1"), name));

    return text ? text : "(none)";
}

static bool flag(const json_t *tunnels, const char *name)
{
    return json_is_true(json_object_get(json_object_get(tunnels, "dc1"), name));
}

Test(evidence, a_password_is_all_that_is_one)
{
    static const char *const passwords[] = {"plain", "a;b", "a b'c", "neighbor password x", "#!"};

    for (size_t i = 0; i < VC_COUNT(passwords); i++) {
        VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
        char *frr = talloc_asprintf(scratch, "router bgp 64512\n neighbor dc1 peer-group\n neighbor dc1 password %s\n",
                                    passwords[i]);
        char *bird = talloc_asprintf(
            scratch, "protocol bgp 'ebgp-dc1' {\n    authentication md5;\n    password \"%s\";\n}\n", passwords[i]);
        VC_AUTO_JSON *from_frr = evidence_read_frr(frr, is_dc1, "dc1");
        VC_AUTO_JSON *from_bird = evidence_read_bird(bird, is_dc1, "dc1");
        cr_expect_str_eq(member(from_frr, "password"), passwords[i]);
        cr_expect_str_eq(member(from_bird, "password"), passwords[i]);
    }
}

/* As `show running-config` has it: the group's lines and the neighbour's, in their families. */
Test(evidence, a_neighbours_configuration_is_read)
{
    char frr[] =
        "Current configuration:\n!\nrouter bgp 64512\n neighbor dc1 peer-group\n neighbor dc1 remote-as 64600\n"
        " neighbor dc1 shutdown\n neighbor 100.64.0.1 peer-group dc1\n !\n address-family ipv4 unicast\n"
        "  neighbor 100.64.0.1 default-originate\n  neighbor 100.64.0.1 prefix-list dc1-in in\n exit\n";
    char bird[] = "protocol bgp 'ebgp-dc1' {\n local 100.64.0.2 as 64512;\n neighbor 100.64.0.1 as 64600;\n disabled;\n"
                  " ipv4 {\n import none;\n export filter {\n if source = RTS_STATIC then accept;\n };\n};\n}\n";
    json_t *read[] = {evidence_read_frr(frr, is_dc1, "dc1"), evidence_read_bird(bird, is_dc1, "dc1")};

    for (size_t i = 0; i < VC_COUNT(read); i++) {
        const json_t *dc1 = json_object_get(read[i], "dc1");
        cr_expect_str_eq(member(read[i], "neighbor"), "100.64.0.1");
        cr_expect_str_eq(member(read[i], "password"), "");
        cr_expect_eq(json_integer_value(json_object_get(dc1, "remote_as")), 64600);
        cr_expect_eq(json_integer_value(json_object_get(dc1, "local_as")), 64512);
        cr_expect(flag(read[i], "shut"));
        cr_expect(flag(read[i], "default"));
        cr_expect(flag(read[i], "inbound_policy"));
        json_decref(read[i]);
    }
}

/* Whatever filters what comes in is a policy; an AS may be told in two halves. */
Test(evidence, a_neighbour_is_configured_in_other_words)
{
    static const char *const filters[] = {"route-map", "distribute-list", "filter-list"};

    for (size_t i = 0; i < VC_COUNT(filters); i++) {
        VC_AUTO_TALLOC char *frr =
            talloc_asprintf(NULL,
                            "router bgp 1.10\n neighbor dc1 peer-group\n"
                            " neighbor dc1 %s out-only out\n neighbor dc1 remote-as 2.7\n"
                            "%s%s%s",
                            filters[i], i ? " neighbor dc1 " : "", i ? filters[i] : "", i ? " taken in\n" : "");
        VC_AUTO_JSON *read = evidence_read_frr(frr, is_dc1, "dc1");
        const json_t *dc1 = json_object_get(read, "dc1");
        cr_expect_eq(flag(read, "inbound_policy"), i > 0, "%s", filters[i]);
        cr_expect_eq(json_integer_value(json_object_get(dc1, "local_as")), 65546);
        cr_expect_eq(json_integer_value(json_object_get(dc1, "remote_as")), 131079);
    }
}

Test(evidence, a_key_is_found_by_its_ids)
{
    static const char file[] =
        "# 1.1.1.1 : PSK \"comment\"\n%any : PSK \"anybody's\"\n@b.example @d.example : PSK \"b: PSK \"\n"
        "1.1.1.1 2.2.2.2 : PSK \"first\"\n1.1.1.1 4.4.4.4 : PSK \"second\"\n";
    static const struct {
        const char *local, *remote, *wanted;
    } cases[] = {{"1.1.1.1", "2.2.2.2", "first"},
                 {"1.1.1.1", "4.4.4.4", "second"},
                 {"b.example", "@d.example", "b: PSK "},
                 {"7.7.7.7", "2.2.2.2", "anybody's"}};

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC char *text = talloc_strdup(NULL, file);
        const char *psk = evidence_secret_of(text, cases[i].local, cases[i].remote);
        cr_expect(psk && !strcmp(psk, cases[i].wanted), "%s %s: %s", cases[i].local, cases[i].remote, psk);
    }
    char strangers[] = "8.8.8.8 : PSK \"theirs\"\n";
    cr_expect_null(evidence_secret_of(strangers, "1.1.1.1", "2.2.2.2"));
}
