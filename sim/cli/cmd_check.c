/* vclab check FILE...: validates topologies, scenarios, plans and activation forms, starts nothing. */
#include "activation/activation.h"
#include "base/home.h"
#include "cli/commands.h"
#include "model/files.h"
#include "model/scenario.h"
#include "planner/planner.h"

static int check_topology(void *ctx, const char *file, const char *kinds, vc_error **err)
{
    const struct vc_topology *t = vc_topology_load(ctx, file, kinds, err);

    if (!t)
        return -1;
    printf("%s: ok (topology %s: %zu nodes, %zu links, %zu tunnels)\n", file, t->name, t->node_count, t->link_count,
           t->tunnel_count);
    return 0;
}

static int check_scenario(void *ctx, const char *file, const char *kinds, vc_error **err)
{
    const char *topologies = talloc_asprintf(ctx, "%s/topologies", vc_home());
    const struct vc_scenario *s = vc_scenario_load(ctx, file, topologies, kinds, err);

    if (!s)
        return -1;
    printf("%s: ok (scenario on topology %s with timers %s: %zu flows, %zu steps)\n", file, s->topology->name,
           s->timers->name, s->flow_count, s->step_count);
    return 0;
}

static int check_plan(void *ctx, const char *file, vc_error **err)
{
    const struct vc_planner *p = vc_planner_load(ctx, file, err);

    if (!p)
        return -1;
    printf("%s: ok (plan of %zu hubs in %zu regions: %zu failures)\n", file, p->hub_count, p->region_count,
           p->failure_count);
    return 0;
}

static int check_form(void *ctx, const char *file, vc_error **err)
{
    const struct vc_form *form = vc_form_load(ctx, file, NULL, err);

    if (!form || vc_activation_check(form, err))
        return -1;
    printf("%s: ok (form of order %s of %s in region %s: %zu CPE%s)\n", file, form->order, form->customer, form->region,
           form->cpe_count, form->cpe_count == 1 ? "" : "s");
    return 0;
}

static int check(const char *file, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *kinds = talloc_asprintf(scratch, "%s/nodes", vc_home());
    enum vc_document kind;

    if (vc_document_kind(file, &kind, err) < 0)
        return -1;
    if (kind == VC_DOCUMENT_PLAN)
        return check_plan(scratch, file, err);
    if (kind == VC_DOCUMENT_FORM)
        return check_form(scratch, file, err);
    return kind == VC_DOCUMENT_TOPOLOGY ? check_topology(scratch, file, kinds, err)
                                        : check_scenario(scratch, file, kinds, err);
}

int vc_cmd_check(int argc, char **argv)
{
    int status = VC_EXIT_PASS;

    if (argc < 2 || argv[1][0] == '-') {
        fprintf(stderr,
                "usage: vclab check FILE...\n"
                "Validates topologies, scenarios, plans and activation forms and starts nothing. Exit status: 0 "
                "all are good, 2 one is not.\n");
        return VC_EXIT_USAGE;
    }
    for (int i = 1; i < argc; i++) {
        VC_AUTO_ERROR *err = NULL;

        if (check(argv[i], &err) < 0) {
            fprintf(stderr, "%s\n", err->message);
            status = VC_EXIT_USAGE;
        }
    }
    return status;
}
