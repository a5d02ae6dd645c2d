/*
 * From a form to a report, in a guest. A case of each kind is played and kept: nothing fails, a tunnel is lost under
 * the planned calls, packets of the sizes that matter, some of the single failures. A CPE with a mistyped key is not
 * accepted, and the report says what is wrong. The order's keys are nowhere but in the files that are its owner's
 * alone. Less than all cases is no acceptance; all of them take minutes, and were played by hand (docs/activation.md).
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "host.h"

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

static char *in_top(void *ctx, const char *name)
{
    return talloc_asprintf(ctx, "%s/%s", top, name);
}

/* ---- secrets ---- */

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

/* ---- acceptances ---- */

#define FORM VCLAB_SOURCE_DIR "/forms/accepted/one-cpe.yaml"

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static const json_t *case_of(const json_t *report, const char *name)
{
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(report, "cases"), i, row) if (!strcmp(text_of(row, "name"), name)) return row;
    cr_assert_fail("no case %s", name);
    return NULL;
}

/* `vclab onboard FORM …` to its end; its report, a new reference. */
static json_t *onboard(void *ctx, struct command **command, int status, const char *only, const char *option,
                       const char *value)
{
    const char *const argv[] = {VCLAB_BINARY,
                                "onboard",
                                FORM,
                                "--json",
                                "--ledger",
                                in_top(ctx, "ledger"),
                                "--out",
                                in_top(ctx, "out"),
                                "--results",
                                in_top(ctx, "results"),
                                option,
                                value,
                                only ? "--only" : NULL,
                                only,
                                NULL};

    *command = command_start(ctx, &(struct command_options){.argv = argv});
    command_end(*command, 280000);
    EXITS(*command, status);
    json_t *report = json_loads((*command)->out, 0, NULL);
    cr_assert(report, "%s", (*command)->out);
    return report;
}

Test(onboard, a_case_of_each_kind_is_kept_and_the_keys_are_their_owners)
{
    static const char *const kept[] = {"baseline", "packet-sizes-dc2", "voice-dc1-lost"};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *command;
    VC_AUTO_JSON *report = onboard(ctx, &command, 3, "@(baseline|packet-sizes-dc2|voice-dc1-lost|each-failure)",
                                   "--failures", "node/dc1-*");
    const json_t *each = case_of(report, "each-failure"), *voice = case_of(report, "voice-dc1-lost"), *row;
    size_t i;

    cr_assert(json_is_false(json_object_get(report, "accepted")), "%s", command->out);
    for (i = 0; i < VC_COUNT(kept); i++)
        cr_expect_str_eq(text_of(case_of(report, kept[i]), "verdict"), "pass", "%s: %s", kept[i],
                         text_of(case_of(report, kept[i]), "reason"));
    cr_expect_str_eq(text_of(case_of(report, "wan"), "verdict"), "skipped");
    cr_assert_eq(json_array_size(json_object_get(each, "elements")), 2);
    json_array_foreach(json_object_get(each, "elements"), i, row)
        cr_expect_str_eq(text_of(row, "verdict"), "agrees", "%s: %s", text_of(row, "name"), text_of(row, "reason"));
    cr_expect_str_eq(text_of(each, "verdict"), "skipped", "two of many failures are not each");
    cr_assert_eq(json_array_size(json_object_get(voice, "loads")), 4);
    cr_assert_eq(json_array_size(json_object_get(voice, "voice")), 4);
    SAYS(command, "1/4 Nothing fails: as promised");
    SAYS(command, "4/4 Every wire, end of a wire");
    SAYS(command, "one-cpe-acceptance-");
    VC_AUTO_JSON *secret = secrets_of(ctx, in_top(ctx, "ledger"));
    secrets = secret;
    cr_assert(!nftw(top, look, 16, FTW_PHYS));
    cr_assert_eq(found_in, 3 * 4, "the ledger, the keys and the settings have them: %zu", found_in);
    cr_assert_gt(looked_into, 12 + 8, "%zu files", looked_into);
}

/* The exported configuration of cpe1, with another key for one tunnel. */
static char *broken_config(void *ctx)
{
    char *path = in_top(ctx, "r1.cfg");
    struct command *export =
        VCLAB(ctx, "export", "cpe1", "--as", "ios-xe", "--topology", in_top(ctx, "out/one-cpe-keys.yaml"));
    char *key = strstr(export->out, "pre-shared-key ");
    VC_AUTO_FILE *file = fopen(path, "we");

    EXITS(export, 0);
    cr_assert(key, "%s", export->out);
    memcpy(key, "pre-shared-key mistyped", strlen("pre-shared-key mistyped"));
    cr_assert(file && fputs(export->out, file) >= 0 && !fflush(file));
    return path;
}

Test(onboard, a_mistyped_key_is_not_accepted_and_is_named)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *command;

    EXITS(VCLAB(ctx, "activate", FORM, "--ledger", in_top(ctx, "ledger"), "--out", in_top(ctx, "out")), 0);
    VC_AUTO_JSON *report = onboard(ctx, &command, 1, NULL, "--cpe", broken_config(ctx));
    const json_t *baseline = case_of(report, "baseline"), *cpe = json_array_get(json_object_get(report, "cpes"), 0);
    const json_t *deviation = json_array_get(json_object_get(cpe, "deviations"), 0);

    cr_assert(json_is_false(json_object_get(report, "accepted")));
    cr_expect_str_eq(text_of(baseline, "verdict"), "fail", "%s", text_of(baseline, "reason"));
    cr_expect_str_eq(text_of(json_array_get(json_object_get(baseline, "causes"), 0), "cause"), "ike-psk", "%s",
                     command->out);
    cr_expect_str_eq(text_of(case_of(report, "voice"), "verdict"), "skipped");
    cr_expect(strstr(text_of(case_of(report, "each-failure"), "reason"), "the baseline is not as promised"));
    cr_expect_str_eq(text_of(deviation, "knob"), "psk");
    cr_expect_eq(json_array_size(json_object_get(cpe, "deviations")), 1);
}
