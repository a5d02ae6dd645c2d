/* What fails in a plan, and how long nobody hears anything then. */
#include <stddef.h>
#include <string.h>

#include "planner/read.h"

static const char *const serverses[] = {"kept", "lost", NULL};

static size_t find(struct vc_reader *reader, const struct vc_doc *doc, const char *what, struct vc_names names)
{
    size_t i = vc_schema_is_scalar(reader, doc, what) ? vc_names_find(names, doc->text) : VC_NONE;

    if (i == VC_NONE && doc->type == VC_DOC_SCALAR && *doc->text)
        vc_problem_unknown(reader->problems, doc->mark, what, doc->text, names);
    return i;
}

static void read_dc(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                    struct vc_sink sink)
{
    const struct vc_planner *plan = plan_of(reader);

    *(size_t *)(void *)((char *)sink.base + field->offset) =
        find(reader, doc, "DC", VC_NAMES(plan->dcs, VC_PLANNER_DCS));
}

static void read_region(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                        struct vc_sink sink)
{
    const struct vc_planner *plan = plan_of(reader);

    *(size_t *)(void *)((char *)sink.base + field->offset) =
        find(reader, doc, "region", VC_NAMES(plan->regions, plan->region_count));
}

#define FAILURE(member) offsetof(struct vc_planner_failure, member)
#define FAILURE_TIMES                                                                                                  \
    {"at", VC_FIELD_DURATION, true, FAILURE(at_ms), MS_FIELD},                                                         \
        {"for", VC_FIELD_DURATION, true, FAILURE(for_ms), MS_FIELD},                                                   \
        {"failover", VC_FIELD_DURATION, .offset = FAILURE(failover_ms), MS_FIELD},                                     \
        {"failback", VC_FIELD_DURATION, .offset = FAILURE(failback_ms), MS_FIELD},                                     \
        {"measured", VC_FIELD_TEXT, .offset = FAILURE(measured)},                                                      \
    {                                                                                                                  \
        "fault", VC_FIELD_NAME, .offset = FAILURE(fault)                                                               \
    }
#define FAILURE_HUBS                                                                                                   \
    {"region", VC_FIELD_CUSTOM, true, FAILURE(region), .read = read_region},                                           \
    {                                                                                                                  \
        "hubs", VC_FIELD_COUNT, .offset = FAILURE(hubs), .min = 1, .max = VC_PLANNER_HUBS_MAX, .fallback = "1"         \
    }

static const struct vc_field dc_lost_fields[] = {
    {"dc", VC_FIELD_CUSTOM, true, FAILURE(dc), .read = read_dc},
    {"servers", VC_FIELD_CHOICE, .offset = FAILURE(servers), .choices = serverses, .fallback = "kept"},
    FAILURE_TIMES,
};
static const struct vc_field tunnel_lost_fields[] = {
    {"dc", VC_FIELD_CUSTOM, true, FAILURE(dc), .read = read_dc},
    FAILURE_HUBS,
    FAILURE_TIMES,
};
static const struct vc_field cpe_lost_fields[] = {
    {"cpe", VC_FIELD_COUNT, .offset = FAILURE(cpe), .min = 1, .max = 2, .fallback = "1"},
    FAILURE_HUBS,
    FAILURE_TIMES,
};

static const struct kind {
    const char *name;
    const struct vc_field *fields;
    size_t count;
} kinds[] = {
    [VC_PLANNER_DC_LOST] = {"dc-lost", dc_lost_fields, VC_COUNT(dc_lost_fields)},
    [VC_PLANNER_TUNNEL_LOST] = {"tunnel-lost", tunnel_lost_fields, VC_COUNT(tunnel_lost_fields)},
    [VC_PLANNER_CPE_LOST] = {"cpe-lost", cpe_lost_fields, VC_COUNT(cpe_lost_fields)},
};

/* Whose tunnels: a DC's, or with two CPEs the one that ends there, or both of an only CPE. */
static void settle_place(struct vc_reader *reader, struct vc_planner_failure *f)
{
    const struct vc_planner *plan = plan_of(reader);

    f->tunnels = 1U << (f->dc & 1);
    f->first = 0;
    f->count = plan->hub_count;
    f->servers_lost = f->servers && !strcmp(f->servers, "lost");
    if (f->kind == VC_PLANNER_DC_LOST) {
        f->text = talloc_asprintf(reader->tree, "%s lost%s", plan->dcs[f->dc].name,
                                  f->servers_lost ? " with its servers" : "");
        return;
    }
    const struct vc_planner_region *r = &plan->regions[f->region];
    f->first = r->first;
    f->count = f->hubs;
    if (f->hubs > r->hubs)
        vc_problem(reader->problems, f->mark, "found %u hubs of region %s; allowed: the %u it has", f->hubs, r->name,
                   r->hubs);
    if (f->kind == VC_PLANNER_CPE_LOST) {
        if (f->cpe > r->cpes)
            vc_problem(reader->problems, f->mark, "found cpe 2 of region %s; allowed: 1, its hubs have one", r->name);
        f->tunnels = r->cpes == 1 ? 3 : 1U << (f->cpe - 1);
    }
    f->text = f->kind == VC_PLANNER_CPE_LOST
                  ? talloc_asprintf(reader->tree, "cpe%u of %u hubs in %s lost", f->cpe, f->hubs, r->name)
                  : talloc_asprintf(reader->tree, "tunnel to %s of %u hubs in %s lost", plan->dcs[f->dc].name, f->hubs,
                                    r->name);
}

/* A path is seen from the plan's folder, or else from the current one. */
static const char *measured_path(struct vc_reader *reader, const char *path)
{
    const char *file = plan_of(reader)->file, *slash = strrchr(file, '/');
    const char *beside = slash ? talloc_asprintf(reader->tree, "%.*s/%s", (int)(slash - file), file, path) : path;

    return path[0] != '/' && access(beside, R_OK) == 0 ? beside : path;
}

static void settle_times(struct vc_reader *reader, const struct vc_doc *doc, struct vc_planner_failure *f)
{
    VC_AUTO_ERROR *err = NULL;

    f->failover_ns = f->failover_ms * VC_NS_PER_MS;
    f->failback_ns = f->failback_ms * VC_NS_PER_MS;
    if (!f->measured == !f->failover_ms || (f->measured && f->failback_ms)) {
        vc_problem(reader->problems, doc->mark,
                   "found a failure %s; allowed: failover (and failback), or measured: a run.json that has both",
                   f->measured ? "with failover or failback and measured" : "without failover");
        return;
    }
    if (f->fault && !f->measured)
        vc_problem(reader->problems, doc->mark, "found fault without measured; allowed: both");
    if (f->measured &&
        vc_planner_measured(measured_path(reader, f->measured), f->fault, &f->failover_ns, &f->failback_ns, &err) < 0)
        vc_problem(reader->problems, vc_doc_member(doc, "measured")->mark, "%s", err->message);
    if ((int64_t)f->at_ms >= plan_of(reader)->duration_ms)
        vc_problem(reader->problems, vc_doc_member(doc, "at")->mark,
                   "found a failure after the end; allowed: before duration");
}

static void read_failure(struct vc_reader *reader, const struct vc_doc *doc)
{
    struct vc_planner *plan = plan_of(reader);
    size_t before = vc_problems_count(reader->problems);

    if (!vc_schema_is_map(reader, doc, "a failure"))
        return;
    size_t kind = vc_names_find(VC_NAMES(kinds, VC_COUNT(kinds)), doc->items[0]->key);
    if (doc->count != 1 || kind == VC_NONE) {
        vc_problem_unknown(reader->problems, doc->items[doc->count - 1]->key_mark, "failure",
                           doc->items[doc->count - 1]->key, VC_NAMES(kinds, VC_COUNT(kinds)));
        return;
    }
    struct vc_planner_failure *f = &plan->failures[plan->failure_count++];
    *f = (struct vc_planner_failure){.kind = (enum vc_planner_kind)kind, .mark = doc->items[0]->mark};
    vc_schema_read(reader, doc->items[0], kinds[kind].name, kinds[kind].fields, kinds[kind].count,
                   (struct vc_sink){.base = f});
    if (vc_problems_count(reader->problems) > before)
        return;
    settle_place(reader, f);
    settle_times(reader, doc->items[0], f);
}

void vc_planner_read_failures(struct vc_reader *reader, const struct vc_field *field VC_UNUSED,
                              const struct vc_doc *doc, struct vc_sink sink VC_UNUSED)
{
    const struct vc_planner *plan = plan_of(reader);

    if (doc->type != VC_DOC_LIST || doc->count > VC_PLANNER_LIST_MAX) {
        VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, doc);
        vc_problem(reader->problems, doc->mark, "found %s for failures; allowed: a list of %d at most", found,
                   VC_PLANNER_LIST_MAX);
        return;
    }
    /* What they name must be there; what is wrong with it was told. */
    for (size_t i = 0; i < doc->count && plan->dcs[0].name && plan->dcs[1].name; i++)
        read_failure(reader, doc->items[i]);
}
