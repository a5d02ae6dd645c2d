/* Live progress: which events are worth a line, and what the line says. */
#include "report/report_private.h"

#include <string.h>

static bool at_all(const json_t *event)
{
    (void)event;
    return true;
}

/* Faults and heals have events of their own; "wait: wait 30 s" would say it twice. */
static bool waits(const json_t *event)
{
    return strcmp(vc_member_text(event, "kind"), "expect") == 0 || strcmp(vc_member_text(event, "kind"), "hold") == 0;
}

static bool only_waits(const json_t *event)
{
    return strcmp(vc_member_text(event, "kind"), "wait") == 0;
}

static bool long_lag(const json_t *event)
{
    return vc_member_int(event, "lag_ns") >= 50 * VC_NS_PER_MS;
}

static bool of_a_node(const json_t *event)
{
    return *vc_member_text(event, "node");
}

static bool by_keepalive(const json_t *event)
{
    return strcmp(vc_member_text(event, "reason"), "start") != 0;
}

/* While a lab starts, sessions pass through states for these reasons; they tell nothing. */
static const char *const starting[] = {"No path to specified Neighbor", "Waiting for peer OPEN", "Waiting for NHT",
                                       "No AFI/SAFI activated for peer"};

static bool settled(const json_t *event)
{
    const char *state = vc_member_text(event, "state"), *reason = vc_member_text(event, "reason");

    for (size_t i = 0; i < VC_COUNT(starting); i++)
        if (strcmp(reason, starting[i]) == 0)
            return false;
    return *reason && (strcmp(state, "Idle") == 0 || strcmp(state, "Active") == 0);
}

static bool came_up(const json_t *event)
{
    return strcmp(vc_member_text(event, "state"), "Established") == 0;
}

/* In a text, {member} stands for the event's member, {member:ms} for nanoseconds as milliseconds. */
static const struct line {
    const char *layer, *what, *text;
    bool (*worth)(const json_t *event);
} lines[] = {
    {"check", "step", "{kind}: {text}", waits},
    {"check", "step", "{text}", only_waits},
    {"check", "lag", "the host was late by {lag_ns:ms} ms", long_lag},
    {"check", "daemon-died", "{daemon} at {node} died: {status}", of_a_node},
    {"check", "daemon-died", "{daemon} died: {status}", at_all},
    {"link", "wire-lag", "vclab-wire was late by {lag_ns:ms} ms", long_lag},
    {"link", "wire-drops", "vclab-wire dropped {dropped} packets of its own on {link}", at_all},
    {"check", "interrupted", "interrupted", at_all},
    {"check", "error", "error: {text}", at_all},
    {"fault", "applied", "{name}: {text}", at_all},
    {"fault", "proved", "{name} took effect: {evidence}", at_all},
    {"fault", "heal-applied", "healing {name}", at_all},
    {"fault", "healed", "{name} is healed: {evidence}", at_all},
    {"fault", "replaced", "{name} is over: {by} takes its place", at_all},
    {"fault", "unproved", "{name}: no effect was proved ({phase}): {text}", at_all},
    {"link", "clear", "in clear on {link}: {text}", at_all},
    {"link", "ttl-exceeded", "forwarding loop: TTL exceeded on {link}, {from} to {to}", at_all},
    {"gre", "state", "GRE {tunnel} at {node}: up {up} ({reason})", by_keepalive},
    {"bgp", "session", "BGP {tunnel} at {node} with {neighbor}: up", came_up},
    {"bgp", "session", "BGP {tunnel} at {node} with {neighbor}: {state}, {reason}", settled},
    {"bgp", "bfd", "BFD {tunnel} at {node}: {state}", at_all},
    {"probe", "outage-begin", "{flow} {direction}: silent", at_all},
    {"probe", "gap", "{flow} {direction}: back, {lost} packets lost", at_all},
    {"probe", "path", "{flow} {direction} takes {path}", at_all},
};

static char *append_value(char *out, const json_t *value, bool ms)
{
    size_t i;
    json_t *item;

    if (!value)
        return talloc_strdup_append(out, "-");
    if (json_is_integer(value))
        return talloc_asprintf_append(out, "%lld", json_integer_value(value) / (ms ? VC_NS_PER_MS : 1));
    if (json_is_boolean(value))
        return talloc_strdup_append(out, json_is_true(value) ? "yes" : "no");
    if (json_is_array(value) && json_array_size(value) == 0)
        return talloc_strdup_append(out, "no tunnel");
    json_array_foreach(value, i, item) out =
        talloc_asprintf_append(out, "%s%s", i ? " + " : "", json_string_value(item) ? json_string_value(item) : "?");
    return json_is_string(value) ? talloc_strdup_append(out, json_string_value(value)) : out;
}

static char *fill(void *ctx, const char *text, const json_t *event, double wall_s)
{
    char *out = talloc_asprintf(ctx, "%8.3f s  ", (double)vc_member_int(event, "t_ns") / VC_NS_PER_S);

    if (wall_s >= 0)
        out = talloc_asprintf_append(out, "| %.1f s wall  ", wall_s);

    for (const char *open; (open = strchr(text, '{')); text = strchr(open, '}') + 1) {
        size_t length = strcspn(open + 1, ":}");
        VC_AUTO_TALLOC char *key = talloc_strndup(NULL, open + 1, length);
        out = talloc_strndup_append(out, text, (size_t)(open - text));
        out = append_value(out, json_object_get(event, key), open[1 + length] == ':');
    }
    return talloc_strdup_append(out, text);
}

char *vc_story_progress(void *ctx, const json_t *event, double wall_s)
{
    for (size_t i = 0; i < VC_COUNT(lines); i++)
        if (strcmp(vc_member_text(event, "layer"), lines[i].layer) == 0 &&
            strcmp(vc_member_text(event, "what"), lines[i].what) == 0 && lines[i].worth(event))
            return fill(ctx, lines[i].text, event, wall_s);
    return NULL;
}
