/*
 * Watcher of a BIRD that ends tunnels: its BGP sessions, accepted prefixes and BFD sessions, as the events that frr.c
 * makes of bgpd and bfdd. BIRD pushes: what its BGP protocols trace comes as news over the control socket (net/bird.h).
 * News says that something changed, not what is true now, so each burst of it is followed by one look: neighbours and
 * BFD in BIRD's own tables, then the prefixes of a neighbour whose number of them changed. A settled lab costs nothing.
 *
 * A BFD session that comes up is no news to BGP. So while one is listed that is down, BFD is looked at from time to
 * time, as bfdd is. One that falls takes BGP along, which is news.
 */
#include <string.h>

#include "lab/private.h"
#include "net/bird.h"

#define SHORTEST_BFD_NS (20 * VC_NS_PER_MS)
#define LONGEST_BFD_NS  (100 * VC_NS_PER_MS)
#define LONGEST_WAIT_NS (30 * VC_NS_PER_S)   /* in a step that only waits, nobody asks what is down yet */
#define CLOSELY_NS      (200 * VC_NS_PER_MS) /* so long after something happened intervals do not grow */

struct neighbor {
    const char *address, *protocol;
    const char *state;
    const char *bfd; /* "": no session was ever seen; a session that is not listed any more is down */
    json_int_t accepted_count;
    json_t *accepted; /* sorted array of prefixes, NULL: not asked yet */
    bool external;    /* an eBGP neighbour: what it may tell us is policy (invariant 3) */
    bool ask_routes;
};

struct bird_watch {
    struct vc_daemon *daemon;
    struct vc_bird *bird;
    sd_event_source *timer; /* the next look at BFD */
    struct neighbor *neighbors;
    size_t count;
    size_t asked;     /* the neighbour a question is about */
    bool asking;      /* a look is under way */
    bool news;        /* something came since it began */
    bool bfd_pending; /* a BFD session is down */
    int64_t interval_ns;
    int64_t news_ns;                 /* the first news that no look has followed */
    int64_t looked_ns;               /* when the last look began */
    int64_t news_age_ns, between_ns; /* at the last look: how old the news was, how long after the look before */
};

static void look(struct bird_watch *watch, int64_t since_ns);
static void next_routes(struct bird_watch *watch);

static int watch_destroy(struct bird_watch *watch)
{
    sd_event_source_disable_unref(watch->timer);
    for (size_t i = 0; i < watch->count; i++)
        json_decref(watch->neighbors[i].accepted);
    return 0;
}

static struct neighbor *neighbor_of(struct bird_watch *watch, const char *address)
{
    struct vc_daemon *daemon = watch->daemon;

    for (size_t i = 0; i < watch->count; i++)
        if (!strcmp(watch->neighbors[i].address, address))
            return &watch->neighbors[i];
    watch->neighbors = talloc_realloc(watch, watch->neighbors, struct neighbor, watch->count + 1);
    watch->neighbors[watch->count] =
        (struct neighbor){.address = talloc_strdup(watch, address),
                          .protocol = "",
                          .state = "",
                          .bfd = "",
                          .external = lab_tunnel_of(daemon->lab, daemon->node->index, address)};
    return &watch->neighbors[watch->count++];
}

/* Replaces a text of the watch. True when it is another than before. */
static bool replace(struct bird_watch *watch, const char **text, const char *now)
{
    if (!strcmp(*text, now))
        return false;
    talloc_free((void *)(uintptr_t)(**text ? *text : NULL));
    *text = *now ? talloc_strdup(watch, now) : "";
    return true;
}

static void ask(struct bird_watch *watch, const char *command, vc_bird_fn *fn)
{
    VC_AUTO_ERROR *err = NULL;

    /* A daemon that just died is reported by its end; its watcher then goes away. */
    vc_bird_ask(watch->bird, watch->daemon->lab->loop, command, fn, watch, &err);
}

static int arm(struct bird_watch *watch)
{
    const struct vc_lab *lab = watch->daemon->lab;
    bool closely = vc_events_now(lab->events) - lab->stirred_ns < CLOSELY_NS;
    int64_t longest = lab->waiting ? LONGEST_WAIT_NS : LONGEST_BFD_NS;
    int64_t longer = 3 * watch->interval_ns < longest ? 3 * watch->interval_ns : longest;

    watch->interval_ns = closely ? SHORTEST_BFD_NS : longer;
    int r = sd_event_source_set_time_relative(watch->timer, (uint64_t)(watch->interval_ns / VC_NS_PER_US));
    return r < 0 ? r : sd_event_source_set_enabled(watch->timer, SD_EVENT_ONESHOT);
}

static void look_is_over(struct bird_watch *watch)
{
    watch->asking = false;
    if (watch->news)
        look(watch, watch->news_ns);
    else if (watch->bfd_pending)
        arm(watch);
}

static void on_routes(void *arg, const char *reply)
{
    struct bird_watch *watch = arg;
    struct neighbor *neighbor = &watch->neighbors[watch->asked];
    VC_AUTO_JSON *accepted = reply ? vc_bird_prefixes(reply) : NULL;

    if (accepted && (!neighbor->accepted || !json_equal(accepted, neighbor->accepted))) {
        json_decref(neighbor->accepted);
        neighbor->accepted = json_incref(accepted);
        lab_neighbor_event(watch->daemon, VC_LAYER_RIB, "accepted", neighbor->address, watch->news_age_ns,
                           json_pack("{s:O}", "prefixes", accepted));
    }
    next_routes(watch);
}

static void next_routes(struct bird_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct neighbor *neighbor = &watch->neighbors[i];
        if (!neighbor->ask_routes)
            continue;
        watch->asked = i;
        neighbor->ask_routes = false;
        VC_AUTO_TALLOC char *command = talloc_asprintf(NULL, "show route protocol '%s'", neighbor->protocol);
        ask(watch, command, on_routes);
        return;
    }
    look_is_over(watch);
}

/* Sessions that come and go together are seen together; those that try in vain disturb nobody. */
static void set_state(struct bird_watch *watch, struct neighbor *neighbor, const char *state, const char *reason)
{
    bool was_up = lab_session_is_up(neighbor->state);

    if (!replace(watch, &neighbor->state, state))
        return;
    if (was_up != lab_session_is_up(state))
        vc_lab_stir(watch->daemon->lab);
    neighbor->ask_routes = neighbor->external;
    lab_neighbor_event(watch->daemon, VC_LAYER_BGP, "session", neighbor->address, watch->news_age_ns,
                       json_pack("{s:s, s:s}", "state", state, "reason", reason));
}

static void on_peers(void *arg, const char *reply)
{
    struct bird_watch *watch = arg;
    VC_AUTO_JSON *peers = reply ? vc_bird_peers(reply) : NULL;
    const char *address;
    json_t *peer;

    json_object_foreach(peers, address, peer)
    {
        struct neighbor *neighbor = neighbor_of(watch, address);
        json_int_t accepted = json_integer_value(json_object_get(peer, "pfxRcd"));

        replace(watch, &neighbor->protocol, json_string_value(json_object_get(peer, "protocol")));
        if (accepted != neighbor->accepted_count)
            neighbor->ask_routes = neighbor->external;
        neighbor->accepted_count = accepted;
        set_state(watch, neighbor, json_string_value(json_object_get(peer, "state")),
                  json_string_value(json_object_get(peer, "reason")));
    }
    next_routes(watch);
}

static void set_bfd(struct bird_watch *watch, struct neighbor *neighbor, const char *state)
{
    bool up = lab_session_is_up(state);

    if (!replace(watch, &neighbor->bfd, state))
        return;
    vc_lab_stir(watch->daemon->lab);
    lab_neighbor_event(watch->daemon, VC_LAYER_BGP, "bfd", neighbor->address,
                       up ? watch->between_ns : watch->news_age_ns, json_pack("{s:s}", "state", state));
}

static void on_bfd(void *arg, const char *reply)
{
    struct bird_watch *watch = arg;
    VC_AUTO_JSON *sessions = reply ? vc_bird_bfd(reply) : NULL;
    json_t *session;
    size_t i;

    watch->bfd_pending = false;
    json_array_foreach(sessions, i, session)
    {
        const char *status = json_string_value(json_object_get(session, "status"));
        set_bfd(watch, neighbor_of(watch, json_string_value(json_object_get(session, "peer"))), status);
        watch->bfd_pending = watch->bfd_pending || !lab_session_is_up(status);
    }
    /* BIRD forgets the session of a neighbour that it cannot reach. */
    for (size_t n = 0; sessions && n < watch->count; n++) {
        bool listed = false;
        json_array_foreach(sessions, i, session) listed =
            listed || !strcmp(json_string_value(json_object_get(session, "peer")), watch->neighbors[n].address);
        if (!listed && *watch->neighbors[n].bfd)
            set_bfd(watch, &watch->neighbors[n], "down");
    }
    ask(watch, VC_BIRD_PEERS, on_peers);
}

/* BFD first: its fall is why a session fell. */
static void look(struct bird_watch *watch, int64_t since_ns)
{
    int64_t now = vc_events_now(watch->daemon->lab->events);
    bool bfd = watch->daemon->lab->plan->options.timers->bfd_interval_ms;

    watch->news_age_ns = now - since_ns;
    watch->between_ns = now - watch->looked_ns;
    watch->looked_ns = now;
    watch->asking = true;
    watch->news = false;
    sd_event_source_set_enabled(watch->timer, SD_EVENT_OFF);
    ask(watch, bfd ? VC_BIRD_BFD : VC_BIRD_PEERS, bfd ? on_bfd : on_peers);
}

static int on_timer(sd_event_source *source VC_UNUSED, uint64_t usec VC_UNUSED, void *arg)
{
    struct bird_watch *watch = arg;

    look(watch, watch->news ? watch->news_ns : watch->looked_ns);
    return 0;
}

static void on_news(void *arg, const char *line VC_UNUSED)
{
    struct bird_watch *watch = arg;

    if (!watch->news)
        watch->news_ns = vc_events_now(watch->daemon->lab->events);
    watch->news = true;
    /* Lines come in bursts, and the connection is at work: after them. */
    if (watch->asking || sd_event_source_set_time_relative(watch->timer, 0) < 0)
        return;
    sd_event_source_set_enabled(watch->timer, SD_EVENT_ONESHOT);
}

static void on_echo(void *arg, const char *reply VC_UNUSED)
{
    struct bird_watch *watch = arg;

    look(watch, watch->looked_ns);
}

void lab_bird_look(struct bird_watch *watch)
{
    if (watch->asking || !watch->bfd_pending || watch->interval_ns <= SHORTEST_BFD_NS)
        return;
    watch->interval_ns = SHORTEST_BFD_NS;
    sd_event_source_set_time_relative(watch->timer, 0);
}

struct bird_watch *lab_bird_watch(struct vc_daemon *daemon, int fd, vc_error **err)
{
    VC_AUTO_TALLOC struct bird_watch *watch = talloc_zero(daemon->lab, struct bird_watch);
    sd_event *loop = daemon->lab->loop;

    watch->daemon = daemon;
    watch->interval_ns = SHORTEST_BFD_NS;
    watch->looked_ns = vc_events_now(daemon->lab->events);
    watch->asking = true;
    watch->bird = vc_bird_new(watch, fd);
    int r = sd_event_add_time_relative(loop, &watch->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, watch);
    if (r >= 0)
        r = sd_event_source_set_enabled(watch->timer, SD_EVENT_OFF);
    talloc_set_destructor(watch, watch_destroy);
    if (r < 0) {
        vc_fail(err, VC_EXIT_FAIL, -r, "setting a timer");
        return NULL;
    }
    /* The first look waits until news is on its way: nothing falls in between. */
    if (vc_bird_listen(watch->bird, loop, on_news, watch, err) ||
        vc_bird_ask(watch->bird, loop, "echo all", on_echo, watch, err))
        return NULL;
    return VC_STEAL_PTR(watch);
}

/* What can no longer be asked is not up: the verdict must not rest on the last answer of a daemon that is gone. */
void lab_bird_gone(struct bird_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct neighbor *neighbor = &watch->neighbors[i];
        if (lab_session_is_up(neighbor->bfd))
            lab_neighbor_event(watch->daemon, VC_LAYER_BGP, "bfd", neighbor->address, 0,
                               json_pack("{s:s}", "state", "down"));
        if (*neighbor->state)
            lab_neighbor_event(watch->daemon, VC_LAYER_BGP, "session", neighbor->address, 0,
                               json_pack("{s:s, s:s}", "state", "Gone", "reason", "bird ended"));
    }
    talloc_free(watch);
}
