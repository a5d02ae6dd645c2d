#include "config/import.h"

#include <limits.h>
#include <string.h>

#include "base/home.h"
#include "config/compare.h"
#include "config/read.h"

static int drop(struct vc_import *import)
{
    json_decref(import->configure);
    json_decref(import->deviations);
    return 0;
}

static const struct vc_timers *profile(const struct vc_topology *topology, const char *name)
{
    return vc_topology_timers(topology, name ? name : "tuned");
}

static struct vc_import *read_as(void *ctx, const struct vc_import_options *options, const struct vc_ios *ios,
                                 size_t node, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const struct vc_plan_options plan = {VC_PLANE_KERNEL, profile(options->topology, options->timers), 1,
                                         options->kinds_dir};
    const struct vc_cpe *ordered = vc_cpe_ordered(scratch, options->topology, &plan, node, err);
    struct vc_import *import = talloc_zero(ctx, struct vc_import);

    if (ordered && ordered->tunnel_count > VC_CPE_TUNNELS_MAX)
        vc_fail(err, VC_EXIT_USAGE, 0, "node %s of topology %s has %zu tunnels; allowed: %d at most",
                options->topology->nodes[node].name, options->topology->name, ordered->tunnel_count,
                VC_CPE_TUNNELS_MAX);
    if (!ordered || ordered->tunnel_count > VC_CPE_TUNNELS_MAX) {
        talloc_free(import);
        return NULL;
    }
    talloc_set_destructor(import, drop);
    *import = (struct vc_import){
        .topology = options->topology, .node = node, .ios = ios, .cpe = talloc_zero(import, struct vc_cpe)};
    struct vc_cpe *cpe = import->cpe;
    const struct vc_ios_fact *name = vc_ios_fact(&ios->sections[0], "hostname", NULL);
    cpe->file = ios->file;
    cpe->hostname = name ? name->args[0] : "";
    cpe->asn = ordered->asn;
    cpe->tunnel_count = ordered->tunnel_count;
    cpe->tunnels = talloc_zero_array(cpe, struct vc_cpe_tunnel, ordered->tunnel_count);
    struct vc_cpe_reader reader = {.ios = ios,
                                   .topology = options->topology,
                                   .ordered = ordered,
                                   .node = node,
                                   .cpe = cpe,
                                   .peers = options->peers,
                                   .scratch = scratch};
    vc_cpe_find_way(&reader);
    vc_cpe_read_gre(&reader);
    vc_cpe_read_ipsec(&reader);
    vc_cpe_read_bgp(&reader);
    vc_cpe_read_way(&reader);
    for (size_t i = 0; i < cpe->tunnel_count; i++) /* the order's names outlive the order's copy */
        cpe->tunnels[i].name = talloc_strdup(cpe, cpe->tunnels[i].name);
    vc_cpe_compare(import, ordered, options->timers);
    talloc_steal(import, VC_STEAL_PTR(scratch)); /* what was read refers to it */
    return import;
}

/* The node of that one's customer that has the address in the topology; VC_NONE: none has. */
static size_t node_with(const struct vc_topology *t, struct in_addr address, size_t like)
{
    for (size_t i = 0; i < t->link_count; i++)
        for (size_t k = 0; k < 2; k++)
            if (t->links[i].end[k].address.addr.s_addr == address.s_addr &&
                vc_topology_customer_of(t, t->links[i].end[k].node) == vc_topology_customer_of(t, like))
                return t->links[i].end[k].node;
    return VC_NONE;
}

/* "ADDRESS=NODE", each; one that the topology has is whose it is there. */
static bool peers_are_good(const struct vc_import_options *options, vc_error **err)
{
    for (size_t i = 0; options->peers && options->peers[i]; i++) {
        const char *equals = strchr(options->peers[i], '=');
        VC_AUTO_TALLOC char *text =
            talloc_strndup(NULL, options->peers[i], equals ? (size_t)(equals - options->peers[i]) : 0);
        struct in_addr address;

        if (!equals || !vc_addr_parse(text, &address) || vc_topology_node(options->topology, equals + 1) == VC_NONE) {
            vc_fail(err, VC_EXIT_USAGE, 0,
                    "peer %s: allowed: ADDRESS=NODE, a neighbour's address and a node of topology %s",
                    options->peers[i], options->topology->name);
            return false;
        }
        size_t said = vc_topology_node(options->topology, equals + 1);
        size_t owner = node_with(options->topology, address, said);
        if (owner != VC_NONE && owner != said) {
            vc_fail(err, VC_EXIT_USAGE, 0, "peer %s: in topology %s that address is %s's", options->peers[i],
                    options->topology->name, options->topology->nodes[owner].name);
            return false;
        }
    }
    return true;
}

/* How much of the order's node is there, for choosing among several. */
static int fit(const struct vc_import *import)
{
    int points = 0;

    for (size_t i = 0; i < import->cpe->tunnel_count; i++)
        points += import->cpe->tunnels[i].ifname ? 1000 : -1000;
    return points - (int)json_array_size(import->deviations) - 10 * (int)import->cpe->error_count;
}

static struct vc_import *read_best(void *ctx, const struct vc_import_options *options, const struct vc_ios *ios,
                                   vc_error **err)
{
    struct vc_import *best = NULL;
    bool doubtful = false;

    for (size_t node = 0; node < options->topology->node_count; node++) {
        if (!vc_topology_is_cpe(options->topology, node))
            continue;
        struct vc_import *import = read_as(ctx, options, ios, node, err);
        if (!import)
            return NULL;
        doubtful = best && fit(import) == fit(best) ? true : doubtful && best && fit(import) < fit(best);
        if (!best || fit(import) > fit(best))
            best = import;
    }
    if (!best || fit(best) < -500 || doubtful) {
        vc_fail(err, VC_EXIT_USAGE, 0, "%s: no telling which CPE of topology %s it is of; say it with --node",
                ios->file, options->topology->name);
        return NULL;
    }
    return best;
}

struct vc_import *vc_import_ios(void *ctx, const struct vc_import_options *options, const char *file, const char *text,
                                size_t size, vc_error **err)
{
    void *own = talloc_new(ctx); /* the imports of other nodes go with it */
    struct vc_ios *ios = vc_ios_read(own, file, text, size, err);
    struct vc_import *import = NULL;

    if (ios && options->timers && !vc_topology_timers(options->topology, options->timers))
        vc_fail(err, VC_EXIT_USAGE, 0, "no timers %s in topology %s", options->timers, options->topology->name);
    else if (ios && options->node != VC_NONE && !vc_topology_is_cpe(options->topology, options->node))
        vc_fail(err, VC_EXIT_USAGE, 0, "node %s is the CPE of no tunnel of topology %s",
                options->topology->nodes[options->node].name, options->topology->name);
    else if (ios && peers_are_good(options, err))
        import = options->node == VC_NONE ? read_best(own, options, ios, err)
                                          : read_as(own, options, ios, options->node, err);
    if (!import) {
        talloc_free(own);
        return NULL;
    }
    talloc_steal(ctx, import);
    talloc_steal(import, ios);
    talloc_free(own);
    return import;
}

/* ---- telling ---- */

json_t *vc_import_json(const struct vc_import *import)
{
    const struct vc_ios *ios = import->ios;
    json_t *unknown = json_array(), *notes = json_array(), *errors = json_array();

    for (size_t i = 0; i < ios->unknown_count; i++)
        json_array_append_new(unknown,
                              json_pack("{s:i, s:s}", "line", ios->unknown[i].line, "text", ios->unknown[i].text));
    for (size_t i = 0; i < import->cpe->note_count; i++)
        json_array_append_new(notes, json_string(import->cpe->notes[i]));
    for (size_t i = 0; i < import->cpe->error_count; i++)
        json_array_append_new(errors, json_string(import->cpe->errors[i]));
    return json_pack("{s:s, s:s, s:s, s:s, s:O, s:O, s:o, s:o, s:o, s:{s:I, s:I, s:I, s:I}}", "schema",
                     "vclab.import/1", "file", ios->file, "topology", import->topology->name, "node",
                     import->topology->nodes[import->node].name, "configure", import->configure, "deviations",
                     import->deviations, "errors", errors, "notes", notes, "unknown", unknown, "lines", "understood",
                     (json_int_t)ios->understood, "irrelevant", (json_int_t)ios->irrelevant, "secrets",
                     (json_int_t)ios->secrets, "unknown", (json_int_t)ios->unknown_count);
}

static char *told(void *ctx, const json_t *value)
{
    VC_AUTO_FREE char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

    return talloc_strdup(ctx, json_is_string(value) ? json_string_value(value) : text ? text : "");
}

static char *add_deviation(char *out, const struct vc_import *import, const json_t *deviation)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *tunnel = json_string_value(json_object_get(deviation, "tunnel"));
    int line = (int)json_integer_value(json_object_get(deviation, "line"));
    const json_t *ordered = json_object_get(deviation, "ordered");

    out = talloc_asprintf_append_buffer(out, line ? "%s:%d: " : "%s: ", import->ios->file, line);
    if (tunnel)
        out = talloc_asprintf_append_buffer(out, "tunnel %s: ", tunnel);
    out = talloc_asprintf_append_buffer(out, "%s is %s", json_string_value(json_object_get(deviation, "knob")),
                                        told(scratch, json_object_get(deviation, "found")));
    if (!json_is_null(ordered))
        out = talloc_asprintf_append_buffer(out, "; the order has %s", told(scratch, ordered));
    return talloc_asprintf_append_buffer(out, " (%s)\n", json_string_value(json_object_get(deviation, "requirement")));
}

char *vc_import_report(void *ctx, const struct vc_import *import)
{
    const struct vc_ios *ios = import->ios;
    char *out =
        talloc_asprintf(ctx,
                        "%s: node %s of topology %s: %zu lines understood, %zu say nothing of Virtual Connect, %zu "
                        "with secrets dropped, %zu not understood\n",
                        ios->file, import->topology->nodes[import->node].name, import->topology->name, ios->understood,
                        ios->irrelevant, ios->secrets, ios->unknown_count);
    const json_t *deviation;
    size_t i;

    json_array_foreach(import->deviations, i, deviation) out = add_deviation(out, import, deviation);
    for (i = 0; i < import->cpe->note_count; i++)
        out = talloc_asprintf_append_buffer(out, "%s\n", import->cpe->notes[i]);
    for (i = 0; i < ios->unknown_count; i++)
        out = talloc_asprintf_append_buffer(out, "%s:%d: not understood: %s\n", ios->file, ios->unknown[i].line,
                                            ios->unknown[i].text);
    for (i = 0; i < import->cpe->error_count; i++)
        out = talloc_asprintf_append_buffer(out, "%s\n", import->cpe->errors[i]);
    return out;
}

/* ---- the document ---- */

static char *yaml_knobs(char *out, const json_t *knobs, int indent)
{
    const char *knob;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)knobs, knob, value)
    {
        if (json_is_object(value)) {
            out = talloc_asprintf_append_buffer(out, "%*s%s:\n", indent, "", knob);
            out = yaml_knobs(out, value, indent + 2);
            continue;
        }
        VC_AUTO_FREE char *text = json_dumps(value, JSON_ENCODE_ANY); /* JSON is YAML */
        out = talloc_asprintf_append_buffer(out, "%*s%s: %s\n", indent, "", knob, text ? text : "null");
    }
    return out;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Only what cannot end the text or mean something in it. */
static char *plain(void *ctx, const char *text)
{
    char *out = talloc_strndup(ctx, text, 60);

    for (char *c = out; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", *c))
            *c = '_';
    return out;
}

char *vc_import_document(void *ctx, const struct vc_import *import, const char *name, const char *base)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const struct vc_node *node = &import->topology->nodes[import->node];
    char *out = talloc_asprintf(
        ctx,
        "topology: %s\nbase: %s\ndescription: >\n  %s with %s as %s configures it. What that has "
        "otherwise than ordered is below.\n",
        name, base, plain(scratch, import->topology->name), node->name, plain(scratch, base_name(import->ios->file)));

    if (!json_object_size(import->configure))
        return node->configure ? talloc_asprintf_append_buffer(out, "configure:\n  %s: {}\n", node->name) : out;
    out = talloc_asprintf_append_buffer(out, "configure:\n  %s:\n", node->name);
    return yaml_knobs(out, import->configure, 4);
}

char *vc_import_files_document(void *ctx, const struct vc_topology *topology, size_t node, const json_t *files,
                               const char *name, const char *base)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const struct vc_node *n = &topology->nodes[node];
    const struct vc_customer *customer = vc_topology_customer_of(topology, node);
    char *out =
        talloc_asprintf(ctx,
                        "topology: %s\nbase: %s\ndescription: >\n  %s with configurations of its owner's at %s.\n"
                        "nodes:\n  %s:\n    kind: %s\n    asn: %u\n",
                        name, base, plain(scratch, topology->name), n->name, n->name, n->kind, n->asn);

    if (customer && *customer->name)
        out = talloc_asprintf_append_buffer(out, "    customer: %s\n", customer->name);
    out = talloc_strdup_append_buffer(out, "    files:\n");
    return yaml_knobs(out, files, 6);
}

char *vc_import_base(void *ctx, const struct vc_topology *topology, const char *folder, vc_error **err)
{
    VC_AUTO_TALLOC char *shipped = talloc_asprintf(NULL, "%s/topologies", vc_home());
    VC_AUTO_FREE char *file = realpath(topology->file, NULL);
    const char *const places[] = {*folder ? folder : ".", shipped};

    for (size_t i = 0; file && i < VC_COUNT(places); i++) {
        VC_AUTO_FREE char *place = realpath(places[i], NULL);
        size_t length = place ? strlen(place) : 0, end = strlen(file);

        if (place && !strncmp(file, place, length) && file[length] == '/' && end > 5 &&
            !strcmp(file + end - 5, ".yaml"))
            return talloc_strndup(ctx, file + length + 1, end - length - 6);
    }
    vc_fail(err, VC_EXIT_USAGE, 0,
            "%s is neither beside the document to be written (below %s) nor among vclab's topologies", topology->file,
            places[0]);
    return NULL;
}
