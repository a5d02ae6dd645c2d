/* A node that is made another while it is off: what fits, and who owns the other plan. */
#include <criterion/criterion.h>
#include <string.h>

#include "../plan/fixture.h"
#include "lab/private.h"

/* A lab in which nothing runs yet. */
static struct vc_lab *lab_of(const struct vc_plan *plan)
{
    struct vc_lab *lab = talloc_zero(NULL, struct vc_lab);

    lab->plan = plan;
    lab->nodes = talloc_zero_array(lab, struct lab_node, plan->node_count);
    for (size_t i = 0; i < plan->node_count; i++) {
        lab->nodes[i].rt.plan = &plan->nodes[i];
        lab_daemons_init(&lab->nodes[i], lab);
        lab_gres_init(&lab->nodes[i], lab);
    }
    return lab;
}

static struct vc_plan *plan_of(void *ctx)
{
    const struct vc_plan_options options = {.timers = &fixture_timers[2], .kinds_dir = KINDS};
    VC_AUTO_ERROR *err = NULL;
    struct vc_plan *plan = vc_plan_make(ctx, fixture_topology(ctx, true), &options, &err);

    cr_assert(plan, "%s", err ? err->message : "");
    return plan;
}

Test(replan, the_lab_keeps_one_other_plan_of_a_node)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_plan *plan = plan_of(ctx);
    VC_AUTO_TALLOC struct vc_lab *lab = lab_of(plan);
    size_t alone = talloc_total_blocks(lab), first = 0;

    for (int i = 0; i < 3; i++) {
        void *owner = talloc_new(NULL);
        const struct vc_plan_node *other = &plan_of(owner)->nodes[CPE1];

        cr_assert_eq(vc_lab_node_replan(lab, CPE1, other, &owner, NULL), 0);
        cr_assert_null(owner, "the lab has it now");
        cr_assert_eq(lab->nodes[CPE1].rt.plan, other);
        cr_assert_eq(lab->nodes[CPE1].daemons[0].plan, &other->daemons[0]);
        cr_assert_eq(lab->nodes[CPE1].gres[0].plan, &other->gres[0]);
        first = first ? first : talloc_total_blocks(lab);
        cr_expect_eq(talloc_total_blocks(lab), first, "%d plans are kept", i + 1);
    }
    void *nobody = NULL;
    cr_assert_eq(vc_lab_node_replan(lab, CPE1, &plan->nodes[CPE1], &nobody, NULL), 0);
    cr_expect_eq(talloc_total_blocks(lab), alone);
}

Test(replan, another_shape_or_a_node_that_is_on_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_plan *plan = plan_of(ctx);
    VC_AUTO_TALLOC struct vc_lab *lab = lab_of(plan);
    VC_AUTO_TALLOC void *owner = talloc_new(NULL);
    struct vc_plan_node other = plan_of(owner)->nodes[CPE1], *shapes[3];
    void *given = owner;
    VC_AUTO_ERROR *on = NULL;

    for (size_t i = 0; i < VC_COUNT(shapes); i++) {
        VC_AUTO_ERROR *err = NULL;
        shapes[i] = talloc_memdup(owner, &other, sizeof other);
        shapes[i]->daemon_count -= i == 0;
        shapes[i]->gre_count += i == 1;
        shapes[i]->iface_count += i == 2;
        cr_expect_eq(vc_lab_node_fits(lab, CPE1, shapes[i], NULL), -1);
        cr_assert_eq(vc_lab_node_replan(lab, CPE1, shapes[i], &given, &err), -1);
        cr_expect(strstr(err->message, "other daemons or interfaces"), "%s", err->message);
        cr_expect(given == owner && lab->nodes[CPE1].rt.plan == &plan->nodes[CPE1]);
    }
    cr_expect_eq(vc_lab_node_fits(lab, CPE1, &other, NULL), 0);
    lab->nodes[CPE1].on = true;
    cr_assert_eq(vc_lab_node_replan(lab, CPE1, &other, &given, &on), -1);
    cr_expect(strstr(on->message, "while it is on") && given == owner, "%s", on->message);
}
