/* What `vclab up` calls in a topology that brings no flows: every phone every server that it must reach. */
#include <criterion/criterion.h>

#include <string.h>

#include "run/live.h"

static const struct vc_scenario *bare(void *ctx, const char *name)
{
    VC_AUTO_ERROR *err = NULL;
    const char *file = talloc_asprintf(ctx, VCLAB_SOURCE_DIR "/topologies/%s.yaml", name);
    struct vc_topology *t = vc_topology_load(ctx, file, VCLAB_SOURCE_DIR "/nodes", &err);

    cr_assert(t, "%s", err ? err->message : "");
    return vc_scenario_bare(ctx, t, vc_topology_timers(t, "bfd"), VC_NS_PER_S);
}

static bool calls(const struct vc_scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->flow_count; i++)
        if (!strcmp(scenario->flows[i].name, name))
            return true;
    return false;
}

Test(bare, a_customer_calls_its_own_servers_only)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_scenario *scenario = bare(ctx, "two-customers");

    cr_expect_eq(scenario->flow_count, 4);
    cr_expect(calls(scenario, "a-phone-dc1-srv-a") && calls(scenario, "b-phone-dc2-srv-b"));
}

Test(bare, a_phone_calls_both_regions)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_scenario *scenario = bare(ctx, "two-regions");

    cr_expect_eq(scenario->flow_count, 8);
    cr_expect(calls(scenario, "phone-dc3-srv") && calls(scenario, "phone-b-dc1-srv"));
}
