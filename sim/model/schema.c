#include "model/schema.h"

#include <arpa/inet.h>
#include <string.h>

#include "model/scenario.h"

enum { NAME_LONGEST = 63, TEXT_LONGEST = 4000 };

union value {
    int64_t number;
    const char *text;
    struct in_addr address;
    struct vc_prefix prefix;
    size_t index;
};

typedef bool parse_fn(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc, union value *v);

/* Adds 'found …; allowed: …'. */
static bool bad_value(struct vc_reader *reader, const struct vc_doc *doc, const char *allowed)
{
    VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, doc);

    vc_problem(reader->problems, doc->mark, "found %s%s%s; allowed: %s", found, doc->key ? " for " : "",
               doc->key ? doc->key : "", allowed);
    return false;
}

bool vc_schema_is_scalar(struct vc_reader *reader, const struct vc_doc *doc, const char *allowed)
{
    return doc->type == VC_DOC_SCALAR && *doc->text ? true : bad_value(reader, doc, allowed);
}

static bool name_is_good(const char *name, size_t max)
{
    size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return name[0] >= 'a' && name[0] <= 'z' && !name[good] && good <= max;
}

bool vc_schema_name(struct vc_reader *reader, struct vc_mark mark, const char *what, const char *name, size_t max)
{
    if (name_is_good(name, max))
        return true;
    VC_AUTO_TALLOC char *found = vc_quoted(NULL, name);
    vc_problem(reader->problems, mark,
               "found %s name %s; allowed: a small letter, then small letters, digits and \"-\", %zu at most", what,
               found, max);
    return false;
}

static bool parse_name(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc, union value *v)
{
    v->text = doc->text;
    return vc_schema_name(reader, doc->mark, field->name, doc->text, field->max ? (size_t)field->max : NAME_LONGEST);
}

static bool parse_text(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                       union value *v)
{
    size_t length = strlen(doc->text);

    v->text = doc->text;
    if (length > TEXT_LONGEST || strspn(doc->text, " \t\n") == length)
        return bad_value(reader, doc, "text of 1 to 4000 bytes");
    return true;
}

/* Goes into a line of swanctl.conf and of FRR: no character may end it or mean something there. */
static bool parse_proposal(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                           union value *v)
{
    size_t good = strspn(doc->text, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    v->text = doc->text;
    return good && good < 100 && !doc->text[good]
               ? true
               : bad_value(reader, doc, "a strongSwan proposal such as aes256gcm16-prfsha384-ecp384");
}

/* For lines of swanctl.conf and FRR, too; and never shown in a message. */
static bool parse_secret(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                         union value *v)
{
    size_t length = strlen(doc->text);
    bool good = length <= 80;

    v->text = doc->text;
    for (size_t i = 0; i < length; i++)
        good = good && doc->text[i] > ' ' && doc->text[i] < 0x7f && !strchr("\"\\#{}'", doc->text[i]);
    if (!good)
        vc_problem(reader->problems, doc->mark,
                   "found a %s of %zu bytes that cannot be used; allowed: 1 to 80 printable ASCII characters, no space "
                   "and none of \" ' \\ # { }",
                   field->name, length);
    return good;
}

static bool parse_count(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                        union value *v)
{
    if (vc_count_parse(doc->text, field->max, &v->number) && v->number >= field->min)
        return true;
    VC_AUTO_TALLOC char *range =
        talloc_asprintf(NULL, "a number from %lld to %lld", (long long)field->min, (long long)field->max);
    return bad_value(reader, doc, range);
}

static bool parse_duration(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                           union value *v)
{
    if (!vc_duration_parse(doc->text, &v->number))
        return bad_value(reader, doc, "a duration such as 1200ms, 5s, 3m, 4h");
    if (v->number >= field->min && (!field->max || v->number <= field->max) &&
        (!field->unit || v->number % field->unit == 0))
        return true;
    VC_AUTO_TALLOC char *min = vc_duration_text(NULL, field->min);
    VC_AUTO_TALLOC char *max = vc_duration_text(NULL, field->max ? field->max : VC_DURATION_LONGEST);
    VC_AUTO_TALLOC char *range = talloc_asprintf(NULL, "a duration from %s to %s%s", min, max,
                                                 field->unit == VC_NS_PER_S ? " in whole seconds" : "");
    return bad_value(reader, doc, range);
}

static bool parse_percent(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                          union value *v)
{
    if (vc_percent_parse(doc->text, &v->number) && v->number >= field->min && (!field->max || v->number <= field->max))
        return true;
    VC_AUTO_TALLOC char *range =
        talloc_asprintf(NULL, "percent from %g to %g, four decimals at most", (double)field->min / 10000,
                        field->max ? (double)field->max / 10000 : 100.0);
    return bad_value(reader, doc, range);
}

static bool parse_bool(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                       union value *v)
{
    v->number = !strcmp(doc->text, "true");
    return v->number || !strcmp(doc->text, "false") ? true : bad_value(reader, doc, "true or false");
}

bool vc_schema_address(struct vc_reader *reader, const struct vc_doc *doc, struct in_addr *out)
{
    if (!vc_schema_is_scalar(reader, doc, "an IPv4 address such as 192.0.2.1"))
        return false;
    if (vc_addr_parse(doc->text, out))
        return true;
    *out = (struct in_addr){0};
    return bad_value(reader, doc, "an IPv4 address such as 192.0.2.1");
}

static bool parse_address(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                          union value *v)
{
    return vc_schema_address(reader, doc, &v->address);
}

static bool parse_network(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                          union value *v)
{
    if (!vc_prefix_parse(doc->text, &v->prefix))
        return bad_value(reader, doc, "an IPv4 prefix such as 198.18.5.0/24");
    if (vc_prefix_is_network(v->prefix))
        return true;
    VC_AUTO_TALLOC char *allowed =
        talloc_asprintf(NULL, "no bits beyond the mask: %s", vc_prefix_text(vc_prefix_network(v->prefix)).s);
    return bad_value(reader, doc, allowed);
}

bool vc_schema_interface(struct vc_reader *reader, const struct vc_doc *doc, struct vc_prefix *out)
{
    static const char allowed[] = "an address with its mask such as 10.10.0.1/30";
    struct vc_prefix p;

    if (!vc_schema_is_scalar(reader, doc, allowed))
        return false;
    if (!vc_prefix_parse(doc->text, &p) || p.len < 8)
        return bad_value(reader, doc, allowed);
    uint32_t a = ntohl(p.addr.s_addr), host = a & ~vc_prefix_mask(p.len);
    if (a >> 24 == 0 || a >> 24 == 127 || a >> 24 >= 224)
        return bad_value(reader, doc, "a unicast address");
    if (p.len < 31 && (host == 0 || host == ~vc_prefix_mask(p.len)))
        return bad_value(reader, doc, "a host's address, not the network's or its broadcast address");
    *out = p;
    return true;
}

static bool parse_choice(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                         union value *v)
{
    struct vc_names names = {field->choices, sizeof *field->choices, 0};

    while (field->choices[names.count])
        names.count++;
    size_t i = vc_names_find(names, doc->text);
    if (i == VC_NONE) {
        vc_problem_unknown(reader->problems, doc->mark, field->name, doc->text, names);
        return false;
    }
    v->text = field->choices[i];
    return true;
}

static bool parse_reference(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                            union value *v)
{
    const struct vc_topology *t = reader->topology;
    const struct vc_scenario *s = reader->scenario;
    const struct {
        const char *what;
        struct vc_names names;
    } kinds[] = {
        [VC_FIELD_NODE] = {"node", VC_NAMES(t->nodes, t->node_count)},
        [VC_FIELD_LINK] = {"link", VC_NAMES(t->links, t->link_count)},
        [VC_FIELD_DC] = {"DC", VC_NAMES(t->dcs, t->dc_count)},
        [VC_FIELD_CUSTOMER] = {"customer", VC_NAMES(t->customers, t->customer_count)},
        [VC_FIELD_TUNNEL] = {"tunnel", VC_NAMES(t->tunnels, t->tunnel_count)},
        [VC_FIELD_FLOW] = {"flow", s ? VC_NAMES(s->flows, s->flow_count) : (struct vc_names){0}},
    };

    v->index = vc_names_find(kinds[field->type].names, doc->text);
    if (v->index != VC_NONE)
        return true;
    vc_problem_unknown(reader->problems, doc->mark, kinds[field->type].what, doc->text, kinds[field->type].names);
    return false;
}

enum storage { STORE_TEXT, STORE_UNSIGNED, STORE_BOOL, STORE_ADDRESS, STORE_PREFIX, STORE_INDEX };

static const struct {
    parse_fn *parse;
    enum storage storage;
} types[] = {
    [VC_FIELD_NAME] = {parse_name, STORE_TEXT},           [VC_FIELD_TEXT] = {parse_text, STORE_TEXT},
    [VC_FIELD_PROPOSAL] = {parse_proposal, STORE_TEXT},   [VC_FIELD_SECRET] = {parse_secret, STORE_TEXT},
    [VC_FIELD_COUNT] = {parse_count, STORE_UNSIGNED},     [VC_FIELD_DURATION] = {parse_duration, STORE_UNSIGNED},
    [VC_FIELD_PERCENT] = {parse_percent, STORE_UNSIGNED}, [VC_FIELD_BOOL] = {parse_bool, STORE_BOOL},
    [VC_FIELD_ADDRESS] = {parse_address, STORE_ADDRESS},  [VC_FIELD_NETWORK] = {parse_network, STORE_PREFIX},
    [VC_FIELD_CHOICE] = {parse_choice, STORE_TEXT},       [VC_FIELD_NODE] = {parse_reference, STORE_INDEX},
    [VC_FIELD_LINK] = {parse_reference, STORE_INDEX},     [VC_FIELD_DC] = {parse_reference, STORE_INDEX},
    [VC_FIELD_TUNNEL] = {parse_reference, STORE_INDEX},   [VC_FIELD_FLOW] = {parse_reference, STORE_INDEX},
    [VC_FIELD_CUSTOMER] = {parse_reference, STORE_INDEX},
};

static void store_struct(struct vc_reader *reader, const struct vc_field *field, const union value *v, void *base)
{
    void *at = (char *)base + field->offset;

    switch (types[field->type].storage) {
    case STORE_TEXT:
        *(const char **)at = talloc_strdup(reader->tree, v->text);
        break;
    case STORE_UNSIGNED:
        *(unsigned *)at = (unsigned)(field->unit ? v->number / field->unit : v->number);
        break;
    case STORE_BOOL:
        *(bool *)at = v->number;
        break;
    case STORE_ADDRESS:
        *(struct in_addr *)at = v->address;
        break;
    case STORE_PREFIX:
        *(struct vc_prefix *)at = v->prefix;
        break;
    case STORE_INDEX:
        *(size_t *)at = v->index;
        break;
    }
}

static void store_json(const struct vc_field *field, const union value *v, const char *text, json_t *object)
{
    VC_AUTO_TALLOC char *key = talloc_asprintf(NULL, "%s%s", field->name,
                                               field->type == VC_FIELD_DURATION  ? "_ns"
                                               : field->type == VC_FIELD_PERCENT ? "_ppm"
                                                                                 : "");
    enum storage storage = types[field->type].storage;

    if (storage == STORE_UNSIGNED)
        json_object_set_new(object, key, json_integer(v->number));
    else if (storage == STORE_BOOL)
        json_object_set_new(object, key, json_boolean(v->number));
    else
        json_object_set_new(object, key, json_string(text)); /* names, choices, addresses: as written */
}

static void read_field(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                       struct vc_sink sink)
{
    union value v = {0};

    if (field->type == VC_FIELD_CUSTOM) {
        field->read(reader, field, doc, sink);
        return;
    }
    bool good = vc_schema_is_scalar(reader, doc, "a value") && types[field->type].parse(reader, field, doc, &v);
    if (!good && types[field->type].storage == STORE_INDEX)
        v.index = VC_NONE;
    if (!good && types[field->type].storage != STORE_INDEX)
        return;
    if (sink.base)
        store_struct(reader, field, &v, sink.base);
    else if (good)
        store_json(field, &v, doc->text, sink.object);
}

bool vc_schema_is_map(struct vc_reader *reader, const struct vc_doc *doc, const char *what)
{
    if (doc->type != VC_DOC_MAP || !doc->count) {
        VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, doc);
        vc_problem(reader->problems, doc->mark,
                   "found %s for %s; allowed: a mapping (name: value) with one member or more",
                   doc->type == VC_DOC_MAP ? "an empty mapping" : found, what);
        return false;
    }
    for (size_t i = 1; i < doc->count; i++)
        for (size_t j = 0; j < i; j++)
            if (!strcmp(doc->items[i]->key, doc->items[j]->key)) {
                VC_AUTO_TALLOC char *key = vc_quoted(NULL, doc->items[i]->key);
                vc_problem(reader->problems, doc->items[i]->key_mark,
                           "found %s again (first at line %d); allowed: each name once", key,
                           doc->items[j]->key_mark.line);
                break;
            }
    return true;
}

static void refuse_unknown_keys(struct vc_reader *reader, const struct vc_doc *doc, const char *what,
                                const struct vc_field *fields, size_t count)
{
    struct vc_names names = VC_NAMES(fields, count);
    VC_AUTO_TALLOC char *key = talloc_asprintf(NULL, "key of %s", what);

    for (size_t i = 0; i < doc->count; i++)
        if (vc_names_find(names, doc->items[i]->key) == VC_NONE)
            vc_problem_unknown(reader->problems, doc->items[i]->key_mark, key, doc->items[i]->key, names);
}

int vc_schema_read(struct vc_reader *reader, const struct vc_doc *doc, const char *what, const struct vc_field *fields,
                   size_t count, struct vc_sink sink)
{
    size_t before = vc_problems_count(reader->problems);
    bool none = doc->type == VC_DOC_SCALAR && !*doc->text;
    bool empty = none || (doc->type == VC_DOC_MAP && !doc->count);

    if (!empty && !vc_schema_is_map(reader, doc, what))
        return -1;
    if (!empty)
        refuse_unknown_keys(reader, doc, what, fields, count);
    for (size_t i = 0; i < count; i++) {
        const struct vc_doc *member = vc_doc_member(doc, fields[i].name);
        struct vc_doc fallback = vc_doc_scalar(fields[i].name, fields[i].fallback, doc->mark);

        if (!member && fields[i].required)
            vc_problem(reader->problems, doc->mark, "found %s without \"%s\"; allowed: %s is required", what,
                       fields[i].name, fields[i].name);
        if (!member && fields[i].fallback)
            member = &fallback;
        if (member)
            read_field(reader, &fields[i], member, sink);
        else if (sink.base && fields[i].type >= VC_FIELD_NODE && fields[i].type <= VC_FIELD_TUNNEL)
            *(size_t *)((char *)sink.base + fields[i].offset) = VC_NONE;
    }
    return vc_problems_count(reader->problems) == before ? 0 : -1;
}
