/*
 * A topology as a Mermaid flowchart: each of the customer's sites, the Internet, each data centre in a box of its own;
 * links as lines, tunnels as thick ones from the CPE to the router that ends GRE. Text only, in the order of the
 * document, so that a difference shows what changed.
 */
#include <ctype.h>
#include <string.h>

#include "report/catalogue.h"

/* ---- places ---- */

/* Where a node stands, and how far from the Internet. */
struct place {
    enum { SITE, CUSTOMER_WAN, INTERNET, DC, KINDS } kind;
    size_t index; /* of the site, from 0 (VC_NONE: not known yet), or of the first DC with that headend */
    int rank;     /* links to the Internet: negative at the customer's side, positive at Cisco's */
};

struct map {
    const struct vc_topology *topology;
    struct place *places; /* of nodes */
    size_t site_count;
};

/* A service host of `dc`: it has an address of that DC's prefix. */
static bool serves(const struct vc_topology *t, size_t dc, size_t node)
{
    for (size_t i = 0; i < t->link_count; i++)
        for (size_t e = 0; e < 2; e++)
            if (t->links[i].end[e].node == node &&
                vc_prefix_contains(t->dcs[dc].prefix, t->links[i].end[e].address.addr))
                return true;
    return false;
}

/* What customers share of a data centre is one building. */
static size_t building_of(const struct vc_topology *t, size_t dc)
{
    size_t first = 0;

    while (t->dcs[first].headend != t->dcs[dc].headend)
        first++;
    return first;
}

static struct place place_of(const struct vc_topology *t, size_t node)
{
    for (size_t i = 0; i < t->dc_count; i++)
        if (t->dcs[i].headend == node || t->dcs[i].router == node || serves(t, i, node))
            return (struct place){.kind = DC, .index = building_of(t, i)};
    if (!strcmp(t->nodes[node].kind, "isp"))
        return (struct place){.kind = INTERNET};
    bool wan = !strcmp(t->nodes[node].kind, "customer-wan");
    return (struct place){.kind = wan ? CUSTOMER_WAN : SITE, .index = wan ? 0 : VC_NONE};
}

/* All that hangs together without the customer's WAN and the Internet is one site. */
static void spread_site(struct map *map, size_t node, size_t site)
{
    const struct vc_topology *t = map->topology;

    map->places[node].index = site;
    for (size_t i = 0; i < t->link_count; i++)
        for (size_t e = 0; e < 2; e++) {
            size_t other = t->links[i].end[1 - e].node;

            if (t->links[i].end[e].node == node && map->places[other].index == VC_NONE)
                spread_site(map, other, site);
        }
}

/* Breadth first from the Internet, by as many rounds as there can be links in a row. */
static void measure(struct map *map)
{
    const struct vc_topology *t = map->topology;

    for (int far = 0; far < (int)t->node_count; far++)
        for (size_t i = 0; i < t->link_count; i++)
            for (size_t e = 0; e < 2; e++) {
                struct place *from = &map->places[t->links[i].end[e].node];
                struct place *to = &map->places[t->links[i].end[1 - e].node];

                if ((from->rank == far || from->rank == -far) && (far || from->kind == INTERNET) && !to->rank &&
                    to->kind != INTERNET)
                    to->rank = to->kind == DC ? far + 1 : -far - 1;
            }
}

static struct map map_of(void *ctx, const struct vc_topology *t)
{
    struct map map = {.topology = t, .places = talloc_array(ctx, struct place, (unsigned)t->node_count)};

    for (size_t i = 0; i < t->node_count; i++)
        map.places[i] = place_of(t, i);
    for (size_t i = 0; i < t->node_count; i++)
        if (map.places[i].kind == SITE && map.places[i].index == VC_NONE)
            spread_site(&map, i, map.site_count++);
    measure(&map);
    return map;
}

/* "DC1" for dc1: how people write it. */
static char *upper(void *ctx, const char *name)
{
    char *text = talloc_strdup(ctx, name);

    for (char *c = text; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return text;
}

static bool is_at(const struct map *map, size_t node, struct place place)
{
    return map->places[node].kind == place.kind && map->places[node].index == place.index;
}

/* "Customer" or "Customer a": whose site it is. */
static char *owner_title(void *ctx, const struct map *map, struct place site, struct vc_prefix *network)
{
    const struct vc_topology *t = map->topology;
    const struct vc_customer *customer = NULL;

    for (size_t i = 0; i < t->node_count && !customer; i++)
        if (is_at(map, i, site))
            customer = vc_topology_customer_of(t, i);
    *network = customer ? customer->network : (struct vc_prefix){0};
    return talloc_asprintf(ctx, "Customer%s%s", customer && *customer->name ? " " : "", customer ? customer->name : "");
}

static char *site_title(void *ctx, const struct map *map, struct place place)
{
    struct vc_prefix network;
    char *owner = owner_title(ctx, map, place, &network);

    return map->site_count > map->topology->customer_count
               ? talloc_asprintf(ctx, "%s, site %zu", owner, place.index + 1)
               : talloc_asprintf(ctx, "%s, %s", owner, vc_prefix_text(network).s);
}

static char *dc_title(void *ctx, const struct vc_topology *t, size_t building)
{
    char *text = talloc_strdup(ctx, "Cisco ");

    for (size_t i = building; i < t->dc_count; i++)
        if (building_of(t, i) == building)
            text = talloc_asprintf_append(text, "%s%s, %s", i == building ? "" : "; ", upper(ctx, t->dcs[i].name),
                                          vc_prefix_text(t->dcs[i].prefix).s);
    return text;
}

static char *place_title(void *ctx, const struct map *map, struct place place)
{
    switch (place.kind) {
    case SITE:
        return site_title(ctx, map, place);
    case CUSTOMER_WAN:
        return talloc_strdup(ctx, "The customer's WAN");
    case DC:
        return dc_title(ctx, map->topology, place.index);
    default:
        return talloc_strdup(ctx, "Internet");
    }
}

/* ---- text ---- */

/* A name may hold "-" and be "end", which Mermaid reads as its own. */
static char *id_of(void *ctx, const char *name)
{
    char *id = talloc_asprintf(ctx, "n_%s", name);

    for (char *c = id; *c; c++)
        if (*c == '-')
            *c = '_';
    return id;
}

/* What is drawn other than as a box: opening and closing brackets by kind. */
static const struct shape {
    const char *kind, *open, *close;
} shapes[] = {{"host", "([", "])"}, {"isp", "((", "))"}, {NULL, "[", "]"}};

static char *add_node(char *text, const struct vc_node *node)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const struct shape *shape = shapes;

    while (shape->kind && strcmp(shape->kind, node->kind) != 0)
        shape++;
    const char *as = node->asn ? talloc_asprintf(scratch, "<br>AS %u", node->asn) : "";
    bool same = !strcmp(node->name, node->kind);
    return talloc_asprintf_append(text, "    %s%s\"%s%s%s%s\"%s\n", id_of(scratch, node->name), shape->open, node->name,
                                  same ? "" : "<br>", same ? "" : node->kind, as, shape->close);
}

static char *add_place(char *text, const struct map *map, struct place place)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    bool empty = true;

    for (size_t i = 0; i < map->topology->node_count; i++) {
        if (!is_at(map, i, place))
            continue;
        if (empty)
            text = talloc_asprintf_append(text, "  subgraph p%d_%zu[\"%s\"]\n", (int)place.kind, place.index,
                                          place_title(scratch, map, place));
        empty = false;
        text = add_node(text, &map->topology->nodes[i]);
    }
    return empty ? text : talloc_asprintf_append(text, "  end\n");
}

/* Mermaid puts what a line begins at before what it leads to: phones at the left, servers at the right. */
static char *add_link(char *text, const struct map *map, const struct vc_link *link)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const struct vc_topology *t = map->topology;
    size_t from = link->end[0].node, to = link->end[1].node;
    bool turned = map->places[from].rank > map->places[to].rank;
    const char *character = vc_wire_is_perfect(&link->wire) ? "" : vc_wire_text(scratch, &link->wire);

    return talloc_asprintf_append(text, "  %s ---|\"%s%s%s\"| %s\n", id_of(scratch, t->nodes[turned ? to : from].name),
                                  link->name, *character ? "<br>" : "", character,
                                  id_of(scratch, t->nodes[turned ? from : to].name));
}

static char *add_tunnel(char *text, const struct vc_topology *t, const struct vc_tunnel *tunnel)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const struct vc_dc *dc = &t->dcs[tunnel->dc];

    return talloc_asprintf_append(text, "  %s ===|\"tunnel %s<br>IPsec ends at %s\"| %s\n",
                                  id_of(scratch, t->nodes[tunnel->cpe].name), tunnel->name, t->nodes[dc->headend].name,
                                  id_of(scratch, t->nodes[dc->router].name));
}

char *vc_catalogue_drawing(void *ctx, const struct vc_topology *topology)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct map map = map_of(scratch, topology);
    const size_t counts[KINDS] = {
        [SITE] = map.site_count, [CUSTOMER_WAN] = 1, [INTERNET] = 1, [DC] = topology->dc_count};
    char *text = talloc_strdup(ctx, "flowchart LR\n");

    for (int kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < counts[kind]; i++)
            text = add_place(text, &map, (struct place){.kind = kind, .index = i});
    for (size_t i = 0; i < topology->link_count; i++)
        text = add_link(text, &map, &topology->links[i]);
    for (size_t i = 0; i < topology->tunnel_count; i++)
        text = add_tunnel(text, topology, &topology->tunnels[i]);
    return text;
}
