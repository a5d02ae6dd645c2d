/* The order's lab as the model has it: what the model refuses is refused before anything is allocated. */
#include <string.h>

#include "activation/activation.h"
#include "base/home.h"

struct vc_topology *vc_activation_lab(void *ctx, const struct vc_order *order, struct vc_problems *problems,
                                      vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *folder = talloc_asprintf(scratch, "%s/topologies", vc_home());
    const char *shared = talloc_asprintf(scratch, "%s/shared/cisco.yaml", folder);
    /* As if it stood among the shipped topologies: the base is then theirs, whatever lies in the folder of the day. */
    const char *file = talloc_asprintf(scratch, "%s/%s.yaml", folder, order->form->name);
    const char *kinds = talloc_asprintf(scratch, "%s/nodes", vc_home());
    VC_AUTO_ERROR *why = NULL;

    if (access(shared, R_OK)) {
        vc_fail(err, VC_EXIT_HOST, 0,
                "cannot read %s, on which every order's lab stands: set VCLAB_HOME to the folder of vclab", shared);
        return NULL;
    }
    const char *text = vc_activation_topology(scratch, order, problems);
    if (!text) {
        vc_problems_finish(problems, err);
        return NULL;
    }
    struct vc_topology *topology = vc_topology_parse(ctx, file, text, kinds, &why);
    if (!topology) {
        vc_problem(problems, vc_doc_mark(order->form->doc, (const char *[]){"cpes", NULL}),
                   "found a form whose lab is none (%.*s); allowed: names and addresses of a lab that can be played",
                   (int)strcspn(why->message, "\n"), why->message);
        vc_problems_finish(problems, err);
    }
    return topology;
}
