/* The chain as run.json has it. */
#include "run/convergence_private.h"

static const char *const stage_names[] = {
    [STAGE_FAULT] = "fault", [STAGE_LINK] = "link",       [STAGE_IKE] = "ike",   [STAGE_ESP] = "esp",
    [STAGE_GRE] = "gre",     [STAGE_BFD] = "bfd",         [STAGE_BGP] = "bgp",   [STAGE_RIB] = "rib",
    [STAGE_FIB] = "fib",     [STAGE_PACKETS] = "packets", [STAGE_FULL] = "full",
};

static json_t *stages_json(const struct chain *chain, const char **dominant)
{
    json_t *stages = json_array();
    int64_t before_ns = chain->event_ns, longest_ns = 0;

    *dominant = NULL;
    for (size_t i = 0; i < chain->count; i++) {
        const struct step *step = &chain->steps[i];
        int64_t since_ns = step->t_ns - before_ns;
        json_array_append_new(
            stages, json_pack("{s:s, s:s, s:I, s:o, s:I, s:s, s:b}", "stage", stage_names[step->stage], "node",
                              step->node, "t_ns", (json_int_t)step->t_ns, "since_ns",
                              step->causal ? json_integer(since_ns) : json_null(), "resolution_ns",
                              (json_int_t)step->resolution_ns, "evidence", step->evidence, "causal", step->causal));
        if (!step->causal)
            continue;
        before_ns = step->t_ns;
        if (since_ns > longest_ns) {
            longest_ns = since_ns;
            *dominant = stage_names[step->stage];
        }
    }
    return stages;
}

/* What BGP says of its fall, in words for people. FRR tells an expired hold timer by the notification it then sends. */
static const char *bgp_cause(const struct chain *chain)
{
    static const struct {
        const char *reason, *text; /* how the reason begins */
    } causes[] = {
        {"Hold Timer Expired", "BGP hold timer"},
        {"BGP Notification send", "BGP hold timer"},
        {"BGP Notification received", "BGP, told by its neighbor"},
        {"Peer closed the session", "BGP, closed by its neighbor"},
        {"bgpd ended", "BGP, its daemon ended"},
        /* BIRD's: */
        {"BGP Error: Hold timer expired", "BGP hold timer"},
        {"Received: ", "BGP, told by its neighbor"},
        {"Socket: ", "BGP, closed by its neighbor"},
        {"bird ended", "BGP, its daemon ended"},
    };

    if (chain->bgp->up)
        return "BGP established";
    for (size_t i = 0; i < VC_COUNT(causes); i++)
        if (strncmp(chain->bgp->reason, causes[i].reason, strlen(causes[i].reason)) == 0)
            return causes[i].text;
    return *chain->bgp->reason ? talloc_asprintf(chain->ctx, "BGP: %s", chain->bgp->reason) : "BGP";
}

/* Who detected it and where; NULL: nobody. */
static const char *cause_text(const struct chain *chain)
{
    static const char *const names[STAGE_COUNT] = {
        [STAGE_IKE] = "IKE", [STAGE_ESP] = "IPsec", [STAGE_GRE] = "GRE keepalive", [STAGE_BFD] = "BFD"};
    const struct sight *sight = chain->watcher ? chain->watcher : chain->bgp;
    const char *who;

    if (!sight)
        return NULL;
    if (sight == chain->bgp)
        who = bgp_cause(chain);
    else
        who = sight->stage == STAGE_LINK ? talloc_asprintf(chain->ctx, "link %s", sight->place) : names[sight->stage];
    return *sight->node ? talloc_asprintf(chain->ctx, "%s at %s", who, sight->node) : who;
}

static json_t *open_json(const struct chain *chain)
{
    json_t *open = json_array();

    for (size_t i = 0; i < chain->all->course_count; i++)
        if (chain->all->courses[i].out)
            json_array_append_new(open,
                                  json_sprintf("%s %s", chain->all->courses[i].flow, chain->all->courses[i].name));
    return open;
}

static json_t *span(bool known, int64_t from_ns, int64_t to_ns)
{
    return known ? json_integer(to_ns - from_ns) : json_null();
}

json_t *convergence_chain(const struct vc_convergence *all)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct chain chain = {.ctx = ctx, .all = all};
    const char *dominant;

    convergence_walk(&chain);

    json_t *stages = stages_json(&chain, &dominant);
    bool settled = chain.last && !chain.open, detected = chain.bgp || chain.watcher;
    int64_t detected_ns = chain.bgp ? chain.bgp_ns : chain.watcher_ns;
    int64_t rib_from_ns = detected ? detected_ns : chain.event_ns;
    const char *cause = cause_text(&chain);
    json_t *result =
        json_pack("{s:s, s:b, s:I, s:b, s:o}", "trigger", all->trigger.name, "heal", all->trigger.heal, "at_ns",
                  (json_int_t)chain.event_ns, "proved", all->trigger.proved_ns >= 0, "stages", stages);

    json_object_set_new(result, "cause", cause ? json_string(cause) : json_null());
    json_object_set_new(result, "detection_ns", span(detected, chain.event_ns, detected_ns));
    json_object_set_new(result, "withdrawal_ns", span(chain.fib, rib_from_ns, chain.rib_ns));
    json_object_set_new(result, "fib_ns", chain.fib ? span(true, chain.rib_ns, chain.fib->t_ns) : json_null());
    json_object_set_new(result, "packets_ns",
                        span(settled,
                             chain.fib  ? chain.fib->t_ns
                             : detected ? detected_ns
                                        : chain.event_ns,
                             chain.end_ns));
    json_object_set_new(result, "full_ns", span(settled, chain.event_ns, chain.end_ns));
    json_object_set_new(result, "unsettled", open_json(&chain));
    json_object_set_new(result, "dominant", dominant ? json_string(dominant) : json_null());
    return result;
}
