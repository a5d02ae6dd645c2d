#include "config/own.h"

#include <stdlib.h>
#include <string.h>

#include "config/redact_find.h"
#include "config/words.h"
#include "net/vici.h"
#include "plan/own_files.h"

static int drop(struct vc_own_report *report)
{
    json_decref(report->deviations);
    json_decref(report->unused);
    return 0;
}

struct vc_own_report *vc_own_report_new(void *ctx)
{
    struct vc_own_report *report = talloc_zero(ctx, struct vc_own_report);

    *report = (struct vc_own_report){json_array(), json_array()};
    talloc_set_destructor(report, drop);
    return report;
}

/* One file that is being compared. */
struct own {
    struct vc_own_report *report;
    const struct vc_topology *order;
    const char *path;
    size_t node;
    void *scratch;
    struct vc_swanctl_place *places;
    size_t place_count;
};

/* `found` and `ordered`: new references, `found` NULL: it is not there. */
static void deviate(const struct own *own, unsigned line, const char *tunnel, const char *what, json_t *found,
                    json_t *ordered, const char *requirement)
{
    json_array_append_new(own->report->deviations, json_pack("{s:s, s:i, s:s?, s:s, s:o?, s:o, s:s}", "file", own->path,
                                                             "line", (int)line, "tunnel", tunnel, "what", what, "found",
                                                             found, "ordered", ordered, "requirement", requirement));
}

/* As far as no key stands in it. */
static void add_unused(void *data, unsigned line, const char *text)
{
    const struct own *own = data;
    VC_AUTO_TALLOC struct vc_redact_spans *spans = vc_redact_find(NULL, "frr.conf", text, NULL);
    size_t length = spans ? strlen(text) : 0;

    for (size_t i = 0; spans && i < spans->count; i++)
        if (spans->items[i].what == VC_REDACT_KEY && spans->items[i].begin < length)
            length = spans->items[i].begin;
    json_array_append_new(own->report->unused, json_pack("{s:s, s:i, s:o}", "file", own->path, "line", (int)line,
                                                         "text", json_stringn(text, length)));
}

/* ---- swanctl.conf ---- */

static void note_place(void *data, const struct vc_swanctl_place *place)
{
    struct own *own = data;

    if (!place->key)
        return;
    own->places = talloc_realloc(own->scratch, own->places, struct vc_swanctl_place, own->place_count + 1);
    own->places[own->place_count] = *place;
    own->places[own->place_count++].key = talloc_strdup(own->scratch, place->key);
}

/* Of a section, where its first value stands. */
static unsigned line_of(const struct own *own, const json_t *section, const char *key)
{
    for (size_t i = own->place_count; i-- > 0 && key;)
        if (own->places[i].section == section && !strcmp(own->places[i].key, key))
            return own->places[i].line;
    for (size_t i = 0; i < own->place_count; i++)
        if (own->places[i].section == section)
            return own->places[i].line;
    return 0;
}

/* Below connections.TUNNEL, or with `child` below its children.TUNNEL. */
static const struct {
    const char *section, *key, *what, *requirement;
    bool child, needed;
} compared[] = {
    {NULL, "version", "version", "R19", false, false},
    {NULL, "local_addrs", "local_addrs", "R8", false, false},
    {NULL, "remote_addrs", "remote_addrs", "R25", false, true},
    {NULL, "proposals", "proposals", "R20", false, false},
    {"local", "auth", "local.auth", "R20", false, false},
    {"local", "id", "local.id", "R9", false, false},
    {"remote", "auth", "remote.auth", "R20", false, false},
    {"remote", "id", "remote.id", "R20", false, false},
    {NULL, "mode", "mode", "R25", true, false},
    {NULL, "local_ts", "local_ts", "R21", true, true},
    {NULL, "remote_ts", "remote_ts", "R21", true, true},
    {NULL, "esp_proposals", "esp_proposals", "R25", true, false},
};

/* "10.0.0.1/32[47]", "10.0.0.1[gre]" and "10.0.0.1/32[gre]" are one. */
static bool same_selector(const char *a, const char *b)
{
    size_t end = strcspn(a, "/["), other = strcspn(b, "/[");
    const char *mask = a[end] == '/' ? a + end : "/32[", *other_mask = b[other] == '/' ? b + other : "/32[";
    size_t length = strcspn(mask, "["), other_length = strcspn(other_mask, "[");
    const char *protocol = strchr(a, '['), *other_protocol = strchr(b, '[');
    bool gre = protocol && (!strcmp(protocol, "[gre]") || !strcmp(protocol, "[47]"));
    bool other_gre = other_protocol && (!strcmp(other_protocol, "[gre]") || !strcmp(other_protocol, "[47]"));

    return end == other && !strncmp(a, b, end) && length == other_length && !strncmp(mask, other_mask, length) &&
           (gre == other_gre && (gre || (!protocol && !other_protocol)));
}

static bool same_text(const char *a, const char *b)
{
    return !strcmp(a, b) || vc_words_equal(a, b) || same_selector(a, b);
}

/* Of a list one that is the order's is enough, as the other end takes that one. */
static bool has(const json_t *found, const json_t *wanted)
{
    const json_t *item;
    size_t i;

    if (json_is_string(found))
        return json_is_string(wanted) && same_text(json_string_value(found), json_string_value(wanted));
    json_array_foreach(found, i, item) if (same_text(json_string_value(item),
                                                     json_string_value(json_array_get(wanted, 0)))) return true;
    return false;
}

static const json_t *at(const json_t *connection, size_t row, const char *tunnel)
{
    if (compared[row].child)
        return json_object_get(json_object_get(connection, "children"), tunnel);
    return compared[row].section ? json_object_get(connection, compared[row].section) : connection;
}

static void compare_connection(const struct own *own, const char *tunnel, const json_t *found, const json_t *ordered)
{
    for (size_t i = 0; i < VC_COUNT(compared); i++) {
        const json_t *section = at(found, i, tunnel), *value = json_object_get(section, compared[i].key);
        json_t *wanted = json_object_get(at(ordered, i, tunnel), compared[i].key);

        if (wanted && (value ? !has(value, wanted) : compared[i].needed))
            deviate(own, line_of(own, section, value ? compared[i].key : NULL), tunnel, compared[i].what,
                    json_incref((json_t *)(uintptr_t)value), json_incref(wanted), compared[i].requirement);
    }
}

/* Is the order's key among the secrets? Only where the order names one: else it is whatever the run derives. */
static void compare_key(const struct own *own, size_t index, const json_t *secrets)
{
    const struct vc_tunnel *tunnel = &own->order->tunnels[index];
    VC_AUTO_TALLOC char *mark = talloc_asprintf(NULL, "<PSK-%s>", tunnel->name);
    const char *name;
    const json_t *secret;

    json_object_foreach((json_t *)(uintptr_t)secrets, name, secret)
    {
        const char *text = json_string_value(json_object_get(secret, "secret"));
        if (text && (!strcmp(text, mark) || (tunnel->psk && !strcmp(text, tunnel->psk))))
            return;
    }
    deviate(own, 0, tunnel->name, "secret", json_string("another"), json_string(tunnel->psk ? "the order's" : mark),
            "R20");
}

static const char *planned_swanctl(const struct vc_plan_node *node)
{
    for (size_t i = 0; i < node->daemon_count; i++)
        if (node->daemons[i].vici_config)
            return node->daemons[i].vici_config;
    return "";
}

static void tell_unused(struct own *own, const json_t *config)
{
    const char *name;
    const json_t *section;

    json_object_foreach((json_t *)(uintptr_t)config, name,
                        section) if (strcmp(name, "connections") != 0 && strcmp(name, "secrets") != 0)
    {
        while (json_object_size(section) && !line_of(own, section, NULL)) /* its first value is deeper */
            section = json_object_iter_value(json_object_iter((json_t *)(uintptr_t)section));
        add_unused(own, line_of(own, section, NULL), name);
    }
}

int vc_own_swanctl(struct vc_own_report *report, const struct vc_topology *order, const struct vc_plan *planned,
                   size_t node, const char *path, const char *text, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct own own = {.report = report, .order = order, .path = path, .node = node, .scratch = scratch};
    VC_AUTO_JSON *config = vc_swanctl_walk(text, note_place, &own, err);
    VC_AUTO_JSON *wanted = vc_swanctl_parse(planned_swanctl(&planned->nodes[node]), NULL);

    if (!config)
        return vc_wrap(err, "%s", path);
    for (size_t i = 0; i < order->tunnel_count; i++) {
        const char *tunnel = order->tunnels[i].name;
        const json_t *found = json_object_get(json_object_get(config, "connections"), tunnel);

        if (order->tunnels[i].cpe != node)
            continue;
        if (!json_object_get(json_object_get(found, "children"), tunnel))
            return vc_fail(err, VC_EXIT_USAGE, 0,
                           "%s: no connection %s with a child %s; the lab follows a tunnel's SAs by the tunnel's name",
                           path, tunnel, tunnel);
        compare_connection(&own, tunnel, found, json_object_get(json_object_get(wanted, "connections"), tunnel));
        compare_key(&own, i, json_object_get(config, "secrets"));
    }
    tell_unused(&own, config);
    return 0;
}

/* ---- frr.conf ---- */

/* What a command says behind `begins`; NULL: no such line. *line: its number. */
static char *said(void *ctx, const char *text, const char *begins, unsigned *line)
{
    size_t length = strlen(begins);

    *line = 0;
    for (unsigned number = 1; *text; text += strcspn(text, "\n"), text += *text == '\n', number++) {
        const char *at = text + strspn(text, " \t");
        size_t blank = !strncmp(at, begins, length) ? strspn(at + length, " \t") : 0;

        if (!blank)
            continue;
        *line = number;
        return talloc_strndup(ctx, at + length + blank, strcspn(at + length + blank, "\r\n"));
    }
    return NULL;
}

static bool is_number(const char *text)
{
    return *text && !text[strspn(text, "0123456789")];
}

/* Of a neighbour, or of the group that it is in. */
static char *said_of(const struct own *own, const char *text, const char *address, const char *what, unsigned *line)
{
    void *ctx = own->scratch;
    char *value = said(ctx, text, talloc_asprintf(ctx, "neighbor %s %s", address, what), line);
    unsigned ignored;
    const char *group =
        value ? NULL : said(ctx, text, talloc_asprintf(ctx, "neighbor %s peer-group", address), &ignored);

    return group ? said(ctx, text, talloc_asprintf(ctx, "neighbor %s %s", group, what), line) : value;
}

static void compare_neighbor(const struct own *own, const char *text, const struct vc_tunnel *tunnel)
{
    const struct vc_ip_text address = vc_addr_text(tunnel->address_cisco.addr);
    uint32_t remote = own->order->nodes[own->order->dcs[tunnel->dc].router].asn;
    const char *mark = talloc_asprintf(own->scratch, "<BGP-PW-%s>", tunnel->name);
    unsigned line;

    if (!said(own->scratch, text, talloc_asprintf(own->scratch, "neighbor %s", address.s), &line)) {
        deviate(own, 0, tunnel->name, "neighbor", NULL, json_string(address.s), "R34");
        return;
    }
    const char *as = said_of(own, text, address.s, "remote-as", &line);
    if (as && is_number(as) && strtoul(as, NULL, 10) != remote)
        deviate(own, line, tunnel->name, "remote-as", json_string(as), json_integer(remote), "R34");
    const char *password = said_of(own, text, address.s, "password", &line);
    if (!password ||
        (strcmp(password, mark) != 0 && (!tunnel->bgp_password || strcmp(password, tunnel->bgp_password) != 0)))
        deviate(own, password ? line : 0, tunnel->name, "password", password ? json_string("another") : NULL,
                json_string(tunnel->bgp_password ? "the order's" : mark), "R36");
}

void vc_own_frr(struct vc_own_report *report, const struct vc_topology *order, const struct vc_plan *planned,
                size_t node, const char *path, const char *text)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct own own = {.report = report, .order = order, .path = path, .node = node, .scratch = scratch};
    unsigned line;
    const char *as = said(scratch, text, "router bgp", &line);

    if (!as || (is_number(as) && strtoul(as, NULL, 10) != order->nodes[node].asn))
        deviate(&own, line, NULL, "router bgp", as ? json_string(as) : NULL, json_integer(order->nodes[node].asn),
                "R34");
    for (size_t i = 0; i < order->tunnel_count; i++)
        if (order->tunnels[i].cpe == node)
            compare_neighbor(&own, text, &order->tunnels[i]);
    vc_frr_unused(text, &planned->nodes[node], add_unused, &own);
}

/* ---- telling ---- */

static char *append_value(char *out, const json_t *value)
{
    VC_AUTO_FREE char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

    return talloc_strdup_append_buffer(out, json_is_string(value) ? json_string_value(value) : text ? text : "");
}

static char *append_place(char *out, const json_t *item)
{
    int line = (int)json_integer_value(json_object_get(item, "line"));

    out = talloc_strdup_append_buffer(out, json_string_value(json_object_get(item, "file")));
    return line ? talloc_asprintf_append_buffer(out, ":%d: ", line) : talloc_strdup_append_buffer(out, ": ");
}

char *vc_own_text(void *ctx, const struct vc_own_report *report)
{
    char *out = talloc_strdup(ctx, "");
    const json_t *item;
    size_t i;

    json_array_foreach(report->deviations, i, item)
    {
        const char *tunnel = json_string_value(json_object_get(item, "tunnel"));
        const json_t *found = json_object_get(item, "found");

        out = append_place(out, item);
        if (tunnel)
            out = talloc_asprintf_append_buffer(out, "tunnel %s: ", tunnel);
        out = talloc_asprintf_append_buffer(out, "%s is ", json_string_value(json_object_get(item, "what")));
        out = json_is_null(found) ? talloc_strdup_append_buffer(out, "not there") : append_value(out, found);
        out = append_value(talloc_strdup_append_buffer(out, "; the order has "), json_object_get(item, "ordered"));
        out = talloc_asprintf_append_buffer(out, " (%s)\n", json_string_value(json_object_get(item, "requirement")));
    }
    json_array_foreach(report->unused, i, item)
    {
        out = append_place(out, item);
        out = talloc_asprintf_append_buffer(out, "not used: %s\n", json_string_value(json_object_get(item, "text")));
    }
    return out;
}

json_t *vc_own_json(const struct vc_own_report *report, const struct vc_topology *order, size_t node)
{
    return json_pack("{s:s, s:s, s:s, s:O, s:O}", "schema", "vclab.import-files/1", "topology", order->name, "node",
                     order->nodes[node].name, "deviations", report->deviations, "unused", report->unused);
}
