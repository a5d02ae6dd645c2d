/* What the enterprise's OSPF is told in a plan: golden files of ospfd.conf and bird.conf, and what `redistribute` makes
 * of them. After an intended change, run with VCLAB_GOLDEN=update and read the difference in version control before
 * keeping it. */
#include <criterion/criterion.h>

#include <string.h>

#include "model/configure.h"
#include "plan/plan.h"

#define KINDS  VCLAB_SOURCE_DIR "/nodes"
#define GOLDEN VCLAB_SOURCE_DIR "/tests/plan/golden/"

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

static const char *file_of(const struct vc_plan *plan, const char *name, const char *path)
{
    size_t n = vc_topology_node(plan->topology, name);

    cr_assert(n != VC_NONE, "%s", name);
    for (size_t i = 0; i < plan->nodes[n].file_count; i++)
        if (!strcmp(plan->nodes[n].files[i].path, path))
            return plan->nodes[n].files[i].text;
    cr_assert_fail("%s has no %s", name, path);
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

static const struct {
    const char *node, *path, *timers, *golden;
} goldens[] = {
    {"cpe1", "/etc/frr/ospfd.conf", "tuned", "two-cpe-ospf-cpe1-tuned.conf"},
    {"dist", "/etc/bird/bird.conf", "bfd", "two-cpe-ospf-dist-bfd.conf"},
    {"access", "/etc/bird/bird.conf", "tuned", "two-cpe-ospf-access-tuned.conf"},
};

Test(ospf, golden)
{
    const char *update = getenv("VCLAB_GOLDEN");

    for (size_t i = 0; i < VC_COUNT(goldens); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct vc_plan *plan = plan_of(ctx, load(ctx, "two-cpe-ospf"), goldens[i].timers);
        const char *text = file_of(plan, goldens[i].node, goldens[i].path);
        const char *path = talloc_asprintf(ctx, GOLDEN "%s", goldens[i].golden);

        if (update && !strcmp(update, "update")) {
            VC_AUTO_FILE *f = fopen(path, "we");
            cr_assert(f && fputs(text, f) >= 0, "%s", path);
            continue;
        }
        cr_expect_str_eq(text, read_text(ctx, path), "%s", path);
    }
}

/* `redistribute` at cpe1: what then stands in its ospfd.conf, or towards the LAN router in its bgpd.conf. */
static const struct {
    const char *topology, *path, *word, *has, *lacks;
} knobs[] = {
    {"two-cpe-ospf", "/etc/frr/ospfd.conf", "all", "prefix-list service permit 198.18.5.0/25\n", NULL},
    {"two-cpe-ospf", "/etc/frr/ospfd.conf", "summary", "prefix-list service permit 198.18.5.0/24\n", "198.18.5.0/25"},
    {"two-cpe-ospf", "/etc/frr/ospfd.conf", "none", "router ospf\n", "redistribute"},
    {"two-cpe", "/etc/frr/bgpd.conf", "all", "neighbor 10.10.0.2 next-hop-self\n", "to-lan"},
    {"two-cpe", "/etc/frr/bgpd.conf", "summary", "prefix-list to-lan permit 198.18.5.0/24\n",
     "to-lan permit 198.18.5.0/25"},
    {"two-cpe", "/etc/frr/bgpd.conf", "summary", "neighbor 10.10.0.2 prefix-list to-lan out\n",
     "neighbor 10.10.0.10 prefix-list to-lan"},
    {"two-cpe", "/etc/frr/bgpd.conf", "none", "prefix-list to-lan seq 5 deny any\n", NULL},
};

static const char *configured(void *ctx, const char *topology, const char *word, const char *path)
{
    struct vc_topology *t = load(ctx, topology);
    struct vc_configure *configure = talloc_zero(t, struct vc_configure);
    VC_AUTO_JSON *turned = json_pack("{s:s}", "redistribute", word);

    configure->tunnel = VC_NONE;
    configure->knobs = turned;
    t->nodes[vc_topology_node(t, "cpe1")].configure = configure;
    return file_of(plan_of(ctx, t, "tuned"), "cpe1", path);
}

Test(ospf, redistribution_is_a_knob)
{
    for (size_t i = 0; i < VC_COUNT(knobs); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *text = configured(ctx, knobs[i].topology, knobs[i].word, knobs[i].path);

        cr_expect(strstr(text, knobs[i].has), "%s, %s: no \"%s\" in\n%s", knobs[i].topology, knobs[i].word,
                  knobs[i].has, text);
        cr_expect(!knobs[i].lacks || !strstr(text, knobs[i].lacks), "%s, %s: \"%s\" in\n%s", knobs[i].topology,
                  knobs[i].word, knobs[i].lacks, text);
    }
}
