#include "net/watch_private.h"

struct entry {
    struct vc_fib_route route;
    bool seen; /* in the dump under way */
};

struct vc_fib {
    vc_fib_fn *fn;
    void *arg;
    bool resyncing;
    size_t count, said_count;
    struct entry *entries;     /* every route; tens, so they are searched in order */
    struct vc_fib_route *said; /* for each prefix that has one: what was reported */
};

struct vc_fib *vc_fib_new(void *ctx, vc_fib_fn *fn, void *arg)
{
    struct vc_fib *fib = talloc_zero(ctx, struct vc_fib);

    fib->fn = fn;
    fib->arg = arg;
    return fib;
}

static const struct vc_fib_route *best(const struct vc_fib *fib, struct vc_prefix prefix)
{
    const struct vc_fib_route *found = NULL;

    for (size_t i = 0; i < fib->count; i++) {
        const struct vc_fib_route *route = &fib->entries[i].route;
        if (vc_prefix_equal(route->prefix, prefix) && (!found || route->metric < found->metric))
            found = route;
    }
    return found;
}

static bool same(const struct vc_fib_route *a, const struct vc_fib_route *b)
{
    return a->ifindex == b->ifindex && a->via.s_addr == b->via.s_addr;
}

static void judge(struct vc_fib *fib, struct vc_prefix prefix)
{
    const struct vc_fib_route *now = best(fib, prefix);
    size_t i = 0;

    while (i < fib->said_count && !vc_prefix_equal(fib->said[i].prefix, prefix))
        i++;
    if (i == fib->said_count) {
        if (!now)
            return;
        fib->said = talloc_realloc(fib, fib->said, struct vc_fib_route, fib->said_count + 1);
        fib->said[fib->said_count++] = *now;
    } else if (!now) {
        fib->said[i] = fib->said[--fib->said_count];
    } else if (same(now, &fib->said[i])) {
        return;
    } else {
        fib->said[i] = *now;
    }
    fib->fn(fib->arg, prefix, now);
}

static size_t find(const struct vc_fib *fib, const struct vc_fib_route *route)
{
    size_t i = 0;

    while (i < fib->count && !(vc_prefix_equal(fib->entries[i].route.prefix, route->prefix) &&
                               fib->entries[i].route.metric == route->metric))
        i++;
    return i;
}

void vc_fib_set(struct vc_fib *fib, const struct vc_fib_route *route)
{
    size_t i = find(fib, route);

    if (i == fib->count) {
        fib->entries = talloc_realloc(fib, fib->entries, struct entry, fib->count + 1);
        fib->count++;
    }
    fib->entries[i] = (struct entry){*route, true};
    if (!fib->resyncing)
        judge(fib, route->prefix);
}

void vc_fib_remove(struct vc_fib *fib, const struct vc_fib_route *route)
{
    size_t i = find(fib, route);

    if (i == fib->count || !same(&fib->entries[i].route, route))
        return;
    fib->entries[i] = fib->entries[--fib->count];
    judge(fib, route->prefix);
}

void vc_fib_resync_begin(struct vc_fib *fib)
{
    fib->resyncing = true;
    for (size_t i = 0; i < fib->count; i++)
        fib->entries[i].seen = false;
}

void vc_fib_resync_end(struct vc_fib *fib)
{
    fib->resyncing = false;
    for (size_t i = 0; i < fib->count;) {
        if (fib->entries[i].seen)
            i++;
        else
            fib->entries[i] = fib->entries[--fib->count];
    }
    /* Backwards: judging a prefix that has no route left takes the last one's place. */
    for (size_t i = fib->said_count; i-- > 0;)
        judge(fib, fib->said[i].prefix);
    for (size_t i = 0; i < fib->count; i++)
        judge(fib, fib->entries[i].route.prefix);
}
