/* vclab onboard as scripts and people call it, without a lab; and that a form's folder is in nobody's way. */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "host.h"
#include "model/topology.h"

static char top[] = "/tmp/vclab-onboard-list-XXXXXX";
static char *before; /* the folder that the tests began in */

static void setup(void)
{
    cr_assert(mkdtemp(top));
    before = getcwd(NULL, 0);
    cr_assert(before && !chdir(top));
    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
    setenv("XDG_STATE_HOME", top, 1);
    unsetenv("SUDO_UID");
}

static int remove_entry(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED,
                        struct FTW *ftw VC_UNUSED)
{
    return remove(path);
}

static void teardown(void)
{
    cr_assert(!chdir(before));
    free(before);
    nftw(top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(onboard, .init = setup, .fini = teardown);

#define FORM(name)      VCLAB_SOURCE_DIR "/forms/" name ".yaml"
#define HAS(text, part) cr_assert(strstr((text), (part)), "no \"%s\" in\n%s", (part), (text))

Test(onboard, says_what_is_wrong_with_a_command)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *form = FORM("accepted/one-cpe");

    SAYS(VCLAB(ctx, "onboard"), "Usage: vclab onboard FORM");
    SAYS(VCLAB(ctx, "onboard", "--timers", "swift", form),
         "--timers swift; allowed: tuned, service, keepalive, bfd, only-bfd");
    SAYS(VCLAB(ctx, "onboard", "--as", "root", form), "--as root; allowed: full-admin, read-only");
    SAYS(VCLAB(ctx, "onboard", "--node", "cpe1", form), "--node says whose the one --cpe is");
    EXITS(VCLAB(ctx, "onboard", "--node", "cpe1", form), 2);
    SAYS(VCLAB(ctx, "onboard", "--cpe", "a", "--cpe", "b", "--cpe", "c", form), "--cpe c; allowed: once for each CPE");
    EXITS(VCLAB(ctx, "onboard", "--help"), 0);
    struct command *refused = VCLAB(ctx, "onboard", "--list", "--timers", "keepalive", FORM("accepted/no-keepalives"));
    EXITS(refused, 2);
    SAYS(refused, "has GRE keepalives off, and timers keepalive notice a loss by nothing else");
    SAYS(refused, "(R28)");
    struct command *none = VCLAB(ctx, "onboard", "--list", "--ledger", "other", "--failures", "node/nobody", form);
    EXITS(none, 2);
    SAYS(none, "--failures node/nobody: no element of one-cpe.order/one-cpe.yaml is named like that");
}

/* How many of the folder's names begin with a dot: drafts. */
static size_t drafts(const char *folder)
{
    DIR *dir = opendir(folder);
    size_t count = 0;

    cr_assert(dir, "%s", folder);
    for (const struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] == '.' && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return count;
}

/* Twice: the second time the order is there, and the scenarios are the same. */
Test(onboard, writes_its_cases)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *first = VCLAB(ctx, "onboard", "--list", FORM("accepted/two-cpe"));
    struct command *second = VCLAB(ctx, "onboard", "--list", FORM("accepted/two-cpe"));

    EXITS(first, 0);
    EXITS(second, 0);
    cr_assert_str_eq(first->out, second->out);
    HAS(first->out, "two-cpe.order/scenarios/two-cpe-tunnel-dc1.yaml  The Internet drops what is in the tunnel to dc1");
    EXITS(VCLAB(ctx, "check", "two-cpe.order/scenarios/two-cpe-voice.yaml"), 0);
    SAYS(VCLAB(ctx, "onboard", "--list", "--as", "read-only", FORM("accepted/two-cpe")), "(R15)");
    cr_assert_eq(drafts("two-cpe.order/scenarios"), 0);
}

/* A seed repeats a run. An order's keys must not be made of a number that can be guessed. */
Test(onboard, makes_no_keys_of_a_seed)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *keys[2];

    for (size_t i = 0; i < 2; i++) {
        const char *ledger = talloc_asprintf(ctx, "ledger%zu", i), *out = talloc_asprintf(ctx, "out%zu", i);

        EXITS(
            VCLAB(ctx, "onboard", "--list", "--seed", "1", "--ledger", ledger, "--out", out, FORM("accepted/one-cpe")),
            0);
        struct command *settings = VCLAB(ctx, "activate", "--settings", "4711-1", "--ledger", ledger, "--json");
        VC_AUTO_JSON *document = json_loads(settings->out, 0, NULL);
        const json_t *tunnel = json_array_get(json_object_get(document, "tunnels"), 0);
        cr_assert(json_object_get(tunnel, "psk"), "%s", settings->out);
        keys[i] = talloc_strdup(ctx, json_string_value(json_object_get(tunnel, "psk")));
    }
    cr_assert_str_neq(keys[0], keys[1]);
}

static void lists(const char *out, const char *kind, const char *name, const char *more)
{
    VC_AUTO_TALLOC char *line = talloc_asprintf(NULL, "\n%s/%s%s%s\n", kind, name, *more ? "/" : "", more);

    cr_expect(strstr(out, line), "no %s in\n%s", line + 1, out);
}

/* Whatever the topology has: each node, each link and each of its ends, BGP in each tunnel. */
Test(onboard, lets_everything_fail_that_the_topology_has)
{
    static const char *const forms[] = {"one-cpe", "two-cpe", "behind-nat"};

    for (size_t i = 0; i < VC_COUNT(forms); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *form = talloc_asprintf(ctx, VCLAB_SOURCE_DIR "/forms/accepted/%s.yaml", forms[i]);
        const char *ledger = talloc_asprintf(ctx, "%s.ledger", forms[i]);
        const char *file = talloc_asprintf(ctx, "%s.order/%s.yaml", forms[i], forms[i]);
        struct command *command = VCLAB(ctx, "onboard", "--list", "--ledger", ledger, form);
        VC_AUTO_ERROR *err = NULL;

        EXITS(command, 0);
        const struct vc_topology *t = vc_topology_load(ctx, file, VCLAB_SOURCE_DIR "/nodes", &err);
        cr_assert(t, "%s", err ? err->message : "");
        for (size_t n = 0; n < t->node_count; n++)
            if (strcmp(t->nodes[n].kind, "host") != 0)
                lists(command->out, "node", t->nodes[n].name, "");
        for (size_t l = 0; l < t->link_count; l++) {
            lists(command->out, "link", t->links[l].name, "");
            for (size_t end = 0; end < 2; end++)
                lists(command->out, "end", t->links[l].name, t->nodes[t->links[l].end[end].node].name);
        }
        for (size_t k = 0; k < t->tunnel_count; k++)
            lists(command->out, "drop/bgp", t->tunnels[k].name, "");
        HAS(command->out, "\ndaemon/dc1-headend/charon\n");
        HAS(command->out, "\ndaemon/cpe1/bgpd\n");
    }
}

static void put_text(const char *path, const char *text)
{
    VC_AUTO_FILE *file = fopen(path, "we");

    cr_assert(file && fputs(text, file) >= 0 && !fflush(file), "%s", path);
}

/* The exported running-config of cpe2 in which MSS is another. */
static void put_config(void *ctx, const char *path)
{
    struct command *export =
        VCLAB(ctx, "export", "cpe2", "--as", "ios-xe", "--topology", "two-cpe.order/two-cpe-keys.yaml");
    char *mss;

    EXITS(export, 0);
    mss = strstr(export->out, "adjust-mss 1350");
    cr_assert(mss, "%s", export->out);
    memcpy(mss, "adjust-mss 1250", strlen("adjust-mss 1250"));
    put_text(path, export->out);
}

/* What the customer's router has otherwise is told with its line, and it is what is tried. */
Test(onboard, holds_the_customers_configuration_against_the_order)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *form = FORM("accepted/two-cpe");

    EXITS(VCLAB(ctx, "onboard", "--list", form), 0);
    put_config(ctx, "r2.cfg");
    struct command *command = VCLAB(ctx, "onboard", "--list", "--cpe", "r2.cfg", form);
    EXITS(command, 0);
    SAYS(command, "r2.cfg: node cpe2 of topology two-cpe");
    SAYS(command, "mss is 1250; the order has 1350 (R42)");
    cr_assert(!strstr(command->err, "psk") && !strstr(command->err, "password"), "the keys are the order's:\n%s",
              command->err);
    HAS(command->out, "vclab sweep two-cpe.order/two-cpe-own.yaml --timers tuned");
    EXITS(VCLAB(ctx, "check", "two-cpe.order/two-cpe-own.yaml", "two-cpe.order/scenarios/two-cpe-baseline.yaml"), 0);
    VC_AUTO_FILE *scenario = fopen("two-cpe.order/scenarios/two-cpe-baseline.yaml", "re");
    char text[4096] = {0};
    cr_assert(scenario && fread(text, 1, sizeof text - 1, scenario) > 0);
    HAS(text, "topology: ../two-cpe-own.yaml\n");
}

Test(onboard, says_which_configuration_it_cannot_try)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *form = FORM("accepted/two-cpe");

    EXITS(VCLAB(ctx, "onboard", "--list", form), 0);
    put_config(ctx, "r2.cfg");
    struct command *twice = VCLAB(ctx, "onboard", "--list", "--cpe", "r2.cfg", "--cpe", "r2.cfg", form);
    EXITS(twice, 2);
    SAYS(twice, "two configurations look like cpe2");
    struct command *nobody = VCLAB(ctx, "onboard", "--list", "--cpe", "r2.cfg", "--node", "x", form);
    EXITS(nobody, 2);
    SAYS(nobody, "--node x: no such node in two-cpe.order/two-cpe.yaml");
    EXITS(VCLAB(ctx, "onboard", "--list", "--cpe", "none.cfg", form), 2);
}

/* Labs are named by topologies, and a folder of such a name must not be taken for one. */
Test(onboard, leaves_topologies_their_names)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    cr_assert(!mkdir("two-cpe", 0755) && !mkdir("nowhere", 0755));
    EXITS(VCLAB(ctx, "export", "cpe1", "--as", "ios-xe", "--topology", "two-cpe"), 0);
    struct command *none = VCLAB(ctx, "export", "cpe1", "--as", "ios-xe", "--topology", "nowhere");
    EXITS(none, 2);
    SAYS(none, "nowhere: neither a file nor a topology");
}

/* The list is what was asked for: half of it is a failure. */
Test(onboard, notices_that_nobody_got_its_list)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_FD full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct command *command = command_start(
        ctx, &(struct command_options){.out = full, .argv = VCLAB_ARGV("onboard", "--list", FORM("accepted/one-cpe"))});

    cr_assert(full > 0);
    command_end(command, 60000);
    EXITS(command, 3);
    SAYS(command, "cannot write to standard output");
}
