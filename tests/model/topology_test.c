#include "edit.h"

#include <criterion/parameterized.h>

#define TWO SHIPPED("tests/model/flat/two-cpe.yaml")
#define ONE SHIPPED("tests/model/flat/one-cpe.yaml")

Test(topology, two_cpe_is_read_as_written)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_TALLOC const struct vc_topology *t = vc_topology_load(NULL, TWO, KINDS, &err);

    cr_assert(t, "%s", err ? err->message : "");
    cr_assert_str_eq(t->name, "two-cpe");
    cr_assert_eq(t->node_count, 11);
    cr_assert_eq(t->link_count, 13);
    cr_assert_eq(t->tunnel_count, 2);
    const struct vc_link *link = &t->links[vc_topology_link(t, "inet-cpe2")];
    cr_assert_str_eq(t->nodes[link->end[1].node].name, "isp");
    cr_assert_str_eq(vc_prefix_text(link->end[0].address).s, "198.51.100.18/29");
    const struct vc_tunnel *tunnel = &t->tunnels[vc_topology_tunnel(t, "dc2")];
    cr_assert_eq(tunnel->cpe, vc_topology_node(t, "cpe2"));
    cr_assert_eq(tunnel->dc, vc_topology_dc(t, "dc2"));
    cr_assert_str_eq(vc_addr_text(tunnel->ipsec_cisco).s, "203.0.113.129");
    cr_assert_str_eq(vc_addr_text(tunnel->transport_cpe).s, "10.200.0.2");
    cr_assert_str_eq(vc_prefix_text(tunnel->address_cisco).s, "100.64.0.5/30");
    cr_assert_null(tunnel->psk);
    cr_assert_str_eq(t->dcs[1].name, "dc2");
    cr_assert_eq(t->nodes[t->dcs[1].router].asn, 64600);
    cr_assert_eq(vc_topology_node(t, "nobody"), VC_NONE);
    cr_assert_null(vc_topology_timers(t, "nobody"));
}

Test(topology, defaults_are_those_of_the_requirements)
{
    VC_AUTO_TALLOC const struct vc_topology *t = vc_topology_load(NULL, ONE, KINDS, NULL);

    cr_assert(t);
    cr_assert_str_eq(t->settings.ike_proposal, "aes256gcm16-prfsha384-ecp384");
    cr_assert_eq(t->settings.ike_lifetime_s, 14400);
    cr_assert_eq(t->settings.child_lifetime_s, 3600);
    cr_assert_eq(t->settings.dpd_delay_s, 10);
    cr_assert_eq(t->settings.gre_mtu, 1400);
    cr_assert_eq(t->settings.mss, 1350);
    cr_assert_eq(t->settings.rate_mbit, 250);
    const struct vc_timers *bfd = vc_topology_timers(t, "bfd"), *service = vc_topology_timers(t, "service");
    cr_assert(bfd->bgp_keepalive_s == 10 && bfd->bgp_hold_s == 30 && bfd->bfd_interval_ms == 300 &&
              bfd->bfd_multiplier == 3 && bfd->gre_keepalive_s == 10 && bfd->gre_retries == 3);
    cr_assert(service->bgp_hold_s == 180 && !service->bfd_interval_ms && !service->gre_keepalive_s);
}

/* R28, whatever the profile, the document's own ones included; and a text that is in no file says the same. */
Test(topology, without_keepalives_no_profile_has_them)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct edit *edit = edit_file(
        ctx, ONE, "nodes:\n", "keepalives: off\ntimers:\n  slow: {bgp: 60/180, keepalive: 20s x 1}\nnodes:\n");
    const struct vc_topology *t = vc_topology_load(ctx, edit->file, KINDS, &err);

    cr_assert(t, "%s", err ? err->message : "");
    for (size_t i = 0; i < t->timers_count; i++)
        cr_expect(!t->timers[i].gre_keepalive_s && !t->timers[i].gre_retries, "%s", t->timers[i].name);
    cr_assert(vc_topology_timers(t, "slow") && vc_topology_timers(t, "tuned")->bgp_hold_s == 30);
}

Test(topology, a_text_is_read_as_if_it_stood_in_the_file)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    static const char text[] = "topology: mine\nbase: two-cpe\ndescription: It is in no file.\n";
    const char *file = SHIPPED("tests/model/flat/mine.yaml");
    const struct vc_topology *t = vc_topology_parse(ctx, file, text, KINDS, &err);

    cr_assert(t, "%s", err ? err->message : "");
    cr_assert_eq(t->node_count, 11);
    cr_assert_str_eq(t->bases[0].path, "two-cpe.yaml");
    cr_assert(!vc_topology_parse(ctx, file, "topology: mine\nbase: two-cpe\n", KINDS, &err));
    cr_assert(strstr(err->message, "mine.yaml:1:1: found a topology without \"description\""), "%s", err->message);
    cr_assert(!vc_topology_parse(ctx, file, "", KINDS, &err) && strstr(err->message, "found an empty file"));
}

Test(topology, own_settings_timers_and_secrets)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct edit *edit = edit_file(
        ctx, ONE, "nodes:\n",
        "settings: {mss: 0, child_lifetime: 90s, rate: 10}\n"
        "timers:\n  quick: {bgp: 3/9, bfd: 50ms x 4, keepalive: off}\n  slow: {bgp: 60/180, keepalive: 20s x 1}\n"
        "nodes:\n");
    const struct vc_topology *t = vc_topology_load(ctx, edit->file, KINDS, &err);

    cr_assert(t, "%s", err ? err->message : "");
    cr_assert(t->settings.mss == 0 && t->settings.child_lifetime_s == 90 && t->settings.rate_mbit == 10);
    cr_assert_eq(t->settings.gre_mtu, 1400);
    const struct vc_timers *quick = vc_topology_timers(t, "quick"), *slow = vc_topology_timers(t, "slow");
    cr_assert(quick->bgp_hold_s == 9 && quick->bfd_interval_ms == 50 && quick->bfd_multiplier == 4 &&
              !quick->gre_keepalive_s);
    cr_assert(slow->gre_keepalive_s == 20 && slow->gre_retries == 1 && !slow->bfd_interval_ms);
    edit = edit_file(ctx, ONE, "    cpe: cpe1\n", "    cpe: cpe1\n    psk: s3cret/+=\n    bgp_password: pw\n");
    t = vc_topology_load(ctx, edit->file, KINDS, &err);
    cr_assert(t, "%s", err ? err->message : "");
    cr_assert_str_eq(t->tunnels[0].psk, "s3cret/+=");
    cr_assert_str_eq(t->tunnels[0].bgp_password, "pw");
}

struct refusal {
    char from[160], to[160], message[200]; /* Criterion copies parameters between processes: no pointers */
};

/* Each is a rule: the edit that breaks it, and what must be said (with the place where the number is worth fixing). */
static struct refusal refusals[] = {
    /* names and keys */
    {"service:", "sevrice:", "found unknown key of a topology \"sevrice\"; allowed: topology, description"},
    {"service:", "sevrice:", "did you mean \"service\"?"},
    {"service:", "sevrice:", "without \"service\""},
    {"  phone: {kind: host}", "  phone: {kind: host}\n  phone: {kind: host}", "found \"phone\" again (first at line "},
    {"customer: 10.10.0.0/16", "customer: 10.10.0.0/16\ncustomer: 10.11.0.0/16", "found \"customer\" again"},
    {"  wan: {", "  site: {", "found \"site\" again"},
    {"  phone: {kind: host}", "  Phone: {kind: host}", "found node name \"Phone\""},
    {"  wan: {", "  wan-between-dcs0: {", "found link name \"wan-between-dcs0\"; allowed: a small letter"},
    {"  wan: {", "  gre-x: {", "the system or a tunnel uses"},
    {"  wan: {", "  all: {", "the system or a tunnel uses"},
    {"  wan: {", "  dc1: {", "the name of a WAN link and of a tunnel"},
    {"tunnels:\n  dc1:", "tunnels:\n  dc1-by-cpe11:", "found tunnel name \"dc1-by-cpe11\""},
    {"topology: two-cpe", "topology: three-cpe", "allowed: the file's name, \"two-cpe\""},
    {"{kind: isp}", "{kind: ips}", "found unknown kind of node \"ips\"; allowed: cpe, "},
    {"{kind: isp}", "{kind: ips}", "did you mean \"isp\"?"},
    {"{kind: isp}", "{kind: ../nodes/isp}", "found unknown kind of node"},
    {"{kind: isp}", "{}", "found node without \"kind\""},
    {"nodes:", "keepalives: maybe\nnodes:", "found unknown keepalives \"maybe\"; allowed: on, off"},
    {"description: >", "description: \"\"\nx: >", "found nothing"},
    /* links */
    {"isp: 198.51.100.9/29", "ips: 198.51.100.9/29", "found unknown node \"ips\""},
    {"isp: 198.51.100.9/29", "ips: 198.51.100.9/29", "did you mean \"isp\"?"},
    {"isp: 198.51.100.9/29", "isp: 198.51.100.17/29",
     "at the ends of link inet-cpe1; allowed: two addresses of one subnet"},
    {"isp: 198.51.100.9/29", "isp: 198.51.100.9/30", "at the ends of link inet-cpe1"},
    {"isp: 198.51.100.9/29", "isp: 198.51.100.10/29", "found 198.51.100.10 at both ends"},
    {"isp: 198.51.100.9/29", "isp: 198.51.100.8/29", "a host's address"},
    {"isp: 198.51.100.9/29", "isp: 198.51.100.15/29", "a host's address"},
    {"isp: 198.51.100.9/29", "isp: 198.51.100.9", "an address with its mask"},
    {"isp: 198.51.100.9/29", "isp: 198.51.100.900/29", "an address with its mask"},
    {"isp: 198.51.100.9/29", "isp: [1]", "found a list"},
    {", isp: 198.51.100.9/29", "", "found a link with 1 end; allowed: two"},
    {"isp: 198.51.100.9/29", "isp: 198.51.100.9/29, lan: 198.51.100.11/29", "found a link with 3 ends"},
    {"10.10.0.5/30, lan: 10.10.0.6/30", "10.10.0.3/29, lan: 10.10.0.4/29", "which overlaps 10.10.0.0/30 of link lan1"},
    /* R8 */
    {"ipsec: {cpe: 198.51.100.10", "ipsec: {cpe: 10.10.0.1",
     "found 10.10.0.1, which is in 10.0.0.0/8; allowed: a public address (R8)"},
    {"ipsec: {cpe: 198.51.100.10", "ipsec: {cpe: 100.64.3.1", "which is in 100.64.0.0/10"},
    {"ipsec: {cpe: 198.51.100.10", "ipsec: {cpe: 172.31.1.1", "which is in 172.16.0.0/12"},
    {"ipsec: {cpe: 198.51.100.10", "ipsec: {cpe: 198.51.100.18", "found 198.51.100.18, which no link gives to cpe1"},
    {"cisco: 203.0.113.1}", "cisco: 203.0.113.129}", "which no link gives to dc1-headend"},
    /* R10-R12 */
    {"transport: {cpe: 10.200.0.1", "transport: {cpe: 10.200.0.2",
     "of the CPE's transport of tunnel dc2, which overlaps"},
    {"transport: {cpe: 10.200.0.1,", "transport: {cpe: 10.200.0.1/32,", "allowed: an IPv4 address"},
    {"cisco: 192.0.2.1}", "cisco: 198.18.5.7}", "which overlaps 198.18.5.0/24 of the service"},
    {"cisco: 192.0.2.1}", "cisco: 10.10.77.1}", "which overlaps 10.10.0.0/16 of the customer"},
    {"cpe: 100.64.0.2/30", "cpe: 100.128.0.2/30",
     "found 100.128.0.2/30; allowed: the shared address space 100.64.0.0/10 (R11)"},
    {"cpe: 100.64.0.2/30", "cpe: 100.63.255.254/30", "allowed: the shared address space"},
    {"cpe: 100.64.0.2/30", "cpe: 100.64.0.9/30", "at the ends of tunnel dc1; allowed: two addresses of one subnet"},
    {"{cpe: 100.64.0.6/30, cisco: 100.64.0.5/30}", "{cpe: 100.64.0.6/29, cisco: 100.64.0.5/29}",
     "of tunnel dc2, which overlaps 100.64.0.0/30 of tunnel dc1"},
    {"customer: 10.10.0.0/16", "customer: 100.64.0.0/16",
     "of tunnel dc1, which overlaps 100.64.0.0/16 of the customer"},
    {"customer: 10.10.0.0/16", "customer: 198.18.0.0/15", "which overlaps 198.18.5.0/24 of the service"},
    {"customer: 10.10.0.0/16", "customer: 10.10.0.1/16", "no bits beyond the mask: 10.10.0.0/16"},
    {"service: 198.18.5.0/24", "service: 198.18.4.0/23", "allowed: a /24 (R12)"},
    {"service: 198.18.5.0/24", "service: 10.99.5.0/24", "allowed: a public address (R8)"},
    {"prefix: 198.18.5.128/25", "prefix: 198.18.6.0/25", "allowed: a /25 inside the service's 198.18.5.0/24 (R12)"},
    {"prefix: 198.18.5.128/25", "prefix: 198.18.5.0/25", "of DC dc2, which overlaps 198.18.5.0/25 of DC dc1"},
    {"prefix: 198.18.5.128/25", "prefix: 198.18.5.128/26", "allowed: a /25"},
    /* R13, R34 */
    {"cpe1: {kind: cpe, asn: 64512}", "cpe1: {kind: cpe, asn: 64511}",
     "found asn 64511 for cpe1; allowed: 64512 to 65534 (R13)"},
    {"cpe1: {kind: cpe, asn: 64512}", "cpe1: {kind: cpe, asn: 65535}", "found asn 65535 for cpe1"},
    {"cpe1: {kind: cpe, asn: 64512}", "cpe1: {kind: cpe}", "found asn 0 for cpe1"},
    {"cpe1: {kind: cpe, asn: 64512}", "cpe1: {kind: cpe, asn: 64600}", "at both ends of tunnel dc1"},
    {"cpe1: {kind: cpe, asn: 64512}", "cpe1: {kind: cpe, asn: many}", "allowed: a number from 1 to 4294967294"},
    {"dc1-router: {kind: dc-router, asn: 64600}", "dc1-router: {kind: dc-router}", "found dc1-router without an asn"},
    /* R2 and references */
    {"headend: dc1-headend, router", "headend: dc1-router, router", "as headend and router of dc1"},
    {"headend: dc1-headend, router", "headend: phone, router", "found no link between phone and dc1-router"},
    {"headend: dc2-headend", "headend: dc1-headend", "found a headend or router of dc1 in dc2"},
    {"    dc: dc2", "    dc: dc3", "found unknown DC \"dc3\"; allowed: dc1, dc2; did you mean \"dc1\"?"},
    {"    cpe: cpe2", "    cpe: cpe3", "found unknown node \"cpe3\""},
    {"    cpe: cpe2", "    cpe: cpe2\n    psk: \"a b\"", "found a psk of 3 bytes that cannot be used"},
    /* settings and timers */
    {"nodes:\n", "settings: {mss: 1361}\nnodes:\n", "found mss 1361 with gre_mtu 1400"},
    {"nodes:\n", "settings: {ike: \"aes { x\"}\nnodes:\n", "a strongSwan proposal"},
    {"nodes:\n", "settings: {dpd: 10}\nnodes:\n", "a duration such as 1200ms, 5s, 3m, 4h"},
    {"nodes:\n", "settings: {dpd: 1500ms}\nnodes:\n", "from 1 s to 3600 s in whole seconds"},
    {"nodes:\n", "settings: {gre_mtu: 1500}\nnodes:\n",
     "found \"1500\" for gre_mtu; allowed: a number from 576 to 1476"},
    {"nodes:\n", "timers: {bfd: {bgp: 1/3}}\nnodes:\n", "found \"bfd\", which is built in"},
    {"nodes:\n", "timers: {mine: {bgp: 30/10}}\nnodes:\n", "KEEPALIVE/HOLD in seconds"},
    {"nodes:\n", "timers: {mine: {bgp: 10/30, bfd: 5ms x 3}}\nnodes:\n", "INTERVAL x TIMES with 10 ms to 60 s"},
    {"nodes:\n", "timers: {mine: {bgp: 10/30, bfd: 300ms x 1}}\nnodes:\n", "2 to 255"},
    {"nodes:\n", "timers: {mine: {bgp: 10/30, keepalive: 10 x 3}}\nnodes:\n",
     "for keepalive; allowed: off, or INTERVAL"},
    /* types and syntax */
    {"nodes:\n", "links: 5\nnodes:\n", "found \"5\" for the links; allowed: a mapping"},
    {"service: 198.18.5.0/24", "service: {a: b}", "found a mapping for service"},
    {"service: 198.18.5.0/24", "service: ]", "found bad YAML"},
    {"service: 198.18.5.0/24", "service: &a 198.18.5.0/24\ncustomer: *a\nz: b", "found an alias"},
    {"service: 198.18.5.0/24", "service: 198.18.5.0/24\n---\na: b", "found a second document"},
    {"service: 198.18.5.0/24", "[a]: 198.18.5.0/24", "as a key"},
    {"service: 198.18.5.0/24", "service: \"a\\0b\"", "found a NUL character"},
};

ParameterizedTestParameters(topology, refused)
{
    return cr_make_param_array(struct refusal, refusals, VC_COUNT(refusals));
}

ParameterizedTest(struct refusal *refusal, topology, refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct edit *edit = edit_file(ctx, TWO, refusal->from, refusal->to);

    cr_assert_null(vc_topology_load(ctx, edit->file, KINDS, &err), "accepted: %s", refusal->to);
    cr_assert(err && err->status == VC_EXIT_USAGE);
    cr_assert(strstr(err->message, refusal->message), "wanted: %s\ngot: %s", refusal->message, err->message);
    for (const char *line = err->message; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        cr_assert_eq(strncmp(line, edit->file, strlen(edit->file)), 0, "a line without its place: %s", line);
}

Test(topology, errors_point_at_their_place)
{
    static const char text[] = "topology: x\n"
                               "description: two\n"
                               "  lines\n"
                               "nodes:\n"
                               "  a: {kind: host, asn: -1}\n"
                               "  b: {kind: hots}\n"
                               "  a: {kind: host}\n"
                               "service:\n";
    static const char *const places[] = {
        ":1:1: found a topology without \"customer\"",
        ":5:24: found \"-1\" for asn",
        ":6:13: found unknown kind of node \"hots\"",
        ":7:3: found \"a\" again (first at line 5)",
        ":8:", /* nothing stands after "service:", so any column will do */
    };
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct edit *edit = edit_bytes(ctx, "x.yaml", text, strlen(text));

    cr_assert_null(vc_topology_load(ctx, edit->file, KINDS, &err));
    for (size_t i = 0; i < VC_COUNT(places); i++)
        cr_assert(strstr(err->message, places[i]), "wanted %s\ngot: %s", places[i], err->message);
}

Test(topology, all_errors_at_once_in_the_order_of_the_file)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    /* the second is found while reading, the first only when all has been read */
    const struct edit *one = edit_file(ctx, TWO, "cpe1: {kind: cpe, asn: 64512}", "cpe1: {kind: cpe, asn: 64511}");
    const struct edit *two = edit_file(ctx, one->file, "    dc: dc2", "    dc: dc3");

    cr_assert_null(vc_topology_load(ctx, two->file, KINDS, &err));
    const char *asn = strstr(err->message, "64511"), *dc = strstr(err->message, "\"dc3\"");
    cr_assert(asn && dc && asn < dc, "%s", err->message);
}

Test(topology, at_most_twenty_lines_and_how_many_more)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    char *junk = talloc_strdup(ctx, "nodes:\n");
    for (int i = 0; i < 30; i++)
        junk = talloc_asprintf_append(junk, "  bad%d: {kind: none%d}\n", i, i);
    const struct edit *edit = edit_file(ctx, TWO, "nodes:\n", junk);

    cr_assert_null(vc_topology_load(ctx, edit->file, KINDS, &err));
    size_t lines = 1;
    for (const char *c = err->message; *c; c++)
        lines += *c == '\n';
    cr_assert_eq(lines, 21, "%s", err->message);
    cr_assert(strstr(err->message, "10 more errors"), "%s", err->message);
}

static void refused_file(const char *file, const char *message)
{
    VC_AUTO_ERROR *err = NULL;

    cr_assert_null(vc_topology_load(NULL, file, KINDS, &err));
    cr_assert(strstr(err->message, message), "wanted %s\ngot %s", message, err->message);
    cr_assert_eq(err->status, VC_EXIT_USAGE);
}

Test(topology, files_that_are_none)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *large = talloc_zero_size(ctx, (1 << 20) + 1);
    memset(large, '#', 1 << 20);

    refused_file("/nonexistent/x.yaml", "/nonexistent/x.yaml: cannot read: No such file or directory");
    refused_file("/tmp", "cannot read: Is a directory");
    refused_file("/dev/null", "cannot read");
    refused_file(edit_bytes(ctx, "x.yaml", "", 0)->file, "found an empty file");
    refused_file(edit_bytes(ctx, "x.yaml", "# only\n", 7)->file, "found an empty file");
    refused_file(edit_bytes(ctx, "x.yaml", "hello", 5)->file, "found \"hello\" for a topology; allowed: a mapping");
    refused_file(edit_bytes(ctx, "x.yaml", "- 1\n", 4)->file, "found a list for a topology");
    refused_file(edit_bytes(ctx, "x.yaml", large, (1 << 20) + 1)->file, "cannot read: File too large");
    refused_file(
        edit_bytes(ctx, "x.yaml", "a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", 64)->file,
        "found");
}

Test(topology, yaml_errors_are_not_printed)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct edit *edit = edit_bytes(ctx, "x.yaml", "a: ]\n", 5);
    const struct edit *output = edit_bytes(ctx, "stderr", "", 0);
    struct stat st;

    cr_assert(freopen(output->file, "w", stderr));
    vc_topology_load(ctx, edit->file, KINDS, NULL);
    fflush(stderr);
    cr_assert(stat(output->file, &st) == 0 && st.st_size == 0);
}

Test(topology, unknown_kinds_folder)
{
    VC_AUTO_ERROR *err = NULL;

    cr_assert_null(vc_topology_load(NULL, TWO, "/nonexistent", &err));
    cr_assert(strstr(err->message, "found unknown kind of node \"cpe\"; allowed: none here"), "%s", err->message);
}
