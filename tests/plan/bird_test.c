/* A CPE of another make: bird.conf in place of bgpd.conf, as a golden file, and what misconfiguration makes of it.
 * After an intended change, run with VCLAB_GOLDEN=update and read the difference in version control before keeping it.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "model/configure.h"
#include "plan/plan.h"

#define KINDS  VCLAB_SOURCE_DIR "/nodes"
#define GOLDEN VCLAB_SOURCE_DIR "/tests/plan/golden/two-cpe-mixed-cpe2-bfd.conf"

static struct vc_topology *load(void *ctx, const char *name)
{
    VC_AUTO_ERROR *err = NULL;
    const char *file = talloc_asprintf(ctx, VCLAB_SOURCE_DIR "/topologies/%s.yaml", name);
    struct vc_topology *t = vc_topology_load(ctx, file, KINDS, &err);

    cr_assert(t, "%s", err ? err->message : "");
    return t;
}

static const struct vc_plan *plan_of(void *ctx, const struct vc_topology *t, const char *timers)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_plan_options options = {VC_PLANE_KERNEL, vc_topology_timers(t, timers), 1, KINDS};
    const struct vc_plan *plan = vc_plan_make(ctx, t, &options, &err);

    cr_assert(plan, "%s", err ? err->message : "");
    return plan;
}

static const struct vc_plan_node *node_of(const struct vc_plan *plan, const char *name)
{
    size_t n = vc_topology_node(plan->topology, name);

    cr_assert(n != VC_NONE, "%s", name);
    return &plan->nodes[n];
}

static const char *config_of(const struct vc_plan *plan, const char *name)
{
    const struct vc_plan_node *node = node_of(plan, name);

    for (size_t i = 0; i < node->file_count; i++)
        if (!strcmp(node->files[i].path, "/etc/bird/bird.conf"))
            return node->files[i].text;
    cr_assert_fail("%s has no bird.conf", name);
    return "";
}

static char *read_text(void *ctx, const char *path)
{
    VC_AUTO_FILE *f = fopen(path, "re");
    char *text = talloc_strdup(ctx, ""), buffer[4096];
    size_t n;

    cr_assert(f, "%s is missing", path);
    while ((n = fread(buffer, 1, sizeof buffer, f)) > 0)
        text = talloc_strndup_append_buffer(text, buffer, n);
    return text;
}

Test(bird, golden)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *text = config_of(plan_of(ctx, load(ctx, "two-cpe-mixed"), "bfd"), "cpe2");
    const char *update = getenv("VCLAB_GOLDEN");

    if (update && !strcmp(update, "update")) {
        VC_AUTO_FILE *f = fopen(GOLDEN, "we");
        cr_assert(f && fputs(text, f) >= 0);
        return;
    }
    cr_expect_str_eq(text, read_text(ctx, GOLDEN));
}

Test(bird, daemons_of_each_make)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_plan *plan = plan_of(ctx, load(ctx, "two-cpe-mixed"), "bfd");
    const struct vc_plan_node *frr = node_of(plan, "cpe1"), *bird = node_of(plan, "cpe2");

    cr_assert_eq(bird->daemon_count, 2);
    cr_expect_str_eq(bird->daemons[0].name, "charon");
    cr_expect_str_eq(bird->daemons[1].name, "bird");
    cr_expect_eq(frr->daemon_count, 4);
    cr_expect_eq(bird->gre_count, frr->gre_count);
}

/* Both ends of the iBGP session between the CPEs are told of, whoever speaks; of the LAN router's, the CPEs' ends. */
Test(bird, sessions_that_are_waited_for)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *mixed = vc_plan_facts(plan_of(ctx, load(ctx, "two-cpe-mixed"), "bfd"), NULL, 0);
    VC_AUTO_JSON *frr = vc_plan_facts(plan_of(ctx, load(ctx, "two-cpe"), "bfd"), NULL, 0);

    cr_expect(json_equal(json_object_get(mixed, "ibgp"), json_object_get(frr, "ibgp")));
    cr_expect(json_equal(json_object_get(mixed, "sessions"), json_object_get(frr, "sessions")));
}

static struct vc_topology *configured(void *ctx, json_t *knobs)
{
    struct vc_topology *t = load(ctx, "two-cpe-mixed");
    struct vc_configure *configure = talloc_zero(t, struct vc_configure);

    configure->tunnel = VC_NONE;
    configure->knobs = knobs;
    t->nodes[vc_topology_node(t, "cpe2")].configure = configure;
    return t;
}

/* A knob in its JSON, what then stands in the configuration and what does not. */
static const struct {
    const char *knobs, *there, *gone;
} knob_rows[] = {
    {"{\"bgp_password\": \"wrong\"}", "password \"wrong\";", NULL},
    {"{\"bgp_password\": \"none\"}", NULL, "password"},
    {"{\"local_as\": 64999}", "local 100.64.0.6 as 64999;", NULL},
    {"{\"remote_as\": 64999}", "neighbor 100.64.0.5 as 64999;", NULL},
    {"{\"neighbor\": \"100.64.0.9\"}", "neighbor 100.64.0.9 as ", "neighbor 100.64.0.5"},
    {"{\"default\": false}", NULL, "if source = RTS_STATIC then accept;"},
    {"{\"leak\": [\"10.10.10.0/24\"]}", "if source = RTS_BGP && net = 10.10.10.0/24 then accept;", NULL},
    {"{\"inbound_policy\": false}", NULL, "import where"},
    {"{\"redistribute\": \"summary\"}", "if net != 198.18.5.0/24 then reject;", NULL},
    {"{\"redistribute\": \"none\"}", "export filter {\n            reject;\n", NULL},
};

Test(bird, knobs)
{
    for (size_t i = 0; i < VC_COUNT(knob_rows); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_JSON *knobs = json_loads(knob_rows[i].knobs, 0, NULL);
        const char *good = config_of(plan_of(ctx, load(ctx, "two-cpe-mixed"), "tuned"), "cpe2");
        const char *text = config_of(plan_of(ctx, configured(ctx, knobs), "tuned"), "cpe2");

        cr_assert(knobs, "%s", knob_rows[i].knobs);
        if (knob_rows[i].there)
            cr_expect(strstr(text, knob_rows[i].there) && !strstr(good, knob_rows[i].there), "%s: %s",
                      knob_rows[i].knobs, text);
        if (knob_rows[i].gone)
            cr_expect(strstr(good, knob_rows[i].gone) && !strstr(text, knob_rows[i].gone), "%s: %s", knob_rows[i].knobs,
                      text);
    }
}

Test(bird, bfd_only_where_the_timers_have_it)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_topology *t = load(ctx, "two-cpe-mixed");

    cr_expect(strstr(config_of(plan_of(ctx, t, "bfd"), "cpe2"), "interval 300 ms;\n        multiplier 3;"));
    cr_expect_null(strstr(config_of(plan_of(ctx, t, "service"), "cpe2"), "bfd"));
}
