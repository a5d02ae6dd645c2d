/*
 * FRR watchers: bgpd's sessions and accepted prefixes, bfdd's sessions, as events. FRR pushes none of this over its vty
 * sockets, so they are asked over a persistent connection (no vtysh, no text): every few milliseconds while something
 * happens (stir.c), ever more seldom when nothing does. Events carry the time since the look before as their
 * resolution. One command is in flight at a time; a change queues the follow-up questions (why, and which prefixes)
 * before the next round.
 */
#include <errno.h>
#include <string.h>

#include "lab/private.h"

/* While sessions are still coming up a shorter interval gives convergence a finer resolution; BFD is always quick. */
#define INTERVAL_SETTLED_NS  (50 * VC_NS_PER_MS)
#define INTERVAL_STARTING_NS (20 * VC_NS_PER_MS)
/* So long after the last event each interval is three times the one before, up to a limit. */
#define CLOSELY_NS          (200 * VC_NS_PER_MS)
#define LONGEST_SETTLED_NS  (600 * VC_NS_PER_S)
#define LONGEST_STARTING_NS (1 * VC_NS_PER_S)
#define LONGEST_BFD_NS      (100 * VC_NS_PER_MS) /* a session that comes up changes nothing else that could be seen */
#define LONGEST_WAITING_NS  (30 * VC_NS_PER_S)   /* in a step that only waits, nobody asks what is down yet */

struct peer {
    const char *address;
    const char *state;
    json_int_t prefixes_received;
    json_t *accepted; /* sorted array of prefixes, NULL: not asked yet */
    bool external;    /* an eBGP neighbour: what it may tell us is policy (invariant 3) */
    bool ask_reason, ask_routes;
};

struct frr_watch {
    struct vc_daemon *daemon;
    struct vc_vty *vty;
    sd_event_source *timer;
    bool bfd; /* watches bfdd, else bgpd */
    struct peer *peers;
    size_t count;
    size_t asked; /* the peer a follow-up is about */
    bool settled; /* every session is up */
    bool asking;  /* a question is in flight: the timer is off */
    int64_t interval_ns;
    int64_t looked_ns, resolution_ns; /* when it looked last, and how long after the look before that */
};

static void next_question(struct frr_watch *watch);

static int watch_destroy(struct frr_watch *watch)
{
    sd_event_source_disable_unref(watch->timer);
    for (size_t i = 0; i < watch->count; i++)
        json_decref(watch->peers[i].accepted);
    return 0;
}

static struct peer *peer_of(struct frr_watch *watch, const char *address)
{
    for (size_t i = 0; i < watch->count; i++)
        if (!strcmp(watch->peers[i].address, address))
            return &watch->peers[i];
    watch->peers = talloc_realloc(watch, watch->peers, struct peer, watch->count + 1);
    watch->peers[watch->count] =
        (struct peer){.address = talloc_strdup(watch, address),
                      .state = "",
                      .external = lab_tunnel_of(watch->daemon->lab, watch->daemon->node->index, address)};
    return &watch->peers[watch->count++];
}

static void emit(struct frr_watch *watch, enum vc_layer layer, const char *what, const struct peer *peer,
                 json_t *members)
{
    lab_neighbor_event(watch->daemon, layer, what, peer->address, watch->resolution_ns, members);
}

/* Sessions that come and go together are seen together; those that try in vain disturb nobody. */
static void set_state(struct peer *peer, struct frr_watch *watch, const char *state)
{
    if (lab_session_is_up(peer->state) != lab_session_is_up(state))
        vc_lab_stir(watch->daemon->lab);
    talloc_free((void *)(uintptr_t)(*peer->state ? peer->state : NULL));
    peer->state = talloc_strdup(watch, state);
}

static int64_t shortest(const struct frr_watch *watch)
{
    return watch->settled && !watch->bfd ? INTERVAL_SETTLED_NS : INTERVAL_STARTING_NS;
}

static int64_t next_interval(const struct frr_watch *watch)
{
    const struct vc_lab *lab = watch->daemon->lab;
    int64_t longest = watch->settled ? LONGEST_SETTLED_NS
                      : lab->waiting ? LONGEST_WAITING_NS
                      : watch->bfd   ? LONGEST_BFD_NS
                                     : LONGEST_STARTING_NS;
    int64_t longer = 3 * watch->interval_ns;

    if (vc_events_now(lab->events) - lab->stirred_ns < CLOSELY_NS)
        return shortest(watch);
    return longer < longest ? longer : longest;
}

static int arm(struct frr_watch *watch)
{
    watch->asking = false;
    watch->interval_ns = next_interval(watch);
    return sd_event_source_set_time_relative(watch->timer, (uint64_t)(watch->interval_ns / VC_NS_PER_US)) < 0 ||
                   sd_event_source_set_enabled(watch->timer, SD_EVENT_ONESHOT) < 0
               ? -1
               : 0;
}

static void on_reason(void *arg, json_t *reply)
{
    struct frr_watch *watch = arg;
    struct peer *peer = &watch->peers[watch->asked];
    json_t *neighbor = json_object_get(reply, peer->address);
    const char *reason = json_string_value(json_object_get(neighbor, "lastResetDueTo"));

    emit(watch, VC_LAYER_BGP, "session", peer,
         json_pack("{s:s, s:s}", "state", peer->state, "reason", reason ? reason : ""));
    next_question(watch);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *sorted_keys(json_t *object)
{
    json_t *array = json_array();
    const char *key, **keys = talloc_array(NULL, const char *, json_object_size(object));
    json_t *value;
    size_t count = 0;

    json_object_foreach(object, key, value) keys[count++] = key;
    qsort(keys, count, sizeof *keys, compare_names);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(keys[i]));
    talloc_free(keys);
    return array;
}

static void on_routes(void *arg, json_t *reply)
{
    struct frr_watch *watch = arg;
    struct peer *peer = &watch->peers[watch->asked];
    json_t *accepted = sorted_keys(json_object_get(reply, "routes"));

    if (!peer->accepted || !json_equal(accepted, peer->accepted)) {
        json_decref(peer->accepted);
        peer->accepted = json_incref(accepted);
        emit(watch, VC_LAYER_RIB, "accepted", peer, json_pack("{s:O}", "prefixes", accepted));
    }
    json_decref(accepted);
    next_question(watch);
}

static void ask(struct frr_watch *watch, const char *command, vc_vty_fn *fn)
{
    VC_AUTO_ERROR *err = NULL;

    /* A daemon that just died is reported by its end; its watcher then goes away. */
    if (vc_vty_ask(watch->vty, watch->daemon->lab->loop, command, fn, watch, &err))
        sd_event_source_set_enabled(watch->timer, SD_EVENT_OFF);
}

static void next_question(struct frr_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct peer *peer = &watch->peers[i];
        bool reason = peer->ask_reason;
        if (!reason && !peer->ask_routes)
            continue;
        watch->asked = i;
        VC_AUTO_TALLOC char *command = talloc_asprintf(
            NULL, reason ? "show bgp neighbors %s json" : "show bgp ipv4 unicast neighbors %s routes json",
            peer->address);
        *(reason ? &peer->ask_reason : &peer->ask_routes) = false;
        ask(watch, command, reason ? on_reason : on_routes);
        return;
    }
    arm(watch);
}

static void on_summary(void *arg, json_t *reply)
{
    struct frr_watch *watch = arg;
    json_t *family = json_object_get(reply, "ipv4Unicast");
    json_t *peers = json_object_get(family ? family : reply, "peers");
    bool settled = json_object_size(peers) > 0;
    const char *address;
    json_t *summary;

    json_object_foreach(peers, address, summary)
    {
        struct peer *peer = peer_of(watch, address);
        const char *state = json_string_value(json_object_get(summary, "state"));
        json_int_t received = json_integer_value(json_object_get(summary, "pfxRcd"));
        if (state && strcmp(state, peer->state)) {
            set_state(peer, watch, state);
            peer->ask_reason = true;
            peer->ask_routes = peer->external;
        }
        if (received != peer->prefixes_received) {
            peer->prefixes_received = received;
            peer->ask_routes = peer->external;
        }
        settled = settled && lab_session_is_up(peer->state);
    }
    watch->settled = settled;
    if (settled)
        lab_bgp_settled(watch->daemon->node);
    next_question(watch);
}

static void on_bfd(void *arg, json_t *reply)
{
    struct frr_watch *watch = arg;
    json_t *session;
    size_t i;

    watch->settled = json_array_size(reply) > 0;
    json_array_foreach(reply, i, session)
    {
        const char *address = json_string_value(json_object_get(session, "peer"));
        const char *status = json_string_value(json_object_get(session, "status"));
        struct peer *peer = address ? peer_of(watch, address) : NULL;
        if (!peer || !status)
            continue;
        const char *state = strcmp(status, "up") ? "down" : "up";
        watch->settled = watch->settled && lab_session_is_up(state);
        if (!strcmp(state, peer->state))
            continue;
        set_state(peer, watch, state);
        emit(watch, VC_LAYER_BGP, "bfd", peer, json_pack("{s:s}", "state", state));
    }
    arm(watch);
}

static int on_timer(sd_event_source *source VC_UNUSED, uint64_t usec VC_UNUSED, void *arg)
{
    struct frr_watch *watch = arg;
    int64_t now = vc_events_now(watch->daemon->lab->events);

    watch->resolution_ns = now - watch->looked_ns;
    watch->looked_ns = now;
    watch->asking = true;
    if (watch->bfd)
        ask(watch, "show bfd peers json", on_bfd);
    else
        ask(watch, "show bgp ipv4 unicast summary json", on_summary);
    return 0;
}

void lab_frr_look(struct frr_watch *watch)
{
    if (watch->asking || watch->interval_ns <= shortest(watch))
        return;
    watch->interval_ns = shortest(watch);
    sd_event_source_set_time_relative(watch->timer, 0);
}

struct frr_watch *lab_frr_watch(struct vc_daemon *daemon, vc_error **err)
{
    VC_AUTO_TALLOC struct frr_watch *watch = talloc_zero(daemon->lab, struct frr_watch);
    int fd = vc_node_connect(&daemon->node->rt, daemon->plan->ready, err);

    if (fd < 0)
        return NULL;
    watch->daemon = daemon;
    watch->bfd = !strcmp(daemon->plan->name, "bfdd");
    watch->interval_ns = INTERVAL_STARTING_NS;
    watch->looked_ns = vc_events_now(daemon->lab->events);
    watch->vty = vc_vty_new(watch, fd);
    int r = sd_event_add_time_relative(daemon->lab->loop, &watch->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, watch);
    if (r < 0) {
        vc_fail(err, VC_EXIT_FAIL, -r, "setting a timer");
        return NULL;
    }
    talloc_set_destructor(watch, watch_destroy);
    return VC_STEAL_PTR(watch);
}

/* What can no longer be asked is not up: the verdict must not rest on the last answer of a daemon that is gone. */
void lab_frr_gone(struct frr_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct peer *peer = &watch->peers[i];
        if (!*peer->state)
            continue;
        if (watch->bfd)
            emit(watch, VC_LAYER_BGP, "bfd", peer, json_pack("{s:s}", "state", "down"));
        else
            emit(watch, VC_LAYER_BGP, "session", peer,
                 json_pack("{s:s, s:s}", "state", "Gone", "reason", "bgpd ended"));
    }
    talloc_free(watch);
}
