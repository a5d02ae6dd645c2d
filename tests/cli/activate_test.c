/* vclab activate as scripts and people call it. */
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
    SAYS(command, "topology one-cpe/one-cpe.yaml");
    const char *key = key_of(ctx, "4711-1");
    cr_assert(strlen(key) == 64 && !strstr(command->out, key));
    cr_assert(!stat("vclab/ledger.sqlite", &st) && (st.st_mode & 0777) == 0600);
    command = VCLAB(ctx, "check", "one-cpe/one-cpe.yaml", "one-cpe/one-cpe-keys.yaml", FORM("accepted/one-cpe"));
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
        {"--settings", "4711-1"}, {"--deactivate", "4711-1"}, {"--files", "4711-1"}};
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
    EXITS(VCLAB(ctx, "activate", "--as", "read-only", "--export", "4711-1"), 0);
    /* The form's own role is read-only; who asks is not. */
    EXITS(VCLAB(ctx, "activate", FORM("refused/read-only-admin")), 2);
}

Test(activate, the_seed_makes_the_same_keys)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *keys[3];

    for (int i = 0; i < 3; i++) {
        EXITS(VCLAB(ctx, "activate", "--seed", i < 2 ? "7" : "8", FORM("accepted/one-cpe")), 0);
        keys[i] = key_of(ctx, "4711-1");
        EXITS(VCLAB(ctx, "activate", "--deactivate", "4711-1"), 0);
    }
    cr_assert_str_eq(keys[0], keys[1]);
    cr_assert_str_neq(keys[0], keys[2]);
}

Test(activate, a_refused_form_changes_nothing)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *command = VCLAB(ctx, "activate", FORM("refused/source-private"), "--ledger", "l");

    EXITS(command, 2);
    SAYS(command, FORM("refused/source-private") ":11:17: found 10.10.0.1 as the IPsec source of cpe1");
    cr_assert(access("l", F_OK) && access("source-private", F_OK), "something was made");
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
    EXITS(VCLAB(ctx, "activate", "--help"), 0);
}
