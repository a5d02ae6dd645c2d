/* Which hosts talk in a sweep, and which failures are cases of their own. */
#include "sweep/sweep.h"

#include <fnmatch.h>
#include <string.h>

enum { FAULT_NAME_MAX = 31, FLOW_NAME_MAX = 31, SCENARIO_NAME_MAX = 63 };

/* ---- flows ---- */

static bool is_host(const struct vc_topology *topology, size_t node)
{
    return !strcmp(topology->nodes[node].kind, "host");
}

static bool name_taken(const struct vc_sweep *sweep, const char *name)
{
    for (size_t i = 0; i < sweep->flow_count; i++)
        if (!strcmp(sweep->flows[i].name, name))
            return true;
    return false;
}

static void add_flow(struct vc_sweep *sweep, size_t from, size_t to)
{
    const struct vc_topology *t = sweep->topology;
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_oracle_path path = sweep->ask(scratch, sweep->oracle, NULL, 0, from, to);
    char *name = talloc_asprintf(sweep, "%s-%s", t->nodes[from].name, t->nodes[to].name);

    if (!path.reachable || !path.count)
        return;
    if (strlen(name) > FLOW_NAME_MAX || name_taken(sweep, name))
        name = talloc_asprintf(sweep, "flow-%zu", sweep->flow_count + 1);
    sweep->flows[sweep->flow_count++] = (struct vc_sweep_flow){name, from, to};
}

struct vc_sweep *vc_sweep_new(void *ctx, const struct vc_topology *topology, const struct vc_timers *timers,
                              const char *topology_ref, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_sweep *sweep = talloc_zero(ctx, struct vc_sweep);

    sweep->topology = topology;
    sweep->timers = timers;
    sweep->topology_ref = talloc_strdup(sweep, topology_ref);
    sweep->ask = vc_oracle_ask_after;
    sweep->oracle = vc_oracle_new(sweep, topology, timers, err);
    if (!sweep->oracle)
        return NULL;
    sweep->flows =
        talloc_zero_array(sweep, struct vc_sweep_flow, (unsigned)(topology->node_count * topology->node_count));
    for (size_t from = 0; from < topology->node_count; from++)
        for (size_t to = from + 1; to < topology->node_count; to++)
            if (is_host(topology, from) && is_host(topology, to))
                add_flow(sweep, from, to);
    if (sweep->flow_count)
        return VC_STEAL_PTR(sweep);
    vc_fail(err, VC_EXIT_USAGE, 0,
            "%s: no two hosts whose packets cross a tunnel or a WAN link: a sweep would compare nothing",
            topology->file);
    return NULL;
}

/* ---- elements ---- */

static const char *member(const struct vc_sweep *sweep, size_t element, const char *key)
{
    const char *text = json_string_value(json_object_get(vc_oracle_element(sweep->oracle, element)->fault, key));

    return text ? text : "";
}

static const char *name_of(const struct vc_sweep *sweep, size_t element)
{
    return vc_oracle_element(sweep->oracle, element)->name;
}

/* The element's name in the letters that a document's names have. */
static char *slug(void *ctx, const struct vc_sweep *sweep, size_t element)
{
    char *text = talloc_strdup(ctx, name_of(sweep, element));

    for (char *c = text; *c; c++)
        if (*c == '/')
            *c = '-';
    return text;
}

char *vc_sweep_fault_name(void *ctx, const struct vc_sweep *sweep, size_t element, size_t part)
{
    char *name = slug(ctx, sweep, element);

    if (part)
        name = talloc_asprintf_append(name, "-%zu", part);
    if (strlen(name) <= FAULT_NAME_MAX)
        return name;
    return part ? talloc_asprintf(ctx, "element-%zu-%zu", element, part) : talloc_asprintf(ctx, "element-%zu", element);
}

static bool touches(const struct vc_topology *t, const char *link, const char *node)
{
    size_t l = vc_topology_link(t, link), n = vc_topology_node(t, node);

    return l != VC_NONE && (t->links[l].end[0].node == n || t->links[l].end[1].node == n);
}

static bool ends_tunnel(const struct vc_topology *t, const char *tunnel, const char *node)
{
    size_t i = vc_topology_tunnel(t, tunnel), n = vc_topology_node(t, node);

    return i != VC_NONE && (t->tunnels[i].cpe == n || t->dcs[t->tunnels[i].dc].router == n);
}

/* With `big` failed, nothing is left for `small` to break; and a heal of one could not be proved while the other
 * lasts (a wire whose other end is off or shut has no carrier). */
static bool contains(const struct vc_sweep *sweep, size_t big, size_t small)
{
    const struct vc_topology *t = sweep->topology;
    enum vc_element_kind kind = vc_oracle_element(sweep->oracle, big)->kind;
    enum vc_element_kind other = vc_oracle_element(sweep->oracle, small)->kind;
    const char *node = member(sweep, big, "node"), *link = member(sweep, big, "link");
    bool same_link = *link && !strcmp(link, member(sweep, small, "link"));

    if (kind == VC_ELEMENT_NODE)
        return !strcmp(node, member(sweep, small, "node")) || touches(t, member(sweep, small, "link"), node) ||
               ends_tunnel(t, member(sweep, small, "tunnel"), node);
    if (kind == VC_ELEMENT_END)
        return same_link;
    return kind == VC_ELEMENT_LINK && same_link && other == VC_ELEMENT_DROP;
}

char *vc_sweep_contained(void *ctx, const struct vc_sweep *sweep, size_t a, size_t b)
{
    if (contains(sweep, a, b))
        return talloc_asprintf(ctx, "%s contains %s", name_of(sweep, a), name_of(sweep, b));
    if (contains(sweep, b, a))
        return talloc_asprintf(ctx, "%s contains %s", name_of(sweep, b), name_of(sweep, a));
    return NULL;
}

bool vc_sweep_starts_after(const struct vc_sweep *sweep, size_t element, size_t other)
{
    static const char *const clients[] = {"bgpd", "bfdd", "ospfd"};
    bool client = false;

    if (vc_oracle_element(sweep->oracle, element)->kind != VC_ELEMENT_DAEMON ||
        vc_oracle_element(sweep->oracle, other)->kind != VC_ELEMENT_DAEMON)
        return false;
    for (size_t i = 0; i < VC_COUNT(clients); i++)
        client = client || !strcmp(member(sweep, element, "daemon"), clients[i]);
    return client && !strcmp(member(sweep, other, "daemon"), "zebra") &&
           !strcmp(member(sweep, element, "node"), member(sweep, other, "node"));
}

/*
 * Who goes first. A drop is proved by a packet that it dropped, so it comes before what stops packets; of two drops the
 * inner one, whose packets are inside the other's; BGP before BFD, without which BGP soon falls silent.
 */
static unsigned rank(const struct vc_sweep *sweep, size_t element)
{
    static const char *const selects[] = {"icmp", "bgp", "bfd", "gre", "ike", "esp"};
    static const unsigned kinds[VC_ELEMENT_KINDS] = {[VC_ELEMENT_DROP] = 0,
                                                     [VC_ELEMENT_LINK] = 10,
                                                     [VC_ELEMENT_DAEMON] = 20,
                                                     [VC_ELEMENT_END] = 30,
                                                     [VC_ELEMENT_NODE] = 40};
    enum vc_element_kind kind = vc_oracle_element(sweep->oracle, element)->kind;

    for (unsigned i = 0; kind == VC_ELEMENT_DROP && i < VC_COUNT(selects); i++)
        if (!strcmp(selects[i], member(sweep, element, "select")))
            return i;
    return kinds[kind];
}

/* ---- cases ---- */

static uint32_t hash_of(const char *text)
{
    uint32_t hash = 2166136261U; /* FNV-1a */

    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619U;
    return hash;
}

static bool case_named(const struct vc_sweep_case *cases, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(cases[i].name, name))
            return true;
    return false;
}

static char *case_name(void *ctx, const struct vc_sweep *sweep, const struct vc_sweep_case *one,
                       const struct vc_sweep_case *before, size_t count)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    char *name = slug(ctx, sweep, one->set[0]), *exact = talloc_strdup(scratch, name_of(sweep, one->set[0]));

    if (one->count > 1) {
        name = talloc_asprintf_append(name, "--%s", slug(scratch, sweep, one->set[1]));
        exact = talloc_asprintf_append(exact, " %s", name_of(sweep, one->set[1]));
    }
    /* Too long, or two sets that differ in where the slashes were. */
    if (strlen(name) > SCENARIO_NAME_MAX || case_named(before, count, name))
        name = talloc_asprintf(ctx, "%.50s-%08x", name, hash_of(exact));
    return name;
}

static bool wanted(const struct vc_sweep *sweep, const struct vc_sweep_case *one, const char *only)
{
    for (size_t i = 0; i < one->count; i++)
        if (!only || !fnmatch(only, name_of(sweep, one->set[i]), 0))
            return true;
    return false;
}

static void add_case(const struct vc_sweep *sweep, struct vc_sweep_case *cases, size_t *count, const char *only,
                     struct vc_sweep_case one)
{
    if (!wanted(sweep, &one, only))
        return;
    if (one.count > 1) {
        one.contained = vc_sweep_contained(cases, sweep, one.set[0], one.set[1]);
        if (rank(sweep, one.set[1]) < rank(sweep, one.set[0])) {
            size_t later = one.set[0];
            one.set[0] = one.set[1];
            one.set[1] = later;
        }
    }
    one.name = case_name(cases, sweep, &one, cases, *count);
    cases[(*count)++] = one;
}

struct vc_sweep_case *vc_sweep_cases(void *ctx, const struct vc_sweep *sweep, unsigned depth, const char *only,
                                     size_t *count)
{
    size_t n = vc_oracle_count(sweep->oracle);
    struct vc_sweep_case *cases = talloc_zero_array(ctx, struct vc_sweep_case, (unsigned)(n + n * n / 2 + 1));

    *count = 0;
    for (size_t a = 0; a < n; a++)
        add_case(sweep, cases, count, only, (struct vc_sweep_case){.set = {a}, .count = 1});
    for (size_t a = 0; depth > 1 && a < n; a++)
        for (size_t b = a + 1; b < n; b++)
            add_case(sweep, cases, count, only, (struct vc_sweep_case){.set = {a, b}, .count = 2});
    return cases;
}
