#include "fault/impair.h"

#include <string.h>

#include "base/secret.h"
#include "fault/ends.h"

/* Packets on the way to a node leave at the other end. */
static bool end_wanted(const struct fault *fault, const struct fault_end *end)
{
    return strcmp(fault_text(fault, "toward"), vc_lab_plan(fault->lab)->nodes[end->node].name) != 0;
}

static int character_of(const struct fault *fault, struct vc_wire *wire, vc_error **err)
{
    if (!vc_wire_of_spec(fault->spec, wire))
        return vc_fail(err, VC_EXIT_USAGE, 0, "impair: what is to be wrong with the wire cannot be read");
    if (*fault_text(fault, "tunnel") && !wire->rate_mbit)
        wire->rate_mbit = vc_lab_plan(fault->lab)->topology->settings.rate_mbit; /* the service's stays */
    return 0;
}

static uint64_t seed_of(const struct fault *fault, const struct fault_end *end)
{
    const struct vc_plan *plan = vc_lab_plan(fault->lab);
    VC_AUTO_TALLOC char *name =
        talloc_asprintf(NULL, "%s: %s at %s", fault->name, end->ifname, plan->nodes[end->node].name);

    return vc_derived_seed("impair", name, plan->options.seed);
}

/* wire NULL: as planned. */
static int set(struct fault *fault, const struct fault_end ends[2], const struct vc_wire *wire, vc_error **err)
{
    for (unsigned i = 0; i < 2; i++)
        if (end_wanted(fault, &ends[i]) &&
            vc_lab_wire_set(fault->lab, ends[i].node, ends[i].ifname, wire, seed_of(fault, &ends[i]), err))
            return -1;
    return 0;
}

int impair_apply(struct fault *fault, vc_error **err)
{
    struct fault_end ends[2];
    struct vc_wire wire;

    if (fault_ends(fault, ends, err) || character_of(fault, &wire, err))
        return -1;
    for (unsigned i = 0; i < 2; i++)
        if (end_wanted(fault, &ends[i]) && !vc_lab_wire_is_planned(fault->lab, ends[i].node, ends[i].ifname))
            return vc_fail(err, VC_EXIT_USAGE, 0, "%s at %s is impaired already: heal that fault first", ends[i].ifname,
                           vc_lab_plan(fault->lab)->nodes[ends[i].node].name);
    if (!set(fault, ends, &wire, err))
        return 0;
    set(fault, ends, NULL, NULL); /* one end may have it already */
    return -1;
}

struct sight {
    unsigned ends; /* concerned, and on */
    bool ns3;      /* vclab-wire says so of one */
    uint64_t drops;
};

/* Whether the kernel or vclab-wire has what was set at every end concerned that is on. */
static int look(struct fault *fault, struct sight *sight, vc_error **err)
{
    struct fault_end ends[2];
    bool all = true;

    *sight = (struct sight){0};
    if (fault_ends(fault, ends, err))
        return -1;
    for (unsigned i = 0; i < 2; i++) {
        struct vc_lab_wire_state state;

        if (!end_wanted(fault, &ends[i]) || !vc_lab_rtnl(fault->lab, ends[i].node))
            continue;
        if (vc_lab_wire_read(fault->lab, ends[i].node, ends[i].ifname, &state, err))
            return -1;
        sight->ends++;
        sight->ns3 = sight->ns3 || state.ns3;
        sight->drops += state.drops;
        all = all && state.as_set;
    }
    return all;
}

int impair_proved(struct fault *fault, char **evidence, vc_error **err)
{
    struct sight sight;
    struct vc_wire wire;
    int all = character_of(fault, &wire, err) ? -1 : look(fault, &sight, err);

    if (all < 0)
        return -1;
    VC_AUTO_TALLOC char *text = vc_wire_text(NULL, &wire);
    *evidence = talloc_asprintf(fault, "%s has it so at %u end%s: %s", sight.ns3 ? "vclab-wire" : "the kernel",
                                sight.ends, sight.ends == 1 ? "" : "s", text);
    return all && sight.ends > 0;
}

int impair_heal(struct fault *fault, vc_error **err)
{
    struct fault_end ends[2];
    struct sight sight;

    if (look(fault, &sight, err) < 0 || fault_ends(fault, ends, err))
        return -1;
    fault->counted = sight.drops;
    return set(fault, ends, NULL, err);
}

int impair_gone(struct fault *fault, char **evidence, vc_error **err)
{
    struct sight sight;
    int all = look(fault, &sight, err);

    if (all >= 0)
        *evidence = talloc_asprintf(fault, "the wire is as planned again; %llu packets were dropped there",
                                    (unsigned long long)fault->counted);
    return all;
}
