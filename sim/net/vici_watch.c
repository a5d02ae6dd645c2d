/*
 * What is up is remembered, so that a daemon that goes away (its socket closes) takes its SAs down in the events too:
 * nobody is left who could report them. SAs that exist when the watch starts are reported first.
 */
#include <string.h>
#include <sys/epoll.h>

#include "net/vici_private.h"

struct vc_vici_watch {
    struct vc_events *events;
    const char *node;
    struct vc_vici *vici;
    sd_event_source *source;
    json_t *ike, *children; /* what is up: unique id → members of its event */
};

static const char *text(const json_t *section, const char *key)
{
    const char *value = json_string_value(json_object_get(section, key));

    return value ? value : "";
}

static void emit(struct vc_vici_watch *watch, enum vc_layer layer, json_t *members, const char *state)
{
    json_t *event = json_copy(members);

    json_object_set_new(event, "state", json_string(state));
    vc_event_json(watch->events, layer, watch->node, "sa", -1, event);
}

/* What is told of an SA only when it comes up: that it took another's place, and when charon means to replace it. */
struct birth {
    bool rekeyed;
    int64_t rekey_ns; /* -1: the other end will */
};

static struct birth birth_of(const struct vc_vici_watch *watch, const json_t *sa, bool rekeyed)
{
    const char *seconds = text(sa, "rekey-time");

    return (struct birth){rekeyed,
                          *seconds ? vc_events_now(watch->events) + strtoll(seconds, NULL, 10) * VC_NS_PER_S : -1};
}

static void emit_up(struct vc_vici_watch *watch, enum vc_layer layer, json_t *members, const struct birth *birth)
{
    VC_AUTO_JSON *told = json_copy(members);

    if (birth->rekeyed)
        json_object_set_new(told, "rekeyed", json_true());
    if (birth->rekey_ns >= 0)
        json_object_set_new(told, "rekey_ns", json_integer(birth->rekey_ns));
    emit(watch, layer, told, "up");
}

static bool tunnel_is_up(const json_t *known, const char *tunnel)
{
    json_t *members;
    const char *id;

    json_object_foreach((json_t *)(uintptr_t)known, id, members)
    {
        if (!strcmp(text(members, "tunnel"), tunnel))
            return true;
    }
    return false;
}

/*
 * `members` is stolen. A tunnel is down when its last SA goes: an attempt that never came up, or one of two SAs (both
 * ends may initiate at once), takes nothing down. `birth` is NULL for one that goes.
 */
static void set_state(struct vc_vici_watch *watch, enum vc_layer layer, const char *id, const struct birth *birth,
                      json_t *members)
{
    VC_AUTO_JSON *owned = members;
    json_t *known = layer == VC_LAYER_IKE ? watch->ike : watch->children;
    bool was_up = json_object_get(known, id);

    if (birth) {
        json_object_set(known, id, members);
        emit_up(watch, layer, members, birth);
        return;
    }
    json_object_del(known, id);
    if (was_up && !tunnel_is_up(known, text(members, "tunnel")))
        emit(watch, layer, members, "down");
}

/* How an SA is now: gone, up, or up in another's place. */
enum sa_state { SA_DOWN, SA_UP, SA_REKEYED };

static void ike_state(struct vc_vici_watch *watch, const char *name, const json_t *sa, enum sa_state state)
{
    const char *id = text(sa, "uniqueid");
    struct birth birth = birth_of(watch, sa, state == SA_REKEYED);

    set_state(watch, VC_LAYER_IKE, id, state == SA_DOWN ? NULL : &birth,
              json_pack("{s:s, s:s}", "tunnel", name, "unique_id", id));
}

static void child_state(struct vc_vici_watch *watch, const json_t *sa, enum sa_state state)
{
    struct birth birth = birth_of(watch, sa, state == SA_REKEYED);

    set_state(watch, VC_LAYER_IPSEC, text(sa, "uniqueid"), state == SA_DOWN ? NULL : &birth,
              json_pack("{s:s, s:s, s:s}", "tunnel", text(sa, "name"), "spi_in", text(sa, "spi-in"), "spi_out",
                        text(sa, "spi-out")));
}

static void children_state(struct vc_vici_watch *watch, json_t *ike_sa, bool up)
{
    const char *key;
    json_t *sa;

    json_object_foreach(json_object_get(ike_sa, "child-sas"), key, sa) child_state(watch, sa, up ? SA_UP : SA_DOWN);
}

/* The handlers: one for each event, called for each IKE SA in its message. */
typedef void handler(struct vc_vici_watch *watch, const char *name, json_t *sa, bool up);

static void on_ike_updown(struct vc_vici_watch *watch, const char *name, json_t *sa, bool up)
{
    ike_state(watch, name, sa, up ? SA_UP : SA_DOWN);
}

static void on_child_updown(struct vc_vici_watch *watch, VC_UNUSED const char *name, json_t *sa, bool up)
{
    children_state(watch, sa, up);
}

static void on_ike_rekey(struct vc_vici_watch *watch, const char *name, json_t *sa, VC_UNUSED bool up)
{
    json_object_del(watch->ike, text(json_object_get(sa, "old"), "uniqueid"));
    ike_state(watch, name, json_object_get(sa, "new"), SA_REKEYED);
}

static void on_child_rekey(struct vc_vici_watch *watch, VC_UNUSED const char *name, json_t *sa, VC_UNUSED bool up)
{
    const char *key;
    json_t *child;

    json_object_foreach(json_object_get(sa, "child-sas"), key, child)
    {
        json_object_del(watch->children, text(json_object_get(child, "old"), "uniqueid"));
        child_state(watch, json_object_get(child, "new"), SA_REKEYED);
    }
}

static void on_list_sa(struct vc_vici_watch *watch, const char *name, json_t *sa, VC_UNUSED bool up)
{
    const char *key;
    json_t *child;

    if (strcmp(text(sa, "state"), "ESTABLISHED") != 0)
        return;
    ike_state(watch, name, sa, SA_UP);
    json_object_foreach(json_object_get(sa, "child-sas"), key, child)
    {
        if (!strcmp(text(child, "state"), "INSTALLED"))
            child_state(watch, child, SA_UP);
    }
}

static const struct {
    const char *event;
    handler *fn;
} handlers[] = {
    {"ike-updown", on_ike_updown},
    {"child-updown", on_child_updown},
    {"ike-rekey", on_ike_rekey},
    {"child-rekey", on_child_rekey},
};

static void for_each_sa(struct vc_vici_watch *watch, json_t *message, handler *fn)
{
    bool up = !strcmp(text(message, "up"), "yes");
    const char *name;
    json_t *sa;

    json_object_foreach(message, name, sa)
    {
        if (json_is_object(sa))
            fn(watch, name, sa, up);
    }
}

static void on_event(void *arg, const char *name, json_t *message)
{
    for (size_t i = 0; i < VC_COUNT(handlers); i++) {
        if (!strcmp(handlers[i].event, name))
            for_each_sa(arg, message, handlers[i].fn);
    }
}

static void all_down(struct vc_vici_watch *watch)
{
    const char *id;
    json_t *members;

    json_object_foreach(watch->children, id, members) emit(watch, VC_LAYER_IPSEC, members, "down");
    json_object_foreach(watch->ike, id, members) emit(watch, VC_LAYER_IKE, members, "down");
    json_object_clear(watch->children);
    json_object_clear(watch->ike);
}

static int on_readable(VC_UNUSED sd_event_source *source, VC_UNUSED int fd, VC_UNUSED uint32_t revents, void *arg)
{
    struct vc_vici_watch *watch = arg;

    if (vc_vici_dispatch(watch->vici, NULL) < 0) {
        watch->source = sd_event_source_disable_unref(watch->source);
        all_down(watch);
    }
    return 0;
}

static int destroy(struct vc_vici_watch *watch)
{
    sd_event_source_disable_unref(watch->source);
    json_decref(watch->ike);
    json_decref(watch->children);
    return 0;
}

static int report_present(struct vc_vici_watch *watch, vc_error **err)
{
    VC_AUTO_JSON *reply = vc_vici_call(watch->vici, "list-sas", NULL, "list-sa", err);
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(reply, "items"), i, item) for_each_sa(watch, item, on_list_sa);
    return reply ? 0 : -1;
}

static int start(struct vc_vici_watch *watch, sd_event *loop, vc_error **err)
{
    vc_vici_on_event(watch->vici, on_event, watch);
    for (size_t i = 0; i < VC_COUNT(handlers); i++) {
        if (vc_vici_register(watch->vici, handlers[i].event, err) < 0)
            return -1;
    }
    if (report_present(watch, err) < 0)
        return -1;
    int status = sd_event_add_io(loop, &watch->source, vc_vici_fd(watch->vici), EPOLLIN, on_readable, watch);
    return status < 0 ? vc_fail(err, VC_EXIT_FAIL, -status, "watch charon of %s", watch->node) : 0;
}

struct vc_vici_watch *vc_vici_watch_start(void *ctx, sd_event *loop, struct vc_events *events, const char *node, int fd,
                                          vc_error **err)
{
    struct vc_vici_watch *watch = talloc_zero(ctx, struct vc_vici_watch);

    watch->events = events;
    watch->node = talloc_strdup(watch, node);
    watch->vici = vc_vici_new(watch, fd);
    watch->ike = json_object();
    watch->children = json_object();
    talloc_set_destructor(watch, destroy);
    if (start(watch, loop, err) < 0) {
        talloc_free(watch);
        return NULL;
    }
    return watch;
}
