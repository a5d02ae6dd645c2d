#include "activation/form.h"

#include <string.h>

#include "activation/rules.h"
#include "model/read.h"

/* "inet-" and a CPE's name are the name of an interface; a form's name and "-keys" that of a topology. */
enum { CPE_NAME_MAX = 10, FORM_NAME_MAX = 26, CUSTOMER_NAME_MAX = 31, ORDER_MAX = 31 };

const char *const vc_form_regions[] = {"us", "ca", "eu", "uk", "ap", "au", "in", "sa", NULL};

const char *const vc_form_dcs[VC_FORM_DCS] = {"dc1", "dc2"};

static const char *const instances[] = {"active", "ordered", NULL};
static const char *const roles[] = {"full-admin", "read-only", NULL};
static const char *const switches[] = {"on", "off", NULL};

static void complain(struct vc_reader *reader, const struct vc_doc *doc, const char *allowed)
{
    VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, doc);

    vc_problem(reader->problems, doc->mark, "found %s%s%s; allowed: %s", found, doc->key ? " for " : "",
               doc->key ? doc->key : "", allowed);
}

static bool is_list(struct vc_reader *reader, const struct vc_doc *doc, const char *allowed)
{
    if (doc->type == VC_DOC_LIST && doc->count)
        return true;
    complain(reader, doc, allowed);
    return false;
}

/* ---- values ---- */

/* An order's number stands in sentences and on command lines, where it must not look like an option. */
static void read_number(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                        struct vc_sink sink)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t length = doc->type == VC_DOC_SCALAR ? strlen(doc->text) : 0;

    if (!length || length > ORDER_MAX || strspn(doc->text, good) != length || doc->text[0] == '-')
        complain(reader, doc, "the order's number: at most 31 letters, digits, \"-\", \"_\" and \".\", no \"-\" first");
    else
        *(const char **)((char *)sink.base + field->offset) = talloc_strdup(reader->tree, doc->text);
}

static void read_regions(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                         struct vc_sink sink)
{
    struct vc_form *form = sink.base;
    struct vc_names known = VC_NAMES(vc_form_regions, 0);

    while (vc_form_regions[known.count])
        known.count++;
    if (!is_list(reader, doc, "a list of the regions in which Dedicated Instance was bought, such as [eu, us]"))
        return;
    form->regions = talloc_zero_array(reader->tree, const char *, doc->count);
    for (size_t i = 0; i < doc->count; i++) {
        const struct vc_doc *item = doc->items[i];

        if (!vc_schema_is_scalar(reader, item, "a region"))
            continue;
        if (vc_names_find(known, item->text) == VC_NONE)
            vc_problem_unknown(reader->problems, item->mark, "region", item->text, known);
        else if (vc_names_find(VC_NAMES(form->regions, form->region_count), item->text) != VC_NONE)
            vc_problem(reader->problems, item->mark, "found region \"%s\" again; allowed: each region once",
                       item->text);
        else
            form->regions[form->region_count++] = talloc_strdup(reader->tree, item->text);
    }
}

/* What would be right in its place; NULL: it is. */
static const char *lan_allowed(void *ctx, const struct vc_doc *item, struct vc_prefix *lan)
{
    if (!vc_prefix_parse(item->text, lan))
        return "a prefix of your network such as 10.10.0.0/16";
    if (!vc_prefix_is_network(*lan))
        return talloc_asprintf(ctx, "%s, which is the network of that address",
                               vc_prefix_text(vc_prefix_network(*lan)).s);
    return lan->len < 8 ? "prefixes of your network, each a /8 or smaller" : NULL;
}

static void read_lans(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                      struct vc_sink sink)
{
    struct vc_form *form = sink.base;

    if (!is_list(reader, doc, "a list of the prefixes behind your CPEs, such as [10.10.0.0/16]"))
        return;
    form->lans = talloc_zero_array(reader->tree, struct vc_form_lan, doc->count);
    for (size_t i = 0; i < doc->count; i++) {
        struct vc_form_lan lan = {.mark = doc->items[i]->mark};

        if (!vc_schema_is_scalar(reader, doc->items[i], "a prefix of your network such as 10.10.0.0/16"))
            continue;
        const char *allowed = lan_allowed(reader->tree, doc->items[i], &lan.prefix);
        if (allowed)
            complain(reader, doc->items[i], allowed);
        else
            form->lans[form->lan_count++] = lan;
    }
}

/* A number whose limits are a rule's: whatever else is written is refused in the rule's words, too. */
static void read_ruled(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                       struct vc_sink sink)
{
    int64_t number = 0;

    if (doc->type != VC_DOC_SCALAR || !vc_count_parse(doc->text, UINT32_MAX, &number) || !number) {
        VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, doc);

        vc_rule_refuse(reader->problems, field->offset == offsetof(struct vc_form, asn) ? "R13" : "R6", doc->mark, NULL,
                       "%s for %s", found, doc->key);
    } else {
        *(unsigned *)(void *)((char *)sink.base + field->offset) = (unsigned)number;
    }
}

static void read_mask(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                      struct vc_sink sink)
{
    int64_t mask = 0;

    if (doc->type != VC_DOC_SCALAR || !vc_count_parse(doc->text, 31, &mask) || mask < 30)
        complain(reader, doc, "30 or 31");
    else
        *(unsigned *)(void *)((char *)sink.base + field->offset) = (unsigned)mask;
}

/* An address is a /32; what else was written is kept for R10 to refuse. true: something was. */
static bool read_transport(struct vc_reader *reader, const struct vc_doc *doc, struct vc_prefix *out)
{
    bool whole = doc->type == VC_DOC_SCALAR && vc_addr_parse(doc->text, &out->addr);

    if (whole)
        out->len = 32;
    if (whole || (doc->type == VC_DOC_SCALAR && vc_prefix_parse(doc->text, out)))
        return true;
    complain(reader, doc, "an address, alone or as /32, such as 10.200.0.1/32");
    return false;
}

static void read_transports(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                            struct vc_sink sink)
{
    struct vc_form_cpe *cpe = sink.base;

    if (!vc_schema_is_map(reader, doc, "the transports"))
        return;
    for (size_t i = 0; i < doc->count; i++) {
        size_t dc = vc_names_find(VC_NAMES(vc_form_dcs, VC_FORM_DCS), doc->items[i]->key);

        if (dc == VC_NONE)
            vc_problem_unknown(reader->problems, doc->items[i]->key_mark, "data centre", doc->items[i]->key,
                               VC_NAMES(vc_form_dcs, VC_FORM_DCS));
        else
            cpe->has_transport[dc] = read_transport(reader, doc->items[i], &cpe->transport[dc]);
    }
}

static const struct vc_field cpe_fields[] = {
    {"ipsec", VC_FIELD_ADDRESS, true, offsetof(struct vc_form_cpe, ipsec)},
    {"nat", VC_FIELD_ADDRESS, .offset = offsetof(struct vc_form_cpe, nat)},
    {"transport", VC_FIELD_CUSTOM, true, .read = read_transports},
};

/* Was an address read there? 0.0.0.0 is one, which a rule refuses. */
static bool has_address(const struct vc_doc *cpe, const char *member)
{
    const struct vc_doc *doc = vc_doc_member(cpe, member);
    struct in_addr address;

    return doc && doc->type == VC_DOC_SCALAR && vc_addr_parse(doc->text, &address);
}

/* Other nodes of the lab have such a name, or it says how a wire is where a link names its ends. */
static bool is_taken(const char *name)
{
    static const char *const taken[] = {"isp", "lan", "phone"};

    return vc_names_find(VC_NAMES(taken, VC_COUNT(taken)), name) != VC_NONE || !strncmp(name, "dc", 2) ||
           !strncmp(name, "nat", 3) || vc_wire_field(name);
}

static void read_cpes(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                      struct vc_sink sink)
{
    struct vc_form *form = sink.base;

    if (!vc_schema_is_map(reader, doc, "the CPEs"))
        return;
    if (doc->count > VC_FORM_CPES)
        vc_problem(reader->problems, doc->items[VC_FORM_CPES]->key_mark,
                   "found %zu CPEs; allowed: one, which holds both tunnels, or two with one each (R3, R4)", doc->count);
    form->cpes = talloc_zero_array(reader->tree, struct vc_form_cpe, VC_FORM_CPES);
    for (size_t i = 0; i < doc->count && i < VC_FORM_CPES; i++) {
        const struct vc_doc *item = doc->items[i];
        struct vc_form_cpe *cpe = &form->cpes[form->cpe_count++];

        vc_schema_name(reader, item->key_mark, "CPE", item->key, CPE_NAME_MAX);
        if (is_taken(item->key))
            vc_problem(reader->problems, item->key_mark,
                       "found \"%s\" as a CPE's name, which something else in the lab has; allowed: another name",
                       item->key);
        cpe->name = talloc_strdup(reader->tree, item->key);
        cpe->mark = item->key_mark;
        vc_schema_read(reader, item, "a CPE", cpe_fields, VC_COUNT(cpe_fields), (struct vc_sink){.base = cpe});
        cpe->has_ipsec = has_address(item, "ipsec");
        cpe->has_nat = has_address(item, "nat");
    }
}

static void read_requirements(struct vc_reader *reader, const struct vc_field *field VC_UNUSED,
                              const struct vc_doc *doc, struct vc_sink sink)
{
    struct vc_form_example *example = sink.base;

    if (!is_list(reader, doc, "a list of requirements such as [R8]"))
        return;
    example->requirements = talloc_zero_array(reader->tree, const char *, doc->count);
    for (size_t i = 0; i < doc->count; i++)
        if (!vc_schema_is_scalar(reader, doc->items[i], "a requirement") || !vc_rule_exists(doc->items[i]->text))
            complain(reader, doc->items[i], "a requirement of the form, R8 to R18");
        else
            example->requirements[example->requirement_count++] = talloc_strdup(reader->tree, doc->items[i]->text);
}

static const struct vc_field example_fields[] = {
    {"requirements", VC_FIELD_CUSTOM, true, .read = read_requirements},
    {"after", VC_FIELD_NAME, .offset = offsetof(struct vc_form_example, after), .max = FORM_NAME_MAX},
    {"refused", VC_FIELD_TEXT, .offset = offsetof(struct vc_form_example, refused)},
};

static void read_example(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                         struct vc_sink sink)
{
    vc_schema_read(reader, doc, "an example", example_fields, VC_COUNT(example_fields),
                   (struct vc_sink){.base = (char *)sink.base + field->offset});
}

#define AT(member) offsetof(struct vc_form, member)
static const struct vc_field form_fields[] = {
    {"form", VC_FIELD_NAME, true, AT(name), .max = FORM_NAME_MAX},
    {"description", VC_FIELD_TEXT, .offset = AT(description)},
    {"customer", VC_FIELD_NAME, true, AT(customer), .max = CUSTOMER_NAME_MAX},
    {"order", VC_FIELD_CUSTOM, true, AT(order), .read = read_number},
    {"quantity", VC_FIELD_COUNT, .offset = AT(quantity), .min = 1, .max = 1000, .fallback = "1"},
    {"regions", VC_FIELD_CUSTOM, true, .read = read_regions},
    {"region", VC_FIELD_CHOICE, true, AT(region), .choices = vc_form_regions},
    {"dedicated_instance", VC_FIELD_CHOICE, true, AT(instance), .choices = instances},
    {"role", VC_FIELD_CHOICE, .offset = AT(role), .fallback = "full-admin", .choices = roles},
    {"lan", VC_FIELD_CUSTOM, true, .read = read_lans},
    {"cpes", VC_FIELD_CUSTOM, true, .read = read_cpes},
    {"asn", VC_FIELD_CUSTOM, .offset = AT(asn), .read = read_ruled},
    {"tunnel_mask", VC_FIELD_CUSTOM, .offset = AT(tunnel_mask), .fallback = "30", .read = read_mask},
    {"keepalives", VC_FIELD_CHOICE, .offset = AT(keepalives), .fallback = "on", .choices = switches},
    {"calls", VC_FIELD_CUSTOM, .offset = AT(calls), .fallback = "100", .read = read_ruled},
    {"example", VC_FIELD_CUSTOM, .offset = AT(example), .read = read_example},
};
#undef AT

/* ---- documents ---- */

static struct vc_form *read_document(void *ctx, const struct vc_doc *doc, const char *file,
                                     struct vc_problems *problems)
{
    struct vc_form *form = talloc_zero(ctx, struct vc_form);
    struct vc_reader reader = {.tree = form, .problems = problems};
    /* What is Cisco's to say has a better answer than "unknown key". */
    const struct vc_doc *own = vc_rules_refuse_members(form, doc, problems);

    form->file = talloc_strdup(form, file);
    form->doc = doc;
    vc_schema_read(&reader, own, "a form", form_fields, VC_COUNT(form_fields), (struct vc_sink){.base = form});
    if (*file)
        vc_check_file_name(&reader, doc, "form", form->name);
    return form;
}

struct vc_form *vc_form_read(void *ctx, const char *file, struct vc_problems *problems)
{
    static const char *const others[] = {"scenario", "topology"};
    const char *kept = talloc_strdup(ctx, file);
    const struct vc_doc *doc = vc_doc_load(ctx, kept, problems);

    for (size_t i = 0; doc && !vc_doc_member(doc, "form") && i < VC_COUNT(others); i++)
        if (vc_doc_member(doc, others[i])) {
            vc_problem(problems, doc->mark,
                       "found a %s; allowed: an activation form, such as "
                       "forms/accepted/one-cpe.yaml (docs/activation.md describes it)",
                       others[i]);
            return NULL;
        }
    return doc ? read_document(ctx, doc, kept, problems) : NULL;
}

struct vc_form *vc_form_load(void *ctx, const char *file, const char *role, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    void *tree = talloc_new(scratch);
    struct vc_problems *problems = vc_problems_new(scratch);
    struct vc_form *form = vc_form_read(tree, file, problems);

    if (form && role)
        form->role = talloc_strdup(form, role);
    if (form)
        vc_rules_check(form, problems);
    if (vc_problems_finish(problems, err) < 0)
        return NULL;
    talloc_steal(ctx, tree);
    return form;
}

static json_t *doc_json(const struct vc_doc *doc)
{
    json_t *out = doc->type == VC_DOC_MAP ? json_object() : json_array();

    if (doc->type == VC_DOC_SCALAR) {
        json_decref(out);
        return json_string(doc->text);
    }
    for (size_t i = 0; i < doc->count; i++)
        if (doc->type == VC_DOC_MAP)
            json_object_set_new(out, doc->items[i]->key, doc_json(doc->items[i]));
        else
            json_array_append_new(out, doc_json(doc->items[i]));
    return out;
}

json_t *vc_form_json(const struct vc_form *form)
{
    json_t *json = doc_json(form->doc);

    json_object_del(json, "example");
    return json;
}

struct vc_form *vc_form_from_json(void *ctx, const json_t *json, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    void *tree = talloc_new(scratch);
    struct vc_problems *problems = vc_problems_new(scratch);
    const struct vc_doc *doc = vc_doc_from_json(tree, NULL, json, (struct vc_mark){.file = "the ledger's form"});
    struct vc_form *form = read_document(tree, doc, "", problems);

    if (vc_problems_finish(problems, err) < 0)
        return NULL;
    talloc_steal(ctx, tree);
    return form;
}

const struct vc_form_cpe *vc_form_cpe_of(const struct vc_form *form, size_t dc)
{
    for (size_t i = 0; i < form->cpe_count; i++)
        if (form->cpes[i].has_transport[dc])
            return &form->cpes[i];
    return NULL;
}
