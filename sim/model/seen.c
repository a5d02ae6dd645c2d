#include "model/seen.h"

#include <string.h>

#include "model/read.h"
#include "model/scenario.h"

static const char *const selectors[] = {"all",  "esp",       "ike", "gre",   "bgp", "bfd",
                                        "icmp", "keepalive", "syn", "nat-t", NULL};

enum { PACKETS_MAX = 1000000000, MSS_MAX = 65535 };

static const char *member(const json_t *spec, const char *name)
{
    const char *text = json_string_value(json_object_get(spec, name));

    return text ? text : "";
}

static long long number(const json_t *spec, const char *name)
{
    return json_integer_value(json_object_get(spec, name));
}

/* A link, or gre-<tunnel>. */
static void read_at(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                    struct vc_sink sink)
{
    const struct vc_topology *t = reader->topology;
    VC_AUTO_TALLOC const char **names = talloc_zero_array(NULL, const char *, t->link_count + t->tunnel_count);
    struct vc_names view = VC_NAMES(names, 0);

    if (!vc_schema_is_scalar(reader, doc, "a link, or a tunnel's gre-<name>"))
        return;
    for (size_t i = 0; i < t->link_count; i++)
        names[view.count++] = t->links[i].name;
    for (size_t i = 0; i < t->tunnel_count; i++)
        names[view.count++] = talloc_asprintf(names, "gre-%s", t->tunnels[i].name);
    if (vc_names_find(view, doc->text) == VC_NONE)
        vc_problem_unknown(reader->problems, doc->mark, "link or tunnel", doc->text, view);
    json_object_set_new(sink.object, field->name, json_string(doc->text));
}

static void read_prefixes(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                          struct vc_sink sink)
{
    VC_AUTO_JSON *prefixes = json_array();
    struct vc_prefix prefix;

    if (doc->type != VC_DOC_LIST) {
        VC_AUTO_TALLOC char *found = vc_doc_describe(NULL, doc);
        vc_problem(reader->problems, doc->mark, "found %s for prefixes; allowed: a list of prefixes, [] for none",
                   found);
        return;
    }
    for (size_t i = 0; i < doc->count; i++) {
        const struct vc_doc *item = doc->items[i];

        if (!vc_schema_is_scalar(reader, item, "a prefix"))
            continue;
        if (!vc_prefix_parse(item->text, &prefix) || !vc_prefix_is_network(prefix))
            vc_problem(reader->problems, item->mark, "found %s; allowed: an IPv4 prefix such as 198.18.5.0/24",
                       item->text);
        json_array_append_new(prefixes, json_string(item->text));
    }
    json_object_set_new(sink.object, field->name, VC_STEAL_PTR(prefixes));
}

const struct vc_field vc_seen_fields[VC_SEEN_FIELD_COUNT] = {
    {"at", VC_FIELD_CUSTOM, true, .read = read_at},
    {"select", VC_FIELD_CHOICE, true, .choices = selectors},
    {"toward", VC_FIELD_NODE},
    {"to", VC_FIELD_NETWORK},
    {"at_least", VC_FIELD_COUNT, .max = PACKETS_MAX},
    {"at_most", VC_FIELD_COUNT, .max = PACKETS_MAX},
    {"mss_at_least", VC_FIELD_COUNT, .max = MSS_MAX},
    {"mss_at_most", VC_FIELD_COUNT, .max = MSS_MAX},
};

const struct vc_field vc_accepted_fields[VC_ACCEPTED_FIELD_COUNT] = {
    {"node", VC_FIELD_NODE, true},
    {"tunnel", VC_FIELD_TUNNEL, true},
    {"prefixes", VC_FIELD_CUSTOM, true, .read = read_prefixes},
    {"within", VC_FIELD_DURATION, true, .min = VC_NS_PER_MS},
};

static void complain_about_end(struct vc_reader *reader, const struct vc_doc *doc, const char *key, const char *found,
                               size_t a, size_t b)
{
    const struct vc_topology *t = reader->topology;
    const char *names[] = {t->nodes[a].name, t->nodes[b].name};
    struct vc_names allowed = VC_NAMES(names, VC_COUNT(names));

    if (*found && vc_names_find(allowed, found) == VC_NONE)
        vc_problem_unknown(reader->problems, vc_doc_mark(doc, (const char *[]){key, NULL}), key, found, allowed);
}

static void check_toward(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec)
{
    const struct vc_topology *t = reader->topology;
    const char *at = member(spec, "at"), *toward = member(spec, "toward");
    size_t link = vc_topology_link(t, at);
    size_t tunnel = link == VC_NONE && !strncmp(at, "gre-", 4) ? vc_topology_tunnel(t, at + 4) : VC_NONE;

    if (link != VC_NONE)
        complain_about_end(reader, doc, "toward", toward, t->links[link].end[0].node, t->links[link].end[1].node);
    else if (tunnel != VC_NONE)
        complain_about_end(reader, doc, "toward", toward, t->tunnels[tunnel].cpe, t->dcs[t->tunnels[tunnel].dc].router);
}

void vc_seen_check(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec)
{
    bool packets = json_object_get(spec, "at_least") || json_object_get(spec, "at_most");
    bool mss = json_object_get(spec, "mss_at_least") || json_object_get(spec, "mss_at_most");
    const char *least = packets ? "at_least" : "mss_at_least", *most = packets ? "at_most" : "mss_at_most";

    check_toward(reader, doc, spec);
    if (packets == mss)
        vc_problem(reader->problems, doc->mark,
                   "found seen with %s; allowed: at_least, at_most or both, or else mss_at_least, mss_at_most or both",
                   packets ? "limits of two measures" : "no limit");
    else if (json_object_get(spec, least) && json_object_get(spec, most) && number(spec, least) > number(spec, most))
        vc_problem(reader->problems, doc->mark, "found %s above %s; allowed: up to it", least, most);
    if (mss && strcmp(member(spec, "select"), "syn"))
        vc_problem(reader->problems, doc->mark, "found an MSS of %s; allowed: with select: syn",
                   member(spec, "select"));
}

void vc_accepted_check(struct vc_reader *reader, const struct vc_doc *doc, const json_t *spec)
{
    const struct vc_topology *t = reader->topology;
    size_t tunnel = vc_topology_tunnel(t, member(spec, "tunnel"));

    if (tunnel != VC_NONE)
        complain_about_end(reader, doc, "node", member(spec, "node"), t->tunnels[tunnel].cpe,
                           t->dcs[t->tunnels[tunnel].dc].router);
}

char *vc_seen_text(void *ctx, const json_t *spec)
{
    static const char *const shown[][2] = {
        {"all", "packets"},     {"esp", "ESP packets"},          {"ike", "IKE packets"},   {"gre", "GRE packets"},
        {"bgp", "BGP packets"}, {"bfd", "BFD packets"},          {"icmp", "ICMP packets"}, {"keepalive", "keepalives"},
        {"syn", "TCP SYNs"},    {"nat-t", "ESP packets in UDP"},
    };
    static const char *const limits[] = {"at_least", "at_most", "mss_at_least", "mss_at_most"};
    const char *kind = member(spec, "select"), *toward = member(spec, "toward"), *to = member(spec, "to");
    char *text = talloc_asprintf(ctx, "on %s", member(spec, "at"));
    bool any = false;

    if (*toward)
        text = talloc_asprintf_append(text, " towards %s", toward);
    for (size_t i = 0; i < VC_COUNT(shown); i++)
        if (!strcmp(shown[i][0], kind))
            text = talloc_asprintf_append(text, " %s", shown[i][1]);
    if (*to)
        text = talloc_asprintf_append(text, " to %s", to);
    for (size_t i = 0; i < VC_COUNT(limits); i++) {
        bool mss = i >= 2;

        if (!json_object_get(spec, limits[i]))
            continue;
        text = talloc_asprintf_append(text, "%s%s %s %lld", any ? " and" : ":", mss && !any ? " an MSS of" : "",
                                      i % 2 ? "at most" : "at least", number(spec, limits[i]));
        any = true;
    }
    return text;
}

char *vc_accepted_text(void *ctx, const json_t *spec)
{
    const json_t *prefixes = json_object_get(spec, "prefixes"), *prefix;
    char *text =
        talloc_asprintf(ctx, "%s accepts %s", member(spec, "node"), json_array_size(prefixes) ? "" : "nothing");
    size_t i;

    json_array_foreach(prefixes, i, prefix) text =
        talloc_asprintf_append(text, "%s%s", i ? ", " : "", json_string_value(prefix));
    return talloc_asprintf_append(text, " by tunnel %s%s", member(spec, "tunnel"),
                                  json_array_size(prefixes) ? " and nothing else" : "");
}
