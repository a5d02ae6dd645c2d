/* From a form to a report, in a guest; and the order's keys are nowhere but in the files that are its owner's alone.
 * One case of twelve: that is no acceptance, and what the others show is in scenarios/. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "host.h"

#define NAME "one-of-two-behind-nat"

static char top[] = "/tmp/vclab-onboard-XXXXXX";

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
}

static int remove_entry(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED,
                        struct FTW *ftw VC_UNUSED)
{
    return remove(path);
}

static void teardown(void)
{
    nftw(top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(onboard, .init = setup, .fini = teardown, .timeout = 290);

/* nftw has no argument for its callback. */
static const json_t *secrets;
static size_t looked_into, found_in;

static bool holds(const char *path, const char *text)
{
    VC_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    cr_assert(fd >= 0 && !fstat(fd, &st), "%s: %s", path, strerror(errno));
    VC_AUTO_TALLOC char *data = talloc_size(NULL, (size_t)st.st_size + 1);
    ssize_t size = read(fd, data, (size_t)st.st_size);
    return size > 0 && memmem(data, (size_t)size, text, strlen(text));
}

/* Others may read it: then it has none. */
static int look(const char *path, const struct stat *st, int type, struct FTW *ftw VC_UNUSED)
{
    const json_t *secret;
    size_t i;

    if (type != FTW_F)
        return 0;
    looked_into++;
    json_array_foreach(secrets, i, secret)
    {
        bool held = holds(path, json_string_value(secret));

        found_in += held;
        cr_expect(!held || (st->st_mode & 077) == 0, "%s has a secret and mode %o", path, st->st_mode & 0777);
    }
    return 0;
}

static json_t *secrets_of(void *ctx, const char *ledger)
{
    struct command *settings = VCLAB(ctx, "activate", "--settings", "4711-1", "--ledger", ledger, "--json");
    VC_AUTO_JSON *document = json_loads(settings->out, 0, NULL);
    json_t *out = json_array(), *tunnel;
    size_t i;

    EXITS(settings, 0);
    json_array_foreach(json_object_get(document, "tunnels"), i, tunnel)
    {
        json_array_append(out, json_object_get(tunnel, "psk"));
        json_array_append(out, json_object_get(tunnel, "bgp_password"));
    }
    cr_assert_eq(json_array_size(out), 4);
    return out;
}

Test(onboard, an_order_is_tried_and_its_keys_are_its_owners)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *ledger = talloc_asprintf(ctx, "%s/ledger", top), *out = talloc_asprintf(ctx, "%s/out", top);
    const char *results = talloc_asprintf(ctx, "%s/results", top);
    const char *form = VCLAB_SOURCE_DIR "/forms/accepted/" NAME ".yaml";
    struct command *command =
        command_start(ctx, &(struct command_options){.argv = VCLAB_ARGV("onboard", form, "--timers", "bfd", "--only",
                                                                        "baseline", "--ledger", ledger, "--out", out,
                                                                        "--results", results, "--json")});

    command_end(command, 280000);
    EXITS(command, 3);
    VC_AUTO_JSON *report = json_loads(command->out, 0, NULL);
    const json_t *baseline = json_array_get(json_object_get(report, "cases"), 0);
    cr_assert(json_is_false(json_object_get(report, "accepted")), "%s", command->out);
    cr_assert_eq(json_integer_value(json_object_get(report, "total")), 12);
    cr_assert_eq(json_integer_value(json_object_get(report, "passed")), 1, "%s", command->out);
    cr_assert_str_eq(json_string_value(json_object_get(baseline, "verdict")), "pass");
    cr_assert_eq(json_array_size(json_object_get(baseline, "flows")), 2);
    SAYS(command, "1/12 Nothing fails: as promised");
    SAYS(command, NAME "-acceptance-");
    VC_AUTO_JSON *kept = secrets_of(ctx, ledger);
    secrets = kept;
    cr_assert(!nftw(top, look, 16, FTW_PHYS));
    cr_assert_eq(found_in, 3 * 4, "the ledger, the keys and the settings have them: %zu", found_in);
    cr_assert_gt(looked_into, 12 + 8, "%zu files", looked_into);
}
