/* The document of a plan, by the tables of model/schema.h. */
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "planner/read.h"

#define CALLS_MAX  20e6
#define EVENTS_MAX 1e9

static const char *const levels[] = {"call", "packet", NULL};
static const char *const esps[] = {"aes-gcm", "aes-cbc-sha256", NULL};
static const char *const switches[] = {"off", "on", NULL};
static const char *const srtps[] = {"off", "hmac-sha1-80", "gcm", NULL};

/* A number with three decimals at most, in thousandths. */
static void read_erlangs(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                         struct vc_sink sink)
{
    static const char allowed[] = "Erlangs of a hub, from 0.001 to 100000, three decimals at most";
    const char *dot = strchr(doc->text ? doc->text : "", '.');
    size_t decimals = dot ? strlen(dot + 1) : 0;
    int64_t whole = 0, part = 0;

    if (!vc_schema_is_scalar(reader, doc, allowed))
        return;
    VC_AUTO_TALLOC char *left =
        dot ? talloc_strndup(NULL, doc->text, (size_t)(dot - doc->text)) : talloc_strdup(NULL, doc->text);
    bool good = vc_count_parse(left, 100000, &whole) &&
                (!dot || (decimals && decimals <= 3 && vc_count_parse(dot + 1, 999, &part)));
    for (size_t i = decimals; good && i < 3; i++)
        part *= 10;
    whole = whole * 1000 + part;
    if (good && whole >= 1 && whole <= 100000000)
        *(int64_t *)(void *)((char *)sink.base + field->offset) = whole;
    else
        vc_problem(reader->problems, doc->mark, "found %s for erlangs; allowed: %s", vc_quoted(reader->tree, doc->text),
                   allowed);
}

/* ---- codecs ---- */

static const char *const codec_names[VC_PLANNER_CODECS] = {"g711", "opus", "video"};

static const struct vc_field voice_fields[] = {
    {"share", VC_FIELD_PERCENT, true, offsetof(struct vc_planner_codec, share_ppm)},
    {"kbit", VC_FIELD_COUNT, .offset = offsetof(struct vc_planner_codec, kbit), .min = 6, .max = 510, .fallback = "32"},
    {"ptime", VC_FIELD_DURATION, .offset = offsetof(struct vc_planner_codec, ptime_ms), MS_FIELD,
     .max = 120 * VC_NS_PER_MS, .fallback = "20ms"},
};
static const struct vc_field g711_fields[] = {
    {"share", VC_FIELD_PERCENT, true, offsetof(struct vc_planner_codec, share_ppm)},
    {"ptime", VC_FIELD_DURATION, .offset = offsetof(struct vc_planner_codec, ptime_ms), MS_FIELD,
     .max = 120 * VC_NS_PER_MS, .fallback = "20ms"},
};
static const struct vc_field video_fields[] = {
    {"share", VC_FIELD_PERCENT, true, offsetof(struct vc_planner_codec, share_ppm)},
    {"kbit", VC_FIELD_COUNT, .offset = offsetof(struct vc_planner_codec, kbit), .min = 64, .max = 100000,
     .fallback = "1500"},
    {"payload", VC_FIELD_COUNT, .offset = offsetof(struct vc_planner_codec, payload), .min = 100, .max = 1360,
     .fallback = "1100"},
};
static const struct {
    const struct vc_field *fields;
    size_t count;
} codec_tables[VC_PLANNER_CODECS] = {{g711_fields, VC_COUNT(g711_fields)},
                                     {voice_fields, VC_COUNT(voice_fields)},
                                     {video_fields, VC_COUNT(video_fields)}};

enum { G711_KBIT = 64, GRE_MTU = 1400 };

static void check_shares(struct vc_reader *reader, const struct vc_doc *doc)
{
    const struct vc_planner *plan = plan_of(reader);
    unsigned sum = 0;

    for (size_t i = 0; i < plan->codec_count; i++)
        sum += plan->codecs[i].share_ppm;
    if (sum != 100 * VC_PPM_PER_PERCENT)
        vc_problem(reader->problems, doc->mark, "found shares of %g %% together; allowed: 100", sum / 1e4);
}

static void read_codecs(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                        struct vc_sink sink VC_UNUSED)
{
    struct vc_planner *plan = plan_of(reader);
    size_t before = vc_problems_count(reader->problems);

    if (!vc_schema_is_map(reader, doc, "codecs"))
        return;
    for (size_t i = 0; i < doc->count && plan->codec_count < VC_PLANNER_CODECS; i++) {
        size_t which = vc_names_find(VC_NAMES(codec_names, VC_PLANNER_CODECS), doc->items[i]->key);
        if (which == VC_NONE) {
            vc_problem_unknown(reader->problems, doc->items[i]->key_mark, "codec", doc->items[i]->key,
                               VC_NAMES(codec_names, VC_PLANNER_CODECS));
            continue;
        }
        struct vc_planner_codec *codec = &plan->codecs[plan->codec_count++];
        codec->name = codec_names[which];
        codec->video = which == VC_PLANNER_CODECS - 1;
        codec->kbit = G711_KBIT;
        vc_schema_read(reader, doc->items[i], codec->name, codec_tables[which].fields, codec_tables[which].count,
                       (struct vc_sink){.base = codec});
        if (vc_problems_count(reader->problems)) /* the wire's, too */
            continue;
        vc_planner_sizes(&plan->wire, codec);
        if (codec->inner > GRE_MTU)
            vc_problem(reader->problems, doc->items[i]->mark,
                       "found packets of %u bytes for %s; allowed: %d, the MTU of a tunnel", codec->inner, codec->name,
                       GRE_MTU);
    }
    if (vc_problems_count(reader->problems) == before)
        check_shares(reader, doc);
}

/* ---- DCs, regions ---- */

static const struct vc_field dc_fields[] = {
    {"mbit", VC_FIELD_COUNT, true, offsetof(struct vc_planner_dc, mbit), .min = 1, .max = 10000000},
};

static void read_dcs(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                     struct vc_sink sink VC_UNUSED)
{
    struct vc_planner *plan = plan_of(reader);

    if (!vc_schema_is_map(reader, doc, "dcs"))
        return;
    if (doc->count != VC_PLANNER_DCS) {
        vc_problem(reader->problems, doc->mark, "found %zu DCs; allowed: two, between which Cisco's WAN is",
                   doc->count);
        return;
    }
    for (size_t i = 0; i < doc->count; i++) {
        if (!vc_schema_name(reader, doc->items[i]->key_mark, "DC", doc->items[i]->key, 15))
            continue;
        plan->dcs[i].name = doc->items[i]->key;
        vc_schema_read(reader, doc->items[i], "a DC", dc_fields, VC_COUNT(dc_fields),
                       (struct vc_sink){.base = &plan->dcs[i]});
    }
}

#define REGION(member) offsetof(struct vc_planner_region, member)
static const struct vc_field region_fields[] = {
    {"hubs", VC_FIELD_COUNT, true, REGION(hubs), .min = 1, .max = VC_PLANNER_HUBS_MAX},
    {"cpes", VC_FIELD_COUNT, .offset = REGION(cpes), .min = 1, .max = 2, .fallback = "2"},
    {"users", VC_FIELD_COUNT, .offset = REGION(users), .min = 1, .max = 1000000},
    {"busy", VC_FIELD_PERCENT, .offset = REGION(busy_ppm)},
    {"erlangs", VC_FIELD_CUSTOM, .offset = REGION(erlangs_milli), .read = read_erlangs},
    {"calls", VC_FIELD_COUNT, .offset = REGION(standing), .min = 1, .max = 100000},
    {"tunnel", VC_FIELD_COUNT, .offset = REGION(tunnel_mbit), .min = 1, .max = 100000, .fallback = "250"},
    {"delay", VC_FIELD_DURATION, .offset = REGION(delay_ms), MS_FIELD, .max = VC_NS_PER_S, .fallback = "10ms"},
    {"to_dc1", VC_FIELD_PERCENT, .offset = REGION(to_dc1_ppm), .fallback = "50"},
};

static void settle_load(struct vc_reader *reader, const struct vc_doc *doc, struct vc_planner_region *r)
{
    bool users = vc_doc_member(doc, "users"), busy = vc_doc_member(doc, "busy");
    int ways = (users || busy) + (vc_doc_member(doc, "erlangs") != NULL) + (vc_doc_member(doc, "calls") != NULL);

    if (ways != 1 || users != busy)
        vc_problem(reader->problems, doc->mark,
                   "found region %s with %s; allowed: users and busy, or erlangs, or calls (that never end)", r->name,
                   ways > 1 ? "its load told twice"
                   : ways   ? "half of users and busy"
                            : "no load");
    if (users && busy)
        r->erlangs_milli = (int64_t)r->users * r->busy_ppm / 1000;
}

static void read_regions(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                         struct vc_sink sink VC_UNUSED)
{
    struct vc_planner *plan = plan_of(reader);

    if (!vc_schema_is_map(reader, doc, "regions"))
        return;
    if (doc->count > VC_PLANNER_LIST_MAX) {
        vc_problem(reader->problems, doc->mark, "found %zu regions; allowed: %d at most", doc->count,
                   VC_PLANNER_LIST_MAX);
        return;
    }
    for (size_t i = 0; i < doc->count; i++) {
        struct vc_planner_region *r = &plan->regions[plan->region_count++];
        r->name = doc->items[i]->key;
        r->first = plan->hub_count;
        vc_schema_name(reader, doc->items[i]->key_mark, "region", r->name, 31);
        if (vc_schema_read(reader, doc->items[i], "a region", region_fields, VC_COUNT(region_fields),
                           (struct vc_sink){.base = r}) == 0)
            settle_load(reader, doc->items[i], r);
        plan->hub_count += r->hubs;
    }
    if (plan->hub_count > VC_PLANNER_HUBS_MAX)
        vc_problem(reader->problems, doc->mark, "found %zu hubs; allowed: %d at most", plan->hub_count,
                   VC_PLANNER_HUBS_MAX);
}

/* ---- the whole ---- */

static const struct vc_field wire_fields[] = {
    {"esp", VC_FIELD_CHOICE, .offset = offsetof(struct vc_planner_wire, esp), .choices = esps, .fallback = "aes-gcm"},
    {"nat", VC_FIELD_CHOICE, .offset = offsetof(struct vc_planner_wire, nat), .choices = switches, .fallback = "off"},
    {"srtp", VC_FIELD_CHOICE, .offset = offsetof(struct vc_planner_wire, srtp), .choices = srtps, .fallback = "off"},
};

static void read_wire(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                      struct vc_sink sink VC_UNUSED)
{
    vc_schema_read(reader, doc, "wire", wire_fields, VC_COUNT(wire_fields),
                   (struct vc_sink){.base = &plan_of(reader)->wire});
}

#define PLAN(member) offsetof(struct vc_planner, member)
static const struct vc_field wan_fields[] = {
    {"mbit", VC_FIELD_COUNT, true, PLAN(wan_mbit), .min = 1, .max = 10000000},
    {"delay", VC_FIELD_DURATION, .offset = PLAN(wan_delay_ms), MS_FIELD, .max = VC_NS_PER_S, .fallback = "5ms"},
};

static void read_wan(struct vc_reader *reader, const struct vc_field *field VC_UNUSED, const struct vc_doc *doc,
                     struct vc_sink sink)
{
    vc_schema_read(reader, doc, "wan", wan_fields, VC_COUNT(wan_fields), sink);
}

/* In the order in which they depend on each other. */
static const struct vc_field plan_fields[] = {
    {"plan", VC_FIELD_NAME, true, PLAN(name)},
    {"description", VC_FIELD_TEXT, .offset = PLAN(description)},
    {"level", VC_FIELD_CHOICE, .offset = PLAN(level), .choices = levels, .fallback = "call"},
    {"duration", VC_FIELD_DURATION, .offset = PLAN(duration_ms), .min = VC_NS_PER_S, .unit = VC_NS_PER_MS,
     .fallback = "1h"},
    {"hold", VC_FIELD_DURATION, .offset = PLAN(hold_ms), .min = VC_NS_PER_S, .unit = VC_NS_PER_MS, .fallback = "180s"},
    {"queue", VC_FIELD_DURATION, .offset = PLAN(queue_ms), MS_FIELD, .max = VC_NS_PER_S, .fallback = "100ms"},
    {"wire", VC_FIELD_CUSTOM, .read = read_wire, .fallback = ""},
    {"codecs", VC_FIELD_CUSTOM, true, .read = read_codecs},
    {"dcs", VC_FIELD_CUSTOM, true, .read = read_dcs},
    {"wan", VC_FIELD_CUSTOM, true, .read = read_wan},
    {"regions", VC_FIELD_CUSTOM, true, .read = read_regions},
    {"failures", VC_FIELD_CUSTOM, .read = vc_planner_read_failures},
};

/* So that a wrong digit does not fill the memory or run for a day. */
static void check_work(struct vc_reader *reader, const struct vc_doc *doc)
{
    const struct vc_planner *plan = plan_of(reader);
    double calls = 0, moving = 0;

    for (size_t i = 0; i < plan->region_count; i++) {
        moving += (double)plan->regions[i].hubs * (double)plan->regions[i].erlangs_milli / 1000;
        calls += (double)plan->regions[i].hubs * plan->regions[i].standing;
    }
    calls += moving;
    double events = plan->hold_ms ? 2 * moving * plan->duration_ms / plan->hold_ms : 0;
    if (calls > CALLS_MAX || events > EVENTS_MAX)
        vc_problem(
            reader->problems, vc_doc_member(doc, "regions")->mark,
            "found %.0f calls at once and %.0f that begin or end; allowed: %.0f and %.0f: less load, or a shorter "
            "duration",
            calls, events, CALLS_MAX, EVENTS_MAX);
}

struct vc_planner *vc_planner_load(void *ctx, const char *file, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_planner *plan = talloc_zero(NULL, struct vc_planner);
    VC_AUTO_TALLOC struct vc_problems *problems = vc_problems_new(NULL);
    struct plan_reader reader = {.base = {.tree = plan, .problems = problems}, .plan = plan};

    plan->file = talloc_strdup(plan, file);
    const struct vc_doc *doc = vc_doc_load(plan, plan->file, problems);
    if (doc)
        vc_schema_read(&reader.base, doc, "a plan", plan_fields, VC_COUNT(plan_fields), (struct vc_sink){.base = plan});
    if (doc && !vc_problems_count(problems))
        check_work(&reader.base, doc);
    if (vc_problems_finish(problems, err) < 0)
        return NULL;
    return talloc_steal(ctx, VC_STEAL_PTR(plan));
}
