/* Configurations out and in, played: what is exported runs as it is, what is imported fails as it would in the field.
 */
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "customer.h"
#include "report/bundle.h"

TestSuite(config_sealed, .init = customer_setup, .fini = customer_teardown, .timeout = 290);

/* A scenario beside TOPOLOGY.yaml; `steps` are its steps, `members` what else it has. */
static char *scenario(void *ctx, const char *topology, const char *members, const char *steps)
{
    char *path = in_top(ctx, "hub.yaml");

    put_text(path, talloc_asprintf(
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
    put_text(in_top(ctx, "own.yaml"),
             "topology: own\nbase: two-cpe-mixed\ndescription: x\nnodes:\n"
             "  cpe1: {kind: cpe, asn: 64512, files: {swanctl.conf: a-swanctl.conf, frr.conf: a-frr.conf}}\n"
             "  cpe2: {kind: cpe-bird, asn: 64512, files: {swanctl.conf: b-swanctl.conf, bird.conf: b-bird.conf}}\n");
    struct command *run = RUN(ctx, "run", "--cold", scenario(ctx, "own", "", converges), "--results", customer_results);
    EXITS(run, 0);
}

Test(config_sealed, exports_of_libreswan_run_as_they_are)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    export_to(ctx, "two-cpe-libreswan", "cpe1", "libreswan", "ipsec.conf");
    put_text(in_top(ctx, "own.yaml"), "topology: own\nbase: two-cpe-libreswan\ndescription: x\nnodes:\n"
                                      "  cpe1: {kind: cpe-libreswan, asn: 64512, files: {ipsec.conf: ipsec.conf}}\n");
    struct command *run = RUN(ctx, "run", "--cold", scenario(ctx, "own", "", converges), "--results", customer_results);
    EXITS(run, 0);
}

/* ---- in ---- */

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
    struct command *run =
        RUN(ctx, "run", "--cold", scenario(ctx, "customer", "", converges), "--results", customer_results);
    EXITS(run, 0);
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
                              "--no-captures", "--results", customer_results);
    EXITS(run, 0);
    struct vc_bundle *bundle = vc_bundle_read(ctx, file, &err);
    cr_assert(bundle, "%s", err ? err->message : "");
    VC_AUTO_FREE char *documents = json_dumps(bundle->documents, 0);
    cr_expect(strstr(documents, "other-key-1"), "the fault is in it: %s", documents);
    cr_expect(!strstr(documents, "of-the-order") && !strstr(bundle->events, "of-the-order"));
    nftw(customer_results, has_secret, 16, FTW_PHYS);

    struct command *replay = RUN(ctx, "replay", file, "--results", customer_results);
    EXITS(replay, 0);
    cr_assert(strstr(replay->out, "the same digest"), "%s", replay->out);
}
