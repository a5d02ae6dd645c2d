/*
 * The chain from a fault to the packets, walked backwards from what ended it: the last flow to settle, the last change
 * of a route that it follows before that, the session whose change that route came from, and who noticed for BGP.
 * Walking forwards would begin with what happened first, which is often at the other end of the tunnel and has no part
 * in the end.
 *
 * BGP's and BFD's states are polled, so a session is often seen to fall after the route that its fall removed. A sight
 * has an interval, not a time; where its effect was seen inside that interval, it counts from the effect.
 */
#include "run/convergence_private.h"

/* FRR acts on BFD, a keepalive and an interface at once; a session that falls later fell for another reason. */
static const int64_t reaction_ns = VC_NS_PER_S;

static bool follows(const struct chain *chain, const struct sight *sight)
{
    const json_t *prefixes = chain->last ? chain->last->prefixes : chain->all->carried;
    size_t i;
    json_t *prefix;

    if (json_array_size(prefixes) == 0)
        return true;
    json_array_foreach(prefixes, i, prefix) if (json_is_string(prefix) &&
                                                strcmp(json_string_value(prefix), sight->place) == 0) return true;
    return false;
}

static int64_t earliest_ns(const struct sight *sight)
{
    return sight->t_ns - sight->resolution_ns;
}

static void find_last_flow(struct chain *chain)
{
    for (size_t i = 0; i < chain->all->course_count; i++) {
        const struct course *course = &chain->all->courses[i];
        if (!course->touched && !course->out)
            continue;
        if (course->out != chain->open ? course->out : !chain->last || course->settled_ns > chain->last->settled_ns) {
            chain->last = course;
            chain->open = course->out;
        }
    }
    chain->end_ns = chain->last && !chain->open ? chain->last->settled_ns : INT64_MAX;
}

/* Of the flow's own routes; of any, where none of them changed and yet the flow did. */
static void find_fib(struct chain *chain)
{
    const struct sight *other = NULL;

    for (size_t i = 0; i < chain->all->sight_count; i++) {
        const struct sight *sight = &chain->all->sights[i];
        if (sight->stage != STAGE_FIB || sight->t_ns > chain->end_ns)
            continue;
        if (follows(chain, sight))
            chain->fib = sight;
        other = sight;
    }
    if (!chain->fib && chain->last)
        chain->fib = other;
}

static const struct sight *first_route(const struct chain *chain, int64_t after_ns, int64_t until_ns)
{
    for (size_t i = 0; i < chain->all->sight_count; i++) {
        const struct sight *sight = &chain->all->sights[i];
        if (sight->stage == STAGE_FIB && sight->t_ns > after_ns && sight->t_ns <= until_ns && follows(chain, sight))
            return sight;
    }
    return NULL;
}

/* When a polled change happened at the latest. */
static int64_t latest_ns(const struct chain *chain, const struct sight *sight)
{
    const struct sight *effect = first_route(chain, earliest_ns(sight), sight->t_ns);

    return effect ? effect->t_ns : sight->t_ns;
}

/* The router whose route changed last knows best, then the one where the flow enters its tunnel. */
static int rank(const struct chain *chain, const struct sight *sight)
{
    if (chain->fib && strcmp(sight->node, chain->fib->node) == 0)
        return 2;
    return chain->last && strcmp(sight->node, chain->last->enters) == 0;
}

/* The latest before the route changed; without a route, the first. */
static void find_bgp(struct chain *chain)
{
    int64_t limit_ns = chain->fib ? chain->fib->t_ns : chain->end_ns;
    int best = -1;

    for (size_t i = 0; i < chain->all->sight_count; i++) {
        const struct sight *sight = &chain->all->sights[i];
        if (sight->stage != STAGE_BGP)
            continue;
        int64_t t_ns = latest_ns(chain, sight);
        int ranked = rank(chain, sight);
        bool better = ranked > best || (ranked == best && chain->fib && t_ns >= chain->bgp_ns);
        if (t_ns > limit_ns || !better)
            continue;
        chain->bgp = sight;
        chain->bgp_ns = t_ns;
        best = ranked;
    }
}

/* What the session's router accepts changed; where that was not seen, or only after its effect, by its effect. */
static void find_rib(struct chain *chain)
{
    if (!chain->fib)
        return;
    chain->first_fib = chain->bgp ? first_route(chain, chain->bgp_ns - 1, chain->fib->t_ns) : NULL;
    if (!chain->first_fib)
        chain->first_fib = chain->fib;
    chain->rib_ns = chain->first_fib->t_ns;
    for (size_t i = 0; chain->bgp && i < chain->all->sight_count; i++) {
        const struct sight *sight = &chain->all->sights[i];
        if (sight->stage != STAGE_RIB || strcmp(sight->node, chain->bgp->node) != 0 ||
            strcmp(sight->place, chain->bgp->place) != 0 || sight->t_ns < chain->bgp_ns ||
            earliest_ns(sight) > chain->first_fib->t_ns)
            continue;
        chain->rib = sight;
        chain->rib_ns = sight->t_ns < chain->first_fib->t_ns ? sight->t_ns : chain->first_fib->t_ns;
    }
}

static bool is_watcher(enum stage stage)
{
    return stage >= STAGE_LINK && stage <= STAGE_BFD;
}

static bool concerns(const struct chain *chain, const struct sight *sight)
{
    if (strcmp(sight->node, chain->bgp->node) != 0)
        return false;
    return sight->stage == STAGE_LINK || (sight->stage == STAGE_GRE && !strcmp(sight->tunnel, chain->bgp->tunnel)) ||
           (sight->stage == STAGE_BFD && !strcmp(sight->place, chain->bgp->place));
}

/* Who told BGP that the neighbour is gone: what fell at its own node just before. Without BGP: what changed last before
 * the routes. */
static void find_watcher(struct chain *chain)
{
    int64_t limit_ns = chain->bgp ? chain->bgp_ns : chain->fib ? chain->fib->t_ns : chain->end_ns;

    if (chain->bgp && chain->bgp->up)
        return;
    for (size_t i = 0; i < chain->all->sight_count; i++) {
        const struct sight *sight = &chain->all->sights[i];
        int64_t t_ns = sight->t_ns < limit_ns ? sight->t_ns : limit_ns;
        if (!is_watcher(sight->stage) || earliest_ns(sight) > limit_ns ||
            (sight->resolution_ns == 0 && t_ns < sight->t_ns))
            continue;
        if (chain->bgp && (sight->up || !concerns(chain, sight) || limit_ns - t_ns > reaction_ns))
            continue;
        if (!chain->bgp && sight->up != chain->all->trigger.heal)
            continue;
        if (!chain->watcher || t_ns >= chain->watcher_ns) {
            chain->watcher = sight;
            chain->watcher_ns = t_ns;
        }
    }
}

/* What else changed its state is told too. What had to be up before a session could come up is part of the chain (BFD
 * need not: it runs beside BGP); the first to see a fault that others acted on is not. */
static const struct sight *other_watcher(const struct chain *chain, enum stage stage, bool *causal)
{
    const struct sight *found = NULL, *after = NULL;
    bool up = chain->bgp ? chain->bgp->up : chain->all->trigger.heal;

    *causal = false;
    for (size_t i = 0; i < chain->all->sight_count; i++) {
        const struct sight *sight = &chain->all->sights[i];
        if (sight->stage != stage || sight->up != up)
            continue;
        bool part = up && chain->bgp && stage != STAGE_BFD && sight->t_ns <= chain->bgp_ns &&
                    (stage == STAGE_LINK || strcmp(sight->tunnel, chain->bgp->tunnel) == 0);
        if (part || (!found && !up))
            found = sight;
        if (!after)
            after = sight;
        *causal |= part;
    }
    return found ? found : after;
}

static void add(struct chain *chain, enum stage stage, const struct sight *sight, int64_t t_ns, bool causal)
{
    int64_t from_ns = sight ? earliest_ns(sight) : t_ns;

    chain->steps[chain->count++] = (struct step){
        .sight = sight,
        .stage = stage,
        .t_ns = t_ns,
        .resolution_ns = from_ns < t_ns ? t_ns - from_ns : 0,
        .node = sight ? sight->node : "",
        .evidence = sight ? sight->evidence : "",
        .causal = causal,
    };
}

static void add_watchers(struct chain *chain)
{
    for (enum stage stage = STAGE_LINK; stage <= STAGE_BFD; stage++) {
        bool causal;
        const struct sight *sight = other_watcher(chain, stage, &causal);
        if (chain->watcher && chain->watcher->stage == stage)
            add(chain, stage, chain->watcher, chain->watcher_ns, true);
        else if (sight)
            add(chain, stage, sight, sight->t_ns, causal);
    }
}

static const char *course_text(const struct chain *chain, const struct course *course)
{
    return talloc_asprintf(chain->ctx, "%s %s%s%s", course->flow, course->name, course->path ? " on " : " runs again",
                           course->path ? course->path : "");
}

static void add_packets(struct chain *chain)
{
    const struct course *first = NULL;

    if (!chain->last)
        return;
    for (size_t i = 0; i < chain->all->course_count; i++) {
        const struct course *course = &chain->all->courses[i];
        if (course->touched && !course->out && (!first || course->settled_ns < first->settled_ns))
            first = course;
    }
    const struct course *courses[] = {first, chain->open ? NULL : chain->last};
    for (size_t i = 0; i < VC_COUNT(courses); i++) {
        if (!courses[i])
            continue;
        add(chain, STAGE_PACKETS + (enum stage)i, NULL, courses[i]->settled_ns, i == 1);
        int64_t resolution_ns = courses[i]->resolution_ns;
        /* The last flow cannot have settled before its route changed. */
        if (i == 1 && chain->fib && chain->end_ns - chain->fib->t_ns < resolution_ns)
            resolution_ns = chain->end_ns - chain->fib->t_ns;
        chain->steps[chain->count - 1].resolution_ns = resolution_ns;
        chain->steps[chain->count - 1].evidence = course_text(chain, courses[i]);
    }
}

/* Until the effect is proved; a reaction before that proves it as well. */
static void add_fault(struct chain *chain)
{
    const struct trigger *trigger = &chain->all->trigger;

    chain->event_ns = trigger->proved_ns < 0 ? trigger->applied_ns : trigger->proved_ns;
    for (size_t i = 0; i < chain->count; i++)
        if (chain->steps[i].t_ns < chain->event_ns)
            chain->event_ns = chain->steps[i].t_ns;
    add(chain, STAGE_FAULT, NULL, chain->event_ns, true);
    chain->steps[chain->count - 1].resolution_ns = chain->event_ns - trigger->applied_ns;
    chain->steps[chain->count - 1].evidence = trigger->evidence;
}

/* By time; what is at the same time in the chain's order. */
static int compare(const void *a, const void *b)
{
    const struct step *x = a, *y = b;

    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    return (int)x->stage - (int)y->stage;
}

void convergence_walk(struct chain *chain)
{
    find_last_flow(chain);
    find_fib(chain);
    find_bgp(chain);
    find_rib(chain);
    find_watcher(chain);
    add_watchers(chain);
    if (chain->bgp)
        add(chain, STAGE_BGP, chain->bgp, chain->bgp_ns, true);
    if (chain->fib) {
        bool accepted = chain->rib && chain->rib->t_ns <= chain->first_fib->t_ns;
        add(chain, STAGE_RIB, accepted ? chain->rib : chain->first_fib, chain->rib_ns, true);
        add(chain, STAGE_FIB, chain->fib, chain->fib->t_ns, true);
    }
    add_packets(chain);
    add_fault(chain);
    qsort(chain->steps, chain->count, sizeof *chain->steps, compare);
}
