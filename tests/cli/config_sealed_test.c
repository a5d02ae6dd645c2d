/* Configurations out and in, played: what is exported runs as it is, what is imported fails as it would in the field.
 */
#include <errno.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "host.h"
#include "report/bundle.h"

#define CONFIGS VCLAB_SOURCE_DIR "/tests/config/ios-xe/"

static char top[] = "/tmp/vclab-config-XXXXXX";
static char *results;

static void setup(void)
{
    if (!getenv("VCLAB_LABROOT")) {
        if (getenv("VCLAB_MUST_WORK"))
            cr_assert_fail("needs VCLAB_LABROOT, and VCLAB_MUST_WORK is set");
        cr_skip_test("needs VCLAB_LABROOT");
    }
    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
    unsetenv("SUDO_UID");
    cr_assert(mkdtemp(top));
    results = talloc_asprintf(NULL, "%s/results", top);
}

static int remove_entry(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED,
                        struct FTW *ftw VC_UNUSED)
{
    return remove(path);
}

static void teardown(void)
{
    nftw(top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    talloc_free(results);
}

TestSuite(config_sealed, .init = setup, .fini = teardown, .timeout = 290);

static char *in_top(void *ctx, const char *name)
{
    return talloc_asprintf(ctx, "%s/%s", top, name);
}

static void put(const char *path, const char *text)
{
    VC_AUTO_FILE *file = fopen(path, "we");

    cr_assert(file && fputs(text, file) >= 0, "%s: %s", path, strerror(errno));
}

static struct command *vclab(void *ctx, const char *const *argv)
{
    struct command *command = command_start(ctx, &(struct command_options){.argv = argv});

    command_end(command, 280000);
    return command;
}
#define RUN(ctx, ...) vclab((ctx), VCLAB_ARGV(__VA_ARGS__))

/* A scenario beside TOPOLOGY.yaml; `steps` are its steps, `members` what else it has. */
static char *scenario(void *ctx, const char *topology, const char *members, const char *steps)
{
    char *path = in_top(ctx, "hub.yaml");

    put(path, talloc_asprintf(
                  ctx,
                  "scenario: hub\ndescription: Written by a test.\ntopology: %s.yaml\ntimers: tuned\n"
                  "requirements: [R1]\n%sflows:\n  voice: {from: phone, to: dc2-srv, interval: 100ms}\nsteps:\n%s",
                  topology, members, steps));
    return path;
}

static const char converges[] =
    "  - expect:\n      - converged: {within: 20s}\n      - path: {flow: voice, via: [dc2], within: "
    "5s}\n  - hold: 1s\n";

/* ---- out ---- */

static void export_to(void *ctx, const char *topology, const char *node, const char *form, const char *file)
{
    struct command *command =
        RUN(ctx, "export", node, "--topology", topology, "--as", form, "--no-secrets", "--out", in_top(ctx, file));
    EXITS(command, 0);
}

/* Each of the lab's own daemons with what was exported for it. */
Test(config_sealed, exports_run_as_they_are)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    export_to(ctx, "two-cpe-mixed", "cpe1", "strongswan", "a-swanctl.conf");
    export_to(ctx, "two-cpe-mixed", "cpe1", "frr", "a-frr.conf");
    export_to(ctx, "two-cpe-mixed", "cpe2", "strongswan", "b-swanctl.conf");
    export_to(ctx, "two-cpe-mixed", "cpe2", "bird", "b-bird.conf");
    put(in_top(ctx, "own.yaml"),
        "topology: own\nbase: two-cpe-mixed\ndescription: x\nnodes:\n"
        "  cpe1: {kind: cpe, asn: 64512, files: {swanctl.conf: a-swanctl.conf, frr.conf: a-frr.conf}}\n"
        "  cpe2: {kind: cpe-bird, asn: 64512, files: {swanctl.conf: b-swanctl.conf, bird.conf: b-bird.conf}}\n");
    struct command *run = RUN(ctx, "run", "--cold", scenario(ctx, "own", "", converges), "--results", results);
    EXITS(run, 0);
}

Test(config_sealed, exports_of_libreswan_run_as_they_are)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    export_to(ctx, "two-cpe-libreswan", "cpe1", "libreswan", "ipsec.conf");
    put(in_top(ctx, "own.yaml"), "topology: own\nbase: two-cpe-libreswan\ndescription: x\nnodes:\n"
                                 "  cpe1: {kind: cpe-libreswan, asn: 64512, files: {ipsec.conf: ipsec.conf}}\n");
    struct command *run = RUN(ctx, "run", "--cold", scenario(ctx, "own", "", converges), "--results", results);
    EXITS(run, 0);
}

/* ---- in ---- */

/* The order, with keys as the configurations of tests/config/ios-xe have them. */
static const char *write_order(void *ctx, const char *base)
{
    static const struct {
        const char *cisco, *transport, *remote, *address, *other;
    } tunnels[] = {{"203.0.113.1", "10.200.0.1", "192.0.2.1", "100.64.0.2/30", "100.64.0.1/30"},
                   {"203.0.113.129", "10.200.0.2", "192.0.2.129", "100.64.0.6/30", "100.64.0.5/30"}};
    char *path = in_top(ctx, "order.yaml"),
         *text = talloc_asprintf(ctx, "topology: order\nbase: %s\ndescription: x\ntunnels:\n", base);

    for (size_t i = 0; i < VC_COUNT(tunnels); i++) {
        bool second = i == 1 && !strcmp(base, "two-cpe");

        text = talloc_asprintf_append(
            text,
            "  dc%zu:\n    dc: dc%zu\n    cpe: %s\n    ipsec: {cpe: %s,%s cisco: %s}\n    transport: {cpe: %s, cisco: "
            "%s}\n"
            "    address: {cpe: %s, cisco: %s}\n    psk: key-of-the-order\n    bgp_password: password-of-the-order\n",
            i + 1, i + 1, second ? "cpe2" : "cpe1", second ? "198.51.100.18" : "198.51.100.10",
            strcmp(base, "natted") ? "" : " private: 192.168.100.2,", tunnels[i].cisco, tunnels[i].transport,
            tunnels[i].remote, tunnels[i].address, tunnels[i].other);
    }
    put(path, text);
    return path;
}

static struct command *import(void *ctx, const char *config, const char *order)
{
    struct command *command = RUN(ctx, "import", "--from", "ios-xe", talloc_asprintf(ctx, CONFIGS "%s", config),
                                  "--topology", order, "--timers", "tuned", "-o", in_top(ctx, "customer.yaml"));

    EXITS(command, 0);
    return command;
}

Test(config_sealed, a_healthy_configuration_works)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    import(ctx, "healthy-numbered-acl.cfg", write_order(ctx, "one-cpe"));
    struct command *run = RUN(ctx, "run", "--cold", scenario(ctx, "customer", "", converges), "--results", results);
    EXITS(run, 0);
}

/* ---- the doctor's answers ---- */

static bool asks_for(const json_t *causes, const char *cause)
{
    const json_t *one;
    size_t i;

    json_array_foreach(causes, i, one) if (!strcmp(json_string_value(one), cause)) return true;
    return false;
}

/* The node starts anew as the configuration says; the doctor names each of its causes. */
static void add_steps(json_t *steps, const char *name, const json_t *expected)
{
    VC_AUTO_TALLOC char *fault = talloc_strndup(NULL, name, strcspn(name, "."));
    const json_t *causes = json_object_get(expected, "causes"), *cause;
    json_t *expect = json_array();
    size_t i;

    json_array_append_new(steps, json_pack("{s:{s:s, s:s, s:O, s:O}}", "fault", "name", fault, "kind", "misconfigure",
                                           "node", json_object_get(expected, "node"), "configure",
                                           json_object_get(expected, "configure")));
    json_array_append_new(steps, json_pack("{s:s}", "wait", "40s"));
    json_array_foreach(causes, i, cause) json_array_append_new(
        expect, json_pack("{s:{s:O, s:b, s:s}}", "diagnosis", "cause", cause, "others", true, "within", "80s"));
    if (!json_array_size(causes))
        json_array_append_new(expect, json_pack("{s:{s:s, s:s}}", "diagnosis", "cause", "healthy", "within", "80s"));
    json_array_append_new(steps, json_pack("{s:o}", "expect", expect));
}

/* The order's broken configurations, one after the other in one lab, those that let GRE out in clear apart: every other
 * one from `first` on, or (-1) all of them. */
static void play_diagnoses(const char *order, bool in_clear, size_t first)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *all = json_load_file(CONFIGS "expected.json", 0, NULL);
    VC_AUTO_JSON *steps = json_pack("[{s:[{s:{s:s}}]}]", "expect", "converged", "within", "90s");
    const char *name, *path = in_top(ctx, "diagnoses.yaml");
    json_t *expected;
    size_t count = 0;

    cr_assert(all);
    json_object_foreach(all, name, expected)
    {
        if (!strcmp(json_string_value(json_object_get(expected, "topology")), order) &&
            json_object_size(json_object_get(expected, "configure")) &&
            asks_for(json_object_get(expected, "causes"), "gre-in-clear") == in_clear &&
            (first == (size_t)-1 || count++ % 2 == first))
            add_steps(steps, name, expected);
    }
    cr_assert(json_array_size(steps) > 1);
    write_order(ctx, order);
    VC_AUTO_JSON *scenario_json =
        json_pack("{s:s, s:s, s:s, s:s, s:[s], s:O}", "scenario", "diagnoses", "description", "Written by a test.",
                  "topology", "order.yaml", "timers", "tuned", "requirements", "R20", "steps", steps);
    if (in_clear)
        json_object_set_new(scenario_json, "violates", json_pack("[s]", "clear-traffic"));
    cr_assert_eq(json_dump_file(scenario_json, path, 0), 0);
    struct command *run = RUN(ctx, "run", "--cold", path, "--no-captures", "--results", results);
    EXITS(run, 0);
}

Test(config_sealed, one_cpe_gives_the_doctors_answers)
{
    play_diagnoses("one-cpe", false, 0);
}

Test(config_sealed, one_cpe_gives_the_doctors_other_answers)
{
    play_diagnoses("one-cpe", false, 1);
}

Test(config_sealed, gre_in_clear_gives_the_doctors_answer)
{
    play_diagnoses("one-cpe", true, (size_t)-1);
}

Test(config_sealed, two_cpes_give_the_doctors_answers)
{
    play_diagnoses("two-cpe", false, (size_t)-1);
}

Test(config_sealed, a_cpe_behind_a_nat_gives_the_doctors_answer)
{
    play_diagnoses("natted", false, (size_t)-1);
}

/* The key of one tunnel is mistyped: that one is refused, the other carries everything. */
static const char one_is_refused[] =
    "  - expect:\n      - log: {node: cpe1, daemon: charon, contains: \"received AUTHENTICATION_FAILED\", within: "
    "40s}\n"
    "      - sa: {tunnel: dc1, state: down, within: 40s}\n      - session: {tunnel: dc2, state: up, within: 40s}\n"
    "      - path: {flow: voice, via: [dc2], within: 40s}\n  - hold: 1s\n";

static int has_secret(const char *path, const struct stat *st VC_UNUSED, int type, struct FTW *ftw VC_UNUSED)
{
    static const char *const planted[] = {"key-of-the-order", "password-of-the-order", "a-typo-in-the-key"};
    VC_AUTO_FILE *file = type == FTW_F ? fopen(path, "re") : NULL;
    VC_AUTO_FREE char *line = NULL;
    size_t room = 0;

    while (file && getline(&line, &room, file) > 0)
        for (size_t i = 0; i < VC_COUNT(planted); i++)
            cr_assert(!strstr(line, planted[i]) || strstr(line, "not-the-"), "%s is in %s", planted[i], path);
    return 0;
}

/* A customer's bundle: no key of his or of the order's is in it, his fault is, and it plays again to the same digest.
 */
Test(config_sealed, a_customers_bundle_has_his_fault_and_no_secret)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const char *file = in_top(ctx, "customer.bundle");

    import(ctx, "broken-psk.cfg", write_order(ctx, "one-cpe"));
    struct command *run = RUN(ctx, "run", scenario(ctx, "customer", "", one_is_refused), "--bundle", file,
                              "--no-captures", "--results", results);
    EXITS(run, 0);
    struct vc_bundle *bundle = vc_bundle_read(ctx, file, &err);
    cr_assert(bundle, "%s", err ? err->message : "");
    VC_AUTO_FREE char *documents = json_dumps(bundle->documents, 0);
    cr_expect(strstr(documents, "other-key-1"), "the fault is in it: %s", documents);
    cr_expect(!strstr(documents, "of-the-order") && !strstr(bundle->events, "of-the-order"));
    nftw(results, has_secret, 16, FTW_PHYS);

    struct command *replay = RUN(ctx, "replay", file, "--results", results);
    EXITS(replay, 0);
    cr_assert(strstr(replay->out, "the same digest"), "%s", replay->out);
}

/* ---- the command line ---- */

static const struct {
    const char *argv[12];
    const char *says;
} refused[] = {
    {{"import", "--from", "ios-xe", CONFIGS "healthy-vti.cfg"}, "Usage: vclab import"},
    {{"import", "--from", "junos", "x", "--topology", "two-cpe", "-o", "-"}, "Usage: vclab import"},
    {{"import", "--from", "ios-xe", "/nothing", "--topology", "two-cpe", "-o", "-"}, "cannot read /nothing"},
    {{"import", "--from", "ios-xe", CONFIGS "healthy-vti.cfg", "--topology", "two-cpe", "-o", "x.yml"},
     "a topology's file is NAME.yaml"},
    {{"import", "--from", "ios-xe", CONFIGS "healthy-vti.cfg", "--topology", "two-cpe", "--node", "cpe9", "-o", "-"},
     "no node cpe9 in topology two-cpe"},
    {{"import", "--from", "ios-xe", CONFIGS "inexpressible.cfg", "--topology", "one-cpe", "-o", "-"},
     "inexpressible.cfg:25: tunnel dc1: authentication rsa-sig"},
    {{"export", "cpe1"}, "Usage: vclab export"},
    {{"export", "cpe1", "--as", "junos"}, "Usage: vclab export"},
    {{"export", "cpe9", "--as", "ios-xe"}, "no node cpe9 in topology two-cpe"},
    {{"export", "cpe1", "--as", "ios-xe", "--timers", "x"}, "no timers x in topology two-cpe"},
    {{"export", "cpe1", "--as", "ios-xe", "--out", "/nothing/x"}, "cannot write /nothing/x"},
};

Test(config_sealed, what_is_wrong_ends_with_one_line)
{
    for (size_t i = 0; i < VC_COUNT(refused); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *argv[14] = {VCLAB_BINARY};

        for (size_t k = 0; refused[i].argv[k]; k++)
            argv[k + 1] = refused[i].argv[k];
        struct command *command = vclab(ctx, argv);
        EXITS(command, 2);
        SAYS(command, refused[i].says);
        cr_expect_str_eq(command->out, "", "%s", command->out);
    }
}

/* A document that is no topology leaves the one before as it was. */
Test(config_sealed, a_bad_import_changes_no_file)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *order = write_order(ctx, "one-cpe"), *out = in_top(ctx, "customer.yaml");
    struct stat before, after;

    import(ctx, "broken-psk.cfg", order);
    cr_assert_eq(stat(out, &before), 0);
    VC_AUTO_FILE *from = fopen(CONFIGS "healthy-numbered-acl.cfg", "re");
    VC_AUTO_FILE *to = fopen(in_top(ctx, "wide.cfg"), "we");
    char line[4096];
    while (fgets(line, sizeof line, from))
        fputs(strstr(line, "lifetime 14400") ? "   lifetime 4\n" : line, to); /* less than a node can have */
    fflush(to);
    struct command *command =
        RUN(ctx, "import", "--from", "ios-xe", in_top(ctx, "wide.cfg"), "--topology", order, "-o", out);
    EXITS(command, 2);
    SAYS(command, "what was read makes no topology");
    cr_assert_eq(stat(out, &after), 0);
    cr_expect_eq(before.st_ino, after.st_ino);
}

/* An export's file is its owner's when there are keys in it. */
Test(config_sealed, an_export_with_keys_is_its_owners)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *with = in_top(ctx, "with.cfg"), *without = in_top(ctx, "without.cfg");
    struct stat st;

    struct command *one = RUN(ctx, "export", "cpe1", "--as", "ios-xe", "--out", with);
    struct command *other = RUN(ctx, "export", "cpe1", "--as", "ios-xe", "--no-secrets", "--out", without);
    EXITS(one, 0);
    EXITS(other, 0);
    cr_assert_eq(stat(with, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0600);
    cr_assert_eq(stat(without, &st), 0);
    cr_expect_neq(st.st_mode & 0777, 0600);
}

/* strongswan-frr: the node has the files as they are; a connection that has another name cannot be followed. */
Test(config_sealed, own_files_are_checked_and_named)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *folder = in_top(ctx, "cpe1"), *out = in_top(ctx, "own.yaml");

    cr_assert_eq(mkdir(folder, 0755), 0);
    struct command *none =
        RUN(ctx, "import", "--from", "strongswan-frr", folder, "--topology", "two-cpe", "--node", "cpe1", "-o", out);
    EXITS(none, 2);
    SAYS(none, "has neither a swanctl.conf nor a frr.conf");
    put(in_top(ctx, "cpe1/swanctl.conf"), "connections {\n    cisco-a {\n    }\n}\n");
    struct command *other =
        RUN(ctx, "import", "--from", "strongswan-frr", folder, "--topology", "two-cpe", "--node", "cpe1", "-o", out);
    EXITS(other, 2);
    SAYS(other, "no connection dc1 with a child dc1");
    export_to(ctx, "two-cpe", "cpe1", "strongswan", "cpe1/swanctl.conf");
    export_to(ctx, "two-cpe", "cpe1", "frr", "cpe1/frr.conf");
    struct command *good =
        RUN(ctx, "import", "--from", "strongswan-frr", folder, "--topology", "two-cpe", "--node", "cpe1", "-o", out);
    EXITS(good, 0);
    struct command *checked = RUN(ctx, "check", out);
    EXITS(checked, 0);
}
