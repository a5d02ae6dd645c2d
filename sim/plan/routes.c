#include <errno.h>
#include <string.h>

#include "plan/node.h"

enum { TABLE_MAIN = 254 };

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_route(const struct vc_plan_route *a, const struct vc_plan_route *b)
{
    return vc_prefix_equal(a->prefix, b->prefix) && a->blackhole == b->blackhole && a->via.s_addr == b->via.s_addr &&
           same_text(a->ifname, b->ifname) && a->table == b->table && a->metric == b->metric;
}

static bool parse_number(const char *word, uint32_t *out)
{
    char *end = NULL;

    errno = 0;
    unsigned long value = word ? strtoul(word, &end, 10) : 0;
    *out = (uint32_t)value;
    return word && *word >= '0' && *word <= '9' && !*end && !errno && value <= UINT32_MAX;
}

/* One line, cut into words in place; false when it is not a route. */
static bool parse_route(void *ctx, char *line, struct vc_plan_route *route)
{
    char *rest = NULL;
    const char *word = strtok_r(line, " \t\r", &rest);

    *route = (struct vc_plan_route){.table = TABLE_MAIN};
    if (!vc_prefix_parse(word, &route->prefix) || !vc_prefix_is_network(route->prefix))
        return false;
    while ((word = strtok_r(NULL, " \t\r", &rest))) {
        if (strcmp(word, "blackhole") == 0) {
            route->blackhole = true;
            continue;
        }
        const char *value = strtok_r(NULL, " \t\r", &rest);
        bool ok = value &&
                  (strcmp(word, "via") == 0     ? vc_addr_parse(value, &route->via)
                   : strcmp(word, "dev") == 0   ? (route->ifname = talloc_strdup(ctx, value)) != NULL
                   : strcmp(word, "table") == 0 ? parse_number(value, &route->table)
                                                : strcmp(word, "metric") == 0 && parse_number(value, &route->metric));
        if (!ok)
            return false;
    }
    return route->blackhole != (route->via.s_addr || route->ifname);
}

int vc_routes_parse(void *ctx, const char *name, const char *text, struct vc_plan_route **routes, size_t *count,
                    vc_error **err)
{
    VC_AUTO_TALLOC char *copy = talloc_strdup(NULL, text);
    char *next = copy;

    *routes = NULL;
    *count = 0;
    for (int number = 1; next; number++) {
        char *line = strsep(&next, "\n");
        VC_AUTO_TALLOC char *shown = talloc_strdup(NULL, line);
        struct vc_plan_route route;
        size_t i = 0;

        line += strspn(line, " \t\r");
        if (!*line || *line == '#')
            continue;
        if (!parse_route(ctx, line, &route))
            return vc_fail(err, VC_EXIT_USAGE, 0,
                           "%s: line %d of its result: found \"%s\"; allowed: \"PREFIX via ADDRESS [dev IF] [table N] "
                           "[metric N]\", \"PREFIX dev IF …\" or \"PREFIX blackhole …\"",
                           name, number, shown);
        while (i < *count && !same_route(&(*routes)[i], &route))
            i++;
        if (i < *count)
            continue;
        *routes = talloc_realloc(ctx, *routes, struct vc_plan_route, *count + 1);
        (*routes)[(*count)++] = route;
    }
    return 0;
}
