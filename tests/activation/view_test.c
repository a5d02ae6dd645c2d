/* R18 and the modes of files: keys and passwords are in what is one's own alone, and nowhere else. */
#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>

TestSuite(view, .init = folder_open, .fini = folder_close);

static char *contents(void *ctx, const char *path)
{
    VC_AUTO_FILE *file = fopen(path, "re");
    char *text = talloc_zero_size(ctx, 65536);

    cr_assert(file && fread(text, 1, 65535, file) > 0, "%s", path);
    return text;
}

static bool has_secret(const char *text, const struct vc_order *order)
{
    bool found = false;

    for (size_t i = 0; i < VC_FORM_DCS; i++)
        found = found || strstr(text, order->allocation.tunnels[i].psk) ||
                strstr(text, order->allocation.tunnels[i].bgp_password);
    return found;
}

static bool has_all_secrets(const char *text, const struct vc_order *order)
{
    bool all = true;

    for (size_t i = 0; i < VC_FORM_DCS; i++)
        all = all && strstr(text, order->allocation.tunnels[i].psk) &&
              strstr(text, order->allocation.tunnels[i].bgp_password);
    return all;
}

Test(view, files_with_secrets_are_ones_own_alone)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    const char *out = in_top(ctx, "out");
    VC_AUTO_ERROR *err = NULL;
    static const struct {
        const char *name;
        mode_t mode;
    } files[] = {{"f1.yaml", 0644}, {"f1.export", 0644}, {"f1-keys.yaml", 0600}, {"f1.settings", 0600}};

    umask(022);
    for (int round = 0; round < 2; round++) { /* also over files that are there */
        const struct vc_activation_options options = {.out = out, .again = true};
        const struct vc_order *order = vc_activate(ctx, ledger, put_form(ctx, "acme", 1, ""), &options, &err);

        cr_assert(order, "%s", err ? err->message : "");
        for (size_t i = 0; i < VC_COUNT(files); i++) {
            const char *path = talloc_asprintf(ctx, "%s/%s", out, files[i].name), *text = contents(ctx, path);
            struct stat st;

            cr_assert(!stat(path, &st) && (st.st_mode & 0777) == files[i].mode, "%s: %o", path, st.st_mode);
            cr_assert_eq(has_secret(text, order), files[i].mode == 0600, "%s", path);
            cr_assert_eq(has_all_secrets(text, order), files[i].mode == 0600, "%s", path);
            chmod(path, 0666);
        }
    }
    struct dirent **entries;
    int count = scandir(out, &entries, NULL, NULL);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    cr_assert_eq(count, 5 + 2, "%d files", count - 2); /* and .gitignore */
}

Test(view, the_export_has_everything_but_the_secrets)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_order *order = allocate(ctx, open_ledger(ctx, "ledger"), make_form(ctx, "acme", "eu", 1));
    VC_AUTO_JSON *settings = vc_activation_document(order, VC_VIEW_SETTINGS);
    VC_AUTO_JSON *export = vc_activation_document(order, VC_VIEW_EXPORT);
    VC_AUTO_FREE char *all = json_dumps(settings, 0), *open = json_dumps(export, 0);
    json_t *tunnel;
    size_t i;

    cr_assert(has_all_secrets(all, order) && !has_secret(open, order));
    json_array_foreach(json_object_get(settings, "tunnels"), i, tunnel)
        cr_assert(!json_object_del(tunnel, "psk") && !json_object_del(tunnel, "bgp_password"));
    json_object_set_new(settings, "view", json_string("export"));
    cr_assert(json_equal(settings, export), "they differ in more than secrets");
    VC_AUTO_TALLOC char *text = vc_activation_text(NULL, export);
    cr_assert(strstr(text, "not in this document; the settings view has them") && !has_secret(text, order));
}

/* R17: what is shown is what a lab's topology has that says nothing. */
Test(view, security_is_ciscos)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_order *order = allocate(ctx, open_ledger(ctx, "ledger"), make_form(ctx, "acme", "eu", 1));
    VC_AUTO_JSON *document = vc_activation_document(order, VC_VIEW_EXPORT);
    VC_AUTO_TALLOC char *text = vc_activation_text(NULL, document);
    struct vc_settings settings;

    vc_settings_default(ctx, &settings);
    cr_assert(strstr(text, settings.ike_proposal) && strstr(text, "lifetime 14400 s") && strstr(text, "IKEv2"));
}

/* R16 */
Test(view, status_goes_from_in_progress_to_activated_to_deactivated)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    static const char *const wanted[] = {"In-Progress", "Activated", "Deactivated"};
    VC_AUTO_ERROR *err = NULL;

    VC_AUTO_JSON *none = vc_activation_status(ledger, NULL, NULL);
    cr_assert_str_eq(vc_activation_status_text(ctx, none), "no orders\n");
    for (size_t i = 0; i < VC_COUNT(wanted); i++) {
        if (i == 0)
            allocate(ctx, ledger, make_form(ctx, "acme", "eu", 1));
        else
            cr_assert(!vc_ledger_begin(ledger, NULL) &&
                      !(i == 1 ? vc_ledger_activated : vc_ledger_return)(ledger, "o1", NULL) &&
                      !vc_ledger_commit(ledger, NULL));
        VC_AUTO_JSON *status = vc_activation_status(ledger, "o1", &err);
        const char *text = vc_activation_status_text(ctx, status);
        cr_assert(strstr(text, wanted[i]), "%s", text);
        cr_assert_eq(strstr(text, "Cisco's side is done; the tunnels come up when your CPEs are configured") != NULL,
                     i == 1);
    }
    cr_assert(!vc_activation_status(ledger, "o2", &err) && strstr(err->message, "there is no order o2"));
}

Test(view, a_form_is_activated_once)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    const struct vc_activation_options options = {.out = NULL};
    VC_AUTO_ERROR *err = NULL;

    cr_assert(vc_activate(ctx, ledger, put_form(ctx, "acme", 1, ""), &options, NULL));
    cr_assert(!vc_activate(ctx, ledger, put_form(ctx, "acme", 1, ""), &options, &err));
    cr_assert(strstr(err->message, "order o1 is activated since") && strstr(err->message, "--files o1"), "%s",
              err->message);
    cr_assert(!vc_activate(ctx, ledger, put_form(ctx, "acme", 1, "asn: 64999\n"), &options, &err));
    cr_assert(strstr(err->message, "found another asn than order o1 of acme has"), "%s", err->message);
    cr_assert(!vc_activate(ctx, ledger, put_form(ctx, "globex", 1, ""), &options, &err));
    cr_assert(strstr(err->message, "found another customer than order o1 of acme has"), "%s", err->message);
    const struct vc_activation_options here = {.out = top};
    cr_assert(!vc_activate(ctx, ledger, put_form(ctx, "acme", 2, ""), &here, &err));
    cr_assert(strstr(err->message, "the topology would take the place of the form"), "%s", err->message);
    ledger_has(ledger, 1);
}
