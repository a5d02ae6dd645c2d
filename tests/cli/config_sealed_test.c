/* Configurations out and in, played: what is exported runs as it is, what is imported fails as it would in the field,
 * and what is given away of a customer has none of his secrets. What needs no lab is in config_test.c. */
#include <archive.h>
#include <archive_entry.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "customer.h"
#include "report/bundle.h"

TestSuite(config_sealed, .init = customer_setup, .fini = customer_teardown, .timeout = 590);

/* NAME.yaml beside TOPOLOGY.yaml. */
static char *scenario(void *ctx, const char *name, const char *topology, const char *steps)
{
    char *path = in_top(ctx, talloc_asprintf(ctx, "%s.yaml", name));

    put_text(path, talloc_asprintf(
                       ctx,
                       "scenario: %s\ndescription: Written by a test.\ntopology: %s.yaml\ntimers: tuned\n"
                       "requirements: [R1]\nflows:\n  voice: {from: phone, to: dc2-srv, interval: 100ms}\nsteps:\n%s",
                       strrchr(name, '/') ? strrchr(name, '/') + 1 : name, topology, steps));
    return path;
}

static const char converges[] =
    "  - expect:\n      - converged: {within: 20s}\n      - path: {flow: voice, via: [dc2], within: "
    "5s}\n  - hold: 1s\n";

/* ---- out ---- */

/* With --no-secrets marks stand for the keys; without, they are the run's own, as export and run begin with the same
 * seed. */
static void export_to(void *ctx, const char *topology, const char *node, const char *form, const char *file,
                      const char *option)
{
    struct command *command =
        RUN(ctx, "export", node, "--topology", topology, "--as", form, "--out", in_top(ctx, file), option);
    EXITS(command, 0);
}

/* Each of the lab's own daemons with what was exported for it; strongSwan's and FRR's as the import takes them. */
Test(config_sealed, exports_run_as_they_are)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    cr_assert_eq(mkdir(in_top(ctx, "a"), 0755), 0);
    export_to(ctx, "two-cpe-mixed", "cpe1", "strongswan", "a/swanctl.conf", "--no-secrets");
    export_to(ctx, "two-cpe-mixed", "cpe1", "frr", "a/frr.conf", "--no-secrets");
    export_to(ctx, "two-cpe-mixed", "cpe2", "strongswan", "b-swanctl.conf", NULL);
    export_to(ctx, "two-cpe-mixed", "cpe2", "bird", "b-bird.conf", NULL);
    struct command *taken = RUN(ctx, "import", "--from", "strongswan-frr", in_top(ctx, "a"), "--topology",
                                "two-cpe-mixed", "--node", "cpe1", "-o", in_top(ctx, "first.yaml"));
    EXITS(taken, 0);
    put_text(in_top(ctx, "own.yaml"),
             "topology: own\nbase: first\ndescription: x\nnodes:\n"
             "  cpe2: {kind: cpe-bird, asn: 64512, files: {swanctl.conf: b-swanctl.conf, bird.conf: b-bird.conf}}\n");
    export_to(ctx, "two-cpe-libreswan", "cpe1", "libreswan", "ipsec.conf", NULL);
    put_text(in_top(ctx, "libreswan.yaml"),
             "topology: libreswan\nbase: two-cpe-libreswan\ndescription: x\nnodes:\n"
             "  cpe1: {kind: cpe-libreswan, asn: 64512, files: {ipsec.conf: ipsec.conf}}\n");
    struct command *run =
        RUN(ctx, "run", "--cold", "--jobs", "2", "--no-captures", scenario(ctx, "hub-own", "own", converges),
            scenario(ctx, "hub-libreswan", "libreswan", converges), "--results", customer_results);
    EXITS(run, 0);
}

/* ---- in ---- */

/* A customer's own configuration, his timers too, is swept as any other topology. */
Test(config_sealed, an_imported_topology_is_swept)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *order = write_order(ctx, "one-cpe"), *out = in_top(ctx, "customer.yaml");
    static const char numbered[] = CONFIGS "healthy-numbered-acl.cfg";
    struct command *taken = RUN(ctx, "import", "--from", "ios-xe", numbered, "--topology", order, "-o", out);
    EXITS(taken, 0);
    struct command *sweep =
        RUN(ctx, "sweep", out, "--only", "link/inet-dc1", "--chain", "1", "--results", customer_results, "--json");
    EXITS(sweep, 0);
    VC_AUTO_JSON *document = json_loads(sweep->out, 0, NULL);
    cr_assert(document, "%s", sweep->out);
    const json_t *totals = json_object_get(document, "totals");
    cr_expect_eq(json_integer_value(json_object_get(totals, "cases")), 1, "%s", sweep->out);
    cr_expect_eq(json_integer_value(json_object_get(totals, "agrees")), 1, "%s", sweep->out);
}

/* ---- what is given away ---- */

/* Words that are in no part of what is given away. */
struct banned {
    const char *words[24];
    size_t count;
};

static void ban(struct banned *banned, const char *word)
{
    cr_assert(banned->count < VC_COUNT(banned->words) && *word);
    banned->words[banned->count++] = word;
}

static void search(const struct banned *banned, const char *data, size_t size, const char *where)
{
    for (size_t i = 0; i < banned->count; i++) {
        const char *found = memmem(data, size, banned->words[i], strlen(banned->words[i]));

        cr_expect(!found, "%s is in %s: …%.80s", banned->words[i], where,
                  found && found - data > 40 ? found - 40
                  : found                    ? data
                                             : "");
    }
}

/* Every byte that is packed into it, headers too; all its members are there. */
static void search_bundle(const struct banned *banned, const char *file)
{
    static const char *const members[] = {"manifest.json", "documents.json", "events.jsonl", "run.json"};
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    VC_AUTO_TALLOC char *data = talloc_strdup(NULL, "");
    size_t size = 0;
    ssize_t n;

    cr_assert(!archive_read_support_filter_zstd(archive) && !archive_read_support_format_raw(archive) &&
              !archive_read_open_filename(archive, file, 65536) && !archive_read_next_header(archive, &entry));
    do {
        data = talloc_realloc(NULL, data, char, size + 65536);
        n = archive_read_data(archive, data + size, 65536);
        cr_assert_geq(n, 0);
        size += (size_t)n;
    } while (n > 0);
    archive_read_free(archive);
    for (size_t i = 0; i < VC_COUNT(members); i++)
        cr_assert(memmem(data, size, members[i], strlen(members[i])), "no %s in %zu bytes", members[i], size);
    search(banned, data, size, file);
}

/* nftw has no argument for its callback. */
static const struct banned *looked_for;

static int search_file(const char *path, const struct stat *st, int type, struct FTW *ftw VC_UNUSED)
{
    VC_AUTO_FILE *file = type == FTW_F ? fopen(path, "re") : NULL;
    VC_AUTO_TALLOC char *data = talloc_size(NULL, (size_t)st->st_size + 1);

    if (file)
        search(looked_for, data, fread(data, 1, (size_t)st->st_size, file), path);
    return 0;
}

static struct command *record(void *ctx, const char *scenario_file, const char *bundle)
{
    return VCLAB_START(ctx, "run", scenario_file, "--bundle", bundle, "--no-captures", "--evidence", "--results",
                       customer_results);
}

/* A customer as activated, with the order's keys, and with files of his own in which whatever a device has of secrets
 * is planted. */
static struct command *record_activated(void *ctx, struct banned *banned)
{
    static const char frr[] = "! planted-in-a-comment\nenable secret 9 $9$planted/enable\n"
                              "enable password 7 094F471A1A0A57\nusername operator password 8 planted#hash\n"
                              "snmp-server community planted-snmp RO\n"
                              "snmp-server host 10.0.0.1 version 2c planted-trap\nkey chain K\n key 1\n"
                              "  key-string planted two words\n";
    const char *ledger = in_top(ctx, "ledger"), *out = in_top(ctx, "order"),
               *keys = in_top(ctx, "order/one-cpe-keys.yaml");
    static const char form[] = VCLAB_SOURCE_DIR "/forms/accepted/one-cpe.yaml";
    struct command *activated = RUN(ctx, "activate", form, "--ledger", ledger, "--out", out);
    EXITS(activated, 0);
    struct command *settings = RUN(ctx, "activate", "--settings", "4711-1", "--ledger", ledger, "--json");
    VC_AUTO_JSON *document = json_loads(settings->out, 0, NULL);
    const json_t *tunnel;
    size_t i;

    json_array_foreach(json_object_get(document, "tunnels"), i, tunnel)
    {
        ban(banned, talloc_strdup(ctx, json_string_value(json_object_get(tunnel, "psk"))));
        ban(banned, talloc_strdup(ctx, json_string_value(json_object_get(tunnel, "bgp_password"))));
    }
    cr_assert_eq(banned->count, 4);
    ban(banned, "planted");
    ban(banned, "094F471A1A0A57");
    cr_assert_eq(mkdir(in_top(ctx, "order/own"), 0755), 0);
    static const char *const forms[][2] = {{"strongswan", "swanctl.conf"}, {"frr", "frr.conf"}};
    for (i = 0; i < VC_COUNT(forms); i++) {
        struct command *exported = RUN(ctx, "export", "cpe1", "--as", forms[i][0], "--topology", keys);
        EXITS(exported, 0);
        cr_assert(strstr(exported->out, banned->words[i]), "with its keys");
        put_text(in_top(ctx, talloc_asprintf(ctx, "order/own/%s", forms[i][1])),
                 talloc_asprintf(ctx, "%s%s", i ? frr : "# planted-in-a-comment\n", exported->out));
    }
    struct command *taken = RUN(ctx, "import", "--from", "strongswan-frr", in_top(ctx, "order/own"), "--topology", keys,
                                "--node", "cpe1", "-o", in_top(ctx, "order/customer.yaml"));
    EXITS(taken, 0);
    return record(ctx, scenario(ctx, "order/hub-activated", "customer", converges), in_top(ctx, "activated.bundle"));
}

/* The key of one tunnel is mistyped: that one is refused, the other carries everything. */
static const char one_is_refused[] =
    "  - expect:\n      - log: {node: cpe1, daemon: charon, contains: \"received AUTHENTICATION_FAILED\", within: "
    "40s}\n"
    "      - sa: {tunnel: dc1, state: down, within: 40s}\n      - session: {tunnel: dc2, state: up, within: 40s}\n"
    "      - path: {flow: voice, via: [dc2], within: 40s}\n  - hold: 1s\n";

/* A customer with a running-config, in which the same is planted. */
static struct command *record_imported(void *ctx, struct banned *banned)
{
    static const char planted[] = "enable secret 9 $9$planted/enable\nusername operator secret 5 $1$planted\n"
                                  "snmp-server community planted-snmp RO\nsnmp-server location planted-place\n"
                                  "line vty 0 4\n password 7 094F471A1A0A57\nplanted line of no known kind\nend\n";
    VC_AUTO_FILE *from = fopen(CONFIGS "broken-psk.cfg", "re");
    char *text = talloc_strdup(ctx, ""), line[4096];

    while (fgets(line, sizeof line, from))
        text = talloc_strdup_append(text, strcmp(line, "end\n") ? line : planted);
    put_text(in_top(ctx, "own.cfg"), text);
    struct command *taken = RUN(ctx, "import", "--from", "ios-xe", in_top(ctx, "own.cfg"), "--topology",
                                write_order(ctx, "one-cpe"), "--timers", "tuned", "-o", in_top(ctx, "customer.yaml"));
    EXITS(taken, 0);
    ban(banned, "of-the-order");
    ban(banned, "a-typo-in-the-key");
    return record(ctx, scenario(ctx, "hub-imported", "customer", one_is_refused), in_top(ctx, "imported.bundle"));
}

static int remove_entry(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED,
                        struct FTW *ftw VC_UNUSED)
{
    return remove(path);
}

static bool documents_have(void *ctx, const char *file, const char *text)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_bundle *bundle = vc_bundle_read(ctx, file, &err);

    cr_assert(bundle, "%s", err ? err->message : "");
    VC_AUTO_FREE char *documents = json_dumps(bundle->documents, 0);
    return strstr(documents, text);
}

/* No key of the customer's or the order's is in it, his fault is; and where nothing of his is, it plays again to the
 * same digest. */
Test(config_sealed, customers_bundles_have_no_secret)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct banned banned = {0};
    static const char *const names[] = {"activated.bundle", "imported.bundle"};
    struct command *runs[2];

    runs[0] = record_activated(ctx, &banned);
    runs[1] = record_imported(ctx, &banned);
    for (size_t i = 0; i < 2; i++) {
        command_end(runs[i], 580000);
        EXITS(runs[i], 0);
        search_bundle(&banned, in_top(ctx, names[i]));
    }
    looked_for = &banned;
    cr_assert_eq(nftw(customer_results, search_file, 16, FTW_PHYS), 0);
    cr_expect(documents_have(ctx, in_top(ctx, "imported.bundle"), "other-key-1"), "the fault is in it");
    cr_expect(documents_have(ctx, in_top(ctx, "activated.bundle"), "snmp-server community other-key-"), "so are files");

    cr_assert_eq(nftw(in_top(ctx, "order"), remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    cr_assert(!unlink(in_top(ctx, "order.yaml")) && !unlink(in_top(ctx, "customer.yaml")));
    /* another folder, another user's home and cache */
    cr_assert_eq(mkdir(in_top(ctx, "elsewhere"), 0755), 0);
    cr_assert(!chdir(in_top(ctx, "elsewhere")) && !setenv("HOME", in_top(ctx, "elsewhere"), 1) &&
              !unsetenv("XDG_CACHE_HOME"));
    for (size_t i = 0; i < 2; i++) {
        char *there = talloc_asprintf(ctx, "%zu", i);
        cr_assert_eq(rename(in_top(ctx, names[i]), there), 0);
        runs[i] = VCLAB_START(ctx, "replay", there, "--results", ".");
    }
    for (size_t i = 0; i < 2; i++) {
        command_end(runs[i], 580000);
        EXITS(runs[i], 0);
        cr_expect(strstr(runs[i]->out, "the same digest"), "%s", runs[i]->out);
    }
}
