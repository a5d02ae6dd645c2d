#include <criterion/criterion.h>
#include <string.h>

#include "net/watch_private.h"

static void say(void *arg, struct vc_prefix prefix, const struct vc_fib_route *best)
{
    char **seen = arg;

    *seen = talloc_asprintf_append(*seen, "%s %d %s\n", vc_prefix_text(prefix).s, best ? best->ifindex : 0,
                                   best ? vc_addr_text(best->via).s : "-");
}

static struct vc_fib_route route(const char *prefix, uint32_t metric, int ifindex, const char *via)
{
    struct vc_fib_route r = {.metric = metric, .ifindex = ifindex};

    cr_assert(vc_prefix_parse(prefix, &r.prefix) && vc_addr_parse(via, &r.via));
    return r;
}

static void said(char **seen, const char *expected)
{
    cr_assert_str_eq(*seen, expected);
    talloc_free(*seen);
    *seen = talloc_strdup(NULL, "");
}

static void set(struct vc_fib *fib, struct vc_fib_route r)
{
    vc_fib_set(fib, &r);
}

static void del(struct vc_fib *fib, struct vc_fib_route r)
{
    vc_fib_remove(fib, &r);
}

Test(fib, only_changes_of_the_best_route_are_said)
{
    char *seen = talloc_strdup(NULL, "");
    VC_AUTO_TALLOC struct vc_fib *fib = vc_fib_new(NULL, say, &seen);

    set(fib, route("10.0.0.0/8", 20, 1, "1.1.1.1"));
    set(fib, route("10.0.0.0/8", 20, 1, "1.1.1.1"));
    set(fib, route("10.0.0.0/8", 30, 2, "2.2.2.2"));
    set(fib, route("10.0.0.0/16", 20, 1, "1.1.1.1"));
    said(&seen, "10.0.0.0/8 1 1.1.1.1\n10.0.0.0/16 1 1.1.1.1\n");
    del(fib, route("10.0.0.0/8", 20, 3, "1.1.1.1")); /* not that one */
    said(&seen, "");
    del(fib, route("10.0.0.0/8", 20, 1, "1.1.1.1"));
    set(fib, route("10.0.0.0/8", 30, 2, "3.3.3.3")); /* replaced */
    del(fib, route("10.0.0.0/8", 30, 2, "3.3.3.3"));
    said(&seen, "10.0.0.0/8 2 2.2.2.2\n10.0.0.0/8 2 3.3.3.3\n10.0.0.0/8 0 -\n");
    set(fib, route("10.0.0.0/8", 30, 2, "3.3.3.3"));
    said(&seen, "10.0.0.0/8 2 3.3.3.3\n");
    talloc_free(seen);
}

Test(fib, a_resync_says_the_difference_only)
{
    char *seen = talloc_strdup(NULL, "");
    VC_AUTO_TALLOC struct vc_fib *fib = vc_fib_new(NULL, say, &seen);

    set(fib, route("10.1.0.0/16", 0, 1, "0.0.0.0"));
    set(fib, route("10.2.0.0/16", 0, 1, "0.0.0.0"));
    set(fib, route("10.3.0.0/16", 0, 1, "0.0.0.0"));
    set(fib, route("10.4.0.0/16", 0, 1, "0.0.0.0"));
    said(&seen, "10.1.0.0/16 1 0.0.0.0\n10.2.0.0/16 1 0.0.0.0\n10.3.0.0/16 1 0.0.0.0\n10.4.0.0/16 1 0.0.0.0\n");
    vc_fib_resync_begin(fib);
    set(fib, route("10.4.0.0/16", 0, 2, "0.0.0.0"));
    set(fib, route("10.3.0.0/16", 0, 1, "0.0.0.0"));
    set(fib, route("10.5.0.0/16", 0, 1, "0.0.0.0"));
    said(&seen, "");
    vc_fib_resync_end(fib);
    said(&seen, "10.4.0.0/16 2 0.0.0.0\n10.2.0.0/16 0 -\n10.1.0.0/16 0 -\n10.5.0.0/16 1 0.0.0.0\n");
    vc_fib_resync_begin(fib);
    vc_fib_resync_end(fib);
    said(&seen, "10.5.0.0/16 0 -\n10.4.0.0/16 0 -\n10.3.0.0/16 0 -\n");
    vc_fib_resync_begin(fib);
    vc_fib_resync_end(fib);
    said(&seen, "");
    talloc_free(seen);
}
