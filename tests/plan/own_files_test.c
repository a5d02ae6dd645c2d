/* Configurations that a node brings along, in place of its kind's, and the marks that stand for keys in them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "plan/key.h"
#include "plan/own_files.h"

#define KINDS VCLAB_SOURCE_DIR "/nodes"

static char top[] = "/tmp/vclab-own-XXXXXX";
static const char *const written[] = {"swanctl.conf", "cpe1/frr.conf", "bird.conf", "ipsec.conf", "t.yaml", "empty"};

static void setup(void)
{
    cr_assert(mkdtemp(top));
    VC_AUTO_TALLOC char *sub = talloc_asprintf(NULL, "%s/cpe1", top);
    cr_assert_eq(mkdir(sub, 0755), 0);
}

static void teardown(void)
{
    for (size_t i = 0; i < VC_COUNT(written); i++) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", top, written[i]);
        unlink(path);
    }
    VC_AUTO_TALLOC char *sub = talloc_asprintf(NULL, "%s/cpe1", top);
    rmdir(sub);
    rmdir(top);
}

TestSuite(own_files, .init = setup, .fini = teardown);

static void put(const char *name, const char *text)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", top, name);
    VC_AUTO_FILE *file = fopen(path, "we");

    cr_assert(file && fputs(text, file) >= 0);
}

/* cpe1 of the shipped topology with these files. */
static struct vc_topology *load(void *ctx, const char *base, const char *kind, const char *files, vc_error **err)
{
    put("t.yaml", talloc_asprintf(
                      ctx, "topology: t\nbase: %s\ndescription: x\nnodes:\n  cpe1: {kind: %s, asn: 64512, files: %s}\n",
                      base, kind, files));
    return vc_topology_load(ctx, talloc_asprintf(ctx, "%s/t.yaml", top), KINDS, err);
}

static const struct vc_plan_node *planned(void *ctx, const char *base, const char *kind, const char *files)
{
    VC_AUTO_ERROR *err = NULL;
    const struct vc_topology *t = load(ctx, base, kind, files, &err);

    cr_assert(t, "%s", err ? err->message : "");
    struct vc_plan_options options = {VC_PLANE_KERNEL, vc_topology_timers(t, "bfd"), 1, KINDS};
    const struct vc_plan *plan = vc_plan_make(ctx, t, &options, &err);
    cr_assert(plan, "%s", err ? err->message : "");
    return &plan->nodes[vc_topology_node(t, "cpe1")];
}

static const char *file_of(const struct vc_plan_node *node, const char *path)
{
    for (size_t i = 0; i < node->file_count; i++)
        if (!strcmp(node->files[i].path, path))
            return node->files[i].text;
    return "";
}

Test(own_files, stand_in_the_place_of_the_rendered_ones)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    put("swanctl.conf", "connections { }\n# key <PSK-dc1> and <PSK-dc9> and < x\n");
    put("cpe1/frr.conf",
        "hostname own\nip prefix-list L permit 10.0.0.0/8\nrouter bgp 64512\n neighbor 100.64.0.1 remote-as 1\n"
        " neighbor 100.64.0.1 password <BGP-PW-dc1>\nexit\n!\nbfd\n profile vc\n exit\nexit\nno zebra nexthop "
        "kernel enable\n");
    const struct vc_plan_node *node =
        planned(ctx, "two-cpe", "cpe", "{swanctl.conf: swanctl.conf, frr.conf: cpe1/frr.conf}");
    VC_AUTO_ERROR *err = NULL;
    const struct vc_topology *t = vc_topology_load(ctx, VCLAB_SOURCE_DIR "/topologies/two-cpe.yaml", KINDS, &err);

    const char *swanctl = talloc_asprintf(ctx, "connections { }\n# key %s and <PSK-dc9> and < x\n",
                                          vc_key_of(ctx, t, vc_topology_tunnel(t, "dc1"), VC_KEY_PSK, 1));
    cr_expect_str_eq(node->daemons[0].vici_config, swanctl);
    const char *bgpd = file_of(node, "/etc/frr/bgpd.conf"), *bfdd = file_of(node, "/etc/frr/bfdd.conf");
    const char *zebra = file_of(node, "/etc/frr/zebra.conf");
    const char *line = talloc_asprintf(ctx, " neighbor 100.64.0.1 password %s\n",
                                       vc_key_of(ctx, t, vc_topology_tunnel(t, "dc1"), VC_KEY_BGP, 1));
    cr_expect(strstr(bgpd, "router bgp 64512\n") && strstr(bgpd, line) && strstr(bgpd, "prefix-list L"), "%s", bgpd);
    cr_expect(!strstr(bgpd, "profile vc") && !strstr(bgpd, "zebra"), "%s", bgpd);
    cr_expect(strstr(bgpd, "log file /var/log/bgpd.log informational\n"), "the lab keeps what it says");
    cr_expect(strstr(bfdd, "bfd\n profile vc\n exit\nexit\n") && !strstr(bfdd, "router bgp"), "%s", bfdd);
    cr_expect(strstr(zebra, "no zebra nexthop kernel enable\n") && !strstr(zebra, "router bgp"), "%s", zebra);
}

Test(own_files, frr_takes_its_parts_apart)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    static const char text[] =
        "log file /x\nrouter bgp 1\n neighbor x\nexit\ninterface gre-dc1\n ip address 1.1.1.1/30\n ip ospf "
        "area 0\nexit\nip route 0.0.0.0/0 1.1.1.2\nservice integrated-vtysh-config\nbgp x\n";

    cr_expect_str_eq(vc_frr_part(ctx, text, "bgpd"), "log file /x\nrouter bgp 1\n neighbor x\nexit\nbgp x\n");
    cr_expect_str_eq(vc_frr_part(ctx, text, "ospfd"), "log file /x\ninterface gre-dc1\n ip ospf area 0\nexit\n");
    cr_expect_str_eq(vc_frr_part(ctx, text, "zebra"), "log file /x\n");
    cr_expect_str_eq(vc_frr_part(ctx, "", "zebra"), "");
}

Test(own_files, of_bird_and_libreswan)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    put("bird.conf", "router id 1.1.1.1;\n");
    put("ipsec.conf", "conn dc1\n    left=1.1.1.1\n\n# ipsec.secrets\n1.1.1.1 2.2.2.2 : PSK \"<PSK-dc1>\"\n");
    const struct vc_plan_node *node =
        planned(ctx, "two-cpe-bird-libreswan", "cpe-bird-libreswan", "{bird.conf: bird.conf, ipsec.conf: ipsec.conf}");

    cr_expect_str_eq(file_of(node, "/etc/bird/bird.conf"), "router id 1.1.1.1;\n");
    cr_expect_str_eq(file_of(node, "/etc/ipsec.conf"), "conn dc1\n    left=1.1.1.1\n\n");
    const char *secrets = file_of(node, "/etc/ipsec.secrets");
    cr_expect(strstr(secrets, "1.1.1.1 2.2.2.2 : PSK \"") && !strstr(secrets, "<PSK"), "%s", secrets);
}

static const struct {
    const char *kind, *files, *message;
} bad[] = {
    {"cpe", "{swanctl.conf: ../swanctl.conf}", "allowed: a path below the document's own folder"},
    {"cpe", "{swanctl.conf: /etc/swanctl.conf}", "allowed: a path below the document's own folder"},
    {"cpe", "{swanctl.conf: cpe1/.hidden}", "allowed: a path below the document's own folder"},
    {"cpe", "{swanctl.conf: \"a b\"}", "allowed: a path below the document's own folder"},
    {"cpe", "{swanctl.conf: nothing}", "cannot read"},
    {"cpe", "{swanctl.conf: empty}", "found nothing in"},
    {"cpe", "{swanctl.conf: cpe1}", "cannot read"},
    {"cpe", "{swanctl.cnf: swanctl.conf}", "did you mean \"swanctl.conf\"?"},
    {"cpe", "swanctl.conf", "for files; allowed: a mapping"},
};

Test(own_files, what_is_wrong_is_told_with_its_place)
{
    put("empty", "");
    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;

        cr_assert_null(load(ctx, "two-cpe", bad[i].kind, bad[i].files, &err), "%s", bad[i].files);
        cr_expect(strstr(err->message, bad[i].message) && strstr(err->message, "/t.yaml:5:"), "%s: %s", bad[i].files,
                  err->message);
    }
}

Test(own_files, that_no_daemon_reads_are_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    put("bird.conf", "router id 1.1.1.1;\n");
    const struct vc_topology *t = load(ctx, "two-cpe", "cpe", "{bird.conf: bird.conf}", &err);
    cr_assert(t, "%s", err ? err->message : "");
    struct vc_plan_options options = {VC_PLANE_KERNEL, vc_topology_timers(t, "bfd"), 1, KINDS};
    cr_assert_null(vc_plan_make(ctx, t, &options, &err));
    cr_expect(strstr(err->message, "no daemon of a node of kind cpe reads a bird.conf"), "%s", err->message);
}

/* ---- marks ---- */

Test(own_files, a_mark_means_the_tunnels_key)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    struct vc_topology *t = vc_topology_load(ctx, VCLAB_SOURCE_DIR "/topologies/two-cpe.yaml", KINDS, &err);
    const char *derived = vc_key_of(ctx, t, 0, VC_KEY_PSK, 1);

    cr_expect_str_eq(vc_key_meant(ctx, t, "<PSK-dc1>", 1), derived);
    cr_expect_str_neq(vc_key_meant(ctx, t, "<PSK-dc1>", 2), derived);
    cr_expect_str_eq(vc_key_meant(ctx, t, "<PSK-dc1>x", 1), "<PSK-dc1>x");
    cr_expect_str_eq(vc_key_meant(ctx, t, "<PSK-dc9>", 1), "<PSK-dc9>");
    t->tunnels[1].psk = "<PSK-dc1>";
    cr_expect_str_eq(vc_key_of(ctx, t, 1, VC_KEY_PSK, 1), derived, "the same key in both tunnels");
    t->tunnels[0].psk = "said";
    cr_expect_str_eq(vc_key_of(ctx, t, 1, VC_KEY_PSK, 1), "said");
    t->tunnels[0].psk = "<PSK-dc2>";
    cr_expect(vc_key_of(ctx, t, 1, VC_KEY_PSK, 1) != NULL, "a circle ends");
}
