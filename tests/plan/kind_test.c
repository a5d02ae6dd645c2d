/* Kinds are folders that people write: what they get wrong is named with file and line. */
#include <criterion/criterion.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "fixture.h"
#include "plan/kind.h"

/* A folder of kinds in a temporary place: daemons.yaml and one kind "k". */
struct home {
    char path[64];
};

static void put(const struct home *home, const char *name, const char *text)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", home->path, name);
    VC_AUTO_FILE *f = fopen(path, "w");

    cr_assert_not_null(f);
    fputs(text, f);
}

static struct home home_new(const char *kind, const char *daemons)
{
    struct home home = {"/tmp/vclab-kind-XXXXXX"};

    cr_assert_not_null(mkdtemp(home.path));
    VC_AUTO_TALLOC char *folder = talloc_asprintf(NULL, "%s/k", home.path);
    cr_assert_eq(mkdir(folder, 0755), 0);
    if (kind)
        put(&home, "k/kind.yaml", kind);
    if (daemons)
        put(&home, "daemons.yaml", daemons);
    return home;
}

static int remove_one(const char *path, const struct stat *st VC_UNUSED, int flag VC_UNUSED, struct FTW *ftw VC_UNUSED)
{
    return remove(path);
}

static void home_cleanup(struct home *home)
{
    nftw(home->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#define HOME(name) __attribute__((cleanup(home_cleanup))) struct home name

static const char daemons[] = "d:\n  argv: [/bin/d, -x]\n  ready: /run/d\n  log: /var/log/d\n";

Test(kind, is_read_whole)
{
    HOME(home) =
        home_new("description: a kind\nsysctls: [net/ipv4/ip_forward=1]\ndaemons: [d]\nfiles: {/etc/a: a.mustache}\n"
                 "firewall: fw.mustache\n",
                 "d:\n  argv: [/bin/d]\n  needs: [/run/x]\n  ready: /run/d\n  log: /var/log/d\n"
                 "  when: timers.bfd\n  rt_priority: {user: 12}\n  sockets: [/run/s]\n");
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_kind *kind = vc_kind_load(ctx, home.path, "k", &err);

    cr_assert_not_null(kind, "%s", err ? err->message : "");
    cr_expect_str_eq(kind->description, "a kind");
    cr_expect_str_eq(kind->sysctls[0], "net/ipv4/ip_forward=1");
    cr_expect_str_eq(kind->files.items[0].path, "/etc/a");
    cr_expect_str_eq(kind->firewall, "fw.mustache");
    cr_expect_null(kind->routes);
    cr_assert_eq(kind->daemon_count, 1u);
    cr_expect_str_eq(kind->daemons[0].needs[0], "/run/x");
    cr_expect_str_eq(kind->daemons[0].when, "timers.bfd");
    cr_expect_str_eq(kind->daemons[0].sockets[0], "/run/s");
    cr_expect_eq(kind->daemons[0].rt_priority_user, 12);
    cr_expect_eq(kind->daemons[0].rt_priority_kernel, 0);
}

static const struct {
    const char *kind, *daemons, *message;
} mistakes[] = {
    {NULL, daemons, "k/kind.yaml"},
    {"", daemons, "k/kind.yaml"},
    {"description: x\nsysctl: [a=1]\n", daemons, "k/kind.yaml:2:1: found unknown member \"sysctl\""},
    {"sysctls: []\n", daemons, "found no 'description'; it is required"},
    {"description: x\ndaemons: [d, e]\n", daemons,
     "k/kind.yaml:2:14: found the daemon \"e\"; allowed: one that daemons.yaml describes"},
    {"description: x\ndaemons: d\n", daemons, "k/kind.yaml:2:10: found \"d\"; allowed: a list of names"},
    {"description: x\nsysctls:\n  a: b\n", daemons, "k/kind.yaml:3:3: found a mapping; allowed: a list of texts"},
    {"description: x\nfiles: {etc/a: b}\n", daemons,
     "k/kind.yaml:2:9: found the path \"etc/a\"; allowed: an absolute path"},
    {"description: [x]\n", daemons, "k/kind.yaml:1:14: found a list; allowed: a text"},
    {"description: x\nsysctls: {[\n", daemons, "k/kind.yaml:"},
    {"description: x\ndaemons: [d]\n", NULL, "daemons.yaml"},
    {"description: x\ndaemons: [d]\n", "d:\n  argv: [/bin/d]\n  log: /var/log/d\n",
     "daemons.yaml:2:3: found no 'ready'; it is required"},
    {"description: x\ndaemons: [d]\n", "d:\n  argv: [/bin/d]\n  ready: /r\n  log: /l\n  rt_priority: {user: 100}\n",
     "daemons.yaml:5:17: found user: \"100\"; allowed: a mapping of kernel and user"},
    {"description: x\ndaemons: [d]\n", "d:\n  argv: [/bin/d]\n  ready: /r\n  log: /l\n  after_bgp: perhaps\n",
     "daemons.yaml:5:14: found \"perhaps\"; allowed: true or false"},
    {"description: x\ndaemons: [d]\n", "d:\n  argv: [/bin/d]\n  ready: /r\n  log: /l\n  rt_priority: {usr: 1}\n",
     "daemons.yaml:5:17: found usr: \"1\"; allowed: a mapping of kernel and user"},
};

Test(kind, mistakes_are_named_with_their_place)
{
    for (size_t i = 0; i < VC_COUNT(mistakes); i++) {
        HOME(home) = home_new(mistakes[i].kind, mistakes[i].daemons);
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;

        cr_expect_null(vc_kind_load(ctx, home.path, "k", &err), "case %zu", i);
        cr_expect(err && err->status == VC_EXIT_USAGE && strstr(err->message, mistakes[i].message),
                  "case %zu: expected \"%s\", got \"%s\"", i, mistakes[i].message, err ? err->message : "no error");
    }
}

/* A topology of one node of kind "k". */
static struct vc_plan *plan_of(void *ctx, const struct home *home, vc_error **err)
{
    static struct vc_node node = {.name = "n", .kind = "k"};
    static const struct vc_topology topology = {
        .name = "t", .nodes = &node, .node_count = 1, .settings = {"i", "e", 100, 100, 10, 3, 32, 1400, 1350, 250}};
    struct vc_plan_options options = {VC_PLANE_USER, &fixture_timers[0], 1, home->path};

    return vc_plan_make(ctx, &topology, &options, err);
}

Test(kind, a_missing_template_is_named)
{
    HOME(home) = home_new("description: x\nroutes: nowhere.mustache\n", NULL);
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    cr_assert_null(plan_of(ctx, &home, &err));
    cr_expect(strstr(err->message, "node n: "), "%s", err->message);
    cr_expect(strstr(err->message, "k/kind.yaml: cannot read its template nowhere.mustache"), "%s", err->message);
    cr_expect_eq(err->status, VC_EXIT_USAGE);
}

Test(kind, a_mistake_in_a_template_is_named_with_its_line)
{
    HOME(home) = home_new("description: x\nroutes: r.mustache\n", NULL);
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    put(&home, "k/r.mustache", "\n{{nam}}\n");
    cr_assert_null(plan_of(ctx, &home, &err));
    cr_expect(strstr(err->message, "k/r.mustache:2: no such variable: 'nam'"), "%s", err->message);
}

Test(kind, its_own_template_comes_before_the_shared_one)
{
    HOME(home) = home_new("description: x\nfiles: {/a: t.mustache, /b: u.mustache}\n", NULL);
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    put(&home, "t.mustache", "shared");
    put(&home, "k/t.mustache", "own {{name}}");
    put(&home, "u.mustache", "shared {{kind}}");
    const struct vc_plan *plan = plan_of(ctx, &home, &err);
    cr_assert_not_null(plan, "%s", err ? err->message : "");
    cr_expect_str_eq(plan->nodes[0].files[0].text, "own n");
    cr_expect_str_eq(plan->nodes[0].files[1].text, "shared k");
}

Test(kind, texts_of_several_lines_give_several_items)
{
    HOME(home) = home_new(
        "description: x\nsysctls:\n  - \"a=1\\nb={{name}}\\n\\n\"\n  - \"{{#asnx}}c=1{{/asnx}}\"\n  - a=1\n", NULL);
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_plan *plan = plan_of(ctx, &home, &err);

    cr_assert_not_null(plan, "%s", err ? err->message : "");
    cr_expect_str_eq(plan->nodes[0].sysctls[0], "a=1");
    cr_expect_str_eq(plan->nodes[0].sysctls[1], "b=n");
    cr_expect_null(plan->nodes[0].sysctls[2]);
}

Test(kind, a_daemon_runs_only_where_its_condition_is_true)
{
    HOME(home) = home_new("description: x\ndaemons: [d]\n",
                          "d:\n  when: timers.bfd\n  argv: [/bin/d]\n  ready: /r\n  log: /l\n");
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_plan *plan = plan_of(ctx, &home, &err);

    cr_assert_not_null(plan, "%s", err ? err->message : "");
    cr_expect_eq(plan->nodes[0].daemon_count, 0u);
}

Test(kind, what_loads_a_daemon_is_one_command_a_line)
{
    HOME(home) =
        home_new("description: x\ndaemons: [d, e]\n",
                 "d:\n  argv: [/bin/d]\n  ready: /r\n  log: /l\n  kernel_sas: true\n"
                 "  load: [\"/bin/l {{name}}\", \"{{#plane.kernel}}/bin/a\\n/bin/b{{/plane.kernel}}\", /bin/m]\n"
                 "e:\n  argv: [/bin/e]\n  ready: /r\n  log: /l\n");
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_plan *plan = plan_of(ctx, &home, &err);

    cr_assert_not_null(plan, "%s", err ? err->message : "");
    const struct vc_plan_daemon *d = &plan->nodes[0].daemons[0], *e = d + 1;
    cr_assert(d->load[0] && d->load[1]);
    cr_expect_str_eq(d->load[0], "/bin/l n");
    cr_expect_str_eq(d->load[1], "/bin/m"); /* the other plane, so neither of the two */
    cr_expect_null(d->load[2]);
    cr_expect(d->kernel_sas && !e->kernel_sas);
    cr_expect_null(e->load[0]);
}

Test(kind, rare_daemons_of_a_topology_are_named_once)
{
    HOME(home) = home_new("description: x\ndaemons: [r, d, q]\n",
                          "r:\n  argv: [/bin/r]\n  ready: /r\n  log: /l\n  rare: true\n  opens: [usr/lib/x.so]\n"
                          "q:\n  argv: [/bin/q]\n  ready: /r\n  log: /l\n  rare: true\n"
                          "d:\n  argv: [/bin/d]\n  ready: /r\n  log: /l\n");
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    struct vc_node nodes[] = {{.name = "a", .kind = "k"}, {.name = "b", .kind = "k"}};
    const struct vc_topology topology = {.name = "t", .nodes = nodes, .node_count = 2};
    const char *const *rare = vc_kind_rare(ctx, home.path, &topology, &err);

    cr_assert_not_null(rare, "%s", err ? err->message : "");
    cr_assert(rare[0] && rare[1]);
    cr_expect_str_eq(rare[0], "q");
    cr_expect_str_eq(rare[1], "r");
    cr_expect_null(rare[2]);
    nodes[1].kind = "unknown";
    cr_expect_null(vc_kind_rare(ctx, home.path, &topology, &err));
    cr_expect_eq(err->status, VC_EXIT_USAGE);
}

Test(kind, a_daemon_with_an_environment_is_started_by_env)
{
    HOME(home) = home_new("description: x\ndaemons: [d, e]\n",
                          "d:\n  argv: [/bin/d, -x]\n  ready: /r\n  log: /l\n  environment: [A=1, \"B={{name}}\"]\n"
                          "  after_bgp: true\ne:\n  argv: [/bin/e]\n  ready: /r\n  log: /l\n  after_bgp: false\n");
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_plan *plan = plan_of(ctx, &home, &err);
    static const char *const expected[] = {"/usr/bin/env", "A=1", "B=n", "/bin/d", "-x"};

    cr_assert_not_null(plan, "%s", err ? err->message : "");
    for (size_t i = 0; i < VC_COUNT(expected); i++)
        cr_expect_str_eq(plan->nodes[0].daemons[0].argv[i], expected[i]);
    cr_expect_null(plan->nodes[0].daemons[0].argv[VC_COUNT(expected)]);
    cr_expect(plan->nodes[0].daemons[0].after_bgp);
    cr_expect_str_eq(plan->nodes[0].daemons[1].argv[0], "/bin/e");
    cr_expect(!plan->nodes[0].daemons[1].after_bgp);
}

static void put_like(const struct home *home, const char *name, const char *kind)
{
    VC_AUTO_TALLOC char *folder = talloc_asprintf(NULL, "%s/%s", home->path, name);

    cr_assert_eq(mkdir(folder, 0755), 0);
    put(home, talloc_asprintf(folder, "%s/kind.yaml", name), kind);
}

Test(kind, like_another_has_what_it_does_not_say_itself)
{
    HOME(home) = home_new("description: own\nlike: parent\nfiles: {/a: t.mustache, /b: u.mustache, /c: v.mustache}\n",
                          "d:\n  argv: [/bin/d]\n  ready: /run/d\n  log: /var/log/d\n");
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    put_like(&home, "parent", "description: parent\nsysctls: [net/ipv4/ip_forward=1]\ndaemons: [d]\n");
    put(&home, "k/t.mustache", "own");
    put(&home, "parent/t.mustache", "not this");
    put(&home, "parent/u.mustache", "the parent's");
    put(&home, "u.mustache", "not this");
    put(&home, "v.mustache", "shared");
    const struct vc_plan *plan = plan_of(ctx, &home, &err);
    cr_assert_not_null(plan, "%s", err ? err->message : "");
    const struct vc_plan_node *node = &plan->nodes[0];
    cr_expect_str_eq(node->files[0].text, "own");
    cr_expect_str_eq(node->files[1].text, "the parent's");
    cr_expect_str_eq(node->files[2].text, "shared");
    cr_assert_eq(node->daemon_count, 1u);
    cr_expect_str_eq(node->daemons[0].name, "d");
    cr_expect_str_eq(node->kind, "k");
}

Test(kind, like_another_replaces_its_daemons_whole)
{
    HOME(home) = home_new("description: own\nlike: parent\ndaemons: []\n", daemons);
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    put_like(&home, "parent", "description: parent\ndaemons: [d]\n");
    const struct vc_kind *kind = vc_kind_load(ctx, home.path, "k", &err);
    cr_assert_not_null(kind, "%s", err ? err->message : "");
    cr_expect_eq(kind->daemon_count, 0u);
    cr_expect_str_eq(kind->description, "own");
}

Test(kind, like_one_that_is_not_there_or_itself_is_named)
{
    static const char *const wrong[][2] = {
        {"description: x\nlike: prent\n",
         "k/kind.yaml:2:7: found unknown kind \"prent\"; allowed: k, parent; did you mean \"parent\"?"},
        {"description: x\nlike: k\n", "k/kind.yaml:2:7: found \"k\", the 4th kind in a row that is like another"},
        {"description: x\nlike: []\n", "allowed: a kind's name"},
    };

    for (size_t i = 0; i < VC_COUNT(wrong); i++) {
        HOME(home) = home_new(wrong[i][0], daemons);
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;

        put_like(&home, "parent", "description: parent\n");
        cr_assert_null(vc_kind_load(ctx, home.path, "k", &err));
        cr_expect(strstr(err->message, wrong[i][1]), "%s", err->message);
        cr_expect_eq(err->status, VC_EXIT_USAGE);
    }
}
