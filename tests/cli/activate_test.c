/* vclab activate as scripts and people call it. */
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "host.h"

static char top[] = "/tmp/vclab-activate-XXXXXX";
static char *before; /* the folder that the tests began in */

static void setup(void)
{
    cr_assert(mkdtemp(top));
    before = getcwd(NULL, 0);
    cr_assert(before && !chdir(top));
    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
    setenv("XDG_STATE_HOME", top, 1);
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

TestSuite(activate, .init = setup, .fini = teardown);

#define FORM(name)      VCLAB_SOURCE_DIR "/forms/" name ".yaml"
#define HAS(text, part) cr_assert(strstr((text), (part)), "no \"%s\" in\n%s", (part), (text))

/* The psk of dc1 as the settings view tells it. */
static char *key_of(void *ctx, const char *order)
{
    struct command *settings = VCLAB(ctx, "activate", "--settings", order, "--json");
    VC_AUTO_JSON *document = json_loads(settings->out, 0, NULL);
    const json_t *tunnel = json_array_get(json_object_get(document, "tunnels"), 0);

    EXITS(settings, 0);
    cr_assert(json_object_get(tunnel, "psk"), "%s", settings->out);
    return talloc_strdup(ctx, json_string_value(json_object_get(tunnel, "psk")));
}

Test(activate, an_order_from_the_form_to_its_end)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *command = VCLAB(ctx, "activate", FORM("accepted/one-cpe"));
    struct stat st;

    EXITS(command, 0);
    HAS(command->out, "Virtual Connect, order 4711-1 of acme in region eu\nActivated since ");
    SAYS(command, "topology one-cpe.order/one-cpe.yaml");
    const char *key = key_of(ctx, "4711-1");
    cr_assert(strlen(key) == 64 && !strstr(command->out, key));
    cr_assert(!stat("vclab/ledger.sqlite", &st) && (st.st_mode & 0777) == 0600);
    command =
        VCLAB(ctx, "check", "one-cpe.order/one-cpe.yaml", "one-cpe.order/one-cpe-keys.yaml", FORM("accepted/one-cpe"));
    EXITS(command, 0);
    HAS(command->out, "ok (topology one-cpe: 10 nodes, ");
    HAS(command->out, "ok (form of order 4711-1 of acme in region eu: 1 CPE)");
    command = VCLAB(ctx, "activate", "--status", "4711-1");
    EXITS(command, 0);
    HAS(command->out, "Activated");
    command = VCLAB(ctx, "activate", "--export", "4711-1");
    EXITS(command, 0);
    cr_assert(!strstr(command->out, key));
    command = VCLAB(ctx, "activate", "--settings", "4711-1");
    HAS(command->out, key);
    command = VCLAB(ctx, "activate", "--deactivate", "4711-1");
    EXITS(command, 0);
    HAS(command->out, "Deactivated");
    command = VCLAB(ctx, "activate", "--settings", "4711-1");
    EXITS(command, 2);
    SAYS(command, "order 4711-1 was deactivated at");
}

/* R15, R18: a read-only administrator looks, and nothing else. */
Test(activate, a_read_only_administrator_looks)
{
    static const char *const refused[][2] = {
        {"--settings", "4711-1"}, {"--deactivate", "4711-1"}, {"--files", "4711-1"}, {"--export", "4711-1"}};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *command = VCLAB(ctx, "activate", "--as", "read-only", FORM("accepted/one-cpe"));

    EXITS(command, 2);
    SAYS(command, "found role read-only; allowed: role full-admin");
    cr_assert(access("vclab/ledger.sqlite", F_OK), "a ledger was made");
    EXITS(VCLAB(ctx, "activate", "--seed", "7", FORM("accepted/one-cpe")), 0);
    for (size_t i = 0; i < VC_COUNT(refused); i++) {
        command = VCLAB(ctx, "activate", "--as", "read-only", refused[i][0], refused[i][1]);
        EXITS(command, 2);
        SAYS(command, "(R15)");
    }
    EXITS(VCLAB(ctx, "activate", "--as", "read-only", "--status"), 0);
    /* The form's own role is read-only; who asks is not. */
    EXITS(VCLAB(ctx, "activate", FORM("refused/read-only-admin")), 2);
}

Test(activate, the_seed_makes_the_same_keys)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *keys[3];

    for (int i = 0; i < 3; i++) {
        struct command *command = VCLAB(ctx, "activate", "--seed", i < 2 ? "7" : "8", FORM("accepted/one-cpe"));
        EXITS(command, 0);
        SAYS(command, "of order 4711-1 are derived from the seed, and who knows it has them");
        keys[i] = key_of(ctx, "4711-1");
        EXITS(VCLAB(ctx, "activate", "--deactivate", "4711-1"), 0);
    }
    cr_assert_str_eq(keys[0], keys[1]);
    cr_assert_str_neq(keys[0], keys[2]);
}

/* A seed cannot change what an order has, and is not dropped in silence. */
Test(activate, an_order_that_is_there_keeps_its_keys)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_FILE *file = fopen("no-folder", "we");

    struct command *command = VCLAB(ctx, "activate", FORM("accepted/one-cpe"), "--out", "no-folder");
    EXITS(command, 3);
    SAYS(command, "order 4711-1 stays In-Progress");
    const char *key = key_of(ctx, "4711-1");
    command = VCLAB(ctx, "activate", "--seed", "7", FORM("accepted/one-cpe"));
    EXITS(command, 0);
    SAYS(command, "order 4711-1 keeps the keys and passwords that it has; --seed is for a new one");
    cr_assert_str_eq(key_of(ctx, "4711-1"), key);
}

Test(activate, a_refused_form_changes_nothing)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *command = VCLAB(ctx, "activate", FORM("refused/source-private"), "--ledger", "l");

    EXITS(command, 2);
    SAYS(command, FORM("refused/source-private") ":11:17: found 10.10.0.1 as the IPsec source of cpe1");
    cr_assert(access("l", F_OK) && access("source-private.order", F_OK), "something was made");
    command = VCLAB(ctx, "activate", "--status", "--ledger", "l");
    EXITS(command, 2);
    SAYS(command, "l: nothing was activated yet");
}

Test(activate, bad_usage_is_told)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    SAYS(VCLAB(ctx, "activate"), "Usage: vclab activate FORM");
    SAYS(VCLAB(ctx, "activate", "--settings"), "Usage: vclab activate FORM");
    SAYS(VCLAB(ctx, "activate", "--status", "--export", "x"), "--status and --export; allowed: one of them");
    SAYS(VCLAB(ctx, "activate", "--as", "root", "--status"), "--as root; allowed: full-admin, read-only");
    EXITS(VCLAB(ctx, "activate", "--seed", "x", FORM("accepted/one-cpe")), 2);
    SAYS(VCLAB(ctx, "activate", "--status", "--out", "x"), "--out with --status, which writes no files");
    SAYS(VCLAB(ctx, "activate", "--export", "4711-1", "--out", "x"), "--out with --export, which writes no files");
    SAYS(VCLAB(ctx, "activate", "--settings", "4711-1", "--seed", "1"), "--seed with --settings, which makes no keys");
    EXITS(VCLAB(ctx, "activate", "--help"), 0);
}

/* The same command in a checkout where its results lie beside topologies of the same names. */
Test(activate, the_folder_hides_no_topology)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    EXITS(VCLAB(ctx, "activate", FORM("accepted/two-cpe")), 0);
    EXITS(VCLAB(ctx, "export", "cpe1", "--as", "ios-xe", "--topology", "two-cpe", "--no-secrets"), 0);
}

Test(activate, files_are_written_again_where_they_are_wanted)
{
    static const char *const names[] = {"a/one-cpe.yaml", "a/one-cpe-keys.yaml", "a/one-cpe.settings",
                                        "a/one-cpe.export"};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    EXITS(VCLAB(ctx, "activate", FORM("accepted/one-cpe")), 0);
    struct command *command = VCLAB(ctx, "activate", "--files", "4711-1", "--out", "a");
    EXITS(command, 0);
    SAYS(command, "topology a/one-cpe.yaml");
    for (size_t i = 0; i < VC_COUNT(names); i++)
        cr_expect(!access(names[i], F_OK), "%s", names[i]);
    /* The settings alone. */
    command = VCLAB(ctx, "activate", "--settings", "4711-1", "--out", "b");
    EXITS(command, 0);
    SAYS(command, "settings (yours alone) b/one-cpe.settings");
    cr_assert(!*command->out && !access("b/one-cpe.settings", F_OK) && access("b/one-cpe.yaml", F_OK));
    /* What deactivating does not take back is said. */
    command = VCLAB(ctx, "activate", "--deactivate", "4711-1");
    SAYS(command, "files with them (*-keys.yaml, *.settings) are where they were written");
    EXITS(VCLAB(ctx, "activate", "--files", "4711-1"), 2);
}

/* What cannot be told is no success. */
Test(activate, a_full_disk_behind_stdout_is_told)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_FD full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct command *command = command_start(
        ctx,
        &(struct command_options){.out = full, .argv = VCLAB_ARGV("activate", "--json", FORM("accepted/one-cpe"))});

    cr_assert_eq(command_end(command, 60000), 3, "%s", command->err);
    SAYS(command, "cannot write to stdout: No space left on device");
    /* The order is there. */
    EXITS(VCLAB(ctx, "activate", "--settings", "4711-1"), 0);
}

/* What activate would refuse check refuses, and allocates nothing. */
Test(activate, check_says_what_activate_would)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_FILE *file = fopen("small.yaml", "we");

    cr_assert(file && fputs("form: small\ncustomer: acme\norder: o1\nregions: [eu]\nregion: eu\n"
                            "dedicated_instance: active\nlan: [10.10.0.0/28]\ncpes:\n  cpe1: {ipsec: 198.51.100.10, "
                            "transport: {dc1: 10.200.0.1, dc2: 10.200.0.2}}\n",
                            file) >= 0);
    fflush(file);
    struct command *command = VCLAB(ctx, "check", "small.yaml"), *same = VCLAB(ctx, "activate", "small.yaml");
    EXITS(command, 2);
    EXITS(same, 2);
    SAYS(command, "small.yaml:7:6: found no prefix with room for the lab's LAN; allowed: one that is a /27 or larger");
    cr_assert_str_eq(command->err, same->err);
    cr_assert(access("small.order", F_OK));
}
