/* `base`: what a topology takes from another's file, and what is told when that cannot be. */
#include "edit.h"

/* A folder of documents below /tmp; gone with ctx. */
struct shelf {
    char *folder;
    const char **files;
    size_t count;
};

static int shelf_destroy(struct shelf *shelf)
{
    for (size_t i = 0; i < shelf->count; i++)
        unlink(shelf->files[i]);
    rmdir(talloc_asprintf(shelf, "%s/shared", shelf->folder));
    rmdir(shelf->folder);
    return 0;
}

static struct shelf *new_shelf(void *ctx)
{
    struct shelf *shelf = talloc_zero(ctx, struct shelf);

    shelf->folder = talloc_strdup(shelf, "/tmp/vclab-base-XXXXXX");
    shelf->files = talloc_zero_array(shelf, const char *, 8);
    cr_assert(mkdtemp(shelf->folder));
    cr_assert_eq(mkdir(talloc_asprintf(shelf, "%s/shared", shelf->folder), 0700), 0);
    talloc_set_destructor(shelf, shelf_destroy);
    return shelf;
}

static const char *put(struct shelf *shelf, const char *name, const char *text)
{
    const char *file = talloc_asprintf(shelf, "%s/%s", shelf->folder, name);
    VC_AUTO_FILE *out = fopen(file, "we");

    cr_assert(out && shelf->count < 8 && fputs(text, out) >= 0);
    shelf->files[shelf->count++] = file;
    return file;
}

#define HEAD(name, base) "topology: " name "\nbase: " base "\ndescription: a test\n"

/* Loads a shelf's document and expects it to be refused with all these texts in the message. */
static void refused(struct shelf *shelf, const char *file, const char *const *texts)
{
    VC_AUTO_ERROR *err = NULL;

    cr_assert_null(vc_topology_load(shelf, file, KINDS, &err), "%s was accepted", file);
    cr_assert_eq(err->status, VC_EXIT_USAGE);
    for (; *texts; texts++)
        cr_expect(strstr(err->message, *texts), "no \"%s\" in: %s", *texts, err->message);
}
#define REFUSED(shelf, file, ...) refused(shelf, file, (const char *const[]){__VA_ARGS__, NULL})

static const struct vc_topology *loaded(void *ctx, const char *file)
{
    VC_AUTO_ERROR *err = NULL;
    const struct vc_topology *t = vc_topology_load(ctx, file, KINDS, &err);

    cr_assert(t, "%s", err ? err->message : "");
    return t;
}

static void at_home(void)
{
    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
}

TestSuite(base, .init = at_home);

Test(base, own_members_first_then_those_of_the_base)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_topology *t = loaded(ctx, SHIPPED("topologies/two-site.yaml"));

    cr_assert_str_eq(t->nodes[0].name, "cpe1");
    cr_assert_eq(t->nodes[vc_topology_node(t, "cpe2")].asn, 64513);
    cr_assert_str_eq(t->nodes[t->node_count - 1].name, "dc2-srv");
    cr_assert_eq(vc_topology_node(t, "lan"), VC_NONE);
    cr_assert_eq(vc_topology_link(t, "peer"), VC_NONE);
    cr_assert_eq(t->tunnel_count, 2);
    cr_assert_eq(t->base_count, 2);
    cr_assert_str_eq(t->bases[0].path, "two-cpe.yaml");
    cr_assert_str_eq(t->bases[1].path, "shared/cisco.yaml");
    cr_assert(strstr(t->bases[1].file, "topologies/shared/cisco.yaml"));
    /* a place in the base is the base's */
    cr_assert_str_eq(strrchr(t->dcs[0].mark.file, '/'), "/cisco.yaml");
    cr_assert_str_eq(strrchr(t->nodes[0].mark.file, '/'), "/two-site.yaml");
}

Test(base, beside_the_document_or_among_those_that_come_with_vclab)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct shelf *shelf = new_shelf(ctx);
    const char *file = put(shelf, "mine.yaml", HEAD("mine", "one-cpe") "settings: {mss: 1300}\n");
    const struct vc_topology *t = loaded(ctx, file);

    cr_assert_eq(t->settings.mss, 1300);
    cr_assert(strstr(t->bases[0].file, "/topologies/one-cpe.yaml"), "%s", t->bases[0].file);
    put(shelf, "one-cpe.yaml", HEAD("one-cpe", "two-cpe") "settings: {mss: 1200, rate: 10}\n");
    t = loaded(ctx, file);
    cr_assert_eq(t->settings.mss, 1300);
    cr_assert_eq(t->settings.rate_mbit, 10);
    cr_assert(vc_topology_node(t, "cpe2") != VC_NONE);
    cr_assert(!strncmp(t->bases[0].file, shelf->folder, strlen(shelf->folder)), "%s", t->bases[0].file);
    cr_assert_eq(t->base_count, 3);
}

/* An order in a folder of its own, and what was made of it in the one above. */
Test(base, of_a_document_in_a_folder_below)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct shelf *shelf = new_shelf(ctx);
    const char *file = put(shelf, "mine.yaml", HEAD("mine", "shared/order") "settings: {mss: 1300}\n");

    put(shelf, "shared/order.yaml", HEAD("order", "no-such"));
    REFUSED(shelf, file, "shared/order.yaml:2:7: found unknown base \"no-such\"");
    put(shelf, "shared/order.yaml", HEAD("order", "one-cpe"));
    const struct vc_topology *t = loaded(ctx, file);
    cr_assert_eq(t->base_count, 3);
    cr_assert(strstr(t->bases[1].file, "/topologies/one-cpe.yaml"), "%s", t->bases[1].file);
    cr_assert_str_eq(t->bases[1].path, "shared/one-cpe.yaml");
}

Test(base, timers_are_joined_by_name)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct shelf *shelf = new_shelf(ctx);
    const char *file =
        put(shelf, "mine.yaml", HEAD("mine", "shared/quick") "timers: {slow: {bgp: 60/180}, gone: null}\n");

    put(shelf, "shared/quick.yaml",
        HEAD("quick", "two-cpe") "timers: {slow: {bgp: 5/15}, gone: {bgp: 1/3}, quick: {bgp: 3/9}}\n");
    put(shelf, "shared/two-cpe.yaml", "topology: two-cpe\nbase: one-cpe\n");
    put(shelf, "shared/one-cpe.yaml", "topology: one-cpe\n");
    REFUSED(shelf, file, "mine.yaml:1:1: found a topology without \"nodes\"");
}

Test(base, errors_point_into_the_file_they_are_in)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct shelf *shelf = new_shelf(ctx);
    const char *file =
        put(shelf, "mine.yaml", HEAD("mine", "theirs") "nodes:\n  phone: {kind: hots}\n  lam: null\n  isp: null\n");

    put(shelf, "theirs.yaml",
        HEAD("theirs", "one-cpe") "links:\n  wan: {dc1-router: 172.31.0.1/30, dc2-roter: 172.31.0.2/30}\n");
    REFUSED(shelf, file, "/mine.yaml:5:17: found unknown kind of node \"hots\"",
            "/mine.yaml:6:3: found unknown member of the base \"lam\"", "did you mean \"lan\"?",
            "/theirs.yaml:5:36: found unknown node \"dc2-roter\"", "/one-cpe.yaml:18:39: found unknown node \"isp\"");

    /* file by file, not by the lines of two files mixed */
    VC_AUTO_ERROR *err = NULL;
    cr_assert_null(vc_topology_load(ctx, file, KINDS, &err));
    const char *last_own = strstr(err->message, "/mine.yaml:6:3"),
               *first_based = strstr(err->message, "/theirs.yaml:5:");
    cr_expect(last_own && first_based && last_own < first_based, "%s", err->message);
}

Test(base, what_is_no_base)
{
    static const char *const bad[] = {"[one-cpe]", "{a: b}", "/etc/passwd", "../one-cpe", "one-cpe.yaml",
                                      "a//b",      "a/",     "\"\"",        "One"};

    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        struct shelf *shelf = new_shelf(ctx);
        const char *text = talloc_asprintf(ctx, "topology: mine\nbase: %s\ndescription: a test\n", bad[i]);

        REFUSED(shelf, put(shelf, "mine.yaml", text), "/mine.yaml:2:", "NAME or FOLDER/NAME");
    }
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct shelf *shelf = new_shelf(ctx);
    REFUSED(shelf, put(shelf, "mine.yaml", HEAD("mine", "two-cbe")), "/mine.yaml:2:7: found unknown base \"two-cbe\"",
            "did you mean \"two-cpe\"?");
}

Test(base, a_circle_is_one_error)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct shelf *shelf = new_shelf(ctx);
    const char *file = put(shelf, "a.yaml", HEAD("a", "b"));
    VC_AUTO_ERROR *err = NULL;

    put(shelf, "b.yaml", HEAD("b", "c"));
    put(shelf, "c.yaml", HEAD("c", "a"));
    REFUSED(shelf, file, "/c.yaml:2:7: found \"a\" as base, which leads round in a circle to ");
    cr_assert_null(vc_topology_load(ctx, file, KINDS, &err));
    cr_assert_null(strchr(err->message, '\n'), "%s", err->message);
    VC_AUTO_ERROR *self = NULL;
    cr_assert_null(vc_topology_load(ctx, put(shelf, "self.yaml", HEAD("self", "self")), KINDS, &self));
    cr_assert(strstr(self->message, "/self.yaml:2:7: found \"self\" as base"), "%s", self->message);
}

Test(base, a_base_that_is_no_topology)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct shelf *shelf = new_shelf(ctx);
    const char *file = put(shelf, "mine.yaml", HEAD("mine", "theirs"));

    put(shelf, "theirs.yaml", "nodes: [\n");
    REFUSED(shelf, file, "/theirs.yaml:", "bad YAML");
}

/* R9 */
Test(base, a_private_address_is_behind_a_nat)
{
    static const struct {
        const char *from, *to, *told;
    } cases[] = {
        {"private: 192.168.100.2", "private: 192.168.100.9", "found 192.168.100.9, which no link gives to cpe1"},
        {"{kind: nat}", "{kind: isp}", "beyond which is nat1, a node of kind isp; allowed: a kind nat"},
        {"{cpe: 198.51.100.10,", "{cpe: 198.51.100.11,", "found 198.51.100.11, which no link gives to nat1"},
        {"{cpe: 198.51.100.10,", "{cpe: 192.168.100.1,", "found 192.168.100.1, which is in 192.168.0.0/16"},
        {"private: 192.168.100.2, ", "", "found 198.51.100.10, which no link gives to cpe1"},
    };
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_topology *t = loaded(ctx, SHIPPED("topologies/natted.yaml"));

    cr_assert_str_eq(vc_addr_text(t->tunnels[0].ipsec_private).s, "192.168.100.2");
    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_ERROR *err = NULL;
        const struct edit *edit = edit_file(ctx, SHIPPED("topologies/natted.yaml"), cases[i].from, cases[i].to);

        cr_assert_null(vc_topology_load(ctx, edit->file, KINDS, &err), "%s", cases[i].to);
        cr_expect(strstr(err->message, cases[i].told), "%s", err->message);
    }
}
