/* The character of a wire as documents write it: members of a link, of a scenario's `wires` and of an impair fault. */
#include <string.h>

#include "model/read.h"
#include "model/scenario.h"

#define AT(member) offsetof(struct vc_wire, member)
#define US         .unit = VC_NS_PER_US, .max = 10 * VC_NS_PER_S
/* All packets lost is a drop fault's business, but a wire may be that bad; all reordered or corrupted makes no sense
 * different from that. */
const struct vc_field vc_wire_fields[VC_WIRE_FIELD_COUNT] = {
    {"delay", VC_FIELD_DURATION, .offset = AT(delay_us), US},
    {"jitter", VC_FIELD_DURATION, .offset = AT(jitter_us), US},
    {"loss", VC_FIELD_PERCENT, .offset = AT(loss_ppm)},
    {"burst", VC_FIELD_COUNT, .offset = AT(burst), .min = 1, .max = 10000},
    {"corrupt", VC_FIELD_PERCENT, .offset = AT(corrupt_ppm)},
    {"duplicate", VC_FIELD_PERCENT, .offset = AT(duplicate_ppm)},
    {"reorder", VC_FIELD_PERCENT, .offset = AT(reorder_ppm)},
    {"rate", VC_FIELD_COUNT, .offset = AT(rate_mbit), .min = 1, .max = 10000},
    {"limit", VC_FIELD_COUNT, .offset = AT(limit), .min = 1, .max = 1000000},
};

const struct vc_field *vc_wire_field(const char *name)
{
    size_t i = vc_names_find(VC_NAMES(vc_wire_fields, VC_WIRE_FIELD_COUNT), name);

    return i == VC_NONE ? NULL : &vc_wire_fields[i];
}

static void check(struct vc_reader *reader, const struct vc_doc *doc, const struct vc_wire *wire)
{
    const struct {
        bool wrong;
        const char *key, *allowed;
    } rules[] = {
        {wire->jitter_us > wire->delay_us, "jitter", "up to the delay: no packet arrives before it was sent"},
        {wire->burst && !wire->loss_ppm, "burst", "with loss, whose bursts it is about"},
        {wire->reorder_ppm && !wire->delay_us, "reorder", "with a delay, which a reordered packet does not wait for"},
        /* p = loss / (1 - loss) / burst is a probability */
        {wire->burst && wire->loss_ppm < 1000000 &&
             (uint64_t)wire->loss_ppm > (uint64_t)wire->burst * (1000000 - wire->loss_ppm),
         "burst", "longer bursts, for so much loss leaves less than a packet between them"},
    };

    for (size_t i = 0; i < VC_COUNT(rules); i++)
        if (rules[i].wrong)
            vc_problem(reader->problems, vc_doc_mark(doc, (const char *[]){rules[i].key, NULL}),
                       "found %s %s; allowed: %s", rules[i].key, vc_doc_member(doc, rules[i].key)->text,
                       rules[i].allowed);
}

int vc_wire_read(struct vc_reader *reader, const struct vc_doc *doc, const char *what, struct vc_wire *wire)
{
    struct vc_doc *items[VC_WIRE_FIELD_COUNT * 2];
    struct vc_doc part = *doc;
    size_t before = vc_problems_count(reader->problems);

    part.items = items;
    part.count = 0;
    /* A name given twice was complained about where the mapping was read. */
    for (size_t i = 0; i < doc->count && part.count < VC_COUNT(items); i++)
        if (vc_wire_field(doc->items[i]->key) && !vc_doc_member(&part, doc->items[i]->key))
            items[part.count++] = doc->items[i];
    if (part.count &&
        vc_schema_read(reader, &part, what, vc_wire_fields, VC_WIRE_FIELD_COUNT, (struct vc_sink){.base = wire}) == 0)
        check(reader, &part, wire);
    return vc_problems_count(reader->problems) == before ? 0 : -1;
}

bool vc_wire_of_spec(const json_t *spec, struct vc_wire *wire)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_reader reader = {.tree = scratch, .problems = vc_problems_new(scratch)};

    *wire = (struct vc_wire){0};
    return vc_wire_read(&reader, vc_doc_from_json(scratch, NULL, spec, (struct vc_mark){0}), "a fault", wire) == 0;
}
