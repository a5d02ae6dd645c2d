/* Scenario files of lawful runs. */
#include "sweep/lawful.h"

#include <errno.h>
#include <string.h>

#include "sweep/draw.h"

#define REPLAY_MARGIN 2 /* a packet may be overtaken by half the window at most */

enum {
    LOSS_MAX = 50, /* hundredths of a percent: 0.5 % */
    DELAY_MAX_MS = 100,
    JITTER_MAX_MS = 30,
    BURST_MAX = 3,
    REORDER_MAX = 100, /* hundredths of a percent: 1 % */
    LOAD_BYTES = 1300,
    LOAD_S = 1,
    CONVERGED_S = 240,
    ANSWER_S = 20,
};

const char *vc_lawful_moment_name(enum vc_lawful_moment moment)
{
    static const char *const names[VC_LAWFUL_MOMENTS] = {"idle", "loaded", "healed", "rekeyed"};

    return names[moment];
}

struct writing {
    const struct vc_lawful *run;
    uint64_t state;
    unsigned clock_s; /* since the trigger from which deadlines run, at most */
    char *text;
};

__attribute__((format(printf, 2, 3))) static void put(struct writing *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    w->text = talloc_vasprintf_append(w->text, format, args);
    va_end(args);
}

/* From `least` to `most`. */
static unsigned between(struct writing *w, unsigned least, unsigned most)
{
    return least + (unsigned)sweep_below(&w->state, most - least + 1);
}

static void put_wait(struct writing *w, unsigned seconds)
{
    put(w, "  - wait: %us\n", seconds);
    w->clock_s += seconds;
}

static void put_converged(struct writing *w)
{
    put(w, "  - expect:\n      - converged: {within: %ds}\n", CONVERGED_S);
    w->clock_s += CONVERGED_S;
}

static void put_ask(struct writing *w)
{
    put(w, "  - expect:\n      - diagnosis: {cause: healthy, within: %us}\n", w->clock_s + ANSWER_S);
}

static bool is_kind(const struct vc_topology *t, size_t node, const char *kind)
{
    return !strcmp(t->nodes[node].kind, kind);
}

static bool is_underlay(const struct vc_topology *t, size_t link)
{
    return is_kind(t, t->links[link].end[0].node, "isp") || is_kind(t, t->links[link].end[1].node, "isp");
}

/* ---- wires ---- */

/* How long a packet may be overtaken for by a tunnel at its rate before the window is used up. */
static unsigned overtaken_max_ms(const struct vc_settings *settings)
{
    unsigned per_ms = settings->rate_mbit * 1000 / 8 / LOAD_BYTES + 1;

    return settings->replay_window / REPLAY_MARGIN / per_ms;
}

static void put_wire(struct writing *w, const char *link)
{
    const struct vc_timers *timers = w->run->timers;
    unsigned overtaken = overtaken_max_ms(&w->run->topology->settings);
    bool reorders = between(w, 1, 3) == 1 && overtaken > 0;
    unsigned delay = between(w, 1, reorders && overtaken < DELAY_MAX_MS ? overtaken : DELAY_MAX_MS);
    unsigned jitter = between(w, 0, delay < JITTER_MAX_MS ? delay : JITTER_MAX_MS);
    unsigned loss = between(w, 0, LOSS_MAX);

    put(w, "  - fault: {name: wire-%s, kind: impair, link: %s, delay: %ums, jitter: %ums", link, link, delay, jitter);
    if (loss)
        put(w, ", loss: 0.%02u", loss);
    /* A burst that takes three BFD packets in a row is no lawful wire for them: the session rightly falls. */
    if (loss && !timers->bfd_interval_ms)
        put(w, ", burst: %u", between(w, 1, BURST_MAX));
    if (reorders)
        put(w, ", reorder: %u.%02u", REORDER_MAX / 100 - 1, between(w, 1, 99));
    put(w, "}\n");
    w->clock_s = 0;
}

/* One run of four has perfect wires; in the others three links of four are changed. */
static void put_wires(struct writing *w)
{
    const struct vc_topology *t = w->run->topology;

    if (between(w, 1, 4) == 1)
        return;
    for (size_t i = 0; i < t->link_count; i++)
        if (is_underlay(t, i) && between(w, 1, 4) > 1)
            put_wire(w, t->links[i].name);
}

/* ---- what can fail ---- */

typedef bool place_fn(const struct vc_topology *t, size_t i);

static bool is_cpe(const struct vc_topology *t, size_t node)
{
    for (size_t i = 0; i < t->tunnel_count; i++)
        if (t->tunnels[i].cpe == node)
            return true;
    return false;
}

static bool is_router(const struct vc_topology *t, size_t node)
{
    return is_kind(t, node, "dc-router");
}

static bool is_headend(const struct vc_topology *t, size_t node)
{
    return is_kind(t, node, "headend");
}

/* Between the two tiers of a data centre. */
static bool is_core(const struct vc_topology *t, size_t link)
{
    size_t a = t->links[link].end[0].node, b = t->links[link].end[1].node;

    return (is_headend(t, a) && is_router(t, b)) || (is_headend(t, b) && is_router(t, a));
}

static const struct past {
    const char *fault; /* the name of the place follows */
    place_fn *place;
    bool node; /* the place is a node, else a link */
} pasts[] = {
    {"kind: link-down, link: ", is_underlay, false},
    {"kind: drop, select: all, link: ", is_underlay, false},
    {"kind: link-down, link: ", is_core, false},
    {"kind: power-off, node: ", is_cpe, true},
    {"kind: power-off, node: ", is_headend, true},
    {"kind: power-off, node: ", is_router, true},
    {"kind: daemon-kill, daemon: bgpd, node: ", is_router, true},
};

static const char *draw_place(struct writing *w, const struct past *past)
{
    const struct vc_topology *t = w->run->topology;
    size_t all = past->node ? t->node_count : t->link_count, count = 0, wanted;

    for (size_t i = 0; i < all; i++)
        count += past->place(t, i);
    wanted = count ? sweep_below(&w->state, count) : 0;
    for (size_t i = 0; i < all; i++)
        if (past->place(t, i) && !wanted--)
            return past->node ? t->nodes[i].name : t->links[i].name;
    return NULL;
}

static void put_past(struct writing *w)
{
    const struct past *past = &pasts[sweep_below(&w->state, VC_COUNT(pasts))];
    const char *place = draw_place(w, past);

    if (!place)
        return;
    put(w, "  - fault: {name: " VC_LAWFUL_PAST ", %s%s}\n  - wait: %us\n  - heal: " VC_LAWFUL_PAST "\n", past->fault,
        place, between(w, 5, 90));
    w->clock_s = 0;
    put_converged(w);
    put_wait(w, between(w, 3, 10));
    put_ask(w);
    put_wait(w, between(w, 10, 90));
    put_ask(w);
}

/* ---- load ---- */

static bool at(const struct vc_topology *t, size_t link, size_t node)
{
    return t->links[link].end[0].node == node || t->links[link].end[1].node == node;
}

/* A host on a link with a DC router, which is a server, or a host that is on none. */
static bool is_host(const struct vc_topology *t, size_t node, bool server)
{
    if (!is_kind(t, node, "host"))
        return false;
    for (size_t l = 0; l < t->link_count; l++)
        for (size_t d = 0; at(t, l, node) && d < t->dc_count; d++)
            if (at(t, l, t->dcs[d].router))
                return server;
    return !server;
}

static size_t draw_host(struct writing *w, bool server, size_t fellow)
{
    const struct vc_topology *t = w->run->topology;
    size_t count = 0, found = VC_NONE;

    for (size_t i = 0; i < t->node_count; i++)
        if (is_host(t, i, server) && (fellow == VC_NONE || !vc_topology_apart(t, fellow, i)) &&
            !sweep_below(&w->state, ++count))
            found = i;
    return found;
}

static void put_load(struct writing *w)
{
    static const unsigned shares[] = {50, 80, 96, 100}; /* percent of the ordered rate */
    const struct vc_topology *t = w->run->topology;
    size_t from = draw_host(w, false, VC_NONE), to = from == VC_NONE ? VC_NONE : draw_host(w, true, from);
    unsigned rate = t->settings.rate_mbit ? t->settings.rate_mbit : 100;

    if (to == VC_NONE)
        return;
    put(w, "  - load: {name: lawful, from: %s, to: %s, mbit: %u, bytes: %d, for: %ds}\n", t->nodes[from].name,
        t->nodes[to].name, rate * shares[sweep_below(&w->state, VC_COUNT(shares))] / 100, LOAD_BYTES, LOAD_S);
    put(w, "  - wait: %ums\n", between(w, 100, 500));
    put_ask(w);
    put(w, "  - stop: lawful\n");
    w->clock_s += 2 * LOAD_S;
    put_wait(w, between(w, 1, 10));
    put_ask(w);
}

/* ---- the whole ---- */

static bool has_tunnel(const struct vc_topology *t, size_t dc)
{
    for (size_t i = 0; i < t->tunnel_count; i++)
        if (t->tunnels[i].dc == dc)
            return true;
    return false;
}

/* Every phone calls every server of its customer's, slowly: a lab in which no call goes through has not converged,
 * whatever its sessions say. Where a data centre has no tunnel, two others end in one: by which of them a call goes is
 * nobody's to say. */
static void put_flows(struct writing *w)
{
    const struct vc_topology *t = w->run->topology;
    unsigned count = 0;

    for (size_t dc = 0; dc < t->dc_count; dc++)
        if (!has_tunnel(t, dc))
            return;
    for (size_t from = 0; from < t->node_count; from++)
        for (size_t to = 0; to < t->node_count; to++)
            if (is_host(t, from, false) && is_host(t, to, true) && !vc_topology_apart(t, from, to)) {
                put(w, "%s  call-%u: {from: %s, to: %s, interval: 10s}\n", count ? "" : "flows:\n", count + 1,
                    t->nodes[from].name, t->nodes[to].name);
                count++;
            }
}

static void put_head(struct writing *w, const char *name, const char *what)
{
    put(w,
        "scenario: %s\ndescription: >\n  Written by vclab bench doctor: nothing is wrong in it (%s).\ntopology: %s\n"
        "timers: %s\ncapture: control\n",
        name, what, w->run->topology_ref, w->run->timers->name);
    put_flows(w);
    put(w, "steps:\n");
    put_converged(w);
}

static void put_moment(struct writing *w)
{
    unsigned lifetime = w->run->topology->settings.child_lifetime_s;

    switch (w->run->moment) {
    case VC_LAWFUL_LOADED:
        put_load(w);
        break;
    case VC_LAWFUL_HEALED:
        put_past(w);
        break;
    case VC_LAWFUL_REKEYED: /* SAs are rekeyed at about nine tenths of their lifetime */
        put_wait(w, between(w, lifetime * 9 / 10, lifetime));
        put_ask(w);
        break;
    case VC_LAWFUL_IDLE:
    case VC_LAWFUL_MOMENTS:
        put_wait(w, between(w, 30, 300));
        put_ask(w);
    }
}

char *vc_lawful_text(void *ctx, const struct vc_lawful *run, const char *name)
{
    struct writing w = {.run = run, .state = run->seed, .text = talloc_strdup(ctx, "")};

    sweep_draw(&w.state);
    put_head(&w, name, vc_lawful_moment_name(run->moment));
    put_ask(&w);
    put_wires(&w);
    put_wait(&w, between(&w, 1, 30));
    put_ask(&w);
    put_moment(&w);
    return w.text;
}

static char *write_text(void *ctx, const char *text, const char *folder, const char *name, vc_error **err)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(ctx, "%s/%s.yaml", folder, name);
    FILE *file = fopen(path, "we");
    bool failed = !file || fputs(text, file) == EOF;

    failed = (file && fclose(file) == EOF) || failed;
    if (!failed)
        return VC_STEAL_PTR(path);
    vc_fail(err, VC_EXIT_HOST, errno, "writing %s", path);
    return NULL;
}

char *vc_lawful_write(void *ctx, const struct vc_lawful *run, const char *folder, const char *name, vc_error **err)
{
    VC_AUTO_TALLOC char *text = vc_lawful_text(NULL, run, name);

    return write_text(ctx, text, folder, name, err);
}

char *vc_lawful_asked(void *ctx, const struct vc_lawful *run, const char *folder, const char *name, unsigned times,
                      vc_error **err)
{
    struct writing w = {.run = run, .text = talloc_strdup(ctx, "")};

    put_head(&w, name, "and the doctor is asked again and again");
    for (unsigned i = 0; i < times; i++)
        put_ask(&w);
    char *path = write_text(ctx, w.text, folder, name, err);
    talloc_free(w.text);
    return path;
}
