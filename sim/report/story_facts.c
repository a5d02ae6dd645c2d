#include "report/story.h"

#include <string.h>

static bool is(const json_t *event, const char *key, const char *text)
{
    return strcmp(vc_member_text(event, key), text) == 0;
}

static bool is_event(const json_t *event, const char *layer, const char *what)
{
    return is(event, "layer", layer) && is(event, "what", what);
}

/* Those who can notice that something broke or came back. */
enum sign { SIGN_NONE, SIGN_DOWN, SIGN_UP };

static enum sign by_state(const json_t *event)
{
    if (is(event, "state", "up"))
        return SIGN_UP;
    return is(event, "state", "down") ? SIGN_DOWN : SIGN_NONE;
}

static enum sign by_session(const json_t *event)
{
    return is(event, "state", "Established") ? SIGN_UP : SIGN_DOWN;
}

static enum sign by_flag(const json_t *event)
{
    return json_is_true(json_object_get(event, "up")) ? SIGN_UP : SIGN_DOWN;
}

static enum sign by_carrier(const json_t *event)
{
    /* A GRE interface follows its keepalive, which has an event of its own. */
    if (strncmp(vc_member_text(event, "ifname"), "gre-", 4) == 0)
        return SIGN_NONE;
    return json_is_true(json_object_get(event, "up")) && json_is_true(json_object_get(event, "carrier")) ? SIGN_UP
                                                                                                         : SIGN_DOWN;
}

static const struct watcher {
    const char *layer, *what, *name;
    enum sign (*sign)(const json_t *event);
} watchers[] = {
    {"bgp", "bfd", "BFD", by_state},
    {"gre", "state", "the GRE keepalive", by_flag},
    {"ike", "sa", "IKE", by_state},
    {"ipsec", "sa", "IPsec", by_state},
    {"link", "state", "the link", by_carrier},
    {"bgp", "session", "BGP", by_session},
};

static const char *watcher_text(void *ctx, const struct watcher *watcher, const json_t *event)
{
    static const char *const places[] = {"tunnel", "ifname", "neighbor"};
    char *text = talloc_strdup(ctx, watcher->name);

    for (size_t i = 0; i < VC_COUNT(places); i++) {
        if (*vc_member_text(event, places[i])) {
            text = talloc_asprintf_append(text, i == 2 ? " with %s" : " %s", vc_member_text(event, places[i]));
            break;
        }
    }
    if (*vc_member_text(event, "node"))
        text = talloc_asprintf_append(text, " at %s", vc_member_text(event, "node"));
    /* An Established session still carries the reason of its last fall. */
    if (is(event, "what", "session") && by_session(event) == SIGN_DOWN && *vc_member_text(event, "reason"))
        text = talloc_asprintf_append(text, " (%s)", vc_member_text(event, "reason"));
    return text;
}

/* Sessions inside the customer's or Cisco's network (no tunnel) tell nothing of the tunnels. */
static bool is_back(const struct chapter *chapter, const struct watcher *watcher, enum sign sign, const json_t *event)
{
    return sign == SIGN_UP && chapter->kind != CHAPTER_FAULT && watcher->sign == by_session &&
           *vc_member_text(event, "tunnel");
}

static void note_session(struct story *story, struct chapter *chapter, const json_t *event)
{
    for (size_t i = 0; i < story->session_count; i++) {
        struct story_session *session = &story->sessions[i];
        if (!is(event, "node", session->node) || !is(event, "neighbor", session->neighbor))
            continue;
        bool up = by_session(event) == SIGN_UP;
        chapter->sessions_up += (size_t)up - (size_t)session->up;
        session->up = up;
    }
}

static void note_sign(struct story *story, struct chapter *chapter, const json_t *event)
{
    if (is_event(event, "bgp", "session"))
        note_session(story, chapter, event);
    for (size_t i = 0; i < VC_COUNT(watchers); i++) {
        const struct watcher *watcher = &watchers[i];
        if (!is_event(event, watcher->layer, watcher->what))
            continue;
        enum sign sign = watcher->sign(event);
        int64_t t = vc_member_int(event, "t_ns");
        if (sign == SIGN_DOWN && chapter->kind == CHAPTER_FAULT && !chapter->noticed) {
            chapter->noticed = watcher_text(story, watcher, event);
            chapter->noticed_ns = t;
        } else if (sign == SIGN_DOWN && chapter->kind == CHAPTER_FAULT && !chapter->also &&
                   strncmp(chapter->noticed, watcher->name, strlen(watcher->name)) != 0) {
            chapter->also = watcher_text(story, watcher, event);
            chapter->also_ns = t;
        } else if (is_back(chapter, watcher, sign, event)) {
            chapter->back = watcher_text(story, watcher, event);
            chapter->back_ns = t;
        }
    }
}

static struct chapter *add_chapter(struct story *story, enum chapter_kind kind, const json_t *event)
{
    story->chapters = talloc_realloc(story, story->chapters, struct chapter, story->chapter_count + 1);
    struct chapter *chapter = &story->chapters[story->chapter_count++];
    const struct chapter *before = story->chapter_count > 1 ? chapter - 1 : NULL;

    *chapter = (struct chapter){.kind = kind,
                                .name = vc_member_text(event, "name"),
                                .text = kind == CHAPTER_FAULT ? vc_member_text(event, "text") : ""};
    chapter->applied_ns = kind == CHAPTER_START ? 0 : vc_member_int(event, "t_ns");
    chapter->flows = talloc_zero_array(story, struct chapter_flow, story->flow_count);
    chapter->sessions_up = before ? before->sessions_up : 0;
    for (size_t i = 0; before && i < story->flow_count; i++) {
        chapter->flows[i].name = before->flows[i].name;
        chapter->flows[i].path_before = chapter->flows[i].path_after = before->flows[i].path_after;
    }
    return chapter;
}

static struct chapter_flow *find_flow(const struct story *story, const struct chapter *chapter, const json_t *event)
{
    for (size_t i = 0; i < story->flow_count; i++)
        if (is(event, "flow", chapter->flows[i].name))
            return &chapter->flows[i];
    return NULL;
}

static void note_path(struct story *story, struct chapter *chapter, const json_t *event)
{
    struct chapter_flow *flow = find_flow(story, chapter, event);
    char *path = NULL;
    size_t i;
    json_t *point;

    if (!flow || !is(event, "direction", "forward"))
        return;
    json_array_foreach(json_object_get(event, "path"), i, point) path =
        path ? talloc_asprintf_append(path, " + %s", json_string_value(point))
             : talloc_strdup(story, json_string_value(point));
    flow->path_after = path ? path : "no tunnel";
    bool changed = !flow->path_before || strcmp(flow->path_before, flow->path_after) != 0;
    flow->moved_ns = changed ? vc_member_int(event, "t_ns") : 0;
}

/* A gap belongs to the chapter whose beginning it spans, for that is what broke the flow; else to the one it lies in.
 */
static void note_gap(struct story *story, const json_t *event)
{
    int64_t start = vc_member_int(event, "start_ns"), end = vc_member_int(event, "end_ns");
    size_t k = 0;

    while (k + 1 < story->chapter_count && story->chapters[k + 1].applied_ns <= start)
        k++;
    if (k + 1 < story->chapter_count && story->chapters[k + 1].applied_ns <= end)
        k++;
    struct chapter_flow *flow = find_flow(story, &story->chapters[k], event);
    if (!flow)
        return;
    flow->lost += vc_member_int(event, "lost");
    if (end - start > flow->gap_ns) {
        flow->gap_ns = end - start;
        flow->gap_end_ns = end;
        flow->resolution_ns = vc_member_int(event, "resolution_ns");
    }
}

static void begin(struct story *story, const json_t *events)
{
    const json_t *plan = NULL, *event, *flow, *session;
    size_t i;

    json_array_foreach(events, i, event)
    {
        if (is_event(event, "check", "plan"))
            plan = event;
        story->end_ns = vc_member_int(event, "t_ns") > story->end_ns ? vc_member_int(event, "t_ns") : story->end_ns;
    }
    const json_t *flows = json_object_get(plan, "flows"), *sessions = json_object_get(plan, "sessions");
    story->session_count = json_array_size(sessions);
    story->sessions = talloc_zero_array(story, struct story_session, story->session_count);
    json_array_foreach(sessions, i, session) story->sessions[i] = (struct story_session){
        .node = vc_member_text(session, "node"), .neighbor = vc_member_text(session, "neighbor")};
    story->flow_count = json_array_size(flows);
    struct chapter *start = add_chapter(story, CHAPTER_START, NULL);
    json_array_foreach(flows, i, flow) start->flows[i].name = vc_member_text(flow, "name");
}

struct story *vc_story_read(void *ctx, const json_t *events)
{
    struct story *story = talloc_zero(ctx, struct story);
    const json_t *event;
    size_t i;

    begin(story, events);
    json_array_foreach(events, i, event)
    {
        struct chapter *chapter = &story->chapters[story->chapter_count - 1];
        if (is_event(event, "fault", "applied")) {
            add_chapter(story, CHAPTER_FAULT, event);
        } else if (is_event(event, "fault", "heal-applied")) {
            add_chapter(story, CHAPTER_HEAL, event);
        } else if (is_event(event, "fault", "proved") || is_event(event, "fault", "healed")) {
            chapter->proved_ns = vc_member_int(event, "t_ns");
            chapter->evidence = vc_member_text(event, "evidence");
        } else if (is_event(event, "probe", "path")) {
            note_path(story, chapter, event);
        } else {
            note_sign(story, chapter, event);
        }
    }
    json_array_foreach(events, i, event) if (is_event(event, "probe", "gap")) note_gap(story, event);
    return story;
}
