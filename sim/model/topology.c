/*
 * Reads a topology: one table for each section of the document (joined with its base, topology_base.c). What a single
 * value may be is said there; what values may be together is in topology_check.c.
 */
#include "model/topology.h"

#include <string.h>

#include "model/configure.h"
#include "model/files.h"

enum { NODE_NAME_MAX = 15, LINK_NAME_MAX = 15, TUNNEL_NAME_MAX = 11, OTHER_NAME_MAX = 31 };

static const struct vc_timers built_in_timers[] = {
    {"service", .bgp_keepalive_s = 60, .bgp_hold_s = 180},
    {"keepalive", .bgp_keepalive_s = 60, .bgp_hold_s = 180, .gre_keepalive_s = 10, .gre_retries = 3},
    {"tuned", .bgp_keepalive_s = 10, .bgp_hold_s = 30, .gre_keepalive_s = 10, .gre_retries = 3},
    {"bfd", .bgp_keepalive_s = 10, .bgp_hold_s = 30, .bfd_interval_ms = 300, .bfd_multiplier = 3, .gre_keepalive_s = 10,
     .gre_retries = 3},
};

/* A section of named items that all look alike: an array of structs that begin with their name. */
struct section {
    const char *what;
    size_t name_max, size, array, count, mark; /* offsets; mark: inside the item, VC_NONE when it has none */
    const struct vc_field *fields;
    size_t field_count;
    vc_field_fn *read; /* instead of fields */
    bool may_be_empty;
};

static void read_section(struct vc_reader *reader, const struct section *section, const struct vc_doc *doc)
{
    char *topology = (char *)reader->topology;
    VC_AUTO_TALLOC char *what = talloc_asprintf(NULL, "the %ss", section->what);

    if (section->may_be_empty && doc->type == VC_DOC_MAP && !doc->count)
        return;
    if (!vc_schema_is_map(reader, doc, what))
        return;
    void **array = (void **)(topology + section->array);
    size_t *count = (size_t *)(topology + section->count), old = *count;
    char *items = talloc_zero_size(reader->topology, (old + doc->count) * section->size);
    if (old)
        memcpy(items, *array, old * section->size);
    *array = items;
    *count = old + doc->count;
    /* names first, so that what a bad item is called is known to those that refer to it */
    for (size_t i = 0; i < doc->count; i++)
        *(const char **)(items + (old + i) * section->size) = talloc_strdup(reader->topology, doc->items[i]->key);
    for (size_t i = 0; i < doc->count; i++) {
        const struct vc_doc *item = doc->items[i];
        struct vc_sink sink = {.base = items + (old + i) * section->size};

        vc_schema_name(reader, item->key_mark, section->what, item->key, section->name_max);
        if (section->mark != VC_NONE)
            *(struct vc_mark *)((char *)sink.base + section->mark) = item->key_mark;
        if (section->read)
            section->read(reader, NULL, item, sink);
        else
            vc_schema_read(reader, item, section->what, section->fields, section->field_count, sink);
    }
}

/* A kind is a folder of nodes/; the folder's content is the plan's business. */
static void read_kind(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                      struct vc_sink sink)
{
    const struct vc_names *kinds = &((struct vc_topology_reader *)reader)->kinds;

    if (!vc_schema_is_scalar(reader, doc, "a kind of node"))
        return;
    ((struct vc_node *)sink.base)->kind = talloc_strdup(reader->topology, doc->text);
    if (vc_names_find(*kinds, doc->text) == VC_NONE)
        vc_problem_unknown(reader->problems, doc->mark, "kind of node", doc->text, *kinds);
}

static void read_link_end(struct vc_reader *reader, const struct vc_doc *doc, struct vc_link_end *end)
{
    struct vc_topology *t = reader->topology;
    struct vc_names nodes = VC_NAMES(t->nodes, t->node_count);

    end->mark = doc->key_mark;
    end->node = vc_names_find(nodes, doc->key);
    if (end->node == VC_NONE)
        vc_problem_unknown(reader->problems, doc->key_mark, "node", doc->key, nodes);
    vc_schema_interface(reader, doc, &end->address);
}

static void read_link(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                      struct vc_sink sink)
{
    struct vc_link *link = sink.base;
    size_t ends = 0;

    link->end[0].node = link->end[1].node = VC_NONE;
    if (!vc_schema_is_map(reader, doc, "a link"))
        return;
    for (size_t i = 0; i < doc->count; i++) {
        if (vc_wire_field(doc->items[i]->key))
            continue;
        if (ends < 2)
            read_link_end(reader, doc->items[i], &link->end[ends]);
        ends++;
    }
    if (ends != 2)
        vc_problem(reader->problems, doc->key_mark,
                   "found a link with %zu end%s; allowed: two, each NODE: ADDRESS/MASK", ends, ends == 1 ? "" : "s");
    vc_wire_read(reader, doc, "a link", &link->wire);
}

static void read_interface(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                           struct vc_sink sink)
{
    vc_schema_interface(reader, doc, (struct vc_prefix *)((char *)sink.base + field->offset));
}

/* Pairs {cpe: …, cisco: …}: the sub-tables of a tunnel, each by the offsets of its values. */
#define PAIR(cpe_member, cisco_member, kind, how)                                                                      \
    {"cpe", kind, true, offsetof(struct vc_tunnel, cpe_member), .read = (how)},                                        \
    {                                                                                                                  \
        "cisco", kind, true, offsetof(struct vc_tunnel, cisco_member), .read = (how)                                   \
    }

static const struct pair {
    const char *name;
    struct vc_field fields[3];
    size_t count;
} pairs[] = {
    {"ipsec",
     {PAIR(ipsec_cpe, ipsec_cisco, VC_FIELD_ADDRESS, NULL),
      {"private", VC_FIELD_ADDRESS, .offset = offsetof(struct vc_tunnel, ipsec_private)}},
     3},
    {"transport", {PAIR(transport_cpe, transport_cisco, VC_FIELD_ADDRESS, NULL)}, 2},
    {"address", {PAIR(address_cpe, address_cisco, VC_FIELD_CUSTOM, read_interface)}, 2},
};

static void read_pair(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                      struct vc_sink sink)
{
    for (size_t i = 0; i < VC_COUNT(pairs); i++)
        if (!strcmp(pairs[i].name, field->name))
            vc_schema_read(reader, doc, field->name, pairs[i].fields, pairs[i].count, sink);
}

static bool split(const struct vc_doc *doc, const char *between, char *first, char *second, size_t room)
{
    const char *at = doc->type == VC_DOC_SCALAR ? strstr(doc->text, between) : NULL;

    return at && snprintf(first, room, "%.*s", (int)(at - doc->text), doc->text) < (int)room &&
           snprintf(second, room, "%s", at + strlen(between)) < (int)room;
}

static void read_bgp_timers(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                            struct vc_sink sink)
{
    struct vc_timers *timers = sink.base;

    if (doc->type == VC_DOC_SCALAR && vc_bgp_timers_parse(doc->text, &timers->bgp_keepalive_s, &timers->bgp_hold_s))
        return;
    VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, doc);
    vc_problem(reader->problems, doc->mark, "found %s for bgp; allowed: %s", found, VC_BGP_TIMERS_ALLOWED);
}

/* "300ms x 3" or "off": the first number by offset, the second right behind it in the struct. */
static void read_interval_times(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                                struct vc_sink sink)
{
    char interval[16], times[16];
    int64_t ns, n;
    unsigned *out = (unsigned *)((char *)sink.base + field->offset);

    if (doc->type == VC_DOC_SCALAR && !strcmp(doc->text, "off"))
        return;
    if (!split(doc, " x ", interval, times, sizeof times) || !vc_duration_parse(interval, &ns) || ns < field->min ||
        ns > field->max || ns % field->unit || !vc_count_parse(times, 255, &n) || n < field->choices[0][0] - '0') {
        VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, doc);
        VC_AUTO_TALLOC char *min = vc_duration_text(NULL, field->min);
        VC_AUTO_TALLOC char *max = vc_duration_text(NULL, field->max);
        vc_problem(reader->problems, doc->mark,
                   "found %s for %s; allowed: off, or INTERVAL x TIMES with %s to %s and %s to 255", found, field->name,
                   min, max, field->choices[0]);
        return;
    }
    out[0] = (unsigned)(ns / field->unit);
    out[1] = (unsigned)n;
}

static void read_rate(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                      struct vc_sink sink)
{
    int64_t mbit = 0;

    if (doc->type != VC_DOC_SCALAR ||
        (strcmp(doc->text, "off") != 0 && (!vc_count_parse(doc->text, field->max, &mbit) || !mbit))) {
        VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, doc);
        vc_problem(reader->problems, doc->mark, "found %s for rate; allowed: off, or Mbit/s from 1 to %lld", found,
                   (long long)field->max);
    }
    *(unsigned *)((char *)sink.base + field->offset) = (unsigned)mbit;
}

static const char *const at_least_twice[] = {"2", NULL}, *const at_least_once[] = {"1", NULL};

#define MS(n)      ((n)*VC_NS_PER_MS)
#define S(n)       ((n)*VC_NS_PER_S)
#define AT(member) offsetof(struct vc_settings, member)
static const struct vc_field settings_fields[] = {
    {"ike", VC_FIELD_PROPOSAL, .offset = AT(ike_proposal), .fallback = "aes256gcm16-prfsha384-ecp384"},
    {"esp", VC_FIELD_PROPOSAL, .offset = AT(esp_proposal), .fallback = "aes256gcm16"},
    {"ike_lifetime", VC_FIELD_DURATION, .offset = AT(ike_lifetime_s), .min = S(10), .unit = S(1), .fallback = "4h"},
    {"child_lifetime", VC_FIELD_DURATION, .offset = AT(child_lifetime_s), .min = S(10), .unit = S(1), .fallback = "1h"},
    {"dpd", VC_FIELD_DURATION, .offset = AT(dpd_delay_s), .min = S(1), .max = S(3600), .unit = S(1), .fallback = "10s"},
    {"dpd_retries", VC_FIELD_COUNT, .offset = AT(dpd_retries), .min = 1, .max = 20, .fallback = "3"},
    {"replay_window", VC_FIELD_COUNT, .offset = AT(replay_window), .min = 0, .max = 4096, .fallback = "1024"},
    {"gre_mtu", VC_FIELD_COUNT, .offset = AT(gre_mtu), .min = 576, .max = 1476, .fallback = "1400"},
    {"mss", VC_FIELD_COUNT, .offset = AT(mss), .min = 0, .max = 1436, .fallback = "1350"},
    {"rate", VC_FIELD_CUSTOM, .offset = AT(rate_mbit), .max = 10000, .fallback = "250", .read = read_rate},
};
#undef AT

static const struct vc_field node_fields[] = {
    {"kind", VC_FIELD_CUSTOM, true, .read = read_kind},
    {"asn", VC_FIELD_COUNT, .offset = offsetof(struct vc_node, asn), .min = 1, .max = 4294967294},
    {"customer", VC_FIELD_CUSTOMER, .offset = offsetof(struct vc_node, customer)},
    {"files", VC_FIELD_CUSTOM, .read = vc_own_files_read},
};
static const struct vc_field customer_fields[] = {
    {"network", VC_FIELD_NETWORK, true, offsetof(struct vc_customer, network)},
    {"service", VC_FIELD_NETWORK, true, offsetof(struct vc_customer, service)},
};
static const struct vc_field dc_fields[] = {
    {"service", VC_FIELD_NETWORK, .offset = offsetof(struct vc_dc, service)},
    {"prefix", VC_FIELD_NETWORK, true, offsetof(struct vc_dc, prefix)},
    {"headend", VC_FIELD_NODE, true, offsetof(struct vc_dc, headend)},
    {"router", VC_FIELD_NODE, true, offsetof(struct vc_dc, router)},
};
static const struct vc_field tunnel_fields[] = {
    {"dc", VC_FIELD_DC, true, offsetof(struct vc_tunnel, dc)},
    {"cpe", VC_FIELD_NODE, true, offsetof(struct vc_tunnel, cpe)},
    {"ipsec", VC_FIELD_CUSTOM, true, .read = read_pair},
    {"transport", VC_FIELD_CUSTOM, true, .read = read_pair},
    {"address", VC_FIELD_CUSTOM, true, .read = read_pair},
    {"psk", VC_FIELD_SECRET, .offset = offsetof(struct vc_tunnel, psk)},
    {"bgp_password", VC_FIELD_SECRET, .offset = offsetof(struct vc_tunnel, bgp_password)},
};
static const struct vc_field timers_fields[] = {
    {"bgp", VC_FIELD_CUSTOM, true, .read = read_bgp_timers},
    {"bfd", VC_FIELD_CUSTOM, .offset = offsetof(struct vc_timers, bfd_interval_ms), .min = MS(10), .max = S(60),
     .unit = MS(1), .choices = at_least_twice, .read = read_interval_times},
    {"keepalive", VC_FIELD_CUSTOM, .offset = offsetof(struct vc_timers, gre_keepalive_s), .min = S(1), .max = S(32767),
     .unit = S(1), .choices = at_least_once, .read = read_interval_times},
};

#define SECTION(singular, max, type, list, number, ...)                                                                \
    {                                                                                                                  \
        .what = singular, .name_max = max, .size = sizeof(struct type), .array = offsetof(struct vc_topology, list),   \
        .count = offsetof(struct vc_topology, number), __VA_ARGS__                                                     \
    }
#define BY(table) .fields = table, .field_count = VC_COUNT(table)
static const struct section sections[] = {
    SECTION("timers profile", OTHER_NAME_MAX, vc_timers, timers, timers_count, .mark = VC_NONE, .may_be_empty = true,
            BY(timers_fields)),
    SECTION("node", NODE_NAME_MAX, vc_node, nodes, node_count, .mark = offsetof(struct vc_node, mark), BY(node_fields)),
    SECTION("link", LINK_NAME_MAX, vc_link, links, link_count, .mark = offsetof(struct vc_link, mark),
            .read = read_link),
    SECTION("dc", OTHER_NAME_MAX, vc_dc, dcs, dc_count, .mark = offsetof(struct vc_dc, mark), BY(dc_fields)),
    SECTION("tunnel", TUNNEL_NAME_MAX, vc_tunnel, tunnels, tunnel_count, .mark = offsetof(struct vc_tunnel, mark),
            BY(tunnel_fields)),
    SECTION("customer", OTHER_NAME_MAX, vc_customer, customers, customer_count, .mark = VC_NONE, BY(customer_fields)),
};

/* `offset` of these fields is an index into sections. */
static void read_items(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                       struct vc_sink sink VC_UNUSED)
{
    read_section(reader, &sections[field->offset], doc);
}

static void read_settings(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                          struct vc_sink sink)
{
    vc_schema_read(reader, doc, field->name, settings_fields, VC_COUNT(settings_fields),
                   (struct vc_sink){.base = (char *)sink.base + field->offset});
}

void vc_settings_default(void *ctx, struct vc_settings *out)
{
    struct vc_reader reader = {.tree = ctx, .problems = vc_problems_new(ctx)};
    const struct vc_doc nothing = vc_doc_scalar("settings", "", (struct vc_mark){0});

    *out = (struct vc_settings){0};
    vc_schema_read(&reader, &nothing, "settings", settings_fields, VC_COUNT(settings_fields),
                   (struct vc_sink){.base = out});
}

static const char *const switches[] = {"on", "off", NULL};

/* In the order of reading: names before those that refer to them. */
#define AT(member) offsetof(struct vc_topology, member)
#define NAMED                                                                                                          \
    {"topology", VC_FIELD_NAME, true, AT(name), .max = OTHER_NAME_MAX},                                                \
    {                                                                                                                  \
        "description", VC_FIELD_TEXT, true, AT(description)                                                            \
    }
#define PARTS                                                                                                          \
    {"keepalives", VC_FIELD_CHOICE, .offset = AT(keepalives), .fallback = "on", .choices = switches},                  \
        {"settings", VC_FIELD_CUSTOM, .offset = AT(settings), .fallback = "", .read = read_settings},                  \
        {"timers", VC_FIELD_CUSTOM, .offset = 0, .read = read_items},                                                  \
        {"nodes", VC_FIELD_CUSTOM, true, 1, .read = read_items},                                                       \
        {"links", VC_FIELD_CUSTOM, true, 2, .read = read_items},                                                       \
        {"dcs", VC_FIELD_CUSTOM, true, 3, .read = read_items},                                                         \
        {"tunnels", VC_FIELD_CUSTOM, true, 4, .read = read_items},                                                     \
    {                                                                                                                  \
        "configure", VC_FIELD_CUSTOM, .read = vc_configure_read                                                        \
    }
static const struct vc_field one_customer_fields[] = {
    NAMED,
    {"service", VC_FIELD_NETWORK, true, AT(only.service)},
    {"customer", VC_FIELD_NETWORK, true, AT(only.network)},
    PARTS,
};
static const struct vc_field customers_fields[] = {
    NAMED,
    {"customers", VC_FIELD_CUSTOM, true, 5, .read = read_items},
    PARTS,
};
#undef AT
#undef NAMED
#undef PARTS

/* Cisco was notified (R28): whatever the profile, neither end sends keepalives. */
static void settle_keepalives(struct vc_topology *t)
{
    for (size_t i = 0; t->keepalives && !strcmp(t->keepalives, "off") && i < t->timers_count; i++)
        t->timers[i].gre_keepalive_s = t->timers[i].gre_retries = 0;
}

static void read_topology(struct vc_reader *reader, const struct vc_doc *doc)
{
    bool several = vc_doc_member(doc, "customers");

    vc_schema_read(reader, doc, "a topology", several ? customers_fields : one_customer_fields,
                   several ? VC_COUNT(customers_fields) : VC_COUNT(one_customer_fields),
                   (struct vc_sink){.base = reader->topology});
    vc_topology_settle_customers(reader->topology, several);
    settle_keepalives(reader->topology);
}

static struct vc_topology *new_topology(void *ctx, const char *file)
{
    struct vc_topology *t = talloc_zero(ctx, struct vc_topology);

    t->file = talloc_strdup(t, file);
    t->timers = talloc_memdup(t, built_in_timers, sizeof built_in_timers);
    t->timers_count = VC_COUNT(built_in_timers);
    return t;
}

static struct vc_topology *load(void *ctx, const char *file, const char *text, const char *kinds_dir, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_topology *t = new_topology(scratch, file);
    struct vc_topology_reader reader = {
        .base = {.tree = t, .problems = vc_problems_new(scratch), .topology = t},
        .kinds = vc_folders(scratch, kinds_dir),
    };
    const struct vc_doc *doc = vc_topology_document(scratch, t, text, reader.base.problems);

    if (doc) {
        read_topology(&reader.base, doc);
        vc_check_file_name(&reader.base, doc, "topology", t->name);
        vc_topology_check(&reader.base, doc);
    }
    return vc_problems_finish(reader.base.problems, err) < 0 ? NULL : talloc_steal(ctx, t);
}

struct vc_topology *vc_topology_load(void *ctx, const char *file, const char *kinds_dir, vc_error **err)
{
    return load(ctx, file, NULL, kinds_dir, err);
}

struct vc_topology *vc_topology_parse(void *ctx, const char *file, const char *text, const char *kinds_dir,
                                      vc_error **err)
{
    return load(ctx, file, text, kinds_dir, err);
}

bool vc_topology_is_cpe(const struct vc_topology *t, size_t node)
{
    for (size_t i = 0; i < t->tunnel_count; i++)
        if (t->tunnels[i].cpe == node)
            return true;
    return false;
}

size_t vc_topology_node(const struct vc_topology *t, const char *name)
{
    return vc_names_find(VC_NAMES(t->nodes, t->node_count), name);
}

size_t vc_topology_link(const struct vc_topology *t, const char *name)
{
    return vc_names_find(VC_NAMES(t->links, t->link_count), name);
}

size_t vc_topology_tunnel(const struct vc_topology *t, const char *name)
{
    return vc_names_find(VC_NAMES(t->tunnels, t->tunnel_count), name);
}

size_t vc_topology_dc(const struct vc_topology *t, const char *name)
{
    return vc_names_find(VC_NAMES(t->dcs, t->dc_count), name);
}

const struct vc_timers *vc_topology_timers(const struct vc_topology *t, const char *name)
{
    size_t i = vc_names_find(VC_NAMES(t->timers, t->timers_count), name);

    return i == VC_NONE ? NULL : &t->timers[i];
}
